/* Themes: every role has a look, wrong files say where, and colours can be told apart from
 * their ground. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/palette.h"
#include "tui/theme.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void letters_are_unique(void **state)
{
	(void)state;
	bool seen[128] = {false};
	for (int r = 0; r < ROLE_COUNT; r++) {
		char letter = role_letter((enum role)r);
		assert_true(letter > ' ' && letter < 127);
		assert_false(seen[(int)letter]);
		seen[(int)letter] = true;
		assert_true(strlen(role_word((enum role)r)) > 0);
		for (int other = 0; other < r; other++)
			assert_string_not_equal(role_word((enum role)r), role_word((enum role)other));
	}
}

static void parents_come_first(void **state)
{
	(void)state;
#define X(name, word, letter, parent) \
	assert_true(ROLE_##parent < ROLE_##name || ROLE_##name == ROLE_TEXT);
	ROLE_INFO(X)
#undef X
}

static void a_role_left_out_inherits(void **state)
{
	(void)state;
	struct theme t;
	struct err err = {0};
	assert_int_equal(theme_parse(&t,
						 "# all\n\nwarn 226 default bold,underline # look\n"
						 "text 7 0\n",
						 "some/where/mine.theme", &err),
		0);
	assert_string_equal(t.name, "mine");
	assert_int_equal(t.style[ROLE_WARN].fg, 226);
	assert_int_equal(t.style[ROLE_WARN].bg, -1);
	assert_int_equal(t.style[ROLE_WARN].attrs, STYLE_BOLD | STYLE_UNDERLINE);
	assert_memory_equal(&t.style[ROLE_LIMIT], &t.style[ROLE_WARN], sizeof t.style[0]);
	assert_int_equal(t.style[ROLE_OK].fg, 7);
	assert_int_equal(t.style[ROLE_SHEET_TITLE].bg, 0); /* by title, strong and text */
	assert_false(t.braille);
	assert_int_equal(theme_parse(&t, "braille on", "x", &err), 0);
	assert_true(t.braille);
	assert_int_equal(t.style[ROLE_FAIL].fg, -1);
}

