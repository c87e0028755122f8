/* Counts: differences, what cannot be known, and every counter that may not fall. */
#include "model/counts.h"

#include "model/text.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static struct arm_counts earlier, later; /* large */

static int set_up(void **state)
{
	(void)state;
	memset(&earlier, 0, sizeof(earlier));
	earlier.requests = 100;
	earlier.ok = 80;
	for (int i = 0; i < FAILURE_COUNT; i++)
		earlier.failed[i] = i;
	earlier.rescued = earlier.shadowed = earlier.mismatched = earlier.bypassed = 5;
	earlier.timeouts = earlier.retries = 5;
	earlier.sessions = 50;
	earlier.sessions_bad = 3;
	earlier.has_latency = earlier.has_session_latency = true;
	histogram_add(&earlier.latency, 900, 10);
	histogram_add(&earlier.session_latency, 900, 4);
	earlier.workers = (struct worker_counts){8, 8, 2, 0, 10, 2, 1, 1};
	earlier.memory_bytes = 1000;
	earlier.cpu_us = 500;
	earlier.fds = 12;
	earlier.operation_count = 1;
	text_copy(earlier.operations[0].name, OPERATION_NAME_MAX, "predict");
	earlier.operations[0].requests = 9;
	earlier.operations[0].ok = 6;
	earlier.operations[0].failed = 3;
	later = earlier;
	return 0;
}

static void test_difference(void **state)
{
	struct arm_sample s;
	struct histogram latency;

	(void)state;
	later.requests += 30;
	later.ok += 20;
	later.failed[FAILURE_TIMEOUT] += 2;
	later.failed[FAILURE_SYSTEM] += 1;
	later.sessions += 7;
	later.sessions_bad += 1;
	later.timeouts += 2;
	later.retries += 4;
	later.cpu_us += 250;
	later.memory_bytes = 900; /* a gauge may fall */
	later.queue_depth = 3;
	later.in_flight = 4;
	later.workers.ready = 5;
	later.workers.crashed += 3;
	histogram_add(&later.latency, 100, 20);
	assert_int_equal(counts_difference(&s, &latency, &later, &earlier), COUNTS_OK);
	assert_int_equal(s.requests, 30);
	assert_int_equal(s.ok, 20);
	assert_int_equal(s.failed[FAILURE_TIMEOUT], 2);
	assert_int_equal(s.failed[FAILURE_CONNECTION], 0);
	assert_int_equal(s.failed_total, 3);
	assert_int_equal(s.sessions, 7);
	assert_int_equal(s.sessions_bad, 1);
	assert_int_equal(s.timeouts, 2);
	assert_int_equal(s.retries, 4);
	assert_int_equal(s.cpu_us, 250);
	assert_int_equal(s.memory_bytes, 900);
	assert_int_equal(s.queue_depth, 3);
	assert_int_equal(s.in_flight, 4);
	assert_int_equal(s.fds, 12);
	assert_int_equal(s.workers.ready, 5);
	assert_int_equal(s.workers.total, 8);
	assert_int_equal(s.workers.crashed, 3);
	assert_int_equal(s.workers.created, 0);
	assert_int_equal(s.p50_us, 100); /* of the interval, not of the lifetime */
	assert_int_equal(s.p99_us, 100);
	assert_int_equal(s.max_us, 100);
	assert_int_equal(histogram_total(&latency), 20);
	assert_int_equal(counts_done(&later), later.ok + counts_failed(&later));
	assert_int_equal(counts_failed(&earlier), FAILURE_COUNT * (FAILURE_COUNT - 1) / 2);
}

static void test_nothing_done_has_no_quantiles(void **state)
{
	struct arm_sample s;

	(void)state;
	assert_int_equal(counts_difference(&s, NULL, &later, &earlier), COUNTS_OK);
	assert_int_equal(s.requests, 0);
	assert_int_equal(s.failed_total, 0);
	assert_true(s.p50_us == UNKNOWN && s.p95_us == UNKNOWN);
	assert_true(s.p99_us == UNKNOWN && s.max_us == UNKNOWN);
}

static void test_unknown_stays_unknown(void **state)
{
	struct arm_sample s;
	struct histogram latency;

	(void)state;
	earlier.sessions = UNKNOWN;
	later.sessions_bad = UNKNOWN;
	later.workers.crashed = UNKNOWN;
	later.workers.busy = UNKNOWN;
	later.memory_bytes = later.fds = UNKNOWN;
	later.cpu_us = UNKNOWN;
	earlier.has_latency = false; /* without a beginning the difference would be the lifetime */
	histogram_add(&later.latency, 100, 20);
	assert_int_equal(counts_difference(&s, &latency, &later, &earlier), COUNTS_OK);
	assert_true(s.sessions == UNKNOWN && s.sessions_bad == UNKNOWN);
	assert_true(s.workers.crashed == UNKNOWN && s.workers.busy == UNKNOWN);
	assert_true(s.memory_bytes == UNKNOWN && s.fds == UNKNOWN && s.cpu_us == UNKNOWN);
	assert_true(s.p50_us == UNKNOWN && s.max_us == UNKNOWN);
	assert_int_equal(histogram_total(&latency), 0);
}

