/* Prelude: what goes before an act's own command: lease, arm, the keep of the raise before it;
 * and the lowerings of a gradual rollback, which go before its last word.
 *
 * Invariants:
 * 1. Nothing here raises a share. What fails ends the act as NOT_SENT.
 * 2. A stage begins when every node has what the one before it asks: lease and arm are taken on
 *    all nodes, or the act does not go and a lease that was free before is given back.
 * 3. The act goes at the epoch and revision that the interlock judged, however newer the news
 *    have become meanwhile: a node that moved refuses it.
 * 4. A lowering that is not taken ends in the rollback itself, at once. */
#include "tui/desk_parts.h"

#include "model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS 4000    /* for one stage */
#define DOWN_EVERY_MS 10000 /* between two lowerings */
#define DOWN_LEAST_BP 100   /* below it there is but the rollback */

static const char *const tails[] = {
	[STAGE_LEASE] = "", [STAGE_ARM] = ".arm", [STAGE_KEEP] = ".keep", [STAGE_GO] = ""};

static void stage_begin(struct desk *d, struct flight *f);

static bool all_ready(const struct flight *f)
{
	for (int k = 0; k < f->leg_count; k++)
		if (!f->legs[k].ready)
			return false;
	return true;
}

/* Where not all nodes gave the lease, those that did get it back. */
static void give_back(struct desk *d, const struct flight *f)
{
	struct lease_request r = {.ttl_ms = 0};
	text_copy(r.actor, sizeof r.actor, d->actor);
	for (int k = 0; k < f->leg_count; k++) {
		const struct node *n = &d->model.pools[f->pool].nodes[k];
		if (f->legs[k].lent)
			client_lease(d->client, n->id, &r, d->now);
	}
}

static void not_sent(struct desk *d, struct flight *f, const struct err *why)
{
	char words[POOL_REASON_MAX];
	f->err = *why;
	if (f->stage == STAGE_LEASE)
		give_back(d, f);
	snprintf(words, sizeof words, "%s %.190s", err_name(why->code), why->text);
	flight_end(d, f, OUTCOME_NOT_SENT, words);
}

/* ---- stages ---- */

static bool needs_lease(enum act a)
{
	return act_is_forward(a) || a == ACT_ARM || a == ACT_FINALIZE;
}

/* Whether the node still lacks what the stage asks. */
static bool lacks(const struct desk *d, const struct flight *f, const struct node *n)
{
	const struct pool *p = &d->model.pools[f->pool];
	const struct snapshot *s = n->last;
	switch (f->stage) {
	case STAGE_LEASE:
		/* One's own is renewed, so that it lasts until the answer. */
		return s && s->lease.known;
	case STAGE_ARM:
		return f->verb == VERB_STEP && p->has_plan && s && strcmp(s->plan_hash, p->plan_hash) &&
			(s->share_bp == 0 || s->share_bp == s->baseline_bp);
	case STAGE_KEEP:
		return f->verb == VERB_STEP && f->act == ACT_RAISE && s && s->keep.on;
	default:
		return false;
	}
}

static void ask_lease(struct desk *d, struct flight *f, const struct node *n)
{
	struct lease_request r = {.ttl_ms = LEASE_TTL_MS};
	text_copy(r.actor, sizeof r.actor, d->actor);
	f->gave_lease = true;
	if (!client_lease(d->client, n->id, &r, d->now))
		f->legs[n->id & 0xffff].ready = true; /* this end has no leases */
}

static void ask_before(struct desk *d, struct flight *f, const struct node *n)
{
	const struct pool *p = &d->model.pools[f->pool];
	const struct leg *leg = &f->legs[n->id & 0xffff];
	struct command c = {.verb = f->stage == STAGE_ARM ? VERB_ARM : VERB_KEEP,
		.strategy = STRATEGY_COUNT,
		.from_bp = -1,
		.to_bp = -1,
		.baseline_bp = -1,
		.on_orphan = p->plan.on_orphan,
		.epoch = leg->epoch,
		.rev = leg->rev,
		.has_guard = f->stage == STAGE_ARM && guard_limits_any(&p->limits),
		.guard = p->limits};
	snprintf(c.id, sizeof c.id, "%.50s%s", f->id, tails[f->stage]);
	text_copy(c.actor, sizeof c.actor, d->actor);
	text_copy(c.plan_hash, sizeof c.plan_hash, p->plan_hash);
	if (d->history)
		history_head(d->history, c.history_head);
	if (!client_apply(d->client, n->id, &c, d->now)) {
		struct err why;
		err_set(&why, ERR_READ_ONLY, "'%s' takes no commands", n->target);
		not_sent(d, f, &why);
	}
}

