/* Control: the pool's own record of its split: epoch, revision, keys, hold, audit. Pure: `now`
 * and the store are arguments. The same for `local:`, `weir serve` and tests.
 *
 * Invariants:
 * 1. rev rises with every accepted change of split; epoch with every applied rollback, when the
 *    lease passes to another actor who took it, when the pool goes back by itself and when its
 *    guard rolls back.
 * 2. A command with an older epoch or rev never applies; a void key never applies.
 * 3. A known key with the same body gets the stored answer, marked replayed.
 * 4. A change is stored before it is applied, applied before it is answered; a rollback or
 *    hold that cannot be stored is applied all the same and says so (durable false). Without a
 *    store there is nothing to be told.
 * 5. Only accepted changes have a key; keys live >= 24 h and >= 1,024.
 * 6. While a lease is held only its actor raises. Rollback, hold, resume and keep need none; a
 *    rollback ends it. Leases do not survive a restart: whoever held one renews it.
 * 7. A raise with keep_within_ms goes back to kept_bp (or holds, by on_orphan) when nobody keeps
 *    it in time; a hold stops the time, a resume starts it anew. The deadline survives a restart:
 *    by the wall clock, at most the original length.
 * 8. The baseline is captured when none is open and never moves while one is.
 * 9. A migration is finished at 100 %, kept, with nothing left on v1. Then no change applies any
 *    more, a rollback neither, and no restart ends that.
 * 10. A drain is a change like any other, and its workers' owner puts it in force. It ends with
 *    this boot: a restarted pool has all of its workers. */
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
	const struct operation_set *known; /* the operations there are; NULL: any. Borrowed */
	const struct operation_set
		*allowed; /* those that v2 may get, where the store has no word on
	                                      * it; NULL: all. Borrowed for the call */
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
	enum verb verb;        /* one that is sent; ADOPT arrives as HOLD */
	char key[POOL_ID_MAX]; /* "" none */
	uint64_t body_hash;    /* of the body's bytes: same key, other body is refused */
	bool has_match;        /* If-Match was there; KEEP, FINALIZE: epoch and rev in their body */
	int64_t match_epoch, match_rev; /* of MATCHES, and of KEEP and FINALIZE by their body */
	int to_bp, from_bp;     /* from_bp -1: not said; OPERATIONS: to_bp -1: as it stands */
	int64_t keep_within_ms; /* STEP: 0 or UNKNOWN: the raise stays */
	bool has_guard;         /* STEP, ARM */
	struct guard_limits guard;
	bool has_operations; /* OPERATIONS, STEP */
	struct operation_set operations;
	int baseline_bp;       /* ARM: -1: the share as it stands */
	enum orphan on_orphan; /* ARM; ORPHAN_COUNT: not said */
	enum guard_action act; /* GUARD */
	int64_t for_ms;        /* GUARD: at most 4 h */
	int64_t ttl_ms;        /* TAKE */
	struct drain drain;    /* DRAIN: these, */
	bool drains;           /* out of new work, or back into it; and */
	enum drain_says
		says; /* what their owner says of it; of a raise LAST: all of v2 is drained */
	/* FINALIZE: what is left on v1, as the owner of its workers says; 0 all: nothing is */
	int64_t v1_busy, v1_sessions, v1_end_ms;
	enum strategy strategy; /* STRATEGY_COUNT: not said */
	char actor[POOL_ACTOR_MAX], reason[POOL_REASON_MAX], plan_hash[POOL_HASH_MAX];
	char history_head[POOL_HASH_MAX]; /* of whoever asks; kept where it is a name */
};

struct control_answer {
	int status; /* HTTP: 200, 400, 409, 410, 412, 422, 423, 428, 503, 507 */
	char error
		[24]; /* word of a refusal: "held", "unkept", "conflict", "leased", …; "" for 200 */
	char message[POOL_REASON_MAX];
	int64_t epoch, rev;
	int share_bp;
	bool replayed, durable;
	char changed_by[POOL_ACTOR_MAX];
	int64_t changed_age_ms;
};

/* Decides one change in the order of refusal of weir.pool/1 and applies it. One that the disk
 * does not take in time is answered 503 "in_progress": it is not applied, and a void of its key
 * follows its line. A brake waits for no disk: its answer says durable where control_settle
 * has been asked. */
void control_change(struct control *c, const struct control_request *r,
	const struct control_counts *counts, struct instant now, struct control_answer *out);

/* After control_change, when what it changed is in force: gives the disk a moment and says in
 * the answer whether a brake is stored. Does nothing for other answers. */
void control_settle(struct control *c, struct control_answer *out);

