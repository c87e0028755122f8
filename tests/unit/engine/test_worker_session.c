/* Tests of sessions and their workers: which one serves a session, and what it hears when that one
 * is busy or gone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/engine/worker_bed.h"

#include "model/pool.h"

static struct worker_row row(struct bed *b, int index)
{
	struct worker_row rows[16];
	assert_true(workers_rows(b->workers, rows, 16) > index);
	return rows[index];
}

static void make_sticky(struct bed *b, int count, enum affinity_mode mode)
{
	bed_make(b,
		&(struct workers_options){
			.count = count, .queue_max = 64, .seed = 1, .sticky = true, .affinity = mode});
}

/* The worker that served the last one: served of all rows by difference. */
static int who_served(struct bed *b, struct call *c, int count)
{
	int64_t before[16];
	int who = -1;
	for (int i = 0; i < count; i++)
		before[i] = row(b, i).served;
	call_run(c);
	for (int i = 0; i < count; i++)
		who = row(b, i).served > before[i] ? i : who;
	return who;
}

static int busy_worker(struct bed *b, int count)
{
	for (int i = 0; i < count; i++)
		if (row(b, i).state == WORKER_BUSY)
			return i;
	return -1;
}

static void a3_hint_takes_another_when_its_worker_is_busy(void **state)
{
	(void)state;
	struct bed b;
	make_sticky(&b, 2, AFFINITY_HINT);
	struct call *c = call_new(&b, OPERATION_ECHO, LONG_MS, "s");
	int mine = who_served(&b, c, 2);
	for (int i = 0; i < 20; i++)
		assert_int_equal(who_served(&b, c, 2), mine);
	struct call *busy = call_begin(&b, OPERATION_SLEEP, LONG_MS, "s");
	wait_for_load(&b, 0, 1);
	assert_int_equal(busy_worker(&b, 2), mine);
	assert_int_equal(who_served(&b, c, 2), !mine);
	gate_close(&b.gate);
	call_end(busy);
	free(c);
	bed_drop(&b);
}

static void a3_strict_queue_waits_for_its_worker(void **state)
{
	(void)state;
	struct bed b;
	make_sticky(&b, 2, AFFINITY_STRICT_QUEUE);
	struct call *busy = call_begin(&b, OPERATION_SLEEP, LONG_MS, "s");
	wait_for_load(&b, 0, 1);
	int mine = busy_worker(&b, 2);
	struct call *waits = call_begin(&b, OPERATION_ECHO, LONG_MS, "s");
	wait_for_load(&b, 1, 1); /* although the other is free: Q4 */
	assert_int_equal(do_one(&b, OPERATION_ECHO, LONG_MS, NULL), ENGINE_OK);
	assert_int_equal(row(&b, !mine).served, 1);
	gate_close(&b.gate);
	assert_int_equal(call_end(busy), ENGINE_OK);
	assert_int_equal(call_end(waits), ENGINE_OK);
	assert_int_equal(row(&b, mine).served, 2);
	bed_drop(&b);
}

static void a3_strict_fail_fast_says_busy(void **state)
{
	(void)state;
	struct bed b;
	make_sticky(&b, 2, AFFINITY_STRICT_FAIL_FAST);
	struct call *busy = call_begin(&b, OPERATION_SLEEP, LONG_MS, "s");
	wait_for_load(&b, 0, 1);
	struct call *c = call_new(&b, OPERATION_ECHO, LONG_MS, "s");
	call_run(c);
	assert_false(c->response.ok);
	assert_int_equal(c->response.failure, FAILURE_RESOURCE);
	assert_non_null(strstr(c->response.message, "busy"));
	gate_close(&b.gate);
	call_end(busy);
	call_run(c);
	assert_true(c->response.ok);
	free(c);
	bed_drop(&b);
}

static void a3_a_session_hears_once_that_its_worker_is_gone(void **state)
{
	(void)state;
	struct bed b;
	make_sticky(&b, 2, AFFINITY_STRICT_QUEUE);
	struct call *c = call_new(&b, OPERATION_ECHO, LONG_MS, "s");
	int mine = who_served(&b, c, 2);
	workers_drain(b.workers, -1, mine, true);
	call_run(c);
	assert_false(c->response.ok);
	assert_int_equal(c->response.failure, FAILURE_SESSION);
	assert_int_equal(look(&b)->breaker.state, BREAKER_CLOSED);
	assert_int_equal(who_served(&b, c, 2), !mine);
	workers_drain(b.workers, -1, mine, false);
	assert_int_equal(who_served(&b, c, 2), !mine);
	free(c);
	bed_drop(&b);
}

/* Both begin before either is bound. */
static void a4_two_immediate_requests_have_one_worker(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		struct bed b;
		make_sticky(&b, 4, AFFINITY_STRICT_QUEUE);
		struct call *calls[3];
		for (int k = 0; k < 3; k++)
			calls[k] = call_begin(&b, OPERATION_ECHO, LONG_MS, "s");
		for (int k = 0; k < 3; k++)
			assert_int_equal(call_end(calls[k]), ENGINE_OK);
		int used = 0;
		for (int k = 0; k < 4; k++)
			used += row(&b, k).served > 0;
		assert_int_equal(used, 1);
		bed_drop(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a3_hint_takes_another_when_its_worker_is_busy),
		cmocka_unit_test(a3_strict_queue_waits_for_its_worker),
		cmocka_unit_test(a3_strict_fail_fast_says_busy),
		cmocka_unit_test(a3_a_session_hears_once_that_its_worker_is_gone),
		cmocka_unit_test(a4_two_immediate_requests_have_one_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
