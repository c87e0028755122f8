/* Tests of the meter: what was counted is told, and never more ended than begun. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/meter.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REQUESTS 50000
#else
#define REQUESTS 500000
#endif

static void each_end_is_told_where_it_belongs(void **state)
{
	(void)state;
	struct meter *m = calloc(1, sizeof *m);
	struct arm_counts *c = calloc(1, sizeof *c);
	for (int i = 0; i < 5; i++)
		meter_begin(m, OPERATION_ECHO);
	meter_begin(m, OPERATION_FAIL);
	meter_end(m, OPERATION_ECHO, true, FAILURE_SYSTEM, 7);
	meter_end(m, OPERATION_ECHO, false, FAILURE_TIMEOUT, 100000000);
	meter_end(m, OPERATION_FAIL, false, FAILURE_OPERATION, 9);
	meter_refuse(m, OPERATION_ECHO, FAILURE_REFUSED);
	meter_late(m);
	meter_count(&m->retries);
	meter_count(&m->bypassed);
	meter_count(&m->rescued);
	meter_count(&m->shadowed);
	meter_count(&m->mismatched);
	meter_read_ended(m, c);
	meter_read_begun(m, c);
	assert_int_equal(c->requests, 6);
	assert_int_equal(c->ok, 1);
	assert_int_equal(c->failed[FAILURE_TIMEOUT], 1);
	assert_int_equal(c->failed[FAILURE_OPERATION], 1);
	assert_int_equal(c->failed[FAILURE_REFUSED], 1);
	assert_int_equal(counts_failed(c), 3);
	assert_int_equal(c->timeouts, 1);
	assert_int_equal(c->retries + c->bypassed + c->rescued + c->shadowed + c->mismatched, 5);
	assert_int_equal(histogram_total(&c->latency), 3); /* of what was executed */
	assert_int_equal(c->latency.count[7], 1);
	assert_int_equal(c->latency.count[HISTOGRAM_BUCKETS - 1], 1);
	assert_int_equal(c->operations[OPERATION_ECHO].requests, 5);
	assert_int_equal(c->operations[OPERATION_ECHO].ok, 1);
	assert_int_equal(c->operations[OPERATION_ECHO].failed, 2);
	assert_int_equal(c->operations[OPERATION_FAIL].failed, 1);
	meter_read_ended(m, c); /* adds, and resets nothing */
	assert_int_equal(c->ok, 2);
	free(m);
	free(c);
}

static void *write_on(void *arg)
{
	struct meter *m = arg;
	for (int i = 0; i < REQUESTS; i++) {
		meter_begin(m, OPERATION_ECHO);
		if (i % 3 == 0)
			meter_late(m);
		else
			meter_end(m, OPERATION_ECHO, i % 3 == 1, FAILURE_OPERATION, i % 100);
	}
	return NULL;
}

static void q8_never_more_ended_than_begun_and_nothing_falls(void **state)
{
	(void)state;
	struct meter *m = calloc(1, sizeof *m);
	struct arm_counts *c = calloc(2, sizeof *c);
	pthread_t writer;
	assert_int_equal(pthread_create(&writer, NULL, write_on, m), 0);
	for (int i = 0; c[1].requests < REQUESTS; i++) {
		c[0] = c[1];
		c[1] = (struct arm_counts){0};
		meter_read_ended(m, &c[1]);
		meter_read_begun(m, &c[1]);
		assert_true(counts_done(&c[1]) + c[1].timeouts <= c[1].requests);
		assert_true(
			c[1].operations[OPERATION_ECHO].ok + c[1].operations[OPERATION_ECHO].failed <=
			c[1].operations[OPERATION_ECHO].requests);
		assert_true(c[1].requests >= c[0].requests && c[1].ok >= c[0].ok &&
			c[1].timeouts >= c[0].timeouts && counts_failed(&c[1]) >= counts_failed(&c[0]) &&
			histogram_total(&c[1].latency) >= histogram_total(&c[0].latency));
	}
	pthread_join(writer, NULL);
	c[1] = (struct arm_counts){0};
	meter_read_ended(m, &c[1]);
	assert_int_equal(counts_done(&c[1]) + c[1].timeouts, REQUESTS);
	free(m);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_is_told_where_it_belongs),
		cmocka_unit_test(q8_never_more_ended_than_begun_and_nothing_falls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
