#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
/* A process that is out of memory, of descriptors, of threads or of time, is told to end, or crashes: the
 * terminal is given back. On the release build. */
#include "tests/e2e/terminal_bed.h"

/* ---- at rest ---- */

/* A console at rest asks its pool once a second and shows how old that is: what it does beside
 * would be done all night by every console that stays open. Counted by the kernel, all threads. */
static void an_idle_console_does_little(void **state)
{
	struct fixture *f = *state;
	struct usage before, after;
	world_config(&f->w, f->w.target, "    plan: {steps: [10%, 20%], bake: 1h}\n");
	world_pool(&f->w, false, ARGS("--unit", "500ms"));
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	int64_t began_ms = process_clock_ms();
	assert_true(usage_of(f->g.pty.pid, &before));
	assert_int_equal(pty_wait_exit(&f->g.pty, 2000), -1); /* what it writes is read meanwhile */
	assert_true(usage_of(f->g.pty.pid, &after));
	double s = (double)(process_clock_ms() - began_ms) / 1000;
	struct usage u = usage_between(&before, &after);
	printf("idle: woken %.1f times a second, %.1f writes, %.1f reads, %.2f ms of processor\n",
		(double)u.waits / s, (double)u.writes / s, (double)u.reads / s,
		(double)u.cpu_ns / 1e6 / s);
	/* Four times for the age in its first row, once for the pool, with a row of the history, and
	 * every five seconds a look there; each frame is written twice here: to the terminal and to the
	 * file that a glass reads. Who asks once too often in each turn is beyond twice of that. */
	assert_true((double)u.waits / s < 60);
	assert_true((double)u.writes / s < 40);
	assert_true((double)u.reads / s < 40);
	quit(f);
}

/* ---- the process ---- */

/* The kernel has no more memory for a screen that grows. */
/* The colour of the state's first letter; -1 where it is not shown. */
static int colour_of(const struct simulator *screen, const char *text)
{
	char *all = simulator_text(screen);
	const char *at = strstr(all, text);
	int y = 0, x = 0;
	for (const char *c = all; at && c < at; c++)
		x = *c == '\n' ? (y++, 0) : x + ((*c & 0xc0) != 0x80);
	int colour = at ? simulator_cell(screen, x, y)->pen.fg : -1;
	free(all);
	return colour;
}

static bool is_coloured_so(const struct simulator *screen, const void *colour)
{
	return colour_of(screen, "LIVE") == *(const int *)colour;
}

/* It is asked for its background, and nothing waits for what it says: where it never says anything
 * the console is as it was; what it says in pieces is no key, and takes the light theme. */
