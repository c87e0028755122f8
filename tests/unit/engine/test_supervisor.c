/* Tests of how workers live and die, and of who may have one: replaced when they crash, locked,
 * stalled, behind a breaker, tried again; each for both kinds of builtin workers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/worker_bed.h"

#include "model/pool.h"

static void make(struct bed *b, void **state, int count)
{
	struct workers_options o = *(struct workers_options *)*state;
	o.count = count;
	o.queue_max = 64;
	o.supervision = NO_REST;
	bed_make(b, &o);
}

static struct worker_row row(struct bed *b, int index)
{
	struct worker_row rows[16];
	assert_true(workers_rows(b->workers, rows, 16) > index);
	return rows[index];
}

/* ---- crashes ---- */

static void w3_dead_worker_is_replaced(void **state)
{
	struct bed b;
	struct engine_response r;
	make(&b, state, 1);
	workers_set_fault(b.workers, &(struct fault){.crash_rate = 1});
	assert_int_equal(do_one(&b, OPERATION_ECHO, 100, &r), ENGINE_OK);
	assert_int_equal(r.failure, FAILURE_CONNECTION);
	workers_set_fault(b.workers, &(struct fault){0});
	assert_int_equal(do_one(&b, OPERATION_ECHO, LONG_MS, &r), ENGINE_OK);
	assert_true(r.ok);
	const struct worker_counts *w = &look(&b)->workers;
	assert_int_equal(w->crashed, 1);
	assert_int_equal(w->restarted, 1);
	assert_int_equal(w->destroyed, 1);
	assert_int_equal(w->created, 2);
	assert_int_equal(w->ready, 1);
	assert_int_equal(row(&b, 0).crashes, 1);
	assert_int_equal(row(&b, 0).restarts, 1);
	assert_int_equal(row(&b, 0).served, 2);
	bed_drop(&b);
}

static void *crash_on(void *arg)
{
	struct bed *b = arg;
	for (int i = 0; i < 500; i++)
		do_one(b, OPERATION_ECHO, 100, NULL);
	return NULL;
}

/* Also the last of many that crash at the same moment, while the supervisor is busy. */
static void w4_crash_storm_returns_to_size(void **state)
{
	enum { CALLERS = 8, SIZE = 8 };
	struct workers_options o = *(struct workers_options *)*state;
	o.count = SIZE;
	o.queue_max = 64;
	o.supervision = NO_REST;
	o.breaker.failures = INT32_MAX;
	struct bed b;
	bed_make(&b, &o);
	workers_set_fault(b.workers, &(struct fault){.crash_rate = 0.5});
	pthread_t threads[CALLERS];
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, crash_on, &b), 0);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	wait_for_ready(&b, SIZE);
	const struct arm_counts *c = look(&b);
	assert_true(c->workers.crashed > 0);
	assert_int_equal(c->workers.crashed, c->failed[FAILURE_CONNECTION]);
	assert_int_equal(c->workers.restarted, c->workers.crashed);
	assert_int_equal(c->workers.created, c->workers.destroyed + SIZE);
	assert_int_equal(c->in_flight, 0);
	bed_drop(&b);
}

static void a_crash_takes_no_lock_away(void **state)
{
	struct bed b;
	make(&b, state, 1);
	workers_set_fault(b.workers, &(struct fault){.crash_rate = 1, .latency_add_us = 20000});
	struct call *c = call_begin(&b, OPERATION_ECHO, 200, "");
	wait_for_load(&b, 0, 1);
	assert_true(workers_drain(b.workers, -1, 0, true));
	assert_int_equal(call_end(c), ENGINE_OK);
	workers_set_fault(b.workers, &(struct fault){0});
	int64_t until_us = threads_us() + WAIT_US;
	while (look(&b)->workers.restarted == 0)
		assert_true(threads_us() < until_us);
	assert_int_equal(b.counts.workers.ready, 0);
	assert_int_equal(do_one(&b, OPERATION_ECHO, 5, NULL), ENGINE_TIMEOUT);
	assert_true(workers_drain(b.workers, -1, 0, false));
	assert_int_equal(do_one(&b, OPERATION_ECHO, LONG_MS, NULL), ENGINE_OK);
	bed_drop(&b);
}

/* ---- D1: locked ---- */

