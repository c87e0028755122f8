/* A killed writer: no acknowledged decision is lost, the chain is whole, the lock is free. */
#include "tests/unit/history/fixture.h"

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

static void no_acknowledged_decision_is_lost(void **state)
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_acknowledged_decision_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
