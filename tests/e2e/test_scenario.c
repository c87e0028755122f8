/* Scenarios served by the real program: a file, a name, what is refused before a pool is there, and
 * faults by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS 10000

static struct world w;
static struct process p;

static int set_up(void **state)
{
	(void)state;
	world_open(&w);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	process_release(&p);
	world_close(&w);
	return 0;
}

static void serve(const char *text)
{
	char path[WORLD_PATH];
	world_path(&w, path, "load.yaml");
	world_write(path, text);
	world_pool(&w, false, ARGS("--allow-faults", "--share", "50%", "--scenario", path));
}

/* Waits until a number of the pool's state is at least that. */
static void wait_for(const char *name, int64_t least)
{
	int64_t until_ms = process_clock_ms() + WAIT_MS;
	while (world_fact(&w, name) < least) {
		if (process_clock_ms() > until_ms)
			fail_msg("%s is still %lld", name, (long long)world_fact(&w, name));
		poll(NULL, 0, 10);
	}
}

static void refused(const char *scenario, const char *says)
{
	assert_int_equal(
		world_run(&w, &p, NULL, ARGS("serve", "--listen", w.target, "--scenario", scenario)),
		2);
	if (!strstr(p.err.text, says))
		fail_msg("expected %s, got %s", says, p.err.text);
	process_release(&p);
}

static void a_file_shapes_the_pool_and_its_work(void **state)
{
	(void)state;
	serve("rate: 400\nsessions: 50\nsession_requests: 5\nkeys: 10\nunit: 200ms\nv2_workers: 3\n"
		  "queue: 40\nstrategy: primary_with_fallback\noperations: [{name: echo}]\n"
		  "phases: [{at: 0s, arm: v2, error_rate: 100%}]\n");
	wait_for("arms.v2.fallback_rescued", 20);
	assert_int_equal(world_fact(&w, "arms.v2.workers.total"), 3);
	cJSON *json = world_state(&w);
	assert_string_equal(world_word(json, "strategy"), "primary_with_fallback");
	cJSON_Delete(json);
	wait_for(
		"arms.v1.sessions", 60); /* more than there are at the same time: they come and go */
}

static void a_built_in_one_by_its_name(void **state)
{
	(void)state;
	world_pool(&w, false, ARGS("--scenario", "quiet"));
	wait_for("arms.v1.requests", 5);
}

static void faults_by_hand(void **state)
{
	(void)state;
	serve("rate: 400\nunit: 200ms\noperations: [{name: echo}]\n");
	wait_for("arms.v2.ok", 5);
	assert_int_equal(http_call(&w.http, "POST", "/v1/faults", NULL,
						 "{\"arm\":\"v2\",\"crash_rate\":0.1,\"leak_bytes\":65536}", WAIT_MS),
		200);
	wait_for("arms.v2.workers.crashed", 2);
	assert_int_equal(http_call(&w.http, "POST", "/v1/faults", NULL,
						 "{\"arm\":\"v2\",\"stall\":true}", WAIT_MS),
		200);
	wait_for("arms.v2.queue_depth", 3);
	assert_int_equal(http_call(&w.http, "POST", "/v1/faults", NULL,
						 "{\"arm\":\"v2\",\"crash_rate\":2}", WAIT_MS),
		400);
	assert_non_null(strstr(w.http.body, "crash_rate"));
}

static void what_is_wrong_is_told_with_its_place(void **state)
{
	char path[WORLD_PATH], says[WORLD_PATH + 64];
	(void)state;
	world_path(&w, path, "bad.yaml");
	world_write(path, "rate: 1\noperations: [{name: echo}]\nphasse: []\n");
	snprintf(says, sizeof says, "%s:3:1: unknown key \"phasse\"", path);
	refused(path, says);
	world_write(path, "rate: 1\noperations: [{name: ecko}]\n");
	refused(path, "operation \"ecko\" is not known");
	world_write(path, "rate: 0\nnode: [{at: 90s, restart: true}]\n");
	refused(path, "restarts the node at 1m30s, which a running pool cannot do to itself");
	refused("quite", "cannot read the scenario \"quite\"");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_file_shapes_the_pool_and_its_work),
		T(a_built_in_one_by_its_name),
		T(faults_by_hand),
		T(what_is_wrong_is_told_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
