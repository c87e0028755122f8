/* Tests of affinity: bindings and how they end, and the modes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/affinity.h"

#include <stdio.h>

#define TTL_US 1000

static struct affinity *a;

static int setup(void **state)
{
	(void)state;
	a = affinity_new(4, TTL_US);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	affinity_free(a);
	a = NULL;
	return 0;
}

static void a1_bind_get_rebind_unbind(void **state)
{
	(void)state;
	assert_int_equal(affinity_get(a, "s", 0), -1);
	affinity_bind(a, "s", 3, 0);
	assert_int_equal(affinity_get(a, "s", 1), 3);
	affinity_bind(a, "s", 4, 2);
	assert_int_equal(affinity_get(a, "s", 3), 4);
	assert_int_equal(affinity_stats(a, 3).sessions, 1);
	assert_int_equal(affinity_stats(a, 3).end_us, TTL_US);
	assert_int_equal(affinity_stats(a, 5).end_us, TTL_US - 2);
	assert_int_equal(affinity_stats(a, 3).workers, 1);
	assert_true(affinity_unbind(a, "s"));
	assert_false(affinity_unbind(a, "s"));
	assert_int_equal(affinity_get(a, "s", 3), -1);
	assert_int_equal(affinity_stats(a, 3).sessions, 0);
	assert_int_equal(affinity_stats(a, 3).end_us, 0);
	affinity_bind(a, "", AFFINITY_WORKERS_MAX - 1, 4);
	assert_int_equal(affinity_get(a, "", 4), AFFINITY_WORKERS_MAX - 1);
}

static void a1_removing_a_worker_ends_its_bindings_only(void **state)
{
	(void)state;
	affinity_bind(a, "a", 1, 0);
	affinity_bind(a, "b", 2, 0);
	affinity_bind(a, "c", 1, 0);
	affinity_bind(a, "d", 2, 0);
	affinity_bind(a, "d", 1, 0);
	assert_int_equal(affinity_remove_worker(a, 1), 3);
	assert_int_equal(affinity_remove_worker(a, 1), 0);
	assert_int_equal(affinity_get(a, "a", 0), -1);
	assert_int_equal(affinity_get(a, "b", 0), 2);
	assert_int_equal(affinity_get(a, "c", 0), -1);
	assert_int_equal(affinity_get(a, "d", 0), -1);
	assert_int_equal(affinity_stats(a, 0).removed, 3);
	assert_int_equal(affinity_stats(a, 0).sessions, 1);
	assert_int_equal(affinity_stats(a, 0).workers, 1);
}

static void a1_expires_at_its_time(void **state)
{
	(void)state;
	affinity_bind(a, "a", 1, 0);
	affinity_bind(a, "b", 1, 1);
	assert_int_equal(affinity_sweep(a, TTL_US - 1), 0);
	assert_int_equal(affinity_get(a, "a", TTL_US), -1);
	assert_int_equal(affinity_get(a, "b", TTL_US), 1);
	assert_int_equal(affinity_stats(a, TTL_US).expired, 1);
	assert_int_equal(affinity_stats(a, TTL_US).sessions, 1);
	/* one that has expired is bound as one that never was */
	affinity_bind(a, "b", 2, 9 * TTL_US);
	assert_int_equal(affinity_get(a, "b", 9 * TTL_US), 2);
	assert_int_equal(affinity_stats(a, 9 * TTL_US).expired, 2);
}

static void a1_sweep_ends_what_has_expired(void **state)
{
	(void)state;
	affinity_bind(a, "a", 1, 0);
	affinity_bind(a, "b", 2, 500);
	affinity_bind(a, "c", 3, 600);
	affinity_get(a, "a", 700);
	assert_int_equal(affinity_sweep(a, 600 + TTL_US), 2);
	assert_int_equal(affinity_sweep(a, 600 + TTL_US), 0);
	assert_int_equal(affinity_get(a, "a", 600 + TTL_US), 1);
	assert_int_equal(affinity_sweep(a, 10 * TTL_US), 1);
	assert_int_equal(affinity_sweep(a, 10 * TTL_US), 0);
	assert_int_equal(affinity_stats(a, 10 * TTL_US).expired, 3);
}

/* The time to live is the one that was asked for, in statistics too. */
static void a1_stats_tell_of_now(void **state)
{
	(void)state;
	affinity_bind(a, "a", 1, 0);
	assert_int_equal(affinity_get(a, "a", 1), 1);
	assert_int_equal(affinity_get(a, "x", 1), -1);
	affinity_bind(a, "b", 2, TTL_US / 2);
	struct affinity_stats s = affinity_stats(a, TTL_US / 2);
	assert_int_equal(s.sessions, 2);
	assert_int_equal(s.workers, 2);
	assert_int_equal(s.hits, 1);
	assert_int_equal(s.misses, 1);
	s = affinity_stats(a, 1 + TTL_US); /* not swept by anybody */
	assert_int_equal(s.sessions, 1);
	assert_int_equal(s.workers, 1);
	assert_int_equal(s.expired, 1);
	assert_int_equal(s.evicted, 0);
}

static void a2_use_refreshes(void **state)
{
	(void)state;
	affinity_bind(a, "a", 1, 0);
	affinity_bind(a, "b", 2, 0);
	for (int64_t now_us = 0; now_us < 20 * TTL_US; now_us += TTL_US - 1)
		assert_int_equal(affinity_get(a, "a", now_us), 1);
	assert_int_equal(affinity_get(a, "b", 20 * TTL_US), -1);
}

