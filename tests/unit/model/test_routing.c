/* Routing as other migration tools promised it: strides, monotony, one session one arm. */
#include "model/split.h"
#include "tests/unit/model/virtual.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static enum arm arm_of(enum strategy s, int share_bp, uint64_t id)
{
	char name[24];
	int len = snprintf(name, sizeof name, "%llu", (unsigned long long)id);
	return split_arm(s, share_bp, split_bucket(name, (size_t)len, 0));
}

/* v2's part of `count` ids from `first` on, `stride` apart. */
static double part(int share_bp, uint64_t first, uint64_t stride, int count)
{
	int v2 = 0;
	for (int i = 0; i < count; i++)
		v2 += arm_of(STRATEGY_CANARY, share_bp, first + stride * (uint64_t)i) == ARM_V2;
	return (double)v2 / count;
}

/* Five standard deviations of a fair draw: one test in some million would be off by chance. */
static void assert_fair(double measured, int share_bp, int count)
{
	double p = share_bp / 10000.0;
	double most = 5 * sqrt(p * (1 - p) / count) + 1e-12;
	if (fabs(measured - p) > most)
		fail_msg("%.4f is not near %.4f", measured, p);
}

static void r2_nothing_routed_is_no_share(void **state)
{
	(void)state;
	struct virtual v;
	char text[24];
	virtual_init(&v, 1, NULL, NULL);
	v.rate = 0;
	virtual_run(&v, 10000);
	assert_int_equal(virtual_standing(&v)->measured_bp, -1);
	unit_share(text, sizeof text, virtual_standing(&v)->measured_bp);
	assert_string_equal(text, "-");
	virtual_release(&v);
}

static void r3_the_share_is_what_was_routed(void **state)
{
	(void)state;
	struct virtual v;
	virtual_init(&v, 1, NULL, NULL);
	virtual_history_opens(&v);
	virtual_run(&v, 3000);
	virtual_move(&v, VERB_STEP, 2000);
	virtual_run(&v, 60000);
	assert_int_equal(virtual_standing(&v)->measured_bp, 2000);
	virtual_release(&v);
}

/* A hash is not exact in a hundred, as their permutation was, and has none of its strides. */
static void r6_consecutive_ids_stay_within_chance(void **state)
{
	(void)state;
	for (uint64_t first = 0; first < 100000; first += 7919) {
		assert_fair(part(1000, first, 1, 100), 1000, 100);
		assert_fair(part(1000, first, 1, 10000), 1000, 10000);
	}
	assert_fair(part(5000, (uint64_t)1 << 62, 1, 10000), 5000, 10000);
}

static void r7_strides_starve_no_arm(void **state)
{
	(void)state;
	static const uint64_t strides[] = {2, 4, 5, 10, 20, 25, 50, 100, 128, 1000, 65536};
	static const int shares[] = {100, 1000, 5000, 9000};
	for (size_t i = 0; i < sizeof strides / sizeof *strides; i++)
		for (size_t k = 0; k < sizeof shares / sizeof *shares; k++)
			assert_fair(part(shares[k], 0, strides[i], 10000), shares[k], 10000);
}

static void r8_raising_moves_nobody_back(void **state)
{
	(void)state;
	for (uint64_t id = 0; id < 300; id++) {
		enum arm before = ARM_V1;
		for (int share_bp = 0; share_bp <= 10000; share_bp += 50) {
			enum arm now = arm_of(STRATEGY_CANARY, share_bp, id);
			assert_true(now == ARM_V2 || before == ARM_V1);
			before = now;
		}
		assert_int_equal(before, ARM_V2);
	}
}

static void r9_one_session_one_arm(void **state)
{
	(void)state;
	for (uint64_t id = 0; id < 1000; id++)
		for (int again = 0; again < 3; again++)
			assert_int_equal(
				arm_of(STRATEGY_CANARY, 3300, id), arm_of(STRATEGY_CANARY, 3300, id));
	int v2 = 0;
	for (uint64_t id = 0; id < 1000; id++)
		v2 += arm_of(STRATEGY_CANARY, 3300, id) == ARM_V2;
	assert_in_range(v2, 250, 410);
}

