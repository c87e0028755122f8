/* Hostlock: a lock of this host with one line in it, by which the process that holds it tells
 * the others on this host how it is. Never waits. */
#ifndef WEIR_CLIENT_HOSTLOCK_H
#define WEIR_CLIENT_HOSTLOCK_H

#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>

struct hostlock;

/* Takes the lock of the file `path` (made with mode 0644 where it lacks). 0; -1 with err: W202
 * another process holds it, W204 the file is not ours to trust, W004 it cannot be made. */
int hostlock_take(struct hostlock **out, const char *path, struct err *err);

/* Takes the lock of `path` as any user of this host may, whoever made the file: it orders those
 * that take turns, and says nothing. Any user can hold it too, so it is not to be waited for
 * without end. Freed like the other. 0; -1 with err: W202 somebody holds it, W204 it is no plain
 * file, W004 it cannot be made or opened. */
int hostlock_share(struct hostlock **out, const char *path, struct err *err);

/* Writes the line, as a whole, over the one before it. At most HOSTLOCK_LINE_MAX - 1 bytes. */
#define HOSTLOCK_LINE_MAX 512
bool hostlock_write(struct hostlock *l, const char *line);

/* Gives it back, the line emptied. NULL is allowed. */
void hostlock_free(struct hostlock *l);

/* Reads what the holder of `path` wrote. False when nobody holds it, or when the file is not to
 * be trusted: others can write it, or its owner is neither root, nor this user, nor the owner of
 * the file `shared` (NULL none). */
bool hostlock_read(const char *path, const char *shared, char line[HOSTLOCK_LINE_MAX]);

#endif
