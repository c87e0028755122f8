/* The command line as scripts see it: exit statuses, what stands on stdout and stderr, JSON.
 * Each test has a pool and a history of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/glass.h"
#include "tests/lib/proxy.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	struct world w;
	struct process p; /* of the last command */
	struct glass g;
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_config(&f.w, f.w.target, "    interval: 100ms\n");
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	glass_close(&f->g);
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

/* Runs a command with the world's configuration; its status. */
static int run_with(struct fixture *f, const struct world_env *env, const char *const *args)
{
	const char *all[40];
	size_t n = 0;
	for (; args[n] && n < 36; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, env, all);
}

#define WEIR(f, ...) run_with(f, NULL, ARGS(__VA_ARGS__))
#define CONFIRMED "--confirm", "checkout"

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text) && !strstr(f->p.out.text, text))
		fail_msg("'%s' is in neither\n%s nor\n%s", text, f->p.out.text, f->p.err.text);
}

static cJSON *json_of(const struct fixture *f)
{
	cJSON *json = cJSON_Parse(f->p.out.text);
	if (!json)
		fail_msg("no JSON: '%s' (%s)", f->p.out.text, f->p.err.text);
	return json;
}

/* The share and how often it was changed, by the pool itself. */
static void assert_pool(struct fixture *f, int share_bp, int changes)
{
	cJSON *audit = world_audit(&f->w, 0);
	assert_int_equal(world_fact(&f->w, "share_bp"), share_bp);
	assert_int_equal(cJSON_GetArraySize(audit), changes);
	cJSON_Delete(audit);
}

/* ---- usage ---- */

static void test_bad_usage_is_2_with_a_suggestion(void **state)
{
	static const struct {
		const char *args[6];
		const char *says;
	} rows[] = {
		{{"stauts"}, "did you mean 'status'?"},
		{{"undo"}, "did you mean 'rollback'?"},
		{{"abort"}, "did you mean 'rollback'?"},
		{{"pause", "checkout"}, "did you mean 'hold'?"},
		{{"promote"}, "did you mean 'step'?"},
		{{"help", "stepp"}, "did you mean 'step'?"},
		{{"status", "chekout"}, "did you mean 'checkout'?"},
		{{"status", "--jsno"}, "did you mean '--json'?"},
		{{"--ascii", "status"}, "the command comes first"},
		{{"status", "--json=yes"}, "takes no value"},
		{{"step", "checkout"}, "needs TARGET SHARE"},
		{{"step", "checkout", "10%", "20%"}, "is too much"},
		{{"step", "checkout", "10", "--confirm", "checkout"}, "'10' is no share"},
		{{"step", "checkout", "101%", "--confirm", "checkout"}, "'101%' is no share"},
		{{"step", "checkout", "10%"}, "--confirm checkout"},
		{{"step", "checkout", "10%", "--confirm", "other"}, "nothing was done"},
		{{"step", "checkout", "10%", "--wait=soon"}, "'soon' is no duration"},
		{{"step", "checkout", "10%", "--from", "5"}, "'5' is no share"},
		{{"resume", "checkout"}, "--confirm checkout"},
		{{"wait", "checkout"}, "needs --for STATE"},
		{{"wait", "checkout", "--for", "HAPPY"}, "needs --for STATE"},
		{{"log", "--verb", "nope"}, "'nope' is no"},
		{{"log", "--outcome", "nope"}, "'nope' is no"},
		{{"log", "--since", "yesterday"}, "neither a duration"},
		{{"serve", "--v2", "v3"}, "'v3' is unknown"},
		{{"serve", "--share", "half"}, "is no share"},
		{{"record", "--for", "ever"}, "is no duration"},
		{{"annotate"}, "needs TEXT"},
		{{"keep", "checkout"}, "--confirm checkout"},
		{{"take", "checkout", "--confirm", "other"}, "nothing was done"},
		{{"strategy", "checkout", "canarry"}, "'canarry' is no strategy"},
		{{"operations", "checkout", "echo"}, "write +OP or -OP"},
		{{"guard", "checkout", "sleep"}, "is nothing for a guard"},
		{{"guard", "checkout", "hold", "--for", "5h"}, "at most 4h"},
		{{"arm", "checkout", "--baseline", "10"}, "'10' is no share"},
		{{"close", "no id at all", "--pool", "checkout"}, "is no decision's id"},
		{{"plan"}, "needs FILE"},
		{{"doctor"}, "needs TARGET"},
		{{"armm", "checkout"}, "did you mean 'arm'?"},
		{{"serve", "--tls-cert", "x.pem"}, "go together"},
	};
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int status = run_with(f, NULL, rows[i].args);
		if (status != 2)
			fail_msg("weir %s %s: status %d: %s", rows[i].args[0],
				rows[i].args[1] ? rows[i].args[1] : "", status, f->p.err.text);
		assert_says(f, rows[i].says);
		assert_int_equal(f->p.out.len, 0); /* words go to stderr */
		assert_says(f, "weir: W001 ");
	}
	assert_pool(f, 0, 0);
}

