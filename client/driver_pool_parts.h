/* What the parts of the pool driver share. For driver_pool*.c alone. */
#ifndef WEIR_CLIENT_DRIVER_POOL_PARTS_H
#define WEIR_CLIENT_DRIVER_POOL_PARTS_H

#include "client/transport.h"
#include "model/driver.h"

#define DRIVER_POOL_ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

struct call; /* driver_pool_call.c */

struct driver {
	uint64_t node;
	struct transport *transport;
	struct driver_sink sink;
	char *target, *base, *unix_path, *token;
	uint64_t poll_id, audit_id, warm_id;
	int64_t warm_due_ms;          /* boot clock; UNKNOWN: not while there is trouble */
	char braked[DECISION_ID_MAX]; /* the last one that went out spare */
	struct call *calls;
	char boot_id[POOL_ID_MAX];
	int64_t seq;
	int64_t busy_until_ms; /* boot clock */
};

/* Sends `r`, whose url is still the path; the transport's id. */
uint64_t driver_pool_ask(struct driver *d, struct transport_request r, struct instant now);

/* Of a question that changes nothing: 0 when the body is a document to be read, or -1 with err.
 */
int driver_pool_check(
	const struct driver *d, const struct transport_reply *reply, struct err *err);

/* The same for the type of the body alone. */
int driver_pool_check_json(
	const struct driver *d, const struct transport_reply *reply, struct err *err);

/* Sets err: busy, by an answer of `status`, for `ms` or UNKNOWN. -1. */
int driver_pool_say_busy(const struct driver *d, int status, int64_t ms, struct err *err);

void driver_pool_tell(const struct driver *d, const struct driver_event *event);

/* Rows of the driver's table. */
void driver_pool_apply(struct driver *d, const struct command *cmd, struct instant now);
void driver_pool_lease(struct driver *d, const struct lease_request *asked, struct instant now);
void driver_pool_resolve(struct driver *d, const char *intent, struct instant now);

/* Ends all calls without a word. */
void driver_pool_forget(struct driver *d);

#endif
