/* Policies that come with weir, and what becomes of a raise that nobody keeps. */
#include "model/policy.h"

#include "model/pool.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void test_found_by_name(void **state)
{
	(void)state;
	static const char *const names[POLICY_COUNT] = {"manual", "demo", "standard", "strict"};
	for (int k = 0; k < POLICY_COUNT; k++) {
		const struct policy *p = policy_builtin((enum policy_kind)k);
		assert_string_equal(p->name, names[k]);
		assert_ptr_equal(policy_find(names[k]), p);
		assert_int_equal(policy_is_manual(p), k == POLICY_MANUAL);
	}
	assert_null(policy_find(""));
	assert_null(policy_find("Strict"));
}

/* Each asks at least what the one before it asks. */
static void test_stricter_is_stricter(void **state)
{
	(void)state;
	const struct policy *manual = policy_builtin(POLICY_MANUAL);
	const struct policy *standard = policy_builtin(POLICY_STANDARD);
	const struct policy *strict = policy_builtin(POLICY_STRICT);
	assert_false(manual->bake || manual->samples || manual->green || manual->owner);
	assert_int_equal(manual->first_bp, 2500);
	assert_int_equal(manual->delta_bp, 5000);
	assert_true(standard->bake && standard->samples && standard->green && standard->owner);
	assert_false(standard->safe || standard->armed || standard->reason || standard->drill_ms);
	assert_true(strict->bake && strict->samples && strict->green && strict->owner);
	assert_true(strict->safe && strict->armed && strict->reason);
	assert_true(strict->drill_ms == (int64_t)7 * 86400000);
	assert_int_equal(strict->approval_bp, 5000);
	assert_int_equal(standard->approval_bp, SHARE_FULL);
}

static void test_orphans(void **state)
{
	(void)state;
	for (int o = 0; o < ORPHAN_COUNT; o++)
		assert_int_equal(orphan_of(orphan_name((enum orphan)o)), o);
	assert_int_equal(orphan_of("continue"), ORPHAN_COUNT);
	assert_int_equal(orphan_at(ORPHAN_DEFAULT, 5000), ORPHAN_REVERT);
	assert_int_equal(orphan_at(ORPHAN_DEFAULT, 5001), ORPHAN_HOLD);
	assert_int_equal(orphan_at(ORPHAN_REVERT, 10000), ORPHAN_REVERT);
	assert_int_equal(orphan_at(ORPHAN_HOLD, 100), ORPHAN_HOLD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_by_name),
		cmocka_unit_test(test_stricter_is_stricter),
		cmocka_unit_test(test_orphans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
