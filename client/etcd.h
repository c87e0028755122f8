/* Etcd: a way to an etcd cluster: its target, its requests, and the names of a pool's keys.
 *
 * Everything of a pool lies under weir/POOL/:
 *   now/split     the newest change, as the line of a control log: the plan in force
 *   now/lease     who may raise; dies with its lease in etcd
 *   now/rollback  put by hand: every node rolls back; taken away by the first that has done it
 *   audit/SEQ     every change, bounded
 *   intents/KEY   what became of a key: the line of its change, or "void"; a day long
 *   nodes/ID      a node, where it answers, what it applied; dies with its lease in etcd */
#ifndef WEIR_CLIENT_ETCD_H
#define WEIR_CLIENT_ETCD_H

#include "client/transport.h"
#include "client/wire_etcd.h"
#include "model/pool.h"

#define ETCD_ENDPOINTS_MAX 8
#define ETCD_KEY_MAX 256
#define ETCD_TIMEOUT_MS 3000
#define ETCD_AUDIT_KEPT 4096
#define ETCD_INTENT_MS (25 * 3600 * 1000)

/* etcd://HOST:PORT[,HOST:PORT…]/POOL[?tls=yes&auth=FILE&nodes=N][#NODE[=URL]] */
struct etcd_target {
	int endpoint_count;
	char endpoint[ETCD_ENDPOINTS_MAX][160]; /* "http://HOST:PORT" */
	char pool[POOL_ID_MAX];
	char auth[256];         /* file of a token, or of NAME:PASSWORD; "" none */
	int nodes;              /* how many there must be for a raise; 0: not asked */
	char node[POOL_ID_MAX]; /* one node of it; "" the pool */
	char url[200];          /* where it answered when it was listed; "" not known */
};

bool etcd_is_target(const char *target);
/* 0, or -1 with err W002. */
int etcd_target_read(struct etcd_target *out, const char *target, struct err *err);

struct etcd {
	struct transport *transport;
	struct etcd_target target;
	struct login *login;    /* who asks; NULL nobody. The transport's */
	struct etcd_sent *sent; /* requests without an answer */
	uint64_t last_id;
	int at; /* the endpoint in use */
};

/* Reads the target and its file: a token, or NAME:PASSWORD. 0, or -1 with err. */
int etcd_open(struct etcd *e, const char *target, struct transport *t, struct err *err);
/* Cancels what is under way. A zeroed struct is fine. */
void etcd_close(struct etcd *e);

/* "weir/POOL/<format>". */
void etcd_key(const struct etcd *e, char out[ETCD_KEY_MAX], const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The target of one node of the pool of `target`, of `nodes` that there are. */
void etcd_node_target(
	struct text *out, const char *target, int nodes, const char *node, const char *url);

/* The pool's target of a node's: without node, address and number. */
void etcd_pool_target(struct text *out, const char *target);

/* A request; borrowed for the call. */
struct etcd_request {
	const char *path;   /* "/v3/kv/txn" */
	const char *body;   /* NULL: GET */
	bool reads;         /* it changes nothing, or nothing twice: may go on a kept connection */
	int64_t timeout_ms; /* 0: ETCD_TIMEOUT_MS */
	void (*piece)(void *ctx, const char *data, size_t len); /* of a watch */
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now);
	void *ctx;
};
/* Its id, never 0, for etcd_cancel. `done` is called once, from transport_turn. */
uint64_t etcd_send(struct etcd *e, const struct etcd_request *r, struct instant now);
/* Forgets a request: `done` will not be called. */
void etcd_cancel(struct etcd *e, uint64_t id);

/* The same of a transaction. */
uint64_t etcd_send_txn(struct etcd *e, const struct etcd_txn *t, bool reads,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now), void *ctx,
	struct instant now);

/* 0 when there is a document to be read, or -1 with err; after trouble that another member may
 * not have, the next request goes to the next endpoint. W130 refused, W131 not permitted, W150
 * no etcd, else W151 with etcd's reason. */
int etcd_check(struct etcd *e, const struct transport_reply *reply, struct err *err);

/* True when etcd says that a lease is gone. */
bool etcd_lost_lease(const struct transport_reply *reply);

/* True for http://HOST or https://HOST, with a port or none, where HOST is by its name this very
 * machine. */
bool etcd_is_near(const char *url);

/* Where it is now, for messages; borrowed. */
const char *etcd_endpoint(const struct etcd *e);

/* What a node says of itself under nodes/ID. */
struct etcd_node {
	char node[POOL_NAME_MAX], url[200], boot_id[POOL_ID_MAX], head[POOL_HASH_MAX];
	int64_t epoch, rev, seq;
	int share_bp; /* -1 unknown */
};
void etcd_node_write(struct text *out, const struct etcd_node *n);
int etcd_node_read(struct etcd_node *out, const char *value, struct err *err);

#endif
