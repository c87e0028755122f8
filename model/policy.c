/* Policy: the table of those that come with weir. What is asked for which act is the
 * interlock's. */
#include "model/policy.h"

#include "model/split.h"

#include <assert.h>
#include <string.h>

#define WEEK_MS ((int64_t)7 * 24 * 60 * 60 * 1000)

static const struct policy builtin[POLICY_COUNT] = {
	[POLICY_MANUAL] = {.name = "manual",
		.first_bp = 2500,
		.delta_bp = 5000,
		.approval_bp = SHARE_FULL},
	[POLICY_DEMO] = {.name = "demo",
		.steps = true,
		.bake = true,
		.samples = true,
		.green = true,
		.owner = true,
		.approval_bp = SHARE_FULL},
	[POLICY_STANDARD] = {.name = "standard",
		.steps = true,
		.bake = true,
		.samples = true,
		.green = true,
		.owner = true,
		.approval_bp = SHARE_FULL},
	[POLICY_STRICT] = {.name = "strict",
		.steps = true,
		.bake = true,
		.samples = true,
		.green = true,
		.safe = true,
		.armed = true,
		.owner = true,
		.drill_ms = WEEK_MS,
		.approval_bp = SHARE_FULL / 2,
		.reason = true},
};

const struct policy *policy_builtin(enum policy_kind k)
{
	assert(k < POLICY_COUNT);
	return &builtin[k];
}

const struct policy *policy_find(const char *name)
{
	for (int k = 0; k < POLICY_COUNT; k++)
		if (strcmp(builtin[k].name, name) == 0)
			return &builtin[k];
	return NULL;
}

bool policy_is_manual(const struct policy *p)
{
	return !p->steps;
}
