/* Scenario from a recording: its rates, errors and pace are those that were recorded, chance makes no
 * level and no fault, and what is written is read back the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/recording.h"
#include "tui/config.h"
#include "tui/scenario_from.h"

#include <dirent.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECONDS 300
#define BROKEN 200
#define NEAR(a, b, part) assert_true(fabs((a) - (b)) <= (part) * (b))

static char dir[128], path[160], keys[160];
static struct recording_second seconds[SECONDS];
static struct scenario s;
static struct err err;
static char note[SCENARIO_NOTE_MAX];

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");
	(void)state;
	snprintf(dir, sizeof dir, "%.64s/weir-from-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/night.db", dir);
	snprintf(keys, sizeof keys, "%s/keys", dir);
	recording_quiet(seconds, SECONDS, 60);
	return 0;
}

static void remove_files(const char *name)
{
	DIR *d = opendir(name);
	char each[600];
	for (struct dirent *e; d && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(each, sizeof each, "%.300s/%.250s", name, e->d_name);
		if (unlink(each) < 0)
			remove_files(each);
	}
	if (d)
		closedir(d);
	rmdir(name);
}

static int tear_down(void **state)
{
	(void)state;
	remove_files(dir);
	return 0;
}

static void make(const char *pool, bool faults)
{
	const struct scenario_source source = {.path = path, .pool = pool, .faults = faults};
	recording_make(path, keys, 1, seconds, SECONDS);
	if (scenario_from(&s, note, &source, &err) < 0)
		fail_msg("%s", err.text);
}

static void a_quiet_one_is_quiet(void **state)
{
	(void)state;
	make(NULL, true);
	assert_string_equal(s.name, "checkout");
	NEAR(s.rate, 100.0, 0.02);
	assert_int_equal(s.level_count, 0);
	assert_int_equal(s.phase_count, 2);
	NEAR(s.phases[0].fault.error_rate, 0.001, 0.2);
	assert_true(s.phases[1].fault.error_rate == s.phases[0].fault.error_rate);
	assert_true(s.v2_slow_factor == 1);
	NEAR((double)s.operations[0].work_us, 1000.0, 0.02);
	NEAR((double)s.for_ms, SECONDS * 1000.0, 0.02);
	for (int64_t ms = 0; ms < s.for_ms; ms += 1000)
		assert_false(scenario_is_worse(&s, SHARE_FULL, ms));
	assert_string_equal(
		note, "the recording does not tell operations: all work is one kind of call");
}

/* Documents tell what each operation did; the last part of a recording is behind the last of them. */
static void the_mix_is_that_of_then(void **state)
{
	struct text t = {0};
	(void)state;
	for (size_t i = 0; i < SECONDS; i++)
		seconds[i].predicts = 40;
	make(NULL, true);
	assert_int_equal(s.operation_count, 3);
	assert_string_equal(s.operations[0].name, "sleep"); /* which stands for what it does not know */
	assert_string_equal(s.operations[1].name, "predict");
	NEAR(s.operations[0].weight, 98 * 0.6, 0.03);
	NEAR(s.operations[1].weight, 98 * 0.4, 0.03);
	assert_string_equal(s.operations[2].name, "spin");
	assert_string_equal(
		note, "operations as recorded: embed 60 % (played as sleep), predict 40 %");
	scenario_write(&t, &s, note);
	assert_non_null(strstr(text_str(&t), "# operations as recorded: embed 60 %"));
	text_free(&t);
}

/* A fault of one operation is a fault of that one again. */
static void what_failed_in_one_operation_fails_in_it(void **state)
{
	struct text t = {0};
	struct scenario read;
	(void)state;
	for (size_t i = 0; i < SECONDS; i++) {
		seconds[i].predicts = 40;
		seconds[i].failed[ARM_V2] = i >= 90 ? 2 : 0; /* long before the last document */
	}
	make(NULL, true);
	struct fault f = scenario_fault(&s, ARM_V2, (SECONDS - 10) * 1000);
	assert_string_equal(f.operation, "predict");
	NEAR(f.error_rate, 0.5, 0.1); /* 2 of the 4 in a hundred that v2 got of 10 */
	assert_string_equal(scenario_fault(&s, ARM_V2, 1000).operation, "");
	scenario_write(&t, &s, note);
	if (config_parse_scenario(&read, text_str(&t), t.len, "f", &err) < 0)
		fail_msg("%s\n%s", err.text, text_str(&t));
	assert_string_equal(
		scenario_fault(&read, ARM_V2, (SECONDS - 10) * 1000).operation, "predict");
	text_free(&t);
	make(NULL, false);
	assert_string_equal(scenario_fault(&s, ARM_V2, (SECONDS - 10) * 1000).operation, "");
}

