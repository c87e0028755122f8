/* The list of a fleet's nodes: asked of etcd, kept beside the history for when there is no
 * etcd.
 *
 * 1. Nothing is written to etcd.
 * 2. The file is a list of targets, one a line, written whole under another name and renamed;
 *    it is read only where etcd does not tell, which is waited for shortly then: a rollback
 *    needs no etcd, and finds its nodes by whatever is known of them. */
#include "tui/etcd_nodes.h"

#include "client/etcd.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (64 * 1024)
#define KEPT_MS 1000 /* for all endpoints together: whoever has a list rolls back by that */

struct asking {
	struct etcd etcd;
	struct transport *transport;
	const char *target;
	struct etcd_nodes *out;
	struct err err; /* code 0: done */
	bool done;
	int64_t patience_ms;                        /* for the list; 0: that of any request */
	char lease[ETCD_NODES_MAX][ETCD_LEASE_MAX]; /* of each node */
	int64_t left_ms;
};

/* ---- asking ---- */

/* The target of a registered node, of `nodes`; false for what no weir wrote: a raise then finds
 * one more registered than watched. */
static bool read_node(
	struct text *target, const struct asking *q, const struct etcd_kv *kv, int nodes)
{
	struct etcd_node n;
	struct etcd_target t;
	const char *name = strrchr(kv->key, '/');
	text_clear(target);
	if (!name || etcd_node_read(&n, kv->value, NULL) < 0)
		return false;
	etcd_node_target(target, q->target, nodes > 0 ? nodes : 1, name + 1, n.url);
	return etcd_target_read(&t, text_str(target), NULL) == 0;
}

static void take_nodes(struct asking *q, const struct etcd_range *r)
{
	struct text target = {0};
	int nodes = 0;
	for (size_t i = 0; i < r->count; i++)
		nodes += read_node(&target, q, &r->kvs[i], 0);
	for (size_t i = 0; i < r->count && q->err.code == ERR_NONE; i++) {
		if (!read_node(&target, q, &r->kvs[i], nodes))
			continue;
		if (q->out->count == ETCD_NODES_MAX) {
			err_set(&q->err, ERR_TOO_MANY,
				"\"%s\" has more than %d nodes, which is more than one "
				"pool can show",
				q->target, ETCD_NODES_MAX);
			break;
		}
		text_copy(q->lease[q->out->count], sizeof q->lease[0], r->kvs[i].lease);
		q->out->left_ms[q->out->count] = UNKNOWN;
		q->out->target[q->out->count++] = mem_copy(text_str(&target)); /* etcd sorts by name */
	}
	text_free(&target);
	if (q->err.code == ERR_NONE && q->out->count == 0)
		err_set(&q->err, ERR_NODES,
			"no node of \"%s\" is registered in etcd at \"%s\": start weir serve --etcd there",
			q->etcd.target.pool, etcd_endpoint(&q->etcd));
}

static void listed(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct asking *q = ctx;
	struct etcd_answer a = {0};
	(void)now;
	q->done = true;
	if (etcd_check(&q->etcd, reply, &q->err) == 0 &&
		wire_etcd_read(&a, reply->body, reply->len, &q->err) == 0 && a.range_count == 1)
		take_nodes(q, &a.ranges[0]);
	wire_etcd_release(&a);
}

static void told_version(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct asking *q = ctx;
	(void)now;
	q->done = true;
	if (etcd_check(&q->etcd, reply, &q->err) == 0)
		wire_etcd_read_version(
			q->out->version, sizeof q->out->version, reply->body, reply->len, &q->err);
}

static void told_members(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct asking *q = ctx;
	(void)now;
	q->done = true;
	if (etcd_check(&q->etcd, reply, &q->err) == 0)
		wire_etcd_read_members(&q->out->members, reply->body, reply->len, &q->err);
}

static void told_lease(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct asking *q = ctx;
	char id[ETCD_LEASE_MAX];
	(void)now;
	q->done = true;
	q->left_ms = UNKNOWN;
	if (etcd_check(&q->etcd, reply, &q->err) == 0)
		(void)wire_etcd_read_lease(id, &q->left_ms, reply->body, reply->len, &q->err);
}

static void told_right(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct asking *q = ctx;
	(void)now;
	q->done = true;
	(void)etcd_check(&q->etcd, reply, &q->err);
}

static void wait_for(struct asking *q)
{
	while (!q->done) {
		transport_turn(q->transport, loop_now());
		if (!q->done)
			transport_wait(q->transport, NULL, 0, 100);
	}
}

static void send(struct asking *q, const char *path, const char *body,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now))
{
	const struct etcd_request r = {
		.path = path, .body = body, .reads = true, .done = done, .ctx = q};
	q->done = false;
	q->err = (struct err){0};
	etcd_send(&q->etcd, &r, loop_now());
	wait_for(q);
}

static void list(struct asking *q)
{
	char key[ETCD_KEY_MAX];
	struct text body = {0};
	etcd_key(&q->etcd, key, "nodes/");
	const struct etcd_op get = {.what = ETCD_GET, .key = key, .end = ""};
	const struct etcd_txn t = {.then = &get, .then_count = 1};
	wire_etcd_txn(&body, &t);
	const struct etcd_request r = {.path = "/v3/kv/txn",
		.body = text_str(&body),
		.reads = true,
		.timeout_ms = q->patience_ms,
		.done = listed,
		.ctx = q};
	q->done = false;
	q->err = (struct err){0};
	etcd_send(&q->etcd, &r, loop_now());
	text_free(&body);
	wait_for(q);
}

