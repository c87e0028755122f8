/* Model: what is believed of a virtual pool, from its documents and the decisions about it: how
 * old news are, what a sample is, who answers, and what is not known. Time is virtual; nothing
 * here waits. */
#include "tests/unit/model/bed.h"

/* ---- freshness ---- */

static void test_freshness_table(void **state)
{
	(void)state;
	static const struct {
		int64_t age_ms, interval_ms;
		enum freshness f;
	} rows[] = {
		{UNKNOWN, 1000, FRESHNESS_NEVER},
		{0, 1000, FRESHNESS_LIVE},
		{2000, 1000, FRESHNESS_LIVE},
		{2001, 1000, FRESHNESS_LATE},
		{3000, 1000, FRESHNESS_LATE},
		{3001, 1000, FRESHNESS_STALE},
		{60000, 1000, FRESHNESS_STALE},
		{60001, 1000, FRESHNESS_LOST},
		{3000, 100, FRESHNESS_LATE},
		{3001, 100, FRESHNESS_STALE},
		{10000, 5000, FRESHNESS_LIVE},
		{15000, 5000, FRESHNESS_LATE},
		{15001, 5000, FRESHNESS_STALE},
	};
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
		assert_int_equal(freshness_of(rows[k].age_ms, rows[k].interval_ms), rows[k].f);
	const char *const words[] = {"LIVE", "LATE", "STALE", "LOST", "NEVER"};
	for (int f = 0; f < FRESHNESS_COUNT; f++)
		assert_string_equal(freshness_name((enum freshness)f), words[f]);
}

static void test_news_grow_old(void **state)
{
	struct virtual *v = *state;
	virtual_tick(v);
	assert_int_equal(virtual_standing(v)->freshness, FRESHNESS_NEVER);
	assert_true(virtual_standing(v)->age_ms == UNKNOWN);
	virtual_poll(v);
	assert_int_equal(virtual_standing(v)->freshness, FRESHNESS_LIVE);
	assert_int_equal(virtual_standing(v)->nodes_live, 1);
	static const struct {
		int64_t wait_ms;
		enum freshness f;
	} rows[] = {{2000, FRESHNESS_LIVE}, {1, FRESHNESS_LATE}, {999, FRESHNESS_LATE},
		{1, FRESHNESS_STALE}, {56999, FRESHNESS_STALE}, {1, FRESHNESS_LOST}};
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		enum freshness before = virtual_standing(v)->freshness;
		virtual_wait(v, rows[k].wait_ms);
		virtual_tick(v);
		assert_int_equal(virtual_standing(v)->freshness, rows[k].f);
		assert_int_equal(!!(v->dirty & DIRTY_STATE), before != rows[k].f);
		assert_int_equal(fails(v, PREDICATE_LIVE), rows[k].f != FRESHNESS_LIVE);
	}
	assert_true(virtual_standing(v)->age_ms == 60001);
	virtual_poll(v);
	assert_int_equal(virtual_standing(v)->freshness, FRESHNESS_LIVE);
}

static void test_freshness_is_the_worst_nodes(void **state)
{
	struct virtual *v = *state;
	virtual_poll_node(v, 0);
	assert_int_equal(virtual_standing(v)->freshness, FRESHNESS_NEVER);
	assert_int_equal(virtual_standing(v)->nodes_live, 1);
	assert_int_equal(virtual_standing(v)->reported_bp, -1);
	virtual_poll_node(v, 1);
	assert_int_equal(virtual_standing(v)->freshness, FRESHNESS_LIVE);
	v->node[1].silent = true;
	virtual_run(v, 14000);
	assert_int_equal(virtual_standing(v)->freshness, FRESHNESS_STALE);
	assert_int_equal(virtual_standing(v)->nodes_live, 1);
	assert_true(virtual_standing(v)->age_ms == 14000);
	assert_int_equal(virtual_standing(v)->next.check[PREDICATE_LIVE].code, ERR_NODES);
}

/* ---- documents become samples ---- */

