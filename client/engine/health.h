/* Health: one figure for a segment or a node, 0 (useless) to 1 (nothing to complain of), NaN
 * when it was not measured. Pure.
 *
 *     health = load * trouble * memory, each 0..1
 *     load    = 1 / (1 + x^2), x = (workers - target) / (high - target), 0 up to target:
 *               1 at target, 0.8 halfway, 0.5 at high, 0.2 at twice that distance
 *     trouble = 1 / (1 + r),   r = (errors + warnings / 10 + restarts) of the last five
 *               minutes, per worker and minute: one error a worker a minute is 0.5
 *     memory  = h / (h + 1),   h = hours until the limit is reached at the present growth:
 *               1 without limit or growth, 0.5 an hour before, 0 at the limit; a growth that
 *               is not known yet is no fault
 *
 * The formula of the seeds is not used: minus a logarithm on a scale from -infinity to 8 that
 * its own thresholds of 0.75 and 0.9 did not fit, with errors never forgotten and multiplied by
 * the period, so that one old error looked worse the longer ago it was. Here, as long as
 * nothing else happens, time only heals: the divisor does not move and events leave the window.
 *
 * Errors are those of a worker (it crashed, missed its check, broke the conversation), not of
 * the work it was given: failing work is the guard's and the judge's. */
#ifndef WEIR_CLIENT_ENGINE_HEALTH_H
#define WEIR_CLIENT_ENGINE_HEALTH_H

#include "client/engine/target.h"

#include <stdbool.h>

#define HEALTH_SLICES 30
#define HEALTH_SLICE_US 10000000
#define HEALTH_WINDOW_US (HEALTH_SLICES * (int64_t)HEALTH_SLICE_US)

enum trouble { TROUBLE_ERROR, TROUBLE_WARNING, TROUBLE_RESTART, TROUBLE_COUNT };

/* Zero-initialised is empty. */
struct health {
	struct health_slice {
		int64_t index; /* number of the slice of time */
		int64_t count[TROUBLE_COUNT];
	} slice[HEALTH_SLICES];
};

/* Notes something that happened at `now_us` (0 or more). */
void health_note(struct health *h, enum trouble what, int64_t now_us);

/* How often it happened in the window that ends now. */
int64_t health_count(const struct health *h, enum trouble what, int64_t now_us);

struct health_facts {
	bool measured;              /* somebody has looked at it */
	struct target target;       /* checked; what `workers` should be */
	int64_t workers;            /* 0 or more */
	int64_t memory_bytes;       /* UNKNOWN: not known */
	int64_t memory_limit;       /* UNKNOWN: none */
	int64_t memory_growth_hour; /* bytes per hour (trend.h); UNKNOWN: not known */
};

/* The figure. Reading changes nothing. */
double health_score(const struct health *h, const struct health_facts *facts, int64_t now_us);

#endif
