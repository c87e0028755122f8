/* Load: executes a scenario: arrivals from sessions, and faults when their time comes. */
#ifndef WEIR_CLIENT_ENGINE_LOAD_H
#define WEIR_CLIENT_ENGINE_LOAD_H

#include "client/engine/engine.h"

struct load;

/* Fills what the options leave open with what their scenario says of the engine: workers, queue,
 * unit, timeout, strategy. What the options say stays. */
void load_shape(struct engine_options *how);

/* Puts the faults of the start in force and starts the threads; the scenario is copied, the
 * engine is borrowed until load_stop. The same seed gives the same sequence of arrivals. 0, or
 * -1 with err: a restart cannot be done from inside, so a scenario with one is refused. */
int load_start(struct load **out, struct engine *e, const struct scenario *s, int callers,
	struct err *err);

/* No new arrivals or faults from here on. */
void load_end(struct load *l);

/* Ends it, waits for the requests under way, frees. */
void load_stop(struct load *l);

#endif
