/* Model: rows of the fault catalogue that it must see through. */
#include "tests/unit/model/bed.h"

/* ---- faults that the model must see through ---- */

static void test_row_31_a_restart_begins_the_samples_anew(void **state)
{
	/* all counters of the pool begin at nothing again */
	struct virtual *v = *state;
	go_to(v, 1000);
	int64_t before = virtual_standing(v)->samples[ARM_V1];
	virtual_boot(v, 0, "boot-2");
	virtual_apply_at(v, 0, VERB_STEP, 1000, POOL_ACTOR);
	virtual_run(v, 1000);
	assert_int_equal(v->sample->change, COUNTS_RESTART);
	assert_true(virtual_standing(v)->samples[ARM_V1] < before);
	virtual_run(v, 1000);
	assert_true(v->sample->sample.arms[ARM_V1].requests == 90);
}

static void test_row_32_a_counter_that_went_back_is_no_green(void **state)
{
	/* a counter falls within one boot: corrupt, or a lie */
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	go_to(v, 1000);
	virtual_run(v, 5000);
	assert_int_equal(s->guard.state, GUARD_GREEN);
	v->node[0].s->guard.state = GUARD_GREEN;
	v->node[0].s->arms[ARM_V1].requests -= 250;
	virtual_run(v, 1000);
	assert_int_equal(model_node(&v->m, NODE_HANDLE(0, 0))->trouble.code, ERR_COUNTER_BACK);
	assert_true(s->doubtful);
	assert_int_equal(s->guard.state, GUARD_UNKNOWN);
	assert_int_equal(s->judged, GUARD_UNKNOWN); /* nor is the pool's own word believed */
	virtual_run(v, 59000);
	assert_true(fails(v, PREDICATE_GUARD));
	virtual_run(v, 1000);
	assert_false(s->doubtful);
	assert_int_equal(s->guard.state, GUARD_GREEN);
}

static void test_row_33_an_idle_v2_steps_nowhere(void **state)
{
	/* v2 gets no traffic: that it does not fail proves nothing */
	struct virtual *v = *state;
	go_to(v, 100);
	v->rate = 0;
	virtual_run(v, 70000);
	assert_true(fails(v, PREDICATE_GUARD) && fails(v, PREDICATE_SAMPLES));
	assert_int_equal(virtual_standing(v)->next.check[PREDICATE_SAMPLES].code, ERR_SAMPLES);
}

static void test_row_35_the_wall_clock_jumps(void **state)
{
	/* an hour forth and two back: bake and ages are of the other clock */
	struct virtual *v = *state;
	go_to(v, 1000);
	int64_t left = virtual_standing(v)->bake_left_ms;
	v->now.wall_ms += 3600000;
	virtual_tick(v);
	assert_true(virtual_standing(v)->bake_left_ms == left);
	v->now.wall_ms -= 7200000;
	virtual_tick(v);
	assert_true(virtual_standing(v)->bake_left_ms == left);
	assert_int_equal(virtual_standing(v)->freshness, FRESHNESS_LIVE);
}

static void test_row_36_the_lid_was_closed(void **state)
{
	/* forty minutes of sleep: all is old at once, and no step goes */
	struct virtual *v = *state;
	go_to(v, 1000);
	virtual_run(v, 20000);
	assert_true(virtual_standing(v)->next.allowed);
	virtual_wait(v, 2400000);
	virtual_tick(v);
	assert_int_equal(virtual_standing(v)->freshness, FRESHNESS_LOST);
	assert_true(fails(v, PREDICATE_LIVE));
}

static void test_row_37_the_pools_clock_is_far_off(void **state)
{
	/* what the pool calls now is nobody's age */
	struct virtual *v = *state;
	go_to(v, 1000);
	int64_t left = virtual_standing(v)->bake_left_ms;
	v->node[0].s->now_ms -= 312000;
	virtual_tell(v,
		(struct model_event){
			.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(0, 0), .snapshot = v->node[0].s});
	assert_int_equal(virtual_standing(v)->freshness, FRESHNESS_LIVE);
	assert_true(virtual_standing(v)->bake_left_ms == left);
}

static void test_row_41_quantiles_are_merged_not_averaged(void **state)
{
	/* one node is fast and one slow: their average is nobody's latency */
	struct virtual *v = *state;
	virtual_poll(v);
	v->latency_us[ARM_V1] = 10000;
	virtual_work(v, &v->node[0], 99000);
	v->latency_us[ARM_V1] = 900000;
	virtual_work(v, &v->node[1], 1000);
	virtual_wait(v, 1000);
	virtual_poll(v);
	const struct arm_figures *f = &virtual_standing(v)->arms[ARM_V1];
	assert_true(f->p50_us < 20000 && f->p95_us < 20000);
	/* and where a slot has only each node's own, the worst is shown */
	const struct tick *t = ring_last(&virtual_pool(v)->ticks);
	assert_true(t->arms[ARM_V1].p50_us > 500000);
}

