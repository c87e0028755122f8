/* Router: which arm one request goes to. The rule is model/split.c; this holds the split in one
 * atomic word, so that strategy, share and operations are never seen half changed. */
#include "client/engine/router.h"

#include <string.h>

/* Published with weir.pool/1: other pools agree on buckets by using the same. */
#define ROUTER_SALT 0

uint32_t router_set(struct router *r, enum strategy strategy, int share_bp, unsigned operations)
{
	uint64_t before = atomic_load_explicit(&r->split, memory_order_relaxed);
	uint32_t generation = (uint32_t)(before >> 32) + 1;
	atomic_store_explicit(&r->split,
		(uint64_t)generation << 32 | (uint64_t)(operations & ROUTER_ALL) << 18 |
			(uint64_t)strategy << 14 | (uint64_t)share_bp,
		memory_order_release);
	return generation;
}

struct route router_pick(
	struct router *r, unsigned operation, const char *session, const char *id)
{
	uint64_t split = atomic_load_explicit(&r->split, memory_order_acquire);
	const char *name = session[0] ? session : id;
	struct route route = {
		.strategy = (enum strategy)(split >> 14 & 0xf),
		.share_bp = (int)(split & 0x3fff),
		.generation = (uint32_t)(split >> 32),
		.bypasses = !(split >> 18 >> operation & 1),
	};
	if (!route.bypasses)
		route.arm = split_arm(
			route.strategy, route.share_bp, split_bucket(name, strlen(name), ROUTER_SALT));
	return route;
}
