/* The desk's lifecycle and the news that reach it. Acts under way are in flight.c, what is
 * written down in scribe.c. No clock and no terminal: the loop gives the time. */
#include "tui/desk_parts.h"

#include "client/prometheus.h"
#include "client/prometheus_join.h"
#include "history/approval.h"
#include "history/replay.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/left.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAST_POLL_MS 100

/* SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
 * 2014. */
uint64_t desk_random(struct desk *d)
{
	uint64_t z = d->random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void desk_apply(struct desk *d, const struct model_event *e)
{
	struct model_event event = *e;
	event.at = d->now;
	d->dirty |= model_apply(&d->model, &event, d->sample);
	if (e->kind == MODEL_DECISION && e->decision->verb == VERB_APPROVE)
		approvals_hear(d, e->pool, e->decision);
}

static int pool_index(const struct desk *d, uint64_t node)
{
	return (int)(model_pool_of(&d->model, node) - d->model.pools);
}

/* ---- news of a pool ---- */

/* A copy of the document with what the second source adds to it; NULL where it adds nothing. */
static struct snapshot *join_source(struct desk *d, const struct driver_event *e)
{
	struct prometheus_join *source = d->pools[pool_index(d, e->node)].source;
	if (!source)
		return NULL;
	struct snapshot *joined = mem_new(1, sizeof *joined);
	*joined = *e->snapshot;
	if (prometheus_join_fill(source, joined, d->now))
		return joined;
	free(joined);
	return NULL;
}

/* What is wrong with the second source is trouble of the node, unless it has its own. */
static void say_source(struct desk *d, uint64_t node)
{
	const struct prometheus_join *source = d->pools[pool_index(d, node)].source;
	const struct err *word = source ? prometheus_join_word(source) : NULL;
	if (word && word->code != ERR_NONE && !model_node(&d->model, node)->trouble.code)
		desk_apply(d,
			&(struct model_event){
				.kind = word->code == ERR_CONTRADICTED ? MODEL_DOUBT : MODEL_TROUBLE,
				.node = node,
				.err = word,
				.retry_ms = UNKNOWN});
}

/* What a replay tells, in front or behind: there is nothing to answer and to write down. */
static void on_replayed(struct desk *d, const struct driver_event *e)
{
	static const enum model_event_kind kinds[] = {[DRIVER_SNAPSHOT] = MODEL_SNAPSHOT,
		[DRIVER_TROUBLE] = MODEL_TROUBLE,
		[DRIVER_RESET] = MODEL_RESET,
		[DRIVER_DECISION] = MODEL_DECISION,
		[DRIVER_ROW] = MODEL_ROW,
		[DRIVER_TOLD] = MODEL_TOLD,
		[DRIVER_PAST] = MODEL_PAST};
	if (e->kind == DRIVER_SWAP) {
		model_exchange(&d->model, &d->behind, pool_index(d, e->node));
		d->dirty |= DIRTY_FACTS | DIRTY_SAMPLE | DIRTY_STATE | DIRTY_DECISION;
		return;
	}
	const struct model_event event = {.kind = kinds[e->kind],
		.at = e->at,
		.node = e->node,
		.pool = pool_index(d, e->node),
		.snapshot = e->snapshot,
		.err = e->err,
		.retry_ms = UNKNOWN,
		.decision = e->decision,
		.row = e->sample,
		.latency = {e->latency[ARM_V1], e->latency[ARM_V2]},
		.minute = e->minute,
		.told = e->told};
	if (e->behind)
		model_apply(&d->behind, &event, d->sample);
	else
		d->dirty |= model_apply(&d->model, &event, d->sample);
}

/* Foreign only because another pool's name was heard first: the pool and its node are as they are
 * meant. Steps are locked and nothing is recorded, but a brake goes there. */
static void find_twin(struct desk *d, uint64_t node, const struct snapshot *s)
{
	const int pool = (int)(node >> 16) - 1;
	const char *id = d->model.pools[pool].pool_id;
	const struct node *n = model_node(&d->model, node);
	const uint64_t bit = (uint64_t)1 << (node & 0xffff);
	d->pools[pool].twins &= ~bit;
	if (!n->foreign || n->last || (id[0] && strcmp(id, s->pool_id) != 0))
		return;
	d->pools[pool].twins |= bit;
	flight_observe(d, node, s);
}

static void on_snapshot(struct desk *d, const struct driver_event *e)
{
	struct snapshot *joined = join_source(d, e);
	const struct snapshot *s = joined ? joined : e->snapshot;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_SNAPSHOT, .node = e->node, .snapshot = s});
	find_twin(d, e->node, s);
	if (!model_node(&d->model, e->node)->foreign) {
		scribe_snapshot(d, e->node, s);
		say_source(d, e->node);
		flight_observe(d, e->node, s);
	}
	free(joined);
}

