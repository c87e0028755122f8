/* Upgrades: the real program meets histories of earlier versions. It is killed, or the power goes,
 * at calls all over a migration: the file is then the old one or the new one, whole, and no
 * decision is lost. Then a console whose history migrates while people work.
 * UPGRADE_INDICES: how many kills, 200 at first. What stands in a migrated file is
 * tests/unit/history/test_migrate.c's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDICES 200
#define FIRST "tests/fixtures/history/v1-first.db"
#define OLD_DECISIONS 4 /* of FIRST */
#define VERSION 2

struct fixture {
	struct world w;
	struct process p;
	struct pty pty;
	int gate;
	char old[WORLD_PATH]; /* what every index begins with */
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	f.gate = -1;
	world_open(&f.w);
	world_config(&f.w, f.w.target, "    interval: 100ms\n");
	world_pool(&f.w, false, ARGS("--share", "0%"));
	world_path(&f.w, f.old, "old.db");
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->gate >= 0)
		close(f->gate);
	process_release(&f->p);
	if (f->pty.screen.cells)
		pty_release(&f->pty);
	world_close(&f->w);
	return 0;
}

/* ---- files ---- */

static void copy_file(const char *from, const char *to)
{
	static char bytes[1024 * 1024];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	assert_non_null(in);
	assert_non_null(out);
	size_t n = fread(bytes, 1, sizeof bytes, in);
	assert_true(n > 0 && n < sizeof bytes && fwrite(bytes, 1, n, out) == n);
	assert_int_equal(fclose(out), 0);
	fclose(in);
}

static sqlite3 *open_db(const char *path)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 2000);
	return db;
}

static int64_t ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	int64_t n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

/* The first landed program's file, with so many samples more that a migration takes some calls. */
static void make_old(struct fixture *f)
{
	copy_file(FIRST, f->old);
	sqlite3 *db = open_db(f->old);
	assert_int_equal(
		sqlite3_exec(db,
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)"
			" INSERT INTO sample (key, at_ms, interval_ms, flags, latency)"
			" SELECT i << 28 | id, i, 100, 0, zeroblob(100) FROM n,"
			" (SELECT min(id) AS id FROM series);"
			"PRAGMA wal_checkpoint(TRUNCATE)",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
}

/* What the old file has and another lacks; of samples how many, or which where `all` are looked
 * at. */
static int64_t lost(struct fixture *f, sqlite3 *db, bool all)
{
	static const char *const tables[] = {
		"key", "recording", "decision", "outcome", "event", "series"};
	char sql[WORLD_PATH + 200];
	int64_t n = 0;
	snprintf(sql, sizeof sql, "ATTACH '%s' AS old", f->old);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		snprintf(sql, sizeof sql,
			"SELECT count(*) FROM (SELECT * FROM old.%s EXCEPT SELECT * FROM main.%s)",
			tables[i], tables[i]);
		n += ask(db, sql);
	}
	return n +
		ask(db,
			all ? "SELECT count(*) FROM (SELECT key, at_ms, flags, latency FROM old.sample"
				  " EXCEPT SELECT key, at_ms, flags, latency FROM main.sample)"
				: "SELECT (SELECT count(*) FROM old.sample) - (SELECT count(*) FROM main.sample)");
}

/* ---- killed ---- */

#define NOTE "behind it"

static int annotate(struct fixture *f, const char *history, const char *rules)
{
	const char *const *args =
		ARGS("annotate", NOTE, "--config", f->w.config, "--history", history);
	struct world_env env = rules ? world_fault(&f->w, rules, NULL) : world_env(&f->w, NULL);
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, args);
}

static int counted(const char *path)
{
	char number[24] = "";
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(number, sizeof number, file));
	fclose(file);
	return (int)strtol(number, NULL, 10);
}

/* The old one or the new one, and whole. Returns its version. */
static int64_t check_either(struct fixture *f, const char *history, bool all, const char *what)
{
	sqlite3 *db = open_db(history);
	int64_t version = ask(db, "PRAGMA user_version");
	bool whole = ask(db,
					 "SELECT count(*) FROM pragma_integrity_check"
					 " WHERE integrity_check <> 'ok'") == 0;
	bool new_tables = ask(db,
						  "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND"
						  " name IN ('rollup', 'quarantine')") == 2;
	int64_t missing = lost(f, db, all);
	sqlite3_close(db);
	if (!whole || missing != 0 || new_tables != (version == VERSION) || version < 1)
		fail_msg("%s: version %lld, %s, %lld rows lost", what, (long long)version,
			whole ? "whole" : "damaged", (long long)missing);
	return version;
}

