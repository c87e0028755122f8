/* Tests of what the state document says of addressable workers: nothing before there are any,
 * places with their counts and windows, the worst segments where there is no room for all, those
 * that have trouble by name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/resident_bed.h"

static struct resident_crew told;

/* What is told adds up, wherever workers are. */
static const struct resident_crew *tell(void)
{
	residents_tell(tree, &told);
	int64_t workers = 0;
	for (int i = 0; i < told.node_count; i++) {
		const struct resident_place *n = &told.node[i];
		assert_int_equal(n->workers, n->ready + n->starting + n->asleep + n->down);
		workers += n->workers;
	}
	for (int i = 0; i < told.segment_count; i++) {
		const struct resident_place *s = &told.segment[i];
		assert_int_equal(s->workers, s->ready + s->starting + s->asleep + s->down);
		assert_true(s->ready >= 0 && s->starting >= 0);
	}
	assert_int_equal(workers, told.workers);
	return &told;
}

static void nothing_before_there_is_any(void **state)
{
	(void)state;
	bed_start(&(struct residents_options){.nodes = 2});
	assert_false(tell()->known);
	assert_int_equal(residents_lock(tree, 1, -1, NULL), 0);
	assert_true(tell()->known);
	assert_false(told.node[0].locked);
	assert_true(told.node[1].locked);
	assert_int_equal(residents_release(tree, 1, -1, NULL), 0);
	assert_false(tell()->known);
	assert_int_equal(residents_lock(tree, 0, 0, NULL), 0);
	assert_true(tell()->known);
	assert_true(told.segment[0].locked);
	assert_int_equal(residents_release(tree, 0, 0, NULL), 0);
	call("1", "{\"add\":1}");
	assert_true(tell()->known);
	call("1", "{\"kill\":true}");
	UNTIL(seen.workers == 0);
	assert_true(tell()->known);
	assert_int_equal(told.workers, 0);
}

static void counts_and_windows(void **state)
{
	(void)state;
	const struct residents_options how = {
		.dir = bed_make_dir(), .aim = {[AIM_SEGMENT_WORKERS] = {2, 6, 8}}};
	bed_start(&how);
	for (int i = 0; i < 4; i++) {
		char id[16];
		number(id, i);
		call(id, "{\"add\":1}");
	}
	spawn_one("lazy", SPAWN_LAZY);
	call("2", "{\"hibernate\":true}");
	call("3", "{\"persist\":true}");
	call("3", "{\"fail\":true}");
	tell();
	const struct resident_place *s = &told.segment[0], *n = &told.node[0];
	assert_int_equal(told.segment_count, 1);
	assert_int_equal(s->workers, 5);
	assert_int_equal(s->ready, 3);
	assert_int_equal(s->starting, 1);
	assert_int_equal(s->asleep, 1);
	assert_int_equal(s->down, 0);
	assert_int_equal(s->done, 6);
	assert_int_equal(s->failed, 1);
	assert_int_equal(s->low, 2);
	assert_int_equal(s->target, 6);
	assert_int_equal(s->high, 8);
	assert_true(s->health > 0 && s->health <= 1);
	assert_int_equal(n->segment, -1);
	assert_int_equal(n->segments, 1);
	assert_int_equal(n->ready, 3);
	assert_int_equal(n->high, 100000); /* not the segment's */
	assert_int_equal(told.persisted, 1);
	assert_int_equal(told.queued + told.running, 0);
	assert_int_equal(told.worst_count, 0); /* failing work is not the worker's trouble */
	/* awake again, started, and gone */
	call("2", "{\"get\":true}");
	call("lazy", "{\"get\":true}");
	call("0", "{\"kill\":true}");
	UNTIL(seen.workers == 4);
	tell();
	assert_int_equal(told.segment[0].ready, 4);
	assert_int_equal(told.segment[0].starting + told.segment[0].asleep, 0);
}

