/* Who may move the share, what goes back by itself, and what happens when nobody is there: by
 * real processes against `weir serve`. Work arrives by the pool's own scenario. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/glass.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOON_MS 20000 /* for what takes a few seconds at most, on a busy machine */
#define NODES 3
#define FULL 64 /* connections that say nothing */
#define CONFIRMED "--confirm", "checkout"

struct fixture {
	struct world w;
	struct process p; /* of the last command */
	struct glass g;
	struct process other[2];
	struct world nodes[NODES]; /* of a pool of three; only their pools are used */
	char load[WORLD_PATH], plan[WORLD_PATH], lock_dir[WORLD_PATH + 16];
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.load, "load.yaml");
	world_write(f.load,
		"name: load\nrate: 200\nsessions: 200\nunit: 500ms\n"
		"operations: [{name: echo, weight: 3, work: 250us}, {name: predict, work: 250us}]\n");
	world_path(&f.w, f.plan, "plan.yaml");
	world_write(f.plan, "steps: [5%, 20%]\nbake: 2s\nmin_samples: 0\n");
	snprintf(f.lock_dir, sizeof f.lock_dir, "WEIR_LOCK_DIR=%s", f.w.dir);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	glass_close(&f->g);
	process_release(&f->p);
	for (int i = 0; i < 2; i++)
		process_release(&f->other[i]);
	for (int i = 0; i < NODES; i++)
		if (f->nodes[i].dir[0])
			world_close(&f->nodes[i]);
	world_close(&f->w);
	return 0;
}

#define PLAN "    plan: {steps: [10%, 50%, 100%], bake: 2s, min_samples: 5}\n"
#define GUARDS "    guards: {window: 3s, error_rate_threshold: 0.05}\n"

/* A pool with work and a plan. */
static void open_pool(struct fixture *f, const char *plan, const char *const *more)
{
	const char *args[16] = {"--scenario", f->load, "--allow-faults", "--unit", "500ms"};
	char rest[512];
	size_t n = 5;
	for (; *more && n < 15; more++)
		args[n++] = *more;
	snprintf(rest, sizeof rest, "    interval: 100ms\n%s%s", plan, GUARDS);
	world_config(&f->w, f->w.target, rest);
	world_pool(&f->w, false, args);
}

static struct world_env env_of(struct fixture *f, const char *actor)
{
	return world_env(&f->w, ARGS(actor, f->lock_dir));
}

#define KIM "WEIR_ACTOR=kim@e2e"
#define ANA "WEIR_ACTOR=ana@e2e"

static int run_as(struct fixture *f, const char *actor, const char *const *args)
{
	const char *all[40];
	size_t n = 0;
	struct world_env env = env_of(f, actor);
	for (; args[n] && n < 36; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

#define WEIR(f, ...) run_as(f, KIM, ARGS(__VA_ARGS__))

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text) && !strstr(f->p.out.text, text))
		fail_msg("'%s' is in neither\n%s nor\n%s", text, f->p.out.text, f->p.err.text);
}

static void assert_done(struct fixture *f, int expected, int status)
{
	if (status != expected)
		fail_msg("status %d, not %d:\n%s%s", status, expected, f->p.out.text, f->p.err.text);
}

#define DONE(f, ...) assert_done(f, 0, WEIR(f, __VA_ARGS__))
#define REFUSED(f, ...) assert_done(f, 6, WEIR(f, __VA_ARGS__))

static cJSON *json_of(const struct fixture *f)
{
	cJSON *json = cJSON_Parse(f->p.out.text);
	if (!json)
		fail_msg("no JSON: '%s' (%s)", f->p.out.text, f->p.err.text);
	return json;
}

static cJSON *status_of(struct fixture *f)
{
	DONE(f, "status", "checkout", "--json");
	return json_of(f);
}

static const cJSON *part(const cJSON *json, const char *name)
{
	const cJSON *item = cJSON_GetObjectItem(json, name);
	assert_non_null(item);
	return item;
}

static const cJSON *newest(const cJSON *list)
{
	return cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1);
}

static void assert_share(struct fixture *f, int share_bp)
{
	assert_int_equal(world_fact(&f->w, "share_bp"), share_bp);
}

/* Until the pool says so itself. */
static void await_fact(struct fixture *f, const char *name, int64_t wanted)
{
	int64_t now = -1;
	for (int64_t end_ms = process_clock_ms() + SOON_MS; process_clock_ms() < end_ms;) {
		if ((now = world_fact(&f->w, name)) == wanted)
			return;
		process_wait(&f->w.pool, 20);
	}
	fail_msg("%s is %lld, not %lld", name, (long long)now, (long long)wanted);
}