/* Whoever comes next has a new file with all that was there and what was said to be done. */
static void check_next(struct fixture *f, const char *history, bool said, const char *what)
{
	if (annotate(f, history, NULL) != 0)
		fail_msg("%s: the next process: %s", what, f->p.err.text);
	if (check_either(f, history, false, what) != VERSION)
		fail_msg("%s: not migrated by the next process", what);
	sqlite3 *db = open_db(history);
	int64_t notes = ask(db, "SELECT count(*) FROM decision WHERE reason = '" NOTE "'"),
			others = ask(db, "SELECT count(*) FROM decision WHERE reason <> '" NOTE "'");
	sqlite3_close(db);
	if (notes < (said ? 2 : 1) || others != OLD_DECISIONS)
		fail_msg("%s: %lld notes, %lld others", what, (long long)notes, (long long)others);
}

static void remove_all(struct fixture *f, int index)
{
	static const char *const tails[] = {".db", ".db-lock", ".db-wal", ".db-shm", "-v1.db"};
	char name[40], path[WORLD_PATH];
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		snprintf(name, sizeof name, "index-%d%s", index, tails[i]);
		world_path(&f->w, path, name);
		unlink(path);
	}
}

/* One place in the migration, in a file of its own. */
struct index {
	int number, at;
	bool power;
	char history[WORLD_PATH], kept[WORLD_PATH], what[64];
	struct process p;
};

/* The i-th of `count` places among the calls, the first and the last with it. */
static void start_index(struct fixture *f, struct index *x, int i, int count, int calls)
{
	char rules[64], name[40];
	*x = (struct index){.number = i, .power = i % 4 == 0};
	x->at = 1 + (int)((int64_t)(i - 1) * (calls - 1) / (count > 1 ? count - 1 : 1));
	snprintf(x->what, sizeof x->what, "%s at call %d of %d", x->power ? "power cut" : "killed",
		x->at, calls);
	snprintf(name, sizeof name, "index-%d.db", i);
	world_path(&f->w, x->history, name);
	snprintf(name, sizeof name, "index-%d-v1.db", i);
	world_path(&f->w, x->kept, name);
	copy_file(f->old, x->history);
	/* the names of its files, and of no other's */
	snprintf(rules, sizeof rules, "call=disk path=index-%d at=%d do=%s", i, x->at,
		x->power ? "power" : "kill");
	struct world_env env = world_fault(&f->w, rules, NULL);
	world_start(&f->w, &x->p, &env,
		ARGS("annotate", NOTE, "--config", f->w.config, "--history", x->history));
}

/* Returns whether it was killed there; `*old` counts files that kept their version. */
static bool end_index(struct fixture *f, struct index *x, int *old)
{
	int status = process_wait(&x->p, 20000);
	if (status != 128 + SIGKILL && status != 0)
		fail_msg("%s: status %d: %s", x->what, status, x->p.err.text);
	bool said = strstr(x->p.out.text, NOTE) != NULL, all = x->number % 8 == 0;
	process_release(&x->p);
	/* the old file has its name, or its second one, or both */
	if (check_either(f, x->history, all, x->what) == VERSION)
		assert_int_equal(check_either(f, x->kept, all, x->what), 1);
	else
		++*old;
	if (x->number % 4 == 0) {
		check_next(f, x->history, said, x->what);
		assert_int_equal(check_either(f, x->kept, all, x->what), 1);
	}
	if (x->number % 20 == 0)
		assert_true(world_verified(&f->w, x->history));
	remove_all(f, x->number);
	return status != 0;
}

#define TOGETHER 4 /* most of the time is waiting for the disk */

static void test_killed_at_any_call_it_is_old_or_new(void **state)
{
	struct fixture *f = *state;
	static struct index at_once[TOGETHER];
	char history[WORLD_PATH], count[WORLD_PATH], rules[WORLD_PATH + 64];
	const char *text = getenv("UPGRADE_INDICES");
	int indices = text && *text ? (int)strtol(text, NULL, 10) : INDICES, killed = 0, old = 0;
	int64_t began_ms = process_clock_ms();
	make_old(f);
	world_path(&f->w, history, "index-0.db");
	world_path(&f->w, count, "count");
	copy_file(f->old, history);
	snprintf(rules, sizeof rules, "call=disk path=index- count=%s", count);
	assert_int_equal(annotate(f, history, rules), 0);
	int calls = counted(count);
	assert_true(calls > 50);

	for (int i = 1; i <= indices; i += TOGETHER) {
		int n = indices + 1 - i < TOGETHER ? indices + 1 - i : TOGETHER;
		for (int k = 0; k < n; k++)
			start_index(f, &at_once[k], i + k, indices, calls);
		for (int k = 0; k < n; k++)
			killed += end_index(f, &at_once[k], &old);
	}
	printf("%d places among %d calls: %d killed there, %d before the new file had the name, "
		   "%lld ms\n",
		indices, calls, killed, old, (long long)(process_clock_ms() - began_ms));
	assert_true(killed >= indices * 3 / 4);
	assert_true(old > indices / 10 && old < indices);
}

