/* Doubts, one function each. What a doubt says names the number that it comes from. */
#include "tui/lint.h"

#include "model/mem.h"
#include "model/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* What guard_evaluate asks before a limit is RED. */
#define ERRORS_LEAST 10
#define P99_LEAST 100

/* One pool under the eye. */
struct eye {
	struct lint *lint;
	const struct config_pool *pool;
	const struct rates *rates;
	struct judge_policy judge; /* of it, with its limits */
};

static void doubt(const struct eye *e, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void doubt(const struct eye *e, const char *key, const char *format, ...)
{
	struct lint *l = e->lint;
	mem_grow(&l->doubts, &l->cap, l->count + 1, sizeof *l->doubts);
	struct lint_doubt *d = &l->doubts[l->count++];
	*d = (struct lint_doubt){.key = key};
	text_copy(d->pool, sizeof d->pool, e->pool->name);
	va_list args;
	va_start(args, format);
	vsnprintf(d->text, sizeof d->text, format, args);
	va_end(args);
}

void lint_release(struct lint *l)
{
	free(l->doubts);
	*l = (struct lint){0};
}

int64_t lint_stays_ms(const struct plan *p, int step)
{
	int64_t bake_ms = p->policy.bake ? p->bake_ms : 0;
	return p->steps[step].for_ms > bake_ms ? p->steps[step].for_ms : bake_ms;
}

void lint_time(char *out, size_t size, int64_t ms)
{
	static const struct {
		double ms, below;
		const char *unit;
	} units[] = {{1e3, 90e3, "s"}, {60e3, 5400e3, "min"}, {3600e3, 129600e3, "h"},
		{86400e3, INFINITY, "d"}};
	if (ms == UNKNOWN) {
		text_copy(out, size, "more than a year");
		return;
	}
	size_t i = 0;
	while ((double)ms >= units[i].below)
		i++;
	double value = (double)ms / units[i].ms;
	snprintf(out, size, value < 9.95 ? "%.2g %s" : "%.0f %s", value, units[i].unit);
}

/* "1 % of 20 rps" */
static void at_share(char *out, size_t size, int share_bp, double per_second, const char *unit)
{
	char share[24], rate[24];
	unit_share(share, sizeof share, share_bp);
	unit_rate(rate, sizeof rate, per_second);
	snprintf(out, size, "%s of %s %s", share, rate, unit);
}

/* ---- what is not there ---- */

static void doubt_missing(const struct eye *e)
{
	const struct guard_limits *g = &e->pool->guards;
	const struct judge_policy *j = &e->judge;
	if (!isnan(g->error_rate) && !j->metric[JUDGED_ERRORS])
		doubt(e, "judge.metrics",
			"errors are not judged, so SAFE says nothing about "
			"error_rate_threshold; add errors");
	if (g->latency_ms != UNKNOWN && !j->metric[JUDGED_P99])
		doubt(e, "judge.metrics",
			"p99 is not judged, so SAFE says nothing about "
			"latency_threshold_ms; add p99");
	if (e->rates->covered_ms == 0)
		return;
	if (g->memory_bytes != UNKNOWN && !e->rates->memory)
		doubt(e, "guards.memory_limit",
			"this pool said nothing about memory in the last day: the limit never fires");
	if (e->rates->latency)
		return;
	if (g->latency_ms != UNKNOWN)
		doubt(e, "guards.latency_threshold_ms",
			"this pool said no latencies in the last day: the limit never fires");
	if (j->metric[JUDGED_P50] || j->metric[JUDGED_P95] || j->metric[JUDGED_P99])
		doubt(e, "judge.metrics",
			"this pool said no latencies in the last day: v2 is never SAFE; judge errors alone");
}

/* ---- limits that never fire ---- */

/* The first step at which v2 does so much in the window, -1 none. */
static int first_step(const struct eye *e, double least)
{
	const struct plan *p = &e->pool->plan;
	double window = e->rates->requests_per_second * (double)e->pool->guards.window_ms / 1000;
	for (int i = 0; i < p->step_count; i++)
		if (window * p->steps[i].share_bp / SHARE_FULL >= least)
			return i;
	return -1;
}

static void doubt_window(const struct eye *e, const char *key, double least)
{
	const struct plan *p = &e->pool->plan;
	double rps = e->rates->requests_per_second;
	int step = e->pool->has_plan && rps > 0 ? first_step(e, least) : 0;
	if (step == 0)
		return;
	char where[64], done[24], window[24], from[24];
	double seconds = (double)e->pool->guards.window_ms / 1000;
	at_share(where, sizeof where, p->steps[0].share_bp, rps, "rps");
	unit_count(done, sizeof done, (int64_t)(rps * seconds * p->steps[0].share_bp / SHARE_FULL));
	unit_duration(window, sizeof window, e->pool->guards.window_ms);
	unit_share(from, sizeof from, step > 0 ? p->steps[step].share_bp : 0);
	doubt(e, key,
		"at %s v2 does %s requests in the window of %s and the limit takes %.0f: it never fires "
		"%s%s; lengthen guards.window",
		where, done, window, least, step > 0 ? "below " : "in this plan", step > 0 ? from : "");
}

static void doubt_limits(const struct eye *e)
{
	const struct guard_limits *g = &e->pool->guards;
	if (g->error_rate >= 1)
		doubt(e, "guards.error_rate_threshold",
			"no error rate is above 1: the limit never fires");
	else if (!isnan(g->error_rate))
		doubt_window(e, "guards.error_rate_threshold", ERRORS_LEAST);
	if (g->latency_ms != UNKNOWN && g->latency_ms >= HISTOGRAM_CAP_US / 1000)
		doubt(e, "guards.latency_threshold_ms",
			"no latency is told apart above %d ms: the limit never fires",
			HISTOGRAM_CAP_US / 1000);
	else if (g->latency_ms != UNKNOWN)
		doubt_window(e, "guards.latency_threshold_ms", P99_LEAST);
}

/* ---- bakes that are too short ---- */

static void doubt_step(const struct eye *e, int step)
{
	const struct plan *p = &e->pool->plan;
	struct forecast_basis b = rates_basis(e->rates, &e->judge);
	int share_bp = p->steps[step].share_bp;
	int64_t stays_ms = lint_stays_ms(p, step);
	int64_t harm_ms = forecast_harm_ms(&b, share_bp, FORECAST_WORSE);
	int64_t safe_ms = forecast_safe_ms(&b, share_bp);
	char where[64], needs[24], stays[24];
	at_share(where, sizeof where, share_bp, e->rates->units_per_second,
		e->rates->sessions ? "sessions/s" : "rps");
	unit_duration(stays, sizeof stays, stays_ms);
	if (p->policy.bake && 1 + e->judge.tolerance < FORECAST_WORSE &&
		(harm_ms == UNKNOWN || harm_ms > stays_ms)) {
		lint_time(needs, sizeof needs, harm_ms);
		doubt(e, "plan.bake",
			"at %s a v2 that fails twice as often is found after %s, and the step stays %s",
			where, needs, stays);
	}
	if (p->policy.safe && (safe_ms == UNKNOWN || safe_ms > stays_ms)) {
		lint_time(needs, sizeof needs, safe_ms);
		doubt(e, "plan.bake",
			"the policy asks for SAFE: at %s this needs %s, and the step stays %s", where,
			needs, stays);
	}
}

static void doubt_bake(const struct eye *e)
{
	const struct plan *p = &e->pool->plan;
	const struct rates *r = e->rates;
	if (!e->pool->has_plan || !e->judge.metric[JUDGED_ERRORS])
		return;
	if (p->policy.safe && r->bad_rate <= 0 && isnan(e->pool->guards.error_rate))
		doubt(e, "guards.error_rate_threshold",
			"v1 has no errors to compare with: without this limit v2 is never SAFE");
	if (!(r->units_per_second > 0 && r->bad_rate > 0))
		return;
	/* at 100 % nothing is beside v2 */
	for (int i = 0; i < p->step_count && p->steps[i].share_bp < SHARE_FULL; i++)
		doubt_step(e, i);
}

/* ---- gates that are always open ---- */

static void doubt_gates(const struct eye *e)
{
	const struct plan *p = &e->pool->plan;
	const struct policy *policy = &p->policy;
	if (!e->pool->has_plan)
		return;
	if (!guard_limits_any(&e->pool->guards))
		doubt(e, "guards",
			"it has a plan and no limits: only what is worse than v1 would count as bad");
	else if (e->pool->guards.action == GUARD_ACTION_WARN)
		doubt(e, "guards.action", "a broken limit is only shown: nothing holds or rolls back");
	if (!policy->bake && !policy->samples)
		doubt(e, "plan.policy",
			"'%s' asks for no bake and no samples: a step may follow the last one at once",
			policy->name);
	if (policy->samples && p->min_samples == 0)
		doubt(e, "plan.min_samples", "no samples are always enough: nothing is asked of them");
}

void lint_pool(struct lint *l, const struct config_pool *p, const struct rates *r)
{
	struct eye e = {.lint = l, .pool = p, .rates = r};
	guard_policy(&e.judge, &p->guards, p->interval_ms);
	doubt_gates(&e);
	doubt_limits(&e);
	doubt_missing(&e);
	doubt_bake(&e);
}
