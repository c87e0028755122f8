/* Rollbacks from one desk to one node: pressed, retried, overtaken, found open, gone down in
 * steps. What other acts do to them is in test_flight.c, several nodes are in test_nodes.c. */
#include "tests/lib/seat.h"

#include <string.h>

#define FOUND_AGE_MS 5000 /* an open intent this old has no living sender */

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};

/* A desk with a history, and the pool at 1 % with its bake passed. */
static void at_one_percent(void)
{
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	assert_true(site_until(&s, d, STATE_READY, 40000));
}

static void a_crash_between_answer_and_verification_of_a_rollback(void **state)
{
	(void)state;
	struct decision row;
	at_one_percent();
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 100);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_WATCHING);
	assert_int_equal(now_is(), STATE_RB_UNVERIFIED);
	site_close(&s, d);
	assert_true(site_record(&s, "h.db", r.id, &row));
	assert_int_equal(row.outcome, OUTCOME_APPLIED);
	assert_int_equal(row.verified_ms, UNKNOWN);
	d = site_open(&s, &kim);
	assert_int_equal(now_is(), STATE_RB_UNVERIFIED);
	assert_true(site_done(&s, d, r.id, 3000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	assert_int_equal(s.node[0]->commands, 2);
	site_close(&s, d);
	assert_true(site_record(&s, "h.db", r.id, &row));
	assert_true(row.verified_ms != UNKNOWN);
}

static void a_rollback_found_open_is_sent_again_where_nothing_moved(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->lose_before = 1000;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 1000);
	assert_int_equal(now_is(), STATE_ROLLING_BACK);
	site_close(&s, d);
	s.node[0]->lose_before = 0;
	d = site_open(&s, &kim);
	assert_true(site_done(&s, d, r.id, 10000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_string_equal(s.node[0]->got[s.node[0]->got_count - 1].id, r.id);
}

/* An old rollback must not undo what came after it. */
static void a_rollback_found_open_is_not_sent_where_the_pool_moved(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->lose_before = 1000;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 1000);
	site_close(&s, d);
	s.node[0]->lose_before = 0;
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_STEP, 1000, "mine"), 200);
	s.node[0]->lose_resolves = 1000;
	d = site_open(&s, &kim);
	/* Its sender may be alive and rest between two tries: only much later is its fate settled. */
	site_run(&s, FOUND_AGE_MS + 1000);
	assert_int_equal(s.node[0]->resolves, 0);
	site_run(&s, 60000);
	assert_true(s.node[0]->resolves > 0);
	assert_int_equal(fake_share_bp(s.node[0]), 1000);
	/* A person may roll back anew, even while the old one's fate is not known. */
	struct act_result again = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(again.status, ACT_BEGUN);
	assert_string_not_equal(again.id, r.id);
	assert_true(site_done(&s, d, again.id, 5000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	s.node[0]->lose_resolves = 0;
	assert_true(site_done(&s, d, r.id, 60000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_VOID);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* ---- one that another process has open ---- */

static const struct site_desk ana = {.actor = "ana@ops2", .file = "h.db"};

/* Kim's rollback does not get through, and her desk rests between two tries. */
static struct act_result open_elsewhere(void)
{
	at_one_percent();
	s.node[0]->lose_before = 1000;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "broken");
	site_run(&s, 1000);
	s.asleep[0] = true;
	s.node[0]->lose_before = 0;
	return r;
}

static int rollbacks(const struct desk *of)
{
	int n = 0;
	for (size_t i = 0; i < site_pool(of)->decision_count; i++)
		n += site_pool(of)->decisions[i].verb == VERB_ROLLBACK;
	return n;
}

static void a_press_beside_an_open_rollback_is_that_rollback(void **state)
{
	(void)state;
	struct decision row;
	struct act_result first = open_elsewhere();
	struct desk *other = site_open(&s, &ana);
	struct act_result r = site_act(&s, other, VERB_ROLLBACK, -1, "me too");
	assert_int_equal(r.status, ACT_REPLAYED);
	assert_string_equal(r.id, first.id);
	/* At once: nobody waits until its sender must be dead. */
	assert_true(site_done(&s, other, r.id, 2000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(fake_epoch(s.node[0]), 2);
	/* Its sender goes on, finds it done, and neither's rows contradict the other's. */
	s.asleep[0] = false;
	assert_true(site_done(&s, d, first.id, 40000));
	assert_int_equal(site_view(d, first.id).decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(fake_epoch(s.node[0]), 2);
	assert_int_equal(rollbacks(d), 1);
	assert_int_equal(rollbacks(other), 1);
	assert_true(desk_model(other)->history_writable && desk_model(d)->history_writable);
	site_close(&s, other);
	site_close(&s, d);
	assert_true(site_record(&s, "h.db", first.id, &row));
	assert_int_equal(row.outcome, OUTCOME_APPLIED);
	assert_true(row.verified_ms != UNKNOWN);
	assert_string_equal(row.actor, "kim@ops1");
	assert_string_equal(row.reason, "broken");
}

static void a_press_beside_one_that_was_just_applied_is_that_rollback(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->lose_after = 1000; /* it is done, and nobody hears so */
	struct act_result first = site_act(&s, d, VERB_ROLLBACK, -1, "broken");
	site_run(&s, 1000);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	s.asleep[0] = true;
	s.node[0]->lose_after = 0;
	struct desk *other = site_open(&s, &ana);
	struct act_result r = site_act(&s, other, VERB_ROLLBACK, -1, "");
	assert_int_equal(r.status, ACT_REPLAYED);
	assert_string_equal(r.id, first.id);
	assert_true(site_done(&s, other, r.id, 3000));
	assert_int_equal(fake_epoch(s.node[0]), 2);
}

static void a_press_beside_an_unverified_rollback_is_that_rollback(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->leak_bp = 5000;
	struct act_result first = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 1000);
	assert_int_equal(now_is(), STATE_RB_UNVERIFIED);
	struct desk *other = site_open(&s, &ana);
	struct act_result r = site_act(&s, other, VERB_ROLLBACK, -1, "");
	assert_int_equal(r.status, ACT_REPLAYED);
	assert_string_equal(r.id, first.id);
	s.node[0]->leak_bp = -1;
	assert_true(site_done(&s, other, r.id, 3000));
	assert_int_equal(fake_epoch(s.node[0]), 2);
}

/* What is between the two is somebody's new migration: it is that which R takes back. */
static void a_press_beside_one_that_the_pool_moved_past_is_a_new_one(void **state)
{
	(void)state;
	struct act_result first = open_elsewhere();
	assert_int_equal(fake_act(s.node[0], "bo@ops3", "k-1", VERB_STEP, 1000, "mine"), 200);
	struct desk *other = site_open(&s, &ana);
	struct act_result r = site_act(&s, other, VERB_ROLLBACK, -1, "");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_string_not_equal(r.id, first.id);
	assert_true(site_done(&s, other, r.id, 3000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
}

/* Where nothing is heard of the pool nobody knows whether it moved: a press is a press. */
static void a_press_into_silence_is_a_new_one(void **state)
{
	(void)state;
	struct act_result first = open_elsewhere();
	struct desk *other = site_open(&s, &ana);
	s.node[0]->silent = true;
	site_run(&s, 3100);
	struct act_result r = site_act(&s, other, VERB_ROLLBACK, -1, "");
	assert_string_not_equal(r.id, first.id);
	s.node[0]->silent = false;
	assert_true(site_done(&s, other, r.id, 40000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
}

/* Who wants to go slowly is not pulled along. */
static void a_gradual_one_is_not_the_open_one(void **state)
{
	(void)state;
	struct act_result first = open_elsewhere();
	struct desk *other = site_open(&s, &ana);
	struct act_result r =
		site_ask(&s, other, &(struct act_request){.verb = VERB_ROLLBACK, .gradual = true});
	assert_int_equal(r.status, ACT_BEGUN);
	assert_string_not_equal(r.id, first.id);
	assert_true(site_done(&s, other, r.id, 60000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
}

static void a_rollback_is_pressed_until_it_is_seen(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->lose_before = 3;
	s.node[0]->lose_after = 2;
	s.node[0]->leak_bp = 5000; /* v2 does not rest yet */
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "broken");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(site_until(&s, d, STATE_RB_UNVERIFIED, 60000));
	assert_int_equal(s.node[0]->commands, 1 + 6);
	for (int i = 1; i < 7; i++)
		assert_string_equal(s.node[0]->got[i].id, r.id);
	assert_int_equal(fake_epoch(s.node[0]), 2);
	site_run(&s, 5000);
	assert_int_equal(now_is(), STATE_RB_UNVERIFIED);
	assert_int_equal(site_standing(d)->headline.level, LEVEL_ACT);
	s.node[0]->leak_bp = -1;
	assert_true(site_done(&s, d, r.id, 2000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	assert_int_equal(s.node[0]->commands, 1 + 6);
	assert_int_equal(s.node[0]->resolves, 0);
}

static void a_hundred_presses_are_one_rollback(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->lose_before = 2;
	struct act_result first = site_act(&s, d, VERB_ROLLBACK, -1, "");
	size_t decisions = site_pool(d)->decision_count;
	for (int i = 0; i < 99; i++) {
		struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
		assert_int_equal(r.status, ACT_REPLAYED);
		assert_string_equal(r.id, first.id);
		if (i % 10 == 0)
			site_run(&s, 50);
	}
	assert_true(site_done(&s, d, first.id, 10000));
	assert_int_equal(site_pool(d)->decision_count, decisions);
	for (int i = 1; i < s.node[0]->got_count; i++)
		assert_string_equal(s.node[0]->got[i].id, first.id);
	assert_int_equal(fake_epoch(s.node[0]), 2);
}

/* Between acknowledged and seen somebody raises the share: the next press is a new rollback. */
static void a_rollback_that_was_overtaken_does_not_lock_the_next(void **state)
{
	(void)state;
	at_one_percent();
	struct act_result first = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 100);
	assert_int_equal(site_view(d, first.id).progress, PROGRESS_WATCHING);
	assert_int_equal(site_act(&s, d, VERB_ROLLBACK, -1, "").status, ACT_REPLAYED);
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_STEP, 1000, "again"), 200);
	site_run(&s, 2000);
	struct act_result second = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(second.status, ACT_BEGUN);
	assert_string_not_equal(second.id, first.id);
	assert_true(site_done(&s, d, second.id, 5000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_true(site_done(&s, d, first.id, 2000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* Pressed before, arrived after: the pool's order is what counts. */
static void a_rollback_that_arrives_late_is_the_last_word(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->lose_before = 4;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 500);
	assert_int_equal(now_is(), STATE_ROLLING_BACK);
	assert_int_equal(fake_act(s.node[0], "ana@ops2", "k-1", VERB_STEP, 1000, "mine"), 200);
	assert_true(site_done(&s, d, r.id, 20000));
	site_run(&s, 2000);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(site_standing(d)->intended_bp, 0);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

static void a_rollback_leaves_in_every_state(void **state)
{
	(void)state;
	/* each: how the pool gets into the state, from 1 % ready */
	enum how {
		READY,
		BAKING,
		HELD,
		RED,
		BOTH,
		STALE,
		NEVER_AGAIN,
		DIVERGED,
		UNRESOLVED,
		FOREIGN,
		FROM_ZERO
	};
	for (enum how how = READY; how <= FROM_ZERO; how++) {
		struct fake *f = s.node[0];
		if (how == FROM_ZERO)
			d = site_open(&s, &kim);
		else
			s.limits.action = GUARD_ACTION_WARN;
		at_one_percent();
		switch (how) {
		case BAKING:
			site_step(&s, d, 1000);
			break;
		case HELD:
			fake_act(f, "ana@ops2", "k-h", VERB_HOLD, -1, "");
			break;
		case BOTH:
			f->error_rate[ARM_V1] = 0.5;
			/* fall through */
		case RED:
			f->error_rate[ARM_V2] = 0.5;
			site_run(&s, 20000);
			assert_int_equal(now_is(), STATE_HELD);
			break;
		case STALE:
			f->silent = true;
			site_run(&s, 20000);
			f->silent = false;
			break;
		case NEVER_AGAIN:
			f->silent = true;
			site_close(&s, d);
			d = site_open(&s, &kim);
			assert_int_equal(site_standing(d)->freshness, FRESHNESS_NEVER);
			f->silent = false;
			break;
		case DIVERGED:
			f->lie_bp = 3500;
			site_run(&s, 1000);
			assert_int_equal(now_is(), STATE_DIVERGED);
			f->lie_bp = -1;
			break;
		case UNRESOLVED:
			f->lose_before = 1;
			f->lose_resolves = 1000;
			site_act(&s, d, VERB_STEP, 1000, "");
			site_run(&s, 300);
			assert_int_equal(now_is(), STATE_UNRESOLVED);
			break;
		case FOREIGN:
			fake_become(f, "shop-2");
			site_run(&s, 1000);
			fake_become(f, "shop-1");
			break;
		default:
			break;
		}
		int before = f->commands;
		struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
		assert_int_equal(r.status, ACT_BEGUN);
		site_run(&s, 250);
		assert_int_equal(f->commands, before + 1);
		f->lose_resolves = 0;
		if (!site_done(&s, d, r.id, 10000))
			fail_msg("state %d: rollback not verified, %s", how, site_standing(d)->state_text);
		assert_int_equal(fake_share_bp(f), 0);
		leave(NULL);
		sit_down(NULL);
	}
}

/* A pool that says yes and does nothing is not believed. */
static void an_acknowledgement_is_not_an_effect(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->pretend = true;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 10000);
	assert_int_equal(now_is(), STATE_RB_UNVERIFIED);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_WATCHING);
	assert_int_equal(site_view(d, r.id).decision.verified_ms, UNKNOWN);
}

static void a_brake_waits_at_most_a_quarter_of_a_second(void **state)
{
	(void)state;
	at_one_percent();
	/* Time passes and the history is not listened to: as one that does not answer. */
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	int commands = s.node[0]->commands;
	s.now.boot_ms += 249;
	s.now.wall_ms += 249;
	assert_int_equal(desk_due_ms(d, s.now, 1000), 1);
	s.now.boot_ms++;
	s.now.wall_ms++;
	desk_turn(d, s.now);
	assert_int_equal(s.node[0]->commands, commands + 1);
	assert_true(site_done(&s, d, r.id, 3000));
	site_settle(&s);
	assert_true(site_view(d, r.id).recorded);
	assert_int_equal(desk_unrecorded(d), 0);
}

/* The pool knows the key with another body: pressing it on helps nobody, its fate is asked for. */
static void a_key_that_was_used_before_is_not_pressed_on(void **state)
{
	(void)state;
	at_one_percent();
	s.node[0]->refuse = ERR_KEY_REUSED;
	int commands = s.node[0]->commands;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_true(site_done(&s, d, r.id, 5000));
	assert_int_equal(s.node[0]->commands, commands + 1);
	assert_int_equal(s.node[0]->resolves, 1);
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_VOID);
	s.node[0]->refuse = ERR_NONE;
	struct act_result anew = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(anew.status, ACT_BEGUN);
	assert_true(site_done(&s, d, anew.id, 5000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
}

/* ---- a step at a time ---- */

static struct act_result gradually(void)
{
	return site_ask(&s, d, &(struct act_request){.verb = VERB_ROLLBACK, .gradual = true});
}

static void at_ten_percent(void)
{
	d = site_open(&s, &kim);
	site_ready(&s, d, 100);
	site_ready(&s, d, 1000);
}

static void a_gradual_rollback_goes_down_by_the_plan(void **state)
{
	(void)state;
	at_ten_percent();
	struct act_result r = gradually();
	assert_int_equal(r.status, ACT_BEGUN);
	site_run(&s, 1000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	assert_int_equal(now_is(), STATE_ROLLING_BACK);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_SENT);
	site_run(&s, 8000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	/* Below the plan's first share there is but the rollback. */
	assert_true(site_done(&s, d, r.id, 10000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
	assert_string_equal(s.node[0]->got[s.node[0]->got_count - 1].id, r.id);
	assert_non_null(strstr(site_view(d, r.id).decision.evidence, "\"gradual\":true"));
}

/* Between the plan's shares and beyond them it halves. */
static void without_a_plan_a_gradual_rollback_halves(void **state)
{
	(void)state;
	s.has_plan = false;
	d = site_open(&s, &kim);
	site_step(&s, d, 1000);
	struct act_result r = gradually();
	static const int shares[] = {500, 250, 125};
	for (int i = 0; i < 3; i++) {
		site_run(&s, 2000);
		assert_int_equal(fake_share_bp(s.node[0]), shares[i]);
		site_run(&s, 8000);
	}
	assert_true(site_done(&s, d, r.id, 10000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
}

static void a_second_press_ends_the_slow_way_at_once(void **state)
{
	(void)state;
	at_ten_percent();
	struct act_result r = gradually();
	site_run(&s, 1000);
	struct act_result slow = gradually();
	assert_int_equal(slow.status, ACT_REPLAYED);
	site_run(&s, 500);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	struct act_result fast = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(fast.status, ACT_REPLAYED);
	assert_string_equal(fast.id, r.id);
	site_settle(&s);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_true(site_done(&s, d, r.id, 3000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

static void a_lowering_that_is_refused_ends_in_the_rollback(void **state)
{
	(void)state;
	at_ten_percent();
	s.node[0]->refuse_prelude = ERR_LIMIT;
	struct act_result r = gradually();
	site_settle(&s);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_true(site_done(&s, d, r.id, 3000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* Its answer never comes: nobody waits for it longer than for the next lowering. */
static void a_lowering_that_is_lost_ends_in_the_rollback(void **state)
{
	(void)state;
	at_ten_percent();
	s.node[0]->prelude_mute = true;
	struct act_result r = gradually();
	assert_true(site_done(&s, d, r.id, 13000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

static void a_pool_that_falls_silent_is_rolled_back_when_it_answers(void **state)
{
	(void)state;
	at_ten_percent();
	struct act_result r = gradually();
	site_run(&s, 2000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	s.node[0]->silent = true;
	site_run(&s, 60000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	assert_int_equal(now_is(), STATE_ROLLING_BACK);
	s.node[0]->silent = false;
	assert_true(site_done(&s, d, r.id, 40000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
}

/* Where the news are old already there is no slow way. */
static void a_silent_pool_has_no_slow_way(void **state)
{
	(void)state;
	at_ten_percent();
	s.node[0]->silent = true;
	site_run(&s, 10000);
	int commands = s.node[0]->commands;
	struct act_result r = gradually();
	site_settle(&s);
	assert_int_equal(s.node[0]->commands, commands + 1);
	assert_int_equal(s.node[0]->got[commands].verb, VERB_ROLLBACK);
	s.node[0]->silent = false;
	assert_true(site_done(&s, d, r.id, 3000));
}

/* The way down was the pool's last change: what is found open is asked for, not sent, and a
 * person rolls back anew. */
static void a_crash_on_the_way_down_leaves_the_share_and_says_so(void **state)
{
	(void)state;
	at_ten_percent();
	struct act_result r = gradually();
	site_run(&s, 2000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	site_close(&s, d);
	d = site_open(&s, &kim);
	assert_int_equal(now_is(), STATE_ROLLING_BACK);
	assert_true(site_done(&s, d, r.id, 70000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_VOID);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	struct act_result anew = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(anew.status, ACT_BEGUN);
	assert_true(site_done(&s, d, anew.id, 3000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
}

/* Before the first lowering nothing has moved: then it goes, and at once. */
static void a_crash_before_the_way_down_rolls_back(void **state)
{
	(void)state;
	at_ten_percent();
	s.node[0]->silent = true;
	struct act_result r = gradually();
	site_run(&s, 300);
	site_close(&s, d);
	s.node[0]->silent = false;
	d = site_open(&s, &kim);
	assert_true(site_done(&s, d, r.id, 10000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(a_crash_between_answer_and_verification_of_a_rollback),
		AT_ONE(a_rollback_found_open_is_sent_again_where_nothing_moved),
		AT_ONE(a_rollback_found_open_is_not_sent_where_the_pool_moved),
		AT_ONE(a_press_beside_an_open_rollback_is_that_rollback),
		AT_ONE(a_press_beside_one_that_was_just_applied_is_that_rollback),
		AT_ONE(a_press_beside_an_unverified_rollback_is_that_rollback),
		AT_ONE(a_press_beside_one_that_the_pool_moved_past_is_a_new_one),
		AT_ONE(a_press_into_silence_is_a_new_one),
		AT_ONE(a_gradual_one_is_not_the_open_one),
		AT_ONE(a_rollback_is_pressed_until_it_is_seen),
		AT_ONE(a_hundred_presses_are_one_rollback),
		AT_ONE(a_rollback_that_was_overtaken_does_not_lock_the_next),
		AT_ONE(a_rollback_that_arrives_late_is_the_last_word),
		AT_ONE(a_rollback_leaves_in_every_state),
		AT_ONE(an_acknowledgement_is_not_an_effect),
		AT_ONE(a_brake_waits_at_most_a_quarter_of_a_second),
		AT_ONE(a_key_that_was_used_before_is_not_pressed_on),
		AT_ONE(a_gradual_rollback_goes_down_by_the_plan),
		AT_ONE(without_a_plan_a_gradual_rollback_halves),
		AT_ONE(a_second_press_ends_the_slow_way_at_once),
		AT_ONE(a_lowering_that_is_refused_ends_in_the_rollback),
		AT_ONE(a_lowering_that_is_lost_ends_in_the_rollback),
		AT_ONE(a_pool_that_falls_silent_is_rolled_back_when_it_answers),
		AT_ONE(a_silent_pool_has_no_slow_way),
		AT_ONE(a_crash_on_the_way_down_leaves_the_share_and_says_so),
		AT_ONE(a_crash_before_the_way_down_rolls_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
