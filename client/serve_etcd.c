/* A node's side of a shared plan: one request at a time in rounds, and one watch beside them.
 *
 * A round keeps the node's lease alive (or asks for one), writes what the node is where that
 * has changed, and reads the plan: so a watch that went deaf is late by one round at most. What
 * the watch brings begins a round at once.
 *
 * 1. Without etcd the engine keeps its last word; unseen for the lease's time it says so.
 * 2. A name that another node has is waited for, never taken; one that answered at our own
 *    address was ours. */
#include "client/serve_etcd_parts.h"

#include "client/engine/engine.h"
#include "model/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 100 /* how often the engine is looked at */

static void begin_round(struct serve_etcd *s);

/* ---- words ---- */

static void say(struct serve_etcd *s, const char *what)
{
	if (strcmp(s->told, what) == 0)
		return;
	text_copy(s->told, sizeof s->told, what);
	if (s->tell)
		s->tell(s->ctx, what);
}

/* What keeps the node from following, as its document says it. */
static void lead(struct serve_etcd *s)
{
	char why[POOL_REASON_MAX];
	int64_t age_ms = s->now.boot_ms - s->seen_ms;
	if (!s->seen)
		snprintf(why, sizeof why, "etcd not seen yet");
	else if (age_ms > s->ttl_ms)
		snprintf(why, sizeof why, "etcd not seen for %" PRId64 " s", age_ms / 1000);
	else
		snprintf(why, sizeof why, "%.190s", s->unfit[0] ? s->unfit : s->taken);
	engine_lead(s->engine, why[0] ? why : NULL);
}

void serve_etcd_fail(struct serve_etcd *s, const struct err *err)
{
	say(s, err->text);
	s->due_ms = s->now.boot_ms + SERVE_ETCD_AGAIN_MS;
}

bool serve_etcd_answer(
	struct serve_etcd *s, const struct transport_reply *reply, struct etcd_answer *a)
{
	struct err err = {0};
	if (etcd_check(&s->etcd, reply, &err) == 0 &&
		wire_etcd_read(a, reply->body, reply->len, &err) == 0)
		return true;
	serve_etcd_fail(s, &err);
	return false;
}

void serve_etcd_see(struct serve_etcd *s)
{
	s->seen = true;
	s->seen_ms = s->now.boot_ms;
	say(s, s->unfit[0] ? s->unfit : s->taken);
}

/* ---- rounds ---- */

uint64_t serve_etcd_grant(struct serve_etcd *s, int64_t ttl_ms,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now))
{
	struct text body = {0};
	wire_etcd_grant(&body, ttl_ms);
	uint64_t id = etcd_send(&s->etcd,
		&(struct etcd_request){
			.path = "/v3/lease/grant", .body = text_str(&body), .done = done, .ctx = s},
		s->now);
	text_free(&body);
	return id;
}

/* True when whoever has our name is an earlier process of ours: it answered where we do. */
static bool was_ours(const struct serve_etcd *s, const struct etcd_kv *kv)
{
	struct etcd_node n;
	return kv && etcd_node_read(&n, kv->value, NULL) == 0 && strcmp(n.url, s->url) == 0;
}

static void wrote(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct serve_etcd *s = ctx;
	struct etcd_answer a = {0};
	s->asked = 0;
	s->now = now;
	if (etcd_lost_lease(reply)) {
		s->lease[0] = '\0';
		s->due_ms = now.boot_ms;
		return;
	}
	if (!serve_etcd_answer(s, reply, &a))
		return;
	const struct etcd_range *node = a.range_count > 0 ? &a.ranges[a.range_count - 1] : NULL;
	s->taken[0] = '\0';
	if (!a.succeeded && node && node->count > 0 && !was_ours(s, &node->kvs[0]))
		snprintf(s->taken, sizeof s->taken,
			"another node is registered as \"%.60s\": name this one apart (--node)", s->node);
	text_clear(&s->put);
	if (a.succeeded)
		text_add(&s->put, text_str(&s->next));
	else if (!s->taken[0] && node && node->count > 0)
		text_add(&s->put, " "); /* ours from before: written over from now on */
	s->due_ms = now.boot_ms + (a.succeeded || s->taken[0] ? s->ttl_ms / 3 : 0);
	if (a.range_count > 0)
		serve_etcd_take(s, &a);
	serve_etcd_see(s);
	serve_etcd_watch_on(s, a.revision);
	wire_etcd_release(&a);
	serve_etcd_go_on(s);
}

/* The node's own words, and the plan. */
static void write_node(struct serve_etcd *s)
{
	struct engine_stand stand;
	struct etcd_node n = {0};
	struct text own = {0};
	struct serve_etcd_reading r;
	struct etcd_op then[3], otherwise[3];
	char key[ETCD_KEY_MAX];
	engine_stand(s->engine, &stand, &own);
	text_copy(n.node, sizeof n.node, s->node);
	text_copy(n.url, sizeof n.url, s->url);
	text_copy(n.boot_id, sizeof n.boot_id, stand.boot_id);
	text_copy(n.head, sizeof n.head, stand.control.head);
	n.epoch = stand.control.epoch;
	n.rev = stand.control.rev;
	n.seq = stand.control.seq;
	n.share_bp = stand.control.share_bp;
	text_clear(&s->next);
	etcd_node_write(&s->next, &n);
	serve_etcd_read_plan(s, &r, stand.control.agreed_seq);
	size_t count = 0;
	for (; count < r.count; count++)
		then[count] = otherwise[count] = r.ops[count];
	etcd_key(&s->etcd, key, "nodes/%s", s->node);
	bool writes = strcmp(text_str(&s->put), text_str(&s->next)) != 0;
	then[count] = (struct etcd_op){
		.what = ETCD_PUT, .key = key, .value = text_str(&s->next), .lease = s->lease};
	otherwise[count] = (struct etcd_op){.what = ETCD_GET, .key = key};
	/* The first time with this lease nobody else may have the name. */
	const struct etcd_compare fresh = {.key = key, .what = ETCD_CREATE};
	const struct etcd_txn t = {.compare = &fresh,
		.compare_count = s->put.len == 0,
		.then = then,
		.then_count = count + writes,
		.otherwise = otherwise,
		.otherwise_count = count + 1};
	s->asked_revision = s->revision;
	s->asked = etcd_send_txn(&s->etcd, &t, !writes, wrote, s, s->now);
	text_free(&own);
}

