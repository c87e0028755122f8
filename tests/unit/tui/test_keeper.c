/* What a desk does by itself beside guarding: it keeps raises whose bake has passed, or leaves them
 * to go back, and renews its lease. What it does about guards is in test_guarding.c. */
#include "model/text.h"
#include "tests/lib/seat.h"
#include "tui/drill.h"

#include <string.h>

static const struct site_desk console = {.actor = "kim@ops1", .file = "h.db", .console = true};
static const struct site_desk one_shot = {.actor = "kim@ops1", .file = "h.db"};
static const struct site_desk ana = {.actor = "ana@ops2", .file = "a.db", .console = true};
static const struct site_desk recorder = {
	.actor = "rec@ops1", .file = "r.db", .record = true, .guard = true};

static void a_migration_goes_to_the_end_and_back(void **state)
{
	(void)state;
	static const int shares[] = {100, 1000, 5000, 10000};
	s.node[0]->rate = 1000;
	d = site_open(&s, &console);
	for (int i = 0; i < 4; i++) {
		site_step(&s, d, shares[i]);
		/* What is not next, not baked, is refused with all reasons. */
		struct act_result r = site_act(&s, d, VERB_STEP, i < 3 ? shares[i + 1] : 10000, "");
		if (i < 3) {
			assert_int_equal(r.status, ACT_REFUSED);
			assert_true(r.interlock.failing & 1u << PREDICATE_BAKE);
		} else {
			assert_int_equal(r.status, ACT_ALREADY);
		}
		assert_true(site_until(&s, d, i < 3 ? STATE_READY : STATE_COMPLETE, 60000));
		site_run(&s, 1000); /* by then the raise is kept */
		assert_false(site_standing(d)->keep.on);
	}
	assert_int_equal(fake_share_bp(s.node[0]), 10000);
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "practice");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(site_done(&s, d, r.id, 5000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	/* Four steps, four keeps, one rollback. */
	assert_int_equal(s.node[0]->commands, 9);
}

/* ---- keep ---- */

static int keeps(void)
{
	int n = 0;
	for (int i = 0; i < node->got_count; i++)
		n += node->got[i].verb == VERB_KEEP;
	return n;
}

/* One percent, asked for by a command that ends as soon as it is seen. */
static void step_and_end(void)
{
	struct desk *once = site_open(&s, &one_shot);
	site_step(&s, once, 100);
	site_close(&s, once);
}

/* Time for the pool alone: nobody looks. */
static void nobody_for(int64_t ms)
{
	site_run(&s, ms);
	fake_advance(node, s.now);
}

static void a_console_keeps_its_own_raise_after_the_bake(void **state)
{
	(void)state;
	struct decision row;
	d = site_open(&s, &console);
	site_step(&s, d, 100);
	site_run(&s, 9000);
	assert_true(fake_keep(node).on);
	assert_int_equal(keeps(), 0);
	assert_int_equal(site_act(&s, d, VERB_KEEP, -1, "").status, ACT_REFUSED);
	site_run(&s, 3000);
	assert_false(fake_keep(node).on);
	assert_int_equal(keeps(), 1);
	const struct decision *keep = site_last(d, VERB_KEEP);
	assert_non_null(keep);
	assert_string_equal(keep->role, "keeper");
	assert_string_equal(keep->actor, "kim@ops1");
	assert_int_equal(keep->outcome, OUTCOME_APPLIED);
	assert_int_equal(site_standing(d)->kept_bp, 100);
	assert_true(site_record(&s, "h.db", keep->id, &row));
	assert_string_equal(row.role, "keeper");
	assert_int_equal(row.verb, VERB_KEEP);
	/* Once. */
	site_run(&s, 150000);
	assert_int_equal(keeps(), 1);
	assert_int_equal(fake_share_bp(node), 100);
}

static void anothers_console_keeps_nothing(void **state)
{
	(void)state;
	step_and_end();
	d = site_open(&s, &ana);
	site_run(&s, 60000);
	assert_int_equal(keeps(), 0);
	assert_true(fake_keep(node).on);
	/* A person may: the bake has passed. */
	struct act_result r = site_act(&s, d, VERB_KEEP, -1, "");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(site_done(&s, d, r.id, 2000));
	assert_false(fake_keep(node).on);
	assert_string_equal(site_last(d, VERB_KEEP)->role, "operator");
}

static void a_recorder_that_guards_keeps_anyones(void **state)
{
	(void)state;
	step_and_end();
	d = site_open(&s, &recorder);
	site_run(&s, 12000);
	assert_int_equal(keeps(), 1);
	assert_false(fake_keep(node).on);
	assert_string_equal(site_last(d, VERB_KEEP)->actor, "rec@ops1");
}

static void who_only_looks_keeps_nothing(void **state)
{
	(void)state;
	const struct site_desk lookers[] = {
		{.actor = "kim@ops1", .file = "h.db", .console = true, .read_only = true},
		{.actor = "kim@ops1", .file = "h.db", .guard = true, .passive = true},
		{.actor = "kim@ops1", .file = "h.db"},
	};
	step_and_end();
	for (int i = 0; i < 3; i++) {
		d = site_open(&s, &lookers[i]);
		site_run(&s, 20000);
		assert_int_equal(keeps(), 0);
		assert_true(fake_keep(node).on);
		site_close(&s, d);
	}
}

static void what_is_not_green_is_not_kept(void **state)
{
	(void)state;
	node->guards = false;
	d = site_open(&s, &console);
	node->no_quantiles = true;
	site_step(&s, d, 100);
	site_run(&s, 70000);
	assert_int_equal(site_standing(d)->guard.state, GUARD_UNKNOWN);
	assert_int_equal(keeps(), 0);
	node->no_quantiles = false;
	/* After so long a doubt the bake may begin anew. */
	for (int64_t ms = 0; ms < 30000 && keeps() == 0; ms += 1000)
		site_run(&s, 1000);
	assert_int_equal(site_standing(d)->guard.state, GUARD_GREEN);
	assert_int_equal(keeps(), 1);
}

static void a_hold_stops_the_time_and_the_keeping(void **state)
{
	(void)state;
	d = site_open(&s, &console);
	site_step(&s, d, 100);
	site_run(&s, 5000);
	assert_true(site_done(&s, d, site_act(&s, d, VERB_HOLD, -1, "lunch").id, 2000));
	site_run(&s, 200000);
	assert_int_equal(keeps(), 0);
	assert_true(fake_keep(node).on);
	assert_int_equal(fake_keep(node).left_ms, UNKNOWN);
	assert_int_equal(fake_share_bp(node), 100);
	assert_true(site_done(&s, d, site_act(&s, d, VERB_RESUME, -1, "").id, 2000));
	site_run(&s, 2000);
	assert_int_equal(keeps(), 1);
	assert_false(fake_keep(node).on);
}

/* What reached nobody is tried again. */
static void a_keep_that_was_lost_is_tried_again(void **state)
{
	(void)state;
	d = site_open(&s, &console);
	site_step(&s, d, 100);
	node->lose_before = 1;
	site_run(&s, 30000);
	assert_int_equal(keeps(), 2);
	assert_false(fake_keep(node).on);
}

static void what_nobody_keeps_goes_back(void **state)
{
	(void)state;
	step_and_end();
	int64_t epoch = fake_epoch(node);
	nobody_for(125000);
	assert_int_equal(fake_share_bp(node), 100);
	nobody_for(7000);
	assert_int_equal(fake_share_bp(node), 0);
	assert_int_equal(fake_epoch(node), epoch + 1);
	assert_true(fake_is_held(node));
	d = site_open(&s, &console);
	site_run(&s, 2000);
	assert_int_equal(now_is(), STATE_HELD);
	assert_true(site_standing(d)->went_back);
	assert_non_null(strstr(site_standing(d)->headline.text, "went back"));
	assert_int_equal(site_act(&s, d, VERB_STEP, 100, "").status, ACT_REFUSED);
	struct act_result r = site_act(&s, d, VERB_RESUME, -1, "seen");
	assert_true(site_done(&s, d, r.id, 2000));
	site_run(&s, 1000);
	assert_false(site_standing(d)->went_back);
	site_step(&s, d, 100);
	site_run(&s, 30000);
	assert_false(fake_keep(node).on);
	assert_int_equal(now_is(), STATE_READY);
}

static void an_orphan_may_stay_with_hold_on(void **state)
{
	(void)state;
	s.plan.on_orphan = ORPHAN_HOLD;
	step_and_end();
	nobody_for(132000);
	assert_int_equal(fake_share_bp(node), 100);
	assert_true(fake_is_held(node));
	d = site_open(&s, &console);
	site_run(&s, 2000);
	assert_int_equal(now_is(), STATE_HELD);
	assert_int_equal(keeps(), 0);
	assert_true(site_done(&s, d, site_act(&s, d, VERB_RESUME, -1, "").id, 2000));
	site_run(&s, 10000);
	assert_int_equal(keeps(), 1);
	assert_int_equal(fake_share_bp(node), 100);
}

static void a_console_that_comes_back_keeps_what_its_actor_raised(void **state)
{
	(void)state;
	step_and_end();
	nobody_for(60000);
	d = site_open(&s, &console);
	site_run(&s, 3000);
	assert_int_equal(keeps(), 1);
	assert_false(fake_keep(node).on);
	nobody_for(100000);
	assert_int_equal(fake_share_bp(node), 100);
}

static void by_hand_nothing_goes_back(void **state)
{
	(void)state;
	s.plan.policy = *policy_builtin(POLICY_MANUAL);
	step_and_end();
	assert_false(fake_keep(node).on);
	nobody_for(200000);
	assert_int_equal(fake_share_bp(node), 100);
}

/* ---- lease ---- */

static const char *holder(void)
{
	static char name[POOL_ACTOR_MAX];
	struct lease l = fake_lease(node);
	text_copy(name, sizeof name, l.holder);
	return name;
}

static void a_lease_is_renewed_and_given_back_when_idle(void **state)
{
	(void)state;
	d = site_open(&s, &console);
	site_run(&s, 5000);
	assert_int_equal(node->leases, 0);
	site_step(&s, d, 100);
	assert_string_equal(holder(), "kim@ops1");
	int leases = node->leases;
	site_run(&s, 60000);
	assert_int_equal(node->leases, leases + 6);
	assert_string_equal(holder(), "kim@ops1");
	assert_true(site_standing(d)->lease_mine);
	site_run(&s, 9 * 60000 - 2000);
	assert_string_equal(holder(), "kim@ops1");
	site_run(&s, 4000);
	assert_string_equal(holder(), "");
	leases = node->leases;
	site_run(&s, 30000);
	assert_int_equal(node->leases, leases);
}

static void who_leaves_gives_it_back(void **state)
{
	(void)state;
	d = site_open(&s, &one_shot);
	desk_leave(d, s.now);
	assert_true(desk_left(d)); /* nothing was held */
	site_step(&s, d, 100);
	assert_string_equal(holder(), "kim@ops1");
	desk_leave(d, s.now);
	assert_false(desk_left(d));
	site_settle(&s);
	assert_true(desk_left(d));
	assert_string_equal(holder(), "");
}

static void who_dies_holds_it_for_half_a_minute(void **state)
{
	(void)state;
	step_and_end();
	nobody_for(25000);
	assert_string_equal(holder(), "kim@ops1");
	nobody_for(6000);
	assert_string_equal(holder(), "");
}

static void what_was_taken_is_not_renewed(void **state)
{
	(void)state;
	d = site_open(&s, &console);
	site_ready(&s, d, 100);
	assert_int_equal(fake_act(node, "ana@ops2", "k-1", VERB_TAKE, -1, "mine"), 200);
	site_run(&s, 2000);
	assert_false(site_standing(d)->lease_mine);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_LEASE].state, CHECK_FAILS);
	assert_int_equal(r.interlock.check[PREDICATE_LEASE].code, ERR_LEASE);
	assert_non_null(strstr(r.interlock.check[PREDICATE_LEASE].text, "ana@ops2"));
	int leases = node->leases;
	site_run(&s, 60000);
	assert_int_equal(node->leases, leases);
	assert_string_equal(holder(), "");
	/* It is free, and taken with the next step. */
	site_step(&s, d, 1000);
	assert_string_equal(holder(), "kim@ops1");
}

