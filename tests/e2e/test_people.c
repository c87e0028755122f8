/* More than one person: two logins with keys of their own, one history or two, one pool. Through
 * the program as people use it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/glass.h"
#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIRMED "--confirm", "checkout"
#define KIM 0
#define ANA 1
#define EVE 2

struct fixture {
	struct world w;
	struct process p; /* of the last command */
	struct glass g;
	char who[3][40], state[3][WORLD_PATH + 20], history[3][WORLD_PATH];
	char key[3][80], load[WORLD_PATH];
};

/* Runs as somebody; the exit status. */
static int run_as(struct fixture *f, int who, const char *const *args)
{
	const char *all[40];
	size_t n = 0;
	struct world_env env = world_env(&f->w, ARGS(f->who[who], f->state[who]));
	for (; args[n] && n < 32; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n++] = "--history";
	all[n++] = f->history[who];
	all[n] = NULL;
	process_release(&f->p);
	return world_run(&f->w, &f->p, &env, all);
}

#define AS(who, ...) run_as(f, who, ARGS(__VA_ARGS__))

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text) && !strstr(f->p.out.text, text))
		fail_msg("'%s' is in neither\n%s nor\n%s", text, f->p.out.text, f->p.err.text);
}

#define DOES(status, ...) \
	do { \
		int is = run_as(f, __VA_ARGS__); \
		if (is != (status)) \
			fail_msg("status %d, not %d:\n%s%s", is, status, f->p.out.text, f->p.err.text); \
	} while (0)

static int set_up(void **state)
{
	static struct fixture f;
	static const char *const names[] = {"kim", "ana", "eve"};
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.load, "load.yaml");
	world_write(f.load,
		"name: load\nrate: 200\nsessions: 200\nunit: 500ms\n"
		"operations: [{name: echo, weight: 3, work: 250us}, {name: predict, work: 250us}]\n");
	world_config(&f.w, f.w.target, "    interval: 100ms\n");
	for (int i = 0; i < 3; i++) {
		char dir[WORLD_PATH];
		world_path(&f.w, dir, names[i]);
		snprintf(f.who[i], sizeof f.who[i], "WEIR_ACTOR=%s@e2e", names[i]);
		snprintf(f.state[i], sizeof f.state[i], "XDG_STATE_HOME=%s", dir);
		text_copy(f.history[i], sizeof f.history[i], f.w.history);
		assert_int_equal(run_as(&f, i, ARGS("approve", "--key")), 0);
		text_copy(f.key[i], sizeof f.key[i], f.p.out.text);
		f.key[i][strcspn(f.key[i], "\n")] = 0;
		assert_int_equal(strlen(f.key[i]), 64);
	}
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

/* A pool at 5 %, where more than that needs Ana or Eve. */
static void open_at_5(struct fixture *f, const char *policy)
{
	char text[1200];
	world_pool(&f->w, false, ARGS("--scenario", f->load, "--share", "0%", "--unit", "500ms"));
	snprintf(text, sizeof text,
		"policies: {two: {base: manual, approval_above: 5%%}}\n"
		"pools:\n  checkout:\n    target: %s\n    interval: 100ms\n"
		"    plan: {steps: [5%%, 10%%, 50%%, 100%%], bake: 100ms, min_samples: 1, policy: %s,\n"
		"      approvers: [%s, %s]}\n",
		f->w.target, policy, f->key[ANA], f->key[EVE]);
	world_write(f->w.config, text);
	DOES(0, KIM, ARGS("step", "checkout", "5%", CONFIRMED, "--wait"));
}

/* Kim's refused step; its ask's id. */
static void ask(struct fixture *f, char id[64], const char *share)
{
	DOES(6, KIM, ARGS("step", "checkout", share, "-m", "it looks fine", CONFIRMED));
	const char *at = strstr(f->p.err.text, "weir approve checkout ");
	if (!at)
		fail_msg("no ask:\n%s", f->p.err.text);
	snprintf(id, 64, "%.36s", at + strlen("weir approve checkout "));
}

/* A second pool in the configuration, with the plan of the first, where nobody answers. */
static void add_twin(struct fixture *f)
{
	char was[1500] = "";
	FILE *file = fopen(f->w.config, "r+");
	assert_non_null(file);
	assert_true(fread(was, 1, sizeof was - 1, file) > 0);
	const char *plan = strstr(was, "    plan:");
	assert_non_null(plan);
	fseek(file, 0, SEEK_END);
	fprintf(file, "  staging:\n    target: http://127.0.0.1:9\n    interval: 100ms\n%s", plan);
	fclose(file);
}

