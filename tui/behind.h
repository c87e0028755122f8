/* Behind: the recorder that a console leaves behind where nobody else would watch. */
#ifndef WEIR_TUI_BEHIND_H
#define WEIR_TUI_BEHIND_H

#include "tui/options.h"

#include <limits.h>
#include <sys/types.h>

struct behind {
	pid_t pid;
	char log[PATH_MAX]; /* what it says */
};

/* Starts `weir record --guard` of what this command line looks at, in a session of its own, and waits
 * a moment whether it goes on. `state_dir` gets its log. To be called when the history is closed, so
 * that the recorder finds the guard's lock free. 0, or -1 with err: nobody watches. */
int behind_start(
	struct behind *out, const struct options *o, const char *state_dir, struct err *err);

#endif
