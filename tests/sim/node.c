/* Node: births and deaths of nodes. Not when they die, weather.c decides that. */
#include "tests/sim/node.h"

#include "client/engine/control.h"
#include "client/engine/sim_work.h"
#include "model/text.h"
#include "tests/sim/oracle.h"
#include "tests/sim/vault.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* More sessions than a low share has room for, and soon seen; a unit and a deadline are a second,
 * so that what a change did is known within a step's bake. */
static const struct scenario traffic = {
	.rate = 30,
	.sessions = 300,
	.session_requests = 40,
	.operations = {{.name = "predict", .weight = 3, .work_us = 20000},
		{.name = "echo", .weight = 1, .work_us = UNKNOWN}},
	.operation_count = 2,
	.v1_workers = 4,
	.v2_workers = 8,
	.unit_ms = 1000,
	.timeout_ms = 1000,
};

static const struct {
	const char *words;
	struct fault fault;
} ills[ILL_COUNT] = {
#define X(name, words, ...) {words, {__VA_ARGS__}},
	ILL_INFO(X)
#undef X
};

const char *ill_words(enum ill how)
{
	return ills[how].words;
}

void node_ail(struct sim *s, int k, enum ill how)
{
	sim_work_fault(s->node[k].fake->work, ARM_V2, &ills[how].fault);
}

/* The fake's own control keeps nothing: this one has what the disk has. */
static void give_control(struct sim_node *n, int64_t epoch)
{
	struct control_options how = {.strategy = STRATEGY_CANARY, .has_v2 = true, .epoch = epoch};
	struct err err;
	struct control *c = control_new(&how, n->store, n->fake->now, &err);
	assert(c);
	fake_govern(n->fake, c);
}

void node_begin(struct sim *s, int k, uint64_t seed)
{
	struct sim_node *n = &s->node[k];
	const struct sim_pool *p = &s->pool[n->pool];
	char name[16];
	snprintf(name, sizeof name, "sim-%c", 'a' + k);
	struct fake *f = n->fake = fake_new(name, seed, s->now);
	fake_become(f, p->id);
	fake_rename(f, p->name);
	fake_employ(f, &(struct sim_work_options){.scenario = &traffic, .seed = seed});
	sim_work_fault(f->work, ARM_V1, &ills[ILL_WELL].fault);
	node_ail(s, k, ILL_WELL);
	f->guards = !sim_has(s, FAULT_NO_GUARD);
	f->no_lease = sim_has(s, FAULT_NO_LEASE);
	n->store = vault_new(k);
	n->fuse = -1;
	give_control(n, 1);
}

void node_release(struct sim *s, int k)
{
	fake_free(s->node[k].fake);
	vault_free(s->node[k].store);
}

void node_advance(struct sim *s, int k)
{
	struct sim_node *n = &s->node[k];
	if (n->down || n->paused)
		return;
	oracle_node_before(s, k);
	fake_advance(n->fake, sim_node_now(s, k));
	if (!node_dies(s, k))
		oracle_node_ticked(s, k);
}

void node_stop(struct sim *s, int k, enum down how)
{
	static const char *const words[] = {
#define X(name, words) words,
		DOWN_INFO(X)
#undef X
	};
	struct sim_node *n = &s->node[k];
	int lost = vault_end(n->store, how == DOWN_POWER);
	n->down = true;
	n->forgets = how == DOWN_FORGET;
	n->fuse = -1;
	sim_note(s, "node %d %s, %d lines of its log are lost", k, words[how], lost);
}

bool node_dies(struct sim *s, int k)
{
	if (s->node[k].fuse != 0)
		return false;
	node_stop(s, k, DOWN_POWER);
	return true;
}

void node_start(struct sim *s, int k)
{
	struct sim_node *n = &s->node[k];
	if (!n->down)
		return;
	n->down = false;
	n->fake->now = sim_node_now(s, k);
	fake_restart(n->fake, false);
	if (n->forgets)
		vault_clear(n->store);
	give_control(n, n->forgets ? fake_epoch(n->fake) : 1);
	n->boots += n->forgets;
	oracle_node_started(s, k, n->forgets);
	sim_note(s, "node %d is up%s at %d (%lld.%lld)", k,
		n->forgets ? ", has forgotten all, and is" : "", fake_share_bp(n->fake),
		(long long)fake_epoch(n->fake) % 100000, (long long)fake_rev(n->fake));
	n->forgets = false;
}

void node_pause(struct sim *s, int k, int64_t until_ms)
{
	s->node[k].paused = true;
	s->node[k].back_ms = until_ms;
	sim_note(s, "node %d stands still", k);
}

void node_resume(struct sim *s, int k)
{
	struct sim_node *n = &s->node[k];
	if (!n->paused)
		return;
	n->paused = false;
	n->fake->now = sim_node_now(s, k);
	n->fake->tick_ms = s->now.boot_ms;
	sim_note(s, "node %d goes on", k);
	node_advance(s, k);
}
