/* From a view of HAProxy to a pool's document. What HAProxy does not know stays unknown.
 *
 * 1. Epoch is when the process began, so that it rises with every reload; within one process the
 *    revision orders changes.
 * 2. Of what changed last the note speaks, as long as the share still is what it says and it is
 *    of this process; else what was seen here.
 * 3. What was answered well never falls within a process: an answer that breaks off was counted
 *    well before. */
#include "client/haproxy_parts.h"

#include "model/text.h"
#include "model/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t h, const char *s)
{
	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001B3u;
	return (h ^ 0xff) * 0x100000001B3u;
}

#define HASH_BEGIN UINT64_C(0xCBF29CE484222325)

/* ---- what is remembered ---- */

static void begin(struct haproxy_boot *b, const char *id)
{
	*b = (struct haproxy_boot){.share_bp = -1, .change_ms = UNKNOWN};
	text_copy(b->id, sizeof(b->id), id);
	b->began_ms = INT64_MAX;
}

/* The share is another than at the view before; where nobody has said so, somebody has. */
static void see_share(struct haproxy_boot *b, const struct haproxy_view *v, struct instant now)
{
	if (b->share_bp >= 0 && b->share_bp != v->share_bp) {
		b->rev++;
		b->change_ms = now.boot_ms;
		memcpy(b->change_requests, b->requests, sizeof(b->requests));
	}
	b->share_bp = v->share_bp;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		b->requests[arm] = v->arms[arm].requests;
}

static void see_ok(struct haproxy_boot *b, const struct haproxy_view *v)
{
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct haproxy_arm *a = &v->arms[arm];
		bool cleared = a->requests < b->requests[arm]; /* by hand */
		if (cleared || a->ok > b->ok[arm])
			b->ok[arm] = a->ok;
	}
}

bool haproxy_boot_see(struct haproxy_boot *b, const struct haproxy_view *v, struct instant now)
{
	char id[POOL_ID_MAX];
	snprintf(id, sizeof(id), "%" PRId64 "-%" PRId64, v->info.start_s, v->info.pid);
	bool other = strcmp(b->id, id) != 0;
	bool reloaded = other && b->id[0] != '\0';
	if (other)
		begin(b, id);
	int64_t began_ms = now.boot_ms - v->info.uptime_s * 1000;
	if (began_ms < b->began_ms)
		b->began_ms = began_ms;
	b->seq++;
	see_ok(b, v);
	see_share(b, v, now);
	return reloaded;
}

int64_t haproxy_boot_rev(
	const struct haproxy_boot *b, const struct haproxy_target *t, const struct haproxy_view *v)
{
	const struct haproxy_note *last = haproxy_map_last(&v->map);
	if (t->map[0] == '\0')
		return b->rev;
	return last != NULL ? last->rev : 0;
}

/* ---- the document ---- */

/* One pool on several hosts has the same names there, wherever its files are. */
static void name_it(
	struct snapshot *s, const struct haproxy_target *t, const struct haproxy_view *v)
{
	uint64_t pool = hash(HASH_BEGIN, t->way == HAPROXY_MAP ? "map" : "weights");
	char place[HAPROXY_PATH_MAX + 80];
	pool = hash(pool, t->key);
	for (int i = 1; i < t->keys.count; i++)
		pool = hash(pool, t->keys.name[i]);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		for (int i = 0; i < t->backends[arm].count; i++)
			pool = hash(pool, t->backends[arm].name[i]);
		for (int i = 0; i < t->servers[arm].count; i++)
			pool = hash(pool, t->servers[arm].name[i]);
	}
	snprintf(place, sizeof(place), "%s %s %d", t->path, t->host, t->port);
	snprintf(s->pool_id, sizeof(s->pool_id), "haproxy-%016" PRIx64, pool);
	text_copy(s->pool, sizeof(s->pool), t->key);
	text_copy(s->node, sizeof(s->node), v->info.node[0] != '\0' ? v->info.node : "haproxy");
	snprintf(s->node_id, sizeof(s->node_id), "%.40s-%08x", s->node,
		(unsigned)(hash(HASH_BEGIN, place) & 0xffffffffu));
	text_mend(s->node_id);
	text_copy(
		s->build, sizeof(s->build), v->info.version[0] != '\0' ? v->info.version : "not said");
}

