/* What the parts of the etcd driver share. For driver_etcd*.c alone. */
#ifndef WEIR_CLIENT_DRIVER_ETCD_PARTS_H
#define WEIR_CLIENT_DRIVER_ETCD_PARTS_H

#include "client/etcd.h"
#include "model/driver.h"

struct etcd_call; /* driver_etcd_call.h */

/* One node of a fleet. */
struct etcd_end {
	uint64_t node;
	struct driver_sink sink;
	struct transport *transport;
	struct etcd etcd;
	char *target, *token;
	/* The way to the node itself, for its document and for brakes; NULL: it has no address. */
	const struct driver_ops *inner_ops;
	struct driver *inner;
	char url[200];
	int drains;             /* that the node was asked for and has not answered */
	bool polling;       /* the node itself was asked and has not answered */
	uint64_t look_id;   /* asks whether the node is registered */
	int64_t missing_ms; /* boot time since when it is not; UNKNOWN: it is, or nobody knows */
	struct etcd_call *calls;
};

void driver_etcd_tell(const struct etcd_end *d, const struct driver_event *event);

/* Rows of the driver's table. */
void driver_etcd_apply(struct driver *d, const struct command *cmd, struct instant now);
void driver_etcd_lease(struct driver *d, const struct lease_request *asked, struct instant now);
void driver_etcd_resolve(struct driver *d, const char *intent, struct instant now);
void driver_etcd_turn(struct driver *d, struct instant now);

/* The node itself has answered a brake. */
void driver_etcd_heard(struct etcd_end *d, const struct driver_event *event);

/* Asks the node for its brakes anew: the way to it is another one. */
void driver_etcd_redirect(struct etcd_end *d, struct instant now);

/* Ends all calls without a word. */
void driver_etcd_forget(struct etcd_end *d);

#endif
