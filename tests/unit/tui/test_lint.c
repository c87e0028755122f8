/* Doubts about configurations: each with a pool that has it and one that has it not; and the
 * rates that they go by. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/lint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GUARDS "guards: {error_rate_threshold: 0.05, latency_threshold_ms: 1000}"
#define PLAN "plan: {steps: [10%, 50%, 100%]}"

static const struct rates unknown = {
	.units_per_second = NAN, .requests_per_second = NAN, .bad_rate = NAN};

static struct rates rates(double rps, double bad)
{
	return (struct rates){.units_per_second = rps, .requests_per_second = rps, .bad_rate = bad};
}

/* The doubts of a pool with these keys, a line each. */
static const char *doubts(const char *keys, const struct rates *r)
{
	static char said[4096];
	char text[512];
	struct config c;
	struct err err = {0};
	struct lint l = {0};
	snprintf(text, sizeof text, "pools: {p: {target: 'local:', %s}}", keys);
	if (config_parse(&c, text, strlen(text), "f", &err) < 0)
		fail_msg("%s: %s", text, err.text);
	lint_pool(&l, &c.pools[0], r);
	*said = 0;
	for (size_t i = 0; i < l.count; i++) {
		size_t used = strlen(said);
		assert_string_equal(l.doubts[i].pool, "p");
		snprintf(
			said + used, sizeof said - used, "%s: %s\n", l.doubts[i].key, l.doubts[i].text);
	}
	lint_release(&l);
	assert_null(l.doubts);
	config_free(&c);
	return said;
}

static void assert_doubt(const char *keys, const struct rates *r, const char *says)
{
	if (!strstr(doubts(keys, r), says))
		fail_msg("%s: expected \"%s\" in\n%s", keys, says, doubts(keys, r));
}

static void assert_no_doubt(const char *keys, const struct rates *r, const char *says)
{
	if (strstr(doubts(keys, r), says))
		fail_msg("%s: unexpected \"%s\" in\n%s", keys, says, doubts(keys, r));
}

static void test_a_good_pool_has_none(void **state)
{
	(void)state;
	struct rates busy = rates(5000, 0.01);
	busy.covered_ms = 1000;
	busy.latency = busy.memory = true;
	assert_string_equal(doubts(PLAN ", " GUARDS, &unknown), "");
	assert_string_equal(doubts(PLAN ", " GUARDS, &busy), "");
	assert_string_equal(doubts("env: prod", &unknown), "");
}

static void test_gates_that_are_always_open(void **state)
{
	(void)state;
	assert_doubt(PLAN, &unknown, "guards: it has a plan and no limits");
	assert_no_doubt("env: x", &unknown, "no limits");
	assert_doubt(PLAN ", guards: {error_rate_threshold: 0.1, action: warn}", &unknown,
		"guards.action: a broken limit is only shown");
	assert_no_doubt(
		PLAN ", guards: {error_rate_threshold: 0.1, action: hold}", &unknown, "guards.action");
	assert_doubt("plan: {steps: [10%], policy: manual}, " GUARDS, &unknown,
		"plan.policy: 'manual' asks for no bake and no samples");
	assert_doubt("plan: {steps: [10%], min_samples: 0}, " GUARDS, &unknown,
		"plan.min_samples: no samples are always enough");
	assert_no_doubt("plan: {steps: [10%], min_samples: 0, policy: manual}, " GUARDS, &unknown,
		"plan.min_samples");
}

static void test_limits_that_never_fire(void **state)
{
	(void)state;
	struct rates slow = rates(20, NAN), idle = rates(0.1, NAN), busy = rates(1000, NAN);
	assert_doubt("guards: {error_rate_threshold: 1}", &unknown,
		"guards.error_rate_threshold: no error rate is above 1");
	assert_no_doubt("guards: {error_rate_threshold: 0.99}", &unknown, "never fires");
	assert_doubt("guards: {latency_threshold_ms: 60000}", &unknown,
		"guards.latency_threshold_ms: no latency is told apart above 60000 ms");
	assert_no_doubt("guards: {latency_threshold_ms: 59999}", &unknown, "never fires");
	/* 1 % of 20 a second is 12 a minute: enough for errors, not for a p99 */
	assert_doubt("plan: {steps: [1%, 10%]}, " GUARDS, &slow,
		"guards.latency_threshold_ms: at 1 % of 20 rps v2 does 12 requests in the window of 1m "
		"and the limit takes 100: it never fires below 10 %");
	assert_no_doubt("plan: {steps: [1%, 10%]}, " GUARDS, &slow, "error_rate_threshold");
	assert_doubt("plan: {steps: [1%, 10%]}, " GUARDS, &idle,
		"guards.error_rate_threshold: at 1 % of 0.1 rps v2 does 0 requests in the window of 1m "
		"and the limit takes 10: it never fires in this plan");
	assert_no_doubt("plan: {steps: [1%, 10%]}, " GUARDS, &busy, "never fires");
	assert_no_doubt(GUARDS, &idle, "never fires"); /* no plan, no steps */
}

