/* Target: one pass over the counts. Not placement among nodes: that is the balancer's. */
#include "client/engine/target.h"

#include "client/engine/hash.h"

#include <inttypes.h>

int target_check(const struct target *t, const char *name, struct err *err)
{
	if (t->low >= 0 && t->low < t->target && t->target < t->high)
		return 0;
	return err_set(err, ERR_CONFIG,
		"\"%.80s\" must rise from low to target to high, from 0 on, not %" PRId64 ", %" PRId64
		", %" PRId64,
		name, t->low, t->target, t->high);
}

/* 0 below low, 1 below target, 2 below high, 3 full or not to be used. */
static int band(const struct target *t, int64_t count)
{
	if (count < 0 || count >= t->high)
		return 3;
	return (count >= t->low) + (count >= t->target);
}

int64_t target_pick(const struct target *t, const int64_t *counts, size_t n, uint64_t *random)
{
	int best = 3;
	uint64_t equals = 0;
	int64_t chosen = TARGET_NEW;
	for (size_t i = 0; i < n; i++) {
		int b = band(t, counts[i]);
		if (b > best || b == 3)
			continue;
		equals = b < best ? 1 : equals + 1;
		best = b;
		/* The k-th of its kind replaces the one before with 1 in k. */
		if (equals == 1 || hash_next(random) % equals == 0)
			chosen = (int64_t)i;
	}
	return chosen;
}

double target_load(const struct target *t, int64_t count)
{
	if (count <= t->target)
		return 0;
	return (double)(count - t->target) / (double)(t->high - t->target);
}
