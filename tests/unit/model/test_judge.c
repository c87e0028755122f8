/* The judge: one look, what begins anew, its findings, and when it brakes. */
#include "tests/unit/model/judge_bed.h"

/* ---- one look ---- */

/* phi is read before the look feeds it; and nothing else is done to the increments. */
static void test_a_look_is_judged_by_what_was_known_before(void **state)
{
	struct evidence e = {0};
	struct burst b = {0};
	struct units since[ARM_COUNT] = {{0}};
	uint64_t seed = 3;
	double excess = 0, d[ODDS_POINTS];

	(void)state;
	for (int k = 0; k < 200; k++) {
		struct units v1 = {900, seeded_below(&seed, 9)}, v2 = {100, seeded_below(&seed, 2)};
		if (odds_two(d, &j.ratio, v1, v2))
			evidence_add(&e, d, burst_phi(&b));
		burst_add(&b, ARM_V1, v1);
		burst_add(&b, ARM_V2, v2);
		excess += (double)v2.bad - 100. * (double)v1.bad / 900;
		since[ARM_V1].bad += v1.bad;
		since[ARM_V2].bad += v2.bad;
		tick(v1, v2);
		assert_memory_equal(&errors()->ratio, &e, sizeof e);
		assert_true(errors()->now.phi == burst_phi(&b));
		near(errors()->excess, excess, 1e-9);
	}
	assert_int_equal(errors()->since[ARM_V1].bad, since[ARM_V1].bad);
	assert_int_equal(errors()->since[ARM_V2].bad, since[ARM_V2].bad);
	assert_int_equal(errors()->since[ARM_V1].n, 900 * 200);
	assert_int_equal(j.looks, 200);
	assert_int_equal(j.bake_ms, 200000);
	assert_int_equal(j.began_wall_ms, 1000000);
}

static void test_what_could_not_be_otherwise_says_nothing(void **state)
{
	const struct evidence none = {0};

	(void)state;
	look(1000, 0, 100, 0);
	look(1000, 1000, 100, 100);
	look(1000, 5, 0, 0);
	look(0, 0, 100, 5);
	look(0, 0, 0, 0);
	assert_memory_equal(&errors()->ratio, &none, sizeof none);
	assert_int_equal(j.looks, 5);
	assert_int_equal(errors()->bake[ARM_V2].n, 0); /* what said nothing is no pace */
	assert_int_equal(errors()->since[ARM_V2].n, 300);
	assert_true(errors()->excess == 0); /* all bad on both sides */
}

/* A v2 that was better for long is braked by what it does now, not when that has made up for it. */
static void test_good_time_is_no_excuse(void **state)
{
	(void)state;
	judge_by();
	for (int k = 0; k < 3600; k++)
		look(500, 5, 500, 4);
	assert_true(j.metric[JUDGED_ERRORS].excess < -3000);
	int seconds = 0;
	for (; seconds < 600 && !judge_brakes(&j, CLAIM_ERRORS); seconds++)
		look(500, 5, 500, 25);
	assert_true(judge_brakes(&j, CLAIM_ERRORS) && j.finding[CLAIM_ERRORS].late);
	assert_true(j.metric[JUDGED_ERRORS].excess < 0 && j.metric[JUDGED_ERRORS].recent >= 10);
	assert_in_range(seconds, 2, 60);
}

/* A split that was mended is tested anew when the same share is put again. */
static void test_the_same_share_put_again(void **state)
{
	(void)state;
	judge_by();
	for (int k = 0; k < 60 && !j.split_off; k++)
		look(700, 0, 300, 0);
	assert_true(j.split_off);
	look(900, 0, 100, 0);
	assert_true(j.split_off);
	i.changed = true;
	look(900, 0, 100, 0);
	i.changed = false;
	assert_false(j.split_off);
}

static void test_settling_is_not_judged(void **state)
{
	struct judge_metric before;

	(void)state;
	look(1000, 5, 100, 5);
	before = *errors();
	i.settled = false;
	look(1000, 0, 100, 90);
	assert_memory_equal(&errors()->ratio, &before.ratio, sizeof before.ratio);
	assert_memory_equal(errors()->since, before.since, sizeof before.since);
	assert_int_equal(j.looks, 1);
	assert_int_equal(j.bake_ms, 1000);
	assert_int_equal(j.units_seen[ARM_V2], 200); /* seen, though */
	i.settled = true;
	look(1000, 5, 100, 5); /* no pair over the gap */
	assert_int_equal(errors()->burst.pairs, before.burst.pairs);
	look(1000, 5, 100, 5);
	assert_int_equal(errors()->burst.pairs, before.burst.pairs + 2);
}

