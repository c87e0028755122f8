/* The judge end to end, by real processes against `weir serve`: a recorder rolls back by its
 * verdict alone, the pool by its own, a strict plan waits for SAFE, and `weir status` tells it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/veil.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOON_MS 40000 /* for what takes a few seconds at most, on a busy machine */
#define CONFIRMED "--confirm", "checkout"

struct fixture {
	struct world w;
	struct veil *veil;
	struct process p;   /* of the last command */
	struct process rec; /* a recorder */
	char load[WORLD_PATH], lock_dir[WORLD_PATH + 16], front[WORLD_PATH];
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.load, "load.yaml");
	world_path(&f.w, f.front, "front.sock");
	/* Each request is a session: all that a minute brings is judged in seconds. */
	world_write(f.load,
		"name: load\nrate: 400\nsessions: 100\nsession_requests: 1\nunit: 200ms\n"
		"timeout: 500ms\noperations: [{name: echo, work: 100us}]\n");
	snprintf(f.lock_dir, sizeof f.lock_dir, "WEIR_LOCK_DIR=%s", f.w.dir);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	process_release(&f->p);
	process_release(&f->rec);
	veil_stop(f->veil);
	world_close(&f->w);
	return 0;
}

/* The limit is far above what v2 will do: no limit breaks. */
#define POOL \
	"    interval: 100ms\n" \
	"    plan: {steps: [10%, 50%, 100%], bake: 1s, min_samples: 5, policy: careful}\n" \
	"    guards: {window: 3s, error_rate_threshold: 0.9}\n"
#define ERRORS_ALONE "    judge: {metrics: [errors]}\n"

/* weir.yaml with its own policy: a standard one that asks for SAFE. */
static void configure(struct fixture *f, const char *target, const char *rest)
{
	char text[2048];
	snprintf(text, sizeof text,
		"history: %s\npolicies:\n  careful: {base: standard, safe: true}\n"
		"pools:\n  checkout:\n    target: %s\n%s",
		f->w.history, target, rest);
	world_config(&f->w, target, "");
	world_write(f->w.config, text);
}

static void serve(struct fixture *f)
{
	world_pool(&f->w, false, ARGS("--scenario", f->load, "--allow-faults", "--share", "0%"));
}

static struct world_env env_of(struct fixture *f, const char *actor)
{
	return world_env(&f->w, ARGS(actor, f->lock_dir));
}

