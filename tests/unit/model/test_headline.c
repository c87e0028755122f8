/* Headline: for each row of the table a pool that is told by it. */
#include "tests/unit/model/headline_bed.h"

/* ---- scenes: what has happened to a pool of one or two nodes ---- */

static void rollback_unseen(struct virtual *v)
{
	go_to(v, 1000);
	virtual_act(v, VERB_ROLLBACK, 0);
	virtual_progress(v, 1);
	v->node[1].silent = true;
	struct err err = {.code = ERR_UNREACHABLE};
	virtual_tell(
		v, (struct model_event){.kind = MODEL_TROUBLE, .node = NODE_HANDLE(0, 1), .err = &err});
	virtual_run(v, 12000);
}

static void rolling_back(struct virtual *v)
{
	go_to(v, 1000);
	struct decision d = virtual_decision(v, VERB_ROLLBACK, 0);
	virtual_decide(v, &d);
	virtual_run(v, 3000);
}

static void both_fail(struct virtual *v)
{
	go_to(v, 1000);
	v->failing[ARM_V1] = v->failing[ARM_V2] = 500;
	virtual_run(v, 4000);
}

static void red_errors(struct virtual *v)
{
	struct arm_counts *a = &v->node[0].s->arms[ARM_V2];
	text_copy(a->operations[0].name, sizeof a->operations[0].name, "predict");
	a->operation_count = 1;
	go_to(v, 1000);
	v->failing[ARM_V2] = 500;
	virtual_run(v, 2000);
}

static void red_before(struct virtual *v)
{
	red_errors(v);
	v->failing[ARM_V2] = 0;
	virtual_run(v, 65000);
}

static void red_latency(struct virtual *v)
{
	v->latency_us[ARM_V2] = 3000000;
	go_to(v, 1000);
}

/* v2 fails more often, under every limit, until the judge says so. */
static void judged_errors(struct virtual *v, bool (*said)(const struct standing *s))
{
	go_to(v, 1000);
	v->failing[ARM_V1] = 10;
	v->failing[ARM_V2] = 30;
	for (int i = 0; i < 300 && !said(virtual_standing(v)); i++)
		virtual_run(v, 1000);
}

static bool is_suspected(const struct standing *s)
{
	return s->guard.judge != GUARD_NONE;
}

static bool is_harm(const struct standing *s)
{
	return s->verdict.word == VERDICT_HARM;
}

static bool is_braked(const struct standing *s)
{
	return s->guard.judge == GUARD_RED;
}

static void suspected_errors(struct virtual *v)
{
	judged_errors(v, is_suspected);
}

/* The same where units are sessions: of their requests too few fail for any rate to show. */
static void count_sessions(struct virtual *v, int failing_v1, int failing_v2)
{
	const int failing[ARM_COUNT] = {failing_v1, failing_v2};
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *a = &v->node[0].s->arms[arm];
		int64_t n = arm == ARM_V1 ? 900 : 100;
		a->sessions = a->sessions == UNKNOWN ? 0 : a->sessions + n;
		a->sessions_bad =
			a->sessions_bad == UNKNOWN ? 0 : a->sessions_bad + n * failing[arm] / 1000;
	}
}

static void judged_sessions(struct virtual *v, bool (*said)(const struct standing *s))
{
	count_sessions(v, 0, 0);
	go_to(v, 1000);
	for (int i = 0; i < 300 && !said(virtual_standing(v)); i++) {
		count_sessions(v, 10, 30);
		virtual_run(v, 1000);
	}
}

static void suspected_sessions(struct virtual *v)
{
	judged_sessions(v, is_suspected);
}

static void red_by_judge_of_sessions(struct virtual *v)
{
	judged_sessions(v, is_braked);
}

static void red_before_by_judge_of_sessions(struct virtual *v)
{
	judged_sessions(v, is_braked);
	for (int i = 0; i < 300 && virtual_standing(v)->guard.judge == GUARD_RED; i++) {
		count_sessions(v, 30, 0);
		virtual_run(v, 1000);
	}
}

