/* Load: one clock thread that makes the arrivals and faults of a scenario, and callers that
 * take the arrivals through engine_execute like any application would. Not a benchmark:
 * arrivals that find all callers busy wait in a bounded line, and beyond it are lost.
 *
 * Invariants:
 * 1. The clock thread never executes, so a hanging arm delays neither arrivals nor faults.
 * 2. Arrivals follow the schedule, not the pace of the answers. */
#include "client/engine/load.h"

#include "client/engine/threads.h"
#include "model/arrivals.h"
#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX 1024 /* a power of two */

struct load {
	struct engine *engine;
	struct scenario scenario;
	int64_t start_us;
	struct arrivals *arrivals; /* the clock thread's */

	pthread_mutex_t lock;
	pthread_cond_t arrived;
	pthread_cond_t ending;
	bool over;
	struct arrival line[LINE_MAX];
	uint64_t head, tail;

	pthread_t clock;
	bool has_clock;
	pthread_t *callers;
	int caller_count;
};

/* ---- the clock thread ---- */

static void arrive(struct load *l, const struct arrival *a)
{
	if (l->head - l->tail == LINE_MAX)
		return;
	l->line[l->head++ % LINE_MAX] = *a;
	pthread_cond_signal(&l->arrived);
}

/* Puts in force what began after `since_ms` until `until_ms`. */
static void apply(struct load *l, int64_t since_ms, int64_t until_ms)
{
	const struct scenario *s = &l->scenario;
	for (int i = 0; i < s->phase_count; i++) {
		const struct scenario_phase *p = &s->phases[i];
		if (p->at_ms > since_ms && p->at_ms <= until_ms) {
			struct fault f = scenario_fault(s, p->arm, until_ms);
			engine_set_fault(l->engine, p->arm, &f);
		}
	}
	for (int i = 0; i < s->event_count; i++)
		if (s->events[i].at_ms > since_ms && s->events[i].at_ms <= until_ms)
			engine_set_skew(l->engine, scenario_skew_ms(s, until_ms));
}

static int64_t sooner(int64_t at_ms, int64_t since_ms, int64_t next_ms)
{
	return at_ms > since_ms && at_ms < next_ms ? at_ms : next_ms;
}

/* When something is to be put in force next. */
static int64_t next_change_us(const struct load *l, int64_t since_ms)
{
	const struct scenario *s = &l->scenario;
	int64_t next_ms = INT64_MAX;
	for (int i = 0; i < s->phase_count; i++)
		next_ms = sooner(s->phases[i].at_ms, since_ms, next_ms);
	for (int i = 0; i < s->event_count; i++)
		next_ms = sooner(s->events[i].at_ms, since_ms, next_ms);
	return next_ms == INT64_MAX ? INT64_MAX : l->start_us + next_ms * 1000;
}

