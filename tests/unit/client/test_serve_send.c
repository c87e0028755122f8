/* Tests of the JSON of messages to addressable workers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/residents.h"
#include "client/scan.h"
#include "client/serve_route.h"
#include "client/serve_send.h"

#include <stdlib.h>
#include <string.h>

static struct envelope e;
static struct err err;
static struct text out;

static int teardown(void **state)
{
	(void)state;
	text_free(&out);
	return 0;
}

static int read_body(const char *body)
{
	err = (struct err){0};
	return serve_read_send(&e, body, strlen(body), &err);
}

static void a_body_with_everything_is_read(void **state)
{
	(void)state;
	assert_int_equal(read_body("{\"recipient\":{\"type\":\"user\",\"id\":\"a:1\"},"
							   "\"kind\":\"cast\",\"spawn\":\"async\",\"ack\":\"process\","
							   "\"timeout_ms\":60000,\"id\":\"m-1\",\"sticky\":true,"
							   "\"at\":{\"node\":2,\"segment\":5},"
							   "\"message\": {\"add\": 1} }"),
		0);
	assert_string_equal(e.recipient.type, "user");
	assert_string_equal(e.recipient.id, "a:1");
	assert_int_equal(e.type, ENVELOPE_CAST);
	assert_int_equal(e.spawn, SPAWN_ASYNC);
	assert_int_equal(e.ack, ACK_PROCESS);
	assert_int_equal(e.timeout_ms, 60000);
	assert_string_equal(e.identifier, "m-1");
	assert_true(e.sticky && e.at.known);
	assert_int_equal(e.at.node, 2);
	assert_int_equal(e.at.segment, 5);
	assert_string_equal(e.message, "{\"add\": 1}");
}

static void only_the_recipient_is_needed(void **state)
{
	(void)state;
	assert_int_equal(read_body("{\"recipient\":{\"type\":\"user\",\"id\":\"1\"},\"ack\":null,"
							   "\"message\":null}"),
		0);
	assert_int_equal(e.type, ENVELOPE_CALL);
	assert_int_equal(e.spawn, SPAWN_NO);
	assert_int_equal(e.ack, ACK_UNSET);
	assert_int_equal(e.timeout_ms, 0);
	assert_false(e.sticky || e.at.known);
	assert_string_equal(e.message, "");
}

#define TO "{\"recipient\":{\"type\":\"user\",\"id\":\"1\"},"

static void everything_else_is_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *body, *names;
	} bad[] = {
		{"", "JSON"},
		{"[]", "JSON"},
		{"{}", "recipient"},
		{"{\"recipient\":\"user:1\"}", "recipient"},
		{"{\"recipient\":{\"type\":\"user\"}}", "recipient"},
		{"{\"recipient\":{\"type\":\"user\",\"id\":1}}", "recipient"},
		{"{\"recipient\":{\"type\":\"user\",\"id\":\"../x\"}}", "recipient"},
		{"{\"recipient\":{\"type\":\"user\",\"id\":\"a\\u001bb\"}}", "recipient"},
		{"{\"recipient\":{\"type\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"id\":\"1\"}}",
			"recipient"},
		{TO "\"kind\":\"info\"}", "kind"},
		{TO "\"kind\":1}", "kind"},
		{TO "\"spawn\":\"Lazy\"}", "spawn"},
		{TO "\"spawn\":true}", "spawn"},
		{TO "\"ack\":\"yes\"}", "ack"},
		{TO "\"timeout_ms\":0}", "timeout_ms"},
		{TO "\"timeout_ms\":60001}", "timeout_ms"},
		{TO "\"timeout_ms\":\"5\"}", "timeout_ms"},
		{TO "\"sticky\":1}", "sticky"},
		{TO "\"at\":3}", "at"},
		{TO "\"at\":{\"segment\":1}}", "at"},
		{TO "\"at\":{\"node\":4294967296}}", "at"},
		{TO "\"at\":{\"node\":-1}}", "at"},
		{TO "\"id\":7}", "id"},
		{TO "\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
			"id"},
		{TO "\"kind\":\"call\",\"kind\":\"cast\"}", "JSON"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (read_body(bad[i].body) != -1)
			fail_msg("%s was read", bad[i].body);
		if (!strstr(err.text, bad[i].names))
			fail_msg("%s: %s", bad[i].body, err.text);
	}
}

static void a_message_that_is_too_long_is_refused(void **state)
{
	(void)state;
	struct text body = {0};
	text_add(&body, TO "\"message\":\"");
	while (body.len < ENVELOPE_MESSAGE_MAX + 100)
		text_add(&body, "a");
	text_add(&body, "\"}");
	assert_int_equal(read_body(text_str(&body)), -1);
	assert_non_null(strstr(err.text, "message"));
	text_free(&body);
}

static void is_json(void)
{
	assert_int_equal(scan_document(text_str(&out), out.len, NULL), 0);
}

static void answers_are_written_for_both_ends(void **state)
{
	(void)state;
	struct send_answer a = {.status = SEND_DONE, .ok = true, .number = 3, .at = {true, 1, 2}};
	text_copy(a.result, sizeof a.result, "{\"value\":1}");
	memset(&e, 0, sizeof e);
	serve_write_sent(&out, &e, &a);
	is_json();
	assert_string_equal(text_str(&out),
		"{\"ok\":true,\"status\":\"done\",\"id\":null,\"number\":3,\"node\":1,\"segment\":2,"
		"\"result\":{\"value\":1}}");
	text_clear(&out);
	a = (struct send_answer){.status = SEND_LATE, .failure = FAILURE_TIMEOUT, .begun = true};
	text_copy(a.message, sizeof a.message, "too \"late\"");
	text_copy(e.identifier, sizeof e.identifier, "m-1");
	serve_write_sent(&out, &e, &a);
	is_json();
	assert_string_equal(text_str(&out),
		"{\"ok\":false,\"status\":\"timeout\",\"id\":\"m-1\",\"number\":null,\"node\":null,"
		"\"segment\":null,\"begun\":true,\"error\":{\"category\":\"timeout\",\"message\":\"too "
		"\\\"late\\\"\"}}");
}

static void the_look_is_bounded_and_counts_what_it_leaves_out(void **state)
{
	(void)state;
	struct residents *r;
	struct residents_options how = {.nodes = 2};
	how.aim[AIM_NODE_SEGMENTS] = (struct target){501, 502, 503};
	assert_int_equal(residents_start(&r, &how, &err), 0);
	serve_write_residents(&out, r);
	is_json();
	assert_non_null(strstr(text_str(&out), "\"dropped\":2,\"workers\":0"));
	assert_non_null(strstr(text_str(&out),
		"{\"nodes\":[{\"node\":0,\"locked\":false,\"segments\":501,\"workers\":0,\"health\":1}"));
	assert_non_null(strstr(text_str(&out), "\"counts\":{\"accepted\":0,"));
	size_t rows = 0;
	for (const char *s = text_str(&out); (s = strstr(s, "\"resting\"")); s++)
		rows++;
	assert_int_equal(rows, SERVE_SEGMENTS_MAX);
	residents_stop(r);
}

/* ---- through the routes ---- */

