/* The headline table. Each row says whether it applies and writes its sentence; the first one
 * wins. Rows that ask for an act come before those that ask for a look. */
#include "model/headline.h"

#include "model/model.h"
#include "model/reconcile.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *level_name(enum level l)
{
	static const char *const words[LEVEL_COUNT] = {
#define X(name, word) word,
		LEVEL_INFO(X)
#undef X
	};
	return words[l];
}

/* What the rows speak about, written once. */
struct view {
	const struct model *m;
	const struct pool *p;
	const struct standing *s;
	const struct decision *open; /* NULL none */
	char share[24], next[24], asked[24], since[24];
	char rest[48]; /* where the pool is before a first step */
};

typedef bool row_fn(const struct view *v, char *out, size_t size);

static bool write(char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static bool write(char *out, size_t size, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(out, size, format, args);
	va_end(args);
	text_mend(out);
	return true;
}

/* "node-b" for the first node without news or effect; the target before it has said its name.
 */
static const char *unseen_node(const struct view *v)
{
	const struct node *n = &v->p->nodes[0];
	for (int k = v->p->node_count; k-- > 0;)
		if (v->p->unseen >> k & 1)
			n = &v->p->nodes[k];
	return n->last ? n->last->node : n->target;
}

/* Who only looks does not try, and does not know who does: what the nodes say counts. */
static bool rollback_on_record(const struct view *v, char *out, size_t size)
{
	const struct node *lacks = NULL;
	int at = 0;
	char to[24];
	for (int k = v->p->node_count; k-- > 0;) {
		const struct node *n = &v->p->nodes[k];
		bool there = node_is_usable(n) && n->last->share_bp == v->open->to_bp;
		at += there;
		lacks = there ? lacks : n;
	}
	unit_share(to, sizeof to, v->open->to_bp);
	if (!lacks)
		return write(out, size,
			"Rollback of %s ago not verified on record. %d/%d nodes are at %s", v->since, at,
			v->p->node_count, to);
	return write(out, size,
		"Rollback of %s ago open: %d/%d at %s, not %.20s. weir rollback %.12s", v->since, at,
		v->p->node_count, to, lacks->last ? lacks->last->node : lacks->target, v->p->name);
}

static bool rollback_unseen(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_RB_UNVERIFIED)
		return false;
	char to[24];
	unit_share(to, sizeof to, v->open->to_bp);
	if (v->m->read_only)
		return rollback_on_record(v, out, size);
	return write(out, size,
		"Rollback not seen on %.24s for %s, still trying. %d/%d nodes are at %s",
		unseen_node(v), v->since, v->s->seen_nodes, v->p->node_count, to);
}

static bool rollback_sending(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ROLLING_BACK)
		return false;
	if (v->m->read_only)
		return rollback_on_record(v, out, size);
	return write(out, size, "Rolling back for %s: no answer yet, still trying", v->since);
}

static bool both_fail(const struct view *v, char *out, size_t size)
{
	const struct guard *g = &v->s->guard;
	/* The judge compares: what it has proven v2 to be is v2's doing. */
	if (g->judge == GUARD_RED || v->p->latch.by_judge ||
		(!g->both && !(v->p->latch.red && v->p->latch.both)))
		return false;
	char v1[16], v2[16];
	unit_percent(v1, sizeof v1, v->s->arms[ARM_V1].error_rate);
	unit_percent(v2, sizeof v2, v->s->arms[ARM_V2].error_rate);
	return write(out, size,
		"Both sides break a limit (errors v1 %s %%, v2 %s %%): not v2's doing. Held", v1, v2);
}

/* What the guard's owner does now that a limit is broken: " The pool rolls back". */
static const char *acts(const struct view *v)
{
	const struct standing *s = v->s;
	enum guard_action action =
		s->owner == OWNER_POOL ? s->pool_guard.action : v->p->limits.action;
	if (s->owner == OWNER_NONE || (s->owner == OWNER_POOL && !s->pool_guard.armed) ||
		action == GUARD_ACTION_WARN)
		return "Press R to roll back";
	if (action == GUARD_ACTION_HOLD || s->pool_guard.held_ms != UNKNOWN)
		return "Only held; R rolls back";
	static const char *const words[OWNER_COUNT] = {[OWNER_CONSOLE] = "Rolling back; R now",
		[OWNER_RECORD] = "The recorder rolls back",
		[OWNER_POOL] = "The pool rolls back"};
	return words[s->owner];
}

