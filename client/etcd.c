#define _GNU_SOURCE /* memrchr */
/* Etcd: targets, requests, names. It decides nothing and keeps nothing but which endpoint answers.
 *
 * 1. A token goes as it is behind Authorization, which is what etcd 3.4 takes.
 *    It is read anew when it was refused.
 * 2. An endpoint that cannot be reached, or says that it has no leader, is left for the next. */
#include "client/etcd.h"

#include "client/secret.h"
#include "client/wire_field.h"
#include "model/mem.h"
#include "model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "etcd://"
#define HOST_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_[]:"
#define CODE_NOT_FOUND 5 /* gRPC's */
#define CODE_UNAVAILABLE 14

/* ---- targets ---- */

bool etcd_is_target(const char *target)
{
	return strncmp(target, "etcd:", 5) == 0;
}

static int bad(struct err *err, const char *target, const char *why)
{
	return err_set(err, ERR_CONFIG, "target \"%.160s\" %s", target, why);
}

/* HOST:PORT[,HOST:PORT…] of `len` bytes. */
static int read_endpoints(
	struct etcd_target *out, const char *list, size_t len, const char *scheme)
{
	while (len > 0) {
		size_t n = 0;
		while (n < len && list[n] != ',')
			n++;
		const char *colon = n > 0 ? memrchr(list, ':', n) : NULL;
		if (out->endpoint_count == ETCD_ENDPOINTS_MAX || n > 140 || !colon || colon == list ||
			colon + 1 == list + n || strspn(list, HOST_BYTES) < n)
			return -1;
		snprintf(out->endpoint[out->endpoint_count++], sizeof out->endpoint[0], "%s://%.*s",
			scheme, (int)n, list);
		list += n + (n < len);
		len -= n + (n < len);
	}
	return out->endpoint_count > 0 ? 0 : -1;
}

static bool take(char *out, size_t size, const char *from, size_t len)
{
	if (len == 0 || len >= size)
		return false;
	memcpy(out, from, len);
	out[len] = '\0';
	return true;
}

static int read_query(struct etcd_target *out, const char *query, bool *tls)
{
	while (*query && *query != '#') {
		size_t len = strcspn(query, "&#");
		int64_t nodes = 0;
		char number[8] = "";
		if (strncmp(query, "tls=yes", 7) == 0 && len == 7)
			*tls = true;
		else if (strncmp(query, "nodes=", 6) == 0 &&
			take(number, sizeof number, query + 6, len - 6) &&
			unit_parse_int(number, 1, 1000, &nodes))
			out->nodes = (int)nodes;
		else if (strncmp(query, "auth=/", 6) != 0 ||
			!take(out->auth, sizeof out->auth, query + 5, len - 5))
			return -1;
		query += len + (query[len] == '&');
	}
	return 0;
}

int etcd_target_read(struct etcd_target *out, const char *target, struct err *err)
{
	*out = (struct etcd_target){0};
	bool tls = false;
	const char *list = target + sizeof SCHEME - 1;
	if (strncmp(target, SCHEME, sizeof SCHEME - 1) != 0)
		return bad(err, target, "is no address: etcd://HOST:PORT/POOL");
	size_t len = strcspn(list, "/?#");
	const char *pool = list + len + (list[len] == '/');
	const char *rest = pool + strcspn(pool, "?#"), *node = strchr(pool, '#');
	if (list[len] != '/' || !take(out->pool, sizeof out->pool, pool, (size_t)(rest - pool)) ||
		!text_is_name(out->pool, sizeof out->pool - 1))
		return bad(err, target, "names no pool: etcd://HOST:PORT/POOL");
	if (*rest == '?' && read_query(out, rest + 1, &tls) < 0)
		return bad(err, target, "may have ?tls=yes, auth=/FILE and nodes=N and nothing else");
	if (read_endpoints(out, list, len, tls ? "https" : "http") < 0)
		return bad(err, target, "needs one to eight HOST:PORT, parted by commas");
	size_t named = node ? strcspn(node + 1, "=") : 0;
	if (node &&
		(!take(out->node, sizeof out->node, node + 1, named) ||
			!text_is_name(out->node, sizeof out->node - 1)))
		return bad(err, target, "names no node behind #");
	if (node && node[1 + named] && !text_copy(out->url, sizeof out->url, node + 2 + named))
		return bad(err, target, "has a node whose address is too long");
	return 0;
}

void etcd_node_target(
	struct text *out, const char *target, int nodes, const char *node, const char *url)
{
	size_t len = strcspn(target, "#");
	text_add_n(out, target, len);
	if (!strstr(target, "nodes="))
		text_addf(out, "%cnodes=%d", memchr(target, '?', len) ? '&' : '?', nodes);
	text_addf(out, "#%s=%s", node, url);
}

void etcd_pool_target(struct text *out, const char *target)
{
	size_t len = strcspn(target, "#");
	const char *nodes = strstr(target, "nodes=");
	bool was_added = target[len] == '#' && nodes && nodes < target + len &&
		nodes + strcspn(nodes, "&#") == target + len;
	text_add_n(out, target, was_added ? (size_t)(nodes - target) - 1 : len);
}

/* ---- open and close ---- */

int etcd_open(struct etcd *e, const char *target, struct transport *t, struct err *err)
{
	*e = (struct etcd){.transport = t};
	if (etcd_target_read(&e->target, target, err) < 0)
		return -1;
	return e->target.auth[0] ? secret_read(&e->credential, e->target.auth, err) : 0;
}

