/* Proxy: stands between a program and a pool and loses what it is told to lose. Bytes pass as
 * they are; of one kind of request it keeps a copy, so that a test can deliver it again, later.
 */
#ifndef WEIR_TESTS_LIB_PROXY_H
#define WEIR_TESTS_LIB_PROXY_H

#include <stdbool.h>
#include <stddef.h>

enum proxy_mode {
	PROXY_PASS,
	PROXY_LOSE_REQUEST, /* a request that matches is kept, not delivered; nothing answers it */
	PROXY_LOSE_ANSWER,  /* it is delivered; what the pool answers on that connection is lost */
};

struct proxy;

/* Listens on the unix socket `path`, delivers to the unix socket `to`. `match`: how a request
 * begins that is meant ("PUT "). NULL when it cannot. */
struct proxy *proxy_start(const char *path, const char *to, const char *match);
void proxy_stop(struct proxy *p); /* may be NULL */

void proxy_set_mode(struct proxy *p, enum proxy_mode mode);

/* Waits for the next whole request that matches; the bytes of it, NUL-terminated, which the
 * caller frees. NULL at the deadline. */
char *proxy_caught(struct proxy *p, size_t *len, int timeout_ms);

#endif
