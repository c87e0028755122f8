/* migrate: files of earlier versions, as they are in tests/fixtures/history, brought to this
 * one: every row there, the old file kept, and whatever goes wrong on the way the old one as it
 * was. */
#include "tests/unit/history/migrate_bed.h"

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
		cmocka_unit_test(who_only_reads_reads_the_old_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
