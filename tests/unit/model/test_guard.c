/* Guard: unknown is not green, both sides, the least evidence, the latch, what is accepted. */
#include "model/guard.h"

#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static const struct guard_window empty = {.p99_us = UNKNOWN, .memory_bytes = UNKNOWN};
static const struct guard_window good = {
	.done = 1000, .failed = 1, .p99_us = 9000, .memory_bytes = 1000, .covered_ms = 60000};

static struct guard_limits limits_of(double error_rate, int64_t latency_ms, int64_t memory)
{
	struct guard_limits l;

	guard_limits_init(&l);
	l.error_rate = error_rate;
	l.latency_ms = latency_ms;
	l.memory_bytes = memory;
	return l;
}

static struct guard evaluate(
	struct guard_limits l, struct guard_window v1, struct guard_window v2)
{
	struct guard_window window[ARM_COUNT] = {v1, v2};
	struct guard g;

	guard_evaluate(&g, &l, window, true);
	return g;
}

static struct guard_window failing(int64_t done, int64_t failed)
{
	struct guard_window w = good;

	w.done = done;
	w.failed = failed;
	return w;
}

static void test_defaults(void **state)
{
	struct guard_limits l;

	(void)state;
	guard_limits_init(&l);
	assert_true(isnan(l.error_rate));
	assert_true(l.latency_ms == UNKNOWN && l.memory_bytes == UNKNOWN);
	assert_int_equal(l.window_ms, 60000);
	assert_int_equal(l.action, GUARD_ACTION_ROLLBACK);
}

static void test_no_limits_is_none(void **state)
{
	struct guard g = evaluate(limits_of(NAN, UNKNOWN, UNKNOWN), good, failing(100, 100));

	(void)state;
	assert_int_equal(g.state, GUARD_NONE);
	assert_int_equal(g.worst, -1);
	assert_false(g.both);
	assert_true(g.metric[METRIC_ERRORS].value[ARM_V2] == 1.0);
	assert_true(isnan(g.metric[METRIC_ERRORS].limit));
}

static void test_green(void **state)
{
	struct guard g = evaluate(limits_of(0.05, 1000, 2000), good, good);

	(void)state;
	assert_int_equal(g.state, GUARD_GREEN);
	assert_int_equal(g.worst, METRIC_ERRORS);
	for (int m = 0; m < METRIC_COUNT; m++)
		assert_int_equal(g.metric[m].state, GUARD_GREEN);
	assert_true(g.metric[METRIC_P99].limit == 1000000);
	assert_true(g.metric[METRIC_P99].value[ARM_V2] == 9000);
	assert_true(g.metric[METRIC_MEMORY].value[ARM_V1] == 1000);
}

static void test_no_data_is_unknown(void **state)
{
	struct guard g = evaluate(limits_of(0.05, 1000, 2000), good, empty);
	struct guard_window idle = empty;

	(void)state;
	assert_int_equal(g.state, GUARD_UNKNOWN);
	for (int m = 0; m < METRIC_COUNT; m++) {
		assert_int_equal(g.metric[m].state, GUARD_UNKNOWN);
		assert_true(isnan(g.metric[m].value[ARM_V2]));
	}
	/* a p99 without work behind it proves nothing; memory needs no work */
	idle.p99_us = 9000000;
	idle.memory_bytes = 2001;
	g = evaluate(limits_of(0.05, 1000, 2000), good, idle);
	assert_int_equal(g.metric[METRIC_P99].state, GUARD_UNKNOWN);
	assert_int_equal(g.metric[METRIC_MEMORY].state, GUARD_RED);
}

static void test_one_unknown_is_not_green(void **state)
{
	struct guard_window no_latency = good;
	struct guard g;

	(void)state;
	no_latency.p99_us = UNKNOWN;
	g = evaluate(limits_of(0.05, 1000, 2000), good, no_latency);
	assert_int_equal(g.metric[METRIC_ERRORS].state, GUARD_GREEN);
	assert_int_equal(g.state, GUARD_UNKNOWN);
	assert_int_equal(g.worst, METRIC_P99);
}

