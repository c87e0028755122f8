/* Runtime: a HAProxy runtime socket that is made up, and may lie: a map with the key "orders", the
 * backends v1 and v2, and the backend "pair" with the servers a and b. */
#ifndef WEIR_TESTS_LIB_RUNTIME_H
#define WEIR_TESTS_LIB_RUNTIME_H

#include "model/text.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define RUNTIME_CLIENTS 16

/* X(mode): how the socket behaves. */
#define RUNTIME_INFO(X) \
	X(GOOD) \
	X(DEAF)       /* says yes to every change and does none */ \
	X(SILENT)     /* reads and says nothing */ \
	X(CLOSED)     /* closes at the first line */ \
	X(CUT_AFTER)  /* does a change and closes */ \
	X(CUT_BEFORE) /* closes instead of the change */ \
	X(DENIED)     /* of level user */ \
	X(OLD)        /* a process that a reload has left behind */ \
	X(GARBAGE)    /* another program */ \
	X(ENDLESS)    /* one answer for ever */ \
	X(DRIP)       /* byte by byte */ \
	X(RIVAL)      /* somebody else sets another share right behind each change */ \
	X(DAMAGED)    /* statistics that are none */

enum runtime_mode {
#define X(name) RUNTIME_##name,
	RUNTIME_INFO(X)
#undef X
};

/* Fields may be set while nobody is connected. */
struct runtime {
	pthread_t thread;
	pthread_mutex_t mutex;
	int stop_fd;
	char path[108];
	struct pollfd fds[2 + RUNTIME_CLIENTS];
	char line[RUNTIME_CLIENTS][1024];
	size_t len[RUNTIME_CLIENTS];
	/* under the mutex */
	enum runtime_mode mode;
	int64_t pid, start_s, uptime_s, requests[2], failed;
	int permille, weight[2];
	bool maint[2], drained[2], down[2], tcp, twice;
	int64_t broken;           /* answers of v2 that its server broke off */
	bool hides_map;           /* more notes of others than can be read */
	bool rolls_back;          /* another weir rolls back right behind a step's change */
	struct text notes, heard; /* lines of the map; lines that were asked */
};

/* Listens at a path, good. False: it cannot. */
bool runtime_start(struct runtime *r, const char *path);
void runtime_stop(struct runtime *r);

/* From now on it behaves so; what was asked before is forgotten. */
void runtime_set(struct runtime *r, enum runtime_mode mode);

/* True when a line that was asked since then holds `text`. */
bool runtime_heard(struct runtime *r, const char *text);

#endif
