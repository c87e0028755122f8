/* Headlines of a pool that is well: what its plan waits for, and what a step would find. */
#include "model/approving.h"
#include "model/headline_parts.h"

#include <math.h>

bool headline_complete(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_COMPLETE)
		return false;
	return headline_say(
		out, size, "All work is on v2 and its bake has passed. The way back is open: R");
}

/* Somebody waits for another's word; whoever may not give it may know all the same. */
bool headline_approvable(const struct headline_view *v, char *out, size_t size)
{
	const struct decision *ask = approving_open(v->m, v->p);
	if (!ask)
		return false;
	char to[24];
	unit_share(to, sizeof to, ask->to_bp);
	return headline_say(out, size, FIT " asks for %s: :approve, or weir approve " FIT, ask->actor,
		to, v->p->name);
}

bool headline_finalized(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_FINALIZED)
		return false;
	char by[FINISHED_TEXT_MAX];
	pool_finished(by, sizeof by, v->p);
	if (by[0])
		return headline_say(out, size, "Finished, there is no way back; " FIT, by);
	return headline_say(out, size, "Finished: all work is on v2, there is no way back");
}

bool headline_ready(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_READY)
		return false;
	if (v->s->next_bp < 0)
		return headline_say(
			out, size, "At %s. Nothing moves by itself; step or roll back by hand", v->share);
	if (!v->s->next.allowed) {
		char why[160];
		interlock_summary(why, sizeof why, &v->s->next);
		return headline_say(out, size, "Ready for %s, but not now: " FIT, v->next, why);
	}
	static const char *const guards[GUARD_COUNT] = {[GUARD_NONE] = "no limit is set",
		[GUARD_GREEN] = "v2 within its limits",
		[GUARD_UNKNOWN] = "too little data to judge v2",
		[GUARD_AMBER] = "v2 looks worse than v1",
		[GUARD_RED] = "v2 breaks a limit"};
	bool safe = v->s->judge_word == VERDICT_SAFE && v->s->judge_text[0];
	return headline_say(out, size, "Ready for %s: %s" FIT ". S steps", v->next,
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
	return s->judged == GUARD_GREEN              ? "Within limits so far"
		: s->judged == GUARD_NONE                ? "No limit is set"
		: s->verdict.why == VERDICT_WHY_COUNTERS ? "No verdict, a counter went back"
												 : "Too little data to judge v2";
}

/* All is well, but raises are closed: when and why is all that there is to know. */
static bool waits_for_hours(const struct headline_view *v)
{
	return v->s->next.failing & 1u << PREDICATE_FROZEN && v->s->freeze.on && !v->s->hold.on;
}

bool headline_baking(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_BAKING)
		return false;
	const struct interlock *i = &v->s->next;
	const char *news = news_of(v->s);
	if (v->s->next_bp < 0 || i->failures == 0)
		return headline_say(out, size, FIT ". Baking at %s", news, v->share);
	const unsigned in_time = 1u << PREDICATE_BAKE | 1u << PREDICATE_SAMPLES |
		(unsigned)waits_for_hours(v) << PREDICATE_FROZEN;
	if (i->failing & ~in_time || v->s->bake_left_ms == UNKNOWN) {
		char why[160];
		interlock_summary(why, sizeof why, i);
		return headline_say(out, size, FIT ". Not ready for %s: " FIT, news, v->next, why);
	}
	if (i->wait_ms == UNKNOWN && v->s->bake_left_ms == 0)
		return headline_say(
			out, size, FIT ". Waiting for samples before S steps to %s", news, v->next);
	/* What ends last is what one waits for. */
	if (waits_for_hours(v) && i->wait_ms == v->s->freeze.left_ms)
		return headline_say(out, size, FIT ". " FIT, news, v->s->freeze.text);
	char left[24];
	unit_countdown(left, sizeof left, i->wait_ms == UNKNOWN ? v->s->bake_left_ms : i->wait_ms);
	return headline_say(
		out, size, FIT ". Nothing to do for %s; then S steps to %s", news, left, v->next);
}

bool headline_armed(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_ARMED)
		return false;
	if (waits_for_hours(v))
		return headline_say(out, size, "%s. " FIT, v->rest, v->s->freeze.text);
	return headline_say(out, size, "%s. S steps to %s", v->rest, v->next);
}

bool headline_planned(const struct headline_view *v, char *out, size_t size)
{
	if (v->s->state != STATE_PLANNED)
		return false;
	char why[160];
	interlock_summary(why, sizeof why, &v->s->next);
	return headline_say(out, size, "%s. Not ready: " FIT, v->rest, why[0] ? why : "checking");
}

bool headline_looking(const struct headline_view *v, char *out, size_t size)
{
	for (size_t i = 0; i < v->p->decision_count; i++) {
		const struct decision *d = &v->p->decisions[i];
		bool touched = d->outcome == OUTCOME_APPLIED || !outcome_is_final(d->outcome);
		if (!d->observed && verb_is_sent(d->verb) && touched)
			return headline_say(out, size, "%s. Nothing moves by itself", v->rest);
	}
	return headline_say(out, size, "Looking only: nothing has been written to this pool");
}
