/* Dates of steps. What was done comes from the decisions that the model has, what is to come from
 * the plan and from what the model says is left of the bake. */
#include "tui/timeline.h"

#include "tui/basis.h"
#include "tui/judge_words.h"
#include "tui/lint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

/* ---- of any plan ---- */

struct timeline_dates timeline_dates(const struct plan *p, int64_t from_ms)
{
	struct timeline_dates d;
	int64_t at_ms = from_ms;
	for (int i = 0; i < p->step_count; i++) {
		d.at_ms[i] = calendar_next_open(&p->calendar, at_ms);
		at_ms = unit_plus(d.at_ms[i], lint_stays_ms(p, i));
	}
	d.at_ms[p->step_count] = at_ms;
	return d;
}

double timeline_rate_needed(const struct plan *p, int step)
{
	double share = (double)p->steps[step].share_bp / SHARE_FULL;
	double seconds = (double)lint_stays_ms(p, step) / 1000;
	if (!p->policy.samples || p->min_samples == 0 || seconds <= 0)
		return 0;
	return (double)p->min_samples / seconds / share;
}

struct timeline_knowing timeline_knowing(const struct forecast_basis *b, int share_bp)
{
	return (struct timeline_knowing){
		forecast_harm_ms(b, share_bp, FORECAST_WORSE), forecast_safe_ms(b, share_bp)};
}

/* ---- of a pool ---- */

/* A decision that moved the share, as far as anybody knows. */
static bool moved(const struct decision *d)
{
	bool moves = d->verb == VERB_STEP || d->verb == VERB_ROLLBACK;
	return moves && d->outcome == OUTCOME_APPLIED && d->to_bp >= 0;
}

int timeline_find(const struct timeline *t, int share_bp)
{
	for (int i = 0; i < t->count; i++)
		if (t->row[i].share_bp == share_bp)
			return i;
	return -1;
}

int timeline_selected(const struct timeline *t, int share_bp)
{
	int at = timeline_find(t, share_bp);
	return at >= 0 ? at : t->next >= 0 ? t->next : t->now >= 0 ? t->now : t->count - 1;
}

/* The steps in their order, and between them the share as it is where it is none of them. */
static void make_rows(struct timeline *t, const struct pool *p)
{
	const struct standing *st = &p->standing;
	bool between = st->reported_bp > 0 && st->reported_bp > st->baseline_bp &&
		plan_at(&p->plan, st->reported_bp) < 0;
	for (int i = 0; i < p->plan.step_count; i++) {
		int share_bp = p->plan.steps[i].share_bp;
		if (between && share_bp > st->reported_bp) {
			t->row[t->count++] = (struct timeline_row){.share_bp = st->reported_bp};
			between = false;
		}
		t->row[t->count++] = (struct timeline_row){
			.share_bp = share_bp, .planned = true, .stays_ms = lint_stays_ms(&p->plan, i)};
	}
	for (int i = 0; i < t->count; i++) {
		struct timeline_row *r = &t->row[i];
		r->at_ms = r->until_ms = UNKNOWN;
		r->is = r->share_bp < st->reported_bp ? TIMELINE_PAST
			: r->share_bp == st->reported_bp  ? TIMELINE_NOW
											  : TIMELINE_LATER;
		if (r->is == TIMELINE_NOW)
			t->now = i;
		if (r->is == TIMELINE_LATER && t->next < 0 && st->reported_bp >= 0) {
			r->is = TIMELINE_NEXT;
			t->next = i;
		}
	}
}

/* Whoever goes up leaves the step below; whoever goes down takes back those above. */
static void take_in(struct timeline *t, const struct decision *d)
{
	for (int i = 0; i < t->count; i++) {
		struct timeline_row *r = &t->row[i];
		if (r->share_bp == d->to_bp && d->to_bp >= d->from_bp) {
			r->taken = d;
			r->at_ms = d->at_ms;
			r->back = NULL;
			r->until_ms = UNKNOWN;
		} else if (r->share_bp == d->to_bp) {
			r->until_ms = UNKNOWN;
		} else if (r->taken && r->until_ms == UNKNOWN && !r->back) {
			r->until_ms = d->at_ms;
		}
		if (r->taken && r->taken != d && r->share_bp > d->to_bp && !r->back)
			r->back = d;
	}
}

