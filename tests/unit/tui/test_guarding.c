/* Guards that a desk owns: who owns one, what it does when it is red, and one node's rollback that is
 * carried to the others. */
#include "model/text.h"
#include "tests/lib/process.h"
#include "tests/lib/seat.h"

#include <string.h>

static const struct site_desk console = {.actor = "kim@ops1", .file = "h.db", .console = true};
static const struct site_desk one_shot = {.actor = "kim@ops1", .file = "h.db"};
static const struct site_desk ana = {.actor = "ana@ops2", .file = "a.db", .console = true};
static const struct site_desk recorder = {
	.actor = "rec@ops1", .file = "r.db", .record = true, .guard = true};

static int acts_of(const struct fake *f, enum verb verb)
{
	int n = 0;
	for (int i = 0; i < f->got_count; i++)
		n += f->got[i].verb == verb;
	return n;
}

/* A pool without a guard of its own, at 1 % by a desk. */
static void at_one_percent(const struct site_desk *how)
{
	node->guards = false;
	d = site_open(&s, how);
	site_run(&s, 1500);
	site_step(&s, d, 100);
}

/* ---- who owns it ---- */

static void a_recorder_rolls_back_and_is_the_only_one(void **state)
{
	(void)state;
	node->guards = false;
	struct desk *rec = site_open(&s, &recorder);
	site_run(&s, 1500);
	at_one_percent(&console);
	assert_true(site_pool(rec)->owner_line.mine);
	assert_int_equal(site_standing(rec)->owner, OWNER_RECORD);
	assert_int_equal(site_standing(d)->owner, OWNER_RECORD);
	assert_false(site_pool(d)->owner_line.mine);
	assert_string_equal(site_pool(d)->owner_line.actor, "rec@ops1");
	node->error_rate[ARM_V2] = 0.5;
	assert_true(site_until(&s, rec, STATE_ROLLED_BACK, s.limits.window_ms));
	const struct decision *back = site_last(rec, VERB_ROLLBACK);
	assert_string_equal(back->role, "guard");
	assert_string_equal(back->actor, "rec@ops1");
	assert_non_null(strstr(back->reason, "guard: errors"));
	assert_int_equal(fake_share_bp(node), 0);
	/* Once, whoever looks. */
	site_run(&s, 60000);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 1);
	assert_true(site_last(d, VERB_ROLLBACK)->observed);
}

static void a_console_acts_while_nobody_else_does(void **state)
{
	(void)state;
	at_one_percent(&console);
	assert_int_equal(site_standing(d)->owner, OWNER_CONSOLE);
	assert_non_null(strstr(site_standing(d)->guard_text, "console"));
	node->error_rate[ARM_V2] = 0.5;
	assert_true(site_until(&s, d, STATE_ROLLED_BACK, s.limits.window_ms));
	assert_string_equal(site_last(d, VERB_ROLLBACK)->role, "guard");
}

static void two_consoles_are_harmless(void **state)
{
	(void)state;
	struct desk *other;
	at_one_percent(&console);
	other = site_open(&s, &ana);
	int64_t epoch = fake_epoch(node);
	node->error_rate[ARM_V2] = 0.5;
	assert_true(site_until(&s, d, STATE_ROLLED_BACK, s.limits.window_ms));
	assert_true(site_until(&s, other, STATE_ROLLED_BACK, 5000));
	site_run(&s, 60000);
	assert_in_range(acts_of(node, VERB_ROLLBACK), 1, 2);
	assert_in_range(fake_epoch(node), epoch + 1, epoch + 2);
	assert_int_equal(fake_share_bp(node), 0);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	assert_int_equal(site_standing(other)->state, STATE_ROLLED_BACK);
}

