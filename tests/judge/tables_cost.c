/* Tables: what a look costs. */
#include "model/mem.h"
#include "tests/bench/bench.h"
#include "tests/judge/cases.h"
#include "tests/judge/report.h"

#include <stdlib.h>
#include <time.h>

#define LOOKS 200
#define POOLS 1000
#define INTERVALS 20 /* drawn once, and told again and again */
#define PRIMED 70    /* thresholds look back 60 */

/* Of this process: others on the machine must not enter into a part of a core. */
static double cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* ---- one metric ---- */

struct look {
	struct judge judge;
	struct judge_interval interval;
};

static void look_init(struct look *l, int64_t bad)
{
	const struct judge_policy p = trial_policy(0.1, 0.5);
	judge_init(&l->judge, &p);
	l->interval = (struct judge_interval){
		.length_ms = 1000,
		.arm = {{.units = {.n = 900 * bad, .bad = bad - bad / 10}},
			{.units = {.n = 100 * bad, .bad = bad / 10}}},
		.settled = true,
		.share_bp = -1,
	};
}

static double looks(void *arg)
{
	struct look *l = arg;
	double from = cpu_ns();
	for (int i = 0; i < LOOKS; i++)
		judge_look(&l->judge, &l->interval);
	return (cpu_ns() - from) / LOOKS;
}

static void by_bad_units(void)
{
	static const int64_t bads[] = {1, 10, 1000, 10000};
	struct look *l = mem_new(4, sizeof *l);
	const struct bench_side sides[] = {
		{"1 bad unit", looks, &l[0]},
		{"10", looks, &l[1]},
		{"1,000", looks, &l[2]},
		{"10,000", looks, &l[3]},
	};
	for (int i = 0; i < 4; i++)
		look_init(&l[i], bads[i]);
	bench_race("one look at one metric, 1,000 units a bad one", sides, 4);
	bench_note("asked for: at most 6 us at 10, 60 us at 1,000");
	for (int i = 0; i < 4; i++)
		judge_release(&l[i].judge);
	free(l);
}

/* ---- a thousand pools ---- */

struct pools {
	struct judge *judge;  /* POOLS */
	struct traffic *told; /* INTERVALS, for their histograms */
	struct judge_interval *interval;
	int round;
};

static double second(void *arg)
{
	struct pools *p = arg;
	double from = cpu_ns();
	for (int i = 0; i < POOLS; i++)
		judge_look(&p->judge[i], &p->interval[(i + p->round) % INTERVALS]);
	p->round++;
	return cpu_ns() - from;
}

static void by_pools(void)
{
	struct case_laws *l = mem_new(1, sizeof *l);
	struct pools p = {
		.judge = mem_new(POOLS, sizeof *p.judge),
		.told = mem_new(INTERVALS, sizeof *p.told),
		.interval = mem_new(INTERVALS, sizeof *p.interval),
	};
	struct judge_policy policy = case_latency_policy(false, 0.1, 0.5);
	policy.metric[JUDGED_ERRORS] = policy.metric[JUDGED_P95] = true;
	case_laws(l, CASE_PLAIN, 1, true);
	const struct traffic_case c = case_service_slow(l, 0, CASE_HOUR_S);
	for (int i = 0; i < INTERVALS; i++) {
		traffic_init(&p.told[i], &c, (uint64_t)i);
		traffic_next(&p.told[i], &p.interval[i]);
	}
	for (int i = 0; i < POOLS; i++)
		judge_init(&p.judge[i], &policy);
	for (int i = 0; i < PRIMED; i++)
		second(&p);
	const struct bench_side side = {"errors, p95, p99", second, &p};
	bench_race("1,000 pools, a look each, 1,000 units a look", &side, 1);
	bench_note("asked for at one look a second: at most 30 ms, 3 %% of a core");
	for (int i = 0; i < POOLS; i++)
		judge_release(&p.judge[i]);
	free(p.judge);
	free(p.told);
	free(p.interval);
	free(l);
}

void tables_cost(struct report *r)
{
	(void)r;
	report_title("Cost");
	bench_begin("processor time of looks");
	by_bad_units();
	by_pools();
}
