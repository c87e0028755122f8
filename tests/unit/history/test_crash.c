/* Writers that are killed, and writers that meet: no acknowledged decision is lost, the file and
 * its chain are whole, the lock is free. CRASH_DECISIONS: how many each of those that meet
 * writes, 200 at first. */
#include "tests/unit/history/fixture.h"

#include "history/lock.h"
#include "tests/lib/vfs.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#define ROUNDS 20

/* Commits decisions without end and writes a byte for each one that is acknowledged. */
static void child(const struct place *p, int round, int out)
{
	const struct history_options how = {
		.path = p->path, .actor = "kim@ops1", .key_dir = p->keys};
	struct history *h;
	struct err err;

	if (history_start(&h, &how, &err) < 0)
		_exit(1);
	for (int i = 0;; i++) {
		struct history_answer a;
		struct decision d;
		char id[32];
		bool done = false;

		snprintf(id, sizeof id, "r%d-%d", round, i);
		d = make_decision(id, T0 + i);
		history_intent(h, &d);
		while (!done) {
			struct pollfd ready = {.fd = history_fd(h), .events = POLLIN};

			poll(&ready, 1, 1000);
			while (history_next(h, &a)) {
				done = done || a.kind == HISTORY_COMMITTED;
				if (a.kind == HISTORY_FAILED || a.kind == HISTORY_REFUSED)
					_exit(2);
				history_answer_release(&a);
			}
		}
		if (write(out, "x", 1) != 1)
			_exit(3);
	}
}

/* The process is killed at any point. */
static void row_52_no_acknowledged_decision_is_lost(void **state)
{
	struct place p;
	char sql[100];

	(void)state;
	place_make(&p);
	for (int round = 0; round < ROUNDS; round++) {
		const int wanted = 1 + round * 7 % 11; /* killed at different moments of a commit */
		int fds[2], acknowledged = 0, status;
		pid_t pid;
		char bytes[256];
		ssize_t got;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			close(fds[0]);
			child(&p, round, fds[1]);
		}
		close(fds[1]);
		while (acknowledged < wanted && (got = read(fds[0], bytes, 1)) > 0)
			acknowledged += (int)got;
		kill(pid, SIGKILL);
		while ((got = read(fds[0], bytes, sizeof bytes)) > 0)
			acknowledged += (int)got;
		close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_true(acknowledged >= wanted);
		snprintf(
			sql, sizeof sql, "SELECT count(*) FROM decision WHERE id LIKE 'r%d-%%'", round);
		assert_in_range(ask(p.path, sql), acknowledged, acknowledged + 1);
	}
	assert_whole(p.path, NULL);
	settle(start_opened(&p, "kim@ops1"));
	place_clean(&p);
}

/* ---- writers that meet ---- */

#define WRITERS 4
#define DECISIONS 200
#define SESSION 25 /* decisions until it closes the file, which truncates the log for all */
#define LOOK_MS 200

static int decisions(void)
{
	const char *text = getenv("CRASH_DECISIONS");
	const long n = text != NULL ? strtol(text, NULL, 10) : 0;

	return n > 0 ? (int)n : DECISIONS;
}

/* Opens it, however long the others hold the lock. */
static struct history *open_beside_others(const struct place *p, const char *actor)
{
	for (;;) {
		struct history *h = start(p, actor);
		struct history_answer a;

		next_answer(h, &a);
		if (a.kind == HISTORY_OPENED)
			return h;
		if (a.err.code != ERR_LOCKED)
			_exit(5);
		history_answer_release(&a);
		history_stop(h, DEADLINE_MS);
	}
}

/* Asks until it is recorded: it may be refused where the others held the lock for too long. */
static void record(struct history *h, const struct decision *d)
{
	for (bool recorded = false; !recorded;) {
		struct history_answer a;

		next_answer(h, &a);
		if (a.kind == HISTORY_FAILED || (a.kind == HISTORY_REFUSED && a.err.code != ERR_LOCKED))
			_exit(2);
		if (a.kind == HISTORY_REFUSED)
			history_intent(h, d);
		recorded = a.kind == HISTORY_COMMITTED;
		history_answer_release(&a);
	}
}

