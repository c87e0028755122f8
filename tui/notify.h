/* Notify: tells somebody who does not look at the screen: a command of the configuration, run once
 * an event, and the terminal's own notices. An event is a headline that becomes as bad as asked.
 *
 *     COMMAND HEADLINE        standard input: what `weir status --json` prints of the pool
 *
 * A command never holds up anything: it is followed, not waited for, and killed with its group
 * when it takes longer than NOTIFY_MOST_MS. */
#ifndef WEIR_TUI_NOTIFY_H
#define WEIR_TUI_NOTIFY_H

#include "model/headline.h"
#include "model/model.h"

#include <stdbool.h>

#define NOTIFY_MOST_MS 10000
#define NOTIFY_QUIET_MS 30000 /* how long it was better before the same counts again */

/* X(name, word in the configuration) */
#define NOTIFY_TERMINAL_INFO(X) \
	X(AUTO, "auto") /* by what the terminal says it is; none where that is not known */ \
	X(NEVER, "never") \
	X(OSC9, "osc9") \
	X(OSC777, "osc777")

enum notify_terminal {
#define X(name, word) NOTIFY_##name,
	NOTIFY_TERMINAL_INFO(X)
#undef X
		NOTIFY_TERMINAL_COUNT
};

/* X(name, word, level) */
#define NOTIFY_ON_INFO(X) \
	X(ACT, "act", LEVEL_ACT) \
	X(LOOK, "look", LEVEL_LOOK)

enum notify_on {
#define X(name, word, level) NOTIFY_ON_##name,
	NOTIFY_ON_INFO(X)
#undef X
		NOTIFY_ON_COUNT
};

struct notify_config {
	char *command; /* a path; NULL none */
	enum notify_on on;
	enum notify_terminal terminal;
};

/* What AUTO is for a terminal: by $TERM and $TERM_PROGRAM, either may be NULL. */
enum notify_terminal notify_terminal_of(const char *term, const char *program);

struct notify;

/* `how` is copied. `recorder`: of `record --guard`, which tells of the pools that it guards; a
 * console tells of those that no recorder on this host guards, and not of what was so before it
 * came. */
struct notify *notify_new(const struct notify_config *how, int pool_count, bool recorder);

/* Lets go of commands that still run: they go on alone. */
void notify_free(struct notify *n);

/* Looks at every pool: begins what is due, feeds, follows and ends what runs. */
void notify_turn(struct notify *n, const struct model *m, struct instant now);

/* True once for each pool that became so bad; for the terminal. `out` gets its name. */
bool notify_event(struct notify *n, const struct model *m, const struct pool **out);

/* True once for each thing to tell the person here: a command that failed, was killed, could not
 * be run. */
bool notify_complaint(struct notify *n, char *out, size_t size);

/* How many commands were begun, and how many of them did not end well. */
int notify_begun(const struct notify *n);
int notify_failed(const struct notify *n);

#endif
