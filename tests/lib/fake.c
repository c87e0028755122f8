/* Fake: the pool of the desk's tests. Not an engine: no thread and no clock. Without work
 * (fake_employ) requests are counted as if they had been done. */
#include "tests/lib/fake.h"

#include "client/engine/control.h"
#include "client/engine/router.h"
#include "client/engine/sim_work.h"
#include "client/wire.h"
#include "model/mem.h"
#include "model/text.h"
#include "model/verb.h"
#include "tests/lib/fake_guard.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A driver table has no context, so a target finds its fake by name. */
static struct fake *fakes;

struct fake *fake_find(const char *name)
{
	struct fake *f = fakes;
	while (f && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

/* ---- traffic ---- */

/* SplitMix64. Source: Steele, Lea, Flood 2014. */
static uint64_t draw(struct fake *f)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static bool happens(struct fake *f, double part)
{
	return (double)(draw(f) >> 11) / 9007199254740992.0 < part;
}

/* From half the median up to some five times it. */
static int64_t draw_latency(struct fake *f, int64_t median_us)
{
	int64_t u = (int64_t)(draw(f) % 1024);
	return median_us * (512 + u + u * u * u / 268435 * (u > 900)) / 1024;
}

static void work(struct fake *f, enum arm arm)
{
	static const char *const names[] = {"predict", "train", "encode"};
	struct arm_counts *c = &f->counts->arms[arm];
	bool fails = happens(f, f->error_rate[arm]);
	/* What fails is mostly one operation, as it is in life. */
	int which = fails && draw(f) % 8 != 0 ? 0 : (int)(draw(f) % 3);
	struct operation_counts *o = &c->operations[which];
	for (; c->operation_count < 3; c->operation_count++)
		text_copy(c->operations[c->operation_count].name, sizeof o->name,
			names[c->operation_count]);
	c->requests++;
	o->requests++;
	if (fails) {
		c->failed[which == 0 ? FAILURE_TIMEOUT : FAILURE_OPERATION]++;
		o->failed++;
	} else {
		c->ok++;
		o->ok++;
	}
	histogram_add(&c->latency, draw_latency(f, f->latency_us[arm]), 1);
}

/* What control decided is in force from now on; `until` (may be NULL) gets what there was. */
static void put_in_force(struct fake *f, struct control_counts *until)
{
	enum strategy strategy;
	int share_bp;
	if (!f->work)
		return;
	control_split(f->control, &strategy, &share_bp);
	sim_work_split(f->work, strategy, share_bp, ROUTER_ALL, until ? until->arms : NULL);
}

/* Control has changed its split. */
static void turn(struct fake *f, struct control_counts *until)
{
	put_in_force(f, until);
	control_recount(f->control, until);
}

static struct control_counts count(const struct fake *f)
{
	struct control_counts counts;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_counts *c = &f->counts->arms[arm];
		counts.arms[arm] = (struct change_counts){.requests = c->requests,
			.ok = c->ok,
			.failed = counts_failed(c),
			.sessions = UNKNOWN,
			.sessions_bad = UNKNOWN};
	}
	return counts;
}

static void look(struct fake *f)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		if (f->work)
			sim_work_fill(f->work, (enum arm)arm, &f->counts->arms[arm]);
		else
			f->counts->arms[arm].memory_bytes = f->memory_bytes[arm];
}

/* Once a second the guard looks and time acts. */
static void tick(struct fake *f)
{
	struct control_guard guard = {.state = GUARD_NONE};
	struct control_counts counts = count(f);
	struct guard_limits limits;
	look(f);
	fake_guard_add(f->guard, f->counts->arms);
	if (f->guards && control_limits(f->control, &limits))
		fake_guard_judge(f->guard, &limits, fake_share_bp(f) > 0, &guard);
	if (control_tick(f->control, &guard, &counts, f->now))
		turn(f, &counts);
}

/* Requests of the time up to now. */
static void serve(struct fake *f, struct instant now)
{
	if (f->work) {
		int64_t passed_us = (now.boot_ms - f->now.boot_ms) * 1000;
		sim_work_run(f->work, sim_work_us(f->work) + passed_us);
		f->now = now;
		return;
	}
	int share_bp = f->leak_bp >= 0 ? f->leak_bp : fake_share_bp(f);
	f->carry += f->rate * (double)(now.boot_ms - f->now.boot_ms) / 1000;
	f->now = now;
	for (; f->carry >= 1; f->carry--)
		work(f, (int)(draw(f) % SHARE_FULL) < share_bp ? ARM_V2 : ARM_V1);
}

void fake_advance(struct fake *f, struct instant now)
{
	while (f->tick_ms <= now.boot_ms) {
		int64_t back_ms = now.boot_ms - f->tick_ms;
		serve(f, (struct instant){f->tick_ms, now.wall_ms - back_ms});
		tick(f);
		f->tick_ms += 1000;
	}
	serve(f, now);
}

