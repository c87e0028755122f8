/* The embedded engine: an empty call through the whole path of v2 against a bare checkout, v1's
 * hand-off against a bare queue, and what N workers are worth on work that sleeps. */
#include "client/engine/engine.h"
#include "model/text.h"
#include "tests/bench/bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define SLOTS 8
#define CALLERS_MAX 64

/* ---- callers: threads that begin together ---- */

struct crowd {
	int callers, calls; /* calls of each caller */
	void (*call)(struct crowd *c, int caller);
	void *arg;
	pthread_barrier_t begin;
};

struct caller {
	struct crowd *crowd;
	int index;
	pthread_t thread;
	int64_t begun, ended;
};

static void *call_on(void *arg)
{
	struct caller *me = arg;
	struct crowd *c = me->crowd;
	pthread_barrier_wait(&c->begin);
	me->begun = bench_ns();
	for (int i = 0; i < c->calls; i++)
		c->call(c, me->index);
	me->ended = bench_ns();
	return NULL;
}

/* From the first call's begin to the last one's end, over all calls of all callers. */
static double run_crowd(void *arg)
{
	struct crowd *c = arg;
	struct caller callers[CALLERS_MAX];
	pthread_barrier_init(&c->begin, NULL, (unsigned)c->callers);
	for (int i = 0; i < c->callers; i++) {
		callers[i] = (struct caller){.crowd = c, .index = i};
		if (pthread_create(&callers[i].thread, NULL, call_on, &callers[i]) != 0)
			bench_die("no thread for a caller");
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

struct pool {
	struct engine *engine;
	struct {
		struct engine_request request;
		struct engine_response response;
	} caller[CALLERS_MAX];
};

static struct pool *open_pool(int share_bp, int v2_workers, const char *operation, int work_us)
{
	struct engine_options how = {
		.share_bp = share_bp, .v2_workers = v2_workers, .strategy = STRATEGY_CANARY};
	struct err err = {0};
	struct pool *p = calloc(1, sizeof *p);
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

static void close_pool(struct pool *p)
{
	engine_stop(p->engine);
	free(p);
}

static void call_pool(struct crowd *c, int caller)
{
	struct pool *p = c->arg;
	struct engine_response *r = &p->caller[caller].response;
	engine_execute(p->engine, &p->caller[caller].request, r);
	if (!r->ok)
		bench_die("a call failed: %s", r->message);
}

/* ---- a bare checkout: what any pool must do at the least ---- */

struct checkout {
	pthread_mutex_t lock;
	pthread_cond_t free;
	int idle[SLOTS], idle_count;
	int64_t served[SLOTS];
};

static void call_checkout(struct crowd *c, int caller)
{
	struct checkout *k = c->arg;
	(void)caller;
	pthread_mutex_lock(&k->lock);
	while (k->idle_count == 0)
		pthread_cond_wait(&k->free, &k->lock);
	int slot = k->idle[--k->idle_count];
	pthread_mutex_unlock(&k->lock);
	k->served[slot]++;
	pthread_mutex_lock(&k->lock);
	k->idle[k->idle_count++] = slot;
	pthread_cond_signal(&k->free);
	pthread_mutex_unlock(&k->lock);
}

static void call_counter(struct crowd *c, int caller)
{
	(void)caller;
	atomic_fetch_add((atomic_long *)c->arg, 1);
}

static void race_empty_calls(int callers, int calls)
{
	struct checkout k = {.lock = PTHREAD_MUTEX_INITIALIZER, .free = PTHREAD_COND_INITIALIZER};
	while (k.idle_count < SLOTS) {
		k.idle[k.idle_count] = k.idle_count;
		k.idle_count++;
	}
	atomic_long counter = 0;
	struct pool *p = open_pool(SHARE_FULL, SLOTS, "echo", 0);
	struct pool *sticky = open_pool(SHARE_FULL, SLOTS, "echo", 0);
	for (int i = 0; i < CALLERS_MAX; i++)
		snprintf(sticky->caller[i].request.session, POOL_ID_MAX, "session-%d", i);
	struct crowd checkout = {callers, calls, call_checkout, &k, {{0}}};
	struct crowd atomic = {callers, calls * 8, call_counter, &counter, {{0}}};
	struct crowd weir = {callers, calls, call_pool, p, {{0}}};
	struct crowd sessions = {callers, calls, call_pool, sticky, {{0}}};
	const struct bench_side sides[] = {
		{"bare checkout (mutex, free list)", run_crowd, &checkout},
		{"an atomic counter", run_crowd, &atomic},
		{"weir: engine_execute, echo on v2", run_crowd, &weir},
		{"weir: the same in a session", run_crowd, &sessions}};
	char what[96];
	snprintf(what, sizeof what, "v2, empty call: 8 workers, %d caller%s, %d calls each",
		callers, callers == 1 ? "" : "s", calls);
	bench_race(what, sides, sizeof sides / sizeof sides[0]);
	close_pool(p);
	close_pool(sticky);
}

/* ---- a bare hand-off: a queue, an executor, an answer ---- */

struct job {
	struct job *next;
	bool done;
	pthread_cond_t answered;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct job *first, **last;
	bool over;
	pthread_t thread;
};

static void *serve_queue(void *arg)
{
	struct queue *q = arg;
	pthread_mutex_lock(&q->lock);
	for (;;) {
		while (!q->first && !q->over)
			pthread_cond_wait(&q->work, &q->lock);
		struct job *j = q->first;
		if (!j)
			break;
		q->first = j->next;
		if (!q->first)
			q->last = &q->first;
		pthread_mutex_unlock(&q->lock);
		pthread_mutex_lock(&q->lock); /* here the work would be */
		j->done = true;
		pthread_cond_signal(&j->answered);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

static void call_queue(struct crowd *c, int caller)
{
	struct queue *q = c->arg;
	struct job j = {.answered = PTHREAD_COND_INITIALIZER};
	(void)caller;
	pthread_mutex_lock(&q->lock);
	*q->last = &j;
	q->last = &j.next;
	pthread_cond_signal(&q->work);
	while (!j.done)
		pthread_cond_wait(&j.answered, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

static void race_handoff(int callers, int calls)
{
	struct queue q = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};
	q.last = &q.first;
	if (pthread_create(&q.thread, NULL, serve_queue, &q) != 0)
		bench_die("no thread for the queue");
	struct pool *p = open_pool(0, SLOTS, "echo", 0);
	struct crowd queue = {callers, calls, call_queue, &q, {{0}}};
	struct crowd weir = {callers, calls, call_pool, p, {{0}}};
	const struct bench_side sides[] = {{"bare queue (mutex, condition)", run_crowd, &queue},
		{"weir: engine_execute, echo on v1", run_crowd, &weir}};
	char what[96];
	snprintf(what, sizeof what,
		"v1, hand-off and answer: 1 executor, %d caller%s, %d calls each", callers,
		callers == 1 ? "" : "s", calls);
	bench_race(what, sides, 2);
	close_pool(p);
	pthread_mutex_lock(&q.lock);
	q.over = true;
	pthread_cond_signal(&q.work);
	pthread_mutex_unlock(&q.lock);
	pthread_join(q.thread, NULL);
}

/* ---- N workers on work that sleeps ---- */

static void race_sleep(int workers)
{
	struct pool *v1 = open_pool(0, workers, "sleep", 1000);
	struct pool *v2 = open_pool(SHARE_FULL, workers, "sleep", 1000);
	struct crowd one = {workers, 160 / workers, call_pool, v1, {{0}}};
	struct crowd many = {workers, 40, call_pool, v2, {{0}}};
	double gain[BENCH_ROUNDS], alone[BENCH_ROUNDS], together[BENCH_ROUNDS];
	run_crowd(&many);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		alone[i] = run_crowd(&one);
		together[i] = run_crowd(&many);
		gain[i] = alone[i] / together[i] / workers;
	}
	double median = bench_quantile(gain, BENCH_ROUNDS, 0.5);
	printf("  work that sleeps 1 ms: %d callers, v1 with 1 worker, v2 with %d\n", workers,
		workers);
	bench_note("v1 %.0f/s, v2 %.0f/s (medians)", 1e9 / bench_quantile(alone, BENCH_ROUNDS, 0.5),
		1e9 / bench_quantile(together, BENCH_ROUNDS, 0.5));
	bench_note("v2 / v1 throughput is %.2f x N (%.2f .. %.2f), N = %d", median, gain[0],
		gain[BENCH_ROUNDS - 1], workers);
	close_pool(v1);
	close_pool(v2);
}

int main(void)
{
	bench_begin("engine");
	race_empty_calls(1, 200000);
	race_empty_calls(4, 100000);
	race_handoff(1, 10000);
	race_handoff(4, 4000);
	race_sleep(8);
	race_sleep(64);
	return 0;
}
