/* Asked: what an ask says, as rows for whoever is to allow it: on the command line and on the
 * sheet of `:approve`. */
#ifndef WEIR_TUI_ASKED_H
#define WEIR_TUI_ASKED_H

#include "model/decision.h"

#define ASKED_ROWS 12

struct asked_row {
	const char *label;
	char text[240];
	bool warns;
};

/* Fills the rows of an ask; returns how many. */
int asked_rows(
	struct asked_row out[ASKED_ROWS], const struct decision *ask, int64_t now_wall_ms);

/* "step 10 > 50 %", in so many bytes. */
void asked_what(char *out, size_t size, const struct decision *ask);

#endif
