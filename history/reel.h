/* Reel: the clock of a replay, which all pools of a recording go by. Internal to replay. */
#ifndef WEIR_HISTORY_REEL_H
#define WEIR_HISTORY_REEL_H

#include "model/unit.h"

#include <stdbool.h>
#include <stdint.h>

struct reel {
	int64_t start_ms, end_ms;   /* recorded wall time of the first and last thing */
	int64_t clock_ms;           /* the moment it stands at */
	int64_t anchor_ms, real_ms; /* it stood at `anchor_ms` at the real moment `real_ms` */
	double speed;
	bool paused;
	int jumps;            /* how often it was put to another place */
	int spare;            /* documents that may still be told this turn behind what is shown */
	int unseen;           /* pools of which nothing is shown since a jump */
	struct driver *first; /* the pools that go by it, in the order in which they came */
	struct driver *shown; /* the one that is looked at: its judge is seen to first */
	int tapes;            /* of nodes, of all of them */
};

/* A clock of a span, at its beginning. */
void reel_begin(struct reel *r, int64_t start_ms, int64_t end_ms, struct instant real);

/* Where it stands at a real moment. */
int64_t reel_at(const struct reel *r, struct instant real);

/* Lets it run to a real moment, by most_ms at most: where that is not so far as its speed asks for,
 * it goes as fast as it is let. */
void reel_run(struct reel *r, struct instant real, int64_t most_ms);

/* Speed as a factor 0.25..3600; paused keeps the speed. */
void reel_set_speed(struct reel *r, double factor, struct instant real);
void reel_pause(struct reel *r, bool paused, struct instant real);

/* Puts it to a moment, clamped to the span: a jump. */
void reel_put(struct reel *r, int64_t wall_ms, struct instant real);

#endif