static void on_trouble(struct desk *d, const struct driver_event *e)
{
	desk_apply(d,
		&(struct model_event){.kind = MODEL_TROUBLE,
			.node = e->node,
			.err = e->err,
			.retry_ms = client_retry_ms(d->client, e->node, d->now)});
}

/* What the token may not do is known by trying only; who may renew a lease may not raise yet. */
static void heed_rights(struct desk *d, const struct driver_event *e)
{
	const struct answer *a = e->answer;
	bool refused = a->kind == ANSWER_REFUSED && a->err.code == ERR_READ_ONLY;
	if (refused || (a->kind == ANSWER_APPLIED && e->kind == DRIVER_ANSWER))
		desk_apply(d,
			&(struct model_event){
				.kind = MODEL_RIGHTS, .node = e->node, .err = refused ? &a->err : NULL});
}

static void on_lease(struct desk *d, const struct driver_event *e)
{
	heed_rights(d, e);
	keeper_lease(d, e);
	prelude_lease(d, e);
}

static void on_answer(struct desk *d, const struct driver_event *e)
{
	heed_rights(d, e);
	leg_answer(d, e);
}

/* What the nodes have counted in sum; false where one has not spoken. */
static bool sum_nodes(const struct pool *p, struct join_counts sum[ARM_COUNT])
{
	memset(sum, 0, ARM_COUNT * sizeof *sum);
	for (int k = 0; k < p->node_count; k++) {
		if (!node_is_usable(&p->nodes[k]))
			return false;
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			const struct arm_counts *a = &p->nodes[k].last->arms[arm];
			sum[arm].requests += a->requests;
			sum[arm].done += counts_done(a);
			sum[arm].failed += counts_failed(a);
		}
	}
	return true;
}

static void on_source(struct desk *d, const struct driver_event *e)
{
	int index = pool_index(d, e->node);
	const struct pool *p = &d->model.pools[index];
	struct prometheus_join *source = d->pools[index].source;
	struct join_counts sum[ARM_COUNT];
	if (e->kind == DRIVER_TROUBLE)
		prometheus_join_miss(source, e->err);
	else
		prometheus_join_hear(source, e->snapshot, e->at);
	if (e->kind == DRIVER_SNAPSHOT && sum_nodes(p, sum))
		prometheus_join_compare(source, sum, p->name);
}

static void on_event(void *ctx, const struct driver_event *e)
{
	static void (*const handlers[])(struct desk *, const struct driver_event *) = {
		[DRIVER_SNAPSHOT] = on_snapshot,
		[DRIVER_TROUBLE] = on_trouble,
		[DRIVER_ANSWER] = on_answer,
		[DRIVER_RESOLVED] = leg_resolved,
		[DRIVER_LEASE] = on_lease,
		[DRIVER_AUDIT] = scribe_audit,
	};
	struct desk *d = ctx;
	if ((e->node & 0xffff) == PROMETHEUS_NODE)
		on_source(d, e);
	if (!model_node(&d->model, e->node))
		return;
	d->now = e->at;
	if (d->pools[pool_index(d, e->node)].replayed) {
		on_replayed(d, e);
		return;
	}
	handlers[e->kind](d, e);
	scribe_flips(d, pool_index(d, e->node));
}

/* ---- lifecycle ---- */