static void test_the_first_document_makes_no_sample(void **state)
{
	struct virtual *v = *state;
	virtual_poll(v);
	assert_false(v->sample->valid);
	assert_int_equal(v->dirty & DIRTY_SAMPLE, 0);
	assert_true(isnan(virtual_standing(v)->arms[ARM_V1].rate));
	assert_true(isnan(virtual_standing(v)->arms[ARM_V1].error_rate));
	virtual_run(v, 1000);
	assert_true(v->sample->valid && v->dirty & DIRTY_SAMPLE);
	assert_false(v->sample->gap);
	assert_int_equal(v->sample->change, COUNTS_OK);
}

static void test_a_sample_is_the_difference(void **state)
{
	struct virtual *v = *state;
	v->node[0].s->share_bp = 1000;
	v->failing[ARM_V2] = 100;
	virtual_poll(v);
	virtual_run(v, 1000);
	const struct sample *s = &v->sample->sample;
	assert_true(s->interval_ms == 1000 && s->at.boot_ms == v->now.boot_ms);
	assert_true(s->arms[ARM_V1].requests == 90 && s->arms[ARM_V1].failed_total == 0);
	assert_true(s->arms[ARM_V2].requests == 10 && s->arms[ARM_V2].ok == 9);
	assert_true(s->arms[ARM_V2].failed_total == 1);
	assert_true(v->sample->has_latency[ARM_V1] && !v->sample->has_session_latency[ARM_V1]);
	assert_int_equal(histogram_total(&v->sample->latency[ARM_V2]), 10);
	assert_true(
		s->arms[ARM_V2].p99_us == histogram_quantile_us(&v->sample->latency[ARM_V2], 0.99));
	const struct arm_figures *f = virtual_standing(v)->arms;
	assert_true(f[ARM_V1].rate == 90 && f[ARM_V2].rate == 10);
	assert_true(fabs(f[ARM_V2].error_rate - 0.1) < 1e-12);
	assert_true(f[ARM_V1].requests == 90 && f[ARM_V2].done == 10);
	assert_true(f[ARM_V1].p50_us == s->arms[ARM_V1].p50_us);
}

static void test_without_the_pools_clock_the_interval_is_ours(void **state)
{
	struct virtual *v = *state;
	for (int i = 0; i < 3; i++) {
		virtual_traffic(v, 1000);
		virtual_poll_node(v, 0);
		v->node[0].s->uptime_ms = UNKNOWN;
		virtual_traffic(v, 1100);
		virtual_tell(v,
			(struct model_event){
				.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(0, 0), .snapshot = v->node[0].s});
		assert_true(v->sample->valid && v->sample->sample.interval_ms == 1100);
		assert_true(virtual_standing(v)->uptime_ms == UNKNOWN);
	}
}

static void test_a_restart_is_no_sample(void **state)
{
	struct virtual *v = *state;
	virtual_run(v, 3000);
	virtual_boot(v, 0, "boot-2");
	virtual_run(v, 1000);
	assert_false(v->sample->valid);
	assert_int_equal(v->sample->change, COUNTS_RESTART);
	virtual_run(v, 1000);
	assert_true(v->sample->valid);
	assert_true(v->sample->sample.arms[ARM_V1].requests == 100);
	assert_int_equal(model_node(&v->m, NODE_HANDLE(0, 0))->trouble.code, ERR_NONE);
}

static void test_a_counter_that_goes_back(void **state)
{
	struct virtual *v = *state;
	virtual_run(v, 3000);
	int64_t done = virtual_standing(v)->arms[ARM_V1].done;
	v->node[0].s->arms[ARM_V1].requests -= 250;
	virtual_run(v, 1000);
	assert_false(v->sample->valid);
	assert_int_equal(v->sample->change, COUNTS_BACK);
	assert_int_equal(model_node(&v->m, NODE_HANDLE(0, 0))->trouble.code, ERR_COUNTER_BACK);
	assert_true(virtual_standing(v)->arms[ARM_V1].done == done);
	/* the next difference is honest again */
	virtual_run(v, 1000);
	assert_true(v->sample->valid);
	assert_int_equal(model_node(&v->m, NODE_HANDLE(0, 0))->trouble.code, ERR_NONE);
}

