/* Choice: which pool and which recording of a file a replay is of. Internal to replay. */
#ifndef WEIR_HISTORY_CHOICE_H
#define WEIR_HISTORY_CHOICE_H

#include "history/player.h"

/* What a target asks for; the texts are whoever's who read it. */
struct wish {
	char *path, *pool; /* pool NULL: any */
	int64_t recording; /* UNKNOWN: any */
};

/* Reads "replay:FILE?pool=NAME&recording=NUMBER". 0, or -1 with err; both texts may be there then
 * too. */
int wish_read(struct wish *out, const char *target, struct err *err);

/* Finds the pool, the recording and its interval in the source's file, which is open: what is asked
 * for, else the pool with the last sample, its recording with the most. 0, or -1 with err. */
int choice_make(struct player_source *s, const struct wish *wish, struct err *err);

/* The pools of the source's recording by their names, `most` at most. How many there are, or -1
 * with err. */
int choice_pools(
	const struct player_source *s, char (*out)[POOL_NAME_MAX], size_t most, struct err *err);

/* Prepares SQL over the source with one parameter, `text` or else `number`, and steps it: 1 a row,
 * 0 none, or -1 with err; *out is the caller's to finalize in all cases. */
int choice_row(const struct player_source *s, const char *sql, const char *text, int64_t number,
	struct sqlite3_stmt **out, struct err *err);

#endif
