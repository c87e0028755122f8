/* What `weir judge` takes: lines of counts good and bad, numbers of the command line, and the
 * keys below `judge:` of a configuration. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tui/config.h"
#include "tui/config_table.h"
#include "tui/counts_in.h"
#include "tui/options.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct counts_in in;
static struct units units[ARM_COUNT];
static struct err err;
static int input[2];

static int set_up(void **state)
{
	(void)state;
	err = (struct err){0};
	return pipe(input);
}

static int tear_down(void **state)
{
	(void)state;
	close(input[0]);
	return input[1] < 0 ? 0 : close(input[1]);
}

/* The input is these bytes and then its end. */
static void given_bytes(const char *bytes, size_t len)
{
	assert_int_equal(write(input[1], bytes, len), len);
	close(input[1]);
	input[1] = -1;
	counts_in_init(&in, input[0], "f");
}

static void given(const char *text)
{
	given_bytes(text, strlen(text));
}

static int next(void)
{
	return counts_in_next(&in, units, &err);
}

static void assert_next(int64_t n1, int64_t x1, int64_t n2, int64_t x2)
{
	if (next() != 1)
		fail_msg("no line: %s", err.text);
	assert_int_equal(units[ARM_V1].n, n1);
	assert_int_equal(units[ARM_V1].bad, x1);
	assert_int_equal(units[ARM_V2].n, n2);
	assert_int_equal(units[ARM_V2].bad, x2);
}

static void test_every_form_of_a_line(void **state)
{
	(void)state;
	given("n1, x1, n2, x2\r\n"
		  "900,1,100,0\n"
		  "\n"
		  " 890 ,\t2 , 110 , 1 \r\n"
		  "{\"n1\":880,\"x1\":1,\"n2\":120,\"x2\":3}\n"
		  "  { \"x2\" : 2 , \"n2\": 90,\"x1\":0, \"n1\" :910 }  \n"
		  "0,0,0,0\n"
		  "4503599627370496,0,1,1");
	assert_next(900, 1, 100, 0);
	assert_next(890, 2, 110, 1);
	assert_next(880, 1, 120, 3);
	assert_next(910, 0, 90, 2);
	assert_next(0, 0, 0, 0);
	assert_next((int64_t)1 << 52, 0, 1, 1);
	assert_int_equal(in.line, 8);
	assert_int_equal(next(), 0);
	assert_int_equal(next(), 0);
}

static void test_nothing_is_the_end(void **state)
{
	(void)state;
	given("");
	assert_int_equal(next(), 0);
}

static void test_names_alone_are_the_end(void **state)
{
	(void)state;
	given("\n  \nn1,x1,n2,x2\n\n");
	assert_int_equal(next(), 0);
}

/* A line is given when it is there, not when the next one is. */
static void test_a_line_is_not_held_back(void **state)
{
	(void)state;
	static const char line[] = "1,0,2,1\n3,", rest[] = "3,4,0\n";
	counts_in_init(&in, input[0], "f");
	assert_int_equal(write(input[1], line, strlen(line)), strlen(line));
	assert_next(1, 0, 2, 1);
	assert_int_equal(write(input[1], rest, strlen(rest)), strlen(rest));
	assert_next(3, 3, 4, 0);
}

