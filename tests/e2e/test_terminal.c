#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
/* The program on a terminal that is small, dumb, restless, stopped, gone or lied to. On the release
 * build. */
#include "tests/e2e/terminal_bed.h"

/* ---- terminals ---- */

static void runs_on(struct fixture *f, const char *set, int w, int h, const char *shown)
{
	struct world_env env = world_env(&f->w, ARGS(set));
	open_console(f, w, h, &env);
	if (shown)
		assert_true(pty_wait_text(&f->g.pty, shown, 10000));
	assert_true(glass_agrees(&f->g, KEY_MS));
	quit(f);
}

/* Wherever there is a terminal that can place its cursor, the console runs. */
static void row_48_terminals_of_every_kind(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	static const char *const types[] = {"TERM=vt100", "TERM=linux", "TERM=screen",
		"TERM=no-such-terminal", "TERM=xterm-256color"};
	for (size_t i = 0; i < COUNT(types); i++)
		runs_on(f, types[i], 80, 24, "LIVE");
	runs_on(f, "NO_COLOR=1", 80, 24, "LIVE");
	runs_on(f, "LC_ALL=C", 60, 16, "LIVE");
	runs_on(f, "TERM=xterm-256color", 20, 5, "ARMED");
	runs_on(f, "TERM=xterm-256color", 1, 1, NULL);
	runs_on(f, "TERM=vt100", 2, 1, NULL);
	static const char *const none[] = {"TERM=dumb", "TERM=", "TERM"};
	for (size_t i = 0; i < COUNT(none); i++) {
		struct world_env env = world_env(&f->w, ARGS(none[i]));
		open_console(f, 80, 24, &env);
		assert_true(pty_wait_text(&f->g.pty, "weir status --watch", 5000));
		assert_int_equal(pty_wait_exit(&f->g.pty, 5000), 1);
		check_given_back(f);
		close_console(f);
	}
}

/* A terminal that says it has no size is taken for a usual one; one whose size never rests ends
 * up right. */
