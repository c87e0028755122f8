/* The simulated engine beside the one of threads: the same arrivals, given to both, are routed,
 * served, failed, rescued, copied and tried again alike. What depends on the moment (who waits for
 * whom) is kept out of the scenarios, so that counts need not be near, but equal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/engine.h"
#include "client/engine/hash.h"
#include "client/engine/sim.h"
#include "client/engine/threads.h"
#include "model/arrivals.h"
#include "model/mem.h"
#include "model/text.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US 30000000
#define SETTLED_MS 30000 /* virtual: everything has come to its end by then */
#define SESSIONS 80
#define SEED 5
#define NEVER_OPENS 1000000

static struct engine *e;
static struct sim *s;
static struct snapshot *real, *virtual;

/* So much arrives a second until `ms` after the start, and nothing after that. */
static struct scenario burst(double rate, int64_t ms)
{
	/* What the simulated one makes of its seed for the arrivals. */
	uint64_t seed = SEED;
	return (struct scenario){.name = "burst",
		.rate = rate,
		.sessions = SESSIONS,
		.seed = hash_next(&seed),
		.operations = {{.name = "predict", .weight = 1, .work_us = 1000},
			{.name = "echo", .weight = 2, .work_us = UNKNOWN}},
		.operation_count = 2,
		.levels = {{.at_ms = ms, .rate = 0}},
		.level_count = 1,
		.unit_ms = 1,
		.timeout_ms = 20000};
}

static void phase(struct scenario *c, enum arm arm, const struct fault *fault)
{
	c->phases[c->phase_count++] = (struct scenario_phase){.arm = arm, .fault = *fault};
}

struct split {
	enum strategy strategy;
	int share_bp;
	int breaker_failures;
};

static void start(const struct scenario *c, const struct split *how)
{
	struct engine_options o = {.scenario = c,
		.strategy = how->strategy,
		.share_bp = how->share_bp,
		.breaker_failures = how->breaker_failures};
	struct sim_options v = {
		.work = {.scenario = c, .seed = SEED, .breaker = {.failures = how->breaker_failures}},
		.strategy = how->strategy,
		.share_bp = how->share_bp,
		.start = {.boot_ms = 1000, .wall_ms = 1763769600000},
	};
	struct err err = {0};
	if (sim_new(&s, &v, &err) || engine_start(&e, &o, &err))
		fail_msg("%s", err.text);
}

static bool is_all_done(void)
{
	int64_t here = 0, there = 0;
	for (int i = 0; i < ARM_COUNT; i++) {
		const struct arm_counts *r = &real->arms[i], *v = &virtual->arms[i];
		here += counts_done(r) + r->timeouts;
		there += counts_done(v) + v->timeouts;
		if (r->shadowed < v->shadowed || r->rescued < v->rescued || r->sessions < v->sessions ||
			r->workers.restarted < v->workers.restarted)
			return false;
	}
	return here >= there;
}

/* Both live through it to the end. */
static void live(const struct scenario *c, const struct split *how)
{
	start(c, how);
	sim_run(s, SETTLED_MS);
	sim_snapshot(s, virtual);
	int64_t until_us = threads_us() + WAIT_US;
	for (engine_snapshot(e, real); !is_all_done(); engine_snapshot(e, real)) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 2);
	}
}

static void assert_alike(void)
{
	for (int i = 0; i < ARM_COUNT; i++) {
		const struct arm_counts *r = &real->arms[i], *v = &virtual->arms[i];
		assert_int_equal(r->requests, v->requests);
		assert_int_equal(r->ok, v->ok);
		assert_memory_equal(r->failed, v->failed, sizeof r->failed);
		assert_int_equal(r->timeouts, v->timeouts);
		assert_int_equal(r->retries, v->retries);
		assert_int_equal(r->rescued, v->rescued);
		assert_int_equal(r->shadowed, v->shadowed);
		assert_int_equal(r->mismatched, v->mismatched);
		assert_int_equal(r->sessions, v->sessions);
		assert_int_equal(r->queue_max, v->queue_max);
		assert_int_equal(r->breaker.state, v->breaker.state);
		assert_int_equal(r->workers.total, v->workers.total);
		assert_int_equal(r->workers.crashed, v->workers.crashed);
		assert_int_equal(r->workers.restarted, v->workers.restarted);
		assert_int_equal(r->operation_count, v->operation_count);
		for (int o = 0; o < r->operation_count; o++) {
			assert_string_equal(r->operations[o].name, v->operations[o].name);
			assert_int_equal(r->operations[o].requests, v->operations[o].requests);
			assert_int_equal(r->operations[o].ok, v->operations[o].ok);
			assert_int_equal(r->operations[o].failed, v->operations[o].failed);
		}
	}
	assert_int_equal(real->share_bp, virtual->share_bp);
	assert_int_equal(real->strategy, virtual->strategy);
	assert_int_equal(real->unit_ms, virtual->unit_ms);
	assert_int_equal(real->settle_ms, virtual->settle_ms);
}

