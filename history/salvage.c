/* Salvage: finds, trusts, imports and removes the journals of the dead. Not their format:
 * emergency.c reads slots.
 *
 * Invariants:
 * 1. A file is read and removed only by whoever holds its lock, which is taken within a
 *    transaction of the history: a later opener finds the file, or its rows.
 * 2. It is removed only behind the commit of its rows; killed between, the next one finds the
 *    rows known. */
#include "history/salvage.h"

#include "history/emergency.h"
#include "history/linux.h"
#include "model/mem.h"
#include "model/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEAD_MAX 64

/* A journal of a dead process, in our hands. */
struct dead {
	int fd;
	char name[NAME_MAX + 1];
};

/* ---- rows ---- */

/* Adds what a slot has and the history lacks. */
static enum schema_result import_slot(
	struct journal *j, const struct emergency_found *f, struct err *err)
{
	bool added;
	enum schema_result result = journal_intent(j, &f->decision, err);

	if (result == SCHEMA_OK && f->has_outcome)
		result = journal_outcome(j, &f->outcome, &added, err);
	return result;
}

static enum schema_result tell_damage(
	struct journal *j, const struct dead *file, int64_t at_ms, int damaged, struct err *err)
{
	struct journal_event e = {.at_ms = at_ms, .recording = UNKNOWN, .tick = UNKNOWN};
	struct text text = {0};

	text_copy(e.kind, sizeof e.kind, "emergency");
	text_addf(&text, "%d of %d slots of %.100s are damaged: a rollback or hold may be missing",
		damaged, EMERGENCY_SLOTS, file->name);
	text_clean(e.text, sizeof e.text, text_str(&text), text.len);
	text_free(&text);
	return journal_event(j, &e, err);
}

static int by_time(const void *a, const void *b)
{
	const struct emergency_found *x = a, *y = b;

	return (x->decision.at_ms > y->decision.at_ms) - (x->decision.at_ms < y->decision.at_ms);
}

/* Slots are used again, so their order says nothing: the oldest decision goes first. */
static enum schema_result import_slots(struct journal *j, const void *bytes,
	const struct dead *file, int64_t at_ms, struct err *err)
{
	struct emergency_found *found = mem_new(EMERGENCY_SLOTS, sizeof *found);
	enum schema_result result = SCHEMA_OK;
	int damaged = 0;

	for (size_t i = 0; i < EMERGENCY_SLOTS; i++)
		emergency_read(&found[i], bytes, i);
	qsort(found, EMERGENCY_SLOTS, sizeof *found, by_time);
	for (size_t i = 0; i < EMERGENCY_SLOTS && result == SCHEMA_OK; i++) {
		if (found[i].has_decision)
			result = import_slot(j, &found[i], err);
		damaged += found[i].is_damaged || result == SCHEMA_REFUSED;
		if (result == SCHEMA_REFUSED)
			result = SCHEMA_OK;
	}
	if (result == SCHEMA_OK && damaged > 0)
		result = tell_damage(j, file, at_ms, damaged, err);
	free(found);
	return result;
}

/* `*ours` tells whether the file may be removed when its rows are committed. */
static enum schema_result import_file(
	struct journal *j, const struct dead *file, bool *ours, struct err *err)
{
	enum schema_result result = SCHEMA_OK;
	struct stat st;
	void *bytes;

