/* Exceed: v1's quantile over the last 60 intervals against a plain sort, from how many units on,
 * edges above and below, ties, and counts that no 32 bits hold. */
#include "model/exceed.h"

#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static struct exceed x;
static struct histogram h;

static int setup(void **state)
{
	(void)state;
	memset(&x, 0, sizeof x);
	memset(&h, 0, sizeof h);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	exceed_release(&x);
	return 0;
}

static void add_at(int64_t us, int64_t n)
{
	memset(&h, 0, sizeof h);
	histogram_add(&h, us, n);
	exceed_add(&x, &h);
}

static void test_none_before_there_are_enough(void **state)
{
	(void)state;
	assert_int_equal(exceed_bucket(&x, 0.5), -1);
	add_at(100, 39);
	assert_int_equal(exceed_bucket(&x, 0.5), -1);
	add_at(100, 1); /* 20/(1-0.5) */
	assert_int_equal(exceed_bucket(&x, 0.5), 100);
	assert_int_equal(exceed_bucket(&x, 0.95), -1);
	add_at(100, 359);
	assert_int_equal(exceed_bucket(&x, 0.95), -1);
	add_at(100, 1);
	assert_int_equal(exceed_bucket(&x, 0.95), 100);
	add_at(100, 1599);
	assert_int_equal(exceed_bucket(&x, 0.99), -1);
	add_at(100, 1);
	assert_int_equal(exceed_bucket(&x, 0.99), 100);
}

/* 1,980 of 2,000 are 0.99 of them, although 0.99 * 2000 is a little more in doubles. */
static void test_reaches_the_quantile_exactly(void **state)
{
	(void)state;
	add_at(10, 1980);
	add_at(50, 20);
	assert_int_equal(exceed_bucket(&x, 0.99), 10);
	add_at(50, 1);
	assert_int_equal(exceed_bucket(&x, 0.99), 50);
	assert_int_equal(exceed_bucket(&x, 0.5), 10);
}

static void test_the_ends_of_the_buckets(void **state)
{
	(void)state;
	add_at(0, 2000);
	assert_int_equal(exceed_bucket(&x, 0.99), 0);
	exceed_clear(&x);
	add_at(INT64_MAX, 2000);
	assert_int_equal(exceed_bucket(&x, 0.5), HISTOGRAM_BUCKETS - 1);
	assert_int_equal(exceed_count(&h, HISTOGRAM_BUCKETS - 1), 0);
	assert_int_equal(exceed_count(&h, HISTOGRAM_BUCKETS - 2), 2000);
	assert_int_equal(exceed_count(&h, -1), 2000);
}

static void test_the_sixty_before(void **state)
{
	(void)state;
	add_at(1000, 5000);
	for (int i = 0; i < 59; i++)
		add_at(10, 1);
	assert_int_equal(x.total, 5059);
	assert_int_equal(exceed_bucket(&x, 0.5), histogram_bucket(1000));
	add_at(10, 1); /* the first leaves */
	assert_int_equal(x.total, 60);
	assert_int_equal(exceed_bucket(&x, 0.5), 10);
	memset(&h, 0, sizeof h);
	for (int i = 0; i < 60; i++)
		exceed_add(&x, &h); /* empty ones count as intervals too */
	assert_int_equal(x.total, 0);
	assert_int_equal(exceed_bucket(&x, 0.5), -1);
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
		assert_int_equal(x.sum.count[b], 0);
}