static void test_row_70_a_rollback_half_way(void **state)
{
	/* one node of two went back: it is not rolled back */
	struct virtual *v = *state;
	go_to(v, 1000);
	struct decision d = virtual_decision(v, VERB_ROLLBACK, 0);
	virtual_decide(v, &d);
	virtual_apply_at(v, 0, VERB_ROLLBACK, 0, "kim@ops1");
	virtual_run(v, 2000);
	assert_state(v, STATE_ROLLING_BACK);
	assert_string_equal(virtual_standing(v)->leave_text, "NOBODY TRIES ON");
	/* given up by a person: no state says that it is back */
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_CLOSED);
	assert_state(v, STATE_HELD);
	assert_true(virtual_standing(v)->mixed);
	/* acknowledged by all, seen at one */
	d = virtual_act(v, VERB_ROLLBACK, 0);
	virtual_progress(v, 1);
	assert_string_equal(virtual_standing(v)->state_text, "ROLLBACK UNVERIFIED 1/2");
	virtual_row(v, d.id, OUTCOME_ROW_VERIFIED, OUTCOME_CLOSED);
	assert_true(virtual_standing(v)->open < 0);
	assert_true(pool_decision(virtual_pool(v), d.id)->closed_ms == v->now.wall_ms);
	d.closed_ms = UNKNOWN; /* an older copy takes nothing away */
	virtual_decide(v, &d);
	assert_true(pool_decision(virtual_pool(v), d.id)->closed_ms == v->now.wall_ms);
}

static void test_row_71_v1_is_gone(void **state)
{
	/* the way back leads to a v1 that has no worker left */
	struct virtual *v = *state;
	go_to(v, 1000);
	assert_false(fails(v, PREDICATE_WAY_BACK));
	v->node[0].s->arms[ARM_V1].workers.ready = 0;
	virtual_run(v, 1000);
	assert_true(fails(v, PREDICATE_WAY_BACK));
	v->node[0].s->arms[ARM_V1].workers.ready = UNKNOWN; /* not said is not none */
	virtual_run(v, 1000);
	assert_false(fails(v, PREDICATE_WAY_BACK));
}

/* v1 must be able to take the traffic back, and the refusal says what it lacks. */
static void test_v1_serves(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	struct arm_counts *v1 = &v->node[0].s->arms[ARM_V1];
	const struct interlock_check *c = &virtual_standing(v)->next.check[PREDICATE_WAY_BACK];
	static const struct {
		struct breaker_word breaker;
		int64_t depth, max;
		const char *why; /* NULL: it serves */
	} rows[] = {
		{{.known = true}, 0, 1024, NULL},
		{{.known = true, .state = BREAKER_OPEN}, 0, 1024, "v1's breaker is open"},
		{{.known = true, .state = BREAKER_HALF_OPEN}, 0, 1024, NULL},
		{{.known = false, .state = BREAKER_OPEN}, 0, 1024, NULL},
		{{.known = true}, 84, 100, NULL},
		{{.known = true}, 85, 100, "v1's queue is 85 % full"},
		{{.known = true}, 937, 1024, "v1's queue is 91 % full"},
		{{.known = true}, 5000, UNKNOWN, NULL},
		{{.known = true}, 5000, 0, NULL},
		{{.known = true}, UNKNOWN, 100, NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		v1->breaker = rows[i].breaker;
		v1->queue_depth = rows[i].depth;
		v1->queue_max = rows[i].max;
		virtual_run(v, 1000);
		assert_int_equal(fails(v, PREDICATE_WAY_BACK), rows[i].why != NULL);
		if (rows[i].why && !strstr(c->text, rows[i].why))
			fail_msg("'%s' does not say '%s'", c->text, rows[i].why);
	}
	v1->queue_max = UNKNOWN;
	v1->workers.ready = 0;
	virtual_run(v, 1000);
	assert_non_null(strstr(c->text, "v1 has no ready worker"));
}

/* One node that could not take it is enough. */
static void test_v1_serves_on_every_node(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	const struct interlock_check *c = &virtual_standing(v)->next.check[PREDICATE_WAY_BACK];
	assert_false(fails(v, PREDICATE_WAY_BACK));
	v->node[1].s->arms[ARM_V1].breaker =
		(struct breaker_word){.known = true, .state = BREAKER_OPEN};
	virtual_run(v, 1000);
	assert_true(fails(v, PREDICATE_WAY_BACK));
	assert_non_null(strstr(c->text, virtual_pool(v)->nodes[1].target));
}

static void test_row_78_moved_by_hand(void **state)
{
	/* somebody edits the balancer: steps are locked, the way back is not */
	struct virtual *v = *state;
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 3500, "nobody");
	virtual_run(v, 1000);
	assert_string_equal(virtual_standing(v)->state_text, "DIVERGED pool 35 %, asked 10 %");
	assert_true(fails(v, PREDICATE_DRIFT));
	assert_true(migration_accepts(STATE_DIVERGED, VERB_ROLLBACK));
	assert_true(migration_accepts(STATE_DIVERGED, VERB_ADOPT));
}

static void test_row_79_nodes_run_different_builds(void **state)
{
	/* one node was left on the old build */
	struct virtual *v = *state;
	go_to(v, 1000);
	text_copy(v->node[1].s->build, sizeof v->node[1].s->build, "1.1");
	virtual_run(v, 1000);
	assert_int_equal(virtual_standing(v)->next.check[PREDICATE_IDENTITY].code, ERR_BUILD);
	assert_true(fails(v, PREDICATE_IDENTITY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_row_31_a_restart_begins_the_samples_anew),
		ONE(test_row_32_a_counter_that_went_back_is_no_green),
		ONE(test_row_33_an_idle_v2_steps_nowhere),
		ONE(test_row_35_the_wall_clock_jumps),
		ONE(test_row_36_the_lid_was_closed),
		ONE(test_row_37_the_pools_clock_is_far_off),
		TWO(test_row_41_quantiles_are_merged_not_averaged),
		TWO(test_row_70_a_rollback_half_way),
		ONE(test_row_71_v1_is_gone),
		ONE(test_v1_serves),
		TWO(test_v1_serves_on_every_node),
		ONE(test_row_78_moved_by_hand),
		TWO(test_row_79_nodes_run_different_builds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
