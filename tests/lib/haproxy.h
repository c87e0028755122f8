/* A real HAProxy on unix sockets in a directory of the test's, with small HTTP servers behind it
 * in this process. Nothing of it listens on a port. */
#ifndef WEIR_TESTS_LIB_HAPROXY_H
#define WEIR_TESTS_LIB_HAPROXY_H

#include "tests/lib/process.h"

#define BALANCER_PATH 160
#define BALANCER_CONFIG_MAX 8192

/* True when tests may start one: it is installed, and PEERS is not "no". Else it says why not. */
bool balancer_is_there(void);

struct upstreams;

struct balancer {
	struct process process; /* the master */
	char dir[BALANCER_PATH];
	char admin[BALANCER_PATH + 16], user[BALANCER_PATH + 16]; /* runtime sockets */
	char front[BALANCER_PATH + 16];   /* splits by the map: backends v1 and v2 */
	char weighed[BALANCER_PATH + 16]; /* splits by weights: backend pair, servers a and b | c */
	char map[BALANCER_PATH + 16], config[BALANCER_PATH + 16];
	struct upstreams *upstreams;
};

/* Starts it with the map's key "orders" at `permille`; the test ends where that does not work. */
void balancer_start(struct balancer *b, const char *dir, int permille);
void balancer_stop(struct balancer *b); /* also one that was killed, or never started */

/* Starts the same configuration again after balancer_kill. */
void balancer_run(struct balancer *b);

/* SIGKILL for master and worker, and waits until nobody answers. */
void balancer_kill(struct balancer *b);

/* SIGUSR2, and waits until another process answers. */
void balancer_reload(struct balancer *b);

/* One line at the runtime socket, as socat would ask it: the answer; free it. */
char *balancer_ask(const struct balancer *b, const char *line);

/* The number behind "NAME: " of show info. */
long long balancer_info(const struct balancer *b, const char *name);

/* The value of a key of the map; -1: it has none. */
int balancer_value(const struct balancer *b, const char *key);

/* What a client saw. */
struct balancer_seen {
	int served[2]; /* by v1, by v2 */
	int failed;    /* 5xx, whoever made it */
};

/* `count` requests of the sessions from `first` on, one a session, on one connection to `front`
 * (or `weighed`). False where one was not answered. */
bool balancer_traffic(const char *front, int first, int count, struct balancer_seen *seen);

/* From now on each server of the arm (0, 1) answers every `nth` request with 500; 0: none. */
void balancer_fail(struct balancer *b, int arm, int nth);

/* True when `haproxy -c` takes the configuration of the file; prints what it says when not. */
bool balancer_checks(const char *config);

/* The configuration that balancer_start writes, whose bytes a test may add to. */
void balancer_config(const struct balancer *b, char out[BALANCER_CONFIG_MAX]);

#endif
