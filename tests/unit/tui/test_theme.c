/* Themes: every role has a look, wrong files say where, and a terminal gets one that it can
 * show. How colours look is test_contrast.c's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/palette.h"
#include "tui/theme.h"

#include <ctype.h>
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
		{"inherit neon", "f:1: \"inherit\" takes a built-in theme: dark, ansi16, contrast, "},
		{"inherit", "f:1: \"inherit\" takes a built-in theme"},
		{"inherit dark light", "f:1: \"inherit\" takes a built-in theme"},
		{"inherit ./dark.theme", "f:1: \"inherit\" takes a built-in theme"},
		{"inherit dark\n\ninherit dark", "f:3: \"inherit\" is given twice; first in line 1"},
		{"ok 1 2\ninherit dark", "f:2: \"inherit\" comes first"},
		{"braille on\ninherit dark", "f:2: \"inherit\" comes first"},
		{"inherit dark\nok 1", "f:2: \"ok\" takes a foreground"},
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

static const char *const none[] = {NULL};

static void what_is_inherited_stays_until_it_is_given(void **state)
{
	(void)state;
	struct theme dark, t;
	struct err err = {0};
	assert_int_equal(theme_load(&dark, "dark", none, &err), 0);
	assert_int_equal(theme_parse(&t, "# mine\ninherit dark", "./mine.theme", &err), 0);
	assert_string_equal(t.name, "mine");
	assert_memory_equal(t.style, dark.style, sizeof t.style);
	assert_int_equal(
		theme_parse(&t, "inherit dark\nbraille on\nwarn 9 default\n", "mine", &err), 0);
	assert_true(t.braille);
	assert_int_equal(t.style[ROLE_WARN].fg, 9);
	assert_int_equal(t.style[ROLE_WARN].attrs, 0); /* dark's is bold */
	assert_int_equal(
		t.style[ROLE_LIMIT].fg, dark.style[ROLE_LIMIT].fg); /* its parent is warn */
	assert_memory_equal(&t.style[ROLE_FAIL], &dark.style[ROLE_FAIL], sizeof t.style[0]);
}

static void each_built_in_equals_its_file(void **state)
{
	(void)state;
	size_t count = 0;
	assert_string_equal(theme_built_in(0), "dark");
	for (; theme_built_in(count) != NULL; count++) {
		char path[64];
		struct theme built_in, file;
		struct err err = {0};
		snprintf(path, sizeof path, "themes/%s.theme", theme_built_in(count));
		assert_int_equal(theme_load(&built_in, theme_built_in(count), none, &err), 0);
		assert_string_equal(built_in.name, theme_built_in(count));
		assert_int_equal(theme_load(&file, path, none, &err), 0);
		assert_string_equal(file.name, built_in.name);
		assert_memory_equal(file.style, built_in.style, sizeof file.style);
		assert_int_equal(
			theme_has_colour(&file), strcmp(file.name, "mono") != 0); /* and no other is so */
		FILE *f = fopen(path, "r");
		char line[200];
		assert_non_null(f);
		while (fgets(line, sizeof line, f) != NULL)
			assert_int_not_equal(strncmp(line, "inherit", 7), 0);
		fclose(f);
	}
	assert_int_equal(count, 5);
}

/* A file cannot take a built-in theme's name; its own it has in the first directory. */
static void files_are_found_in_order(void **state)
{
	(void)state;
	char dirs[2][64], path[2][96];
	for (int i = 0; i < 2; i++) {
		snprintf(dirs[i], sizeof dirs[i], "/tmp/weir-themes-XXXXXX");
		assert_non_null(mkdtemp(dirs[i]));
		snprintf(path[i], sizeof path[i], "%s/mine.theme", dirs[i]);
		FILE *f = fopen(path[i], "w");
		assert_non_null(f);
		fprintf(f, "ok %d default\n", i);
		fclose(f);
	}
	const char *const list[] = {"/nonexistent", dirs[0], dirs[1], NULL};
	struct theme t;
	struct err err = {0};
	assert_int_equal(theme_load(&t, "mine", list, &err), 0);
	assert_int_equal(t.style[ROLE_OK].fg, 0);
	assert_string_equal(t.name, "mine");
	unlink(path[0]);
	assert_int_equal(theme_load(&t, "mine", list, &err), 0);
	assert_int_equal(t.style[ROLE_OK].fg, 1);
	char dark[96];
	snprintf(dark, sizeof dark, "%s/dark.theme", dirs[1]);
	assert_int_equal(rename(path[1], dark), 0);
	assert_int_equal(theme_load(&t, "dark", list, &err), 0);
	assert_int_not_equal(t.style[ROLE_OK].fg, 1);
	assert_int_equal(theme_load(&t, dark, list, &err), 0);
	assert_int_equal(t.style[ROLE_OK].fg, 1);
	unlink(dark);
	rmdir(dirs[0]);
	rmdir(dirs[1]);
}

