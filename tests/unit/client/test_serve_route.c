/* Tests of client/serve_route: which request gets which answer, in which order it is refused.
 * No sockets: a real engine, requests by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/serve_route.h"
#include "client/wire.h"
#include "model/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct engine *engine;
static struct snapshot *now;

static int setup(void **state)
{
	(void)state;
	const struct engine_options how = {.strategy = STRATEGY_CANARY};
	now = mem_new(1, sizeof *now);
	return engine_start(&engine, &how, NULL);
}

static int teardown(void **state)
{
	(void)state;
	engine_stop(engine);
	free(now);
	return 0;
}

/* Sends a request; its status. `word` is that of the refusal, "" none. */
static int ask(const char *method, const char *path, const char *match, const char *key,
	const char *body, char word[24])
{
	struct serve_request request = {.method = method,
		.path = path,
		.host = "localhost",
		.content_type = "application/json",
		.if_match = match,
		.key = key,
		.body = body,
		.len = strlen(body)};
	struct serve_reply reply = {0};
	struct answer answer;
	struct engine_request execute;
	assert_true(serve_route(engine, false, &request, &reply, &execute));
	const char *error = strstr(text_str(&reply.body), "\"error\":\"");
	*word = '\0';
	if (error)
		(void)sscanf(error, "\"error\":\"%23[a-z_]", word);
	assert_int_equal(
		wire_read_answer(&answer, NULL, reply.status, reply.body.data, reply.body.len, NULL),
		0);
	text_free(&reply.body);
	return reply.status;
}

static void expect_at(int line, const char *method, const char *path, const char *match,
	const char *key, const char *body, int status, const char *word)
{
	char got[24];
	int had = ask(method, path, match, key, body, got);
	if (had != status || strcmp(got, word) != 0)
		fail_msg(
			"line %d: %s %s: %d %s, not %d %s", line, method, path, had, got, status, word);
}
#define EXPECT(...) expect_at(__LINE__, __VA_ARGS__)

/* The revision that the pool is at, as a header and in the body of a keep. */
static const char *match(void)
{
	static char out[64];
	engine_snapshot(engine, now);
	(void)snprintf(
		out, sizeof out, "\"%lld.%lld\"", (long long)now->epoch, (long long)now->rev);
	return out;
}

static const char *keep(int64_t back)
{
	static char out[128];
	engine_snapshot(engine, now);
	(void)snprintf(out, sizeof out, "{\"epoch\":%lld,\"rev\":%lld,\"actor\":\"ann\"}",
		(long long)now->epoch, (long long)(now->rev - back));
	return out;
}

#define STEP(share) "{\"to_bp\":" #share ",\"actor\":\"ann\"}"

static void a_whole_way(void **state)
{
	(void)state;
	EXPECT("POST", "/v1/arm", NULL, "a1",
		"{\"plan_hash\":\"abc\",\"on_orphan\":\"hold\",\"actor\":\"ann\"}", 200, "");
	EXPECT("PUT", "/v1/split", match(), "s1",
		"{\"to_bp\":1000,\"actor\":\"ann\",\"keep_within_ms\":60000,"
		"\"guard\":{\"error_rate\":0.05}}",
		200, "");
	EXPECT("PUT", "/v1/split", match(), "s2", STEP(2000), 409, "unkept");
	EXPECT("POST", "/v1/keep", NULL, "k1", keep(1), 412, "conflict");
	EXPECT("POST", "/v1/keep", NULL, "k2", keep(0), 200, "");
	EXPECT("PUT", "/v1/split", match(), "o1",
		"{\"to_bp\":1000,\"from_bp\":1000,\"operations\":[\"echo\"],\"actor\":\"ann\"}", 200,
		"");
	engine_snapshot(engine, now);
	assert_true(now->operations.limited);
	assert_int_equal(now->operations.count, 1);
	assert_int_equal(now->share_bp, 1000);
	assert_int_equal(now->kept_bp, 1000);
	assert_int_equal(now->guard.armed, true);
	EXPECT("POST", "/v1/guard", NULL, "g1",
		"{\"action\":\"hold\",\"for_ms\":60000,\"actor\":\"ann\"}", 200, "");
	EXPECT("POST", "/v1/guard", NULL, "g2",
		"{\"action\":\"hold\",\"for_ms\":14400001,\"actor\":\"ann\"}", 422, "limit");
	EXPECT("POST", "/v1/disarm", NULL, "d1", "{\"actor\":\"ann\"}", 409, "open");
	EXPECT("POST", "/v1/hold", NULL, "h1", "{}", 200, "");
	EXPECT("PUT", "/v1/split", match(), "s3", STEP(2000), 409, "held");
	EXPECT("POST", "/v1/resume", NULL, "r1", "{}", 200, "");
	EXPECT("POST", "/v1/rollback", NULL, "b1", "{}", 200, "");
	EXPECT("POST", "/v1/disarm", NULL, "d2", "{\"actor\":\"ann\"}", 200, "");
}

