/* Tests of the executor: each job is done once or never, in order, in time, by an open thread. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/executor.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_US 30000000
#define SOON_US (threads_us() + WAIT_US)
#define THREADS_MAX 4

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TURNS 10000
#else
#define TURNS 100000
#endif

struct bed {
	struct executor *x;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int done;                        /* jobs, in all */
	bool held;                       /* jobs that hold wait here */
	atomic_bool leaves[THREADS_MAX]; /* wanted out of service */
	int shut[THREADS_MAX];           /* how often it said so */
};

struct job {
	struct bed *bed;
	bool holds;
	int times, place, thread;
	pthread_t caller;
	struct executor_want want;
	enum executor_end end;
};

static void run(void *ctx, void *what, int thread)
{
	struct bed *b = ctx;
	struct job *j = what;
	pthread_mutex_lock(&b->lock);
	while (j->holds && b->held)
		pthread_cond_wait(&b->moved, &b->lock);
	j->times++;
	j->place = b->done++;
	j->thread = thread;
	pthread_cond_broadcast(&b->moved);
	pthread_mutex_unlock(&b->lock);
}

static bool stays(void *ctx, int thread)
{
	struct bed *b = ctx;
	return !atomic_load(&b->leaves[thread]);
}

static void shut(void *ctx, int thread)
{
	struct bed *b = ctx;
	pthread_mutex_lock(&b->lock);
	b->shut[thread]++;
	pthread_cond_broadcast(&b->moved);
	pthread_mutex_unlock(&b->lock);
}

/* `open` of them are put into service. */
static void make(struct bed *b, int threads, int open)
{
	struct err err = {0};
	memset(b, 0, sizeof *b);
	pthread_mutex_init(&b->lock, NULL);
	threads_cond_init(&b->moved);
	const struct executor_options how = {
		.threads = threads, .run = run, .stays = stays, .shut = shut, .ctx = b, .cpu = -1};
	assert_int_equal(executor_start(&b->x, &how, &err), 0);
	for (int i = 0; i < open; i++)
		executor_open(b->x, i);
}

static void drop(struct bed *b)
{
	executor_stop(b->x);
	pthread_cond_destroy(&b->moved);
	pthread_mutex_destroy(&b->lock);
}

static void hold(struct bed *b, bool on)
{
	pthread_mutex_lock(&b->lock);
	b->held = on;
	pthread_cond_broadcast(&b->moved);
	pthread_mutex_unlock(&b->lock);
}

static void wait_for(struct bed *b, int queued, int taken)
{
	int64_t until_us = SOON_US;
	while (executor_queued(b->x) != queued || executor_taken(b->x) != taken) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 1);
	}
}

static void *call(void *arg)
{
	struct job *j = arg;
	j->end = executor_run(j->bed->x, j, &j->want);
	return NULL;
}

static struct job *begin(struct bed *b, bool holds)
{
	struct job *j = calloc(1, sizeof *j);
	assert_non_null(j);
	j->bed = b;
	j->holds = holds;
	j->want =
		(struct executor_want){.deadline_us = SOON_US, .queue_max = 1000, .counted = true};
	assert_int_equal(pthread_create(&j->caller, NULL, call, j), 0);
	return j;
}

static struct job join(struct job *j)
{
	pthread_join(j->caller, NULL);
	struct job end = *j;
	free(j);
	return end;
}

static void q1_is_full_at_n(void **state)
{
	(void)state;
	struct bed b;
	make(&b, 1, 1);
	hold(&b, true);
	struct job *busy = begin(&b, true);
	wait_for(&b, 0, 1);
	struct job *waits = begin(&b, false);
	wait_for(&b, 1, 1);
	struct job none = {0};
	struct executor_want want = {.deadline_us = SOON_US, .queue_max = 1, .counted = true};
	assert_int_equal(executor_run(b.x, &none, &want), EXECUTOR_FULL);
	assert_int_equal(none.times, 0);
	hold(&b, false);
	assert_int_equal(join(busy).end, EXECUTOR_DONE);
	assert_int_equal(join(waits).end, EXECUTOR_DONE);
	drop(&b);
}

