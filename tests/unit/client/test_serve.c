#define _GNU_SOURCE /* strcasestr */
/* Tests of client/serve: the engine behind real sockets. Every answer is waited for with a
 * deadline; nothing sleeps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/serve.h"
#include "client/wire.h"
#include "model/mem.h"
#include "tests/lib/process.h"
#include "tests/lib/tls.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_MS 5000
#define JSON "Content-Type: application/json\r\n"
#define WRITER "writer-0123456789"
#define READER "reader-0123456789"
#define BEARER(token) "Authorization: Bearer " token "\r\n"

static const struct secret_list tokens = {
	.tokens = {{WRITER, SECRET_WRITES}, {READER, SECRET_READS}}, .count = 2};

struct fixture {
	struct engine *engine;
	struct serve *serve;
	int port;
	char dir[64], socket[96], listen_unix[112];
};

struct reply {
	int status; /* 0: the connection ended without an answer */
	char head[2048];
	struct text body;
	cJSON *json;
};

/* ---- a small client ---- */

static int dial(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static int dial_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	(void)text_copy(a.sun_path, sizeof a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* Sends all; false when the other end has closed. */
static bool send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Reads some bytes; 0 at the end. Fails the test at the deadline. */
static size_t receive(int fd, char *data, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (poll(&p, 1, DEADLINE_MS) != 1)
		fail_msg("no answer within the deadline");
	ssize_t n = recv(fd, data, size, 0);
	return n > 0 ? (size_t)n : 0;
}

/* Takes one whole answer out of what has come; false when there is more to come. */
static bool take_reply(const struct text *all, struct reply *r)
{
	const char *end = strstr(text_str(all), "\r\n\r\n");
	if (!end)
		return false;
	end += 4;
	const char *field = strstr(all->data, "Content-Length: ");
	assert_non_null(field);
	size_t length = strtoul(field + strlen("Content-Length: "), NULL, 10);
	if (all->len - (size_t)(end - all->data) < length)
		return false;
	assert_int_equal(sscanf(all->data, "HTTP/1.1 %d", &r->status), 1);
	(void)snprintf(r->head, sizeof r->head, "%.*s", (int)(end - all->data), all->data);
	text_add_n(&r->body, end, length);
	r->json = cJSON_Parse(text_str(&r->body));
	return true;
}

/* Reads one whole answer. */
static void read_reply(int fd, struct reply *r)
{
	char chunk[4096];
	struct text all = {0};
	size_t n;
	memset(r, 0, sizeof *r);
	while (!take_reply(&all, r) && (n = receive(fd, chunk, sizeof chunk)) > 0)
		text_add_n(&all, chunk, n);
	text_free(&all);
}

static void reply_free(struct reply *r)
{
	cJSON_Delete(r->json);
	text_free(&r->body);
	memset(r, 0, sizeof *r);
}

static void send_request(
	int fd, const char *method, const char *path, const char *headers, const char *body)
{
	struct text t = {0};
	text_addf(&t, "%s %s HTTP/1.1\r\n%s", method, path, headers);
	if (!strstr(headers, "Host:"))
		text_add(&t, "Host: 127.0.0.1\r\n");
	if (body)
		text_addf(&t, "Content-Length: %zu\r\n", strlen(body));
	text_addf(&t, "\r\n%s", body ? body : "");
	(void)send_all(fd, t.data, t.len);
	text_free(&t);
}

/* One request on a connection of its own; the status. */
static int ask(struct fixture *f, struct reply *r, const char *method, const char *path,
	const char *headers, const char *body)
{
	int fd = dial(f->port);
	send_request(fd, method, path, headers, body);
	read_reply(fd, r);
	(void)close(fd);
	return r->status;
}

static const char *word(const struct reply *r, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->json, name));
	return s ? s : "";
}

static int64_t number(const struct reply *r, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->json, name);
	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : -1;
}

/* One request that must be answered with `status` and, when an error, `error`. */
static void expect(struct fixture *f, const char *method, const char *path, const char *headers,
	const char *body, int status, const char *error)
{
	struct reply r;
	if (ask(f, &r, method, path, headers, body) != status ||
		strcmp(word(&r, "error"), error) != 0)
		fail_msg("%s %s: %d %s, not %d %s", method, path, r.status, text_str(&r.body), status,
			error);
	assert_non_null(r.json);
	assert_non_null(strstr(r.head, "application/json"));
	assert_true(status == 200 || *word(&r, "message"));
	reply_free(&r);
}

/* ---- the fixture ---- */

