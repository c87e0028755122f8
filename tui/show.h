/* Show: a desk on this terminal, until the person leaves. */
#ifndef WEIR_TUI_SHOW_H
#define WEIR_TUI_SHOW_H

#include "tui/setup.h"

struct driver;

struct show {
	struct driver *replay; /* of a recording: args[0] is its file; NULL: live */
	bool guide;            /* somebody looks for the first time */
	bool quiet;            /* tells nobody else: nothing real is shown */
	bool *recorder;        /* set when the person leaves one behind; NULL: none can be */
	/* Called each turn; true ends it. NULL: only the person does. */
	bool (*each_turn)(void *ctx, struct instant now);
	void *ctx;
};

/* Shows the desk as the options ask: as a console, plain, or as a film. 0, or -1 with err. */
int show_desk(
	struct setup *s, const struct options *o, const struct show *what, struct err *err);

#endif
