/* Report: rows of what was measured beside what was expected. */
#ifndef WEIR_TESTS_JUDGE_REPORT_H
#define WEIR_TESTS_JUDGE_REPORT_H

#include "tests/judge/trial.h"

/* How many runs a full table takes; a part of them where they are long. */
struct report {
	int64_t runs;
	uint64_t seed;
	int missed; /* figures that lie outside what they may be */
};

/* Runs a trial, at most `most` times, and returns the runs, which the caller frees; *count says
 * how many. Each call takes another seed. */
struct trial_run *report_do(
	struct report *r, const struct trial *t, int64_t most, int64_t *count);

void report_title(const char *title);

/* "  name  ours  (reference)". */
void report_row(const char *name, const char *reference, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The share of runs that fired and whether that is plausible for `bound` (99.9 %, one-sided):
 * counts and marks it where it is not. */
void report_fired(struct report *r, const char *name, const char *reference,
	const struct trial_sum *s, double bound);

/* Notes a figure that must be at most `bound`. */
void report_bound(struct report *r, const char *what, double value, double bound);

/* The tables. */
void tables_alike(struct report *r);
void tables_delay(struct report *r);
void tables_safe(struct report *r);
void tables_latency(struct report *r);
void tables_trust(struct report *r);
void tables_cost(struct report *r);

#endif
