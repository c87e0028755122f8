/* Router: the split in force, readable without a lock by every caller. */
#ifndef WEIR_CLIENT_ENGINE_ROUTER_H
#define WEIR_CLIENT_ENGINE_ROUTER_H

#include "model/split.h"

#include <stdatomic.h>

struct router {
	_Atomic uint64_t
		split; /* generation << 32 | operations << 18 | strategy << 14 | share_bp */
};

#define ROUTER_OPERATIONS 14 /* as many can be told apart */
#define ROUTER_ALL ((1u << ROUTER_OPERATIONS) - 1)

/* Where one request goes, and under which split that was decided. */
struct route {
	enum strategy strategy;
	int share_bp;
	uint32_t generation; /* rises with every change of split */
	enum arm arm;
	bool bypasses; /* not on the list of what v2 may get: v1's, and in no comparison */
};

/* Puts a split in force; v2 may get the operations whose bits are set. Calls must not overlap.
 * Returns its generation. */
uint32_t router_set(
	struct router *r, enum strategy strategy, int share_bp, unsigned operations);

/* Routes a request for operation number `operation` (below ROUTER_OPERATIONS) by the session,
 * or by the request's id where it has none. */
struct route router_pick(
	struct router *r, unsigned operation, const char *session, const char *id);

#endif
