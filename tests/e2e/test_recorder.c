/* A recorder that guards, and two processes with one rollback: by real processes against `weir
 * serve`. The pool's own guard is hidden from both sides, so that the recorder is the only one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/proxy.h"
#include "tests/lib/veil.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON_MS 20000 /* for what takes a few seconds at most, on a busy machine */
#define CONFIRMED "--confirm", "checkout"
#define KIM "WEIR_ACTOR=kim@e2e"
#define ANA "WEIR_ACTOR=ana@e2e"
#define REC "WEIR_ACTOR=rec@e2e"

struct fixture {
	struct world w;
	struct veil *veil;
	struct proxy *proxy;
	struct process p;      /* of the last command */
	struct process rec[2]; /* recorders, or another's command */
	struct pty console[2];
	pid_t left; /* the recorder that a console left behind; 0 none */
	char load[WORLD_PATH], lock_dir[WORLD_PATH + 16], front[WORLD_PATH], behind[WORLD_PATH];
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	f.console[0].fd = f.console[1].fd = -1;
	world_open(&f.w);
	world_path(&f.w, f.load, "load.yaml");
	world_path(&f.w, f.front, "front.sock");
	world_path(&f.w, f.behind, "behind.yaml");
	world_write(f.load,
		"name: load\nrate: 200\nsessions: 200\nunit: 500ms\n"
		"operations: [{name: echo, weight: 3, work: 250us}, {name: predict, work: 250us}]\n");
	snprintf(f.lock_dir, sizeof f.lock_dir, "WEIR_LOCK_DIR=%s", f.w.dir);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	process_release(&f->p);
	for (int i = 0; i < 2; i++) {
		process_release(&f->rec[i]);
		pty_release(&f->console[i]);
	}
	if (f->left > 0)
		kill(f->left, SIGKILL);
	veil_stop(f->veil);
	proxy_stop(f->proxy);
	world_close(&f->w);
	return 0;
}

#define POOL \
	"    interval: 100ms\n" \
	"    plan: {steps: [10%, 50%, 100%], bake: 1m, min_samples: 5}\n" \
	"    guards: {window: 3s, error_rate_threshold: 0.05}\n"

static void serve(struct fixture *f)
{
	world_pool(&f->w, false,
		ARGS("--scenario", f->load, "--allow-faults", "--unit", "500ms", "--share", "0%"));
}

/* A pool with work, without a guard of its own in anybody's eyes. */
static void open_unguarded(struct fixture *f)
{
	serve(f);
	f->veil = veil_start(f->front, f->w.target, "guard");
	assert_non_null(f->veil);
	world_config(&f->w, veil_target(f->veil), POOL);
}

static struct world_env env_of(struct fixture *f, const char *actor)
{
	return world_env(&f->w, ARGS(actor, f->lock_dir));
}

static int run_as(struct fixture *f, const char *actor, const char *const *args)
{
	const char *all[24];
	size_t n = 0;
	struct world_env env = env_of(f, actor);
	for (; args[n] && n < 20; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text) && !strstr(f->p.out.text, text))
		fail_msg("'%s' is in neither\n%s nor\n%s", text, f->p.out.text, f->p.err.text);
}

static void assert_done(const struct process *p, int expected, int status)
{
	if (status != expected)
		fail_msg("status %d, not %d:\n%s%s", status, expected, p->out.text, p->err.text);
}

#define RUN(f, expected, ...) assert_done(&(f)->p, expected, run_as(f, KIM, ARGS(__VA_ARGS__)))
#define DONE(f, ...) RUN(f, 0, __VA_ARGS__)

static cJSON *status_of(struct fixture *f)
{
	DONE(f, "status", "checkout", "--json");
	cJSON *json = cJSON_Parse(f->p.out.text);
	if (!json)
		fail_msg("no JSON: '%s' (%s)", f->p.out.text, f->p.err.text);
	return json;
}

/* Until `weir status` names this owner. */
static void await_owner(struct fixture *f, const char *owner)
{
	bool is = false;
	for (int64_t end_ms = process_clock_ms() + SOON_MS; !is && process_clock_ms() < end_ms;) {
		cJSON *json = status_of(f);
		is = strcmp(world_word(json, "guard.owner"), owner) == 0;
		cJSON_Delete(json);
	}
	if (!is)
		fail_msg("the owner is not '%s': %s", owner, f->p.out.text);
}