static void q6_the_deadline_bounds_the_wait_and_late_is_never_begun(void **state)
{
	(void)state;
	struct bed b;
	make(&b, 1, 1);
	hold(&b, true);
	struct job *busy = begin(&b, true);
	wait_for(&b, 0, 1);
	struct job late = {0};
	int64_t deadline_us = threads_us() + 3000;
	struct executor_want want = {.deadline_us = deadline_us, .queue_max = 9, .counted = true};
	assert_int_equal(executor_run(b.x, &late, &want), EXECUTOR_LATE);
	assert_true(threads_us() >= deadline_us);
	assert_int_equal(executor_queued(b.x), 0);
	hold(&b, false);
	join(busy);
	assert_int_equal(late.times, 0);
	/* A thread is free, but the time is over. */
	want.deadline_us = threads_us();
	assert_int_equal(executor_run(b.x, &late, &want), EXECUTOR_LATE);
	assert_int_equal(late.times, 0);
	drop(&b);
}

static void q3_a_deadline_that_passes_during_the_work_changes_nothing(void **state)
{
	(void)state;
	struct bed b;
	struct job j;
	make(&b, 1, 1);
	do { /* where the machine is so busy that it was not begun in time: once more */
		hold(&b, true);
		j = (struct job){.bed = &b, .holds = true};
		j.want.deadline_us = threads_us() + 20000;
		j.want.queue_max = 9;
		assert_int_equal(pthread_create(&j.caller, NULL, call, &j), 0);
		while (executor_taken(b.x) == 0 && threads_us() < j.want.deadline_us + 20000)
			poll(NULL, 0, 1);
		while (executor_taken(b.x) == 1 && threads_us() <= j.want.deadline_us)
			poll(NULL, 0, 1);
		hold(&b, false);
		pthread_join(j.caller, NULL);
		assert_int_equal(j.times, j.end == EXECUTOR_DONE);
	} while (j.end != EXECUTOR_DONE);
	drop(&b);
}

static void q5_who_is_gone_is_passed_over(void **state)
{
	(void)state;
	struct bed b;
	atomic_bool gone = false;
	make(&b, 1, 1);
	hold(&b, true);
	struct job *busy = begin(&b, true);
	wait_for(&b, 0, 1);
	struct job dead = {.bed = &b};
	dead.want = (struct executor_want){
		.deadline_us = SOON_US, .queue_max = 9, .counted = true, .gone = &gone};
	assert_int_equal(pthread_create(&dead.caller, NULL, call, &dead), 0);
	wait_for(&b, 1, 1);
	struct job *next = begin(&b, false);
	wait_for(&b, 2, 1);
	atomic_store(&gone, true);
	executor_nudge(b.x);
	pthread_join(dead.caller, NULL); /* at once, however long the other works */
	assert_int_equal(dead.end, EXECUTOR_LATE);
	/* Gone before it came: nobody will nudge it. */
	assert_int_equal(executor_run(b.x, &dead, &dead.want), EXECUTOR_LATE);
	hold(&b, false);
	join(busy);
	assert_int_equal(join(next).end, EXECUTOR_DONE);
	assert_int_equal(dead.times, 0);
	drop(&b);
}

static void first_come_first_served(void **state)
{
	(void)state;
	enum { CALLERS = 16 };
	struct bed b;
	struct job *jobs[CALLERS];
	make(&b, 1, 1);
	hold(&b, true);
	struct job *busy = begin(&b, true);
	wait_for(&b, 0, 1);
	for (int i = 0; i < CALLERS; i++) {
		jobs[i] = begin(&b, false);
		wait_for(&b, i + 1, 1);
	}
	hold(&b, false);
	join(busy);
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(join(jobs[i]).place, i + 1);
	drop(&b);
}

static void a_shut_thread_takes_nothing(void **state)
{
	(void)state;
	struct bed b;
	make(&b, 3, 1);
	hold(&b, true);
	struct job *busy = begin(&b, true);
	wait_for(&b, 0, 1);
	assert_false(executor_try_shut(b.x, 0)); /* it works */
	assert_false(executor_try_shut(b.x, 1)); /* it is shut */
	struct job *waits = begin(&b, false);
	wait_for(&b, 1, 1);
	executor_open(b.x, 2);
	assert_int_equal(join(waits).thread, 2);
	assert_true(executor_try_shut(b.x, 2));
	waits = begin(&b, false);
	wait_for(&b, 1, 1);
	hold(&b, false);
	assert_int_equal(join(busy).thread, 0);
	assert_int_equal(join(waits).thread, 0);
	drop(&b);
}

