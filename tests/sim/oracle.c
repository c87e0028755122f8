/* Oracle: one function an invariant, by the numbers that the design gives them. What can only be
 * said at a day's end (I2, I10) is in oracle_end.c, what nodes do in oracle_node.c, I9 (a replay
 * gives the same model) in echo.c, I12 (no control byte reaches the terminal) in oracle_text.c.
 * That the chain verifies (of I10) belongs to other tests.
 *
 * Where a node lied, what was true there is not asked any more. */
#include "tests/sim/oracle.h"

#include "model/mem.h"
#include "model/text.h"
#include "tests/sim/echo.h"
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
		for (int p = 0; p < SIM_POOLS_MAX; p++)
			o->desk[k].red_ms[p] = -1;
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

bool oracle_is_own_key(const char *key)
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
	f->pool = model_find(desk_model(s->desk[desk].desk), d->pool);
	f->verb = d->verb;
	f->to_bp = d->to_bp;
	f->born_ms = s->now.boot_ms;
	f->epoch = d->epoch;
	f->rev = d->rev;
	f->life = s->desk[desk].lives;
	s->acts++;
	oracle_shown(s, desk, "reason", d->reason);
	oracle_shown(s, desk, "evidence", d->evidence);
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
 * heard, where the rollback was decided, or where it is back already: who presses then may take
 * it for his own, and nothing newer is undone. */
static void i6_found(
	struct sim *s, int desk, int node, const struct command *c, const struct fact *f)
{
	bool own = f->desk == desk && f->life == s->desk[desk].lives;
	if (own || c->verb != VERB_ROLLBACK || f->node[node].resent == s->desk[desk].lives)
		return;
	bool same = (c->epoch == f->epoch && c->rev == f->rev) ||
		s->oracle->desk[desk].told_bp[node] == f->to_bp;
	if (!same && s->oracle->desk[desk].changed_ms[node] > f->born_ms)
		sim_fail(s, "I6 desk %d finds rollback %s and sends it to node %d, which has moved",
			desk, c->id, node);
}

/* What kind of step it is, which its desk says when it sends it, or need not. */
static void note_act(struct sim *s, int desk, struct fact *f)
{
	const struct flight *flight = flight_find(s->desk[desk].desk, f->id);
	if (!flight || f->verb != VERB_STEP)
		return;
	f->act = flight->act;
	f->has_act = true;
}

void oracle_sent(struct sim *s, int desk, int node, const struct command *c)
{
	struct fact *f = oracle_fact(s->oracle, c->id);
	s->commands++;
	i1_recorded(s, desk, c, f);
	if (!f)
		return;
	if (f->pool != s->node[node].pool)
		sim_fail(
			s, "%s %s goes to node %d of another pool", verb_row(c->verb)->word, c->id, node);
	i6_found(s, desk, node, c, f);
	f->node[node].left = true;
	f->node[node].resent = s->desk[desk].lives;
	f->node[node].sent |= oracle_is_own_key(c->id);
	f->node[node].lied |= s->node[node].lies;
	note_act(s, desk, f);
}

/* What has been seen after it was in force. */
void oracle_told(
	struct sim *s, int desk, int node, const struct snapshot *document, int64_t made_ms)
{
	struct oracle *o = s->oracle;
	o->desk[desk].told_ms[node] = s->now.boot_ms;
	o->desk[desk].told_bp[node] = document->share_bp;
	o->desk[desk].changed_ms[node] =
		document->change.known ? made_ms - document->change.age_ms : -1;
	for (size_t i = 0; i < o->count; i++) {
		struct fact *f = &o->facts[i];
		struct truth *t = &f->node[node];
		if (f->pool != s->node[node].pool || f->verified || t->seen ||
			(f->verb != VERB_STEP && f->verb != VERB_ROLLBACK))
			continue;
		bool took_part = t->applied || (f->has_act && f->act == ACT_COMPLETE);
		t->seen = took_part && made_ms >= t->applied_ms &&
			(f->to_bp < 0 || document->share_bp == f->to_bp);
	}
}

/* I8: VERIFIED implies an observation on every node after the command was in force there. */
static void i8_seen(struct sim *s, const struct fact *f)
{
	EACH_NODE(s, k, f->pool)
	if (!f->node[k].seen && !f->node[k].lied && !f->node[k].lost)
		sim_fail(s, "I8 %s %s is VERIFIED, and node %d did not show it",
			verb_row(f->verb)->word, f->id, k);
}

void oracle_outcome(struct sim *s, int desk, const struct outcome_row *row)
{
	struct fact *f = oracle_fact(s->oracle, row->decision);
	oracle_shown(s, desk, "answer", row->answer);
	oracle_shown(s, desk, "node's name", row->node);
	if (row->row != OUTCOME_ROW_NODE)
		sim_note(s, "desk %d says of %s: %s%s %s", desk, row->decision + 24,
			row->row == OUTCOME_ROW_VERIFIED ? "VERIFIED " : "", outcome_name(row->kind),
			row->answer);
	if (f && row->row == OUTCOME_ROW_FINAL && row->kind == OUTCOME_APPLIED)
		note_act(s, desk, f);
	if (!f || row->row != OUTCOME_ROW_VERIFIED || row->kind != OUTCOME_APPLIED)
		return;
	if (f->verb != VERB_STEP && f->verb != VERB_ROLLBACK)
		return;
	i8_seen(s, f);
	s->rollbacks_verified += f->verb == VERB_ROLLBACK && !f->verified;
	f->verified = true;
}

/* By a node's own word. */
static bool is_finished(struct sim *s, int pool)
{
	static struct snapshot now;
	EACH_NODE(s, n, pool)
	{
		fake_document(s->node[n].fake, &now);
		if (now.finalized)
			return true;
	}
	return false;
}