/* Until a command has this status: what it waits for comes with time. */
static void await_status(
	struct fixture *f, int wanted, const char *actor, const char *const *args)
{
	int status = -1;
	for (int64_t end_ms = process_clock_ms() + SOON_MS; process_clock_ms() < end_ms;)
		if ((status = run_as(f, actor, args)) == wanted)
			return;
	assert_done(f, wanted, status);
}

/* Until `weir wait` sees it READY. */
static void await_ready(struct fixture *f)
{
	DONE(f, "wait", "checkout", "--for", "READY", "--timeout", "20s");
}

static void fail_v2(struct fixture *f)
{
	assert_int_equal(http_call(&f->w.http, "POST", "/v1/faults", NULL,
						 "{\"arm\":\"v2\",\"error_rate\":0.5}", 5000),
		200);
}

/* S, a look until the sheet takes it, y. */
static void step_by_keys(struct fixture *f, const char *to)
{
	char text[48];
	snprintf(text, sizeof text, "y step to %s", to);
	assert_true(glass_press(&f->g, "S"));
	assert_true(glass_wait(&f->g, text, "k", SOON_MS));
	assert_true(glass_press(&f->g, "y"));
	assert_true(glass_wait(&f->g, "step: VERIFIED", NULL, SOON_MS));
}

static void open_console(struct fixture *f, const char *actor)
{
	struct world_env env = env_of(f, actor);
	glass_open(&f->g, &f->w, 80, 24, &env, ARGS("checkout", "--config", f->w.config));
	assert_true(glass_wait(&f->g, "LIVE", NULL, SOON_MS));
}

/* ---- who rolls back when nobody is there ---- */

/* The console is killed at 10 % and v2 begins to fail: the pool rolls back by itself, and
 * whoever looks next is told by whom. */
static void row_76_the_pool_guards_when_the_console_dies(void **state)
{
	struct fixture *f = *state;
	open_pool(f, PLAN, ARGS("--share", "0%"));
	open_console(f, KIM);
	step_by_keys(f, "10 %");
	pty_signal(&f->g.pty, SIGKILL);
	assert_int_equal(pty_wait_exit(&f->g.pty, 5000), 128 + SIGKILL);
	assert_share(f, 1000);
	int64_t epoch = world_fact(&f->w, "epoch");
	fail_v2(f);
	await_fact(f, "share_bp", 0);
	assert_true(world_fact(&f->w, "epoch") > epoch);
	cJSON *audit = world_audit(&f->w, 0);
	const cJSON *last = newest(audit);
	assert_string_equal(world_word(last, "what"), "rollback");
	assert_string_equal(world_word(last, "actor"), "pool");
	assert_int_equal(world_number(last, "from_bp"), 1000);
	cJSON_Delete(audit);

	cJSON *now = status_of(f);
	assert_string_equal(world_word(now, "guard.owner"), "pool");
	assert_int_equal(world_number(now, "share.reported_bp"), 0);
	assert_true(strcmp(world_word(now, "state"), "DIVERGED") != 0);
	assert_true(cJSON_IsNull(part(now, "reverts")));
	cJSON_Delete(now);
	DONE(f, "record", "checkout", "--for", "1s", "--progress", "never");
	cJSON *log = world_log(&f->w, f->w.history);
	last = newest(log);
	assert_string_equal(world_word(last, "actor"), "pool");
	assert_string_equal(world_word(last, "verb"), "rollback");
	assert_true(cJSON_IsTrue(part(last, "observed")));
	assert_int_equal(world_number(last, "to_bp"), 0);
	cJSON_Delete(log);
	assert_true(world_verified(&f->w, f->w.history));
}

