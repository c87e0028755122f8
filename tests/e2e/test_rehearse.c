/* weir rehearse by the real program: the list, a plan that plays in virtual time, and a person on a
 * terminal whose score is kept. */
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

#define WAIT_MS 20000

static struct world w;
static struct glass g;
static struct process p;
static char scenario[WORLD_PATH], policy[WORLD_PATH];

static int set_up(void **state)
{
	(void)state;
	memset(&g, 0, sizeof g);
	world_open(&w);
	world_path(&w, scenario, "broken.yaml");
	world_path(&w, policy, "policy.yaml");
	world_write(scenario,
		"name: broken\nrate: 400\nsessions: 200\nsession_requests: 10\nunit: 500ms\n"
		"operations: [{name: echo}]\nphases: [{at: 0s, arm: v2, error_rate: 60%}]\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	glass_close(&g);
	process_release(&p);
	world_close(&w);
	return 0;
}

static int run(const char *const *args)
{
	process_release(&p);
	return world_run(&w, &p, NULL, args);
}
#define WEIR(...) run(ARGS(__VA_ARGS__))

static void assert_says(const char *text)
{
	if (!strstr(p.out.text, text))
		fail_msg("no \"%s\" in:\n%s%s", text, p.out.text, p.err.text);
}

static void assert_complains(const char *text)
{
	if (!strstr(p.err.text, text))
		fail_msg("no \"%s\" in:\n%s", text, p.err.text);
}

static void they_are_listed(void **state)
{
	(void)state;
	assert_int_equal(WEIR("rehearse"), 0);
	assert_says("demo                           7m  the first look");
	assert_says("errors-2x                     10m  v2 fails twice as often as v1");
	assert_int_equal(WEIR("rehearse", "--json"), 0);
	cJSON *all = world_lines(p.out.text);
	assert_true(cJSON_GetArraySize(all) >= 20);
	assert_int_equal(world_number(cJSON_GetArrayItem(all, 0), "for_ms"), 420000);
	cJSON_Delete(all);
}

static void a_good_one_goes_on(void **state)
{
	(void)state;
	assert_int_equal(WEIR("rehearse", "--auto", "good-v2", "--for", "12m"), 0);
	assert_says("good-v2, played by plan under policy standard for 12 min 00 s\n");
	assert_says("v2 was bad     never while it had a share\n");
	assert_says("needless       nothing\n");
	assert_says("in the way     W181 ");
}

static void twice_the_errors_are_found_again_and_again(void **state)
{
	(void)state;
	assert_int_equal(WEIR("rehearse", "--auto", "errors-2x", "--json"), 0);
	char *first = strdup(p.out.text);
	assert_int_equal(WEIR("rehearse", "--auto", "errors-2x", "--json"), 0);
	assert_string_equal(p.out.text, first);
	assert_int_equal(WEIR("rehearse", "--auto", "errors-2x", "--json", "--seed", "2"), 0);
	assert_string_not_equal(p.out.text, first);
	free(first);
	assert_int_equal(WEIR("rehearse", "--auto", "errors-2x", "--runs", "3"), 0);
	assert_says("seed 1: errors-2x by plan: detected after ");
	assert_says("seed 3: ");
	assert_says("\ndetected       in 3 of 3\n");
}

static void limits_that_miss_it_fail_a_job(void **state)
{
	(void)state;
	world_write(policy, "guards: {error_rate_threshold: 100%}\njudge: {metrics: [p99]}\n");
	assert_int_equal(
		WEIR("rehearse", "--auto", scenario, "--policy", policy, "--for", "3m"), 6);
	assert_says("NEVER: nobody braked");
	assert_int_equal(
		WEIR("rehearse", "--auto", scenario, "--policy", policy, "--set",
			"guards.error_rate_threshold=2%", "--set", "guards.latency_threshold_ms=500"),
		0);
	assert_says(", by the pool's guard: rollback (guard: errors ");
}

static void a_pool_that_restarts(void **state)
{
	(void)state;
	assert_int_equal(WEIR("rehearse", "restart"), 2);
	assert_complains("play it with --auto");
	assert_int_equal(WEIR("rehearse", "--auto", "restart", "--for", "3m"), 0);
	assert_says("needless       nothing\n");
}

static void what_is_wrong_is_told(void **state)
{
	char bad[WORLD_PATH];
	(void)state;
	assert_int_equal(WEIR("rehearse", "errors-3x", "--auto"), 2);
	assert_complains("did you mean \"errors-2x\"?");
	world_path(&w, bad, "bad.yaml");
	world_write(bad, "rate: 1\noperations: [{name: echo}]\nworse: [{from: 5s, until: 1s}]\n");
	assert_int_equal(WEIR("rehearse", bad), 2);
	assert_complains("bad.yaml:3:");
	assert_complains("it is over before it begins");
	assert_int_equal(WEIR("rehearse", "demo", "--runs", "3"), 2);
	assert_complains("--runs is for --auto");
	assert_int_equal(WEIR("rehearse", "demo", "--auto", "--seed", "x"), 2);
	assert_complains("--seed 'x' is no whole number");
	assert_int_equal(WEIR("rehearse", "demo", "--auto", "--for", "0s"), 2);
	assert_int_equal(WEIR("rehearse", "demo", "--auto", "--policy", "stricter"), 2);
	assert_complains("cannot read the policy \"stricter\"");
	assert_int_equal(WEIR("rehearse", "demo", "--pool", "nix"), 2);
	assert_int_equal(WEIR("rehearse", "--scores"), 0);
	assert_says("nobody has rehearsed yet");
}

static void press(const char *keys)
{
	if (!glass_press(&g, keys))
		fail_msg("the terminal differs after '%s'", keys);
}

static void see(const char *words, const char *roles)
{
	if (!glass_wait(&g, words, roles, WAIT_MS))
		fail_msg("'%s' is not shown", words);
}

/* Until the program has ended and the terminal shows its last words. */
static void see_score(const char *words)
{
	assert_true(pty_wait_text(&g.pty, words, WAIT_MS));
}

/* The recorded checkout: 150 requests a second, and v2 worse from its 50 % on. */
static void a_recording_is_played_again(void **state)
{
	char db[WORLD_PATH], out[WORLD_PATH];
	(void)state;
	world_path(&w, db, "checkout.db");
	world_path(&w, out, "checkout.yaml");
	assert_int_equal(WEIR("import", "tests/recordings/checkout.jsonl", "--history", db), 0);
	assert_int_equal(WEIR("rehearse", "--from", db, "--out", out), 0);
	FILE *file = fopen(out, "r");
	char head[400] = "";
	assert_true(file && fread(head, 1, sizeof head - 1, file) > 0);
	fclose(file);
	assert_non_null(strstr(head, "\n# the recording does not tell operations: "));
	assert_int_equal(WEIR("check", out, "--strict"), 0);
	assert_int_equal(WEIR("rehearse", "--auto", out, "--json", "--for", "2m"), 0);
	cJSON *score = cJSON_Parse(p.out.text);
	assert_string_equal(world_word(score, "scenario"), "checkout");
	cJSON_Delete(score);
	assert_int_equal(
		WEIR("rehearse", "--auto", "--from", db, "--faults", "none", "--for", "1m"), 0);
	assert_says("v2 was bad     never while it had a share");
	assert_says("the recording does not tell operations: ");
	glass_open(&g, &w, 100, 30, NULL, ARGS("rehearse", "--from", db));
	see("the recording does not tell operations: ", NULL);
	pty_signal(&g.pty, SIGINT);
	see_score("checkout, played by ");
	assert_int_equal(pty_wait_exit(&g.pty, WAIT_MS), 0);
	glass_close(&g);
	memset(&g, 0, sizeof g);
	assert_int_equal(WEIR("rehearse", "--from", w.history), 1);
	assert_int_equal(WEIR("rehearse", "--from", db, "--pool", "nix"), 2);
	assert_complains("has no pool nix");
	assert_int_equal(WEIR("rehearse", "demo", "--faults", "none"), 2);
	assert_complains("--faults is for --from");
}

/* Nothing brakes by itself: the guard has no limit that it breaks, and p99 alone is judged. */
static void a_person_finds_it(void **state)
{
	(void)state;
	world_write(policy, "guards: {error_rate_threshold: 100%}\njudge: {metrics: [p99]}\n");
	glass_open(&g, &w, 100, 30, NULL, ARGS("rehearse", scenario, "--policy", policy));
	see("REHEARSAL", "M");
	see("broken", NULL);
	press("S");
	see("y step to 1 %", "k");
	press("y");
	see("BAKING at 1 %", NULL);
	see("since it started: operation", NULL);
	press("R");
	see("y roll back now", "k");
	press("y");
	see("ROLLED BACK to 0 %", NULL);
	pty_send(&g.pty, "q");
	see_score("detected       after ");
	see_score("back           after ");
	see_score("needless       nothing");
	assert_int_equal(pty_wait_exit(&g.pty, WAIT_MS), 0);
	glass_close(&g);
	assert_int_equal(WEIR("rehearse", "--scores"), 0);
	assert_says("Z  broken by ");
	assert_says(": detected after ");
	assert_int_equal(WEIR("rehearse", "--scores", "--json"), 0);
	cJSON *all = world_lines(p.out.text);
	assert_int_equal(cJSON_GetArraySize(all), 1);
	const cJSON *one = cJSON_GetArrayItem(all, 0);
	assert_string_equal(world_word(one, "detected_with"), "rollback");
	assert_int_equal(world_number(one, "needless"), 0);
	assert_int_equal(world_number(one, "top_bp"), 100);
	cJSON_Delete(all);
	assert_true(world_verified(&w, NULL));
}

/* The scenario's end is the play's, and an interrupted one is scored too. */
static void it_ends_by_itself_or_by_a_signal(void **state)
{
	(void)state;
	glass_open(&g, &w, 80, 24, NULL, ARGS("rehearse", "quiet", "--for", "2s"));
	see("REHEARSAL", "M");
	see_score("quiet, played by ");
	assert_int_equal(pty_wait_exit(&g.pty, WAIT_MS), 0);
	glass_close(&g);
	memset(&g, 0, sizeof g);
	glass_open(&g, &w, 80, 24, NULL, ARGS("rehearse", "quiet"));
	see("REHEARSAL", "M");
	pty_signal(&g.pty, SIGINT);
	see_score("v2 was bad     never");
	assert_int_equal(pty_wait_exit(&g.pty, WAIT_MS), 0);
	assert_int_equal(WEIR("rehearse", "--scores"), 0);
	const char *first = strstr(p.out.text, "quiet by ");
	assert_non_null(first);
	assert_non_null(strstr(first + 1, "quiet by "));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(they_are_listed),
		T(a_good_one_goes_on),
		T(twice_the_errors_are_found_again_and_again),
		T(limits_that_miss_it_fail_a_job),
		T(a_pool_that_restarts),
		T(a_recording_is_played_again),
		T(what_is_wrong_is_told),
		T(a_person_finds_it),
		T(it_ends_by_itself_or_by_a_signal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
