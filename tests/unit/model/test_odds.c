/* Odds: the points, what is sound, increments against all outcomes in long double, the digits of
 * the worked example, what says nothing. */
#include "model/odds.h"

#include "model/hypergeometric.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

/* One arm against a rate that was not worked out before. */
static bool against(double d[ODDS_POINTS], const struct odds *o, struct units u, double p0)
{
	struct odds_rate rate = {0};
	odds_rate_set(&rate, o, p0);
	return odds_one(d, o, u, &rate);
}

static struct odds points(double theta0, double theta1)
{
	struct odds o;

	odds_init(&o, theta0, theta1);
	return o;
}

static long double choose(int64_t n, int64_t k)
{
	long double c = 1;

	for (int64_t i = 1; i <= k; i++)
		c = c * (long double)(n - k + i) / (long double)i;
	return c;
}

static long double plain_z(int64_t n1, int64_t n2, int64_t m, long double theta)
{
	long double sum = 0;

	for (int64_t x = m > n1 ? m - n1 : 0; x <= m && x <= n2; x++)
		sum += choose(n2, x) * choose(n1, m - x) * powl(theta, (long double)x);
	return sum;
}

static void test_points(void **state)
{
	struct odds o = points(1.1, 1.5);

	(void)state;
	assert_true(o.theta[0] == 1. / 32 && o.theta[ODDS_ONE] == 1 && o.theta[48] == 2);
	assert_true(o.theta[ODDS_GRID - 1] == 32 && o.ln_theta[ODDS_ONE] == 0);
	assert_true(o.theta[ODDS_HARM] == 1.1 && o.theta[ODDS_SAFE] == 1.5);
	assert_true(o.theta[ODDS_BRAKE] == 1.2);
	for (int k = 0; k < ODDS_POINTS; k++)
		assert_true(o.ln_theta[k] == log(o.theta[k]));
	for (int k = 0; k < ODDS_GRID; k++)
		assert_true(fabs(o.theta[k] * o.theta[ODDS_GRID - 1 - k] - 1) < 1e-15);
	o = points(11, 31); /* the widest that a policy can ask for */
	assert_true(o.theta[ODDS_BRAKE] == 11 && o.theta[ODDS_SAFE] == 31);
	o = points(1, 1);
	assert_true(o.theta[ODDS_BRAKE] == 1.2 && o.ln_theta[ODDS_HARM] == 0);
}

static void test_units_that_can_be(void **state)
{
	static const struct {
		struct units u;
		bool sound;
	} rows[] = {{{0, 0}, true}, {{1, 1}, true}, {{HYPERGEOMETRIC_MAX, 0}, true},
		{{HYPERGEOMETRIC_MAX, HYPERGEOMETRIC_MAX}, true}, {{HYPERGEOMETRIC_MAX + 1, 0}, false},
		{{5, 6}, false}, {{0, 1}, false}, {{-1, 0}, false}, {{-1, -1}, false}, {{5, -1}, false},
		{{INT64_MAX, 0}, false}, {{INT64_MIN, INT64_MIN}, false}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(units_are_sound(rows[i].u), rows[i].sound);
}

static void check_two(const struct odds *o, struct units v1, struct units v2)
{
	double d[ODDS_POINTS];
	int64_t bad = v1.bad + v2.bad;

	assert_true(odds_two(d, o, v1, v2));
	for (int k = 0; k < ODDS_POINTS; k++) {
		long double theta = (long double)o->theta[k];
		long double plain = (long double)v2.bad * logl(theta) -
			logl(plain_z(v1.n, v2.n, bad, theta) / plain_z(v1.n, v2.n, bad, 1));
		assert_true(fabsl(plain - (long double)d[k]) < 1e-12L);
	}
	assert_true(fabs(d[ODDS_ONE]) < 1e-14);
}

static void test_two_arms_are_the_conditional_likelihood(void **state)
{
	static const struct units pairs[][2] = {{{900, 1}, {100, 0}}, {{900, 1}, {100, 1}},
		{{910, 0}, {90, 2}}, {{450, 2}, {550, 9}}, {{30, 29}, {40, 40}}, {{5, 0}, {3, 3}},
		{{100, 30}, {100, 60}}, {{1, 0}, {1, 1}}, {{3, 3}, {1000, 2}}};
	struct odds o = points(1.1, 1.5);

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		check_two(&o, pairs[i][0], pairs[i][1]);
}

static void test_the_worked_example(void **state)
{
	struct odds o = points(1.1, 1.5);
	double d[ODDS_POINTS];

	(void)state;
	assert_true(odds_two(d, &o, (struct units){890, 2}, (struct units){110, 1}));
	assert_true(fabs(d[48] - 0.380305663147) < 5e-13);
}

/* More evidence for each unit more: v2's bad units speak for a higher ratio. */
static void test_more_bad_units_speak_for_more(void **state)
{
	struct odds o = points(1.1, 1.5);
	double last = -INFINITY, d[ODDS_POINTS];

	(void)state;
	for (int64_t x = 0; x <= 10; x++) {
		assert_true(odds_two(d, &o, (struct units){1000, 10 - x}, (struct units){1000, x}));
		assert_true(d[48] > last);
		last = d[48];
	}
}

static void test_what_says_nothing(void **state)
{
	static const struct units pairs[][2] = {{{0, 0}, {0, 0}}, {{0, 0}, {5, 3}},
		{{5, 3}, {0, 0}}, {{1000, 0}, {1000, 0}}, {{1000, 1000}, {10, 10}},
		{{HYPERGEOMETRIC_MAX, 0}, {HYPERGEOMETRIC_MAX, 0}},
		{{HYPERGEOMETRIC_MAX, HYPERGEOMETRIC_MAX}, {HYPERGEOMETRIC_MAX, HYPERGEOMETRIC_MAX}}};
	struct odds o = points(1.1, 1.5);
	double d[ODDS_POINTS];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		d[0] = d[ODDS_POINTS - 1] = NAN;
		assert_false(odds_two(d, &o, pairs[i][0], pairs[i][1]));
		for (int k = 0; k < ODDS_POINTS; k++)
			assert_true(d[k] == 0);
	}
	d[3] = NAN;
	assert_false(against(d, &o, (struct units){0, 0}, 0.5));
	assert_true(d[3] == 0);
}