/* Each counter of an arm, by its place in the struct. */
static const size_t counters[] = {
#define AT(member) offsetof(struct arm_counts, member)
	AT(requests),
	AT(ok),
	AT(failed[0]),
	AT(failed[FAILURE_COUNT - 1]),
	AT(rescued),
	AT(shadowed),
	AT(mismatched),
	AT(bypassed),
	AT(timeouts),
	AT(retries),
	AT(sessions),
	AT(sessions_bad),
	AT(workers.created),
	AT(workers.destroyed),
	AT(workers.crashed),
	AT(workers.restarted),
	AT(operations[0].requests),
	AT(operations[0].ok),
	AT(operations[0].failed),
	AT(latency.count[200]),
	AT(session_latency.count[200]),
#undef AT
};

static void test_any_counter_that_falls_is_told(void **state)
{
	struct arm_sample s;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		int64_t value;

		set_up(state);
		value = 5;
		memcpy((char *)&earlier + counters[i], &value, sizeof(value));
		value = 4;
		memcpy((char *)&later + counters[i], &value, sizeof(value));
		assert_int_equal(counts_difference(&s, NULL, &later, &earlier), COUNTS_BACK);
		value = 5;
		memcpy((char *)&later + counters[i], &value, sizeof(value));
		assert_int_equal(counts_difference(&s, NULL, &later, &earlier), COUNTS_OK);
	}
}

static void test_cpu_time_may_leave_with_a_worker(void **state)
{
	struct arm_sample s;

	(void)state;
	later.cpu_us = 10;
	later.requests += 1;
	assert_int_equal(counts_difference(&s, NULL, &later, &earlier), COUNTS_OK);
	assert_true(s.cpu_us == UNKNOWN);
	assert_int_equal(s.requests, 1);
}

static void test_operation_that_is_no_longer_listed(void **state)
{
	struct arm_sample s;

	(void)state;
	later.operation_count = 0;
	assert_int_equal(counts_difference(&s, NULL, &later, &earlier), COUNTS_OK);
}

/* The differences of a chain of snapshots add up to the difference of its ends. */
static void test_differences_add_up(void **state)
{
	uint64_t seed = 11;
	struct arm_counts first = earlier;
	int64_t requests = 0, failed = 0;
	struct histogram sum = {0};
	struct arm_sample s;
	struct histogram latency;

	(void)state;
	for (int step = 0; step < 50; step++) {
		later.requests += seeded_below(&seed, 100);
		later.ok += seeded_below(&seed, 100);
		later.failed[seeded_below(&seed, FAILURE_COUNT)] += seeded_below(&seed, 3);
		for (int i = 0; i < 10; i++)
			histogram_add(&later.latency, seeded_below(&seed, 1000000), 1);
		assert_int_equal(counts_difference(&s, &latency, &later, &earlier), COUNTS_OK);
		requests += s.requests;
		failed += s.failed_total;
		histogram_merge(&sum, &latency);
		earlier = later;
	}
	assert_int_equal(counts_difference(&s, &latency, &later, &first), COUNTS_OK);
	assert_int_equal(s.requests, requests);
	assert_int_equal(s.failed_total, failed);
	assert_memory_equal(&latency, &sum, sizeof(sum));
}

static void test_rates(void **state)
{
	struct sample s = {.interval_ms = 2000};

	(void)state;
	s.arms[ARM_V2].requests = 30;
	s.arms[ARM_V2].ok = 6;
	s.arms[ARM_V2].failed_total = 2;
	assert_true(sample_rate(&s, ARM_V2) == 15.0);
	assert_true(sample_rate(&s, ARM_V1) == 0.0);
	assert_true(sample_error_rate(&s, ARM_V2) == 0.25);
	assert_true(isnan(sample_error_rate(&s, ARM_V1)));
	s.interval_ms = 0;
	assert_true(isnan(sample_rate(&s, ARM_V2)));
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(arm_name(ARM_V1), "v1");
	assert_string_equal(arm_name(ARM_V2), "v2");
	for (int i = 0; i < FAILURE_COUNT; i++)
		assert_int_equal(failure_of(failure_name((enum failure)i)), i);
	assert_int_equal(failure_of("Timeout"), FAILURE_COUNT);
	assert_int_equal(failure_of(""), FAILURE_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_difference, set_up),
		cmocka_unit_test_setup(test_nothing_done_has_no_quantiles, set_up),
		cmocka_unit_test_setup(test_unknown_stays_unknown, set_up),
		cmocka_unit_test(test_any_counter_that_falls_is_told),
		cmocka_unit_test_setup(test_cpu_time_may_leave_with_a_worker, set_up),
		cmocka_unit_test_setup(test_operation_that_is_no_longer_listed, set_up),
		cmocka_unit_test_setup(test_differences_add_up, set_up),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
