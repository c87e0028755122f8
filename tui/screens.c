/* The table of screens, and how the Workers screen answers its keys. */
#include "tui/screens.h"

static void workers_look(struct console *c, struct instant now)
{
	(void)now;
	roster_look(&c->roster, console_pool(c), c->pool);
}

static void workers_move(struct console *c, int by)
{
	roster_move(&c->roster, by);
}

static const struct screen_row rows[SCREEN_COUNT] = {
	[SCREEN_FLOW] = {.draw = view_flow},
	[SCREEN_WORKERS] = {.draw = view_workers, .look = workers_look, .move = workers_move},
	[SCREEN_GUARDS] = {.draw = view_guards},
};

const struct screen_row *screen_row(enum screen s)
{
	return &rows[s];
}

void screens_look(struct console *c, struct instant now)
{
	for (int i = 0; i < SCREEN_COUNT; i++)
		if (rows[i].look)
			rows[i].look(c, now);
}

void screen_go(struct console *c, enum screen s)
{
	c->screen = s;
	c->is_frozen = false;
}
