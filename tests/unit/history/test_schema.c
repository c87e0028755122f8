/* schema: files that are none of ours, newer, cut, in the way, or not to be written. */
#include "tests/unit/history/fixture.h"

#include "history/samples.h"
#include "history/schema.h"

#include <fcntl.h>

static void write_file(const char *path, const char *bytes, size_t len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* A history that was written and closed. */
static void make_history(const struct place *p)
{
	struct history *h = start_opened(p, "kim@ops1");

	for (int i = 0; i < 20; i++) {
		char id[32];

		snprintf(id, sizeof id, "d-%d", i);
		commit(h, id, T0 + i);
	}
	settle(h);
}

static void alter(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Opening for writing fails with a code, and an intent is refused with W200. */
static void expect_failure(const struct place *p, enum err_code code)
{
	struct history *h = start(p, "kim@ops1");
	struct history_answer a;
	const struct decision d = make_decision("d-1", T0);

	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_FAILED);
	if (a.err.code != code)
		print_message("W%d %s\n", a.err.code, a.err.text);
	assert_int_equal(a.err.code, code);
	assert_non_null(strchr(a.err.text, '"')); /* names its subject */
	history_answer_release(&a);
	assert_false(history_writable(h));
	history_intent(h, &d);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_REFUSED);
	assert_int_equal(a.err.code, ERR_HISTORY);
	history_answer_release(&a);
	history_load(h, "checkout", 5);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_REFUSED);
	assert_string_equal(a.id, "checkout");
	history_answer_release(&a);
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
}

static void expect_unreadable(const char *path, enum err_code code)
{
	struct query *q;
	struct err err = {0};

	assert_int_equal(query_open(&q, path, &err), -1);
	assert_int_equal(err.code, code);
	assert_null(q);
}

static void not_a_database(void **state)
{
	struct place p;
	char junk[8192];

	(void)state;
	place_make(&p);
	memset(junk, 'j', sizeof junk);
	write_file(p.path, junk, sizeof junk);
	expect_failure(&p, ERR_DAMAGED);
	expect_unreadable(p.path, ERR_DAMAGED);
	place_clean(&p);
}

static void a_database_of_another_program(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	alter(p.path, "CREATE TABLE t (x); PRAGMA user_version = 1");
	expect_failure(&p, ERR_DAMAGED);
	expect_unreadable(p.path, ERR_DAMAGED);
	place_clean(&p);
}

static void a_newer_history(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	make_history(&p);
	alter(p.path, "PRAGMA user_version = 3");
	expect_failure(&p, ERR_NEWER);
	expect_unreadable(p.path, ERR_NEWER);
	place_clean(&p);
}

static void a_cut_file(void **state)
{
	struct place p;
	struct stat st;

	(void)state;
	place_make(&p);
	make_history(&p);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(truncate(p.path, st.st_size / 2 / 4096 * 4096), 0);
	expect_failure(&p, ERR_DAMAGED);
	expect_unreadable(p.path, ERR_DAMAGED);
	assert_int_equal(truncate(p.path, 50), 0);
	expect_failure(&p, ERR_DAMAGED);
	place_clean(&p);
}

static void a_directory_in_its_place(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	assert_int_equal(mkdir(p.path, 0700), 0);
	expect_failure(&p, ERR_FILE);
	expect_unreadable(p.path, ERR_FILE);
	place_clean(&p);
}

static void a_file_as_its_directory(void **state)
{
	struct place p;
	char file[200];

	(void)state;
	place_make(&p);
	snprintf(file, sizeof file, "%s/file", p.dir);
	write_file(file, "", 0);
	snprintf(p.path, sizeof p.path, "%.128s/file/history.db", p.dir);
	expect_failure(&p, ERR_FILE);
	expect_unreadable(p.path, ERR_FILE);
	place_clean(&p);
}

static void everybody_may_write(void **state)
{
	struct place p;
	struct stat st;

	(void)state;
	place_make(&p);
	make_history(&p);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 0007, 0); /* made for its owner and group only */
	assert_int_equal(chmod(p.path, 0666), 0);
	expect_failure(&p, ERR_UNSAFE_FILE);
	place_clean(&p);
}

static void must_be_new(void **state)
{
	struct place p;
	struct history_options how;
	struct history *h;
	struct history_answer a;
	struct err err;

	(void)state;
	place_make(&p);
	how = (struct history_options){
		.path = p.path, .actor = "kim", .key_dir = p.keys, .must_be_new = true};
	assert_int_equal(history_start(&h, &how, &err), 0);
	expect_kind(h, HISTORY_OPENED);
	settle(h);
	assert_int_equal(history_start(&h, &how, &err), 0);
	next_answer(h, &a);
	assert_int_equal(a.kind, HISTORY_FAILED);
	assert_int_equal(a.err.code, ERR_FILE);
	history_answer_release(&a);
	assert_int_equal(history_stop(h, DEADLINE_MS), 0);
	place_clean(&p);
}

static bool count_decision(void *ctx, const struct decision *d)
{
	(void)d;
	++*(int *)ctx;
	return true;
}

