/* Sim work: a queue of events in virtual time. Not a second engine: what is decided is decided by
 * the parts that the real one asks. What happens to a request is sim_way.c's.
 *
 * Invariants:
 * 1. Time only goes forward, from event to event; the same options give the same run, byte for
 *    byte.
 * 2. A request is in one place: waiting, in a worker, between two attempts, or gone.
 * 3. The heap holds one event for each request in a worker or between attempts, for each worker
 *    that is being started again, and for each deadline of a request that had to wait: it means
 *    nothing any more where that one has been served since. */
#include "client/engine/sim_work.h"

#include "client/engine/hash.h"
#include "client/engine/sim_work_parts.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdlib.h>

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
		sim_way_done(w, e->what);
		return;
	case EVENT_AGAIN:
		sim_way_enter(w, e->what);
		return;
	case EVENT_LATE:
		sim_way_late(w, e->what);
		return;
	case EVENT_START:
		sim_way_start(w, &w->arms[e->what / WORKERS_MAX], (int)(e->what % WORKERS_MAX));
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
			sim_way_arrive(w);
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
	sim_way_serve(w, &w->arms[arm]);
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
		.front = SIM_NONE,
		.back = SIM_NONE,
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
	w->free = SIM_NONE;
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
