#define _GNU_SOURCE /* strcasestr */
/* Tests of client/serve: who may ask, by which token and over TLS, and those who only want it
 * to fall. */
#include "tests/unit/client/serve_bed.h"

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

int main(void)
{
#define WITH_TLS(test) cmocka_unit_test_setup_teardown(test, set_up_tls, tear_down_tls)
#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
