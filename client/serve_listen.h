/* Listeners: sockets that only this machine can reach, unless more is allowed. */
#ifndef WEIR_CLIENT_SERVE_LISTEN_H
#define WEIR_CLIENT_SERVE_LISTEN_H

#include "model/err.h"

#include <stdbool.h>
#include <stdint.h>

struct serve_listener {
	int fd;
	int port;               /* 0 for a unix socket */
	char path[108];         /* of a unix socket, else "" */
	uint64_t device, inode; /* of the socket file, so that only our own is removed */
};

/* Binds and listens at "127.0.0.1:7070", "localhost:0", "[::1]:0" or "unix:/path" (mode 0600; a
 * socket file that nothing answers on is replaced); with `anywhere` at any numeric address too.
 * 0, or -1 with ERR_LISTEN, ERR_USAGE for an address that only `anywhere` allows. */
int serve_listener_open(
	struct serve_listener *out, const char *address, bool anywhere, struct err *err);

/* Stops listening and removes the socket file. */
void serve_listener_close(struct serve_listener *l);

#endif
