/* Echo: a second model, of somebody who only looks, on one clock as a replay's is. Compared is
 * what a decision says of the moment it was made in: its evidence, its share, its revision.
 *
 * Not demanded to be equal, since no recording has it:
 * - what a poll that failed said, and that a lost answer made an intent UNRESOLVED;
 * - what came before the past was read: it was not written down, and fills a window's sums;
 * - how far the pool's log was known: while that may explain a share nothing is claimed of it,
 *   and a replay waits for an explanation that a desk has already;
 * - sums over a sliding window: they are of the last moment at which the desk looked;
 * - what a recorder's line says, and what others wrote into the same file: a replay knows that
 *   when it was decided, a desk when it hears of it;
 * - whether the desk itself guards: it is told here, since no replay reads it yet;
 * - days on which wall clocks jump: a recording is put in order by them. */
#include "tests/sim/echo.h"

#include "history/chain.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/desk_parts.h"

#include <stdlib.h>
#include <string.h>

#define ONE_DAY_IN 4
#define EXPLAIN_MS 5000  /* as in model/standing_share.c */
#define SETTLED_MS 12000 /* a window and two polls: what was there before is forgotten */

struct echo {
	int desk;
	bool begun;
	struct model model;
	int64_t since_ms[SIM_POOLS_MAX]; /* of the first document; -1 none */
	int64_t ticked_ms;
	struct model_sample *sample; /* large, and of no use here */
};

struct echo *echo_new(struct sim *s)
{
	if (s->seed % ONE_DAY_IN != 0 || sim_has(s, FAULT_CLOCK) || sim_has(s, FAULT_RECORDER))
		return NULL;
	struct echo *e = mem_new(1, sizeof *e);
	e->sample = mem_new(1, sizeof *e->sample);
	e->desk = (int)(s->seed / ONE_DAY_IN % (uint64_t)s->desk_count);
	return e;
}

void echo_free(struct echo *e)
{
	if (!e)
		return;
	if (e->begun)
		model_release(&e->model);
	free(e->sample);
	free(e);
}

bool echo_is_of(const struct sim *s, int desk)
{
	return s->echo && s->echo->desk == desk;
}

/* The echo of a desk that still lives; NULL. */
static struct echo *echo_of(struct sim *s, int desk)
{
	return echo_is_of(s, desk) && s->echo->begun ? s->echo : NULL;
}

void echo_begin(struct sim *s, int desk)
{
	if (!echo_is_of(s, desk))
		return;
	struct echo *e = s->echo;
	if (e->begun)
		model_release(&e->model);
	e->begun = true;
	e->ticked_ms = s->now.boot_ms;
	model_init(&e->model, s->desk[desk].actor, true);
	e->model.guards = desk_model(s->desk[desk].desk)->guards;
	for (int i = 0; i < s->pool_count; i++) {
		struct sim_targets names;
		struct pool_setup setup = sim_setup(s, i, &names);
		model_add(&e->model, &setup);
		e->since_ms[i] = -1;
	}
}

static void apply(struct echo *e, struct model_event *event, int64_t at_ms)
{
	event->at = (struct instant){at_ms, at_ms};
	model_apply(&e->model, event, e->sample);
}

static int64_t wall(const struct sim *s, int desk)
{
	return sim_desk_now(s, desk).wall_ms;
}

/* ---- what is written down ---- */

void echo_loaded(struct sim *s, int desk, const struct history_answer *a)
{
	struct echo *e = echo_of(s, desk);
	int pool = e ? model_find(&e->model, a->id) : -1;
	for (size_t i = 0; pool >= 0 && i < a->decision_count; i++)
		apply(e,
			&(struct model_event){
				.kind = MODEL_DECISION, .pool = pool, .decision = &a->decisions[i]},
			wall(s, desk));
}

static uint64_t node_of(const struct sim *s, const struct snapshot *d)
{
	for (int k = 0; k < s->node_count; k++)
		if (strcmp(d->node_id, s->node[k].fake->counts->node_id) == 0)
			return sim_handle(s, k);
	return 0;
}

