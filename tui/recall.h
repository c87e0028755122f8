/* Recall: the lines that were typed in this session, newest last. Kept in memory only. Pure. */
#ifndef WEIR_TUI_RECALL_H
#define WEIR_TUI_RECALL_H

#include "tui/edit.h"

#define RECALL_MAX 32

struct recall {
	char line[RECALL_MAX][EDIT_MAX]; /* oldest first */
	int count;
	int at;               /* which is shown; `count`: what was being typed */
	char typed[EDIT_MAX]; /* that */
};

/* Keeps a line that was entered; one that repeats the last is kept once, an empty one not. */
void recall_add(struct recall *r, const char *line);
/* Begins anew at the end. */
void recall_begin(struct recall *r);
/* Shows the line before (-1) or after (1); at the ends nothing changes. */
void recall_move(struct recall *r, int by, struct edit *e);

#endif
