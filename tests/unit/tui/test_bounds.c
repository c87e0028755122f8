/* Bounds: what a list sets, and what is refused by name. */
#include "tui/bounds.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void lists_are_read(void **state)
{
	(void)state;
	struct bounds o = {0};
	struct err err = {0};
	assert_int_equal(bounds_read_recycle(&o, NULL, &err), 0);
	assert_int_equal(o.age_us + o.requests + o.memory_bytes, 0);
	assert_int_equal(bounds_read_recycle(&o, "age=1h,requests=10000,memory=512MiB", &err), 0);
	assert_int_equal(o.age_us, INT64_C(3600) * 1000000);
	assert_int_equal(o.requests, 10000);
	assert_int_equal(o.memory_bytes, 512 * 1024 * 1024);
	assert_int_equal(bounds_read_limit(&o, "files=64,cpu=60s,memory=2GiB", &err), 0);
	assert_int_equal(o.limit_files, 64);
	assert_int_equal(o.limit_cpu_s, 60);
	assert_int_equal(o.limit_memory_bytes, INT64_C(2) * 1024 * 1024 * 1024);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *list, *says;
		bool limit;
	} rows[] = {
		{"", "'' is none of age, requests, memory", false},
		{"age", "age: want a duration", false},
		{"age=", "age=: want a duration", false},
		{"age=0s", "want a duration", false},
		{"age=-1h", "want a duration", false},
		{"requests=0", "want a number of 1 or more", false},
		{"requests=1e9", "want a number", false},
		{"memory=lots", "want a size", false},
		{"cpu=1s", "'cpu=1s' is none of age, requests, memory", false},
		{"age=1h,", "'' is none of", false},
		{"age=1h,,requests=1", "'' is none of", false},
		{"cpu=1ms", "want a duration of 1s or more", true},
		{"age=1h", "is none of memory, cpu, files", true},
		{"files=9999999999999999999999999999999999999999999999999999999999999999999999999999",
			"is too long", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bounds o = {0};
		struct err err = {0};
		int result = rows[i].limit ? bounds_read_limit(&o, rows[i].list, &err)
								   : bounds_read_recycle(&o, rows[i].list, &err);
		assert_int_equal(result, -1);
		assert_int_equal(err.code, ERR_USAGE);
		if (!strstr(err.text, rows[i].says))
			fail_msg("'%s' does not say '%s'", err.text, rows[i].says);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(what_is_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
