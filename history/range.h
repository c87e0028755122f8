/* Range: what graphs show of a pool over a stretch of time, in columns of one length, from its
 * samples and from the minutes that older ones became. Synchronous: for the reader thread, and for
 * what is read in the loop (replay). */
#ifndef WEIR_HISTORY_RANGE_H
#define WEIR_HISTORY_RANGE_H

#include "model/err.h"
#include "model/pool.h"

/* X(name): what a column has of each side. ERRORS is a fraction of what was done, P50 to P99 are
 * microseconds, MEMORY bytes. */
#define RANGE_INFO(X) X(ERRORS) X(P50) X(P95) X(P99) X(MEMORY)

enum range_metric {
#define X(name) RANGE_##name,
	RANGE_INFO(X)
#undef X
		RANGE_COUNT
};

enum { RANGE_COLUMNS_MAX = 1024 };

struct range_request {
	uint64_t number; /* comes back with the answer */
	char pool_id[POOL_ID_MAX];
	int64_t from_ms, step_ms; /* wall clock of the first column; how long each is, from 100 */
	int columns;              /* at most RANGE_COLUMNS_MAX */
	int64_t until_ms;         /* rows from then on are left out; 0 none */
};

/* Counts are added up over nodes and time, percentiles are those of the merged histograms (where
 * none was kept: the worst), memory is the most that each node had. NaN: nothing is known. */
struct range_column {
	double value[ARM_COUNT][RANGE_COUNT];
};

struct range {
	struct range_request of;
	int64_t since_ms; /* the pool's first recording began; UNKNOWN: it has none */
	struct range_column
		*column; /* of.columns of them, the oldest first; owned; NULL with err */
};

void range_release(struct range *r);

/* A file that ranges are read from. */
struct range_file; /* opaque */
int range_open(struct range_file **out, const char *path, struct err *err);
void range_close(struct range_file *f); /* NULL: nothing */

/* Reads what is asked for, all of it: whoever asks keeps it short (some 10,000 rows take 50 ms).
 * 0, or -1 with err; release it in both cases. */
int range_read(
	struct range_file *f, const struct range_request *what, struct range *out, struct err *err);

#endif
