/* The rules of a house: hours, freezes, flags, drills, by real processes against `weir serve`. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON_MS 20000 /* for what takes a few seconds at most, on a busy machine */
#define CONFIRMED "--confirm", "checkout"

struct fixture {
	struct world w;
	struct process p, other;
	char load[WORLD_PATH], lock_dir[WORLD_PATH + 16];
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.load, "load.yaml");
	world_write(f.load,
		"name: load\nrate: 200\nsessions: 200\nunit: 500ms\n"
		"operations: [{name: echo, weight: 3, work: 250us}]\n");
	snprintf(f.lock_dir, sizeof f.lock_dir, "WEIR_LOCK_DIR=%s", f.w.dir);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	process_release(&f->p);
	process_release(&f->other);
	world_close(&f->w);
	return 0;
}

/* A pool with work, limits and a plan that also says this. */
static void open_pool(struct fixture *f, const char *plan)
{
	char rest[512];
	snprintf(rest, sizeof rest,
		"    interval: 100ms\n"
		"    plan: {steps: [10%%, 50%%, 100%%], bake: 1s, min_samples: 5%s}\n"
		"    guards: {window: 3s, error_rate_threshold: 0.05}\n",
		plan);
	world_config(&f->w, f->w.target, rest);
	world_pool(&f->w, false, ARGS("--scenario", f->load, "--allow-faults", "--unit", "500ms"));
}

#define KIM "WEIR_ACTOR=kim@e2e"

/* `rules` are those of the preload library, NULL none. */
static int run(struct fixture *f, const char *rules, const char *const *args)
{
	const char *all[40];
	size_t n = 0;
	struct world_env env = rules ? world_fault(&f->w, rules, ARGS(KIM, f->lock_dir))
								 : world_env(&f->w, ARGS(KIM, f->lock_dir));
	for (; args[n] && n < 36; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

static void assert_status(struct fixture *f, int expected, int status)
{
	if (status != expected)
		fail_msg("status %d, not %d:\n%s%s", status, expected, f->p.out.text, f->p.err.text);
}

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text) && !strstr(f->p.out.text, text))
		fail_msg("'%s' is in neither\n%s nor\n%s", text, f->p.out.text, f->p.err.text);
}

#define WEIR(f, ...) run(f, NULL, ARGS(__VA_ARGS__))
#define DONE(f, ...) assert_status(f, 0, WEIR(f, __VA_ARGS__))
#define REFUSED(f, ...) assert_status(f, 6, WEIR(f, __VA_ARGS__))

/* ---- hours and freezes ---- */

static void row_74_frozen_by_either_clock(void **state)
{
	struct fixture *f = *state;
	/* Ours is 70 years ahead: what the pool's clock says still holds, and the other way round. */
	static const char ahead[] = "clock=2208988800000";
	open_pool(f, ", freeze: [2020-01-01..2079-12-31 the move, 2085-01-01..2110-12-31 far off]");
	REFUSED(f, "step", "checkout", "next", CONFIRMED);
	assert_says(f, "W191 FROZEN (the move)");
	assert_status(f, 6, run(f, ahead, ARGS("step", "checkout", "next", CONFIRMED)));
	assert_says(f, "W191 FROZEN (");
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	/* Neither hold nor the way back asks. */
	DONE(f, "hold", "checkout");
	DONE(f, "resume", "checkout", CONFIRMED);
	DONE(f, "rollback", "checkout", "--wait=20s");
	DONE(f, "status", "checkout", "--json");
	assert_says(f, "\"code\":\"W191\",\"text\":\"FROZEN (the move)\",\"wait_ms\":null");
	DONE(f, "brief", "checkout");
	assert_says(f, "frozen 2020-01-01 00:00 UTC to 2080-01-01 00:00 UTC: the move");
}

