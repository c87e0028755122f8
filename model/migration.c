/* The state of a migration as a function of facts, and the table of what may follow what. */
#include "model/migration.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *word, *meaning;
} states[STATE_COUNT] = {
#define X(name, word, meaning) {word, meaning},
	STATE_INFO(X)
#undef X
};

static const char *const events[EVENT_COUNT] = {
#define X(name, word) word,
	EVENT_INFO(X)
#undef X
};

const char *state_name(enum state s)
{
	assert(s < STATE_COUNT);
	return states[s].word;
}

const char *state_meaning(enum state s)
{
	assert(s < STATE_COUNT);
	return states[s].meaning;
}

enum state state_of(const char *word)
{
	int s = 0;
	while (s < STATE_COUNT && strcmp(states[s].word, word) != 0)
		s++;
	return (enum state)s;
}

const char *event_name(enum event e)
{
	assert(e < EVENT_COUNT);
	return events[e];
}

/* A command under way, or its aftermath, is what people must see before anything else. */
static enum state commanded(const struct migration_facts *f)
{
	if (f->finalized)
		return STATE_FINALIZED;
	if (f->back == BACK_SENDING)
		return STATE_ROLLING_BACK;
	if (f->back == BACK_UNVERIFIED)
		return STATE_RB_UNVERIFIED;
	if (f->forward == FORWARD_UNRESOLVED)
		return STATE_UNRESOLVED;
	if (f->forward == FORWARD_ON_ITS_WAY)
		return STATE_STEPPING;
	return STATE_COUNT;
}

static enum state at_baseline(const struct migration_facts *f)
{
	if (f->back == BACK_DONE)
		return STATE_ROLLED_BACK;
	if (!f->has_plan)
		return STATE_IDLE;
	return f->preflight ? STATE_ARMED : STATE_PLANNED;
}

static enum state above_baseline(const struct migration_facts *f)
{
	bool ready = f->guarded && f->kept && (f->by_hand || (f->baked && f->sampled));
	if (!ready)
		return STATE_BAKING;
	return f->share_bp == SHARE_FULL ? STATE_COMPLETE : STATE_READY;
}

enum state migration_derive(const struct migration_facts *f)
{
	enum state s = commanded(f);
	if (s != STATE_COUNT)
		return s;
	if (f->diverged)
		return STATE_DIVERGED;
	bool at_rest = f->share_bp >= 0 && f->share_bp == f->baseline_bp;
	/* At rest red is what a guard rolled back: it locks the next step and is no other state. */
	if (f->held || f->mixed || (f->red && !at_rest))
		return STATE_HELD;
	if (f->share_bp < 0)
		/* No news yet: with a plan it is not passed, without one nothing is under way. */
		return f->has_plan ? STATE_PLANNED : STATE_IDLE;
	return f->share_bp == f->baseline_bp ? at_baseline(f) : above_baseline(f);
}

/* The two letters of each state, for the table. */
enum {
	ID = 1 << STATE_IDLE,
	PL = 1 << STATE_PLANNED,
	AR = 1 << STATE_ARMED,
	ST = 1 << STATE_STEPPING,
	BA = 1 << STATE_BAKING,
	RE = 1 << STATE_READY,
	HE = 1 << STATE_HELD,
	UN = 1 << STATE_UNRESOLVED,
	RO = 1 << STATE_ROLLING_BACK,
	RU = 1 << STATE_RB_UNVERIFIED,
	RB = 1 << STATE_ROLLED_BACK,
	DI = 1 << STATE_DIVERGED,
	CO = 1 << STATE_COMPLETE,
	FI = 1 << STATE_FINALIZED,
	NO = 0, /* cannot happen here */
};

/* Columns: plan, preflight, step, refused, lost, seen, time, again, hold, resume, drift, back,
 * ack, finalize. A hold or resume on its way shows in no state, but its lost answer does; nor does
 * red at the baseline, where it only locks the next step. */
