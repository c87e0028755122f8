/* Headlines of whether users are hurt, and by which side: what guards and the judge say. */
#include "model/headline_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool headline_both_fail(const struct headline_view *v, char *out, size_t size)
{
	const struct guard *g = &v->s->guard;
	/* The judge compares: what it has proven v2 to be is v2's doing. */
	if (g->judge == GUARD_RED || v->p->latch.by_judge ||
		(!g->both && !(v->p->latch.red && v->p->latch.both)))
		return false;
	char v1[16], v2[16];
	unit_percent(v1, sizeof v1, v->s->arms[ARM_V1].error_rate);
	unit_percent(v2, sizeof v2, v->s->arms[ARM_V2].error_rate);
	return headline_say(out, size,
		"Both sides break a limit (errors v1 %s %%, v2 %s %%): not v2's doing. Held", v1, v2);
}

/* What the guard's owner does now that a limit is broken: " The pool rolls back". */
static const char *acts(const struct headline_view *v)
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
static bool red_at_pool(const struct headline_view *v, char *out, size_t size)
{
	return headline_say(out, size, "v2 is worse, says the pool: " FIT ". %s",
		v->s->pool_guard.word[0] ? v->s->pool_guard.word : "its guard is RED", acts(v));
}

/* What the latch turned red by still holds: the limit is broken, or the judge says so. */
static bool is_still_red(const struct headline_view *v)
{
	const struct guard *g = &v->s->guard;
	const struct guard_metric *m = &g->metric[v->p->latch.metric];
	return v->p->latch.by_judge ? g->judge == GUARD_RED : m->state == GUARD_RED && !m->both;
}

/* How often both sides fail, in the unit that was judged: what proves harm to sessions is not
 * seen in a rate of requests. */
struct failing {
	const char *what; /* "errors", "failed sessions" */
	char v1[16], v2[16];
};

static double rate_of(const struct units *u)
{
	return u->n > 0 ? (double)u->bad / (double)u->n : NAN;
}

static void compare(struct failing *out, const struct headline_view *v, bool judged)
{
	const struct judge *j = &v->p->judging->judge;
	const struct units *since = j->metric[JUDGED_ERRORS].since;
	bool sessions = judged && j->sessions && since[ARM_V2].n > 0;
	const struct arm_figures *arms = v->s->arms;
	out->what = sessions ? "failed sessions" : "errors";
	unit_percent(
		out->v1, sizeof out->v1, sessions ? rate_of(&since[ARM_V1]) : arms[ARM_V1].error_rate);
	unit_percent(
		out->v2, sizeof out->v2, sessions ? rate_of(&since[ARM_V2]) : arms[ARM_V2].error_rate);
}

static bool errors_were_red(const struct headline_view *v, char *out, size_t size)
{
	struct failing f;
	compare(&f, v, v->p->latch.by_judge);
	if (!v->p->latch.by_judge)
		return headline_say(
			out, size, "v2 broke its errors limit, now %s %%. R rolls back, U accepts", f.v2);
	if (strcmp(f.what, "errors") == 0)
		return headline_say(
			out, size, "v2 was worse at errors, now %s %%. R rolls back, U judges anew", f.v2);
	return headline_say(out, size,
		"v2 was worse: %s %s %%, v1 %s %%. R rolls back, U judges anew", f.what, f.v2, f.v1);
}

#define OPERATION_COLUMNS 16

static bool red_errors(const struct headline_view *v, char *out, size_t size)
{
	struct failing f;
	char operation[OPERATION_NAME_MAX + 2], mostly[OPERATION_NAME_MAX + 12] = "";
	if (!is_still_red(v))
		return errors_were_red(v, out, size);
	compare(&f, v, v->p->latch.by_judge);
	text_copy(operation, sizeof operation, v->s->worst_operation);
	fit(operation, sizeof operation, OPERATION_COLUMNS);
	if (operation[0])
		snprintf(mostly, sizeof mostly, ", mostly %s", operation);
	return headline_say(out, size, "v2 is worse: %s %s %%, v1 %s %%" FIT_OR_NONE ". %s", f.what,
		f.v2, f.v1, mostly, acts(v));
}

