/* Minute: what is left of the samples of one series in one minute: a row of `rollup`. */
#ifndef WEIR_HISTORY_MINUTE_H
#define WEIR_HISTORY_MINUTE_H

#include "history/samples.h"

struct sqlite3_stmt;

enum { MINUTE_T = 600 }; /* in tenths of a second */

/* The columns of a sample behind its key, in the order of its table. */
enum { MINUTE_COLUMNS = SAMPLES_COLUMNS - 1 };

struct minute_column {
	const char *name;
	int merge; /* minute.c's own */
};
extern const struct minute_column minute_columns[MINUTE_COLUMNS];

struct minute {
	int64_t key; /* of its series at the beginning of the minute */
	int64_t rows;
	int64_t values[MINUTE_COLUMNS];       /* UNKNOWN: null; those of histograms are not used */
	struct text latency, session_latency; /* sparse; `data` NULL: none */
};

/* The key of the minute that a sample's key is in. */
int64_t minute_key(int64_t key);

/* Begins an empty one over nothing that would have to be freed. */
void minute_begin(struct minute *m, int64_t key);
void minute_free(struct minute *m);

/* Adds the sample under the cursor: its columns in the order of the table, the first of them at
 * `column`. Counts add up, gauges are those of the last, histograms are merged exactly. False,
 * leaving `m` undefined but for minute_free, when a histogram of it cannot be read or no number can
 * hold a sum. */
bool minute_add(struct minute *m, struct sqlite3_stmt *sample, int column);

/* Behind the last: the percentiles are those of the merged histogram. */
void minute_end(struct minute *m);

/* The hash of its row, as a checkpoint hashes one: all columns of the table but the generated ones,
 * behind the hash of the series. `event`: the seq of the event that thins. */
void minute_hash(unsigned char out[CHAIN_HASH], const struct minute *m, int64_t event,
	const unsigned char series[CHAIN_HASH]);

/* The statement that adds a row, and its values. */
#define MINUTE_INSERT_COLUMNS (1 + MINUTE_COLUMNS + 2)
void minute_insert_sql(struct text *out);
void minute_bind(struct sqlite3_stmt *s, const struct minute *m, int64_t event);

#endif