/* What was taken and went back has no date any more: only who did it. */
static void date_the_past(struct timeline *t, const struct pool *p)
{
	for (size_t i = 0; i < p->decision_count; i++)
		if (moved(&p->decisions[i]))
			take_in(t, &p->decisions[i]);
	for (int i = 0; i < t->count; i++) {
		struct timeline_row *r = &t->row[i];
		if (r->is > TIMELINE_NOW || r->back)
			r->at_ms = r->until_ms = UNKNOWN;
		else if (r->at_ms != UNKNOWN && t->from_ms == UNKNOWN)
			t->from_ms = r->at_ms;
	}
}

/* From when on the next step may be taken: what bakes has baked, what clears by itself has. */
static int64_t earliest_ms(const struct timeline *t, const struct pool *p, struct instant now)
{
	const struct standing *st = &p->standing;
	if (st->reported_bp < 0)
		return UNKNOWN;
	int64_t wait_ms = st->reported_bp > st->baseline_bp ? st->stay_left_ms : 0;
	if (wait_ms == UNKNOWN)
		return UNKNOWN;
	bool asked = t->next >= 0 && t->row[t->next].share_bp == st->next_bp;
	if (asked && !st->next.allowed && st->next.wait_ms > wait_ms)
		wait_ms = st->next.wait_ms;
	return now.wall_ms + wait_ms;
}

static void date_what_comes(struct timeline *t, const struct pool *p, struct instant now)
{
	int64_t at_ms = earliest_ms(t, p, now);
	for (int i = t->next; i >= 0 && i < t->count; i++) {
		/* What stays longer than it must waits for the hours. */
		at_ms = calendar_next_open(&p->plan.calendar, at_ms);
		if (i > 0 && t->row[i - 1].is >= TIMELINE_NOW)
			t->row[i - 1].until_ms = at_ms;
		t->row[i].at_ms = at_ms;
		at_ms = unit_plus(at_ms, t->row[i].stays_ms);
		t->row[i].until_ms = at_ms;
	}
	if (t->next < 0 && t->now >= 0)
		t->row[t->now].until_ms = at_ms;
	t->over_ms = at_ms;
}

void timeline_of(struct timeline *out, const struct pool *p, struct instant now)
{
	*out = (struct timeline){.now = -1, .next = -1, .from_ms = UNKNOWN, .over_ms = UNKNOWN};
	if (!p->has_plan)
		return;
	make_rows(out, p);
	date_the_past(out, p);
	date_what_comes(out, p, now);
}

/* ---- words ---- */

void timeline_when(char *out, size_t size, int64_t wall_ms, int64_t now_wall_ms)
{
	int64_t days = wall_ms / DAY_MS - now_wall_ms / DAY_MS;
	/* A weekday of the next six is written as one of the last six. */
	bool soon = wall_ms != UNKNOWN && days >= 1 && days <= 6;
	unit_when(out, size, wall_ms, soon ? wall_ms + days * DAY_MS : now_wall_ms);
}

static void past_state(char *out, size_t size, const struct timeline_row *r)
{
	char stayed[24];
	if (!r->taken) {
		snprintf(out, size, "passed over, or before what is known here");
		return;
	}
	unit_countdown(
		stayed, sizeof stayed, r->until_ms == UNKNOWN ? UNKNOWN : r->until_ms - r->at_ms);
	snprintf(out, size, "stayed %s", stayed);
}

static void now_state(
	char *out, size_t size, const struct timeline_row *r, const struct pool *p)
{
	const struct standing *st = &p->standing;
	char left[24], stay[24], back[16], keep[80] = "";
	unit_countdown(left, sizeof left, st->bake_left_ms);
	unit_countdown(stay, sizeof stay, st->stay_left_ms);
	if (st->keep.on && st->keep.left_ms != UNKNOWN) {
		char in[24];
		unit_countdown(in, sizeof in, st->keep.left_ms);
		unit_share(back, sizeof back, st->kept_bp);
		if (orphan_at(st->keep.on_orphan, st->reported_bp) == ORPHAN_REVERT)
			snprintf(keep, sizeof keep, "; %s in %s unless kept", back, in);
		else
			snprintf(keep, sizeof keep, "; held in %s unless kept", in);
	}
	if (!r->planned)
		snprintf(out, size, "no step of the plan%s", keep);
	else if (st->bake_left_ms == UNKNOWN)
		snprintf(out, size, "since when is not known%s", keep);
	else if (st->bake_left_ms > 0)
		snprintf(out, size, "bake %s left%s", left, keep);
	else if (st->stay_left_ms > 0)
		snprintf(out, size, "bake passed, stays %s more%s", stay, keep);
	else
		snprintf(out, size, "bake passed%s", keep);
}