/* What only the pool's own guard has seen. */
static bool red_at_pool(const struct view *v, char *out, size_t size)
{
	return write(out, size, "v2 is worse, says the pool: %.28s. %s",
		v->s->pool_guard.word[0] ? v->s->pool_guard.word : "its guard is RED", acts(v));
}

/* What the latch turned red by still holds: the limit is broken, or the judge says so. */
static bool is_still_red(const struct view *v)
{
	const struct guard *g = &v->s->guard;
	const struct guard_metric *m = &g->metric[v->p->latch.metric];
	return v->p->latch.by_judge ? g->judge == GUARD_RED : m->state == GUARD_RED && !m->both;
}

static bool red_errors(const struct view *v, char *out, size_t size)
{
	char v1[16], v2[16], mostly[OPERATION_NAME_MAX + 10] = "";
	unit_percent(v1, sizeof v1, v->s->arms[ARM_V1].error_rate);
	unit_percent(v2, sizeof v2, v->s->arms[ARM_V2].error_rate);
	if (v->s->worst_operation[0])
		snprintf(mostly, sizeof mostly, ", mostly %.16s", v->s->worst_operation);
	if (!is_still_red(v))
		return write(out, size, "v2 %s, now %s %%. R rolls back, U %s",
			v->p->latch.by_judge ? "was worse at errors" : "broke its errors limit", v2,
			v->p->latch.by_judge ? "judges anew" : "accepts");
	return write(
		out, size, "v2 is worse: errors %s %%, v1 %s %%%s. %s", v2, v1, mostly, acts(v));
}

/* At the baseline red is what a guard rolled back: told as such. */
static bool red(const struct view *v, char *out, size_t size)
{
	const struct guard_latch *l = &v->p->latch;
	if (!l->red || (v->s->reported_bp >= 0 && v->s->reported_bp == v->s->baseline_bp))
		return false;
	if (l->by_pool)
		return red_at_pool(v, out, size);
	if (l->metric == METRIC_ERRORS)
		return red_errors(v, out, size);
	if (l->by_judge)
		return write(out, size, "v2 is slower: %.40s. %s", l->word, acts(v));
	const struct guard_metric *g = &v->s->guard.metric[l->metric];
	char value[24], limit[24];
	guard_value_text(value, sizeof value, l->metric, g->value[ARM_V2]);
	guard_value_text(limit, sizeof limit, l->metric, g->limit);
	return write(out, size, "v2 breaks its limit: %s %s of %s. %s", metric_name(l->metric),
		value, limit, acts(v));
}

static bool no_history(const struct view *v, char *out, size_t size)
{
	if (!v->m->history_known || v->m->history_writable || v->m->read_only)
		return false;
	return write(out, size, "History cannot be written: steps locked, R works. %.28s",
		v->m->history_why);
}

/* Somebody cut the file, or put another in its place. */
static bool cut_short(const struct view *v, char *out, size_t size)
{
	for (int k = 0; k < v->p->node_count; k++)
		if (v->p->nodes[k].lost_head[0])
			return write(out, size,
				"The pool saw history that is missing here: weir verify --head %.16s",
				v->p->nodes[k].lost_head);
	return false;
}

static bool foreign(const struct view *v, char *out, size_t size)
{
	for (int k = 0; k < v->p->node_count; k++)
		if (v->p->nodes[k].foreign)
			return write(out, size, "Another pool answers at %.40s. Steps locked",
				v->p->nodes[k].target);
	return false;
}

static bool unresolved(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_UNRESOLVED)
		return false;
	if (v->open->verb != VERB_STEP)
		return write(out, size,
			"A %s sent %s ago has no answer: effect unknown. Asking; R works",
			verb_row(v->open->verb)->word, v->since);
	char from[24], to[24];
	unit_share(from, sizeof from, v->open->from_bp);
	unit_share(to, sizeof to, v->open->to_bp);
	return write(out, size,
		"Step %s > %s sent %s ago, no answer: share is either. Asking; R works", from, to,
		v->since);
}

static bool never(const struct view *v, char *out, size_t size)
{
	if (v->s->freshness != FRESHNESS_NEVER)
		return false;
	const struct node *n = v->p->nodes;
	while (n->last && n + 1 < v->p->nodes + v->p->node_count)
		n++;
	const struct err *e = &n->trouble;
	if (e->code == ERR_NONE)
		return write(out, size, "Waiting for the first news of the pool");
	return write(out, size, "No news from the pool yet: %.48s", e->text);
}

