/* Rows 68 to 72, 76, 77 and 79 of the fault catalogue, in one process on a virtual clock: persons, the
 * consoles of others and the ways back that are none. */
#include "tests/lib/seat.h"

#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
static const struct site_desk kim_console = {
	.actor = "kim@ops1", .file = "h.db", .console = true};
static const struct site_desk ana = {.actor = "ana@ops2", .file = "a.db", .console = true};

static void at_one_percent(const struct site_desk *how)
{
	d = site_open(&s, how);
	site_ready(&s, d, 100);
}

/* ---- 68: two persons step at once ---- */

static void row_68_two_persons_step_at_once(void **state)
{
	(void)state;
	/* both look at the same picture and press; neither has seen the other */
	d = site_open(&s, &kim);
	struct desk *other = site_open(&s, &ana);
	struct act_result a = site_act(&s, d, VERB_STEP, 100, "");
	struct act_result b = site_act(&s, other, VERB_STEP, 100, "");
	assert_int_equal(a.status, ACT_BEGUN);
	assert_int_equal(b.status, ACT_BEGUN);
	assert_true(site_done(&s, d, a.id, 10000));
	assert_true(site_done(&s, other, b.id, 10000));
	struct decision mine = site_view(d, a.id).decision,
					theirs = site_view(other, b.id).decision;
	assert_true((mine.outcome == OUTCOME_APPLIED) != (theirs.outcome == OUTCOME_APPLIED));
	bool won = mine.outcome == OUTCOME_APPLIED;
	assert_non_null(strstr(won ? theirs.answer : mine.answer, "W143"));
	assert_non_null(strstr(won ? theirs.answer : mine.answer, won ? "kim@ops1" : "ana@ops2"));
	assert_int_equal(fake_share_bp(node), 100);
	/* and the loser is told who holds the lease, and for how long, before the next press */
	struct desk *loser = won ? other : d;
	site_run(&s, 2000);
	assert_true(site_standing(loser)->lease.known);
	assert_false(site_standing(loser)->lease_mine);
	assert_in_range(site_standing(loser)->lease.ttl_ms, 1, LEASE_TTL_MS);
}

/* ---- 69: an old console wakes ---- */

static void row_69_an_old_console_wakes(void **state)
{
	(void)state;
	/* it slept with the lease; meanwhile another took it, rolled back and began anew */
	for (int looks = 0; looks < 2; looks++) {
		at_one_percent(&kim_console);
		assert_true(site_standing(d)->lease_mine);
		s.asleep[0] = true;
		struct desk *other = site_open(&s, &ana);
		struct act_result take = site_act(&s, other, VERB_TAKE, -1, "kim is away");
		assert_true(site_done(&s, other, take.id, 3000));
		struct act_result back = site_act(&s, other, VERB_ROLLBACK, -1, "");
		assert_true(site_done(&s, other, back.id, 5000));
		site_run(&s, 2000);
		site_step(&s, other, 100);
		int commands = node->commands, leases = node->leases;
		int64_t rev = fake_rev(node);
		s.asleep[0] = false;
		if (looks)
			site_run(&s, 2000);
		struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
		site_run(&s, 5000);
		if (r.status == ACT_BEGUN)
			assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_NOT_SENT);
		else
			assert_true(r.interlock.failing & 1u << PREDICATE_LEASE);
		assert_int_equal(node->commands, commands);
		assert_int_equal(node->leases, leases); /* the other's lasts, and is not asked for */
		assert_int_equal(fake_rev(node), rev);
		assert_false(site_standing(d)->lease_mine);
		leave(NULL);
		sit_down(NULL);
	}
}