/* With one history the red is decided once, and both show it. */
static void two_consoles_of_one_history_decide_once(void **state)
{
	(void)state;
	static const struct site_desk beside = {.actor = "ana@ops2", .file = "h.db", .console = true};
	struct decision row = {.verified_ms = UNKNOWN};
	at_one_percent(&console);
	struct desk *other = site_open(&s, &beside);
	site_run(&s, 1500);
	int64_t epoch = fake_epoch(node);
	node->error_rate[ARM_V2] = 0.5;
	node->lose_before = 3; /* so that the other decides before it has arrived */
	assert_true(site_until(&s, d, STATE_ROLLED_BACK, s.limits.window_ms));
	assert_true(site_until(&s, other, STATE_ROLLED_BACK, 5000));
	const int sent = acts_of(node, VERB_ROLLBACK);
	for (int i = 1; i < sent; i++)
		assert_string_equal(node->got[node->got_count - 1 - i].id, node->got[node->got_count - 1].id);
	assert_int_equal(fake_epoch(node), epoch + 1);
	const struct decision *mine = site_last(d, VERB_ROLLBACK);
	const struct decision *theirs = site_last(other, VERB_ROLLBACK);
	assert_string_equal(mine->id, theirs->id);
	assert_string_equal(theirs->role, "guard");
	assert_int_equal(theirs->outcome, OUTCOME_APPLIED);
	site_run(&s, 3000); /* each sees it for itself */
	assert_true(site_last(other, VERB_ROLLBACK)->verified_ms != UNKNOWN);
	/* the row of that is written when the disk gets to it */
	for (int64_t end_ms = process_clock_ms() + 10000; process_clock_ms() < end_ms;)
		if (site_record(&s, "h.db", mine->id, &row) && row.verified_ms != UNKNOWN)
			break;
	assert_int_not_equal(row.verified_ms, UNKNOWN);
	assert_int_equal(desk_unrecorded(d) + desk_unrecorded(other), 0);
	site_run(&s, 60000);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), sent);
}

/* Whoever presses what the own guard is just writing down follows what stands instead. */
static void a_press_that_is_joined_has_its_outcome(void **state)
{
	(void)state;
	static const struct site_desk beside = {.actor = "ana@ops2", .file = "h.db", .console = true};
	at_one_percent(&console);
	struct desk *other = site_open(&s, &beside);
	site_run(&s, 1500);
	node->error_rate[ARM_V2] = 0.5;
	node->lose_before = 3;
	/* Seen by both, decided by one; the other turns until it has decided, too, and no further. */
	s.asleep[1] = true;
	for (int i = 0; i < 400 && !site_last(d, VERB_ROLLBACK); i++)
		site_run(&s, SITE_STEP_MS);
	struct act_request press = {.verb = VERB_ROLLBACK, .to_bp = -1};
	struct act_result r;
	for (int i = 0; i < 2000 && !site_last(other, VERB_ROLLBACK); i++) {
		desk_turn(other, s.now);
		if (!site_last(other, VERB_ROLLBACK))
			desk_wait(other, NULL, 0, 1, s.now);
	}
	desk_act(other, &press, s.now, &r);
	s.asleep[1] = false;
	assert_int_equal(r.status, ACT_REPLAYED);
	assert_string_not_equal(r.id, site_last(d, VERB_ROLLBACK)->id);
	assert_true(site_until(&s, other, STATE_ROLLED_BACK, 5000));
	site_run(&s, 3000);
	struct act_view v = site_view(other, r.id);
	assert_int_equal(v.progress, PROGRESS_DONE);
	assert_true(v.recorded);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_string_equal(v.decision.id, site_last(d, VERB_ROLLBACK)->id);
	assert_int_equal(fake_share_bp(node), 0);
}

/* Who was not red knows another's rollback from the pool's log, which verifies nothing: that is
 * in the history, whoever guards. */
static void another_s_rollback_is_verified_here_too(void **state)
{
	(void)state;
	static const struct site_desk watchers[] = {
		{.actor = "ana@ops2", .file = "h.db", .console = true, .guard = true},
		{.actor = "eve@ops4", .file = "h.db", .read_only = true}};
	enum { WATCHERS = sizeof watchers / sizeof *watchers };
	struct desk *watcher[WATCHERS];
	at_one_percent(&console);
	for (int i = 0; i < WATCHERS; i++)
		watcher[i] = site_open(&s, &watchers[i]);
	site_run(&s, 1500);
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, 0, "enough");
	assert_true(site_done(&s, d, r.id, 10000));
	site_run(&s, 10000);
	const struct decision *mine = site_last(d, VERB_ROLLBACK);
	assert_int_not_equal(mine->verified_ms, UNKNOWN);
	for (int i = 0; i < WATCHERS; i++) {
		const struct decision *theirs = site_last(watcher[i], VERB_ROLLBACK);
		assert_string_equal(theirs->id, mine->id);
		assert_int_equal(theirs->outcome, OUTCOME_APPLIED);
		assert_int_equal(theirs->verified_ms, mine->verified_ms);
		assert_false(theirs->observed);
		assert_int_equal(site_standing(watcher[i])->state, STATE_ROLLED_BACK);
	}
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 1);
}

