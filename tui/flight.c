/* Flights: acts under way, from the recorded intent to the verified effect. Each node has a leg
 * of its own (leg.c); reachable nodes never wait for others.
 *
 * Invariants:
 * 1. A forward act is sent only once it is committed and the flags were looked at since, after the
 *    interlock held once more, and once more after the veto hook where one is asked (veto.c); each
 *    leg once.
 * 2. A leg whose answer was lost is asked for until the pool says what became of it.
 * 3. A rollback's legs are retried with the same key and body until applied, 0.25 s to 30 s
 *    apart.
 * 4. A flight is done when its effect was seen on every node, finally did not happen, was given
 *    up by a person, or (a rollback never) was acknowledged and not seen. */
#include "tui/desk_parts.h"

#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_LIMIT_MS 2000 /* a forward act that is not recorded by then is cancelled */
#define BRAKE_DELAY_MS 250   /* a rollback leaves by then, recorded or not */
#define FLIGHTS_KEPT 64
#define WATCH_LIMIT_MS 10000 /* a forward act that is acknowledged is seen by then, or never */

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
	veto_release(f);
}

void flight_drop(struct desk *d, struct flight *f)
{
	size_t at = (size_t)(f - d->flights);
	flight_release(f);
	memmove(f, f + 1, (--d->flight_count - at) * sizeof *f);
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

void flight_progress(struct desk *d, const struct flight *f)
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
	for (int k = 0; k < f->leg_count; k++)
		f->legs[k].epoch = f->legs[k].rev = UNKNOWN;
	flight_progress(d, f);
	return f;
}

const struct decision *flight_decision(const struct desk *d, const struct flight *f)
{
	return pool_decision(&d->model.pools[f->pool], f->id);
}

struct flight *flight_open(const struct desk *d, int pool, enum verb verb)
{
	for (size_t i = d->flight_count; i-- > 0;) {
		struct flight *f = &d->flights[i];
		if (f->pool == pool && f->verb == verb && f->phase != FLIGHT_DONE)
			return f;
	}
	return NULL;
}

/* ---- what is told ---- */

void flight_tell(struct desk *d, const struct flight *f, enum outcome_row_kind row, int leg,
	enum outcome_kind kind, const char *answer)
{
	const struct pool *p = &d->model.pools[f->pool];
	struct outcome_row r = {
		.row = row, .kind = kind, .at_ms = d->now.wall_ms, .latency_ms = UNKNOWN};
	text_copy(r.decision, sizeof r.decision, f->id);
	text_copy(r.answer, sizeof r.answer, answer);
	text_mend(r.answer);
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

void flight_end(struct desk *d, struct flight *f, enum outcome_kind kind, const char *why)
{
	flight_tell(d, f, OUTCOME_ROW_FINAL, -1, kind, why);
	f->phase = FLIGHT_DONE;
}

/* ---- settling: from the legs to the decision ---- */

static int legs_in(const struct flight *f, enum leg_state s)
{
	int n = 0;
	for (int k = 0; k < f->leg_count; k++)
		n += f->legs[k].state == s;
	return n;
}

void flight_settle(struct desk *d, struct flight *f)
{
	int applied = legs_in(f, LEG_APPLIED), refused = legs_in(f, LEG_REFUSED);
	if (f->phase != FLIGHT_SENDING || applied + refused < f->leg_count)
		return;
	if (applied == f->leg_count) {
		char words[POOL_REASON_MAX];
		if (f->err.code == ERR_APPLIED_AS)
			snprintf(words, sizeof words, "%s %.180s", err_name(f->err.code), f->err.text);
		else
			snprintf(words, sizeof words, "%d of %d nodes", applied, f->leg_count);
		flight_tell(d, f, OUTCOME_ROW_FINAL, -1, OUTCOME_APPLIED, words);
		/* What was not asked for is not waited for. */
		f->phase = f->err.code == ERR_APPLIED_AS ? FLIGHT_DONE : FLIGHT_WATCHING;
		if (f->verb == VERB_TAKE)
			keeper_leased(d, f->pool);
		flight_progress(d, f);
		return;
	}
	/* A node that says superseded did it, and more has happened since. */
	const struct leg *why = f->legs;
	for (int k = 0; k < f->leg_count; k++) {
		if (f->legs[k].state != LEG_REFUSED)
			continue;
		why = &f->legs[k];
		applied += why->answer.kind == ANSWER_SUPERSEDED;
	}
	f->err = why->answer.err;
	char words[POOL_REASON_MAX];
	if (applied > 0 && applied < f->leg_count)
		snprintf(
			words, sizeof words, "PARTIAL %d/%d: %.160s", applied, f->leg_count, f->err.text);
	else
		snprintf(words, sizeof words, "%s%s%.180s", err_name(f->err.code),
			f->err.code ? " " : "", f->err.text);
	enum outcome_kind kind = why->answer.kind == ANSWER_NOT_SENT ? OUTCOME_NOT_SENT
		: why->answer.kind == ANSWER_VOID                        ? OUTCOME_VOID
		: why->answer.kind == ANSWER_SUPERSEDED                  ? OUTCOME_SUPERSEDED
																 : OUTCOME_REFUSED;
	flight_end(d, f, kind, words);
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
		int k = (int)(node & 0xffff);
		if (f->pool != pool || k >= f->leg_count)
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
		flight_progress(d, f);
		int unseen = 0;
		for (int n = 0; n < f->leg_count; n++)
			unseen += !f->legs[n].watch.seen;
		if (unseen > 0)
			continue;
		char words[32];
		snprintf(words, sizeof words, "%d/%d", f->leg_count, f->leg_count);
		flight_tell(d, f, OUTCOME_ROW_VERIFIED, -1, OUTCOME_APPLIED, words);
		f->phase = FLIGHT_DONE;
	}
}

