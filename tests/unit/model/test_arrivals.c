/* Tests of arrivals: the rate along the time axis, who comes and with what, and that a seed says
 * all. Bounds are five standard deviations or more. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/arrivals.h"
#include "model/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct scenario plain(double rate)
{
	return (struct scenario){.rate = rate,
		.sessions = 50,
		.operations = {{.name = "echo", .weight = 3}, {.name = "spin", .weight = 1}},
		.operation_count = 2};
}

/* How many arrive before `until_ms`, from the one that was drawn last on. */
static int64_t count_until(struct arrivals *a, struct arrival *next, int64_t until_ms)
{
	int64_t count = 0;
	for (; next->at_us < until_ms * 1000; count++)
		if (!arrivals_next(a, next))
			next->at_us = INT64_MAX;
	return count;
}

static void assert_about(int64_t count, double expected)
{
	if (fabs((double)count - expected) > 5 * sqrt(expected) + 1)
		fail_msg("%lld where %.0f are expected", (long long)count, expected);
}

static void a_seed_says_all(void **state)
{
	(void)state;
	struct scenario s = plain(1000);
	s.session_requests = 5;
	s.keys = 100;
	s.key_skew = 1;
	s.levels[0] = (struct scenario_level){.at_ms = 100, .rate = 3000, .over_ms = 500};
	s.level_count = 1;
	struct arrivals *one = arrivals_new(&s, 7), *same = arrivals_new(&s, 7);
	struct arrivals *other = arrivals_new(&s, 8);
	struct arrival x, y, z;
	int different = 0;
	int64_t last_us = 0;
	for (uint64_t i = 0; i < 5000; i++) {
		assert_true(arrivals_next(one, &x) && arrivals_next(same, &y));
		assert_true(arrivals_next(other, &z));
		assert_true(x.at_us == y.at_us && x.number == y.number && x.session == y.session &&
			x.key == y.key && x.operation == y.operation);
		assert_int_equal(x.number, i);
		assert_true(x.at_us >= last_us);
		last_us = x.at_us;
		different += x.at_us != z.at_us;
	}
	assert_true(different > 4900);
	arrivals_free(one);
	arrivals_free(same);
	arrivals_free(other);
}

static void arrivals_are_poisson(void **state)
{
	(void)state;
	struct scenario s = plain(100);
	struct arrivals *a = arrivals_new(&s, 1);
	struct arrival next;
	assert_true(arrivals_next(a, &next));
	double sum = 0, squares = 0;
	for (int second = 1; second <= 2000; second++) {
		double count = (double)count_until(a, &next, second * 1000);
		sum += count;
		squares += count * count;
	}
	double mean = sum / 2000, variance = squares / 2000 - mean * mean;
	assert_about((int64_t)sum, 200000);
	assert_true(variance / mean > 0.84 && variance / mean < 1.16);
	arrivals_free(a);
}

/* No gap is lost to rounding where they are shorter than a microsecond. */
static void the_greatest_rate_holds(void **state)
{
	(void)state;
	struct scenario s = plain(1e6);
	struct arrivals *a = arrivals_new(&s, 1);
	struct arrival next;
	assert_true(arrivals_next(a, &next));
	assert_about(count_until(a, &next, 200), 200000);
	arrivals_free(a);
}

static void the_rate_follows_the_levels(void **state)
{
	(void)state;
	struct scenario s = plain(500);
	s.levels[0] = (struct scenario_level){.at_ms = 10000};               /* nothing */
	s.levels[1] = (struct scenario_level){.at_ms = 20000, .rate = 4000}; /* a burst */
	s.levels[2] = (struct scenario_level){.at_ms = 21000, .rate = 100};
	s.levels[3] = (struct scenario_level){.at_ms = 30000, .rate = 1000, .over_ms = 10000};
	s.levels[4] = (struct scenario_level){.at_ms = 50000, .rate = 0, .over_ms = 10000};
	s.levels[5] =
		(struct scenario_level){.at_ms = 70000, .rate = 800, .swing = 0.75, .period_ms = 20000};
	s.levels[6] = (struct scenario_level){.at_ms = 90000};
	s.level_count = 7;
	static const struct {
		int64_t until_ms;
		double count;
	} spans[] = {{10000, 5000}, {20000, 0}, {21000, 4000}, {30000, 900},
		{35000, (100 + 550) / 2.0 * 5}, {40000, (550 + 1000) / 2.0 * 5}, {50000, 10000},
		{55000, 750 * 5}, {60000, 250 * 5}, {70000, 0},
		/* half a period up: 1 + 0.75 * 2 / pi */
		{80000, 8000 * (1 + 0.75 * 0.63661977)}, {90000, 8000 * (1 - 0.75 * 0.63661977)}};
	struct arrivals *a = arrivals_new(&s, 3);
	struct arrival next;
	assert_true(arrivals_next(a, &next));
	for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
		assert_about(count_until(a, &next, spans[i].until_ms), spans[i].count);
	/* and that was the last, for ever */
	assert_true(next.at_us == INT64_MAX);
	assert_false(arrivals_next(a, &next));
	assert_false(arrivals_next(a, &next));
	arrivals_free(a);
}

static void nothing_arrives(void **state)
{
	(void)state;
	struct arrival next;
	struct scenario none = plain(0), idle = plain(5);
	none.levels[0] = (struct scenario_level){.at_ms = 1000};
	none.level_count = 1;
	idle.operation_count = 0;
	const struct scenario *each[] = {&none, &idle};
	for (int i = 0; i < 2; i++) {
		struct arrivals *a = arrivals_new(each[i], 1);
		assert_false(arrivals_next(a, &next));
		arrivals_free(a);
	}
	arrivals_free(NULL);
}

