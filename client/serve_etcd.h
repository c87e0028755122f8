/* Serve etcd: a node of a fleet whose plan lies in etcd. It registers the node, lets its engine
 * follow the plan, and offers to the plan what the node did by itself. */
#ifndef WEIR_CLIENT_SERVE_ETCD_H
#define WEIR_CLIENT_SERVE_ETCD_H

#include "client/client.h"

#define SERVE_ETCD_TTL_MS 10000

struct engine;
struct serve_etcd;

struct serve_etcd_options {
	const char *target; /* client/etcd.h, without a node */
	const char *node;   /* its name, unique in the pool */
	const char *url;    /* where it answers weir.pool/1 */
	int64_t ttl_ms;     /* how long it stays registered without a sign; 0: SERVE_ETCD_TTL_MS */
	/* Told once of each trouble, and of its end (""). */
	void (*tell)(void *ctx, const char *line);
	void *ctx;
};

/* Begins; nothing is sent before the first turn. Texts of the options are copied. 0, or -1 with
 * err. */
int serve_etcd_start(struct serve_etcd **out, struct engine *engine,
	const struct serve_etcd_options *how, struct instant now, struct err *err);

/* Does what is due. */
void serve_etcd_turn(struct serve_etcd *s, struct instant now);

/* Waits until something may be due, or one of `extra` is ready. */
void serve_etcd_wait(
	struct serve_etcd *s, struct wait_fd *extra, size_t count, struct instant now);

/* Begins to take the node out of the list; serve_etcd_left: it is out, or that cannot be. */
void serve_etcd_leave(struct serve_etcd *s, struct instant now);
bool serve_etcd_left(const struct serve_etcd *s);

/* Ends everything under way. NULL is fine. */
void serve_etcd_stop(struct serve_etcd *s);

#endif
