/* Lint: what is no error in a configuration, and yet not what one wants: limits that can never
 * fire, bakes too short to know anything, gates that are always open. Pure. */
#ifndef WEIR_TUI_LINT_H
#define WEIR_TUI_LINT_H

#include "tui/config.h"
#include "tui/rates.h"

struct lint_doubt {
	char pool[POOL_NAME_MAX];
	const char *key; /* below the pool: "guards.action" */
	char text[240];  /* one line */
};

/* Zero-initialised it has none. */
struct lint {
	struct lint_doubt *doubts;
	size_t count, cap;
};

/* Adds what is doubtful about a pool at these rates, of which any may be unknown. */
void lint_pool(struct lint *l, const struct config_pool *p, const struct rates *r);

void lint_release(struct lint *l);

/* How long a step of a plan stays before the next. */
int64_t lint_stays_ms(const struct plan *p, int step);

/* Writes a time to two digits: "45 s", "12 min", "4.3 h", "3.1 d"; UNKNOWN "more than a year". */
void lint_time(char *out, size_t size, int64_t ms);

#endif
