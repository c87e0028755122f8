/* Model: a migration as it goes on, from the first step to the rollback: bakes, holds, latches,
 * drift, nodes that differ, and what kind of change an intent is. */
#include "tests/unit/model/bed.h"

/* ---- a migration ---- */

static void test_a_whole_migration(void **state)
{
	struct virtual *v = *state;
	assert_state(v, STATE_PLANNED);
	virtual_poll(v);
	assert_state(v, STATE_PLANNED); /* the history has not been opened */
	assert_true(fails(v, PREDICATE_HISTORY));
	virtual_history_opens(v);
	virtual_run(v, 5000);
	assert_state(v, STATE_ARMED);
	v->rate = 1000;
	take_step(v, 100);
	assert_string_equal(virtual_standing(v)->state_text, "BAKING at 1 %, 00:09 left");
	assert_true(fails(v, PREDICATE_BAKE) && fails(v, PREDICATE_SAMPLES));
	assert_int_equal(run_while(v, STATE_BAKING, 60), 9);
	assert_state(v, STATE_READY);
	assert_string_equal(virtual_standing(v)->state_text, "READY for 10 %");
	take_step(v, 1000);
	assert_int_equal(run_while(v, STATE_BAKING, 60), 9);
	take_step(v, 5000);
	assert_int_equal(run_while(v, STATE_BAKING, 60), 9);
	assert_int_equal(virtual_standing(v)->measured_bp, 5000);
	assert_true(virtual_standing(v)->measured_n == 10000);
	take_step(v, 10000);
	assert_int_equal(run_while(v, STATE_BAKING, 60), 9);
	assert_state(v, STATE_COMPLETE);
	assert_int_equal(virtual_standing(v)->next_bp, -1);
	v->node[0].s->finalized = true;
	virtual_run(v, 1000);
	assert_state(v, STATE_FINALIZED);
}

/* Waits for samples after the bake when there is little work. */
static void test_ready_waits_for_samples(void **state)
{
	struct virtual *v = *state;
	virtual_history_opens(v);
	virtual_run(v, 2000);
	take_step(v, 100); /* v2 gets one request a second */
	virtual_run(v, 20000);
	assert_state(v, STATE_BAKING);
	assert_false(fails(v, PREDICATE_BAKE));
	assert_true(fails(v, PREDICATE_SAMPLES));
	int64_t left = virtual_standing(v)->next.wait_ms;
	assert_true(left == 29000);
	assert_int_equal(run_while(v, STATE_BAKING, 100), 29);
	assert_state(v, STATE_READY);
}

static void test_rollback(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	struct decision d = virtual_decision(v, VERB_ROLLBACK, 0);
	virtual_decide(v, &d);
	virtual_progress(v, 1);
	assert_state(v, STATE_ROLLING_BACK);
	virtual_run(v, 2000);
	assert_state(v, STATE_ROLLING_BACK);
	virtual_apply_at(v, 0, VERB_ROLLBACK, 0, "kim@ops1");
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	assert_state(v, STATE_RB_UNVERIFIED);
	assert_string_equal(virtual_standing(v)->state_text, "ROLLBACK UNVERIFIED 0/1");
	virtual_run(v, 1000);
	assert_state(v, STATE_RB_UNVERIFIED); /* the share alone is not enough */
	virtual_verify(v, &d);
	assert_state(v, STATE_ROLLED_BACK);
	assert_string_equal(virtual_standing(v)->state_text, "ROLLED BACK to 0 %");
	assert_false(virtual_standing(v)->diverged);
	/* and up again */
	virtual_run(v, 2000);
	assert_true(virtual_standing(v)->next.allowed);
	virtual_move(v, VERB_STEP, 100);
	assert_state(v, STATE_BAKING);
}