static void a_rollback_ends_it(void **state)
{
	(void)state;
	d = site_open(&s, &console);
	site_step(&s, d, 100);
	site_run(&s, 9900); /* a renewal is due */
	int leases = node->leases;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_true(site_done(&s, d, r.id, 3000));
	assert_string_equal(holder(), "");
	site_run(&s, 60000);
	assert_int_equal(node->leases, leases);
}

/* ---- drills ---- */

static struct act_result begin_drill(struct desk *at)
{
	struct act_request what;
	struct err err;
	assert_int_equal(drill_request(&what, site_pool(at), &err), 0);
	return site_ask(&s, at, &what);
}

static void a_console_walks_a_drill_back_by_itself(void **state)
{
	(void)state;
	d = site_open(&s, &console);
	struct act_result r = begin_drill(d);
	assert_int_equal(r.status, ACT_BEGUN);
	site_run(&s, 3000);
	const struct decision *back = site_last(d, VERB_ROLLBACK);
	assert_non_null(back);
	assert_string_equal(back->role, DRILL_ROLE);
	assert_string_equal(back->reason, "drill");
	assert_int_equal(fake_share_bp(node), 0);
	assert_true(site_standing(d)->drilled.age_ms != UNKNOWN);
	/* Once. */
	int commands = node->commands;
	site_run(&s, 120000);
	assert_int_equal(node->commands, commands);
}

