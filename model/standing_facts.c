/* Facts: what the interlock is asked about a pool, and what a desk may do by itself: keep a raise,
 * carry a guard's rollback on. */
#include "model/standing.h"

#include "model/approving.h"
#include "model/reconcile.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int intent_share(const struct intent *want)
{
	int implied_bp = want->has_strategy ? strategy_share_bp(want->strategy) : -1;
	return implied_bp >= 0 ? implied_bp : want->to_bp;
}

static enum act step_act(const struct standing *s, const struct intent *want)
{
	int to_bp = intent_share(want);
	int low_bp = s->mixed ? s->mixed_low_bp : s->reported_bp;
	if (s->act != ACT_RAISE && to_bp == s->next_bp)
		return s->act;
	if (to_bp < 0)
		return want->has_strategy ? ACT_LOWER : ACT_RAISE;
	/* With another strategy the same share is no raise; where nodes differ it lowers some. */
	return to_bp < low_bp || (to_bp == low_bp && (s->mixed || want->has_strategy)) ? ACT_LOWER
																				   : ACT_RAISE;
}

/* What kind of change it is as things stand. A strategy counts as the share that it implies,
 * disarm as a lowering: what it ends is back already, and nothing has to prove the way there. */
static enum act act_of(const struct pool *p, const struct intent *want)
{
	static const enum act acts[VERB_COUNT] = {
		[VERB_HOLD] = ACT_TELL,
		[VERB_RESUME] = ACT_RESUME,
		[VERB_ROLLBACK] = ACT_TELL,
		[VERB_ANNOTATE] = ACT_TELL,
		[VERB_KEEP] = ACT_KEEP,
		[VERB_ARM] = ACT_ARM,
		[VERB_DISARM] = ACT_LOWER,
		[VERB_TAKE] = ACT_TELL,
		[VERB_GUARD] = ACT_TELL,
		[VERB_DRAIN] = ACT_TELL,
		[VERB_ADOPT] = ACT_ADOPT,
		[VERB_FINALIZE] = ACT_FINALIZE,
		[VERB_CLOSE] = ACT_TELL,
		[VERB_ASK] = ACT_TELL,
		[VERB_APPROVE] = ACT_TELL,
	};
	if (want->verb == VERB_STEP)
		return step_act(&p->standing, want);
	if (want->verb == VERB_OPERATIONS)
		return want->widens ? ACT_WIDEN : ACT_LOWER;
	return acts[want->verb];
}

#define QUEUE_FIT 0.85 /* v1's queue is fuller than that: it has no room for what comes back */

/* What keeps v1 of one node from taking the traffic back, in words; false: nothing does. */
static bool v1_lacks(char *why, size_t size, const struct node *n)
{
	if (!node_is_usable(n)) {
		snprintf(why, size, "nothing is known of it");
		return true;
	}
	const struct arm_counts *c = &n->last->arms[ARM_V1];
	if (c->workers.ready != UNKNOWN && c->workers.ready < 1) {
		snprintf(why, size, "v1 has no ready worker");
		return true;
	}
	if (c->breaker.known && c->breaker.state == BREAKER_OPEN) {
		snprintf(why, size, "v1's breaker is open");
		return true;
	}
	/* 0 is what a pool without a bound says; a queue that holds nothing is none. */
	double full = c->queue_max > 0 && c->queue_depth > 0
		? (double)c->queue_depth / (double)c->queue_max
		: 0;
	if (full >= QUEUE_FIT)
		snprintf(why, size, "v1's queue is %.0f %% full", floor(full * 100));
	return full >= QUEUE_FIT;
}

/* True when v1 could take all the traffic now, on every node; else why not. */
static bool v1_serving(const struct pool *p, const struct standing *s, char *why, size_t size)
{
	char lack[64];
	why[0] = 0;
	for (int k = 0; k < p->node_count; k++) {
		if (!v1_lacks(lack, sizeof lack, &p->nodes[k]))
			continue;
		if (p->node_count > 1)
			snprintf(why, size, "%s (%.40s)", lack, p->nodes[k].target);
		else
			snprintf(why, size, "%s", lack);
		text_mend(why);
		return false;
	}
	/* What v1 fails at it would fail at with all the traffic too. */
	for (int m = 0; m < METRIC_COUNT; m++) {
		if (!s->guard.metric[m].v1_red)
			continue;
		snprintf(why, size, "v1 breaks its %s limit", metric_name((enum metric)m));
		return false;
	}
	return true;
}

