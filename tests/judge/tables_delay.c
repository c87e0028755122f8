/* Tables: how long until a v2 that is worse is found. */
#include "model/verdict.h"
#include "tests/judge/cases.h"
#include "tests/judge/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LONG_S 40000 /* nothing that is looked for takes longer */

static void mean_row(const char *name, const char *reference, const struct trial_run *runs,
	int64_t count, enum mark m)
{
	struct trial_sum s = trial_sum(runs, count, m);
	if (s.fired == 0)
		report_row(name, reference, "never");
	else if (s.fired < s.runs)
		report_row(name, reference, "%.1f s (%.0f %% of runs)", s.mean_s,
			100.0 * (double)s.fired / (double)s.runs);
	else
		report_row(name, reference, "%.1f s", s.mean_s);
}

/* ---- beside rivals ---- */

static void one_worse(
	struct report *r, double worse, double tolerance, const char *ours, const char *oracle)
{
	char name[96];
	int64_t count;
	struct trial t = {
		.traffic = case_service(worse, CASE_LEAD_S, LONG_S),
		.policy = trial_policy(tolerance, 0.5),
		.watch = MARK(HARM_1) | MARK(SPRT) | MARK(ONE_1),
	};
	t.until = t.watch;
	struct trial_run *runs = report_do(r, &t, 2000, &count);
	snprintf(name, sizeof name, "%.0fx, tolerance %.0f %%: weir", worse, 100 * tolerance);
	mean_row(name, ours, runs, count, MARK_HARM_1);
	mean_row("    with phi = 1", "", runs, count, MARK_ONE_1);
	mean_row("    oracle (SPRT of the same law)", oracle, runs, count, MARK_SPRT);
	free(runs);
}

static void rivals(struct report *r, double worse, const char *z, const char *flagger)
{
	char name[96];
	int64_t count;
	struct trial t = {
		.traffic = case_service(worse, 0, CASE_HOUR_S),
		.policy = trial_policy(0, 0.5),
		.watch = MARK(ZTEST) | MARK(THRESHOLD) | MARK(FLAGGER) | MARK(KAYENTA),
	};
	t.until = t.watch;
	struct trial_run *runs = report_do(r, &t, 1000, &count);
	snprintf(name, sizeof name, "%.0fx: z-test each second", worse);
	mean_row(name, z, runs, count, MARK_ZTEST);
	mean_row("    v2 over 5 % in 60 s", "never", runs, count, MARK_THRESHOLD);
	mean_row("    success under 99 %, five minutes", flagger, runs, count, MARK_FLAGGER);
	mean_row("    Mann-Whitney 98 %, every ten minutes", "", runs, count, MARK_KAYENTA);
	free(runs);
}

static void other_delays(struct report *r)
{
	int64_t count;
	struct trial t = {
		.traffic = case_service(5, 0, LONG_S),
		.policy = trial_policy(0, 0.5),
		.watch = MARK(HARM_1),
		.until = MARK(HARM_1),
	};
	struct trial_run *runs = report_do(r, &t, 2000, &count);
	mean_row("5x without history", "38 s", runs, count, MARK_HARM_1);
	free(runs);
	static const struct {
		double worse;
		const char *name, *reference;
	} brakes[] = {
		{2, "2x: rolls back by itself", "440 s"}, {5, "5x: rolls back by itself", "31 s"}};
	for (size_t i = 0; i < 2; i++) {
		t.traffic = case_service(brakes[i].worse, CASE_LEAD_S, LONG_S);
		t.policy = trial_policy(0.1, 0.5);
		t.watch = t.until = MARK(BRAKE);
		runs = report_do(r, &t, 2000, &count);
		mean_row(brakes[i].name, brakes[i].reference, runs, count, MARK_BRAKE);
		free(runs);
	}
}

/* ---- 18 cases beside the oracle ---- */

static double forecast_s(const struct trial *t)
{
	double s = t->traffic.share, p = t->traffic.bad;
	double p2 = traffic_worse(p, t->traffic.odds);
	double bad = t->traffic.rate * ((1 - s) * p + s * p2);
	double y = s * p2 / ((1 - s) * p + s * p2);
	int64_t ms = verdict_eta_ms(log(1 / t->policy.alpha), 0, 1, bad, y, s);
	return (double)ms / 1000 + 1;
}

