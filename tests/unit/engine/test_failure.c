/* Tests of failures: the table as one reads it, and the rules of which it is one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/failure.h"

#include <string.h>

static struct failure_plan plan(enum failure category, int attempt)
{
	return failure_plan(
		&(struct failure_facts){.category = category, .attempt = attempt, .idempotent = true});
}

static struct failure_plan plan_given(enum failure category, enum severity severity)
{
	return failure_plan(&(struct failure_facts){
		.category = category, .attempt = 1, .idempotent = true, .given_severity = severity});
}

static void e1_every_category_has_its_severity_and_recovery(void **state)
{
	static const struct {
		const char *category, *severity, *recovery;
	} wanted[] = {
		{"connection", "major", "backoff_retry"},
		{"timeout", "major", "backoff_retry"},
		{"resource", "critical", "circuit_break"},
		{"operation", "major", "failover"},
		{"initialization", "critical", "circuit_break"},
		{"communication", "major", "immediate_retry"},
		{"health", "minor", "backoff_retry"},
		{"session", "minor", "immediate_retry"},
		{"system", "critical", "abandon"},
		{"refused", "minor", "failover"},
	};
	(void)state;
	assert_int_equal(sizeof wanted / sizeof *wanted, FAILURE_COUNT);
	for (size_t i = 0; i < FAILURE_COUNT; i++) {
		struct failure_plan p = plan(failure_of(wanted[i].category), 1);
		assert_string_equal(failure_name((enum failure)i), wanted[i].category);
		assert_string_equal(severity_name(p.severity), wanted[i].severity);
		assert_string_equal(recovery_name(p.recovery), wanted[i].recovery);
	}
}

static void e1_recovery_follows_the_severity(void **state)
{
	(void)state;
	assert_int_equal(plan_given(FAILURE_RESOURCE, SEVERITY_MAJOR).recovery, RECOVERY_FAILOVER);
	assert_int_equal(plan_given(FAILURE_RESOURCE, SEVERITY_MINOR).recovery, RECOVERY_ABANDON);
	assert_int_equal(plan_given(FAILURE_RESOURCE, SEVERITY_WARNING).recovery, RECOVERY_ABANDON);
	assert_int_equal(
		plan_given(FAILURE_CONNECTION, SEVERITY_CRITICAL).recovery, RECOVERY_CIRCUIT_BREAK);
	assert_int_equal(
		plan_given(FAILURE_CONNECTION, SEVERITY_MINOR).recovery, RECOVERY_BACKOFF_RETRY);
}

static void e2_limits_and_delays(void **state)
{
	static const int64_t immediate[] = {0, 100000, 200000};
	static const int64_t backoff[] = {1000000, 2000000, 4000000, 8000000, 16000000};
	(void)state;
	for (int attempt = 1; attempt <= 3; attempt++) {
		struct failure_plan p = plan(FAILURE_COMMUNICATION, attempt);
		assert_true(p.retry);
		assert_int_equal(p.again_max, 3);
		assert_int_equal(p.delay_us, immediate[attempt - 1]);
	}
	for (int attempt = 1; attempt <= 5; attempt++) {
		struct failure_plan p = plan(FAILURE_CONNECTION, attempt);
		assert_true(p.retry);
		assert_int_equal(p.again_max, 5);
		assert_int_equal(p.delay_us, backoff[attempt - 1]);
	}
	struct failure_plan over = plan(FAILURE_COMMUNICATION, 4);
	assert_false(over.retry);
	assert_int_equal(over.recovery, RECOVERY_ABANDON);
	assert_int_equal(over.delay_us, 0);
	assert_int_equal(over.again_max, 3);
	assert_int_equal(plan(FAILURE_TIMEOUT, 6).recovery, RECOVERY_ABANDON);
	assert_int_equal(plan(FAILURE_TIMEOUT, INT32_MAX).recovery, RECOVERY_ABANDON);
	/* one failover, and no retry of what breaks or is abandoned */
	assert_int_equal(plan(FAILURE_OPERATION, 1).again_max, 1);
	assert_false(plan(FAILURE_OPERATION, 1).retry);
	assert_int_equal(plan(FAILURE_OPERATION, 2).recovery, RECOVERY_ABANDON);
	assert_int_equal(plan(FAILURE_INITIALIZATION, 1).again_max, 0);
	assert_int_equal(plan(FAILURE_INITIALIZATION, 9).recovery, RECOVERY_CIRCUIT_BREAK);
	assert_false(plan(FAILURE_INITIALIZATION, 1).retry);
	assert_int_equal(plan(FAILURE_SYSTEM, 1).again_max, 0);
	assert_false(plan(FAILURE_SYSTEM, 1).retry);
	/* there is no attempt before the first */
	assert_int_equal(plan(FAILURE_CONNECTION, 0).delay_us, 1000000);
	assert_int_equal(plan(FAILURE_CONNECTION, INT32_MIN).delay_us, 1000000);
}

