/* Tables: two arms that are alike. Every finding here is a false alarm. */
#include "tests/judge/cases.h"
#include "tests/judge/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void two_rows(struct report *r, const char *name, const char *five, const char *one,
	const struct trial_run *runs, int64_t count, enum mark m5, enum mark m1)
{
	char row[96];
	struct trial_sum s5 = trial_sum(runs, count, m5), s1 = trial_sum(runs, count, m1);
	snprintf(row, sizeof row, "%s, alpha 5 %%", name);
	report_fired(r, row, five, &s5, 0.05);
	snprintf(row, sizeof row, "%s, alpha 1 %%", name);
	report_fired(r, row, one, &s1, 0.01);
}

static const struct {
	const char *five, *one;
} references[CASE_COUNT] = {
	[CASE_STEADY] = {"3.2 %", "0.8 %"},
	[CASE_STEPS] = {"3.0 %", "0.5 %"},
	[CASE_SWINGS] = {"2.3 %", "0.4 %"},
	[CASE_SESSIONS] = {"3.4 %", "0.5 %"},
	[CASE_SLOW] = {"2.8 %", "0.4 %"},
	[CASE_BURSTS] = {"1.5 %", "0.3 %"},
	[CASE_YOUNG] = {"2.0 %", "0.0 %"},
};

/* What is told beside the judge is not asked to hold. */
static void beside(const char *name, const char *reference, const struct trial_run *runs,
	int64_t count, enum mark m)
{
	struct trial_sum s = trial_sum(runs, count, m);
	report_row(name, reference, "%.1f %%", 100.0 * (double)s.fired / (double)s.runs);
}

static void rivals(struct report *r)
{
	int64_t count;
	struct trial t = case_alike(CASE_STEADY, CASE_HOUR_S);
	t.traffic.lead_s = 0;
	t.watch = MARK(ZTEST) | MARK(THRESHOLD) | MARK(FLAGGER) | MARK(KAYENTA);
	struct trial_run *runs = report_do(r, &t, 10000, &count);
	beside("z-test each second, 1 %", "21.8 %", runs, count, MARK_ZTEST);
	beside("v2 over 5 % in 60 s", "0", runs, count, MARK_THRESHOLD);
	beside("success under 99 %, five minutes", "0", runs, count, MARK_FLAGGER);
	beside("Mann-Whitney 98 %, every ten minutes", "", runs, count, MARK_KAYENTA);
	free(runs);
}

/* Evidence that is divided by less than it must be, or by nothing. */
static void too_little(struct report *r)
{
	int64_t count;
	struct trial t = case_alike(CASE_BURSTS, CASE_HOUR_S);
	t.watch = MARK(DISPERSION_5) | MARK(DISPERSION_1) | MARK(ONE_5) | MARK(ONE_1);
	struct trial_run *runs = report_do(r, &t, 1000, &count);
	beside("bursts, phi = D, alpha 5 %", "6.8 %", runs, count, MARK_DISPERSION_5);
	beside("bursts, phi = D, alpha 1 %", "2.5 %", runs, count, MARK_DISPERSION_1);
	beside("bursts, phi = 1, alpha 5 %", "47 %", runs, count, MARK_ONE_5);
	beside("bursts, phi = 1, alpha 1 %", "34 %", runs, count, MARK_ONE_1);
	free(runs);
	t = case_by_requests(CASE_HOUR_S);
	runs = report_do(r, &t, 500, &count);
	beside("sticky, by request, alpha 5 %", "", runs, count, MARK_HARM_5);
	beside("sticky, by request, alpha 1 %", "45 %", runs, count, MARK_HARM_1);
	free(runs);
}

void tables_alike(struct report *r)
{
	int64_t count;
	struct trial_sum late = {0};
	report_title("A/A, one hour of looks a second, runs that fired");
	for (int c = 0; c < CASE_COUNT; c++) {
		struct trial t = case_alike((enum case_name)c, CASE_HOUR_S);
		struct trial_run *runs = report_do(r, &t, 10000, &count);
		two_rows(r, t.name, references[c].five, references[c].one, runs, count, MARK_HARM_5,
			MARK_HARM_1);
		late.runs += count;
		late.fired += trial_sum(runs, count, MARK_LATE).fired;
		free(runs);
	}
	report_fired(
		r, "late onset in all of these", "never", &late, CASE_HOUR_S / CASE_ONSET_LOOKS);
	struct trial t = case_alike(CASE_STEADY, CASE_HOUR_S);
	t.policy = trial_policy(0.1, 0.5);
	struct trial_run *runs = report_do(r, &t, 2000, &count);
	two_rows(r, "steady, tolerance 10 %", "", "0.3 %", runs, count, MARK_HARM_5, MARK_HARM_1);
	free(runs);
	report_title("A/A, beside it");
	rivals(r);
	too_little(r);
}
