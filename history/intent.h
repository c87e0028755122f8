/* Intent: the writing of one intent. The writer thread's part only. */
#ifndef WEIR_HISTORY_INTENT_H
#define WEIR_HISTORY_INTENT_H

#include "history/board.h"

/* What a try came to. */
struct intent_try {
	bool told; /* that it was given up: NOT_SENT is in its transaction */
	int64_t seq;
	char hash[POOL_HASH_MAX];
	struct decision *same; /* another process' that it would repeat; NULL none; owned */
};

/* Writes the row in a transaction of its own, and NOT_SENT where it was cancelled. A late one
 * that came from elsewhere meanwhile is written already. Of two guards at one red the second is
 * refused, with `same` set. */
enum schema_result intent_write(struct journal *j, struct board *b, struct request *r,
	struct intent_try *try, struct err *err);

/* What follows: the answer, unless it is tried `again` and has had one; the slot; and for a brake
 * that met a passing failure the next try, for which it is taken from `rows`. Takes `same`. */
void intent_finish(struct board *b, struct request_list *rows, bool again,
	enum schema_result result, struct intent_try *try, struct err *err);

/* Syncs the emergency journal and tells the system's log a line; both may take long, so never
 * under the mutex. */
void intent_alarm(struct board *b, const char *line);

#endif
