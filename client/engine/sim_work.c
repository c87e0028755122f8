/* Sim work: a queue of events in virtual time. Not a second engine: what is decided is decided by
 * the parts that the real one asks.
 *
 * Invariants:
 * 1. Time only goes forward, from event to event; the same options give the same run, byte for
 *    byte.
 * 2. A request is in one place: waiting, in a worker, between two attempts, or gone.
 * 3. The heap holds one event for each request in a worker or between attempts, for each worker
 *    that is being started again, and for each deadline of a request that had to wait: it means
 *    nothing any more where that one has been served since. */
#include "client/engine/sim_work.h"

#include "client/engine/failure.h"
#include "client/engine/hash.h"
#include "client/engine/retry.h"
#include "client/engine/router.h"
#include "client/engine/session.h"
#include "client/engine/sim_heap.h"
#include "client/engine/task.h"
#include "client/engine/worker.h"
#include "model/arrivals.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* As worker.c has it, of one worker. */
#define LEAK_MOST ((int64_t)256 * 1024 * 1024)

enum event_kind { EVENT_DONE, EVENT_AGAIN, EVENT_LATE, EVENT_START };

/* What a request asks for, and how far it is. */
struct request {
	int64_t arrived_us, deadline_us;
	uint64_t session;
	struct route route;
	enum operation operation;
	int64_t work_us;
	enum arm arm; /* where it is now */
	enum run run;
	int attempt;
	int worker; /* that has it, of its arm */
	struct breaker_ticket ticket;
	struct draw draw;          /* of the work under way, or how it ended */
	enum engine_status status; /* of the answer */
	int64_t leaks;
	bool told_ok; /* a fault that lies is in force */
	struct {
		bool ok;
		enum engine_status status;
	} first; /* v1's answer, that a copy is compared with */
	bool waits;
	uint32_t before, next; /* in the queue; `next` also among the free */
};

struct sim_arm {
	int workers, busy, down;
	int *idle; /* the workers that nobody has, the next one last */
	int idle_count;
	struct supervision *segments;
	int64_t *leaked, leaked_sum; /* of each worker, of all */
	uint32_t front, back;        /* the queue */
	int64_t waiting, queued;     /* all, and the requests among them */
	int64_t queue_max;
	double pace;
	uint64_t random;
	struct breaker breaker;
	struct fault fault;
	struct arm_counts counts;
};

struct sim_work {
	struct sim_work_options how;
	struct scenario scenario;
	enum operation operations[SCENARIO_OPERATIONS_MAX];
	struct arrivals *arrivals;
	struct arrival next;
	bool arrives;
	int64_t now_us, faults_us; /* faults up to here are in force */
	uint64_t arrived;
	struct router router;
	uint32_t generation;
	struct sessions *sessions;
	struct sim_arm arms[ARM_COUNT];

	struct request *requests;
	size_t request_count, request_cap;
	uint32_t free;
	struct sim_heap heap;
};

/* ---- requests ---- */

static uint32_t request_new(struct sim_work *w)
{
	uint32_t r = w->free;
	if (r != NONE) {
		w->free = w->requests[r].next;
		return r;
	}
	mem_grow(&w->requests, &w->request_cap, w->request_count + 1, sizeof *w->requests);
	return (uint32_t)w->request_count++;
}

static void request_free(struct sim_work *w, uint32_t r)
{
	w->requests[r].next = w->free;
	w->free = r;
}

/* "s-17": the name that the real load gives the session, so that it gets the same arm. */
static const char *name_session(uint64_t session, char out[32])
{
	char *p = out + 31;
	*p = '\0';
	do
		*--p = (char)('0' + session % 10);
	while (session /= 10);
	*--p = '-';
	*--p = 's';
	return p;
}

/* A worker, as an event tells of it. */
static uint32_t name_worker(const struct sim_work *w, const struct sim_arm *a, int worker)
{
	return (uint32_t)(a - w->arms) * WORKERS_MAX + (uint32_t)worker;
}

/* ---- counting ---- */

static bool counts(const struct request *r)
{
	return r->run == RUN_REQUEST;
}