static void row_48_sizes_that_never_rest(void **state)
{
	struct fixture *f = *state;
	struct winsize nothing = {0};
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	assert_int_equal(ioctl(f->g.pty.fd, TIOCSWINSZ, &nothing), 0);
	pty_send(&f->g.pty, "?");
	assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
	pty_send(&f->g.pty, "\033");
	assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	for (int i = 0; i < 400; i++) {
		pty_resize(&f->g.pty, 1 + i * 37 % 200, 1 + i * 23 % 60);
		pty_signal(&f->g.pty, SIGWINCH); /* and some that say nothing new */
	}
	pty_resize(&f->g.pty, 80, 24);
	assert_true(pty_wait_text(&f->g.pty, "ARMED", KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	quit(f);
}

/* Keys that were pressed while the program was stopped were meant for nothing that it shows. */
static void row_36_keys_at_a_stopped_console(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	assert_true(glass_agrees(&f->g, KEY_MS));
	for (int round = 0; round < 3; round++) {
		pty_signal(&f->g.pty, SIGSTOP);
		pid_t pid = f->g.pty.pid;
		int status;
		assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
		assert_true(WIFSTOPPED(status));
		pty_send(&f->g.pty, "HSRHAnote\ry:hold\r:rollback\r");
		uint64_t before = f->g.pty.screen.bytes;
		pty_signal(&f->g.pty, SIGCONT);
		/* All of it is drawn anew, behind what was dropped. */
		int64_t end_ms = process_clock_ms() + KEY_MS;
		while (f->g.pty.screen.bytes < before + 500 && process_clock_ms() < end_ms)
			pty_wait_exit(&f->g.pty, 20);
		assert_true(glass_agrees(&f->g, KEY_MS));
		pty_send(&f->g.pty, "?");
		assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
		pty_send(&f->g.pty, "\033");
		assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
		assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	}
	assert_true(pty_wait_text(&f->g.pty, "ARMED", KEY_MS));
	quit(f);
	struct cJSON *log = world_log(&f->w, f->w.history);
	assert_int_equal(cJSON_GetArraySize(log), 0);
	cJSON_Delete(log);
}

/* ---- a terminal, or a process, that goes in the middle of a step ---- */

/* The window closes. */
static void row_50_the_terminal_goes_while_a_step_is_open(void **state)
{
	struct fixture *f = *state;
	deaf_pool(f);
	step_into_silence(f);
	close(f->keep);
	f->keep = -1;
	close(f->g.pty.fd);
	f->g.pty.fd = -1;
	f->g.pty.closed = true;
	int status = pty_wait_exit(&f->g.pty, 15000);
	assert_true(status >= 0 && status < 128); /* by itself, with nobody to tell */
	check_open_intent(f, 1);
}

/* Processor time of all children that have ended. */
static int64_t ended_cpu_ms(void)
{
	struct rusage u;
	assert_int_equal(getrusage(RUSAGE_CHILDREN, &u), 0);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
		(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

#define SPIN_MS \
	2000 /* start and end take a tenth of it; who spins takes all until it is killed */

/* The window closes: with the signal that says so, and where whoever started it had that ignored
 * (nohup), so that only reads and writes tell. It ends, and does not ask again and again. */
static void row_50_a_closed_terminal_ends_it_without_a_spin(void **state)
{
	struct fixture *f = *state;
	quick_pool(f);
	for (int ignored = 0; ignored < 2; ignored++) {
		int64_t cpu_ms = ended_cpu_ms();
		signal(SIGHUP, ignored ? SIG_IGN : SIG_DFL);
		open_console(f, 80, 24, NULL);
		signal(SIGHUP, SIG_DFL);
		assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
		close(f->keep);
		f->keep = -1;
		close(f->g.pty.fd);
		f->g.pty.fd = -1;
		f->g.pty.closed = true;
		int status = pty_wait_exit(&f->g.pty, 15000);
		if (status < 0 || status >= 128)
			fail_msg("hangup %s: ends with %d", ignored ? "ignored" : "told", status);
		cpu_ms = ended_cpu_ms() - cpu_ms;
		if (cpu_ms > SPIN_MS)
			fail_msg("hangup %s: %lld ms of processor", ignored ? "ignored" : "told",
				(long long)cpu_ms);
		close_console(f);
	}
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
}

/* Nobody reads a big terminal, and all of it is drawn again and again: frames are left out, keys
 * are not, and what they ask for reaches the pool. */
static void row_50_a_rollback_from_a_terminal_that_nobody_reads(void **state)
{
	struct fixture *f = *state;
	struct usage before, after;
	quick_pool(f);
	assert_int_equal(
		world_run(&f->w, &f->p, NULL,
			ARGS("step", "checkout", "10%", CONFIRMED, "--wait", "--config", f->w.config)),
		0);
	open_console(f, 200, 50, NULL);
	assert_true(glass_wait(&f->g, "LIVE", NULL, 10000));
	assert_true(usage_of(f->g.pty.pid, &before));
	for (int i = 0; i < 100; i++)
		assert_int_equal(write(f->g.pty.fd, "\f?", 2), 2); /* draws anew, and another screen */
	assert_int_equal(write(f->g.pty.fd, "R", 1), 1);
	/* A sheet takes a y that is neither too soon nor behind another key. */
	for (int i = 0; i < 40 && world_fact(&f->w, "share_bp") != 0; i++) {
		assert_int_equal(write(f->g.pty.fd, "y", 1), 1);
		process_wait(&f->w.pool, 500);
	}
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	assert_true(usage_of(f->g.pty.pid, &after));
	assert_true(after.resident_bytes - before.resident_bytes < 8 << 20); /* nothing piles up */
	/* Somebody looks again. */
	assert_true(pty_wait_text(&f->g.pty, "ROLLED BACK", 10000));
	assert_true(glass_agrees(&f->g, KEY_MS));
	quit(f);
	cJSON *log = world_log(&f->w, f->w.history);
	const cJSON *last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
	assert_string_equal(world_word(last, "verb"), "rollback");
	assert_string_equal(world_word(last, "outcome"), "APPLIED");
	cJSON_Delete(log);
}

/* ---- at rest ---- */

/* The line goes, the terminal stays for somebody else. */
static void row_50_a_hangup_gives_the_terminal_back(void **state)
{
	struct fixture *f = *state;
	deaf_pool(f);
	step_into_silence(f);
	pty_signal(&f->g.pty, SIGPIPE); /* is nothing */
	pty_send(&f->g.pty, "?");
	assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
	pty_signal(&f->g.pty, SIGHUP);
	assert_int_equal(pty_wait_exit(&f->g.pty, 15000), 4);
	check_given_back(f);
	check_open_intent(f, 1);
}

/* Somebody stops reading what is written. */
static void row_50_a_reader_that_goes(void **state)
{
	struct fixture *f = *state;
	char command[3 * WORLD_PATH + 4096];
	quick_pool(f);
	assert_int_equal(world_run(&f->w, &f->p, NULL,
						 ARGS("step", "checkout", "10%", CONFIRMED, "--config", f->w.config)),
		0);
	snprintf(command, sizeof command,
		"'%s' log --follow --json --config '%s' | true; :", world_weir(), f->w.config);
	struct world_env env = world_env(&f->w, NULL);
	process_release(&f->p);
	assert_true(process_start(&f->p, ARGS("sh", "-c", command), env.list));
	assert_int_equal(process_wait(&f->p, 15000), 0);
	assert_true(world_verified(&f->w, f->w.history));
}

/* What the terminal answers by itself comes in between keys and is none. */
static void row_51_answers_of_the_terminal(void **state)
{
	static const char answers[] = "\033[?62;22c\033[>41;330;0c\033[24;80R\033[I\033[O"
								  "\033]11;rgb:0000/0000/0000\a\033]52;c;SFJTeQ==\033\\"
								  "\033]lHRSy\033\\\033P1$rHRSy\033\\\033_GHRSy\033\\"
								  "\033[?2004;1$y\033[8;24;80t\033[<0;52;19M\033[M HR"
								  "\x9b?62;22c\xc2\x9b"
								  "24;80R\x9d"
								  "11;HRSy\a";
	struct fixture *f = *state;
	quick_pool(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	pty_send_n(&f->g.pty, answers, sizeof answers - 1);
	for (size_t i = 0; i < sizeof answers - 1; i++)
		pty_send_n(&f->g.pty, answers + i, 1);
	pty_send(&f->g.pty, "?");
	assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	pty_send(&f->g.pty, "\033");
	assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
	assert_true(glass_agrees(&f->g, KEY_MS));
	assert_null(strstr(f->g.chars, "Esc cancel"));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	quit(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_36_keys_at_a_stopped_console),
		TEST(row_48_terminals_of_every_kind),
		TEST(row_48_sizes_that_never_rest),
		TEST(row_50_the_terminal_goes_while_a_step_is_open),
		TEST(row_50_a_closed_terminal_ends_it_without_a_spin),
		TEST(row_50_a_rollback_from_a_terminal_that_nobody_reads),
		TEST(row_50_a_hangup_gives_the_terminal_back),
		TEST(row_50_a_reader_that_goes),
		TEST(row_51_answers_of_the_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
