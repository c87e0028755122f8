/* Law: lognormal latencies in buckets, drawn by the alias method. Source: Walker 1977, in Vose's
 * form of 1991. */
#include "tests/judge/law.h"

#include "tests/judge/draw.h"

#include <math.h>
#include <string.h>

static double below(double us, double median_us, double sigma)
{
	return us <= 0 ? 0 : 0.5 * erfc(-log(us / median_us) / (sigma * M_SQRT2));
}

/* Probabilities of all buckets; a latency counts as the next whole microsecond. */
static void fill(double *part, double median_us, double sigma, double factor, double grain_us)
{
	memset(part, 0, HISTOGRAM_BUCKETS * sizeof *part);
	double sum = 0, last = 1;
	for (int k = 1; sum < last - 1e-15; k++) {
		double us = grain_us > 0 ? k * grain_us : (double)histogram_edge_us(k - 1) / factor;
		bool at_end = grain_us > 0 ? us * factor > HISTOGRAM_CAP_US : k == HISTOGRAM_BUCKETS;
		double now = at_end ? 1 : below(us, median_us, sigma);
		int bucket = grain_us > 0 ? histogram_bucket((int64_t)ceil(us * factor)) : k - 1;
		part[bucket] += now - sum;
		sum = now;
	}
}

void law_lognormal(
	struct law *l, double median_us, double sigma, double factor, double grain_us, int lump)
{
	double part[HISTOGRAM_BUCKETS];
	int small[HISTOGRAM_BUCKETS], large[HISTOGRAM_BUCKETS], smalls = 0, larges = 0;
	fill(part, median_us, sigma, factor, grain_us);
	*l = (struct law){.lump = lump};
	for (int b = lump + 1; b < HISTOGRAM_BUCKETS; b++)
		l->tail += part[b];
	for (int b = lump + 1; b < HISTOGRAM_BUCKETS; b++)
		if (part[b] > 0)
			l->bucket[l->count++] = (uint16_t)b;
	for (int i = 0; i < l->count; i++) {
		l->keep[i] = part[l->bucket[i]] / l->tail * l->count;
		l->other[i] = (uint16_t)i;
		if (l->keep[i] < 1)
			small[smalls++] = i;
		else
			large[larges++] = i;
	}
	while (smalls > 0 && larges > 0) {
		int from = large[--larges], to = small[--smalls];
		l->other[to] = (uint16_t)from;
		l->keep[from] -= 1 - l->keep[to];
		if (l->keep[from] < 1)
			small[smalls++] = from;
		else
			large[larges++] = from;
	}
	/* what rounding left over is whole */
	while (smalls > 0)
		l->keep[small[--smalls]] = 1;
}

void law_draw(const struct law *l, uint64_t *state, int64_t n, struct histogram *h)
{
	int64_t beyond = l->lump < 0 ? n : draw_binomial(state, n, l->tail);
	if (beyond < n)
		h->count[l->lump] += n - beyond;
	for (int64_t i = 0; i < beyond; i++) {
		double at = draw_uniform(state) * l->count;
		int cell = (int)at;
		int kept = at - cell < l->keep[cell] ? cell : l->other[cell];
		h->count[l->bucket[kept]]++;
	}
}
