/* Flights: acts under way, from the recorded intent to the verified effect. Each node has a leg
 * of its own; reachable nodes never wait for others.
 *
 * Invariants:
 * 1. A forward act is sent only from `committed`, after the interlock held once more; each leg
 * once.
 * 2. A leg whose answer was lost is asked for until the pool says what became of it.
 * 3. A rollback's legs are retried with the same key and body until applied, 0.25 s to 30 s
 *    apart.
 * 4. A flight is done when its effect was seen on every node, finally did not happen, or (a
 * rollback never) was acknowledged and not seen. */
#include "tui/desk_parts.h"

#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_LIMIT_MS 2000 /* a forward act that is not recorded by then is cancelled */
#define BRAKE_DELAY_MS 250   /* a rollback leaves by then, recorded or not */
#define RETRY_MIN_MS 250
#define RETRY_MAX_MS 30000
#define FLIGHTS_KEPT 64
#define WATCH_LIMIT_MS \
	10000                    /* a forward act that is acknowledged is seen by then, or never \
	                          */
#define FOUND_AGE_MS 5000    /* an open intent this old has no living sender, unless */
#define FOUND_BRAKE_MS 60000 /* it is a brake, whose sender may rest for half a minute */

struct flight *flight_find(const struct desk *d, const char *id)
{
	for (size_t i = 0; i < d->flight_count; i++)
		if (strcmp(d->flights[i].id, id) == 0)
			return &d->flights[i];
	return NULL;
}

void flight_release(struct flight *f)
{
	free(f->legs);
	f->legs = NULL;
}

bool flight_is_brake(enum verb v)
{
	return v == VERB_ROLLBACK || v == VERB_HOLD;
}

/* A console that runs for weeks keeps only what is under way and the last acts. */
static void prune(struct desk *d)
{
	size_t kept = 0,
		   extra = d->flight_count > FLIGHTS_KEPT ? d->flight_count - FLIGHTS_KEPT : 0;
	for (size_t i = 0; i < d->flight_count; i++) {
		if (extra > 0 && d->flights[i].phase == FLIGHT_DONE) {
			flight_release(&d->flights[i]);
			extra--;
			continue;
		}
		d->flights[kept++] = d->flights[i];
	}
	d->flight_count = kept;
}

static void progress(struct desk *d, const struct flight *f)
{
	uint64_t unseen = 0;
	for (int k = 0; k < f->leg_count; k++)
		unseen |= (uint64_t)!f->legs[k].watch.seen << k;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_PROGRESS, .pool = f->pool, .nodes = unseen});
}

struct flight *flight_add(struct desk *d, int pool, const struct decision *what)
{
	prune(d);
	mem_grow(&d->flights, &d->flight_cap, d->flight_count + 1, sizeof *d->flights);
	struct flight *f = &d->flights[d->flight_count++];
	memset(f, 0, sizeof *f);
	text_copy(f->id, sizeof f->id, what->id);
	f->pool = pool;
	f->verb = what->verb;
	f->to_bp = what->to_bp;
	f->begun_ms = d->now.boot_ms;
	f->leg_count = d->model.pools[pool].node_count;
	f->legs = mem_new((size_t)f->leg_count, sizeof *f->legs);
	progress(d, f);
	return f;
}

const struct decision *flight_decision(const struct desk *d, const struct flight *f)
{
	return pool_decision(&d->model.pools[f->pool], f->id);
}

/* ---- what is told ---- */

static void tell(struct desk *d, const struct flight *f, enum outcome_row_kind row, int leg,
	enum outcome_kind kind, const char *answer)
{
	const struct pool *p = &d->model.pools[f->pool];
	struct outcome_row r = {
		.row = row, .kind = kind, .at_ms = d->now.wall_ms, .latency_ms = UNKNOWN};
	text_copy(r.decision, sizeof r.decision, f->id);
	text_copy(r.answer, sizeof r.answer, answer);
	if (leg >= 0) {
		const struct node *n = &p->nodes[leg];
		text_copy(r.node, sizeof r.node, n->last ? n->last->node : n->target);
		r.latency_ms = f->legs[leg].answer.latency_ms;
	} else if (row == OUTCOME_ROW_FINAL && f->leg_count == 1 &&
		f->legs[0].state == LEG_APPLIED) {
		r.latency_ms = f->legs[0].answer.latency_ms;
	}
	if (d->history)
		history_outcome(d->history, &r);
	if (row != OUTCOME_ROW_NODE)
		desk_apply(
			d, &(struct model_event){.kind = MODEL_OUTCOME, .pool = f->pool, .outcome = &r});
}

