/* Standing: what follows from the facts of a pool: freshness, the three shares, bake, samples,
 * figures, guard, state, the checks of the next step, the headline. No memory but the guard's
 * latch and the time at which a state was first derived. */
#include "model/model.h"

#include "model/figures.h"
#include "model/reconcile.h"
#include "model/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const fresh[FRESHNESS_COUNT] = {
#define X(name, word) word,
	FRESHNESS_INFO(X)
#undef X
};

const char *freshness_name(enum freshness f)
{
	return fresh[f];
}

#define LATE_MS 3000
#define LOST_MS 60000

enum freshness freshness_of(int64_t age_ms, int64_t interval_ms)
{
	if (age_ms == UNKNOWN)
		return FRESHNESS_NEVER;
	if (age_ms <= 2 * interval_ms)
		return FRESHNESS_LIVE;
	if (age_ms <= (3 * interval_ms > LATE_MS ? 3 * interval_ms : LATE_MS))
		return FRESHNESS_LATE;
	return age_ms <= LOST_MS ? FRESHNESS_STALE : FRESHNESS_LOST;
}

static int64_t age_of(const struct node *n, struct instant now)
{
	return now.boot_ms - n->last_at.boot_ms;
}

static void derive_freshness(struct standing *s, const struct pool *p, struct instant now)
{
	s->age_ms = 0;
	s->nodes_live = 0;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		int64_t age = node_is_usable(n) ? age_of(n, now) : UNKNOWN;
		if (freshness_of(age, p->interval_ms) == FRESHNESS_LIVE)
			s->nodes_live++;
		if (age == UNKNOWN || s->age_ms == UNKNOWN)
			s->age_ms = UNKNOWN;
		else if (age > s->age_ms)
			s->age_ms = age;
	}
	s->freshness = freshness_of(s->age_ms, p->interval_ms);
}

/* What all nodes report, -1 where they differ or one is silent. */
static void derive_reported(struct standing *s, const struct pool *p, struct instant now)
{
	int low = SHARE_FULL + 1, high = -1;
	bool all = true;
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
		if (s->epoch == UNKNOWN) {
			s->epoch = x->epoch;
			s->rev = x->rev;
		}
		int64_t uptime_ms = unit_plus(x->uptime_ms, age_of(n, now));
		if (s->uptime_ms == UNKNOWN || (uptime_ms != UNKNOWN && uptime_ms < s->uptime_ms))
			s->uptime_ms = uptime_ms;
		/* A pool never armed rolls back to 0. */
		s->baseline_bp = x->baseline_bp < 0 ? 0 : x->baseline_bp;
		if (x->hold.on)
			s->hold = x->hold;
	}
	s->mixed = high >= 0 && low != high;
	s->mixed_low_bp = low;
	s->mixed_high_bp = high;
	s->reported_bp = all && high >= 0 && low == high ? low : -1;
}

/* Requests and units of an arm since the split last changed; UNKNOWN when some node does not
 * say. */
static int64_t since_change(const struct pool *p, enum arm arm, bool units, bool *sessions)
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