/* Whoever decided dies before it is sent: the other has it, and sends it. */
static void what_one_console_decided_another_sends(void **state)
{
	(void)state;
	static const struct site_desk beside = {.actor = "ana@ops2", .file = "h.db", .console = true};
	at_one_percent(&console);
	struct desk *other = site_open(&s, &beside);
	site_run(&s, 1500);
	node->error_rate[ARM_V2] = 0.5;
	node->lose_before = 1;
	for (int i = 0; i < 400 && !site_last(d, VERB_ROLLBACK); i++)
		site_run(&s, SITE_STEP_MS);
	s.asleep[0] = true;
	assert_int_equal(fake_share_bp(node), 100);
	assert_true(site_until(&s, other, STATE_ROLLED_BACK, 2000)); /* nobody waits for the dead */
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 2);
	assert_string_equal(
		site_last(d, VERB_ROLLBACK)->id, site_last(other, VERB_ROLLBACK)->id);
	assert_int_equal(fake_share_bp(node), 0);
}

/* No recorder, no console, no guard at the pool. */
static void where_nobody_would_roll_back_nothing_is_raised(void **state)
{
	(void)state;
	node->guards = false;
	d = site_open(&s, &one_shot);
	site_run(&s, 1500);
	assert_int_equal(site_standing(d)->owner, OWNER_NONE);
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_WAY_BACK].state, CHECK_FAILS);
	assert_int_equal(r.interlock.check[PREDICATE_WAY_BACK].code, ERR_WAY_BACK);
	assert_int_equal(node->commands, 0);
}

static void a_console_is_good_for_ten_percent(void **state)
{
	(void)state;
	node->guards = false;
	d = site_open(&s, &console);
	site_run(&s, 1500);
	site_ready(&s, d, 100);
	site_step(&s, d, 1000);
	site_run(&s, 30000);
	struct act_result r = site_act(&s, d, VERB_STEP, 5000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.failing, 1u << PREDICATE_WAY_BACK);
	assert_int_equal(r.interlock.check[PREDICATE_WAY_BACK].code, ERR_WAY_BACK);
	/* A recorder that guards is what it asks for. */
	site_open(&s, &recorder);
	site_run(&s, 3000);
	site_step(&s, d, 5000);
}

static void a_recorder_that_ends_leaves_it_to_the_console(void **state)
{
	(void)state;
	node->guards = false;
	struct desk *rec = site_open(&s, &recorder);
	site_run(&s, 1500);
	at_one_percent(&console);
	assert_int_equal(site_standing(d)->owner, OWNER_RECORD);
	site_close(&s, rec);
	site_run(&s, 3000);
	assert_int_equal(site_standing(d)->owner, OWNER_CONSOLE);
	node->error_rate[ARM_V2] = 0.5;
	assert_true(site_until(&s, d, STATE_ROLLED_BACK, s.limits.window_ms));
}

/* It lives and holds the lock, and says nothing any more. */
static void a_recorder_that_hangs_is_not_believed(void **state)
{
	(void)state;
	node->guards = false;
	struct desk *rec = site_open(&s, &recorder);
	site_run(&s, 1500);
	at_one_percent(&console);
	assert_int_equal(site_standing(d)->owner, OWNER_RECORD);
	s.asleep[0] = true;
	site_run(&s, 5000);
	assert_int_equal(site_standing(d)->owner, OWNER_CONSOLE);
	assert_true(site_pool(d)->owner_line.held);
	node->error_rate[ARM_V2] = 0.5;
	assert_true(site_until(&s, d, STATE_ROLLED_BACK, s.limits.window_ms));
	s.asleep[0] = false;
	site_run(&s, 3000);
	assert_int_equal(site_standing(d)->owner, OWNER_RECORD);
	assert_int_equal(site_standing(rec)->state, STATE_ROLLED_BACK);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 1);
}

