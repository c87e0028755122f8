/* Acts: what a person asks of the desk, judged, written as a decision and begun as a flight. */
#include "model/text.h"
#include "tui/desk_parts.h"
#include "tui/facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How many are meant where all of them are as it is asked for, -1 where not all are, or the node
 * does not name them all. */
static int count_drained(const struct crew *c, const struct act_request *r)
{
	int meant = 0;
	const struct resident_place *place = drain_place(&r->drain, &c->residents);
	if (r->drain.residents)
		return place && place->locked == r->drains ? 1 : -1;
	for (int i = 0; i < c->worker_count; i++) {
		const struct worker_row *w = &c->worker[i];
		if (drain_means(&r->drain, w) && w->locked != r->drains)
			return -1;
		meant += drain_means(&r->drain, w);
	}
	return c->workers_dropped > 0 ? -1 : meant;
}

/* True when all that are meant, on all nodes that are, are as it is asked for. */
static bool are_drained(const struct pool *p, const struct act_request *r)
{
	int meant = 0;
	for (int k = 0; k < p->node_count; k++) {
		const struct snapshot *s = p->nodes[k].last;
		if (s && r->node[0] && strcmp(s->node_id, r->node) != 0)
			continue;
		int of_node = s ? count_drained(&s->crew, r) : -1;
		if (of_node < 0)
			return false;
		meant += of_node;
	}
	return meant > 0;
}

/* Old news are no proof that there is nothing to do. */
static bool is_so_already(const struct pool *p, const struct act_request *r)
{
	const struct standing *s = &p->standing;
	if (s->freshness > FRESHNESS_LATE)
		return false;
	switch (r->verb) {
	case VERB_STEP:
		return r->to_bp >= 0 && s->reported_bp == r->to_bp && s->open < 0 &&
			(!r->has_strategy || r->strategy == p->nodes[0].last->strategy);
	case VERB_RESUME:
		return !s->hold.on && !p->latch.red && !s->went_back;
	case VERB_KEEP:
		return !s->keep.on && s->lease.known;
	case VERB_FINALIZE:
		return p->finalized;
	case VERB_TAKE:
		return s->lease_mine;
	case VERB_DRAIN:
		return are_drained(p, r);
	default:
		return false;
	}
}

/* True when a rollback of this id is open or unseen here. */
static bool closes(const struct desk *d, const struct act_request *r)
{
	const struct decision *of = pool_decision(&d->model.pools[r->pool], r->of);
	return of && of->verb == VERB_ROLLBACK &&
		(decision_is_open(of) || decision_awaits_verification(of));
}

struct intent act_intent(const struct act_request *r)
{
	return (struct intent){.verb = r->verb == VERB_ASK ? r->asks : r->verb,
		.to_bp = r->to_bp,
		.operations = &r->operations,
		.forced = r->forced,
		.has_strategy = r->has_strategy,
		.strategy = r->strategy,
		.drilling = r->drilling,
		.widens = r->widens,
		.shown_epoch = r->shown_epoch,
		.shown_rev = r->shown_rev};
}

/* True when the interlock judges the verb. */
static bool is_gated(enum verb v)
{
	return verb_is_sent(v) && !verb_is_brake(v);
}

int act_refuse(struct act_result *out, enum err_code code, const char *format, ...)
{
	char text[300];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	out->status = ACT_REFUSED;
	return err_set(&out->err, code, "%s", text);
}

/* True for an order to a guard that a desk owns: it goes by the history, not to the pool. */
static bool is_for_desk(const struct pool *p, const struct act_request *r)
{
	return r->verb == VERB_GUARD &&
		(p->standing.owner == OWNER_RECORD || p->standing.owner == OWNER_CONSOLE);
}

static bool has_node(const struct pool *p, const char *id)
{
	for (int k = 0; k < p->node_count; k++)
		if (p->nodes[k].last && strcmp(p->nodes[k].last->node_id, id) == 0)
			return true;
	return false;
}

