/* Engine tell: the document of a node. */
#include "client/engine/engine_parts.h"

#include "model/text.h"

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
	int64_t timeout_ms = atomic_load_explicit(&e->timeout_seen_ms, memory_order_relaxed);
	out->drain_ms = 0; /* requests are counted when routed, and routed by the split in force */
	out->settle_ms = timeout_ms > e->unit_ms ? timeout_ms : e->unit_ms;

	/* Under one lock, so that counters never belong to another split than the one told. */
	pthread_mutex_lock(&e->control_lock);
	struct instant now = engine_skewed_now(e);
	out->seq = ++e->seq;
	out->now_ms = now.wall_ms;
	out->uptime_ms = now.boot_ms - e->started.boot_ms;
	control_fill(e->control, out, now);
	for (int i = 0; i < ARM_COUNT; i++) {
		workers_fill(e->arms[i], &out->arms[i]);
		fill_sessions(e, (enum arm)i, &out->arms[i]);
		fill_crew(e, (enum arm)i, &out->crew);
	}
	pthread_mutex_unlock(&e->control_lock);
}

size_t engine_mismatches(struct engine *e, struct mismatch *out, size_t max)
{
	return mismatches_read(&e->mismatches, out, max, threads_us());
}
