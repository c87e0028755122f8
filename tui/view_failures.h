/* View failures: where v2 fails, by operation, category and node. */
#ifndef WEIR_TUI_VIEW_FAILURES_H
#define WEIR_TUI_VIEW_FAILURES_H

#include "tui/view.h"

/* As sentences, a row each; as tables from so many rows on. */
#define VIEW_FAILURE_TABLES 12
void view_failures(struct surface *s, struct rect r, const struct view *v);

/* The rows that the sentences take. */
int view_failure_rows(const struct pool *p);

#endif
