/* Etcd: a real one with one member, in a directory of its own, on ports of loopback. */
#ifndef WEIR_TESTS_LIB_ETCD_H
#define WEIR_TESTS_LIB_ETCD_H

#include "tests/lib/process.h"

#include <stdbool.h>

struct etcd_peer {
	struct process process;
	char dir[160];
	int port, peer_port;
	char address[32]; /* "127.0.0.1:PORT" */
	/* Set before the start. Files of PEM: its certificate and key, and the CA; "" no TLS. */
	char cert[200], key[200], ca[200];
	char user[64]; /* "NAME:PASSWORD" of etcd_peer_ctl; "" nobody */
};

/* True when tests may start one: it is installed, and PEERS is not "no". Else it says why not. */
bool etcd_peer_is_here(void);

/* Starts it in `dir`, which must be there, and waits until it answers. What cannot be started ends
 * the program. */
void etcd_peer_start(struct etcd_peer *e, const char *dir);
/* SIGKILL; etcd_peer_run starts it again with what it has stored. */
void etcd_peer_kill(struct etcd_peer *e);
void etcd_peer_run(struct etcd_peer *e);
/* Kills it. Safe on a zeroed struct. */
void etcd_peer_stop(struct etcd_peer *e);

/* Runs etcdctl with these arguments and gives what it printed, which is the caller's. A failure
 * ends the program. */
char *etcd_peer_ctl(const struct etcd_peer *e, const char *const *args);

#endif
