/* Ring: gaps, replacement, sliding, and the same answers as a plain map of the last ticks. */
#include "model/ring.h"

#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void put(struct ring *r, int64_t tick, int value)
{
	assert_true(ring_put(r, tick, &value));
}

static int at(const struct ring *r, int64_t tick)
{
	const int *value = ring_at(r, tick);

	return value ? *value : -1;
}

static void test_empty(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, 4, sizeof(int));
	assert_int_equal(ring_length(&r), 0);
	assert_null(ring_last(&r));
	assert_null(ring_at(&r, 0));
	ring_release(&r);
	assert_null(r.data);
}

static void test_missed_ticks_are_gaps(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, 5, sizeof(int));
	put(&r, 10, 100);
	put(&r, 13, 130);
	assert_int_equal(ring_length(&r), 4);
	assert_int_equal(at(&r, 9), -1);
	assert_int_equal(at(&r, 10), 100);
	assert_int_equal(at(&r, 11), -1);
	assert_int_equal(at(&r, 12), -1);
	assert_int_equal(at(&r, 13), 130);
	assert_int_equal(at(&r, 14), -1);
	put(&r, 12, 120); /* late, but kept */
	assert_int_equal(at(&r, 12), 120);
	assert_int_equal(*(const int *)ring_last(&r), 130);
	ring_release(&r);
}

static void test_reused_slots_do_not_show_old_values(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, 3, sizeof(int));
	for (int i = 0; i < 3; i++)
		put(&r, i, i);
	put(&r, 4, 4); /* tick 3 takes the slot of tick 0 */
	assert_int_equal(r.first, 2);
	assert_int_equal(at(&r, 2), 2);
	assert_int_equal(at(&r, 3), -1);
	assert_int_equal(at(&r, 4), 4);
	put(&r, 1000000, 7);
	assert_int_equal(ring_length(&r), 3);
	assert_int_equal(at(&r, 999998), -1);
	assert_int_equal(at(&r, 999999), -1);
	assert_int_equal(at(&r, 1000000), 7);
	ring_release(&r);
}

static void test_memory_is_of_what_was_used(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, 600, sizeof(int));
	assert_int_equal(r.room, 0);
	ring_clear(&r);
	for (int tick = -3; tick < 20; tick++)
		ring_put(&r, tick, &tick);
	assert_in_range(r.room, 23, 46);
	for (int tick = -3; tick < 20; tick++)
		assert_int_equal(at(&r, tick), tick);
	/* and a tick far ahead is a gap no longer than what is kept */
	ring_put(&r, 1000000, &(int){7});
	assert_int_equal(r.room, 600);
	assert_int_equal(at(&r, 19), -1);
	assert_int_equal(at(&r, 1000000), 7);
	assert_int_equal(ring_length(&r), 600);
	ring_release(&r);
}

static void test_too_old_is_refused(void **state)
{
	struct ring r;
	int value = 1;

	(void)state;
	ring_init(&r, 3, sizeof(int));
	put(&r, 5, 5);
	assert_false(ring_put(&r, 4, &value));
	put(&r, 9, 9);
	assert_false(ring_put(&r, 6, &value));
	assert_true(ring_put(&r, 7, &value));
	assert_int_equal(ring_length(&r), 3);
	ring_release(&r);
}

static void test_clear_forgets_all(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, 3, sizeof(int));
	put(&r, 5, 5);
	ring_clear(&r);
	assert_int_equal(ring_length(&r), 0);
	put(&r, 2, 2); /* older than before is fine now */
	put(&r, 4, 4);
	assert_int_equal(at(&r, 3), -1);
	assert_int_equal(at(&r, 5), -1);
	ring_release(&r);
}

static void test_extreme_ticks(void **state)
{
	struct ring r;

	(void)state;
	ring_init(&r, 3, sizeof(int));
	put(&r, INT64_MIN, 1);
	put(&r, -1, 2);
	put(&r, INT64_MAX - 1, 3);
	assert_int_equal(at(&r, INT64_MAX - 1), 3);
	assert_int_equal(at(&r, -1), -1);
	assert_int_equal(ring_length(&r), 3);
	ring_release(&r);
}

/* Against a table of every tick ever put; in a short ring, and in one whose memory grows. */
static void test_same_as_a_table(void **state)
{
	enum { TICKS = 400 };
	uint64_t seed = 1;

	(void)state;
	for (int run = 0; run < 50; run++) {
		const int slots = run % 2 ? 17 : 100;
		struct ring r;
		int table[TICKS];
		int64_t newest = -1, oldest = 0;

		for (int i = 0; i < TICKS; i++)
			table[i] = -1;
		ring_init(&r, (size_t)slots, sizeof(int));
		for (int n = 0; n < 200; n++) {
			int64_t base = newest < 0 ? 20 : newest;
			int64_t tick = base - 20 + seeded_below(&seed, 24);

			if (tick < 0 || tick >= TICKS)
				continue;
			bool expected = newest < 0 || tick >= oldest;

			assert_int_equal(ring_put(&r, tick, &n), expected);
			if (!expected)
				continue;
			table[tick] = n;
			if (newest < 0)
				oldest = tick;
			if (tick > newest)
				newest = tick;
			if (newest - slots + 1 > oldest)
				oldest = newest - slots + 1;
			assert_int_equal(ring_length(&r), newest - oldest + 1);
			for (int64_t i = 0; i < TICKS; i++)
				assert_int_equal(at(&r, i), i >= oldest && i <= newest ? table[i] : -1);
		}
		ring_release(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_missed_ticks_are_gaps),
		cmocka_unit_test(test_reused_slots_do_not_show_old_values),
		cmocka_unit_test(test_memory_is_of_what_was_used),
		cmocka_unit_test(test_too_old_is_refused),
		cmocka_unit_test(test_clear_forgets_all),
		cmocka_unit_test(test_extreme_ticks),
		cmocka_unit_test(test_same_as_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
