/* The driver of prometheus: its answers read, good and hostile, and its polls against a server. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/prometheus.h"
#include "client/prometheus_target.h"
#include "client/transport.h"
#include "client/wire_prometheus.h"
#include "model/mem.h"
#include "tests/lib/hostile.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEADLINE_MS 10000
#define NODE ((uint64_t)1 << 16 | PROMETHEUS_NODE)
#define MATRIX(series) \
	"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" series "]}}"

/* ---- reading ---- */

static int read_text(
	struct prometheus_point **points, size_t *count, const char *text, struct err *err)
{
	*err = (struct err){0};
	return wire_read_prometheus(points, count, text, strlen(text), err);
}

static void the_newest_sample_of_each_series(void **state)
{
	(void)state;
	struct prometheus_point *p;
	struct err err;
	size_t count;
	static const char text[] =
		MATRIX("{\"metric\":{\"a\":\"x\",\"le\":\"0.5\",\"b\":\"y\"},"
			   "\"values\":[[1700000001.25,\"7\"],[1700000002.5,\"8.5\"],[1700000002,\"9\"]]},"
			   "{\"metric\":{\"le\":\"+Inf\",\"b\":\"y\",\"a\":\"x\"},"
			   "\"values\":[[1700000002.5,\"NaN\"]]},"
			   "{\"metric\":{\"a\":\"x\",\"b\":\"z\"},\"values\":[[1,\"1e3\"]]},"
			   "{\"metric\":{},\"values\":[]}");
	assert_int_equal(read_text(&p, &count, text, &err), 0);
	assert_int_equal(count, 3);
	assert_true(p[0].value == 8.5 && p[0].le == 0.5);
	assert_int_equal(p[0].at_ms, 1700000002500);
	assert_true(isnan(p[1].value) && p[1].le == INFINITY);
	assert_true(p[0].series == p[1].series);
	assert_true(p[2].series != p[0].series && p[2].le == -INFINITY && p[2].value == 1000);
	free(p);
	assert_int_equal(read_text(&p, &count, MATRIX(""), &err), 0);
	assert_int_equal(count, 0);
	free(p);
}

