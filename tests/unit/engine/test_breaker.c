/* Tests of the breaker: three states, what is counted in them, and words that come too late.
 * What half open does with its probes: test_breaker_probe.c. */
#include "tests/unit/engine/breaker_bed.h"

#include "client/engine/hash.h"

static void c1_opens_at_the_fifth_failure(void **state)
{
	(void)state;
	break_by(4, 10);
	assert_int_equal(state_at(10), BREAKER_CLOSED);
	assert_int_equal(breaker_info(&b, 10).failures, 4);
	assert_int_equal(breaker_ask(&b, 10).answer, BREAKER_ALLOWED);
	break_by(1, 10);
	assert_int_equal(state_at(10), BREAKER_OPEN);
	assert_int_equal(pass(true, 11), BREAKER_REFUSED);
	assert_int_equal(breaker_info(&b, 11).opened, 1);
	assert_int_equal(breaker_info(&b, 11).failures, 5);
}

static void c2_a_success_resets_the_count(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		break_by(4, i);
		pass(true, i);
	}
	assert_int_equal(state_at(20), BREAKER_CLOSED);
	assert_int_equal(breaker_info(&b, 20).failures, 0);
}

/* The breaker sees a word, not how the work ended: an error that was returned is `false` as a
 * crash is. */
static void c3_a_returned_error_counts(void **state)
{
	(void)state;
	breaker_init(&b, &(struct breaker_options){.failures = 1}, 0);
	break_by(1, 0);
	assert_int_equal(state_at(0), BREAKER_OPEN);
}

static void c4_half_opens_at_exactly_the_time_from_the_opening(void **state)
{
	struct breaker_ticket late[3];
	(void)state;
	for (int i = 0; i < 3; i++)
		late[i] = breaker_ask(&b, 900);
	break_by(5, 1000);
	for (int i = 0; i < 3; i++) /* under way when it opened: no word on it any more */
		breaker_tell(&b, &late[i], i == 2, 1000 + OPEN_US / 2);
	assert_int_equal(breaker_info(&b, 1000 + OPEN_US / 2).retry_us, OPEN_US / 2);
	assert_int_equal(breaker_ask(&b, 1000 + OPEN_US - 1).answer, BREAKER_REFUSED);
	assert_int_equal(breaker_info(&b, 1000 + OPEN_US - 1).retry_us, 1);
	assert_int_equal(state_at(1000 + OPEN_US - 1), BREAKER_OPEN);
	assert_int_equal(state_at(1000 + OPEN_US), BREAKER_HALF_OPEN);
	assert_int_equal(breaker_info(&b, 1000 + OPEN_US + 5).retry_us, 0);
	assert_int_equal(breaker_ask(&b, 1000 + OPEN_US).answer, BREAKER_PROBE);
	assert_int_equal(breaker_info(&b, 1000 + OPEN_US).refused, 1);
}

static void c9_reset_closes(void **state)
{
	struct breaker_ticket t;
	(void)state;
	break_by(4, 0);
	t = breaker_ask(&b, 0);
	breaker_reset(&b, 1);
	breaker_tell(&b, &t, false, 2); /* of before */
	assert_int_equal(breaker_info(&b, 2).failures, 0);
	break_by(5, 3);
	breaker_reset(&b, 4);
	assert_int_equal(state_at(4), BREAKER_CLOSED);
	assert_int_equal(breaker_info(&b, 4).opened, 1);
	assert_int_equal(pass(true, 4), BREAKER_ALLOWED);
	break_by(5, 5);
	t = breaker_ask(&b, 5 + OPEN_US);
	breaker_reset(&b, 6 + OPEN_US);
	breaker_tell(&b, &t, false, 7 + OPEN_US);
	assert_int_equal(state_at(7 + OPEN_US), BREAKER_CLOSED);
	assert_int_equal(breaker_info(&b, 7 + OPEN_US).probes, 0);
}