static int run(struct fixture *f, const char *const *args)
{
	const char *all[24];
	size_t n = 0;
	struct world_env env = env_of(f, "WEIR_ACTOR=kim@e2e");
	for (; args[n] && n < 20; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

static void done(struct fixture *f, int expected, int status)
{
	if (status != expected)
		fail_msg("status %d, not %d:\n%s%s", status, expected, f->p.out.text, f->p.err.text);
}
#define DONE(f, ...) done(f, 0, run(f, ARGS(__VA_ARGS__)))

static cJSON *status_of(struct fixture *f)
{
	DONE(f, "status", "checkout", "--json");
	cJSON *json = cJSON_Parse(f->p.out.text);
	if (!json)
		fail_msg("no JSON: '%s' (%s)", f->p.out.text, f->p.err.text);
	return json;
}

/* Until a string of `weir status --json` is this: the JSON, delete it. */
static cJSON *await_word(struct fixture *f, const char *path, const char *word)
{
	for (int64_t end_ms = process_clock_ms() + SOON_MS;;) {
		cJSON *json = status_of(f);
		if (strcmp(world_word(json, path), word) == 0)
			return json;
		cJSON_Delete(json);
		if (process_clock_ms() > end_ms)
			fail_msg("%s is never '%s': %s", path, word, f->p.out.text);
	}
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

static const cJSON *last_of(const cJSON *log, const char *verb)
{
	const cJSON *d, *last = NULL;
	cJSON_ArrayForEach(d, log) if (strcmp(world_word(d, "verb"), verb) == 0) last = d;
	return last;
}

static const cJSON *at(const cJSON *json, const char *a, const char *b)
{
	const cJSON *object = cJSON_GetObjectItem(json, a);
	const cJSON *item = b ? cJSON_GetObjectItem(object, b) : object;
	if (!item)
		fail_msg("no %s.%s", a, b ? b : "");
	return item;
}

/* ---- what status tells ---- */

static void what_is_not_known_is_null(void **state)
{
	struct fixture *f = *state;
	serve(f);
	configure(f, f->w.target, POOL);
	cJSON *json = status_of(f);
	assert_string_equal(world_word(json, "verdict.word"), "NO DATA");
	assert_string_equal(world_word(json, "verdict.own"), "NO DATA");
	assert_string_equal(world_word(json, "verdict.text"), "NO DATA: no v2 traffic yet");
	assert_true(cJSON_IsFalse(at(json, "verdict", "cited")));
	assert_true(cJSON_IsNull(at(json, "verdict", "metric")));
	assert_true(cJSON_IsNull(at(json, "verdict", "eta_ms")));
	assert_true(cJSON_IsNull(at(json, "harm", NULL)));
	const cJSON *ratio = at(json, "verdict", "ratio");
	assert_int_equal(cJSON_GetArraySize(ratio), 3);
	assert_true(cJSON_IsNull(cJSON_GetArrayItem(ratio, 1)));
	cJSON_Delete(json);
}

/* ---- whose verdict acts ---- */

/* The recording gives each verdict again that was recorded with a decision of who made it. */
static void expect_the_same_again(struct fixture *f)
{
	DONE(f, "report", f->w.history, "--json");
	cJSON *json = cJSON_Parse(f->p.out.text);
	const cJSON *d;
	assert_non_null(json);
	fprintf(stderr,"%s\n", f->rec.err.text);	assert_true(world_number(json, "rechecked.named") >= 1);
	assert_int_equal(
		world_number(json, "rechecked.recomputed"), world_number(json, "rechecked.named"));
	assert_int_equal(world_number(json, "rechecked.differ"), 0);
	cJSON_ArrayForEach(d, cJSON_GetObjectItem(json, "timeline"))
	{
		const char *verb = world_word(d, "verb"), *role = world_word(d, "role");
		if (strcmp(verb, "rollback") == 0 && strcmp(role, "guard") == 0)
			assert_string_equal(world_word(d, "recheck.is"), "same");
	}
	cJSON_Delete(json);
}

/* The pool's own guard is hidden from both sides: the recorder is the only one. */
static void a_recorder_rolls_back_by_the_verdict_alone(void **state)
{
	struct fixture *f = *state;
	serve(f);
	f->veil = veil_start(f->front, f->w.target, "guard");
	assert_non_null(f->veil);
	configure(f, veil_target(f->veil), POOL ERRORS_ALONE);
	struct world_env env = env_of(f, "WEIR_ACTOR=rec@e2e");
	world_start(
		&f->w, &f->rec, &env, ARGS("record", "checkout", "--guard", "--config", f->w.config));
	if (!process_wait_err(&f->rec, "guards 'checkout'", SOON_MS))
		fail_msg("does not guard: %s", f->rec.err.text);
	cJSON *json = await_word(f, "guard.owner", "record");
	cJSON_Delete(json);
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait");
	await_share(f, 1000);
	/* its word is the one that counts, also for those who have just begun to look */
	json = await_word(f, "verdict.word", "SAFE");
	assert_true(cJSON_IsTrue(at(json, "verdict", "cited")));
	cJSON_Delete(json);

	fail_v2(f, "0.3");
	await_share(f, 0);
	json = await_word(f, "verdict.word", "HARM");
	assert_true(cJSON_IsTrue(at(json, "verdict", "cited")));
	cJSON_Delete(json);
	cJSON *log = NULL;
	for (int64_t end_ms = process_clock_ms() + SOON_MS;; cJSON_Delete(log)) {
		log = world_log(&f->w, f->w.history);
		const cJSON *back = last_of(log, "rollback");
		if (back && world_word(back, "verified_at")[0])
			break;
		if (process_clock_ms() > end_ms)
			fail_msg("no rollback is verified");
	}
	const cJSON *back = last_of(log, "rollback");
	assert_string_equal(world_word(back, "role"), "guard");
	assert_string_equal(world_word(back, "actor"), "rec@e2e");
	assert_string_equal(world_word(back, "outcome"), "APPLIED");
	if (strncmp(world_word(back, "reason"), "guard: errors HARM", 18) != 0)
		fail_msg("not by the judge: %s", world_word(back, "reason"));
	assert_string_equal(world_word(back, "evidence.verdict.word"), "HARM");
	assert_string_equal(world_word(back, "evidence.verdict.own"), "HARM");
	cJSON_Delete(log);
	process_signal(&f->rec, SIGTERM);
	int status = process_wait(&f->rec, SOON_MS);
	assert_true(status == 0 || (status == 3 && strstr(f->rec.err.text, "gaps")));
	assert_true(world_verified(&f->w, f->w.history));
	expect_the_same_again(f);
}

static void the_pool_rolls_back_by_its_own(void **state)
{
	struct fixture *f = *state;
	serve(f);
	configure(f, f->w.target, POOL);
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait");
	await_share(f, 1000);
	fail_v2(f, "0.3");
	await_share(f, 0);
	cJSON *pool = world_state(&f->w);
	assert_string_equal(world_word(pool, "hold.actor"), "pool");
	if (strncmp(world_word(pool, "hold.reason"), "guard: errors HARM", 18) != 0)
		fail_msg("not by the judge: %s", world_word(pool, "hold.reason"));
	cJSON_Delete(pool);
	/* Red until somebody resumes, in every process. */
	assert_int_equal(run(f, ARGS("step", "checkout", "next", CONFIRMED)), 6);
	if (!strstr(f->p.err.text, "errors HARM") && !strstr(f->p.out.text, "errors HARM"))
		fail_msg("does not say why: %s%s", f->p.out.text, f->p.err.text);
	DONE(f, "resume", "checkout", CONFIRMED);
	fail_v2(f, "0");
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait");
	await_share(f, 1000);
}

/* ---- SAFE is asked ---- */

static void a_step_waits_for_safe(void **state)
{
	struct fixture *f = *state;
	serve(f);
	/* under 1 %: that takes a few hundred units of v2 */
	configure(f, f->w.target,
		"    interval: 100ms\n"
		"    plan: {steps: [10%, 50%, 100%], bake: 1s, min_samples: 5, policy: careful}\n"
		"    guards: {window: 3s, error_rate_threshold: 0.01}\n" ERRORS_ALONE);
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait");
	await_share(f, 1000);
	assert_int_equal(run(f, ARGS("step", "checkout", "next", CONFIRMED)), 6);
	if (!strstr(f->p.err.text, "W185") || !strstr(f->p.err.text, "SAFE is asked: ") ||
		(!strstr(f->p.err.text, "UNDECIDED") && !strstr(f->p.err.text, "NO DATA")))
		fail_msg("not refused by the verdict: %s%s", f->p.out.text, f->p.err.text);
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
	cJSON *json = await_word(f, "verdict.word", "SAFE");
	assert_true(cJSON_IsTrue(at(json, "verdict", "cited")));
	assert_string_equal(world_word(json, "verdict.text"), "errors SAFE, under the limit");
	assert_string_equal(world_word(json, "guard.owner"), "pool");
	cJSON_Delete(json);
	DONE(f, "step", "checkout", "next", CONFIRMED, "--wait");
	await_share(f, 5000);
	cJSON *log = world_log(&f->w, f->w.history);
	const cJSON *step = last_of(log, "step");
	assert_string_equal(world_word(step, "evidence.verdict.word"), "SAFE");
	cJSON_Delete(log);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_not_known_is_null),
		T(a_recorder_rolls_back_by_the_verdict_alone),
		T(the_pool_rolls_back_by_its_own),
		T(a_step_waits_for_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