static void harm_of_few(struct virtual *v)
{
	judged_errors(v, is_harm);
}

static void red_by_judge(struct virtual *v)
{
	judged_errors(v, is_braked);
}

/* Sessions fail more often than the limit allows, and few of all requests do. */
static bool is_over_a_limit(const struct standing *s)
{
	return s->verdict.word == VERDICT_HARM && s->verdict.why == VERDICT_WHY_LIMIT;
}

static void over_a_limit(struct virtual *v)
{
	count_sessions(v, 0, 0);
	go_to(v, 1000);
	for (int i = 0; i < 300 && !is_over_a_limit(virtual_standing(v)); i++) {
		count_sessions(v, 80, 80);
		virtual_run(v, 1000);
	}
}

static void red_by_judge_on_both_sides(struct virtual *v)
{
	judged_errors(v, is_braked);
	v->failing[ARM_V1] = v->failing[ARM_V2] = 500;
	virtual_run(v, 20000);
}

/* The pool says it; this process has just begun to look. */
static void harm_by_the_pools_word(struct virtual *v)
{
	struct pool_guard *g = &v->node[0].s->guard;
	go_to(v, 1000);
	g->state = GUARD_GREEN;
	g->verdict = VERDICT_HARM;
	text_copy(g->verdict_text, sizeof g->verdict_text, "errors HARM, at least 1.6x v1's");
	virtual_run(v, 1000);
}

static void red_memory(struct virtual *v)
{
	go_to(v, 1000);
	v->node[0].s->arms[ARM_V2].memory_bytes = (int64_t)3 << 30;
	virtual_run(v, 1000);
}

static void no_history(struct virtual *v)
{
	struct err err = {0};
	go_to(v, 1000);
	err_set(&err, ERR_DISK, "disk full");
	virtual_tell(v, (struct model_event){.kind = MODEL_HISTORY, .err = &err});
}

static void unresolved(struct virtual *v)
{
	go_to(v, 100);
	struct decision d = virtual_decision(v, VERB_STEP, 1000);
	d.outcome = OUTCOME_UNRESOLVED;
	virtual_decide(v, &d);
	virtual_run(v, 12000);
}

static void unresolved_hold(struct virtual *v)
{
	go_to(v, 100);
	struct decision d = virtual_decision(v, VERB_HOLD, -1);
	d.outcome = OUTCOME_UNRESOLVED;
	virtual_decide(v, &d);
}

static void waiting(struct virtual *v)
{
	virtual_tick(v);
}

static void unreachable(struct virtual *v)
{
	struct err err = {0};
	err_set(&err, ERR_UNREACHABLE, "cannot reach 'b'");
	virtual_poll_node(v, 0);
	virtual_tell(
		v, (struct model_event){.kind = MODEL_TROUBLE, .node = NODE_HANDLE(0, 1), .err = &err});
}

static void stale(struct virtual *v)
{
	go_to(v, 1000);
	virtual_wait(v, 14000);
	virtual_tick(v);
}

static void lost(struct virtual *v)
{
	go_to(v, 1000);
	virtual_wait(v, 95000);
	virtual_tick(v);
}

static void diverged(struct virtual *v)
{
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 3000, "nobody");
	virtual_run(v, 1000);
}

static void held_with_reason(struct virtual *v)
{
	go_to(v, 1000);
	text_copy(v->node[0].s->hold.reason, sizeof v->node[0].s->hold.reason, "lunch");
	virtual_move(v, VERB_HOLD, -1);
}

static void stepping(struct virtual *v)
{
	go_to(v, 0);
	struct decision d = virtual_decision(v, VERB_STEP, 100);
	virtual_decide(v, &d);
}

static void rolled_back(struct virtual *v)
{
	go_to(v, 1000);
	virtual_move(v, VERB_ROLLBACK, 0);
}

static void rolled_back_to_a_baseline(struct virtual *v)
{
	v->node[0].s->baseline_bp = 500;
	v->node[0].s->share_bp = 500;
	go_to(v, 1000);
	virtual_move(v, VERB_ROLLBACK, 500);
}

