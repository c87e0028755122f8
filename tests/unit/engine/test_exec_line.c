/* Tests of a worker's lines: what is written is one line, what is read is strict, its log is
 * clean and bounded. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/exec_json.h"
#include "client/engine/exec_line.h"
#include "client/engine/exec_log.h"
#include "tests/lib/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- written ---- */

static void a_request_is_one_line(void **state)
{
	(void)state;
	struct text t = {0};
	exec_line_request(
		&t, 7, &(struct exec_request){"predict", "s-1", "k\n\"1\"", "{\"a\":\n[1,\r\n2]}"});
	assert_string_equal(text_str(&t),
		"{\"id\":7,\"operation\":\"predict\",\"session\":\"s-1\",\"key\":\"k\\n\\\"1\\\"\","
		"\"payload\":{\"a\": [1,  2]}}\n");
	text_clear(&t);
	exec_line_request(&t, 8, &(struct exec_request){"echo", NULL, "", ""});
	assert_string_equal(text_str(&t),
		"{\"id\":8,\"operation\":\"echo\",\"session\":null,\"key\":null,\"payload\":null}\n");
	text_clear(&t);
	exec_line_ping(&t, 3);
	assert_string_equal(text_str(&t), "{\"ping\":3}\n");
	text_free(&t);
}

/* ---- read ---- */

static struct exec_reply read_line(const char *line)
{
	struct exec_reply r;
	/* In memory of its own, so that a step beyond the end is seen. */
	size_t len = strlen(line);
	char *copy = malloc(len ? len : 1);
	memcpy(copy, line, len);
	exec_line_read(&r, copy, len);
	if (r.result)
		r.result = line + (r.result - copy);
	free(copy);
	return r;
}

static void replies_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(read_line("{\"ready\":true}").kind, EXEC_REPLY_READY);
	assert_int_equal(read_line(" { \"ready\" : true , \"pid\" : 3 }\r").kind, EXEC_REPLY_READY);
	struct exec_reply r = read_line("{\"pong\":3}");
	assert_int_equal(r.kind, EXEC_REPLY_PONG);
	assert_int_equal(r.id, 3);
	r = read_line(
		"{\"id\":7,\"ok\":true,\"result\":{\"x\":[1,-2.5e+3,\"\\u00e9\\ud83d\\ude00\"]} }");
	assert_int_equal(r.kind, EXEC_REPLY_OK);
	assert_int_equal(r.id, 7);
	const char *result = "{\"x\":[1,-2.5e+3,\"\\u00e9\\ud83d\\ude00\"]}";
	assert_int_equal(r.result_len, strlen(result));
	assert_memory_equal(r.result, result, strlen(result));
	r = read_line("{\"id\":9007199254740991,\"ok\":true}");
	assert_int_equal(r.kind, EXEC_REPLY_OK);
	assert_int_equal(r.id, INT64_C(9007199254740991));
	assert_null(r.result);
}

static bool knows(const char *line, const char *operation)
{
	struct exec_reply r;
	exec_line_read(&r, line, strlen(line));
	assert_int_equal(r.kind, EXEC_REPLY_READY);
	return exec_line_knows(&r, operation);
}

static void a_worker_says_what_it_can_do(void **state)
{
	(void)state;
	const char *line = "{\"operations\": [ \"echo\" ,\"cl\\u0061ssify\"], \"ready\":true}";
	assert_true(knows(line, "echo"));
	assert_true(knows(line, "classify"));
	assert_false(knows(line, "class"));
	assert_false(knows("{\"ready\":true,\"operations\":[]}", "echo"));
	/* Elsewhere it is one of the members that mean nothing. */
	assert_int_equal(read_line("{\"id\":1,\"ok\":true,\"operations\":7}").kind, EXEC_REPLY_OK);
	static const char *const bad[] = {"7", "\"echo\"", "{}", "null", "true", "[7]", "[[\"a\"]]",
		"[\"\"]", "[\"a b\"]", "[\"a\",\"b\\n\"]", "[\"a\",null]",
		"[\"123456789012345678901234567890123456789012345678\"]"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[160];
		snprintf(text, sizeof text, "{\"ready\":true,\"operations\":%s}", bad[i]);
		if (read_line(text).kind != EXEC_REPLY_NONE)
			fail_msg("was read: %s", text);
	}
}

