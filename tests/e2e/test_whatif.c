/* `weir whatif` and `weir replay --cast` by the real program, over recordings in which v2 breaks
 * at a known second. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/recording.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 20000
#define SECONDS 200
#define RAISED 60
#define BROKEN 120
#define BACK 150

struct fixture {
	struct world w;
	struct process p;
	char broken[WORLD_PATH], clean[WORLD_PATH], pair[WORLD_PATH], policy[WORLD_PATH], cast[WORLD_PATH];
};

static int set_up(void **state)
{
	static struct fixture f;
	struct recording_second s[SECONDS];
	char keys[WORLD_PATH];
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.broken, "broken.db");
	world_path(&f.w, f.clean, "clean.db");
	world_path(&f.w, f.pair, "pair.db");
	world_path(&f.w, f.policy, "policy.yaml");
	world_path(&f.w, f.cast, "replay.cast");
	world_path(&f.w, keys, "keys");
	recording_quiet(s, SECONDS, RAISED);
	recording_make(f.clean, keys, 1, s, SECONDS);
	recording_make(f.pair, keys, 2, s, SECONDS);
	for (size_t i = BROKEN; i < BACK; i++)
		s[i].failed[ARM_V2] = 5;
	for (size_t i = BACK; i < SECONDS; i++) {
		s[i].done[ARM_V1] = 100;
		s[i].done[ARM_V2] = 0;
		s[i].share_bp = 0;
	}
	recording_make(f.broken, keys, 1, s, SECONDS);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	process_release(&f->p);
	world_close(&f->w);
	return 0;
}

static int run(struct fixture *f, const char *const *args)
{
	process_release(&f->p);
	return world_run(&f->w, &f->p, NULL, args);
}
#define WEIR(f, ...) run(f, ARGS(__VA_ARGS__))

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.out.text, text))
		fail_msg("no \"%s\" in:\n%s", text, f->p.out.text);
}

static void assert_complains(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text))
		fail_msg("no \"%s\" in:\n%s", text, f->p.err.text);
}

static void a_policy_is_tried(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(WEIR(f, "whatif", f->broken, "--set", "guards.error_rate_threshold=0.02",
						 "--set", "judge.metrics=[p50]"),
		0);
	assert_says(f, "checkout, 2027-01-15T08:00:00.120Z to");
	assert_says(f,
		"v2 went bad at 08:01:59 for 30s, until its share was taken down: errors, at "
		"10 %; 150 requests failed");
	assert_says(f,
		"guards.error_rate_threshold=0.02 judge.metrics=[p50]: would have fired "
		"08:02:02, errors 2.8 % of 2.0 %, 3s after v2 went bad");
	assert_says(f, "by default: would have fired ");
	assert_says(f, "* extrapolated");
}

static void a_job_learns_it_from_the_exit_status(void **state)
{
	struct fixture *f = *state;
	/* misses it */
	world_write(f->policy, "guards: {error_rate_threshold: 90%}\njudge: {metrics: [p50]}\n");
	assert_int_equal(WEIR(f, "whatif", f->clean, f->broken, "--policy", f->policy), 6);
	assert_says(f, "MISSED");
	assert_says(f, "v2 was no worse than v1");
	/* what both sides break is not v2's doing, and fires at nothing */
	world_write(f->policy, "guards: {latency_threshold_ms: 1}\n");
	assert_int_equal(WEIR(f, "whatif", f->clean, f->broken, "--policy", f->policy, "--set",
						 "guards.error_rate_threshold=5%"),
		0);
	/* of a sweep one value that passes everywhere is enough */
	assert_int_equal(WEIR(f, "whatif", f->clean, f->broken, "--set", "judge.metrics=[p50]",
						 "--grid", "guards.error_rate_threshold=10%:90%:40%"),
		0);
	assert_says(f, "guards.error_rate_threshold=10%  08:02:10");
	assert_says(f, "guards.error_rate_threshold=90%  -");
	assert_int_equal(WEIR(f, "whatif", f->clean, f->broken, "--set", "judge.metrics=[p50]",
						 "--grid", "guards.error_rate_threshold=80%:90%:10%"),
		6);
}

