/* Split: which arm a request goes to. Pure; the same buckets for every strategy.
 *
 * Invariants: raising the share moves nobody off v2; one session, one arm; the share is the
 * fraction of buckets below share_bp. */
#ifndef WEIR_MODEL_SPLIT_H
#define WEIR_MODEL_SPLIT_H

#include "model/counts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, word, implied share in bp or -1 for any, may fall back, help) */
#define STRATEGY_INFO(X) \
	X(PRIMARY_ONLY, "primary_only", 0, false, "all work goes to v1") \
	X(CANARY, "canary", -1, false, "a share of the sessions goes to v2") \
	X(AB_TEST, "ab_test", 5000, false, "half of the sessions go to v2") \
	X(PRIMARY_WITH_FALLBACK, "primary_with_fallback", -1, true, \
		"like canary; idempotent work that fails runs once on the other arm") \
	X(FULL_MIGRATION, "full_migration", 10000, false, "all work goes to v2") \
	X(SHADOW, "shadow", 0, false, "v1 answers, v2 gets a copy of idempotent work")

enum strategy {
#define X(name, word, share, fallback, help) STRATEGY_##name,
	STRATEGY_INFO(X)
#undef X
		STRATEGY_COUNT
};

const char *strategy_name(enum strategy s);
const char *strategy_help(enum strategy s);
/* The strategy of a word; STRATEGY_COUNT for an unknown one. */
enum strategy strategy_of(const char *word);
/* The share a strategy implies in basis points, -1 when any share goes with it. */
int strategy_share_bp(enum strategy s);

/* The bucket 0..9999 of a session or request id: XXH64(id, salt) mod 10000. Published, so that
 * other pools can agree. */
int split_bucket(const char *id, size_t len, uint64_t salt);

/* The arm of a bucket under a strategy at a share. */
enum arm split_arm(enum strategy s, int share_bp, int bucket);

/* True when a failure on `failed` may run once on the other arm: the strategy falls back, the
 * operation is idempotent, the failure is not the caller's own (SESSION: a session that is not
 * there), and never towards v2 at share 0. */
bool split_may_fall_back(
	enum strategy s, int share_bp, enum arm failed, bool idempotent, enum failure why);

#endif
