/* Model: who may move a share and what moves by itself: lease, keep, plan, and the guard's
 * owner. */
#include "tests/unit/model/bed.h"

/* ---- lease, keep, plan, guard: who may move it and what moves by itself ---- */

static void test_lease(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	struct interlock_facts f;
	virtual_run(v, 1000);
	facts_of(v, VERB_STEP, 100, &f);
	assert_false(s->lease.known || s->lease_mine || f.lease_asked);
	for (int k = 0; k < 2; k++)
		virtual_lease(v, k, "", UNKNOWN);
	virtual_poll(v);
	facts_of(v, VERB_STEP, 100, &f);
	assert_true(s->lease.known && f.lease_asked && !f.lease_mine && !f.lease_holder[0]);
	/* mine on one node is free on the other */
	virtual_lease(v, 1, "kim@ops1", 20000);
	virtual_poll(v);
	facts_of(v, VERB_STEP, 100, &f);
	assert_string_equal(s->lease.holder, "kim@ops1");
	assert_true(!s->lease_mine && !f.lease_holder[0]);
	virtual_lease(v, 0, "kim@ops1", 25000);
	virtual_poll(v);
	assert_true(s->lease_mine);
	/* another's matters most, and runs out with the age of the news */
	virtual_lease(v, 1, "ana@ops2", 24000);
	virtual_poll(v);
	virtual_wait(v, 1500);
	virtual_tick(v);
	facts_of(v, VERB_STEP, 100, &f);
	assert_false(s->lease_mine);
	assert_string_equal(f.lease_holder, "ana@ops2");
	assert_true(f.lease_left_ms == 22500);
	assert_true(fails(v, PREDICATE_LEASE));
	virtual_wait(v, 60000);
	virtual_tick(v);
	assert_true(s->lease.ttl_ms == 0);
	/* one node that has no leases hides no other's that another node tells of */
	v->node[0].s->lease.known = false;
	virtual_poll(v);
	assert_false(s->lease_mine);
	assert_true(s->lease.known && strcmp(s->lease.holder, "ana@ops2") == 0);
}

static void test_armed(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	virtual_run(v, 1000);
	assert_false(s->armed);
	for (int k = 0; k < 2; k++) {
		text_copy(v->node[k].s->plan_hash, sizeof v->node[k].s->plan_hash, "hash");
		v->node[k].s->baseline_bp = 0;
	}
	virtual_poll(v);
	assert_true(s->armed);
	text_copy(v->node[1].s->plan_hash, sizeof v->node[1].s->plan_hash, "other");
	virtual_poll(v);
	assert_false(s->armed);
}

static bool keeps(const struct virtual *v, bool keeper)
{
	return pool_keeps(&v->m, virtual_pool(v), keeper);
}

static void test_a_raise_is_kept(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	virtual_pool(v)->plan.steps[1].for_ms = 60000;
	v->rate = 1000;
	virtual_history_opens(v);
	virtual_run(v, 2000);
	virtual_unkept(v, 0, 0, 130000);
	text_copy(v->node[0].s->plan_hash, sizeof v->node[0].s->plan_hash, "hash");
	virtual_move(v, VERB_STEP, 1000);
	assert_string_equal(s->state_text, "BAKING at 10 %, 00:09 left");
	assert_string_equal(s->leave_text, "back to 0 % in 02:09");
	assert_true(s->keep.on && s->kept_bp == 0 && s->stay_left_ms == 59000);
	assert_false(keeps(v, false) || s->keepable);
	virtual_run(v, 9000);
	/* the bake is over, its own `for` is not: it is kept, and stays */
	assert_true(s->bake_left_ms == 0 && s->keepable);
	assert_true(keeps(v, false) && keeps(v, true));
	assert_state(v, STATE_BAKING);
	/* another's raise only by who guards */
	text_copy(v->node[0].s->change.actor, sizeof v->node[0].s->change.actor, "ana@ops2");
	virtual_poll(v);
	assert_true(!keeps(v, false) && keeps(v, true));
	assert_string_equal(s->leave_text, "all goes on");
	/* not while it is held, nor red, nor by who only looks */
	virtual_apply_at(v, 0, VERB_HOLD, -1, "ana@ops2");
	virtual_poll(v);
	assert_true(!keeps(v, true) && s->keep.left_ms == UNKNOWN);
	virtual_apply_at(v, 0, VERB_RESUME, -1, "ana@ops2");
	virtual_poll(v);
	assert_true(keeps(v, true));
	v->m.read_only = true;
	assert_false(keeps(v, true));
	v->m.read_only = false;
	v->node[0].s->guard.state = GUARD_UNKNOWN;
	virtual_poll(v);
	assert_false(keeps(v, true));
	v->node[0].s->guard.state = GUARD_NONE;
	/* kept: what is left is the step's own time */
	v->node[0].s->keep.on = false;
	v->node[0].s->kept_bp = 1000;
	virtual_run(v, 1000);
	assert_false(keeps(v, true));
	assert_string_equal(s->state_text, "BAKING at 10 %, 00:49 left");
	virtual_run(v, 49000);
	assert_state(v, STATE_READY);
}

