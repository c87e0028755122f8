/* Poller on virtual instants. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/poller.h"

static struct instant at(int64_t ms)
{
	return (struct instant){.boot_ms = 5000000 + ms, .wall_ms = 0};
}

static void a_new_entry_is_due_at_once(void **state)
{
	(void)state;
	struct poller *p = poller_new(1);
	assert_int_equal(poller_due_ms(p, at(0)), POLLER_IDLE_MS);
	assert_int_equal(poller_begin(p, at(0)), POLLER_NONE);
	assert_int_equal(poller_add(p, 1000, at(0)), 0);
	assert_int_equal(poller_add(p, 1000, at(0)), 1);
	assert_int_equal(poller_due_ms(p, at(0)), 0);
	assert_int_equal(poller_begin(p, at(0)), 0);
	assert_int_equal(poller_begin(p, at(0)), 1);
	assert_int_equal(poller_begin(p, at(0)), POLLER_NONE);
	assert_int_equal(poller_due_ms(p, at(0)), POLLER_IDLE_MS);
	poller_free(p);
}

static void a_poll_under_way_is_not_begun_twice(void **state)
{
	(void)state;
	struct poller *p = poller_new(1);
	poller_add(p, 100, at(0));
	assert_int_equal(poller_begin(p, at(0)), 0);
	poller_poll_now(p, 0, at(50));
	poller_set_interval(p, 0, 50, at(50));
	assert_int_equal(poller_begin(p, at(2500)), POLLER_NONE);
	poller_end(p, 0, ERR_NONE, at(2501));
	assert_in_range(poller_due_ms(p, at(2501)), 1, 50);
	poller_free(p);
}

static void a_well_entry_keeps_its_beat(void **state)
{
	(void)state;
	struct poller *p = poller_new(1);
	poller_add(p, 1000, at(0));
	for (int64_t ms = 0; ms < 10000; ms += 1000) {
		assert_int_equal(poller_begin(p, at(ms)), 0);
		poller_end(p, 0, ERR_NONE, at(ms + 7));
		assert_int_equal(poller_due_ms(p, at(ms + 7)), 993);
		assert_int_equal(poller_begin(p, at(ms + 999)), POLLER_NONE);
	}
	/* after a sleep of the machine: once, then on the beat again */
	assert_int_equal(poller_begin(p, at(3600123)), 0);
	poller_end(p, 0, ERR_NONE, at(3600130));
	assert_int_equal(poller_due_ms(p, at(3600130)), 870);
	poller_free(p);
}

static void polls_are_spread_over_the_interval(void **state)
{
	(void)state;
	struct poller *p = poller_new(1);
	for (int i = 0; i < 1000; i++)
		poller_add(p, 1000, at(0));
	int rounds = 0;
	for (size_t i; (i = poller_begin(p, at(0))) != POLLER_NONE; rounds++)
		poller_end(p, i, ERR_NONE, at(0));
	assert_int_equal(rounds, 1000);
	for (int64_t ms = 10; ms <= 1000; ms += 10) {
		int begun = 0;
		for (size_t i; (i = poller_begin(p, at(ms))) != POLLER_NONE; begun++)
			poller_end(p, i, ERR_NONE, at(ms));
		assert_in_range(begun, 7, 13);
	}
	poller_free(p);
}

static void at_most_64_are_under_way(void **state)
{
	(void)state;
	struct poller *p = poller_new(1);
	for (int i = 0; i < 100; i++)
		poller_add(p, 1000, at(i));
	int begun = 0;
	while (poller_begin(p, at(200)) != POLLER_NONE)
		begun++;
	assert_int_equal(begun, POLLER_IN_FLIGHT_MAX);
	assert_int_equal(poller_due_ms(p, at(200)), POLLER_IDLE_MS);
	poller_end(p, 3, ERR_SLOW, at(201));
	assert_int_equal(poller_due_ms(p, at(201)), 0);
	/* the one that has waited longest comes first */
	assert_int_equal(poller_begin(p, at(201)), 64);
	poller_free(p);
}

