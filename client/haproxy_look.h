/* HAProxy look: what stands behind a runtime socket that nobody has named a split of yet: its
 * backends, its maps of numbers, its ring. It asks with `show` alone. */
#ifndef WEIR_CLIENT_HAPROXY_LOOK_H
#define WEIR_CLIENT_HAPROXY_LOOK_H

#include "client/haproxy_read.h"
#include "model/unit.h"

#define LOOK_BACKENDS_MAX 64
#define LOOK_MAPS_MAX 16
#define LOOK_KEYS_MAX 16

struct look_backend {
	char name[HAPROXY_NAME_MAX], algo[24], mode[8];
	struct haproxy_group servers; /* the first */
	int dropped;                  /* those beyond */
};

struct look_map {
	char file[HAPROXY_MAP_MAX];
	int count;
	char key[LOOK_KEYS_MAX][HAPROXY_NAME_MAX]; /* those with a number of 0 to 1000 */
};

struct haproxy_seen {
	char socket[HAPROXY_PATH_MAX + 24]; /* "haproxy:/PATH" */
	struct haproxy_info info;
	char level[16]; /* "admin", "operator", "user"; "" not said */
	int backend_count, backends_dropped;
	struct look_backend backend[LOOK_BACKENDS_MAX];
	int map_count, maps_dropped;
	struct look_map map[LOOK_MAPS_MAX];
	char ring[HAPROXY_NAME_MAX]; /* "" none, or none that may be seen */
};

struct haproxy_look;

/* Begins to look at a target, of which only the socket counts. 0, or -1 with err. */
int haproxy_look_new(
	struct haproxy_look **out, const char *target, struct instant now, struct err *err);
void haproxy_look_free(struct haproxy_look *l); /* NULL is allowed */

/* A descriptor that can be read when there is something to do. */
int haproxy_look_fd(const struct haproxy_look *l);

/* True when it has ended: err is set where it could not look. */
bool haproxy_look_turn(struct haproxy_look *l, struct instant now, struct err *err);

/* What was seen; borrowed. */
const struct haproxy_seen *haproxy_look_seen(const struct haproxy_look *l);

#endif