static void test_a_skip_breaks_the_chain(void **state)
{
	(void)state;
	look(1000, 5, 100, 5);
	judge_skip(&j);
	look(1000, 5, 100, 5);
	assert_int_equal(errors()->burst.pairs, 0);
	look(1000, 5, 100, 5);
	assert_int_equal(errors()->burst.pairs, 2);
}

/* ---- counts that cannot be ---- */

static void check_refused(struct units v1, struct units v2)
{
	struct judge before = j;

	tick(v1, v2);
	for (int m = 0; m < JUDGED_COUNT; m++)
		burst_break(&before.metric[m].burst);
	assert_memory_equal(&j.metric, &before.metric, sizeof j.metric);
	assert_memory_equal(&j.exceed, &before.exceed, sizeof j.exceed);
	assert_true(j.looks == before.looks && j.span_ms[ARM_V2] == before.span_ms[ARM_V2]);
	assert_true(j.units_seen[ARM_V1] == before.units_seen[ARM_V1]);
}

static void test_counts_that_cannot_be_are_skipped(void **state)
{
	const struct units good = {1000, 3};
	static const struct units bad[] = {{-1, 0}, {5, 6}, {5, -1}, {INT64_MIN, INT64_MIN},
		{INT64_MAX, 1}, {HYPERGEOMETRIC_MAX + 1, 0}};

	(void)state;
	tick(good, good);
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		check_refused(bad[k], good);
		check_refused(good, bad[k]);
	}
	i.length_ms = 0;
	check_refused(good, good);
	i.length_ms = -1000;
	check_refused(good, good);
	i.length_ms = INT64_C(1) << 52; /* no interval is as long as that */
	check_refused(good, good);
}

/* A pool that lies about its buckets is not judged, and does not stop the console. */
static void test_histograms_that_cannot_be_are_skipped(void **state)
{
	static const int64_t bad[] = {-1, INT64_MIN, INT64_MAX, HYPERGEOMETRIC_MAX + 1};
	const struct units good = {1000, 3};

	(void)state;
	at_us(ARM_V1, 1000, 4000);
	at_us(ARM_V2, 1000, 4000);
	look_slow();
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			slow[arm].count[3] = bad[k];
			slow[arm].count[900] = HYPERGEOMETRIC_MAX;
			check_refused(good, good);
			memset(&slow[arm], 0, sizeof slow[arm]);
		}
	/* each can be, all together not */
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
		slow[ARM_V2].count[b] = HYPERGEOMETRIC_MAX;
	check_refused(good, good);
}

static void test_the_largest_counts_are_judged_for_what_they_are(void **state)
{
	const int64_t most = HYPERGEOMETRIC_MAX, many = INT64_C(1) << 40;

	(void)state;
	look(most, 0, most, 0);
	look(most, most, most, most);
	assert_int_equal(j.finding[CLAIM_ERRORS].found, false);
	judge_by();
	look(many, 5, many, 5);
	assert_int_equal(j.finding[CLAIM_ERRORS].found, false);
	judge_by();
	for (int k = 0; k < 20; k++)
		look(many, many / 2, many, many / 2);
	assert_int_equal(j.finding[CLAIM_ERRORS].found, false);
	assert_true(errors()->now.ln_safe > 1000 && errors()->now.phi == 1);
	look(many, 5, many, many / 2);
	assert_int_equal(j.finding[CLAIM_ERRORS].found, true);
	assert_true(!isnan(errors()->now.ln_harm) && !isnan(errors()->now.phi));
}

/* Sums of the largest counts end at a bound, not in a negative number. */
static void test_sums_do_not_overflow(void **state)
{
	const int64_t most = HYPERGEOMETRIC_MAX;

	(void)state;
	i.share_bp = 0;
	for (int k = 0; k < 5000; k++)
		look(most, most, most, most);
	assert_true(j.units_seen[ARM_V1] > most && j.units_seen[ARM_V2] > most);
	assert_true(j.wrong_side > most);
	assert_true(errors()->since[ARM_V2].n > most && errors()->since[ARM_V2].bad > most);
	assert_true(errors()->since[ARM_V2].bad <= errors()->since[ARM_V2].n);
}