static bool stale(const struct view *v, char *out, size_t size)
{
	if (v->s->freshness < FRESHNESS_STALE)
		return false;
	char age[24];
	unit_age(age, sizeof age, v->s->age_ms);
	return write(out, size, "No news for %s: all figures are old. Steps locked, R works", age);
}

static bool restarted(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_DIVERGED || !v->s->restarted)
		return false;
	char age[24];
	unit_countdown(age, sizeof age, v->s->uptime_ms);
	const struct snapshot *last = v->p->nodes[0].last;
	return write(out, size, "%s %s ago: share fell %s > %s. S puts %s back",
		last && last->reloads ? "HAProxy reloaded" : "Pool restarted", age, v->asked, v->share,
		v->asked);
}

static bool diverged(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_DIVERGED)
		return false;
	return write(out, size, "The pool says %s, asked %s, and nothing explains it. R rolls back",
		v->share, v->asked);
}

static bool partial(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_HELD || !v->s->partial)
		return false;
	char to[24], left[24];
	unit_share(to, sizeof to, v->s->partial_bp);
	unit_countdown(left, sizeof left, v->s->keep.left_ms);
	if (v->s->keep.left_ms == UNKNOWN)
		return write(out, size, "Step to %s reached %d/%d nodes; S sends it to the rest", to,
			v->s->nodes_took, v->p->node_count);
	return write(out, size,
		"Step to %s reached %d/%d nodes; S sends it to the rest, or back in %s", to,
		v->s->nodes_took, v->p->node_count, left);
}

static bool mixed(const struct view *v, char *out, size_t size)
{
	if (!v->s->mixed)
		return false;
	return write(out, size, "Nodes differ: %d.%02d to %d.%02d %%. Steps locked, R works",
		v->s->mixed_low_bp / 100, v->s->mixed_low_bp % 100, v->s->mixed_high_bp / 100,
		v->s->mixed_high_bp % 100);
}

static bool held(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_HELD || !v->s->hold.on)
		return false;
	const char *reason = v->s->hold.reason;
	return write(out, size, "Held by %.24s%s%.24s%s. U resumes, R rolls back", v->s->hold.actor,
		reason[0] ? ": \"" : "", reason, reason[0] ? "\"" : "");
}

static bool went_back(const struct view *v, char *out, size_t size)
{
	const struct decision *d = reconcile_last_change(v->p->decisions, v->p->decision_count);
	if (v->s->state != STATE_HELD || !v->s->went_back || !d)
		return false;
	char from[24], to[24];
	unit_share(from, sizeof from, d->from_bp);
	unit_share(to, sizeof to, d->to_bp);
	return write(out, size, "Went back %s > %s: not kept in time. S steps anew", from, to);
}

static bool blind(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_HELD || !v->s->blind)
		return false;
	static const char *const whose[OWNER_COUNT] = {[OWNER_CONSOLE] = "This console's",
		[OWNER_RECORD] = "The recorder's",
		[OWNER_POOL] = "The pool's"};
	char since[24];
	unit_age(since, sizeof since, v->s->blind_ms);
	return write(out, size, "%s guard has had no data for %s: steps locked, R works",
		whose[v->s->owner], since);
}

/* A raise that this actor's desks and recorders will not keep. */
static bool unkept(const struct view *v, char *out, size_t size)
{
	const struct standing *s = v->s;
	if (!s->keep.on || s->keep.left_ms == UNKNOWN || s->bake_left_ms != 0 ||
		s->reported_bp < 0 || pool_keeps(v->m, v->p, s->owner == OWNER_RECORD))
		return false;
	char left[24], kept[24];
	unit_countdown(left, sizeof left, s->keep.left_ms);
	unit_share(kept, sizeof kept, s->kept_bp);
	if (orphan_at(s->keep.on_orphan, s->reported_bp) == ORPHAN_HOLD)
		return write(out, size, "%s is held in %s unless kept. Run: weir keep %s", v->share,
			left, v->p->name);
	return write(out, size, "%s goes back to %s in %s unless kept. Run: weir keep %s", v->share,
		kept, left, v->p->name);
}

static bool above_baseline(const struct standing *s)
{
	return s->reported_bp > s->baseline_bp && s->state != STATE_FINALIZED;
}