static void count_failed(struct sim_arm *a, const struct request *r, enum failure why)
{
	a->counts.failed[why]++;
	a->counts.operations[r->operation].failed++;
}

static void count_end(struct sim_work *w, struct sim_arm *a, const struct request *r)
{
	if (!counts(r))
		return;
	histogram_add(&a->counts.latency, w->now_us - r->arrived_us, 1);
	if (!r->draw.ok && !r->told_ok) {
		count_failed(a, r, r->draw.failure);
		return;
	}
	a->counts.ok++;
	a->counts.operations[r->operation].ok++;
}

/* ---- the way of a request ---- */

static void enter(struct sim_work *w, uint32_t r);

static void note_session(struct sim_work *w, const struct request *r, bool failed)
{
	char name[32];
	sessions_note(w->sessions, r->route.generation, name_session(r->session, name),
		r->route.arm, failed, w->now_us - r->arrived_us, w->now_us / 1000);
}

/* The same work once more, elsewhere and for another reason. */
static void follow(struct sim_work *w, uint32_t r, enum arm arm, enum run run)
{
	struct request *q = &w->requests[r];
	int64_t timeout_us = q->deadline_us - q->arrived_us;
	q->arm = arm;
	q->run = run;
	q->attempt = 0;
	if (run == RUN_COPY) {
		q->first.ok = q->draw.ok;
		q->first.status = q->status;
		q->arrived_us = w->now_us;
		q->deadline_us = w->now_us + timeout_us;
	}
	enter(w, r);
}

static bool may_rescue(const struct sim_work *w, const struct request *q)
{
	enum arm other = q->arm == ARM_V1 ? ARM_V2 : ARM_V1;
	return w->arms[other].workers > 0 && w->now_us < q->deadline_us &&
		split_may_fall_back(q->route.strategy, q->route.share_bp, q->arm,
			operation_is_idempotent(q->operation), q->draw.failure);
}

/* A run of the request has come to its end: draw.ok or draw.failure say which. */
static void leave(struct sim_work *w, uint32_t r)
{
	struct request *q = &w->requests[r];
	enum arm other = q->arm == ARM_V1 ? ARM_V2 : ARM_V1;
	bool ok = q->draw.ok;
	if (q->run == RUN_FAILOVER && ok)
		w->arms[other].counts.rescued++;
	if (q->run == RUN_COPY) {
		/* Results depend on the request alone (task.c). */
		bool same = q->status == q->first.status && ok == q->first.ok;
		w->arms[ARM_V2].counts.shadowed++;
		w->arms[ARM_V2].counts.mismatched += !same;
	}
	if (counts(q)) {
		note_session(w, q, !ok);
		if (!ok && may_rescue(w, q)) {
			follow(w, r, other, RUN_FAILOVER);
			return;
		}
		if (q->route.strategy == STRATEGY_SHADOW && w->arms[ARM_V2].workers > 0 &&
			operation_is_idempotent(q->operation)) {
			follow(w, r, ARM_V2, RUN_COPY);
			return;
		}
	}
	request_free(w, r);
}

/* It was not executed. */
static void fail(struct sim_work *w, uint32_t r, enum failure why)
{
	struct request *q = &w->requests[r];
	struct sim_arm *a = &w->arms[q->arm];
	if (q->ticket.answer == BREAKER_PROBE)
		breaker_forget(&a->breaker, &q->ticket);
	q->draw.ok = false;
	q->draw.failure = why;
	q->status = why == FAILURE_TIMEOUT ? ENGINE_TIMEOUT
		: why == FAILURE_RESOURCE      ? ENGINE_SATURATED
									   : ENGINE_OK;
	if (counts(q) && why == FAILURE_TIMEOUT)
		a->counts.timeouts++;
	else if (counts(q))
		count_failed(a, q, why);
	leave(w, r);
}

