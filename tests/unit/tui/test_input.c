/* Bytes as keys: the forms of every terminal, cut anywhere; nothing inside a sequence or a
 * paste ever becomes a key. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/input.h"
#include "tui/term.h"

#include <string.h>

#define KEYS_MAX 64

static const struct {
	const char *bytes;
	uint32_t keys[4];
} rows[] = {
	{"a", {'a'}},
	{"H", {'H'}},
	{"\r", {KEYS_ENTER}},
	{"\n", {KEYS_ENTER}},
	{"\t", {KEYS_TAB}},
	{"\x7f", {KEYS_BACKSPACE}},
	{"\b", {KEYS_BACKSPACE}},
	{"\x0c", {KEYS_CTRL('l')}},
	{"\033[A", {KEYS_UP}},
	{"\033OA", {KEYS_UP}},
	{"\033[B", {KEYS_DOWN}},
	{"\033OB", {KEYS_DOWN}},
	{"\033[C", {KEYS_RIGHT}},
	{"\033OC", {KEYS_RIGHT}},
	{"\033[D", {KEYS_LEFT}},
	{"\033OD", {KEYS_LEFT}},
	{"\033[H", {KEYS_HOME}},
	{"\033OH", {KEYS_HOME}},
	{"\033[1~", {KEYS_HOME}},
	{"\033[7~", {KEYS_HOME}},
	{"\033[F", {KEYS_END}},
	{"\033OF", {KEYS_END}},
	{"\033[4~", {KEYS_END}},
	{"\033[8~", {KEYS_END}},
	{"\033[5~", {KEYS_PGUP}},
	{"\033[6~", {KEYS_PGDN}},
	{"\033[3~", {KEYS_DELETE}},
	{"\033[Z", {KEYS_BACKTAB}},
	{"\033OP", {KEYS_F1}},
	{"\033[11~", {KEYS_F1}},
	{"\033[[A", {KEYS_F1}},
	{"\033[15~", {KEYS_F5}},
	{"\033[[E", {KEYS_F5}},
	{"\033OM", {KEYS_ENTER}},
	{"\u00e9", {0xe9}},
	{"\u6f22y", {0x6f22, 'y'}},
	{"\U0001f600", {0x1f600}},
	/* swallowed whole */
	{"\033x", {KEYS_UNKNOWN}},
	{"\033Hy", {KEYS_UNKNOWN, 'y'}},
	{"\033\r", {KEYS_UNKNOWN}},
	{"\033\u00e9", {KEYS_UNKNOWN}},
	{"\033[1;5A", {KEYS_UNKNOWN}},
	{"\033[1;2Hq", {KEYS_UNKNOWN, 'q'}},
	{"\033O5R", {KEYS_UNKNOWN}},
	{"\033[<0;10;5M", {KEYS_UNKNOWN}},
	{"\033[?62;1;6c", {KEYS_UNKNOWN}},
	{"\033[I", {KEYS_UNKNOWN}},
	{"\033[201~", {KEYS_UNKNOWN}},
	{"\033[[H", {KEYS_UNKNOWN}},
	{"\033[99999999999999999999999999A", {KEYS_UNKNOWN}},
	{"\033]11;rgb:0000/0000/0000\033\\", {KEYS_UNKNOWN}},
	{"\033]11;rgb:H/S/R\ay", {KEYS_UNKNOWN, 'y'}},
	{"\033P1$r0m\033\\", {KEYS_UNKNOWN}},
	{"\033[200~HSRy\r\033[A\033[201\033[201~z", {KEYS_PASTE, 'z'}},
	{"\033[200~\033\033[201~", {KEYS_PASTE}},
	{"\033[200~\033[201~", {KEYS_PASTE}},
	/* begun anew or cut off by a control */
	{"\033\033[A", {KEYS_ESC, KEYS_UP}},
	{"\033[1\033[A", {KEYS_UP}},
	{"\033[1\030A", {KEYS_UNKNOWN, 'A'}},
	/* what is not UTF-8 vanishes */
	{"\xc3y", {'y'}},
	{"\x80\xff\xfey", {'y'}},
	{"\xc0\xc1\xe0\x9f\xbfy", {'y'}},
	{"\xed\xa0\x80y", {'y'}},
	{"\xf4\x90\x80\x80y", {'y'}},
	/* Esc and [ as one character */
	{"\xc2\x9b"
	 "Ay",
		{KEYS_UP, 'y'}},
	{"\xc2\x85y", {'y'}},
	{"\xe6\xbc\033[A", {KEYS_UP}},
};

