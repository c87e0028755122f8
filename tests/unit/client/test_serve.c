#define _GNU_SOURCE /* strcasestr */
/* Tests of client/serve: what the endpoints of an engine behind real sockets answer, in which
 * order they refuse, and what runs through them. */
#include "tests/unit/client/serve_bed.h"

/* ---- endpoints ---- */

static void test_reading(void **state)
{
	struct fixture *f = *state;
	struct snapshot *s = mem_new(1, sizeof *s);
	expect(f, "GET", "/healthz", "", NULL, 200, "");
	get_state(f, s);
	int64_t seq = s->seq;
	assert_string_equal(s->pool, "local");
	assert_int_equal(s->share_bp, 0);
	assert_true(s->arms[ARM_V1].has_latency);
	get_state(f, s);
	assert_true(s->seq > seq);
	free(s);
}

static void test_unknown_paths(void **state)
{
	struct fixture *f = *state;
	struct reply r;
	expect(f, "GET", "/", "", NULL, 404, "path");
	expect(f, "GET", "/v1/state/", "", NULL, 404, "path");
	expect(f, "GET", "/v2/state", "", NULL, 404, "path");
	expect(f, "GET", "/v1/intents/", "", NULL, 404, "path");
	expect(f, "GET", "/v1/intents/a/b", "", NULL, 404, "path");
	expect(f, "GET", "/v1/intents/%1b%5b", "", NULL, 404, "path");
	expect(f, "DELETE", "/v1/state", "", NULL, 405, "method");
	expect(f, "GET", "/v1/rollback", "", NULL, 405, "method");
	assert_int_equal(ask(f, &r, "POST", "/v1/split", JSON, "{}"), 405);
	assert_non_null(strstr(r.head, "Allow: PUT"));
	reply_free(&r);
}

static void test_split(void **state)
{
	struct fixture *f = *state;
	struct snapshot *s = mem_new(1, sizeof *s);
	struct reply r;
	char headers[256];
	get_state(f, s);
	(void)snprintf(headers, sizeof headers,
		JSON "Idempotency-Key: k1\r\nIf-Match: \"%lld.%lld\"\r\n", (long long)s->epoch,
		(long long)s->rev);
	static const char body[] = "{\"to_bp\":1000,\"actor\":\"alice\"}";
	assert_int_equal(ask(f, &r, "PUT", "/v1/split", headers, body), 200);
	assert_int_equal(number(&r, "share_bp"), 1000);
	assert_int_equal(number(&r, "rev"), s->rev + 1);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(r.json, "replayed")));
	reply_free(&r);
	/* the same again is answered as before; the key with another body is not */
	assert_int_equal(ask(f, &r, "PUT", "/v1/split", headers, body), 200);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(r.json, "replayed")));
	assert_int_equal(number(&r, "rev"), s->rev + 1);
	reply_free(&r);
	expect(f, "PUT", "/v1/split", headers, "{\"to_bp\":1001,\"actor\":\"alice\"}", 422,
		"key_reused");
	/* another key on the old revision */
	(void)snprintf(headers, sizeof headers,
		JSON "Idempotency-Key: k2\r\nIf-Match: \"%lld.%lld\"\r\n", (long long)s->epoch,
		(long long)s->rev);
	assert_int_equal(ask(f, &r, "PUT", "/v1/split", headers, body), 412);
	assert_string_equal(word(&r, "changed_by"), "alice");
	assert_int_equal(number(&r, "share_bp"), 1000);
	assert_int_equal(number(&r, "rev"), s->rev + 1);
	reply_free(&r);
	get_state(f, s);
	assert_int_equal(s->share_bp, 1000);
	assert_string_equal(s->change.actor, "alice");
	free(s);
}