struct desk *desk_new(const struct desk_options *how, struct instant now, struct err *err)
{
	struct desk *d = mem_new(1, sizeof *d);
	d->how = *how;
	text_copy(d->actor, sizeof d->actor, how->actor);
	d->now = now;
	d->random = how->seed;
	d->sample = mem_new(1, sizeof *d->sample);
	d->ticked_ms = now.boot_ms;
	d->turned = now;
	model_init(&d->model, how->actor, how->read_only);
	model_init(&d->behind, how->actor, how->read_only);
	d->model.guards = how->console && !how->read_only;
	d->file = mem_copy(how->history_path ? how->history_path : how->shared);
	d->last_left_ms = desk_file(d) ? left_read(desk_file(d), d->actor) : UNKNOWN;
	/* Where there is none, the history cannot be opened and says why. */
	if (how->history_path && how->key_dir)
		approval_key(d->model.key, how->key_dir, &(struct err){0});
	d->client = client_new(how->schemes, (struct driver_sink){on_event, d}, desk_random(d));
	flags_begin(d);
	if (how->forgets)
		desk_apply(d, &(struct model_event){.kind = MODEL_HISTORY});
	if (!how->history_path)
		return d;
	struct history_options history = {.path = how->history_path,
		.actor = d->actor,
		.key_dir = how->key_dir,
		.keep_ms = how->keep_ms,
		.max_raising = how->max_raising,
		.cap_bytes = how->cap_bytes};
	d->model.max_raising = (int)how->max_raising;
	if (history_start(&d->history, &history, err) == 0) {
		/* Before any pool's past: whoever waits for that knows this too. */
		scribe_raising(d);
		return d;
	}
	desk_free(d, 0);
	return NULL;
}

int64_t desk_free(struct desk *d, int64_t wait_ms)
{
	if (!d)
		return 0;
	client_free(d->client);
	lookout_free(d->lookout);
	int64_t lost = d->history ? history_stop(d->history, wait_ms) : 0;
	for (size_t i = 0; i < d->flight_count; i++)
		flight_release(&d->flights[i]);
	for (int i = 0; i < d->model.pool_count; i++) {
		free(d->pools[i].audit_since);
		free(d->pools[i].audit_asked);
		free(d->pools[i].pinned);
		free(d->pools[i].trail);
		free(d->pools[i].head);
		keeper_release(&d->pools[i]);
		free(d->pools[i].veto);
		if (d->pools[i].source)
			prometheus_join_release(d->pools[i].source);
		free(d->pools[i].source);
	}
	free(d->flights);
	free(d->pools);
	free(d->sample);
	free(d->file);
	model_release(&d->model);
	model_release(&d->behind);
	free(d);
	return lost;
}

int desk_add(struct desk *d, const struct pool_setup *setup, const char *token,
	const struct scenario *scenario, struct instant now, struct err *err)
{
	int index = model_add(&d->model, setup);
	const struct driver_ops *ops = client_scheme(d->client, setup->targets[0]);
	const bool whole = ops && ops->whole;
	/* with the same index as in front */
	while (whole && d->behind.pool_count <= index)
		model_add(&d->behind, setup);
	d->pools = mem_resize(d->pools, (size_t)d->model.pool_count, sizeof *d->pools);
	struct desk_pool *p = &d->pools[index];
	size_t nodes = (size_t)setup->target_count;
	*p = (struct desk_pool){.loaded = !d->history,
		.replayed = whole,
		.last_state = STATE_COUNT,
		.last_freshness = FRESHNESS_NEVER,
		.last_owner = OWNER_COUNT,
		.audit_since = mem_new(nodes, sizeof *p->audit_since),
		.audit_asked = mem_new(nodes, sizeof *p->audit_asked),
		.pinned = mem_new(nodes, sizeof *p->pinned),
		.trail = mem_new(nodes, sizeof *p->trail),
		.head = mem_new(nodes, sizeof *p->head)};
	for (size_t k = 0; k < nodes; k++)
		p->audit_since[k] = p->trail[k].seq = UNKNOWN;
	for (int k = 0; k < (whole ? 1 : setup->target_count); k++)
		if (client_open(d->client,
				&(struct driver_open){.node = NODE_HANDLE(index, k),
					.pool = setup->name,
					.target = setup->targets[k],
					.token = token,
					.scenario = scenario,
					.now = now},
				setup->interval_ms, err) < 0)
			return -1;
	if (d->history)
		history_load(d->history, setup->name, POOL_DECISIONS / 2);
	d->now = now;
	flags_add(d, index);
	return index;
}

