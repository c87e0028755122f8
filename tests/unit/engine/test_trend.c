/* Tests of the trend: slopes that are known, what is not enough, the window. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/trend.h"

#define SECOND 1000000
#define MIB (1 << 20)

static void assert_near(int64_t got, double want, double part)
{
	double off = (double)got - want, most = (want < 0 ? -want : want) * part;
	if (off < -most || off > most)
		fail_msg("%lld is not near %.0f", (long long)got, want);
}

static void too_little_is_unknown(void **state)
{
	(void)state;
	struct trend t = {0};
	assert_true(trend_per_hour(&t) == UNKNOWN);
	trend_add(&t, 0, 100);
	assert_true(trend_per_hour(&t) == UNKNOWN);
	trend_add(&t, 60 * SECOND, 200); /* two are no line */
	assert_true(trend_per_hour(&t) == UNKNOWN);
	trend_clear(&t);
	for (int i = 0; i < 10; i++) /* 9 s */
		trend_add(&t, i * SECOND, 100);
	assert_true(trend_per_hour(&t) == UNKNOWN);
	trend_add(&t, 10 * SECOND, 100);
	assert_int_equal(trend_per_hour(&t), 0);
}

static void straight_lines(void **state)
{
	(void)state;
	struct trend up = {0}, down = {0};
	for (int i = 0; i < 30; i++) {
		trend_add(&up, i * SECOND, 7 * MIB + i * 1000);
		trend_add(&down, i * SECOND, 7 * MIB - i * 1000);
	}
	assert_near(trend_per_hour(&up), 3.6e6, 1e-6);
	assert_near(trend_per_hour(&down), -3.6e6, 1e-6);
	/* Reading changes nothing. */
	assert_near(trend_per_hour(&up), 3.6e6, 1e-6);
	trend_clear(&up);
	assert_true(trend_per_hour(&up) == UNKNOWN);
}

static void noise_is_evened_out(void **state)
{
	(void)state;
	struct trend t = {0};
	uint64_t random = 9;
	for (int64_t i = 0; i < 3600; i++)
		trend_add(
			&t, i * SECOND, 500 * MIB + i * 10000 + (int64_t)(hash_next(&random) % (4 * MIB)));
	assert_near(trend_per_hour(&t), 36e6, 0.1);
	assert_in_range(t.count, 3, TREND_SAMPLES);
}

static void thinning_keeps_the_whole_span(void **state)
{
	(void)state;
	struct trend t = {0};
	for (int64_t i = 0; i <= TREND_SAMPLES; i++)
		trend_add(&t, i * SECOND, i);
	assert_int_equal(t.count, TREND_SAMPLES / 2 + 1);
	assert_int_equal(t.spacing_us, 2 * SECOND);
	for (int i = 0; i < TREND_SAMPLES / 2; i++)
		assert_int_equal(t.sample[i].at_us, (2 * i + 1) * SECOND);
	assert_int_equal(t.sample[TREND_SAMPLES / 2].at_us, TREND_SAMPLES * SECOND);
}

static void the_start_is_forgotten(void **state)
{
	(void)state;
	/* 600 MiB in the first ten minutes, then a day of nothing. */
	struct trend t = {0};
	int64_t bytes = 0, second = 0;
	for (; second < 600; second++)
		trend_add(&t, second * SECOND, bytes += MIB);
	assert_near(trend_per_hour(&t), 3600.0 * MIB, 0.01);
	for (; second < 86400; second++) {
		trend_add(&t, second * SECOND, bytes);
		assert_in_range(t.count, 1, TREND_SAMPLES);
	}
	assert_int_equal(trend_per_hour(&t), 0);
	int64_t span = t.sample[t.count - 1].at_us - t.sample[0].at_us;
	assert_in_range(span / SECOND, 60 * 60, 70 * 60);
	/* And a leak that begins now is seen. */
	for (int i = 0; i < 1800; i++, second++)
		trend_add(&t, second * SECOND, bytes += 10000);
	assert_true(trend_per_hour(&t) > 5000000);
}

static void what_is_no_sample_is_ignored(void **state)
{
	(void)state;
	struct trend t = {0};
	trend_add(&t, 0, UNKNOWN);
	trend_add(&t, 0, -1);
	assert_int_equal(t.count, 0);
	trend_add(&t, 5 * SECOND, 100);
	trend_add(&t, 5 * SECOND, 999);
	trend_add(&t, 1 * SECOND, 999);
	trend_add(&t, 5 * SECOND + 10, 999);
	assert_int_equal(t.count, 1);
	trend_add(&t, 6 * SECOND, 100);
	assert_int_equal(t.count, 2);
}

static void beyond_an_integer(void **state)
{
	(void)state;
	struct trend t = {0};
	for (int i = 0; i < 12; i++)
		trend_add(&t, i * SECOND, (int64_t)i << 58);
	assert_true(trend_per_hour(&t) == INT64_MAX);
	trend_clear(&t);
	for (int i = 0; i < 12; i++)
		trend_add(&t, i * SECOND, (int64_t)(12 - i) << 58);
	assert_true(trend_per_hour(&t) == -INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_little_is_unknown),
		cmocka_unit_test(straight_lines),
		cmocka_unit_test(noise_is_evened_out),
		cmocka_unit_test(thinning_keeps_the_whole_span),
		cmocka_unit_test(the_start_is_forgotten),
		cmocka_unit_test(what_is_no_sample_is_ignored),
		cmocka_unit_test(beyond_an_integer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