static void two_recorders_are_one_owner(void **state)
{
	(void)state;
	const struct site_desk second = {
		.actor = "rec@ops2", .file = "r2.db", .record = true, .guard = true};
	node->guards = false;
	d = site_open(&s, &recorder);
	site_run(&s, 1500);
	struct desk *other = site_open(&s, &second);
	site_run(&s, 1500);
	assert_true(site_pool(d)->owner_line.mine);
	assert_false(site_pool(other)->owner_line.mine);
	assert_int_equal(site_standing(other)->owner, OWNER_RECORD);
	site_step(&s, d, 100);
	node->error_rate[ARM_V2] = 0.5;
	assert_true(site_until(&s, d, STATE_ROLLED_BACK, s.limits.window_ms));
	site_run(&s, 30000);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 1);
	/* The second takes over where the first ends. */
	site_close(&s, d);
	d = other;
	site_run(&s, 3000);
	assert_true(site_pool(d)->owner_line.mine);
}

static void without_a_plan_no_guard_acts(void **state)
{
	(void)state;
	s.has_plan = false;
	at_one_percent(&recorder);
	assert_int_equal(site_standing(d)->owner, OWNER_NONE);
	node->error_rate[ARM_V2] = 0.5;
	site_run(&s, 60000);
	assert_true(site_pool(d)->latch.red);
	assert_int_equal(fake_share_bp(node), 100);
	assert_false(fake_is_held(node));
}

static void who_only_looks_does_not_guard(void **state)
{
	(void)state;
	const struct site_desk looker = {
		.actor = "kim@ops1", .file = "k.db", .console = true, .read_only = true};
	at_one_percent(&console);
	site_close(&s, d);
	d = site_open(&s, &looker);
	node->error_rate[ARM_V2] = 0.5;
	site_run(&s, 60000);
	assert_true(site_pool(d)->latch.red);
	assert_int_equal(site_standing(d)->owner, OWNER_NONE);
	assert_int_equal(fake_share_bp(node), 100);
}

/* ---- what it does ---- */

/* What v1 breaks too is not v2's doing. */
static void both_sides_hold_once(void **state)
{
	(void)state;
	at_one_percent(&recorder);
	node->error_rate[ARM_V1] = node->error_rate[ARM_V2] = 0.5;
	site_run(&s, 60000);
	assert_true(fake_is_held(node));
	assert_int_equal(fake_share_bp(node), 100);
	assert_int_equal(acts_of(node, VERB_HOLD), 1);
	assert_string_equal(site_last(d, VERB_HOLD)->role, "guard");
	assert_non_null(strstr(site_last(d, VERB_HOLD)->reason, "v1 too"));
	/* A person has seen it: not again while it lasts. */
	assert_true(site_done(&s, d, site_act(&s, d, VERB_RESUME, -1, "").id, 2000));
	site_run(&s, 60000);
	assert_false(fake_is_held(node));
	assert_int_equal(acts_of(node, VERB_HOLD), 1);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 0);
	/* When v1 is well again it is v2's. */
	node->error_rate[ARM_V1] = 0;
	site_run(&s, 70000);
	assert_int_equal(fake_share_bp(node), 0);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 1);
}

static void an_action_may_be_to_hold_or_to_warn(void **state)
{
	(void)state;
	s.limits.action = GUARD_ACTION_HOLD;
	at_one_percent(&recorder);
	node->error_rate[ARM_V2] = 0.5;
	site_run(&s, 60000);
	assert_true(fake_is_held(node));
	assert_int_equal(acts_of(node, VERB_HOLD), 1);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 0);
	/* What a person accepted is held once. */
	assert_true(site_done(&s, d, site_act(&s, d, VERB_RESUME, -1, "").id, 2000));
	site_run(&s, 30000);
	assert_int_equal(acts_of(node, VERB_HOLD), 1);
	leave(NULL);
	sit_down(NULL);
	s.limits.action = GUARD_ACTION_WARN;
	at_one_percent(&recorder);
	node->error_rate[ARM_V2] = 0.5;
	site_run(&s, 60000);
	assert_true(site_pool(d)->latch.red);
	assert_int_equal(node->commands, 1);
	assert_int_equal(fake_share_bp(node), 100);
}

static void a_rollback_that_is_lost_is_pressed_on(void **state)
{
	(void)state;
	at_one_percent(&recorder);
	node->error_rate[ARM_V2] = 0.5;
	node->lose_before = 3;
	assert_true(site_until(&s, d, STATE_ROLLED_BACK, s.limits.window_ms));
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 4);
	for (int i = node->got_count - 4; i < node->got_count; i++)
		assert_string_equal(node->got[i].id, node->got[node->got_count - 1].id);
}

/* ---- what it is told ---- */

