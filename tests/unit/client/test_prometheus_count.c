/* Counting raw counters: differences, resets, several series, buckets, and all that is no data. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/prometheus_count.h"

#include <math.h>
#include <string.h>

#define NONE (-INFINITY)

static struct prometheus_count c;
static struct instant now;
static struct err err;

static int setup(void **state)
{
	(void)state;
	c = (struct prometheus_count){.interval_ms = 1000};
	now = (struct instant){.boot_ms = 100000};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	prometheus_count_release(&c);
	return 0;
}

/* Adds points a second after the last; they were scraped then, unless they say another time. */
static int add(const struct prometheus_point *points, size_t count)
{
	struct prometheus_point copy[8];
	assert_true(count <= 8);
	now.boot_ms += 1000;
	for (size_t i = 0; i < count; i++) {
		copy[i] = points[i];
		if (copy[i].at_ms == 0)
			copy[i].at_ms = now.boot_ms;
	}
	err = (struct err){0};
	return prometheus_count_add(&c, copy, count, now, &err);
}
#define ADD(...) \
	add((struct prometheus_point[]){__VA_ARGS__}, \
		sizeof((struct prometheus_point[]){__VA_ARGS__}) / sizeof(struct prometheus_point))

static void assert_refused(int rc, enum err_code code, const char *says)
{
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
}

/* ---- counters ---- */

static void counts_from_the_first_sample_on(void **state)
{
	(void)state;
	assert_int_equal(ADD({1, NONE, 5000, 0}), 0);
	assert_true(c.total == 0);
	assert_int_equal(ADD({1, NONE, 5007, 0}), 0);
	assert_int_equal(ADD({1, NONE, 5010.5, 0}), 0);
	assert_true(c.total == 10.5);
}

static void a_value_that_fell_began_anew(void **state)
{
	(void)state;
	ADD({1, NONE, 5000, 0});
	ADD({1, NONE, 5010, 0});
	assert_int_equal(ADD({1, NONE, 4, 0}), 0);
	assert_true(c.total == 14);
	ADD({1, NONE, 6, 0});
	assert_true(c.total == 16);
}

static void a_gap_is_counted_when_it_ends(void **state)
{
	(void)state;
	ADD({1, NONE, 100, 0});
	assert_refused(add(NULL, 0), ERR_STALE, "no series has a fresh sample");
	now.boot_ms += 60000;
	assert_int_equal(ADD({1, NONE, 160, 0}), 0);
	assert_true(c.total == 60);
}

static void an_older_answer_of_another_replica_counts_nothing_twice(void **state)
{
	(void)state;
	ADD({1, NONE, 100, 101000});
	ADD({1, NONE, 110, 102000});
	ADD({1, NONE, 105, 101500});
	assert_true(c.total == 10);
	ADD({1, NONE, 120, 104000});
	assert_true(c.total == 20);
}

static void several_series_are_refused_or_added_up(void **state)
{
	(void)state;
	assert_refused(ADD({1, NONE, 10, 0}, {2, NONE, 20, 0}), ERR_CONFIG,
		"2 series, and one is meant: narrow the selector, or say sum: true");
	assert_int_equal(c.row_count, 0);
	c.sum = true;
	assert_int_equal(ADD({1, NONE, 10, 0}, {2, NONE, 20, 0}), 0);
	/* one begins anew, one goes on, one is new */
	assert_int_equal(ADD({2, NONE, 3, 0}, {1, NONE, 15, 0}, {3, NONE, 400, 0}), 0);
	assert_true(c.total == 408);
	/* one is gone and comes back */
	ADD({1, NONE, 16, 0}, {3, NONE, 401, 0});
	ADD({1, NONE, 17, 0}, {2, NONE, 7, 0}, {3, NONE, 402, 0});
	assert_true(c.total == 408 + 2 + 2 + 4);
}

static void a_series_that_was_not_there_began_at_0(void **state)
{
	(void)state;
	prometheus_count_none(&c);
	assert_true(c.total == 0);
	assert_int_equal(ADD({1, NONE, 3, 0}), 0);
	assert_true(c.total == 3);
	/* what is refused is no answer: nobody knows since when it counts */
	prometheus_count_release(&c);
	c = (struct prometheus_count){.interval_ms = 1000};
	assert_refused(add(NULL, 0), ERR_STALE, "no series");
	ADD({1, NONE, 5000, 0});
	assert_true(c.total == 0);
}

static void sums_have_an_end(void **state)
{
	(void)state;
	c.sum = true;
	prometheus_count_none(&c);
	assert_int_equal(ADD({1, NONE, 9e15, 0}, {2, NONE, 9e15, 0}), 0);
	assert_true(c.total == 9e15);
	prometheus_count_release(&c);
	c = (struct prometheus_count){.buckets = true, .sum = true, .interval_ms = 1000};
	prometheus_count_none(&c);
	assert_int_equal(ADD({1, INFINITY, 9e15, 0}, {2, INFINITY, 9e15, 0}), 0);
	assert_int_equal(histogram_total(c.latency), 9000000000000000);
}

static void what_is_no_number_is_no_data(void **state)
{
	(void)state;
	ADD({1, NONE, 10, 0});
	assert_refused(ADD({1, NONE, NAN, 0}), ERR_STALE, "NaN");
	assert_refused(ADD({1, NONE, INFINITY, 0}), ERR_STALE, "no data");
	assert_refused(ADD({1, NONE, -1, 0}), ERR_FIELD, "no count");
	assert_refused(ADD({1, NONE, 1e300, 0}), ERR_FIELD, "no count");
	assert_int_equal(ADD({1, NONE, 12, 0}), 0);
	assert_true(c.total == 2);
}

