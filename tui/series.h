/* Series: what graphs show of a pool's last minutes, as columns: a metric of one side, the newest at
 * the right. Not a graph: it knows ticks, metrics and their units, and no cells. */
#ifndef WEIR_TUI_SERIES_H
#define WEIR_TUI_SERIES_H

#include "model/model.h"

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

/* "last 10m" */
void series_span_text(char *out, size_t size, const struct pool *p, int64_t span);

/* The last `span` ticks reduced to at most POOL_TICKS columns; NaN where nothing is known. */
void series_read(
	const struct pool *p, enum arm arm, enum series s, int64_t span, double *out, int columns);

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