static void errors_have_a_category(void **state)
{
	(void)state;
	static const struct {
		const char *error;
		enum failure failure;
		const char *message;
	} rows[] = {
		{"{\"category\":\"timeout\",\"message\":\"slow\"}", FAILURE_TIMEOUT, "slow"},
		{"{\"category\":\"session\",\"message\":\"who\"}", FAILURE_SESSION, "who"},
		{"{\"category\":\"python\",\"message\":\"a\\nb\\u001b[2J\"}", FAILURE_OPERATION,
			"a^Jb^[[2J"},
		{"{\"category\":\"\\u0074imeout\"}", FAILURE_TIMEOUT,
			"the worker failed without a word"},
		{"{}", FAILURE_OPERATION, "the worker failed without a word"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char line[200];
		snprintf(line, sizeof line, "{\"id\":1,\"ok\":false,\"error\":%s}", rows[i].error);
		struct exec_reply r = read_line(line);
		assert_int_equal(r.kind, EXEC_REPLY_ERROR);
		assert_int_equal(r.failure, rows[i].failure);
		assert_string_equal(r.message, rows[i].message);
	}
}

static void anything_else_is_none(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"",
		"hello",
		"[]",
		"true",
		"{}",
		"{\"ready\":false}",
		"{\"ready\":\"true\"}",
		"{\"ready\":true",
		"{\"ready\":true}}",
		"{\"ready\":true}{\"ready\":true}",
		"{\"ready\":true,}",
		"{\"ready\" true}",
		"{ready:true}",
		"{\"ready\":true,\"ready\":true}",
		"{\"r\\u0065ady\":true}",
		"{\"ready\":true,\"pong\":1}",
		"{\"pong\":1,\"id\":1,\"ok\":true}",
		"{\"pong\":-1}",
		"{\"pong\":1.0}",
		"{\"pong\":1e0}",
		"{\"pong\":\"1\"}",
		"{\"pong\":9007199254740992}",
		"{\"pong\":99999999999999999999999999}",
		"{\"id\":1}",
		"{\"id\":1,\"ok\":1}",
		"{\"id\":1,\"ok\":true,\"error\":{}}",
		"{\"id\":1,\"ok\":false}",
		"{\"id\":1,\"ok\":false,\"error\":\"no\"}",
		"{\"id\":1,\"ok\":false,\"error\":{\"message\":3}}",
		"{\"id\":1,\"ok\":false,\"error\":{\"category\":null}}",
		"{\"id\":1,\"ok\":false,\"result\":1,\"error\":{}}",
		"{\"ok\":true,\"result\":1}",
		"{\"id\":1,\"id\":2,\"ok\":true}",
		"{\"id\":01,\"ok\":true}",
		"{\"id\":+1,\"ok\":true}",
		"{\"id\":1,\"ok\":true,\"result\":NaN}",
		"{\"id\":1,\"ok\":true,\"result\":-}",
		"{\"id\":1,\"ok\":true,\"result\":1.}",
		"{\"id\":1,\"ok\":true,\"result\":1e}",
		"{\"id\":1,\"ok\":true,\"result\":tru}",
		"{\"id\":1,\"ok\":true,\"result\":[1,]}",
		"{\"id\":1,\"ok\":true,\"result\":[1 2]}",
		"{\"id\":1,\"ok\":true,\"result\":\"\t\"}",
		"{\"id\":1,\"ok\":true,\"result\":\"\\x\"}",
		"{\"id\":1,\"ok\":true,\"result\":\"\\u12g4\"}",
		"{\"id\":1,\"ok\":true,\"result\":\"\\u0000\"}",
		"{\"id\":1,\"ok\":true,\"result\":\"\\ud800\"}",
		"{\"id\":1,\"ok\":true,\"result\":\"\\ud800\\u0041\"}",
		"{\"id\":1,\"ok\":true,\"result\":\"\\udc00\"}",
		"{\"id\":1,\"ok\":true,\"result\":\"\xff\"}",
		"{\"id\":1,\"ok\":true,\"result\":\"\xc3\"}",
		"{\"id\":1,\"ok\":true,\"result\":\"\\",
		"{\"id\":1,\"ok\":true,\"result\":\"",
		"{\"id\":1,\"ok\":true,\"result\":",
		"{\"id\":1,\"ok\":true,\"resu",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (read_line(lines[i]).kind != EXEC_REPLY_NONE)
			fail_msg("was read: %s", lines[i]);
}

static void every_cut_line_is_none(void **state)
{
	(void)state;
	const char *line =
		"{\"id\":1,\"ok\":false,\"error\":{\"category\":\"timeout\","
		"\"message\":\"\\ud83d\\ude00 \xc3\xa9 [1]\"},\"more\":[true,null,-1.5e-2]}";
	char cut[200];
	assert_int_equal(read_line(line).kind, EXEC_REPLY_ERROR);
	for (size_t len = 0; len < strlen(line); len++) {
		memcpy(cut, line, len);
		cut[len] = '\0';
		assert_int_equal(read_line(cut).kind, EXEC_REPLY_NONE);
	}
}

static void depth_is_bounded(void **state)
{
	(void)state;
	for (int depth = EXEC_JSON_DEPTH_MAX - 2; depth <= EXEC_JSON_DEPTH_MAX + 2; depth++) {
		struct text t = {0};
		text_add(&t, "{\"ready\":true,\"x\":");
		for (int i = 1; i < depth; i++)
			text_add(&t, "[");
		for (int i = 1; i < depth; i++)
			text_add(&t, "]");
		text_add(&t, "}");
		assert_int_equal(read_line(text_str(&t)).kind,
			depth <= EXEC_JSON_DEPTH_MAX ? EXEC_REPLY_READY : EXEC_REPLY_NONE);
		text_free(&t);
	}
	char *deep = malloc(EXEC_LINE_MAX);
	struct exec_reply r;
	memset(deep, '[', EXEC_LINE_MAX);
	memcpy(deep, "{\"x\":", 5);
	exec_line_read(&r, deep, EXEC_LINE_MAX);
	assert_int_equal(r.kind, EXEC_REPLY_NONE);
	free(deep);
}

static void hostile_words_are_clean(void **state)
{
	(void)state;
	for (int i = 0; i < CORPUS_COUNT; i++) {
		char *json = corpus_json(corpus_row(i));
		struct text t = {0};
		text_addf(&t, "{\"id\":1,\"ok\":false,\"error\":{\"category\":%s,\"message\":%s}}",
			json, json);
		struct exec_reply r;
		exec_line_read(&r, text_str(&t), t.len);
		if (r.kind == EXEC_REPLY_ERROR)
			assert_null(corpus_leak(r.message, strlen(r.message)));
		else
			assert_int_equal(r.kind, EXEC_REPLY_NONE);
		text_free(&t);
		free(json);
	}
}

/* ---- the log ---- */

struct heard {
	struct text text;
	int lines;
};

static void hear(void *ctx, const char *line)
{
	struct heard *h = ctx;
	assert_null(corpus_leak(line, strlen(line)));
	assert_true(strlen(line) < EXEC_LOG_LINE_MAX);
	text_addf(&h->text, "%s\n", line);
	h->lines++;
}

static void feed(struct exec_log *l, const char *bytes, int64_t now_us)
{
	exec_log_feed(l, bytes, strlen(bytes), now_us);
}

static void a_log_is_lines(void **state)
{
	(void)state;
	struct heard h = {0};
	struct exec_log l = {.sink = hear, .ctx = &h};
	feed(&l, "one\ntw", 1000);
	assert_string_equal(text_str(&h.text), "one\n");
	feed(&l, "o\r\n\n  \nthree \x1b[31m", 2000);
	assert_string_equal(text_str(&h.text), "one\ntwo\n");
	assert_string_equal(l.last, "two");
	exec_log_end(&l);
	assert_string_equal(text_str(&h.text), "one\ntwo\nthree ^[[31m\n");
	exec_log_end(&l);
	assert_int_equal(h.lines, 3);
	text_free(&h.text);
}

static void a_long_line_is_cut_at_a_character(void **state)
{
	(void)state;
	struct heard h = {0};
	struct exec_log l = {.sink = hear, .ctx = &h};
	for (int i = 0; i < 100000; i++)
		feed(&l, "\xe2\x82\xac", 1);
	feed(&l, "\nnext\n", 1);
	assert_int_equal(h.lines, 2);
	assert_int_equal(h.text.len, (EXEC_LOG_LINE_MAX - 1) / 3 * 3 + 1 + 5);
	text_free(&h.text);
}

static void a_flood_is_counted_not_kept(void **state)
{
	(void)state;
	struct heard h = {0};
	struct exec_log l = {.sink = hear, .ctx = &h};
	for (int i = 0; i < 1000; i++)
		feed(&l, "again\n", 5000000);
	assert_int_equal(h.lines, EXEC_LOG_BURST);
	assert_int_equal(l.dropped, 1000 - EXEC_LOG_BURST);
	/* A second later there is room for some more, and the gap is said first. */
	text_clear(&h.text);
	for (int i = 0; i < 20; i++)
		feed(&l, "later\n", 6000000);
	assert_int_equal(h.lines, EXEC_LOG_BURST + 1 + EXEC_LOG_RATE);
	assert_int_equal(
		strncmp(text_str(&h.text), "(950 more lines were dropped)\nlater\n", 36), 0);
	text_clear(&h.text);
	exec_log_end(&l);
	assert_string_equal(text_str(&h.text), "(10 more lines were dropped)\n");
	/* Nobody listening, the last line is still known. */
	struct exec_log mute = {0};
	feed(&mute, "a\nb\n", 1);
	exec_log_end(&mute);
	assert_string_equal(mute.last, "b");
	text_free(&h.text);
}

static void hostile_lines_are_clean(void **state)
{
	(void)state;
	struct heard h = {0};
	struct exec_log l = {.sink = hear, .ctx = &h};
	for (int i = 0; i < CORPUS_COUNT; i++) {
		const struct corpus_row *row = corpus_row(i);
		exec_log_feed(&l, row->bytes, row->len, (int64_t)i * 1000000);
		feed(&l, "\n", (int64_t)i * 1000000);
	}
	exec_log_end(&l);
	assert_true(h.lines > CORPUS_COUNT / 2);
	text_free(&h.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_one_line),
		cmocka_unit_test(replies_are_told_apart),
		cmocka_unit_test(a_worker_says_what_it_can_do),
		cmocka_unit_test(errors_have_a_category),
		cmocka_unit_test(anything_else_is_none),
		cmocka_unit_test(every_cut_line_is_none),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(hostile_words_are_clean),
		cmocka_unit_test(a_log_is_lines),
		cmocka_unit_test(a_long_line_is_cut_at_a_character),
		cmocka_unit_test(a_flood_is_counted_not_kept),
		cmocka_unit_test(hostile_lines_are_clean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