static void test_one_arm_is_the_likelihood_against_a_rate(void **state)
{
	static const struct {
		struct units u;
		double p0;
	} rows[] = {{{3700, 0}, 0.001}, {{1000, 5}, 0.001}, {{7, 7}, 0.5}, {{1, 0}, 1e-9},
		{{1000, 999}, 0.999999}};
	struct odds o = points(1, 1);
	double d[ODDS_POINTS];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(against(d, &o, rows[i].u, rows[i].p0));
		for (int k = 0; k < ODDS_POINTS; k++) {
			/* the odds times theta: p against p0, a unit at a time */
			long double p0 = (long double)rows[i].p0, theta = (long double)o.theta[k];
			long double p = p0 * theta / (p0 * theta + 1 - p0);
			long double plain = (long double)rows[i].u.bad * logl(p / p0) +
				(long double)(rows[i].u.n - rows[i].u.bad) * log1pl((p0 - p) / (1 - p0));
			assert_true(fabsl(plain - (long double)d[k]) < 1e-12L * (1 + fabsl(plain)));
		}
	}
}

static void test_the_largest_counts_stay_finite(void **state)
{
	static const int64_t bads[] = {0, 1, 1000, INT64_C(1) << 39, INT64_C(1) << 40};
	static const int64_t sizes[] = {1, 64, INT64_C(1) << 40, HYPERGEOMETRIC_MAX};
	struct odds o = points(1.1, 1.5);
	double d[ODDS_POINTS];

	(void)state;
	for (int a = 0; a < 4; a++)
		for (int b = 0; b < 4; b++)
			for (int i = 0; i < 5; i++)
				for (int k = 0; k < 5; k++) {
					struct units v1 = {sizes[a], bads[i]}, v2 = {sizes[b], bads[k]};
					if (!units_are_sound(v1) || !units_are_sound(v2))
						continue;
					odds_two(d, &o, v1, v2);
					for (int p = 0; p < ODDS_POINTS; p++)
						assert_true(isfinite(d[p]));
					against(d, &o, v2, 1e-12);
					assert_true(isfinite(d[0]) && isfinite(d[80]));
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_units_that_can_be),
		cmocka_unit_test(test_two_arms_are_the_conditional_likelihood),
		cmocka_unit_test(test_the_worked_example),
		cmocka_unit_test(test_more_bad_units_speak_for_more),
		cmocka_unit_test(test_what_says_nothing),
		cmocka_unit_test(test_one_arm_is_the_likelihood_against_a_rate),
		cmocka_unit_test(test_the_largest_counts_stay_finite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