/* At the baseline red is what a guard rolled back: told as such. */
bool headline_red(const struct headline_view *v, char *out, size_t size)
{
	const struct guard_latch *l = &v->p->latch;
	if (!l->red || (v->s->reported_bp >= 0 && v->s->reported_bp == v->s->baseline_bp))
		return false;
	if (l->by_pool)
		return red_at_pool(v, out, size);
	if (l->metric == METRIC_ERRORS)
		return red_errors(v, out, size);
	if (l->by_judge)
		return headline_say(out, size, "v2 is slower: " FIT ". %s", l->word, acts(v));
	const struct guard_metric *g = &v->s->guard.metric[l->metric];
	char value[24], limit[24];
	guard_value_text(value, sizeof value, l->metric, g->value[ARM_V2]);
	guard_value_text(limit, sizeof limit, l->metric, g->limit);
	return headline_say(out, size, "v2 breaks its limit: %s %s of %s. %s",
		metric_name(l->metric), value, limit, acts(v));
}

/* Over a limit by all that was seen of this share, while the window that the guard goes by is not:
 * it does not act, nor does it lock a step. */
static bool over_limit(const struct headline_view *v, char *out, size_t size)
{
	struct failing f;
	char limit[16];
	if (v->s->verdict.metric != JUDGED_ERRORS)
		return headline_say(out, size,
			"v2 is proven to be over its p99 limit; no guard acts on that. R rolls back");
	compare(&f, v, true);
	unit_percent(limit, sizeof limit, v->s->guard.metric[METRIC_ERRORS].limit);
	return headline_say(out, size,
		"v2 is proven to be over its limit: %s %s of %s %%. R rolls back", f.what, f.v2, limit);
}

static bool suspected_errors(const struct headline_view *v, char *out, size_t size)
{
	struct failing f;
	char v1[32];
	compare(&f, v, true);
	snprintf(v1, sizeof v1, ", v1 %s %%", f.v1);
	return headline_say(out, size,
		"v2 looks worse: %s %s %%" FIT_OR_NONE ", not proven yet. Steps locked", f.what, f.v2,
		v1);
}

/* Suspected or proven, and not enough to act on by itself. */
bool headline_suspected(const struct headline_view *v, char *out, size_t size)
{
	const struct standing *s = v->s;
	if (s->reported_bp <= s->baseline_bp || s->freshness > FRESHNESS_LATE)
		return false;
	if (s->verdict.word == VERDICT_HARM && s->verdict.why == VERDICT_WHY_LIMIT)
		return over_limit(v, out, size);
	if (s->judge_word == VERDICT_HARM)
		return headline_say(out, size, "v2 is worse, too few to act on: " FIT ". R rolls back",
			s->judge_text[0] ? s->judge_text : "says the guard's owner");
	if (s->guard.judge != GUARD_AMBER)
		return false;
	if (s->verdict.suspect == JUDGED_ERRORS)
		return suspected_errors(v, out, size);
	return headline_say(
		out, size, "v2 looks slower than v1, not proven yet. Steps locked, R works");
}

bool headline_untrusted(const struct headline_view *v, char *out, size_t size)
{
	if (!headline_above(v->s) || v->s->verdict.why != VERDICT_WHY_SENTINEL)
		return false;
	return headline_say(
		out, size, "v1 differs from itself: requests depend on each other, no verdict");
}

#define V1_LEAST 100 /* requests in the window before its rate is believed */

/* Users are hurt, and v2 has nothing to do with it. */
bool headline_v1_fails(const struct headline_view *v, char *out, size_t size)
{
	const struct guard_metric *g = &v->s->guard.metric[METRIC_ERRORS];
	const struct arm_figures *f = &v->s->arms[ARM_V1];
	if (v->s->reported_bp != 0 || v->s->freshness > FRESHNESS_LATE || f->done < V1_LEAST ||
		!(g->limit > 0 && f->error_rate > g->limit))
		return false;
	char rate[16], limit[16];
	unit_percent(rate, sizeof rate, f->error_rate);
	unit_percent(limit, sizeof limit, g->limit);
	return headline_say(out, size,
		"v1 fails: errors %s of %s %%. Not v2's doing: it has no share", rate, limit);
}