/* Records all its decisions, each with an outcome, in sessions. */
static void write_beside_others(const struct place *p, int writer)
{
	struct history *h = NULL;
	char id[32], actor[24];

	snprintf(actor, sizeof actor, "w%d@ops1", writer);
	for (int i = 0; i < decisions(); i++) {
		struct decision d;
		struct outcome_row row;

		if (i % SESSION == 0) {
			if (h != NULL && history_stop(h, DEADLINE_MS) != 0)
				_exit(3);
			h = open_beside_others(p, actor);
		}
		snprintf(id, sizeof id, "w%d-%d", writer, i);
		d = make_decision(id, T0 + i);
		history_intent(h, &d);
		record(h, &d);
		row = make_outcome(id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED, T0 + i + 1);
		history_outcome(h, &row);
	}
	_exit(history_stop(h, DEADLINE_MS) == 0 ? 0 : 4);
}

/* Until every writer has closed its end of the pipe, the chain is looked at again and again. */
static int look_on(const struct place *p, int fd)
{
	int looks = 0;

	for (;;) {
		struct pollfd end = {.fd = fd};
		struct chain_report report;
		struct err err = {0};

		if (poll(&end, 1, LOOK_MS) > 0)
			return looks;
		if (access(p->path, F_OK) < 0)
			continue;
		if (chain_verify(&report, p->path, NULL, NULL, NULL, &err) < 0)
			fail_msg("beside the writers: W%d %s", err.code, err.text);
		if (report.broken_seq != 0)
			fail_msg(
				"beside the writers: row %lld: %s", (long long)report.broken_seq, report.why);
		looks++;
	}
}

/* Several processes share one history: they append and checkpoint at once. */
static void row_57_writers_that_meet_lose_nothing(void **state)
{
	const int64_t wanted = (int64_t)WRITERS * decisions(), began = clock_monotonic_ms();
	struct place p;
	pid_t pids[WRITERS];
	int fds[2];

	(void)state;
	place_make(&p);
	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			close(fds[0]);
			vfs_new(NULL, NULL); /* whose turn it is does not depend on a sync */
			write_beside_others(&p, i);
		}
	}
	close(fds[1]);

	const int looks = look_on(&p, fds[0]);

	close(fds[0]);
	for (int i = 0; i < WRITERS; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	print_message("%d decisions of %d writers, looked at %d times, %lld ms\n", (int)wanted,
		WRITERS, looks, (long long)(clock_monotonic_ms() - began));
	assert_int_equal(ask(p.path, "SELECT count(DISTINCT id) FROM decision"), wanted);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), wanted);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM outcome"), wanted);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

/* Somebody reads for long: who checkpoints must not wait for that with the lock in its hand, as
 * all the others would wait for it. */
static void row_56_a_reader_delays_no_writer(void **state)
{
	struct place p;
	struct history *h[2];
	sqlite3 *db;
	int64_t began;

	(void)state;
	place_make(&p);
	h[0] = start_opened(&p, "kim@ops1");
	commit(h[0], "d-1", T0);
	assert_int_equal(sqlite3_open_v2(p.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "BEGIN; SELECT count(*) FROM decision", NULL, NULL, NULL), SQLITE_OK);
	h[1] = start_opened(&p, "pat@ops2");
	commit(h[1], "d-2", T0);
	began = clock_monotonic_ms();
	settle(h[0]); /* truncates the log, if it can */
	commit(h[1], "d-3", T0);
	settle(h[1]);
	assert_true(clock_monotonic_ms() - began < LOCK_LIMIT_MS);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(ask(p.path, "SELECT count(*) FROM decision"), 3);
	assert_whole(p.path, NULL);
	place_clean(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_52_no_acknowledged_decision_is_lost),
		cmocka_unit_test(row_56_a_reader_delays_no_writer),
		cmocka_unit_test(row_57_writers_that_meet_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
