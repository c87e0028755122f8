/* Scenario: the built-in ones keep their promises, and the time axis. */
#include "model/scenario.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void assert_sound(const struct scenario *s)
{
	assert_non_null(s);
	assert_true(s->rate > 0);
	assert_true(s->sessions >= 1);
	assert_in_range(s->operation_count, 1, SCENARIO_OPERATIONS_MAX);
	assert_in_range(s->phase_count, 0, SCENARIO_PHASES_MAX);
	for (int i = 0; i < s->operation_count; i++) {
		assert_true(s->operations[i].weight > 0);
		assert_true(s->operations[i].work_us >= 0);
		assert_true(strlen(s->operations[i].name) > 0);
	}
}

/* v1 is one serialized executor: saturated, it would look bad for lack of capacity. */
static void assert_v1_has_room(const struct scenario *s)
{
	double weight = 0, work_us = 0;

	for (int i = 0; i < s->operation_count; i++) {
		weight += s->operations[i].weight;
		work_us += s->operations[i].weight * (double)s->operations[i].work_us;
	}
	assert_true(work_us / weight / 1e6 * s->rate * s->v1_slow_factor < 0.3);
}

static void test_demo(void **state)
{
	const struct scenario *s = scenario_demo();

	(void)state;
	assert_sound(s);
	assert_v1_has_room(s);
	assert_ptr_equal(scenario_find("demo"), s);
	assert_true(s->v1_slow_factor > 1); /* v2 is a little faster */
	for (int64_t ms = 0; ms < 120000; ms += 1000)
		assert_true(scenario_fault(s, ARM_V2, ms).error_rate == 0);
	struct fault f = scenario_fault(s, ARM_V2, 120000);

	assert_true(f.error_rate == 0.6);
	assert_string_equal(f.operation, "predict");
	assert_true(scenario_fault(s, ARM_V2, INT64_MAX).error_rate == 0.6);
	assert_true(scenario_fault(s, ARM_V1, 120000).error_rate == 0);
}

static void test_quiet(void **state)
{
	const struct scenario *s = scenario_find("quiet");

	(void)state;
	assert_sound(s);
	assert_v1_has_room(s);
	assert_string_equal(s->name, "quiet");
	assert_int_equal(s->phase_count, 0);
}

static void test_unknown_name(void **state)
{
	(void)state;
	assert_null(scenario_find(""));
	assert_null(scenario_find("Demo"));
	assert_null(scenario_find("demo.yaml"));
}

static void test_the_latest_phase_of_the_arm_holds(void **state)
{
	/* not in order of time, as a person may write them */
	struct scenario s = {
		.phases =
			{
				{.at_ms = 3000, .arm = ARM_V2, .fault = {.hang = true}},
				{.at_ms = 1000, .arm = ARM_V2, .fault = {.error_rate = 0.1}},
				{.at_ms = 2000, .arm = ARM_V1, .fault = {.slow_factor = 3}},
				{.at_ms = 1000, .arm = ARM_V2, .fault = {.error_rate = 0.2}},
				{.at_ms = 4000, .arm = ARM_V2},
			},
		.phase_count = 5,
	};

	(void)state;
	assert_true(scenario_fault(&s, ARM_V2, 999).error_rate == 0);
	assert_true(scenario_fault(&s, ARM_V2, 1000).error_rate == 0.2); /* the later written */
	assert_true(scenario_fault(&s, ARM_V2, 2999).error_rate == 0.2);
	assert_false(scenario_fault(&s, ARM_V2, 2999).hang);
	assert_true(scenario_fault(&s, ARM_V2, 3000).hang);
	assert_true(scenario_fault(&s, ARM_V2, 3000).error_rate == 0); /* replaced, not added */
	assert_false(scenario_fault(&s, ARM_V2, 4000).hang);
	assert_true(scenario_fault(&s, ARM_V1, 1999).slow_factor == 0);
	assert_true(scenario_fault(&s, ARM_V1, 9999).slow_factor == 3);
	assert_true(scenario_fault(&s, ARM_V1, -1).slow_factor == 0);
}

