/* Traffic: sticky sessions that use a pool at a steady rate, and what they saw: which side each
 * was served by since the last mark. A thread of its own with a connection of its own. */
#ifndef WEIR_TESTS_LIB_TRAFFIC_H
#define WEIR_TESTS_LIB_TRAFFIC_H

#include <stdbool.h>

struct traffic;

/* Begins `rate` requests a second of `sessions` sessions, one after the other, at the pool's
 * "unix:PATH" or "127.0.0.1:PORT". NULL when there is no connection. */
struct traffic *traffic_start(const char *address, int rate, int sessions);
void traffic_stop(struct traffic *t); /* may be NULL */

/* Forgets what was seen: from here on counts anew. */
void traffic_mark(struct traffic *t);

struct traffic_seen {
	int requests, failed; /* answers; those that said "ok":false */
	int lost;             /* without an answer */
	int sessions[2];      /* distinct ones served by v1, by v2 */
	int torn;             /* sessions that were served by both */
};
void traffic_seen(struct traffic *t, struct traffic_seen *out);

/* Waits until `sessions` distinct ones were seen since the mark; false at the deadline. */
bool traffic_wait(struct traffic *t, int sessions, int timeout_ms);

#endif
