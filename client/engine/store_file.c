/* Store file: the control log on the disk. Not a database: control.c keeps what it needs of
 * the records in memory.
 *
 * The file: a line naming the format, then one record a line (store_record.c).
 *
 * Invariants:
 * 1. `length` bytes of the file are whole, checked lines; nothing is ever written before it.
 * 2. A line counts as stored only after fdatasync; after a failed one the file is trusted no
 *    more (the kernel may have dropped the page), so every later append fails.
 * 3. A rewritten file takes the old one's name only when it is whole and synced.
 * 4. A void directly behind the change of its key takes that change back: it was given up while
 *    it was being written. */
#define _GNU_SOURCE
#include "client/engine/store_file.h"

#include "model/mem.h"
#include "model/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TITLE "weir control "
#define HEADER_LEN (sizeof TITLE + 1)
#define FILE_MAX (256 * 1024 * 1024)
#define ROOM_MAX (192 * 1024 * 1024)
#define WORTH 256 /* so many records fewer are worth a rewrite */

/* ---- reading ---- */

/* The first line of a file, by its format. */
static const char *const headers[] = {
	[1] = TITLE "1\n", [2] = TITLE "2\n", [STORE_FORMAT] = TITLE "3\n"};

/* The format that the first line names, 0 for an empty or torn one, -1 with err. */
static int format_of(const char *path, const char *data, size_t size, struct err *err)
{
	for (int format = STORE_FORMAT; format > 0; format--) {
		size_t len = size < HEADER_LEN ? size : HEADER_LEN;
		if (memcmp(data, headers[format], len) == 0)
			return len < HEADER_LEN ? 0 : format;
	}
	if (size >= HEADER_LEN && !memcmp(data, TITLE, sizeof TITLE - 1))
		return err_set(err, ERR_NEWER, "a newer weir wrote \"%s\"; use that one", path);
	return err_set(
		err, ERR_DAMAGED, "\"%s\" is not a control log of weir; name another directory", path);
}

static void take_record(struct store_file *f, const struct store_record *r)
{
	const struct store_record *last = f->count ? &f->records[f->count - 1] : NULL;
	if (last && !r->seq && last->seq && !strcmp(last->key, r->key))
		f->count--;
	mem_grow(&f->records, &f->cap, f->count + 1, sizeof *f->records);
	f->records[f->count++] = *r;
}

static void note_cut(struct store_file *f, const char *path, size_t bytes)
{
	snprintf(f->note, sizeof f->note,
		"the last line of \"%.100s\" was not whole: %zu bytes cut off", path, bytes);
	text_clean_in(f->note, sizeof f->note);
}

static uint64_t head_of(const struct store_file *f)
{
	return f->count ? f->records[f->count - 1].head : 0;
}

/* Reads what was loaded; `*format` gets that of the file. */
static int parse(
	struct store_file *f, const char *path, size_t size, int *format, struct err *err)
{
	*format = format_of(path, f->data, size, err);
	if (*format <= 0)
		return *format;
	size_t at = HEADER_LEN;
	f->length = (off_t)at;
	for (int64_t line = 2; at < size; line++) {
		struct store_record r;
		char *end = memchr(f->data + at, '\n', size - at);
		bool last = !end || end + 1 == f->data + size;
		if (end)
			*end = '\0';
		if (!end || !store_record_read(&r, f->data + at, *format, head_of(f))) {
			if (!last)
				return err_set(err, ERR_DAMAGED,
					"\"%s\" is damaged at byte %zu; restore it, or start with an empty "
					"directory",
					path, at);
			note_cut(f, path, size - at);
			return 0;
		}
		r.line = line;
		take_record(f, &r);
		at = (size_t)(end + 1 - f->data);
		f->length = (off_t)at;
	}
	return 0;
}

