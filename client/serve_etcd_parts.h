/* What the parts of a node of a shared plan have in common. For serve_etcd*.c alone. */
#ifndef WEIR_CLIENT_SERVE_ETCD_PARTS_H
#define WEIR_CLIENT_SERVE_ETCD_PARTS_H

#include "client/etcd.h"
#include "client/serve_etcd.h"

#define SERVE_ETCD_AGAIN_MS 500 /* after trouble */

struct serve_etcd {
	struct etcd etcd;
	struct transport *transport;
	struct engine *engine;
	char *node, *url;
	int64_t ttl_ms;
	void (*tell)(void *ctx, const char *line);
	void *ctx;
	char told[400]; /* the trouble that was told; "" none */

	uint64_t asked; /* the request under way; 0 none */
	int64_t due_ms; /* the next round */
	int64_t look_ms, seen_ms;
	bool seen, leaving, left;
	bool behind; /* more changes were missed than have been read */
	bool met;    /* the plan has been compared with what an earlier boot made */
	char lease[ETCD_LEASE_MAX];
	struct text put;  /* what is written under nodes/ID with this lease; empty: nothing */
	struct text next; /* the same, on its way */
	char taken[200];  /* who has our name; "" nobody */
	char unfit[400];  /* why the plan cannot be taken in; "" it can */

	int64_t split_mod, rollback_mod;
	int64_t revision;       /* the newest heard of */
	int64_t asked_revision; /* the same when the request under way was sent */
	struct text offer;      /* lines on their way */
	char intents[ETCD_LEASE_MAX];
	int64_t intents_ms; /* until when that lease is used for new keys */

	uint64_t watch;
	struct text news;
	bool watch_ended;
	struct instant now;
};

/* ---- serve_etcd.c ---- */

/* A request has failed: said once, and tried again soon. */
void serve_etcd_fail(struct serve_etcd *s, const struct err *err);
/* Reads an answer of etcd; false where it is none, which has failed then. */
bool serve_etcd_answer(
	struct serve_etcd *s, const struct transport_reply *reply, struct etcd_answer *a);
/* etcd has answered. */
void serve_etcd_see(struct serve_etcd *s);
/* Asks for a lease. */
uint64_t serve_etcd_grant(struct serve_etcd *s, int64_t ttl_ms,
	void (*done)(void *ctx, const struct transport_reply *reply, struct instant now));

/* ---- serve_etcd_plan.c: what etcd says ---- */

/* GETs of everything under now/ and of the changes behind the newest that is agreed on. */
struct serve_etcd_reading {
	char now[ETCD_KEY_MAX], from[ETCD_KEY_MAX], end[ETCD_KEY_MAX];
	struct etcd_op ops[2];
	size_t count;
};
void serve_etcd_read_plan(
	const struct serve_etcd *s, struct serve_etcd_reading *r, int64_t agreed_seq);
/* Takes in what they brought. */
void serve_etcd_take(struct serve_etcd *s, const struct etcd_answer *a);
/* Takes in one key that has changed. */
void serve_etcd_hear(struct serve_etcd *s, const struct etcd_kv *kv);

/* ---- serve_etcd_watch.c ---- */

/* Watches on from behind a revision that was read whole, unless a watch goes on. */
void serve_etcd_watch_on(struct serve_etcd *s, int64_t revision);
void serve_etcd_watch_off(struct serve_etcd *s);
/* Takes in what it brought. */
void serve_etcd_watch_turn(struct serve_etcd *s);

/* ---- serve_etcd_offer.c: what the node did by itself ---- */

/* Whatever follows what was just read: an offer, a sweep, or rest. */
void serve_etcd_go_on(struct serve_etcd *s);

#endif