static void c10_a_refusal_is_no_word(void **state)
{
	(void)state;
	break_by(5, 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(pass(i % 2, OPEN_US - 10), BREAKER_REFUSED);
	struct breaker_ticket t = breaker_ask(&b, OPEN_US - 1);
	breaker_forget(&b, &t);
	assert_int_equal(breaker_info(&b, OPEN_US - 1).refused, 11);
	assert_int_equal(breaker_info(&b, OPEN_US - 1).failures, 5);
	assert_int_equal(breaker_ask(&b, OPEN_US).answer, BREAKER_PROBE);
}

static void c11_protected_work_runs_in_parallel(void **state)
{
	struct breaker_ticket t[1000];
	(void)state;
	for (int i = 0; i < 1000; i++) {
		t[i] = breaker_ask(&b, i);
		assert_int_equal(t[i].answer, BREAKER_ALLOWED);
	}
	for (int i = 0; i < 1000; i++)
		breaker_tell(&b, &t[i], i % 5 == 0, 1000);
	assert_int_equal(state_at(1000), BREAKER_CLOSED);
	for (int i = 0; i < 1000; i++)
		t[i] = breaker_ask(&b, 2000);
	for (int i = 0; i < 1000; i++) /* the fifth opens, the others say nothing more */
		breaker_tell(&b, &t[i], false, 2000);
	assert_int_equal(breaker_info(&b, 2000).opened, 1);
}

static void options_change_while_it_runs(void **state)
{
	(void)state;
	break_by(3, 0);
	breaker_configure(&b, &(struct breaker_options){.failures = 4, .open_us = 100});
	break_by(1, 0);
	assert_int_equal(state_at(99), BREAKER_OPEN);
	assert_int_equal(breaker_ask(&b, 100).answer, BREAKER_PROBE);
	assert_int_equal(breaker_ask(&b, 100).answer, BREAKER_PROBE);
	breaker_configure(&b, &(struct breaker_options){.probes = 1, .open_us = 100});
	assert_int_equal(breaker_ask(&b, 100).answer, BREAKER_REFUSED);
	assert_int_equal(breaker_info(&b, 100).probes, 2);
}

static void a_quiet_breaker_needs_no_question(void **state)
{
	(void)state;
	uint64_t quiet = breaker_quiet(&b);
	assert_true(quiet != 0);
	struct breaker_ticket t = breaker_pass(quiet);
	assert_int_equal(t.answer, BREAKER_ALLOWED);
	breaker_tell(&b, &t, false, 0);
	assert_int_equal(breaker_quiet(&b), 0);
	assert_int_equal(breaker_info(&b, 0).failures, 1);
	pass(true, 0);
	assert_true(breaker_quiet(&b) == quiet);
	break_by(5, 0);
	assert_int_equal(breaker_quiet(&b), 0);
	breaker_ask(&b, OPEN_US);
	assert_int_equal(breaker_quiet(&b), 0);
	breaker_reset(&b, OPEN_US);
	assert_true(breaker_quiet(&b) > quiet);
	breaker_tell(&b, &t, false, OPEN_US); /* a word that is a turn late */
	assert_int_equal(breaker_info(&b, OPEN_US).failures, 0);
}

/* Random work against what one may always expect. */
static void invariants_hold(void **state)
{
	struct breaker_ticket held[32] = {0};
	uint64_t random = 11;
	int64_t now_us = 0;
	(void)state;
	breaker_init(&b,
		&(struct breaker_options){
			.failures = 3, .successes = 4, .probes = 3, .open_us = 50, .probe_us = 20},
		0);
	for (int i = 0; i < 100000; i++) {
		const unsigned at = (unsigned)(hash_next(&random) % 32);
		const uint64_t what = hash_next(&random) % 10;
		uint64_t turn = b.turn;
		enum breaker_state was = b.state;
		int64_t since_us = b.since_us;
		now_us += (int64_t)(hash_next(&random) % 3);
		if (what < 6)
			held[at] = breaker_ask(&b, now_us);
		else if (what < 9)
			breaker_tell(&b, &held[at], hash_next(&random) % 3 != 0, now_us);
		else
			breaker_forget(&b, &held[at]);
		struct breaker_info info = breaker_info(&b, now_us);
		assert_in_range(info.probes, 0, 3);
		assert_true(b.turn != 0 && b.turn >= turn && b.turn <= turn + 1);
		assert_int_equal(b.turn != turn, b.state != was);
		if (was == BREAKER_OPEN && b.state != BREAKER_OPEN)
			assert_true(b.state == BREAKER_HALF_OPEN && now_us - since_us >= 50);
		if (was == BREAKER_OPEN && b.state == BREAKER_OPEN)
			assert_int_equal(b.since_us, since_us);
		if (was == BREAKER_CLOSED && b.state == BREAKER_CLOSED)
			assert_in_range(info.failures, 0, 2);
	}
	assert_true(b.opened > 100);
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(breaker_name(BREAKER_CLOSED), "closed");
	assert_string_equal(breaker_name(BREAKER_OPEN), "open");
	assert_string_equal(breaker_name(BREAKER_HALF_OPEN), "half_open");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup(test, setup)
	const struct CMUnitTest tests[] = {
		T(c1_opens_at_the_fifth_failure),
		T(c2_a_success_resets_the_count),
		T(c3_a_returned_error_counts),
		T(c4_half_opens_at_exactly_the_time_from_the_opening),
		T(c9_reset_closes),
		T(c10_a_refusal_is_no_word),
		T(c11_protected_work_runs_in_parallel),
		T(options_change_while_it_runs),
		T(a_quiet_breaker_needs_no_question),
		T(invariants_hold),
		T(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
