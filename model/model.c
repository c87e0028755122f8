/* The one writer of what is believed. Each event is one function in a table; what follows from
 * the facts is derived in standing.c and its sisters, what is remembered of decisions is in decided.c. */
#include "model/model.h"

#include "model/approving.h"
#include "model/decided.h"
#include "model/intake.h"
#include "model/mem.h"
#include "model/standing.h"
#include "model/text.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void model_init(struct model *m, const char *actor, bool read_only)
{
	memset(m, 0, sizeof *m);
	text_copy(m->actor, sizeof m->actor, actor);
	m->read_only = read_only;
}

static void node_release(struct node *n)
{
	if (n->last != n->base)
		free(n->last);
	free(n->base);
}

void model_release(struct model *m)
{
	for (int i = 0; i < m->pool_count; i++) {
		struct pool *p = &m->pools[i];
		for (int k = 0; k < p->node_count; k++)
			node_release(&p->nodes[k]);
		free(p->nodes);
		free(p->decisions);
		free(p->approvals);
		ring_release(&p->ticks);
		judging_release(p->judging);
		free(p->judging);
		for (int arm = 0; arm < ARM_COUNT; arm++)
			window_release(&p->window[arm]);
	}
	free(m->pools);
	memset(m, 0, sizeof *m);
}

int model_add(struct model *m, const struct pool_setup *setup)
{
	assert(setup->target_count > 0 && setup->interval_ms > 0);
	int index = m->pool_count++;
	m->pools = mem_resize(m->pools, (size_t)m->pool_count, sizeof *m->pools);
	struct pool *p = &m->pools[index];
	memset(p, 0, sizeof *p);
	text_copy(p->name, sizeof p->name, setup->name);
	text_copy(p->env, sizeof p->env, setup->env ? setup->env : "");
	p->interval_ms = setup->interval_ms;
	p->has_plan = setup->plan != NULL;
	if (setup->plan)
		p->plan = *setup->plan;
	else
		plan_init(&p->plan);
	if (!setup->plan)
		p->plan.policy = *policy_builtin(POLICY_MANUAL);
	text_copy(p->plan_hash, sizeof p->plan_hash, setup->plan_hash ? setup->plan_hash : "");
	p->limits = *setup->limits;
	p->node_count = setup->target_count;
	p->unseen = UINT64_MAX;
	p->counter_back_ms = UNKNOWN;
	p->nodes = mem_new((size_t)p->node_count, sizeof *p->nodes);
	for (int k = 0; k < p->node_count; k++) {
		struct node *n = &p->nodes[k];
		n->id = NODE_HANDLE(index, k);
		text_copy(n->target, sizeof n->target, setup->targets[k]);
		n->retry_ms = n->audit_apart_ms = n->audit_seen = n->last_tick = n->forbidden_ms =
			UNKNOWN;
	}
	ring_init(&p->ticks, POOL_TICKS, sizeof(struct tick));
	struct judge_policy policy;
	guard_policy(&policy, &p->limits, p->interval_ms);
	p->judging = mem_new(1, sizeof *p->judging);
	judging_init(p->judging, &policy, p->node_count);
	p->first_tick_ms = p->doubt_ms = p->bake_from_ms = p->no_data_ms = UNKNOWN;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		window_init(&p->window[arm], p->limits.window_ms);
	/* Before the first event too nothing reads as known; since when is for that event to say.
	 */
	standing_derive(m, p, (struct instant){0});
	p->standing.state_since_ms = UNKNOWN;
	return index;
}

void model_exchange(struct model *a, struct model *b, int pool)
{
	struct pool was = a->pools[pool];
	was.is_past = false; /* it goes on, to another moment */
	a->pools[pool] = b->pools[pool];
	b->pools[pool] = was;
}

struct pool *model_pool_of(const struct model *m, uint64_t node)
{
	uint64_t index = (node >> 16) - 1;
	return index < (uint64_t)m->pool_count ? &m->pools[index] : NULL;
}