static void a_sample_that_does_not_move_is_stale(void **state)
{
	(void)state;
	assert_int_equal(ADD({1, NONE, 10, 101000}), 0);
	assert_int_equal(ADD({1, NONE, 10, 101000}), 0);
	assert_int_equal(ADD({1, NONE, 10, 101000}), 0);
	assert_refused(ADD({1, NONE, 10, 101000}), ERR_STALE, "no new sample for 3s");
	/* a clock that went back is no news either */
	assert_refused(ADD({1, NONE, 10, 50000}), ERR_STALE, "no new sample");
	assert_int_equal(ADD({1, NONE, 14, 107000}), 0);
	assert_true(c.total == 4);
}

/* ---- buckets ---- */

static void latencies_are_spread_over_their_buckets(void **state)
{
	(void)state;
	c.buckets = true;
	assert_int_equal(ADD({1, INFINITY, 50, 0}, {1, 0.1, 40, 0}, {1, 0.01, 30, 0}), 0);
	assert_int_equal(histogram_total(c.latency), 0);
	assert_int_equal(ADD({1, 0.01, 130, 0}, {1, INFINITY, 260, 0}, {1, 0.1, 240, 0}), 0);
	assert_int_equal(histogram_total(c.latency), 210);
	/* 100 up to 10 ms, 100 to 100 ms, 10 beyond, which lie at 100 ms */
	assert_in_range(histogram_quantile_us(c.latency, 0.238), 4700, 5300);
	assert_in_range(histogram_quantile_us(c.latency, 0.7), 45000, 60000);
	assert_in_range(histogram_max_us(c.latency), 99000, 101000);
}

static void a_histogram_that_began_anew(void **state)
{
	(void)state;
	c.buckets = true;
	ADD({1, 0.1, 100, 0}, {1, INFINITY, 120, 0});
	/* its first bound has more than before, the whole less */
	assert_int_equal(ADD({1, 0.1, 101, 0}, {1, INFINITY, 110, 0}), 0);
	assert_int_equal(histogram_total(c.latency), 110);
	/* other bounds: from here on */
	assert_int_equal(ADD({1, 0.2, 300, 0}, {1, INFINITY, 310, 0}), 0);
	assert_int_equal(histogram_total(c.latency), 110);
	ADD({1, 0.2, 301, 0}, {1, INFINITY, 312, 0});
	assert_int_equal(histogram_total(c.latency), 112);
}

static void buckets_that_are_none(void **state)
{
	(void)state;
	assert_refused(ADD({1, 0.1, 1, 0}, {1, INFINITY, 2, 0}), ERR_CONFIG, "are buckets");
	c.buckets = true;
	assert_refused(ADD({1, NONE, 1, 0}), ERR_CONFIG, "no buckets");
	assert_refused(ADD({1, 0.1, 1, 0}, {1, 0.2, 2, 0}), ERR_FIELD, "le=\"+Inf\" is missing");
	assert_refused(ADD({1, 0.1, 5, 0}, {1, INFINITY, 2, 0}), ERR_FIELD, "less than the one");
	assert_refused(
		ADD({1, 0.1, 1, 0}, {1, 0.1, 1, 0}, {1, INFINITY, 2, 0}), ERR_FIELD, "twice");
	assert_refused(ADD({1, INFINITY, 1, 0}, {2, INFINITY, 2, 0}), ERR_CONFIG, "2 series");
	assert_null(c.latency);
	c.sum = true;
	assert_int_equal(ADD({1, INFINITY, 1, 0}, {2, INFINITY, 2, 0}), 0);
	/* without a bound there is nothing but their number; below 0 nothing lies */
	assert_int_equal(ADD({1, INFINITY, 2, 0}, {2, -3, 1, 0}, {2, INFINITY, 4, 0}), 0);
	assert_int_equal(histogram_total(c.latency), 1);
	/* a series that is new has counted all it says */
	assert_int_equal(ADD({1, INFINITY, 2, 0}, {3, 0.1, 4, 0}, {3, INFINITY, 5, 0}), 0);
	assert_int_equal(histogram_total(c.latency), 6);
	assert_int_equal(
		ADD({1, INFINITY, 2, 0}, {2, -3, 2, 0}, {2, 1e300, 5, 0}, {2, INFINITY, 9, 0}), 0);
	assert_int_equal(
		ADD({1, INFINITY, 2, 0}, {2, -3, 3, 0}, {2, 1e300, 9, 0}, {2, INFINITY, 14, 0}), 0);
	assert_int_equal(histogram_total(c.latency), 11);
}

static void series_that_come_and_go_cost_no_memory_for_ever(void **state)
{
	(void)state;
	c.sum = true;
	for (uint64_t i = 0; i < 20000; i += 4)
		ADD({i, NONE, 1, 0}, {i + 1, NONE, 1, 0}, {i + 2, NONE, 1, 0}, {i + 3, NONE, 1, 0});
	assert_in_range(c.row_count, 4, 16384);
	/* all but those of the first answer began at 0, until some had been forgotten */
	assert_true(c.total == 16384);
	double total = c.total;
	ADD({1, NONE, 5000, 0});
	assert_true(c.total == total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(counts_from_the_first_sample_on),
		CASE(a_value_that_fell_began_anew),
		CASE(a_gap_is_counted_when_it_ends),
		CASE(an_older_answer_of_another_replica_counts_nothing_twice),
		CASE(several_series_are_refused_or_added_up),
		CASE(a_series_that_was_not_there_began_at_0),
		CASE(sums_have_an_end),
		CASE(what_is_no_number_is_no_data),
		CASE(a_sample_that_does_not_move_is_stale),
		CASE(latencies_are_spread_over_their_buckets),
		CASE(a_histogram_that_began_anew),
		CASE(buckets_that_are_none),
		CASE(series_that_come_and_go_cost_no_memory_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
