/* Judge bed: a judge, and intervals of a second. */
#ifndef WEIR_TESTS_UNIT_MODEL_JUDGE_BED_H
#define WEIR_TESTS_UNIT_MODEL_JUDGE_BED_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/judge.h"
#include "model/hypergeometric.h"
#include "tests/unit/model/seeded.h"

#include <math.h>
#include <string.h>

#define near(a, b, digits) assert_true(fabs((a) - (b)) < (digits))

/* ---- a judge, and intervals of a second ---- */

static struct judge_policy policy;
static struct judge j;
static struct judge_interval i;
static struct histogram slow[ARM_COUNT];

static inline int setup(void **state)
{
	(void)state;
	judge_policy_init(&policy);
	judge_init(&j, &policy);
	memset(slow, 0, sizeof slow);
	i = (struct judge_interval){.at = {.boot_ms = 0, .wall_ms = 1000000},
		.length_ms = 1000,
		.sessions = true,
		.settled = true,
		.share_bp = 1000};
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	judge_release(&j);
	return 0;
}

static inline void judge_by(void)
{
	judge_release(&j);
	judge_init(&j, &policy);
}

static inline void judge_only(enum judged m)
{
	memset(policy.metric, 0, sizeof policy.metric);
	policy.metric[m] = true;
	judge_by();
}

static inline void tick(struct units v1, struct units v2)
{
	i.at.boot_ms += i.length_ms;
	i.at.wall_ms += i.length_ms;
	i.arm[ARM_V1].units = v1;
	i.arm[ARM_V2].units = v2;
	judge_look(&j, &i);
}

static inline void look(int64_t n1, int64_t x1, int64_t n2, int64_t x2)
{
	tick((struct units){n1, x1}, (struct units){n2, x2});
}

/* n units of an arm at one latency. */
static inline void at_us(enum arm arm, int64_t us, int64_t n)
{
	histogram_add(&slow[arm], us, n);
	i.arm[arm].latency = &slow[arm];
}

static inline void look_slow(void)
{
	look(histogram_total(&slow[ARM_V1]), 0, histogram_total(&slow[ARM_V2]), 0);
	memset(slow, 0, sizeof slow);
}

/* Half a minute of v1 alone, as even as can be: phi is one after it. */
static inline void quiet_history(void)
{
	for (int k = 0; k < 31; k++)
		look(1000, 1, 0, 0);
	assert_true(j.metric[JUDGED_ERRORS].now.phi == 1);
}

static inline const struct judge_metric *errors(void)
{
	return &j.metric[JUDGED_ERRORS];
}

static inline void fill_v1(int64_t us)
{
	at_us(ARM_V1, us, 4000);
	look_slow();
}

#endif
