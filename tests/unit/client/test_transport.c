/* Transport against a hostile server: every fault has its code, `sent` is never wrong about a
 * byte that may have arrived, and nothing grows beyond its bound. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/transport.h"
#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/hostile.h"
#include "tests/lib/tls.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WALL_MS 1763733600000 /* ten seconds before the date that BUSY_DATE names */
#define DEADLINE_MS 10000

static const struct instant now = {.boot_ms = 1000, .wall_ms = WALL_MS};

struct got {
	int calls;
	int status;
	bool sent;
	char body[256], content_type[64], location[256];
	size_t len;
	int64_t retry_after_ms;
	struct err err;
};

static void keep(void *ctx, const struct transport_reply *r, struct instant at)
{
	struct got *g = ctx;
	g->calls++;
	g->status = r->status;
	g->sent = r->sent;
	g->len = r->len;
	g->retry_after_ms = r->retry_after_ms;
	g->err = r->err;
	assert_int_equal(at.wall_ms, WALL_MS);
	assert_int_equal(strlen(r->body), r->len);
	text_copy(g->body, sizeof(g->body), r->body);
	text_copy(g->content_type, sizeof(g->content_type), r->content_type);
	text_copy(g->location, sizeof(g->location), r->location);
}

static void run(struct transport *t, struct got *g)
{
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	while (g->calls == 0 && hostile_clock_ms() < end_ms) {
		transport_turn(t, now);
		if (g->calls == 0)
			transport_wait(t, NULL, 0, 100);
	}
	assert_int_equal(g->calls, 1);
}

static struct got ask(const char *method, const char *target, int64_t timeout_ms)
{
	struct transport *t = transport_new();
	struct got g = {0};
	struct transport_request r = {
		.method = method,
		.url = target,
		.timeout_ms = timeout_ms,
		.done = keep,
		.ctx = &g,
	};
	transport_send(t, &r, now);
	run(t, &g);
	transport_free(t);
	return g;
}

static struct got provoke(enum hostile_mode mode, int64_t timeout_ms)
{
	struct hostile *h = hostile_start(mode, NULL);
	hostile_script(h, 200, "{\"a\":1,\"b\":2}");
	struct got g = ask("GET", hostile_target(h), timeout_ms);
	hostile_stop(h);
	return g;
}

/* ---- good answers ---- */

static void gives_a_whole_answer(void **state)
{
	(void)state;
	struct got g = provoke(HOSTILE_ANSWER, 3000);
	assert_int_equal(g.err.code, ERR_NONE);
	assert_int_equal(g.status, 200);
	assert_true(g.sent);
	assert_string_equal(g.body, "{\"a\":1,\"b\":2}");
	assert_string_equal(g.content_type, "application/json");
	assert_string_equal(g.location, "");
	assert_int_equal(g.retry_after_ms, UNKNOWN);
}

