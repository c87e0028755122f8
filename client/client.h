/* Client: the other ends of one process: its drivers, one transport, one poller. */
#ifndef WEIR_CLIENT_CLIENT_H
#define WEIR_CLIENT_CLIENT_H

#include "model/driver.h"

struct client;

/* A descriptor that the one wait also watches. */
struct wait_fd {
	int fd;
	bool want_write;
	bool ready; /* set by client_wait */
};

/* `schemes`: NULL-terminated table of drivers (borrowed for ever); `seed` feeds the jitter. */
struct client *client_new(
	const struct driver_ops *const *schemes, struct driver_sink sink, uint64_t seed);
void client_free(struct client *c);

/* The driver of a target's scheme, NULL for an unknown one. */
const struct driver_ops *client_scheme(const struct client *c, const char *target);

/* Opens one node as `how` says, whose transport and sink are the client's own. poll_ms: its
 * interval. Nothing is written to the pool. 0, or -1 with err. */
int client_open(
	struct client *c, const struct driver_open *how, int64_t poll_ms, struct err *err);

/* Changes the interval (100 ms while a command is unverified). The next poll is due at once
 * when that is sooner. */
void client_set_interval(struct client *c, uint64_t node, int64_t poll_ms, struct instant now);

/* Polls now, unless one is under way. */
void client_poll_now(struct client *c, uint64_t node, struct instant now);

/* The functions of the node's driver; false when it has none. Answers come through the sink. */
bool client_apply(
	struct client *c, uint64_t node, const struct command *cmd, struct instant now);
bool client_resolve(struct client *c, uint64_t node, const char *intent, struct instant now);
bool client_lease(
	struct client *c, uint64_t node, const struct lease_request *r, struct instant now);
bool client_audit(struct client *c, uint64_t node, int64_t since, struct instant now);
unsigned client_capabilities(const struct client *c, uint64_t node);

/* The driver itself, for replay's own controls; NULL when the node is not open. */
struct driver *client_driver(struct client *c, uint64_t node);

/* The single wait: until a descriptor is ready, of the drivers or of at most CLIENT_EXTRA_MAX
 * extra ones, a transfer moves, a poll is due or timeout_ms has passed. Marks ready extra
 * descriptors. */
#define CLIENT_EXTRA_MAX 10
void client_wait(struct client *c, struct wait_fd *extra, size_t count, int64_t timeout_ms,
	struct instant now);

/* Begins what is due, moves transfers, calls the sink for what happened. */
void client_turn(struct client *c, struct instant now);

/* Milliseconds until the next poll is due (0 when one is), at most 60,000. */
int64_t client_due_ms(const struct client *c, struct instant now);

/* When the node is polled next after trouble, in ms from now; UNKNOWN while it is well. */
int64_t client_retry_ms(const struct client *c, uint64_t node, struct instant now);

#endif