static void test_a_misspelt_word_makes_no_file(void **state)
{
	struct fixture *f = *state;
	char state_dir[WORLD_PATH];
	assert_int_equal(world_run(&f->w, &f->p, NULL, ARGS("stauts")), 2);
	world_path(&f->w, state_dir, "state");
	assert_int_not_equal(access(state_dir, F_OK), 0);
	assert_int_not_equal(access(f->w.history, F_OK), 0);
}

static void test_help_and_version_need_nothing(void **state)
{
	static const char *const commands[] = {"status", "wait", "step", "hold", "resume",
		"rollback", "keep", "strategy", "operations", "guard", "take", "adopt", "close", "plan",
		"arm", "disarm", "doctor", "annotate", "log", "verify", "serve", "record", "replay",
		"check", "judge", "config", "export", "import", "help"};
	struct fixture *f = *state;
	struct world_env bare =
		world_env(&f->w, ARGS("HOME", "TERM", "XDG_STATE_HOME", "XDG_CONFIG_HOME"));
	assert_int_equal(world_run(&f->w, &f->p, &bare, ARGS("--version")), 0);
	assert_memory_equal(f->p.out.text, "weir ", 5);
	process_release(&f->p);
	assert_int_equal(world_run(&f->w, &f->p, &bare, ARGS("--help")), 0);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		assert_says(f, commands[i]);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		char usage[48];
		process_release(&f->p);
		assert_int_equal(world_run(&f->w, &f->p, &bare, ARGS(commands[i], "--help")), 0);
		snprintf(usage, sizeof usage, "usage: weir %s", commands[i]);
		assert_says(f, usage);
		assert_int_equal(f->p.err.len, 0);
	}
}

static void test_a_configuration_is_checked(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(WEIR(f, "check"), 0);
	assert_says(f, "good, 1 pool");
	assert_int_equal(WEIR(f, "check", "--json"), 0);
	cJSON *json = json_of(f);
	assert_non_null(cJSON_GetObjectItem(json, "pools"));
	cJSON_Delete(json);
	char place[WORLD_PATH + 16];
	/* No error, and yet not what one wants. */
	world_config(&f->w, f->w.target,
		"    plan: {steps: [10%], policy: night}\npolicies: {night: {base: strict}}\n");
	assert_int_equal(WEIR(f, "check"), 0);
	assert_says(f, "good, 1 pool, 1 own policy");
	assert_says(f, "has a plan and no limits");
	world_config(
		&f->w, f->w.target, "    plan: {steps: [10%]}\npolicies: {night: {bas: strict}}\n");
	assert_int_equal(WEIR(f, "check"), 2);
	assert_says(f, "did you mean \"base\"?");
	world_config(&f->w, f->w.target, "    intervall: 100ms\n");
	assert_int_equal(WEIR(f, "check"), 2);
	snprintf(place, sizeof place, "%s:5:5", f->w.config);
	assert_says(f, place);
	assert_says(f, "interval");
	assert_int_equal(WEIR(f, "status"), 2); /* so does everything that reads it */
	assert_int_equal(WEIR(f, "check", "/nonexistent/weir.yaml"), 2);
}

