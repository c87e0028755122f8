/* The driver of weir.pool/1: http://, https:// and unix:. It asks and tells what came back; it
 * pins no identity and decides nothing. What is asked for a change is driver_pool_call.c's.
 *
 * 1. One poll and one audit page are under way at most.
 * 2. Of one boot only rising seq is told; the rest is REPLAYED.
 * 3. A pool that says when to come back is not asked before: the polls until then fail here.
 * 4. Two connections of a well pool are kept: the polls' own, and a spare one for brakes, which
 *    is asked for the pool's health every WARM_MS. */
#include "client/drivers.h"

#include "client/driver_pool_parts.h"
#include "client/wire.h"
#include "model/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define TIMEOUT_MS 3000
#define WARM_MS 3000 /* servers close what was idle for 5 s */
#define AUDIT_PAGE 1000
#define HOST_BYTES DRIVER_POOL_ALNUM ".-_:[]"

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
	size_t len = strspn(host, HOST_BYTES);
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
	transport_cancel(d->transport, d->warm_id);
	driver_pool_forget(d);
	free(d->target);
	free(d->base);
	free(d->unix_path);
	free(d->token);
	free(d);
}

static int pool_open(struct driver **out, const struct driver_open *how, struct err *err)
{
	struct driver *d = mem_new(1, sizeof(*d));
	d->node = how->node;
	d->transport = how->transport;
	d->sink = how->sink;
	d->target = mem_copy(how->target);
	d->busy_until_ms = how->now.boot_ms;
	d->warm_due_ms = UNKNOWN;
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

uint64_t driver_pool_ask(struct driver *d, struct transport_request r, struct instant now)
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

int driver_pool_check_json(
	const struct driver *d, const struct transport_reply *reply, struct err *err)
{
	if (is_json(reply->content_type))
		return 0;
	return err_set(err, ERR_NOT_POOL, "\"%s\" answers %s, not a pool's JSON", d->target,
		reply->content_type[0] != '\0' ? reply->content_type : "without a content type");
}

int driver_pool_say_busy(const struct driver *d, int status, int64_t ms, struct err *err)
{
	struct text when = {0};
	if (ms != UNKNOWN)
		text_addf(&when, ", retry in %llds", (long long)((ms + 999) / 1000));
	err_set(err, ERR_UNREACHABLE, "\"%s\" is busy%s (%d)", d->target, text_str(&when), status);
	text_free(&when);
	return -1;
}

int driver_pool_check(
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
		return driver_pool_say_busy(d, status, reply->retry_after_ms, err);
	if (status >= 500)
		return err_set(err, ERR_UNREACHABLE, "\"%s\" failed (%d)", d->target, status);
	if (status != 200)
		return err_set(
			err, ERR_NOT_POOL, "\"%s\" answers %d where a pool answers 200", d->target, status);
	return driver_pool_check_json(d, reply, err);
}

void driver_pool_tell(const struct driver *d, const struct driver_event *event)
{
	d->sink.event(d->sink.ctx, event);
}

static void tell_trouble(const struct driver *d, const struct err *err, struct instant now)
{
	driver_pool_tell(d,
		&(struct driver_event){.kind = DRIVER_TROUBLE, .node = d->node, .at = now, .err = err});
}

/* ---- state ---- */

static int read_state(struct driver *d, const struct transport_reply *reply, struct snapshot *s,
	struct err *err)
{
	if (driver_pool_check(d, reply, err) != 0)
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
	struct snapshot *s = mem_new(1, sizeof(*s)); /* not one a driver: a site has a thousand */
	bool well = read_state(d, reply, s, &err) == 0;
	if (!well)
		d->warm_due_ms = UNKNOWN;
	else if (d->warm_due_ms == UNKNOWN)
		d->warm_due_ms = now.boot_ms;
	if (well)
		driver_pool_tell(d,
			&(struct driver_event){
				.kind = DRIVER_SNAPSHOT, .node = d->node, .at = now, .snapshot = s});
	else
		tell_trouble(d, &err, now);
	free(s);
}

static void warm_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	(void)reply, (void)now; /* whatever it says, the connection is there */
	struct driver *d = ctx;
	d->warm_id = 0;
}

/* Opens the spare connection of a pool that is well, and lets no server think it idle. */
static void warm(struct driver *d, struct instant now)
{
	if (d->warm_id != 0 || d->warm_due_ms == UNKNOWN || now.boot_ms < d->warm_due_ms)
		return;
	struct transport_request r = {
		.method = "GET", .url = "/healthz", .spare = true, .done = warm_done, .ctx = d};
	d->warm_id = driver_pool_ask(d, r, now);
	d->warm_due_ms = now.boot_ms + WARM_MS;
}

static void pool_poll(struct driver *d, struct instant now)
{
	if (d->poll_id != 0)
		return;
	if (now.boot_ms < d->busy_until_ms) {
		struct err err = {0};
		driver_pool_say_busy(d, 503, d->busy_until_ms - now.boot_ms, &err);
		tell_trouble(d, &err, now);
		return;
	}
	struct transport_request r = {
		.method = "GET", .url = "/v1/state", .done = state_done, .ctx = d};
	d->poll_id = driver_pool_ask(d, r, now);
	warm(d, now);
}

/* ---- audit ---- */

static void audit_done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct driver *d = ctx;
	struct err err = {0};
	size_t count = 0;
	d->audit_id = 0;
	struct audit_entry *entries = mem_new(AUDIT_PAGE, sizeof(*entries));
	if (driver_pool_check(d, reply, &err) == 0 &&
		wire_read_audit(entries, AUDIT_PAGE, &count, reply->body, reply->len, &err) != 0) {
		err_prefix(&err, "\"%s\"", d->target);
		count = 0;
	}
	driver_pool_tell(d,
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
	d->audit_id = driver_pool_ask(d, r, now);
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
		.apply = driver_pool_apply, \
		.resolve = driver_pool_resolve, \
		.lease = driver_pool_lease, \
		.audit = pool_audit, \
		.close = pool_close, \
	}

POOL_ROW(http, "http", "http://HOST:PORT: a pool that speaks weir.pool/1, as weir serve does");
POOL_ROW(https, "https", "https://HOST:PORT: the same over TLS, always verified");
POOL_ROW(unix, "unix", "unix:/PATH: the same on a unix socket");
