/* Tables: whether the traffic is what it is taken for: its split, its units, its settling. */
#include "tests/judge/cases.h"
#include "tests/judge/report.h"

#include <math.h>
#include <stdlib.h>

static void split(
	struct report *r, const char *name, const char *reference, double actual, bool sessions)
{
	int64_t count;
	struct trial t = {
		.traffic = case_service(1, 0, CASE_HOUR_S),
		.policy = trial_policy(0, 0.5),
		.watch = MARK(SPLIT),
		.until = MARK(SPLIT),
	};
	t.traffic.share = actual;
	t.traffic.asked = 0.05;
	t.traffic.called_sessions = sessions;
	struct trial_run *runs = report_do(r, &t, 1500, &count);
	struct trial_sum s = trial_sum(runs, count, MARK_SPLIT);
	if (actual == 0.05)
		report_fired(r, name, reference, &s, 0.001);
	else
		report_row(name, reference, "%.1f s (%.1f %% of runs)", s.mean_s,
			100.0 * (double)s.fired / (double)s.runs);
	free(runs);
}

static void split_by_requests(struct report *r, bool called_sessions, const char *reference)
{
	int64_t count;
	struct trial t = case_split_by_requests(called_sessions, CASE_HOUR_S);
	struct trial_run *runs = report_do(r, &t, 500, &count);
	struct trial_sum s = trial_sum(runs, count, MARK_SPLIT);
	report_row(t.name, reference, "%.1f %%", 100.0 * (double)s.fired / (double)s.runs);
	free(runs);
}

static void sentinel_clean(struct report *r)
{
	int64_t count;
	struct trial t = case_alike(CASE_STEADY, CASE_HOUR_S);
	t.traffic.halves = true;
	t.watch = MARK(SENTINEL);
	struct trial_run *runs = report_do(r, &t, 1500, &count);
	struct trial_sum s = trial_sum(runs, count, MARK_SENTINEL);
	report_fired(r, "v1 differs from itself, clean", "0.7 %", &s, 0.01);
	free(runs);
}

static void sentinel_sticky(
	struct report *r, int lead_s, const char *fires, const char *harm_first)
{
	int64_t count, first = 0;
	struct trial t = case_by_requests(CASE_HOUR_S);
	t.traffic.lead_s = lead_s;
	t.watch = MARK(SENTINEL) | MARK(HARM_1);
	struct trial_run *runs = report_do(r, &t, 500, &count);
	struct trial_sum s = trial_sum(runs, count, MARK_SENTINEL);
	for (int64_t i = 0; i < count; i++) {
		double at_s = runs[i].first_s[MARK_SENTINEL], harm_s = runs[i].first_s[MARK_HARM_1];
		first += !isnan(harm_s) && !(at_s <= harm_s);
	}
	report_row(lead_s > 0 ? "    with 30 minutes' lead" : "v1 differs from itself, sticky",
		fires, "%.0f %%, median after %.0f s", 100.0 * (double)s.fired / (double)s.runs,
		s.median_s + lead_s);
	report_row("    a false HARM came first", harm_first, "%.0f %%",
		100.0 * (double)first / (double)count);
	free(runs);
}

static void settling(struct report *r, bool settled, const char *name, const char *reference)
{
	int64_t count;
	struct trial t = case_alike(CASE_STEADY, 600);
	t.traffic.shape = TRAFFIC_TIMEOUTS;
	t.traffic.settling = settled;
	struct trial_run *runs = report_do(r, &t, 500, &count);
	struct trial_sum s = trial_sum(runs, count, MARK_HARM_1);
	if (settled)
		report_fired(r, name, reference, &s, 0.01);
	else
		report_row(name, reference, "%.1f %%", 100.0 * (double)s.fired / (double)s.runs);
	free(runs);
}

void tables_trust(struct report *r)
{
	report_title("Is traffic what it is taken for: split 5 %, by sessions");
	split(r, "actual 0 %", "1 s", 0, true);
	split(r, "actual 10 %", "1 s", 0.1, true);
	split(r, "actual 4 %", "10 s", 0.04, true);
	split(r, "actual 6 %", "12 s", 0.06, true);
	split(r, "right", "0 of 1,500", 0.05, true);
	report_title("Split 5 %, by requests");
	split(r, "actual 0 %", "", 0, false);
	split(r, "actual 10 %", "", 0.1, false);
	split(r, "actual 4 %", "", 0.04, false);
	split(r, "actual 6 %", "", 0.06, false);
	split(r, "right", "", 0.05, false);
	split_by_requests(r, true, "96 %");
	split_by_requests(r, false, "");
	report_title("Requests that are not independent; failures that end late");
	sentinel_clean(r);
	sentinel_sticky(r, 0, "91 %, 300 s", "21 %");
	sentinel_sticky(r, 1800, "", "7 %");
	settling(r, false, "timeouts counted under the new share", "58 %");
	settling(r, true, "    intervals skipped until they passed", "0 %");
}
