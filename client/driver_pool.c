/* The driver of weir.pool/1: http://, https:// and unix:. It asks and tells what came back; it
 * pins no identity, retries nothing and decides nothing.
 *
 * 1. One poll and one audit page are under way at most; commands and leases are never limited.
 * 2. Of one boot only rising seq is told; the rest is REPLAYED.
 * 3. What a pool refused is REFUSED; where it may have acted the answer is LOST; only what
 *    cannot have left is NOT_SENT.
 * 4. A pool that says when to come back is not asked before: the polls until then fail here. */
#include "client/drivers.h"

#include "client/transport.h"
#include "client/wire.h"
#include "model/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define TIMEOUT_MS 3000
#define AUDIT_PAGE 1000
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* A command, a question about one or a lease, under way. */
struct call {
	struct driver *driver;
	struct call *prev, *next;
	uint64_t id;     /* of the transport */
	bool is_command; /* `asked` is one; else only its id is used, and ttl_ms of a lease */
	struct command asked;
};

struct driver {
	uint64_t node;
	struct transport *transport;
	struct driver_sink sink;
	char *target, *base, *unix_path, *token;
	uint64_t poll_id, audit_id;
	struct call *calls;
	struct snapshot *snapshot;
	char boot_id[POOL_ID_MAX];
	int64_t seq;
	int64_t busy_until_ms; /* boot clock */
};

/* ---- open and close ---- */

static int bad_target(struct err *err, const char *target, const char *why)
{
	return err_set(err, ERR_CONFIG, "target \"%.160s\" %s", target, why);
}

static int take_unix(struct driver *d, const char *path, struct err *err)
{
	if (path[0] != '/')
		return bad_target(err, d->target, "needs an absolute path: unix:/PATH");
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return bad_target(err, d->target, "has a path longer than a socket's may be");
	d->unix_path = mem_copy(path);
	d->base = mem_copy("http://localhost");
	return 0;
}

/* scheme://HOST[:PORT][/] and nothing more: no user, path or query. */
static int take_url(struct driver *d, struct err *err)
{
	const char *host = strchr(d->target, ':');
	if (host == NULL || strncmp(host, "://", 3) != 0)
		return bad_target(err, d->target, "is no address: SCHEME://HOST:PORT");
	host += 3;
	size_t len = strspn(host, ALNUM ".-_:[]");
	bool ends = host[len] == '\0' || strcmp(host + len, "/") == 0;
	if (len == 0 || !ends)
		return bad_target(err, d->target, "is more than SCHEME://HOST:PORT");
	d->base = mem_copy_n(d->target, (size_t)(host - d->target) + len);
	return 0;
}

static int take_token(struct driver *d, const char *token, struct err *err)
{
	if (token == NULL || token[0] == '\0')
		return 0;
	for (const char *s = token; *s != '\0'; s++)
		if (*s <= 0x20 || *s >= 0x7f)
			return err_set(err, ERR_CONFIG,
				"the token of \"%.160s\" has a byte that no header may carry", d->target);
	d->token = mem_copy(token);
	return 0;
}

static void pool_close(struct driver *d)
{
	transport_cancel(d->transport, d->poll_id);
	transport_cancel(d->transport, d->audit_id);
	for (struct call *c; (c = d->calls) != NULL;) {
		transport_cancel(d->transport, c->id);
		d->calls = c->next;
		free(c);
	}
	free(d->target);
	free(d->base);
	free(d->unix_path);
	free(d->token);
	free(d->snapshot);
	free(d);
}

