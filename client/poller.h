/* Poller: who is due. Instants in, indices out; it fetches nothing. */
#ifndef WEIR_CLIENT_POLLER_H
#define WEIR_CLIENT_POLLER_H

#include "model/err.h"
#include "model/unit.h"

#include <stddef.h>
#include <stdint.h>

#define POLLER_IN_FLIGHT_MAX 64
#define POLLER_NONE SIZE_MAX
#define POLLER_BACKOFF_MIN_MS 500
#define POLLER_BACKOFF_MAX_MS 30000
#define POLLER_UNAUTHORISED_MS 30000 /* a pool may lock out who tries more often */
#define POLLER_IDLE_MS 60000         /* what poller_due_ms says at most */

struct poller;

struct poller *poller_new(uint64_t seed);
void poller_free(struct poller *p);

/* Adds an entry that is due at once and every interval_ms (>= 1) after. Returns its index,
 * which counts from 0. */
size_t poller_add(struct poller *p, int64_t interval_ms, struct instant now);

/* A shorter interval makes a well entry due at once; trouble keeps its distance. */
void poller_set_interval(struct poller *p, size_t i, int64_t interval_ms, struct instant now);

/* Makes an entry due, trouble or not. Nothing while its poll is under way. */
void poller_poll_now(struct poller *p, size_t i, struct instant now);

/* The entry that has been due for longest, which is under way from now on; POLLER_NONE when
 * none is due or POLLER_IN_FLIGHT_MAX are under way. */
size_t poller_begin(struct poller *p, struct instant now);

/* The poll of an entry has ended. ERR_NONE: well, due at its own place in the next interval, so
 * that polls are spread over it. Else the n-th trouble in a row waits 0.5 s * 2^(n-1), at most
 * 30 s, times 0.5 to 1.5 by chance; after ERR_UNAUTHORISED 30 s. Nothing when it has none. */
void poller_end(struct poller *p, size_t i, enum err_code trouble, struct instant now);

/* Milliseconds until poller_begin has an entry to give, 0..POLLER_IDLE_MS. */
int64_t poller_due_ms(const struct poller *p, struct instant now);

/* Milliseconds until an entry in trouble is polled again (0 while it is); UNKNOWN when well. */
int64_t poller_retry_ms(const struct poller *p, size_t i, struct instant now);

#endif