int desk_add_source(struct desk *d, int pool, const char *target, const char *token,
	int64_t interval_ms, struct instant now, struct err *err)
{
	struct prometheus_join *source = mem_new(1, sizeof *source);
	assert(!d->pools[pool].source);
	source->interval_ms = interval_ms;
	source->alone = d->model.pools[pool].node_count == 1;
	d->pools[pool].source = source;
	return client_open(d->client,
		&(struct driver_open){.node = NODE_HANDLE(pool, PROMETHEUS_NODE),
			.pool = d->model.pools[pool].name,
			.target = target,
			.token = token,
			.now = now},
		interval_ms, err);
}

void desk_pin(struct desk *d, int pool, const char *pool_id, struct instant now)
{
	d->now = now;
	desk_apply(d, &(struct model_event){.kind = MODEL_PINNED, .pool = pool, .text = pool_id});
}

void desk_remember(struct desk *d, int pool, const struct decision *what, struct instant now)
{
	d->now = now;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_DECISION, .pool = pool, .decision = what});
}

void desk_presume(struct desk *d, const struct err *history, struct instant now)
{
	d->now = now;
	desk_apply(d, &(struct model_event){.kind = MODEL_HISTORY, .err = history});
}

const struct model *desk_model(const struct desk *d)
{
	return &d->model;
}

void desk_say(struct desk *d, const char *notice)
{
	text_copy(d->notice, sizeof d->notice, notice);
}

bool desk_notice(struct desk *d, char *out, size_t size)
{
	text_copy(out, size, d->notice);
	d->notice[0] = 0;
	return out[0] != 0;
}

struct client *desk_client(struct desk *d)
{
	return d->client;
}

struct history *desk_history(struct desk *d)
{
	return d->history;
}

const char *desk_file(const struct desk *d)
{
	return d->file;
}

int64_t desk_last_left_ms(const struct desk *d)
{
	return d->last_left_ms;
}

void desk_note_left(const struct desk *d)
{
	if (d->how.console && desk_file(d))
		left_write(desk_file(d), d->actor, d->now.wall_ms);
}

void desk_on_page(struct desk *d, void (*each)(void *ctx, struct history_answer *a), void *ctx)
{
	d->on_page = each;
	d->on_page_ctx = ctx;
}

/* What is with the writer for the first moment is not missing yet. */
void desk_each_unrecorded(
	const struct desk *d, void (*each)(void *ctx, const struct decision *what), void *ctx)
{
	for (size_t i = d->flight_count; i-- > 0;) {
		const struct flight *f = &d->flights[i];
		bool waits = f->phase == FLIGHT_FOUND || f->phase == FLIGHT_RECORDING;
		if (f->recorded || (waits && !f->unrecorded))
			continue;
		const struct decision *what = flight_decision(d, f);
		if (what)
			each(ctx, what);
	}
}

bool desk_loaded(const struct desk *d, int pool)
{
	return d->pools[pool].loaded;
}

bool desk_looked(const struct desk *d, int pool)
{
	return flags_answered(d, pool, 0);
}

/* ---- time ---- */

void desk_set_clock(
	struct desk *d, struct instant (*clock)(void *ctx, struct instant real), void *ctx)
{
	d->clock = clock;
	d->clock_ctx = ctx;
}

/* While an effect is awaited the pool is asked ten times a second. */
static void adjust_polls(struct desk *d)
{
	for (int i = 0; i < d->model.pool_count; i++) {
		bool fast = false;
		for (size_t k = 0; k < d->flight_count; k++) {
			const struct flight *f = &d->flights[k];
			fast |= f->pool == i && f->phase != FLIGHT_DONE && f->phase != FLIGHT_FOUND &&
				f->phase != FLIGHT_TELLING;
		}
		struct pool *p = &d->model.pools[i];
		if (fast == d->pools[i].fast || p->interval_ms <= FAST_POLL_MS)
			continue;
		d->pools[i].fast = fast;
		for (int k = 0; k < p->node_count; k++)
			client_set_interval(
				d->client, p->nodes[k].id, fast ? FAST_POLL_MS : p->interval_ms, d->now);
	}
}

