/* Tests of pressure: the classes at their edges, the pauses. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/pressure.h"

static enum pressure at(int64_t depth, int64_t capacity)
{
	return pressure_of((struct pressure_gauge){depth, capacity});
}

static void b1_classes_at_their_edges(void **state)
{
	(void)state;
	assert_int_equal(at(0, 100), PRESSURE_HEALTHY);
	assert_int_equal(at(69, 100), PRESSURE_HEALTHY);
	assert_int_equal(at(70, 100), PRESSURE_WARNING);
	assert_int_equal(at(84, 100), PRESSURE_WARNING);
	assert_int_equal(at(85, 100), PRESSURE_CRITICAL);
	assert_int_equal(at(94, 100), PRESSURE_CRITICAL);
	assert_int_equal(at(95, 100), PRESSURE_SATURATED);
	assert_int_equal(at(100, 100), PRESSURE_SATURATED);
	assert_int_equal(at(1000, 100), PRESSURE_SATURATED);
	assert_int_equal(pressure_bp((struct pressure_gauge){1000, 100}), 10000);
	assert_string_equal(pressure_name(PRESSURE_CRITICAL), "critical");
}

/* Edges hold where depth * 100 / capacity is no whole number, and where products overflow. */
static void b1_edges_of_any_capacity(void **state)
{
	(void)state;
	static const int64_t edge[] = {70, 85, 95};
	for (int64_t capacity = 1; capacity <= 300; capacity++) {
		for (int64_t depth = 0; depth <= capacity; depth++) {
			int expect = 0;
			for (int i = 0; i < 3; i++)
				expect += depth * 100 >= edge[i] * capacity;
			assert_int_equal(at(depth, capacity), expect);
		}
	}
	int64_t huge = INT64_MAX - 7;
	assert_int_equal(at(huge / 100 * 69, huge), PRESSURE_HEALTHY);
	assert_int_equal(at(huge / 100 * 71, huge), PRESSURE_WARNING);
	assert_int_equal(at(huge / 100 * 86, huge), PRESSURE_CRITICAL);
	assert_int_equal(at(huge - 1, huge), PRESSURE_SATURATED);
	assert_int_equal(at(huge, huge), PRESSURE_SATURATED);
	assert_int_equal(at(3, INT64_MAX), PRESSURE_HEALTHY);
}

static void without_capacity_there_is_no_pressure(void **state)
{
	(void)state;
	assert_int_equal(at(0, 0), PRESSURE_HEALTHY);
	assert_int_equal(at(50, 0), PRESSURE_HEALTHY);
	assert_int_equal(pressure_bp((struct pressure_gauge){50, 0}), 0);
}

static void b2_pauses(void **state)
{
	(void)state;
	assert_int_equal(pressure_pause_us(true, PRESSURE_HEALTHY), 0);
	assert_int_equal(pressure_pause_us(true, PRESSURE_WARNING), 100);
	assert_int_equal(pressure_pause_us(true, PRESSURE_CRITICAL), 200);
	assert_int_equal(pressure_pause_us(true, PRESSURE_SATURATED), 10000);
}

static void b3_worst_of_many_and_disabled(void **state)
{
	(void)state;
	struct pressure_gauge many[] = {{10, 100}, {96, 100}, {75, 100}, {5, 0}};
	assert_int_equal(pressure_worst(many, 4), PRESSURE_SATURATED);
	assert_int_equal(pressure_worst(many, 1), PRESSURE_HEALTHY);
	many[1].depth = 90;
	assert_int_equal(pressure_worst(many, 4), PRESSURE_CRITICAL);
	assert_int_equal(pressure_worst(many, 0), PRESSURE_HEALTHY);
	for (int p = 0; p < PRESSURE_COUNT; p++)
		assert_int_equal(pressure_pause_us(false, (enum pressure)p), 0);
	assert_false(pressure_is_on(PRESSURE_HEALTHY));
	assert_false(pressure_is_on(PRESSURE_WARNING));
	assert_true(pressure_is_on(PRESSURE_CRITICAL));
	assert_true(pressure_is_on(PRESSURE_SATURATED));
}

static void b4_reading_changes_nothing(void **state)
{
	(void)state;
	const struct pressure_gauge many[] = {{80, 100}, {20, 100}};
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pressure_worst(many, 2), PRESSURE_WARNING);
		assert_int_equal(pressure_bp(many[0]), 8000);
	}
	assert_int_equal(many[0].depth, 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(b1_classes_at_their_edges),
		cmocka_unit_test(b1_edges_of_any_capacity),
		cmocka_unit_test(without_capacity_there_is_no_pressure),
		cmocka_unit_test(b2_pauses),
		cmocka_unit_test(b3_worst_of_many_and_disabled),
		cmocka_unit_test(b4_reading_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
