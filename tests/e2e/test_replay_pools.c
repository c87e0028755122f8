/* A recording of three pools replayed on a real terminal: the Fleet first, one of them by Enter, all
 * by one clock; and as lines. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/query.h"
#include "tests/lib/glass.h"

#include <signal.h>
#include <string.h>

#define WAIT_MS 10000

static struct world w;
static struct glass g;
static struct process recorder;
static char file[WORLD_PATH];

static int set_up(void **state)
{
	(void)state;
	memset(&g, 0, sizeof g);
	memset(&recorder, 0, sizeof recorder);
	world_open(&w);
	world_path(&w, file, "night.db");
	world_write(w.config,
		"pools:\n"
		"  apples: {target: \"local:\", interval: 200ms}\n"
		"  pears: {target: \"local:\", interval: 200ms}\n"
		"  plums: {target: \"local:\", interval: 200ms}\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	glass_close(&g);
	process_release(&recorder);
	world_close(&w);
	return 0;
}

static bool count_long(void *ctx, const struct query_recording *r)
{
	*(int *)ctx += r->last_tick >= 6;
	return true;
}

/* Until the file has this many recordings that are worth a look. */
static void record(const struct world_env *env, const char *const *args, int wanted)
{
	world_start(&w, &recorder, env, args);
	for (int64_t end_ms = process_clock_ms() + WAIT_MS, found = 0; found < wanted;) {
		struct query *q;
		struct err err;
		assert_true(process_clock_ms() < end_ms);
		assert_int_equal(process_wait(&recorder, 20), -1);
		if (query_open(&q, file, &err) < 0)
			continue;
		int count = 0;
		query_recordings(q, count_long, &count, &err);
		query_close(q);
		found = count;
	}
	process_signal(&recorder, SIGTERM);
	assert_true(
		process_wait(&recorder, WAIT_MS) >= 0); /* its last rows are not the matter here */
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

static size_t lines_with(const char *text, const char *words)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, words)) != NULL; at += strlen(words))
		count++;
	return count;
}

static void all_pools_are_replayed_by_one_clock(void **state)
{
	const struct world_env env = world_env(&w, NULL);
	struct process p = {0};
	(void)state;
	record(&env, ARGS("record", "--config", w.config, "--out", file), 1);
	glass_open(&g, &w, 100, 30, &env, ARGS("replay", file, "--config", w.config));
	see("REPLAY", "M");
	see("FLEET 3", "t");
	see("plums", NULL);
	press("\x1b[F"); /* End */
	see("100 % 1x, at the end", NULL);
	press(" ");
	see("100 % paused", NULL);
	press("/pears\r");
	see("/pears: 1", "k");
	press("\r");
	see("DECISIONS", NULL); /* Flow */
	see("100 % paused", NULL);
	press("3");
	see("this recording has no worker rows", NULL);
	press("\x1b[H"); /* Home: of all */
	press("2");
	see("FLEET 3", "t");
	press("\x1b"); /* the filter off */
	see("plums", NULL);
	see("0 % paused", NULL);
	press("R");
	see("R: a replay", NULL);
	glass_close(&g);
	/* one alone has no Fleet before it */
	glass_open(
		&g, &w, 100, 30, &env, ARGS("replay", file, "--pool", "plums", "--config", w.config));
	see("plums", NULL);
	see("DECISIONS", NULL);
	glass_close(&g);
	assert_int_equal(
		world_run(&w, &p, &env, ARGS("replay", file, "--headless", "--config", w.config)), 0);
	assert_int_equal(lines_with(p.out.text, "\n"), 3);
	assert_non_null(strstr(p.out.text, "apples"));
	assert_non_null(strstr(p.out.text, "pears"));
	assert_non_null(strstr(p.out.text, "plums"));
	process_release(&p);
}

/* An embedded engine is known by its pool's name, whichever others were there. */
static void a_pool_is_the_same_recorded_alone(void **state)
{
	const struct world_env env = world_env(&w, NULL);
	(void)state;
	record(&env, ARGS("record", "apples", "pears", "--config", w.config, "--history", file), 1);
	process_release(&recorder);
	record(&env, ARGS("record", "pears", "--config", w.config, "--history", file), 2);
	if (strstr(recorder.err.text, "W123") ||
		strstr(recorder.err.text, "not every node answered"))
		fail_msg("pears is another pool: %s", recorder.err.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_pools_are_replayed_by_one_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_pool_is_the_same_recorded_alone, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
