/* Scenario: what the embedded engine lives through: arrivals and faults along a time axis. Pure
 * data; read by tui from YAML, executed by client/engine. */
#ifndef WEIR_MODEL_SCENARIO_H
#define WEIR_MODEL_SCENARIO_H

#include "model/counts.h"

#include <stdbool.h>
#include <stdint.h>

/* What is done to one arm from one moment on. Zero is no fault. */
struct fault {
	double error_rate;                  /* 0..1: this part of the work fails */
	double slow_factor;                 /* >= 1: run time times this; 0 is 1 */
	int64_t latency_add_us;             /* added to every call */
	bool hang;                          /* the arm never finishes anything */
	char operation[OPERATION_NAME_MAX]; /* only this operation; "" all */
};

#define SCENARIO_OPERATIONS_MAX 8
#define SCENARIO_PHASES_MAX 32

/* One part of the mix of arriving work. */
struct scenario_operation {
	char name[OPERATION_NAME_MAX];
	double weight;   /* > 0 */
	int64_t work_us; /* what `spin`, `sleep` and `predict` take */
};

/* From `at_ms` after the start on, this holds until the next phase of the same arm. */
struct scenario_phase {
	int64_t at_ms;
	enum arm arm;
	struct fault fault;
};

struct scenario {
	char name[OPERATION_NAME_MAX];
	double rate;      /* arrivals a second, Poisson; 0: none */
	int64_t sessions; /* sticky sessions that the arrivals come from, >= 1 */
	uint64_t seed;
	int64_t unit_ms; /* age at which a session is counted; 0: the engine's default */
	struct scenario_operation operations[SCENARIO_OPERATIONS_MAX];
	int operation_count;
	struct scenario_phase phases[SCENARIO_PHASES_MAX];
	int phase_count;
	double v1_slow_factor; /* the first implementation's own pace; 0 is 1 */
};

/* The built-in demo: a good v2, slightly faster; at 2:00 v2's `predict` begins to fail.
 * Borrowed, for ever. */
const struct scenario *scenario_demo(void);

/* A built-in scenario by name ("demo", "quiet"), NULL when there is none. */
const struct scenario *scenario_find(const char *name);

/* The fault of `arm` in force `elapsed_ms` after the start. */
struct fault scenario_fault(const struct scenario *s, enum arm arm, int64_t elapsed_ms);

#endif