static void test_bad_lines_name_their_place(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"3,4,1,1", "f:1:3: x1 is 4: more than all n1 3"},
		{"1,0,2,1\n3,0,1,2\n", "f:2:7: x2 is 2: more than all n2 1"},
		{"-1,0,1,0", "f:1:1: n1 is '-1': write a whole number from 0 to 2^52"},
		{"1,-0,1,0", "f:1:3: x1 is '-0'"},
		{"nan,0,1,0", "f:1:1: n1 is 'nan'"},
		{"1,0,inf,0", "f:1:5: n2 is 'inf'"},
		{"1,0,1.5,0", "f:1:5: n2 is '1.5'"},
		{"1e3,0,1,0", "f:1:1: n1 is '1e3'"},
		{"9007199254740992,0,1,0", "f:1:1: n1 is '9007199254740992'"},
		{"4503599627370497,0,1,0", "f:1:1: n1 is '4503599627370497'"},
		{"99999999999999999999999999999999999999999999999,0,1,0", "f:1:1: n1 is '9999"},
		{"hello", "f:1:1: n1 is 'hello'"},
		{"1,0,1,0\nn1,x1,n2,x2\n", "f:2:1: n1 is 'n1'"},
		{"n1,x1,n2", "f:1:1: n1 is 'n1'"},
		{"1,0,1", "f:1:6: a comma and x2 are missing"},
		{"1", "f:1:2: a comma and x1 are missing"},
		{"1,,1,0", "f:1:3: x1 is missing"},
		{"1,0,1,", "f:1:7: x2 is missing"},
		{"1;0;1;0", "f:1:1: n1 is '1;0;1;0'"},
		{"1,0,1,0,0", "f:1:8: more than n1, x1, n2 and x2"},
		{"1 0 1 0", "f:1:3: a comma and x1 are missing"},
		{"\"1\",0,1,0", "f:1:1: n1 is '\"1\"'"},
		{"{}", "f:1:2: write {\"n1\":900"},
		{"{\"n1\":1", "f:1:8: ',' is missing"},
		{"{\"n1\":1,\"n1\":1,\"n2\":1,\"x2\":1}", "f:1:9: n1 is there twice"},
		{"{\"n1\":1,\"x1\":0,\"n2\":1,\"n3\":1}", "f:1:23: write {\"n1\":900"},
		{"{\"n1\" 1}", "f:1:7: ':' is missing"},
		{"{\"n1\":\"1\",\"x1\":0,\"n2\":1,\"x2\":1}", "f:1:7: n1 is '\"1\"'"},
		{"{\"n1\":null,\"x1\":0,\"n2\":1,\"x2\":1}", "f:1:7: n1 is 'null'"},
		{"{\"n1\":1,\"x1\":0,\"n2\":1,\"x2\":1", "f:1:29: '}' is missing"},
		{"{\"n1\":1,\"x1\":0,\"n2\":1,\"x2\":1} 2", "f:1:31: more than n1"},
		{"{\"n1\":1,\"x1\":2,\"n2\":1,\"x2\":1}", "f:1:14: x1 is 2: more than all n1 1"},
		{"[1,0,1,0]", "f:1:1: n1 is '[1'"},
		{"\xff\xfe,0,1,0", "f:1:1: n1 is '<FF><FE>'"},
		{"\x1b[2J,0,1,0", "f:1:1: n1 is '^[[2J'"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int rc;
		given(rows[i].text);
		while ((rc = next()) > 0)
			continue;
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, ERR_FIELD);
		if (strncmp(err.text, rows[i].says, strlen(rows[i].says)) != 0)
			fail_msg("\"%s\": expected %s, got %s", rows[i].text, rows[i].says, err.text);
		tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

static void test_a_nul_byte_is_no_text(void **state)
{
	(void)state;
	given_bytes("1,0,1,0\n1,0\0,1,0\n", 18);
	assert_int_equal(next(), 1);
	assert_int_equal(next(), -1);
	assert_string_equal(err.text, "f:2:4: a NUL byte: this is not text");
}

static void test_a_huge_line_is_refused_before_its_end(void **state)
{
	(void)state;
	char line[COUNTS_LINE_MAX + 2];
	memset(line, ' ', sizeof line);
	line[0] = '1';
	given_bytes(line, COUNTS_LINE_MAX);
	assert_int_equal(next(), -1);
	assert_non_null(strstr(err.text, "a comma and x1 are missing"));
	tear_down(state);
	assert_int_equal(set_up(state), 0);
	/* no end comes, and none is waited for */
	counts_in_init(&in, input[0], "f");
	assert_int_equal(write(input[1], line, sizeof line), sizeof line);
	assert_int_equal(next(), -1);
	assert_string_equal(err.text, "f:1:1025: the line is longer than 1024 bytes");
}

/* Sums of units stay numbers. */
static void test_all_units_together_are_bounded(void **state)
{
	(void)state;
	given("4503599627370496,0,4503599627370496,0\n0,0,0,0\n1,0,0,0\n");
	assert_int_equal(next(), 1);
	assert_int_equal(next(), 1);
	assert_int_equal(next(), -1);
	assert_non_null(strstr(err.text, "f:3:1: with this line there are more than 2^53 units"));
}

static void test_what_cannot_be_read_is_said(void **state)
{
	(void)state;
	int directory = open("/", O_RDONLY);
	counts_in_init(&in, directory, "f");
	assert_int_equal(next(), -1);
	close(directory);
	assert_int_equal(err.code, ERR_FILE);
	assert_non_null(strstr(err.text, "'f' cannot be read"));
}

/* ---- numbers of the command line ---- */

static void test_numbers_and_percent(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double value;
	} good[] = {{"0", 0}, {"5%", 0.05}, {"0.05", 0.05}, {"1e-6", 1e-6}, {".5", 0.5},
		{"0.1%", 0.001}, {"3", 3}, {"1E3", 1000}};
	static const char *const bad[] = {"", "%", "-1", "+1", "nan", "inf", "0x10", "5 %", " 5",
		"5%%", "1e999", "1e", ".", "1,5", "abc", "1.2.3", "--5"};
	double value;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (!options_number(good[i].text, &value))
			fail_msg("refused: %s", good[i].text);
		assert_true(fabs(value - good[i].value) < 1e-12);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (options_number(bad[i], &value))
			fail_msg("accepted: \"%s\"", bad[i]);
}

