/* Cases: rates, shares and laws. */
#include "tests/judge/cases.h"

#include <math.h>
#include <string.h>

#define MEDIAN_US 20000.0
#define SIGMA 0.5
#define GRAIN_US 10000.0
#define SHORT_LEAD_S 120 /* enough for phi where nothing comes in bursts */
#define Z_85 1.0364333894937898

struct traffic_case case_service(double odds, int lead_s, int span_s)
{
	return (struct traffic_case){
		.rate = 1000,
		.share = 0.1,
		.bad = 0.001,
		.odds = odds,
		.lead_s = lead_s,
		.span_s = span_s,
	};
}

struct trial case_alike(enum case_name c, int span_s)
{
	static const char *const names[] = {
#define X(name, words) [CASE_##name] = words,
		CASE_INFO(X)
#undef X
	};
	static const enum traffic_shape shapes[] = {
		[CASE_STEADY] = TRAFFIC_STEADY,
		[CASE_STEPS] = TRAFFIC_STEPS,
		[CASE_SWINGS] = TRAFFIC_SWINGS,
		[CASE_SESSIONS] = TRAFFIC_SESSIONS,
		[CASE_SLOW] = TRAFFIC_STEADY,
		[CASE_BURSTS] = TRAFFIC_BURSTS,
		[CASE_YOUNG] = TRAFFIC_BURSTS,
	};
	static const int leads_s[] = {
		[CASE_STEADY] = SHORT_LEAD_S,
		[CASE_STEPS] = SHORT_LEAD_S,
		[CASE_SWINGS] = SHORT_LEAD_S,
		[CASE_SESSIONS] = SHORT_LEAD_S,
		[CASE_SLOW] = SHORT_LEAD_S,
		[CASE_BURSTS] = CASE_LEAD_S,
		[CASE_YOUNG] = 0,
	};
	struct trial t = {
		.name = names[c],
		.traffic = case_service(1, leads_s[c], span_s),
		.policy = trial_policy(0, 0.5),
		.watch = MARK(HARM_5) | MARK(HARM_1) | MARK(LATE),
	};
	t.traffic.shape = shapes[c];
	if (c == CASE_SESSIONS || c == CASE_SLOW)
		t.traffic.bad = 0.01;
	if (c == CASE_SLOW)
		t.traffic.rate = 10;
	return t;
}

struct trial case_by_requests(int span_s)
{
	struct trial t = case_alike(CASE_SESSIONS, span_s);
	t.name = "sticky, by request";
	t.traffic.shape = TRAFFIC_STICKY;
	return t;
}

struct trial case_split_by_requests(bool called_sessions, int span_s)
{
	struct trial t = case_by_requests(span_s);
	t.name = called_sessions ? "sessions of 20 counted as requests, each taken for one"
							 : "the same, taken for what they are";
	t.traffic.share = 0.05;
	t.traffic.called_sessions = called_sessions;
	/* at their usual number from the start: the sessions of before are not on v2 */
	t.traffic.lead_s = 0;
	t.watch = MARK(SPLIT);
	return t;
}

struct judge_policy case_latency_policy(bool family, double tolerance, double margin)
{
	struct judge_policy p = trial_policy(tolerance, margin);
	p.metric[JUDGED_ERRORS] = false;
	p.metric[JUDGED_P99] = true;
	p.metric[JUDGED_P50] = p.metric[JUDGED_P95] = family;
	return p;
}

void case_laws(struct case_laws *l, enum case_latency kind, double factor, bool whole)
{
	double grain_us = kind == CASE_TIES ? GRAIN_US : 0;
	l->count = kind == CASE_DRIFT ? CASE_LAWS : 1;
	for (int i = 0; i < l->count; i++) {
		double median_us = MEDIAN_US;
		if (kind == CASE_DRIFT)
			median_us *= pow(2, (1 - cos(2 * M_PI * i / CASE_LAWS)) / 2);
		double lump_us = median_us * exp(Z_85 * SIGMA);
		int lump = whole ? -1 : histogram_bucket((int64_t)lump_us);
		law_lognormal(&l->law[ARM_V1][i], median_us, SIGMA, 1, grain_us, lump);
		law_lognormal(&l->law[ARM_V2][i], median_us, SIGMA, factor, grain_us, lump);
	}
}

struct traffic_case case_service_slow(const struct case_laws *l, int lead_s, int span_s)
{
	struct traffic_case c = case_service(1, lead_s, span_s);
	c.laws = l->count;
	c.law[ARM_V1] = l->law[ARM_V1];
	c.law[ARM_V2] = l->law[ARM_V2];
	return c;
}