/* What v1 still has to do, on all nodes; one that does not say makes the work unknown. */
static void left_on_v1(struct interlock_facts *f, const struct pool *p)
{
	f->v1_busy = 0;
	f->v1_sessions = UNKNOWN;
	for (int k = 0; k < p->node_count; k++) {
		const struct arm_counts *c = p->nodes[k].last ? &p->nodes[k].last->arms[ARM_V1] : NULL;
		if (!c || c->in_flight == UNKNOWN || f->v1_busy == UNKNOWN)
			f->v1_busy = UNKNOWN;
		else
			f->v1_busy += c->in_flight + (c->queue_depth == UNKNOWN ? 0 : c->queue_depth);
		if (!c || c->sessions_live == UNKNOWN)
			continue;
		f->v1_sessions =
			c->sessions_live + (f->v1_sessions == UNKNOWN ? 0 : f->v1_sessions);
		if (c->sessions_end_ms > f->v1_end_ms)
			f->v1_end_ms = c->sessions_end_ms;
	}
}

static bool equal_builds(const struct pool *p)
{
	const char *build = NULL;
	for (int k = 0; k < p->node_count; k++) {
		if (!node_is_usable(&p->nodes[k]))
			continue;
		if (build && strcmp(build, p->nodes[k].last->build) != 0)
			return false;
		build = p->nodes[k].last->build;
	}
	return true;
}

static int most_dropped(const struct pool *p)
{
	int most = 0;
	for (int k = 0; k < p->node_count; k++)
		for (int arm = 0; node_is_usable(&p->nodes[k]) && arm < ARM_COUNT; arm++)
			if (p->nodes[k].last->arms[arm].operations_dropped > most)
				most = p->nodes[k].last->arms[arm].operations_dropped;
	return most;
}

static bool any_foreign(const struct pool *p)
{
	for (int k = 0; k < p->node_count; k++)
		if (p->nodes[k].foreign)
			return true;
	return false;
}

/* Samples a second of an arm now, to say how long the missing ones take. Sessions are slower
 * than requests; their own rate since the change is the honest figure. */
static double samples_rate(const struct pool *p, const struct standing *s, int arm)
{
	if (!s->sessions)
		return s->arms[arm].rate;
	const struct node *n = &p->nodes[0];
	if (!node_is_usable(n) || !n->last->change.known || s->samples[arm] == UNKNOWN)
		return NAN;
	if (n->last->change.age_ms == UNKNOWN || n->last->unit_ms == UNKNOWN)
		return NAN;
	int64_t counted_ms = n->last->change.age_ms - n->last->unit_ms;
	return counted_ms > 1000 ? (double)s->samples[arm] * 1000 / (double)counted_ms : NAN;
}

static void lease_facts(
	struct interlock_facts *f, const struct model *m, const struct standing *s)
{
	f->lease_asked = s->lease.known;
	f->lease_mine = s->lease_mine;
	f->lease_left_ms = s->lease.ttl_ms;
	/* One's own on some nodes is free on the others. */
	if (strcmp(s->lease.holder, m->actor) != 0)
		text_copy(f->lease_holder, sizeof f->lease_holder, s->lease.holder);
	f->armed = s->armed;
}