/* ---- the configuration ---- */

static int parse(struct config *c, const char *judge)
{
	char text[256];
	snprintf(
		text, sizeof text, "pools: {p: {target: 'local:', interval: 2s, judge: %s}}", judge);
	err = (struct err){0};
	return config_parse(c, text, strlen(text), "f", &err);
}

/* The tables and judge_policy_init say the same. */
static void test_what_is_left_out_is_the_default(void **state)
{
	(void)state;
	struct config c;
	struct judge_policy p;
	judge_policy_init(&p);
	assert_int_equal(parse(&c, "{}"), 0);
	assert_true(judge_policy_equals(&c.pools[0].guards.judge, &p));
	config_free(&c);
	static const char bare[] = "pools: {p: {target: 'local:'}}";
	assert_int_equal(config_parse(&c, bare, strlen(bare), "f", &err), 0);
	assert_true(judge_policy_equals(&c.pools[0].guards.judge, &p));
	config_free(&c);
}

static void test_every_key_is_taken(void **state)
{
	(void)state;
	struct config c;
	struct text json = {0};
	assert_int_equal(parse(&c,
						 "{alpha: 0.5%, beta: 0.5, tolerance: 0, margin: 300%, "
						 "metrics: [p95, errors]}"),
		0);
	const struct judge_policy *p = &c.pools[0].guards.judge;
	assert_true(judge_policy_is_sound(p));
	assert_true(p->metric[JUDGED_ERRORS] && p->metric[JUDGED_P95]);
	assert_false(p->metric[JUDGED_P50] || p->metric[JUDGED_P99]);
	config_json(&json, &c);
	assert_non_null(strstr(text_str(&json),
		"\"judge\":{\"alpha\":0.005,\"beta\":0.5,\"tolerance\":0,\"margin\":3,"
		"\"metrics\":[\"errors\",\"p95\"]}}"));
	text_free(&json);
	config_free(&c);
}

static void test_what_cannot_be_judged_by_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *judge, *says;
	} rows[] = {
		{"{alpha: 0}", "f:1:60: \"alpha\" is \"0\": it must be from 0.0001 to 0.5"},
		{"{alpha: 0.6}", "f:1:60: \"alpha\" is \"0.6\": it must be from"},
		{"{beta: 51%}", "\"beta\" is \"51%\": it must be from"},
		{"{alpha: .nan}", "write a fraction such as"},
		{"{tolerance: 11}", "\"tolerance\" is \"11\": it must be from 0 to 10"},
		{"{tolerance: -1}", "\"tolerance\" is \"-1\": it must be from 0 to 10"},
		{"{margin: 31}", "\"margin\" is \"31\": it must be from 0.0001 to 30"},
		{"{margin: 10%}", "f:1:61: the margin, 0.1, must be above the tolerance, 0.1"},
		{"{tolerance: 60%}", "f:1:64: the margin, 0.5, must be above the tolerance, 0.6"},
		{"{tolerance: 2, margin: 1}", "f:1:75: the margin, 1, must be above the tolerance, 2"},
		{"{metrics: []}", "f:1:62: \"metrics\" is empty: write a list of metrics"},
		{"{metrics: errors}", "\"metrics\" is \"errors\": write a list of metrics"},
		{"{metrics: [errors, p98]}",
			"f:1:71: \"p98\": write one of errors, p50, p95, p99; did you mean \"p95\"?"},
		{"{metrics: [memory]}", "\"memory\": write one of errors, p50, p95, p99"},
		{"{metrics: [p50, p50]}", "\"p50\" is there twice"},
		{"{metrics: [[p50]]}", "write a list of metrics"},
		{"{metrics: [~]}", "write a list of metrics"},
		{"{metric: [p50]}", "unknown key \"metric\" in the judge: did you mean \"metrics\"?"},
		{"[]", "the judge is written as keys and values, not as a list"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config c;
		assert_int_equal(parse(&c, rows[i].judge), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s: expected %s, got %s", rows[i].judge, rows[i].says, err.text);
		assert_null(c.pools);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_form_of_a_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_is_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_alone_are_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_line_is_not_held_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_lines_name_their_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_nul_byte_is_no_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_huge_line_is_refused_before_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_units_together_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_cannot_be_read_is_said, set_up, tear_down),
		cmocka_unit_test(test_numbers_and_percent),
		cmocka_unit_test(test_what_is_left_out_is_the_default),
		cmocka_unit_test(test_every_key_is_taken),
		cmocka_unit_test(test_what_cannot_be_judged_by_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
