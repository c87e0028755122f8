/* Legs: an act's way to one node: sent, answered, asked for when the answer was lost. What the
 * legs come to together is the flight's. */
#include "tui/desk_parts.h"

#include "model/text.h"

#include <string.h>

#define RETRY_MIN_MS 250
#define RETRY_MAX_MS 30000

/* Steps from 0.25 s to 30 s, each doubled and jittered by half. */
int64_t leg_retry_delay(struct desk *d, int tries)
{
	int64_t base = RETRY_MIN_MS;
	for (int i = 1; i < tries && base < RETRY_MAX_MS; i++)
		base *= 2;
	base = base < RETRY_MAX_MS ? base : RETRY_MAX_MS;
	return base / 2 + (int64_t)(desk_random(d) % (uint64_t)(base / 2 + 1));
}

/* ---- what is asked ---- */

/* Under a plan that bakes a raise goes back unless it is kept, and the pool guards it. */
static void order_raise(struct command *c, const struct pool *p)
{
	if (!p->has_plan || policy_is_manual(&p->plan.policy))
		return;
	c->keep_within_ms = p->plan.policy.bake ? p->plan.bake_ms + KEEP_SPARE_MS : 0;
	c->has_guard = guard_limits_any(&p->limits);
	c->guard = p->limits;
}

static void order(struct desk *d, struct flight *f, const struct decision *what)
{
	const struct pool *p = &d->model.pools[f->pool];
	const struct act_request *r = &f->request;
	struct command *c = &f->order;
	*c = (struct command){.verb = f->verb,
		.from_bp = what->from_bp,
		.to_bp = f->to_bp,
		.strategy = r->has_strategy ? r->strategy : STRATEGY_COUNT,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.has_operations = f->verb == VERB_OPERATIONS,
		.operations = r->operations,
		.baseline_bp = r->has_baseline ? r->baseline_bp : -1,
		.on_orphan = p->plan.on_orphan,
		.act = r->act,
		.for_ms = r->for_ms,
		.drain = r->drain,
		.drains = r->drains,
		.ttl_ms = LEASE_TTL_MS};
	text_copy(c->id, sizeof c->id, f->id);
	text_copy(c->actor, sizeof c->actor, what->actor);
	text_copy(c->reason, sizeof c->reason, what->reason);
	text_copy(c->plan_hash, sizeof c->plan_hash, p->plan_hash);
	if (f->verb == VERB_STEP && f->act != ACT_LOWER)
		order_raise(c, p);
	if (f->verb == VERB_ARM) {
		c->has_guard = guard_limits_any(&p->limits);
		c->guard = p->limits;
	}
	if (d->history)
		history_head(d->history, c->history_head);
	f->sent = true;
}

/* ---- sending ---- */

/* The node's epoch and revision as it last said, or as they were when what goes before the act
 * began. */
static void match(const struct node *n, const struct leg *leg, struct command *c)
{
	c->epoch = leg->epoch != UNKNOWN ? leg->epoch : n->last ? n->last->epoch : UNKNOWN;
	c->rev = leg->epoch != UNKNOWN ? leg->rev : n->last ? n->last->rev : UNKNOWN;
}

void leg_send(struct desk *d, struct flight *f, int k)
{
	struct pool *p = &d->model.pools[f->pool];
	const struct node *n = &p->nodes[k];
	struct leg *leg = &f->legs[k];
	const struct decision *what = flight_decision(d, f);
	if (!what)
		return;
	const bool twin = d->pools[f->pool].twins >> k & 1;
	/* Whoever answers there now is another pool: it is not ours to roll back. */
	if (n->foreign && !(twin && verb_is_brake(f->verb))) {
		leg->state = verb_is_brake(f->verb) ? LEG_WAITING : LEG_REFUSED;
		leg->due_ms = d->now.boot_ms + leg_retry_delay(d, ++leg->tries);
		leg->answer.kind = ANSWER_NOT_SENT;
		leg->answer.err = n->trouble;
		return;
	}
	if (!f->sent)
		order(d, f, what);
	struct command c = f->order;
	match(n, leg, &c);
	leg->state = LEG_SENT;
	leg->tries++;
	if (!client_apply(d->client, n->id, &c, d->now)) {
		leg->state = LEG_REFUSED;
		leg->answer.kind = ANSWER_NOT_SENT;
		err_set(&leg->answer.err, ERR_READ_ONLY, "'%s' takes no commands", n->target);
	}
}

