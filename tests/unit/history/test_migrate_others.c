/* migrate, with others about: kills, writers, readers, and several that start at once. That a
 * kill at any call does no harm is tests/e2e/test_upgrade.c's. */
#include "tests/unit/history/migrate_bed.h"

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
		cmocka_unit_test(h14_killed_among_the_rows_the_old_file_has_its_name),
		cmocka_unit_test(h15_rows_keep_their_numbers_and_their_chain),
		cmocka_unit_test(h16_the_old_file_is_kept_as_it_was),
		cmocka_unit_test(a_link_to_a_history_stays_one),
		cmocka_unit_test(rows_in_the_log_are_carried_over),
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
