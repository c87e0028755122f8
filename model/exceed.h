/* Exceed: latencies as units that are bad or not: which of an interval are slower than v1's
 * quantile of the intervals before it. The threshold is known before the interval begins; ties at
 * an edge count alike on both sides. */
#ifndef WEIR_MODEL_EXCEED_H
#define WEIR_MODEL_EXCEED_H

#include "model/filled.h"

#include <stdbool.h>
#include <stdint.h>

#define EXCEED_INTERVALS 60

/* Zero-initialised it has seen nothing. */
struct exceed {
	struct filled interval[EXCEED_INTERVALS];
	int next;
	int64_t total;
	struct histogram sum;
};

void exceed_release(struct exceed *x);

/* Forgets everything. */
void exceed_clear(struct exceed *x);

/* Takes v1's latencies of an interval, after it was judged. */
void exceed_add(struct exceed *x, const struct histogram *v1);

/* c: the first bucket at which v1's counts over the last 60 intervals reach q of their total; -1
 * until there are 20/(1-q) of them. */
int exceed_bucket(const struct exceed *x, double q);

/* The bucket of the first edge at or above a latency in microseconds, and of the last at or below
 * it (-1: every edge is above). */
int exceed_up(double us);
int exceed_down(double us);

/* How many of an interval's units lie in later buckets. */
int64_t exceed_count(const struct histogram *h, int bucket);

#endif
