/* Decisions: an intent, its outcomes at the nodes and its verification, as recorded. */
#ifndef WEIR_MODEL_DECISION_H
#define WEIR_MODEL_DECISION_H

#include "model/err.h"
#include "model/pool.h"
#include "model/unit.h"
#include "model/verb.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, word, final): what became of an intent. PENDING and UNRESOLVED are no rows of the
 * history: they are the lack of a final one. */
#define OUTCOME_INFO(X) \
	X(PENDING, "PENDING", false) \
	X(APPLIED, "APPLIED", true) \
	X(REFUSED, "REFUSED", true) \
	X(UNRESOLVED, "UNRESOLVED", false) \
	X(SUPERSEDED, "SUPERSEDED", true) \
	X(NOT_SENT, "NOT_SENT", true) \
	X(VOID, "VOID", true) \
	X(CLOSED, "CLOSED", true) /* given up by a person */

enum outcome_kind {
#define X(name, word, final) OUTCOME_##name,
	OUTCOME_INFO(X)
#undef X
		OUTCOME_COUNT
};

const char *outcome_name(enum outcome_kind k);
enum outcome_kind outcome_of(const char *word); /* OUTCOME_COUNT when unknown */
bool outcome_is_final(enum outcome_kind k);

#define DECISION_ID_MAX POOL_ID_MAX
#define DECISION_EVIDENCE_MAX 4000

/* One intent with all that is known of it. */
/* The role of what a guard decided, and how its reason begins. */
#define GUARD_ROLE "guard"
#define KEEPER_ROLE "keeper"
#define FLAG_ROLE "flag" /* a file asked for it */
#define GUARD_REASON "guard: "

struct decision {
	char id[DECISION_ID_MAX]; /* also the Idempotency-Key; time-ordered for own decisions */
	char pool[POOL_NAME_MAX];
	char pool_id[POOL_ID_MAX]; /* "" before the first answer of the pool */
	int64_t seq;               /* of its row in the chain; 0 before it is recorded */
	int64_t at_ms;             /* wall clock */
	char actor[POOL_ACTOR_MAX];
	char role[24]; /* "operator", "keeper", "guard", "flag", "pool" */
	enum verb verb;
	int from_bp, to_bp; /* -1: not known */
	char reason[POOL_REASON_MAX];
	int64_t epoch, rev; /* of the pool when it was decided; UNKNOWN */
	bool observed;      /* others did it; taken from the pool's audit */
	bool late;
	char evidence[DECISION_EVIDENCE_MAX]; /* canonical JSON object, "{}" when none */
	/* what followed */
	enum outcome_kind outcome;
	int64_t outcome_ms;           /* wall clock; UNKNOWN while there is none */
	int64_t verified_ms;          /* wall clock; UNKNOWN while not verified */
	int64_t closed_ms;            /* wall clock at which a person gave it up; not above 0: no */
	int64_t latency_ms;           /* from sent to answered; UNKNOWN */
	char answer[POOL_REASON_MAX]; /* the pool's or our words about the outcome */
	char hash[POOL_HASH_MAX];     /* hex of its row in the chain; "" before */
};

/* A row about a decision: an outcome at a node, the final one, or the verification. */
enum outcome_row_kind { OUTCOME_ROW_NODE, OUTCOME_ROW_FINAL, OUTCOME_ROW_VERIFIED };

struct outcome_row {
	char decision[DECISION_ID_MAX];
	enum outcome_row_kind row;
	char node[POOL_NAME_MAX]; /* "" for the final one and the verification */
	enum outcome_kind kind; /* of node and final rows; APPLIED for a verification, CLOSED where
	                             a person gave up what was applied and not seen */
	int64_t at_ms;          /* wall clock */
	int64_t latency_ms;     /* UNKNOWN allowed */
	char answer[POOL_REASON_MAX];
};

/* Makes a UUIDv7 text of a wall time and 10 random bytes (given by the caller). */
void decision_make_id(
	char out[DECISION_ID_MAX], int64_t wall_ms, const unsigned char random[10]);

/* Applies a row to what is known: the first final outcome stays, a verification (or that it was
 * given up) is added.
 * Returns false when nothing changed. */
bool decision_add_outcome(struct decision *d, const struct outcome_row *row);

/* True when the decision has a verb that is sent and no final outcome. */
bool decision_is_open(const struct decision *d);

/* Writes what one entry of a pool's audit log says as a decision that was observed and not yet
 * said to be applied. `id`: the entry's key, or the id that stands for it; at_ms: wall clock of
 * the answer that brought it. A word that is no verb of ours and moved the share (the pool's
 * "revert" of what nobody kept) is a step, and its reason says the word. What the pool did by
 * itself has the role "pool". False for an entry that decides nothing. */
bool decision_observe(struct decision *d, const char *pool, const char *pool_id,
	const struct audit_entry *e, const char *id, int64_t at_ms);

/* The wall clock at which its effect was there to see: verified, or told by the pool's own log;
 * UNKNOWN while it was not. */
int64_t decision_seen_ms(const struct decision *d);

/* True when `d`, a rollback that a guard decided, would do once more what `other` does: the same of
 * another guard in the same life of the pool, decided at about the same time, or where the pool
 * stands still, some time ago and without an answer yet: whoever finds that can send it. What a
 * person decides repeats nothing; a hold that is open nobody sends again. */
#define DECISION_REPEAT_MS 60000 /* of what is further back nothing is repeated */
bool decision_repeats(const struct decision *d, const struct decision *other);

/* True for an applied rollback of our own that has neither been seen everywhere nor given up.
 */
bool decision_awaits_verification(const struct decision *d);

struct text;
/* Appends the decision as the JSON object of `weir log --json` (one line, no newline). */
void decision_json(struct text *t, const struct decision *d);

#endif
