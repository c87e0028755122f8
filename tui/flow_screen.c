/* Flow screen: what its plots want is read by the history's reader thread; where the desk has no
 * history (a replay, a console that only looks) from the file itself, here and now and in shorter
 * pieces. Asked for only while the screen shows. */
#include "tui/flow_screen.h"

#include "history/replay.h"
#include "tui/journal_screen.h"

#include <stdlib.h>

#define ROWS_THREAD 20000 /* of samples in one request */
#define ROWS_HERE 2000

static struct instant moment(const struct console *c, struct instant now)
{
	return c->how.replay ? replay_now(c->how.replay) : now;
}

static void read_here(struct console *c, const struct range_request *what, struct instant now)
{
	struct range r = {.of = *what, .since_ms = UNKNOWN};
	struct err err = {0};
	if (!c->range_file && !c->range_tried) {
		char *path = journal_screen_file(c);
		c->range_tried = true;
		if (path)
			range_open(&c->range_file, path, &err);
		free(path);
	}
	if (c->range_file)
		range_read(c->range_file, what, &r, &err);
	scope_take(&c->scope, &r, &err, now);
	range_release(&r);
}

void flow_screen_look(struct console *c, struct instant now)
{
	const struct pool *p = console_pool(c);
	struct history *h = desk_history(c->how.desk);
	struct range_request what;
	if (c->screen != SCREEN_FLOW)
		return;
	c->scope_now = moment(c, now);
	scope_look(&c->scope, p, c->scope_now, c->how.replay != NULL);
	if (!scope_ask(&c->scope, p, c->scope_now, h ? ROWS_THREAD : ROWS_HERE, &what))
		return;
	if (h)
		history_series(h, &what);
	else
		read_here(c, &what, c->scope_now);
}

void flow_screen_answer(struct console *c, const struct history_answer *a)
{
	scope_take(&c->scope, a->range, &a->err, c->scope_now);
}

bool flow_screen_back(struct console *c)
{
	struct scope *s = &c->scope;
	if (s->cross_ms != UNKNOWN)
		s->cross_ms = UNKNOWN;
	else if (s->wide)
		s->wide = false;
	else
		return false;
	return true;
}

bool flow_screen_axis(
	const struct console *c, struct instant now, struct axis *out, int *columns)
{
	struct view v = {.pool = console_pool(c),
		.screen = SCREEN_FLOW,
		.scope = &c->scope,
		.now = moment(c, now)};
	*columns = view_flow_columns(c->surface.w, c->surface.h, &v);
	if (*columns > 0)
		axis_make(out, v.pool, v.scope, v.now, *columns);
	return *columns > 0;
}
