/* The words of the Flow screen: how much time its plots show, the crosshair, how times are told,
 * and taking its facts along. */
#include "model/text.h"
#include "tui/console_words.h"
#include "tui/facts.h"
#include "tui/flow_screen.h"

#include <string.h>

/* False, and said, where another screen shows. */
static bool is_here(struct console *c, const char *word, struct instant now)
{
	if (c->screen == SCREEN_FLOW)
		return true;
	console_say(c, now, ROLE_TEXT, "%s: 1 shows the pool, whose plots it is for", word);
	return false;
}

static bool has_plots(
	struct console *c, const char *word, struct instant now, struct axis *axis, int *columns)
{
	if (flow_screen_axis(c, now, axis, columns))
		return true;
	console_say(c, now, ROLE_TEXT, "%s: no plot has room here; w gives them the screen", word);
	return false;
}

/* ---- how much time ---- */

static int zoom_of(const struct console *c, const char *word)
{
	if (strcmp(word, "in") == 0)
		return c->scope.zoom > 0 ? c->scope.zoom - 1 : 0;
	if (strcmp(word, "out") == 0)
		return c->scope.zoom + 1 < ZOOM_COUNT ? c->scope.zoom + 1 : ZOOM_COUNT - 1;
	for (int i = 0; i < ZOOM_COUNT; i++)
		if (strcmp(zooms[i].word, word) == 0)
			return i;
	return -1;
}

static void do_zoom(struct console *c, const char *argument, struct instant now)
{
	struct axis axis;
	int columns, zoom = zoom_of(c, argument);
	if (!is_here(c, "zoom", now))
		return;
	if (zoom < 0) {
		console_say(c, now, ROLE_WARN,
			"zoom: '%.24s' is none; write in, out, 1m, 5m, 10m, 1h, 6h, 1d or 7d", argument);
		return;
	}
	if (!has_plots(c, "zoom", now, &axis, &columns))
		return;
	console_say(c, now, ROLE_TEXT, "zoom: %s%s", zooms[zoom].word,
		zoom != c->scope.zoom        ? ""
			: zoom == 0              ? " is the shortest"
			: zoom + 1 == ZOOM_COUNT ? " is the longest"
									 : " is the one that shows");
	c->scope.zoom = zoom;
}

static void do_wide(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	if (!is_here(c, "wide", now))
		return;
	c->scope.wide = !c->scope.wide;
	console_say(c, now, ROLE_TEXT, "wide: %s",
		c->scope.wide ? "plots take the screen, where they have room; w gives it back"
					  : "the screen has all again");
}

static void do_times(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	if (!is_here(c, "times", now))
		return;
	c->scope.ago = !c->scope.ago;
	console_say(c, now, ROLE_TEXT, "times: %s",
		c->scope.ago ? "as ages; t tells them by the clock" : "by the clock (UTC)");
}

/* ---- the crosshair ---- */

/* To the decision before (-1) or after (1) the column where it stands; none: it stays. */
static bool to_decision(struct console *c, const struct axis *a, int columns, int by)
{
	const struct pool *p = console_pool(c);
	int64_t at_ms = c->scope.cross_ms == UNKNOWN ? a->end_ms + 1 : c->scope.cross_ms;
	int from = c->scope.cross_ms == UNKNOWN ? columns : axis_column(a, columns, at_ms);
	int best = -1;
	for (size_t i = 0; i < p->decision_count; i++) {
		int column = axis_column(a, columns, p->decisions[i].at_ms);
		bool beyond = by < 0 ? column < from : column > from;
		if (column < 0 || !beyond)
			continue;
		if (best < 0 || (by < 0 ? column > best : column < best))
			best = column;
	}
	if (best >= 0)
		c->scope.cross_ms = axis_time(a, columns, best);
	return best >= 0;
}

static void do_cross(struct console *c, const char *argument, struct instant now)
{
	struct axis axis;
	int columns;
	bool on = c->scope.cross_ms != UNKNOWN;
	int by =
		strcmp(argument, "earlier") == 0 || strcmp(argument, "previous-decision") == 0 ? -1 : 1;
	if (!is_here(c, "cross", now) || !has_plots(c, "cross", now, &axis, &columns))
		return;
	if (strcmp(argument, "earlier") == 0 || strcmp(argument, "later") == 0)
		c->scope.cross_ms =
			axis_move(&axis, columns, on ? c->scope.cross_ms : axis.end_ms, on ? by : 0);
	else if (strcmp(argument, "off") == 0)
		c->scope.cross_ms = UNKNOWN;
	else if (!strstr(argument, "-decision"))
		console_say(c, now, ROLE_WARN,
			"cross: '%.24s' is no way; write earlier, later, previous-decision, next-decision "
			"or off",
			argument);
	else if (!to_decision(c, &axis, columns, by))
		console_say(c, now, ROLE_TEXT, "no decision %s in the time that shows",
			by < 0 ? "before this" : "after this");
}

/* ---- taking along ---- */

static void do_copy(struct console *c, const char *argument, struct instant now)
{
	(void)argument;
	text_clear(&c->copy);
	facts_line(&c->copy, console_pool(c));
	console_say(c, now, ROLE_TEXT, "copy: on its way to the terminal");
}

const struct console_word console_words_flow[] = {
	{"zoom", do_zoom, "in | out | 1m | 5m | 10m | 1h | 6h | 1d | 7d", false, false},
	{"cross", do_cross, "earlier | later | previous-decision | next-decision | off", false,
		false},
	{"wide", do_wide, "", false, false},
	{"times", do_times, "", false, false},
	{"copy", do_copy, "", false, false},
	{0},
};
