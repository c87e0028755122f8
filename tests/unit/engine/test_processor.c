/* Tests of the processor strings: what is accepted, and how all else is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/hash.h"
#include "client/engine/processor.h"

#include <stdio.h>
#include <string.h>

static void assert_reads(
	const char *text, enum processor_kind kind, int workers, bool affinity, const char *print)
{
	struct processor p;
	struct err err = {0};
	if (processor_parse(&p, text, &err) < 0)
		fail_msg("\"%s\": %s", text, err.text);
	assert_int_equal(p.kind, kind);
	assert_int_equal(p.workers, workers);
	assert_int_equal(p.affinity, affinity);
	char out[PROCESSOR_TEXT_MAX];
	processor_print(out, &p);
	assert_string_equal(out, print);
}

/* Refused, nothing written, and the text quotes `part` and says `allowed`. */
static void assert_refused(const char *text, const char *part, const char *allowed)
{
	struct processor p = {.kind = PROCESSOR_V1_SIMPLE, .workers = 77};
	struct err err = {0};
	char quoted[80];
	snprintf(quoted, sizeof quoted, "\"%s\"", part);
	if (processor_parse(&p, text, &err) == 0)
		fail_msg("\"%s\" was accepted", text);
	assert_int_equal(err.code, ERR_CONFIG);
	if (!strstr(err.text, quoted) || !strstr(err.text, allowed))
		fail_msg("\"%s\": %s", text, err.text);
	assert_int_equal(p.workers, 77);
}

static void g1_v1_simple(void **state)
{
	(void)state;
	assert_reads("v1:simple", PROCESSOR_V1_SIMPLE, 0, false, "v1:simple");
}

static void g2_capitals(void **state)
{
	(void)state;
	assert_reads("V1:SIMPLE", PROCESSOR_V1_SIMPLE, 0, false, "v1:simple");
	assert_reads("V2:8:Affinity", PROCESSOR_V2, 8, true, "v2:8:affinity");
}

static void g3_blanks_around(void **state)
{
	(void)state;
	assert_reads(" \tv1:simple\r\n ", PROCESSOR_V1_SIMPLE, 0, false, "v1:simple");
}

static void g4_v1_transactional(void **state)
{
	(void)state;
	assert_reads("v1:transactional", PROCESSOR_V1_TRANSACTIONAL, 0, false, "v1:transactional");
}

static void g5_v2(void **state)
{
	(void)state;
	assert_reads("v2", PROCESSOR_V2, 0, false, "v2");
}

static void g6_v2_with_workers(void **state)
{
	(void)state;
	assert_reads("v2:8", PROCESSOR_V2, 8, false, "v2:8");
	assert_reads("v2:1", PROCESSOR_V2, 1, false, "v2:1");
}

static void g7_v2_with_affinity(void **state)
{
	(void)state;
	assert_reads("v2:affinity", PROCESSOR_V2, 0, true, "v2:affinity");
}

static void g8_v2_with_both(void **state)
{
	(void)state;
	assert_reads("v2:8:affinity", PROCESSOR_V2, 8, true, "v2:8:affinity");
}

static void g9_one_order_only(void **state)
{
	(void)state;
	assert_refused("v2:affinity:8", "8", "v2:N:affinity");
	assert_refused("v2:affinity:affinity", "affinity", "v2:N:affinity");
	assert_refused("v2:affinity:", "", "v2:N:affinity");
}

static void g10_v2x_is_refused(void **state)
{
	(void)state;
	assert_refused("v2x", "v2x", "v2:N:affinity");
	assert_refused("v2beta", "v2beta", "v1:simple");
	assert_refused("v2-8", "v2-8", "v1:simple");
}

static void g11_v20_is_refused(void **state)
{
	(void)state;
	assert_refused("v20", "v20", "v2:N");
}

static void g12_a_second_count_is_refused(void **state)
{
	(void)state;
	assert_refused("v2:4:8", "8", "only affinity");
	assert_refused("v2:4:affinity:8", "affinity:8", "only affinity");
	assert_refused("v2:4:affinityx", "affinityx", "only affinity");
	assert_refused("v2:4:", "", "only affinity");
}

static void g13_signs_zeros_and_blanks_are_refused(void **state)
{
	(void)state;
	assert_refused("v2:+8", "+8", "plain digits");
	assert_refused("v2:08", "08", "plain digits");
	assert_refused("v2: 8", " 8", "plain digits");
	assert_refused("v2:8 :affinity", "8 ", "plain digits");
	assert_refused("v2:8x", "8x", "plain digits");
	assert_refused("v2:0x8", "0x8", "plain digits");
	assert_refused("v2:8.0", "8.0", "plain digits");
}

static void g14_an_empty_part_is_refused(void **state)
{
	(void)state;
	assert_refused("v2:", "", "1 to 1024");
}

static void g15_a_doubled_colon_is_refused(void **state)
{
	(void)state;
	assert_refused("v2::8", "", "1 to 1024");
	assert_refused("v1::simple", ":simple", "v1:transactional");
}

static void g16_texts_name_the_bad_part(void **state)
{
	(void)state;
	assert_refused("v2:0", "0", "1 to 1024");
	assert_refused("v2:-1", "-1", "1 to 1024");
	assert_refused("v2:abc", "abc", "affinity");
	assert_refused("v1:fast", "fast", "v1:simple or v1:transactional");
	assert_refused("v1:", "", "v1:simple or v1:transactional");
	assert_refused("v1:simple:4", "simple:4", "v1:simple or v1:transactional");
	assert_refused("v1", "v1", "v1:simple");
	assert_refused("invalid", "invalid", "v2:affinity");
	assert_refused("", "", "v2:affinity");
	assert_refused("   ", "", "v2:affinity");
}

