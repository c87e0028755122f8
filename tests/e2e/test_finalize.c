/* The end of a migration: what it waits for, that a pool which was started anew still knows it, and
 * that nothing goes back from there. Through the program as people use it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/glass.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIRMED "--confirm", "checkout"
#define BECAUSE "-m", "v1 goes off"
#define SOON_MS 15000

struct fixture {
	struct world w;
	struct process p; /* of the last command */
	struct glass g;
	char load[WORLD_PATH], log[WORLD_PATH];
};

static int weir(struct fixture *f, const char *const *args)
{
	const char *all[40];
	size_t n = 0;
	for (; args[n] && n < 32; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n++] = "--history";
	all[n++] = f->w.history;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, NULL, all);
}

#define DOES(status, ...) \
	do { \
		int is = weir(f, ARGS(__VA_ARGS__)); \
		if (is != (status)) \
			fail_msg("status %d, not %d:\n%s%s", is, status, f->p.out.text, f->p.err.text); \
	} while (0)

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text) && !strstr(f->p.out.text, text))
		fail_msg("'%s' is in neither\n%s nor\n%s", text, f->p.out.text, f->p.err.text);
}

static void start(struct fixture *f)
{
	world_pool(&f->w, false,
		ARGS("--scenario", f->load, "--share", "0%", "--unit", "200ms", "--state", f->log));
}

static void configure(struct fixture *f, const char *more)
{
	char rest[400];
	snprintf(rest, sizeof rest,
		"    interval: 100ms\n"
		"    plan: {steps: [100%%], bake: 100ms, min_samples: 1, max_delta: 100%%}\n%s",
		more);
	world_config(&f->w, f->w.target, rest);
}

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.load, "load.yaml");
	world_path(&f.w, f.log, "control.log");
	world_write(f.load,
		"name: load\nrate: 200\nsessions: 10\nunit: 200ms\n"
		"operations: [{name: echo, weight: 3, work: 250us}, {name: predict, work: 250us}]\n");
	configure(&f, "");
	start(&f);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	glass_close(&f->g);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

/* 100 %, kept. */
static void complete(struct fixture *f)
{
	DOES(0, "step", "checkout", "100%", CONFIRMED, "--wait");
	for (int i = 0; i < 50 && weir(f, ARGS("keep", "checkout", CONFIRMED)) != 0; i++)
		;
	assert_int_equal(world_fact(&f->w, "kept_bp"), 10000);
}

/* The load's sessions have all come to v2. */
static void drained(struct fixture *f)
{
	bool left = true;
	for (int i = 0; i < 200 && left; i++)
		left = weir(f, ARGS("finalize", "checkout", "--dry-run", BECAUSE)) != 0;
	assert_false(left);
}

static void assert_finished(struct fixture *f, bool finished)
{
	cJSON *state = world_state(&f->w);
	assert_int_equal(cJSON_IsTrue(cJSON_GetObjectItem(state, "finalized")), finished);
	cJSON_Delete(state);
}

static void write_hook(struct fixture *f)
{
	char path[WORLD_PATH], veto[WORLD_PATH + 40];
	world_path(&f->w, path, "hook");
	world_write(path, "#!/bin/sh\necho \"$@\"\nexit 1\n");
	assert_int_equal(chmod(path, 0700), 0);
	snprintf(veto, sizeof veto, "    veto: {command: %s}\n", path);
	configure(f, veto);
}

/* A one-way step asks for the name, a reason and all that is needed for not wanting back; then no
 * way back is offered, and a pool that is started anew offers none either. */