struct node *model_node(const struct model *m, uint64_t node)
{
	struct pool *p = model_pool_of(m, node);
	uint64_t k = node & 0xffff;
	return p && k < (uint64_t)p->node_count ? &p->nodes[k] : NULL;
}

int model_find(const struct model *m, const char *name)
{
	for (int i = 0; i < m->pool_count; i++)
		if (strcmp(m->pools[i].name, name) == 0)
			return i;
	return -1;
}

bool pool_shows_minutes(const struct pool *p)
{
	for (int k = 0; k < p->node_count; k++)
		if (p->nodes[k].minute)
			return true;
	return false;
}

bool node_is_usable(const struct node *n)
{
	return n->last && !n->foreign;
}

const struct decision *pool_decision(const struct pool *p, const char *id)
{
	for (size_t i = p->decision_count; i-- > 0;)
		if (strcmp(p->decisions[i].id, id) == 0)
			return &p->decisions[i];
	return NULL;
}

/* ---- events ---- */

static unsigned on_tick(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)m, (void)e, (void)sample;
	return 0;
}

/* Notes since when a node's log and its document tell of different moments. */
static void compare_audit(struct node *n, struct instant at)
{
	int64_t seq = n->last ? n->last->audit_seq : UNKNOWN;
	if (seq == UNKNOWN || seq == 0 || seq == n->audit_seen)
		n->audit_apart_ms = UNKNOWN;
	else if (n->audit_apart_ms == UNKNOWN)
		n->audit_apart_ms = at.boot_ms;
}

static bool is_foreign(const struct pool *p, const struct node *n, const struct snapshot *s)
{
	if (p->pool_id[0] && strcmp(p->pool_id, s->pool_id) != 0)
		return true;
	return n->last && strcmp(n->last->node_id, s->node_id) != 0;
}

/* Embedded engines were once told apart by where they stood in the command line. */
static bool was_numbered(const struct pool *p, const struct node *n)
{
	return strncmp(n->target, "local:", 6) == 0 &&
		(strcmp(p->pool_id, "local") == 0 || strncmp(p->pool_id, "local-", 6) == 0);
}

/* Only when every node that speaks says so: one alone refuses its own rollback itself. */
static bool is_finalized(const struct pool *p)
{
	bool any = false;
	for (int k = 0; k < p->node_count; k++) {
		if (!node_is_usable(&p->nodes[k]))
			continue;
		if (!p->nodes[k].last->finalized)
			return false;
		any = true;
	}
	return any;
}

/* Makes `s` the node's last document. That is nearly always the one that the next sample is measured
 * from, too, and then there is one of it: they are the most that a pool keeps. Where a poll came
 * too soon for a sample there are two from then on. */
static void keep_last(struct node *n, const struct snapshot *s, struct instant base_at)
{
	bool is_base =
		base_at.boot_ms != n->base_at.boot_ms || base_at.wall_ms != n->base_at.wall_ms;
	if (is_base && (!n->last || n->last == n->base)) {
		n->last = n->base;
		return;
	}
	if (!n->last || n->last == n->base)
		n->last = mem_new(1, sizeof *n->last);
	*n->last = *s;
}

/* The other pool whose node this is, too; NULL none. What it counts is written down
 * once, under one name. */
static const struct pool *find_twin(
	const struct model *m, const struct pool *p, const struct snapshot *s)
{
	for (int i = 0; i < m->pool_count && s->node_id[0]; i++)
		for (int k = 0; &m->pools[i] != p && k < m->pools[i].node_count; k++) {
			const struct snapshot *other = m->pools[i].nodes[k].last;
			if (other && strcmp(other->node_id, s->node_id) == 0 &&
				strcmp(other->pool_id, s->pool_id) == 0)
				return &m->pools[i];
		}
	return NULL;
}

