/* YAML: the tree and its places, and everything that is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/err.h"
#include "model/mem.h"
#include "model/text.h"
#include "tui/yaml.h"

#include <stdlib.h>
#include <string.h>

static void assert_refused_n(const char *text, size_t len, const char *expected)
{
	struct yaml_doc doc;
	struct err err = {0};
	assert_int_equal(yaml_doc_read(&doc, text, len, "f", &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	if (strncmp(err.text, expected, strlen(expected)) != 0)
		fail_msg("expected \"%s\", got \"%s\"", expected, err.text);
	assert_null(doc.file);
	assert_null(doc.root.items);
}

static void assert_refused(const char *text, const char *expected)
{
	assert_refused_n(text, strlen(text), expected);
}

static void read_good(struct yaml_doc *doc, const char *text)
{
	struct err err = {0};
	if (yaml_doc_read(doc, text, strlen(text), "f", &err) != 0)
		fail_msg("%s", err.text);
}

static void assert_place(struct yaml_place at, int line, int column)
{
	assert_int_equal(at.line, line);
	assert_int_equal(at.column, column);
}

static void test_tree(void **state)
{
	(void)state;
	struct yaml_doc doc;
	read_good(&doc,
		"# comment\n"
		"history: /var/x\n"
		"pools:\n"
		"  a: {target: 'local:', n: [1, two]}\n");
	assert_string_equal(doc.file, "f");
	assert_int_equal(doc.root.kind, YAML_KIND_MAP);
	assert_int_equal(doc.root.count, 2);
	const struct yaml_node *history = yaml_get(&doc.root, "history");
	assert_string_equal(history->text, "/var/x");
	assert_place(history->key_at, 2, 1);
	assert_place(history->at, 2, 10);
	const struct yaml_node *a = yaml_get(yaml_get(&doc.root, "pools"), "a");
	assert_place(a->key_at, 4, 3);
	assert_place(a->at, 4, 6);
	assert_true(yaml_get(a, "target")->quoted);
	assert_false(history->quoted);
	const struct yaml_node *n = yaml_get(a, "n");
	assert_int_equal(n->kind, YAML_KIND_LIST);
	assert_int_equal(n->count, 2);
	assert_string_equal(n->items[1].text, "two");
	assert_null(n->items[1].key);
	assert_place(n->items[1].at, 4, 32);
	assert_null(yaml_get(a, "none"));
	yaml_doc_free(&doc);
}

static void test_columns_count_characters(void **state)
{
	(void)state;
	assert_refused("\xc3\xa4\xe6\x97\xa5: *x\n", "f:1:5: an alias");
	assert_refused("a: \"\xf0\x9f\x98\x80\"\n\"\xc3\xa4\": 1\n\"\xc3\xa4\": 2\n",
		"f:3:1: \"\xc3\xa4\" is there twice: first at 2:1");
}

static void test_empty_is_an_empty_map(void **state)
{
	(void)state;
	const char *empties[] = {"", "\n\n", "# only a comment\n", "---\n", "--- ~\n", "null\n",
		"\xef\xbb\xbf", "{}", "---\n...\n"};
	for (size_t i = 0; i < sizeof(empties) / sizeof(*empties); i++) {
		struct yaml_doc doc;
		read_good(&doc, empties[i]);
		assert_int_equal(doc.root.kind, YAML_KIND_MAP);
		assert_int_equal(doc.root.count, 0);
		yaml_doc_free(&doc);
	}
}

static void test_line_ends_and_mark(void **state)
{
	(void)state;
	const char *texts[] = {"a: 1\nb: 2\n", "a: 1\r\nb: 2\r\n",
		"\xef\xbb\xbf"
		"a: 1\nb: 2"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct yaml_doc doc;
		read_good(&doc, texts[i]);
		assert_string_equal(yaml_get(&doc.root, "a")->text, "1");
		assert_string_equal(yaml_get(&doc.root, "b")->text, "2");
		assert_place(yaml_get(&doc.root, "a")->key_at, 1, 1);
		assert_place(yaml_get(&doc.root, "b")->at, 2, 4);
		yaml_doc_free(&doc);
	}
	assert_refused("a: 1\r\nb: 1\r\nb: 2\r\n", "f:3:1: \"b\" is there twice: first at 2:1");
	assert_refused("\xef\xbb\xbf"
				   "a: 1\na: 2",
		"f:2:1: \"a\" is there twice: first at 1:1");
}

static void test_bytes(void **state)
{
	(void)state;
	assert_refused_n("a: b\0c", 6, "f:1:5: a character that cannot be seen: U+0000");
	assert_refused("a: 1\nb: \xff\n", "f:2:4: not UTF-8 text: byte 0xFF");
	assert_refused("a: \xed\xa0\x80", "f:1:4: not UTF-8 text: byte 0xED");
	assert_refused("a: \xc0\xaf", "f:1:4: not UTF-8 text: byte 0xC0");
	assert_refused("a: \x1b[0m", "f:1:4: a character that cannot be seen: U+001B");
	assert_refused("\xc3\xa4: \x7f", "f:1:4: a character that cannot be seen: U+007F");
	assert_refused("a: x\xe2\x80\xaey", "f:1:5: a character that cannot be seen: U+202E");
	assert_refused("a\xe2\x80\x8b: y", "f:1:2: a character that cannot be seen: U+200B");
	assert_refused("a: 1\xc2\x85"
				   "b: 2",
		"f:1:5: a character that cannot be seen: U+0085");
	assert_refused("a: \xef\xbb\xbf", "f:1:4: a character that cannot be seen: U+FEFF");
	assert_refused("a: \"x\\0y\"", "f:1:4: a character that cannot be seen: U+0000");
	assert_refused_n("\xff\xfe"
					 "a\0:\0",
		6, "f:1:1: not UTF-8 text: byte 0xFF");
	char elf[] = "\x7f"
				 "ELF\x02\x01\x01";
	assert_refused_n(elf, sizeof(elf), "f:1:1: a character that cannot be seen: U+007F");
}

static void test_syntax(void **state)
{
	(void)state;
	assert_refused("a:\n\tb: 1\n", "f:2:1: a tab cannot indent: write spaces");
	assert_refused("a: [1, 2\n",
		"f:2:1: not YAML: did not find expected ',' or ']' "
		"(while parsing a flow sequence that begins at 1:4)");
	assert_refused("a: 'x\n", "f:2:1: not YAML: found unexpected end of stream");
	assert_refused("a: 1\n b: 2\n", "f:2:3: no key can begin here: check the indentation");
	assert_refused("a: @x\n", "f:1:4: not YAML: found character that cannot start any token");
	assert_refused("a: 1\nb\n", "f:3:1: not YAML: could not find expected ':'");
	assert_refused(
		"%YAML 9.9\n---\na: 1\n", "f:1:1: not YAML: found incompatible YAML document");
}

static void test_documents(void **state)
{
	(void)state;
	assert_refused("a: 1\n---\nb: 2\n", "f:2:1: a second document begins");
	assert_refused("---\n---\n", "f:2:1: a second document begins");
	struct yaml_doc doc;
	read_good(&doc, "---\na: 1\n...\n# the end\n");
	yaml_doc_free(&doc);
}

static void test_refused_constructs(void **state)
{
	(void)state;
	assert_refused("a: &x 1\nb: *x\n", "f:1:4: an anchor is not read here: remove \"&x\"");
	assert_refused("a: &x [1]\n", "f:1:4: an anchor");
	assert_refused("a: &x {b: 1}\n", "f:1:4: an anchor");
	assert_refused("&x a: 1\n", "f:1:1: an anchor");
	assert_refused("a: *x\n", "f:1:4: an alias is not read here");
	assert_refused("*x : 1\n", "f:1:1: a key must be a word");
	assert_refused(
		"a: !!str 5\n", "f:1:4: a tag is not read here: remove \"tag:yaml.org,2002:str\"");
	assert_refused("a: !local 5\n", "f:1:4: a tag");
	assert_refused("!x [a]\n", "f:1:1: a tag");
	assert_refused("? [a, b]\n: 1\n", "f:1:3: a key must be a word");
	assert_refused("{a: 1}: 2\n", "f:1:1: a key must be a word");
	assert_refused("x: 1\ny: 2\nx: 3\ny: 4\n", "f:3:1: \"x\" is there twice: first at 1:1");
	assert_refused("y: 1\nx: 2\ny: 3\nx: 4\n", "f:3:1: \"y\" is there twice: first at 1:1");
	assert_refused("a: {b: 1, \"b\": 2}\n", "f:1:11: \"b\" is there twice: first at 1:5");
}

static void test_alias_bomb(void **state)
{
	(void)state;
	struct text bomb = {0};
	text_add(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 9; i++) {
		text_addf(&bomb, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			text_addf(&bomb, "%s*a%d", k ? ", " : "", i - 1);
		text_add(&bomb, "]\n");
	}
	assert_refused(text_str(&bomb), "f:1:5: an anchor");
	text_free(&bomb);
}

static void add_times(struct text *t, const char *s, int times)
{
	for (int i = 0; i < times; i++)
		text_add(t, s);
}

static void test_nesting(void **state)
{
	(void)state;
	struct text deep = {0};
	struct yaml_doc doc;
	add_times(&deep, "[", YAML_DEPTH_MAX);
	add_times(&deep, "]", YAML_DEPTH_MAX);
	read_good(&doc, text_str(&deep));
	yaml_doc_free(&doc);
	text_clear(&deep);
	add_times(&deep, "[", YAML_DEPTH_MAX + 1);
	add_times(&deep, "]", YAML_DEPTH_MAX + 1);
	assert_refused(text_str(&deep), "f:1:17: nested more than 16 deep");
	const char *openings[] = {"[", "{a: ", "- ", "? "};
	for (size_t i = 0; i < sizeof(openings) / sizeof(*openings); i++) {
		text_clear(&deep);
		add_times(&deep, openings[i], 100000);
		struct err err = {0};
		assert_int_equal(yaml_doc_read(&doc, deep.data, deep.len, "f", &err), -1);
		assert_int_equal(strncmp(err.text, "f:1:", 4), 0);
	}
	text_free(&deep);
}

static void test_size(void **state)
{
	(void)state;
	struct text big = {0};
	add_times(&big, "# 3456789012345\n", YAML_BYTES_MAX / 16);
	assert_int_equal(big.len, YAML_BYTES_MAX);
	struct yaml_doc doc;
	struct err err = {0};
	assert_int_equal(yaml_doc_read(&doc, big.data, big.len, "f", &err), 0);
	yaml_doc_free(&doc);
	text_add(&big, "\n");
	assert_refused_n(big.data, big.len, "f:1:1: longer than 1 MiB");
	text_free(&big);
}

/* Keys that are compared pair by pair would take minutes here. */
static void test_many_keys(void **state)
{
	(void)state;
	struct text many = {0};
	for (int i = 0; i < 50000; i++)
		text_addf(&many, "k%d: 1\n", i);
	struct yaml_doc doc;
	read_good(&doc, text_str(&many));
	assert_int_equal(doc.root.count, 50000);
	yaml_doc_free(&doc);
	text_add(&many, "k7: 1\n");
	assert_refused(text_str(&many), "f:50001:1: \"k7\" is there twice: first at 8:1");
	text_free(&many);
}