static void start_with(struct fixture *f, struct serve_options serve)
{
	const struct engine_options how = {.v1_workers = 1, .v2_workers = 2, .unit_ms = 100};
	const char *tmp = getenv("TMPDIR");
	struct err err = {0};
	memset(f, 0, sizeof *f);
	(void)snprintf(
		f->dir, sizeof f->dir, "%s/weir-serve-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->socket, sizeof f->socket, "%s/s", f->dir);
	(void)snprintf(f->listen_unix, sizeof f->listen_unix, "unix:%s", f->socket);
	assert_int_equal(engine_start(&f->engine, &how, &err), 0);
	serve.listen[0] = serve.listen[0] ? serve.listen[0] : "127.0.0.1:0";
	serve.listen[1] = f->listen_unix;
	serve.listen_count = 2;
	if (serve_start(&f->serve, f->engine, &serve, &err))
		fail_msg("%s", err.text);
	f->port = serve_port(f->serve, 0);
	assert_in_range(f->port, 1, 65535);
	assert_int_equal(serve_port(f->serve, 1), 0);
}

static void start(struct fixture *f, bool faults, int callers)
{
	start_with(f, (struct serve_options){.allow_faults = faults, .callers = callers});
}

static void stop(struct fixture *f)
{
	serve_stop(f->serve);
	engine_stop(f->engine);
	assert_int_equal(rmdir(f->dir), 0); /* the socket file has gone */
}

static int set_up(void **state)
{
	struct fixture *f = mem_new(1, sizeof *f);
	start(f, true, 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	stop(*state);
	free(*state);
	return 0;
}

/* The state document as a console reads it. */
static void get_state(struct fixture *f, struct snapshot *s)
{
	struct reply r;
	struct err err = {0};
	assert_int_equal(ask(f, &r, "GET", "/v1/state", "", NULL), 200);
	if (wire_read_state(s, r.body.data, r.body.len, &err))
		fail_msg("%s", err.text);
	reply_free(&r);
}

/* Puts a share with the pool's own epoch and rev. */
static void put_share(struct fixture *f, const char *key, int share_bp)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	char headers[256], body[64];
	get_state(f, s);
	(void)snprintf(headers, sizeof headers,
		JSON "Idempotency-Key: %s\r\nIf-Match: \"%lld.%lld\"\r\n", key, (long long)s->epoch,
		(long long)s->rev);
	(void)snprintf(body, sizeof body, "{\"to_bp\":%d,\"actor\":\"alice\"}", share_bp);
	expect(f, "PUT", "/v1/split", headers, body, 200, "");
	free(s);
}

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

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
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

/* ---- connections ---- */

/* Row 81: more idle connections than there is room for: the longest waiting make place. */
static void row_81_idle(void **state)
{
	enum { GUESTS = 400 };
	struct fixture f;
	int fds[GUESTS];
	(void)state;
	start(&f, false, 1);
	for (int i = 0; i < GUESTS; i++)
		fds[i] = dial(f.port);
	expect(&f, "POST", "/v1/rollback", JSON "Idempotency-Key: r1\r\n", "{}", 200, "");
	char byte;
	assert_int_equal(receive(fds[0], &byte, 1), 0);
	for (int i = 0; i < GUESTS; i++)
		(void)close(fds[i]);
	stop(&f);
}

static void test_keep_alive(void **state)
{
	struct fixture *f = *state;
	struct reply r;
	int fd = dial(f->port);
	for (int i = 0; i < 3; i++) {
		send_request(fd, "GET", "/v1/state", "", NULL);
		read_reply(fd, &r);
		assert_int_equal(r.status, 200);
		reply_free(&r);
		send_request(fd, "POST", "/v1/execute", JSON, "{\"operation\":\"echo\"}");
		read_reply(fd, &r);
		assert_int_equal(r.status, 200);
		reply_free(&r);
	}
	(void)close(fd);
}

static void test_bodies(void **state)
{
	struct fixture *f = *state;
	struct reply r;
	char byte;
	/* cut short: never done */
	int fd = dial(f->port);
	static const char cut[] =
		"POST /v1/hold HTTP/1.1\r\nHost: localhost\r\n" JSON
		"Idempotency-Key: k1\r\nContent-Length: 20\r\n\r\n{\"actor\":\"a\"}";
	assert_true(send_all(fd, cut, sizeof cut - 1));
	(void)close(fd);
	/* in chunks */
	fd = dial(f->port);
	static const char chunks[] = "POST /v1/hold HTTP/1.1\r\nHost: localhost\r\n" JSON
								 "Idempotency-Key: k2\r\nTransfer-Encoding: chunked\r\n\r\n"
								 "5\r\n{\"act\r\n8\r\nor\":\"a\"}\r\n0\r\n\r\n";
	assert_true(send_all(fd, chunks, sizeof chunks - 1));
	read_reply(fd, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	(void)close(fd);
	assert_int_equal(ask(f, &r, "GET", "/v1/intents/k1", "", NULL), 200);
	assert_string_equal(word(&r, "fate"), "unknown");
	reply_free(&r);
	assert_int_equal(ask(f, &r, "GET", "/v1/intents/k2", "", NULL), 200);
	assert_string_equal(word(&r, "fate"), "applied");
	reply_free(&r);
	/* of exactly the size, and a byte more */
	char *big = malloc(1024 * 1024 + 2);
	assert_non_null(big);
	memset(big, ' ', 1024 * 1024 + 1);
	big[1024 * 1024 + 1] = '\0';
	memcpy(big, "{}", 2);
	expect(f, "POST", "/v1/rollback", JSON "Idempotency-Key: k3\r\n", big, 413, "too_large");
	big[1024 * 1024] = '\0';
	expect(f, "POST", "/v1/rollback", JSON "Idempotency-Key: k3\r\n", big, 200, "");
	free(big);
	/* no HTTP at all: the connection ends, and others go on */
	fd = dial(f->port);
	assert_true(send_all(fd, "\x16\x03\x01\x02\r\n\r\n", 8));
	while (receive(fd, &byte, 1) > 0)
		continue;
	(void)close(fd);
	expect(f, "GET", "/healthz", "", NULL, 200, "");
}

/* ---- who may ask ---- */

/* Row 67: who may do what, by the token alone; a refusal tells nothing of what is there. */
static void row_67_tokens(void **state)
{
	static const char large[] = JSON "Content-Length: 99999999\r\nX-Cut: yes\r\n";
	static const struct {
		const char *method, *path, *headers;
		int status;
		const char *error;
	} rows[] = {
		{"GET", "/v1/state", "", 401, "token"},
		{"GET", "/", "", 401, "token"},
		{"GET", "/healthz", "", 401, "token"},
		{"OPTIONS", "/v1/split", "", 401, "token"},
		{"GET", "/v1/state?token=" WRITER, "", 401, "token"},
		{"GET", "/v1/state", "Host: evil.example\r\n", 401, "token"},
		{"PUT", "/v1/split", "Origin: http://evil.example\r\n", 401, "token"},
		{"GET", "/v1/state", BEARER("writer-012345678"), 401, "token"},
		{"GET", "/v1/state", BEARER("writer-01234567890"), 401, "token"},
		{"GET", "/v1/state", BEARER("Writer-0123456789"), 401, "token"},
		{"GET", "/v1/state", BEARER("tok_...89"), 401, "token"},
		{"GET", "/v1/state", BEARER(""), 401, "token"},
		{"GET", "/v1/state", "Authorization: Bearer\r\n", 401, "token"},
		{"GET", "/v1/state", "Authorization:\r\n", 401, "token"},
		{"GET", "/v1/state", "Authorization: " WRITER "\r\n", 401, "token"},
		{"GET", "/v1/state", "Authorization: Basic " WRITER "\r\n", 401, "token"},
		{"GET", "/v1/state", "Authorization: Bearer" WRITER "\r\n", 401, "token"},
		{"GET", "/v1/state", BEARER(WRITER ", " WRITER), 401, "token"},
		{"GET", "/v1/state", BEARER("\xff\xfe\x01"), 401, "token"},
		{"GET", "/v1/state", BEARER(WRITER) BEARER(WRITER), 401, "token"},
		{"GET", "/v1/state", BEARER("nothing") BEARER(WRITER), 401, "token"},
		{"GET", "/v1/state", "X-Authorization: Bearer " WRITER "\r\n", 401, "token"},
		{"GET", "/v1/state", "Cookie: Authorization=Bearer " WRITER "\r\n", 401, "token"},
		{"GET", "/v1/state", BEARER(READER), 200, ""},
		{"GET", "/v1/state", BEARER(WRITER), 200, ""},
		{"GET", "/v1/state", "authorization: bEARER   " WRITER "\r\n", 200, ""},
		{"GET", "/nothing", BEARER(READER), 404, "path"},
		{"POST", "/v1/rollback", BEARER(READER) JSON, 403, "read_token"},
		{"POST", "/nothing", BEARER(READER) JSON, 403, "read_token"},
		{"DELETE", "/v1/state", BEARER(READER), 403, "read_token"},
		{"POST", "/v1/execute", BEARER(READER) JSON, 403, "read_token"},
		{"OPTIONS", "/v1/split", BEARER(READER), 405, "method"},
		{"POST", "/v1/rollback", BEARER(WRITER) JSON, 400, "no_key"},
		{"POST", "/v1/rollback", BEARER(WRITER) "Host: evil.example\r\n" JSON, 403, "host"},
		{"POST", "/v1/rollback", BEARER(WRITER) "Origin: null\r\n" JSON, 403, "origin"},
	};
	struct fixture f;
	struct reply r;
	char byte;
	(void)state;
	start_with(&f, (struct serve_options){.callers = 1, .tokens = &tokens});
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect(&f, rows[i].method, rows[i].path, rows[i].headers, NULL, rows[i].status,
			rows[i].error);
	/* one who is refused hears what is wanted, and the connection ends */
	int fd = dial(f.port);
	send_request(fd, "GET", "/v1/state", "", NULL);
	read_reply(fd, &r);
	assert_non_null(strstr(r.head, "WWW-Authenticate: Bearer realm=\"weir\""));
	assert_null(strstr(r.body.data, "writer"));
	assert_int_equal(receive(fd, &byte, 1), 0);
	reply_free(&r);
	(void)close(fd);
	/* a body that has no end in sight is not waited for by others */
	fd = dial(f.port);
	send_request(fd, "POST", "/v1/rollback", large, NULL);
	expect(&f, "POST", "/v1/rollback", BEARER(WRITER) JSON "Idempotency-Key: r1\r\n", "{}", 200,
		"");
	(void)close(fd);
	/* over the unix socket nobody is asked */
	fd = dial_unix(f.socket);
	send_request(fd, "POST", "/v1/rollback", JSON "Idempotency-Key: r2\r\n", "{}");
	read_reply(fd, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	(void)close(fd);
	stop(&f);
}

/* A body behind a refusal is read to its end and never kept, whatever its size. */
static void row_67_refused_body(void **state)
{
	struct fixture f;
	char *big = malloc(2 * 1024 * 1024 + 1);
	(void)state;
	assert_non_null(big);
	memset(big, ' ', 2 * 1024 * 1024);
	big[2 * 1024 * 1024] = '\0';
	start_with(&f, (struct serve_options){.callers = 1, .tokens = &tokens});
	expect(&f, "PUT", "/v1/split", JSON, big, 401, "token");
	expect(&f, "PUT", "/v1/split", BEARER(READER) JSON, big, 403, "read_token");
	expect(&f, "PUT", "/v1/split", BEARER(WRITER) JSON, big, 413, "too_large");
	free(big);
	stop(&f);
}

/* Row 81: what a page in a browser of this machine can send changes nothing, neither as a form
 * nor as a script, nor under a name that was bound to loopback. */
static void row_81_browser(void **state)
{
	struct fixture *f = *state;
	static const char *const types[] = {"", "Content-Type: text/plain\r\n",
		"Content-Type: application/x-www-form-urlencoded\r\n",
		"Content-Type: multipart/form-data; boundary=x\r\n",
		"Content-Type: text/plain; application/json\r\n"};
	struct reply r;
	char headers[256];
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		(void)snprintf(headers, sizeof headers, "%sIdempotency-Key: b\r\n", types[i]);
		expect(f, "POST", "/v1/rollback", headers, "{}", 415, "content_type");
		(void)snprintf(headers, sizeof headers, "%sOrigin: http://evil.example\r\n", types[i]);
		expect(f, "POST", "/v1/rollback", headers, "{}", 403, "origin");
	}
	expect(f, "POST", "/v1/rollback", JSON "Idempotency-Key: b\r\nOrigin: http://127.0.0.1\r\n",
		"{}", 403, "origin");
	expect(f, "POST", "/v1/execute", JSON "Origin: null\r\n", "{\"operation\":\"echo\"}", 403,
		"origin");
	expect(f, "POST", "/v1/rollback", JSON "Idempotency-Key: b\r\nHost: rebound.example\r\n",
		"{}", 403, "host");
	expect(f, "GET", "/v1/state", "Host: rebound.example:7070\r\n", NULL, 403, "host");
	/* the question whether a page may is not answered */
	assert_int_equal(ask(f, &r, "OPTIONS", "/v1/rollback",
						 "Origin: http://evil.example\r\n"
						 "Access-Control-Request-Method: POST\r\n"
						 "Access-Control-Request-Headers: content-type,idempotency-key\r\n",
						 NULL),
		405);
	assert_null(strcasestr(r.head, "access-control"));
	reply_free(&r);
	assert_int_equal(
		ask(f, &r, "GET", "/v1/state", "Origin: http://evil.example\r\n", NULL), 200);
	assert_null(strcasestr(r.head, "access-control"));
	reply_free(&r);
	struct snapshot *s = mem_new(1, sizeof *s);
	get_state(f, s);
	assert_int_equal(s->audit_seq, 0); /* nothing of all this was done */
	free(s);
}

/* Headers that are too long, too many or none end their own connection at most. */
static void row_81_hostile_headers(void **state)
{
	struct fixture f;
	struct text t = {0};
	char chunk[4096];
	(void)state;
	start_with(&f, (struct serve_options){.callers = 1, .tokens = &tokens});
	for (int row = 0; row < 4; row++) {
		int fd = dial(f.port);
		text_add(&t, "GET /v1/state HTTP/1.1\r\nHost: localhost\r\n");
		for (int i = 0; i < 5000; i++)
			text_add(&t,
				row == 0       ? "Authorization: Bearer x\r\n"
					: row == 1 ? "0123456789012345"
					: row == 2 ? "\r "
							   : "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n");
		text_add(&t, "\r\n\r\n");
		if (row == 1) { /* one line without end, in the token's place */
			text_clear(&t);
			text_add(&t, "GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ");
			for (int i = 0; i < 100000; i++)
				text_add(&t, "x");
		}
		(void)send_all(fd, t.data, t.len);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, DEADLINE_MS), 1);
		ssize_t n = recv(fd, chunk, sizeof chunk - 1, 0);
		chunk[n > 0 ? n : 0] = '\0';
		assert_null(strstr(chunk, " 200 "));
		(void)close(fd);
		text_clear(&t);
		expect(&f, "GET", "/healthz", BEARER(READER), NULL, 200, "");
	}
	text_free(&t);
	stop(&f);
}

