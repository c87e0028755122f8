/* Tests of the router: the split in force is seen whole, and sessions stay where they are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/router.h"

#include <stdio.h>

static void tells_the_split_in_force(void **state)
{
	(void)state;
	struct router r = {0};
	uint32_t first = router_set(&r, STRATEGY_CANARY, 2500, ROUTER_ALL);
	struct route a = router_pick(&r, 0, "s", "r");
	assert_int_equal(a.strategy, STRATEGY_CANARY);
	assert_int_equal(a.share_bp, 2500);
	assert_int_equal(a.generation, first);
	assert_int_equal(
		router_set(&r, STRATEGY_FULL_MIGRATION, SHARE_FULL, ROUTER_ALL), first + 1);
	a = router_pick(&r, 0, "s", "r");
	assert_int_equal(a.share_bp, SHARE_FULL);
	assert_int_equal(a.arm, ARM_V2);
	router_set(&r, STRATEGY_PRIMARY_ONLY, 0, ROUTER_ALL);
	assert_int_equal(router_pick(&r, 0, "s", "r").arm, ARM_V1);
}

static void session_decides_else_the_id(void **state)
{
	(void)state;
	struct router r = {0};
	router_set(&r, STRATEGY_CANARY, 5000, ROUTER_ALL);
	char id[32];
	int moved = 0;
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof id, "r-%d", i);
		assert_int_equal(router_pick(&r, 0, "one", id).arm, router_pick(&r, 0, "one", "x").arm);
		moved += router_pick(&r, 0, "", id).arm == ARM_V2;
	}
	assert_in_range(moved, 50, 150);
}

static void raising_moves_nobody_back(void **state)
{
	(void)state;
	struct router r = {0};
	char name[32];
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "s-%d", i);
		enum arm before = ARM_V1;
		for (int share_bp = 0; share_bp <= SHARE_FULL; share_bp += 500) {
			router_set(&r, STRATEGY_CANARY, share_bp, ROUTER_ALL);
			enum arm arm = router_pick(&r, 0, name, "").arm;
			assert_true(arm >= before);
			before = arm;
		}
		assert_int_equal(before, ARM_V2);
	}
}

static void what_is_not_on_the_list_bypasses(void **state)
{
	(void)state;
	struct router r = {0};
	router_set(&r, STRATEGY_FULL_MIGRATION, SHARE_FULL, 1u << 2);
	for (unsigned o = 0; o < ROUTER_OPERATIONS; o++) {
		struct route a = router_pick(&r, o, "s", "r");
		assert_int_equal(a.bypasses, o != 2);
		assert_int_equal(a.arm, o == 2 ? ARM_V2 : ARM_V1);
		assert_int_equal(a.share_bp, SHARE_FULL);
	}
	/* The list, the share and the strategy never run into each other. */
	router_set(&r, STRATEGY_SHADOW, 0, 0);
	struct route a = router_pick(&r, 13, "s", "r");
	assert_true(a.bypasses);
	assert_int_equal(a.strategy, STRATEGY_SHADOW);
	assert_int_equal(a.share_bp, 0);
	uint32_t before = a.generation;
	assert_int_equal(router_set(&r, STRATEGY_CANARY, SHARE_FULL, ~0u), before + 1);
	a = router_pick(&r, 13, "s", "r");
	assert_false(a.bypasses);
	assert_int_equal(a.generation, before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_split_in_force),
		cmocka_unit_test(session_decides_else_the_id),
		cmocka_unit_test(raising_moves_nobody_back),
		cmocka_unit_test(what_is_not_on_the_list_bypasses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
