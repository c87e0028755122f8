/* Again: what an arm tries once more, how often, and what it never does. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/worker_bed.h"

/* One worker that every piece of work ends; `retry` as given. */
static void begin(struct bed *b, struct retry_options retry)
{
	const struct workers_options how = {.count = 1,
		.queue_max = 8,
		.seed = 1,
		.retry = retry,
		.supervision = NO_REST,
		.breaker = {.failures = 1000}};
	bed_make(b, &how);
	workers_set_fault(b->workers, &(struct fault){.crash_rate = 1});
}

static struct arm_counts ask(struct bed *b, enum operation o, int64_t timeout_ms)
{
	struct call *c = call_new(b, o, timeout_ms, "");
	call_run(c);
	assert_false(c->response.ok);
	assert_int_equal(c->response.failure, FAILURE_CONNECTION);
	free(c);
	workers_fill(b->workers, &b->counts);
	assert_int_equal(b->counts.requests, 1);
	assert_int_equal(b->counts.failed[FAILURE_CONNECTION], 1);
	return b->counts;
}

static void as_often_as_it_was_said(void **state)
{
	(void)state;
	struct bed b;
	begin(&b, (struct retry_options){BACKOFF_LINEAR, 4, 100, 1000, 0});
	assert_int_equal(ask(&b, OPERATION_ECHO, LONG_MS).retries, 3);
	bed_drop(&b);
}

static void not_beyond_its_deadline(void **state)
{
	(void)state;
	struct bed b;
	begin(&b, (struct retry_options){BACKOFF_EXPONENTIAL, 5, 60000000, 60000000, 0});
	assert_int_equal(ask(&b, OPERATION_ECHO, 5000).retries, 0);
	bed_drop(&b);
}

static void never_what_may_not_be_done_twice(void **state)
{
	(void)state;
	struct bed b;
	begin(&b, (struct retry_options){BACKOFF_LINEAR, 4, 100, 1000, 0});
	assert_int_equal(ask(&b, OPERATION_FAIL, LONG_MS).retries, 0);
	bed_drop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_often_as_it_was_said),
		cmocka_unit_test(not_beyond_its_deadline),
		cmocka_unit_test(never_what_may_not_be_done_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
