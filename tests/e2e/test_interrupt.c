/* Signals while weir only reads: they end it at once, however much there is to read and whoever
 * does not take what it writes; a pager is ended with it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/history.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON_MS 10000
#define ENTRIES 800 /* lines of a log: more than a pipe takes */
#define WALL_MS 1800000000000

struct fixture {
	struct world w;
	struct process p;
	char fifo[WORLD_PATH];
	int fd;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	f.fd = -1;
	world_open(&f.w);
	world_config(&f.w, f.w.target, "");
	world_path(&f.w, f.fifo, "fifo");
	assert_int_equal(mkfifo(f.fifo, 0600), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->fd >= 0)
		close(f->fd);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

/* A history with what others did, in one transaction. */
static void fill(const struct fixture *f)
{
	char keys[WORLD_PATH];
	struct history *h;
	struct err err = {0};
	struct snapshot *s = mem_new(1, sizeof *s);
	struct audit_entry *e = mem_new(ENTRIES, sizeof *e);
	world_path(&f->w, keys, "keys");
	const struct history_options how = {
		.path = f->w.history, .actor = "kim@ops1", .key_dir = keys};
	assert_int_equal(history_start(&h, &how, &err), 0);
	text_copy(s->pool_id, sizeof s->pool_id, "pool-1");
	text_copy(s->node_id, sizeof s->node_id, "node-1");
	for (int i = 0; i < ENTRIES; i++) {
		e[i] = (struct audit_entry){.seq = i + 1, .what = "step", .to_bp = 100, .epoch = 1};
		e[i].rev = i + 1;
		text_copy(e[i].actor, sizeof e[i].actor, "lee@web2");
		memset(e[i].reason, 'x', 150);
	}
	history_observed(h, WALL_MS, "checkout", s, e, ENTRIES);
	assert_int_equal(history_stop(h, SOON_MS), 0);
	free(e);
	free(s);
}

/* A writer that nobody reads from is stuck once the pipe is full. */
static void start_stuck(struct fixture *f, const char *before, const char *what)
{
	char line[400];
	f->fd = open(f->fifo, O_RDWR | O_NONBLOCK);
	assert_true(f->fd >= 0);
	struct world_env env = world_env(&f->w, NULL);
	snprintf(line, sizeof line, "%sexec \"$0\" %s --config \"$1\" >\"$2\"", before, what);
	assert_true(process_start(
		&f->p, ARGS("sh", "-c", line, world_weir(), f->w.config, f->fifo), env.list));
	int full = 0;
	for (int64_t end_ms = process_clock_ms() + SOON_MS; full < 65536 - 4096;) {
		assert_true(process_clock_ms() < end_ms);
		poll(NULL, 0, 1); /* a pipe does not tell that it is full */
		assert_int_equal(ioctl(f->fd, FIONREAD, &full), 0);
	}
}

static void end_stuck(struct fixture *f, int signo)
{
	process_signal(&f->p, signo);
	assert_int_equal(process_wait(&f->p, SOON_MS), 128 + signo);
	process_release(&f->p);
	close(f->fd);
	f->fd = -1;
}

static bool is_ignored(int pid, int signo)
{
	char path[64], line[256];
	unsigned long long ignored = 0;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof line, file))
		if (sscanf(line, "SigIgn: %llx", &ignored) == 1)
			break;
	fclose(file);
	return ignored >> (signo - 1) & 1;
}

static void test_a_log_that_nobody_reads(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct fixture *f = *state;
	fill(f);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		start_stuck(f, "", "log");
		end_stuck(f, signals[i]);
	}
	/* as nohup does: what was to be ignored still is */
	start_stuck(f, "trap '' HUP; ", "log");
	assert_true(is_ignored(f->p.pid, SIGHUP));
	assert_false(is_ignored(f->p.pid, SIGINT));
	end_stuck(f, SIGTERM);
}

/* It is made in a moment and then written at once. */
static void test_a_report_that_nobody_reads(void **state)
{
	struct fixture *f = *state;
	char what[WORLD_PATH + 40];
	fill(f);
	snprintf(what, sizeof what, "report '%s' --format json", f->w.history);
	start_stuck(f, "", what);
	end_stuck(f, SIGINT);
}

/* A file that does not end: it is being read, which shows in that it can be opened for writing. */
static void ends_while_it_reads(struct fixture *f, const char *const *args)
{
	struct world_env env = world_env(&f->w, NULL);
	world_start(&f->w, &f->p, &env, args);
	for (int64_t end_ms = process_clock_ms() + SOON_MS; f->fd < 0;) {
		assert_true(process_clock_ms() < end_ms);
		f->fd = open(f->fifo, O_WRONLY | O_NONBLOCK);
		assert_true(f->fd >= 0 || errno == ENXIO);
		poll(NULL, 0, 1);
	}
	process_signal(&f->p, SIGINT);
	assert_int_equal(process_wait(&f->p, SOON_MS), 128 + SIGINT);
	process_release(&f->p);
	close(f->fd);
	f->fd = -1;
}

static void test_check_and_plan_of_an_endless_file(void **state)
{
	struct fixture *f = *state;
	ends_while_it_reads(f, ARGS("check", f->fifo));
	ends_while_it_reads(f, ARGS("plan", f->fifo, "--config", f->w.config));
}

