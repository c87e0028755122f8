/* Oracle: one function an invariant, by the numbers that the design gives them. What can only be
 * said at a day's end (I2, I10) is in oracle_end.c. I9 (a replay gives the same model) and I12
 * (no control byte reaches the terminal) belong to other tests, and that the chain verifies (of
 * I10).
 *
 * Where a node lied, what was true there is not asked any more. */
#include "tests/sim/oracle.h"

#include "model/mem.h"
#include "model/text.h"
#include "tests/sim/ledger.h"
#include "tests/sim/oracle_parts.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 600
#define FLIGHTS_MAX 96

struct oracle *oracle_new(void)
{
	struct oracle *o = mem_new(1, sizeof *o);
	o->scratch = mem_new(1, sizeof *o->scratch);
	for (int k = 0; k < SIM_NODES_MAX; k++)
		o->node[k].back_ms = o->node[k].red_ms = -1;
	for (int k = 0; k < SIM_DESKS_MAX; k++) {
		o->desk[k].red_ms = -1;
		for (int n = 0; n < SIM_NODES_MAX; n++)
			o->desk[k].told_ms[n] = -1;
	}
	return o;
}

void oracle_free(struct oracle *o)
{
	free(o->facts);
	free(o->scratch);
	free(o);
}

struct fact *oracle_fact(struct oracle *o, const char *key)
{
	size_t len = strcspn(key, ".");
	for (size_t i = o->count; i-- > 0;)
		if (strncmp(o->facts[i].id, key, len) == 0 && !o->facts[i].id[len])
			return &o->facts[i];
	return NULL;
}

static bool is_own_key(const char *key)
{
	return !strchr(key, '.');
}

/* ---- desks ---- */

void oracle_intent(struct sim *s, int desk, const struct decision *d)
{
	struct oracle *o = s->oracle;
	if (oracle_fact(o, d->id))
		sim_fail(s, "I10 the id %s is given twice", d->id);
	mem_grow(&o->facts, &o->cap, o->count + 1, sizeof *o->facts);
	struct fact *f = &o->facts[o->count++];
	memset(f, 0, sizeof *f);
	text_copy(f->id, sizeof f->id, d->id);
	f->desk = desk;
	f->verb = d->verb;
	f->to_bp = d->to_bp;
	f->born_ms = s->now.boot_ms;
	f->epoch = d->epoch;
	f->rev = d->rev;
	f->life = s->desk[desk].lives;
	s->acts++;
}

/* I1: no forward command without a committed intent. */
static void i1_recorded(struct sim *s, int desk, const struct command *c, const struct fact *f)
{
	if (!f) {
		sim_fail(s, "I1 desk %d sends %s %s, which nobody intended", desk,
			verb_row(c->verb)->word, c->id);
		return;
	}
	if (!verb_is_brake(c->verb) && !ledger_find(s->file[s->desk[desk].file], f->id))
		sim_fail(s, "I1 desk %d sends %s %s, which is not committed", desk,
			verb_row(c->verb)->word, c->id);
}

/* I6: whoever finds another's rollback sends it only to a node that stands, as far as it has
 * heard, where the rollback was decided. */
static void i6_found(
	struct sim *s, int desk, int node, const struct command *c, const struct fact *f)
{
	bool own = f->desk == desk && f->life == s->desk[desk].lives;
	if (own || c->verb != VERB_ROLLBACK || f->node[node].resent == s->desk[desk].lives)
		return;
	bool same = c->epoch == f->epoch && c->rev == f->rev;
	if (!same && s->oracle->desk[desk].changed_ms[node] > f->born_ms)
		sim_fail(s, "I6 desk %d finds rollback %s and sends it to node %d, which has moved",
			desk, c->id, node);
}

void oracle_sent(struct sim *s, int desk, int node, const struct command *c)
{
	struct fact *f = oracle_fact(s->oracle, c->id);
	s->commands++;
	i1_recorded(s, desk, c, f);
	if (!f)
		return;
	i6_found(s, desk, node, c, f);
	f->node[node].resent = s->desk[desk].lives;
	f->node[node].sent |= is_own_key(c->id);
	f->node[node].lied |= s->node[node].lies;
	const struct flight *flight = flight_find(s->desk[desk].desk, f->id);
	if (flight && f->verb == VERB_STEP) {
		f->act = flight->act;
		f->has_act = true;
	}
}

