/* The driver of etcd://: one node of a fleet whose plan lies in etcd. What it says it says itself,
 * by weir.pool/1; what is asked of it is asked of the plan, which is driver_etcd_plan.c's.
 *
 * 1. A node that etcd does not list is told as trouble, whatever it says itself: it may be cut off
 *    from the plan.
 * 2. Where etcd cannot be asked the node's own word counts: it says itself that it does not see
 *    etcd.
 * 3. Where its address changes, the new one is followed.
 * 4. An address is whatever was written into etcd: a socket of this machine is asked only where etcd
 *    is here too, and the pool's token goes nowhere else without TLS. */
#include "client/drivers.h"

#include "client/driver_etcd_parts.h"
#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <stdlib.h>
#include <string.h>

void driver_etcd_tell(const struct etcd_end *d, const struct driver_event *event)
{
	d->sink.event(d->sink.ctx, event);
}

/* ---- the node itself ---- */

static void tell_missing(const struct etcd_end *d, struct instant now)
{
	char age[24];
	struct err err = {0};
	unit_age(age, sizeof age, now.boot_ms - d->missing_ms);
	err_set(&err, ERR_UNREACHABLE,
		"node \"%s\" is not registered in etcd for %s: it stopped, hangs, or is cut off",
		d->etcd.target.node, age);
	driver_etcd_tell(d,
		&(struct driver_event){
			.kind = DRIVER_TROUBLE, .node = d->node, .at = now, .err = &err});
}

static void hear(void *ctx, const struct driver_event *event)
{
	struct etcd_end *d = ctx;
	if (event->kind == DRIVER_SNAPSHOT || event->kind == DRIVER_TROUBLE)
		d->polling = false;
	d->drains -= event->kind == DRIVER_ANSWER && event->verb == VERB_DRAIN;
	if (event->kind == DRIVER_ANSWER && event->verb != VERB_DRAIN)
		driver_etcd_heard(d, event);
	else if (event->kind == DRIVER_SNAPSHOT && d->missing_ms != UNKNOWN)
		tell_missing(d, event->at);
	else
		driver_etcd_tell(d, event);
}

static const struct driver_ops *ops_of(const char *url)
{
	static const struct driver_ops *const known[] = {&driver_http, &driver_https, &driver_unix};
	size_t len = strcspn(url, ":");
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strlen(known[i]->scheme) == len && strncmp(known[i]->scheme, url, len) == 0)
			return known[i];
	return NULL;
}

static bool is_unix(const char *url)
{
	return strncmp(url, "unix:", 5) == 0;
}

static bool may_have_token(const char *url)
{
	return is_unix(url) || strncmp(url, "https:", 6) == 0 || etcd_is_near(url);
}

/* Takes the way to `url`; one under way to another address ends. */
static int reach(struct etcd_end *d, const char *url, struct instant now, struct err *err)
{
	struct driver *inner;
	const struct driver_ops *ops = ops_of(url);
	/* the answer to a drain would be lost with the way that it was asked by */
	if (d->inner && (d->drains > 0 || strcmp(d->url, url) == 0))
		return 0;
	const struct driver_open how = {.node = d->node,
		.target = url,
		.token = may_have_token(url) ? d->token : NULL,
		.transport = d->transport,
		.sink = {hear, d},
		.now = now};
	if (!ops)
		return err_set(err, ERR_CONFIG,
			"node \"%s\" says that it answers at \"%.120s\", which is no http://, https:// or "
			"unix: address",
			d->etcd.target.node, url);
	if (is_unix(url) && !etcd_is_near(etcd_endpoint(&d->etcd)))
		return err_set(err, ERR_CONFIG,
			"node \"%s\" says that it answers at \"%.120s\", which is asked only where etcd is on "
			"this machine: give the node --advertise URL",
			d->etcd.target.node, url);
	if (ops->open(&inner, &how, err) < 0)
		return -1;
	if (d->inner)
		d->inner_ops->close(d->inner);
	d->inner = inner;
	d->inner_ops = ops;
	text_copy(d->url, sizeof d->url, url);
	if (d->polling)
		ops->poll(inner, now);
	driver_etcd_redirect(d, now);
	return 0;
}