/* What is in the way beside the interlock. */
static int check(const struct desk *d, const struct act_request *r, struct act_result *out)
{
	const struct pool *p = &d->model.pools[r->pool];
	const char *word = verb_row(r->verb)->word;
	if (d->how.read_only || (d->how.passive && verb_is_sent(r->verb)))
		return act_refuse(out, ERR_READ_ONLY, "this console only looks");
	if (verb_is_sent(r->verb) && r->verb != VERB_FINALIZE && p->finalized) {
		char by[FINISHED_TEXT_MAX];
		pool_finished(by, sizeof by, p);
		/* Who finished it the pool can say too, and a rollback is not refused without a word. */
		if (by[0] || r->verb != VERB_ROLLBACK)
			return act_refuse(out, ERR_FINALIZED, "'%s' is finished: there is no way back%s%s",
				p->name, by[0] ? "; " : "", by);
	}
	if (!d->history && !d->how.forgets && !verb_is_brake(r->verb))
		return act_refuse(out, ERR_HISTORY, "no history: nothing could be recorded");
	if (is_gated(r->verb) && d->history && !d->pools[r->pool].loaded)
		return act_refuse(out, ERR_HISTORY, "what was decided about '%s' is not read yet", p->name);
	if (is_gated(r->verb) && !r->role && p->plan.policy.reason && !r->reason[0])
		return act_refuse(out, ERR_USAGE, "policy %s asks for a reason: %s with one",
			p->plan.policy.name, word);
	if (r->forced && !r->reason[0])
		return act_refuse(out, ERR_USAGE, "break-glass asks for a reason");
	if ((verb_row(r->verb)->class == VERB_GRAVE || r->verb == VERB_CLOSE) && !r->reason[0])
		return act_refuse(out, ERR_USAGE, "%s asks for a reason", word);
	if ((r->verb == VERB_ARM || r->verb == VERB_KEEP) && !p->has_plan)
		return act_refuse(out, ERR_USAGE, "'%s' has no plan here to %s", p->name, word);
	if (r->verb == VERB_GUARD && !is_for_desk(p, r) && !p->standing.pool_guard.known)
		return act_refuse(out, ERR_LIMIT,
			"'%s' has no guard of its own to tell, and no recorder guards it on this host; the "
			"guard of a console is told there",
			p->name);
	if (r->verb == VERB_DRAIN && r->node[0] && !has_node(p, r->node))
		return act_refuse(out, ERR_USAGE, "'%s' has no node '%s'", p->name, r->node);
	if (r->verb == VERB_ASK || r->verb == VERB_APPROVE)
		return approvals_check(d, r, out);
	if (r->verb == VERB_CLOSE && !closes(d, r))
		return act_refuse(out, ERR_USAGE, "no rollback '%s' of '%s' is open", r->of, p->name);
	return 0;
}

void desk_judge(struct desk *d, const struct act_request *r, struct act_result *out)
{
	memset(out, 0, sizeof *out);
	const struct pool *p = &d->model.pools[r->pool];
	struct interlock_facts facts;
	const struct intent want = act_intent(r);
	pool_facts(&d->model, p, &want, &facts);
	interlock_evaluate(&out->interlock, &facts);
	out->status = is_gated(r->verb) && !out->interlock.allowed ? ACT_REFUSED : ACT_BEGUN;
	if (check(d, r, out) < 0)
		return;
	if (is_so_already(p, r))
		out->status = ACT_ALREADY;
	else if (r->forced && !out->interlock.forced &&
		!(out->interlock.failing & ~(1u << PREDICATE_APPROVAL)))
		act_refuse(out, ERR_USAGE, "no glass to break: nothing that it relaxes is in the way of "
			"this %s", verb_row(want.verb)->word);
}

/* What a share alone does not tell. */
static void write_request(struct text *t, const struct pool *p, const struct act_request *r)
{
	if (r->has_strategy)
		text_json_str(t, "strategy", strategy_name(r->strategy));
	if (r->gradual)
		text_json_bool(t, "gradual", true);
	if (r->flag)
		text_json_str(t, "flag", r->flag);
	if (r->verb == VERB_CLOSE)
		text_json_str(t, "of", r->of);
	if (r->verb == VERB_GUARD) {
		text_json_str(t, "act", guard_action_name(r->act));
		text_json_int(t, "for_ms", r->for_ms);
		text_json_str(t, "owner", owner_name(p->standing.owner));
	}
	if (r->verb == VERB_DRAIN) {
		char word[DRAIN_WORD_MAX];
		drain_write(word, &r->drain);
		text_json_str(t, "target", word);
		text_json_bool(t, "on", r->drains);
		text_json_str(t, "node", r->node[0] ? r->node : NULL);
	}
	if (act_intent(r).verb != VERB_OPERATIONS)
		return;
	text_json_key(t, "operations");
	text_add(t, "[");
	for (int k = 0; k < r->operations.count; k++) {
		text_add(t, k ? "," : "");
		text_add_json(t, r->operations.name[k]);
	}
	text_add(t, "]");
}

static void write_checks(struct text *t, const struct interlock *i, bool texts)
{
	text_json_key(t, "checks");
	text_add(t, "[");
	for (int k = 0; k < PREDICATE_COUNT; k++) {
		text_addf(t, "%s{", k ? "," : "");
		text_json_int(t, "n", k + 1);
		text_json_str(t, "is", check_state_name(i->check[k].state));
		if (texts)
			text_json_str(t, "text", i->check[k].text);
		text_add(t, "}");
	}
	text_add(t, "]");
}

