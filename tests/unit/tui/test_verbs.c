/* Each verb but step and rollback through a desk: what it does at the pool, what of it is recorded, and
 * what becomes of it when its answer is lost. */
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

/* An act that is done, and what became of it. */
static struct act_view done(const struct act_request *r)
{
	struct act_result begun = site_ask(&s, d, r);
	if (begun.status != ACT_BEGUN) {
		char why[400];
		interlock_summary(why, sizeof why, &begun.interlock);
		fail_msg("%s not begun: %s%s", verb_row(r->verb)->word, begun.err.text, why);
	}
	assert_true(site_done(&s, d, begun.id, 15000));
	site_run(&s, 1500);
	return site_view(d, begun.id);
}

static enum err_code refused(const struct act_request *r)
{
	struct act_result out = site_ask(&s, d, r);
	assert_int_equal(out.status, ACT_REFUSED);
	return out.err.code;
}

/* What becomes of an act whose answer is lost, before and after it was applied. */
static void ask_for_fate(const struct act_request *r)
{
	node->lose_before = 1;
	struct act_view v = done(r);
	assert_int_equal(v.decision.outcome, OUTCOME_VOID);
	assert_int_equal(v.err.code, ERR_VOID);
	node->lose_after = 1;
	v = done(r);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
}

/* ---- hold, resume, notes ---- */

static void hold_and_resume(void **state)
{
	(void)state;
	at_one_percent();
	struct act_result r = site_act(&s, d, VERB_HOLD, -1, "lunch");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(site_done(&s, d, r.id, 2000));
	site_run(&s, 1000);
	assert_true(fake_is_held(s.node[0]));
	assert_int_equal(now_is(), STATE_HELD);
	assert_non_null(strstr(site_standing(d)->headline.text, "lunch"));
	r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_true(r.interlock.failing & 1u << PREDICATE_FROZEN);
	r = site_act(&s, d, VERB_RESUME, -1, "");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(site_done(&s, d, r.id, 2000));
	site_run(&s, 1000);
	assert_false(fake_is_held(s.node[0]));
	assert_int_equal(now_is(), STATE_READY);
	assert_int_equal(site_act(&s, d, VERB_RESUME, -1, "").status, ACT_ALREADY);
}

static void a_resume_accepts_what_is_red(void **state)
{
	(void)state;
	s.limits.action = GUARD_ACTION_WARN;
	at_one_percent();
	s.node[0]->error_rate[ARM_V2] = 0.5;
	site_run(&s, 30000);
	assert_true(site_pool(d)->latch.red);
	assert_int_equal(site_act(&s, d, VERB_STEP, 1000, "").status, ACT_REFUSED);
	s.node[0]->error_rate[ARM_V2] = 0;
	site_run(&s, 70000);
	assert_true(site_pool(d)->latch.red); /* it latches */
	struct act_result r = site_act(&s, d, VERB_RESUME, -1, "seen");
	assert_true(site_done(&s, d, r.id, 2000));
	site_run(&s, 1000);
	assert_false(site_pool(d)->latch.red);
	assert_int_equal(now_is(), STATE_BAKING); /* until then the judge was sure: the bake anew */
	assert_false(site_pool(d)->standing.next.failing & 1u << PREDICATE_GUARD);
}

