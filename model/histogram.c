/* Histogram of latencies. Not a sketch with a tunable error: one fixed layout, so that merging
 * and subtracting are exact and every pool, file and console agrees on the edges.
 *
 * Buckets 0..127 hold one microsecond each; octave e (2^e .. 2^(e+1) - 1, e >= 7) has 64 of
 * 2^(e-6) microseconds; the last one ends at the cap. */
#include "model/histogram.h"

#include "model/unit.h"

#include <assert.h>
#include <math.h>

enum {
	EXACT_BITS = 7,
	EXACT = 1 << EXACT_BITS, /* buckets of one microsecond */
	SUB_BITS = EXACT_BITS - 1,
	SUBS = 1 << SUB_BITS, /* buckets an octave */
};

int histogram_bucket(int64_t us)
{
	if (us < EXACT)
		return us < 0 ? 0 : (int)us;
	if (us >= HISTOGRAM_CAP_US)
		return HISTOGRAM_BUCKETS - 1;
	int octave = 63 - __builtin_clzll((unsigned long long)us);
	int sub = (int)(us >> (octave - SUB_BITS)) - SUBS;

	return EXACT + (octave - EXACT_BITS) * SUBS + sub;
}

int64_t histogram_floor_us(int bucket)
{
	assert(bucket >= 0 && bucket < HISTOGRAM_BUCKETS);
	if (bucket < EXACT)
		return bucket;
	int octave = EXACT_BITS + (bucket - EXACT) / SUBS;
	int sub = (bucket - EXACT) % SUBS;

	return (int64_t)(SUBS + sub) << (octave - SUB_BITS);
}

int64_t histogram_edge_us(int bucket)
{
	assert(bucket >= 0 && bucket < HISTOGRAM_BUCKETS);
	if (bucket == HISTOGRAM_BUCKETS - 1)
		return HISTOGRAM_CAP_US;
	return histogram_floor_us(bucket + 1) - 1;
}

void histogram_add(struct histogram *h, int64_t us, int64_t n)
{
	h->count[histogram_bucket(us)] += n;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->count[i] += from->count[i];
}

bool histogram_difference(
	struct histogram *out, const struct histogram *later, const struct histogram *earlier)
{
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (later->count[i] < earlier->count[i])
			return false;
		out->count[i] = later->count[i] - earlier->count[i];
	}
	return true;
}

int64_t histogram_total(const struct histogram *h)
{
	int64_t total = 0;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += h->count[i];
	return total;
}

static int64_t middle_us(int bucket)
{
	int64_t floor_us = histogram_floor_us(bucket);

	return floor_us + (histogram_edge_us(bucket) - floor_us) / 2;
}

void histogram_quantiles_us(
	const struct histogram *h, const double *q, int count, int64_t *out)
{
	int64_t total = histogram_total(h), seen = 0;
	int bucket = -1;

	for (int k = 0; k < count; k++) {
		assert(q[k] > 0 && q[k] < 1 && (k == 0 || q[k] >= q[k - 1]));
		/* 0.07 * 100 is a little above 7: without the factor it would ask for the eighth */
		double rank = ceil(q[k] * (double)total * (1 - 1e-12));

		while (total > 0 && (double)seen < rank)
			seen += h->count[++bucket];
		out[k] = total > 0 ? middle_us(bucket) : UNKNOWN;
	}
}

int64_t histogram_quantile_us(const struct histogram *h, double q)
{
	int64_t us;

	histogram_quantiles_us(h, &q, 1, &us);
	return us;
}

int64_t histogram_max_us(const struct histogram *h)
{
	for (int i = HISTOGRAM_BUCKETS - 1; i >= 0; i--)
		if (h->count[i] > 0)
			return histogram_edge_us(i);
	return UNKNOWN;
}
