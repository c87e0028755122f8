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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_demo),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_unknown_name),
		cmocka_unit_test(test_the_latest_phase_of_the_arm_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