/* A drill whose process ended behind its step. */
static void leave_drill(void)
{
	struct desk *once = site_open(&s, &one_shot);
	struct act_result r = begin_drill(once);
	assert_true(site_done(&s, once, r.id, 5000));
	site_close(&s, once);
	assert_int_equal(fake_share_bp(node), 100);
}

static void a_drill_that_was_left_goes_back_after_a_minute(void **state)
{
	(void)state;
	leave_drill();
	d = site_open(&s, &console);
	site_run(&s, 1000);
	assert_memory_equal(site_standing(d)->headline.text,
		"Drill of kim@ops1 is at 1 %, and goes back, at the latest in 02:0", 65);
	site_run(&s, 50000);
	assert_int_equal(fake_share_bp(node), 100);
	site_run(&s, 15000);
	assert_int_equal(fake_share_bp(node), 0);
	assert_string_equal(site_last(d, VERB_ROLLBACK)->reason, "a drill was left at its step");
}

static void anothers_drill_is_left_to_the_recorder(void **state)
{
	(void)state;
	leave_drill();
	struct desk *hers = site_open(&s, &(struct site_desk){"ana@ops2", "h.db", .console = true});
	site_run(&s, 80000);
	assert_int_equal(fake_share_bp(node), 100);
	site_close(&s, hers);
	d = site_open(&s, &(struct site_desk){"rec@ops1", "h.db", .record = true, .guard = true});
	site_run(&s, 3000);
	assert_int_equal(fake_share_bp(node), 0);
	assert_string_equal(site_last(d, VERB_ROLLBACK)->role, DRILL_ROLE);
}