/* A raise that nobody keeps goes back: when, to where, what stops it, and what keeps it. */
static void test_a_raise_goes_back_unless_kept(void **state)
{
	struct fixture *f = *state;
	char dir[WORLD_PATH];
	world_path(&f->w, dir, "pool");
	assert_int_equal(mkdir(dir, 0700), 0);
	open_pool(f,
		"    plan: {steps: [10%, 20%, 100%], bake: 3s, min_samples: 0, max_delta: 80%}\n",
		ARGS("--share", "0%", "--state", dir));
	DONE(f, "step", "checkout", "next", CONFIRMED);
	assert_says(f, "goes back to 0 % in 2m3s unless it is kept");
	REFUSED(f, "keep", "checkout", CONFIRMED, "--json");
	cJSON *json = json_of(f);
	const cJSON *why = cJSON_GetArrayItem(part(json, "refused"), 0);
	assert_string_equal(world_word(why, "code"), "W184");
	assert_true(world_number(why, "wait_ms") > 0);
	cJSON_Delete(json);
	json = status_of(f);
	assert_int_equal(world_number(json, "reverts.to_bp"), 0);
	assert_true(world_number(json, "reverts.in_ms") > 60000);
	assert_true(world_number(json, "reverts.in_ms") < 123000);
	assert_string_equal(world_word(json, "reverts.action"), "revert");
	cJSON_Delete(json);

	await_status(f, 0, KIM, ARGS("keep", "checkout", CONFIRMED));
	assert_int_equal(world_fact(&f->w, "kept_bp"), 1000);
	json = status_of(f);
	assert_true(cJSON_IsNull(part(json, "reverts")));
	cJSON_Delete(json);
	DONE(f, "keep", "checkout", CONFIRMED);
	assert_says(f, "nothing");

	/* A hold stops it; a resume starts it anew. */
	await_ready(f);
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait", "--json");
	json = json_of(f);
	assert_true(world_number(json, "reverts_in_ms") > 60000);
	cJSON_Delete(json);
	DONE(f, "hold");
	json = status_of(f);
	assert_true(cJSON_IsNull(part(part(json, "reverts"), "in_ms")));
	assert_int_equal(world_number(json, "reverts.to_bp"), 1000);
	cJSON_Delete(json);
	DONE(f, "resume", "checkout", CONFIRMED);
	int64_t left_ms = 0;
	json = world_state(&f->w);
	left_ms = world_number(json, "keep.left_ms");
	cJSON_Delete(json);
	assert_true(left_ms > 60000);

	/* It outlives the pool's own end. */
	process_signal(&f->w.pool, SIGKILL);
	process_wait(&f->w.pool, 5000);
	http_close(&f->w.http);
	unlink(f->w.socket);
	world_pool(&f->w, false, ARGS("--scenario", f->load, "--unit", "500ms", "--state", dir));
	json = world_state(&f->w);
	assert_int_equal(world_number(json, "share_bp"), 2000);
	assert_int_equal(world_number(json, "kept_bp"), 1000);
	assert_true(world_number(json, "keep.left_ms") <= left_ms);
	assert_true(world_number(json, "keep.left_ms") > 0);
	cJSON_Delete(json);
}

/* A recorder that guards keeps what others raised; a second one on the host says that it does
 * not, and takes over when the first ends. */
static void test_a_recorder_keeps_for_others(void **state)
{
	struct fixture *f = *state;
	char first[WORLD_PATH], second[WORLD_PATH];
	world_path(&f->w, first, "first.db");
	world_path(&f->w, second, "second.db");
	open_pool(f, PLAN, ARGS("--share", "0%"));
	struct world_env env = env_of(f, "WEIR_ACTOR=rec@e2e");
	world_start(&f->w, &f->other[0], &env,
		ARGS("record", "checkout", "--guard", "--out", first, "--config", f->w.config));
	assert_true(process_wait_err(&f->other[0], "'checkout' guards itself", SOON_MS));
	world_start(&f->w, &f->other[1], &env,
		ARGS("record", "checkout", "--guard", "--out", second, "--config", f->w.config));
	assert_true(
		process_wait_err(&f->other[1], "W202 'checkout' is guarded by rec@e2e", SOON_MS));
	assert_int_equal(process_wait(&f->other[1], 0), -1); /* it records on */

	assert_done(f, 0, run_as(f, ANA, ARGS("step", "checkout", "next", CONFIRMED)));
	await_fact(f, "kept_bp", 1000);
	process_signal(&f->other[0], SIGTERM);
	int status = process_wait(&f->other[0], SOON_MS);
	assert_true(status == 0 || (status == 3 && strstr(f->other[0].err.text, "gaps")));
	assert_true(process_wait_err(&f->other[1], "'checkout' guards itself", SOON_MS));
	cJSON *audit = world_audit(&f->w, 0);
	const cJSON *last = newest(audit);
	assert_string_equal(world_word(last, "what"), "keep");
	assert_string_equal(world_word(last, "actor"), "rec@e2e");
	cJSON_Delete(audit);

	/* Where no lock can be made it says so. */
	struct world_env bad = world_env(&f->w, ARGS(KIM, "WEIR_LOCK_DIR=/nonexistent"));
	process_release(&f->other[0]);
	world_start(&f->w, &f->other[0], &bad,
		ARGS("record", "checkout", "--guard", "--out", first, "--config", f->w.config));
	assert_true(process_wait_err(&f->other[0], "W004 'checkout' is not guarded", SOON_MS));
}

