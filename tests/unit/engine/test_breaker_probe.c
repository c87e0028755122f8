/* Tests of the half open breaker: exact numbers of probes, lost ones, and the way out. */
#include "tests/unit/engine/breaker_bed.h"

static void c5_exactly_as_many_probes_at_a_time(void **state)
{
	(void)state;
	for (int probes = 1; probes <= BREAKER_PROBES_MAX; probes++) {
		breaker_init(&b, &(struct breaker_options){.probes = probes, .successes = 100}, 0);
		break_by(5, 0);
		struct breaker_ticket t = {0};
		int admitted = 0;
		for (int i = 0; i < 40; i++) {
			struct breaker_ticket got = breaker_ask(&b, OPEN_US);
			if (got.answer == BREAKER_PROBE)
				t = got;
			admitted += got.answer == BREAKER_PROBE;
		}
		assert_int_equal(admitted, probes);
		assert_int_equal(breaker_info(&b, OPEN_US).probes, probes);
		breaker_tell(&b, &t, true, OPEN_US); /* its place is free again, once */
		breaker_tell(&b, &t, true, OPEN_US);
		assert_int_equal(breaker_info(&b, OPEN_US).successes, 1);
		assert_int_equal(breaker_ask(&b, OPEN_US).answer, BREAKER_PROBE);
		assert_int_equal(breaker_ask(&b, OPEN_US).answer, BREAKER_REFUSED);
	}
}

static void c6_a_lost_probe_does_not_wedge(void **state)
{
	struct breaker_ticket lost[3];
	(void)state;
	breaker_init(&b, &(struct breaker_options){.probe_us = 1000}, 0);
	break_by(5, 0);
	for (int i = 0; i < 3; i++)
		lost[i] = breaker_ask(&b, OPEN_US);
	assert_int_equal(breaker_ask(&b, OPEN_US + 999).answer, BREAKER_REFUSED);
	struct breaker_ticket next = breaker_ask(&b, OPEN_US + 1000);
	assert_int_equal(next.answer, BREAKER_PROBE);
	/* their words come late: of the place that another took, and of those nobody has */
	for (int i = 0; i < 3; i++)
		breaker_tell(&b, &lost[i], i == 1, OPEN_US + 1001);
	assert_int_equal(state_at(OPEN_US + 1001), BREAKER_HALF_OPEN);
	assert_int_equal(breaker_info(&b, OPEN_US + 1001).successes, 0);
	assert_int_equal(breaker_info(&b, OPEN_US + 1001).probes, 1);
	breaker_tell(&b, &next, true, OPEN_US + 1002);
	assert_int_equal(breaker_info(&b, OPEN_US + 1002).successes, 1);
}

static void c6_a_lost_probe_times_out_as_long_as_it_is_open_by_default(void **state)
{
	(void)state;
	breaker_init(&b, &(struct breaker_options){.open_us = 500, .probes = 1}, 0);
	break_by(5, 0);
	assert_int_equal(breaker_ask(&b, 500).answer, BREAKER_PROBE);
	assert_int_equal(breaker_ask(&b, 999).answer, BREAKER_REFUSED);
	assert_int_equal(breaker_ask(&b, 1000).answer, BREAKER_PROBE);
}

static void c7_one_failure_reopens_and_the_time_begins_anew(void **state)
{
	struct breaker_ticket two[2];
	(void)state;
	break_by(5, 0);
	assert_int_equal(pass(true, OPEN_US), BREAKER_PROBE);
	two[0] = breaker_ask(&b, OPEN_US);
	two[1] = breaker_ask(&b, OPEN_US);
	breaker_tell(&b, &two[0], false, OPEN_US + 10);
	assert_int_equal(state_at(OPEN_US + 10), BREAKER_OPEN);
	breaker_tell(&b, &two[1], false, OPEN_US + 20); /* of the last turn */
	assert_int_equal(breaker_info(&b, OPEN_US + 10).opened, 2);
	assert_int_equal(breaker_info(&b, OPEN_US + 10).failures, 6);
	assert_int_equal(breaker_info(&b, OPEN_US + 10).successes, 0);
	assert_int_equal(breaker_ask(&b, 2 * OPEN_US + 9).answer, BREAKER_REFUSED);
	assert_int_equal(breaker_ask(&b, 2 * OPEN_US + 10).answer, BREAKER_PROBE);
}

static void c8_enough_successes_close(void **state)
{
	(void)state;
	break_by(5, 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pass(true, OPEN_US + i), BREAKER_PROBE);
		assert_int_equal(state_at(OPEN_US + i), i < 2 ? BREAKER_HALF_OPEN : BREAKER_CLOSED);
	}
	assert_int_equal(breaker_info(&b, OPEN_US + 3).since_us, OPEN_US + 2);
	break_by(4, OPEN_US + 3); /* counts from nothing */
	assert_int_equal(state_at(OPEN_US + 3), BREAKER_CLOSED);
}

/* More successes than probes: it has a way to close all the same. */
static void c8_with_one_probe_at_a_time(void **state)
{
	(void)state;
	breaker_init(&b, &(struct breaker_options){.successes = 9, .probes = 1}, 0);
	break_by(5, 0);
	for (int i = 0; i < 9; i++)
		assert_int_equal(pass(true, OPEN_US), BREAKER_PROBE);
	assert_int_equal(state_at(OPEN_US), BREAKER_CLOSED);
}

static void work_that_was_not_run_gives_its_ticket_back(void **state)
{
	struct breaker_ticket t;
	(void)state;
	break_by(4, 0);
	t = breaker_ask(&b, 0);
	breaker_forget(&b, &t);
	assert_int_equal(breaker_info(&b, 0).failures, 4);
	break_by(1, 0);
	for (int i = 0; i < 10; i++) {
		t = breaker_ask(&b, OPEN_US);
		assert_int_equal(t.answer, BREAKER_PROBE);
		breaker_forget(&b, &t);
	}
	assert_int_equal(breaker_info(&b, OPEN_US).probes, 0);
	/* one whose place another has, one of an earlier turn */
	breaker_init(&b, &(struct breaker_options){.probes = 1, .probe_us = 10}, 0);
	break_by(5, 0);
	t = breaker_ask(&b, OPEN_US);
	struct breaker_ticket second = breaker_ask(&b, OPEN_US + 10);
	breaker_forget(&b, &t);
	assert_int_equal(breaker_info(&b, OPEN_US + 10).probes, 1);
	breaker_tell(&b, &second, false, OPEN_US + 11);
	assert_int_equal(breaker_ask(&b, 2 * OPEN_US + 11).answer, BREAKER_PROBE);
	breaker_forget(&b, &second);
	assert_int_equal(breaker_info(&b, 2 * OPEN_US + 11).probes, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(c5_exactly_as_many_probes_at_a_time),
		T(c6_a_lost_probe_does_not_wedge),
		T(c6_a_lost_probe_times_out_as_long_as_it_is_open_by_default),
		T(c7_one_failure_reopens_and_the_time_begins_anew),
		T(c8_enough_successes_close),
		T(c8_with_one_probe_at_a_time),
		T(work_that_was_not_run_gives_its_ticket_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
