/* Tests of control: what the pool's own guard does as time passes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/guarded.h"

static void red_rolls_back_once(void **state)
{
	(void)state;
	begin(GUARD_ACTION_ROLLBACK);
	assert_int_equal(lease("ann@host", 60000), 200);
	struct guard_limits l;
	assert_true(control_limits(c, &l));
	assert_true(look()->guard.known && snap->guard.armed);
	assert_int_equal(snap->guard.action, GUARD_ACTION_ROLLBACK);
	assert_false(tick(1000, GUARD_GREEN, false));
	assert_int_equal(look()->guard.state, GUARD_GREEN);
	tick(1000, GUARD_GREEN, false);
	assert_int_equal(look()->guard.since_ms, 1000);
	int64_t epoch = snap->epoch;
	assert_true(tick(1000, GUARD_RED, false));
	look();
	assert_int_equal(snap->share_bp, 0);
	assert_int_equal(snap->kept_bp, 0);
	assert_int_equal(snap->epoch, epoch + 1);
	assert_int_equal(snap->strategy, STRATEGY_PRIMARY_ONLY);
	assert_string_equal(snap->lease.holder, "");
	assert_false(snap->keep.on);
	assert_string_equal(newest()->what, "rollback");
	assert_string_equal(newest()->actor, POOL_ACTOR);
	assert_string_equal(newest()->reason, "guard: errors 9 % of 5 %");
	/* At the baseline nothing is asked. */
	assert_false(control_limits(c, &l));
	assert_false(tick(1000, GUARD_RED, false));
	assert_int_equal(look()->guard.state, GUARD_NONE);
	/* Red latches until a resume. */
	assert_true(snap->hold.on);
	assert_string_equal(snap->hold.actor, POOL_ACTOR);
	assert_string_equal(snap->hold.reason, "guard: errors 9 % of 5 %");
	assert_int_equal(raise_to("ann@host", 1000, 0), 409);
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	assert_int_equal(raise_to("ann@host", 1000, 0), 200);
	assert_true(tick(1000, GUARD_RED, false));
}

static void red_latches_until_a_resume(void **state)
{
	(void)state;
	begin(GUARD_ACTION_HOLD);
	assert_false(tick(1000, GUARD_RED, false));
	assert_true(look()->hold.on);
	assert_string_equal(snap->hold.actor, POOL_ACTOR);
	tick(1000, GUARD_GREEN, false);
	assert_int_equal(look()->guard.state, GUARD_RED);
	assert_string_equal(snap->guard.word, "errors 9 % of 5 %");
	tick(1000, GUARD_RED, false);
	int64_t seq = look()->audit_seq;
	/* What is red at the resume is accepted until it is something else. */
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	tick(1000, GUARD_RED, false);
	assert_false(look()->hold.on);
	assert_int_equal(snap->audit_seq, seq + 1);
	tick(1000, GUARD_GREEN, false);
	assert_int_equal(look()->guard.state, GUARD_GREEN);
	/* Red again, and held already: nothing to add. */
	assert_int_equal(act(VERB_HOLD, fresh()), 200);
	seq = look()->audit_seq;
	tick(1000, GUARD_RED, false);
	assert_int_equal(look()->audit_seq, seq);
}

/* ---- the judge's red ---- */

#define HARM "errors HARM, at least 1.6x v1's"

static bool tick_judge(enum guard_state state, unsigned red, bool both)
{
	struct control_guard g = {.state = state,
		.both = both,
		.red = red,
		.word = HARM,
		.verdict = VERDICT_HARM,
		.verdict_text = HARM};
	now.boot_ms += 1000;
	now.wall_ms += 1000;
	return control_tick(c, &g, &counts, now);
}

static void the_judges_red_rolls_back(void **state)
{
	(void)state;
	begin(GUARD_ACTION_ROLLBACK);
	assert_false(tick_judge(GUARD_AMBER, 0, false)); /* suspected: nothing acts */
	assert_int_equal(look()->guard.state, GUARD_AMBER);
	assert_int_equal(snap->guard.verdict, VERDICT_HARM);
	assert_string_equal(snap->guard.verdict_text, HARM);
	assert_false(snap->hold.on);
	/* also where both sides break a limit: it has compared them */
	assert_true(tick_judge(GUARD_RED, 1u << LATCH_JUDGE, true));
	assert_int_equal(look()->share_bp, 0);
	assert_string_equal(snap->hold.actor, POOL_ACTOR);
	assert_string_equal(snap->hold.reason, "guard: " HARM);
	assert_string_equal(newest()->reason, "guard: " HARM);
	assert_int_equal(raise_to("ann@host", 1000, 0), 409);
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	assert_int_equal(raise_to("ann@host", 1000, 0), 200);
}

