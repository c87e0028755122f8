/* The addressable workers: a call's round trip against a bare hand-off, making a worker against
 * making its memory, and what each worker weighs. */
#include "client/engine/residents.h"
#include "model/text.h"
#include "tests/bench/bench.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS 10000
#define CALLERS_MAX 8

static struct residents *open_tree(void)
{
	const struct residents_options how = {.nodes = 4, .threads = 2};
	struct residents *r;
	struct err err = {0};
	if (residents_start(&r, &how, &err))
		bench_die("no residents: %s", err.text);
	return r;
}

static struct envelope envelope(int worker, const char *message, enum spawn_mode spawn)
{
	struct envelope e = {.spawn = spawn, .timeout_ms = ENVELOPE_TIMEOUT_MAX_MS};
	char id[16];
	snprintf(id, sizeof id, "%d", worker);
	(void)ref_of(&e.recipient, "counter", id);
	(void)text_copy(e.message, sizeof e.message, message);
	return e;
}

static void send_to(struct residents *r, int worker, const char *message, enum spawn_mode spawn)
{
	struct send_answer a;
	const struct envelope e = envelope(worker, message, spawn);
	residents_send(r, &e, &a);
	if (!a.ok)
		bench_die("refused: %s", a.message);
}

/* ---- callers that begin together ---- */

struct crowd {
	int callers, calls; /* of each */
	void (*call)(void *arg, int n);
	void *arg;
	pthread_barrier_t begin;
};

struct caller {
	struct crowd *crowd;
	int index;
	int64_t begun, ended;
	pthread_t thread;
};

static void *call_on(void *arg)
{
	struct caller *me = arg;
	struct crowd *c = me->crowd;
	pthread_barrier_wait(&c->begin);
	me->begun = bench_ns();
	for (int i = 0; i < c->calls; i++)
		c->call(c->arg, me->index + i * c->callers);
	me->ended = bench_ns();
	return NULL;
}

static double run_crowd(void *arg)
{
	struct crowd *c = arg;
	struct caller callers[CALLERS_MAX];
	int64_t begun = INT64_MAX, ended = 0;
	pthread_barrier_init(&c->begin, NULL, (unsigned)c->callers);
	for (int i = 0; i < c->callers; i++) {
		callers[i] = (struct caller){.crowd = c, .index = i};
		if (pthread_create(&callers[i].thread, NULL, call_on, &callers[i]) != 0)
			bench_die("no thread for a caller");
	}
	for (int i = 0; i < c->callers; i++) {
		pthread_join(callers[i].thread, NULL);
		begun = callers[i].begun < begun ? callers[i].begun : begun;
		ended = callers[i].ended > ended ? callers[i].ended : ended;
	}
	pthread_barrier_destroy(&c->begin);
	return (double)(ended - begun) / ((double)c->callers * c->calls);
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

static void call_queue(void *arg, int n)
{
	struct queue *q = arg;
	struct job j = {.answered = PTHREAD_COND_INITIALIZER};
	(void)n;
	pthread_mutex_lock(&q->lock);
	*q->last = &j;
	q->last = &j.next;
	pthread_cond_signal(&q->work);
	while (!j.done)
		pthread_cond_wait(&j.answered, &q->lock);
	pthread_mutex_unlock(&q->lock);
}

static void close_queue(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->over = true;
	pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
}

/* ---- round trips ---- */

static void call_one(void *arg, int n)
{
	(void)n;
	send_to(arg, 0, "{\"add\":1}", SPAWN_NO);
}

static void call_many(void *arg, int n)
{
	send_to(arg, (int)((unsigned)n * 7919u % WORKERS), "{\"add\":1}", SPAWN_NO);
}

static void race_calls(struct residents *r, int callers, int calls)
{
	struct queue q = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};
	char what[96];
	q.last = &q.first;
	if (pthread_create(&q.thread, NULL, serve_queue, &q) != 0)
		bench_die("no thread for the queue");
	struct crowd queue = {callers, calls, call_queue, &q, {{0}}};
	struct crowd one = {callers, calls, call_one, r, {{0}}};
	struct crowd many = {callers, calls, call_many, r, {{0}}};
	const struct bench_side sides[] = {{"bare queue (mutex, condition)", run_crowd, &queue},
		{"weir: calls to one worker", run_crowd, &one},
		{"weir: calls to 10,000 workers", run_crowd, &many}};
	snprintf(what, sizeof what, "a call and its answer: %d caller%s, %d calls each, 2 threads",
		callers, callers == 1 ? "" : "s", calls);
	bench_race(what, sides, sizeof sides / sizeof *sides);
	close_queue(&q);
}

/* ---- spawning ---- */

static double run_memory(void *arg)
{
	static void *blocks[WORKERS];
	int64_t begun = bench_ns();
	(void)arg;
	for (int i = 0; i < WORKERS; i++)
		blocks[i] = calloc(1, 512);
	int64_t ended = bench_ns();
	for (int i = 0; i < WORKERS; i++)
		free(blocks[i]);
	return (double)(ended - begun) / WORKERS;
}

static double run_spawn(void *arg)
{
	const enum spawn_mode how = *(const enum spawn_mode *)arg;
	struct residents *r = open_tree();
	int64_t begun = bench_ns();
	for (int i = 0; i < WORKERS; i++)
		send_to(r, i, "", how);
	int64_t ended = bench_ns();
	residents_stop(r);
	return (double)(ended - begun) / WORKERS;
}

static void race_spawns(void)
{
	static enum spawn_mode lazy = SPAWN_LAZY, sync = SPAWN_SYNC;
	const struct bench_side sides[] = {{"calloc of 512 bytes", run_memory, NULL},
		{"weir: registered, placed", run_spawn, &lazy},
		{"weir: and started", run_spawn, &sync}};
	bench_race("a new worker, 10,000 in a row", sides, sizeof sides / sizeof *sides);
}

/* ---- weight ---- */

static void weigh(int workers)
{
	struct residents_look look;
	size_t before = mallinfo2().uordblks;
	struct residents *r = open_tree();
	for (int i = 0; i < workers; i++)
		send_to(r, i, "", SPAWN_SYNC);
	size_t awake = mallinfo2().uordblks;
	for (int i = 0; i < workers; i++)
		send_to(r, i, "{\"hibernate\":true}", SPAWN_NO);
	size_t asleep = mallinfo2().uordblks;
	residents_look(r, &look, NULL, 0);
	bench_note("%d workers: %.0f bytes each awake, %.0f asleep (of them in the registry and "
			   "segments too)",
		workers, (double)(awake - before) / workers, (double)(asleep - before) / workers);
	if (look.workers != workers)
		bench_die("%lld workers", (long long)look.workers);
	residents_stop(r);
}

int main(void)
{
	bench_begin("addressable workers");
	struct residents *r = open_tree();
	for (int i = 0; i < WORKERS; i++)
		send_to(r, i, "", SPAWN_SYNC);
	race_calls(r, 1, 10000);
	race_calls(r, 4, 4000);
	residents_stop(r);
	race_spawns();
	printf("  what a worker weighs\n");
	weigh(10000);
	weigh(100000);
	return 0;
}
