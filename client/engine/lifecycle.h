/* Lifecycle: the states of one worker, which may follow which, and what failures make of it.
 *
 * A failure here is the worker's: a health check that failed, a crash, silence. What an
 * operation answers with is no failure of who worked on it. A worker that failed gets no work
 * until a health check succeeds, and is replaced when it fails too often in a row. */
#ifndef WEIR_CLIENT_ENGINE_LIFECYCLE_H
#define WEIR_CLIENT_ENGINE_LIFECYCLE_H

#include <stdbool.h>

/* X(name, word, the states that may follow as bits) */
#define LIFECYCLE_INFO(X) \
	X(INITIALIZING, "initializing", TO(READY) | TO(TERMINATED)) \
	X(READY, "ready", TO(BUSY) | TO(DEGRADED) | TO(TERMINATING)) \
	X(BUSY, "busy", TO(READY) | TO(DEGRADED) | TO(TERMINATING)) \
	X(DEGRADED, "degraded", TO(READY) | TO(TERMINATING)) \
	X(TERMINATING, "terminating", TO(TERMINATED)) \
	X(TERMINATED, "terminated", 0)

enum lifecycle_state {
#define X(name, word, next) LIFECYCLE_##name,
	LIFECYCLE_INFO(X)
#undef X
		LIFECYCLE_COUNT
};

#define LIFECYCLE_FAILURES_MAX 3 /* consecutive ones after which a worker is removed */

/* Zeroed it is initializing, and nothing is known of its health. */
struct lifecycle {
	enum lifecycle_state state;
	bool is_healthy; /* it said so last: by its handshake, or a health check */
	bool at_work;    /* also while degraded: until the work comes back */
	int failures;    /* consecutive */
};

/* "degraded". */
const char *lifecycle_name(enum lifecycle_state s);

/* Goes to a state; false, leaving it, where that may not follow. */
bool lifecycle_move(enum lifecycle_state *state, enum lifecycle_state to);

/* It may be given work: ready, and healthy as far as is known. */
bool lifecycle_can_accept_work(const struct lifecycle *l);

/* It is to leave the pool. */
bool lifecycle_should_remove(const struct lifecycle *l);

/* Work is given to it, and comes back. False where it cannot be given any, or has none. One that
 * became degraded meanwhile, and well again, is ready only when its work has come back. */
bool lifecycle_check_out(struct lifecycle *l);
bool lifecycle_check_in(struct lifecycle *l);

/* The handshake or a health check succeeded: it is ready, or stays at work. False for one that is
 * to be removed: that is not undone. */
bool lifecycle_succeed(struct lifecycle *l);

/* It failed. Degraded from the first failure on; to be removed from the `failures_max`-th
 * consecutive one (0: LIFECYCLE_FAILURES_MAX); at once where it never became ready. Returns
 * lifecycle_should_remove. */
bool lifecycle_fail(struct lifecycle *l, int failures_max);

#endif