static void show_log(struct fixture *f, struct pty *p)
{
	/* it says who it is and reads nothing */
	struct world_env env =
		world_env(&f->w, ARGS("PAGER=echo pager $$ is here; exec tail -f /dev/null"));
	world_console(&f->w, p, 100, 5, &env, ARGS("log", "--config", f->w.config));
	assert_true(pty_wait_text(p, "is here", SOON_MS));
}

static bool is_pager(const struct simulator *s, const void *arg)
{
	(void)arg;
	return simulator_shows(s, "is here");
}

static void test_a_pager_ends_with_it(void **state)
{
	static const int signals[] = {SIGTERM, SIGHUP};
	struct fixture *f = *state;
	struct pty p;
	fill(f);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		show_log(f, &p);
		assert_true(pty_wait(&p, is_pager, NULL, SOON_MS));
		pty_signal(&p, signals[i]);
		assert_int_equal(pty_wait_exit(&p, SOON_MS), 128 + signals[i]);
		pty_release(&p);
	}
	/* an interrupt is the pager's, which may live on: only its end is the end */
	show_log(f, &p);
	pty_signal(&p, SIGINT);
	pty_send(&p, "\003");
	assert_int_equal(pty_wait_exit(&p, SOON_MS), 0);
	pty_release(&p);
}

/* ---- long work ---- */

/* The recording of a real migration, and then as much again some times, as nobody recorded it. */
static void make_long(struct fixture *f, char *db, char *lines)
{
	struct process p = {0};
	sqlite3 *sql;
	world_path(&f->w, db, "long.db");
	world_path(&f->w, lines, "long.jsonl");
	assert_int_equal(world_run(&f->w, &p, NULL,
						 ARGS("import", "tests/recordings/checkout.jsonl", "--history", db)),
		0);
	process_release(&p);
	assert_int_equal(sqlite3_open(db, &sql), SQLITE_OK);
	sqlite3_stmt *s;
	assert_int_equal(
		sqlite3_prepare_v2(sql,
			"SELECT 'WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n"
			" WHERE k < 20) INSERT INTO sample (key, at_ms, ' ||"
			" group_concat(name, ', ') || ') SELECT key + (k * 6000 << 28),"
			" at_ms + k * 600000, ' || group_concat(name, ', ') ||"
			" ' FROM sample, n' FROM pragma_table_info('sample')"
			" WHERE name NOT IN ('key', 'at_ms')",
			-1, &s, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	char *why = NULL;
	if (sqlite3_exec(sql, (const char *)sqlite3_column_text(s, 0), NULL, NULL, &why))
		fail_msg("%s", why);
	sqlite3_finalize(s);
	sqlite3_exec(sql, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	sqlite3_close(sql);
	assert_int_equal(world_run(&f->w, &p, NULL, ARGS("export", db, "--out", lines)), 0);
	process_release(&p);
}

static size_t files_in(const char *dir)
{
	DIR *d = opendir(dir);
	size_t n = 0;
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static char *bytes_of(const char *path, size_t *len)
{
	struct text t = {0};
	char part[4096];
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
		text_add_n(&t, part, n);
	fclose(file);
	*len = t.len;
	return text_take(&t);
}

/* It stands still at its second line of progress, while the first is on the terminal; time is short
 * for it, so that it has patience enough. Then ^C. */
static void show_and_end(struct fixture *f, const char *rules, const char *const *args)
{
	struct world_env env = world_fault(&f->w, rules, NULL);
	struct pty p;
	world_console(&f->w, &p, 120, 8, &env, args);
	if (!pty_wait_text(&p, " left", SOON_MS))
		fail_msg("%s shows no progress", args[0]);
	assert_true(simulator_shows(&p.screen, "[") && simulator_shows(&p.screen, " %, "));
	pty_send(&p, "\003");
	int status = pty_wait_exit(&p, SOON_MS);
	if (status != 128 + SIGINT)
		fail_msg("%s ends with %d", args[0], status);
	assert_false(simulator_shows(&p.screen, " left"));
	pty_release(&p);
}

static void test_long_work_shows_how_far_it_is_and_ends_at_once(void **state)
{
	struct fixture *f = *state;
	char db[WORLD_PATH], lines[WORLD_PATH], out[WORLD_PATH], gate[WORLD_PATH];
	char rules[2 * WORLD_PATH];
	make_long(f, db, lines);
	world_path(&f->w, out, "out");
	world_path(&f->w, gate, "gate");
	int held = open(gate, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(held >= 0 && flock(held, LOCK_EX) == 0);
	snprintf(
		rules, sizeof rules, "call=write data=left at=2 do=hold gate=%s;haste=100000", gate);
	size_t before, after;
	char *was = bytes_of(db, &before);
	const char *const *const commands[] = {
		ARGS("report", db, "--out", out),
		ARGS("verify", db),
		ARGS("whatif", db),
		ARGS("export", db, "--out", out),
		ARGS("export", db, "--format", "csv", "--out", out),
		ARGS("export", db, "--format", "openmetrics", "--out", out),
		ARGS("import", lines, "--history", out),
		ARGS("rehearse", "--auto", "quiet"),
	};
	size_t files = files_in(f->w.dir);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		show_and_end(f, rules, commands[i]);
		if (files_in(f->w.dir) != files)
			fail_msg("%s leaves a file", commands[i][0]);
	}
	char *is = bytes_of(db, &after);
	assert_int_equal(before, after);
	assert_memory_equal(was, is, before);
	free(was);
	free(is);
	close(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_log_that_nobody_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_report_that_nobody_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_check_and_plan_of_an_endless_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_pager_ends_with_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_long_work_shows_how_far_it_is_and_ends_at_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