/* Its restarts are no reason to lose count of who is up. */
static void crashes_are_told_by_name(void **state)
{
	(void)state;
	bed_start(&(struct residents_options){.threads = 1,
		.supervision = {.restarts = 2,
			.window_us = BED_HOUR_US,
			.rest_us = BED_HOUR_US,
			.rest_max_us = BED_HOUR_US}});
	call("a", "{\"crash\":true}");
	call("b", "{\"add\":1}");
	call("a", "{\"crash\":true}");
	call("a", "{\"add\":1}");
	tell();
	assert_int_equal(told.worst_count, 1);
	assert_string_equal(told.worst[0].name, "counter/a");
	assert_int_equal(told.worst[0].troubles, 2);
	assert_int_equal(told.worst[0].state, WORKER_READY);
	assert_int_equal(told.worst[0].done, 1);
	assert_true(told.worst[0].trouble_ms >= 0);
	assert_int_equal(told.segment[0].crashes, 2);
	assert_int_equal(told.segment[0].restarts, 2);
	assert_int_equal(told.segment[0].ready, 2);
	/* the third in an hour is too much: it waits, with its mail */
	call("b", "{\"crash\":true}");
	cast("b", "{\"add\":1}");
	UNTIL(rows[0].down == 1);
	tell();
	assert_int_equal(told.worst_count, 2);
	assert_string_equal(told.worst[1].name, "counter/b");
	assert_int_equal(told.worst[1].state, WORKER_TERMINATED);
	assert_int_equal(told.worst[1].waiting, 1);
	assert_true(told.segment[0].rests);
	assert_int_equal(told.segment[0].down, 1);
	assert_int_equal(told.segment[0].ready, 1);
	assert_int_equal(told.queued, 1);
	/* who is gone is not told */
	call("a", "{\"kill\":true}");
	UNTIL(seen.workers == 1);
	tell();
	assert_int_equal(told.worst_count, 1);
	assert_string_equal(told.worst[0].name, "counter/b");
}

static bool is_told(const char *name)
{
	for (int i = 0; i < told.worst_count; i++)
		if (strcmp(told.worst[i].name, name) == 0)
			return true;
	return false;
}

/* A passer-by does not push out who had trouble again and again. */
static void the_worst_stay(void **state)
{
	(void)state;
	bed_start(&(struct residents_options){.supervision = {.restarts = 64}});
	for (int i = 0; i < 3; i++)
		call("again", "{\"crash\":true}");
	for (int i = 0; i < 3 * RESIDENT_WORST_MAX; i++) {
		char id[16];
		number(id, i);
		call(id, "{\"crash\":true}");
	}
	call("again", "{\"get\":true}");
	tell();
	assert_int_equal(told.worst_count, RESIDENT_WORST_MAX);
	assert_true(is_told("counter/again"));
	assert_true(is_told("counter/23"));
	assert_false(is_told("counter/0"));
}

/* More segments than rows: those with trouble are among the rows, the others are counted. */
static void the_worst_segments_have_rows(void **state)
{
	(void)state;
	enum { SEGMENTS = 50 };
	bed_start(&(struct residents_options){.aim = {[AIM_NODE_SEGMENTS] = {SEGMENTS, 60, 64}}});
	assert_int_equal(residents_lock(tree, 0, 7, NULL), 0);
	assert_int_equal(residents_lock(tree, 0, SEGMENTS - 1, NULL), 0);
	tell();
	assert_int_equal(told.segment_count, RESIDENT_SEGMENTS_MAX);
	assert_int_equal(told.segments_dropped, SEGMENTS - RESIDENT_SEGMENTS_MAX);
	assert_int_equal(told.node[0].segments, SEGMENTS);
	int locked = 0;
	for (int i = 0; i < told.segment_count; i++) {
		locked += told.segment[i].locked;
		assert_true(i == 0 || told.segment[i].segment > told.segment[i - 1].segment);
	}
	assert_int_equal(locked, 2);
}

/* A worker that moves takes its count along. */
static void a_move_is_counted_once(void **state)
{
	(void)state;
	struct residents_options how = {.nodes = 2, .balance_us = BED_HOUR_US};
	bed_start(&how);
	assert_int_equal(residents_lock(tree, 1, -1, NULL), 0);
	for (int i = 0; i < 12; i++) {
		char id[16];
		number(id, i);
		call(id, "{\"add\":1}");
	}
	call("3", "{\"hibernate\":true}");
	const struct target less = {1, 6, 8};
	assert_int_equal(residents_aim(tree, AIM_NODE_WORKERS, &less, NULL), 0);
	assert_int_equal(residents_release(tree, 1, -1, NULL), 0);
	assert_true(residents_rebalance(tree) > 0);
	tell();
	assert_int_equal(told.node[0].workers, 6);
	assert_int_equal(told.node[0].ready + told.node[1].ready, 11);
	assert_int_equal(told.node[0].asleep + told.node[1].asleep, 1);
	assert_int_equal(told.node[0].starting + told.node[1].starting, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, bed_end)
	const struct CMUnitTest tests[] = {
		T(nothing_before_there_is_any),
		T(counts_and_windows),
		T(crashes_are_told_by_name),
		T(the_worst_stay),
		T(the_worst_segments_have_rows),
		T(a_move_is_counted_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
