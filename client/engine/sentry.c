/* Sentry: from two moments of the counters to a word on v2. No thread and no clock. */
#include "client/engine/sentry.h"

#include "model/mem.h"
#include "model/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 1000 /* the watch looks once a second */

void sentry_release(struct sentry *s)
{
	for (int i = 0; i < ARM_COUNT; i++)
		window_release(&s->window[i]);
	if (s->judging)
		judging_release(s->judging);
	free(s->judging);
	s->judging = NULL;
}

void sentry_rest(struct sentry *s)
{
	s->rested = true;
	s->primed = false; /* what came since the last look was still before */
	window_clear(&s->window[ARM_V2]);
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

/* Differences of one look. */
struct interval {
	struct sample sample;
	struct histogram latency[ARM_COUNT], session_latency[ARM_COUNT];
	bool sessions_timed[ARM_COUNT];
	bool valid;
};

static void measure(struct sentry *s, const struct arm_counts arms[ARM_COUNT],
	struct instant now, struct interval *out)
{
	out->valid = s->primed;
	out->sample.at = now;
	out->sample.interval_ms = now.boot_ms - s->last_boot_ms;
	for (int i = 0; i < ARM_COUNT && s->primed; i++) {
		const struct arm_counts *later = &arms[i], *earlier = &s->last[i];
		struct arm_sample *sample = &out->sample.arms[i];
		if (counts_difference(sample, &out->latency[i], later, earlier) != COUNTS_OK) {
			out->valid = false;
			continue;
		}
		window_add(
			&s->window[i], now.boot_ms, out->sample.interval_ms, sample, &out->latency[i]);
		out->sessions_timed[i] = later->has_session_latency && earlier->has_session_latency &&
			histogram_difference(
				&out->session_latency[i], &later->session_latency, &earlier->session_latency);
	}
	for (int i = 0; i < ARM_COUNT; i++)
		s->last[i] = arms[i];
	s->last_boot_ms = now.boot_ms;
	s->primed = true;
}

static void judge(struct sentry *s, const struct interval *i, const struct guard_limits *limits,
	const struct sentry_split *split)
{
	struct judge_policy policy;
	guard_policy(&policy, limits, LOOK_MS);
	if (!s->judging) {
		s->judging = mem_new(1, sizeof *s->judging);
		judging_init(s->judging, &policy, 1);
	}
	judge_set_policy(&s->judging->judge, &policy);
	/* What is asked of v2 anew is judged anew. */
	if (split->resumed || (s->rested && !split->at_base) || s->operations != split->operations)
		judging_restart(s->judging);
	s->rested = split->at_base;
	s->operations = split->operations;
	if (!i->valid || i->sample.interval_ms <= 0) {
		judging_skip(s->judging);
		return;
	}
	struct judging_part part = {.sample = &i->sample,
		.change_age_ms = split->change_age_ms,
		.uptime_ms = split->uptime_ms,
		.settle_ms = split->settle_ms,
		.share_bp = split->share_bp};
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		part.latency[arm] = &i->latency[arm];
		part.session_latency[arm] = i->sessions_timed[arm] ? &i->session_latency[arm] : NULL;
	}
	judging_add(s->judging, 0, &part);
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
	const struct guard_limits *limits, const struct sentry_split *split, struct instant now,
	struct control_guard *out)
{
	struct guard_window window[ARM_COUNT];
	struct guard guard;
	struct verdict verdict;
	struct interval *interval = mem_new(1, sizeof *interval);
	stretch(s, limits->window_ms);
	measure(s, arms, now, interval);
	judge(s, interval, limits, split);
	free(interval);
	if (!split->asked)
		window_clear(&s->window[ARM_V2]);
	for (int i = 0; i < ARM_COUNT; i++)
		window_sum(&s->window[i], now.boot_ms, &window[i]);
	guard_evaluate(&guard, limits, window, split->asked);
	verdict_read(&verdict, &s->judging->judge,
		&(struct verdict_view){.v2_expected = split->share_bp > 0});
	if (split->asked)
		guard_hear(&guard, &verdict);
	*out = (struct control_guard){
		.state = guard.state, .both = guard.both, .verdict = verdict.word};
	for (int m = 0; m < METRIC_COUNT; m++)
		out->red |= (unsigned)(guard.metric[m].state == GUARD_RED && !guard.metric[m].both)
			<< m;
	bool limit_broken = out->red != 0;
	out->red |= (unsigned)(guard.judge == GUARD_RED) << LATCH_JUDGE;
	text_copy(out->verdict_text, sizeof out->verdict_text, verdict.text);
	if (guard.judge != GUARD_NONE && !limit_broken)
		text_copy(out->word, sizeof out->word, guard.judge_word);
	else
		say(out, &guard);
}
