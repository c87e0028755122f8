/* Config: where its file is found, and files beside it: a plan, a scenario. */
#include "tests/unit/tui/config_bed.h"

/* ---- plan and scenario files ---- */

static void test_plan_file(void **state)
{
	(void)state;
	static const char text[] = "steps:\n- 0.5% for 1h30m\n- 2500bp\nbake: 30s\npolicy: demo\n"
							   "on_reload: put_back\non_orphan: hold\nmax_delta: 25%\n";
	struct plan plan;
	struct err err = {0};
	assert_int_equal(config_parse_plan(&plan, text, strlen(text), "p", NULL, &err), 0);
	assert_int_equal(plan.step_count, 2);
	assert_int_equal(plan.steps[0].share_bp, 50);
	assert_int_equal(plan.steps[0].for_ms, 5400000);
	assert_int_equal(plan.steps[1].share_bp, 2500);
	assert_int_equal(plan.bake_ms, 30000);
	assert_string_equal(plan.policy.name, "demo");
	assert_int_equal(plan.on_orphan, ORPHAN_HOLD);
	assert_string_equal(plan.on_reload, "put_back");
	assert_int_equal(plan.max_delta_bp, 2500);
	assert_wrong(FILE_PLAN, "", 1, "\"steps\" is missing in the plan");
	assert_wrong(FILE_PLAN, "steps: []", 8, "has 0 items: it must have 1 to 32");
	assert_wrong(FILE_PLAN, "steps: [0%]", 1, "");
	assert_wrong(FILE_PLAN, "steps: [1%, 60%]", 1, "");
	assert_wrong(FILE_PLAN, "max_delta: 5%, steps: [1%]", 0, "");
	assert_wrong(FILE_PLAN, "steps: [1%]\nhours: Mon 9:00-16:00", 0,
		"2:12: \"hours\": at \"9:00-16:00\" expected a time");
	assert_wrong(FILE_PLAN, "steps: [1%]\nhours: 'Mon-Fro 09:00-16:00'", 0,
		"2:13: \"hours\": at \"Fro\"");
	assert_wrong(FILE_PLAN, "steps: [1%]\nhours: 09:00-16:00 Europe/Wien", 0,
		"2:8: there is no time zone \"Europe/Wien\"");
	assert_wrong(FILE_PLAN, "steps: [1%]\nzone: ../../../etc/passwd", 0,
		"2:7: \"../../../etc/passwd\" is no name");
	assert_wrong(
		FILE_PLAN, "steps: [1%]\nzone: Europe", 0, "2:7: cannot read the time zone \"Europe\"");
	assert_wrong(FILE_PLAN, "steps: [1%]\nzone: zone.tab", 0,
		"2:7: time zone \"zone.tab\": its file is none");
	assert_wrong(FILE_PLAN, "steps: [1%]\nzone: UTC\nhours: 09:00-16:00 Asia/Kolkata", 0,
		"2:7: \"zone\" is \"UTC\", and the hours are of");
	assert_wrong(
		FILE_PLAN, "steps: [1%]\nfreeze: 2026-12-20..2026-12-21", 0, "2:9: \"freeze\" is");
	assert_wrong(FILE_PLAN, "steps: [1%]\nfreeze: [2026-12-20..2026-12-32 x]", 0,
		"2:22: a freeze: at \"2026-12-32\" expected a date");
	assert_wrong(FILE_PLAN, "steps: [1%]\nfreeze: [[]]", 0, "2:10: ");
	assert_accepted(FILE_PLAN,
		"steps: [1%]\nzone: Asia/Kolkata\nhours: 09:00-16:00 Asia/Kolkata\nfreeze: [2026-12-20..2026-12-21 x]");
	assert_int_equal(config_parse_plan(&plan, "steps: [60%]", 12, "p", NULL, &err), -1);
	assert_int_equal(plan.step_count, 0);
}

static void test_most_steps(void **state)
{
	(void)state;
	struct text text = {0};
	text_add(&text, "steps: [");
	for (int i = 1; i <= PLAN_STEPS_MAX; i++)
		text_addf(&text, "%s%d%%", i > 1 ? ", " : "", i);
	struct text more = {0};
	text_addf(&more, "%s, 33%%]", text_str(&text));
	text_add(&text, "]");
	assert_accepted(FILE_PLAN, text_str(&text));
	assert_wrong(FILE_PLAN, text_str(&more), 8, "has 33 items: it must have 1 to 32");
	text_free(&text);
	text_free(&more);
}