static void test_acts(void **state)
{
	struct fixture *f = *state;
	struct snapshot *s = mem_new(1, sizeof *s);
	struct audit_entry entries[8];
	size_t count;
	struct reply r;
	put_share(f, "k1", 500);
	expect(f, "POST", "/v1/hold", JSON "Idempotency-Key: k2\r\n",
		"{\"actor\":\"bob\",\"reason\":\"lunch\"}", 200, "");
	get_state(f, s);
	assert_true(s->hold.on);
	assert_string_equal(s->hold.actor, "bob");
	char headers[256];
	(void)snprintf(headers, sizeof headers,
		JSON "Idempotency-Key: k3\r\nIf-Match: \"%lld.%lld\"\r\n", (long long)s->epoch,
		(long long)s->rev);
	expect(f, "PUT", "/v1/split", headers, "{\"to_bp\":1000,\"actor\":\"a\"}", 409, "held");
	expect(f, "POST", "/v1/resume", JSON "Idempotency-Key: k4\r\n", "{\"actor\":\"bob\"}", 200,
		"");
	int64_t epoch = s->epoch;
	expect(f, "POST", "/v1/rollback", JSON "Idempotency-Key: k5\r\n", "{}", 200, "");
	get_state(f, s);
	assert_int_equal(s->share_bp, 0);
	assert_true(s->epoch > epoch);
	assert_false(s->hold.on);

	assert_int_equal(ask(f, &r, "GET", "/v1/audit?since=0", "", NULL), 200);
	assert_int_equal(wire_read_audit(entries, 8, &count, r.body.data, r.body.len, NULL), 0);
	assert_int_equal(count, 4);
	assert_string_equal(entries[0].what, "step");
	assert_string_equal(entries[0].key, "k1");
	assert_string_equal(entries[3].what, "rollback");
	reply_free(&r);
	char path[64];
	(void)snprintf(path, sizeof path, "/v1/audit?since=%lld", (long long)entries[2].seq);
	assert_int_equal(ask(f, &r, "GET", path, "", NULL), 200);
	assert_int_equal(wire_read_audit(entries, 8, &count, r.body.data, r.body.len, NULL), 0);
	assert_int_equal(count, 1);
	reply_free(&r);
	expect(f, "GET", "/v1/audit?since=-1", "", NULL, 400, "bad_since");
	expect(f, "GET", "/v1/audit?since=x", "", NULL, 400, "bad_since");
	expect(f, "GET", "/v1/audit", "", NULL, 200, "");
	free(s);
}

static void test_intents(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *method, *path, *fate;
	} rows[] = {
		{"GET", "/v1/intents/k1", "applied"},
		{"GET", "/v1/intents/never", "unknown"},
		{"POST", "/v1/intents/k1/void", "applied"},
		{"POST", "/v1/intents/k9/void", "void"},
		{"GET", "/v1/intents/k9", "void"},
	};
	struct reply r;
	put_share(f, "k1", 100);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(ask(f, &r, rows[i].method, rows[i].path, JSON, "{}"), 200);
		assert_string_equal(word(&r, "fate"), rows[i].fate);
		reply_free(&r);
	}
	/* a copy that is still on its way is refused */
	expect(f, "POST", "/v1/rollback", JSON "Idempotency-Key: k9\r\n", "{}", 422, "void");
	put_share(f, "k2", 200);
	assert_int_equal(ask(f, &r, "GET", "/v1/intents/k1", "", NULL), 200);
	assert_string_equal(word(&r, "fate"), "superseded");
	reply_free(&r);
}

/* ---- the order of refusal ---- */

