/* Router: the split in force, readable without a lock by every caller. */
#ifndef WEIR_CLIENT_ENGINE_ROUTER_H
#define WEIR_CLIENT_ENGINE_ROUTER_H

#include "model/split.h"

#include <stdatomic.h>

struct router {
	_Atomic uint64_t split; /* generation << 32 | strategy << 16 | share_bp */
};

/* Where one request goes, and under which split that was decided. */
struct route {
	enum strategy strategy;
	int share_bp;
	uint32_t generation; /* rises with every change of split */
	enum arm arm;
};

/* Puts a split in force. Calls must not overlap. Returns its generation. */
uint32_t router_set(struct router *r, enum strategy strategy, int share_bp);

/* Routes by the session, or by the request's id where it has none. */
struct route router_pick(struct router *r, const char *session, const char *id);

#endif