/* ---- the record's word ---- */

static void judge_again(struct desk *d, struct flight *f)
{
	struct interlock_facts facts;
	const struct pool *p = &d->model.pools[f->pool];
	const struct intent want = act_intent(&f->request);
	pool_facts(&d->model, p, &want, &facts);
	/* Its own intent is open; a brake that was pressed meanwhile is another one. */
	int open = p->standing.open;
	facts.open_intent = open >= 0 && strcmp(p->decisions[open].id, f->id) != 0;
	f->act = facts.act;
	interlock_evaluate(&f->interlock, &facts);
}

/* The second look; what fails now is not sent. */
static bool holds_still(struct desk *d, struct flight *f)
{
	judge_again(d, f);
	if (f->interlock.allowed)
		return true;
	char why[POOL_REASON_MAX];
	interlock_summary(why, sizeof why, &f->interlock);
	flight_end(d, f, OUTCOME_NOT_SENT, why);
	return false;
}

/* Goes on once the flags are known as of the moment at which it began to look. */
static void turn_looking(struct desk *d, struct flight *f)
{
	if (!flags_answered(d, f->pool, f->look_ms))
		return;
	flags_hear(d);
	if (holds_still(d, f) && (f->allowed || !veto_begin(d, f)))
		prelude_begin(d, f);
}

static void look(struct desk *d, struct flight *f, int64_t since_ms)
{
	f->phase = FLIGHT_LOOKING;
	f->look_ms = since_ms;
	turn_looking(d, f);
}

/* A person gives up what cannot be verified. */
static void close_other(struct desk *d, struct flight *f)
{
	struct flight *other = flight_find(d, f->request.of);
	char words[POOL_REASON_MAX];
	const struct decision *what = flight_decision(d, f);
	snprintf(words, sizeof words, "%.80s: %.100s", d->actor, what ? what->reason : "");
	if (other && other->phase != FLIGHT_DONE) {
		bool acknowledged = other->phase == FLIGHT_WATCHING;
		flight_tell(d, other, acknowledged ? OUTCOME_ROW_VERIFIED : OUTCOME_ROW_FINAL, -1,
			OUTCOME_CLOSED, words);
		other->phase = FLIGHT_DONE;
	}
	flight_end(d, f, OUTCOME_APPLIED, "");
}

