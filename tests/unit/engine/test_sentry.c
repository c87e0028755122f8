/* Tests of the sentry: what it says of the arms from their counters, on a virtual clock, and
 * that a pool whom nobody polls rolls back by itself within the window. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/sentry.h"
#include "tests/unit/engine/desk.h"

static struct sentry *s;
static struct arm_counts arms[ARM_COUNT];
static struct guard_limits limits;
static struct control_guard word;

static int begin(void **state)
{
	s = calloc(1, sizeof *s);
	memset(arms, 0, sizeof arms);
	for (int i = 0; i < ARM_COUNT; i++) {
		arms[i].has_latency = true;
		arms[i].memory_bytes = 1 << 20;
	}
	guard_limits_init(&limits);
	limits.error_rate = 0.05;
	limits.window_ms = 6000;
	return setup(state);
}

static int end(void **state)
{
	sentry_release(s);
	free(s);
	return teardown(state);
}

/* One second of work. */
static void work(enum arm arm, int count, int failed, int64_t latency_us)
{
	struct arm_counts *w = &arms[arm];
	w->requests += count;
	w->ok += count - failed;
	w->failed[FAILURE_OPERATION] += failed;
	histogram_add(&w->latency, latency_us, count);
}

/* A split that never changed. */
static struct sentry_split split_of(bool asked)
{
	return (struct sentry_split){.share_bp = asked ? 1000 : 0,
		.asked = asked,
		.at_base = !asked,
		.change_age_ms = UNKNOWN};
}

static enum guard_state look_after_a_second(bool asked)
{
	struct sentry_split split = split_of(asked);
	now.boot_ms += 1000;
	now.wall_ms += 1000;
	split.uptime_ms = now.boot_ms;
	sentry_look(s, arms, &limits, &split, now, &word);
	return word.state;
}

static void says_what_is_broken(void **state)
{
	(void)state;
	work(ARM_V2, 1000, 1000, 100); /* before it looked: not its business */
	assert_int_equal(look_after_a_second(true), GUARD_UNKNOWN);
	assert_string_equal(word.word, "errors - % of 5.0 %");
	work(ARM_V1, 100, 0, 100);
	work(ARM_V2, 100, 5, 100);
	assert_int_equal(look_after_a_second(true), GUARD_GREEN);
	work(ARM_V2, 100, 15, 100);
	assert_int_equal(look_after_a_second(true), GUARD_RED);
	assert_string_equal(word.word, "errors 10 % of 5.0 %");
	assert_false(word.both);
	work(ARM_V1, 100, 100, 100);
	assert_int_equal(look_after_a_second(true), GUARD_UNKNOWN);
	assert_true(word.both);
	assert_non_null(strstr(word.word, "and v1 too"));
	/* Rates are over the window: it passes. */
	for (int i = 0; i < 7; i++)
		look_after_a_second(true);
	assert_int_equal(word.state, GUARD_UNKNOWN);
	assert_false(word.both);
}

static void says_latency_and_memory(void **state)
{
	(void)state;
	limits.error_rate = NAN;
	limits.latency_ms = 10;
	look_after_a_second(true);
	work(ARM_V2, 200, 0, 64000);
	assert_int_equal(look_after_a_second(true), GUARD_RED);
	assert_non_null(strstr(word.word, "p99 "));
	assert_non_null(strstr(word.word, " ms of 10 ms"));
	limits.latency_ms = UNKNOWN;
	limits.memory_bytes = 1 << 10;
	assert_int_equal(look_after_a_second(true), GUARD_UNKNOWN); /* v1 has as much */
	arms[ARM_V1].memory_bytes = 1;
	assert_int_equal(look_after_a_second(true), GUARD_RED);
	assert_string_equal(word.word, "memory 1M of 1K");
	limits.memory_bytes = UNKNOWN;
	assert_int_equal(look_after_a_second(true), GUARD_NONE);
	assert_string_equal(word.word, "");
}

