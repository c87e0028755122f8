/* The last intervals, and their sum. */
#include "model/exceed.h"

#include <math.h>
#include <string.h>

#define TAIL_LEAST 20  /* units beyond the quantile that make it one */
#define ROUNDING 1e-12 /* of products such as 0.99 * 2000 or 1.1 * 100 */

void exceed_clear(struct exceed *x)
{
	for (int i = 0; i < EXCEED_INTERVALS; i++)
		filled_clear(&x->interval[i]);
	memset(x, 0, sizeof *x);
}

void exceed_release(struct exceed *x)
{
	exceed_clear(x);
}

void exceed_add(struct exceed *x, const struct histogram *v1)
{
	struct filled *i = &x->interval[x->next];
	x->next = (x->next + 1) % EXCEED_INTERVALS;
	for (int k = 0; k < i->count; k++) {
		x->sum.count[i->buckets[k].bucket] -= i->buckets[k].units;
		x->total -= i->buckets[k].units;
	}
	filled_clear(i);
	filled_add(i, v1);
	filled_pour(i, &x->sum);
	for (int k = 0; k < i->count; k++)
		x->total += i->buckets[k].units;
}

int exceed_bucket(const struct exceed *x, double q)
{
	if ((double)x->total * (1 - q) < TAIL_LEAST * (1 - ROUNDING))
		return -1;
	double rank = q * (double)x->total * (1 - ROUNDING);
	/* from above: the later buckets hold at most what is beyond the quantile */
	int64_t above = 0;
	int bucket = HISTOGRAM_BUCKETS - 1;
	while (bucket > 0 && (double)(x->total - above - x->sum.count[bucket]) >= rank)
		above += x->sum.count[bucket--];
	return bucket;
}

int exceed_up(double us)
{
	us *= 1 - ROUNDING;
	return histogram_bucket(us >= HISTOGRAM_CAP_US ? HISTOGRAM_CAP_US : (int64_t)ceil(us));
}

int exceed_down(double us)
{
	us *= 1 + ROUNDING;
	if (us >= HISTOGRAM_CAP_US)
		return HISTOGRAM_BUCKETS - 1;
	int bucket = histogram_bucket((int64_t)us);
	return (double)histogram_edge_us(bucket) <= us ? bucket : bucket - 1;
}

int64_t exceed_count(const struct histogram *h, int bucket)
{
	int64_t n = 0;
	for (int b = bucket + 1; b < HISTOGRAM_BUCKETS; b++)
		n += h->count[b];
	return n;
}