static void test_a_rollback_comes_before_an_open_step(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	struct decision up = virtual_decision(v, VERB_STEP, 5000);
	up.outcome = OUTCOME_UNRESOLVED;
	struct decision down = virtual_decision(v, VERB_ROLLBACK, 0);
	virtual_decide(v, &down);
	up.at_ms += 500; /* newer than the rollback, and still not first */
	virtual_decide(v, &up);
	assert_state(v, STATE_ROLLING_BACK);
	virtual_row(v, down.id, OUTCOME_ROW_FINAL, OUTCOME_REFUSED);
	assert_state(v, STATE_UNRESOLVED);
	assert_string_equal(virtual_standing(v)->state_text, "UNRESOLVED 10 % or 50 %");
	virtual_row(v, up.id, OUTCOME_ROW_FINAL, OUTCOME_VOID);
	assert_state(v, STATE_BAKING);
}

static void test_hold_and_resume(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	struct decision d = virtual_act(v, VERB_HOLD, -1);
	assert_true(virtual_standing(v)->open < 0); /* applied: nothing is open any more */
	virtual_run(v, 1000);
	virtual_verify(v, &d);
	assert_state(v, STATE_HELD);
	assert_string_equal(virtual_standing(v)->hold.actor, "kim@ops1");
	assert_true(fails(v, PREDICATE_FROZEN));
	assert_int_equal(virtual_standing(v)->next.check[PREDICATE_FROZEN].code, ERR_HELD);
	virtual_run(v, 20000);
	assert_state(v, STATE_HELD);
	d = virtual_act(v, VERB_RESUME, -1);
	virtual_run(v, 1000);
	assert_state(v, STATE_READY);
	/* a hold without an answer is unresolved, under its own name */
	d = virtual_decision(v, VERB_HOLD, -1);
	virtual_decide(v, &d);
	assert_state(v, STATE_READY);
	d.outcome = OUTCOME_UNRESOLVED;
	virtual_decide(v, &d);
	assert_state(v, STATE_UNRESOLVED);
	assert_string_equal(virtual_standing(v)->state_text, "UNRESOLVED hold");
}

static void test_red_latches_until_a_younger_resume(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	v->rate = 1000;
	struct decision early = virtual_decision(v, VERB_RESUME, -1);
	/* over the limit, and too near to v1 to be judged worse */
	v->failing[ARM_V1] = 40;
	v->failing[ARM_V2] = 70;
	virtual_run(v, 3000);
	assert_state(v, STATE_HELD);
	assert_true(virtual_pool(v)->latch.red && fails(v, PREDICATE_GUARD));
	assert_int_equal(virtual_pool(v)->latch.metric, METRIC_ERRORS);
	assert_string_equal(virtual_standing(v)->state_text, "HELD at 10 %: guard RED");
	/* it stays red when the failures have ended */
	v->failing[ARM_V1] = v->failing[ARM_V2] = 0;
	virtual_run(v, 70000);
	assert_int_equal(virtual_standing(v)->guard.state, GUARD_GREEN);
	assert_state(v, STATE_HELD);
	/* a resume from before it turned red does not accept it, nor one that was not applied */
	early.outcome = OUTCOME_APPLIED;
	virtual_decide(v, &early);
	assert_state(v, STATE_HELD);
	struct decision d = virtual_decision(v, VERB_RESUME, -1);
	virtual_decide(v, &d);
	assert_state(v, STATE_HELD);
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	assert_state(v, STATE_READY);
}

