/* Migration: where a migration stands. Nobody stores it: every process derives it from the
 * pool's document, the last decisions and the plan, so two consoles and a one-shot command
 * agree.
 *
 * Invariants:
 * 1. One function of the facts gives the state; it has no memory.
 * 2. Rollback is accepted in every state but FINALIZED.
 * 3. READY and COMPLETE are only given for known facts: unknown is never ready.
 * 4. What an operator began comes before what the pool reports: while a command is open the
 * state is that command's (STEPPING, UNRESOLVED, ROLLING_BACK, RB_UNVERIFIED).
 *
 *            plan            preflight            step              seen
 *   IDLE -----------> PLANNED --------> ARMED ----------> STEPPING ------> BAKING <---+
 *    ^                                                        |  no answer   |        | step
 *    |                                                        v              v bake   |
 *    |                                                   UNRESOLVED        READY -----+
 *    |                                                                       | at 100 %
 *    |                rollback, from everywhere                              v
 *    +--- ROLLED_BACK <--- RB_UNVERIFIED <--- ROLLING_BACK <---          COMPLETE ---> FINALIZED
 *              seen on all nodes       acknowledged
 *
 * HELD: a person's hold, a red guard or one without data, nodes that differ, a raise that went
 * back by itself. DIVERGED: an unexplained share. A step that
 * was refused or not sent leaves the migration where it was: that is no reason that lasts. */
#ifndef WEIR_MODEL_MIGRATION_H
#define WEIR_MODEL_MIGRATION_H

#include "model/plan.h"
#include "model/verb.h"

#include <stdbool.h>
#include <stdint.h>

/* X(name, word, meaning) */
#define STATE_INFO(X) \
	X(IDLE, "IDLE", "the share is the baseline") \
	X(PLANNED, "PLANNED", "a plan is there, preflight has not passed") \
	X(ARMED, "ARMED", "preflight passed, the first step may be taken") \
	X(STEPPING, "STEPPING", "a step is being written or is on its way") \
	X(BAKING, "BAKING", "the share stands; timer and samples are running") \
	X(READY, "READY", "the next step may be taken") \
	X(HELD, "HELD", "no forward move until the reasons are gone") \
	X(UNRESOLVED, "UNRESOLVED", "sent, effect unknown") \
	X(ROLLING_BACK, "ROLLING_BACK", "rollback is being sent") \
	X(RB_UNVERIFIED, "RB_UNVERIFIED", "rollback acknowledged, not yet seen everywhere") \
	X(ROLLED_BACK, "ROLLED_BACK", "rollback seen on all nodes") \
	X(DIVERGED, "DIVERGED", "the share is not what was decided, and nothing explains it") \
	X(COMPLETE, "COMPLETE", "all work on v2, the way back still open") \
	X(FINALIZED, "FINALIZED", "no way back")

enum state {
#define X(name, word, meaning) STATE_##name,
	STATE_INFO(X)
#undef X
		STATE_COUNT
};

const char *state_name(enum state s);
const char *state_meaning(enum state s);
enum state state_of(const char *word); /* STATE_COUNT when unknown */

enum forward { FORWARD_NONE, FORWARD_ON_ITS_WAY, FORWARD_UNRESOLVED };
enum back { BACK_NONE, BACK_SENDING, BACK_UNVERIFIED, BACK_DONE };

struct migration_facts {
	bool has_plan, by_hand; /* by_hand: policy manual, nothing bakes */
	bool preflight;         /* predicates 1-7 and 14 hold */
	int share_bp;           /* reported; -1 unknown or nodes differ */
	int baseline_bp;
	bool mixed;           /* nodes report different shares */
	enum forward forward; /* of the newest open step, hold or resume */
	enum back back;       /* of the newest rollback; DONE: it is the last change, and seen */
	bool diverged;        /* reported is known, not intended, and not explained */
	bool held;            /* a person's hold, or the pool took back what nobody kept */
	bool red;             /* the latched guard, both sides, or the pool's guard sees nothing */
	bool baked, sampled, guarded; /* bake over; samples there; the guard as the policy asks */
	bool kept; /* nothing goes back by itself, or the next step keeps it first */
	bool finalized;
};

/* The state of these facts. */
enum state migration_derive(const struct migration_facts *f);

/* X(name, word): what can happen to a migration. */
#define EVENT_INFO(X) \
	X(PLAN, "a plan is given or taken away") \
	X(PREFLIGHT, "preflight passes or no longer does") \
	X(STEP, "a step is recorded") \
	X(REFUSED, "the open command is refused, or was not sent") \
	X(LOST, "the open command's answer is lost") \
	X(SEEN, "the open command is seen on all nodes") \
	X(TIME, "bake, samples, guard or keep come to hold") \
	X(AGAIN, "bake, samples, guard or keep no longer hold") \
	X(HOLD, "a hold is seen, or a guard turns red") \
	X(RESUME, "hold and red end") \
	X(DRIFT, "an unexplained share appears") \
	X(BACK, "a rollback is recorded") \
	X(ACK, "a rollback is acknowledged") \
	X(FINALIZE, "the migration is finished for good")

enum event {
#define X(name, word) EVENT_##name,
	EVENT_INFO(X)
#undef X
		EVENT_COUNT
};

const char *event_name(enum event e);

/* The set of states (bit s) that may follow `from` by `e`; 0: the event cannot happen there.
 * The table is complete, and a test derives it anew from all facts. */
unsigned migration_next(enum state from, enum event e);

/* True when a person may begin the verb in this state; the interlock may still refuse it. */
bool migration_accepts(enum state s, enum verb v);

#endif
