/* Calls: what the driver of weir.pool/1 asks for a change: commands, leases, the fate of an
 * intent. It asks and tells what came of it; it decides nothing.
 *
 * 1. Calls are never limited, and none waits for a poll.
 * 2. What a pool refused is REFUSED; where it may have acted the answer is LOST; only what
 *    cannot have left is NOT_SENT.
 * 3. A brake goes out on the spare connection, and on a fresh one beside it when no answer came
 *    within SPARE_MS, or none ever: its key makes one of both. Pressed again it goes fresh.
 *    Anything else goes out once. */
#include "client/driver_pool_parts.h"

#include "client/wire.h"
#include "model/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARE_MS 300 /* for the answer to a brake on the spare connection */

/* A command, a question about one or a lease, under way. */
struct call {
	struct driver *driver;
	struct call *prev, *next;
	uint64_t id;     /* of the transport; 0: ended */
	uint64_t beside; /* a brake's second way; 0: none, or ended */
	int64_t late_ms; /* how long after the press the way began that has ended */
	bool sent;       /* one of both may have arrived */
	bool is_command; /* `asked` is one; else only its id is used, and ttl_ms of a lease */
	struct command asked;
};

void driver_pool_forget(struct driver *d)
{
	for (struct call *c; (c = d->calls) != NULL;) {
		transport_cancel(d->transport, c->id);
		transport_cancel(d->transport, c->beside);
		d->calls = c->next;
		free(c);
	}
}

static struct call *call_new(struct driver *d, const char *intent)
{
	struct call *c = mem_new(1, sizeof(*c));
	c->driver = d;
	text_copy(c->asked.id, sizeof(c->asked.id), intent);
	c->next = d->calls;
	if (c->next != NULL)
		c->next->prev = c;
	d->calls = c;
	return c;
}

/* Tells the answer of a call, which ends it. */
static void call_end(struct call *c, enum driver_event_kind kind, struct answer *answer,
	const struct transport_reply *reply, struct instant now)
{
	struct driver *d = c->driver;
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		d->calls = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	answer->latency_ms = c->late_ms + reply->latency_ms;
	driver_pool_tell(d,
		&(struct driver_event){
			.kind = kind,
			.node = d->node,
			.at = now,
			.intent = c->asked.id,
			.verb = c->asked.verb,
			.answer = answer,
			.ttl_ms = c->asked.ttl_ms,
		});
	free(c);
}

static struct answer no_answer(enum answer_kind kind, const struct err *why)
{
	return (struct answer){
		.kind = kind,
		.err = *why,
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.share_bp = -1,
		.durable = true,
		.changed_age_ms = UNKNOWN,
	};
}

static struct answer read_answer(const struct call *c, const struct transport_reply *reply)
{
	const struct driver *d = c->driver;
	struct answer a;
	struct err err = {0};
	if (reply->err.code != ERR_NONE)
		return no_answer(reply->sent ? ANSWER_LOST : ANSWER_NOT_SENT, &reply->err);
	if (reply->status == 200 && driver_pool_check_json(d, reply, &err) != 0)
		return no_answer(ANSWER_LOST, &err);
	const struct command *asked = c->is_command ? &c->asked : NULL;
	if (wire_read_answer(&a, asked, reply->status, reply->body, reply->len, &err) != 0) {
		err_prefix(&err, "\"%s\"", d->target);
		return no_answer(ANSWER_LOST, &err);
	}
	if (reply->status == 429)
		driver_pool_say_busy(d, 429, reply->retry_after_ms, &a.err);
	else if (a.err.code != ERR_NONE)
		err_prefix(&a.err, "\"%s\"", d->target);
	return a;
}

/* ---- commands ---- */

static void command_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct answer a = read_answer(ctx, reply);
	call_end(ctx, DRIVER_ANSWER, &a, reply, now);
}

/* One of a brake's two ways has ended: `other` may still be under way. The first word of the
 * pool counts; without one the other way may bring it. */
static void brake_done(struct call *c, uint64_t *own, uint64_t *other,
	const struct transport_reply *reply, struct instant now)
{
	struct driver *d = c->driver;
	struct answer a = read_answer(c, reply);
	bool answered = a.kind == ANSWER_APPLIED || a.kind == ANSWER_REFUSED;
	*own = 0;
	c->sent |= a.kind == ANSWER_LOST;
	if (!answered && *other != 0) {
		/* Nothing listens there: the other way need not wait to find that out. */
		if (a.kind == ANSWER_NOT_SENT)
			transport_hasten(d->transport, *other);
		return;
	}
	if (a.kind == ANSWER_NOT_SENT && c->sent)
		a.kind = ANSWER_LOST;
	transport_cancel(d->transport, *other);
	call_end(c, DRIVER_ANSWER, &a, reply, now);
}

