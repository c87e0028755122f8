/* Tests of scenarios: arrivals drive both arms, faults come at their time, the end is prompt.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/engine.h"
#include "client/engine/threads.h"

#include <poll.h>
#include <stdlib.h>

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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(arrivals_and_faults),
		T(a_hang_of_v2_stops_neither_v1_nor_the_end),
		T(no_arrivals_without_a_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