static const unsigned short table[STATE_COUNT][EVENT_COUNT] = {
	[STATE_IDLE] = {PL | AR, ID, ST, NO, UN, NO, ID, ID, ID | HE, ID, DI, RO, NO, NO},
	[STATE_PLANNED] = {ID, PL | AR, ST, NO, UN, NO, PL, PL, PL | HE, PL, DI, RO, NO, NO},
	[STATE_ARMED] = {ID, PL, ST, NO, UN, NO, AR, AR, AR | HE, AR, DI, RO, NO, NO},
	[STATE_STEPPING] = {ST, ST, NO, ID | PL | AR | BA | RE | HE | RB | DI | CO, UN,
		ID | PL | AR | BA | RE | HE | CO, ST, ST, ST, ST, ST, RO, NO, NO},
	[STATE_BAKING] = {BA | RE | CO, BA, ST, NO, UN, NO, BA | RE | CO, BA, HE, NO, DI, RO, NO,
		NO},
	[STATE_READY] = {BA | RE, RE, ST, NO, UN, NO, RE, BA | RE, HE, NO, DI, RO, NO, NO},
	[STATE_HELD] = {HE, HE, ST, NO, UN, NO, HE, HE, HE, ID | PL | AR | BA | RE | HE | RB | CO,
		DI, RO, NO, NO},
	[STATE_UNRESOLVED] = {UN, UN, NO, ID | PL | AR | BA | RE | HE | RB | DI | CO, NO,
		ID | PL | AR | BA | RE | HE | RB | DI | CO, UN, UN, UN, UN, UN, RO, NO, NO},
	[STATE_ROLLING_BACK] = {RO, RO, NO,
		ID | PL | AR | ST | BA | RE | HE | UN | RO | RB | DI | CO, RO, RO, RO, RO, RO, RO, RO,
		RO, RU, NO},
	[STATE_RB_UNVERIFIED] = {RU, RU, NO, RU, RU, HE | RU | RB, RU, RU, RU, RU, RU, RO, NO, NO},
	[STATE_ROLLED_BACK] = {RB, RB, ST, NO, UN, NO, RB, RB, RB | HE, RB, DI, RO, NO, NO},
	[STATE_DIVERGED] = {DI, DI, ST, NO, UN, NO, DI, DI, DI, DI, NO, RO, NO, NO},
	[STATE_COMPLETE] = {BA | CO, CO, ST, NO, UN, NO, CO, BA | CO, HE, NO, DI, RO, NO, FI},
	[STATE_FINALIZED] = {FI, FI, NO, FI, FI, FI, FI, FI, FI, FI, FI, NO, FI, NO},
};

unsigned migration_next(enum state from, enum event e)
{
	assert(from < STATE_COUNT && e < EVENT_COUNT);
	return table[from][e];
}

/* Sets of states for what a person may begin. */
enum {
	BUSY = ST | UN | RO | RU,
	ANY = (1 << STATE_COUNT) - 1,
	OPEN = ANY & ~FI,
	QUIET = OPEN & ~BUSY,
	AT_BASELINE = ID | PL | AR | RB | HE,
};

bool migration_accepts(enum state s, enum verb v)
{
	static const unsigned short in[VERB_COUNT] = {
		[VERB_STEP] = QUIET,
		[VERB_HOLD] = ANY,
		[VERB_RESUME] = ANY,
		[VERB_ROLLBACK] = OPEN,
		[VERB_ANNOTATE] = ANY,
		[VERB_KEEP] = BA | RE | HE | CO,
		[VERB_OPERATIONS] = QUIET,
		[VERB_ARM] = QUIET,
		[VERB_DISARM] = AT_BASELINE,
		[VERB_TAKE] = OPEN,
		[VERB_GUARD] = OPEN,
		[VERB_DRAIN] = OPEN,
		[VERB_ADOPT] = DI,
		[VERB_FINALIZE] = CO,
		[VERB_CLOSE] = RO | RU,
		[VERB_ASK] = ANY,
		[VERB_APPROVE] = ANY,
	};
	assert(s < STATE_COUNT && v < VERB_COUNT);
	return in[v] >> s & 1;
}
