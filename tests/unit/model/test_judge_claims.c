/* The judge: thresholds of latencies, claims and their bars, the split, and the sentinel over
 * v1. */
#include "tests/unit/model/judge_bed.h"

/* ---- thresholds of latencies ---- */

/* An interval is judged by those before it: ten times slower is not its own measure. */
static void test_an_interval_is_not_in_its_own_threshold(void **state)
{
	const struct judge_metric *p99 = &j.metric[JUDGED_P99];

	(void)state;
	judge_only(JUDGED_P99);
	at_us(ARM_V1, 1000, 4000);
	at_us(ARM_V2, 90000, 4000);
	look_slow(); /* nothing before it: not judged */
	assert_int_equal(p99->since[ARM_V1].n, 0);
	at_us(ARM_V1, 90000, 4000);
	at_us(ARM_V2, 90000, 4000);
	look_slow();
	assert_int_equal(p99->since[ARM_V1].n, 4000);
	assert_int_equal(p99->since[ARM_V1].bad, 4000);
	assert_int_equal(p99->since[ARM_V2].bad, 4000);
	assert_int_equal(p99->ratio.informative, 0);
	at_us(ARM_V1, 90000, 4000);
	at_us(ARM_V2, 90000, 4000);
	look_slow(); /* now it was before: p99 of the last is 90 ms */
	assert_int_equal(p99->since[ARM_V1].bad, 4000);
}

static void test_unsettled_latencies_of_v1_count_as_history(void **state)
{
	(void)state;
	judge_only(JUDGED_P99);
	i.settled = false;
	fill_v1(1000);
	i.settled = true;
	at_us(ARM_V1, 1000, 100);
	at_us(ARM_V2, 1000, 100);
	look_slow();
	assert_int_equal(j.metric[JUDGED_P99].since[ARM_V2].n, 100);
	assert_int_equal(j.metric[JUDGED_P99].since[ARM_V2].bad, 0);
}

static int64_t v2_bad_at(int64_t us, int64_t *safe)
{
	struct judge_metric *p99 = &j.metric[JUDGED_P99];
	judge_only(JUDGED_P99);
	fill_v1(100);
	at_us(ARM_V1, 101, 1); /* one above c, so that the look could have been otherwise */
	at_us(ARM_V1, 100, 99);
	at_us(ARM_V2, us, 1);
	at_us(ARM_V2, 1, 99);
	look_slow();
	assert_int_equal(p99->since[ARM_V1].bad, 1);
	/* one of two is v2's where it counts: then the evidence for safety is what two make */
	struct evidence two = {0}, one = {0};
	double d[ODDS_POINTS];
	assert_true(odds_two(d, &j.level, (struct units){100, 1}, (struct units){100, 1}));
	evidence_add(&two, d, 5);
	assert_true(odds_two(d, &j.level, (struct units){100, 1}, (struct units){100, 0}));
	evidence_add(&one, d, 5);
	*safe = memcmp(&p99->safe, &two, sizeof two) == 0;
	assert_true(*safe || memcmp(&p99->safe, &one, sizeof one) == 0);
	return p99->since[ARM_V2].bad;
}

/* c is 100 us; with a tolerance of 25 % v2's edge is 125, with a margin of 30 % the last edge at
 * or below 130 is 129. */
static void test_edges_above_and_below(void **state)
{
	static const struct {
		int64_t us, harm, safe;
	} rows[] = {{50, 0, 0}, {100, 0, 0}, {101, 0, 0}, {125, 0, 0}, {126, 1, 0}, {127, 1, 0},
		{128, 1, 0}, {129, 1, 0}, {130, 1, 1}, {500, 1, 1}};

	(void)state;
	policy.tolerance = 0.25;
	policy.margin = 0.3;
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		int64_t safe;
		assert_int_equal(v2_bad_at(rows[k].us, &safe), rows[k].harm);
		assert_int_equal(safe, rows[k].safe);
	}
}

static void test_ties_at_an_edge_count_alike(void **state)
{
	const struct judge_metric *p99 = &j.metric[JUDGED_P99];

	(void)state;
	policy.tolerance = 0;
	judge_only(JUDGED_P99);
	fill_v1(5000);
	for (int k = 0; k < 50; k++) {
		at_us(ARM_V1, 5000, 4000);
		at_us(ARM_V2, 5000, 400);
		look_slow();
	}
	assert_int_equal(p99->since[ARM_V1].n, 200000);
	assert_true(p99->since[ARM_V1].bad == 0 && p99->since[ARM_V2].bad == 0);
}

