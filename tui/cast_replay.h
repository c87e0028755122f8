/* Cast replay: a recording as a film of the console: its own frames, through the same bytes that a
 * terminal gets, one a recorded second. Where nothing changes but numbers it runs twenty times as
 * fast; each decision is a mark. */
#ifndef WEIR_TUI_CAST_REPLAY_H
#define WEIR_TUI_CAST_REPLAY_H

#include "tui/console.h"

struct cast_film {
	struct console *console;
	struct desk *desk;
	struct driver *replay;
	const struct theme *theme;
	bool colour, ascii;
	const char *path;
	const char *size; /* "120x40"; NULL: that */
};

/* Films the whole recording. 0, or -1 with err; interrupted it leaves no file. */
int cast_replay(const struct cast_film *film, struct err *err);

#endif
