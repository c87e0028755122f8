/* Tests of an arm's whole crew in a storm: crashes, errors, stalls, locks and an opening breaker
 * all at once, while every look at the counters must add up and nothing is done twice. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/worker_bed.h"

#include "model/pool.h"

#include <sched.h>
#include <stdio.h>

enum { CALLERS = 6, SIZE = 5 };

/* What callers saw, by themselves. */
struct seen {
	long ok, failed[FAILURE_COUNT], late, full;
};

struct caller {
	struct bed *bed;
	struct engine *engine;
	pthread_t thread;
	atomic_int *left;
	int index, calls;
	struct seen seen;
};

static void note(struct seen *s, enum engine_status status, const struct engine_response *r)
{
	if (status == ENGINE_TIMEOUT)
		s->late++;
	else if (status == ENGINE_SATURATED)
		s->full++;
	else if (r->ok)
		s->ok++;
	else
		s->failed[r->failure]++;
}

static void *storm(void *arg)
{
	struct caller *c = arg;
	struct call *call = call_new(c->bed, OPERATION_ECHO, 0, "");
	for (int i = 0; i < c->calls; i++) {
		call->operation = i % 19 == 0 ? OPERATION_FAIL : OPERATION_ECHO;
		call->timeout_ms = i % 13 == 0 ? 0 : 200; /* too short for another attempt */
		call_run(call);
		note(&c->seen, call->status, &call->response);
	}
	atomic_fetch_sub(c->left, 1);
	free(call);
	return NULL;
}

/* Crashes, and has time for the attempts after that. */
static void *be_patient(void *arg)
{
	struct caller *c = arg;
	struct call *call = call_new(c->bed, OPERATION_ECHO, 1500, "");
	call_run(call);
	note(&c->seen, call->status, &call->response);
	atomic_fetch_sub(c->left, 1);
	free(call);
	return NULL;
}

static void assert_none_fell(const struct arm_counts *now, const struct arm_counts *before)
{
	assert_true(now->requests >= before->requests && now->ok >= before->ok &&
		now->timeouts >= before->timeouts && now->retries >= before->retries &&
		now->breaker.opened >= before->breaker.opened);
	for (int f = 0; f < FAILURE_COUNT; f++)
		assert_true(now->failed[f] >= before->failed[f]);
	for (int o = 0; o < OPERATION_COUNT; o++)
		assert_true(now->operations[o].requests >= before->operations[o].requests &&
			now->operations[o].ok >= before->operations[o].ok &&
			now->operations[o].failed >= before->operations[o].failed &&
			now->operations[o].ok + now->operations[o].failed <= now->operations[o].requests);
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
		assert_true(now->latency.count[b] >= before->latency.count[b]);
	const struct worker_counts *w = &now->workers, *v = &before->workers;
	assert_true(w->created >= v->created && w->destroyed >= v->destroyed &&
		w->crashed >= v->crashed && w->restarted >= v->restarted);
	assert_true(w->busy >= 0 && w->busy <= w->ready && w->ready <= w->total);
}

/* One of the things that happen to an arm; `i` counts the looks. */
static void befall(struct bed *b, int i)
{
	static const struct fault faults[] = {{.crash_rate = 0.02}, {.error_rate = 0.3},
		{.error_rate = 0}, {.crash_rate = 0.5}, {.stall = true},
		{.crash_rate = 0.01, .error_rate = 0.01}, {.error_rate = 0}};
	if (i % 4 == 0)
		workers_set_fault(b->workers, &faults[i / 4 % 7]);
	if (i % 3 == 0)
		workers_drain(b->workers, i / 3 % 3 - 1, i / 3 % 3 ? -1 : i % SIZE, i / 9 % 2);
}

static void calm(struct bed *b)
{
	workers_set_fault(b->workers, &(struct fault){0});
	for (int i = 0; i < SIZE; i++)
		workers_drain(b->workers, -1, i, false);
	workers_drain(b->workers, 0, -1, false);
	workers_drain(b->workers, 1, -1, false);
}

static int64_t all_served(struct bed *b)
{
	struct worker_row rows[SIZE];
	int64_t n = 0;
	assert_int_equal(workers_rows(b->workers, rows, SIZE), SIZE);
	for (int i = 0; i < SIZE; i++)
		n += rows[i].served;
	return n;
}

