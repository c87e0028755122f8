#define _GNU_SOURCE
/* Storage: a disk that is full, fails, stalls or forgets; a history that is locked or shared. Forward
 * steps are refused, the brakes work, and nothing that was acknowledged is lost. Each case is named
 * after its row of the fault catalogue; a disk that stalls is in test_faults. */
#include "tests/e2e/storage_bed.h"

static void planned_pool(struct fixture *f)
{
	world_config(&f->w, f->w.target,
		"    interval: 200ms\n"
		"    plan: {steps: [5%, 10%], bake: 100ms, min_samples: 0}\n");
	world_pool(&f->w, false, ARGS("--share", "0%"));
}

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