/* ---- who may raise ---- */

static void test_the_lease_passes_by_take(void **state)
{
	struct fixture *f = *state;
	open_pool(f, PLAN, ARGS("--share", "0%"));
	open_console(f, KIM);
	step_by_keys(f, "10 %");
	cJSON *json = status_of(f);
	assert_string_equal(world_word(json, "lease.holder"), "kim@e2e");
	cJSON_Delete(json);
	int status = run_as(f, ANA, ARGS("step", "checkout", "20%", CONFIRMED, "--json"));
	assert_done(f, 6, status);
	json = json_of(f);
	bool named = false;
	const cJSON *why;
	cJSON_ArrayForEach(why, part(json, "refused")) named |=
		strcmp(world_word(why, "code"), "W143") == 0 &&
		strstr(world_word(why, "text"), "kim@e2e") != NULL;
	cJSON_Delete(json);
	assert_true(named);
	/* Kim's own other processes share it, and leave it to the console. */
	DONE(f, "take", "checkout", CONFIRMED);
	assert_says(f, "nothing");
	assert_done(f, 0, run_as(f, ANA, ARGS("take", "checkout", CONFIRMED)));
	assert_says(f, "the lease is yours for 30 s");
	json = world_state(&f->w);
	assert_string_equal(world_word(json, "lease.holder"), "ana@e2e");
	cJSON_Delete(json);
	assert_true(
		glass_wait(&f->g, "ana@e2e", NULL, SOON_MS)); /* and kim's console says by whom */
	/* Nothing of hers is needed to go back. */
	DONE(f, "rollback", "--wait");
	assert_share(f, 0);
}

/* Who comes back from a long sleep with a lease that has passed to somebody else: its step is
 * refused. */
static void row_69_an_old_console_wakes(void **state)
{
	struct fixture *f = *state;
	open_pool(f, PLAN, ARGS("--share", "0%"));
	open_console(f, KIM);
	step_by_keys(f, "10 %");
	await_fact(f, "kept_bp", 1000);
	assert_true(glass_wait(&f->g, "READY for 50 %", NULL, SOON_MS));
	assert_true(glass_press(&f->g, "S"));
	assert_true(glass_wait(&f->g, "y step to 50 %", "k", SOON_MS));
	pty_signal(&f->g.pty, SIGSTOP);
	/* On another host: whoever sleeps may sleep with the lock of the history that it writes. */
	char other[WORLD_PATH];
	world_path(&f->w, other, "other.db");
	assert_done(f, 0, run_as(f, ANA, ARGS("take", "checkout", CONFIRMED, "--history", other)));
	int64_t rev = world_fact(&f->w, "rev");
	pty_send(&f->g.pty, "y");
	pty_signal(&f->g.pty, SIGCONT);
	assert_true(glass_wait(&f->g, "ana@e2e", NULL, SOON_MS));
	assert_share(f, 1000);
	assert_int_equal(world_fact(&f->w, "rev"), rev);
}

/* Wrong target, wrong number: 100 for 10, another pool's name, a bare number. */
static void row_72_wrong_target_wrong_number(void **state)
{
	struct fixture *f = *state;
	open_pool(f, PLAN, ARGS("--share", "0%"));
	REFUSED(f, "step", "checkout", "100%", CONFIRMED);
	assert_says(f, "W162");
	REFUSED(f, "step", "checkout", "50%", CONFIRMED);
	assert_done(f, 2, WEIR(f, "step", "checkout", "10", CONFIRMED));
	assert_says(f, "'10' is no share");
	assert_done(f, 2, WEIR(f, "step", "checkout", "10%", "--confirm", "checkout-eu"));
	assert_done(f, 2, WEIR(f, "step", "chekout", "10%", "--confirm", "chekout"));
	assert_says(f, "did you mean 'checkout'?");
	assert_share(f, 0);
	cJSON *audit = world_audit(&f->w, 0);
	assert_int_equal(cJSON_GetArraySize(audit), 0);
	cJSON_Delete(audit);
}

/* The traffic of the pool is dead: its port is full of connections that say nothing. The way
 * back is a socket of its own, which no name server and no traffic is in the way of. */