/* Evidence does not fade as a window does: what v2 did in this attempt stays proven. */
static void test_the_judges_red_outlives_the_window(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	v->rate = 1000;
	v->failing[ARM_V2] = 40; /* under the limit */
	virtual_run(v, 3000);
	const struct standing *s = virtual_standing(v);
	assert_true(s->guard.metric[METRIC_ERRORS].state == GUARD_GREEN);
	for (int i = 0; i < 60 && s->guard.judge != GUARD_RED; i++)
		virtual_run(v, 1000);
	assert_int_equal(s->verdict.word, VERDICT_HARM);
	assert_true(s->verdict.brakes && s->guard.state == GUARD_RED);
	const struct guard_latch *l = &virtual_pool(v)->latch;
	assert_true(l->red && l->by_judge && !l->by_pool);
	assert_int_equal(l->metric, METRIC_ERRORS);
	assert_non_null(strstr(l->word, "errors HARM, at least "));
	assert_state(v, STATE_HELD);
	assert_true(fails(v, PREDICATE_GUARD));
	v->failing[ARM_V2] = 0;
	virtual_run(v, 70000);
	assert_int_equal(s->guard.metric[METRIC_ERRORS].state, GUARD_GREEN);
	assert_int_equal(s->verdict.word, VERDICT_HARM);
	assert_state(v, STATE_HELD);
	/* A resume accepts it; what v2 is from then on is judged anew. */
	struct decision d = virtual_act(v, VERB_RESUME, -1);
	virtual_run(v, 1000);
	virtual_verify(v, &d);
	assert_false(l->red);
	virtual_run(v, 5000);
	assert_false(l->red);
	assert_false(fails(v, PREDICATE_GUARD));
	assert_int_not_equal(s->verdict.word, VERDICT_HARM);
	v->failing[ARM_V2] = 40;
	for (int i = 0; i < 120 && !l->red; i++)
		virtual_run(v, 1000);
	assert_true(l->red && l->by_judge);
	v->failing[ARM_V2] = 0;
	/* What comes after a rollback is another attempt, judged anew. */
	virtual_move(v, VERB_ROLLBACK, 0);
	virtual_run(v, 2000);
	d = virtual_act(v, VERB_RESUME, -1);
	virtual_run(v, 1000);
	virtual_verify(v, &d);
	virtual_move(v, VERB_STEP, 100);
	assert_int_equal(
		virtual_pool(v)->judging->judge.metric[JUDGED_ERRORS].since[ARM_V2].bad, 0);
	assert_int_not_equal(s->verdict.word, VERDICT_HARM);
	assert_int_equal(s->guard.judge, GUARD_NONE);
}

static void test_both_sides_hold_but_do_not_latch(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	v->rate = 1000;
	v->failing[ARM_V1] = v->failing[ARM_V2] = 300;
	virtual_run(v, 3000);
	assert_state(v, STATE_HELD);
	assert_true(virtual_standing(v)->guard.both && !virtual_pool(v)->latch.red);
	assert_true(fails(v, PREDICATE_WAY_BACK)); /* v1 is not fit to take it back */
	v->failing[ARM_V1] = v->failing[ARM_V2] = 0;
	virtual_run(v, 70000);
	assert_state(v, STATE_READY);
}

static void test_the_rollback_ends_the_red(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	v->rate = 1000;
	v->failing[ARM_V2] = 300;
	virtual_run(v, 3000);
	assert_true(virtual_pool(v)->latch.red);
	struct decision d = virtual_act(v, VERB_ROLLBACK, 0);
	virtual_run(v, 1000);
	assert_true(virtual_pool(v)->latch.red); /* not before it has been seen */
	virtual_verify(v, &d);
	assert_false(virtual_pool(v)->latch.red);
	assert_state(v, STATE_ROLLED_BACK);
}

static void test_old_numbers_are_no_evidence(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	v->rate = 1000;
	virtual_run(v, 3000);
	assert_int_equal(virtual_standing(v)->guard.state, GUARD_GREEN);
	virtual_wait(v, 10000);
	virtual_tick(v);
	assert_int_equal(virtual_standing(v)->guard.state, GUARD_UNKNOWN);
	assert_true(fails(v, PREDICATE_GUARD));
	assert_state(v, STATE_BAKING);
}

/* ---- drift ---- */

