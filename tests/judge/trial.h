/* Trial: many seeded runs of one case, each watched for when one judge or another first says
 * something. The judge that runs is the console's. */
#ifndef WEIR_TESTS_JUDGE_TRIAL_H
#define WEIR_TESTS_JUDGE_TRIAL_H

#include "tests/judge/traffic.h"

#include <stdint.h>

/* X(name): what may be reached in a run. 5 and 1 are alpha in percent. ONE and HALF are not what
 * the console runs: the same evidence with a phi of 1, and of the dispersion itself. */
#define MARK_INFO(X) \
	X(HARM_5) \
	X(HARM_1) \
	X(LATE)   /* harm that began late */ \
	X(FOUND)  /* the verdict HARM */ \
	X(BRAKE)  /* rolls back by itself */ \
	X(SAFE)   /* the verdict SAFE */ \
	X(LOST_5) /* the truth lies outside the interval, or at an end of it */ \
	X(LOST_1) \
	X(SPLIT)    /* not split as asked */ \
	X(SENTINEL) /* v1 differs from itself */ \
	X(ONE_5) \
	X(ONE_1) \
	X(DISPERSION_5) \
	X(DISPERSION_1) \
	X(ZTEST) \
	X(THRESHOLD) \
	X(FLAGGER) \
	X(KAYENTA) \
	X(SPRT)

enum mark {
#define X(name) MARK_##name,
	MARK_INFO(X)
#undef X
		MARK_COUNT
};

#define MARK(name) (1U << MARK_##name)

struct trial {
	const char *name;
	struct traffic_case traffic;
	struct judge_policy policy;
	unsigned watch; /* of MARK(); the judge begins anew with the bake, as for any new v2 */
	unsigned until; /* a run ends when all of these are reached; 0: at the span's end */
};

/* Seconds from the bake's start to the end of the look that reached it; NaN never. */
struct trial_run {
	double first_s[MARK_COUNT];
};

/* Does `count` runs on two threads; `out` has room for them. What they find does not depend on
 * threads or their order. */
void trial_do(const struct trial *t, uint64_t seed, int64_t count, struct trial_run *out);

/* What came of runs for one mark. */
struct trial_sum {
	int64_t runs, fired;
	double mean_s, median_s; /* of those that fired; NaN none */
};
struct trial_sum trial_sum(const struct trial_run *runs, int64_t count, enum mark m);

/* A policy that asks only for errors, with that tolerance and margin. */
struct judge_policy trial_policy(double tolerance, double margin);

#endif