static void test_hours_and_dates(void **state)
{
	struct fixture *f = *state;
	/* All hours are open, and a freeze is far off: nothing is in the way. */
	open_pool(
		f, ", hours: '00:00-24:00 Asia/Kolkata', freeze: [2085-01-01..2085-12-31 far off]");
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait=20s");
	char plan[WORLD_PATH];
	world_path(&f->w, plan, "plan.yaml");
	world_write(plan,
		"steps: [10% for 3d, 50%]\nbake: 1s\nhours: Mon 09:00-16:00 Europe/Vienna\n"
		"freeze: [2020-01-01..2079-12-31 the move]\n");
	/* Foreseen by a clock behind the freeze: on Mondays, a week apart. */
	assert_status(f, 0, run(f, "clock=2208988800000", ARGS("plan", plan, "--json")));
	cJSON *json = cJSON_Parse(f->p.out.text);
	assert_non_null(json);
	const cJSON *steps = cJSON_GetObjectItem(json, "steps");
	const char *first = world_word(cJSON_GetArrayItem(steps, 0), "earliest");
	const char *second = world_word(cJSON_GetArrayItem(steps, 1), "earliest");
	/* 09:00 in summer or in winter, or at once where it is Monday */
	if (!strstr(second, "T07:00:00") && !strstr(second, "T08:00:00"))
		fail_msg("%s, %s", first, second);
	assert_true(strcmp(first, second) < 0);
	cJSON_Delete(json);
	DONE(f, "plan", plan);
	assert_says(f, "raises only Mon 09:00-16:00 Europe/Vienna");
	assert_says(f, "frozen from 2019-12-31 23:00:00 to 2079-12-31 23:00:00: the move");
}

/* ---- flags ---- */

static void raise_flag(struct fixture *f, const char *name, const char *text)
{
	char path[WORLD_PATH], dir[WORLD_PATH];
	world_path(&f->w, dir, "flags");
	if (mkdir(dir, 0755) < 0)
		assert_int_equal(errno, EEXIST);
	world_path(&f->w, path, name);
	world_write(path, text);
}

static void lower_flag(struct fixture *f, const char *name)
{
	char path[WORLD_PATH];
	world_path(&f->w, path, name);
	assert_int_equal(unlink(path), 0);
}

static void await_rev(struct fixture *f, int64_t rev)
{
	for (int64_t end_ms = process_clock_ms() + SOON_MS; world_fact(&f->w, "rev") < rev;) {
		assert_true(process_clock_ms() < end_ms);
		process_wait(&f->w.pool, 20);
	}
}

static void await_share(struct fixture *f, int64_t wanted)
{
	int64_t now = -1;
	for (int64_t end_ms = process_clock_ms() + SOON_MS; process_clock_ms() < end_ms;) {
		if ((now = world_fact(&f->w, "share_bp")) == wanted)
			return;
		process_wait(&f->w.pool, 20);
	}
	fail_msg("the share is %lld, not %lld", (long long)now, (long long)wanted);
}

/* By their reasons: while the stopped console had the history's lock, the pool's log may have told of
 * one before its own row came, and knows of no role. */
static int count_flagged(struct fixture *f)
{
	cJSON *log = world_log(&f->w, f->w.history);
	const cJSON *row;
	int n = 0;
	cJSON_ArrayForEach(row, log) n += strncmp(world_word(row, "reason"), "flag ", 5) == 0;
	cJSON_Delete(log);
	return n;
}

static void await_flagged(struct fixture *f, int n)
{
	int64_t end_ms = process_clock_ms() + SOON_MS;
	while (count_flagged(f) < n && process_clock_ms() < end_ms)
		continue;
	assert_int_equal(count_flagged(f), n);
	do
		DONE(f, "log", "--verb", "rollback");
	while (!strstr(f->p.out.text, "VERIFIED") && process_clock_ms() < end_ms);
	assert_says(f, "VERIFIED");
}

static void start_recorder(struct fixture *f)
{
	struct world_env env = world_env(&f->w, ARGS("WEIR_ACTOR=rec@e2e", f->lock_dir));
	process_release(&f->other);
	world_start(&f->w, &f->other, &env,
		ARGS("record", "checkout", "--guard", "--progress", "never", "--config", f->w.config));
	if (!process_wait_err(&f->other, "guards", SOON_MS))
		fail_msg("it does not guard: %s", f->other.err.text);
}

