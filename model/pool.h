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
#define POOL_ETCD "etcd" /* holds while a node does not see the plan that it follows */
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
	enum verdict_word verdict;  /* of the pool's own judge; NONE: it has none */
	char verdict_text[VERDICT_TEXT_MAX]; /* cleaned; "" not said */
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

/* Registered workers have an address of their own, beside both arms. A place of theirs is a node
 * (segment -1) or a segment of one. Numbers are UNKNOWN where they are not said. */
struct resident_place {
	int node, segment;
	bool locked;      /* no new worker is placed there */
	bool rests;       /* its restarts came too fast, so it waits before the next */
	int64_t segments; /* of a node */
	int64_t workers;  /* ready + starting + asleep + down */
	int64_t ready;
	int64_t starting;          /* not yet begun: now, or with their first message */
	int64_t asleep;            /* hibernated: the next message wakes them */
	int64_t down;              /* crashed, waiting for their restart */
	int64_t done, failed;      /* messages */
	int64_t crashes, restarts; /* of workers */
	int64_t low, target, high; /* how many workers it should hold */
	double health;             /* 0..1, NaN not measured */
};

#define RESIDENT_NAME_MAX 98 /* with NUL: "type/id" */

/* One registered worker. */
struct resident_row {
	char name[RESIDENT_NAME_MAX];
	int node, segment;
	enum worker_state state;
	int64_t waiting, done, failed; /* messages */
	int64_t troubles;              /* how often it crashed or did not start, */
	int64_t trouble_ms;            /* and the age of the last time */
};

#define RESIDENT_NODES_MAX 8 /* rows of a document */
#define RESIDENT_SEGMENTS_MAX 32
#define RESIDENT_WORST_MAX 8

/* The registered workers of a pool's node. */
struct resident_crew {
	bool known; /* it has such, and at least one was ever there */
	int64_t workers, queued, running, persisted;
	int node_count, segment_count, worst_count;
	int nodes_dropped, segments_dropped; /* those beyond the rows */
	struct resident_place node[RESIDENT_NODES_MAX];
	struct resident_place segment[RESIDENT_SEGMENTS_MAX]; /* each of one of the nodes */
	struct resident_row worst[RESIDENT_WORST_MAX];        /* those that have trouble */
};

/* X(name, word): how full the queue of a partition is, and so how long callers pause. */
#define FULLNESS_INFO(X) \
	X(HEALTHY, "healthy") \
	X(WARNING, "warning") \
	X(CRITICAL, "critical") \
	X(SATURATED, "saturated")

enum fullness {
#define X(name, word) FULLNESS_##name,
	FULLNESS_INFO(X)
#undef X
		FULLNESS_COUNT
};

/* One table of keyed work. Numbers are UNKNOWN where they are not said. */
struct partition_row {
	int index;
	enum fullness pressure; /* FULLNESS_COUNT: not said */
	int64_t waiting, room;  /* records that wait, and that may */
	int64_t pause_us;       /* of a caller before it adds more */
	int64_t records, keys;
	double per_second; /* records, over the last seconds; NaN before there are any */
};

#define POOL_PARTITIONS_MAX 32 /* rows of an arm */

/* The keyed work of an arm. */
struct tally_crew {
	bool known; /* it has done some */
	char processor[POOL_NAME_MAX], strategy[POOL_NAME_MAX];
	int64_t records, keys;
	int64_t pauses, paused_us; /* of callers */
	int partition_count, partitions_dropped;
	struct partition_row partition[POOL_PARTITIONS_MAX]; /* the fullest, in their order */
};

/* The workers by name; none where the pool does not tell of them. */
struct crew {
	int worker_count, segment_count;
	int workers_dropped; /* those beyond POOL_WORKERS_MAX */
	struct worker_row worker[POOL_WORKERS_MAX];
	struct segment_row segment[POOL_SEGMENTS_MAX];
	struct resident_crew residents;
	struct tally_crew tally[ARM_COUNT];
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
	bool sticky; /* a session's requests go to one arm, also where sessions are not counted */
	int64_t unit_ms;     /* age at which a session is counted */
	int64_t unit_sample; /* one in how many sessions is counted; below 1: not said */
	int64_t drain_ms, settle_ms;
	char audit_head[POOL_HASH_MAX];
	int64_t audit_seq; /* UNKNOWN where the pool has no audit */
	/* Head of the history that its newest change was recorded in, and whose; "" not told. */
	char history_head[POOL_HASH_MAX], history_by[POOL_ACTOR_MAX];
	bool finalized;
	bool reloads; /* its process ends with each reload of a configuration */
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
