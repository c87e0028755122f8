/* Repertoire: the scenarios that come with weir, each ready to be played by its name. */
#ifndef WEIR_TUI_REPERTOIRE_H
#define WEIR_TUI_REPERTOIRE_H

#include "model/err.h"
#include "model/scenario.h"

/* Reads the scenario `i`: the built-in ones, then the others by name. False beyond the last. */
bool repertoire_read(struct scenario *out, size_t i);

/* The scenario that a word means: one of these by its name, or else a file. 0, or -1 with W002. */
int repertoire_find(struct scenario *out, const char *word, struct err *err);

#endif
