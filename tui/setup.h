/* Setup: from the command line to a desk: configuration, actor, paths, targets. */
#ifndef WEIR_TUI_SETUP_H
#define WEIR_TUI_SETUP_H

#include "model/text.h"
#include "tui/config.h"
#include "tui/desk.h"
#include "tui/options.h"

/* Drivers of all schemes, NULL-terminated. */
extern const struct driver_ops *const setup_schemes[];

/* How a command uses its desk. */
enum setup_mode {
	SETUP_LOOK,    /* reads the history, writes nothing anywhere */
	SETUP_ACT,     /* records decisions */
	SETUP_BRAKE,   /* the same, and goes on without a history that cannot be made */
	SETUP_RECORD,  /* records samples and what others decide; never commands */
	SETUP_GUARD,   /* the same, and acts on guards, keeps, carries on */
	SETUP_CONSOLE, /* records decisions and samples */
};

/* By what rules a scenario is rehearsed. */
struct setup_rules {
	struct plan plan;
	struct guard_limits limits;
};

struct setup {
	struct config config;
	struct scenario scenario; /* of --scenario; name "" none */
	char actor[POOL_ACTOR_MAX], host[POOL_NAME_MAX];
	char *state_dir; /* where keys and the default history live */
	char *history_path;
	char *flags_dir; /* of flag files */
	struct text config_json;
	bool demo; /* the living demo: its own history, begun afresh */
	const struct setup_rules *rules; /* of a rehearsal, which is a demo by these; NULL none */
	struct desk *desk;
};

/* Reads the configuration, finds who acts and where things live. 0, or -1 with err: the
 * configuration is empty then and the rest is set, so that a brake can go on. */
int setup_init(struct setup *s, const struct options *o, struct err *err);

/* Makes the desk with the pools of `targets` (names of the configuration or URLs; none: every
 * configured pool; no configuration: the demo where `demo_allowed`). 0, or -1 with err. */
int setup_open(struct setup *s, const struct options *o, const char *const *targets, int count,
	enum setup_mode mode, bool demo_allowed, struct err *err);

/* The rules of the demo: bakes of seconds. */
void setup_demo(struct plan *plan, struct guard_limits *limits);

/* Makes the directory of this person's key. 0, or -1 with err. */
int setup_keys(const struct setup *s, struct err *err);

/* Frees everything, and says on stderr where the chain of the history ends when this process
 * wrote to it. Returns what the history lost. */
int64_t setup_release(struct setup *s);

/* Reads what the history knows of the pools into a desk that only looks. */
int setup_remember(struct setup *s, struct err *err);

/* Waits until every pool was heard twice and loaded, at most timeout_ms. True when all were. */
bool setup_settle(struct setup *s, int64_t timeout_ms);

/* Prints "weir: W123 text" to stderr; returns the exit status of the code. */
int setup_fail(const struct err *err);

#endif
