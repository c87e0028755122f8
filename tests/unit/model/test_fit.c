/* Fit: what may be left out or shortened is, the rest stays; and for any sentence the promises. */
#include "model/fit.h"

#include "model/text.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void assert_fits(const char *sentence, int columns, const char *want)
{
	char s[400];
	text_copy(s, sizeof s, sentence);
	fit(s, sizeof s, columns);
	assert_string_equal(s, want);
}

static void test_what_fits_stays(void **state)
{
	(void)state;
	assert_fits("", 10, "");
	assert_fits("ten column", 10, "ten column");
	assert_fits("held by \1kim@ops1\2. U\3, R\4", 30, "held by kim@ops1. U, R");
}

static void test_what_may_goes_first(void **state)
{
	(void)state;
	assert_fits("held by \1kim@ops1\2. U\3, R\4", 19, "held by kim@ops1. U");
	assert_fits("a\3 b\4\3 c\4", 4, "a b");
	assert_fits("a\3 b\4\3 c\4", 2, "a");
}

static void test_the_widest_is_shortened(void **state)
{
	(void)state;
	assert_fits("\1short one\2 and \1a much longer one\2.", 25, "short one and a much lo….");
	assert_fits("\1short one\2 and \1a much longer one\2.", 21, "short o… and a much….");
	assert_fits("\1a much longer one\2 stays", 2, "a…");
	assert_fits("held by \1a        b and others\2", 18, "held by a…");
}

static void test_the_end_is_cut_with_a_mark(void **state)
{
	(void)state;
	assert_fits("eleven colum", 11, "eleven col…");
	assert_fits("\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 5, "\xe4\xb8\xad\xe4\xb8\xad…");
	assert_fits("\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 4, "\xe4\xb8\xad…");
	assert_fits("abc", 2, "a…");
	assert_fits("abc", 1, "…");
}

/* A half character, and marks that do not pair. */
static void test_what_is_broken(void **state)
{
	(void)state;
	assert_fits("a\xe2\x82", 10, "a");
	assert_fits("\1never ends, and on", 10, "never end…");
	assert_fits("\3never ends, and on", 10, "");
	assert_fits("\2\4\2ab", 10, "ab");
}

/* Rows of a text: whole words where one ends within the row, and always on. */
static void test_words_fill_rows(void **state)
{
	(void)state;
	assert_int_equal(fit_words("", 10), 0);
	assert_int_equal(fit_words("whole words of it", 12), 12);
	assert_int_equal(fit_words("whole words of it", 10), 6);
	assert_int_equal(fit_words("unbreakable", 4), 4);
	assert_int_equal(fit_words("\xe4\xb8\xad\xe4\xb8\xad", 3), 3);
	assert_int_equal(fit_words("\xe4\xb8\xad", 1), 3); /* or there is no end */
	assert_int_equal(fit_words("\xff\xff", 1), 1);
	assert_int_equal(fit_words("\xff", 0), 1);
}

static uint64_t seed;

/* Words, marks, wide and combining characters, in any order. */
static void some_sentence(char *out, size_t size)
{
	static const char *const from[] = {"a", " ", "word ", "\1", "\2", "\3", "\4",
		"\xe4\xb8\xad", "e\xcc\x81", "\xf0\x9f\x98\x80"};
	size_t used = 0;
	out[0] = 0;
	for (int n = (int)seeded_below(&seed, 120); n > 0; n--) {
		const char *s = from[seeded_below(&seed, sizeof from / sizeof *from)];
		if (used + strlen(s) < size)
			used += (size_t)snprintf(out + used, size - used, "%s", s);
	}
}

static void test_any_sentence(void **state)
{
	(void)state;
	int cut = 0;
	seed = 5;
	for (int i = 0; i < 20000; i++) {
		char s[500], plain[500];
		size_t len = 0;
		int columns = 1 + (int)seeded_below(&seed, 80);
		some_sentence(s, sizeof s);
		bool optional = strchr(s, 3) != NULL;
		for (const char *at = s; *at; at++)
			if (*at < 0 || *at > 4)
				plain[len++] = *at;
		plain[len] = 0;
		fit(s, sizeof s, columns);
		assert_true(text_valid(s, strlen(s)));
		assert_true(text_width(s) <= columns);
		assert_null(strpbrk(s, "\1\2\3\4"));
		if (text_width(plain) <= columns)
			assert_string_equal(s, plain);
		else if (!optional)
			assert_non_null(strstr(s, FIT_MARK)); /* what is missing is seen to be */
		cut += strstr(s, FIT_MARK) != NULL;
	}
	assert_true(cut > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_fits_stays),
		cmocka_unit_test(test_what_may_goes_first),
		cmocka_unit_test(test_the_widest_is_shortened),
		cmocka_unit_test(test_the_end_is_cut_with_a_mark),
		cmocka_unit_test(test_what_is_broken),
		cmocka_unit_test(test_words_fill_rows),
		cmocka_unit_test(test_any_sentence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