static void the_longest_unused_makes_room(void **state)
{
	(void)state;
	affinity_bind(a, "a", 1, 0);
	affinity_bind(a, "b", 1, 1);
	affinity_bind(a, "c", 1, 2);
	affinity_bind(a, "d", 1, 3);
	affinity_get(a, "a", 4);
	affinity_bind(a, "e", 1, 5);
	assert_int_equal(affinity_get(a, "b", 6), -1);
	assert_int_equal(affinity_get(a, "a", 6), 1);
	assert_int_equal(affinity_get(a, "e", 6), 1);
	assert_int_equal(affinity_stats(a, 6).evicted, 1);
	assert_int_equal(affinity_stats(a, 6).sessions, 4);
	/* what has expired goes before, and is not counted as pushed out */
	affinity_bind(a, "f", 1, 4 + 2 * TTL_US);
	assert_int_equal(affinity_stats(a, 4 + 2 * TTL_US).evicted, 1);
	assert_int_equal(affinity_stats(a, 4 + 2 * TTL_US).expired, 4);
}

static void a3_modes(void **state)
{
	static const struct {
		const char *mode;
		enum affinity_choice none, idle, busy, gone;
	} wanted[] = {
		{"hint", AFFINITY_ANY, AFFINITY_THIS, AFFINITY_ANY, AFFINITY_ANY},
		{"strict_queue", AFFINITY_ANY, AFFINITY_THIS, AFFINITY_WAIT_FOR_IT, AFFINITY_FAIL_GONE},
		{"strict_fail_fast", AFFINITY_ANY, AFFINITY_THIS, AFFINITY_FAIL_BUSY,
			AFFINITY_FAIL_GONE},
	};
	(void)state;
	assert_int_equal(sizeof wanted / sizeof *wanted, AFFINITY_COUNT);
	for (int i = 0; i < AFFINITY_COUNT; i++) {
		enum affinity_mode mode = affinity_of(wanted[i].mode);
		assert_int_equal(mode, i);
		assert_string_equal(affinity_name(mode), wanted[i].mode);
		assert_int_equal(affinity_choose(mode, AFFINITY_WORKER_NONE), wanted[i].none);
		assert_int_equal(affinity_choose(mode, AFFINITY_WORKER_IDLE), wanted[i].idle);
		assert_int_equal(affinity_choose(mode, AFFINITY_WORKER_BUSY), wanted[i].busy);
		assert_int_equal(affinity_choose(mode, AFFINITY_WORKER_GONE), wanted[i].gone);
	}
	assert_int_equal(affinity_of("strict"), AFFINITY_COUNT);
	assert_int_equal(affinity_of(""), AFFINITY_COUNT);
}

static void a4_two_immediate_requests_have_one_worker(void **state)
{
	(void)state;
	assert_int_equal(affinity_claim(a, "s", 1, 0), 1);
	assert_int_equal(affinity_claim(a, "s", 2, 0), 1);
	assert_int_equal(affinity_get(a, "s", 0), 1);
	assert_int_equal(affinity_claim(a, "s", 2, TTL_US), 2);
}

static void a_time_a_little_back_breaks_nothing(void **state)
{
	(void)state;
	affinity_bind(a, "a", 1, 100);
	affinity_bind(a, "b", 1, 90); /* read by another thread, before its turn came */
	assert_int_equal(affinity_get(a, "b", 90 + TTL_US), -1);
	affinity_bind(a, "b", 2, 90 + TTL_US);
	assert_int_equal(affinity_stats(a, 90 + TTL_US).sessions, 2);
	assert_int_equal(affinity_get(a, "b", 91 + TTL_US), 2);
}

static void a_full_table_stays_right_and_bounded(void **state)
{
	struct affinity *table = affinity_new(0, 0);
	char name[24];
	(void)state;
	for (int i = 0; i < AFFINITY_SESSIONS_MAX + 5000; i++) {
		snprintf(name, sizeof name, "session-%d", i);
		affinity_bind(table, name, i % 100, i);
	}
	struct affinity_stats s = affinity_stats(table, 0);
	assert_int_equal(s.sessions, AFFINITY_SESSIONS_MAX);
	assert_int_equal(s.evicted, 5000);
	assert_int_equal(s.workers, 100);
	for (int i = 0; i < AFFINITY_SESSIONS_MAX + 5000; i += 7) {
		snprintf(name, sizeof name, "session-%d", i);
		assert_int_equal(affinity_get(table, name, 100000), i < 5000 ? -1 : i % 100);
	}
	for (int w = 0; w < 100; w++)
		affinity_remove_worker(table, w);
	assert_int_equal(affinity_stats(table, 0).sessions, 0);
	assert_int_equal(affinity_sweep(table, INT64_MAX), 0);
	affinity_free(table);
	affinity_free(NULL);
}

static void one_place_is_enough(void **state)
{
	struct affinity *table = affinity_new(1, TTL_US);
	(void)state;
	affinity_bind(table, "a", 1, 0);
	affinity_bind(table, "b", 2, 0);
	assert_int_equal(affinity_get(table, "a", 0), -1);
	assert_int_equal(affinity_get(table, "b", 0), 2);
	affinity_free(table);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a1_bind_get_rebind_unbind),
		T(a1_removing_a_worker_ends_its_bindings_only),
		T(a1_expires_at_its_time),
		T(a1_sweep_ends_what_has_expired),
		T(a1_stats_tell_of_now),
		T(a2_use_refreshes),
		T(the_longest_unused_makes_room),
		T(a3_modes),
		T(a4_two_immediate_requests_have_one_worker),
		T(a_time_a_little_back_breaks_nothing),
		T(a_full_table_stays_right_and_bounded),
		T(one_place_is_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