/* Marks the decision as sent but unanswered: no row of the history, what this process believes.
 */
static void believe_unresolved(struct desk *d, const struct flight *f)
{
	const struct decision *known = flight_decision(d, f);
	if (!known || known->outcome != OUTCOME_PENDING)
		return;
	struct decision copy = *known;
	copy.outcome = OUTCOME_UNRESOLVED;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = f->pool, .decision = &copy});
}

static void end(struct desk *d, struct flight *f, enum outcome_kind kind, const char *why)
{
	tell(d, f, OUTCOME_ROW_FINAL, -1, kind, why);
	f->phase = FLIGHT_DONE;
}

/* ---- sending ---- */

/* Steps from 0.25 s to 30 s, each doubled and jittered by half. */
static int64_t retry_delay(struct desk *d, int tries)
{
	int64_t base = RETRY_MIN_MS;
	for (int i = 1; i < tries && base < RETRY_MAX_MS; i++)
		base *= 2;
	base = base < RETRY_MAX_MS ? base : RETRY_MAX_MS;
	return base / 2 + (int64_t)(desk_random(d) % (uint64_t)(base / 2 + 1));
}

static void send_leg(struct desk *d, struct flight *f, int k)
{
	struct pool *p = &d->model.pools[f->pool];
	const struct node *n = &p->nodes[k];
	const struct decision *what = flight_decision(d, f);
	if (!what)
		return;
	struct command c = {.verb = f->verb,
		.from_bp = what->from_bp,
		.to_bp = f->to_bp,
		.strategy = STRATEGY_COUNT,
		.epoch = n->last ? n->last->epoch : UNKNOWN,
		.rev = n->last ? n->last->rev : UNKNOWN};
	text_copy(c.id, sizeof c.id, f->id);
	text_copy(c.actor, sizeof c.actor, what->actor);
	text_copy(c.reason, sizeof c.reason, what->reason);
	text_copy(c.plan_hash, sizeof c.plan_hash, p->plan_hash);
	/* Whoever answers there now is another pool: it is not ours to roll back. */
	if (n->foreign) {
		struct leg *leg = &f->legs[k];
		leg->state = LEG_WAITING;
		leg->due_ms = d->now.boot_ms + retry_delay(d, ++leg->tries);
		leg->answer.kind = ANSWER_NOT_SENT;
		leg->answer.err = n->trouble;
		return;
	}
	/* A pool takes the key of a retry only with the body that it came with first. */
	if (!f->sent && d->history)
		history_head(d->history, f->head);
	f->sent = true;
	text_copy(c.history_head, sizeof c.history_head, f->head);
	struct leg *leg = &f->legs[k];
	leg->state = LEG_SENT;
	leg->sent_ms = d->now.boot_ms;
	leg->tries++;
	if (!client_apply(d->client, n->id, &c, d->now)) {
		leg->state = LEG_REFUSED;
		leg->answer.kind = ANSWER_NOT_SENT;
		err_set(&leg->answer.err, ERR_READ_ONLY, "'%s' takes no commands", n->target);
	}
}

static void send_all(struct desk *d, struct flight *f)
{
	f->phase = FLIGHT_SENDING;
	for (int k = 0; k < f->leg_count; k++)
		send_leg(d, f, k);
}

/* ---- settling: from the legs to the decision ---- */

static int legs_in(const struct flight *f, enum leg_state s)
{
	int n = 0;
	for (int k = 0; k < f->leg_count; k++)
		n += f->legs[k].state == s;
	return n;
}

static void settle(struct desk *d, struct flight *f)
{
	int applied = legs_in(f, LEG_APPLIED), refused = legs_in(f, LEG_REFUSED);
	if (f->phase != FLIGHT_SENDING || applied + refused < f->leg_count)
		return;
	if (applied == f->leg_count) {
		char words[POOL_REASON_MAX];
		snprintf(words, sizeof words, "%d of %d nodes", applied, f->leg_count);
		tell(d, f, OUTCOME_ROW_FINAL, -1, OUTCOME_APPLIED, words);
		f->phase = FLIGHT_WATCHING;
		progress(d, f);
		return;
	}
	const struct leg *why = f->legs;
	for (int k = 0; k < f->leg_count; k++)
		if (f->legs[k].state == LEG_REFUSED)
			why = &f->legs[k];
	f->err = why->answer.err;
	char words[POOL_REASON_MAX];
	if (applied > 0)
		snprintf(
			words, sizeof words, "PARTIAL %d/%d: %.160s", applied, f->leg_count, f->err.text);
	else
		snprintf(words, sizeof words, "%s%s%.180s", err_name(f->err.code),
			f->err.code ? " " : "", f->err.text);
	enum outcome_kind kind = why->answer.kind == ANSWER_NOT_SENT ? OUTCOME_NOT_SENT
		: why->answer.kind == ANSWER_VOID                        ? OUTCOME_VOID
		: why->answer.kind == ANSWER_SUPERSEDED                  ? OUTCOME_SUPERSEDED
																 : OUTCOME_REFUSED;
	end(d, f, kind, words);
}