/* ---- tests ---- */

static void shares_and_errors(void **state)
{
	(void)state;
	struct scenario c = burst(300, 1000);
	phase(&c, ARM_V2, &(struct fault){.error_rate = 1, .operation = "predict"});
	live(&c, &(struct split){STRATEGY_CANARY, 3000, NEVER_OPENS});
	assert_true(virtual->arms[ARM_V2].failed[FAILURE_OPERATION] > 10);
	assert_true(virtual->arms[ARM_V2].ok > 10 && virtual->arms[ARM_V1].ok > 100);
	assert_alike();
}

/* The arms of all sessions as the simulated one shows them: one session more is one unit more, on
 * the arm that it has. */
static void sim_arms(const struct split *how, enum arm out[SESSIONS])
{
	int64_t before = 0;
	for (int n = 1; n <= SESSIONS; n++) {
		struct scenario c = burst(1000, 3000);
		c.sessions = n;
		struct sim_work *w = sim_work_new(
			&(struct sim_work_options){.scenario = &c, .seed = SEED, .v1_workers = 8});
		struct change_counts arms[ARM_COUNT];
		sim_work_split(w, how->strategy, how->share_bp, ~0u, NULL);
		sim_work_run(w, SETTLED_MS * 1000);
		sim_work_split(w, how->strategy, 0, ~0u, arms);
		assert_int_equal(arms[ARM_V1].sessions + arms[ARM_V2].sessions, n);
		out[n - 1] = arms[ARM_V2].sessions > before ? ARM_V2 : ARM_V1;
		before = arms[ARM_V2].sessions;
		sim_work_free(w);
	}
}

static void each_session_has_the_same_arm(void **state)
{
	(void)state;
	const struct split how = {STRATEGY_CANARY, 2500, 0};
	enum arm arms[SESSIONS];
	int on_v2 = 0;
	sim_arms(&how, arms);
	struct engine_options o = {.share_bp = how.share_bp, .strategy = how.strategy};
	struct err err = {0};
	if (engine_start(&e, &o, &err))
		fail_msg("%s", err.text);
	struct engine_request *request = mem_new(1, sizeof *request);
	struct engine_response *response = mem_new(1, sizeof *response);
	text_copy(request->operation, sizeof request->operation, "echo");
	request->work_us = UNKNOWN;
	for (int n = 0; n < SESSIONS; n++) {
		snprintf(request->session, sizeof request->session, "s-%d", n);
		engine_execute(e, request, response);
		assert_true(response->ok);
		assert_int_equal(response->arm, arms[n]);
		on_v2 += response->arm == ARM_V2;
	}
	assert_true(on_v2 > 5 && on_v2 < SESSIONS - 5);
	free(request);
	free(response);
}

static void a_fall_back_rescues(void **state)
{
	(void)state;
	struct scenario c = burst(300, 700);
	phase(&c, ARM_V2, &(struct fault){.error_rate = 1, .operation = "predict"});
	phase(&c, ARM_V1, &(struct fault){.error_rate = 1, .operation = "echo"});
	live(&c, &(struct split){STRATEGY_PRIMARY_WITH_FALLBACK, 4000, NEVER_OPENS});
	assert_true(virtual->arms[ARM_V1].rescued > 5 && virtual->arms[ARM_V2].rescued > 5);
	assert_alike();
}

