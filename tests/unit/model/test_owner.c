/* Owner: who acts on a guard, and the line that a recorder writes of itself. */
#include "model/owner.h"

#include "model/text.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NOW_MS 1700000000000

static void test_one_owner(void **state)
{
	(void)state;
	static const struct {
		bool plan, pool, held, mine, console;
		int64_t age_ms;
		enum guard_owner owner;
	} rows[] = {
		{false, true, true, false, true, 0, OWNER_NONE},
		{true, true, true, false, true, 0, OWNER_POOL},
		{true, false, true, false, true, 0, OWNER_RECORD},
		{true, false, true, false, true, 2000, OWNER_RECORD},
		{true, false, true, false, true, 2001, OWNER_CONSOLE},
		{true, false, true, false, false, 2001, OWNER_NONE},
		{true, false, true, false, true, -2000, OWNER_RECORD},
		{true, false, true, false, true, -2001, OWNER_CONSOLE}, /* its clock is another */
		{true, false, true, true, true, 60000, OWNER_RECORD},   /* one's own is no news */
		{true, false, false, false, true, 0, OWNER_CONSOLE},    /* the line of one that died */
		{true, false, false, false, false, 0, OWNER_NONE},
	};
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		struct owner_line l = {.held = rows[k].held,
			.mine = rows[k].mine,
			.written_wall_ms = NOW_MS - rows[k].age_ms};
		assert_int_equal(
			owner_of(rows[k].plan, rows[k].pool, &l, NOW_MS, 1000, rows[k].console),
			rows[k].owner);
	}
}

static void test_lines_read_back(void **state)
{
	(void)state;
	struct owner_line in = {.state = GUARD_RED,
		.written_wall_ms = NOW_MS,
		.actor = "kim ops@host",
		.word = "errors 9 % of 5 %"};
	struct owner_line out;
	char line[OWNER_LINE_MAX];
	owner_line_write(line, &in);
	assert_string_equal(line, "weir 1 RED 1700000000000 kim_ops@host errors 9 % of 5 %");
	assert_true(owner_line_read(&out, line));
	assert_int_equal(out.state, GUARD_RED);
	assert_true(out.written_wall_ms == NOW_MS);
	assert_string_equal(out.actor, "kim_ops@host");
	assert_string_equal(out.word, in.word);
	assert_false(out.held || out.mine);
	in.actor[0] = in.word[0] = 0;
	owner_line_write(line, &in);
	assert_true(owner_line_read(&out, line));
	assert_string_equal(out.actor, "");
	assert_string_equal(out.word, "");
}

static void test_lines_that_are_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "weir", "weir 2 RED 1 kim x", "weir 1 ", "weir 1 RED",
		"weir 1 RED 1", "weir 1 RED 1 ", "weir 1 red 1 kim", "weir 1 RED x kim",
		"weir 1 RED -1 kim", "weir 1  1 kim", "weir 1 RED 99999999999999999999 kim",
		"weir 1 VERYLONGSTATEWORD 1 kim", "pid 812"};
	struct owner_line out;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		assert_false(owner_line_read(&out, bad[k]));
	char line[OWNER_LINE_MAX] = "weir 1 RED 1 ";
	memset(line + strlen(line), 'a', 97);
	assert_false(owner_line_read(&out, line));
}

/* The lock's directory is shared: what another wrote there reaches no screen as it is. */
static void test_lines_are_cleaned(void **state)
{
	(void)state;
	struct owner_line out;
	uint64_t seed = 9;
	assert_true(owner_line_read(&out, "weir 1 GREEN 1 \x1b[2J word\r\x1b]0;x\a"));
	for (int run = 0; run < 2000; run++) {
		char line[OWNER_LINE_MAX] = "weir 1 GREEN 1 ";
		size_t len = strlen(line), more = (size_t)seeded_below(&seed, 300);
		for (size_t i = 0; i < more; i++)
			line[len + i] = (char)(1 + seeded_below(&seed, 255));
		line[len + more] = 0;
		if (!owner_line_read(&out, line))
			continue;
		assert_true(text_valid(out.actor, strlen(out.actor)));
		assert_true(text_valid(out.word, strlen(out.word)));
		for (const char *c = out.word; *c; c++)
			assert_true((unsigned char)*c >= ' ');
		for (const char *c = out.actor; *c; c++)
			assert_true((unsigned char)*c >= ' ');
	}
}

static void test_words(void **state)
{
	(void)state;
	for (int o = 0; o < OWNER_COUNT; o++)
		assert_true(owner_name((enum guard_owner)o)[0]);
	assert_string_equal(owner_name(OWNER_RECORD), "record");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_owner),
		cmocka_unit_test(test_lines_read_back),
		cmocka_unit_test(test_lines_that_are_none),
		cmocka_unit_test(test_lines_are_cleaned),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