static void e1_severity_rules_in_their_order(void **state)
{
	struct failure_facts f = {.category = FAILURE_HEALTH, .attempt = 1, .idempotent = true};
	(void)state;
	assert_int_equal(failure_plan(&f).severity, SEVERITY_MINOR);
	f.user_facing = true;
	assert_int_equal(failure_plan(&f).severity, SEVERITY_MAJOR);
	f.all_workers = true;
	assert_int_equal(failure_plan(&f).severity, SEVERITY_CRITICAL);
	f.attempt = 3;
	assert_int_equal(failure_plan(&f).severity, SEVERITY_CRITICAL);
	f.attempt = 4; /* the attempts come before both */
	assert_int_equal(failure_plan(&f).severity, SEVERITY_MAJOR);
	f.given_severity = SEVERITY_WARNING; /* and what is given before all */
	assert_int_equal(failure_plan(&f).severity, SEVERITY_WARNING);
	/* user facing raises what is minor only, attempts nothing beyond critical */
	f = (struct failure_facts){
		.category = FAILURE_TIMEOUT, .attempt = 1, .user_facing = true, .idempotent = true};
	assert_int_equal(failure_plan(&f).severity, SEVERITY_MAJOR);
	f.category = FAILURE_SYSTEM;
	assert_int_equal(failure_plan(&f).severity, SEVERITY_CRITICAL);
	assert_int_equal(plan(FAILURE_SYSTEM, 4).severity, SEVERITY_CRITICAL);
	assert_int_equal(plan(FAILURE_TIMEOUT, 4).severity, SEVERITY_CRITICAL);
}

static void e5_attempts_do_not_take_away_what_the_limit_allows(void **state)
{
	(void)state;
	for (int attempt = 4; attempt <= 5; attempt++) {
		struct failure_plan p = plan(FAILURE_CONNECTION, attempt);
		assert_int_equal(p.severity, SEVERITY_CRITICAL);
		assert_int_equal(p.recovery, RECOVERY_BACKOFF_RETRY);
		assert_true(p.retry);
	}
	assert_int_equal(plan(FAILURE_CONNECTION, 5).delay_us, 16000000);
}

static void what_its_cause_makes_critical_is_tried_twice(void **state)
{
	struct failure_facts f = {
		.category = FAILURE_TIMEOUT, .attempt = 2, .all_workers = true, .idempotent = true};
	(void)state;
	assert_true(failure_plan(&f).retry);
	assert_int_equal(failure_plan(&f).again_max, 2);
	f.attempt = 3;
	assert_false(failure_plan(&f).retry);
	assert_int_equal(failure_plan(&f).recovery, RECOVERY_ABANDON);
	/* also at the attempt that tells it as less severe */
	f.category = FAILURE_HEALTH;
	f.attempt = 4;
	assert_int_equal(failure_plan(&f).severity, SEVERITY_MAJOR);
	assert_int_equal(failure_plan(&f).recovery, RECOVERY_ABANDON);
}