static bool unguarded(const struct view *v, char *out, size_t size)
{
	if (!v->p->has_plan || !above_baseline(v->s) || v->s->owner >= OWNER_RECORD)
		return false;
	if (v->s->owner == OWNER_NONE)
		return write(
			out, size, "Nobody rolls back by itself. Run: weir record --guard %s", v->p->name);
	return write(out, size,
		"Nobody rolls back if this console closes. Run: weir record --guard %s", v->p->name);
}

/* A guard that was told to hold rolls nothing back. */
static bool only_holds(const struct view *v, char *out, size_t size)
{
	const struct pool_guard *g = &v->s->pool_guard;
	if (!above_baseline(v->s) || v->s->owner == OWNER_NONE || g->held_ms == UNKNOWN)
		return false;
	char left[24];
	unit_countdown(left, sizeof left, g->held_ms);
	return write(out, size, "The %s's guard only holds for %s: nothing rolls back by itself",
		v->s->owner == OWNER_RECORD ? "recorder" : owner_name(v->s->owner), left);
}

/* Suspected or proven, and not enough to act on by itself. */
static bool suspected(const struct view *v, char *out, size_t size)
{
	const struct standing *s = v->s;
	if (s->reported_bp <= s->baseline_bp || s->freshness > FRESHNESS_LATE)
		return false;
	if (s->verdict.word == VERDICT_HARM && s->verdict.why == VERDICT_WHY_LIMIT)
		return false;
	if (s->judge_word == VERDICT_HARM)
		return write(out, size, "v2 is worse, too few to act on: %.32s. R rolls back",
			s->judge_text[0] ? s->judge_text : "says the guard's owner");
	if (s->guard.judge != GUARD_AMBER)
		return false;
	char v1[16], v2[16];
	if (s->verdict.suspect != JUDGED_ERRORS)
		return write(
			out, size, "v2 looks slower than v1, not proven yet. Steps locked, R works");
	unit_percent(v1, sizeof v1, s->arms[ARM_V1].error_rate);
	unit_percent(v2, sizeof v2, s->arms[ARM_V2].error_rate);
	return write(out, size,
		"v2 looks worse: errors %s %%, v1 %s %%, not proven yet. Steps locked", v2, v1);
}

static bool untrusted(const struct view *v, char *out, size_t size)
{
	if (!above_baseline(v->s) || v->s->verdict.why != VERDICT_WHY_SENTINEL)
		return false;
	return write(
		out, size, "v1 differs from itself: requests depend on each other, no verdict");
}

/* Whoever may not step is told why first, where that is the only reason. */
static bool forbidden(const struct view *v, char *out, size_t size)
{
	if (v->s->forbidden_left_ms <= 0)
		return false;
	return write(out, size, "READ-ONLY (403): %.30s takes no changes from this token",
		v->p->nodes[v->s->forbidden_node].target);
}

static bool leased(const struct view *v, char *out, size_t size)
{
	static const unsigned at = 1u << STATE_READY | 1u << STATE_PLANNED;
	if (!(at >> v->s->state & 1) || v->s->next.failing != 1u << PREDICATE_LEASE ||
		v->s->lease_mine || !v->s->lease.holder[0])
		return false;
	char left[24];
	unit_countdown(left, sizeof left, v->s->lease.ttl_ms);
	return write(out, size, "Lease is %.24s's for %s: looking only; :take takes it",
		v->s->lease.holder, left);
}

static bool stepping(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_STEPPING)
		return false;
	char to[24];
	unit_share(to, sizeof to, v->open->to_bp);
	return write(out, size, "A step to %s by %.30s is on its way", to, v->open->actor);
}

#define V1_LEAST 100 /* requests in the window before its rate is believed */

/* Users are hurt, and v2 has nothing to do with it. */
static bool v1_fails(const struct view *v, char *out, size_t size)
{
	const struct guard_metric *g = &v->s->guard.metric[METRIC_ERRORS];
	const struct arm_figures *f = &v->s->arms[ARM_V1];
	if (v->s->reported_bp != 0 || v->s->freshness > FRESHNESS_LATE || f->done < V1_LEAST ||
		!(g->limit > 0 && f->error_rate > g->limit))
		return false;
	char rate[16], limit[16];
	unit_percent(rate, sizeof rate, f->error_rate);
	unit_percent(limit, sizeof limit, g->limit);
	return write(out, size, "v1 fails: errors %s of %s %%. Not v2's doing: it has no share",
		rate, limit);
}

