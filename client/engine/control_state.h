/* Control state: what a control holds, for the files that are it: control.c decides and keeps,
 * control_rule.c refuses, control_time.c lets time act, control_peer.c shares the plan. Nobody
 * else's. */
#ifndef WEIR_CLIENT_ENGINE_CONTROL_STATE_H
#define WEIR_CLIENT_ENGINE_CONTROL_STATE_H

#include "client/engine/control.h"
#include "client/engine/control_log.h"

#define LEASE_TTL_MAX_MS (10 * 60 * 1000)
#define GUARD_HOLD_MAX_MS (4 * 3600 * 1000)
#define NEVER INT64_MAX /* a deadline that does not come */

/* X(name): what a change sets; the last one that set it is in force. */
#define ASPECT_INFO(X) \
	X(SPLIT) X(KEEP) X(HOLD) X(OPERATIONS) X(PLAN) X(LEASE) X(GUARD) X(DRAIN) X(END)

enum aspect {
#define X(name) ASPECT_##name,
	ASPECT_INFO(X)
#undef X
		ASPECT_COUNT
};

/* A change that was answered before it was known whether the disk has it. */
struct pending {
	uint64_t ticket;          /* 0: none */
	struct store_record undo; /* the void of its key */
};

#define SPENT_KEYS 64

struct control {
	struct store *store;
	char spent[SPENT_KEYS][POOL_ID_MAX]; /* a ring: of changes that the disk did not take */
	unsigned spent_count;
	bool has_v2, finalized;
	char finished_by[POOL_ACTOR_MAX], finished_why[POOL_REASON_MAX];
	int64_t finished_boot_ms;
	const struct operation_set *known; /* NULL: any operation */
	enum strategy strategy;
	int share_bp, baseline_bp, kept_bp;
	int64_t epoch, rev, seq;
	char plan_hash[POOL_HASH_MAX];
	struct operation_set operations;
	struct text operation_text; /* the same as in a record; empty where not limited */
	enum orphan on_orphan;

	int64_t keep_ms;      /* 0: nothing is to be kept */
	int64_t keep_boot_ms; /* the deadline; NEVER while a hold stops it */
	int64_t keep_wall_ms; /* the same for a restart; 0 while stopped */

	char holder[POOL_ACTOR_MAX]; /* of the lease; "" nobody */
	int64_t lease_boot_ms;       /* its end */

	struct guard_limits limits;
	int64_t guard_hold_boot_ms, guard_hold_wall_ms; /* its end; 0: the guard acts */
	struct control_guard guard;                     /* the latest word */
	int64_t guard_boot_ms;                          /* since when it says so */
	int64_t blind_boot_ms; /* since when without data and without a resume */
	bool latched;          /* red, and acted upon; until a resume */
	bool latched_by_hold;  /* by holding where it would roll back but for an order */
	char latched_word[POOL_REASON_MAX];
	unsigned accepted; /* bits of what is red and was so when a person resumed */
	bool resumed;      /* a person resumed what was red, and the judge has not been told */
	bool both_held;    /* held for both sides, and no news since */

	struct hold hold; /* age_ms unused: see hold_boot_ms */
	int64_t hold_boot_ms;
	struct change change; /* age_ms unused: see change_boot_ms */
	int64_t change_boot_ms;
	int64_t set_seq[ASPECT_COUNT]; /* of the last record that set it */
	uint64_t head;                 /* chained hash of all records */
	/* Of the newest change that told one, and whose: that file had it, and must have it still. */
	char history_head[POOL_HASH_MAX], history_by[POOL_ACTOR_MAX];
	struct control_log log;
	struct pending pending;

	bool shared, led;             /* control_share, control_lead */
	struct text own;              /* of changes made here and not yet agreed on: their lines */
	int64_t own_seq;              /* of the first of them */
	struct text past;             /* the newest lines of an earlier boot, for control_reclaim */
	char absent[POOL_REASON_MAX]; /* why who leads is not followed now; "" it is */
	int64_t absent_boot_ms;
};

/* Takes in a record of `boot_ms`; its deadlines count from now. */
void control_take(struct control *c, const struct store_record *r,
	const struct control_counts *counts, int64_t boot_ms, struct instant now, uint64_t ticket);

/* False for a word that no change has. */
bool control_knows(const char *what);

/* Takes in what a pool does by itself, as drafted, without waiting for the disk. */
void control_do(struct control *c, struct store_record *r, const struct control_counts *counts,
	struct instant now);

/* The answer of one that changes nothing: where the pool stands. */
void control_fill_current(
	const struct control *c, struct instant now, struct control_answer *out);

/* Looks up what has become of a change that was given up. */
void control_clear_pending(struct control *c, struct instant now);

/* ---- control_draft.c ---- */

/* What the pool is, as the record of a next change. */
void control_draft(
	const struct control *c, const char *what, struct instant now, struct store_record *out);

/* What it would be after an accepted request. `names` holds what the record borrows. */
void control_draft_change(const struct control *c, const struct control_request *r,
	struct instant now, struct text *names, struct store_record *out);

/* Drafts the way back to the baseline. */
void control_draft_rollback(const struct control *c, struct store_record *out);

/* The share that a rollback goes to. */
int control_base_bp(const struct control *c);

/* A migration that has begun and is not back where it began. */
bool control_is_open(const struct control *c);

/* The strategy after a step: the one asked for; else (STRATEGY_COUNT) the one in force, unless
 * it implies another share. */
enum strategy control_strategy_after(const struct control *c, enum strategy asked, int to_bp);

/* The baseline after an arming. */
int control_baseline_after(const struct control *c, const struct control_request *r);

/* ---- control_rule.c ---- */

/* Refuses in `out`; false, so that `return control_refuse(…)` reads well. */
bool control_refuse(struct control_answer *out, int status, const char *word,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* 410: says who finished it, when and why. */
bool control_refuse_finished(
	const struct control *c, struct instant now, struct control_answer *out);

/* 428, 400. */
bool control_is_well_formed(const struct control_request *r, struct control_answer *out);

/* 410, 423, 412, 409, 422, 507: after the key. */
bool control_is_allowed(const struct control *c, const struct control_request *r,
	struct instant now, struct control_answer *out);

/* 423. */
bool control_refuse_lease(
	const struct control *c, struct instant now, struct control_answer *out);

/* ---- control_peer.c ---- */

/* Remembers a change that was made here, where the plan is shared. */
void control_note_own(struct control *c, const struct store_record *r);

/* Remembers a change of an earlier boot. */
void control_note_past(struct control *c, const struct store_record *r);

/* 409: where another store leads, only brakes and drains are taken here. */
bool control_is_followed(
	const struct control *c, const struct control_request *r, struct control_answer *out);

/* ---- control_time.c ---- */

/* What a broken limit does now: HOLD in place of ROLLBACK while it was told so. */
enum guard_action control_guard_action(const struct control *c, struct instant now);

/* True where there are limits and v2 has more than the baseline. */
bool control_is_asked(const struct control *c);

/* True when the guard has had no data for so long that raises are refused. */
bool control_is_blind(const struct control *c, struct instant now);

/* A resume: what is red is accepted, and the time without data begins anew. */
void control_guard_resume(struct control *c, struct instant now);

/* Takes back a raise that nobody kept, and holds there. */
void control_revert(struct control *c, const struct control_counts *counts, struct instant now,
	const char *reason);

/* What is left until a moment of this boot's clock; 0 when it has passed. */
int64_t control_left(int64_t boot_ms, struct instant now);

#endif