static void begin(struct sim_work *w, struct sim_arm *a, uint32_t r)
{
	struct request *q = &w->requests[r];
	bool faulty = a->fault.error_rate > 0 || a->fault.slow_factor > 0 ||
		a->fault.latency_add_us > 0 || a->fault.hang || a->fault.crash_rate > 0;
	a->busy++;
	q->worker = a->idle[--a->idle_count];
	q->leaks = a->fault.leak_bytes;
	q->draw =
		task_draw(q->operation, q->work_us, a->pace, faulty ? &a->fault : NULL, &a->random);
	q->told_ok = a->fault.lies;
	int64_t left_us = q->deadline_us - w->now_us;
	if (q->draw.take_us > left_us)
		q->draw = (struct draw){.take_us = left_us, .failure = FAILURE_TIMEOUT};
	sim_heap_push(&w->heap, w->now_us + q->draw.take_us, EVENT_DONE, r);
}

static bool is_free(const struct sim_arm *a)
{
	return a->idle_count > 0 && !a->fault.stall;
}

static void enqueue(struct sim_work *w, struct sim_arm *a, uint32_t r)
{
	struct request *q = &w->requests[r];
	q->waits = true;
	q->before = a->back;
	q->next = NONE;
	*(a->back == NONE ? &a->front : &w->requests[a->back].next) = r;
	a->back = r;
	a->waiting++;
	a->queued += counts(q);
	sim_heap_push(&w->heap, q->deadline_us, EVENT_LATE, r);
}

static void unqueue(struct sim_work *w, struct sim_arm *a, uint32_t r)
{
	struct request *q = &w->requests[r];
	q->waits = false;
	*(q->before == NONE ? &a->front : &w->requests[q->before].next) = q->next;
	*(q->next == NONE ? &a->back : &w->requests[q->next].before) = q->before;
	a->waiting--;
	a->queued -= counts(q);
}

/* A deadline has come: whoever still waits then is never begun. */
static void late(struct sim_work *w, uint32_t r)
{
	const struct request *q = &w->requests[r];
	if (!q->waits || q->deadline_us > w->now_us)
		return;
	unqueue(w, &w->arms[q->arm], r);
	fail(w, r, FAILURE_TIMEOUT);
}

static void serve_waiting(struct sim_work *w, struct sim_arm *a)
{
	while (a->front != NONE && is_free(a)) {
		uint32_t r = a->front;
		if (w->requests[r].deadline_us <= w->now_us) {
			late(w, r);
			continue;
		}
		unqueue(w, a, r);
		begin(w, a, r);
	}
}

/* An attempt of the request on its arm. */
static void enter(struct sim_work *w, uint32_t r)
{
	struct request *q = &w->requests[r];
	struct sim_arm *a = &w->arms[q->arm];
	if (q->attempt++ == 0) {
		a->counts.requests += counts(q);
		a->counts.operations[q->operation].requests += counts(q);
		a->counts.retries += q->run == RUN_FAILOVER;
		a->counts.bypassed += q->run == RUN_BYPASS;
	}
	q->ticket = breaker_ask(&a->breaker, w->now_us);
	if (q->ticket.answer == BREAKER_REFUSED) {
		fail(w, r, FAILURE_REFUSED);
		return;
	}
	if (a->front == NONE && is_free(a)) {
		begin(w, a, r);
		return;
	}
	if (a->waiting >= a->queue_max)
		fail(w, r, FAILURE_RESOURCE);
	else
		enqueue(w, a, r);
}

/* Starts a worker that has crashed, when its segment may: asked again where it rests. */
static void start(struct sim_work *w, struct sim_arm *a, int worker)
{
	struct supervision *s = &a->segments[worker / WORKERS_SEGMENT];
	int64_t wait_us = supervision_may_restart(s, w->now_us);
	if (wait_us > 0) {
		sim_heap_push(&w->heap, w->now_us + wait_us, EVENT_START, name_worker(w, a, worker));
		return;
	}
	supervision_started(s, true, w->now_us);
	a->down--;
	a->idle[a->idle_count++] = worker;
	a->counts.workers.created++;
	a->counts.workers.restarted++;
	serve_waiting(w, a);
}

static void leak(struct sim_arm *a, int worker, int64_t bytes)
{
	if (bytes <= 0 || a->leaked[worker] + bytes > LEAK_MOST)
		return;
	a->leaked[worker] += bytes;
	a->leaked_sum += bytes;
}