static void what_a_drill_cannot_walk(void **state)
{
	(void)state;
	struct act_request what;
	struct err err;
	/* At the first step already it only goes back; above it not at all. */
	d = site_open(&s, &console);
	site_ready(&s, d, 100);
	assert_int_equal(drill_request(&what, site_pool(d), &err), 0);
	assert_int_equal(what.verb, VERB_ROLLBACK);
	site_step(&s, d, 1000);
	assert_int_equal(drill_request(&what, site_pool(d), &err), -1);
	assert_int_equal(err.code, ERR_NEXT);
	site_close(&s, d);
	s.has_plan = false;
	d = site_open(&s, &console);
	assert_int_equal(drill_request(&what, site_pool(d), &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(a_migration_goes_to_the_end_and_back),
		AT_ONE(a_console_keeps_its_own_raise_after_the_bake),
		AT_ONE(anothers_console_keeps_nothing),
		AT_ONE(a_recorder_that_guards_keeps_anyones),
		AT_ONE(who_only_looks_keeps_nothing),
		AT_ONE(what_is_not_green_is_not_kept),
		AT_ONE(a_hold_stops_the_time_and_the_keeping),
		AT_ONE(a_keep_that_was_lost_is_tried_again),
		AT_ONE(what_nobody_keeps_goes_back),
		AT_ONE(an_orphan_may_stay_with_hold_on),
		AT_ONE(a_console_that_comes_back_keeps_what_its_actor_raised),
		AT_ONE(by_hand_nothing_goes_back),
		AT_ONE(a_lease_is_renewed_and_given_back_when_idle),
		AT_ONE(who_leaves_gives_it_back),
		AT_ONE(who_dies_holds_it_for_half_a_minute),
		AT_ONE(what_was_taken_is_not_renewed),
		AT_ONE(a_rollback_ends_it),
		AT_ONE(a_console_walks_a_drill_back_by_itself),
		AT_ONE(a_drill_that_was_left_goes_back_after_a_minute),
		AT_ONE(anothers_drill_is_left_to_the_recorder),
		AT_ONE(what_a_drill_cannot_walk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
