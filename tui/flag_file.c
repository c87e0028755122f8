/* The reader of flag files. What follows from them is the model's and the keeper's.
 *
 * 1. Nothing here waits for another program: a FIFO in the place of a flag is refused, not opened to
 *    its other end. A dead file server may make it wait for ever (lookout.c).
 * 2. Who could freeze or roll back is who could write the directory: root, this user and who may
 *    write the history, who could do so by a command too. More is refused. */
#define _GNU_SOURCE
#include "tui/flag_file.h"

#include "model/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a long path its end is said, and always what to do. */
static void unknown(struct flags *f, const char *name, const char *why)
{
	char clean[60];
	size_t len = strlen(name), most = sizeof clean - 4;
	bool cut = len > most;
	text_clean(clean, sizeof clean - 3, cut ? name + len - most : name, cut ? most : len);
	snprintf(f->unknown, sizeof f->unknown, "'%s%s' %s", cut ? "..." : "", clean, why);
}

/* What is wrong with who may write it; NULL nothing. */
static const char *distrust(const struct stat *st, const char *shared)
{
	struct stat other;
	bool known = shared && stat(shared, &other) == 0;
	bool owned = st->st_uid == 0 || st->st_uid == geteuid();
	if (!owned && !(known && st->st_uid == other.st_uid))
		return "belongs to somebody else: run chown on it";
	if (st->st_mode & S_IWOTH)
		return "can be written by others: run chmod o-w on it";
	bool same = known && st->st_gid == other.st_gid && (other.st_mode & S_IWGRP);
	if ((st->st_mode & S_IWGRP) && !same)
		return "can be written by a group that cannot write the history: run chmod g-w on it";
	return NULL;
}

/* The file's first line, cleaned, and which file it is; false when there is none. */
static bool read_flag(struct flags *f, int dir, const char *name, const char *shared,
	char reason[FLAG_REASON_MAX], char id[FLAG_ID_MAX], int64_t *laid_ms)
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
	const char *wrong = NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		wrong = "is no plain file";
	if (wrong || (wrong = distrust(&st, shared)))
		unknown(f, name, wrong);
	else if ((len = read(fd, raw, sizeof raw)) < 0)
		unknown(f, name, strerror(errno));
	close(fd);
	if (len < 0)
		return false;
	const char *end = memchr(raw, '\n', (size_t)len);
	text_clean(reason, FLAG_REASON_MAX, raw, end ? (size_t)(end - raw) : (size_t)len);
	snprintf(id, FLAG_ID_MAX, "%llu.%lld.%09ld", (unsigned long long)st.st_ino,
		(long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	*laid_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return true;
}

void flag_file_read(struct flags *out, const struct flag_place *place, const char *pool)
{
	static const char *const kinds[] = {"freeze", "freeze.", "rollback."};
	struct stat st;
	*out = (struct flags){0};
	int fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (place->named)
			unknown(out, place->dir, "is not there: make it, or leave out flags:");
		return;
	}
	const char *wrong =
		fd < 0 || fstat(fd, &st) < 0 ? strerror(errno) : distrust(&st, place->shared);
	if (wrong)
		unknown(out, place->dir, wrong);
	for (size_t i = 0; !wrong && i < sizeof kinds / sizeof *kinds; i++) {
		char name[POOL_NAME_MAX + 16], reason[FLAG_REASON_MAX], id[FLAG_ID_MAX];
		int64_t laid_ms;
		snprintf(name, sizeof name, "%s%s", kinds[i], i > 0 ? pool : "");
		if (!read_flag(out, fd, name, place->shared, reason, id, &laid_ms))
			continue;
		text_copy(out->name, sizeof out->name, name);
		text_copy(out->reason, sizeof out->reason, reason);
		/* The last one is what also rolls back. */
		if (i == 2) {
			text_copy(out->rollback, sizeof out->rollback, id);
			out->laid_ms = laid_ms;
		}
	}
	if (fd >= 0)
		close(fd);
}