/* A scenario is told by its keys, and refused where whoever plays it would refuse it. */
static void test_a_scenario_is_checked(void **state)
{
	struct fixture *f = *state;
	char path[WORLD_PATH], place[WORLD_PATH + 16];
	world_path(&f->w, path, "night.yaml");
	world_write(path,
		"name: night\nrate: 20\noperations: [{name: echo}, {name: predict, weight: 2}]\n"
		"phases:\n  - {at: 2m, arm: v2, error_rate: 5%, operation: predict}\n");
	assert_int_equal(WEIR(f, "check", path, "--strict"), 0);
	assert_says(f, "good, scenario night of 7m, 2 operations, 1 phase");
	assert_int_equal(WEIR(f, "check", path, "--json"), 0);
	cJSON *json = json_of(f);
	assert_string_equal(world_word(json, "scenario"), "night");
	assert_int_equal(world_number(json, "for_ms"), 420000);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "doubts")), 0);
	cJSON_Delete(json);
	/* work that only a program could do */
	world_write(path, "rate: 20\noperations: [{name: embed}]\n");
	assert_int_equal(WEIR(f, "check", path), 0);
	assert_says(f, "operation \"embed\" is not known; use one of echo, ");
	assert_int_equal(WEIR(f, "check", path, "--strict"), 1);
	world_write(path, "rate: 20\noperations: [{name: echo}]\nphases:\n  - {at: 2m, arm: v3}\n");
	assert_int_equal(WEIR(f, "check", path), 2);
	snprintf(place, sizeof place, "%s:4:19", path);
	assert_says(f, place);
	char said[1024];
	snprintf(said, sizeof said, "%s", f->p.err.text);
	assert_int_equal(WEIR(f, "rehearse", "--auto", path), 2);
	assert_string_equal(f->p.err.text, said);
	/* a key that is missing does not make it a configuration */
	world_write(path, "name: night\noperations: [{name: echo}]\n");
	assert_int_equal(WEIR(f, "check", path), 2);
	assert_says(f, "\"rate\" is missing in the scenario");
}

/* ---- acts ---- */

static void test_a_step_says_what_it_did(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED, "--dry-run"), 0);
	assert_says(f, "14 ok");
	assert_pool(f, 0, 0);
	assert_int_equal(WEIR(f, "step", "checkout", "30%", CONFIRMED, "--dry-run"), 6);
	assert_int_equal(WEIR(f, "step", "checkout", "30%", CONFIRMED, "--json"), 6);
	cJSON *json = json_of(f);
	assert_string_equal(world_word(json, "outcome"), "REFUSED");
	const cJSON *why = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "refused"), 0);
	assert_string_equal(world_word(why, "code"), "W162");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(why, "wait_ms")));
	cJSON_Delete(json);
	assert_pool(f, 0, 0);

	assert_int_equal(
		WEIR(f, "step", "checkout", "10%", CONFIRMED, "--wait", "--json", "-m", "night"), 0);
	json = json_of(f);
	assert_string_equal(world_word(json, "verb"), "step");
	assert_string_equal(world_word(json, "outcome"), "APPLIED");
	assert_int_equal(world_number(json, "from_bp"), 0);
	assert_int_equal(world_number(json, "to_bp"), 1000);
	assert_string_not_equal(world_word(json, "verified_at"), "");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "refused")), 0);
	cJSON_Delete(json);
	assert_pool(f, 1000, 1);

	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
	assert_says(f, "already at 10 %, nothing sent");
	assert_int_equal(WEIR(f, "step", "checkout", "20%", CONFIRMED, "--from", "5%"), 6);
	assert_says(f, "W140");
	assert_pool(f, 1000, 1);
	/* A job that writes both numbers steps once. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(WEIR(f, "step", "checkout", "20%", CONFIRMED, "--from", "10%"), 0);
	assert_pool(f, 2000, 2);
	assert_int_equal(WEIR(f, "step", "checkout", "next", CONFIRMED), 6); /* there is no plan */
	assert_says(f, "W162");
	assert_int_equal(
		WEIR(f, "step", "checkout", "500bp", CONFIRMED), 0); /* down needs no plan */
	assert_pool(f, 500, 3);
}

