/* Who may raise a pool whose plan lies in etcd: a name under now/lease, which dies with its
 * lease in etcd. */
#include "client/driver_etcd_call.h"

#include "client/wire.h"

#include <string.h>

static struct answer lease_answer(const struct etcd_call *c, const char *holder)
{
	struct control_answer given = {.status = holder ? 423 : 200,
		.error = "leased",
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.durable = true,
		.changed_age_ms = UNKNOWN};
	struct answer a;
	if (holder)
		text_clean(given.changed_by, sizeof given.changed_by, holder, strlen(holder));
	wire_take_answer(&a, &given, NULL);
	(void)c;
	return a;
}

/* A command that ends with holding (TAKE) has its own answer. */
static void held(struct etcd_call *c)
{
	if (c->kind == ETCD_CALL_COMMAND)
		etcd_call_end_given(c);
	else
		etcd_call_end(c, lease_answer(c, NULL));
}

static void holding_put(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!etcd_call_take_answer(c, &a, 1, reply, now, &err))
		etcd_call_fail_early(c, &err);
	else if (a.succeeded)
		held(c);
	else if (c->kind == ETCD_CALL_COMMAND || ++c->tries > ETCD_CALL_TRIES_MAX)
		etcd_call_end(
			c, lease_answer(c, a.ranges[0].count ? a.ranges[0].kvs[0].value : "somebody"));
	else
		etcd_call_hold(c); /* gone again, or another's */
	wire_etcd_release(&a);
}

static void holding_granted(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_call *c = ctx;
	char key[ETCD_KEY_MAX];
	if (!etcd_call_take_lease(c, reply, now))
		return;
	etcd_key(&c->end->etcd, key, "now/lease");
	const struct etcd_compare absent = {.key = key, .what = ETCD_CREATE};
	const struct etcd_op put = {
		.what = ETCD_PUT, .key = key, .value = c->asked.actor, .lease = c->lease};
	const struct etcd_op get = {.what = ETCD_GET, .key = key};
	const struct etcd_txn t = {.compare = &absent,
		.compare_count = 1,
		.then = &put,
		.then_count = 1,
		.otherwise = &get,
		.otherwise_count = 1};
	c->id = etcd_send_txn(&c->end->etcd, &t, false, holding_put, c, now);
}

static void holding_kept(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_call *c = ctx;
	if (!etcd_call_take_lease(c, reply, now))
		return;
	if (c->lease[0])
		held(c);
	else
		etcd_call_ask_lease(c, c->asked.ttl_ms, holding_granted);
}

static void holding_ended(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_call *c = ctx;
	struct err err = {0};
	c->id = 0;
	c->now = now;
	if (etcd_check(&c->end->etcd, reply, &err) < 0 && !etcd_lost_lease(reply))
		etcd_call_fail_early(c, &err);
	else
		held(c);
}

/* Keeps or ends the lease that the holder's name dies with. */
static void send_lease(struct etcd_call *c, const char *path, const char *id,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now))
{
	struct text body = {0};
	wire_etcd_lease(&body, id);
	struct etcd_request r = {.path = path, .body = text_str(&body), .done = done, .ctx = c};
	c->id = etcd_send(&c->end->etcd, &r, c->now);
	text_free(&body);
}

static void holding_read(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_call *c = ctx;
	struct etcd_answer a;
	struct err err = {0};
	if (!etcd_call_take_answer(c, &a, 1, reply, now, &err)) {
		etcd_call_fail_early(c, &err);
		return;
	}
	const struct etcd_kv *kv = a.ranges[0].count ? &a.ranges[0].kvs[0] : NULL;
	bool mine = kv && strcmp(kv->value, c->asked.actor) == 0;
	if (kv && !mine)
		etcd_call_end(c, lease_answer(c, kv->value));
	else if (mine && c->asked.ttl_ms > 0)
		send_lease(c, "/v3/lease/keepalive", kv->lease, holding_kept);
	else if (mine)
		send_lease(c, "/v3/lease/revoke", kv->lease, holding_ended);
	else if (c->asked.ttl_ms > 0)
		etcd_call_ask_lease(c, c->asked.ttl_ms, holding_granted);
	else
		held(c);
	wire_etcd_release(&a);
}

void etcd_call_hold(struct etcd_call *c)
{
	char key[ETCD_KEY_MAX];
	etcd_key(&c->end->etcd, key, "now/lease");
	const struct etcd_op get = {.what = ETCD_GET, .key = key};
	const struct etcd_txn t = {.then = &get, .then_count = 1};
	c->id = etcd_send_txn(&c->end->etcd, &t, true, holding_read, c, c->now);
}

void driver_etcd_lease(
	struct driver *driver, const struct lease_request *asked, struct instant now)
{
	struct etcd_call *c = etcd_call_new((struct etcd_end *)driver, ETCD_CALL_LEASE, "", now);
	text_copy(c->asked.actor, sizeof c->asked.actor, asked->actor);
	c->asked.ttl_ms = asked->ttl_ms;
	etcd_call_hold(c);
}
