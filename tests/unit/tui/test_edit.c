/* A line being typed: the keys that move and cut, and what cannot be typed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tui/edit.h"
#include "tui/term.h"

#include <string.h>

static void type(struct edit *e, const char *text)
{
	size_t len = strlen(text);
	while (len > 0) {
		uint32_t point;
		int used = text_decode(text, len, &point);
		assert_true(used > 0);
		assert_true(edit_key(e, point));
		text += used;
		len -= (size_t)used;
	}
}

static void press(struct edit *e, uint32_t key, int times)
{
	for (int i = 0; i < times; i++)
		assert_true(edit_key(e, key));
}

static void assert_line(const struct edit *e, const char *text, size_t at)
{
	assert_string_equal(e->text, text);
	assert_int_equal(e->len, strlen(text));
	assert_int_equal(e->at, at);
}

static void typing_inserts_at_the_cursor(void **state)
{
	(void)state;
	struct edit e;
	edit_clear(&e);
	type(&e, "step 5%");
	press(&e, KEYS_LEFT, 2);
	type(&e, "2");
	assert_line(&e, "step 25%", 6);
	press(&e, KEYS_HOME, 1);
	type(&e, ":");
	assert_line(&e, ":step 25%", 1);
	press(&e, KEYS_END, 1);
	press(&e, KEYS_RIGHT, 3);
	assert_line(&e, ":step 25%", 9);
	press(&e, KEYS_CTRL('a'), 1);
	press(&e, KEYS_LEFT, 1);
	assert_line(&e, ":step 25%", 0);
	press(&e, KEYS_CTRL('e'), 1);
	assert_line(&e, ":step 25%", 9);
	edit_clear(&e);
	assert_line(&e, "", 0);
}

static void cutting(void **state)
{
	(void)state;
	struct edit e;
	edit_set(&e, "one two  three");
	press(&e, KEYS_CTRL('w'), 1);
	assert_line(&e, "one two  ", 9);
	press(&e, KEYS_CTRL('w'), 1);
	assert_line(&e, "one ", 4);
	press(&e, KEYS_BACKSPACE, 2);
	assert_line(&e, "on", 2);
	press(&e, KEYS_DELETE, 1);
	assert_line(&e, "on", 2);
	press(&e, KEYS_HOME, 1);
	press(&e, KEYS_BACKSPACE, 1);
	press(&e, KEYS_CTRL('w'), 1);
	assert_line(&e, "on", 0);
	press(&e, KEYS_DELETE, 1);
	assert_line(&e, "n", 0);
	edit_set(&e, "abcdef");
	press(&e, KEYS_LEFT, 2);
	press(&e, KEYS_CTRL('k'), 1);
	assert_line(&e, "abcd", 4);
	press(&e, KEYS_LEFT, 1);
	press(&e, KEYS_CTRL('u'), 1);
	assert_line(&e, "d", 0);
}

static void characters_are_moved_over_whole(void **state)
{
	(void)state;
	struct edit e;
	edit_set(&e, "a\u00e9e\u0301\u6f22");
	assert_int_equal(e.at, 9);
	press(&e, KEYS_LEFT, 1);
	assert_int_equal(e.at, 6);
	press(&e, KEYS_LEFT, 1); /* with its mark */
	assert_int_equal(e.at, 3);
	press(&e, KEYS_LEFT, 1);
	assert_int_equal(e.at, 1);
	press(&e, KEYS_RIGHT, 2);
	assert_int_equal(e.at, 6);
	press(&e, KEYS_BACKSPACE, 1);
	assert_line(&e, "a\u00e9\u6f22", 3);
	press(&e, KEYS_DELETE, 1);
	assert_line(&e, "a\u00e9", 3);
}

static void what_hides_cannot_be_typed(void **state)
{
	(void)state;
	struct edit e;
	edit_set(&e, "ab");
	static const uint32_t hidden[] = {0x202e, 0x200b, 0x9b, 0xfeff, 0xe0041};
	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
		assert_true(edit_key(&e, hidden[i]));
	assert_line(&e, "ab", 2);
	edit_set(&e, "x\033[1m\xff");
	assert_line(&e, "x^[[1m<FF>", 10);
}

static void other_keys_mean_nothing(void **state)
{
	(void)state;
	struct edit e;
	edit_set(&e, "ab");
	static const uint32_t keys[] = {KEY_NONE, KEYS_ENTER, KEYS_ESC, KEYS_TAB, KEYS_UP,
		KEYS_PASTE, KEYS_UNKNOWN, KEYS_F1, KEYS_CTRL('c'), KEYS_CTRL('l'), 0x7f, 0xd800};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		assert_false(edit_key(&e, keys[i]));
	assert_line(&e, "ab", 2);
}

static void a_full_line_takes_no_more(void **state)
{
	(void)state;
	struct edit e;
	edit_clear(&e);
	for (int i = 0; i < 1000; i++)
		assert_true(edit_key(&e, i % 2 == 0 ? 0x6f22 : 'x'));
	assert_true(e.len < EDIT_MAX);
	assert_true(text_valid(e.text, e.len));
	assert_int_equal(strlen(e.text), e.len);
	char big[600];
	memset(big, 'y', sizeof big);
	big[sizeof big - 1] = '\0';
	edit_set(&e, big);
	assert_int_equal(e.len, EDIT_MAX - 1);
}

static void random_keys_keep_it_sound(void **state)
{
	(void)state;
	static const uint32_t keys[] = {'a', ' ', 0xe9, 0x6f22, 0x301, 0x1f600, 0x202e, KEYS_LEFT,
		KEYS_LEFT, KEYS_RIGHT, KEYS_HOME, KEYS_END, KEYS_BACKSPACE, KEYS_DELETE, KEYS_CTRL('w'),
		KEYS_CTRL('k'), 'b', 0x301, 'c'};
	struct edit e;
	edit_clear(&e);
	uint32_t seed = 7;
	for (int i = 0; i < 20000; i++) {
		seed = seed * 1664525 + 1013904223;
		assert_true(edit_key(&e, keys[(seed >> 16) % (sizeof keys / sizeof keys[0])]));
		char clean[2 * EDIT_MAX];
		text_clean(clean, sizeof clean, e.text, e.len);
		assert_string_equal(clean, e.text);
		assert_true(e.at <= e.len && e.len < EDIT_MAX && e.text[e.len] == '\0');
		uint32_t point;
		if (e.at > 0 && e.at < e.len) {
			assert_true(text_decode(e.text + e.at, e.len - e.at, &point) > 0);
			assert_true(text_columns(point) > 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typing_inserts_at_the_cursor),
		cmocka_unit_test(cutting),
		cmocka_unit_test(characters_are_moved_over_whole),
		cmocka_unit_test(what_hides_cannot_be_typed),
		cmocka_unit_test(other_keys_mean_nothing),
		cmocka_unit_test(a_full_line_takes_no_more),
		cmocka_unit_test(random_keys_keep_it_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
