/* Console: a desk with a screen. Keys and time come in, a surface comes out; the terminal
 * around it is console_run's alone, so that tests drive it without one. */
#ifndef WEIR_TUI_CONSOLE_H
#define WEIR_TUI_CONSOLE_H

#include "tui/desk.h"
#include "tui/notify.h"
#include "tui/surface.h"
#include "tui/term.h"
#include "tui/theme.h"

struct console;
struct driver;

struct console_options {
	struct desk *desk;
	struct driver *replay; /* a replay driver behind the desk, whose pools are all of its clock;
	                          NULL: live */
	const char *recording; /* the file that it replays; borrowed, NULL: live */
	int w, h;
	bool ascii, braille;
	bool read_only;
	const char *screen_file; /* each frame as text; NULL none */
	bool guide;              /* through the first five minutes */
	bool *recorder; /* set when the person leaves one behind; NULL: none can be */
	struct notify *notify;   /* tells others; borrowed, NULL none */
	enum notify_terminal notice;
	bool (*each_turn)(void *ctx, struct instant now); /* true ends it; NULL none */
	void *each_ctx;
};

struct console *console_new(const struct console_options *how, struct instant now);
void console_free(struct console *c);

/* Handles one key. */
void console_key(struct console *c, uint32_t key, struct instant now);

/* Tells that facts changed: sheets are judged anew, what thaws a frozen picture does so. */
void console_refresh(struct console *c, struct instant now);

/* Draws the screen as it is now; borrowed until the next call. */
const struct surface *console_draw(struct console *c, struct instant now);

void console_resize(struct console *c, int w, int h);

/* True when the person has left. */
bool console_left(const struct console *c);

/* True once for each time the bell is due. */
bool console_bell(struct console *c, struct instant now);

/* Runs a command text as typed after `:`. */
void console_command(struct console *c, const char *text, struct instant now);

/* The terminal, the loop and the theme around a console, until the person leaves or a signal
 * ends it. `light` (may be NULL): the theme for a terminal that says, asked, that its background is
 * light. Returns the exit status. */
int console_run(struct console *c, struct desk *d, const struct theme *theme,
	const struct theme *light, const struct term_options *term, struct err *err);

#endif