static void test_faster_polls_make_no_more_samples(void **state)
{
	struct virtual *v = *state;
	virtual_poll(v);
	int samples = 0;
	int64_t requests = 0;
	for (int i = 0; i < 600; i++) {
		virtual_traffic(v, 100);
		virtual_poll(v);
		samples += v->sample->valid;
		if (v->sample->valid) {
			requests += v->sample->sample.arms[ARM_V1].requests;
			/* nothing is lost between them */
			assert_true(requests == (i + 1) * 10);
			assert_false(v->sample->gap);
		}
		/* the facts are the newest all the same */
		assert_true(virtual_standing(v)->arms[ARM_V1].requests == (i + 1) * 10);
	}
	assert_in_range(samples, 59, 61); /* one a second */
}

/* However often polls come at once, one by one or in bursts, the slots stay with the clock: else
 * the rows of another node, or those after the burst, would seem to be late. */
static void test_slots_never_run_ahead(void **state)
{
	struct virtual *v = *state;
	static const int64_t every_ms[] = {100, 400, 760, 850, 990, 1000};
	virtual_poll(v);
	virtual_run(v, 3000);
	int64_t first_ms = virtual_pool(v)->first_tick_ms;
	for (size_t k = 0; k < sizeof every_ms / sizeof *every_ms; k++) {
		int64_t last = v->sample->tick;
		for (int64_t end = v->now.boot_ms + 60000; v->now.boot_ms < end;) {
			virtual_traffic(v, every_ms[k]);
			virtual_poll(v);
			if (!v->sample->valid)
				continue;
			assert_true(v->sample->tick <= (v->now.boot_ms - first_ms + 500) / 1000 + 1);
			assert_false(v->sample->gap);
			last = v->sample->tick;
		}
		/* and they do not fall behind either */
		assert_true(last + 3 >= (v->now.boot_ms - first_ms) / 1000);
		virtual_run(v, 2000);
	}
}

static void test_gaps_are_flagged(void **state)
{
	struct virtual *v = *state;
	const struct pool *p = virtual_pool(v);
	virtual_poll(v);
	virtual_run(v, 3000);
	assert_int_equal(ring_length(&p->ticks), 3);
	/* jitter is no gap */
	virtual_traffic(v, 1900);
	virtual_poll(v);
	assert_true(v->sample->valid && !v->sample->gap);
	virtual_traffic(v, 800);
	virtual_poll(v);
	assert_true(v->sample->valid && !v->sample->gap);
	int64_t last = v->sample->tick;
	assert_int_equal(ring_length(&p->ticks), 5);
	virtual_traffic(v, 7000);
	virtual_poll(v);
	assert_true(v->sample->valid && v->sample->gap);
	assert_true(v->sample->tick > last + 1);
	assert_null(ring_at(&p->ticks, last + 1));
	assert_non_null(ring_at(&p->ticks, v->sample->tick));
	assert_true(v->sample->sample.interval_ms == 7000);
}

static void test_ticks_add_nodes_up(void **state)
{
	struct virtual *v = *state;
	virtual_poll(v);
	virtual_run(v, 2000);
	const struct tick *t = ring_last(&virtual_pool(v)->ticks);
	assert_int_equal(t->arms[ARM_V1].requests, 200);
	assert_int_equal(t->arms[ARM_V1].done, 200);
	assert_true(t->arms[ARM_V1].memory_bytes == 200 << 20);
	assert_int_equal(t->arms[ARM_V2].p99_us, -1); /* nothing done: not known */
	assert_true(virtual_standing(v)->arms[ARM_V1].requests == 400);
	assert_int_equal(ring_length(&virtual_pool(v)->ticks), 2);
}

/* ---- identity ---- */

/* Whoever has a history of then must read why their own engine is another. */
static void test_an_engine_that_was_numbered(void **state)
{
	static const struct {
		const char *target, *pinned;
		bool told;
	} rows[] = {{"local:", "local-2", true}, {"local:demo", "local", true},
		{"local:", "checkout", false}, {"local:", "localhost", false},
		{"unix:/run/pool", "local", false}};
	struct virtual *v = *state;
	virtual_run(v, 3000);
	struct node *n = model_node(&v->m, NODE_HANDLE(0, 0));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		text_copy(n->target, sizeof n->target, rows[i].target);
		text_copy(virtual_pool(v)->pool_id, POOL_ID_MAX, rows[i].pinned);
		virtual_run(v, 1000);
		assert_int_equal(n->trouble.code, ERR_IDENTITY);
		assert_int_equal(strstr(n->trouble.text, "use a new --history") != NULL, rows[i].told);
	}
}

