/* Proxy: stands between a program and a pool and loses, delays, doubles or cuts what it is told
 * to. Bytes pass as they are; of requests that are meant it keeps a copy, so that a test can
 * deliver one again, later. A thread of its own; each call holds from the next bytes on. */
#ifndef WEIR_TESTS_LIB_PROXY_H
#define WEIR_TESTS_LIB_PROXY_H

#include <stdbool.h>
#include <stddef.h>

/* X(name): what happens to a request that is meant, and to its answer. */
#define PROXY_INFO(X) \
	X(PASS)         /* delivered, answered */ \
	X(LATENCY)      /* the answer comes late, by proxy_set_delay */ \
	X(DRIP)         /* the answer comes byte by byte, each so late */ \
	X(LOSE_REQUEST) /* kept, not delivered; nothing answers it */ \
	X(LOSE_ANSWER)  /* delivered; what the pool answers on that connection is lost */ \
	X(CUT_BEFORE)   /* kept, not delivered; the connection is closed */ \
	X(CUT_AFTER)    /* delivered; the connection is closed when the answer comes */ \
	X(HOLD)         /* kept until proxy_release delivers it; nothing answers it */ \
	X(DUPLICATE)    /* delivered, answered, and before the answer goes on delivered again */ \
	X(RESET)        /* the connection is reset, here and there */ \
	X(BLACKHOLE)    /* any byte of any connection vanishes, both ways */

enum proxy_mode {
#define X(name) PROXY_##name,
	PROXY_INFO(X)
#undef X
};

struct proxy;

/* Listens on the unix socket `path` (NULL: a free port of 127.0.0.1), delivers to `to`: a unix
 * socket's path or "127.0.0.1:PORT". `match`: how a request begins that is meant ("PUT "), ""
 * all. NULL when it cannot. */
struct proxy *proxy_start(const char *path, const char *to, const char *match);
void proxy_stop(struct proxy *p); /* may be NULL */

/* "unix:PATH" or "http://127.0.0.1:PORT"; borrowed. */
const char *proxy_target(const struct proxy *p);

void proxy_set_mode(struct proxy *p, enum proxy_mode mode);
void proxy_set_match(struct proxy *p, const char *match);
void proxy_set_delay(struct proxy *p, int delay_ms); /* of LATENCY and DRIP; starts as 20 */

/* Waits for the next whole request that is meant; the bytes of it, NUL-terminated, which the
 * caller frees. NULL at the deadline. */
char *proxy_caught(struct proxy *p, size_t *len, int timeout_ms);

/* Delivers the request kept last, on a connection of its own: the status of its answer, 0 when
 * there is none in time or nothing is kept. May be called again: it is kept on. */
int proxy_release(struct proxy *p, int timeout_ms);

/* Requests that were meant, so far; the status of the last second delivery, 0 before. */
int proxy_meant(struct proxy *p);
int proxy_duplicated(struct proxy *p);

#endif