static void test_hold_locks_raises_until_resume(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	assert_int_equal(WEIR(f, "hold", "-m", "quiet night", "--json"), 0); /* the only pool */
	cJSON *json = json_of(f);
	assert_string_equal(world_word(json, "outcome"), "APPLIED");
	cJSON_Delete(json);
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED, "--json"), 6);
	json = json_of(f);
	const cJSON *why = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "refused"), 0);
	assert_string_equal(world_word(why, "code"), "W144");
	cJSON_Delete(json);
	assert_says(f, "kim@e2e");
	assert_int_equal(WEIR(f, "resume", "checkout", CONFIRMED), 0);
	assert_int_equal(WEIR(f, "resume", "checkout", CONFIRMED), 0);
	assert_says(f, "nothing sent");
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
	assert_int_equal(WEIR(f, "hold", "--all"), 0);
	assert_pool(f, 1000, 4);
}

static void test_a_rollback_is_never_asked_for_more(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
	/* Two looks at least half a second apart are what verifies it: 50 ms cannot. */
	assert_int_equal(WEIR(f, "rollback", "--wait=50ms"), 7);
	assert_says(f, "W160");
	assert_pool(f, 0, 2);
	assert_int_equal(WEIR(f, "rollback", "checkout", "--wait", "--json"), 0);
	cJSON *json = json_of(f);
	assert_string_equal(world_word(json, "verb"), "rollback");
	assert_string_not_equal(world_word(json, "verified_at"), "");
	cJSON_Delete(json);
	assert_int_equal(WEIR(f, "wait", "checkout", "--for", "ROLLED_BACK", "--timeout", "5s"), 0);
	/* What has been rolled back becomes ready only by a new attempt. */
	assert_int_equal(WEIR(f, "wait", "checkout", "--for", "READY", "--timeout", "5s"), 6);
	assert_says(f, "cannot come any more");
	/* A step behind a rollback that nobody has verified yet verifies it first. */
	assert_int_equal(WEIR(f, "rollback"), 0);
	assert_int_equal(WEIR(f, "step", "checkout", "5%", CONFIRMED), 0);
}

static void test_an_unreachable_pool(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(WEIR(f, "status", "--json"), 1);
	cJSON *json = json_of(f);
	assert_string_equal(world_word(json, "freshness"), "NEVER");
	assert_says(f, "W100");
	assert_true(
		cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "share"), "reported_bp")));
	cJSON_Delete(json);
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 6);
	assert_says(f, "W102");
	assert_int_equal(WEIR(f, "wait", "checkout", "--for", "READY", "--timeout", "200ms"), 7);
	/* A rollback goes on trying; who interrupts it is told that its effect is not known. */
	struct world_env env = world_env(&f->w, NULL);
	process_release(&f->p);
	world_start(&f->w, &f->p, &env, ARGS("rollback", "--config", f->w.config));
	bool begun = false;
	for (int64_t end_ms = process_clock_ms() + 5000; !begun && process_clock_ms() < end_ms;) {
		struct process log;
		world_run(&f->w, &log, NULL, ARGS("log", "--history", f->w.history));
		begun = strstr(log.out.text, "rollback") != NULL;
		process_release(&log);
	}
	assert_true(begun);
	process_signal(&f->p, SIGINT);
	assert_int_equal(process_wait(&f->p, 10000), 4);
	assert_says(f, "do it again when it answers");
	assert_int_equal(WEIR(f, "log", "--json", "--verb", "rollback"), 0);
	json = json_of(f);
	assert_true(strcmp(world_word(json, "outcome"), "PENDING") == 0 ||
		strcmp(world_word(json, "outcome"), "UNRESOLVED") == 0);
	cJSON_Delete(json);
}

/* ---- looking ---- */

