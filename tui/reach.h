/* Reach: whether a verb can be used here and now, and why not. Hints, help and the keys
 * themselves say the same words. */
#ifndef WEIR_TUI_REACH_H
#define WEIR_TUI_REACH_H

#include "model/verb.h"
#include "tui/view.h"

#define REACH_WHY_MAX 400

/* True when the verb's word, typed with what it takes, can lead to an act; else `why` (of
 * REACH_WHY_MAX bytes) says in one line why not. Of the view pool, screen, roster, replay and
 * looking are read. */
bool reach_word(const struct view *v, enum verb verb, char *why);

/* The same of the verb's key, which takes no more words: the plan's next share, the selected
 * worker. */
bool reach_key(const struct view *v, enum verb verb, char *why);

#endif
