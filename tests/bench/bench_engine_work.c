/* The embedded engine at work: what N workers are worth on work that sleeps and on work that
 * computes, how fair the wait for one is, and what a worker costs in memory.
 *
 * What N threads are worth that do nothing else stands beside: the machine gives no more. */
#include "client/engine/slots.h"
#include "tests/bench/crowd.h"

#include <malloc.h>
#include <string.h>
#include <unistd.h>

/* ---- v2 over v1 ---- */

/* The same work without a pool: `arg` is how long it takes. */
static void sleep_bare(struct crowd *c, int caller)
{
	(void)caller;
	threads_pause(*(int *)c->arg);
}

static void spin_bare(struct crowd *c, int caller)
{
	int64_t until_us = threads_us() + *(int *)c->arg;
	(void)caller;
	while (threads_us() < until_us)
		;
}

struct work {
	const char *operation;
	void (*bare)(struct crowd *c, int caller);
	int us, workers;
	double worth; /* what the machine allows so many workers to be */
};

static void tell_gain(const char *name, double *gain, double worth)
{
	double median = bench_quantile(gain, BENCH_ROUNDS, 0.5);
	bench_note(
		"%s %.2f x %.0f (%.2f .. %.2f)", name, median, worth, gain[0], gain[BENCH_ROUNDS - 1]);
}

static void race_work(const struct work *k)
{
	struct crowd_pool *v1 = crowd_open(0, k->workers, k->operation, k->us);
	struct crowd_pool *v2 = crowd_open(SHARE_FULL, k->workers, k->operation, k->us);
	int us = k->us, calls = 160000 / us, n = k->workers;
	struct crowd crowds[] = {{n, calls / n + 1, crowd_call, v1, {{0}}},
		{n, calls / 4, crowd_call, v2, {{0}}}, {1, calls, k->bare, &us, {{0}}},
		{n, calls / 4, k->bare, &us, {{0}}}};
	double ns[4], v1_ns[BENCH_ROUNDS], v2_ns[BENCH_ROUNDS];
	double gain[BENCH_ROUNDS], bare[BENCH_ROUNDS], reached[BENCH_ROUNDS];
	crowd_run(&crowds[1]);
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		for (int j = 0; j < 4; j++)
			ns[j] = crowd_run(&crowds[j]);
		v1_ns[i] = ns[0];
		v2_ns[i] = ns[1];
		gain[i] = ns[0] / ns[1] / k->worth;
		bare[i] = ns[2] / ns[3] / k->worth;
		reached[i] = ns[3] / ns[1];
	}
	printf("  work: %s of %d us, %d callers; v1 with 1 worker, v2 with %d\n", k->operation, us,
		n, n);
	bench_note("v1 %.0f/s, v2 %.0f/s (medians)", 1e9 / bench_quantile(v1_ns, BENCH_ROUNDS, 0.5),
		1e9 / bench_quantile(v2_ns, BENCH_ROUNDS, 0.5));
	tell_gain("v2 / v1 throughput is", gain, k->worth);
	tell_gain("bare threads / one bare thread is", bare, k->worth);
	tell_gain("v2 / bare threads is", reached, 1);
	crowd_close(v1);
	crowd_close(v2);
}

/* ---- fairness: 128 callers, 8 workers, 1 ms ---- */

#define FAIR_CALLERS 128
#define FAIR_CALLS 24

struct waits {
	struct crowd_pool *pool; /* weir, or */
	struct {                 /* a checkout where whoever wakes first is served first */
		pthread_mutex_t lock;
		pthread_cond_t free;
		int idle;
	} unfair;
	int done[FAIR_CALLERS];
	double ns[FAIR_CALLERS * FAIR_CALLS];
};

static void keep(struct waits *w, int caller, int64_t begun)
{
	w->ns[caller * FAIR_CALLS + w->done[caller]++ % FAIR_CALLS] = (double)(bench_ns() - begun);
}

