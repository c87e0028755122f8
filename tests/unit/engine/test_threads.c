/* Tests of threads: waits end in time and at once when they are to, however many wait. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/threads.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

#define WAIT_US 30000000
#define MANY 64

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TURNS 2000
#else
#define TURNS 20000
#endif

static void start(pthread_t *out, void *(*run)(void *), void *arg)
{
	struct err err = {0};
	if (threads_start(out, run, arg, &err))
		fail_msg("%s", err.text);
}

/* ---- the gate ---- */

static void an_open_gate_passes_the_time(void **state)
{
	(void)state;
	struct gate g;
	gate_init(&g);
	assert_false(gate_is_closed(&g));
	int64_t until_us = threads_us() + 3000;
	assert_false(gate_wait(&g, until_us));
	assert_true(threads_us() >= until_us);
	/* What has passed already, and what was never a time. */
	assert_false(gate_wait(&g, threads_us() - 1));
	assert_false(gate_wait(&g, 0));
	assert_false(gate_wait(&g, -WAIT_US));
	gate_release(&g);
}

static void a_closed_gate_holds_nobody(void **state)
{
	(void)state;
	struct gate g;
	gate_init(&g);
	gate_close(&g);
	assert_true(gate_is_closed(&g));
	assert_true(gate_wait(&g, INT64_MAX));
	assert_true(gate_wait(&g, 0));
	gate_close(&g);
	assert_true(gate_wait(&g, INT64_MAX));
	gate_release(&g);
}

static void a_released_gate_holds_nobody_who_comes_late(void **state)
{
	(void)state;
	struct gate g;
	gate_init(&g);
	gate_release(&g);
	assert_true(gate_wait(&g, INT64_MAX));
}

struct sleeper {
	struct gate *gate;
	atomic_int *there;
	int64_t until_us;
	pthread_t thread;
	bool closed;
};

static void *sleep_at_gate(void *arg)
{
	struct sleeper *s = arg;
	atomic_fetch_add(s->there, 1);
	s->closed = gate_wait(s->gate, s->until_us);
	return NULL;
}

static void closing_ends_every_wait_at_once(void **state)
{
	(void)state;
	struct gate g;
	struct sleeper sleepers[MANY];
	atomic_int there = 0;
	gate_init(&g);
	for (int i = 0; i < MANY; i++) {
		/* For ever, and for longer than the test may take. */
		sleepers[i] = (struct sleeper){
			&g, &there, i % 2 ? INT64_MAX : threads_us() + 10 * WAIT_US, 0, false};
		start(&sleepers[i].thread, sleep_at_gate, &sleepers[i]);
	}
	int64_t until_us = threads_us() + WAIT_US;
	while (atomic_load(&there) < MANY) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 1);
	}
	gate_close(&g);
	for (int i = 0; i < MANY; i++) {
		pthread_join(sleepers[i].thread, NULL);
		assert_true(sleepers[i].closed);
	}
	assert_true(threads_us() < until_us + WAIT_US);
	gate_release(&g);
}

/* Closed at any moment of somebody's going to sleep: it is not slept through. */
static void closing_is_never_missed(void **state)
{
	(void)state;
	for (int turn = 0; turn < TURNS / 20; turn++) {
		struct gate g;
		atomic_int there = 0;
		gate_init(&g);
		struct sleeper s = {&g, &there, threads_us() + WAIT_US, 0, false};
		start(&s.thread, sleep_at_gate, &s);
		while (turn % 2 && atomic_load(&there) == 0)
			threads_relax();
		for (int i = 0; i < turn % 50; i++)
			threads_relax();
		gate_close(&g);
		pthread_join(s.thread, NULL);
		assert_true(s.closed);
		gate_release(&g);
	}
}

/* ---- words ---- */

static void a_word_that_differs_is_not_waited_at(void **state)
{
	(void)state;
	atomic_int word = 7;
	assert_true(threads_word_wait(&word, 8, INT64_MAX));
	int64_t until_us = threads_us() + 3000;
	while (threads_word_wait(&word, 7, until_us))
		assert_true(threads_us() < until_us);
	assert_true(threads_us() >= until_us);
	assert_false(threads_word_wait(&word, 7, -1));
	threads_word_wake(&word); /* nobody is there */
}

/* A ball between two: whose turn it is, or that it is over. */
struct game {
	atomic_int turn;
	int plays;
};

static void *play_odd(void *arg)
{
	struct game *g = arg;
	for (int i = 1; i < TURNS; i += 2) {
		for (int turn; (turn = atomic_load(&g->turn)) != i;)
			threads_word_wait(&g->turn, turn, INT64_MAX);
		g->plays++; /* of whose turn it is */
		atomic_store(&g->turn, i + 1);
		threads_word_wake(&g->turn);
	}
	return NULL;
}

static void no_wake_is_lost_between_two(void **state)
{
	(void)state;
	struct game g = {0};
	pthread_t other;
	start(&other, play_odd, &g);
	for (int i = 0; i < TURNS; i += 2) {
		for (int turn; (turn = atomic_load(&g.turn)) != i;)
			assert_true(threads_word_wait(&g.turn, turn, threads_us() + WAIT_US));
		g.plays++;
		atomic_store(&g.turn, i + 1);
		threads_word_wake(&g.turn);
	}
	pthread_join(other, NULL);
	assert_int_equal(g.plays, TURNS);
}

/* ---- threads ---- */

struct facts {
	int slack_ns;
	bool takes_signals;
};

static void *look_at_oneself(void *arg)
{
	struct facts *f = arg;
	sigset_t blocked;
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	f->takes_signals = !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGWINCH);
	f->slack_ns = prctl(PR_GET_TIMERSLACK);
	return NULL;
}

static void who_starts_a_thread_stays_as_it_is(void **state)
{
	(void)state;
	struct facts before, inside, after;
	pthread_t thread;
	look_at_oneself(&before);
	start(&thread, look_at_oneself, &inside);
	pthread_join(thread, NULL);
	look_at_oneself(&after);
	assert_false(inside.takes_signals);
	assert_int_equal(inside.slack_ns, 1);
	assert_int_equal(after.takes_signals, before.takes_signals);
	assert_int_equal(after.slack_ns, before.slack_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_gate_passes_the_time),
		cmocka_unit_test(a_closed_gate_holds_nobody),
		cmocka_unit_test(a_released_gate_holds_nobody_who_comes_late),
		cmocka_unit_test(closing_ends_every_wait_at_once),
		cmocka_unit_test(closing_is_never_missed),
		cmocka_unit_test(a_word_that_differs_is_not_waited_at),
		cmocka_unit_test(no_wake_is_lost_between_two),
		cmocka_unit_test(who_starts_a_thread_stays_as_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