/* Feeds bytes at one moment, then lets time pass; the keys that came, 0-terminated. */
static void keys_of(const char *bytes, size_t len, uint32_t out[KEYS_MAX])
{
	struct input in = {0};
	size_t count = 0;
	uint32_t key;
	for (size_t i = 0; i < len; i++)
		if ((key = input_byte(&in, (unsigned char)bytes[i], 1000)) != KEY_NONE)
			out[count++] = key;
	assert_int_equal(input_idle(&in, 1000), KEY_NONE);
	if ((key = input_idle(&in, 9000)) != KEY_NONE)
		out[count++] = key;
	assert_int_equal(in.state, INPUT_GROUND);
	assert_int_equal(input_due_ms(&in), -1);
	out[count] = KEY_NONE;
}

static void every_form_is_its_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t keys[KEYS_MAX];
		keys_of(rows[i].bytes, strlen(rows[i].bytes), keys);
		for (int k = 0; k == 0 || rows[i].keys[k - 1] != KEY_NONE; k++)
			if (keys[k] != rows[i].keys[k])
				fail_msg("row %zu (\"%s\"): key %d is %x", i, rows[i].bytes + 1, k, keys[k]);
	}
}

/* A sequence without its end is one unknown key, never the letters in it. */
static void a_cut_sequence_is_one_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].bytes[0] != '\033' || rows[i].bytes[1] == '\033')
			continue;
		for (size_t len = 1; len < strlen(rows[i].bytes); len++) {
			uint32_t keys[KEYS_MAX];
			keys_of(rows[i].bytes, len, keys);
			if (len == 1)
				assert_int_equal(keys[0], KEYS_ESC);
			assert_true(keys[0] == KEY_NONE || keys[0] > KEY_SPECIAL);
		}
	}
}

static void esc_alone_takes_its_time(void **state)
{
	(void)state;
	struct input in = {0};
	assert_int_equal(input_byte(&in, 0x1b, 5000), KEY_NONE);
	assert_int_equal(input_due_ms(&in), 5100);
	assert_int_equal(input_idle(&in, 5099), KEY_NONE);
	assert_int_equal(input_idle(&in, 5100), KEYS_ESC);
	assert_int_equal(input_idle(&in, 9999), KEY_NONE);
	assert_int_equal(input_byte(&in, '[', 5101), '[');

	assert_int_equal(input_byte(&in, 0x1b, 6000), KEY_NONE);
	assert_int_equal(input_byte(&in, '[', 6090), KEY_NONE);
	assert_int_equal(input_idle(&in, 6150), KEY_NONE);
	assert_int_equal(input_byte(&in, 'A', 6150), KEYS_UP);
}

static void a_paste_without_end_gives_the_keys_back(void **state)
{
	(void)state;
	struct input in = {0};
	const char *bytes = "\033[200~rm -rf H S R y";
	for (; *bytes != '\0'; bytes++)
		assert_int_equal(input_byte(&in, (unsigned char)*bytes, 100), KEY_NONE);
	assert_int_equal(input_idle(&in, 1099), KEY_NONE);
	assert_int_equal(input_idle(&in, 1100), KEYS_PASTE);
	assert_int_equal(input_byte(&in, 'H', 1101), 'H');
}

