/* What goes before a forward act (lease, arming, the keep of the raise before it): none of it raises
 * a share, and what fails ends the act before it was sent. */
#include "model/text.h"
#include "tests/lib/seat.h"

#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};

static void at_one_percent(void)
{
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	assert_true(site_until(&s, d, STATE_READY, 40000));
}

static struct act_view not_sent(const struct act_result *r, const char *code)
{
	struct act_view v = site_view(d, r->id);
	assert_int_equal(v.progress, PROGRESS_DONE);
	assert_int_equal(v.decision.outcome, OUTCOME_NOT_SENT);
	if (!strstr(v.decision.answer, code))
		fail_msg("no %s in: %s", code, v.decision.answer);
	return v;
}

/* Another process of the same actor, at the revision that there is. */
static int another_process(enum verb verb, int to_bp)
{
	return fake_act(node, "kim@ops1", "k-other", verb, to_bp, "");
}

/* ---- lease ---- */

static void a_lease_that_was_taken_meanwhile_stops_it(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	assert_false(site_standing(d)->lease.holder[0]);
	assert_int_equal(fake_lend(node, "ana@ops2", 30000), 200);
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_int_equal(r.status, ACT_BEGUN);
	site_settle(&s);
	struct act_view v = not_sent(&r, "W143");
	assert_int_equal(v.err.code, ERR_LEASE);
	assert_non_null(strstr(v.decision.answer, "ana@ops2"));
	assert_int_equal(node->commands, 0);
	assert_int_equal(fake_share_bp(node), 0);
	assert_int_equal(fake_audit_seq(node), 0); /* nor was it armed */
	site_run(&s, 60000);
	assert_string_equal(fake_lease(node).holder, ""); /* nobody renews what was not got */
}

static void an_answer_that_never_comes_ends_it_in_four_seconds(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	node->prelude_mute = true;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	site_run(&s, 3900);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_SENT);
	assert_int_equal(now_is(), STATE_STEPPING);
	site_run(&s, 200);
	assert_int_equal(not_sent(&r, "W104").err.code, ERR_SLOW);
	assert_int_equal(node->commands, 0);
	assert_int_equal(fake_share_bp(node), 0);
	/* An answer that comes after all starts nothing. */
	node->prelude_mute = false;
	site_run(&s, 10000);
	assert_int_equal(node->commands, 0);
	site_step(&s, d, 100);
}

static void an_arming_without_an_answer_ends_it_too(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	node->prelude_delay_ms = 200;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	site_run(&s, 100); /* the lease is asked for, and will be given */
	node->prelude_mute = true;
	site_run(&s, 4000);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_SENT);
	site_run(&s, 300);
	not_sent(&r, "W104");
	assert_int_equal(fake_share_bp(node), 0);
	assert_int_equal(node->commands, 0);
}

static void a_silent_pool_ends_it_at_once(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	node->silent = true;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	site_settle(&s);
	not_sent(&r, "no answer");
	node->silent = false;
	site_run(&s, 2000);
	assert_int_equal(fake_share_bp(node), 0);
}

static void a_pool_without_leases_is_asked_for_none(void **state)
{
	(void)state;
	node->no_lease = true;
	d = site_open(&s, &kim);
	site_ready(&s, d, 100);
	site_step(&s, d, 1000);
	assert_int_equal(node->leases, 0);
	site_run(&s, 30000);
	assert_int_equal(node->leases, 0);
}

static void what_only_lowers_asks_for_nothing_before(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	site_ready(&s, d, 100);
	site_ready(&s, d, 1000);
	int leases = node->leases;
	int64_t audit = fake_audit_seq(node);
	site_step(&s, d, 100);
	assert_int_equal(fake_audit_seq(node), audit + 1);
	assert_int_equal(node->leases, leases);
}

/* ---- arming ---- */

static void a_first_step_arms_and_the_next_does_not(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	site_ready(&s, d, 100);
	site_run(&s, 2000);
	assert_non_null(site_last(d, VERB_ARM));
	assert_true(site_standing(d)->armed);
	assert_int_equal(fake_audit_seq(node), 2); /* arm, step */
	site_step(&s, d, 1000);
	site_run(&s, 2000);
	assert_int_equal(fake_audit_seq(node), 4); /* keep, step */
	assert_int_equal(site_last(d, VERB_ARM)->at_ms, site_pool(d)->decisions[0].at_ms);
}