static int pool_open(struct driver **out, const struct driver_open *how, struct err *err)
{
	struct driver *d = mem_new(1, sizeof(*d));
	d->node = how->node;
	d->transport = how->transport;
	d->sink = how->sink;
	d->target = mem_copy(how->target);
	d->snapshot = mem_new(1, sizeof(*d->snapshot));
	d->busy_until_ms = how->now.boot_ms;
	bool is_unix = strncmp(how->target, "unix:", 5) == 0;
	int bad = is_unix ? take_unix(d, how->target + 5, err) : take_url(d, err);
	if (bad != 0 || take_token(d, how->token, err) != 0) {
		pool_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

/* ---- asking ---- */

/* Sends `r`, whose url is still the path. */
static uint64_t ask(struct driver *d, struct transport_request r, struct instant now)
{
	struct text url = {0};
	text_addf(&url, "%s%s", d->base, r.url);
	r.url = text_str(&url);
	r.unix_path = d->unix_path;
	r.token = d->token;
	r.timeout_ms = TIMEOUT_MS;
	uint64_t id = transport_send(d->transport, &r, now);
	text_free(&url);
	return id;
}

static bool is_json(const char *content_type)
{
	static const char json[] = "application/json";
	size_t len = sizeof(json) - 1;
	return strncasecmp(content_type, json, len) == 0 &&
		(content_type[len] == '\0' || content_type[len] == ';' || content_type[len] == ' ');
}

static int check_json(
	const struct driver *d, const struct transport_reply *reply, struct err *err)
{
	if (is_json(reply->content_type))
		return 0;
	return err_set(err, ERR_NOT_POOL, "\"%s\" answers %s, not a pool's JSON", d->target,
		reply->content_type[0] != '\0' ? reply->content_type : "without a content type");
}

static int say_busy(const struct driver *d, int status, int64_t ms, struct err *err)
{
	struct text when = {0};
	if (ms != UNKNOWN)
		text_addf(&when, ", retry in %llds", (long long)((ms + 999) / 1000));
	err_set(err, ERR_UNREACHABLE, "\"%s\" is busy%s (%d)", d->target, text_str(&when), status);
	text_free(&when);
	return -1;
}

/* Of a question that changes nothing: 0 when the body is a document to be read. */
static int check_reply(
	const struct driver *d, const struct transport_reply *reply, struct err *err)
{
	int status = reply->status;
	if (reply->err.code != ERR_NONE) {
		*err = reply->err;
		return -1;
	}
	if (status == 401 || status == 403)
		return err_set(err, ERR_UNAUTHORISED, "\"%s\" %s (%d)", d->target,
			d->token != NULL ? "refused the token" : "wants a token", status);
	if (status == 429 || status == 503)
		return say_busy(d, status, reply->retry_after_ms, err);
	if (status >= 500)
		return err_set(err, ERR_UNREACHABLE, "\"%s\" failed (%d)", d->target, status);
	if (status != 200)
		return err_set(
			err, ERR_NOT_POOL, "\"%s\" answers %d where a pool answers 200", d->target, status);
	return check_json(d, reply, err);
}

static void tell(const struct driver *d, const struct driver_event *event)
{
	d->sink.event(d->sink.ctx, event);
}

static void tell_trouble(const struct driver *d, const struct err *err, struct instant now)
{
	tell(d,
		&(struct driver_event){.kind = DRIVER_TROUBLE, .node = d->node, .at = now, .err = err});
}

/* ---- state ---- */

static int read_state(struct driver *d, const struct transport_reply *reply, struct err *err)
{
	struct snapshot *s = d->snapshot;
	if (check_reply(d, reply, err) != 0)
		return -1;
	if (wire_read_state(s, reply->body, reply->len, err) != 0)
		return err_prefix(err, "\"%s\"", d->target);
	if (strcmp(s->boot_id, d->boot_id) == 0 && s->seq <= d->seq)
		return err_set(err, ERR_REPLAYED,
			"\"%s\" gave an old answer again (seq %lld after %lld)", d->target,
			(long long)s->seq, (long long)d->seq);
	text_copy(d->boot_id, sizeof(d->boot_id), s->boot_id);
	d->seq = s->seq;
	return 0;
}

static void state_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct driver *d = ctx;
	struct err err = {0};
	d->poll_id = 0;
	bool asked_to_wait = reply->err.code == ERR_NONE && reply->retry_after_ms != UNKNOWN &&
		(reply->status == 429 || reply->status == 503);
	if (asked_to_wait)
		d->busy_until_ms = now.boot_ms + reply->retry_after_ms;
	if (read_state(d, reply, &err) != 0) {
		tell_trouble(d, &err, now);
		return;
	}
	tell(d,
		&(struct driver_event){
			.kind = DRIVER_SNAPSHOT, .node = d->node, .at = now, .snapshot = d->snapshot});
}

static void pool_poll(struct driver *d, struct instant now)
{
	if (d->poll_id != 0)
		return;
	if (now.boot_ms < d->busy_until_ms) {
		struct err err = {0};
		say_busy(d, 503, d->busy_until_ms - now.boot_ms, &err);
		tell_trouble(d, &err, now);
		return;
	}
	struct transport_request r = {
		.method = "GET", .url = "/v1/state", .done = state_done, .ctx = d};
	d->poll_id = ask(d, r, now);
}

/* ---- audit ---- */

static void audit_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct driver *d = ctx;
	struct err err = {0};
	size_t count = 0;
	d->audit_id = 0;
	struct audit_entry *entries = mem_new(AUDIT_PAGE, sizeof(*entries));
	if (check_reply(d, reply, &err) == 0 &&
		wire_read_audit(entries, AUDIT_PAGE, &count, reply->body, reply->len, &err) != 0) {
		err_prefix(&err, "\"%s\"", d->target);
		count = 0;
	}
	tell(d,
		&(struct driver_event){
			.kind = DRIVER_AUDIT,
			.node = d->node,
			.at = now,
			.err = err.code != ERR_NONE ? &err : NULL,
			.audit = entries,
			.audit_count = count,
		});
	free(entries);
}