static void leased(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct serve_etcd *s = ctx;
	struct err err = {0};
	int64_t ttl_ms;
	bool had = s->lease[0] != '\0';
	s->asked = 0;
	s->now = now;
	if (etcd_check(&s->etcd, reply, &err) < 0 ||
		wire_etcd_read_lease(s->lease, &ttl_ms, reply->body, reply->len, &err) < 0) {
		serve_etcd_fail(s, &err);
		return;
	}
	if (!had || !s->lease[0])
		text_clear(&s->put);
	if (s->lease[0])
		write_node(s);
	else
		begin_round(s);
}

static void begin_round(struct serve_etcd *s)
{
	struct text body = {0};
	if (s->lease[0]) {
		wire_etcd_lease(&body, s->lease);
		s->asked = etcd_send(&s->etcd,
			&(struct etcd_request){.path = "/v3/lease/keepalive",
				.body = text_str(&body),
				.reads = true,
				.done = leased,
				.ctx = s},
			s->now);
	} else {
		s->asked = serve_etcd_grant(s, s->ttl_ms, leased);
	}
	text_free(&body);
	s->due_ms = s->now.boot_ms + s->ttl_ms / 3;
}

/* What the engine does by itself waits for no round. */
static void look(struct serve_etcd *s)
{
	struct engine_stand stand;
	struct text own = {0};
	if (s->now.boot_ms < s->look_ms)
		return;
	s->look_ms = s->now.boot_ms + LOOK_MS;
	engine_stand(s->engine, &stand, &own);
	bool told = strstr(text_str(&s->put), stand.control.head) != NULL;
	if (s->asked == 0 && s->seen && s->told[0] == '\0' && (own.len > 0 || !told))
		s->due_ms = s->now.boot_ms;
	text_free(&own);
	lead(s);
}

void serve_etcd_turn(struct serve_etcd *s, struct instant now)
{
	s->now = now;
	transport_turn(s->transport, now);
	s->now = now;
	serve_etcd_watch_turn(s);
	look(s);
	if (s->asked == 0 && !s->leaving && now.boot_ms >= s->due_ms)
		begin_round(s);
}

void serve_etcd_wait(
	struct serve_etcd *s, struct wait_fd *extra, size_t count, struct instant now)
{
	int64_t due_ms = s->look_ms - now.boot_ms;
	transport_wait(s->transport, extra, count, due_ms < 0 ? 0 : due_ms);
}

/* ---- start and stop ---- */

int serve_etcd_start(struct serve_etcd **out, struct engine *engine,
	const struct serve_etcd_options *how, struct instant now, struct err *err)
{
	struct serve_etcd *s = mem_new(1, sizeof *s);
	s->transport = transport_new();
	s->engine = engine;
	s->node = mem_copy(how->node);
	s->url = mem_copy(how->url);
	s->ttl_ms = how->ttl_ms ? how->ttl_ms : SERVE_ETCD_TTL_MS;
	s->tell = how->tell;
	s->ctx = how->ctx;
	s->now = now;
	if (etcd_open(&s->etcd, how->target, s->transport, err) < 0) {
		serve_etcd_stop(s);
		return -1;
	}
	engine_share(engine);
	lead(s);
	*out = s;
	return 0;
}

static void revoked(void *ctx, const struct transport_reply *reply, struct instant now)
{
	(void)reply, (void)now; /* else the lease runs out */
	struct serve_etcd *s = ctx;
	s->asked = 0;
	s->left = true;
}

void serve_etcd_leave(struct serve_etcd *s, struct instant now)
{
	struct text body = {0};
	s->now = now;
	s->leaving = true;
	etcd_cancel(&s->etcd, s->asked);
	serve_etcd_watch_off(s);
	s->left = !s->lease[0] || s->told[0];
	if (s->left)
		return;
	wire_etcd_lease(&body, s->lease);
	s->asked = etcd_send(&s->etcd,
		&(struct etcd_request){
			.path = "/v3/lease/revoke", .body = text_str(&body), .done = revoked, .ctx = s},
		now);
	text_free(&body);
}

bool serve_etcd_left(const struct serve_etcd *s)
{
	return s->left;
}

void serve_etcd_stop(struct serve_etcd *s)
{
	if (!s)
		return;
	etcd_cancel(&s->etcd, s->asked);
	etcd_cancel(&s->etcd, s->watch);
	etcd_close(&s->etcd);
	transport_free(s->transport);
	text_free(&s->put);
	text_free(&s->next);
	text_free(&s->offer);
	text_free(&s->news);
	free(s->node);
	free(s->url);
	free(s);
}
