/* Scenario: the built-in ones and the lookup along the time axis. Not an executor: it draws no
 * random number and reads no clock. */
#include "model/scenario.h"

#include <stddef.h>
#include <string.h>

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
		.phases = {{
			.at_ms = 120000,
			.arm = ARM_V2,
			.fault = {.error_rate = 0.6, .operation = "predict"},
		}},
		.phase_count = 1,
	},
	{GOOD("quiet")},
};

const struct scenario *scenario_demo(void)
{
	return &built_in[0];
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