/* Threads that are shut do not wake each other for a job that none of them may take. */
static void shut_threads_sleep_while_work_waits(void **state)
{
	(void)state;
	struct bed b;
	struct timespec before, after;
	make(&b, 4, 4);
	for (int i = 0; i < 4; i++)
		assert_true(executor_try_shut(b.x, i));
	struct job late = {0};
	struct executor_want want = {.deadline_us = threads_us() + 50000, .queue_max = 9};
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	assert_int_equal(executor_run(b.x, &late, &want), EXECUTOR_LATE);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	int64_t used_us = (int64_t)(after.tv_sec - before.tv_sec) * 1000000 +
		(after.tv_nsec - before.tv_nsec) / 1000;
	assert_true(used_us < 25000);
	struct job *waits = begin(&b, false);
	wait_for(&b, 1, 0);
	executor_open(b.x, 3);
	assert_int_equal(join(waits).thread, 3);
	drop(&b);
}

/* Asked for while it works: it is out with its next breath, and says so once. */
static void one_that_is_wanted_out_takes_no_more(void **state)
{
	(void)state;
	struct bed b;
	make(&b, 1, 1);
	hold(&b, true);
	struct job *busy = begin(&b, true);
	wait_for(&b, 0, 1);
	struct job *waits = begin(&b, false);
	wait_for(&b, 1, 1);
	atomic_store(&b.leaves[0], true);
	assert_false(executor_try_shut(b.x, 0));
	hold(&b, false);
	join(busy);
	pthread_mutex_lock(&b.lock);
	int64_t until_us = SOON_US;
	while (!b.shut[0])
		assert_true(threads_wait(&b.moved, &b.lock, until_us));
	pthread_mutex_unlock(&b.lock);
	assert_int_equal(executor_queued(b.x), 1);
	atomic_store(&b.leaves[0], false);
	executor_open(b.x, 0);
	assert_int_equal(join(waits).end, EXECUTOR_DONE);
	assert_int_equal(b.shut[0], 1);
	drop(&b);
}

/* However many come at once, each finds a thread that is free: none sleeps while one waits. */
static void all_threads_work_when_there_is_work_for_all(void **state)
{
	(void)state;
	struct bed b;
	struct job *jobs[THREADS_MAX];
	make(&b, THREADS_MAX, THREADS_MAX);
	for (int round = 0; round < TURNS / 1000; round++) {
		hold(&b, true);
		for (int i = 0; i < THREADS_MAX; i++)
			jobs[i] = begin(&b, true);
		wait_for(&b, 0, THREADS_MAX);
		hold(&b, false);
		for (int i = 0; i < THREADS_MAX; i++)
			assert_int_equal(join(jobs[i]).end, EXECUTOR_DONE);
	}
	drop(&b);
}

/* Its place is free again before its caller is told: the next one needs no queue. */
static void one_after_another_is_never_refused(void **state)
{
	(void)state;
	struct bed b;
	struct job j = {.bed = &b};
	struct executor_want want = {.deadline_us = SOON_US, .queue_max = 0};
	make(&b, 1, 1);
	for (int i = 0; i < TURNS; i++)
		assert_int_equal(executor_run(b.x, &j, &want), EXECUTOR_DONE);
	assert_int_equal(j.times, TURNS);
	assert_true(executor_try_shut(b.x, 0));
	assert_int_equal(executor_run(b.x, &j, &want), EXECUTOR_FULL);
	executor_open(b.x, 0);
	assert_int_equal(executor_run(b.x, &j, &want), EXECUTOR_DONE);
	drop(&b);
}

/* At any moment of its caller's going to sleep. */
static void who_is_gone_is_let_go_at_once(void **state)
{
	(void)state;
	struct bed b;
	make(&b, 1, 0);
	for (int i = 0; i < TURNS / 200; i++) {
		atomic_bool gone = false;
		struct job j = {.bed = &b};
		j.want = (struct executor_want){
			.deadline_us = SOON_US, .queue_max = 9, .counted = true, .gone = &gone};
		assert_int_equal(pthread_create(&j.caller, NULL, call, &j), 0);
		wait_for(&b, 1, 0);
		for (int k = 0; k < i * 7 % 1000; k++)
			threads_relax();
		atomic_store(&gone, true);
		executor_nudge(b.x);
		pthread_join(j.caller, NULL);
		assert_int_equal(j.end, EXECUTOR_LATE);
		assert_int_equal(j.times, 0);
		assert_true(threads_us() < j.want.deadline_us);
	}
	wait_for(&b, 0, 0);
	drop(&b);
}