void echo_document(
	struct sim *s, int desk, int64_t at_ms, const char *pool, const struct snapshot *document)
{
	struct echo *e = echo_of(s, desk);
	int i = e ? model_find(&e->model, pool) : -1;
	if (i < 0)
		return;
	if (e->since_ms[i] < 0)
		e->since_ms[i] = s->now.boot_ms;
	apply(e,
		&(struct model_event){
			.kind = MODEL_SNAPSHOT, .node = node_of(s, document), .snapshot = document},
		at_ms);
}

void echo_outcome(struct sim *s, int desk, const struct outcome_row *row)
{
	struct echo *e = echo_of(s, desk);
	for (int i = 0; e && i < s->pool_count; i++)
		if (pool_decision(&e->model.pools[i], row->decision))
			apply(e, &(struct model_event){.kind = MODEL_OUTCOME, .pool = i, .outcome = row},
				wall(s, desk));
}

void echo_not_sent(struct sim *s, int desk, const char *id)
{
	struct outcome_row row = {.row = OUTCOME_ROW_FINAL,
		.kind = OUTCOME_NOT_SENT,
		.at_ms = wall(s, desk),
		.latency_ms = UNKNOWN};
	text_copy(row.decision, sizeof row.decision, id);
	echo_outcome(s, desk, &row);
}

static void observe(struct echo *e, int pool, const struct snapshot *node,
	const struct audit_entry *entry, int64_t at_ms)
{
	struct decision seen;
	char id[POOL_ID_MAX];
	const struct pool *p = &e->model.pools[pool];
	chain_observed_id(id, node->pool_id, node->node_id, entry->seq);
	const struct decision *old = pool_decision(p, id);
	if (!old || old->epoch != entry->epoch)
		chain_entry_id(id, node->pool_id, node->node_id, entry->epoch, entry->seq);
	if (!decision_observe(
			&seen, p->name, node->pool_id, entry, entry->key[0] ? entry->key : id, at_ms))
		return;
	const struct decision *known = pool_decision(p, seen.id);
	if (known && !known->observed)
		return;
	seen.outcome = OUTCOME_APPLIED;
	seen.outcome_ms = seen.at_ms;
	apply(e, &(struct model_event){.kind = MODEL_DECISION, .pool = pool, .decision = &seen},
		at_ms);
}

void echo_observed(struct sim *s, int desk, int64_t at_ms, const char *pool,
	const struct snapshot *node, const struct audit_entry *entries, size_t count)
{
	struct echo *e = echo_of(s, desk);
	int i = e ? model_find(&e->model, pool) : -1;
	for (size_t k = 0; i >= 0 && k < count; k++)
		observe(e, i, node, &entries[k], at_ms);
}

void echo_tick(struct sim *s, int desk)
{
	struct echo *e = echo_of(s, desk);
	if (!e || s->desk[desk].desk->ticked_ms == e->ticked_ms)
		return;
	e->ticked_ms = s->desk[desk].desk->ticked_ms;
	apply(e, &(struct model_event){.kind = MODEL_TICK}, wall(s, desk));
}

/* ---- at a decision ---- */

/* True while the replay waits for the log of a node. */
static bool explains(const struct node *n, int64_t at_ms)
{
	return n->audit_apart_ms != UNKNOWN && at_ms - n->audit_apart_ms < EXPLAIN_MS;
}

/* What another process wrote of a decision, and this desk has read in the file they share. */
static bool was_read(const struct decision *d, const struct pool *replayed)
{
	const struct decision *known = pool_decision(replayed, d->id);
	return known && !known->observed &&
		((decision_is_open(known) && !decision_is_open(d)) ||
			(decision_awaits_verification(known) && !decision_awaits_verification(d)));
}

/* True where all that the desk believed can be known from what it wrote down. */
static bool is_demanded(const struct sim *s, const struct echo *e, int pool)
{
	const struct model *m = desk_model(s->desk[e->desk].desk);
	const struct pool *p = &m->pools[pool];
	int64_t at_ms = wall(s, e->desk);
	if (!m->history_writable || e->since_ms[pool] < 0 ||
		s->now.boot_ms - e->since_ms[pool] < SETTLED_MS)
		return false;
	for (int k = 0; k < p->node_count; k++)
		if (!node_is_usable(&p->nodes[k]) || p->nodes[k].trouble.code != ERR_NONE ||
			p->nodes[k].audit_apart_ms != UNKNOWN ||
			explains(&e->model.pools[pool].nodes[k], at_ms))
			return false;
	for (size_t i = 0; i < p->decision_count; i++)
		if (p->decisions[i].outcome == OUTCOME_UNRESOLVED ||
			was_read(&p->decisions[i], &e->model.pools[pool]))
			return false;
	return true;
}