/* ---- what begins anew ---- */

static void test_restart(void **state)
{
	const struct evidence none = {0};

	(void)state;
	at_us(ARM_V1, 1000, 4000);
	at_us(ARM_V2, 1000, 400);
	look_slow();
	for (int k = 0; k < 10; k++)
		look(1000, 1, 1000, 100);
	assert_true(j.finding[CLAIM_ERRORS].found);
	struct burst kept = errors()->burst;
	int64_t total = j.exceed.total;
	judge_restart(&j);
	assert_memory_equal(&errors()->ratio, &none, sizeof none);
	assert_false(j.finding[CLAIM_ERRORS].found);
	assert_true(errors()->excess == 0 && errors()->since[ARM_V1].n == 0);
	assert_true(j.looks == 0 && j.bake_ms == 0 && j.began_wall_ms == UNKNOWN);
	near(errors()->now.ln_harm, 0, 1e-15);
	assert_true(isnan(errors()->now.ratio.ratio));
	/* v1 is who it was, v2 is not */
	assert_true(errors()->burst.pairs == kept.pairs && kept.pairs > 0);
	assert_true(errors()->burst.has_last[ARM_V1] && !errors()->burst.has_last[ARM_V2]);
	assert_true(j.exceed.total == total && total > 0);
	look(1000, 1, 1000, 100);
	assert_int_equal(j.began_wall_ms, i.at.wall_ms - 1000);
}

static void test_sessions_and_requests_do_not_mix(void **state)
{
	(void)state;
	for (int k = 0; k < 10; k++)
		look(1000, 1, 1000, 100);
	assert_true(j.finding[CLAIM_ERRORS].found && j.sessions);
	int64_t pairs = errors()->burst.pairs;
	i.sessions = false;
	look(20000, 20, 20000, 2000);
	assert_false(j.sessions);
	assert_int_equal(j.looks, 1);
	assert_int_equal(errors()->since[ARM_V2].n, 20000);
	assert_int_equal(errors()->burst.pairs, pairs); /* no pair of one of each */
	look(20000, 20, 20000, 2000);
	assert_int_equal(j.looks, 2);
	assert_int_equal(errors()->burst.pairs, pairs + 2);
}

static void test_another_share_keeps_the_evidence(void **state)
{
	(void)state;
	look(900, 3, 100, 3);
	struct evidence before = errors()->ratio;
	double split = evidence_ln_apart(&j.split);
	assert_true(split != 0 || j.split.informative == 1);
	assert_int_equal(errors()->bake[ARM_V2].n, 100);
	i.share_bp = 5000;
	i.settled = false;
	look(500, 3, 500, 3);
	assert_memory_equal(&errors()->ratio, &before, sizeof before);
	assert_true(j.share_bp == 5000 && j.bake_ms == 0 && j.split.informative == 0);
	assert_int_equal(errors()->bake[ARM_V2].n, 0);
	assert_int_equal(errors()->since[ARM_V2].n, 100);
	i.settled = true;
	i.share_bp = -1; /* not known: no change */
	look(500, 3, 500, 3);
	assert_int_equal(j.share_bp, 5000);
	assert_int_equal(j.split.informative, 0);
	assert_int_equal(errors()->ratio.informative, 2);
}

static void test_other_rules_begin_anew_and_the_same_do_not(void **state)
{
	(void)state;
	look(900, 3, 100, 3);
	judge_set_policy(&j, &policy);
	assert_int_equal(j.looks, 1);
	policy.tolerance = 0.2;
	judge_set_policy(&j, &policy);
	assert_int_equal(j.looks, 0);
	assert_true(j.ratio.theta[ODDS_HARM] == 1.2 && j.policy.tolerance == 0.2);
}