/* For how much longer the guard only holds, as `weir status` says; -1: it acts. */
static int64_t only_holds_ms(struct fixture *f)
{
	cJSON *json = status_of(f);
	const cJSON *guard = cJSON_GetObjectItem(json, "guard");
	const cJSON *held = cJSON_GetObjectItem(guard, "holds_only_ms");
	int64_t ms = cJSON_IsNumber(held) ? (int64_t)held->valuedouble : -1;
	cJSON_Delete(json);
	return ms;
}

static void await_share(struct fixture *f, int share_bp)
{
	int64_t now = -1;
	for (int64_t end_ms = process_clock_ms() + SOON_MS; process_clock_ms() < end_ms;) {
		if ((now = world_fact(&f->w, "share_bp")) == share_bp)
			return;
		process_wait(&f->w.pool, 20);
	}
	fail_msg("at %lld, not at %d", (long long)now, share_bp);
}

static void fail_v2(struct fixture *f, const char *rate)
{
	char body[64];
	snprintf(body, sizeof body, "{\"arm\":\"v2\",\"error_rate\":%s}", rate);
	assert_int_equal(http_call(&f->w.http, "POST", "/v1/faults", NULL, body, 5000), 200);
}

static void start_recorder(struct fixture *f, int i, const char *actor)
{
	struct world_env env = env_of(f, actor);
	process_release(&f->rec[i]);
	world_start(&f->w, &f->rec[i], &env,
		ARGS("record", "checkout", "--guard", "--config", f->w.config));
}

/* A recorder that guards, and v2 with a tenth of the work. */
static void open_guarded(struct fixture *f)
{
	open_unguarded(f);
	start_recorder(f, 0, REC);
	if (!process_wait_err(&f->rec[0], "guards 'checkout'", SOON_MS))
		fail_msg("does not guard: %s", f->rec[0].err.text);
	await_owner(f, "record");
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait");
	await_share(f, 1000);
}

static void kill_recorder(struct fixture *f, int i)
{
	process_signal(&f->rec[i], SIGKILL);
	assert_int_equal(process_wait(&f->rec[i], 5000), 128 + SIGKILL);
}

/* The last own decision of a verb, NULL none; `log` owns it. */
static const cJSON *last_of(const cJSON *log, const char *verb)
{
	const cJSON *d, *last = NULL;
	cJSON_ArrayForEach(d, log) if (strcmp(world_word(d, "verb"), verb) == 0) last = d;
	return last;
}

static int count_of(const cJSON *log, const char *verb)
{
	const cJSON *d;
	int n = 0;
	cJSON_ArrayForEach(d, log) n += strcmp(world_word(d, "verb"), verb) == 0;
	return n;
}

/* Until the history says that the last one of a verb was verified: the log, delete it. */
static cJSON *await_verified(struct fixture *f, const char *verb)
{
	for (int64_t end_ms = process_clock_ms() + SOON_MS;;) {
		cJSON *log = world_log(&f->w, f->w.history);
		const cJSON *last = last_of(log, verb);
		if (last && world_word(last, "verified_at")[0])
			return log;
		cJSON_Delete(log);
		if (process_clock_ms() > end_ms)
			fail_msg("no %s is verified", verb);
	}
}

/* ---- the recorder's guard ---- */

static void test_a_recorder_rolls_back(void **state)
{
	struct fixture *f = *state;
	open_guarded(f);
	fail_v2(f, "0.5");
	await_share(f, 0);
	cJSON *log = await_verified(f, "rollback");
	const cJSON *back = last_of(log, "rollback");
	assert_string_equal(world_word(back, "role"), "guard");
	assert_string_equal(world_word(back, "actor"), "rec@e2e");
	assert_string_equal(world_word(back, "outcome"), "APPLIED");
	assert_non_null(strstr(world_word(back, "reason"), "guard: errors"));
	assert_int_equal(count_of(log, "rollback"), 1);
	cJSON_Delete(log);
	process_signal(&f->rec[0], SIGTERM);
	int status = process_wait(&f->rec[0], SOON_MS);
	assert_true(status == 0 || (status == 3 && strstr(f->rec[0].err.text, "gaps")));
	assert_true(world_verified(&f->w, f->w.history));
}

