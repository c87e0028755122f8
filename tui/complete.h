/* Complete: what may stand where a line typed after `:` ends, by the rows of the words. It reads
 * and suggests; nothing is run. */
#ifndef WEIR_TUI_COMPLETE_H
#define WEIR_TUI_COMPLETE_H

#include "model/model.h"
#include "tui/edit.h"
#include "tui/roster.h"

#define COMPLETE_MAX 64
#define COMPLETE_WORD_MAX 64

struct complete {
	char word[COMPLETE_MAX][COMPLETE_WORD_MAX];
	int count;
	int at;      /* which stands in the line; -1 none */
	size_t from; /* byte in the line where it begins */
	bool on;     /* they are shown; any key but Tab ends that */
	char takes
		[80]; /* how the word's row names what follows; "" no word yet, or nothing follows */
};

/* What is completed by. */
struct complete_at {
	const struct pool *pool;
	const struct roster *roster;
	bool looking, replay;
};

/* Reads what may stand at the end of the line into `out`; none is chosen. */
void complete_look(struct complete *out, const struct complete_at *at, const char *line);

/* Tab: completes as far as all agree, then shows what there is, then takes one after the other. */
void complete_next(struct complete *c, const struct complete_at *at, struct edit *e);

#endif
