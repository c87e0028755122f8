/* Lock: the file PATH-lock beside a history. Byte 0: who writes, checkpoints or closes; byte 1:
 * shared by everyone who has the history open, readers where they may read the lock file, so that
 * nobody replaces the file under them. */
#ifndef WEIR_HISTORY_LOCK_H
#define WEIR_HISTORY_LOCK_H

#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCK_LIMIT_MS 2000
#define LOCK_ALONE_MS 500 /* who wants to be alone tries again and again */

struct lock {
	int fd; /* -1: closed */
};

/* Opens (making it) the lock file of a history and takes the shared open-lock; W202 when
 * somebody is replacing the history. 0, or -1 with err. */
int lock_open(struct lock *l, const char *history, struct err *err);
void lock_close(struct lock *l);

/* The same, but alone: nobody else has the history open, and nobody opens it for writing until
 * lock_close. 0, or -1 with err: W202 names, where it is known, who has it open. */
int lock_open_alone(struct lock *l, const char *history, struct err *err);

/* For who only reads: takes the shared open-lock where there is a lock file that may be read and
 * nobody is replacing the history. A descriptor that holds it until it is closed, or -1. */
int lock_look(const char *history);

/* True when somebody holds the open-lock alone at this moment. */
bool lock_is_alone(const char *history);

/* Names another process that has the history open, by SQLite's locks: "weir (4711)". False
 * when none is known. */
bool lock_other(const char *history, char *out, size_t size);

/* Takes the write lock, waiting at most `limit_ms`. 0, or -1 with W202. */
int lock_take(struct lock *l, int64_t limit_ms, struct err *err);
void lock_give(struct lock *l);

#endif