static void test_a_dead_recorder_owns_nothing(void **state)
{
	struct fixture *f = *state;
	open_guarded(f);
	kill_recorder(f, 0);
	await_owner(f, "none");
	DONE(f, "status", "checkout");
	assert_says(f, "guard: NONE");
	assert_int_equal(
		run_as(f, KIM, ARGS("guard", "checkout", "hold", "--for", "1h", CONFIRMED)), 6);
	assert_says(f, "no recorder guards it");
	/* Nobody rolls back, and nobody raises further. */
	assert_int_equal(run_as(f, KIM, ARGS("step", "checkout", "50%", CONFIRMED)), 6);
	assert_says(f, "W192");
}

static void test_a_recorder_is_told_to_hold(void **state)
{
	struct fixture *f = *state;
	open_guarded(f);
	assert_int_equal(only_holds_ms(f), -1);
	DONE(f, "guard", "checkout", "hold", "--for", "1h", CONFIRMED, "-m", "known noise");
	assert_true(only_holds_ms(f) > 3500000);
	DONE(f, "status", "checkout");
	assert_says(f, "guard: record, only holds for "); /* an hour, or some moments less */
	cJSON *log = world_log(&f->w, f->w.history);
	assert_string_equal(world_word(last_of(log, "guard"), "outcome"), "APPLIED");
	assert_string_equal(world_word(last_of(log, "guard"), "evidence.act"), "hold");
	assert_int_equal(world_number(last_of(log, "guard"), "evidence.for_ms"), 3600000);
	cJSON_Delete(log);

	/* Where it would roll back it holds. */
	fail_v2(f, "0.5");
	DONE(f, "wait", "checkout", "--for", "HELD", "--timeout", "20s");
	log = await_verified(f, "hold");
	assert_string_equal(world_word(last_of(log, "hold"), "role"), "guard");
	assert_string_equal(world_word(last_of(log, "hold"), "actor"), "rec@e2e");
	assert_null(last_of(log, "rollback"));
	cJSON_Delete(log);
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);

	/* The order outlives whom it was given to. */
	kill_recorder(f, 0);
	await_owner(f, "none");
	assert_int_equal(only_holds_ms(f), -1);
	start_recorder(f, 0, REC);
	await_owner(f, "record");
	assert_true(only_holds_ms(f) > 3400000);
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);

	/* And ends with a newer one. */
	DONE(f, "guard", "checkout", "act", CONFIRMED);
	await_share(f, 0);
	log = await_verified(f, "rollback");
	assert_string_equal(world_word(last_of(log, "rollback"), "role"), "guard");
	cJSON_Delete(log);
	assert_int_equal(only_holds_ms(f), -1);
}

/* Its history is another: it hears nothing, and nobody says that it did. */
static void test_what_a_recorder_cannot_hear_is_not_done(void **state)
{
	struct fixture *f = *state;
	char other[WORLD_PATH];
	world_path(&f->w, other, "other.db");
	open_guarded(f);
	assert_int_equal(
		run_as(f, KIM,
			ARGS("guard", "checkout", "hold", "--for", "1h", CONFIRMED, "--history", other)),
		6);
	assert_says(f, "the recorder of rec@e2e has not said that it obeys");
	assert_says(f, "NOT_SENT");
	assert_int_equal(only_holds_ms(f), -1);
	cJSON *log = world_log(&f->w, other);
	assert_string_equal(world_word(last_of(log, "guard"), "outcome"), "NOT_SENT");
	cJSON_Delete(log);
}

static void test_a_second_recorder_only_looks(void **state)
{
	struct fixture *f = *state;
	open_guarded(f);
	start_recorder(f, 1, "WEIR_ACTOR=second@e2e");
	assert_true(process_wait_err(&f->rec[1], "W202 'checkout' is guarded by rec@e2e", SOON_MS));
	fail_v2(f, "0.5");
	await_share(f, 0);
	cJSON *log = await_verified(f, "rollback");
	assert_int_equal(count_of(log, "rollback"), 1);
	assert_string_equal(world_word(last_of(log, "rollback"), "actor"), "rec@e2e");
	cJSON_Delete(log);
	/* It takes over where the first ends. */
	kill_recorder(f, 0);
	assert_true(process_wait_err(&f->rec[1], "guards 'checkout'", SOON_MS));
}

