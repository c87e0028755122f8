/* Fleet: many pools as one list: which are shown, in what order, which are marked. It draws
 * nothing. A pool is its index in the model; the selected one is the console's.
 *
 * No row moves within FLEET_STILL_MS of a key: the hand acts on what the eye has read. */
#ifndef WEIR_TUI_FLEET_H
#define WEIR_TUI_FLEET_H

#include "model/model.h"

#define FLEET_STILL_MS 5000
#define FLEET_FILTER_MAX 64

/* X(name, title): what the list can be sorted by, the worst or the most first. */
#define FLEET_SORT_INFO(X) \
	X(WORST, "worst") \
	X(NAME, "pool") \
	X(STATE, "state") \
	X(SEEN, "seen") \
	X(ERRORS, "errors") \
	X(P99, "p99") \
	X(VERDICT, "verdict") \
	X(GUARD, "guard") \
	X(AGE, "age")

enum fleet_sort {
#define X(name, title) FLEET_##name,
	FLEET_SORT_INFO(X)
#undef X
		FLEET_SORT_COUNT
};

const char *fleet_sort_title(enum fleet_sort s);

struct fleet {
	int *shown; /* pools in the order of the list */
	int shown_count;
	bool *marked; /* of all pools of the model, shown or not */
	int pool_count;
	enum fleet_sort sort;
	bool reversed;
	char filter[FLEET_FILTER_MAX];
	int64_t still_until_ms; /* boot time; rows stay where they are before it */
};

void fleet_release(struct fleet *f);

/* Takes in how the pools stand now; the order only where no key came lately. */
void fleet_look(struct fleet *f, const struct model *m, struct instant now);

/* A key came: rows stand still from now on for a while. */
void fleet_hold_still(struct fleet *f, struct instant now);

/* Shows the pools that have every word of `text` in name, environment, level, state, freshness,
 * verdict or guard owner, in any case; at once. */
void fleet_filter(struct fleet *f, const struct model *m, const char *text);

/* Sorts by another column, `by` further (it wraps), or the same the other way round (0); at
 * once. */
void fleet_sort(struct fleet *f, const struct model *m, int by);

/* The row of a pool, -1 where it is not shown. */
int fleet_row(const struct fleet *f, int pool);

/* The pool so many rows from this one; it stops at the ends. One that is not shown counts as the
 * first row. */
int fleet_moved(const struct fleet *f, int pool, int by);

void fleet_mark(struct fleet *f, int pool);
void fleet_unmark_all(struct fleet *f);
int fleet_marked(const struct fleet *f);

/* The pool that stands first in the order of the worst. */
int fleet_worst(const struct model *m);

/* How many pools are of each level. */
struct fleet_sum {
	int of[LEVEL_COUNT];
};
void fleet_sum(struct fleet_sum *out, const struct model *m);

#endif