static void e6_a_users_own_error_is_the_answer(void **state)
{
	(void)state;
	for (int c = 0; c < FAILURE_COUNT; c++)
		for (int s = SEVERITY_UNSET; s < SEVERITY_COUNT; s++) {
			struct failure_plan p =
				failure_plan(&(struct failure_facts){.category = (enum failure)c,
					.attempt = 1,
					.users_own = true,
					.idempotent = true,
					.given_severity = (enum severity)s});
			assert_int_equal(p.recovery, RECOVERY_ABANDON);
			assert_false(p.retry);
			assert_int_equal(p.again_max, 0);
		}
}

static void what_is_not_idempotent_runs_once(void **state)
{
	(void)state;
	for (int c = 0; c < FAILURE_COUNT; c++) {
		struct failure_facts f = {.category = (enum failure)c, .attempt = 1};
		struct failure_plan p = failure_plan(&f);
		assert_false(p.retry);
		assert_true(p.recovery == RECOVERY_ABANDON || p.recovery == RECOVERY_CIRCUIT_BREAK);
		assert_int_equal(p.again_max, 0);
	}
}

static void c10_a_refusal_is_its_own_and_never_retried(void **state)
{
	(void)state;
	assert_int_equal(failure_of("refused"), FAILURE_REFUSED);
	for (int attempt = 0; attempt < 9; attempt++)
		for (int s = SEVERITY_UNSET; s < SEVERITY_COUNT; s++) {
			struct failure_plan p =
				failure_plan(&(struct failure_facts){.category = FAILURE_REFUSED,
					.attempt = attempt,
					.idempotent = true,
					.given_severity = (enum severity)s});
			assert_false(p.retry);
			assert_int_equal(p.recovery, attempt < 2 ? RECOVERY_FAILOVER : RECOVERY_ABANDON);
		}
}

/* Nothing of all that can be asked contradicts itself. */
static void plans_are_consistent(void **state)
{
	(void)state;
	for (int c = 0; c < FAILURE_COUNT; c++)
		for (int bits = 0; bits < 16; bits++)
			for (int s = SEVERITY_UNSET; s < SEVERITY_COUNT; s++) {
				int runs = 0, max = -1;
				for (int attempt = 1; attempt < 10; attempt++) {
					struct failure_plan p =
						failure_plan(&(struct failure_facts){(enum failure)c, attempt, bits & 1,
							bits & 2, bits & 4, bits & 8, (enum severity)s});
					assert_in_range(p.severity, SEVERITY_WARNING, SEVERITY_CRITICAL);
					assert_in_range(p.delay_us, 0, 16000000);
					assert_true(max < 0 || max == p.again_max);
					max = p.again_max;
					bool again = p.retry || p.recovery == RECOVERY_FAILOVER;
					assert_int_equal(again, attempt <= max);
					assert_true(again || p.delay_us == 0);
					runs += again;
				}
				assert_int_equal(runs, max);
			}
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(severity_name(SEVERITY_UNSET), "unset");
	for (int i = 1; i < RECOVERY_COUNT; i++)
		assert_string_not_equal(
			recovery_name((enum recovery)i), recovery_name((enum recovery)(i - 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(e1_every_category_has_its_severity_and_recovery),
		cmocka_unit_test(e1_recovery_follows_the_severity),
		cmocka_unit_test(e1_severity_rules_in_their_order),
		cmocka_unit_test(e2_limits_and_delays),
		cmocka_unit_test(e5_attempts_do_not_take_away_what_the_limit_allows),
		cmocka_unit_test(what_its_cause_makes_critical_is_tried_twice),
		cmocka_unit_test(e6_a_users_own_error_is_the_answer),
		cmocka_unit_test(what_is_not_idempotent_runs_once),
		cmocka_unit_test(c10_a_refusal_is_its_own_and_never_retried),
		cmocka_unit_test(plans_are_consistent),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
