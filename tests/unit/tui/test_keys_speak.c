/* No key is silent: on every screen every key of the map and every character changes what is seen, or
 * a message says why not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/site.h"
#include "tui/console.h"
#include "tui/keymap.h"
#include "tui/screen.h"
#include "tui/term.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static struct site s;
static struct desk *d;
static struct console *c;

static int leave(void **state)
{
	(void)state;
	console_free(c);
	site_release(&s);
	return 0;
}

static void pass(int64_t ms)
{
	for (; ms > 0; ms -= SITE_STEP_MS) {
		site_run(&s, SITE_STEP_MS);
		console_refresh(c, s.now);
	}
}

static void sit_down(bool has_plan, bool looks, int w, int h)
{
	site_init(&s, 2, 7);
	s.has_plan = has_plan;
	d = site_open(&s, &kim);
	c = console_new(
		&(struct console_options){.desk = d, .w = w, .h = h, .ascii = true, .read_only = looks},
		s.now);
	pass(3000);
}

/* The frame, without the time that passes in it. */
static char *frame(void)
{
	struct text chars = {0}, roles = {0};
	surface_dump(console_draw(c, s.now), &chars, &roles);
	text_add(&chars, text_str(&roles));
	text_free(&roles);
	return text_take(&chars);
}

/* Out of whatever a key has opened, and on the screen again, with nothing said. */
static void settle(int screen)
{
	for (int i = 0; i < 4; i++)
		console_key(c, KEYS_ESC, s.now);
	console_key(c, (uint32_t)('1' + screen), s.now);
}

static int speaks(uint32_t key, int screen)
{
	settle(screen);
	s.now.boot_ms += 9000; /* what was said is gone, and another press is no held key */
	console_refresh(c, s.now);
	char *before = frame();
	console_key(c, key, s.now);
	char *after = console_left(c) ? NULL : frame();
	bool silent = after && strcmp(before, after) == 0;
	if (silent)
		print_error("on %s 0x%x '%c' is silent\n", screen_word((enum screen)screen),
			(unsigned)key, key > ' ' && key < 127 ? (int)key : ' ');
	free(before);
	free(after);
	return silent;
}

static void try_all(void)
{
	int silent = 0;
	for (int screen = 0; screen < SCREEN_COUNT; screen++) {
		for (size_t i = 0; i < keymap_row_count; i++) {
			uint32_t key = keymap_rows[i].key;
			bool again = false;
			for (size_t k = 0; k < i; k++)
				again |= keymap_rows[k].key == key;
			if (!again && key != KEYS_ESC && !(key == 'q' && screen == SCREEN_FLOW))
				silent += speaks(key, screen);
		}
		for (uint32_t key = ' '; key < 127; key++)
			if (key != 'q')
				silent += speaks(key, screen);
	}
	assert_int_equal(silent, 0);
}

static void with_a_plan(void **state)
{
	(void)state;
	sit_down(true, false, 100, 32);
	try_all();
}

static void looking_at_a_small_screen(void **state)
{
	(void)state;
	sit_down(false, true, 80, 24);
	try_all();
}

/* The help scrolls by every key that scrolls, and another closes it and does its own. */
static void keys_of_the_help(void **state)
{
	(void)state;
	static const uint32_t down[] = {KEYS_DOWN, 'j', KEYS_PGDN, ' ', 'G', KEYS_END};
	static const uint32_t up[] = {KEYS_UP, 'k', KEYS_PGUP, 'g', KEYS_HOME};
	sit_down(true, false, 80, 24);
	for (size_t i = 0; i < sizeof down / sizeof *down + sizeof up / sizeof *up; i++) {
		bool is_down = i < sizeof down / sizeof *down;
		uint32_t key = is_down ? down[i] : up[i - sizeof down / sizeof *down];
		settle(SCREEN_FLOW);
		console_key(c, '?', s.now);
		console_key(c, is_down ? 'g' : 'G', s.now);
		char *before = frame();
		console_key(c, key, s.now);
		char *after = frame();
		assert_string_not_equal(before, after);
		assert_non_null(strstr(after, "HELP: upper case acts"));
		free(before);
		free(after);
	}
	console_key(c, '4', s.now);
	char *guards = frame();
	assert_null(strstr(guards, "HELP: upper case acts"));
	assert_non_null(strstr(guards, "GUARDS"));
	free(guards);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(with_a_plan, leave),
		cmocka_unit_test_teardown(looking_at_a_small_screen, leave),
		cmocka_unit_test_teardown(keys_of_the_help, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
