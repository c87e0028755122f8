/* Failure: how bad one is and what to do about it, by category and circumstances.
 *
 * The rules that contradict each other where they come from are settled thus:
 * - A repeated failure is told as more severe, but is handled as the first one was: the recovery
 *   follows the severity that the cause has, not what the attempts raised it by. So the fourth
 *   attempt of a failure that is retried with backoff still has the fifth before it.
 * - What the cause makes critical is not tried for long: CRITICAL_RETRIES, whatever its limit.
 * - A user's own error (bad input, a session that is gone) is nobody else's: it is neither
 *   retried nor run on the other arm.
 * - Failing over means the other arm, which does the work itself, or none. Nothing here, and
 *   nothing that follows it, may answer with something made up.
 * - A refusal by a breaker or a limit is a category of its own and minor: nothing was tried, so
 *   nothing broke. It is never retried on the arm that refused; the other one may be asked. */
#ifndef WEIR_CLIENT_ENGINE_FAILURE_H
#define WEIR_CLIENT_ENGINE_FAILURE_H

#include "model/counts.h"

/* X(name, word), rising. UNSET is that of nobody's saying, never that of a failure. */
#define SEVERITY_INFO(X) \
	X(UNSET, "unset") \
	X(WARNING, "warning") \
	X(MINOR, "minor") \
	X(MAJOR, "major") \
	X(CRITICAL, "critical")

enum severity {
#define X(name, word) SEVERITY_##name,
	SEVERITY_INFO(X)
#undef X
		SEVERITY_COUNT
};

/* X(name, word, times it may be done again, milliseconds before the 1st, 2nd, .. 5th time).
 * Backoff and immediate retry go to the same arm, failover once to the other. */
#define RECOVERY_INFO(X) \
	X(IMMEDIATE_RETRY, "immediate_retry", 3, 0, 100, 200, 200, 200) \
	X(BACKOFF_RETRY, "backoff_retry", 5, 1000, 2000, 4000, 8000, 16000) \
	X(CIRCUIT_BREAK, "circuit_break", 0, 0, 0, 0, 0, 0) \
	X(FAILOVER, "failover", 1, 0, 0, 0, 0, 0) \
	X(ABANDON, "abandon", 0, 0, 0, 0, 0, 0)

enum recovery {
#define X(name, ...) RECOVERY_##name,
	RECOVERY_INFO(X)
#undef X
		RECOVERY_COUNT
};

/* X(category, severity by itself, recovery when it is minor or less, major, critical) */
#define FAILURE_RULE_INFO(X) \
	X(CONNECTION, MAJOR, BACKOFF_RETRY, BACKOFF_RETRY, CIRCUIT_BREAK) \
	X(TIMEOUT, MAJOR, BACKOFF_RETRY, BACKOFF_RETRY, BACKOFF_RETRY) \
	X(RESOURCE, CRITICAL, ABANDON, FAILOVER, CIRCUIT_BREAK) \
	X(OPERATION, MAJOR, FAILOVER, FAILOVER, FAILOVER) \
	X(INITIALIZATION, CRITICAL, CIRCUIT_BREAK, CIRCUIT_BREAK, CIRCUIT_BREAK) \
	X(COMMUNICATION, MAJOR, IMMEDIATE_RETRY, IMMEDIATE_RETRY, IMMEDIATE_RETRY) \
	X(HEALTH, MINOR, BACKOFF_RETRY, BACKOFF_RETRY, BACKOFF_RETRY) \
	X(SESSION, MINOR, IMMEDIATE_RETRY, IMMEDIATE_RETRY, IMMEDIATE_RETRY) \
	X(SYSTEM, CRITICAL, ABANDON, ABANDON, ABANDON) \
	X(REFUSED, MINOR, FAILOVER, FAILOVER, FAILOVER)

#define FAILURE_DELAYS 5
#define FAILURE_ATTEMPTS_RAISE 3 /* attempts beyond these raise the severity by one */
#define CRITICAL_RETRIES 2

struct failure_facts {
	enum failure category;
	int attempt; /* that failed, from 1; less is 1 */
	bool user_facing, all_workers;
	bool users_own;               /* bad input, a session that is gone */
	bool idempotent;              /* may be run a second time */
	enum severity given_severity; /* SEVERITY_UNSET: derived */
};

struct failure_plan {
	enum severity severity;
	enum recovery recovery; /* what to do now: a retry or failover only where it may be done */
	int again_max;          /* how often the work may be done again in all */
	int64_t delay_us;       /* to wait before the retry */
	bool retry;             /* run it again on the same arm, after the delay */
};

/* "minor"; "immediate_retry". */
const char *severity_name(enum severity s);
const char *recovery_name(enum recovery r);

/* What the failure is and what to do. RECOVERY_ABANDON: the error is the answer. */
struct failure_plan failure_plan(const struct failure_facts *facts);

#endif