static const struct act_request hold_for_a_minute = {
	.verb = VERB_GUARD, .act = GUARD_ACTION_HOLD, .for_ms = 60000, .reason = "known noise"};
static const struct act_request act_again = {.verb = VERB_GUARD, .act = GUARD_ACTION_ROLLBACK};

/* A recorder that guards beside a person's desk, both on this history; the pool at 1 %. */
static struct desk *beside_a_recorder(const char *file)
{
	const struct site_desk rec = {
		.actor = "rec@ops1", .file = file, .record = true, .guard = true};
	node->guards = false;
	struct desk *guards = site_open(&s, &rec);
	site_run(&s, 1500);
	d = site_open(&s, &one_shot);
	site_run(&s, 1500);
	site_step(&s, d, 100);
	assert_int_equal(site_standing(d)->owner, OWNER_RECORD);
	return guards;
}

static struct act_view told(const struct act_request *r)
{
	struct act_result begun = site_ask(&s, d, r);
	assert_int_equal(begun.status, ACT_BEGUN);
	assert_true(site_done(&s, d, begun.id, 8000));
	return site_view(d, begun.id);
}

/* Rows behind a decision are written when the disk gets to them. */
static enum outcome_kind recorded(const char *id)
{
	struct decision row = {0};
	for (int64_t end_ms = process_clock_ms() + 10000; process_clock_ms() < end_ms;)
		if (site_record(&s, "h.db", id, &row) && outcome_is_final(row.outcome))
			break;
	return row.outcome;
}

static void a_recorder_is_told_to_hold_for_a_time(void **state)
{
	(void)state;
	struct desk *rec = beside_a_recorder("h.db");
	struct act_view v = told(&hold_for_a_minute);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_string_equal(v.decision.answer, "rec@ops1 obeys");
	assert_non_null(
		strstr(v.decision.evidence, "\"act\":\"hold\",\"for_ms\":60000,\"owner\":\"record\""));
	assert_int_equal(acts_of(node, VERB_GUARD), 0); /* the pool has none */
	assert_string_equal(site_pool(d)->owner_line.order, v.decision.id);
	site_run(&s, 2000);
	assert_in_range(site_standing(d)->pool_guard.held_ms, 50000, 60000);
	assert_in_range(site_standing(rec)->pool_guard.held_ms, 50000, 60000);
	assert_non_null(strstr(site_standing(d)->guard_text, "guard: record, only holds for 00:5"));
	assert_non_null(strstr(site_standing(d)->headline.text, "The recorder's guard only holds"));
	assert_int_equal(recorded(v.decision.id), OUTCOME_APPLIED);
	/* Red within the time holds, and is rolled back when it is over and red still. */
	node->error_rate[ARM_V2] = 0.5;
	site_run(&s, 40000);
	assert_true(site_pool(rec)->latch.red);
	assert_non_null(strstr(site_standing(d)->headline.text, "Only held; R rolls back"));
	assert_true(fake_is_held(node));
	assert_int_equal(fake_share_bp(node), 100);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 0);
	site_run(&s, 30000);
	assert_int_equal(fake_share_bp(node), 0);
	assert_string_equal(site_last(rec, VERB_ROLLBACK)->role, "guard");
	assert_int_equal(site_standing(d)->pool_guard.held_ms, UNKNOWN);
}

static void a_newer_order_replaces_it(void **state)
{
	(void)state;
	struct desk *rec = beside_a_recorder("h.db");
	told(&hold_for_a_minute);
	struct act_request longer = hold_for_a_minute;
	longer.for_ms = 3600000;
	told(&longer);
	assert_true(site_standing(d)->pool_guard.held_ms > 3500000);
	struct act_view v = told(&act_again);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(site_standing(d)->pool_guard.held_ms, UNKNOWN);
	assert_non_null(
		strstr(site_standing(d)->guard_text, "guard: record, rolls back by itself"));
	node->error_rate[ARM_V2] = 0.5;
	assert_true(site_until(&s, rec, STATE_ROLLED_BACK, s.limits.window_ms));
}

