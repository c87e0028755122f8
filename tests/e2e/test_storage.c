/* Storage: a disk that is full, fails, stalls or forgets; a history that is locked, shared,
 * damaged, foreign or tampered with. Forward steps are refused, the brakes work, nothing that
 * was acknowledged is lost, and what was changed behind weir's back is found. Each case is named
 * after its row of the fault catalogue; a disk that stalls is in test_faults. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/glass.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LATER_MS "61000" /* then what is found open has no living sender */
#define STEP "step", "checkout", "10%", "--confirm", "checkout"
#define ROLLBACK "rollback", "checkout"
#define KEY_MS 2000

struct fixture {
	struct world w;
	struct glass g;
	struct process p;
	char history[WORLD_PATH]; /* the one that commands are given */
	char gate_path[WORLD_PATH], bell_path[WORLD_PATH];
	int gate, bell;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	f.gate = f.bell = -1;
	world_open(&f.w);
	world_path(&f.w, f.gate_path, "gate");
	world_path(&f.w, f.bell_path, "bell");
	text_copy(f.history, sizeof f.history, f.w.history);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->gate >= 0)
		close(f->gate);
	if (f->bell >= 0)
		close(f->bell);
	glass_close(&f->g);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

static void manual_pool(struct fixture *f)
{
	world_config(&f->w, f->w.target, "    interval: 100ms\n");
	world_pool(&f->w, false, ARGS("--share", "0%"));
}

static void planned_pool(struct fixture *f)
{
	world_config(&f->w, f->w.target,
		"    interval: 200ms\n"
		"    plan: {steps: [5%, 10%], bake: 100ms, min_samples: 0}\n");
	world_pool(&f->w, false, ARGS("--share", "0%"));
}

