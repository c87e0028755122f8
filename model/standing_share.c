/* Shares: the three of a pool: what its nodes report, what its traffic shows, what was asked; and
 * how the first and the last may come to differ. */
#include "model/standing.h"

#include "model/reconcile.h"

#include <string.h>

/* What all nodes report, -1 where they differ or one is silent. */
void standing_report(struct standing *s, const struct pool *p, struct instant now)
{
	int low = SHARE_FULL + 1, high = -1;
	bool all = true, differ = false;
	s->epoch = s->rev = s->uptime_ms = UNKNOWN;
	s->baseline_bp = -1;
	s->hold.on = false;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (!node_is_usable(n)) {
			all = false;
			continue;
		}
		const struct snapshot *x = n->last;
		low = x->share_bp < low ? x->share_bp : low;
		high = x->share_bp > high ? x->share_bp : high;
		/* A pool never armed rolls back to 0. */
		int base_bp = x->baseline_bp < 0 ? 0 : x->baseline_bp;
		differ |= s->epoch != UNKNOWN && s->baseline_bp != base_bp;
		s->baseline_bp = base_bp;
		if (s->epoch == UNKNOWN) {
			s->epoch = x->epoch;
			s->rev = x->rev;
		}
		int64_t uptime_ms = unit_plus(x->uptime_ms, standing_age(n, now));
		if (s->uptime_ms == UNKNOWN || (uptime_ms != UNKNOWN && uptime_ms < s->uptime_ms))
			s->uptime_ms = uptime_ms;
		if (x->hold.on) {
			s->hold = x->hold;
			s->hold.age_ms = unit_plus(x->hold.age_ms, standing_age(n, now));
		}
	}
	/* Where nodes would go back to different shares there is no one baseline. */
	if (differ)
		s->baseline_bp = -1;
	s->mixed = high >= 0 && low != high;
	s->mixed_low_bp = low;
	s->mixed_high_bp = high;
	s->reported_bp = all && high >= 0 && low == high ? low : -1;
}

int64_t standing_since_change(const struct pool *p, enum arm arm, bool units, bool *sessions)
{
	int64_t sum = 0;
	*sessions = true;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (!node_is_usable(n) || !n->last->change.known)
			return UNKNOWN;
		const struct arm_counts *c = &n->last->arms[arm];
		const struct change_counts *then = &n->last->change.arms[arm];
		bool by_session = units && c->sessions != UNKNOWN && then->sessions != UNKNOWN;
		if (!by_session)
			*sessions = false;
		int64_t now = by_session ? c->sessions : c->requests;
		int64_t before = by_session ? then->sessions : then->requests;
		if (before == UNKNOWN || now < before)
			return UNKNOWN;
		sum += now - before;
	}
	return sum;
}

/* Before any known change of the split: what the last minutes' traffic shows. */
static void measure_recent(struct standing *s, const struct pool *p)
{
	int64_t sum[ARM_COUNT] = {0};
	for (int64_t t = p->ticks.first; t < p->ticks.next; t++) {
		const struct tick *tick = ring_at(&p->ticks, t);
		for (int arm = 0; tick && arm < ARM_COUNT; arm++)
			sum[arm] += tick->arms[arm].requests;
	}
	int64_t all = sum[ARM_V1] + sum[ARM_V2];
	if (all == 0)
		return;
	s->measured_n = all;
	s->measured_bp = (int)((sum[ARM_V2] * SHARE_FULL + all / 2) / all);
}

void standing_measure(struct standing *s, const struct pool *p)
{
	bool ignored;
	int64_t v1 = standing_since_change(p, ARM_V1, false, &ignored);
	int64_t v2 = standing_since_change(p, ARM_V2, false, &ignored);
	s->measured_bp = -1;
	s->measured_n = UNKNOWN;
	if (v1 == UNKNOWN || v2 == UNKNOWN) {
		measure_recent(s, p);
		return;
	}
	s->measured_n = v1 + v2;
	if (v1 + v2 > 0)
		s->measured_bp = (int)((double)v2 / (double)(v1 + v2) * SHARE_FULL + 0.5);
}

