/* Judge policy: what is compared and how sure one must be. Pure. */
#ifndef WEIR_MODEL_JUDGE_POLICY_H
#define WEIR_MODEL_JUDGE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

/* X(name, word, quantile): what can be compared. A unit is bad when it failed (quantile 0), or
 * when it was slower than v1's quantile lately was. */
#define JUDGED_INFO(X) \
	X(ERRORS, "errors", 0) \
	X(P50, "p50", 0.50) \
	X(P95, "p95", 0.95) \
	X(P99, "p99", 0.99)

enum judged {
#define X(name, word, quantile) JUDGED_##name,
	JUDGED_INFO(X)
#undef X
		JUDGED_COUNT
};

const char *judged_name(enum judged m);
enum judged judged_of(const char *word); /* JUDGED_COUNT when unknown */

#define JUDGE_CHANCE_MAX 0.5
#define JUDGE_TOLERANCE_MAX 10.0
#define JUDGE_MARGIN_MAX 30.0

/* What is asked of v2. */
struct judge_policy {
	double alpha;     /* chance of ever finding harm where there is none, 0..0.5 */
	double beta;      /* chance of ever finding a v2 safe that is worse than the margin */
	double tolerance; /* v2 may be worse by this fraction, 0..10 */
	double margin;    /* worse by less than this is safe; above the tolerance, at most 30 */
	bool metric[JUDGED_COUNT];
	double error_limit;       /* a fraction 0..1; NaN none */
	int64_t latency_limit_us; /* of p99; UNKNOWN none */
	int64_t interval_ms;      /* of a look */
};

/* alpha 1 %, beta 5 %, tolerance 10 %, margin 50 %, errors and p99, no limits, 1 s. */
void judge_policy_init(struct judge_policy *p);

/* True when it can be judged by: all within its range, the margin above the tolerance, and some
 * metric. */
bool judge_policy_is_sound(const struct judge_policy *p);

/* True when both judge alike. */
bool judge_policy_equals(const struct judge_policy *a, const struct judge_policy *b);

/* The quantile of a metric, 0 for errors. */
double judged_quantile(enum judged m);

struct text;
/* Writes what is not a limit nor the interval: "0.01;0.05;0.1;0.5;errors,p99", and reads it
 * (false, leaving `p` undefined, for anything else or what is not sound). */
void judge_policy_write(struct text *out, const struct judge_policy *p);
bool judge_policy_read(struct judge_policy *p, const char *s);

/* The same of the metrics alone: "errors,p99". */
void judge_metrics_write(struct text *out, const struct judge_policy *p);
bool judge_metrics_read(struct judge_policy *p, const char *s);

#endif