static void a_lost_resume_is_asked_for(void **state)
{
	(void)state;
	at_one_percent();
	site_done(&s, d, site_act(&s, d, VERB_HOLD, -1, "").id, 2000);
	site_run(&s, 1000);
	s.node[0]->lose_before = 1;
	struct act_result r = site_act(&s, d, VERB_RESUME, -1, "");
	assert_true(site_done(&s, d, r.id, 10000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_VOID);
	assert_true(fake_is_held(s.node[0]));
}

static void a_note_is_written_and_never_sent(void **state)
{
	(void)state;
	struct decision row;
	at_one_percent();
	int commands = s.node[0]->commands;
	struct act_result r = site_act(&s, d, VERB_ANNOTATE, -1, "deploy \033[2J of web");
	assert_true(site_done(&s, d, r.id, 1000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(s.node[0]->commands, commands);
	site_close(&s, d);
	assert_true(site_record(&s, "h.db", r.id, &row));
	assert_string_equal(row.reason, "deploy ^[[2J of web");
}

static void without_a_history_only_the_brakes_work(void **state)
{
	static const struct site_desk desks[] = {
		{.actor = "kim@ops1"}, {.actor = "kim@ops1", .file = "."}};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct fake *f = s.node[0];
		assert_int_equal(fake_act(f, "ana@ops2", "k-1", VERB_STEP, 100, ""), 200);
		assert_int_equal(fake_act(f, "ana@ops2", "k-2", VERB_HOLD, -1, ""), 200);
		d = site_open(&s, &desks[i]);
		site_run(&s, 1000);
		static const enum verb gated[] = {VERB_STEP, VERB_RESUME, VERB_ANNOTATE};
		for (int k = 0; k < 3; k++) {
			struct act_result r = site_act(&s, d, gated[k], 1000, "x");
			if (r.status == ACT_BEGUN) { /* a note is refused by the history itself */
				assert_int_equal(gated[k], VERB_ANNOTATE);
				assert_true(site_done(&s, d, r.id, 1000));
				assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_NOT_SENT);
				continue;
			}
			assert_int_equal(r.status, ACT_REFUSED);
			bool named = r.err.code == ERR_HISTORY ||
				r.interlock.check[PREDICATE_HISTORY].state == CHECK_FAILS;
			assert_true(named);
			if (gated[k] == VERB_STEP)
				assert_int_equal(r.interlock.check[PREDICATE_HISTORY].code, ERR_HISTORY);
		}
		assert_int_equal(f->commands, 0);
		struct act_result hold = site_act(&s, d, VERB_HOLD, -1, "");
		assert_int_equal(hold.status, ACT_BEGUN);
		desk_turn(d, s.now);
		assert_int_equal(f->commands, 1); /* at once */
		struct act_result back = site_act(&s, d, VERB_ROLLBACK, -1, "");
		assert_int_equal(back.status, ACT_BEGUN);
		desk_turn(d, s.now);
		assert_int_equal(f->commands, 2);
		assert_true(site_done(&s, d, back.id, 5000));
		assert_false(site_view(d, back.id).recorded);
		/* The second has an emergency journal: whoever opens the history next has them. */
		assert_int_equal(desk_unrecorded(d), i == 0 ? 2 : 0);
		assert_int_equal(now_is(), STATE_ROLLED_BACK);
		/* The pool's own log has it. */
		assert_int_equal(fake_audit_seq(f), 4);
		leave(NULL);
		sit_down(NULL);
	}
}

/* ---- operations and strategy ---- */

static void operations_are_taken_off_and_allowed_again(void **state)
{
	(void)state;
	at_one_percent();
	const struct act_request fewer = {.verb = VERB_OPERATIONS,
		.to_bp = -1,
		.operations = {.limited = true, .count = 2, .name = {"predict", "encode"}}};
	struct act_view v = done(&fewer);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_true(v.decision.verified_ms != UNKNOWN);
	assert_non_null(strstr(v.decision.evidence, "\"operations\":[\"predict\",\"encode\"]"));
	const struct operation_set *is = &site_pool(d)->nodes[0].last->operations;
	assert_true(is->limited);
	assert_int_equal(is->count, 2);
	assert_string_equal(is->name[1], "encode");
	assert_int_equal(fake_share_bp(node), 100);
	/* One more is a raise of its own, with the lease and a bake behind it. */
	const struct act_request all = {.verb = VERB_OPERATIONS,
		.to_bp = -1,
		.widens = true,
		.operations = {.limited = true, .count = 3, .name = {"predict", "encode", "train"}}};
	struct act_result early = site_ask(&s, d, &all);
	assert_int_equal(early.status, ACT_REFUSED);
	assert_true(early.interlock.failing & 1u << PREDICATE_BAKE);
}

static void lost_operations_are_asked_for(void **state)
{
	(void)state;
	at_one_percent();
	ask_for_fate(&(struct act_request){.verb = VERB_OPERATIONS,
		.to_bp = -1,
		.operations = {.limited = true, .count = 1, .name = {"predict"}}});
	assert_int_equal(site_pool(d)->nodes[0].last->operations.count, 1);
}

static void a_strategy_is_a_step_to_the_share_that_it_implies(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	const struct act_request shadow = {
		.verb = VERB_STEP, .to_bp = 0, .has_strategy = true, .strategy = STRATEGY_SHADOW};
	struct act_view v = done(&shadow);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_non_null(strstr(v.decision.evidence, "\"strategy\":\"shadow\""));
	assert_int_equal(site_pool(d)->nodes[0].last->strategy, STRATEGY_SHADOW);
	assert_int_equal(fake_share_bp(node), 0);
	assert_int_equal(site_ask(&s, d, &shadow).status, ACT_ALREADY);
}

/* ---- arming ---- */

static void arming_captures_the_baseline_and_disarming_ends_it(void **state)
{
	(void)state;
	assert_int_equal(fake_act(node, "ana@ops2", "k-1", VERB_STEP, 100, ""), 200);
	fake_restart(node, true); /* as one that was started at 1 % */
	/* Its guard has no limits before it is armed: until then somebody else has to watch. */
	d = site_open(
		&s, &(struct site_desk){.actor = "kim@ops1", .file = "h.db", .console = true});
	site_run(&s, 20000);
	const struct act_request arm = {
		.verb = VERB_ARM, .has_baseline = true, .baseline_bp = 100, .reason = "from here"};
	struct act_view v = done(&arm);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(v.decision.to_bp, 100);
	assert_int_equal(site_standing(d)->baseline_bp, 100);
	assert_true(site_standing(d)->armed);
	assert_int_equal(fake_share_bp(node), 100);
	v = done(&(struct act_request){.verb = VERB_DISARM});
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_false(site_standing(d)->armed);
	ask_for_fate(&arm);
	assert_true(site_standing(d)->armed);
}

static void without_a_plan_there_is_nothing_to_arm_or_keep(void **state)
{
	(void)state;
	s.has_plan = false;
	d = site_open(&s, &kim);
	assert_int_equal(refused(&(struct act_request){.verb = VERB_ARM}), ERR_USAGE);
	site_step(&s, d, 100);
	assert_int_equal(refused(&(struct act_request){.verb = VERB_KEEP}), ERR_USAGE);
}

/* ---- adopt and close ---- */

static void what_nobody_asked_for_is_adopted_with_a_reason(void **state)
{
	(void)state;
	at_one_percent();
	node->lie_bp = 3500;
	site_run(&s, 7000);
	assert_int_equal(now_is(), STATE_DIVERGED);
	struct act_request adopt = {.verb = VERB_ADOPT};
	assert_int_equal(refused(&adopt), ERR_USAGE);
	text_copy(adopt.reason, sizeof adopt.reason, "by hand, in the night");
	ask_for_fate(&adopt);
	assert_int_equal(site_last(d, VERB_ADOPT)->to_bp, 3500);
	assert_true(fake_is_held(node));
	assert_int_equal(site_standing(d)->intended_bp, 3500);
	assert_int_equal(now_is(), STATE_HELD);
}

static void a_rollback_that_is_never_seen_is_closed_by_a_person(void **state)
{
	(void)state;
	struct decision row;
	at_one_percent();
	node->leak_bp = 5000;
	struct act_result back = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 5000);
	assert_int_equal(now_is(), STATE_RB_UNVERIFIED);
	struct act_request close = {.verb = VERB_CLOSE};
	text_copy(close.of, sizeof close.of, back.id);
	assert_int_equal(refused(&close), ERR_USAGE); /* without a reason */
	text_copy(close.reason, sizeof close.reason, "counted by hand");
	int commands = node->commands;
	struct act_view v = done(&close);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(node->commands, commands); /* nothing is sent */
	v = site_view(d, back.id);
	assert_int_equal(v.progress, PROGRESS_DONE);
	assert_true(v.decision.closed_ms > 0);
	assert_int_equal(v.decision.verified_ms, UNKNOWN);
	assert_int_not_equal(now_is(), STATE_RB_UNVERIFIED);
	assert_int_equal(refused(&close), ERR_USAGE); /* once */
	text_copy(close.of, sizeof close.of, "nothing");
	assert_int_equal(refused(&close), ERR_USAGE);
	site_close(&s, d);
	assert_true(site_record(&s, "h.db", back.id, &row));
	assert_true(row.closed_ms > 0);
}