static void writes_the_headers_it_is_given(void **state)
{
	(void)state;
	struct hostile *h = hostile_start(HOSTILE_ANSWER, NULL);
	struct transport *t = transport_new();
	struct got g = {0};
	struct transport_request r = {
		.method = "PUT",
		.url = hostile_target(h),
		.token = "secret",
		.body = "{\"to_bp\":1000}",
		.if_match = "7.42",
		.key = "id-1",
		.timeout_ms = 3000,
		.done = keep,
		.ctx = &g,
	};
	transport_send(t, &r, now);
	run(t, &g);
	char request[2048];
	hostile_request(h, request, sizeof(request));
	assert_non_null(strstr(request, "PUT / HTTP/1.1\r\n"));
	assert_non_null(strstr(request, "\r\nAuthorization: Bearer secret\r\n"));
	assert_non_null(strstr(request, "\r\nIf-Match: \"7.42\"\r\n"));
	assert_non_null(strstr(request, "\r\nIdempotency-Key: id-1\r\n"));
	assert_non_null(strstr(request, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(request, "\r\n\r\n{\"to_bp\":1000}"));
	assert_null(strstr(request, "Accept-Encoding"));
	assert_null(strstr(request, "Expect"));
	transport_free(t);
	hostile_stop(h);
}

static void speaks_over_a_unix_socket(void **state)
{
	(void)state;
	char folder[] = "/tmp/weir-transport-XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	struct hostile *h = hostile_start(HOSTILE_ANSWER, path);
	struct transport *t = transport_new();
	struct got g = {0};
	struct transport_request r = {
		.method = "GET",
		.url = "http://localhost/",
		.unix_path = path,
		.timeout_ms = 3000,
		.done = keep,
		.ctx = &g,
	};
	transport_send(t, &r, now);
	run(t, &g);
	assert_int_equal(g.status, 200);
	hostile_stop(h);
	g = (struct got){0};
	transport_send(t, &r, now);
	run(t, &g);
	assert_int_equal(g.err.code, ERR_UNREACHABLE);
	assert_false(g.sent);
	assert_non_null(strstr(g.err.text, path));
	transport_free(t);
	assert_int_equal(rmdir(folder), 0);
}

/* ---- connections ---- */

/* Sends a request and turns until it has ended. */
static struct got ask_on(struct transport *t, struct transport_request r)
{
	struct got g = {0};
	r.timeout_ms = 3000;
	r.done = keep;
	r.ctx = &g;
	transport_send(t, &r, now);
	run(t, &g);
	return g;
}

/* Turns until the server has read so many requests. */
static void until_asked(struct transport *t, struct hostile *h, int requests)
{
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	while (hostile_requests(h) < requests && hostile_clock_ms() < end_ms) {
		transport_turn(t, now);
		transport_wait(t, NULL, 0, 20);
	}
	assert_int_equal(hostile_requests(h), requests);
}

static void commands_keep_no_connection_and_spares_their_own(void **state)
{
	(void)state;
	struct hostile *h = hostile_start(HOSTILE_ANSWER, NULL);
	struct transport *t = transport_new();
	static const struct {
		const char *method, *key;
		bool spare;
		int connections;
	} rows[] = {
		{"GET", NULL, false, 1},
		{"GET", NULL, false, 1},
		{"POST", "k", false, 2},
		{"GET", NULL, false, 2},
		{"GET", NULL, true, 3}, /* not where the polls go */
		{"POST", "k", true, 3},
		{"POST", "k", true, 3},
		{"GET", NULL, true, 3},
		{"POST", "k", false, 4},
		{"GET", NULL, false, 4},
		{"PUT", "k", false, 5},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct got g = ask_on(t,
			(struct transport_request){.method = rows[i].method,
				.url = hostile_target(h),
				.key = rows[i].key,
				.spare = rows[i].spare});
		assert_int_equal(g.status, 200);
		assert_int_equal(hostile_connections(h), rows[i].connections);
	}
	transport_free(t);
	hostile_stop(h);
}

/* Polls that hang take nothing from the spare connection, and another poll none of it. */
static void a_slow_poll_delays_no_spare_request(void **state)
{
	(void)state;
	struct hostile *h = hostile_start(HOSTILE_ANSWER, NULL);
	struct transport *t = transport_new();
	struct got slow = {0};
	struct transport_request spare = {
		.method = "POST", .url = hostile_target(h), .key = "k", .spare = true};
	struct transport_request poll = {
		.method = "GET",
		.url = hostile_target(h),
		.timeout_ms = 3000,
		.done = keep,
		.ctx = &slow,
	};
	ask_on(t, spare);
	hostile_spoil(h, HOSTILE_SILENT, "GET ", false);
	transport_send(t, &poll, now);
	transport_send(t, &poll, now);
	until_asked(t, h, 3);
	assert_int_equal(hostile_connections(h), 3);
	assert_int_equal(ask_on(t, spare).status, 200);
	assert_int_equal(slow.calls, 0);
	assert_int_equal(hostile_connections(h), 3);
	transport_free(t);
	hostile_stop(h);
}

static void a_spare_connection_carries_one_credential(void **state)
{
	(void)state;
	struct hostile *h = hostile_start(HOSTILE_ANSWER, NULL);
	struct transport *t = transport_new();
	static const struct {
		const char *token;
		int connections;
	} rows[] = {{"one", 1}, {"two", 2}, {NULL, 3}, {"one", 3}, {"two", 4}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask_on(t,
			(struct transport_request){.method = "POST",
				.url = hostile_target(h),
				.token = rows[i].token,
				.key = "k",
				.spare = true});
		assert_int_equal(hostile_connections(h), rows[i].connections);
	}
	assert_int_equal(hostile_shared(h), 0);
	transport_free(t);
	hostile_stop(h);
}

/* A server that went away and came back has closed what was kept: the next request needs no
 * second try of ours. One that resets at the first byte may have taken it. */
static void a_dead_spare_connection_is_replaced_at_once(void **state)
{
	(void)state;
	char folder[] = "/tmp/weir-transport-XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	struct hostile *h = hostile_start(HOSTILE_ANSWER, path);
	struct transport *t = transport_new();
	struct transport_request poll = {
		.method = "GET", .url = "http://localhost/", .unix_path = path};
	struct transport_request brake = poll;
	brake.method = "POST";
	brake.key = "k";
	brake.spare = poll.spare = true;
	assert_int_equal(ask_on(t, poll).status, 200);
	hostile_stop(h);
	h = hostile_start(HOSTILE_ANSWER, path);
	assert_int_equal(ask_on(t, brake).status, 200);
	assert_int_equal(hostile_connections(h), 1);
	hostile_set_mode(h, HOSTILE_RST);
	struct got g = ask_on(t, brake);
	assert_int_equal(g.err.code, ERR_UNREACHABLE);
	assert_true(g.sent);
	assert_int_equal(hostile_connections(h), 2); /* the kept one, and one that libcurl tried */
	hostile_stop(h);
	g = ask_on(t, brake);
	assert_int_equal(g.err.code, ERR_UNREACHABLE);
	assert_false(g.sent);
	transport_free(t);
	assert_int_equal(rmdir(folder), 0);
}

static void a_request_waits_for_its_time(void **state)
{
	(void)state;
	struct hostile *h = hostile_start(HOSTILE_ANSWER, NULL);
	struct transport *t = transport_new();
	struct got late = {0}, never = {0};
	struct instant then = now;
	struct transport_request r = {
		.method = "POST",
		.url = hostile_target(h),
		.after_ms = 300,
		.timeout_ms = 3000,
		.done = keep,
		.ctx = &late,
	};
	transport_send(t, &r, now);
	r.ctx = &never;
	uint64_t id = transport_send(t, &r, now);
	r.after_ms = 1;
	uint64_t soon = transport_send(t, &r, now);
	transport_cancel(t, id);
	transport_cancel(t, id);
	transport_cancel(t, soon);
	then.boot_ms += 299;
	transport_turn(t, then);
	int64_t begun_ms = hostile_clock_ms();
	transport_wait(t, NULL, 0, DEADLINE_MS); /* not beyond the moment when it begins */
	assert_in_range(hostile_clock_ms() - begun_ms, 0, DEADLINE_MS / 2);
	assert_int_equal(hostile_connections(h), 0);
	then.boot_ms += 1;
	transport_turn(t, then);
	run(t, &late);
	assert_int_equal(late.status, 200);
	assert_int_equal(hostile_connections(h), 1);
	r.ctx = &never;
	transport_send(t, &r, now);
	transport_free(t); /* with one that has not begun */
	assert_int_equal(never.calls, 0);
	hostile_stop(h);
}

/* ---- faults ---- */

static const struct fault_row {
	enum hostile_mode mode;
	enum err_code code;
	bool sent;
	int64_t timeout_ms;
} faults[] = {
	{HOSTILE_SILENT, ERR_SLOW, true, 80},
	{HOSTILE_DRIP, ERR_SLOW, true, 120},
	{HOSTILE_REFUSE, ERR_UNREACHABLE, false, 3000},
	{HOSTILE_RST, ERR_UNREACHABLE, true, 3000},
	{HOSTILE_CUT, ERR_UNREACHABLE, true, 3000},
	{HOSTILE_TRUNCATED, ERR_UNREACHABLE, true, 3000},
	{HOSTILE_ENDLESS_BODY, ERR_TOO_LARGE, true, 5000},
	{HOSTILE_ENDLESS_HEADERS, ERR_TOO_LARGE, true, 5000},
	{HOSTILE_ENDLESS_LINE, ERR_TOO_LARGE, true, 5000},
	{HOSTILE_REDIRECT, ERR_REDIRECT, true, 3000},
	{HOSTILE_NOT_HTTP, ERR_NOT_POOL, true, 3000},
};

static void every_fault_has_its_code(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault_row *f = &faults[i];
		struct got g = provoke(f->mode, f->timeout_ms);
		if (g.err.code != f->code || g.sent != f->sent)
			fail_msg("row %zu: W%03d sent %d: %s", i, (int)g.err.code, g.sent, g.err.text);
		assert_non_null(strstr(g.err.text, "\"http://127.0.0.1:"));
	}
}

