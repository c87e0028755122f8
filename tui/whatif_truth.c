/* What-if, the truth: what v2 was, seen from the end of the recording. No policy is asked: a
 * stretch of intervals is bad where v2's bad units are beyond doubt more than v1's at the same time
 * explain, whatever anybody could have known then.
 *
 * 1. A stretch is the run of intervals with the largest log likelihood ratio of a v2 that is half
 *    as bad again as v1 (Page 1954), divided by the dispersion, and one only where that is above
 *    BEYOND_DOUBT and there are BRAKE_EXCESS bad units beyond v1's rate.
 * 2. Stretches do not overlap. */
#include "tui/whatif_parts.h"

#include "model/judge.h"
#include "model/mem.h"

#include <math.h>
#include <stdlib.h>

#define WORSE 1.5
#define BEYOND_DOUBT 6.907755278982137 /* ln 1000 */
#define AROUND_MS 10000                /* v1's rate is that of so long before and after */
#define QUANTILE95 1.959963984540054   /* of the normal law, two-sided */
#define AFTERMATH_MS 30000 /* work that was routed before the share went down ends */

void whatif_truth_free(struct whatif_truth *t)
{
	free(t->item);
	*t = (struct whatif_truth){0};
}

/* ---- excess ---- */

struct sum {
	double bad, variance;
	bool known;
};

static void add_excess(struct sum *s, const struct units u[ARM_COUNT], double weight)
{
	if (u[ARM_V1].n == 0 || u[ARM_V2].n == 0)
		return;
	double n1 = (double)u[ARM_V1].n, x1 = (double)u[ARM_V1].bad;
	double n2 = (double)u[ARM_V2].n, x2 = (double)u[ARM_V2].bad;
	s->bad += weight * (x2 - n2 * x1 / n1);
	s->variance += weight * weight * (x2 + n2 * n2 * x1 / (n1 * n1));
	s->known = true;
}

static struct whatif_excess excess_of(const struct sum *s, double phi)
{
	if (!s->known)
		return (struct whatif_excess){NAN, NAN, NAN};
	double apart = QUANTILE95 * sqrt(s->variance * phi);
	return (struct whatif_excess){s->bad - apart, s->bad, s->bad + apart};
}

static struct whatif_excess excess_between(
	const struct whatif_truth *t, enum judged m, size_t first, size_t end)
{
	struct sum s = {0};
	for (size_t i = first; i < end; i++)
		add_excess(&s, t->item[i].unit[m], 1);
	return excess_of(&s, t->phi[m]);
}

/* ---- stretches ---- */

/* The log likelihood ratio of each item of [first, end), v2 at WORSE times v1's rate around it
 * against v1's rate. */
static double *ratios(const struct whatif_truth *t, enum judged m, size_t first, size_t end)
{
	double *out = mem_new(end - first, sizeof *out);
	struct units around = {0};
	size_t from = first, to = first;
	for (size_t i = first; i < end; i++) {
		const struct whatif_item *at = &t->item[i];
		for (; to < end && t->item[to].at_ms <= at->at_ms + AROUND_MS; to++) {
			around.n += t->item[to].unit[m][ARM_V1].n;
			around.bad += t->item[to].unit[m][ARM_V1].bad;
		}
		for (; t->item[from].at_ms < at->at_ms - AROUND_MS; from++) {
			around.n -= t->item[from].unit[m][ARM_V1].n;
			around.bad -= t->item[from].unit[m][ARM_V1].bad;
		}
		const struct units *v2 = &at->unit[m][ARM_V2];
		if (around.n == 0 || v2->n == 0)
			continue;
		double rate = ((double)around.bad + 0.5) / ((double)around.n + 1);
		out[i - first] =
			((double)v2->bad * log(WORSE) - (double)v2->n * rate * (WORSE - 1)) / t->phi[m];
	}
	return out;
}

