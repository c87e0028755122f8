/* Etcd nodes: which nodes a fleet has whose plan lies in etcd, asked once when a desk opens. */
#ifndef WEIR_TUI_ETCD_NODES_H
#define WEIR_TUI_ETCD_NODES_H

#include "model/err.h"

#include <stdbool.h>
#include <stdint.h>

#define ETCD_NODES_MAX 64 /* what one pool can show */

struct etcd_nodes {
	char *target[ETCD_NODES_MAX]; /* of each node, by name */
	int count;
	char version[32];                /* of etcd; "" not asked */
	int members;                     /* of its cluster; 0 not asked */
	int64_t left_ms[ETCD_NODES_MAX]; /* until a node that says nothing more is off the list;
	                                    UNKNOWN: not asked */
};

/* Lists the nodes of `target`, waiting a few seconds at most; with `wide` asks etcd about itself
 * too. What is listed is remembered in a file of `dir` (NULL: nowhere), and where etcd does not
 * answer, refuses or has no node that file is the list, with err: a rollback must find its nodes.
 * 0, or -1 with err; the caller releases. */
int etcd_nodes_find(
	struct etcd_nodes *out, const char *target, const char *dir, bool wide, struct err *err);

/* Whether etcd would take a change of the plan, without making one: 0, or -1 with err. */
int etcd_nodes_may_write(const char *target, struct err *err);
void etcd_nodes_release(struct etcd_nodes *n);

#endif
