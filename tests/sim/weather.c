/* Weather: faults that are events (a node dies, a line is cut) are set one after the other;
 * those of a message are drawn by net.c with the rates that are drawn here. */
#include "tests/sim/weather.h"

#include "history/history.h"
#include "tests/sim/ledger.h"
#include "tests/sim/node.h"
#include "tests/sim/oracle.h"
#include "tests/sim/vault.h"

/* How often a kind exists in a seed, how far apart its events are, how long one lasts. */
static const struct climate {
	double exists;
	int64_t least_ms, most_ms; /* mean distance, drawn; 0: no event */
	int64_t lasts_ms;          /* mean */
} climates[FAULT_COUNT] = {
	[FAULT_LOSS] = {0.4, 0, 0, 0},
	[FAULT_DELAY] = {0.4, 0, 0, 0},
	[FAULT_DUPLICATE] = {0.3, 0, 0, 0},
	[FAULT_STRAY] = {0.3, 0, 0, 0},
	[FAULT_PARTITION] = {0.35, 10000, 60000, 10000},
	[FAULT_NODE_CRASH] = {0.3, 15000, 75000, 5000},
	[FAULT_NODE_FORGET] = {0.2, 30000, 120000, 5000},
	[FAULT_NODE_PAUSE] = {0.3, 10000, 60000, 5000},
	[FAULT_DESK_CRASH] = {0.4, 7500, 45000, 6000},
	[FAULT_DESK_PAUSE] = {0.3, 10000, 60000, 6000},
	[FAULT_CLOCK] = {0.3, 20000, 75000, 0},
	[FAULT_DISK_STALL] = {0.3, 7500, 45000, 3000},
	[FAULT_DISK_FULL] = {0.25, 15000, 75000, 10000},
	[FAULT_DISK_EIO] = {0.2, 30000, 120000, 30000},
	[FAULT_POWER] = {0.3, 20000, 75000, 5000},
	[FAULT_NODE_POWER] = {0.3, 15000, 75000, 5000},
	[FAULT_NODE_STALL] = {0.3, 10000, 60000, 4000},
	[FAULT_NODE_FULL] = {0.15, 20000, 75000, 8000},
	[FAULT_HOSTILE] = {0.15, 0, 0, 0},
	[FAULT_BAD] = {0.4, 20000, 75000, 25000},
	[FAULT_NO_GUARD] = {0.25, 0, 0, 0},
	[FAULT_NO_LEASE] = {0.2, 0, 0, 0},
	[FAULT_RECORDER] = {0.2, 0, 0, 0},
	[FAULT_LIE] = {0.08, 30000, 100000, 8000},
};

void weather_draw(struct sim *s, unsigned mask)
{
	uint64_t *random = &s->random_weather;
	struct weather *w = &s->weather;
	for (int f = 0; f < FAULT_COUNT; f++) {
		const struct climate *c = &climates[f];
		if (sim_chance(random, c->exists))
			s->faults |= 1u << f;
		/* One stream a kind, so that leaving one out changes no other. */
		s->random_fault[f] = *random + (uint64_t)f * 0x1000001;
		w->rate[f] = 0.002 + 0.002 * (double)sim_draw(random, 60);
		w->between_ms[f] =
			c->least_ms + (int64_t)sim_draw(random, (uint64_t)(c->most_ms - c->least_ms + 1));
	}
	/* Copies are of commands alone, of which there are few. */
	w->rate[FAULT_DUPLICATE] *= 4;
	w->rate[FAULT_STRAY] *= 4;
	w->delay_ms = 5 + (int64_t)sim_draw(random, 60);
	w->disk_ms = 2 + (int64_t)sim_draw(random, 20);
	s->faults &= mask;
}

static void set_next(struct sim *s, enum trouble f)
{
	if (climates[f].least_ms == 0 || !sim_has(s, f))
		return;
	int64_t wait_ms = sim_wait(&s->random_fault[f], s->weather.between_ms[f]);
	sim_at(s, s->now.boot_ms + 3000 + wait_ms, SIM_FAULT, (int)f, 0, NULL, 0);
}

void weather_begin(struct sim *s)
{
	for (int f = 0; f < FAULT_COUNT; f++)
		set_next(s, (enum trouble)f);
}

static void jump(struct sim *s)
{
	uint64_t *random = &s->random_fault[FAULT_CLOCK];
	static const int64_t sizes[] = {3000, 20000, 90000, 3600000};
	int64_t by_ms = sizes[sim_draw(random, 4)] * (sim_draw(random, 2) ? 1 : -1);
	int what = (int)sim_draw(random, (uint64_t)(s->desk_count + s->node_count));
	if (what < s->desk_count)
		s->desk[what].wall_offset_ms += by_ms;
	else
		s->node[what - s->desk_count].wall_offset_ms += by_ms;
	sim_note(s, "the wall clock of %s %d jumps by %lld ms",
		what < s->desk_count ? "desk" : "node",
		what < s->desk_count ? what : what - s->desk_count, (long long)by_ms);
}

