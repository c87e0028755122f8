/* Standing: what follows from the facts of a pool: freshness, the open act, bake, samples, guard,
 * state, the checks of the next step, the headline. Shares, hands, facts and words have files of
 * their own. No memory but the guard's latch and the time at which a state was first derived. */
#include "model/standing.h"

#include "model/figures.h"
#include "model/reconcile.h"
#include "model/text.h"

#include <math.h>
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
#define MINUTE_MS 60000

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

int64_t standing_age(const struct node *n, struct instant now)
{
	return now.boot_ms - n->last_at.boot_ms;
}

static void derive_freshness(struct standing *s, const struct pool *p, struct instant now)
{
	const int64_t interval_ms = pool_shows_minutes(p) ? MINUTE_MS : p->interval_ms;
	s->age_ms = 0;
	s->nodes_live = 0;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		int64_t age = node_is_usable(n) ? standing_age(n, now) : UNKNOWN;
		if (freshness_of(age, interval_ms) == FRESHNESS_LIVE)
			s->nodes_live++;
		if (age == UNKNOWN || s->age_ms == UNKNOWN)
			s->age_ms = UNKNOWN;
		else if (age > s->age_ms)
			s->age_ms = age;
	}
	s->freshness = freshness_of(s->age_ms, interval_ms);
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

/* The last change `d`, where somebody has seen it and these documents are too old to show it:
 * another process looks more often, and a recording has no more of them than one an interval. */
static bool seen_elsewhere(const struct standing *s, const struct pool *p,
	const struct decision *d, struct instant now)
{
	if (d->observed || d->verified_ms == UNKNOWN || d->verified_ms > now.wall_ms ||
		(d->verb != VERB_STEP && d->verb != VERB_ROLLBACK) || s->reported_bp < 0 ||
		s->reported_bp == d->to_bp)
		return false;
	for (int k = 0; k < p->node_count; k++)
		if (node_is_usable(&p->nodes[k]) && p->nodes[k].last_at.wall_ms < d->verified_ms)
			return true;
	return false;
}

/* The intent that people wait for: the newest open one, or one whose effect is not yet seen. */
static void derive_open(struct standing *s, const struct pool *p, struct instant now)
{
	const struct decision *last = reconcile_last_change(p->decisions, p->decision_count);
	s->open = -1;
	s->seen_nodes = 0;
	for (size_t i = p->decision_count; i-- > 0;) {
		const struct decision *d = &p->decisions[i];
		if (!decision_is_open(d) && !decision_awaits_verification(d) &&
			!step_unseen(s, d, now) && (d != last || !seen_elsewhere(s, p, d, now)))
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

static int64_t elapsed_since_change(const struct pool *p, struct instant now)
{
	int64_t least = UNKNOWN;
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		if (!node_is_usable(n) || !n->last->change.known)
			return UNKNOWN;
		int64_t age = unit_plus(n->last->change.age_ms, standing_age(n, now));
		if (age == UNKNOWN)
			return UNKNOWN;
		if (least == UNKNOWN || age < least)
			least = age;
	}
	return least;
}

static int64_t left_of(int64_t whole_ms, int64_t elapsed_ms)
{
	if (elapsed_ms == UNKNOWN)
		return UNKNOWN;
	return elapsed_ms < whole_ms ? whole_ms - elapsed_ms : 0;
}

static void derive_bake(struct standing *s, const struct pool *p, struct instant now)
{
	int at = s->reported_bp >= 0 ? plan_at(&p->plan, s->reported_bp) : -1;
	int64_t bake_ms = p->has_plan ? p->plan.bake_ms : 0;
	int64_t for_ms = p->has_plan && at >= 0 ? p->plan.steps[at].for_ms : 0;
	int64_t stay_ms = for_ms > bake_ms ? for_ms : bake_ms;
	int64_t elapsed_ms = elapsed_since_change(p, now);
	/* Green over the whole bake: after longer doubt it begins anew. */
	if (elapsed_ms != UNKNOWN && p->bake_from_ms != UNKNOWN &&
		now.boot_ms - p->bake_from_ms < elapsed_ms)
		elapsed_ms = now.boot_ms - p->bake_from_ms;
	s->bake_ms = s->keep.on ? bake_ms : stay_ms;
	s->bake_left_ms = left_of(s->bake_ms, elapsed_ms);
	s->stay_left_ms = left_of(stay_ms, elapsed_ms);
	s->sessions = true;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		bool by_session;
		s->samples[arm] = standing_since_change(p, (enum arm)arm, true, &by_session);
		s->sessions &= by_session;
	}
}