static void test_a_flag_rolls_back_beside_a_dead_console(void **state)
{
	struct fixture *f = *state;
	struct world_env env = world_env(&f->w, ARGS(KIM, f->lock_dir));
	struct pty console = {0};
	open_pool(f, "");
	start_recorder(f);
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait=20s");
	world_console(&f->w, &console, 100, 30, &env, ARGS("checkout", "--config", f->w.config));
	assert_true(pty_wait_text(&console, "BAKING", SOON_MS));
	pty_signal(&console, SIGSTOP);
	raise_flag(f, "flags/rollback.checkout", "pager \x1b[31m 4711\nmore\n");
	await_share(f, 0);
	/* Stopped, it may hold the history's lock: what was done is written down when that is free.
	 * It says why, and while the file lies there nothing is raised. */
	pty_signal(&console, SIGCONT);
	await_flagged(f, 1);
	pty_release(&console);
	DONE(f, "log");
	assert_says(f, "\"flag rollback.checkout: pager ^[[31m 4711\"");
	REFUSED(f, "step", "checkout", "next", CONFIRMED);
	assert_says(f, "W191 FROZEN (pager ^[[31m 4711), flag rollback.checkout");
	/* Once a file, over a restart of the recorder too; a new one is another. */
	assert_int_equal(count_flagged(f), 1);
	process_signal(&f->other, SIGTERM);
	assert_int_equal(process_wait(&f->other, SOON_MS), 0);
	start_recorder(f);
	assert_int_equal(count_flagged(f), 1);
	lower_flag(f, "flags/rollback.checkout");
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait=20s");
	raise_flag(f, "flags/rollback.checkout", "again\n");
	await_share(f, 0);
}

static void test_freeze_flags(void **state)
{
	struct fixture *f = *state;
	char path[WORLD_PATH];
	open_pool(f, "");
	raise_flag(f, "flags/freeze.other", "not for us\n");
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait=20s");
	raise_flag(f, "flags/freeze", "the sale\n");
	REFUSED(f, "step", "checkout", "next", CONFIRMED);
	assert_says(f, "W191 FROZEN (the sale), flag freeze");
	DONE(f, "rollback", "checkout", "--wait=20s");
	lower_flag(f, "flags/freeze");
	raise_flag(f, "flags/freeze.checkout", "");
	REFUSED(f, "step", "checkout", "next", CONFIRMED, "--dry-run");
	assert_says(f, "FROZEN (no reason given), flag freeze.checkout");
	/* What is not known is not open. */
	lower_flag(f, "flags/freeze.checkout");
	world_path(&f->w, path, "flags/freeze");
	assert_int_equal(symlink("/etc/hostname", path), 0);
	REFUSED(f, "step", "checkout", "next", CONFIRMED);
	assert_says(f, "flag files cannot be read: 'freeze'");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	REFUSED(f, "step", "checkout", "next", CONFIRMED);
	assert_says(f, "'freeze' is no plain file");
	assert_int_equal(unlink(path), 0);
	world_path(&f->w, path, "flags");
	assert_int_equal(chmod(path, 0777), 0);
	REFUSED(f, "step", "checkout", "next", CONFIRMED);
	assert_says(f, "can be written by others: run chmod o-w on it");
	assert_int_equal(chmod(path, 0755), 0);
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait=20s");
}