/* One that no node has answered is given up too, and never leaves again. */
static void a_rollback_that_nobody_answers_is_closed(void **state)
{
	(void)state;
	at_one_percent();
	node->silent = true;
	struct act_result back = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 5000);
	struct act_request close = {.verb = VERB_CLOSE, .reason = "the machine is gone"};
	text_copy(close.of, sizeof close.of, back.id);
	struct act_result r = site_ask(&s, d, &close);
	assert_true(site_done(&s, d, r.id, 2000));
	assert_int_equal(site_view(d, back.id).decision.outcome, OUTCOME_CLOSED);
	int commands = node->commands;
	node->silent = false;
	site_run(&s, 60000);
	assert_int_equal(node->commands, commands);
	assert_int_equal(fake_share_bp(node), 100);
}

/* ---- guard and take ---- */

static void a_pools_guard_is_told_to_hold_for_a_time(void **state)
{
	(void)state;
	at_one_percent();
	const struct act_request hold = {
		.verb = VERB_GUARD, .act = GUARD_ACTION_HOLD, .for_ms = 60000};
	struct act_view v = done(&hold);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_non_null(strstr(v.decision.evidence, "\"act\":\"hold\",\"for_ms\":60000"));
	assert_int_equal(site_standing(d)->pool_guard.action, GUARD_ACTION_HOLD);
	assert_in_range(site_standing(d)->pool_guard.held_ms, 50000, 60000);
	v = done(&(struct act_request){.verb = VERB_GUARD, .act = GUARD_ACTION_ROLLBACK});
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(site_standing(d)->pool_guard.action, GUARD_ACTION_ROLLBACK);
	ask_for_fate(&hold);
	node->guards = false;
	site_run(&s, 2000);
	assert_int_equal(refused(&hold), ERR_LIMIT);
}

