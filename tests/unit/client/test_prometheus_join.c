/* Two sources of one pool's figures: what one adds to the other, and when they cannot both be
 * right. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/prometheus_join.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>

static struct prometheus_join j;
static struct snapshot *source, *pool;
static struct instant now;
static struct join_counts own[ARM_COUNT];

static int setup(void **state)
{
	(void)state;
	j = (struct prometheus_join){.interval_ms = 1000, .alone = true};
	source = mem_new(1, sizeof *source);
	pool = mem_new(1, sizeof *pool);
	now = (struct instant){.boot_ms = 100000};
	memset(own, 0, sizeof own);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	prometheus_join_release(&j);
	free(source);
	free(pool);
	return 0;
}

/* ---- filling ---- */

static void latencies_come_from_whoever_has_them(void **state)
{
	(void)state;
	source->arms[ARM_V1].has_latency = source->arms[ARM_V2].has_latency = true;
	histogram_add(&source->arms[ARM_V1].latency, 5000, 7);
	histogram_add(&source->arms[ARM_V2].latency, 9000, 3);
	pool->arms[ARM_V2].has_latency = true;
	assert_false(prometheus_join_fill(&j, pool, now));
	prometheus_join_hear(&j, source, now);
	assert_true(prometheus_join_fill(&j, pool, now));
	assert_int_equal(histogram_total(&pool->arms[ARM_V1].latency), 7);
	assert_true(pool->arms[ARM_V1].has_latency);
	/* what the pool says itself stays */
	assert_int_equal(histogram_total(&pool->arms[ARM_V2].latency), 0);
	pool->arms[ARM_V1].has_latency = false;
	j.arms[ARM_V1].has_latency = false;
	assert_false(prometheus_join_fill(&j, pool, now));
}

/* The pool's next document, with latencies of its own of both arms or none; true where v2's reach
 * whoever reads it. */
static bool document(bool has_latency)
{
	now.boot_ms += 1000;
	prometheus_join_hear(&j, source, now);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		pool->arms[arm].has_latency = has_latency;
		memset(&pool->arms[arm].latency, 0, sizeof pool->arms[arm].latency);
		if (has_latency)
			histogram_add(&pool->arms[arm].latency, 5000, 10);
	}
	prometheus_join_fill(&j, pool, now);
	return pool->arms[ARM_V2].has_latency;
}

static void latencies_of_two_are_never_one_interval(void **state)
{
	(void)state;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		source->arms[arm].has_latency = true;
		histogram_add(&source->arms[arm].latency, 900000, 100000);
	}
	text_copy(pool->boot_id, sizeof pool->boot_id, "b1");
	assert_true(document(true));
	assert_int_equal(histogram_total(&pool->arms[ARM_V2].latency), 10);
	/* its own are gone for a while, as those of a proxy without requests */
	assert_false(document(false));
	assert_false(document(false));
	assert_true(document(true));
	assert_int_equal(histogram_total(&pool->arms[ARM_V2].latency), 10);
	/* another boot, which has none at first */
	text_copy(pool->boot_id, sizeof pool->boot_id, "b2");
	assert_true(document(false));
	assert_int_equal(histogram_total(&pool->arms[ARM_V2].latency), 100000);
	/* its own come, and documents faster than samples */
	assert_false(document(true));
	now.boot_ms -= 900;
	assert_false(document(true));
	now.boot_ms += 3000;
	assert_true(document(true));
	assert_int_equal(histogram_total(&pool->arms[ARM_V2].latency), 10);
	assert_false(document(false));
	assert_true(document(true));
}

static void old_or_missing_news_fill_nothing(void **state)
{
	(void)state;
	const struct err why = {.code = ERR_STALE, .text = "no new sample for 3s"};
	source->arms[ARM_V1].has_latency = true;
	prometheus_join_hear(&j, source, now);
	now.boot_ms += 3001;
	assert_false(prometheus_join_fill(&j, pool, now));
	prometheus_join_hear(&j, source, now);
	prometheus_join_miss(&j, &why);
	assert_false(prometheus_join_fill(&j, pool, now));
	assert_int_equal(prometheus_join_word(&j)->code, ERR_STALE);
	prometheus_join_hear(&j, source, now);
	assert_int_equal(prometheus_join_word(&j)->code, ERR_NONE);
	/* of several nodes nobody knows whose they are */
	j.alone = false;
	assert_false(prometheus_join_fill(&j, pool, now));
	j.alone = true;
	assert_true(prometheus_join_fill(&j, pool, now));
}

/* ---- comparing ---- */

struct traffic {
	int64_t requests, failed; /* a second */
};

/* A second of the pool's and the source's word on both arms. */
static void second(const struct traffic says[ARM_COUNT], const struct traffic seen[ARM_COUNT])
{
	now.boot_ms += 1000;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *a = &source->arms[arm];
		own[arm].requests += says[arm].requests;
		own[arm].done += says[arm].requests;
		own[arm].failed += says[arm].failed;
		a->requests += seen[arm].requests;
		a->failed[FAILURE_OPERATION] += seen[arm].failed;
	}
	prometheus_join_hear(&j, source, now);
	prometheus_join_compare(&j, own, "checkout");
}

