/* Store: the durable log of a pool's control. One appended, synced line a change, which is
 * audit log and keys in one: DIR/control.log, mode 0600, locked by its process. */
#ifndef WEIR_CLIENT_ENGINE_STORE_H
#define WEIR_CLIENT_ENGINE_STORE_H

#include "model/driver.h"
#include "model/pool.h"
#include "model/text.h"

struct store;

/* One accepted change, or a key made void. No text in it has a control byte. */
struct store_record {
	int64_t seq; /* 0 for a void: it is no change */
	int64_t wall_ms;
	char what[24]; /* verb word, "void", "finalize" */
	int from_bp, to_bp;
	int64_t epoch, rev; /* after it */
	enum strategy strategy;
	int baseline_bp; /* -1 never armed */
	bool held;
	char plan_hash[POOL_HASH_MAX];
	char key[POOL_ID_MAX];
	uint64_t body_hash;
	char actor[POOL_ACTOR_MAX];
	char reason[POOL_REASON_MAX];
};

/* Opens or makes the log of `dir` (made when missing, mode 0700) and reads it. A torn last line
 * is cut off: it was never answered. 0, or -1 with err: W202 in use, W203 damaged before the
 * end, W205 of a newer version, W004. */
int store_open(struct store **out, const char *dir, struct err *err);
void store_close(struct store *s);

/* The records read at open, oldest first; NULL past the end. Borrowed until the next append. */
const struct store_record *store_record_at(const struct store *s, size_t i);

/* Appends and syncs. False when it is not on the disk, and then it never will be: what a failed
 * write left is cut off again; where not even that works, nothing is stored any more. */
bool store_append(struct store *s, const struct store_record *r);

/* The fields of a record as one line without check and newline; what the audit head is made of.
 */
void store_line(struct text *t, const struct store_record *r);

#endif