static void the_first_arrival_may_be_late(void **state)
{
	(void)state;
	static const double before[] = {0, 1e-15};
	for (int i = 0; i < 2; i++) {
		struct scenario s = plain(before[i]);
		s.levels[0] = (struct scenario_level){.at_ms = 5000, .rate = 10000};
		s.level_count = 1;
		struct arrivals *a = arrivals_new(&s, 1);
		struct arrival next;
		assert_true(arrivals_next(a, &next));
		assert_true(next.at_us >= 5000000 && next.at_us < 5010000);
		arrivals_free(a);
	}
	struct scenario never = plain(1e-15);
	struct arrivals *a = arrivals_new(&never, 1);
	struct arrival next;
	for (int i = 0; i < 3; i++)
		assert_false(arrivals_next(a, &next));
	arrivals_free(a);
}

static void operations_by_their_weights(void **state)
{
	(void)state;
	struct scenario s = plain(1000);
	struct arrivals *a = arrivals_new(&s, 1);
	struct arrival x;
	int64_t count[2] = {0};
	for (int i = 0; i < 40000 && arrivals_next(a, &x); i++)
		count[x.operation]++;
	assert_about(count[0], 30000);
	assert_about(count[1], 10000);
	arrivals_free(a);
}

static void sessions_that_never_end(void **state)
{
	(void)state;
	struct scenario s = plain(1000);
	struct arrivals *a = arrivals_new(&s, 1);
	struct arrival x;
	int64_t count[50] = {0};
	for (int i = 0; i < 50000 && arrivals_next(a, &x); i++) {
		assert_in_range(x.session, 0, 49);
		count[x.session]++;
	}
	for (int i = 0; i < 50; i++)
		assert_about(count[i], 1000);
	arrivals_free(a);
}

static void sessions_come_and_go(void **state)
{
	(void)state;
	enum { ARRIVALS = 60000 };
	struct scenario s = plain(1000);
	s.session_requests = 6;
	struct arrivals *a = arrivals_new(&s, 1);
	struct arrival x;
	int *requests = mem_new(ARRIVALS + 50, sizeof *requests);
	uint64_t last = 0;
	for (int i = 0; i < ARRIVALS && arrivals_next(a, &x); i++) {
		assert_true(x.session < ARRIVALS + 50);
		requests[x.session]++;
		last = x.session > last ? x.session : last;
	}
	/* Geometric: as many sessions end as requests by the mean; a sixth of them after one. */
	assert_about((int64_t)last - 49, ARRIVALS / 6.0);
	int64_t once = 0, ended = 0;
	for (uint64_t i = 0; i + 400 < last; i++) { /* the youngest may go on */
		once += requests[i] == 1;
		ended += requests[i] > 0;
	}
	assert_about(once, (double)ended / 6);
	free(requests);
	arrivals_free(a);
}

/* A mean of one: every request is a session of its own. */
static void a_session_of_one_request(void **state)
{
	(void)state;
	struct scenario s = plain(1000);
	s.session_requests = 1;
	struct arrivals *a = arrivals_new(&s, 1);
	struct arrival x;
	bool seen[1100] = {false};
	for (int i = 0; i < 1000 && arrivals_next(a, &x); i++) {
		assert_true(x.session < 1100 && !seen[x.session]);
		seen[x.session] = true;
	}
	arrivals_free(a);
}

static void keys_by_their_skew(void **state)
{
	(void)state;
	enum { ARRIVALS = 200000, KEYS = 1000 };
	static const double skews[] = {0, 0.5, 1, 2, 4};
	for (size_t k = 0; k < sizeof skews / sizeof *skews; k++) {
		struct scenario s = plain(1000);
		s.keys = KEYS;
		s.key_skew = skews[k];
		struct arrivals *a = arrivals_new(&s, 1);
		struct arrival x;
		int64_t count[KEYS] = {0};
		for (int i = 0; i < ARRIVALS && arrivals_next(a, &x); i++) {
			assert_true(x.key < KEYS);
			count[x.key]++;
		}
		double sum = 0;
		for (int i = 0; i < KEYS; i++)
			sum += pow(i + 1.0, -skews[k]);
		for (int i = 0; i < KEYS; i = i * 2 + 1)
			assert_about(count[i], ARRIVALS * pow(i + 1.0, -skews[k]) / sum);
		arrivals_free(a);
	}
}

static void keys_that_are_none_or_one(void **state)
{
	(void)state;
	struct scenario s = plain(1000);
	for (s.keys = 0; s.keys < 2; s.keys++) {
		s.key_skew = 1.5;
		struct arrivals *a = arrivals_new(&s, 1);
		struct arrival x;
		for (int i = 0; i < 100; i++) {
			assert_true(arrivals_next(a, &x));
			assert_int_equal(x.key, 0);
		}
		arrivals_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_says_all),
		cmocka_unit_test(arrivals_are_poisson),
		cmocka_unit_test(the_greatest_rate_holds),
		cmocka_unit_test(the_rate_follows_the_levels),
		cmocka_unit_test(nothing_arrives),
		cmocka_unit_test(the_first_arrival_may_be_late),
		cmocka_unit_test(operations_by_their_weights),
		cmocka_unit_test(sessions_that_never_end),
		cmocka_unit_test(sessions_come_and_go),
		cmocka_unit_test(a_session_of_one_request),
		cmocka_unit_test(keys_by_their_skew),
		cmocka_unit_test(keys_that_are_none_or_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