static int asks_of(struct fixture *f)
{
	cJSON *log = world_log(&f->w, f->w.history), *row;
	int n = 0;
	cJSON_ArrayForEach(row, log) n += strcmp(world_word(row, "verb"), "ask") == 0;
	cJSON_Delete(log);
	return n;
}

static void another_person_allows_what_one_asks_for(void **state)
{
	struct fixture *f = *state;
	char id[64];
	open_at_5(f, "two");
	ask(f, id, "10%");
	/* asked once, however often it is tried */
	DOES(6, KIM, ARGS("step", "checkout", "10%", CONFIRMED));
	assert_says(f, id);
	assert_int_equal(asks_of(f), 1);
	/* whoever takes over finds it, until somebody allows it */
	DOES(0, EVE, ARGS("brief", "checkout"));
	assert_says(f, "kim@e2e asks for step 5 > 10 %: weir approve checkout");
	/* one's own is none, and the sheet shows what was seen */
	DOES(6, KIM, ARGS("approve", "checkout", id, CONFIRMED));
	assert_says(f, "W190 APPROVAL NOT VALID (own)");
	DOES(0, ANA, ARGS("approve", "checkout", id, CONFIRMED));
	assert_says(f, "kim@e2e");
	assert_says(f, "step 5 > 10 %");
	assert_says(f, "it looks fine");
	assert_says(f, "weir-approval.");
	DOES(0, EVE, ARGS("brief", "checkout"));
	assert_null(strstr(f->p.out.text, "asks for"));
	/* another share than the one that was allowed stays locked */
	DOES(6, KIM, ARGS("step", "checkout", "50%", "--dry-run", CONFIRMED));
	DOES(0, KIM, ARGS("step", "checkout", "10%", CONFIRMED, "--wait"));
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
	cJSON *log = world_log(&f->w, f->w.history);
	const cJSON *last = cJSON_GetArrayItem(log, cJSON_GetArraySize(log) - 1);
	assert_string_equal(world_word(last, "verb"), "step");
	assert_string_equal(world_word(last, "evidence.approval.by"), "ana@e2e");
	assert_string_equal(world_word(last, "evidence.approval.key"), f->key[ANA]);
	cJSON_Delete(log);
	assert_true(world_verified(&f->w, f->w.history));
}

static void row_75_what_is_no_approval_moves_nothing(void **state)
{
	struct fixture *f = *state;
	char id[64], token[3000];
	open_at_5(f, "two");
	ask(f, id, "10%");
	DOES(0, ANA, ARGS("approve", "checkout", id, CONFIRMED, "--json"));
	cJSON *json = cJSON_Parse(f->p.out.text);
	text_copy(token, sizeof token, world_word(json, "token"));
	cJSON_Delete(json);
	assert_true(strlen(token) > 100);
	/* no token at all, and one of which a byte was turned: refused where it is given */
	DOES(2, KIM, ARGS("step", "checkout", "10%", CONFIRMED, "--approval", "yes"));
	assert_says(f, "this is no approval");
	/* for 5 > 10 %, used for it; then it is used, then for another share */
	DOES(0, KIM, ARGS("step", "checkout", "10%", CONFIRMED, "--wait", "--approval", token));
	DOES(0, KIM, ARGS("rollback", "checkout", "--wait"));
	DOES(0, KIM, ARGS("step", "checkout", "5%", CONFIRMED, "--wait"));
	DOES(6, KIM, ARGS("step", "checkout", "10%", CONFIRMED, "--approval", token));
	assert_says(f, "W190 APPROVAL NOT VALID (used before), by ana@e2e");
	DOES(6, EVE, ARGS("step", "checkout", "10%", CONFIRMED, "--approval", token));
	assert_says(f, "W190 APPROVAL NOT VALID");
	DOES(6, ANA, ARGS("step", "checkout", "10%", CONFIRMED, "--approval", token));
	assert_says(f, "W190 APPROVAL NOT VALID (own)");
	assert_int_equal(world_fact(&f->w, "share_bp"), 500);
	/* nobody asks that */
	DOES(2, ANA, ARGS("approve", "checkout", "0193-none", CONFIRMED));
	assert_says(f, "nobody asks");
	DOES(2, ANA, ARGS("approve", "checkout", id));
	assert_says(f, "--confirm checkout");
	DOES(2, ANA, ARGS("approve", "checkout", id, "--confirm", "other"));
	DOES(2, ANA, ARGS("approve", "checkout"));
}

