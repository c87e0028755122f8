#define _GNU_SOURCE /* memrchr */
/* Etcd: targets, names, what a node says of itself. Requests are etcd_send.c's. */
#include "client/etcd.h"

#include "client/wire_field.h"
#include "model/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "etcd://"
#define HOST_BYTES "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_[]:"

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

/* ---- names ---- */

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
