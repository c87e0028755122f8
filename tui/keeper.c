/* Keeper: what a desk does by itself for its pools: it keeps a raise whose bake has passed, acts
 * on a guard that nobody else owns, carries one node's rollback to the others, puts back what a
 * reload lost, walks a drill's way back, renews the lease and gives it back. Every act of it is a recorded decision like a
 * person's.
 *
 * Invariants:
 * 1. Nothing here raises a share above one that people chose and that stood for the bake: what a
 *    reload of the pool lost is put back, never more, once a reload, by a recorder that owns the
 *    guard, where the plan says so and the interlock allows it.
 * 2. A desk that only looks, or is passive, does none of it.
 * 3. One red is acted on once; what did not reach the pool is tried again.
 * 4. Where v1 breaks a limit too, it holds, once, and rolls nothing back. */
#include "tui/desk_parts.h"

#include "client/hostlock.h"
#include "history/chain.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

#define RENEW_MS 10000
#define IDLE_MS (10 * 60 * 1000)
#define AGAIN_MS 5000
#define LINE_MS 1000 /* how often the recorder's line is looked at, or written */

static bool may_act(const struct desk *d)
{
	return !d->how.read_only && !d->how.passive && (d->how.guard || d->how.console);
}

/* `to_bp`: of a step, else -1. */
static bool act(struct desk *d, int pool, enum verb verb, int to_bp, const char *role,
	const char *reason)
{
	const struct standing *s = &d->model.pools[pool].standing;
	struct act_request r = {.verb = verb,
		.pool = pool,
		.to_bp = to_bp,
		.role = role,
		.shown_epoch = s->epoch,
		.shown_rev = s->rev};
	struct act_result result;
	text_copy(r.reason, sizeof r.reason, reason);
	desk_act(d, &r, d->now, &result);
	return result.status == ACT_BEGUN || result.status == ACT_REPLAYED;
}

/* ---- keep ---- */

static void keep(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	if (!own->loaded || d->now.boot_ms < own->keep_due_ms || flight_open(d, pool, VERB_KEEP) ||
		!pool_keeps(&d->model, &d->model.pools[pool], d->how.guard))
		return;
	own->keep_due_ms = d->now.boot_ms + AGAIN_MS;
	act(d, pool, VERB_KEEP, -1, KEEPER_ROLE, "bake passed");
}

/* ---- guard ---- */

static bool is_owner(const struct desk *d, const struct pool *p)
{
	if (p->standing.owner == OWNER_RECORD)
		return p->owner_line.mine;
	return p->standing.owner == OWNER_CONSOLE && d->how.console;
}

static void say_why(const struct pool *p, char *out, size_t size)
{
	const struct guard *g = &p->standing.guard;
	enum metric which = p->latch.metric;
	for (int m = 0; m < METRIC_COUNT && !p->latch.red; m++)
		if (g->metric[m].both)
			which = (enum metric)m;
	if (p->latch.red && p->latch.by_judge) {
		snprintf(out, size, GUARD_REASON "%s", p->latch.word);
		return;
	}
	char value[24], limit[24];
	guard_value_text(value, sizeof value, which, g->metric[which].value[ARM_V2]);
	guard_value_text(limit, sizeof limit, which, g->metric[which].limit);
	snprintf(out, size, GUARD_REASON "%s %s of %s%s", metric_name(which), value, limit,
		p->latch.red ? "" : ", v1 too");
}

/* Both sides break a limit, and nobody was told so yet. */
static bool is_both(struct desk_pool *own, const struct standing *s)
{
	bool both = s->guard.both && s->freshness <= FRESHNESS_LATE;
	own->both_held = both && (own->both_held || s->hold.on);
	return both && !own->both_held;
}

static void guard(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	const struct standing *s = &p->standing;
	enum guard_action action = p->limits.action;
	char why[POOL_REASON_MAX];
	bool both = is_both(own, s);
	/* What its guard was told is in the history, which is read first. */
	if (!own->loaded || !is_owner(d, p) || !(p->latch.red || both) ||
		s->reported_bp == s->baseline_bp || action == GUARD_ACTION_WARN)
		return;
	bool only_holds = !p->latch.red || action == GUARD_ACTION_HOLD || order_holds(d, pool);
	/* One that is under way already is joined, not waited for: desk_act knows which. */
	if ((only_holds && s->hold.on) || d->now.boot_ms < own->guard_due_ms)
		return;
	own->guard_due_ms = d->now.boot_ms + AGAIN_MS;
	say_why(p, why, sizeof why);
	act(d, pool, only_holds ? VERB_HOLD : VERB_ROLLBACK, -1, GUARD_ROLE, why);
}

/* One node's guard is the pool's: the others follow it back. */
static void carry(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	if (!own->loaded || d->now.boot_ms < own->guard_due_ms || !pool_carries(&d->model, p))
		return;
	own->guard_due_ms = d->now.boot_ms + AGAIN_MS;
	act(d, pool, VERB_ROLLBACK, -1, GUARD_ROLE, "carried on: a node's guard rolled back");
}

/* ---- what a reload lost ---- */

static void put_back(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	if (!own->loaded || !p->owner_line.mine || d->now.boot_ms < own->put_back_due_ms ||
		!pool_puts_back(&d->model, p))
		return;
	own->put_back_due_ms = d->now.boot_ms + AGAIN_MS;
	act(d, pool, VERB_STEP, p->standing.next_bp, KEEPER_ROLE, "a reload lost it");
}

/* ---- who owns the guard on this host ---- */

/* A recorder that guards takes the pool's lock when it knows which pool it is, tells of itself
 * there, and everyone else reads it. */
