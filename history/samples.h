/* Samples: intervals of nodes as rows. One row an arm, keyed by time and series, so that rows
 * arrive in key order and a window is point reads. */
#ifndef WEIR_HISTORY_SAMPLES_H
#define WEIR_HISTORY_SAMPLES_H

#include "history/chain.h"
#include "history/history.h"
#include "history/schema.h"
#include "model/text.h"

struct checkpoint;
struct sqlite3;
struct sqlite3_stmt;

/* A key is t << SAMPLES_SERIES_BITS | series. */
enum { SAMPLES_SERIES_BITS = 28 };
#define SAMPLES_SERIES_MASK (((int64_t)1 << SAMPLES_SERIES_BITS) - 1)

/* The stored columns of the table, all of them hashed. */
enum { SAMPLES_COLUMNS = 29 + FAILURE_COUNT };

/* a + b; UNKNOWN when either is, or when no number can hold it. */
int64_t samples_add(int64_t a, int64_t b);

/* A number as it is hashed; UNKNOWN is absent. `end` is behind 24 bytes of room for it. */
struct chain_field samples_decimal(char *end, int64_t n);

/* The same of a column of the current row, whatever it is; borrowed until the next step. */
enum { SAMPLES_DIGITS = 24 };
struct chain_field samples_field(char *end, struct sqlite3_stmt *row, int column);

/* ---- time ---- */

/* `t` in tenths of a second of a tick, and back. */
int64_t samples_t(int64_t started_ms, int64_t interval_ms, int64_t tick);
int64_t samples_tick(int64_t started_ms, int64_t interval_ms, int64_t t);

/* ---- writing; within a transaction of the journal ---- */

/* One interval of one node, its histograms already encoded; `data` NULL: none. */
struct samples_row {
	char pool_id[POOL_ID_MAX], node_id[POOL_ID_MAX];
	int64_t tick;
	unsigned flags;
	struct sample sample;
	struct text latency[ARM_COUNT], session_latency[ARM_COUNT];
};

struct samples_series {
	char node_id[POOL_ID_MAX];
	int64_t id[ARM_COUNT];
	unsigned char hash[ARM_COUNT][CHAIN_HASH]; /* checkpoint_series */
};

struct samples_writer {
	struct sqlite3 *db;
	const char *path;
	struct checkpoint *checkpoint; /* takes the hash of every row; borrowed */
	int64_t recording, started_ms, interval_ms;
	struct sqlite3_stmt *insert, *add_series, *next_series;
	int64_t newest_t;              /* of the rows so far; 0 none */
	struct samples_series *series; /* those of this recording that are committed or under way */
	size_t series_count, series_cap;
};

int samples_writer_open(struct samples_writer *w, struct sqlite3 *db, const char *path,
	struct checkpoint *checkpoint, struct err *err);
void samples_writer_close(struct samples_writer *w);
/* What follows belongs to this recording. */
void samples_writer_begin(
	struct samples_writer *w, int64_t recording, int64_t started_ms, int64_t interval_ms);
/* Forgets series that a rollback undid. */
void samples_writer_undo(struct samples_writer *w);
enum schema_result samples_write(
	struct samples_writer *w, const struct samples_row *row, struct err *err);

/* ---- reading ---- */

/* The statements over one table of rows. */
struct samples_table {
	struct sqlite3_stmt *whole; /* of a key */
	struct sqlite3_stmt *plain; /* the same, of what a plot has */
	struct sqlite3_stmt *after; /* the next key behind one, whosever it is */
};

/* The rows of one node in one recording. */
struct samples_reader {
	struct sqlite3 *db;
	const char *path;
	struct samples_table sample, minute; /* `minute` NULL where the file has none */
	struct sqlite3_stmt *counts;         /* of a sample: what adds up */
	struct sqlite3_stmt *sum;            /* of a long time; NULL: not asked for yet */
	int64_t started_ms, interval_ms;
	int64_t series[ARM_COUNT];
	char pool_id[POOL_ID_MAX], node_id[POOL_ID_MAX];
	struct histogram *latency[ARM_COUNT],
		*session_latency[ARM_COUNT]; /* of the row last read */
	bool bare; /* rows are read without them, and with no more than a plot has: requests, ok,
	              failed_total, percentiles and memory; the rest is UNKNOWN */
};

int samples_reader_open(struct samples_reader *r, struct sqlite3 *db, const char *path,
	int64_t recording, const char *node_id, struct err *err);
void samples_reader_close(struct samples_reader *r);

/* Reads the first row of the node with first <= tick <= last; where samples became a minute, that,
 * whose tick is its last one and may be behind `last`. 1 found, 0 none, -1 with err. Histograms are
 * borrowed until the next read. */
int samples_read(struct samples_reader *r, int64_t first, int64_t last,
	struct history_sample *out, struct err *err);

/* The last tick of the node, or of its last minute; UNKNOWN when there is none. */
int samples_last_tick(struct samples_reader *r, int64_t *tick, struct err *err);

/* Adds up the counts of first <= tick <= last, gauges left alone: what absolute counters rose
 * by. Where samples became minutes, those that begin in it are added. UNKNOWN where no row has a value; `interval_ms` gets the time they cover. */
int samples_sum(
	struct samples_reader *r, int64_t first, int64_t last, struct sample *out, struct err *err);

#endif
