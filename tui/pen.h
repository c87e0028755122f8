/* Pen: rows of a dialog, one below the other within its box: a label, then words. */
#ifndef WEIR_TUI_PEN_H
#define WEIR_TUI_PEN_H

#include "tui/surface.h"

struct pen {
	struct surface *s;
	struct rect r;
	int y;     /* the next row; below the box nothing is written */
	int spare; /* rows that ours may take beyond their first; words from elsewhere never do */
};

void pen_row(struct pen *p, enum role role, const char *label, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The first of two wordings that fits. */
void pen_row_fit(
	struct pen *p, enum role role, const char *label, const char *whole, const char *brief);

#endif
