/* A pool's standing in words and JSON. Nothing is computed here: the model has derived it. */
#include "tui/facts.h"

#include "model/drain.h"
#include "model/forced.h"
#include "tui/judge_words.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int64_t known(int share_bp)
{
	return share_bp < 0 ? UNKNOWN : share_bp;
}

void facts_refused(struct text *out, const struct interlock *i)
{
	text_add(out, "[");
	bool first = true;
	for (int p = 0; p < PREDICATE_COUNT; p++) {
		const struct interlock_check *c = &i->check[p];
		if (c->state != CHECK_FAILS)
			continue;
		text_add(out, first ? "{" : ",{");
		first = false;
		text_json_str(out, "code", err_name(c->code));
		text_json_str(out, "text", c->text);
		text_json_int(out, "wait_ms", c->wait_ms);
		text_add(out, "}");
	}
	text_add(out, "]");
}

static void json_failures(struct text *out, const struct pool *p, enum arm arm)
{
	int64_t sum[FAILURE_COUNT] = {0};
	bool known = false;
	for (int k = 0; k < p->node_count; k++) {
		known |= p->nodes[k].last != NULL;
		for (int f = 0; p->nodes[k].last && f < FAILURE_COUNT; f++)
			sum[f] += p->nodes[k].last->arms[arm].failed[f];
	}
	text_json_key(out, "errors");
	if (!known) {
		text_add(out, "null");
		return;
	}
	text_add(out, "{");
	for (int f = 0; f < FAILURE_COUNT; f++)
		if (sum[f] > 0)
			text_json_int(out, failure_name((enum failure)f), sum[f]);
	text_add(out, "}");
}

static int64_t crashed(const struct pool *p, enum arm arm)
{
	int64_t sum = 0;
	for (int k = 0; k < p->node_count; k++) {
		if (!p->nodes[k].last || p->nodes[k].last->arms[arm].workers.crashed == UNKNOWN)
			return UNKNOWN;
		sum += p->nodes[k].last->arms[arm].workers.crashed;
	}
	return sum;
}

static void json_arm(struct text *out, const struct pool *p, enum arm arm)
{
	const struct arm_figures *f = &p->standing.arms[arm];
	text_json_key(out, arm_name(arm));
	text_add(out, "{");
	text_json_real(out, "rps", f->rate);
	text_json_int(out, "requests", f->requests);
	text_json_real(out, "error_rate", f->error_rate);
	json_failures(out, p, arm);
	text_json_int(out, "p50_us", f->p50_us);
	text_json_int(out, "p95_us", f->p95_us);
	text_json_int(out, "p99_us", f->p99_us);
	text_json_int(out, "memory_bytes", f->memory_bytes);
	text_json_key(out, "workers");
	text_add(out, "{");
	text_json_int(out, "total", f->total);
	text_json_int(out, "busy", f->busy);
	text_json_int(out, "crashed", crashed(p, arm));
	text_add(out, "}}");
}

static void json_worst(struct text *out, const struct pool *p)
{
	text_json_key(out, "worst");
	text_add(out, "[");
	bool first = true;
	for (int k = 0; k < p->node_count; k++) {
		const struct snapshot *s = p->nodes[k].last;
		for (int i = 0; s && i < s->arms[ARM_V2].operation_count; i++) {
			const struct operation_counts *o = &s->arms[ARM_V2].operations[i];
			if (o->failed == 0)
				continue;
			text_add(out, first ? "{" : ",{");
			first = false;
			text_json_str(out, "by", "operation");
			text_json_str(out, "name", o->name);
			text_json_int(out, "bad", o->failed);
			text_json_int(out, "of", o->ok + o->failed);
			text_add(out, "}");
		}
	}
	text_add(out, "]");
}

static void json_plan(struct text *out, const struct pool *p)
{
	text_json_key(out, "plan");
	if (!p->has_plan) {
		text_add(out, "null");
		return;
	}
	text_add(out, "{");
	text_json_key(out, "steps_bp");
	text_add(out, "[");
	for (int i = 0; i < p->plan.step_count; i++)
		text_addf(out, "%s%d", i ? "," : "", p->plan.steps[i].share_bp);
	text_add(out, "]");
	int at = plan_at(&p->plan, p->standing.reported_bp);
	text_json_int(out, "at", at < 0 ? UNKNOWN : at);
	text_json_int(out, "bake_left_ms", at < 0 ? UNKNOWN : p->standing.bake_left_ms);
	text_add(out, "}");
}