void pool_facts(const struct model *m, const struct pool *p, const struct intent *want,
	struct interlock_facts *out)
{
	const struct standing *s = &p->standing;
	struct interlock_facts *f = out;
	memset(f, 0, sizeof *f);
	f->act = act_of(p, want);
	text_copy(f->pool, sizeof f->pool, p->name);
	f->policy = p->plan.policy;
	f->has_plan = p->has_plan;
	f->forced = want->forced;
	/* Who only looks has no history of his own: whether one could write is not his question. */
	f->history_writable = m->read_only || (m->history_known && m->history_writable);
	text_copy(
		f->history_why, sizeof f->history_why, m->history_known ? m->history_why : "opening");
	f->nodes = p->node_count;
	f->nodes_live = s->nodes_live;
	f->worst_age_ms = s->age_ms;
	f->identity_equal = !any_foreign(p);
	f->dropped = most_dropped(p);
	f->build_equal = equal_builds(p);
	f->intended_bp = s->intended_bp;
	f->reported_bp = s->reported_bp;
	f->split_off = s->split_off;
	f->measured_bp = s->measured_bp;
	f->measured_n = s->measured_n;
	f->open_intent = s->open >= 0;
	if (s->open >= 0) {
		const struct decision *d = &p->decisions[s->open];
		snprintf(f->open_what, sizeof f->open_what, "%s by %.40s", verb_row(d->verb)->word,
			d->actor);
		text_mend(f->open_what);
	}
	if (f->act == ACT_RAISE) {
		f->rising = s->rising.others;
		f->max_raising = m->max_raising;
		f->rising_left_ms = s->rising.left_ms;
		text_copy(f->rising_text, sizeof f->rising_text, s->rising.text);
	}
	f->shown_epoch = want->shown_epoch;
	f->shown_rev = want->shown_rev;
	f->epoch = s->epoch;
	f->rev = s->rev;
	f->from_bp = s->reported_bp;
	int to_bp = intent_share(want);
	f->to_bp = to_bp >= 0 || want->verb == VERB_STEP ? to_bp : s->reported_bp;
	f->next_bp = p->has_plan ? plan_next_bp(&p->plan, s->reported_bp) : -1;
	f->max_delta_bp = p->plan.max_delta_bp;
	f->at_baseline = s->reported_bp >= 0 && s->reported_bp == s->baseline_bp;
	const struct snapshot *first = p->node_count && p->nodes[0].last ? p->nodes[0].last : NULL;
	f->plan_as_armed = f->at_baseline || !first || !first->plan_hash[0] ||
		strcmp(first->plan_hash, p->plan_hash) == 0;
	if (first && first->change.known) {
		text_copy(f->changed_by, sizeof f->changed_by, first->change.actor);
		f->changed_age_ms = first->change.age_ms;
	}
	left_on_v1(f, p);
	lease_facts(f, m, s);
	f->forbidden_left_ms = s->forbidden_left_ms;
	if (s->forbidden_left_ms > 0)
		text_copy(f->forbidden_at, sizeof f->forbidden_at, p->nodes[s->forbidden_node].target);
	/* Only a raise keeps the one before it first. */
	f->kept = !s->keep.on || (f->act == ACT_RAISE && s->keepable);
	f->bake_left_ms = s->stay_left_ms;
	f->keep_left_ms = s->bake_left_ms;
	f->min_samples = p->plan.min_samples;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		f->samples[arm] = s->samples[arm];
		f->sample_rate[arm] = samples_rate(p, s, arm);
	}
	f->guard = s->judged;
	f->guard_red = p->latch.red;
	f->guard_both = s->guard.both || (p->latch.red && p->latch.both);
	int metric = p->latch.red ? (int)p->latch.metric : s->guard.worst;
	if (p->latch.red && p->latch.by_pool)
		text_copy(f->guard_what, sizeof f->guard_what, s->pool_guard.word);
	else if (p->latch.red && p->latch.word[0])
		text_copy(f->guard_what, sizeof f->guard_what, p->latch.word);
	else if (s->guard.judge == GUARD_AMBER && s->guard.state == GUARD_AMBER)
		text_copy(f->guard_what, sizeof f->guard_what, s->guard.judge_word);
	else if (s->judged == GUARD_AMBER && s->owner == OWNER_POOL)
		text_copy(f->guard_what, sizeof f->guard_what, s->pool_guard.word);
	else if (metric >= 0)
		text_copy(f->guard_what, sizeof f->guard_what, metric_name((enum metric)metric));
	f->verdict = s->judge_word;
	text_copy(f->verdict_text, sizeof f->verdict_text, s->judge_text);
	f->frozen = s->freeze.on;
	f->frozen_left_ms = s->freeze.left_ms;
	text_copy(f->frozen_text, sizeof f->frozen_text, s->freeze.text);
	f->held = s->hold.on;
	text_copy(f->held_by, sizeof f->held_by, s->hold.actor);
	text_copy(f->held_why, sizeof f->held_why, s->hold.reason);
	approving_facts(f, m, p, want);
	f->baseline_known = s->baseline_bp >= 0;
	f->v1_serving = v1_serving(p, s, f->v1_why, sizeof f->v1_why);
	f->drilling = want->drilling;
	f->drill_age_ms = s->drilled.age_ms;
	drill_text(f->drill_text, sizeof f->drill_text, &s->drilled);
	f->owner = s->owner;
	f->guard_unarmed = s->pool_guard.known && !s->pool_guard.armed;
}

bool pool_is_local(const struct pool *p)
{
	return strncmp(p->nodes[0].target, "local:", 6) == 0;
}

