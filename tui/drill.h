/* Drill, at a desk: what one begins with, and what follows the step that it begins with. */
#ifndef WEIR_TUI_DRILL_H
#define WEIR_TUI_DRILL_H

#include "tui/desk.h"

/* What a drill of this pool does first: a step to the plan's first share, or where the pool is there
 * already the way back. 0, or -1 with err where there is none to walk. */
int drill_request(struct act_request *out, const struct pool *p, struct err *err);

#endif
