/* Approving. An approval is judged anew each time it is looked at: nothing is stored of what it
 * was worth. */
#include "model/approving.h"

#include "model/mem.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

/* In words: that is what the approver reads and signs. */
static void write_what(char *out, const struct intent *want)
{
	struct text t = {0};
	text_add(&t, verb_row(want->verb)->word);
	if (want->verb == VERB_STEP && want->has_strategy)
		text_addf(&t, " strategy %s", strategy_name(want->strategy));
	for (int i = 0;
		 want->operations && want->verb == VERB_OPERATIONS && i < want->operations->count; i++)
		text_addf(&t, "%s%s", i ? "," : " ", want->operations->name[i]);
	if (want->forced)
		text_add(&t, " by break-glass");
	if (strpbrk(text_str(&t), "\n\"\\") || !text_copy(out, APPROVAL_WHAT_MAX, text_str(&t)))
		out[0] = 0;
	text_free(&t);
}

void approving_want(struct approval_want *out, char what[APPROVAL_WHAT_MAX],
	const struct model *m, const struct pool *p, const struct intent *want)
{
	const struct standing *s = &p->standing;
	write_what(what, want);
	*out = (struct approval_want){.pool_id = p->pool_id,
		.plan = p->plan_hash[0] ? p->plan_hash : "-",
		.what = what,
		.from_bp = s->reported_bp,
		.to_bp = intent_share(want) >= 0 ? intent_share(want) : s->reported_bp,
		.epoch = s->epoch,
		.rev = s->rev,
		.asker = m->actor,
		.asker_key = m->key,
		.approvers = p->plan.approvers,
		.approver_count = p->plan.approver_count};
}

/* What could not be recorded nobody was asked: it is asked anew. */
static bool may_be_found(const struct decision *ask)
{
	return !outcome_is_final(ask->outcome) || ask->outcome == OUTCOME_APPLIED;
}

const struct decision *approving_asked(const struct pool *p, const struct approval_want *want)
{
	for (size_t i = p->decision_count; i-- > 0;)
		if (p->decisions[i].verb == VERB_ASK && may_be_found(&p->decisions[i]) &&
			approval_is_asked(&p->decisions[i], want))
			return &p->decisions[i];
	return NULL;
}

/* Those of other shares and revisions were for other steps: they are no news here. */
static bool is_about(const struct approval *a, const struct approval_want *want)
{
	return strcmp(a->claim.pool_id, want->pool_id) == 0 && a->claim.epoch == want->epoch &&
		a->claim.rev == want->rev && a->claim.to_bp == want->to_bp;
}

const struct approval *approving_best(const struct model *m, const struct pool *p,
	const struct approval_want *want, enum approval_word *word)
{
	const struct approval *best = NULL;
	*word = APPROVAL_NONE;
	for (int i = p->approval_count; i-- > 0 && *word != APPROVAL_GOOD;) {
		const struct approval *a = &p->approvals[i];
		struct approval_want one = *want;
		one.is_used = approval_is_used(a, p->decisions, p->decision_count);
		enum approval_word is = approval_judge(a, &one, m->now);
		if (best && is != APPROVAL_GOOD)
			continue;
		if (is != APPROVAL_GOOD && !a->given && !is_about(a, want))
			continue;
		best = a;
		*word = is;
	}
	return best;
}

void approving_facts(struct interlock_facts *out, const struct model *m, const struct pool *p,
	const struct intent *want)
{
	struct approval_want for_this;
	char what[APPROVAL_WHAT_MAX];
	out->approvers_known = p->plan.approver_count > 0;
	if (!out->approvers_known)
		return;
	approving_want(&for_this, what, m, p, want);
	const struct approval *a = approving_best(m, p, &for_this, &out->approval);
	const struct decision *ask = approving_asked(p, &for_this);
	if (a) {
		text_copy(out->approved_by, sizeof out->approved_by, a->claim.approver);
		out->approval_left_ms = a->claim.expires_ms - m->now.wall_ms;
	}
	/* Nobody finds it before it is recorded. */
	if (ask && ask->outcome == OUTCOME_APPLIED)
		text_copy(out->asked_id, sizeof out->asked_id, ask->id);
}

void approving_add(struct pool *p, const struct approval *a, int64_t boot_ms)
{
	for (int i = 0; i < p->approval_count; i++)
		if (strcmp(p->approvals[i].hash, a->hash) == 0) {
			int64_t heard_ms = p->approvals[i].heard_ms;
			bool given = p->approvals[i].given || a->given;
			p->approvals[i] = *a;
			p->approvals[i].heard_ms = heard_ms;
			p->approvals[i].given = given;
			return;
		}
	if (!p->approvals)
		p->approvals = mem_new(APPROVALS_MAX, sizeof *p->approvals);
	if (p->approval_count == APPROVALS_MAX)
		memmove(
			p->approvals, p->approvals + 1, (size_t)--p->approval_count * sizeof *p->approvals);
	p->approvals[p->approval_count] = *a;
	p->approvals[p->approval_count++].heard_ms = boot_ms;
}

bool approving_stands(const struct model *m, const struct pool *p, const struct decision *ask)
{
	struct approval_claim c;
	const struct standing *s = &p->standing;
	if (!approval_of_ask(&c, ask) || ask->epoch != s->epoch || ask->rev != s->rev ||
		ask->from_bp != s->reported_bp)
		return false;
	for (int i = 0; i < p->approval_count; i++) {
		const struct approval *a = &p->approvals[i];
		if (a->is_signed &&
			approval_is_listed(
				p->plan.approvers, p->plan.approver_count, a->claim.approver_key) &&
			strcmp(a->claim.asker, c.asker) == 0 && strcmp(a->claim.evidence, a->asked) == 0 &&
			strcmp(a->of, ask->id) == 0 && a->claim.expires_ms > m->now.wall_ms)
			return false;
	}
	return true;
}

bool approving_waits(const struct model *m, const struct pool *p, const struct decision *ask)
{
	return !approval_is_same(ask->actor, m->actor) && approving_stands(m, p, ask);
}

const struct decision *approving_open(const struct model *m, const struct pool *p)
{
	for (size_t i = p->decision_count; i-- > 0;)
		if (approving_waits(m, p, &p->decisions[i]))
			return &p->decisions[i];
	return NULL;
}
