/* The first five minutes by keystrokes: each row goes when what it speaks of was done, in any order;
 * Esc ends it, ? shows it again. */
#include "model/text.h"
#include "tests/lib/console_seat.h"
#include "tests/lib/golden.h"
#include "tui/guide.h"

#include <stdio.h>
#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static int sit_down(void **state)
{
	(void)state;
	site_init(&s, 1, 3);
	s.env = "DEMO";
	d = site_open(&s, &kim);
	struct console_options how = {.desk = d, .w = 80, .h = 24, .guide = true};
	c = console_new(&how, s.now);
	return 0;
}

static void press(uint32_t key)
{
	console_key(c, key, s.now);
	pass(1500);
}

static void look(void)
{
	assert_true(golden_console(c, s.now, "guide"));
	console_resize(c, 80, 24);
}

static void leads_through(void **state)
{
	(void)state;
	assert_true(is_shown("TRY 1 of 4 S shows"));
	press('S');
	press('y');
	pass(2000);
	assert_true(is_shown("TRY 2 of 4 H holds"));
	look();
	press('H');
	assert_true(is_shown("TRY 3 of 4 R, then y"));
	press('R');
	press('y');
	pass(2000);
	assert_true(is_shown("TRY 4 of 4 6 shows"));
	press('6');
	assert_true(is_shown("DONE weir doctor"));
	press(KEYS_ESC); /* out of the journal */
	assert_true(is_shown("DONE weir doctor"));
	press(KEYS_ESC);
	assert_false(is_shown("DONE weir doctor"));
}

static void escape_ends_it_and_help_repeats_it(void **state)
{
	(void)state;
	press(KEYS_ESC);
	assert_false(is_shown("TRY 1"));
	press('?');
	press(KEYS_ESC);
	assert_true(is_shown("TRY 1 of 4"));
	press(':');
	press(KEYS_ESC); /* of what is typed */
	assert_true(is_shown("TRY 1 of 4"));
	/* nothing it says has to be done in its order */
	press('R');
	press('y');
	pass(1000);
	assert_true(is_shown("TRY 1 of 4"));
}

/* The last two rows are what they were, and the guide takes one of the screen's, not more. */
static void a_small_screen_has_none(void **state)
{
	(void)state;
	console_resize(c, 60, 16);
	assert_false(is_shown("TRY 1"));
	console_resize(c, 60, 17);
	assert_true(is_shown("TRY 1"));
	assert_true(is_shown("S step"));
	console_resize(c, 20, 5);
	assert_false(is_shown("TRY 1"));
}

static void rows_fit(void **state)
{
	(void)state;
	for (int i = 0; i < guide_count(); i++)
		assert_true(text_width(guide_text(i)) <= 80 - 14);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(leads_through),
		CASE(escape_ends_it_and_help_repeats_it),
		CASE(a_small_screen_has_none),
		cmocka_unit_test(rows_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