/* What has been seen after it was in force. */
void oracle_told(
	struct sim *s, int desk, int node, const struct snapshot *document, int64_t made_ms)
{
	struct oracle *o = s->oracle;
	o->desk[desk].told_ms[node] = s->now.boot_ms;
	o->desk[desk].changed_ms[node] =
		document->change.known ? made_ms - document->change.age_ms : -1;
	for (size_t i = 0; i < o->count; i++) {
		struct fact *f = &o->facts[i];
		struct truth *t = &f->node[node];
		if (f->verified || t->seen || (f->verb != VERB_STEP && f->verb != VERB_ROLLBACK))
			continue;
		bool took_part = t->applied || (f->has_act && f->act == ACT_COMPLETE);
		t->seen = took_part && made_ms >= t->applied_ms &&
			(f->to_bp < 0 || document->share_bp == f->to_bp);
	}
}

/* I8: VERIFIED implies an observation on every node after the command was in force there. */
static void i8_seen(struct sim *s, const struct fact *f)
{
	for (int k = 0; k < s->node_count; k++)
		if (!f->node[k].seen && !f->node[k].lied)
			sim_fail(s, "I8 %s %s is VERIFIED, and node %d did not show it",
				verb_row(f->verb)->word, f->id, k);
}

void oracle_outcome(struct sim *s, int desk, const struct outcome_row *row)
{
	struct fact *f = oracle_fact(s->oracle, row->decision);
	if (row->row != OUTCOME_ROW_NODE)
		sim_note(s, "desk %d says of %s: %s%s %s", desk, row->decision + 24,
			row->row == OUTCOME_ROW_VERIFIED ? "VERIFIED " : "", outcome_name(row->kind),
			row->answer);
	if (!f || row->row != OUTCOME_ROW_VERIFIED || row->kind != OUTCOME_APPLIED)
		return;
	if (f->verb != VERB_STEP && f->verb != VERB_ROLLBACK)
		return;
	i8_seen(s, f);
	s->rollbacks_verified += f->verb == VERB_ROLLBACK && !f->verified;
	f->verified = true;
}

/* I5: a rollback is accepted, in every state but FINALIZED, in the turn of its press. */
static void i5_accepted(struct sim *s, int desk, const struct act_result *result)
{
	if (result->status != ACT_BEGUN && result->status != ACT_REPLAYED)
		sim_fail(s, "I5 desk %d refuses a rollback: %s", desk, result->err.text);
}

void oracle_pressed(struct sim *s, int desk, enum verb verb, const struct act_result *result)
{
	if (verb == VERB_ROLLBACK)
		i5_accepted(s, desk, result);
}

/* I5: and it leaves 250 ms later at most, recorded or not. */
static void i5_left(struct sim *s, int k, const struct desk *d)
{
	for (size_t i = 0; i < d->flight_count; i++) {
		const struct flight *f = &d->flights[i];
		if (verb_is_brake(f->verb) && f->phase == FLIGHT_RECORDING &&
			s->now.boot_ms - f->begun_ms >= 250)
			sim_fail(s, "I5 %s %s of desk %d has not left after 250 ms",
				verb_row(f->verb)->word, f->id, k);
	}
}

/* I7: LIVE is said only of news younger than two polls, a tick of the model more at most. */
static void i7_fresh(struct sim *s, int k, const struct standing *st)
{
	for (int n = 0; n < s->node_count && st->freshness == FRESHNESS_LIVE; n++) {
		int64_t told_ms = s->oracle->desk[k].told_ms[n];
		if (told_ms < 0 || s->now.boot_ms - told_ms > 2 * SIM_POLL_MS + 250)
			sim_fail(s, "I7 desk %d says LIVE of node %d, last heard of %lld ms ago", k, n,
				(long long)(s->now.boot_ms - told_ms));
	}
}

/* I11: queues are bounded. */
static void i11_bounded(struct sim *s, int k, const struct desk *d)
{
	if (d->flight_count > FLIGHTS_MAX || d->model.pools[0].decision_count > POOL_DECISIONS)
		sim_fail(s, "I11 desk %d has %zu flights, %zu decisions", k, d->flight_count,
			d->model.pools[0].decision_count);
}

