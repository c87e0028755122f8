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
	VERB_GRAVE,  /* the typed name and a reason */
};

/* X(name, word, key or 0, class, argument shape, needs --confirm, traits, help) */
#define VERB_INFO(X) \
	X(STEP, "step", 'S', VERB_CHANGE, "SHARE", true, \
		VERB_SENT | VERB_SPLITS | VERB_MATCHES | VERB_LEASED, \
		"raise v2's share to the plan's next, or to SHARE") \
	X(HOLD, "hold", 'H', VERB_SAFE, "", false, VERB_SENT | VERB_BRAKES, \
		"nobody steps until resume; the share stays") \
	X(RESUME, "resume", 'U', VERB_CHANGE, "", true, VERB_SENT, \
		"end a hold and accept what is red") \
	X(ROLLBACK, "rollback", 'R', VERB_OPEN, "", false, VERB_SENT | VERB_BRAKES | VERB_SPLITS, \
		"back to the baseline, at once") \
	X(ANNOTATE, "annotate", 'A', VERB_SAFE, "TEXT", false, 0, "write a note into the history") \
	X(KEEP, "keep", 0, VERB_CHANGE, "", true, VERB_SENT, \
		"make the raise stay: it no longer goes back by itself") \
	X(OPERATIONS, "operations", 0, VERB_CHANGE, "+OP -OP", true, \
		VERB_SENT | VERB_SPLITS | VERB_MATCHES | VERB_LEASED, \
		"allow an operation on v2, or take it off") \
	X(ARM, "arm", 0, VERB_CHANGE, "", true, VERB_SENT | VERB_LEASED, \
		"begin a migration by the plan: the pool captures its baseline") \
	X(DISARM, "disarm", 0, VERB_CHANGE, "", true, VERB_SENT | VERB_LEASED, \
		"end a migration that is back at its baseline") \
	X(TAKE, "take", 0, VERB_CHANGE, "", true, VERB_SENT, \
		"take the lease from whoever holds it") \
	X(GUARD, "guard", 0, VERB_CHANGE, "hold|act", true, VERB_SENT, \
		"for a time the guard holds where it would roll back") \
	X(DRAIN, "drain", 'D', VERB_CHANGE, "WORKERS", true, VERB_SENT, \
		"take workers out of new work, or put them back: v2.0.3") \
	X(ADOPT, "adopt", 0, VERB_GRAVE, "", true, VERB_SENT, \
		"hold, and take what the pool says for what was asked") \
	X(FINALIZE, "finalize", 0, VERB_GRAVE, "", true, VERB_SENT | VERB_LEASED, \
		"finish the migration for good: no way back after this") \
	X(CLOSE, "close", 0, VERB_CHANGE, "ID", false, 0, \
		"give up a rollback that is not seen, with a reason") \
	X(ASK, "ask", 0, VERB_SAFE, "SHARE", false, 0, "ask somebody else to approve a step") \
	X(APPROVE, "approve", 0, VERB_CHANGE, "ID", true, 0, \
		"allow what somebody else asks for")

/* What a verb is, beside its class. */
enum verb_trait {
	VERB_SENT = 1,    /* goes to the pool */
	VERB_BRAKES = 2,  /* sent whether recorded or not, and again until it is taken */
	VERB_SPLITS = 4,  /* changes where work goes: a new revision */
	VERB_MATCHES = 8, /* only as decided: carries epoch and revision */
	VERB_LEASED = 16, /* only with the lease */
};

enum verb {
#define X(name, word, key, class, argument, confirm, traits, help) VERB_##name,
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
	unsigned traits;      /* of enum verb_trait */
	const char *help;
};

/* The row of a verb; never NULL for v < VERB_COUNT. */
const struct verb_row *verb_row(enum verb v);
/* The verb of a word, VERB_COUNT for an unknown one. */
enum verb verb_of(const char *word);
/* True when the verb has the trait. */
bool verb_is(enum verb v, enum verb_trait t);
/* True when the verb is sent to the pool (annotate is not). */
bool verb_is_sent(enum verb v);
/* True for rollback and hold, which nothing gates. */
bool verb_is_brake(enum verb v);
/* What people type for a verb that has another name here (undo, abort: rollback; pause: hold;
 * promote: step); NULL when the word is no known alias. */
const char *verb_alias(const char *word);

#endif