static void d1_locked_worker_ends_its_work_and_gets_no_more(void **state)
{
	struct bed b;
	make(&b, state, 1);
	struct call *busy = call_begin(&b, OPERATION_SLEEP, LONG_MS, "");
	wait_for_load(&b, 0, 1);
	struct call *waits = call_begin(&b, OPERATION_ECHO, LONG_MS, "");
	wait_for_load(&b, 1, 1);
	assert_true(workers_drain(b.workers, -1, 0, true));
	assert_true(row(&b, 0).locked);
	assert_int_equal(row(&b, 0).state, WORKER_BUSY);
	gate_close(&b.gate); /* ends what it does */
	assert_int_equal(call_end(busy), ENGINE_OK);
	assert_int_equal(do_one(&b, OPERATION_ECHO, 5, NULL), ENGINE_TIMEOUT);
	assert_int_equal(look(&b)->queue_depth, 1);
	assert_int_equal(b.counts.workers.ready, 0);
	assert_true(workers_drain(b.workers, -1, 0, false));
	assert_int_equal(call_end(waits), ENGINE_OK);
	assert_false(row(&b, 0).locked);
	bed_drop(&b);
}

static void d1_locked_segment_and_arm(void **state)
{
	struct workers_options o = *(struct workers_options *)*state;
	o.count = 5;
	o.segment = 2;
	o.queue_max = 8;
	struct bed b;
	bed_make(&b, &o);
	assert_false(workers_drain(b.workers, 3, -1, true));
	assert_false(workers_drain(b.workers, -1, 5, true));
	assert_true(workers_drain(b.workers, 2, -1, true)); /* the last, of one worker */
	wait_for_ready(&b, 4);
	assert_true(workers_drain(b.workers, 0, -1, true));
	wait_for_ready(&b, 2);
	struct segment_row rows[3];
	assert_int_equal(workers_segments(b.workers, rows, 3), 3);
	assert_true(rows[0].locked && !rows[1].locked && rows[2].locked);
	assert_int_equal(rows[1].ready, 2);
	assert_int_equal(rows[2].workers, 1);
	for (int i = 0; i < 200; i++)
		assert_int_equal(do_one(&b, OPERATION_ECHO, LONG_MS, NULL), ENGINE_OK);
	for (int i = 0; i < 5; i++)
		assert_true(i == 2 || i == 3 || row(&b, i).served == 0);
	assert_true(workers_drain(b.workers, -1, -1, true));
	assert_int_equal(do_one(&b, OPERATION_ECHO, 5, NULL), ENGINE_TIMEOUT);
	assert_false(workers_serve(b.workers));
	assert_true(workers_drain(b.workers, -1, -1, false));
	wait_for_ready(&b, 5);
	assert_true(workers_serve(b.workers));
	bed_drop(&b);
}

struct flood {
	struct bed *bed;
	atomic_bool over;
};

static void *flood_on(void *arg)
{
	struct flood *f = arg;
	while (!atomic_load(&f->over))
		do_one(f->bed, OPERATION_ECHO, LONG_MS, NULL);
	return NULL;
}

/* Once a lock is there and what was under way is done, nothing more is served: not by one that
 * was handed on in the same moment either. */
static void d1_nothing_slips_through_a_lock_under_load(void **state)
{
	enum { CALLERS = 6, TURNS = 300 };
	struct bed b;
	make(&b, state, 2);
	struct flood f = {.bed = &b};
	pthread_t threads[CALLERS];
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, flood_on, &f), 0);
	for (int i = 0; i < TURNS; i++) {
		workers_drain(b.workers, -1, 0, true);
		/* at most the one that it has, and that may just be counted */
		int64_t served = row(&b, 0).served;
		int64_t ok = look(&b)->ok, until_us = threads_us() + WAIT_US;
		while (look(&b)->ok < ok + 3)
			assert_true(threads_us() < until_us);
		assert_true(row(&b, 0).served <= served + 1);
		workers_drain(b.workers, -1, 0, false);
	}
	atomic_store(&f.over, true);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	bed_drop(&b);
}

