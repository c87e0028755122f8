/* Guard: limits on v2 over a window, whether each holds, and what the judge adds. Pure.
 *
 * A guard is UNKNOWN without data, and UNKNOWN is never green. A limit that v1 breaks too is
 * BOTH: not v2's doing. RED latches until a resume younger than it. */
#ifndef WEIR_MODEL_GUARD_H
#define WEIR_MODEL_GUARD_H

#include "model/counts.h"
#include "model/unit.h"
#include "model/verdict.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, word) in order of what a summary shows: the later, the louder. */
#define GUARD_INFO(X) \
	X(NONE, "NONE") /* no limit set */ \
	X(GREEN, "GREEN") \
	X(UNKNOWN, "UNKNOWN") \
	X(AMBER, "AMBER") /* the judge suspects harm */ \
	X(RED, "RED")

enum guard_state {
#define X(name, word) GUARD_##name,
	GUARD_INFO(X)
#undef X
		GUARD_COUNT
};

const char *guard_state_name(enum guard_state s);

/* X(name, word, help): what a broken limit does. */
#define GUARD_ACTION_INFO(X) \
	X(WARN, "warn", "it is shown") \
	X(HOLD, "hold", "nobody steps until a person resumes") \
	X(ROLLBACK, "rollback", "back to the baseline")

enum guard_action {
#define X(name, word, help) GUARD_ACTION_##name,
	GUARD_ACTION_INFO(X)
#undef X
		GUARD_ACTION_COUNT
};

const char *guard_action_name(enum guard_action a);
enum guard_action guard_action_of(const char *word); /* GUARD_ACTION_COUNT when unknown */

struct guard_limits {
	double error_rate;    /* fraction 0..1; NaN: no limit */
	int64_t latency_ms;   /* of p99; UNKNOWN: no limit */
	int64_t memory_bytes; /* UNKNOWN: no limit */
	int64_t window_ms;    /* default 60 s */
	enum guard_action action;
	struct judge_policy judge; /* its limits and interval are those of guard_policy */
};

/* How the judge judges under these limits, a look each `interval_ms`. */
void guard_policy(struct judge_policy *out, const struct guard_limits *l, int64_t interval_ms);

void guard_limits_init(struct guard_limits *l);

/* True when at least one limit is set. */
bool guard_limits_any(const struct guard_limits *l);

/* The sums of one arm over the window. */
struct guard_window {
	int64_t done, failed; /* of requests */
	int64_t p50_us, p95_us, p99_us; /* of all that was timed; UNKNOWN none */
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

/* Writes a value of a metric for people: "4.1 %", "171 ms", "398M"; "-" for NaN. */
void guard_value_text(char *out, size_t size, enum metric m, double value);

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
	enum guard_state judge; /* NONE, AMBER or RED: harm is suspected, or proven to act on */
	char judge_word[VERDICT_TEXT_MAX]; /* its verdict, or what it suspects; "" at NONE */
	int worst;                         /* enum metric of the loudest, -1 none */
};

/* Judges two windows against limits. Errors and p99 of an arm with no work done in the window
 * are UNKNOWN; memory is a gauge and needs none. A limit is broken above it, not at it. The
 * errors limit is RED only with at least 10 units done and 2 failed; fewer above it prove
 * nothing: UNKNOWN; so does a p99 above its limit with fewer than 100 done. With v2_has_share
 * false all of v2's are NONE: nothing is asked of it. Where every limit that is set is broken
 * by both arms the state is UNKNOWN. */
void guard_evaluate(struct guard *out, const struct guard_limits *limits,
	const struct guard_window window[ARM_COUNT], bool v2_has_share);

/* Adds what the judge says: it compares, so it may be RED where both arms break a limit. */
void guard_hear(struct guard *g, const struct verdict *v);

/* The metric that a guard's word begins with, "p99 2,100 of 1,000 ms"; errors for any other. */
enum metric guard_word_metric(const char *word);

/* Where an arm of `n` units shows no failure its rate is still at most 3/n, with 95 %
 * confidence (rule of three; Hanley and Lippman-Hand, JAMA 1983). 1 for no units; NaN where some
 * have failed, which says more itself, and for numbers that are not known. */
double guard_upper_bound(int64_t n, int64_t failed);

#define GUARD_CALM "guard no longer red" /* what a recorder notes when the latch is released */

/* What can turn the latch red: each metric's limit, and these. */
enum latch_source { LATCH_JUDGE = METRIC_COUNT, LATCH_POOL, LATCH_SOURCES };

/* The latch: since when it is red. Zero-initialised it is not. */
struct guard_latch {
	bool red;
	int64_t since_wall_ms;
	enum metric metric; /* what turned it red */
	bool by_pool;       /* the pool's own guard said so, and this process saw nothing */
	bool by_judge;      /* no limit is broken: v2 is proven to be worse than v1 */
	char word
		[VERDICT_TEXT_MAX]; /* by_judge: its verdict then; at rest: what was said; else "" */
	bool both;              /* of the last evaluation: some limit is broken by both arms */
	int flaps;              /* how often it was red anew after the first time */
	/* of the last evaluation, by v2 alone */
	bool seen_red[LATCH_SOURCES];
	bool accepted[LATCH_SOURCES]; /* red when a person resumed, and red ever since */
	bool is_red, was_red;         /* any of them at the last evaluation; at any before */
};

/* Advances the latch by one evaluation and, NULL where it is not red, the word of the pool's own
 * guard; returns true when it flipped to red. */
bool guard_latch_update(
	struct guard_latch *l, const struct guard *g, const char *pool_red, struct instant now);

/* What it is at rest, where nothing is asked of v2: red by what a guard once rolled back and
 * said, "errors 4.1 % of 5 %" (NULL: not red), since a wall time. */
void guard_latch_rest(struct guard_latch *l, const char *word, int64_t since_wall_ms);

/* Releases it when a resume at `wall_ms` is younger than its beginning. What is red at that
 * moment is accepted: it does not turn the latch red again before it has been something else;
 * nor does the judge's word on it. */
void guard_latch_resume(struct guard_latch *l, int64_t wall_ms);

#endif
