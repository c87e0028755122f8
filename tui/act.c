/* Acts: what a person asks of the desk, judged, written as a decision and begun as a flight. */
#include "tui/desk_parts.h"

#include "model/text.h"

#include <string.h>

/* Old news are no proof that there is nothing to do. */
static bool is_so_already(const struct pool *p, const struct act_request *r)
{
	const struct standing *s = &p->standing;
	if (s->freshness > FRESHNESS_LATE)
		return false;
	if (r->verb == VERB_STEP)
		return s->reported_bp == r->to_bp && s->open < 0;
	return r->verb == VERB_RESUME && !s->hold.on && !p->latch.red;
}

void desk_judge(struct desk *d, const struct act_request *r, struct act_result *out)
{
	memset(out, 0, sizeof *out);
	const struct pool *p = &d->model.pools[r->pool];
	struct interlock_facts facts;
	pool_facts(&d->model, p, r->verb, r->to_bp, r->shown_epoch, r->shown_rev, &facts);
	interlock_evaluate(&out->interlock, &facts);
	bool gated = r->verb == VERB_STEP || r->verb == VERB_RESUME;
	out->status = gated && !out->interlock.allowed ? ACT_REFUSED : ACT_BEGUN;
	if (d->how.read_only || (d->how.passive && verb_is_sent(r->verb))) {
		out->status = ACT_REFUSED;
		err_set(&out->err, ERR_READ_ONLY, "this console only looks");
	} else if (r->verb == VERB_ROLLBACK && p->finalized) {
		out->status = ACT_REFUSED;
		err_set(&out->err, ERR_FINALIZED, "'%s' is finished: there is no way back", p->name);
	} else if (!d->history && !flight_is_brake(r->verb)) {
		out->status = ACT_REFUSED;
		err_set(&out->err, ERR_HISTORY, "no history: nothing could be recorded");
	} else if (gated && d->history && !d->pools[r->pool].loaded) {
		out->status = ACT_REFUSED;
		err_set(&out->err, ERR_HISTORY, "what was decided about '%s' is not read yet", p->name);
	} else if (is_so_already(p, r)) {
		out->status = ACT_ALREADY;
	}
}

/* The checks as they stood, for the record: a canonical JSON object. */
static void write_evidence(
	struct decision *what, const struct pool *p, const struct interlock *i)
{
	const struct standing *s = &p->standing;
	struct text t = {0};
	text_add(&t, "{");
	text_json_str(&t, "state", state_name(s->state));
	text_json_str(&t, "guard", guard_state_name(s->guard.state));
	text_json_int(&t, "measured_bp", s->measured_bp < 0 ? UNKNOWN : s->measured_bp);
	text_json_int(&t, "measured_n", s->measured_n);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		text_json_key(&t, arm_name((enum arm)arm));
		text_add(&t, "{");
		text_json_int(&t, "done", s->arms[arm].done);
		text_json_int(&t, "failed", s->arms[arm].failed);
		text_json_int(&t, "p99_us", s->arms[arm].p99_us);
		text_add(&t, "}");
	}
	if (i) {
		text_json_key(&t, "checks");
		text_add(&t, "[");
		static const char *const words[] = {"holds", "fails", "not asked", "not asked yet"};
		for (int k = 0; k < PREDICATE_COUNT; k++) {
			text_addf(&t, "%s{", k ? "," : "");
			text_json_int(&t, "n", k + 1);
			text_json_str(&t, "is", words[i->check[k].state]);
			text_json_str(&t, "text", i->check[k].text);
			text_add(&t, "}");
		}
		text_add(&t, "]");
	}
	text_add(&t, "}");
	if (!text_copy(what->evidence, sizeof what->evidence, text_str(&t)))
		text_copy(what->evidence, sizeof what->evidence, "{}");
	text_free(&t);
}

static void make_decision(struct desk *d, const struct act_request *r, struct decision *what)
{
	const struct pool *p = &d->model.pools[r->pool];
	const struct standing *s = &p->standing;
	memset(what, 0, sizeof *what);
	unsigned char random[10];
	uint64_t bits[2] = {desk_random(d), desk_random(d)};
	memcpy(random, bits, sizeof random);
	decision_make_id(what->id, d->now.wall_ms, random);
	text_copy(what->pool, sizeof what->pool, p->name);
	text_copy(what->pool_id, sizeof what->pool_id, p->pool_id);
	text_copy(what->actor, sizeof what->actor, d->actor);
	text_copy(what->role, sizeof what->role, "operator");
	text_clean(what->reason, sizeof what->reason, r->reason, strlen(r->reason));
	what->at_ms = d->now.wall_ms;
	what->verb = r->verb;
	what->from_bp = s->reported_bp;
	what->to_bp = r->verb == VERB_STEP ? r->to_bp
		: r->verb == VERB_ROLLBACK     ? s->baseline_bp
									   : s->reported_bp;
	what->epoch = s->epoch;
	what->rev = s->rev;
	what->outcome = OUTCOME_PENDING;
	what->outcome_ms = what->verified_ms = what->latency_ms = UNKNOWN;
}

/* True when the node moved on after it had acknowledged, so that waiting shows nothing any
 * more. */
