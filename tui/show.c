/* Show: a desk on this terminal: the console with its theme, plain lines, or a film of it. Not what
 * the desk has, nor how the process ends: that is each command's. */
#include "tui/show.h"

#include "tui/cast_replay.h"
#include "tui/console.h"
#include "tui/loop.h"
#include "tui/plain.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

static bool wants_ascii(const struct options *o)
{
	return o->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

/* `light`: the one for a light background, where only the terminal knows; else without a name. */
static int load_themes(struct theme *out, struct theme *light, const struct options *o,
	const struct setup *s, struct err *err)
{
	struct theme_dirs dirs;
	struct theme_wish wish = {.option = o->theme,
		.config = s->config.theme,
		.color = o->color,
		.no_color = getenv("NO_COLOR"),
		.colorfgbg = getenv("COLORFGBG"),
		.colours = term_colours(getenv("TERM"))};
	theme_dirs(&dirs);
	if (theme_is_guessed(&wish) && theme_load(light, "light", dirs.list, err) < 0)
		return -1;
	return theme_load(out, theme_choose(&wish), dirs.list, err);
}

int show_desk(
	struct setup *s, const struct options *o, const struct show *what, struct err *err)
{
	struct theme theme, light = {0};
	if (load_themes(&theme, &light, o, s, err) < 0)
		return -1;
	struct console_options how = {.desk = s->desk,
		.replay = what->replay,
		.recording = what->replay ? o->args[0] : NULL,
		.w = 80,
		.h = 24,
		.ascii = wants_ascii(o) || o->plain,
		.braille = theme.braille,
		.read_only = o->read_only,
		.screen_file = o->screen_file,
		.guide = what->guide && !o->plain,
		.recorder = what->recorder,
		.each_turn = what->each_turn,
		.each_ctx = what->ctx,
		.notice = s->config.notify.terminal};
	if (!what->quiet && !o->read_only)
		how.notify = notify_new(&s->config.notify, desk_model(s->desk)->pool_count, false);
	if (how.notice == NOTIFY_AUTO)
		how.notice = notify_terminal_of(getenv("TERM"), getenv("TERM_PROGRAM"));
	struct console *c = console_new(&how, loop_now());
	struct term_options term = {.in_fd = -1,
		.out_fd = -1,
		.type = getenv("TERM"),
		.colour = theme_has_colour(&theme) && !(o->color && strcmp(o->color, "never") == 0),
		.ascii = how.ascii};
	const struct cast_film film = {.console = c,
		.desk = s->desk,
		.replay = what->replay,
		.theme = &theme,
		.colour = term.colour,
		.ascii = term.ascii,
		.path = o->cast,
		.size = o->size};
	int rc = o->cast ? cast_replay(&film, err)
		: o->plain   ? plain_run(c, s->desk, err)
				   : console_run(c, s->desk, &theme, light.name[0] ? &light : NULL, &term, err);
	console_free(c);
	notify_free(how.notify);
	return rc;
}
