/* Ask: the words of an act, typed after `:` or on the command line, as a request. */
#ifndef WEIR_TUI_ASK_H
#define WEIR_TUI_ASK_H

#include "tui/desk.h"

/* The verb that a command word stands for ("strategy" is a step), VERB_COUNT for none. */
enum verb ask_verb(const char *word);

/* Reads `words`, what stands behind the command word, into `out`: share, strategy, operations,
 * guard and close of it; the rest of `out` stays. `p` is what "next", "+OP" and "-OP" refer to;
 * NULL: only the form is checked. 0, or -1 with err (W001; W162 where there is no next share).
 */
int ask_read(struct act_request *out, const char *word, const char *words, const struct pool *p,
	struct err *err);

#endif
