/* Target: how many of something one place should hold (workers of a segment, segments of a
 * node), and which place takes the next. Pure.
 *
 * Fill first what is below low, then what is below target, then what is below high; when all
 * are at high a new place is needed. No place ever gets beyond high. */
#ifndef WEIR_CLIENT_ENGINE_TARGET_H
#define WEIR_CLIENT_ENGINE_TARGET_H

#include "model/err.h"

#include <stddef.h>
#include <stdint.h>

struct target {
	int64_t low, target, high;
};

#define TARGET_NEW (-1)

/* 0 when 0 <= low < target < high; -1 with err (CONFIG), which quotes `name`. So a division by
 * either width is safe. */
int target_check(const struct target *t, const char *name, struct err *err);

/* The place that takes the next one, by random among equals, or TARGET_NEW. `counts` holds how
 * many each place has; one below 0 (locked, not up) is never chosen. */
int64_t target_pick(const struct target *t, const int64_t *counts, size_t n, uint64_t *random);

/* How far a place is between target and high: 0 up to target, 1 at high, more beyond. */
double target_load(const struct target *t, int64_t count);

#endif
