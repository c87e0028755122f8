/* `weir judge` as a filter, and the judge's part of `weir check` and `weir plan`, by the real
 * program. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/world.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEADLINE_MS 20000

struct fixture {
	struct world w;
	struct process p; /* of the last command */
	char counts[WORLD_PATH], plan[WORLD_PATH];
};

static int set_up(void **state)
{
	static struct fixture f;
	memset(&f, 0, sizeof f);
	world_open(&f.w);
	world_path(&f.w, f.counts, "counts");
	world_path(&f.w, f.plan, "plan.yaml");
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

/* Judges lines, the first argument, with the options behind it. */
static int judge(struct fixture *f, const char *const *args)
{
	const char *all[16] = {"judge", f->counts};
	for (size_t n = 1; args[n] && n < 13; n++)
		all[n + 1] = args[n];
	world_write(f->counts, args[0]);
	return run(f, all);
}
#define JUDGE(f, ...) judge(f, ARGS(__VA_ARGS__))

/* Runs a command with the world's configuration. */
static int run_with(struct fixture *f, const char *const *args)
{
	const char *all[16];
	size_t n = 0;
	for (; args[n] && n < 13; n++)
		all[n] = args[n];
	all[n++] = "--config";
	all[n++] = f->w.config;
	all[n] = NULL;
	return run(f, all);
}
#define WEIR(f, ...) run_with(f, ARGS(__VA_ARGS__))

static void assert_says(const struct fixture *f, const char *text)
{
	if (!strstr(f->p.err.text, text) && !strstr(f->p.out.text, text))
		fail_msg("'%s' is in neither\n%s nor\n%s", text, f->p.out.text, f->p.err.text);
}

static double real_of(const cJSON *line, const char *name)
{
	const cJSON *value = cJSON_GetObjectItem(line, name);
	assert_true(cJSON_IsNumber(value));
	return value->valuedouble;
}

static void assert_near(double a, double b, double apart)
{
	if (!(fabs(a - b) <= apart))
		fail_msg("%.17g is not %.17g", a, b);
}

/* A member of ratio; `value` NaN: null. */
static void assert_ratio(const cJSON *line, int at, double value)
{
	const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItem(line, "ratio"), at);
	assert_non_null(item);
	if (isnan(value))
		assert_true(cJSON_IsNull(item));
	else
		assert_near(item->valuedouble, value, 5e-4);
}

static const char worked[] =
	"n1,x1,n2,x2\n900,1,100,0\n890,2,110,1\n880,1,120,3\n910,0,90,2\n450,2,550,9\n";

/* Figures of an implementation of its own. */
static void test_the_worked_example(void **state)
{
	static const struct {
		double ln_harm, ln_safe, low, ratio;
		const char *word;
	} rows[] = {
		{-0.309947209, 0.065832001, 0, NAN, "UNDECIDED"},
		{-0.006238272, -0.338645531, 0, 2.773, "UNDECIDED"},
		{2.801382940, -1.422374587, 0.458502, 7.873, "UNDECIDED"},
		{5.704569352, -2.049819290, 1.189207, 12.474, "HARM"},
		{6.685622779, -2.756242989, 1.296840, 8.291, "HARM"},
	};
	struct fixture *f = *state;
	assert_int_equal(JUDGE(f, worked, "--phi", "1"), 6);
	cJSON *lines = world_lines(f->p.out.text);
	assert_int_equal(cJSON_GetArraySize(lines), 5);
	for (int i = 0; i < 5; i++) {
		const cJSON *line = cJSON_GetArrayItem(lines, i);
		assert_int_equal(world_number(line, "look"), i + 1);
		assert_string_equal(world_word(line, "word"), rows[i].word);
		assert_near(log(real_of(line, "e_harm")), rows[i].ln_harm, 1e-8);
		assert_near(log(real_of(line, "e_safe")), rows[i].ln_safe, 1e-8);
		assert_ratio(line, 0, rows[i].low);
		if (i > 0)
			assert_ratio(line, 1, rows[i].ratio);
		assert_ratio(line, 2, NAN);
	}
	cJSON_Delete(lines);
	/* The same as objects, the last line only; and what bursts take away. */
	assert_int_equal(JUDGE(f, worked, "--phi", "1", "--quiet"), 6);
	lines = world_lines(f->p.out.text);
	assert_int_equal(cJSON_GetArraySize(lines), 1);
	assert_int_equal(world_number(cJSON_GetArrayItem(lines, 0), "look"), 5);
	cJSON_Delete(lines);
	assert_int_equal(JUDGE(f, worked), 3);
}

