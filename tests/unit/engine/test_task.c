/* Tests of the operations, of what faults do to them, and of their bounds in time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/task.h"
#include "model/text.h"

#include <string.h>

static struct gate gate;
static struct engine_request request;
static struct engine_response response;
static uint64_t seed;

static int setup(void **state)
{
	(void)state;
	gate_init(&gate);
	memset(&request, 0, sizeof request);
	memset(&response, 0, sizeof response);
	request.work_us = UNKNOWN;
	seed = 7;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gate_release(&gate);
	return 0;
}

static int64_t run(enum operation o, const struct fault *fault, int64_t deadline_ms)
{
	struct task t = {.operation = o, .request = &request, .response = &response, .pace = 1};
	t.may_be_faulty = fault != NULL;
	if (fault)
		t.fault = *fault;
	t.start_us = threads_us();
	t.deadline_us = t.start_us + deadline_ms * 1000;
	task_run(&t, &gate, &seed);
	return threads_us() - t.start_us;
}

static void names_and_kinds(void **state)
{
	(void)state;
	assert_int_equal(operation_of("predict"), OPERATION_PREDICT);
	assert_int_equal(operation_of("Predict"), OPERATION_COUNT);
	assert_int_equal(operation_of(""), OPERATION_COUNT);
	assert_true(operation_is_idempotent(OPERATION_SPIN));
	assert_false(operation_is_idempotent(OPERATION_FAIL));
	assert_string_equal(operation_name(OPERATION_ECHO), "echo");
}

static void echo_gives_back(void **state)
{
	(void)state;
	run(OPERATION_ECHO, NULL, 1000);
	assert_true(response.ok);
	assert_string_equal(response.result, "null");
	text_copy(request.payload, sizeof request.payload, "{\"a\":1}");
	run(OPERATION_ECHO, NULL, 1000);
	assert_string_equal(response.result, "{\"a\":1}");
}

static void works_at_least_its_time(void **state)
{
	(void)state;
	request.work_us = 2000;
	assert_true(run(OPERATION_SPIN, NULL, 1000) >= 2000);
	assert_true(response.ok);
	assert_string_equal(response.result, "{\"spun_us\":2000}");
	assert_true(run(OPERATION_SLEEP, NULL, 1000) >= 2000);
	assert_string_equal(response.result, "{\"slept_us\":2000}");
}

static void predict_depends_on_the_payload_alone(void **state)
{
	(void)state;
	char first[ENGINE_PAYLOAD_MAX];
	request.work_us = 10;
	text_copy(request.payload, sizeof request.payload, "[1,2]");
	run(OPERATION_PREDICT, NULL, 1000);
	text_copy(first, sizeof first, response.result);
	run(OPERATION_PREDICT, NULL, 1000);
	assert_string_equal(first, response.result);
	text_copy(request.payload, sizeof request.payload, "[1,3]");
	run(OPERATION_PREDICT, NULL, 1000);
	assert_string_not_equal(first, response.result);
}

static void fail_fails(void **state)
{
	(void)state;
	run(OPERATION_FAIL, NULL, 1000);
	assert_false(response.ok);
	assert_int_equal(response.failure, FAILURE_OPERATION);
	assert_string_equal(response.result, "");
}

static void deadline_ends_work(void **state)
{
	(void)state;
	static const enum operation slow[] = {OPERATION_SPIN, OPERATION_SLEEP, OPERATION_PREDICT};
	for (size_t i = 0; i < sizeof slow / sizeof *slow; i++) {
		request.work_us = TASK_WORK_MAX_US;
		int64_t took_us = run(slow[i], NULL, 5);
		assert_in_range(took_us, 5000, 5000000);
		assert_false(response.ok);
		assert_int_equal(response.failure, FAILURE_TIMEOUT);
	}
}

static void closed_gate_ends_work(void **state)
{
	(void)state;
	gate_close(&gate);
	request.work_us = TASK_WORK_MAX_US;
	assert_true(run(OPERATION_SLEEP, NULL, 60000) < 10000000);
	assert_int_equal(response.failure, FAILURE_SYSTEM);
	assert_true(run(OPERATION_SPIN, NULL, 60000) < 10000000);
	assert_int_equal(response.failure, FAILURE_SYSTEM);
}

static void error_rate_is_met(void **state)
{
	(void)state;
	struct fault f = {.error_rate = 0.3};
	int failed = 0;
	for (int i = 0; i < 10000; i++) {
		run(OPERATION_ECHO, &f, 1000);
		failed += !response.ok;
	}
	assert_in_range(failed, 2770, 3230); /* 5 sigma */
}

static void fault_hits_its_operation_only(void **state)
{
	(void)state;
	struct fault f = {.error_rate = 1, .operation = "predict"};
	request.work_us = 10;
	run(OPERATION_ECHO, &f, 1000);
	assert_true(response.ok);
	run(OPERATION_PREDICT, &f, 1000);
	assert_false(response.ok);
	assert_string_equal(response.message, "injected fault");
}

static void slow_and_added_time(void **state)
{
	(void)state;
	struct fault f = {.slow_factor = 3, .latency_add_us = 1500};
	request.work_us = 1000;
	assert_true(run(OPERATION_SLEEP, &f, 1000) >= 4500);
	assert_string_equal(response.result, "{\"slept_us\":1000}");
	assert_true(run(OPERATION_ECHO, &f, 1000) >= 1500);
}

static void hang_lasts_to_the_deadline(void **state)
{
	(void)state;
	struct fault f = {.hang = true};
	assert_true(run(OPERATION_ECHO, &f, 10) >= 10000);
	assert_false(response.ok);
	assert_int_equal(response.failure, FAILURE_TIMEOUT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(names_and_kinds),
		T(echo_gives_back),
		T(works_at_least_its_time),
		T(predict_depends_on_the_payload_alone),
		T(fail_fails),
		T(deadline_ends_work),
		T(closed_gate_ends_work),
		T(error_rate_is_met),
		T(fault_hits_its_operation_only),
		T(slow_and_added_time),
		T(hang_lasts_to_the_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
