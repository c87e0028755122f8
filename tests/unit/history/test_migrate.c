/* migrate: files of earlier versions, as they are in tests/fixtures/history, brought to this one:
 * every row there, the old file kept, and whatever goes wrong on the way the old one as it was.
 * That a kill at any call does no harm is tests/e2e/test_upgrade.c's. */
#include "tests/unit/history/fixture.h"

#include "history/lock.h"
#include "history/migrate.h"
#include "history/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#define FIXTURES "tests/fixtures/history/"
#define BAD_ROWS 7 /* of v1-nulls.db */
#define BUFFER (1024 * 1024)

/* ---- files ---- */

static size_t read_whole(const char *path, char *out)
{
	const int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, out, BUFFER);
	assert_true(n >= 0 && n < BUFFER);
	close(fd);
	return (size_t)n;
}

static void write_whole(const char *path, const char *bytes, size_t n)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static void copy_file(const char *from, const char *to)
{
	char *bytes = mem_new(1, BUFFER);

	write_whole(to, bytes, read_whole(from, bytes));
	free(bytes);
}

static bool is_same(const char *a, const char *b)
{
	char *x = mem_new(1, BUFFER), *y = mem_new(1, BUFFER);
	const size_t n = read_whole(a, x);
	const bool same = n == read_whole(b, y) && memcmp(x, y, n) == 0;

	free(x);
	free(y);
	return same;
}

/* A place whose history is a fixture. */
static void place_of(struct place *p, const char *fixture)
{
	char from[128];

	place_make(p);
	snprintf(from, sizeof from, FIXTURES "%s", fixture);
	copy_file(from, p->path);
}

static void beside(const struct place *p, char out[256], const char *name)
{
	snprintf(out, 256, "%s/%s", p->dir, name);
}

static bool is_there(const struct place *p, const char *name)
{
	char path[256];

	beside(p, path, name);
	return access(path, F_OK) == 0;
}

/* How many files lie there, but for the lock. */
static int files(const struct place *p)
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
static void grow(const char *path)
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

static bool watch(void *ctx, int64_t done, int64_t total)
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

static enum schema_result run(
	const char *path, struct migrate_report *out, struct watching *w, struct err *err)
{
	return migrate(out, path, &(struct migrate_watch){watch, w}, err);
}

static void migrated(const char *path, struct migrate_report *out)
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
static int64_t missing(
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
static void expect_same_rows(const char *path, const char *other)
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

static void fixture_path(char out[128], const char *name)
{
	snprintf(out, 128, FIXTURES "%s", name);
}

/* ---- nothing to do ---- */

static void h01_a_new_history_needs_none(void **state)
{
	struct migrate_report report;
	struct watching w = {0};
	struct place p;
	struct err err;

	(void)state;
	place_make(&p);
	settle(start_opened(&p, "kim@ops1"));
	assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_OK);
	assert_int_equal(report.from, 0);
	assert_int_equal(w.calls, 0);
	assert_false(is_there(&p, "history-v2.db"));
	place_clean(&p);
}

static void h02_the_newest_version_is_left_as_it_is(void **state)
{
	struct migrate_report report;
	struct watching w = {0};
	struct history *h;
	struct place p;
	struct err err;
	char copy[256];
	int n;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-1", T0);
	settle(h);
	beside(&p, copy, "copy");
	copy_file(p.path, copy);
	n = files(&p);
	assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_OK);
	assert_int_equal(w.calls, 0);
	assert_true(is_same(p.path, copy));
	assert_int_equal(files(&p), n);
	place_clean(&p);
}

/* ---- what is there behind it ---- */

static void h03_the_old_and_the_new_file_are_all_that_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < WHOLE_FIXTURES; i++) {
		struct migrate_report report;
		struct place p;

		place_of(&p, whole_fixtures[i]);
		assert_int_equal(files(&p), 1);
		migrated(p.path, &report);
		assert_int_equal(report.from, 1);
		assert_int_equal(report.quarantined, 0);
		assert_string_equal(report.kept, "history-v1.db");
		assert_int_equal(files(&p), 2);
		assert_true(is_there(&p, "history-v1.db"));
		assert_int_equal(ask(p.path, "PRAGMA user_version"), SCHEMA_VERSION);
		assert_whole(p.path, NULL);
		place_clean(&p);
	}
}

