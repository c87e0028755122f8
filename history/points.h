/* Points: the checkpoints of a file as its events tell of them, which rows each covers, and what
 * was thinned of each. */
#ifndef WEIR_HISTORY_POINTS_H
#define WEIR_HISTORY_POINTS_H

#include "history/chain.h"

struct sqlite3;

enum { POINTS_COLUMNS_MAX = 64, POINTS_NONE = -1 };

/* A checkpoint, and what is known of its rows: at first of those that were thinned, which are its
 * first ones in order of their keys. */
struct points_point {
	int64_t seq, recording, to, rows;
	unsigned char hash[CHAIN_HASH];
	int64_t thinned;
	int columns;   /* of a row that are hashed: those that came later stand behind them */
	int64_t found; /* rows so far, and their sum */
	unsigned char sum[CHAIN_HASH];
	bool stays; /* who thins left one of its rows where it was */
};

/* A row that was written behind the checkpoint of its time, and the event that names it. */
struct points_late {
	int64_t recording, key, seq;
};

struct points {
	struct sqlite3 *db;
	const char *path;
	struct points_point *of; /* by recording, then seq and `to` */
	size_t count, cap;
	struct points_late *late; /* by recording, key */
	size_t late_count, late_cap;
	int64_t read_seq;   /* events up to this one are in */
	int64_t broken_seq; /* of the first event that makes no sense, whatever it is signed with */
	const char *why;
};

/* Begins behind `seq`; `db` and `path` are borrowed. */
void points_init(struct points *p, struct sqlite3 *db, const char *path, int64_t seq);
void points_free(struct points *p);

/* Takes in the events up to `last_seq`. What is thinned of a checkpoint that was never read is
 * left out where `partial`, and breaks the file otherwise. 0, or -1 with err. */
int points_read(struct points *p, int64_t last_seq, bool partial, struct err *err);

/* The index of the checkpoint that has a row, POINTS_NONE where none has it yet. */
ptrdiff_t points_of(const struct points *p, int64_t recording, int64_t key);

/* True when a checkpoint of the recording stands behind `seq`. */
bool points_behind(const struct points *p, int64_t recording, int64_t seq);

/* Forgets the checkpoints all of whose rows were thinned. */
void points_forget(struct points *p);

#endif