/* Its worker is free, or crashed with the work. */
static void give_worker(struct sim_work *w, struct sim_arm *a, const struct request *q)
{
	a->busy--;
	leak(a, q->worker, q->leaks);
	if (!q->draw.crashed) {
		a->idle[a->idle_count++] = q->worker;
		return;
	}
	a->counts.workers.crashed++;
	a->counts.workers.destroyed++;
	a->leaked_sum -= a->leaked[q->worker];
	a->leaked[q->worker] = 0;
	a->down++;
	sim_heap_push(&w->heap, w->now_us, EVENT_START, name_worker(w, a, q->worker));
}

/* A fail-over and a copy are one attempt each, by what they are. */
static struct failure_plan plan_again(const struct request *q)
{
	const struct failure_facts facts = {.category = q->draw.failure,
		.attempt = q->attempt,
		.user_facing = true,
		.idempotent = operation_is_idempotent(q->operation)};
	if (q->draw.ok || q->run == RUN_FAILOVER || q->run == RUN_COPY)
		return (struct failure_plan){0};
	return failure_plan(&facts);
}

/* The work of an attempt is over. */
static void done(struct sim_work *w, uint32_t r)
{
	struct request *q = &w->requests[r];
	struct sim_arm *a = &w->arms[q->arm];
	q->status = ENGINE_OK;
	give_worker(w, a, q);
	breaker_tell(&a->breaker, &q->ticket, q->draw.ok, w->now_us);
	struct failure_plan plan = plan_again(q);
	if (plan.retry && retry_fits(plan.delay_us, w->now_us, q->deadline_us)) {
		a->counts.retries += counts(q);
		sim_heap_push(&w->heap, w->now_us + plan.delay_us, EVENT_AGAIN, r);
	} else {
		count_end(w, a, q);
		leave(w, r);
	}
	serve_waiting(w, a);
}

static void arrive(struct sim_work *w)
{
	const struct arrival *n = &w->next;
	const struct scenario_operation *o = &w->scenario.operations[n->operation];
	char name[32];
	uint32_t r = request_new(w);
	struct request *q = &w->requests[r];
	*q = (struct request){.arrived_us = w->now_us,
		.deadline_us = w->now_us + w->how.timeout_ms * 1000,
		.session = n->session,
		.operation = w->operations[n->operation],
		.work_us = o->work_us};
	q->route = router_pick(&w->router, q->operation, name_session(n->session, name), "");
	q->arm = q->route.arm;
	q->run = q->route.bypasses ? RUN_BYPASS : RUN_REQUEST;
	w->arrived++;
	enter(w, r);
}

/* ---- time ---- */

/* When the next phase of the scenario begins after those that are in force. */
static int64_t next_fault_us(const struct sim_work *w)
{
	int64_t next_us = INT64_MAX;
	for (int i = 0; i < w->scenario.phase_count; i++) {
		int64_t at_us = w->scenario.phases[i].at_ms * 1000;
		if (at_us > w->faults_us && at_us < next_us)
			next_us = at_us;
	}
	return next_us;
}

static void apply_faults(struct sim_work *w, int64_t at_us)
{
	for (int i = 0; i < w->scenario.phase_count; i++) {
		const struct scenario_phase *p = &w->scenario.phases[i];
		if (p->at_ms * 1000 != at_us)
			continue;
		struct fault f = scenario_fault(&w->scenario, p->arm, p->at_ms);
		sim_work_fault(w, p->arm, &f);
	}
	w->faults_us = at_us;
}

static void happen(struct sim_work *w, const struct sim_event *e)
{
	w->now_us = e->at_us;
	switch (e->kind) {
	case EVENT_DONE:
		done(w, e->what);
		return;
	case EVENT_AGAIN:
		enter(w, e->what);
		return;
	case EVENT_LATE:
		late(w, e->what);
		return;
	case EVENT_START:
		start(w, &w->arms[e->what / WORKERS_MAX], (int)(e->what % WORKERS_MAX));
		return;
	}
}

