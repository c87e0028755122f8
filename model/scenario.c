/* Scenario: the built-in ones and the look-ups along the time axis. Not an executor: it draws no
 * random number and reads no clock. */
#include "model/scenario.h"

#include <math.h>
#include <string.h>

#define TURN 6.283185307179586 /* of a circle */

/* 120 arrivals of 1.2 ms at a factor of 1.15 keep v1, one serialized executor, busy for a sixth
 * of each second: it must never look bad for lack of capacity. */
#define GOOD(scenario_name) \
	.name = scenario_name, .rate = 120, .sessions = 2000, .seed = 1, .unit_ms = 5000, \
	.operations = \
		{ \
			{.name = "echo", .weight = 4, .work_us = 0}, \
			{.name = "sleep", .weight = 3, .work_us = 2000}, \
			{.name = "predict", .weight = 3, .work_us = 2000}, \
	}, \
	.operation_count = 3, .v1_slow_factor = 1.15

static const struct scenario built_in[] = {
	{
		GOOD("demo"),
		.help = "the first look: after two minutes one operation of v2 breaks",
		.phases = {{
			.at_ms = 120000,
			.arm = ARM_V2,
			.fault = {.error_rate = 0.6, .operation = "predict"},
		}},
		.phase_count = 1,
	},
	{GOOD("quiet"), .help = "nothing fails"},
};

const struct scenario *scenario_demo(void)
{
	return &built_in[0];
}

const struct scenario *scenario_built_in(size_t i)
{
	return i < sizeof(built_in) / sizeof(built_in[0]) ? &built_in[i] : NULL;
}

const struct scenario *scenario_find(const char *name)
{
	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		if (strcmp(built_in[i].name, name) == 0)
			return &built_in[i];
	return NULL;
}

struct fault scenario_fault(const struct scenario *s, enum arm arm, int64_t elapsed_ms)
{
	const struct scenario_phase *found = NULL;

	for (int i = 0; i < s->phase_count; i++) {
		const struct scenario_phase *phase = &s->phases[i];

		if (phase->arm != arm || phase->at_ms > elapsed_ms)
			continue;
		if (!found || phase->at_ms >= found->at_ms)
			found = phase;
	}
	return found ? found->fault : (struct fault){0};
}

bool scenario_arrives(const struct scenario *s)
{
	bool arrives = s->rate > 0;

	for (int i = 0; i < s->level_count; i++)
		arrives = arrives || s->levels[i].rate > 0;
	return arrives && s->operation_count > 0;
}

double scenario_rate(const struct scenario *s, int64_t elapsed_ms)
{
	const struct scenario_level *now = NULL;
	double before = s->rate;

	for (int i = 0; i < s->level_count && s->levels[i].at_ms <= elapsed_ms; i++) {
		before = now ? now->rate : before;
		now = &s->levels[i];
	}
	if (!now)
		return before;

	const int64_t since_ms = elapsed_ms - now->at_ms;
	double rate = now->rate;

	if (since_ms < now->over_ms)
		rate = before + (rate - before) * (double)since_ms / (double)now->over_ms;
	if (now->swing > 0 && now->period_ms > 0)
		rate *= 1 + now->swing * sin(TURN * (double)since_ms / (double)now->period_ms);
	return rate;
}

int64_t scenario_skew_ms(const struct scenario *s, int64_t elapsed_ms)
{
	int64_t skew_ms = 0;

	for (int i = 0; i < s->event_count && s->events[i].at_ms <= elapsed_ms; i++)
		skew_ms = s->events[i].clock_ahead_ms - s->events[i].clock_behind_ms;
	return skew_ms;
}

int scenario_restarts(const struct scenario *s, int64_t elapsed_ms)
{
	int restarts = 0;

	for (int i = 0; i < s->event_count && s->events[i].at_ms <= elapsed_ms; i++)
		restarts += s->events[i].restart;
	return restarts;
}

/* Run time of a fault-free call times this. */
static double pace_of(const struct fault *f, double own)
{
	return (f->slow_factor > 0 ? f->slow_factor : 1) * (own > 0 ? own : 1);
}

bool scenario_is_worse(const struct scenario *s, int share_bp, int64_t elapsed_ms)
{
	const struct fault v1 = scenario_fault(s, ARM_V1, elapsed_ms);
	const struct fault v2 = scenario_fault(s, ARM_V2, elapsed_ms);

	for (int i = 0; i < s->worse_count; i++) {
		const struct scenario_worse *w = &s->worse[i];

		if (elapsed_ms >= w->from_ms && elapsed_ms < w->until_ms && share_bp > w->above_bp)
			return share_bp > 0;
	}
	return share_bp > 0 &&
		(v2.error_rate > v1.error_rate || v2.crash_rate > v1.crash_rate ||
			v2.latency_add_us > v1.latency_add_us || v2.leak_bytes > v1.leak_bytes ||
			(v2.hang && !v1.hang) || (v2.stall && !v1.stall) ||
			pace_of(&v2, s->v2_slow_factor) > pace_of(&v1, s->v1_slow_factor));
}

#define AFTER_MS (5 * 60 * 1000)

int64_t scenario_length_ms(const struct scenario *s)
{
	int64_t last_ms = 0;

	if (s->for_ms > 0)
		return s->for_ms;
	for (int i = 0; i < s->phase_count; i++)
		last_ms = s->phases[i].at_ms > last_ms ? s->phases[i].at_ms : last_ms;
	for (int i = 0; i < s->level_count; i++)
		if (s->levels[i].at_ms + s->levels[i].over_ms > last_ms)
			last_ms = s->levels[i].at_ms + s->levels[i].over_ms;
	for (int i = 0; i < s->event_count; i++)
		last_ms = s->events[i].at_ms > last_ms ? s->events[i].at_ms : last_ms;
	return last_ms + AFTER_MS;
}