/* ---- TLS ---- */

struct tls_fixture {
	struct fixture f;
	struct tls_pair ca, pair;
};

static int set_up_tls(void **state)
{
	struct tls_fixture *f = mem_new(1, sizeof *f);
	tls_make_ca(&f->ca);
	tls_make(&f->pair, &f->ca, (struct tls_terms){NULL, -1, 1});
	start_with(&f->f,
		(struct serve_options){.listen = {"0.0.0.0:0"},
			.allow_faults = true,
			.callers = 2,
			.tokens = &tokens,
			.cert = f->pair.cert,
			.key = f->pair.key});
	*state = f;
	return 0;
}

static int tear_down_tls(void **state)
{
	struct tls_fixture *f = *state;
	stop(&f->f);
	tls_release(&f->pair);
	tls_release(&f->ca);
	free(f);
	return 0;
}

/* Asks over a TLS connection (NULL: there is none); the status, 0 when there is no answer. */
static int ask_tls(
	struct tls *t, const char *method, const char *path, const char *headers, const char *body)
{
	struct text q = {0}, all = {0};
	struct reply r = {0};
	char chunk[4096];
	size_t n;
	text_addf(&q, "%s %s HTTP/1.1\r\nHost: pool.example\r\n%sContent-Length: %zu\r\n\r\n%s",
		method, path, headers, strlen(body), body);
	if (t && tls_send(t, q.data, q.len))
		while (!take_reply(&all, &r) && (n = tls_receive(t, chunk, sizeof chunk, DEADLINE_MS)))
			text_add_n(&all, chunk, n);
	int status = r.status;
	reply_free(&r);
	text_free(&all);
	text_free(&q);
	return status;
}

