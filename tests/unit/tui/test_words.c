/* Tests of words: a command line without a shell. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/words.h"

#include <stdlib.h>
#include <string.h>

static void words_and_quotes(void **state)
{
	(void)state;
	static const struct {
		const char *line, *words[5];
	} rows[] = {
		{"cat", {"cat"}},
		{"  python3\tworker.py \n", {"python3", "worker.py"}},
		{"a 'b c' \"d e\"", {"a", "b c", "d e"}},
		{"a '' \"\"", {"a", "", ""}},
		{"a b'c'\"d\"\\ e", {"a", "bcd e"}},
		{"a '\\n\"$HOME*' ", {"a", "\\n\"$HOME*"}},
		{"a \"\\\"\\\\\\n'\"", {"a", "\"\\\\n'"}},
		{"a \\\\ \\' \\\"", {"a", "\\", "'", "\""}},
		{"a $HOME `ls` ;|&", {"a", "$HOME", "`ls`", ";|&"}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct words w;
		struct err err = {0};
		int count = 0;
		if (words_read(&w, rows[i].line, &err) < 0)
			fail_msg("%s: %s", rows[i].line, err.text);
		for (; count < 5 && rows[i].words[count]; count++)
			assert_string_equal(w.word[count], rows[i].words[count]);
		assert_int_equal(w.count, count);
		assert_null(w.word[count]);
		words_free(&w);
	}
}

static void what_has_no_end_is_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"", "  ", "a 'b", "a \"b", "a \"b\\\"", "a \\", "'", "''", "'a'\\", "\"\" a"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct words w;
		struct err err = {0};
		if (words_read(&w, lines[i], &err) == 0)
			fail_msg("'%s' was taken", lines[i]);
		assert_int_equal(err.code, ERR_USAGE);
		words_free(&w);
	}
}

static void at_most_64_words(void **state)
{
	(void)state;
	char line[200] = "";
	struct words w;
	struct err err = {0};
	for (int i = 0; i < WORDS_MAX; i++)
		strncat(line, "a ", 3);
	assert_int_equal(words_read(&w, line, &err), 0);
	assert_int_equal(w.count, WORDS_MAX);
	assert_null(w.word[WORDS_MAX]);
	words_free(&w);
	strncat(line, "a", 2);
	assert_int_equal(words_read(&w, line, &err), -1);
	assert_non_null(strstr(err.text, "64"));
	words_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_quotes),
		cmocka_unit_test(what_has_no_end_is_refused),
		cmocka_unit_test(at_most_64_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
