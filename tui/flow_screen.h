/* Flow screen: how the console reads what its plots show, and what its keys do to them. Internal to
 * the console. */
#ifndef WEIR_TUI_FLOW_SCREEN_H
#define WEIR_TUI_FLOW_SCREEN_H

#include "tui/console_parts.h"

/* The functions of its row in the table of screens. */
void flow_screen_look(struct console *c, struct instant now);
bool flow_screen_back(struct console *c);

/* Takes columns that the reader of the desk's history answers. */
void flow_screen_answer(struct console *c, const struct history_answer *a);

/* What is drawn of a stretch of time: the axis of the widest graph and its columns; false where
 * nothing has room. */
bool flow_screen_axis(
	const struct console *c, struct instant now, struct axis *out, int *columns);

#endif
