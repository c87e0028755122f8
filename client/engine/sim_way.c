/* Sim way: the way of a request through its arms in virtual time: it waits, is worked at, is tried
 * again or elsewhere, and counts. Not when things happen: sim_work.c. */
#include "client/engine/failure.h"
#include "client/engine/retry.h"
#include "client/engine/sim_work_parts.h"
#include "model/mem.h"

/* As worker.c has it, of one worker. */
#define LEAK_MOST ((int64_t)256 * 1024 * 1024)

/* ---- requests ---- */

static uint32_t request_new(struct sim_work *w)
{
	uint32_t r = w->free;
	if (r != SIM_NONE) {
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

static bool counts(const struct sim_request *r)
{
	return r->run == RUN_REQUEST;
}

static void count_failed(struct sim_arm *a, const struct sim_request *r, enum failure why)
{
	a->counts.failed[why]++;
	a->counts.operations[r->operation].failed++;
}

static void count_end(struct sim_work *w, struct sim_arm *a, const struct sim_request *r)
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

static void note_session(struct sim_work *w, const struct sim_request *r, bool failed)
{
	char name[32];
	sessions_note(w->sessions, r->route.generation, name_session(r->session, name),
		r->route.arm, failed, w->now_us - r->arrived_us, w->now_us / 1000);
}

/* The same work once more, elsewhere and for another reason. */
static void follow(struct sim_work *w, uint32_t r, enum arm arm, enum run run)
{
	struct sim_request *q = &w->requests[r];
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
	sim_way_enter(w, r);
}

static bool may_rescue(const struct sim_work *w, const struct sim_request *q)
{
	enum arm other = q->arm == ARM_V1 ? ARM_V2 : ARM_V1;
	return w->arms[other].workers > 0 && w->now_us < q->deadline_us &&
		split_may_fall_back(q->route.strategy, q->route.share_bp, q->arm,
			operation_is_idempotent(q->operation), q->draw.failure);
}

/* A run of the request has come to its end: draw.ok or draw.failure say which. */
static void leave(struct sim_work *w, uint32_t r)
{
	struct sim_request *q = &w->requests[r];
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
	struct sim_request *q = &w->requests[r];
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
	struct sim_request *q = &w->requests[r];
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
	struct sim_request *q = &w->requests[r];
	q->waits = true;
	q->before = a->back;
	q->next = SIM_NONE;
	*(a->back == SIM_NONE ? &a->front : &w->requests[a->back].next) = r;
	a->back = r;
	a->waiting++;
	a->queued += counts(q);
	sim_heap_push(&w->heap, q->deadline_us, EVENT_LATE, r);
}

static void unqueue(struct sim_work *w, struct sim_arm *a, uint32_t r)
{
	struct sim_request *q = &w->requests[r];
	q->waits = false;
	*(q->before == SIM_NONE ? &a->front : &w->requests[q->before].next) = q->next;
	*(q->next == SIM_NONE ? &a->back : &w->requests[q->next].before) = q->before;
	a->waiting--;
	a->queued -= counts(q);
}

void sim_way_late(struct sim_work *w, uint32_t r)
{
	const struct sim_request *q = &w->requests[r];
	if (!q->waits || q->deadline_us > w->now_us)
		return;
	unqueue(w, &w->arms[q->arm], r);
	fail(w, r, FAILURE_TIMEOUT);
}

void sim_way_serve(struct sim_work *w, struct sim_arm *a)
{
	while (a->front != SIM_NONE && is_free(a)) {
		uint32_t r = a->front;
		if (w->requests[r].deadline_us <= w->now_us) {
			sim_way_late(w, r);
			continue;
		}
		unqueue(w, a, r);
		begin(w, a, r);
	}
}

void sim_way_enter(struct sim_work *w, uint32_t r)
{
	struct sim_request *q = &w->requests[r];
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
	if (a->front == SIM_NONE && is_free(a)) {
		begin(w, a, r);
		return;
	}
	if (a->waiting >= a->queue_max)
		fail(w, r, FAILURE_RESOURCE);
	else
		enqueue(w, a, r);
}

void sim_way_start(struct sim_work *w, struct sim_arm *a, int worker)
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
	sim_way_serve(w, a);
}

static void leak(struct sim_arm *a, int worker, int64_t bytes)
{
	if (bytes <= 0 || a->leaked[worker] + bytes > LEAK_MOST)
		return;
	a->leaked[worker] += bytes;
	a->leaked_sum += bytes;
}

/* Its worker is free, or crashed with the work. */
static void give_worker(struct sim_work *w, struct sim_arm *a, const struct sim_request *q)
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
static struct failure_plan plan_again(const struct sim_request *q)
{
	const struct failure_facts facts = {.category = q->draw.failure,
		.attempt = q->attempt,
		.user_facing = true,
		.idempotent = operation_is_idempotent(q->operation)};
	if (q->draw.ok || q->run == RUN_FAILOVER || q->run == RUN_COPY)
		return (struct failure_plan){0};
	return failure_plan(&facts);
}

void sim_way_done(struct sim_work *w, uint32_t r)
{
	struct sim_request *q = &w->requests[r];
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
	sim_way_serve(w, a);
}

void sim_way_arrive(struct sim_work *w)
{
	const struct arrival *n = &w->next;
	const struct scenario_operation *o = &w->scenario.operations[n->operation];
	char name[32];
	uint32_t r = request_new(w);
	struct sim_request *q = &w->requests[r];
	*q = (struct sim_request){.arrived_us = w->now_us,
		.deadline_us = w->now_us + w->how.timeout_ms * 1000,
		.session = n->session,
		.operation = w->operations[n->operation],
		.work_us = o->work_us};
	q->route = router_pick(&w->router, q->operation, name_session(n->session, name), "");
	q->arm = q->route.arm;
	q->run = q->route.bypasses ? RUN_BYPASS : RUN_REQUEST;
	sim_way_enter(w, r);
}
