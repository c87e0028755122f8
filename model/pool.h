/* Pool: what one node of a pool says of itself at one moment, in C. The engine fills it, the
 * wire writes and reads it, the model believes it. Names follow weir.pool/1
 * (client/weir-pool.7). */
#ifndef WEIR_MODEL_POOL_H
#define WEIR_MODEL_POOL_H

#include "model/counts.h"
#include "model/guard.h"
#include "model/split.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stdint.h>

#define POOL_NAME_MAX 65 /* with NUL: pool, node, actor and id names */
#define POOL_ID_MAX 65
#define POOL_ACTOR_MAX 97
#define POOL_REASON_MAX 201
#define POOL_HASH_MAX 65

/* X(name, word, help): what becomes of a raise that nobody keeps in time. */
#define ORPHAN_INFO(X) \
	X(DEFAULT, "default", "revert up to 50 %, hold above") \
	X(REVERT, "revert", "go back to the last kept share") \
	X(HOLD, "hold", "stay, with hold on")

enum orphan {
#define X(name, word, help) ORPHAN_##name,
	ORPHAN_INFO(X)
#undef X
		ORPHAN_COUNT
};

const char *orphan_name(enum orphan o);
enum orphan orphan_of(const char *word); /* ORPHAN_COUNT when unknown */

/* What the policy does to a raise to `share_bp`: REVERT or HOLD. */
enum orphan orphan_at(enum orphan o, int share_bp);

/* The actor of what a pool did by itself. */
#define POOL_ACTOR "pool"

/* A person's or the pool's hold: raises are refused until resume. */
struct hold {
	bool on;
	char actor[POOL_ACTOR_MAX];
	char reason[POOL_REASON_MAX];
	int64_t age_ms;
};

/* Who may raise. */
struct lease {
	bool known;                  /* the pool has leases */
	char holder[POOL_ACTOR_MAX]; /* "" nobody */
	int64_t ttl_ms;              /* left; UNKNOWN where nobody holds it */
};

/* A raise that goes back by itself unless it is kept. */
struct keep {
	bool on;
	int64_t left_ms; /* UNKNOWN while a hold stops it */
	enum orphan on_orphan;
};

/* The pool's own guard. */
struct pool_guard {
	bool known; /* the pool has one */
	bool armed; /* and it has limits and acts on them */
	enum guard_state state;
	enum guard_action action;   /* what it does now; HOLD too while it was told to hold only */
	int64_t since_ms;           /* age of the state */
	int64_t held_ms;            /* how much longer it only holds; UNKNOWN: it was not told to */
	char word[POOL_REASON_MAX]; /* why it is what it is: "errors 4.1 % of 5 %" */
};

/* X(name, word): what a worker is doing. */
#define WORKER_STATE_INFO(X) \
	X(INITIALIZING, "initializing") \
	X(READY, "ready") \
	X(BUSY, "busy") \
	X(DEGRADED, "degraded") \
	X(TERMINATING, "terminating") \
	X(TERMINATED, "terminated")

enum worker_state {
#define X(name, word) WORKER_##name,
	WORKER_STATE_INFO(X)
#undef X
		WORKER_STATE_COUNT
};

const char *worker_state_name(enum worker_state s);
enum worker_state worker_state_of(const char *word); /* WORKER_STATE_COUNT when unknown */

#define WORKER_TROUBLE_MAX 64

/* One worker. Numbers are UNKNOWN where they are not said. */
struct worker_row {
	enum arm arm;
	int index, segment;
	enum worker_state state;
	bool locked; /* drained: it gets no new work */
	int64_t pid; /* of a child process; 0 none */
	int64_t served, failed, restarts, crashes;
	int64_t memory_bytes, memory_hour; /* now, and what it grows by in an hour */
	int64_t cpu_us, fds;
	char trouble[WORKER_TROUBLE_MAX]; /* the last that happened to it; "" nothing */
};

/* One segment of workers, with a supervision of its own. */
struct segment_row {
	enum arm arm;
	int index;
	int64_t workers, ready, restarts;
	bool locked, rests; /* rests: its restarts came too fast, so it waits before the next */
	double health;      /* 0..1, NaN not measured */
};

#define POOL_WORKERS_MAX 64 /* rows of a document; of more only how many there are */
#define POOL_SEGMENTS_MAX 32

/* The workers by name; none where the pool does not tell of them. */
struct crew {
	int worker_count, segment_count;
	int workers_dropped; /* those beyond POOL_WORKERS_MAX */
	struct worker_row worker[POOL_WORKERS_MAX];
	struct segment_row segment[POOL_SEGMENTS_MAX];
};

/* The operations that v2 may get; all where the pool does not limit them. */
struct operation_set {
	bool limited;
	int count;
	char name[OPERATIONS_MAX][OPERATION_NAME_MAX];
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
	struct lease lease;
	struct keep keep;
	struct pool_guard guard;
	struct operation_set operations;
	struct change change;
	struct arm_counts arms[ARM_COUNT];
	struct crew crew;
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