static void pool_audit(struct driver *d, int64_t since, struct instant now)
{
	if (d->audit_id != 0)
		return;
	char path[64];
	snprintf(path, sizeof(path), "/v1/audit?since=%lld", (long long)since);
	struct transport_request r = {.method = "GET", .url = path, .done = audit_done, .ctx = d};
	d->audit_id = ask(d, r, now);
}

/* ---- commands ---- */

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
	answer->latency_ms = reply->latency_ms;
	tell(d,
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
	if (reply->status == 200 && check_json(d, reply, &err) != 0)
		return no_answer(ANSWER_LOST, &err);
	const struct command *asked = c->is_command ? &c->asked : NULL;
	if (wire_read_answer(&a, asked, reply->status, reply->body, reply->len, &err) != 0) {
		err_prefix(&err, "\"%s\"", d->target);
		return no_answer(ANSWER_LOST, &err);
	}
	if (reply->status == 429)
		say_busy(d, 429, reply->retry_after_ms, &a.err);
	else if (a.err.code != ERR_NONE)
		err_prefix(&a.err, "\"%s\"", d->target);
	return a;
}

static void command_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct answer a = read_answer(ctx, reply);
	call_end(ctx, DRIVER_ANSWER, &a, reply, now);
}

static void pool_apply(struct driver *d, const struct command *cmd, struct instant now)
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
	c->id = ask(d, r, now);
	text_free(&body);
}

/* ---- leases ---- */

static void lease_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct answer a = read_answer(ctx, reply);
	call_end(ctx, DRIVER_LEASE, &a, reply, now);
}

static void pool_lease(struct driver *d, const struct lease_request *asked, struct instant now)
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
	c->id = ask(d, r, now);
	text_free(&body);
}

/* ---- the fate of a command ---- */

static struct answer read_fate(const struct driver *d, const struct transport_reply *reply)
{
	struct answer a;
	struct err err = {0};
	if (check_reply(d, reply, &err) != 0)
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
		size_t plain = strspn(id, ALNUM "-_");
		text_add_n(path, id, plain);
		id += plain;
		if (*id != '\0')
			text_addf(path, "%%%02X", (unsigned char)*id++);
	}
}

static void pool_resolve(struct driver *d, const char *intent, struct instant now)
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
	c->id = ask(d, r, now);
	text_free(&path);
}

/* ---- the rows ---- */

#define POOL_CAPABILITIES \
	(CAPABILITY_COMPARE_AND_SET | CAPABILITY_KEYS | CAPABILITY_BASELINE | \
		CAPABILITY_SESSIONS | CAPABILITY_QUANTILES | CAPABILITY_AUDIT | CAPABILITY_COMMANDS)

#define POOL_ROW(name, word, text) \
	const struct driver_ops driver_##name = { \
		.scheme = word, \
		.capabilities = POOL_CAPABILITIES, \
		.help = text, \
		.open = pool_open, \
		.poll = pool_poll, \
		.apply = pool_apply, \
		.resolve = pool_resolve, \
		.lease = pool_lease, \
		.audit = pool_audit, \
		.close = pool_close, \
	}

POOL_ROW(http, "http", "http://HOST:PORT: a pool that speaks weir.pool/1, as weir serve does");
POOL_ROW(https, "https", "https://HOST:PORT: the same over TLS, always verified");
POOL_ROW(unix, "unix", "unix:/PATH: the same on a unix socket");
