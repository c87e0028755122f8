/* HAProxy ring: latencies, of which the statistics have none, from the log lines of a ring that
 * is read on the same runtime socket. The lines are those of this log-format:
 *
 *   W1 %Ts.%ms %b/%s %ST %TR %Tw %Tc %Tr %Ta %tsc %rc %sq
 *
 * A request's latency is queue + connect + answer (Tw + Tc + Tr), where it got no answer its whole
 * time (Ta); in whole milliseconds, as HAProxy tells. */
#ifndef WEIR_CLIENT_HAPROXY_RING_H
#define WEIR_CLIENT_HAPROXY_RING_H

#include "client/haproxy_view.h"
#include "model/histogram.h"

#define HAPROXY_LOG_FORMAT "W1 %Ts.%ms %b/%s %ST %TR %Tw %Tc %Tr %Ta %tsc %rc %sq"

/* One line. */
struct haproxy_event {
	char backend[HAPROXY_NAME_MAX], server[HAPROXY_NAME_MAX];
	int status;         /* -1: the client got none */
	int64_t latency_us; /* UNKNOWN */
	bool timed_out;     /* the server's time was up */
};

/* Reads a line; false for one of another format. */
bool haproxy_event_read(struct haproxy_event *out, const char *line);

/* The ring's name in the answer to `show events`: the only buffer beside HAProxy's own. False:
 * there is none, or more than one. */
bool haproxy_ring_find(char out[HAPROXY_NAME_MAX], const char *text);

struct haproxy_ring;

struct haproxy_ring *haproxy_ring_new(int epoll_fd, const struct haproxy_target *t);
void haproxy_ring_free(struct haproxy_ring *r); /* NULL is allowed */

/* Reads what has come; connects again where HAProxy has closed it. */
void haproxy_ring_turn(struct haproxy_ring *r, struct instant now);

/* A view came: `reloaded` where it is another process, whose ring and counters begin anew. */
void haproxy_ring_see(
	struct haproxy_ring *r, const struct haproxy_view *v, bool reloaded, struct instant now);

/* Fills the latencies and timeouts of both arms; has_latency stays false where nothing is read,
 * or too many lines of the last interval did not come. */
void haproxy_ring_fill(const struct haproxy_ring *r, struct snapshot *s);

#endif