static void leg_applied(struct desk *d, struct flight *f, int k)
{
	struct leg *leg = &f->legs[k];
	const struct answer *a = &leg->answer;
	leg->state = LEG_APPLIED;
	leg->watch =
		(struct watch){.answered = true, .at = d->now, .epoch = a->epoch, .rev = a->rev};
	tell(d, f, OUTCOME_ROW_NODE, k, OUTCOME_APPLIED,
		a->replayed      ? "replayed"
			: a->durable ? ""
						 : "not stored by the pool");
	client_poll_now(d->client, d->model.pools[f->pool].nodes[k].id, d->now);
}

static int leg_of(const struct flight *f, uint64_t node)
{
	int k = (int)(node & 0xffff);
	return k < f->leg_count ? k : -1;
}

/* A brake is pressed again and again; a step's fate is asked for. */
static void leg_lost(struct desk *d, struct flight *f, struct leg *leg)
{
	if (flight_is_brake(f->verb)) {
		leg->state = LEG_WAITING;
		leg->due_ms = d->now.boot_ms + retry_delay(d, leg->tries);
		return;
	}
	leg->state = LEG_ASKING;
	leg->asked = false;
	leg->due_ms = d->now.boot_ms;
	leg->tries = 0;
	believe_unresolved(d, f);
}

/* A brake that a pool does not take is pressed again, unless it said that this key never
 * applies: then the next press needs another one. */
static bool is_final(const struct flight *f, enum err_code why)
{
	return !flight_is_brake(f->verb) || why == ERR_FINALIZED || why == ERR_VOID;
}

void flight_answer(struct desk *d, const struct driver_event *e)
{
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
		leg_lost(d, f, leg);
		break;
	case ANSWER_NOT_SENT:
	case ANSWER_REFUSED:
		if (!is_final(f, e->answer->err.code)) {
			leg_lost(d, f, leg);
			break;
		}
		leg->state = LEG_REFUSED;
		tell(d, f, OUTCOME_ROW_NODE, k,
			e->answer->kind == ANSWER_NOT_SENT ? OUTCOME_NOT_SENT : OUTCOME_REFUSED,
			e->answer->err.text);
		break;
	default:
		break;
	}
	settle(d, f);
}

void flight_resolved(struct desk *d, const struct driver_event *e)
{
	struct flight *f = flight_find(d, e->intent);
	int k = f ? leg_of(f, e->node) : -1;
	if (k < 0 || f->legs[k].state != LEG_ASKING)
		return;
	struct leg *leg = &f->legs[k];
	leg->asked = false;
	leg->due_ms = d->now.boot_ms + retry_delay(d, leg->tries);
	switch (e->answer->kind) {
	case ANSWER_APPLIED:
		leg->answer = *e->answer;
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
		tell(d, f, OUTCOME_ROW_NODE, k,
			e->answer->kind == ANSWER_VOID ? OUTCOME_VOID : OUTCOME_SUPERSEDED,
			leg->answer.err.text);
		break;
	default:
		break; /* asked again when due */
	}
	settle(d, f);
}

/* Others may undo what was acknowledged before anyone saw it. A rollback is watched without
 * end; the rest stays unverified once the pool has had its time. */
static void stop_watching(struct desk *d, struct flight *f, int k)
{
	if (f->verb == VERB_ROLLBACK ||
		d->now.boot_ms - f->legs[k].watch.at.boot_ms < WATCH_LIMIT_MS)
		return;
	err_set(&f->err, ERR_NOT_SEEN, "acknowledged, not seen on every node within %d s",
		WATCH_LIMIT_MS / 1000);
	f->phase = FLIGHT_DONE;
}

