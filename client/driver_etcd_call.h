/* What the driver of etcd:// asks of a shared plan, call by call. For driver_etcd*.c alone.
 *
 * 1. Nothing has happened before a transaction that writes: what fails earlier is NOT_SENT, or
 *    REFUSED by etcd. Of one without an answer the effect is unknown: LOST.
 * 2. A brake that loses the compare-and-set is decided anew until it wins. It also goes to the
 *    node itself, at once where etcd fails and else after a moment: the first that does it ends
 *    the call. The node offers it to the plan. */
#ifndef WEIR_CLIENT_DRIVER_ETCD_CALL_H
#define WEIR_CLIENT_DRIVER_ETCD_CALL_H

#include "client/driver_etcd_parts.h"
#include "client/engine/control.h"

#define ETCD_CALL_TRIES_MAX 64

enum etcd_call_kind { ETCD_CALL_COMMAND, ETCD_CALL_RESOLVE, ETCD_CALL_LEASE };

struct etcd_call {
	struct etcd_end *end;
	struct etcd_call *prev, *next;
	enum etcd_call_kind kind;
	struct command asked; /* of RESOLVE its id, of LEASE actor and ttl_ms */
	struct control_request request;
	uint64_t id; /* of the transport; 0: the way through etcd has ended */
	int64_t begun_ms;
	int tries;
	int64_t mod;                 /* of the plan that was decided on */
	struct text line;            /* what is to be written: the change */
	char lease[ETCD_LEASE_MAX];  /* that the key, or the holder, dies with */
	struct control_answer given; /* what the plan's copy answered */
	/* a brake's own way */
	bool direct, direct_ended;
	struct answer failed; /* of the way that has ended without success */
	bool has_failed;
	struct instant now;
};

struct etcd_call *etcd_call_new(
	struct etcd_end *d, enum etcd_call_kind kind, const char *intent, struct instant now);

/* Tells the answer and frees the call. */
void etcd_call_end(struct etcd_call *c, struct answer a);
/* The same with what the plan's copy answered. */
void etcd_call_end_given(struct etcd_call *c);
/* An answer without facts. */
struct answer etcd_call_none(enum answer_kind kind, const struct err *why);

/* The way through etcd has ended without success: a brake may still be done by the node,
 * anything else ends with this answer. */
void etcd_call_fail(struct etcd_call *c, struct answer a);
/* Before the transaction nothing has happened; of a fate or a lease nothing is known then. */
void etcd_call_fail_early(struct etcd_call *c, const struct err *err);

/* Reads an answer: of `count` ranges, unless it succeeded. Release it. False with err. */
bool etcd_call_take_answer(struct etcd_call *c, struct etcd_answer *a, size_t count,
	const struct transport_reply *reply, struct instant now, struct err *err);

/* Asks for a lease in etcd; `granted` calls etcd_call_take_lease, which puts its id into
 * c->lease, or ends the call and is false. */
void etcd_call_ask_lease(struct etcd_call *c, int64_t ttl_ms,
	void (*granted)(void *ctx, const struct transport_reply *reply, struct instant now));
bool etcd_call_take_lease(
	struct etcd_call *c, const struct transport_reply *reply, struct instant now);

/* driver_etcd_lease.c: takes, keeps or ends what the call asks of who may raise. */
void etcd_call_hold(struct etcd_call *c);

#endif