/* What kind of change it is here and now. */
static enum act kind_of(const struct desk *d, const struct act_request *r)
{
	struct interlock_facts facts;
	const struct intent want = act_intent(r);
	pool_facts(&d->model, &d->model.pools[r->pool], &want, &facts);
	return facts.act;
}

/* What was known, and the checks as they stood: a canonical JSON object. */
static bool write_known(struct decision *what, const struct desk *d,
	const struct act_request *r, const struct interlock *i, bool texts)
{
	const struct pool *p = &d->model.pools[r->pool];
	const struct standing *s = &p->standing;
	struct text t = {0};
	text_add(&t, "{");
	text_json_str(&t, "state", state_name(s->state));
	text_json_str(&t, "guard", guard_state_name(s->guard.state));
	text_json_int(&t, "measured_bp", s->measured_bp < 0 ? UNKNOWN : s->measured_bp);
	text_json_int(&t, "measured_n", s->measured_n);
	facts_verdict(&t, p);
	judged_rows_write(&t, d, r->pool);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		text_json_key(&t, arm_name((enum arm)arm));
		text_add(&t, "{");
		text_json_int(&t, "done", s->arms[arm].done);
		text_json_int(&t, "failed", s->arms[arm].failed);
		text_json_int(&t, "p99_us", s->arms[arm].p99_us);
		text_add(&t, "}");
	}
	write_request(&t, p, r);
	if (r->verb == VERB_ASK)
		approvals_write_ask(&t, d, r);
	else if (i)
		approvals_write_use(&t, d, r);
	/* Whoever finds it open knows by this that its sender may still wait for the hook. */
	if (i && r->verb != VERB_ASK && veto_asks(d, r->pool, kind_of(d, r)))
		text_json_str(&t, "veto", "asked");
	if (r->verb == VERB_STEP && kind_of(d, r) == ACT_RAISE)
		raising_write(&t, p->has_plan ? &p->plan : NULL);
	if (i)
		write_checks(&t, i, texts);
	text_add(&t, "}");
	bool fits = text_copy(what->evidence, sizeof what->evidence, text_str(&t));
	text_free(&t);
	return fits;
}

/* With many operations the words of the checks have no room; what held has. */
static void write_evidence(struct decision *what, const struct desk *d,
	const struct act_request *r, const struct interlock *i)
{
	if (!write_known(what, d, r, i, true) && !write_known(what, d, r, i, false))
		text_copy(what->evidence, sizeof what->evidence, "{}");
}

/* An approval says what it allows, and the token by which it does. 0, or -1 with err. */
static int write_approval(struct decision *what, struct desk *d, const struct act_request *r,
	struct err *err)
{
	struct approval_claim claim;
	const struct decision *ask = approvals_asked(d, r, &claim);
	struct text t = {0};
	what->from_bp = ask->from_bp;
	what->to_bp = ask->to_bp;
	what->epoch = ask->epoch;
	what->rev = ask->rev;
	text_add(&t, "{");
	int rc = approvals_sign(&t, d, r, err);
	text_add(&t, "}");
	text_copy(what->evidence, sizeof what->evidence, text_str(&t));
	text_free(&t);
	return rc;
}

/* Where a rollback goes: it never raises. */
static int back_bp(const struct standing *s)
{
	bool below = s->reported_bp >= 0 && s->reported_bp < s->baseline_bp;
	return below ? s->reported_bp : s->baseline_bp;
}