void flight_committed(struct desk *d, const char *id)
{
	struct flight *f = flight_find(d, id);
	if (!f)
		return;
	f->recorded = true;
	d->raising_due_ms = 0;
	if (f->phase != FLIGHT_RECORDING)
		return;
	if (f->verb == VERB_CLOSE) {
		close_other(d, f);
		return;
	}
	if (!verb_is_sent(f->verb)) {
		flight_end(d, f, OUTCOME_APPLIED, "");
		return;
	}
	if (f->for_desk) {
		f->phase = FLIGHT_TELLING;
		return;
	}
	if (f->verb == VERB_ROLLBACK && f->request.gradual) {
		prelude_lower(d, f);
		return;
	}
	if (verb_is_brake(f->verb)) {
		leg_send_all(d, f);
		return;
	}
	look(d, f, f->begun_ms);
}

void flight_allowed(struct desk *d, struct flight *f)
{
	f->allowed = true;
	flags_ask(d);
	look(d, f, d->now.boot_ms);
}

/* The intent could not be committed. */
void flight_unrecorded(struct desk *d, const char *id, const struct err *err)
{
	struct flight *f = flight_find(d, id);
	if (!f || f->recorded || f->unrecorded)
		return;
	f->unrecorded = true;
	/* A brake is done all the same; anything else has not happened. */
	if (verb_is_brake(f->verb)) {
		/* In the emergency journal it is kept for whoever opens the history next. */
		d->unrecorded += !d->history || !history_emergency(d->history);
		if (f->phase == FLIGHT_RECORDING)
			leg_send_all(d, f);
		return;
	}
	if (f->phase != FLIGHT_RECORDING)
		return;
	err_set(&f->err, err->code == ERR_RAISING ? ERR_RAISING : ERR_HISTORY, "%s", err->text);
	d->raising_due_ms = 0;
	struct outcome_row r = {.row = OUTCOME_ROW_FINAL,
		.kind = OUTCOME_NOT_SENT,
		.at_ms = d->now.wall_ms,
		.latency_ms = UNKNOWN};
	text_copy(r.decision, sizeof r.decision, id);
	snprintf(r.answer, sizeof r.answer, "%s %.180s", err_name(f->err.code), err->text);
	text_mend(r.answer);
	desk_apply(d, &(struct model_event){.kind = MODEL_OUTCOME, .pool = f->pool, .outcome = &r});
	f->phase = FLIGHT_DONE;
}

/* ---- time ---- */

static void turn_recording(struct desk *d, struct flight *f)
{
	int64_t waited = d->now.boot_ms - f->begun_ms;
	if (d->how.forgets) {
		flight_committed(d, f->id);
		return;
	}
	if (verb_is_brake(f->verb)) {
		bool hopeless = !d->history || !history_writable(d->history);
		if (waited < BRAKE_DELAY_MS && !hopeless)
			return;
		if (!d->history || history_leave(d->history, f->id))
			leg_send_all(d, f);
		return;
	}
	if (waited < COMMIT_LIMIT_MS || !verb_is_sent(f->verb))
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
		else if (f->phase == FLIGHT_LOOKING)
			turn_looking(d, f);
		else if (f->phase == FLIGHT_VETO)
			veto_turn(d, f);
		else if (f->phase == FLIGHT_FOUND)
			found_turn(d, f);
		else if (f->phase == FLIGHT_SENDING)
			leg_turn(d, f);
		else if (f->phase == FLIGHT_TELLING)
			order_turn(d, f);
		else
			prelude_turn(d, f);
	}
}

int64_t flight_due_ms(const struct desk *d)
{
	int64_t due = UNKNOWN;
	for (size_t i = 0; i < d->flight_count; i++) {
		const struct flight *f = &d->flights[i];
		int64_t at = prelude_due_ms(f);
		if (f->phase == FLIGHT_RECORDING && d->how.forgets)
			at = f->begun_ms;
		else if (f->phase == FLIGHT_RECORDING && verb_is_sent(f->verb))
			at = f->begun_ms + (verb_is_brake(f->verb) ? BRAKE_DELAY_MS : COMMIT_LIMIT_MS);
		if (f->phase == FLIGHT_TELLING)
			at = order_due_ms(f);
		if (f->phase == FLIGHT_VETO)
			at = veto_due_ms(d);
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