static void trouble_doubles_the_distance(void **state)
{
	(void)state;
	static const int64_t base_ms[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
	struct poller *p = poller_new(42);
	poller_add(p, 1000, at(0));
	assert_int_equal(poller_retry_ms(p, 0, at(0)), UNKNOWN);
	int64_t ms = 0;
	for (size_t n = 0; n < sizeof(base_ms) / sizeof(base_ms[0]); n++) {
		assert_int_equal(poller_begin(p, at(ms)), 0);
		assert_true(n == 0 || poller_retry_ms(p, 0, at(ms)) == 0);
		poller_end(p, 0, ERR_UNREACHABLE, at(ms));
		int64_t wait_ms = poller_retry_ms(p, 0, at(ms));
		assert_in_range(wait_ms, base_ms[n] / 2, base_ms[n] * 3 / 2);
		assert_int_equal(poller_due_ms(p, at(ms)), wait_ms);
		assert_int_equal(poller_begin(p, at(ms + wait_ms - 1)), POLLER_NONE);
		ms += wait_ms;
	}
	assert_int_equal(poller_begin(p, at(ms)), 0);
	poller_end(p, 0, ERR_NONE, at(ms));
	assert_int_equal(poller_retry_ms(p, 0, at(ms)), UNKNOWN);
	assert_in_range(poller_due_ms(p, at(ms)), 1, 1000);
	/* it begins anew */
	poller_poll_now(p, 0, at(ms));
	assert_int_equal(poller_begin(p, at(ms)), 0);
	poller_end(p, 0, ERR_SLOW, at(ms));
	assert_in_range(poller_retry_ms(p, 0, at(ms)), 250, 750);
	poller_free(p);
}

static void chance_spreads_the_herd(void **state)
{
	(void)state;
	struct poller *p = poller_new(7), *q = poller_new(8);
	int low = 0, high = 0, equal = 0;
	for (int i = 0; i < 64; i++) {
		poller_add(p, 1000, at(0));
		poller_add(q, 1000, at(0));
	}
	for (size_t i = 0; i < 64; i++) {
		poller_begin(p, at(0));
		poller_begin(q, at(0));
	}
	for (size_t i = 0; i < 64; i++) {
		poller_end(p, i, ERR_SLOW, at(0));
		poller_end(q, i, ERR_SLOW, at(0));
		int64_t ms = poller_retry_ms(p, i, at(0));
		low += ms < 400;
		high += ms > 600;
		equal += ms == poller_retry_ms(q, i, at(0));
	}
	assert_in_range(low, 8, 40);
	assert_in_range(high, 8, 40);
	assert_in_range(equal, 0, 8);
	poller_free(p);
	poller_free(q);
}

static void a_refused_token_is_tried_every_30_s(void **state)
{
	(void)state;
	struct poller *p = poller_new(1);
	poller_add(p, 100, at(0));
	assert_int_equal(poller_begin(p, at(0)), 0);
	for (int64_t ms = 0; ms < 120000; ms += 30000) {
		poller_end(p, 0, ERR_UNAUTHORISED, at(ms));
		assert_int_equal(poller_retry_ms(p, 0, at(ms)), 30000);
		assert_int_equal(poller_begin(p, at(ms + 29999)), POLLER_NONE);
		assert_int_equal(poller_begin(p, at(ms + 30000)), 0);
	}
	poller_free(p);
}

static void trouble_of_one_is_nothing_to_another(void **state)
{
	(void)state;
	struct poller *p = poller_new(1);
	poller_add(p, 1000, at(0));
	poller_add(p, 1000, at(0));
	assert_int_equal(poller_begin(p, at(0)), 0); /* silent: never ends */
	for (int64_t ms = 0; ms < 3000; ms += 1000) {
		assert_int_equal(poller_begin(p, at(ms + 618)), 1);
		poller_end(p, 1, ERR_NONE, at(ms + 619));
		assert_int_equal(poller_retry_ms(p, 1, at(ms + 619)), UNKNOWN);
		assert_int_equal(poller_due_ms(p, at(ms + 619)), 999);
	}
	poller_free(p);
}

static void a_shorter_interval_is_due_at_once(void **state)
{
	(void)state;
	struct poller *p = poller_new(1);
	poller_add(p, 1000, at(0));
	assert_int_equal(poller_begin(p, at(0)), 0);
	poller_end(p, 0, ERR_NONE, at(1));
	poller_set_interval(p, 0, 1000, at(2));
	assert_int_equal(poller_due_ms(p, at(2)), 998);
	poller_set_interval(p, 0, 100, at(2));
	assert_int_equal(poller_due_ms(p, at(2)), 0);
	assert_int_equal(poller_begin(p, at(2)), 0);
	poller_end(p, 0, ERR_NONE, at(3));
	assert_int_equal(poller_due_ms(p, at(3)), 97);
	poller_set_interval(p, 0, 1000, at(3));
	assert_int_equal(poller_due_ms(p, at(3)), 997);
	/* trouble keeps its distance, unless asked by hand */
	poller_poll_now(p, 0, at(3));
	assert_int_equal(poller_begin(p, at(3)), 0);
	poller_end(p, 0, ERR_SLOW, at(3));
	poller_set_interval(p, 0, 100, at(3));
	assert_in_range(poller_due_ms(p, at(3)), 250, 750);
	poller_poll_now(p, 0, at(3));
	assert_int_equal(poller_due_ms(p, at(3)), 0);
	poller_free(p);
}

static void an_end_without_a_poll_is_nothing(void **state)
{
	(void)state;
	struct poller *p = poller_new(1);
	poller_add(p, 1000, at(0));
	poller_end(p, 0, ERR_SLOW, at(0));
	assert_int_equal(poller_due_ms(p, at(0)), 0);
	assert_int_equal(poller_retry_ms(p, 0, at(0)), UNKNOWN);
	poller_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_entry_is_due_at_once),
		cmocka_unit_test(a_poll_under_way_is_not_begun_twice),
		cmocka_unit_test(a_well_entry_keeps_its_beat),
		cmocka_unit_test(polls_are_spread_over_the_interval),
		cmocka_unit_test(at_most_64_are_under_way),
		cmocka_unit_test(trouble_doubles_the_distance),
		cmocka_unit_test(chance_spreads_the_herd),
		cmocka_unit_test(a_refused_token_is_tried_every_30_s),
		cmocka_unit_test(trouble_of_one_is_nothing_to_another),
		cmocka_unit_test(a_shorter_interval_is_due_at_once),
		cmocka_unit_test(an_end_without_a_poll_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
