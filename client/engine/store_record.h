/* Store record: one accepted change, or a key made void, and its line in the control log. Each
 * record holds all that a restarted control must know. */
#ifndef WEIR_CLIENT_ENGINE_STORE_RECORD_H
#define WEIR_CLIENT_ENGINE_STORE_RECORD_H

#include "model/err.h"
#include "model/pool.h"
#include "model/text.h"

#define STORE_FORMAT 3
#define STORE_WHAT_MAX 24

#define STORE_VOID "void"
#define STORE_FINALIZE "finalize"
#define STORE_REVERT "revert"
#define STORE_BEGIN "begin" /* a plan that is shared from here on; it changes nothing */

/* No text in it has a control byte. */
struct store_record {
	int64_t seq; /* 0 for a void: it is no change */
	int64_t wall_ms;
	char what[STORE_WHAT_MAX]; /* verb word, "revert", "void", "finalize", "begin" */
	int from_bp, to_bp;
	int64_t epoch, rev; /* after it */
	enum strategy strategy;
	int baseline_bp; /* -1 never armed */
	bool held;
	char plan_hash[POOL_HASH_MAX];
	char key[POOL_ID_MAX]; /* "" where the pool acted by itself */
	uint64_t body_hash;
	char actor[POOL_ACTOR_MAX];
	char reason[POOL_REASON_MAX];
	int kept_bp;
	int64_t keep_ms;      /* how long the raise may stay unkept; 0: nothing is to be kept */
	int64_t keep_wall_ms; /* until when; 0 while a hold stops it */
	enum orphan on_orphan;
	struct guard_limits guard;        /* none set: no guard acts */
	int64_t guard_hold_wall_ms;       /* until then the guard only holds; 0: it acts */
	const char *operations;           /* parted by commas; NULL: not limited. Borrowed */
	char history_head[POOL_HASH_MAX]; /* of whoever asked for it; "" not told */
	uint64_t head;                    /* chained hash of all changes up to this one */
	int64_t line;                     /* of the control log, from 1; 0: not read from one */
};

/* Appends the fields as one line without head, check and newline: what the head is made of. */
void store_record_text(struct text *t, const struct store_record *r);

/* The head after this change. */
uint64_t store_record_head(const struct store_record *r, uint64_t before);

/* Appends the whole line with newline. */
void store_record_line(struct text *t, const struct store_record *r);

/* The same behind its format, for a place that has no header. */
void store_record_value(struct text *t, const struct store_record *r);

/* Reads what store_record_value wrote (a newline at the end may be missing); `text` gets the bytes
 * that `r` borrows from. 0, or -1 with err: W203 damaged, W205 of a newer version. */
int store_record_read_value(
	struct store_record *r, struct text *text, const char *value, struct err *err);

/* Reads one line without newline, NUL-terminated; changes it, and `r` borrows from it. `before`
 * is the head so far: a line of format 1 has none of its own. False when it is damaged. */
bool store_record_read(struct store_record *r, char *line, int format, uint64_t before);

/* Puts those that stay to the front: all within a day, at least 1,024, and whatever the split,
 * the hold, the newest head of a history and the end in force come from. Returns how many stay. */
size_t store_record_compact(struct store_record *records, size_t count, int64_t now_wall_ms);

#endif
