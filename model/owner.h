/* Owner: the one process that acts on a pool's guard, and what is known of it. Pure. */
#ifndef WEIR_MODEL_OWNER_H
#define WEIR_MODEL_OWNER_H

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
	int64_t written_wall_ms;
	char word[120];
};

#define OWNER_LINE_MAX 512

/* Writes the line (without newline), and reads it: false where it is none of ours. Texts are
 * cleaned. The line: "weir 1 STATE WRITTEN ACTOR WORD..." */
void owner_line_write(char out[OWNER_LINE_MAX], const struct owner_line *l);
bool owner_line_read(struct owner_line *out, const char *line);

/* Who owns the guard: the pool where it has one; else a recorder whose line is younger than two
 * polls; else a console that guards. Without a plan none acts. */
enum guard_owner owner_of(bool has_plan, bool pool_guards, const struct owner_line *line,
	int64_t wall_ms, int64_t interval_ms, bool console_guards);

#endif