/* A pool that answers again is tried at once, not when the distance of the retries says so. */
static void hurry(struct desk *d, struct leg *leg)
{
	if (leg->state == LEG_WAITING && leg->answer.kind == ANSWER_NOT_SENT)
		leg->due_ms = d->now.boot_ms;
}

void flight_observe(struct desk *d, uint64_t node, const struct snapshot *s)
{
	int pool = (int)(node >> 16) - 1;
	for (size_t i = 0; i < d->flight_count; i++) {
		struct flight *f = &d->flights[i];
		int k = leg_of(f, node);
		if (f->pool != pool || k < 0)
			continue;
		if (f->phase == FLIGHT_SENDING)
			hurry(d, &f->legs[k]);
		if (f->phase != FLIGHT_WATCHING)
			continue;
		struct watch *w = &f->legs[k].watch;
		if (w->seen)
			continue;
		if (!watch_observe(w, f->verb, f->to_bp, s, d->now)) {
			stop_watching(d, f, k);
			continue;
		}
		progress(d, f);
		int unseen = 0;
		for (int n = 0; n < f->leg_count; n++)
			unseen += !f->legs[n].watch.seen;
		if (unseen > 0)
			continue;
		char words[32];
		snprintf(words, sizeof words, "%d/%d", f->leg_count, f->leg_count);
		tell(d, f, OUTCOME_ROW_VERIFIED, -1, OUTCOME_APPLIED, words);
		f->phase = FLIGHT_DONE;
	}
}

/* ---- the record's word ---- */

static void judge_again(struct desk *d, struct flight *f)
{
	struct interlock_facts facts;
	pool_facts(&d->model, &d->model.pools[f->pool], f->verb, f->to_bp, f->shown_epoch,
		f->shown_rev, &facts);
	/* Its own intent is open; a brake that was pressed meanwhile is another one. */
	const struct pool *p = &d->model.pools[f->pool];
	int open = p->standing.open;
	facts.open_intent = open >= 0 && strcmp(p->decisions[open].id, f->id) != 0;
	interlock_evaluate(&f->interlock, &facts);
}

void flight_committed(struct desk *d, const char *id)
{
	struct flight *f = flight_find(d, id);
	if (!f)
		return;
	f->recorded = true;
	if (f->phase != FLIGHT_RECORDING)
		return;
	if (f->verb == VERB_ANNOTATE) {
		end(d, f, OUTCOME_APPLIED, "");
		return;
	}
	if (!flight_is_brake(f->verb)) {
		judge_again(d, f);
		if (!f->interlock.allowed) {
			char why[POOL_REASON_MAX];
			interlock_summary(why, sizeof why, &f->interlock);
			end(d, f, OUTCOME_NOT_SENT, why);
			return;
		}
	}
	send_all(d, f);
}

/* The intent could not be committed. */
void flight_unrecorded(struct desk *d, const char *id, const struct err *err)
{
	struct flight *f = flight_find(d, id);
	if (!f || f->recorded || f->unrecorded)
		return;
	f->unrecorded = true;
	/* A brake is done all the same; anything else has not happened. */
	if (flight_is_brake(f->verb)) {
		d->unrecorded++;
		if (f->phase == FLIGHT_RECORDING)
			send_all(d, f);
		return;
	}
	if (f->phase != FLIGHT_RECORDING)
		return;
	err_set(&f->err, ERR_HISTORY, "%s", err->text);
	struct outcome_row r = {.row = OUTCOME_ROW_FINAL,
		.kind = OUTCOME_NOT_SENT,
		.at_ms = d->now.wall_ms,
		.latency_ms = UNKNOWN};
	text_copy(r.decision, sizeof r.decision, id);
	snprintf(r.answer, sizeof r.answer, "%s %.180s", err_name(ERR_HISTORY), err->text);
	desk_apply(d, &(struct model_event){.kind = MODEL_OUTCOME, .pool = f->pool, .outcome = &r});
	f->phase = FLIGHT_DONE;
}

/* ---- found open ---- */

void flight_adopt(struct desk *d, int pool, const struct decision *found)
{
	if (d->how.read_only || d->how.passive || found->observed || flight_find(d, found->id))
		return;
	bool open = decision_is_open(found), unseen = decision_awaits_verification(found);
	if (!open && !unseen)
		return;
	struct flight *f = flight_add(d, pool, found);
	f->recorded = true;
	f->phase = FLIGHT_FOUND;
	if (unseen) {
		f->phase = FLIGHT_WATCHING;
		for (int k = 0; k < f->leg_count; k++) {
			f->legs[k].state = LEG_APPLIED;
			f->legs[k].watch = (struct watch){
				.answered = true, .at = d->now, .epoch = UNKNOWN, .rev = UNKNOWN};
		}
		progress(d, f);
		return;
	}
	struct decision copy = *found;
	copy.outcome = OUTCOME_UNRESOLVED;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = pool, .decision = &copy});
}