static void g17_more_than_1024_are_refused(void **state)
{
	(void)state;
	assert_reads("v2:1024", PROCESSOR_V2, 1024, false, "v2:1024");
	assert_refused("v2:1025", "1025", "1 to 1024");
	assert_refused("v2:4294967297", "4294967297", "1 to 1024");
	assert_refused("v2:18446744073709551617", "18446744073709551617", "1 to 1024");
	char huge[4096];
	memset(huge, '1', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	memcpy(huge, "v2:", 3);
	struct processor p;
	struct err err = {0};
	assert_int_equal(processor_parse(&p, huge, &err), -1);
	assert_non_null(strstr(err.text, "too long"));
}

static void g18_every_value_reads_back(void **state)
{
	(void)state;
	struct processor all[2 + 2 * (PROCESSOR_WORKERS_MAX + 1)] = {
		{.kind = PROCESSOR_V1_SIMPLE}, {.kind = PROCESSOR_V1_TRANSACTIONAL}};
	for (int i = 0; i < 2 * (PROCESSOR_WORKERS_MAX + 1); i++)
		all[2 + i] =
			(struct processor){.kind = PROCESSOR_V2, .workers = i / 2, .affinity = i % 2};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		char text[PROCESSOR_TEXT_MAX];
		processor_print(text, &all[i]);
		assert_reads(text, all[i].kind, all[i].workers, all[i].affinity, text);
	}
}

/* Whatever is accepted of damaged strings is a canonical form but for case and blanks. */
static void g18_nothing_damaged_is_accepted(void **state)
{
	(void)state;
	static const char *const seeds[] = {"v1:simple", "v1:transactional", "v2", "v2:8",
		"v2:affinity", "v2:16:affinity", "v2:1024"};
	static const char bytes[] = "v12:afinitysmplerco0389+-. \tVXA\x80\xff";
	uint64_t random = 18;
	for (int round = 0; round < 20000; round++) {
		char text[40], lower[40], print[PROCESSOR_TEXT_MAX];
		snprintf(text, sizeof text, "%s", seeds[hash_next(&random) % 7]);
		for (uint64_t n = hash_next(&random) % 3; n < 3; n++) {
			size_t len = strlen(text), at = hash_next(&random) % (len + 1);
			char byte = bytes[hash_next(&random) % (sizeof bytes - 1)];
			if (hash_next(&random) % 3 == 0 && at < len)
				memmove(text + at, text + at + 1, len - at);
			else if (at < len && hash_next(&random) % 2)
				text[at] = byte;
			else if (len + 2 < sizeof text) {
				memmove(text + at + 1, text + at, len - at + 1);
				text[at] = byte;
			}
		}
		struct processor p;
		struct err err = {0};
		if (processor_parse(&p, text, &err) < 0) {
			assert_int_equal(err.code, ERR_CONFIG);
			continue;
		}
		size_t from = strspn(text, " \t"), len = strcspn(text + from, " \t");
		for (size_t i = 0; i < len; i++) {
			char c = text[from + i];
			lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
		}
		lower[len] = '\0';
		processor_print(print, &p);
		assert_string_equal(lower, print);
	}
}

static void hostile_text_is_cleaned_in_the_error(void **state)
{
	(void)state;
	struct processor p;
	struct err err = {0};
	assert_int_equal(processor_parse(&p, "v2:\x1b[2J", &err), -1);
	assert_null(strchr(err.text, '\x1b'));
}

static void workers_are_the_cores_within_the_bound(void **state)
{
	(void)state;
	struct processor p = {.kind = PROCESSOR_V2};
	assert_int_equal(processor_workers(&p, 6), 6);
	assert_int_equal(processor_workers(&p, 4096), PROCESSOR_WORKERS_MAX);
	p.workers = 3;
	assert_int_equal(processor_workers(&p, 6), 3);
	p = (struct processor){.kind = PROCESSOR_V1_SIMPLE};
	assert_int_equal(processor_workers(&p, 6), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(g1_v1_simple),
		cmocka_unit_test(g2_capitals),
		cmocka_unit_test(g3_blanks_around),
		cmocka_unit_test(g4_v1_transactional),
		cmocka_unit_test(g5_v2),
		cmocka_unit_test(g6_v2_with_workers),
		cmocka_unit_test(g7_v2_with_affinity),
		cmocka_unit_test(g8_v2_with_both),
		cmocka_unit_test(g9_one_order_only),
		cmocka_unit_test(g10_v2x_is_refused),
		cmocka_unit_test(g11_v20_is_refused),
		cmocka_unit_test(g12_a_second_count_is_refused),
		cmocka_unit_test(g13_signs_zeros_and_blanks_are_refused),
		cmocka_unit_test(g14_an_empty_part_is_refused),
		cmocka_unit_test(g15_a_doubled_colon_is_refused),
		cmocka_unit_test(g16_texts_name_the_bad_part),
		cmocka_unit_test(g17_more_than_1024_are_refused),
		cmocka_unit_test(g18_every_value_reads_back),
		cmocka_unit_test(g18_nothing_damaged_is_accepted),
		cmocka_unit_test(hostile_text_is_cleaned_in_the_error),
		cmocka_unit_test(workers_are_the_cores_within_the_bound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
