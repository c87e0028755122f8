/* Tests of scenarios: arrivals drive both arms, faults come at their time, the end is prompt.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/engine.h"
#include "client/engine/load.h"
#include "client/engine/threads.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US 20000000

static const struct scenario mixed = {
	.name = "mixed",
	.rate = 2000,
	.sessions = 50,
	.seed = 3,
	.unit_ms = 20,
	.operations = {{.name = "echo", .weight = 3},
		{.name = "sleep", .weight = 1, .work_us = 50}},
	.operation_count = 2,
	.phases = {{.at_ms = 60, .arm = ARM_V2, .fault = {.error_rate = 1}}},
	.phase_count = 1,
};

static struct engine *e;
static struct snapshot *snap;

static int setup(void **state)
{
	(void)state;
	snap = calloc(1, sizeof *snap);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	engine_stop(e);
	e = NULL;
	free(snap);
	return 0;
}

static void start(const struct scenario *s)
{
	struct engine_options o = {.scenario = s,
		.share_bp = 5000,
		.strategy = STRATEGY_CANARY,
		.v2_workers = 4,
		.timeout_ms = 500};
	assert_int_equal(engine_start(&e, &o, NULL), 0);
}

static void wait_until(bool (*fact)(void))
{
	int64_t until_us = threads_us() + WAIT_US;
	for (engine_snapshot(e, snap); !fact(); engine_snapshot(e, snap)) {
		assert_true(threads_us() < until_us);
		poll(NULL, 0, 2);
	}
}

static bool both_have_work_and_units(void)
{
	const struct arm_counts *v1 = &snap->arms[ARM_V1], *v2 = &snap->arms[ARM_V2];
	return v1->ok > 100 && v2->requests > 100 && v1->sessions > 5 && v2->sessions > 5;
}

static bool v2_fails(void)
{
	return counts_failed(&snap->arms[ARM_V2]) > 20;
}

static void arrivals_and_faults(void **state)
{
	(void)state;
	start(&mixed);
	wait_until(both_have_work_and_units);
	wait_until(v2_fails);
	assert_int_equal(counts_failed(&snap->arms[ARM_V1]), 0);
	assert_int_equal(snap->unit_ms, 20);
	const struct arm_counts *v1 = &snap->arms[ARM_V1];
	int64_t echoes = 0, sleeps = 0;
	for (int i = 0; i < v1->operation_count; i++) {
		if (v1->operations[i].name[0] == 'e')
			echoes = v1->operations[i].requests;
		else if (v1->operations[i].name[0] == 's' && v1->operations[i].name[1] == 'l')
			sleeps = v1->operations[i].requests;
	}
	assert_true(echoes > sleeps && sleeps > 0);
}

static bool v2_hangs(void)
{
	return snap->arms[ARM_V2].in_flight == 4;
}

static bool v1_goes_on(void)
{
	return snap->arms[ARM_V1].ok > 3;
}

static void a_hang_of_v2_stops_neither_v1_nor_the_end(void **state)
{
	(void)state;
	struct scenario s = mixed;
	s.rate = 200;
	s.phases[0].at_ms = 0;
	s.phases[0].fault = (struct fault){.hang = true};
	start(&s);
	wait_until(v2_hangs);
	wait_until(v1_goes_on);
	assert_int_equal(snap->arms[ARM_V2].ok, 0);
}

static void no_arrivals_without_a_rate(void **state)
{
	(void)state;
	struct scenario s = mixed;
	s.rate = 0;
	start(&s);
	engine_snapshot(e, snap);
	assert_int_equal(snap->arms[ARM_V1].requests + snap->arms[ARM_V2].requests, 0);
}

static bool both_have_work(void)
{
	return snap->arms[ARM_V1].ok > 20 && snap->arms[ARM_V2].ok > 20;
}

static void arrivals_that_begin_later(void **state)
{
	(void)state;
	struct scenario s = mixed;
	s.rate = 0;
	s.phase_count = 0;
	s.levels[0] = (struct scenario_level){.at_ms = 30, .rate = 2000, .over_ms = 20};
	s.level_count = 1;
	start(&s);
	wait_until(both_have_work);
}

static bool is_behind(void)
{
	return snap->now_ms - engine_now().wall_ms < -200000;
}

static void a_clock_that_is_not_right(void **state)
{
	(void)state;
	struct scenario s = mixed;
	s.events[0] = (struct scenario_event){.at_ms = 0, .clock_ahead_ms = 300000};
	s.events[1] = (struct scenario_event){.at_ms = 50, .clock_behind_ms = 300000};
	s.event_count = 2;
	int64_t begin_us = threads_us();
	start(&s);
	wait_until(is_behind);
	assert_in_range(snap->uptime_ms, 0, (threads_us() - begin_us) / 1000 + 1);
}

static void a_restart_is_refused(void **state)
{
	(void)state;
	struct scenario s = mixed;
	s.events[0] = (struct scenario_event){.at_ms = 90000, .restart = true};
	s.event_count = 1;
	struct engine_options o = {.scenario = &s, .strategy = STRATEGY_CANARY};
	struct err err = {0};
	assert_int_equal(engine_start(&e, &o, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "\"mixed\" restarts the node at 1m30s"));
	assert_non_null(strstr(err.text, "take \"restart\" out"));
	assert_null(e);
}

static void options_go_before_the_scenario(void **state)
{
	(void)state;
	struct scenario s = mixed;
	struct engine_options o = {.strategy = STRATEGY_CANARY};
	load_shape(&o);
	assert_int_equal(o.v1_workers + o.v2_workers + o.queue_max + o.timeout_ms + o.unit_ms, 0);
	o.scenario = &s;
	load_shape(&o);
	assert_int_equal(o.v1_workers + o.v2_workers + o.queue_max + o.timeout_ms, 0);
	assert_int_equal(o.unit_ms, 20);
	assert_int_equal(o.strategy, STRATEGY_CANARY);

	s.v1_workers = 2;
	s.v2_workers = 3;
	s.queue_max = 4;
	s.timeout_ms = 50;
	memcpy(s.strategy, "primary_with_fallback", sizeof "primary_with_fallback");
	load_shape(&o);
	assert_int_equal(o.v1_workers, 2);
	assert_int_equal(o.v2_workers, 3);
	assert_int_equal(o.queue_max, 4);
	assert_int_equal(o.timeout_ms, 50);
	assert_int_equal(o.strategy, STRATEGY_PRIMARY_WITH_FALLBACK);

	o = (struct engine_options){.scenario = &s,
		.v1_workers = 7,
		.v2_workers = 8,
		.queue_max = 9,
		.timeout_ms = 10,
		.unit_ms = 11,
		.strategy = STRATEGY_SHADOW};
	load_shape(&o);
	assert_true(o.v1_workers == 7 && o.v2_workers == 8 && o.queue_max == 9);
	assert_true(o.timeout_ms == 10 && o.unit_ms == 11 && o.strategy == STRATEGY_SHADOW);
}

static void the_scenario_shapes_the_engine(void **state)
{
	(void)state;
	struct scenario s = mixed;
	s.v1_workers = 2;
	s.v2_workers = 3;
	s.queue_max = 40;
	memcpy(s.strategy, "primary_with_fallback", sizeof "primary_with_fallback");
	struct engine_options o = {
		.scenario = &s, .share_bp = 5000, .strategy = STRATEGY_CANARY, .timeout_ms = 500};
	assert_int_equal(engine_start(&e, &o, NULL), 0);
	wait_until(both_have_work);
	assert_int_equal(snap->arms[ARM_V1].workers.total, 2);
	assert_int_equal(snap->arms[ARM_V2].workers.total, 3);
	assert_int_equal(snap->arms[ARM_V2].queue_max, 40);
	assert_int_equal(snap->strategy, STRATEGY_PRIMARY_WITH_FALLBACK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(arrivals_and_faults),
		T(a_hang_of_v2_stops_neither_v1_nor_the_end),
		T(no_arrivals_without_a_rate),
		T(arrivals_that_begin_later),
		T(a_clock_that_is_not_right),
		T(a_restart_is_refused),
		T(options_go_before_the_scenario),
		T(the_scenario_shapes_the_engine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
