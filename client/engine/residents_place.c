/* Residents, placing: which node and segment takes a worker, who is locked, who moves. Not what
 * workers do.
 *
 * Invariants:
 * 1. Nobody is placed beyond a high, in what is locked, or in a segment that rests.
 * 2. A worker counts in exactly one segment, that of its address. */
#include "client/engine/residents_parts.h"

#include "model/mem.h"

#include <stdio.h>

/* ---- counting ---- */

struct address residents_address(const struct resident *x)
{
	return (struct address){true, x->segment->node->index, x->segment->index};
}

static bool is_up(const struct resident *x)
{
	return x->life.state == LIFECYCLE_READY || x->life.state == LIFECYCLE_BUSY;
}

void residents_join(struct resident *x, struct segment *s)
{
	x->segment = s;
	s->workers++;
	s->up += is_up(x);
	s->asleep += x->asleep;
	s->node->workers++;
}

void residents_part(struct resident *x)
{
	x->segment->workers--;
	x->segment->up -= is_up(x);
	x->segment->asleep -= x->asleep;
	x->segment->node->workers--;
}

/* ---- health ---- */

void residents_note(struct residents *r, struct resident *x, enum trouble what, int64_t now_us)
{
	health_note(&x->segment->health, what, now_us);
	health_note(&x->segment->node->health, what, now_us);
	if (what == TROUBLE_ERROR)
		residents_blame(r, x, now_us);
}

static double score(
	const struct health *h, const struct target *target, int64_t workers, int64_t now_us)
{
	const struct health_facts facts = {.measured = true,
		.target = *target,
		.workers = workers,
		.memory_bytes = UNKNOWN,
		.memory_limit = UNKNOWN,
		.memory_growth_hour = UNKNOWN};
	return health_score(h, &facts, now_us);
}

double residents_node_health(const struct residents *r, const struct node *n, int64_t now_us)
{
	return score(&n->health, &r->how.aim[AIM_NODE_WORKERS], n->workers, now_us);
}

double residents_segment_health(
	const struct residents *r, const struct segment *s, int64_t now_us)
{
	return score(&s->health, &r->how.aim[AIM_SEGMENT_WORKERS], s->workers, now_us);
}

/* ---- segments ---- */

void residents_grow_node(struct residents *r, struct node *n)
{
	struct segment *s = mem_new(1, sizeof *s);
	s->node = n;
	s->index = n->segment_count;
	s->due_us = INT64_MAX;
	supervision_init(&s->supervision, &r->how.supervision);
	n->segments = mem_resize(n->segments, (size_t)n->segment_count + 1, sizeof *n->segments);
	n->segments[n->segment_count++] = s;
}

static bool is_closed(const struct segment *s, int64_t now_us)
{
	return s->locked || supervision_is_exhausted(&s->supervision, now_us);
}

/* True when a segment of the node, there or not yet, takes another worker. */
static bool has_room(const struct residents *r, const struct node *n, int64_t now_us)
{
	if (n->workers >= r->how.aim[AIM_NODE_WORKERS].high)
		return false;
	if (n->segment_count < r->how.aim[AIM_NODE_SEGMENTS].high)
		return true;
	for (int i = 0; i < n->segment_count; i++)
		if (!is_closed(n->segments[i], now_us) &&
			n->segments[i]->workers < r->how.aim[AIM_SEGMENT_WORKERS].high)
			return true;
	return false;
}

/* The segment of a node with room that takes the next worker. */
static struct segment *segment_of(struct residents *r, struct node *n, int64_t now_us)
{
	int64_t counts[RESIDENTS_SEGMENTS_MAX];
	for (int i = 0; i < n->segment_count; i++)
		counts[i] = is_closed(n->segments[i], now_us) ? -1 : n->segments[i]->workers;
	int64_t at = target_pick(
		&r->how.aim[AIM_SEGMENT_WORKERS], counts, (size_t)n->segment_count, &r->random);
	if (at != TARGET_NEW)
		return n->segments[at];
	residents_grow_node(r, n);
	return n->segments[n->segment_count - 1];
}

/* ---- nodes ---- */

/* The node that a sticky envelope names, if it may have its wish. */
static struct node *wish(struct residents *r, const struct envelope *e, int64_t now_us)
{
	if (!e->sticky || !e->at.known || e->at.node < 0 || e->at.node >= r->how.nodes)
		return NULL;
	struct node *n = &r->node[e->at.node];
	bool granted = !n->locked && has_room(r, n, now_us) &&
		residents_node_health(r, n, now_us) >= RESIDENTS_STICKY_HEALTH;
	return granted ? n : NULL;
}

static struct node *choose(struct residents *r, int64_t now_us)
{
	for (int i = 0; i < r->how.nodes; i++) {
		const struct node *n = &r->node[i];
		struct candidate *c = &r->candidate[i];
		bool by_health = r->how.placement == PLACEMENT_HEALTH;
		c->load = (double)n->workers;
		c->health = by_health ? residents_node_health(r, n, now_us) : 1;
		c->weight = r->how.weight[i];
		c->locked = n->locked || !has_room(r, n, now_us);
		c->measured = true;
	}
	int64_t at = balancer_pick(&r->balancer, r->candidate, (size_t)r->how.nodes, &r->random);
	return at < 0 ? NULL : &r->node[at];
}

