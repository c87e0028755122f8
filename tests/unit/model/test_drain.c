/* Tests of model/drain: words for workers there and back, every wrong one refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/drain.h"

#include <stdio.h>

static void words_there_and_back(void **state)
{
	static const struct {
		const char *word;
		struct drain drain;
	} rows[] = {
		{"v1", {ARM_V1, -1, -1, false, 0}},
		{"v2", {ARM_V2, -1, -1, false, 0}},
		{"v2.0", {ARM_V2, 0, -1, false, 0}},
		{"v1.0.0", {ARM_V1, 0, 0, false, 0}},
		{"v2.12.99", {ARM_V2, 12, 99, false, 0}},
		{"v2.99999.99999", {ARM_V2, 99999, 99999, false, 0}},
		{"r0", {ARM_V1, -1, -1, true, 0}},
		{"r0.1", {ARM_V1, 1, -1, true, 0}},
		{"r99999.99999", {ARM_V1, 99999, -1, true, 99999}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct drain d;
		char word[DRAIN_WORD_MAX];
		assert_true(drain_read(&d, rows[i].word));
		assert_int_equal(d.arm, rows[i].drain.arm);
		assert_int_equal(d.segment, rows[i].drain.segment);
		assert_int_equal(d.worker, rows[i].drain.worker);
		assert_int_equal(d.residents, rows[i].drain.residents);
		assert_int_equal(d.node, rows[i].drain.node);
		drain_write(word, &d);
		assert_string_equal(word, rows[i].word);
	}
}

static void what_is_no_word(void **state)
{
	static const char *const bad[] = {"", "v", "v3", "V2", "v20", "v2.", "v2.a", "v2.-1",
		"v2.+1", "v2.0.", "v2.0.3.1", "v2.0.3 ", " v2", "v2.00", "v2.01", "v2.0x1", "v2.100000",
		"v2.99999999999999999999", "v2..1", "v1v2", "v2.0,v2.1", "v2.1e3", "r", "R0", "r.0",
		"r0.", "r00", "r01", "r0.01", "r0.1.2", "r-1", "r0.-1", "r0 ", "rr0", "r0r1", "r100000",
		"r0.100000", "r99999999999999999999", "residents", "rv1"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct drain d;
		if (drain_read(&d, bad[i]))
			fail_msg("'%s' was read", bad[i]);
	}
}

static void whom_it_means(void **state)
{
	const struct worker_row w = {.arm = ARM_V2, .segment = 1, .index = 9};
	static const struct {
		const char *word;
		bool means;
	} rows[] = {{"v2", true}, {"v1", false}, {"v2.1", true}, {"v2.0", false}, {"v2.1.9", true},
		{"v2.1.8", false}, {"v2.0.9", false}, {"r0", false}, {"r1", false}, {"r0.1", false}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct drain d;
		assert_true(drain_read(&d, rows[i].word));
		assert_int_equal(drain_means(&d, &w), rows[i].means);
	}
}

static void which_place_it_is(void **state)
{
	const struct resident_crew crew = {.known = true,
		.node_count = 2,
		.segment_count = 2,
		.node = {{.node = 0, .segment = -1}, {.node = 1, .segment = -1}},
		.segment = {{.node = 0, .segment = 1}, {.node = 1, .segment = 1}}};
	const struct resident_crew none = {.known = false};
	const struct {
		const char *word;
		const struct resident_place *place;
	} rows[] = {{"r0", &crew.node[0]}, {"r1", &crew.node[1]}, {"r2", NULL},
		{"r0.1", &crew.segment[0]}, {"r1.1", &crew.segment[1]}, {"r0.0", NULL}, {"v1", NULL},
		{"v2.1", NULL}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct drain d;
		assert_true(drain_read(&d, rows[i].word));
		assert_ptr_equal(drain_place(&d, &crew), rows[i].place);
		assert_null(drain_place(&d, &none));
	}
}

static void what_a_decision_drained(void **state)
{
	static const struct {
		enum verb verb;
		const char *evidence, *told;
	} rows[] = {
		{VERB_DRAIN, "{\"target\":\"v2.0.3\",\"on\":true,\"node\":null}", "v2.0.3"},
		{VERB_DRAIN, "{\"target\":\"v1\",\"on\":false}", "v1 off"},
		{VERB_DRAIN, "{\"target\":\"r0.1\",\"on\":false}", "r0.1 off"},
		{VERB_DRAIN, "{\"target\":\"r0.1.2\",\"on\":true}", ""},
		{VERB_HOLD, "{\"target\":\"v1\",\"on\":false}", ""},
		{VERB_DRAIN, "{}", ""},
		{VERB_DRAIN, "{\"target\":\"v9\"}", ""},
		{VERB_DRAIN, "{\"target\":\"", ""},
		{VERB_DRAIN, "{\"target\":\"v2.000000000000000000000000000000000000\"}", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct decision d = {.verb = rows[i].verb};
		char told[DRAIN_TOLD_MAX];
		snprintf(d.evidence, sizeof d.evidence, "%s", rows[i].evidence);
		drain_tell(told, &d);
		assert_string_equal(told, rows[i].told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_there_and_back),
		cmocka_unit_test(what_is_no_word),
		cmocka_unit_test(whom_it_means),
		cmocka_unit_test(which_place_it_is),
		cmocka_unit_test(what_a_decision_drained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
