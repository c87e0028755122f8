/* Hostlock: open file description locks, so that a reader can ask who holds one without taking
 * it. The line fills a fixed block and is written by one call, so that no reader sees half.
 *
 * A lock that users share is flock's, which asks for no right to write: the file stays its
 * maker's, nothing is written or read, and O_CREAT is used for a new file alone, since the kernel
 * refuses it on another's in a directory for everybody. */
#define _GNU_SOURCE
#include "client/hostlock.h"

#include "model/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct hostlock {
	int fd;
	bool shared;
};

static bool is_safe(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 022) == 0;
}

static int take(int fd, const char *path, struct err *err)
{
	struct stat st;
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (!is_safe(fd) || fstat(fd, &st) || st.st_uid != geteuid())
		return err_set(err, ERR_UNSAFE_FILE,
			"the lock \"%s\" is not yours alone to write; remove it", path);
	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(err, ERR_LOCKED, "\"%s\" is held by another process", path);
	return err_set(err, ERR_FILE, "\"%s\" cannot be locked: %s", path, strerror(errno));
}

int hostlock_take(struct hostlock **out, const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_set(
			err, ERR_FILE, "the lock \"%s\" cannot be made: %s", path, strerror(errno));
	if (take(fd, path, err) < 0) {
		close(fd);
		return -1;
	}
	struct hostlock *l = mem_new(1, sizeof *l);
	l->fd = fd;
	*out = l;
	return 0;
}

static int open_shared(const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int fd = open(path, flags);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	fd = open(path, flags | O_CREAT | O_EXCL, 0644);
	if (fd >= 0)
		(void)fchmod(fd, 0644); /* whatever the umask: the others must open it */
	return fd >= 0 || errno != EEXIST ? fd : open(path, flags);
}

/* Taken, and still the file of that name: its owner may have removed it meanwhile. */
static int take_shared(int fd, const char *path, struct err *err)
{
	struct stat st, named;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return err_set(err, ERR_UNSAFE_FILE, "the lock \"%s\" is no plain file", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && lstat(path, &named) == 0 &&
		named.st_dev == st.st_dev && named.st_ino == st.st_ino)
		return 0;
	return err_set(err, ERR_LOCKED, "\"%s\" is held by another process", path);
}

int hostlock_share(struct hostlock **out, const char *path, struct err *err)
{
	int fd = open_shared(path);
	if (fd < 0)
		return err_set(
			err, ERR_FILE, "the lock \"%s\" cannot be opened: %s", path, strerror(errno));
	if (take_shared(fd, path, err) < 0) {
		close(fd);
		return -1;
	}
	struct hostlock *l = mem_new(1, sizeof *l);
	*l = (struct hostlock){.fd = fd, .shared = true};
	*out = l;
	return 0;
}

bool hostlock_write(struct hostlock *l, const char *line)
{
	char block[HOSTLOCK_LINE_MAX] = {0};
	size_t len = strnlen(line, sizeof block - 1);
	memcpy(block, line, len);
	return pwrite(l->fd, block, sizeof block, 0) == (ssize_t)sizeof block;
}

void hostlock_free(struct hostlock *l)
{
	if (!l)
		return;
	if (!l->shared)
		(void)hostlock_write(l, "");
	close(l->fd);
	free(l);
}

static bool is_held(int fd)
{
	struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
	return fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

/* In a directory that everybody can write to, anybody can hold a lock of any name. */
static bool is_trusted(int fd, const char *shared)
{
	struct stat st, other;
	if (fstat(fd, &st) < 0)
		return false;
	return st.st_uid == 0 || st.st_uid == geteuid() ||
		(shared && stat(shared, &other) == 0 && st.st_uid == other.st_uid);
}

bool hostlock_read(const char *path, const char *shared, char line[HOSTLOCK_LINE_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	line[0] = 0;
	if (fd < 0)
		return false;
	bool good = is_safe(fd) && is_trusted(fd, shared) && is_held(fd);
	if (good) {
		ssize_t n = pread(fd, line, HOSTLOCK_LINE_MAX - 1, 0);
		line[n > 0 ? n : 0] = 0;
		good = n > 0 && line[0];
	}
	close(fd);
	return good;
}