static void test_status_is_facts_and_null(void **state)
{
	static const char *const words[] = {"pool", "target", "headline", "state", "strategy",
		"freshness", "age_ms", "share", "arms", "guard", "verdict", "harm", "worst", "lease",
		"reverts", "plan", "blocked", "epoch", "rev"};
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "10%"));
	assert_int_equal(WEIR(f, "status", "--json"), 0);
	cJSON *json = json_of(f);
	assert_string_equal(world_word(json, "schema"), "weir.status/1");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		assert_non_null(cJSON_GetObjectItem(json, words[i]));
	assert_string_equal(world_word(json, "freshness"), "LIVE");
	assert_int_equal(world_number(json, "share.reported_bp"), 1000);
	/* Nothing was counted since a change: unknown, not zero. */
	assert_true(
		cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "share"), "measured_bp")));
	/* Who only looks is not told that he cannot write. */
	assert_null(strstr(f->p.out.text, "W200"));
	cJSON_Delete(json);
	assert_int_equal(WEIR(f, "status"), 0);
	assert_says(f, "pool says 10 %");
	assert_int_equal(access(f->w.history, F_OK), -1); /* looking makes no file */
	assert_pool(f, 1000, 0);

	process_release(&f->p);
	world_start(&f->w, &f->p, NULL, ARGS("status", "--watch", "--config", f->w.config));
	assert_true(process_wait_out(&f->p, "\n", 10000));
	size_t first = f->p.out.len;
	assert_true(process_wait_out(&f->p, "\ncheckout", 10000));
	assert_true(f->p.out.len > first);
	process_signal(&f->p, SIGINT);
	assert_int_equal(process_wait(&f->p, 5000), 0);
}

static void test_wait_ends_when_the_state_comes(void **state)
{
	struct fixture *f = *state;
	world_config(&f->w, f->w.target,
		"    interval: 100ms\n"
		"    plan: {steps: [10%, 50%], bake: 1s, min_samples: 0}\n"
		"    guards: {error_rate_threshold: 0.05, window: 1s}\n");
	world_pool(&f->w, false, ARGS("--share", "0%"));
	assert_int_equal(WEIR(f, "wait", "checkout", "--for", "ARMED", "--timeout", "10s"), 0);
	assert_int_equal(WEIR(f, "wait", "checkout", "--for", "BAKING", "--timeout", "300ms"), 7);
	struct process waiting;
	world_start(&f->w, &waiting, NULL,
		ARGS("wait", "checkout", "--for", "BAKING", "--timeout", "20s", "--json", "--config",
			f->w.config));
	assert_int_equal(WEIR(f, "step", "checkout", "next", CONFIRMED, "--wait"), 0);
	assert_int_equal(process_wait(&waiting, 20000), 0);
	cJSON *json = cJSON_Parse(waiting.out.text);
	assert_string_equal(world_word(json, "state"), "BAKING");
	assert_int_equal(world_number(json, "share.reported_bp"), 1000);
	cJSON_Delete(json);
	process_release(&waiting);
	assert_int_equal(WEIR(f, "step", "checkout", "next", CONFIRMED, "--json"), 6);
	json = json_of(f);
	assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(json, "refused")) >= 1);
	cJSON_Delete(json);
}

static void test_log_filters_and_follows(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED, "-m", "start", "--wait"), 0);
	assert_int_equal(WEIR(f, "annotate", "day 1: \x1b[2J quiet", "--pool", "checkout"), 0);
	struct world_env ana = world_env(&f->w, ARGS("WEIR_ACTOR=ana@e2e"));
	assert_int_equal(run_with(f, &ana, ARGS("rollback", "--wait")), 0);
	cJSON *all = world_log(&f->w, f->w.history);
	assert_int_equal(cJSON_GetArraySize(all), 3);
	const cJSON *step = cJSON_GetArrayItem(all, 0), *note = cJSON_GetArrayItem(all, 1);
	assert_string_equal(world_word(step, "reason"), "start");
	assert_string_equal(world_word(step, "role"), "operator");
	assert_true(cJSON_IsObject(cJSON_GetObjectItem(step, "evidence")));
	assert_string_equal(world_word(note, "outcome"), "APPLIED");
	assert_null(strchr(world_word(note, "reason"), '\x1b'));
	cJSON_Delete(all);
	static const struct {
		const char *option, *value;
		int rows;
	} filters[] = {{"--verb", "step", 1}, {"--actor", "ana@e2e", 1},
		{"--outcome", "APPLIED", 3}, {"--outcome", "REFUSED", 0}, {"--since", "1h", 3},
		{"--since", "2999-01-01T00:00:00Z", 0}, {"--pool", "checkout", 3},
		{"--pool", "other", 0}};
	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
		assert_int_equal(WEIR(f, "log", "--json", filters[i].option, filters[i].value), 0);
		cJSON *rows = world_lines(f->p.out.text);
		assert_int_equal(cJSON_GetArraySize(rows), filters[i].rows);
		cJSON_Delete(rows);
	}
	struct process follow;
	world_start(&f->w, &follow, NULL, ARGS("log", "--follow", "--config", f->w.config));
	assert_true(process_wait_out(&follow, "rollback", 5000));
	assert_int_equal(WEIR(f, "annotate", "seen while following"), 0);
	assert_true(process_wait_out(&follow, "seen while following", 5000));
	process_signal(&follow, SIGTERM);
	assert_int_equal(process_wait(&follow, 5000), 0);
	process_release(&follow);
}

