/* Serve bed: an engine behind real sockets, and a small client that asks it. Every answer is
 * waited for with a deadline. */
#ifndef WEIR_TESTS_UNIT_CLIENT_SERVE_BED_H
#define WEIR_TESTS_UNIT_CLIENT_SERVE_BED_H

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

static inline int dial(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static inline int dial_unix(const char *path)
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
static inline bool send_all(int fd, const char *data, size_t len)
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
static inline size_t receive(int fd, char *data, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (poll(&p, 1, DEADLINE_MS) != 1)
		fail_msg("no answer within the deadline");
	ssize_t n = recv(fd, data, size, 0);
	return n > 0 ? (size_t)n : 0;
}

/* Takes one whole answer out of what has come; false when there is more to come. */
static inline bool take_reply(const struct text *all, struct reply *r)
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
static inline void read_reply(int fd, struct reply *r)
{
	char chunk[4096];
	struct text all = {0};
	size_t n;
	memset(r, 0, sizeof *r);
	while (!take_reply(&all, r) && (n = receive(fd, chunk, sizeof chunk)) > 0)
		text_add_n(&all, chunk, n);
	text_free(&all);
}

static inline void reply_free(struct reply *r)
{
	cJSON_Delete(r->json);
	text_free(&r->body);
	memset(r, 0, sizeof *r);
}

static inline void send_request(
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
static inline int ask(struct fixture *f, struct reply *r, const char *method, const char *path,
	const char *headers, const char *body)
{
	int fd = dial(f->port);
	send_request(fd, method, path, headers, body);
	read_reply(fd, r);
	(void)close(fd);
	return r->status;
}

static inline const char *word(const struct reply *r, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(r->json, name));
	return s ? s : "";
}

static inline int64_t number(const struct reply *r, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(r->json, name);
	return cJSON_IsNumber(item) ? (int64_t)item->valuedouble : -1;
}

/* One request that must be answered with `status` and, when an error, `error`. */
static inline void expect(struct fixture *f, const char *method, const char *path,
	const char *headers, const char *body, int status, const char *error)
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

static inline void start_with(struct fixture *f, struct serve_options serve)
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

static inline void start(struct fixture *f, bool faults, int callers)
{
	start_with(f, (struct serve_options){.allow_faults = faults, .callers = callers});
}

static inline void stop(struct fixture *f)
{
	serve_stop(f->serve);
	engine_stop(f->engine);
	assert_int_equal(rmdir(f->dir), 0); /* the socket file has gone */
}

static inline int set_up(void **state)
{
	struct fixture *f = mem_new(1, sizeof *f);
	start(f, true, 0);
	*state = f;
	return 0;
}

static inline int tear_down(void **state)
{
	stop(*state);
	free(*state);
	return 0;
}

/* The state document as a console reads it. */
static inline void get_state(struct fixture *f, struct snapshot *s)
{
	struct reply r;
	struct err err = {0};
	assert_int_equal(ask(f, &r, "GET", "/v1/state", "", NULL), 200);
	if (wire_read_state(s, r.body.data, r.body.len, &err))
		fail_msg("%s", err.text);
	reply_free(&r);
}

/* Puts a share with the pool's own epoch and rev. */
static inline void put_share(struct fixture *f, const char *key, int share_bp)
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

static inline bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) == 1;
}

#endif
