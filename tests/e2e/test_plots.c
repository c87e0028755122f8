/* The Flow screen's plots on a real terminal: zoomed, read by the crosshair, in dots; what is copied
 * reaches the terminal as base64. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/glass.h"

#include <string.h>

#define DEADLINE_MS 20000

struct fixture {
	struct world w;
	struct glass g;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	glass_close(&f->g);
	world_close(&f->w);
	return 0;
}

static void plots_are_read_and_zoomed(void **state)
{
	struct fixture *f = *state;
	struct glass *g = &f->g;
	glass_open(g, &f->w, 120, 40, NULL, ARGS("--history", f->w.history, "local:demo"));
	assert_true(glass_wait(g, "ERRORS %  v1 v2  ", "t", DEADLINE_MS));
	assert_true(glass_wait(g, "if you leave: the pool ends", NULL, DEADLINE_MS));
	/* the newest figures, then a column earlier */
	assert_true(glass_press(g, "hh"));
	assert_true(glass_wait(g, "errors ", NULL, DEADLINE_MS));
	assert_true(glass_wait(g, "  p99 ", NULL, DEADLINE_MS));
	assert_true(glass_press(g, "t"));
	assert_true(glass_wait(g, "s ago  ", NULL, DEADLINE_MS));
	assert_true(glass_press(g, ":cross off\r"));
	/* an hour, from what this console itself has recorded */
	assert_true(glass_press(g, "-"));
	assert_true(glass_wait(g, "ERRORS %  v1 v2  last 1h, since ", "t", DEADLINE_MS));
	assert_true(glass_press(g, "+w"));
	assert_true(glass_wait(g, "P99 ms", "t", DEADLINE_MS));
	assert_true(glass_press(g, "c"));
	assert_true(glass_wait(g, "copied to the terminal's clipboard: ", NULL, DEADLINE_MS));
	assert_true(glass_agrees(g, DEADLINE_MS));
	assert_int_equal(g->pty.screen.errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(plots_are_read_and_zoomed, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