static void test_agrees_with_a_histogram_of_all(void **state)
{
	static struct histogram kept[EXCEED_INTERVALS], sum;
	static const double quantiles[] = {0.5, 0.95, 0.99};
	uint64_t seed = 11;

	(void)state;
	for (int i = 0; i < 200; i++) {
		struct histogram *now = &kept[i % EXCEED_INTERVALS];
		memset(now, 0, sizeof *now);
		for (int64_t n = seeded_below(&seed, 120); n > 0; n--)
			histogram_add(now, seeded_below(&seed, 1 << (7 + seeded_below(&seed, 18))), 1);
		exceed_add(&x, now);
		memset(&sum, 0, sizeof sum);
		for (int k = 0; k < EXCEED_INTERVALS; k++)
			histogram_merge(&sum, &kept[k]);
		assert_int_equal(x.total, histogram_total(&sum));
		assert_memory_equal(&x.sum, &sum, sizeof sum);
		for (int q = 0; q < 3; q++) {
			int64_t us = histogram_quantile_us(&sum, quantiles[q]);
			int bucket = exceed_bucket(&x, quantiles[q]);
			assert_true(bucket == -1 || bucket == histogram_bucket(us));
		}
	}
	assert_true(exceed_bucket(&x, 0.99) > 0);
}

static void test_the_edge_above_and_below(void **state)
{
	static const struct {
		double us;
		int up, down;
	} rows[] = {{0, 0, 0}, {0.5, 1, 0}, {1, 1, 1}, {100, 100, 100}, {100.1, 101, 100},
		{127, 127, 127}, {127.5, 128, 127}, {129, 128, 128}, {129.5, 129, 128}, {128, 128, 127},
		{131, 129, 129}, {59999999.5, HISTOGRAM_BUCKETS - 1, HISTOGRAM_BUCKETS - 2},
		{60000000, HISTOGRAM_BUCKETS - 1, HISTOGRAM_BUCKETS - 1},
		{1e18, HISTOGRAM_BUCKETS - 1, HISTOGRAM_BUCKETS - 1},
		{1e300, HISTOGRAM_BUCKETS - 1, HISTOGRAM_BUCKETS - 1}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(exceed_up(rows[i].us), rows[i].up);
		assert_int_equal(exceed_down(rows[i].us), rows[i].down);
	}
}

/* 100 * 1.1 is a little more than 110 in doubles, and 100 * 1.15 a little less than 115. */
static void test_products_that_are_edges(void **state)
{
	(void)state;
	assert_true(100 * 1.1 > 110 && 100 * 1.15 < 115);
	assert_int_equal(exceed_up(100 * 1.1), 110);
	assert_int_equal(exceed_down(100 * 1.15), 115);
}

/* The definition, for every edge and what is beside it. */
static void test_every_edge(void **state)
{
	(void)state;
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++) {
		double edge = (double)histogram_edge_us(b);
		assert_int_equal(exceed_up(edge), b);
		assert_int_equal(exceed_down(edge), b);
		if (b == HISTOGRAM_BUCKETS - 1)
			break;
		assert_int_equal(exceed_up(edge + 0.25), b + 1);
		assert_int_equal(exceed_down(edge + 0.25), b);
		assert_int_equal(exceed_down(edge - 0.25), b - 1);
		assert_int_equal(exceed_up(edge - 0.25), b);
	}
}

static void test_counts_that_no_32_bits_hold(void **state)
{
	(void)state;
	for (int i = 0; i < EXCEED_INTERVALS; i++)
		add_at(10, INT64_C(1) << 52);
	assert_int_equal(x.total, (int64_t)UINT32_MAX * EXCEED_INTERVALS);
	assert_int_equal(exceed_bucket(&x, 0.99), 10);
	memset(&h, 0, sizeof h);
	h.count[5] = -7; /* never counts */
	for (int i = 0; i < EXCEED_INTERVALS; i++)
		exceed_add(&x, &h);
	assert_int_equal(x.total, 0);
	h.count[6] = 3;
	exceed_add(&x, &h);
	assert_int_equal(x.total, 3);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_none_before_there_are_enough),
		CASE(test_reaches_the_quantile_exactly),
		CASE(test_the_ends_of_the_buckets),
		CASE(test_the_sixty_before),
		CASE(test_agrees_with_a_histogram_of_all),
		CASE(test_the_edge_above_and_below),
		CASE(test_products_that_are_edges),
		CASE(test_every_edge),
		CASE(test_counts_that_no_32_bits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