/* Every prefix of a text that uses all of the grammar ends in a tree or in an error with a
 * place. */
static void test_prefixes(void **state)
{
	(void)state;
	static const char whole[] = "a: [1, 'two', \"t\\u00e4\", {b: c}]\n"
								"d:\n  - x\n  - y: z\n"
								"e: |\n  block\n  text\n"
								"f: >-\n  folded\n"
								"? g\n: \xe6\x97\xa5\n";
	for (size_t len = 0; len < sizeof(whole); len++) {
		char *exact = mem_copy_n(whole, len);
		struct yaml_doc doc;
		struct err err = {0};
		if (yaml_doc_read(&doc, exact, len, "f", &err) == 0)
			yaml_doc_free(&doc);
		else
			assert_int_equal(strncmp(err.text, "f:", 2), 0);
		free(exact);
	}
}

static void test_null(void **state)
{
	(void)state;
	struct yaml_doc doc;
	read_good(&doc, "a:\nb: ~\nc: null\nd: ''\ne: 'null'\nf: ~/x\ng: []\nh: \"~\"\n");
	for (size_t i = 0; i < doc.root.count; i++)
		assert_int_equal(yaml_is_null(&doc.root.items[i]), i < 3);
	yaml_doc_free(&doc);
}

static void test_error_may_be_null(void **state)
{
	(void)state;
	struct yaml_doc doc;
	assert_int_equal(yaml_doc_read(&doc, "a: *x", 5, "f", NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_columns_count_characters),
		cmocka_unit_test(test_empty_is_an_empty_map),
		cmocka_unit_test(test_line_ends_and_mark),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_refused_constructs),
		cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_error_may_be_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