static void a_stall_keeps_the_queue_and_ends(void **state)
{
	struct bed b;
	make(&b, state, 2);
	workers_set_fault(b.workers, &(struct fault){.stall = true});
	struct call *a = call_begin(&b, OPERATION_ECHO, LONG_MS, "");
	struct call *c = call_begin(&b, OPERATION_ECHO, LONG_MS, "");
	wait_for_load(&b, 2, 0);
	assert_true(workers_drain(b.workers, -1, 0, true));
	workers_set_fault(b.workers, &(struct fault){0});
	assert_int_equal(call_end(a), ENGINE_OK);
	assert_int_equal(call_end(c), ENGINE_OK);
	assert_int_equal(row(&b, 0).served, 0);
	assert_int_equal(row(&b, 1).served, 2);
	bed_drop(&b);
}

/* ---- callers ---- */

static void q5_dead_caller_is_not_begun(void **state)
{
	struct bed b;
	atomic_bool gone = true;
	make(&b, state, 1);
	struct call *c = call_new(&b, OPERATION_ECHO, LONG_MS, "");
	c->request.gone = &gone;
	call_run(c); /* a worker is free, and is not used */
	assert_int_equal(c->status, ENGINE_TIMEOUT);
	assert_int_equal(row(&b, 0).served, 0);
	assert_int_equal(look(&b)->timeouts, 1);
	free(c);
	bed_drop(&b);
}

/* ---- the breaker ---- */

static void c11_protected_work_runs_in_parallel(void **state)
{
	enum { SIZE = 4 };
	struct bed b;
	make(&b, state, SIZE);
	for (int i = 0; i < 3; i++) /* it counts, and takes its lock for every word */
		do_one(&b, OPERATION_FAIL, LONG_MS, NULL);
	struct call *calls[SIZE];
	for (int i = 0; i < SIZE; i++)
		calls[i] = call_begin(&b, OPERATION_SLEEP, LONG_MS, "");
	wait_for_load(&b, 0, SIZE);
	assert_int_equal(b.counts.workers.busy, SIZE);
	gate_close(&b.gate);
	for (int i = 0; i < SIZE; i++)
		assert_int_equal(call_end(calls[i]), ENGINE_OK);
	bed_drop(&b);
}

static void an_open_breaker_refuses_and_closes_again(void **state)
{
	struct workers_options o = *(struct workers_options *)*state;
	struct engine_response r;
	struct bed b;
	o.count = 1;
	o.queue_max = 8;
	o.breaker = (struct breaker_options){.failures = 3, .successes = 2, .open_us = 20000};
	bed_make(&b, &o);
	for (int i = 0; i < 3; i++)
		do_one(&b, OPERATION_FAIL, LONG_MS, NULL);
	assert_false(workers_serve(b.workers));
	assert_int_equal(do_one(&b, OPERATION_ECHO, LONG_MS, &r), ENGINE_OK);
	assert_false(r.ok);
	assert_int_equal(r.failure, FAILURE_REFUSED);
	assert_non_null(strstr(r.message, "breaker is open after 3 failures"));
	assert_int_equal(look(&b)->failed[FAILURE_REFUSED], 1);
	assert_int_equal(b.counts.breaker.opened, 1);
	int64_t until_us = threads_us() + WAIT_US;
	while (look(&b)->breaker.state != BREAKER_CLOSED) {
		do_one(&b, OPERATION_ECHO, LONG_MS, NULL);
		assert_true(threads_us() < until_us);
	}
	assert_int_equal(b.counts.breaker.opened, 1);
	assert_true(workers_serve(b.workers));
	/* One failure is no open breaker. */
	do_one(&b, OPERATION_FAIL, LONG_MS, NULL);
	assert_true(workers_serve(b.workers));
	bed_drop(&b);
}

/* A probe that was never executed gives its place back. */
static void c6_a_probe_that_was_late_wedges_nothing(void **state)
{
	struct workers_options o = *(struct workers_options *)*state;
	struct engine_response r;
	struct bed b;
	o.count = 1;
	o.queue_max = 8;
	o.breaker = (struct breaker_options){
		.failures = 1, .successes = 1, .probes = 1, .open_us = 1, .probe_us = INT64_MAX / 2};
	bed_make(&b, &o);
	do_one(&b, OPERATION_FAIL, LONG_MS, NULL);
	workers_set_fault(b.workers, &(struct fault){.stall = true});
	assert_int_equal(do_one(&b, OPERATION_ECHO, 5, NULL), ENGINE_TIMEOUT);
	workers_set_fault(b.workers, &(struct fault){0});
	assert_int_equal(do_one(&b, OPERATION_ECHO, LONG_MS, &r), ENGINE_OK);
	assert_true(r.ok);
	bed_drop(&b);
}

