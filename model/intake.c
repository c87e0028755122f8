/* Intake: a document becomes a sample: the difference to the last one of the same boot, in the
 * pool's slots and windows. Not what follows from it. */
#include "model/intake.h"

#include "model/mem.h"

#include <string.h>

#define MINUTE_MS 60000

static uint32_t narrow(int64_t n)
{
	return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static int32_t worse_us(int32_t have, int64_t us)
{
	if (us == UNKNOWN)
		return have;
	int32_t n = us > INT32_MAX ? INT32_MAX : (int32_t)us;
	return n > have ? n : have;
}

/* One of several slots that an interval lies in: it has an even part of the counts. */
struct slot {
	int64_t number, of;
};

static int64_t part_of(int64_t n, const struct slot *slot)
{
	return n <= 0 ? n : n / slot->of + (slot->number < n % slot->of);
}

/* Adds a node's interval to the pool's slot: counts add up, a quantile is the worst node's. */
static void tick_add(
	struct pool *p, int64_t tick, const struct sample *s, const struct slot *slot)
{
	const struct tick *old = ring_at(&p->ticks, tick);
	struct tick t = {.wall_ms = s->at.wall_ms - (slot->of - 1 - slot->number) * p->interval_ms};
	if (old)
		t = *old;
	else
		for (int arm = 0; arm < ARM_COUNT; arm++)
			t.arms[arm] = (struct tick_arm){
				.p50_us = -1, .p95_us = -1, .p99_us = -1, .memory_bytes = UNKNOWN};
	t.interval_ms = narrow(s->interval_ms / slot->of);
	t.nodes++;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_sample *a = &s->arms[arm];
		struct tick_arm *x = &t.arms[arm];
		x->requests += narrow(part_of(a->requests, slot));
		x->done += narrow(part_of(a->ok + a->failed_total, slot));
		x->failed += narrow(part_of(a->failed_total, slot));
		x->p50_us = worse_us(x->p50_us, a->p50_us);
		x->p95_us = worse_us(x->p95_us, a->p95_us);
		x->p99_us = worse_us(x->p99_us, a->p99_us);
		if (a->memory_bytes != UNKNOWN)
			x->memory_bytes =
				a->memory_bytes + (x->memory_bytes == UNKNOWN ? 0 : x->memory_bytes);
	}
	ring_put(&p->ticks, tick, &t);
}

/* How many slots an interval that ends in one lies in. */
static int64_t slots_of(const struct pool *p, const struct node *n, const struct sample *s)
{
	int64_t slots = (s->interval_ms + p->interval_ms / 2) / p->interval_ms;
	return !n->minute || slots < 1 ? 1 : slots < POOL_TICKS ? slots : POOL_TICKS;
}

/* The mean of a minute stands in each of its slots. */
static void ticks_add(
	struct pool *p, const struct node *n, int64_t tick, const struct sample *s)
{
	struct slot slot = {.of = slots_of(p, n, s)};
	for (; slot.number < slot.of; slot.number++)
		tick_add(p, tick - slot.of + 1 + slot.number, s, &slot);
}

/* The slot that the clock is nearest to. */
static int64_t nearest_tick(const struct pool *p, struct instant at)
{
	return (at.boot_ms - p->first_tick_ms + p->interval_ms / 2) / p->interval_ms;
}

/* The slot of a receipt: the one after the node's last, so that jitter makes no holes, unless
 * the clock has gone two slots further. */
static int64_t tick_of(struct pool *p, struct node *n, struct instant at)
{
	if (p->first_tick_ms == UNKNOWN)
		p->first_tick_ms = at.boot_ms;
	int64_t nearest = nearest_tick(p, at);
	if (n->last_tick == UNKNOWN)
		return nearest;
	return nearest > n->last_tick + 2 ? nearest : n->last_tick + 1;
}

/* By the pool's own clock; by ours where it does not say. */
static int64_t interval_of(const struct node *n, const struct snapshot *s, struct instant at)
{
	if (s->uptime_ms != UNKNOWN && n->base->uptime_ms != UNKNOWN &&
		s->uptime_ms > n->base->uptime_ms)
		return s->uptime_ms - n->base->uptime_ms;
	return at.boot_ms - n->base_at.boot_ms;
}

static void sample_arms(struct pool *p, struct node *n, const struct snapshot *s,
	struct instant at, struct model_sample *out)
{
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_counts *later = &s->arms[arm], *earlier = &n->base->arms[arm];
		if (counts_difference(&out->sample.arms[arm], &out->latency[arm], later, earlier) !=
			COUNTS_OK) {
			out->change = COUNTS_BACK;
			return;
		}
		out->has_latency[arm] = later->has_latency && earlier->has_latency;
		out->has_session_latency[arm] = later->has_session_latency &&
			earlier->has_session_latency &&
			histogram_difference(
				&out->session_latency[arm], &later->session_latency, &earlier->session_latency);
	}
	out->valid = true;
	out->sample.at = at;
	out->sample.interval_ms = interval_of(n, s, at);
	int64_t tick = tick_of(p, n, at);
	int64_t slots = slots_of(p, n, &out->sample);
	out->gap = n->last_tick != UNKNOWN && tick > n->last_tick + (slots > 1 ? slots + 1 : 1);
	out->tick = tick;
	n->last_tick = tick;
	ticks_add(p, n, tick, &out->sample);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		window_add(&p->window[arm], at.boot_ms, out->sample.interval_ms, &out->sample.arms[arm],
			out->has_latency[arm] ? &out->latency[arm] : NULL);
	if (out->gap)
		judging_skip(p->judging);
}

