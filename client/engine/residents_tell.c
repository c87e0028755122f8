/* Residents, telling: their part of the state document: places by what is worst, and the workers
 * that have trouble by name. Not the look at all of them: residents_look.
 *
 * 1. A name that crashed stays in its place of the list as long as it is registered and nobody
 *    has had more trouble, so that a row does not move between two documents. */
#include "client/engine/residents_parts.h"

#include <stdio.h>
#include <string.h>

/* ---- those with trouble ---- */

static bool is_of(const struct troubled *t, const struct ref *ref)
{
	return strcmp(t->ref.type, ref->type) == 0 && strcmp(t->ref.id, ref->id) == 0;
}

/* Nobody, or nobody any more. */
static bool is_free(const struct residents *r, const struct troubled *t)
{
	return !t->ref.type[0] || !registry_find(&r->registry, &t->ref);
}

static bool is_less(const struct troubled *a, const struct troubled *b)
{
	return a->count != b->count ? a->count < b->count : a->at_us < b->at_us;
}

void residents_blame(struct residents *r, const struct resident *x, int64_t now_us)
{
	struct troubled *to = NULL;
	for (int i = 0; i < RESIDENT_WORST_MAX; i++) {
		struct troubled *t = &r->worst[i];
		if (is_of(t, &x->ref)) {
			t->count++;
			t->at_us = now_us;
			return;
		}
		if (is_free(r, t))
			t->count = t->at_us = 0;
		if (!to || is_less(t, to))
			to = t;
	}
	*to = (struct troubled){x->ref, 1, now_us};
}

static enum worker_state state_of(const struct resident *x)
{
	static const enum worker_state states[LIFECYCLE_COUNT] = {
		[LIFECYCLE_INITIALIZING] = WORKER_INITIALIZING,
		[LIFECYCLE_READY] = WORKER_READY,
		[LIFECYCLE_BUSY] = WORKER_BUSY,
		[LIFECYCLE_DEGRADED] = WORKER_DEGRADED,
		[LIFECYCLE_TERMINATING] = WORKER_TERMINATING,
		[LIFECYCLE_TERMINATED] = WORKER_TERMINATED,
	};
	return states[x->life.state];
}

static void tell_worst(struct residents *r, int64_t now_us, struct resident_crew *out)
{
	for (int i = 0; i < RESIDENT_WORST_MAX; i++) {
		const struct troubled *t = &r->worst[i];
		const struct resident *x = t->ref.type[0] ? registry_find(&r->registry, &t->ref) : NULL;
		if (!x)
			continue;
		struct resident_row *row = &out->worst[out->worst_count++];
		*row = (struct resident_row){.node = x->segment->node->index,
			.segment = x->segment->index,
			.state = state_of(x),
			.waiting = x->mailbox.count,
			.done = x->done,
			.failed = x->failed,
			.troubles = t->count,
			.trouble_ms = (now_us - t->at_us) / 1000};
		(void)snprintf(row->name, sizeof row->name, "%s/%s", x->ref.type, x->ref.id);
	}
}

/* ---- places ---- */

static struct resident_place place_of(
	const struct residents *r, const struct segment *s, int64_t now_us)
{
	const struct target *aim = &r->how.aim[AIM_SEGMENT_WORKERS];
	return (struct resident_place){.node = s->node->index,
		.segment = s->index,
		.locked = s->locked,
		.rests = supervision_is_exhausted(&s->supervision, now_us),
		.segments = UNKNOWN,
		.workers = s->workers,
		.ready = s->up - s->asleep,
		.starting = s->workers - s->up - s->down.count,
		.asleep = s->asleep,
		.down = s->down.count,
		.done = s->done,
		.failed = s->failed,
		.crashes = s->crashed,
		.restarts = s->restarted,
		.low = aim->low,
		.target = aim->target,
		.high = aim->high,
		.health = residents_segment_health(r, s, now_us)};
}

static void sum_up(struct resident_place *node, const struct resident_place *s)
{
	node->workers += s->workers;
	node->ready += s->ready;
	node->starting += s->starting;
	node->asleep += s->asleep;
	node->down += s->down;
	node->done += s->done;
	node->failed += s->failed;
	node->crashes += s->crashes;
	node->restarts += s->restarts;
}

/* How much a person wants to see it. */
static double badness(const struct resident_place *s)
{
	return 4 * s->rests + 2 * (s->down > 0) + s->locked + (1 - s->health) +
		(s->workers > 0 ? 0.5 : 0);
}

/* Adds a segment; where there is no room, in the place of the best, which leaves. Rows stay in
 * the order in which they came. */
static void add_segment(struct resident_crew *out, const struct resident_place *s)
{
	int at = out->segment_count;
	if (at == RESIDENT_SEGMENTS_MAX) {
		at = 0;
		for (int i = 1; i < RESIDENT_SEGMENTS_MAX; i++)
			if (badness(&out->segment[i]) <= badness(&out->segment[at]))
				at = i;
		out->segments_dropped++;
		if (badness(s) <= badness(&out->segment[at]))
			return;
		out->segment_count--;
		memmove(&out->segment[at], &out->segment[at + 1],
			(size_t)(out->segment_count - at) * sizeof *out->segment);
	}
	out->segment[out->segment_count++] = *s;
}

static void tell_node(
	const struct residents *r, const struct node *n, int64_t now_us, struct resident_crew *out)
{
	const struct target *aim = &r->how.aim[AIM_NODE_WORKERS];
	struct resident_place *row = &out->node[out->node_count++];
	*row = (struct resident_place){.node = n->index,
		.segment = -1,
		.locked = n->locked,
		.segments = n->segment_count,
		.low = aim->low,
		.target = aim->target,
		.high = aim->high,
		.health = residents_node_health(r, n, now_us)};
	out->known |= n->locked;
	for (int i = 0; i < n->segment_count; i++) {
		const struct resident_place s = place_of(r, n->segments[i], now_us);
		out->known |= s.locked;
		sum_up(row, &s);
		add_segment(out, &s);
	}
	out->workers += row->workers;
}

void residents_tell(struct residents *r, struct resident_crew *out)
{
	_Static_assert(RESIDENTS_NODES_MAX <= RESIDENT_NODES_MAX, "every node has a row");
	*out = (struct resident_crew){0};
	pthread_mutex_lock(&r->lock);
	int64_t now_us = threads_us();
	out->known = r->counts.spawned > 0;
	out->queued = r->counts.queued;
	out->running = r->counts.running;
	out->persisted = r->counts.persisted;
	for (int i = 0; i < r->how.nodes; i++)
		tell_node(r, &r->node[i], now_us, out);
	tell_worst(r, now_us, out);
	pthread_mutex_unlock(&r->lock);
}
