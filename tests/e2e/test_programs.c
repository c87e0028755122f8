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
		ARGS("--share", "100%", "--v2", "v2:2", "--worker", "python3 tests/lib/exec_worker.py",
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

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_manuals_program_works),
		T(a_killed_program_is_started_again),
		T(a_program_is_recycled),
		T(none_is_left),
		T(none_is_left_by_a_killed_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