/* ---- many at once ---- */

struct caller {
	struct bed *bed;
	pthread_t thread;
	atomic_int *left;
	long done, late, full, odd;
};

static void *hammer(void *arg)
{
	struct caller *c = arg;
	for (int i = 0; i < TURNS / 8; i++) {
		struct job j = {.bed = c->bed};
		struct executor_want want = {.deadline_us = i % 7 == 0 ? threads_us() + 20 : SOON_US,
			.queue_max = 4,
			.counted = i % 2};
		switch (executor_run(c->bed->x, &j, &want)) {
		case EXECUTOR_DONE:
			c->done++;
			c->odd += j.times != 1;
			break;
		case EXECUTOR_LATE:
			c->late++;
			c->odd += j.times != 0;
			break;
		case EXECUTOR_FULL:
			c->full++;
			c->odd += j.times != 0;
			break;
		}
	}
	atomic_fetch_sub(c->left, 1);
	return NULL;
}

static void *crowd_in(void *arg)
{
	struct caller *c = arg;
	for (int i = 0; i < 50; i++) {
		struct job j = {.bed = c->bed};
		struct executor_want want = {
			.deadline_us = threads_us() + 500, .queue_max = 3, .counted = true};
		enum executor_end end = executor_run(c->bed->x, &j, &want);
		c->late += end == EXECUTOR_LATE;
		c->full += end == EXECUTOR_FULL;
	}
	atomic_fetch_sub(c->left, 1);
	return NULL;
}

static void no_more_wait_than_may(void **state)
{
	(void)state;
	enum { CALLERS = 8 };
	struct bed b;
	struct caller callers[CALLERS] = {0};
	atomic_int left = CALLERS;
	long late = 0, full = 0;
	make(&b, 1, 0);
	for (int i = 0; i < CALLERS; i++) {
		callers[i].bed = &b;
		callers[i].left = &left;
		assert_int_equal(pthread_create(&callers[i].thread, NULL, crowd_in, &callers[i]), 0);
	}
	while (atomic_load(&left) > 0)
		assert_in_range(executor_queued(b.x), 0, 3);
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		late += callers[i].late;
		full += callers[i].full;
	}
	assert_int_equal(late + full, 50 * CALLERS);
	assert_true(late >= 3);
	drop(&b);
}

static void each_is_done_once_or_never_while_threads_come_and_go(void **state)
{
	(void)state;
	enum { CALLERS = 8 };
	struct bed b;
	struct caller callers[CALLERS] = {0};
	atomic_int left = CALLERS;
	make(&b, THREADS_MAX, THREADS_MAX);
	for (int i = 0; i < CALLERS; i++) {
		callers[i].bed = &b;
		callers[i].left = &left;
		assert_int_equal(pthread_create(&callers[i].thread, NULL, hammer, &callers[i]), 0);
	}
	for (int i = 0; atomic_load(&left) > 0; i++) {
		int thread = i % THREADS_MAX;
		if (executor_try_shut(b.x, thread))
			executor_open(b.x, thread);
		executor_nudge(b.x);
		poll(NULL, 0, 1);
	}
	long done = 0, all = 0;
	for (int i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		done += callers[i].done;
		all += callers[i].done + callers[i].late + callers[i].full;
		assert_int_equal(callers[i].odd, 0);
	}
	assert_int_equal(all, TURNS / 8 * CALLERS);
	assert_int_equal(b.done, done);
	wait_for(&b, 0, 0);
	drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(q1_is_full_at_n),
		cmocka_unit_test(q6_the_deadline_bounds_the_wait_and_late_is_never_begun),
		cmocka_unit_test(q3_a_deadline_that_passes_during_the_work_changes_nothing),
		cmocka_unit_test(q5_who_is_gone_is_passed_over),
		cmocka_unit_test(first_come_first_served),
		cmocka_unit_test(a_shut_thread_takes_nothing),
		cmocka_unit_test(shut_threads_sleep_while_work_waits),
		cmocka_unit_test(one_that_is_wanted_out_takes_no_more),
		cmocka_unit_test(all_threads_work_when_there_is_work_for_all),
		cmocka_unit_test(one_after_another_is_never_refused),
		cmocka_unit_test(who_is_gone_is_let_go_at_once),
		cmocka_unit_test(no_more_wait_than_may),
		cmocka_unit_test(each_is_done_once_or_never_while_threads_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