static void row_69_its_old_command_arrives(void **state)
{
	(void)state;
	/* a pool without leases: what it knows of the old epoch refuses the command itself */
	node->no_lease = true;
	at_one_percent(&kim);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(fake_act(node, "ana@ops2", "k-b", VERB_ROLLBACK, -1, "no"), 200);
	site_settle(&s);
	struct act_view v = site_view(d, r.id);
	assert_int_not_equal(v.decision.outcome, OUTCOME_APPLIED);
	bool named = strstr(v.decision.answer, "W141") || strstr(v.decision.answer, "W140");
	assert_true(named);
	assert_int_equal(fake_share_bp(node), 0);
	site_run(&s, 3000);
	assert_int_equal(fake_share_bp(node), 0);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* ---- 70: a rollback gets half way ---- */

static void row_70_a_rollback_gets_half_way(void **state)
{
	(void)state;
	/* one node of three refuses it */
	at_one_percent(&kim);
	s.node[1]->refuse = ERR_DISK;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	for (int i = 0; i < 30; i++) {
		site_run(&s, 1000);
		assert_int_equal(now_is(), STATE_ROLLING_BACK);
		assert_int_equal(site_standing(d)->headline.level, LEVEL_ACT);
		assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_PENDING);
	}
	assert_int_equal(site_view(d, r.id).err.code, ERR_DISK);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(fake_share_bp(s.node[2]), 0);
	assert_true(site_standing(d)->mixed);
	s.node[1]->refuse = ERR_NONE;
	assert_true(site_done(&s, d, r.id, 40000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	assert_string_equal(site_view(d, r.id).decision.answer, "3 of 3 nodes");
}

/* ---- 71: the rollback itself is harmful ---- */

static void row_71_v1_is_red_when_it_is_pressed(void **state)
{
	(void)state;
	/* all the work would go to a v1 that fails half of it: said, and done all the same */
	s.limits.action = GUARD_ACTION_WARN;
	at_one_percent(&kim);
	node->error_rate[ARM_V1] = 0.5;
	site_run(&s, 20000);
	assert_true(site_standing(d)->guard.metric[METRIC_ERRORS].v1_red);
	assert_int_equal(site_act(&s, d, VERB_STEP, 1000, "").status, ACT_REFUSED);
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(r.status, ACT_BEGUN);
	site_settle(&s);
	assert_int_equal(fake_share_bp(node), 0);
	assert_true(site_done(&s, d, r.id, 5000));
}

static void row_71_no_worker_of_v1_is_left(void **state)
{
	(void)state;
	/* before arming: there is nobody to take the work back */
	fake_staff(node, ARM_V1, 0);
	d = site_open(&s, &kim);
	site_run(&s, 2000);
	assert_int_equal(now_is(), STATE_PLANNED);
	static const enum verb forward[] = {VERB_STEP, VERB_ARM};
	for (int i = 0; i < 2; i++) {
		struct act_result r = site_act(&s, d, forward[i], 100, "");
		assert_int_equal(r.status, ACT_REFUSED);
		assert_int_equal(r.interlock.check[PREDICATE_WAY_BACK].state, CHECK_FAILS);
		assert_int_equal(r.interlock.check[PREDICATE_WAY_BACK].code, ERR_WAY_BACK);
	}
	assert_int_equal(node->commands, 0);
	assert_int_equal(fake_audit_seq(node), 0);
	fake_staff(node, ARM_V1, 8);
	site_run(&s, 2000);
	assert_int_equal(now_is(), STATE_ARMED);
}

/* ---- 72: wrong target, wrong number ---- */

static void row_72_a_wrong_number_and_a_wrong_target(void **state)
{
	(void)state;
	/* 100 % for 10 %, a step too far, one that skips, none at all */
	static const int wrong[] = {10000, 5000, 1001, 999, 10001, -1, 101};
	at_one_percent(&kim);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct act_result r = site_act(&s, d, VERB_STEP, wrong[i], "");
		assert_int_equal(r.status, ACT_REFUSED);
		assert_true(r.interlock.failing & 1u << PREDICATE_NEXT);
		assert_int_equal(r.interlock.check[PREDICATE_NEXT].code, ERR_NEXT);
	}
	/* another pool at the address */
	fake_become(node, "shop-2");
	site_run(&s, 2000);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_IDENTITY].code, ERR_IDENTITY);
	assert_int_equal(node->commands, 1);
	assert_int_equal(fake_share_bp(node), 100);
}

