/* Tests of assignment units: counted at a fixed age, once per change of split. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/session.h"

#include <stdio.h>
#include <stdlib.h>

#define UNIT_MS 1000

static struct sessions *s;

static int setup(void **state)
{
	(void)state;
	s = sessions_new(UNIT_MS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sessions_free(s);
	return 0;
}

static void assert_counted(enum arm arm, int64_t now_ms, int64_t sessions, int64_t bad)
{
	int64_t n, b;
	sessions_totals(s, arm, false, now_ms, &n, &b);
	assert_int_equal(n, sessions);
	assert_int_equal(b, bad);
}

static void counts_at_its_age(void **state)
{
	(void)state;
	sessions_note(s, 0, "a", ARM_V2, false, 100, 10);
	assert_counted(ARM_V2, 10 + UNIT_MS - 1, 0, 0);
	assert_counted(ARM_V2, 10 + UNIT_MS, 1, 0);
	assert_counted(ARM_V1, 10 + UNIT_MS, 0, 0);
}

static void is_bad_by_a_failure_in_time_only(void **state)
{
	(void)state;
	sessions_note(s, 0, "a", ARM_V1, false, 100, 0);
	sessions_note(s, 0, "a", ARM_V1, true, 100, UNIT_MS - 1);
	sessions_note(s, 0, "b", ARM_V1, false, 100, 0);
	sessions_note(s, 0, "b", ARM_V1, true, 100, UNIT_MS);
	assert_counted(ARM_V1, UNIT_MS, 2, 1);
}

static void has_the_latency_of_the_first(void **state)
{
	(void)state;
	sessions_note(s, 0, "a", ARM_V1, false, 50, 0);
	sessions_note(s, 0, "a", ARM_V1, false, 9000, 1);
	struct arm_counts *c = calloc(1, sizeof *c);
	sessions_fill(s, ARM_V1, UNIT_MS, c);
	assert_true(c->has_session_latency);
	assert_int_equal(c->sessions, 1);
	assert_int_equal(histogram_total(&c->session_latency), 1);
	assert_int_equal(histogram_max_us(&c->session_latency), 50);
	free(c);
}

static void counts_once_per_split(void **state)
{
	(void)state;
	for (int64_t t = 0; t < 20 * UNIT_MS; t += UNIT_MS / 2)
		sessions_note(s, 0, "a", ARM_V1, false, 1, t);
	assert_counted(ARM_V1, 21 * UNIT_MS, 1, 0);
	sessions_turn(s, 1, 21 * UNIT_MS);
	sessions_note(s, 1, "a", ARM_V2, true, 1, 21 * UNIT_MS);
	assert_counted(ARM_V1, 30 * UNIT_MS, 1, 0);
	assert_counted(ARM_V2, 30 * UNIT_MS, 1, 1);
}

static void closes_open_units_at_a_change(void **state)
{
	(void)state;
	sessions_note(s, 0, "a", ARM_V2, true, 1, 0);
	sessions_note(s, 0, "b", ARM_V2, false, 1, 0);
	int64_t n, b;
	sessions_totals(s, ARM_V2, true, 5, &n, &b);
	assert_int_equal(n, 2);
	assert_int_equal(b, 1);
	sessions_turn(s, 1, 5);
	assert_counted(ARM_V2, 5, 2, 1);
	assert_counted(ARM_V2, 10 * UNIT_MS, 2, 1);
}

static void ignores_what_an_earlier_split_routed(void **state)
{
	(void)state;
	sessions_turn(s, 1, 0);
	sessions_note(s, 0, "a", ARM_V2, true, 1, 1);
	assert_counted(ARM_V2, 10 * UNIT_MS, 0, 0);
}

static void is_new_after_silence(void **state)
{
	(void)state;
	sessions_note(s, 0, "a", ARM_V1, false, 1, 0);
	sessions_note(s, 0, "a", ARM_V1, false, 1, SESSION_SILENT_MS - 1);
	assert_counted(ARM_V1, SESSION_SILENT_MS * 10, 1, 0);
	sessions_note(s, 0, "a", ARM_V1, false, 1, 2 * SESSION_SILENT_MS - 1);
	assert_counted(ARM_V1, SESSION_SILENT_MS * 10, 2, 0);
}

static void note_many(int count, int64_t now_ms)
{
	char name[32];
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof name, "session-%d", i);
		sessions_note(s, 0, name, (i & 1) ? ARM_V2 : ARM_V1, i % 10 == 0, 1, now_ms);
	}
}

static void keeps_all_below_the_cap(void **state)
{
	(void)state;
	note_many(40000, 0);
	note_many(40000, 1);
	assert_int_equal(sessions_sample(s), 1);
	assert_counted(ARM_V1, UNIT_MS + 1, 20000, 4000);
	assert_counted(ARM_V2, UNIT_MS + 1, 20000, 0);
}

static void samples_above_the_cap(void **state)
{
	(void)state;
	note_many(300000, 0);
	int64_t one_in = sessions_sample(s);
	assert_in_range(one_in, 2, 16);
	int64_t n, b;
	sessions_totals(s, ARM_V1, false, UNIT_MS, &n, &b);
	assert_in_range(n, 150000 / one_in * 9 / 10, 150000 / one_in * 11 / 10);
	assert_in_range(b, n / 5 * 9 / 10, n / 5 * 11 / 10);
	sessions_turn(s, 1, UNIT_MS);
	assert_int_equal(sessions_sample(s), 1);
}

/* Parts of one whole: all count as the most crowded does. */
static void thins_like_its_neighbours(void **state)
{
	(void)state;
	int64_t n, b, left, bad;
	note_many(40000, 0);
	sessions_thin(s, 1, 0);
	assert_int_equal(sessions_sample(s), 1);
	sessions_thin(s, 4, 0);
	assert_int_equal(sessions_sample(s), 4);
	sessions_totals(s, ARM_V1, true, 0, &n, &b);
	assert_in_range(n, 20000 / 4 * 9 / 10, 20000 / 4 * 11 / 10);
	assert_in_range(b, n / 5 * 9 / 10, n / 5 * 11 / 10);
	/* never back before the next split, and those who stayed are not counted again */
	sessions_thin(s, 2, 0);
	assert_int_equal(sessions_sample(s), 4);
	note_many(40000, 1);
	sessions_totals(s, ARM_V1, true, 1, &left, &bad);
	assert_int_equal(left, n);
	/* what was counted stays counted */
	sessions_totals(s, ARM_V1, false, UNIT_MS, &n, &b);
	sessions_thin(s, 64, UNIT_MS);
	sessions_totals(s, ARM_V1, true, UNIT_MS, &left, &bad);
	assert_int_equal(left, n);
	sessions_turn(s, 1, UNIT_MS);
	assert_int_equal(sessions_sample(s), 1);
}