/* A step that only some nodes took goes to those that lack it, a drain to the node it is of. */
static bool has_it(const struct flight *f, const struct node *n)
{
	if (f->verb == VERB_DRAIN)
		return f->request.node[0] && (!n->last || strcmp(n->last->node_id, f->request.node));
	return f->act == ACT_COMPLETE && f->verb == VERB_STEP && n->last &&
		n->last->share_bp == f->to_bp;
}

void leg_send_all(struct desk *d, struct flight *f)
{
	const struct pool *p = &d->model.pools[f->pool];
	f->phase = FLIGHT_SENDING;
	for (int k = 0; k < f->leg_count; k++) {
		if (!has_it(f, &p->nodes[k])) {
			leg_send(d, f, k);
			continue;
		}
		f->legs[k].state = LEG_APPLIED;
		f->legs[k].watch = (struct watch){.answered = true,
			.at = d->now,
			.epoch = UNKNOWN,
			.rev = UNKNOWN,
			.seen = f->verb == VERB_DRAIN};
	}
	flight_settle(d, f);
}

/* ---- answers ---- */

static int leg_of(const struct flight *f, uint64_t node)
{
	int k = (int)(node & 0xffff);
	return k < f->leg_count ? k : -1;
}

/* Where a rollback arrived is what orders it among the changes of others: it may have been
 * decided on an epoch long before. */
static void place(struct desk *d, const struct flight *f, const struct answer *a)
{
	const struct decision *known = flight_decision(d, f);
	if (f->verb != VERB_ROLLBACK || !known || a->epoch == UNKNOWN || a->rev == UNKNOWN)
		return;
	struct decision copy = *known;
	copy.epoch = a->epoch - 1;
	copy.rev = a->rev - 1;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = f->pool, .decision = &copy});
}

void leg_applied(struct desk *d, struct flight *f, int k)
{
	struct leg *leg = &f->legs[k];
	const struct answer *a = &leg->answer;
	leg->state = LEG_APPLIED;
	leg->watch = (struct watch){.answered = true,
		.at = d->now,
		.epoch = a->epoch,
		.rev = a->rev,
		.drain = f->request.drain,
		.drains = f->request.drains};
	if (k == 0)
		place(d, f, a);
	/* It did another thing than asked: whoever waits for the share waits in vain. */
	if (a->err.code == ERR_APPLIED_AS)
		f->err = a->err;
	flight_tell(d, f, OUTCOME_ROW_NODE, k, OUTCOME_APPLIED,
		a->err.code       ? a->err.text
			: a->replayed ? "replayed"
			: a->durable  ? ""
						  : "not stored by the pool");
	client_poll_now(d->client, d->model.pools[f->pool].nodes[k].id, d->now);
}

/* A brake is pressed again and again; the fate of anything else is asked for. */
static void lost(struct desk *d, struct flight *f, struct leg *leg)
{
	/* Another process sent this very brake, with its own words around it: what came of it is
	 * what the pool knows of the key. */
	if (verb_is_brake(f->verb) && leg->answer.err.code != ERR_KEY_REUSED) {
		leg->state = LEG_WAITING;
		leg->due_ms = d->now.boot_ms + leg_retry_delay(d, leg->tries);
		return;
	}
	leg->state = LEG_ASKING;
	leg->asked = false;
	leg->due_ms = d->now.boot_ms;
	leg->tries = 0;
	/* No row of the history: what this process believes. */
	const struct decision *known = flight_decision(d, f);
	if (!known || known->outcome != OUTCOME_PENDING)
		return;
	struct decision copy = *known;
	copy.outcome = OUTCOME_UNRESOLVED;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = f->pool, .decision = &copy});
}

/* A brake that a pool does not take is pressed again, unless it said that this key never
 * applies: then the next press needs another one. A pool that can keep no hold never will. */
static bool is_final(const struct flight *f, enum err_code why)
{
	return !verb_is_brake(f->verb) || why == ERR_FINALIZED || why == ERR_VOID ||
		(f->verb == VERB_HOLD && why == ERR_LIMIT);
}