static void memory_stays_bounded(void **state)
{
	(void)state;
	struct rusage before, after;
	provoke(HOSTILE_ANSWER, 3000);
	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < 5; i++) {
		struct got g = provoke(HOSTILE_ENDLESS_BODY, 5000);
		assert_in_range(g.len, 0, TRANSPORT_BODY_MAX);
		provoke(HOSTILE_ENDLESS_HEADERS, 5000);
	}
	getrusage(RUSAGE_SELF, &after);
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 32 * 1024);
}

static void a_redirect_is_named_cleaned_and_not_followed(void **state)
{
	(void)state;
	struct got g = provoke(HOSTILE_REDIRECT, 3000);
	assert_int_equal(g.status, 302);
	assert_non_null(strstr(g.err.text, "http://other.example:9402/x"));
	assert_null(strchr(g.location, '\x1b'));
	assert_null(strchr(g.err.text, '\x1b'));
}

static void statuses_are_left_to_the_driver(void **state)
{
	(void)state;
	static const struct {
		enum hostile_mode mode;
		int status;
	} rows[] = {
		{HOSTILE_UNAUTHORISED, 401},
		{HOSTILE_FORBIDDEN, 403},
		{HOSTILE_CONFLICT, 409},
		{HOSTILE_CHANGED, 412},
		{HOSTILE_BROKEN, 500},
		{HOSTILE_HTML, 200},
		{HOSTILE_WRONG_TYPE, 200},
		{HOSTILE_GZIP_BOMB, 200},
		{HOSTILE_TRUNCATED_OPEN, 200},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct got g = provoke(rows[i].mode, 3000);
		assert_int_equal(g.err.code, ERR_NONE);
		assert_int_equal(g.status, rows[i].status);
	}
	assert_string_equal(provoke(HOSTILE_HTML, 3000).content_type, "text/html; charset=utf-8");
	/* never unpacked */
	assert_int_equal(provoke(HOSTILE_GZIP_BOMB, 3000).len, 6);
}