static void the_judges_red_is_accepted_apart_from_limits(void **state)
{
	(void)state;
	begin(GUARD_ACTION_HOLD);
	tick_judge(GUARD_RED, 1u << LATCH_JUDGE, false);
	assert_true(look()->hold.on);
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	tick_judge(GUARD_RED, 1u << LATCH_JUDGE, false);
	assert_false(look()->hold.on);
	/* a limit beside it is news */
	tick_judge(GUARD_RED, 1u << LATCH_JUDGE | 1u << METRIC_P99, false);
	assert_true(look()->hold.on);
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	/* and it itself, once there had been no sign of it */
	tick_judge(GUARD_AMBER, 0, false);
	tick_judge(GUARD_RED, 1u << LATCH_JUDGE, false);
	assert_false(look()->hold.on);
	tick_judge(GUARD_GREEN, 0, false);
	tick_judge(GUARD_RED, 1u << LATCH_JUDGE, false);
	assert_true(look()->hold.on);
}

static void both_sides_hold_and_never_roll_back(void **state)
{
	(void)state;
	begin(GUARD_ACTION_ROLLBACK);
	assert_false(tick(1000, GUARD_UNKNOWN, true));
	assert_true(look()->hold.on);
	assert_int_equal(snap->share_bp, 1000);
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	assert_false(tick(1000, GUARD_UNKNOWN, true));
	assert_false(look()->hold.on);
	/* What v1 breaks too hides nothing that v2 breaks alone. */
	assert_true(tick(10 * MINUTE - 3000, GUARD_RED, true));
	assert_int_equal(look()->share_bp, 0);
	assert_true(snap->hold.on);
}

static void a_warning_does_nothing(void **state)
{
	(void)state;
	begin(GUARD_ACTION_WARN);
	assert_false(tick(1000, GUARD_RED, false));
	assert_false(look()->hold.on);
	assert_int_equal(snap->guard.state, GUARD_RED);
	assert_false(tick(1000, GUARD_UNKNOWN, true));
	assert_false(look()->hold.on);
}

static void without_limits_it_is_known_but_not_armed(void **state)
{
	(void)state;
	assert_int_equal(raise_to("ann@host", 1000, 0), 200);
	struct guard_limits l;
	assert_false(control_limits(c, &l));
	assert_false(tick(1000, GUARD_RED, false));
	assert_true(look()->guard.known);
	assert_false(snap->guard.armed);
	assert_int_equal(snap->guard.state, GUARD_NONE);
}

static int order_guard(enum guard_action act_, int64_t for_ms)
{
	struct control_request r = act_request(VERB_GUARD, fresh());
	r.act = act_;
	r.for_ms = for_ms;
	return send(&r);
}

static void told_to_hold_it_rolls_back_when_the_time_is_over(void **state)
{
	(void)state;
	begin(GUARD_ACTION_ROLLBACK);
	assert_int_equal(order_guard(GUARD_ACTION_HOLD, 5000), 200);
	assert_int_equal(look()->guard.action, GUARD_ACTION_HOLD);
	assert_int_equal(snap->guard.held_ms, 5000);
	assert_false(tick(1000, GUARD_RED, false));
	assert_true(look()->hold.on);
	assert_int_equal(snap->share_bp, 1000);
	assert_false(tick(1000, GUARD_RED, false));
	assert_int_equal(order_guard(GUARD_ACTION_ROLLBACK, 0), 200);
	assert_true(look()->guard.held_ms == UNKNOWN);
	assert_true(tick(1000, GUARD_RED, false));
	assert_int_equal(look()->share_bp, 0);

	/* And by itself. */
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	begin(GUARD_ACTION_ROLLBACK);
	assert_int_equal(order_guard(GUARD_ACTION_HOLD, 5000), 200);
	assert_false(tick(4999, GUARD_RED, false));
	assert_true(tick(1, GUARD_RED, false));

	/* A limit that only holds does not become more. */
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	begin(GUARD_ACTION_HOLD);
	assert_int_equal(order_guard(GUARD_ACTION_HOLD, 5000), 200);
	assert_false(tick(1000, GUARD_RED, false));
	assert_false(tick(5000, GUARD_RED, false));
	assert_int_equal(look()->share_bp, 1000);
	assert_int_equal(snap->guard.action, GUARD_ACTION_HOLD);
}

static void without_data_raises_wait(void **state)
{
	(void)state;
	begin(GUARD_ACTION_ROLLBACK);
	assert_int_equal(act(VERB_KEEP, fresh()), 200);
	tick(0, GUARD_UNKNOWN, false);
	tick(59999, GUARD_UNKNOWN, false);
	assert_int_equal(raise_to("ann@host", 1100, 0), 200);
	tick(1, GUARD_UNKNOWN, false);
	raise_to("ann@host", 1200, 0);
	refuses(409, "held");
	assert_string_equal(a.message, "guard has no data for 60 s");
	assert_false(look()->hold.on);
	assert_int_equal(raise_to("ann@host", 1000, 0), 200);
	/* Nothing is to be kept: it waits for ever. */
	assert_false(tick(MINUTE * 10, GUARD_UNKNOWN, false));
	tick(1, GUARD_GREEN, false);
	assert_int_equal(raise_to("ann@host", 1200, 0), 200);
	/* Nobody tells anything: that is no data too. */
	now.boot_ms += 1;
	assert_false(control_tick(c, NULL, &counts, now));
	assert_int_equal(look()->guard.state, GUARD_UNKNOWN);
}