/* Readable, and there is nothing in it: for queries, for replay and for the chain. */
static void expect_no_rows(const char *path)
{
	const struct query_filter all = {0};
	struct chain_report report;
	struct history_answer pins = {0};
	struct query *q;
	struct err err;
	int count = 0;

	assert_int_equal(query_open(&q, path, &err), 0);
	assert_int_equal(query_decisions(q, &all, count_decision, &count, &err), 0);
	assert_int_equal(count, 0);
	assert_int_equal(query_pins(q, "a", &pins, &err), 0);
	assert_int_equal(pins.node_count, 0);
	query_close(q);
	assert_int_equal(chain_verify(&report, path, NULL, NULL, NULL, &err), 0);
	assert_int_equal(report.rows, 0);
	assert_int_equal(report.broken_seq, 0);
	/* a head that was seen elsewhere is missing all the same */
	assert_int_equal(chain_verify(&report, path, "c0ffee", NULL, NULL, &err), 0);
	assert_int_equal(report.broken_seq, 1);
}

/* Whoever made the file was killed after the header and before the commit of the tables. */
static void a_file_cut_short_at_its_making_has_no_rows(void **state)
{
	struct place p;
	sqlite3 *db;

	(void)state;
	place_make(&p);
	assert_int_equal(sqlite3_open(p.path, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
	expect_no_rows(p.path);
	assert_int_equal(sqlite3_exec(db,
						 "PRAGMA cache_size = 1; BEGIN IMMEDIATE;"
						 "CREATE TABLE decision (seq INTEGER PRIMARY KEY) STRICT;"
						 "PRAGMA application_id = 1",
						 NULL, NULL, NULL),
		SQLITE_OK);
	expect_no_rows(p.path);
	sqlite3_close(db);
	expect_no_rows(p.path);
	make_history(&p);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

static void an_empty_file_is_a_new_history(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	write_file(p.path, "", 0);
	expect_no_rows(p.path);
	make_history(&p);
	assert_whole(p.path, NULL);
	assert_int_equal(ask(p.path, "PRAGMA application_id"), SCHEMA_APPLICATION);
	assert_int_equal(ask(p.path, "PRAGMA user_version"), SCHEMA_VERSION);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM pragma_journal_mode"
						 " WHERE journal_mode = 'wal'"),
		1);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM pragma_table_list"
						 " WHERE schema = 'main' AND type = 'table' AND name NOT LIKE "
						 "'sqlite%' AND strict = 0"),
		0);
	place_clean(&p);
}

static void the_directory_is_made_one_level(void **state)
{
	struct place p;

	(void)state;
	place_make(&p);
	snprintf(p.path, sizeof p.path, "%.128s/state/history.db", p.dir);
	make_history(&p);
	assert_whole(p.path, NULL);
	snprintf(p.path, sizeof p.path, "%.128s/no/state/history.db", p.dir);
	expect_failure(&p, ERR_FILE);
	place_clean(&p);
}