static void fill_change(struct snapshot *s, const struct haproxy_boot *b,
	const struct haproxy_view *v, struct instant now)
{
	const struct haproxy_note *last = haproxy_map_last(&v->map);
	bool noted = last != NULL && last->permille * 10 == v->share_bp &&
		haproxy_note_is_of_boot(last, v->info.uptime_s);
	s->change = (struct change){.known = noted || b->change_ms != UNKNOWN, .age_ms = UNKNOWN};
	for (int arm = 0; arm < ARM_COUNT; arm++)
		s->change.arms[arm] = (struct change_counts){
			.requests = noted ? last->requests[arm] : b->change_requests[arm],
			.ok = UNKNOWN,
			.failed = UNKNOWN,
			.sessions = UNKNOWN,
			.sessions_bad = UNKNOWN};
	if (!s->change.known)
		return;
	text_copy(s->change.actor, sizeof(s->change.actor), noted ? last->actor : "");
	s->change.age_ms = noted ? haproxy_note_age_ms(last, v->info.uptime_s, now.wall_ms)
							 : now.boot_ms - b->change_ms;
}

/* By the notes, where there is a map: what its wall clock says of the future is just now. */
static int64_t held_for(
	const struct haproxy_boot *b, const struct haproxy_map *m, struct instant now)
{
	if (m == NULL)
		return now.boot_ms - b->held_ms;
	if (m->held_ms == UNKNOWN)
		return UNKNOWN;
	return now.wall_ms > m->held_ms ? now.wall_ms - m->held_ms : 0;
}

static void fill_hands(struct snapshot *s, const struct haproxy_boot *b,
	const struct haproxy_target *t, const struct haproxy_view *v, struct instant now)
{
	bool notes = t->map[0] != '\0';
	const struct haproxy_map *m = &v->map;
	s->hold.on = notes ? m->held : b->held;
	s->hold.age_ms = s->hold.on ? held_for(b, notes ? m : NULL, now) : UNKNOWN;
	text_copy(s->hold.actor, sizeof(s->hold.actor), notes ? m->holder : b->holder);
	s->baseline_bp = m->armed ? m->baseline_permille * 10 : -1;
	text_copy(s->plan_hash, sizeof(s->plan_hash), m->plan_hash);
	s->kept_bp = -1;
	s->lease.ttl_ms = UNKNOWN;
	s->keep.left_ms = UNKNOWN;
	s->guard.since_ms = s->guard.held_ms = UNKNOWN;
}

static void fill_arm(struct arm_counts *out, const struct haproxy_arm *a, int64_t ok)
{
	*out = (struct arm_counts){
		.requests = a->requests,
		.ok = ok,
		.timeouts = UNKNOWN,
		.retries = a->retries,
		.sessions = UNKNOWN,
		.sessions_bad = UNKNOWN,
		.sessions_live = UNKNOWN,
		.sessions_end_ms = UNKNOWN,
		.queue_depth = a->queue,
		.in_flight = a->in_flight,
		.queue_max = UNKNOWN,
		.memory_bytes = UNKNOWN,
		.cpu_us = UNKNOWN,
		.fds = UNKNOWN,
	};
	out->failed[FAILURE_OPERATION] = a->server_errors;
	out->failed[FAILURE_COMMUNICATION] = a->response_errors;
	out->failed[FAILURE_CONNECTION] = a->connection_errors;
	out->workers = (struct worker_counts){
		.total = a->total,
		.ready = a->ready,
		.busy = UNKNOWN,
		.degraded = UNKNOWN,
		.created = UNKNOWN,
		.destroyed = UNKNOWN,
		.crashed = a->went_down,
		.restarted = UNKNOWN,
	};
}

