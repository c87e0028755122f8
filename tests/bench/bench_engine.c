/* The embedded engine's second arm: an empty call through its whole path against the barest
 * checkouts there are, here and in Go, and what routing and metrics are of it. */
#include "client/engine/meter.h"
#include "client/engine/router.h"
#include "client/engine/slots.h"
#include "tests/bench/crowd.h"
#include "tests/lib/process.h"

#include <string.h>
#include <unistd.h>

#define SLOTS 8

/* ---- bare checkouts: what any pool must do at the least ---- */

struct checkout {
	pthread_mutex_t lock;
	pthread_cond_t free;
	int idle[SLOTS], idle_count;
	struct {
		_Alignas(64) int64_t served;
	} slot[SLOTS];
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
	k->slot[slot].served++;
	pthread_mutex_lock(&k->lock);
	k->idle[k->idle_count++] = slot;
	pthread_cond_signal(&k->free);
	pthread_mutex_unlock(&k->lock);
}

static void call_slots(struct crowd *c, int caller)
{
	struct slots *s = c->arg;
	const struct slots_want want = {
		.wanted = SLOTS_ANY, .deadline_us = INT64_MAX, .queue_max = CALLERS_MAX};
	(void)caller;
	int slot = slots_try(s, SLOTS_ANY);
	if (slot < 0 && slots_wait(s, &want, &slot) != SLOTS_TAKEN)
		bench_die("no slot");
	slots_give(s, slot);
}

static void call_clock(struct crowd *c, int caller)
{
	(void)c;
	(void)caller;
	threads_us();
	threads_us();
}

static void race_empty_calls(int callers, int calls)
{
	struct checkout k = {.lock = PTHREAD_MUTEX_INITIALIZER, .free = PTHREAD_COND_INITIALIZER};
	for (; k.idle_count < SLOTS; k.idle_count++)
		k.idle[k.idle_count] = k.idle_count;
	struct slots *s = slots_new(SLOTS);
	for (int i = 0; i < SLOTS; i++)
		slots_open(s, i);
	struct crowd_pool *p = crowd_open(SHARE_FULL, SLOTS, "echo", 0);
	struct crowd_pool *named = crowd_open(SHARE_FULL, SLOTS, "echo", 0);
	for (int i = 0; i < CALLERS_MAX; i++)
		snprintf(named->caller[i].request.session, POOL_ID_MAX, "session-%d", i);
	struct crowd checkout = {callers, calls, call_checkout, &k, {{0}}};
	struct crowd slots = {callers, calls, call_slots, s, {{0}}};
	struct crowd clock = {callers, calls, call_clock, NULL, {{0}}};
	struct crowd weir = {callers, calls, crowd_call, p, {{0}}};
	struct crowd sessions = {callers, calls, crowd_call, named, {{0}}};
	const struct bench_side sides[] = {
		{"bare checkout (mutex, free list)", crowd_run, &checkout},
		{"weir's slots alone", crowd_run, &slots},
		{"two looks at the clock", crowd_run, &clock},
		{"weir: engine_execute, echo on v2", crowd_run, &weir},
		{"weir: the same in a session", crowd_run, &sessions}};
	char what[96];
	snprintf(what, sizeof what, "v2, empty call: 8 workers, %d caller%s, %d calls each",
		callers, callers == 1 ? "" : "s", calls);
	bench_race(what, sides, sizeof sides / sizeof sides[0]);
	crowd_close(p);
	crowd_close(named);
	slots_free(s);
}

/* ---- the same checkout in Go, where it is installed ---- */

static const char go_source[] =
	"package main\n"
	"import (\"fmt\"; \"os\"; \"strconv\"; \"sync\"; \"time\")\n"
	"func main() {\n"
	"	callers, _ := strconv.Atoi(os.Args[1]); calls, _ := strconv.Atoi(os.Args[2])\n"
	"	slots := make(chan int, 8); for i := 0; i < 8; i++ { slots <- i }\n"
	"	for round := 0; round < 8; round++ {\n"
	"		var all sync.WaitGroup; begun := time.Now()\n"
	"		for c := 0; c < callers; c++ { all.Add(1)\n"
	"			go func() { defer all.Done()\n"
	"				for i := 0; i < calls; i++ { s := <-slots; slots <- s } }() }\n"
	"		all.Wait()\n"
	"		fmt.Println(float64(time.Since(begun).Nanoseconds()) / float64(callers*calls))\n"
	"	}\n"
	"}\n";