static unsigned on_snapshot(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	struct pool *p = model_pool_of(m, e->node);
	struct node *n = model_node(m, e->node);
	n->foreign = is_foreign(p, n, e->snapshot);
	if (n->foreign) {
		err_set(&n->trouble, ERR_IDENTITY, "was pool '%s', now '%s' answers at '%s'%s",
			p->pool_id, e->snapshot->pool_id, n->target,
			was_numbered(p, n) ? ": an older weir numbered what runs inside it; use a new "
								 "--history"
							   : "");
		return DIRTY_STATE;
	}
	const struct pool *twin = n->last ? NULL : find_twin(m, p, e->snapshot);
	if (twin) {
		n->foreign = true;
		err_set(&n->trouble, ERR_IDENTITY,
			"'%s' is a node of pool '%s' already: one node under two "
			"names would be recorded once; leave one of them out",
			n->target, twin->name);
		return DIRTY_STATE;
	}
	if (!p->pool_id[0])
		text_copy(p->pool_id, sizeof p->pool_id, e->snapshot->pool_id);
	n->trouble = (struct err){0};
	n->retry_ms = UNKNOWN;
	const struct instant base_at = n->base_at;
	n->minute = e->minute;
	intake_sample(p, n, e->snapshot, e->at, sample);
	if (sample->change == COUNTS_BACK)
		p->counter_back_ms = e->at.boot_ms;
	if (sample->change == COUNTS_BACK)
		err_set(&n->trouble, ERR_COUNTER_BACK, "a counter of '%s' went back without a restart",
			n->target);
	keep_last(n, e->snapshot, base_at);
	n->last_at = e->at;
	compare_audit(n, e->at);
	p->finalized = is_finalized(p);
	return DIRTY_FACTS | (sample->valid ? DIRTY_SAMPLE : 0);
}

static unsigned on_trouble(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct node *n = model_node(m, e->node);
	n->trouble = *e->err;
	n->retry_ms = e->retry_ms;
	return DIRTY_FACTS;
}

static unsigned on_doubt(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	model_node(m, e->node)->trouble = *e->err;
	model_pool_of(m, e->node)->counter_back_ms = e->at.boot_ms;
	return DIRTY_FACTS;
}

static unsigned on_rights(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	model_node(m, e->node)->forbidden_ms = e->err ? e->at.boot_ms : UNKNOWN;
	return DIRTY_FACTS;
}

static unsigned on_audit(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct node *n = model_node(m, e->node);
	n->audit_seen = e->seq;
	compare_audit(n, e->at);
	return DIRTY_FACTS;
}

static unsigned on_decision(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	decided_add(&m->pools[e->pool], e->decision);
	return DIRTY_DECISION;
}

static unsigned on_forget(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	return decided_forget(&m->pools[e->pool], e->text) ? DIRTY_DECISION : 0;
}

static unsigned on_outcome(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	return decided_add_outcome(&m->pools[e->pool], e->outcome) ? DIRTY_DECISION : 0;
}

static unsigned on_progress(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	m->pools[e->pool].unseen = e->nodes;
	return DIRTY_DECISION;
}

/* Forgets what was said at the node's target. */
static void node_forget(struct node *n)
{
	node_release(n);
	n->last = n->base = NULL;
	n->last_tick = n->audit_apart_ms = n->audit_seen = n->retry_ms = n->forbidden_ms = UNKNOWN;
	n->trouble = (struct err){0};
	n->foreign = n->minute = false;
}

/* A judge that has seen nothing. */
static void judge_afresh(struct pool *p)
{
	const struct judge_policy policy = p->judging->judge.policy;
	judging_release(p->judging);
	memset(p->judging, 0, sizeof *p->judging);
	judging_init(p->judging, &policy, p->node_count);
}

/* Forgets what was measured, and what was made of it. */
static void forget_samples(struct pool *p)
{
	p->first_tick_ms = p->counter_back_ms = UNKNOWN;
	ring_clear(&p->ticks);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		window_clear(&p->window[arm]);
	judge_afresh(p);
	p->judge_stale = false;
	p->latch = (struct guard_latch){0};
	p->told = (struct told){0};
	p->thinned = false;
}