static void next_state(
	char *out, size_t size, const struct timeline_row *r, const struct pool *p)
{
	const struct standing *st = &p->standing;
	char why[400];
	if (r->share_bp != st->next_bp) {
		snprintf(out, size, "not before what is asked now is done");
	} else if (st->next.allowed) {
		snprintf(out, size, "S takes it");
	} else {
		interlock_summary(why, sizeof why, &st->next);
		snprintf(out, size, "locked: %s", why);
	}
}

/* "taken back at 14:03:22 by pool" */
static void back_state(char *out, size_t size, const struct timeline_row *r, struct instant now)
{
	char when[24];
	timeline_when(when, sizeof when, r->back->at_ms, now.wall_ms);
	snprintf(out, size, "%s by %s at %s",
		r->back->verb == VERB_ROLLBACK ? "rolled back" : "taken back", r->back->actor, when);
}

void timeline_state(char *out, size_t size, const struct timeline *t, int row,
	const struct pool *p, struct instant now)
{
	const struct timeline_row *r = &t->row[row];
	char stays[24], before[200] = "";
	if (r->is >= TIMELINE_NEXT && r->back) {
		back_state(before, sizeof before, r, now);
		snprintf(before + strlen(before), sizeof before - strlen(before), "; ");
	}
	size_t len = (size_t)snprintf(out, size, "%s", before);
	len = len < size ? len : size - 1;
	out += len;
	size -= len;
	switch (r->is) {
	case TIMELINE_PAST:
		past_state(out, size, r);
		break;
	case TIMELINE_NOW:
		now_state(out, size, r, p);
		break;
	case TIMELINE_NEXT:
		next_state(out, size, r, p);
		break;
	case TIMELINE_LATER:
		unit_duration(stays, sizeof stays, r->stays_ms);
		snprintf(out, size, "stays %s%s", stays, row + 1 == t->count ? ", then over" : "");
	}
	text_mend(out);
}

/* Bad units a minute: "2,422/min", "0.3/min". */
static void write_minute(char *out, size_t size, double n)
{
	char whole[24];
	unit_count(whole, sizeof whole, (int64_t)(n + 0.5));
	if (isnan(n))
		snprintf(out, size, "-");
	else if (n < 9.95)
		snprintf(out, size, "%.1f/min", n);
	else
		snprintf(out, size, "%s/min", whole);
}

void timeline_forecast(char *out, size_t size, const struct pool *p, int share_bp, bool brief)
{
	struct forecast_basis b;
	struct forecast f;
	char rate[16], bad[32], worst[32], known[16], safe[16], knows[120], costs[96] = "";
	basis_of(&b, p);
	forecast_share(&f, &b, share_bp);
	const struct arm_figures *arms = p->standing.arms;
	unit_rate(
		rate, sizeof rate, (arms[ARM_V1].rate + arms[ARM_V2].rate) * share_bp / SHARE_FULL);
	write_minute(bad, sizeof bad, f.v2_bad);
	write_minute(worst, sizeof worst, f.v2_worst);
	judge_words_time(known, sizeof known, f.known_ms);
	judge_words_time(safe, sizeof safe, f.safe_ms);
	if (share_bp == SHARE_FULL)
		snprintf(knows, sizeof knows, "no v1 is left to compare with");
	else if (f.known_ms == UNKNOWN && b.bad_rate != 0)
		snprintf(knows, sizeof knows, "how soon a bad v2 shows is not known yet");
	else if (!(b.bad_rate > 0))
		snprintf(knows, sizeof knows, "v1 has had none bad%s",
			brief ? "" : ": how soon a bad v2 shows nobody knows");
	else
		snprintf(knows, sizeof knows,
			brief ? "%s2x shows in %s, SAFE %s" : "%s2x bad shows in %s, SAFE in %s",
			f.too_small && !brief ? "too small for this bake: " : "", known, safe);
	if (!isnan(f.v2_bad))
		snprintf(costs, sizeof costs, ", bad %s", bad);
	if (!isnan(f.v2_bad) && !isnan(f.v2_worst))
		snprintf(costs, sizeof costs, ", bad %s, worst %.*s", bad,
			brief ? (int)strcspn(worst, "/") : (int)strlen(worst), worst);
	snprintf(out, size, "v2 gets %s/s%s; %s", rate, costs, knows);
}