/* ---- lifecycle ---- */

static struct control *make_control(struct instant now, int64_t epoch, int share_bp)
{
	struct control_options how = {
		.strategy = STRATEGY_CANARY, .share_bp = share_bp, .has_v2 = true, .epoch = epoch};
	struct err err;
	struct control *c = control_new(&how, NULL, now, &err);
	assert(c);
	return c;
}

/* Counters from nothing. */
static void boot(struct fake *f)
{
	struct snapshot *s = f->counts;
	f->booted = f->now;
	f->tick_ms = f->now.boot_ms + 1000;
	fake_guard_reset(f->guard);
	memset(s->arms, 0, sizeof s->arms);
	snprintf(s->boot_id, sizeof s->boot_id, "boot-%d", ++f->boots);
	s->seq = 0;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *c = &s->arms[arm];
		c->sessions = c->sessions_bad = UNKNOWN;
		c->has_latency = true;
		c->workers = (struct worker_counts){.total = 8, .ready = 8, .busy = 1, .created = 8};
		c->cpu_us = c->fds = UNKNOWN;
	}
	if (f->work)
		sim_work_restart(f->work);
	put_in_force(f, NULL);
}

struct fake *fake_new(const char *name, uint64_t seed, struct instant now)
{
	assert(!fake_find(name));
	struct fake *f = mem_new(1, sizeof *f);
	text_copy(f->name, sizeof f->name, name);
	f->rate = 200;
	f->error_rate[ARM_V1] = f->error_rate[ARM_V2] = 0.002;
	f->latency_us[ARM_V1] = f->latency_us[ARM_V2] = 20000;
	f->memory_bytes[ARM_V1] = f->memory_bytes[ARM_V2] = 400 << 20;
	f->leak_bp = f->lie_bp = f->clamp_bp = -1;
	f->guards = true;
	f->random = seed;
	f->now = now;
	f->counts = mem_new(1, sizeof *f->counts);
	f->guard = mem_new(1, sizeof *f->guard);
	struct snapshot *s = f->counts;
	text_copy(s->pool_id, sizeof s->pool_id, "shop-1");
	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->node, sizeof s->node, name);
	snprintf(s->node_id, sizeof s->node_id, "id-%.32s", name);
	text_copy(s->build, sizeof s->build, "1.0");
	s->unit_ms = 30000;
	f->control = make_control(now, 1, 0);
	boot(f);
	f->next = fakes;
	fakes = f;
	return f;
}

void fake_free(struct fake *f)
{
	if (!f)
		return;
	struct fake **at = &fakes;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	control_free(f->control);
	sim_work_free(f->work);
	free(f->counts);
	free(f->guard);
	free(f);
}

void fake_employ(struct fake *f, const struct sim_work_options *how)
{
	sim_work_free(f->work);
	f->work = sim_work_new(how);
	sim_work_units(f->work, &f->counts->unit_ms, &f->counts->settle_ms);
	put_in_force(f, NULL);
}

void fake_govern(struct fake *f, struct control *c)
{
	control_free(f->control);
	f->control = c;
	put_in_force(f, NULL);
}

void fake_restart(struct fake *f, bool keeps_share)
{
	int share_bp = keeps_share ? fake_share_bp(f) : 0;
	int64_t epoch = fake_epoch(f) + 1000;
	control_free(f->control);
	f->control = make_control(f->now, epoch, share_bp);
	boot(f);
}

/* The control lives on: it is all that a store would bring back but leases. */
void fake_restart_stored(struct fake *f)
{
	static const struct control_counts nothing;
	struct snapshot *says = mem_new(1, sizeof *says);
	control_fill(f->control, says, f->now);
	if (says->lease.holder[0])
		fake_lend(f, says->lease.holder, 0);
	if (says->change.known)
		control_recount(f->control, &nothing);
	free(says);
	boot(f);
}

void fake_upgrade(struct fake *f, const char *build)
{
	text_copy(f->counts->build, sizeof f->counts->build, build);
}

void fake_staff(struct fake *f, enum arm arm, int64_t ready)
{
	f->counts->arms[arm].workers.ready = ready;
}

void fake_uncount(struct fake *f, enum arm arm, int64_t requests)
{
	f->counts->arms[arm].requests -= requests;
	f->counts->arms[arm].ok -= requests;
}

void fake_become(struct fake *f, const char *pool_id)
{
	text_copy(f->counts->pool_id, sizeof f->counts->pool_id, pool_id);
}

void fake_rename(struct fake *f, const char *pool)
{
	text_copy(f->counts->pool, sizeof f->counts->pool, pool);
}

/* ---- what it says ---- */