static void row_77_the_way_back_is_not_the_traffic(void **state)
{
	struct fixture *f = *state;
	struct http full[FULL];
	char address[32];
	int open = 0;
	world_config(&f->w, f->w.target, "    interval: 100ms\n");
	world_pool(&f->w, true, ARGS("--scenario", f->load, "--unit", "500ms", "--share", "0%"));
	DONE(f, "step", "checkout", "10%", CONFIRMED);
	snprintf(address, sizeof address, "127.0.0.1:%d", f->w.port);
	while (open < FULL && http_open(&full[open], address))
		open++;
	int status = WEIR(f, "rollback", "checkout", "--wait");
	for (int i = 0; i < open; i++)
		http_close(&full[i]);
	assert_int_equal(open, FULL);
	assert_done(f, 0, status);
	assert_share(f, 0);
}

/* ---- every act by the command line ---- */

static void test_arm_and_disarm(void **state)
{
	struct fixture *f = *state;
	open_pool(f, "", ARGS("--share", "0%"));
	assert_done(f, 2, WEIR(f, "arm", "checkout", CONFIRMED)); /* by which plan? */
	assert_says(f, "no plan");
	DONE(f, "plan", f->plan);
	assert_says(f, "5 %");
	DONE(f, "plan", f->plan, "--json");
	cJSON *json = json_of(f);
	char hash[80];
	snprintf(hash, sizeof hash, "%s", world_word(json, "hash"));
	assert_int_equal(cJSON_GetArraySize(part(json, "steps")), 2);
	cJSON_Delete(json);
	DONE(f, "arm", "checkout", "--plan", f->plan, CONFIRMED, "--dry-run");
	DONE(f, "arm", "checkout", "--plan", f->plan, CONFIRMED, "--json");
	json = json_of(f);
	assert_string_equal(world_word(json, "verb"), "arm");
	assert_string_equal(world_word(json, "outcome"), "APPLIED");
	cJSON_Delete(json);
	json = world_state(&f->w);
	assert_string_equal(world_word(json, "plan_hash"), hash);
	assert_int_equal(world_number(json, "baseline_bp"), 0);
	cJSON_Delete(json);
	DONE(f, "step", "checkout", "next", "--plan", f->plan, CONFIRMED);
	assert_share(f, 500);
	REFUSED(f, "disarm", "checkout", "--plan", f->plan, CONFIRMED); /* not back yet */
	DONE(f, "rollback", "--wait");
	DONE(f, "disarm", "checkout", "--plan", f->plan, CONFIRMED, "--json");
	json = world_state(&f->w);
	assert_true(cJSON_IsNull(part(json, "plan_hash")));
	cJSON_Delete(json);
	assert_done(f, 2, WEIR(f, "plan", "/nonexistent/plan.yaml"));
	world_write(f->plan, "steps: [5%, 4%]\n");
	assert_done(f, 2, WEIR(f, "plan", f->plan));
	assert_says(f, "W002");
}

/* A pool found above 0: a person says where its way back leads. */
static void test_a_baseline_above_nothing(void **state)
{
	struct fixture *f = *state;
	open_pool(f, "    plan: {steps: [10%, 20%, 60%], bake: 2s, min_samples: 0}\n",
		ARGS("--share", "10%"));
	DONE(f, "arm", "checkout", "--baseline", "10%", CONFIRMED);
	assert_int_equal(world_fact(&f->w, "baseline_bp"), 1000);
	DONE(f, "step", "checkout", "next", CONFIRMED);
	assert_share(f, 2000);
	DONE(f, "rollback");
	assert_share(f, 1000);
}