static void an_arming_that_is_refused_stops_it(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	node->refuse_prelude = ERR_LIMIT;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	site_settle(&s);
	not_sent(&r, "W148");
	assert_int_equal(node->commands, 0);
	assert_int_equal(fake_share_bp(node), 0);
}

static void lease_and_arming_are_taken_on_all_or_it_does_not_go(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	s.node[1]->refuse_prelude = ERR_LIMIT;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	site_run(&s, 1000);
	not_sent(&r, "W148");
	s.node[1]->refuse_prelude = ERR_NONE;
	assert_int_equal(fake_lend(s.node[2], "kim@ops1", 0), 200);
	assert_int_equal(fake_lend(s.node[2], "ana@ops2", 30000), 200);
	for (int k = 0; k < 2; k++)
		assert_int_equal(fake_lend(s.node[k], "kim@ops1", 0), 200);
	site_run(&s, 40000);
	assert_int_equal(fake_lend(s.node[2], "ana@ops2", 30000), 200);
	r = site_act(&s, d, VERB_STEP, 100, "");
	site_run(&s, 1000);
	not_sent(&r, "W143");
	for (int k = 0; k < 3; k++) {
		assert_int_equal(s.node[k]->commands, 0);
		assert_int_equal(fake_share_bp(s.node[k]), 0);
		/* What was got of it is given back. */
		assert_string_equal(fake_lease(s.node[k]).holder, k == 2 ? "ana@ops2" : "");
	}
}

static void strict_asks_for_arming_first(void **state)
{
	(void)state;
	s.plan.policy = *policy_builtin(POLICY_STRICT);
	d = site_open(&s, &kim);
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.err.code, ERR_USAGE); /* and for a reason */
	r = site_act(&s, d, VERB_STEP, 100, "first");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_LEASE].code, ERR_NOT_ARMED);
	assert_non_null(strstr(r.interlock.check[PREDICATE_LEASE].text, "weir arm checkout"));
	r = site_act(&s, d, VERB_ARM, -1, "first");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(site_done(&s, d, r.id, 3000));
	site_run(&s, 1000);
	assert_true(site_standing(d)->armed);
	assert_int_equal(fake_share_bp(node), 0);
	r = site_act(&s, d, VERB_STEP, 100, "first");
	assert_int_equal(r.interlock.check[PREDICATE_LEASE].state, CHECK_HOLDS);
}

/* ---- what moved meanwhile ---- */

/* The pool's answer tells, before any document does. */
static void a_change_that_the_answer_tells_of_stops_it(void **state)
{
	(void)state;
	at_one_percent();
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(another_process(VERB_STEP, 500), 200);
	int commands = node->commands;
	site_settle(&s);
	assert_int_equal(not_sent(&r, "W140").err.code, ERR_CHANGED);
	assert_int_equal(node->commands, commands);
	assert_int_equal(fake_share_bp(node), 500);
}

/* The newest document shows it before the answer comes: what was judged is still no more. */
static void a_change_that_a_document_tells_of_stops_it(void **state)
{
	(void)state;
	at_one_percent();
	node->prelude_delay_ms = 500;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	site_run(&s, 100);
	assert_int_equal(another_process(VERB_STEP, 500), 200);
	site_run(&s, 300);
	assert_int_equal(site_standing(d)->reported_bp, 500);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_SENT);
	site_run(&s, 3000);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_DONE);
	assert_int_not_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
	assert_true(strstr(site_view(d, r.id).decision.answer, "W140") ||
		strstr(site_view(d, r.id).decision.answer, "W141"));
	assert_int_equal(fake_share_bp(node), 500);
}

static void a_rollback_meanwhile_stops_it(void **state)
{
	(void)state;
	for (int shown = 0; shown < 2; shown++) {
		at_one_percent();
		node->prelude_delay_ms = 500;
		struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
		site_run(&s, shown ? 100 : 0);
		assert_int_equal(fake_act(node, "ana@ops2", "k-b", VERB_ROLLBACK, -1, "no"), 200);
		site_run(&s, 4000);
		assert_int_equal(site_view(d, r.id).progress, PROGRESS_DONE);
		assert_int_not_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
		assert_int_equal(fake_share_bp(node), 0);
		leave(NULL);
		sit_down(NULL);
	}
}