static void test_order(void **state)
{
	struct fixture *f = *state;
	static const char good[] = "{\"to_bp\":100,\"actor\":\"a\"}";
	static const struct {
		const char *headers, *body;
		int status;
		const char *error;
	} rows[] = {
		{"Host: evil.example\r\nContent-Type: text/plain\r\n", "{", 403, "host"},
		{"Content-Type: text/plain\r\n", "{", 415, "content_type"},
		{"Content-Type: application/jsonx\r\nIdempotency-Key: k\r\n", good, 415,
			"content_type"},
		{"", good, 415, "content_type"},
		{JSON, "{", 428, "no_match"},
		{JSON "Idempotency-Key: k\r\n", good, 428, "no_match"},
		{JSON "If-Match: \"1.1\"\r\n", "{", 400, "no_key"},
		{JSON "If-Match: \"1.1\"\r\nIdempotency-Key: a/b\r\n", good, 400, "no_key"},
		{JSON "If-Match: \"1.1\"\r\nIdempotency-Key: k\r\n", "{", 400, "bad_body"},
		{JSON "If-Match: \"1.1\"\r\nIdempotency-Key: k\r\n", "", 400, "bad_body"},
		{JSON "If-Match: \"1.1\"\r\nIdempotency-Key: k\r\n", "{\"to_bp\":1e9,\"actor\":\"a\"}",
			400, "bad_body"},
		{JSON "If-Match: \"1.1\"\r\nIdempotency-Key: k\r\n", good, 412, "conflict"},
		{JSON "If-Match: *\r\nIdempotency-Key: k\r\n", good, 412, "conflict"},
		{JSON "If-Match: \"\"\r\nIdempotency-Key: k\r\n", good, 412, "conflict"},
		{JSON "If-Match: W/\"1.1\"\r\nIdempotency-Key: k\r\n", good, 412, "conflict"},
		{JSON "If-Match: \"1.1.1\"\r\nIdempotency-Key: k\r\n", good, 412, "conflict"},
		{JSON "If-Match: \".\"\r\nIdempotency-Key: k\r\n", good, 412, "conflict"},
		{JSON
			"If-Match: \"99999999999999999999999999999999999999.1\"\r\nIdempotency-Key: k\r\n",
			good, 412, "conflict"},
		{"content-type: Application/JSON; charset=utf-8\r\nIf-Match: "
		 "\"1.1\"\r\nIdempotency-Key: k\r\n",
			good, 412, "conflict"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect(f, "PUT", "/v1/split", rows[i].headers, rows[i].body, rows[i].status,
			rows[i].error);
	for (int i = 0; i < 3; i++) {
		static const char *const paths[] = {"/v1/rollback", "/v1/hold", "/v1/resume"};
		expect(f, "POST", paths[i], "", "{}", 415, "content_type");
		expect(f, "POST", paths[i], JSON, "{}", 400, "no_key");
		expect(f, "POST", paths[i], JSON "Idempotency-Key: k\r\n", "[]", 400, "bad_body");
		expect(f, "POST", paths[i], JSON "Idempotency-Key: k\r\n", NULL, 400, "bad_body");
	}
	expect(f, "POST", "/v1/intents/k/void", "", "{}", 415, "content_type");
	struct snapshot *s = mem_new(1, sizeof *s);
	get_state(f, s);
	assert_int_equal(s->share_bp, 0); /* nothing of all this was done */
	assert_int_equal(s->audit_seq, 0);
	free(s);
}

static void test_host(void **state)
{
	struct fixture *f = *state;
	static const char *const good[] = {"127.0.0.1", "127.0.0.1:7070", "localhost",
		"LocalHost:1", "[::1]", "[::1]:7070", "127.9.9.9"};
	static const char *const bad[] = {"weir.example", "127.0.0.1.evil.example", "10.0.0.1", "",
		"localhost.evil", "[::2]", "[::1", "[::1]x", "1270.0.0.1", "0.0.0.0"};
	char headers[128];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		(void)snprintf(headers, sizeof headers, "Host: %s\r\n", good[i]);
		expect(f, "GET", "/healthz", headers, NULL, 200, "");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		(void)snprintf(headers, sizeof headers, "Host: %s\r\n", bad[i]);
		expect(f, "GET", "/healthz", headers, NULL, 403, "host");
	}
}

/* ---- executing ---- */

static void test_execute(void **state)
{
	struct fixture *f = *state;
	struct reply r;
	assert_int_equal(ask(f, &r, "POST", "/v1/execute", JSON,
						 "{\"operation\":\"echo\",\"payload\":{\"x\":[1,2]}}"),
		200);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(r.json, "ok")));
	assert_string_equal(word(&r, "arm"), "v1");
	assert_true(number(&r, "latency_us") >= 0);
	reply_free(&r);
	assert_int_equal(
		ask(f, &r, "POST", "/v1/execute", JSON, "{\"operation\":\"no_such\"}"), 422);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(r.json, "ok")));
	reply_free(&r);
	expect(f, "POST", "/v1/execute", JSON, "{}", 400, "bad_body");
	expect(f, "POST", "/v1/execute", "", "{\"operation\":\"echo\"}", 415, "content_type");
	struct snapshot *s = mem_new(1, sizeof *s);
	get_state(f, s);
	assert_int_equal(s->arms[ARM_V1].requests, 1);
	assert_int_equal(s->arms[ARM_V1].ok, 1);
	free(s);
}

static void test_faults(void **state)
{
	struct fixture *f = *state;
	struct reply r;
	expect(f, "POST", "/v1/faults", JSON, "{\"arm\":\"v3\"}", 400, "bad_body");
	expect(f, "POST", "/v1/faults", JSON, "{\"arm\":\"v1\",\"error_rate\":1}", 200, "");
	assert_int_equal(ask(f, &r, "POST", "/v1/execute", JSON, "{\"operation\":\"echo\"}"), 200);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItem(r.json, "ok")));
	reply_free(&r);
	expect(f, "POST", "/v1/faults", JSON, "{\"arm\":\"v1\"}", 200, "");
	assert_int_equal(ask(f, &r, "POST", "/v1/execute", JSON, "{\"operation\":\"echo\"}"), 200);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(r.json, "ok")));
	reply_free(&r);
}

static void test_faults_forbidden(void **state)
{
	struct fixture f;
	(void)state;
	start(&f, false, 1);
	expect(&f, "POST", "/v1/faults", JSON, "{\"arm\":\"v1\",\"hang\":true}", 403, "faults");
	expect(&f, "POST", "/v1/faults", "", "{\"arm\":\"v1\",\"hang\":true}", 415, "content_type");
	stop(&f);
}

