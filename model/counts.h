/* Counts: what an arm of a pool reports (a snapshot's cumulative counters) and the difference
 * of two of them (a sample). Rates and quantiles come from samples, never from lifetimes. */
#ifndef WEIR_MODEL_COUNTS_H
#define WEIR_MODEL_COUNTS_H

#include "model/histogram.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stdint.h>

enum arm { ARM_V1, ARM_V2, ARM_COUNT };

/* "v1", "v2". */
const char *arm_name(enum arm arm);

/* X(name, word): why a unit of work failed. `operation` is any worker that returned an error,
 * `refused` a breaker or a limit that said no before there was work. In the order of
 * recordings: a new one comes last. */
#define FAILURE_INFO(X) \
	X(CONNECTION, "connection") \
	X(TIMEOUT, "timeout") \
	X(RESOURCE, "resource") \
	X(OPERATION, "operation") \
	X(INITIALIZATION, "initialization") \
	X(COMMUNICATION, "communication") \
	X(HEALTH, "health") \
	X(SESSION, "session") \
	X(SYSTEM, "system") \
	X(REFUSED, "refused")

enum failure {
#define X(name, word) FAILURE_##name,
	FAILURE_INFO(X)
#undef X
		FAILURE_COUNT
};

const char *failure_name(enum failure f);
/* The category of a word; FAILURE_COUNT for an unknown one. */
enum failure failure_of(const char *word);

#define OPERATION_NAME_MAX 48
#define OPERATIONS_MAX 32

struct operation_counts {
	char name[OPERATION_NAME_MAX]; /* cleaned */
	int64_t requests, ok, failed;
};

struct worker_counts { /* gauges total..degraded, counters created..restarted; UNKNOWN allowed
	                    */
	int64_t total, ready, busy, degraded;
	int64_t created, destroyed, crashed, restarted;
};

/* X(name, word): whether an arm lets work through to workers that fail. */
#define BREAKER_INFO(X) \
	X(CLOSED, "closed") \
	X(OPEN, "open") \
	X(HALF_OPEN, "half_open")

enum breaker_state {
#define X(name, word) BREAKER_##name,
	BREAKER_INFO(X)
#undef X
		BREAKER_COUNT
};

const char *breaker_name(enum breaker_state s);  /* "half_open" */

struct breaker_word {
	bool known; /* the pool has one */
	enum breaker_state state;
	int64_t opened;   /* how often since boot */
	int64_t retry_ms; /* until it lets a probe through; 0 unless it is open; UNKNOWN allowed */
};

/* Cumulative since boot, zero-initialised by the pool. */
struct arm_counts {
	int64_t requests; /* counted when routed */
	int64_t ok;       /* counted when done */
	int64_t failed[FAILURE_COUNT];
	int64_t rescued, shadowed, mismatched, bypassed;
	int64_t timeouts, retries;
	int64_t sessions, sessions_bad;   /* assignment units; UNKNOWN where the pool has none */
	struct histogram latency;         /* of requests, when done */
	struct histogram session_latency; /* of units: that of the first request */
	bool has_latency, has_session_latency;
	int64_t queue_depth, in_flight;
	/* At a share of 100 %: sessions that still belong to the arm, and how long until the last of
	 * them ends; UNKNOWN elsewhere, and where the pool does not say. */
	int64_t sessions_live, sessions_end_ms;
	struct worker_counts workers;
	struct breaker_word breaker;
	int64_t queue_max;                 /* what the queue holds; UNKNOWN where it is not said */
	int64_t memory_bytes, cpu_us, fds; /* UNKNOWN where the pool does not say */
	struct operation_counts operations[OPERATIONS_MAX];
	int operation_count;
	int operations_dropped; /* those that the pool named beyond OPERATIONS_MAX */
};

/* All failures of an arm. */
int64_t counts_failed(const struct arm_counts *c);

/* Work done: ok + failed. */
int64_t counts_done(const struct arm_counts *c);

/* One arm over one interval. Counts are differences (workers created..restarted and cpu_us
 * too); gauges those of the interval's end. */
struct arm_sample {
	int64_t requests, ok, failed[FAILURE_COUNT];
	int64_t failed_total;
	int64_t timeouts, retries;
	int64_t sessions, sessions_bad;         /* UNKNOWN where the pool has none */
	int64_t p50_us, p95_us, p99_us, max_us; /* UNKNOWN: nothing was done, or not available */
	int64_t queue_depth, in_flight;
	struct worker_counts workers;
	int64_t memory_bytes, cpu_us, fds;
};

struct sample {
	struct instant at;   /* the interval's end, at receipt */
	int64_t interval_ms; /* its length, by the pool's uptime */
	struct arm_sample arms[ARM_COUNT];
};

enum counts_change {
	COUNTS_OK,
	COUNTS_RESTART, /* new boot: no sample, counters start anew */
	COUNTS_BACK,    /* a counter went back in one boot: corrupt or lying, no sample */
};

/* The difference of two snapshots' counters of one arm and one boot. `latency` (may be NULL)
 * gets the histogram of the interval, empty where either has none. Returns COUNTS_BACK,
 * leaving both undefined, when any counter fell; only cpu_us, which ends with a worker's
 * process, is then just UNKNOWN. */
enum counts_change counts_difference(struct arm_sample *out, struct histogram *latency,
	const struct arm_counts *later, const struct arm_counts *earlier);

/* Requests a second, NaN when the interval is 0. */
double sample_rate(const struct sample *s, enum arm arm);

/* failed / (ok + failed); NaN when nothing was done. */
double sample_error_rate(const struct sample *s, enum arm arm);

#endif