/* A step whose checks hold keeps the one before it first; where that is refused so is it. */
static void test_a_step_keeps_first(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	virtual_unkept(v, 0, 100, 130000);
	v->rate = 1000;
	virtual_run(v, 20000);
	assert_state(v, STATE_READY);
	assert_true(virtual_standing(v)->next.allowed);
	/* nothing follows the last step that could keep it */
	virtual_apply_at(v, 0, VERB_STEP, 10000, "kim@ops1");
	struct decision d = virtual_decision(v, VERB_STEP, 10000);
	d.outcome = OUTCOME_APPLIED;
	virtual_decide(v, &d);
	virtual_run(v, 20000);
	assert_state(v, STATE_BAKING);
	v->node[0].s->keep.on = false;
	virtual_run(v, 1000);
	assert_state(v, STATE_COMPLETE);
}

static void test_one_more_operation_waits_for_the_keep(void **state)
{
	struct virtual *v = *state;
	struct interlock_facts f;
	struct interlock i;
	go_to(v, 1000);
	virtual_unkept(v, 0, 100, 130000);
	v->rate = 1000;
	virtual_run(v, 20000);
	const struct standing *s = virtual_standing(v);
	struct intent want = {
		.verb = VERB_OPERATIONS, .to_bp = -1, .shown_epoch = s->epoch, .shown_rev = s->rev};
	pool_facts(&v->m, virtual_pool(v), &want, &f);
	assert_int_equal(f.act, ACT_LOWER);
	interlock_evaluate(&i, &f);
	assert_true(i.allowed);
	want.widens = true;
	pool_facts(&v->m, virtual_pool(v), &want, &f);
	assert_int_equal(f.act, ACT_WIDEN);
	assert_int_equal(f.to_bp, 1000);
	interlock_evaluate(&i, &f);
	assert_int_equal(i.failing, 1u << PREDICATE_BAKE);
	assert_int_equal(i.check[PREDICATE_BAKE].code, ERR_UNKEPT);
}

static void test_what_goes_back_first(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	go_to(v, 1000);
	virtual_unkept(v, 0, 100, 90000);
	virtual_unkept(v, 1, 100, 60000);
	virtual_poll(v);
	assert_true(s->keep.left_ms == 60000 && s->kept_bp == 100);
	v->node[1].s->hold.on = true; /* there the time stands */
	v->node[1].s->kept_bp = 0;
	virtual_poll(v);
	assert_true(s->keep.left_ms == 90000 && s->kept_bp == -1);
	v->node[0].s->hold.on = true;
	virtual_poll(v);
	assert_true(s->keep.on && s->keep.left_ms == UNKNOWN);
}

static void observe(struct virtual *v, const char *what, int from_bp, int to_bp)
{
	struct audit_entry e = {.from_bp = from_bp, .to_bp = to_bp, .epoch = 2, .rev = 5};
	struct decision d;
	char id[32];
	text_copy(e.what, sizeof e.what, what);
	text_copy(e.actor, sizeof e.actor, POOL_ACTOR);
	snprintf(id, sizeof id, "observed-%d", ++v->serial);
	assert_true(decision_observe(&d, "checkout", "shop", &e, id, v->now.wall_ms));
	d.outcome = OUTCOME_APPLIED;
	d.outcome_ms = d.at_ms;
	virtual_decide(v, &d);
}

