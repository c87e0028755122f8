/* Player: a pool of a recording told in order: the documents of its nodes and its decisions, from
 * wherever it was put. Internal to replay, which has two of a pool: one tells what is shown, the
 * other what lies behind it. */
#ifndef WEIR_HISTORY_PLAYER_H
#define WEIR_HISTORY_PLAYER_H

#include "history/marks.h"
#include "history/tape.h"
#include "model/driver.h"

struct player_source {
	struct sqlite3 *db;
	const char *path;
	struct query *query;
	int64_t recording, interval_ms;
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX];
};

struct player {
	const struct player_source *source; /* borrowed */
	struct driver_sink sink;
	uint64_t node; /* the handle of the first node; the others follow it */
	bool behind;   /* what it tells lies behind what is shown */
	struct tape *tapes;
	size_t count;
	struct marks marks;
	struct sqlite3_stmt *words; /* the last that was recorded of a kind */
	struct sqlite3_stmt *flip;  /* the moment of the next one */
	bool cites;         /* a minute was told: the words are told as they were recorded */
	struct told told;   /* those of now */
	int64_t flip_ms;    /* until then */
	int64_t told_ms;    /* the moment of the last event since a jump */
	int64_t reached_ms; /* everything up to here is told */
	bool broken;        /* the file could not be read further: said once */
};

/* Opens the nodes of the pool. 0, or -1 with err; close it in both cases. */
int player_open(struct player *p, const struct player_source *source, struct err *err);
void player_close(struct player *p);

/* When the first and the last document were received. */
int64_t player_first_ms(const struct player *p);
int64_t player_last_ms(const struct player *p);

/* Loads the decisions of the time until a moment, anew; what was told stays told. 0, or -1 with
 * err. */
int player_load_marks(struct player *p, int64_t until_ms, struct err *err);

/* Reads what was written since: documents (`open`: more may come), and decisions until a moment;
 * a row that came into the file behind a document of a later moment is told now. 0, or -1 with
 * err. */
int player_extend_tapes(struct player *p, bool open, struct err *err);
int player_extend_marks(struct player *p, int64_t until_ms, struct err *err);

/* Forgets what was told, as of a moment: tells a reset. What comes next is a jump or a glance. */
void player_forget(struct player *p, int64_t at_ms);

/* Goes to a moment: tells a reset and what was decided before it; documents from there on are
 * next. */
void player_jump(struct player *p, int64_t from_ms);

/* Tells everything up to a moment in order, `most` documents at most. True when it got there.
 * A mark goes before a document of its moment: a step is decided before it is seen. */
bool player_play(struct player *p, int64_t until_ms, int *most);

/* True when a document or a decision is due at a moment. */
bool player_is_due(const struct player *p, int64_t until_ms);

/* Shows how it stood at a moment without telling what led there: a reset, what was decided, the
 * rows of the ten minutes before (`brief`: of the last ten intervals), the words as they were
 * recorded, the last document of each node. Then the player stands behind that moment. */
void player_glance(struct player *p, int64_t at_ms, bool brief);

/* Tells that the file could not be read further; nothing more is told before a jump. */
void player_break(struct player *p, const struct err *err);

#endif