/* Two nodes are one pool, not each other's stranger; what it was held to is said. */
static void two_nodes_replay_as_one_pool(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(WEIR(f, "replay", f->pair, "--headless", "--json"), 0);
	assert_null(strstr(f->p.out.text, "nother pool"));
	cJSON *lines = world_lines(f->p.out.text);
	assert_string_equal(world_word(cJSON_GetArrayItem(lines, 0), "terms"), "by default");
	for (int i = 0; i < cJSON_GetArraySize(lines); i++) {
		const cJSON *status = cJSON_GetObjectItem(cJSON_GetArrayItem(lines, i), "status");
		const cJSON *nodes = cJSON_GetObjectItem(status, "nodes");
		assert_int_equal(cJSON_GetArraySize(nodes), 2);
		for (int k = 0; k < 2; k++)
			assert_true(
				cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(nodes, k), "code")));
	}
	cJSON_Delete(lines);
	assert_int_equal(
		WEIR(f, "replay", f->pair, "--headless", "--json", "--set", "judge.alpha=2%"), 0);
	lines = world_lines(f->p.out.text);
	assert_string_equal(world_word(cJSON_GetArrayItem(lines, 0), "tried"), "judge.alpha=2%");
	cJSON_Delete(lines);
	assert_int_equal(WEIR(f, "replay", f->pair, "--headless", "--set", "judge.alfa=2%"), 2);
	assert_complains(f, "did you mean 'judge.alpha'");
}

static void machines_read_lines(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(WEIR(f, "whatif", f->broken, f->clean, "--json", "--set",
						 "guards.error_rate_threshold=0.02", "--set", "judge.metrics=[p50]"),
		0);
	cJSON *lines = world_lines(f->p.out.text);
	assert_int_equal(cJSON_GetArraySize(lines), 6);
	const cJSON *bad = cJSON_GetArrayItem(lines, 0), *tried = cJSON_GetArrayItem(lines, 2);
	assert_string_equal(world_word(bad, "schema"), "weir.whatif/1");
	assert_string_equal(world_word(bad, "file"), f->broken);
	assert_int_equal(world_number(bad, "recording.failed.v2"), 150);
	assert_int_equal(world_number(tried, "result.delay_ms"), 3000);
	assert_int_equal(world_number(tried, "result.missed"), 0);
	assert_int_equal(world_number(tried, "result.extrapolated.failed_after"), 135);
	cJSON_Delete(lines);
}

static void what_is_wrong_is_named(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(WEIR(f, "whatif", f->broken, "--set", "guards.eror_rate_threshold=1%"), 2);
	assert_complains(f, "did you mean 'guards.error_rate_threshold'");
	assert_int_equal(WEIR(f, "whatif", f->broken, "--grid", "guards.window=1m"), 2);
	assert_complains(f, "KEY=FROM:TO:STEP");
	world_write(f->policy, "guards:\n  windw: 1m\n");
	assert_int_equal(WEIR(f, "whatif", f->broken, "--policy", f->policy), 2);
	assert_complains(f, "policy.yaml:2:3");
	assert_complains(f, "did you mean \"window\"");
	assert_int_equal(WEIR(f, "whatif", f->broken, "--policy", "/nowhere.yaml"), 2);
	assert_complains(f, "/nowhere.yaml");
	assert_int_equal(WEIR(f, "whatif", "/nowhere.db"), 1);
	assert_complains(f, "/nowhere.db");
	assert_int_equal(WEIR(f, "whatif", f->policy), 1);
	assert_complains(f, "policy.yaml");
	assert_int_equal(WEIR(f, "whatif", f->broken, "--pool", "chekout"), 1);
	assert_complains(f, "chekout");
	assert_int_equal(WEIR(f, "whatif"), 2);
	assert_int_equal(WEIR(f, "whatif", f->broken, "--since", "2029-01-01T00:00:00Z"), 1);
	assert_complains(f, "nothing of pool");
}

