/* Verbs: everything a person can do to a pool or write into the record, as one table. Command
 * line, console keys, hints, help, completion, manual and read-only mode are derived from it.
 */
#ifndef WEIR_MODEL_VERB_H
#define WEIR_MODEL_VERB_H

#include <stdbool.h>
#include <stdint.h>

/* How much care an act asks for. */
enum verb_class {
	VERB_SAFE,   /* at once */
	VERB_OPEN,   /* rollback: never gated, one look */
	VERB_CHANGE, /* a sheet with a look and `y` */
};

/* X(name, word, key or 0, class, argument shape, needs --confirm, help) */
#define VERB_INFO(X) \
	X(STEP, "step", 'S', VERB_CHANGE, "SHARE", true, \
		"raise v2's share to the plan's next, or to SHARE") \
	X(HOLD, "hold", 'H', VERB_SAFE, "", false, "nobody steps until resume; the share stays") \
	X(RESUME, "resume", 'U', VERB_CHANGE, "", true, "end a hold and accept what is red") \
	X(ROLLBACK, "rollback", 'R', VERB_OPEN, "", false, "back to the baseline, at once") \
	X(ANNOTATE, "annotate", 'A', VERB_SAFE, "TEXT", false, "write a note into the history")

enum verb {
#define X(name, word, key, class, argument, confirm, help) VERB_##name,
	VERB_INFO(X)
#undef X
		VERB_COUNT
};

struct verb_row {
	const char *word;
	char key;
	enum verb_class class;
	const char *argument; /* "" none */
	bool needs_confirm;   /* on the command line: --confirm POOL */
	const char *help;
};

/* The row of a verb; never NULL for v < VERB_COUNT. */
const struct verb_row *verb_row(enum verb v);
/* The verb of a word, VERB_COUNT for an unknown one. */
enum verb verb_of(const char *word);
/* True when the verb is sent to the pool (annotate is not). */
bool verb_is_sent(enum verb v);
/* What people type for a verb that has another name here (undo, abort: rollback; pause: hold;
 * promote: step); NULL when the word is no known alias. */
const char *verb_alias(const char *word);

#endif