static void *run_clock(void *arg)
{
	struct load *l = arg;
	struct arrival next = {0};
	bool arrives = arrivals_next(l->arrivals, &next);
	int64_t in_force_ms = 0; /* what began up to here */
	pthread_mutex_lock(&l->lock);
	while (!l->over) {
		int64_t now_us = threads_us();
		while (arrives && l->start_us + next.at_us <= now_us) {
			arrive(l, &next);
			arrives = arrivals_next(l->arrivals, &next);
		}
		int64_t now_ms = (now_us - l->start_us) / 1000;
		apply(l, in_force_ms, now_ms);
		in_force_ms = now_ms;
		int64_t until_us = next_change_us(l, in_force_ms);
		if (arrives && l->start_us + next.at_us < until_us)
			until_us = l->start_us + next.at_us;
		if (until_us == INT64_MAX)
			pthread_cond_wait(&l->ending, &l->lock);
		else
			threads_wait(&l->ending, &l->lock, until_us);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

/* ---- the callers ---- */

static void make_request(
	const struct load *l, const struct arrival *a, struct engine_request *request)
{
	const struct scenario_operation *o = &l->scenario.operations[a->operation];
	text_copy(request->operation, sizeof request->operation, o->name);
	snprintf(
		request->session, sizeof request->session, "s-%llu", (unsigned long long)a->session);
	snprintf(request->id, sizeof request->id, "r-%llu", (unsigned long long)a->number);
	snprintf(request->payload, sizeof request->payload, "{\"value\":%llu}",
		(unsigned long long)(a->number % 1000));
	if (l->scenario.keys > 0)
		snprintf(request->key, sizeof request->key, "k-%llu", (unsigned long long)a->key);
	request->work_us = o->work_us;
	request->timeout_ms = 0;
}

static void *run_caller(void *arg)
{
	struct load *l = arg;
	struct engine_request *request = mem_new(1, sizeof *request);
	struct engine_response *response = mem_new(1, sizeof *response);
	pthread_mutex_lock(&l->lock);
	while (!l->over) {
		if (l->head == l->tail) {
			pthread_cond_wait(&l->arrived, &l->lock);
			continue;
		}
		struct arrival a = l->line[l->tail++ % LINE_MAX];
		pthread_mutex_unlock(&l->lock);
		make_request(l, &a, request);
		engine_execute(l->engine, request, response);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	free(request);
	free(response);
	return NULL;
}

/* ---- both ---- */

void load_shape(struct engine_options *how)
{
	const struct scenario *s = how->scenario;
	if (!s)
		return;
	how->v1_workers = how->v1_workers ? how->v1_workers : (int)s->v1_workers;
	how->v2_workers = how->v2_workers ? how->v2_workers : (int)s->v2_workers;
	how->queue_max = how->queue_max ? how->queue_max : (int)s->queue_max;
	how->unit_ms = how->unit_ms ? how->unit_ms : s->unit_ms;
	how->timeout_ms = how->timeout_ms ? how->timeout_ms : s->timeout_ms;
	if (s->strategy[0] && how->strategy == STRATEGY_CANARY)
		how->strategy = strategy_of(s->strategy);
}

static int check(const struct scenario *s, struct err *err)
{
	char at[32];
	for (int i = 0; i < s->event_count; i++) {
		if (!s->events[i].restart)
			continue;
		unit_duration(at, sizeof at, s->events[i].at_ms);
		return err_set(err, ERR_CONFIG,
			"the scenario \"%s\" restarts the node at %s, which a running pool cannot do to "
			"itself: end it and start it again by hand, or take \"restart\" out",
			s->name, at);
	}
	return 0;
}

int load_start(
	struct load **out, struct engine *e, const struct scenario *s, int callers, struct err *err)
{
	if (check(s, err))
		return -1;
	struct load *l = mem_new(1, sizeof *l);
	l->engine = e;
	l->scenario = *s;
	l->arrivals = arrivals_new(s, s->seed);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->arrived, NULL);
	threads_cond_init(&l->ending);
	l->start_us = threads_us();
	apply(l, -1, 0);

	int result = threads_start(&l->clock, run_clock, l, err);
	l->has_clock = !result;
	l->callers = mem_new((size_t)callers, sizeof *l->callers);
	for (int i = 0; i < callers && !result && scenario_arrives(s); i++) {
		result = threads_start(&l->callers[i], run_caller, l, err);
		l->caller_count += !result;
	}
	if (result) {
		load_stop(l);
		return -1;
	}
	*out = l;
	return 0;
}

void load_end(struct load *l)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->over = true;
	pthread_cond_broadcast(&l->ending);
	pthread_cond_broadcast(&l->arrived);
	pthread_mutex_unlock(&l->lock);
}

void load_stop(struct load *l)
{
	if (!l)
		return;
	load_end(l);
	if (l->has_clock)
		pthread_join(l->clock, NULL);
	for (int i = 0; i < l->caller_count; i++)
		pthread_join(l->callers[i], NULL);
	pthread_cond_destroy(&l->arrived);
	pthread_cond_destroy(&l->ending);
	pthread_mutex_destroy(&l->lock);
	arrivals_free(l->arrivals);
	free(l->callers);
	free(l);
}
