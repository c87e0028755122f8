/* Router: which arm one request goes to. The rule is model/split.c; this holds the split in one
 * atomic word, so that strategy and share are never seen half changed. */
#include "client/engine/router.h"

#include <string.h>

/* Published with weir.pool/1: other pools agree on buckets by using the same. */
#define ROUTER_SALT 0

uint32_t router_set(struct router *r, enum strategy strategy, int share_bp)
{
	uint64_t before = atomic_load_explicit(&r->split, memory_order_relaxed);
	uint32_t generation = (uint32_t)(before >> 32) + 1;
	atomic_store_explicit(&r->split,
		(uint64_t)generation << 32 | (uint64_t)strategy << 16 | (uint64_t)share_bp,
		memory_order_release);
	return generation;
}

struct route router_pick(struct router *r, const char *session, const char *id)
{
	uint64_t split = atomic_load_explicit(&r->split, memory_order_acquire);
	const char *name = session[0] ? session : id;
	struct route route = {
		.strategy = (enum strategy)(split >> 16 & 0xffff),
		.share_bp = (int)(split & 0xffff),
		.generation = (uint32_t)(split >> 32),
	};
	int bucket = split_bucket(name, strlen(name), ROUTER_SALT);
	route.arm = split_arm(route.strategy, route.share_bp, bucket);
	return route;
}