void sim_work_run(struct sim_work *w, int64_t until_us)
{
	int64_t fault_us = next_fault_us(w);
	for (;;) {
		int64_t event_us = sim_heap_next_us(&w->heap);
		int64_t arrival_us = w->arrives ? w->next.at_us : INT64_MAX;
		int64_t soonest_us = event_us < arrival_us ? event_us : arrival_us;
		if (fault_us <= soonest_us && fault_us <= until_us) {
			w->now_us = fault_us;
			apply_faults(w, fault_us);
			fault_us = next_fault_us(w);
		} else if (soonest_us > until_us) {
			break;
		} else if (event_us <= arrival_us) {
			struct sim_event e = sim_heap_pop(&w->heap);
			happen(w, &e);
		} else {
			w->now_us = arrival_us;
			arrive(w);
			w->arrives = arrivals_next(w->arrivals, &w->next);
		}
	}
	w->now_us = until_us > w->now_us ? until_us : w->now_us;
}

int64_t sim_work_us(const struct sim_work *w)
{
	return w->now_us;
}

/* ---- told ---- */

void sim_work_split(struct sim_work *w, enum strategy strategy, int share_bp,
	unsigned operations, struct change_counts until[ARM_COUNT])
{
	for (int i = 0; until && i < ARM_COUNT; i++) {
		const struct arm_counts *c = &w->arms[i].counts;
		until[i].requests = c->requests;
		until[i].ok = c->ok;
		until[i].failed = counts_failed(c);
		sessions_totals(w->sessions, (enum arm)i, true, w->now_us / 1000, &until[i].sessions,
			&until[i].sessions_bad);
	}
	w->generation = router_set(&w->router, strategy, share_bp, operations);
	sessions_turn(w->sessions, w->generation, w->now_us / 1000);
}

void sim_work_fault(struct sim_work *w, enum arm arm, const struct fault *fault)
{
	w->arms[arm].fault = *fault;
	serve_waiting(w, &w->arms[arm]);
}

/* ---- looking ---- */

void sim_work_fill(struct sim_work *w, enum arm arm, struct arm_counts *out)
{
	const struct sim_arm *a = &w->arms[arm];
	*out = a->counts;
	out->queue_depth = a->queued;
	out->queue_max = a->workers > 0 ? a->queue_max : UNKNOWN;
	out->in_flight = out->requests - counts_done(out) - out->timeouts - out->queue_depth;
	out->workers.total = a->workers;
	out->workers.busy = a->busy;
	/* Those that are to go out still work. */
	out->workers.ready = a->fault.stall ? a->busy : a->workers - a->down;
	out->workers.degraded = a->workers - out->workers.ready;
	out->memory_bytes = a->leaked_sum > 0 ? a->leaked_sum : UNKNOWN;
	struct breaker_info info = breaker_info(&a->breaker, w->now_us);
	out->breaker = (struct breaker_word){.known = true,
		.state = info.state,
		.opened = info.opened,
		.retry_ms = info.retry_us / 1000};
	sessions_fill(w->sessions, arm, w->now_us / 1000, out);
}

void sim_work_units(const struct sim_work *w, int64_t *unit_ms, int64_t *settle_ms)
{
	*unit_ms = w->how.unit_ms;
	*settle_ms = w->how.timeout_ms > w->how.unit_ms ? w->how.timeout_ms : w->how.unit_ms;
}

uint64_t sim_work_arrived(const struct sim_work *w)
{
	return w->arrived;
}

/* ---- life ---- */

/* The supervision of each segment, as supervisor.c has it for builtin workers. */
static void init_segments(struct sim_work *w, struct sim_arm *a)
{
	struct supervision_options how = w->how.supervision;
	if (!how.restarts)
		how.restarts = WORKERS_SEGMENT;
	int count = (a->workers + WORKERS_SEGMENT - 1) / WORKERS_SEGMENT;
	a->segments = mem_new((size_t)count + 1, sizeof *a->segments);
	for (int i = 0; i < count; i++)
		supervision_init(&a->segments[i], &how);
}

static void init_workers(struct sim_arm *a)
{
	a->idle = mem_new((size_t)a->workers + 1, sizeof *a->idle);
	a->leaked = mem_new((size_t)a->workers + 1, sizeof *a->leaked);
	a->idle_count = a->workers;
	for (int i = 0; i < a->workers; i++)
		a->idle[i] = a->workers - 1 - i;
}

