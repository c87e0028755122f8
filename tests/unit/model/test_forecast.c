/* Forecast: known cases worked out by hand, what cannot be said, the ends of the share, what is
 * too small, and the forecast against a judge that is fed what was forecast. */
#include "model/forecast.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

#define near(a, b, digits) assert_true(fabs((a) - (b)) < (digits))

static struct judge_policy policy;
static struct forecast_basis basis;
static struct forecast f;

/* 1,000 units a second, one in a thousand bad. */
static int setup(void **state)
{
	(void)state;
	judge_policy_init(&policy);
	basis = (struct forecast_basis){.policy = &policy,
		.units_per_second = 1000,
		.bad_rate = 0.001,
		.ratio = {0.5, 1.2, 3},
		.phi = 1,
		.settle_ms = UNKNOWN};
	return 0;
}

/* At 10 %: y = 2/11, pi = 0.11/1.01, 1.0998 bad a second; ln 200 + 1 over rate times divergence. */
static void test_a_known_case(void **state)
{
	(void)state;
	forecast_share(&f, &basis, 1000);
	assert_int_equal(f.known_ms, 245386 + 1000);
	assert_int_equal(forecast_harm_ms(&basis, 1000, 2), f.known_ms);
	assert_int_equal(f.safe_ms, 484704 + 1000);
	assert_int_equal(forecast_safe_ms(&basis, 1000), f.safe_ms);
	assert_int_equal(f.back_ms, 450230 + 1000); /* ln 2000, against 1.2 */
	near(f.v2_per_second, 100, 1e-9);
	near(f.v1_bad, 6, 1e-9);
	near(f.v2_bad, 7.2, 1e-9);
	near(f.v2_worst, 18, 1e-9);
	near(f.hurt, 100 * 0.000998001998 * 451.23, 1e-4);
	assert_false(f.too_small);
}

static void test_what_scales(void **state)
{
	(void)state;
	basis.phi = 3;
	assert_int_equal(forecast_harm_ms(&basis, 1000, 2), 736160 + 1000);
	basis.phi = 1;
	basis.units_per_second = 50;
	basis.bad_rate = 0.02;
	assert_int_equal(forecast_harm_ms(&basis, 5000, 5), 10556 + 1000);
	policy.interval_ms = 5000;
	assert_int_equal(forecast_harm_ms(&basis, 5000, 5), 10556 + 5000);
	basis.settle_ms = 30000;
	int64_t bare_ms = forecast_harm_ms(&basis, 1000, 2);
	forecast_share(&f, &basis, 1000);
	assert_int_equal(f.known_ms, bare_ms + 30000);
	assert_int_equal(f.safe_ms, forecast_safe_ms(&basis, 1000) + 30000);
}

/* Tiny canaries are slower; and so is a v2 that is less bad. */
static void test_the_order_of_things(void **state)
{
	static const int shares[] = {10, 100, 500, 1000, 2500, 5000};

	(void)state;
	for (int k = 1; k < 6; k++) {
		assert_true(forecast_harm_ms(&basis, shares[k], 2) <
			forecast_harm_ms(&basis, shares[k - 1], 2));
		assert_true(
			forecast_safe_ms(&basis, shares[k]) < forecast_safe_ms(&basis, shares[k - 1]));
	}
	assert_true(forecast_harm_ms(&basis, 1000, 1.5) > forecast_harm_ms(&basis, 1000, 2));
	assert_true(forecast_harm_ms(&basis, 1000, 20) < forecast_harm_ms(&basis, 1000, 2));
}

static void test_what_the_tolerance_allows_is_never_found(void **state)
{
	(void)state;
	assert_true(forecast_harm_ms(&basis, 1000, 1) == UNKNOWN);
	assert_true(forecast_harm_ms(&basis, 1000, 1.1) == UNKNOWN);
	assert_true(forecast_harm_ms(&basis, 1000, 0.5) == UNKNOWN);
	assert_true(forecast_harm_ms(&basis, 1000, 1.2) != UNKNOWN);
	policy.tolerance = 1;
	policy.margin = 3;
	basis.bake_ms = 600000;
	forecast_share(&f, &basis, 1000);
	assert_true(f.known_ms == UNKNOWN && f.back_ms == UNKNOWN && isnan(f.hurt) && f.too_small);
	assert_true(f.safe_ms != UNKNOWN);
	policy.tolerance = 0; /* found at once; a rollback by itself asks for 1.2 */
	forecast_share(&f, &basis, 1000);
	assert_true(f.known_ms < f.back_ms);
}

static void check_unknown(void)
{
	forecast_share(&f, &basis, 1000);
	assert_true(f.known_ms == UNKNOWN && f.back_ms == UNKNOWN && f.safe_ms == UNKNOWN);
	assert_true(isnan(f.hurt));
	assert_true(forecast_harm_ms(&basis, 1000, 2) == UNKNOWN);
	assert_true(forecast_safe_ms(&basis, 1000) == UNKNOWN);
}

static void test_what_cannot_be_said(void **state)
{
	(void)state;
	basis.units_per_second = NAN;
	check_unknown();
	assert_true(isnan(f.v2_per_second) && isnan(f.v1_bad) && isnan(f.v2_bad));
	assert_true(isnan(f.v2_worst));
	basis.units_per_second = 1000;
	basis.bad_rate = NAN;
	check_unknown();
	assert_true(f.v2_per_second == 100 && isnan(f.v1_bad));
	assert_true(isnan(f.v2_bad) && isnan(f.v2_worst));
	basis.bad_rate = 0; /* a service without errors has no ratio */
	check_unknown();
	assert_true(f.v1_bad == 0 && f.v2_bad == 0 && f.v2_worst == 0);
	basis.bad_rate = 1;
	check_unknown();
	basis.bad_rate = 0.001;
	basis.units_per_second = 0;
	check_unknown();
	basis.units_per_second = 1000;
	basis.ratio = (struct ratio){NAN, NAN, NAN};
	forecast_share(&f, &basis, 1000);
	assert_true(isnan(f.v2_bad) && isnan(f.v2_worst) && f.known_ms != UNKNOWN);
	basis.ratio = (struct ratio){0, 2, INFINITY}; /* no upper end is no number */
	forecast_share(&f, &basis, 1000);
	assert_true(f.v2_bad == 12 && isnan(f.v2_worst));
}