	*ours = false;
	if (fstat(file->fd, &st) < 0)
		return SCHEMA_OK;
	/* one that was killed before the file had its size has nothing to tell */
	*ours = st.st_size == 0;
	bytes = mem_new(1, EMERGENCY_BYTES);
	if (pread(file->fd, bytes, EMERGENCY_BYTES, 0) == EMERGENCY_BYTES &&
		emergency_is_journal(bytes)) {
		*ours = true;
		result = import_slots(j, bytes, file,
			(int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000, err);
	}
	free(bytes);
	return result;
}

/* ---- files ---- */

/* A file that only those can have written who may write the history itself. */
static bool is_trusted(const struct stat *file, const struct stat *history)
{
	const bool shared = (history->st_mode & S_IWGRP) != 0 && file->st_gid == history->st_gid;

	return S_ISREG(file->st_mode) && file->st_nlink == 1 && (file->st_mode & S_IWOTH) == 0 &&
		(file->st_size == 0 || file->st_size == EMERGENCY_BYTES) &&
		(file->st_uid == geteuid() || file->st_uid == history->st_uid || shared);
}

/* Opens and locks a file; -1 when its process lives or it is not ours. It is looked at before it
 * is opened, too: to open and close what is the history under a second name would drop SQLite's
 * locks. */
static int take(int dir, const char *name, const struct stat *history)
{
	struct stat st;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_trusted(&st, history))
		return -1;
	fd = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (linux_lock(fd, 0, LINUX_EXCLUSIVE) == 0 && fstat(fd, &st) == 0 &&
		is_trusted(&st, history))
		return fd;
	close(fd);
	return -1;
}

static const char *file_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static DIR *open_dir(const char *path)
{
	struct text name = {0};
	DIR *dir;

	text_add_n(&name, path, (size_t)(file_of(path) - path));
	dir = opendir(name.len > 0 ? text_str(&name) : ".");
	text_free(&name);
	return dir;
}

/* The next file that is named like a journal of the history, but for our own; NULL at the end.
 */
static const char *next_name(DIR *dir, const char *history, const char *own)
{
	const char *base = file_of(history);
	const size_t len = strlen(base);

	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (strncmp(e->d_name, base, len) == 0 &&
			strncmp(e->d_name + len, EMERGENCY_TAIL, strlen(EMERGENCY_TAIL)) == 0 &&
			(own == NULL || strcmp(e->d_name, file_of(own)) != 0))
			return e->d_name;
	return NULL;
}

/* Imports what lies there. `files` gets those that are to be removed. */
static enum schema_result import_all(struct journal *j, const char *own, DIR *dir,
	struct dead *files, size_t *count, struct err *err)
{
	enum schema_result result = SCHEMA_OK;
	struct stat history;
	const char *name;

	if (stat(j->path, &history) < 0)
		return SCHEMA_OK;
	while (result == SCHEMA_OK && *count < DEAD_MAX &&
		(name = next_name(dir, j->path, own)) != NULL) {
		struct dead *file = &files[*count];
		bool ours;

		file->fd = take(dirfd(dir), name, &history);
		if (file->fd < 0)
			continue;
		text_copy(file->name, sizeof file->name, name);
		result = import_file(j, file, &ours, err);
		if (ours)
			++*count;
		else
			close(file->fd);
	}
	return result;
}

static enum schema_result import_and_commit(struct journal *j, const char *own, DIR *dir,
	struct dead *files, size_t *count, struct err *err)
{
	enum schema_result result = journal_begin(j, err);

	if (result != SCHEMA_OK)
		return result;
	result = import_all(j, own, dir, files, count, err);
	if (result == SCHEMA_OK)
		return journal_commit(j, err);
	journal_rollback(j);
	return result;
}

/* In a directory that only others may change it is emptied instead; where that fails, too, its
 * rows are known to the next one. */
static void remove_file(int dir, const struct dead *file)
{
	if (unlinkat(dir, file->name, 0) == 0)
		return;
	if (ftruncate(file->fd, 0) < 0)
		return;
}

enum schema_result salvage(struct journal *j, const char *own, struct err *err)
{
	enum schema_result result = SCHEMA_OK;
	DIR *dir = open_dir(j->path);
	struct dead *files;
	size_t count = 0;

	if (dir == NULL)
		return SCHEMA_OK;
	files = mem_new(DEAD_MAX, sizeof *files);
	if (next_name(dir, j->path, own) != NULL) {
		rewinddir(dir);
		result = import_and_commit(j, own, dir, files, &count, err);
	}
	for (size_t i = 0; i < count; i++) {
		if (result == SCHEMA_OK)
			remove_file(dirfd(dir), &files[i]);
		close(files[i].fd);
	}
	free(files);
	closedir(dir);
	return result;
}