static unsigned on_pinned(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct pool *p = &m->pools[e->pool];
	if (!e->text[0] || strcmp(p->pool_id, e->text) == 0)
		return 0;
	/* The record is older than whatever answered first: that was another pool, none of it
	 * counts. */
	text_copy(p->pool_id, sizeof p->pool_id, e->text);
	for (int k = 0; k < p->node_count; k++) {
		bool foreign = p->nodes[k].last != NULL;
		node_forget(&p->nodes[k]);
		p->nodes[k].foreign = foreign;
	}
	forget_samples(p);
	return DIRTY_FACTS | DIRTY_SAMPLE;
}

#define EARLY 10 /* intervals of a node: what is lost with them is found again as soon */

/* A judge that begins with the record can be followed in it for ever. One that has found something,
 * or looked for long, is worth more than that. */
static unsigned on_recorded(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct pool *p = &m->pools[e->pool];
	const struct judging *g = p->judging;
	if (g->taken == 0 || g->taken > EARLY * p->node_count || judge_has_found(&g->judge))
		return 0;
	judge_afresh(p);
	return DIRTY_FACTS;
}

static unsigned on_owner(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct pool *p = &m->pools[e->pool];
	/* Its time changes with each poll; a picture changes with the rest. */
	const struct owner_line was = p->owner_line, *is = e->owner_line;
	p->owner_line = *is;
	bool same = was.held == is->held && was.mine == is->mine && was.state == is->state;
	return same ? 0 : DIRTY_STATE;
}

static unsigned on_flags(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	m->pools[e->pool].flags = *e->flags;
	return DIRTY_STATE;
}

static unsigned on_raising(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	m->raisings = *e->raisings;
	return DIRTY_STATE;
}

static unsigned on_history(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	m->history_known = true;
	m->history_writable = !e->err || e->err->code == ERR_NONE;
	text_copy(m->history_why, sizeof m->history_why, m->history_writable ? "" : e->err->text);
	if (e->text)
		text_copy(m->history_head, sizeof m->history_head, e->text);
	return DIRTY_STATE;
}

static unsigned on_head(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	text_copy(m->history_head, sizeof m->history_head, e->text);
	return DIRTY_FACTS;
}

static unsigned on_lost(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct node *n = model_node(m, e->node);
	text_copy(n->lost_head, sizeof n->lost_head, e->text);
	return DIRTY_STATE;
}

static unsigned on_approval(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	approving_add(&m->pools[e->pool], e->approval, e->at.boot_ms);
	return DIRTY_DECISION;
}

static unsigned on_reset(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct pool *p = &m->pools[e->pool];
	for (int k = 0; k < p->node_count; k++)
		node_forget(&p->nodes[k]);
	p->is_past = false;
	p->decision_count = 0;
	p->approval_count = 0;
	p->unseen = UINT64_MAX;
	forget_samples(p);
	return DIRTY_FACTS | DIRTY_SAMPLE | DIRTY_DECISION;
}

static unsigned on_row(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct node *n = model_node(m, e->node);
	n->minute = e->minute;
	intake_row(model_pool_of(m, e->node), n, e->row, e->latency, e->at);
	return DIRTY_SAMPLE;
}

static unsigned on_told(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct pool *p = &m->pools[e->pool];
	if (e->told->goes_on && !p->told.is)
		return 0;
	p->told = *e->told;
	p->thinned |= e->told->of_minute;
	p->latch.red = p->told.guard[0] && !strstr(p->told.guard, GUARD_CALM);
	p->latch.metric = guard_word_metric(p->told.guard);
	text_copy(p->latch.word, sizeof p->latch.word, p->latch.red ? p->told.guard : "");
	return DIRTY_STATE;
}

