#define _GNU_SOURCE
/* What goes wrong around the program: answers that are lost, a pool that stops, a disk that
 * stalls, a terminal that is closed or restless. Kills at the n-th call are test_crash's, disks
 * that fail test_storage's. On the release build: SIGSEGV and preloading are its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/glass.h"
#include "tests/lib/proxy.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#define CONFIRMED "--confirm", "checkout"
#define KEY_MS 2000 /* a key's effect; the design says 250 ms, a shared machine is slower */

struct fixture {
	struct world w;
	struct glass g;
	struct process p;
	int gate;
	char gate_path[WORLD_PATH];
};

/* Changes of the share in the pool's log. */
static int moves(struct fixture *f)
{
	int n = 0;
	cJSON *audit = world_audit(&f->w, 0);
	const cJSON *entry;
	cJSON_ArrayForEach(entry, audit)
	{
		const char *what = world_word(entry, "what");
		n += strcmp(what, "step") == 0 || strcmp(what, "rollback") == 0;
	}
	cJSON_Delete(audit);
	return n;
}

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	f.gate = -1;
	world_open(&f.w);
	world_path(&f.w, f.gate_path, "gate");
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->gate >= 0)
		close(f->gate);
	glass_close(&f->g);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

/* A plan whose steps are ready at once. */
static void quick_plan(struct fixture *f)
{
	world_config(&f->w, f->w.target,
		"    interval: 200ms\n"
		"    plan: {steps: [10%, 20%], bake: 100ms, min_samples: 0}\n");
	world_pool(&f->w, false, ARGS("--allow-faults", "--unit", "500ms"));
}

static void open_console(struct fixture *f, int w, int h, const struct world_env *env)
{
	glass_open(&f->g, &f->w, w, h, env, ARGS("checkout", "--config", f->w.config));
}

/* Milliseconds from a key to its effect. */
static int64_t effect_of(struct fixture *f, const char *key, const char *text)
{
	int64_t began_ms = process_clock_ms();
	pty_send(&f->g.pty, key);
	assert_true(pty_wait_text(&f->g.pty, text, KEY_MS));
	return process_clock_ms() - began_ms;
}

/* ---- a killed sender ---- */

/* A step by a process that is killed between sending and the answer. */
struct lost {
	struct world w;
	struct proxy *proxy;
	struct process p;
	char *request; /* as it left */
	size_t len;
};

static void lose(struct lost *l, enum proxy_mode mode)
{
	char front[WORLD_PATH], target[WORLD_PATH];
	world_path(&l->w, front, "front.sock");
	snprintf(target, sizeof target, "unix:%.180s", front);
	world_pool(&l->w, false, ARGS("--share", "0%"));
	world_config(&l->w, target, "    interval: 100ms\n");
	l->proxy = proxy_start(front, l->w.socket, "PUT ");
	assert_non_null(l->proxy);
	proxy_set_mode(l->proxy, mode);
	world_start(&l->w, &l->p, NULL,
		ARGS("step", "checkout", "10%", CONFIRMED, "--config", l->w.config));
	l->request = proxy_caught(l->proxy, &l->len, 10000);
	assert_non_null(l->request);
	process_signal(&l->p, SIGKILL);
	assert_int_equal(process_wait(&l->p, 5000), 128 + SIGKILL);
	process_release(&l->p);
	proxy_set_mode(l->proxy, PROXY_PASS);
}

/* The next process on the same history finds out first, then steps. */
static void begin_again(struct lost *l)
{
	world_start(&l->w, &l->p, NULL,
		ARGS("step", "checkout", "5%", CONFIRMED, "--wait", "--config", l->w.config));
}