/* The screen at the end of the cast is that of the replay at its end, and each line is one that a
 * player takes. */
static void a_cast_shows_what_the_console_showed(void **state)
{
	struct fixture *f = *state;
	static char line[1 << 20];
	struct simulator screen;
	double last = 0;
	int outputs = 0;
	assert_int_equal(WEIR(f, "replay", f->broken, "--cast", f->cast, "--size", "100x30"), 0);
	FILE *file = fopen(f->cast, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof line, file));
	cJSON *json = cJSON_Parse(line);
	assert_int_equal(world_number(json, "version"), 2);
	assert_int_equal(world_number(json, "width"), 100);
	assert_int_equal(world_number(json, "height"), 30);
	cJSON_Delete(json);
	simulator_init(&screen, 100, 30);
	bool failing = false;
	while (fgets(line, sizeof line, file)) {
		json = cJSON_Parse(line);
		assert_int_equal(cJSON_GetArraySize(json), 3);
		double at = cJSON_GetArrayItem(json, 0)->valuedouble;
		const char *kind = cJSON_GetArrayItem(json, 1)->valuestring;
		const char *data = cJSON_GetArrayItem(json, 2)->valuestring;
		assert_true(at >= last);
		last = at;
		assert_true(strcmp(kind, "o") == 0 || strcmp(kind, "m") == 0);
		outputs += kind[0] == 'o';
		if (kind[0] == 'o')
			simulator_feed(&screen, data, strlen(data));
		failing |= simulator_shows(&screen, "v2 is worse");
		cJSON_Delete(json);
	}
	fclose(file);
	assert_int_equal(screen.errors, 0);
	assert_true(simulator_shows(&screen, "REPLAY"));
	assert_true(simulator_shows(&screen, "checkout"));
	assert_true(failing);
	/* 200 s, and where nothing happened they passed twenty times as fast */
	assert_true(outputs > 20 && last < 150);
	simulator_release(&screen);

	assert_int_equal(WEIR(f, "replay", f->broken, "--cast", f->cast, "--size", "10x3"), 2);
	assert_complains(f, "--size");
	assert_int_equal(WEIR(f, "replay", f->broken, "--cast", "/nowhere/a.cast"), 1);
	assert_complains(f, "/nowhere/a.cast");
}

/* The line in a replay's header. */
static void a_replay_says_what_another_limit_would_have_done(void **state)
{
	struct fixture *f = *state;
	struct pty p;
	world_console(&f->w, &p, 120, 40, NULL, ARGS("replay", f->broken));
	assert_true(pty_wait_text(&p, "REPLAY", DEADLINE_MS));
	pty_send(&p, ":whatif guards.error_rate_threshold=0.5%\r");
	assert_true(pty_wait_text(&p,
		"whatif guards.error_rate_threshold=0.5%: would have fired 08:02:00, 5s earlier",
		DEADLINE_MS));
	assert_true(pty_wait_text(&p, "W would fire", DEADLINE_MS));
	pty_send(&p, ":whatif guards.eror_rate_threshold=1%\r");
	assert_true(pty_wait_text(&p, "did you mean 'guards.error_rate_threshold'", DEADLINE_MS));
	pty_send(&p, ":whatif off\r");
	assert_true(pty_wait_no_text(&p, "would have fired", DEADLINE_MS));
	pty_send(&p, "q");
	assert_int_equal(pty_wait_exit(&p, DEADLINE_MS), 0);
	pty_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_is_tried),
		cmocka_unit_test(a_job_learns_it_from_the_exit_status),
		cmocka_unit_test(two_nodes_replay_as_one_pool),
		cmocka_unit_test(machines_read_lines),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_cast_shows_what_the_console_showed),
		cmocka_unit_test(a_replay_says_what_another_limit_would_have_done),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
