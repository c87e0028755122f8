/* Proof, its parts: what the events say, beside what is found of it. For proof*.c alone. */
#ifndef WEIR_HISTORY_PROOF_PARTS_H
#define WEIR_HISTORY_PROOF_PARTS_H

#include "history/points.h"

#include <stddef.h>

struct sqlite3;
struct sqlite3_stmt;

struct proof_end {
	int64_t seq, recording, samples; /* samples: UNKNOWN in older files */
	int64_t found;                   /* rows of the recording, thinned ones as well */
};

struct proof_series {
	int64_t id, recording;
	int64_t found; /* rows */
	bool placed;   /* its recording is in the file */
	unsigned char hash[CHAIN_HASH];
};

/* An event that put minutes in the place of samples, and what is found of them. */
struct proof_thinning {
	int64_t seq, minutes, found;
	int columns;
	unsigned char hash[CHAIN_HASH], sum[CHAIN_HASH];
};

/* Rows of a recording that became minutes. */
struct proof_gone {
	int64_t recording, rows;
};

struct proof {
	struct sqlite3 *db;
	const char *path;
	struct chain_report *out;
	struct points points;
	struct proof_end *ends; /* by recording */
	size_t end_count, end_cap;
	struct proof_series *series; /* by id */
	size_t series_count, series_cap;
	struct proof_thinning *thinnings; /* by seq */
	size_t thinning_count, thinning_cap;
	struct proof_gone *gone;
	size_t gone_count, gone_cap;
	ptrdiff_t only;            /* the checkpoint whose rows count; POINTS_NONE: of all */
	struct sqlite3_stmt *rows; /* all of a table, by key; ?1 to ?2 */
	int columns;               /* of a row that can be hashed; t and series stand behind them */
};

/* 0 where SQLite went on, -1 with err where it did not. */
int proof_code(struct proof *k, int code, struct err *err);

/* Says of the file that it is broken, at an event. */
void proof_broken(struct proof *k, const char *table, int64_t seq, const char *why);

/* Reads what there is to hold the rows against; the file may be broken by it. */
int proof_load(struct proof *k, struct err *err);

/* The series of a key, NULL where there is none. */
struct proof_series *proof_series(const struct proof *k, int64_t key);

/* Hashes the row under the cursor by its first `columns`. */
void proof_hash_row(struct proof *k, const struct proof_series *series, int columns,
	unsigned char hash[CHAIN_HASH]);

/* Calls `count` for the rows from one key to another, while it is true. */
int proof_count(struct proof *k, bool (*count)(struct proof *k), int64_t first, int64_t last,
	int64_t total, void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx,
	struct err *err);

/* Counts the row under the cursor where it belongs; false when it belongs nowhere. */
bool proof_count_sample(struct proof *k);

/* True when the rows that were found are those of the checkpoint. */
bool proof_fits(const struct points_point *p);

/* Says which row of a checkpoint is wrong, as closely as its marks tell. */
int proof_name(struct proof *k, const struct points_point *p, struct err *err);

/* True where a scope has room for all samples and minutes. */
bool proof_is_small(const struct proof *k, const struct chain_scope *scope);

/* Looks at the checkpoints over the moments of a scope, as far as it has room. */
int proof_near(struct proof *k, const struct chain_scope *scope, struct err *err);

#endif
