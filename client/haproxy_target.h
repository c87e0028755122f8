/* HAProxy targets: the URL of a runtime socket and of what splits the traffic behind it.
 *
 *   haproxy:PATH?map=FILE&key=KEY&v1=BACKEND&v2=BACKEND     a number in a map file
 *   haproxy:PATH?map=FILE&key=K1,K2&v1=B1,B2&v2=B3,B4       services that step at one moment
 *   haproxy:PATH?backend=B&v1=s1,s2&v2=s3[&map=FILE]        the weights of two groups of servers
 *   haproxy://ADDRESS:PORT?...                              the same over TCP
 *   haproxy:PATH                                            only to look around
 *
 * &ring=NAME names the ring of the log. Every name goes into commands, where `;` begins another
 * one: what is not on the list of bytes is refused here, and nowhere else has to be. */
#ifndef WEIR_CLIENT_HAPROXY_TARGET_H
#define WEIR_CLIENT_HAPROXY_TARGET_H

#include "model/counts.h"
#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>

#define HAPROXY_NAME_MAX 65 /* with NUL: backends, servers, rings, keys */
#define HAPROXY_PATH_MAX 108
#define HAPROXY_MAP_MAX 192
#define HAPROXY_SERVERS_MAX 32 /* of a group */
#define HAPROXY_SERVICES_MAX 8 /* that step together */

enum haproxy_way {
	HAPROXY_LOOK,    /* no split is named */
	HAPROXY_MAP,     /* permille in a map file */
	HAPROXY_WEIGHTS, /* of servers */
};

struct haproxy_group {
	int count;
	char name[HAPROXY_SERVERS_MAX][HAPROXY_NAME_MAX];
};

struct haproxy_target {
	char path[HAPROXY_PATH_MAX]; /* of the unix socket; "" TCP */
	char host[64];               /* a numeric address: no name is looked up */
	int port;
	enum haproxy_way way;
	char map[HAPROXY_MAP_MAX]; /* WEIGHTS: keeps the notes alone; "" none */
	char key
		[HAPROXY_NAME_MAX]; /* names the pool: MAP: the first of keys; WEIGHTS: the backend */
	struct haproxy_group keys;                /* MAP: those with one number, at every moment */
	struct haproxy_group backends[ARM_COUNT]; /* WEIGHTS: the one, twice */
	struct haproxy_group servers[ARM_COUNT];  /* WEIGHTS */
	char ring[HAPROXY_NAME_MAX];              /* "" it is looked for */
};

bool haproxy_group_has(const struct haproxy_group *g, const char *name);

/* True for a target of this scheme. */
bool haproxy_is_target(const char *target);

/* Reads a target. 0, or -1 with err (CONFIG) that says what to write. */
int haproxy_target_read(struct haproxy_target *out, const char *target, struct err *err);

/* The pool's name by its target: KEY, or the backend of the weights. False: it names none. */
bool haproxy_target_name(char *out, size_t size, const char *target);

/* True for 1 to HAPROXY_NAME_MAX - 1 bytes that HAProxy allows in a name, none of them special
 * in a command. */
bool haproxy_is_name(const char *s);

/* The same for the path of a map. */
bool haproxy_is_map(const char *s);

#endif
