/* Mix: the operations of a recording as those of the embedded engine, which has few and its own. */
#ifndef WEIR_TUI_SCENARIO_MIX_H
#define WEIR_TUI_SCENARIO_MIX_H

#include "model/err.h"
#include "model/scenario.h"
#include "tui/scenario_from.h"

#define MIX_COMMON 98 /* of a hundred calls; the others take v1's p99 */

/* One operation of the recording, and the engine's that stands for it. */
struct mix_part {
	char name[OPERATION_NAME_MAX];
	const char *as;
	int64_t requests, done[ARM_COUNT], failed[ARM_COUNT];
};

struct mix {
	struct mix_part part[OPERATIONS_MAX]; /* the most frequent first */
	size_t count;                         /* 0: the recording does not tell */
	const struct mix_part
		*worst; /* has nearly all failures of v2 and not nearly all of its work */
};

/* Reads what a pool's recording tells. 0, or -1 with err. */
int mix_read(
	struct mix *m, const char *path, int64_t recording, const char *pool, struct err *err);

/* Adds the operations, which take v1's median, and one that nothing else is for the few that take
 * its p99. */
void mix_add(struct scenario *out, const struct mix *m, int64_t usual_us, int64_t slow_us);

/* Makes what v2 did wrong in one operation a fault of that one: of the phases of v2 that fail more
 * than the `usual` part. */
void mix_narrow(struct scenario *out, const struct mix *m, double usual);

/* Says in one line what the mix is, and what stands for what. */
void mix_note(char note[SCENARIO_NOTE_MAX], const struct mix *m);

#endif