/* ---- a console ---- */

/* A key that works is drawn bold; a sheet's `y` does not work before it can have been read. */
static bool works(const struct simulator *screen, const void *hint)
{
	const char *text = hint;
	for (int y = 0; y < screen->h; y++)
		for (int x = 0; x < screen->w; x++) {
			int n = 0;
			while (text[n] && x + n < screen->w &&
				simulator_cell(screen, x + n, y)->point == (unsigned char)text[n])
				n++;
			if (!text[n])
				return (simulator_cell(screen, x, y)->pen.attrs & SIM_BOLD) != 0;
		}
	return false;
}

static bool shows(const struct simulator *screen, const void *text)
{
	return simulator_shows(screen, text);
}

/* Where something ends with the console it asks first. */
static void leave(struct fixture *f)
{
	pty_send(&f->pty, "q");
	if (pty_wait(&f->pty, shows, "LEAVE", 10000)) {
		assert_true(pty_wait(&f->pty, works, "y leave", 10000));
		pty_send(&f->pty, "y");
	}
	int status = pty_wait_exit(&f->pty, 10000);
	if (status != 0)
		fail_msg("the console ends with %d", status);
}

static void test_people_work_while_the_history_migrates(void **state)
{
	struct fixture *f = *state;
	char gate[WORLD_PATH], rules[WORLD_PATH + 64];
	make_old(f);
	copy_file(f->old, f->w.history);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, NULL,
						 ARGS("step", "checkout", "10%", "--confirm", "checkout", "--config",
							 f->w.config, "--history", f->old)),
		0); /* by a history of its own */
	copy_file(FIRST, f->old);
	world_path(&f->w, gate, "gate");
	f->gate = open(gate, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(f->gate >= 0 && flock(f->gate, LOCK_EX) == 0);
	snprintf(rules, sizeof rules, "call=pwrite path=.migrating do=hold gate=%s", gate);
	struct world_env env = world_fault(&f->w, rules, NULL);
	world_console(&f->w, &f->pty, 80, 24, &env,
		ARGS("checkout", "--config", f->w.config, "--history", f->w.history));
	assert_true(pty_wait_text(&f->pty, "LIVE", 10000));
	assert_true(pty_wait_text(&f->pty, "it migrates", 10000));

	/* a step waits, and says for what */
	assert_true(pty_wait_text(&f->pty, "steps locked, R works", 10000));
	pty_send(&f->pty, ":step 5%\r");
	assert_true(pty_wait_text(&f->pty, "W200", 10000));
	pty_send(&f->pty, "\033");
	assert_true(pty_wait_no_text(&f->pty, "Esc close", 10000));
	/* a rollback does not */
	pty_send(&f->pty, "R");
	assert_true(pty_wait(&f->pty, works, "y roll back now", 10000));
	pty_send(&f->pty, "y");
	assert_true(pty_wait_text(&f->pty, "ROLLED BACK", 10000));
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	sqlite3 *db = open_db(f->w.history);
	assert_int_equal(ask(db, "PRAGMA user_version"), 1);
	assert_int_equal(ask(db, "SELECT count(*) FROM decision"), OLD_DECISIONS);
	sqlite3_close(db);

	close(f->gate);
	f->gate = -1;
	assert_true(pty_wait_text(&f->pty, "History migrated", 10000));
	leave(f);
	db = open_db(f->w.history);
	assert_int_equal(ask(db, "PRAGMA user_version"), VERSION);
	assert_int_equal(lost(f, db, true), 0);
	assert_int_equal(ask(db,
						 "SELECT count(*) FROM decision JOIN outcome ON outcome.decision = id"
						 " WHERE verb = 'rollback' AND observed = 0 AND to_bp = 0 AND"
						 " outcome.kind = 'APPLIED' AND outcome.row = 'final' AND"
						 " decision.seq > (SELECT max(seq) FROM old.decision)"),
		1);
	sqlite3_close(db);
	assert_true(world_verified(&f->w, f->w.history));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_killed_at_any_call_it_is_old_or_new, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_people_work_while_the_history_migrates, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
