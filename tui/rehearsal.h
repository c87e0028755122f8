/* Rehearsal: a policy plays a scenario. The desk, the interlock, the judge and the guards are those
 * of a console, the pool is the simulated engine with its own control, and one virtual clock moves
 * both; whoever presses the keys is the plan: it takes each step as soon as it is allowed, and
 * nothing else. The same seed gives the same play. */
#ifndef WEIR_TUI_REHEARSAL_H
#define WEIR_TUI_REHEARSAL_H

#include "tui/score.h"

struct rehearsal_how {
	const struct scenario *scenario; /* its seed is the play's */
	const struct plan *plan;
	const struct guard_limits *limits;
	int64_t for_ms; /* at most; it ends sooner where nothing can come any more */
	/* Called now and then; NULL: nobody asks. */
	void (*progress)(void *ctx, int64_t done_ms, int64_t total_ms);
	void *ctx;
};

/* Plays. 0, or -1 with err: a scenario that the engine does not take. */
int rehearsal_run(struct score *out, const struct rehearsal_how *how, struct err *err);

/* Takes out what a rehearsal cannot ask: approvals, a drill, hours and freezes. */
void rehearsal_relax(struct plan *plan);

/* How long the plan takes where nothing is in its way. */
int64_t rehearsal_plan_ms(const struct plan *plan);

#endif