/* The run of [first, end) with the largest sum; that sum. */
static double best_run(const double *ratio, size_t first, size_t end, size_t *from, size_t *to)
{
	double sum = 0, best = 0;
	size_t began = first;
	for (size_t i = first; i < end; i++) {
		if (sum <= 0) {
			sum = 0;
			began = i;
		}
		sum += ratio[i];
		if (sum <= best)
			continue;
		best = sum;
		*from = began;
		*to = i + 1;
	}
	return best;
}

/* Within AFTERMATH_MS of its end v2 had less than at its height. */
static bool was_stopped(const struct whatif_truth *t, size_t first, size_t end)
{
	int most_bp = -1, after_bp = -1;
	for (size_t i = first; i < end; i++)
		if (t->item[i].share_bp > most_bp)
			most_bp = t->item[i].share_bp;
	int64_t until_ms = t->item[end - 1].at_ms + AFTERMATH_MS;
	for (size_t i = end - 1; i < t->count && t->item[i].at_ms <= until_ms; i++)
		if (t->item[i].share_bp >= 0)
			after_bp = t->item[i].share_bp;
	return after_bp >= 0 && after_bp < most_bp;
}

static struct whatif_stretch stretch_of(
	const struct whatif_truth *t, enum judged m, size_t first, size_t end)
{
	struct whatif_stretch s = {.from_ms = t->item[first].from_ms,
		.to_ms = t->item[end - 1].at_ms,
		.metric = m,
		.share_bp = t->item[first].share_bp,
		.excess = excess_between(t, m, first, end),
		.stopped = was_stopped(t, first, end)};
	for (size_t i = first; i < end; i++)
		s.failed += t->item[i].failed[ARM_V2];
	return s;
}

struct search {
	const struct whatif_truth *truth;
	struct whatif_facts *facts;
	enum judged metric;
	const double *ratio;
	size_t offset; /* of the first ratio's item */
};

static struct whatif_stretch *overlapped(struct whatif_facts *f, const struct whatif_stretch *s)
{
	for (size_t i = 0; i < f->stretches; i++)
		if (s->from_ms < f->stretch[i].to_ms && f->stretch[i].from_ms < s->to_ms)
			return &f->stretch[i];
	return NULL;
}

/* Errors and latency of one trouble are one stretch, from the first sign of it to the last. */
static void widen(
	const struct whatif_truth *t, struct whatif_stretch *into, const struct whatif_stretch *s)
{
	if (s->from_ms < into->from_ms) {
		into->from_ms = s->from_ms;
		into->share_bp = s->share_bp;
		into->metric = s->metric;
	}
	if (s->to_ms > into->to_ms) {
		into->to_ms = s->to_ms;
		into->stopped = s->stopped;
	}
	into->failed = 0;
	for (size_t i = 0; i < t->count; i++)
		if (t->item[i].from_ms >= into->from_ms && t->item[i].at_ms <= into->to_ms)
			into->failed += t->item[i].failed[ARM_V2];
}

/* In its place in time. */
static void add_stretch(struct whatif_facts *f, const struct whatif_stretch *s)
{
	size_t at = f->stretches++;
	for (; at > 0 && f->stretch[at - 1].from_ms > s->from_ms; at--)
		f->stretch[at] = f->stretch[at - 1];
	f->stretch[at] = *s;
}

/* The worst run, then what lies before it and behind it. */
static void search(const struct search *q, size_t first, size_t end)
{
	size_t from = first, to = first;
	if (first >= end || q->facts->stretches == WHATIF_STRETCHES_MAX ||
		best_run(q->ratio, first, end, &from, &to) < BEYOND_DOUBT)
		return;
	struct whatif_stretch s = stretch_of(q->truth, q->metric, q->offset + from, q->offset + to);
	struct whatif_stretch *other = overlapped(q->facts, &s);
	if (s.excess.bad >= BRAKE_EXCESS && other)
		widen(q->truth, other, &s);
	else if (s.excess.bad >= BRAKE_EXCESS)
		add_stretch(q->facts, &s);
	search(q, first, from);
	search(q, to, end);
}