void etcd_close(struct etcd *e)
{
	secret_free(e->credential);
	*e = (struct etcd){0};
}

const char *etcd_endpoint(const struct etcd *e)
{
	return e->target.endpoint[e->at];
}

bool etcd_is_near(const char *url)
{
	static const char *const names[] = {"127.0.0.1", "[::1]", "localhost"};
	const char *host = strstr(url, "://");
	for (size_t i = 0; host && i < sizeof names / sizeof *names; i++) {
		size_t len = strlen(names[i]);
		char next = strncmp(host + 3, names[i], len) == 0 ? host[3 + len] : '?';
		if (next == '\0' || next == ':' || next == '/')
			return true;
	}
	return false;
}

void etcd_key(const struct etcd *e, char out[ETCD_KEY_MAX], const char *format, ...)
{
	va_list args;
	int n = snprintf(out, ETCD_KEY_MAX, "weir/%s/", e->target.pool);
	va_start(args, format);
	vsnprintf(out + n, (size_t)(ETCD_KEY_MAX - n), format, args);
	va_end(args);
}

/* ---- requests ---- */

uint64_t etcd_send(struct etcd *e, const struct etcd_request *r, struct instant now)
{
	struct text url = {0};
	text_addf(&url, "%s%s", etcd_endpoint(e), r->path);
	struct transport_request q = {
		.method = r->body ? "POST" : "GET",
		.url = text_str(&url),
		.credential = e->credential,
		.body = r->body,
		.reads = r->reads && r->body,
		.timeout_ms = r->timeout_ms ? r->timeout_ms : ETCD_TIMEOUT_MS,
		.piece = r->piece,
		.done = r->done,
		.ctx = r->ctx,
	};
	uint64_t id = transport_send(e->transport, &q, now);
	text_free(&url);
	return id;
}

uint64_t etcd_send_txn(struct etcd *e, const struct etcd_txn *t, bool reads,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now), void *ctx,
	struct instant now)
{
	struct text body = {0};
	wire_etcd_txn(&body, t);
	struct etcd_request r = {.path = "/v3/kv/txn",
		.body = text_str(&body),
		.reads = reads,
		.done = done,
		.ctx = ctx};
	uint64_t id = etcd_send(e, &r, now);
	text_free(&body);
	return id;
}

static void turn_away(struct etcd *e)
{
	e->at = (e->at + 1) % e->target.endpoint_count;
}

/* Tokens of etcd run out, and whoever renews them writes the file. */
static void read_token_anew(struct etcd *e)
{
	char *token;
	if (!e->target.auth[0] || secret_read(&token, e->target.auth, NULL) < 0)
		return;
	secret_free(e->credential);
	e->credential = token;
}

int etcd_check(struct etcd *e, const struct transport_reply *reply, struct err *err)
{
	char why[160];
	int64_t code;
	const char *at = etcd_endpoint(e);
	if (reply->err.code != ERR_NONE) {
		*err = reply->err;
		turn_away(e);
		return -1;
	}
	if (reply->status == 200)
		return 0;
	if (!wire_etcd_read_error(why, sizeof why, &code, reply->body, reply->len)) {
		err_set(err, reply->status >= 500 ? ERR_UNREACHABLE : ERR_NOT_POOL,
			"\"%s\" answers %d where etcd 3.4 answers 200", at, reply->status);
		turn_away(e);
		return -1;
	}
	if (reply->status == 401)
		read_token_anew(e);
	if (strstr(why, "user name is empty"))
		return err_set(err, ERR_UNAUTHORISED, "etcd at \"%s\" wants a token", at);
	if (reply->status == 401 || reply->status == 403)
		return err_set(err, reply->status == 401 ? ERR_UNAUTHORISED : ERR_READ_ONLY,
			"etcd at \"%s\" refuses the token: %s (%d)", at, why, reply->status);
	err_set(err, reply->status >= 500 ? ERR_UNREACHABLE : ERR_PROTOCOL,
		"etcd at \"%s\" answers: %s (%d)", at, why, reply->status);
	if (reply->status >= 500 || code == CODE_UNAVAILABLE)
		turn_away(e);
	return -1;
}

bool etcd_lost_lease(const struct transport_reply *reply)
{
	char why[160];
	int64_t code;
	return reply->err.code == ERR_NONE && reply->status != 200 &&
		wire_etcd_read_error(why, sizeof why, &code, reply->body, reply->len) &&
		code == CODE_NOT_FOUND;
}

/* ---- nodes ---- */

#define N struct etcd_node
static const struct wire_field node_fields[] = {
	WIRE_ROW_TEXT(N, node, "node", WIRE_TEXT, true),
	WIRE_ROW_TEXT(N, url, "url", WIRE_LINE, true),
	WIRE_ROW_TEXT(N, boot_id, "boot_id", WIRE_NAME, true),
	WIRE_ROW_COUNT(N, epoch, "epoch", true),
	WIRE_ROW_COUNT(N, rev, "rev", true),
	WIRE_ROW_COUNT(N, seq, "seq", true),
	WIRE_ROW_SHARE(N, share_bp, "share_bp", true),
	WIRE_ROW_TEXT(N, head, "head", WIRE_NAME, true),
};
#undef N

void etcd_node_write(struct text *out, const struct etcd_node *n)
{
	text_add(out, "{");
	WIRE_WRITE(out, n, node_fields);
	text_add(out, "}");
}

int etcd_node_read(struct etcd_node *out, const char *value, struct err *err)
{
	memset(out, 0, sizeof *out);
	return WIRE_READ_FLAT(out, value, strlen(value), node_fields, err);
}