/* Liveness: a red guard with a living owner has a rollback (or a hold) begun in two windows. */
static void red_is_acted_on(struct sim *s, int k, struct desk *d)
{
	struct watched_desk *w = &s->oracle->desk[k];
	const struct pool *p = &d->model.pools[0];
	const struct standing *st = &p->standing;
	bool owner = st->owner == OWNER_CONSOLE ? d->how.console
											: st->owner == OWNER_RECORD && p->owner_line.mine;
	bool acts = owner && p->latch.red && !p->latch.both && st->reported_bp > st->baseline_bp &&
		p->limits.action == GUARD_ACTION_ROLLBACK && !flight_open(d, 0, VERB_ROLLBACK);
	if (!acts)
		w->red_ms = -1;
	else if (w->red_ms < 0)
		w->red_ms = s->now.boot_ms;
	else if (s->now.boot_ms - w->red_ms > 2 * p->limits.window_ms)
		sim_fail(s, "liveness: desk %d owns a red guard and does nothing", k);
}

void oracle_desk_turned(struct sim *s, int k)
{
	struct desk *d = s->desk[k].desk;
	i5_left(s, k, d);
	i7_fresh(s, k, &d->model.pools[0].standing);
	i11_bounded(s, k, d);
	red_is_acted_on(s, k, d);
}

void oracle_desk_died(struct sim *s, int k)
{
	for (int n = 0; n < SIM_NODES_MAX; n++)
		s->oracle->desk[k].told_ms[n] = -1;
	s->oracle->desk[k].red_ms = -1;
}

void oracle_desk_woke(struct sim *s, int k)
{
	s->oracle->desk[k].red_ms = -1;
}

/* ---- nodes ---- */

static struct place place_of(struct sim *s, int k)
{
	struct snapshot *n = s->oracle->scratch;
	struct fake *f = s->node[k].fake;
	struct place p = {0};
	control_fill(f->control, n, f->now);
	p.share_bp = n->share_bp;
	p.baseline_bp = n->baseline_bp < 0 ? 0 : n->baseline_bp;
	p.epoch = n->epoch;
	p.rev = n->rev;
	memcpy(p.holder, n->lease.holder, sizeof p.holder);
	p.red = f->guards && n->guard.armed && n->guard.state == GUARD_RED &&
		n->guard.action == GUARD_ACTION_ROLLBACK;
	return p;
}

void oracle_node_before(struct sim *s, int k)
{
	s->oracle->node[k].before = place_of(s, k);
}

/* I13: a share is one. */
static void i13_share(struct sim *s, int k, const struct place *after)
{
	struct oracle *o = s->oracle;
	if (after->share_bp < 0 || after->share_bp > SHARE_FULL)
		sim_fail(s, "I13 node %d has a share of %d", k, after->share_bp);
	if (after->share_bp > o->highest_bp)
		o->highest_bp = after->share_bp;
}

/* Liveness: a pool's own guard acts within two windows. */
static void pool_acts(struct sim *s, int k, const struct place *after)
{
	struct watched_node *w = &s->oracle->node[k];
	if (!after->red || after->share_bp <= after->baseline_bp)
		w->red_ms = -1;
	else if (w->red_ms < 0)
		w->red_ms = s->now.boot_ms;
	else if (s->now.boot_ms - w->red_ms > 2 * s->limits.window_ms)
		sim_fail(s, "liveness: the guard of node %d is red and does nothing", k);
}

void oracle_node_ticked(struct sim *s, int k)
{
	struct watched_node *w = &s->oracle->node[k];
	struct place after = place_of(s, k);
	/* I3: no share rises by itself. */
	if (after.share_bp > w->before.share_bp)
		sim_fail(s, "I3 the share of node %d rises by itself from %d to %d", k,
			w->before.share_bp, after.share_bp);
	if (after.share_bp != w->before.share_bp) {
		sim_note(s, "node %d goes by itself from %d to %d (%lld.%lld)", k, w->before.share_bp,
			after.share_bp, (long long)after.epoch % 100000, (long long)after.rev);
		w->back_ms = s->now.boot_ms;
	}
	i13_share(s, k, &after);
	pool_acts(s, k, &after);
}

/* I3: a share rises only by a compare-and-set that was accepted, along the plan; or it is put
 * back, or what other nodes have already. */