/* One program for all rounds: the rounds do not alternate with others. */
static void tell_go(const char *program, int callers, int calls)
{
	char with[2][16];
	double times[BENCH_ROUNDS];
	size_t n = 0;
	struct process p;
	snprintf(with[0], sizeof with[0], "%d", callers);
	snprintf(with[1], sizeof with[1], "%d", calls);
	const char *argv[] = {program, with[0], with[1], NULL};
	if (process_run(&p, argv, NULL, 120000) != 0)
		bench_die("the Go program does not run");
	/* The first round is not counted. */
	for (char *s = strchr(p.out.text, '\n'); s && s[1] && n < BENCH_ROUNDS;
		 s = strchr(s + 1, '\n'))
		times[n++] = strtod(s, NULL);
	process_release(&p);
	if (n > 0)
		bench_note("Go, channel of 8, %d caller%s: %.0f ns (%.0f .. %.0f)", callers,
			callers == 1 ? "" : "s", bench_quantile(times, n, 0.5), times[0], times[n - 1]);
}

static void race_go(void)
{
	char dir[] = "/tmp/weir-bench-XXXXXX", source[64], program[64];
	struct process p;
	if (!mkdtemp(dir))
		bench_die("no directory for the Go program");
	snprintf(source, sizeof source, "%s/checkout.go", dir);
	snprintf(program, sizeof program, "%s/checkout", dir);
	FILE *f = fopen(source, "w");
	if (!f || fputs(go_source, f) < 0 || fclose(f))
		bench_die("the Go program cannot be written");
	const char *argv[] = {"go", "build", "-o", program, source, NULL};
	bool is_built = process_run(&p, argv, NULL, 120000) == 0;
	process_release(&p);
	if (is_built) {
		tell_go(program, 1, 200000);
		tell_go(program, 4, 100000);
		unlink(program);
	} else {
		bench_note("Go is not installed: its row is left out");
	}
	unlink(source);
	rmdir(dir);
}

/* ---- parts of a call ---- */

static void call_router(struct crowd *c, int caller)
{
	static atomic_int sink;
	struct route route = router_pick(c->arg, 0, "", "request-1");
	(void)caller;
	atomic_store_explicit(&sink, (int)route.arm, memory_order_relaxed);
}

static void call_meter(struct crowd *c, int caller)
{
	struct meter *m = c->arg;
	(void)caller;
	meter_begin(m, OPERATION_ECHO);
	meter_end(m, OPERATION_ECHO, true, FAILURE_SYSTEM, 17);
}

static void call_counter(struct crowd *c, int caller)
{
	(void)caller;
	atomic_fetch_add((atomic_long *)c->arg, 1);
}

static void race_parts(void)
{
	struct router router = {0};
	struct meter *meter = calloc(1, sizeof *meter);
	atomic_long counter = 0;
	router_set(&router, STRATEGY_CANARY, 5000, ROUTER_ALL);
	struct crowd atomic = {1, 1000000, call_counter, &counter, {{0}}};
	struct crowd route = {1, 1000000, call_router, &router, {{0}}};
	struct crowd metrics = {1, 1000000, call_meter, meter, {{0}}};
	const struct bench_side sides[] = {{"an atomic counter", crowd_run, &atomic},
		{"routing one request", crowd_run, &route},
		{"all metrics of one request", crowd_run, &metrics}};
	bench_race("parts of a call, 1 caller", sides, 3);
	bench_note("metrics of one worker: %zu bytes", sizeof *meter);
	free(meter);
}

int main(void)
{
	bench_begin("engine: v2");
	race_empty_calls(1, 200000);
	race_empty_calls(4, 100000);
	race_go();
	race_parts();
	return 0;
}