/* X(what the terminal says, asked for its background) */
static const struct {
	const char *bytes;
	enum input_ground ground;
} answers[] = {
	{"\033]11;rgb:ffff/ffff/ffff\a", INPUT_LIGHT},
	{"\033]11;rgb:ffff/ffff/ffff\033\\", INPUT_LIGHT},
	{"\033]11;rgb:FD/F6/E3\a", INPUT_LIGHT},
	{"\033]11;rgb:f/f/0\a", INPUT_LIGHT},
	{"\033]11;rgb:0000/0000/0000\a", INPUT_DARK},
	{"\033]11;rgb:00/00/ff\a", INPUT_DARK},
	{"\xc2\x9d"
	 "11;rgb:ffff/ffff/ffff\a",
		INPUT_LIGHT},
	{"\033]11;rgb:HSRy/ffff/ffff\a", INPUT_GROUND_UNKNOWN},
	{"\033]11;rgb:fffff/ffff/ffff\a", INPUT_GROUND_UNKNOWN},
	{"\033]11;rgb:ffff/ffff/ffff/ffff\a", INPUT_GROUND_UNKNOWN},
	{"\033]11;rgb:ffff//ffff\a", INPUT_GROUND_UNKNOWN},
	{"\033]11;rgb:ffff/ffff\a", INPUT_GROUND_UNKNOWN},
	{"\033]11;rgb:\a", INPUT_GROUND_UNKNOWN},
	{"\033]11;\a", INPUT_GROUND_UNKNOWN},
	{"\033]11;HSRyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\a",
		INPUT_GROUND_UNKNOWN},
	{"\033]11;rgb:ffff/ffff/ffff,,,,,,,,,,,,,,,,,,,,,,\a", INPUT_GROUND_UNKNOWN},
};

/* Whole, cut off, or in two pieces with most of a second between them, from its second byte on:
 * never a key. */
static void an_answer_is_no_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		const char *bytes = answers[i].bytes;
		const size_t len = strlen(bytes);
		for (size_t cut = 2; cut < len; cut++) {
			struct input in = {0};
			input_ask(&in, 5000);
			for (size_t k = 0; k < len; k++) {
				int64_t now_ms = k < cut ? 1000 : 1900;
				assert_int_equal(input_idle(&in, now_ms), KEY_NONE);
				assert_int_equal(input_byte(&in, (unsigned char)bytes[k], now_ms), KEY_NONE);
			}
			if (in.ground != answers[i].ground)
				fail_msg("row %zu: %d", i, in.ground);
			assert_int_equal(in.state, INPUT_GROUND);
			assert_int_equal(input_byte(&in, 'H', 2000), 'H');
			/* the end never comes */
			struct input lost = {0};
			input_ask(&lost, 5000);
			for (size_t k = 0; k < cut; k++)
				assert_int_equal(input_byte(&lost, (unsigned char)bytes[k], 1000), KEY_NONE);
			assert_int_equal(input_idle(&lost, 2000), KEY_NONE);
			assert_int_equal(input_byte(&lost, 'H', 2001), 'H');
			assert_int_equal(lost.ground, INPUT_GROUND_UNKNOWN);
		}
	}
}

/* Torn after its first byte, which is Esc to whoever waits for one: the rest is still no key. */
static void an_answer_after_its_esc_is_no_key(void **state)
{
	(void)state;
	struct input in = {0};
	input_ask(&in, 5000);
	assert_int_equal(input_byte(&in, '\033', 1000), KEY_NONE);
	assert_int_equal(input_idle(&in, 1100), KEYS_ESC);
	for (const char *b = answers[0].bytes + 1; *b; b++)
		assert_int_equal(input_byte(&in, (unsigned char)*b, 1900), KEY_NONE);
	assert_int_equal(in.ground, INPUT_LIGHT);
	/* answered: what follows are keys again */
	assert_int_equal(input_byte(&in, '\033', 2000), KEY_NONE);
	assert_int_equal(input_idle(&in, 2100), KEYS_ESC);
	assert_int_equal(input_byte(&in, ']', 2101), ']');
	assert_int_equal(input_byte(&in, '\033', 2200), KEY_NONE);
	assert_int_equal(input_byte(&in, ']', 2200), KEY_NONE);
	assert_int_equal(input_idle(&in, 2300), KEYS_UNKNOWN);
}