static void test_another_node_answers(void **state)
{
	struct virtual *v = *state;
	virtual_run(v, 3000);
	const struct node *n = model_node(&v->m, NODE_HANDLE(0, 0));
	assert_string_equal(virtual_pool(v)->pool_id, "shop");
	text_copy(v->node[0].s->node_id, sizeof v->node[0].s->node_id, "somebody");
	v->node[0].s->share_bp = 7700;
	virtual_run(v, 1000);
	assert_true(n->foreign);
	assert_int_equal(n->trouble.code, ERR_IDENTITY);
	assert_false(v->sample->valid);
	assert_true(fails(v, PREDICATE_IDENTITY));
	assert_int_equal(virtual_standing(v)->reported_bp, -1); /* its word counts for nothing */
	assert_int_equal(virtual_standing(v)->nodes_live, 0);
	assert_int_equal(n->last->share_bp, 0);
	/* the right one again */
	text_copy(v->node[0].s->node_id, sizeof v->node[0].s->node_id, "id-0");
	v->node[0].s->share_bp = 0;
	virtual_run(v, 1000);
	assert_false(n->foreign);
	assert_false(fails(v, PREDICATE_IDENTITY));
}

static void test_another_pool_answers(void **state)
{
	struct virtual *v = *state;
	virtual_run(v, 2000);
	text_copy(v->node[1].s->pool_id, sizeof v->node[1].s->pool_id, "other");
	virtual_run(v, 1000);
	assert_false(model_node(&v->m, NODE_HANDLE(0, 0))->foreign);
	assert_true(model_node(&v->m, NODE_HANDLE(0, 1))->foreign);
	assert_true(fails(v, PREDICATE_IDENTITY));
	assert_string_equal(virtual_pool(v)->pool_id, "shop");
}

static void pin(struct virtual *v, const char *pool_id)
{
	virtual_tell(v, (struct model_event){.kind = MODEL_PINNED, .text = pool_id});
}

static void test_pinned_before_the_first_answer(void **state)
{
	struct virtual *v = *state;
	pin(v, "other");
	virtual_poll(v);
	assert_true(model_node(&v->m, NODE_HANDLE(0, 0))->foreign);
	assert_int_equal(virtual_standing(v)->reported_bp, -1);
	assert_true(fails(v, PREDICATE_IDENTITY));
}

static void test_pinned_after_the_wrong_one_answered(void **state)
{
	struct virtual *v = *state;
	const struct node *n = model_node(&v->m, NODE_HANDLE(0, 0));
	virtual_run(v, 3000);
	pin(v, "shop"); /* what is known already changes nothing */
	assert_false(n->foreign);
	assert_int_equal(ring_length(&virtual_pool(v)->ticks), 2);
	pin(v, "other");
	assert_true(n->foreign);
	assert_int_equal(ring_length(&virtual_pool(v)->ticks), 0);
	assert_int_equal(virtual_standing(v)->arms[ARM_V1].done, 0);
	virtual_run(v, 1000);
	assert_true(n->foreign);
	assert_true(fails(v, PREDICATE_IDENTITY));
	/* the pool that was meant, with a node id of its own, is welcome */
	text_copy(v->node[0].s->pool_id, sizeof v->node[0].s->pool_id, "other");
	text_copy(v->node[0].s->node_id, sizeof v->node[0].s->node_id, "its own");
	virtual_run(v, 1000);
	assert_false(n->foreign);
	assert_int_equal(virtual_standing(v)->reported_bp, 0);
}