static void find_path(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	char hash[POOL_HASH_MAX];
	const char *id = d->model.pools[pool].pool_id;
	if (own->line_path[0] || !id[0] || !d->how.lock_dir)
		return;
	chain_digest(hash, id, strlen(id));
	snprintf(own->line_path, sizeof own->line_path, "%.150s/weir-%.16s.guard", d->how.lock_dir,
		hash);
}

static void own_line(struct desk *d, int pool, struct owner_line *line)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	char text[OWNER_LINE_MAX];
	if (!own->lock && hostlock_take(&own->lock, own->line_path, NULL) < 0)
		return;
	line->held = line->mine = true;
	line->state = p->latch.red ? GUARD_RED : p->standing.guard.state;
	line->verdict = p->standing.verdict.word;
	line->written_wall_ms = d->now.wall_ms;
	text_copy(line->actor, sizeof line->actor, d->actor);
	text_copy(line->word, sizeof line->word, p->standing.state_text);
	order_show(d, pool, line);
	owner_line_write(text, line);
	(void)hostlock_write(own->lock, text);
}

static void find_owner(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	struct owner_line line = {0};
	char text[HOSTLOCK_LINE_MAX];
	find_path(d, pool);
	if (d->now.boot_ms < own->line_due_ms)
		return;
	own->line_due_ms = d->now.boot_ms + (p->interval_ms < LINE_MS ? p->interval_ms : LINE_MS);
	/* Who does not know yet what it was told acts on nothing, and says so by silence. */
	if (d->how.guard && own->loaded && own->line_path[0])
		own_line(d, pool, &line);
	if (!line.mine && own->line_path[0] && hostlock_read(own->line_path, d->how.shared, text)) {
		if (!owner_line_read(&line, text))
			line = (struct owner_line){0};
		line.held = true;
	}
	/* A console that guards tells only itself. */
	if (!line.mine && d->how.console && p->standing.owner == OWNER_CONSOLE)
		order_show(d, pool, &line);
	if (memcmp(&line, &p->owner_line, sizeof line) == 0)
		return;
	desk_apply(
		d, &(struct model_event){.kind = MODEL_OWNER, .pool = pool, .owner_line = &line});
}

void keeper_meet(struct desk *d)
{
	for (int i = 0; i < d->model.pool_count; i++)
		if (!d->pools[i].line_path[0] && d->model.pools[i].pool_id[0] && d->how.lock_dir) {
			d->pools[i].line_due_ms = d->now.boot_ms;
			order_take(d, i);
			find_owner(d, i);
		}
}

/* ---- lease ---- */

static void ask(struct desk *d, int pool, int64_t ttl_ms)
{
	struct desk_pool *own = &d->pools[pool];
	const struct pool *p = &d->model.pools[pool];
	struct lease_request r = {.ttl_ms = ttl_ms};
	text_copy(r.actor, sizeof r.actor, d->actor);
	for (int k = 0; k < p->node_count; k++)
		if (client_lease(d->client, p->nodes[k].id, &r, d->now))
			own->lease_awaited++;
}

void keeper_leased(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	own->leases = true;
	own->forward_ms = d->now.boot_ms;
	own->lease_due_ms = d->now.boot_ms + RENEW_MS;
}

static void renew(struct desk *d, int pool)
{
	struct desk_pool *own = &d->pools[pool];
	const struct standing *s = &d->model.pools[pool].standing;
	/* What a rollback ends is not to be taken again by whoever comes too late. */
	own->leases &= !flight_open(d, pool, VERB_ROLLBACK);
	if (!own->leases)
		return;
	/* A rollback ended it, or another took it: what is gone is not asked for again. Where it is
	 * but free, another process of this actor gave it back, and it is taken anew. */
	bool gone = s->lease.holder[0] || s->reported_bp == s->baseline_bp;
	if (s->freshness <= FRESHNESS_LATE && d->now.boot_ms - own->forward_ms > AGAIN_MS &&
		!s->lease_mine && gone) {
		own->leases = false;
		return;
	}
	if (d->now.boot_ms - own->forward_ms >= IDLE_MS) {
		own->leases = false;
		ask(d, pool, 0);
		return;
	}
	if (d->now.boot_ms < own->lease_due_ms)
		return;
	own->lease_due_ms = d->now.boot_ms + RENEW_MS;
	ask(d, pool, LEASE_TTL_MS);
}

void keeper_lease(struct desk *d, const struct driver_event *e)
{
	struct desk_pool *own = &d->pools[(e->node >> 16) - 1];
	own->lease_awaited -= own->lease_awaited > 0;
	if (e->answer->kind == ANSWER_REFUSED && e->answer->err.code == ERR_LEASE)
		own->leases = false;
}

void keeper_leave(struct desk *d)
{
	for (int i = 0; i < d->model.pool_count; i++)
		if (d->pools[i].leases) {
			d->pools[i].leases = false;
			ask(d, i, 0);
		}
}

bool keeper_left(const struct desk *d)
{
	for (int i = 0; i < d->model.pool_count; i++)
		if (d->pools[i].lease_awaited > 0)
			return false;
	return true;
}

void keeper_release(struct desk_pool *p)
{
	hostlock_free(p->lock);
	p->lock = NULL;
}

void keeper_turn(struct desk *d, int pool)
{
	order_hear(d, pool);
	order_take(d, pool);
	find_owner(d, pool);
	flags_turn(d, pool);
	renew(d, pool);
	if (!may_act(d))
		return;
	keep(d, pool);
	guard(d, pool);
	carry(d, pool);
	put_back(d, pool);
	drill_turn(d, pool);
}
