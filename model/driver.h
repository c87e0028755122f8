/* Driver: what the console needs from any other end. One table of functions per scheme.
 *
 * All calls return at once; what happens is told later through the sink, from within the loop's
 * dispatch, in the loop's thread. */
#ifndef WEIR_MODEL_DRIVER_H
#define WEIR_MODEL_DRIVER_H

#include "model/decision.h"
#include "model/drain.h"
#include "model/err.h"
#include "model/pool.h"
#include "model/unit.h"
#include "model/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A change asked of one node. */
struct command {
	char id[DECISION_ID_MAX]; /* Idempotency-Key */
	enum verb verb;           /* one that is sent */
	int from_bp, to_bp;       /* STEP, OPERATIONS */
	enum strategy strategy;   /* STEP; STRATEGY_COUNT leaves it as it is */
	int64_t epoch, rev;       /* of those that match, and of KEEP */
	int64_t keep_within_ms;   /* STEP: 0: the raise stays */
	bool has_guard;           /* STEP, ARM: the limits that the pool's own guard acts on */
	struct guard_limits guard;
	bool has_operations; /* OPERATIONS: those that v2 may get from now on */
	struct operation_set operations;
	int baseline_bp;       /* ARM: -1: the share as it stands */
	enum orphan on_orphan; /* ARM */
	enum guard_action act; /* GUARD: HOLD, or ROLLBACK: acts again */
	int64_t for_ms;        /* GUARD: how long it only holds */
	int64_t ttl_ms;        /* TAKE */
	struct drain drain;    /* DRAIN: these, */
	bool drains;           /* out of new work, or back into it */
	char actor[POOL_ACTOR_MAX];
	char reason[POOL_REASON_MAX];
	char plan_hash[POOL_HASH_MAX];
	char history_head[POOL_HASH_MAX];
};

enum driver_event_kind {
	DRIVER_SNAPSHOT, /* a poll gave a whole valid document */
	DRIVER_TROUBLE,  /* a poll failed; `err` says how */
	DRIVER_ANSWER,   /* a command was answered, or its answer was lost */
	DRIVER_RESOLVED, /* the fate of an intent, by `resolve` */
	DRIVER_AUDIT,    /* entries of the pool's audit log */
	DRIVER_LEASE,    /* what became of a lease that was asked for or given back */
	DRIVER_RESET,    /* replay: a seek; what was known is void, what follows starts afresh */
	DRIVER_DECISION, /* replay: a recorded decision as it stood at this moment */
	DRIVER_ROW,      /* replay: an interval of the past, to be shown and not to be judged */
	DRIVER_TOLD,     /* replay: the words that were recorded, where nothing was judged yet */
	DRIVER_SWAP,     /* replay: what lies behind and what is shown change places */
	DRIVER_PAST,     /* replay: the clock went elsewhere; until the reset what is shown is of `at` */
};

/* The pool's word on one command. */
enum answer_kind {
	ANSWER_APPLIED,    /* `err` is set where it did another thing than asked: APPLIED_AS */
	ANSWER_REFUSED,    /* final: the pool did not do it */
	ANSWER_LOST,       /* no answer, or none that can be read: the effect is unknown */
	ANSWER_NOT_SENT,   /* the connection was refused before a byte left: not applied */
	ANSWER_SUPERSEDED, /* of resolve: applied, then something later changed the share */
	ANSWER_VOID,       /* of resolve: never applied and never will be */
};

struct answer {
	enum answer_kind kind;
	struct err err;     /* REFUSED, LOST, NOT_SENT: why */
	int64_t epoch, rev; /* APPLIED, or the current ones with a refusal; UNKNOWN */
	int share_bp;       /* the same; -1 unknown */
	bool replayed;      /* the pool had applied this very command before */
	bool durable;       /* false: applied but not stored by the pool */
	int64_t latency_ms;
	char changed_by[POOL_ACTOR_MAX]; /* W140: who changed it; "" unknown */
	int64_t changed_age_ms;          /* W140: how long ago; UNKNOWN */
};

