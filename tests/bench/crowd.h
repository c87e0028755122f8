/* Crowd: what the benches of the engine share: callers that begin together, and weir as one of
 * those that they call. */
#ifndef WEIR_TESTS_BENCH_CROWD_H
#define WEIR_TESTS_BENCH_CROWD_H

#include "client/engine/engine.h"
#include "client/engine/threads.h"
#include "model/text.h"
#include "tests/bench/bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define CALLERS_MAX 128

struct crowd {
	int callers, calls; /* calls of each caller */
	void (*call)(struct crowd *c, int caller);
	void *arg;
	pthread_barrier_t begin;
};

struct crowd_caller {
	struct crowd *crowd;
	int index;
	pthread_t thread;
	int64_t begun, ended;
};

__attribute__((unused)) static void *crowd_call_on(void *arg)
{
	struct crowd_caller *me = arg;
	struct crowd *c = me->crowd;
	pthread_barrier_wait(&c->begin);
	me->begun = bench_ns();
	for (int i = 0; i < c->calls; i++)
		c->call(c, me->index);
	me->ended = bench_ns();
	return NULL;
}

/* Callers are threads of weir's kind, so that none is woken later than another for its kernel
 * settings. From the first call's begin to the last one's end, over all calls of all callers. */
__attribute__((unused)) static double crowd_run(void *arg)
{
	struct crowd *c = arg;
	struct crowd_caller callers[CALLERS_MAX];
	pthread_barrier_init(&c->begin, NULL, (unsigned)c->callers);
	for (int i = 0; i < c->callers; i++) {
		callers[i] = (struct crowd_caller){.crowd = c, .index = i};
		struct err err = {0};
		if (threads_start(&callers[i].thread, crowd_call_on, &callers[i], &err))
			bench_die("no thread for a caller: %s", err.text);
	}
	int64_t begun = INT64_MAX, ended = 0;
	for (int i = 0; i < c->callers; i++) {
		pthread_join(callers[i].thread, NULL);
		begun = callers[i].begun < begun ? callers[i].begun : begun;
		ended = callers[i].ended > ended ? callers[i].ended : ended;
	}
	pthread_barrier_destroy(&c->begin);
	return (double)(ended - begun) / ((double)c->callers * c->calls);
}

/* ---- weir ---- */

struct crowd_pool {
	struct engine *engine;
	struct {
		struct engine_request request;
		struct engine_response response;
	} caller[CALLERS_MAX];
};

__attribute__((unused)) static struct crowd_pool *crowd_open(
	int share_bp, int v2_workers, const char *operation, int work_us)
{
	struct engine_options how = {
		.share_bp = share_bp, .v2_workers = v2_workers, .strategy = STRATEGY_CANARY};
	struct err err = {0};
	struct crowd_pool *p = calloc(1, sizeof *p);
	if (!p || engine_start(&p->engine, &how, &err))
		bench_die("no engine: %s", err.text);
	for (int i = 0; i < CALLERS_MAX; i++) {
		struct engine_request *q = &p->caller[i].request;
		text_copy(q->operation, sizeof q->operation, operation);
		snprintf(q->id, sizeof q->id, "request-%d", i);
		q->work_us = work_us;
		q->timeout_ms = 60000;
	}
	return p;
}

__attribute__((unused)) static void crowd_close(struct crowd_pool *p)
{
	engine_stop(p->engine);
	free(p);
}

__attribute__((unused)) static void crowd_call(struct crowd *c, int caller)
{
	struct crowd_pool *p = c->arg;
	struct engine_response *r = &p->caller[caller].response;
	engine_execute(p->engine, &p->caller[caller].request, r);
	if (!r->ok)
		bench_die("a call failed: %s", r->message);
}

#endif