static void test_a_restart_that_lost_the_share(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	virtual_boot(v, 0, "boot-2");
	virtual_run(v, 1000);
	const struct standing *s = virtual_standing(v);
	assert_state(v, STATE_DIVERGED);
	assert_true(s->restarted && s->uptime_ms == 1000);
	assert_int_equal(s->next_bp, 1000);
	assert_int_equal(s->act, ACT_PUT_BACK);
	virtual_run(v, 1000);
	assert_true(s->next.allowed);
	struct interlock_facts f;
	facts_of(v, VERB_STEP, 1000, &f);
	assert_int_equal(f.act, ACT_PUT_BACK);
	virtual_move(v, VERB_STEP, 1000);
	assert_state(v, STATE_BAKING);
	assert_false(s->restarted);
}

/* Another process looks more often, and a recording has a document an interval: what was verified
 * between two of them is on its way until the second, and no drift. What that shows then counts. */
static void test_what_was_seen_between_two_documents(void **state)
{
	static const struct {
		enum verb verb;
		int to_bp, lands_bp;
		enum state between, then;
	} rows[] = {{VERB_STEP, 5000, 5000, STATE_STEPPING, STATE_BAKING},
		{VERB_STEP, 5000, 1000, STATE_STEPPING, STATE_DIVERGED},
		{VERB_ROLLBACK, 0, 0, STATE_RB_UNVERIFIED, STATE_ROLLED_BACK},
		{VERB_ROLLBACK, 0, 700, STATE_RB_UNVERIFIED, STATE_DIVERGED}};
	struct virtual *v = *state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		go_to(v, 1000);
		struct decision d = virtual_act(v, rows[i].verb, rows[i].to_bp);
		virtual_wait(v, 200);
		virtual_verify(v, &d);
		assert_state(v, rows[i].between);
		assert_int_equal(virtual_standing(v)->reported_bp, 1000);
		virtual_apply_at(v, 0, VERB_STEP, rows[i].lands_bp, "kim@ops1");
		virtual_run(v, 1000);
		assert_state(v, rows[i].then);
		virtual_move(v, VERB_ROLLBACK, 0);
	}
}

/* Of what somebody saw only the last change is on its way: what it took back is over. */
static void test_what_was_seen_and_taken_back_between_two_documents(void **state)
{
	static const struct {
		enum verb first, second;
		int away_bp, back_bp;
	} rows[] = {{VERB_STEP, VERB_ROLLBACK, 5000, 0}, {VERB_ROLLBACK, VERB_STEP, 0, 1000}};
	struct virtual *v = *state;
	virtual_history_opens(v);
	virtual_run(v, 2000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct decision d = virtual_act(v, rows[i].first, rows[i].away_bp);
		virtual_wait(v, 200);
		virtual_verify(v, &d);
		assert_true(virtual_standing(v)->open >= 0);
		d = virtual_act(v, rows[i].second, rows[i].back_bp);
		virtual_wait(v, 200);
		virtual_verify(v, &d);
		assert_int_equal(virtual_standing(v)->reported_bp, rows[i].back_bp);
		assert_true(virtual_standing(v)->open < 0);
		virtual_run(v, 1000);
		virtual_move(v, VERB_STEP, 1000);
		virtual_run(v, 1000);
	}
}

/* A wall clock that was put back makes nobody wait for it. */
static void test_what_was_seen_in_a_time_to_come(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	struct decision d = virtual_act(v, VERB_STEP, 5000);
	virtual_wait(v, 200);
	virtual_verify(v, &d);
	v->now.wall_ms -= 3600000;
	virtual_tick(v);
	assert_state(v, STATE_DIVERGED);
}

/* Silence makes no restart of a share that somebody moved. */
static void test_a_long_silence_is_no_restart(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 500, "nobody");
	virtual_run(v, 1000);
	assert_state(v, STATE_DIVERGED);
	assert_false(virtual_standing(v)->restarted);
	virtual_wait(v, 3600000);
	virtual_tick(v);
	assert_false(virtual_standing(v)->restarted);
	assert_true(virtual_standing(v)->uptime_ms > 3600000);
}

