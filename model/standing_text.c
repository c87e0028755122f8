/* Words: the state with its object, who rolls back, and what happens if this console ends: rows 1
 * and 3 of every screen. */
#include "model/standing.h"

#include "model/text.h"

#include <stdio.h>
#include <string.h>

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
		snprintf(s->state_text, sizeof s->state_text, "%s %s %s, asked %s", word,
			s->restarted && p->nodes[0].last && p->nodes[0].last->reloads ? "RELOADED" : "pool",
			share, other);
		return;
	case STATE_HELD:
		if (s->partial) {
			snprintf(s->state_text, sizeof s->state_text, "PARTIAL %d/%d", s->nodes_took,
				p->node_count);
		} else if (s->mixed) {
			unit_share(share, sizeof share, s->mixed_low_bp);
			unit_share(other, sizeof other, s->mixed_high_bp);
			snprintf(s->state_text, sizeof s->state_text, "%s .. %s MIXED", share, other);
		} else if (s->hold.on) {
			unit_countdown(left, sizeof left, s->hold.age_ms);
			snprintf(s->state_text, sizeof s->state_text, "%s by %.40s %s", word, s->hold.actor,
				left);
		} else if (p->latch.red || s->guard.both) {
			snprintf(s->state_text, sizeof s->state_text, "%s at %s: guard %s", word, share,
				p->latch.both ? "BOTH" : "RED");
		} else {
			snprintf(s->state_text, sizeof s->state_text, "%s at %s: %s", word, share,
				s->blind ? "guard sees no data" : "went back, not kept");
		}
		return;
	default:
		snprintf(s->state_text, sizeof s->state_text, "%s%s%s", word,
			s->reported_bp >= 0 ? " at " : "", s->reported_bp >= 0 ? share : "");
	}
}

/* What a guard does when a limit breaks, and what is left to whoever reads that. */
static const char *const does[GUARD_ACTION_COUNT] = {
	[GUARD_ACTION_WARN] = "only warns: you roll back",
	[GUARD_ACTION_HOLD] = "only holds: you roll back",
	[GUARD_ACTION_ROLLBACK] = "rolls back by itself"};

static void write_guard(struct standing *s, const struct pool *p)
{
	const struct pool_guard *g = &s->pool_guard;
	char *out = s->guard_text, left[24];
	size_t size = sizeof s->guard_text;
	enum guard_action action = s->owner == OWNER_POOL ? g->action : p->limits.action;
	int64_t held_ms = s->owner == OWNER_NONE ? UNKNOWN : g->held_ms;
	unit_countdown(left, sizeof left, held_ms);
	if (s->state == STATE_FINALIZED)
		snprintf(out, size, "guard: off, finished");
	else if (!p->has_plan && s->owner == OWNER_NONE)
		snprintf(out, size, "guard: none without a plan, limits only warn");
	else if (s->owner == OWNER_NONE)
		snprintf(out, size, "guard: NONE, nobody rolls back");
	else if (s->freshness == FRESHNESS_NEVER)
		snprintf(out, size, "guard: not known yet");
	else if (s->owner == OWNER_POOL && !g->armed && !s->armed && guard_limits_any(&p->limits))
		snprintf(out, size, "guard: pool, armed by the first step");
	else if (s->owner == OWNER_POOL ? !g->armed : !guard_limits_any(&p->limits))
		snprintf(out, size, "guard: %s, no limit is set", owner_name(s->owner));
	else if (held_ms != UNKNOWN)
		snprintf(out, size, "guard: %s, only holds for %s", owner_name(s->owner), left);
	else if (s->owner == OWNER_CONSOLE && action == GUARD_ACTION_ROLLBACK)
		snprintf(out, size, "guard: %s, rolls back while it runs", owner_name(s->owner));
	else
		snprintf(out, size, "guard: %s, %s", owner_name(s->owner), does[action]);
}

/* True when it is this console that will keep the raise: it is this actor's, and no recorder
 * guards. */
static bool keeps_here(const struct standing *s, const struct model *m, const struct pool *p)
{
	/* Who only looks is told what comes when nobody else is there. */
	if (m->read_only)
		return s->keep.on && s->owner != OWNER_RECORD && s->keep.left_ms != UNKNOWN;
	for (int k = 0; k < p->node_count; k++)
		if (node_is_usable(&p->nodes[k]) && p->nodes[k].last->keep.on &&
			strcmp(p->nodes[k].last->change.actor, m->actor) == 0)
			return s->owner != OWNER_RECORD && s->keep.left_ms != UNKNOWN;
	return false;
}

#define ALL_GOES_ON "all goes on"

static void write_leave(struct standing *s, const struct model *m, const struct pool *p)
{
	char share[24], left[24];
	char *out = s->leave_text;
	size_t size = sizeof s->leave_text;
	int above_bp = s->mixed ? s->mixed_high_bp : s->reported_bp;
	unit_share(share, sizeof share, s->kept_bp);
	unit_countdown(left, sizeof left, s->keep.left_ms);
	if (s->state == STATE_ROLLING_BACK || s->state == STATE_RB_UNVERIFIED)
		text_copy(out, size, m->read_only ? ALL_GOES_ON : "NOBODY TRIES ON");
	else if (keeps_here(s, m, p) && orphan_at(s->keep.on_orphan, above_bp) == ORPHAN_REVERT)
		snprintf(out, size, "back to %.12s in %.20s", share, left);
	else if (keeps_here(s, m, p))
		snprintf(out, size, "held in %s", left);
	else if (above_bp <= s->baseline_bp || s->owner >= OWNER_RECORD)
		text_copy(out, size, ALL_GOES_ON);
	else
		text_copy(out, size, p->has_plan ? "NOBODY WATCHES" : "the share stays");
	s->leave_exposed = strcmp(out, ALL_GOES_ON) != 0;
	if (s->freshness == FRESHNESS_NEVER && !s->leave_exposed)
		text_copy(out, size, "not known yet");
	if (pool_is_local(p))
		text_copy(out, size, "the pool ends");
}

void standing_words(struct standing *s, const struct model *m, const struct pool *p)
{
	write_state(s, p);
	write_guard(s, p);
	write_leave(s, m, p);
	/* What a precision left of somebody's name. */
	text_mend(s->state_text);
	text_mend(s->guard_text);
	text_mend(s->leave_text);
}

void pool_finished(char *out, size_t size, const struct pool *p)
{
	out[0] = 0;
	for (size_t i = p->decision_count; i-- > 0;) {
		const struct decision *d = &p->decisions[i];
		char at[32];
		if (d->verb != VERB_FINALIZE || d->outcome != OUTCOME_APPLIED)
			continue;
		unit_rfc3339(at, sizeof at, d->at_ms);
		at[10] = ' '; /* "2026-11-22 16:12" */
		snprintf(out, size, "by %.60s %.16s%s%.90s", d->actor, at, d->reason[0] ? ": " : "",
			d->reason);
		text_mend(out);
		return;
	}
}
