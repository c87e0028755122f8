/* Tests of supervision: how many restarts, when again, and that no segment is lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/supervision.h"

#define SECOND INT64_C(1000000)

static struct supervision s;

static int setup(void **state)
{
	(void)state;
	supervision_init(&s, NULL);
	return 0;
}

static void three_in_five_seconds_then_it_rests(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(supervision_may_restart(&s, 10 * SECOND + i), 0);
	assert_false(supervision_is_exhausted(&s, 10 * SECOND + 3));
	assert_int_equal(supervision_may_restart(&s, 10 * SECOND + 3), SECOND);
	assert_true(supervision_is_exhausted(&s, 10 * SECOND + 3));
	assert_int_equal(s.restarts, 3);
	assert_int_equal(s.rests, 1);
	/* asking on makes it no longer */
	assert_int_equal(supervision_may_restart(&s, 10 * SECOND + 4), SECOND - 1);
	assert_int_equal(supervision_may_restart(&s, 11 * SECOND + 2), 1);
	assert_true(supervision_is_exhausted(&s, 11 * SECOND + 2));
	assert_false(supervision_is_exhausted(&s, 11 * SECOND + 3));
	assert_int_equal(supervision_may_restart(&s, 11 * SECOND + 3), 0);
	assert_int_equal(s.rests, 1);
}

static void the_window_slides(void **state)
{
	(void)state;
	assert_int_equal(supervision_may_restart(&s, 0), 0);
	assert_int_equal(supervision_may_restart(&s, 2 * SECOND), 0);
	assert_int_equal(supervision_may_restart(&s, 4 * SECOND), 0);
	/* the first has left it at exactly its length */
	assert_int_equal(supervision_may_restart(&s, 5 * SECOND), 0);
	assert_int_equal(supervision_may_restart(&s, 7 * SECOND - 1), SECOND);
	supervision_init(&s, NULL);
	for (int i = 0; i < 1000; i++) /* a steady rate below it needs no rest */
		assert_int_equal(supervision_may_restart(&s, i * (5 * SECOND / 3 + 1)), 0);
	assert_int_equal(s.rests, 0);
}

static void rests_double_to_their_end_and_the_segment_is_never_lost(void **state)
{
	static const int64_t wanted[] = {1, 2, 4, 8, 16, 30, 30, 30, 30};
	int64_t now_us = 0;
	(void)state;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		for (int k = 0; k < 3; k++)
			assert_int_equal(supervision_may_restart(&s, now_us), 0);
		assert_int_equal(supervision_may_restart(&s, now_us), wanted[i] * SECOND);
		now_us += wanted[i] * SECOND;
	}
}

/* A first rest that is longer than the usual longest one is the longest too. */
static void a_long_first_rest_is_kept(void **state)
{
	int64_t now_us = 0;
	(void)state;
	supervision_init(&s, &(struct supervision_options){.restarts = 1, .rest_us = 90 * SECOND});
	assert_int_equal(s.how.rest_max_us, 90 * SECOND);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(supervision_may_restart(&s, now_us), 0);
		assert_int_equal(supervision_may_restart(&s, now_us), 90 * SECOND);
		now_us = s.rest_until_us;
	}
	supervision_init(&s, &(struct supervision_options){.rest_us = 30 * SECOND});
	assert_int_equal(s.how.rest_max_us, 30 * SECOND);
}

static void a_calm_time_forgets_the_rests(void **state)
{
	int64_t now_us = 0;
	(void)state;
	for (int i = 0; i < 4; i++) {
		while (supervision_may_restart(&s, now_us) == 0)
			;
		now_us = s.rest_until_us;
	}
	assert_int_equal(s.next_rest_us, 16 * SECOND);
	/* a little less than calm: it goes on where it was */
	now_us += 30 * SECOND - 1;
	while (supervision_may_restart(&s, now_us) == 0)
		;
	assert_int_equal(s.rest_until_us - now_us, 16 * SECOND);
	now_us = s.rest_until_us + 30 * SECOND;
	while (supervision_may_restart(&s, now_us) == 0)
		;
	assert_int_equal(s.rest_until_us - now_us, SECOND);
}

/* A storm in one segment is nothing to the next. */
static void w4_failure_stays_in_its_segment_and_the_storm_returns_to_size(void **state)
{
	struct supervision other;
	int64_t now_us = 0;
	int missing = 8;
	(void)state;
	supervision_init(&other, NULL);
	while (missing > 0) {
		int64_t delay_us = supervision_may_restart(&s, now_us);
		missing -= delay_us == 0;
		now_us += delay_us;
		assert_false(supervision_is_exhausted(&other, now_us));
	}
	assert_in_range(now_us, 1, 3 * SECOND);
	assert_int_equal(supervision_may_restart(&other, now_us), 0);
	/* as many restarts as workers: at once */
	supervision_init(&s, &(struct supervision_options){.restarts = SUPERVISION_RESTARTS_MAX});
	for (int i = 0; i < SUPERVISION_RESTARTS_MAX; i++)
		assert_int_equal(supervision_may_restart(&s, 0), 0);
	assert_int_equal(supervision_may_restart(&s, 0), SECOND);
}

