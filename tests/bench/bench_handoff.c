/* The embedded engine's first arm: handing work to another thread and getting the answer back,
 * beside what others do for that: a queue with a mutex, GLib's and libuv's pools (loaded where
 * they are installed), and the fastest that is known, a ring without locks (Vyukov's).
 *
 * All rows are round trips of a caller that waits for its answer. Those that do nothing but hand
 * over are to be compared with "weir's executor alone"; "engine_execute" also routes, looks at
 * the clock three times, asks the breaker and counts, on both sides. */
#define _GNU_SOURCE
#include "client/engine/executor.h"
#include "tests/bench/crowd.h"

#include <dlfcn.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- a queue with a mutex ---- */

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

static void queue_start(struct queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->work, NULL);
	q->last = &q->first;
	if (pthread_create(&q->thread, NULL, serve_queue, q) != 0)
		bench_die("no thread for the queue");
}

static void queue_stop(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->over = true;
	pthread_cond_signal(&q->work);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
}

/* ---- a word to wait at: looks for a moment, then sleeps ---- */

enum { WAITS, ASLEEP, DONE };

static void futex(atomic_int *word, int what, int value)
{
	syscall(SYS_futex, word, what, value, NULL, NULL, 0);
}

static void word_wait(atomic_int *word)
{
	for (int i = 0; i < 2000; i++) {
		if (atomic_load_explicit(word, memory_order_acquire) == DONE)
			return;
		__builtin_ia32_pause();
	}
	int waits = WAITS;
	atomic_compare_exchange_strong(word, &waits, ASLEEP);
	while (atomic_load(word) != DONE)
		futex(word, FUTEX_WAIT_PRIVATE, ASLEEP);
}

static void word_tell(atomic_int *word)
{
	if (atomic_exchange(word, DONE) == ASLEEP)
		futex(word, FUTEX_WAKE_PRIVATE, 1);
}

/* ---- a ring of many writers and readers ---- */

#define RING 256
#define RING_THREADS_MAX 8

struct ring {
	struct {
		_Alignas(64) atomic_size_t turn;
		void *what;
	} cell[RING];
	_Alignas(64) atomic_size_t in;
	_Alignas(64) atomic_size_t out;
	_Alignas(64) atomic_int asleep;
	atomic_int bell; /* rung for one that sleeps */
	atomic_bool over;
	int count;
	pthread_t threads[RING_THREADS_MAX];
};

static bool ring_put(struct ring *r, void *what)
{
	size_t at = atomic_load_explicit(&r->in, memory_order_relaxed);
	for (;;) {
		size_t turn = atomic_load_explicit(&r->cell[at % RING].turn, memory_order_acquire);
		if (turn == at && atomic_compare_exchange_weak(&r->in, &at, at + 1))
			break;
		if ((intptr_t)(turn - at) < 0)
			return false;
		if (turn != at)
			at = atomic_load_explicit(&r->in, memory_order_relaxed);
	}
	r->cell[at % RING].what = what;
	atomic_store(&r->cell[at % RING].turn, at + 1);
	return true;
}

static void *ring_take(struct ring *r)
{
	size_t at = atomic_load_explicit(&r->out, memory_order_relaxed);
	for (;;) {
		size_t turn = atomic_load(&r->cell[at % RING].turn);
		if (turn == at + 1 && atomic_compare_exchange_weak(&r->out, &at, at + 1))
			break;
		if ((intptr_t)(turn - at - 1) < 0)
			return NULL;
		if (turn != at + 1)
			at = atomic_load_explicit(&r->out, memory_order_relaxed);
	}
	void *what = r->cell[at % RING].what;
	atomic_store_explicit(&r->cell[at % RING].turn, at + RING, memory_order_release);
	return what;
}