/* Nobody asked for it: whoever looks should know why. */
static bool guard_went_back(const struct view *v, char *out, size_t size)
{
	const struct decision *last = reconcile_last_change(v->p->decisions, v->p->decision_count);
	if (v->s->state != STATE_ROLLED_BACK || !last ||
		(strcmp(last->role, POOL_ACTOR) != 0 && strcmp(last->role, GUARD_ROLE) != 0))
		return false;
	const char *why = last->reason;
	why += strncmp(why, GUARD_REASON, strlen(GUARD_REASON)) == 0 ? strlen(GUARD_REASON) : 0;
	return write(out, size, "The guard rolled back to %s: %.30s%s", v->share,
		why[0] ? why : "it says not why", v->p->latch.red ? ". U accepts it" : "");
}

/* By hand, and what it was for is not accepted yet. */
static bool back_and_red(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ROLLED_BACK || !v->p->latch.red)
		return false;
	return write(out, size, "Rolled back to %s; RED stays until U accepts it: %s", v->share,
		metric_name(v->p->latch.metric));
}

static bool rolled_back(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ROLLED_BACK)
		return false;
	/* One that others made, or that nobody watched, is known by the pool's word only. */
	const struct decision *last = reconcile_last_change(v->p->decisions, v->p->decision_count);
	return write(out, size, "Rolled back to %s, %s%s", v->share,
		last && last->verified_ms != UNKNOWN ? "seen on every node" : "every node says so",
		v->s->reported_bp == 0 ? ". v1 carries the traffic" : "");
}

static bool complete(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_COMPLETE)
		return false;
	return write(
		out, size, "All work is on v2 and its bake has passed. The way back is open: R");
}

static bool finalized(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_FINALIZED)
		return false;
	return write(out, size, "Finished: all work is on v2, there is no way back");
}

static bool ready(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_READY)
		return false;
	if (v->s->next_bp < 0)
		return write(
			out, size, "At %s. Nothing moves by itself; step or roll back by hand", v->share);
	if (!v->s->next.allowed) {
		char why[160];
		interlock_summary(why, sizeof why, &v->s->next);
		return write(out, size, "Ready for %s, but not now: %.48s", v->next, why);
	}
	static const char *const guards[GUARD_COUNT] = {[GUARD_NONE] = "no limit is set",
		[GUARD_GREEN] = "v2 within its limits",
		[GUARD_UNKNOWN] = "too little data to judge v2",
		[GUARD_AMBER] = "v2 looks worse than v1",
		[GUARD_RED] = "v2 breaks a limit"};
	bool safe = v->s->judge_word == VERDICT_SAFE && v->s->judge_text[0];
	return write(out, size, "Ready for %s: %s%s. S steps", v->next,
		policy_is_manual(&v->p->plan.policy) ? "" : "bake passed, ",
		safe ? v->s->judge_text : guards[v->s->judged]);
}

#define ALIKE 1.5 /* times v1's: nearer than that looks alike */

/* Enough was seen to say so, and what was seen is alike. */
static bool sees_no_difference(const struct verdict *v)
{
	return v->word == VERDICT_UNDECIDED && v->why == VERDICT_WHY_BETWEEN && v->ratio.low <= 1 &&
		v->ratio.high < INFINITY && v->ratio.ratio <= ALIKE;
}

/* What is known of v2 while it bakes. */
static const char *news_of(const struct standing *s)
{
	bool green = s->judged == GUARD_GREEN || s->judged == GUARD_NONE;
	if (green && s->judge_word == VERDICT_SAFE && s->judge_text[0])
		return s->judge_text;
	if (green && sees_no_difference(&s->verdict))
		return "No difference seen so far";
	return s->judged == GUARD_GREEN ? "Within limits so far"
		: s->judged == GUARD_NONE   ? "No limit is set"
									: "Too little data to judge v2";
}

static bool baking(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_BAKING)
		return false;
	const struct interlock *i = &v->s->next;
	const char *news = news_of(v->s);
	if (v->s->next_bp < 0 || i->failures == 0)
		return write(out, size, "%s. Baking at %s", news, v->share);
	static const unsigned in_time = 1u << PREDICATE_BAKE | 1u << PREDICATE_SAMPLES;
	if (i->failing & ~in_time || v->s->bake_left_ms == UNKNOWN) {
		char why[160];
		interlock_summary(why, sizeof why, i);
		return write(out, size, "%s. Not ready for %s: %.36s", news, v->next, why);
	}
	if (i->wait_ms == UNKNOWN && v->s->bake_left_ms == 0)
		return write(out, size, "%s. Waiting for samples before S steps to %s", news, v->next);
	char left[24];
	unit_countdown(left, sizeof left, i->wait_ms == UNKNOWN ? v->s->bake_left_ms : i->wait_ms);
	return write(
		out, size, "%s. Nothing to do for %s; then S steps to %s", news, left, v->next);
}