static void test_errors_need_ten_done_and_two_failed(void **state)
{
	static const struct {
		int64_t done, failed;
		enum guard_state state;
	} cases[] = {
		{10, 2, GUARD_RED},
		{9, 9, GUARD_UNKNOWN},
		{10, 1, GUARD_UNKNOWN},
		{1, 1, GUARD_UNKNOWN},
		{1, 0, GUARD_GREEN},
		{40, 2, GUARD_GREEN},
		{39, 2, GUARD_RED},
		{0, 0, GUARD_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct guard g = evaluate(
			limits_of(0.05, UNKNOWN, UNKNOWN), good, failing(cases[i].done, cases[i].failed));

		assert_int_equal(g.state, cases[i].state);
	}
}

static void test_limits_break_above_not_at(void **state)
{
	struct guard_window w = good;

	(void)state;
	w.p99_us = 1000000;
	w.memory_bytes = 2000;
	assert_int_equal(evaluate(limits_of(NAN, 1000, 2000), good, w).state, GUARD_GREEN);
	w.p99_us++;
	assert_int_equal(
		evaluate(limits_of(NAN, 1000, 2000), good, w).metric[METRIC_P99].state, GUARD_RED);
	w.memory_bytes++;
	assert_int_equal(
		evaluate(limits_of(NAN, 1000, 2000), good, w).metric[METRIC_MEMORY].state, GUARD_RED);
}

static void test_p99_needs_a_hundred_done(void **state)
{
	struct guard_limits l = limits_of(NAN, 1000, UNKNOWN);
	struct guard_window w = good;

	(void)state;
	w.p99_us = 1000001;
	w.done = 100;
	assert_int_equal(evaluate(l, good, w).state, GUARD_RED);
	w.done = 99; /* the slowest one proves nothing */
	assert_int_equal(evaluate(l, good, w).state, GUARD_UNKNOWN);
	w.done = 1;
	assert_int_equal(evaluate(l, good, w).state, GUARD_UNKNOWN);
	w.p99_us = 1000000; /* below it few are enough */
	assert_int_equal(evaluate(l, good, w).state, GUARD_GREEN);
	/* so v1 with little work excuses nothing */
	struct guard_window v1 = good, v2 = good;
	v1.p99_us = v2.p99_us = 1000001;
	v1.done = 99;
	struct guard g = evaluate(l, v1, v2);
	assert_true(g.state == GUARD_RED && !g.both);
}

static void test_both_sides_are_not_v2s_doing(void **state)
{
	struct guard_window slow_v2 = failing(1000, 220);
	struct guard g = evaluate(limits_of(0.05, 1000, 2000), failing(1000, 210), slow_v2);

	(void)state;
	assert_true(g.both);
	assert_true(g.metric[METRIC_ERRORS].both);
	assert_int_equal(g.metric[METRIC_ERRORS].state, GUARD_RED);
	assert_int_equal(g.state, GUARD_GREEN); /* of the others */
	assert_int_equal(g.worst, METRIC_ERRORS);
	slow_v2.p99_us = UNKNOWN;
	g = evaluate(limits_of(0.05, 1000, 2000), failing(1000, 210), slow_v2);
	assert_int_equal(g.state, GUARD_UNKNOWN);
	assert_int_equal(g.worst, METRIC_ERRORS);
	slow_v2.p99_us = 1000001; /* v2's alone */
	g = evaluate(limits_of(0.05, 1000, 2000), failing(1000, 210), slow_v2);
	assert_true(g.both);
	assert_int_equal(g.state, GUARD_RED);
	assert_int_equal(g.worst, METRIC_P99);
	g = evaluate(limits_of(0.05, UNKNOWN, UNKNOWN), failing(1000, 210), failing(1000, 220));
	assert_int_equal(g.state, GUARD_UNKNOWN); /* never green while it is broken */
}

static void test_v1_without_proof_excuses_nothing(void **state)
{
	struct guard g =
		evaluate(limits_of(0.05, UNKNOWN, UNKNOWN), failing(5, 5), failing(1000, 220));

	(void)state;
	assert_false(g.both);
	assert_int_equal(g.state, GUARD_RED);
	g = evaluate(limits_of(0.05, UNKNOWN, UNKNOWN), empty, failing(1000, 220));
	assert_int_equal(g.state, GUARD_RED);
	g = evaluate(limits_of(0.05, UNKNOWN, UNKNOWN), failing(1000, 500), good);
	assert_false(g.both);
	assert_int_equal(g.state, GUARD_GREEN); /* v1 alone is bad: v2's guard is about v2 */
}

static void test_without_a_share_nothing_is_asked(void **state)
{
	struct guard_window window[ARM_COUNT] = {failing(1000, 500), failing(1000, 500)};
	struct guard_limits l = limits_of(0.05, 1000, 2000);
	struct guard g;

	(void)state;
	guard_evaluate(&g, &l, window, false);
	assert_int_equal(g.state, GUARD_NONE);
	assert_int_equal(g.worst, -1);
	assert_false(g.both);
	for (int m = 0; m < METRIC_COUNT; m++)
		assert_int_equal(g.metric[m].state, GUARD_NONE);
	assert_true(g.metric[METRIC_ERRORS].value[ARM_V1] == 0.5);
}

/* The invariants, over random windows and limits. */
static void test_invariants(void **state)
{
	uint64_t seed = 13;

	(void)state;
	for (int run = 0; run < 20000; run++) {
		struct guard_window w[ARM_COUNT];
		struct guard_limits l = limits_of(seeded_below(&seed, 3) ? 0.05 : NAN,
			seeded_below(&seed, 3) ? 1000 : UNKNOWN, seeded_below(&seed, 3) ? 2000 : UNKNOWN);
		struct guard g;
		bool red = false, both = false, all_green = true, any = false;

		for (int arm = 0; arm < ARM_COUNT; arm++) {
			w[arm].done = seeded_below(&seed, 4) ? seeded_below(&seed, 60) : 0;
			w[arm].failed = w[arm].done ? seeded_below(&seed, w[arm].done + 1) / 8 : 0;
			w[arm].p99_us = seeded_below(&seed, 3) ? seeded_below(&seed, 2000000) : UNKNOWN;
			w[arm].memory_bytes = seeded_below(&seed, 3) ? seeded_below(&seed, 4000) : UNKNOWN;
			w[arm].covered_ms = 60000;
		}
		guard_evaluate(&g, &l, w, true);
		for (int m = 0; m < METRIC_COUNT; m++) {
			const struct guard_metric *metric = &g.metric[m];

			assert_int_equal(metric->state == GUARD_NONE, isnan(metric->limit) != 0);
			if (metric->state == GUARD_GREEN)
				assert_true(metric->value[ARM_V2] <= metric->limit);
			if (metric->state == GUARD_RED)
				assert_true(metric->value[ARM_V2] > metric->limit);
			if (metric->both)
				assert_true(metric->value[ARM_V1] > metric->limit);
			any = any || metric->state != GUARD_NONE;
			both = both || metric->both;
			red = red || (metric->state == GUARD_RED && !metric->both);
			all_green = all_green &&
				(metric->state == GUARD_NONE || metric->state == GUARD_GREEN || metric->both);
		}
		assert_int_equal(g.both, both);
		assert_int_equal(g.state == GUARD_RED, red);
		assert_int_equal(g.state == GUARD_NONE, !any);
		assert_int_equal(g.worst >= 0, any);
		if (g.state == GUARD_GREEN)
			assert_true(all_green);
		if (red)
			assert_false(g.metric[g.worst].both);
	}
}

/* ---- the latch ---- */

static struct instant at_second(int64_t s)
{
	return (struct instant){.boot_ms = s * 1000, .wall_ms = 1700000000000 + s * 1000};
}

static bool update(struct guard_latch *l, struct guard_window v2, int64_t second)
{
	struct guard g = evaluate(limits_of(0.05, 1000, UNKNOWN), good, v2);

	return guard_latch_update(l, &g, NULL, at_second(second));
}

static void test_latch_keeps_the_beginning(void **state)
{
	struct guard_latch l = {0};

	(void)state;
	assert_false(update(&l, good, 1));
	assert_false(l.red);
	assert_true(update(&l, failing(100, 50), 2));
	assert_false(update(&l, failing(100, 60), 3));
	assert_false(update(&l, good, 4)); /* green again does not release it */
	assert_false(update(&l, empty, 5));
	assert_true(l.red);
	assert_int_equal(l.since_wall_ms, at_second(2).wall_ms);
	assert_int_equal(l.metric, METRIC_ERRORS);
}

static void test_unknown_and_both_do_not_latch(void **state)
{
	struct guard_latch l = {0};
	struct guard both =
		evaluate(limits_of(0.05, UNKNOWN, UNKNOWN), failing(100, 50), failing(100, 50));

	(void)state;
	assert_false(update(&l, empty, 1));
	assert_false(guard_latch_update(&l, &both, NULL, at_second(2)));
	assert_false(l.red);
	assert_true(l.both);
	assert_false(update(&l, good, 3));
	assert_false(l.both);
}

static void test_only_a_younger_resume_releases(void **state)
{
	struct guard_latch l = {0};

	(void)state;
	assert_true(update(&l, failing(100, 50), 2));
	guard_latch_resume(&l, at_second(1).wall_ms);
	assert_true(l.red);
	guard_latch_resume(&l, at_second(2).wall_ms);
	assert_true(l.red);
	guard_latch_resume(&l, at_second(2).wall_ms + 1);
	assert_false(l.red);
}

static void test_resume_accepts_what_is_red(void **state)
{
	struct guard_latch l = {0};
	struct guard_window slow = failing(100, 50);

	(void)state;
	assert_true(update(&l, failing(100, 50), 2));
	guard_latch_resume(&l, at_second(3).wall_ms);
	assert_false(update(&l, failing(100, 50), 4)); /* the same failures, still in the window */
	assert_false(l.red);
	slow.p99_us = 2000000; /* another limit was not accepted */
	assert_true(update(&l, slow, 5));
	assert_int_equal(l.metric, METRIC_P99);
}

static void test_acceptance_ends_when_it_is_not_red(void **state)
{
	struct guard_latch l = {0};

	(void)state;
	assert_true(update(&l, failing(100, 50), 2));
	guard_latch_resume(&l, at_second(3).wall_ms);
	assert_false(update(&l, good, 4));
	assert_true(update(&l, failing(100, 50), 5));
	assert_int_equal(l.since_wall_ms, at_second(5).wall_ms);
}

static void test_resume_after_it_turned_green_accepts_nothing(void **state)
{
	struct guard_latch l = {0};

	(void)state;
	assert_true(update(&l, failing(100, 50), 2));
	assert_false(update(&l, good, 3));
	guard_latch_resume(&l, at_second(4).wall_ms);
	assert_false(l.red);
	assert_true(update(&l, failing(100, 50), 5));
}

static void test_resume_of_nothing(void **state)
{
	struct guard_latch l = {0};

	(void)state;
	guard_latch_resume(&l, at_second(1).wall_ms);
	assert_true(update(&l, failing(100, 50), 2));
}

/* The pool's own guard has a word too, and a resume accepts it like the rest. */
static void test_the_pools_word_latches(void **state)
{
	struct guard_latch l = {0};
	struct guard g = evaluate(limits_of(0.05, 1000, UNKNOWN), good, good);

	(void)state;
	assert_false(guard_latch_update(&l, &g, NULL, at_second(1)));
	assert_true(guard_latch_update(&l, &g, "p99 2,100 of 1,000 ms", at_second(2)));
	assert_true(l.red && l.by_pool);
	assert_int_equal(l.metric, METRIC_P99);
	assert_int_equal(l.since_wall_ms, at_second(2).wall_ms);
	guard_latch_resume(&l, at_second(3).wall_ms);
	assert_false(l.red);
	assert_false(guard_latch_update(&l, &g, "p99 2,100 of 1,000 ms", at_second(4)));
	assert_false(guard_latch_update(&l, &g, NULL, at_second(5)));
	assert_true(guard_latch_update(&l, &g, "", at_second(6)));
	assert_int_equal(l.metric, METRIC_ERRORS);
	/* what this process sees itself comes first */
	l = (struct guard_latch){0};
	struct guard_window fat = good;
	fat.memory_bytes = 2000;
	g = evaluate(limits_of(0.05, 1000, 1500), good, fat);
	assert_true(guard_latch_update(&l, &g, "errors 9 of 5 %", at_second(7)));
	assert_false(l.by_pool);
	assert_int_equal(l.metric, METRIC_MEMORY);
}

/* ---- the judge beside the limits ---- */

static struct guard hearing(struct guard g, bool suspected, bool brakes, const char *text)
{
	struct verdict v = {.suspected = suspected,
		.brakes = brakes,
		.word = suspected ? VERDICT_HARM : VERDICT_UNDECIDED};

	memcpy(v.text, text, strlen(text) + 1);
	guard_hear(&g, &v);
	return g;
}

static void test_the_judge_is_heard(void **state)
{
	struct guard_limits l = limits_of(0.05, 1000, UNKNOWN);
	struct guard g;

	(void)state;
	g = hearing(evaluate(l, good, good), false, false, "errors UNDECIDED: neither proven yet");
	assert_int_equal(g.state, GUARD_GREEN);
	assert_int_equal(g.judge, GUARD_NONE);
	assert_string_equal(g.judge_word, "");
	g = hearing(evaluate(l, good, good), true, false, "errors HARM, at least 1.2x v1's");
	assert_int_equal(g.state, GUARD_AMBER);
	assert_string_equal(g.judge_word, "errors HARM, at least 1.2x v1's");
	g = hearing(evaluate(l, good, good), true, true, "errors HARM, at least 2.0x v1's");
	assert_int_equal(g.state, GUARD_RED);
	assert_int_equal(g.judge, GUARD_RED);
	/* what is suspected and not proven is told by what it is, not by the word that stands */
	struct verdict v = {.word = VERDICT_SAFE, .text = "p99 SAFE, under 1.5x v1's"};
	v.suspected = true;
	g = evaluate(l, good, good);
	guard_hear(&g, &v); /* JUDGED_ERRORS */
	assert_int_equal(g.state, GUARD_AMBER);
	assert_string_equal(g.judge_word, "errors look worse, not proven yet");
	v.suspect = JUDGED_P95;
	guard_hear(&g, &v);
	assert_string_equal(g.judge_word, "p95 looks slower, not proven yet");
	/* it compares: where both break a limit, and where there is no limit at all */
	g = hearing(evaluate(l, failing(1000, 80), failing(1000, 300)), true, true, "errors HARM");
	assert_true(g.both);
	assert_int_equal(g.state, GUARD_RED);
	g = hearing(evaluate(limits_of(NAN, UNKNOWN, UNKNOWN), good, good), true, true, "p99 HARM");
	assert_int_equal(g.state, GUARD_RED);
	assert_int_equal(g.worst, -1);
	/* and never makes less of a broken limit */
	g = hearing(evaluate(l, good, failing(1000, 300)), true, false, "errors HARM");
	assert_int_equal(g.state, GUARD_RED);
	g = hearing(evaluate(l, good, failing(1000, 300)), false, false, "");
	assert_int_equal(g.state, GUARD_RED);
}

static void test_the_judges_red_latches(void **state)
{
	struct guard_latch l = {0};
	struct guard quiet = evaluate(limits_of(0.05, 1000, UNKNOWN), good, good);
	struct guard amber = hearing(quiet, true, false, "p99 HARM, worse than v1's");
	struct guard red = hearing(quiet, true, true, "p99 HARM, worse than v1's");

	(void)state;
	assert_false(guard_latch_update(&l, &amber, NULL, at_second(1)));
	assert_true(guard_latch_update(&l, &red, NULL, at_second(2)));
	assert_true(l.red && l.by_judge && !l.by_pool);
	assert_int_equal(l.metric, METRIC_P99);
	assert_string_equal(l.word, "p99 HARM, worse than v1's");
	assert_false(guard_latch_update(&l, &quiet, NULL, at_second(3)));
	assert_true(l.red);
	/* accepted while there is a sign of it, and until there is none */
	assert_false(guard_latch_update(&l, &red, NULL, at_second(4)));
	guard_latch_resume(&l, at_second(5).wall_ms);
	assert_false(l.red);
	assert_false(guard_latch_update(&l, &red, NULL, at_second(6)));
	assert_false(guard_latch_update(&l, &amber, NULL, at_second(7)));
	assert_false(guard_latch_update(&l, &red, NULL, at_second(8)));
	assert_false(guard_latch_update(&l, &quiet, NULL, at_second(8)));
	assert_true(guard_latch_update(&l, &red, NULL, at_second(8)));
	/* what broke a limit first is told by the limit */
	l = (struct guard_latch){0};
	red = hearing(evaluate(limits_of(0.05, 1000, UNKNOWN), good, failing(1000, 300)), true,
		true, "errors HARM, at least 9.1x v1's");
	assert_true(guard_latch_update(&l, &red, NULL, at_second(9)));
	assert_false(l.by_judge);
	/* who accepts a broken limit accepts what the judge makes of it, while there is a sign of it */
	l = (struct guard_latch){0};
	struct guard limit = evaluate(limits_of(0.05, 1000, UNKNOWN), good, failing(1000, 300));
	assert_true(guard_latch_update(&l, &limit, NULL, at_second(10)));
	guard_latch_resume(&l, at_second(11).wall_ms);
	assert_false(guard_latch_update(&l, &limit, NULL, at_second(12)));
	assert_false(guard_latch_update(&l, &red, NULL, at_second(13)));
	assert_false(guard_latch_update(&l, &quiet, NULL, at_second(14)));
	red = hearing(quiet, true, true, "errors HARM, at least 9.1x v1's");
	assert_true(guard_latch_update(&l, &red, NULL, at_second(15)));
	assert_true(l.by_judge);
}

static void test_what_a_judge_gets_of_the_limits(void **state)
{
	struct guard_limits l = limits_of(0.02, 250, UNKNOWN);
	struct judge_policy p;

	(void)state;
	l.judge.alpha = 0.005;
	guard_policy(&p, &l, 500);
	assert_true(p.alpha == 0.005 && p.error_limit == 0.02);
	assert_int_equal(p.latency_limit_us, 250000);
	assert_int_equal(p.interval_ms, 500);
	l = limits_of(NAN, UNKNOWN, 1 << 20);
	guard_policy(&p, &l, 1000);
	assert_true(isnan(p.error_limit));
	assert_int_equal(p.latency_limit_us, UNKNOWN);
	assert_true(judge_policy_is_sound(&p));
}

static void test_words_name_their_metric(void **state)
{
	(void)state;
	for (int m = 0; m < METRIC_COUNT; m++)
		assert_int_equal(guard_word_metric(metric_name((enum metric)m)), m);
	assert_int_equal(guard_word_metric("p99 2,100"), METRIC_P99);
	assert_int_equal(guard_word_metric("something else"), METRIC_ERRORS);
}

static void test_row_33_no_traffic_is_no_evidence(void **state)
{
	/* v2 gets nothing at all: nothing of it is green, nor red */
	struct guard g = evaluate(limits_of(0.05, 1000, UNKNOWN), good, empty);

	(void)state;
	assert_int_equal(g.state, GUARD_UNKNOWN);
	assert_true(isnan(g.metric[METRIC_ERRORS].value[ARM_V2]));
}

static void test_row_34_few_without_failure_prove_little(void **state)
{
	/* no failure among a dozen looks perfect, and may still be a quarter */
	(void)state;
	assert_true(guard_upper_bound(12, 0) == 0.25);
	assert_true(guard_upper_bound(300, 0) == 0.01);
	assert_true(guard_upper_bound(3000, 0) == 0.001);
	assert_true(guard_upper_bound(3, 0) == 1);
	assert_true(guard_upper_bound(0, 0) == 1);
	assert_true(isnan(guard_upper_bound(300, 1)));
	assert_true(isnan(guard_upper_bound(UNKNOWN, 0)));
	assert_true(isnan(guard_upper_bound(300, UNKNOWN)));
}

static void test_row_39_a_metric_that_is_missing(void **state)
{
	/* the pool answers and counts, but has stopped saying its latencies */
	struct guard_window mute = good;
	struct guard g;

	(void)state;
	mute.p99_us = UNKNOWN;
	g = evaluate(limits_of(0.05, 1000, UNKNOWN), good, mute);
	assert_int_equal(g.metric[METRIC_ERRORS].state, GUARD_GREEN);
	assert_int_equal(g.metric[METRIC_P99].state, GUARD_UNKNOWN);
	assert_int_equal(g.state, GUARD_UNKNOWN);
}

static void test_row_40_flapping_stays_red_and_is_counted(void **state)
{
	/* good and bad take turns: a look at the right moment would see green */
	struct guard_latch l = {0};

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(update(&l, failing(100, 50), 10 * i), i == 0);
		assert_false(update(&l, failing(100, 60), 10 * i + 1)); /* still the same red */
		assert_false(update(&l, good, 10 * i + 5));
		assert_true(l.red);
		assert_int_equal(l.flaps, i);
	}
	/* a resume accepts, it does not forget */
	guard_latch_resume(&l, at_second(50).wall_ms);
	assert_true(update(&l, failing(100, 50), 60));
	assert_int_equal(l.flaps, 4);
}

