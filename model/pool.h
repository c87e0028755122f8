/* Pool: what one node of a pool says of itself at one moment, in C. The engine fills it, the
 * wire writes and reads it, the model believes it. Names follow weir.pool/1
 * (client/weir-pool.7). */
#ifndef WEIR_MODEL_POOL_H
#define WEIR_MODEL_POOL_H

#include "model/counts.h"
#include "model/split.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stdint.h>

#define POOL_NAME_MAX 65 /* with NUL: pool, node, actor and id names */
#define POOL_ID_MAX 65
#define POOL_ACTOR_MAX 97
#define POOL_REASON_MAX 201
#define POOL_HASH_MAX 65

/* A person's or the pool's hold: raises are refused until resume. */
struct hold {
	bool on;
	char actor[POOL_ACTOR_MAX];
	char reason[POOL_REASON_MAX];
	int64_t age_ms;
};

/* What an arm's counters were when the split last changed. */
struct change_counts {
	int64_t requests, ok, failed, sessions, sessions_bad; /* UNKNOWN where not said */
};

/* The last change of the split. */
struct change {
	bool known;
	char actor[POOL_ACTOR_MAX];
	int64_t age_ms;
	struct change_counts arms[ARM_COUNT];
};

/* One document. Large (histograms): allocate it, pass it by pointer. */
struct snapshot {
	char pool_id[POOL_ID_MAX], pool[POOL_NAME_MAX];
	char node[POOL_NAME_MAX], node_id[POOL_ID_MAX];
	char boot_id[POOL_ID_MAX];
	char build[POOL_NAME_MAX];
	int64_t seq; /* rises with every document of one boot */
	int64_t uptime_ms;
	int64_t now_ms; /* the pool's wall clock */
	int64_t epoch, rev;
	enum strategy strategy;
	int share_bp;
	int baseline_bp;               /* -1: never armed */
	int kept_bp;                   /* -1: unknown */
	char plan_hash[POOL_HASH_MAX]; /* "" without a plan */
	struct hold hold;
	struct change change;
	struct arm_counts arms[ARM_COUNT];
	int64_t unit_ms; /* age at which a session is counted */
	int64_t drain_ms, settle_ms;
	char audit_head[POOL_HASH_MAX];
	int64_t audit_seq; /* UNKNOWN where the pool has no audit */
	bool finalized;
};

/* One entry of a pool's own log of accepted changes. */
struct audit_entry {
	int64_t seq;
	char what[24]; /* verb word: step, rollback, hold, resume, … */
	int from_bp, to_bp;
	int64_t epoch, rev;
	char key[POOL_ID_MAX]; /* the Idempotency-Key; "" where the pool acted by itself */
	char actor[POOL_ACTOR_MAX];
	char reason[POOL_REASON_MAX];
	int64_t age_ms; /* at the time of the answer */
};

#endif