/* What it is told by the history that it shares is in test_guarding.c. */
static void a_recorder_with_another_history_hears_nothing(void **state)
{
	static const struct site_desk recorder = {
		.actor = "rec@ops1", .file = "r.db", .record = true, .guard = true};
	(void)state;
	node->guards = false;
	site_open(&s, &recorder);
	site_run(&s, 1500);
	d = site_open(&s, &kim);
	site_run(&s, 3000);
	const struct act_request hold = {
		.verb = VERB_GUARD, .act = GUARD_ACTION_HOLD, .for_ms = 60000};
	struct act_view v = done(&hold);
	assert_int_equal(v.decision.outcome, OUTCOME_NOT_SENT);
	assert_non_null(strstr(v.decision.answer, "its history is another"));
	assert_int_equal(node->commands, 0);
}

static void a_lease_is_taken_from_another(void **state)
{
	(void)state;
	assert_int_equal(fake_lend(node, "ana@ops2", 600000), 200);
	d = site_open(&s, &kim);
	int64_t epoch = fake_epoch(node);
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_LEASE].code, ERR_LEASE);
	const struct act_request take = {.verb = VERB_TAKE, .reason = "ana went home"};
	struct act_view v = done(&take);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_true(site_standing(d)->lease_mine);
	assert_int_equal(fake_epoch(node), epoch + 1);
	assert_int_equal(site_ask(&s, d, &take).status, ACT_ALREADY);
	/* It is renewed like one that came with a step. */
	site_run(&s, 60000);
	assert_string_equal(fake_lease(node).holder, "kim@ops1");
	site_step(&s, d, 100);
	assert_int_equal(fake_lend(node, "kim@ops1", 0), 200);
	assert_int_equal(fake_lend(node, "ana@ops2", 600000), 200);
	site_run(&s, 2000);
	node->lose_after = 1;
	v = done(&take);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_true(site_standing(d)->lease_mine);
}

static void a_finished_migration_has_no_way_back(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	s.node[0]->refuse = ERR_FINALIZED;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_true(site_done(&s, d, r.id, 2000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_REFUSED);
	assert_int_equal(site_view(d, r.id).err.code, ERR_FINALIZED);
	assert_int_equal(node->commands, 1); /* it is not pressed again */
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(hold_and_resume),
		AT_ONE(a_resume_accepts_what_is_red),
		AT_ONE(a_lost_resume_is_asked_for),
		AT_ONE(a_note_is_written_and_never_sent),
		AT_ONE(without_a_history_only_the_brakes_work),
		AT_ONE(operations_are_taken_off_and_allowed_again),
		AT_ONE(lost_operations_are_asked_for),
		AT_ONE(a_strategy_is_a_step_to_the_share_that_it_implies),
		AT_ONE(arming_captures_the_baseline_and_disarming_ends_it),
		AT_ONE(without_a_plan_there_is_nothing_to_arm_or_keep),
		AT_ONE(what_nobody_asked_for_is_adopted_with_a_reason),
		AT_ONE(a_rollback_that_is_never_seen_is_closed_by_a_person),
		AT_ONE(a_rollback_that_nobody_answers_is_closed),
		AT_ONE(a_pools_guard_is_told_to_hold_for_a_time),
		AT_ONE(a_recorder_with_another_history_hears_nothing),
		AT_ONE(a_lease_is_taken_from_another),
		AT_ONE(a_finished_migration_has_no_way_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