/* `backend`: NULL where its arm has but one. */
static void fill_worker(struct worker_row *w, enum arm arm, int index,
	const struct haproxy_server *s, const char *backend)
{
	char words[3 * WORKER_TROUBLE_MAX];
	*w = (struct worker_row){
		.arm = arm,
		.index = index,
		.state = s->ready ? WORKER_READY
			: s->locked   ? WORKER_TERMINATED
						  : WORKER_DEGRADED,
		.locked = s->locked,
		.served = s->served,
		.failed = s->failed,
		.restarts = UNKNOWN,
		.crashes = UNKNOWN,
		.memory_bytes = UNKNOWN,
		.memory_hour = UNKNOWN,
		.cpu_us = UNKNOWN,
		.fds = UNKNOWN,
	};
	snprintf(words, sizeof(words), "%s%s%s, weight %d: %s%s%s", backend != NULL ? backend : "",
		backend != NULL ? "/" : "", s->name, s->weight, s->status,
		s->check[0] != '\0' ? ", " : "", s->check);
	text_copy(w->trouble, sizeof(w->trouble), words);
}

static void fill_crew(
	struct crew *c, const struct haproxy_target *t, const struct haproxy_view *v)
{
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct haproxy_arm *a = &v->arms[arm];
		const struct haproxy_group *g = &t->backends[arm];
		for (int i = 0; i < a->count && c->worker_count < POOL_WORKERS_MAX; i++)
			fill_worker(&c->worker[c->worker_count++], (enum arm)arm, i, &a->server[i],
				g->count > 1 ? g->name[a->server[i].backend] : NULL);
		c->workers_dropped += (int)(a->total - a->count);
		c->segment[c->segment_count++] = (struct segment_row){.arm = (enum arm)arm,
			.workers = a->total,
			.ready = a->ready,
			.restarts = UNKNOWN,
			.health = a->total > 0 ? (double)a->ready / (double)a->total : 0};
	}
}

void haproxy_snapshot_make(struct snapshot *out, const struct haproxy_boot *b,
	const struct haproxy_target *t, const struct haproxy_view *v, struct instant now)
{
	memset(out, 0, sizeof(*out));
	name_it(out, t, v);
	text_copy(out->boot_id, sizeof(out->boot_id), b->id);
	out->seq = b->seq;
	out->uptime_ms = now.boot_ms - b->began_ms;
	out->now_ms = UNKNOWN;
	out->reloads = true;
	out->epoch = v->info.start_s;
	out->rev = haproxy_boot_rev(b, t, v);
	out->strategy = STRATEGY_CANARY;
	out->share_bp = v->share_bp;
	fill_hands(out, b, t, v, now);
	fill_change(out, b, v, now);
	for (int arm = 0; arm < ARM_COUNT; arm++)
		fill_arm(&out->arms[arm], &v->arms[arm], b->ok[arm]);
	fill_crew(&out->crew, t, v);
	out->unit_ms = out->drain_ms = out->settle_ms = UNKNOWN;
	out->audit_seq = t->map[0] != '\0' ? out->rev : UNKNOWN;
}

size_t haproxy_snapshot_audit(struct audit_entry out[HAPROXY_NOTES_MAX],
	const struct haproxy_view *v, int64_t since, struct instant now)
{
	size_t count = 0;
	for (int i = 0; i < v->map.count; i++) {
		const struct haproxy_note *n = &v->map.note[i];
		if (n->rev <= since)
			continue;
		struct audit_entry *e = &out[count++];
		*e = (struct audit_entry){.seq = n->rev,
			.from_bp = i > 0 ? v->map.note[i - 1].permille * 10 : -1,
			.to_bp = n->permille * 10,
			.epoch = v->info.start_s,
			.rev = n->rev,
			.age_ms = haproxy_note_age_ms(n, v->info.uptime_s, now.wall_ms)};
		text_copy(e->what, sizeof(e->what), verb_row(n->verb)->word);
		text_copy(e->key, sizeof(e->key), n->id);
		text_copy(e->actor, sizeof(e->actor), n->actor);
	}
	return count;
}
