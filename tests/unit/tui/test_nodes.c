/* Acts at a pool of three nodes: each has a leg of its own, nobody waits for another, and all have
 * to be seen. */
#include "model/text.h"
#include "tests/lib/seat.h"

#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
static const struct site_desk console = {.actor = "kim@ops1", .file = "h.db", .console = true};

static int acts_of(const struct fake *f, enum verb verb)
{
	int n = 0;
	for (int i = 0; i < f->got_count; i++)
		n += f->got[i].verb == verb;
	return n;
}

/* Three nodes at 1 %. */
static void at_one_percent(const struct site_desk *how)
{
	d = site_open(&s, how);
	site_step(&s, d, 100);
}

/* ---- rollback ---- */

static void a_rollback_in_three_places_waits_for_none_and_needs_all(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	for (int k = 0; k < 3; k++)
		assert_int_equal(fake_share_bp(s.node[k]), 100);
	s.node[1]->silent = true;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 3000);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(fake_share_bp(s.node[2]), 0);
	assert_int_equal(fake_share_bp(s.node[1]), 100);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_SENT);
	assert_int_equal(now_is(), STATE_ROLLING_BACK);
	assert_true(s.node[1]->commands > 3);
	s.node[1]->silent = false;
	assert_true(site_done(&s, d, r.id, 60000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	for (int k = 0; k < 3; k++)
		assert_int_equal(fake_share_bp(s.node[k]), 0);
}

/* A node that is known by another pool's name already is that pool's: a brake by this one is meant for
 * it, and goes there. Nothing else does. */
static void a_brake_goes_to_a_node_under_its_second_name(void **state)
{
	(void)state;
	text_copy(s.node[1]->counts->pool_id, POOL_ID_MAX, node->counts->pool_id);
	text_copy(s.node[1]->counts->node_id, POOL_ID_MAX, node->counts->node_id);
	d = site_open(&s, &kim);
	site_run(&s, 2000);
	assert_true(desk_model(d)->pools[1].nodes[0].foreign);
	struct act_request r = {.verb = VERB_STEP, .pool = 1, .to_bp = 100};
	assert_int_equal(site_ask(&s, d, &r).status, ACT_REFUSED);
	r = (struct act_request){.verb = VERB_ROLLBACK, .pool = 1, .to_bp = -1};
	struct act_result result = site_ask(&s, d, &r);
	assert_true(site_done(&s, d, result.id, 10000));
	assert_int_equal(acts_of(s.node[1], VERB_ROLLBACK), 1);
	assert_true(site_view(d, result.id).decision.verified_ms != UNKNOWN);
	assert_int_equal(acts_of(node, VERB_ROLLBACK), 0);
}

static void it_is_shown_how_many_have_been_seen(void **state)
{
	(void)state;
	at_one_percent(&kim);
	site_run(&s, 2000);
	s.node[1]->leak_bp = 5000; /* v2 never rests there */
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 3000);
	assert_int_equal(now_is(), STATE_RB_UNVERIFIED);
	assert_int_equal(site_standing(d)->seen_nodes, 2);
	assert_int_equal(site_standing(d)->headline.level, LEVEL_ACT);
	assert_int_equal(site_view(d, r.id).decision.verified_ms, UNKNOWN);
	assert_string_equal(site_view(d, r.id).decision.answer, "3 of 3 nodes");
	s.node[1]->leak_bp = -1;
	assert_true(site_done(&s, d, r.id, 3000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	assert_true(site_view(d, r.id).decision.verified_ms != UNKNOWN);
}

static void a_node_that_refuses_is_pressed_without_end(void **state)
{
	(void)state;
	at_one_percent(&console);
	site_run(&s, 30000); /* it is kept: nothing goes back by itself */
	int before = s.node[0]->commands;
	s.node[1]->refuse = ERR_DISK;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 60000);
	int tries = s.node[1]->commands;
	for (int minute = 0; minute < 3; minute++) {
		site_run(&s, 61000);
		assert_true(s.node[1]->commands >= tries + 2); /* at most 30 s apart */
		tries = s.node[1]->commands;
		assert_int_equal(now_is(), STATE_ROLLING_BACK);
	}
	assert_int_equal(s.node[0]->commands, before + 1);
	assert_int_equal(s.node[2]->commands, before + 1);
	for (int i = before; i < s.node[1]->got_count; i++)
		assert_string_equal(s.node[1]->got[i].id, r.id);
	s.node[1]->refuse = ERR_NONE;
	assert_true(site_done(&s, d, r.id, 35000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

static void a_node_restarts_in_the_middle(void **state)
{
	(void)state;
	at_one_percent(&kim);
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 200);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_WATCHING);
	fake_restart_stored(s.node[1]);
	assert_true(site_done(&s, d, r.id, 5000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
	for (int k = 0; k < 3; k++)
		assert_int_equal(fake_share_bp(s.node[k]), 0);
}

/* The console ends with one node still silent; the next one goes on with that node. */
static void a_console_restarts_in_the_middle(void **state)
{
	(void)state;
	at_one_percent(&kim);
	s.node[1]->silent = true;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 1000);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(fake_share_bp(s.node[1]), 100);
	site_close(&s, d);
	s.node[1]->silent = false;
	d = site_open(&s, &kim);
	assert_int_equal(now_is(), STATE_ROLLING_BACK);
	site_run(&s, 10000);
	assert_int_equal(fake_share_bp(s.node[1]), 0);
	assert_string_equal(s.node[1]->got[s.node[1]->got_count - 1].id, r.id);
	/* Where it has gone by it is asked for, never sent again. */
	assert_true(site_done(&s, d, r.id, 70000));
	assert_int_equal(acts_of(s.node[0], VERB_ROLLBACK), 1);
	assert_int_equal(acts_of(s.node[2], VERB_ROLLBACK), 1);
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* It ended before anything left, and one node does not answer the next one: the others do not wait
 * for it. */
static void found_open_reachable_nodes_wait_for_none(void **state)
{
	(void)state;
	at_one_percent(&kim);
	for (int k = 0; k < 3; k++)
		s.node[k]->lose_before = 1000;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 1000);
	site_close(&s, d);
	for (int k = 0; k < 3; k++)
		s.node[k]->lose_before = 0;
	s.node[1]->silent = true;
	d = site_open(&s, &kim);
	site_run(&s, 6000);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(fake_share_bp(s.node[2]), 0);
	assert_int_equal(fake_share_bp(s.node[1]), 100);
	assert_int_equal(now_is(), STATE_ROLLING_BACK);
	assert_int_equal(site_view(d, r.id).progress, PROGRESS_ASKING);
	s.node[1]->silent = false;
	assert_true(site_done(&s, d, r.id, 40000));
	assert_int_equal(fake_share_bp(s.node[1]), 0);
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

/* One moved on meanwhile: there it is asked for; the others get it. */
static void found_open_it_goes_only_to_those_that_have_not_moved(void **state)
{
	(void)state;
	at_one_percent(&kim);
	for (int k = 0; k < 3; k++)
		s.node[k]->lose_before = 1000;
	struct act_result r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	site_run(&s, 1000);
	site_close(&s, d);
	for (int k = 0; k < 3; k++)
		s.node[k]->lose_before = 0;
	assert_int_equal(fake_act(s.node[2], "ana@ops2", "k-1", VERB_STEP, 1000, "mine"), 200);
	int commands = s.node[2]->commands;
	d = site_open(&s, &kim);
	assert_true(site_done(&s, d, r.id, 80000));
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(fake_share_bp(s.node[1]), 0);
	assert_int_equal(fake_share_bp(s.node[2]), 1000);
	assert_int_equal(s.node[2]->commands, commands);
	assert_non_null(strstr(site_view(d, r.id).decision.answer, "PARTIAL 2/3"));
}

/* ---- steps ---- */

static void a_step_that_only_some_took_is_partial(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	s.node[2]->refuse = ERR_LIMIT;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_true(site_done(&s, d, r.id, 3000));
	struct act_view v = site_view(d, r.id);
	assert_int_equal(v.decision.outcome, OUTCOME_REFUSED);
	assert_non_null(strstr(v.decision.answer, "PARTIAL 2/3"));
	site_run(&s, 2000);
	assert_int_equal(now_is(), STATE_HELD);
	assert_true(site_standing(d)->mixed);
	s.node[2]->refuse = ERR_NONE;
	r = site_act(&s, d, VERB_ROLLBACK, -1, "");
	assert_true(site_done(&s, d, r.id, 5000));
	assert_int_equal(now_is(), STATE_ROLLED_BACK);
}

static void partly(const struct site_desk *how)
{
	d = site_open(&s, how);
	s.node[2]->refuse = ERR_LIMIT;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_true(site_done(&s, d, r.id, 3000));
	s.node[2]->refuse = ERR_NONE;
	site_run(&s, 2000);
	assert_int_equal(now_is(), STATE_HELD);
	assert_true(site_standing(d)->partial);
	assert_int_equal(site_standing(d)->nodes_took, 2);
}

static void what_only_some_took_goes_back_by_itself(void **state)
{
	(void)state;
	partly(&console);
	site_run(&s, 60000);
	for (int k = 0; k < 3; k++)
		assert_int_equal(acts_of(s.node[k], VERB_KEEP), 0);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	site_run(&s, 75000);
	for (int k = 0; k < 3; k++)
		assert_int_equal(fake_share_bp(s.node[k]), 0);
	assert_int_equal(now_is(), STATE_HELD);
	assert_true(site_standing(d)->went_back);
}

static void a_second_step_completes_it(void **state)
{
	(void)state;
	partly(&console);
	assert_int_equal(site_standing(d)->act, ACT_COMPLETE);
	assert_int_equal(site_standing(d)->next_bp, 100);
	site_step(&s, d, 100);
	for (int k = 0; k < 3; k++)
		assert_int_equal(fake_share_bp(s.node[k]), 100);
	assert_int_equal(acts_of(s.node[0], VERB_STEP), 1); /* not again */
	assert_int_equal(acts_of(s.node[1], VERB_STEP), 1);
	assert_int_equal(acts_of(s.node[2], VERB_STEP), 2);
	/* All of it is kept. */
	site_run(&s, 40000);
	for (int k = 0; k < 3; k++)
		assert_false(fake_keep(s.node[k]).on);
	assert_int_equal(now_is(), STATE_READY);
}

static void a_silent_node_locks_steps(void **state)
{
	(void)state;
	at_one_percent(&kim);
	assert_true(site_until(&s, d, STATE_READY, 60000));
	s.node[1]->silent = true;
	site_run(&s, 5000);
	struct act_result r = site_act(&s, d, VERB_STEP, 1000, "");
	assert_int_equal(r.status, ACT_REFUSED);
	assert_int_equal(r.interlock.check[PREDICATE_LIVE].code, ERR_NODES);
	assert_int_equal(site_standing(d)->nodes_live, 2);
}

static void one_nodes_lost_answer_is_asked_for_there_alone(void **state)
{
	(void)state;
	d = site_open(&s, &kim);
	s.node[1]->lose_after = 1;
	struct act_result r = site_act(&s, d, VERB_STEP, 100, "");
	assert_true(site_done(&s, d, r.id, 10000));
	assert_int_equal(site_view(d, r.id).decision.outcome, OUTCOME_APPLIED);
	assert_int_equal(s.node[0]->resolves, 0);
	assert_int_equal(s.node[1]->resolves, 1);
	for (int k = 0; k < 3; k++)
		assert_int_equal(s.node[k]->commands, 1);
}

#define AT_THREE(test) cmocka_unit_test_setup_teardown(test, sit_down_at_three, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_THREE(a_rollback_in_three_places_waits_for_none_and_needs_all),
		cmocka_unit_test_setup_teardown(
			a_brake_goes_to_a_node_under_its_second_name, sit_down_at_two_pools, leave),
		AT_THREE(it_is_shown_how_many_have_been_seen),
		AT_THREE(a_node_that_refuses_is_pressed_without_end),
		AT_THREE(a_node_restarts_in_the_middle),
		AT_THREE(a_console_restarts_in_the_middle),
		AT_THREE(found_open_reachable_nodes_wait_for_none),
		AT_THREE(found_open_it_goes_only_to_those_that_have_not_moved),
		AT_THREE(a_step_that_only_some_took_is_partial),
		AT_THREE(what_only_some_took_goes_back_by_itself),
		AT_THREE(a_second_step_completes_it),
		AT_THREE(a_silent_node_locks_steps),
		AT_THREE(one_nodes_lost_answer_is_asked_for_there_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
