/* Series: what graphs show of a pool over time, as columns: a metric of one side, the newest at the
 * right. Not a graph: it knows ticks, metrics and their units, and no cells. */
#ifndef WEIR_TUI_SERIES_H
#define WEIR_TUI_SERIES_H

#include "tui/scope.h"

/* X(name, word, title, judged, metric): what has a series; the judge's metric and the limit that
 * belong to it, JUDGED_COUNT and METRIC_COUNT where there is none. */
#define SERIES_INFO(X) \
	X(ERRORS, "errors", "ERRORS %", JUDGED_ERRORS, METRIC_ERRORS) \
	X(P50, "p50", "P50 ms", JUDGED_P50, METRIC_COUNT) \
	X(P95, "p95", "P95 ms", JUDGED_P95, METRIC_COUNT) \
	X(P99, "p99", "P99 ms", JUDGED_P99, METRIC_P99) \
	X(MEMORY, "memory", "MEMORY", JUDGED_COUNT, METRIC_MEMORY)

enum series {
#define X(name, word, title, judged, metric) SERIES_##name,
	SERIES_INFO(X)
#undef X
		SERIES_COUNT
};

struct series_row {
	const char *word, *title;
	enum judged judged;
	enum metric metric;
};

const struct series_row *series_row(enum series s);

/* The series of a metric with a limit. */
enum series series_of(enum metric m);

/* True where it is judged or has a limit. */
bool series_is_guarded(const struct pool *p, enum series s);

/* Ticks that `columns` columns show: at least one a column, else all that are kept. */
int64_t series_span(const struct pool *p, int columns);

/* A stretch of time in steps: the model's ticks with those before its first from the history, or
 * longer steps from the history alone. Borrows what it was made of. */
struct axis {
	const struct pool *pool;
	const struct past *past; /* NULL none */
	int64_t origin;          /* of ticks: the past's step at tick 0 */
	bool ticks;
	int64_t end_ms; /* wall clock of the last step's last moment */
	int64_t step_ms, count;
};

/* The axis of a scope (NULL: what the model keeps) for graphs of so many columns, at most
 * PAST_STEPS. */
void axis_make(struct axis *a, const struct pool *p, const struct scope *scope,
	struct instant now, int columns);

/* The metric in `columns` columns, the worst of the steps in each; NaN where nothing is known. */
void axis_read(const struct axis *a, enum arm arm, enum series s, double *out, int columns);

/* The column in which a moment falls, -1 outside; and the first moment of a column. */
int axis_column(const struct axis *a, int columns, int64_t wall_ms);
int64_t axis_time(const struct axis *a, int columns, int column);

/* The moment of the step before the column in which `wall_ms` falls (by -1), or after it (1); kept
 * within the axis. */
int64_t axis_move(const struct axis *a, int columns, int64_t wall_ms, int by);

/* "last 10m"; "since 14:03:19" where nothing older is known; "until 14:05:20" where news have
 * stopped; "loading". */
void axis_text(char *out, size_t size, const struct axis *a, struct instant now);

/* What memory grows by in an hour over the model's last minutes; NaN: too short, or no trend that
 * stands out of its swings. */
double series_hourly(const struct pool *p, enum arm arm);

/* What a side has now, over the guard's window: a fraction, microseconds or bytes; NaN unknown. */
double series_now(const struct pool *p, enum arm arm, enum series s);

/* The limit in the same unit; NaN none. */
double series_limit(const struct pool *p, enum series s);

/* A value and a limit as numbers: percent, milliseconds, or bytes with their unit. A limit is
 * written as somebody wrote it. NaN: "-". */
void series_value_text(char *out, size_t size, enum series s, double value);
void series_limit_text(char *out, size_t size, enum series s, double limit);

/* What stands behind such a number: " %", " ms", "". */
const char *series_unit(enum series s);

#endif
