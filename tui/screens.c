/* The table of screens, and how the lists of workers and of pools answer their keys. */
#include "tui/screens.h"

#include "tui/desk.h"
#include "tui/flow_screen.h"
#include "tui/journal_screen.h"
#include "tui/plan_screen.h"

static void workers_look(struct console *c, struct instant now)
{
	(void)now;
	roster_look(&c->roster, console_pool(c), c->pool);
}

static bool workers_move(struct console *c, int by)
{
	int at = roster_at(&c->roster);
	roster_move(&c->roster, by);
	return roster_at(&c->roster) != at;
}

/* ---- pools: the selected one is the console's ---- */

static void fleet_takes_look(struct console *c, struct instant now)
{
	fleet_look(&c->fleet, desk_model(c->how.desk), now);
}

static bool fleet_moves(struct console *c, int by)
{
	int at = c->pool;
	c->pool = fleet_moved(&c->fleet, c->pool, by);
	return c->pool != at;
}

static void fleet_enters(struct console *c, struct instant now)
{
	(void)now;
	screen_go(c, SCREEN_FLOW);
}

static void fleet_marks(struct console *c)
{
	if (fleet_row(&c->fleet, c->pool) < 0)
		return;
	fleet_mark(&c->fleet, c->pool);
	c->pool = fleet_moved(&c->fleet, c->pool, 1);
}

static void fleet_filters(struct console *c, const char *text)
{
	fleet_filter(&c->fleet, desk_model(c->how.desk), text);
	if (fleet_row(&c->fleet, c->pool) < 0)
		c->pool = fleet_moved(&c->fleet, c->pool, 0);
}

static void fleet_sorts(struct console *c, int by)
{
	fleet_sort(&c->fleet, desk_model(c->how.desk), by);
}

static bool fleet_backs(struct console *c)
{
	if (c->fleet.filter[0])
		fleet_filters(c, "");
	else if (fleet_marked(&c->fleet))
		fleet_unmark_all(&c->fleet);
	else
		return false;
	return true;
}

static const struct screen_row rows[SCREEN_COUNT] = {
	[SCREEN_FLOW] = {.draw = view_flow, .look = flow_screen_look, .back = flow_screen_back},
	[SCREEN_FLEET] = {view_fleet, fleet_takes_look, fleet_moves, fleet_enters, fleet_marks,
		fleet_filters, fleet_sorts, fleet_backs},
	[SCREEN_WORKERS] = {.draw = view_workers, .look = workers_look, .move = workers_move},
	[SCREEN_GUARDS] = {.draw = view_guards},
	[SCREEN_PLAN] = {.draw = view_plan, .move = plan_screen_move, .enter = plan_screen_enter},
	[SCREEN_JOURNAL] = {.draw = view_journal,
		.look = journal_screen_look,
		.move = journal_screen_move,
		.enter = journal_screen_enter,
		.filter = journal_screen_filter,
		.back = journal_screen_back,
		.widen = journal_screen_widen,
		.about = journal_screen_about},
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

void screens_answer(void *console, struct history_answer *a)
{
	if (a->kind == HISTORY_SERIES)
		flow_screen_answer(console, a);
	else
		journal_screen_answer(console, a);
}

enum screen screen_home(const struct console *c)
{
	return desk_model(c->how.desk)->pool_count > 1 ? SCREEN_FLEET : SCREEN_FLOW;
}

void screen_go(struct console *c, enum screen s)
{
	c->screen = s;
	c->is_frozen = false;
}