static void *serve_ring(void *arg)
{
	struct ring *r = arg;
	while (!atomic_load(&r->over)) {
		void *what = NULL;
		for (int i = 0; i < 2000 && !(what = ring_take(r)); i++)
			__builtin_ia32_pause();
		if (what) {
			word_tell(what);
			continue;
		}
		int bell = atomic_load(&r->bell);
		atomic_fetch_add(&r->asleep, 1);
		what = ring_take(r);
		if (!what && !atomic_load(&r->over))
			futex(&r->bell, FUTEX_WAIT_PRIVATE, bell);
		atomic_fetch_sub(&r->asleep, 1);
		if (what)
			word_tell(what);
	}
	return NULL;
}

static void ring_wake(struct ring *r)
{
	if (atomic_load(&r->asleep) == 0)
		return;
	atomic_fetch_add(&r->bell, 1);
	futex(&r->bell, FUTEX_WAKE_PRIVATE, 1);
}

static void call_ring(struct crowd *c, int caller)
{
	struct ring *r = c->arg;
	atomic_int word = WAITS;
	(void)caller;
	while (!ring_put(r, &word))
		sched_yield();
	ring_wake(r);
	word_wait(&word);
}

static struct ring *ring_start(int threads)
{
	struct ring *r = aligned_alloc(64, sizeof *r);
	if (!r)
		bench_die("no memory for the ring");
	memset(r, 0, sizeof *r);
	for (size_t i = 0; i < RING; i++)
		r->cell[i].turn = i;
	for (r->count = 0; r->count < threads; r->count++)
		if (pthread_create(&r->threads[r->count], NULL, serve_ring, r) != 0)
			bench_die("no thread for the ring");
	return r;
}

static void ring_stop(struct ring *r)
{
	atomic_store(&r->over, true);
	atomic_fetch_add(&r->bell, 1);
	futex(&r->bell, FUTEX_WAKE_PRIVATE, INT_MAX);
	for (int i = 0; i < r->count; i++)
		pthread_join(r->threads[i], NULL);
	free(r);
}

/* ---- weir's executor, without an engine around it ---- */

static void do_nothing(void *ctx, void *job, int thread)
{
	(void)ctx;
	(void)job;
	(void)thread;
}

static bool always_stays(void *ctx, int thread)
{
	(void)ctx;
	(void)thread;
	return true;
}

static void call_executor(struct crowd *c, int caller)
{
	const struct executor_want want = {
		.deadline_us = threads_us() + 60000000, .queue_max = CALLERS_MAX, .counted = true};
	if (executor_run(c->arg, &caller, &want) != EXECUTOR_DONE)
		bench_die("the executor did not do it");
}

static struct executor *bare_executor(void)
{
	const struct executor_options how = {
		.threads = 1, .run = do_nothing, .stays = always_stays, .cpu = -1};
	struct executor *x;
	struct err err = {0};
	if (executor_start(&x, &how, &err))
		bench_die("no executor: %s", err.text);
	executor_open(x, 0);
	return x;
}

/* ---- GLib's pool ---- */

struct glib {
	void *(*start)(void (*run)(void *, void *), void *, int, int, void **);
	int (*push)(void *pool, void *what, void **err);
	void (*stop)(void *pool, int at_once, int wait);
	void *pool;
};

static void glib_done(void *what, void *ctx)
{
	(void)ctx;
	word_tell(what);
}

static void call_glib(struct crowd *c, int caller)
{
	struct glib *g = c->arg;
	atomic_int word = WAITS;
	(void)caller;
	g->push(g->pool, &word, NULL);
	word_wait(&word);
}

/* A function of a library as data: ISO C has no cast for it. */
static bool find(void *library, const char *name, void *out)
{
	void *at = dlsym(library, name);
	memcpy(out, &at, sizeof at);
	return at != NULL;
}

static bool glib_start(struct glib *g)
{
	void *l = dlopen("libglib-2.0.so.0", RTLD_NOW);
	if (!l || !find(l, "g_thread_pool_new", &g->start) ||
		!find(l, "g_thread_pool_push", &g->push) || !find(l, "g_thread_pool_free", &g->stop))
		return false;
	g->pool = g->start(glib_done, NULL, 1, 1, NULL);
	return g->pool != NULL;
}

/* ---- libuv's pool; its caller is the loop's thread ---- */

