/* Tests of workers, each for both kinds: first come first served, a deadline that passes in the
 * queue never executes, the queue is bounded, the counters always add up. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/worker.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 10000

struct bed {
	struct gate gate;
	struct workers *workers;
	struct arm_counts counts;
};

/* One request in a thread of its own. */
struct call {
	struct bed *bed;
	pthread_t thread;
	enum operation operation;
	int64_t timeout_ms;
	enum run run;
	enum engine_status status;
	int64_t end_us;
	struct engine_request request;
	struct engine_response response;
};

static const struct workers_options *kind(void **state)
{
	return *state;
}

static struct bed *make(void **state, int count, int queue_max)
{
	struct bed *b = calloc(1, sizeof *b);
	gate_init(&b->gate);
	struct workers_options o = *kind(state);
	o.count = count;
	o.queue_max = queue_max;
	o.gate = &b->gate;
	assert_int_equal(workers_new(&b->workers, &o, NULL), 0);
	return b;
}

static void drop(struct bed *b)
{
	workers_free(b->workers);
	gate_release(&b->gate);
	free(b);
}

static void run_call(struct call *c)
{
	struct task t = {
		.operation = c->operation, .request = &c->request, .response = &c->response};
	t.start_us = threads_us();
	t.deadline_us = t.start_us + c->timeout_ms * 1000;
	c->status = workers_run(c->bed->workers, &t, c->run);
	c->end_us = t.start_us + c->response.latency_us;
}

static void *call_thread(void *arg)
{
	run_call(arg);
	return NULL;
}

static struct call *call_new(struct bed *b, enum operation o, int64_t timeout_ms)
{
	struct call *c = calloc(1, sizeof *c);
	c->bed = b;
	c->operation = o;
	c->timeout_ms = timeout_ms;
	c->request.work_us = 50000000;
	return c;
}

static struct call *call_start(struct bed *b, enum operation o, int64_t timeout_ms)
{
	struct call *c = call_new(b, o, timeout_ms);
	assert_int_equal(pthread_create(&c->thread, NULL, call_thread, c), 0);
	return c;
}

static void look(struct bed *b)
{
	workers_fill(b->workers, &b->counts);
	const struct arm_counts *c = &b->counts;
	assert_int_equal(c->requests, counts_done(c) + c->timeouts + c->queue_depth + c->in_flight);
}

static void wait_for(struct bed *b, int64_t queued, int64_t running)
{
	int64_t until_us = threads_us() + WAIT_MS * 1000;
	for (look(b); b->counts.queue_depth != queued || b->counts.in_flight != running; look(b)) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 1);
	}
}

/* Keeps every worker busy until the gate is closed. */
static void occupy(struct bed *b, struct call **calls, int count)
{
	for (int i = 0; i < count; i++) {
		calls[i] = call_start(b, OPERATION_SLEEP, 60000);
		wait_for(b, 0, i + 1);
	}
}

static void join(struct call *c)
{
	pthread_join(c->thread, NULL);
}

static void counts_what_is_done(void **state)
{
	struct bed *b = make(state, 1, 8);
	struct call *good = call_new(b, OPERATION_ECHO, 1000);
	struct call *bad = call_new(b, OPERATION_FAIL, 1000);
	for (int i = 0; i < 100; i++)
		run_call(good);
	run_call(bad);
	assert_int_equal(good->status, ENGINE_OK);
	assert_int_equal(bad->status, ENGINE_OK);
	look(b);
	assert_int_equal(b->counts.requests, 101);
	assert_int_equal(b->counts.ok, 100);
	assert_int_equal(b->counts.failed[FAILURE_OPERATION], 1);
	assert_int_equal(histogram_total(&b->counts.latency), 101);
	assert_string_equal(b->counts.operations[OPERATION_FAIL].name, "fail");
	assert_int_equal(b->counts.operations[OPERATION_FAIL].failed, 1);
	assert_int_equal(b->counts.operations[OPERATION_ECHO].ok, 100);
	assert_int_equal(b->counts.workers.total, 1);
	assert_true(b->counts.memory_bytes == UNKNOWN);
	free(good);
	free(bad);
	drop(b);
}

static void is_first_come_first_served(void **state)
{
	enum { WAITERS = 8 };
	struct bed *b = make(state, 1, WAITERS);
	struct call *busy, *waiters[WAITERS];
	occupy(b, &busy, 1);
	for (int i = 0; i < WAITERS; i++) {
		waiters[i] = call_start(b, OPERATION_ECHO, 60000);
		wait_for(b, i + 1, 1);
	}
	gate_close(&b->gate);
	join(busy);
	for (int i = 0; i < WAITERS; i++)
		join(waiters[i]);
	for (int i = 0; i < WAITERS; i++) {
		assert_int_equal(waiters[i]->status, ENGINE_OK);
		assert_true(waiters[i]->response.ok);
		if (i > 0)
			assert_true(waiters[i - 1]->end_us <= waiters[i]->end_us);
	}
	assert_int_equal(busy->response.failure, FAILURE_SYSTEM);
	for (int i = 0; i < WAITERS; i++)
		free(waiters[i]);
	free(busy);
	look(b);
	drop(b);
}