static void no_fall_back_at_share_0(void **state)
{
	(void)state;
	struct scenario c = burst(300, 300);
	phase(&c, ARM_V1, &(struct fault){.error_rate = 1});
	live(&c, &(struct split){STRATEGY_PRIMARY_WITH_FALLBACK, 0, NEVER_OPENS});
	assert_int_equal(virtual->arms[ARM_V1].ok, 0);
	assert_alike();
}

/* A copy that fails as the first one did is the same; one that fails alone is not. */
static void copies_are_compared(void **state)
{
	(void)state;
	for (int both = 0; both < 2; both++) {
		struct scenario c = burst(300, 500);
		struct fault fails = {.error_rate = 1, .operation = "predict"};
		phase(&c, ARM_V2, &fails);
		if (both)
			phase(&c, ARM_V1, &fails);
		live(&c, &(struct split){STRATEGY_SHADOW, 0, NEVER_OPENS});
		assert_true(virtual->arms[ARM_V2].shadowed > 50);
		if (both)
			assert_int_equal(virtual->arms[ARM_V2].mismatched, 0);
		else
			assert_true(virtual->arms[ARM_V2].mismatched > 10);
		assert_alike();
		engine_stop(e);
		sim_free(s);
		e = NULL;
		s = NULL;
	}
}

static void lies_are_counted_as_told(void **state)
{
	(void)state;
	struct scenario c = burst(300, 300);
	phase(&c, ARM_V2, &(struct fault){.error_rate = 1, .lies = true});
	live(&c, &(struct split){STRATEGY_AB_TEST, 5000, NEVER_OPENS});
	assert_true(virtual->arms[ARM_V2].ok > 10);
	assert_int_equal(counts_failed(&virtual->arms[ARM_V2]), 0);
	assert_alike();
}

/* The first attempt and the one a second later crash; the third would come after the deadline. */
static void crashes_are_tried_again(void **state)
{
	(void)state;
	struct scenario c = burst(10, 800);
	c.timeout_ms = 2500;
	phase(&c, ARM_V2, &(struct fault){.crash_rate = 1});
	live(&c, &(struct split){STRATEGY_FULL_MIGRATION, SHARE_FULL, NEVER_OPENS});
	const struct arm_counts *v2 = &virtual->arms[ARM_V2];
	/* No more, or the segment rests, and who waits for that depends on the moment. */
	assert_true(v2->requests >= 2 && v2->requests <= 4);
	assert_int_equal(v2->retries, v2->requests);
	assert_int_equal(v2->workers.crashed, 2 * v2->requests);
	assert_int_equal(v2->failed[FAILURE_CONNECTION], v2->requests);
	assert_alike();
}

/* Though a crash would be tried again where the request was routed to. */
static void a_fail_over_is_one_attempt(void **state)
{
	(void)state;
	struct scenario c = burst(10, 800);
	c.timeout_ms = 2500;
	phase(&c, ARM_V1, &(struct fault){.error_rate = 1});
	phase(&c, ARM_V2, &(struct fault){.crash_rate = 1});
	live(&c, &(struct split){STRATEGY_PRIMARY_WITH_FALLBACK, 1, NEVER_OPENS});
	assert_true(virtual->arms[ARM_V1].requests >= 2);
	assert_int_equal(virtual->arms[ARM_V2].requests, 0);
	assert_int_equal(virtual->arms[ARM_V2].retries, virtual->arms[ARM_V1].requests);
	assert_int_equal(virtual->arms[ARM_V2].workers.crashed, virtual->arms[ARM_V1].requests);
	assert_alike();
}

static void the_pace_and_the_crew_are_the_scenarios(void **state)
{
	(void)state;
	struct scenario c = burst(100, 300);
	c.v1_workers = 3;
	c.v2_workers = 5;
	c.queue_max = 77;
	c.v1_slow_factor = 4;
	c.v2_slow_factor = 8;
	text_copy(c.strategy, sizeof c.strategy, "primary_with_fallback");
	c.operation_count = 1;
	c.operations[0].work_us = 4000;
	live(&c, &(struct split){STRATEGY_CANARY, 5000, NEVER_OPENS});
	assert_alike();
	assert_int_equal(virtual->arms[ARM_V1].workers.total, 3);
	assert_int_equal(virtual->strategy, STRATEGY_PRIMARY_WITH_FALLBACK);
	/* No machine is too fast: 0.6 of the work is the least that a prediction takes. */
	for (int i = 0; i < ARM_COUNT; i++) {
		int64_t least_us = i == ARM_V1 ? 9600 : 19200;
		assert_true(histogram_quantile_us(&real->arms[i].latency, 0.02) >= least_us * 9 / 10);
		assert_true(
			histogram_quantile_us(&virtual->arms[i].latency, 0.02) >= least_us * 9 / 10);
		assert_true(histogram_quantile_us(&virtual->arms[i].latency, 0.02) <= least_us * 2);
	}
}

