/* Plain: a console without a grid, for screen readers and terminals that can do nothing: lines, one
 * fact in each, the same keys. What changes is said once; what a graph shows is said as a word. */
#ifndef WEIR_TUI_PLAIN_H
#define WEIR_TUI_PLAIN_H

#include "tui/console.h"

struct plain;

struct plain *plain_new(void);
void plain_free(struct plain *p);

/* Adds the lines that are due: all facts at first, after a key what it showed, else what has
 * changed since. `keyed`: keys were handled since the last call. */
void plain_tell(
	struct plain *p, struct console *c, struct text *out, bool keyed, struct instant now);

/* A series of figures, the newest last (NaN unknown), as a word: "flat", "rising", "falling",
 * "unknown". */
const char *plain_trend(const double *y, int count);

/* The terminal and the loop around it until the person leaves or a signal ends it; -1 with err. */
int plain_run(struct console *c, struct desk *d, struct err *err);

#endif