static int once_tls(const struct fixture *f, const char *versions, const char *method,
	const char *path, const char *headers, const char *body)
{
	struct tls *t = tls_dial(f->port, versions, DEADLINE_MS);
	int status = ask_tls(t, method, path, headers, body);
	tls_close(t);
	return status;
}

/* Row 6: TLS 1.2 and 1.3 and nothing older, no plain words at the same port. */
static void row_06_tls_versions(void **state)
{
	struct tls_fixture *f = *state;
	static const char *const good[] = {
		NULL, "-VERS-ALL:+VERS-TLS1.2", "-VERS-ALL:+VERS-TLS1.3"};
	static const char *const bad[] = {"-VERS-ALL:+VERS-TLS1.1", "-VERS-ALL:+VERS-TLS1.0"};
	struct reply r;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(once_tls(&f->f, good[i], "GET", "/v1/state", BEARER(READER), ""), 200);
	for (size_t i = 0; i < 2; i++)
		assert_null(tls_dial(f->f.port, bad[i], DEADLINE_MS));
	assert_int_equal(ask(&f->f, &r, "GET", "/healthz", BEARER(WRITER), NULL), 0);
	reply_free(&r);
	assert_int_equal(once_tls(&f->f, NULL, "GET", "/v1/state", "", ""), 401);
	assert_int_equal(
		once_tls(&f->f, NULL, "POST", "/v1/rollback", BEARER(READER) JSON, "{}"), 403);
	assert_int_equal(once_tls(&f->f, NULL, "POST", "/v1/rollback",
						 BEARER(WRITER) JSON "Idempotency-Key: t\r\n", "{}"),
		200);
	assert_int_equal(once_tls(&f->f, NULL, "POST", "/v1/execute", BEARER(WRITER) JSON,
						 "{\"operation\":\"echo\"}"),
		200);
}

