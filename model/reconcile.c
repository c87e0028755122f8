/* Intended against reported. Nothing here sends or stores; the desk acts on what it says. */
#include "model/reconcile.h"

#include "model/text.h"

#include <string.h>

/* To adopt is to have asked for what is there. Operations taken off while nodes differ say
 * nothing of a share. */
static bool changes_split(const struct decision *d)
{
	if (d->verb == VERB_OPERATIONS)
		return d->to_bp >= 0;
	return verb_is(d->verb, VERB_SPLITS) || d->verb == VERB_ADOPT;
}

/* What a node took back by itself while a rollback was on its way: the rollback that every node was
 * seen to follow came after it. Their epochs may be those of different nodes. */
static bool is_behind(const struct decision *reverted, const struct decision *back)
{
	return reverted->observed && strcmp(reverted->actor, POOL_ACTOR) == 0 && !back->observed &&
		back->verb == VERB_ROLLBACK && back->verified_ms != UNKNOWN &&
		reverted->at_ms <= back->verified_ms;
}

/* True when `a` was surely applied after `b`. An own decision was applied between its making
 * and its answer, an observed one when the pool says. Where the spans meet the pool's own order
 * decides: a step applies only where the pool stood when it was decided, a rollback raises the
 * epoch wherever it arrives. */
static bool applied_after(const struct decision *a, const struct decision *b)
{
	if (is_behind(a, b) || is_behind(b, a))
		return is_behind(b, a);
	int64_t a_end = a->outcome_ms == UNKNOWN ? a->at_ms : a->outcome_ms;
	int64_t b_end = b->outcome_ms == UNKNOWN ? b->at_ms : b->outcome_ms;
	bool apart = a->at_ms > b_end || b->at_ms > a_end;
	/* A wall clock that was set back turns no order round: own rows have one of their own. */
	if (apart && !a->observed && !b->observed && a->seq > 0 && b->seq > 0)
		return a->seq > b->seq;
	if (apart)
		return a->at_ms > b_end;
	int64_t a_epoch = a->epoch + (!a->observed && a->verb == VERB_ROLLBACK);
	int64_t b_epoch = b->epoch + (!b->observed && b->verb == VERB_ROLLBACK);
	return a_epoch != b_epoch ? a_epoch > b_epoch
							  : a->rev + !a->observed > b->rev + !b->observed;
}

/* By when it was applied, not by when it was decided: a rollback pressed into an outage may
 * arrive after a step that another took later. */
const struct decision *reconcile_last_change(const struct decision *list, size_t count)
{
	const struct decision *last = NULL;
	for (size_t i = 0; i < count; i++)
		if (changes_split(&list[i]) && list[i].outcome == OUTCOME_APPLIED &&
			(!last || !applied_after(last, &list[i])))
			last = &list[i];
	return last;
}

int reconcile_intended_bp(const struct decision *list, size_t count)
{
	const struct decision *d = reconcile_last_change(list, count);
	return d ? d->to_bp : -1;
}

static bool is_by_guard(const struct decision *d)
{
	bool by_pool = d->observed && strcmp(d->actor, POOL_ACTOR) == 0 &&
		strncmp(d->reason, GUARD_REASON, strlen(GUARD_REASON)) == 0;
	bool happened = d->outcome != OUTCOME_REFUSED && d->outcome != OUTCOME_NOT_SENT &&
		d->outcome != OUTCOME_VOID;
	return d->verb == VERB_ROLLBACK && happened &&
		(by_pool || strcmp(d->role, GUARD_ROLE) == 0);
}

static bool is_accepted_by(const struct decision *d)
{
	return d->outcome == OUTCOME_APPLIED && (d->verb == VERB_RESUME || d->verb == VERB_STEP);
}

const struct decision *reconcile_red(const struct decision *list, size_t count)
{
	const struct decision *red = NULL;
	for (size_t i = 0; i < count; i++) {
		if (is_accepted_by(&list[i]))
			red = NULL;
		else if (!red && is_by_guard(&list[i]))
			red = &list[i];
	}
	return red;
}

