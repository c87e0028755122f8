/* View sheet act: what an act with no sheet of its own changes. */
#ifndef WEIR_TUI_VIEW_SHEET_ACT_H
#define WEIR_TUI_VIEW_SHEET_ACT_H

#include "tui/pen.h"
#include "tui/view.h"

/* Rows of the sheet of a keep, an arm, a drain and the like: what is so afterwards, and whose lease it
 * takes. */
void view_sheet_act(struct pen *p, const struct view *v, const struct sheet *sheet);

#endif
