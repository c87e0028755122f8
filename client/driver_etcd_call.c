/* Calls of the driver of etcd://: their beginning and end, the brakes that go to the node
 * itself, what etcd answers. What is asked is driver_etcd_plan.c's and
 * driver_etcd_lease.c's. */
#include "client/driver_etcd_call.h"

#include "client/wire.h"
#include "model/mem.h"

#include <stdlib.h>
#include <string.h>

#define DIRECT_MS 300

/* ---- beginning and end ---- */

struct etcd_call *etcd_call_new(
	struct etcd_end *d, enum etcd_call_kind kind, const char *intent, struct instant now)
{
	struct etcd_call *c = mem_new(1, sizeof *c);
	c->end = d;
	c->kind = kind;
	c->now = now;
	c->begun_ms = now.boot_ms;
	text_copy(c->asked.id, sizeof c->asked.id, intent);
	c->next = d->calls;
	if (c->next)
		c->next->prev = c;
	d->calls = c;
	return c;
}

static void call_free(struct etcd_call *c)
{
	struct etcd_end *d = c->end;
	etcd_cancel(&d->etcd, c->id);
	if (c->prev)
		c->prev->next = c->next;
	else
		d->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	text_free(&c->line);
	free(c);
}

void driver_etcd_forget(struct etcd_end *d)
{
	while (d->calls)
		call_free(d->calls);
}

void etcd_call_end(struct etcd_call *c, struct answer a)
{
	static const enum driver_event_kind kinds[] = {[ETCD_CALL_COMMAND] = DRIVER_ANSWER,
		[ETCD_CALL_RESOLVE] = DRIVER_RESOLVED,
		[ETCD_CALL_LEASE] = DRIVER_LEASE};
	a.latency_ms = c->now.boot_ms - c->begun_ms;
	struct driver_event event = {.kind = kinds[c->kind],
		.node = c->end->node,
		.at = c->now,
		.intent = c->asked.id,
		.verb = c->asked.verb,
		.answer = &a,
		.ttl_ms = c->asked.ttl_ms};
	driver_etcd_tell(c->end, &event);
	call_free(c);
}

struct answer etcd_call_none(enum answer_kind kind, const struct err *why)
{
	return (struct answer){.kind = kind,
		.err = *why,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.durable = true,
		.changed_age_ms = UNKNOWN};
}

/* The node is asked for a brake. */
static void go_direct(struct etcd_call *c)
{
	struct etcd_end *d = c->end;
	c->direct = true;
	d->inner_ops->apply(d->inner, &c->asked, c->now);
}

void etcd_call_fail(struct etcd_call *c, struct answer a)
{
	bool brakes = c->kind == ETCD_CALL_COMMAND && verb_is_brake(c->asked.verb);
	c->id = 0;
	if (!brakes || c->direct_ended) {
		/* What the node did not do either: unknown where one of both is unknown. */
		bool worse = c->has_failed && c->failed.kind == ANSWER_LOST;
		etcd_call_end(c, worse ? c->failed : a);
		return;
	}
	c->failed = a;
	c->has_failed = true;
	if (!c->direct)
		go_direct(c);
}

void etcd_call_fail_early(struct etcd_call *c, const struct err *err)
{
	bool refused = err->code == ERR_UNAUTHORISED || err->code == ERR_READ_ONLY;
	etcd_call_fail(c,
		etcd_call_none(refused                 ? ANSWER_REFUSED
				: c->kind == ETCD_CALL_COMMAND ? ANSWER_NOT_SENT
											   : ANSWER_LOST,
			err));
}

void etcd_call_end_given(struct etcd_call *c)
{
	struct answer a;
	wire_take_answer(&a, &c->given, c->kind == ETCD_CALL_COMMAND ? &c->asked : NULL);
	etcd_call_end(c, a);
}

void driver_etcd_heard(struct etcd_end *d, const struct driver_event *event)
{
	struct etcd_call *c = d->calls;
	while (c && (!c->direct || strcmp(c->asked.id, event->intent) != 0))
		c = c->next;
	if (!c)
		return; /* etcd was faster */
	c->now = event->at;
	if (event->answer->kind == ANSWER_APPLIED) {
		etcd_call_end(c, *event->answer);
		return;
	}
	c->direct_ended = true;
	if (c->id == 0) {
		bool lost = c->failed.kind == ANSWER_LOST;
		etcd_call_end(c, lost ? c->failed : *event->answer);
		return;
	}
	c->failed = *event->answer;
	c->has_failed = true;
}

void driver_etcd_redirect(struct etcd_end *d, struct instant now)
{
	for (struct etcd_call *c = d->calls, *next; c; c = next) {
		next = c->next;
		if (!c->direct || c->direct_ended)
			continue;
		c->now = now;
		go_direct(c);
	}
}

void driver_etcd_turn(struct driver *driver, struct instant now)
{
	struct etcd_end *d = (struct etcd_end *)driver;
	for (struct etcd_call *c = d->calls, *next; c; c = next) {
		next = c->next;
		if (c->kind != ETCD_CALL_COMMAND || !verb_is_brake(c->asked.verb) || c->direct ||
			now.boot_ms - c->begun_ms < DIRECT_MS)
			continue;
		c->now = now;
		go_direct(c);
	}
}

/* ---- what etcd answers ---- */

void etcd_call_ask_lease(struct etcd_call *c, int64_t ttl_ms,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now))
{
	struct text body = {0};
	wire_etcd_grant(&body, ttl_ms);
	struct etcd_request r = {
		.path = "/v3/lease/grant", .body = text_str(&body), .done = done, .ctx = c};
	c->id = etcd_send(&c->end->etcd, &r, c->now);
	text_free(&body);
}

bool etcd_call_take_lease(
	struct etcd_call *c, const struct transport_reply *reply, struct instant now)
{
	struct err err = {0};
	int64_t ttl_ms;
	c->id = 0;
	c->now = now;
	if (etcd_check(&c->end->etcd, reply, &err) == 0 &&
		wire_etcd_read_lease(c->lease, &ttl_ms, reply->body, reply->len, &err) == 0)
		return true;
	etcd_call_fail_early(c, &err);
	return false;
}

bool etcd_call_take_answer(struct etcd_call *c, struct etcd_answer *a, size_t count,
	const struct transport_reply *reply, struct instant now, struct err *err)
{
	*a = (struct etcd_answer){0};
	c->id = 0;
	c->now = now;
	if (etcd_check(&c->end->etcd, reply, err) < 0 ||
		wire_etcd_read(a, reply->body, reply->len, err) < 0)
		return false;
	if (a->range_count == count || (a->succeeded && a->range_count == 0))
		return true;
	wire_etcd_release(a);
	err_set(err, ERR_PROTOCOL, "etcd at \"%s\" answers something else than it was asked",
		etcd_endpoint(&c->end->etcd));
	return false;
}