/* A file of version 1 may have the column that came before its number did. */
static void h04_only_what_is_missing_is_added(void **state)
{
	struct migrate_report report;
	struct place p;

	(void)state;
	place_of(&p, "v1.db");
	execute(p.path,
		"INSERT INTO sample (key, at_ms, interval_ms, flags, failed_refused)"
		" VALUES (7, 1, 1, 0, 5), (8, 1, 1, 0, NULL)");
	migrated(p.path, &report);
	assert_int_equal(ask(p.path, "SELECT failed_refused FROM sample WHERE key = 7"), 5);
	assert_int_equal(ask(p.path, "SELECT failed_refused IS NULL FROM sample WHERE key = 8"), 1);
	place_clean(&p);
	place_of(&p, "v1-first.db");
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM pragma_table_info('sample')"
						 " WHERE name = 'failed_refused'"),
		0);
	migrated(p.path, &report);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample WHERE failed_refused = 0"),
		ask(p.path, "SELECT count(*) FROM sample"));
	place_clean(&p);
}

static void h05_given_up_among_the_rows_it_leaves_no_trace(void **state)
{
	(void)state;
	for (int last = 0; last < 5; last++) {
		struct watching w = {.last = last == 0 ? -1 : last};
		struct migrate_report report;
		struct place p;
		struct err err;
		char copy[256];

		place_of(&p, "v1.db");
		grow(p.path);
		beside(&p, copy, "copy");
		copy_file(p.path, copy);
		assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_REFUSED);
		assert_int_equal(err.code, ERR_HISTORY);
		assert_non_null(strstr(err.text, p.path));
		assert_int_equal(w.done, last * 1000);
		assert_int_equal(files(&p), 2);
		expect_same_rows(p.path, copy);
		migrated(p.path, &report);
		expect_same_rows(p.path, copy);
		place_clean(&p);
	}
}

/* A journal that comes while the copy is filled: it would be taken for the new file's. */
static void leave_log(void *ctx)
{
	write_whole(ctx, "log", 3);
}

static void h06_failed_at_the_last_step_it_leaves_no_trace(void **state)
{
	struct migrate_report report;
	struct place p;
	struct err err;
	char copy[256], log[256];
	struct watching w = {.act = leave_log, .ctx = log};

	(void)state;
	place_of(&p, "v1.db");
	beside(&p, copy, "copy");
	copy_file(p.path, copy);
	beside(&p, log, "history.db-wal");
	assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_BROKEN);
	assert_int_equal(err.code, ERR_LOCKED);
	assert_non_null(strstr(err.text, log));
	assert_int_equal(files(&p), 3);
	assert_int_equal(unlink(log), 0);
	assert_int_equal(ask(p.path, "PRAGMA user_version"), 1);
	expect_same_rows(p.path, copy);
	place_clean(&p);
}

static void h07_what_a_killed_one_left_is_cleared(void **state)
{
	static const char *const left[] = {
		"history.db.migrating", "history.db.migrating-journal", "history.db.migrating-wal"};
	struct migrate_report report;
	struct place p;
	char path[256], kept[256];

	(void)state;
	place_of(&p, "v1.db");
	for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
		beside(&p, path, left[i]);
		write_whole(path, "junk", 4);
	}
	/* killed behind the second name, and before that another one had this name */
	beside(&p, kept, "history-v1.2.db");
	beside(&p, path, "history-v1.db");
	write_whole(path, "mine", 4);
	assert_int_equal(link(p.path, kept), 0);
	migrated(p.path, &report);
	assert_string_equal(report.kept, "history-v1.2.db");
	assert_int_equal(files(&p), 3);
	assert_int_equal(ask(kept, "PRAGMA user_version"), 1);
	assert_int_equal(ask(p.path, "PRAGMA user_version"), SCHEMA_VERSION);
	place_clean(&p);
}

/* What the tables are declared as, but for blanks. The caller frees. */
static char *declared(const char *path)
{
	struct text all = {0};
	sqlite3_stmt *s;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
						 "SELECT type, name, tbl_name, ifnull(sql, '') FROM sqlite_schema"
						 " ORDER BY type, name",
						 -1, &s, NULL),
		SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		for (int i = 0; i < 4; i++)
			for (const char *c = (const char *)sqlite3_column_text(s, i); *c != '\0'; c++)
				if (strchr(" \t\n\"", *c) == NULL)
					text_add_n(&all, c, 1);
		text_add(&all, "\n");
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	return text_take(&all);
}