static void complete(struct virtual *v)
{
	go_to(v, 10000);
	virtual_run(v, 20000);
}

static void finalized(struct virtual *v)
{
	complete(v);
	v->node[0].s->finalized = true;
	virtual_run(v, 1000);
}

static void ready_but_refused(struct virtual *v)
{
	ready(v);
	struct decision d = virtual_decision(v, VERB_HOLD, -1);
	virtual_decide(v, &d);
}

static void at_a_share(struct virtual *v)
{
	go_to(v, 1000);
}

static void baking_without_samples(struct virtual *v)
{
	go_to(v, 1000);
	v->node[0].s->change.known = false;
	virtual_run(v, 1000);
}

static void too_little(struct virtual *v)
{
	go_to(v, 1000);
	v->rate = 0;
	virtual_run(v, 80000);
}

static void armed_above_nothing(struct virtual *v)
{
	v->node[0].s->baseline_bp = 500;
	v->node[0].s->share_bp = 500;
	go_to(v, 0);
}

static void planned(struct virtual *v)
{
	virtual_poll(v);
}

static void looking(struct virtual *v)
{
	virtual_run(v, 3000);
}

static void back_by_hand(struct virtual *v)
{
	go_to(v, 1000);
	virtual_move(v, VERB_STEP, 0);
}

static void partial_unkept(struct virtual *v)
{
	virtual_unkept(v, 0, 100, 100000);
	partial(v);
	v->node[0].keep_until_ms = v->now.boot_ms + 100000;
	virtual_poll(v);
}

static void held_by_pool(struct virtual *v)
{
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_HOLD, -1, POOL_ACTOR);
	text_copy(v->node[0].s->hold.reason, sizeof v->node[0].s->hold.reason, "not kept");
	virtual_run(v, 1000);
}

static void held_by_etcd(struct virtual *v)
{
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_HOLD, -1, POOL_ETCD);
	text_copy(
		v->node[0].s->hold.reason, sizeof v->node[0].s->hold.reason, "etcd not seen for 12 s");
	virtual_run(v, 1000);
}

static void one_is_silent(struct virtual *v)
{
	go_to(v, 1000);
	for (int i = 0; i < 14; i++) {
		virtual_traffic(v, 1000);
		virtual_poll_node(v, 0);
	}
	virtual_tick(v);
}

/* 10 % that another raised; the bake is over and nobody has kept it. */
static void unkept(struct virtual *v)
{
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 1000, "ana@ops2");
	virtual_run(v, 12000);
	virtual_unkept(v, 0, 100, 100000);
	virtual_poll(v);
}

static void unkept_above_half(struct virtual *v)
{
	go_to(v, 10000);
	virtual_apply_at(v, 0, VERB_STEP, 10000, "ana@ops2");
	virtual_run(v, 12000);
	virtual_unkept(v, 0, 5000, 100000);
	virtual_poll(v);
}

static void unguarded(struct virtual *v)
{
	go_to(v, 1000);
	v->node[0].s->guard.known = false;
	virtual_run(v, 1000);
}

static void guarded_here(struct virtual *v)
{
	v->m.guards = true;
	unguarded(v);
}

static void only_holds(struct virtual *v)
{
	go_to(v, 1000);
	v->node[0].s->guard.held_ms = 14340000;
	virtual_poll(v);
}

static void leased(struct virtual *v)
{
	go_to(v, 1000);
	virtual_run(v, 20000);
	virtual_lease(v, 0, "ana@ops2", 24000);
	virtual_poll(v);
}

static void red_at_pool(struct virtual *v)
{
	go_to(v, 1000);
	struct pool_guard *g = &v->node[0].s->guard;
	g->state = GUARD_RED;
	text_copy(g->word, sizeof g->word, "errors 9 % of 5 %");
	virtual_run(v, 1000);
}

static void red_without_a_word(struct virtual *v)
{
	red_at_pool(v);
	v->node[0].s->guard.word[0] = 0;
	virtual_poll(v);
}

