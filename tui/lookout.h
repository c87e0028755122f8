/* Lookout: a thread that looks at the flags of pools where the looking may hang (a directory on a
 * dead file server), and tells the loop what the last look found. */
#ifndef WEIR_TUI_LOOKOUT_H
#define WEIR_TUI_LOOKOUT_H

#include "model/model.h"

/* Where flags lie, and who may lay them there. */
struct flag_place {
	const char *dir;
	bool named; /* somebody said so: one that is not there is not known */
	const char
		*shared; /* a file whose owner and group are trusted too: the history; NULL none */
};

/* One look at one pool's flags: in the lookout's thread, and it may take as long as it takes. */
typedef void lookout_look(struct flags *out, const struct flag_place *place, const char *pool);

struct lookout;

/* Looks at nothing yet; copies the place. */
struct lookout *lookout_new(const struct flag_place *place, lookout_look *look);

/* Waits a moment for a look that is under way; one that hangs is left to itself. NULL: nothing. */
void lookout_free(struct lookout *l);

/* Adds a pool; returns its index, counted from 0. */
int lookout_add(struct lookout *l, const char *pool);

/* Asks for a look at all pools that begins now (boot time, ms) or later. Never waits. */
void lookout_ask(struct lookout *l, int64_t now_ms);

/* What the last complete look found of a pool. Returns as of when: everything that was so by
 * then it has seen (boot time, ms); UNKNOWN where there was none, `out` is as it was. */
int64_t lookout_read(struct lookout *l, int pool, struct flags *out);

/* Since when the oldest look that was asked for has no answer (boot time, ms); UNKNOWN: none. */
int64_t lookout_waits_ms(struct lookout *l);

/* How many looks have ended, each of all pools; lookout_fd is quiet until the next. */
int64_t lookout_looks(struct lookout *l);

/* Readable when a look ended that was not counted since. */
int lookout_fd(const struct lookout *l);

#endif