static void h08_a_migrated_file_is_declared_as_a_fresh_one(void **state)
{
	struct place fresh;
	char *want;

	(void)state;
	place_make(&fresh);
	settle(start_opened(&fresh, "kim@ops1"));
	want = declared(fresh.path);
	assert_non_null(strstr(want, "CREATETABLErollup"));
	assert_non_null(strstr(want, "CREATETABLEquarantine"));
	for (size_t i = 0; i <= WHOLE_FIXTURES; i++) {
		struct migrate_report report;
		struct place p;
		char *is;

		place_of(&p, i < WHOLE_FIXTURES ? whole_fixtures[i] : "v1-nulls.db");
		is = declared(p.path);
		assert_string_not_equal(is, want);
		free(is);
		migrated(p.path, &report);
		is = declared(p.path);
		assert_string_equal(is, want);
		free(is);
		place_clean(&p);
	}
	free(want);
	place_clean(&fresh);
}

static void h09_a_fields_name_in_a_text_is_a_text(void **state)
{
	struct migrate_report report;
	struct place p;

	(void)state;
	place_of(&p, "v1-nulls.db");
	migrated(p.path, &report);
	assert_int_equal(
		ask(p.path,
			"SELECT count(*) FROM decision WHERE id = 'whole-1' AND evidence ="
			" '{\"seq\":null}' AND reason = 'the word \"from_bp\": null in a text'"),
		1);
	place_clean(&p);
}

static void h10_nulls_stay_nulls(void **state)
{
	struct migrate_report report;
	struct place p;

	(void)state;
	place_of(&p, "v1-nulls.db");
	migrated(p.path, &report);
	assert_int_equal(
		ask(p.path,
			"SELECT count(*) FROM decision WHERE id = 'whole-1' AND"
			" from_bp IS NULL AND to_bp IS NULL AND epoch IS NULL AND rev IS NULL"),
		1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM outcome WHERE decision = 'whole-1'"
						 " AND latency_ms IS NULL"),
		1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM event WHERE kind = 'note' AND recording IS NULL"
						 " AND tick IS NULL AND detail IS NULL"),
		1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM sample WHERE key = 8 AND requests IS NULL"
						 " AND latency IS NULL AND failed_refused IS NULL"),
		1);
	place_clean(&p);
}

/* ---- what is not for us ---- */

static void expect_untouched(const char *fixture, enum err_code code)
{
	struct migrate_report report;
	struct watching w = {0};
	struct history_answer a;
	struct history *h;
	struct place p;
	struct err err;
	char from[128];

	place_of(&p, fixture);
	fixture_path(from, fixture);
	assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_BROKEN);
	assert_int_equal(err.code, code);
	assert_non_null(strstr(err.text, "history.db\""));
	assert_int_equal(files(&p), 1);
	/* and the same by the way that everybody takes */
	h = start(&p, "kim@ops1");
	wait_kind(h, HISTORY_FAILED, &a);
	assert_int_equal(a.err.code, code);
	history_answer_release(&a);
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	assert_false(is_there(&p, "history-v1.db"));
	assert_true(is_same(p.path, from));
	place_clean(&p);
}

static void h11_a_damaged_file_stays_as_it_is(void **state)
{
	(void)state;
	expect_untouched("v1-corrupt.db", ERR_DAMAGED);
	expect_untouched("v1-truncated.db", ERR_DAMAGED);
}

static void h12_a_newer_file_stays_as_it_is(void **state)
{
	(void)state;
	expect_untouched("newer.db", ERR_NEWER);
}

static void a_file_that_lacks_what_it_must_have_is_damaged(void **state)
{
	static const char *const cuts[] = {
		"DROP TABLE outcome", "ALTER TABLE pool RENAME COLUMN last_seen_ms TO seen"};

	(void)state;
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		struct migrate_report report;
		struct watching w = {0};
		struct place p;
		struct err err;

		place_of(&p, "v1.db");
		execute(p.path, cuts[i]);
		assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_BROKEN);
		assert_int_equal(err.code, ERR_DAMAGED);
		assert_int_equal(files(&p), 1);
		place_clean(&p);
	}
}