void fake_document(struct fake *f, struct snapshot *s)
{
	struct snapshot *c = f->counts;
	c->seq++;
	c->uptime_ms = f->now.boot_ms - f->booted.boot_ms;
	c->now_ms = f->now.wall_ms + f->clock_ms;
	look(f);
	*s = *c;
	control_fill(f->control, s, f->now);
	if (f->no_lease)
		s->lease = (struct lease){.ttl_ms = UNKNOWN};
	if (!f->guards)
		s->guard = (struct pool_guard){.since_ms = UNKNOWN, .held_ms = UNKNOWN};
	if (f->lie_bp >= 0)
		s->share_bp = f->lie_bp;
	s->reloads = f->reloads;
	s->arms[ARM_V2].operations_dropped = f->dropped;
	for (int arm = 0; f->no_quantiles && arm < ARM_COUNT; arm++)
		s->arms[arm].has_latency = false;
}

int fake_share_bp(const struct fake *f)
{
	enum strategy strategy;
	int share_bp;
	control_split(f->control, &strategy, &share_bp);
	return share_bp;
}

/* One number of what the control says. */
#define SAYS(f, field, out) \
	do { \
		struct snapshot *says = mem_new(1, sizeof *says); \
		control_fill((f)->control, says, (f)->now); \
		(out) = says->field; \
		free(says); \
	} while (0)

int64_t fake_rev(const struct fake *f)
{
	int64_t rev;
	SAYS(f, rev, rev);
	return rev;
}

int64_t fake_epoch(const struct fake *f)
{
	int64_t epoch;
	SAYS(f, epoch, epoch);
	return epoch;
}

int64_t fake_audit_seq(const struct fake *f)
{
	int64_t seq;
	SAYS(f, audit_seq, seq);
	return seq;
}

bool fake_is_held(const struct fake *f)
{
	bool on;
	SAYS(f, hold.on, on);
	return on;
}

struct lease fake_lease(const struct fake *f)
{
	struct lease lease;
	SAYS(f, lease, lease);
	return lease;
}

struct keep fake_keep(const struct fake *f)
{
	struct keep keep;
	SAYS(f, keep, keep);
	return keep;
}

/* ---- changes ---- */

/* As it would travel: what a real pool reads of it, or refuses to. */
void fake_change(struct fake *f, const struct command *c, struct control_answer *out)
{
	struct control_request r;
	struct control_counts counts = count(f);
	struct err err = {0};
	if (wire_request(&r, c, &err) == 0) {
		control_change(f->control, &r, &counts, f->now, out);
		if (out->status == 200 && !out->replayed && verb_is(r.verb, VERB_SPLITS))
			turn(f, &counts);
		return;
	}
	*out = (struct control_answer){.status = 400,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.changed_age_ms = UNKNOWN};
	text_copy(out->error, sizeof out->error, "bad_body");
	text_copy(out->message, sizeof out->message, err.text);
}

int fake_lend(struct fake *f, const char *actor, int64_t ttl_ms)
{
	struct lease_request r = {.ttl_ms = ttl_ms};
	struct control_answer a;
	text_copy(r.actor, sizeof r.actor, actor);
	control_lease(f->control, &r, f->now, &a);
	return a.status;
}

int fake_deliver(struct fake *f, const struct command *c, bool *replayed)
{
	struct control_answer a;
	fake_change(f, c, &a);
	if (replayed)
		*replayed = a.replayed;
	return a.status;
}

/* Another command, then this one at the revision that there is then. */
static int after(struct fake *f, enum verb first, struct command *c)
{
	struct command before = *c;
	before.verb = first;
	before.ttl_ms = 30000;
	snprintf(before.id, sizeof before.id, "%.40s-%s", c->id, verb_row(first)->word);
	fake_deliver(f, &before, NULL);
	c->epoch = fake_epoch(f);
	c->rev = fake_rev(f);
	return fake_deliver(f, c, NULL);
}

int fake_act(struct fake *f, const char *actor, const char *key, enum verb verb, int to_bp,
	const char *reason)
{
	struct command c = {.verb = verb,
		.from_bp = -1,
		.to_bp = to_bp,
		.baseline_bp = -1,
		.strategy = STRATEGY_COUNT,
		.ttl_ms = 30000,
		.epoch = fake_epoch(f),
		.rev = fake_rev(f)};
	text_copy(c.id, sizeof c.id, key);
	text_copy(c.actor, sizeof c.actor, actor);
	text_copy(c.reason, sizeof c.reason, reason);
	int status = fake_deliver(f, &c, NULL);
	/* Whoever may not raise takes the lease first, and keeps the raise before. */
	if (status == 423)
		status = after(f, VERB_TAKE, &c);
	if (status == 409 && !fake_is_held(f))
		status = after(f, VERB_KEEP, &c);
	return status;
}
