/* Trail: whether a pool's own log still is the one that was seen before, by its length and its
 * head. Not what the log says: audit.c. */
#ifndef WEIR_HISTORY_TRAIL_H
#define WEIR_HISTORY_TRAIL_H

#include "history/chain.h"

struct sqlite3;

/* What a document says of its pool's log. */
struct trail {
	char boot_id[POOL_ID_MAX];
	char head[POOL_HASH_MAX]; /* "": the pool gives none */
	int64_t seq;              /* UNKNOWN: it has no log */
};

enum trail_step {
	TRAIL_FITS,    /* the same, or grown; or it cannot be told */
	TRAIL_ANEW,    /* shorter or another, after a restart: the pool forgot it */
	TRAIL_CUT,     /* shorter, in one run of the pool */
	TRAIL_REPLACED /* as long, and another head, in one run of the pool */
};

void trail_of(struct trail *t, const struct snapshot *s);

/* What became of the log between two documents of one node. */
enum trail_step trail_step(const struct trail *before, const struct trail *now);

/* The step in words, for an event: "its log was cut from 12 entries to 9". FITS gives "". */
void trail_words(char *out, size_t size, const struct trail *before, const struct trail *now);

/* Looks at all recorded documents of a file; `trail_seq` and `trail_why` are filled in with the
 * first that tells of a log CUT or REPLACED. 0, or -1 with err when it could not be read. */
int trail_verify(
	struct chain_report *out, struct sqlite3 *db, const char *path, struct err *err);

#endif
