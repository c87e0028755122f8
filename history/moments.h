/* Moments: when something happened in a pool, kind by kind, to be gone to and to be marked on a
 * line of time. Internal to replay. */
#ifndef WEIR_HISTORY_MOMENTS_H
#define WEIR_HISTORY_MOMENTS_H

#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlite3;

/* X(name, word) */
#define MOMENT_INFO(X) \
	X(DECISION, "decision") \
	X(EVENT, "event") /* what happened without anyone deciding, flips too */ \
	X(FLIP, "flip")   /* of the verdict or of the guard's red */ \
	X(DIFFERENCE, "difference") /* a decision's verdict that its rows do not give again */

enum moment_kind {
#define X(name, word) MOMENT_##name,
	MOMENT_INFO(X)
#undef X
		MOMENT_KINDS
};

/* "decision" */
const char *moment_word(enum moment_kind kind);

struct moments {
	struct moment_list {
		int64_t *at_ms; /* rising */
		size_t count, cap;
	} of[MOMENT_KINDS];
};

/* Loads what happened in a pool from `from_ms` to `until_ms`, both included. 0, or -1 with err;
 * release in both cases. */
int moments_load(struct moments *m, struct sqlite3 *db, const char *path, const char *pool,
	int64_t from_ms, int64_t until_ms, struct err *err);
void moments_release(struct moments *m);

/* Adds one in its place; forgets those of a kind. Differences are not loaded: anew.h finds them. */
void moments_add(struct moments *m, enum moment_kind kind, int64_t at_ms);
void moments_clear(struct moments *m, enum moment_kind kind);

/* The next (1) or previous (-1) one from a moment, UNKNOWN when there is none. */
int64_t moments_next(
	const struct moments *m, enum moment_kind kind, int64_t at_ms, int direction);

/* True when one lies in from <= t < until. */
bool moments_within(
	const struct moments *m, enum moment_kind kind, int64_t from_ms, int64_t until_ms);

#endif
