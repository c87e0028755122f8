/* Scope: what the Flow screen's plots are set to: how much time they show, where the crosshair
 * stands, how times are written; and what the history gave for it. */
#ifndef WEIR_TUI_SCOPE_H
#define WEIR_TUI_SCOPE_H

#include "tui/past.h"

/* X(word, ms): the lengths of time, the shortest first. */
#define ZOOM_INFO(X) \
	X("1m", 60000) \
	X("5m", 300000) \
	X("10m", 600000) \
	X("1h", 3600000) \
	X("6h", INT64_C(6) * 3600000) \
	X("1d", INT64_C(24) * 3600000) \
	X("7d", INT64_C(168) * 3600000)

enum { ZOOM_COUNT = 7, ZOOM_START = 2, ZOOM_KEPT = 2 }; /* up to ZOOM_KEPT the model has it */

struct zoom {
	const char *word;
	int64_t ms;
};
extern const struct zoom zooms[ZOOM_COUNT];

struct scope {
	int zoom;           /* index */
	bool wide;          /* the plots have the whole width */
	bool ago;           /* times are told as ages */
	int64_t cross_ms;   /* wall clock of the crosshair; UNKNOWN: there is none */
	struct past before; /* what was before the model's first tick, in ticks; not in a replay */
	struct past far;    /* beyond what the model keeps */
	uint64_t asked;     /* requests so far */
};

void scope_init(struct scope *s);

/* The step of a zoom that the history answers, for a pool polled at an interval. */
int64_t scope_step_ms(int zoom, int64_t interval_ms);

/* Wall clock of the model's tick 0; UNKNOWN before there is one. */
int64_t scope_origin_ms(const struct pool *p, struct instant now);

/* Takes in which pool it is of and how late it is. `replay`: the model was fed from the file. */
void scope_look(struct scope *s, const struct pool *p, struct instant now, bool replay);

/* What to ask the history for next, rows of at most `rows` samples; false: nothing. */
bool scope_ask(struct scope *s, const struct pool *p, struct instant now, int rows,
	struct range_request *out);
void scope_take(
	struct scope *s, const struct range *r, const struct err *err, struct instant now);

#endif
