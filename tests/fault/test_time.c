/* Rows 31 to 37 and 39 to 41 of the fault catalogue, in one process on a virtual clock: counters that do
 * not go on, and clocks that do not agree. */
#include "history/query.h"
#include "tests/lib/seat.h"

#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
static const struct site_desk console = {.actor = "kim@ops1", .file = "h.db", .console = true};
static const struct site_desk recording = {.actor = "kim@ops1", .file = "h.db", .record = true};

static void at_one_percent(const struct site_desk *how)
{
	d = site_open(&s, how);
	site_ready(&s, d, 100);
}

static bool count_one(void *ctx, const struct query_event *e)
{
	(void)e;
	++*(int *)ctx;
	return true;
}

/* How many events of a kind the history has; what nobody waits for is there when it is closed. */
static int events(const char *kind)
{
	char path[256];
	struct query *q;
	struct err err;
	int n = 0;
	site_path(&s, "h.db", path, sizeof path);
	assert_int_equal(query_open(&q, path, &err), 0);
	assert_int_equal(query_events(q, NULL, kind, 0, INT64_MAX, count_one, &n, &err), 0);
	query_close(q);
	return n;
}

/* ---- counters ---- */

static void row_31_counters_begin_anew(void **state)
{
	(void)state;
	/* the pool restarts in the bake and keeps its share: what was counted before is gone */
	d = site_open(&s, &recording);
	site_step(&s, d, 100);
	site_run(&s, 20000);
	assert_true(site_standing(d)->samples[ARM_V2] > 10);
	fake_restart_stored(node);
	site_run(&s, 3000);
	assert_in_range(site_standing(d)->samples[ARM_V2], 0, 15);
	assert_int_not_equal(now_is(), STATE_DIVERGED);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_SAMPLES].code, ERR_SAMPLES);
	/* The rate is measured from nothing too: no burst, no negative. */
	assert_in_range((int)site_standing(d)->arms[ARM_V1].rate, 0, 300);
	assert_true(site_until(&s, d, STATE_READY, 60000));
	site_close(&s, d);
	assert_int_equal(events("restart"), 1);
}

static void row_32_a_counter_goes_back(void **state)
{
	(void)state;
	/* within one boot: nothing of the window is proof any more */
	at_one_percent(&kim);
	fake_uncount(node, ARM_V1, 500);
	site_run(&s, 1500);
	assert_true(site_standing(d)->doubtful);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_GUARD].state, CHECK_FAILS);
	assert_int_equal(r.interlock.check[PREDICATE_GUARD].code, ERR_GUARD);
	site_run(&s, s.limits.window_ms);
	assert_false(site_standing(d)->doubtful);
	assert_true(site_until(&s, d, STATE_READY, 5000));
}

static void row_33_no_traffic_on_v2(void **state)
{
	(void)state;
	/* nobody calls: that nothing fails is no evidence */
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	node->rate = 0;
	site_run(&s, 100000);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_true(r.interlock.failing & 1u << PREDICATE_SAMPLES);
	assert_true(r.interlock.failing & 1u << PREDICATE_GUARD);
	assert_int_equal(site_standing(d)->guard.state, GUARD_UNKNOWN);
	assert_int_not_equal(now_is(), STATE_READY);
}

static void row_34_few_samples_look_perfect(void **state)
{
	(void)state;
	/* none of a dozen has failed: as many as the plan asks are asked for */
	node->error_rate[ARM_V2] = 0;
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	site_run(&s, 11000);
	assert_int_equal(site_standing(d)->bake_left_ms, 0);
	assert_int_equal(site_standing(d)->arms[ARM_V2].failed, 0);
	assert_in_range(site_standing(d)->samples[ARM_V2], 1, 49);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.failing, 1u << PREDICATE_SAMPLES);
	assert_true(r.interlock.wait_ms > 0); /* and it is said how long that takes */
}

static void row_39_one_metric_stops(void **state)
{
	(void)state;
	/* all is well but that latency is not said any more */
	node->guards = false;
	d = site_open(&s, &console);
	site_ready(&s, d, 100);
	assert_int_equal(site_standing(d)->guard.state, GUARD_GREEN);
	node->no_quantiles = true;
	site_run(&s, s.limits.window_ms + 5000);
	assert_int_equal(site_standing(d)->freshness, FRESHNESS_LIVE);
	assert_int_equal(site_standing(d)->guard.metric[METRIC_P99].state, GUARD_UNKNOWN);
	assert_int_equal(site_standing(d)->guard.metric[METRIC_ERRORS].state, GUARD_GREEN);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_true(r.interlock.failing & 1u << PREDICATE_GUARD);
}

static void row_40_good_and_bad_in_turns(void **state)
{
	(void)state;
	/* five minutes bad, five well, again and again: red stays red until a person has looked */
	s.limits.action = GUARD_ACTION_WARN;
	at_one_percent(&console);
	for (int i = 0; i < 3; i++) {
		node->error_rate[ARM_V2] = 0.5;
		site_run(&s, 120000);
		assert_true(site_pool(d)->latch.red);
		node->error_rate[ARM_V2] = 0;
		site_run(&s, 120000);
		assert_true(site_pool(d)->latch.red);
		assert_int_equal(now_is(), STATE_HELD);
		assert_int_equal(site_act(&s, d, VERB_STEP, 1000, "").status, ACT_REFUSED);
	}
	assert_int_equal(site_pool(d)->latch.flaps, 2);
}