/* ---- open and close ---- */

static void etcd_end_close(struct driver *driver)
{
	struct etcd_end *d = (struct etcd_end *)driver;
	driver_etcd_forget(d);
	etcd_cancel(&d->etcd, d->look_id);
	if (d->inner)
		d->inner_ops->close(d->inner);
	etcd_close(&d->etcd);
	free(d->target);
	free(d->token);
	free(d);
}

static int etcd_end_open(struct driver **out, const struct driver_open *how, struct err *err)
{
	struct etcd_end *d = mem_new(1, sizeof *d);
	d->node = how->node;
	d->sink = how->sink;
	d->transport = how->transport;
	d->target = mem_copy(how->target);
	d->token = mem_copy(how->token);
	d->missing_ms = UNKNOWN;
	int rc = etcd_open(&d->etcd, how->target, how->transport, err);
	if (rc == 0 && !d->etcd.target.url[0])
		rc = err_set(err, ERR_CONFIG, "target \"%.160s\" has no node", how->target);
	if (rc == 0)
		rc = reach(d, d->etcd.target.url, how->now, err);
	if (rc < 0)
		etcd_end_close((struct driver *)d);
	else
		*out = (struct driver *)d;
	return rc;
}

/* ---- polling ---- */

static void looked(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd_end *d = ctx;
	struct etcd_answer a = {0};
	struct etcd_node n;
	struct err err = {0};
	d->look_id = 0;
	if (etcd_check(&d->etcd, reply, &err) < 0 ||
		wire_etcd_read(&a, reply->body, reply->len, &err) < 0 || a.range_count != 1) {
		d->missing_ms = UNKNOWN;
	} else if (a.ranges[0].count == 0) {
		d->missing_ms = d->missing_ms == UNKNOWN ? now.boot_ms : d->missing_ms;
	} else {
		d->missing_ms = UNKNOWN;
		if (etcd_node_read(&n, a.ranges[0].kvs[0].value, &err) == 0)
			(void)reach(d, n.url, now, &err);
	}
	wire_etcd_release(&a);
}

static void etcd_end_poll(struct driver *driver, struct instant now)
{
	struct etcd_end *d = (struct etcd_end *)driver;
	char key[ETCD_KEY_MAX];
	d->polling = true;
	d->inner_ops->poll(d->inner, now);
	if (d->look_id != 0)
		return;
	etcd_key(&d->etcd, key, "nodes/%s", d->etcd.target.node);
	const struct etcd_op get = {.what = ETCD_GET, .key = key};
	const struct etcd_txn t = {.then = &get, .then_count = 1};
	d->look_id = etcd_send_txn(&d->etcd, &t, true, looked, d, now);
}

static void etcd_end_audit(struct driver *driver, int64_t since, struct instant now)
{
	struct etcd_end *d = (struct etcd_end *)driver;
	d->inner_ops->audit(d->inner, since, now);
}

const struct driver_ops driver_etcd = {
	.scheme = "etcd",
	.capabilities = CAPABILITY_COMPARE_AND_SET | CAPABILITY_KEYS | CAPABILITY_BASELINE |
		CAPABILITY_SESSIONS | CAPABILITY_QUANTILES | CAPABILITY_AUDIT | CAPABILITY_COMMANDS,
	.help = "etcd://HOST:PORT/POOL: a fleet whose plan lies in etcd, as weir serve --etcd does",
	.open = etcd_end_open,
	.poll = etcd_end_poll,
	.apply = driver_etcd_apply,
	.resolve = driver_etcd_resolve,
	.lease = driver_etcd_lease,
	.audit = etcd_end_audit,
	.turn = driver_etcd_turn,
	.close = etcd_end_close,
};