static void i3_rises_by_plan(struct sim *s, int k, const struct command *c,
	const struct fact *f, const struct place *before, const struct place *after)
{
	const char *word = verb_row(c->verb)->word;
	if (c->verb == VERB_ROLLBACK && after->share_bp == before->baseline_bp)
		return;
	if (c->verb != VERB_STEP || !f || !f->has_act || !is_own_key(c->id)) {
		sim_fail(s, "I3 %s %s raises node %d from %d to %d", word, c->id, k, before->share_bp,
			after->share_bp);
		return;
	}
	if (plan_at(&s->plan, after->share_bp) < 0)
		sim_fail(s, "I3 node %d rises to %d, which is no step", k, after->share_bp);
	if (f->act == ACT_LOWER || (f->act != ACT_RAISE && after->share_bp > s->oracle->highest_bp))
		sim_fail(s, "I3 step %s, no raise, brings node %d to %d", c->id, k, after->share_bp);
}

/* I4: no raise above the most that one may be, no step skipped. */
static void i4_no_skip(struct sim *s, int k, const struct fact *f, const struct place *before,
	const struct place *after)
{
	if (!f || f->act != ACT_RAISE)
		return;
	if (after->share_bp - before->share_bp > s->plan.max_delta_bp)
		sim_fail(s, "I4 node %d rises by %d", k, after->share_bp - before->share_bp);
	if (plan_next_bp(&s->plan, before->share_bp) != after->share_bp)
		sim_fail(s, "I4 node %d rises from %d to %d and skips a step", k, before->share_bp,
			after->share_bp);
}

/* I6: after an accepted rollback no earlier command changes a share. */
static void i6_rollback_wins(
	struct sim *s, int k, const struct command *c, const struct fact *f)
{
	if (c->verb == VERB_STEP && f && f->born_ms < s->oracle->node[k].back_ms)
		sim_fail(
			s, "I6 step %s, decided before a rollback of node %d, applies after it", c->id, k);
}

/* I14: while a lease is held only its actor raises; no command of an older epoch (or of another
 * revision) applies. */
static void i14_lease_and_epoch(struct sim *s, int k, const struct command *c,
	const struct place *before, const struct place *after)
{
	bool matches = verb_is(c->verb, VERB_MATCHES) || c->verb == VERB_KEEP;
	if (matches && (c->epoch != before->epoch || c->rev != before->rev))
		sim_fail(s, "I14 %s %s of %lld.%lld applies at node %d, which is at %lld.%lld",
			verb_row(c->verb)->word, c->id, (long long)c->epoch, (long long)c->rev, k,
			(long long)before->epoch, (long long)before->rev);
	if (after->share_bp > before->share_bp && before->holder[0] && c->verb == VERB_STEP &&
		strcmp(before->holder, c->actor) != 0)
		sim_fail(s, "I14 %s raises node %d, whose lease %s holds", c->actor, k, before->holder);
}

void oracle_node_did(
	struct sim *s, int k, int desk, const struct command *c, const struct control_answer *a)
{
	(void)desk;
	struct oracle *o = s->oracle;
	struct watched_node *w = &o->node[k];
	struct place after = place_of(s, k), *before = &w->before;
	struct fact *f = oracle_fact(o, c->id);
	bool changed = after.share_bp != before->share_bp;
	if ((a->status != 200 || a->replayed) && (changed || after.rev != before->rev))
		sim_fail(s, "I2 node %d says %d to %s %s and changes", k, a->status,
			verb_row(c->verb)->word, c->id);
	if (a->status != 200 || a->replayed)
		return;
	if (after.share_bp > before->share_bp) {
		i3_rises_by_plan(s, k, c, f, before, &after);
		i4_no_skip(s, k, f, before, &after);
		s->steps_applied++;
	}
	if (changed)
		i6_rollback_wins(s, k, c, f);
	i14_lease_and_epoch(s, k, c, before, &after);
	i13_share(s, k, &after);
	if (c->verb == VERB_ROLLBACK)
		w->back_ms = s->now.boot_ms;
	if (f && is_own_key(c->id)) {
		struct truth *t = &f->node[k];
		t->applied = true;
		t->applied_ms = s->now.boot_ms;
		t->boots = s->node[k].boots;
	}
}

void oracle_node_started(struct sim *s, int k, bool forgot)
{
	if (forgot)
		s->oracle->node[k].back_ms = s->now.boot_ms;
	s->oracle->node[k].red_ms = -1;
}

/* ---- everything ---- */

void oracle_event(struct sim *s)
{
	if (s->messages > MESSAGES_MAX)
		sim_fail(s, "I11 %d messages are under way", s->messages);
}
