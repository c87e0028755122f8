/* Sentry: from two moments of the counters to a word on v2. No thread and no clock. */
#include "client/engine/sentry.h"

#include "model/text.h"

#include <stdio.h>
#include <string.h>

void sentry_release(struct sentry *s)
{
	for (int i = 0; i < ARM_COUNT; i++)
		window_release(&s->window[i]);
}

static void stretch(struct sentry *s, int64_t window_ms)
{
	for (int i = 0; i < ARM_COUNT; i++) {
		if (s->window[i].length_ms == window_ms)
			continue;
		window_release(&s->window[i]);
		window_init(&s->window[i], window_ms);
	}
}

static void measure(
	struct sentry *s, const struct arm_counts arms[ARM_COUNT], struct instant now)
{
	for (int i = 0; i < ARM_COUNT && s->primed; i++) {
		struct arm_sample sample;
		struct histogram latency;
		if (counts_difference(&sample, &latency, &arms[i], &s->last[i]) == COUNTS_OK)
			window_add(
				&s->window[i], now.boot_ms, now.boot_ms - s->last_boot_ms, &sample, &latency);
	}
	for (int i = 0; i < ARM_COUNT; i++)
		s->last[i] = arms[i];
	s->last_boot_ms = now.boot_ms;
	s->primed = true;
}

static void say_value(char *out, size_t size, enum metric m, double value)
{
	switch (m) {
	case METRIC_ERRORS:
		unit_percent(out, size, value);
		break;
	case METRIC_P99:
		unit_ms(out, size, value == value ? (int64_t)value : UNKNOWN);
		break;
	default:
		unit_bytes(out, size, value == value ? (int64_t)value : UNKNOWN);
		break;
	}
}

/* "errors 4.1 % of 5 %" */
static void say(struct control_guard *out, const struct guard *g)
{
	static const char *const unit[METRIC_COUNT] = {
		[METRIC_ERRORS] = " %", [METRIC_P99] = " ms", [METRIC_MEMORY] = ""};
	char value[24], limit[24];
	if (g->worst < 0)
		return;
	enum metric m = (enum metric)g->worst;
	say_value(value, sizeof value, m, g->metric[m].value[ARM_V2]);
	say_value(limit, sizeof limit, m, g->metric[m].limit);
	snprintf(out->word, sizeof out->word, "%s %s%s of %s%s%s", metric_name(m), value, unit[m],
		limit, unit[m], g->both ? ", and v1 too" : "");
}

void sentry_look(struct sentry *s, const struct arm_counts arms[ARM_COUNT],
	const struct guard_limits *limits, bool v2_is_asked, struct instant now,
	struct control_guard *out)
{
	struct guard_window window[ARM_COUNT];
	struct guard guard;
	stretch(s, limits->window_ms);
	measure(s, arms, now);
	if (!v2_is_asked)
		window_clear(&s->window[ARM_V2]);
	for (int i = 0; i < ARM_COUNT; i++)
		window_sum(&s->window[i], now.boot_ms, &window[i]);
	guard_evaluate(&guard, limits, window, v2_is_asked);
	*out = (struct control_guard){.state = guard.state, .both = guard.both};
	for (int m = 0; m < METRIC_COUNT; m++)
		out->red |= (unsigned)(guard.metric[m].state == GUARD_RED && !guard.metric[m].both)
			<< m;
	say(out, &guard);
}