static void set_or_not(const char *name, const char *value)
{
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void own_themes_are_below_the_configuration(void **state)
{
	(void)state;
	static const struct {
		const char *config, *home, *first;
	} rows[] = {
		{"/c", "/h", "/c/weir/themes"},
		{"", "/h", "/h/.config/weir/themes"},
		{NULL, "/h", "/h/.config/weir/themes"},
		{"relative", "/h", "/h/.config/weir/themes"},
		{"/c", NULL, "/c/weir/themes"},
		{NULL, "h", NULL},
		{NULL, NULL, NULL},
	};
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char *kept[2] = {config ? strdup(config) : NULL, home ? strdup(home) : NULL};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct theme_dirs dirs;
		set_or_not("XDG_CONFIG_HOME", rows[i].config);
		set_or_not("HOME", rows[i].home);
		theme_dirs(&dirs);
		int at = 0;
		if (rows[i].first != NULL)
			assert_string_equal(dirs.list[at++], rows[i].first);
		assert_non_null(strstr(dirs.list[at++], "/share/weir/themes"));
		assert_null(dirs.list[at]);
	}
	char *far = malloc(2 * PATH_MAX);
	assert_non_null(far);
	memset(far, '/', 2 * PATH_MAX);
	far[2 * PATH_MAX - 1] = '\0';
	struct theme_dirs dirs;
	set_or_not("XDG_CONFIG_HOME", far);
	theme_dirs(&dirs);
	assert_null(dirs.list[1]); /* one that is too long is none */
	free(far);
	set_or_not("XDG_CONFIG_HOME", kept[0]);
	set_or_not("HOME", kept[1]);
	free(kept[0]);
	free(kept[1]);
}

static void a_terminal_gets_what_it_can_show(void **state)
{
	(void)state;
	static const struct {
		struct theme_wish wish;
		const char *name;
	} rows[] = {
		{{.colours = 256}, "dark"},
		{{.colours = -1}, "dark"},
		{{.colours = 1 << 24}, "dark"},
		{{.colours = 256, .config = "", .no_color = "", .color = "auto"}, "dark"},
		{{.colours = 16}, "ansi16"},
		{{.colours = 8}, "ansi16"},
		{{.colours = 88}, "ansi16"},
		{{.colours = 0}, "mono"},
		{{.colours = 256, .colorfgbg = "0;15"}, "light"},
		{{.colours = 256, .colorfgbg = "0;default;15"}, "light"},
		{{.colours = 256, .colorfgbg = "0;7"}, "light"},
		{{.colours = 256, .colorfgbg = "15;0"}, "dark"},
		{{.colours = 256, .colorfgbg = "15;default"}, "dark"},
		{{.colours = 256, .colorfgbg = "15;8"}, "dark"},
		{{.colours = 256, .colorfgbg = "15"}, "dark"},
		{{.colours = 256, .colorfgbg = "0;115"}, "dark"},
		{{.colours = 256, .colorfgbg = ""}, "dark"},
		{{.colours = 8, .colorfgbg = "0;15"}, "mono"},
		/* no colours are asked for, but a theme goes before that */
		{{.colours = 256, .no_color = "1"}, "mono"},
		{{.colours = 256, .no_color = "1", .color = "auto"}, "mono"},
		{{.colours = 256, .no_color = "1", .color = "always"}, "dark"},
		{{.colours = 0, .color = "always"}, "mono"},
		{{.colours = 256, .color = "never", .colorfgbg = "0;15"}, "mono"},
		{{.colours = 256, .no_color = "1", .config = "light"}, "light"},
		{{.colours = 256, .no_color = "1", .option = "light"}, "light"},
		{{.colours = 8, .config = "light", .option = "./x.theme"}, "./x.theme"},
		{{.colours = 0, .config = "contrast"}, "contrast"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct theme_wish *w = &rows[i].wish;
		assert_string_equal(theme_choose(w), rows[i].name);
		/* the terminal is asked where nothing else says it, and never where colours are few */
		bool guessed = strcmp(rows[i].name, "dark") == 0 && w->colours >= 256 && !w->colorfgbg;
		assert_int_equal(theme_is_guessed(w), guessed);
	}
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
		"theme \"neon\" was not found: dark, ansi16, contrast, light and mono are built in, "
		"and there is no \"/nonexistent/neon.theme\", and there is no \"themes/neon.theme\"");
	assert_int_equal(theme_load(&t, "drak", dirs, &err), -1);
	assert_string_equal(err.text,
		"theme \"drak\" was not found; did you mean \"dark\": dark, ansi16, contrast, light and "
		"mono are built in, and there is no \"/nonexistent/drak.theme\", and there is no "
		"\"themes/drak.theme\"");
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

static void fewer_colours_come_near(void **state)
{
	(void)state;
	static const struct {
		int colour, nearest;
	} rows[] = {{75, 6}, {226, 3}, {197, 1}, {74, 6}, {214, 3}, {203, 1}, {135, 5}, {245, 7},
		{236, 0}, {231, 7}, {16, 0}, {21, 4}, {46, 2}, {201, 5}, {1, 1}, {12, 4}};
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
		cmocka_unit_test(what_is_inherited_stays_until_it_is_given),
		cmocka_unit_test(each_built_in_equals_its_file),
		cmocka_unit_test(files_are_found_in_order),
		cmocka_unit_test(own_themes_are_below_the_configuration),
		cmocka_unit_test(a_terminal_gets_what_it_can_show),
		cmocka_unit_test(what_cannot_be_loaded_says_why),
		cmocka_unit_test(fewer_colours_come_near),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