static void json_nodes(struct text *out, const struct pool *p)
{
	text_json_key(out, "nodes");
	text_add(out, "[");
	for (int k = 0; k < p->node_count; k++) {
		const struct node *n = &p->nodes[k];
		text_add(out, k ? ",{" : "{");
		text_json_str(out, "target", n->target);
		text_json_str(out, "node", n->last ? n->last->node : NULL);
		text_json_int(out, "reported_bp", n->last && !n->foreign ? n->last->share_bp : UNKNOWN);
		text_json_str(out, "trouble", n->trouble.code ? n->trouble.text : NULL);
		text_json_str(out, "code", n->trouble.code ? err_name(n->trouble.code) : NULL);
		text_add(out, "}");
	}
	text_add(out, "]");
}

static void json_lease(struct text *out, const struct standing *s)
{
	text_json_key(out, "lease");
	if (!s->lease.known) {
		text_add(out, "null");
		return;
	}
	text_add(out, "{");
	text_json_str(out, "holder", s->lease.holder[0] ? s->lease.holder : NULL);
	text_json_bool(out, "mine", s->lease_mine);
	text_json_int(out, "ttl_ms", s->lease.holder[0] ? s->lease.ttl_ms : UNKNOWN);
	text_add(out, "}");
}

/* What goes back by itself, and when; null: nothing does. */
static void json_reverts(struct text *out, const struct standing *s)
{
	text_json_key(out, "reverts");
	if (!s->keep.on) {
		text_add(out, "null");
		return;
	}
	bool goes = orphan_at(s->keep.on_orphan, s->reported_bp) == ORPHAN_REVERT;
	text_add(out, "{");
	text_json_str(out, "action", goes ? "revert" : "hold");
	text_json_int(out, "to_bp", known(goes ? s->kept_bp : s->reported_bp));
	text_json_int(out, "in_ms", s->keep.left_ms);
	text_add(out, "}");
}

/* e-values grow without bound; a number of JSON does not. */
static double e_value(double ln)
{
	return fmin(exp(ln), 1e300);
}

static void json_triple(struct text *out, const char *name, double a, double b, double c)
{
	const double v[3] = {a, b, c};
	text_json_key(out, name);
	text_add(out, "[");
	for (int k = 0; k < 3; k++) {
		text_add(out, k ? "," : "");
		text_add_real(out, v[k]);
	}
	text_add(out, "]");
}

void facts_verdict(struct text *out, const struct pool *p)
{
	const struct standing *s = &p->standing;
	const struct verdict *v = &s->verdict;
	text_json_key(out, "verdict");
	text_add(out, "{");
	text_json_str(out, "word", verdict_name(s->judge_word));
	text_json_str(out, "text", s->judge_text[0] ? s->judge_text : NULL);
	text_json_bool(out, "cited", s->judge_cited);
	text_json_str(out, "own", verdict_name(v->word));
	text_json_str(out, "metric", v->metric < JUDGED_COUNT ? judged_name(v->metric) : NULL);
	json_triple(out, "ratio", v->ratio.low, v->ratio.ratio, v->ratio.high);
	bool looked = p->judging->judge.looks > 0;
	text_json_real(out, "e_harm", looked ? e_value(v->ln_harm) : NAN);
	text_json_real(out, "e_safe", looked ? e_value(v->ln_safe) : NAN);
	text_json_int(out, "eta_ms", v->eta_ms);
	text_json_int(out, "looks", p->judging->judge.looks);
	text_add(out, "}");
}

static void json_harm(struct text *out, const struct harm *h, const struct judge *j)
{
	if (isnan(h->bad)) {
		text_json_str(out, "harm", NULL);
		return;
	}
	text_json_key(out, "harm");
	text_add(out, "{");
	text_json_str(out, "unit", j->sessions ? "session" : "request");
	json_triple(out, "bad", h->low, h->bad, h->high);
	text_add(out, "}");
}

static void json_forced(struct text *out, const struct pool *p)
{
	const struct decision *done[FORCED_TOLD];
	int n = forced_find(p, done, FORCED_TOLD);
	text_json_key(out, "forced");
	text_add(out, "[");
	for (int i = 0; i < n && i < FORCED_TOLD; i++) {
		char at[32], what[80], without[FORCED_MAX];
		unit_rfc3339(at, sizeof at, done[i]->at_ms);
		forced_what(what, sizeof what, done[i]);
		forced_without(without, forced_of(done[i]));
		text_add(out, i ? ",{" : "{");
		text_json_str(out, "by", done[i]->actor);
		text_json_str(out, "at", at);
		text_json_str(out, "what", what);
		text_json_str(out, "without", without);
		text_json_str(out, "reason", done[i]->reason);
		text_add(out, "}");
	}
	text_add(out, "]");
}