static void test_safe_by_a_limit(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(JUDGE(f, "0,0,3700,0\n"), 3);
	/* no v1: half of ln E 3.0035 */
	assert_int_equal(JUDGE(f, "0,0,3700,0\n", "--limit", "0.1%"), 3);
	cJSON *lines = world_lines(f->p.out.text);
	assert_near(real_of(cJSON_GetArrayItem(lines, 0), "e_safe"), exp(3.003505985) / 2, 1e-6);
	assert_ratio(cJSON_GetArrayItem(lines, 0), 1, NAN);
	cJSON_Delete(lines);
	assert_int_equal(JUDGE(f, "100,0,4500,0\n", "--limit", "0.1%"), 0);
	assert_int_equal(JUDGE(f, "0,0,1000,30\n", "--limit", "0.001"), 6);
	lines = world_lines(f->p.out.text);
	assert_true(real_of(cJSON_GetArrayItem(lines, 0), "e_limit") > 200);
	cJSON_Delete(lines);
}

static void test_harm_stays(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		JUDGE(f, "1000,1,1000,50\n1000,50,1000,1\n1000,50,1000,0\n", "--phi", "1"), 6);
	cJSON *lines = world_lines(f->p.out.text);
	for (int i = 0; i < 3; i++)
		assert_string_equal(world_word(cJSON_GetArrayItem(lines, i), "word"), "HARM");
	cJSON_Delete(lines);
}

static void test_what_is_beyond_a_number(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(
		JUDGE(f,
			"{\"n1\":4503599627370496,\"x1\":2251799813685248,\"n2\":4503599627370496,"
			"\"x2\":2251799813685248}\n"),
		0);
	assert_says(f, "\"e_harm\":0,\"e_safe\":1e300,");
}

static void test_no_lines_are_no_verdict(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(JUDGE(f, ""), 3);
	assert_says(f, "no interval came in");
	assert_int_equal(JUDGE(f, "n1,x1,n2,x2\n", "--quiet"), 3);
	assert_int_equal(f->p.out.len, 0);
	assert_int_equal(run(f, ARGS("judge")), 3); /* standard input is empty */
	assert_int_equal(run(f, ARGS("judge", "-")), 3);
	assert_int_equal(JUDGE(f, "900,1,0,0\n"), 3);
	assert_says(f, "\"word\":\"NO DATA\"");
	assert_says(f, "\"ratio\":[0,null,null],\"eta_looks\":null}");
}

static void test_bad_input_is_2_with_its_place(void **state)
{
	struct fixture *f = *state;
	char place[WORLD_PATH + 32];
	assert_int_equal(JUDGE(f, "900,1,100,0\n900,1,100,101"), 2);
	snprintf(place, sizeof place, "W175 %s:2:11: x2 is 101", f->counts);
	assert_says(f, place);
	assert_says(f, "{\"look\":1,"); /* what came before it was good */
	assert_int_equal(run(f, ARGS("judge", "/nonexistent/counts")), 1);
	assert_says(f, "W004");
	static const char *const bad[][2] = {{"--alpha", "0"}, {"--alpha", "0.6"}, {"--alpha", "x"},
		{"--beta", "nan"}, {"--tolerance", "11"}, {"--margin", "10%"}, {"--margin", "31"},
		{"--limit", "0"}, {"--limit", "1"}, {"--limit", "-1"}, {"--phi", "0.5"},
		{"--phi", "inf"}, {"--phi", "none"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(JUDGE(f, worked, bad[i][0], bad[i][1]), 2);
		assert_says(f, "W001");
		assert_says(f, bad[i][0]);
		assert_int_equal(f->p.out.len, 0);
	}
}

/* ---- streams ---- */

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void wait_out(struct fixture *f, const char *text)
{
	if (!process_wait_out(&f->p, text, DEADLINE_MS))
		fail_msg("'%s' did not come: %s %s", text, f->p.out.text, f->p.err.text);
}

/* Starts over a pipe with a name; its end for writing. */
static int start_over_a_pipe(struct fixture *f)
{
	assert_int_equal(mkfifo(f->counts, 0600), 0);
	int fd = open(f->counts, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	world_start(&f->w, &f->p, NULL, ARGS("judge", f->counts, "--phi", "1"));
	return fd;
}

static void test_each_line_is_out_before_the_next(void **state)
{
	struct fixture *f = *state;
	int fd = start_over_a_pipe(f);
	put(fd, "n1,x1,n2,x2\n900,1,100,0\n890,2,");
	wait_out(f, "{\"look\":1,");
	put(fd, "110,1\n");
	wait_out(f, "{\"look\":2,");
	put(fd, "{\"n1\":880,\"x1\":1,\"n2\":120,\"x2\":3}\n910,0,90,2\n");
	wait_out(f, "{\"look\":4,\"word\":\"HARM\"");
	close(fd); /* the writer goes */
	assert_int_equal(process_wait(&f->p, DEADLINE_MS), 6);
}

static void test_an_interrupt_ends_it(void **state)
{
	struct fixture *f = *state;
	int fd = start_over_a_pipe(f);
	put(fd, "900,1,100,0\n");
	wait_out(f, "{\"look\":1,");
	process_signal(&f->p, SIGINT);
	assert_int_equal(process_wait(&f->p, DEADLINE_MS), 3);
	close(fd);
}

static void test_nobody_reads_it(void **state)
{
	struct fixture *f = *state;
	world_write(f->counts, worked);
	assert_true(process_start_mute(
		&f->p, ARGS(world_weir(), "judge", f->counts), (const char *const[]){NULL}));
	assert_int_equal(process_wait(&f->p, DEADLINE_MS), 1);
	assert_says(f, "standard output cannot be written");
}

/* ---- check and plan ---- */

static void test_doubts_of_a_configuration(void **state)
{
	struct fixture *f = *state;
	world_config(&f->w, f->w.target,
		"    plan: {steps: [1%, 10%]}\n    guards: {error_rate_threshold: 1, action: warn}\n"
		"    judge: {alpha: 0.5%, metrics: [errors]}\n");
	assert_int_equal(WEIR(f, "check"), 0);
	assert_says(f, "checkout: guards.error_rate_threshold: no error rate is above 1");
	assert_int_equal(WEIR(f, "check", "--strict"), 1);
	assert_int_equal(WEIR(f, "check", "--rps", "20", "--error-rate", "0.1%"), 0);
	assert_says(f, "checkout: plan.bake: at 1 % of 20 rps a v2 that fails twice as often");
	assert_int_equal(WEIR(f, "check", "--rps", "0"), 2);
	assert_int_equal(WEIR(f, "check", "--json"), 0);
	cJSON *json = cJSON_Parse(f->p.out.text);
	assert_non_null(json);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "doubts")), 2);
	const cJSON *pool = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "pools"), 0);
	assert_near(real_of(cJSON_GetObjectItem(pool, "judge"), "alpha"), 0.005, 1e-12);
	cJSON_Delete(json);
	world_config(&f->w, f->w.target, "    env: prod\n");
	assert_int_equal(WEIR(f, "check", "--strict"), 0);
}

