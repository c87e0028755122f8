/* Tests of client/scan: what is refused and with which code, and that cJSON reads all that is
 * accepted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/scan.h"
#include "model/mem.h"
#include "model/text.h"

#include <cjson/cJSON.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum err_code code_of(const char *data, size_t len)
{
	struct err err = {0};
	/* A copy of exactly this size, so that the sanitizer sees a read beyond the end. */
	char *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, data, len);
	int result = scan_document(copy, len, &err);
	free(copy);
	assert_int_equal(result, err.code == ERR_NONE ? 0 : -1);
	assert_true(result == 0 || err.text[0] != '\0');
	return err.code;
}

struct example {
	const char *text;
	enum err_code code;
};

static const struct example examples[] = {
	{"{}", 0},
	{"[]", 0},
	{"0", 0},
	{"-0", 0},
	{"null", 0},
	{"true", 0},
	{"\"\"", 0},
	{" \t\r\n[1 , 2]\n", 0},
	{"{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}", 0},
	{"[1.5,-0.0,1e3,1E+3,1e-3,0.1e1]", 0},
	{"[9007199254740991,-9007199254740991]", 0},
	{"[1e308,1.7976931348623157e308,1e-400]", 0},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", 0},
	{"\"\\uD83D\\uDE00\"", 0},
	{"\"\\uD7FF\\uE000\\uDBFF\\uDFFF\"", 0},
	{"\"\xC3\xA9\xF0\x9F\x98\x80\x7F\"", 0},
	{"{\"\":1}", 0},
	{"{\"\xC3\xA9\":1,\"\xC3\x89\":2}", 0}, /* only ASCII letters are folded */
	/* not exactly one document */
	{"", ERR_DOCUMENT},
	{" ", ERR_DOCUMENT},
	{"{", ERR_DOCUMENT},
	{"[", ERR_DOCUMENT},
	{"{}{}", ERR_DOCUMENT},
	{"{} x", ERR_DOCUMENT},
	{"1 2", ERR_DOCUMENT},
	{"nul", ERR_DOCUMENT},
	{"nullx", ERR_DOCUMENT},
	{"True", ERR_DOCUMENT},
	{"NaN", ERR_DOCUMENT},
	{"Infinity", ERR_DOCUMENT},
	{"-Infinity", ERR_DOCUMENT},
	{"\xEF\xBB\xBF{}", ERR_DOCUMENT},
	{"[1,]", ERR_DOCUMENT},
	{"[,1]", ERR_DOCUMENT},
	{"[1 2]", ERR_DOCUMENT},
	{"[1}", ERR_DOCUMENT},
	{"{]", ERR_DOCUMENT},
	{"{\"a\"}", ERR_DOCUMENT},
	{"{\"a\":}", ERR_DOCUMENT},
	{"{\"a\":1,}", ERR_DOCUMENT},
	{"{a:1}", ERR_DOCUMENT},
	{"{'a':1}", ERR_DOCUMENT},
	{"{\"a\" 1}", ERR_DOCUMENT},
	{"{1:1}", ERR_DOCUMENT},
	{"]", ERR_DOCUMENT},
	{"}", ERR_DOCUMENT},
	{"\"", ERR_DOCUMENT},
	{"\"a", ERR_DOCUMENT},
	{"\"\\", ERR_DOCUMENT},
	{"\"\\x41\"", ERR_DOCUMENT},
	{"\"\\u12", ERR_DOCUMENT},
	{"\"\\u12G4\"", ERR_DOCUMENT},
	{"\"a\nb\"", ERR_DOCUMENT},
	{"\"\t\"", ERR_DOCUMENT},
	{"\"\x1F\"", ERR_DOCUMENT},
	{"[1]\v", ERR_DOCUMENT},
	{"\xC2\xA0[]", ERR_DOCUMENT},
	{"// no\n{}", ERR_DOCUMENT},
	{"<html>", ERR_DOCUMENT},
	/* the grammar of numbers */
	{"01", ERR_DOCUMENT},
	{"-", ERR_DOCUMENT},
	{"+1", ERR_DOCUMENT},
	{".5", ERR_DOCUMENT},
	{"1.", ERR_DOCUMENT},
	{"1.e3", ERR_DOCUMENT},
	{"1e", ERR_DOCUMENT},
	{"1e+", ERR_DOCUMENT},
	{"-01", ERR_DOCUMENT},
	{"0x10", ERR_DOCUMENT},
	{"1_0", ERR_DOCUMENT},
	{"--1", ERR_DOCUMENT},
	{"9007199254740992", ERR_INTEGER},
	{"-9007199254740992", ERR_INTEGER},
	{"18446744073709551616", ERR_INTEGER},
	{"99999999999999999999999999999999", ERR_INTEGER},
	{"1e309", ERR_NUMBER},
	{"-1e999", ERR_NUMBER},
	{"1.8e308", ERR_NUMBER},
	{"0.001e99999999999999999999", ERR_NUMBER},
	{"0.0000000000000000000000000000000000000000000000000000000000000001", ERR_NUMBER},
	/* keys that two readers could tell apart differently */
	{"{\"a\":1,\"a\":2}", ERR_DUPLICATE},
	{"{\"a\":1,\"\\u0061\":2}", ERR_DUPLICATE},
	{"{\"share\":1,\"Share\":2}", ERR_DUPLICATE},
	{"{\"a\":1,\"b\":2,\"A\":3}", ERR_DUPLICATE},
	{"{\"\":1,\"\":2}", ERR_DUPLICATE},
	{"[{\"x\":{\"k\":1,\"K\":1}}]", ERR_DUPLICATE},
	{"{\"a\":{\"b\":1},\"c\":2,\"a\":3}", ERR_DUPLICATE},
	/* not UTF-8 */
	{"\"\xFF\"", ERR_UTF8},
	{"\"\xC0\xAF\"", ERR_UTF8},
	{"\"\xED\xA0\x80\"", ERR_UTF8},
	{"\"\xF4\x90\x80\x80\"", ERR_UTF8},
	{"\"\xC3\"", ERR_UTF8},
	{"{\"\x80\":1}", ERR_UTF8},
	{"\"\\u0000\"", ERR_UTF8},
	{"\"\\uD800\"", ERR_UTF8},
	{"\"\\uDC00\"", ERR_UTF8},
	{"\"\\uD800\\n\"", ERR_UTF8},
	{"\"\\uD800\\u0041\"", ERR_UTF8},
	{"\"\\uD800\\uD800\"", ERR_UTF8},
	{"\"\\uDBFF\\uE000\"", ERR_UTF8},
};

