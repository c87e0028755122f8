/* Lines that were typed before. Not a file: what was typed at a console is gone with it. */
#include "tui/recall.h"

#include "model/text.h"

#include <string.h>

void recall_begin(struct recall *r)
{
	r->at = r->count;
	r->typed[0] = 0;
}

void recall_add(struct recall *r, const char *line)
{
	if (*line && (r->count == 0 || strcmp(r->line[r->count - 1], line) != 0)) {
		if (r->count == RECALL_MAX)
			memmove(r->line[0], r->line[1], (size_t)--r->count * sizeof r->line[0]);
		text_copy(r->line[r->count++], sizeof r->line[0], line);
	}
	recall_begin(r);
}

void recall_move(struct recall *r, int by, struct edit *e)
{
	int to = r->at + by;
	if (to < 0 || to > r->count)
		return;
	if (r->at == r->count)
		text_copy(r->typed, sizeof r->typed, e->text);
	r->at = to;
	edit_set(e, to == r->count ? r->typed : r->line[to]);
}
