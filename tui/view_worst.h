/* View worst: the workers of a pool, those in trouble first. */
#ifndef WEIR_TUI_VIEW_WORST_H
#define WEIR_TUI_VIEW_WORST_H

#include "tui/view.h"

/* A title and a row a worker, as many as there is room for. */
void view_worst(struct surface *s, struct rect r, const struct view *v);

#endif