static void make_decision(struct desk *d, const struct act_request *r, struct decision *what)
{
	const struct pool *p = &d->model.pools[r->pool];
	const struct standing *s = &p->standing;
	const struct intent want = act_intent(r);
	memset(what, 0, sizeof *what);
	unsigned char random[10];
	uint64_t bits[2] = {desk_random(d), desk_random(d)};
	memcpy(random, bits, sizeof random);
	decision_make_id(what->id, d->now.wall_ms, random);
	text_copy(what->pool, sizeof what->pool, p->name);
	text_copy(what->pool_id, sizeof what->pool_id, p->pool_id);
	text_copy(what->actor, sizeof what->actor, d->actor);
	text_copy(what->role, sizeof what->role, r->role ? r->role : "operator");
	text_clean(what->reason, sizeof what->reason, r->reason, strlen(r->reason));
	what->at_ms = d->now.wall_ms;
	what->verb = r->verb;
	what->from_bp = s->reported_bp;
	what->to_bp = r->verb == VERB_STEP           ? r->to_bp
		: r->verb == VERB_ASK && intent_share(&want) >= 0 ? intent_share(&want)
		: r->verb == VERB_ROLLBACK               ? back_bp(s)
		: r->verb == VERB_ARM && r->has_baseline ? r->baseline_bp
												 : s->reported_bp;
	what->epoch = s->epoch;
	what->rev = s->rev;
	what->outcome = OUTCOME_PENDING;
	what->outcome_ms = what->verified_ms = what->closed_ms = what->latency_ms = UNKNOWN;
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
	/* Another process' rollback, or one of an earlier life: back is back. */
	if (w->epoch == UNKNOWN && n->last && d->now.boot_ms - n->last_at.boot_ms < ACK_MS)
		return n->last->share_bp == f->to_bp;
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

/* The open act that the press is one more of: an own one, or for who would go at once a rollback
 * that was found. NULL: a new one. */
static struct flight *open_brake(const struct desk *d, const struct act_request *r)
{
	for (size_t i = d->flight_count; i-- > 0;) {
		struct flight *f = &d->flights[i];
		if (f->pool == r->pool && f->verb == r->verb &&
			(is_pressing(d, f) || (!r->gradual && found_stands(d, f))))
			return f;
	}
	return NULL;
}

void desk_act(
	struct desk *d, const struct act_request *r, struct instant now, struct act_result *out)
{
	d->now = now;
	if (is_gated(r->verb))
		flags_ask(d);
	desk_judge(d, r, out);
	if (out->status == ACT_REFUSED && r->verb != VERB_ASK)
		approvals_ask(d, r, out);
	if (out->status != ACT_BEGUN)
		return;
	const struct decision *before = r->verb == VERB_ASK ? approvals_before(d, r) : NULL;
	if (before) {
		out->status = ACT_REPLAYED;
		text_copy(out->id, sizeof out->id, before->id);
		return;
	}
	struct flight *open = verb_is_brake(r->verb) ? open_brake(d, r) : NULL;
	if (open) {
		/* Whoever presses again does not want to go slowly any more. */
		open->request.gradual &= r->gradual;
		if (open->phase == FLIGHT_FOUND)
			found_press(d, open);
		press_again(d, open);
		out->status = ACT_REPLAYED;
		text_copy(out->id, sizeof out->id, open->id);
		return;
	}
	struct decision what;
	make_decision(d, r, &what);
	bool judged = is_gated(r->verb) || r->verb == VERB_ASK;
	if (r->verb != VERB_APPROVE) {
		write_evidence(&what, d, r, judged ? &out->interlock : NULL);
	} else if (write_approval(&what, d, r, &out->err) < 0) {
		out->status = ACT_REFUSED;
		return;
	}
	text_copy(out->id, sizeof out->id, what.id);
	struct flight *f = flight_add(d, r->pool, &what);
	f->phase = FLIGHT_RECORDING;
	f->request = *r;
	f->request.role = f->request.flag = NULL;
	/* What fails only later was not looked at by whoever forced this. */
	f->request.forced &= out->interlock.forced;
	f->for_desk = is_for_desk(&d->model.pools[r->pool], r);
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = r->pool, .decision = &what});
	if (d->history) {
		history_intent(d->history, &what);
	} else if (!d->how.forgets) {
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
		[FLIGHT_LOOKING] = PROGRESS_RECORDING,
		[FLIGHT_VETO] = PROGRESS_VETO,
		[FLIGHT_PREPARING] = PROGRESS_SENT,
		[FLIGHT_LOWERING] = PROGRESS_SENT,
		[FLIGHT_SENDING] = PROGRESS_SENT,
		[FLIGHT_WATCHING] = PROGRESS_WATCHING,
		[FLIGHT_TELLING] = PROGRESS_SENT,
		[FLIGHT_DONE] = PROGRESS_DONE,
	};
	const struct decision *instead = found_instead(d, id);
	const struct flight *f = flight_find(d, instead ? instead->id : id);
	const struct decision *what = f ? flight_decision(d, f) : NULL;
	/* Over already as it was found: nobody carries it here. */
	if (!f && instead) {
		*out = (struct act_view){
			.progress = PROGRESS_DONE, .recorded = true, .decision = *instead};
		return true;
	}
	if (!what)
		return false;
	out->progress = words[f->phase];
	if (f->phase == FLIGHT_SENDING && is_asking(f))
		out->progress = PROGRESS_ASKING;
	out->recorded = f->recorded;
	out->refused = f->unrecorded;
	out->decision = *what;
	out->interlock = f->interlock;
	out->err = f->err;
	for (int k = 0; k < f->leg_count; k++)
		if (f->legs[k].state == LEG_WAITING && f->legs[k].tries > 0 &&
			(f->legs[k].answer.kind == ANSWER_NOT_SENT ||
				f->legs[k].answer.kind == ANSWER_REFUSED))
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