static void release_arm(struct sim_arm *a)
{
	free(a->idle);
	free(a->leaked);
	free(a->segments);
}

static void init_arm(struct sim_work *w, enum arm arm)
{
	struct sim_arm *a = &w->arms[arm];
	const struct scenario *s = &w->scenario;
	double pace = arm == ARM_V1 ? s->v1_slow_factor : s->v2_slow_factor;
	struct fault fault = a->fault;
	uint64_t random = a->random;
	release_arm(a);
	*a = (struct sim_arm){.workers = arm == ARM_V1 ? w->how.v1_workers
			: w->how.no_v2                         ? 0
												   : w->how.v2_workers,
		.front = NONE,
		.back = NONE,
		.queue_max = w->how.queue_max,
		.pace = pace > 0 ? pace : 1,
		.random = random,
		.fault = fault};
	breaker_init(&a->breaker, &w->how.breaker, w->now_us);
	init_workers(a);
	init_segments(w, a);
	struct arm_counts *c = &a->counts;
	c->has_latency = true;
	c->memory_bytes = c->cpu_us = c->fds = UNKNOWN;
	c->workers.created = a->workers;
	c->operation_count = OPERATION_COUNT;
	for (int i = 0; i < OPERATION_COUNT; i++)
		text_copy(c->operations[i].name, sizeof c->operations[i].name,
			operation_name((enum operation)i));
}

static void begin_life(struct sim_work *w)
{
	w->free = NONE;
	w->request_count = 0;
	sim_heap_clear(&w->heap);
	for (int i = 0; i < ARM_COUNT; i++)
		init_arm(w, (enum arm)i);
	sessions_free(w->sessions);
	w->sessions = sessions_new(w->how.unit_ms);
	sessions_turn(w->sessions, w->generation, w->now_us / 1000);
}

static int64_t first_said(int64_t option, int64_t scenario, int64_t otherwise)
{
	return option ? option : scenario ? scenario : otherwise;
}

/* Fills what the options leave open, as load_shape and engine_start do. */
static void shape(struct sim_work_options *how)
{
	const struct scenario *s = how->scenario;
	how->v1_workers = (int)first_said(how->v1_workers, s->v1_workers, 1);
	how->v2_workers = (int)first_said(how->v2_workers, s->v2_workers, 8);
	how->queue_max = (int)first_said(how->queue_max, s->queue_max, 1024);
	how->unit_ms = first_said(how->unit_ms, s->unit_ms, 30000);
	how->timeout_ms = first_said(how->timeout_ms, s->timeout_ms, 5000);
}

struct sim_work *sim_work_new(const struct sim_work_options *how)
{
	struct sim_work *w = mem_new(1, sizeof *w);
	w->how = *how;
	w->scenario = *how->scenario;
	shape(&w->how);
	assert(w->how.v1_workers <= WORKERS_MAX && w->how.v2_workers <= WORKERS_MAX);
	uint64_t seed = how->seed;
	w->arrivals = arrivals_new(&w->scenario, hash_next(&seed));
	for (int i = 0; i < ARM_COUNT; i++)
		w->arms[i].random = hash_next(&seed);
	for (int i = 0; i < w->scenario.operation_count; i++) {
		w->operations[i] = operation_of(w->scenario.operations[i].name);
		assert(w->operations[i] != OPERATION_COUNT);
	}
	begin_life(w);
	sim_work_split(w, STRATEGY_CANARY, 0, ROUTER_ALL, NULL);
	w->faults_us = -1;
	for (int i = 0; i < ARM_COUNT; i++)
		w->arms[i].fault = scenario_fault(&w->scenario, (enum arm)i, 0);
	w->faults_us = 0;
	w->arrives = arrivals_next(w->arrivals, &w->next);
	return w;
}

void sim_work_restart(struct sim_work *w)
{
	begin_life(w);
}

void sim_work_free(struct sim_work *w)
{
	if (!w)
		return;
	arrivals_free(w->arrivals);
	sessions_free(w->sessions);
	for (int i = 0; i < ARM_COUNT; i++)
		release_arm(&w->arms[i]);
	free(w->requests);
	sim_heap_release(&w->heap);
	free(w);
}
