/* Tests of operations: the builtin ones, those that a pool declares, and the bits of a set. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/operations.h"

#include <stdio.h>
#include <string.h>

static void without_a_list_they_are_the_builtin_ones(void **state)
{
	(void)state;
	struct operations o;
	assert_int_equal(operations_read(&o, NULL, NULL), 0);
	assert_false(o.declared);
	assert_int_equal(o.count, OPERATION_COUNT);
	assert_int_equal(operations_find(&o, "predict"), OPERATION_PREDICT);
	assert_int_equal(operations_find(&o, "Predict"), -1);
	assert_int_equal(operations_find(&o, ""), -1);
	assert_true(o.each[OPERATION_PREDICT].idempotent);
	assert_false(o.each[OPERATION_TALLY].idempotent);
	assert_string_equal(operation_name(OPERATION_SLEEP), "sleep");
	assert_int_equal(operation_of("nothing"), OPERATION_COUNT);
}

static void a_list_declares_these_and_no_others(void **state)
{
	(void)state;
	struct operations o;
	struct err err = {0};
	if (operations_read(&o, "classify:idempotent, store,echo", &err))
		fail_msg("%s", err.text);
	assert_true(o.declared);
	assert_int_equal(o.count, 3);
	assert_int_equal(operations_find(&o, "classify"), 0);
	assert_true(o.each[0].idempotent);
	assert_int_equal(operations_find(&o, "store"), 1);
	assert_false(o.each[1].idempotent);
	/* What is declared holds, whatever the builtin one of that name is like. */
	assert_false(o.each[operations_find(&o, "echo")].idempotent);
	assert_int_equal(operations_find(&o, "predict"), -1);
}

static void bad_lists_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *list, *says;
	} rows[] = {
		{"", "\"\" is no operation"},
		{"a,", "\"\" is no operation"},
		{",a", "\"\" is no operation"},
		{"a,,b", "\"\" is no operation"},
		{":idempotent", "is no operation"},
		{"a b", "\"a b\" is no operation"},
		{"a:b", "\"a:b\" is no operation"},
		{"a:Idempotent", "is no operation"},
		{"gr\xc3\xbcn", "is no operation"},
		{"a\x1b[31m", "is no operation"},
		{"a,b,a", "\"a\" is there twice"},
		{"a,a:idempotent", "\"a\" is there twice"},
		{"123456789012345678901234567890123456789012345678", "is no operation"},
		{"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o", "\"o\" is one operation too many: a pool has 14"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct operations o;
		struct err err = {0};
		assert_int_equal(operations_read(&o, rows[i].list, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].list, err.text);
	}
	struct operations o;
	assert_int_equal(operations_read(&o, "a,b,c,d,e,f,g,h,i,j,k,l,m,n", NULL), 0);
	assert_int_equal(o.count, OPERATION_MAX);
	assert_int_equal(
		operations_read(&o, "12345678901234567890123456789012345678901234567:idempotent", NULL),
		0);
}

static void sets_are_of_what_is_known(void **state)
{
	(void)state;
	struct operations o;
	struct operation_set s;
	struct err err = {0};
	assert_int_equal(operations_read(&o, "a,b,c", NULL), 0);
	operations_known(&o, &s);
	assert_int_equal(operations_bits(&o, &s), 7);
	assert_int_equal(operations_read_set(&o, &s, "c, a", &err), 0);
	assert_true(s.limited);
	assert_int_equal(operations_bits(&o, &s), 5);
	/* As in a log of a pool that knew more. */
	snprintf(s.name[1], sizeof s.name[1], "gone");
	assert_int_equal(operations_bits(&o, &s), 4);
	assert_int_equal(operations_bits(&o, &(struct operation_set){0}), ROUTER_ALL);
	assert_int_equal(operations_bits(&o, &(struct operation_set){.limited = true}), 0);
	assert_int_equal(operations_read_set(&o, &s, "a,echo", &err), -1);
	assert_non_null(strstr(err.text, "\"echo\" is not known here"));
	assert_int_equal(operations_read_set(&o, &s, "a,a", &err), -1);
	assert_non_null(strstr(err.text, "twice"));
	assert_int_equal(operations_read_set(&o, &s, "", &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_list_they_are_the_builtin_ones),
		cmocka_unit_test(a_list_declares_these_and_no_others),
		cmocka_unit_test(bad_lists_are_refused),
		cmocka_unit_test(sets_are_of_what_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
