/* The line that rolls back without weir: what the pool itself takes over HTTP, what its nodes find
 * in etcd, or what HAProxy takes at its socket. */
#include "tui/way_back.h"

#include "client/etcd.h"
#include "client/haproxy_advice.h"
#include "client/haproxy_target.h"

#include <stdlib.h>
#include <string.h>

/* The target in single quotes, as a shell takes it. */
static void quote(struct text *out, const char *word)
{
	text_add(out, "'");
	for (; *word; word++) {
		if (*word == '\'')
			text_add(out, "'\\''");
		else
			text_add_n(out, word, 1);
	}
	text_add(out, "'");
}

/* Every node does what it finds under this key, and takes it away. */
static void ask_etcd(struct text *out, const struct etcd_target *t)
{
	bool tls = strncmp(t->endpoint[0], "https", 5) == 0;
	const char *ca_file = getenv("SSL_CERT_FILE");
	text_add(out, "ETCDCTL_API=3 ");
	if (t->auth[0]) { /* not as an argument: it has a password */
		text_add(out, "ETCDCTL_USER=\"$(cat ");
		quote(out, t->auth);
		text_add(out, ")\" ");
	}
	if (tls && ca_file && *ca_file) {
		text_add(out, "ETCDCTL_CACERT=");
		quote(out, ca_file);
		text_add(out, " ");
	}
	text_addf(out, "etcdctl --endpoints=");
	for (int i = 0; i < t->endpoint_count; i++)
		text_addf(out, "%s%s", i ? "," : "", tls ? t->endpoint[i] : t->endpoint[i] + 7);
	text_addf(out, " put weir/%s/now/rollback 'by hand'", t->pool);
}

static void ask_pool(struct text *out, const char *target, const char *token_file)
{
	struct text url = {0};
	bool is_unix = strncmp(target, "unix:", 5) == 0;
	if (!is_unix && strncmp(target, "http", 4) != 0)
		return;
	text_addf(&url, "%s/v1/rollback", is_unix ? "http://localhost" : target);
	text_add(out,
		"curl -fsS -X POST -H 'Content-Type: application/json' "
		"-H \"Idempotency-Key: by-hand-$(date +%s)\" ");
	if (is_unix) {
		text_add(out, "--unix-socket ");
		quote(out, target + 5);
		text_add(out, " ");
	}
	if (token_file) {
		text_add(out, "-H \"Authorization: Bearer $(head -n 1 ");
		quote(out, token_file);
		text_add(out, ")\" ");
	}
	text_add(out, "-d '{\"actor\":\"by hand\"}' ");
	quote(out, text_str(&url));
	text_free(&url);
}

void way_back_line(struct text *out, const struct node *n, const char *token_file)
{
	struct etcd_target etcd;
	if (haproxy_is_target(n->target))
		haproxy_advise_way_back(out, n->target, n->last ? n->last->baseline_bp : -1);
	else if (etcd_is_target(n->target) && etcd_target_read(&etcd, n->target, NULL) == 0)
		ask_etcd(out, &etcd);
	else
		ask_pool(out, n->target, token_file);
}

void way_back_direct(struct text *out, const struct node *n, const char *token_file)
{
	struct etcd_target etcd;
	if (etcd_is_target(n->target) && etcd_target_read(&etcd, n->target, NULL) == 0)
		ask_pool(out, etcd.url, token_file);
}