static void q7_q8_adds_up_at_every_look_and_none_is_done_twice(void **state)
{
	struct workers_options o = *(struct workers_options *)*state;
	o.count = SIZE;
	o.segment = 3;
	o.queue_max = 2;
	o.supervision = NO_REST;
	o.breaker = (struct breaker_options){.failures = 6, .successes = 2, .open_us = 200};
	struct bed b;
	bed_make(&b, &o);
	struct arm_counts *before = calloc(1, sizeof *before);
	struct caller callers[CALLERS + 1] = {0};
	atomic_int left = CALLERS + 1;
	workers_set_fault(b.workers, &(struct fault){.crash_rate = 1, .latency_add_us = 1000});
	for (int i = 0; i <= CALLERS; i++) {
		callers[i].bed = &b;
		callers[i].left = &left;
		callers[i].calls = MANY / 2 / CALLERS;
		assert_int_equal(pthread_create(&callers[i].thread, NULL,
							 i == CALLERS ? be_patient : storm, &callers[i]),
			0);
	}
	for (int i = 0; atomic_load(&left) > 0; i++) {
		*before = b.counts;
		assert_none_fell(look(&b), before);
		assert_true(b.counts.queue_depth <= 2 + SIZE + 1); /* serialized: beyond free threads */
		if (b.counts.breaker.opened > 0) /* until then nothing but crashes: it opens */
			befall(&b, i);
		sched_yield();
	}
	struct seen all = {0};
	for (int i = 0; i <= CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		all.ok += callers[i].seen.ok;
		all.late += callers[i].seen.late;
		all.full += callers[i].seen.full;
		for (int f = 0; f < FAILURE_COUNT; f++)
			all.failed[f] += callers[i].seen.failed[f];
	}
	calm(&b);
	wait_for_ready(&b, SIZE); /* W4 */
	const struct arm_counts *c = look(&b);
	assert_int_equal(c->requests, MANY / 2 / CALLERS * CALLERS + 1);
	assert_int_equal(c->in_flight, 0);
	assert_int_equal(c->queue_depth, 0);
	/* Q7: the counters are what callers saw. */
	assert_int_equal(c->ok, all.ok);
	assert_int_equal(c->timeouts, all.late);
	all.failed[FAILURE_RESOURCE] += all.full;
	for (int f = 0; f < FAILURE_COUNT; f++)
		assert_int_equal(c->failed[f], all.failed[f]);
	/* Each attempt ended a request, or was followed by another: none is missing, none done twice. */
	assert_int_equal(all_served(&b), histogram_total(&c->latency) + c->retries);
	assert_int_equal(histogram_total(&c->latency),
		c->ok + counts_failed(c) - c->failed[FAILURE_REFUSED] - c->failed[FAILURE_RESOURCE]);
	assert_true(c->workers.crashed > 0 && c->breaker.opened > 0);
	assert_int_equal(c->workers.created - c->workers.destroyed, SIZE);
	free(before);
	bed_drop(&b);
}

/* ---- the same through the engine ---- */

static void *storm_engine(void *arg)
{
	struct caller *c = arg;
	struct engine_request *q = calloc(1, sizeof *q);
	struct engine_response *r = calloc(1, sizeof *r);
	for (int i = 0; i < c->calls; i++) {
		text_copy(q->operation, sizeof q->operation, i % 17 == 0 ? "fail" : "echo");
		snprintf(q->session, sizeof q->session, "s-%d", (c->index * 7 + i) % 61);
		q->timeout_ms = 200;
		engine_execute(c->engine, q, r);
		note(&c->seen, r->status, r);
	}
	atomic_fetch_sub(c->left, 1);
	free(q);
	free(r);
	return NULL;
}

static void q8_every_document_of_an_engine_adds_up(void **state)
{
	(void)state;
	struct err err = {0};
	struct engine *e;
	const struct engine_options how = {.v1_workers = 2,
		.v2_workers = 4,
		.segment = 2,
		.queue_max = 2,
		.share_bp = 5000,
		.strategy = STRATEGY_PRIMARY_WITH_FALLBACK,
		.affinity = "hint",
		.unit_ms = 5,
		.breaker_failures = 8,
		.breaker_open_ms = 1};
	if (engine_start(&e, &how, &err))
		fail_msg("%s", err.text);
	struct snapshot *now = calloc(2, sizeof *now);
	struct caller callers[CALLERS] = {0};
	atomic_int left = CALLERS;
	for (int i = 0; i < CALLERS; i++) {
		callers[i].engine = e;
		callers[i].left = &left;
		callers[i].index = i;
		callers[i].calls = MANY / 10 / CALLERS;
		assert_int_equal(
			pthread_create(&callers[i].thread, NULL, storm_engine, &callers[i]), 0);
	}
	for (int i = 0; atomic_load(&left) > 0; i++) {
		now[1] = now[0];
		engine_snapshot(e, &now[0]);
		for (int a = 0; a < ARM_COUNT; a++) {
			const struct arm_counts *c = &now[0].arms[a];
			assert_int_equal(
				c->requests, counts_done(c) + c->timeouts + c->queue_depth + c->in_flight);
			assert_none_fell(c, &now[1].arms[a]);
			assert_true(c->sessions >= now[1].arms[a].sessions);
		}
		enum arm arm = i % 2 ? ARM_V1 : ARM_V2;
		engine_lock_workers(e, arm, -1, 1, i / 2 % 2);
		engine_set_fault(e, arm, &(struct fault){.error_rate = i % 5 ? 0 : 0.2});
		sched_yield();
	}
	for (int i = 0; i < CALLERS; i++)
		pthread_join(callers[i].thread, NULL);
	engine_snapshot(e, &now[0]);
	assert_int_equal(now[0].arms[ARM_V1].requests + now[0].arms[ARM_V2].requests,
		MANY / 10 / CALLERS * CALLERS);
	free(now);
	engine_stop(e);
}