static void test_a_judge_begins_with_the_record(void **state)
{
	struct virtual *v = *state;
	struct judging *g = virtual_pool(v)->judging;
	const struct model_event recorded = {.kind = MODEL_RECORDED};
	virtual_tell(v, recorded);
	virtual_run(v, 4000);
	assert_true(g->taken > 0);
	virtual_tell(v, recorded);
	assert_int_equal(g->taken, 0);
	assert_int_equal(g->judge.looks, 0);
	/* What was found stays, and what took long. */
	virtual_run(v, 3000);
	const int64_t taken = g->taken;
	assert_true(taken > 0);
	g->judge.finding[CLAIM_ERRORS].found = true;
	virtual_tell(v, recorded);
	assert_int_equal(g->taken, taken);
	g->judge.finding[CLAIM_ERRORS].found = false;
	virtual_run(v, 12000);
	virtual_tell(v, recorded);
	assert_true(g->taken > taken);
}

static void test_builds_differ(void **state)
{
	struct virtual *v = *state;
	virtual_run(v, 2000);
	assert_false(fails(v, PREDICATE_IDENTITY));
	text_copy(v->node[1].s->build, sizeof v->node[1].s->build, "1.1");
	virtual_run(v, 1000);
	assert_true(fails(v, PREDICATE_IDENTITY));
	assert_int_equal(virtual_standing(v)->next.check[PREDICATE_IDENTITY].code, ERR_BUILD);
}

/* ---- decisions ---- */

static void test_decisions_are_in_order(void **state)
{
	struct virtual *v = *state;
	const struct pool *p = virtual_pool(v);
	const int64_t at[] = {500, 100, 300, 300, 900, 0};
	for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
		struct decision d = virtual_decision(v, VERB_HOLD, -1);
		d.at_ms = at[i];
		virtual_decide(v, &d);
		assert_int_equal(v->dirty & DIRTY_DECISION, DIRTY_DECISION);
	}
	assert_int_equal(p->decision_count, 6);
	for (size_t i = 1; i < p->decision_count; i++)
		assert_true(p->decisions[i - 1].at_ms <= p->decisions[i].at_ms);
	/* of one moment: as they came */
	assert_string_equal(p->decisions[2].id, "intent-3");
	assert_string_equal(p->decisions[3].id, "intent-4");
	assert_non_null(pool_decision(p, "intent-1"));
	assert_null(pool_decision(p, "intent-7"));
}

static void test_the_newest_decisions_are_kept(void **state)
{
	struct virtual *v = *state;
	const struct pool *p = virtual_pool(v);
	for (int i = 0; i < POOL_DECISIONS + 10; i++) {
		struct decision d = virtual_decision(v, VERB_ANNOTATE, -1);
		d.at_ms = i;
		virtual_decide(v, &d);
	}
	assert_int_equal(p->decision_count, POOL_DECISIONS);
	assert_true(p->decisions[0].at_ms == 10);
	assert_true(p->decisions[POOL_DECISIONS - 1].at_ms == POOL_DECISIONS + 9);
}

static void test_the_first_final_outcome_stays(void **state)
{
	struct virtual *v = *state;
	const struct pool *p = virtual_pool(v);
	struct decision d = virtual_decision(v, VERB_STEP, 100), copy = d;
	virtual_decide(v, &d);
	copy.outcome = OUTCOME_UNRESOLVED;
	virtual_decide(v, &copy);
	assert_int_equal(pool_decision(p, d.id)->outcome, OUTCOME_UNRESOLVED);
	virtual_row(v, d.id, OUTCOME_ROW_NODE, OUTCOME_APPLIED);
	assert_int_equal(pool_decision(p, d.id)->outcome, OUTCOME_UNRESOLVED);
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	int64_t first_ms = v->now.wall_ms;
	virtual_wait(v, 5000);
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_VOID);
	assert_int_equal(pool_decision(p, d.id)->outcome, OUTCOME_APPLIED);
	assert_true(pool_decision(p, d.id)->outcome_ms == first_ms);
	virtual_row(v, d.id, OUTCOME_ROW_VERIFIED, OUTCOME_APPLIED);
	int64_t verified_ms = v->now.wall_ms;
	/* an older copy of it, and one that says otherwise */
	virtual_decide(v, &copy);
	copy.outcome = OUTCOME_REFUSED;
	copy.outcome_ms = copy.verified_ms = 7;
	copy.seq = 12;
	virtual_decide(v, &copy);
	const struct decision *now = pool_decision(p, d.id);
	assert_int_equal(p->decision_count, 1);
	assert_int_equal(now->outcome, OUTCOME_APPLIED);
	assert_true(now->outcome_ms == first_ms && now->verified_ms == verified_ms);
	assert_true(now->latency_ms == 12);
	assert_true(now->seq == 12); /* what else is known of it is taken */
	/* rows of nobody's decision */
	virtual_row(v, "nobody", OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	assert_int_equal(v->dirty & DIRTY_DECISION, 0);
}