static void errors_name_the_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"ok 75 default\nwran 1 2\n", "f:2: unknown role \"wran\"; did you mean \"warn\""},
		{"zzzzzz 1 2", "f:1: unknown role \"zzzzzz\"; weir-theme(5) lists them"},
		{"\n\nok 256 default", "f:3: unknown colour \"256\"; it is default or 0 to 255"},
		{"ok -1 default", "f:1: unknown colour \"-1\""},
		{"ok 1 red", "f:1: unknown colour \"red\""},
		{"ok 1 2 blod", "f:1: unknown attribute \"blod\"; did you mean \"bold\""},
		{"ok 1 2 bold,blink", "f:1: unknown attribute \"blink\""},
		{"ok 1", "f:1: \"ok\" takes a foreground"},
		{"ok", "f:1: \"ok\" takes a foreground"},
		{"ok 1 2 bold dim", "f:1: \"ok\" takes a foreground"},
		{"ok 1 2\n# x\nok 1 2", "f:3: \"ok\" is given twice; first in line 1"},
		{"braille maybe", "f:1: \"braille\" takes on or off"},
		{"braille on\nbraille off", "f:2: \"braille\" is given twice; first in line 1"},
		{"ok 1 2 \033[31m", "f:1: unknown attribute \"^[[31m\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct theme t, before;
		struct err err = {0};
		memset(&t, 0x5a, sizeof t);
		before = t;
		assert_int_equal(theme_parse(&t, rows[i].text, "f", &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		assert_memory_equal(err.text, rows[i].says, strlen(rows[i].says));
		assert_memory_equal(&t, &before, sizeof t);
	}
	char line[400];
	memset(line, ' ', sizeof line);
	line[sizeof line - 1] = '\0';
	struct theme t;
	struct err err = {0};
	assert_int_equal(theme_parse(&t, line, "f", &err), -1);
	assert_non_null(strstr(err.text, "f:1: the line is longer"));
}

static void dark_is_embedded_and_equals_its_file(void **state)
{
	(void)state;
	static const char *const none[] = {NULL};
	static const char *const dirs[] = {"/nonexistent", "themes", NULL};
	struct theme dark, file, mono;
	struct err err = {0};
	assert_int_equal(theme_load(&dark, "dark", none, &err), 0);
	assert_string_equal(dark.name, "dark");
	assert_int_equal(dark.style[ROLE_OK].fg, 75);
	assert_int_equal(dark.style[ROLE_WARN].fg, 226);
	assert_int_equal(dark.style[ROLE_FAIL].fg, 197);
	assert_true((dark.style[ROLE_FAIL].attrs & STYLE_BOLD) != 0);
	assert_true((dark.style[ROLE_MARK].attrs & STYLE_REVERSE) != 0);
	assert_int_equal(theme_load(&file, "themes/dark.theme", none, &err), 0);
	assert_memory_equal(file.style, dark.style, sizeof dark.style);
	assert_int_equal(theme_load(&mono, "mono", dirs, &err), 0);
	for (int r = 0; r < ROLE_COUNT; r++)
		assert_true(mono.style[r].fg == -1 && mono.style[r].bg == -1);
	assert_true((mono.style[ROLE_MARK].attrs & STYLE_REVERSE) != 0);
}

static void what_cannot_be_loaded_says_why(void **state)
{
	(void)state;
	static const char *const dirs[] = {"/nonexistent", "themes", NULL};
	struct theme t;
	struct err err = {0};
	assert_int_equal(theme_load(&t, "neon", dirs, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
	assert_string_equal(err.text,
		"theme \"neon\" was not found: it is not dark, "
		"not \"/nonexistent/neon.theme\", not \"themes/neon.theme\"");
	assert_int_equal(theme_load(&t, "./none.theme", dirs, &err), -1);
	assert_int_equal(err.code, ERR_FILE);
	assert_int_equal(theme_load(&t, "a b", dirs, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_int_equal(theme_load(&t, "", dirs, &err), -1);
	assert_int_equal(theme_load(&t, "themes/", dirs, &err), -1);

	char path[] = "/tmp/weir-theme-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "ok 1 2\n\0warn 3 4\n", 17), 17);
	assert_int_equal(theme_load(&t, path, dirs, &err), -1);
	assert_non_null(strstr(err.text, "NUL byte"));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, 70000), 0);
	assert_int_equal(theme_load(&t, path, dirs, &err), -1);
	assert_non_null(strstr(err.text, "larger than"));
	close(fd);
	unlink(path);
}

static double luminance(short colour, const int otherwise[3])
{
	static const double weight[] = {0.2126, 0.7152, 0.0722};
	int rgb[3];
	double sum = 0;
	if (colour < 0)
		memcpy(rgb, otherwise, sizeof rgb);
	else
		palette_rgb(colour, rgb);
	for (int i = 0; i < 3; i++) {
		double part = rgb[i] / 255.0;
		sum += weight[i] * (part <= 0.03928 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4));
	}
	return sum;
}

/* WCAG 2's contrast, on a black terminal with light grey text. */
static void dark_can_be_read(void **state)
{
	(void)state;
	static const int black[3] = {0, 0, 0}, grey[3] = {229, 229, 229};
	static const char *const none[] = {NULL};
	struct theme t;
	assert_int_equal(theme_load(&t, "dark", none, NULL), 0);
	for (int r = 0; r < ROLE_COUNT; r++) {
		double a = luminance(t.style[r].fg, grey), b = luminance(t.style[r].bg, black);
		double contrast = (fmax(a, b) + 0.05) / (fmin(a, b) + 0.05);
		if (contrast < 4.5)
			fail_msg("role %s has contrast %.1f", role_word((enum role)r), contrast);
	}
}

static void fewer_colours_come_near(void **state)
{
	(void)state;
	static const struct {
		int colour, nearest;
	} rows[] = {{75, 6}, {226, 3}, {197, 1}, {245, 7}, {236, 0}, {231, 7}, {16, 0}, {21, 4},
		{46, 2}, {201, 5}, {1, 1}, {12, 4}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(palette_nearest_of_8(rows[i].colour), rows[i].nearest);
	int rgb[3];
	palette_rgb(197, rgb);
	assert_true(rgb[0] == 255 && rgb[1] == 0 && rgb[2] == 95);
	palette_rgb(255, rgb);
	assert_true(rgb[0] == 238 && rgb[1] == 238 && rgb[2] == 238);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_are_unique),
		cmocka_unit_test(parents_come_first),
		cmocka_unit_test(a_role_left_out_inherits),
		cmocka_unit_test(errors_name_the_line),
		cmocka_unit_test(dark_is_embedded_and_equals_its_file),
		cmocka_unit_test(what_cannot_be_loaded_says_why),
		cmocka_unit_test(dark_can_be_read),
		cmocka_unit_test(fewer_colours_come_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