/* A view could be anything, also without end. */
static void a_view_in_the_place_of_a_table_is_damage(void **state)
{
	struct migrate_report report;
	struct watching w = {0};
	struct place p;
	struct err err;

	(void)state;
	place_of(&p, "v1.db");
	execute(p.path,
		"DROP TABLE outcome; CREATE VIEW outcome AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
		" SELECT i FROM n) SELECT i AS seq FROM n");
	assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_BROKEN);
	assert_int_equal(err.code, ERR_DAMAGED);
	place_clean(&p);
}

/* ---- bad rows ---- */

static void h13_rows_that_break_a_rule_are_set_aside_and_counted(void **state)
{
	struct history_answer a;
	struct history *h;
	struct place p;

	(void)state;
	place_of(&p, "v1-nulls.db");
	assert_int_equal(migrate_quarantined(p.path), 0); /* it has no such table yet */
	h = start(&p, "kim@ops1");
	wait_kind(h, HISTORY_OPENED, &a);
	assert_int_equal(a.migrated_from, 1);
	assert_int_equal(a.quarantined, BAD_ROWS);
	assert_string_equal(a.kept, "history-v1.db");
	history_answer_release(&a);
	settle(h);
	assert_int_equal(migrate_quarantined(p.path), BAD_ROWS);
	assert_int_equal(
		ask(p.path, "SELECT count(*) FROM quarantine WHERE version = 1"), BAD_ROWS);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM quarantine WHERE source = 'decision' AND"
						 " reason LIKE '%decision.actor%' AND raw LIKE '%actor=NULL%' AND"
						 " raw LIKE '%reason=''it''''s \"user_version\": 1''%'"),
		1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM quarantine WHERE source = 'decision' AND"
						 " reason LIKE '%UNIQUE%decision.id%'"),
		1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM quarantine WHERE source = 'outcome' AND"
						 " reason LIKE '%CHECK%' AND raw LIKE '%row=''bogus''%'"),
		1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM quarantine WHERE source = 'event' AND"
						 " reason LIKE '%TEXT%event.at_ms%' AND raw LIKE '%text=X''00ff''%'"),
		1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM quarantine WHERE source IN ('event', 'series')"
						 " AND reason LIKE '%FOREIGN KEY%'"),
		2);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM quarantine WHERE source = 'sample' AND"
						 " reason LIKE '%sample.flags%'"),
		1);
	/* it stays there, and is told in the file itself */
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM event WHERE kind = 'migrated' AND"
						 " json_extract(detail, '$.quarantined') = 7 AND"
						 " json_extract(detail, '$.kept') = 'history-v1.db'"),
		1);
	h = start(&p, "kim@ops1");
	wait_kind(h, HISTORY_OPENED, &a);
	assert_int_equal(a.migrated_from, 0);
	assert_int_equal(a.quarantined, BAD_ROWS);
	history_answer_release(&a);
	settle(h);
	place_clean(&p);
}

/* A key that is none would get one from SQLite. */
static void a_row_without_a_key_is_set_aside(void **state)
{
	struct migrate_report report;
	struct place p;

	(void)state;
	place_of(&p, "v1.db");
	execute(p.path,
		"PRAGMA writable_schema = ON; CREATE TEMP TABLE was AS SELECT * FROM series;"
		"DROP TABLE series; CREATE TABLE series (id INTEGER, recording INTEGER, pool_id TEXT,"
		" node_id TEXT, arm TEXT, operation TEXT, half INTEGER, layout TEXT);"
		"INSERT INTO series SELECT * FROM was;"
		"INSERT INTO series VALUES (NULL, 1, 'p', 'other', 'v1', NULL, NULL, 'x')");
	migrated(p.path, &report);
	assert_int_equal(report.quarantined, 1);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM series WHERE node_id = 'other'"), 0);
	place_clean(&p);
}

/* ---- a kill, roughly ---- */

static void die(void *ctx)
{
	int *left = ctx;

	if (--*left == 0)
		raise(SIGKILL);
}

