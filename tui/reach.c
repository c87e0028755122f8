/* What keeps a verb from being used: this console, the state, what there is to act on. Not the
 * interlock: what that refuses is quoted, and judged again when the act is made.
 *
 * 1. What is out of reach says why; `why` is never empty then. */
#include "tui/reach.h"

#include "model/interlock.h"
#include "model/text.h"

#include <stdio.h>

/* Why a state does not accept a verb, where there is more to say than its name. */
static const char *const unaccepted[VERB_COUNT] = {
	[VERB_ROLLBACK] = "the migration is finished, there is no way back",
	[VERB_KEEP] = "no raise stands that could be kept",
	[VERB_DISARM] = "only at the baseline; roll back first",
	[VERB_ADOPT] = "the pool says nothing else than what was asked",
	[VERB_FINALIZE] = "only when all work is on v2, its bake has passed and it is kept",
	[VERB_CLOSE] = "no rollback is open",
	[VERB_TAKE] = "the migration is finished, nobody needs the lease",
	[VERB_GUARD] = "the migration is finished, nothing is guarded",
	[VERB_DRAIN] = "the migration is finished",
};

static bool no(char *why, const char *words)
{
	text_copy(why, REACH_WHY_MAX, words);
	return false;
}

bool reach_word(const struct view *v, enum verb verb, char *why)
{
	const struct standing *st = &v->pool->standing;
	*why = 0;
	if (v->replay)
		return no(why, "a replay has no way to the pool");
	if (v->looking)
		return no(why, "this console only looks");
	if (!migration_accepts(st->state, verb)) {
		if (unaccepted[verb])
			return no(why, unaccepted[verb]);
		snprintf(why, REACH_WHY_MAX, "not while it is %s", st->state_text);
		return false;
	}
	if (verb == VERB_HOLD && st->hold.on)
		return no(why, "it is held already; U ends that");
	if (verb == VERB_RESUME && !view_may_resume(v->pool))
		return no(why, "nothing is held, nothing is red, nothing went back");
	if ((verb == VERB_KEEP || verb == VERB_ARM) && !v->pool->has_plan)
		return no(why, "the pool has no plan here");
	return true;
}

static bool reach_next(const struct view *v, char *why)
{
	const struct standing *st = &v->pool->standing;
	if (st->next_bp < 0 && !v->pool->has_plan)
		return no(why, "no plan says what is next; type :step 10%");
	if (st->next_bp < 0 && st->reported_bp >= 0)
		return no(why, "the plan has no step after this one");
	if (st->next.allowed)
		return true;
	interlock_summary(why, REACH_WHY_MAX, &st->next);
	return *why ? false : no(why, "what is next is not known yet");
}

/* What to do where a line is not drained by itself. */
static bool reach_selected(const struct view *v, char *why)
{
	char word[ROSTER_WORD_MAX];
	if (v->screen != SCREEN_WORKERS)
		return no(why, "3 shows the workers; D there drains the selected");
	const struct roster_line *selected = &v->roster->selected;
	enum roster_kind kind = selected->kind;
	if (roster_is_last(v->pool, selected))
		return no(why,
			selected->arm == ARM_V1 ? "no worker of v1 would be left, where a rollback goes"
									: "no worker of v2 would be left, and it has traffic");
	if (roster_word(word, v->pool, selected))
		return true;
	if (kind == ROSTER_NODE)
		return no(why, "a node is not drained as a whole; select v1, v2 or below");
	if (kind == ROSTER_RESIDENTS || kind == ROSTER_RESIDENT)
		return no(why, "registered workers are locked by place; select r0 or r0.1");
	return no(why, "keyed work is not drained; select its arm or below");
}

bool reach_key(const struct view *v, enum verb verb, char *why)
{
	if (!reach_word(v, verb, why))
		return false;
	return verb == VERB_STEP ? reach_next(v, why)
		: verb == VERB_DRAIN ? reach_selected(v, why)
							 : true;
}
