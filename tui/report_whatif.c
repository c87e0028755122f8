/* What other policies would have done with the same samples: the limits of then, half of them, a
 * tenth, and twice as much. The running is whatif.c's. */
#include "tui/report.h"
#include "tui/whatif.h"

#include "model/text.h"

#include <math.h>
#include <stdio.h>

/* How much of each limit a policy allows. */
static const struct {
	const char *name;
	double part;
} kinds[REPORT_POLICIES] = {{"as it was", 1}, {"stricter: half", 0.5},
	{"stricter still: a tenth", 0.1}, {"laxer: twice", 2}};

static void make_policy(
	struct whatif_policy *out, const struct guard_limits *base, const char *name, double part)
{
	char errors[16], ms[24];
	out->limits = *base;
	out->limits.error_rate = fmin(1, base->error_rate * part);
	if (base->latency_ms != UNKNOWN)
		out->limits.latency_ms = (int64_t)llround((double)base->latency_ms * part);
	unit_percent(errors, sizeof errors, out->limits.error_rate);
	if (out->limits.latency_ms == UNKNOWN)
		snprintf(ms, sizeof ms, "no limit");
	else
		snprintf(ms, sizeof ms, "%lld ms", (long long)out->limits.latency_ms);
	snprintf(out->name, sizeof out->name, "%s (errors %s %%, p99 %s)", name, errors, ms);
}

static void take_result(
	struct report_policy *out, const struct whatif_facts *f, const struct whatif_result *w)
{
	struct text line = {0};
	whatif_line(&line, f, w);
	*out = (struct report_policy){.fired_ms = w->fires ? w->fire[0].at_ms : UNKNOWN,
		.failed_before = w->failed_before,
		.failed_after = w->failed_after,
		.false_alarms = w->false_alarms};
	text_copy(out->name, sizeof out->name, w->policy.name);
	text_copy(out->line, sizeof out->line, text_str(&line));
	text_free(&line);
}

void report_policies(struct report *r, const struct report_how *how)
{
	struct whatif_policy policies[REPORT_POLICIES];
	struct whatif_source source = {
		.path = how->path, .pool = r->pool, .since_ms = r->first_ms, .until_ms = r->until_ms};
	struct guard_limits base = r->terms.limits;
	struct whatif *w = NULL;
	struct err why;
	size_t count = 0;
	if (isnan(base.error_rate))
		base.error_rate = 0.05; /* that of a replay without a configuration */
	if (r->tick_count == 0) {
		text_copy(r->policies_why, sizeof r->policies_why, "there are no samples of that time");
		return;
	}
	if (r->tick_count > REPORT_LONG) {
		text_copy(r->policies_why, sizeof r->policies_why,
			"the recording is long; weir whatif runs other policies over it");
		return;
	}
	for (int i = 0; i < REPORT_POLICIES; i++)
		make_policy(&policies[i], &base, kinds[i].name, kinds[i].part);
	if (whatif_run(&w, &source, policies, REPORT_POLICIES, NULL, NULL, &why) < 0) {
		text_copy(r->policies_why, sizeof r->policies_why, why.text);
		return;
	}
	const struct whatif_result *results = whatif_results(w, &count);
	for (size_t i = 0; i < count && i < REPORT_POLICIES; i++)
		take_result(&r->policies[r->policy_count++], whatif_facts(w), &results[i]);
	whatif_free(w);
}