static void check_fate(struct lost *l, const char *fate, int status, int changes)
{
	if (process_wait(&l->p, 20000) != 0)
		fail_msg("the step behind it: status %d: %s", l->p.status, l->p.err.text);
	cJSON *log = world_log(&l->w, l->w.history);
	assert_int_equal(cJSON_GetArraySize(log), 2);
	const cJSON *first = cJSON_GetArrayItem(log, 0);
	assert_string_equal(world_word(first, "outcome"), fate);
	assert_int_equal(world_number(first, "to_bp"), 1000);
	assert_non_null(strstr(l->request, world_word(first, "id"))); /* one intent, one key */
	cJSON_Delete(log);
	/* The copy that was on its way all the time arrives. */
	int64_t rev = world_fact(&l->w, "rev");
	assert_int_equal(world_fact(&l->w, "audit_seq"), changes);
	assert_int_equal(http_call_raw(&l->w.http, l->request, l->len, 5000), status);
	assert_int_equal(world_fact(&l->w, "share_bp"), 500);
	assert_int_equal(world_fact(&l->w, "rev"), rev);
	assert_int_equal(world_fact(&l->w, "audit_seq"), changes);
	assert_true(world_verified(&l->w, l->w.history));
}

static struct lost lost[2];

static int open_lost(void **state)
{
	(void)state;
	memset(lost, 0, sizeof lost);
	for (int i = 0; i < 2; i++)
		world_open(&lost[i].w);
	return 0;
}

static int close_lost(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		process_release(&lost[i].p);
		proxy_stop(lost[i].proxy);
		free(lost[i].request);
		world_close(&lost[i].w);
	}
	return 0;
}

static void test_a_killed_sender_leaves_a_resolvable_intent(void **state)
{
	(void)state;
	lose(&lost[0], PROXY_LOSE_REQUEST);
	lose(&lost[1], PROXY_LOSE_ANSWER);
	begin_again(&lost[0]);
	begin_again(&lost[1]);
	check_fate(&lost[0], "VOID", 422, 1);    /* refused for ever */
	check_fate(&lost[1], "APPLIED", 200, 2); /* answered as before, applied once */
}

/* ---- a pool that stops ---- */

static void test_a_stopped_pool_is_stale_and_locked(void **state)
{
	struct fixture *f = *state;
	quick_plan(f);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "LIVE", "o", 10000));
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	process_signal(&f->w.pool, SIGSTOP);
	assert_true(glass_wait(&f->g, "LATE", "w", 5000));
	assert_true(glass_wait(&f->g, "STALE", "f", 10000));
	/* Keys are answered while nothing answers. */
	int64_t help_ms = effect_of(f, "?", "HELP");
	assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
	pty_send(&f->g.pty, "\033");
	assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
	int64_t step_ms = effect_of(f, "S", "STEP checkout");
	printf("stopped pool: help after %lld ms, sheet after %lld ms\n", (long long)help_ms,
		(long long)step_ms);
	assert_true(glass_wait(&f->g, "W102 no news for", "w", KEY_MS));
	assert_null(strstr(f->g.chars, "y step to")); /* there is nothing to accept */
	assert_true(glass_press(&f->g, "y"));
	pty_send(&f->g.pty, "\033");
	assert_true(pty_wait_no_text(&f->g.pty, "STEP checkout", KEY_MS));
	effect_of(f, "R", "ROLL BACK checkout");
	assert_true(glass_wait(&f->g, "y roll back now", "k", KEY_MS)); /* never disabled */
	pty_send(&f->g.pty, "\033");
	assert_true(pty_wait_no_text(&f->g.pty, "ROLL BACK checkout", KEY_MS));
	assert_true(glass_agrees(&f->g, 2000));
	process_signal(&f->w.pool, SIGCONT);
	assert_true(glass_wait(&f->g, "LIVE", "o", 10000));
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0); /* nothing fired by itself */
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	pty_send(&f->g.pty, "q");
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 0);
}

