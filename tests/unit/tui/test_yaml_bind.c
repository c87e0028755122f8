/* YAML binding: every type, range and word, nested maps and lists, on a struct of its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/err.h"
#include "tui/yaml_bind.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void read_good(struct yaml_doc *doc, const char *text)
{
	struct err err = {0};
	if (yaml_doc_read(doc, text, strlen(text), "f", &err) != 0)
		fail_msg("%s", err.text);
}

enum colour { COLOUR_RED, COLOUR_BLUE };

struct inner {
	int64_t n;
};

struct thing {
	bool flag;
	int64_t whole, span_ms, span_us, room;
	double real, part;
	int share_bp;
	char name[8], text[8], word[8];
	enum colour colour;
	struct inner inner;
	struct inner list[2];
	int list_count;
};

static const char *const colour_words[] = {"red", "blue", NULL};

static const struct yaml_row inner_rows[] = {
	{"n", YAML_TYPE_INT, .offset = offsetof(struct inner, n), .max = 9, .fallback = "7"},
};
static YAML_TABLE(inner_table, "the inner", inner_rows);

static const struct yaml_row thing_rows[] = {
	{"flag", YAML_TYPE_BOOL, .offset = offsetof(struct thing, flag)},
	{"whole", YAML_TYPE_INT, .offset = offsetof(struct thing, whole), .min = -5, .max = 1e15},
	{"span", YAML_TYPE_DURATION, .offset = offsetof(struct thing, span_ms), .min = 100,
		.max = 3600000},
	{"micros", YAML_TYPE_MICROS, .offset = offsetof(struct thing, span_us), .min = 10,
		.max = 1e6},
	{"room", YAML_TYPE_BYTES, .offset = offsetof(struct thing, room), .min = 1 << 20,
		.max = 1 << 30},
	{"real", YAML_TYPE_REAL, .offset = offsetof(struct thing, real), .min = -1e6, .max = 1e6},
	{"part", YAML_TYPE_FRACTION, .offset = offsetof(struct thing, part), .max = 1},
	{"share", YAML_TYPE_SHARE, .offset = offsetof(struct thing, share_bp), .min = 1,
		.max = 10000},
	{"name", YAML_TYPE_NAME, .offset = offsetof(struct thing, name), .min = 1, .size = 8},
	{"text", YAML_TYPE_STRING, .offset = offsetof(struct thing, text), .size = 8},
	{"word", YAML_TYPE_WORD, .offset = offsetof(struct thing, word), .size = 8,
		.words = colour_words},
	{"colour", YAML_TYPE_ENUM, .offset = offsetof(struct thing, colour), .words = colour_words},
	{"inner", YAML_TYPE_MAP, .offset = offsetof(struct thing, inner), .table = &inner_table},
	{"list", YAML_TYPE_LIST, .offset = offsetof(struct thing, list),
		.size = sizeof(struct inner), .min = 1, .max = 2, .table = &inner_table,
		.count_offset = offsetof(struct thing, list_count)},
};
static YAML_TABLE(thing_table, "a thing", thing_rows);

static int bind(const char *text, struct thing *out, struct err *err)
{
	struct yaml_doc doc;
	*out = (struct thing){0};
	*err = (struct err){0};
	read_good(&doc, text);
	int rc = yaml_bind(&doc, &doc.root, &thing_table, out, err);
	yaml_doc_free(&doc);
	return rc;
}

static struct thing bound(const char *text)
{
	struct thing out;
	struct err err;
	if (bind(text, &out, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return out;
}

static void assert_unbound(const char *text, const char *expected)
{
	struct thing out;
	struct err err;
	if (bind(text, &out, &err) == 0)
		fail_msg("accepted: %s", text);
	assert_int_equal(err.code, ERR_CONFIG);
	if (!strstr(err.text, expected))
		fail_msg("expected \"%s\", got \"%s\"", expected, err.text);
}

static void test_bool(void **state)
{
	(void)state;
	assert_true(bound("flag: true").flag);
	assert_false(bound("flag: false").flag);
	const char *bad[] = {"yes", "on", "True", "1", "maybe", "'true'", "[]", "{}", "", "~"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[32];
		snprintf(text, sizeof(text), "flag: %s", bad[i]);
		assert_unbound(text, ": write true or false");
	}
}

static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(bound("whole: 300").whole, 300);
	assert_int_equal(bound("whole: -5").whole, -5);
	assert_true(bound("real: 0.1").real == 0.1);
	assert_true(bound("real: 123456.789").real == 123456.789);
	assert_true(bound("real: -0.5").real == -0.5);
	assert_true(bound("real: 0.000001").real == 0.000001);
	assert_true(bound("real: 5").real == 5);
	assert_true(bound("part: 5%").part == 0.05);
	assert_true(bound("part: 0.05").part == 0.05);
	assert_true(bound("part: 0.1%").part == 0.001);
	assert_true(bound("part: 12.5%").part == 0.125);
	assert_true(bound("part: 100%").part == 1);
	const char *whole[] = {
		"1.5", "1e3", "0x10", "1_000", "ten", "'5'", "99999999999999999999", "+-1"};
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
		char text[48];
		snprintf(text, sizeof(text), "whole: %s", whole[i]);
		assert_unbound(text, ": write a whole number");
	}
	const char *real[] = {".nan", ".inf", "-.inf", "nan", "inf", "1e3", "0x1p3", "1,5", "1_0",
		".5", "5.", "1.2.3", "-.", "--1", "", "~", "'1'", "1234567890123456",
		"0.00000000000000001", "\xd9\xa5", "1 000", "infinity"};
	for (size_t i = 0; i < sizeof(real) / sizeof(*real); i++) {
		char text[48];
		snprintf(text, sizeof(text), "real: %s", real[i]);
		assert_unbound(text, ": write a number such as");
		snprintf(text, sizeof(text), "part: %s", real[i]);
		assert_unbound(text, ": write a fraction such as");
	}
	assert_unbound("part: 5%%", ": write a fraction");
	assert_unbound("part: 5 %", ": write a fraction");
}

static void test_ranges(void **state)
{
	(void)state;
	assert_unbound(
		"whole: -6", "f:1:8: \"whole\" is \"-6\": it must be from -5 to 1000000000000000");
	assert_unbound("span: 50ms", "f:1:7: \"span\" is \"50ms\": it must be from 100ms to 1h");
	assert_unbound("span: 61m", "it must be from 100ms to 1h");
	assert_unbound("micros: 9us", "it must be from 10us to 1s");
	assert_unbound("micros: 2s", "it must be from 10us to 1s");
	assert_unbound("room: 1B", "it must be from 1MiB to 1GiB");
	assert_unbound("room: 2GiB", "it must be from 1MiB to 1GiB");
	assert_unbound("real: 1000001", "it must be from -1000000 to 1000000");
	assert_unbound("part: 5", "it must be from 0 to 1 (1 is all; 5% is 0.05)");
	assert_unbound("part: 101%", "it must be from 0 to 1");
	assert_unbound("part: -0.1", "it must be from 0 to 1");
	assert_unbound("share: 0%", "it must be from 0.01% to 100%");
}

static void test_units(void **state)
{
	(void)state;
	assert_int_equal(bound("span: 1m30s").span_ms, 90000);
	assert_int_equal(bound("span: '100ms'").span_ms, 100);
	assert_int_equal(bound("micros: 250us").span_us, 250);
	assert_int_equal(bound("micros: 2ms").span_us, 2000);
	assert_int_equal(bound("room: 512MiB").room, 512 << 20);
	assert_int_equal(bound("share: 10%").share_bp, 1000);
	assert_int_equal(bound("share: 2500bp").share_bp, 2500);
	assert_unbound("span: 10", "f:1:7: \"span\" is \"10\": write a duration such as");
	assert_unbound("span: 1 m", "write a duration");
	assert_unbound("span: -1s", "write a duration");
	assert_unbound("micros: us", "write a short time");
	assert_unbound("micros: -1us", "write a short time");
	assert_unbound("micros: 1.5ms", "write a short time");
	assert_unbound("micros: 99999999999999999999999us", "write a short time");
	assert_unbound("room: 2GB", "write a size");
	assert_unbound("room: 5", "write a size");
	assert_unbound("share: 10", "\"share\" is \"10\": write 10%: a bare number is not a share");
	assert_unbound("share: 0.1", "write a share of v2");
	assert_unbound("share: 250", "write a share of v2");
	assert_unbound("share: 0.001%", "write a share of v2");
	assert_unbound("share: 101%", "write a share of v2");
}

static void test_strings(void **state)
{
	(void)state;
	assert_string_equal(bound("name: no").name, "no");
	assert_string_equal(bound("name: 1.0").name, "1.0");
	assert_string_equal(bound("text: ''").text, "");
	assert_string_equal(bound("text: a b c d").text, "a b c d");
	assert_string_equal(bound("text: |-\n  x").text, "x");
	assert_unbound("name: ''", "f:1:7: \"name\" is empty");
	assert_unbound("name: a b", "write a name of letters");
	assert_unbound("name: a/b", "write a name of letters");
	assert_unbound("name: ~", "\"name\" is nothing: write");
	assert_unbound("name: abcdefgh", "\"name\" has 8 bytes: at most 7 fit");
	assert_unbound("text: abcdefgh", "\"text\" has 8 bytes: at most 7 fit");
	assert_unbound("text: \"\\e[1m\"", "write text without invisible characters");
	assert_unbound("text: \"\\u202e\"", "write text without invisible characters");
	assert_unbound("text: \"a\\nb\"", "write text without invisible characters");
	assert_unbound("text:", "\"text\" is nothing: write text");
	assert_unbound("text: [a]", "\"text\" is a list: write text");
	assert_unbound("text: {a: b}", "\"text\" is keys and values: write text");
	assert_unbound("share: aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg",
		"\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffff...\": write");
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(bound("word: blue").word, "blue");
	assert_int_equal(bound("colour: blue").colour, COLOUR_BLUE);
	assert_int_equal(bound("colour: red").colour, COLOUR_RED);
	assert_unbound("colour: blu",
		"f:1:9: \"colour\" is \"blu\": write one of red, blue; "
		"did you mean \"blue\"?");
	assert_unbound("word: purple", "\"word\" is \"purple\": write one of red, blue");
	assert_unbound("word: Red", "write one of red, blue");
	assert_unbound("word: []", "\"word\" is a list: write one of red, blue");
	assert_unbound("colour: ~", "\"colour\" is nothing: write one of red, blue");
	assert_unbound("colour: 1", "write one of red, blue");
}

static void test_nested(void **state)
{
	(void)state;
	struct thing thing = bound("{}");
	assert_int_equal(thing.inner.n, 7);
	assert_int_equal(thing.list_count, 0);
	assert_int_equal(bound("inner: {}").inner.n, 7);
	assert_int_equal(bound("inner: {n: 3}").inner.n, 3);
	thing = bound("list:\n- n: 1\n- {}\n");
	assert_int_equal(thing.list_count, 2);
	assert_int_equal(thing.list[0].n, 1);
	assert_int_equal(thing.list[1].n, 7);
	assert_unbound("inner: 5", "f:1:8: the inner is written as keys and values, not as \"5\"");
	assert_unbound("inner:", "f:1:7: the inner is written as keys and values, not as nothing");
	assert_unbound(
		"inner: {m: 1}", "f:1:9: unknown key \"m\" in the inner: did you mean \"n\"?");
	assert_unbound("list: 5", "f:1:7: \"list\" is \"5\": write a list");
	assert_unbound("list: []", "f:1:7: \"list\" has 0 items: it must have 1 to 2");
	assert_unbound("list: [{}, {}, {}]", "\"list\" has 3 items: it must have 1 to 2");
	assert_unbound("list: [{}, {n: 10}]", "f:1:16: \"n\" is \"10\": it must be from 0 to 9");
	assert_unbound(
		"list: [{}, x]", "f:1:12: the inner is written as keys and values, not as \"x\"");
	assert_unbound("[]", "f:1:1: a thing is written as keys and values, not as a list");
	assert_unbound(
		"just text", "f:1:1: a thing is written as keys and values, not as \"just text\"");
}

static void test_unknown_keys(void **state)
{
	(void)state;
	assert_unbound("flag: true\nflaag: true\n",
		"f:2:1: unknown key \"flaag\" in a thing: did you mean \"flag\"?");
	assert_unbound(
		"zzzzzzzzz: 1", "f:1:1: unknown key \"zzzzzzzzz\" in a thing: it has flag, whole,");
	assert_unbound("FLAG: true", "f:1:1: unknown key \"FLAG\"");
	assert_unbound("'': 1", "f:1:1: unknown key \"\"");
}

/* The first error in the text is the one that is told. */
static void test_topmost_error(void **state)
{
	(void)state;
	assert_unbound("real: x\nflag: y\nbogus: z\n", "f:1:7:");
	assert_unbound("flag: true\nbogus: z\nreal: x\n", "f:2:1:");
}

static void test_error_may_be_null(void **state)
{
	(void)state;
	struct yaml_doc doc;
	struct thing thing = {0};
	read_good(&doc, "flag: x");
	assert_int_equal(yaml_bind(&doc, &doc.root, &thing_table, &thing, NULL), -1);
	yaml_doc_free(&doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_topmost_error),
		cmocka_unit_test(test_error_may_be_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
