/* Law: how latencies are distributed, as probabilities of the histogram's buckets, and a fast
 * exact way to draw from it. */
#ifndef WEIR_TESTS_JUDGE_LAW_H
#define WEIR_TESTS_JUDGE_LAW_H

#include "model/histogram.h"

#include <stdint.h>

struct law {
	int lump;    /* what lies at or below this bucket is drawn as one */
	double tail; /* the part beyond */
	int count;   /* of the buckets beyond, by Walker's aliases: */
	double keep[HISTOGRAM_BUCKETS];
	uint16_t bucket[HISTOGRAM_BUCKETS], other[HISTOGRAM_BUCKETS];
};

/* Lognormal times a factor. `grain_us` above 0: latencies before the factor are whole multiples
 * of it, rounded up. Buckets up to `lump` are drawn as one: -1 none. */
void law_lognormal(
	struct law *l, double median_us, double sigma, double factor, double grain_us, int lump);

/* Adds n units to the histogram. */
void law_draw(const struct law *l, uint64_t *state, int64_t n, struct histogram *h);

#endif