/* A process that has just begun has not looked, but the pool has counted. */
static void derive_split(struct standing *s, const struct pool *p)
{
	const struct judge *j = &p->judging->judge;
	s->split_off = j->split_off;
	if (s->split_off || s->samples[ARM_V1] == UNKNOWN || s->samples[ARM_V2] == UNKNOWN)
		return;
	const struct units u = {
		.n = s->samples[ARM_V1] + s->samples[ARM_V2], .bad = s->samples[ARM_V2]};
	s->split_off = judge_totals_apart(j, s->reported_bp, u, s->sessions);
}

static void derive_next(struct standing *s, const struct pool *p)
{
	s->next_bp = -1;
	s->act = ACT_RAISE;
	if (s->restarted) {
		s->next_bp = s->intended_bp;
		s->act = ACT_PUT_BACK;
	} else if (s->partial) {
		s->next_bp = s->partial_bp;
		s->act = ACT_COMPLETE;
	} else if (p->has_plan && s->reported_bp >= 0) {
		s->next_bp = plan_next_bp(&p->plan, s->reported_bp);
	}
}

/* After a counter went back nothing of the window is proof that all is well. */
static void doubt(struct standing *s)
{
	for (int m = 0; m < METRIC_COUNT && s->doubtful; m++)
		if (s->guard.metric[m].state == GUARD_GREEN)
			s->guard.metric[m].state = GUARD_UNKNOWN;
	if (s->doubtful && s->guard.state == GUARD_GREEN)
		s->guard.state = GUARD_UNKNOWN;
}

static void forget_guard(struct guard *g)
{
	for (int m = 0; m < METRIC_COUNT; m++)
		if (g->metric[m].state != GUARD_NONE)
			g->metric[m].state = GUARD_UNKNOWN;
	if (g->state != GUARD_NONE)
		g->state = GUARD_UNKNOWN;
	g->judge = GUARD_NONE;
}

/* The word of the guard's owner, where it is another; what this process sees to be red is red. */
static enum guard_state judged(const struct standing *s, const struct pool *p)
{
	enum guard_state own = s->guard.state, other = GUARD_NONE;
	if (s->owner == OWNER_POOL && s->pool_guard.armed)
		other = s->pool_guard.state;
	else if (s->owner == OWNER_RECORD && !p->owner_line.mine)
		other = p->owner_line.state;
	return own >= GUARD_AMBER || s->doubtful || other == GUARD_NONE ? own : other;
}

/* The verdict that counts: the guard owner's, where it is another; what this process has proven
 * to be harm is harm. */
static void derive_word(struct standing *s, const struct pool *p)
{
	const struct pool_guard *g = &s->pool_guard;
	s->judge_word = s->verdict.word;
	text_copy(s->judge_text, sizeof s->judge_text, s->verdict.text);
	s->judge_cited = p->told.is;
	if (p->told.is || s->verdict.word == VERDICT_HARM || s->verdict.word == VERDICT_UNTRUSTWORTHY ||
		s->freshness > FRESHNESS_LATE)
		return;
	bool pool = s->owner == OWNER_POOL && g->armed && g->verdict != VERDICT_NONE;
	bool recorder = s->owner == OWNER_RECORD && !p->owner_line.mine &&
		p->owner_line.verdict != VERDICT_NONE;
	if (!pool && !recorder)
		return;
	s->judge_cited = true;
	s->judge_word = pool ? g->verdict : p->owner_line.verdict;
	text_copy(s->judge_text, sizeof s->judge_text, pool ? g->verdict_text : "");
}

/* The first word of those that are said that stands in a recorded line. */
static struct verdict told_verdict(const struct told *t)
{
	struct verdict v = {.metric = JUDGED_COUNT,
		.suspect = JUDGED_COUNT,
		.ratio = {NAN, NAN, NAN},
		.bound = NAN,
		.ln_harm = NAN,
		.ln_safe = NAN,
		.since_wall_ms = UNKNOWN,
		.eta_ms = UNKNOWN,
		.harm = {NAN, NAN, NAN}};
	for (int w = VERDICT_COUNT; --w > VERDICT_NONE;)
		if (strstr(t->verdict, verdict_name((enum verdict_word)w)))
			v.word = (enum verdict_word)w;
	text_copy(v.text, sizeof v.text, t->verdict[0] ? t->verdict : "not judged yet");
	return v;
}