/* A refusal leaves no key at the pool: where its reason may pass, a copy still on its way could
 * apply then. Voided, it never does. */
static void spend(struct desk *d, const struct flight *f, int k, enum err_code why)
{
	static const enum err_code passing[] = {
		ERR_HELD, ERR_UNKEPT, ERR_LEASE, ERR_DISK, ERR_LIMIT};
	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (passing[i] == why && !verb_is_brake(f->verb))
			client_resolve(d->client, d->model.pools[f->pool].nodes[k].id, f->id, d->now);
}

void leg_answer(struct desk *d, const struct driver_event *e)
{
	if (prelude_answer(d, e))
		return;
	struct flight *f = flight_find(d, e->intent);
	int k = f ? leg_of(f, e->node) : -1;
	if (k < 0 || f->legs[k].state != LEG_SENT)
		return;
	struct leg *leg = &f->legs[k];
	leg->answer = *e->answer;
	switch (e->answer->kind) {
	case ANSWER_APPLIED:
		leg_applied(d, f, k);
		break;
	case ANSWER_LOST:
		lost(d, f, leg);
		break;
	case ANSWER_NOT_SENT:
	case ANSWER_REFUSED:
		if (!is_final(f, e->answer->err.code)) {
			lost(d, f, leg);
			break;
		}
		leg->state = LEG_REFUSED;
		flight_tell(d, f, OUTCOME_ROW_NODE, k,
			e->answer->kind == ANSWER_NOT_SENT ? OUTCOME_NOT_SENT : OUTCOME_REFUSED,
			e->answer->err.text);
		if (e->answer->kind == ANSWER_REFUSED)
			spend(d, f, k, e->answer->err.code);
		break;
	default:
		break;
	}
	flight_settle(d, f);
}

void leg_resolved(struct desk *d, const struct driver_event *e)
{
	struct flight *f = flight_find(d, e->intent);
	int k = f ? leg_of(f, e->node) : -1;
	if (k < 0 || f->legs[k].state != LEG_ASKING)
		return;
	struct leg *leg = &f->legs[k];
	leg->asked = false;
	leg->due_ms = d->now.boot_ms + leg_retry_delay(d, leg->tries);
	switch (e->answer->kind) {
	case ANSWER_APPLIED:
		leg->answer = *e->answer;
		if (f->verb == VERB_STEP && e->answer->share_bp >= 0 && e->answer->share_bp != f->to_bp)
			err_set(&leg->answer.err, ERR_APPLIED_AS, "applied as %.4g %%, asked %.4g %%",
				e->answer->share_bp / 100.0, f->to_bp / 100.0);
		leg_applied(d, f, k);
		break;
	case ANSWER_VOID:
	case ANSWER_SUPERSEDED:
		leg->answer = *e->answer;
		leg->state = LEG_REFUSED;
		if (e->answer->kind == ANSWER_VOID)
			err_set(&leg->answer.err, ERR_VOID, "never applied, and voided at the pool");
		else
			err_set(&leg->answer.err, ERR_EPOCH, "applied, then superseded by a later change");
		flight_tell(d, f, OUTCOME_ROW_NODE, k,
			e->answer->kind == ANSWER_VOID ? OUTCOME_VOID : OUTCOME_SUPERSEDED,
			leg->answer.err.text);
		break;
	default:
		break; /* asked again when due */
	}
	flight_settle(d, f);
}

/* ---- time ---- */

void leg_turn(struct desk *d, struct flight *f)
{
	for (int k = 0; k < f->leg_count; k++) {
		struct leg *leg = &f->legs[k];
		if (leg->due_ms > d->now.boot_ms)
			continue;
		if (leg->state == LEG_WAITING) {
			leg_send(d, f, k);
		} else if (leg->state == LEG_ASKING && !leg->asked) {
			leg->tries++;
			leg->due_ms = d->now.boot_ms + leg_retry_delay(d, leg->tries);
			leg->asked =
				client_resolve(d->client, d->model.pools[f->pool].nodes[k].id, f->id, d->now);
		}
	}
	flight_settle(d, f);
}
