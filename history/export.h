/* Export: a history as lines for other programs. JSON lines hold every table verbatim and can be
 * imported; CSV and OpenMetrics hold the samples. weir-history.5 describes them. */
#ifndef WEIR_HISTORY_EXPORT_H
#define WEIR_HISTORY_EXPORT_H

#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, word) */
#define EXPORT_INFO(X) \
	X(JSONL, "jsonl") \
	X(CSV, "csv") \
	X(OPENMETRICS, "openmetrics")

enum export_format {
#define X(name, word) EXPORT_##name,
	EXPORT_INFO(X)
#undef X
		EXPORT_COUNT
};

enum export_format export_format_of(const char *word); /* EXPORT_COUNT when unknown */

struct export_how { /* NULL or 0: any */
	enum export_format format;
	const char *pool;
	int64_t since_ms; /* wall clock, inclusive */
	int64_t until_ms; /* exclusive */
	/* Called now and then with rows read, of all that are read. */
	void (*progress)(void *ctx, int64_t done, int64_t total);
	void *progress_ctx;
};

/* Calls `put` with each line, its end included; `put` returns false to stop. What is read is the
 * file at one moment: whoever writes to it cannot shorten its log meanwhile. 0, or -1 with err.
 * A text that is not UTF-8 (W177), and a row of more than 1 MiB (W105), cannot be written. */
int export_run(const char *path, const struct export_how *how,
	bool (*put)(void *ctx, const char *line, size_t len), void *ctx, struct err *err);

#endif