static struct engine *engine;
static struct serve_reply reply;

static int stop_engine(void **state)
{
	engine_stop(engine);
	engine = NULL;
	text_free(&reply.body);
	return teardown(state);
}

static void start_engine(const struct residents_options *residents)
{
	const struct engine_options how = {.strategy = STRATEGY_CANARY, .residents = residents};
	assert_int_equal(engine_start(&engine, &how, &err), 0);
}

/* True when it was answered at once. */
static bool ask(const char *method, const char *path, const char *body, struct envelope *send)
{
	static struct engine_request execute;
	const struct serve_request request = {.method = method,
		.path = path,
		.host = "localhost",
		.content_type = "application/json",
		.body = body,
		.len = strlen(body),
		.send = send};
	text_free(&reply.body);
	reply = (struct serve_reply){0};
	return serve_route(engine, false, &request, &reply, &execute);
}

static void what_is_sent_is_handed_over_and_answered(void **state)
{
	(void)state;
	const struct residents_options how = {0};
	struct send_answer a;
	start_engine(&how);
	assert_false(ask("POST", "/v1/send", TO "\"spawn\":\"sync\",\"message\":{\"add\":4}}", &e));
	engine_send(engine, &e, &a);
	serve_sent(&reply, &e, &a);
	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(text_str(&reply.body), "\"result\":{\"value\":4}"));
	assert_true(ask("POST", "/v1/send", "{}", &e));
	assert_int_equal(reply.status, 400);
	assert_true(ask("GET", "/v1/send", "", &e));
	assert_int_equal(reply.status, 405);
	assert_true(ask("GET", "/v1/residents", "", NULL));
	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(text_str(&reply.body), "\"accepted\":1,\"done\":1,"));
}

