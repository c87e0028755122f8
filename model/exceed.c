/* The last intervals are kept as what is in them, not as whole histograms: of 1,331 buckets some
 * hundred are filled. */
#include "model/exceed.h"

#include "model/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TAIL_LEAST 20  /* units beyond the quantile that make it one */
#define ROUNDING 1e-12 /* of products such as 0.99 * 2000 or 1.1 * 100 */

void exceed_clear(struct exceed *x)
{
	for (int i = 0; i < EXCEED_INTERVALS; i++)
		free(x->interval[i].counts);
	memset(x, 0, sizeof *x);
}

void exceed_release(struct exceed *x)
{
	exceed_clear(x);
}

static void forget(struct exceed *x, struct exceed_interval *i)
{
	for (int k = 0; k < i->count; k++) {
		x->sum.count[i->counts[k].bucket] -= i->counts[k].units;
		x->total -= i->counts[k].units;
	}
	free(i->counts);
	*i = (struct exceed_interval){0};
}

/* More in one bucket of one interval than 32 bits hold are that many. */
static uint32_t narrow(int64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

void exceed_add(struct exceed *x, const struct histogram *v1)
{
	struct exceed_interval *i = &x->interval[x->next];
	x->next = (x->next + 1) % EXCEED_INTERVALS;
	forget(x, i);
	struct exceed_count filled[HISTOGRAM_BUCKETS];
	int count = 0;
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++) {
		if (v1->count[b] <= 0)
			continue;
		uint32_t units = narrow(v1->count[b]);
		filled[count++] = (struct exceed_count){.bucket = (uint16_t)b, .units = units};
		x->sum.count[b] += units;
		x->total += units;
	}
	if (count == 0)
		return;
	i->count = count;
	i->counts = mem_new((size_t)count, sizeof *filled);
	memcpy(i->counts, filled, (size_t)count * sizeof *filled);
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