/* Begins executions that hang for `timeout_ms`, each on its own connection. */
static void hang(struct fixture *f, int *fds, int count, int timeout_ms)
{
	char body[128];
	expect(f, "POST", "/v1/faults", JSON, "{\"arm\":\"v1\",\"hang\":true}", 200, "");
	(void)snprintf(body, sizeof body, "{\"operation\":\"echo\",\"timeout_ms\":%d}", timeout_ms);
	for (int i = 0; i < count; i++) {
		fds[i] = dial(f->port);
		send_request(fds[i], "POST", "/v1/execute", JSON, body);
	}
}

/* All callers hang and the queue is full: control answers as if nothing were. */
static void test_hung_v1(void **state)
{
	enum { CALLERS = 2, SENT = CALLERS + 64 + 6 };
	struct fixture f;
	struct reply r;
	int fds[SENT], answered[4] = {0};
	struct snapshot *s = mem_new(1, sizeof *s);
	(void)state;
	start(&f, true, CALLERS);
	put_share(&f, "k1", 100);
	expect(&f, "POST", "/v1/faults", JSON, "{\"arm\":\"v2\",\"hang\":true}", 200, "");
	hang(&f, fds, SENT, 1500); /* longer than a busy machine takes to get there */
	/* the six that found no room are answered; the others hang */
	struct pollfd polls[SENT];
	for (int i = 0; i < SENT; i++)
		polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	assert_true(poll(polls, SENT, DEADLINE_MS) >= 1);
	assert_int_equal(
		ask(&f, &r, "POST", "/v1/rollback", JSON "Idempotency-Key: r1\r\n", "{}"), 200);
	reply_free(&r);
	get_state(&f, s);
	assert_int_equal(s->share_bp, 0);
	assert_false(is_readable(fds[0])); /* it hangs still: the rollback did not wait for it */
	for (int i = 0; i < SENT; i++) {
		read_reply(fds[i], &r);
		answered[r.status == 429 ? 0 : r.status == 504 ? 1 : r.status == 200 ? 2 : 3]++;
		reply_free(&r);
		(void)close(fds[i]);
	}
	/* two more where the queue filled before the callers had taken theirs */
	assert_in_range(answered[0], SENT - CALLERS - 64, SENT - 64);
	assert_int_equal(answered[3], 0);
	assert_int_equal(answered[1] + answered[2], SENT - answered[0]);
	stop(&f);
	free(s);
}

static bool counts_are(
	struct fixture *f, struct snapshot *s, enum arm arm, int64_t queued, int64_t timeouts)
{
	get_state(f, s);
	const struct arm_counts *c = &s->arms[arm];
	assert_int_equal(
		c->requests, c->ok + counts_failed(c) + c->timeouts + c->queue_depth + c->in_flight);
	return c->queue_depth == queued && c->timeouts == timeouts;
}

static void wait_for_counts(
	struct fixture *f, struct snapshot *s, enum arm arm, int64_t queued, int64_t timeouts)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	for (int64_t end = now.tv_sec * 1000 + DEADLINE_MS;
		 !counts_are(f, s, arm, queued, timeouts);) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec * 1000 > end)
			fail_msg("queued %lld, timeouts %lld", (long long)s->arms[arm].queue_depth,
				(long long)s->arms[arm].timeouts);
		(void)poll(NULL, 0, 1);
	}
}

static void stall(struct fixture *f, enum arm arm, bool on)
{
	char body[64];
	(void)snprintf(body, sizeof body, "{\"arm\":\"%s\",\"stall\":%s}", arm_name(arm),
		on ? "true" : "false");
	expect(f, "POST", "/v1/faults", JSON, body, 200, "");
}

static int ask_echo(int fd)
{
	send_request(
		fd, "POST", "/v1/execute", JSON, "{\"operation\":\"echo\",\"timeout_ms\":30000}");
	return fd;
}

/* Nothing begins; who hangs up, by closing or by a half, over TCP or a unix socket, leaves the
 * queue unexecuted. The one that stays is served. */