static void stage_next(struct desk *d, struct flight *f)
{
	while (f->phase == FLIGHT_PREPARING && all_ready(f)) {
		if (f->stage == STAGE_LEASE && f->gave_lease)
			keeper_leased(d, f->pool);
		if (++f->stage == STAGE_GO) {
			leg_send_all(d, f);
			return;
		}
		stage_begin(d, f);
	}
}

static void stage_begin(struct desk *d, struct flight *f)
{
	const struct pool *p = &d->model.pools[f->pool];
	f->begun_ms = d->now.boot_ms;
	for (int k = 0; k < f->leg_count; k++)
		f->legs[k].ready = !lacks(d, f, &p->nodes[k]);
	for (int k = 0; k < f->leg_count && f->phase == FLIGHT_PREPARING; k++)
		if (!f->legs[k].ready)
			(f->stage == STAGE_LEASE ? ask_lease : ask_before)(d, f, &p->nodes[k]);
}

void prelude_begin(struct desk *d, struct flight *f)
{
	if (!verb_is(f->verb, VERB_LEASED) || !needs_lease(f->act)) {
		leg_send_all(d, f);
		return;
	}
	d->pools[f->pool].forward_ms = d->now.boot_ms;
	f->phase = FLIGHT_PREPARING;
	f->stage = STAGE_LEASE;
	for (int k = 0; k < f->leg_count; k++) {
		const struct snapshot *s = d->model.pools[f->pool].nodes[k].last;
		f->legs[k].epoch = s ? s->epoch : UNKNOWN;
		f->legs[k].rev = s ? s->rev : UNKNOWN;
	}
	stage_begin(d, f);
	stage_next(d, f);
}

/* ---- answers ---- */

/* The node moved on between the second look and this answer: what was judged is no more. */
static bool has_moved(
	const struct leg *leg, const struct answer *a, const struct node *n, struct err *why)
{
	if (a->rev == UNKNOWN || (a->rev == leg->rev && a->epoch == leg->epoch))
		return false;
	err_set(why, ERR_CHANGED, "'%s' was changed meanwhile: revision %lld.%lld", n->target,
		(long long)a->epoch, (long long)a->rev);
	return true;
}

static void take_answer(struct desk *d, struct flight *f, const struct driver_event *e)
{
	struct leg *leg = &f->legs[e->node & 0xffff];
	const struct answer *a = e->answer;
	struct err why = {0};
	if (f->phase != FLIGHT_PREPARING || leg->ready)
		return;
	if (a->kind != ANSWER_APPLIED) {
		not_sent(d, f, &a->err);
		return;
	}
	const struct node *n = model_node(&d->model, e->node);
	leg->lent = f->stage == STAGE_LEASE && n->last && !n->last->lease.holder[0];
	if (has_moved(leg, a, n, &why)) {
		not_sent(d, f, &why);
		return;
	}
	leg->ready = true;
	stage_next(d, f);
}

void prelude_lease(struct desk *d, const struct driver_event *e)
{
	int pool = (int)(e->node >> 16) - 1;
	/* What was given back is no lease. */
	if (e->ttl_ms == 0)
		return;
	for (size_t i = 0; i < d->flight_count; i++) {
		struct flight *f = &d->flights[i];
		if (f->pool == pool && f->phase == FLIGHT_PREPARING && f->stage == STAGE_LEASE) {
			take_answer(d, f, e);
			return;
		}
	}
}

static void lowered(struct desk *d, struct flight *f, const struct driver_event *e);

bool prelude_answer(struct desk *d, const struct driver_event *e)
{
	char id[DECISION_ID_MAX];
	const char *dot = strrchr(e->intent, '.');
	if (!dot || (size_t)(dot - e->intent) >= sizeof id)
		return false;
	snprintf(id, sizeof id, "%.*s", (int)(dot - e->intent), e->intent);
	struct flight *f = flight_find(d, id);
	if (!f || (int)(e->node & 0xffff) >= f->leg_count)
		return false;
	if (f->phase == FLIGHT_LOWERING)
		lowered(d, f, e);
	else if (f->stage != STAGE_LEASE && strcmp(dot, tails[f->stage]) == 0)
		take_answer(d, f, e);
	return true;
}