/* While an answer is out, Esc, ] and the next key are a person's where they do not go on as one. */
static void keys_beside_a_question_are_keys(void **state)
{
	(void)state;
	struct input in = {0};
	input_ask(&in, 5000);
	assert_int_equal(input_byte(&in, '\033', 1000), KEY_NONE);
	assert_int_equal(input_idle(&in, 1099), KEY_NONE);
	assert_int_equal(input_idle(&in, 1100), KEYS_ESC);
	assert_int_equal(input_byte(&in, ']', 1300), KEY_NONE);
	assert_int_equal(input_idle(&in, 1399), KEY_NONE);
	assert_int_equal(input_idle(&in, 1400), ']');
	assert_int_equal(input_byte(&in, ']', 1500), ']');
	assert_int_equal(input_byte(&in, '\033', 2000), KEY_NONE);
	assert_int_equal(input_idle(&in, 2100), KEYS_ESC);
	assert_int_equal(input_byte(&in, ']', 2101), KEY_NONE);
	assert_int_equal(input_byte(&in, 'H', 2102), 'H');
	assert_int_equal(input_byte(&in, '\033', 3000), KEY_NONE);
	assert_int_equal(input_byte(&in, 'O', 3000), KEY_NONE);
	assert_int_equal(input_idle(&in, 3100), KEYS_UNKNOWN);
	assert_int_equal(input_byte(&in, ']', 3101), ']');
	/* Alt and ] when it can be none any more */
	assert_int_equal(input_byte(&in, '\033', 6000), KEY_NONE);
	assert_int_equal(input_byte(&in, ']', 6000), KEY_NONE);
	assert_int_equal(input_idle(&in, 6100), KEYS_UNKNOWN);
}

static void a_late_answer_changes_nothing(void **state)
{
	(void)state;
	struct input in = {0};
	input_ask(&in, 5000);
	for (const char *b = answers[0].bytes; *b; b++)
		assert_int_equal(input_byte(&in, (unsigned char)*b, 5001), KEY_NONE);
	assert_int_equal(in.ground, INPUT_GROUND_UNKNOWN);
	input_drop(&in);
	assert_true(in.asked);
}

static void no_bytes_break_it(void **state)
{
	(void)state;
	struct input in = {0};
	uint32_t seed = 3;
	for (int i = 0; i < 200000; i++) {
		seed = seed * 1664525 + 1013904223;
		unsigned char byte = (unsigned char)(seed >> 24);
		if (seed % 5 == 0)
			byte = (unsigned char)"\033[]O0;~\\"[(seed >> 8) % 8];
		uint32_t key = input_byte(&in, byte, i);
		assert_true(key < KEY_SPECIAL || key <= KEYS_UNKNOWN);
		if (seed % 97 == 0)
			input_idle(&in, i + 5000);
	}
	input_idle(&in, 1000000);
	assert_int_equal(in.state, INPUT_GROUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_its_key),
		cmocka_unit_test(a_cut_sequence_is_one_key),
		cmocka_unit_test(esc_alone_takes_its_time),
		cmocka_unit_test(a_paste_without_end_gives_the_keys_back),
		cmocka_unit_test(an_answer_is_no_key),
		cmocka_unit_test(an_answer_after_its_esc_is_no_key),
		cmocka_unit_test(keys_beside_a_question_are_keys),
		cmocka_unit_test(a_late_answer_changes_nothing),
		cmocka_unit_test(no_bytes_break_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
