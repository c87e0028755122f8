/* Words: a command line in one text, as a shell would part it, but for everything else that a
 * shell does: no variables, no patterns, no pipes. */
#ifndef WEIR_TUI_WORDS_H
#define WEIR_TUI_WORDS_H

#include "model/err.h"

#define WORDS_MAX 64

struct words {
	char *text;                      /* the words' bytes */
	const char *word[WORDS_MAX + 1]; /* NULL behind the last */
	int count;
};

/* Blanks part words. Between single quotes every byte stands for itself; between double quotes
 * only \" and \\ do not; elsewhere a backslash takes what is special away from the next byte.
 * 0, or -1 with err (USAGE): no word, too many, a quote or backslash without its end. To be
 * freed with words_free, also after -1. */
int words_read(struct words *out, const char *line, struct err *err);
void words_free(struct words *w);

#endif