/* The items that end within the span. */
static void span_items(
	const struct whatif_truth *t, const struct whatif_facts *f, size_t *first, size_t *end)
{
	*first = 0;
	while (*first < t->count && t->item[*first].at_ms <= f->since_ms)
		++*first;
	*end = *first;
	while (*end < t->count && t->item[*end].at_ms <= f->until_ms)
		++*end;
}

void whatif_truth_find(const struct whatif_truth *t, struct whatif_facts *f)
{
	static const enum judged metrics[] = {JUDGED_ERRORS, JUDGED_P99};
	size_t first, end;
	span_items(t, f, &first, &end);
	f->intervals = (int64_t)(end - first);
	for (size_t i = first; i < end; i++)
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			f->requests[arm] += t->item[i].requests[arm];
			f->failed[arm] += t->item[i].failed[arm];
		}
	f->excess = excess_between(t, JUDGED_ERRORS, first, end);
	for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
		double *ratio = ratios(t, metrics[i], first, end);
		const struct search q = {t, f, metrics[i], ratio, first};
		search(&q, 0, end - first);
		free(ratio);
	}
}

/* ---- a policy's fires ---- */

/* A limit is held against a window: it may fire for that long after v2 was well again. */
static int stretch_at(
	const struct whatif_facts *f, const struct guard_limits *limits, int64_t at_ms)
{
	for (size_t i = 0; i < f->stretches; i++)
		if (at_ms > f->stretch[i].from_ms && at_ms <= f->stretch[i].to_ms + limits->window_ms)
			return (int)i;
	return -1;
}

static void match(const struct whatif_facts *f, struct whatif_result *r)
{
	bool seen[WHATIF_STRETCHES_MAX] = {false};
	for (size_t i = 0; i < r->fires; i++) {
		struct whatif_fire *fire = &r->fire[i];
		fire->stretch = stretch_at(f, &r->policy.limits, fire->at_ms);
		if (fire->stretch < 0)
			r->false_alarms++;
		else if (!seen[fire->stretch]) {
			seen[fire->stretch] = true;
			if (r->detected++ == 0)
				r->delay_ms = fire->at_ms - f->stretch[fire->stretch].from_ms;
		}
	}
	r->missed = (int)f->stretches - r->detected;
}

static double spared_part(enum guard_action action, int fired_bp, int share_bp)
{
	switch (action) {
	case GUARD_ACTION_ROLLBACK:
		return 1;
	case GUARD_ACTION_HOLD:
		return fired_bp > 0 && share_bp > fired_bp ? 1 - (double)fired_bp / share_bp : 0;
	default:
		return 0;
	}
}

void whatif_truth_judge(
	const struct whatif_truth *t, const struct whatif_facts *f, struct whatif_result *r)
{
	const struct whatif_fire *fire = r->fires > 0 ? &r->fire[0] : NULL;
	struct sum before = {0}, after = {0}, avoided = {0};
	size_t first, end;
	match(f, r);
	span_items(t, f, &first, &end);
	for (size_t i = first; i < end; i++) {
		const struct whatif_item *at = &t->item[i];
		bool is_after = fire && at->at_ms > fire->at_ms;
		*(is_after ? &r->failed_after : &r->failed_before) += at->failed[ARM_V2];
		add_excess(is_after ? &after : &before, at->unit[JUDGED_ERRORS], 1);
		if (is_after)
			add_excess(&avoided, at->unit[JUDGED_ERRORS],
				spared_part(r->policy.limits.action, fire->share_bp, at->share_bp));
		if (fire && at->at_ms == fire->at_ms && r->delay_ms != UNKNOWN &&
			at->rise_ms != UNKNOWN && fire->stretch >= 0)
			r->step_delay_ms = fire->at_ms - at->rise_ms;
	}
	r->before = excess_of(&before, t->phi[JUDGED_ERRORS]);
	r->after = excess_of(&after, t->phi[JUDGED_ERRORS]);
	r->avoided = excess_of(&avoided, t->phi[JUDGED_ERRORS]);
}
