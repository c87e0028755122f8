/* Recheck rows: the stored intervals of a pool given to a judge of its own, in the order and in
 * the way in which the judge that ran then took them. Internal to recheck. */
#ifndef WEIR_HISTORY_RECHECK_ROWS_H
#define WEIR_HISTORY_RECHECK_ROWS_H

#include "history/samples.h"
#include "model/judging.h"

struct recheck_node; /* the rows of one */

/* Where rows begin, and who judges them. */
struct recheck_from {
	int64_t recording, first; /* a tick */
	char pool_id[POOL_ID_MAX];
	int nodes; /* that the pool had, 1..64; not all need have spoken */
	struct judge_policy policy;
};

struct recheck_rows {
	struct recheck_node *nodes;
	size_t count;
	struct judging judging;
	int64_t taken, last; /* rows so far; the tick of the newest of them, UNKNOWN none */
};

/* 0, or -1 with err; close it in both cases. A zeroed one is closed. */
int recheck_rows_open(struct recheck_rows *r, struct sqlite3 *db, const char *path,
	const struct recheck_from *from, struct err *err);
void recheck_rows_close(struct recheck_rows *r);

/* Judges the row that was judged next, of those with a tick of `last` at most. 1, 0 when it is not
 * there, or -1 with err. */
int recheck_rows_next(struct recheck_rows *r, int64_t last, struct err *err);

/* Whether any of these nodes has rows behind a tick. 0, 1, or -1 with err. */
int recheck_rows_go_on(struct recheck_rows *r, int64_t last, struct err *err);

/* True where minutes stand in place of rows of these nodes. 0, 1, or -1 with err. */
int recheck_rows_thinned(
	const struct recheck_rows *r, int64_t first, int64_t last, struct err *err);

#endif