static const cJSON *step_of(const cJSON *json, int i)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItem(json, "steps"), i);
}

static void test_a_plan_says_when_it_would_know(void **state)
{
	struct fixture *f = *state;
	world_config(&f->w, f->w.target, "    judge: {margin: 300%, metrics: [errors]}\n");
	world_write(f->plan, "steps: [1%, 50%, 100%]\nbake: 10m\n");
	assert_int_equal(WEIR(f, "plan", f->plan), 0);
	assert_null(strstr(f->p.out.text, "HARM after"));
	assert_int_equal(WEIR(f, "plan", f->plan, "--rps", "20", "--error-rate", "0.1%"), 0);
	assert_says(f, "twice as bad: HARM after ");
	assert_int_equal(
		WEIR(f, "plan", f->plan, "--rps", "20", "--error-rate", "0.1%", "--json"), 0);
	cJSON *json = cJSON_Parse(f->p.out.text);
	int64_t safe_ms = world_number(step_of(json, 0), "safe_ms");
	assert_true(world_number(step_of(json, 0), "harm_ms") > 3600 * 1000);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(step_of(json, 2), "harm_ms")));
	cJSON_Delete(json);
	/* a pool whose margin is wider knows sooner */
	assert_int_equal(WEIR(f, "plan", f->plan, "--rps", "20", "--error-rate", "0.1%", "--pool",
						 "checkout", "--json"),
		0);
	json = cJSON_Parse(f->p.out.text);
	assert_true(world_number(step_of(json, 0), "safe_ms") < safe_ms);
	cJSON_Delete(json);
	assert_int_equal(WEIR(f, "plan", f->plan, "--pool", "other"), 2);
	assert_says(f, "no pool 'other'");
}

/* Nobody says the rates: the history has them. */
static void test_rates_of_the_last_day(void **state)
{
	struct fixture *f = *state;
	char scenario[WORLD_PATH];
	world_path(&f->w, scenario, "scenario.yaml");
	world_write(scenario,
		"rate: 500\nsessions: 50\nsession_requests: 5\nunit: 100ms\n"
		"operations: [{name: echo, work: 10us}]\n"
		"phases: [{at: 0s, arm: v1, error_rate: 5%}]\n");
	world_pool(&f->w, false, ARGS("--scenario", scenario));
	world_config(&f->w, f->w.target, "    interval: 100ms\n    plan: {steps: [1bp, 10%]}\n");
	assert_int_equal(WEIR(f, "record", "checkout", "--for", "2s"), 0);
	world_write(f->plan, "steps: [10%]\n");
	assert_int_equal(WEIR(f, "plan", f->plan, "--pool", "checkout"), 0);
	assert_says(f, "twice as bad: HARM after ");
	assert_int_equal(WEIR(f, "check"), 0);
	assert_says(f, "sessions/s a v2 that fails twice as often is found after");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_worked_example, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_safe_by_a_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_harm_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_beyond_a_number, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_lines_are_no_verdict, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_input_is_2_with_its_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_each_line_is_out_before_the_next, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_interrupt_ends_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_reads_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_doubts_of_a_configuration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_plan_says_when_it_would_know, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rates_of_the_last_day, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