/* ---- going down in steps ---- */

static int lower_bp(const struct pool *p, const struct flight *f)
{
	int now_bp = p->standing.reported_bp, next_bp = now_bp / 2;
	/* By the plan's own shares where it has some below; else by halves. */
	for (int i = 0; i < p->plan.step_count; i++)
		if (p->plan.steps[i].share_bp < now_bp)
			next_bp = p->plan.steps[i].share_bp;
	return next_bp > f->to_bp && next_bp >= DOWN_LEAST_BP ? next_bp : -1;
}

/* The rollback itself, which asks for no revision. */
static void last_word(struct desk *d, struct flight *f)
{
	f->request.gradual = false;
	for (int k = 0; k < f->leg_count; k++)
		f->legs[k].epoch = f->legs[k].rev = UNKNOWN;
	leg_send_all(d, f);
}

/* Somebody else rolled back meanwhile, or took the lease: what is there now is not what was to
 * go down slowly. */
static bool is_passed(const struct desk *d, const struct flight *f)
{
	const struct pool *p = &d->model.pools[f->pool];
	for (int k = 0; k < f->leg_count; k++) {
		const struct snapshot *s = p->nodes[k].last;
		if (s && f->legs[k].epoch != UNKNOWN && s->epoch != f->legs[k].epoch)
			return true;
	}
	return false;
}

void prelude_lower(struct desk *d, struct flight *f)
{
	const struct pool *p = &d->model.pools[f->pool];
	int to_bp = lower_bp(p, f);
	for (int k = 0; k < f->leg_count && f->down == 0; k++)
		f->legs[k].epoch = p->nodes[k].last ? p->nodes[k].last->epoch : UNKNOWN;
	f->phase = FLIGHT_LOWERING;
	f->down_due_ms = d->now.boot_ms + DOWN_EVERY_MS;
	f->down++;
	/* Where not every node says the same there is no slow way. */
	if (!f->request.gradual || to_bp < 0 || is_passed(d, f) ||
		p->standing.freshness > FRESHNESS_LATE) {
		last_word(d, f);
		return;
	}
	for (int k = 0; k < f->leg_count; k++) {
		const struct snapshot *s = p->nodes[k].last;
		struct command c = {.verb = VERB_STEP,
			.from_bp = s->share_bp,
			.to_bp = to_bp,
			.strategy = STRATEGY_COUNT,
			.epoch = s->epoch,
			.rev = s->rev};
		snprintf(c.id, sizeof c.id, "%.50s.d%d", f->id, f->down);
		text_copy(c.actor, sizeof c.actor, d->actor);
		text_copy(c.reason, sizeof c.reason, "going back in steps");
		text_copy(c.plan_hash, sizeof c.plan_hash, p->plan_hash);
		f->legs[k].ready = false;
		client_apply(d->client, p->nodes[k].id, &c, d->now);
	}
}

static void lowered(struct desk *d, struct flight *f, const struct driver_event *e)
{
	if (e->answer->kind != ANSWER_APPLIED) {
		last_word(d, f);
		return;
	}
	f->legs[e->node & 0xffff].ready = true;
}

/* ---- time ---- */

void prelude_turn(struct desk *d, struct flight *f)
{
	if (f->phase == FLIGHT_PREPARING && d->now.boot_ms - f->begun_ms >= PATIENCE_MS) {
		struct err why;
		err_set(
			&why, ERR_SLOW, "no answer to what goes before it within %d s", PATIENCE_MS / 1000);
		not_sent(d, f, &why);
	} else if (f->phase == FLIGHT_LOWERING &&
		(!f->request.gradual || is_passed(d, f) || d->now.boot_ms >= f->down_due_ms)) {
		if (f->request.gradual && all_ready(f))
			prelude_lower(d, f);
		else
			last_word(d, f);
	}
}

int64_t prelude_due_ms(const struct flight *f)
{
	if (f->phase == FLIGHT_PREPARING)
		return f->begun_ms + PATIENCE_MS;
	return f->phase == FLIGHT_LOWERING ? f->down_due_ms : UNKNOWN;
}
