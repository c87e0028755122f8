/* Control: the pool's own record of its split: epoch, revision, keys, hold, audit. Pure: `now`
 * and the store are arguments. The same for `local:`, `weir serve` and tests.
 *
 * Invariants:
 * 1. rev rises with every accepted change of split; epoch with every applied rollback.
 * 2. A command with an older epoch or rev never applies; a void key never applies.
 * 3. A known key with the same body gets the stored answer, marked replayed.
 * 4. A change is stored before it is applied, applied before it is answered; a rollback or
 *    hold that cannot be stored is applied all the same and says so (durable false). Without a
 *    store there is nothing to be told.
 * 5. Only accepted changes have a key; keys live >= 24 h and >= 1,024. */
#ifndef WEIR_CLIENT_ENGINE_CONTROL_H
#define WEIR_CLIENT_ENGINE_CONTROL_H

#include "model/driver.h"
#include "model/pool.h"

struct control;
struct store; /* client/engine/store.h: one synced line a change; NULL keeps nothing */

struct control_options {
	enum strategy strategy;
	int share_bp;
	bool has_v2;
	int64_t epoch; /* where it starts when the store has none; 0: the wall clock in ms */
};

struct control *control_new(const struct control_options *how, struct store *store,
	struct instant now, struct err *err);
void control_free(struct control *c);

/* Counters of both arms now, for the `change` block of an accepted change. */
struct control_counts {
	struct change_counts arms[ARM_COUNT];
};

/* A change as it arrives. */
struct control_request {
	enum verb verb;        /* STEP, HOLD, RESUME, ROLLBACK */
	char key[POOL_ID_MAX]; /* "" none */
	uint64_t body_hash;    /* of the body's bytes: same key, other body is refused */
	bool has_match;        /* STEP: If-Match was there */
	int64_t match_epoch, match_rev;
	int to_bp, from_bp;     /* from_bp -1: not said */
	enum strategy strategy; /* STRATEGY_COUNT: not said */
	char actor[POOL_ACTOR_MAX], reason[POOL_REASON_MAX], plan_hash[POOL_HASH_MAX];
};

struct control_answer {
	int status;     /* HTTP: 200, 400, 409, 410, 412, 422, 428, 507 */
	char error[24]; /* word of a refusal: "held", "conflict", "void", …; "" for 200 */
	char message[POOL_REASON_MAX];
	int64_t epoch, rev;
	int share_bp;
	bool replayed, durable;
	char changed_by[POOL_ACTOR_MAX];
	int64_t changed_age_ms;
};

/* Decides one change in the order of refusal of weir.pool/1 and applies it. */
void control_change(struct control *c, const struct control_request *r,
	const struct control_counts *counts, struct instant now, struct control_answer *out);

/* Replaces the counters of the last change of split: for an owner that can count exactly only
 * when the split is in force, which is after it was stored. */
void control_recount(struct control *c, const struct control_counts *counts);

enum intent_fate { INTENT_UNKNOWN, INTENT_APPLIED, INTENT_SUPERSEDED, INTENT_VOID };
const char *intent_fate_name(enum intent_fate f); /* "unknown", "applied", … */

/* The fate of a key. `make_void`: an unknown one becomes void for ever (stored). Returns the
 * fate after; out (may be NULL) gets epoch, rev, share of its application. -1 status in
 * out->status 507 when the void could not be stored. */
enum intent_fate control_intent(struct control *c, const char *key, bool make_void,
	struct instant now, struct control_answer *out);

/* Copies audit entries with seq > since, oldest first, at most `max`; ages are as of now. */
size_t control_audit(const struct control *c, int64_t since, struct audit_entry *out,
	size_t max, struct instant now);

/* Fills epoch, rev, strategy, share, baseline, kept, plan_hash, hold, change, audit_* of a
 * document. */
void control_fill(const struct control *c, struct snapshot *s, struct instant now);

/* For the router, without a lock beyond the owner's: the split in force. */
void control_split(const struct control *c, enum strategy *strategy, int *share_bp);

#endif