/* ---- a recorder that a console leaves behind ---- */

/* What the console says last: which process goes on. */
static pid_t left_behind(struct fixture *f)
{
	static const char words[] = "a recorder watches on: process ";
	char *text = simulator_text(&f->console[0].screen);
	const char *at = strstr(text, words);
	if (!at)
		fail_msg("no recorder in: %s", text);
	long pid = strtol(at + strlen(words), NULL, 10);
	free(text);
	return (pid_t)pid;
}

/* Gone, or nothing but a status that nobody has asked for. */
static bool has_ended(pid_t pid)
{
	char path[40], line[200] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (file) {
		(void)!fgets(line, sizeof line, file);
		fclose(file);
	}
	return !line[0] || strstr(line, ") Z ");
}

/* Nobody else would watch: it outlives the console and its terminal, and rolls back. */
static void test_a_console_leaves_a_recorder_behind(void **state)
{
	struct fixture *f = *state;
	open_guarded(f);
	struct world_env env = env_of(f, KIM);
	world_console(&f->w, &f->console[0], 100, 30, &env,
		ARGS("--ascii", "checkout", "--config", f->w.config));
	assert_true(pty_wait_text(&f->console[0], "guard: record", SOON_MS));
	kill_recorder(f, 0);
	assert_true(pty_wait_text(&f->console[0], "guard: console", SOON_MS));
	pty_send(&f->console[0], "q");
	assert_true(pty_wait_text(&f->console[0], "w leave a recorder", SOON_MS));
	for (int64_t end_ms = process_clock_ms() + SOON_MS; pty_wait_exit(&f->console[0], 800) < 0;) {
		assert_true(process_clock_ms() < end_ms);
		pty_send(&f->console[0], "w"); /* counts when the sheet has stood since the last key */
	}
	f->left = left_behind(f);
	pty_release(&f->console[0]);
	await_owner(f, "record");
	fail_v2(f, "0.5");
	await_share(f, 0);
	cJSON *log = await_verified(f, "rollback");
	const cJSON *back = last_of(log, "rollback");
	assert_string_equal(world_word(back, "role"), "guard");
	assert_string_equal(world_word(back, "actor"), "kim@e2e");
	cJSON_Delete(log);
	assert_int_equal(kill(f->left, SIGTERM), 0);
	for (int64_t end_ms = process_clock_ms() + SOON_MS; !has_ended(f->left);) {
		assert_true(process_clock_ms() < end_ms);
		process_wait(&f->w.pool, 20);
	}
	f->left = 0;
	assert_true(world_verified(&f->w, f->w.history));
}

/* ---- two guards at one red ---- */

/* How many rollbacks a guard decided; what had left before the writer came to it is a row, too. */
static int decided_in(const cJSON *log)
{
	const cJSON *d;
	int n = 0;
	cJSON_ArrayForEach(d, log) n += strcmp(world_word(d, "verb"), "rollback") == 0 &&
		!cJSON_IsTrue(cJSON_GetObjectItem(d, "late"));
	return n;
}

/* The recorder has gone, and two consoles guard, each for itself, over one history. */
static void test_two_consoles_at_one_red(void **state)
{
	struct fixture *f = *state;
	open_guarded(f);
	for (int i = 0; i < 2; i++) {
		struct world_env env = env_of(f, i == 0 ? KIM : ANA);
		world_console(&f->w, &f->console[i], 100, 30, &env,
			ARGS("--ascii", "checkout", "--config", f->w.config));
		assert_true(pty_wait_text(&f->console[i], "guard: record", SOON_MS));
	}
	kill_recorder(f, 0);
	for (int i = 0; i < 2; i++)
		assert_true(pty_wait_text(&f->console[i], "guard: console", SOON_MS));
	fail_v2(f, "0.5");
	for (int i = 0; i < 2; i++) {
		assert_true(pty_wait_text(&f->console[i], "ROLLED BACK", SOON_MS));
		/* Who was not red yet knows it from the pool's log, and that it is verified from the
		 * history. */
		assert_true(pty_wait_text(&f->console[i], "rollback 10 > 0 %  VERIFIED", SOON_MS));
	}
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	cJSON *log = await_verified(f, "rollback");
	assert_int_equal(decided_in(log), 1);
	assert_string_equal(world_word(last_of(log, "rollback"), "role"), "guard");
	cJSON_Delete(log);
	assert_true(world_verified(&f->w, f->w.history));
}

