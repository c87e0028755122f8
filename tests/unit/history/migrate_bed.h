/* Migrate bed: files of earlier versions, and a migration that is watched. */
#ifndef WEIR_TESTS_UNIT_HISTORY_MIGRATE_BED_H
#define WEIR_TESTS_UNIT_HISTORY_MIGRATE_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/history/fixture.h"
#include "history/lock.h"
#include "history/migrate.h"
#include "history/schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define FIXTURES "tests/fixtures/history/"
#define BAD_ROWS 7 /* of v1-nulls.db */
#define BUFFER (1024 * 1024)

/* ---- files ---- */

static inline size_t read_whole(const char *path, char *out)
{
	const int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, out, BUFFER);
	assert_true(n >= 0 && n < BUFFER);
	close(fd);
	return (size_t)n;
}

static inline void write_whole(const char *path, const char *bytes, size_t n)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static inline void copy_file(const char *from, const char *to)
{
	char *bytes = mem_new(1, BUFFER);

	write_whole(to, bytes, read_whole(from, bytes));
	free(bytes);
}

static inline bool is_same(const char *a, const char *b)
{
	char *x = mem_new(1, BUFFER), *y = mem_new(1, BUFFER);
	const size_t n = read_whole(a, x);
	const bool same = n == read_whole(b, y) && memcmp(x, y, n) == 0;

	free(x);
	free(y);
	return same;
}

/* A place whose history is a fixture. */
static inline void place_of(struct place *p, const char *fixture)
{
	char from[128];

	place_make(p);
	snprintf(from, sizeof from, FIXTURES "%s", fixture);
	copy_file(from, p->path);
}

static inline void beside(const struct place *p, char out[256], const char *name)
{
	snprintf(out, 256, "%s/%s", p->dir, name);
}

static inline bool is_there(const struct place *p, const char *name)
{
	char path[256];

	beside(p, path, name);
	return access(path, F_OK) == 0;
}

/* How many files lie there, but for the lock. */
static inline int files(const struct place *p)
{
	DIR *d = opendir(p->dir);
	int n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.' && strcmp(e->d_name, "history.db-lock") != 0;
	closedir(d);
	return n;
}

/* So many samples that the watch is called on the way. */
static inline void grow(const char *path)
{
	execute(path,
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5500)"
		" INSERT INTO sample (key, at_ms, interval_ms, flags) SELECT i << 28 | 9, i, 100, 0"
		" FROM n");
}

/* ---- a migration that is watched ---- */

struct watching {
	int calls, last; /* the last call that may go on; 0: all may */
	int64_t done, total;
	void (*act)(void *ctx);
	void *ctx;
};

static inline bool watch(void *ctx, int64_t done, int64_t total)
{
	struct watching *w = ctx;

	assert_true(w->calls == 0 ? done == 0 : done >= w->done);
	assert_true(done <= total);
	w->calls++;
	w->done = done;
	w->total = total;
	if (w->act != NULL)
		w->act(w->ctx);
	return w->last == 0 || w->calls <= w->last;
}

static inline enum schema_result run(
	const char *path, struct migrate_report *out, struct watching *w, struct err *err)
{
	return migrate(out, path, &(struct migrate_watch){watch, w}, err);
}

static inline void migrated(const char *path, struct migrate_report *out)
{
	struct watching w = {0};
	struct err err;
	const enum schema_result r = run(path, out, &w, &err);

	if (r != SCHEMA_OK)
		fail_msg("W%d %s", err.code, err.text);
	assert_true(w.calls > 0);
	assert_int_equal(w.total, out->rows + out->quarantined);
}

/* Rows of one file that the other has not. */
static inline int64_t missing(
	const char *path, const char *other, const char *table, const char *columns)
{
	char sql[900];
	sqlite3 *db;
	sqlite3_stmt *s;
	int64_t n;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	snprintf(sql, sizeof sql, "ATTACH '%s' AS other", other);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	snprintf(sql, sizeof sql,
		"SELECT count(*) FROM (SELECT %s FROM main.%s EXCEPT SELECT %s FROM other.%s)", columns,
		table, columns, table);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static const struct {
	const char *name, *columns;
} tables[] = {
	{"key", "*"},
	{"recording", "*"},
	{"decision", "*"},
	{"outcome", "*"},
	{"event", "*"},
	{"pool", "*"},
	{"node", "*"},
	{"series", "*"},
	{"sample",
		"key, t, series, at_ms, interval_ms, flags, requests, ok, failed_timeout, sessions, p50_us,"
		" p99_us, workers_total, memory_bytes, latency, session_latency"},
};
#define TABLES (sizeof tables / sizeof *tables)

/* Both have the same rows, value by value and type by type. */
static inline void expect_same_rows(const char *path, const char *other)
{
	for (size_t t = 0; t < TABLES; t++) {
		const int64_t lost = missing(path, other, tables[t].name, tables[t].columns),
					  more = missing(other, path, tables[t].name, tables[t].columns);

		if (lost != 0 || more != 0)
			fail_msg("%s: %lld and %lld rows differ", tables[t].name, (long long)lost,
				(long long)more);
	}
}

static const char *const whole_fixtures[] = {"v1-first.db", "v1.db"};
#define WHOLE_FIXTURES (sizeof whole_fixtures / sizeof *whole_fixtures)

static inline void fixture_path(char out[128], const char *name)
{
	snprintf(out, 128, FIXTURES "%s", name);
}

#endif
