/* Histogram: the layout over its whole range, its error, quantiles against sorted values. */
#include "model/histogram.h"

#include "model/unit.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_buckets_tile_the_range(void **state)
{
	(void)state;
	assert_int_equal(histogram_floor_us(0), 0);
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		int64_t low = histogram_floor_us(i), high = histogram_edge_us(i);

		assert_true(low <= high);
		assert_int_equal(histogram_bucket(low), i);
		assert_int_equal(histogram_bucket(high), i);
		assert_int_equal(histogram_bucket(low + (high - low) / 2), i);
		if (i > 0)
			assert_int_equal(low, histogram_edge_us(i - 1) + 1);
	}
	assert_int_equal(histogram_edge_us(HISTOGRAM_BUCKETS - 1), HISTOGRAM_CAP_US);
}

static void test_exact_below_128_then_64_an_octave(void **state)
{
	(void)state;
	for (int us = 0; us < 128; us++)
		assert_int_equal(histogram_bucket(us), us);
	assert_int_equal(histogram_bucket(128), 128);
	assert_int_equal(histogram_bucket(129), 128);
	assert_int_equal(histogram_bucket(130), 129);
	for (int octave = 7; octave < 25; octave++)
		assert_int_equal(histogram_bucket(2LL << octave) - histogram_bucket(1LL << octave), 64);
}

static void test_outside_the_range(void **state)
{
	(void)state;
	assert_int_equal(histogram_bucket(-1), 0);
	assert_int_equal(histogram_bucket(INT64_MIN), 0);
	assert_int_equal(histogram_bucket(HISTOGRAM_CAP_US), 1330);
	assert_int_equal(histogram_bucket(HISTOGRAM_CAP_US + 1), 1330);
	for (int64_t us = HISTOGRAM_CAP_US; us < 3 * HISTOGRAM_CAP_US; us += 100000)
		assert_int_equal(histogram_bucket(us), 1330);
	assert_int_equal(histogram_bucket(INT64_MAX), 1330);
}

/* A midpoint is worst at an end of its bucket, so both ends of all are the whole range. */
static void test_worst_midpoint_error(void **state)
{
	double worst = 0;

	(void)state;
	for (int i = 1; i < HISTOGRAM_BUCKETS; i++) {
		struct histogram h = {0};

		histogram_add(&h, histogram_floor_us(i), 1);
		double mid = (double)histogram_quantile_us(&h, 0.5);
		double low = (double)histogram_floor_us(i), high = (double)histogram_edge_us(i);

		worst = fmax(worst, fmax((mid - low) / low, (high - mid) / high));
	}
	assert_true(worst <= 1.0 / 128); /* 0.78 % */
	assert_true(worst > 0.0077);
}

/* Bucket of every microsecond in the fine part, and a fine walk above, never falls or skips. */
static void test_buckets_rise_with_the_value(void **state)
{
	int last = 0;

	(void)state;
	for (int64_t us = 0; us <= HISTOGRAM_CAP_US; us += 1 + us / 512) {
		int bucket = histogram_bucket(us);

		assert_true(bucket == last || bucket == last + 1);
		assert_true(us >= histogram_floor_us(bucket) && us <= histogram_edge_us(bucket));
		last = bucket;
	}
	assert_int_equal(last, HISTOGRAM_BUCKETS - 1);
}

static void test_empty_is_unknown(void **state)
{
	struct histogram h = {0};

	(void)state;
	assert_int_equal(histogram_total(&h), 0);
	assert_true(histogram_quantile_us(&h, 0.5) == UNKNOWN);
	assert_true(histogram_max_us(&h) == UNKNOWN);
}

static void test_quantile_of_known_counts(void **state)
{
	struct histogram h = {0};

	(void)state;
	for (int us = 1; us <= 100; us++)
		histogram_add(&h, us, 1);
	assert_int_equal(histogram_quantile_us(&h, 0.50), 50);
	assert_int_equal(histogram_quantile_us(&h, 0.95), 95);
	assert_int_equal(histogram_quantile_us(&h, 0.99), 99);
	assert_int_equal(histogram_quantile_us(&h, 0.07), 7); /* 0.07 * 100 > 7 in binary */
	assert_int_equal(histogram_quantile_us(&h, 0.001), 1);
	assert_int_equal(histogram_quantile_us(&h, 0.9999), 100);
	assert_int_equal(histogram_max_us(&h), 100);
	histogram_add(&h, 1000, 1);
	assert_int_equal(histogram_max_us(&h), histogram_edge_us(histogram_bucket(1000)));
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void test_quantiles_against_sorted_values(void **state)
{
	enum { COUNT = 2000 };
	static int64_t values[COUNT];
	static const double quantiles[] = {0.01, 0.5, 0.95, 0.99, 0.999};
	uint64_t seed = 7;

	(void)state;
	for (int run = 0; run < 20; run++) {
		struct histogram h = {0};

		for (int i = 0; i < COUNT; i++) {
			values[i] = seeded_below(&seed, 10LL << seeded_below(&seed, 22));
			histogram_add(&h, values[i], 1);
		}
		qsort(values, COUNT, sizeof(values[0]), compare);
		assert_int_equal(histogram_total(&h), COUNT);
		for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
			int64_t exact = values[(int)lround(quantiles[i] * COUNT) - 1];
			int64_t got = histogram_quantile_us(&h, quantiles[i]);

			assert_int_equal(histogram_bucket(got), histogram_bucket(exact));
			assert_true(fabs((double)(got - exact)) <= (double)exact / 128);
		}
	}
}

static void test_merge_and_difference_are_inverse(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int run = 0; run < 20; run++) {
		struct histogram earlier = {0}, step = {0}, later, got;

		for (int i = 0; i < 200; i++) {
			histogram_add(&earlier, seeded_below(&seed, HISTOGRAM_CAP_US), 1);
			histogram_add(&step, seeded_below(&seed, 5000), seeded_below(&seed, 3));
		}
		later = earlier;
		histogram_merge(&later, &step);
		assert_true(histogram_difference(&got, &later, &earlier));
		assert_memory_equal(&got, &step, sizeof(got));
		assert_int_equal(
			histogram_total(&later), histogram_total(&earlier) + histogram_total(&step));
		later.count[HISTOGRAM_BUCKETS - 1] = earlier.count[HISTOGRAM_BUCKETS - 1] - 1;
		assert_false(histogram_difference(&got, &later, &earlier));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_tile_the_range),
		cmocka_unit_test(test_exact_below_128_then_64_an_octave),
		cmocka_unit_test(test_outside_the_range),
		cmocka_unit_test(test_worst_midpoint_error),
		cmocka_unit_test(test_buckets_rise_with_the_value),
		cmocka_unit_test(test_empty_is_unknown),
		cmocka_unit_test(test_quantile_of_known_counts),
		cmocka_unit_test(test_quantiles_against_sorted_values),
		cmocka_unit_test(test_merge_and_difference_are_inverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
