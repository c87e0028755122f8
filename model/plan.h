/* Plan: the ordered shares of a migration and what each asks. */
#ifndef WEIR_MODEL_PLAN_H
#define WEIR_MODEL_PLAN_H

#include "model/calendar.h"
#include "model/err.h"
#include "model/policy.h"
#include "model/pool.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stddef.h>

#define PLAN_STEPS_MAX 32
#define PLAN_APPROVERS_MAX 16

struct plan_step {
	int share_bp;
	int64_t for_ms; /* how long it stays before the next; 0: the bake is enough */
};

struct plan {
	struct plan_step steps[PLAN_STEPS_MAX];
	int step_count;
	int64_t bake_ms;     /* default 10m */
	int64_t min_samples; /* units in this bake on each arm that has a share; default 300 */
	int max_delta_bp;    /* default 5000 */
	enum orphan on_orphan;
	struct policy policy; /* default standard */
	char hours[160];      /* as written; "" any time */
	char zone[ZONE_NAME_MAX]; /* as written; "" that of the hours, else UTC */
	struct calendar calendar; /* hours and freezes, read */
	char on_reload[16];   /* "hold" or "put_back" */
	int approver_count;
	char approvers[PLAN_APPROVERS_MAX][POOL_HASH_MAX]; /* public keys, hex in lower case */
};

/* A plan with every default and no steps. */
void plan_init(struct plan *p);

/* The steps of who writes none: 1, 10, 50 and 100 %. */
void plan_usual(struct plan *p);

/* Checks what single fields cannot: at least one step, shares strictly rising, none 0, no delta
 * above max_delta_bp. `from_bp` is the baseline: steps up to it are passed over, the first
 * delta is measured from it, and the last step is above it. */
int plan_check(const struct plan *p, int from_bp, struct err *err);

/* The share after `share_bp` in the plan, -1 when it is the last or beyond. */
int plan_next_bp(const struct plan *p, int share_bp);

/* The index of the step with exactly this share, -1 when it is none of them. */
int plan_at(const struct plan *p, int share_bp);

struct text;
/* Canonical JSON: fixed key order, no blanks. Its digest (history/chain.h) is the plan hash. */
void plan_json(struct text *out, const struct plan *p);

#endif
