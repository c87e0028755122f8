/* What the parts of samples share: the table of columns and how keys are made of time. For
 * samples*.c alone. */
#ifndef WEIR_HISTORY_SAMPLES_PARTS_H
#define WEIR_HISTORY_SAMPLES_PARTS_H

#include "history/samples.h"

#include <stddef.h>

#define SAMPLES_WALL_MAX_MS 100000000000000 /* the year 5138 */

/* Before the columns of the table stand key, at_ms, interval_ms and flags, behind them two
 * histograms. */
enum { SAMPLES_LEADING = 4, SAMPLES_TABLE = SAMPLES_COLUMNS - SAMPLES_LEADING - 2 };

struct samples_column {
	const char *name;
	size_t at;     /* in struct arm_sample */
	bool is_count; /* a difference: adds up */
	bool is_plain; /* a plot has it */
};

#define SAMPLES_FAILED(i) (offsetof(struct arm_sample, failed) + (i) * sizeof(int64_t))

/* By name: the table of the file has them in another order. */
extern const struct samples_column samples_columns[SAMPLES_TABLE];

/* What a column stands for in an arm's interval. */
int64_t *samples_value_of(struct arm_sample *a, const struct samples_column *c);
int64_t samples_value_in(const struct arm_sample *a, const struct samples_column *c);

bool samples_has_column(struct sqlite3 *db, const char *table, const char *column);

/* How a column is read. A file of before `refused` was told apart has no column of it, and none
 * of its failures is missing: they are in the others. */
const char *samples_column_in(struct sqlite3 *db, const struct samples_column *c);

/* The key of a series' row at a tick. */
int64_t samples_key(int64_t started_ms, int64_t interval_ms, int64_t tick, int64_t series);

/* What reading came to: 0, or -1 with err. */
int samples_check(struct samples_reader *r, int code, struct err *err);

/* The integer of a column; UNKNOWN for anything else. */
int64_t samples_number(struct sqlite3_stmt *s, int column);

#endif
