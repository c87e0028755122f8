/* Tests of client/serve_route: which request gets which answer, in which order it is refused.
 * No sockets: a real engine, requests by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/engine/residents.h"
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

static int64_t locked(enum arm arm)
{
	int64_t n = 0;
	engine_snapshot(engine, now);
	for (int i = 0; i < now->crew.worker_count; i++)
		n += now->crew.worker[i].arm == arm && now->crew.worker[i].locked;
	return n;
}

#define DRAIN(target, on) "{\"target\":\"" target "\",\"on\":" on ",\"actor\":\"ann\"}"
#define DRAINS(key, target, on, status, word) \
	EXPECT("POST", "/v1/drain", NULL, key, DRAIN(target, on), status, word)

/* Workers are drained one by one, but an arm that has traffic keeps one. */
static void drains(void **state)
{
	(void)state;
	DRAINS("d1", "v1", "true", 409, "last");
	DRAINS("d2", "v1.0.0", "true", 409, "last");
	assert_int_equal(locked(ARM_V1), 0);
	DRAINS("d3", "v2.0.3", "true", 200, "");
	assert_int_equal(locked(ARM_V2), 1);
	DRAINS("d3", "v2.0.3", "true", 200, ""); /* replayed */
	DRAINS("d3", "v2.0.4", "true", 422, "key_reused");
	assert_int_equal(locked(ARM_V2), 1);
	/* without traffic all of it may go, and then none comes */
	DRAINS("d4", "v2", "true", 200, "");
	assert_int_equal(locked(ARM_V2), 8);
	EXPECT("PUT", "/v1/split", match(), "s1", STEP(100), 409, "last");
	DRAINS("d5", "v2.0.0", "false", 200, "");
	EXPECT("PUT", "/v1/split", match(), "s2", STEP(100), 200, "");
	DRAINS("d6", "v2.0.0", "true", 409, "last");
	DRAINS("d7", "v2.0", "true", 409, "last");
	DRAINS("d8", "v2", "false", 200, "");
	assert_int_equal(locked(ARM_V2), 0);
	DRAINS("d9", "v2.0.0", "true", 200, "");
	assert_int_equal(locked(ARM_V2), 1);
	assert_int_equal(now->rev, 1); /* no drain is a change of split */
}

static void drains_of_nobody(void **state)
{
	static const char *const unknown[] = {DRAIN("v2.1", "true"), DRAIN("v2.0.8", "true"),
		DRAIN("v2.1.3", "false"), DRAIN("v1.0.1", "true")};
	static const char *const bad[] = {"{}", DRAIN("v3", "true"), DRAIN("v2.0.3", "1"),
		DRAIN("v2.0.3", "null"), "{\"target\":\"v2\",\"actor\":\"ann\"}",
		"{\"target\":\"v2\",\"on\":true}", "{\"on\":true,\"actor\":\"ann\"}",
		"{\"target\":7,\"on\":true,\"actor\":\"ann\"}"};
	(void)state;
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		EXPECT("POST", "/v1/drain", NULL, "d1", unknown[i], 422, "limit");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		EXPECT("POST", "/v1/drain", NULL, "d1", bad[i], 400, "bad_body");
	DRAINS(NULL, "v2.0.3", "true", 400, "no_key");
	EXPECT("GET", "/v1/drain", NULL, NULL, "", 405, "method");
	assert_int_equal(locked(ARM_V2), 0);
}

static const struct resident_crew *crew(void)
{
	engine_snapshot(engine, now);
	return &now->crew.residents;
}

/* Where no more workers are to register is locked by the same way; twice is once. */
static void drains_of_places(void **state)
{
	static const char *const unknown[] = {DRAIN("r1", "true"), DRAIN("r0.1", "true"),
		DRAIN("r0.99999", "false"), DRAIN("r99999.0", "true")};
	static const char *const bad[] = {DRAIN("r", "true"), DRAIN("r0.0.0", "true"),
		DRAIN("r-1", "true"), DRAIN("r0.00", "true"), DRAIN("r0", "1")};
	const struct residents_options residents = {.nodes = 1};
	const struct engine_options how = {.strategy = STRATEGY_CANARY, .residents = &residents};
	(void)state;
	DRAINS("n1", "r0", "true", 422, "limit"); /* no such workers at all */
	engine_stop(engine);
	assert_int_equal(engine_start(&engine, &how, NULL), 0);
	DRAINS("r1", "r0", "true", 200, "");
	assert_true(crew()->known && crew()->node[0].locked && !crew()->segment[0].locked);
	DRAINS("r2", "r0", "true", 200, "");
	assert_true(crew()->node[0].locked);
	DRAINS("r3", "r0.0", "true", 200, "");
	DRAINS("r4", "r0", "false", 200, "");
	assert_true(!crew()->node[0].locked && crew()->segment[0].locked);
	DRAINS("r5", "r0.0", "false", 200, "");
	DRAINS("r1", "r0", "true", 200, ""); /* replayed: it locks nothing again */
	assert_false(crew()->known);
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
		EXPECT("POST", "/v1/drain", NULL, "u1", unknown[i], 422, "limit");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		EXPECT("POST", "/v1/drain", NULL, "b1", bad[i], 400, "bad_body");
	assert_false(crew()->known);
	assert_int_equal(locked(ARM_V1) + locked(ARM_V2), 0);
	struct audit_entry entry[4];
	assert_int_equal(engine_audit(engine, 3, entry, 4), 2);
	assert_string_equal(entry[0].what, "drain");
	assert_string_equal(entry[0].reason, "r0 off");
}

/* The log says which, and whether they got work again. */
static void drains_in_the_audit(void **state)
{
	struct audit_entry entry[4];
	(void)state;
	EXPECT("POST", "/v1/drain", NULL, "d1",
		"{\"target\":\"v2.0.3\",\"on\":true,\"actor\":\"ann\",\"reason\":\"it leaks\"}", 200,
		"");
	DRAINS("d2", "v2.0.3", "false", 200, "");
	assert_int_equal(engine_audit(engine, 0, entry, 4), 2);
	assert_string_equal(entry[0].what, "drain");
	assert_string_equal(entry[0].actor, "ann");
	assert_string_equal(entry[0].reason, "v2.0.3: it leaks");
	assert_string_equal(entry[1].reason, "v2.0.3 off");
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
		{"POST", "/v1/drain", false, false},
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
		T(drains),
		T(drains_of_nobody),
		T(drains_of_places),
		T(drains_in_the_audit),
		T(order_of_refusal),
		T(rollback_has_no_precondition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
