/* Headline: for each row of the table a pool that is told by it; then the promises for any
 * facts: at most 78 columns, nothing that a terminal obeys, the first row that applies. */
#include "model/fit.h"
#include "tests/unit/model/virtual.h"

#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* ---- scenes: what has happened to a pool of one or two nodes ---- */

static void go_to(struct virtual *v, int to_bp)
{
	virtual_history_opens(v);
	virtual_run(v, 2000);
	if (to_bp > 0)
		virtual_move(v, VERB_STEP, to_bp);
	v->rate = 1000;
	virtual_run(v, 3000);
}

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

static void foreign(struct virtual *v)
{
	go_to(v, 1000);
	text_copy(v->node[0].s->pool_id, sizeof v->node[0].s->pool_id, "other");
	virtual_run(v, 1000);
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

static void restarted(struct virtual *v)
{
	go_to(v, 1000);
	virtual_boot(v, 0, "boot-2");
	virtual_run(v, 70000);
}

static void diverged(struct virtual *v)
{
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 3000, "nobody");
	virtual_run(v, 1000);
}

static void mixed(struct virtual *v)
{
	go_to(v, 100);
	virtual_apply_at(v, 1, VERB_STEP, 1000, "nobody");
	virtual_run(v, 1000);
}

static void held(struct virtual *v)
{
	go_to(v, 1000);
	virtual_move(v, VERB_HOLD, -1);
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

static void ready(struct virtual *v)
{
	go_to(v, 1000);
	virtual_run(v, 20000);
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

static void armed(struct virtual *v)
{
	go_to(v, 0);
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

static void partial(struct virtual *v)
{
	go_to(v, 100);
	struct decision d = virtual_decision(v, VERB_STEP, 1000);
	virtual_decide(v, &d);
	virtual_apply_at(v, 0, VERB_STEP, 1000, "kim@ops1");
	virtual_row(v, d.id, OUTCOME_ROW_FINAL, OUTCOME_REFUSED);
	virtual_run(v, 1000);
}

static void partial_unkept(struct virtual *v)
{
	virtual_unkept(v, 0, 100, 100000);
	partial(v);
	v->node[0].keep_until_ms = v->now.boot_ms + 100000;
	virtual_poll(v);
}

/* The pool takes a raise back; its log says why. */
static void went_back(struct virtual *v)
{
	struct audit_entry e = {.what = "revert",
		.actor = POOL_ACTOR,
		.reason = "not kept",
		.from_bp = 1000,
		.to_bp = 100,
		.epoch = 2,
		.rev = 3};
	struct decision d;
	go_to(v, 1000);
	virtual_apply_at(v, 0, VERB_STEP, 100, POOL_ACTOR);
	decision_observe(&d, "checkout", "shop", &e, "observed", v->now.wall_ms);
	d.outcome = OUTCOME_APPLIED;
	d.outcome_ms = d.at_ms;
	virtual_decide(v, &d);
	virtual_run(v, 1000);
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
	text_copy(v->node[0].s->hold.reason, sizeof v->node[0].s->hold.reason,
		"etcd not seen for 12 s");
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

static void blind(struct virtual *v)
{
	go_to(v, 1000);
	v->node[0].s->guard.state = GUARD_UNKNOWN;
	v->node[0].s->guard.since_ms = 61000;
	virtual_run(v, 1000);
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

static void assert_fit(const char *text)
{
	size_t len = strlen(text);
	assert_true(text[0] && text_valid(text, len));
	assert_true(text_width(text) <= HEADLINE_COLUMNS);
	for (size_t at = 0; at < len;) {
		uint32_t point;
		at += (size_t)text_decode(text + at, len - at, &point);
		assert_false(text_is_hidden(point));
	}
}

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

static uint64_t seed;

static int64_t below(int64_t n)
{
	return seeded_below(&seed, n);
}

static bool chance(void)
{
	return below(2);
}

static int64_t some(int64_t most)
{
	return below(6) ? below(most) : below(2) ? UNKNOWN : INT64_MAX / 4;
}

static int some_share(void)
{
	return (int)below(SHARE_FULL + 2) - 1;
}

/* What people and pools write, as it is stored: cleaned. */
static void some_text(char *out, size_t size)
{
	char raw[300];
	size_t len = (size_t)below((int64_t)sizeof raw);
	for (size_t i = 0; i < len;) {
		static const uint32_t from[] = {
			' ', 'a', 0, 0x80, 0x300, 0x4e00, 0x1f600, 0x200b, 0xe000};
		char point[4];
		int n = text_encode(from[below(9)] + (uint32_t)below(100), point);
		for (int b = 0; b < n && i < len; b++)
			raw[i++] = point[b];
		if (chance() && i < len)
			raw[i++] = (char)below(256);
	}
	text_clean(out, size, raw, len);
}

static const enum state with_decision[] = {
	STATE_STEPPING, STATE_UNRESOLVED, STATE_ROLLING_BACK, STATE_RB_UNVERIFIED};

static void randomize_standing(struct standing *s, struct pool *p)
{
	s->state = (enum state)below(STATE_COUNT);
	s->open = chance() ? 0 : -1;
	for (size_t k = 0; k < sizeof with_decision / sizeof *with_decision; k++)
		if (s->state == with_decision[k])
			s->open = 0;
	s->freshness = (enum freshness)below(FRESHNESS_COUNT);
	s->age_ms = some(1000000);
	s->reported_bp = some_share();
	s->intended_bp = some_share();
	s->next_bp = some_share();
	s->mixed = below(4) == 0;
	s->mixed_low_bp = (int)below(SHARE_FULL);
	s->mixed_high_bp = (int)below(SHARE_FULL);
	s->restarted = chance();
	s->uptime_ms = some(100000000);
	s->seen_nodes = (int)below(p->node_count + 1);
	s->hold.on = chance();
	some_text(s->hold.actor, sizeof s->hold.actor);
	some_text(s->hold.reason, sizeof s->hold.reason);
	s->partial = below(4) == 0;
	s->went_back = s->blind = s->keep.on = false; /* have their rows above */
	s->owner = (enum guard_owner)below(OWNER_COUNT);
	s->pool_guard.armed = chance();
	s->pool_guard.action = (enum guard_action)below(GUARD_ACTION_COUNT);
	s->pool_guard.held_ms = below(4) ? UNKNOWN : some(10000000);
	some_text(s->pool_guard.word, sizeof s->pool_guard.word);
	s->judged = (enum guard_state)below(GUARD_COUNT);
	s->lease.ttl_ms = some(30000);
	some_text(s->lease.holder, sizeof s->lease.holder);
	s->keep.left_ms = some(100000);
	some_text(s->worst_operation, sizeof s->worst_operation);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		s->arms[arm].error_rate = chance() ? NAN : (double)below(1000) / 999;
	s->guard.state = (enum guard_state)below(GUARD_COUNT);
	s->guard.both = below(6) == 0;
	for (int m = 0; m < METRIC_COUNT; m++) {
		s->guard.metric[m].limit = (double)below(1LL << 40);
		s->guard.metric[m].value[ARM_V2] = chance() ? NAN : (double)below(1LL << 50);
	}
	struct interlock_facts f = {
		.policy = *policy_builtin((enum policy_kind)below(POLICY_COUNT)),
		.nodes = 2,
		.nodes_live = (int)below(3),
		.worst_age_ms = some(100000),
		.from_bp = some_share(),
		.to_bp = s->next_bp,
		.reported_bp = some_share(),
		.history_writable = chance(),
		.identity_equal = chance(),
		.build_equal = chance(),
		.held = chance(),
		.open_intent = chance(),
		.bake_left_ms = below(3) ? below(1000000) : 0,
		.sample_rate = {NAN, 1},
		.baseline_known = true,
		.v1_serving = chance()};
	some_text(f.held_by, sizeof f.held_by);
	some_text(f.history_why, sizeof f.history_why);
	some_text(f.open_what, sizeof f.open_what);
	interlock_evaluate(&s->next, &f);
}

static void randomize(struct virtual *v)
{
	struct pool *p = virtual_pool(v);
	randomize_standing(&p->standing, p);
	v->m.history_known = chance();
	v->m.history_writable = chance();
	v->m.read_only = below(4) == 0;
	some_text(v->m.history_why, sizeof v->m.history_why);
	p->latch = (struct guard_latch){.red = below(5) == 0,
		.by_pool = below(4) == 0,
		.both = chance(),
		.metric = (enum metric)below(METRIC_COUNT)};
	for (int k = 0; k < p->node_count; k++) {
		struct node *n = &p->nodes[k];
		n->foreign = below(8) == 0;
		n->trouble.code = chance() ? ERR_NONE : ERR_UNREACHABLE;
		some_text(n->trouble.text, sizeof n->trouble.text);
		some_text(n->target, sizeof n->target);
		some_text(n->last->node, sizeof n->last->node);
	}
	struct decision *d = p->decisions;
	d->verb = (enum verb)below(VERB_ANNOTATE);
	d->from_bp = some_share();
	d->to_bp = some_share();
	d->at_ms = v->now.wall_ms - below(100000000);
	d->outcome = (enum outcome_kind)below(OUTCOME_COUNT);
	some_text(d->actor, sizeof d->actor);
}

/* The level of the first kind of row that applies. */
static enum level expected_level(const struct virtual *v)
{
	const struct pool *p = virtual_pool(v);
	const struct standing *s = &p->standing;
	bool at_rest = s->reported_bp >= 0 && s->reported_bp == s->baseline_bp;
	if (s->state == STATE_RB_UNVERIFIED || s->state == STATE_ROLLING_BACK || s->guard.both ||
		(p->latch.red && (!at_rest || p->latch.both)))
		return LEVEL_ACT;
	bool strange = false;
	for (int k = 0; k < p->node_count; k++)
		strange |= p->nodes[k].foreign;
	bool locked = v->m.history_known && !v->m.history_writable && !v->m.read_only;
	if (strange || locked || s->mixed || s->freshness >= FRESHNESS_STALE ||
		s->state == STATE_UNRESOLVED || s->state == STATE_DIVERGED ||
		(s->state == STATE_HELD && (s->hold.on || s->partial)))
		return LEVEL_LOOK;
	bool above = s->reported_bp > s->baseline_bp && s->state != STATE_FINALIZED;
	if (above && s->owner != OWNER_NONE && s->pool_guard.held_ms != UNKNOWN)
		return LEVEL_LOOK;
	return LEVEL_OK;
}

/* What a sentence ends with is what to do, or how much of it is missing. */
static void assert_ends(const char *text)
{
	static const struct {
		const char *begins, *ends;
	} sentences[] = {{"Held by ", ". U resumes, R rolls back"},
		{"Another pool answers at ", ". Steps locked"},
		{"Rollback not seen on ", " %"},
		{"v2 is worse, says the pool: ", "R to roll back|R rolls back|R now|rolls back"},
		{"v2 is worse, too few", ". R rolls back"},
		{"A step to ", " is on its way"},
		{"Lease is ", ": looking only; :take takes it"},
		{"READ-ONLY (403): ", " takes no changes from this token"},
		{"Ready for ", ". S steps|" FIT_MARK},
		{"No news from the pool yet: ", ""}};
	size_t len = strlen(text);
	for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
		if (strncmp(text, sentences[i].begins, strlen(sentences[i].begins)) != 0)
			continue;
		bool ends = sentences[i].ends[0] == '\0' || strstr(text, "but not now");
		for (const char *at = sentences[i].ends; *at && !ends;) {
			size_t n = strcspn(at, "|");
			ends = len >= n && strncmp(text + len - n, at, n) == 0;
			at += n + (at[n] == '|');
		}
		if (!ends)
			fail_msg("cut within what had to stay: %s", text);
	}
}

static void test_any_facts(void **state)
{
	(void)state;
	struct virtual v;
	virtual_init(&v, 2, NULL, NULL);
	virtual_poll(&v);
	struct decision d = virtual_decision(&v, VERB_STEP, 100);
	virtual_decide(&v, &d);
	seed = 78;
	int levels[LEVEL_COUNT] = {0}, full = 0, cut = 0;
	for (int i = 0; i < 9000; i++) {
		struct headline h = {0};
		randomize(&v);
		headline_write(&h, &v.m, virtual_pool(&v), v.now);
		assert_fit(h.text);
		assert_int_equal(h.level, expected_level(&v));
		levels[h.level]++;
		assert_ends(h.text);
		full += text_width(h.text) == HEADLINE_COLUMNS;
		cut += strstr(h.text, FIT_MARK) != NULL;
	}
	/* the cut and all levels were really tried */
	assert_true(levels[LEVEL_ACT] > 500 && levels[LEVEL_LOOK] > 500 && levels[LEVEL_OK] > 500);
	assert_true(full > 500 && cut > 500);
	virtual_release(&v);
}

/* A name that is cut inside a character does not take the end of the sentence with it. */
static void test_what_follows_a_cut_name_stays(void **state)
{
	(void)state;
	struct virtual v;
	struct plan plan = virtual_plan();
	virtual_init(&v, 1, &plan, NULL);
	go_to(&v, 1000);
	virtual_apply_at(&v, 0, VERB_HOLD, -1,
		"a\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
	virtual_run(&v, 1000);
	const char *text = virtual_standing(&v)->headline.text;
	assert_fit(text);
	assert_non_null(strstr(text, "\xe2\x82\xac. U resumes, R rolls back"));
	virtual_release(&v);
}

/* Whoever holds, and however his name is cut: row 1 stays valid. */
static void test_a_cut_holder_leaves_whole_words(void **state)
{
	(void)state;
	struct virtual v;
	struct plan plan = virtual_plan();
	virtual_init(&v, 1, &plan, NULL);
	go_to(&v, 1000);
	for (int shift = 0; shift < 4; shift++) {
		char actor[POOL_ACTOR_MAX];
		int at = snprintf(actor, sizeof actor, "%.*s", shift, "abc");
		for (; at + 4 < 60; at += 4)
			memcpy(actor + at, "\xF0\x9F\x98\x80", 5);
		virtual_apply_at(&v, 0, VERB_HOLD, -1, actor);
		virtual_run(&v, 1000);
		const struct standing *s = virtual_standing(&v);
		assert_fit(s->headline.text);
		assert_fit(s->state_text);
		assert_int_equal(strncmp(s->state_text, "HELD by ", 8), 0);
		assert_string_equal(s->state_text + strlen(s->state_text) - 6, " 00:01");
	}
	virtual_release(&v);
}

/* Each kind of row wins over all behind it. */
static void test_the_first_wins(void **state)
{
	(void)state;
	struct virtual v;
	struct plan plan = virtual_plan();
	virtual_init(&v, 1, &plan, NULL);
	ready(&v);
	const struct headline *h = &virtual_standing(&v)->headline;
	assert_int_equal(h->level, LEVEL_OK);
	virtual_apply_at(&v, 0, VERB_HOLD, -1, "sam@ops2");
	virtual_run(&v, 1000);
	assert_memory_equal(h->text, "Held by sam", 11);
	virtual_wait(&v, 20000);
	virtual_tick(&v);
	assert_memory_equal(h->text, "No news for 20s", 15);
	struct decision d = virtual_decision(&v, VERB_STEP, 5000);
	d.outcome = OUTCOME_UNRESOLVED;
	virtual_decide(&v, &d);
	assert_memory_equal(h->text, "Step 10 % > 50 %", 16);
	assert_int_equal(h->level, LEVEL_LOOK);
	d = virtual_decision(&v, VERB_ROLLBACK, 0);
	virtual_decide(&v, &d);
	assert_memory_equal(h->text, "Rolling back", 12);
	assert_int_equal(h->level, LEVEL_ACT);
	virtual_release(&v);
}

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
		cmocka_unit_test(test_any_facts),
		cmocka_unit_test(test_what_follows_a_cut_name_stays),
		cmocka_unit_test(test_a_cut_holder_leaves_whole_words),
		cmocka_unit_test(test_the_first_wins),
		cmocka_unit_test(test_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
