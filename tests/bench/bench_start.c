/* Starting: the program's version, a pool until it is healthy, a console until its first frame;
 * against /bin/true started the same way. */
#include "tests/bench/bench.h"
#include "tests/lib/world.h"

#include <stdlib.h>

#define STARTS 10
#define WAIT_MS 10000

static double run_program(struct world *w, const char *const *argv)
{
	struct world_env env = world_env(w, NULL);
	int64_t start = bench_ns();
	for (int i = 0; i < STARTS; i++) {
		struct process p;
		if (process_run(&p, argv, env.list, WAIT_MS) != 0)
			bench_die("'%s' has failed", argv[0]);
		process_release(&p);
	}
	return (double)(bench_ns() - start) / STARTS;
}

static double run_true(void *arg)
{
	return run_program(arg, ARGS("/bin/true"));
}

static double run_version(void *arg)
{
	return run_program(arg, ARGS(world_weir(), "--version"));
}

/* Until GET /healthz is answered with 200. */
static double run_serve(void *arg)
{
	(void)arg;
	double took = 0;
	for (int i = 0; i < STARTS; i++) {
		struct world w;
		world_open(&w);
		int64_t start = bench_ns();
		world_pool(&w, false, ARGS(NULL));
		if (http_call(&w.http, "GET", "/healthz", NULL, NULL, WAIT_MS) != 200)
			bench_die("the pool is not healthy");
		took += (double)(bench_ns() - start);
		world_close(&w);
	}
	return took / STARTS;
}

/* Until a text of the console over a pool of its own stands on the terminal. */
static double run_console(const char *text)
{
	double took = 0;
	for (int i = 0; i < STARTS; i++) {
		struct world w;
		struct pty p;
		world_open(&w);
		int64_t start = bench_ns();
		world_console(&w, &p, 80, 24, NULL, ARGS("local:", "--scenario", "quiet"));
		if (!pty_wait_text(&p, text, WAIT_MS))
			bench_die("the console shows no \"%s\"", text);
		took += (double)(bench_ns() - start);
		pty_release(&p);
		world_close(&w);
	}
	return took / STARTS;
}

static double run_first_frame(void *arg)
{
	(void)arg;
	return run_console("q quit");
}

static double run_first_state(void *arg)
{
	(void)arg;
	return run_console("ARMED");
}

int main(void)
{
	struct world w;
	bench_begin("start");
	world_open(&w);
	const struct bench_side sides[] = {{"/bin/true", run_true, &w},
		{"weir --version", run_version, &w}, {"weir serve, until healthy", run_serve, NULL},
		{"weir local:, first frame", run_first_frame, NULL},
		{"weir local:, first news shown", run_first_state, NULL}};
	bench_race(
		"a program started, mean of 10 in each round", sides, sizeof sides / sizeof sides[0]);
	world_close(&w);
	return 0;
}
