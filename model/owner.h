/* Owner: the one process that acts on a pool's guard, and what is known of it. Pure. */
#ifndef WEIR_MODEL_OWNER_H
#define WEIR_MODEL_OWNER_H

#include "model/decision.h"
#include "model/guard.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, word): the later, the longer it stays. */
#define OWNER_INFO(X) \
	X(NONE, "none")       /* nobody rolls back by itself */ \
	X(CONSOLE, "console") /* this console, as long as it runs */ \
	X(RECORD, "record")   /* a recorder on this host */ \
	X(POOL, "pool")       /* the pool by itself */

enum guard_owner {
#define X(name, word) OWNER_##name,
	OWNER_INFO(X)
#undef X
		OWNER_COUNT
};

const char *owner_name(enum guard_owner o);

/* What a recorder that guards says of itself, rewritten each poll: one line in a file that it
 * keeps locked. */
struct owner_line {
	bool held;      /* somebody holds the lock */
	bool mine;      /* and that is this process */
	char actor[97]; /* who runs it; "" not known */
	enum guard_state state;
	enum verdict_word verdict; /* of its judge; NONE: not said */
	int64_t written_wall_ms;
	char order[DECISION_ID_MAX]; /* the last order that it obeys; "" none */
	int64_t held_until_ms; /* wall clock: it only holds until then; 0: it was not told to */
	char word[120];
};

#define OWNER_LINE_MAX 512

/* Writes the line (without newline), and reads it: false where it is none of ours. Texts are
 * cleaned. The line: "weir 1 STATE WRITTEN ACTOR [order=UNTIL:ID ][verdict=WORD ]WORD...",
 * a verdict of two words joined by "_". */
void owner_line_write(char out[OWNER_LINE_MAX], const struct owner_line *l);
bool owner_line_read(struct owner_line *out, const char *line);

/* What a person tells the guard of a desk, a recorder's or a console's: hold where it would
 * roll back, for a time, or act again. It is a decision of verb GUARD in the history that both
 * share. */
#define OWNER_ORDER_MOST_MS (4 * 3600 * 1000)
struct owner_order {
	char id[DECISION_ID_MAX];
	int64_t at_ms;  /* wall clock */
	int64_t for_ms; /* it only holds for so long; 0: it acts */
};

/* Reads a decision as such an order. False for any other, also for one to a pool's own guard. */
bool owner_order_read(struct owner_order *out, const struct decision *d);

/* The order in force of a list (oldest first): the newest that was not refused; false: none. */
bool owner_order_find(struct owner_order *out, const struct decision *list, size_t count);

/* Who owns the guard: the pool where it has one; else a recorder whose line is younger than two
 * polls, or a second; else a console that guards. Without a plan none acts. */
enum guard_owner owner_of(bool has_plan, bool pool_guards, const struct owner_line *line,
	int64_t wall_ms, int64_t interval_ms, bool console_guards);

#endif