static void oracle_row(struct report *r, const struct trial *t, double worst[2])
{
	char name[96];
	int64_t count;
	struct trial_run *runs = report_do(r, t, 1000, &count);
	double oracle = trial_sum(runs, count, MARK_SPRT).mean_s;
	double one = trial_sum(runs, count, MARK_ONE_1).mean_s;
	struct trial_sum ours = trial_sum(runs, count, MARK_HARM_1);
	snprintf(name, sizeof name, "%gx, share %g %%, base %g %%", t->traffic.odds,
		100 * t->traffic.share, 100 * t->traffic.bad);
	report_row(name, "", "%7.1f  %7.1f %5.2f  %7.1f %5.2f  %7.1f", oracle, one, one / oracle,
		ours.mean_s, ours.mean_s / oracle, forecast_s(t));
	worst[0] = fmax(worst[0], one / oracle);
	worst[1] = fmax(worst[1], ours.mean_s / oracle);
	free(runs);
}

static void oracle(struct report *r)
{
	static const double odds[] = {2, 5, 20}, shares[] = {0.01, 0.1, 0.5},
						bads[] = {0.001, 0.01};
	double worst[2] = {0};
	report_title(
		"Mean delay in s over the oracle's: SPRT, phi = 1, with phi and ten minutes of "
		"history, forecast");
	for (int o = 0; o < 3; o++)
		for (int s = 0; s < 3; s++)
			for (int b = 0; b < 2; b++) {
				struct trial t = {
					.traffic = case_service(odds[o], CASE_LEAD_S, LONG_S),
					.policy = trial_policy(0, 0.5),
					.watch = MARK(HARM_1) | MARK(SPRT) | MARK(ONE_1),
					.until = MARK(HARM_1) | MARK(SPRT) | MARK(ONE_1),
				};
				t.traffic.share = shares[s];
				t.traffic.bad = bads[b];
				oracle_row(r, &t, worst);
			}
	report_bound(r, "worst of the oracle's with phi = 1", worst[0], 1.35);
	report_bound(r, "worst of the oracle's with phi", worst[1], 1.5);
}

/* ---- late onset ---- */

#define GOOD_S 1800

static void late(struct report *r, double worse, const char *alone, const char *onset)
{
	char name[96];
	int64_t count;
	struct trial t = {
		.traffic = case_service(worse, CASE_LEAD_S, LONG_S),
		.policy = trial_policy(0, 0.5),
		.watch = MARK(HARM_1) | MARK(LATE),
		.until = MARK(HARM_1) | MARK(LATE),
	};
	t.traffic.onset_s = GOOD_S;
	struct trial_run *runs = report_do(r, &t, 1000, &count);
	double sum[2] = {0};
	int64_t good = 0;
	for (int64_t i = 0; i < count; i++) {
		double harm_s = runs[i].first_s[MARK_HARM_1], late_s = runs[i].first_s[MARK_LATE];
		/* false alarms before it are counted elsewhere */
		if (!(harm_s > GOOD_S && late_s > GOOD_S))
			continue;
		good++;
		sum[0] += harm_s - GOOD_S;
		sum[1] += late_s - GOOD_S;
	}
	snprintf(name, sizeof name, "%.0fx: all the evidence", worse);
	report_row(name, alone, "%.0f s", sum[0] / (double)good);
	report_row("    late onset", onset, "%.0f s", sum[1] / (double)good);
	free(runs);
}

void tables_delay(struct report *r)
{
	report_title("Mean time to find a worse v2: 1,000 requests/s, a tenth on v2, 0.1 % bad");
	one_worse(r, 5, 0, "17 s", "16 s");
	one_worse(r, 5, 0.1, "19 s", "17 s");
	one_worse(r, 2, 0, "172 s", "146 s");
	one_worse(r, 2, 0.1, "236 s", "187 s");
	rivals(r, 5, "8 s", "never");
	rivals(r, 2, "63 s", "never");
	rivals(r, 20, "", "300 s");
	other_delays(r);
	oracle(r);
	report_title("Bad after 30 good minutes");
	late(r, 2, "1,070 s", "472 s");
	late(r, 5, "206 s", "49 s");
}
