/* From the options of weir serve to a node of a fleet, and the loop around it. What a node does is
 * client/serve_etcd.c's. */
#include "tui/member.h"

#include "client/serve_etcd.h"
#include "model/text.h"
#include "tui/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TTL_MIN_MS 2000
#define TTL_MAX_MS 600000
#define LEAVE_MS 1000
#define HTTPS "https://"

static bool is_https(const char *endpoint)
{
	return strncmp(endpoint, HTTPS, sizeof HTTPS - 1) == 0;
}

int member_check(const struct options *o, struct err *err)
{
	const char *first = o->listen_count > 0 ? o->listen[0] : "127.0.0.1:7070";
	bool everywhere = strncmp(first, "0.0.0.0:", 8) == 0 || strncmp(first, "[::]:", 5) == 0;
	if (o->etcd_count == 0 && (o->etcd_auth || o->etcd_ttl_ms != UNKNOWN || o->advertise))
		return err_set(
			err, ERR_USAGE, "--etcd-auth, --etcd-ttl and --advertise go with --etcd HOST:PORT");
	if (o->etcd_count == 0)
		return 0;
	for (int i = 1; i < o->etcd_count; i++)
		if (is_https(o->etcd[i]) != is_https(o->etcd[0]))
			return err_set(err, ERR_USAGE, "--etcd is https:// for all members or for none");
	if (!o->pool || !o->node)
		return err_set(err, ERR_USAGE,
			"--etcd needs --pool and --node: they are the node's place in etcd");
	if (!text_is_name(o->pool, POOL_ID_MAX - 1) || !text_is_name(o->node, POOL_ID_MAX - 1))
		return err_set(
			err, ERR_USAGE, "with --etcd, --pool and --node are letters, digits and . _ : -");
	if (everywhere && !o->advertise)
		return err_set(err, ERR_USAGE,
			"'%s' is no address that a console could ask: add --advertise URL", first);
	if (o->etcd_ttl_ms != UNKNOWN &&
		(o->etcd_ttl_ms < TTL_MIN_MS || o->etcd_ttl_ms > TTL_MAX_MS))
		return err_set(err, ERR_USAGE, "--etcd-ttl must be 2s to 10m");
	return 0;
}

static void tell(void *ctx, const char *line)
{
	const struct options *o = ctx;
	if (*line)
		fprintf(stderr, "weir: node %s: %s\n", o->node, line);
	else
		fprintf(stderr, "weir: node %s follows etcd again\n", o->node);
}

static void write_target(struct text *out, const struct options *o)
{
	bool tls = is_https(o->etcd[0]);
	char *auth = o->etcd_auth ? realpath(o->etcd_auth, NULL) : NULL;
	text_add(out, "etcd://");
	for (int i = 0; i < o->etcd_count; i++)
		text_addf(out, "%s%s", i ? "," : "", o->etcd[i] + (tls ? sizeof HTTPS - 1 : 0));
	text_addf(out, "/%s%s", o->pool, tls ? "?tls=yes" : "");
	if (o->etcd_auth)
		text_addf(out, "%cauth=%s", tls ? '&' : '?', auth ? auth : o->etcd_auth);
	free(auth);
}

static void leave(struct serve_etcd *s)
{
	struct instant now = loop_now();
	int64_t end_ms = now.boot_ms + LEAVE_MS;
	serve_etcd_leave(s, now);
	for (; !serve_etcd_left(s) && now.boot_ms < end_ms; now = loop_now()) {
		serve_etcd_turn(s, now);
		serve_etcd_wait(s, NULL, 0, now);
	}
}

int member_run(struct engine *engine, const struct options *o, const char *url, struct err *err)
{
	struct serve_etcd *s;
	struct text target = {0};
	write_target(&target, o);
	const struct serve_etcd_options how = {.target = text_str(&target),
		.node = o->node,
		.url = url,
		.ttl_ms = o->etcd_ttl_ms == UNKNOWN ? 0 : o->etcd_ttl_ms,
		.tell = tell,
		.ctx = (void *)(uintptr_t)o};
	int rc = serve_etcd_start(&s, engine, &how, loop_now(), err);
	if (rc == 0)
		fprintf(stderr, "weir: node %s of %s, found at %s\n", o->node, how.target, url);
	while (rc == 0 && !loop_interrupted()) {
		struct instant now = loop_now();
		struct wait_fd fd = {.fd = loop_signal_fd()};
		serve_etcd_turn(s, now);
		serve_etcd_wait(s, &fd, 1, now);
		while (loop_signal() != 0)
			;
	}
	if (rc == 0) {
		leave(s);
		serve_etcd_stop(s);
	}
	text_free(&target);
	return rc;
}
