/* Store: reads and appends the control log. Not a database: control.c keeps what it needs of
 * the records in memory.
 *
 * The file: a line naming the format, then one record a line: fields parted by tabs, the last
 * one a hash of all before it.
 *
 * Invariants:
 * 1. `length` bytes of the file are whole, checked lines; nothing is ever written before it.
 * 2. A line counts as stored only after fdatasync; after a failed one the file is trusted no
 * more (the kernel may have dropped the page), so every later append fails. */
#define _GNU_SOURCE
#include "client/engine/store.h"

#include "client/engine/hash.h"
#include "model/mem.h"
#include "model/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER "weir control 1\n"
#define FIELDS 15
#define FILE_MAX (256 * 1024 * 1024)

struct store {
	int fd;
	bool broken;
	off_t length;
	struct store_record *records;
	size_t count, cap;
};

void store_line(struct text *t, const struct store_record *r)
{
	text_addf(t,
		"%" PRId64 "\t%" PRId64 "\t%s\t%d\t%d\t%" PRId64 "\t%" PRId64 "\t%s\t%d\t%d\t%s\t%s\t"
		"%016" PRIx64 "\t%s\t%s",
		r->seq, r->wall_ms, r->what, r->from_bp, r->to_bp, r->epoch, r->rev,
		strategy_name(r->strategy), r->baseline_bp, r->held, r->plan_hash, r->key, r->body_hash,
		r->actor, r->reason);
}

/* ---- reading ---- */

static bool read_int(const char *s, int64_t min, int64_t max, int *out)
{
	int64_t n;
	if (!unit_parse_int(s, min, max, &n))
		return false;
	*out = (int)n;
	return true;
}

static bool read_hex(const char *s, uint64_t *out)
{
	if (strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16)
		return false;
	*out = strtoull(s, NULL, 16);
	return true;
}

/* Reads one line (NUL-terminated, changed by this). */
static bool read_record(char *line, struct store_record *r)
{
	char *check = strrchr(line, '\t');
	uint64_t hash;
	if (!check || !read_hex(check + 1, &hash) ||
		hash != hash_bytes(line, (size_t)(check - line), 0))
		return false;
	*check = '\0';
	char *field[FIELDS];
	char *rest = line;
	int n = 0;
	while (rest && n < FIELDS)
		field[n++] = strsep(&rest, "\t");
	if (rest || n != FIELDS)
		return false;
	int held;
	*r = (struct store_record){.strategy = strategy_of(field[7])};
	return unit_parse_int(field[0], 0, INT64_MAX, &r->seq) &&
		unit_parse_int(field[1], 0, INT64_MAX, &r->wall_ms) &&
		text_copy(r->what, sizeof r->what, field[2]) &&
		read_int(field[3], -1, SHARE_FULL, &r->from_bp) &&
		read_int(field[4], -1, SHARE_FULL, &r->to_bp) &&
		unit_parse_int(field[5], 0, INT64_MAX, &r->epoch) &&
		unit_parse_int(field[6], 0, INT64_MAX, &r->rev) && r->strategy != STRATEGY_COUNT &&
		read_int(field[8], -1, SHARE_FULL, &r->baseline_bp) &&
		read_int(field[9], 0, 1, &held) && ((r->held = held), true) &&
		text_copy(r->plan_hash, sizeof r->plan_hash, field[10]) &&
		text_copy(r->key, sizeof r->key, field[11]) && read_hex(field[12], &r->body_hash) &&
		text_copy(r->actor, sizeof r->actor, field[13]) &&
		text_copy(r->reason, sizeof r->reason, field[14]);
}

static int parse(struct store *s, const char *path, char *data, size_t size, struct err *err)
{
	size_t header = strlen(HEADER);
	if (size < header && !memcmp(data, HEADER, size))
		return 0; /* new, or torn while it was made */
	if (size < header || memcmp(data, HEADER, header) != 0) {
		if (size > 13 && !memcmp(data, HEADER, 13))
			return err_set(err, ERR_NEWER, "a newer weir wrote \"%s\"; use that one", path);
		return err_set(err, ERR_DAMAGED,
			"\"%s\" is not a control log of weir; name another directory", path);
	}
	size_t at = header;
	s->length = (off_t)at;
	while (at < size) {
		char *end = memchr(data + at, '\n', size - at);
		if (!end)
			return 0;
		*end = '\0';
		mem_grow(&s->records, &s->cap, s->count + 1, sizeof *s->records);
		if (!read_record(data + at, &s->records[s->count])) {
			if (end + 1 == data + size)
				return 0;
			return err_set(err, ERR_DAMAGED,
				"\"%s\" is damaged at byte %zu; restore it, or start with an empty directory",
				path, at);
		}
		s->count++;
		at = (size_t)(end + 1 - data);
		s->length = (off_t)at;
	}
	return 0;
}

static int load(struct store *s, const char *path, struct err *err)
{
	struct stat st;
	if (fstat(s->fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return err_set(err, ERR_FILE, "\"%s\" is not a file of at most 256 MiB", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(err, ERR_UNSAFE_FILE,
			"\"%s\" can be written by others; make it yours alone (chmod 600)", path);
	size_t size = (size_t)st.st_size;
	char *data = mem_new(size + 1, 1);
	size_t got = 0;
	ssize_t n = 1;
	while (got < size && n > 0) {
		n = pread(s->fd, data + got, size - got, (off_t)got);
		got += n > 0 ? (size_t)n : 0;
	}
	int result = n < 0 ? err_set(err, ERR_FILE, "cannot read \"%s\": %s", path, strerror(errno))
					   : parse(s, path, data, got, err);
	free(data);
	return result;
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

static bool put(struct store *s, const char *data, size_t len)
{
	if (s->broken)
		return false;
	bool written = write_all(s->fd, data, len, s->length);
	if (written && !fdatasync(s->fd)) {
		s->length += (off_t)len;
		return true;
	}
	/* A restart must not find what was refused. */
	bool cut = !ftruncate(s->fd, s->length);
	s->broken = written || !cut;
	return false;
}

bool store_append(struct store *s, const struct store_record *r)
{
	struct text line = {0};
	store_line(&line, r);
	text_addf(&line, "\t%016" PRIx64 "\n", hash_bytes(line.data, line.len, 0));
	bool stored = put(s, line.data, line.len);
	text_free(&line);
	return stored;
}

/* Makes the new file's name durable too. */
static void sync_directory(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

int store_open(struct store **out, const char *dir, struct err *err)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_set(
			err, ERR_FILE, "cannot make the directory \"%s\": %s", dir, strerror(errno));
	struct text path = {0};
	text_addf(&path, "%s/control.log", dir);
	const char *name = text_str(&path);
	struct store *s = mem_new(1, sizeof *s);
	int result = -1;
	s->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0) {
		err_set(err, ERR_FILE, "cannot open \"%s\": %s", name, strerror(errno));
	} else if (flock(s->fd, LOCK_EX | LOCK_NB)) {
		err_set(err, ERR_LOCKED,
			"\"%s\" is in use by another pool; give each its own directory", name);
	} else if (!load(s, name, err)) {
		if (ftruncate(s->fd, s->length) || (!s->length && !put(s, HEADER, strlen(HEADER))))
			err_set(err, ERR_FILE, "cannot write \"%s\": %s", name, strerror(errno));
		else
			result = 0;
	}
	if (!result) {
		sync_directory(dir);
		*out = s;
	} else {
		store_close(s);
	}
	text_free(&path);
	return result;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->records);
	free(s);
}

const struct store_record *store_record_at(const struct store *s, size_t i)
{
	return i < s->count ? &s->records[i] : NULL;
}