/* I5: a rollback is accepted, in every state but FINALIZED, in the turn of its press. */
static void i5_accepted(struct sim *s, int desk, int pool, const struct act_result *result)
{
	bool over = result->err.code == ERR_FINALIZED && is_finished(s, pool);
	if (result->status != ACT_BEGUN && result->status != ACT_REPLAYED && !over)
		sim_fail(s, "I5 desk %d refuses a rollback: %s", desk, result->err.text);
}

void oracle_pressed(
	struct sim *s, int desk, int pool, enum verb verb, const struct act_result *result)
{
	if (verb == VERB_ROLLBACK)
		i5_accepted(s, desk, pool, result);
}

/* I5: and it leaves 250 ms later at most, recorded or not, to every node of its pool: whatever
 * the others do, other pools and other nodes. */
static void i5_left(struct sim *s, int k, const struct desk *d)
{
	for (size_t i = 0; i < d->flight_count; i++) {
		const struct flight *f = &d->flights[i];
		if (!verb_is_brake(f->verb) || f->phase == FLIGHT_FOUND || f->phase == FLIGHT_DONE ||
			s->now.boot_ms - f->begun_ms < 250)
			continue;
		const struct fact *fact = oracle_fact(s->oracle, f->id);
		if (!fact || fact->life != s->desk[k].lives || fact->desk != k)
			continue;
		EACH_NODE(s, n, f->pool)
		if (!fact->node[n].left)
			sim_fail(s, "I5 %s %s of desk %d has not left to node %d after 250 ms",
				verb_row(f->verb)->word, f->id, k, n);
	}
}

/* I7: LIVE is said only of news younger than two polls, a tick of the model more at most. */
static void i7_fresh(struct sim *s, int k, int pool, const struct standing *st)
{
	if (st->freshness != FRESHNESS_LIVE)
		return;
	EACH_NODE(s, n, pool)
	{
		int64_t told_ms = s->oracle->desk[k].told_ms[n];
		if (told_ms < 0 || s->now.boot_ms - told_ms > 2 * SIM_POLL_MS + 250)
			sim_fail(s, "I7 desk %d says LIVE of node %d, last heard of %lld ms ago", k, n,
				(long long)(s->now.boot_ms - told_ms));
	}
}

/* I11: queues are bounded. */
static void i11_bounded(struct sim *s, int k, const struct desk *d)
{
	if (d->flight_count > FLIGHTS_MAX)
		sim_fail(s, "I11 desk %d has %zu flights", k, d->flight_count);
	for (int p = 0; p < d->model.pool_count; p++)
		if (d->model.pools[p].decision_count > POOL_DECISIONS)
			sim_fail(s, "I11 desk %d has %zu decisions", k, d->model.pools[p].decision_count);
}

/* Liveness: a red guard with a living owner has a rollback (or a hold) begun in two windows. */
static void red_is_acted_on(struct sim *s, int k, struct desk *d, int pool)
{
	int64_t *red_ms = &s->oracle->desk[k].red_ms[pool];
	const struct pool *p = &d->model.pools[pool];
	const struct standing *st = &p->standing;
	bool owner = st->owner == OWNER_CONSOLE ? d->how.console
											: st->owner == OWNER_RECORD && p->owner_line.mine;
	bool acts = owner && p->latch.red && !p->latch.both && st->reported_bp > st->baseline_bp &&
		p->limits.action == GUARD_ACTION_ROLLBACK && !flight_open(d, pool, VERB_ROLLBACK);
	if (!acts)
		*red_ms = -1;
	else if (*red_ms < 0)
		*red_ms = s->now.boot_ms;
	else if (s->now.boot_ms - *red_ms > 2 * p->limits.window_ms)
		sim_fail(s, "liveness: desk %d owns a red guard and does nothing", k);
}

void oracle_desk_turned(struct sim *s, int k, unsigned dirty)
{
	struct desk *d = s->desk[k].desk;
	echo_tick(s, k);
	i5_left(s, k, d);
	i11_bounded(s, k, d);
	oracle_texts(s, k, dirty);
	for (int p = 0; p < s->pool_count; p++) {
		i7_fresh(s, k, p, &d->model.pools[p].standing);
		red_is_acted_on(s, k, d, p);
	}
}

/* I10: nobody was told that something is recorded, and then it is not: what went forward was.
 * What brakes went ahead of its record; where that is gone too, the pool's log has it. */
void oracle_desk_lost_power(struct sim *s, int k)
{
	const struct ledger_file *file = s->file[s->desk[k].file];
	for (size_t i = 0; i < s->oracle->count; i++) {
		struct fact *f = &s->oracle->facts[i];
		bool sent = false;
		if (f->desk != k || f->unrecorded || ledger_knows(file, f->id))
			continue;
		EACH_NODE(s, n, f->pool)
		sent |= f->node[n].left;
		if (sent && !verb_is_brake(f->verb))
			sim_fail(s, "I10 %s %s of desk %d was sent, and power took its record",
				verb_row(f->verb)->word, f->id, k);
		f->unrecorded = true;
		s->brakes_lost += sent;
	}
}

void oracle_desk_died(struct sim *s, int k)
{
	for (int n = 0; n < SIM_NODES_MAX; n++)
		s->oracle->desk[k].told_ms[n] = -1;
	oracle_desk_woke(s, k);
}

void oracle_desk_woke(struct sim *s, int k)
{
	for (int p = 0; p < SIM_POOLS_MAX; p++)
		s->oracle->desk[k].red_ms[p] = -1;
}

/* ---- everything ---- */

void oracle_event(struct sim *s)
{
	if (s->messages > MESSAGES_MAX)
		sim_fail(s, "I11 %d messages are under way", s->messages);
}
