/* What a pool remembers of decisions, oldest first. Not what follows from them: standing.c. */
#include "model/decided.h"

#include "model/forced.h"
#include "model/mem.h"
#include "model/text.h"

#include <string.h>

static struct decision *find(struct pool *p, const char *id)
{
	return (struct decision *)pool_decision(p, id);
}

/* Drops the oldest that nobody waits for: however much others do, what is open stays, and what
 * marks the migration. */
static void drop(struct pool *p)
{
	size_t at = 0;
	while (at + 1 < p->decision_count &&
		(decision_is_open(&p->decisions[at]) ||
			decision_awaits_verification(&p->decisions[at]) || forced_of(&p->decisions[at])))
		at++;
	p->decision_count--;
	memmove(p->decisions + at, p->decisions + at + 1,
		(p->decision_count - at) * sizeof *p->decisions);
}

static void insert(struct pool *p, const struct decision *d)
{
	if (p->decision_count == POOL_DECISIONS)
		drop(p);
	if (!p->decisions)
		p->decisions = mem_new(POOL_DECISIONS, sizeof *d);
	size_t at = p->decision_count++;
	for (; at > 0 && p->decisions[at - 1].at_ms > d->at_ms; at--)
		p->decisions[at] = p->decisions[at - 1];
	p->decisions[at] = *d;
}

/* A resume that was applied accepts what was red before it; what v2 is from then on is judged
 * anew. */
static void settle_latch(struct pool *p, const struct decision *d)
{
	bool was_red = p->latch.red || p->standing.verdict.word == VERDICT_HARM;
	if (d->verb == VERB_RESUME && d->outcome == OUTCOME_APPLIED)
		guard_latch_resume(&p->latch, d->at_ms);
	if (was_red && !p->latch.red && d->verb == VERB_RESUME && d->outcome == OUTCOME_APPLIED &&
		d->at_ms > p->judged_ms) {
		p->judged_ms = d->at_ms;
		judging_restart(p->judging);
	}
}

/* More may be known here than where this copy comes from; what was first stays. */
static void renew(struct decision *known, const struct decision *d)
{
	struct decision was = *known;
	*known = *d;
	known->at_ms = was.at_ms;
	if (outcome_is_final(was.outcome)) {
		known->outcome = was.outcome;
		known->outcome_ms = was.outcome_ms;
		known->latency_ms = was.latency_ms;
		text_copy(known->answer, sizeof known->answer, was.answer);
	}
	if (was.verified_ms != UNKNOWN)
		known->verified_ms = was.verified_ms;
	if (was.closed_ms > 0)
		known->closed_ms = was.closed_ms;
}

void decided_add(struct pool *p, const struct decision *d)
{
	struct decision *known = find(p, d->id);
	if (known)
		renew(known, d);
	else
		insert(p, d);
	settle_latch(p, find(p, d->id));
}

bool decided_add_outcome(struct pool *p, const struct outcome_row *o)
{
	struct decision *d = find(p, o->decision);
	if (!d)
		return false;
	decision_add_outcome(d, o);
	settle_latch(p, d);
	return true;
}

bool decided_forget(struct pool *p, const char *id)
{
	struct decision *d = find(p, id);
	if (!d)
		return false;
	size_t behind = (size_t)(p->decisions + --p->decision_count - d);
	memmove(d, d + 1, behind * sizeof *d);
	return true;
}