static void a_draining_engine_ends_what_waits_and_refuses_more(void **state)
{
	(void)state;
	const struct residents_options how = {.threads = 1};
	struct send_answer a;
	start_engine(&how);
	assert_false(ask("POST", "/v1/send",
		TO "\"kind\":\"cast\",\"ack\":\"process\",\"spawn\":\"sync\","
		   "\"message\":{\"sleep_us\":60000000}}",
		&e));
	engine_send(engine, &e, &a);
	assert_true(a.ok);
	assert_false(engine_drain(engine, 1));
	engine_send(engine, &e, &a);
	assert_int_equal(a.status, SEND_UNAVAILABLE);
	assert_true(engine_drain(engine, 30000)); /* it did not sleep on */
}

static void an_engine_without_addressable_workers_says_so(void **state)
{
	(void)state;
	struct send_answer a;
	start_engine(NULL);
	assert_true(ask("GET", "/v1/residents", "", NULL));
	assert_int_equal(reply.status, 503);
	assert_true(ask("POST", "/v1/send", TO "\"message\":{\"add\":4}}", NULL));
	assert_int_equal(reply.status, 503);
	assert_false(ask("POST", "/v1/send", TO "\"message\":{\"add\":4}}", &e));
	engine_send(engine, &e, &a);
	assert_int_equal(a.status, SEND_UNAVAILABLE);
	assert_int_equal(a.failure, FAILURE_REFUSED);
}

static void a_lock_is_read_or_refused_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *body, *field;
		int node, segment;
		bool on;
	} rows[] = {
		{"{\"node\":1,\"segment\":2,\"on\":true}", NULL, 1, 2, true},
		{"{\"node\":0,\"on\":false}", NULL, 0, -1, false},
		{"{\"on\":true}", "\"node\"", 0, 0, false},
		{"{\"node\":-1,\"on\":true}", "\"node\"", 0, 0, false},
		{"{\"node\":99999999999,\"on\":true}", "\"node\"", 0, 0, false},
		{"{\"node\":0,\"segment\":\"a\",\"on\":true}", "\"segment\"", 0, 0, false},
		{"{\"node\":0}", "\"on\"", 0, 0, false},
		{"{\"node\":0,\"on\":1}", "\"on\"", 0, 0, false},
		{"[]", "JSON object", 0, 0, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err why = {0};
		int node, segment;
		bool on;
		int result =
			serve_read_lock(&node, &segment, &on, rows[i].body, strlen(rows[i].body), &why);
		assert_int_equal(result, rows[i].field ? -1 : 0);
		if (rows[i].field) {
			assert_non_null(strstr(why.text, rows[i].field));
			continue;
		}
		assert_int_equal(node, rows[i].node);
		assert_int_equal(segment, rows[i].segment);
		assert_int_equal(on, rows[i].on);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, teardown)
#define E(name) cmocka_unit_test_teardown(name, stop_engine)
	const struct CMUnitTest tests[] = {
		T(a_lock_is_read_or_refused_by_name),
		T(a_body_with_everything_is_read),
		T(only_the_recipient_is_needed),
		T(everything_else_is_refused_by_name),
		T(a_message_that_is_too_long_is_refused),
		T(answers_are_written_for_both_ends),
		T(the_look_is_bounded_and_counts_what_it_leaves_out),
		E(what_is_sent_is_handed_over_and_answered),
		E(a_draining_engine_ends_what_waits_and_refuses_more),
		E(an_engine_without_addressable_workers_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