static void derive_measured(struct standing *s, const struct pool *p)
{
	bool ignored;
	int64_t v1 = since_change(p, ARM_V1, false, &ignored);
	int64_t v2 = since_change(p, ARM_V2, false, &ignored);
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

/* An acknowledged step must be seen within this, or the pool has acknowledged what it did not
 * do. */
#define SEEN_MS 10000

/* A step that was acknowledged while the pool's newest document still shows where it was
 * decided. */
static bool step_unseen(const struct standing *s, const struct decision *d, struct instant now)
{
	return d->verb == VERB_STEP && !d->observed && d->outcome == OUTCOME_APPLIED &&
		d->outcome_ms != UNKNOWN && d->verified_ms == UNKNOWN && d->epoch == s->epoch &&
		d->rev == s->rev && now.wall_ms - d->outcome_ms < SEEN_MS;
}

/* The intent that people wait for: the newest open one, or one whose effect is not yet seen. */
static void derive_open(struct standing *s, const struct pool *p, struct instant now)
{
	s->open = -1;
	s->seen_nodes = 0;
	for (size_t i = p->decision_count; i-- > 0;) {
		const struct decision *d = &p->decisions[i];
		if (!decision_is_open(d) && !decision_awaits_verification(d) && !step_unseen(s, d, now))
			continue;
		if (s->open < 0 || d->verb == VERB_ROLLBACK) {
			s->open = (int)i;
			if (d->verb == VERB_ROLLBACK)
				break;
		}
	}
	if (s->open >= 0)
		for (int k = 0; k < p->node_count; k++)
			s->seen_nodes += !(p->unseen >> k & 1);
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

static void derive_intended(struct standing *s, const struct pool *p, struct instant now)
{
	s->intended_bp = reconcile_intended_bp(p->decisions, p->decision_count);
	if (s->intended_bp < 0)
		s->intended_bp = s->reported_bp;
	s->diverged = s->restarted = false;
	if (s->reported_bp < 0 || s->reported_bp == s->intended_bp)
		return;
	const struct decision *d = reconcile_last_change(p->decisions, p->decision_count);
	bool lost = d && d->verified_ms != UNKNOWN && s->uptime_ms != UNKNOWN &&
		now.wall_ms - s->uptime_ms > d->verified_ms && s->reported_bp < s->intended_bp;
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

static int64_t elapsed_since_change(const struct pool *p, struct instant now)
{
	int64_t least = UNKNOWN;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (!node_is_usable(n) || !n->last->change.known)
			return UNKNOWN;
		int64_t age = unit_plus(n->last->change.age_ms, age_of(n, now));
		if (age == UNKNOWN)
			return UNKNOWN;
		if (least == UNKNOWN || age < least)
			least = age;
	}
	return least;
}

static void derive_bake(struct standing *s, const struct pool *p, struct instant now)
{
	int at = s->reported_bp >= 0 ? plan_at(&p->plan, s->reported_bp) : -1;
	int64_t stay = at >= 0 ? p->plan.steps[at].for_ms : 0;
	s->bake_ms = p->has_plan ? (stay > p->plan.bake_ms ? stay : p->plan.bake_ms) : 0;
	int64_t elapsed = elapsed_since_change(p, now);
	s->bake_left_ms = UNKNOWN;
	if (elapsed != UNKNOWN)
		s->bake_left_ms = elapsed < s->bake_ms ? s->bake_ms - elapsed : 0;
	s->sessions = true;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		bool by_session;
		s->samples[arm] = since_change(p, (enum arm)arm, true, &by_session);
		s->sessions &= by_session;
	}
	s->next_bp = -1;
	s->act = ACT_RAISE;
	if (s->restarted) {
		s->next_bp = s->intended_bp;
		s->act = ACT_PUT_BACK;
	} else if (p->has_plan && s->reported_bp >= 0) {
		s->next_bp = plan_next_bp(&p->plan, s->reported_bp);
	}
}

static void forget_guard(struct guard *g)
{
	for (int m = 0; m < METRIC_COUNT; m++)
		if (g->metric[m].state != GUARD_NONE)
			g->metric[m].state = GUARD_UNKNOWN;
	if (g->state != GUARD_NONE)
		g->state = GUARD_UNKNOWN;
}

static void derive_guard(struct standing *s, struct pool *p, struct instant now,
	const struct guard_window window[ARM_COUNT])
{
	guard_evaluate(&s->guard, &p->limits, window, s->reported_bp != 0);
	/* Old numbers are no evidence, for or against. */
	if (s->freshness <= FRESHNESS_LATE)
		guard_latch_update(&p->latch, &s->guard, now);
	else
		forget_guard(&s->guard);
	/* Back at the baseline nothing is asked of v2 any more, and what was red has been dealt
	 * with. */
	if (s->reported_bp < 0 || s->reported_bp != s->baseline_bp || s->open >= 0)
		return;
	p->latch = (struct guard_latch){0};
	/* Nor is a new attempt judged on the failures of the one before. */
	if (s->reported_bp == 0)
		window_clear(&p->window[ARM_V2]);
}

static bool v1_serving(const struct pool *p, const struct standing *s)
{
	for (int k = 0; k < p->node_count; k++) {
		if (!node_is_usable(&p->nodes[k]))
			return false;
		const struct worker_counts *w = &p->nodes[k].last->arms[ARM_V1].workers;
		if (w->ready != UNKNOWN && w->ready < 1)
			return false;
	}
	/* What v1 fails at it would fail at with all the traffic too. */
	for (int m = 0; m < METRIC_COUNT; m++)
		if (s->guard.metric[m].v1_red)
			return false;
	return true;
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

void pool_facts(const struct model *m, const struct pool *p, enum verb verb, int to_bp,
	int64_t shown_epoch, int64_t shown_rev, struct interlock_facts *out)
{
	const struct standing *s = &p->standing;
	memset(out, 0, sizeof *out);
	struct interlock_facts *f = out;
	f->act = verb == VERB_RESUME ? ACT_RESUME : ACT_RAISE;
	if (verb == VERB_STEP && s->act == ACT_PUT_BACK && to_bp == s->next_bp)
		f->act = ACT_PUT_BACK;
	else if (verb == VERB_STEP && to_bp >= 0 && to_bp < s->reported_bp)
		f->act = ACT_LOWER;
	f->policy = p->has_plan ? p->plan.policy : POLICY_MANUAL;
	f->has_plan = p->has_plan;
	/* Who only looks has no history of his own: whether one could write is not his question. */
	f->history_writable = m->read_only || (m->history_known && m->history_writable);
	text_copy(
		f->history_why, sizeof f->history_why, m->history_known ? m->history_why : "opening");
	f->nodes = p->node_count;
	f->nodes_live = s->nodes_live;
	f->worst_age_ms = s->age_ms;
	f->identity_equal = !any_foreign(p);
	f->build_equal = equal_builds(p);
	f->intended_bp = s->intended_bp;
	f->reported_bp = s->reported_bp;
	f->open_intent = s->open >= 0;
	if (s->open >= 0) {
		const struct decision *d = &p->decisions[s->open];
		snprintf(f->open_what, sizeof f->open_what, "%s by %.40s", verb_row(d->verb)->word,
			d->actor);
	}
	f->shown_epoch = shown_epoch;
	f->shown_rev = shown_rev;
	f->epoch = s->epoch;
	f->rev = s->rev;
	f->from_bp = s->reported_bp;
	f->to_bp = to_bp;
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
	f->bake_left_ms = s->bake_left_ms;
	f->min_samples = p->plan.min_samples;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		f->samples[arm] = s->samples[arm];
		f->sample_rate[arm] = samples_rate(p, s, arm);
	}
	f->guard = s->guard.state;
	f->guard_red = p->latch.red;
	f->guard_both = s->guard.both || (p->latch.red && p->latch.both);
	int metric = p->latch.red ? (int)p->latch.metric : s->guard.worst;
	if (metric >= 0)
		text_copy(f->guard_what, sizeof f->guard_what, metric_name((enum metric)metric));
	f->held = s->hold.on;
	text_copy(f->held_by, sizeof f->held_by, s->hold.actor);
	f->baseline_known = s->baseline_bp >= 0;
	f->v1_serving = v1_serving(p, s);
}

/* Predicates 1-7 and 14: what must hold before the first step. */
#define PREFLIGHT (0x7fu | 1u << PREDICATE_WAY_BACK)

static void derive_state(struct standing *s, struct pool *p, struct instant now)
{
	struct migration_facts f = {.has_plan = p->has_plan,
		.by_hand = !p->has_plan || p->plan.policy == POLICY_MANUAL,
		.share_bp = s->reported_bp,
		.baseline_bp = s->baseline_bp,
		.mixed = s->mixed,
		.diverged = s->diverged,
		.held = s->hold.on,
		.red = p->latch.red || s->guard.both,
		.finalized = p->finalized};
	f.preflight = !(s->next.failing & PREFLIGHT);
	const unsigned failing = s->next.failing;
	/* At the last step there is no next one to judge: ask the same of the share that stands. */
	f.baked = s->bake_left_ms == 0;
	f.sampled = !(failing & 1u << PREDICATE_SAMPLES);
	f.guarded = !(failing & 1u << PREDICATE_GUARD);
	if (s->open >= 0) {
		const struct decision *d = &p->decisions[s->open];
		if (d->verb == VERB_ROLLBACK)
			f.back = decision_is_open(d) ? BACK_SENDING : BACK_UNVERIFIED;
		else if (d->outcome == OUTCOME_UNRESOLVED)
			f.forward = FORWARD_UNRESOLVED;
		else if (d->verb == VERB_STEP)
			f.forward = FORWARD_ON_ITS_WAY;
	} else {
		const struct decision *last = reconcile_last_change(p->decisions, p->decision_count);
		if (last && last->verb == VERB_ROLLBACK)
			f.back = BACK_DONE;
	}
	enum state state = migration_derive(&f);
	if (state != s->state || s->state_since_ms == UNKNOWN) {
		s->state = state;
		s->state_since_ms = now.boot_ms;
	}
}

/* The state with its object, as the first row of every screen has it. */
static void write_state(struct standing *s, const struct pool *p)
{
	char share[24], other[24], left[24];
	const char *word = state_name(s->state);
	if (s->freshness == FRESHNESS_NEVER && s->open < 0) {
		text_copy(s->state_text, sizeof s->state_text, "NOT SEEN YET");
		return;
	}
	unit_share(share, sizeof share, s->reported_bp);
	switch (s->state) {
	case STATE_BAKING:
		if (s->bake_left_ms != UNKNOWN && s->bake_left_ms > 0) {
			unit_countdown(left, sizeof left, s->bake_left_ms);
			snprintf(
				s->state_text, sizeof s->state_text, "%s at %s, %s left", word, share, left);
		} else {
			snprintf(s->state_text, sizeof s->state_text, "%s at %s", word, share);
		}
		return;
	case STATE_READY:
		unit_share(other, sizeof other, s->next_bp);
		if (s->next_bp >= 0)
			snprintf(s->state_text, sizeof s->state_text, "%s for %s", word, other);
		else
			snprintf(s->state_text, sizeof s->state_text, "%s at %s", word, share);
		return;
	case STATE_STEPPING:
	case STATE_UNRESOLVED: {
		const struct decision *d = &p->decisions[s->open];
		if (d->verb != VERB_STEP) {
			snprintf(
				s->state_text, sizeof s->state_text, "%s %s", word, verb_row(d->verb)->word);
			return;
		}
		unit_share(share, sizeof share, d->from_bp);
		unit_share(other, sizeof other, d->to_bp);
		snprintf(s->state_text, sizeof s->state_text, "%s %s %s %s", word, share,
			s->state == STATE_STEPPING ? ">" : "or", other);
		return;
	}
	case STATE_ROLLING_BACK:
		unit_share(other, sizeof other, p->decisions[s->open].to_bp);
		snprintf(s->state_text, sizeof s->state_text, "ROLLING BACK to %s", other);
		return;
	case STATE_RB_UNVERIFIED:
		snprintf(s->state_text, sizeof s->state_text, "ROLLBACK UNVERIFIED %d/%d",
			s->seen_nodes, p->node_count);
		return;
	case STATE_ROLLED_BACK:
		snprintf(s->state_text, sizeof s->state_text, "ROLLED BACK to %s", share);
		return;
	case STATE_DIVERGED:
		unit_share(other, sizeof other, s->intended_bp);
		snprintf(
			s->state_text, sizeof s->state_text, "%s pool %s, asked %s", word, share, other);
		return;
	case STATE_HELD:
		if (s->mixed) {
			unit_share(share, sizeof share, s->mixed_low_bp);
			unit_share(other, sizeof other, s->mixed_high_bp);
			snprintf(s->state_text, sizeof s->state_text, "%s .. %s MIXED", share, other);
		} else if (s->hold.on) {
			unit_countdown(left, sizeof left, s->hold.age_ms);
			snprintf(s->state_text, sizeof s->state_text, "%s by %.40s %s", word, s->hold.actor,
				left);
		} else {
			snprintf(s->state_text, sizeof s->state_text, "%s at %s: guard %s", word, share,
				p->latch.both ? "BOTH" : "RED");
		}
		return;
	default:
		snprintf(s->state_text, sizeof s->state_text, "%s%s%s", word,
			s->reported_bp >= 0 ? " at " : "", s->reported_bp >= 0 ? share : "");
	}
}

void standing_derive(const struct model *m, struct pool *p, struct instant now)
{
	struct standing *s = &p->standing;
	struct guard_window window[ARM_COUNT];
	derive_freshness(s, p, now);
	derive_reported(s, p, now);
	derive_measured(s, p);
	derive_open(s, p, now);
	derive_intended(s, p, now);
	derive_bake(s, p, now);
	figures_derive(s, p, now, window);
	derive_guard(s, p, now, window);
	struct interlock_facts facts;
	pool_facts(m, p, VERB_STEP, s->next_bp, s->epoch, s->rev, &facts);
	interlock_evaluate(&s->next, &facts);
	derive_state(s, p, now);
	write_state(s, p);
	headline_write(&s->headline, m, p, now);
}