static void a_token_goes_between_histories_and_needs_no_pool(void **state)
{
	struct fixture *f = *state;
	char *whole, *token;
	open_at_5(f, "two");
	world_path(&f->w, f->history[ANA], "ana.db");
	DOES(6, KIM, ARGS("step", "checkout", "10%", "--json", "-m", "it looks fine", CONFIRMED));
	cJSON *json = cJSON_Parse(f->p.out.text);
	whole = strdup(world_word(json, "ask.text"));
	cJSON_Delete(json);
	assert_int_equal(strncmp(whole, "weir-ask.", 9), 0);
	process_signal(&f->w.pool, SIGSTOP);
	/* an ask for one pool is not to be had as one for another that has the same plan */
	add_twin(f);
	DOES(6, ANA, ARGS("approve", "staging", whole, "--confirm", "staging"));
	assert_says(f, "W190 APPROVAL NOT VALID (other pool)");
	DOES(0, ANA, ARGS("approve", "checkout", whole, CONFIRMED));
	assert_says(f, "it looks fine");
	token = strdup(strstr(f->p.out.text, "weir-approval."));
	token[strcspn(token, "\n")] = 0;
	process_signal(&f->w.pool, SIGCONT);
	DOES(0, KIM, ARGS("step", "checkout", "10%", CONFIRMED, "--wait", "--approval", token));
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
	free(whole);
	free(token);
}

static void console_of(struct fixture *f, struct glass *g, int who)
{
	const struct world_env env = world_env(&f->w, ARGS(f->who[who], f->state[who]));
	glass_open(g, &f->w, 100, 30, &env,
		ARGS("checkout", "--config", f->w.config, "--history", f->history[who]));
}

/* A sheet takes a y that comes neither too soon nor behind another key: pressed until it counts. */
static void press_until(struct glass *g, const char *key, const char *text)
{
	for (int i = 0; i < 20; i++) {
		if (glass_wait(g, text, NULL, 500))
			return;
		glass_press(g, key);
	}
	fail_msg("'%s' never came", text);
}

/* A console says what it begins; what others read is there once it is recorded. */
static void await_log(struct fixture *f, int who, const char *verb, const char *text)
{
	for (int64_t end_ms = process_clock_ms() + 15000; process_clock_ms() < end_ms;) {
		DOES(0, who, ARGS("log", "--verb", verb));
		if (strstr(f->p.out.text, text))
			return;
	}
	fail_msg("no %s with %s:\n%s", verb, text, f->p.out.text);
}

/* S asks, another's :approve allows, S steps: all of it on screens. */
static void an_ask_and_its_approval_go_over_two_screens(void **state)
{
	struct fixture *f = *state;
	open_at_5(f, "two");
	console_of(f, &f->g, KIM);
	assert_true(glass_wait(&f->g, "READY", NULL, 15000));
	glass_press(&f->g, "S");
	assert_true(glass_wait(&f->g, "W190 approval is missing", NULL, 5000));
	press_until(&f->g, "y", "ask somebody: weir approve checkout");
	await_log(f, KIM, "ask", "APPLIED");
	glass_close(&f->g);
	console_of(f, &f->g, ANA);
	assert_true(glass_wait(&f->g, "kim@e2e asks for 10 %", NULL, 15000));
	glass_press(&f->g, ":approve\r");
	assert_true(glass_wait(&f->g, "step 5 > 10 %", NULL, 5000));
	press_until(&f->g, "y", "approve: ");
	await_log(f, ANA, "approve", "APPLIED");
	glass_close(&f->g);
	DOES(0, KIM, ARGS("step", "checkout", "10%", CONFIRMED, "--wait"));
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
}

/* ---- break-glass ---- */