static void cut(struct sim *s, int what, bool on)
{
	int desk = what % SIM_DESKS_MAX, node = what / SIM_DESKS_MAX;
	s->node[node].cut[desk] = on;
	sim_note(s, "line from desk %d to node %d %s", desk, node, on ? "cut" : "well");
}

static void bad(struct sim *s, int pool, enum ill how)
{
	const struct sim_pool *p = &s->pool[pool];
	for (int k = p->first; k < p->first + p->count; k++) {
		node_advance(s, k);
		node_ail(s, k, how);
	}
	sim_note(s, "v2 of %s %s", p->name, ill_words(how));
}

/* Failing is what it does most. */
static enum ill draw_ill(struct sim *s)
{
	uint64_t luck = sim_draw(&s->random_fault[FAULT_BAD], ILL_COUNT + 2);
	return luck == ILL_WELL || luck >= ILL_COUNT ? ILL_FAILS : (enum ill)luck;
}

/* All desks of a host die in one moment, and what was on no disk is gone. */
static void lose_power(struct sim *s, int host)
{
	bool files[SIM_DESKS_MAX] = {false};
	sim_note(s, "host %d loses its power", host);
	for (int k = 0; k < s->desk_count; k++)
		if (s->desk[k].host == host) {
			s->desk[k].fuse = -1;
			sim_kill_desk(s, k);
			files[s->desk[k].file] = true;
		}
	for (int i = 0; i < s->file_count; i++)
		if (files[i])
			ledger_power(s->file[i], &s->random_disk);
	for (int k = 0; k < s->desk_count; k++)
		if (s->desk[k].host == host)
			oracle_desk_lost_power(s, k);
}

/* Faults that begin and end. `what`: which line, node, desk or file. */
static void apply(struct sim *s, enum trouble f, int what, int64_t until_ms)
{
	struct sim_node *n = &s->node[what % SIM_NODES_MAX];
	switch (f) {
	case FAULT_PARTITION:
		cut(s, what, true);
		break;
	case FAULT_NODE_CRASH:
	case FAULT_NODE_FORGET:
		node_advance(s, what);
		if (!n->down)
			node_stop(s, what, f == FAULT_NODE_FORGET ? DOWN_FORGET : DOWN_KILL);
		break;
	case FAULT_NODE_PAUSE:
		node_advance(s, what);
		if (!n->down)
			node_pause(s, what, until_ms);
		break;
	case FAULT_NODE_POWER:
		/* Now, or in the middle of one of its next changes. */
		node_advance(s, what);
		n->fuse = (int)sim_draw(&s->random_fault[f], 4);
		node_dies(s, what);
		break;
	case FAULT_NODE_STALL:
		vault_stall(n->store, until_ms);
		sim_note(s, "disk of node %d stalls", what);
		break;
	case FAULT_NODE_FULL:
		vault_fill(n->store, until_ms);
		sim_note(s, "disk of node %d is full", what);
		break;
	case FAULT_POWER:
		lose_power(s, what);
		break;
	case FAULT_DESK_CRASH:
		/* Now, or after some more steps of a coming turn. */
		s->desk[what].fuse = (int)sim_draw(&s->random_fault[f], 6);
		if (s->desk[what].fuse == 0)
			sim_kill_desk(s, what);
		break;
	case FAULT_DESK_PAUSE:
		s->desk[what].paused = true;
		sim_note(s, "desk %d stands still", what);
		break;
	case FAULT_DISK_STALL:
		ledger_stall(s->file[what], until_ms);
		sim_note(s, "disk %d stalls", what);
		break;
	case FAULT_DISK_FULL:
		ledger_fill(s->file[what], until_ms);
		sim_note(s, "disk %d is full", what);
		break;
	case FAULT_DISK_EIO:
		ledger_break(s, what);
		sim_note(s, "disk of desk %d fails", what);
		break;
	case FAULT_BAD:
		bad(s, what, draw_ill(s));
		break;
	case FAULT_LIE:
		n->lies = true;
		sim_note(s, "node %d lies", what);
		break;
	default:
		break;
	}
}

