/* Sparse: the byte form of a histogram; weir-history.5 has it byte by byte. Not a compressor:
 * most buckets of an interval are empty. */
#include "history/sparse.h"

#include <string.h>

/* Room for a pair of any numbers in every bucket. */
struct bytes {
	size_t len;
	unsigned char at[HISTOGRAM_BUCKETS * 2 * 10];
};

static void put_varint(struct bytes *out, uint64_t n)
{
	for (; n > 0x7f; n >>= 7)
		out->at[out->len++] = (unsigned char)((n & 0x7f) | 0x80);
	out->at[out->len++] = (unsigned char)n;
}

/* An empty histogram is known to be empty, which differs from none at all. */
static void take(struct text *out, const struct bytes *b)
{
	text_add_n(out, (const char *)b->at, b->len);
}

#define COUNT_BITS 42
#define COUNT_MAX ((INT64_C(1) << COUNT_BITS) - 1)

/* Shortest form only, at most 42 bits: no sum of them over a recording overflows. */
static bool get_varint(const unsigned char **p, const unsigned char *end, int64_t *out)
{
	uint64_t n = 0;

	for (int shift = 0; shift < COUNT_BITS && *p < end; shift += 7) {
		const unsigned char byte = *(*p)++;

		n |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*out = (int64_t)n;
			return byte != 0 || shift == 0;
		}
	}
	return false;
}

void sparse_encode(struct text *out, const struct histogram *h)
{
	struct bytes bytes;
	int next = 0;

	bytes.len = 0;
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++) {
		if (h->count[b] <= 0)
			continue;
		put_varint(&bytes, (uint64_t)(b - next));
		put_varint(&bytes, (uint64_t)(h->count[b] < COUNT_MAX ? h->count[b] : COUNT_MAX));
		next = b + 1;
	}
	take(out, &bytes);
}

bool sparse_decode(struct histogram *h, const unsigned char *bytes, size_t len)
{
	const unsigned char *p = bytes, *const end = len > 0 ? bytes + len : bytes;
	int64_t bucket = 0, gap, count;

	memset(h, 0, sizeof *h);
	while (p < end) {
		if (!get_varint(&p, end, &gap) || !get_varint(&p, end, &count) || count == 0 ||
			gap >= HISTOGRAM_BUCKETS - bucket)
			return false;
		bucket += gap;
		h->count[bucket++] = count;
	}
	return true;
}

/* The pairs of a sparse form, one after the other. */
struct pairs {
	const unsigned char *p, *end;
	int64_t bucket,
		count; /* of the pair under the cursor; HISTOGRAM_BUCKETS: behind the last */
};

static bool next_pair(struct pairs *s)
{
	int64_t gap, first = s->bucket + 1;

	if (s->p >= s->end) {
		s->bucket = HISTOGRAM_BUCKETS;
		return true;
	}
	if (!get_varint(&s->p, s->end, &gap) || !get_varint(&s->p, s->end, &s->count) ||
		s->count == 0 || gap >= HISTOGRAM_BUCKETS - first)
		return false;
	s->bucket = first + gap;
	return true;
}

static bool first_pair(struct pairs *s, const unsigned char *bytes, size_t len)
{
	*s = (struct pairs){.p = bytes, .end = len > 0 ? bytes + len : bytes, .bucket = -1};
	return next_pair(s);
}

bool sparse_merge(struct text *out, const unsigned char *a, size_t a_len,
	const unsigned char *b, size_t b_len)
{
	struct pairs x, y;
	struct bytes bytes;
	int64_t next = 0;

	if (!first_pair(&x, a, a_len) || !first_pair(&y, b, b_len))
		return false;
	bytes.len = 0;
	while (x.bucket < HISTOGRAM_BUCKETS || y.bucket < HISTOGRAM_BUCKETS) {
		const int64_t bucket = x.bucket < y.bucket ? x.bucket : y.bucket;
		const int64_t count =
			(x.bucket == bucket ? x.count : 0) + (y.bucket == bucket ? y.count : 0);

		if (count >> COUNT_BITS != 0)
			return false;
		put_varint(&bytes, (uint64_t)(bucket - next));
		put_varint(&bytes, (uint64_t)count);
		next = bucket + 1;
		if ((x.bucket == bucket && !next_pair(&x)) || (y.bucket == bucket && !next_pair(&y)))
			return false;
	}
	take(out, &bytes);
	return true;
}
