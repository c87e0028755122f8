/* Model: what is believed of a virtual pool, from its documents and the decisions about it.
 * Time is virtual; nothing here waits. */
#include "tests/unit/model/virtual.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static struct guard_limits limits(void)
{
	struct guard_limits l;
	guard_limits_init(&l);
	l.error_rate = 0.05;
	l.latency_ms = 1000;
	return l;
}

static int setup_nodes(void **state, int nodes, bool with_plan)
{
	struct virtual *v = mem_new(1, sizeof *v);
	struct plan plan = virtual_plan();
	struct guard_limits l = limits();
	virtual_init(v, nodes, with_plan ? &plan : NULL, &l);
	*state = v;
	return 0;
}

static int setup(void **state)
{
	return setup_nodes(state, 1, true);
}

static int setup_two(void **state)
{
	return setup_nodes(state, 2, true);
}

static int setup_by_hand(void **state)
{
	return setup_nodes(state, 1, false);
}

static int teardown(void **state)
{
	virtual_release(*state);
	free(*state);
	return 0;
}

static enum state state_of_pool(const struct virtual *v)
{
	return virtual_standing(v)->state;
}

static bool fails(const struct virtual *v, enum predicate p)
{
	return virtual_standing(v)->next.failing >> p & 1;
}

static void facts_of(
	const struct virtual *v, enum verb verb, int to_bp, struct interlock_facts *out)
{
	const struct standing *s = virtual_standing(v);
	pool_facts(&v->m, virtual_pool(v),
		&(struct intent){
			.verb = verb, .to_bp = to_bp, .shown_epoch = s->epoch, .shown_rev = s->rev},
		out);
}

#define assert_state(v, s) assert_string_equal(state_name(state_of_pool(v)), state_name(s))

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

/* ---- a migration ---- */

/* Runs until the state is left; the seconds that took. */
static int run_while(struct virtual *v, enum state s, int most)
{
	int seconds = 0;
	for (; seconds < most && state_of_pool(v) == s; seconds++)
		virtual_run(v, 1000);
	return seconds;
}

static void take_step(struct virtual *v, int to_bp)
{
	assert_int_equal(virtual_standing(v)->next_bp, to_bp);
	assert_true(virtual_standing(v)->next.allowed);
	struct decision d = virtual_decision(v, VERB_STEP, to_bp);
	virtual_decide(v, &d);
	assert_state(v, STATE_STEPPING);
	assert_true(fails(v, PREDICATE_OPEN));
	virtual_apply_at(v, 0, VERB_STEP, to_bp, v->m.actor);
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	assert_state(v, STATE_STEPPING); /* acknowledged, not yet seen */
	virtual_run(v, 1000);
	virtual_verify(v, &d);
	assert_state(v, STATE_BAKING);
	assert_int_equal(virtual_standing(v)->reported_bp, to_bp);
	assert_int_equal(virtual_standing(v)->intended_bp, to_bp);
	assert_false(virtual_standing(v)->diverged);
}

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

static void go_to(struct virtual *v, int to_bp)
{
	virtual_history_opens(v);
	virtual_run(v, 2000);
	virtual_move(v, VERB_STEP, to_bp);
	virtual_run(v, 5000);
	assert_int_equal(virtual_standing(v)->reported_bp, to_bp);
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
	assert_string_equal(s->guard_text, "guard: pool, only warns by itself");
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
	virtual_tell(v,
		(struct model_event){
			.kind = MODEL_SNAPSHOT, .node = NODE_HANDLE(1, 0), .snapshot = v->node[0].s});
	assert_int_equal(v->m.pools[1].standing.freshness, FRESHNESS_LIVE);
	assert_string_equal(v->m.pools[1].pool_id, "shop");
}

#define ONE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TWO(f) cmocka_unit_test_setup_teardown(f, setup_two, teardown)
#define HAND(f) cmocka_unit_test_setup_teardown(f, setup_by_hand, teardown)

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
		TWO(test_another_pool_answers),
		ONE(test_pinned_before_the_first_answer),
		ONE(test_pinned_after_the_wrong_one_answered),
		TWO(test_builds_differ),
		ONE(test_decisions_are_in_order),
		ONE(test_the_newest_decisions_are_kept),
		ONE(test_the_first_final_outcome_stays),
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
		ONE(test_an_unexplained_share_is_drift),
		ONE(test_what_the_audit_may_explain_is_not_claimed),
		TWO(test_nodes_that_differ),
		TWO(test_one_restart_restarts_the_bakes_samples),
		TWO(test_seen_nodes),
		TWO(test_hold_of_one_node_holds_all),
		ONE(test_a_raise_is_kept),
		ONE(test_a_step_keeps_first),
		ONE(test_one_more_operation_waits_for_the_keep),
		TWO(test_what_goes_back_first),
		TWO(test_lease),
		TWO(test_armed),
		ONE(test_what_nobody_kept_goes_back),
		ONE(test_adopted),
		TWO(test_a_step_that_only_some_took),
		TWO(test_what_is_not_partial),
		ONE(test_acts),
		ONE(test_owners),
		HAND(test_row_76_the_owner_without_a_plan),
		ONE(test_the_owners_word),
		ONE(test_the_pools_red_latches),
		ONE(test_a_guard_without_data_holds),
		ONE(test_a_desks_guard_without_data_holds),
		ONE(test_a_desk_that_does_not_guard_is_not_blind),
		TWO(test_the_loudest_node_speaks),
		TWO(test_a_nodes_rollback_is_carried_on),
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