static bool armed(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ARMED)
		return false;
	return write(out, size, "%s. S steps to %s", v->rest, v->next);
}

static bool planned(const struct view *v, char *out, size_t size)
{
	if (v->s->state != STATE_PLANNED)
		return false;
	char why[160];
	interlock_summary(why, sizeof why, &v->s->next);
	return write(out, size, "%s. Not ready: %.44s", v->rest, why[0] ? why : "checking");
}

static bool looking(const struct view *v, char *out, size_t size)
{
	for (size_t i = 0; i < v->p->decision_count; i++) {
		const struct decision *d = &v->p->decisions[i];
		bool touched = d->outcome == OUTCOME_APPLIED || !outcome_is_final(d->outcome);
		if (!d->observed && verb_is_sent(d->verb) && touched)
			return write(out, size, "%s. Nothing moves by itself", v->rest);
	}
	return write(out, size, "Looking only: nothing has been written to this pool");
}

static const struct {
	enum level level;
	row_fn *row;
} rows[] = {
	{LEVEL_ACT, rollback_unseen},
	{LEVEL_ACT, rollback_sending},
	{LEVEL_ACT, both_fail},
	{LEVEL_ACT, red},
	{LEVEL_LOOK, no_history},
	{LEVEL_LOOK, foreign},
	{LEVEL_LOOK, unresolved},
	{LEVEL_LOOK, never},
	{LEVEL_LOOK, stale},
	{LEVEL_LOOK, restarted},
	{LEVEL_LOOK, diverged},
	{LEVEL_LOOK, partial},
	{LEVEL_LOOK, mixed},
	{LEVEL_LOOK, v1_fails},
	{LEVEL_LOOK, held},
	{LEVEL_LOOK, went_back},
	{LEVEL_LOOK, forbidden},
	{LEVEL_LOOK, suspected},
	{LEVEL_LOOK, blind},
	{LEVEL_LOOK, untrusted},
	{LEVEL_LOOK, unkept},
	{LEVEL_LOOK, unguarded},
	{LEVEL_LOOK, only_holds},
	{LEVEL_LOOK, cut_short},
	{LEVEL_OK, stepping},
	{LEVEL_LOOK, guard_went_back},
	{LEVEL_LOOK, back_and_red},
	{LEVEL_OK, rolled_back},
	{LEVEL_OK, complete},
	{LEVEL_OK, finalized},
	{LEVEL_OK, leased},
	{LEVEL_OK, ready},
	{LEVEL_OK, baking},
	{LEVEL_OK, armed},
	{LEVEL_OK, planned},
	{LEVEL_OK, looking},
};

/* Cuts at HEADLINE_COLUMNS columns. */
static void cut(char *s)
{
	size_t at = 0, len = strlen(s);
	int columns = 0;
	uint32_t point;
	for (int n; (n = text_decode(s + at, len - at, &point)) > 0; at += (size_t)n) {
		columns += text_columns(point);
		if (columns > HEADLINE_COLUMNS)
			break;
	}
	s[at] = 0;
}

void headline_write(
	struct headline *out, const struct model *m, const struct pool *p, struct instant now)
{
	const struct standing *s = &p->standing;
	struct view v = {.m = m, .p = p, .s = s};
	v.open = s->open >= 0 ? &p->decisions[s->open] : NULL;
	unit_share(v.share, sizeof v.share, s->reported_bp);
	unit_share(v.next, sizeof v.next, s->next_bp);
	unit_share(v.asked, sizeof v.asked, s->intended_bp);
	snprintf(v.rest, sizeof v.rest,
		s->reported_bp > 0 ? "At %s, the baseline" : "All work is on v1", v.share);
	if (v.open)
		unit_countdown(v.since, sizeof v.since, now.wall_ms - v.open->at_ms);
	for (size_t i = 0;; i++) {
		if (!rows[i].row(&v, out->text, sizeof out->text))
			continue;
		out->level = rows[i].level;
		cut(out->text);
		return;
	}
}
