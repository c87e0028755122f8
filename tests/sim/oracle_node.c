/* Oracle, nodes: what truly happens to a pool's share, by the numbers of the invariants.
 *
 * Where a node lied, what was true there is not asked any more. */
#include "model/text.h"
#include "tests/sim/oracle_parts.h"

#include <string.h>

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

void oracle_lied(struct sim *s, int k, const struct command *c)
{
	struct fact *f = oracle_fact(s->oracle, c->id);
	if (f)
		f->node[k].lied = true;
}

void oracle_node_before(struct sim *s, int k)
{
	s->oracle->node[k].before = place_of(s, k);
}

/* I13: a share is one. */
static void i13_share(struct sim *s, int k, const struct place *after)
{
	int *highest_bp = &s->oracle->highest_bp[s->node[k].pool];
	if (after->share_bp < 0 || after->share_bp > SHARE_FULL)
		sim_fail(s, "I13 node %d has a share of %d", k, after->share_bp);
	if (after->share_bp > *highest_bp)
		*highest_bp = after->share_bp;
}

/* Liveness: a pool's own guard acts within two windows. */
static void pool_acts(struct sim *s, int k, const struct place *after)
{
	struct watched_node *w = &s->oracle->node[k];
	if (!after->red || after->share_bp <= after->baseline_bp)
		w->red_ms = -1;
	else if (w->red_ms < 0)
		w->red_ms = s->now.boot_ms;
	else if (s->now.boot_ms - w->red_ms > 2 * s->pool[s->node[k].pool].limits.window_ms)
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
	if (c->verb != VERB_STEP || !f || !f->has_act || !oracle_is_own_key(c->id)) {
		sim_fail(s, "I3 %s %s raises node %d from %d to %d", word, c->id, k, before->share_bp,
			after->share_bp);
		return;
	}
	if (plan_at(&s->pool[s->node[k].pool].plan, after->share_bp) < 0)
		sim_fail(s, "I3 node %d rises to %d, which is no step", k, after->share_bp);
	if (f->act == ACT_LOWER ||
		(f->act != ACT_RAISE && after->share_bp > s->oracle->highest_bp[s->node[k].pool]))
		sim_fail(s, "I3 step %s, no raise, brings node %d to %d", c->id, k, after->share_bp);
}

/* I4: no raise above the most that one may be, no step skipped. */
static void i4_no_skip(struct sim *s, int k, const struct fact *f, const struct place *before,
	const struct place *after)
{
	const struct plan *plan = &s->pool[s->node[k].pool].plan;
	if (!f || f->act != ACT_RAISE)
		return;
	if (after->share_bp - before->share_bp > plan->max_delta_bp)
		sim_fail(s, "I4 node %d rises by %d", k, after->share_bp - before->share_bp);
	if (plan_next_bp(plan, before->share_bp) != after->share_bp)
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
	if (f && oracle_is_own_key(c->id)) {
		struct truth *t = &f->node[k];
		t->applied = true;
		t->durable = a->durable;
		t->lost = false;
		t->applied_ms = s->now.boot_ms;
		t->boots = s->node[k].boots;
	}
	/* I10, of a pool: what goes forward is on its disk before it is in force. (Adopt arrives as a
	 * hold.) */
	if (!a->durable && !verb_is_brake(c->verb) && c->verb != VERB_ADOPT)
		sim_fail(
			s, "I10 node %d does %s %s without a record", k, verb_row(c->verb)->word, c->id);
}

/* I10, of a pool: what it said to be on its disk is there. What a death took is asked of nobody
 * any more; what was on the disk and never answered was done: true for a step. */
static bool i10_kept(struct sim *s, int k, struct fact *f)
{
	struct truth *t = &f->node[k];
	struct fake *n = s->node[k].fake;
	struct control_answer a;
	enum intent_fate fate = control_intent(n->control, f->id, false, n->now, &a);
	bool known = fate == INTENT_APPLIED || fate == INTENT_SUPERSEDED;
	if (t->applied && !known && t->boots == s->node[k].boots) {
		if (t->durable)
			sim_fail(s, "I10 node %d said that %s %s is stored, and has lost it", k,
				verb_row(f->verb)->word, f->id);
		t->applied = false;
		t->lost = true;
	} else if (!t->applied && known) {
		t->applied = true;
		t->applied_ms = s->now.boot_ms;
		t->boots = s->node[k].boots;
		return f->verb == VERB_STEP;
	}
	return false;
}

/* I3: nor does a share rise by a death, but where that took a brake with it, or came between a
 * step's record and its answer. */
static void i3_restarted(struct sim *s, int k, bool stepped)
{
	struct watched_node *w = &s->oracle->node[k];
	struct place after = place_of(s, k);
	bool lost = after.epoch < w->before.epoch || after.rev < w->before.rev;
	if (after.share_bp > w->before.share_bp && !lost && !stepped)
		sim_fail(s, "I3 the share of node %d rises from %d to %d by a restart", k,
			w->before.share_bp, after.share_bp);
	/* That rollback is known to nobody at the node any more. */
	if (lost)
		w->back_ms = -1;
	i13_share(s, k, &after);
}

void oracle_node_started(struct sim *s, int k, bool forgot)
{
	struct oracle *o = s->oracle;
	o->node[k].red_ms = -1;
	if (forgot) {
		o->node[k].back_ms = s->now.boot_ms;
		return;
	}
	bool stepped = false;
	for (size_t i = 0; i < o->count; i++)
		if (o->facts[i].pool == s->node[k].pool)
			stepped |= i10_kept(s, k, &o->facts[i]);
	i3_restarted(s, k, stepped);
}