static void hang_up_in_queue(enum arm arm)
{
	struct fixture f;
	struct snapshot *s = mem_new(1, sizeof *s);
	struct reply r;
	start(&f, true, 8);
	put_share(&f, "k1", arm == ARM_V2 ? 10000 : 0);
	stall(&f, arm, true);
	int closed = ask_echo(dial(f.port)), half = ask_echo(dial(f.port));
	int local = ask_echo(dial_unix(f.socket)), stays = ask_echo(dial(f.port));
	wait_for_counts(&f, s, arm, 4, 0);
	(void)close(closed);
	wait_for_counts(&f, s, arm, 3, 1);
	(void)shutdown(half, SHUT_WR);
	(void)close(local);
	wait_for_counts(&f, s, arm, 1, 3);
	/* Who has closed but one half may still hear of it. */
	read_reply(half, &r);
	assert_true(r.status == 504 || r.status == 0);
	reply_free(&r);
	(void)close(half);
	assert_false(is_readable(stays));
	stall(&f, arm, false);
	read_reply(stays, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	(void)close(stays);
	wait_for_counts(&f, s, arm, 0, 3);
	assert_int_equal(s->arms[arm].ok, 1);
	stop(&f);
	free(s);
}

static void q5_who_hangs_up_leaves_v1s_queue(void **state)
{
	(void)state;
	hang_up_in_queue(ARM_V1);
}

static void q5_who_hangs_up_leaves_v2s_queue(void **state)
{
	(void)state;
	hang_up_in_queue(ARM_V2);
}

/* Where all callers are busy the request has not even reached an arm: it is never accepted. */
static void q5_who_hangs_up_leaves_the_servers_queue(void **state)
{
	enum { WAITING = 64 };
	struct fixture f;
	struct snapshot *s = mem_new(1, sizeof *s);
	struct reply r;
	int fds[WAITING];
	(void)state;
	start(&f, true, 1);
	stall(&f, ARM_V1, true);
	int first = ask_echo(dial(f.port));
	wait_for_counts(&f, s, ARM_V1, 1, 0);
	for (int i = 0; i < WAITING; i++)
		fds[i] = ask_echo(dial(f.port));
	/* It is full once the server has seen them all, and has room again once they are gone. */
	int last = dial(f.port);
	struct pollfd said = {.fd = last, .events = POLLIN};
	bool was_full = false;
	for (bool is_full = true; is_full || !was_full;) {
		(void)ask_echo(last);
		is_full = poll(&said, 1, 50) == 1;
		if (!is_full && was_full)
			break;
		if (!is_full) { /* it has a place itself: begin again */
			(void)close(last);
			said.fd = last = dial(f.port);
			continue;
		}
		read_reply(last, &r);
		assert_int_equal(r.status, 429);
		reply_free(&r);
		for (int i = 0; i < WAITING && !was_full; i++)
			(void)close(fds[i]);
		was_full = true;
	}
	stall(&f, ARM_V1, false);
	read_reply(first, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	read_reply(last, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	get_state(&f, s);
	assert_int_equal(s->arms[ARM_V1].requests, 2);
	(void)close(first);
	(void)close(last);
	stop(&f);
	free(s);
}

/* Stopping answers what runs and refuses what waits. */
static void test_stop_under_load(void **state)
{
	enum { SENT = 4 };
	struct fixture f;
	struct reply r;
	int fds[SENT], refused = 0;
	(void)state;
	start(&f, true, 1);
	hang(&f, fds, SENT, 200);
	int idle = dial(f.port);
	/* A later request on the same thread is answered: the four before it have been read. */
	expect(&f, "GET", "/healthz", "", NULL, 200, "");
	stop(&f);
	for (int i = 0; i < SENT; i++) {
		read_reply(fds[i], &r);
		refused += r.status == 503;
		if (r.status != 503 && r.status != 504 && r.status != 200)
			fail_msg("%d", r.status);
		reply_free(&r);
		(void)close(fds[i]);
	}
	assert_in_range(refused, SENT - 2, SENT);
	char byte;
	assert_int_equal(receive(idle, &byte, 1), 0);
	(void)close(idle);
}

int main(void)
{
#define WITH_TLS(test) cmocka_unit_test_setup_teardown(test, set_up_tls, tear_down_tls)
#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_POOL(test_reading),
		WITH_POOL(test_unknown_paths),
		WITH_POOL(test_split),
		WITH_POOL(test_acts),
		WITH_POOL(test_intents),
		WITH_POOL(test_order),
		WITH_POOL(test_host),
		WITH_POOL(test_execute),
		WITH_POOL(test_faults),
		cmocka_unit_test(test_faults_forbidden),
		cmocka_unit_test(test_hung_v1),
		cmocka_unit_test(q5_who_hangs_up_leaves_v1s_queue),
		cmocka_unit_test(q5_who_hangs_up_leaves_v2s_queue),
		cmocka_unit_test(q5_who_hangs_up_leaves_the_servers_queue),
		cmocka_unit_test(test_stop_under_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
