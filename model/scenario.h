/* Scenario: what the embedded engine lives through: arrivals and faults along a time axis. Pure
 * data; read by tui from YAML, executed by client/engine. */
#ifndef WEIR_MODEL_SCENARIO_H
#define WEIR_MODEL_SCENARIO_H

#include "model/counts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is done to one arm from one moment on. Zero is no fault. */
struct fault {
	double error_rate;                  /* 0..1: this part of the work fails */
	double slow_factor;                 /* >= 1: run time times this; 0 is 1 */
	int64_t latency_add_us;             /* added to every call */
	bool hang;                          /* the arm never finishes anything */
	double crash_rate;                  /* 0..1: this part of the work ends its worker */
	int64_t leak_bytes;                 /* that every call never gives back */
	bool stall;                         /* the arm begins nothing new: its queue grows */
	bool lies;                          /* the arm tells its failures as successes */
	char operation[OPERATION_NAME_MAX]; /* only this operation; "" all */
};

#define SCENARIO_OPERATIONS_MAX 8
#define SCENARIO_LEVELS_MAX 32
#define SCENARIO_PHASES_MAX 32
#define SCENARIO_EVENTS_MAX 16
#define SCENARIO_SESSIONS_MAX 1000000
#define SCENARIO_KEYS_MAX 100000
#define SCENARIO_STRATEGY_MAX 24
#define SCENARIO_HELP_MAX 73
#define SCENARIO_WORSE_MAX 8

/* One part of the mix of arriving work. */
struct scenario_operation {
	char name[OPERATION_NAME_MAX];
	double weight;   /* > 0 */
	int64_t work_us; /* what `spin`, `sleep` and `predict` take */
};

/* From `at_ms` after the start on, this much arrives until the next level. */
struct scenario_level {
	int64_t at_ms;
	double rate; /* arrivals a second */
	int64_t
		over_ms; /* the rate goes there from the one before, evenly, in this time; 0: at once */
	double swing;      /* 0..1: the rate swings by this part of itself, */
	int64_t period_ms; /* once in this time */
};

/* From `at_ms` after the start on, this holds until the next phase of the same arm. */
struct scenario_phase {
	int64_t at_ms;
	enum arm arm;
	struct fault fault;
};

/* What happens to the node at `at_ms` after the start; its clock stays so until the next one. */
struct scenario_event {
	int64_t at_ms;
	int64_t clock_ahead_ms, clock_behind_ms; /* of the wall clock; at most one is not 0 */
	bool restart; /* the process starts anew: another boot, all counters from 0 */
};

/* A time in which v2 is worse though none of its faults says so: what it lacks shows under load. */
struct scenario_worse {
	int64_t from_ms, until_ms;
	int above_bp; /* only while v2's share is above this */
};

struct scenario {
	char name[OPERATION_NAME_MAX];
	char help[SCENARIO_HELP_MAX]; /* one line for who chooses; "" none */
	int64_t for_ms;               /* how long it is played; 0: scenario_length_ms says */
	double rate;             /* arrivals a second, Poisson, until the first level; 0: none */
	int64_t sessions;        /* at the same time, that the arrivals come from, >= 1 */
	double session_requests; /* of one session on average, >= 1, geometric; 0: it never ends */
	int64_t keys;            /* of keyed work; 0: it has none */
	double
		key_skew; /* Zipf's exponent: the n-th key has 1 / n^this of the first; 0 all alike */
	uint64_t seed;
	struct scenario_operation operations[SCENARIO_OPERATIONS_MAX];
	int operation_count;
	struct scenario_level levels[SCENARIO_LEVELS_MAX]; /* in order of time */
	int level_count;
	struct scenario_phase phases[SCENARIO_PHASES_MAX];
	int phase_count;
	struct scenario_event events[SCENARIO_EVENTS_MAX]; /* in order of time */
	int event_count;
	struct scenario_worse worse[SCENARIO_WORSE_MAX];
	int worse_count;

	/* What the engine is made of; 0 or "" where its options or its defaults say it. */
	double v1_slow_factor, v2_slow_factor; /* the own pace of an implementation; 0 is 1 */
	int64_t v1_workers, v2_workers, queue_max;
	int64_t unit_ms; /* age at which a session is counted */
	int64_t timeout_ms;
	char strategy[SCENARIO_STRATEGY_MAX]; /* "canary" or "primary_with_fallback" */
};

/* The built-in demo: a good v2, slightly faster; at 2:00 v2's `predict` begins to fail.
 * Borrowed, for ever. */
const struct scenario *scenario_demo(void);

/* A built-in scenario by name ("demo", "quiet"), NULL when there is none. */
const struct scenario *scenario_find(const char *name);

/* The built-in ones by index, the demo first; NULL beyond them. */
const struct scenario *scenario_built_in(size_t i);

/* True when work arrives at any time. */
bool scenario_arrives(const struct scenario *s);

/* Arrivals a second `elapsed_ms` after the start. */
double scenario_rate(const struct scenario *s, int64_t elapsed_ms);

/* The fault of `arm` in force `elapsed_ms` after the start. */
struct fault scenario_fault(const struct scenario *s, enum arm arm, int64_t elapsed_ms);

/* How far the node's wall clock is ahead (negative: behind) `elapsed_ms` after the start. */
int64_t scenario_skew_ms(const struct scenario *s, int64_t elapsed_ms);

/* How often the node has restarted until `elapsed_ms` after the start, that moment included. */
int scenario_restarts(const struct scenario *s, int64_t elapsed_ms);

/* True when v2 at this share is worse than v1 `elapsed_ms` after the start: by its faults, or
 * because the scenario says so. */
bool scenario_is_worse(const struct scenario *s, int share_bp, int64_t elapsed_ms);

/* How long it is played: as it says, or five minutes beyond the last thing that happens. */
int64_t scenario_length_ms(const struct scenario *s);

#endif
