/* Scenario from a recording: what arrived, how v1 did, and what v2 did wrong, so that a night can be
 * practised again. A recording has the mix of operations where its pool told of it, and no times by
 * operation: each takes v1's median, and some calls its p99. The embedded engine has operations of
 * its own: one of them stands for each that it does not know. */
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

#define SCENARIO_NOTE_MAX 200

/* Makes a scenario of the pool's last recording; `note` says in one line what its mix is. 0, or -1
 * with err: no such file or pool, nothing recorded. */
int scenario_from(struct scenario *out, char note[SCENARIO_NOTE_MAX],
	const struct scenario_source *source, struct err *err);

/* Writes it as a file that weir reads back (weir.yaml(5)), with the note as a comment ("": none). */
void scenario_write(struct text *out, const struct scenario *s, const char *note);

#endif