static void test_values(void **state)
{
	char out[24];

	(void)state;
	guard_value_text(out, sizeof(out), METRIC_ERRORS, 0.041);
	assert_string_equal(out, "4.1 %");
	guard_value_text(out, sizeof(out), METRIC_P99, 171000);
	assert_string_equal(out, "171 ms");
	guard_value_text(out, sizeof(out), METRIC_MEMORY, 2147483648.0);
	assert_string_equal(out, "2G");
	guard_value_text(out, sizeof(out), METRIC_P99, NAN);
	assert_string_equal(out, "- ms");
	guard_value_text(out, sizeof(out), METRIC_ERRORS, NAN);
	assert_string_equal(out, "- %");
}

static void test_actions(void **state)
{
	(void)state;
	for (int a = 0; a < GUARD_ACTION_COUNT; a++)
		assert_int_equal(guard_action_of(guard_action_name((enum guard_action)a)), a);
	assert_int_equal(guard_action_of("Rollback"), GUARD_ACTION_COUNT);
	assert_int_equal(guard_action_of(""), GUARD_ACTION_COUNT);
}

static void test_any_limit(void **state)
{
	struct guard_limits l = limits_of(NAN, UNKNOWN, UNKNOWN);

	(void)state;
	assert_false(guard_limits_any(&l));
	l = limits_of(0.05, UNKNOWN, UNKNOWN);
	assert_true(guard_limits_any(&l));
	l = limits_of(NAN, 1000, UNKNOWN);
	assert_true(guard_limits_any(&l));
	l = limits_of(NAN, UNKNOWN, 1000);
	assert_true(guard_limits_any(&l));
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(guard_state_name(GUARD_UNKNOWN), "UNKNOWN");
	assert_string_equal(guard_state_name(GUARD_RED), "RED");
	assert_string_equal(metric_name(METRIC_P99), "p99");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_no_limits_is_none),
		cmocka_unit_test(test_green),
		cmocka_unit_test(test_no_data_is_unknown),
		cmocka_unit_test(test_one_unknown_is_not_green),
		cmocka_unit_test(test_errors_need_ten_done_and_two_failed),
		cmocka_unit_test(test_limits_break_above_not_at),
		cmocka_unit_test(test_p99_needs_a_hundred_done),
		cmocka_unit_test(test_both_sides_are_not_v2s_doing),
		cmocka_unit_test(test_v1_without_proof_excuses_nothing),
		cmocka_unit_test(test_without_a_share_nothing_is_asked),
		cmocka_unit_test(test_invariants),
		cmocka_unit_test(test_latch_keeps_the_beginning),
		cmocka_unit_test(test_unknown_and_both_do_not_latch),
		cmocka_unit_test(test_only_a_younger_resume_releases),
		cmocka_unit_test(test_resume_accepts_what_is_red),
		cmocka_unit_test(test_acceptance_ends_when_it_is_not_red),
		cmocka_unit_test(test_resume_after_it_turned_green_accepts_nothing),
		cmocka_unit_test(test_resume_of_nothing),
		cmocka_unit_test(test_the_pools_word_latches),
		cmocka_unit_test(test_the_judge_is_heard),
		cmocka_unit_test(test_the_judges_red_latches),
		cmocka_unit_test(test_what_a_judge_gets_of_the_limits),
		cmocka_unit_test(test_words_name_their_metric),
		cmocka_unit_test(test_row_33_no_traffic_is_no_evidence),
		cmocka_unit_test(test_row_34_few_without_failure_prove_little),
		cmocka_unit_test(test_row_39_a_metric_that_is_missing),
		cmocka_unit_test(test_row_40_flapping_stays_red_and_is_counted),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_any_limit),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