struct uv {
	int (*init)(void *loop);
	size_t (*loop_size)(void);
	int (*queue)(void *loop, void *request, void (*work)(void *), void (*after)(void *, int));
	int (*run)(void *loop, int mode);
	int (*close)(void *loop);
	struct {
		void *loop, *request;
	} caller[CALLERS_MAX];
};

static void uv_nothing(void *request)
{
	(void)request;
}

static void uv_after(void *request, int status)
{
	(void)request;
	(void)status;
}

static void call_uv(struct crowd *c, int caller)
{
	struct uv *u = c->arg;
	u->queue(u->caller[caller].loop, u->caller[caller].request, uv_nothing, uv_after);
	u->run(u->caller[caller].loop, 0);
}

static bool uv_start(struct uv *u, int callers)
{
	setenv("UV_THREADPOOL_SIZE", "1", 1);
	void *l = dlopen("libuv.so.1", RTLD_NOW);
	if (!l || !find(l, "uv_loop_init", &u->init) || !find(l, "uv_loop_size", &u->loop_size) ||
		!find(l, "uv_queue_work", &u->queue) || !find(l, "uv_run", &u->run) ||
		!find(l, "uv_loop_close", &u->close))
		return false;
	for (int i = 0; i < callers; i++) {
		u->caller[i].loop = calloc(1, u->loop_size());
		u->caller[i].request = calloc(1, 4096); /* more than a request of any kind */
		if (u->init(u->caller[i].loop))
			return false;
	}
	return true;
}

static void uv_stop(struct uv *u, int callers)
{
	for (int i = 0; i < callers; i++) {
		u->close(u->caller[i].loop);
		free(u->caller[i].loop);
		free(u->caller[i].request);
	}
}

/* ---- the race ---- */

static void race_handoff(int callers, int calls)
{
	struct queue q = {0};
	struct glib g = {0};
	struct uv u = {0};
	struct ring *r = ring_start(1), *many = ring_start(RING_THREADS_MAX);
	struct executor *x = bare_executor();
	queue_start(&q);
	struct crowd_pool *p = crowd_open(0, 8, "echo", 0);
	struct crowd ring = {callers, calls, call_ring, r, {{0}}};
	struct crowd rings = {callers, calls, call_ring, many, {{0}}};
	struct crowd executor = {callers, calls, call_executor, x, {{0}}};
	struct crowd queue = {callers, calls, call_queue, &q, {{0}}};
	struct crowd weir = {callers, calls, crowd_call, p, {{0}}};
	struct crowd glib = {callers, calls, call_glib, &g, {{0}}};
	struct crowd uv = {callers, calls, call_uv, &u, {{0}}};
	struct bench_side sides[7] = {{"ring without locks, spin then park", crowd_run, &ring},
		{"the same ring, 8 threads", crowd_run, &rings},
		{"queue (mutex, condition)", crowd_run, &queue},
		{"weir's executor alone", crowd_run, &executor},
		{"weir: engine_execute, echo on v1", crowd_run, &weir}};
	size_t count = 5;
	bool has_glib = glib_start(&g), has_uv = uv_start(&u, callers);
	if (has_glib)
		sides[count++] = (struct bench_side){"GLib's thread pool", crowd_run, &glib};
	if (has_uv)
		sides[count++] = (struct bench_side){"libuv's pool", crowd_run, &uv};
	char what[96];
	snprintf(what, sizeof what,
		"v1, hand-off and answer: 1 executor, %d caller%s, %d calls each", callers,
		callers == 1 ? "" : "s", calls);
	bench_race(what, sides, count);
	if (!has_glib)
		bench_note("GLib is not installed: its row is left out");
	if (!has_uv)
		bench_note("libuv is not installed: its row is left out");
	crowd_close(p);
	queue_stop(&q);
	ring_stop(r);
	ring_stop(many);
	executor_stop(x);
	if (has_glib)
		g.stop(g.pool, 0, 1);
	if (has_uv)
		uv_stop(&u, callers);
}

int main(void)
{
	bench_begin("engine: v1");
	race_handoff(1, 10000);
	race_handoff(4, 4000);
	return 0;
}