static void test_scenario_file(void **state)
{
	(void)state;
	static const char text[] =
		"name: broken\nrate: 200.5\nsessions: 500\nseed: 42\nunit: 20s\nv1_slow_factor: 1.2\n"
		"operations:\n"
		"  - {name: echo, weight: 3, work: 250us}\n"
		"  - {name: predict, work: 2ms}\n"
		"phases:\n"
		"  - {at: 2m, arm: v2, error_rate: 60%, operation: predict}\n"
		"  - {at: 1m, arm: v1, error_rate: 0.25, slow_factor: 2, latency_add: 5ms, hang: "
		"true}\n"
		"  - {at: 5m, arm: v2}\n";
	struct scenario s;
	struct err err = {0};
	if (config_parse_scenario(&s, text, strlen(text), "s", &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(s.name, "broken");
	assert_true(s.rate == 200.5);
	assert_int_equal(s.sessions, 500);
	assert_int_equal(s.seed, 42);
	assert_int_equal(s.unit_ms, 20000);
	assert_true(s.v1_slow_factor == 1.2);
	assert_int_equal(s.operation_count, 2);
	assert_string_equal(s.operations[0].name, "echo");
	assert_true(s.operations[0].weight == 3);
	assert_int_equal(s.operations[0].work_us, 250);
	assert_true(s.operations[1].weight == 1);
	assert_int_equal(s.operations[1].work_us, 2000);
	assert_int_equal(s.phase_count, 3);
	assert_int_equal(s.phases[0].at_ms, 120000);
	assert_int_equal(s.phases[0].arm, ARM_V2);
	assert_true(s.phases[0].fault.error_rate == 0.6);
	assert_string_equal(s.phases[0].fault.operation, "predict");
	assert_false(s.phases[0].fault.hang);
	assert_int_equal(s.phases[1].arm, ARM_V1);
	assert_true(s.phases[1].fault.error_rate == 0.25);
	assert_true(s.phases[1].fault.slow_factor == 2);
	assert_int_equal(s.phases[1].fault.latency_add_us, 5000);
	assert_true(s.phases[1].fault.hang);
	assert_true(s.phases[2].fault.error_rate == 0);
	assert_wrong(FILE_SCENARIO, "rate: 5", 1, "\"operations\" is missing in the scenario");
	assert_wrong(FILE_SCENARIO, "{rate: 5, operations: [{name: a}, {name: a}]}", 42,
		"operation \"a\" is there twice");
	assert_wrong(FILE_SCENARIO,
		"{rate: 5, operations: [{name: echo}], phases: [{at: 1s, arm: v2, operation: ecko}]}",
		77, "operation \"ecko\" is none of the scenario's: did you mean \"echo\"?");
	assert_wrong(FILE_SCENARIO, "{rate: 0, phases: [{at: 1s, arm: v2}, {at: 1s, arm: v2}]}", 44,
		"the phase of v2 before this one is not earlier");
	assert_accepted(FILE_SCENARIO, "{rate: 0, phases: [{at: 1s, arm: v2}, {at: 1s, arm: v1}]}");
	assert_wrong(
		FILE_SCENARIO, "{rate: 0, phases: [{at: 1s, arm: v3}]}", 34, "write one of v1, v2");
	assert_wrong(FILE_SCENARIO,
		"{rate: 0, phases: [{at: 1s, arm: v2, error_rate: 2, lies: true}]}", 50,
		"it must be from 0 to 1");
	assert_int_equal(config_parse_scenario(&s, "rate: x", 7, "s", &err), -1);
	assert_int_equal(s.operation_count, 0);
}

static void test_scenario_of_every_kind(void **state)
{
	(void)state;
	static const char text[] =
		"rate: 5\nsessions: 9\nsession_requests: 12.5\nkeys: 1000\nkey_skew: 1.5\n"
		"v2_slow_factor: 0.5\nv1_workers: 2\nv2_workers: 4\nqueue: 16\ntimeout: 250ms\n"
		"strategy: primary_with_fallback\noperations: [{name: echo}]\n"
		"arrivals:\n"
		"  - {at: 0s, rate: 0}\n"
		"  - {at: 10s, rate: 200, over: 5s}\n"
		"  - {at: 15s, rate: 100, swing: 80%, period: 1h}\n"
		"phases:\n"
		"  - {at: 1s, arm: v2, crash_rate: 5%, leak: 16KiB, stall: true, lies: true}\n"
		"node:\n"
		"  - {at: 1m, clock_behind: 2h}\n"
		"  - {at: 2m, restart: true, clock_ahead: 5s}\n";
	struct scenario s;
	struct err err = {0};
	if (config_parse_scenario(&s, text, strlen(text), "s", &err) != 0)
		fail_msg("%s", err.text);
	assert_true(s.session_requests == 12.5 && s.key_skew == 1.5 && s.v2_slow_factor == 0.5);
	assert_int_equal(s.keys, 1000);
	assert_int_equal(s.v1_workers, 2);
	assert_int_equal(s.v2_workers, 4);
	assert_int_equal(s.queue_max, 16);
	assert_int_equal(s.timeout_ms, 250);
	assert_string_equal(s.strategy, "primary_with_fallback");
	assert_int_equal(s.level_count, 3);
	assert_int_equal(s.levels[1].at_ms, 10000);
	assert_int_equal(s.levels[1].over_ms, 5000);
	assert_true(s.levels[1].rate == 200 && s.levels[2].swing == 0.8);
	assert_int_equal(s.levels[2].period_ms, 3600000);
	const struct fault *f = &s.phases[0].fault;
	assert_true(f->crash_rate == 0.05 && f->stall && f->lies && !f->hang);
	assert_int_equal(f->leak_bytes, 16384);
	assert_int_equal(s.event_count, 2);
	assert_int_equal(s.events[0].clock_behind_ms, 7200000);
	assert_true(!s.events[0].restart && s.events[1].restart);
	assert_int_equal(s.events[1].clock_ahead_ms, 5000);

	/* What nobody asks for is as it was before there was any of it. */
	assert_int_equal(config_parse_scenario(&s, "rate: 0", 7, "s", &err), 0);
	assert_true(s.session_requests == 0 && s.keys == 0 && s.v2_slow_factor == 1);
	assert_int_equal(
		s.v1_workers + s.v2_workers + s.queue_max + s.timeout_ms + s.level_count, 0);
	assert_string_equal(s.strategy, "canary");
}

static void test_scenario_that_is_wrong_as_a_whole(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t column;
		const char *says;
	} wrong[] = {
		{"{rate: 0, arrivals: [{at: 0s, rate: 1}]}", 1, "\"operations\" is missing"},
		{"{rate: 0, arrivals: [{at: 2s, rate: 0}, {at: 2s, rate: 0}]}", 46,
			"the level before this one is not earlier"},
		{"{rate: 0, arrivals: [{at: 2s, rate: 0, over: 2s}, {at: 3s, rate: 0}]}", 46,
			"not there yet when the next level begins"},
		{"{rate: 0, node: [{at: 2s}, {at: 1s}]}", 33,
			"the event before this one is not earlier"},
		{"{rate: 0, node: [{at: 2s, clock_ahead: 1s, clock_behind: 1s}]}", 58,
			"ahead and behind"},
		{"{rate: 1, operations: [{name: echo}], "
		 "phases: [{at: 1s, arm: v2, operation: echo, leak: 1B}]}",
			89, "\"leak\" is of the whole side: take \"operation\" out"},
		{"{rate: 1, operations: [{name: echo}], "
		 "phases: [{at: 1s, arm: v2, operation: echo, stall: true}]}",
			90, "\"stall\" is of the whole side"},
		{"{rate: 1, operations: [{name: echo}], "
		 "phases: [{at: 1s, arm: v2, operation: echo, lies: true}]}",
			89, "\"lies\" is of the whole side"},
		{"{rate: 0, strategy: shadow}", 21, "write one of canary, primary_with_fallback"},
		{"{rate: 0, node: [{at: 1s, restarts: true}]}", 27, "did you mean \"restart\"?"},
		{"{rate: 0, fallback: true}", 11, "unknown key \"fallback\" in the scenario"},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_wrong(FILE_SCENARIO, wrong[i].text, wrong[i].column, wrong[i].says);
	assert_accepted(
		FILE_SCENARIO, "{rate: 0, arrivals: [{at: 2s, rate: 0, over: 1s}, {at: 3s, rate: 0}]}");
	assert_accepted(
		FILE_SCENARIO, "{rate: 0, node: [{at: 1s, clock_ahead: 1s, clock_behind: 0}]}");
}

/* ---- finding the file ---- */

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int make_place(void **state)
{
	static struct place place;
	const char *base = getenv("TMPDIR");
	snprintf(place.dir, sizeof(place.dir), "%.200s/weir-config-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(place.dir))
		return -1;
	char sub[300];
	snprintf(sub, sizeof(sub), "%s/weir", place.dir);
	snprintf(place.config, sizeof(place.config), "%s/weir.yaml", sub);
	*state = &place;
	return mkdir(sub, 0700);
}

static int remove_place(void **state)
{
	struct place *place = *state;
	char sub[300];
	snprintf(sub, sizeof(sub), "%s/weir", place->dir);
	unlink(place->config);
	rmdir(sub);
	return rmdir(place->dir);
}

static void test_default_places(void **state)
{
	struct place *place = *state;
	struct config c;
	struct err err = {0};
	write_file(place->config, "theme: mine\n");
	setenv("XDG_CONFIG_HOME", place->dir, 1);
	assert_int_equal(config_load(&c, NULL, &err), 0);
	assert_string_equal(c.theme, "mine");
	assert_string_equal(c.path, place->config);
	config_free(&c);

	char home[300], below[400];
	snprintf(home, sizeof(home), "%s/.config", place->dir);
	snprintf(below, sizeof(below), "%s/weir", home);
	assert_int_equal(symlink(place->dir, home), 0);
	setenv("HOME", place->dir, 1);
	const char *ignored[] = {NULL, "", "relative/path"};
	for (size_t i = 0; i < 3; i++) {
		if (ignored[i])
			setenv("XDG_CONFIG_HOME", ignored[i], 1);
		else
			unsetenv("XDG_CONFIG_HOME");
		assert_int_equal(config_load(&c, NULL, &err), 0);
		assert_string_equal(c.theme, "mine");
		config_free(&c);
	}
	assert_int_equal(unlink(home), 0);

	write_file(place->config, "theme: a b\n");
	setenv("XDG_CONFIG_HOME", place->dir, 1);
	assert_int_equal(config_load(&c, NULL, &err), -1);
	char expected[400];
	snprintf(expected, sizeof(expected), "%s:1:8: ", place->config);
	assert_int_equal(strncmp(err.text, expected, strlen(expected)), 0);
	assert_null(c.path);
}

/* What is there and cannot be read is never taken for nothing. */
static void test_unreadable_default(void **state)
{
	struct place *place = *state;
	struct config c;
	struct err err = {0};
	setenv("XDG_CONFIG_HOME", place->dir, 1);
	assert_int_equal(mkdir(place->config, 0700), 0);
	assert_int_equal(config_load(&c, NULL, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, place->config));
	assert_int_equal(rmdir(place->config), 0);
}

static void test_no_file(void **state)
{
	struct place *place = *state;
	struct config c;
	struct err err = {0};
	setenv("XDG_CONFIG_HOME", place->dir, 1);
	if (access("/etc/weir/weir.yaml", F_OK) == 0)
		skip();
	assert_int_equal(config_load(&c, NULL, &err), 0);
	assert_null(c.path);
	assert_int_equal(c.pool_count, 0);
	config_free(&c);
}

static void test_named_file(void **state)
{
	struct place *place = *state;
	struct config c;
	struct err err = {0};
	assert_int_equal(config_load(&c, place->config, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_string_equal(err_name(err.code), "W002");
	assert_non_null(strstr(err.text, place->config));
	assert_int_equal(config_load(&c, place->dir, &err), -1);
	assert_non_null(strstr(err.text, place->dir));
	write_file(place->config, whole_example);
	assert_int_equal(config_load(&c, place->config, &err), 0);
	assert_string_equal(c.path, place->config);
	assert_int_equal(c.pool_count, 1);
	config_free(&c);

	FILE *file = fopen(place->config, "w");
	assert_non_null(file);
	for (int i = 0; i <= 1 << 20; i++)
		fputc('\n', file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(config_load(&c, place->config, &err), -1);
	assert_non_null(strstr(err.text, ":1:1: longer than 1 MiB"));
}

static void test_other_files(void **state)
{
	struct place *place = *state;
	struct plan plan;
	struct scenario scenario;
	struct err err = {0};
	assert_int_equal(config_load_plan(&plan, place->config, NULL, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "cannot read the plan"));
	assert_non_null(strstr(err.text, place->config));
	assert_int_equal(plan.step_count, 0);
	assert_int_equal(config_load_scenario(&scenario, place->dir, &err), -1);
	assert_non_null(strstr(err.text, "cannot read the scenario"));
	write_file(place->config, "steps: [5%]\n");
	assert_int_equal(config_load_plan(&plan, place->config, NULL, &err), 0);
	assert_int_equal(plan.steps[0].share_bp, 500);
	assert_int_equal(config_load_scenario(&scenario, place->config, &err), -1);
	assert_non_null(strstr(err.text, "unknown key \"steps\" in the scenario"));
	write_file(place->config, "rate: 0\n");
	assert_int_equal(config_load_scenario(&scenario, place->config, &err), 0);
	assert_string_equal(scenario.name, "scenario");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan_file),
		cmocka_unit_test(test_most_steps),
		cmocka_unit_test(test_scenario_file),
		cmocka_unit_test(test_scenario_of_every_kind),
		cmocka_unit_test(test_scenario_that_is_wrong_as_a_whole),
		cmocka_unit_test_setup_teardown(test_default_places, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_unreadable_default, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_no_file, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_named_file, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_other_files, make_place, remove_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
