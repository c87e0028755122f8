/* Tests of retry: the sequences, and delays that stay in their bounds whatever is asked. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/retry.h"

static uint64_t random_state;

static int setup(void **state)
{
	(void)state;
	random_state = 7;
	return 0;
}

static struct retry make(enum backoff kind, int64_t base_us, int64_t cap_us, double jitter)
{
	struct retry r;
	retry_begin(&r, &(struct retry_options){kind, 3, base_us, cap_us, jitter});
	return r;
}

static void expect(enum backoff kind, int64_t cap_us, const int64_t *wanted, int count)
{
	struct retry r = make(kind, 1000, cap_us, 0);
	for (int i = 0; i < count; i++)
		assert_int_equal(retry_delay_us(&r, i + 1, &random_state), wanted[i]);
}

static void e3_sequences(void **state)
{
	(void)state;
	expect(BACKOFF_LINEAR, 1000000, (int64_t[]){1000, 2000, 3000, 4000, 5000}, 5);
	expect(BACKOFF_EXPONENTIAL, 1000000, (int64_t[]){1000, 2000, 4000, 8000, 16000}, 5);
	expect(BACKOFF_FIBONACCI, 1000000, (int64_t[]){1000, 1000, 2000, 3000, 5000, 8000}, 6);
}

static void e3_the_cap_ends_them(void **state)
{
	(void)state;
	expect(BACKOFF_LINEAR, 2500, (int64_t[]){1000, 2000, 2500, 2500}, 4);
	expect(BACKOFF_EXPONENTIAL, 2500, (int64_t[]){1000, 2000, 2500, 2500}, 4);
	expect(BACKOFF_FIBONACCI, 2500, (int64_t[]){1000, 1000, 2000, 2500, 2500}, 5);
	expect(BACKOFF_EXPONENTIAL, 500, (int64_t[]){500, 500}, 2);
}

static void e3_a_huge_attempt_is_capped(void **state)
{
	static const int attempts[] = {39, 40, 41, 42, 59, 60, 61, 62, 63, 64, 65, 100, 1024, 1025,
		1000000, INT32_MAX - 1, INT32_MAX};
	(void)state;
	for (int kind = 0; kind < BACKOFF_COUNT; kind++)
		for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
			struct retry r = make((enum backoff)kind, 1, 30000000, 0);
			int64_t delay_us = retry_delay_us(&r, attempts[i], &random_state);
			if (kind == BACKOFF_EXPONENTIAL || kind == BACKOFF_FIBONACCI)
				assert_int_equal(delay_us, 30000000);
			assert_in_range(delay_us, 1, 30000000);
			r = make((enum backoff)kind, RETRY_CAP_MAX_US, RETRY_CAP_MAX_US, 1);
			assert_in_range(
				retry_delay_us(&r, attempts[i], &random_state), 0, RETRY_CAP_MAX_US);
		}
}

static void an_attempt_before_the_first_is_the_first(void **state)
{
	(void)state;
	for (int kind = 0; kind < BACKOFF_COUNT; kind++)
		for (int attempt = 0; attempt > -3; attempt--) {
			struct retry r = make((enum backoff)kind, 1000, 1000000, 0);
			int64_t delay_us = retry_delay_us(&r, attempt, &random_state);
			assert_in_range(delay_us, 1000, kind == BACKOFF_DECORRELATED_JITTER ? 3000 : 1000);
		}
	struct retry r = make(BACKOFF_LINEAR, 1000, 1000000, 0);
	assert_int_equal(retry_delay_us(&r, INT32_MIN, &random_state), 1000);
}

static void e4_jitter_is_never_above_the_cap_nor_below_nothing(void **state)
{
	static const double jitters[] = {0.01, 0.25, 0.5, 1};
	(void)state;
	for (int kind = 0; kind < BACKOFF_COUNT; kind++)
		for (size_t j = 0; j < sizeof jitters / sizeof *jitters; j++) {
			struct retry r = make((enum backoff)kind, 1000, 7000, jitters[j]);
			for (int i = 0; i < 2000; i++)
				assert_in_range(retry_delay_us(&r, 1 + i % 10, &random_state), 0, 7000);
		}
}

static void e4_delays_of_next_to_nothing_are_safe(void **state)
{
	(void)state;
	for (int kind = 0; kind < BACKOFF_COUNT; kind++)
		for (int64_t base_us = 0; base_us <= 3000; base_us += base_us < 4 ? 1 : 749) {
			struct retry r = make((enum backoff)kind, base_us, 3000, 0.25);
			for (int attempt = 1; attempt < 20; attempt++)
				assert_in_range(retry_delay_us(&r, attempt, &random_state), 0, 3000);
			r = make((enum backoff)kind, base_us, 0, 0.25);
			assert_int_equal(retry_delay_us(&r, 3, &random_state), 0);
		}
}

static void e4_jitter_spreads_both_ways(void **state)
{
	int64_t lowest = INT64_MAX, highest = 0, sum = 0;
	struct retry r = make(BACKOFF_EXPONENTIAL, 1000, 100000, 0.25);
	(void)state;
	for (int i = 0; i < 4000; i++) {
		int64_t delay_us = retry_delay_us(&r, 3, &random_state);
		sum += delay_us;
		lowest = delay_us < lowest ? delay_us : lowest;
		highest = delay_us > highest ? delay_us : highest;
	}
	assert_in_range(lowest, 3000, 3020);
	assert_in_range(highest, 4980, 5000);
	assert_in_range(sum / 4000, 3950, 4050);
	/* at the cap it spreads below it, instead of standing at it */
	r = make(BACKOFF_EXPONENTIAL, 1000, 4000, 0.25);
	int at_cap = 0;
	for (int i = 0; i < 1000; i++)
		at_cap += retry_delay_us(&r, 9, &random_state) == 4000;
	assert_in_range(at_cap, 0, 20);
}

