/* Tests of the older names of the strategies and of v1's percentage. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/processor.h"

#include <stdio.h>
#include <string.h>

static void r1_older_names(void **state)
{
	(void)state;
	char out[PROCESSOR_NAME_MAX];
	assert_true(processor_strategy_print(out, STRATEGY_CANARY, 2000));
	assert_string_equal(out, "canary_deployment (80% primary)");
	assert_true(processor_strategy_print(out, STRATEGY_CANARY, 0));
	assert_string_equal(out, "canary_deployment (100% primary)");
	assert_true(processor_strategy_print(out, STRATEGY_AB_TEST, 5000));
	assert_string_equal(out, "ab_test");
	assert_true(processor_strategy_print(out, STRATEGY_PRIMARY_WITH_FALLBACK, 0));
	assert_string_equal(out, "primary_with_fallback");
	assert_true(processor_strategy_print(out, STRATEGY_FULL_MIGRATION, 10000));
	assert_string_equal(out, "full_migration");
	/* What that notation cannot say is not said wrongly. */
	assert_false(processor_strategy_print(out, STRATEGY_CANARY, 50));
	assert_string_equal(out, "canary");
	assert_false(processor_strategy_print(out, STRATEGY_SHADOW, 0));
	assert_string_equal(out, "shadow");

	enum strategy s;
	int share_bp;
	struct err err = {0};
	assert_int_equal(processor_strategy("canary_deployment", "90", &s, &share_bp, &err), 0);
	assert_int_equal(s, STRATEGY_CANARY);
	assert_int_equal(share_bp, 1000);
	assert_int_equal(processor_strategy(" AB_TEST ", NULL, &s, &share_bp, &err), 0);
	assert_int_equal(s, STRATEGY_AB_TEST);
	assert_int_equal(share_bp, 5000);
	assert_int_equal(processor_strategy("full_migration", "", &s, &share_bp, &err), 0);
	assert_int_equal(share_bp, 10000);
	assert_int_equal(processor_strategy("primary_with_fallback", NULL, &s, &share_bp, &err), 0);
	assert_int_equal(share_bp, 0);
}

static void older_names_are_exact(void **state)
{
	(void)state;
	enum strategy s = STRATEGY_SHADOW;
	int share_bp = 4321;
	struct err err = {0};
	static const char *const wrong[] = {"canary", "canary_deploymentx", "shadow",
		"primary_only", "", "a_name_that_is_longer_than_any_of_the_names_there_can_be"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(processor_strategy(wrong[i], "50", &s, &share_bp, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_non_null(strstr(err.text, "canary_deployment, ab_test or full_migration"));
	}
	assert_int_equal(processor_strategy("canary_deployment", NULL, &s, &share_bp, &err), -1);
	assert_non_null(strstr(err.text, "primary_percentage"));
	assert_int_equal(processor_strategy("ab_test", "50", &s, &share_bp, &err), -1);
	assert_non_null(strstr(err.text, "\"ab_test\""));
	assert_int_equal(s, STRATEGY_SHADOW);
	assert_int_equal(share_bp, 4321);
}

static void r4_percent_0_is_all_v2_and_100_all_v1(void **state)
{
	(void)state;
	for (int percent = 0; percent <= 100; percent++) {
		char text[16];
		int share_bp = -1;
		snprintf(text, sizeof text, "%d", percent);
		assert_int_equal(processor_share_bp(text, &share_bp, NULL), 0);
		assert_int_equal(share_bp, 10000 - 100 * percent);
		for (int bucket = 0; bucket < 10000; bucket += 99) {
			enum arm arm = split_arm(STRATEGY_CANARY, share_bp, bucket);
			if (percent == 0 || percent == 100)
				assert_int_equal(arm, percent == 0 ? ARM_V2 : ARM_V1);
		}
	}
}

static void r5_percents_out_of_range_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"101", "255", "-1", "12.5", "", "+5", "05", "1e1",
		"80%", "8 0", "4294967296", "99999999999999999999999", "x"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct err err = {0};
		int share_bp = 1234;
		char quoted[40];
		snprintf(quoted, sizeof quoted, "\"%s\"", wrong[i]);
		assert_int_equal(processor_share_bp(wrong[i], &share_bp, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_non_null(strstr(err.text, quoted));
		assert_non_null(strstr(err.text, "0 to 100"));
		assert_int_equal(share_bp, 1234);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r1_older_names),
		cmocka_unit_test(older_names_are_exact),
		cmocka_unit_test(r4_percent_0_is_all_v2_and_100_all_v1),
		cmocka_unit_test(r5_percents_out_of_range_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
