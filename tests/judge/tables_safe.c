/* Tables: what is proven of a v2 that is good, or is as bad as may be; how often the interval
 * loses the truth; what a limit takes. */
#include "model/verdict.h"
#include "tests/judge/cases.h"
#include "tests/judge/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void equal(struct report *r, double margin, const char *reference)
{
	char name[96];
	int64_t count;
	struct trial t = {
		.traffic = case_service(1, CASE_LEAD_S, CASE_HOUR_S),
		.policy = trial_policy(0.1, margin),
		.watch = MARK(SAFE),
		.until = MARK(SAFE),
	};
	struct trial_run *runs = report_do(r, &t, 2000, &count);
	struct trial_sum s = trial_sum(runs, count, MARK_SAFE);
	snprintf(name, sizeof name, "SAFE of an equal v2, margin %.1f", 1 + margin);
	report_row(name, reference, "%.0f s (%.1f %% within the hour)", s.mean_s,
		100.0 * (double)s.fired / (double)s.runs);
	free(runs);
}

static void at_margin(struct report *r, double margin, const char *reference)
{
	char name[96];
	int64_t count;
	struct trial t = {
		.traffic = case_service(1 + margin, CASE_LEAD_S, CASE_HOUR_S),
		.policy = trial_policy(0.1, margin),
		.watch = MARK(SAFE),
		.until = MARK(SAFE),
	};
	struct trial_run *runs = report_do(r, &t, 2800, &count);
	struct trial_sum s = trial_sum(runs, count, MARK_SAFE);
	snprintf(name, sizeof name, "false SAFE at the margin, %.1f", 1 + margin);
	report_fired(r, name, reference, &s, 0.05);
	free(runs);
}

static void lost(struct report *r, double odds, const char *five, const char *one)
{
	char name[96];
	int64_t count;
	struct trial t = {
		.traffic = case_service(odds, CASE_LEAD_S, CASE_HOUR_S),
		.policy = trial_policy(0, 0.5),
		.watch = MARK(LOST_5) | MARK(LOST_1),
	};
	struct trial_run *runs = report_do(r, &t, 1000, &count);
	struct trial_sum s5 = trial_sum(runs, count, MARK_LOST_5);
	struct trial_sum s1 = trial_sum(runs, count, MARK_LOST_1);
	snprintf(name, sizeof name, "interval loses %.0f, alpha 5 %%", odds);
	report_fired(r, name, five, &s5, 0.05);
	snprintf(name, sizeof name, "interval loses %.0f, alpha 1 %%", odds);
	report_fired(r, name, one, &s1, 0.01);
	free(runs);
}

/* How many clean units on v2 show it to be safe under 0.1 %, with or without v1 beside it; or to
 * the evidence of the limit alone, of which the verdict takes the mean with the ratio's. */
static int64_t clean_units(int64_t v1, bool verdict)
{
	struct judge *j = calloc(1, sizeof *j);
	struct judge_policy p = trial_policy(0.1, 0.5);
	static const struct verdict_view view = {.age_ms = 0, .v2_expected = true};
	struct verdict v = {.word = VERDICT_UNDECIDED};
	int64_t units = 0;
	if (!j)
		return 0;
	p.error_limit = 0.001;
	judge_init(j, &p);
	const struct judge_reading *now = &j->metric[JUDGED_ERRORS].now;
	while (units < 100000 &&
		(verdict ? v.word != VERDICT_SAFE : now->ln_limit_safe < judge_ln_safe(&p))) {
		const struct judge_interval i = {.at = {.wall_ms = ++units},
			.length_ms = 1,
			.arm = {{.units = {.n = v1}}, {.units = {.n = 1}}},
			.settled = true,
			.share_bp = v1 > 0 ? 5000 : 10000};
		judge_look(j, &i);
		verdict_read(&v, j, &view);
	}
	judge_release(j);
	free(j);
	return units;
}

void tables_safe(struct report *r)
{
	report_title("SAFE, the interval and limits");
	equal(r, 0.5, "393 s (100 %)");
	equal(r, 1.0, "124 s");
	at_margin(r, 0.5, "4.5 %");
	at_margin(r, 1.0, "3.0 %");
	lost(r, 1, "3.2 %", "0.8 %");
	lost(r, 2, "3.7 %", "1.2 %");
	lost(r, 5, "2.5 %", "0.3 %");
	report_row("clean units under a limit of 0.1 %: evidence", "3,692", "%lld",
		(long long)clean_units(0, false));
	report_row("    verdict", "", "%lld", (long long)clean_units(0, true));
	report_row("    verdict, v1 beside it", "", "%lld", (long long)clean_units(1, true));
}
