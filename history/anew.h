/* Anew: the decisions that a replay tells of, judged anew bit by bit beside it, and the moments of
 * those that differ. Internal to replay. */
#ifndef WEIR_HISTORY_ANEW_H
#define WEIR_HISTORY_ANEW_H

#include "history/moments.h"
#include "history/recheck.h"

struct anew {
	struct recheck *all; /* NULL: nothing was loaded */
	bool done;
	bool stale; /* there are new ones, which are taken when these are done */
};

/* Takes the decisions of a pool from then to then; what is known of them stays known. While others
 * are judged they are only noted as there. 0, or -1 with err. */
int anew_load(struct anew *a, struct sqlite3 *db, const char *path, const char *pool,
	int64_t from_ms, int64_t until_ms, struct err *err);
void anew_release(struct anew *a);

/* Goes on by `most` rows at most; with the last of them the moments get the differences. */
void anew_turn(struct anew *a, struct moments *m, int most);

/* Gives the moments, which were loaded again, the differences that are known. */
void anew_mark(const struct anew *a, struct moments *m);

#endif