static void an_orphan_without_data_goes_back(void **state)
{
	(void)state;
	begin(GUARD_ACTION_ROLLBACK);
	assert_int_equal(lease("ann@host", 6 * MINUTE), 200);
	tick(0, GUARD_UNKNOWN, false);
	assert_false(tick(5 * MINUTE, GUARD_UNKNOWN, false));
	assert_true(tick(MINUTE, GUARD_UNKNOWN, false));
	assert_int_equal(look()->share_bp, 0);
	assert_string_equal(snap->hold.reason, "went back: no data");
	assert_int_equal(act(VERB_RESUME, fresh()), 200);

	/* Above half it is held, and a resume gives it 5 minutes more. */
	struct control_request r = step_request(fresh(), 6000);
	r.keep_within_ms = 60 * MINUTE;
	assert_int_equal(send(&r), 200);
	tick(0, GUARD_UNKNOWN, false);
	assert_false(tick(5 * MINUTE, GUARD_UNKNOWN, false));
	assert_string_equal(look()->hold.reason, "no data");
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	tick(5 * MINUTE - 1, GUARD_UNKNOWN, false);
	assert_false(look()->hold.on);
	tick(1, GUARD_UNKNOWN, false);
	assert_true(look()->hold.on);
	assert_int_equal(snap->share_bp, 6000);
}

/* What was accepted is accepted until it is over: red anew is acted upon anew. */
static void what_was_accepted_and_is_over_counts_again(void **state)
{
	(void)state;
	begin(GUARD_ACTION_HOLD);
	tick(1000, GUARD_RED, false);
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	tick(1000, GUARD_RED, false);
	tick(1000, GUARD_GREEN, false);
	assert_false(look()->hold.on);
	tick(1000, GUARD_RED, false);
	assert_true(look()->hold.on);
}

static void both_sides_that_were_well_between_hold_again(void **state)
{
	(void)state;
	begin(GUARD_ACTION_ROLLBACK);
	tick(1000, GUARD_UNKNOWN, true);
	assert_int_equal(act(VERB_RESUME, fresh()), 200);
	tick(1000, GUARD_GREEN, false);
	assert_false(look()->hold.on);
	tick(1000, GUARD_UNKNOWN, true);
	assert_true(look()->hold.on);
}

/* A hold by its own limits was the whole answer to this red: limits that would roll back are for
 * the next one. */
static void new_limits_do_not_act_on_an_old_red(void **state)
{
	(void)state;
	begin(GUARD_ACTION_HOLD);
	tick(1000, GUARD_RED, false);
	assert_true(look()->hold.on);
	struct control_request r = act_request(VERB_ARM, fresh());
	r.has_guard = true;
	r.guard = limits_of(GUARD_ACTION_ROLLBACK);
	assert_int_equal(send(&r), 200);
	assert_false(tick(1000, GUARD_RED, false));
	assert_int_equal(look()->share_bp, 1000);
}

/* Numbers that break a limit on both sides are data; from when there are none the minute runs. */
static void both_sides_are_no_lack_of_data(void **state)
{
	(void)state;
	begin(GUARD_ACTION_WARN);
	assert_int_equal(act(VERB_KEEP, fresh()), 200);
	tick(0, GUARD_UNKNOWN, true);
	tick(MINUTE, GUARD_UNKNOWN, true);
	assert_int_equal(raise_to("ann@host", 1100, 0), 200);
	tick(1, GUARD_UNKNOWN, false);
	assert_int_equal(raise_to("ann@host", 1200, 0), 200);
	tick(MINUTE, GUARD_UNKNOWN, false);
	raise_to("ann@host", 1300, 0);
	refuses(409, "held");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(red_rolls_back_once),
		T(red_latches_until_a_resume),
		T(the_judges_red_rolls_back),
		T(the_judges_red_is_accepted_apart_from_limits),
		T(both_sides_hold_and_never_roll_back),
		T(a_warning_does_nothing),
		T(without_limits_it_is_known_but_not_armed),
		T(told_to_hold_it_rolls_back_when_the_time_is_over),
		T(without_data_raises_wait),
		T(an_orphan_without_data_goes_back),
		T(what_was_accepted_and_is_over_counts_again),
		T(both_sides_that_were_well_between_hold_again),
		T(new_limits_do_not_act_on_an_old_red),
		T(both_sides_are_no_lack_of_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