/* A new boot counts its revisions from nothing: smaller is no older. */
static void a_restart_meanwhile_stops_it(void **state)
{
	(void)state;
	at_one_percent();
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	fake_restart(node, true);
	site_run(&s, 3000);
	assert_int_equal(not_sent(&r, "W140").decision.outcome, OUTCOME_NOT_SENT);
	assert_int_equal(fake_share_bp(node), 100);
}

/* One's own press is another's to the step. */
static void a_rollback_of_ones_own_overtakes_it(void **state)
{
	(void)state;
	at_one_percent();
	node->prelude_delay_ms = 500;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	site_run(&s, 100);
	struct act_result back = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(back.status, ACT_BEGUN);
	site_run(&s, 100);
	assert_int_equal(fake_share_bp(node), 0);
	site_run(&s, 5000);
	assert_int_not_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(fake_share_bp(node), 0);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* ---- keep ---- */

static void a_step_keeps_the_raise_before_it(void **state)
{
	(void)state;
	at_one_percent();
	assert_true(fake_keep(node).on);
	site_step(&s, d, 1000);
	site_run(&s, 2000);
	const struct decision *keep = site_last(d, VERB_KEEP);
	assert_non_null(keep);
	assert_true(keep->observed); /* it is told by the pool's log */
	assert_int_equal(site_standing(d)->kept_bp, 100);
	assert_true(fake_keep(node).on); /* the new one */
	/* Unkept it goes back to that. */
	site_close(&s, d);
	site_run(&s, 132000);
	fake_advance(node, s.now);
	assert_int_equal(fake_share_bp(node), 100);
}

static void a_keep_that_is_refused_stops_it(void **state)
{
	(void)state;
	at_one_percent();
	node->refuse_prelude = ERR_UNKEPT;
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	site_settle(&s);
	assert_int_equal(not_sent(&r, "W186").err.code, ERR_UNKEPT);
	assert_int_equal(fake_share_bp(node), 100);
	assert_true(fake_keep(node).on);
}

/* ---- what cannot be checked ---- */

static void operations_that_do_not_fit_lock_steps(void **state)
{
	(void)state;
	at_one_percent();
	node->dropped = 7;
	site_run(&s, 2000);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_IDENTITY].code, ERR_TOO_MANY);
	assert_non_null(strstr(r.interlock.check[PREDICATE_IDENTITY].text, "7 operations"));
	assert_int_equal(site_act(&s, d, VERB_ROLLBACK, -1, "").status, ACT_BEGUN);
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)
#define AT_THREE(test) cmocka_unit_test_setup_teardown(test, sit_down_at_three, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(a_lease_that_was_taken_meanwhile_stops_it),
		AT_ONE(an_answer_that_never_comes_ends_it_in_four_seconds),
		AT_ONE(an_arming_without_an_answer_ends_it_too),
		AT_ONE(a_silent_pool_ends_it_at_once),
		AT_ONE(a_pool_without_leases_is_asked_for_none),
		AT_ONE(what_only_lowers_asks_for_nothing_before),
		AT_ONE(a_first_step_arms_and_the_next_does_not),
		AT_ONE(an_arming_that_is_refused_stops_it),
		AT_THREE(lease_and_arming_are_taken_on_all_or_it_does_not_go),
		AT_ONE(strict_asks_for_arming_first),
		AT_ONE(a_change_that_the_answer_tells_of_stops_it),
		AT_ONE(a_change_that_a_document_tells_of_stops_it),
		AT_ONE(a_rollback_meanwhile_stops_it),
		AT_ONE(a_restart_meanwhile_stops_it),
		AT_ONE(a_rollback_of_ones_own_overtakes_it),
		AT_ONE(a_step_keeps_the_raise_before_it),
		AT_ONE(a_keep_that_is_refused_stops_it),
		AT_ONE(operations_that_do_not_fit_lock_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
