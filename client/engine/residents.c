/* Residents: start, stop, and the look at all of it. */
#include "client/engine/residents_parts.h"

#include "client/engine/resident_file.h"
#include "model/mem.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- options ---- */

static int check_number(
	const char *name, int64_t value, int64_t least, int64_t most, struct err *err)
{
	if (value >= least && value <= most)
		return 0;
	return err_set(err, ERR_CONFIG, "\"%s\" must be from %lld to %lld, not %lld", name,
		(long long)least, (long long)most, (long long)value);
}

/* Where nothing was said. */
static void complete(struct residents_options *how)
{
	static const struct target defaults[] = {
#define X(name, words, low, target, high) {low, target, high},
		AIM_INFO(X)
#undef X
	};
	for (int i = 0; i < AIM_COUNT; i++)
		if (how->aim[i].low == 0 && how->aim[i].target == 0 && how->aim[i].high == 0)
			how->aim[i] = defaults[i];
	how->nodes += how->nodes == 0;
	how->threads += how->threads == 0 ? 2 : 0;
	how->mailbox_max += how->mailbox_max == 0 ? 1024 : 0;
	how->queued_max += how->queued_max == 0 ? 65536 : 0;
	how->balance_us += how->balance_us == 0 ? 1000000 : 0;
}

static int check(const struct residents_options *how, struct err *err)
{
	if (check_number("nodes", how->nodes, 1, RESIDENTS_NODES_MAX, err) ||
		check_number("threads", how->threads, 1, RESIDENTS_THREADS_MAX, err) ||
		check_number("mailbox", how->mailbox_max, 1, 1 << 20, err) ||
		check_number("queued", how->queued_max, 1, 1 << 24, err) ||
		check_number("idle", how->idle_us, 0, INT64_C(1) << 53, err) ||
		check_number("balance", how->balance_us, 1, INT64_C(1) << 53, err) ||
		check_number("placement", how->placement, 0, PLACEMENT_COUNT - 1, err))
		return -1;
	for (int i = 0; i < RESIDENTS_NODES_MAX; i++)
		if (check_number("weight", how->weight[i], 0, WEIGHT_MAX, err))
			return -1;
	return 0;
}

/* ---- start and stop ---- */

static int start_nodes(struct residents *r, struct err *err)
{
	for (int i = 0; i < AIM_COUNT; i++) {
		const struct target given = r->how.aim[i];
		if (residents_aim(r, (enum aim)i, &given, err))
			return -1;
	}
	for (int i = 0; i < r->how.nodes; i++) {
		struct node *n = &r->node[i];
		n->index = i;
		for (int64_t k = 0; k == 0 || k < r->how.aim[AIM_NODE_SEGMENTS].low; k++)
			residents_grow_node(r, n);
	}
	return 0;
}

static int start(struct residents *r, struct err *err)
{
	if (check(&r->how, err) || start_nodes(r, err))
		return -1;
	if (r->how.dir && (r->dir = resident_file_open(r->how.dir, err)) < 0)
		return -1;
	r->how.dir = NULL;
	r->threads = mem_new((size_t)r->how.threads, sizeof *r->threads);
	for (; r->thread_count < r->how.threads; r->thread_count++)
		if (threads_start(&r->threads[r->thread_count], residents_serve, r, err))
			return -1;
	return 0;
}

int residents_start(
	struct residents **out, const struct residents_options *how, struct err *err)
{
	struct residents *r = mem_new(1, sizeof *r);
	r->how = *how;
	complete(&r->how);
	r->dir = -1;
	gate_init(&r->gate);
	pthread_mutex_init(&r->lock, NULL);
	threads_cond_init(&r->work);
	threads_cond_init(&r->left);
	threads_random(&r->registry.seed, sizeof r->registry.seed);
	threads_random(&r->random, sizeof r->random);
	r->balancer.placement = how->placement;
	/* One node alone has nobody to share with. */
	r->balance_at_us = r->how.nodes > 1 ? threads_us() + r->how.balance_us : INT64_MAX;
	r->due_us = r->balance_at_us;
	if (start(r, err)) {
		residents_stop(r);
		return -1;
	}
	*out = r;
	return 0;
}

