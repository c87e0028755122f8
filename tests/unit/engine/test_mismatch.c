/* Mismatch: the newest differing answers, bounded and clean. */
#include "client/engine/mismatch.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mismatches all;
static struct mismatch read[MISMATCHES_MAX + 4];
static struct engine_request request;
static struct engine_response v1, v2;

static void note(int number, int64_t now_us)
{
	text_copy(request.operation, sizeof request.operation, "predict");
	snprintf(request.id, sizeof request.id, "r-%d", number);
	v1 = (struct engine_response){.ok = true, .latency_us = 10, .result = "{\"score\":1}"};
	v2 = (struct engine_response){.latency_us = 20, .message = "no such\x1b[2J model"};
	mismatches_note(&all, &request, &v1, &v2, now_us);
}

static void the_newest_come_first(void **state)
{
	(void)state;
	assert_int_equal(mismatches_read(&all, read, 8, 0), 0);
	for (int i = 0; i < MISMATCHES_MAX + 3; i++)
		note(i, i * 1000000);
	int64_t now_us = (MISMATCHES_MAX + 3) * (int64_t)1000000;
	assert_int_equal(mismatches_read(&all, read, MISMATCHES_MAX + 4, now_us), MISMATCHES_MAX);
	char id[16];
	snprintf(id, sizeof id, "r-%d", MISMATCHES_MAX + 2);
	assert_string_equal(read[0].id, id);
	assert_int_equal(read[0].age_ms, 1000);
	assert_string_equal(read[MISMATCHES_MAX - 1].id, "r-3");
	assert_int_equal(mismatches_read(&all, read, 2, now_us), 2);
	assert_string_equal(read[0].id, id);
}

static void both_answers_are_told_and_clean(void **state)
{
	(void)state;
	note(1, 0);
	assert_int_equal(mismatches_read(&all, read, 1, 0), 1);
	assert_string_equal(read[0].operation, "predict");
	assert_true(read[0].arms[ARM_V1].ok && !read[0].arms[ARM_V2].ok);
	assert_string_equal(read[0].arms[ARM_V1].text, "{\"score\":1}");
	assert_int_equal(read[0].arms[ARM_V2].latency_us, 20);
	assert_null(strchr(read[0].arms[ARM_V2].text, 0x1b));
	assert_non_null(strstr(read[0].arms[ARM_V2].text, "model"));
	/* A long result is cut, at a character. */
	memset(v1.result, 'x', sizeof v1.result - 1);
	v1.result[sizeof v1.result - 1] = '\0';
	mismatches_note(&all, &request, &v1, &v2, 0);
	assert_int_equal(mismatches_read(&all, read, 1, 0), 1);
	assert_int_equal(strlen(read[0].arms[ARM_V1].text), POOL_REASON_MAX - 1);
}

/* The whole way: v1 and v2 are the same builtin, so only a fault makes them differ. */
static void shadow_notes_them(void **state)
{
	(void)state;
	struct engine_options how = {.strategy = STRATEGY_SHADOW};
	struct engine *e;
	struct err err = {0};
	assert_int_equal(engine_start(&e, &how, &err), 0);
	struct engine_request *q = mem_new(1, sizeof *q);
	struct engine_response *r = mem_new(1, sizeof *r);
	text_copy(q->operation, sizeof q->operation, "echo");
	text_copy(q->payload, sizeof q->payload, "\"same\"");
	q->work_us = UNKNOWN;
	engine_execute(e, q, r);
	assert_int_equal(engine_mismatches(e, read, 4), 0);
	struct fault broken = {.error_rate = 1};
	engine_set_fault(e, ARM_V2, &broken);
	text_copy(q->id, sizeof q->id, "r-7");
	engine_execute(e, q, r);
	assert_true(r->ok);
	assert_string_equal(r->result, "\"same\"");
	assert_int_equal(engine_mismatches(e, read, 4), 1);
	assert_string_equal(read[0].id, "r-7");
	assert_string_equal(read[0].arms[ARM_V1].text, "\"same\"");
	assert_string_equal(read[0].arms[ARM_V2].text, "injected fault");
	free(q);
	free(r);
	engine_stop(e);
}

static int make(void **state)
{
	(void)state;
	mismatches_init(&all);
	return 0;
}

static int release(void **state)
{
	(void)state;
	mismatches_release(&all);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, make, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_newest_come_first),
		T(both_answers_are_told_and_clean),
		T(shadow_notes_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
