/* Member: weir serve as a node of a fleet whose plan lies in etcd. */
#ifndef WEIR_TUI_MEMBER_H
#define WEIR_TUI_MEMBER_H

#include "tui/options.h"

struct engine;

/* Whether the options of a node go together; they may be none. 0, or -1 with err W001. */
int member_check(const struct options *o, struct err *err);

/* Follows the plan, answering at `url`, until the process is asked to end, and takes the node out
 * of the list. 0, or -1 with err. */
int member_run(
	struct engine *engine, const struct options *o, const char *url, struct err *err);

#endif