/* Nodes count what came since their last change; before the first the newest samples are taken,
 * as many as there are. */
static bool counts_since_change(const struct pool *p)
{
	for (int k = 0; k < p->node_count; k++)
		if (!node_is_usable(&p->nodes[k]) || !p->nodes[k].last->change.known)
			return false;
	return true;
}

/* What the evidence of a decision begins with, made by this moment. */
static void write_known(struct text *t, const struct pool *p)
{
	const struct standing *s = &p->standing;
	text_add(t, "{");
	text_json_str(t, "state", state_name(s->state));
	text_json_str(t, "guard", guard_state_name(s->guard.state));
	if (!counts_since_change(p))
		return;
	text_json_int(t, "measured_bp", s->measured_bp < 0 ? UNKNOWN : s->measured_bp);
	text_json_int(t, "measured_n", s->measured_n);
}

static bool is_same(const struct pool *p, const struct decision *d, struct text *known)
{
	const struct standing *st = &p->standing;
	text_clear(known);
	write_known(known, p);
	return strncmp(text_str(known), d->evidence, known->len) == 0 &&
		d->from_bp == st->reported_bp && d->epoch == st->epoch && d->rev == st->rev;
}

/* Guard and bake remember when a word last changed: by two clocks, the same moment. */
static bool is_apart(const struct sim *s, int64_t replayed_ms, int64_t was_ms)
{
	if (replayed_ms == UNKNOWN || was_ms == UNKNOWN)
		return replayed_ms != was_ms;
	return replayed_ms - was_ms != s->now.wall_ms - s->now.boot_ms;
}

/* The sums of a window slide with each moment. Where they differ a guard's word may, and where it
 * has differed before, so does what stays of it: the latch, and from when the bake counts. */
static bool is_of_another_moment(
	const struct sim *s, const struct pool *replayed, const struct pool *was)
{
	const struct standing *a = &replayed->standing, *b = &was->standing;
	bool sums = true;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		sums &= a->arms[arm].done == b->arms[arm].done &&
			a->arms[arm].failed == b->arms[arm].failed;
	return replayed->latch.red != was->latch.red ||
		is_apart(s, replayed->bake_from_ms, was->bake_from_ms) ||
		(!sums && a->guard.state != b->guard.state);
}

/* I9: what was recorded tells the same at each decision: at the desk's last look, or now, when
 * it has looked for a reason that nobody wrote down. */
static void i9_same(struct sim *s, struct echo *e, int pool, const struct decision *d)
{
	const struct pool *p = &e->model.pools[pool];
	const struct standing *st = &p->standing;
	struct text known = {0};
	bool same = is_same(p, d, &known);
	if (!same) {
		apply(e, &(struct model_event){.kind = MODEL_TICK}, wall(s, e->desk));
		same = is_same(p, d, &known);
	}
	bool excused =
		!same && is_of_another_moment(s, p, &desk_model(s->desk[e->desk].desk)->pools[pool]);
	s->echoes += !excused;
	if (!same && !excused)
		sim_fail(s, "I9 %s of desk %d, replayed %d %lld.%lld %s, was %d %lld.%lld %.*s",
			verb_row(d->verb)->word, e->desk, st->reported_bp, (long long)st->epoch,
			(long long)st->rev, text_str(&known), d->from_bp, (long long)d->epoch,
			(long long)d->rev, (int)known.len, d->evidence);
	text_free(&known);
}

void echo_intent(struct sim *s, int desk, const struct decision *d)
{
	struct echo *e = echo_of(s, desk);
	int pool = e ? model_find(&e->model, d->pool) : -1;
	if (pool < 0)
		return;
	echo_tick(s, desk);
	if (is_demanded(s, e, pool))
		i9_same(s, e, pool, d);
	apply(e, &(struct model_event){.kind = MODEL_DECISION, .pool = pool, .decision = d},
		wall(s, desk));
}