static void row_51_a_light_terminal_is_believed(void **state)
{
	static const int dark = 74, light = 27; /* `ok` of the two themes */
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	assert_true(pty_wait(&f->g.pty, is_coloured_so, &dark, KEY_MS));
	pty_send(&f->g.pty, "\033]11;rgb:ff");
	assert_true(glass_agrees(&f->g, KEY_MS));
	pty_send(&f->g.pty, "ff/fefe/f0f0\033\\");
	assert_true(pty_wait(&f->g.pty, is_coloured_so, &light, KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	assert_true(simulator_shows(&f->g.pty.screen, "ARMED"));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	quit(f);
}

static void row_62_out_of_memory_gives_the_terminal_back(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	struct rlimit now = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	assert_int_equal(prlimit(f->g.pty.pid, RLIMIT_AS, &now, NULL), 0);
	struct winsize huge = {.ws_col = 1000, .ws_row = 500};
	assert_int_equal(ioctl(f->g.pty.fd, TIOCSWINSZ, &huge), 0);
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 70);
	assert_true(simulator_shows(&f->g.pty.screen, "weir: W003 out of memory"));
	check_given_back(f);
	assert_true(world_verified(&f->w, f->w.history));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
}

/* A shell that sets a limit and becomes weir. */
static int limited(struct fixture *f, const char *limit, const char *const *args)
{
	char script[96];
	const char *argv[24] = {"sh", "-c", script, world_weir()};
	size_t n = 4;
	snprintf(script, sizeof script, "ulimit %s; exec \"$0\" \"$@\"", limit);
	for (; *args && n < 23; args++)
		argv[n++] = *args;
	struct world_env env = world_env(&f->w, NULL);
	process_release(&f->p);
	int status = process_run(&f->p, argv, env.list, 20000);
	no_leak(f->p.err.text, f->p.err.len, limit);
	return status;
}

/* From not enough to be loaded to enough: it works, or it ends with its own word. */
static void row_62_every_size_of_memory(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	int done = 0, refused = 0;
	for (int mib = 4; mib <= 600; mib += mib < 64 ? 4 : 60) {
		char limit[32];
		snprintf(limit, sizeof limit, "-v %d", mib * 1024);
		int status = limited(
			f, limit, ARGS("step", "checkout", "0%", CONFIRMED, "--config", f->w.config));
		/* 127: the program cannot even be loaded. */
		if (status != 0 && status != 1 && status != 3 && status != 6 && status != 70 &&
			status != 127)
			fail_msg("%d MiB: status %d: %s", mib, status, f->p.err.text);
		if (status == 70)
			assert_non_null(strstr(f->p.err.text, "W003 out of memory"));
		if (status == 1 || status == 3 || status == 6)
			assert_non_null(strstr(f->p.err.text, "weir: "));
		done += status == 0;
		refused += status != 0;
	}
	assert_true(done > 0 && refused > 0);
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	assert_true(world_verified(&f->w, f->w.history));
}

/* Few descriptors. */
static void row_63_descriptors_run_out(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	bool named = false;
	int done = 0;
	for (int files = 3; files <= 24; files += 3) {
		char limit[32];
		snprintf(limit, sizeof limit, "-n %d", files);
		int status = limited(
			f, limit, ARGS("step", "checkout", "0%", CONFIRMED, "--config", f->w.config));
		if (status < 0 || status >= 128)
			fail_msg("%d descriptors: status %d: %s", files, status, f->p.err.text);
		if (status != 0 && status != 127)
			assert_non_null(strstr(f->p.err.text, "weir: "));
		named |= strstr(f->p.err.text, "W007 ") != NULL;
		done += status == 0;
		/* A pool and a recorder say so too. */
		if (files % 9 == 0) {
			status = limited(f, limit,
				ARGS("record", "checkout", "--for", "100ms", "--config", f->w.config));
			assert_true(status >= 0 && status < 128);
		}
	}
	assert_true(named);
	assert_true(done > 0); /* 24 are enough */
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
}

/* No thread: stacks of a size that nothing can map. */
static void row_63_no_thread_can_be_made(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	static const char limit[] = "-s 137438953472";
	int status =
		limited(f, limit, ARGS("step", "checkout", "10%", CONFIRMED, "--config", f->w.config));
	assert_true(status > 0 && status < 128);
	assert_non_null(strstr(f->p.err.text, "weir: W"));
	assert_non_null(strstr(f->p.err.text, "thread"));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	status = limited(f, limit, ARGS("serve", "--listen", "127.0.0.1:0"));
	assert_true(status > 0 && status < 128);
	assert_non_null(strstr(f->p.err.text, "thread"));
}

/* Told to end while the answer to a step is on its way: the intent stays, with the status that
 * says so. */
static void row_64_told_to_end_in_the_middle_of_a_step(void **state)
{
	struct fixture *f = *state;
	static const int signals[] = {SIGTERM, SIGINT};
	deaf_pool(f);
	for (int i = 0; i < 2; i++) {
		char history[WORLD_PATH], name[16];
		size_t len;
		snprintf(name, sizeof name, "h%d.db", i);
		world_path(&f->w, history, name);
		process_release(&f->p);
		world_start(&f->w, &f->p, NULL,
			ARGS("step", "checkout", "10%", CONFIRMED, "--config", f->w.config, "--history",
				history));
		char *request = proxy_caught(f->proxy, &len, 15000);
		assert_non_null(request);
		free(request);
		process_signal(&f->p, signals[i]);
		if (process_wait(&f->p, 15000) != 4)
			fail_msg("status %d: %s", f->p.status, f->p.err.text);
		assert_non_null(strstr(f->p.err.text, "W145 "));
		memcpy(f->w.history, history, sizeof history);
		check_open_intent(f, 1);
	}
	/* And from the console. */
	world_path(&f->w, f->w.history, "history.db");
	step_into_silence(f);
	pty_signal(&f->g.pty, SIGTERM);
	assert_int_equal(pty_wait_exit(&f->g.pty, 15000), 4);
	check_given_back(f);
	check_open_intent(f, 1);
}

/* It falls: the terminal comes back, the share stays where it was. */
static void row_65_a_crash_gives_the_terminal_back(void **state)
{
	struct fixture *f = *state;
	static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
	quick_pool(f);
	assert_int_equal(world_run(&f->w, &f->p, NULL,
						 ARGS("step", "checkout", "10%", CONFIRMED, "--config", f->w.config)),
		0);
	int64_t changes = world_fact(&f->w, "audit_seq");
	for (size_t i = 0; i < COUNT(signals); i++) {
		open_console(f, 80, 24, NULL);
		assert_true(glass_wait(&f->g, "LIVE", NULL, 10000));
		pty_send(&f->g.pty, "R"); /* with a dialog open, its cursor shown */
		assert_true(glass_wait(&f->g, "y roll back now", NULL, 10000));
		pty_signal(&f->g.pty, signals[i]);
		assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 128 + signals[i]);
		check_given_back(f);
		close_console(f);
		assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
		assert_int_equal(world_fact(&f->w, "audit_seq"), changes);
	}
	assert_true(world_verified(&f->w, f->w.history));
}

/* Others want both processors for themselves: keys are answered, nothing turns red by that. */
static void row_66_keys_on_a_busy_machine(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 120, 40, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	for (int i = 0; i < 2; i++) {
		f->busy[i] = fork();
		if (f->busy[i] == 0)
			for (volatile unsigned n = 0;; n++)
				if (getppid() == 1)
					_exit(0);
	}
	int64_t worst_ms = 0;
	for (int i = 0; i < 10; i++) {
		int64_t began_ms = process_clock_ms();
		pty_send(&f->g.pty, "?");
		assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
		pty_send(&f->g.pty, "?");
		assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
		int64_t took_ms = (process_clock_ms() - began_ms) / 2;
		worst_ms = took_ms > worst_ms ? took_ms : worst_ms;
	}
	printf("busy machine: a key within %lld ms\n", (long long)worst_ms);
	assert_false(simulator_shows(&f->g.pty.screen, " RED"));
	assert_true(pty_wait_text(&f->g.pty, "LIVE", KEY_MS));
	quit(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_51_a_light_terminal_is_believed),
		TEST(row_62_out_of_memory_gives_the_terminal_back),
		TEST(row_62_every_size_of_memory),
		TEST(row_63_descriptors_run_out),
		TEST(row_63_no_thread_can_be_made),
		TEST(row_64_told_to_end_in_the_middle_of_a_step),
		TEST(row_65_a_crash_gives_the_terminal_back),
		TEST(row_66_keys_on_a_busy_machine),
		TEST(an_idle_console_does_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
