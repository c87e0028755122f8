/* Cases: the made-up services that the judge is tried on, in its long form and its short one. */
#ifndef WEIR_TESTS_JUDGE_CASES_H
#define WEIR_TESTS_JUDGE_CASES_H

#include "tests/judge/trial.h"

#define CASE_LEAD_S 600 /* ten minutes of v1 alone */
#define CASE_HOUR_S 3600
#define CASE_ONSET_LOOKS (30 * 86400.0) /* one false late onset in that many at most */

/* 1,000 requests a second, a tenth on v2, one in a thousand bad, v2's odds `odds` times that. */
struct traffic_case case_service(double odds, int lead_s, int span_s);

/* X(name, words): A/A, where no judge should fire. */
#define CASE_INFO(X) \
	X(STEADY, "steady") \
	X(STEPS, "split 1-10-50-100 %") \
	X(SWINGS, "base swings tenfold") \
	X(SESSIONS, "sticky, by session") \
	X(SLOW, "10 requests/s, 1 % bad") \
	X(BURSTS, "bursts, dispersion 5") \
	X(YOUNG, "bursts, no history")

enum case_name {
#define X(name, words) CASE_##name,
	CASE_INFO(X)
#undef X
		CASE_COUNT
};

/* A/A of `span_s` seconds, watched at both alphas and for late onset, tolerance 0. */
struct trial case_alike(enum case_name c, int span_s);

/* The same sessions as CASE_SESSIONS, taken by their requests. */
struct trial case_by_requests(int span_s);

/* Sessions of 20 requests, 5 % of them on v2 as was asked; called what they are, or sessions. */
struct trial case_split_by_requests(bool called_sessions, int span_s);

/* Latency of p99, or of the whole family. */
struct judge_policy case_latency_policy(bool family, double tolerance, double margin);

#define CASE_LAWS 60

/* Lognormal latencies, v2's `factor` times v1's: plain, in whole multiples of 10 ms, or with a
 * median that doubles and comes back. Filled by case_laws. */
enum case_latency { CASE_PLAIN, CASE_TIES, CASE_DRIFT };
struct case_laws {
	int count;
	struct law law[ARM_COUNT][CASE_LAWS];
};

/* `whole`: bodies too, not only what is beyond v1's 85 %; else one bucket stands for all below,
 * which p99 cannot tell. */
void case_laws(struct case_laws *l, enum case_latency kind, double factor, bool whole);

/* The usual service with these latencies. */
struct traffic_case case_service_slow(const struct case_laws *l, int lead_s, int span_s);

#endif