/* ---- by hand, unknown, reset ---- */

static void test_by_hand(void **state)
{
	struct virtual *v = *state;
	virtual_history_opens(v);
	virtual_run(v, 2000);
	assert_state(v, STATE_IDLE);
	struct interlock_facts f;
	struct interlock i;
	facts_of(v, VERB_STEP, 2500, &f);
	assert_true(policy_is_manual(&f.policy));
	interlock_evaluate(&i, &f);
	assert_true(i.allowed);
	facts_of(v, VERB_STEP, 2600, &f);
	interlock_evaluate(&i, &f);
	assert_int_equal(i.failing, 1u << PREDICATE_NEXT);
	virtual_move(v, VERB_STEP, 2500);
	assert_state(v, STATE_READY); /* nothing bakes */
	facts_of(v, VERB_STEP, 1000, &f);
	assert_int_equal(f.act, ACT_LOWER);
	facts_of(v, VERB_RESUME, -1, &f);
	assert_int_equal(f.act, ACT_RESUME);
	virtual_move(v, VERB_STEP, 0);
	assert_state(v, STATE_IDLE);
}

/* An acknowledged step whose effect never comes does not stay STEPPING for ever. */
static void test_acknowledged_but_not_done(void **state)
{
	struct virtual *v = *state;
	go_to(v, 100);
	struct decision d = virtual_decision(v, VERB_STEP, 1000);
	virtual_decide(v, &d);
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	virtual_run(v, 9000);
	assert_state(v, STATE_STEPPING);
	virtual_run(v, 1000);
	assert_state(v, STATE_DIVERGED);
	assert_int_equal(virtual_standing(v)->intended_bp, 1000);
}

static void test_what_a_pool_does_not_say_is_unknown(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	v->node[0].s->change.known = false;
	virtual_run(v, 1000);
	const struct standing *s = virtual_standing(v);
	assert_true(s->bake_left_ms == UNKNOWN && s->samples[ARM_V1] == UNKNOWN);
	/* without a known change the share is what the last minutes' traffic shows */
	assert_true(s->measured_bp >= 0 && s->measured_n > 0);
	assert_true(fails(v, PREDICATE_BAKE) && fails(v, PREDICATE_SAMPLES));
	assert_true(s->next.wait_ms == UNKNOWN);
	/* the counts of the change, but not when it was */
	v->node[0].s->change.known = true;
	virtual_traffic(v, 1000);
	v->node[0].s->change.age_ms = UNKNOWN;
	virtual_tell(v,
		(struct model_event){
			.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(0, 0), .snapshot = v->node[0].s});
	assert_true(s->bake_left_ms == UNKNOWN && s->samples[ARM_V1] != UNKNOWN);
	assert_state(v, STATE_BAKING);
}

static void test_sessions_are_the_units_where_known(void **state)
{
	struct virtual *v = *state;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		v->node[0].s->arms[arm].sessions = v->node[0].s->arms[arm].sessions_bad = 0;
	v->node[0].s->unit_ms = 5000;
	go_to(v, 1000);
	v->node[0].s->arms[ARM_V2].sessions += 7;
	virtual_run(v, 1000);
	assert_true(virtual_standing(v)->sessions);
	assert_true(virtual_standing(v)->samples[ARM_V2] == 7);
	assert_true(virtual_standing(v)->measured_n > 100); /* the share is of requests */
	v->node[0].s->arms[ARM_V1].sessions = UNKNOWN;
	virtual_run(v, 1000);
	assert_false(virtual_standing(v)->sessions);
	/* unit_ms that nobody says makes no wait of its own */
	v->node[0].s->arms[ARM_V1].sessions = 10;
	v->node[0].s->unit_ms = UNKNOWN;
	virtual_run(v, 1000);
	assert_true(virtual_standing(v)->next.wait_ms == UNKNOWN);
}

