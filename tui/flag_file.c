/* The reader of flag files. What follows from them is the model's and the keeper's.
 *
 * 1. Nothing here waits: a FIFO in the place of a flag is refused, not opened to its other end.
 * 2. Who could freeze or roll back is who could write the directory: more than root, this user and
 *    the history's owner is refused. */
#define _GNU_SOURCE
#include "tui/flag_file.h"

#include "model/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void unknown(struct flags *f, const char *name, const char *why)
{
	char clean[60];
	text_clean(clean, sizeof clean, name, strlen(name));
	snprintf(f->unknown, sizeof f->unknown, "'%s' %s", clean, why);
}

static bool is_trusted(const struct stat *st, const char *shared)
{
	struct stat other;
	bool owned = st->st_uid == 0 || st->st_uid == geteuid() ||
		(shared && stat(shared, &other) == 0 && st->st_uid == other.st_uid);
	return owned && !(st->st_mode & S_IWOTH);
}

/* The file's first line, cleaned, and which file it is; false when there is none. */
static bool read_flag(struct flags *f, int dir, const char *name, const char *shared,
	char reason[FLAG_REASON_MAX], char id[FLAG_ID_MAX])
{
	char raw[256];
	struct stat st;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0) {
		unknown(f, name, strerror(errno));
		return false;
	}
	ssize_t len = -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_trusted(&st, shared))
		unknown(f, name, "is no file that only its owner can write");
	else if ((len = read(fd, raw, sizeof raw)) < 0)
		unknown(f, name, strerror(errno));
	close(fd);
	if (len < 0)
		return false;
	const char *end = memchr(raw, '\n', (size_t)len);
	text_clean(reason, FLAG_REASON_MAX, raw, end ? (size_t)(end - raw) : (size_t)len);
	snprintf(id, FLAG_ID_MAX, "%llu.%lld.%09ld", (unsigned long long)st.st_ino,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return true;
}

void flag_file_read(struct flags *out, const char *dir, const char *pool, const char *shared)
{
	static const char *const kinds[] = {"freeze", "freeze.", "rollback."};
	struct stat st;
	*out = (struct flags){0};
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0) {
		unknown(out, dir, strerror(errno));
		return;
	}
	if (fstat(fd, &st) < 0 || !is_trusted(&st, shared)) {
		unknown(out, dir, "can be written by others: run chmod o-w on it");
		close(fd);
		return;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		char name[POOL_NAME_MAX + 16], reason[FLAG_REASON_MAX], id[FLAG_ID_MAX];
		snprintf(name, sizeof name, "%s%s", kinds[i], i > 0 ? pool : "");
		if (!read_flag(out, fd, name, shared, reason, id))
			continue;
		text_copy(out->name, sizeof out->name, name);
		text_copy(out->reason, sizeof out->reason, reason);
		/* The last one is what also rolls back. */
		if (i == 2)
			text_copy(out->rollback, sizeof out->rollback, id);
	}
	close(fd);
}