static void h14_killed_among_the_rows_the_old_file_has_its_name(void **state)
{
	struct history_answer a;
	struct history *h;
	struct place p;
	char copy[256];

	(void)state;
	place_of(&p, "v1.db");
	grow(p.path);
	beside(&p, copy, "copy");
	copy_file(p.path, copy);
	for (int calls = 1; calls <= 6; calls++) {
		const pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0) {
			int left = calls;
			struct watching w = {.act = die, .ctx = &left};
			struct migrate_report report;
			struct err err;

			run(p.path, &report, &w, &err);
			_exit(1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_true(is_there(&p, "history.db.migrating"));
		assert_int_equal(ask(p.path, "PRAGMA user_version"), 1);
		expect_same_rows(p.path, copy);
	}
	h = start(&p, "kim@ops1");
	wait_kind(h, HISTORY_OPENED, &a);
	history_answer_release(&a);
	settle(h);
	assert_false(is_there(&p, "history.db.migrating"));
	assert_int_equal(ask(p.path, "PRAGMA user_version"), SCHEMA_VERSION);
	for (size_t t = 0; t < TABLES; t++)
		assert_int_equal(missing(copy, p.path, tables[t].name, tables[t].columns), 0);
	place_clean(&p);
}

static void h15_rows_keep_their_numbers_and_their_chain(void **state)
{
	(void)state;
	for (size_t i = 0; i < WHOLE_FIXTURES; i++) {
		struct chain_report before, behind;
		struct migrate_report report;
		struct err err = {0};
		struct place p;
		char from[128];

		fixture_path(from, whole_fixtures[i]);
		place_of(&p, whole_fixtures[i]);
		assert_int_equal(chain_verify(&before, p.path, NULL, NULL, NULL, &err), 0);
		assert_int_equal(before.broken_seq, 0);
		migrated(p.path, &report);
		expect_same_rows(p.path, from);
		assert_int_equal(chain_verify(&behind, p.path, before.head, NULL, NULL, &err), 0);
		assert_int_equal(behind.broken_seq, 0);
		assert_int_equal(behind.rows, before.rows);
		assert_int_equal(behind.samples, before.samples);
		assert_int_equal(behind.samples_open, before.samples_open);
		assert_int_equal(behind.checkpoints, before.checkpoints);
		assert_string_equal(behind.head, before.head);
		place_clean(&p);
	}
}

static void h16_the_old_file_is_kept_as_it_was(void **state)
{
	struct migrate_report report;
	struct stat before, behind;
	struct place p;
	char kept[256], from[128];

	(void)state;
	place_of(&p, "v1-first.db");
	fixture_path(from, "v1-first.db");
	assert_int_equal(chmod(p.path, 0660), 0);
	assert_int_equal(stat(p.path, &before), 0);
	migrated(p.path, &report);
	beside(&p, kept, "history-v1.db");
	assert_int_equal(stat(kept, &behind), 0);
	assert_int_equal(behind.st_ino, before.st_ino);
	assert_int_equal(behind.st_nlink, 1);
	assert_int_equal(behind.st_size, before.st_size);
	assert_int_equal(ask(kept, "PRAGMA user_version"), 1);
	expect_same_rows(kept, from);
	assert_whole(kept, NULL);
	/* the new one is for the same people */
	assert_int_equal(stat(p.path, &behind), 0);
	assert_int_equal(behind.st_mode, before.st_mode);
	assert_int_equal(behind.st_gid, before.st_gid);
	place_clean(&p);
}

static void a_link_to_a_history_stays_one(void **state)
{
	struct migrate_report report;
	struct place p;
	struct stat st;
	char real[256];

	(void)state;
	place_of(&p, "v1.db");
	beside(&p, real, "real.db");
	assert_int_equal(rename(p.path, real), 0);
	assert_int_equal(symlink("real.db", p.path), 0);
	migrated(p.path, &report);
	assert_string_equal(report.kept, "real-v1.db");
	assert_int_equal(lstat(p.path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(ask(real, "PRAGMA user_version"), SCHEMA_VERSION);
	place_clean(&p);
}

/* The rows that a killed writer left in the log are the old file's, too. */
static void rows_in_the_log_are_carried_over(void **state)
{
	struct migrate_report report;
	struct place p, q;
	char wal[256], to[256];
	sqlite3 *db;

	(void)state;
	place_of(&p, "v1.db");
	place_make(&q);
	assert_int_equal(sqlite3_open(p.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
						 "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
						 "INSERT INTO sample (key, at_ms, interval_ms, flags)"
						 " VALUES (7, 1, 1, 0)",
						 NULL, NULL, NULL),
		SQLITE_OK);
	copy_file(p.path, q.path);
	beside(&p, wal, "history.db-wal");
	beside(&q, to, "history.db-wal");
	copy_file(wal, to);
	sqlite3_close(db);
	migrated(q.path, &report);
	assert_int_equal(ask(q.path, "SELECT count(*) FROM sample WHERE key = 7"), 1);
	assert_int_equal(files(&q), 2);
	place_clean(&p);
	place_clean(&q);
}

/* ---- who only reads ---- */

static bool count_decision(void *ctx, const struct decision *d)
{
	(void)d;
	++*(int *)ctx;
	return true;
}

static void who_only_reads_reads_the_old_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < WHOLE_FIXTURES; i++) {
		const struct query_filter all = {0};
		struct err err = {0};
		struct query *q;
		struct place p;
		int count = 0;

		place_of(&p, whole_fixtures[i]);
		assert_int_equal(query_open(&q, p.path, &err), 0);
		assert_int_equal(query_decisions(q, &all, count_decision, &count, &err), 0);
		assert_int_equal(count, 4);
		query_close(q);
		assert_whole(p.path, NULL);
		assert_int_equal(ask(p.path, "PRAGMA user_version"), 1);
		assert_false(is_there(&p, "history-v1.db"));
		place_clean(&p);
	}
}

/* ---- others ---- */

/* A process that has the file open until it is told to end; `sql` is what it does there. */
struct other {
	pid_t pid;
	int tell;
};

static void other_opens(struct other *o, const char *path, const char *sql)
{
	int up[2], down[2];
	char byte;

	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);
	o->pid = fork();
	assert_true(o->pid >= 0);
	if (o->pid == 0) {
		sqlite3 *db;

		close(down[1]);
		if (sqlite3_open(path, &db) == SQLITE_OK &&
			sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK && write(up[1], "", 1) == 1 &&
			read(down[0], &byte, 1) >= 0)
			sqlite3_close(db);
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	assert_int_equal(read(up[0], &byte, 1), 1);
	close(up[0]);
	o->tell = down[1];
}

static void other_ends(struct other *o)
{
	int status;

	close(o->tell);
	assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
}

/* A program that knows nothing of the lock file. */
static void what_another_program_has_open_is_left_alone(void **state)
{
	struct migrate_report report;
	struct watching w = {0};
	struct other o;
	struct place p;
	struct err err;
	char who[40];

	(void)state;
	place_of(&p, "v1.db");
	other_opens(&o, p.path, "PRAGMA journal_mode = WAL; SELECT count(*) FROM decision");
	assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_LATER);
	assert_int_equal(err.code, ERR_LOCKED);
	snprintf(who, sizeof who, "(%d)", (int)o.pid);
	if (access("/proc/locks", R_OK) == 0 && strstr(err.text, who) == NULL)
		print_message("not named: %s\n", err.text); /* some systems hide it */
	assert_int_equal(w.calls, 0);
	assert_false(is_there(&p, "history.db.migrating"));
	other_ends(&o);
	migrated(p.path, &report);
	place_clean(&p);
}