/* A log that stays silent longer explains nothing. */
#define EXPLAIN_MS 5000

/* The pool's log and its document do not tell of the same moment: one of them is still to come.
 */
static bool audit_pending(const struct pool *p, struct instant now)
{
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (node_is_usable(n) && n->audit_apart_ms != UNKNOWN &&
			now.boot_ms - n->audit_apart_ms < EXPLAIN_MS)
			return true;
	}
	return false;
}

/* The pool took back what nobody had kept, and nobody has resumed since. */
static bool went_back(const struct pool *p)
{
	const struct decision *d = reconcile_last_change(p->decisions, p->decision_count);
	if (!d || !d->observed || d->verb != VERB_STEP || d->to_bp >= d->from_bp ||
		strcmp(d->actor, POOL_ACTOR) != 0)
		return false;
	for (size_t i = 0; i < p->decision_count; i++) {
		const struct decision *other = &p->decisions[i];
		if (other->verb == VERB_RESUME && other->outcome == OUTCOME_APPLIED &&
			other->at_ms > d->at_ms)
			return false;
	}
	return true;
}

void standing_intend(struct standing *s, const struct pool *p, struct instant now)
{
	s->intended_bp = reconcile_intended_bp(p->decisions, p->decision_count);
	if (s->intended_bp < 0)
		s->intended_bp = s->reported_bp;
	s->diverged = s->restarted = false;
	s->went_back = went_back(p);
	if (s->reported_bp < 0 || s->reported_bp == s->intended_bp)
		return;
	const struct decision *d = reconcile_last_change(p->decisions, p->decision_count);
	int64_t seen_ms = d ? decision_seen_ms(d) : UNKNOWN;
	bool lost = seen_ms != UNKNOWN && s->uptime_ms != UNKNOWN &&
		now.wall_ms - s->uptime_ms > seen_ms && s->reported_bp < s->intended_bp;
	if (s->open >= 0) {
		/* The share may be either; what puts a lost one back stays that while it is under way.
		 */
		s->restarted = lost;
		return;
	}
	if (audit_pending(p, now)) {
		/* An explanation, or what it explains, is on its way; until then nothing is claimed. */
		s->intended_bp = s->reported_bp;
		return;
	}
	s->diverged = true;
	s->restarted = lost;
}

/* The last thing that was asked, whatever became of it. */
static const struct decision *last_asked(const struct pool *p)
{
	for (size_t i = p->decision_count; i-- > 0;)
		if (p->decisions[i].verb == VERB_STEP || p->decisions[i].verb == VERB_ROLLBACK)
			return &p->decisions[i];
	return NULL;
}

void standing_partial(struct standing *s, const struct pool *p)
{
	const struct decision *d = last_asked(p);
	s->partial = false;
	s->partial_bp = -1;
	s->nodes_took = 0;
	/* What sends it to the rest stays that while it is under way: it was decided where nodes
	 * differed. */
	bool completes = s->open >= 0 && d == &p->decisions[s->open] && d->from_bp < 0;
	if (!s->mixed || (s->open >= 0 && !completes) || !d || d->verb != VERB_STEP ||
		d->to_bp <= d->from_bp)
		return;
	/* What another tool did to one node is completed only where the plan would go anyway. */
	if (d->observed && p->has_plan && plan_next_bp(&p->plan, s->mixed_low_bp) != d->to_bp)
		return;
	for (int k = 0; k < p->node_count; k++)
		if (node_is_usable(&p->nodes[k]))
			s->nodes_took += p->nodes[k].last->share_bp == d->to_bp;
	/* A node above it was moved by something else. */
	s->partial = s->nodes_took > 0 && s->mixed_high_bp == d->to_bp;
	if (s->partial)
		s->partial_bp = d->to_bp;
	else
		s->nodes_took = 0;
}
