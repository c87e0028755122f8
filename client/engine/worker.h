/* Workers: those of one arm, its bounded queue, its counters.
 *
 * Serialized (v1): a thread per worker takes work from one queue and hands the answer back.
 * Concurrent (v2): a worker is a slot, checked out in the caller's thread, first come first
 * served. Both: a request whose deadline passes in the queue is never executed. */
#ifndef WEIR_CLIENT_ENGINE_WORKER_H
#define WEIR_CLIENT_ENGINE_WORKER_H

#include "client/engine/task.h"

#define WORKERS_MAX 1024

struct workers;

struct workers_options {
	bool serialized;
	int count;     /* 0: an arm without workers; nothing may be run on it */
	int queue_max; /* waiting beyond those being served */
	double pace;   /* run time times this; 0 is 1 */
	uint64_t seed;
	struct gate *gate; /* borrowed until workers_free */
};

/* Starts them. 0, or -1 with err. */
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

/* Runs the task and returns ENGINE_OK, ENGINE_SATURATED or ENGINE_TIMEOUT; ok, failure,
 * message, result and latency_us of the response are set in every case. */
enum engine_status workers_run(struct workers *w, struct task *t, enum run run);

/* The other arm rescued one of our failures. */
void workers_add_rescued(struct workers *w);
/* A copy was run here; `mismatch`: with another result than v1's. */
void workers_add_shadowed(struct workers *w, bool mismatch);

/* Replaces the fault in force. Work under way keeps its own. */
void workers_set_fault(struct workers *w, const struct fault *fault);

/* A consistent copy of all counters and gauges: requests = ok + failed + timeouts + queue_depth
 * + in_flight in every one. */
void workers_fill(struct workers *w, struct arm_counts *out);

/* Only requests, ok and failed of `out`. */
void workers_totals(struct workers *w, struct change_counts *out);

#endif