/* Runs `weir ARGS` on the fixture's history; `rules` may be NULL. */
static int run(struct fixture *f, const char *rules, const char *const *args)
{
	const char *all[24];
	size_t n = 0;
	for (; args[n] && n < 18; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n++] = "--history";
	all[n++] = f->history;
	all[n] = NULL;
	struct world_env env = rules ? world_fault(&f->w, rules, NULL) : world_env(&f->w, NULL);
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

static bool says(const struct fixture *f, const char *text)
{
	return strstr(f->p.out.text, text) || strstr(f->p.err.text, text);
}

static void assert_says(const struct fixture *f, const char *text)
{
	if (!says(f, text))
		fail_msg("'%s' is not said: %s%s", text, f->p.out.text, f->p.err.text);
}

/* A macro, so that a failure names the line. */
#define assert_status(f, is, wanted) \
	do { \
		int status_ = (is); \
		if (status_ != (wanted)) \
			fail_msg( \
				"status %d, not %d: %s%s", status_, wanted, (f)->p.out.text, (f)->p.err.text); \
	} while (0)

/* ---- gates and bells ---- */

/* Shut, the disk fails or stalls for whoever has a rule with this gate. */
static void shut(struct fixture *f)
{
	f->gate = open(f->gate_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(f->gate >= 0 && flock(f->gate, LOCK_EX) == 0);
}

static void reopen(struct fixture *f)
{
	close(f->gate);
	f->gate = -1;
}

static void hang_bell(struct fixture *f)
{
	assert_int_equal(mkfifo(f->bell_path, 0600), 0);
	f->bell = open(f->bell_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(f->bell >= 0);
}

/* So many from now on. */
static void wait_rings(struct fixture *f, int rings)
{
	struct pollfd wait = {.fd = f->bell, .events = POLLIN};
	char one, old[256];
	while (read(f->bell, old, sizeof old) > 0)
		continue;
	for (int i = 0; i < rings; i++) {
		assert_int_equal(poll(&wait, 1, 10000), 1);
		assert_int_equal(read(f->bell, &one, 1), 1);
	}
}

static void wait_bell(struct fixture *f)
{
	struct pollfd wait = {.fd = f->bell, .events = POLLIN};
	char rings[64];
	assert_int_equal(poll(&wait, 1, 10000), 1);
	assert_true(read(f->bell, rings, sizeof rings) > 0);
}

/* ---- what must hold afterwards ---- */

static int count_of(const cJSON *list, const char *member, const char *value)
{
	const cJSON *item;
	int n = 0;
	cJSON_ArrayForEach(item, list) n += strcmp(world_word(item, member), value) == 0;
	return n;
}

static int count_done(struct fixture *f, const char *verb)
{
	cJSON *audit = world_audit(&f->w, 0);
	int n = count_of(audit, "what", verb);
	cJSON_Delete(audit);
	return n;
}

/* The next process asks for what it finds open and takes what the pool knows; then everything
 * that the pool did is in the history once, and the chain is whole. */
static void check_whole(struct fixture *f, const char *what)
{
	const cJSON *entry;
	int status = run(f, "clock=" LATER_MS, ARGS("resume", "checkout", "--confirm", "checkout"));
	if (status != 0)
		fail_msg("%s: the process behind it: status %d: %s%s", what, status, f->p.out.text,
			f->p.err.text);
	cJSON *audit = world_audit(&f->w, 0), *log = world_log(&f->w, f->history);
	cJSON_ArrayForEach(entry, audit)
	{
		int n = count_of(log, "id", world_word(entry, "key"));
		if (n != 1 && world_word(entry, "key")[0])
			fail_msg("%s: %s %s is %d times in the history", what, world_word(entry, "what"),
				world_word(entry, "key"), n);
	}
	assert_int_equal(count_of(log, "outcome", "PENDING"), 0);
	assert_int_equal(count_of(log, "outcome", "UNRESOLVED"), 0);
	cJSON_Delete(audit);
	cJSON_Delete(log);
	assert_true(world_verified(&f->w, f->history));
}

/* A step is refused and nothing leaves. */
static void check_refused(struct fixture *f, const char *rules, const char *share)
{
	int64_t done = world_fact(&f->w, "audit_seq");
	assert_status(
		f, run(f, rules, ARGS("step", "checkout", share, "--confirm", "checkout")), 6);
	assert_says(f, "W200");
	assert_int_equal(world_fact(&f->w, "audit_seq"), done);
}

/* The brakes work; what could not be recorded is said. */
static void check_brakes(struct fixture *f, const char *rules)
{
	int holds = count_done(f, "hold"), rollbacks = count_done(f, "rollback");
	int status = run(f, rules, ARGS("hold", "checkout"));
	if (status != 0 && status != 3)
		fail_msg("hold: status %d: %s", status, f->p.err.text);
	assert_int_equal(status == 3, says(f, "NOT RECORDED") || says(f, "W207"));
	status = run(f, rules, ARGS(ROLLBACK));
	if (status != 0 && status != 3)
		fail_msg("rollback: status %d: %s", status, f->p.err.text);
	assert_int_equal(status == 3, says(f, "NOT RECORDED") || says(f, "W207"));
	assert_int_equal(count_done(f, "hold"), holds + 1);
	assert_int_equal(count_done(f, "rollback"), rollbacks + 1);
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
}

/* ---- 52: kill -9 at any point ---- */

/* Between the write of an intent and its sync; all other calls are test_crash's. */
static void row_52_killed_between_write_and_sync(void **state)
{
	struct fixture *f = *state;
	manual_pool(f);
	assert_status(f,
		run(f, "call=fdatasync path=-wal after=unsynced do=kill",
			ARGS(STEP, "--reason", "unsynced")),
		128 + SIGKILL);
	assert_int_equal(world_fact(&f->w, "audit_seq"), 0);
	check_whole(f, "killed before the sync");
	assert_status(f, run(f, NULL, ARGS(STEP)), 0);
	check_whole(f, "the step behind it");
}

/* ---- 53, 54: a disk that is full, and one that fails ---- */

/* For one-shots from their first write on: refused, or done by the brakes. */
static void check_always(struct fixture *f, const char *error)
{
	char rules[160];
	assert_status(f, run(f, NULL, ARGS(STEP)), 0);
	snprintf(rules, sizeof rules, "call=disk path=history.db every do=%s", error);
	check_refused(f, rules, "5%");
	check_brakes(f, rules);
	check_whole(f, error);
}

/* At the n-th such call, once or from then on: the step is done and recorded, or refused. */
static void check_at(struct fixture *f, const char *call, int at, bool every, const char *error)
{
	char rules[160], what[192];
	int64_t done = world_fact(&f->w, "audit_seq");
	snprintf(rules, sizeof rules, "call=%s path=history.db at=%d%s do=%s", call, at,
		every ? " every" : "", error);
	snprintf(what, sizeof what, "%s of a step", rules);
	int status = run(f, rules, ARGS(STEP));
	int64_t now = world_fact(&f->w, "audit_seq");
	bool refused = status == 6 && now == done && says(f, "W200");
	/* 3: done, and the outcome could not be written any more. */
	bool applied = (status == 0 || (status == 3 && says(f, "W207"))) && now == done + 1;
	if (!refused && !applied)
		fail_msg("%s: status %d, %d changes: %s%s", what, status, (int)(now - done),
			f->p.out.text, f->p.err.text);
	check_whole(f, what);
	if (world_fact(&f->w, "share_bp") != 0)
		assert_status(f, run(f, NULL, ARGS(ROLLBACK)), 0);
}

static void check_each(struct fixture *f, const char *const *calls, const char *error)
{
	static const int places[] = {1, 2, 4, 9};
	for (; *calls; calls++)
		for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
			check_at(f, *calls, places[i], false, error);
			check_at(f, *calls, places[i], true, error);
		}
}

static void row_53_disk_full(void **state)
{
	struct fixture *f = *state;
	manual_pool(f);
	check_always(f, "ENOSPC");
	check_each(f, ARGS("pwrite"), "ENOSPC");
}

static void is_recording(struct fixture *f, const char *history)
{
	int64_t end_ms = process_clock_ms() + 10000;
	int status;
	do {
		assert_true(process_clock_ms() < end_ms);
		process_release(&f->p);
		status = world_run(&f->w, &f->p, NULL, ARGS("verify", history));
	} while (status != 0 || strstr(f->p.out.text, " 0 rows"));
}

/* Full while a change is to be recorded; `back`: room comes back before the recorder ends. */
static void record_full(struct fixture *f, const char *name, bool back)
{
	char rules[3 * WORLD_PATH], path[WORLD_PATH], match[40];
	struct process record;
	int done = count_done(f, "step");
	world_path(&f->w, path, name);
	snprintf(match, sizeof match, "%s", name);
	snprintf(rules, sizeof rules, "call=disk path=%s every do=ENOSPC gate=%s note=%s", match,
		f->gate_path, f->bell_path);
	struct world_env env = world_fault(&f->w, rules, NULL);
	world_start(&f->w, &record, &env,
		ARGS("record", "checkout", "--out", path, "--config", f->w.config));
	is_recording(f, path);
	shut(f);
	assert_status(f,
		run(f, NULL,
			ARGS(done % 2 ? "rollback" : "step", "checkout", done % 2 ? NULL : "10%",
				"--confirm", "checkout")),
		0);
	wait_bell(f);
	wait_bell(f); /* tried again */
	if (back) {
		char text[64];
		reopen(f);
		cJSON *audit = world_audit(&f->w, 0);
		const cJSON *last = cJSON_GetArrayItem(audit, cJSON_GetArraySize(audit) - 1);
		text_copy(text, sizeof text, world_word(last, "key"));
		cJSON_Delete(audit);
		int64_t end_ms = process_clock_ms() + 10000;
		for (bool there = false; !there;) {
			assert_true(process_clock_ms() < end_ms);
			cJSON *log = world_log(&f->w, path);
			there = count_of(log, "id", text) == 1;
			cJSON_Delete(log);
		}
	}
	process_signal(&record, SIGTERM);
	int status = process_wait(&record, 20000);
	bool dropped = strstr(record.err.text, "W207") != NULL &&
		strstr(record.err.text, "samples dropped") != NULL;
	if (status != (back ? 0 : 3) || dropped != !back)
		fail_msg("record, full%s: status %d: %s", back ? " for a time" : "", status,
			record.err.text);
	process_release(&record);
	if (!back)
		reopen(f);
	assert_true(world_verified(&f->w, path));
}

static void row_53_disk_full_under_a_recorder(void **state)
{
	struct fixture *f = *state;
	manual_pool(f);
	hang_bell(f);
	record_full(f, "ends-full.db", false);
	record_full(f, "goes-on.db", true);
}

/* A console that stands at 5 % and could step to 10 %. */
static void console_at_5(struct fixture *f, const struct world_env *env)
{
	glass_open(&f->g, &f->w, 80, 24, env, ARGS("checkout", "--config", f->w.config));
	assert_true(glass_wait(&f->g, "LIVE", NULL, 10000));
	pty_send(&f->g.pty, "S");
	assert_true(glass_wait(&f->g, "y step to 5 %", "k", 10000));
	pty_send(&f->g.pty, "y");
	assert_true(glass_wait(&f->g, "READY for 10 %", NULL, 10000));
	assert_int_equal(world_fact(&f->w, "share_bp"), 500);
}

static void press_step(struct fixture *f, const char *hint)
{
	pty_send(&f->g.pty, "S");
	assert_true(glass_wait(&f->g, hint, "k", 10000));
	pty_send(&f->g.pty, "y");
}

static bool over(const struct simulator *screen, const void *text)
{
	return simulator_shows(screen, text);
}

/* The console has noticed already, or does when the intent is not recorded. */
static void check_step_locked(struct fixture *f)
{
	pty_send(&f->g.pty, "S");
	if (!pty_wait(&f->g.pty, over, "W200", 1000)) /* by now a `y` works, if there is one */
		pty_send(&f->g.pty, "y");

	assert_true(glass_wait(&f->g, "W200", NULL, 10000));
	assert_int_equal(world_fact(&f->w, "share_bp"), 500);
	if (simulator_shows(&f->g.pty.screen, "STEP checkout"))
		pty_send(&f->g.pty, "\033");
	assert_true(pty_wait_no_text(&f->g.pty, "STEP checkout", KEY_MS));
}

/* Milliseconds from the second key to the pool's acknowledgement. */
static int64_t press_rollback(struct fixture *f)
{
	pty_send(&f->g.pty, "R");
	assert_true(glass_wait(&f->g, "y roll back now", "k", 10000));
	int64_t began_ms = process_clock_ms();
	pty_send(&f->g.pty, "y");
	while (world_fact(&f->w, "share_bp") != 0)
		assert_true(process_clock_ms() - began_ms < 5000);
	return process_clock_ms() - began_ms;
}

static void check_keys_alive(struct fixture *f)
{
	int64_t began_ms = process_clock_ms();
	pty_send(&f->g.pty, "?");
	assert_true(pty_wait_text(&f->g.pty, "HELP", KEY_MS));
	printf("help after %lld ms\n", (long long)(process_clock_ms() - began_ms));
	pty_send(&f->g.pty, "\033");
	assert_true(pty_wait_no_text(&f->g.pty, "HELP", KEY_MS));
}

/* 3 says that something was done and not recorded. */
static void leave(struct fixture *f)
{
	pty_send(&f->g.pty, "q");
	/* Where something ends with the console it asks first. */
	if (pty_wait_text(&f->g.pty, "LEAVE", 1000)) {
		assert_true(glass_wait(&f->g, "y leave", "k", 5000));
		pty_send(&f->g.pty, "y");
	}
	int status = pty_wait_exit(&f->g.pty, 20000);
	assert_true(status == 0 || status == 3);
	glass_close(&f->g);
}

/* The disk fails while the console runs, and works again. */
static void console_on_a_bad_disk(struct fixture *f, const char *error)
{
	char rules[2 * WORLD_PATH];
	planned_pool(f);
	snprintf(rules, sizeof rules, "call=disk path=history.db every do=%s gate=%s", error,
		f->gate_path);
	struct world_env env = world_fault(&f->w, rules, NULL);
	console_at_5(f, &env);
	shut(f);
	check_step_locked(f);
	check_keys_alive(f);

	assert_int_equal(world_fact(&f->w, "share_bp"), 500);
	int64_t took_ms = press_rollback(f);
	printf("%s: press to rolled back %lld ms\n", error, (long long)took_ms);
	assert_int_equal(count_done(f, "step"), 1);
	reopen(f);
}

static void row_53_disk_full_under_a_console(void **state)
{
	struct fixture *f = *state;
	console_on_a_bad_disk(f, "ENOSPC");
	/* Room has come back: so have steps. */
	assert_true(glass_wait(&f->g, "rollback: VERIFIED", NULL, 15000));
	press_step(f, "y step to 5 %");
	assert_true(glass_wait(&f->g, "step: VERIFIED", NULL, 10000));
	press_rollback(f);
	assert_true(glass_wait(&f->g, "rollback: VERIFIED", NULL, 15000));
	leave(f);
	check_whole(f, "a console on a full disk");
}

static void row_54_disk_error_at_any_call(void **state)
{
	struct fixture *f = *state;
	manual_pool(f);
	check_always(f, "EIO");
	check_each(f, ARGS("pwrite", "fdatasync"), "EIO");
}

/* What the disk has once failed for is not trusted again, however well it works. */
static void row_54_disk_error_under_a_console(void **state)
{
	struct fixture *f = *state;
	console_on_a_bad_disk(f, "EIO");
	assert_true(glass_wait(&f->g, "rollback: VERIFIED", NULL, 15000));
	pty_send(&f->g.pty, "S");
	assert_true(glass_wait(&f->g, "STEP checkout", NULL, 10000));
	assert_true(glass_wait(&f->g, "W200", NULL, 10000));
	assert_null(strstr(f->g.chars, "y step to"));
	pty_send(&f->g.pty, "y\033");
	assert_true(pty_wait_no_text(&f->g.pty, "STEP checkout", KEY_MS));
	leave(f);
	assert_int_equal(count_done(f, "step"), 1);
	check_whole(f, "a console on a disk that failed");
	/* A restart. */
	assert_status(f, run(f, NULL, ARGS("step", "checkout", "5%", "--confirm", "checkout")), 0);
}

static void row_54_no_right_to_write(void **state)
{
	static const char *const errors[] = {"EROFS", "EACCES"};
	struct fixture *f = *state;
	manual_pool(f);
	for (size_t i = 0; i < 2; i++) {
		char rules[96];
		assert_status(f, run(f, NULL, ARGS(STEP)), 0);
		snprintf(rules, sizeof rules, "call=open path=history.db every do=%s", errors[i]);
		check_refused(f, rules, "5%");
		check_brakes(f, rules);
		assert_status(f, run(f, rules, ARGS("log")), 0); /* it can still be read */
		assert_says(f, "step 0 % > 10 %");
		check_whole(f, errors[i]);
	}
}

/* ---- 55: the power fails ---- */

#define CUTS 24

/* What was not synced is gone, or torn sector by sector: what the pool did was recorded before
 * it was sent, so it is there. */
static void row_55_power_loss(void **state)
{
	struct fixture *f = *state;
	int cut = 0;
	manual_pool(f);
	for (int i = 0; i < CUTS; i++) {
		char name[24], rules[96], what[64];
		int at = 1 + i / 2 * 8;
		snprintf(name, sizeof name, "power-%d.db", i);
		world_path(&f->w, f->history, name);
		snprintf(rules, sizeof rules, "call=any at=%d do=power seed=%d", at, i % 2 * (i + 1));
		snprintf(what, sizeof what, "power cut at call %d%s", at, i % 2 ? ", torn" : "");
		bool empty = world_fact(&f->w, "share_bp") == 0;
		int status = empty ? run(f, rules, ARGS(STEP)) : run(f, rules, ARGS(ROLLBACK));
		if (status != 128 + SIGKILL && status != 0)
			fail_msg("%s: status %d: %s", what, status, f->p.err.text);
		cut += status != 0;
		bool said = says(f, "APPLIED");
		check_whole(f, what);
		cJSON *log = world_log(&f->w, f->history);
		const cJSON *last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
		if (said && !strstr("APPLIED SUPERSEDED", world_word(last, "outcome")))
			fail_msg("%s: was said to be done, is %s", what, world_word(last, "outcome"));
		cJSON_Delete(log);
	}
	printf("power: %d runs, %d cut short\n", CUTS, cut);
	assert_true(cut >= CUTS / 2);
}

/* ---- 56: locked by another process ---- */

static int lock_history(struct fixture *f)
{
	char path[WORLD_PATH + 8];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	snprintf(path, sizeof path, "%s-lock", f->history);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	assert_true(fd >= 0 && fcntl(fd, F_OFD_SETLKW, &lock) == 0);
	return fd;
}

static void row_56_locked_by_another_process(void **state)
{
	struct fixture *f = *state;
	planned_pool(f);
	console_at_5(f, NULL);
	int fd = lock_history(f);
	check_step_locked(f);

	assert_int_equal(world_fact(&f->w, "share_bp"), 500);
	int64_t took_ms = press_rollback(f);
	printf("locked: press to rolled back %lld ms\n", (long long)took_ms);
	check_keys_alive(f);
	close(fd);
	assert_true(glass_wait(&f->g, "rollback: VERIFIED", NULL, 15000));
	leave(f);
	assert_int_equal(count_done(f, "step"), 1);
	check_whole(f, "a console while another held the lock");
}

/* A recorder that rings at each question that it asks of the pool. */
static void start_recorder(struct fixture *f, struct process *p, const char *file)
{
	char rule[WORLD_PATH + 40];
	int64_t end_ms = process_clock_ms() + 10000;
	world_path(&f->w, f->history, file);
	snprintf(rule, sizeof rule, "call=send data=/v1/state every note=%s", f->bell_path);
	struct world_env env = world_fault(&f->w, rule, NULL);
	world_start(&f->w, p, &env,
		ARGS("record", "checkout", "--out", f->history, "--config", f->w.config));
	do {
		assert_true(process_clock_ms() < end_ms);
		process_release(&f->p);
	} while (world_run(&f->w, &f->p, NULL, ARGS("verify", f->history)) != 0 ||
		!strstr(f->p.out.text, "samples: "));
}

/* The end of a recorder says what is left while another has the lock, and loses nothing; who asks
 * twice gets the end at once, and is told what it costs. */
static void row_56_locked_at_the_end_of_a_recorder(void **state)
{
	struct fixture *f = *state;
	struct process recorder;
	manual_pool(f);
	hang_bell(f);
	for (int twice = 0; twice < 2; twice++) {
		start_recorder(f, &recorder, twice ? "twice.db" : "once.db");
		int fd = lock_history(f);
		/* Who asks for the next has taken the last, whose row it cannot write. */
		wait_rings(f, 3);
		process_signal(&recorder, SIGTERM);
		bool said = process_wait_err(&recorder, "writes the last ", 10000);
		if (twice)
			process_signal(&recorder, SIGTERM);
		else
			close(fd);
		int status = process_wait(&recorder, 10000);
		bool lost = strstr(recorder.err.text, "rows lost") != NULL;
		if (twice)
			close(fd);
		process_release(&recorder);
		assert_true(said);
		assert_int_equal(status, twice ? 3 : 0);
		assert_int_equal(lost, twice);
		check_whole(f, "a recorder that ended");
	}
}

/* One-shots: a step by our lock, the brakes by SQLite's own. */
static void row_56_locked_for_one_shots(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;
	manual_pool(f);
	assert_status(f, run(f, NULL, ARGS(STEP)), 0);
	int fd = lock_history(f);
	check_refused(f, NULL, "5%");
	close(fd);
	check_whole(f, "our lock");

	assert_int_equal(sqlite3_open(f->history, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	check_brakes(f, NULL);

	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	check_whole(f, "SQLite's lock");
}

/* Nobody refuses the row, the disk is only slow: a brake that is done waits for it, and says so. */
static void row_56_a_brake_waits_for_its_row(void **state)
{
	struct fixture *f = *state;
	struct process brake;
	char rules[2 * WORLD_PATH];
	manual_pool(f);
	assert_status(f, run(f, NULL, ARGS(STEP)), 0);
	snprintf(rules, sizeof rules, "call=fdatasync path=history.db every do=hold gate=%s",
		f->gate_path);
	struct world_env env = world_fault(&f->w, rules, NULL);
	shut(f);
	world_start(&f->w, &brake, &env,
		ARGS(ROLLBACK, "--json", "--config", f->w.config, "--history", f->history));
	bool said = process_wait_err(&brake, "its row waits for the history", 20000);
	reopen(f);
	int status = process_wait(&brake, 20000);
	bool recorded = strstr(brake.out.text, "\"recorded\":true") != NULL;
	if (!said || status != 0 || !recorded)
		fail_msg("status %d: %s%s", status, brake.out.text, brake.err.text);
	process_release(&brake);
	assert_int_equal(count_done(f, "rollback"), 1);
	check_whole(f, "a brake that waited");
}

/* ---- 57: two consoles share a history ---- */

#define NOTES 6

static void row_57_two_consoles_share_a_history(void **state)
{
	struct fixture *f = *state;
	struct pty desks[2];
	manual_pool(f);
	for (int i = 0; i < 2; i++)
		world_console(
			&f->w, &desks[i], 80, 24, NULL, ARGS("checkout", "--config", f->w.config));
	for (int i = 0; i < 2; i++)
		assert_true(pty_wait_text(&desks[i], "LIVE", 10000));
	for (int k = 0; k < NOTES; k++)
		for (int i = 0; i < 2; i++) {
			char keys[48], shown[32];
			snprintf(keys, sizeof keys, ":annotate desk %d note %d\r", i, k);
			snprintf(shown, sizeof shown, "\"desk %d note %d\"", i, k);
			pty_send(&desks[i], keys);
			assert_true(pty_wait_text(&desks[i], shown, 10000));
		}
	pty_send(&desks[0], "H");
	assert_true(pty_wait_text(&desks[0], "hold: VERIFIED", 10000));
	for (int i = 0; i < 2; i++) {
		pty_send(&desks[i], "q");
		assert_int_equal(pty_wait_exit(&desks[i], 15000), 0);
		pty_release(&desks[i]);
	}
	cJSON *log = world_log(&f->w, f->history);
	for (int k = 0; k < NOTES; k++)
		for (int i = 0; i < 2; i++) {
			char note[32];
			snprintf(note, sizeof note, "desk %d note %d", i, k);
			assert_int_equal(count_of(log, "reason", note), 1);
		}
	cJSON_Delete(log);
	check_whole(f, "two consoles");
}

/* ---- 58: damaged, foreign, newer, unsafe ---- */

static void execute(const char *path, const char *sql)
{
	sqlite3 *db;
	char *why = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	*len = (size_t)ftell(file);
	rewind(file);
	char *bytes = malloc(*len + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *len, file), *len);
	fclose(file);
	return bytes;
}

static void write_file(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* A history with decisions, outcomes, a recording and events, closed well. */
static void make_history(struct fixture *f)
{
	manual_pool(f);
	assert_status(f, run(f, NULL, ARGS(STEP, "--wait", "--reason", "a reason")), 0);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, NULL,
						 ARGS("record", "checkout", "--out", f->history, "--for", "400ms",
							 "--config", f->w.config)),
		0);
	assert_status(f, run(f, NULL, ARGS("annotate", "a note")), 0);
	assert_status(f, run(f, NULL, ARGS(ROLLBACK, "--wait")), 0);
	assert_true(world_verified(&f->w, f->history));
}

/* `log` says why, a step is refused, the brakes work, and the file is left as it was. */
static void check_unusable(struct fixture *f, const char *name, const char *code)
{
	size_t before_len, len;
	world_path(&f->w, f->history, name);
	char *before = read_file(f->history, &before_len);
	if (code) {
		assert_status(f, run(f, NULL, ARGS("log")), 1);
		assert_says(f, code);
		assert_status(f, run(f, NULL, ARGS("verify", f->history)), 1);
		assert_says(f, code);
	}
	if (world_fact(&f->w, "share_bp") == 0) {
		world_path(&f->w, f->history, "other.db");
		assert_status(f, run(f, NULL, ARGS("resume", "checkout", "--confirm", "checkout")), 0);
		assert_status(f, run(f, NULL, ARGS(STEP)), 0);
		world_path(&f->w, f->history, name);
	}
	check_refused(f, NULL, "5%");
	check_brakes(f, NULL);
	char *now = read_file(f->history, &len);
	assert_int_equal(len, before_len);
	assert_memory_equal(now, before, len);
	free(before);
	free(now);
}

#define FORMAT_AT 47 /* of a database: the number of its schema's format, lowest byte */

static void row_58_a_file_that_is_no_good_history(void **state)
{
	struct fixture *f = *state;
	char path[WORLD_PATH];
	size_t len;
	make_history(f);
	char *good = read_file(f->history, &len);
	world_path(&f->w, path, "list.db");
	world_write(path,
		"this is a shopping list, not a database, and it is longer than a header\n"
		"so that nobody takes it for an empty one: milk, bread, salt, tea, soap\n");
	check_unusable(f, "list.db", "W203");
	world_path(&f->w, path, "foreign.db");
	execute(path, "CREATE TABLE recipes (name TEXT)");
	check_unusable(f, "foreign.db", "W203");
	world_path(&f->w, path, "newer.db");
	write_file(path, good, len);
	execute(path, "PRAGMA user_version = 99");
	check_unusable(f, "newer.db", "W205");
	world_path(&f->w, path, "format.db");
	char format = good[FORMAT_AT];
	good[FORMAT_AT] |= 64;
	write_file(path, good, len);
	good[FORMAT_AT] = format;
	check_unusable(f, "format.db", "W203");
	world_path(&f->w, path, "open.db");
	write_file(path, good, len);
	assert_int_equal(chmod(path, 0666), 0);
	check_unusable(f, "open.db", NULL); /* reading it is no risk */
	assert_status(f, run(f, NULL, ARGS("log")), 0);
	struct process record;
	int status = world_run(&f->w, &record, NULL,
		ARGS("record", "checkout", "--out", path, "--for", "200ms", "--config", f->w.config));
	bool said = strstr(record.err.text, "everybody can write") != NULL;
	process_release(&record);
	assert_int_equal(status, 1);
	assert_true(said);
	free(good);
}

/* A link that leads nowhere makes no file where it points; one to a history is that history. */
static void row_58_a_symlink(void **state)
{
	struct fixture *f = *state;
	char nowhere[WORLD_PATH], link[WORLD_PATH];
	make_history(f);
	assert_status(f, run(f, NULL, ARGS(STEP)), 0);
	world_path(&f->w, nowhere, "nowhere.db");
	world_path(&f->w, link, "link.db");
	assert_int_equal(symlink(nowhere, link), 0);
	text_copy(f->history, sizeof f->history, link);
	check_refused(f, NULL, "5%");
	check_brakes(f, NULL);
	assert_int_equal(access(nowhere, F_OK), -1);
}

static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A place among the first `len` bytes that holds something. */
static size_t used_byte(const char *bytes, size_t len, uint64_t *seed)
{
	size_t at;
	do
		at = next_random(seed) % len;
	while (!bytes[at]);
	return at;
}

/* The file anew, without what a step could not write back into the damaged one before it: a log
 * beside a file that is not its own would be taken for its last rows. */
static void replace_history(struct fixture *f, const char *bytes, size_t len)
{
	static const char *const besides[] = {"-wal", "-shm"};
	for (size_t i = 0; i < sizeof besides / sizeof *besides; i++) {
		char path[WORLD_PATH + 8];
		snprintf(path, sizeof path, "%s%s", f->history, besides[i]);
		assert_true(unlink(path) == 0 || errno == ENOENT);
	}
	write_file(f->history, bytes, len);
}

#define FLIPS 40

/* Whatever bits have fallen: said, or harmless; never a crash, never a step that is not
 * recorded, never other decisions than those that were made. */
static void row_58_flipped_bits(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 58;
	size_t len;
	int found = 0;
	make_history(f);
	char *bytes = read_file(f->history, &len);
	assert_status(f, run(f, NULL, ARGS("log", "--json")), 0);
	char *good = strdup(f->p.out.text);
	world_path(&f->w, f->history, "flipped.db");
	for (int i = 0; i < FLIPS; i++) {
		/* The header and the first pages are what most is decided by. */
		size_t at = used_byte(bytes, i % 2 ? len : 4096 * (size_t)(1 + i % 5), &seed);
		char bit = (char)(1 << next_random(&seed) % 8);
		bytes[at] ^= bit;
		replace_history(f, bytes, len);
		bytes[at] ^= bit;
		int verified = run(f, NULL, ARGS("verify", f->history));
		if (verified != 0 && verified != 1 && verified != 5)
			fail_msg("bit at %zu: verify ends with %d: %s", at, verified, f->p.err.text);
		found += verified != 0;
		int logged = run(f, NULL, ARGS("log", "--json"));
		if (logged != 0 && logged != 1)
			fail_msg("bit at %zu: log ends with %d: %s", at, logged, f->p.err.text);
		if (verified == 0 && logged == 0 && strcmp(f->p.out.text, good) != 0)
			fail_msg("bit at %zu: whole, and tells another story: %s", at, f->p.out.text);
		int64_t done = world_fact(&f->w, "audit_seq");
		int stepped = run(f, NULL,
			ARGS("step", "checkout", world_fact(&f->w, "share_bp") ? "0%" : "1%", "--confirm",
				"checkout"));
		bool changed = world_fact(&f->w, "audit_seq") != done;
		if (stepped != 0 && stepped != 3 && (stepped != 6 || changed))
			fail_msg("bit at %zu: step ends with %d: %s", at, stepped, f->p.err.text);
	}
	printf("flipped bits: %d of %d were noticed by verify\n", found, FLIPS);
	free(bytes);
	free(good);
}

/* ---- 59: edited, deleted, reordered, cut ---- */

static const struct {
	const char *table, *columns[20];
} chained[] = {
	{"recording",
		{"seq", "started_ms", "interval_ms", "version", "operator", "host", "config",
			"config_hash", "policy", "policy_hash", "key", "hash", "signature"}},
	{"decision",
		{"seq", "id", "pool", "pool_id", "at_ms", "actor", "role", "verb", "from_bp", "to_bp",
			"reason", "epoch", "rev", "observed", "late", "evidence", "key", "hash",
			"signature"}},
	{"outcome",
		{"seq", "decision", "row", "node", "kind", "at_ms", "latency_ms", "answer", "key",
			"hash", "signature"}},
	{"event",
		{"seq", "at_ms", "pool", "node_id", "recording", "tick", "kind", "text", "detail",
			"key", "hash", "signature"}},
};

#define UNLOCKED \
	"PRAGMA ignore_check_constraints = ON;" \
	"DROP TRIGGER IF EXISTS recording_stays; DROP TRIGGER IF EXISTS recording_kept;" \
	"DROP TRIGGER IF EXISTS decision_stays; DROP TRIGGER IF EXISTS decision_kept;" \
	"DROP TRIGGER IF EXISTS outcome_stays; DROP TRIGGER IF EXISTS outcome_kept;" \
	"DROP TRIGGER IF EXISTS event_stays; DROP TRIGGER IF EXISTS event_kept;" \
	"DROP TRIGGER IF EXISTS key_stays; DROP TRIGGER IF EXISTS key_kept;" \
	"DROP TRIGGER IF EXISTS series_stays; DROP INDEX IF EXISTS series_of;" \
	"DROP TRIGGER IF EXISTS sample_stays; DROP TRIGGER IF EXISTS sample_kept;"

/* Changes a copy of the history and expects `verify` to find it. */
static void check_found(struct fixture *f, const char *bytes, size_t len, const char *sql)
{
	char all[2048], path[WORLD_PATH];
	world_path(&f->w, path, "changed.db");
	write_file(path, bytes, len);
	snprintf(all, sizeof all, UNLOCKED "%s", sql);
	execute(path, all);
	process_release(&f->p);
	int status = world_run(&f->w, &f->p, NULL, ARGS("verify", path));
	if (status != 5 || !says(f, "W206") || !says(f, "BROKEN"))
		fail_msg("%s: verify ends with %d: %s%s", sql, status, f->p.out.text, f->p.err.text);
}

static void row_59_every_column_edited(void **state)
{
	struct fixture *f = *state;
	size_t len;
	int count = 0;
	make_history(f);
	char *bytes = read_file(f->history, &len);
	for (size_t t = 0; t < sizeof chained / sizeof *chained; t++)
		for (const char *const *c = chained[t].columns; *c; c++, count++) {
			char sql[512];
			const char *name = chained[t].table;
			snprintf(sql, sizeof sql,
				"UPDATE %s SET \"%s\" = CASE typeof(\"%s\") WHEN 'integer' THEN \"%s\" + 1000 "
				"WHEN 'text' THEN \"%s\" || '0' ELSE 1 END "
				"WHERE seq = (SELECT min(seq) FROM %s);",
				name, *c, *c, *c, *c, name);
			check_found(f, bytes, len, sql);
		}
	free(bytes);
	printf("edited: %d columns, all found\n", count);
}

static void row_59_deleted_reordered_forged(void **state)
{
	static const char *const changes[] = {
		/* deleted */
		"DELETE FROM decision WHERE seq = (SELECT min(seq) FROM decision);",
		"DELETE FROM outcome WHERE seq = (SELECT min(seq) FROM outcome);",
		"DELETE FROM event WHERE seq = (SELECT min(seq) FROM event);",
		"DELETE FROM recording;",
		/* two rows change places */
		"UPDATE outcome SET seq = -1 WHERE seq = (SELECT min(seq) FROM outcome);"
		"UPDATE outcome SET seq = (SELECT min(seq) FROM outcome WHERE seq > 0) - 1"
		" WHERE seq = (SELECT max(seq) FROM outcome);",
		/* a row of nobody's */
		"INSERT INTO decision SELECT 1 + (SELECT max(seq) FROM outcome) + 100, id || 'x', pool,"
		" pool_id, at_ms, actor, role, verb, from_bp, to_bp, reason, epoch, rev, observed, late,"
		" evidence, key, hash, signature FROM decision LIMIT 1;",
		/* another's name on the key, another key */
		"UPDATE key SET actor = 'mallory@ops';",
		"UPDATE key SET public_key = replace(public_key, substr(public_key, 1, 1),"
		" CASE substr(public_key, 1, 1) WHEN 'a' THEN 'b' ELSE 'a' END);",
	};
	struct fixture *f = *state;
	size_t len;
	make_history(f);
	char *bytes = read_file(f->history, &len);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		check_found(f, bytes, len, changes[i]);
	free(bytes);
}

/* Samples are no rows of the chain: checkpoints in it have them. */
static void row_59_samples_edited(void **state)
{
	static const char *const changes[] = {
		"UPDATE sample SET ok = coalesce(ok, 0) + 1"
		" WHERE key = (SELECT max(key) FROM sample);",
		"DELETE FROM sample WHERE key = (SELECT max(key) FROM sample);",
		"INSERT INTO sample (key, at_ms, interval_ms, flags)"
		" SELECT max(key) + (1 << 28), at_ms, interval_ms, 0 FROM sample;",
		"UPDATE series SET arm = CASE arm WHEN 'v1' THEN 'v2' ELSE 'v1' END;",
		"DELETE FROM event WHERE kind = 'checkpoint';",
	};
	struct fixture *f = *state;
	size_t len;
	make_history(f);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, NULL, ARGS("verify", f->history)), 0);
	assert_says(f, "under 1 checkpoint");
	assert_says(f, "  key ");
	assert_string_equal(f->p.err.text, ""); /* a bar is for terminals */
	char *bytes = read_file(f->history, &len);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		check_found(f, bytes, len, changes[i]);
	free(bytes);
}