static void decorrelated_stands_on_its_last_and_on_nobody_elses(void **state)
{
	struct retry a = make(BACKOFF_DECORRELATED_JITTER, 1000, 50000, 0);
	struct retry b = make(BACKOFF_DECORRELATED_JITTER, 1000, 50000, 0);
	int64_t last_us = 1000, highest = 0;
	(void)state;
	for (int i = 1; i < 500; i++) {
		int64_t delay_us = retry_delay_us(&a, i, &random_state);
		assert_in_range(delay_us, 1000, 3 * last_us < 50000 ? 3 * last_us : 50000);
		last_us = delay_us;
		highest = delay_us > highest ? delay_us : highest;
	}
	assert_true(highest > 40000);
	assert_in_range(retry_delay_us(&b, 1, &random_state), 1000, 3000);
	/* a base beyond the cap */
	a = make(BACKOFF_DECORRELATED_JITTER, 9000, 500, 0);
	assert_int_equal(retry_delay_us(&a, 1, &random_state), 500);
	assert_int_equal(retry_delay_us(&a, 2, &random_state), 500);
}

static void one_seed_gives_one_sequence(void **state)
{
	(void)state;
	for (int kind = 0; kind < BACKOFF_COUNT; kind++) {
		uint64_t one = 42, other = 42;
		struct retry a = make((enum backoff)kind, 1000, 1000000, 0.25), b = a;
		for (int i = 1; i < 20; i++)
			assert_int_equal(retry_delay_us(&a, i, &one), retry_delay_us(&b, i, &other));
	}
}

static void zero_attempts_is_one(void **state)
{
	struct retry r;
	(void)state;
	for (int max = -1; max <= 1; max++) {
		retry_begin(&r, &(struct retry_options){.attempts_max = max});
		assert_true(retry_may(&r, 0));
		assert_false(retry_may(&r, 1));
	}
	retry_begin(&r, &RETRY_DEFAULTS);
	assert_true(retry_may(&r, 2));
	assert_false(retry_may(&r, 3));
	assert_false(retry_may(&r, INT32_MAX));
	assert_in_range(retry_delay_us(&r, 1, &random_state), 750000, 1250000);
}

static void a_retry_must_fit_before_the_deadline(void **state)
{
	(void)state;
	assert_true(retry_fits(999, 1000, 2000));
	assert_false(retry_fits(1000, 1000, 2000));
	assert_false(retry_fits(0, 2000, 2000));
	assert_false(retry_fits(0, 2001, 2000));
	assert_true(retry_fits(0, 1999, 2000));
	assert_true(retry_fits(RETRY_CAP_MAX_US, 1000, INT64_MAX));
	assert_false(retry_fits(INT64_MAX, INT64_MAX - 1, INT64_MAX));
	assert_false(retry_fits(INT64_MAX, 1, 5));
}

static void words(void **state)
{
	(void)state;
	for (int i = 0; i < BACKOFF_COUNT; i++)
		assert_int_equal(backoff_of(backoff_name((enum backoff)i)), i);
	assert_int_equal(backoff_of("Linear"), BACKOFF_COUNT);
	assert_int_equal(backoff_of(""), BACKOFF_COUNT);
	assert_string_equal(backoff_name(BACKOFF_DECORRELATED_JITTER), "decorrelated_jitter");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(e3_sequences, setup),
		cmocka_unit_test_setup(e3_the_cap_ends_them, setup),
		cmocka_unit_test_setup(e3_a_huge_attempt_is_capped, setup),
		cmocka_unit_test_setup(an_attempt_before_the_first_is_the_first, setup),
		cmocka_unit_test_setup(e4_jitter_is_never_above_the_cap_nor_below_nothing, setup),
		cmocka_unit_test_setup(e4_delays_of_next_to_nothing_are_safe, setup),
		cmocka_unit_test_setup(e4_jitter_spreads_both_ways, setup),
		cmocka_unit_test_setup(decorrelated_stands_on_its_last_and_on_nobody_elses, setup),
		cmocka_unit_test_setup(one_seed_gives_one_sequence, setup),
		cmocka_unit_test_setup(zero_attempts_is_one, setup),
		cmocka_unit_test_setup(a_retry_must_fit_before_the_deadline, setup),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
