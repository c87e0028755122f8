/* Scenario from a recording: what arrived, how v1 did, and what v2 did wrong, so that a night can be
 * practised again. The history has no operations: all work is one kind of call, with v1's median and
 * p99. */
#ifndef WEIR_TUI_SCENARIO_FROM_H
#define WEIR_TUI_SCENARIO_FROM_H

#include "model/err.h"
#include "model/scenario.h"
#include "model/text.h"

struct scenario_source {
	const char *path; /* a history */
	const char *pool; /* NULL: the first */
	bool faults;      /* v2 does what it did; else it is as good as v1 */
};

/* Makes a scenario of the pool's last recording. 0, or -1 with err: no such file or pool, nothing
 * recorded. */
int scenario_from(struct scenario *out, const struct scenario_source *source, struct err *err);

/* Writes it as a file that weir reads back (weir.yaml(5)). */
void scenario_write(struct text *out, const struct scenario *s);

#endif
