/* Drill: the way back, walked: up to the plan's first step and down again, timed. It is two ordinary
 * decisions with the role of a drill; when the last one was follows from them. */
#ifndef WEIR_MODEL_DRILL_H
#define WEIR_MODEL_DRILL_H

#include "model/decision.h"

#include <stddef.h>

#define DRILL_ROLE "drill"

/* The last drill that was seen to its end. */
struct drilled {
	int64_t age_ms;          /* since it was verified; UNKNOWN: none is known */
	int64_t acknowledged_ms; /* from the press on; UNKNOWN */
	int64_t verified_ms;
};

void drill_find(
	struct drilled *out, const struct decision *d, size_t count, int64_t now_wall_ms);

/* The step of a drill that has not gone back: the newest change of the share, at which the pool still
 * is, and which nobody has kept; NULL none. `reported_bp`: the pool's share; below 0 unknown. */
const struct decision *drill_left(const struct decision *d, size_t count, int reported_bp);

/* Writes "2d ago: back in 0.8s", or "never". */
void drill_text(char *out, size_t size, const struct drilled *d);

#endif