static void an_order_outlives_its_recorder(void **state)
{
	(void)state;
	const struct site_desk again = {
		.actor = "rec@ops1", .file = "h.db", .record = true, .guard = true};
	struct desk *rec = beside_a_recorder("h.db");
	told(&hold_for_a_minute);
	site_close(&s, rec);
	site_run(&s, 10000);
	assert_int_equal(site_standing(d)->owner, OWNER_NONE);
	node->error_rate[ARM_V2] = 0.5;
	rec = site_open(&s, &again);
	site_run(&s, 3000);
	assert_in_range(site_standing(d)->pool_guard.held_ms, 30000, 50000);
	site_run(&s, 20000);
	assert_true(fake_is_held(node));
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 0);
	site_run(&s, 30000);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 1);
}

/* Its history is another: it cannot hear, and whoever asks is told so. */
static void what_a_recorder_cannot_hear_is_not_done(void **state)
{
	(void)state;
	struct desk *rec = beside_a_recorder("r.db");
	struct act_view v = told(&hold_for_a_minute);
	assert_int_equal(v.decision.outcome, OUTCOME_NOT_SENT);
	assert_non_null(strstr(v.decision.answer, "the recorder of rec@ops1 has not said"));
	assert_non_null(strstr(v.decision.answer, "its history is another"));
	assert_int_equal(recorded(v.decision.id), OUTCOME_NOT_SENT);
	assert_int_equal(site_standing(d)->pool_guard.held_ms, UNKNOWN);
	assert_int_equal(site_standing(d)->open, -1);
	node->error_rate[ARM_V2] = 0.5;
	assert_true(site_until(&s, rec, STATE_ROLLED_BACK, s.limits.window_ms));
}

/* One that hangs is not believed either; what was given up is not obeyed later. */
static void what_was_given_up_is_not_obeyed_later(void **state)
{
	(void)state;
	struct desk *rec = beside_a_recorder("h.db");
	s.asleep[0] = true;
	struct act_result begun = site_ask(&s, d, &hold_for_a_minute);
	assert_int_equal(begun.status, ACT_BEGUN);
	assert_true(site_done(&s, d, begun.id, 8000));
	assert_int_equal(recorded(begun.id), OUTCOME_NOT_SENT);
	s.asleep[0] = false;
	site_run(&s, 5000);
	assert_int_equal(site_standing(rec)->pool_guard.held_ms, UNKNOWN);
	assert_string_equal(site_pool(d)->owner_line.order, "");
}

/* Whoever gave it died before anyone obeyed: it holds all the same, and is open no longer. */
static void an_order_that_was_left_is_settled(void **state)
{
	(void)state;
	struct desk *rec = beside_a_recorder("h.db");
	struct act_result begun = site_ask(&s, d, &hold_for_a_minute);
	site_settle(&s);
	site_close(&s, d);
	d = rec;
	site_run(&s, 3000);
	assert_in_range(site_standing(d)->pool_guard.held_ms, 50000, 60000);
	site_run(&s, 15000);
	assert_int_equal(site_standing(d)->open, -1);
	assert_int_equal(recorded(begun.id), OUTCOME_APPLIED);
	d = site_open(&s, &one_shot);
	site_run(&s, 3000);
	assert_in_range(site_standing(d)->pool_guard.held_ms, 20000, 45000);
	told(&act_again);
}

static void a_console_obeys_itself(void **state)
{
	(void)state;
	at_one_percent(&console);
	assert_int_equal(site_standing(d)->owner, OWNER_CONSOLE);
	struct act_view v = told(&hold_for_a_minute);
	assert_int_equal(v.decision.outcome, OUTCOME_APPLIED);
	assert_string_equal(v.decision.answer, "kim@ops1 obeys");
	assert_in_range(site_standing(d)->pool_guard.held_ms, 50000, 60000);
	assert_non_null(strstr(site_standing(d)->guard_text, "guard: console, only holds for"));
	/* Also in its next life. */
	site_close(&s, d);
	d = site_open(&s, &console);
	node->error_rate[ARM_V2] = 0.5;
	site_run(&s, 40000);
	assert_true(fake_is_held(node));
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 0);
	told(&act_again);
	assert_true(site_until(&s, d, STATE_ROLLED_BACK, 10000));
}

/* The guard of a console is told at that console: another process cannot, and says so. */
static void another_consoles_guard_is_not_told(void **state)
{
	(void)state;
	at_one_percent(&ana);
	d = site_open(&s, &one_shot);
	site_run(&s, 1500);
	struct act_result r = site_ask(&s, d, &hold_for_a_minute);
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.err.code, ERR_LIMIT);
	assert_non_null(strstr(r.err.text, "a console is told there"));
}