static void test_no_more_than_all_units(void **state)
{
	(void)state;
	basis.bad_rate = 0.6;
	basis.ratio = (struct ratio){1, 4, 30};
	forecast_share(&f, &basis, 1000);
	near(f.v2_bad, 6000, 1e-9);
	near(f.v2_worst, 6000, 1e-9);
	near(f.v1_bad, 3600, 1e-9);
}

static void test_the_ends_of_the_share(void **state)
{
	(void)state;
	forecast_share(&f, &basis, 0);
	assert_true(f.v2_per_second == 0 && f.v2_bad == 0 && f.v2_worst == 0 && f.v1_bad == 0);
	assert_true(f.known_ms == UNKNOWN && f.safe_ms == UNKNOWN && f.back_ms == UNKNOWN);
	assert_true(isnan(f.hurt) && !f.too_small);
	forecast_share(&f, &basis, SHARE_FULL); /* nobody to compare with */
	assert_true(f.v2_per_second == 1000 && f.v1_bad == 60);
	assert_true(f.known_ms == UNKNOWN && f.safe_ms == UNKNOWN && f.back_ms == UNKNOWN);
}

static void test_too_small(void **state)
{
	(void)state;
	basis.bake_ms = 246386;
	forecast_share(&f, &basis, 1000);
	assert_false(f.too_small);
	basis.bake_ms = 246385;
	forecast_share(&f, &basis, 1000);
	assert_true(f.too_small);
	basis.settle_ms = 20000;
	basis.bake_ms = 246386;
	forecast_share(&f, &basis, 1000);
	assert_true(f.too_small);
	forecast_share(&f, &basis, SHARE_FULL); /* one side alone is no comparison */
	assert_false(f.too_small);
	basis.units_per_second = NAN; /* nor is what is not known too small */
	forecast_share(&f, &basis, 1000);
	assert_false(f.too_small);
	basis.bake_ms = 0; /* no bake that could end */
	forecast_share(&f, &basis, 1000);
	assert_false(f.too_small);
}

/* Ten bad units more are more than the evidence asks for where nearly all are bad: 9 of 10 at
 * v1, 18 of 19 at v2. */
static void test_a_rollback_waits_for_ten(void **state)
{
	(void)state;
	basis.bad_rate = 0.9;
	basis.units_per_second = 100;
	forecast_share(&f, &basis, 1000);
	assert_int_equal(f.back_ms, 21111); /* 10 / (10 (18/19 - 9/10)) */
	near(f.hurt, 10, 1e-3);
	basis.bad_rate = 1e-9;
	basis.units_per_second = 1e4;
	forecast_share(&f, &basis, 1000);
	assert_true(f.back_ms == UNKNOWN && isnan(f.hurt));
	basis.bad_rate = 0.001;
	basis.units_per_second = 1000;
	policy.metric[JUDGED_P99] = false;
	forecast_share(&f, &basis, 1);
	assert_true(f.back_ms >= 10 / (0.1 * 0.000998002) * 1000 - 1);
	assert_true(f.hurt >= 10 - 1e-6);
}

static void test_within_a_year_or_never(void **state)
{
	(void)state;
	basis.units_per_second = 1e-6;
	check_unknown();
	basis.units_per_second = 1;
	assert_true(forecast_harm_ms(&basis, 1000, 2) > 86400000);
}

/* The judge, fed what was forecast, finds it when it was forecast to. */
static void test_what_then_happens(void **state)
{
	static const struct {
		int share_bp;
		struct units v1, v2;
		double worse;
	} rows[] = {{1000, {90000, 90}, {10000, 20}, 2}, {5000, {5000, 5}, {5000, 10}, 2},
		{1000, {9000, 9}, {1000, 3}, 3}};

	(void)state;
	policy.metric[JUDGED_P99] = false;
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		struct judge j;
		struct judge_interval i = {.length_ms = 1000, .settled = true, .sessions = true};
		judge_init(&j, &policy);
		i.arm[ARM_V1].units = rows[k].v1;
		for (int look = 0; look < 31; look++)
			judge_look(&j, &i);
		i.share_bp = rows[k].share_bp;
		i.arm[ARM_V2].units = rows[k].v2;
		int64_t looks = 0;
		for (; looks < 1000 && !j.finding[CLAIM_ERRORS].found; looks++)
			judge_look(&j, &i);
		judge_release(&j);
		basis.units_per_second = (double)(rows[k].v1.n + rows[k].v2.n);
		int64_t ms = forecast_harm_ms(&basis, rows[k].share_bp, rows[k].worse);
		assert_true(fabs((double)(ms - looks * 1000)) < 0.15 * (double)looks * 1000 + 1000);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		CASE(test_a_known_case),
		CASE(test_what_scales),
		CASE(test_the_order_of_things),
		CASE(test_what_the_tolerance_allows_is_never_found),
		CASE(test_what_cannot_be_said),
		CASE(test_no_more_than_all_units),
		CASE(test_the_ends_of_the_share),
		CASE(test_too_small),
		CASE(test_a_rollback_waits_for_ten),
		CASE(test_within_a_year_or_never),
		CASE(test_what_then_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