/* A pool with a plan that bakes, at 5 %, its bake far from over. */
static void open_baking(struct fixture *f, const char *policy)
{
	char text[1400];
	world_pool(&f->w, false, ARGS("--scenario", f->load, "--share", "0%", "--unit", "500ms"));
	snprintf(text, sizeof text,
		"policies: {lone: {base: standard, owner: false},\n"
		"  two: {base: standard, owner: false, approval_above: 50%%}}\n"
		"pools:\n  checkout:\n    target: %s\n    interval: 100ms\n"
		"    plan: {steps: [5%%, 10%%, 50%%, 100%%], bake: 1h, min_samples: 1, policy: %s,\n"
		"      approvers: [%s, %s]}\n",
		f->w.target, policy, f->key[ANA], f->key[EVE]);
	world_write(f->w.config, text);
	DOES(0, KIM, ARGS("step", "checkout", "5%", CONFIRMED, "--wait"));
}

static void the_glass_is_broken_with_a_reason_and_a_name_and_marks_all_after(void **state)
{
	struct fixture *f = *state;
	open_baking(f, "lone");
	/* there is no glass without a reason, without the name, or of what it never relaxes */
	DOES(2, KIM, ARGS("step", "checkout", "10%", CONFIRMED, "--break-glass"));
	assert_says(f, "--break-glass asks for a --reason");
	DOES(2, KIM, ARGS("step", "checkout", "10%", "--break-glass", "-m", "they wait"));
	assert_says(f, "--confirm checkout");
	DOES(6, KIM, ARGS("step", "checkout", "10%", CONFIRMED));
	assert_says(f, "W184");
	DOES(6, KIM, ARGS("step", "checkout", "50%", CONFIRMED, "--break-glass", "-m", "they wait"));
	assert_says(f, "W162");
	DOES(2, KIM, ARGS("rollback", "checkout", "--break-glass"));
	assert_int_equal(world_fact(&f->w, "share_bp"), 500);
	DOES(0, KIM, ARGS("step", "checkout", "10%", CONFIRMED, "--dry-run", "--break-glass", "-m", "x"));
	assert_says(f, "FORCED");
	DOES(0, KIM,
		ARGS("step", "checkout", "10%", CONFIRMED, "--wait", "--break-glass", "-m", "they wait"));
	assert_says(f, "BREAK-GLASS without 9 bake elapsed");
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
	/* who, what, when and why, wherever somebody else looks */
	DOES(0, ANA, ARGS("status", "checkout"));
	assert_says(f, "kim@e2e forced step 5 > 10 % without 9 bake elapsed");
	assert_says(f, "\"they wait\"");
	DOES(0, ANA, ARGS("status", "checkout", "--json"));
	assert_says(f, "\"forced\":[{\"by\":\"kim@e2e\",\"at\":\"20");
	DOES(0, ANA, ARGS("brief", "checkout"));
	assert_says(f, "BREAK-GLASS: kim@e2e forced step 5 > 10 %");
	DOES(0, ANA, ARGS("log"));
	assert_says(f, "BREAK-GLASS without 9 bake elapsed");
	/* it ends where the migration does */
	DOES(0, KIM, ARGS("rollback", "checkout", "--wait"));
	DOES(0, ANA, ARGS("status", "checkout", "--json"));
	assert_says(f, "\"forced\":[]");
	DOES(0, KIM, ARGS("step", "checkout", "5%", CONFIRMED, "--wait"));
	DOES(0, ANA, ARGS("status", "checkout", "--json"));
	assert_says(f, "\"forced\":[]");
	assert_true(world_verified(&f->w, f->w.history));
}

/* The same by the key. */
static void b_breaks_the_glass_on_a_screen(void **state)
{
	struct fixture *f = *state;
	open_baking(f, "lone");
	console_of(f, &f->g, KIM);
	assert_true(glass_wait(&f->g, "BAKING", NULL, 15000));
	glass_press(&f->g, "S");
	assert_true(glass_wait(&f->g, "b break-glass", NULL, 5000));
	assert_true(glass_wait(&f->g, "W184", NULL, 5000));
	glass_press(&f->g, "b");
	assert_true(glass_wait(&f->g, "BREAK-GLASS STEP checkout 5 > 10 %", NULL, 5000));
	/* It asks for a reason at once, and then for the name. */
	glass_press(&f->g, "\r");
	press_until(&f->g, "y", "m first: it asks for a reason");
	glass_press(&f->g, "m");
	glass_press(&f->g, "they wait\r");
	assert_true(glass_wait(&f->g, "they wait", NULL, 5000));
	press_until(&f->g, "y", "to do it type checkout, Enter");
	assert_int_equal(world_fact(&f->w, "share_bp"), 500);
	glass_press(&f->g, "checkout\r");
	await_log(f, KIM, "step", "BREAK-GLASS without 9 bake elapsed");
	assert_says(f, "\"they wait\"");
	assert_true(glass_wait(&f->g, "BAKING at 10 %", NULL, 15000));
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
	assert_true(glass_wait(&f->g, "BREAK-GLASS", NULL, 5000));
	glass_press(&f->g, "6");
	assert_true(glass_wait(&f->g, "BREAK-GLASS  VERIFIED in ", NULL, 5000));
	glass_close(&f->g);
}

