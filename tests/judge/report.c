/* Report: prints as it goes. */
#include "tests/judge/report.h"

#include "model/mem.h"
#include "tests/judge/draw.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define IMPLAUSIBLE 0.001

struct trial_run *report_do(
	struct report *r, const struct trial *t, int64_t most, int64_t *count)
{
	*count = r->runs < most ? r->runs : most;
	struct trial_run *runs = mem_new((size_t)*count, sizeof *runs);
	trial_do(t, r->seed++, *count, runs);
	return runs;
}

void report_title(const char *title)
{
	printf("\n%s\n", title);
	fflush(stdout);
}

void report_row(const char *name, const char *reference, const char *format, ...)
{
	char ours[128];
	va_list args;
	va_start(args, format);
	vsnprintf(ours, sizeof ours, format, args);
	va_end(args);
	printf("  %-40s %-34s %s\n", name, ours, reference);
	fflush(stdout);
}

void report_fired(struct report *r, const char *name, const char *reference,
	const struct trial_sum *s, double bound)
{
	double tail = s->fired > 0 ? binomial_at_least(s->fired, s->runs, bound) : 1;
	r->missed += tail < IMPLAUSIBLE;
	report_row(name, reference, "%.2f %% (%lld of %lld)%s",
		100.0 * (double)s->fired / (double)s->runs, (long long)s->fired, (long long)s->runs,
		tail < IMPLAUSIBLE ? " MISSED" : "");
}

void report_bound(struct report *r, const char *what, double value, double bound)
{
	bool missed = !(value <= bound);
	r->missed += missed;
	printf("  %s: %.2f, at most %.2f%s\n", what, value, bound, missed ? " MISSED" : "");
	fflush(stdout);
}
