/* Sim: the clock, the desks and the order of things. Not what goes wrong (weather.c), nor what
 * is right (oracle.c).
 *
 * 1. Nothing reads a clock or draws but from the seed.
 * 2. A desk turns when it says that it is due, or when something has come for it. */
#include "tests/sim/sim.h"

#include "history/history.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/folder.h"
#include "tests/sim/echo.h"
#include "tests/sim/ledger.h"
#include "tests/sim/net.h"
#include "tests/sim/node.h"
#include "tests/sim/oracle.h"
#include "tests/sim/robot.h"
#include "tests/sim/weather.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT_MS 5000000
/* 2025-11-21, near 14:00 UTC. From the boot clock it is a whole number of a window's slices, so
 * that a replay, which lives on the wall clock, begins them at the same moments (echo.c). */
#define WALL_MS 1763733586000
#define STEPS_MAX 4000000 /* more events than any day has: it stands still */

static struct sim *world;

struct sim *sim_world(void)
{
	return world;
}

const char *fault_word(enum trouble f)
{
	static const char *const words[] = {
#define X(name, word, text) word,
		FAULT_INFO(X)
#undef X
	};
	return words[f];
}

/* ---- chance ---- */

/* SplitMix64. Source: Steele, Lea, Flood 2014. */
static uint64_t next(uint64_t *random)
{
	uint64_t z = *random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t sim_draw(uint64_t *random, uint64_t below)
{
	return next(random) % below;
}

bool sim_chance(uint64_t *random, double part)
{
	return (double)(next(random) >> 11) / 9007199254740992.0 < part;
}

int64_t sim_wait(uint64_t *random, int64_t mean_ms)
{
	double u = ((double)(next(random) >> 11) + 1) / 9007199254740993.0;
	return 1 + (int64_t)(-log(u) * (double)mean_ms);
}

bool sim_has(const struct sim *s, enum trouble f)
{
	return s->faults & 1u << f;
}

/* ---- what is said ---- */

void sim_note(struct sim *s, const char *format, ...)
{
	char *line = s->trace[s->trace_count++ % SIM_TRACE];
	int64_t at_ms = s->now.boot_ms - s->begin_ms;
	int n = snprintf(line, SIM_TRACE_LINE, "%5lld.%03lld ", (long long)(at_ms / 1000),
		(long long)(at_ms % 1000));
	va_list args;
	va_start(args, format);
	vsnprintf(line + n, SIM_TRACE_LINE - (size_t)n, format, args);
	va_end(args);
	if (s->verbose)
		printf("%s\n", line);
}

void sim_fail(struct sim *s, const char *format, ...)
{
	char why[sizeof s->why];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	if (!s->failed)
		memcpy(s->why, why, sizeof why);
	s->failed = true;
	sim_note(s, "FAILED %s", why);
}

/* ---- events ---- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

void sim_at(struct sim *s, int64_t due_ms, enum sim_event_kind kind, int a, int b, void *data,
	uint64_t serial)
{
	mem_grow(&s->events, &s->event_cap, s->event_count + 1, sizeof *s->events);
	size_t i = s->event_count++;
	struct sim_event e = {due_ms, s->order++, kind, a, b, data, serial};
	for (; i > 0 && is_before(&e, &s->events[(i - 1) / 2]); i = (i - 1) / 2)
		s->events[i] = s->events[(i - 1) / 2];
	s->events[i] = e;
}

static struct sim_event take_event(struct sim *s)
{
	struct sim_event first = s->events[0], last = s->events[--s->event_count];
	size_t i = 0, n = s->event_count;
	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		child += child + 1 < n && is_before(&s->events[child + 1], &s->events[child]);
		if (!is_before(&s->events[child], &last))
			break;
		s->events[i] = s->events[child];
	}
	s->events[i] = last;
	return first;
}

/* ---- clocks ---- */

struct instant sim_desk_now(const struct sim *s, int desk)
{
	return (struct instant){s->now.boot_ms, s->now.wall_ms + s->desk[desk].wall_offset_ms};
}

struct instant sim_node_now(const struct sim *s, int node)
{
	return (struct instant){s->now.boot_ms, s->now.wall_ms + s->node[node].wall_offset_ms};
}

/* ---- desks ---- */

bool sim_lives(struct sim *s, int desk)
{
	struct sim_desk *d = &s->desk[desk];
	if (d->dead)
		return false;
	if (d->fuse == 0) {
		d->dead = true;
		sim_note(s, "desk %d dies in a turn", desk);
		return false;
	}
	d->fuse -= d->fuse > 0;
	return true;
}

struct pool_setup sim_setup(const struct sim *s, int pool, struct sim_targets *names)
{
	const struct sim_pool *p = &s->pool[pool];
	for (int i = 0; i < p->count; i++) {
		snprintf(names->name[i], sizeof names->name[i], "net:%d", p->first + i);
		names->target[i] = names->name[i];
	}
	return (struct pool_setup){.name = p->name,
		.env = "PROD",
		.targets = names->target,
		.target_count = p->count,
		.interval_ms = SIM_POLL_MS,
		.plan = &p->plan,
		.plan_hash = "0123abcd",
		.limits = &p->limits};
}

static void add_pool(struct sim *s, int k, int pool)
{
	struct sim_targets names;
	struct pool_setup setup = sim_setup(s, pool, &names);
	struct err err;
	if (desk_add(s->desk[k].desk, &setup, NULL, NULL, sim_desk_now(s, k), &err) < 0)
		sim_fail(s, "no pool: %s", err.text);
}

void sim_open_desk(struct sim *s, int k)
{
	static const struct driver_ops *const schemes[] = {&net_driver, NULL};
	struct sim_desk *d = &s->desk[k];
	char path[16];
	struct err err = {0};
	d->fuse = -1;
	d->dead = d->paused = false;
	d->lives++;
	snprintf(path, sizeof path, "%d", d->file);
	s->opening = k;
	struct desk_options o = {.actor = d->actor,
		.history_path = path,
		.schemes = schemes,
		.seed = s->seed * 31 + (uint64_t)k * 7 + (uint64_t)d->lives * 1000003,
		.lock_dir = sim_has(s, FAULT_RECORDER) ? s->lock_dir : NULL,
		.guard = d->recorder,
		.console = !d->recorder,
		.record = echo_is_of(s, k),
		.host = "ops1"};
	d->desk = desk_new(&o, sim_desk_now(s, k), &err);
	for (int p = 0; d->desk && p < s->pool_count; p++)
		add_pool(s, k, p);
	if (!d->desk)
		sim_fail(s, "no desk: %s", err.text);
	echo_begin(s, k);
	sim_note(s, "desk %d opens", k);
}

int sim_place(const struct sim *s, int node)
{
	return node - s->pool[s->node[node].pool].first;
}

uint64_t sim_handle(const struct sim *s, int node)
{
	return NODE_HANDLE(s->node[node].pool, sim_place(s, node));
}

void sim_kill_desk(struct sim *s, int k)
{
	struct sim_desk *d = &s->desk[k];
	if (!d->desk)
		return;
	sim_note(s, "desk %d is dead", k);
	d->dead = true;
	desk_free(d->desk, 0);
	d->desk = NULL;
	oracle_desk_died(s, k);
}

static int64_t desk_due(struct sim *s, int k)
{
	struct sim_desk *d = &s->desk[k];
	if (!d->desk || d->paused)
		return SIM_NEVER;
	if (ledger_answers(desk_history(d->desk)))
		return s->now.boot_ms;
	int64_t due_ms = s->now.boot_ms + desk_due_ms(d->desk, sim_desk_now(s, k), 60000);
	int64_t net_ms = net_due_ms(s, k);
	return net_ms < due_ms ? net_ms : due_ms;
}

static void turn_desk(struct sim *s, int k)
{
	struct sim_desk *d = &s->desk[k];
	unsigned dirty = desk_turn(d->desk, sim_desk_now(s, k));
	if (d->dead)
		sim_kill_desk(s, k);
	else
		oracle_desk_turned(s, k, dirty);
}

/* ---- nodes ---- */

static void tick(struct sim *s, int k)
{
	node_advance(s, k);
	sim_at(s, s->now.boot_ms + 1000, SIM_TICK, k, 0, NULL, 0);
}

/* ---- the day ---- */

static void draw_plan(struct sim_pool *p, uint64_t *random)
{
	static const int shares[] = {500, 1000, 2500, 5000, 7500, 10000};
	plan_init(&p->plan);
	int left_out = (int)sim_draw(random, 3); /* 4 to 6 steps */
	for (int i = 0; i < 6; i++)
		if (!((left_out > 0 && i == 1) || (left_out > 1 && i == 4)))
			p->plan.steps[p->plan.step_count++].share_bp = shares[i];
	p->plan.bake_ms = 2000 + (int64_t)sim_draw(random, 10) * 1000;
	p->plan.min_samples = 3 + (int64_t)sim_draw(random, 5);
	p->plan.on_orphan = (enum orphan)sim_draw(random, ORPHAN_COUNT);
	p->plan.policy = *policy_builtin(sim_draw(random, 2) ? POLICY_STANDARD : POLICY_DEMO);
	guard_limits_init(&p->limits);
	p->limits.error_rate = 0.10;
	p->limits.window_ms = 10000;
	p->limits.action = sim_draw(random, 4) ? GUARD_ACTION_ROLLBACK : GUARD_ACTION_HOLD;
}

/* One pool more often than two, and two more often than three. */
static void draw_pools(struct sim *s, uint64_t *random)
{
	static const char *const names[] = {"checkout", "search", "ranking"};
	uint64_t luck = sim_draw(random, 6);
	s->pool_count = luck < 3 ? 1 : luck < 5 ? 2 : 3;
	for (int i = 0; i < s->pool_count; i++) {
		struct sim_pool *p = &s->pool[i];
		int left = SIM_NODES_MAX - s->node_count - (s->pool_count - 1 - i);
		p->first = s->node_count;
		p->count = 1 + (int)sim_draw(random, left < 3 ? (uint64_t)left : 3);
		for (int k = 0; k < p->count; k++)
			s->node[s->node_count++].pool = i;
		text_copy(p->name, sizeof p->name, names[i]);
		snprintf(p->id, sizeof p->id, "shop-%d", i + 1);
		draw_plan(p, random);
	}
}

static void set_up(struct sim *s, uint64_t seed, unsigned mask)
{
	static const char *const actors[] = {"kim@ops1", "ana@ops2", "kim@ops1"};
	uint64_t random = seed * 2654435761u + 12345;
	s->seed = seed;
	s->now = (struct instant){BOOT_MS, WALL_MS};
	s->begin_ms = BOOT_MS;
	s->random_net = next(&random);
	s->random_weather = next(&random);
	s->random_disk = next(&random);
	draw_pools(s, &random);
	s->desk_count = 1 + (int)sim_draw(&random, SIM_DESKS_MAX);
	/* Most days are short: what goes wrong goes wrong soon. */
	s->end_ms = BOOT_MS + 65000 + (int64_t)sim_draw(&random, 70000);
	if (sim_draw(&random, 100) == 0)
		s->end_ms += 300000 + (int64_t)sim_draw(&random, 1200000);
	bool one_file = sim_draw(&random, 3) == 0;
	weather_draw(s, mask);
	s->file_count = one_file ? 1 : s->desk_count;
	for (int i = 0; i < s->file_count; i++)
		s->file[i] = ledger_new();
	s->oracle = oracle_new();
	s->echo = echo_new(s);
	snprintf(s->lock_dir, sizeof s->lock_dir, "%.40s/weir-sim-%d",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
	mkdir(s->lock_dir, 0700);
	for (int k = 0; k < s->node_count; k++) {
		node_begin(s, k, next(&random));
		sim_at(s, s->now.boot_ms + 1000, SIM_TICK, k, 0, NULL, 0);
	}
	for (int k = 0; k < s->desk_count; k++) {
		struct sim_desk *d = &s->desk[k];
		text_copy(d->actor, sizeof d->actor, actors[k]);
		d->file = one_file ? 0 : k;
		d->host = one_file ? 0 : k % SIM_HOSTS_MAX;
		d->recorder = sim_has(s, FAULT_RECORDER) && k > 0 && k == s->desk_count - 1;
		d->random = next(&random);
		sim_open_desk(s, k);
		sim_at(s, s->now.boot_ms + 2000 + (int64_t)k * 700, SIM_ROBOT, k, 0, NULL, 0);
	}
	weather_begin(s);
}

static void happen(struct sim *s, struct sim_event *e)
{
	switch (e->kind) {
	case SIM_REQUEST:
		net_request(s, e);
		break;
	case SIM_ANSWER:
		net_answer(s, e);
		break;
	case SIM_TICK:
		tick(s, e->a);
		break;
	case SIM_DISK:
		ledger_disk(s, e->serial);
		break;
	case SIM_ROBOT:
		if (!s->calm)
			robot_look(s, e->a);
		break;
	case SIM_FAULT:
		if (!s->calm)
			weather_fault(s, (enum trouble)e->a);
		break;
	case SIM_WELL:
		weather_well(s, (enum trouble)e->a, e->b);
		break;
	case SIM_KIND_COUNT:
		break;
	}
	oracle_event(s);
}

/* The next desk that is due not after `before_ms`; -1: none. */
static int next_desk(struct sim *s, int64_t before_ms, int64_t *due_ms)
{
	int best = -1;
	for (int i = 0; i < s->desk_count; i++) {
		int k = (int)((s->steps + (uint64_t)i) % (uint64_t)s->desk_count);
		int64_t at_ms = desk_due(s, k);
		if (at_ms < before_ms || (at_ms == before_ms && best < 0)) {
			before_ms = at_ms;
			best = k;
		}
	}
	*due_ms = before_ms;
	return best;
}

static void pass(struct sim *s, int64_t to_ms)
{
	if (to_ms <= s->now.boot_ms)
		return;
	s->now.wall_ms += to_ms - s->now.boot_ms;
	s->now.boot_ms = to_ms;
}

static void live(struct sim *s)
{
	while (!s->failed) {
		int64_t due_ms, most_ms = s->events[0].due_ms;
		if (++s->steps > STEPS_MAX)
			sim_fail(s, "the day does not end");
		if (!s->calm && s->now.boot_ms >= s->end_ms) {
			s->calm = true;
			sim_note(s, "faults end");
			weather_end(s);
		}
		if (s->calm && oracle_is_over(s))
			return;
		int k = next_desk(s, most_ms, &due_ms);
		pass(s, due_ms);
		if (k >= 0) {
			turn_desk(s, k);
			oracle_event(s);
		} else {
			struct sim_event e = take_event(s);
			happen(s, &e);
			free(e.data);
		}
	}
}

static void tear_down(struct sim *s)
{
	for (int k = 0; k < s->desk_count; k++)
		if (s->desk[k].desk) {
			s->desk[k].dead = true;
			desk_free(s->desk[k].desk, 0);
		}
	for (int k = 0; k < s->node_count; k++)
		node_release(s, k);
	for (size_t i = 0; i < s->event_count; i++) {
		net_drop(&s->events[i]);
		free(s->events[i].data);
	}
	free(s->events);
	for (int i = 0; i < s->file_count; i++)
		ledger_free(s->file[i]);
	oracle_free(s->oracle);
	echo_free(s->echo);
	folder_remove(s->lock_dir);
}

void sim_run(uint64_t seed, unsigned mask, bool verbose, bool tail, struct sim_result *out)
{
	struct sim *s = world = mem_new(1, sizeof *s);
	s->verbose = verbose;
	set_up(s, seed, mask);
	live(s);
	*out = (struct sim_result){.failed = s->failed,
		.faults = s->faults,
		.virtual_ms = s->now.boot_ms - s->begin_ms,
		.commands = s->commands,
		.steps_applied = s->steps_applied,
		.rollbacks_verified = s->rollbacks_verified,
		.brakes_lost = s->brakes_lost,
		.echoes = s->echoes};
	memcpy(out->why, s->why, sizeof out->why);
	uint64_t from = s->trace_count > SIM_TRACE ? s->trace_count - SIM_TRACE : 0;
	for (uint64_t i = from; s->failed && tail && !verbose && i < s->trace_count; i++)
		printf("    %s\n", s->trace[i % SIM_TRACE]);
	tear_down(s);
	world = NULL;
	free(s);
}