static void retry_after_is_clamped(void **state)
{
	(void)state;
	assert_int_equal(provoke(HOSTILE_BUSY, 3000).retry_after_ms, 8000);
	assert_int_equal(provoke(HOSTILE_BUSY_HUGE, 3000).retry_after_ms, 60000);
	assert_int_equal(provoke(HOSTILE_BUSY_DATE, 3000).retry_after_ms, 10000);
	assert_int_equal(provoke(HOSTILE_BUSY_NEGATIVE, 3000).retry_after_ms, UNKNOWN);
	assert_int_equal(provoke(HOSTILE_BUSY_GARBAGE, 3000).retry_after_ms, UNKNOWN);
}

static void tls_to_a_plain_port_is_tls_trouble(void **state)
{
	(void)state;
	struct hostile *h = hostile_start(HOSTILE_RST, NULL);
	char url[64];
	snprintf(url, sizeof(url), "https%s", strchr(hostile_target(h), ':'));
	struct got g = ask("POST", url, 3000);
	assert_int_equal(g.err.code, ERR_TLS);
	assert_false(g.sent);
	hostile_stop(h);
}

static enum MHD_Result take_request(void *ctx, struct MHD_Connection *c, const char *url,
	const char *method, const char *version, const char *data, size_t *len, void **request)
{
	(void)url, (void)method, (void)version, (void)data, (void)len, (void)request;
	++*(int *)ctx;
	struct MHD_Response *r =
		MHD_create_response_from_buffer(2, (char[]){"{}"}, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_queue_response(c, 200, r);
	MHD_destroy_response(r);
	return result;
}

/* Asks a TLS server for which `pair` speaks; *requests is how many got through to it. */
static struct got ask_tls(
	const struct tls_pair *pair, const char *versions, const char *host, int *requests)
{
	char url[64];
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	*requests = 0;
	struct MHD_Daemon *server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS,
		0, NULL, NULL, take_request, requests, MHD_OPTION_SOCK_ADDR, &a,
		MHD_OPTION_HTTPS_MEM_KEY, pair->key, MHD_OPTION_HTTPS_MEM_CERT, pair->cert,
		MHD_OPTION_HTTPS_PRIORITIES, versions, MHD_OPTION_END);
	assert_non_null(server);
	snprintf(url, sizeof(url), "https://%s:%u", host,
		MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
	struct got g = ask("POST", url, 3000);
	MHD_stop_daemon(server);
	return g;
}

/* Row 6: certificates that are for another, over, not yet, nobody's, a stranger's; versions of
 * TLS that are broken. None of them lets a byte of a request through, and each is told apart. */
static void row_06_certificates(void **state)
{
	(void)state;
	static const struct {
		struct tls_terms terms;
		int signer; /* 0: the CA that is trusted, 1: another, -1: itself */
		const char *host, *versions, *why; /* why NULL: good */
	} rows[] = {
		{{NULL, -1, 1}, 0, "localhost", "NORMAL", NULL},
		{{NULL, -1, 1}, 0, "127.0.0.1", "NORMAL", NULL},
		{{NULL, -1, 1}, 0, "localhost", "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL},
		{{NULL, -1, 1}, 0, "localhost", "NORMAL:-VERS-ALL:+VERS-TLS1.1", "TLS: "},
		{{"other.example", -1, 1}, 0, "localhost", "NORMAL",
			"name mismatch (certificate for DNS:other.example)"},
		{{"other.example", -1, 1}, 0, "127.0.0.1", "NORMAL",
			"name mismatch (certificate for DNS:other.example)"},
		{{NULL, -2, -1}, 0, "localhost", "NORMAL", "TLS: expired"},
		{{NULL, 1, 2}, 0, "localhost", "NORMAL", "not valid yet"},
		{{NULL, -1, 1}, -1, "localhost", "NORMAL", "self-signed"},
		{{NULL, -1, 1}, 1, "localhost", "NORMAL", "unknown CA"},
	};
	char path[] = "/tmp/weir-transport-XXXXXX";
	struct tls_pair ca[2], pair;
	int fd = mkstemp(path), requests;
	tls_make_ca(&ca[0]);
	tls_make_ca(&ca[1]);
	assert_int_equal(write(fd, ca[0].cert, strlen(ca[0].cert)), strlen(ca[0].cert));
	close(fd);
	setenv("SSL_CERT_FILE", path, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tls_make(&pair, rows[i].signer < 0 ? NULL : &ca[rows[i].signer], rows[i].terms);
		struct got g = ask_tls(&pair, rows[i].versions, rows[i].host, &requests);
		tls_release(&pair);
		bool good = rows[i].why == NULL;
		if (g.err.code != (good ? ERR_NONE : ERR_TLS) || g.sent != good ||
			(requests > 0) != good || (!good && strstr(g.err.text, rows[i].why) == NULL))
			fail_msg("row %zu: W%03d %s", i, (int)g.err.code, g.err.text);
	}
	/* without that file the CA is nobody; with one that is none, nobody is trusted */
	tls_make(&pair, &ca[0], rows[0].terms);
	assert_int_equal(unlink(path), 0);
	struct got g = ask_tls(&pair, "NORMAL", "localhost", &requests);
	assert_int_equal(g.err.code, ERR_TLS);
	assert_non_null(strstr(g.err.text, path));
	assert_int_equal(requests, 0);
	unsetenv("SSL_CERT_FILE");
	g = ask_tls(&pair, "NORMAL", "localhost", &requests);
	assert_int_equal(g.err.code, ERR_TLS);
	assert_non_null(strstr(g.err.text, "unknown CA"));
	assert_int_equal(requests, 0);
	tls_release(&pair);
	tls_release(&ca[0]);
	tls_release(&ca[1]);
}

static void the_environment_is_not_asked(void **state)
{
	(void)state;
	struct hostile *sink = hostile_start(HOSTILE_ANSWER, NULL);
	setenv("http_proxy", hostile_target(sink), 1);
	setenv("ALL_PROXY", hostile_target(sink), 1);
	assert_int_equal(provoke(HOSTILE_ANSWER, 3000).status, 200);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	assert_int_equal(hostile_connections(sink), 0);
	hostile_stop(sink);
}

/* ---- order of events ---- */

static void a_cancelled_request_is_silent(void **state)
{
	(void)state;
	struct hostile *h = hostile_start(HOSTILE_SILENT, NULL);
	struct transport *t = transport_new();
	struct got dropped = {0}, left = {0}, whole = {0};
	struct transport_request r = {
		.method = "GET",
		.url = hostile_target(h),
		.timeout_ms = 3000,
		.done = keep,
		.ctx = &dropped,
	};
	uint64_t id = transport_send(t, &r, now);
	assert_int_not_equal(id, 0);
	r.ctx = &left;
	assert_int_not_equal(transport_send(t, &r, now), id);
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	while (hostile_requests(h) < 2 && hostile_clock_ms() < end_ms) {
		transport_turn(t, now);
		transport_wait(t, NULL, 0, 20);
	}
	transport_cancel(t, id);
	transport_cancel(t, id);
	hostile_set_mode(h, HOSTILE_ANSWER);
	r.ctx = &whole;
	transport_send(t, &r, now);
	run(t, &whole); /* a silent transfer beside it delays nothing */
	assert_int_equal(dropped.calls, 0);
	transport_free(t);
	assert_int_equal(left.calls, 0);
	hostile_stop(h);
}

struct chain {
	struct transport *t;
	struct transport_request next;
	uint64_t victim;
};

static void send_another(void *ctx, const struct transport_reply *reply, struct instant at)
{
	struct chain *c = ctx;
	assert_int_equal(reply->status, 200);
	transport_cancel(c->t, c->victim);
	transport_send(c->t, &c->next, at);
}

static void a_callback_may_send_and_cancel(void **state)
{
	(void)state;
	struct hostile *h = hostile_start(HOSTILE_ANSWER, NULL);
	struct hostile *mute = hostile_start(HOSTILE_SILENT, NULL);
	struct got victim = {0}, second = {0};
	struct transport *t = transport_new();
	struct transport_request r = {
		.method = "GET",
		.url = hostile_target(mute),
		.timeout_ms = 3000,
		.done = keep,
		.ctx = &victim,
	};
	struct chain c = {.t = t, .next = r, .victim = transport_send(t, &r, now)};
	c.next.url = hostile_target(h);
	c.next.ctx = &second;
	r.url = hostile_target(h);
	r.done = send_another;
	r.ctx = &c;
	transport_send(t, &r, now);
	run(t, &second);
	assert_int_equal(victim.calls, 0);
	transport_free(t);
	hostile_stop(mute);
	hostile_stop(h);
}

/* So many answers at once are dealt with in parts, between which the caller looks at its keys; and
 * what is left of them is not waited for. */
static void many_answers_take_more_than_a_turn(void **state)
{
	(void)state;
	enum { REQUESTS = 40, PART = 16 };
	struct transport *t = transport_new();
	struct got g = {0};
	struct transport_request r = {
		.method = "GET",
		.url = "http://localhost/",
		.unix_path = "/nonexistent/socket",
		.timeout_ms = 3000,
		.done = keep,
		.ctx = &g,
	};
	for (int i = 0; i < REQUESTS; i++)
		transport_send(t, &r, now);
	int64_t begun_ms = hostile_clock_ms();
	for (int before = 0; g.calls < REQUESTS; before = g.calls) {
		transport_turn(t, now);
		assert_in_range(g.calls - before, 0, PART);
		if (g.calls < REQUESTS)
			transport_wait(t, NULL, 0, DEADLINE_MS);
	}
	assert_in_range(hostile_clock_ms() - begun_ms, 0, DEADLINE_MS / 2);
	transport_free(t);
}

static void an_extra_descriptor_ends_the_wait(void **state)
{
	(void)state;
	struct transport *t = transport_new();
	int a[2], b[2];
	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	struct wait_fd fds[] = {{.fd = a[0]}, {.fd = b[0]}, {.fd = b[1], .want_write = true}};
	transport_wait(t, fds, 2, 0);
	assert_false(fds[0].ready || fds[1].ready);
	assert_int_equal(write(b[1], "x", 1), 1);
	int64_t begun_ms = hostile_clock_ms();
	transport_wait(t, fds, 3, DEADLINE_MS);
	assert_in_range(hostile_clock_ms() - begun_ms, 0, DEADLINE_MS / 2);
	assert_false(fds[0].ready);
	assert_true(fds[1].ready);
	assert_true(fds[2].ready);
	close(a[1]); /* a hang-up is told too */
	transport_wait(t, fds, 1, DEADLINE_MS);
	assert_true(fds[0].ready);
	close(a[0]);
	close(b[0]);
	close(b[1]);
	transport_free(t);
}

int main(void)
{
	alarm(60);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_a_whole_answer),
		cmocka_unit_test(writes_the_headers_it_is_given),
		cmocka_unit_test(speaks_over_a_unix_socket),
		cmocka_unit_test(commands_keep_no_connection_and_spares_their_own),
		cmocka_unit_test(a_slow_poll_delays_no_spare_request),
		cmocka_unit_test(a_spare_connection_carries_one_credential),
		cmocka_unit_test(a_dead_spare_connection_is_replaced_at_once),
		cmocka_unit_test(a_request_waits_for_its_time),
		cmocka_unit_test(every_fault_has_its_code),
		cmocka_unit_test(memory_stays_bounded),
		cmocka_unit_test(a_redirect_is_named_cleaned_and_not_followed),
		cmocka_unit_test(statuses_are_left_to_the_driver),
		cmocka_unit_test(retry_after_is_clamped),
		cmocka_unit_test(tls_to_a_plain_port_is_tls_trouble),
		cmocka_unit_test(row_06_certificates),
		cmocka_unit_test(the_environment_is_not_asked),
		cmocka_unit_test(a_cancelled_request_is_silent),
		cmocka_unit_test(a_callback_may_send_and_cancel),
		cmocka_unit_test(many_answers_take_more_than_a_turn),
		cmocka_unit_test(an_extra_descriptor_ends_the_wait),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
