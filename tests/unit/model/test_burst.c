/* Burst: the digits of the worked example, what makes a pair and what breaks the chain, the
 * halving, phi young and old, that a pair's mean is exactly one. */
#include "model/burst.h"

#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>

static void add(struct burst *b, enum arm arm, int64_t n, int64_t bad)
{
	burst_add(b, arm, (struct units){n, bad});
}

static void test_the_worked_example(void **state)
{
	static const struct units v1[] = {
		{900, 1}, {905, 0}, {890, 2}, {1000, 1}, {880, 1}, {910, 0}};
	struct burst b = {0};

	(void)state;
	assert_true(burst_phi(&b) == 5);
	for (size_t i = 0; i < sizeof v1 / sizeof *v1; i++)
		burst_add(&b, ARM_V1, v1[i]);
	assert_true(fabs(b.apart - 1.875617390655) < 5e-13);
	assert_true(fabs(b.expected - 2.243980216646) < 5e-13);
	assert_int_equal(b.pairs, 5);
	assert_true(burst_phi(&b) == 5);
}

static void test_pairs_that_say_nothing(void **state)
{
	struct burst b = {0};

	(void)state;
	add(&b, ARM_V1, 10, 0);
	add(&b, ARM_V1, 10, 0); /* none bad */
	add(&b, ARM_V2, 10, 10);
	add(&b, ARM_V2, 10, 10); /* all bad */
	assert_true(b.pairs == 0 && b.apart == 0 && b.expected == 0);
	add(&b, ARM_V1, 10, 1);
	add(&b, ARM_V2, 10, 9);
	assert_int_equal(b.pairs, 2);
}

static void test_what_breaks_the_chain(void **state)
{
	struct burst b = {0};

	(void)state;
	add(&b, ARM_V1, 10, 1);
	add(&b, ARM_V2, 10, 1); /* another arm */
	assert_int_equal(b.pairs, 0);
	burst_break(&b);
	add(&b, ARM_V1, 10, 1);
	add(&b, ARM_V2, 10, 1);
	assert_int_equal(b.pairs, 0);
	add(&b, ARM_V1, 0, 0); /* an interval without units */
	add(&b, ARM_V1, 10, 1);
	assert_int_equal(b.pairs, 0);
	add(&b, ARM_V1, -5, 0);
	add(&b, ARM_V1, 10, 1);
	assert_int_equal(b.pairs, 0);
	add(&b, ARM_V2, 10, 2); /* the other arm's is whole */
	assert_int_equal(b.pairs, 1);
}

/* A pair of a unit each, one of them bad: as far apart as it must be. */
static void test_the_smallest_pair(void **state)
{
	struct burst b = {0};

	(void)state;
	add(&b, ARM_V2, 1, 0);
	add(&b, ARM_V2, 1, 1);
	assert_true(b.apart == 0.25 && b.expected == 0.25 && b.pairs == 1);
}

static void test_phi_is_at_least_five_while_young(void **state)
{
	struct burst b = {0};

	(void)state;
	add(&b, ARM_V1, 100, 3);
	for (int i = 0; i < 29; i++) {
		add(&b, ARM_V1, 100, 3);
		assert_true(burst_phi(&b) == 5);
	}
	add(&b, ARM_V1, 100, 3); /* 30 pairs, all alike */
	assert_true(b.pairs == 30 && burst_phi(&b) == 1);
	b = (struct burst){0};
	add(&b, ARM_V1, 1000, 0);
	for (int i = 0; i < 5; i++) {
		add(&b, ARM_V1, 1000, 100);
		add(&b, ARM_V1, 1000, 0);
	}
	assert_true(b.pairs == 10 && burst_phi(&b) > 50); /* young, and worse than five */
}

static void test_phi_is_twice_the_dispersion_less_one(void **state)
{
	struct burst b = {.apart = 300, .expected = 100, .pairs = 30};

	(void)state;
	assert_true(burst_phi(&b) == 5);
	b.apart = 150;
	assert_true(burst_phi(&b) == 2);
	b.apart = 100;
	assert_true(burst_phi(&b) == 1);
	b.apart = 0;
	assert_true(burst_phi(&b) == 1);
	b.pairs = 29;
	b.apart = 1000;
	assert_true(burst_phi(&b) == 19);
}

static void test_an_hour_of_pairs_is_halved(void **state)
{
	struct burst b = {.apart = 7000, .expected = 3500, .pairs = 3598};

	(void)state;
	add(&b, ARM_V1, 1, 0);
	add(&b, ARM_V1, 1, 1);
	assert_true(b.pairs == 3599 && b.expected == 3500.25);
	add(&b, ARM_V1, 1, 0);
	assert_true(b.pairs == 1800 && b.expected == 1750.25 && b.apart == 3500.25);
}

static double choose(int64_t n, int64_t k)
{
	double c = 1;

	for (int64_t i = 1; i <= k; i++)
		c = c * (double)(n - k + i) / (double)i;
	return c;
}

/* Given the sum, a part of it is hypergeometric: over all outcomes the squared difference has
 * the expected mean, however few units there are. */
static void test_a_pairs_mean_is_exact(void **state)
{
	(void)state;
	for (int64_t n1 = 1; n1 <= 8; n1++)
		for (int64_t n2 = 1; n2 <= 8; n2++)
			for (int64_t m = 1; m < n1 + n2; m++) {
				double mean = 0, expected = 0;
				for (int64_t x = m > n1 ? m - n1 : 0; x <= m && x <= n2; x++) {
					struct burst b = {0};
					add(&b, ARM_V1, n1, m - x);
					add(&b, ARM_V1, n2, x);
					mean += choose(n2, x) * choose(n1, m - x) / choose(n1 + n2, m) * b.apart;
					expected = b.expected;
				}
				assert_true(fabs(mean - expected) < 1e-12);
			}
}

static void test_a_slow_drift_is_no_burst_and_a_crash_is(void **state)
{
	struct burst calm = {0}, crashes = {0};
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 600; i++) {
		/* tenfold within the ten minutes; 1,000 units, one at a time */
		int64_t per_million = 1000 + 15 * i, bad = 0;
		for (int u = 0; u < 1000; u++)
			bad += seeded_below(&seed, 1000000) < per_million;
		add(&calm, ARM_V1, 1000, bad);
		add(&crashes, ARM_V1, 1000, i % 20 == 0 ? bad + 50 : bad);
	}
	assert_true(burst_phi(&calm) < 1.3);
	assert_true(burst_phi(&crashes) > 10);
}

static void test_the_largest_counts_stay_finite(void **state)
{
	const int64_t most = INT64_C(1) << 52;
	struct burst b = {0};

	(void)state;
	for (int i = 0; i < 5000; i++)
		add(&b, ARM_V2, most, i % 2 ? most : 0);
	assert_true(isfinite(burst_phi(&b)) && burst_phi(&b) > 1e10);
	assert_true(b.pairs < 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_worked_example),
		cmocka_unit_test(test_pairs_that_say_nothing),
		cmocka_unit_test(test_what_breaks_the_chain),
		cmocka_unit_test(test_the_smallest_pair),
		cmocka_unit_test(test_phi_is_at_least_five_while_young),
		cmocka_unit_test(test_phi_is_twice_the_dispersion_less_one),
		cmocka_unit_test(test_an_hour_of_pairs_is_halved),
		cmocka_unit_test(test_a_pairs_mean_is_exact),
		cmocka_unit_test(test_a_slow_drift_is_no_burst_and_a_crash_is),
		cmocka_unit_test(test_the_largest_counts_stay_finite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