static void red_and_unarmed(struct virtual *v)
{
	v->node[0].s->guard.armed = false;
	red_errors(v);
}

static void red_and_only_held(struct virtual *v)
{
	v->node[0].s->guard.action = GUARD_ACTION_HOLD;
	red_errors(v);
}

static void red_here(struct virtual *v)
{
	v->m.guards = true;
	v->node[0].s->guard.known = false;
	red_errors(v);
}

static void red_by_recorder(struct virtual *v)
{
	red_here(v);
	struct owner_line line = {.held = true,
		.actor = "ana@ops2",
		.state = GUARD_GREEN,
		.written_wall_ms = v->now.wall_ms};
	virtual_tell(v, (struct model_event){.kind = MODEL_OWNER, .owner_line = &line});
}

/* How the pool is set up. */
enum { PLAN = 1, TWO = 2, LIMITS = 4 };

static const struct {
	void (*happens)(struct virtual *v);
	unsigned how;
	enum level level;
	const char *text;
} rows[] = {
	{rollback_unseen, PLAN | TWO | LIMITS, LEVEL_ACT,
		"Rollback not seen on node-b for 00:13, still trying. 1/2 nodes are at 0 %"},
	{rolling_back, PLAN | LIMITS, LEVEL_ACT,
		"Rolling back for 00:03: no answer yet, still trying"},
	{both_fail, PLAN | LIMITS, LEVEL_ACT,
		"Both sides break a limit (errors v1 28 %, v2 28 %): not v2's doing. Held"},
	{red_errors, PLAN | LIMITS, LEVEL_ACT,
		"v2 is worse: errors 20 %, v1 0 %, mostly predict. The pool rolls back"},
	{red_errors, LIMITS, LEVEL_ACT,
		"v2 is worse: errors 20 %, v1 0 %, mostly predict. Press R to roll back"},
	{red_and_unarmed, PLAN | LIMITS, LEVEL_ACT,
		"v2 is worse: errors 20 %, v1 0 %, mostly predict. Press R to roll back"},
	{red_and_only_held, PLAN | LIMITS, LEVEL_ACT,
		"v2 is worse: errors 20 %, v1 0 %, mostly predict. Only held; R rolls back"},
	{red_here, PLAN | LIMITS, LEVEL_ACT,
		"v2 is worse: errors 20 %, v1 0 %, mostly predict. Rolling back; R now"},
	{red_by_recorder, PLAN | LIMITS, LEVEL_ACT,
		"v2 is worse: errors 20 %, v1 0 %, mostly predict. The recorder rolls back"},
	{red_at_pool, PLAN | LIMITS, LEVEL_ACT,
		"v2 is worse, says the pool: errors 9 % of 5 %. The pool rolls back"},
	{red_without_a_word, PLAN | LIMITS, LEVEL_ACT,
		"v2 is worse, says the pool: its guard is RED. The pool rolls back"},
	{red_by_judge, PLAN | LIMITS, LEVEL_ACT,
		"v2 is worse: errors 2.7 %, v1 0.89 %. The pool rolls back"},
	{red_by_judge_on_both_sides, PLAN | LIMITS, LEVEL_ACT,
		"v2 was worse at errors, now 22 %. R rolls back, U judges anew"},
	{suspected_errors, PLAN | LIMITS, LEVEL_LOOK,
		"v2 looks worse: errors 2.6 %, v1 0.86 %, not proven yet. Steps locked"},
	{suspected_sessions, PLAN | LIMITS, LEVEL_LOOK,
		"v2 looks worse: failed sessions 3.0 %, v1 1.0 %, not proven yet. Steps locked"},
	{red_by_judge_of_sessions, PLAN | LIMITS, LEVEL_ACT,
		"v2 is worse: failed sessions 3.0 %, v1 1.0 %. The pool rolls back"},
	{red_before_by_judge_of_sessions, PLAN | LIMITS, LEVEL_ACT,
		"v2 was worse: failed sessions 2.9 %, v1 1.1 %. R rolls back, U judges anew"},
	{over_a_limit, PLAN | LIMITS, LEVEL_LOOK,
		"v2 is proven to be over its limit: failed sessions 8.0 of 5.0 %. R rolls back"},
	{harm_of_few, PLAN | LIMITS, LEVEL_LOOK,
		"v2 is worse, too few to act on: errors HARM, worse than v1's. R rolls back"},
	{harm_by_the_pools_word, PLAN | LIMITS, LEVEL_LOOK,
		"v2 is worse, too few to act on: errors HARM, at least 1.6x v1's. R rolls back"},
	{red_before, PLAN | LIMITS, LEVEL_ACT,
		"v2 broke its errors limit, now 0 %. R rolls back, U accepts"},
	{red_latency, PLAN | LIMITS, LEVEL_ACT,
		"v2 breaks its limit: p99 2,998 ms of 1,000 ms. The pool rolls back"},
	{red_memory, PLAN | LIMITS, LEVEL_ACT,
		"v2 breaks its limit: memory 3G of 2G. The pool rolls back"},
	{no_history, PLAN, LEVEL_LOOK,
		"History cannot be written: steps locked, R works. disk full"},
	{foreign, PLAN, LEVEL_LOOK, "Another pool answers at http://a:1. Steps locked"},
	{unresolved, PLAN, LEVEL_LOOK,
		"Step 1 % > 10 % sent 00:12 ago, no answer: share is either. Asking; R works"},
	{unresolved_hold, PLAN, LEVEL_LOOK,
		"A hold sent 00:00 ago has no answer: effect unknown. Asking; R works"},
	{waiting, PLAN, LEVEL_LOOK, "Waiting for the first news of the pool"},
	{unreachable, PLAN | TWO, LEVEL_LOOK, "No news from the pool yet: cannot reach 'b'"},
	{stale, PLAN, LEVEL_LOOK, "No news for 14s: all figures are old. Steps locked, R works"},
	{lost, PLAN, LEVEL_LOOK, "No news for 1:35: all figures are old. Steps locked, R works"},
	{restarted, PLAN, LEVEL_LOOK,
		"Pool restarted 01:10 ago: share fell 10 % > 0 %. S puts 10 % back"},
	{diverged, PLAN, LEVEL_LOOK,
		"The pool says 30 %, asked 10 %, and nothing explains it. R rolls back"},
	{mixed, PLAN | TWO, LEVEL_LOOK, "Nodes differ: 1 % to 10 %. Steps locked, R works"},
	{partial, PLAN | TWO, LEVEL_LOOK, "Step to 10 % reached 1/2 nodes; S sends it to the rest"},
	{partial_unkept, PLAN | TWO, LEVEL_LOOK,
		"Step to 10 % reached 1/2 nodes; S sends it to the rest, or back in 01:40"},
	{held_by_etcd, PLAN, LEVEL_LOOK,
		"etcd not seen for 12 s: the last word stands, nobody raises. R rolls back"},
	{one_is_silent, PLAN | TWO, LEVEL_LOOK,
		"No news from node-b for 14s: its figures are old. Steps locked, R works"},
	{held_by_pool, PLAN, LEVEL_LOOK, "Held by pool: \"not kept\". U resumes, R rolls back"},
	{went_back, PLAN, LEVEL_LOOK, "Went back 10 % > 1 %: not kept in time. S steps anew"},
	{blind, PLAN, LEVEL_LOOK,
		"The pool's guard has had no data for 1:01: steps locked, R works"},
	{unkept, PLAN, LEVEL_LOOK,
		"10 % goes back to 1 % in 01:40 unless kept. Run: weir keep checkout"},
	{unkept_above_half, PLAN, LEVEL_LOOK,
		"100 % is held in 01:40 unless kept. Run: weir keep checkout"},
	{unguarded, PLAN, LEVEL_LOOK,
		"Nobody rolls back by itself. Run: weir record --guard checkout"},
	{guarded_here, PLAN, LEVEL_LOOK,
		"Nobody rolls back if this console closes. Run: weir record --guard checkout"},
	{only_holds, PLAN, LEVEL_LOOK,
		"The pool's guard only holds for 3:59:00: nothing rolls back by itself"},
	{leased, PLAN, LEVEL_OK, "Lease is ana@ops2's for 00:24: looking only; :take takes it"},
	{held, PLAN, LEVEL_LOOK, "Held by kim@ops1. U resumes, R rolls back"},
	{held_with_reason, PLAN, LEVEL_LOOK,
		"Held by kim@ops1: \"lunch\". U resumes, R rolls back"},
	{stepping, PLAN, LEVEL_OK, "A step to 1 % by kim@ops1 is on its way"},
	{rolled_back, PLAN, LEVEL_OK,
		"Rolled back to 0 %, seen on every node. v1 carries the traffic"},
	{rolled_back_to_a_baseline, PLAN, LEVEL_OK, "Rolled back to 5 %, seen on every node"},
	{complete, PLAN, LEVEL_OK,
		"All work is on v2 and its bake has passed. The way back is open: R"},
	{finalized, PLAN, LEVEL_OK, "Finished: all work is on v2, there is no way back"},
	{ready, PLAN | LIMITS, LEVEL_OK,
		"Ready for 50 %: bake passed, v2 within its limits. S steps"},
	{ready, PLAN, LEVEL_OK, "Ready for 50 %: bake passed, no limit is set. S steps"},
	{ready_but_refused, PLAN, LEVEL_OK,
		"Ready for 50 %, but not now: W142 still open: hold by kim@ops1"},
	{at_a_share, LIMITS, LEVEL_OK,
		"At 10 %. Nothing moves by itself; step or roll back by hand"},
	{at_a_share, PLAN | LIMITS, LEVEL_OK,
		"Within limits so far. Nothing to do for 00:06; then S steps to 50 %"},
	{at_a_share, PLAN, LEVEL_OK,
		"No limit is set. Nothing to do for 00:06; then S steps to 50 %"},
	{baking_without_samples, PLAN | LIMITS, LEVEL_OK,
		"Within limits so far. Not ready for 50 %: W184 bake: not known since when the…"},
	{too_little, PLAN | LIMITS, LEVEL_OK,
		"Too little data to judge v2. Not ready for 50 %: W185 guard UNKNOWN"},
	{armed, PLAN, LEVEL_OK, "All work is on v1. S steps to 1 %"},
	{armed_above_nothing, PLAN, LEVEL_OK, "At 5 %, the baseline. S steps to 10 %"},
	{planned, PLAN, LEVEL_OK,
		"All work is on v1. Not ready: W200 history not writable: opening"},
	{looking, LIMITS, LEVEL_OK, "Looking only: nothing has been written to this pool"},
	{back_by_hand, LIMITS, LEVEL_OK, "All work is on v1. Nothing moves by itself"},
};

