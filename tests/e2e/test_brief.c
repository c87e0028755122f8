/* The hand-over with the real program: `weir brief` before and after somebody acts and leaves, as
 * text and as JSON, of pools that answer and of one that does not; and the Plan screen through a
 * real terminal, whose screen is the program's own after every key. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/glass.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MS 10000
#define PLAN \
	"    interval: 200ms\n" \
	"    plan: {steps: [1%, 10%, 100%], bake: 200ms, min_samples: 0, max_delta: 100%}\n"

static struct world w;
static struct glass g;
static struct process p;

static int set_up(void **state)
{
	(void)state;
	memset(&g, 0, sizeof g);
	memset(&p, 0, sizeof p);
	world_open(&w);
	world_config(&w, w.target, PLAN);
	world_pool(&w, false, ARGS("--share", "0%"));
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

/* What `weir` prints and how it ends. */
static const char *run(int status, const char *const *args)
{
	const struct world_env env = world_env(&w, NULL);
	process_release(&p);
	memset(&p, 0, sizeof p);
	int is = world_run(&w, &p, &env, args);
	if (is != status)
		fail_msg("status %d, not %d: %s%s", is, status, p.out.text, p.err.text);
	return p.out.text;
}

static void has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("\"%s\" is not in:\n%s", words, text);
}

#define WHERE "--config", w.config, "--history", w.history

static void a_page_says_what_changed_and_who_did_it(void **state)
{
	(void)state;
	/* nobody has ever written a history: the page is there all the same */
	const char *text = run(0, ARGS("brief", WHERE));
	has(text, "pool       checkout, ");
	has(text, "0 changes since ");
	has(text, "1 %  from ");
	has(text, "open       nothing");
	has(text, "curl -fsS -X POST");
	run(0, ARGS("step", "checkout", "1%", "--confirm", "checkout", WHERE));
	text = run(0, ARGS("brief", "checkout", "--since", "1h", WHERE));
	has(text, "now    1 %  ");
	has(text, "step 0 % > 1 %");
	has(text, "open       no reason: step 0 > 1 % of ");
	text = run(0, ARGS("brief", "--json", WHERE));
	cJSON *j = cJSON_Parse(text);
	assert_non_null(j);
	assert_string_equal(world_word(j, "schema"), "weir.brief/1");
	assert_string_equal(world_word(j, "name"), "checkout");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(j, "plan")), 4);
	cJSON_Delete(j);
}

static void what_is_wrong_with_the_line_is_said(void **state)
{
	(void)state;
	run(2, ARGS("brief", "--since", "yesterday", WHERE));
	has(p.err.text, "--since 'yesterday'");
	run(2, ARGS("brief", "nowhere", WHERE));
	has(p.err.text, "nowhere");
	/* the line that rolls back is wanted most of a pool that does not answer */
	process_signal(&w.pool, SIGKILL);
	process_wait(&w.pool, WAIT_MS);
	const char *text = run(1, ARGS("brief", WHERE));
	has(text, "news NEVER");
	has(text, "pool says -");
	has(text, "curl -fsS -X POST");
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

static void the_plan_is_walked_through_on_a_terminal(void **state)
{
	(void)state;
	const struct world_env env = world_env(&w, NULL);
	run(0, ARGS("step", "checkout", "1%", "--confirm", "checkout", "-m", "day 1", WHERE));
	glass_open(&g, &w, 100, 30, &env, ARGS(WHERE, "--ascii"));
	see("pool says 1 %", NULL);
	press("5");
	see("PLAN standard", "t");
	see("[1 %]", "2");
	see("way back", "d");
	press("k");
	see("> 1 %", NULL);
	see("\"day 1\"", NULL);
	press("jj");
	see("> 100 %", NULL);
	press("\r");
	see("100 % is not the next step", NULL);
	press("k");
	see("> 10 %", NULL);
	press("\r");
	see("STEP checkout 1 > 10 %", "T");
	press("\033");
	see("q quit", NULL);
	assert_true(glass_agrees(&g, WAIT_MS));
	assert_int_equal(g.pty.screen.errors, 0);
	press("q");
	see("DECISIONS", "t");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_page_says_what_changed_and_who_did_it),
		CASE(what_is_wrong_with_the_line_is_said),
		CASE(the_plan_is_walked_through_on_a_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