static void test_an_unexplained_share_is_drift(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 3000, "nobody");
	virtual_run(v, 1000);
	assert_state(v, STATE_DIVERGED);
	assert_true(virtual_standing(v)->diverged && !virtual_standing(v)->restarted);
	assert_int_equal(virtual_standing(v)->intended_bp, 1000);
	assert_string_equal(virtual_standing(v)->state_text, "DIVERGED pool 30 %, asked 10 %");
	assert_true(fails(v, PREDICATE_DRIFT));
	assert_false(virtual_standing(v)->next.allowed);
	assert_true(migration_accepts(state_of_pool(v), VERB_ROLLBACK));
}

static void test_what_the_audit_may_explain_is_not_claimed(void **state)
{
	struct virtual *v = *state;
	v->node[0].s->audit_seq = 4;
	v->audits = true;
	go_to(v, 1000);
	v->audits = false;
	virtual_apply_at(v, 0, VERB_STEP, 3000, "sam@ops2");
	v->node[0].s->audit_seq = 5;
	virtual_run(v, 1000);
	assert_false(virtual_standing(v)->diverged);
	assert_int_equal(virtual_standing(v)->intended_bp, 3000);
	assert_state(v, STATE_BAKING);
	/* the entry comes: an observed decision of its actor */
	struct decision d = virtual_decision(v, VERB_STEP, 3000);
	d.observed = true;
	d.outcome = OUTCOME_APPLIED;
	virtual_decide(v, &d);
	virtual_tell(
		v, (struct model_event){.kind = MODEL_AUDIT, .node = NODE_HANDLE(0, 0), .seq = 5});
	assert_false(virtual_standing(v)->diverged);
	assert_int_equal(virtual_standing(v)->intended_bp, 3000);
	/* the log is read to its end and has no word of the next change */
	virtual_apply_at(v, 0, VERB_STEP, 4000, "nobody");
	virtual_run(v, 1000);
	assert_state(v, STATE_DIVERGED);
	assert_int_equal(virtual_standing(v)->intended_bp, 3000);
}

/* ---- nodes ---- */

static void test_nodes_that_differ(void **state)
{
	struct virtual *v = *state;
	go_to(v, 100);
	virtual_apply_at(v, 1, VERB_STEP, 1000, "kim@ops1");
	virtual_run(v, 1000);
	const struct standing *s = virtual_standing(v);
	assert_true(s->mixed);
	assert_int_equal(s->reported_bp, -1);
	assert_int_equal(s->mixed_low_bp, 100);
	assert_int_equal(s->mixed_high_bp, 1000);
	assert_int_equal(s->next_bp, -1);
	assert_state(v, STATE_HELD);
	assert_string_equal(s->state_text, "1 % .. 10 % MIXED");
	assert_true(fails(v, PREDICATE_DRIFT));
	virtual_apply_at(v, 0, VERB_STEP, 1000, "kim@ops1");
	struct decision d = virtual_decision(v, VERB_STEP, 1000);
	d.outcome = OUTCOME_APPLIED;
	virtual_decide(v, &d);
	virtual_run(v, 1000);
	assert_false(s->mixed);
	assert_int_equal(s->reported_bp, 1000);
	assert_state(v, STATE_BAKING);
}

static void test_one_restart_restarts_the_bakes_samples(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	int64_t before = virtual_standing(v)->samples[ARM_V2];
	assert_true(before > 100);
	virtual_boot(v, 1, "boot-2");
	virtual_apply_at(v, 1, VERB_STEP, 1000, "pool");
	virtual_run(v, 1000);
	assert_true(virtual_standing(v)->samples[ARM_V2] < before);
	assert_true(virtual_standing(v)->bake_left_ms == 9000); /* of the node that changed last */
}