static void a_bad_v2_is_bad_again(void **state)
{
	(void)state;
	for (size_t i = BROKEN; i < SECONDS; i++) {
		seconds[i].failed[ARM_V2] = 5;
		seconds[i].each_us[ARM_V2] = 1000;
	}
	make("checkout", true);
	assert_false(scenario_is_worse(&s, 1000, (BROKEN - 20) * 1000));
	assert_true(scenario_is_worse(&s, 1000, (BROKEN + 20) * 1000));
	NEAR(scenario_fault(&s, ARM_V2, (SECONDS - 10) * 1000).error_rate, 0.5, 0.1);
	make("checkout", false);
	assert_false(scenario_is_worse(&s, 1000, (BROKEN + 20) * 1000));
}

static void load_and_pace_are_those_of_then(void **state)
{
	(void)state;
	for (size_t i = 0; i < SECONDS; i++) {
		seconds[i].each_us[ARM_V2] = 4000;
		if (i < 150)
			continue;
		seconds[i].done[ARM_V1] = 270;
		seconds[i].done[ARM_V2] = 30;
	}
	make(NULL, true);
	NEAR(scenario_rate(&s, 60000), 100.0, 0.03);
	NEAR(scenario_rate(&s, 250000), 300.0, 0.03);
	NEAR(s.v2_slow_factor, 4.0, 0.05);
	assert_true(scenario_is_worse(&s, 1000, 100000));
}

static void what_is_written_is_read_back(void **state)
{
	struct text t = {0}, again = {0};
	struct scenario read;
	(void)state;
	for (size_t i = BROKEN; i < SECONDS; i++) {
		seconds[i].failed[ARM_V2] = 5;
		seconds[i].done[ARM_V1] = 400;
	}
	make(NULL, true);
	assert_true(s.level_count > 0 && s.phase_count > 2);
	scenario_write(&t, &s, note);
	if (config_parse_scenario(&read, text_str(&t), t.len, "f", &err) < 0)
		fail_msg("%s\n%s", err.text, text_str(&t));
	scenario_write(&again, &read, note);
	assert_string_equal(text_str(&t), text_str(&again));
	text_free(&t);
	text_free(&again);
}

static void name_pool(const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A pool may have any name; a file of a scenario must be read back. */
static void any_name_is_written(void **state)
{
	struct text t = {0};
	struct scenario read;
	(void)state;
	recording_make(path, keys, 1, seconds, SECONDS);
	name_pool(
		"INSERT INTO pool SELECT '-a \"b\": # {c}\\', pool_id, first_seen_ms, last_seen_ms "
		"FROM pool");
	const struct scenario_source source = {
		.path = path, .pool = "-a \"b\": # {c}\\", .faults = true};
	if (scenario_from(&s, note, &source, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(s.name, "xa--b-:----c--");
	scenario_write(&t, &s, note);
	if (config_parse_scenario(&read, text_str(&t), t.len, "f", &err) < 0)
		fail_msg("%s\n%s", err.text, text_str(&t));
	assert_string_equal(read.name, s.name);
	text_free(&t);
}

/* Counters as large as they can be, of thousands of processes, add up to a number still. */
static void no_count_wraps(void **state)
{
	(void)state;
	recording_make(path, keys, 1, seconds, SECONDS);
	name_pool(
		"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5000),"
		" e AS (SELECT * FROM event WHERE kind = 'state' LIMIT 1)"
		" INSERT INTO event SELECT 1000000 + i, e.at_ms + i, e.pool, 'other', e.recording,"
		" e.tick, e.kind, e.text, json_object('boot_id', 'b-' || (i / 2), 'work',"
		" json_array(json_array('v2', 'pay', (i % 2) << 53, (i % 2) << 53, (i % 2) << 53))),"
		" e.key, e.hash, e.signature FROM e, n");
	const struct scenario_source source = {.path = path, .faults = true};
	if (scenario_from(&s, note, &source, &err) < 0)
		fail_msg("%s", err.text);
	assert_non_null(strstr(note, "pay 100 %"));
	for (int i = 0; i < s.operation_count; i++)
		assert_true(s.operations[i].weight >= 0 && s.operations[i].weight <= 100);
}

static void what_is_no_recording(void **state)
{
	const struct scenario_source none = {.path = "/nowhere/night.db"},
								 other = {.path = path, .pool = "search"};
	(void)state;
	assert_int_equal(scenario_from(&s, note, &none, &err), -1);
	recording_make(path, keys, 1, seconds, 0);
	assert_int_equal(scenario_from(&s, note, &(struct scenario_source){.path = path}, &err), -1);
	assert_int_equal(scenario_from(&s, note, &other, &err), -1);
	assert_non_null(strstr(err.text, "has no pool search"));
	FILE *f = fopen(path, "w");
	fputs("not a history", f);
	fclose(f);
	assert_int_equal(scenario_from(&s, note, &other, &err), -1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(a_quiet_one_is_quiet),
		T(the_mix_is_that_of_then),
		T(what_failed_in_one_operation_fails_in_it),
		T(a_bad_v2_is_bad_again),
		T(load_and_pace_are_those_of_then),
		T(what_is_written_is_read_back),
		T(any_name_is_written),
		T(no_count_wraps),
		T(what_is_no_recording),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