static void test_silence_is_timed(void **state)
{
	(void)state;
	assert_true(j.quiet_ms[ARM_V1] == UNKNOWN && j.quiet_ms[ARM_V2] == UNKNOWN);
	look(10, 0, 0, 0);
	assert_true(j.quiet_ms[ARM_V1] == 0 && j.quiet_ms[ARM_V2] == UNKNOWN);
	look(0, 0, 5, 0);
	look(0, 0, 0, 0);
	assert_true(j.quiet_ms[ARM_V1] == 2000 && j.quiet_ms[ARM_V2] == 1000);
}

/* ---- findings ---- */

static void test_a_finding_latches(void **state)
{
	(void)state;
	quiet_history();
	int64_t found_ms = 0;
	for (int k = 0; k < 30 && found_ms == 0; k++) {
		assert_true(errors()->now.ln_harm < judge_ln_found(&policy));
		look(1000, 1, 1000, 10);
		found_ms = j.finding[CLAIM_ERRORS].found ? i.at.wall_ms : 0;
	}
	assert_true(found_ms > 0 && errors()->now.ln_harm >= judge_ln_found(&policy));
	assert_false(j.finding[CLAIM_ERRORS].late);
	for (int k = 0; k < 200; k++)
		look(1000, 10, 1000, 1);
	assert_true(errors()->now.ln_harm < 0 && !judge_suspects(&j));
	assert_true(j.finding[CLAIM_ERRORS].found);
	assert_int_equal(j.finding[CLAIM_ERRORS].since_wall_ms, found_ms);
	assert_false(j.finding[CLAIM_LATENCY].found);
}

/* Bad after half an hour that was good: the sum over beginnings knows long before the whole. */
static void test_harm_that_began_late(void **state)
{
	int looks = 0;

	(void)state;
	quiet_history();
	for (int k = 0; k < 1800; k++)
		look(10000, 10, 1000, 1);
	assert_true(errors()->now.ln_harm < -5 && errors()->now.ln_onset < 0);
	while (!j.finding[CLAIM_ERRORS].found && looks++ < 1000)
		look(10000, 10, 1000, 5);
	assert_in_range(looks, 2, 30);
	assert_true(j.finding[CLAIM_ERRORS].late);
	assert_true(errors()->now.ln_harm < judge_ln_found(&policy));
	assert_true(errors()->now.ln_onset >= 0);
	look(10000, 10, 1000, 5);
	assert_true(j.finding[CLAIM_ERRORS].late);
	/* that is a comparison, so it brakes, once there is enough of it */
	assert_int_equal(judge_brakes(&j, CLAIM_ERRORS), errors()->excess >= BRAKE_EXCESS);
	for (int k = 0; k < 5; k++)
		look(10000, 10, 1000, 5);
	assert_true(judge_brakes(&j, CLAIM_ERRORS));
}

/* One look in 30 days of a second each: the longer an interval the fewer of them there are. */
static void test_the_bar_of_late_onset(void **state)
{
	(void)state;
	look(1000, 1, 1000, 3);
	double of_seconds = errors()->now.ln_onset;
	near(evidence_ln_onset(&errors()->ratio, &j.ratio) - of_seconds, log(2592000), 1e-9);
	policy.interval_ms = 5000;
	judge_by();
	look(1000, 1, 1000, 3);
	near(errors()->now.ln_onset - of_seconds, log(5), 1e-9);
}

/* ---- brakes ---- */

static void test_three_lone_errors_do_not_brake(void **state)
{
	(void)state;
	policy.tolerance = 0;
	judge_only(JUDGED_ERRORS);
	quiet_history();
	look(950, 0, 50, 3);
	near(exp(errors()->now.ln_harm), 155.2896516, 1e-6);
	assert_true(j.finding[CLAIM_ERRORS].found);
	assert_false(judge_brakes(&j, CLAIM_ERRORS));
	judge_by();
	quiet_history();
	int lone = 0;
	while (errors()->now.ln_brake < judge_ln_brake(&policy) && lone++ < 50)
		look(950, 0, 50, 1);
	assert_true(lone < 10 && !judge_brakes(&j, CLAIM_ERRORS)); /* proven, but too few */
	for (; lone < 9; lone++)
		look(950, 0, 50, 1);
	assert_false(judge_brakes(&j, CLAIM_ERRORS));
	look(950, 0, 50, 1);
	assert_true(errors()->excess == BRAKE_EXCESS && judge_brakes(&j, CLAIM_ERRORS));
}

