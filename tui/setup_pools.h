/* Setup pools: a word of the command line becomes a pool of the desk: by its name in the configuration,
 * or by URL. For setup only. */
#ifndef WEIR_TUI_SETUP_POOLS_H
#define WEIR_TUI_SETUP_POOLS_H

#include "tui/setup.h"

/* True for a URL; anything else is a name. */
bool setup_pools_is_url(const char *word);

/* Says what is wrong with a word that is no pool: a command that was misspelt, or a pool's name that
 * was. -1 with err. */
int setup_pools_unknown(
	const struct setup *s, const struct options *o, const char *name, struct err *err);

/* Adds a pool to the desk, with its plan, token, second source and hook; `demo`: by the rules of the
 * demo, or of the rehearsal. 0, or -1 with err. */
int setup_pools_add(
	struct setup *s, const struct options *o, const char *word, bool demo, struct err *err);

#endif
