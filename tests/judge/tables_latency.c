/* Tables: latencies: lognormal, sigma 0.5, tolerance 10 %, margin 50 %. */
#include "model/mem.h"
#include "tests/judge/cases.h"
#include "tests/judge/report.h"

#include <stdio.h>
#include <stdlib.h>

#define LEAD_S 120 /* two minutes of v1 alone: thresholds look back one */

static struct trial of_laws(const struct case_laws *l, bool family, int span_s)
{
	return (struct trial){
		.traffic = case_service_slow(l, LEAD_S, span_s),
		.policy = case_latency_policy(family, 0.1, 0.5),
	};
}

static void slower(
	struct report *r, struct case_laws *l, bool family, double factor, const char *reference)
{
	char name[96];
	int64_t count;
	case_laws(l, CASE_PLAIN, factor, family);
	struct trial t = of_laws(l, family, CASE_HOUR_S);
	t.watch = t.until = MARK(HARM_1);
	struct trial_run *runs = report_do(r, &t, 1000, &count);
	struct trial_sum s = trial_sum(runs, count, MARK_HARM_1);
	snprintf(
		name, sizeof name, "%s +%.0f %%", family ? "p50, p95, p99" : "p99", 100 * (factor - 1));
	report_row(name, reference, "%.1f s (%.1f %% of runs)", s.mean_s,
		100.0 * (double)s.fired / (double)s.runs);
	free(runs);
}

static void at_tolerance(
	struct report *r, struct case_laws *l, enum case_latency kind, const char *reference)
{
	static const char *const kinds[] = {"", ", ties of 10 ms", ", drifting twofold"};
	char name[96];
	int64_t count;
	case_laws(l, kind, 1.1, false);
	struct trial t = of_laws(l, false, CASE_HOUR_S);
	t.watch = MARK(HARM_5) | MARK(HARM_1);
	struct trial_run *runs = report_do(r, &t, 600, &count);
	struct trial_sum s5 = trial_sum(runs, count, MARK_HARM_5);
	struct trial_sum s1 = trial_sum(runs, count, MARK_HARM_1);
	snprintf(name, sizeof name, "p99 exactly +10 %%%s, alpha 5 %%", kinds[kind]);
	report_fired(r, name, "", &s5, 0.05);
	snprintf(name, sizeof name, "p99 exactly +10 %%%s, alpha 1 %%", kinds[kind]);
	report_fired(r, name, reference, &s1, 0.01);
	free(runs);
}

static void safe(struct report *r, struct case_laws *l)
{
	int64_t count;
	case_laws(l, CASE_PLAIN, 1, false);
	struct trial t = of_laws(l, false, CASE_HOUR_S);
	t.watch = t.until = MARK(SAFE);
	struct trial_run *runs = report_do(r, &t, 1000, &count);
	struct trial_sum s = trial_sum(runs, count, MARK_SAFE);
	report_row("p99 SAFE if equal", "8 s", "%.1f s (%.1f %% of runs)", s.mean_s,
		100.0 * (double)s.fired / (double)s.runs);
	free(runs);
	static const char *const names[] = {"p99 false SAFE at exactly +50 %",
		"p99 false SAFE at +50 %, ties of 10 ms", "p99 false SAFE at +50 %, drifting"};
	for (int kind = CASE_PLAIN; kind <= CASE_DRIFT; kind++) {
		case_laws(l, (enum case_latency)kind, 1.5, false);
		t = of_laws(l, false, CASE_HOUR_S);
		t.watch = t.until = MARK(SAFE);
		runs = report_do(r, &t, 500, &count);
		s = trial_sum(runs, count, MARK_SAFE);
		report_fired(r, names[kind], "0-1.7 %", &s, 0.05);
		free(runs);
	}
}

void tables_latency(struct report *r)
{
	struct case_laws *l = mem_new(1, sizeof *l);
	report_title("Latency, lognormal with sigma 0.5, tolerance 10 %");
	slower(r, l, false, 1.2, "64 s");
	slower(r, l, false, 1.5, "3.1 s");
	slower(r, l, false, 2.0, "1 s");
	slower(r, l, true, 1.2, "9.3 s");
	slower(r, l, true, 1.5, "1.1 s");
	slower(r, l, true, 2.0, "1 s");
	at_tolerance(r, l, CASE_PLAIN, "0.3-0.5 %");
	at_tolerance(r, l, CASE_TIES, "0.3-0.5 %");
	at_tolerance(r, l, CASE_DRIFT, "0.3-0.5 %");
	safe(r, l);
	free(l);
}