static struct decision make_rollback(const char *id)
{
	struct decision d = make_decision(id, T0);

	d.verb = VERB_ROLLBACK;
	d.from_bp = 1000;
	d.to_bp = 0;
	return d;
}

static size_t known_decisions(struct history *h)
{
	struct history_answer a;
	size_t n;

	history_load(h, "checkout", 100);
	wait_kind(h, HISTORY_LOADED, &a);
	n = a.decision_count;
	history_answer_release(&a);
	return n;
}

/* While somebody has the file open, and then while it migrates: a brake has its slot, a step
 * waits; both are rows of the new file. */
static void what_is_asked_meanwhile_is_recorded_behind_it(void **state)
{
	const struct decision brake = make_rollback("r-1"), step = make_decision("s-1", T0 + 1);
	struct history_answer a;
	struct history *h;
	struct place p;
	struct lock l;
	struct err err;
	bool migrates = false;

	(void)state;
	place_of(&p, "v1.db");
	assert_int_equal(lock_open(&l, p.path, &err), 0);
	h = start(&p, "kim@ops1");
	history_intent(h, &brake);
	history_intent(h, &step);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_MIGRATING);
	assert_int_equal(a.migration.done, UNKNOWN);
	assert_int_equal(a.err.code, ERR_HISTORY);
	assert_non_null(strstr(a.err.text, "it waits for"));
	history_answer_release(&a);
	assert_false(history_writable(h));
	assert_true(history_emergency(h));
	assert_int_equal(ask(p.path, "PRAGMA user_version"), 1);
	/* the past is known meanwhile, too */
	assert_int_equal(known_decisions(h), 4);
	lock_close(&l);
	for (int committed = 0; committed < 2;) {
		next_answer(h, &a);
		if (a.kind == HISTORY_MIGRATING && a.migration.done != UNKNOWN) {
			assert_true(a.migration.total > 0);
			assert_non_null(strstr(a.err.text, "rows"));
			migrates = true;
		}
		assert_int_not_equal(a.kind, HISTORY_REFUSED);
		assert_int_not_equal(a.kind, HISTORY_FAILED);
		committed += a.kind == HISTORY_COMMITTED;
		history_answer_release(&a);
	}
	assert_true(migrates);
	assert_true(history_writable(h));
	assert_int_equal(known_decisions(h), 6);
	settle(h);
	assert_int_equal(
		ask(p.path, "SELECT count(*) FROM decision WHERE id IN ('r-1', 's-1') AND late = 0"),
		2);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