bool pool_takes_back(const struct pool *p)
{
	for (int k = 0; k < p->node_count; k++) {
		const struct snapshot *s = p->nodes[k].last;
		if (s && (!s->lease.known || s->kept_bp < 0))
			return false;
	}
	return true;
}

bool pool_keeps(const struct model *m, const struct pool *p, bool keeper)
{
	const struct standing *s = &p->standing;
	if (m->read_only || !p->has_plan || !s->armed || !p->plan.policy.bake || !s->keep.on ||
		s->keep.left_ms == UNKNOWN || !s->keepable || s->open >= 0)
		return false;
	/* What a drill raised is there to go back. */
	const struct decision *last = reconcile_last_change(p->decisions, p->decision_count);
	if (last && last->verb == VERB_STEP && strcmp(last->role, DRILL_ROLE) == 0)
		return false;
	for (int k = 0; k < p->node_count && !keeper; k++) {
		const struct change *c = &p->nodes[k].last->change;
		if (!c->known || strcmp(c->actor, m->actor) != 0)
			return false;
	}
	return true;
}

/* The last word of a person on whether the share may rise is that it may not. */
static bool is_told_to_hold(const struct pool *p)
{
	for (size_t i = p->decision_count; i-- > 0;) {
		const struct decision *d = &p->decisions[i];
		if (d->outcome != OUTCOME_APPLIED)
			continue;
		if (d->verb == VERB_HOLD || d->verb == VERB_ADOPT)
			return true;
		if (d->verb == VERB_RESUME || d->verb == VERB_ROLLBACK)
			return false;
	}
	return false;
}

/* When the node lost in a reload what it had been seen to have for the bake; UNKNOWN: it did not,
 * or nobody knows. */
static int64_t lost_ms(const struct node *n, const struct pool *p, int64_t seen_ms)
{
	if (!node_is_usable(n) || !n->last->reloads || n->last->uptime_ms == UNKNOWN)
		return UNKNOWN;
	int64_t began_ms = n->last_at.wall_ms - n->last->uptime_ms;
	return began_ms > seen_ms && began_ms - seen_ms >= p->plan.bake_ms ? began_ms : UNKNOWN;
}

/* Whatever became of it. */
static bool was_put_back(const struct pool *p, int64_t since_ms)
{
	for (size_t i = 0; i < p->decision_count; i++) {
		const struct decision *d = &p->decisions[i];
		if (d->verb == VERB_STEP && d->at_ms >= since_ms && strcmp(d->role, KEEPER_ROLE) == 0)
			return true;
	}
	return false;
}

bool pool_puts_back(const struct model *m, const struct pool *p)
{
	const struct standing *s = &p->standing;
	const struct decision *d = reconcile_last_change(p->decisions, p->decision_count);
	int64_t seen_ms = d ? decision_seen_ms(d) : UNKNOWN, first_ms = UNKNOWN;
	if (m->read_only || !p->has_plan || strcmp(p->plan.on_reload, "put_back") != 0 ||
		s->open >= 0 || seen_ms == UNKNOWN || d->to_bp != s->next_bp ||
		(s->act != ACT_PUT_BACK && s->act != ACT_COMPLETE) || is_told_to_hold(p))
		return false;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (node_is_usable(n) && n->last->share_bp == s->next_bp)
			continue;
		int64_t at_ms = lost_ms(n, p, seen_ms);
		if (at_ms == UNKNOWN)
			return false;
		first_ms = first_ms == UNKNOWN || at_ms < first_ms ? at_ms : first_ms;
	}
	return first_ms != UNKNOWN && !was_put_back(p, first_ms);
}

/* True when the node stands above where the guard went back to, and has not moved since. */
static bool lags(const struct node *n, const struct decision *back)
{
	if (!node_is_usable(n) || n->last->share_bp <= back->to_bp)
		return false;
	const struct change *c = &n->last->change;
	return !c->known || c->age_ms == UNKNOWN || n->last_at.wall_ms - c->age_ms < back->at_ms;
}

uint64_t pool_carries(const struct model *m, const struct pool *p)
{
	const struct decision *d = reconcile_last_change(p->decisions, p->decision_count);
	uint64_t nodes = 0;
	if (m->read_only || !p->has_plan || p->standing.open >= 0 || !d || !d->observed ||
		d->verb != VERB_ROLLBACK || strcmp(d->actor, POOL_ACTOR) != 0)
		return 0;
	for (int k = 0; k < p->node_count; k++)
		nodes |= (uint64_t)lags(&p->nodes[k], d) << k;
	return nodes;
}
