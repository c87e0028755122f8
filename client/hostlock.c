/* Hostlock: open file description locks, so that a reader can ask who holds one without taking
 * it. The line fills a fixed block and is written by one call, so that no reader sees half. */
#define _GNU_SOURCE
#include "client/hostlock.h"

#include "model/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct hostlock {
	int fd;
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
