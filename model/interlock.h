/* Interlock: may this change be made now? One pure function over a plain struct of facts; 14
 * predicates, all that are asked must hold, and a refusal names all that fail.
 *
 * What each policy asks is one table (control.md of the design, in interlock.c). Source of the
 * predicates: reliability research on staged rollouts; numbering is stable and public. */
#ifndef WEIR_MODEL_INTERLOCK_H
#define WEIR_MODEL_INTERLOCK_H

#include "model/approval.h"
#include "model/err.h"
#include "model/guard.h"
#include "model/owner.h"
#include "model/plan.h"
#include "model/policy.h"
#include "model/raising.h"
#include "model/unit.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, word): in the order of their public numbers, from 1. */
#define PREDICATE_INFO(X) \
	X(HISTORY, "history writable") \
	X(LIVE, "every node live") \
	X(IDENTITY, "identity and build equal") \
	X(DRIFT, "no drift") \
	X(OPEN, "no open intent") \
	X(LEASE, "lease mine") \
	X(REVISION, "revision as shown") \
	X(NEXT, "next share") \
	X(BAKE, "bake elapsed") \
	X(SAMPLES, "enough samples") \
	X(GUARD, "guard green") \
	X(FROZEN, "not frozen or held") \
	X(APPROVAL, "approvals present") \
	X(WAY_BACK, "way back proven")

enum predicate {
#define X(name, word) PREDICATE_##name,
	PREDICATE_INFO(X)
#undef X
		PREDICATE_COUNT
};

const char *predicate_name(enum predicate p);

/* Those that break-glass relaxes. Never what keeps a change from going astray (1-8), never the way
 * back (14); and where the policy asks for approvals break-glass asks for one at every share. */
#define PREDICATES_FORCED \
	(1u << PREDICATE_BAKE | 1u << PREDICATE_SAMPLES | 1u << PREDICATE_GUARD | \
		1u << PREDICATE_FROZEN)

/* What kind of change is asked; each asks its own predicates. */
#define ACT_INFO(X) \
	X(RAISE, "raise") \
	X(PUT_BACK, "put back") /* the last verified share, after a reload lost it */ \
	X(COMPLETE, "complete") /* a step that only some nodes took, at the others */ \
	X(LOWER, "lower") /* or an operation taken off v2, a strategy at the same share, disarm */ \
	X(WIDEN, "widen") /* one more operation for v2 */ \
	X(KEEP, "keep") \
	X(FINALIZE, "finalize") /* the way back ends */ \
	X(ARM, "arm") \
	X(RESUME, "resume") \
	X(ADOPT, "adopt") \
	X(TELL, "tell") /* take, guard, and what nothing gates: no share moves */

enum act {
#define X(name, word) ACT_##name,
	ACT_INFO(X)
#undef X
		ACT_COUNT
};

/* True for what gives v2 more work. */
bool act_is_forward(enum act a);