/* ---- one rollback of two processes ---- */

/* Kim's `weir rollback` goes through a proxy that does with it what `mode` says; the other
 * configuration leads straight to the pool. */
static void roll_back_into(struct fixture *f, enum proxy_mode mode)
{
	char target[WORLD_PATH], *request;
	size_t len;
	serve(f);
	snprintf(target, sizeof target, "%s", f->w.target);
	world_config(&f->w, target, "    interval: 100ms\n");
	DONE(f, "step", "checkout", "10%", CONFIRMED, "--wait");
	f->proxy = proxy_start(f->front, f->w.socket, "POST /v1/rollback");
	assert_non_null(f->proxy);
	proxy_set_mode(f->proxy, mode);
	world_config(&f->w, proxy_target(f->proxy), "    interval: 100ms\n");
	struct world_env env = env_of(f, KIM);
	world_start(&f->w, &f->rec[0], &env,
		ARGS("rollback", "checkout", "--wait", "--config", f->w.config));
	request = proxy_caught(f->proxy, &len, SOON_MS);
	assert_non_null(request);
	free(request);
	world_config(&f->w, target, "    interval: 100ms\n");
}

static void two_press_one_rollback(struct fixture *f, enum proxy_mode mode)
{
	roll_back_into(f, mode);
	/* Where only the answer is lost, the pool has done it before anybody else presses. */
	for (int64_t end = process_clock_ms() + SOON_MS; mode != PROXY_HOLD;) {
		if (world_fact(&f->w, "share_bp") == 0)
			break;
		assert_true(process_clock_ms() < end);
	}
	int64_t epoch = world_fact(&f->w, "epoch"), raised = mode == PROXY_HOLD;
	assert_int_equal(process_wait(&f->rec[0], 0), -1);
	assert_done(
		&f->p, 0, run_as(f, ANA, ARGS("rollback", "checkout", "--wait", "-m", "me too")));
	assert_int_equal(world_fact(&f->w, "share_bp"), 0);
	assert_int_equal(world_fact(&f->w, "epoch"), epoch + raised);
	/* Whose answer was lost goes on, is told what became of it, and ends well too. */
	proxy_set_mode(f->proxy, PROXY_PASS);
	assert_done(&f->rec[0], 0, process_wait(&f->rec[0], SOON_MS));
	assert_int_equal(world_fact(&f->w, "epoch"), epoch + raised);
	cJSON *log = world_log(&f->w, f->w.history);
	assert_int_equal(count_of(log, "rollback"), 1);
	const cJSON *back = last_of(log, "rollback");
	assert_string_equal(world_word(back, "actor"), "kim@e2e");
	assert_string_equal(world_word(back, "outcome"), "APPLIED");
	assert_string_not_equal(world_word(back, "verified_at"), "");
	cJSON_Delete(log);
	assert_true(world_verified(&f->w, f->w.history));
}

static void test_a_press_beside_one_that_is_held_up(void **state)
{
	two_press_one_rollback(*state, PROXY_HOLD);
}

static void test_a_press_beside_one_whose_answer_is_lost(void **state)
{
	two_press_one_rollback(*state, PROXY_LOSE_ANSWER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_recorder_rolls_back),
		TEST(test_a_dead_recorder_owns_nothing),
		TEST(test_a_recorder_is_told_to_hold),
		TEST(test_what_a_recorder_cannot_hear_is_not_done),
		TEST(test_a_second_recorder_only_looks),
		TEST(test_a_console_leaves_a_recorder_behind),
		TEST(test_two_consoles_at_one_red),
		TEST(test_a_press_beside_one_that_is_held_up),
		TEST(test_a_press_beside_one_whose_answer_is_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