/* Odds worse by 17 %: harm, but what is compared with 1.2 never says to act. */
static void test_a_little_worse_is_harm_but_does_not_brake(void **state)
{
	(void)state;
	quiet_history();
	for (int k = 0; k < 400 && !j.finding[CLAIM_ERRORS].found; k++)
		look(10000, 1000, 10000, 1150);
	assert_true(j.finding[CLAIM_ERRORS].found && errors()->excess > 1000);
	assert_false(judge_brakes(&j, CLAIM_ERRORS));
	for (int k = 0; k < 400; k++)
		look(10000, 1000, 10000, 1150);
	assert_true(errors()->now.ln_brake < 0 && errors()->now.ln_harm > 20);
}

static void test_latencies_brake(void **state)
{
	(void)state;
	judge_only(JUDGED_P99);
	fill_v1(1000);
	for (int k = 0; k < 40; k++) {
		at_us(ARM_V1, 1000, 990);
		at_us(ARM_V1, 2000, 10);
		at_us(ARM_V2, 5000, 1000);
		look_slow();
	}
	assert_true(j.finding[CLAIM_LATENCY].found && judge_brakes(&j, CLAIM_LATENCY));
	assert_false(judge_brakes(&j, CLAIM_ERRORS)); /* not judged */
}

static void test_limits_do_not_brake(void **state)
{
	(void)state;
	policy.error_limit = 0.01;
	policy.latency_limit_us = 100;
	judge_by();
	for (int k = 0; k < 20; k++) {
		at_us(ARM_V1, 1000, 1000);
		at_us(ARM_V2, 1000, 1000);
		look(1000, 500, 1000, 500);
		memset(slow, 0, sizeof slow);
	}
	assert_true(j.finding[CLAIM_ERRORS_LIMIT].found && j.finding[CLAIM_LATENCY_LIMIT].found);
	assert_true(judge_ln_harm(&j, CLAIM_ERRORS_LIMIT) > judge_ln_brake(&policy));
	for (int c = 0; c < CLAIM_COUNT; c++)
		assert_false(judge_brakes(&j, (enum judge_claim)c));
	int64_t before = errors()->limit.informative;
	look(1000, 500, 0, 0); /* without units it says nothing */
	assert_int_equal(errors()->limit.informative, before);
}

/* Sticky requests are no independent witnesses: nothing acts on them by itself. */
static void test_sticky_requests_do_not_brake(void **state)
{
	(void)state;
	i.sessions = false;
	i.sticky = true;
	for (int k = 0; k < 50; k++)
		look(1000, 1, 1000, 300);
	assert_true(j.finding[CLAIM_ERRORS].found && j.sticky && !j.sessions);
	assert_false(judge_brakes(&j, CLAIM_ERRORS));
	i.sticky = false;
	look(1000, 1, 1000, 300);
	assert_true(judge_brakes(&j, CLAIM_ERRORS));
	i.sessions = i.sticky = true; /* as sessions they are */
	for (int k = 0; k < 50; k++)
		look(1000, 1, 1000, 300);
	assert_true(judge_brakes(&j, CLAIM_ERRORS));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_a_look_is_judged_by_what_was_known_before),
		CASE(test_what_could_not_be_otherwise_says_nothing),
		CASE(test_good_time_is_no_excuse),
		CASE(test_the_same_share_put_again),
		CASE(test_settling_is_not_judged),
		CASE(test_a_skip_breaks_the_chain),
		CASE(test_counts_that_cannot_be_are_skipped),
		CASE(test_histograms_that_cannot_be_are_skipped),
		CASE(test_the_largest_counts_are_judged_for_what_they_are),
		CASE(test_sums_do_not_overflow),
		CASE(test_restart),
		CASE(test_sessions_and_requests_do_not_mix),
		CASE(test_another_share_keeps_the_evidence),
		CASE(test_other_rules_begin_anew_and_the_same_do_not),
		CASE(test_silence_is_timed),
		CASE(test_a_finding_latches),
		CASE(test_harm_that_began_late),
		CASE(test_the_bar_of_late_onset),
		CASE(test_three_lone_errors_do_not_brake),
		CASE(test_a_little_worse_is_harm_but_does_not_brake),
		CASE(test_latencies_brake),
		CASE(test_limits_do_not_brake),
		CASE(test_sticky_requests_do_not_brake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
