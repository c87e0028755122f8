/* Pager: a long text on a terminal, a screen at a time. */
#ifndef WEIR_TUI_PAGER_H
#define WEIR_TUI_PAGER_H

#include "model/text.h"

/* Writes the text to standard output; through a pager where that is a terminal with fewer rows
 * than the text takes, unless `plain`. The pager is $PAGER (a command of the shell; empty or cat:
 * none), else less; one that is not there is none. Returns when the reader has left it. A SIGTERM
 * or SIGHUP meanwhile goes to the pager first, so that it leaves the terminal as it was, and then
 * ends the process; an interrupt is the pager's alone. */
void pager_show(const struct text *t, bool plain);

#endif
