/* The words that look: help, screens, what is selected on one, leaving. */
#include "model/text.h"
#include "tui/console_words.h"
#include "tui/screens.h"

#include <limits.h>
#include <string.h>

static void do_help(struct console *c, const char *argument, struct instant now)
{
	(void)argument, (void)now;
	c->help = true;
	c->help_scroll = 0;
	c->is_frozen = false;
	c->guiding = c->how.guide; /* shown again behind it */
}

/* From a screen of a pool to the pool, from there to the list of pools. */
static void up(struct console *c)
{
	if (c->screen != screen_home(c))
		screen_go(c, c->screen == SCREEN_FLOW ? screen_home(c) : SCREEN_FLOW);
}

/* Back to the pool, to the list of pools; from there out. Leaving asks where a pool is exposed, the one on the screen first. */
static void do_quit(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	const struct model *m = desk_model(c->how.desk);
	if (c->screen != screen_home(c)) {
		up(c);
		return;
	}
	bool looks = c->how.replay || c->how.read_only;
	for (int i = 0; !looks && i < m->pool_count; i++) {
		int pool = (c->pool + i) % m->pool_count;
		if (!m->pools[pool].standing.leave_exposed)
			continue;
		c->pool = pool;
		console_open_sheet(c, SHEET_LEAVE, -1, now);
		return;
	}
	c->left = true;
}

/* One layer off: the help, a frozen picture, what the screen has; then the screen. */
static void do_back(struct console *c, const char *argument, struct instant now)
{
	(void)argument, (void)now;
	bool out = !c->help && !c->is_frozen;
	c->help = false;
	c->is_frozen = false;
	c->message[0] = 0;
	if (!out || (screen_row(c->screen)->back && screen_row(c->screen)->back(c)))
		return;
	if (c->screen == screen_home(c))
		c->guiding = false;
	up(c);
}

static void do_next_pool(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	int count = desk_model(c->how.desk)->pool_count;
	if (count < 2)
		console_say(c, now, ROLE_TEXT, "next-pool: this console has one pool");
	c->pool = (c->pool + 1) % count;
	c->last_act[0] = 0;
}

static void do_screen(struct console *c, const char *argument, struct instant now)
{
	struct text all = {0};
	for (int i = 0; i < SCREEN_COUNT; i++) {
		if (strcmp(screen_word((enum screen)i), argument) == 0) {
			if (c->screen == (enum screen)i)
				console_say(c, now, ROLE_TEXT, "screen: %s is what shows", argument);
			screen_go(c, (enum screen)i);
			text_free(&all);
			return;
		}
		text_addf(&all, "%s%s", i == 0 ? "" : i + 1 < SCREEN_COUNT ? ", " : " or ",
			screen_word((enum screen)i));
	}
	console_say(
		c, now, ROLE_WARN, "screen: '%.24s' is none; write %s", argument, text_str(&all));
	text_free(&all);
}

/* A line of a list. */
static void do_select(struct console *c, const char *argument, struct instant now)
{
	static const struct {
		const char *word;
		int by;
	} moves[] = {{"next", 1}, {"previous", -1}, {"page-down", 10}, {"page-up", -10},
		{"first", -INT_MAX}, {"last", INT_MAX}};
	const struct screen_row *screen = screen_row(c->screen);
	if (!screen->move) {
		console_say(c, now, ROLE_TEXT, "select: this screen has no lines to select");
		return;
	}
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
		if (strcmp(moves[i].word, argument) != 0)
			continue;
		if (!screen->move(c, moves[i].by))
			console_say(c, now, ROLE_TEXT, "select: there is nothing %s it",
				moves[i].by < 0 ? "above" : "below");
		return;
	}
	console_say(c, now, ROLE_WARN,
		"select: '%.24s' is no line; write next, previous, page-down, page-up, first or last",
		argument);
}

static void do_enter(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	if (screen_row(c->screen)->enter)
		screen_row(c->screen)->enter(c, now);
}

static void do_mark(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	if (screen_row(c->screen)->mark)
		screen_row(c->screen)->mark(c);
	else
		console_say(c, now, ROLE_TEXT, "mark: this screen has nothing to mark");
}

/* Narrows to some words; without any it asks for them. */
static void do_filter(struct console *c, const char *argument, struct instant now)
{
	if (screen_row(c->screen)->filter && *argument)
		screen_row(c->screen)->filter(c, argument);
	else if (screen_row(c->screen)->filter)
		console_prompt(c, PROMPT_FILTER);
	else
		console_say(c, now, ROLE_TEXT, "filter: this screen has no list to narrow");
}

/* By which column, and which way. */
static void do_sort(struct console *c, const char *argument, struct instant now)
{
	static const struct {
		const char *word;
		int by;
	} ways[] = {{"next", 1}, {"previous", -1}, {"reverse", 0}};
	if (!screen_row(c->screen)->sort) {
		console_say(c, now, ROLE_TEXT, "sort: this screen has no list to sort");
		return;
	}
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		if (strcmp(ways[i].word, argument) != 0)
			continue;
		screen_row(c->screen)->sort(c, ways[i].by);
		return;
	}
	console_say(c, now, ROLE_WARN,
		"sort: '%.24s' is no way to; write next, previous or reverse", argument);
}

/* Of all pools, or of the one again. */
static void do_all_pools(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	if (!screen_row(c->screen)->widen) {
		console_say(
			c, now, ROLE_TEXT, "all-pools: only the journal (6) shows them as one list");
		return;
	}
	screen_row(c->screen)->widen(c);
	console_say(c, now, ROLE_TEXT, "all-pools: %s",
		c->journal_all ? "of all pools; Tab goes back to one" : "of this pool");
}

/* What the selected line is called in notes, commands and logs. */
static void do_id(struct console *c, const char *argument, struct instant now)
{
	char id[DECISION_ID_MAX];
	(void)argument;
	if (screen_row(c->screen)->about && screen_row(c->screen)->about(c, id, sizeof id) >= 0)
		console_say(c, now, ROLE_TEXT, "id %s", id);
	else
		console_say(c, now, ROLE_TEXT, "id: 6 shows the journal, whose lines have one");
}

static void do_freeze(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	console_freeze(c, now);
}

static void do_redraw(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	const struct pool *p = console_pool(c);
	c->redraw = true;
	console_say(c, now, ROLE_TEXT, "redraw: drawn anew, and %d node%s asked", p->node_count,
		p->node_count > 1 ? "s" : "");
	for (int k = 0; k < p->node_count; k++)
		client_poll_now(desk_client(c->how.desk), p->nodes[k].id, now);
}

const struct console_word console_words_look[] = {
	{"help", do_help, "", false, false},
	{"quit", do_quit, "", false, false},
	{"q", do_quit, "", false, false},
	{"back", do_back, "", false, false},
	{"next-pool", do_next_pool, "", false, false},
	{"screen", do_screen, "NAME", false, false},
	{"select", do_select, "next | previous | page-down | page-up | first | last", false, false},
	{"enter", do_enter, "", false, false},
	{"mark", do_mark, "", false, false},
	{"filter", do_filter, "[TEXT]", false, false},
	{"sort", do_sort, "next | previous | reverse", false, false},
	{"all-pools", do_all_pools, "", false, false},
	{"id", do_id, "", false, false},
	{"freeze", do_freeze, "", false, false},
	{"redraw", do_redraw, "", false, false},
	{0},
};
