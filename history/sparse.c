/* Sparse: the byte form of a histogram; weir-history.5 has it byte by byte. Not a compressor:
 * most buckets of an interval are empty. */
#include "history/sparse.h"

#include <string.h>

static void put_varint(struct text *out, uint64_t n)
{
	do {
		const unsigned char byte = (unsigned char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));

		text_add_n(out, (const char *)&byte, 1);
		n >>= 7;
	} while (n > 0);
}

/* Shortest form only, at most 42 bits: no sum of them over a recording overflows. */
static bool get_varint(const unsigned char **p, const unsigned char *end, int64_t *out)
{
	uint64_t n = 0;

	for (int shift = 0; shift < 42 && *p < end; shift += 7) {
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
	int next = 0;

	/* an empty histogram is known to be empty, which differs from none at all */
	text_add_n(out, "", 0);
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++) {
		if (h->count[b] <= 0)
			continue;
		put_varint(out, (uint64_t)(b - next));
		put_varint(out, (uint64_t)h->count[b]);
		next = b + 1;
	}
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
