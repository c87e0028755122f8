/* Door: the listeners of a server and the connections that came through them. Takes connections
 * in and shows out those that say too little; it knows nothing of HTTP. */
#ifndef WEIR_CLIENT_SERVE_DOOR_H
#define WEIR_CLIENT_SERVE_DOOR_H

#include "model/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct serve_door;
struct guest; /* one connection, from its first sign in the server's thread to its close */

/* Takes a connected socket over, whose peer came over a unix socket or not; false when it could
 * not, the socket being closed then. Called in the door's thread. */
typedef bool serve_door_take(void *ctx, int fd, bool from_unix);
/* Some whose requests execute, or wait for it, have hung up. Called in the door's thread. */
typedef void serve_door_hung_up(void *ctx);

/* Listens on `count` addresses, off loopback only with `anywhere` (serve_listen.h). 0, or -1 with
 * err. */
int serve_door_open(struct serve_door **out, const char *const *addresses, int count,
	bool anywhere, struct err *err);

/* Starts to take in. With `room` connections inside, each new one costs the one that has waited
 * longest its place, as soon as that had its time to ask. 0, or -1 with err. */
int serve_door_start(struct serve_door *d, size_t room, serve_door_take *take,
	serve_door_hung_up *hung_up, void *ctx, struct err *err);

/* The most connections that are inside at any moment: the room, and those that are leaving. */
size_t serve_door_most(size_t room);

/* The TCP port of an address, 0 for a unix socket. */
int serve_door_port(const struct serve_door *d, int i);

/* The server's thread: an execution of the guest begins, and `gone` becomes true when he hangs up
 * before serve_door_heard says that it has ended; `hung_up` is told so in the door's thread. */
void serve_door_watch(struct serve_door *d, struct guest *g, atomic_bool *gone);

/* Takes in nobody more, removes the listeners. Guests stay. */
void serve_door_close(struct serve_door *d);
void serve_door_free(struct serve_door *d); /* once all guests have left */

/* The server's thread: a connection that was taken is there; it has said something whole, or
 * got its answer; it is closed. */
struct guest *serve_door_enter(struct serve_door *d, int fd);
void serve_door_heard(struct serve_door *d, struct guest *g);
void serve_door_left(struct serve_door *d, struct guest *g);

#endif
