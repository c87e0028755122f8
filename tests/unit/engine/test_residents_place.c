/* Tests of the tree: where workers are placed, locks, windows, health, moves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/resident_bed.h"

#include <math.h>

static const struct target small = {3, 6, 9};

static struct residents_options options(int nodes, enum placement placement)
{
	return (struct residents_options){.nodes = nodes,
		.threads = 2,
		.placement = placement,
		.supervision = {.restarts = 60},
		.aim = {[AIM_SEGMENT_WORKERS] = {3, 6, 9},
			[AIM_NODE_SEGMENTS] = {2, 3, 4},
			[AIM_NODE_WORKERS] = {10, 20, 40}}};
}

/* Spawns workers numbered from..to-1; each has to get a place. */
static void spawn_some(int from, int to)
{
	for (int i = from; i < to; i++) {
		char id[16];
		number(id, i);
		spawn_one(id, SPAWN_LAZY);
		if (!got.ok)
			fail_msg("%d: %s", i, got.message);
	}
}

static void no_place(enum send_status status)
{
	spawn_one("one-more", SPAWN_LAZY);
	assert_false(got.ok);
	assert_int_equal(got.status, status);
	assert_int_equal(got.failure, FAILURE_REFUSED);
}

static void d1_locked_takes_nothing_new_and_still_answers(void **state)
{
	(void)state;
	struct err err = {0};
	const struct residents_options how = options(1, PLACEMENT_HEALTH);
	bed_start(&how);
	call("old", "{\"add\":1}");
	assert_int_equal(residents_lock(tree, 0, -1, &err), 0);
	no_place(SEND_UNAVAILABLE);
	assert_string_equal(call("old", "{\"add\":1}"), "{\"value\":2}");
	call("old", "{\"crash\":true}");
	assert_string_equal(call("old", "{\"add\":1}"), "{\"value\":1}"); /* restarted there */
	look();
	assert_true(seen.node[0].locked);
	assert_int_equal(residents_release(tree, 0, -1, &err), 0);
	spawn_some(0, 1);
}

