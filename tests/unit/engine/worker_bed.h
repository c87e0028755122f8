/* Worker bed: what tests of workers share: an arm without an engine, requests in threads of their
 * own, and the look at its counters that must always add up. */
#ifndef WEIR_TESTS_UNIT_ENGINE_WORKER_BED_H
#define WEIR_TESTS_UNIT_ENGINE_WORKER_BED_H

#include "client/engine/worker.h"
#include "model/text.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US 30000000
#define LONG_MS 60000

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MANY 100000
#else
#define MANY 1000000
#endif

/* A crash is followed by a start at once, however many there are. */
#define NO_REST ((struct supervision_options){.restarts = 64, .window_us = 1})

struct bed {
	struct gate gate;
	struct workers *workers;
	struct arm_counts counts;
};

__attribute__((unused)) static void bed_make(struct bed *b, const struct workers_options *how)
{
	struct err err = {0};
	struct workers_options o = *how;
	memset(b, 0, sizeof *b);
	gate_init(&b->gate);
	o.gate = &b->gate;
	if (workers_new(&b->workers, &o, &err))
		fail_msg("%s", err.text);
}

__attribute__((unused)) static void bed_drop(struct bed *b)
{
	workers_free(b->workers);
	gate_release(&b->gate);
}

/* One request, in this thread or in one of its own. */
struct call {
	struct bed *bed;
	pthread_t thread;
	enum operation operation;
	int64_t timeout_ms;
	enum run run;
	enum engine_status status;
	struct engine_request request;
	struct engine_response response;
};

__attribute__((unused)) static struct call *call_new(
	struct bed *b, enum operation o, int64_t timeout_ms, const char *session)
{
	struct call *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->bed = b;
	c->operation = o;
	c->timeout_ms = timeout_ms;
	c->request.work_us = 50000000;
	text_copy(c->request.session, sizeof c->request.session, session);
	return c;
}

__attribute__((unused)) static void call_run(struct call *c)
{
	struct task t = {
		.operation = c->operation, .request = &c->request, .response = &c->response};
	t.start_us = threads_us();
	t.deadline_us = t.start_us + c->timeout_ms * 1000;
	c->status = workers_run(c->bed->workers, &t, c->run);
}

__attribute__((unused)) static void *call_thread(void *arg)
{
	call_run(arg);
	return NULL;
}

__attribute__((unused)) static struct call *call_begin(
	struct bed *b, enum operation o, int64_t timeout_ms, const char *session)
{
	struct call *c = call_new(b, o, timeout_ms, session);
	assert_int_equal(pthread_create(&c->thread, NULL, call_thread, c), 0);
	return c;
}

/* How it ended; frees it. */
__attribute__((unused)) static enum engine_status call_end(struct call *c)
{
	pthread_join(c->thread, NULL);
	enum engine_status status = c->status;
	free(c);
	return status;
}

__attribute__((unused)) static const struct arm_counts *look(struct bed *b)
{
	workers_fill(b->workers, &b->counts);
	const struct arm_counts *c = &b->counts;
	assert_int_equal(c->requests, counts_done(c) + c->timeouts + c->queue_depth + c->in_flight);
	assert_true(c->in_flight >= 0);
	return c;
}

__attribute__((unused)) static void wait_for_load(
	struct bed *b, int64_t queued, int64_t running)
{
	int64_t until_us = threads_us() + WAIT_US;
	while (look(b)->queue_depth != queued || b->counts.in_flight != running) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 1);
	}
}

__attribute__((unused)) static void wait_for_ready(struct bed *b, int64_t ready)
{
	int64_t until_us = threads_us() + WAIT_US;
	while (look(b)->workers.ready != ready) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 1);
	}
}

/* Runs one request in this thread and returns how it ended. */
__attribute__((unused)) static enum engine_status do_one(
	struct bed *b, enum operation o, int64_t timeout_ms, struct engine_response *r)
{
	struct call *c = call_new(b, o, timeout_ms, "");
	call_run(c);
	enum engine_status status = c->status;
	if (r)
		*r = c->response;
	free(c);
	return status;
}

#endif