/* ---- sessions and locks through the engine ---- */

static struct engine *sticky_engine(const char *mode)
{
	struct err err = {0};
	struct engine *e;
	const struct engine_options how = {
		.v2_workers = 4, .share_bp = SHARE_FULL, .strategy = STRATEGY_CANARY, .affinity = mode};
	if (engine_start(&e, &how, &err))
		fail_msg("%s", err.text);
	return e;
}

/* How many of v2's workers have served something, and how much in all. */
static int workers_used(struct engine *e, struct snapshot *s, int64_t *served)
{
	int n = 0;
	*served = 0;
	engine_snapshot(e, s);
	for (int i = 0; i < s->crew.worker_count; i++) {
		const struct worker_row *w = &s->crew.worker[i];
		n += w->arm == ARM_V2 && w->served > 0;
		*served += w->arm == ARM_V2 ? w->served : 0;
	}
	return n;
}

static void a3_a4_a_session_stays_with_its_worker(void **state)
{
	(void)state;
	static const char *const modes[] = {"hint", "strict_queue", "strict_fail_fast"};
	struct snapshot *s = calloc(1, sizeof *s);
	struct engine_request *q = calloc(1, sizeof *q);
	struct engine_response *r = calloc(1, sizeof *r);
	for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
		struct engine *e = sticky_engine(modes[m]);
		int64_t served;
		text_copy(q->operation, sizeof q->operation, "echo");
		text_copy(q->session, sizeof q->session, "one");
		for (int i = 0; i < 50; i++) {
			engine_execute(e, q, r);
			assert_true(r->ok);
		}
		assert_int_equal(workers_used(e, s, &served), 1);
		assert_int_equal(served, 50);
		engine_stop(e);
	}
	free(s);
	free(q);
	free(r);
	struct err err = {0};
	struct engine *none = NULL;
	assert_int_equal(
		engine_start(&none, &(struct engine_options){.affinity = "glue"}, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
}

static void d1_locks_of_an_engine(void **state)
{
	(void)state;
	struct snapshot *s = calloc(1, sizeof *s);
	struct engine *e = sticky_engine(NULL);
	struct engine_request *q = calloc(1, sizeof *q);
	struct engine_response *r = calloc(1, sizeof *r);
	text_copy(q->operation, sizeof q->operation, "echo");
	assert_false(engine_lock_workers(e, ARM_V2, -1, 4, true));
	assert_false(engine_lock_workers(e, ARM_V2, 1, -1, true));
	assert_true(engine_lock_workers(e, ARM_V2, 0, -1, true));
	q->timeout_ms = 5;
	engine_execute(e, q, r);
	assert_int_equal(r->status, ENGINE_TIMEOUT);
	engine_snapshot(e, s);
	assert_int_equal(s->arms[ARM_V2].workers.ready, 0);
	assert_true(engine_lock_workers(e, ARM_V2, -1, 2, false));
	q->timeout_ms = 0;
	engine_execute(e, q, r);
	assert_true(r->ok);
	engine_snapshot(e, s);
	for (int i = 0; i < s->crew.worker_count; i++) {
		const struct worker_row *w = &s->crew.worker[i];
		if (w->arm == ARM_V2)
			assert_int_equal(w->served, w->index == 2);
	}
	engine_stop(e);
	free(s);
	free(q);
	free(r);
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
		T(q7_q8_adds_up_at_every_look_and_none_is_done_twice),
		cmocka_unit_test(q8_every_document_of_an_engine_adds_up),
		cmocka_unit_test(a3_a4_a_session_stays_with_its_worker),
		cmocka_unit_test(d1_locks_of_an_engine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