/* A rollback pressed while the pool is stopped is kept and done when it goes on. */
static void test_a_rollback_outlives_a_stopped_pool(void **state)
{
	struct fixture *f = *state;
	quick_plan(f);
	assert_int_equal(world_run(&f->w, &f->p, NULL,
						 ARGS("step", "checkout", "10%", CONFIRMED, "--config", f->w.config)),
		0);
	open_console(f, 80, 24, NULL);
	assert_true(glass_wait(&f->g, "LIVE", "o", 10000));
	process_signal(&f->w.pool, SIGSTOP);
	assert_true(glass_wait(&f->g, "LATE", "w", 5000));
	effect_of(f, "R", "ROLL BACK checkout");
	assert_true(glass_wait(&f->g, "y roll back now", "k", KEY_MS));
	pty_send(&f->g.pty, "y");
	assert_true(pty_wait_text(&f->g.pty, "ROLLING BACK", KEY_MS));
	for (int i = 0; i < 3; i++) { /* a hundred presses are one rollback */
		effect_of(f, "R", "ROLL BACK checkout");
		assert_true(glass_wait(&f->g, "y roll back now", "k", KEY_MS));
		pty_send(&f->g.pty, "y");
		assert_true(pty_wait_no_text(&f->g.pty, "ROLL BACK checkout", KEY_MS));
	}
	process_signal(&f->w.pool, SIGCONT);
	assert_true(glass_wait(&f->g, "ROLLED BACK to 0 %", NULL, 15000));
	assert_int_equal(moves(f), 2);
	pty_send(&f->g.pty, "q");
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 0);
}

/* ---- a disk that stalls ---- */

static void close_gate(struct fixture *f)
{
	f->gate = open(f->gate_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(f->gate >= 0 && flock(f->gate, LOCK_EX) == 0);
}

static void open_gate(struct fixture *f)
{
	close(f->gate);
	f->gate = -1;
}

static void test_a_stalled_disk_stops_steps_and_no_rollback(void **state)
{
	struct fixture *f = *state;
	char rules[WORLD_PATH + 64];
	quick_plan(f);
	snprintf(
		rules, sizeof rules, "call=disk path=history.db every do=hold gate=%s", f->gate_path);
	struct world_env env = world_fault(&f->w, rules, NULL);
	open_console(f, 80, 24, &env);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	effect_of(f, "S", "STEP checkout");
	assert_true(glass_wait(&f->g, "y step to 10 %", "k", 5000));
	pty_send(&f->g.pty, "y");
	assert_true(glass_wait(&f->g, "READY for 20 %", "o", 10000));
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);

	close_gate(f);
	effect_of(f, "S", "STEP checkout");
	assert_true(glass_wait(&f->g, "y step to 20 %", "k", 5000));
	pty_send(&f->g.pty, "y");
	int64_t help_ms = effect_of(f, "?", "HELP");
	pty_send(&f->g.pty, "\033");
	assert_true(glass_wait(&f->g, "W200", NULL, 5000)); /* given up after 2 s */
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
	assert_int_equal(moves(f), 1);

	effect_of(f, "R", "ROLL BACK checkout");
	assert_true(glass_wait(&f->g, "y roll back now", "k", 5000));
	int64_t pressed_ms = process_clock_ms();
	pty_send(&f->g.pty, "y");
	while (world_fact(&f->w, "share_bp") != 0)
		assert_true(process_clock_ms() - pressed_ms < 2000);
	printf("stalled disk: help after %lld ms; press to rolled back %lld ms\n",
		(long long)help_ms, (long long)(process_clock_ms() - pressed_ms));
	assert_true(glass_wait(&f->g, "NOT RECORDED", NULL, 5000));
	assert_int_equal(moves(f), 2);

	open_gate(f);
	assert_true(glass_wait(&f->g, "ROLLED BACK to 0 %", NULL, 10000));
	pty_send(&f->g.pty, "q");
	assert_int_equal(pty_wait_exit(&f->g.pty, 15000), 0);
	/* The cancelled step says so, the rollback is in the file once the disk goes on. */
	assert_true(world_verified(&f->w, f->w.history));
	cJSON *log = world_log(&f->w, f->w.history);
	int n = cJSON_GetArraySize(log);
	const cJSON *step = cJSON_GetArrayItem(log, n - 2), *back = cJSON_GetArrayItem(log, n - 1);
	assert_string_equal(world_word(step, "verb"), "step");
	assert_string_equal(world_word(step, "outcome"), "NOT_SENT");
	assert_string_equal(world_word(back, "verb"), "rollback");
	assert_string_equal(world_word(back, "outcome"), "APPLIED");
	cJSON_Delete(log);
}

