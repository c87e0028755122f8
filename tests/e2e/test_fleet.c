/* Several pools in one console, on a real terminal: the list, braking some of them together. */
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
	world_write(f.w.config,
		"pools:\n"
		"  apples: {target: \"local:\"}\n"
		"  pears: {target: \"local:\"}\n"
		"  plums: {target: \"local:\"}\n");
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

/* Presses y as soon as it counts. */
static bool accept(struct glass *g, const char *button, const char *then)
{
	if (!glass_wait(g, button, "k", DEADLINE_MS))
		return false;
	pty_send(&g->pty, "y");
	return glass_wait(g, then, NULL, DEADLINE_MS);
}

static void marked_pools_are_braked_together(void **state)
{
	struct fixture *f = *state;
	struct glass *g = &f->g;
	glass_open(g, &f->w, 120, 40, NULL,
		ARGS("--config", f->w.config, "--history", f->w.history, "--ascii"));
	assert_true(glass_wait(g, "FLEET 3", "t", DEADLINE_MS));
	assert_true(glass_wait(g, "plums         IDLE at 0 %", NULL, DEADLINE_MS));
	/* the middle one gets v2 by hand */
	assert_true(glass_press(g, "/pears\r"));
	assert_true(glass_wait(g, "/pears: 1", "k", DEADLINE_MS));
	assert_true(glass_press(g, ":step 10%\r"));
	assert_true(glass_wait(g, "STEP pears 0 > 10 %", "T", DEADLINE_MS));
	assert_true(accept(g, "y step to 10 %", "READY at 10 %"));
	assert_true(glass_press(g, "\033"));
	assert_true(glass_wait(g, "plums", NULL, DEADLINE_MS));
	/* it and another are marked; both are held at once, then both go back by their number */
	assert_true(glass_press(g, "g  H"));
	assert_true(glass_wait(g, "hold: 2 of 2 pools under way", ".", DEADLINE_MS));
	assert_true(glass_wait(g, "HELD by", NULL, DEADLINE_MS));
	assert_true(glass_press(g, "g  R"));
	assert_true(glass_wait(g, "ROLL BACK 2 pools", "T", DEADLINE_MS));
	assert_true(accept(g, "y roll all back", "to do it type how many they are: 2"));
	assert_true(glass_press(g, "2\r"));
	assert_true(glass_wait(g, "rollback: 2 of 2 pools under way", ".", DEADLINE_MS));
	assert_true(glass_press(g, "/pears\r\r"));
	assert_true(glass_wait(g, "pool says 0 %", NULL, DEADLINE_MS));
	assert_true(glass_agrees(g, DEADLINE_MS));
	assert_int_equal(g->pty.screen.errors, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(marked_pools_are_braked_together, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
