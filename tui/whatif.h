/* What-if: the guards and the judge over a recording once more, under other policies: when each
 * would have fired, why, how soon after v2 went bad, and what it would have spared. Nothing is
 * written and nothing is sent.
 *
 * What v2 really was is found from the whole recording, after the fact: a bad stretch is where it
 * did worse than v1 beyond doubt. A policy that fires within one has detected it, one that fires
 * elsewhere has raised a false alarm. What would have come behind the first fire nobody has seen:
 * all figures `after` it are extrapolated from what v2 went on to do. */
#ifndef WEIR_TUI_WHATIF_H
#define WEIR_TUI_WHATIF_H

#include "model/err.h"
#include "model/guard.h"
#include "model/pool.h"
#include "model/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;
struct config;
struct yaml_doc;

#define WHATIF_NAME_MAX 96
#define WHATIF_STRETCHES_MAX 8
#define WHATIF_FIRES_MAX 16
#define WHATIF_POLICIES_MAX 256

/* What is asked of v2, and what that is called. */
struct whatif_policy {
	char name[WHATIF_NAME_MAX]; /* "recorded", "guards.error_rate_threshold=0.02" */
	struct guard_limits limits; /* the judge's policy with it */
};

/* ---- policies, by the keys of weir.yaml ---- */

/* Sets one key as a configuration would: "guards.error_rate_threshold=0.02",
 * "judge.alpha=5%". 0, or -1 with err (W001: the key with a suggestion, or its value). */
int whatif_set(struct guard_limits *limits, const char *assignment, struct err *err);

/* Sets what a text with `guards:`, `judge:` or both says, and nothing else; `file` names it in
 * errors. 0, or -1 with err (W002, file:line:col). */
int whatif_read(struct guard_limits *limits, const char *text, size_t len, const char *file,
	struct err *err);

/* A key over a range: "guards.error_rate_threshold=0.005:0.05:0.005" (from, to, step; both ends
 * inclusive), each a copy of `base` with that one key set. Values are as one would write them, and
 * keep the unit of the first ("1m:10m:1m", "1%:5%:1%"). Writes at most `max`; 0, or -1 with err. */
int whatif_grid(struct whatif_policy *out, size_t max, size_t *count,
	const struct guard_limits *base, const char *range, struct err *err);

/* ---- what happened ---- */

/* Bad units of v2 beyond v1's rate over a time, with 95 % confidence; NaN where nobody knows. */
struct whatif_excess {
	double low, bad, high;
};

/* A time in which v2 did worse than v1 beyond doubt. */
struct whatif_stretch {
	int64_t from_ms, to_ms; /* wall clock */
	enum judged metric;     /* errors, or p99 */
	int64_t failed;         /* requests of v2 that failed in it */
	struct whatif_excess excess;
	int share_bp; /* at its beginning */
	bool stopped; /* it ended because v2's share went down, not because v2 got better */
};

/* A moment at which a policy would have acted. */
struct whatif_fire {
	int64_t at_ms;
	bool by_judge;               /* v2 is proven worse than v1; else a limit is broken */
	enum metric metric;          /* that did it */
	char word[VERDICT_TEXT_MAX]; /* "errors 4.1 % of 2 %", or the judge's verdict */
	int share_bp;                /* v2's then; -1 unknown */
	int stretch;                 /* index of the stretch that it fired in; -1: a false alarm */
};

struct whatif_result {
	struct whatif_policy policy;
	struct whatif_fire fire[WHATIF_FIRES_MAX];
	size_t fires;      /* in `fire`, the first so many, oldest first */
	size_t fires_more; /* beyond them */
	int detected, missed, false_alarms;
	/* Of the first stretch that was detected, from its first bad interval to the fire; UNKNOWN where
	 * none was. And from the step that had put v2 to its share then; UNKNOWN where there was none. */
	int64_t delay_ms, step_delay_ms;
	/* Requests of v2 that failed until the first fire (all, where it never fired) and after it. */
	int64_t failed_before, failed_after;
	struct whatif_excess before, after;
	/* Of `after`, what the action would have spared: all by a rollback; by a hold what higher shares
	 * added; nothing by a warning. Extrapolated. */
	struct whatif_excess avoided;
};

/* The recording that was run over. */
struct whatif_facts {
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX];
	int64_t recording;          /* its id in the file */
	int64_t since_ms, until_ms; /* of the span that counts */
	int64_t intervals;          /* in it */
	bool sessions;              /* the units of excess are sessions, else requests */
	int64_t gaps;               /* how often intervals were missing in it */
	int64_t thinned_ms;         /* of it, samples became minutes: nobody judges these */
	int64_t requests[ARM_COUNT], failed[ARM_COUNT];
	struct whatif_excess excess;                         /* of all of it */
	struct whatif_stretch stretch[WHATIF_STRETCHES_MAX]; /* oldest first */
	size_t stretches;
};

/* ---- running ---- */

struct whatif; /* opaque */

struct whatif_source {
	const char *path;
	const char *pool; /* NULL: the one with the last sample */
	int64_t since_ms,
		until_ms; /* wall clock, 0: the recording's beginning and end. What was before
	                               is run over too, as evidence: it only does not count */
};

/* Opens a recording and begins with `count` policies (1..WHATIF_POLICIES_MAX; copied). 0, or -1
 * with err. */
int whatif_begin(struct whatif **out, const struct whatif_source *source,
	const struct whatif_policy *policies, size_t count, struct err *err);
void whatif_free(struct whatif *w); /* NULL: nothing */

/* Runs on over `recorded_ms` of the recording. 1 there is more, 0 it is done, -1 with err: the file
 * cannot be read further. */
int whatif_advance(struct whatif *w, int64_t recorded_ms, struct err *err);

/* How much of it is done, in recorded milliseconds of how many. */
void whatif_progress(const struct whatif *w, int64_t *done_ms, int64_t *total_ms);

/* Once it is done; borrowed until whatif_free. One result a policy, in their order. */
const struct whatif_facts *whatif_facts(const struct whatif *w);
const struct whatif_result *whatif_results(const struct whatif *w, size_t *count);

/* All of it at once. `each` (may be NULL) is told of the progress and returns false to stop: the
 * result is 0 then with *out NULL. The caller frees *out by whatif_free. */
int whatif_run(struct whatif **out, const struct whatif_source *source,
	const struct whatif_policy *policies, size_t count,
	bool (*each)(void *ctx, int64_t done_ms, int64_t total_ms), void *ctx, struct err *err);

/* ---- words ---- */

/* One line of a result for people: "would have fired 14:02:11, errors 4.1 % of 2 %, 12 s after v2
 * went bad; ..." */
void whatif_line(struct text *out, const struct whatif_facts *f, const struct whatif_result *r);

/* The result, or what happened, as a JSON object. */
void whatif_json(struct text *out, const struct whatif_facts *f, const struct whatif_result *r);
void whatif_facts_json(struct text *out, const struct whatif_facts *f);

#endif
