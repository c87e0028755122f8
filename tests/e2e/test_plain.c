/* The console without a grid, on a terminal that can do nothing: what is said, a sheet and its way
 * out, the way back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/world.h"

#include <string.h>

#define DEADLINE_MS 20000

struct fixture {
	struct world w;
	struct pty pty;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_pool(
		&f.w, false, ARGS("--pool", "checkout", "--scenario", "quiet", "--share", "10%"));
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	pty_release(&f->pty);
	world_close(&f->w);
	return 0;
}

static void lines_and_the_same_keys(void **state)
{
	struct fixture *f = *state;
	struct world_env env = world_env(&f->w, ARGS("TERM=dumb"));
	world_console(&f->w, &f->pty, 120, 200, &env,
		ARGS("--plain", "--history", f->w.history, f->w.target));
	assert_true(pty_wait_text(&f->pty, "pool says 10 %", DEADLINE_MS));
	assert_true(pty_wait_text(&f->pty, "keys: ", DEADLINE_MS));
	pty_send(&f->pty, ":step 25%\r");
	assert_true(pty_wait_text(&f->pty, "STEP pool.sock 10 > 25 %", DEADLINE_MS));
	assert_true(pty_wait_text(&f->pty, "[Esc c", DEADLINE_MS));
	pty_send(&f->pty, "\033");
	assert_true(pty_wait_text(&f->pty, "sheet: closed", DEADLINE_MS));
	pty_send(&f->pty, "3");
	assert_true(pty_wait_text(&f->pty, "screen: workers", DEADLINE_MS));
	pty_send(&f->pty, "1");
	assert_true(pty_wait_text(&f->pty, "screen: flow", DEADLINE_MS));
	pty_send(&f->pty, "R");
	assert_true(pty_wait_text(&f->pty, "ROLL BACK pool.sock 10", DEADLINE_MS));
	assert_true(pty_wait_text(&f->pty, "y roll back now", DEADLINE_MS));
	assert_true(pty_wait_text(&f->pty, "g in steps", DEADLINE_MS));
	assert_true(pty_wait_text(&f->pty, "sheet: y counts now", DEADLINE_MS));
	pty_send(&f->pty, "y");
	assert_true(pty_wait_text(&f->pty, "message: rollback: VERIFIED", DEADLINE_MS));
	assert_true(pty_wait_text(&f->pty, "v2 has 0 %", DEADLINE_MS));
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	pty_send(&f->pty, "H");
	assert_true(pty_wait_text(&f->pty, "state: HELD", DEADLINE_MS));
	pty_send(&f->pty, "q");
	assert_int_equal(pty_wait_exit(&f->pty, DEADLINE_MS), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(lines_and_the_same_keys)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
