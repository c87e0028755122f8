/* The Journal screen through a real terminal: the screen that a terminal would have is the
 * program's own after every key; live, by who only looks, and of a recording. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/glass.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS 5000

static struct world w;
static struct glass g;

static int set_up(void **state)
{
	(void)state;
	memset(&g, 0, sizeof g);
	world_open(&w);
	world_config(&w, w.target, "    interval: 200ms\n");
	world_pool(&w, false, ARGS("--share", "0%"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	glass_close(&g);
	world_close(&w);
	return 0;
}

static void press(const char *keys)
{
	if (!glass_press(&g, keys))
		fail_msg("the terminal differs after '%s'", keys);
}

static void see(const char *words, const char *roles)
{
	if (!glass_wait(&g, words, roles, WAIT_MS))
		fail_msg("'%s' is not shown", words);
}

static void open_console(const char *const *args, int width, int height)
{
	const struct world_env env = world_env(&w, NULL);
	glass_open(&g, &w, width, height, &env, args);
}

static void run(const char *const *args)
{
	struct process p = {0};
	const struct world_env env = world_env(&w, NULL);
	int status = world_run(&w, &p, &env, args);
	if (status != 0)
		fail_msg("status %d: %s%s", status, p.out.text, p.err.text);
	process_release(&p);
}

/* A step by another process, its note, a message of this console's own; then what stays of all
 * that when the console is opened again, by who only looks, and as a recording. */
static void the_journal_is_read_live_and_later(void **state)
{
	const char *const live[] = {"--config", w.config, "--history", w.history, NULL};
	const char *const looks[] = {
		"--config", w.config, "--history", w.history, "--read-only", NULL};
	const char *const replay[] = {"replay", w.history, NULL};
	(void)state;
	open_console(live, 100, 30);
	see("checkout", NULL);
	press("6");
	see("JOURNAL checkout", "t");
	run(ARGS("step", "checkout", "10%", "--confirm", "checkout", "--reason", "day 3",
		"--config", w.config, "--history", w.history));
	see("step 0 > 10 %", NULL);
	see("\"day 3\"", NULL);
	press("/verb:step\r");
	see("/verb:step", NULL);
	assert_true(pty_wait_no_text(&g.pty, "silence", WAIT_MS));
	press("\r");
	see("DECISION", "t");
	see("CHECKS", "t");
	press("G");
	see("signed by", NULL);
	press("g");
	press("Aquiet so far\r");
	see("quiet so far", NULL);
	press("c");
	see("id 0", NULL);
	pty_signal(&g.pty, SIGTERM);
	assert_int_equal(pty_wait_exit(&g.pty, WAIT_MS), 0);
	glass_close(&g);
	/* again: what was there before stands below the line */
	open_console(live, 100, 30);
	press("6");
	see("you left", NULL);
	see("step 0 > 10 %", NULL);
	press("\t");
	see("JOURNAL of all pools", NULL);
	glass_close(&g);
	open_console(looks, 100, 30);
	press("6");
	see("step 0 > 10 %", NULL);
	press("\r");
	glass_close(&g);
	open_console(replay, 200, 50);
	see("REPLAY", NULL);
	press("6");
	press("\x1b[F"); /* End: all of it */
	see("step 0 > 10 %", NULL);
	press("\x1b[H");
	press(" ");
	glass_close(&g);
	assert_true(world_verified(&w, w.history));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_journal_is_read_live_and_later, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
