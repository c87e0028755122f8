/* Engine tell: the document of a node. */
#include "client/engine/engine_parts.h"

#include "model/mem.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>

#define BUILD "weir-engine-1"

static void fill_crew(struct engine *e, enum arm arm, struct crew *c)
{
	struct worker_row *workers = c->worker + c->worker_count;
	struct segment_row *segments = c->segment + c->segment_count;
	/* Half of the rows are v2's. */
	int room = POOL_WORKERS_MAX / (arm == ARM_V1 && e->has_v2 ? 2 : 1) - c->worker_count;
	int count = workers_rows(e->arms[arm], workers, room);
	int told = count < room ? count : room;
	for (int i = 0; i < told; i++)
		workers[i].arm = arm;
	c->worker_count += told;
	c->workers_dropped += count - told;
	room = POOL_SEGMENTS_MAX / (arm == ARM_V1 && e->has_v2 ? 2 : 1) - c->segment_count;
	count = workers_segments(e->arms[arm], segments, room);
	for (int i = 0; i < count && i < room; i++)
		segments[i].arm = arm;
	c->segment_count += count < room ? count : room;
}

/* What is kept beside the arms' workers: no lock of the split is asked for it. */
static void fill_keepers(struct engine *e, struct crew *c)
{
	struct tallies_facts *facts = mem_new(1, sizeof *facts);
	for (int i = 0; i < ARM_COUNT; i++)
		if (engine_tally(e, (enum arm)i, facts))
			tallies_tell(facts, &c->tally[i]);
	free(facts);
	if (e->residents)
		residents_tell(e->residents, &c->residents);
}

/* One in how many sessions is counted: in all parts alike from here on, since each halves its
 * sample by itself. */
static int64_t even_sample(struct engine *e)
{
	int64_t most = 1, now_ms = threads_us() / 1000;
	for (int k = 0; k < 2 * SESSION_PARTS; k++) {
		struct session_part *p = &e->sessions[k % SESSION_PARTS];
		pthread_mutex_lock(&p->lock);
		int64_t one_in = sessions_sample(p->sessions);
		most = one_in > most ? one_in : most;
		if (k >= SESSION_PARTS)
			sessions_thin(p->sessions, most, now_ms);
		pthread_mutex_unlock(&p->lock);
	}
	return most;
}

static void fill_sessions(struct engine *e, enum arm arm, struct arm_counts *out)
{
	struct histogram all = {0};
	int64_t sessions = 0, bad = 0;
	for (int k = 0; k < SESSION_PARTS; k++) {
		pthread_mutex_lock(&e->sessions[k].lock);
		sessions_fill(e->sessions[k].sessions, arm, threads_us() / 1000, out);
		pthread_mutex_unlock(&e->sessions[k].lock);
		sessions += out->sessions;
		bad += out->sessions_bad;
		histogram_merge(&all, &out->session_latency);
	}
	out->sessions = sessions;
	out->sessions_bad = bad;
	out->session_latency = all;
}

/* A session may be told of twice, by its requests and by the worker that it comes back to: the
 * larger of both counts is none too many. */
static void fill_live(struct engine *e, enum arm arm, struct arm_counts *out)
{
	enum strategy strategy;
	int share_bp;
	int64_t seen = 0, bound, bound_end_ms;
	control_split(e->control, &strategy, &share_bp);
	out->sessions_live = out->sessions_end_ms = UNKNOWN;
	if (share_bp != SHARE_FULL)
		return;
	workers_bound(e->arms[arm], &bound, &bound_end_ms);
	out->sessions_end_ms = bound_end_ms;
	for (int k = 0; k < SESSION_PARTS; k++) {
		int64_t live, end_ms;
		pthread_mutex_lock(&e->sessions[k].lock);
		sessions_live(e->sessions[k].sessions, arm, threads_us() / 1000, &live, &end_ms);
		pthread_mutex_unlock(&e->sessions[k].lock);
		seen += live;
		if (end_ms > out->sessions_end_ms)
			out->sessions_end_ms = end_ms;
	}
	out->sessions_live = seen > bound ? seen : bound;
}

void engine_fill_arm(struct engine *e, enum arm arm, struct arm_counts *out)
{
	workers_fill(e->arms[arm], out);
	fill_sessions(e, arm, out);
	fill_live(e, arm, out);
}

int64_t engine_settle_ms(struct engine *e)
{
	int64_t timeout_ms = atomic_load_explicit(&e->timeout_seen_ms, memory_order_relaxed);
	return timeout_ms > e->unit_ms ? timeout_ms : e->unit_ms;
}

void engine_snapshot(struct engine *e, struct snapshot *out)
{
	memset(out, 0, sizeof *out);
	text_copy(out->pool_id, sizeof out->pool_id, e->pool_id);
	text_copy(out->pool, sizeof out->pool, e->pool);
	text_copy(out->node, sizeof out->node, e->node);
	text_copy(out->node_id, sizeof out->node_id, e->node);
	text_copy(out->boot_id, sizeof out->boot_id, e->boot_id);
	text_copy(out->build, sizeof out->build, BUILD);
	out->unit_ms = e->unit_ms;
	out->drain_ms = 0; /* requests are counted when routed, and routed by the split in force */
	out->settle_ms = engine_settle_ms(e);

	/* Under one lock, so that counters never belong to another split than the one told. */
	pthread_mutex_lock(&e->control_lock);
	struct instant now = engine_skewed_now(e);
	out->seq = ++e->seq;
	out->now_ms = now.wall_ms;
	out->uptime_ms = now.boot_ms - e->started.boot_ms;
	control_fill(e->control, out, now);
	out->unit_sample = even_sample(e);
	for (int i = 0; i < ARM_COUNT; i++) {
		engine_fill_arm(e, (enum arm)i, &out->arms[i]);
		fill_crew(e, (enum arm)i, &out->crew);
	}
	pthread_mutex_unlock(&e->control_lock);
	fill_keepers(e, &out->crew);
}

size_t engine_mismatches(struct engine *e, struct mismatch *out, size_t max)
{
	return mismatches_read(&e->mismatches, out, max, threads_us());
}
