/* Suggest: what may stand where a command line ends, by the tables of commands and options. */
#ifndef WEIR_TUI_SUGGEST_H
#define WEIR_TUI_SUGGEST_H

#include "tui/config.h"

/* Adds a line for each word that may stand in the place of the last of `words` (as far as it is
 * typed): the word, a tab, what it is. "@files" or "@directories" alone in a line: a path.
 * `config` may be NULL: its pools are then not offered. */
void suggest_words(
	struct text *out, const char *const *words, int count, const struct config *config);

/* The value of --config among the words, NULL where there is none. */
const char *suggest_config(const char *const *words, int count);

#endif