static void who_stops_meanwhile_leaves_the_old_file(void **state)
{
	const struct decision brake = make_rollback("r-1");
	struct history_answer a;
	struct history *h;
	struct place p;
	struct lock l;
	struct err err;

	(void)state;
	place_of(&p, "v1.db");
	assert_int_equal(lock_open(&l, p.path, &err), 0);
	h = start(&p, "kim@ops1");
	history_intent(h, &brake);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_MIGRATING);
	history_answer_release(&a);
	assert_int_equal(history_stop(h, DEADLINE_MS), 0); /* the brake is kept */
	assert_int_equal(ask(p.path, "PRAGMA user_version"), 1);
	lock_close(&l);
	h = start(&p, "kim@ops1");
	wait_kind(h, HISTORY_OPENED, &a);
	history_answer_release(&a);
	settle(h);
	assert_int_equal(
		ask(p.path, "SELECT count(*) FROM decision WHERE id = 'r-1' AND late = 1"), 1);
	place_clean(&p);
}

/* It is another process's to say when the file is there: no failure, however long it takes. */
static void who_comes_while_another_migrates_waits(void **state)
{
	struct history_answer a;
	struct history *h;
	struct place p;
	struct lock l;
	struct err err;

	(void)state;
	place_of(&p, "v1.db");
	assert_int_equal(lock_open_alone(&l, p.path, &err), 0);
	h = start(&p, "kim@ops1");
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_MIGRATING);
	assert_non_null(strstr(a.err.text, "migrates it"));
	history_answer_release(&a);
	lock_close(&l);
	wait_kind(h, HISTORY_OPENED, &a);
	history_answer_release(&a);
	settle(h);
	place_clean(&p);
}

/* Whoever is first does it, once; the others have a new file. */
static void several_that_start_at_once_migrate_it_once(void **state)
{
	enum { MANY = 4 };
	struct history *h[MANY];
	struct place p;
	int migrated_by = 0;

	(void)state;
	place_of(&p, "v1.db");
	for (int i = 0; i < MANY; i++)
		h[i] = start(&p, "kim@ops1");
	for (int i = 0; i < MANY; i++) {
		struct history_answer a;

		wait_kind(h[i], HISTORY_OPENED, &a);
		migrated_by += a.migrated_from == 1;
		assert_true(a.migrated_from == 1 || a.migrated_from == 0);
		history_answer_release(&a);
	}
	assert_int_equal(migrated_by, 1);
	for (int i = 0; i < MANY; i++)
		settle(h[i]);
	assert_false(is_there(&p, "history-v1.2.db"));
	assert_int_equal(ask(p.path, "SELECT count(*) FROM event WHERE kind = 'migrated'"), 1);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

struct meanwhile {
	const char *path;
	sqlite3 *db;
};

static void opens_it(void *ctx)
{
	struct meanwhile *m = ctx;
	struct err err = {0};

	if (m->db == NULL && schema_open_readonly(&m->db, m->path, &err) < 0)
		fail_msg("%s", err.text);
}

/* Who opens the file while it migrates goes on with the old one, however much the new one grows. */
static void who_opens_it_meanwhile_keeps_the_old_one(void **state)
{
	struct meanwhile m = {0};
	struct watching w = {.act = opens_it, .ctx = &m};
	struct migrate_report report;
	struct place p;
	struct history *h;
	struct err err;
	int64_t decisions;
	sqlite3_stmt *s;

	(void)state;
	place_of(&p, "v1.db");
	decisions = ask(p.path, "SELECT count(*) FROM decision");
	m.path = p.path;
	assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_OK);
	assert_non_null(m.db);
	h = start_opened(&p, "kim@ops1");
	for (int i = 0; i < 5; i++) {
		char id[16];

		snprintf(id, sizeof id, "x-%d", i);
		commit(h, id, T0 + 1);
	}
	assert_int_equal(
		sqlite3_prepare_v2(m.db, "SELECT count(*) FROM decision", -1, &s, NULL), SQLITE_OK);
	if (sqlite3_step(s) != SQLITE_ROW)
		fail_msg("%s", sqlite3_errmsg(m.db));
	assert_int_equal(sqlite3_column_int64(s, 0), decisions);
	sqlite3_finalize(s);
	sqlite3_close(m.db);
	settle(h);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), decisions + 5);
	/* who opens it now has the new one, and its lock */
	assert_int_equal(schema_open_readonly(&m.db, p.path, &err), 0);
	assert_true(schema_has_table(m.db, "rollup"));
	assert_int_equal(lock_open_alone(&(struct lock){-1}, p.path, &err), -1);
	sqlite3_close(m.db);
	place_clean(&p);
}

