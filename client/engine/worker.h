/* Workers: those of one arm, how they are given work, and what they count.
 *
 * Serialized (v1): threads take work from one queue and hand the answer back. Concurrent (v2): a
 * worker is a slot, checked out in the caller's thread, first come first served. Either may be a
 * child process (exec.h). Both: a request whose deadline passes in the queue is never executed.
 *
 * Workers stand in segments, each with a supervision of its own (supervisor.h): a crash takes one
 * worker out of service, a storm one segment. */
#ifndef WEIR_CLIENT_ENGINE_WORKER_H
#define WEIR_CLIENT_ENGINE_WORKER_H

#include "client/engine/affinity.h"
#include "client/engine/breaker.h"
#include "client/engine/exec.h"
#include "client/engine/lifecycle.h"
#include "client/engine/retry.h"
#include "client/engine/supervision.h"
#include "client/engine/task.h"

#define WORKERS_MAX 1024
#define WORKERS_SEGMENT 8 /* workers of a segment, unless it is said otherwise */

struct workers;

struct workers_options {
	bool serialized;
	int count;     /* 0: an arm without workers; nothing may be run on it */
	int segment;   /* workers of one segment; 0: WORKERS_SEGMENT */
	int queue_max; /* waiting beyond those being served */
	bool pinned;   /* each is kept on one processor: threads and children */
	double pace;   /* run time times this; 0 is 1 */
	uint64_t seed;
	struct gate *gate;               /* borrowed until workers_free */
	const struct exec_options *exec; /* NULL: builtin. Borrowed until workers_free */
	bool sticky;                     /* sessions come back to their worker, as */
	enum affinity_mode affinity;     /* says; concurrent workers only */
	struct breaker_options breaker;
	struct retry_options
		retry; /* of what is tried again later; 0 attempts: failure.h's delays */
	struct supervision_options supervision;
	struct tallies *tallies; /* of OPERATION_TALLY. Borrowed until workers_free */
};

/* Starts them; child processes become ready later. 0, or -1 with err. */
int workers_new(struct workers **out, const struct workers_options *how, struct err *err);
/* No work may be under way. */
void workers_free(struct workers *w);

/* What a run is, for the counters: */
enum run {
	RUN_REQUEST,  /* routed here */
	RUN_FAILOVER, /* rescued from the other arm: counted as a retry, never as a request */
	RUN_COPY,     /* shadow work: not counted by the run itself */
	RUN_BYPASS,   /* not on the list of operations: counted as such, and never as a request */
};

/* Runs the task, again where its failure asks for that, and returns ENGINE_OK, ENGINE_SATURATED
 * or ENGINE_TIMEOUT; ok, failure, message, result and latency_us of the response are set in every
 * case. An open breaker refuses: ENGINE_OK, failed by REFUSED. */
enum engine_status workers_run(struct workers *w, struct task *t, enum run run);

/* The other arm rescued one of our failures. */
void workers_add_rescued(struct workers *w);
/* A copy was run here; `mismatch`: with another result than v1's. */
void workers_add_shadowed(struct workers *w, bool mismatch);

/* Replaces the fault in force. Work under way keeps its own. */
void workers_set_fault(struct workers *w, const struct fault *fault);

/* Takes a worker (segment -1) or a segment (worker -1), or both -1 all, out of new work; what it
 * does is done. False when there is no such one. */
bool workers_drain(struct workers *w, int segment, int worker, bool on);

/* How many of those are not drained; -1 where there is none of them at all. */
int workers_unlocked(struct workers *w, int segment, int worker);

/* True while a worker of the arm is ready for work and its breaker is not open. */
bool workers_serve(struct workers *w);

/* What its owner does once a second: children are looked at, memory's trend is noted. */
void workers_look(struct workers *w);

/* How a worker is, for who looks at the pool. */
struct worker_row; /* model/pool.h */
struct segment_row;

/* The first `max` workers and segments, and how many there are. */
int workers_rows(struct workers *w, struct worker_row *out, int max);
int workers_segments(struct workers *w, struct segment_row *out, int max);

/* Sessions that come back to its workers: how many, and in how long the last of them ends; 0 and 0
 * for none. */
void workers_bound(struct workers *w, int64_t *bound, int64_t *end_ms);

/* A copy of all counters and gauges: requests = ok + failed + timeouts + queue_depth + in_flight
 * in every one, and none ever falls. */
void workers_fill(struct workers *w, struct arm_counts *out);

/* Only requests, ok and failed of `out`. */
void workers_totals(struct workers *w, struct change_counts *out);

#endif