static void test_figures_that_the_pool_has_not(void **state)
{
	(void)state;
	static const char keys[] =
		"guards: {latency_threshold_ms: 1000, memory_limit: 1GiB}, judge: {metrics: [p99]}";
	struct rates mute = rates(1000, 0.01), full = mute;
	full.covered_ms = mute.covered_ms = 60000;
	full.latency = full.memory = true;
	assert_doubt(keys, &mute, "guards.memory_limit: this pool said nothing about memory");
	assert_doubt(keys, &mute, "guards.latency_threshold_ms: this pool said no latencies");
	assert_doubt(keys, &mute, "judge.metrics: this pool said no latencies");
	assert_string_equal(doubts(keys, &full), "");
	assert_string_equal(doubts(keys, &unknown), "");
	assert_doubt(
		GUARDS ", judge: {metrics: [p99]}", &unknown, "judge.metrics: errors are not judged");
	assert_doubt(
		GUARDS ", judge: {metrics: [errors]}", &unknown, "judge.metrics: p99 is not judged");
	assert_no_doubt(GUARDS, &unknown, "judge.metrics");
}

static void test_bakes_that_are_too_short(void **state)
{
	(void)state;
	struct rates slow = rates(20, 0.001), busy = rates(20000, 0.01), clean = rates(20, 0);
	assert_doubt("plan: {steps: [1%, 100%], max_delta: 100%}, " GUARDS, &slow,
		"plan.bake: at 1 % of 20 rps a v2 that fails twice as often is found after ");
	assert_doubt(PLAN ", " GUARDS, &slow, " h, and the step stays 10m");
	assert_no_doubt("plan: {steps: [1%, 100%], max_delta: 100%}, " GUARDS, &slow, "at 100 %");
	assert_no_doubt("plan: {steps: [10% for 30d], bake: 10m}, " GUARDS, &slow, "plan.bake");
	assert_no_doubt(PLAN ", " GUARDS, &busy, "plan.bake");
	assert_no_doubt(PLAN ", " GUARDS, &unknown, "plan.bake");
	assert_doubt("plan: {steps: [10%], policy: strict}, " GUARDS, &slow,
		"plan.bake: the policy asks for SAFE: at 10 % of 20 rps this needs ");
	assert_no_doubt(PLAN ", " GUARDS, &slow, "SAFE");
	assert_doubt("plan: {steps: [10%], policy: strict}", &clean,
		"guards.error_rate_threshold: v1 has no errors to compare with");
	assert_no_doubt("plan: {steps: [10%], policy: strict}, " GUARDS, &clean, "to compare with");
	/* twice as bad is tolerated: it is never to be found */
	assert_no_doubt("plan: {steps: [10%]}, judge: {tolerance: 100%, margin: 200%}, " GUARDS,
		&slow, "twice as often");
}

static void test_times_are_two_digits(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {{0, "0 s"}, {400, "0.4 s"}, {9900, "9.9 s"}, {45000, "45 s"}, {89000, "89 s"},
		{90000, "1.5 min"}, {720000, "12 min"}, {5400000, "1.5 h"}, {15480000, "4.3 h"},
		{36 * 3600000, "1.5 d"}, {30 * (int64_t)86400000, "30 d"},
		{UNKNOWN, "more than a year"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[24];
		lint_time(text, sizeof text, rows[i].ms);
		assert_string_equal(text, rows[i].text);
	}
}

/* ---- rates ---- */

static void test_rates_of_the_command_line(void **state)
{
	(void)state;
	struct options o = {0};
	struct rates r;
	struct err err = {0};
	assert_int_equal(rates_of_options(&r, &o, &err), 0);
	assert_true(isnan(r.units_per_second) && isnan(r.bad_rate));
	o.rps = "20";
	assert_int_equal(rates_of_options(&r, &o, &err), 1);
	assert_true(r.requests_per_second > 19 && r.units_per_second < 21 && isnan(r.bad_rate));
	o.error_rate = "0";
	assert_int_equal(rates_of_options(&r, &o, &err), 1);
	assert_false(r.bad_rate > 0 || isnan(r.bad_rate));
	static const struct {
		const char *rps, *error_rate, *says;
	} bad[] = {{"0", NULL, "--rps '0'"}, {"x", NULL, "--rps 'x'"},
		{"1e10", NULL, "--rps '1e10'"}, {"20", "100%", "--error-rate '100%'"},
		{"20", "nan", "--error-rate 'nan'"},
		{NULL, "1%", "--error-rate says nothing without --rps"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		o.rps = bad[i].rps;
		o.error_rate = bad[i].error_rate;
		assert_int_equal(rates_of_options(&r, &o, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_non_null(strstr(err.text, bad[i].says));
	}
}

static void test_no_history_knows_nothing(void **state)
{
	(void)state;
	struct rates r;
	struct err err = {0};
	assert_int_equal(rates_of_history(&r, "/nonexistent/h.db", "p", 1000, &err), 0);
	assert_true(isnan(r.requests_per_second) && isnan(r.bad_rate));
	assert_int_equal(r.covered_ms, 0);
	assert_int_equal(rates_of_history(&r, "/dev/null", "p", 1000, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
	assert_true(isnan(r.requests_per_second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_pool_has_none),
		cmocka_unit_test(test_gates_that_are_always_open),
		cmocka_unit_test(test_limits_that_never_fire),
		cmocka_unit_test(test_figures_that_the_pool_has_not),
		cmocka_unit_test(test_bakes_that_are_too_short),
		cmocka_unit_test(test_times_are_two_digits),
		cmocka_unit_test(test_rates_of_the_command_line),
		cmocka_unit_test(test_no_history_knows_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