static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
		enum err_code code = code_of(examples[i].text, strlen(examples[i].text));
		if (code != examples[i].code)
			fail_msg("%s: W%d, not W%d", examples[i].text, code, examples[i].code);
	}
	assert_int_equal(code_of("[1]\0", 4), ERR_DOCUMENT);
	assert_int_equal(code_of("\"a\0b\"", 5), ERR_DOCUMENT);
	assert_int_equal(code_of("\"\\\0\"", 4), ERR_DOCUMENT);
	assert_int_equal(code_of("\0", 1), ERR_DOCUMENT);
}

static void test_says_where(void **state)
{
	struct err err = {0};
	(void)state;
	assert_int_equal(scan_document("{\"a\":nope}", 10, &err), -1);
	assert_string_equal(err.text, "no JSON value begins at byte 5");
	assert_int_equal(scan_document("{\"x\":1,\"a\":1,\"\\u0041\":2}", 25, &err), -1);
	assert_non_null(strstr(err.text, "\"a\""));
	assert_int_equal(scan_document("[", 1, NULL), -1);
}

/* A key comes from afar: of a long one only the beginning is repeated. */
static void test_says_of_a_long_key_its_beginning(void **state)
{
	struct err err = {0};
	struct text t = {0};
	(void)state;
	for (int i = 0; i < 2; i++)
		text_addf(&t, "%s\"%064d%06d\":0", i ? "," : "{", 0, 123456);
	text_add(&t, "}");
	assert_int_equal(scan_document(t.data, t.len, &err), -1);
	assert_int_equal(err.code, ERR_DUPLICATE);
	assert_non_null(strstr(err.text, "key \"0"));
	assert_non_null(strstr(err.text, "0\" appears twice"));
	assert_null(strstr(err.text, "123456"));
	text_free(&t);
}