static void test_rows(void **state)
{
	(void)state;
	int wrong = 0;
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		struct virtual v;
		struct plan plan = virtual_plan();
		struct guard_limits limits;
		guard_limits_init(&limits);
		if (rows[k].how & LIMITS) {
			limits.error_rate = 0.05;
			limits.latency_ms = 1000;
			limits.memory_bytes = (int64_t)2 << 30;
		}
		virtual_init(&v, rows[k].how & TWO ? 2 : 1, rows[k].how & PLAN ? &plan : NULL, &limits);
		rows[k].happens(&v);
		const struct headline *h = &virtual_standing(&v)->headline;
		assert_fit(h->text);
		if (h->level != rows[k].level || strcmp(h->text, rows[k].text) != 0) {
			wrong++;
			print_error("%s: %s\n  not: %s (state %s)\n", level_name(rows[k].level),
				rows[k].text, h->text, state_name(virtual_standing(&v)->state));
		}
		virtual_release(&v);
	}
	assert_int_equal(wrong, 0);
}

/* ---- any facts ---- */

static void test_levels(void **state)
{
	(void)state;
	assert_string_equal(level_name(LEVEL_OK), "ok");
	assert_string_equal(level_name(LEVEL_LOOK), "look");
	assert_string_equal(level_name(LEVEL_ACT), "act");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