static void test_trouble_is_kept_and_ends(void **state)
{
	struct virtual *v = *state;
	struct err err = {0};
	virtual_run(v, 2000);
	err_set(&err, ERR_UNREACHABLE, "cannot reach 'a'");
	virtual_tell(v,
		(struct model_event){
			.kind = MODEL_TROUBLE, .node = NODE_HANDLE(0, 0), .err = &err, .retry_ms = 4000});
	const struct node *n = model_node(&v->m, NODE_HANDLE(0, 0));
	assert_int_equal(n->trouble.code, ERR_UNREACHABLE);
	assert_true(n->retry_ms == 4000);
	assert_int_equal(
		virtual_standing(v)->reported_bp, 0); /* what was said stays, and grows old */
	virtual_run(v, 1000);
	assert_int_equal(n->trouble.code, ERR_NONE);
	assert_true(n->retry_ms == UNKNOWN);
}

static void test_history_that_cannot_be_written(void **state)
{
	struct virtual *v = *state;
	struct err err = {0};
	virtual_history_opens(v);
	virtual_run(v, 2000);
	assert_true(v->m.history_known && v->m.history_writable);
	assert_string_equal(v->m.history_head, "head");
	err_set(&err, ERR_DISK, "disk full");
	virtual_tell(v, (struct model_event){.kind = MODEL_HISTORY, .err = &err});
	assert_false(v->m.history_writable);
	assert_string_equal(v->m.history_why, "disk full");
	assert_true(fails(v, PREDICATE_HISTORY));
	assert_state(v, STATE_PLANNED);
	err = (struct err){0};
	virtual_tell(v, (struct model_event){.kind = MODEL_HISTORY, .err = &err});
	assert_true(v->m.history_writable);
	assert_state(v, STATE_ARMED);
}

static void test_reset_forgets(void **state)
{
	struct virtual *v = *state;
	go_to(v, 1000);
	v->rate = 1000;
	v->failing[ARM_V2] = 300;
	virtual_run(v, 3000);
	assert_true(virtual_pool(v)->latch.red);
	virtual_tell(v, (struct model_event){.kind = MODEL_RESET});
	const struct pool *p = virtual_pool(v);
	const struct standing *s = virtual_standing(v);
	assert_int_equal(s->freshness, FRESHNESS_NEVER);
	assert_int_equal(p->decision_count, 0);
	assert_int_equal(ring_length(&p->ticks), 0);
	assert_false(p->latch.red);
	assert_int_equal(s->reported_bp, -1);
	assert_true(s->arms[ARM_V1].requests == UNKNOWN && s->arms[ARM_V1].done == 0);
	virtual_poll(v);
	assert_false(v->sample->valid); /* the first again */
	assert_int_equal(s->reported_bp, 1000);
	/* an earlier time than before is as good as any: a replay that goes back */
	v->now.boot_ms -= 1000000;
	v->now.wall_ms -= 1000000;
	virtual_tell(v, (struct model_event){.kind = MODEL_RESET});
	virtual_poll(v);
	assert_int_equal(s->freshness, FRESHNESS_LIVE);
}

static void test_handles(void **state)
{
	struct virtual *v = *state;
	assert_ptr_equal(model_pool_of(&v->m, NODE_HANDLE(0, 1)), virtual_pool(v));
	assert_ptr_equal(model_node(&v->m, NODE_HANDLE(0, 1)), &virtual_pool(v)->nodes[1]);
	const uint64_t bad[] = {0, 1, NODE_HANDLE(0, 2), NODE_HANDLE(1, 0), UINT64_MAX};
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		assert_null(model_node(&v->m, bad[k]));
		unsigned dirty = virtual_tell(v,
			(struct model_event){
				.kind = MODEL_SNAPSHOT, .node = bad[k], .snapshot = v->node[0].s});
		assert_int_equal(dirty, 0);
	}
	assert_int_equal(model_find(&v->m, "checkout"), 0);
	assert_int_equal(model_find(&v->m, "check"), -1);
}