static void a_past_at_the_baseline_is_forgotten(void **state)
{
	(void)state;
	look_after_a_second(true);
	work(ARM_V2, 100, 100, 100);
	assert_int_equal(look_after_a_second(false), GUARD_NONE);
	assert_int_equal(look_after_a_second(true), GUARD_UNKNOWN);
	/* So is what was measured for another window. */
	work(ARM_V2, 100, 100, 100);
	assert_int_equal(look_after_a_second(true), GUARD_RED);
	limits.window_ms = 12000;
	assert_int_equal(look_after_a_second(true), GUARD_UNKNOWN);
}

static void counters_that_fell_say_nothing(void **state)
{
	(void)state;
	work(ARM_V2, 100, 0, 100);
	look_after_a_second(true);
	memset(&arms[ARM_V2], 0, sizeof arms[ARM_V2]);
	assert_int_equal(look_after_a_second(true), GUARD_UNKNOWN);
}

/* ---- the judge ---- */

/* A second of sessions, each of one request. */
static void sit(enum arm arm, int count, int bad)
{
	work(arm, count, bad, 100);
	arms[arm].sessions += count;
	arms[arm].sessions_bad += bad;
	arms[arm].has_session_latency = true;
	histogram_add(&arms[arm].session_latency, 100, count);
}

static void look_at(const struct sentry_split *split)
{
	now.boot_ms += 1000;
	now.wall_ms += 1000;
	sentry_look(s, arms, &limits, split, now, &word);
}

/* Seconds of a v2 that fails under its limit and far more often than v1. */
static void sit_badly(const struct sentry_split *split, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		sit(ARM_V1, 900, 1);
		sit(ARM_V2, 100, 4);
		look_at(split);
	}
}

static void harm_is_amber_and_then_red(void **state)
{
	(void)state;
	struct sentry_split split = split_of(true);
	bool amber = false;
	split.uptime_ms = 3600000;
	for (int i = 0; i < 60 && word.state != GUARD_RED; i++) {
		sit_badly(&split, 1);
		amber |= word.state == GUARD_AMBER;
		if (word.state == GUARD_AMBER)
			assert_int_equal(word.red, 0);
	}
	assert_true(amber);
	assert_int_equal(word.state, GUARD_RED);
	assert_int_equal(word.red, 1u << LATCH_JUDGE); /* and no limit is broken */
	assert_int_equal(word.verdict, VERDICT_HARM);
	assert_non_null(strstr(word.word, "errors HARM, at least "));
	assert_string_equal(word.word, word.verdict_text);
	/* A limit that breaks beside it is what is told. */
	sit(ARM_V2, 1000, 900);
	look_at(&split);
	assert_int_equal(word.red, 1u << LATCH_JUDGE | 1u << METRIC_ERRORS);
	assert_non_null(strstr(word.word, " of 5.0 %"));
}

/* Nothing is asked of v2 at the baseline: it is judged all the same, and locks nothing. */
static void at_the_baseline_the_judge_only_speaks(void **state)
{
	(void)state;
	struct sentry_split split = {
		.share_bp = 500, .change_age_ms = UNKNOWN, .uptime_ms = 3600000};
	sit_badly(&split, 60);
	assert_int_equal(word.verdict, VERDICT_HARM);
	assert_int_equal(word.state, GUARD_NONE);
	assert_int_equal(word.red, 0);
}

static void settling_is_no_evidence(void **state)
{
	(void)state;
	struct sentry_split split = {.share_bp = 1000, .asked = true, .settle_ms = 30000};
	for (int i = 0; i < 29; i++) {
		split.change_age_ms = i * 1000;
		sit_badly(&split, 1);
		assert_int_equal(word.verdict, VERDICT_NO_DATA);
		assert_true(word.state < GUARD_AMBER);
	}
	for (int i = 29; i < 90; i++) {
		split.change_age_ms = i * 1000;
		sit_badly(&split, 1);
	}
	assert_int_equal(word.verdict, VERDICT_HARM);
}