static int load(struct store_file *f, const char *path, int *format, struct err *err)
{
	struct stat st;
	if (fstat(f->fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return err_set(err, ERR_FILE, "\"%s\" is not a file of at most 256 MiB", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, ERR_UNSAFE_FILE,
			"\"%s\" can be written by others; make it yours alone (chmod 600)", path);
	size_t size = (size_t)st.st_size, got = 0;
	f->data = mem_new(size + 1, 1);
	ssize_t n = 1;
	while (got < size && n != 0) {
		n = pread(f->fd, f->data + got, size - got, (off_t)got);
		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_FILE, "cannot read \"%s\": %s", path, strerror(errno));
		got += n > 0 ? (size_t)n : 0;
	}
	return parse(f, path, got, format, err);
}

/* ---- writing ---- */

static bool write_all(int fd, const char *data, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return true;
}

static bool cut(struct store_file *f)
{
	int failed;
	do
		failed = ftruncate(f->fd, f->length);
	while (failed && errno == EINTR);
	return !failed;
}

static bool sync_file(struct store_file *f)
{
	int failed;
	do
		failed = f->sync ? f->sync(f->ctx, f->fd) : fdatasync(f->fd);
	while (failed && errno == EINTR);
	return !failed;
}

bool store_file_append(struct store_file *f, const char *data, size_t len)
{
	if (f->broken)
		return false;
	bool written = write_all(f->fd, data, len, f->length);
	if (written && sync_file(f)) {
		f->length += (off_t)len;
		return true;
	}
	/* A restart must not find what was refused. */
	bool is_cut = cut(f);
	f->broken = written || !is_cut;
	return false;
}

bool store_file_has_room(const struct store_file *f)
{
	return f->length < ROOM_MAX;
}

/* Makes a file's name durable too. */
static bool sync_directory(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool done = fd >= 0 && !fsync(fd);
	if (fd >= 0)
		close(fd);
	return done;
}

/* Writes the records to a new file that takes the old one's place, lock included. */
static int rewrite(struct store_file *f, const char *dir, const char *path, struct err *err)
{
	struct text beside = {0}, all = {0};
	text_addf(&beside, "%s.new", path);
	const char *name = text_str(&beside);
	text_add(&all, headers[STORE_FORMAT]);
	for (size_t i = 0; i < f->count; i++) {
		store_record_line(&all, &f->records[i]);
		f->records[i].line = (int64_t)i + 2;
	}
	unlink(name);
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool done = fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) &&
		write_all(fd, all.data, all.len, 0) && !fsync(fd) && !rename(name, path) &&
		sync_directory(dir);
	if (done) {
		close(f->fd);
		f->fd = fd;
		f->length = (off_t)all.len;
	} else {
		err_set(err, ERR_FILE, "cannot rewrite \"%s\": %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		unlink(name);
	}
	text_free(&beside);
	text_free(&all);
	return done ? 0 : -1;
}

/* ---- opening ---- */

static int open_directory(const char *dir, struct err *err)
{
	struct stat st;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_set(
			err, ERR_FILE, "cannot make the directory \"%s\": %s", dir, strerror(errno));
	if (stat(dir, &st))
		return err_set(err, ERR_FILE, "cannot look at \"%s\": %s", dir, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_FILE, "\"%s\" is not a directory", dir);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, ERR_UNSAFE_FILE,
			"\"%s\" can be written by others; make it yours alone (chmod 700)", dir);
	return 0;
}

/* Locks the file that has the name: one that was replaced meanwhile is not it. */
static bool lock_file(int fd, const char *path)
{
	struct stat mine, named;
	int failed;
	do
		failed = flock(fd, LOCK_EX | LOCK_NB);
	while (failed && errno == EINTR);
	return !failed && !fstat(fd, &mine) && !stat(path, &named) && mine.st_ino == named.st_ino &&
		mine.st_dev == named.st_dev;
}

static int ready(struct store_file *f, const char *dir, const char *path, int format,
	int64_t now_wall_ms, struct err *err)
{
	size_t had = f->count;
	f->count = store_record_compact(f->records, f->count, now_wall_ms);
	if ((format && format < STORE_FORMAT) || f->count + WORTH <= had)
		return rewrite(f, dir, path, err);
	if (!cut(f) || (!f->length && !store_file_append(f, headers[STORE_FORMAT], HEADER_LEN)))
		return err_set(err, ERR_FILE, "cannot write \"%s\": %s", path, strerror(errno));
	(void)sync_directory(dir);
	return 0;
}

int store_file_open(struct store_file *f, const char *dir, int64_t now_wall_ms, struct err *err)
{
	f->fd = -1;
	if (open_directory(dir, err))
		return -1;
	struct text path = {0};
	text_addf(&path, "%s/control.log", dir);
	const char *name = text_str(&path);
	int result, format = 0;
	f->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0)
		result = err_set(err, ERR_FILE, "cannot open \"%s\": %s", name, strerror(errno));
	else if (!lock_file(f->fd, name))
		result = err_set(err, ERR_LOCKED,
			"\"%s\" is in use by another pool; give each its own directory", name);
	else
		result = load(f, name, &format, err);
	if (!result)
		result = ready(f, dir, name, format, now_wall_ms, err);
	text_free(&path);
	return result;
}

void store_file_forget(struct store_file *f)
{
	free(f->records);
	free(f->data);
	f->records = NULL;
	f->data = NULL;
	f->count = f->cap = 0;
}

void store_file_close(struct store_file *f)
{
	store_file_forget(f);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