/* ---- trying again ---- */

static void what_is_tried_again_is_one_request(void **state)
{
	struct bed b;
	make(&b, state, 1);
	workers_set_fault(b.workers, &(struct fault){.crash_rate = 1});
	struct call *c = call_begin(&b, OPERATION_ECHO, LONG_MS, "");
	int64_t until_us = threads_us() + WAIT_US;
	while (look(&b)->retries == 0)
		assert_true(threads_us() < until_us);
	assert_int_equal(b.counts.requests, 1);
	assert_int_equal(counts_done(&b.counts), 0); /* in flight meanwhile */
	assert_int_equal(b.counts.in_flight, 1);
	workers_set_fault(b.workers, &(struct fault){0});
	assert_int_equal(call_end(c), ENGINE_OK);
	assert_int_equal(look(&b)->requests, 1);
	assert_int_equal(b.counts.ok, 1);
	assert_int_equal(b.counts.retries, 1);
	assert_int_equal(counts_failed(&b.counts), 0);
	assert_int_equal(b.counts.operations[OPERATION_ECHO].requests, 1);
	bed_drop(&b);
}

/* The pool stops while it waits for its next attempt: its failure is the answer, and counted. */
static void a_stop_ends_the_wait_for_another_attempt(void **state)
{
	struct bed b;
	make(&b, state, 1);
	workers_set_fault(b.workers, &(struct fault){.crash_rate = 1});
	struct call *c = call_begin(&b, OPERATION_ECHO, LONG_MS, "");
	int64_t until_us = threads_us() + WAIT_US;
	while (look(&b)->retries == 0)
		assert_true(threads_us() < until_us);
	gate_close(&b.gate);
	assert_int_equal(call_end(c), ENGINE_OK);
	assert_int_equal(look(&b)->in_flight, 0);
	assert_int_equal(b.counts.failed[FAILURE_CONNECTION], 1);
	bed_drop(&b);
}

/* A copy keeps the answer that it is compared with waiting, and a fail-over is one attempt. */
static void copies_and_fail_overs_are_one_attempt(void **state)
{
	struct bed b;
	make(&b, state, 1);
	workers_set_fault(b.workers, &(struct fault){.crash_rate = 1});
	for (int run = RUN_FAILOVER; run <= RUN_COPY; run++) {
		struct call *c = call_new(&b, OPERATION_ECHO, LONG_MS, "");
		c->run = (enum run)run;
		call_run(c);
		assert_int_equal(c->response.failure, FAILURE_CONNECTION);
		free(c);
	}
	assert_int_equal(look(&b)->retries, 1); /* the fail-over itself */
	assert_int_equal(b.counts.requests, 0);
	assert_int_equal(row(&b, 0).served, 2);
	bed_drop(&b);
}

int main(void)
{
	static struct workers_options serialized = {.serialized = true, .seed = 1};
	static struct workers_options concurrent = {.serialized = false, .seed = 1};
#define T(name) \
	{#name " (serialized)", name, NULL, NULL, &serialized}, \
	{ \
#name " (concurrent)", name, NULL, NULL, &concurrent \
	}
	const struct CMUnitTest tests[] = {
		T(w3_dead_worker_is_replaced),
		T(w4_crash_storm_returns_to_size),
		T(a_crash_takes_no_lock_away),
		T(d1_locked_worker_ends_its_work_and_gets_no_more),
		T(d1_locked_segment_and_arm),
		T(d1_nothing_slips_through_a_lock_under_load),
		T(a_stall_keeps_the_queue_and_ends),
		T(q5_dead_caller_is_not_begun),
		T(c11_protected_work_runs_in_parallel),
		T(an_open_breaker_refuses_and_closes_again),
		T(c6_a_probe_that_was_late_wedges_nothing),
		T(what_is_tried_again_is_one_request),
		T(a_stop_ends_the_wait_for_another_attempt),
		T(copies_and_fail_overs_are_one_attempt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