static void an_open_reader_is_waited_for(void **state)
{
	struct migrate_report report;
	struct watching w = {0};
	struct err err = {0};
	struct query *q;
	struct place p;
	struct lock l;

	(void)state;
	place_of(&p, "v1.db");
	assert_int_equal(lock_open(&l, p.path, &err), 0); /* it is there from now on */
	lock_close(&l);
	assert_int_equal(query_open(&q, p.path, &err), 0);
	assert_int_equal(run(p.path, &report, &w, &err), SCHEMA_LATER);
	assert_int_equal(err.code, ERR_LOCKED);
	query_close(q);
	migrated(p.path, &report);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h01_a_new_history_needs_none),
		cmocka_unit_test(h02_the_newest_version_is_left_as_it_is),
		cmocka_unit_test(h03_the_old_and_the_new_file_are_all_that_is_left),
		cmocka_unit_test(h04_only_what_is_missing_is_added),
		cmocka_unit_test(h05_given_up_among_the_rows_it_leaves_no_trace),
		cmocka_unit_test(h06_failed_at_the_last_step_it_leaves_no_trace),
		cmocka_unit_test(h07_what_a_killed_one_left_is_cleared),
		cmocka_unit_test(h08_a_migrated_file_is_declared_as_a_fresh_one),
		cmocka_unit_test(h09_a_fields_name_in_a_text_is_a_text),
		cmocka_unit_test(h10_nulls_stay_nulls),
		cmocka_unit_test(h11_a_damaged_file_stays_as_it_is),
		cmocka_unit_test(h12_a_newer_file_stays_as_it_is),
		cmocka_unit_test(a_file_that_lacks_what_it_must_have_is_damaged),
		cmocka_unit_test(a_view_in_the_place_of_a_table_is_damage),
		cmocka_unit_test(h13_rows_that_break_a_rule_are_set_aside_and_counted),
		cmocka_unit_test(a_row_without_a_key_is_set_aside),
		cmocka_unit_test(h14_killed_among_the_rows_the_old_file_has_its_name),
		cmocka_unit_test(h15_rows_keep_their_numbers_and_their_chain),
		cmocka_unit_test(h16_the_old_file_is_kept_as_it_was),
		cmocka_unit_test(a_link_to_a_history_stays_one),
		cmocka_unit_test(rows_in_the_log_are_carried_over),
		cmocka_unit_test(who_only_reads_reads_the_old_version),
		cmocka_unit_test(what_another_program_has_open_is_left_alone),
		cmocka_unit_test(what_is_asked_meanwhile_is_recorded_behind_it),
		cmocka_unit_test(who_stops_meanwhile_leaves_the_old_file),
		cmocka_unit_test(who_comes_while_another_migrates_waits),
		cmocka_unit_test(several_that_start_at_once_migrate_it_once),
		cmocka_unit_test(an_open_reader_is_waited_for),
		cmocka_unit_test(who_opens_it_meanwhile_keeps_the_old_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