static void test_what_nobody_kept_goes_back(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 100, POOL_ACTOR);
	observe(v, "revert", 1000, 100);
	virtual_run(v, 1000);
	assert_true(s->went_back && !s->diverged);
	assert_int_equal(s->intended_bp, 100);
	assert_state(v, STATE_HELD);
	assert_string_equal(s->state_text, "HELD at 1 %: went back, not kept");
	/* a person's resume accepts it */
	struct decision d = virtual_decision(v, VERB_RESUME, -1);
	d.outcome = OUTCOME_APPLIED;
	d.at_ms += 1;
	virtual_decide(v, &d);
	assert_false(s->went_back);
	assert_state(v, STATE_BAKING);
	/* and so does the next step; what a person lowers has not gone back */
	virtual_run(v, 1000);
	observe(v, "revert", 1000, 100);
	virtual_run(v, 1000);
	assert_true(s->went_back);
	virtual_move(v, VERB_STEP, 1000);
	assert_false(s->went_back);
	virtual_move(v, VERB_STEP, 100);
	assert_false(s->went_back);
	struct audit_entry e = {.what = "step",
		.key = "k",
		.actor = "ana@ops2",
		.from_bp = 100,
		.to_bp = 50,
		.epoch = 9,
		.rev = 50};
	virtual_run(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 50, "ana@ops2");
	assert_true(decision_observe(&d, "checkout", "shop", &e, "k", v->now.wall_ms));
	d.outcome = OUTCOME_APPLIED;
	virtual_decide(v, &d);
	virtual_run(v, 1000);
	assert_true(!s->went_back && s->intended_bp == 50);
}

static void test_adopted(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 3500, "nobody");
	virtual_run(v, 1000);
	assert_state(v, STATE_DIVERGED);
	struct decision d = virtual_decision(v, VERB_ADOPT, 3500);
	struct interlock_facts f;
	facts_of(v, VERB_ADOPT, -1, &f);
	assert_int_equal(f.act, ACT_ADOPT);
	virtual_decide(v, &d);
	virtual_apply_at(v, 0, VERB_HOLD, -1, "kim@ops1");
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	virtual_run(v, 1000);
	assert_state(v, STATE_HELD);
	assert_int_equal(virtual_standing(v)->intended_bp, 3500);
}

/* ---- the guard's owner ---- */

static void tell_owner(struct virtual *v, enum guard_state guard, bool mine)
{
	struct owner_line line = {
		.held = true, .mine = mine, .state = guard, .written_wall_ms = v->now.wall_ms};
	virtual_tell(v, (struct model_event){.kind = MODEL_OWNER, .owner_line = &line});
}

static void test_owners(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	go_to(v, 1000);
	assert_int_equal(s->owner, OWNER_POOL);
	assert_string_equal(s->guard_text, "guard: pool, rolls back by itself");
	assert_string_equal(s->leave_text, "all goes on");
	v->node[0].s->guard.held_ms = 14340000;
	virtual_poll(v);
	assert_string_equal(s->guard_text, "guard: pool, only holds for 3:59:00");
	/* one without limits while some are asked for owns nothing */
	v->node[0].s->guard.armed = false;
	virtual_poll(v);
	assert_int_equal(s->owner, OWNER_NONE);
	v->node[0].s->guard.known = false;
	virtual_poll(v);
	assert_int_equal(s->owner, OWNER_NONE);
	assert_string_equal(s->guard_text, "guard: NONE, nobody rolls back");
	assert_string_equal(s->leave_text, "NOBODY WATCHES");
	assert_true(fails(v, PREDICATE_WAY_BACK));
	v->m.guards = true;
	virtual_tick(v);
	assert_int_equal(s->owner, OWNER_CONSOLE);
	assert_string_equal(s->guard_text, "guard: console, rolls back while it runs");
	assert_string_equal(s->leave_text, "NOBODY WATCHES");
	assert_true(fails(v, PREDICATE_WAY_BACK)); /* the next is 50 % */
	tell_owner(v, GUARD_GREEN, false);
	assert_int_equal(s->owner, OWNER_RECORD);
	assert_int_equal(v->dirty & DIRTY_STATE, DIRTY_STATE);
	assert_string_equal(s->guard_text, "guard: record, rolls back by itself");
	assert_string_equal(s->leave_text, "all goes on");
	virtual_wait(v, 500);
	tell_owner(v, GUARD_GREEN, false);
	assert_int_equal(v->dirty, 0); /* no more than that it lives */
	/* its silence ends it */
	virtual_wait(v, 2001);
	virtual_tick(v);
	assert_int_equal(s->owner, OWNER_CONSOLE);
	assert_true(v->dirty & DIRTY_STATE);
}