static void test_latencies_that_are_not_known(void **state)
{
	const struct judge_metric *p99 = &j.metric[JUDGED_P99];

	(void)state;
	policy.latency_limit_us = 100;
	judge_only(JUDGED_P99);
	fill_v1(1000); /* v2 has none: nothing to compare, nothing against the limit but no units */
	assert_int_equal(p99->limit.informative, 0);
	at_us(ARM_V1, 1000, 1000);
	at_us(ARM_V2, 1000, 1000);
	look_slow();
	assert_int_equal(p99->burst.has_last[ARM_V2], true);
	assert_int_equal(p99->limit.informative, 1);
	i.arm[ARM_V1].latency = NULL; /* the limit asks for no v1 */
	at_us(ARM_V2, 1000, 1000);
	look_slow();
	assert_int_equal(p99->limit.informative, 2);
	assert_int_equal(p99->since[ARM_V2].n, 1000);
	assert_int_equal(p99->burst.has_last[ARM_V2], false);
	i.arm[ARM_V2].latency = NULL;
	look(1000, 0, 1000, 0);
	assert_int_equal(p99->limit.informative, 2);
	at_us(ARM_V1, 1000, 1000); /* v2 alone unknown */
	look_slow();
	assert_int_equal(p99->since[ARM_V2].n, 1000);
}

static void test_the_latency_limit(void **state)
{
	(void)state;
	policy.latency_limit_us = 2000;
	judge_only(JUDGED_P99);
	for (int k = 0; k < 10; k++) {
		at_us(ARM_V2, 2000, 1000); /* at the limit is not over it */
		look_slow();
	}
	assert_false(j.finding[CLAIM_LATENCY_LIMIT].found);
	assert_true(j.metric[JUDGED_P99].now.ln_limit_safe > 10);
	judge_by();
	at_us(ARM_V2, 1000, 900);
	at_us(ARM_V2, 3000, 100); /* a tenth, where a hundredth is allowed */
	look_slow();
	assert_true(j.finding[CLAIM_LATENCY_LIMIT].found && !j.finding[CLAIM_LATENCY].found);
	assert_int_equal(j.finding[CLAIM_LATENCY_LIMIT].since_wall_ms, i.at.wall_ms);
}

/* ---- claims and bars ---- */

static void test_claims_share_alpha(void **state)
{
	static const struct {
		bool metric[JUDGED_COUNT];
		double error_limit;
		int64_t latency_limit_us;
		int claims;
	} rows[] = {{{true, false, false, true}, NAN, UNKNOWN, 2},
		{{true, false, false, false}, NAN, UNKNOWN, 1},
		{{true, true, true, true}, NAN, UNKNOWN, 2}, {{true, true, true, true}, 0.1, 100, 4},
		{{false, true, false, false}, 0.1, 100, 1}, {{false, false, true, false}, 0.1, 100, 1},
		{{false, false, false, true}, NAN, 100, 2}, {{true, false, false, false}, 0, 100, 1},
		{{true, false, false, false}, 1, UNKNOWN, 1},
		{{true, false, false, false}, 0.5, UNKNOWN, 2}, {{false}, NAN, UNKNOWN, 1}};

	(void)state;
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		memcpy(policy.metric, rows[k].metric, sizeof policy.metric);
		policy.error_limit = rows[k].error_limit;
		policy.latency_limit_us = rows[k].latency_limit_us;
		int claims = rows[k].claims;
		assert_int_equal(judge_claims(&policy), claims);
		near(judge_ln_found(&policy), log(claims * 100), 1e-12);
		near(judge_ln_amber(&policy), log(claims * 20), 1e-12);
		near(judge_ln_brake(&policy), log(claims * 1000), 1e-12);
		near(judge_ln_safe(&policy), log(20), 1e-12);
	}
}