/* Ends all that waits in mailboxes. */
static void empty_all(struct residents *r)
{
	struct send_answer a = {0};
	struct resident *x;
	residents_refuse(&a, SEND_UNAVAILABLE, FAILURE_REFUSED, "the pool stops");
	for (size_t at = 0; (x = registry_next(&r->registry, &at));)
		residents_empty(r, x, &a);
}

static void free_all(struct residents *r)
{
	struct resident *x;
	for (size_t at = 0; (x = registry_next(&r->registry, &at));) {
		line_leave(x);
		resident_free(x);
	}
	registry_release(&r->registry);
	for (int i = 0; i < RESIDENTS_NODES_MAX; i++) {
		for (int k = 0; k < r->node[i].segment_count; k++)
			free(r->node[i].segments[k]);
		free(r->node[i].segments);
	}
}

void residents_end(struct residents *r)
{
	pthread_mutex_lock(&r->lock);
	r->stopping = true;
	empty_all(r);
	pthread_cond_broadcast(&r->work);
	pthread_mutex_unlock(&r->lock);
	gate_close(&r->gate);
}

void residents_stop(struct residents *r)
{
	if (!r)
		return;
	residents_end(r);
	for (int i = 0; i < r->thread_count; i++)
		pthread_join(r->threads[i], NULL);
	pthread_mutex_lock(&r->lock);
	while (r->inside > 0)
		pthread_cond_wait(&r->left, &r->lock);
	pthread_mutex_unlock(&r->lock);
	free_all(r);
	if (r->dir >= 0)
		close(r->dir);
	pthread_cond_destroy(&r->left);
	pthread_cond_destroy(&r->work);
	pthread_mutex_destroy(&r->lock);
	gate_release(&r->gate);
	free(r->threads);
	free(r);
}

/* ---- looking ---- */

static struct residents_segment row_of(
	const struct residents *r, const struct segment *s, int64_t now_us)
{
	return (struct residents_segment){
		.node = s->node->index,
		.segment = s->index,
		.locked = s->locked,
		.resting = supervision_is_exhausted(&s->supervision, now_us),
		.workers = s->workers,
		.asleep = s->asleep,
		.down = s->down.count,
		.done = s->done,
		.failed = s->failed,
		.crashed = s->crashed,
		.restarted = s->restarted,
		.health = residents_segment_health(r, s, now_us),
	};
}

/* Bytes of workers awake and asleep. One that was not started yet counts as awake. */
static int64_t bytes_of(const struct segment *s)
{
	return s->asleep * (int64_t)resident_bytes(true) +
		(s->workers - s->asleep) * (int64_t)resident_bytes(false);
}

static void look_at(struct residents *r, const struct node *n, int64_t now_us,
	struct residents_look *look, struct residents_segment *out, size_t max)
{
	look->node[n->index] = (struct residents_node){
		n->locked, n->segment_count, n->workers, residents_node_health(r, n, now_us)};
	for (int k = 0; k < n->segment_count; k++) {
		look->workers += n->segments[k]->workers;
		look->bytes += bytes_of(n->segments[k]);
		if (look->segments < max)
			out[look->segments++] = row_of(r, n->segments[k], now_us);
		else
			look->dropped++;
	}
}

void residents_look(
	struct residents *r, struct residents_look *look, struct residents_segment *out, size_t max)
{
	*look = (struct residents_look){.nodes = r->how.nodes};
	pthread_mutex_lock(&r->lock);
	int64_t now_us = threads_us();
	look->counts = r->counts;
	for (int i = 0; i < r->how.nodes; i++)
		look_at(r, &r->node[i], now_us, look, out, max);
	look->bytes += (int64_t)registry_bytes(&r->registry) +
		r->counts.queued * (int64_t)sizeof(struct letter);
	pthread_mutex_unlock(&r->lock);
}