static void call_fair(struct crowd *c, int caller)
{
	struct waits *w = c->arg;
	struct crowd inner = {.arg = w->pool};
	int64_t begun = bench_ns();
	crowd_call(&inner, caller);
	keep(w, caller, begun);
}

static void call_unfair(struct crowd *c, int caller)
{
	struct waits *w = c->arg;
	int64_t begun = bench_ns();
	pthread_mutex_lock(&w->unfair.lock);
	while (w->unfair.idle == 0)
		pthread_cond_wait(&w->unfair.free, &w->unfair.lock);
	w->unfair.idle--;
	pthread_mutex_unlock(&w->unfair.lock);
	threads_pause(1000);
	pthread_mutex_lock(&w->unfair.lock);
	w->unfair.idle++;
	pthread_cond_signal(&w->unfair.free);
	pthread_mutex_unlock(&w->unfair.lock);
	keep(w, caller, begun);
}

/* Of each caller's middle calls: at the beginning the queue is short, at the end it empties. */
static void tell_waits(const char *name, struct waits *w, void (*call)(struct crowd *, int))
{
	struct crowd c = {FAIR_CALLERS, FAIR_CALLS, call, w, {{0}}};
	double ratio[3], p50[3], p99[3], middle[FAIR_CALLERS * FAIR_CALLS];
	for (int round = 0; round < 3; round++) {
		size_t n = 0;
		memset(w->done, 0, sizeof w->done);
		crowd_run(&c);
		for (int i = 0; i < FAIR_CALLERS * FAIR_CALLS; i++)
			if (i % FAIR_CALLS >= 2 && i % FAIR_CALLS < FAIR_CALLS - 2)
				middle[n++] = w->ns[i];
		p50[round] = bench_quantile(middle, n, 0.5);
		p99[round] = bench_quantile(middle, n, 0.99);
		ratio[round] = p99[round] / p50[round];
	}
	double median = bench_quantile(ratio, 3, 0.5);
	bench_note("%-32s p50 %.1f ms, p99 %.1f ms, p99 / p50 %.2f (%.2f .. %.2f)", name,
		bench_quantile(p50, 3, 0.5) / 1e6, bench_quantile(p99, 3, 0.5) / 1e6, median, ratio[0],
		ratio[2]);
}

static void race_fairness(void)
{
	struct waits *w = calloc(1, sizeof *w);
	pthread_mutex_init(&w->unfair.lock, NULL);
	pthread_cond_init(&w->unfair.free, NULL);
	w->unfair.idle = 8;
	w->pool = crowd_open(SHARE_FULL, 8, "sleep", 1000);
	printf("  fairness: %d callers on 8 workers, 1 ms each; wait and work\n", FAIR_CALLERS);
	tell_waits("a condition that wakes anybody", w, call_unfair);
	tell_waits("weir: engine_execute", w, call_fair);
	crowd_close(w->pool);
	free(w);
}

/* ---- memory ---- */

static double heap_of(int v2_workers)
{
	struct mallinfo2 before = mallinfo2();
	struct crowd_pool *p = crowd_open(SHARE_FULL, v2_workers, "echo", 0);
	struct mallinfo2 after = mallinfo2();
	crowd_close(p);
	return (double)(after.uordblks + after.hblkhd) - (double)(before.uordblks + before.hblkhd);
}

static void tell_memory(void)
{
	heap_of(1);
	double few = heap_of(64), many = heap_of(1024);
	printf("  memory\n");
	bench_note("a builtin worker: %.0f bytes of heap; no thread of its own on v2",
		(many - few) / (1024 - 64));
	bench_note("an engine with 1 + 64 workers: %.0f KB of heap", few / 1024);
}

int main(void)
{
	bench_begin("engine at work");
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	const struct work works[] = {{"sleep", sleep_bare, 1000, 8, 8},
		{"sleep", sleep_bare, 1000, 64, 64},
		{"spin", spin_bare, 50, 8, cores < 8 ? (double)cores : 8}};
	for (size_t i = 0; i < sizeof works / sizeof works[0]; i++)
		race_work(&works[i]);
	race_fairness();
	tell_memory();
	return 0;
}