static bool is_overtaken(const struct flight *f, const struct leg *leg, const struct node *n)
{
	const struct watch *w = &leg->watch;
	if (leg->state != LEG_APPLIED || !n->last || n->last_at.boot_ms < w->at.boot_ms ||
		n->last->share_bp == f->to_bp)
		return false;
	return w->epoch == UNKNOWN || n->last->epoch > w->epoch ||
		(n->last->epoch == w->epoch && n->last->rev > w->rev);
}

#define ACK_MS 3000 /* how long an acknowledgement stands for news that have not come */

/* True while what the node acknowledged still tells of it: by its news, or being fresh. One
 * that was found in the history is not, however late it was found. */
static bool is_standing(const struct desk *d, const struct flight *f, int k)
{
	const struct watch *w = &f->legs[k].watch;
	const struct node *n = &d->model.pools[f->pool].nodes[k];
	if (n->last && n->last_at.boot_ms >= w->at.boot_ms &&
		d->now.boot_ms - n->last_at.boot_ms < ACK_MS)
		return !is_overtaken(f, &f->legs[k], n);
	return w->epoch != UNKNOWN && d->now.boot_ms - w->at.boot_ms < ACK_MS;
}

/* True while a press has nothing to add: every leg is pressed already, or waits to be seen. */
static bool is_pressing(const struct desk *d, const struct flight *f)
{
	if (f->phase == FLIGHT_DONE || f->phase == FLIGHT_FOUND)
		return false;
	for (int k = 0; k < f->leg_count; k++) {
		enum leg_state state = f->legs[k].state;
		if (state == LEG_ASKING || (state == LEG_APPLIED && !is_standing(d, f, k)))
			return false;
	}
	return true;
}

/* Whoever presses again does not wait for the next try. */
static void press_again(const struct desk *d, struct flight *f)
{
	for (int k = 0; k < f->leg_count; k++)
		if (f->legs[k].state == LEG_WAITING)
			f->legs[k].due_ms = d->now.boot_ms;
}

static struct flight *open_brake(const struct desk *d, int pool, enum verb verb)
{
	for (size_t i = d->flight_count; i-- > 0;) {
		struct flight *f = &d->flights[i];
		if (f->pool == pool && f->verb == verb && is_pressing(d, f))
			return f;
	}
	return NULL;
}

void desk_act(
	struct desk *d, const struct act_request *r, struct instant now, struct act_result *out)
{
	d->now = now;
	desk_judge(d, r, out);
	if (out->status != ACT_BEGUN)
		return;
	struct flight *open = flight_is_brake(r->verb) ? open_brake(d, r->pool, r->verb) : NULL;
	if (open) {
		press_again(d, open);
		out->status = ACT_REPLAYED;
		text_copy(out->id, sizeof out->id, open->id);
		return;
	}
	struct decision what;
	make_decision(d, r, &what);
	bool gated = r->verb == VERB_STEP || r->verb == VERB_RESUME;
	write_evidence(&what, &d->model.pools[r->pool], gated ? &out->interlock : NULL);
	text_copy(out->id, sizeof out->id, what.id);
	struct flight *f = flight_add(d, r->pool, &what);
	f->phase = FLIGHT_RECORDING;
	f->shown_epoch = r->shown_epoch;
	f->shown_rev = r->shown_rev;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = r->pool, .decision = &what});
	if (d->history) {
		history_intent(d->history, &what);
	} else {
		struct err none;
		err_set(&none, ERR_HISTORY, "no history");
		flight_unrecorded(d, what.id, &none);
	}
}

static bool is_asking(const struct flight *f)
{
	for (int k = 0; k < f->leg_count; k++)
		if (f->legs[k].state == LEG_ASKING)
			return true;
	return false;
}

bool desk_progress(const struct desk *d, const char *id, struct act_view *out)
{
	static const enum act_progress words[] = {
		[FLIGHT_FOUND] = PROGRESS_ASKING,
		[FLIGHT_RECORDING] = PROGRESS_RECORDING,
		[FLIGHT_SENDING] = PROGRESS_SENT,
		[FLIGHT_WATCHING] = PROGRESS_WATCHING,
		[FLIGHT_DONE] = PROGRESS_DONE,
	};
	const struct flight *f = flight_find(d, id);
	const struct decision *what = f ? flight_decision(d, f) : NULL;
	if (!what)
		return false;
	out->progress = words[f->phase];
	if (f->phase == FLIGHT_SENDING && is_asking(f))
		out->progress = PROGRESS_ASKING;
	out->recorded = f->recorded;
	out->decision = *what;
	out->interlock = f->interlock;
	out->err = f->err;
	for (int k = 0; k < f->leg_count; k++)
		if (f->legs[k].state == LEG_WAITING && f->legs[k].answer.kind == ANSWER_NOT_SENT)
			out->err = f->legs[k].answer.err;
	return true;
}

int desk_open_acts(const struct desk *d)
{
	int n = 0;
	for (size_t i = 0; i < d->flight_count; i++)
		n += d->flights[i].phase != FLIGHT_DONE && d->flights[i].phase != FLIGHT_WATCHING;
	return n;
}

int desk_unrecorded(const struct desk *d)
{
	return d->unrecorded;
}