/* What the judge says of what it has seen. At rest that is the attempt before; the next one is
 * judged anew. */
static void derive_verdict(struct standing *s, struct pool *p, struct instant now)
{
	s->at_rest = s->reported_bp == 0 && s->open < 0;
	bool at_base = s->reported_bp >= 0 && s->open < 0 &&
		(s->reported_bp == 0 || s->reported_bp <= s->baseline_bp);
	if (p->judge_stale && s->reported_bp > 0 && s->reported_bp > s->baseline_bp) {
		judging_restart(p->judging);
		p->judge_stale = false;
	}
	p->judge_stale |= at_base;
	if (pool_shows_minutes(p))
		p->thinned_begun = p->judging->begun;
	if (p->thinned && p->judging->begun != p->thinned_begun) {
		p->thinned = false;
		p->told = (struct told){0};
	}
	s->doubtful =
		p->counter_back_ms != UNKNOWN && now.boot_ms - p->counter_back_ms < p->limits.window_ms;
	const struct verdict_view view = {.age_ms = s->age_ms,
		.stale = s->freshness > FRESHNESS_LATE,
		.counters = s->doubtful,
		.v2_expected = !s->at_rest};
	verdict_read(&s->verdict, &p->judging->judge, &view);
	if (p->told.is)
		s->verdict = told_verdict(&p->told);
}

#define BLIND_MS 60000

/* For how long the guard that acts has had no data: the pool's by its own word, a desk's by what
 * was judged here. */
static int64_t blind_for(const struct standing *s, const struct pool *p, struct instant now)
{
	const struct pool_guard *g = &s->pool_guard;
	if (s->owner == OWNER_NONE || s->reported_bp <= s->baseline_bp)
		return UNKNOWN;
	if (s->owner == OWNER_POOL)
		return g->armed && g->action != GUARD_ACTION_WARN && g->state == GUARD_UNKNOWN
			? g->since_ms
			: UNKNOWN;
	return p->limits.action != GUARD_ACTION_WARN && p->no_data_ms != UNKNOWN
		? now.boot_ms - p->no_data_ms
		: UNKNOWN;
}

static void derive_blind(struct standing *s, struct pool *p, struct instant now)
{
	bool no_data = s->reported_bp > s->baseline_bp && s->judged == GUARD_UNKNOWN &&
		!s->guard.both && !s->doubtful;
	if (!no_data)
		p->no_data_ms = UNKNOWN;
	else if (p->no_data_ms == UNKNOWN)
		p->no_data_ms = now.boot_ms;
	s->blind_ms = blind_for(s, p, now);
	s->blind = s->freshness <= FRESHNESS_LATE && s->blind_ms >= BLIND_MS;
}

/* Since when the guard has not been green, and when that ended. */
static void note_doubt(const struct standing *s, struct pool *p, struct instant now)
{
	/* Before the first news there is nothing to doubt. */
	bool never = s->freshness == FRESHNESS_NEVER;
	if (never || (s->reported_bp >= 0 && s->reported_bp == s->baseline_bp)) {
		p->doubt_ms = p->bake_from_ms = UNKNOWN;
		return;
	}
	bool doubt = s->judged >= GUARD_UNKNOWN;
	if (doubt && p->doubt_ms == UNKNOWN)
		p->doubt_ms = now.boot_ms;
	if (doubt || p->doubt_ms == UNKNOWN)
		return;
	if (now.boot_ms - p->doubt_ms > p->limits.window_ms)
		p->bake_from_ms = now.boot_ms;
	p->doubt_ms = UNKNOWN;
}

/* Back at the baseline nothing is asked of v2 any more, but what a guard rolled back stays red
 * until somebody resumes. */
static void rest(struct pool *p)
{
	const struct decision *red = reconcile_red(p->decisions, p->decision_count);
	const char *word = red ? red->reason : NULL;
	if (word && strncmp(word, GUARD_REASON, strlen(GUARD_REASON)) == 0)
		word += strlen(GUARD_REASON);
	guard_latch_rest(&p->latch, word, red ? red->at_ms : 0);
}

