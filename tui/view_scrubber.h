/* The scrubber: the whole of a recording as one row of time, what happened in it, and where the
 * replay stands. */
#ifndef WEIR_TUI_VIEW_SCRUBBER_H
#define WEIR_TUI_VIEW_SCRUBBER_H

#include "tui/surface.h"

struct driver;
struct whatif_overlay;

/* Draws it into one row; `replay` is a driver of history/replay.h, `all`: with the marks of all
 * pools that go by its clock. `whatif` (may be NULL) marks when another policy would have fired.
 * Nothing where there is no room for a line. */
void view_scrubber(struct surface *s, struct rect r, const struct driver *replay, bool all,
	const struct whatif_overlay *whatif);

/* The least screen that has one. */
#define SCRUBBER_W 60
#define SCRUBBER_H 12

#endif