static void test_the_rate_along_the_axis(void **state)
{
	struct scenario s = {
		.rate = 10,
		.levels =
			{
				{.at_ms = 1000, .rate = 50},
				{.at_ms = 2000, .rate = 150, .over_ms = 1000},
				{.at_ms = 4000, .rate = 100, .swing = 0.5, .period_ms = 400},
			},
		.level_count = 3,
	};

	(void)state;
	assert_true(scenario_rate(&s, -1) == 10);
	assert_true(scenario_rate(&s, 999) == 10);
	assert_true(scenario_rate(&s, 1000) == 50);
	assert_true(scenario_rate(&s, 2000) == 50);
	assert_true(scenario_rate(&s, 2500) == 100);
	assert_true(scenario_rate(&s, 3000) == 150);
	assert_true(scenario_rate(&s, 3999) == 150);
	assert_float_equal(scenario_rate(&s, 4000), 100, 1e-9);
	assert_float_equal(scenario_rate(&s, 4100), 150, 1e-9);
	assert_float_equal(scenario_rate(&s, 4300), 50, 1e-9);
	assert_float_equal(scenario_rate(&s, 4400), 100, 1e-9);
	assert_true(scenario_rate(&s, INT64_MAX / 2) >= 49);
	s.level_count = 0;
	assert_true(scenario_rate(&s, 4100) == 10);
}

static void test_whether_work_arrives(void **state)
{
	struct scenario s = {.rate = 1, .operation_count = 1};

	(void)state;
	assert_true(scenario_arrives(&s));
	s.rate = 0;
	assert_false(scenario_arrives(&s));
	s.level_count = 2;
	assert_false(scenario_arrives(&s));
	s.levels[1].rate = 0.1;
	assert_true(scenario_arrives(&s));
	s.operation_count = 0;
	assert_false(scenario_arrives(&s));
}

static void test_what_happens_to_the_node(void **state)
{
	struct scenario s = {
		.events =
			{
				{.at_ms = 1000, .clock_ahead_ms = 500},
				{.at_ms = 2000, .restart = true, .clock_behind_ms = 70},
				{.at_ms = 3000, .restart = true},
			},
		.event_count = 3,
	};

	(void)state;
	assert_int_equal(scenario_skew_ms(&s, 999), 0);
	assert_int_equal(scenario_skew_ms(&s, 1000), 500);
	assert_int_equal(scenario_skew_ms(&s, 2000), -70);
	assert_int_equal(scenario_skew_ms(&s, 3000), 0);
	assert_int_equal(scenario_restarts(&s, 1999), 0);
	assert_int_equal(scenario_restarts(&s, 2000), 1);
	assert_int_equal(scenario_restarts(&s, 9999), 2);
}

static void test_when_v2_is_worse(void **state)
{
	struct scenario s = {
		.phases =
			{
				{.at_ms = 1000, .arm = ARM_V1, .fault = {.error_rate = 0.1}},
				{.at_ms = 2000, .arm = ARM_V2, .fault = {.error_rate = 0.1}},
				{.at_ms = 3000, .arm = ARM_V2, .fault = {.error_rate = 0.2}},
				{.at_ms = 4000, .arm = ARM_V2, .fault = {.slow_factor = 3}},
				{.at_ms = 5000, .arm = ARM_V2},
			},
		.phase_count = 5,
		.worse = {{.from_ms = 7000, .until_ms = 8000, .above_bp = 2000}},
		.worse_count = 1,
		.v1_slow_factor = 1.15,
	};

	(void)state;
	assert_false(scenario_is_worse(&s, 100, 0)); /* faster, and that is no harm */
	assert_false(scenario_is_worse(&s, 100, 2500));
	assert_true(scenario_is_worse(&s, 100, 3000));
	assert_false(scenario_is_worse(&s, 0, 3000)); /* where it has no share nothing is */
	assert_true(scenario_is_worse(&s, 100, 4000));
	assert_false(scenario_is_worse(&s, 100, 5000));
	assert_false(scenario_is_worse(&s, 2000, 7000));
	assert_true(scenario_is_worse(&s, 2001, 7000));
	assert_false(scenario_is_worse(&s, 2001, 8000));
	s.v2_slow_factor = 2;
	assert_true(scenario_is_worse(&s, 100, 0));
}

static void test_how_long_it_is_played(void **state)
{
	struct scenario s = {
		.levels = {{.at_ms = 50000, .over_ms = 20000}},
		.level_count = 1,
		.events = {{.at_ms = 60000}},
		.event_count = 1,
	};

	(void)state;
	assert_int_equal(scenario_length_ms(&s), 370000);
	s.for_ms = 1000;
	assert_int_equal(scenario_length_ms(&s), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_demo),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_unknown_name),
		cmocka_unit_test(test_the_latest_phase_of_the_arm_holds),
		cmocka_unit_test(test_the_rate_along_the_axis),
		cmocka_unit_test(test_whether_work_arrives),
		cmocka_unit_test(test_what_happens_to_the_node),
		cmocka_unit_test(test_when_v2_is_worse),
		cmocka_unit_test(test_how_long_it_is_played),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
