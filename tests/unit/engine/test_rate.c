/* Tests of rates: whole seconds only, forgotten after the window, not moved by reading. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/rate.h"

#include <math.h>

#define S 1000000

static void assert_near(double got, double want)
{
	if (!(fabs(got - want) <= 1e-9 * fabs(want)))
		fail_msg("%g is not %g", got, want);
}

static void nothing_is_known_before_a_tenth_of_a_second(void **state)
{
	(void)state;
	struct rate r;
	rate_init(&r, 5 * S + 950000);
	rate_add(&r, 100, 5 * S + 960000);
	assert_true(isnan(rate_read(&r, 5 * S + 990000)));
	/* 50 ms of the first second are too few to say anything. */
	assert_true(isnan(rate_read(&r, 6 * S)));
	assert_near(rate_read(&r, 7 * S), 100 / 1.05);
}

static void the_running_second_is_left_out(void **state)
{
	(void)state;
	struct rate r;
	rate_init(&r, 0);
	rate_add(&r, 30, 500000);
	rate_add(&r, 1000, 1 * S + 1);
	assert_near(rate_read(&r, 1 * S + 999999), 30);
	assert_near(rate_read(&r, 2 * S), 515);
}

static void an_idle_hour_is_forgotten(void **state)
{
	(void)state;
	struct rate r;
	rate_init(&r, 0);
	for (int s = 0; s < 100; s++)
		rate_add(&r, 7, (int64_t)s * S);
	assert_near(rate_read(&r, 100 * (int64_t)S), 7);
	assert_near(rate_read(&r, 105 * (int64_t)S), 3.5);
	assert_near(rate_read(&r, 111 * (int64_t)S), 0);
	rate_add(&r, 50, 3700 * (int64_t)S);
	assert_near(rate_read(&r, 3701 * (int64_t)S), 5);
}

static void reading_twice_says_the_same(void **state)
{
	(void)state;
	struct rate r;
	rate_init(&r, 0);
	rate_add(&r, 9, 1 * S);
	double first = rate_read(&r, 3 * S);
	assert_near(rate_read(&r, 3 * S), first);
	assert_near(first, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_known_before_a_tenth_of_a_second),
		cmocka_unit_test(the_running_second_is_left_out),
		cmocka_unit_test(an_idle_hour_is_forgotten),
		cmocka_unit_test(reading_twice_says_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