/* ---- one node's guard ---- */

static void one_nodes_rollback_is_the_pools(void **state)
{
	(void)state;
	d = site_open(&s, &console);
	site_step(&s, d, 100);
	s.node[1]->error_rate[ARM_V2] = 0.9;
	assert_true(site_until(&s, d, STATE_ROLLED_BACK, s.limits.window_ms));
	for (int k = 0; k < 3; k++) {
		assert_int_equal(fake_share_bp(s.node[k]), 0);
		assert_int_equal(acts_of(s.node[k], VERB_ROLLBACK), 1);
	}
	const struct decision *carried = site_last(d, VERB_ROLLBACK);
	for (size_t i = 0; carried->observed && i < site_pool(d)->decision_count; i++)
		if (site_pool(d)->decisions[i].verb == VERB_ROLLBACK &&
			!site_pool(d)->decisions[i].observed)
			carried = &site_pool(d)->decisions[i];
	assert_string_equal(carried->role, "guard");
	assert_string_equal(carried->actor, "kim@ops1");
	assert_non_null(strstr(carried->reason, "carried on"));
	assert_true(carried->verified_ms != UNKNOWN);
	site_run(&s, 30000);
	for (int k = 0; k < 3; k++)
		assert_int_equal(acts_of(s.node[k], VERB_ROLLBACK), 1);
}

static void a_person_who_steps_again_is_not_undone(void **state)
{
	(void)state;
	struct desk *once = site_open(&s, &one_shot);
	site_step(&s, once, 100);
	s.node[1]->error_rate[ARM_V2] = 0.9;
	site_run(&s, 30000);
	assert_int_equal(fake_share_bp(s.node[1]), 0);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	site_close(&s, once);
	s.node[1]->error_rate[ARM_V2] = 0;
	site_run(&s, 65000); /* what its own guard has seen has passed */
	for (int k = 0; k < 3; k++) {
		fake_advance(s.node[k], s.now);
		if (fake_is_held(s.node[k]))
			assert_int_equal(
				fake_act(s.node[k], "ana@ops2", "k-0", VERB_RESUME, -1, "seen"), 200);
		assert_int_equal(fake_act(s.node[k], "ana@ops2", "k-1", VERB_STEP, 1000, "again"), 200);
	}
	d = site_open(&s, &console);
	site_run(&s, 20000);
	for (int k = 0; k < 3; k++) {
		assert_int_equal(fake_share_bp(s.node[k]), 1000);
		assert_int_equal(acts_of(s.node[k], VERB_ROLLBACK), 0);
	}
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)
#define AT_THREE(test) cmocka_unit_test_setup_teardown(test, sit_down_at_three, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(a_recorder_rolls_back_and_is_the_only_one),
		AT_ONE(a_console_acts_while_nobody_else_does),
		AT_ONE(two_consoles_are_harmless),
		AT_ONE(two_consoles_of_one_history_decide_once),
		AT_ONE(a_press_that_is_joined_has_its_outcome),
		AT_ONE(another_s_rollback_is_verified_here_too),
		AT_ONE(what_one_console_decided_another_sends),
		AT_ONE(where_nobody_would_roll_back_nothing_is_raised),
		AT_ONE(a_console_is_good_for_ten_percent),
		AT_ONE(a_recorder_that_ends_leaves_it_to_the_console),
		AT_ONE(a_recorder_that_hangs_is_not_believed),
		AT_ONE(two_recorders_are_one_owner),
		AT_ONE(without_a_plan_no_guard_acts),
		AT_ONE(who_only_looks_does_not_guard),
		AT_ONE(both_sides_hold_once),
		AT_ONE(an_action_may_be_to_hold_or_to_warn),
		AT_ONE(a_rollback_that_is_lost_is_pressed_on),
		AT_ONE(a_recorder_is_told_to_hold_for_a_time),
		AT_ONE(a_newer_order_replaces_it),
		AT_ONE(an_order_outlives_its_recorder),
		AT_ONE(what_a_recorder_cannot_hear_is_not_done),
		AT_ONE(what_was_given_up_is_not_obeyed_later),
		AT_ONE(an_order_that_was_left_is_settled),
		AT_ONE(a_console_obeys_itself),
		AT_ONE(another_consoles_guard_is_not_told),
		AT_THREE(one_nodes_rollback_is_the_pools),
		AT_THREE(a_person_who_steps_again_is_not_undone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