static void test_strategy_and_operations(void **state)
{
	struct fixture *f = *state;
	open_pool(f, "", ARGS("--share", "0%"));
	DONE(f, "step", "checkout", "10%", CONFIRMED);
	DONE(f, "strategy", "checkout", "primary_with_fallback", CONFIRMED, "--json");
	cJSON *json = world_state(&f->w);
	assert_string_equal(world_word(json, "strategy"), "primary_with_fallback");
	cJSON_Delete(json);
	assert_done(f, 2, WEIR(f, "strategy", "checkout", "canarry", CONFIRMED));
	assert_says(f, "is no strategy");
	DONE(f, "strategy", "checkout", "canary", CONFIRMED);
	DONE(f, "operations", "checkout", "+echo", "+predict", CONFIRMED);
	/* Taking one off is a rollback: no name is asked for. */
	DONE(f, "rollback", "checkout", "--operation", "predict");
	json = world_state(&f->w);
	const cJSON *each;
	bool echo = false;
	cJSON_ArrayForEach(each, part(json, "operations"))
	{
		assert_string_not_equal(each->valuestring, "predict");
		echo |= strcmp(each->valuestring, "echo") == 0;
	}
	assert_true(echo);
	assert_int_equal(world_number(json, "share_bp"), 1000);
	cJSON_Delete(json);
	DONE(f, "operations", "checkout", "+predict", CONFIRMED, "--dry-run");
	assert_done(f, 2, WEIR(f, "rollback", "checkout", "--operation", "nothing"));
	assert_done(f, 2, WEIR(f, "operations", "checkout", "echo", CONFIRMED));
	/* Down in steps, to the end. */
	DONE(f, "step", "checkout", "2%", CONFIRMED);
	DONE(f, "rollback", "checkout", "--gradual", "--wait");
	assert_share(f, 0);
	cJSON *audit = world_audit(&f->w, 0);
	int count = cJSON_GetArraySize(audit);
	assert_int_equal(world_number(cJSON_GetArrayItem(audit, count - 2), "to_bp"), 100);
	assert_string_equal(world_word(newest(audit), "what"), "rollback");
	cJSON_Delete(audit);
}

static void test_guard_adopt_and_close(void **state)
{
	struct fixture *f = *state;
	open_pool(f, PLAN, ARGS("--share", "0%"));
	DONE(f, "step", "checkout", "next", CONFIRMED);
	DONE(f, "guard", "checkout", "hold", "--for", "1h", CONFIRMED, "--json");
	cJSON *json = world_state(&f->w);
	assert_true(world_number(json, "guard.held_ms") > 3500000);
	cJSON_Delete(json);
	/* Where it would roll back it holds. */
	fail_v2(f);
	DONE(f, "wait", "checkout", "--for", "HELD", "--timeout", "20s");
	assert_share(f, 1000);
	DONE(f, "guard", "checkout", "act", CONFIRMED);
	assert_done(f, 2, WEIR(f, "guard", "checkout", "hold", "--for", "5h", CONFIRMED));
	assert_done(f, 2, WEIR(f, "adopt", "checkout", CONFIRMED));
	assert_says(f, "asks for a reason");
	DONE(f, "adopt", "checkout", CONFIRMED, "-m", "looked at by two");
	assert_done(f, 2, WEIR(f, "close", "01a20153-8437-73f1-8ac9-600eb5e43a80", "-m", "gone"));
	assert_says(f, "no rollback");
}

/* A rollback that is never seen is given up by a person, with a reason. */
static void test_close_gives_a_rollback_up(void **state)
{
	struct fixture *f = *state;
	open_pool(f, "", ARGS("--share", "0%"));
	DONE(f, "step", "checkout", "10%", CONFIRMED);
	process_signal(&f->w.pool, SIGKILL);
	process_wait(&f->w.pool, 5000);
	struct world_env env = env_of(f, KIM);
	process_release(&f->p);
	world_start(&f->w, &f->p, &env, ARGS("rollback", "--config", f->w.config));
	cJSON *log;
	bool begun = false;
	for (int64_t end_ms = process_clock_ms() + SOON_MS;
		 !begun && process_clock_ms() < end_ms;) {
		log = world_log(&f->w, f->w.history);
		begun = strcmp(world_word(newest(log), "verb"), "rollback") == 0;
		cJSON_Delete(log);
	}
	process_signal(&f->p, SIGINT);
	assert_done(f, 4, process_wait(&f->p, SOON_MS));
	log = world_log(&f->w, f->w.history);
	char id[64];
	snprintf(id, sizeof id, "%s", world_word(newest(log), "id"));
	cJSON_Delete(log);
	assert_done(f, 2, WEIR(f, "close", id));
	assert_says(f, "asks for a reason");
	DONE(f, "close", id, "-m", "the pool is gone for good");
	log = world_log(&f->w, f->w.history);
	assert_string_equal(world_word(newest(log), "verb"), "close");
	cJSON_Delete(log);
}

