/* What-if overlay: one policy over the recording that a console replays, beside the configured
 * one, as a line. It runs in slices, so that keys are heard meanwhile. */
#ifndef WEIR_TUI_WHATIF_OVERLAY_H
#define WEIR_TUI_WHATIF_OVERLAY_H

#include "tui/whatif.h"

/* Zero-initialised there is none. */
struct whatif_overlay {
	struct whatif *run; /* under way; NULL: none, or done */
	char line[256];     /* "" none */
	char name[WHATIF_NAME_MAX];
	char pool[POOL_NAME_MAX];          /* that it is asked about; "" none */
	int64_t fire_ms[WHATIF_FIRES_MAX]; /* when it would have fired, oldest first */
	size_t fires;
};

/* Begins with the limits of the replay and one key set otherwise, in place of the one before. 0, or
 * -1 with err, and the one before stays. */
int whatif_overlay_begin(struct whatif_overlay *o, const struct whatif_source *source,
	const struct guard_limits *limits, const char *assignment, struct err *err);

/* Runs on for some milliseconds. True while there is more to do. */
bool whatif_overlay_turn(struct whatif_overlay *o);

/* True when the policy that is asked about would have fired with from <= time < until. `o` may be
 * NULL. */
bool whatif_overlay_fires(const struct whatif_overlay *o, int64_t from_ms, int64_t until_ms);

/* Takes it away. */
void whatif_overlay_end(struct whatif_overlay *o);

#endif
