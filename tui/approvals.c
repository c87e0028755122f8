/* Approvals at a desk: a change that only lacks one becomes an ask in the history; whoever else
 * reads it there (or is sent it) signs; the asker's desk finds that, or is given the token. Not
 * what an approval is worth: model/approval.h, which every look at the checks asks anew. */
#include "history/approval.h"
#include "model/approving.h"
#include "model/text.h"
#include "tui/desk_parts.h"

#include <string.h>

/* ---- what comes in ---- */

static void take(struct desk *d, int pool, struct approval *a)
{
	const struct pool *p = &d->model.pools[pool];
	approval_find_ask(a, p->decisions, p->decision_count);
	desk_apply(d, &(struct model_event){.kind = MODEL_APPROVAL, .pool = pool, .approval = a});
}

/* A row that is no token's was written by nobody here: it allows nothing. */
void approvals_hear(struct desk *d, int pool, const struct decision *approve)
{
	char token[APPROVAL_TOKEN_MAX];
	struct approval a;
	if (approval_member(token, sizeof token, approve->evidence, "token") &&
		approval_open(&a, token))
		take(d, pool, &a);
}

int desk_take_approval(
	struct desk *d, int pool, const char *token, struct instant now, struct err *err)
{
	struct approval a;
	d->now = now;
	if (!approval_open(&a, token))
		return err_set(err, ERR_USAGE, "this is no approval; weir approve prints one");
	a.given = true;
	take(d, pool, &a);
	return 0;
}

/* ---- asking ---- */

const struct decision *approvals_asked(
	const struct desk *d, const struct act_request *r, struct approval_claim *claim)
{
	const struct decision *ask = pool_decision(&d->model.pools[r->pool], r->of);
	return ask && approval_of_ask(claim, ask) ? ask : NULL;
}

/* Nobody is asked for what is refused all the same. */
static int check_ask(const struct desk *d, const struct act_request *r, struct act_result *out)
{
	const struct pool *p = &d->model.pools[r->pool];
	const struct interlock *i = &out->interlock;
	if (i->failing & ~(1u << PREDICATE_APPROVAL)) {
		out->status = ACT_REFUSED;
		return -1;
	}
	if (i->allowed)
		return act_refuse(
			out, ERR_USAGE, "nobody has to approve that: %s it", verb_row(r->asks)->word);
	if (p->plan.approver_count == 0)
		return act_refuse(out, ERR_APPROVAL, "%s", i->check[PREDICATE_APPROVAL].text);
	return 0;
}

/* What the asker's side would refuse is not signed in the first place. */
static int check_approve(
	const struct desk *d, const struct act_request *r, struct act_result *out)
{
	const struct pool *p = &d->model.pools[r->pool];
	struct approval_claim c;
	const struct decision *ask = approvals_asked(d, r, &c);
	enum approval_word word = APPROVAL_GOOD;
	if (!ask)
		return act_refuse(out, ERR_USAGE,
			"nobody asks '%.36s' of '%s' here; weir log --verb ask lists who does", r->of,
			p->name);
	if (approval_is_same(c.asker, d->actor) || strcmp(c.asker_key, d->model.key) == 0)
		word = APPROVAL_OWN;
	else if (!approval_is_listed(p->plan.approvers, p->plan.approver_count, d->model.key))
		word = APPROVAL_STRANGER;
	/* A pool that has not answered is known only by its name. */
	else if (p->pool_id[0] ? strcmp(p->pool_id, c.pool_id) != 0
						   : strcmp(p->name, ask->pool) != 0)
		word = APPROVAL_OTHER_POOL;
	else if (strcmp(c.plan, p->plan_hash[0] ? p->plan_hash : "-") != 0)
		word = APPROVAL_OTHER_PLAN;
	if (word == APPROVAL_GOOD)
		return 0;
	if (word == APPROVAL_OWN)
		return act_refuse(
			out, ERR_APPROVAL, "APPROVAL NOT VALID (own): ask another than '%.60s'", c.asker);
	return act_refuse(out, ERR_APPROVAL, "APPROVAL NOT VALID (%s): %.36s of '%s'",
		approval_name(word), r->of, p->name);
}

int approvals_check(const struct desk *d, const struct act_request *r, struct act_result *out)
{
	return (r->verb == VERB_ASK ? check_ask : check_approve)(d, r, out);
}

const struct decision *approvals_before(const struct desk *d, const struct act_request *r)
{
	const struct pool *p = &d->model.pools[r->pool];
	const struct intent want = act_intent(r);
	struct approval_want for_this;
	char what[APPROVAL_WHAT_MAX];
	approving_want(&for_this, what, &d->model, p, &want);
	return approving_asked(p, &for_this);
}

void approvals_ask(struct desk *d, const struct act_request *r, struct act_result *out)
{
	struct act_request ask = *r;
	struct act_result asked;
	if (out->err.code != ERR_NONE || r->role ||
		out->interlock.failing != 1u << PREDICATE_APPROVAL)
		return;
	ask.verb = VERB_ASK;
	ask.asks = r->verb;
	desk_act(d, &ask, d->now, &asked);
	if (asked.status == ACT_REFUSED)
		return;
	text_copy(out->asked, sizeof out->asked, asked.id);
}

/* ---- what is written down ---- */

void approvals_write_ask(struct text *t, const struct desk *d, const struct act_request *r)
{
	const struct pool *p = &d->model.pools[r->pool];
	const struct intent want = act_intent(r);
	struct approval_want for_this;
	char what[APPROVAL_WHAT_MAX];
	approving_want(&for_this, what, &d->model, p, &want);
	text_json_str(t, "what", what);
	text_json_str(t, "plan", for_this.plan);
	text_json_str(t, "asker_key", for_this.asker_key);
}

int approvals_sign(struct text *t, struct desk *d, const struct act_request *r, struct err *err)
{
	struct approval_claim c;
	char token[APPROVAL_TOKEN_MAX];
	const struct decision *ask = approvals_asked(d, r, &c);
	approval_evidence(c.evidence, ask);
	text_copy(c.approver, sizeof c.approver, d->actor);
	c.expires_ms = d->now.wall_ms + APPROVAL_MS;
	if (approval_sign(token, &c, d->how.key_dir, err) < 0)
		return -1;
	text_json_str(t, "of", ask->id);
	text_json_str(t, "what", c.what);
	text_json_str(t, "asker", c.asker);
	text_json_int(t, "valid_ms", APPROVAL_MS);
	text_json_str(t, "token", token);
	return 0;
}

void approvals_write_use(struct text *t, const struct desk *d, const struct act_request *r)
{
	const struct pool *p = &d->model.pools[r->pool];
	const struct intent want = act_intent(r);
	struct approval_want for_this;
	char what[APPROVAL_WHAT_MAX];
	enum approval_word word;
	approving_want(&for_this, what, &d->model, p, &want);
	const struct approval *a = approving_best(&d->model, p, &for_this, &word);
	if (word != APPROVAL_GOOD)
		return;
	text_json_key(t, "approval");
	text_add(t, "{");
	text_json_str(t, "hash", a->hash);
	text_json_str(t, "by", a->claim.approver);
	text_json_str(t, "key", a->claim.approver_key);
	text_add(t, "}");
}
