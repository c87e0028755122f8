/* Which of the 14 predicates are asked is one table of policies and acts. Not what each of them says:
 * predicates.c.
 *
 * Invariants:
 * 1. allowed == (failing == 0).
 * 2. Rollback does not come here: nothing gates it. */
#include "model/interlock.h"

#include "model/predicates.h"
#include "model/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const names[PREDICATE_COUNT] = {
#define X(name, word) word,
	PREDICATE_INFO(X)
#undef X
};

const char *predicate_name(enum predicate p)
{
	assert(p < PREDICATE_COUNT);
	return names[p];
}

const char *check_state_name(enum check_state s)
{
	static const char *const words[CHECK_COUNT] = {[CHECK_HOLDS] = "holds",
		[CHECK_FAILS] = "fails",
		[CHECK_NOT_ASKED] = "not asked",
		[CHECK_FORCED] = "forced"};
	return words[s];
}

/* ---- what is asked ---- */

#define BIT(p) (1u << PREDICATE_##p)
/* Going down needs no news of every node. */
#define LOWERING (BIT(HISTORY) | BIT(IDENTITY) | BIT(OPEN) | BIT(LEASE) | BIT(REVISION))
#define FORWARD \
	(LOWERING | BIT(LIVE) | BIT(GUARD) | BIT(FROZEN) | BIT(APPROVAL) | BIT(WAY_BACK))

/* What each act asks where the policy asks it at all. */
static const unsigned by_act[ACT_COUNT] = {
	[ACT_RAISE] = FORWARD | BIT(DRIFT) | BIT(NEXT) | BIT(BAKE) | BIT(SAMPLES),
	/* Both repeat what was allowed, where nothing has baked since; that the pool does not say
	 * what was asked is why they are there. */
	[ACT_PUT_BACK] = FORWARD | BIT(NEXT),
	[ACT_COMPLETE] = FORWARD | BIT(NEXT),
	[ACT_LOWER] = LOWERING,
	/* More work for v2 like a raise; the share stays. */
	[ACT_WIDEN] = FORWARD | BIT(DRIFT) | BIT(BAKE) | BIT(SAMPLES),
	[ACT_KEEP] = BIT(HISTORY) | BIT(LIVE) | BIT(IDENTITY) | BIT(DRIFT) | BIT(OPEN) |
		BIT(REVISION) | BIT(BAKE) | BIT(GUARD),
	/* All that a raise asks, since it cannot be taken back; of the way back only that there is one
	 * to end: v1 may be failing already. */
	[ACT_FINALIZE] = FORWARD | BIT(DRIFT) | BIT(NEXT) | BIT(BAKE) | BIT(SAMPLES),
	/* Arming is its own preflight. */
	[ACT_ARM] = LOWERING | BIT(LIVE) | BIT(DRIFT) | BIT(WAY_BACK),
	[ACT_RESUME] = BIT(HISTORY) | BIT(LIVE) | BIT(IDENTITY) | BIT(OPEN),
	[ACT_ADOPT] = BIT(HISTORY) | BIT(LIVE) | BIT(IDENTITY),
	[ACT_TELL] = BIT(HISTORY) | BIT(IDENTITY),
};

bool act_is_forward(enum act a)
{
	return a == ACT_RAISE || a == ACT_PUT_BACK || a == ACT_COMPLETE || a == ACT_WIDEN;
}

bool interlock_asks(
	const struct policy *policy, enum act act, bool at_baseline, enum predicate p)
{
	assert(act < ACT_COUNT && p < PREDICATE_COUNT);
	unsigned set = by_act[act];
	if (!policy->bake || at_baseline)
		set &= ~BIT(BAKE);
	if (!policy->samples || at_baseline)
		set &= ~BIT(SAMPLES);
	if (policy->approval_bp >= SHARE_FULL)
		set &= ~BIT(APPROVAL);
	return set >> p & 1;
}

bool interlock_asks_second(const struct interlock_facts *f)
{
	return f->forced && f->policy.approval_bp < SHARE_FULL && by_act[f->act] & PREDICATES_FORCED;
}

bool interlock_is_forcible(const struct interlock *i)
{
	return i->failing & PREDICATES_FORCED &&
		!(i->failing & ~(PREDICATES_FORCED | BIT(APPROVAL)));
}

/* ---- the answer ---- */

void interlock_evaluate(struct interlock *out, const struct interlock_facts *facts)
{
	memset(out, 0, sizeof *out);
	for (int p = 0; p < PREDICATE_COUNT; p++) {
		struct interlock_check *c = &out->check[p];
		c->state = CHECK_HOLDS;
		c->wait_ms = UNKNOWN;
		bool holds = predicate_holds((enum predicate)p, facts, c);
		bool asked = interlock_asks(
			&facts->policy, facts->act, facts->at_baseline, (enum predicate)p);
		if (!asked && !(p == PREDICATE_APPROVAL && interlock_asks_second(facts))) {
			c->state = CHECK_NOT_ASKED;
			c->wait_ms = UNKNOWN;
			continue;
		}
		if (holds)
			continue;
		if (facts->forced & PREDICATES_FORCED & 1u << p) {
			c->state = CHECK_FORCED;
			out->forced |= 1u << p;
			continue;
		}
		c->state = CHECK_FAILS;
		out->failing |= 1u << p;
		out->failures++;
		bool timed = c->wait_ms != UNKNOWN && out->wait_ms != UNKNOWN;
		out->wait_ms = !timed ? UNKNOWN : c->wait_ms > out->wait_ms ? c->wait_ms : out->wait_ms;
	}
	out->allowed = out->failing == 0;
}

void interlock_line(char *out, size_t size, const struct interlock_check *c)
{
	char left[24];
	unit_countdown(left, sizeof left, c->wait_ms);
	snprintf(out, size, "%s %s%s%s", err_name(c->code), c->text,
		c->wait_ms == UNKNOWN ? "" : ", clears in ", c->wait_ms == UNKNOWN ? "" : left);
}

void interlock_summary(char *out, size_t size, const struct interlock *i)
{
	size_t used = 0;
	out[0] = 0;
	for (int p = 0; p < PREDICATE_COUNT && used + 1 < size; p++) {
		const struct interlock_check *c = &i->check[p];
		if (c->state != CHECK_FAILS)
			continue;
		snprintf(
			out + used, size - used, "%s%s %s", used ? "; " : "", err_name(c->code), c->text);
		used += strlen(out + used);
	}
	out[text_whole(out, used)] = 0;
}
