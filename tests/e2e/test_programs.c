/* Worker programs, end to end: a pool whose v2 is the manual's program in Python, killed under
 * work and started again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 20000

static int set_up(void **state)
{
	static struct world w;
	memset(&w, 0, sizeof w);
	world_open(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	world_close(*state);
	return 0;
}

/* The row of v2's worker `index`; the document is to be freed. */
static cJSON *look(struct world *w, int index, cJSON **row)
{
	cJSON *document = world_state(w), *one;
	*row = NULL;
	cJSON_ArrayForEach(one, cJSON_GetObjectItem(document, "workers"))
	{
		if (strcmp(world_word(one, "arm"), "v2") == 0 && world_number(one, "index") == index)
			*row = one;
	}
	assert_non_null(*row);
	return document;
}

static bool is_ready(struct world *w, int index)
{
	cJSON *row, *document = look(w, index, &row);
	bool ready = strcmp(world_word(row, "state"), "ready") == 0;
	cJSON_Delete(document);
	return ready;
}

static void wait_ready(struct world *w)
{
	for (int64_t until = process_clock_ms() + WAIT_MS; !is_ready(w, 0) || !is_ready(w, 1);)
		assert_true(process_clock_ms() < until);
}

static const char *execute(struct world *w, const char *body)
{
	assert_int_equal(http_call(&w->http, "POST", "/v1/execute", NULL, body, WAIT_MS), 200);
	return w->http.body;
}

static void begin(struct world *w)
{
	world_pool(w, false,
		ARGS("--share", "100%", "--v2", "v2:2 exec:python3 tests/lib/exec_worker.py",
			"--breaker-failures", "50", "--recycle", "requests=40", "--limit", "files=40"));
	wait_ready(w);
}

static void the_manuals_program_works(void **state)
{
	struct world *w = *state;
	begin(w);
	assert_non_null(
		strstr(execute(w, "{\"operation\":\"predict\",\"payload\":{\"a\":1}}"), "\"score\":"));
	assert_non_null(strstr(
		execute(w, "{\"operation\":\"echo\",\"payload\":{\"gr\\u00fcn\":[1,null]}}"), "[1,"));
	const char *said = execute(w, "{\"operation\":\"fail\",\"payload\":null}");
	assert_non_null(strstr(said, "\"ok\":false"));
	assert_non_null(strstr(said, "ValueError: asked to fail"));
	cJSON *row, *document = look(w, 0, &row);
	assert_true(world_number(row, "pid") > 0);
	cJSON_Delete(document);
}

/* v2 is killed: what it worked on fails or is tried again, and the pool is whole again. */
static void a_killed_program_is_started_again(void **state)
{
	struct world *w = *state;
	begin(w);
	cJSON *row, *document = look(w, 0, &row);
	pid_t pid = (pid_t)world_number(row, "pid");
	cJSON_Delete(document);
	assert_int_equal(kill(pid, SIGKILL), 0);
	int64_t crashes = 0, now_pid = 0;
	for (int64_t until = process_clock_ms() + WAIT_MS; crashes == 0;) {
		assert_true(process_clock_ms() < until);
		execute(w, "{\"operation\":\"echo\",\"payload\":1}");
		document = look(w, 0, &row);
		crashes = world_number(row, "crashes");
		cJSON_Delete(document);
	}
	wait_ready(w);
	document = look(w, 0, &row);
	now_pid = world_number(row, "pid");
	assert_true(now_pid > 0 && now_pid != pid);
	assert_int_equal(world_number(row, "restarts"), 1);
	cJSON_Delete(document);
	assert_non_null(
		strstr(execute(w, "{\"operation\":\"echo\",\"payload\":2}"), "\"ok\":true"));
}