/* A program and a person read whose rows there are, by which key. */
static void row_59_keys_of_persons(void **state)
{
	struct fixture *f = *state;
	make_history(f);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, NULL, ARGS("verify", f->history, "--json")), 0);
	cJSON *report = cJSON_Parse(f->p.out.text);
	const cJSON *keys = cJSON_GetObjectItem(report, "keys"), *one;
	double rows = 0;
	assert_true(cJSON_GetArraySize(keys) >= 1);
	cJSON_ArrayForEach(one, keys)
	{
		assert_int_equal(strlen(world_word(one, "key")), 64);
		rows += cJSON_GetObjectItem(one, "rows")->valuedouble;
	}
	assert_true(rows == cJSON_GetObjectItem(report, "rows")->valuedouble);
	cJSON_Delete(report);
	/* a key that signs nothing is told of */
	execute(f->history, UNLOCKED "INSERT INTO key VALUES (99, 'c0ffee', 'mallory@ops');");
	assert_status(f, run(f, NULL, ARGS("verify", f->history)), 0);
	assert_says(f, "mallory@ops");
	assert_says(f, "signs nothing");
}

/* Without the newest rows a file is whole in itself: a head that was seen elsewhere tells. */
static void row_59_tail_cut(void **state)
{
	struct fixture *f = *state;
	make_history(f);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, NULL, ARGS("verify", f->history, "--json")), 0);
	cJSON *report = cJSON_Parse(f->p.out.text);
	char head[80];
	text_copy(head, sizeof head, world_word(report, "head"));
	cJSON_Delete(report);
	assert_status(f, run(f, NULL, ARGS("verify", "--head", head)), 0);
	head[16] = '\0'; /* as it is printed at exit */
	assert_status(f, run(f, NULL, ARGS("verify", "--head", head)), 0);
	execute(f->history,
		UNLOCKED "DELETE FROM outcome WHERE seq = (SELECT max(seq) FROM outcome);"
				 "DELETE FROM event WHERE seq > (SELECT max(seq) FROM outcome);");
	assert_status(f, run(f, NULL, ARGS("verify", "--head", head)), 5);
	assert_says(f, "W206");
	assert_says(f, "cut");
}

