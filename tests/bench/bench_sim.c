/* The simulated executor: how long a virtual day of 1,000 requests a second takes on one core,
 * beside drawing its arrivals alone. */
#include "client/engine/sim.h"
#include "model/arrivals.h"
#include "model/text.h"
#include "tests/bench/bench.h"

#include <stdio.h>

#define SLICE_MS 60000 /* of each round; a day is 1,440 of them */

static struct scenario busy(void)
{
	struct scenario s = *scenario_demo();
	s.rate = 1000;
	s.sessions = 20000;
	s.phase_count = 0;
	return s;
}

static double draw(void *arg)
{
	struct arrivals *a = arg;
	struct arrival one;
	int64_t begun = bench_ns(), n = 0;
	for (; n < SLICE_MS; n++)
		if (!arrivals_next(a, &one))
			bench_die("no arrivals any more");
	return (double)(bench_ns() - begun) / (double)n;
}

static double live(void *arg)
{
	struct sim *s = arg;
	int64_t begun = bench_ns();
	sim_run(s, SLICE_MS);
	return (double)(bench_ns() - begun) / (double)SLICE_MS;
}

int main(void)
{
	bench_begin("sim");
	struct scenario scenario = busy();
	const struct sim_options how = {
		.work = {.scenario = &scenario, .seed = 1, .v1_workers = 16, .v2_workers = 16},
		.strategy = STRATEGY_CANARY,
		.share_bp = 5000,
		.start = {.boot_ms = 1000, .wall_ms = 1763769600000}};
	struct err err = {0};
	struct sim *s;
	if (sim_new(&s, &how, &err))
		bench_die("no simulation: %s", err.text);
	struct arrivals *a = arrivals_new(&scenario, 1);
	const struct bench_side sides[] = {
		{"drawing the arrivals alone", draw, a}, {"weir: the whole engine, virtual", live, s}};
	bench_race("1,000 requests/s, a minute each round: time a request", sides, 2);
	double ns[BENCH_ROUNDS];
	for (int i = 0; i < BENCH_ROUNDS; i++)
		ns[i] = live(s);
	double median = bench_quantile(ns, BENCH_ROUNDS, 0.5);
	bench_note("a virtual day of 1,000 requests/s takes %.1f s on one core (goal: 60 s)",
		median * 86.4e6 / 1e9);
	arrivals_free(a);
	sim_free(s);
	return 0;
}