static void test_seen_nodes(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	struct decision d = virtual_act(v, VERB_ROLLBACK, 0);
	assert_int_equal(virtual_standing(v)->seen_nodes, 0);
	virtual_progress(v, 1);
	assert_int_equal(virtual_standing(v)->seen_nodes, 1);
	assert_string_equal(virtual_standing(v)->state_text, "ROLLBACK UNVERIFIED 1/2");
	virtual_run(v, 1000);
	virtual_verify(v, &d);
	assert_int_equal(virtual_standing(v)->seen_nodes, 0); /* nothing is open */
}

static void test_hold_of_one_node_holds_all(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	virtual_apply_at(v, 1, VERB_HOLD, -1, "sam@ops2");
	virtual_run(v, 1000);
	assert_state(v, STATE_HELD);
	assert_string_equal(virtual_standing(v)->hold.actor, "sam@ops2");
}

/* ---- partial ---- */

static struct decision partly(struct virtual *v)
{
	go_to(v, 100);
	struct decision d = virtual_decision(v, VERB_STEP, 1000);
	virtual_decide(v, &d);
	virtual_apply_at(v, 0, VERB_STEP, 1000, "kim@ops1");
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_REFUSED);
	virtual_run(v, 1000);
	return d;
}

static void test_a_step_that_only_some_took(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	partly(v);
	assert_state(v, STATE_HELD);
	assert_string_equal(s->state_text, "PARTIAL 1/2");
	assert_true(s->partial && s->partial_bp == 1000 && s->nodes_took == 1);
	assert_int_equal(s->next_bp, 1000);
	assert_int_equal(s->act, ACT_COMPLETE);
	assert_true(s->next.allowed);
	struct interlock_facts f;
	facts_of(v, VERB_STEP, 100, &f);
	assert_int_equal(f.act, ACT_LOWER); /* back for those that took it */
	facts_of(v, VERB_STEP, 5000, &f);
	assert_int_equal(f.act, ACT_RAISE);
	/* the same again, from a share that nobody can name */
	struct decision again = virtual_decision(v, VERB_STEP, 1000);
	assert_int_equal(again.from_bp, -1);
	virtual_decide(v, &again);
	virtual_row(v, again.id, OUTCOME_ROW_FINAL, OUTCOME_NOT_SENT);
	virtual_run(v, 1000);
	assert_true(s->partial && s->act == ACT_COMPLETE);
	virtual_move(v, VERB_STEP, 1000);
	assert_false(s->partial);
	assert_state(v, STATE_BAKING);
}

static void test_what_is_not_partial(void **state)
{
	struct virtual *v = *state;
	const struct standing *s = virtual_standing(v);
	partly(v);
	/* somebody moved one further */
	virtual_apply_at(v, 1, VERB_STEP, 5000, "nobody");
	virtual_run(v, 1000);
	assert_true(s->mixed && !s->partial && s->nodes_took == 0);
	assert_int_equal(s->next_bp, -1);
	assert_string_equal(s->state_text, "10 % .. 50 % MIXED");
	/* the last thing asked was a way down */
	virtual_apply_at(v, 1, VERB_STEP, 100, "nobody");
	struct decision d = virtual_decision(v, VERB_ROLLBACK, 0);
	d.outcome = OUTCOME_CLOSED;
	virtual_decide(v, &d);
	virtual_run(v, 1000);
	assert_true(s->mixed && !s->partial);
}

/* ---- what kind of change it is ---- */

static enum act act_of(const struct virtual *v, struct intent want)
{
	struct interlock_facts facts;
	pool_facts(&v->m, virtual_pool(v), &want, &facts);
	return facts.act;
}

