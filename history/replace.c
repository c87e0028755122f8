/* Replace: names of files, in an order that survives a kill. Not what stands in them: migrate.c.
 *
 * Invariants:
 * 1. The history's name is never without a file.
 * 2. What gets the name is on the disk before, and its name after: synced file, renamed, synced
 *    directory.
 * 3. Whoever finds a copy under the lock finds what a killed process left. */
#include "history/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define KEPT_MAX 99

/* ---- the copy ---- */

static void remove_copy(const struct replace *r)
{
	static const char *const tails[] = {"", "-journal", "-wal", "-shm"};
	struct text name = {0};

	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		text_clear(&name);
		text_addf(&name, "%s%s", text_str(&r->copy), tails[i]);
		unlink(text_str(&name));
	}
	text_free(&name);
}

static int check_room(const struct replace *r, const struct stat *old, struct err *err)
{
	struct statvfs disk;
	const unsigned long long need = (unsigned long long)old->st_size;

	if (statvfs(text_str(&r->real), &disk) < 0 ||
		(unsigned long long)disk.f_bavail * disk.f_frsize >= need)
		return 0;
	return err_set(err, ERR_DISK,
		"\"%s\" has an older version and is copied to a newer one: no room for %llu MiB on its"
		" disk; make room and start again",
		text_str(&r->real), (need >> 20) + 1);
}

/* Whoever could use the old file can use the new one. */
static int make_copy(const struct replace *r, const struct stat *old, struct err *err)
{
	const char *path = text_str(&r->copy);
	const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool same;

	if (fd < 0)
		return err_set(err, ERR_FILE, "\"%s\" cannot be made: %s", path, strerror(errno));
	/* root gives it to its owner; for others it is their own */
	same = fchown(fd, old->st_uid, old->st_gid) == 0 || fchown(fd, (uid_t)-1, old->st_gid) == 0;
	same = same && fchmod(fd, old->st_mode & 0777) == 0;
	close(fd);
	if (same)
		return 0;
	return err_set(err, ERR_FILE,
		"\"%s\" has an older version, and you cannot give a copy to its group: its owner starts"
		" weir first",
		text_str(&r->real));
}

int replace_begin(struct replace *r, const char *history, struct err *err)
{
	char *real = realpath(history, NULL);
	struct stat old;

	*r = (struct replace){0};
	if (real == NULL || stat(real, &old) < 0) {
		err_set(
			err, ERR_FILE, "the history \"%s\" cannot be read: %s", history, strerror(errno));
		free(real);
		return -1;
	}
	text_add(&r->real, real);
	text_addf(&r->copy, "%s.migrating", real);
	free(real);
	remove_copy(r);
	return check_room(r, &old, err) < 0 ? -1 : make_copy(r, &old, err);
}

void replace_end(struct replace *r)
{
	if (r->copy.len > 0)
		remove_copy(r);
	text_free(&r->real);
	text_free(&r->copy);
	text_free(&r->kept);
}

/* ---- its place ---- */

static int sync_path(const char *path, int flags, struct err *err)
{
	const int fd = open(path, flags | O_CLOEXEC);
	const int code = fd < 0 ? -1 : fsync(fd);
	const int why = errno;

	if (fd >= 0)
		close(fd);
	return code == 0
		? 0
		: err_set(err, ERR_DISK, "\"%s\" cannot be put on the disk: %s", path, strerror(why));
}

static int sync_directory(const struct replace *r, struct err *err)
{
	const char *path = text_str(&r->real);
	struct text dir = {0};
	int code;

	text_add_n(&dir, path, (size_t)(strrchr(path, '/') - path) + 1);
	code = sync_path(text_str(&dir), O_RDONLY | O_DIRECTORY, err);
	text_free(&dir);
	return code;
}

/* A log that waits belongs to the old file: beside the new one it would be taken for its own. */
static int check_log(const struct replace *r, struct err *err)
{
	static const char *const tails[] = {"-wal", "-journal"};
	struct text name = {0};
	struct stat st;
	int code = 0;

	for (size_t i = 0; i < sizeof tails / sizeof *tails && code == 0; i++) {
		text_clear(&name);
		text_addf(&name, "%s%s", text_str(&r->real), tails[i]);
		if (stat(text_str(&name), &st) == 0 && st.st_size > 0)
			code = err_set(err, ERR_LOCKED,
				"\"%s\" is in use by another program; end it and start again", text_str(&name));
	}
	text_free(&name);
	return code;
}

static void name_kept(struct replace *r, int version, int number)
{
	const char *path = text_str(&r->real);
	const bool has_tail = r->real.len > 3 && strcmp(path + r->real.len - 3, ".db") == 0;

	text_clear(&r->kept);
	text_add_n(&r->kept, path, r->real.len - (has_tail ? 3 : 0));
	text_addf(&r->kept, "-v%d", version);
	if (number > 1)
		text_addf(&r->kept, ".%d", number);
	text_add(&r->kept, ".db");
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && lstat(b, &y) == 0 && x.st_ino == y.st_ino &&
		x.st_dev == y.st_dev;
}

/* Gives the old file its second name; one that was killed behind this has done so already. */
static int keep(struct replace *r, int version, struct err *err)
{
	int why = EEXIST;

	for (int number = 1; number <= KEPT_MAX && why == EEXIST; number++) {
		name_kept(r, version, number);
		why = link(text_str(&r->real), text_str(&r->kept)) == 0 ? 0 : errno;
		if (why == 0 || is_same_file(text_str(&r->real), text_str(&r->kept)))
			return 0;
	}
	err_set(err, ERR_FILE, "the old history cannot be kept as \"%s\": %s", text_str(&r->kept),
		strerror(why));
	text_clear(&r->kept);
	return -1;
}

int replace_publish(struct replace *r, int version, struct err *err)
{
	if (sync_path(text_str(&r->copy), O_RDWR, err) < 0 || check_log(r, err) < 0 ||
		keep(r, version, err) < 0)
		return -1;
	if (sync_directory(r, err) == 0 && rename(text_str(&r->copy), text_str(&r->real)) == 0) {
		text_clear(&r->copy);
		return sync_directory(r, err);
	}
	if (err->code == ERR_NONE)
		err_set(err, ERR_FILE, "\"%s\" cannot be replaced: %s", text_str(&r->real),
			strerror(errno));
	unlink(text_str(&r->kept));
	text_clear(&r->kept);
	return -1;
}