/* Executions that hang over TLS neither delay a rollback nor the end of the server. */
static void test_tls_hung(void **state)
{
	enum { SENT = 6 };
	struct tls_fixture *f = *state;
	struct tls *t[SENT];
	static const char hang[] = "POST /v1/execute HTTP/1.1\r\nHost: x\r\n" BEARER(WRITER) JSON
		"Content-Length: 38\r\n\r\n"
		"{\"operation\":\"echo\",\"timeout_ms\":2000}";
	assert_int_equal(once_tls(&f->f, NULL, "POST", "/v1/faults", BEARER(WRITER) JSON,
						 "{\"arm\":\"v1\",\"hang\":true}"),
		200);
	for (int i = 0; i < SENT; i++) {
		t[i] = tls_dial(f->f.port, NULL, DEADLINE_MS);
		assert_non_null(t[i]);
		assert_true(tls_send(t[i], hang, sizeof hang - 1));
	}
	int64_t begun_ms = process_clock_ms();
	assert_int_equal(once_tls(&f->f, NULL, "POST", "/v1/rollback",
						 BEARER(WRITER) JSON "Idempotency-Key: t\r\n", "{}"),
		200);
	assert_in_range(process_clock_ms() - begun_ms, 0, 1500);
	for (int i = 0; i < SENT; i++)
		tls_close(t[i]);
}