/* ---- the terminal ---- */

static struct termios fresh_terminal(void)
{
	struct termios t;
	int master, slave;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &t), 0);
	close(slave);
	close(master);
	return t;
}

static bool equal_settings(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_lflag == b->c_lflag &&
		a->c_cflag == b->c_cflag && memcmp(a->c_cc, b->c_cc, sizeof a->c_cc) == 0;
}

static void leave_by(struct fixture *f, int signo, int status)
{
	struct termios before = fresh_terminal(), now;
	int keep; /* keeps the terminal there when the program has gone */
	open_console(f, 80, 24, NULL);
	keep = open(ptsname(f->g.pty.fd), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(keep >= 0);
	assert_true(glass_wait(&f->g, "LIVE", NULL, 10000));
	assert_true(glass_agrees(&f->g, 2000));
	const struct simulator *screen = &f->g.pty.screen;
	assert_true(screen->alternate && screen->paste);
	assert_int_equal(tcgetattr(keep, &now), 0);
	assert_false(equal_settings(&now, &before));
	if (signo)
		pty_signal(&f->g.pty, signo);
	else
		pty_send(&f->g.pty, "q");
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), status);
	assert_false(screen->alternate);
	assert_false(screen->paste);
	assert_false(screen->cursor_hidden);
	assert_int_equal(screen->cursor.pen.attrs, 0);
	assert_int_equal(screen->errors, 0);
	assert_int_equal(tcgetattr(keep, &now), 0);
	assert_true(equal_settings(&now, &before));
	close(keep);
	glass_close(&f->g);
}

static void test_the_terminal_is_given_back(void **state)
{
	struct fixture *f = *state;
	quick_plan(f);
	leave_by(f, 0, 0);
	leave_by(f, SIGTERM, 0);
	leave_by(f, SIGHUP, 0);
	leave_by(f, SIGSEGV, 128 + SIGSEGV);
	leave_by(f, SIGABRT, 128 + SIGABRT);
	assert_true(world_verified(&f->w, f->w.history));
}

static void test_small_and_restless_terminals(void **state)
{
	static const struct {
		int w, h;
	} sizes[] = {
		{20, 5}, {1, 1}, {200, 50}, {39, 9}, {80, 2}, {2, 80}, {250, 100}, {60, 16}, {19, 3}};
	struct fixture *f = *state;
	quick_plan(f);
	open_console(f, 20, 5, NULL);
	assert_true(glass_wait(&f->g, "ARMED", NULL, 10000));
	assert_true(glass_agrees(&f->g, 4000));
	for (int i = 0; i < 200; i++) {
		int k = i % (int)(sizeof sizes / sizeof *sizes);
		pty_resize(&f->g.pty, sizes[k].w, sizes[k].h);
		if (i % 5 == 0)
			pty_send(&f->g.pty, i % 2 ? "?" : "S\033R\033");
	}
	pty_send(&f->g.pty, "\033");
	pty_resize(&f->g.pty, 20, 5);
	assert_true(glass_agrees(&f->g, 4000));
	pty_resize(&f->g.pty, 80, 24);
	assert_true(glass_agrees(&f->g, 4000));
	/* Whatever is open by now, Esc gets out of it; with a key right behind it is another key.
	 */
	int status = -1;
	for (int i = 0; i < 20 && status == -1; i++) {
		pty_send(&f->g.pty, i % 2 ? "q" : "\033");
		status = pty_wait_exit(&f->g.pty, 200);
	}
	assert_int_equal(status, 0);
	assert_int_equal(f->g.pty.screen.errors, 0);
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_killed_sender_leaves_a_resolvable_intent, open_lost, close_lost),
		TEST(test_a_stopped_pool_is_stale_and_locked),
		TEST(test_a_rollback_outlives_a_stopped_pool),
		TEST(test_a_stalled_disk_stops_steps_and_no_rollback),
		TEST(test_the_terminal_is_given_back),
		TEST(test_small_and_restless_terminals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
