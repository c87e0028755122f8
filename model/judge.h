/* Judge: is v2 worse than v1? A sequential test that may be looked at at any moment: the units of
 * each interval, and how many of them were bad, become evidence for harm and for its absence.
 * Pure: no clock. What a verdict says in words is verdict.h's.
 *
 * The unit is a session where the pool counts sessions, else a request. */
#ifndef WEIR_MODEL_JUDGE_H
#define WEIR_MODEL_JUDGE_H

#include "model/burst.h"
#include "model/counts.h"
#include "model/evidence.h"
#include "model/exceed.h"
#include "model/judge_policy.h"

#include <stdbool.h>
#include <stdint.h>

/* One interval of an arm. */
struct judge_arm {
	struct units units;              /* n: how many; bad: that failed */
	const struct histogram *latency; /* of these units; NULL where not known */
};

struct judge_interval {
	struct instant at; /* its end */
	int64_t length_ms;
	struct judge_arm arm[ARM_COUNT];
	bool sessions; /* units are sessions, else requests */
	bool sticky;   /* requests of one session go to one arm */
	bool changed;  /* the split was put within it, to another share or to the same */
	bool settled;  /* all of it was routed under the present share */
	int share_bp;  /* the share that it was routed under; -1 not known or nodes differ */
	/* v1's units in two halves by worker or server, where units are requests; n 0: none */
	struct units half[2];
};

/* X(name): what may be found to be harm, each with a share of alpha. The quantiles are one. */
#define CLAIM_INFO(X) \
	X(ERRORS) \
	X(LATENCY) \
	X(ERRORS_LIMIT) \
	X(LATENCY_LIMIT)

enum judge_claim {
#define X(name) CLAIM_##name,
	CLAIM_INFO(X)
#undef X
		CLAIM_COUNT
};

/* What the evidence of a metric says after the last look. Logarithms are natural. */
struct judge_reading {
	struct ratio ratio; /* of odds of being bad, v2 to v1 */
	double ln_harm, ln_brake, ln_safe;
	double ln_onset;                     /* over A: harm that began late is found at 0 */
	double ln_limit_harm, ln_limit_safe; /* against the limit; NaN without one */
	double phi;
};

struct judge_metric {
	struct evidence ratio; /* and both sides of it for errors */
	struct evidence safe;  /* latencies: against v1's quantile plus the margin */
	struct evidence limit;
	struct odds_rate limit_rate;
	struct burst burst;
	struct units since[ARM_COUNT]; /* judged since the evidence began */
	struct units bake[ARM_COUNT];  /* in looks that said something since the share changed */
	double recent; /* the same since it last was none: of harm that began late */
	double excess; /* bad units of v2 beyond v1's rate since the evidence began */
	struct judge_reading now;
};

struct judge_finding {
	bool found, late; /* late: it began after good time */
	int64_t since_wall_ms;
};

struct judge {
	struct judge_policy policy;
	struct odds ratio, level; /* points of errors, and of the rest */
	struct judge_metric metric[JUDGED_COUNT];
	struct judge_finding finding[CLAIM_COUNT];
	struct exceed exceed;
	struct evidence split, sentinel;
	struct odds_rate split_rate;
	int64_t wrong_side; /* units on a side that gets none */
	bool untrusted;     /* v1 differs from itself */
	bool split_off;     /* traffic is not split as asked */
	bool sessions, sticky;
	int share_bp;                  /* of the last look; -1 none */
	int64_t looks;                 /* since the evidence began */
	int64_t began_wall_ms;         /* when; UNKNOWN before the first look */
	int64_t quiet_ms[ARM_COUNT];   /* since its last unit; UNKNOWN: never had one */
	int64_t units_seen[ARM_COUNT]; /* since the evidence began, settled or not */
	int64_t span_ms[ARM_COUNT];    /* since the first of them */
	int64_t bake_ms;
};

void judge_init(struct judge *j, const struct judge_policy *p);
void judge_release(struct judge *j);

/* Another interval of both arms. One with counts that cannot be is skipped. */
void judge_look(struct judge *j, const struct judge_interval *i);

/* Takes an interval that was not judged for what it is: a gap. */
void judge_skip(struct judge *j);

/* Judges by other rules from now on: evidence begins anew where they differ. */
void judge_set_policy(struct judge *j, const struct judge_policy *p);

/* Evidence begins anew (another version, a new attempt); v1's dispersion and latencies stay. */
void judge_restart(struct judge *j);

/* True when the units since the split last changed, `bad` those of v2, prove by themselves that
 * traffic is not split as share_bp asks: what a judge knows that has looked ever since. The same
 * e-value: it is of the sums, however many looks they are cut into. Shares of none and of all are
 * not tested so, since a change is counted from a moment before it. */
bool judge_totals_apart(
	const struct judge *j, int share_bp, struct units since_change, bool sessions);

/* How many claims share alpha, at least 1. */
int judge_claims(const struct judge_policy *p);

/* ln of the e-value at which harm is found (J/alpha), at which it is suspected (20 J), and at
 * which it brakes (1000 J). */
double judge_ln_found(const struct judge_policy *p);
double judge_ln_amber(const struct judge_policy *p);
double judge_ln_brake(const struct judge_policy *p);

/* ln of the e-value at which safety is shown (1/beta). */
double judge_ln_safe(const struct judge_policy *p);

/* ln E for harm of the errors or of the average of the quantiles. -infinity where not judged. */
double judge_ln_harm(const struct judge *j, enum judge_claim c);

#define BRAKE_EXCESS 10 /* bad units beyond v1's rate: three lone errors prove too much */

/* True where the comparison of a claim proves enough to act by itself: its e-value at 1.2 or its
 * late onset, and at least 10 bad units beyond v1's rate. Limits are not comparisons; nothing that
 * is untrustworthy acts. */
bool judge_brakes(const struct judge *j, enum judge_claim c);

/* True where harm was found, or that what was counted is not to be trusted. */
bool judge_has_found(const struct judge *j);

/* True where harm is suspected. */
bool judge_suspects(const struct judge *j);

#endif