static void test_row_76_the_owner_without_a_plan(void **state)
{
	/* the console dies above the baseline: who rolls back then is said before */
	struct virtual *v = *state;
	virtual_history_opens(v);
	virtual_run(v, 2000);
	virtual_move(v, VERB_STEP, 1000);
	assert_int_equal(virtual_standing(v)->owner, OWNER_NONE);
	assert_string_equal(
		virtual_standing(v)->guard_text, "guard: none without a plan, limits only warn");
	assert_string_equal(virtual_standing(v)->leave_text, "the share stays");
}

/* Where another owns the guard its word counts: a process that has just begun has no window. */
static void test_the_owners_word(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	go_to(v, 1000);
	v->rate = 0;
	virtual_run(v, 70000);
	assert_int_equal(s->guard.state, GUARD_UNKNOWN);
	assert_int_equal(s->judged, GUARD_UNKNOWN);
	v->node[0].s->guard.state = GUARD_GREEN;
	virtual_run(v, 1000);
	assert_int_equal(s->judged, GUARD_GREEN);
	assert_false(fails(v, PREDICATE_GUARD));
	v->node[0].s->guard.known = false;
	virtual_run(v, 1000);
	assert_int_equal(s->judged, GUARD_UNKNOWN);
	tell_owner(v, GUARD_GREEN, false);
	assert_int_equal(s->judged, GUARD_GREEN);
	tell_owner(v, GUARD_GREEN, true); /* that is this process: its own eyes */
	assert_int_equal(s->judged, GUARD_UNKNOWN);
}

static void test_the_pools_red_latches(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	struct pool_guard *g = &v->node[0].s->guard;
	g->state = GUARD_RED;
	text_copy(g->word, sizeof g->word, "p99 2,100 of 1,000 ms");
	virtual_run(v, 1000);
	const struct pool *p = virtual_pool(v);
	assert_true(p->latch.red && p->latch.by_pool);
	assert_state(v, STATE_HELD);
	assert_true(fails(v, PREDICATE_GUARD));
	assert_non_null(strstr(virtual_standing(v)->next.check[PREDICATE_GUARD].text, g->word));
	g->state = GUARD_GREEN;
	virtual_run(v, 1000);
	assert_true(p->latch.red);
	struct decision d = virtual_decision(v, VERB_RESUME, -1);
	d.outcome = OUTCOME_APPLIED;
	virtual_decide(v, &d);
	assert_false(p->latch.red);
}

static void test_a_guard_without_data_holds(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	go_to(v, 1000);
	v->node[0].s->guard.state = GUARD_UNKNOWN;
	v->node[0].s->guard.since_ms = 59000;
	virtual_poll(v);
	assert_false(s->blind);
	virtual_wait(v, 1000);
	virtual_tick(v);
	assert_true(s->blind);
	assert_state(v, STATE_HELD);
	assert_string_equal(s->state_text, "HELD at 10 %: guard sees no data");
	/* one that only warns holds nothing */
	v->node[0].s->guard.action = GUARD_ACTION_WARN;
	virtual_poll(v);
	assert_false(s->blind);
	assert_string_equal(s->guard_text, "guard: pool, only warns: you roll back");
}