static void test_a_directory_that_does_not_answer(void **state)
{
	struct fixture *f = *state;
	char gate[WORLD_PATH], rule[2 * WORLD_PATH], flags[2 * WORLD_PATH];
	open_pool(f, "");
	raise_flag(f, "flags/other", "");
	world_path(&f->w, gate, "gate");
	int fd = open(gate, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	snprintf(rule, sizeof rule, "call=opendir path=/flags every do=hold gate=%s", gate);
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait=20s");
	struct pty console = {0};
	struct world_env env = world_fault(&f->w, rule, ARGS(KIM, f->lock_dir));
	world_console(&f->w, &console, 110, 30, &env, ARGS("checkout", "--config", f->w.config));
	assert_true(pty_wait_text(&console, "BAKING", SOON_MS));
	assert_status(f, 6, run(f, rule, ARGS("step", "checkout", "next", CONFIRMED)));
	assert_says(f, "W191 flag files cannot be read: no answer for ");
	/* The way down asks for no flag. A console draws on, and opens what was locked by itself. */
	assert_status(f, 0, run(f, rule, ARGS("rollback", "checkout", "--wait=20s")));
	assert_true(pty_wait_text(&console, "cannot be read: no answer for ", SOON_MS));
	assert_int_equal(flock(fd, LOCK_UN), 0);
	assert_true(pty_wait_no_text(&console, "no answer for", SOON_MS));
	pty_release(&console);
	close(fd);
	/* One that is named and not there is not known either. */
	snprintf(flags, sizeof flags, "flags: %s/elsewhere\n", f->w.dir);
	world_config(&f->w, f->w.target, flags);
	REFUSED(f, "step", "checkout", "10%", CONFIRMED);
	assert_says(f, "/elsewhere' is not there: make it, or leave out flags:");
}

/* ---- the drill ---- */

static void row_73_a_drill_walks_the_way_back(void **state)
{
	struct fixture *f = *state;
	open_pool(f, ", policy: strict");
	DONE(f, "arm", "checkout", CONFIRMED, "--reason", "we begin");
	REFUSED(f, "step", "checkout", "next", CONFIRMED, "--reason", "first");
	assert_says(f, "W192 last drill never; at most 7d: run weir drill checkout");
	assert_status(f, 2, WEIR(f, "drill", "checkout"));
	assert_says(f, "--confirm checkout");
	DONE(f, "drill", "checkout", CONFIRMED);
	assert_says(f, "checkout: drill 10 % > 0 %: acknowledged in ");
	assert_says(f, "verified on every node in ");
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	DONE(f, "log", "--json");
	assert_says(f, "\"role\":\"drill\",\"verb\":\"rollback\"");
	DONE(f, "status", "checkout", "--json");
	assert_says(f, "\"drill\":{\"age_ms\":");
	DONE(f, "brief", "checkout");
	assert_says(f, "last drill ");
	/* It lets the plan begin; a week later it would not. */
	DONE(f, "step", "checkout", "next", CONFIRMED, "--reason", "first", "--wait=20s");
	DONE(f, "rollback", "checkout", "--wait=20s", "--reason", "again");
	assert_status(f, 6,
		run(f, "clock=700000000",
			ARGS("step", "checkout", "next", CONFIRMED, "--reason", "late")));
	assert_says(f, "W192 last drill 8d ago: back in ");
}

static void test_no_drill_where_it_would_cost(void **state)
{
	struct fixture *f = *state;
	open_pool(f, "");
	DONE(f, "drill", "checkout", CONFIRMED, "--json");
	assert_says(f, "\"verified_ms\":");
	/* From the first step it goes back at once; from a later one not at all. */
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait=20s");
	DONE(f, "drill", "checkout", CONFIRMED);
	raise_flag(f, "flags/freeze", "the sale\n");
	REFUSED(f, "drill", "checkout", CONFIRMED);
	assert_says(f, "W191 FROZEN (the sale)");
	lower_flag(f, "flags/freeze");
	world_config(
		&f->w, f->w.target, "    interval: 100ms\n    plan: {steps: [5%, 10%], bake: 1s}\n");
	DONE(f, "step", "checkout", "5%", CONFIRMED, "--wait=20s");
	world_config(
		&f->w, f->w.target, "    interval: 100ms\n    plan: {steps: [1%, 5%], bake: 1s}\n");
	REFUSED(f, "drill", "checkout", CONFIRMED);
	assert_says(f, "W162 a drill goes back from the first step, 1 %, and 'checkout' is at 5 %");
	world_config(&f->w, f->w.target, "    interval: 100ms\n");
	assert_status(f, 2, WEIR(f, "drill", "checkout", CONFIRMED));
	assert_says(f, "has no plan");
}

/* Killed before it sees its step: `clock` is by how much its clock is ahead. */
static void kill_drill(struct fixture *f, const char *clock)
{
	char rules[80];
	snprintf(rules, sizeof rules, "%s; after=PUT call=send data=GET do=kill", clock);
	assert_status(f, 128 + SIGKILL, run(f, rules, ARGS("drill", "checkout", CONFIRMED)));
	await_share(f, 1000);
}

static void test_a_drill_that_is_killed_goes_back(void **state)
{
	struct fixture *f = *state;
	open_pool(f, "");
	kill_drill(f, "clock=0");
	DONE(f, "status", "checkout");
	assert_says(f, "if all leave: back to 0 % in ");
	assert_says(f, "drill      never");
	/* Another one ends it, once its sender can be there no more. */
	assert_status(f, 0, run(f, "clock=6000", ARGS("drill", "checkout", CONFIRMED)));
	assert_says(f, "checkout: drill 10 % > 0 %: acknowledged in ");
	DONE(f, "status", "checkout");
	assert_says(f, "ago: back in ");
	DONE(f, "doctor", "checkout");
	assert_says(f, "ok   drill            ");
	/* So does a console of the same person by itself, a minute later. */
	kill_drill(f, "clock=6000");
	struct pty console = {0};
	struct world_env env = world_fault(&f->w, "clock=70000", ARGS(KIM, f->lock_dir));
	world_console(&f->w, &console, 110, 30, &env, ARGS("checkout", "--config", f->w.config));
	assert_true(pty_wait_text(&console, "\"a drill was left at its step\"", SOON_MS));
	await_share(f, 0);
	assert_true(pty_wait_text(&console, "ROLLED BACK to 0 %", SOON_MS));
	/* Its own goes up and down behind one y: the row of the one before looks the same. */
	const int64_t rev = world_fact(&f->w, "rev");
	pty_send(&console, ":drill\r");
	assert_true(pty_wait_text(&console, "DRILL checkout 0 > 10 %, and back", SOON_MS));
	assert_true(pty_wait_text(&console, "y drill", SOON_MS));
	for (int64_t end_ms = process_clock_ms() + SOON_MS; process_clock_ms() < end_ms;) {
		pty_send(&console, "y");
		if (pty_wait_no_text(&console, "and back", 500))
			break;
	}
	await_rev(f, rev + 2);
	await_share(f, 0);
	assert_true(pty_wait_text(&console, "rollback 10 > 0 %  VERIFIED", SOON_MS));
	pty_release(&console);
	assert_true(world_verified(&f->w, f->w.history));
}

/* Before its step is seen, which it never is while the gate is shut. */
static void test_a_drill_that_is_interrupted_goes_back_at_once(void **state)
{
	struct fixture *f = *state;
	char gate[WORLD_PATH], rules[2 * WORLD_PATH];
	world_path(&f->w, gate, "gate");
	int fd = open(gate, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	open_pool(f, "");
	snprintf(rules, sizeof rules, "after=PUT call=send data=GET every do=EIO gate=%s", gate);
	struct world_env env = world_fault(&f->w, rules, ARGS(KIM, f->lock_dir));
	world_start(&f->w, &f->other, &env,
		ARGS("drill", "checkout", CONFIRMED, "--config", f->w.config));
	await_share(f, 1000);
	process_signal(&f->other, SIGINT);
	await_share(f, 0);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	assert_int_equal(process_wait(&f->other, SOON_MS), 0);
	assert_non_null(strstr(f->other.out.text, "verified on every node in "));
	assert_non_null(strstr(f->other.out.text, "drill 10 % > 0 %: ")); /* unseen as it is */
	DONE(f, "log", "--json");
	assert_says(f, "\"role\":\"drill\",\"verb\":\"rollback\"");
	close(fd);
}

/* ---- the veto hook ---- */

static void write_hook(struct fixture *f, const char *body)
{
	char path[WORLD_PATH], script[1024];
	world_path(&f->w, path, "hook");
	snprintf(script, sizeof script, "#!/bin/sh\ndir='%s'\n%s\n", f->w.dir, body);
	world_write(path, script);
	assert_int_equal(chmod(path, 0700), 0);
}

static void say_hook(struct fixture *f, const char *hook)
{
	char rest[512];
	snprintf(rest, sizeof rest,
		"    interval: 100ms\n"
		"    plan: {steps: [10%%, 50%%, 100%%], bake: 1s, min_samples: 5}\n"
		"    veto: {command: '%s/%s'}\n"
		"veto: {command: /of/all}\n",
		f->w.dir, hook);
	world_config(&f->w, f->w.target, rest);
}

static void read_asked(const struct fixture *f, char *out, size_t size)
{
	char path[WORLD_PATH];
	world_path(&f->w, path, "asked");
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	out[fread(out, 1, size - 1, file)] = 0;
	fclose(file);
}

static void test_a_hook_vetoes(void **state)
{
	struct fixture *f = *state;
	char asked[64], may[WORLD_PATH];
	world_path(&f->w, may, "may");
	write_hook(f,
		"echo \"$@\" >> \"$dir/asked\"\n"
		"grep -q '\"schema\":\"weir.status/1\",\"pool\":\"checkout\"' || exit 9\n"
		"[ -e \"$dir/may\" ] || { printf 'not \\033[31mtoday\\nmore\\n' >&2; exit 3; }");
	open_pool(f, "");
	say_hook(f, "hook");
	REFUSED(f, "step", "checkout", "next", CONFIRMED);
	assert_says(f, "W194 vetoed: not ^[[31mtoday");
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	DONE(f, "log");
	assert_says(f, "NOT_SENT");
	assert_says(f, "W194 vetoed: not ^[[31mtoday");
	raise_flag(f, "may", "");
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait=20s");
	/* What goes down, keeps or holds does not ask. */
	assert_int_equal(unlink(may), 0);
	DONE(f, "hold", "checkout");
	DONE(f, "step", "checkout", "5%", CONFIRMED);
	DONE(f, "rollback", "checkout", "--wait=20s");
	read_asked(f, asked, sizeof asked);
	assert_string_equal(asked, "checkout 0 1000 step\ncheckout 0 1000 step\n");
	assert_true(world_verified(&f->w, f->w.history));
}

static void test_a_hook_that_is_missing(void **state)
{
	struct fixture *f = *state;
	open_pool(f, "");
	say_hook(f, "missing");
	REFUSED(f, "step", "checkout", "next", CONFIRMED);
	assert_says(f, "cannot be run: No such file or directory");
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	DONE(f, "log");
	assert_says(f, "W194 the veto hook");
}

/* What is pressed while the hook thinks is the later word. */
static void test_a_rollback_while_the_hook_thinks(void **state)
{
	struct fixture *f = *state;
	char body[700];
	snprintf(body, sizeof body, "'%s' rollback checkout --config '%s' --history '%s' >&2",
		world_weir(), f->w.config, f->w.history);
	write_hook(f, body);
	open_pool(f, "");
	say_hook(f, "hook");
	REFUSED(f, "step", "checkout", "next", CONFIRMED);
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	DONE(f, "log");
	assert_says(f, "NOT_SENT");
	assert_says(f, "W140");
}

/* ---- how many rise at once ---- */

/* Two pools on one history and one engine each; what is asked of both at the same moment. */
static void test_two_race_to_rise(void **state)
{
	struct fixture *f = *state;
	struct process more = {0}, one = {0}, two = {0};
	char rest[900], listen[WORLD_PATH + 8], socket[WORLD_PATH];
	static const char plan[] =
		"    interval: 100ms\n    plan: {steps: [10%, 50%], bake: 1m, min_samples: 5}\n";
	world_pool(&f->w, false, ARGS("--scenario", f->load, "--unit", "500ms"));
	world_path(&f->w, socket, "other.sock");
	snprintf(listen, sizeof listen, "unix:%s", socket);
	world_start(&f->w, &more, NULL,
		ARGS("serve", "--listen", listen, "--scenario", f->load, "--unit", "500ms"));
	for (int i = 0; access(socket, F_OK) != 0 && i < 400; i++)
		process_wait_err(&more, "never said", 50);
	snprintf(rest, sizeof rest, "%s  other:\n    target: %s\n%s", plan, listen, plan);
	world_config(&f->w, f->w.target, rest);
	struct world_env env = world_env(&f->w, ARGS(KIM, f->lock_dir));
	world_start(&f->w, &one, &env,
		ARGS("step", "checkout", "next", CONFIRMED, "--wait=20s", "--config", f->w.config));
	world_start(&f->w, &two, &env,
		ARGS("step", "other", "next", "--confirm", "other", "--wait=20s", "--config",
			f->w.config));
	int first = process_wait(&one, SOON_MS), second = process_wait(&two, SOON_MS);
	if (!((first == 0 && second == 6) || (first == 6 && second == 0)))
		fail_msg("%d and %d:\n%s%s", first, second, one.err.text, two.err.text);
	const char *raised = first == 0 ? "checkout" : "other", *not = first == 0 ? "other" : "checkout";
	assert_non_null(strstr(first == 0 ? two.err.text : one.err.text, "W193"));
	/* Known before anything is recorded, too; and back is back. */
	REFUSED(f, "step", not, "next", "--confirm", not);
	assert_says(f, "W193");
	assert_says(f, "until kept or back, at most 0");
	DONE(f, "rollback", raised, "--wait=20s");
	DONE(f, "step", not, "next", "--confirm", not, "--wait=20s");
	process_release(&one);
	process_release(&two);
	process_release(&more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(row_74_frozen_by_either_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hours_and_dates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_flag_rolls_back_beside_a_dead_console, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_freeze_flags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_directory_that_does_not_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(row_73_a_drill_walks_the_way_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_drill_that_is_killed_goes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_drill_that_is_interrupted_goes_back_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_drill_where_it_would_cost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_hook_vetoes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_hook_that_is_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_rollback_while_the_hook_thinks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_race_to_rise, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
