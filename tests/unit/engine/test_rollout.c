/* Rollout: what a pool's own guard does while a v2 fails, in virtual time, measured. */
#include "client/engine/sim.h"
#include "model/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sim *s;
static struct snapshot *snap;
static struct scenario scenario;

static const struct snapshot *look(void)
{
	sim_snapshot(s, snap);
	return snap;
}

/* At 10 %, guarded: rolls back above 5 % of errors in a minute. */
static void begin(double rate)
{
	scenario = *scenario_demo();
	scenario.rate = rate;
	scenario.phase_count = 0;
	const struct sim_options how = {.work = {.scenario = &scenario, .seed = 11},
		.strategy = STRATEGY_CANARY,
		.start = {.boot_ms = 1000000, .wall_ms = 1763769600000}};
	struct err err = {0};
	assert_int_equal(sim_new(&s, &how, &err), 0);
	sim_run(s, 70000);
	look();
	struct control_request r = {.verb = VERB_STEP,
		.key = "raise",
		.to_bp = 1000,
		.from_bp = -1,
		.baseline_bp = -1,
		.has_match = true,
		.match_epoch = snap->epoch,
		.match_rev = snap->rev,
		.keep_within_ms = UNKNOWN,
		.on_orphan = ORPHAN_COUNT,
		.strategy = STRATEGY_COUNT,
		.has_guard = true,
		.actor = "ann@ops"};
	guard_limits_init(&r.guard);
	r.guard.error_rate = 0.05;
	r.guard.action = GUARD_ACTION_ROLLBACK;
	struct control_answer a;
	sim_change(s, &r, &a);
	assert_int_equal(a.status, 200);
}

/* Looks of the guard until the share is 0, `most` + 1 when it is not after `most`. */
static int looks_until_back(int most)
{
	int n = 0;
	while (n <= most && look()->share_bp > 0) {
		sim_run(s, 1000);
		n++;
	}
	return n;
}

static void m3_a_fifth_of_v2_failing_is_rolled_back(void **state)
{
	(void)state;
	struct fault fifth = {.error_rate = 0.2};
	begin(100);
	sim_run(s, 60000);
	assert_int_equal(look()->share_bp, 1000);
	sim_fault(s, ARM_V2, &fifth);
	/* 10 requests a second on v2: the window of a minute is above its limit when a quarter of it
	 * is bad. */
	int n = looks_until_back(40);
	assert_in_range(n, 2, 40);
	double measured =
		(double)counts_failed(&snap->arms[ARM_V2]) / (double)counts_done(&snap->arms[ARM_V2]);
	assert_true(measured > 0.02 && measured < 0.2);
}

static void m4_it_says_why_and_nothing_is_left_on_v2(void **state)
{
	(void)state;
	struct fault broken = {.error_rate = 0.9};
	begin(100);
	sim_fault(s, ARM_V2, &broken);
	assert_in_range(looks_until_back(40), 2, 40);
	assert_int_equal(snap->strategy, STRATEGY_PRIMARY_ONLY);
	struct audit_entry e;
	assert_int_equal(sim_audit(s, snap->audit_seq - 1, &e, 1), 1);
	assert_string_equal(e.what, "rollback");
	assert_string_equal(e.actor, POOL_ACTOR);
	assert_non_null(strstr(e.reason, "guard: errors "));
	assert_non_null(strstr(e.reason, " of 5"));
	/* What was on its way is done, and nothing new comes. */
	sim_run(s, 6000);
	assert_int_equal(look()->arms[ARM_V2].in_flight, 0);
	int64_t routed = snap->arms[ARM_V2].requests;
	sim_run(s, 60000);
	assert_int_equal(look()->arms[ARM_V2].requests, routed);
	/* Red latches: nobody raises before a person has looked. */
	assert_true(snap->hold.on);
}

static void m5_no_samples_are_no_reason(void **state)
{
	(void)state;
	struct fault broken = {.error_rate = 1};
	begin(0.02);
	sim_fault(s, ARM_V2, &broken);
	/* Too little is routed to v2 to say anything of it. */
	sim_run(s, 50000);
	assert_int_equal(look()->share_bp, 1000);
	assert_int_equal(snap->guard.state, GUARD_UNKNOWN);
	/* And a raise waits for data. */
	sim_run(s, 30000);
	look();
	struct control_request r = {.verb = VERB_STEP,
		.key = "again",
		.to_bp = 2000,
		.from_bp = -1,
		.baseline_bp = -1,
		.has_match = true,
		.match_epoch = snap->epoch,
		.match_rev = snap->rev,
		.keep_within_ms = UNKNOWN,
		.on_orphan = ORPHAN_COUNT,
		.strategy = STRATEGY_COUNT,
		.actor = "ann@ops"};
	struct control_answer a;
	sim_change(s, &r, &a);
	assert_int_equal(a.status, 409);
	assert_string_equal(a.error, "held");
}

static int make(void **state)
{
	(void)state;
	snap = mem_new(1, sizeof *snap);
	return 0;
}

static int release(void **state)
{
	(void)state;
	sim_free(s);
	s = NULL;
	free(snap);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(m3_a_fifth_of_v2_failing_is_rolled_back),
		T(m4_it_says_why_and_nothing_is_left_on_v2),
		T(m5_no_samples_are_no_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