struct interlock_facts {
	enum act act;
	char pool[POOL_NAME_MAX];
	struct policy policy;
	bool has_plan;
	unsigned forced; /* by break-glass: bits of the predicates that may fail */
	/* 1 */
	bool history_writable;
	char history_why[120];
	/* 2 */
	int nodes, nodes_live;
	int64_t worst_age_ms; /* of the oldest news; UNKNOWN: never any */
	/* 3 */
	bool identity_equal, build_equal;
	int dropped; /* operations that a document had beyond what fits */
	/* 4; -1 not known (or nodes differ) */
	int intended_bp, reported_bp;
	bool split_off;  /* the judge's split test: traffic is not split as asked */
	int measured_bp; /* what it is then */
	int64_t measured_n;
	/* 5 */
	bool open_intent;
	char open_what[80]; /* "step 1 > 10 %" */
	int rising, max_raising; /* other pools that rise, of so many at once; 0: any number */
	int64_t rising_left_ms;  /* of the one that is over last, */
	char rising_text[RAISING_TEXT_MAX]; /* and which that is */
	/* 6 */
	int64_t forbidden_left_ms; /* a node refused a change for want of rights; 0: none did */
	char forbidden_at[81];     /* that node's target */
	bool lease_asked;          /* the pool has leases */
	bool lease_mine;
	char lease_holder[97]; /* "": free, taken with the act */
	int64_t lease_left_ms; /* UNKNOWN: not known */
	bool armed;            /* the pool is armed with this plan */
	/* 7 */
	int64_t shown_epoch, shown_rev, epoch, rev;
	char changed_by[97]; /* who changed the split last; "" not known */
	int64_t changed_age_ms;
	/* 8 */
	int from_bp, to_bp;
	int next_bp; /* the plan's; -1 none */
	int max_delta_bp;
	bool plan_as_armed;
	int64_t v1_busy;     /* FINALIZE: requests that v1 still has; UNKNOWN */
	int64_t v1_sessions; /* and sessions; UNKNOWN: not counted there */
	int64_t v1_end_ms;   /* until the last of these ends */
	/* 9, 10 */
	bool at_baseline;     /* nothing has been baked */
	bool kept;            /* nothing goes back by itself, or a step keeps it first */
	int64_t bake_left_ms; /* 0: over; UNKNOWN: the time of the last change is not known */
	int64_t keep_left_ms; /* the same of the plan's bake alone, which is all that KEEP asks */
	int64_t min_samples;
	int64_t samples[2];    /* units in this bake, v1 and v2; UNKNOWN */
	double sample_rate[2]; /* units a second now, for the time to wait; NaN */
	/* 11 */
	enum guard_state guard;
	bool guard_red, guard_both; /* latched */
	char guard_what[80];
	enum verdict_word verdict; /* of the guard's owner; NONE: nobody says one */
	char verdict_text[VERDICT_TEXT_MAX];
	/* 12 */
	bool frozen;
	int64_t frozen_left_ms; /* UNKNOWN: time alone does not end it, or nobody says when */
	char frozen_text[160];  /* why and until when */
	bool held;
	char held_by[97];
	char held_why[POOL_REASON_MAX]; /* said where nobody but time ends it */
	/* 13 */
	bool approvers_known;        /* the plan names some */
	enum approval_word approval; /* of the best that there is */
	char approved_by[97];
	int64_t approval_left_ms; /* GOOD: how long it still is */
	char asked_id[DECISION_ID_MAX]; /* the ask that waits for one; "" none does */
	/* 14 */
	bool baseline_known, v1_serving;
	char v1_why[120]; /* why v1 is not serving; "" */
	enum guard_owner owner;
	bool guard_unarmed; /* the pool has a guard, without limits so far */
	bool drilling;        /* this is the drill's own step */
	int64_t drill_age_ms; /* of the last one that was seen to its end; UNKNOWN: none is known */
	char drill_text[48];  /* of it */
};

enum check_state {
	CHECK_HOLDS,
	CHECK_FAILS,
	CHECK_NOT_ASKED, /* by this policy, for this act */
	CHECK_FORCED,    /* it fails, and break-glass relaxed it */
	CHECK_COUNT
};

/* In evidence: "holds", "fails", "not asked", "forced". */
const char *check_state_name(enum check_state s);

struct interlock_check {
	enum check_state state;
	enum err_code code;
	int64_t
		wait_ms; /* CHECK_FAILS, CHECK_FORCED: until it clears by time alone; UNKNOWN: time does not help */
	char text[160]; /* with its numbers */
};

struct interlock {
	struct interlock_check check[PREDICATE_COUNT];
	unsigned failing; /* bit p set: predicate p is asked and fails */
	unsigned forced;  /* bit p set: it fails too, and is relaxed */
	int failures;
	bool allowed;
	int64_t wait_ms; /* the longest wait when time alone helps every one; UNKNOWN; 0 allowed */
};

/* Up to this share a console is guard owner enough. */
#define CONSOLE_MOST_BP 1000

/* True when the policy asks predicate `p` for an act at or above the baseline. */
bool interlock_asks(
	const struct policy *policy, enum act act, bool at_baseline, enum predicate p);

/* Where two must agree they agree on break-glass too, whatever the share: true when a second person
 * is asked for it. */
bool interlock_asks_second(const struct interlock_facts *f);

/* True when only what break-glass relaxes, or an approval of it, is in the way. */
bool interlock_is_forcible(const struct interlock *i);

/* Judges every predicate. */
void interlock_evaluate(struct interlock *out, const struct interlock_facts *facts);

/* A failing check as a line: "W181 samples of v2 212 of 300, clears in 01:20". */
void interlock_line(char *out, size_t size, const struct interlock_check *c);

/* The first failing predicate's line, "bake 06:49 left; W181 sessions 2,120 of 3,000": all of
 * them, joined by "; ", cut to fit. "" when allowed. */
void interlock_summary(char *out, size_t size, const struct interlock *i);

#endif
