/* Sums over nodes, look by look.
 *
 * Invariants:
 * 1. Counts, latencies and marks, retaken in the order in which they were taken, give the same
 *    evidence to the last bit, but for v1's halves. */
#include "model/judging.h"

#include "model/mem.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void begin(struct judging *g)
{
	g->pending = (struct judge_interval){.settled = true, .sessions = true, .share_bp = -1};
	g->spoken = 0;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		if (g->latency[arm])
			memset(g->latency[arm], 0, sizeof *g->latency[arm]);
		g->timed[arm] = true;
	}
}

void judging_init(struct judging *g, const struct judge_policy *p, int node_count)
{
	assert(node_count > 0 && node_count <= 64);
	judge_init(&g->judge, p);
	g->nodes = UINT64_MAX >> (64 - node_count);
	ring_init(&g->trail, JUDGING_POINTS, sizeof(struct judging_point));
	begin(g);
}

void judging_release(struct judging *g)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		free(g->latency[arm]);
	judge_release(&g->judge);
	ring_release(&g->trail);
}

/* ---- one node's part ---- */

#define SETTLE_MS 30000 /* where a pool does not say how long its requests take */

/* All of the interval lies behind the last change of the split by as long as units take. */
static bool is_settled(const struct judging_part *p)
{
	int64_t age_ms = p->change_age_ms == UNKNOWN ? p->uptime_ms : p->change_age_ms;
	int64_t settle_ms = p->settle_ms == UNKNOWN ? SETTLE_MS : p->settle_ms;
	return age_ms == UNKNOWN || age_ms - p->sample->interval_ms >= settle_ms;
}

static bool counts_sessions(const struct judging_part *p)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		if (p->sample->arms[arm].sessions == UNKNOWN ||
			p->sample->arms[arm].sessions_bad == UNKNOWN)
			return false;
	return true;
}

static struct units units_of(const struct arm_sample *a, bool sessions)
{
	if (sessions)
		return (struct units){.n = a->sessions, .bad = a->sessions_bad};
	return (struct units){.n = a->ok + a->failed_total, .bad = a->failed_total};
}

/* The latencies of all nodes so far; those of an only one are looked at before they go. */
static const struct histogram *sum_of(struct judging *g, int arm, const struct histogram *h)
{
	if (g->nodes == 1 || !h)
		return h;
	if (!g->latency[arm])
		g->latency[arm] = mem_new(1, sizeof *g->latency[arm]);
	histogram_merge(g->latency[arm], h);
	return g->latency[arm];
}

static void add(
	struct judging *g, const struct judging_part *p, const struct judging_mark *mark)
{
	struct judge_interval *i = &g->pending;
	bool sessions = counts_sessions(p), first = g->spoken == 0;
	/* Where one node counts requests, sums of units would be of both kinds. */
	if (!first && sessions != i->sessions)
		i->settled = false;
	i->sessions = first ? sessions : i->sessions && sessions;
	i->sticky |= mark->sticky;
	i->settled &= mark->settled;
	i->changed |= mark->changed;
	i->at = p->sample->at;
	if (p->sample->interval_ms > i->length_ms)
		i->length_ms = p->sample->interval_ms;
	i->share_bp = first || i->share_bp == mark->share_bp ? mark->share_bp : -1;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct units u = units_of(&p->sample->arms[arm], sessions);
		const struct histogram *h = sessions ? p->session_latency[arm] : p->latency[arm];
		i->arm[arm].units.n += u.n;
		i->arm[arm].units.bad += u.bad;
		g->timed[arm] &= h != NULL;
		i->arm[arm].latency = sum_of(g, arm, h);
	}
	for (int half = 0; half < 2; half++) {
		i->half[half].n += p->half[half].n;
		i->half[half].bad += p->half[half].bad;
		g->halved |= p->half[half].n > 0;
	}
	g->by_requests |= !sessions;
}

/* ---- looks ---- */

static float ten(double ln)
{
	return (float)(ln / log(10));
}

static void note_point(struct judging *g, int64_t wall_ms)
{
	int64_t slot = wall_ms / JUDGING_POINT_MS;
	struct judging_point p = {.wall_ms = wall_ms};
	for (int m = 0; m < JUDGED_COUNT; m++) {
		const struct judge_reading *r = &g->judge.metric[m].now;
		p.metric[m] = (struct judging_figures){
			.low = (float)r->ratio.low,
			.ratio = (float)r->ratio.ratio,
			.high = (float)r->ratio.high,
			.log10_harm = ten(r->ln_harm),
			.log10_safe = ten(r->ln_safe),
		};
	}
	ring_put(&g->trail, slot, &p);
}

static void look(struct judging *g)
{
	for (int arm = 0; arm < ARM_COUNT; arm++)
		if (!g->timed[arm])
			g->pending.arm[arm].latency = NULL;
	judge_look(&g->judge, &g->pending);
	note_point(g, g->pending.at.wall_ms);
	begin(g);
}

static void take(struct judging *g, int node, const struct judging_part *part,
	const struct judging_mark *mark)
{
	assert(node >= 0 && node < 64 && g->nodes >> node & 1);
	g->mark = *mark;
	g->broken = g->afresh = false;
	g->taken++;
	if (g->spoken >> node & 1)
		look(g);
	add(g, part, mark);
	g->spoken |= UINT64_C(1) << node;
	if (g->spoken == g->nodes)
		look(g);
}

void judging_add(struct judging *g, int node, const struct judging_part *part)
{
	const struct judging_mark mark = {.settled = is_settled(part),
		.changed = part->change_age_ms != UNKNOWN &&
			part->change_age_ms < part->sample->interval_ms,
		.sticky = part->sticky,
		.broken = g->broken,
		.afresh = g->afresh,
		.share_bp = part->share_bp,
		.number = g->taken};
	take(g, node, part, &mark);
}

void judging_retake(struct judging *g, int node, const struct judging_part *counts,
	const struct judging_mark *mark)
{
	if (mark->afresh)
		judging_restart(g);
	else if (mark->broken)
		judging_skip(g);
	take(g, node, counts, mark);
}

bool judging_looks_beyond(const struct judging *g)
{
	return g->halved && g->by_requests;
}

void judging_skip(struct judging *g)
{
	g->broken = true;
	begin(g);
	judge_skip(&g->judge);
}

void judging_restart(struct judging *g)
{
	g->afresh = true;
	begin(g);
	judge_skip(&g->judge);
	judge_restart(&g->judge);
	ring_clear(&g->trail);
	g->begun++;
}