/* Replaced when it has served so many, and nobody notices. */
static void a_program_is_recycled(void **state)
{
	struct world *w = *state;
	begin(w);
	int64_t restarts = 0;
	for (int64_t until = process_clock_ms() + WAIT_MS; restarts == 0;) {
		assert_true(process_clock_ms() < until);
		for (int i = 0; i < 20; i++)
			assert_non_null(
				strstr(execute(w, "{\"operation\":\"echo\",\"payload\":1}"), "\"ok\":true"));
		for (int k = 0; k < 2; k++) {
			cJSON *row, *document = look(w, k, &row);
			restarts += world_number(row, "restarts");
			assert_int_equal(world_number(row, "crashes"), 0);
			assert_int_equal(world_number(row, "failed"), 0);
			cJSON_Delete(document);
		}
	}
}

/* The pool's end is theirs. */
static void none_is_left(void **state)
{
	struct world *w = *state;
	begin(w);
	cJSON *row, *document = look(w, 1, &row);
	pid_t pid = (pid_t)world_number(row, "pid");
	cJSON_Delete(document);
	process_signal(&w->pool, SIGTERM);
	assert_int_equal(process_wait(&w->pool, WAIT_MS), 0);
	assert_int_equal(kill(pid, 0), -1);
}

static void none_is_left_by_a_killed_pool(void **state)
{
	struct world *w = *state;
	begin(w);
	cJSON *row, *document = look(w, 1, &row);
	pid_t pid = (pid_t)world_number(row, "pid");
	cJSON_Delete(document);
	process_signal(&w->pool, SIGKILL);
	process_wait(&w->pool, WAIT_MS);
	for (int64_t until = process_clock_ms() + WAIT_MS; kill(pid, 0) == 0;)
		assert_true(process_clock_ms() < until);
}

/* ---- operations of its own ---- */

/* Both sides know classify and store, and answer with their name. */
static void write_program(struct world *w, char path[WORLD_PATH])
{
	world_path(w, path, "own.sh");
	world_write(path,
		"echo \"{\\\"ready\\\":true,\\\"operations\\\":[\\\"classify\\\",\\\"store\\\"]}\"\n"
		"while read -r line; do\n"
		"  case $line in *'\"ping\":'*) n=${line#*:}; echo \"{\\\"pong\\\":${n%\\}}}\"; continue;; esac\n"
		"  id=${line#*\\\"id\\\":}; id=${id%%,*}\n"
		"  echo \"{\\\"id\\\":$id,\\\"ok\\\":true,\\\"result\\\":\\\"$1\\\"}\"\n"
		"done\n");
}

static void wait_for_answer(struct world *w, const char *body)
{
	int status = 0;
	for (int64_t until = process_clock_ms() + WAIT_MS; status != 200;) {
		assert_true(process_clock_ms() < until);
		status = http_call(&w->http, "POST", "/v1/execute", NULL, body, WAIT_MS);
	}
}

static int64_t arm_fact(struct world *w, const char *path)
{
	cJSON *document = world_state(w);
	int64_t n = world_number(document, path);
	cJSON_Delete(document);
	return n;
}

/* From weir.yaml: two sides of programs, their operations, and which of them v2 may get. */
static void its_own_operations_are_routed_and_counted(void **state)
{
	struct world *w = *state;
	char script[WORLD_PATH], yaml[3 * WORLD_PATH];
	write_program(w, script);
	snprintf(yaml, sizeof yaml,
		"engine:\n  v1: \"exec:sh '%s' old\"\n  v2: \"v2:2 exec:sh '%s' new\"\n"
		"  operations: ['classify:idempotent', store]\n  allow: [classify]\n  share: 50%%\n",
		script, script);
	world_write(w->config, yaml);
	world_pool(w, false, ARGS("--config", w->config, "--share", "100%"));
	wait_for_answer(w, "{\"operation\":\"classify\"}");
	assert_non_null(strstr(w->http.body, "\"result\":\"new\""));
	wait_for_answer(w, "{\"operation\":\"store\",\"payload\":[1]}");
	assert_non_null(strstr(w->http.body, "\"result\":\"old\""));
	assert_int_equal(arm_fact(w, "arms.v2.operations.classify.ok"), 1);
	assert_int_equal(arm_fact(w, "arms.v1.bypassed"), 1);
	assert_int_equal(arm_fact(w, "arms.v1.requests"), 0);
	/* Neither the builtin ones nor anything else is known. */
	static const char *const unknown[] = {
		"predict", "Classify", "classify:idempotent", "tally"};
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		char body[96];
		snprintf(body, sizeof body, "{\"operation\":\"%s\"}", unknown[i]);
		assert_int_equal(http_call(&w->http, "POST", "/v1/execute", NULL, body, WAIT_MS), 422);
	}
	assert_int_equal(arm_fact(w, "arms.v2.requests"), 1);
}

