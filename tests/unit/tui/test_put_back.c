/* What a reload lost: who puts it back by itself, when, and when it waits for a person. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/site.h"

#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db"};
static const struct site_desk console = {.actor = "kim@ops1", .file = "c.db", .console = true};
static const struct site_desk recorder = {
	.actor = "rec@ops1", .file = "r.db", .record = true, .guard = true};

static struct site s;
static struct desk *d;

static void sit(int nodes)
{
	site_init(&s, nodes, 1);
	text_copy(s.plan.on_reload, sizeof s.plan.on_reload, "put_back");
	for (int k = 0; k < nodes; k++) {
		s.node[k]->reloads = s.node[k]->no_lease = true;
		s.node[k]->guards = false;
		s.node[k]->rate = 1000;
	}
	d = NULL;
}

static int sit_down(void **state)
{
	(void)state;
	sit(1);
	return 0;
}

static int sit_down_at_two(void **state)
{
	(void)state;
	sit(2);
	return 0;
}

static int leave(void **state)
{
	(void)state;
	site_release(&s);
	return 0;
}

/* A command steps to 1 % and ends; the recorder stays. */
static void step_under_a_recorder(void)
{
	d = site_open(&s, &recorder);
	site_run(&s, 1500); /* until it tells that it guards */
	struct desk *once = site_open(&s, &kim);
	site_run(&s, 1500);
	site_step(&s, once, 100);
	site_close(&s, once);
}

static void reload(int k)
{
	fake_restart(s.node[k], false);
}

static int steps(int k)
{
	int n = 0;
	for (int i = 0; i < s.node[k]->got_count; i++)
		n += s.node[k]->got[i].verb == VERB_STEP;
	return n;
}

/* True when the share came back within some seconds, by nobody's hand here. */
static bool comes_back(int k, int to_bp)
{
	reload(k);
	site_run(&s, 12000);
	return fake_share_bp(s.node[k]) == to_bp;
}

static void a_recorder_puts_back_what_had_stood_for_the_bake(void **state)
{
	(void)state;
	struct decision row;
	step_under_a_recorder();
	site_run(&s, 15000);
	reload(0);
	site_run(&s, 5000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	assert_int_equal(steps(0), 2);
	const struct decision *back = site_last(d, VERB_STEP);
	assert_string_equal(back->role, KEEPER_ROLE);
	assert_string_equal(back->actor, "rec@ops1");
	assert_string_equal(back->reason, "a reload lost it");
	assert_int_equal(back->outcome, OUTCOME_APPLIED);
	assert_true(back->verified_ms != UNKNOWN);
	assert_true(site_record(&s, "r.db", back->id, &row));
	assert_int_equal(row.from_bp, 0);
	assert_int_equal(row.to_bp, 100);
	assert_string_equal(row.role, KEEPER_ROLE);
	assert_int_not_equal(site_standing(d)->state, STATE_DIVERGED);
}

/* What does not stand for a bake between two reloads is a person's. */
static void reloads_that_follow_each_other_are_left_alone(void **state)
{
	(void)state;
	step_under_a_recorder();
	site_run(&s, 15000);
	assert_true(comes_back(0, 100));
	assert_true(comes_back(0, 100)); /* 12 s later: the bake is 10 s */
	reload(0);
	site_run(&s, 5000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	assert_false(comes_back(0, 100));
	assert_int_equal(site_standing(d)->state, STATE_DIVERGED);
	assert_non_null(strstr(site_standing(d)->headline.text, "S puts 1 % back"));
	assert_int_equal(steps(0), 4);
}

static void a_raise_that_was_still_baking_is_not(void **state)
{
	(void)state;
	step_under_a_recorder();
	site_run(&s, 5000);
	assert_false(comes_back(0, 100));
	assert_int_equal(steps(0), 1);
}

static void only_where_the_plan_says_so(void **state)
{
	(void)state;
	text_copy(s.plan.on_reload, sizeof s.plan.on_reload, "hold");
	step_under_a_recorder();
	site_run(&s, 15000);
	assert_false(comes_back(0, 100));
}

static void only_what_a_reload_lost(void **state)
{
	(void)state;
	s.node[0]->reloads = false;
	step_under_a_recorder();
	site_run(&s, 15000);
	assert_false(comes_back(0, 100));
}

/* A console leaves it to its person, whose key does the same. */
static void a_console_puts_nothing_back(void **state)
{
	(void)state;
	d = site_open(&s, &console);
	site_run(&s, 1500);
	site_step(&s, d, 100);
	site_run(&s, 15000);
	assert_false(comes_back(0, 100));
	assert_non_null(strstr(site_standing(d)->headline.text, "S puts 1 % back"));
}

static void not_against_a_hold(void **state)
{
	(void)state;
	step_under_a_recorder();
	site_run(&s, 15000);
	fake_act(s.node[0], "ana@ops2", "hold-1", VERB_HOLD, -1, "lunch");
	site_run(&s, 1000);
	assert_false(comes_back(0, 100)); /* though the hold went with the reload */
	assert_false(site_standing(d)->hold.on);
}

/* What a step asks is asked here too: as long as v1 could not take it back, it waits. */
static void not_before_the_way_back_is_open(void **state)
{
	(void)state;
	step_under_a_recorder();
	site_run(&s, 15000);
	reload(0);
	fake_staff(s.node[0], ARM_V1, 0);
	site_run(&s, 12000);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(steps(0), 1);
	assert_non_null(strstr(site_standing(d)->headline.text, "Recorder puts it back"));
	fake_staff(s.node[0], ARM_V1, 4);
	site_run(&s, 12000);
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	assert_int_equal(steps(0), 2);
}

/* Once: what did not work is a person's. */
static void it_is_tried_once_a_reload(void **state)
{
	(void)state;
	step_under_a_recorder();
	site_run(&s, 15000);
	s.node[0]->refuse = ERR_LIMIT;
	assert_false(comes_back(0, 100));
	s.node[0]->refuse = ERR_NONE;
	site_run(&s, 30000);
	assert_int_equal(fake_share_bp(s.node[0]), 0);
	assert_int_equal(steps(0), 2);
	assert_non_null(strstr(site_standing(d)->headline.text, "S puts 1 % back"));
}

static void one_node_of_two_is_brought_back(void **state)
{
	(void)state;
	step_under_a_recorder();
	site_run(&s, 15000);
	assert_true(comes_back(1, 100));
	assert_int_equal(fake_share_bp(s.node[0]), 100);
	assert_false(site_standing(d)->mixed);
	assert_string_equal(site_last(d, VERB_STEP)->role, KEEPER_ROLE);
}

#define AT_ONE(test) cmocka_unit_test_setup_teardown(test, sit_down, leave)
#define AT_TWO(test) cmocka_unit_test_setup_teardown(test, sit_down_at_two, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_ONE(a_recorder_puts_back_what_had_stood_for_the_bake),
		AT_ONE(reloads_that_follow_each_other_are_left_alone),
		AT_ONE(a_raise_that_was_still_baking_is_not),
		AT_ONE(only_where_the_plan_says_so),
		AT_ONE(only_what_a_reload_lost),
		AT_ONE(a_console_puts_nothing_back),
		AT_ONE(not_against_a_hold),
		AT_ONE(not_before_the_way_back_is_open),
		AT_ONE(it_is_tried_once_a_reload),
		AT_TWO(one_node_of_two_is_brought_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
