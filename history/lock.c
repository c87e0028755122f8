/* Lock: one writer at a time among all processes that share a history. Not SQLite's own locks:
 * those allow a checkpoint beside another's commit, which can corrupt a WAL file before SQLite
 * 3.51.3.
 *
 * Invariants:
 * 1. The kernel frees both bytes with the process: a killed writer locks nobody out.
 * 2. The file is never removed: two processes never lock two different files. */
#include "history/lock.h"

#include "history/clock.h"
#include "history/linux.h"
#include "model/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BYTE_WRITE = 0, BYTE_OPEN = 1 };

/* Tries for a byte until the limit; the pause grows so that a long wait costs nothing. */
static int take(struct lock *l, long byte, enum linux_lock how, int64_t limit_ms)
{
	const int64_t until = clock_monotonic_ms() + limit_ms;
	int64_t pause_ms = 1;

	while (linux_lock(l->fd, byte, how) < 0) {
		if ((errno != EAGAIN && errno != EACCES) || clock_monotonic_ms() >= until)
			return -1;
		clock_pause(pause_ms);
		if (pause_ms < 8)
			pause_ms *= 2;
	}
	return 0;
}

int lock_open(struct lock *l, const char *history, struct err *err)
{
	struct text path = {0};

	text_addf(&path, "%s-lock", history);
	l->fd = open(text_str(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (l->fd < 0)
		err_set(err, ERR_FILE, "the lock file \"%s\" cannot be opened: %s", text_str(&path),
			strerror(errno));
	text_free(&path);
	if (l->fd < 0)
		return -1;
	if (take(l, BYTE_OPEN, LINUX_SHARED, LOCK_LIMIT_MS) < 0) {
		lock_close(l);
		return err_set(err, ERR_LOCKED,
			"the history \"%s\" is being replaced by another process; try again later",
			history);
	}
	return 0;
}

void lock_close(struct lock *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

int lock_take(struct lock *l, int64_t limit_ms, struct err *err)
{
	if (take(l, BYTE_WRITE, LINUX_EXCLUSIVE, limit_ms) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, ERR_LOCKED,
			"the history is locked by another process since %lld ms; is one of them stopped?",
			(long long)limit_ms);
	return err_set(err, ERR_DISK, "the history cannot be locked: %s", strerror(errno));
}

void lock_give(struct lock *l)
{
	linux_lock(l->fd, BYTE_WRITE, LINUX_UNLOCK);
}