static void test_doctor(void **state)
{
	struct fixture *f = *state;
	open_pool(f, "", ARGS("--share", "0%"));
	DONE(f, "doctor", "checkout");
	assert_says(f, "a step and a rollback could work");
	assert_says(f, "curl -fsS -X POST");
	DONE(f, "doctor", f->w.target, "--json");
	cJSON *json = json_of(f);
	assert_true(cJSON_IsTrue(part(json, "could_work")));
	/* What it would have one paste is a good configuration. */
	char pasted[WORLD_PATH];
	world_path(&f->w, pasted, "pasted.yaml");
	world_write(pasted, world_word(json, "configuration"));
	cJSON_Delete(json);
	DONE(f, "check", pasted);
	assert_says(f, "good, 1 pool");
	cJSON *audit = world_audit(&f->w, 0);
	assert_int_equal(cJSON_GetArraySize(audit), 0); /* it changes nothing */
	cJSON_Delete(audit);
	assert_int_equal(access(f->w.history, F_OK), -1);
	process_signal(&f->w.pool, SIGKILL);
	process_wait(&f->w.pool, 5000);
	REFUSED(f, "doctor", "checkout");
	assert_says(f, "W100");
	REFUSED(f, "doctor", "checkout", "--json");
}

/* A brake that the pool refuses says the pool's words, and that it has not reached it. */
static void test_a_brake_without_the_right_token(void **state)
{
	struct fixture *f = *state;
	char tokens[WORLD_PATH], own[WORLD_PATH];
	world_path(&f->w, tokens, "tokens");
	world_path(&f->w, own, "own");
	world_write(tokens, "the-right-token-0123456789\nthe-reading-token-0123456 read\n");
	world_write(own, "the-reading-token-0123456\n");
	assert_int_equal(chmod(tokens, 0600) + chmod(own, 0600), 0);
	char rest[WORLD_PATH + 64], address[48];
	world_pool(&f->w, true, ARGS("--token-file", tokens, "--share", "0%"));
	snprintf(address, sizeof address, "http://127.0.0.1:%d", f->w.port);
	snprintf(rest, sizeof rest, "    interval: 100ms\n    token_file: %s\n", own);
	world_config(&f->w, address, rest);
	for (int k = 0; k < 2; k++) {
		struct world_env env = env_of(f, KIM);
		process_release(&f->p);
		world_start(&f->w, &f->p, &env, ARGS("rollback", "--config", f->w.config));
		assert_int_equal(process_wait(&f->p, 1500), -1); /* it tries on */
		process_signal(&f->p, SIGINT);
		assert_done(f, 4, process_wait(&f->p, SOON_MS));
		assert_says(f, k == 0 ? "W131" : "W130");
		assert_says(f, k == 0 ? "stays open" : "do it again");
		world_write(own, "some-other-token-0123456789\n");
	}
}

/* ---- three nodes ---- */

/* The last waits where `held` says so. */
static void start_node(struct fixture *f, int i)
{
	static const char *const names[NODES] = {"node-a", "node-b", "node-c"};
	char dir[WORLD_PATH];
	struct world *w = &f->nodes[i];
	if (!w->dir[0])
		world_open(w);
	world_path(w, dir, "state");
	mkdir(dir, 0700);
	unlink(w->socket);
	http_close(&w->http);
	world_pool(w, false,
		ARGS("--pool-id", "checkout-id", "--node", names[i], "--state", dir, "--scenario",
			f->load, "--unit", "500ms", "--share", "0%"));
}

static void kill_node(struct fixture *f, int i)
{
	process_signal(&f->nodes[i].pool, SIGKILL);
	process_wait(&f->nodes[i].pool, 5000);
}

static void open_nodes(struct fixture *f, const char *plan)
{
	char targets[NODES * WORLD_PATH + 16], rest[256];
	for (int i = 0; i < NODES; i++)
		start_node(f, i);
	snprintf(targets, sizeof targets, "[%s, %s, %s]", f->nodes[0].target, f->nodes[1].target,
		f->nodes[2].target);
	snprintf(rest, sizeof rest, "    interval: 100ms\n%s", plan);
	world_config(&f->w, targets, rest);
}

static void assert_nodes(struct fixture *f, int a_bp, int b_bp, int c_bp)
{
	const int wanted[NODES] = {a_bp, b_bp, c_bp};
	for (int i = 0; i < NODES; i++)
		if (wanted[i] >= 0)
			assert_int_equal(world_fact(&f->nodes[i], "share_bp"), wanted[i]);
}

/* One of three is dead when the way back is taken: the others go at once, the third is tried
 * until it is back; only then it is called verified. */