static void spare_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	c->late_ms = 0;
	brake_done(c, &c->id, &c->beside, reply, now);
}

static void beside_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	struct driver *d = c->driver;
	/* what did not answer is closed: another takes its place soon */
	if (d->warm_due_ms != UNKNOWN)
		d->warm_due_ms = now.boot_ms;
	c->late_ms = SPARE_MS;
	brake_done(c, &c->beside, &c->id, reply, now);
}

/* True for a brake that is not pressed again: where it went the last time it got no answer. */
static bool goes_spare(struct driver *d, const struct command *cmd)
{
	if (!verb_is_brake(cmd->verb) || strcmp(d->braked, cmd->id) == 0)
		return false;
	text_copy(d->braked, sizeof(d->braked), cmd->id);
	return true;
}

void driver_pool_apply(struct driver *d, const struct command *cmd, struct instant now)
{
	const struct wire_route *route = wire_route(cmd->verb);
	assert(route != NULL);
	assert(text_is_name(cmd->id, DECISION_ID_MAX - 1));
	struct text body = {0};
	char if_match[48];
	snprintf(
		if_match, sizeof(if_match), "%lld.%lld", (long long)cmd->epoch, (long long)cmd->rev);
	wire_write_command(&body, cmd);
	struct call *c = call_new(d, cmd->id);
	c->is_command = true;
	c->asked = *cmd;
	struct transport_request r = {
		.method = route->method,
		.url = route->path,
		.body = text_str(&body),
		.if_match = verb_is(cmd->verb, VERB_MATCHES) ? if_match : NULL,
		.key = cmd->id,
		.done = command_done,
		.ctx = c,
	};
	if (goes_spare(d, cmd)) {
		r.done = beside_done;
		r.after_ms = SPARE_MS;
		c->beside = driver_pool_ask(d, r, now);
		r.done = spare_done;
		r.after_ms = 0;
		r.spare = true;
	}
	c->id = driver_pool_ask(d, r, now);
	text_free(&body);
}

/* ---- leases ---- */

static void lease_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct answer a = read_answer(ctx, reply);
	call_end(ctx, DRIVER_LEASE, &a, reply, now);
}

void driver_pool_lease(struct driver *d, const struct lease_request *asked, struct instant now)
{
	struct text body = {0};
	wire_write_lease(&body, asked);
	struct call *c = call_new(d, "");
	c->asked.ttl_ms = asked->ttl_ms;
	struct transport_request r = {
		.method = "POST",
		.url = "/v1/lease",
		.body = text_str(&body),
		.done = lease_done,
		.ctx = c,
	};
	c->id = driver_pool_ask(d, r, now);
	text_free(&body);
}

/* ---- the fate of a command ---- */

static struct answer read_fate(const struct driver *d, const struct transport_reply *reply)
{
	struct answer a;
	struct err err = {0};
	if (driver_pool_check(d, reply, &err) != 0)
		return no_answer(ANSWER_LOST, &err);
	if (wire_read_intent(&a, reply->body, reply->len, &err) != 0) {
		err_prefix(&err, "\"%s\"", d->target);
		return no_answer(ANSWER_LOST, &err);
	}
	if (a.err.code != ERR_NONE)
		err_prefix(&a.err, "\"%s\"", d->target);
	return a;
}

static void fate_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct call *c = ctx;
	struct answer a = read_fate(c->driver, reply);
	call_end(c, DRIVER_RESOLVED, &a, reply, now);
}

/* An id from a history that others wrote may be anything, ".." too. */
static void add_escaped(struct text *path, const char *id)
{
	while (*id != '\0') {
		size_t plain = strspn(id, DRIVER_POOL_ALNUM "-_");
		text_add_n(path, id, plain);
		id += plain;
		if (*id != '\0')
			text_addf(path, "%%%02X", (unsigned char)*id++);
	}
}

void driver_pool_resolve(struct driver *d, const char *intent, struct instant now)
{
	struct text path = {0};
	struct call *c = call_new(d, intent);
	text_add(&path, "/v1/intents/");
	add_escaped(&path, c->asked.id);
	text_add(&path, "/void");
	struct transport_request r = {
		.method = "POST",
		.url = text_str(&path),
		.body = "{}",
		.done = fate_done,
		.ctx = c,
	};
	c->id = driver_pool_ask(d, r, now);
	text_free(&path);
}
