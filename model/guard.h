/* Guard: two limits on v2 over a window, and whether each holds. Pure.
 *
 * A guard is UNKNOWN without data, and UNKNOWN is never green. A limit that v1 breaks too is
 * BOTH: not v2's doing. RED latches until a resume younger than it. */
#ifndef WEIR_MODEL_GUARD_H
#define WEIR_MODEL_GUARD_H

#include "model/counts.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, word) in order of what a summary shows: the later, the louder. */
#define GUARD_INFO(X) \
	X(NONE, "NONE") /* no limit set */ \
	X(GREEN, "GREEN") \
	X(UNKNOWN, "UNKNOWN") \
	X(RED, "RED")

enum guard_state {
#define X(name, word) GUARD_##name,
	GUARD_INFO(X)
#undef X
		GUARD_COUNT
};

const char *guard_state_name(enum guard_state s);

struct guard_limits {
	double error_rate;    /* fraction 0..1; NaN: no limit */
	int64_t latency_ms;   /* of p99; UNKNOWN: no limit */
	int64_t memory_bytes; /* UNKNOWN: no limit */
	int64_t window_ms;    /* default 60 s */
	char action[12];      /* "warn", "hold", "rollback" */
};

void guard_limits_init(struct guard_limits *l);

/* The sums of one arm over the window. */
struct guard_window {
	int64_t done, failed; /* of requests */
	int64_t p99_us;       /* worst interval's p99 weighed by the histogram; UNKNOWN none */
	int64_t memory_bytes; /* the newest; UNKNOWN none */
	int64_t covered_ms;   /* of the window with samples */
};

/* X(name, word, short name): the metrics with a limit. */
#define METRIC_INFO(X) \
	X(ERRORS, "errors", "errors") \
	X(P99, "p99", "p99") \
	X(MEMORY, "memory", "memory")

enum metric {
#define X(name, word, short_name) METRIC_##name,
	METRIC_INFO(X)
#undef X
		METRIC_COUNT
};

const char *metric_name(enum metric m);

struct guard_metric {
	enum guard_state state;  /* now, not latched */
	bool both;               /* v1 breaks it too */
	bool v1_red;             /* v1 breaks it, whatever v2 does */
	double value[ARM_COUNT]; /* fraction, microseconds, bytes; NaN missing */
	double limit;
};

struct guard {
	struct guard_metric metric[METRIC_COUNT];
	enum guard_state state; /* the loudest of those with a limit, RED only if not both */
	bool both;              /* some limit is broken by both arms */
	int worst;              /* enum metric of the loudest, -1 none */
};

/* Judges two windows against limits. Errors and p99 of an arm with no work done in the window
 * are UNKNOWN; memory is a gauge and needs none. A limit is broken above it, not at it. The
 * errors limit is RED only with at least 10 units done and 2 failed; fewer above it prove
 * nothing: UNKNOWN; so does a p99 above its limit with fewer than 100 done. With v2_has_share
 * false all of v2's are NONE: nothing is asked of it. Where every limit that is set is broken
 * by both arms the state is UNKNOWN. */
void guard_evaluate(struct guard *out, const struct guard_limits *limits,
	const struct guard_window window[ARM_COUNT], bool v2_has_share);

/* The latch: since when it is red. Zero-initialised it is not. */
struct guard_latch {
	bool red;
	int64_t since_boot_ms, since_wall_ms;
	enum metric metric;          /* what turned it red */
	bool both;                   /* of the last evaluation: some limit is broken by both arms */
	bool seen_red[METRIC_COUNT]; /* of the last evaluation, by v2 alone */
	bool accepted[METRIC_COUNT]; /* red when a person resumed, and red ever since */
};

/* Advances the latch by one evaluation; returns true when it flipped to red. */
bool guard_latch_update(struct guard_latch *l, const struct guard *g, struct instant now);

/* Releases it when a resume at `wall_ms` is younger than its beginning. What is red at that
 * moment is accepted: it does not turn the latch red again before it has been something else.
 */
void guard_latch_resume(struct guard_latch *l, int64_t wall_ms);

#endif