static void readable_beside_a_writer(void **state)
{
	struct place p;
	struct history *h;
	struct query *q;
	struct err err;
	const struct query_filter all = {0};
	int count = 0;

	(void)state;
	place_make(&p);
	h = start_opened(&p, "kim@ops1");
	commit(h, "d-1", T0);
	assert_int_equal(query_open(&q, p.path, &err), 0);
	assert_int_equal(query_decisions(q, &all, count_decision, &count, &err), 0);
	assert_int_equal(count, 1);
	commit(h, "d-2", T0);
	count = 0;
	assert_int_equal(query_decisions(q, &all, count_decision, &count, &err), 0);
	assert_int_equal(count, 2);
	query_close(q);
	commit(h, "d-3", T0);
	settle(h);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* Names that mean something in a URI, and a directory in which no -wal can be made. */
static void readable_in_a_directory_of_others(void **state)
{
	struct place p;
	struct query *q;
	struct err err;
	const struct query_filter all = {0};
	int count = 0;

	(void)state;
	place_make(&p);
	snprintf(p.path, sizeof p.path, "%.128s/a?b%%20#c.db", p.dir);
	make_history(&p);
	if (geteuid() == 0) {
		print_message("root may write everywhere: skipped\n");
		place_clean(&p);
		skip();
	}
	assert_int_equal(chmod(p.dir, 0500), 0);
	assert_int_equal(query_open(&q, p.path, &err), 0);
	assert_int_equal(query_decisions(q, &all, count_decision, &count, &err), 0);
	assert_int_equal(count, 20);
	query_close(q);
	place_clean(&p);
}

/* ---- the column that came later ---- */

/* A recording of node n-1, one sample of which refused 5 and failed 2 in time. */
static void record_refusals(const struct place *p)
{
	struct history *h = start_opened(p, "kim@ops1");
	struct snapshot *d = mem_new(1, sizeof *d);
	struct history_sample s = {
		.tick = 1, .sample = {.at = {0, T0 + 1000}, .interval_ms = 1000}};

	text_copy(d->pool_id, sizeof d->pool_id, "pool-1");
	text_copy(d->node_id, sizeof d->node_id, "n-1");
	text_copy(s.pool_id, sizeof s.pool_id, "pool-1");
	text_copy(s.node_id, sizeof s.node_id, "n-1");
	for (int a = 0; a < ARM_COUNT; a++) {
		s.sample.arms[a].failed[FAILURE_REFUSED] = 5;
		s.sample.arms[a].failed[FAILURE_TIMEOUT] = 2;
	}
	history_node(h, T0, "checkout", d, "local:", "local");
	history_recording(h, T0, 1000, "0.1", "ops1", "{}", "{}");
	history_sample(h, &s);
	free(d);
	settle(h);
}

/* What the sample says: its refusals, and that they are in its sum and in that of the span. */
static void expect_refusals(const char *path, int64_t refused)
{
	struct samples_reader r;
	struct history_sample s;
	struct sample sum;
	struct err err = {0};
	sqlite3 *db;

	assert_int_equal(schema_open_readonly(&db, path, &err), 0);
	assert_int_equal(samples_reader_open(&r, db, path,
						 ask(path, "SELECT max(seq) FROM recording"), "n-1", &err),
		0);
	assert_int_equal(samples_read(&r, 0, 10, &s, &err), 1);
	assert_int_equal(samples_sum(&r, 0, 10, &sum, &err), 0);
	for (int a = 0; a < ARM_COUNT; a++) {
		assert_int_equal(s.sample.arms[a].failed[FAILURE_REFUSED], refused);
		assert_int_equal(s.sample.arms[a].failed_total, refused + 2);
		assert_int_equal(sum.arms[a].failed[FAILURE_REFUSED], refused);
		assert_int_equal(sum.arms[a].failed[FAILURE_TIMEOUT], 2);
	}
	samples_reader_close(&r);
	sqlite3_close(db);
}

/* The text of the table of samples; the caller frees. */
static char *declared(const char *path)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	char *sql;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
						 "SELECT sql FROM sqlite_schema WHERE name = 'sample'", -1, &s, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	sql = mem_copy((const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	sqlite3_close(db);
	return sql;
}

/* Opens for writing and waits, since it migrates first. */
static void open_and_close(const struct place *p)
{
	struct history *h = start(p, "kim@ops1");
	struct history_answer a;

	wait_kind(h, HISTORY_OPENED, &a);
	history_answer_release(&a);
	settle(h);
}

static void an_older_file_gets_the_later_column(void **state)
{
	struct place p;
	char *fresh, *old;

	(void)state;
	place_make(&p);
	record_refusals(&p);
	expect_refusals(p.path, 5);
	fresh = declared(p.path);
	/* no refusal was told apart then */
	alter(p.path,
		"DROP TRIGGER event_kept;"
		" DELETE FROM event WHERE kind IN ('checkpoint', 'end')"); /* they tell of samples as they are now */
	alter(p.path, "ALTER TABLE sample DROP COLUMN failed_refused");
	alter(p.path, "DROP TABLE rollup; DROP TABLE quarantine; PRAGMA user_version = 1");
	old = declared(p.path);
	assert_string_not_equal(old, fresh);
	free(old);
	expect_refusals(p.path, 0);
	open_and_close(&p);
	record_refusals(&p);
	expect_refusals(p.path, 5);
	old = declared(p.path);
	assert_string_equal(old, fresh);
	free(old);
	free(fresh);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample WHERE failed_refused = 0"), 2);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM sample WHERE failed_refused = 5"), 2);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* schema_open by itself never writes to an older file, nor makes it a WAL. */
static void an_older_file_is_not_opened_for_writing(void **state)
{
	struct place p;
	struct err err = {0};
	sqlite3 *db;

	(void)state;
	place_make(&p);
	make_history(&p);
	alter(p.path, "PRAGMA user_version = 1; PRAGMA journal_mode = DELETE");
	assert_int_equal(schema_open(&db, p.path, false, &err), -1);
	assert_int_equal(err.code, ERR_HISTORY);
	assert_null(db);
	assert_int_equal(ask(p.path,
						 "SELECT count(*) FROM pragma_journal_mode"
						 " WHERE journal_mode = 'delete'"),
		1);
	assert_int_equal(schema_open_readonly(&db, p.path, &err), 0);
	assert_true(schema_has_table(db, "decision"));
	assert_true(schema_has_table(db, "rollup"));
	assert_false(schema_has_table(db, "nothing"));
	sqlite3_close(db);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(not_a_database),
		cmocka_unit_test(a_database_of_another_program),
		cmocka_unit_test(a_newer_history),
		cmocka_unit_test(a_cut_file),
		cmocka_unit_test(a_directory_in_its_place),
		cmocka_unit_test(a_file_as_its_directory),
		cmocka_unit_test(everybody_may_write),
		cmocka_unit_test(must_be_new),
		cmocka_unit_test(an_empty_file_is_a_new_history),
		cmocka_unit_test(a_file_cut_short_at_its_making_has_no_rows),
		cmocka_unit_test(the_directory_is_made_one_level),
		cmocka_unit_test(readable_beside_a_writer),
		cmocka_unit_test(readable_in_a_directory_of_others),
		cmocka_unit_test(an_older_file_gets_the_later_column),
		cmocka_unit_test(an_older_file_is_not_opened_for_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