static void refused_with(
	struct engine *engine, struct serve_options how, enum err_code code, const char *why)
{
	struct serve *s = NULL;
	struct err err = {0};
	how.listen_count = how.callers = 1;
	assert_int_equal(serve_start(&s, engine, &how, &err), -1);
	assert_null(s);
	if (err.code != code || !strstr(err.text, why))
		fail_msg("%s %s: %s", how.listen[0], err_name(err.code), err.text);
}

static void row_06_own_certificate(void **state)
{
	struct tls_fixture *f = *state;
	const struct {
		const char *cert, *key;
	} rows[] = {
		{f->pair.cert, f->ca.key}, /* another's key */
		{f->pair.key, f->pair.cert},
		{"", f->pair.key},
		{f->pair.cert, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		refused_with(f->f.engine,
			(struct serve_options){
				.listen = {"127.0.0.1:0"}, .cert = rows[i].cert, .key = rows[i].key},
			ERR_TLS, "cannot speak TLS");
}

/* Row 81: off loopback both are asked for, the token and TLS. */
static void row_81_elsewhere_takes_both(void **state)
{
	struct tls_fixture *f = *state;
	static const char *const open[] = {"0.0.0.0:0", "[::]:0", "10.1.2.3:80",
		"[::ffff:127.0.0.1]:0", "192.168.0.1:0", "8.8.8.8:53", "[fe80::1]:0"};
	for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
		struct serve_options how = {.listen = {open[i]}};
		refused_with(f->f.engine, how, ERR_USAGE, "--token-file, and --tls-cert");
		how.tokens = &tokens;
		refused_with(f->f.engine, how, ERR_USAGE, open[i]);
		how.tokens = NULL;
		how.cert = f->pair.cert;
		how.key = f->pair.key;
		refused_with(f->f.engine, how, ERR_USAGE, "not loopback");
	}
}

/* ---- floods ---- */

enum {
	GUESTS = 64,
	FLOOD_MOST = 400,
	FLOOD_ASKS = 12,
	SOON_MS = 1500,
};

/* What those say who want to keep a server busy: nothing, some of a header, some of a body,
 * something wrong, rubbish, a first part of TLS. */
static const struct {
	const char *words;
	size_t len;
} floods[] = {
#define WORDS(text) \
	{ \
		text, sizeof text - 1 \
	}
	WORDS(""),
	WORDS("PUT /v1/split HTTP/1.1\r\nHo"),
	WORDS("POST /v1/rollback HTTP/1.1\r\nHost: localhost\r\n" JSON
		  "Content-Length: 1000\r\n\r\n{\"actor\":"),
	WORDS("GET /v1/state HTTP/1.1\r\nHost: localhost\r\n" BEARER("wrong") "\r\n"),
	WORDS("\x01\x02\r\n\r\n"),
	WORDS("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
};
#define FLOOD_KINDS ((int)(sizeof floods / sizeof *floods))

/* Row 81: idle connections, slow headers and slow bodies delay nobody. */
static void row_81_slow_guests(void **state)
{
	struct tls_fixture *f = *state;
	struct fixture plain;
	int fds[2 * GUESTS];
	start(&plain, false, 1);
	for (int i = 0; i < 2 * GUESTS; i++) {
		fds[i] = dial(i % 2 ? plain.port : f->f.port);
		(void)send_all(
			fds[i], floods[i / 2 % FLOOD_KINDS].words, floods[i / 2 % FLOOD_KINDS].len);
	}
	int64_t begun_ms = process_clock_ms();
	expect(&plain, "POST", "/v1/rollback", JSON "Idempotency-Key: r1\r\n", "{}", 200, "");
	expect(&plain, "GET", "/v1/state", "", NULL, 200, "");
	assert_int_equal(once_tls(&f->f, NULL, "POST", "/v1/rollback",
						 BEARER(WRITER) JSON "Idempotency-Key: r1\r\n", "{}"),
		200);
	assert_int_equal(once_tls(&f->f, NULL, "GET", "/v1/state", BEARER(READER), ""), 200);
	assert_in_range(process_clock_ms() - begun_ms, 0, SOON_MS);
	for (int i = 0; i < 2 * GUESTS; i++) {
		if (i / 2 % FLOOD_KINDS < 3 && i % 2) /* nobody was sent away for it */
			assert_false(is_readable(fds[i]));
		(void)close(fds[i]);
	}
	stop(&plain);
}

struct flood {
	pthread_t thread;
	int port;
	atomic_bool over;
	atomic_int begun;
};

/* Opens connections as fast as it can, FLOOD_MOST at a time. */
static void *flood(void *arg)
{
	struct flood *f = arg;
	int fds[FLOOD_MOST];
	for (int i = 0; i < FLOOD_MOST; i++)
		fds[i] = -1;
	for (int i = 0; !atomic_load(&f->over); i++) {
		struct sockaddr_in a = {.sin_family = AF_INET,
			.sin_port = htons((uint16_t)f->port),
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		int *fd = &fds[i % FLOOD_MOST];
		if (*fd >= 0)
			(void)close(*fd);
		*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (*fd >= 0 &&
			(connect(*fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EINPROGRESS))
			(void)send_all(*fd, floods[i % FLOOD_KINDS].words, floods[i % FLOOD_KINDS].len);
		atomic_fetch_add(&f->begun, 1);
	}
	for (int i = 0; i < FLOOD_MOST; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	return NULL;
}

static void begin_flood(struct flood *f, int port)
{
	f->port = port;
	assert_int_equal(pthread_create(&f->thread, NULL, flood, f), 0);
	int64_t until_ms = process_clock_ms() + DEADLINE_MS;
	while (atomic_load(&f->begun) < FLOOD_MOST && process_clock_ms() < until_ms)
		(void)sched_yield();
	assert_true(atomic_load(&f->begun) >= FLOOD_MOST);
}

static void end_flood(struct flood *f)
{
	atomic_store(&f->over, true);
	assert_int_equal(pthread_join(f->thread, NULL), 0);
}

/* Row 81: while connections come in floods, a console that polls on its connection and a
 * rollback over the unix socket are answered at once, and who comes new over TCP soon after the
 * flood has no more to send than fits in the line. */
static void row_81_flood(void **state)
{
	struct fixture f;
	struct flood flooding = {0};
	struct reply r;
	(void)state;
	start(&f, false, 1);
	int kept = dial(f.port);
	send_request(kept, "GET", "/v1/state", "", NULL);
	read_reply(kept, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	begin_flood(&flooding, f.port);
	for (int i = 0; i < FLOOD_ASKS; i++) {
		char headers[128];
		int64_t begun_ms = process_clock_ms();
		(void)snprintf(headers, sizeof headers, JSON "Idempotency-Key: r%d\r\n", i);
		int fd = i % 2 ? kept : dial_unix(f.socket);
		assert_true(fd >= 0);
		if (i % 4 < 2)
			send_request(fd, "POST", "/v1/rollback", headers, "{}");
		else
			send_request(fd, "GET", "/v1/state", "", NULL);
		read_reply(fd, &r);
		assert_int_equal(r.status, 200);
		reply_free(&r);
		if (fd != kept)
			(void)close(fd);
		assert_in_range(process_clock_ms() - begun_ms, 0, SOON_MS);
	}
	end_flood(&flooding);
	expect(&f, "POST", "/v1/rollback", JSON "Idempotency-Key: last\r\n", "{}", 200, "");
	(void)close(kept);
	stop(&f);
}

static void row_81_flood_tls(void **state)
{
	struct tls_fixture *f = *state;
	struct flood flooding = {0};
	struct tls *kept = tls_dial(f->f.port, NULL, DEADLINE_MS);
	assert_int_equal(ask_tls(kept, "GET", "/v1/state", BEARER(WRITER), ""), 200);
	begin_flood(&flooding, f->f.port);
	for (int i = 0; i < FLOOD_ASKS; i++) {
		char headers[128];
		int64_t begun_ms = process_clock_ms();
		(void)snprintf(
			headers, sizeof headers, BEARER(WRITER) JSON "Idempotency-Key: r%d\r\n", i);
		int status = i % 2 ? ask_tls(kept, "POST", "/v1/rollback", headers, "{}")
						   : ask_tls(kept, "GET", "/v1/state", BEARER(READER), "");
		assert_int_equal(status, 200);
		assert_in_range(process_clock_ms() - begun_ms, 0, SOON_MS);
	}
	end_flood(&flooding);
	tls_close(kept);
	assert_int_equal(once_tls(&f->f, NULL, "POST", "/v1/rollback",
						 BEARER(WRITER) JSON "Idempotency-Key: last\r\n", "{}"),
		200);
}

/* ---- listening ---- */

static void refused(struct engine *engine, const char *address, const char *why)
{
	const struct serve_options how = {.listen = {address}, .listen_count = 1, .callers = 1};
	struct serve *s = NULL;
	struct err err = {0};
	assert_int_equal(serve_start(&s, engine, &how, &err), -1);
	assert_null(s);
	assert_int_equal(err.code, ERR_LISTEN);
	if (!strstr(err.text, address) || !strstr(err.text, why))
		fail_msg("%s: %s", address, err.text);
}

static void test_addresses(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {"", "7070", ":7070", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1"};
	char address[64];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refused(f->engine, bad[i], "want 127.0.0.1:PORT");
	refused(f->engine, "example.org:80", "in numbers");
	(void)snprintf(address, sizeof address, "127.0.0.1:%d", f->port);
	refused(f->engine, address, "another process listens there");

	const struct serve_options how = {
		.listen = {"localhost:0", "127.0.0.2:0"}, .listen_count = 2, .callers = 1};
	struct serve *s;
	assert_int_equal(serve_start(&s, f->engine, &how, NULL), 0);
	assert_true(serve_port(s, 0) > 0 && serve_port(s, 1) > 0);
	serve_stop(s);
	serve_stop(NULL);
}

static void test_ipv6(void **state)
{
	struct fixture *f = *state;
	const struct serve_options how = {.listen = {"[::1]:0"}, .listen_count = 1, .callers = 1};
	struct serve *s;
	struct err err = {0};
	if (serve_start(&s, f->engine, &how, &err)) {
		assert_int_equal(err.code, ERR_LISTEN);
		skip(); /* a machine without IPv6 */
	}
	struct sockaddr_in6 a = {.sin6_family = AF_INET6,
		.sin6_addr = in6addr_loopback,
		.sin6_port = htons((uint16_t)serve_port(s, 0))};
	struct reply r;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	send_request(fd, "GET", "/healthz", "Host: [::1]:1\r\n", NULL);
	read_reply(fd, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	(void)close(fd);
	serve_stop(s);
}

static void test_unix(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	struct reply r;
	assert_int_equal(stat(f->socket, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	int fd = dial_unix(f->socket);
	assert_true(fd >= 0);
	send_request(
		fd, "POST", "/v1/rollback", "Host: any.name\r\n" JSON "Idempotency-Key: u\r\n", "{}");
	read_reply(fd, &r);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	(void)close(fd);
	refused(f->engine, f->listen_unix, "another process listens there");
	assert_int_equal(stat(f->socket, &st), 0); /* the refused one left it */
	refused(f->engine, "unix:relative", "absolute path");
	refused(f->engine, "unix:/weir-no-such-directory/s", "");

	char path[96], address[112], longer[160];
	(void)snprintf(path, sizeof path, "%s/t", f->dir);
	(void)snprintf(address, sizeof address, "unix:%s", path);
	memset(longer, 'x', sizeof longer);
	memcpy(longer, "unix:/", 6);
	longer[sizeof longer - 1] = '\0';
	refused(f->engine, longer, "at most 107 bytes");
	/* a file is not replaced */
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	refused(f->engine, address, "no socket");
	assert_int_equal(unlink(path), 0);
	/* a socket that nothing answers on is */
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	(void)text_copy(a.sun_path, sizeof a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	(void)close(fd);
	const struct serve_options how = {.listen = {address}, .listen_count = 1, .callers = 1};
	struct serve *s;
	assert_int_equal(serve_start(&s, f->engine, &how, NULL), 0);
	fd = dial_unix(path);
	assert_true(fd >= 0);
	(void)close(fd);
	serve_stop(s);
	assert_int_equal(lstat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
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
		cmocka_unit_test(row_81_idle),
		WITH_POOL(test_keep_alive),
		WITH_POOL(test_bodies),
		cmocka_unit_test(row_67_tokens),
		cmocka_unit_test(row_67_refused_body),
		WITH_POOL(row_81_browser),
		cmocka_unit_test(row_81_hostile_headers),
		WITH_TLS(row_06_tls_versions),
		WITH_TLS(test_tls_hung),
		WITH_TLS(row_06_own_certificate),
		WITH_TLS(row_81_elsewhere_takes_both),
		WITH_TLS(row_81_slow_guests),
		cmocka_unit_test(row_81_flood),
		WITH_TLS(row_81_flood_tls),
		WITH_POOL(test_addresses),
		WITH_POOL(test_ipv6),
		WITH_POOL(test_unix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
