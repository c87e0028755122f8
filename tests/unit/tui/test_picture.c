/* Picture: a frame as SVG is whole, has every character and colour, and nothing else is drawn. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/markup.h"
#include "tests/lib/picture.h"

#include <stdio.h>
#include <string.h>

static const struct picture_ground dark = {0xd4d4d4, 0x16191d};
static struct theme theme;
static struct text svg;

static int set_up(void **state)
{
	struct err err;
	(void)state;
	return theme_load(&theme, "dark", NULL, &err);
}

static int tear_down(void **state)
{
	(void)state;
	text_free(&svg);
	return 0;
}

static void draw(const char *dump)
{
	char why[200];
	text_clear(&svg);
	assert_true(picture_svg(&svg, dump, &theme, dark));
	if (!markup_is_whole(text_str(&svg), why, sizeof why))
		fail_msg("%s in:\n%s", why, text_str(&svg));
	assert_null(markup_fetches(text_str(&svg)));
}

static void has(const char *part)
{
	if (!strstr(text_str(&svg), part))
		fail_msg("\"%s\" is not in:\n%s", part, text_str(&svg));
}

static void cells_become_runs(void **state)
{
	(void)state;
	draw("a<b&\n\xe4\xb8\xad"
		 "c\n--------\n.MMM......\nww........\n");
	has("width=\"90\" height=\"36\"");
	has("<text x=\"0\" y=\"14\" textLength=\"9\"");
	has(">&lt;b&amp;</text>");
	has("<rect x=\"9\" y=\"0\" width=\"27\" height=\"18\" fill=\"#d4d4d4\"/>"); /* reverse */
	has("textLength=\"18\"");
	has("fill=\"#ffaf00\" font-weight=\"bold\">\xe4\xb8\xad</text>"); /* warn, two columns */
}

static void a_whole_screen_is_well_formed(void **state)
{
	(void)state;
	static char dump[200 * 50 * 5];
	FILE *f = fopen("tests/golden/step-open-200x50.txt", "re");
	int columns, rows;
	assert_non_null(f);
	dump[fread(dump, 1, sizeof dump - 1, f)] = 0;
	fclose(f);
	assert_true(picture_size(dump, &columns, &rows));
	assert_int_equal(columns, 200);
	assert_int_equal(rows, 50);
	draw(dump);
	has("STEP");
	has("[Esc</text>");
}

static void what_is_no_frame(void **state)
{
	(void)state;
	static const char *const none[] = {
		"", "\n", "a\n", "a\n--------\n", "a\n-------\n.\n", "a\n--------\n..\n.\n"};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		text_clear(&svg);
		assert_false(picture_svg(&svg, none[i], &theme, dark));
		assert_int_equal(svg.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cells_become_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_whole_screen_is_well_formed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_frame, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
