/* Histogram of latencies: log-linear, exact below 128 us, then 64 sub-buckets an octave, capped
 * at 60 s. 1,331 buckets, worst midpoint error 0.78 %; merging is addition. */
#ifndef WEIR_MODEL_HISTOGRAM_H
#define WEIR_MODEL_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 1331
#define HISTOGRAM_CAP_US 60000000
#define HISTOGRAM_LAYOUT \
	"loglinear7/60s" /* the name of this layout on the wire and in files \
	                  */

struct histogram {
	int64_t count[HISTOGRAM_BUCKETS];
};

/* The bucket of a latency in microseconds; below 0 is 0, above the cap is the last. */
int histogram_bucket(int64_t us);

/* The largest whole microsecond that falls into the bucket (its edge); the cap for the last. */
int64_t histogram_edge_us(int bucket);

/* The smallest whole microsecond that falls into the bucket. */
int64_t histogram_floor_us(int bucket);

void histogram_add(struct histogram *h, int64_t us, int64_t n);
void histogram_merge(struct histogram *into, const struct histogram *from);

/* out = later - earlier. Returns false, leaving `out` undefined, when any bucket went back. */
bool histogram_difference(
	struct histogram *out, const struct histogram *later, const struct histogram *earlier);

int64_t histogram_total(const struct histogram *h);

/* The q-quantile (0 < q < 1) as the midpoint of its bucket in microseconds: the first bucket at
 * which the running count reaches q of the total. UNKNOWN when empty. */
int64_t histogram_quantile_us(const struct histogram *h, double q);

/* The same for `count` rising quantiles in one walk. */
void histogram_quantiles_us(
	const struct histogram *h, const double *q, int count, int64_t *out);

/* The largest value seen, as its bucket's edge; UNKNOWN when empty. */
int64_t histogram_max_us(const struct histogram *h);

#endif