static void d1_a_second_lock_is_an_error_and_so_is_a_second_release(void **state)
{
	(void)state;
	struct err err = {0};
	const struct residents_options how = options(2, PLACEMENT_HEALTH);
	bed_start(&how);
	for (int segment = -1; segment < 2; segment++) {
		assert_int_equal(residents_release(tree, 1, segment, &err), -1);
		assert_int_equal(residents_lock(tree, 1, segment, &err), 0);
		assert_int_equal(residents_lock(tree, 1, segment, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_non_null(strstr(err.text, "already"));
		assert_int_equal(residents_release(tree, 1, segment, &err), 0);
		assert_int_equal(residents_release(tree, 1, segment, &err), -1);
	}
	static const int nowhere[][2] = {{2, -1}, {-1, -1}, {0, 2}, {0, -2}, {8, 0}};
	for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++)
		assert_int_equal(residents_lock(tree, nowhere[i][0], nowhere[i][1], &err), -1);
}

static void d1_a_locked_segment_or_node_is_passed_by(void **state)
{
	(void)state;
	const struct residents_options how = options(2, PLACEMENT_ROUND_ROBIN);
	bed_start(&how);
	assert_int_equal(residents_lock(tree, 0, -1, NULL), 0);
	assert_int_equal(residents_lock(tree, 1, 0, NULL), 0);
	spawn_some(0, 9);
	look();
	assert_int_equal(seen.node[0].workers, 0);
	assert_int_equal(seen.node[1].workers, 9);
	assert_int_equal(rows[2].workers, 0);
	assert_int_equal(rows[3].workers, 9);
}

/* After every single one: nobody is above a bound while another is below it. */
static void d2_low_first_then_target_then_high_then_a_new_segment(void **state)
{
	(void)state;
	const struct residents_options how = options(1, PLACEMENT_HEALTH);
	bed_start(&how);
	for (int i = 0; i < 36; i++) {
		spawn_some(i, i + 1);
		look();
		int64_t least = 9, most = 0;
		for (size_t k = 0; k < seen.segments; k++) {
			least = rows[k].workers < least ? rows[k].workers : least;
			most = rows[k].workers > most ? rows[k].workers : most;
		}
		assert_true(most <= small.low || least >= small.low || seen.segments > 2);
		assert_true(most <= small.target || least >= small.target || seen.segments > 2);
		assert_true(most <= small.high);
		assert_int_equal(seen.segments, i < 18 ? 2 : i < 27 ? 3 : 4);
	}
	no_place(SEND_FULL);
	assert_int_equal(look()->refused, 1);
	assert_int_equal(seen.workers, 36);
	/* one goes, one comes: into the gap */
	call("7", "{\"kill\":true}");
	spawn_some(36, 37);
	no_place(SEND_FULL);
}

static void d2_the_window_of_a_node_caps_it(void **state)
{
	(void)state;
	struct residents_options how = options(2, PLACEMENT_ROUND_ROBIN);
	how.aim[AIM_NODE_WORKERS] = (struct target){1, 2, 5};
	bed_start(&how);
	spawn_some(0, 10);
	no_place(SEND_FULL);
	look();
	assert_int_equal(seen.node[0].workers, 5);
	assert_int_equal(seen.node[1].workers, 5);
	assert_int_equal(residents_lock(tree, 0, -1, NULL), 0);
	no_place(SEND_FULL); /* the other one is not locked, but full */
	assert_int_equal(residents_lock(tree, 1, -1, NULL), 0);
	no_place(SEND_UNAVAILABLE);
}

static void d3_of_two_nodes_the_healthier_is_preferred(void **state)
{
	(void)state;
	const struct residents_options how = options(2, PLACEMENT_HEALTH);
	bed_start(&how);
	call("sick", "{\"crash\":true}");
	const int sick = got.at.node;
	spawn_some(0, 12);
	look();
	assert_true(seen.node[sick].health < seen.node[!sick].health);
	assert_int_equal(seen.node[sick].workers, 1);
	assert_int_equal(seen.node[!sick].workers, 12);
}

static void d3_beyond_target_a_node_loses_its_lead(void **state)
{
	(void)state;
	struct residents_options how = options(2, PLACEMENT_HEALTH);
	how.aim[AIM_NODE_WORKERS] = (struct target){1, 4, 8};
	bed_start(&how);
	assert_int_equal(residents_lock(tree, 1, -1, NULL), 0);
	spawn_some(0, 6);
	assert_int_equal(residents_release(tree, 1, -1, NULL), 0);
	spawn_some(6, 11);
	look();
	assert_int_equal(seen.node[0].workers, 6);
	assert_int_equal(seen.node[1].workers, 5);
}

static void d4_a_window_without_width_is_refused(void **state)
{
	(void)state;
	static const struct target bad[] = {
		{3, 3, 9}, {3, 6, 6}, {6, 6, 6}, {9, 6, 3}, {-1, 2, 3}, {0, 0, 1}};
	struct residents_options how = options(1, PLACEMENT_HEALTH);
	bed_start(&how);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (int aim = 0; aim < AIM_COUNT; aim++) {
			struct residents *r = NULL;
			struct err err = {0};
			how = options(1, PLACEMENT_HEALTH);
			how.aim[aim] = bad[i];
			assert_int_equal(residents_start(&r, &how, &err), -1);
			assert_int_equal(err.code, ERR_CONFIG);
			assert_null(r);
			assert_int_equal(residents_aim(tree, (enum aim)aim, &bad[i], &err), -1);
		}
}

static void d5_an_old_error_does_not_grow_worse(void **state)
{
	(void)state;
	const struct residents_options how = options(1, PLACEMENT_HEALTH);
	bed_start(&how);
	call("1", "{\"crash\":true}");
	double before = 0;
	pthread_mutex_lock(&tree->lock);
	const int64_t now_us = threads_us();
	for (int s = 0; s < 400; s += 5) {
		double health = residents_node_health(tree, &tree->node[0], now_us + s * 1000000);
		assert_true(health >= before && health <= 1);
		before = health;
	}
	pthread_mutex_unlock(&tree->lock);
	assert_true(before == 1.0);
	look();
	assert_true(seen.node[0].health < 1.0);
	assert_true(rows[0].health < 1.0 || rows[1].health < 1.0);
}

/* Every figure that is compared is one: nothing that was not measured passes for healthy. */
static void d6_health_is_always_a_number(void **state)
{
	(void)state;
	const struct residents_options how = options(8, PLACEMENT_HEALTH);
	bed_start(&how);
	look();
	assert_int_equal(seen.nodes, 8);
	for (int i = 0; i < 8; i++)
		assert_true(isfinite(seen.node[i].health));
	for (size_t i = 0; i < seen.segments; i++)
		assert_true(isfinite(rows[i].health));
}

static void round_robin_and_weights_are_exact(void **state)
{
	(void)state;
	struct residents_options how = options(3, PLACEMENT_ROUND_ROBIN);
	bed_start(&how);
	spawn_some(0, 12);
	look();
	for (int i = 0; i < 3; i++)
		assert_int_equal(seen.node[i].workers, 4);
	residents_stop(tree);
	how = options(3, PLACEMENT_WEIGHTED);
	how.weight[0] = 3;
	how.weight[2] = 1;
	bed_start(&how);
	spawn_some(0, 16);
	look();
	assert_int_equal(seen.node[0].workers, 12);
	assert_int_equal(seen.node[1].workers, 0);
	assert_int_equal(seen.node[2].workers, 4);
}

static void the_least_loaded_catches_up(void **state)
{
	(void)state;
	const struct residents_options how = options(2, PLACEMENT_LEAST_LOADED);
	bed_start(&how);
	assert_int_equal(residents_lock(tree, 1, -1, NULL), 0);
	spawn_some(0, 8);
	assert_int_equal(residents_release(tree, 1, -1, NULL), 0);
	spawn_some(8, 16);
	look();
	assert_int_equal(seen.node[0].workers, 8);
	assert_int_equal(seen.node[1].workers, 8);
}

static void a_sticky_wish_is_granted_where_it_can_be(void **state)
{
	(void)state;
	const struct residents_options how = options(3, PLACEMENT_ROUND_ROBIN);
	bed_start(&how);
	struct envelope e = bed_envelope("a", "{\"get\":true}", SPAWN_LAZY);
	e.sticky = true;
	e.at = (struct address){true, 2, 0};
	residents_send(tree, &e, &got);
	assert_int_equal(got.at.node, 2);
	e = bed_envelope("b", "{\"crash\":true}", SPAWN_LAZY);
	e.sticky = true;
	e.at = (struct address){true, 2, 0};
	residents_send(tree, &e, &got);
	assert_int_equal(got.at.node, 2);
	for (int i = 0; i < 20; i++) {
		residents_send(tree, &e, &got); /* until the node is below the bar */
		UNTIL(seen.counts.restarted == i + 2);
	}
	look();
	assert_true(seen.node[2].health < RESIDENTS_STICKY_HEALTH);
	e = bed_envelope("c", "{\"get\":true}", SPAWN_LAZY);
	e.sticky = true;
	e.at = (struct address){true, 2, 0};
	residents_send(tree, &e, &got);
	assert_int_equal(got.at.node, 0);
	assert_int_equal(residents_lock(tree, 1, -1, NULL), 0);
	assert_true(ref_of(&e.recipient, "counter", "d"));
	e.at.node = 1;
	residents_send(tree, &e, &got);
	assert_int_not_equal(got.at.node, 1);
	assert_true(ref_of(&e.recipient, "counter", "e"));
	e.at.node = 77;
	residents_send(tree, &e, &got);
	assert_true(got.ok);
	assert_int_equal(look()->rerouted, 0);
}

/* One thread, kept busy: what is sent to those that move waits for them. */
static void a_move_keeps_mail_and_state_and_corrects_addresses(void **state)
{
	(void)state;
	struct residents_options how = options(2, PLACEMENT_ROUND_ROBIN);
	how.threads = 1;
	bed_start(&how);
	assert_int_equal(residents_lock(tree, 1, -1, NULL), 0);
	for (int i = 0; i < 12; i++) {
		char id[16], message[32];
		number(id, i);
		snprintf(message, sizeof message, "{\"set\":%d}", i);
		call(id, message);
		assert_int_equal(got.at.node, 0);
	}
	call("3", "{\"hibernate\":true}");
	spawn_some(12, 14);
	assert_int_equal(residents_rebalance(tree), 0); /* not above high */
	const struct target less = {1, 4, 8};
	assert_int_equal(residents_aim(tree, AIM_NODE_WORKERS, &less, NULL), 0);
	assert_int_equal(residents_rebalance(tree), 0); /* nowhere to go */
	assert_int_equal(residents_release(tree, 1, -1, NULL), 0);
	keep_busy("0");
	/* 14 in a node for 4: as many as the other is for, less who works */
	assert_int_equal(residents_rebalance(tree), 4);
	look();
	assert_int_equal(seen.node[0].workers, 10);
	assert_int_equal(seen.node[1].workers, 4);
	assert_int_equal(seen.counts.moved, 4);
	for (int i = 1; i < 14; i++) {
		char id[16];
		number(id, i);
		struct envelope e = bed_envelope(id, "{\"add\":100}", SPAWN_NO);
		e.type = ENVELOPE_CAST;
		e.at = (struct address){true, 0, 0};
		residents_send(tree, &e, &got);
		assert_true(got.ok);
	}
	assert_true(look()->rerouted >= 4);
	assert_true(seen.counts.buffered >= 1);
	assert_int_equal(seen.counts.queued, 13);
	let_all_go();
	for (int i = 1; i < 14; i++) {
		char id[16], want[32];
		number(id, i);
		snprintf(want, sizeof want, "{\"value\":%d}", i < 12 ? 100 + i : 100);
		assert_string_equal(call(id, "{\"get\":true}"), want);
	}
	look();
	assert_int_equal(seen.counts.failed, 1); /* the one that was kept busy */
	int64_t asleep = 0, sum = 0;
	for (size_t i = 0; i < seen.segments; i++) {
		asleep += rows[i].asleep;
		sum += rows[i].workers;
	}
	assert_int_equal(asleep, 0);
	assert_int_equal(sum, 14);
}

static void time_moves_them_by_itself(void **state)
{
	(void)state;
	struct residents_options how = options(2, PLACEMENT_ROUND_ROBIN);
	how.balance_us = BED_HOUR_US;
	bed_start(&how);
	assert_int_equal(residents_lock(tree, 1, -1, NULL), 0);
	spawn_some(0, 12);
	const struct target less = {1, 9, 10};
	assert_int_equal(residents_aim(tree, AIM_NODE_WORKERS, &less, NULL), 0);
	assert_int_equal(residents_release(tree, 1, -1, NULL), 0);
	residents_tick(tree, threads_us());
	assert_int_equal(look()->moved, 0);
	residents_tick(tree, threads_us() + BED_HOUR_US);
	assert_int_equal(look()->moved, 3);
	assert_int_equal(seen.node[0].workers, 9);
}

static void what_does_not_fit_into_the_look_is_counted(void **state)
{
	(void)state;
	const struct residents_options how = options(3, PLACEMENT_HEALTH);
	bed_start(&how);
	residents_look(tree, &seen, rows, 4);
	assert_int_equal(seen.segments, 4);
	assert_int_equal(seen.dropped, 2);
	residents_look(tree, &seen, NULL, 0);
	assert_int_equal(seen.dropped, 6);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, bed_end)
	const struct CMUnitTest tests[] = {
		T(d1_locked_takes_nothing_new_and_still_answers),
		T(d1_a_second_lock_is_an_error_and_so_is_a_second_release),
		T(d1_a_locked_segment_or_node_is_passed_by),
		T(d2_low_first_then_target_then_high_then_a_new_segment),
		T(d2_the_window_of_a_node_caps_it),
		T(d3_of_two_nodes_the_healthier_is_preferred),
		T(d3_beyond_target_a_node_loses_its_lead),
		T(d4_a_window_without_width_is_refused),
		T(d5_an_old_error_does_not_grow_worse),
		T(d6_health_is_always_a_number),
		T(round_robin_and_weights_are_exact),
		T(the_least_loaded_catches_up),
		T(a_sticky_wish_is_granted_where_it_can_be),
		T(a_move_keeps_mail_and_state_and_corrects_addresses),
		T(time_moves_them_by_itself),
		T(what_does_not_fit_into_the_look_is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