/* Changes a row behind the history's back. */
static void tamper(const char *path)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
						 "DROP TRIGGER decision_stays;"
						 "UPDATE decision SET reason = 'somebody else''s idea'",
						 NULL, NULL, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_verify_finds_what_was_changed(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
	assert_int_equal(WEIR(f, "verify", "--json"), 0);
	cJSON *json = json_of(f);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "whole")));
	char head[80];
	snprintf(head, sizeof head, "%s", world_word(json, "head"));
	cJSON_Delete(json);
	assert_int_equal(WEIR(f, "annotate", "more"), 0);
	assert_int_equal(WEIR(f, "verify", "--head", head), 0);
	head[0] = head[0] == '0' ? '1' : '0';
	assert_int_equal(WEIR(f, "verify", "--head", head), 5);
	head[0] = 'A';
	assert_int_equal(WEIR(f, "verify", "--head", head), 2);
	assert_int_equal(WEIR(f, "verify", "--head", "0123456789abcde"), 2);
	assert_int_equal(WEIR(f, "verify", "--head", ""), 2);
	tamper(f->w.history);
	assert_int_equal(WEIR(f, "verify"), 5);
	assert_says(f, "BROKEN");
	assert_int_equal(WEIR(f, "verify", "--json"), 5);
	json = json_of(f);
	assert_string_equal(world_word(json, "table"), "decision");
	cJSON_Delete(json);
	assert_int_equal(WEIR(f, "verify", "/nonexistent/history.db"), 1);
	assert_int_equal(WEIR(f, "log", "--history", "/nonexistent/history.db"), 1);
}

/* ---- places that cannot be used ---- */

static void test_a_port_in_use(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, true, ARGS("--share", "0%"));
	char address[32];
	snprintf(address, sizeof address, "127.0.0.1:%d", f->w.port);
	assert_int_equal(WEIR(f, "serve", "--listen", address), 1);
	assert_says(f, "W006");
	assert_says(f, address);
	assert_int_equal(WEIR(f, "serve", "--listen", f->w.target), 1);
	assert_says(f, "W006");
	/* Off the loopback it wants tokens and TLS. */
	assert_int_equal(WEIR(f, "serve", "--listen", "0.0.0.0:0"), 2);
	assert_says(f, "W001");
	assert_int_equal(WEIR(f, "status"), 0); /* and the one that was there first still serves */
}

/* A step is refused, a rollback done and said to be unrecorded. */
static void check_unwritable(
	struct fixture *f, const struct world_env *env, const char *history)
{
	cJSON *audit = world_audit(&f->w, 0);
	int before = cJSON_GetArraySize(audit);
	int64_t share_bp = world_fact(&f->w, "share_bp");
	assert_true(share_bp > 0);
	cJSON_Delete(audit);
	assert_int_equal(
		run_with(f, env, ARGS("step", "checkout", "15%", CONFIRMED, "--history", history)), 6);
	assert_says(f, "W200");
	assert_pool(f, (int)share_bp, before);
	assert_int_equal(run_with(f, env, ARGS("rollback", "checkout", "--history", history)), 3);
	assert_says(f, "NOT RECORDED");
	assert_pool(f, 0, before + 1);
}

static void raise_to_10(struct fixture *f)
{
	assert_int_equal(WEIR(f, "step", "checkout", "10%", CONFIRMED), 0);
}