static void answers_that_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err_code code;
	} rows[] = {
		{"", ERR_DOCUMENT},
		{"[]", ERR_DOCUMENT},
		{"{}", ERR_FIELD},
		{"{\"status\":7}", ERR_FIELD},
		{"{\"status\":\"maybe\"}", ERR_FIELD},
		{"{\"status\":\"success\"}", ERR_FIELD},
		{"{\"status\":\"success\",\"data\":null}", ERR_FIELD},
		{"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
			ERR_FIELD},
		{"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":{}}}",
			ERR_FIELD},
		{MATRIX("7"), ERR_FIELD},
		{MATRIX("{}"), ERR_FIELD},
		{MATRIX("{\"metric\":[],\"values\":[]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{\"a\":1},\"values\":[]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{\"le\":\"NaN\"},\"values\":[]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{\"le\":\"much\"},\"values\":[]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":{}}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":[1]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":[[1,2]]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":[[1,\"2\",3]]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":[[\"1\",\"2\"]]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":[[1e300,\"2\"]]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":[[1,\"0x10\"]]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":[[1,\" 1\"]]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":[[1,\"\"]]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"values\":[[1,\"1-\"]]}"), ERR_FIELD},
		{MATRIX("{\"metric\":{},\"metric\":{},\"values\":[]}"), ERR_DUPLICATE},
		{MATRIX("{\"metric\":{},\"values\":[[1,\"1\"]]}") "x", ERR_DOCUMENT},
		{"{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse\\u001b[2J\"}",
			ERR_CONFIG},
		{"{\"status\":\"error\",\"errorType\":\"timeout\"}", ERR_UNREACHABLE},
		{"{\"status\":\"error\"}", ERR_UNREACHABLE},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct prometheus_point *p;
		struct err err;
		size_t count;
		if (read_text(&p, &count, rows[i].text, &err) == 0)
			fail_msg("taken: %s", rows[i].text);
		if (err.code != rows[i].code)
			fail_msg("%s: %s %s", rows[i].text, err_name(err.code), err.text);
		assert_null(strchr(err.text, '\x1b'));
		assert_null(p);
		assert_int_equal(count, 0);
	}
}

/* ---- polling ---- */

struct fixture {
	struct hostile *server;
	struct transport *transport;
	struct driver *driver;
	struct instant now;
	int events;
	enum driver_event_kind kind;
	struct err err;
	struct arm_counts v1, v2;
};

static void hear(void *ctx, const struct driver_event *e)
{
	struct fixture *f = ctx;
	assert_true(e->node == NODE);
	f->events++;
	f->kind = e->kind;
	f->err = e->err ? *e->err : (struct err){0};
	if (e->snapshot) {
		f->v1 = e->snapshot->arms[ARM_V1];
		f->v2 = e->snapshot->arms[ARM_V2];
	}
}

static int open_at(
	struct fixture *f, uint64_t node, const char *settings, const char *token, struct err *err)
{
	char target[1024];
	snprintf(target, sizeof target, "prometheus:%s/p/?interval=1000&%s",
		hostile_target(f->server), settings);
	const struct driver_open how = {.node = node,
		.target = target,
		.token = token,
		.transport = f->transport,
		.sink = {hear, f},
		.now = f->now};
	return driver_prometheus.open(&f->driver, &how, err);
}

static void begin(struct fixture *f, const char *settings)
{
	struct err err = {0};
	*f = (struct fixture){.now = {.boot_ms = 100000, .wall_ms = 1763733600000}};
	f->server = hostile_start(HOSTILE_ANSWER, NULL);
	f->transport = transport_new();
	if (open_at(f, NODE, settings, "secret", &err))
		fail_msg("%s", err.text);
}

static void end(struct fixture *f)
{
	int events = f->events;
	driver_prometheus.close(f->driver);
	transport_turn(f->transport, f->now);
	assert_int_equal(f->events, events);
	transport_free(f->transport);
	hostile_stop(f->server);
}

/* A second later: a poll, until it has ended. */
static void poll_once(struct fixture *f)
{
	int before = f->events;
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	f->now.boot_ms += 1000;
	driver_prometheus.poll(f->driver, f->now);
	while (f->events == before && hostile_clock_ms() < end_ms) {
		transport_turn(f->transport, f->now);
		if (f->events == before)
			transport_wait(f->transport, NULL, 0, 100);
	}
	assert_int_equal(f->events, before + 1);
}

/* All selectors get the same answer: a counter of this value, scraped just now. */
static void script(struct fixture *f, double value)
{
	char body[512];
	snprintf(body, sizeof body,
		MATRIX("{\"metric\":{\"a\":\"b\"},\"values\":[[%lld,\"%.0f\"]]}"),
		(long long)f->now.boot_ms, value);
	hostile_script(f->server, 200, body);
}

static void a_poll_asks_for_raw_samples(void **state)
{
	(void)state;
	struct fixture f;
	char request[2048];
	begin(&f, "v1.requests=m%7Ba=%22b%22%7D");
	script(&f, 5000);
	poll_once(&f);
	assert_int_equal(f.kind, DRIVER_SNAPSHOT);
	assert_int_equal(f.v1.requests, 0);
	assert_true(f.v1.ok == UNKNOWN && f.v2.requests == UNKNOWN && !f.v1.has_latency);
	hostile_request(f.server, request, sizeof request);
	/* m{a="b"}[3000ms] */
	assert_non_null(
		strstr(request, "GET /p/api/v1/query?query=m%7Ba%3D%22b%22%7D%5B3000ms%5D HTTP/1.1"));
	assert_int_equal(hostile_authorised(f.server, "Bearer secret"), 1);
	script(&f, 5042);
	poll_once(&f);
	assert_int_equal(f.v1.requests, 42);
	end(&f);
}

static void what_was_well_never_falls(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, "v2.requests=m&v2.errors=e");
	script(&f, 0);
	poll_once(&f);
	/* both are answered alike: as many errors as requests */
	script(&f, 30);
	poll_once(&f);
	assert_int_equal(f.v2.requests, 30);
	assert_int_equal(f.v2.failed[FAILURE_OPERATION], 30);
	assert_int_equal(f.v2.ok, 0);
	assert_int_equal(hostile_count(f.server, "GET /p/api/v1/query?query=e"), 2);
	end(&f);
}

/* Answers the two queries of a poll, each with its own body, in whatever order they come. */
struct pair {
	int listener;
	const char *requests, *errors;
};

static void *answer_pair(void *ctx)
{
	const struct pair *p = ctx;
	for (int i = 0; i < 2; i++) {
		char request[2048], head[128];
		size_t have = 0;
		ssize_t n = 1;
		int fd = accept(p->listener, NULL, NULL);
		request[0] = '\0';
		while (n > 0 && have < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
			n = read(fd, request + have, sizeof request - 1 - have);
			have += n > 0 ? (size_t)n : 0;
			request[have] = '\0';
		}
		const char *body = strstr(request, "query=e") ? p->errors : p->requests;
		int len = snprintf(head, sizeof head,
			"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
			"Content-Length: %zu\r\n\r\n",
			strlen(body));
		(void)!write(fd, head, (size_t)len);
		(void)!write(fd, body, strlen(body));
		close(fd);
	}
	return NULL;
}

static void poll_pair(
	struct fixture *f, struct pair *p, const char *requests, const char *errors)
{
	pthread_t thread;
	p->requests = requests;
	p->errors = errors;
	assert_int_equal(pthread_create(&thread, NULL, answer_pair, p), 0);
	poll_once(f);
	pthread_join(thread, NULL);
}

#define COUNTED(at, value) MATRIX("{\"metric\":{},\"values\":[[" at ",\"" value "\"]]}")

/* v2 has never failed, and its counter of failures is made with the first. */
static void errors_without_a_series_are_none(void **state)
{
	(void)state;
	struct fixture f;
	struct pair p = {.listener = socket(AF_INET, SOCK_STREAM, 0)};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof at;
	struct err err = {0};
	char target[256];
	begin(&f, "v1.requests=m");
	struct driver *first = f.driver;
	assert_int_equal(bind(p.listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(p.listener, 4), 0);
	assert_int_equal(getsockname(p.listener, (struct sockaddr *)&at, &len), 0);
	snprintf(target, sizeof target,
		"prometheus:http://127.0.0.1:%d?interval=1000&v2.requests=m&v2.errors=e",
		ntohs(at.sin_port));
	const struct driver_open how = {.node = NODE,
		.target = target,
		.transport = f.transport,
		.sink = {hear, &f},
		.now = f.now};
	assert_int_equal(driver_prometheus.open(&f.driver, &how, &err), 0);

	poll_pair(&f, &p, COUNTED("101", "1000"), MATRIX(""));
	if (f.kind != DRIVER_SNAPSHOT)
		fail_msg("%s", f.err.text);
	assert_int_equal(f.v2.failed[FAILURE_OPERATION], 0);
	poll_pair(&f, &p, COUNTED("102", "1010"), MATRIX(""));
	assert_int_equal(f.v2.requests, 10);
	assert_int_equal(f.v2.ok, 10);
	poll_pair(&f, &p, COUNTED("103", "1020"), COUNTED("103", "4"));
	assert_int_equal(f.v2.failed[FAILURE_OPERATION], 4);
	assert_int_equal(f.v2.ok, 16);
	/* where requests are not fresh either nobody knows */
	poll_pair(&f, &p, MATRIX(""), MATRIX(""));
	assert_int_equal(f.kind, DRIVER_TROUBLE);
	assert_non_null(strstr(f.err.text, "requests of v2: no series has a fresh sample"));

	close(p.listener);
	driver_prometheus.close(f.driver);
	f.driver = first;
	end(&f);
}

static void what_is_no_data_is_trouble(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *body;
		enum err_code code;
		const char *says;
	} rows[] = {
		{200, MATRIX(""), ERR_STALE, "requests of v2: no series has a fresh sample"},
		{200, MATRIX("{\"metric\":{},\"values\":[[1,\"NaN\"]]}"), ERR_STALE, "no data"},
		{200,
			MATRIX("{\"metric\":{\"a\":\"1\"},\"values\":[[1,\"1\"]]},"
				   "{\"metric\":{\"a\":\"2\"},\"values\":[[1,\"1\"]]}"),
			ERR_CONFIG, "2 series, and one is meant"},
		{400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"no such\"}",
			ERR_CONFIG, "no such"},
		{503, "{\"status\":\"error\",\"errorType\":\"unavailable\",\"error\":\"starting\"}",
			ERR_UNREACHABLE, "starting"},
		{401, "{}", ERR_UNAUTHORISED, "the token was refused (401)"},
		{200, "{", ERR_DOCUMENT, "requests of v2"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture f;
		begin(&f, "v2.requests=m");
		hostile_script(f.server, rows[i].status, rows[i].body);
		poll_once(&f);
		assert_int_equal(f.kind, DRIVER_TROUBLE);
		if (f.err.code != rows[i].code || !strstr(f.err.text, rows[i].says))
			fail_msg("%s: %s %s", rows[i].body, err_name(f.err.code), f.err.text);
		/* and it ends with the first good answer */
		script(&f, 1);
		poll_once(&f);
		assert_int_equal(f.kind, DRIVER_SNAPSHOT);
		end(&f);
	}
}

static void servers_that_are_no_prometheus(void **state)
{
	(void)state;
	static const enum hostile_mode modes[] = {HOSTILE_HTML, HOSTILE_RST, HOSTILE_TRUNCATED,
		HOSTILE_REDIRECT, HOSTILE_NOT_HTTP, HOSTILE_DEEP, HOSTILE_BOMB, HOSTILE_ENDLESS_BODY,
		HOSTILE_BROKEN};
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		struct fixture f;
		begin(&f, "v1.requests=m&v1.errors=e&v2.requests=n");
		hostile_set_mode(f.server, modes[i]);
		poll_once(&f);
		if (f.kind != DRIVER_TROUBLE || f.err.code == ERR_NONE)
			fail_msg("%s", hostile_name(modes[i]));
		end(&f);
	}
}

static void it_is_no_pool(void **state)
{
	(void)state;
	struct fixture f;
	struct err err = {0};
	begin(&f, "v1.requests=m");
	struct driver *first = f.driver;
	assert_int_equal(open_at(&f, (uint64_t)1 << 16, "v1.requests=m", NULL, &err), -1);
	assert_non_null(strstr(err.text, "no pool: say it under metrics:"));
	assert_int_equal(open_at(&f, NODE, "v1.requests=rate(m)", NULL, &err), -1);
	assert_int_equal(open_at(&f, NODE, "v1.requests=m", "a\nb", &err), -1);
	assert_null(strstr(err.text, "a\nb"));
	assert_int_equal(open_at(&f, NODE, "sum=true", NULL, &err), 0);
	poll_once(&f);
	assert_int_equal(f.kind, DRIVER_TROUBLE);
	driver_prometheus.close(f.driver);
	f.driver = first;
	/* one under way is not begun twice, and closes without a word */
	hostile_set_mode(f.server, HOSTILE_SILENT);
	driver_prometheus.poll(f.driver, f.now);
	driver_prometheus.poll(f.driver, f.now);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_sample_of_each_series),
		cmocka_unit_test(answers_that_are_refused),
		cmocka_unit_test(a_poll_asks_for_raw_samples),
		cmocka_unit_test(what_was_well_never_falls),
		cmocka_unit_test(errors_without_a_series_are_none),
		cmocka_unit_test(what_is_no_data_is_trouble),
		cmocka_unit_test(servers_that_are_no_prometheus),
		cmocka_unit_test(it_is_no_pool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