static void row_70_a_rollback_gets_half_way(void **state)
{
	struct fixture *f = *state;
	open_nodes(f, "");
	DONE(f, "step", "checkout", "10%", CONFIRMED, "--wait");
	assert_nodes(f, 1000, 1000, 1000);
	kill_node(f, 1);
	struct world_env env = env_of(f, KIM);
	process_release(&f->p);
	world_start(&f->w, &f->p, &env, ARGS("rollback", "--wait", "--config", f->w.config));
	for (int i = 0; i < NODES; i += 2)
		for (int64_t end_ms = process_clock_ms() + SOON_MS;
			 world_fact(&f->nodes[i], "share_bp") != 0;) {
			assert_true(process_clock_ms() < end_ms);
			process_wait(&f->p, 20);
		}
	assert_int_equal(process_wait(&f->p, 300), -1);
	/* Whoever looks meanwhile reads who is missing. */
	struct process look;
	world_run(
		&f->w, &look, &env, ARGS("status", "checkout", "--json", "--config", f->w.config));
	cJSON *json = cJSON_Parse(look.out.text);
	process_release(&look);
	assert_true(cJSON_IsNull(part(part(json, "share"), "reported_bp")) ||
		strcmp(world_word(json, "freshness"), "LIVE") != 0);
	assert_true(strcmp(world_word(json, "state"), "ROLLED_BACK") != 0);
	cJSON_Delete(json);
	start_node(f, 1);
	assert_done(f, 0, process_wait(&f->p, SOON_MS));
	assert_nodes(f, 0, 0, 0);
	cJSON *log = world_log(&f->w, f->w.history);
	assert_string_equal(world_word(newest(log), "verb"), "rollback");
	assert_string_not_equal(world_word(newest(log), "verified_at"), "");
	cJSON_Delete(log);
}

/* Interrupted in the middle, the next command with that history carries it on. */
static void test_a_rollback_is_carried_on_by_the_next(void **state)
{
	struct fixture *f = *state;
	open_nodes(f, "");
	DONE(f, "step", "checkout", "10%", CONFIRMED, "--wait");
	kill_node(f, 2);
	struct world_env env = env_of(f, KIM);
	process_release(&f->p);
	world_start(&f->w, &f->p, &env, ARGS("rollback", "--config", f->w.config));
	for (int64_t end_ms = process_clock_ms() + SOON_MS;
		 world_fact(&f->nodes[0], "share_bp") != 0;) {
		assert_true(process_clock_ms() < end_ms);
		process_wait(&f->p, 20);
	}
	process_signal(&f->p, SIGKILL);
	process_wait(&f->p, 5000);
	start_node(f, 2);
	assert_int_equal(world_fact(&f->nodes[2], "share_bp"), 1000);
	open_console(f, KIM);
	for (int64_t end_ms = process_clock_ms() + SOON_MS;
		 world_fact(&f->nodes[2], "share_bp") != 0;) {
		assert_true(process_clock_ms() < end_ms);
		process_wait(&f->nodes[2].pool, 20);
	}
	assert_nodes(f, 0, 0, 0);
}

/* A step that only some nodes took is put right by the same step again. */
static void test_a_partial_step_is_completed(void **state)
{
	struct fixture *f = *state;
	open_nodes(f, "");
	/* Behind everybody's back the third is held: it takes no raise. */
	assert_int_equal(http_call(&f->nodes[2].http, "POST", "/v1/hold",
						 "Idempotency-Key: by-hand-1\r\n", "{\"actor\":\"eve@e2e\"}", 5000),
		200);
	int status = WEIR(f, "step", "checkout", "10%", CONFIRMED);
	if (status == 0)
		fail_msg("a held node took a step: %s", f->p.out.text);
	assert_nodes(f, -1, -1, 0);
	DONE(f, "resume", "checkout", CONFIRMED);
	DONE(f, "step", "checkout", "10%", CONFIRMED, "--wait");
	assert_nodes(f, 1000, 1000, 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(row_76_the_pool_guards_when_the_console_dies),
		TEST(test_a_raise_goes_back_unless_kept),
		TEST(test_a_recorder_keeps_for_others),
		TEST(test_the_lease_passes_by_take),
		TEST(row_69_an_old_console_wakes),
		TEST(row_72_wrong_target_wrong_number),
		TEST(row_77_the_way_back_is_not_the_traffic),
		TEST(test_arm_and_disarm),
		TEST(test_a_baseline_above_nothing),
		TEST(test_strategy_and_operations),
		TEST(test_guard_adopt_and_close),
		TEST(test_close_gives_a_rollback_up),
		TEST(test_doctor),
		TEST(test_a_brake_without_the_right_token),
		TEST(row_70_a_rollback_gets_half_way),
		TEST(test_a_rollback_is_carried_on_by_the_next),
		TEST(test_a_partial_step_is_completed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