#define TICK_MS 250
#define TICK_POOLS 100 /* of a turn: a few milliseconds */
#define JUMP_MS 2000

/* Between two turns both clocks go the same way; what is apart is a jump of the wall clock. */
static void see_jump(struct desk *d, struct instant now)
{
	int64_t jump_ms = (now.wall_ms - d->turned.wall_ms) - (now.boot_ms - d->turned.boot_ms);
	d->turned = now;
	if (jump_ms >= -JUMP_MS && jump_ms <= JUMP_MS)
		return;
	char text[64];
	snprintf(text, sizeof text, "the wall clock jumped by %+lld ms", (long long)jump_ms);
	if (d->history && !d->how.read_only)
		history_event(d->history, now.wall_ms, "", "clock_jump", text, NULL);
}

void desk_leave(struct desk *d, struct instant now)
{
	d->now = now;
	keeper_leave(d);
}

bool desk_left(const struct desk *d)
{
	return keeper_left(d);
}

/* A round over all pools; of very many a part a turn, so that no key waits for the whole. */
static void tick(struct desk *d, struct instant now)
{
	if (now.boot_ms - d->ticked_ms >= TICK_MS && d->tick_next == d->tick_end) {
		d->ticked_ms = now.boot_ms;
		d->tick_next = 0;
		d->tick_end = d->model.pool_count;
	}
	const int first = d->tick_next, left = d->tick_end - first;
	if (left == 0)
		return;
	const int count = left < TICK_POOLS ? left : TICK_POOLS;
	d->tick_next += count;
	d->now = d->clock ? d->clock(d->clock_ctx, now) : now;
	desk_apply(d, &(struct model_event){.kind = MODEL_TICK, .pool = first, .pools = count});
	for (int i = first; i < d->tick_next; i++)
		keeper_turn(d, i);
	for (int i = first; i < d->tick_next; i++)
		scribe_flips(d, i);
	d->dirty |= DIRTY_FACTS;
}

unsigned desk_turn(struct desk *d, struct instant now)
{
	d->now = now;
	see_jump(d, now);
	if (d->how.record && d->recording_interval_ms == 0)
		scribe_begin(d);
	if (d->history) {
		scribe_answers(d);
		scribe_raising(d);
	}
	client_turn(d->client, now);
	d->now = now;
	keeper_meet(d);
	flags_hear(d);
	flight_turn(d);
	adjust_polls(d);
	tick(d, now);
	unsigned dirty = d->dirty;
	d->dirty = 0;
	return dirty;
}

int64_t desk_due_ms(const struct desk *d, struct instant now, int64_t most)
{
	int64_t due = most;
	int64_t tick = d->tick_next < d->tick_end ? 0 : d->ticked_ms + TICK_MS - now.boot_ms;
	int64_t poll = client_due_ms(d->client, now);
	int64_t flight = flight_due_ms(d);
	for (int i = 0; i < d->model.pool_count; i++)
		if (d->pools[i].replayed && replay_works(client_driver(d->client, NODE_HANDLE(i, 0))))
			return 0;
	due = tick < due ? tick : due;
	due = poll < due ? poll : due;
	if (flight != UNKNOWN && flight - now.boot_ms < due)
		due = flight - now.boot_ms;
	return due > 0 ? due : 0;
}

void desk_wait(
	struct desk *d, struct wait_fd *extra, size_t count, int64_t timeout_ms, struct instant now)
{
	struct wait_fd fds[DESK_EXTRA_MAX + 2];
	size_t n = 0;
	for (; n < count; n++)
		fds[n] = extra[n];
	if (d->history)
		fds[n++] = (struct wait_fd){.fd = history_fd(d->history)};
	if (d->lookout)
		fds[n++] = (struct wait_fd){.fd = lookout_fd(d->lookout)};
	client_wait(d->client, fds, n, desk_due_ms(d, now, timeout_ms), now);
	for (size_t i = 0; i < count; i++)
		extra[i].ready = fds[i].ready;
}