void facts_json(struct text *out, const struct model *m, const struct pool *p)
{
	const struct standing *s = &p->standing;
	const struct node *first = &p->nodes[0];
	(void)m;
	text_add(out, "{");
	text_json_str(out, "schema", "weir.status/1");
	text_json_str(out, "pool", p->name);
	text_json_str(out, "target", first->target);
	text_json_str(out, "env", p->env[0] ? p->env : NULL);
	text_json_key(out, "headline");
	text_add(out, "{");
	text_json_str(out, "level", level_name(s->headline.level));
	text_json_str(out, "text", s->headline.text);
	text_add(out, "}");
	text_json_str(out, "state", s->freshness == FRESHNESS_NEVER ? NULL : state_name(s->state));
	text_json_str(out, "strategy", first->last ? strategy_name(first->last->strategy) : NULL);
	text_json_str(out, "freshness", freshness_name(s->freshness));
	text_json_int(out, "age_ms", s->age_ms);
	text_json_key(out, "share");
	text_add(out, "{");
	text_json_int(out, "intended_bp", known(s->intended_bp));
	text_json_int(out, "reported_bp", known(s->reported_bp));
	text_json_int(out, "measured_bp", known(s->measured_bp));
	text_json_int(out, "measured_n", s->measured_n);
	text_add(out, "}");
	text_json_key(out, "arms");
	text_add(out, "{");
	json_arm(out, p, ARM_V1);
	json_arm(out, p, ARM_V2);
	text_add(out, "}");
	text_json_key(out, "guard");
	text_add(out, "{");
	text_json_str(out, "owner", owner_name(s->owner));
	text_json_str(out, "state", guard_state_name(p->latch.red ? GUARD_RED : s->guard.state));
	text_json_bool(out, "both", s->guard.both);
	text_json_int(out, "flaps", p->latch.flaps);
	text_json_int(out, "holds_only_ms", s->pool_guard.held_ms);
	text_add(out, "}");
	facts_verdict(out, p);
	json_harm(out, &s->verdict.harm, &p->judging->judge);
	json_worst(out, p);
	json_lease(out, s);
	json_reverts(out, s);
	json_plan(out, p);
	text_json_key(out, "drill");
	if (s->drilled.age_ms == UNKNOWN) {
		text_add(out, "null");
	} else {
		text_add(out, "{");
		text_json_int(out, "age_ms", s->drilled.age_ms);
		text_json_int(out, "verified_ms", s->drilled.verified_ms);
		text_add(out, "}");
	}
	json_forced(out, p);
	text_json_key(out, "blocked");
	facts_refused(out, &s->next);
	json_nodes(out, p);
	text_json_int(out, "epoch", s->epoch);
	text_json_int(out, "rev", s->rev);
	text_add(out, "}");
}

void facts_checks(struct text *out, const struct interlock *i)
{
	static const char *const words[CHECK_COUNT] = {"ok", "FAILS", "not asked", "FORCED"};
	for (int p = 0; p < PREDICATE_COUNT; p++) {
		const struct interlock_check *c = &i->check[p];
		char wait[24] = "", code[16] = "";
		if (c->state == CHECK_FAILS || c->state == CHECK_FORCED) {
			snprintf(code, sizeof code, "%s ", err_name(c->code));
			if (c->wait_ms != UNKNOWN) {
				char left[16];
				unit_countdown(left, sizeof left, c->wait_ms);
				snprintf(wait, sizeof wait, ", in %s", left);
			}
		}
		text_addf(out, "%2d %-13s %s%s%s\n", p + 1, words[c->state], code, c->text, wait);
	}
}

/* The share behind the verb: " 1 % > 10 %" of what moves it, " 10 %" of what takes one as it is. */
static void add_share(struct text *out, const struct decision *d)
{
	char from[16], to[16];
	unit_share(from, sizeof from, d->from_bp);
	unit_share(to, sizeof to, d->to_bp);
	if (d->verb == VERB_STEP || d->verb == VERB_ROLLBACK || d->verb == VERB_ASK ||
		d->verb == VERB_APPROVE)
		text_addf(out, " %s > %s", from, to);
	else if ((d->verb == VERB_KEEP || d->verb == VERB_ADOPT) && d->to_bp >= 0)
		text_addf(out, " %s", to);
	char drained[DRAIN_TOLD_MAX];
	drain_tell(drained, d);
	text_addf(out, "%s%s", drained[0] ? " " : "", drained);
}