static void take_up(struct desk *d, struct flight *f)
{
	const struct decision *what = flight_decision(d, f);
	const struct pool *p = &d->model.pools[f->pool];
	if (!what || !decision_is_open(what)) {
		f->phase = FLIGHT_DONE;
		return;
	}
	int64_t age = d->now.wall_ms - what->at_ms;
	bool moved = false;
	for (int k = 0; k < p->node_count; k++) {
		const struct snapshot *s = p->nodes[k].last;
		if (!s || p->nodes[k].foreign)
			return;
		moved |= reconcile_open(what, s->epoch, s->rev) != RECONCILE_RESEND;
	}
	if (age < (flight_is_brake(f->verb) && moved ? FOUND_BRAKE_MS : FOUND_AGE_MS))
		return;
	f->phase = FLIGHT_SENDING;
	for (int k = 0; k < f->leg_count; k++) {
		const struct snapshot *s = p->nodes[k].last;
		if (reconcile_open(what, s->epoch, s->rev) == RECONCILE_RESEND) {
			send_leg(d, f, k);
			continue;
		}
		/* A rollback that the pool has moved past is asked for too, never sent again: it must
		 * not undo what came after it. */
		f->legs[k].state = LEG_ASKING;
		f->legs[k].due_ms = d->now.boot_ms;
	}
}

/* ---- time ---- */

static void turn_legs(struct desk *d, struct flight *f)
{
	for (int k = 0; k < f->leg_count; k++) {
		struct leg *leg = &f->legs[k];
		if (leg->due_ms > d->now.boot_ms)
			continue;
		if (leg->state == LEG_WAITING) {
			send_leg(d, f, k);
		} else if (leg->state == LEG_ASKING && !leg->asked) {
			leg->tries++;
			leg->due_ms = d->now.boot_ms + retry_delay(d, leg->tries);
			leg->asked =
				client_resolve(d->client, d->model.pools[f->pool].nodes[k].id, f->id, d->now);
		}
	}
	settle(d, f);
}

static void turn_recording(struct desk *d, struct flight *f)
{
	int64_t waited = d->now.boot_ms - f->begun_ms;
	if (flight_is_brake(f->verb)) {
		bool hopeless = !d->history || !history_writable(d->history);
		if (waited >= BRAKE_DELAY_MS || hopeless)
			send_all(d, f);
		return;
	}
	if (waited < COMMIT_LIMIT_MS || f->verb == VERB_ANNOTATE)
		return;
	struct err why;
	err_set(&why, ERR_HISTORY, "not recorded within 2 s, cancelled");
	history_cancel(d->history, f->id, d->now.wall_ms, why.text);
	flight_unrecorded(d, f->id, &why);
}

void flight_turn(struct desk *d)
{
	for (size_t i = 0; i < d->flight_count; i++) {
		struct flight *f = &d->flights[i];
		if (f->phase == FLIGHT_RECORDING)
			turn_recording(d, f);
		else if (f->phase == FLIGHT_FOUND)
			take_up(d, f);
		else if (f->phase == FLIGHT_SENDING)
			turn_legs(d, f);
	}
}

int64_t flight_due_ms(const struct desk *d)
{
	int64_t due = UNKNOWN;
	for (size_t i = 0; i < d->flight_count; i++) {
		const struct flight *f = &d->flights[i];
		int64_t at = UNKNOWN;
		if (f->phase == FLIGHT_RECORDING && f->verb != VERB_ANNOTATE)
			at = f->begun_ms + (flight_is_brake(f->verb) ? BRAKE_DELAY_MS : COMMIT_LIMIT_MS);
		for (int k = 0; f->phase == FLIGHT_SENDING && k < f->leg_count; k++) {
			const struct leg *leg = &f->legs[k];
			bool waits = leg->state == LEG_WAITING || (leg->state == LEG_ASKING && !leg->asked);
			if (waits && (at == UNKNOWN || leg->due_ms < at))
				at = leg->due_ms;
		}
		if (at != UNKNOWN && (due == UNKNOWN || at < due))
			due = at;
	}
	return due;
}