static void where_two_must_agree_the_glass_takes_two(void **state)
{
	struct fixture *f = *state;
	char id[64];
	open_baking(f, "two");
	DOES(6, KIM, ARGS("step", "checkout", "10%", CONFIRMED, "--break-glass", "-m", "they wait"));
	assert_says(f, "W190 approval is missing");
	const char *at = strstr(f->p.err.text, "weir approve checkout ");
	assert_non_null(at);
	snprintf(id, sizeof id, "%.36s", at + strlen("weir approve checkout "));
	DOES(0, ANA, ARGS("approve", "checkout", id, CONFIRMED));
	assert_says(f, "step by break-glass 5 > 10 %");
	assert_says(f, "bake elapsed: bake ");
	DOES(0, KIM,
		ARGS("step", "checkout", "10%", CONFIRMED, "--wait", "--break-glass", "-m", "they wait"));
	assert_int_equal(world_fact(&f->w, "share_bp"), 1000);
}

/* The end of the way back is asked for and allowed as a raise is. */
static void the_end_of_the_way_back_takes_two(void **state)
{
	struct fixture *f = *state;
	char text[1200], id[64];
	world_pool(&f->w, false, ARGS("--scenario", f->load, "--share", "0%", "--unit", "200ms"));
	snprintf(text, sizeof text,
		"policies: {two: {base: standard, owner: false, approval_above: 99%%}}\n"
		"pools:\n  checkout:\n    target: %s\n    interval: 100ms\n"
		"    plan: {steps: [100%%], bake: 100ms, min_samples: 1, max_delta: 100%%, policy: two,\n"
		"      approvers: [%s, %s]}\n",
		f->w.target, f->key[ANA], f->key[EVE]);
	world_write(f->w.config, text);
	ask(f, id, "100%");
	DOES(0, ANA, ARGS("approve", "checkout", id, CONFIRMED));
	DOES(0, KIM, ARGS("step", "checkout", "100%", CONFIRMED, "--wait"));
	bool left = true;
	for (int i = 0; i < 50 && world_fact(&f->w, "kept_bp") != 10000; i++)
		run_as(f, KIM, ARGS("keep", "checkout", CONFIRMED));
	for (int i = 0; i < 200 && left; i++) {
		DOES(6, KIM, ARGS("finalize", "checkout", "-m", "v1 goes off", CONFIRMED));
		left = strstr(f->p.err.text, "weir approve checkout ") == NULL;
	}
	assert_says(f, "W190 approval is missing");
	snprintf(id, sizeof id, "%.36s",
		strstr(f->p.err.text, "weir approve checkout ") + strlen("weir approve checkout "));
	DOES(0, ANA, ARGS("approve", "checkout", id, CONFIRMED));
	assert_says(f, "finalize");
	DOES(0, KIM, ARGS("finalize", "checkout", "-m", "v1 goes off", CONFIRMED, "--wait"));
	assert_says(f, "VERIFIED");
	DOES(6, EVE, ARGS("rollback", "checkout"));
	assert_says(f, "W147");
	assert_true(world_verified(&f->w, f->w.history));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(another_person_allows_what_one_asks_for),
		CASE(row_75_what_is_no_approval_moves_nothing),
		CASE(a_token_goes_between_histories_and_needs_no_pool),
		CASE(an_ask_and_its_approval_go_over_two_screens),
		CASE(the_glass_is_broken_with_a_reason_and_a_name_and_marks_all_after),
		CASE(b_breaks_the_glass_on_a_screen),
		CASE(where_two_must_agree_the_glass_takes_two),
		CASE(the_end_of_the_way_back_takes_two),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