static bool all_locked(const struct residents *r)
{
	for (int i = 0; i < r->how.nodes; i++)
		if (!r->node[i].locked)
			return false;
	return true;
}

struct segment *residents_place(
	struct residents *r, const struct envelope *e, int64_t now_us, struct send_answer *answer)
{
	struct node *n = wish(r, e, now_us);
	if (!n)
		n = choose(r, now_us);
	if (n)
		return segment_of(r, n, now_us);
	if (all_locked(r))
		residents_refuse(answer, SEND_UNAVAILABLE, FAILURE_REFUSED,
			"every node is locked: no new workers until one is released");
	else
		residents_refuse(answer, SEND_FULL, FAILURE_REFUSED,
			"no node that is not locked has room for another worker");
	return NULL;
}

/* ---- locks ---- */

/* The lock of a node (segment -1) or of one of its segments; NULL where there is no such place.
 */
static bool *lock_of(struct residents *r, int node, int segment)
{
	if (node < 0 || node >= r->how.nodes)
		return NULL;
	if (segment == -1)
		return &r->node[node].locked;
	if (segment < 0 || segment >= r->node[node].segment_count)
		return NULL;
	return &r->node[node].segments[segment]->locked;
}

static int set_lock(struct residents *r, int node, int segment, bool on, struct err *err)
{
	char what[48];
	bool *locked = lock_of(r, node, segment);
	if (segment == -1)
		snprintf(what, sizeof what, "node \"%d\"", node);
	else
		snprintf(what, sizeof what, "segment \"%d\" of node \"%d\"", segment, node);
	if (!locked)
		return err_set(err, ERR_CONFIG, "there is no %s here", what);
	if (*locked == on)
		return err_set(err, ERR_CONFIG, "%s is %s already", what, on ? "locked" : "not locked");
	*locked = on;
	return 0;
}

static int change_lock(struct residents *r, int node, int segment, bool on, struct err *err)
{
	pthread_mutex_lock(&r->lock);
	int result = set_lock(r, node, segment, on, err);
	pthread_mutex_unlock(&r->lock);
	return result;
}

int residents_lock(struct residents *r, int node, int segment, struct err *err)
{
	return change_lock(r, node, segment, true, err);
}

int residents_release(struct residents *r, int node, int segment, struct err *err)
{
	return change_lock(r, node, segment, false, err);
}

/* ---- windows and moves ---- */

int residents_aim(
	struct residents *r, enum aim what, const struct target *target, struct err *err)
{
	static const char *const words[] = {
#define X(name, words, low, target, high) words,
		AIM_INFO(X)
#undef X
	};
	if (target_check(target, words[what], err))
		return -1;
	if (what == AIM_NODE_SEGMENTS && target->high > RESIDENTS_SEGMENTS_MAX)
		return err_set(
			err, ERR_CONFIG, "\"%s\" must be at most %d", words[what], RESIDENTS_SEGMENTS_MAX);
	pthread_mutex_lock(&r->lock);
	r->how.aim[what] = *target;
	pthread_mutex_unlock(&r->lock);
	return 0;
}

/* The node that is furthest below target and may take workers; NULL when there is none. */
static struct node *emptiest(struct residents *r, int64_t now_us)
{
	struct node *found = NULL;
	for (int i = 0; i < r->how.nodes; i++) {
		struct node *n = &r->node[i];
		if (!n->locked && n->workers < r->how.aim[AIM_NODE_WORKERS].target &&
			has_room(r, n, now_us) && (!found || n->workers < found->workers))
			found = n;
	}
	return found;
}

/* Nobody's at the moment: one that starts or waits for its restart stays. */
static bool may_move(const struct resident *x)
{
	return !x->claimed && (x->life.state == LIFECYCLE_READY || x->lazy);
}

static void move(struct residents *r, struct resident *x, struct segment *to)
{
	line_leave(x);
	residents_part(x);
	residents_join(x, to);
	x->moving = x->life.state == LIFECYCLE_READY;
	r->counts.moved++;
	residents_settle(r, x);
}

/* Moves workers off one node, down to its target. */
static int64_t relieve(struct residents *r, struct node *from, int64_t now_us)
{
	int64_t moved = 0;
	size_t at = 0;
	struct resident *x;
	while (from->workers > r->how.aim[AIM_NODE_WORKERS].target &&
		(x = registry_next(&r->registry, &at))) {
		if (x->segment->node != from || !may_move(x))
			continue;
		struct node *to = emptiest(r, now_us);
		if (!to)
			break;
		move(r, x, segment_of(r, to, now_us));
		moved++;
	}
	return moved;
}

int64_t residents_move_some(struct residents *r)
{
	int64_t moved = 0, now_us = threads_us();
	for (int i = 0; i < r->how.nodes; i++)
		if (r->node[i].workers > r->how.aim[AIM_NODE_WORKERS].high)
			moved += relieve(r, &r->node[i], now_us);
	return moved;
}

int64_t residents_rebalance(struct residents *r)
{
	pthread_mutex_lock(&r->lock);
	int64_t moved = residents_move_some(r);
	pthread_mutex_unlock(&r->lock);
	return moved;
}
