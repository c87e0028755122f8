/* Lock: the file PATH-lock beside a history. Byte 0: who writes, checkpoints or closes; byte 1:
 * shared by everyone who has the history open for writing, so that nobody replaces the file
 * under them. */
#ifndef WEIR_HISTORY_LOCK_H
#define WEIR_HISTORY_LOCK_H

#include "model/err.h"

#include <stdint.h>

#define LOCK_LIMIT_MS 2000

struct lock {
	int fd; /* -1: closed */
};

/* Opens (making it) the lock file of a history and takes the shared open-lock; W202 when
 * somebody is replacing the history. 0, or -1 with err. */
int lock_open(struct lock *l, const char *history, struct err *err);
void lock_close(struct lock *l);

/* Takes the write lock, waiting at most `limit_ms`. 0, or -1 with W202. */
int lock_take(struct lock *l, int64_t limit_ms, struct err *err);
void lock_give(struct lock *l);

#endif