/* Who in the actor's name did it, where that was no person. */
static void add_role(struct text *out, const struct decision *d)
{
	if (strcmp(d->role, "guard") == 0 || strcmp(d->role, "keeper") == 0 ||
		strcmp(d->role, FLAG_ROLE) == 0 || strcmp(d->role, DRILL_ROLE) == 0)
		text_addf(out, " (%s)", d->role);
}

void facts_decision(struct text *out, const struct decision *d, int64_t now_wall_ms)
{
	char when[32];
	unit_when(when, sizeof when, d->at_ms, now_wall_ms);
	text_addf(out, "%-10s %-14s %s", when, d->actor, verb_row(d->verb)->word);
	add_share(out, d);
	add_role(out, d);
	if (d->verb != VERB_ANNOTATE) {
		bool verified = d->verified_ms != UNKNOWN;
		text_addf(out, "   %s", verified ? "VERIFIED" : outcome_name(d->outcome));
		if (verified && d->verified_ms >= d->at_ms)
			text_addf(out, " in %.1fs", (double)(d->verified_ms - d->at_ms) / 1000);
		if (d->outcome == OUTCOME_REFUSED || d->outcome == OUTCOME_NOT_SENT)
			text_addf(out, " (%s)", d->answer);
	}
	if (forced_of(d)) {
		char without[FORCED_MAX];
		forced_without(without, forced_of(d));
		text_addf(out, "  BREAK-GLASS without %s", without);
	}
	if (d->reason[0])
		text_addf(out, "  \"%s\"", d->reason);
}

static void plain_arm(struct text *out, const struct pool *p, enum arm arm)
{
	const struct arm_figures *f = &p->standing.arms[arm];
	char rate[16], errors[16], p50[16], p99[16], memory[16];
	unit_rate(rate, sizeof rate, f->rate);
	unit_percent(errors, sizeof errors, f->error_rate);
	unit_ms(p50, sizeof p50, f->p50_us);
	unit_ms(p99, sizeof p99, f->p99_us);
	unit_bytes(memory, sizeof memory, f->memory_bytes);
	text_addf(out, "%-10s %s req/s, errors %s %%, p50 %s ms, p99 %s ms, memory %s\n",
		arm_name(arm), rate, errors, p50, p99, memory);
}

/* Who rolls back, who may step, and what happens when everybody leaves. */
static void plain_control(struct text *out, const struct model *m, const struct standing *s)
{
	char left[16];
	text_addf(out, "control    %s", s->guard_text);
	if (s->lease.known && s->lease.holder[0]) {
		unit_countdown(left, sizeof left, s->lease.ttl_ms);
		text_addf(out, "   lease: %s for %s", s->lease_mine ? "you" : s->lease.holder, left);
	} else if (s->lease.known) {
		text_add(out, "   lease: free");
	}
	if (!m->read_only || s->keep.on)
		text_addf(out, "   if all leave: %s", s->leave_text);
	text_add(out, "\n");
}

void facts_routing(struct text *out, const struct pool *p)
{
	const struct snapshot *s = p->nodes[0].last;
	if (!s)
		return;
	if (s->strategy != STRATEGY_CANARY && s->strategy != STRATEGY_PRIMARY_ONLY)
		text_addf(out, "strategy %s", strategy_name(s->strategy));
	if (!s->operations.limited)
		return;
	text_addf(out, "%sv2 gets ", out->len ? ", " : "");
	if (s->operations.count == 0)
		text_add(out, "no operation");
	for (int i = 0; i < s->operations.count; i++)
		text_addf(out, "%s%s", i ? ", " : "only ", s->operations.name[i]);
}

/* A row a node where there are several: which one lags, or is silent, and why. */
static void plain_nodes(struct text *out, const struct pool *p)
{
	for (int k = 0; k < p->node_count && p->node_count > 1; k++) {
		const struct node *n = &p->nodes[k];
		char share[16];
		unit_share(share, sizeof share, n->last && !n->foreign ? n->last->share_bp : -1);
		text_addf(out, "node       %-16s %s", n->last ? n->last->node : n->target, share);
		if (n->trouble.code)
			text_addf(out, "   %s %s", err_name(n->trouble.code), n->trouble.text);
		text_add(out, "\n");
	}
}

