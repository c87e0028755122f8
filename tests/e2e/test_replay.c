/* A replay on a real terminal of a recording that is still being made: it follows, its keys lead
 * to what happened, and none of them reaches the pool. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/query.h"
#include "tests/lib/glass.h"

#include <signal.h>
#include <stdio.h>
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
	world_config(&w, w.target, "    interval: 200ms\n");
	world_pool(&w, false, ARGS("--share", "0%"));
	world_path(&w, file, "night.db");
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

static bool take_last(void *ctx, const struct query_recording *r)
{
	*(int64_t *)ctx = r->last_tick;
	return true;
}

/* Until the file has something to be replayed. */
static void await_samples(void)
{
	int64_t last = UNKNOWN;
	for (int64_t end_ms = process_clock_ms() + WAIT_MS; last < 2;) {
		struct query *q;
		struct err err;
		assert_true(process_clock_ms() < end_ms);
		assert_int_equal(process_wait(&recorder, 20), -1);
		if (query_open(&q, file, &err) < 0)
			continue;
		query_recordings(q, take_last, &last, &err);
		query_close(q);
	}
}

static void a_recording_is_followed_while_it_is_made(void **state)
{
	const struct world_env env = world_env(&w, NULL);
	struct process p = {0};
	(void)state;
	world_start(
		&w, &recorder, &env, ARGS("record", "checkout", "--config", w.config, "--out", file));
	await_samples();
	glass_open(&g, &w, 100, 30, &env, ARGS("replay", file));
	see("REPLAY", "M");
	press("\x1b[F"); /* End */
	see(", follows", NULL);
	/* somebody steps at the pool; the recorder hears of it, and so does who looks */
	if (world_run(&w, &p, &env,
			ARGS("step", "checkout", "10%", "--confirm", "checkout", "--reason", "day 3",
				"--config", w.config, "--history", w.history)) != 0)
		fail_msg("%s%s", p.out.text, p.err.text);
	process_release(&p);
	see("step 0 > 10 %", NULL);
	see(", follows", NULL);
	press("R");
	see("R: a replay", NULL);
	press("y");
	press("S");
	see("S locked: a replay", NULL);
	press("H");
	see("H: a replay", NULL);
	press(":rollback");
	see(":rollback", NULL);
	press("\r");
	see("rollback: a replay has no way to the pool", NULL);
	assert_int_equal(world_fact(&w, "share_bp"), 1000);
	/* nothing more comes: it says so */
	process_signal(&recorder, SIGTERM);
	assert_int_equal(process_wait(&recorder, WAIT_MS), 0);
	see(", at the end", NULL);
	press(" ");
	see("100 % paused", NULL);
	press("[");
	see("step 0 > 10 %", NULL);
	press("\x1b[H"); /* Home */
	see("0 % paused", NULL);
	press("[");
	see("no decision before this", NULL);
	press("]");
	glass_close(&g);
	assert_int_equal(world_fact(&w, "share_bp"), 1000);
}

static bool take_newest(void *ctx, const struct query_recording *r)
{
	*(struct query_recording *)ctx = *r;
	return true;
}

/* Until the file has so many recordings, and rows of the last. */
static void await_recording(int64_t behind, struct query_recording *out)
{
	for (int64_t end_ms = process_clock_ms() + WAIT_MS;;) {
		struct query *q;
		struct err err;
		assert_true(process_clock_ms() < end_ms);
		assert_int_equal(process_wait(&recorder, 20), -1);
		if (query_open(&q, file, &err) < 0)
			continue;
		query_recordings(q, take_newest, out, &err);
		query_close(q);
		if (out->id > behind && out->last_tick != UNKNOWN && out->last_tick >= 2)
			return;
	}
}

/* Who looks goes on looking at the recording of the dead; the next one is another. */
static void a_recorder_is_killed_and_another_begins_while_it_is_followed(void **state)
{
	const struct world_env env = world_env(&w, NULL);
	struct query_recording first = {0}, second = {0};
	struct process p = {0};
	(void)state;
	world_start(
		&w, &recorder, &env, ARGS("record", "checkout", "--config", w.config, "--out", file));
	await_recording(0, &first);
	glass_open(&g, &w, 100, 30, &env, ARGS("replay", file));
	press("\x1b[F"); /* End */
	see(", follows", NULL);
	process_signal(&recorder, SIGKILL);
	process_wait(&recorder, WAIT_MS);
	process_release(&recorder);
	memset(&recorder, 0, sizeof recorder);
	world_start(&w, &recorder, &env,
		ARGS("record", "checkout", "--config", w.config, "--history", file));
	await_recording(first.id, &second);
	press("\x1b[H"); /* Home */
	see(" 0 % 1x", NULL);
	press("\x1b[F");
	see("100 % 1x", NULL);
	press("R");
	see("R: a replay", NULL);
	glass_close(&g);
	process_signal(&recorder, SIGTERM);
	assert_int_equal(process_wait(&recorder, WAIT_MS), 0);
	/* both are whole, each by itself */
	assert_int_equal(world_run(&w, &p, &env, ARGS("replay", file, "--headless")), 0);
	process_release(&p);
	assert_int_equal(world_run(&w, &p, &env, ARGS("verify", file)), 0);
	process_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_recording_is_followed_while_it_is_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_recorder_is_killed_and_another_begins_while_it_is_followed, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