static void derive_guard(struct standing *s, struct pool *p, struct instant now,
	const struct guard_window window[ARM_COUNT])
{
	guard_evaluate(&s->guard, &p->limits, window, s->reported_bp != 0);
	derive_verdict(s, p, now);
	if (s->reported_bp != 0 && s->reported_bp != s->baseline_bp)
		guard_hear(&s->guard, &s->verdict);
	/* Old numbers are no evidence, for or against. */
	bool pool_red = s->pool_guard.known && s->pool_guard.state == GUARD_RED;
	if (pool_shows_minutes(p))
		; /* what was recorded of the guard stands */
	else if (s->freshness <= FRESHNESS_LATE)
		guard_latch_update(&p->latch, &s->guard, pool_red ? s->pool_guard.word : NULL, now);
	else
		forget_guard(&s->guard);
	doubt(s);
	s->judged = judged(s, p);
	derive_word(s, p);
	note_doubt(s, p, now);
	derive_blind(s, p, now);
	if (s->reported_bp < 0 || s->reported_bp != s->baseline_bp || s->open >= 0)
		return;
	rest(p);
	/* Nor is a new attempt judged on the failures of the one before. */
	if (s->reported_bp == 0)
		window_clear(&p->window[ARM_V2]);
}

/* A pool holds what its own guard rolled back: that is red, and no person's hold. */
static bool held_by_guard(const struct standing *s, const struct pool *p)
{
	return p->latch.red && s->reported_bp == s->baseline_bp &&
		strcmp(s->hold.actor, POOL_ACTOR) == 0;
}

/* Predicates 1-7 and 14: what must hold before the first step. */
#define PREFLIGHT (0x7fu | 1u << PREDICATE_WAY_BACK)

static void derive_state(struct standing *s, struct pool *p, struct instant now)
{
	struct migration_facts f = {.has_plan = p->has_plan,
		.by_hand = policy_is_manual(&p->plan.policy),
		.share_bp = s->reported_bp,
		.baseline_bp = s->baseline_bp,
		.mixed = s->mixed,
		.diverged = s->diverged,
		.held = (s->hold.on && !held_by_guard(s, p)) || s->went_back,
		.red = p->latch.red || s->guard.both || s->blind,
		.finalized = p->finalized};
	f.preflight = !(s->next.failing & PREFLIGHT);
	const unsigned failing = s->next.failing;
	/* At the last step there is no next one to judge, nor to keep it: ask the same of the share
	 * that stands. */
	f.baked = s->stay_left_ms == 0;
	f.kept = !s->keep.on || (s->next_bp >= 0 && s->act == ACT_RAISE && s->keepable);
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

/* The interlock of an act as this process would begin it now. */
static void judge(const struct model *m, const struct pool *p, enum verb verb, int to_bp,
	struct interlock *out)
{
	struct interlock_facts facts;
	const struct intent want = {.verb = verb,
		.to_bp = to_bp,
		.shown_epoch = p->standing.epoch,
		.shown_rev = p->standing.rev};
	pool_facts(m, p, &want, &facts);
	interlock_evaluate(out, &facts);
}

void standing_derive(const struct model *m, struct pool *p, struct instant now)
{
	struct standing *s = &p->standing;
	struct guard_window window[ARM_COUNT];
	struct interlock keep;
	derive_freshness(s, p, now);
	standing_report(s, p, now);
	standing_hands(s, m, p, now);
	standing_measure(s, p);
	derive_open(s, p, now);
	standing_intend(s, p, now);
	standing_partial(s, p);
	derive_bake(s, p, now);
	derive_split(s, p);
	derive_next(s, p);
	figures_derive(s, p, now, window);
	derive_guard(s, p, now, window);
	standing_freeze(s, p, now);
	standing_rising(s, m, p, now);
	drill_find(&s->drilled, p->decisions, p->decision_count, now.wall_ms);
	judge(m, p, VERB_KEEP, -1, &keep);
	/* An open step is no obstacle: it may be the very one that keeps first. */
	s->keepable = s->keep.on && !s->hold.on && !(keep.failing & ~(1u << PREDICATE_OPEN));
	judge(m, p, VERB_STEP, s->next_bp, &s->next);
	derive_state(s, p, now);
	standing_words(s, m, p);
	headline_write(&s->headline, m, p, now);
}