static void test_acts(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	static const struct {
		struct intent want;
		enum act act;
	} rows[] = {
		{{.verb = VERB_STEP, .to_bp = 5000}, ACT_RAISE},
		{{.verb = VERB_STEP, .to_bp = 1000}, ACT_RAISE},
		{{.verb = VERB_STEP, .to_bp = 999}, ACT_LOWER},
		{{.verb = VERB_STEP, .to_bp = -1}, ACT_RAISE},
		{{.verb = VERB_STEP, .to_bp = -1, .has_strategy = true, .strategy = STRATEGY_AB_TEST},
			ACT_RAISE},
		{{.verb = VERB_STEP,
			 .to_bp = 100,
			 .has_strategy = true,
			 .strategy = STRATEGY_FULL_MIGRATION},
			ACT_RAISE},
		{{.verb = VERB_STEP,
			 .to_bp = -1,
			 .has_strategy = true,
			 .strategy = STRATEGY_PRIMARY_ONLY},
			ACT_LOWER},
		{{.verb = VERB_STEP, .to_bp = 1000, .has_strategy = true, .strategy = STRATEGY_CANARY},
			ACT_LOWER},
		{{.verb = VERB_STEP, .to_bp = -1, .has_strategy = true, .strategy = STRATEGY_CANARY},
			ACT_LOWER},
		{{.verb = VERB_STEP, .to_bp = 5000, .has_strategy = true, .strategy = STRATEGY_CANARY},
			ACT_RAISE},
		{{.verb = VERB_OPERATIONS, .widens = true}, ACT_WIDEN},
		{{.verb = VERB_OPERATIONS}, ACT_LOWER},
		{{.verb = VERB_KEEP}, ACT_KEEP},
		{{.verb = VERB_ARM}, ACT_ARM},
		{{.verb = VERB_DISARM}, ACT_LOWER},
		{{.verb = VERB_RESUME}, ACT_RESUME},
		{{.verb = VERB_ADOPT}, ACT_ADOPT},
		{{.verb = VERB_FINALIZE}, ACT_FINALIZE},
		{{.verb = VERB_TAKE}, ACT_TELL},
		{{.verb = VERB_GUARD}, ACT_TELL},
		{{.verb = VERB_DRAIN}, ACT_TELL},
		{{.verb = VERB_CLOSE}, ACT_TELL},
		{{.verb = VERB_ANNOTATE}, ACT_TELL},
		{{.verb = VERB_HOLD}, ACT_TELL},
		{{.verb = VERB_ROLLBACK}, ACT_TELL},
	};
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
		assert_int_equal(act_of(v, rows[k].want), rows[k].act);
	struct interlock_facts f;
	pool_facts(&v->m, virtual_pool(v), &rows[4].want, &f);
	assert_int_equal(f.to_bp, 5000);
	/* a plan that is not the one armed with goes no further */
	text_copy(v->node[0].s->plan_hash, sizeof v->node[0].s->plan_hash, "other");
	virtual_poll(v);
	assert_true(fails(v, PREDICATE_NEXT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(test_a_whole_migration),
		ONE(test_ready_waits_for_samples),
		ONE(test_rollback),
		ONE(test_a_rollback_comes_before_an_open_step),
		ONE(test_hold_and_resume),
		ONE(test_red_latches_until_a_younger_resume),
		ONE(test_the_judges_red_outlives_the_window),
		ONE(test_both_sides_hold_but_do_not_latch),
		ONE(test_the_rollback_ends_the_red),
		ONE(test_old_numbers_are_no_evidence),
		ONE(test_a_restart_that_lost_the_share),
		ONE(test_a_long_silence_is_no_restart),
		ONE(test_what_was_seen_between_two_documents),
		ONE(test_what_was_seen_and_taken_back_between_two_documents),
		ONE(test_what_was_seen_in_a_time_to_come),
		ONE(test_an_unexplained_share_is_drift),
		ONE(test_what_the_audit_may_explain_is_not_claimed),
		TWO(test_nodes_that_differ),
		TWO(test_one_restart_restarts_the_bakes_samples),
		TWO(test_seen_nodes),
		TWO(test_hold_of_one_node_holds_all),
		TWO(test_a_step_that_only_some_took),
		TWO(test_what_is_not_partial),
		ONE(test_acts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