static void test_quantiles_are_averaged(void **state)
{
	(void)state;
	policy.metric[JUDGED_P50] = policy.metric[JUDGED_P95] = true;
	judge_by();
	j.metric[JUDGED_ERRORS].now.ln_harm = 7;
	j.metric[JUDGED_P50].now.ln_harm = log(10);
	j.metric[JUDGED_P95].now.ln_harm = log(20);
	j.metric[JUDGED_P99].now.ln_harm = log(300);
	near(judge_ln_harm(&j, CLAIM_LATENCY), log(110), 1e-12);
	assert_true(judge_ln_harm(&j, CLAIM_ERRORS) == 7);
	j.metric[JUDGED_P99].now.ln_harm = 2000; /* far from what exp can hold */
	near(judge_ln_harm(&j, CLAIM_LATENCY), 2000 - log(3), 1e-9);
	j.policy.metric[JUDGED_P99] = false;
	near(judge_ln_harm(&j, CLAIM_LATENCY), log(15), 1e-12);
	assert_true(isinf(judge_ln_harm(&j, CLAIM_ERRORS_LIMIT)));
	assert_true(isinf(judge_ln_harm(&j, CLAIM_LATENCY_LIMIT)));
	j.policy.metric[JUDGED_ERRORS] = false;
	assert_true(isinf(judge_ln_harm(&j, CLAIM_ERRORS)));
	assert_true(judge_ln_harm(&j, CLAIM_ERRORS) < 0);
}

static void test_suspicion_is_of_now(void **state)
{
	(void)state;
	double bar = judge_ln_amber(&policy);
	assert_false(judge_suspects(&j));
	j.metric[JUDGED_ERRORS].now.ln_harm = bar;
	assert_true(judge_suspects(&j));
	j.metric[JUDGED_ERRORS].now.ln_harm = bar - 1e-9;
	assert_false(judge_suspects(&j));
	j.metric[JUDGED_P99].now.ln_harm = bar;
	assert_true(judge_suspects(&j));
}

/* ---- the split ---- */

static int looks_until_off(int64_t n1, int64_t n2, int most)
{
	judge_by();
	for (int k = 1; k <= most; k++) {
		look(n1, 0, n2, 0);
		assert_int_equal(j.split_off, evidence_ln_apart(&j.split) >= log(1000));
		if (j.split_off)
			return k;
	}
	return 0;
}

static void test_the_split(void **state)
{
	(void)state;
	i.share_bp = 500;
	assert_int_equal(looks_until_off(1000, 0, 100), 1);
	assert_int_equal(looks_until_off(900, 100, 100), 1);
	assert_in_range(looks_until_off(960, 40, 100), 3, 30);
	assert_in_range(looks_until_off(940, 60, 100), 3, 30);
	assert_int_equal(looks_until_off(950, 50, 1000), 0);
	assert_true(evidence_ln_apart(&j.split) < -50);        /* not even near */
	assert_int_equal(looks_until_off(9481, 519, 2000), 0); /* 3.8 % off never fires */
	assert_true(evidence_ln_apart(&j.split) < 0);
	i.share_bp = -1; /* not known: not tested */
	assert_int_equal(looks_until_off(1000, 0, 50), 0);
	i.share_bp = 5000;
	assert_int_equal(looks_until_off(0, 0, 50), 0);
}

/* The sums of many looks are one look: whoever comes late knows what was known all the time. */
static void test_the_split_by_its_sums(void **state)
{
	(void)state;
	judge_by();
	for (int sessions = 0; sessions < 2; sessions++) {
		i.sessions = sessions;
		for (i.share_bp = 500; i.share_bp <= 9500; i.share_bp += 1500)
			for (int64_t n2 = 0; n2 <= 1000; n2 += 50) {
				judge_by();
				for (int k = 0; k < 7; k++)
					look(1000 - n2, 0, n2, 0);
				const struct units sum = {.n = 7000, .bad = 7 * n2};
				bool apart = evidence_ln_apart(&j.split) >= log(1000);
				assert_int_equal(judge_totals_apart(&j, i.share_bp, sum, sessions), apart);
			}
	}
	const struct units none = {0}, wrong = {.n = 1, .bad = 2}, all = {.n = 9999, .bad = 9999};
	assert_false(judge_totals_apart(&j, 5000, none, true));
	assert_false(judge_totals_apart(&j, 5000, wrong, true));
	assert_false(judge_totals_apart(&j, 0, all, true));
	assert_false(judge_totals_apart(&j, -1, all, true));
	assert_false(judge_totals_apart(&j, 10000, none, true));
	assert_true(judge_totals_apart(&j, 5000, all, true));
}

static void put_apart(struct evidence *e, double ln)
{
	for (int k = 0; k < ODDS_GRID; k++)
		e->ln[k] = k == ODDS_ONE ? 0 : ln;
}

