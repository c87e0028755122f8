/* Timeline: the steps of a plan in time: when each was taken, by whom and for how long, and when
 * the ones to come may be taken at the earliest; and what a step takes in work. Pure.
 *
 * Earliest dates are lower bounds: of steps that are taken at once, each bake passed, each step's
 * own time kept, within the plan's hours and outside its freezes. */
#ifndef WEIR_TUI_TIMELINE_H
#define WEIR_TUI_TIMELINE_H

#include "model/forecast.h"
#include "model/model.h"

/* ---- of any plan ---- */

/* When each step may be taken if the first is taken at `from_ms`; the last: when all has passed. */
struct timeline_dates {
	int64_t at_ms[PLAN_STEPS_MAX + 1];
};

struct timeline_dates timeline_dates(const struct plan *p, int64_t from_ms);

/* Work a second over both sides that brings v2's samples within the step's time; 0 where none
 * are asked. */
double timeline_rate_needed(const struct plan *p, int step);

/* When the judge would know at a share of a v2 that fails twice as often, of one that fails as
 * often; UNKNOWN where nothing tells. */
struct timeline_knowing {
	int64_t harm_ms, safe_ms;
};

struct timeline_knowing timeline_knowing(const struct forecast_basis *b, int share_bp);

/* ---- of a pool ---- */

enum timeline_is { TIMELINE_PAST, TIMELINE_NOW, TIMELINE_NEXT, TIMELINE_LATER };

struct timeline_row {
	enum timeline_is is;
	int share_bp;
	bool planned;     /* false: the share as it is, no step of the plan */
	int64_t at_ms;    /* wall clock: taken at, or the earliest that it may be; UNKNOWN */
	int64_t until_ms; /* left at; of what is to come the earliest; UNKNOWN */
	int64_t stays_ms; /* asked for by the plan; 0 not planned */
	const struct decision *taken; /* the last time; NULL: nobody knows; borrowed of the pool */
	const struct decision *back;  /* what took it back after that; NULL: nothing did */
};

struct timeline {
	struct timeline_row row[PLAN_STEPS_MAX + 1];
	int count;
	int now, next;   /* rows; -1 none */
	int64_t from_ms; /* of the first step taken in this attempt; UNKNOWN: none is */
	int64_t over_ms; /* the earliest moment at which all has passed; UNKNOWN */
};

/* The rows of a pool that has a plan; count 0 without one. */
void timeline_of(struct timeline *out, const struct pool *p, struct instant now);

/* The row of a share, -1 none. */
int timeline_find(const struct timeline *t, int share_bp);

/* The selected row: that of a share, else the next step, else the one that is now, else the last;
 * -1 without rows. */
int timeline_selected(const struct timeline *t, int share_bp);

/* Writes how things stand with a row: "stayed 2d 04:48", "bake 06:49 left", "S takes it",
 * "locked: ...". */
void timeline_state(char *out, size_t size, const struct timeline *t, int row,
	const struct pool *p, struct instant now);

/* Writes a date of the past or of the future: today "14:03:22", within six days "Mon 09:22", else
 * "2026-11-02"; UNKNOWN "-". UTC. */
void timeline_when(char *out, size_t size, int64_t wall_ms, int64_t now_wall_ms);

/* Writes what a step would bring: "v2 gets 451/s, bad 49/min (worst 80)", and when v2 would be
 * known. `brief`: in fewer words. */
void timeline_forecast(char *out, size_t size, const struct pool *p, int share_bp, bool brief);

#endif
