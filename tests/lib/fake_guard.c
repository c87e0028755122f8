/* Fake guard: windows out of counters, judged by the same rule as everywhere (model/guard.c). It
 * acts on nothing: that is control's. */
#include "tests/lib/fake_guard.h"

#include "model/text.h"

#include <stdio.h>
#include <string.h>

void fake_guard_reset(struct fake_guard *g)
{
	memset(g, 0, sizeof *g);
}

void fake_guard_add(struct fake_guard *g, const struct arm_counts arms[ARM_COUNT])
{
	struct fake_second *second = g->seconds[g->count++ % FAKE_GUARD_SECONDS];
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_sample s;
		struct histogram latency;
		if (counts_difference(&s, &latency, &arms[arm], &g->last[arm]) == COUNTS_OK)
			second[arm] = (struct fake_second){
				s.ok + s.failed_total, s.failed_total, s.p99_us, s.memory_bytes};
		else
			second[arm] = (struct fake_second){.p99_us = UNKNOWN, .memory_bytes = UNKNOWN};
		g->last[arm] = arms[arm];
	}
}

static struct guard_window sum(const struct fake_guard *g, enum arm arm, int64_t seconds)
{
	struct guard_window w = {.p99_us = UNKNOWN, .memory_bytes = UNKNOWN};
	for (int64_t i = g->count - 1; i >= 0 && i >= g->count - seconds; i--) {
		const struct fake_second *s = &g->seconds[i % FAKE_GUARD_SECONDS][arm];
		w.done += s->done;
		w.failed += s->failed;
		w.covered_ms += 1000;
		if (s->p99_us != UNKNOWN && (w.p99_us == UNKNOWN || s->p99_us > w.p99_us))
			w.p99_us = s->p99_us;
		if (w.memory_bytes == UNKNOWN)
			w.memory_bytes = s->memory_bytes;
	}
	return w;
}

/* "errors 4.1 % of 5 %": as the engine's sentry says it. */
static void say(char *out, size_t size, const struct guard *g)
{
	const struct guard_metric *m = &g->metric[g->worst];
	char value[24], limit[24];
	const char *unit = "";
	if (g->worst == METRIC_ERRORS) {
		unit_percent(value, sizeof value, m->value[ARM_V2]);
		unit_percent(limit, sizeof limit, m->limit);
		unit = " %";
	} else if (g->worst == METRIC_P99) {
		unit_ms(value, sizeof value, (int64_t)m->value[ARM_V2]);
		unit_ms(limit, sizeof limit, (int64_t)m->limit);
		unit = " ms";
	} else {
		unit_bytes(value, sizeof value, (int64_t)m->value[ARM_V2]);
		unit_bytes(limit, sizeof limit, (int64_t)m->limit);
	}
	snprintf(out, size, "%s %s%s of %s%s", metric_name((enum metric)g->worst), value, unit,
		limit, unit);
}

void fake_guard_judge(const struct fake_guard *g, const struct guard_limits *limits,
	bool v2_has_share, struct control_guard *out)
{
	struct guard_window windows[ARM_COUNT];
	struct guard judged;
	int64_t seconds = limits->window_ms / 1000;
	if (seconds > FAKE_GUARD_SECONDS)
		seconds = FAKE_GUARD_SECONDS;
	for (int arm = 0; arm < ARM_COUNT; arm++)
		windows[arm] = sum(g, (enum arm)arm, seconds);
	guard_evaluate(&judged, limits, windows, v2_has_share);
	*out = (struct control_guard){.state = judged.state, .both = judged.both};
	for (int m = 0; m < METRIC_COUNT; m++)
		out->red |= (unsigned)(judged.metric[m].state == GUARD_RED && !judged.metric[m].both)
			<< m;
	if (judged.worst >= 0)
		say(out->word, sizeof out->word, &judged);
}
