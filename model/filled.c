/* Two lists of buckets made one. */
#include "model/filled.h"

#include "model/mem.h"

#include <stdlib.h>
#include <string.h>

void filled_clear(struct filled *f)
{
	free(f->buckets);
	*f = (struct filled){0};
}

static uint32_t narrow(int64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

void filled_add(struct filled *f, const struct histogram *h)
{
	struct filled_bucket sum[HISTOGRAM_BUCKETS];
	int count = 0, old = 0;
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++) {
		if (h->count[b] <= 0)
			continue;
		while (old < f->count && f->buckets[old].bucket < b)
			sum[count++] = f->buckets[old++];
		int64_t units = narrow(h->count[b]);
		if (old < f->count && f->buckets[old].bucket == b)
			units += f->buckets[old++].units;
		sum[count++] = (struct filled_bucket){.units = narrow(units), .bucket = (uint16_t)b};
	}
	while (old < f->count)
		sum[count++] = f->buckets[old++];
	if (count > f->count)
		f->buckets = mem_resize(f->buckets, (size_t)count, sizeof *sum);
	if (count > 0)
		memcpy(f->buckets, sum, (size_t)count * sizeof *sum);
	f->count = count;
}

void filled_pour(const struct filled *f, struct histogram *into)
{
	for (int i = 0; i < f->count; i++)
		into->count[f->buckets[i].bucket] += f->buckets[i].units;
}