/* What the judge says, and the harm so far. */
static void plain_judge(struct text *out, const struct pool *p)
{
	struct judge_words w[JUDGE_PARTS], harm;
	int n = judge_words_all(w, p, JUDGE_FULL, JUDGE_FULL);
	text_add(out, "v2 / v1    ");
	for (int i = 0; i < n; i++)
		text_addf(out, "%s%s", i > 0 ? "; " : "", w[i].text);
	judge_words_harm(&harm, p, JUDGE_FULL);
	text_addf(out, "\nharm       %s\n", harm.text);
}

static void plain_forced(struct text *out, const struct pool *p, int64_t now_wall_ms)
{
	const struct decision *done[FORCED_TOLD];
	int n = forced_find(p, done, FORCED_TOLD);
	for (int i = 0; i < n && i < FORCED_TOLD; i++) {
		text_add(out, "FORCED     ");
		forced_say(out, done[i], now_wall_ms);
		text_add(out, "\n");
	}
}

void facts_plain(
	struct text *out, const struct model *m, const struct pool *p, struct instant now)
{
	const struct standing *s = &p->standing;
	char asked[16], says[16], seen[16], n[32], age[16];
	unit_share(asked, sizeof asked, s->intended_bp);
	unit_share(says, sizeof says, s->reported_bp);
	unit_share(seen, sizeof seen, s->measured_bp);
	unit_count(n, sizeof n, s->measured_n);
	unit_age(age, sizeof age, s->age_ms);
	text_addf(out, "%s\n", s->headline.text);
	text_addf(out, "pool       %s%s%s  v1>v2   %s   %s%s%s\n", p->env, p->env[0] ? " " : "",
		p->name, s->state_text, freshness_name(s->freshness), s->age_ms == UNKNOWN ? "" : " ",
		s->age_ms == UNKNOWN ? "" : age);
	plain_forced(out, p, now.wall_ms);
	text_addf(out, "share      asked %s   pool says %s   seen %s of %s requests\n", asked, says,
		seen, n);
	struct text routing = {0};
	facts_routing(&routing, p);
	if (routing.len)
		text_addf(out, "routing    %s\n", text_str(&routing));
	text_free(&routing);
	plain_control(out, m, s);
	plain_nodes(out, p);
	plain_arm(out, p, ARM_V1);
	plain_arm(out, p, ARM_V2);
	text_addf(
		out, "guard      %s", guard_state_name(p->latch.red ? GUARD_RED : s->guard.state));
	if (p->latch.red && p->latch.flaps > 0)
		text_addf(out, ", flapped %dx", p->latch.flaps);
	text_add(out, "\n");
	plain_judge(out, p);
	if (p->has_plan) {
		char drilled[48];
		drill_text(drilled, sizeof drilled, &s->drilled);
		text_addf(out, "drill      %s\n", drilled);
	}
	for (int k = 0; k < p->node_count; k++)
		if (p->nodes[k].trouble.code != ERR_NONE)
			text_addf(out, "trouble    %s %s\n", err_name(p->nodes[k].trouble.code),
				p->nodes[k].trouble.text);
	if (s->next_bp >= 0) {
		char next[16], why[400];
		unit_share(next, sizeof next, s->next_bp);
		interlock_summary(why, sizeof why, &s->next);
		text_addf(out, "next       %s%s%s\n", next,
			s->next.allowed ? ", may be taken" : ", locked: ", why);
	}
	size_t from = p->decision_count > 3 ? p->decision_count - 3 : 0;
	for (size_t i = p->decision_count; i-- > from;) {
		text_add(out, i + 1 == p->decision_count ? "decisions  " : "           ");
		facts_decision(out, &p->decisions[i], now.wall_ms);
		text_add(out, "\n");
	}
}

void facts_line(struct text *out, const struct pool *p)
{
	const struct standing *s = &p->standing;
	char seen[16], age[16], e1[16], e2[16];
	unit_share(seen, sizeof seen, s->measured_bp);
	unit_age(age, sizeof age, s->age_ms);
	unit_percent(e1, sizeof e1, s->arms[ARM_V1].error_rate);
	unit_percent(e2, sizeof e2, s->arms[ARM_V2].error_rate);
	text_addf(out, "%-16s %-28s %sseen %-7s errors v1 %s v2 %s %%  %s  %s %s  %s", p->name,
		s->state_text, forced_find(p, NULL, 0) > 0 ? "BREAK-GLASS  " : "", seen, e1, e2, verdict_name(s->judge_word), freshness_name(s->freshness),
		age, s->headline.text);
}
