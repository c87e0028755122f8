/* Failure: the table of categories and the rules over it. Not the retry itself, whose owner has
 * the deadline and may jitter the delay (retry.c), nor the choice of another arm (model/split.c).
 *
 * Invariants:
 * 1. Retry and failover are planned only for idempotent work that is not the user's own error.
 * 2. What may be done again depends on the cause, never on the attempt; only whether it may be
 *    done once more does. */
#include "client/engine/failure.h"

static const char *const severity_names[SEVERITY_COUNT] = {
#define X(name, word) [SEVERITY_##name] = word,
	SEVERITY_INFO(X)
#undef X
};

static const struct {
	const char *word;
	int again_max;
	int delay_ms[FAILURE_DELAYS];
} recoveries[RECOVERY_COUNT] = {
#define X(name, word, again_max, ...) [RECOVERY_##name] = {word, again_max, {__VA_ARGS__}},
	RECOVERY_INFO(X)
#undef X
};

static const struct {
	enum severity base;
	enum recovery minor, major, critical;
} rules[FAILURE_COUNT] = {
#define X(name, base, minor, major, critical) \
	[FAILURE_##name] = { \
		SEVERITY_##base, RECOVERY_##minor, RECOVERY_##major, RECOVERY_##critical},
	FAILURE_RULE_INFO(X)
#undef X
};

const char *severity_name(enum severity s)
{
	return severity_names[s];
}

const char *recovery_name(enum recovery r)
{
	return recoveries[r].word;
}

/* The severity of the cause: as if it were the first attempt. */
static enum severity severity_of_cause(const struct failure_facts *f)
{
	const enum severity base = rules[f->category].base;

	if (f->given_severity != SEVERITY_UNSET)
		return f->given_severity;
	if (f->all_workers)
		return SEVERITY_CRITICAL;
	return f->user_facing && base == SEVERITY_MINOR ? SEVERITY_MAJOR : base;
}

/* The severity as it is told. */
static enum severity severity_told(const struct failure_facts *f)
{
	const enum severity base = rules[f->category].base;

	if (f->given_severity != SEVERITY_UNSET || f->attempt <= FAILURE_ATTEMPTS_RAISE)
		return severity_of_cause(f);
	return base == SEVERITY_CRITICAL ? base : base + 1;
}

static enum recovery recovery_of(enum failure category, enum severity cause)
{
	if (cause == SEVERITY_CRITICAL)
		return rules[category].critical;
	return cause == SEVERITY_MAJOR ? rules[category].major : rules[category].minor;
}

struct failure_plan failure_plan(const struct failure_facts *f)
{
	const enum severity cause = severity_of_cause(f);
	const int attempt = f->attempt < 1 ? 1 : f->attempt;
	struct failure_plan plan = {
		.severity = severity_told(f),
		.recovery = recovery_of(f->category, cause),
	};

	if (plan.recovery == RECOVERY_CIRCUIT_BREAK && !f->users_own)
		return plan;
	if (f->idempotent && !f->users_own)
		plan.again_max = recoveries[plan.recovery].again_max;
	if (cause == SEVERITY_CRITICAL && plan.again_max > CRITICAL_RETRIES)
		plan.again_max = CRITICAL_RETRIES;
	if (attempt > plan.again_max) {
		plan.recovery = RECOVERY_ABANDON;
		return plan;
	}
	/* no limit is above the delays there are */
	plan.delay_us = recoveries[plan.recovery].delay_ms[attempt - 1] * INT64_C(1000);
	plan.retry = plan.recovery != RECOVERY_FAILOVER;
	return plan;
}