/* A lease asked for. */
struct lease_request {
	char actor[POOL_ACTOR_MAX];
	int64_t ttl_ms; /* 0 gives it back */
};

struct driver_event {
	enum driver_event_kind kind;
	uint64_t node; /* the handle given at open */
	struct instant at;
	const struct snapshot *snapshot;
	const struct err *err;
	const char *intent;          /* ANSWER, RESOLVED: the command's id */
	enum verb verb;              /* ANSWER */
	const struct answer *answer; /* ANSWER, RESOLVED, LEASE */
	int64_t ttl_ms;              /* LEASE: as asked */
	const struct audit_entry *audit;
	size_t audit_count;
	const struct decision *decision;
	const struct sample *sample;                /* ROW */
	const struct histogram *latency[ARM_COUNT]; /* ROW: of requests; NULL none */
	const struct told *told;                    /* TOLD */
	bool behind; /* replay: it is told to what lies behind the picture that is shown */
	bool minute; /* SNAPSHOT, ROW: the mean of a minute, of which nothing finer is kept */
};

struct driver_sink {
	void (*event)(void *ctx, const struct driver_event *event);
	void *ctx;
};

/* X(flag, bit, word, what is said when it is missing) */
#define CAPABILITY_INFO(X) \
	X(COMPARE_AND_SET, 0, "compare-and-set", "emulated") \
	X(KEYS, 1, "idempotency keys", "not available from this pool") \
	X(BASELINE, 2, "baseline", "from the history only") \
	X(SESSIONS, 3, "session units", "requests are the only units") \
	X(QUANTILES, 4, "latency quantiles", "not available from this pool") \
	X(AUDIT, 5, "audit log", "not available from this pool") \
	X(COMMANDS, 6, "commands", "only looking is possible")

enum capability {
#define X(flag, bit, word, missing) CAPABILITY_##flag = 1 << bit,
	CAPABILITY_INFO(X)
#undef X
};

struct transport; /* client/transport.h */
struct scenario;  /* model/scenario.h */

/* What a driver needs to open. Borrowed for the call. */
struct driver_open {
	uint64_t node;      /* handle, repeated in every event */
	const char *pool;   /* its name in the configuration; NULL: none was given */
	const char *target; /* the URL as configured */
	const char *token;  /* bearer token or NULL */
	struct transport *transport;
	struct driver_sink sink;
	const struct scenario *scenario; /* local: what its engine lives through */
	struct instant now;
};

struct driver; /* each driver's own */

struct driver_ops {
	const char *scheme; /* "http", "unix", … without the colon */
	unsigned capabilities;
	bool whole;       /* opened once a pool: events of its node k have the handle + k */
	const char *help; /* form of the target and what it is */
	/* Takes hold of the other end without writing to it. 0, or -1 with err. */
	int (*open)(struct driver **out, const struct driver_open *how, struct err *err);
	/* Begins one poll; ends in SNAPSHOT or TROUBLE. A poll under way is not begun twice. */
	void (*poll)(struct driver *d, struct instant now);
	/* Sends a command; ends in ANSWER. NULL: this end takes no commands. */
	void (*apply)(struct driver *d, const struct command *c, struct instant now);
	/* Asks for the fate of an intent and voids it when unknown; ends in RESOLVED. NULL: none.
	 */
	void (*resolve)(struct driver *d, const char *intent, struct instant now);
	/* Takes the free lease, renews one's own or gives it back; ends in LEASE. Taking it from
	 * another is a command (TAKE). NULL: this end has no leases. */
	void (*lease)(struct driver *d, const struct lease_request *r, struct instant now);
	/* Asks for audit entries after `seq`; ends in AUDIT. NULL: none. */
	void (*audit)(struct driver *d, int64_t since, struct instant now);
	/* Tells what has happened since (for ends that are not on the transport). NULL: nothing. */
	void (*turn)(struct driver *d, struct instant now);
	/* A descriptor, for as long as it is open, that can be read when `turn` has something to do.
	 * NULL: what there is comes by the transport, or with the asking. */
	int (*fd)(const struct driver *d);
	/* Ends everything under way without events, frees. */
	void (*close)(struct driver *d);
};

#endif