static void a_start_that_fails_is_tried_again_later(void **state)
{
	static const int64_t wanted_ms[] = {
		100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000};
	int64_t now_us = 0;
	(void)state;
	supervision_init(&s, &(struct supervision_options){.restarts = 50});
	for (size_t i = 0; i < sizeof wanted_ms / sizeof *wanted_ms; i++) {
		assert_int_equal(supervision_may_restart(&s, now_us), 0);
		supervision_started(&s, false, now_us);
		assert_int_equal(supervision_may_restart(&s, now_us), wanted_ms[i] * 1000);
		assert_int_equal(supervision_may_restart(&s, now_us + 1), wanted_ms[i] * 1000 - 1);
		assert_false(supervision_is_exhausted(&s, now_us));
		now_us += wanted_ms[i] * 1000;
	}
	/* one that succeeds ends that */
	assert_int_equal(supervision_may_restart(&s, now_us), 0);
	supervision_started(&s, true, now_us);
	assert_int_equal(supervision_may_restart(&s, now_us), 0);
	supervision_started(&s, false, now_us);
	assert_int_equal(supervision_may_restart(&s, now_us), 100000);
	supervision_started(&s, true, now_us); /* another worker's, begun before */
	assert_int_equal(supervision_may_restart(&s, now_us), 0);
	/* a first delay beyond the longest there is */
	supervision_init(&s, &(struct supervision_options){.start_us = 60 * SECOND});
	supervision_started(&s, false, 0);
	assert_int_equal(supervision_may_restart(&s, 0), 30 * SECOND);
}

/* Starts that fail, and nothing else, do not end in one attempt after the other. */
static void failed_starts_count_as_restarts(void **state)
{
	int64_t now_us = 0;
	int attempts = 0;
	(void)state;
	while (now_us < 600 * SECOND) {
		int64_t delay_us = supervision_may_restart(&s, now_us);
		if (delay_us == 0) {
			attempts++;
			supervision_started(&s, false, now_us);
		}
		now_us += delay_us;
	}
	assert_in_range(attempts, 20, 60);
}

static void reset_by_hand(void **state)
{
	(void)state;
	while (supervision_may_restart(&s, 0) == 0)
		;
	supervision_started(&s, false, 0);
	supervision_reset(&s);
	assert_false(supervision_is_exhausted(&s, 0));
	for (int i = 0; i < 3; i++)
		assert_int_equal(supervision_may_restart(&s, 0), 0);
	assert_int_equal(supervision_may_restart(&s, 0), SECOND);
	assert_int_equal(s.restarts, 6);
	assert_int_equal(s.rests, 2);
}

/* Whatever happens: never more than the intensity within a window, but for rests; never a wait
 * without end. */
static void invariants_hold(void **state)
{
	uint64_t random = 3;
	int64_t now_us = 0, granted[3] = {-1, -1, -1}, rests = 0;
	(void)state;
	supervision_init(&s,
		&(struct supervision_options){
			.window_us = 1000, .rest_us = 100, .rest_max_us = 5000, .start_us = 10});
	for (int i = 0; i < 100000; i++) {
		now_us += (int64_t)(hash_next(&random) % 400);
		if (hash_next(&random) % 4 == 0)
			supervision_started(&s, hash_next(&random) % 2, now_us);
		int64_t delay_us = supervision_may_restart(&s, now_us);
		assert_in_range(delay_us, 0, 5000);
		if (s.rests != rests)
			granted[0] = granted[1] = granted[2] = -1;
		rests = s.rests;
		if (delay_us > 0)
			continue;
		assert_true(granted[0] < 0 || now_us - granted[0] >= 1000);
		granted[0] = granted[1];
		granted[1] = granted[2];
		granted[2] = now_us;
	}
	assert_true(rests > 100 && s.restarts > 1000);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(three_in_five_seconds_then_it_rests),
		T(the_window_slides),
		T(a_long_first_rest_is_kept),
		T(rests_double_to_their_end_and_the_segment_is_never_lost),
		T(a_calm_time_forgets_the_rests),
		T(w4_failure_stays_in_its_segment_and_the_storm_returns_to_size),
		T(a_start_that_fails_is_tried_again_later),
		T(failed_starts_count_as_restarts),
		T(reset_by_hand),
		T(invariants_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