static void test_several_pools(void **state)
{
	struct virtual *v = *state;
	const char *const target = "http://z:1";
	struct guard_limits l = limits();
	int index = model_add(&v->m,
		&(struct pool_setup){.name = "search",
			.targets = &target,
			.target_count = 1,
			.interval_ms = 500,
			.limits = &l});
	assert_int_equal(index, 1);
	assert_int_equal(model_find(&v->m, "search"), 1);
	const struct standing *s = &v->m.pools[1].standing;
	assert_int_equal(s->freshness, FRESHNESS_NEVER); /* before its first event */
	assert_true(s->reported_bp == -1 && s->open == -1 && s->epoch == UNKNOWN);
	assert_true(s->state_since_ms == UNKNOWN && !s->next.allowed);
	virtual_run(v, 2000);
	virtual_tick(v); /* time passes for all of them */
	assert_true(s->state_since_ms == v->now.boot_ms);
	assert_int_equal(v->m.pools[0].standing.freshness, FRESHNESS_LIVE);
	assert_int_equal(v->m.pools[1].standing.freshness, FRESHNESS_NEVER);
	struct snapshot other = *v->node[0].s;
	text_copy(other.node_id, sizeof other.node_id, "id-z");
	virtual_tell(v,
		(struct model_event){
			.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(1, 0), .snapshot = &other});
	assert_int_equal(v->m.pools[1].standing.freshness, FRESHNESS_LIVE);
	assert_string_equal(v->m.pools[1].pool_id, "shop");
}

/* Its rows have one name: under a second one none would be written down, and nobody told. */
static void test_one_node_under_two_names(void **state)
{
	struct virtual *v = *state;
	const char *const target = "http://z:1";
	struct guard_limits l = limits();
	model_add(&v->m,
		&(struct pool_setup){.name = "search",
			.targets = &target,
			.target_count = 1,
			.interval_ms = 500,
			.limits = &l});
	virtual_run(v, 2000);
	const struct node *n = model_node(&v->m, NODE_HANDLE(1, 0));
	for (int i = 0; i < 2; i++) {
		virtual_tell(v,
			(struct model_event){
				.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(1, 0), .snapshot = v->node[0].s});
		assert_true(n->foreign);
		assert_int_equal(n->trouble.code, ERR_IDENTITY);
		assert_non_null(strstr(n->trouble.text, "'http://z:1' is a node of pool 'checkout'"));
		assert_false(v->sample->valid);
	}
	assert_int_equal(v->m.pools[1].standing.reported_bp, -1);
	virtual_run(v, 1000); /* the first name goes on */
	assert_false(model_node(&v->m, NODE_HANDLE(0, 0))->foreign);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freshness_table),
		ONE(test_news_grow_old),
		TWO(test_freshness_is_the_worst_nodes),
		ONE(test_the_first_document_makes_no_sample),
		ONE(test_a_sample_is_the_difference),
		ONE(test_without_the_pools_clock_the_interval_is_ours),
		ONE(test_a_restart_is_no_sample),
		ONE(test_a_counter_that_goes_back),
		ONE(test_faster_polls_make_no_more_samples),
		ONE(test_slots_never_run_ahead),
		ONE(test_gaps_are_flagged),
		TWO(test_ticks_add_nodes_up),
		ONE(test_another_node_answers),
		ONE(test_an_engine_that_was_numbered),
		TWO(test_one_node_under_two_names),
		TWO(test_another_pool_answers),
		ONE(test_pinned_before_the_first_answer),
		ONE(test_pinned_after_the_wrong_one_answered),
		ONE(test_a_judge_begins_with_the_record),
		TWO(test_builds_differ),
		ONE(test_decisions_are_in_order),
		ONE(test_the_newest_decisions_are_kept),
		ONE(test_the_first_final_outcome_stays),
		HAND(test_by_hand),
		ONE(test_acknowledged_but_not_done),
		ONE(test_what_a_pool_does_not_say_is_unknown),
		ONE(test_sessions_are_the_units_where_known),
		ONE(test_trouble_is_kept_and_ends),
		ONE(test_history_that_cannot_be_written),
		ONE(test_reset_forgets),
		TWO(test_handles),
		ONE(test_several_pools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
