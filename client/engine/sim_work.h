/* Sim work: the two arms of an engine on a virtual clock, in one thread: arrivals, queues,
 * workers, breakers, retries, crashes, sessions. The decisions are those of the real engine (the
 * same router, breaker, failure, retry, supervision, session and task); only what passes the time
 * is another, and every arrival has a caller of its own, however many wait. Not control: who moves
 * the split tells it here. */
#ifndef WEIR_CLIENT_ENGINE_SIM_WORK_H
#define WEIR_CLIENT_ENGINE_SIM_WORK_H

#include "client/engine/breaker.h"
#include "client/engine/supervision.h"
#include "model/pool.h"
#include "model/scenario.h"

struct sim_work;

struct sim_work_options {
	const struct scenario *scenario; /* arrivals and faults; copied */
	uint64_t seed;
	/* 0: what the scenario says, or else the engine's: */
	int v1_workers; /* 1 */
	int v2_workers; /* 8 */
	bool no_v2;
	int queue_max;      /* 1024 */
	int64_t unit_ms;    /* 30000 */
	int64_t timeout_ms; /* 5000 */
	struct breaker_options breaker;
	struct supervision_options supervision;
};

struct sim_work *sim_work_new(const struct sim_work_options *how);
void sim_work_free(struct sim_work *w);

/* Lives on until `until_us` after the start. */
void sim_work_run(struct sim_work *w, int64_t until_us);

/* The microseconds after the start that it has lived. */
int64_t sim_work_us(const struct sim_work *w);

/* Puts a split in force now; v2 may get the operations whose bits are set. Counts until then are
 * filled in `until` (NULL: not wanted), open units of sessions with them. */
void sim_work_split(struct sim_work *w, enum strategy strategy, int share_bp,
	unsigned operations, struct change_counts until[ARM_COUNT]);

/* Replaces the fault of an arm by hand; the scenario's later phases still apply. */
void sim_work_fault(struct sim_work *w, enum arm arm, const struct fault *fault);

/* The process ends and another begins: counters, queues, sessions and work under way are gone. */
void sim_work_restart(struct sim_work *w);

/* The counters of an arm, its sessions with them: requests = ok + failed + timeouts + queue_depth
 * + in_flight. */
void sim_work_fill(struct sim_work *w, enum arm arm, struct arm_counts *out);

/* Ages in milliseconds: at which a session is counted, and after which a change has settled. */
void sim_work_units(const struct sim_work *w, int64_t *unit_ms, int64_t *settle_ms);

#endif