static void test_a_history_that_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	char other[WORLD_PATH];
	world_pool(&f->w, false, ARGS("--share", "0%"));
	raise_to_10(f);
	world_path(&f->w, other, "folder");
	assert_int_equal(mkdir(other, 0700), 0);
	check_unwritable(f, NULL, other); /* a directory */
	raise_to_10(f);
	world_path(&f->w, other, "notes.txt");
	world_write(other,
		"this is a shopping list, not a database, and it is longer than a header\n"
		"so that nobody takes it for an empty one: milk, bread, salt, tea, soap\n");
	check_unwritable(f, NULL, other);
	assert_int_equal(WEIR(f, "log", "--history", other), 1);
	assert_says(f, "W203");
	assert_int_equal(WEIR(f, "verify", other), 1);
	static const char *const errors[] = {"EROFS", "ENOSPC", "EIO"};
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		char rules[128];
		raise_to_10(f);
		snprintf(rules, sizeof rules, "call=disk path=new.db every do=%s", errors[i]);
		struct world_env env = world_fault(&f->w, rules, NULL);
		world_path(&f->w, other, "new.db");
		check_unwritable(f, &env, other);
		unlink(other);
	}
	/* What could never be written is no recording. */
	struct world_env env = world_fault(&f->w, "call=disk path=new.db every do=EROFS", NULL);
	assert_int_equal(run_with(f, &env, ARGS("record", "checkout", "--out", other)), 1);
	assert_says(f, "W200");
}

/* Waits until a file is a history that can be read. */
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

/* When the disk fails later, `record` goes on and says so at its end; `--strict` ends. It fails
 * as soon as the change of a certain actor is to be written. */
static void test_a_recorder_whose_disk_fails(void **state)
{
	struct fixture *f = *state;
	struct process plain, strict;
	char history[2][WORLD_PATH];
	world_pool(&f->w, false, ARGS("--share", "0%"));
	world_path(&f->w, history[0], "plain.db");
	world_path(&f->w, history[1], "strict.db");
	struct world_env env =
		world_fault(&f->w, "call=disk path=.db after=late@e2e every do=EIO", NULL);
	world_start(&f->w, &plain, &env,
		ARGS("record", "checkout", "--out", history[0], "--config", f->w.config));
	world_start(&f->w, &strict, &env,
		ARGS("record", "checkout", "--out", history[1], "--strict", "--config", f->w.config));
	is_recording(f, history[0]);
	is_recording(f, history[1]);
	struct world_env late = world_env(&f->w, ARGS("WEIR_ACTOR=late@e2e"));
	assert_int_equal(run_with(f, &late, ARGS("step", "checkout", "10%", CONFIRMED)), 0);
	int strict_status = process_wait(&strict, 10000);
	/* The other has read the same by now, or will; it ends only when it is told to. */
	int running = process_wait(&plain, 500);
	process_signal(&plain, SIGTERM);
	int plain_status = process_wait(&plain, 10000);
	bool said = strstr(plain.err.text, "W207") != NULL;
	process_release(&plain);
	process_release(&strict);
	assert_int_equal(strict_status, 3);
	assert_int_equal(running, -1);
	assert_int_equal(plain_status, 3);
	assert_true(said);
	assert_true(world_verified(&f->w, history[0]));
}

/* Under its second name nothing would be written down: a recorder says so as it begins. */
static void test_a_recorder_of_one_node_under_two_names(void **state)
{
	struct fixture *f = *state;
	struct process record;
	char text[2 * WORLD_PATH + 80];
	world_pool(&f->w, false, ARGS("--share", "0%"));
	snprintf(text, sizeof text, "pools:\n  one: {target: \"%s\"}\n  two: {target: \"%s\"}\n",
		f->w.target, f->w.target);
	world_write(f->w.config, text);
	world_start(&f->w, &record, NULL,
		ARGS("record", "--out", f->w.history, "--config", f->w.config));
	bool said = process_wait_err(&record, "' is not recorded: '", 10000);
	process_signal(&record, SIGTERM);
	int status = process_wait(&record, 10000);
	bool named = strstr(record.err.text, "weir: W123 '") != NULL &&
		strstr(record.err.text, "one node under two names") != NULL;
	process_release(&record);
	assert_true(said && named);
	assert_int_equal(status, 3);
}