/* Nor with a baseline above nothing; and what v2 was not asked before is judged anew too. */
static void a_baseline_is_rest(void **state)
{
	(void)state;
	struct sentry_split split = split_of(true), base = split_of(false);
	split.uptime_ms = base.uptime_ms = 3600000;
	base.share_bp = 500;
	sit_badly(&split, 60);
	assert_int_equal(word.red, 1u << LATCH_JUDGE);
	look_at(&base);
	look_at(&split);
	assert_int_equal(word.red, 0);
	assert_int_not_equal(word.verdict, VERDICT_HARM);
	sit_badly(&split, 60);
	assert_int_equal(word.red, 1u << LATCH_JUDGE);
	split.operations = 2;
	look_at(&split);
	assert_int_equal(word.red, 0);
}

/* One attempt's failures are not the next one's, however short v2 was without a share. */
static void a_new_attempt_is_judged_anew(void **state)
{
	(void)state;
	struct sentry_split split = split_of(true), rest = split_of(false);
	split.uptime_ms = rest.uptime_ms = 3600000;
	for (int round = 0; round < 2; round++) {
		sit_badly(&split, 60);
		assert_int_equal(word.red, 1u << LATCH_JUDGE);
		sit(ARM_V2, 100, 90);
		look_at(&split);
		assert_int_equal(word.red, 1u << LATCH_JUDGE | 1u << METRIC_ERRORS);
		sit(ARM_V2, 100, 90); /* the last of them */
		if (round == 0)       /* seen at a look, or between two */
			look_at(&rest);
		else
			sentry_rest(s);
		look_at(&split);
		assert_int_equal(word.red, 0);
		assert_int_not_equal(word.verdict, VERDICT_HARM);
	}
}

static void a_counter_that_fell_is_a_gap(void **state)
{
	(void)state;
	struct sentry_split split = split_of(true);
	split.uptime_ms = 3600000;
	sit_badly(&split, 30);
	int64_t looks = s->judging->judge.looks;
	arms[ARM_V2].sessions -= 50;
	look_at(&split);
	assert_int_equal(s->judging->judge.looks, looks);
	sit_badly(&split, 1);
	assert_int_equal(s->judging->judge.looks, looks + 1);
}

/* v2 begins to fail a minute after the raise; nobody polls, nobody holds a lease. */
static void nobody_polls_and_it_rolls_back(void **state)
{
	(void)state;
	struct control_request r = step_request("k", 1000);
	r.has_guard = true;
	r.guard = limits;
	r.keep_within_ms = 600000;
	assert_int_equal(send(&r), 200);
	int broken_s = 0;
	for (int i = 0; i < 120 && look()->share_bp > 0; i++) {
		bool breaks = i >= 60;
		struct guard_limits l;
		broken_s += breaks;
		work(ARM_V1, 90, 0, 100);
		work(ARM_V2, 10, breaks ? 10 : 0, 100);
		bool asked = control_limits(c, &l);
		assert_true(asked);
		now.boot_ms += 1000;
		struct sentry_split split = {.share_bp = look()->share_bp,
			.asked = asked,
			.change_age_ms = control_change_age_ms(c, now),
			.uptime_ms = now.boot_ms};
		sentry_look(s, arms, &l, &split, now, &word);
		if (!breaks)
			assert_int_not_equal(word.state, GUARD_RED);
		control_tick(c, &word, &counts, now);
	}
	assert_int_equal(look()->share_bp, 0);
	assert_in_range(broken_s, 1, 6 + 2);
	assert_string_equal(snap->change.actor, POOL_ACTOR);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(says_what_is_broken),
		T(says_latency_and_memory),
		T(a_past_at_the_baseline_is_forgotten),
		T(counters_that_fell_say_nothing),
		T(harm_is_amber_and_then_red),
		T(at_the_baseline_the_judge_only_speaks),
		T(settling_is_no_evidence),
		T(a_baseline_is_rest),
		T(a_new_attempt_is_judged_anew),
		T(a_counter_that_fell_is_a_gap),
		T(nobody_polls_and_it_rolls_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
