#define _GNU_SOURCE /* strcasestr */
/* Tests of client/serve: connections that are kept, cut and idle, and the addresses it listens
 * at. */
#include "tests/unit/client/serve_bed.h"

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
		cmocka_unit_test(row_81_idle),
		WITH_POOL(test_keep_alive),
		WITH_POOL(test_bodies),
		WITH_POOL(test_addresses),
		WITH_POOL(test_ipv6),
		WITH_POOL(test_unix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