static void test_the_bars_of_the_split_and_the_sentinel(void **state)
{
	(void)state;
	i.sessions = false;
	look(0, 0, 0, 0);
	put_apart(&j.split, log(1000) - 1e-9);
	put_apart(&j.sentinel, log(100) - 1e-9);
	look(0, 0, 0, 0);
	assert_true(!j.split_off && !j.untrusted);
	put_apart(&j.split, log(1000) + 1e-9);
	look(0, 0, 0, 0);
	assert_true(j.split_off && !j.untrusted);
	put_apart(&j.sentinel, log(100) + 1e-9);
	look(0, 0, 0, 0);
	assert_true(j.untrusted);
}

static void test_requests_count_a_twentieth(void **state)
{
	(void)state;
	look(900, 0, 200, 0);
	struct evidence sessions = j.split;
	i.sessions = false;
	judge_by();
	look(900, 0, 200, 0);
	for (int k = 0; k < ODDS_GRID; k++)
		near(j.split.ln[k] * 20, sessions.ln[k], 1e-9);
	i.share_bp = 500;
	assert_in_range(looks_until_off(900, 100, 100), 2, 30); /* as sessions: at once */
}

static void test_shares_without_a_split(void **state)
{
	(void)state;
	i.share_bp = 0;
	look(1000, 0, 0, 0);
	assert_false(j.split_off);
	i.settled = false;
	look(1000, 0, 1, 0); /* a straggler of the share before */
	assert_true(!j.split_off && j.wrong_side == 0);
	i.settled = true;
	look(1000, 0, 1, 0);
	assert_true(j.split_off && j.wrong_side == 1);
	look(1000, 0, 0, 0);
	assert_true(j.split_off); /* stays, until there is another share */
	i.share_bp = SHARE_FULL;
	look(0, 0, 1000, 0);
	assert_true(!j.split_off && j.wrong_side == 0);
	look(2, 0, 1000, 0);
	assert_true(j.split_off && j.wrong_side == 2);
	i.share_bp = 5000;
	look(500, 0, 500, 0);
	assert_true(!j.split_off && j.wrong_side == 0);
	assert_int_equal(j.split.informative, 1);
}

/* ---- the sentinel ---- */

static void halves(int64_t n0, int64_t x0, int64_t n1, int64_t x1)
{
	i.half[0] = (struct units){n0, x0};
	i.half[1] = (struct units){n1, x1};
}

static void test_v1_beside_itself(void **state)
{
	(void)state;
	halves(500, 40, 500, 2);
	look(1000, 42, 0, 0); /* sessions need no sentinel */
	assert_int_equal(j.sentinel.informative, 0);
	i.sessions = false;
	halves(500, 5, 500, 5);
	for (int k = 0; k < 100; k++)
		look(1000, 10, 1000, 10);
	assert_true(!j.untrusted && j.sentinel.informative == 100);
	halves(0, 0, 0, 0);
	look(1000, 10, 1000, 10);
	halves(5, 6, 500, 5);
	look(1000, 10, 1000, 10);
	halves(500, 5, -1, 0);
	look(1000, 10, 1000, 10);
	assert_int_equal(j.sentinel.informative, 100);
	for (int way = 0; way < 2; way++) {
		judge_by();
		i.sticky = false;
		halves(500, way ? 2 : 10, 500, way ? 10 : 2);
		for (int k = 0; k < 20; k++) {
			look(1000, 1, 1000, 500);
			assert_int_equal(j.untrusted, evidence_ln_apart(&j.sentinel) >= log(100));
		}
		assert_true(j.untrusted && j.finding[CLAIM_ERRORS].found);
		assert_false(judge_brakes(&j, CLAIM_ERRORS));
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_an_interval_is_not_in_its_own_threshold),
		CASE(test_unsettled_latencies_of_v1_count_as_history),
		CASE(test_edges_above_and_below),
		CASE(test_ties_at_an_edge_count_alike),
		CASE(test_latencies_that_are_not_known),
		CASE(test_the_latency_limit),
		CASE(test_claims_share_alpha),
		CASE(test_quantiles_are_averaged),
		CASE(test_suspicion_is_of_now),
		CASE(test_the_split),
		CASE(test_the_split_by_its_sums),
		CASE(test_the_bars_of_the_split_and_the_sentinel),
		CASE(test_requests_count_a_twentieth),
		CASE(test_shares_without_a_split),
		CASE(test_v1_beside_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