/* Replaces the counters of the last change of split: for an owner that can count exactly only
 * when the split is in force, which is after it was stored. */
void control_recount(struct control *c, const struct control_counts *counts);

/* Takes the free lease, renews the own or gives it back (ttl 0); another's is 423. ttl at most
 * 10 min. Nothing is stored and no key is asked, since nothing moves. */
void control_lease(struct control *c, const struct lease_request *r, struct instant now,
	struct control_answer *out);

/* What the pool's own guard says of the moment. */
struct control_guard {
	enum guard_state state;
	bool both;    /* v1 breaks a limit too */
	unsigned red; /* bits of enum metric, broken by v2 alone, and of LATCH_JUDGE */
	char word[POOL_REASON_MAX]; /* "errors 4.1 % of 5 %" */
	enum verdict_word verdict;  /* of its judge */
	char verdict_text[VERDICT_TEXT_MAX];
};

/* Lets time act: deadlines of keeps, the lease's end, and the guard where it has limits (the
 * limits in force are told by control_limits). Red rolls back or holds as its action says;
 * BOTH holds; UNKNOWN for 60 s refuses raises, for 5 min without a lease does what on_orphan
 * says. Returns true when the split changed: the owner puts it in force and calls
 * control_recount. */
bool control_tick(struct control *c, const struct control_guard *guard,
	const struct control_counts *counts, struct instant now);

/* The limits that the pool's guard judges by; false while it asks nothing: there are none, or
 * v2 has no more than the baseline. */
bool control_limits(const struct control *c, struct guard_limits *out);

/* True once after each resume of what was red: v2 is judged anew from then on. */
bool control_take_resume(struct control *c);

/* True while v2 has no more than the baseline. */
bool control_is_at_base(const struct control *c);

/* How long ago the split last changed; UNKNOWN: never. */
int64_t control_change_age_ms(const struct control *c, struct instant now);

/* The operations that v2 may get. */
const struct operation_set *control_operations(const struct control *c);

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

/* Fills epoch, rev, strategy, share, baseline, kept, keep, plan_hash, hold, lease, guard,
 * operations, change, audit_*, history_* of a document. */
void control_fill(const struct control *c, struct snapshot *s, struct instant now);

/* ---- a plan that several controls share ----
 * One store that all of them see holds the newest change, as its line; each control takes in what
 * it says. Brakes, and what time and guard do, are made at once where they are needed, and are
 * offered to that store by whoever owns the control. */

/* From now on the changes made here are kept for control_own. */
void control_share(struct control *c);

/* The lines of what was made here since the last control_adopt, oldest first, each with its
 * newline; "" nothing. Borrowed until the next change. */
const char *control_own(const struct control *c);

/* Where it stands. */
struct control_stand {
	int64_t epoch, rev, seq;
	int64_t agreed_seq; /* without what was made here and not yet agreed on */
	int share_bp;
	char head[POOL_HASH_MAX];
};
void control_stand(const struct control *c, struct control_stand *out);

/* Given a line that the store holds, before the first control_adopt: true when it is one of the
 * newest CONTROL_PAST that this control had before it began anew; what it had made since is its own
 * then. */
#define CONTROL_PAST 64
bool control_reclaim(struct control *c, const char *line);

/* Makes a change that changes nothing: what this control is, as a line, for a store that has
 * none. */
void control_begin(struct control *c, struct instant now);

/* True when a line that the store holds is one that was taken in here, and there are newer ones
 * since: the store is an older copy, or was not told of them before this control began anew. */
bool control_has_passed(const struct control *c, const char *line);

/* Takes in a line that the store holds, which replaces what was made here: a rollback that was not
 * done there, a hold, a drain and an unkept raise that is still due are made anew on top of it.
 * `live`: it was made just now, so that its times count from now, whatever the two clocks say.
 * True in *changed when the split did. 0, or -1 with err, nothing changed: W203 damaged, W205 not
 * understood, W002 there is no v2 that could have what it says. */
int control_adopt(struct control *c, const char *line, bool live, struct instant now,
	bool *changed, struct err *err);

/* That store leads: whatever is no brake or drain is refused here. `absent`: why it is not
 * followed now, which the document shows as a hold; NULL: it is. */
void control_lead(struct control *c, const char *absent, struct instant now);

/* Who holds the lease there; "" nobody. */
void control_hear_holder(
	struct control *c, const char *holder, int64_t ttl_ms, struct instant now);

/* For the router, without a lock beyond the owner's: the split in force. */
void control_split(const struct control *c, enum strategy *strategy, int *share_bp);

#endif