void intake_row(struct pool *p, struct node *n, const struct sample *row,
	const struct histogram *const latency[ARM_COUNT], struct instant at)
{
	n->last_tick = tick_of(p, n, at);
	ticks_add(p, n, n->last_tick, row);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		window_add(
			&p->window[arm], at.boot_ms, row->interval_ms, &row->arms[arm], latency[arm]);
}

/* v1's requests in two halves, by its workers: where only requests are counted, a difference
 * between the halves shows that they are not independent. */
static void halve(struct units half[2], const struct crew *later, const struct crew *earlier)
{
	half[0] = half[1] = (struct units){0};
	for (int k = 0; k < later->worker_count && k < earlier->worker_count; k++) {
		const struct worker_row *now = &later->worker[k], *then = &earlier->worker[k];
		if (now->arm != ARM_V1 || then->arm != ARM_V1 || now->index != then->index)
			continue;
		struct units u = {.n = now->served - then->served, .bad = now->failed - then->failed};
		if (now->served == UNKNOWN || then->served == UNKNOWN || now->failed == UNKNOWN ||
			then->failed == UNKNOWN || !units_are_sound(u))
			continue;
		half[now->index & 1].n += u.n;
		half[now->index & 1].bad += u.bad;
	}
}

/* The interval for the judge. */
static void judge_sample(
	struct pool *p, int node, const struct snapshot *s, struct model_sample *m)
{
	struct judging_part part = {.sample = &m->sample,
		.change_age_ms = s->change.known ? s->change.age_ms : UNKNOWN,
		.uptime_ms = s->uptime_ms,
		.settle_ms = s->settle_ms,
		.share_bp = s->share_bp,
		.sticky = s->sticky};
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		part.latency[arm] = m->has_latency[arm] ? &m->latency[arm] : NULL;
		part.session_latency[arm] =
			m->has_session_latency[arm] ? &m->session_latency[arm] : NULL;
	}
	halve(part.half, &s->crew, &p->nodes[node].base->crew);
	judging_add(p->judging, node, &part);
	m->mark = p->judging->mark;
}

/* Another version is another question; what was accepted of the one before was that one's. */
static void forget_version(struct pool *p)
{
	judging_restart(p->judging);
	window_clear(&p->window[ARM_V2]);
	memset(p->latch.accepted, 0, sizeof p->latch.accepted);
}

static bool same_operations(const struct operation_set *a, const struct operation_set *b)
{
	bool same = a->limited == b->limited && a->count == b->count;
	for (int k = 0; same && k < a->count; k++)
		same = strcmp(a->name[k], b->name[k]) == 0;
	return same;
}

/* Makes `s` the document that the next sample is measured from. */
static void rebase(struct node *n, const struct snapshot *s, struct instant at)
{
	if (!n->base)
		n->base = mem_new(1, sizeof *n->base);
	*n->base = *s;
	n->base_at = at;
}

static bool is_soon(const struct pool *p, struct instant since, struct instant at)
{
	return at.boot_ms - since.boot_ms < p->interval_ms * 3 / 4;
}

/* True where a sample now would be one too many: polls that come faster, while a command is
 * unverified, do not make more of them, and slots do not run ahead of the clock. Where polls keep
 * their time, jitter may be a slot ahead. What is not taken now is in the next one. */
static bool is_early(const struct pool *p, const struct node *n, struct instant at)
{
	/* states within a minute have no latencies: they are those of its end */
	if (n->minute)
		return at.boot_ms - n->base_at.boot_ms < MINUTE_MS * 3 / 4;
	if (is_soon(p, n->base_at, at))
		return true;
	return n->last_tick != UNKNOWN &&
		n->last_tick + 1 > nearest_tick(p, at) + !is_soon(p, n->last_at, at);
}

void intake_sample(struct pool *p, struct node *n, const struct snapshot *s, struct instant at,
	struct model_sample *out)
{
	out->change = COUNTS_OK;
	if (!n->base) {
		rebase(n, s, at);
		return;
	}
	if (strcmp(n->base->boot_id, s->boot_id) != 0) {
		out->change = COUNTS_RESTART;
		if (strcmp(n->base->build, s->build) != 0)
			forget_version(p);
		else
			judging_skip(p->judging);
		rebase(n, s, at);
		return;
	}
	if (is_early(p, n, at))
		return;
	sample_arms(p, n, s, at, out);
	if (!same_operations(&n->base->operations, &s->operations))
		judging_restart(p->judging);
	/* A minute does not say when what is in it happened. */
	if (out->valid && !n->minute)
		judge_sample(p, (int)(n - p->nodes), s, out);
	else
		judging_skip(p->judging);
	rebase(n, s, at);
}
