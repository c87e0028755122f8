/* Node: how a node of the simulation comes up, lives and dies: tests/lib/fake.h's node with the
 * work of an engine in virtual time and a control whose log is on a virtual disk (vault.c). */
#ifndef WEIR_TESTS_SIM_NODE_H
#define WEIR_TESTS_SIM_NODE_H

#include "tests/sim/sim.h"

/* X(name, words): how a node goes down. */
#define DOWN_INFO(X) \
	X(KILL, "is killed") \
	X(FORGET, "is killed, and its disk is gone") \
	X(POWER, "loses its power")

enum down {
#define X(name, words) DOWN_##name,
	DOWN_INFO(X)
#undef X
};

void node_begin(struct sim *s, int node, uint64_t seed);
void node_release(struct sim *s, int node);

/* Lets its time come up to now, where it runs. */
void node_advance(struct sim *s, int node);

void node_stop(struct sim *s, int node, enum down how);
/* True when its power went in what it has just done: nothing of that gets out. */
bool node_dies(struct sim *s, int node);
/* Does nothing where it runs. */
void node_start(struct sim *s, int node);

/* X(name, words, fault): what may be done to a node's v2; the first one is none. */
#define ILL_INFO(X) \
	X(WELL, "is well", .error_rate = 0.002) \
	X(FAILS, "fails half of its work", .error_rate = 0.5) \
	X(SLOW, "is slow", .slow_factor = 60) \
	X(HANGS, "hangs", .hang = true) \
	X(CRASHES, "loses workers", .crash_rate = 0.2) \
	X(STALLS, "begins nothing", .stall = true)

enum ill {
#define X(name, ...) ILL_##name,
	ILL_INFO(X)
#undef X
		ILL_COUNT
};

const char *ill_words(enum ill how);

/* From now on. It outlives the node's deaths: it is v2's, not the process's. */
void node_ail(struct sim *s, int node, enum ill how);

void node_pause(struct sim *s, int node, int64_t until_ms);
void node_resume(struct sim *s, int node);

#endif