static void seconds(
	int n, const struct traffic says[ARM_COUNT], const struct traffic seen[ARM_COUNT])
{
	while (n-- > 0)
		second(says, seen);
}

static bool apart(void)
{
	return prometheus_join_word(&j)->code != ERR_NONE;
}

static const struct traffic green[ARM_COUNT] = {{90, 0}, {10, 0}};
static const struct traffic broken[ARM_COUNT] = {{90, 0}, {10, 4}};

static void a_pool_that_lies_of_its_errors(void **state)
{
	(void)state;
	seconds(60, green, green);
	assert_false(apart());
	seconds(1, green, broken);
	assert_false(apart());
	seconds(10, green, broken);
	assert_true(apart());
	assert_int_equal(prometheus_join_word(&j)->code, ERR_CONTRADICTED);
	assert_non_null(strstr(prometheus_join_word(&j)->text,
		"two sources contradict each other: errors of v2 are 0 % by \"checkout\" and "));
	/* it ends when both have agreed for long enough */
	seconds(29, broken, broken);
	seconds(5, broken, broken);
	assert_false(apart());
}

static void no_work_takes_nothing_back(void **state)
{
	(void)state;
	const struct traffic none[ARM_COUNT] = {{0, 0}, {0, 0}};
	const struct traffic busy[ARM_COUNT] = {{100, 0}, {100, 0}};
	const struct traffic lies[ARM_COUNT] = {{100, 0}, {100, 50}};
	seconds(60, busy, lies);
	assert_true(apart());
	seconds(60, none, none);
	assert_true(apart());
	/* nor does a counter that began anew, until both have been compared */
	memset(own, 0, sizeof own);
	seconds(20, green, green);
	assert_true(apart());
	seconds(15, green, green);
	assert_false(apart());
}

static void a_pool_that_lies_of_its_share(void **state)
{
	(void)state;
	const struct traffic leaks[ARM_COUNT] = {{80, 0}, {20, 0}};
	seconds(40, green, leaks);
	assert_true(apart());
	assert_non_null(strstr(prometheus_join_word(&j)->text, "requests to v2 are 10 % by"));
}

static void a_source_that_is_behind_contradicts_nothing(void **state)
{
	(void)state;
	/* all of v2 fails at once; the source sees it two scrapes later */
	const struct traffic all[ARM_COUNT] = {{90, 0}, {10, 10}};
	seconds(60, green, green);
	seconds(2, all, green);
	for (int i = 0; i < 60; i++) {
		second(all, all);
		assert_false(apart());
	}
}

static void little_work_proves_nothing(void **state)
{
	(void)state;
	const struct traffic few[ARM_COUNT] = {{3, 0}, {1, 0}}, bad[ARM_COUNT] = {{3, 3}, {1, 1}};
	seconds(33, few, bad);
	assert_false(apart());
}

static void five_points_are_within_reason(void **state)
{
	(void)state;
	const struct traffic four[ARM_COUNT] = {{1000, 40}, {1000, 40}};
	const struct traffic none[ARM_COUNT] = {{1000, 0}, {1000, 0}};
	const struct traffic six[ARM_COUNT] = {{1000, 0}, {1000, 60}};
	seconds(60, none, four);
	assert_false(apart());
	seconds(60, none, six);
	assert_true(apart());
}

static void a_restart_clears_the_past(void **state)
{
	(void)state;
	seconds(60, green, green);
	memset(own, 0, sizeof own);
	seconds(60, green, green);
	assert_false(apart());
	assert_true(j.moments >= 59);
}

static void a_source_without_errors_is_compared_by_share(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		second(green, broken);
		source->arms[ARM_V1].failed[FAILURE_OPERATION] = UNKNOWN;
		source->arms[ARM_V2].failed[FAILURE_OPERATION] = UNKNOWN;
		prometheus_join_hear(&j, source, now);
		prometheus_join_compare(&j, own, "checkout");
		source->arms[ARM_V1].failed[FAILURE_OPERATION] = 0;
		source->arms[ARM_V2].failed[FAILURE_OPERATION] = 0;
	}
	assert_false(apart());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(latencies_come_from_whoever_has_them),
		CASE(latencies_of_two_are_never_one_interval),
		CASE(old_or_missing_news_fill_nothing),
		CASE(a_pool_that_lies_of_its_errors),
		CASE(no_work_takes_nothing_back),
		CASE(a_pool_that_lies_of_its_share),
		CASE(a_source_that_is_behind_contradicts_nothing),
		CASE(little_work_proves_nothing),
		CASE(five_points_are_within_reason),
		CASE(a_restart_clears_the_past),
		CASE(a_source_without_errors_is_compared_by_share),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