/* Who was under way when it opened may have failed, too: so many callers there are. */
static void a_breaker_opens(void **state)
{
	(void)state;
	struct scenario c = burst(300, 500);
	phase(&c, ARM_V2, &(struct fault){.error_rate = 1});
	live(&c, &(struct split){STRATEGY_CANARY, 5000, 5});
	const struct arm_counts *r = &real->arms[ARM_V2], *v = &virtual->arms[ARM_V2];
	assert_int_equal(v->breaker.state, BREAKER_OPEN);
	assert_int_equal(r->breaker.state, BREAKER_OPEN);
	assert_int_equal(r->requests, v->requests);
	assert_int_equal(counts_failed(r), counts_failed(v));
	assert_in_range(v->failed[FAILURE_OPERATION], 5, 5 + v->workers.total);
	assert_in_range(r->failed[FAILURE_OPERATION], 5, 5 + 32);
	assert_int_equal(real->arms[ARM_V1].ok, virtual->arms[ARM_V1].ok);
}

static void what_hangs_ends_at_its_deadline(void **state)
{
	(void)state;
	struct scenario c = burst(100, 200);
	c.timeout_ms = 300;
	phase(&c, ARM_V2, &(struct fault){.hang = true});
	live(&c, &(struct split){STRATEGY_FULL_MIGRATION, SHARE_FULL, NEVER_OPENS});
	const struct arm_counts *r = &real->arms[ARM_V2], *v = &virtual->arms[ARM_V2];
	assert_int_equal(r->requests, v->requests);
	/* Which of the two an end in the very moment of the deadline is may differ. */
	assert_int_equal(r->failed[FAILURE_TIMEOUT] + r->timeouts, r->requests);
	assert_int_equal(v->failed[FAILURE_TIMEOUT] + v->timeouts, v->requests);
	assert_true(v->failed[FAILURE_TIMEOUT] >= 8 && r->failed[FAILURE_TIMEOUT] >= 8);
}

static void the_clock_is_the_scenarios(void **state)
{
	(void)state;
	struct scenario c = burst(100, 100);
	c.events[0] = (struct scenario_event){.at_ms = 0, .clock_ahead_ms = 7200000};
	c.events[1] = (struct scenario_event){.at_ms = 150, .clock_behind_ms = 3600000};
	c.event_count = 2;
	start(&c, &(struct split){STRATEGY_CANARY, 0, 0});
	sim_run(s, 149);
	assert_int_equal(sim_now(s).wall_ms - 1763769600000, 149 + 7200000);
	sim_run(s, 1);
	assert_int_equal(sim_now(s).wall_ms - 1763769600000, 150 - 3600000);
	int64_t until_us = threads_us() + WAIT_US;
	for (engine_snapshot(e, real); real->now_ms > engine_now().wall_ms - 3599000;
		 engine_snapshot(e, real)) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 2);
	}
	assert_true(real->now_ms > engine_now().wall_ms - 3660000);
}

/* ---- what the engine of threads cannot do, or not at an exact moment ---- */

static void sim_begin(const struct scenario *c, const struct split *how)
{
	const struct sim_options o = {
		.work = {.scenario = c, .seed = SEED, .breaker = {.failures = how->breaker_failures}},
		.strategy = how->strategy,
		.share_bp = how->share_bp,
	};
	struct err err = {0};
	if (sim_new(&s, &o, &err))
		fail_msg("%s", err.text);
}