/* ---- 60: replay of a damaged, old or foreign file ---- */

static void row_60_replay_of_a_damaged_file(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 60;
	size_t len;
	char path[WORLD_PATH];
	make_history(f);
	char *bytes = read_file(f->history, &len);
	world_path(&f->w, path, "damaged.db");
	for (int i = 0; i < FLIPS; i++) {
		size_t at = used_byte(bytes, i % 2 ? len : 4096 * (size_t)(1 + i % 5), &seed);
		char bit = (char)(1 << next_random(&seed) % 8);
		size_t kept = i % 8 == 7 ? at : len; /* some end too early */
		bytes[at] ^= bit;
		write_file(path, bytes, kept);
		bytes[at] ^= bit;
		process_release(&f->p);
		int status =
			world_run(&f->w, &f->p, NULL, ARGS("replay", path, "--headless", "--json"));
		if (status != 0 && status != 1)
			fail_msg("bit at %zu: replay ends with %d: %s", at, status, f->p.err.text);
		if (status == 1 && !says(f, "W2") && !says(f, "W0"))
			fail_msg("bit at %zu: replay does not say why: %s", at, f->p.err.text);
	}
	free(bytes);
}

/* A replay says so on every screen, and no key of it reaches the pool. */
static void row_60_replay_commands_nothing(void **state)
{
	struct fixture *f = *state;
	make_history(f);
	int64_t done = world_fact(&f->w, "audit_seq");
	glass_open(&f->g, &f->w, 80, 24, NULL, ARGS("replay", f->history, "--config", f->w.config));
	assert_true(glass_wait(&f->g, "REPLAY", NULL, 10000));
	pty_send(&f->g.pty, "Sy");
	pty_send(&f->g.pty, "H");
	pty_send(&f->g.pty, "Ry");
	pty_send(&f->g.pty, "?");
	assert_true(pty_wait_text(&f->g.pty, "REPLAY", 5000));
	pty_send(&f->g.pty, "\033");
	process_release(&f->p);
	assert_int_equal(world_fact(&f->w, "audit_seq"), done);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_52_killed_between_write_and_sync),
		TEST(row_53_disk_full),
		TEST(row_53_disk_full_under_a_recorder),
		TEST(row_53_disk_full_under_a_console),
		TEST(row_54_disk_error_at_any_call),
		TEST(row_54_disk_error_under_a_console),
		TEST(row_54_no_right_to_write),
		TEST(row_55_power_loss),
		TEST(row_56_locked_by_another_process),
		TEST(row_56_locked_for_one_shots),
		TEST(row_56_locked_at_the_end_of_a_recorder),
		TEST(row_56_a_brake_waits_for_its_row),
		TEST(row_57_two_consoles_share_a_history),
		TEST(row_58_a_file_that_is_no_good_history),
		TEST(row_58_a_symlink),
		TEST(row_58_flipped_bits),
		TEST(row_59_every_column_edited),
		TEST(row_59_deleted_reordered_forged),
		TEST(row_59_samples_edited),
		TEST(row_59_keys_of_persons),
		TEST(row_59_tail_cut),
		TEST(row_60_replay_of_a_damaged_file),
		TEST(row_60_replay_commands_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