static void row_41_a_percentile_over_nodes(void **state)
{
	(void)state;
	/* a slow node does one request in a hundred: an average of two percentiles is nobody's */
	site_release(&s);
	site_init(&s, 2, 1);
	s.node[1]->rate = 2;
	s.node[1]->latency_us[ARM_V1] = 900000;
	d = site_open(&s, &kim);
	site_run(&s, 30000);
	const struct arm_figures *f = &site_standing(d)->arms[ARM_V1];
	assert_in_range(f->p50_us, 10000, 40000);
	assert_in_range(f->p95_us, 10000, 100000);
}

/* ---- clocks ---- */

static void row_35_the_wall_clock_jumps(void **state)
{
	(void)state;
	/* an hour forth, then two back, in the bake */
	static const int64_t jumps[] = {3600000, -7200000};
	d = site_open(&s, &console);
	site_step(&s, d, 100);
	site_run(&s, 3000);
	for (int i = 0; i < 2; i++) {
		int64_t left_ms = site_standing(d)->bake_left_ms, keep_ms = fake_keep(node).left_ms;
		s.now.wall_ms += jumps[i];
		site_run(&s, 1000);
		assert_in_range(site_standing(d)->bake_left_ms, left_ms - 1300, left_ms - 700);
		assert_in_range(fake_keep(node).left_ms, keep_ms - 1300, keep_ms - 700);
		assert_int_equal(site_standing(d)->freshness, FRESHNESS_LIVE);
		assert_int_equal(now_is(), STATE_BAKING);
	}
	assert_true(site_until(&s, d, STATE_READY, 60000));
	site_run(&s, 1000);
	assert_false(fake_keep(node).on);
	site_step(&s, d, 1000);
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_true(site_done(&s, d, r.id, 5000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	site_close(&s, d);
	assert_int_equal(events("clock_jump"), 2);
}

static void row_36_the_machine_sleeps(void **state)
{
	(void)state;
	/* forty minutes: what was seen is old, the lease is gone, and nothing acts by itself */
	node->guards = false;
	d = site_open(&s, &console);
	site_ready(&s, d, 100);
	site_step(&s, d, 1000);
	assert_true(site_standing(d)->lease_mine);
	int commands = node->commands, leases = node->leases;
	s.asleep[0] = true;
	site_run(&s, 40 * 60000);
	fake_advance(node, s.now);
	assert_int_equal(fake_share_bp(node), 100); /* nobody kept it: it went back */
	s.asleep[0] = false;
	/* The first turn, before any news. */
	node->silent = true;
	site_settle(&s);
	assert_int_equal(site_standing(d)->freshness, FRESHNESS_LOST);
	struct act_result r = site_act(&s, d, VERB_STEP, 5000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_true(r.interlock.failing & 1u << PREDICATE_LIVE);
	node->silent = false;
	site_run(&s, 35000);
	assert_int_equal(site_standing(d)->freshness, FRESHNESS_LIVE);
	assert_false(site_standing(d)->lease_mine);
	assert_string_equal(fake_lease(node).holder, "");
	assert_true(node->leases <= leases + 1); /* at most given back */
	assert_int_equal(node->commands, commands);
	assert_int_equal(now_is(), STATE_HELD);
	assert_true(site_standing(d)->went_back);
}

static void row_36_a_step_on_an_old_picture(void **state)
{
	(void)state;
	/* a key that waited for the console to wake meets the picture of before */
	at_one_percent(&kim);
	s.asleep[0] = true;
	site_run(&s, 40 * 60000);
	int commands = node->commands;
	int64_t rev = fake_rev(node);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	s.asleep[0] = false;
	site_run(&s, 5000);
	if (r.status == ACT_BEGUN)
		assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_NOT_SENT);
	else
		assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(node->commands, commands);
	fake_advance(node, s.now);
	assert_in_range(fake_rev(node), rev, rev + 1); /* what went back by itself */
}

static void row_37_the_pools_clock_is_far_off(void **state)
{
	(void)state;
	/* five minutes ahead, then a day behind: ages are of the receipt */
	d = site_open(&s, &console);
	node->clock_ms = 312000;
	site_step(&s, d, 100);
	site_run(&s, 2000);
	int64_t left_ms = site_standing(d)->bake_left_ms;
	assert_in_range(left_ms, 5000, 9000);
	node->clock_ms = -86400000;
	site_run(&s, 1000);
	assert_in_range(site_standing(d)->bake_left_ms, left_ms - 1300, left_ms - 700);
	assert_int_equal(site_standing(d)->freshness, FRESHNESS_LIVE);
	assert_true(site_until(&s, d, STATE_READY, 60000));
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_true(site_done(&s, d, r.id, 5000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(row_31_counters_begin_anew),
		AT_ONE(row_32_a_counter_goes_back),
		AT_ONE(row_33_no_traffic_on_v2),
		AT_ONE(row_34_few_samples_look_perfect),
		AT_ONE(row_39_one_metric_stops),
		AT_ONE(row_40_good_and_bad_in_turns),
		AT_ONE(row_41_a_percentile_over_nodes),
		AT_ONE(row_35_the_wall_clock_jumps),
		AT_ONE(row_36_the_machine_sleeps),
		AT_ONE(row_36_a_step_on_an_old_picture),
		AT_ONE(row_37_the_pools_clock_is_far_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