static void refused_by(struct world *w, int status, const char *says, const char *const *args)
{
	struct process p = {0};
	assert_int_equal(world_run(w, &p, NULL, args), status);
	if (!strstr(p.err.text, says))
		fail_msg("\"%s\" does not say \"%s\"", p.err.text, says);
	process_release(&p);
}

static void what_contradicts_is_refused(void **state)
{
	struct world *w = *state;
	char script[WORLD_PATH], v2[WORLD_PATH + 32], place[WORLD_PATH + 16];
	write_program(w, script);
	snprintf(v2, sizeof v2, "exec:sh '%s' new", script);
	refused_by(w, 2, "the workers of v1 are builtin",
		ARGS("serve", "--listen", w->target, "--v2", v2, "--operations", "classify"));
	refused_by(w, 2, "operation \"echo\" is not known here",
		ARGS("serve", "--listen", w->target, "--v1", v2, "--v2", v2, "--operations", "classify",
			"--allow", "echo"));
	refused_by(w, 2, "--operations the operation \"a\" is there twice",
		ARGS("serve", "--listen", w->target, "--operations", "a,a"));
	refused_by(w, 2, "--v2 'v2:2:exec:x'", ARGS("serve", "--v2", "v2:2:exec:x"));
	refused_by(w, 2, "ends within a quote", ARGS("serve", "--v1", "exec:x 'y"));
	refused_by(w, 2, "weight for node 2", ARGS("serve", "--weights", "1,1"));
	refused_by(w, 2, "weighted placement only", ARGS("serve", "--weights", "1"));
	refused_by(w, 2, "must rise", ARGS("serve", "--windows", "node_workers=3:2:1"));
	world_write(w->config, "engine: {segment: 0}\n");
	snprintf(place, sizeof place, "%s:1:19: ", w->config);
	refused_by(w, 2, place, ARGS("serve", "--config", w->config));
}

/* A program that says what it can do, and cannot do all that was declared, never serves. */
static void a_program_must_know_what_is_declared(void **state)
{
	struct world *w = *state;
	char script[WORLD_PATH], spec[WORLD_PATH + 32];
	write_program(w, script);
	snprintf(spec, sizeof spec, "exec:sh '%s' new", script);
	world_pool(w, false, ARGS("--v1", spec, "--v2", "none", "--operations", "classify,forget"));
	cJSON *one;
	for (int64_t until = process_clock_ms() + WAIT_MS, found = 0; !found;) {
		assert_true(process_clock_ms() < until);
		cJSON *document = world_state(w);
		cJSON_ArrayForEach(one, cJSON_GetObjectItem(document, "workers")) found |=
			strstr(world_word(one, "trouble"), "operation \"forget\"") != NULL;
		cJSON_Delete(document);
	}
	assert_int_equal(arm_fact(w, "arms.v1.workers.ready"), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_manuals_program_works),
		T(a_killed_program_is_started_again),
		T(a_program_is_recycled),
		T(its_own_operations_are_routed_and_counted),
		T(what_contradicts_is_refused),
		T(a_program_must_know_what_is_declared),
		T(none_is_left),
		T(none_is_left_by_a_killed_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