static void test_member(void **state)
{
	static const struct {
		const char *text, *value; /* NULL: none */
	} rows[] = {
		{"{\"a\":1,\"m\": [1,{\"m\":2}] ,\"b\":2}", "[1,{\"m\":2}]"},
		{"{\"m\":-1.5}", "-1.5"},
		{"{\"m\" : \"x\"}", "\"x\""},
		{"{\"m\":{}}", "{}"},
		{"{\"m\":null,\"n\":1}", "null"},
		{"{\"a\":{\"m\":1}}", NULL},
		{"[{\"m\":1}]", NULL},
		{"\"m\"", NULL},
		{"{\"M\":1}", NULL},
		{"{\"mm\":1}", NULL},
		{"{}", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *value, *want = rows[i].value;
		size_t len;
		assert_int_equal(
			scan_member(rows[i].text, strlen(rows[i].text), "m", &value, &len, NULL), 0);
		if (!want) {
			assert_null(value);
			continue;
		}
		assert_non_null(value);
		assert_int_equal(len, strlen(want));
		assert_memory_equal(value, want, len);
	}
}

static void test_depth(void **state)
{
	(void)state;
	char deep[2 * 100 + 1];
	for (int depth = 31; depth <= 33; depth++) {
		memset(deep, '[', (size_t)depth);
		memset(deep + depth, ']', (size_t)depth);
		assert_int_equal(
			code_of(deep, 2 * (size_t)depth), depth > SCAN_DEPTH_MAX ? ERR_DEPTH : 0);
	}
	char *open = malloc(100000);
	assert_non_null(open);
	memset(open, '[', 100000);
	assert_int_equal(code_of(open, 100000), ERR_DEPTH);
	free(open);
}

static void test_size(void **state)
{
	(void)state;
	char *big = malloc(SCAN_SIZE_MAX + 1);
	assert_non_null(big);
	memset(big, ' ', SCAN_SIZE_MAX + 1);
	big[0] = '1';
	assert_int_equal(code_of(big, SCAN_SIZE_MAX), 0);
	assert_int_equal(code_of(big, SCAN_SIZE_MAX + 1), ERR_TOO_LARGE);
	free(big);
}

/* 80,000 keys in one object end quickly and the last duplicate is found. */
static void test_many_keys(void **state)
{
	(void)state;
	struct text t = {0};
	text_add(&t, "{");
	for (int i = 0; i < 80000; i++)
		text_addf(&t, "%s\"k%d\":0", i ? "," : "", i);
	size_t len = t.len;
	text_add(&t, "}");
	assert_int_equal(code_of(t.data, t.len), 0);
	t.len = len;
	text_add(&t, ",\"K41\":0}");
	assert_int_equal(code_of(t.data, t.len), ERR_DUPLICATE);
	text_free(&t);
}

/* Every beginning of a document that ends early is refused. */
static void test_truncated(void **state)
{
	static const char whole[] = "{\"a\":[1,-2.5e3,true,null,"
								"\"x\\u00e9\\n\\uD83D\\uDE00\xC3\xA9\"],\"b\":{\"c\":false}}";
	(void)state;
	assert_int_equal(code_of(whole, sizeof whole - 1), 0);
	for (size_t len = 0; len < sizeof whole - 1; len++) {
		enum err_code code = code_of(whole, len);
		assert_true(code == ERR_DOCUMENT || code == ERR_UTF8);
	}
}

/* The decimal point of a locale changes nothing. */
static void test_locale(void **state)
{
	(void)state;
	if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "de_DE"))
		skip();
	assert_int_equal(code_of("1.5", 3), 0);
	assert_int_equal(code_of("1.5e308", 7), 0);
	assert_int_equal(code_of("1.5e309", 7), ERR_NUMBER);
	(void)setlocale(LC_NUMERIC, "C");
}

/* ---- against cJSON ---- */

static uint64_t seed = 0x9E3779B97F4A7C15u;

static uint32_t any(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % below;
}