static void leases(void **state)
{
	(void)state;
	EXPECT("POST", "/v1/lease", NULL, NULL, "{\"actor\":\"ann\",\"ttl_ms\":30000}", 200, "");
	EXPECT("POST", "/v1/lease", NULL, NULL,
		"{\"actor\":\"bob\",\"ttl_ms\":30000,\"take\":false}", 423, "leased");
	EXPECT("PUT", "/v1/split", match(), "s1", "{\"to_bp\":1,\"actor\":\"bob\"}", 423, "leased");
	/* taking it is a change: it has a key */
	static const char take[] = "{\"actor\":\"bob\",\"ttl_ms\":30000,\"take\":true}";
	EXPECT("POST", "/v1/lease", NULL, NULL, take, 400, "no_key");
	EXPECT("POST", "/v1/lease", NULL, "t1", take, 200, "");
	EXPECT("POST", "/v1/lease", NULL, "t1", take, 200, "");
	EXPECT("POST", "/v1/lease", NULL, NULL, "{\"actor\":\"ann\",\"ttl_ms\":0}", 423, "leased");
	EXPECT("POST", "/v1/lease", NULL, NULL, "{\"actor\":\"bob\",\"ttl_ms\":0}", 200, "");
	EXPECT("PUT", "/v1/split", match(), "s2", STEP(100), 200, "");
	EXPECT("POST", "/v1/lease", NULL, NULL, "{\"actor\":\"ann\"}", 400, "bad_body");
	EXPECT("POST", "/v1/lease", NULL, NULL, "{\"ttl_ms\":1}", 400, "bad_body");
	EXPECT("POST", "/v1/lease", NULL, NULL, "{\"actor\":\"ann\",\"ttl_ms\":30000,\"take\":1}",
		400, "bad_body");
	EXPECT("GET", "/v1/lease", NULL, NULL, "", 405, "method");
}

/* The first that applies, of every path with a change. */
static void order_of_refusal(void **state)
{
	static const struct {
		const char *method, *path;
		bool matches, takes_all;
	} rows[] = {
		{"PUT", "/v1/split", true, false},
		{"POST", "/v1/keep", false, false},
		{"POST", "/v1/arm", false, false},
		{"POST", "/v1/disarm", false, false},
		{"POST", "/v1/guard", false, false},
		{"POST", "/v1/hold", false, true},
		{"POST", "/v1/resume", false, true},
		{"POST", "/v1/rollback", false, true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *m = rows[i].method, *p = rows[i].path;
		EXPECT("DELETE", p, NULL, "k", "{}", 405, "method");
		EXPECT(m, p, NULL, NULL, "[]", rows[i].matches ? 428 : 400,
			rows[i].matches ? "no_match" : "no_key");
		EXPECT(m, p, match(), NULL, "[]", 400, "no_key");
		EXPECT(m, p, match(), "a b", "{}", 400, "no_key");
		EXPECT(m, p, match(), "key", "[]", 400, "bad_body");
		EXPECT(m, p, match(), "key", "{\"actor\":7}", 400, "bad_body");
		if (!rows[i].takes_all)
			EXPECT(m, p, match(), "key", "{}", 400, "bad_body");
	}
	/* what was refused has no key, and a known key comes before all that the pool is */
	EXPECT("PUT", "/v1/split", match(), "key", STEP(100), 200, "");
	EXPECT("PUT", "/v1/split", "\"1.1\"", "key", STEP(100), 200, "");
	EXPECT("PUT", "/v1/split", match(), "key", STEP(200), 422, "key_reused");
	EXPECT("PUT", "/v1/split", "\"1.1\"", "late", STEP(200), 412, "conflict");
	EXPECT("PUT", "/v1/split", "1.1", "late", STEP(200), 412, "conflict");
}

/* An If-Match that a path does not ask for is no precondition of it. */
static void rollback_has_no_precondition(void **state)
{
	(void)state;
	EXPECT("POST", "/v1/rollback", "\"1.1\"", "b1", "{}", 200, "");
	EXPECT("POST", "/v1/hold", "nonsense", "h1", "{}", 200, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_whole_way),
		T(leases),
		T(order_of_refusal),
		T(rollback_has_no_precondition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
