/* Approval: what one person asks and another allows: this change of this pool, from this share to
 * that, at this revision, by this plan, for what the asker saw, for a short time. Pure: who signed
 * is checked in history/approval.h. */
#ifndef WEIR_MODEL_APPROVAL_H
#define WEIR_MODEL_APPROVAL_H

#include "model/decision.h"
#include "model/plan.h"

#include <stdbool.h>
#include <stdint.h>

#define APPROVAL_MS (15 * 60 * 1000) /* how long one is valid */
#define APPROVAL_AHEAD_MS 30000      /* so far the approver's clock may be ahead */
#define APPROVAL_WHAT_MAX 120
#define APPROVAL_TEXT_MAX 1200
#define APPROVALS_MAX 8 /* kept of a pool, the newest */

/* X(name, word): what an approval is worth. NONE and GOOD first; the rest say why it is not. */
#define APPROVAL_INFO(X) \
	X(NONE, "none") \
	X(GOOD, "good") \
	X(EDITED, "edited: the signature is wrong") \
	X(OWN, "own") \
	X(STRANGER, "not by an approver of the plan") \
	X(OTHER_ASKER, "asked for by another person") \
	X(USED, "used before") \
	X(OTHER_POOL, "other pool") \
	X(OTHER_PLAN, "other plan") \
	X(OTHER_CHANGE, "other change") \
	X(OTHER_SHARE, "other share") \
	X(OTHER_REVISION, "other revision") \
	X(OTHER_EVIDENCE, "other evidence") \
	X(FUTURE, "from the future") \
	X(EXPIRED, "expired")

enum approval_word {
#define X(name, word) APPROVAL_##name,
	APPROVAL_INFO(X)
#undef X
		APPROVAL_COUNT
};

const char *approval_name(enum approval_word w);

/* Canonical: each field a line of approval_write. */
struct approval_claim {
	char pool_id[POOL_ID_MAX];
	char plan[POOL_HASH_MAX];     /* hash; "-" without one */
	char what[APPROVAL_WHAT_MAX]; /* "step", "step by break-glass", "finalize", … */
	int from_bp, to_bp;
	int64_t epoch, rev;
	char evidence[POOL_HASH_MAX]; /* digest of all that the asker's row says */
	char asker[POOL_ACTOR_MAX];
	char asker_key[POOL_HASH_MAX]; /* public, hex */
	char approver[POOL_ACTOR_MAX];
	char approver_key[POOL_HASH_MAX];
	int64_t expires_ms; /* wall clock */
};

struct approval {
	struct approval_claim claim;
	char hash[POOL_HASH_MAX];  /* of claim and signature: names it where it is used */
	bool is_signed;            /* by the key that it names */
	char of[DECISION_ID_MAX];  /* the ask that this history has for it; "" none */
	char asked[POOL_HASH_MAX]; /* digest of that ask; "" none */
	int64_t heard_ms;          /* boot time when this process first had it */
	bool given;                /* by a token: it is said what is wrong with it */
};

/* What it must be good for: the change as it would be made now. */
struct approval_want {
	const char *pool_id, *plan, *what;
	int from_bp, to_bp;
	int64_t epoch, rev;
	const char *asker, *asker_key; /* who would make it; the key "" where it is not known */
	const char (*approvers)[POOL_HASH_MAX];
	int approver_count;
	bool is_used; /* a change names it already */
};

/* Writes the claim, a line a field; what is signed. */
void approval_write(char out[APPROVAL_TEXT_MAX], const struct approval_claim *c);
/* Reads exactly what approval_write writes of clean texts; false for anything else. */
bool approval_read(struct approval_claim *out, const char *text);

/* Whether it allows what is wanted; the first reason why not. */
enum approval_word approval_judge(
	const struct approval *a, const struct approval_want *want, struct instant now);

/* How the evidence of a change names the approval that it was made by; its hash follows. */
#define APPROVAL_USE "\"approval\":{\"hash\":"

/* True when a decision that was sent, and not surely refused, names the approval. */
bool approval_is_used(const struct approval *a, const struct decision *list, size_t count);

/* True for a key of the list of a plan. */
bool approval_is_listed(const char (*keys)[POOL_HASH_MAX], int count, const char *key);

/* True for two names of one login, on whatever hosts, however written: "kim@a" and "Kim@b". */
bool approval_is_same(const char *actor, const char *other);

/* What an ask asks: the claim without approver and expiry, but for its digest. False for a
 * decision that is no ask. */
bool approval_of_ask(struct approval_claim *out, const struct decision *ask);

/* True when the ask is for what is wanted, by who wants it. */
bool approval_is_asked(const struct decision *ask, const struct approval_want *want);

/* The text of a member of our own canonical JSON: `"name":"TEXT"` with nothing to escape. False
 * where there is none, or it does not fit. */
bool approval_member(char *out, size_t size, const char *json, const char *name);

#endif