/* ---- 76: the console dies ---- */

static void row_76_the_console_dies_and_v2_goes_bad(void **state)
{
	(void)state;
	/* at 10 % nobody looks any more: the pool's own guard is there still */
	at_one_percent(&kim_console);
	site_ready(&s, d, 1000);
	assert_int_equal(site_standing(d)->owner, OWNER_POOL);
	site_close(&s, d);
	node->error_rate[ARM_V2] = 0.5;
	site_run(&s, s.limits.window_ms);
	fake_advance(node, s.now);
	assert_int_equal(fake_share_bp(node), 0);
	d = site_open(&s, &kim_console);
	site_run(&s, 2000);
	const struct decision *back = site_last(d, VERB_ROLLBACK);
	assert_string_equal(back->actor, POOL_ACTOR);
	assert_true(back->observed);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* ---- 77: the console shares the target's fate ---- */

static void row_77_a_dead_pool_delays_no_other(void **state)
{
	(void)state;
	/* one of two pools stops answering; the other is looked at and moved as before */
	d = site_open(&s, &kim);
	const struct pool *both = desk_model(d)->pools;
	struct act_request step = {.verb = VERB_STEP, .pool = 1, .to_bp = 100};
	struct act_result r;
	node->silent = true;
	site_run(&s, 120000);
	assert_int_equal(both[0].standing.freshness, FRESHNESS_LOST);
	int polls = s.node[1]->polls;
	for (int i = 0; i < 60; i++) {
		site_run(&s, 1000);
		assert_int_equal(both[1].standing.freshness, FRESHNESS_LIVE);
	}
	assert_in_range(s.node[1]->polls - polls, 59, 61);
	step.shown_epoch = both[1].standing.epoch;
	step.shown_rev = both[1].standing.rev;
	desk_act(d, &step, s.now, &r);
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(site_done(&s, d, r.id, 1000));
	assert_int_equal(fake_share_bp(s.node[1]), 100);
	struct act_result back[2];
	for (int k = 0; k < 2; k++) {
		desk_act(d, &(struct act_request){.verb = VERB_ROLLBACK, .pool = k}, s.now, &back[k]);
		assert_int_equal(back[k].status, ACT_BEGUN);
	}
	site_settle(&s); /* no time passes */
	assert_int_equal(fake_share_bp(s.node[1]), 0);
	assert_true(site_done(&s, d, back[1].id, 2000));
}

/* ---- 79: nodes run different builds ---- */

static void row_79_nodes_run_different_builds(void **state)
{
	(void)state;
	/* one of three still has the old one */
	at_one_percent(&kim);
	fake_upgrade(s.node[0], "1.1");
	fake_upgrade(s.node[1], "1.1");
	site_run(&s, 2000);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_IDENTITY].state, CHECK_FAILS);
	assert_int_equal(r.interlock.check[PREDICATE_IDENTITY].code, ERR_BUILD);
	r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_int_equal(r.status, ACT_BEGUN);
	assert_true(site_done(&s, d, r.id, 5000));
	fake_upgrade(s.node[2], "1.1");
	site_run(&s, 2000);
	site_step(&s, d, 100);
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)
#define AT_TWO(test) cmocka_unit_test_setup_teardown(test, sit_down_at_two_pools, leave)
#define AT_THREE(test) cmocka_unit_test_setup_teardown(test, sit_down_at_three, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(row_68_two_persons_step_at_once),
		AT_ONE(row_69_an_old_console_wakes),
		AT_ONE(row_69_its_old_command_arrives),
		AT_THREE(row_70_a_rollback_gets_half_way),
		AT_ONE(row_71_v1_is_red_when_it_is_pressed),
		AT_ONE(row_71_no_worker_of_v1_is_left),
		AT_ONE(row_72_a_wrong_number_and_a_wrong_target),
		AT_ONE(row_76_the_console_dies_and_v2_goes_bad),
		AT_TWO(row_77_a_dead_pool_delays_no_other),
		AT_THREE(row_79_nodes_run_different_builds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
