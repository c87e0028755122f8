/* Tests of health: what lowers it, what heals it, what is not known. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/health.h"
#include "model/unit.h"

#include <math.h>

#define MINUTE 60000000LL

static const struct health_facts fine = {
	.measured = true,
	.target = {3, 6, 9},
	.workers = 6,
	.memory_bytes = UNKNOWN,
	.memory_limit = UNKNOWN,
	.memory_growth_hour = UNKNOWN,
};

static void assert_near(double got, double want)
{
	if (!(fabs(got - want) < 1e-9))
		fail_msg("%.12g is not %.12g", got, want);
}

static double with_workers(int64_t workers)
{
	struct health_facts f = fine;
	f.workers = workers;
	return health_score(&(struct health){0}, &f, 0);
}

static double with_memory(int64_t bytes, int64_t limit, int64_t growth)
{
	struct health_facts f = fine;
	f.memory_bytes = bytes;
	f.memory_limit = limit;
	f.memory_growth_hour = growth;
	return health_score(&(struct health){0}, &f, 0);
}

static void d6_unmeasured_is_unknown(void **state)
{
	(void)state;
	struct health_facts f = fine;
	f.measured = false;
	assert_true(isnan(health_score(&(struct health){0}, &f, 0)));
	/* And no threshold is passed by what is not known. */
	assert_false(health_score(&(struct health){0}, &f, 0) >= 0.75);
}

static void load_by_the_target_window(void **state)
{
	(void)state;
	assert_true(with_workers(0) == 1);
	assert_true(with_workers(6) == 1);
	assert_near(with_workers(9), 0.5);
	assert_near(with_workers(12), 0.2);
	for (int64_t n = 6; n < 1000; n++)
		assert_true(with_workers(n + 1) < with_workers(n));
	assert_true(with_workers(INT64_MAX) >= 0);
}

static void d5_an_old_error_does_not_grow_worse(void **state)
{
	(void)state;
	static const int64_t begin[] = {0, 1, 9999999, 10 * MINUTE + 123};
	for (size_t i = 0; i < sizeof begin / sizeof *begin; i++) {
		struct health h = {0};
		health_note(&h, TROUBLE_ERROR, begin[i]);
		double last = health_score(&h, &fine, begin[i]);
		assert_true(last < 1);
		for (int64_t now = begin[i]; now < begin[i] + 20 * MINUTE; now += MINUTE / 12) {
			double score = health_score(&h, &fine, now);
			assert_true(score >= last);
			last = score;
		}
		assert_true(last == 1);
	}
}

/* The same of any number of events at any times. */
static void d5_time_only_heals(void **state)
{
	(void)state;
	uint64_t random = 5;
	for (int round = 0; round < 50; round++) {
		struct health h = {0};
		int64_t now = 0;
		for (int i = 0; i < 100; i++) {
			now += (int64_t)(hash_next(&random) % (MINUTE / 4));
			health_note(&h, (enum trouble)(hash_next(&random) % TROUBLE_COUNT), now);
		}
		double last = 0;
		for (int i = 0; i < 100; i++, now += MINUTE / 16) {
			double score = health_score(&h, &fine, now);
			assert_true(score >= last && score <= 1);
			assert_true(health_score(&h, &fine, now) == score);
			last = score;
		}
		assert_true(last == 1);
	}
}

static void errors_count_by_worker_and_time(void **state)
{
	(void)state;
	struct health h = {0};
	struct health_facts f = fine;
	f.workers = 1;
	/* One a minute for five minutes on one worker. */
	for (int i = 0; i < 5; i++)
		health_note(&h, TROUBLE_ERROR, i * MINUTE);
	int64_t now = 5 * MINUTE - 1;
	assert_int_equal(health_count(&h, TROUBLE_ERROR, now), 5);
	assert_near(health_score(&h, &f, now), 0.5);
	f.workers = 4;
	assert_near(health_score(&h, &f, now), 0.8);
	f.workers = 0; /* nobody is left: nothing divided by nothing */
	assert_near(health_score(&h, &f, now), 0.5);
	/* After five minutes the first has left, a minute later the second. */
	assert_int_equal(health_count(&h, TROUBLE_ERROR, now + 1), 4);
	assert_int_equal(health_count(&h, TROUBLE_ERROR, now + 1 + MINUTE), 3);
	assert_int_equal(health_count(&h, TROUBLE_ERROR, now + 60 * MINUTE), 0);
}

static void warnings_weigh_a_tenth_and_restarts_as_errors(void **state)
{
	(void)state;
	struct health errors = {0}, warnings = {0}, restarts = {0};
	for (int i = 0; i < 3; i++) {
		health_note(&errors, TROUBLE_ERROR, MINUTE);
		health_note(&restarts, TROUBLE_RESTART, MINUTE);
	}
	for (int i = 0; i < 30; i++)
		health_note(&warnings, TROUBLE_WARNING, MINUTE);
	double score = health_score(&errors, &fine, MINUTE);
	assert_near(score, 1 / (1 + 3.0 / 30));
	assert_near(health_score(&restarts, &fine, MINUTE), score);
	assert_near(health_score(&warnings, &fine, MINUTE), score);
}

static void late_events_count_as_of_now(void **state)
{
	(void)state;
	struct health h = {0};
	health_note(&h, TROUBLE_ERROR, 5 * MINUTE);
	health_note(&h, TROUBLE_ERROR, 0); /* the same place of the ring */
	assert_int_equal(health_count(&h, TROUBLE_ERROR, 5 * MINUTE), 2);
}

static void memory_by_the_time_that_is_left(void **state)
{
	(void)state;
	assert_true(with_memory(500, UNKNOWN, 100) == 1);
	assert_true(with_memory(UNKNOWN, 1000, 100) == 1);
	assert_true(with_memory(500, 1000, UNKNOWN) == 1);
	assert_true(with_memory(500, 1000, 0) == 1);
	assert_true(with_memory(500, 1000, -70) == 1);
	assert_near(with_memory(500, 1000, 500), 0.5);
	assert_near(with_memory(760, 1000, 10), 0.96);
	assert_true(with_memory(999, 1000, INT64_MAX) < 0.001);
	assert_true(with_memory(1000, 1000, -5) == 0);
	assert_true(with_memory(1001, 1000, UNKNOWN) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(d6_unmeasured_is_unknown),
		cmocka_unit_test(load_by_the_target_window),
		cmocka_unit_test(d5_an_old_error_does_not_grow_worse),
		cmocka_unit_test(d5_time_only_heals),
		cmocka_unit_test(errors_count_by_worker_and_time),
		cmocka_unit_test(warnings_weigh_a_tenth_and_restarts_as_errors),
		cmocka_unit_test(late_events_count_as_of_now),
		cmocka_unit_test(memory_by_the_time_that_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
