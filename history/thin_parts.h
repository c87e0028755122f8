/* Thin, inside: what its files share. For thin*.c only. */
#ifndef WEIR_HISTORY_THIN_PARTS_H
#define WEIR_HISTORY_THIN_PARTS_H

#include "history/minute.h"
#include "history/points.h"
#include "history/thin.h"

struct sqlite3_stmt;

enum thin_phase { THIN_REST, THIN_POINTS, THIN_READ, THIN_WRITE };

/* What a transaction takes of a checkpoint. */
struct thin_part {
	ptrdiff_t point;
	int64_t rows;
	unsigned char sum[CHAIN_HASH];
};

/* Why no more rows of a recording are taken. */
enum thin_block {
	THIN_FREE,
	THIN_WAITS, /* one has no checkpoint yet: the next pass begins with it */
	THIN_STAYS, /* one cannot go, nor what is behind it */
};

struct thin_recording {
	int64_t id;
	int64_t rows; /* that the transaction takes */
	enum thin_block block;
	bool ended;
};

struct thin_series {
	int64_t id;
	size_t recording, minute; /* places; of the minute only while it is that of the last row */
	unsigned char hash[CHAIN_HASH];
};

enum thin_statement {
	THIN_FIND_FIRST,
	THIN_READ_ROWS,
	THIN_FIND_SERIES,
	THIN_FIND_END,
	THIN_FIND_MINUTE,
	THIN_ADD_MINUTE,
	THIN_DROP_ROW,
	THIN_STATEMENTS
};

struct thin {
	struct journal *j;
	struct thin_how how;
	struct sqlite3_stmt *statement[THIN_STATEMENTS];
	struct points points;
	enum thin_phase phase;
	int64_t opened_ms, opened_seq;
	bool settled;     /* open for so long that who lives has written a checkpoint */
	int64_t from_t;   /* all before it was looked at */
	int64_t cutoff_t; /* up to which this pass goes */
	int64_t waits_t;  /* before the first row that waits; INT64_MAX none */
	bool by_cap, last;
	int given_up; /* times, of this transaction */
	int64_t rows_ever, used;

	/* what the next transaction takes */
	int64_t begin_key, last_key; /* behind the first; of the last row that was read */
	int64_t minute_t;
	int64_t *keys;
	size_t key_count, key_cap;
	struct minute *minutes;
	size_t minute_count, minute_cap;
	size_t minute_first; /* the first of the last row's minute */
	size_t minutes_done; /* have their percentiles */
	struct thin_part *parts;
	size_t part_count, part_cap;
	struct thin_recording *recordings;
	size_t recording_count, recording_cap;
	struct thin_series *series; /* by id */
	size_t series_count, series_cap;
};

/* Who may give a transaction up. */
struct thin_pause {
	bool (*hurry)(void *ctx);
	void *ctx;
};

enum schema_result thin_result(struct thin *t, int code, struct err *err);
/* The first number that a statement gives; `otherwise` where it gives none. */
enum schema_result thin_number(
	struct thin *t, const char *sql, int64_t otherwise, int64_t *out, struct err *err);
/* Sets `used`. */
enum schema_result thin_look_at_size(struct thin *t, struct err *err);

/* Empties what the next transaction takes. */
void thin_forget(struct thin *t);
void thin_end_pass(struct thin *t);

/* Begins the transaction's rows anew. */
void thin_read_anew(struct thin *t);
/* Reads some rows into it, or finds that it has enough. */
enum schema_result thin_read_rows(struct thin *t, const struct thin_now *now, struct err *err);

/* Makes the transaction, unless it is given up. */
enum schema_result thin_write_slice(
	struct thin *t, const struct thin_now *now, const struct thin_pause *p, struct err *err);

/* The place of a series by its id, or where it would stand. */
size_t thin_series_at(const struct thin *t, int64_t id);

#endif