static void test_closed_output_is_an_error(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	const char *const args[] = {world_weir(), "status", "--config", f->w.config, NULL};
	struct world_env env = world_env(&f->w, NULL);
	assert_true(process_start_mute(&f->p, args, env.list));
	assert_int_equal(process_wait(&f->p, 10000), 1);
	assert_says(f, "standard output");
}

/* ---- terminals ---- */

static void test_a_dumb_terminal_is_told_the_way(void **state)
{
	struct fixture *f = *state;
	struct world_env env = world_env(&f->w, ARGS("TERM=dumb"));
	world_pool(&f->w, false, ARGS("--share", "0%"));
	world_console(&f->w, &f->g.pty, 80, 24, &env, ARGS("checkout", "--config", f->w.config));
	assert_true(pty_wait_text(&f->g.pty, "weir status --watch", 5000));
	assert_int_equal(pty_wait_exit(&f->g.pty, 5000), 1);
	/* And with no terminal at all. */
	assert_int_equal(WEIR(f, "checkout"), 1);
	assert_says(f, "weir status --watch");
}

/* Every cell drawn in the terminal's own colours (`plain`), or in ASCII. */
static bool all_cells(const struct simulator *screen, bool plain)
{
	for (int y = 0; y < screen->h; y++)
		for (int x = 0; x < screen->w; x++) {
			const struct sim_cell *c = simulator_cell(screen, x, y);
			if (plain ? c->pen.fg != -1 || c->pen.bg != -1 : c->point > 0x7e)
				return false;
		}
	return true;
}

static void console_is(struct fixture *f, const char *set, bool plain, bool ascii)
{
	struct world_env env = world_env(&f->w, ARGS(set));
	glass_open(&f->g, &f->w, 80, 24, &env, ARGS("checkout", "--config", f->w.config));
	assert_true(glass_wait(&f->g, "LIVE", NULL, 10000));
	assert_true(glass_agrees(&f->g, 2000));
	assert_int_equal(all_cells(&f->g.pty.screen, true), plain);
	if (ascii)
		assert_true(all_cells(&f->g.pty.screen, false));
	pty_send(&f->g.pty, "q");
	assert_int_equal(pty_wait_exit(&f->g.pty, 10000), 0);
	glass_close(&f->g);
}

static void test_colour_and_characters_follow_the_environment(void **state)
{
	struct fixture *f = *state;
	world_pool(&f->w, false, ARGS("--share", "0%"));
	console_is(f, "COLORTERM=", false, false);
	console_is(f, "NO_COLOR=1", true, false);
	console_is(f, "NO_COLOR=", false, false); /* empty does not count */
	console_is(f, "LC_ALL=C", false, true);
	struct world_env plain = world_env(&f->w, ARGS("LC_ALL=C"));
	assert_int_equal(run_with(f, &plain, ARGS("status")), 0);
	assert_says(f, "pool says 0 %");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_bad_usage_is_2_with_a_suggestion),
		TEST(test_a_misspelt_word_makes_no_file),
		TEST(test_help_and_version_need_nothing),
		TEST(test_a_configuration_is_checked),
		TEST(test_a_scenario_is_checked),
		TEST(test_a_step_says_what_it_did),
		TEST(test_hold_locks_raises_until_resume),
		TEST(test_a_rollback_is_never_asked_for_more),
		TEST(test_an_unreachable_pool),
		TEST(test_status_is_facts_and_null),
		TEST(test_wait_ends_when_the_state_comes),
		TEST(test_log_filters_and_follows),
		TEST(test_verify_finds_what_was_changed),
		TEST(test_a_port_in_use),
		TEST(test_a_history_that_cannot_be_written),
		TEST(test_a_recorder_whose_disk_fails),
		TEST(test_a_recorder_of_one_node_under_two_names),
		TEST(test_closed_output_is_an_error),
		TEST(test_a_dumb_terminal_is_told_the_way),
		TEST(test_colour_and_characters_follow_the_environment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