/* The same where a console or a recorder guards: derived by each, told to nobody. */
static void test_a_desks_guard_without_data_holds(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	go_to(v, 1000);
	v->node[0].s->guard.known = false;
	v->m.guards = true;
	virtual_run(v, 90000);
	assert_int_equal(s->owner, OWNER_CONSOLE);
	assert_false(s->blind);
	assert_true(s->blind_ms == UNKNOWN);
	v->rate = 0;
	/* what the window still holds is data */
	for (int i = 0; i < 70 && s->guard.state != GUARD_UNKNOWN; i++)
		virtual_run(v, 1000);
	assert_int_equal(s->guard.state, GUARD_UNKNOWN);
	virtual_run(v, 59000);
	assert_false(s->blind);
	virtual_run(v, 2000);
	assert_true(s->blind);
	assert_in_range(s->blind_ms, 60000, 62000);
	assert_state(v, STATE_HELD);
	assert_string_equal(s->state_text, "HELD at 10 %: guard sees no data");
	tell_owner(v, GUARD_UNKNOWN, true);
	assert_int_equal(s->owner, OWNER_RECORD);
	assert_true(s->blind);
	virtual_pool(v)->limits.action = GUARD_ACTION_WARN;
	virtual_tick(v);
	assert_false(s->blind);
	virtual_pool(v)->limits.action = GUARD_ACTION_ROLLBACK;
	virtual_tick(v);
	assert_true(s->blind);
	/* with data it is over, and the doubt begins anew */
	v->rate = 100;
	virtual_run(v, 3000);
	tell_owner(v, GUARD_GREEN, true);
	assert_false(s->blind);
	assert_true(s->blind_ms == UNKNOWN);
}

static void test_a_desk_that_does_not_guard_is_not_blind(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	go_to(v, 1000);
	v->node[0].s->guard.known = false;
	v->rate = 0;
	virtual_run(v, 200000);
	assert_int_equal(s->owner, OWNER_NONE);
	assert_false(s->blind);
}

static void test_the_loudest_node_speaks(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	go_to(v, 1000);
	v->node[1].s->guard.state = GUARD_UNKNOWN;
	v->node[0].s->guard.state = GUARD_GREEN;
	virtual_poll(v);
	assert_int_equal(s->pool_guard.state, GUARD_UNKNOWN);
	v->node[0].s->guard.state = GUARD_RED;
	virtual_poll(v);
	assert_int_equal(s->pool_guard.state, GUARD_RED);
	v->node[1].s->guard.armed = false;
	virtual_poll(v);
	assert_true(s->pool_guard.known && !s->pool_guard.armed);
	v->node[1].s->guard.known = false;
	virtual_poll(v);
	assert_false(s->pool_guard.known);
	assert_int_equal(s->owner, OWNER_NONE);
	/* old words are no evidence */
	v->node[1].s->guard.known = true;
	virtual_poll(v);
	virtual_wait(v, 10000);
	virtual_tick(v);
	assert_int_equal(s->pool_guard.state, GUARD_UNKNOWN);
}

static uint64_t carries(const struct virtual *v)
{
	return pool_carries(&v->m, virtual_pool(v));
}

static void test_a_nodes_rollback_is_carried_on(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	assert_true(carries(v) == 0);
	virtual_apply_at(v, 1, VERB_ROLLBACK, 0, POOL_ACTOR);
	observe(v, "rollback", 1000, 0);
	virtual_run(v, 1000);
	assert_true(carries(v) == 1);
	v->m.read_only = true;
	assert_true(carries(v) == 0);
	v->m.read_only = false;
	/* while a rollback is on its way there is nothing more to carry */
	struct decision d = virtual_decision(v, VERB_ROLLBACK, 0);
	virtual_decide(v, &d);
	assert_true(carries(v) == 0);
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_REFUSED);
	assert_true(carries(v) == 1);
	/* a node that moved since was moved by somebody who knew */
	virtual_apply_at(v, 0, VERB_STEP, 500, "ana@ops2");
	virtual_run(v, 1000);
	assert_true(carries(v) == 0);
	v->node[0].s->change.known = false;
	virtual_run(v, 1000);
	assert_true(carries(v) == 1);
	virtual_apply_at(v, 0, VERB_ROLLBACK, 0, POOL_ACTOR);
	virtual_run(v, 1000);
	assert_true(carries(v) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_a_raise_is_kept),
		ONE(test_a_step_keeps_first),
		ONE(test_one_more_operation_waits_for_the_keep),
		TWO(test_what_goes_back_first),
		TWO(test_lease),
		TWO(test_armed),
		ONE(test_what_nobody_kept_goes_back),
		ONE(test_adopted),
		ONE(test_owners),
		HAND(test_row_76_the_owner_without_a_plan),
		ONE(test_the_owners_word),
		ONE(test_the_pools_red_latches),
		ONE(test_a_guard_without_data_holds),
		ONE(test_a_desks_guard_without_data_holds),
		ONE(test_a_desk_that_does_not_guard_is_not_blind),
		TWO(test_the_loudest_node_speaks),
		TWO(test_a_nodes_rollback_is_carried_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
