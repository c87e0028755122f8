/* Guide: the first five minutes with the demo, a row at a time: step, hold, roll back, look into
 * the journal. What comes next is read from the facts; nothing is remembered but that the journal
 * was seen. */
#ifndef WEIR_TUI_GUIDE_H
#define WEIR_TUI_GUIDE_H

#include "model/model.h"
#include "tui/surface.h"

/* What to do next; `count` is how many there are. The last row is the end. */
int guide_next(const struct pool *p, bool journal_seen);
int guide_count(void);
const char *guide_text(int row);

/* Draws it as a row. */
void guide_draw(struct surface *s, struct rect r, int row);

#endif
