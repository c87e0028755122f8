/* A recorder that guards tells of what needs a person: once, with the facts, and goes on where the
 * command hangs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEADLINE_MS 20000

struct fixture {
	struct world w;
	struct process recorder, p;
	char script[WORLD_PATH], pipe[WORLD_PATH], config[3 * WORLD_PATH];
	struct process page; /* reads what the command says */
};

static int set_up(void **state)
{
	static struct fixture f;
	char text[3 * WORLD_PATH];
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.script, "page");
	world_path(&f.w, f.pipe, "pipe");
	assert_int_equal(0, mkfifo(f.pipe, 0600));
	snprintf(text, sizeof text, "#!/bin/sh\nexec >'%s'\necho \"HEADLINE $1\"; cat\n", f.pipe);
	world_write(f.script, text);
	assert_int_equal(0, chmod(f.script, 0700));
	world_pool(&f.w, false, ARGS("--pool", "checkout", "--scenario", "quiet"));
	snprintf(f.config, sizeof f.config,
		"notify: {command: %s, on: look}\n"
		"pools:\n  checkout:\n    target: %s\n    plan: {steps: [10%%, 50%%], bake: 1s}\n",
		f.script, f.w.target);
	world_write(f.w.config, f.config);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	process_release(&f->recorder);
	process_release(&f->page);
	int end = open(f->pipe, O_WRONLY | O_NONBLOCK); /* the shell's reader waits for a writer */
	if (end >= 0)
		close(end);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

static void a_hold_is_told_once(void **state)
{
	struct fixture *f = *state;
	/* it reads each page of the pipe to its end, as many as come */
	assert_true(process_start(
		&f->page, ARGS("sh", "-c", "while :; do cat \"$0\"; echo END; done", f->pipe), NULL));
	world_start(&f->w, &f->recorder, NULL,
		ARGS("record", "--guard", "--config", f->w.config, "--history", f->w.history));
	assert_true(process_wait_err(&f->recorder, "weir: ", DEADLINE_MS));
	assert_true(process_wait_err(&f->recorder, "'checkout'", DEADLINE_MS));
	assert_int_equal(0,
		world_run(&f->w, &f->p, NULL,
			ARGS("hold", "--config", f->w.config, "--history", f->w.history, "-m", "lunch",
				"checkout")));
	assert_true(process_wait_out(&f->page, "HEADLINE ", DEADLINE_MS));
	assert_true(process_wait_out(&f->page, "lunch", DEADLINE_MS));
	assert_true(process_wait_out(&f->page, "\"schema\":\"weir.status/1\"", DEADLINE_MS));
	assert_true(process_wait_out(&f->page, "END", DEADLINE_MS));
	process_signal(&f->recorder, SIGTERM);
	assert_int_equal(process_wait(&f->recorder, DEADLINE_MS), 0);
	const char *first = strstr(f->page.out.text, "HEADLINE ");
	assert_null(strstr(first + 1, "HEADLINE "));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(a_hold_is_told_once)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
