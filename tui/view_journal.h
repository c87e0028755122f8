/* View of the Journal screen: what its keys must know of it. */
#ifndef WEIR_TUI_VIEW_JOURNAL_H
#define WEIR_TUI_VIEW_JOURNAL_H

#include "tui/journal.h"

#include <stdint.h>

/* How far a row that is shown whole can be scrolled on a screen of this size. */
int view_journal_scroll(const struct journal *j, int w, int h, int64_t now_wall_ms);

#endif