static void r10_another_strategy_at_an_equal_share_moves_nobody(void **state)
{
	(void)state;
	for (uint64_t id = 0; id < 2000; id++) {
		enum arm arm = arm_of(STRATEGY_CANARY, 5000, id);
		assert_int_equal(arm_of(STRATEGY_AB_TEST, 5000, id), arm);
		assert_int_equal(arm_of(STRATEGY_PRIMARY_WITH_FALLBACK, 5000, id), arm);
		assert_int_equal(
			arm_of(STRATEGY_CANARY, 10000, id), arm_of(STRATEGY_FULL_MIGRATION, 10000, id));
	}
}

/* ---- rollout ---- */

static bool fails(const struct virtual *v, enum predicate p)
{
	return virtual_standing(v)->next.failing >> p & 1;
}

static void m1_a_stage_needs_time_and_health_and_samples(void **state)
{
	(void)state;
	struct virtual v;
	struct guard_limits limits;
	struct plan plan;
	static const int stages[] = {500, 1000, 2500, 5000, 7500, 10000};
	guard_limits_init(&limits);
	limits.error_rate = 0.05;
	plan_init(&plan);
	for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
		plan.steps[plan.step_count++] =
			(struct plan_step){.share_bp = stages[i], .for_ms = 60000};
	plan.bake_ms = 30000;
	plan.min_samples = 200;
	plan.max_delta_bp = 5000;
	virtual_init(&v, 1, &plan, &limits);
	virtual_history_opens(&v);
	virtual_run(&v, 3000);
	virtual_move(&v, VERB_STEP, 500);
	assert_int_equal(virtual_standing(&v)->next_bp, 1000);
	/* 100 requests a second, 5 % of them on v2: 200 samples take 40 s, the stage 60. */
	virtual_run(&v, 30000);
	assert_true(fails(&v, PREDICATE_BAKE) && fails(&v, PREDICATE_SAMPLES));
	virtual_run(&v, 15000);
	assert_true(fails(&v, PREDICATE_BAKE) && !fails(&v, PREDICATE_SAMPLES));
	virtual_run(&v, 20000);
	assert_false(fails(&v, PREDICATE_BAKE) || fails(&v, PREDICATE_SAMPLES));
	assert_false(fails(&v, PREDICATE_GUARD));
	/* The same with time and samples, and no health. */
	v.failing[ARM_V2] = 300;
	virtual_run(&v, 20000);
	assert_true(fails(&v, PREDICATE_GUARD));
	assert_false(virtual_standing(&v)->next.allowed);
	virtual_release(&v);
}

/* More than the limit: the rate of errors, the tail, memory; at it nothing happens. */
static void m2_what_rolls_back(void **state)
{
	(void)state;
	static const struct {
		int64_t done, failed, p99_us, memory;
		enum guard_state state;
	} rows[] = {
		{1000, 50, 100000, 1000, GUARD_GREEN},
		{1000, 51, 100000, 1000, GUARD_RED},
		{1000, 0, 1000000, 1000, GUARD_GREEN},
		{1000, 0, 1001000, 1000, GUARD_RED},
		{1000, 0, 100000, 2000001, GUARD_RED},
		{0, 0, UNKNOWN, 1000, GUARD_UNKNOWN},
	};
	struct guard_limits l;
	guard_limits_init(&l);
	l.error_rate = 0.05;
	l.latency_ms = 1000;
	l.memory_bytes = 2000000;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct guard_window w[ARM_COUNT] = {
			{.done = 1000, .failed = 1, .p99_us = 90000, .memory_bytes = 1000},
			{.done = rows[i].done,
				.failed = rows[i].failed,
				.p99_us = rows[i].p99_us,
				.memory_bytes = rows[i].memory}};
		struct guard g;
		guard_evaluate(&g, &l, w, true);
		if (g.state != rows[i].state)
			fail_msg("row %zu is %s", i, guard_state_name(g.state));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r2_nothing_routed_is_no_share),
		cmocka_unit_test(r3_the_share_is_what_was_routed),
		cmocka_unit_test(r6_consecutive_ids_stay_within_chance),
		cmocka_unit_test(r7_strides_starve_no_arm),
		cmocka_unit_test(r8_raising_moves_nobody_back),
		cmocka_unit_test(r9_one_session_one_arm),
		cmocka_unit_test(r10_another_strategy_at_an_equal_share_moves_nobody),
		cmocka_unit_test(m1_a_stage_needs_time_and_health_and_samples),
		cmocka_unit_test(m2_what_rolls_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
