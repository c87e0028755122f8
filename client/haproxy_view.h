/* HAProxy view: what a runtime socket says of one split at one moment: the process, both arms'
 * counters and servers, the share. What is asked for it, and how the answers are read. */
#ifndef WEIR_CLIENT_HAPROXY_VIEW_H
#define WEIR_CLIENT_HAPROXY_VIEW_H

#include "client/haproxy_lines.h"
#include "client/haproxy_note.h"
#include "client/haproxy_read.h"
#include "client/haproxy_session.h"

#define HAPROXY_ROWS_SHOWN HAPROXY_SERVERS_MAX /* servers of an arm that are kept */

struct haproxy_server {
	char name[HAPROXY_NAME_MAX];
	int backend; /* of its arm */
	char status[24], check[WORKER_TROUBLE_MAX];
	int weight;
	bool ready;  /* takes work */
	bool locked; /* by hand: drained, or in maintenance */
	bool maint;
	int64_t served, failed;
};

/* One arm: a backend, or a group of servers. Counters since the process began. */
struct haproxy_arm {
	int64_t requests, ok, server_errors, response_errors, connection_errors, retries;
	int64_t queue, in_flight;
	int64_t total, ready; /* servers, also those beyond the rows */
	int64_t went_down;    /* how often one of them did */
	int count;
	struct haproxy_server server[HAPROXY_ROWS_SHOWN];
};

struct haproxy_view {
	struct haproxy_info info;
	struct haproxy_arm arms[ARM_COUNT];
	struct haproxy_map map; /* the split, or the notes beside weights */
	int share_bp;
	int weights[ARM_COUNT];     /* WEIGHTS: sums of those that may take work */
	struct haproxy_lines lines; /* all of the map, where several keys step together */
};

/* Asks for it. */
void haproxy_view_ask(struct haproxy_session *s, const struct haproxy_target *t);

/* Asks for the share alone, as few bytes as can be: of a map its one key. */
void haproxy_view_ask_share(struct haproxy_session *s, const struct haproxy_target *t);

/* Reads what haproxy_view_ask_share asked: the process and the share; of weights the arms too.
 * 0, or -1 with err. */
int haproxy_view_read_share(struct haproxy_view *out, const struct haproxy_session *s,
	size_t from, const struct haproxy_target *t, struct err *err);

/* How many servers of a group share its traffic, or would at a weight above 0: all but those
 * that a person took out. All, where a person took out all. */
int haproxy_view_active(const struct haproxy_arm *a);

/* Reads the answers, of which the first is the `from`-th. 0, or -1 with err that names the
 * target's part that is wrong. */
int haproxy_view_read(struct haproxy_view *out, const struct haproxy_session *s, size_t from,
	const struct haproxy_target *t, struct err *err);

#endif