static void row_71_a_one_way_step_is_one(void **state)
{
	struct fixture *f = *state;
	DOES(6, "finalize", "checkout", CONFIRMED, BECAUSE);
	assert_says(f, "W162 v2 has 0 %; a migration is finished at 100 %");
	DOES(0, "step", "checkout", "100%", CONFIRMED, "--wait");
	DOES(6, "finalize", "checkout", CONFIRMED, BECAUSE);
	assert_says(f, "W186");
	complete(f);
	drained(f);
	DOES(2, "finalize", "checkout", CONFIRMED);
	assert_says(f, "finalize asks for a reason");
	DOES(2, "finalize", "checkout", "--confirm", "checkou", BECAUSE);
	assert_finished(f, false);
	/* nothing needs a second opinion more */
	write_hook(f);
	DOES(6, "finalize", "checkout", CONFIRMED, BECAUSE);
	assert_says(f, "W194 vetoed: checkout 10000 10000 finalize");
	assert_finished(f, false);
	configure(f, "");
	DOES(0, "finalize", "checkout", CONFIRMED, BECAUSE, "--wait");
	assert_says(f, "VERIFIED");
	assert_finished(f, true);
	for (int i = 0; i < 2; i++) {
		DOES(6, "rollback", "checkout");
		assert_says(f, "W147");
		assert_says(f, "no way back");
		assert_says(f, "v1 goes off");
		DOES(6, "step", "checkout", "10%", CONFIRMED);
		assert_says(f, "W147");
		DOES(0, "finalize", "checkout", CONFIRMED, BECAUSE);
		assert_says(f, "nothing to do");
		DOES(0, "status", "checkout");
		assert_says(f, "FINALIZED");
		if (i == 0) {
			process_signal(&f->w.pool, SIGTERM);
			process_wait(&f->w.pool, SOON_MS);
			process_release(&f->w.pool);
			start(f);
		}
	}
	assert_finished(f, true);
	assert_int_equal(world_fact(&f->w, "share_bp"), 10000);
	/* without this history the pool itself says who, when and why */
	char other[WORLD_PATH];
	world_path(&f->w, other, "other.db");
	process_release(&f->p);
	assert_int_equal(
		world_run(&f->w, &f->p, NULL, ARGS("rollback", f->w.target, "--history", other)), 6);
	assert_says(f, "W147");
	assert_says(f, "v1 goes off");
}

/* All of it, one thinks: but a session of v1 that has not come back is still there, and so is what v2
 * may not have. Neither the console nor the pool forgets it. */
static void row_72_v1_is_not_done_yet(void **state)
{
	struct fixture *f = *state;
	static const char body[] =
		"{\"operation\":\"echo\",\"session\":\"rare\",\"payload\":\"1\"}";
	assert_int_equal(http_call(&f->w.http, "POST", "/v1/execute", NULL, body, SOON_MS), 200);
	complete(f);
	DOES(6, "finalize", "checkout", CONFIRMED, BECAUSE);
	assert_says(f, "W162 v1 still has ");
	assert_says(f, "the last ends in 1");
	assert_finished(f, false);
	DOES(0, "rollback", "checkout", "--wait");
}

static void row_72_an_operation_is_left_on_v1(void **state)
{
	struct fixture *f = *state;
	DOES(0, "operations", "checkout", "-predict", CONFIRMED);
	complete(f);
	for (int i = 0; i < 50 && !strstr(f->p.err.text, "the operations"); i++)
		DOES(6, "finalize", "checkout", CONFIRMED, BECAUSE);
	assert_says(f, "v1 still does the operations that v2 may not have");
	assert_finished(f, false);
	DOES(0, "rollback", "checkout", "--wait");
}

/* The console: the sheet says what it is, a name and a reason are typed, then every screen says
 * that it is over and R does nothing. */
static void test_in_the_console(void **state)
{
	struct fixture *f = *state;
	complete(f);
	drained(f);
	glass_open(&f->g, &f->w, 80, 24, NULL,
		ARGS("checkout", "--config", f->w.config, "--history", f->w.history));
	assert_true(glass_wait(&f->g, "COMPLETE", NULL, SOON_MS));
	pty_send(&f->g.pty, ":finalize\r");
	assert_true(glass_wait(&f->g, "NO WAY BACK AFTER THIS", NULL, SOON_MS));
	assert_true(glass_wait(&f->g, "v1 works on nothing", NULL, SOON_MS));
	pty_send(&f->g.pty, "mv1 goes off\r");
	assert_true(glass_wait(&f->g, "y finalize", "k", SOON_MS));
	pty_send(&f->g.pty, "y");
	assert_true(glass_wait(&f->g, "to do it type checkout", NULL, SOON_MS));
	assert_finished(f, false);
	pty_send(&f->g.pty, "checkout\r");
	assert_true(glass_wait(&f->g, "finalize: VERIFIED", NULL, SOON_MS));
	assert_finished(f, true);
	assert_true(glass_wait(&f->g, "FINALIZED", NULL, SOON_MS));
	assert_true(glass_wait(&f->g, "there is no way back", NULL, SOON_MS));
	assert_true(glass_press(&f->g, "R"));
	assert_true(glass_wait(&f->g, "the migration is finished", NULL, SOON_MS));
	assert_int_equal(world_fact(&f->w, "share_bp"), 10000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(row_71_a_one_way_step_is_one),
		TEST(row_72_v1_is_not_done_yet),
		TEST(row_72_an_operation_is_left_on_v1),
		TEST(test_in_the_console),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
