/* Tape: an array of changes. A disk is played from its beginning each time: a list of files,
 * each with the bytes that are lasting and the changes that are not, and with two answers to
 * whether its name is there: now, and on the disk.
 *
 * Invariant: a name that was removed and made again is a new file; on the disk the name may
 * still lead to the old one. */
#include "tests/lib/vfs_tape.h"

#include "model/mem.h"
#include "model/text.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512
#define FILES_MAX 32

struct change {
	enum vfs_change_kind kind;
	char name[48];
	int64_t at;
	unsigned char *bytes;
	size_t len;
};

struct vfs_tape {
	pthread_mutex_t mutex;
	struct change *changes;
	size_t count, cap;
};

struct vfs_tape *vfs_tape_new(void)
{
	struct vfs_tape *t = mem_new(1, sizeof *t);

	pthread_mutex_init(&t->mutex, NULL);
	return t;
}

void vfs_tape_free(struct vfs_tape *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->count; i++)
		free(t->changes[i].bytes);
	free(t->changes);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

void vfs_tape_add(void *tape, const struct vfs_change *change)
{
	struct vfs_tape *t = tape;
	struct change c = {.kind = change->kind, .at = change->at, .len = change->len};

	if (change->path != NULL) {
		const char *slash = strrchr(change->path, '/');

		text_copy(c.name, sizeof c.name, slash != NULL ? slash + 1 : change->path);
	}
	if (c.len > 0) {
		c.bytes = mem_new(1, c.len);
		memcpy(c.bytes, change->bytes, c.len);
	}
	pthread_mutex_lock(&t->mutex);
	mem_grow(&t->changes, &t->cap, t->count + 1, sizeof *t->changes);
	t->changes[t->count++] = c;
	pthread_mutex_unlock(&t->mutex);
}

size_t vfs_tape_count(struct vfs_tape *t)
{
	size_t count;

	pthread_mutex_lock(&t->mutex);
	count = t->count;
	pthread_mutex_unlock(&t->mutex);
	return count;
}

bool vfs_tape_is_sync(const struct vfs_tape *t, size_t i)
{
	return t->changes[i].kind == VFS_SYNCED || t->changes[i].kind == VFS_NAMES_SYNCED;
}

/* ---- a file on the disk ---- */

struct disk_file {
	const char *name;
	bool named, named_lasting;
	unsigned char *bytes; /* lasting */
	size_t len, cap;
	const struct change **loose; /* not lasting yet, in order */
	size_t loose_count, loose_cap;
};

struct disk {
	struct disk_file files[FILES_MAX];
	size_t count;
	uint64_t random;
};

static uint64_t next_random(struct disk *d)
{
	uint64_t z = d->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void resize(struct disk_file *f, size_t len)
{
	mem_grow(&f->bytes, &f->cap, len, 1);
	if (len > f->len)
		memset(f->bytes + f->len, 0, len - f->len);
	f->len = len;
}

static void put(struct disk_file *f, const struct change *c, size_t from, size_t len)
{
	const size_t at = (size_t)c->at + from;

	if (at + len > f->len)
		resize(f, at + len);
	memcpy(f->bytes + at, c->bytes + from, len);
}

static void apply(struct disk_file *f, const struct change *c)
{
	if (c->kind == VFS_CUT)
		resize(f, (size_t)c->at);
	else
		put(f, c, 0, c->len);
}

/* Applies those sectors of a write that the seed lets through. */
static void apply_torn(struct disk *d, struct disk_file *f, const struct change *c)
{
	if (c->kind == VFS_CUT) {
		if (next_random(d) % 2 != 0)
			apply(f, c);
		return;
	}
	for (size_t i = 0; i < c->len;) {
		size_t n = SECTOR - ((size_t)c->at + i) % SECTOR;

		n = n < c->len - i ? n : c->len - i;
		if (next_random(d) % 2 != 0)
			put(f, c, i, n);
		i += n;
	}
}

static void settle(struct disk_file *f)
{
	for (size_t i = 0; i < f->loose_count; i++)
		apply(f, f->loose[i]);
	f->loose_count = 0;
}

/* ---- playing ---- */

/* The file that a name leads to now; NULL when there is none. */
static struct disk_file *find(struct disk *d, const char *name)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->files[i].named && strcmp(d->files[i].name, name) == 0)
			return &d->files[i];
	return NULL;
}

static void play(struct disk *d, const struct change *c)
{
	struct disk_file *f = find(d, c->name);

	switch (c->kind) {
	case VFS_MADE:
		if (f == NULL && d->count < FILES_MAX)
			d->files[d->count++] = (struct disk_file){.name = c->name, .named = true};
		break;
	case VFS_REMOVED:
		if (f != NULL)
			f->named = false;
		break;
	case VFS_NAMES_SYNCED:
		for (size_t i = 0; i < d->count; i++)
			d->files[i].named_lasting = d->files[i].named;
		break;
	case VFS_SYNCED:
		if (f != NULL)
			settle(f);
		break;
	case VFS_WRITTEN:
	case VFS_CUT:
		if (f == NULL)
			break;
		mem_grow(&f->loose, &f->loose_cap, f->loose_count + 1, sizeof(*f->loose));
		f->loose[f->loose_count++] = c;
		break;
	}
}

/* ---- the cut ---- */

enum mode { NONE, ALL, FIRST, SOME, SECTORS, MODES };

static void cut(struct disk *d, struct disk_file *f, enum mode mode)
{
	const size_t first = f->loose_count > 0 ? next_random(d) % (f->loose_count + 1) : 0;

	for (size_t i = 0; i < f->loose_count; i++) {
		const struct change *c = f->loose[i];

		if (mode == ALL || (mode == FIRST && i < first) ||
			(mode == SOME && next_random(d) % 2 != 0))
			apply(f, c);
		else if (mode == SECTORS || (mode == FIRST && i == first))
			apply_torn(d, f, c);
	}
}

static bool write_file(const struct disk_file *f, const char *dir)
{
	char path[600];
	FILE *file;
	bool good;

	snprintf(path, sizeof path, "%.500s/%s", dir, f->name);
	file = fopen(path, "wb");
	if (file == NULL)
		return false;
	good = fwrite(f->bytes != NULL ? (const void *)f->bytes : "", 1, f->len, file) == f->len;
	return fclose(file) == 0 && good;
}

/* Whether the name leads to it; before its sync it may, or may still. */
static bool is_there(struct disk *d, const struct disk_file *f, enum mode mode)
{
	const bool now = mode == ALL || (mode != NONE && next_random(d) % 2 != 0);

	return now ? f->named : f->named_lasting;
}

bool vfs_tape_lose(const struct vfs_tape *t, size_t count, uint64_t seed, const char *dir)
{
	const enum mode mode = (enum mode)(seed % MODES);
	struct disk *d = mem_new(1, sizeof *d);
	bool good = true;

	d->random = seed * 0x2545f4914f6cdd1du + count;
	for (size_t i = 0; i < count && i < t->count; i++)
		play(d, &t->changes[i]);
	/* An older file first: a newer one with its name stands in its place. */
	for (size_t i = 0; i < d->count; i++)
		if (is_there(d, &d->files[i], mode)) {
			cut(d, &d->files[i], mode);
			good = write_file(&d->files[i], dir) && good;
		}
	for (size_t i = 0; i < d->count; i++) {
		free(d->files[i].bytes);
		free(d->files[i].loose);
	}
	free(d);
	return good;
}