/* Each endpoint once. */
static void ask(struct asking *q, bool wide)
{
	for (int i = 0; i < q->etcd.target.endpoint_count; i++) {
		list(q);
		if (q->err.code != ERR_UNREACHABLE && q->err.code != ERR_SLOW)
			break;
	}
	if (q->err.code != ERR_NONE || !wide)
		return;
	struct err ignored = q->err;
	send(q, "/version", NULL, told_version);
	send(q, "/v3/cluster/member/list", "{}", told_members);
	for (int i = 0; i < q->out->count; i++) {
		struct text body = {0};
		wire_etcd_lease(&body, q->lease[i]);
		send(q, "/v3/lease/timetolive", text_str(&body), told_lease);
		q->out->left_ms[i] = q->left_ms;
		text_free(&body);
	}
	q->err = ignored;
}

/* Rights are looked at before the comparison, which nothing passes. */
int etcd_nodes_may_write(const char *target, struct err *err)
{
	struct asking q = {.transport = transport_new(), .target = target};
	char key[ETCD_KEY_MAX];
	if (etcd_open(&q.etcd, target, q.transport, &q.err) == 0) {
		etcd_key(&q.etcd, key, "now/split");
		const struct etcd_compare never = {.key = key, .what = ETCD_MOD, .revision = INT64_MAX};
		const struct etcd_op put = {.what = ETCD_PUT, .key = key, .value = ""};
		const struct etcd_txn t = {
			.compare = &never, .compare_count = 1, .then = &put, .then_count = 1};
		etcd_send_txn(&q.etcd, &t, true, told_right, &q, loop_now());
		wait_for(&q);
	}
	etcd_close(&q.etcd);
	transport_free(q.transport);
	*err = q.err;
	return q.err.code == ERR_NONE ? 0 : -1;
}

/* ---- the file ---- */

static char *path_of(const struct asking *q, const char *dir)
{
	struct text path = {0};
	text_addf(&path, "%s/etcd-%s.nodes", dir, q->etcd.target.pool);
	return text_take(&path);
}

static bool is_kept(const struct asking *q, const char *dir)
{
	char *path = path_of(q, dir);
	bool is = access(path, R_OK) == 0;
	free(path);
	return is;
}

/* A list that cannot be kept is no reason to stop. */
static void keep(const struct asking *q, const char *dir)
{
	struct text all = {0}, next = {0};
	char *path = path_of(q, dir);
	text_addf(&next, "%s.%ld", path, (long)getpid());
	for (int i = 0; i < q->out->count; i++)
		text_addf(&all, "%s\n", q->out->target[i]);
	int fd = open(text_str(&next), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool written = fd >= 0 && write(fd, all.data, all.len) == (ssize_t)all.len;
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && (!written || rename(text_str(&next), path) < 0))
		unlink(text_str(&next));
	text_free(&all);
	text_free(&next);
	free(path);
}

/* True for a line that is a node of this very pool. */
static bool is_node_of(const struct asking *q, const char *line)
{
	struct etcd_target t;
	size_t len = strcspn(q->target, "?#");
	return strncmp(line, q->target, len) == 0 && strchr("?#", line[len]) &&
		etcd_target_read(&t, line, NULL) == 0 && t.url[0];
}

static void recall(struct asking *q, const char *dir)
{
	struct text all = {0};
	char part[4096], *path = path_of(q, dir);
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	while (fd >= 0 && all.len < FILE_MAX && (n = read(fd, part, sizeof part)) > 0)
		text_add_n(&all, part, (size_t)n);
	if (fd >= 0)
		close(fd);
	char *rest = all.data;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;)
		if (q->out->count < ETCD_NODES_MAX && is_node_of(q, line))
			q->out->target[q->out->count++] = mem_copy(line);
	text_free(&all);
	free(path);
}

int etcd_nodes_find(
	struct etcd_nodes *out, const char *target, const char *dir, bool wide, struct err *err)
{
	struct asking q = {.transport = transport_new(), .target = target, .out = out};
	*out = (struct etcd_nodes){0};
	int rc = etcd_open(&q.etcd, target, q.transport, err);
	if (rc == 0) {
		int parts = q.etcd.target.endpoint_count < 4 ? q.etcd.target.endpoint_count : 4;
		q.patience_ms = dir && is_kept(&q, dir) ? KEPT_MS / parts : 0;
		ask(&q, wide);
		if (q.err.code == ERR_NONE && dir)
			keep(&q, dir);
		else if (q.err.code != ERR_NONE && q.err.code != ERR_TOO_MANY && dir)
			recall(&q, dir);
		rc = q.err.code == ERR_NONE || out->count > 0 ? 0 : -1;
		if (err)
			*err = q.err;
		if (rc < 0)
			etcd_nodes_release(out);
	}
	etcd_close(&q.etcd);
	transport_free(q.transport);
	return rc;
}

void etcd_nodes_release(struct etcd_nodes *n)
{
	for (int i = 0; i < n->count; i++)
		free(n->target[i]);
	*n = (struct etcd_nodes){0};
}
