/* Engine parts: what an engine holds, for the files that are it: engine.c starts and stops it,
 * engine_work.c runs requests, engine_control.c changes the split, engine_tell.c writes the
 * document. Nobody else's. */
#ifndef WEIR_CLIENT_ENGINE_ENGINE_PARTS_H
#define WEIR_CLIENT_ENGINE_ENGINE_PARTS_H

#include "client/engine/engine.h"
#include "client/engine/hash.h"
#include "client/engine/load.h"
#include "client/engine/mismatch.h"
#include "client/engine/operations.h"
#include "client/engine/residents.h"
#include "client/engine/router.h"
#include "client/engine/sentry.h"
#include "client/engine/session.h"
#include "client/engine/shape.h"
#include "client/engine/store.h"
#include "client/engine/tallies.h"
#include "client/engine/task.h"
#include "client/engine/threads.h"
#include "client/engine/worker.h"

#define TIMEOUT_MAX_MS 60000

#define INSIDE_PARTS 16
#define SESSION_PARTS 8
#define SESSION_PARTS_SALT 1 /* another hash than that of who is sampled (session.c) */

/* Who is in the engine; in parts, so that callers do not wait for each other's counting. */
struct inside {
	_Alignas(64) atomic_long count;
};

struct engine {
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX], node[POOL_NAME_MAX], boot_id[POOL_ID_MAX];
	struct instant started;
	bool has_v2;
	int64_t unit_ms, timeout_ms;
	_Atomic int64_t timeout_seen_ms; /* the longest that a request asked for */
	_Atomic int64_t skew_ms;         /* a fault: how far the wall clock is ahead */

	struct gate gate;
	struct router router;
	struct workers *arms[ARM_COUNT];
	struct tallies *tallies[ARM_COUNT]; /* NULL: no such arm, or its workers are processes */
	struct residents *residents;        /* NULL: none */
	struct load *load;
	struct inside inside[INSIDE_PARTS];
	atomic_bool draining;

	struct session_part {
		pthread_mutex_t lock;
		struct sessions *sessions;
	} sessions[SESSION_PARTS]; /* each session is in one of them */

	struct mismatches mismatches;

	pthread_mutex_t control_lock; /* also of store, seq and sentry */
	struct control *control;
	struct store *store;
	int64_t seq;
	struct operations operations;
	struct operation_set known;          /* the same, as control asks for them */
	struct exec_options exec[ARM_COUNT]; /* of the arms whose workers are programs */
	struct sentry sentry;
	struct arm_counts seen[ARM_COUNT]; /* for the sentry */
	pthread_t watch;
	bool has_watch;
};

/* Puts what control decided in force and counts what there was until then. Under the control
 * lock, or before any thread. */
void engine_put_in_force(struct engine *e, struct control_counts *until);

/* An arm's counters, its sessions included. Under the control lock. */
void engine_fill_arm(struct engine *e, enum arm arm, struct arm_counts *out);

/* The longer of a unit's age and of the longest timeout asked for so far. */
int64_t engine_settle_ms(struct engine *e);

/* Both clocks, the wall clock as far off as a fault says. */
struct instant engine_skewed_now(struct engine *e);

#endif