static int draw_what(struct sim *s, enum trouble f)
{
	uint64_t *random = &s->random_fault[f];
	int desk = (int)sim_draw(random, (uint64_t)s->desk_count);
	int node = (int)sim_draw(random, (uint64_t)s->node_count);
	int file = (int)sim_draw(random, (uint64_t)s->file_count);
	int pool = (int)sim_draw(random, (uint64_t)s->pool_count);
	switch (f) {
	case FAULT_PARTITION:
		return node * SIM_DESKS_MAX + desk;
	case FAULT_DESK_CRASH:
	case FAULT_DESK_PAUSE:
	case FAULT_DISK_EIO:
		return desk;
	case FAULT_DISK_STALL:
	case FAULT_DISK_FULL:
		return file;
	case FAULT_POWER:
		return s->desk[desk].host;
	case FAULT_BAD:
		return pool;
	default:
		return node;
	}
}

/* One fault of a thing at a time. */
static bool is_busy(const struct sim *s, enum trouble f, int what)
{
	const struct sim_node *n = &s->node[what % SIM_NODES_MAX];
	const struct sim_desk *d = &s->desk[what % SIM_DESKS_MAX];
	switch (f) {
	case FAULT_NODE_CRASH:
	case FAULT_NODE_FORGET:
	case FAULT_NODE_PAUSE:
	case FAULT_NODE_POWER:
		return n->down || n->paused || n->fuse >= 0;
	case FAULT_DESK_CRASH:
	case FAULT_DESK_PAUSE:
	case FAULT_DISK_EIO:
		return !d->desk || d->paused || d->fuse >= 0;
	case FAULT_PARTITION:
		return s->node[what / SIM_DESKS_MAX].cut[what % SIM_DESKS_MAX];
	default:
		return false;
	}
}

void weather_fault(struct sim *s, enum trouble f)
{
	int what = draw_what(s, f);
	set_next(s, f);
	if (is_busy(s, f, what))
		return;
	s->kinds |= 1u << f;
	if (f == FAULT_CLOCK) {
		jump(s);
		return;
	}
	int64_t until_ms =
		s->now.boot_ms + 200 + sim_wait(&s->random_fault[f], climates[f].lasts_ms);
	apply(s, f, what, until_ms);
	if (f != FAULT_DISK_STALL && f != FAULT_DISK_FULL && f != FAULT_NODE_STALL &&
		f != FAULT_NODE_FULL)
		sim_at(s, until_ms, SIM_WELL, (int)f, what, NULL, 0);
}

static void start_desk(struct sim *s, int k)
{
	if (s->desk[k].desk)
		sim_kill_desk(s, k);
	sim_open_desk(s, k);
}

void weather_well(struct sim *s, enum trouble f, int what)
{
	switch (f) {
	case FAULT_PARTITION:
		cut(s, what, false);
		break;
	case FAULT_NODE_CRASH:
	case FAULT_NODE_FORGET:
		node_start(s, what);
		break;
	case FAULT_NODE_PAUSE:
		node_resume(s, what);
		break;
	case FAULT_NODE_POWER:
		s->node[what].fuse = -1;
		node_start(s, what);
		break;
	case FAULT_POWER:
		for (int k = 0; k < s->desk_count; k++)
			if (s->desk[k].host == what && !s->desk[k].desk)
				start_desk(s, k);
		break;
	case FAULT_DESK_CRASH:
		s->desk[what].fuse = -1;
		if (!s->desk[what].desk)
			start_desk(s, what);
		break;
	case FAULT_DISK_EIO: /* whoever sees it starts anew, on a disk that is well */
		if (!s->calm)
			start_desk(s, what);
		break;
	case FAULT_DESK_PAUSE:
		if (s->desk[what].paused)
			oracle_desk_woke(s, what);
		s->desk[what].paused = false;
		break;
	case FAULT_BAD:
		bad(s, what, ILL_WELL);
		break;
	case FAULT_LIE:
		s->node[what].lies = false;
		break;
	default:
		break;
	}
}

void weather_end(struct sim *s)
{
	for (int k = 0; k < s->node_count; k++) {
		for (int d = 0; d < s->desk_count; d++)
			s->node[k].cut[d] = false;
		s->node[k].lies = false;
		s->node[k].fuse = -1;
		vault_stall(s->node[k].store, 0);
		vault_fill(s->node[k].store, 0);
		node_start(s, k);
		node_resume(s, k);
	}
	for (int p = 0; p < s->pool_count; p++)
		bad(s, p, ILL_WELL);
	for (int i = 0; i < s->file_count; i++) {
		ledger_stall(s->file[i], 0);
		ledger_fill(s->file[i], 0);
	}
	for (int k = 0; k < s->desk_count; k++) {
		struct sim_desk *d = &s->desk[k];
		if (d->paused)
			oracle_desk_woke(s, k);
		d->paused = false;
		d->fuse = -1;
		/* A history that failed is well again only for whoever starts anew. */
		if (!d->desk || ledger_is_broken(desk_history(d->desk)))
			start_desk(s, k);
	}
}
