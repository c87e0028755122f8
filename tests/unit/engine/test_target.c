/* Tests of target windows: the order of filling, the hard cap, windows without width. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/target.h"

#include <string.h>

static const struct target window = {3, 6, 9};

static int64_t pick(const int64_t *counts, size_t n, uint64_t seed)
{
	return target_pick(&window, counts, n, &seed);
}

static void d2_low_first_then_target_then_high_then_new(void **state)
{
	(void)state;
	int64_t counts[3] = {0};
	uint64_t random = 2;
	/* Each stage is filled everywhere before the next begins. */
	for (int placed = 0; placed < 27; placed++) {
		int64_t at = target_pick(&window, counts, 3, &random);
		assert_in_range(at, 0, 2);
		int64_t edge = placed < 9 ? 3 : placed < 18 ? 6 : 9;
		assert_true(counts[at] < edge);
		counts[at]++;
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(counts[i], window.high);
	assert_int_equal(target_pick(&window, counts, 3, &random), TARGET_NEW);
	assert_int_equal(target_pick(&window, counts, 0, &random), TARGET_NEW);
}

static void d2_edges(void **state)
{
	(void)state;
	assert_int_equal(pick((int64_t[]){3, 2}, 2, 1), 1);
	assert_int_equal(pick((int64_t[]){2, 3}, 2, 1), 0);
	assert_int_equal(pick((int64_t[]){6, 5}, 2, 1), 1);
	assert_int_equal(pick((int64_t[]){9, 8}, 2, 1), 1);
	assert_int_equal(pick((int64_t[]){9, 100}, 2, 1), TARGET_NEW);
}

static void d1_locked_gets_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		assert_int_equal(pick((int64_t[]){-1, 8, INT64_MIN}, 3, seed), 1);
		assert_int_equal(pick((int64_t[]){-1, 9}, 2, seed), TARGET_NEW);
	}
}

static void equals_are_taken_evenly_and_reproducibly(void **state)
{
	(void)state;
	int64_t counts[] = {1, 5, 1, 2, 1};
	int hits[5] = {0};
	uint64_t random = 7, again = 7;
	for (int i = 0; i < 4000; i++) {
		int64_t at = target_pick(&window, counts, 5, &random);
		assert_int_equal(at, target_pick(&window, counts, 5, &again));
		hits[at]++;
	}
	assert_int_equal(hits[1], 0);
	for (int i = 0; i < 5; i++)
		if (i != 1)
			assert_in_range(hits[i], 850, 1150);
}

static void d4_a_window_without_width_is_refused(void **state)
{
	(void)state;
	static const struct target wrong[] = {
		{3, 3, 9}, {3, 9, 9}, {3, 3, 3}, {0, 0, 0}, {6, 3, 9}, {3, 9, 6}, {-1, 3, 6}};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct err err = {0};
		assert_int_equal(target_check(&wrong[i], "workers", &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_non_null(strstr(err.text, "\"workers\""));
	}
	assert_int_equal(target_check(&window, "workers", NULL), 0);
	assert_int_equal(target_check(&(struct target){0, 1, 2}, "nodes", NULL), 0);
}

static void load_is_0_to_target_and_1_at_high(void **state)
{
	(void)state;
	assert_true(target_load(&window, 0) == 0);
	assert_true(target_load(&window, 6) == 0);
	assert_true(target_load(&window, 9) == 1);
	assert_true(target_load(&window, 12) == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(d2_low_first_then_target_then_high_then_new),
		cmocka_unit_test(d2_edges),
		cmocka_unit_test(d1_locked_gets_nothing),
		cmocka_unit_test(equals_are_taken_evenly_and_reproducibly),
		cmocka_unit_test(d4_a_window_without_width_is_refused),
		cmocka_unit_test(load_is_0_to_target_and_1_at_high),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