static void assert_live(enum arm arm, int64_t now_ms, int64_t live, int64_t end_ms)
{
	int64_t n, end;
	sessions_live(s, arm, now_ms, &n, &end);
	assert_int_equal(n, live);
	assert_int_equal(end, end_ms);
}

/* Those whose newest request went to the arm, until they are silent; a new split takes none away. */
static void tells_who_is_still_there(void **state)
{
	(void)state;
	assert_live(ARM_V1, 0, 0, 0);
	sessions_note(s, 0, "a", ARM_V1, false, 100, 1000);
	sessions_note(s, 0, "b", ARM_V1, false, 100, 5000);
	sessions_note(s, 0, "c", ARM_V2, false, 100, 9000);
	assert_live(ARM_V1, 10000, 2, SESSION_SILENT_MS - 5000);
	assert_live(ARM_V2, 10000, 1, SESSION_SILENT_MS - 1000);
	sessions_note(s, 0, "b", ARM_V2, false, 100, 11000);
	assert_live(ARM_V1, 11000, 1, SESSION_SILENT_MS - 10000);
	assert_live(ARM_V1, 1000 + SESSION_SILENT_MS - 1, 1, 1);
	assert_live(ARM_V1, 1000 + SESSION_SILENT_MS, 0, 0);
	sessions_note(s, 0, "d", ARM_V1, false, 100, 12000);
	sessions_turn(s, 1, 13000);
	assert_live(ARM_V1, 13000, 2, SESSION_SILENT_MS - 1000);
	sessions_note(s, 1, "d", ARM_V2, false, 100, 14000);
	assert_live(ARM_V1, 14000, 1, SESSION_SILENT_MS - 13000);
	assert_counted(ARM_V2, 14000 + UNIT_MS, 2, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(tells_who_is_still_there),
		T(counts_at_its_age),
		T(is_bad_by_a_failure_in_time_only),
		T(has_the_latency_of_the_first),
		T(counts_once_per_split),
		T(closes_open_units_at_a_change),
		T(ignores_what_an_earlier_split_routed),
		T(is_new_after_silence),
		T(keeps_all_below_the_cap),
		T(samples_above_the_cap),
		T(thins_like_its_neighbours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
