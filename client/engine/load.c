/* Load: one clock thread that makes the arrivals and faults of a scenario, and callers that
 * take the arrivals through engine_execute like any application would. Not a benchmark:
 * arrivals that find all callers busy wait in a bounded line, and beyond it are lost.
 *
 * Invariants:
 * 1. The clock thread never executes, so a hanging arm delays neither arrivals nor faults.
 * 2. Arrivals follow the schedule, not the pace of the answers. */
#include "client/engine/load.h"

#include "client/engine/hash.h"
#include "client/engine/threads.h"
#include "model/mem.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX 1024 /* a power of two */

struct arrival {
	uint64_t number;
	uint64_t session;
	int operation;
};

struct load {
	struct engine *engine;
	struct scenario scenario;
	int64_t start_us;
	uint64_t random;
	double weights; /* sum */

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

static struct arrival make_arrival(struct load *l, uint64_t number)
{
	const struct scenario *s = &l->scenario;
	struct arrival a = {.number = number};
	a.session = hash_next(&l->random) % (uint64_t)s->sessions;
	double at = hash_next_fraction(&l->random) * l->weights;
	while (a.operation < s->operation_count - 1 && at >= s->operations[a.operation].weight)
		at -= s->operations[a.operation++].weight;
	return a;
}

static int64_t next_gap_us(struct load *l)
{
	return llround(-log1p(-hash_next_fraction(&l->random)) / l->scenario.rate * 1e6);
}

static void arrive(struct load *l, uint64_t number)
{
	struct arrival a = make_arrival(l, number);
	if (l->head - l->tail == LINE_MAX)
		return;
	l->line[l->head++ % LINE_MAX] = a;
	pthread_cond_signal(&l->arrived);
}

/* Puts in force what began after `since_ms` until `until_ms`. */
static void apply_faults(struct load *l, int64_t since_ms, int64_t until_ms)
{
	const struct scenario *s = &l->scenario;
	for (int i = 0; i < s->phase_count; i++) {
		const struct scenario_phase *p = &s->phases[i];
		if (p->at_ms > since_ms && p->at_ms <= until_ms) {
			struct fault f = scenario_fault(s, p->arm, until_ms);
			engine_set_fault(l->engine, p->arm, &f);
		}
	}
}

static int64_t next_fault_us(const struct load *l, int64_t since_ms)
{
	int64_t next_us = INT64_MAX;
	for (int i = 0; i < l->scenario.phase_count; i++) {
		int64_t at_ms = l->scenario.phases[i].at_ms;
		if (at_ms > since_ms && l->start_us + at_ms * 1000 < next_us)
			next_us = l->start_us + at_ms * 1000;
	}
	return next_us;
}

static void *run_clock(void *arg)
{
	struct load *l = arg;
	bool arrives = l->scenario.rate > 0 && l->scenario.operation_count > 0;
	int64_t next_us = arrives ? l->start_us + next_gap_us(l) : INT64_MAX;
	int64_t faults_ms = 0; /* faults up to here are in force */
	uint64_t number = 0;
	pthread_mutex_lock(&l->lock);
	while (!l->over) {
		int64_t now_us = threads_us();
		while (next_us <= now_us) {
			arrive(l, number++);
			next_us += next_gap_us(l);
		}
		int64_t now_ms = (now_us - l->start_us) / 1000;
		apply_faults(l, faults_ms, now_ms);
		faults_ms = now_ms;
		int64_t fault_us = next_fault_us(l, faults_ms);
		int64_t until_us = next_us < fault_us ? next_us : fault_us;
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
	snprintf(request->payload, sizeof request->payload, "{\"n\":%llu}",
		(unsigned long long)(a->number % 1000));
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

int load_start(
	struct load **out, struct engine *e, const struct scenario *s, int callers, struct err *err)
{
	struct load *l = mem_new(1, sizeof *l);
	l->engine = e;
	l->scenario = *s;
	if (l->scenario.sessions < 1)
		l->scenario.sessions = 1;
	l->random = s->seed;
	for (int i = 0; i < s->operation_count; i++)
		l->weights += s->operations[i].weight;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->arrived, NULL);
	threads_cond_init(&l->ending);
	l->start_us = threads_us();
	apply_faults(l, -1, 0);

	int result = threads_start(&l->clock, run_clock, l, err);
	l->has_clock = !result;
	l->callers = mem_new((size_t)callers, sizeof *l->callers);
	for (int i = 0; i < callers && !result && s->rate > 0; i++) {
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
	free(l->callers);
	free(l);
}