/* Nothing follows from it for another moment: it stays as it was. */
static unsigned on_past(
	struct model *m, const struct model_event *e, struct model_sample *sample)
{
	(void)sample;
	struct pool *p = &m->pools[e->pool];
	if (!p->is_past)
		p->past_ms = e->at.wall_ms;
	p->is_past = true;
	return DIRTY_FACTS;
}

typedef unsigned apply_fn(
	struct model *m, const struct model_event *e, struct model_sample *sample);

enum concern { ITS_POOL, POOL_OF_NODE, EVERY_POOL, NO_POOL };

static const struct {
	apply_fn *apply;
	enum concern concern; /* whose standing follows from it */
} rows[] = {
	[MODEL_TICK] = {on_tick, EVERY_POOL},
	[MODEL_SNAPSHOT] = {on_snapshot, POOL_OF_NODE},
	[MODEL_TROUBLE] = {on_trouble, POOL_OF_NODE},
	[MODEL_DOUBT] = {on_doubt, POOL_OF_NODE},
	[MODEL_RIGHTS] = {on_rights, POOL_OF_NODE},
	[MODEL_AUDIT] = {on_audit, POOL_OF_NODE},
	[MODEL_DECISION] = {on_decision, ITS_POOL},
	[MODEL_FORGET] = {on_forget, ITS_POOL},
	[MODEL_OUTCOME] = {on_outcome, ITS_POOL},
	[MODEL_PROGRESS] = {on_progress, ITS_POOL},
	[MODEL_PINNED] = {on_pinned, ITS_POOL},
	[MODEL_RECORDED] = {on_recorded, ITS_POOL},
	[MODEL_OWNER] = {on_owner, ITS_POOL},
	[MODEL_FLAGS] = {on_flags, ITS_POOL},
	[MODEL_RAISING] = {on_raising, EVERY_POOL},
	[MODEL_HISTORY] = {on_history, EVERY_POOL},
	[MODEL_HEAD] = {on_head, NO_POOL},
	[MODEL_LOST] = {on_lost, POOL_OF_NODE},
	[MODEL_APPROVAL] = {on_approval, ITS_POOL},
	[MODEL_RESET] = {on_reset, ITS_POOL},
	/* more comes at once: nothing follows yet */
	[MODEL_ROW] = {on_row, NO_POOL},
	[MODEL_TOLD] = {on_told, NO_POOL},
	[MODEL_PAST] = {on_past, NO_POOL},
};

static unsigned derive(const struct model *m, struct pool *p, struct instant now)
{
	if (p->is_past)
		return 0;
	enum state before = p->standing.state;
	enum freshness fresh = p->standing.freshness;
	enum guard_owner owner = p->standing.owner;
	standing_derive(m, p, now);
	return before != p->standing.state || fresh != p->standing.freshness ||
			owner != p->standing.owner
		? DIRTY_STATE
		: 0;
}

unsigned model_apply(struct model *m, const struct model_event *e, struct model_sample *sample)
{
	struct model_sample *mine = NULL;
	if (!sample && e->kind == MODEL_SNAPSHOT)
		sample = mine = mem_new(1, sizeof *mine);
	else if (sample)
		sample->valid = false;
	const enum concern concern = rows[e->kind].concern;
	if (concern == POOL_OF_NODE && !model_node(m, e->node)) {
		free(mine);
		return 0;
	}
	m->now = e->at;
	unsigned dirty = rows[e->kind].apply(m, e, sample);
	free(mine);
	if (concern == NO_POOL)
		return dirty;
	if (concern == EVERY_POOL) {
		const int first = e->pools > 0 ? e->pool : 0;
		const int end = e->pools > 0 ? first + e->pools : m->pool_count;
		for (int i = first; i < end; i++)
			dirty |= derive(m, &m->pools[i], e->at);
		return dirty;
	}
	struct pool *p =
		concern == POOL_OF_NODE ? model_pool_of(m, e->node) : &m->pools[e->pool];
	return dirty | derive(m, p, e->at);
}