static void a_restart_is_the_scenarios(void **state)
{
	(void)state;
	struct scenario c = burst(300, 5000);
	c.events[c.event_count++] = (struct scenario_event){.at_ms = 1000, .restart = true};
	sim_begin(&c, &(struct split){STRATEGY_CANARY, 2500, 0});
	sim_run(s, 999);
	sim_snapshot(s, real);
	assert_true(real->arms[ARM_V2].requests > 20);
	sim_run(s, 1);
	sim_snapshot(s, virtual);
	assert_string_not_equal(real->boot_id, virtual->boot_id);
	assert_int_equal(virtual->uptime_ms, 0);
	assert_int_equal(virtual->arms[ARM_V1].requests + virtual->arms[ARM_V2].requests, 0);
	assert_int_equal(virtual->share_bp, 2500);
	sim_run(s, 1000);
	sim_snapshot(s, virtual);
	assert_true(virtual->arms[ARM_V2].requests > 20);
	assert_int_equal(virtual->uptime_ms, 1000);
}

/* A deadline that passes in the queue ends a request then, not when somebody next looks. */
static void who_waits_ends_at_his_deadline(void **state)
{
	(void)state;
	struct scenario c = burst(300, 500);
	c.timeout_ms = 1000;
	phase(&c, ARM_V2, &(struct fault){.stall = true});
	sim_begin(&c, &(struct split){STRATEGY_FULL_MIGRATION, SHARE_FULL, 0});
	for (int64_t now_ms = 100; now_ms < 2000; now_ms += 100) {
		struct arrivals *a = arrivals_new(&c, c.seed);
		struct arrival next;
		int64_t here = 0, late = 0;
		while (arrivals_next(a, &next) && next.at_us <= now_ms * 1000) {
			here++;
			late += next.at_us + 1000000 <= now_ms * 1000;
		}
		arrivals_free(a);
		sim_run(s, 100);
		sim_snapshot(s, virtual);
		assert_int_equal(virtual->arms[ARM_V2].requests, here);
		assert_int_equal(virtual->arms[ARM_V2].timeouts, late);
		assert_int_equal(virtual->arms[ARM_V2].queue_depth, here - late);
		assert_int_equal(virtual->arms[ARM_V2].workers.ready, 0);
	}
}

/* Of each segment its eight workers crash, are started again and crash; then it rests a second,
 * and they crash once more before it rests two. */
static void a_storm_is_a_segments(void **state)
{
	(void)state;
	struct scenario c = burst(400, 3000);
	c.timeout_ms = 900; /* before anything is tried again */
	c.v2_workers = 16;
	phase(&c, ARM_V2, &(struct fault){.crash_rate = 1});
	sim_begin(&c, &(struct split){STRATEGY_FULL_MIGRATION, SHARE_FULL, NEVER_OPENS});
	sim_run(s, 900);
	sim_snapshot(s, virtual);
	assert_int_equal(virtual->arms[ARM_V2].workers.crashed, 2 * 16);
	assert_int_equal(virtual->arms[ARM_V2].workers.ready, 0);
	sim_run(s, 1500);
	sim_snapshot(s, virtual);
	assert_int_equal(virtual->arms[ARM_V2].workers.crashed, 3 * 16);
	sim_run(s, 10000);
	sim_snapshot(s, virtual);
	assert_int_equal(virtual->arms[ARM_V2].workers.ready, 16);
	assert_int_equal(
		virtual->arms[ARM_V2].workers.restarted, virtual->arms[ARM_V2].workers.crashed);
}

static int make(void **state)
{
	(void)state;
	real = mem_new(1, sizeof *real);
	virtual = mem_new(1, sizeof *virtual);
	return 0;
}

static int release(void **state)
{
	(void)state;
	engine_stop(e);
	e = NULL;
	sim_free(s);
	s = NULL;
	free(real);
	free(virtual);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(shares_and_errors),
		T(each_session_has_the_same_arm),
		T(a_fall_back_rescues),
		T(no_fall_back_at_share_0),
		T(copies_are_compared),
		T(lies_are_counted_as_told),
		T(crashes_are_tried_again),
		T(a_fail_over_is_one_attempt),
		T(the_pace_and_the_crew_are_the_scenarios),
		T(a_breaker_opens),
		T(what_hangs_ends_at_its_deadline),
		T(the_clock_is_the_scenarios),
		T(a_restart_is_the_scenarios),
		T(who_waits_ends_at_his_deadline),
		T(a_storm_is_a_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
