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
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

static int open_file(struct lock *l, const char *history, struct err *err)
{
	struct text path = {0};

	text_addf(&path, "%s-lock", history);
	l->fd = open(text_str(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (l->fd < 0)
		err_set(err, ERR_FILE, "the lock file \"%s\" cannot be opened: %s", text_str(&path),
			strerror(errno));
	text_free(&path);
	return l->fd < 0 ? -1 : 0;
}

int lock_open(struct lock *l, const char *history, struct err *err)
{
	if (open_file(l, history, err) < 0)
		return -1;
	if (take(l, BYTE_OPEN, LINUX_SHARED, LOCK_LIMIT_MS) < 0) {
		lock_close(l);
		return err_set(err, ERR_LOCKED,
			"the history \"%s\" is being replaced by another process; try again later",
			history);
	}
	return 0;
}

int lock_open_alone(struct lock *l, const char *history, struct err *err)
{
	char who[64] = "another process";

	if (open_file(l, history, err) < 0)
		return -1;
	if (take(l, BYTE_OPEN, LINUX_EXCLUSIVE, LOCK_ALONE_MS) == 0)
		return 0;
	lock_close(l);
	lock_other(history, who, sizeof who);
	return err_set(
		err, ERR_LOCKED, "\"%s\" is open in %s; end that, or wait for it", history, who);
}

/* Opens a lock file that may be read and tries for the open-lock. `*taken` or not, -1 where there
 * is none. */
static int look(const char *history, bool *taken)
{
	struct text path = {0};
	int fd;

	text_addf(&path, "%s-lock", history);
	fd = open(text_str(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	text_free(&path);
	*taken = fd >= 0 && linux_lock(fd, BYTE_OPEN, LINUX_SHARED) == 0;
	return fd;
}

int lock_look(const char *history)
{
	bool taken;
	struct lock l = {look(history, &taken)};

	if (!taken)
		lock_close(&l);
	return l.fd;
}

bool lock_is_alone(const char *history)
{
	bool taken;
	struct lock l = {look(history, &taken)};
	const bool alone = l.fd >= 0 && !taken;

	lock_close(&l);
	return alone;
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

/* ---- who ---- */

/* The process of a line of /proc/locks that is about one of two files; 0 none, or ours. */
static long process_of(const char *line, const struct stat files[2])
{
	unsigned major_number, minor_number;
	unsigned long inode;
	long pid;

	if (sscanf(line, "%*s %*s %*s %*s %ld %x:%x:%lu", &pid, &major_number, &minor_number,
			&inode) != 4 ||
		pid <= 0 || pid == (long)getpid())
		return 0;
	for (int i = 0; i < 2; i++)
		if (files[i].st_ino == inode && major(files[i].st_dev) == major_number &&
			minor(files[i].st_dev) == minor_number)
			return pid;
	return 0;
}

static void name_process(char *out, size_t size, long pid)
{
	char path[40], line[32] = "", name[32] = "process";
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/comm", pid);
	file = fopen(path, "re");
	if (file != NULL && fgets(line, sizeof line, file) != NULL)
		text_clean(name, sizeof name, line, strcspn(line, "\n"));
	if (file != NULL)
		fclose(file);
	snprintf(out, size, "%s (%ld)", name, pid);
}

bool lock_other(const char *history, char *out, size_t size)
{
	struct stat files[2] = {0};
	struct text shm = {0};
	char line[160];
	long pid = 0;
	FILE *locks;

	/* our own locks are of a file description and say nothing of a process; the history itself
	 * is not opened: closing it would drop SQLite's locks */
	text_addf(&shm, "%s-shm", history);
	if (stat(history, &files[0]) < 0 || stat(text_str(&shm), &files[1]) < 0)
		files[1] = files[0];
	text_free(&shm);
	locks = fopen("/proc/locks", "re");
	while (locks != NULL && pid == 0 && fgets(line, sizeof line, locks) != NULL)
		pid = process_of(line, files);
	if (locks != NULL)
		fclose(locks);
	if (pid > 0)
		name_process(out, size, pid);
	return pid > 0;
}