static void late_in_the_queue_never_executes(void **state)
{
	struct bed *b = make(state, 2, 8);
	struct call *busy[2];
	occupy(b, busy, 2);
	struct call *late = call_new(b, OPERATION_ECHO, 5);
	run_call(late);
	assert_int_equal(late->status, ENGINE_TIMEOUT);
	assert_false(late->response.ok);
	assert_int_equal(late->response.failure, FAILURE_TIMEOUT);
	assert_true(late->response.latency_us >= 5000);
	gate_close(&b->gate);
	join(busy[0]);
	join(busy[1]);
	look(b);
	assert_int_equal(b->counts.timeouts, 1);
	assert_int_equal(b->counts.operations[OPERATION_ECHO].requests, 1);
	assert_int_equal(b->counts.operations[OPERATION_ECHO].ok, 0);
	assert_int_equal(b->counts.operations[OPERATION_ECHO].failed, 0);
	assert_int_equal(counts_done(&b->counts), 2);
	free(late);
	free(busy[0]);
	free(busy[1]);
	drop(b);
}

static void late_ones_let_others_pass(void **state)
{
	struct bed *b = make(state, 1, 8);
	struct call *busy, *late, *patient;
	occupy(b, &busy, 1);
	late = call_start(b, OPERATION_ECHO, 30);
	wait_for(b, 1, 1);
	patient = call_start(b, OPERATION_ECHO, 60000);
	join(late);
	wait_for(b, 1, 1);
	gate_close(&b->gate);
	join(busy);
	join(patient);
	assert_int_equal(late->status, ENGINE_TIMEOUT);
	assert_int_equal(patient->status, ENGINE_OK);
	look(b);
	assert_int_equal(b->counts.queue_depth, 0);
	free(busy);
	free(late);
	free(patient);
	drop(b);
}

static void queue_is_bounded(void **state)
{
	struct bed *b = make(state, 1, 1);
	struct call *busy, *waiting, *third = call_new(b, OPERATION_ECHO, 60000);
	occupy(b, &busy, 1);
	waiting = call_start(b, OPERATION_ECHO, 60000);
	wait_for(b, 1, 1);
	run_call(third);
	assert_int_equal(third->status, ENGINE_SATURATED);
	assert_int_equal(third->response.failure, FAILURE_RESOURCE);
	gate_close(&b->gate);
	join(busy);
	join(waiting);
	assert_int_equal(waiting->status, ENGINE_OK);
	look(b);
	assert_int_equal(b->counts.failed[FAILURE_RESOURCE], 1);
	assert_int_equal(b->counts.requests, 3);
	free(busy);
	free(waiting);
	free(third);
	drop(b);
}

static void failover_and_copy_are_no_requests(void **state)
{
	struct bed *b = make(state, 1, 8);
	struct call *c = call_new(b, OPERATION_ECHO, 1000);
	c->run = RUN_FAILOVER;
	run_call(c);
	c->run = RUN_COPY;
	run_call(c);
	workers_add_rescued(b->workers);
	workers_add_shadowed(b->workers, true);
	workers_add_shadowed(b->workers, false);
	look(b);
	assert_int_equal(b->counts.requests, 0);
	assert_int_equal(b->counts.retries, 1);
	assert_int_equal(b->counts.rescued, 1);
	assert_int_equal(b->counts.shadowed, 2);
	assert_int_equal(b->counts.mismatched, 1);
	assert_int_equal(b->counts.workers.busy, 0);
	free(c);
	drop(b);
}

static void fault_comes_and_goes(void **state)
{
	struct bed *b = make(state, 1, 8);
	struct call *c = call_new(b, OPERATION_ECHO, 1000);
	workers_set_fault(b->workers, &(struct fault){.error_rate = 1});
	run_call(c);
	assert_false(c->response.ok);
	workers_set_fault(b->workers, &(struct fault){0});
	run_call(c);
	assert_true(c->response.ok);
	free(c);
	drop(b);
}

static void *hammer(void *arg)
{
	struct call *c = arg;
	for (int i = 0; i < 400; i++) {
		c->operation = i % 5 == 0 ? OPERATION_FAIL
			: i % 7 == 0          ? OPERATION_SLEEP
								  : OPERATION_ECHO;
		c->request.work_us = 50;
		c->timeout_ms = i % 11 == 0 ? 0 : 1000;
		run_call(c);
	}
	return NULL;
}

static void adds_up_at_every_moment(void **state)
{
	enum { CALLERS = 8 };
	struct bed *b = make(state, 3, 2);
	struct call *calls[CALLERS];
	for (int i = 0; i < CALLERS; i++) {
		calls[i] = call_new(b, OPERATION_ECHO, 1000);
		assert_int_equal(pthread_create(&calls[i]->thread, NULL, hammer, calls[i]), 0);
	}
	int64_t until_us = threads_us() + WAIT_MS * 1000;
	do {
		look(b);
		assert_true(b->counts.workers.busy >= 0 && b->counts.workers.busy <= 3);
		assert_true(b->counts.queue_depth <= 5);
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 1); /* an observer that never rests would keep the lock */
	} while (
		b->counts.requests < CALLERS * 400 || b->counts.in_flight + b->counts.queue_depth > 0);
	for (int i = 0; i < CALLERS; i++) {
		join(calls[i]);
		free(calls[i]);
	}
	assert_int_equal(b->counts.requests, CALLERS * 400);
	drop(b);
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
		T(counts_what_is_done),
		T(is_first_come_first_served),
		T(late_in_the_queue_never_executes),
		T(late_ones_let_others_pass),
		T(queue_is_bounded),
		T(failover_and_copy_are_no_requests),
		T(fault_comes_and_goes),
		T(adds_up_at_every_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
