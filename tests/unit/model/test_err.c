/* err: the table of codes, and texts that are hostile, long, or made of themselves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/err.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

static void sets_and_returns(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(err_set(&e, ERR_STALE, "pool '%s' is %d s old", "eu", 14), -1);
	assert_int_equal(e.code, ERR_STALE);
	assert_string_equal(e.text, "pool 'eu' is 14 s old");
	assert_int_equal(err_set(NULL, ERR_STALE, "nobody asked"), -1);
}

static void text_is_cleaned(void **state)
{
	(void)state;
	struct err e = {0};
	err_set(&e, ERR_FILE, "cannot read '%s'", "a\x1b[2J\r\n\xE2\x80\xAE\xFFz");
	assert_string_equal(e.text, "cannot read 'a^[[2J^M^J<U+202E><FF>z'");
}

static void text_is_cut_whole(void **state)
{
	(void)state;
	/* Every offset of a three-byte character and of an escape at the cut. */
	for (int pad = 0; pad < 12; pad++) {
		char many[4000];
		size_t len = (size_t)pad;
		memset(many, 'x', len);
		while (len + 8 < sizeof many) {
			memcpy(many + len, pad % 2 ? "\xE2\x82\xAC" : "\xE2\x80\xAE", 3);
			len += 3;
		}
		many[len] = '\0';
		struct err e = {0};
		err_set(&e, ERR_FILE, "%s", many);
		size_t got = strlen(e.text);
		assert_true(got > sizeof e.text - 10 && got < sizeof e.text);
		assert_true(text_valid(e.text, got));
		assert_null(strstr(e.text, "<E2>"));
		if (pad % 2 == 0)
			assert_int_equal(e.text[got - 1], '>');
	}
}

static void cut_behind_dropped_marks(void **state)
{
	(void)state;
	/* Marks are dropped by the cleaner, so the end of a long raw text can come into view. */
	for (int pad = 0; pad < 2; pad++) {
		char many[3001] = "ab";
		size_t len = 1 + (size_t)pad;
		for (; len + 2 < sizeof many; len += 2)
			memcpy(many + len, "\xCC\x81", 2);
		many[len] = '\0';
		struct err e = {0};
		err_set(&e, ERR_FILE, "%s", many);
		assert_int_equal(strlen(e.text), 1 + pad + 8);
		assert_null(strchr(e.text, '<'));
	}
}

static void prefix(void **state)
{
	(void)state;
	struct err e = {0};
	assert_int_equal(err_prefix(&e, "pool '%s'", "eu"), -1);
	assert_string_equal(e.text, "");
	assert_int_equal(err_prefix(NULL, "pool"), -1);
	err_set(&e, ERR_SLOW, "no answer");
	assert_int_equal(err_prefix(&e, "pool '%s\n'", "eu"), -1);
	assert_string_equal(e.text, "pool 'eu^J': no answer");
	assert_int_equal(e.code, ERR_SLOW);
	for (int i = 0; i < 100; i++)
		err_prefix(&e, "p\xC3\xA9");
	assert_true(text_valid(e.text, strlen(e.text)));
	assert_true(strlen(e.text) >= sizeof e.text - 3);
}

static void of_itself(void **state)
{
	(void)state;
	struct err e = {0};
	err_set(&e, ERR_SLOW, "no answer");
	err_set(&e, ERR_FILE, "%s, and then %s", e.text, e.text);
	assert_string_equal(e.text, "no answer, and then no answer");
	err_prefix(&e, "%.2s", e.text);
	assert_string_equal(e.text, "no: no answer, and then no answer");
}

static void table(void **state)
{
	(void)state;
	unsigned n = 0;
	enum err_code before = ERR_NONE, code;
	for (; (code = err_at(n)) != ERR_NONE; n++) {
		char name[8];
		assert_true(code > before); /* unique */
		before = code;
		snprintf(name, sizeof name, "W%03d", (int)code);
		assert_string_equal(err_name(code), name);
		assert_true(strlen(err_title(code)) > 0);
		assert_true(err_title(code)[strlen(err_title(code)) - 1] != '.');
		assert_int_not_equal(err_status(code), EXIT_DONE);
	}
	assert_true(n > 40);
	assert_int_equal(err_at(n + 1000), ERR_NONE);
	assert_string_equal(err_name(ERR_STALE), "W102");
	assert_string_equal(err_name(ERR_USAGE), "W001");
	assert_int_equal(err_status(ERR_UNRESOLVED), EXIT_UNRESOLVED);
	assert_int_equal(err_status(ERR_MEMORY), EXIT_MEMORY);
}

static void outside_the_table(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_NONE), "");
	assert_string_equal(err_title(ERR_NONE), "");
	assert_int_equal(err_status(ERR_NONE), EXIT_DONE);
	assert_string_equal(err_name((enum err_code)9999), "");
	assert_string_equal(err_title((enum err_code)9999), "");
	assert_int_equal(err_status((enum err_code)9999), EXIT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_and_returns),
		cmocka_unit_test(text_is_cleaned),
		cmocka_unit_test(text_is_cut_whole),
		cmocka_unit_test(cut_behind_dropped_marks),
		cmocka_unit_test(prefix),
		cmocka_unit_test(of_itself),
		cmocka_unit_test(table),
		cmocka_unit_test(outside_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
