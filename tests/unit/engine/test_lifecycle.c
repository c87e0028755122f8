/* Tests of a worker's life: every transition there could be, and what failures make of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/lifecycle.h"

#include <string.h>

static enum lifecycle_state state_of(const char *word)
{
	for (int i = 0; i < LIFECYCLE_COUNT; i++)
		if (strcmp(lifecycle_name((enum lifecycle_state)i), word) == 0)
			return (enum lifecycle_state)i;
	return LIFECYCLE_COUNT;
}

static void w1_every_legal_and_illegal_transition(void **state)
{
	static const char *const names[] = {
		"initializing", "ready", "busy", "degraded", "terminating", "terminated"};
	static const char table[6][7] = {
		/* to  irbdgt */
		"-+---+", /* initializing */
		"--+++-", /* ready */
		"-+-++-", /* busy */
		"-+--+-", /* degraded */
		"-----+", /* terminating */
		"------", /* terminated */
	};
	(void)state;
	assert_int_equal(LIFECYCLE_COUNT, 6);
	for (int from = 0; from < 6; from++)
		for (int to = 0; to < 6; to++) {
			enum lifecycle_state s = state_of(names[from]);
			bool moved = lifecycle_move(&s, state_of(names[to]));
			assert_int_equal(moved, table[from][to] == '+');
			assert_int_equal(s, state_of(names[moved ? to : from]));
		}
}

static struct lifecycle ready(void)
{
	struct lifecycle l = {0};
	assert_true(lifecycle_succeed(&l));
	assert_int_equal(l.state, LIFECYCLE_READY);
	return l;
}

static void w2_no_work_before_the_handshake(void **state)
{
	struct lifecycle l = {0};
	(void)state;
	assert_int_equal(l.state, LIFECYCLE_INITIALIZING);
	assert_false(lifecycle_can_accept_work(&l));
	assert_false(lifecycle_check_out(&l));
	assert_true(lifecycle_succeed(&l));
	assert_true(lifecycle_can_accept_work(&l));
	/* ready by a hand, but not measured, is not healthy */
	l = (struct lifecycle){.state = LIFECYCLE_READY};
	assert_false(lifecycle_can_accept_work(&l));
	/* one whose start fails never was */
	l = (struct lifecycle){0};
	assert_true(lifecycle_fail(&l, 0));
	assert_int_equal(l.state, LIFECYCLE_TERMINATED);
}

static void only_ready_and_healthy_accepts_work(void **state)
{
	(void)state;
	for (int s = 0; s < LIFECYCLE_COUNT; s++)
		for (int healthy = 0; healthy < 2; healthy++) {
			struct lifecycle l = {.state = (enum lifecycle_state)s, .is_healthy = healthy};
			bool may = s == LIFECYCLE_READY && healthy;
			assert_int_equal(lifecycle_can_accept_work(&l), may);
			assert_int_equal(lifecycle_should_remove(&l),
				s == LIFECYCLE_TERMINATING || s == LIFECYCLE_TERMINATED);
			assert_int_equal(lifecycle_check_out(&l), may);
			assert_int_equal(l.state, may ? LIFECYCLE_BUSY : (enum lifecycle_state)s);
		}
}

static void work_goes_out_and_comes_in_once(void **state)
{
	struct lifecycle l = ready();
	(void)state;
	assert_false(lifecycle_check_in(&l));
	assert_true(lifecycle_check_out(&l));
	assert_false(lifecycle_check_out(&l));
	assert_true(lifecycle_succeed(&l)); /* a health check beside its work */
	assert_int_equal(l.state, LIFECYCLE_BUSY);
	assert_true(lifecycle_check_in(&l));
	assert_int_equal(l.state, LIFECYCLE_READY);
	assert_false(lifecycle_check_in(&l));
	assert_true(lifecycle_can_accept_work(&l));
}

static void degrades_then_leaves_at_the_third(void **state)
{
	struct lifecycle l = ready();
	(void)state;
	assert_false(lifecycle_fail(&l, 0));
	assert_int_equal(l.state, LIFECYCLE_DEGRADED);
	assert_false(lifecycle_can_accept_work(&l));
	assert_false(lifecycle_fail(&l, 0));
	assert_int_equal(l.state, LIFECYCLE_DEGRADED);
	assert_true(lifecycle_fail(&l, 0));
	assert_int_equal(l.state, LIFECYCLE_TERMINATING);
	assert_int_equal(l.failures, 3);
	/* which nothing undoes */
	assert_false(lifecycle_succeed(&l));
	assert_true(lifecycle_fail(&l, 100));
	assert_int_equal(l.state, LIFECYCLE_TERMINATING);
	assert_int_equal(l.failures, 3);
	assert_true(lifecycle_move(&l.state, LIFECYCLE_TERMINATED));
	assert_false(lifecycle_succeed(&l));
	assert_int_equal(l.state, LIFECYCLE_TERMINATED);
}

static void a_success_restores(void **state)
{
	struct lifecycle l = ready();
	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_false(lifecycle_fail(&l, 3));
		assert_false(lifecycle_fail(&l, 3));
		assert_true(lifecycle_succeed(&l));
		assert_true(lifecycle_can_accept_work(&l));
		assert_int_equal(l.failures, 0);
	}
}

static void the_threshold_is_an_option(void **state)
{
	(void)state;
	for (int max = 1; max < 6; max++) {
		struct lifecycle l = ready();
		for (int i = 1; i < max; i++)
			assert_false(lifecycle_fail(&l, max));
		assert_true(lifecycle_fail(&l, max));
	}
}

static void one_that_fails_at_work_is_ready_when_its_work_is_back(void **state)
{
	struct lifecycle l = ready();
	(void)state;
	lifecycle_check_out(&l);
	assert_false(lifecycle_fail(&l, 0));
	assert_int_equal(l.state, LIFECYCLE_DEGRADED);
	assert_true(lifecycle_succeed(&l));
	assert_int_equal(l.state, LIFECYCLE_DEGRADED); /* else it had two at once */
	assert_false(lifecycle_check_out(&l));
	assert_true(lifecycle_check_in(&l));
	assert_true(lifecycle_can_accept_work(&l));
	/* not well when it comes back */
	lifecycle_check_out(&l);
	assert_false(lifecycle_fail(&l, 0));
	assert_true(lifecycle_check_in(&l));
	assert_int_equal(l.state, LIFECYCLE_DEGRADED);
	assert_true(lifecycle_succeed(&l));
	assert_true(lifecycle_can_accept_work(&l));
	/* told to end meanwhile */
	lifecycle_check_out(&l);
	assert_true(lifecycle_move(&l.state, LIFECYCLE_TERMINATING));
	assert_true(lifecycle_check_in(&l));
	assert_int_equal(l.state, LIFECYCLE_TERMINATING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(w1_every_legal_and_illegal_transition),
		cmocka_unit_test(w2_no_work_before_the_handshake),
		cmocka_unit_test(only_ready_and_healthy_accepts_work),
		cmocka_unit_test(work_goes_out_and_comes_in_once),
		cmocka_unit_test(degrades_then_leaves_at_the_third),
		cmocka_unit_test(a_success_restores),
		cmocka_unit_test(the_threshold_is_an_option),
		cmocka_unit_test(one_that_fails_at_work_is_ready_when_its_work_is_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
