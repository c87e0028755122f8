/* A rehearsal on the screen: marked in reverse where the environment stands, and over when whoever
 * keeps the time says so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/console_seat.h"
#include "tests/lib/golden.h"

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static int turns;

static bool third_turn(void *ctx, struct instant now)
{
	(void)now;
	return ++*(int *)ctx >= 3;
}

static void open_at(int w, int h, bool (*each_turn)(void *ctx, struct instant now))
{
	struct console_options how = {
		.desk = d, .w = w, .h = h, .each_turn = each_turn, .each_ctx = &turns};
	console_free(c);
	c = console_new(&how, s.now);
}

static int sit_down(void **state)
{
	(void)state;
	site_init(&s, 1, 3);
	s.env = "REHEARSAL";
	d = site_open(&s, &kim);
	c = NULL;
	turns = 0;
	open_at(80, 24, NULL);
	return 0;
}

static void it_is_marked(void **state)
{
	(void)state;
	site_run(&s, 3000);
	assert_true(golden_console(c, s.now, "rehearsal"));
}

static void it_ends_when_its_time_is_over(void **state)
{
	(void)state;
	open_at(80, 24, third_turn);
	for (int i = 1; i <= 3; i++) {
		assert_false(console_left(c));
		console_refresh(c, s.now);
	}
	assert_true(console_left(c));
	assert_int_equal(turns, 3);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_is_marked),
		CASE(it_ends_when_its_time_is_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