/* cJSON reads what was accepted, sees finite numbers, and prints what is accepted again. */
static void check_accepted(const char *data, size_t len)
{
	cJSON *tree = cJSON_ParseWithLength(data, len);
	if (!tree)
		fail_msg("accepted, but not by cJSON: %.*s", (int)len, data);
	for (const cJSON *n = tree; n; n = n->child)
		assert_true(!cJSON_IsNumber(n) || isfinite(n->valuedouble));
	char *printed = cJSON_PrintUnformatted(tree);
	assert_non_null(printed);
	struct err err = {0};
	if (strlen(printed) <= SCAN_SIZE_MAX && scan_document(printed, strlen(printed), &err) &&
		err.code != ERR_INTEGER) /* 1e20 is printed as an integer */
		fail_msg("refused (%s) what cJSON prints: %s", err.text, printed);
	free(printed);
	cJSON_Delete(tree);
}

static void test_mutations(void **state)
{
	static const char *const pieces[] = {"{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "1e9",
		"e", "-", "0", ".", "null", "\"a\":1,", "\xC3", "\xA9", "\\uD83D", " ",
		"9999999999999999"};
	static const char base[] =
		"{\"schema\":\"weir.pool/1\",\"n\":[0,-1,2.5,1e3,9007199254740991],\"s\":\"a\\n\\u00e9"
		"\xC3\xA9\",\"o\":{\"x\":{},\"y\":[],\"z\":null},\"t\":true,\"f\":false,\"k\":\"\"}";
	char text[512];
	int accepted = 0;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = sizeof base - 1;
		memcpy(text, base, len);
		for (uint32_t n = 1 + any(3); n > 0; n--) {
			size_t at = any((uint32_t)len);
			const char *piece = pieces[any(sizeof pieces / sizeof *pieces)];
			size_t cut = any(6), add = any(2) ? strlen(piece) : 0;
			cut = cut > len - at ? len - at : cut;
			if (any(8) == 0)
				text[at] = (char)any(256);
			memmove(text + at + add, text + at + cut, len - at - cut);
			memcpy(text + at, piece, add);
			len = len - cut + add;
		}
		if (scan_document(text, len, NULL) == 0) {
			accepted++;
			check_accepted(text, len);
		}
	}
	assert_in_range(accepted, 100, 19000);
}

static cJSON *random_tree(int depth)
{
	static const double numbers[] = {0, -1, 1.5, 1e-300, 1e15, -2.25, 9007199254740991.0};
	static const char *const strings[] = {"", "a", "\xC3\xA9", "\"\\/\b\f\n\r\t", "\x01\x1F"};
	char name[16];
	uint32_t kind = any(depth > 0 ? 7 : 5);
	cJSON *n;
	switch (kind) {
	case 0:
		return cJSON_CreateNull();
	case 1:
	case 2:
		return cJSON_CreateNumber(numbers[any(sizeof numbers / sizeof *numbers)]);
	case 3:
		return cJSON_CreateString(strings[any(sizeof strings / sizeof *strings)]);
	case 4:
		return cJSON_CreateBool(any(2) != 0);
	case 5:
		n = cJSON_CreateArray();
		for (uint32_t i = any(5); i > 0; i--)
			cJSON_AddItemToArray(n, random_tree(depth - 1));
		return n;
	default:
		n = cJSON_CreateObject();
		for (uint32_t i = any(5); i > 0; i--) {
			(void)snprintf(name, sizeof name, "key%u", i);
			cJSON_AddItemToObject(n, name, random_tree(depth - 1));
		}
		return n;
	}
}

static void test_valid_documents(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		cJSON *tree = random_tree(6);
		char *printed = round % 2 ? cJSON_Print(tree) : cJSON_PrintUnformatted(tree);
		assert_non_null(printed);
		struct err err = {0};
		if (scan_document(printed, strlen(printed), &err))
			fail_msg("refused (%s): %s", err.text, printed);
		free(printed);
		cJSON_Delete(tree);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_says_where),
		cmocka_unit_test(test_says_of_a_long_key_its_beginning),
		cmocka_unit_test(test_member),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_locale),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_valid_documents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