enum reconcile_action reconcile_open(const struct decision *d, int64_t epoch, int64_t rev)
{
	if (!decision_is_open(d))
		return RECONCILE_NOTHING;
	if (d->verb != VERB_ROLLBACK)
		return RECONCILE_ASK;
	bool same_place = d->epoch != UNKNOWN && d->epoch == epoch && d->rev == rev;
	return same_place ? RECONCILE_RESEND : RECONCILE_SHOW;
}

static bool reports(const struct watch *w, int to_bp, const struct snapshot *s)
{
	if (to_bp >= 0 && s->share_bp != to_bp)
		return false;
	if (w->epoch == UNKNOWN)
		return true;
	return s->epoch > w->epoch || (s->epoch == w->epoch && s->rev >= w->rev);
}

/* With a baseline above 0 v2 never rests: its part of what came since must be near the
 * baseline. */
static bool share_measured(int to_bp, const struct snapshot *s)
{
	if (!s->change.known || s->change.arms[ARM_V1].requests == UNKNOWN ||
		s->change.arms[ARM_V2].requests == UNKNOWN)
		return false;
	int64_t v1 = s->arms[ARM_V1].requests - s->change.arms[ARM_V1].requests;
	int64_t v2 = s->arms[ARM_V2].requests - s->change.arms[ARM_V2].requests;
	return v1 >= 0 && v2 >= 0 && v1 + v2 >= 100 &&
		(double)v2 / (double)(v1 + v2) <= 2.0 * to_bp / SHARE_FULL;
}

static bool v2_rests(struct watch *w, const struct snapshot *s, struct instant at)
{
	int64_t drain_ms = s->drain_ms == UNKNOWN ? 0 : s->drain_ms;
	int64_t requests = s->arms[ARM_V2].requests;
	if (requests == UNKNOWN || at.boot_ms < w->at.boot_ms + drain_ms)
		return false;
	bool same_boot = w->has_first && strcmp(w->boot_id, s->boot_id) == 0;
	if (!same_boot || requests != w->first_requests) {
		w->has_first = true;
		w->first_ms = at.boot_ms;
		w->first_requests = requests;
		text_copy(w->boot_id, sizeof w->boot_id, s->boot_id);
		return false;
	}
	return at.boot_ms - w->first_ms >= WATCH_REST_MS;
}

/* Rows that are not there contradict nothing. */
static bool shows_drain(const struct watch *w, const struct crew *c)
{
	for (int i = 0; i < c->worker_count; i++)
		if (drain_means(&w->drain, &c->worker[i]) && c->worker[i].locked != w->drains)
			return false;
	const struct resident_place *place = drain_place(&w->drain, &c->residents);
	return !place || place->locked == w->drains;
}

bool watch_observe(
	struct watch *w, enum verb verb, int to_bp, const struct snapshot *s, struct instant at)
{
	if (w->seen)
		return true;
	if (!w->answered || at.boot_ms < w->at.boot_ms)
		return false;
	switch (verb) {
	case VERB_STEP:
	case VERB_OPERATIONS:
		w->seen = reports(w, to_bp, s);
		break;
	case VERB_ROLLBACK:
		/* Where it was not known what it goes back to, the pool's word says so now. */
		to_bp = to_bp < 0 || s->share_bp < to_bp ? s->share_bp : to_bp;
		if (reports(w, to_bp, s))
			w->seen = to_bp > 0 ? share_measured(to_bp, s) : v2_rests(w, s, at);
		break;
	case VERB_HOLD:
	case VERB_ADOPT:
		w->seen = s->hold.on;
		break;
	case VERB_RESUME:
		w->seen = !s->hold.on;
		break;
	case VERB_FINALIZE:
		w->seen = s->finalized;
		break;
	case VERB_KEEP:
		w->seen = !s->keep.on;
		break;
	case VERB_DRAIN:
		w->seen = shows_drain(w, &s->crew);
		break;
	default:
		w->seen = true;
	}
	return w->seen;
}
