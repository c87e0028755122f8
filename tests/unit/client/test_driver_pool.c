/* The pool driver against a hostile server: what each answer is told as. */
#include "tests/unit/client/driver_pool_bed.h"

/* ---- state ---- */

static void a_document_becomes_a_snapshot(void **state)
{
	(void)state;
	struct fixture f;
	char request[2048];
	begin(&f, HOSTILE_ANSWER);
	script_state(&f, "boot-a", 1);
	const struct heard *h = poll_once(&f);
	if (h->kind != DRIVER_SNAPSHOT)
		fail_msg("%s", h->err.text);
	assert_int_equal(h->seq, 1);
	assert_int_equal(h->share_bp, 2500);
	hostile_request(f.server, request, sizeof(request));
	assert_non_null(strstr(request, "GET /v1/state HTTP/1.1\r\n"));
	assert_non_null(strstr(request, "\r\nAuthorization: Bearer secret\r\n"));
	end(&f);
}

static void an_old_document_is_trouble(void **state)
{
	(void)state;
	static const struct {
		const char *boot_id;
		int64_t seq;
		enum err_code code;
	} rows[] = {
		{"boot-a", 5, ERR_NONE},
		{"boot-a", 5, ERR_REPLAYED},
		{"boot-a", 4, ERR_REPLAYED},
		{"boot-a", 6, ERR_NONE},
		{"boot-b", 1, ERR_NONE},
		{"boot-b", 1, ERR_REPLAYED},
	};
	struct fixture f;
	begin(&f, HOSTILE_ANSWER);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		script_state(&f, rows[i].boot_id, rows[i].seq);
		const struct heard *h = poll_once(&f);
		bool good = rows[i].code == ERR_NONE;
		assert_int_equal(h->kind, good ? DRIVER_SNAPSHOT : DRIVER_TROUBLE);
		assert_true(good || h->err.code == rows[i].code);
	}
	end(&f);
}

static void every_fault_of_a_poll_has_its_code(void **state)
{
	(void)state;
	static const struct {
		enum hostile_mode mode;
		enum err_code code;
	} rows[] = {
		{HOSTILE_REFUSE, ERR_UNREACHABLE}, {HOSTILE_RST, ERR_UNREACHABLE},
		{HOSTILE_CUT, ERR_UNREACHABLE}, {HOSTILE_TRUNCATED, ERR_UNREACHABLE},
		{HOSTILE_TRUNCATED_OPEN, ERR_DOCUMENT}, {HOSTILE_TWO_DOCUMENTS, ERR_DOCUMENT},
		{HOSTILE_ENDLESS_BODY, ERR_TOO_LARGE}, {HOSTILE_REDIRECT, ERR_REDIRECT},
		{HOSTILE_UNAUTHORISED, ERR_UNAUTHORISED}, {HOSTILE_FORBIDDEN, ERR_UNAUTHORISED},
		{HOSTILE_CONFLICT, ERR_NOT_POOL}, {HOSTILE_BUSY, ERR_UNREACHABLE},
		{HOSTILE_BROKEN, ERR_UNREACHABLE}, {HOSTILE_HTML, ERR_NOT_POOL},
		{HOSTILE_WRONG_TYPE, ERR_NOT_POOL}, {HOSTILE_NOT_HTTP, ERR_NOT_POOL},
		{HOSTILE_ANSWER, ERR_FIELD}, /* {} lacks all */
	};
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct fixture f;
		begin(&f, rows[i].mode);
		if (rows[i].mode != HOSTILE_ANSWER)
			script_state(&f, "boot-a", 1);
		const struct heard *h = poll_once(&f);
		assert_int_equal(h->kind, DRIVER_TROUBLE);
		if (h->err.code != rows[i].code)
			fail_msg("row %zu: %s %s", i, err_name(h->err.code), h->err.text);
		assert_non_null(strstr(h->err.text, hostile_target(f.server)));
		/* whole again, it is told again */
		if (rows[i].mode != HOSTILE_REFUSE) {
			hostile_set_mode(f.server, HOSTILE_ANSWER);
			script_state(&f, "boot-a", 2);
			f.now.boot_ms += 60000;
			assert_int_equal(poll_once(&f)->kind, DRIVER_SNAPSHOT);
		}
		end(&f);
	}
}

static void a_compressed_bomb_is_not_unpacked(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HOSTILE_GZIP_BOMB);
	const struct heard *h = poll_once(&f);
	assert_int_equal(h->kind, DRIVER_TROUBLE);
	assert_true(h->err.code == ERR_DOCUMENT || h->err.code == ERR_UTF8);
	end(&f);
}

static void html_is_named(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HOSTILE_HTML);
	assert_non_null(strstr(poll_once(&f)->err.text, "text/html"));
	end(&f);
}

static void a_busy_pool_is_left_alone(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HOSTILE_BUSY);
	assert_non_null(strstr(poll_once(&f)->err.text, "retry in 8s"));
	hostile_set_mode(f.server, HOSTILE_ANSWER);
	script_state(&f, "boot-a", 1);
	f.now.boot_ms += 7001;
	driver_http.poll(f.driver, f.now);
	assert_int_equal(f.heard.events, 2);
	assert_int_equal(f.heard.kind, DRIVER_TROUBLE);
	assert_non_null(strstr(f.heard.err.text, "retry in 1s"));
	assert_int_equal(hostile_requests(f.server), 1);
	f.now.boot_ms += 999;
	assert_int_equal(poll_once(&f)->kind, DRIVER_SNAPSHOT);
	end(&f);
}

static void a_poll_under_way_is_not_begun_twice(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HOSTILE_SILENT);
	driver_http.poll(f.driver, f.now);
	driver_http.poll(f.driver, f.now);
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	while (hostile_requests(f.server) == 0 && hostile_clock_ms() < end_ms) {
		driver_http.poll(f.driver, f.now);
		transport_turn(f.transport, f.now);
		transport_wait(f.transport, NULL, 0, 20);
	}
	assert_int_equal(hostile_requests(f.server), 1);
	assert_int_equal(hostile_connections(f.server), 1);
	end(&f); /* and forgets it without a word */
}

/* ---- commands ---- */

static void every_verb_has_its_request(void **state)
{
	(void)state;
	static const struct {
		enum verb verb;
		const char *line;
		bool matches;
	} rows[] = {
		{VERB_STEP, "PUT /v1/split HTTP/1.1\r\n", true},
		{VERB_ROLLBACK, "POST /v1/rollback HTTP/1.1\r\n", false},
		{VERB_HOLD, "POST /v1/hold HTTP/1.1\r\n", false},
		{VERB_RESUME, "POST /v1/resume HTTP/1.1\r\n", false},
		{VERB_OPERATIONS, "PUT /v1/split HTTP/1.1\r\n", true},
		{VERB_KEEP, "POST /v1/keep HTTP/1.1\r\n", false},
		{VERB_ARM, "POST /v1/arm HTTP/1.1\r\n", false},
		{VERB_DISARM, "POST /v1/disarm HTTP/1.1\r\n", false},
		{VERB_TAKE, "POST /v1/lease HTTP/1.1\r\n", false},
		{VERB_GUARD, "POST /v1/guard HTTP/1.1\r\n", false},
		{VERB_ADOPT, "POST /v1/hold HTTP/1.1\r\n", false},
	};
	struct fixture f;
	char request[4096];
	begin(&f, HOSTILE_ANSWER);
	hostile_script(f.server, 200, "{\"epoch\":3,\"rev\":5,\"share_bp\":2500}");
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct command c = step();
		c.verb = rows[i].verb;
		driver_http.apply(f.driver, &c, f.now);
		const struct heard *h = listen_once(&f);
		assert_int_equal(h->kind, DRIVER_ANSWER);
		assert_int_equal(h->verb, rows[i].verb);
		assert_string_equal(h->intent, "0199-step");
		assert_int_equal(h->answer.kind, ANSWER_APPLIED);
		assert_int_equal(h->answer.rev, 5);
		assert_int_equal(h->answer.share_bp, 2500);
		assert_in_range(h->answer.latency_ms, 0, DEADLINE_MS);
		hostile_request(f.server, request, sizeof(request));
		assert_ptr_equal(strstr(request, rows[i].line), request);
		assert_non_null(strstr(request, "\r\nIdempotency-Key: 0199-step\r\n"));
		assert_int_equal(strstr(request, "\r\nIf-Match: \"3.4\"\r\n") != NULL, rows[i].matches);
		assert_non_null(strstr(request, "alice@web2"));
	}
	end(&f);
}

static void every_answer_is_told_as_what_it_is(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *body;
		enum answer_kind kind;
		enum err_code code;
	} rows[] = {
		{200, "{\"epoch\":3,\"rev\":5,\"share_bp\":2500}", ANSWER_APPLIED, ERR_NONE},
		{200, "{\"epoch\":3", ANSWER_LOST, ERR_DOCUMENT},
		{200, "{}", ANSWER_LOST, ERR_FIELD},
		{401, "{}", ANSWER_REFUSED, ERR_UNAUTHORISED},
		{403, "<html>", ANSWER_REFUSED, ERR_READ_ONLY},
		{409, REFUSAL("held"), ANSWER_REFUSED, ERR_HELD},
		{409, REFUSAL("in_progress"), ANSWER_LOST, ERR_UNRESOLVED},
		{410, REFUSAL("finalized"), ANSWER_REFUSED, ERR_FINALIZED},
		{412, REFUSAL("conflict"), ANSWER_REFUSED, ERR_CHANGED},
		{412, "{\"error\":\"conflict\",\"epoch\":4,\"rev\":9}", ANSWER_REFUSED, ERR_EPOCH},
		{422, REFUSAL("void"), ANSWER_REFUSED, ERR_VOID},
		{422, REFUSAL("limit"), ANSWER_REFUSED, ERR_LIMIT},
		{200, "{\"epoch\":3,\"rev\":5,\"share_bp\":2000}", ANSWER_APPLIED, ERR_APPLIED_AS},
		{409, REFUSAL("unkept"), ANSWER_REFUSED, ERR_UNKEPT},
		{423, REFUSAL("leased"), ANSWER_REFUSED, ERR_LEASE},
		{503, REFUSAL("in_progress"), ANSWER_LOST, ERR_UNRESOLVED},
		{429, "{}", ANSWER_REFUSED, ERR_UNREACHABLE},
		{500, "{}", ANSWER_LOST, ERR_UNRESOLVED},
		{503, "{}", ANSWER_LOST, ERR_UNRESOLVED},
	};
	struct fixture f;
	begin(&f, HOSTILE_ANSWER);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct command c = step();
		hostile_script(f.server, rows[i].status, rows[i].body);
		driver_http.apply(f.driver, &c, f.now);
		const struct answer *a = &listen_once(&f)->answer;
		if (a->kind != rows[i].kind || a->err.code != rows[i].code)
			fail_msg("row %zu: kind %d, %s %s", i, a->kind, err_name(a->err.code), a->err.text);
	}
	end(&f);
}

static void a_change_by_another_is_named(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HOSTILE_CHANGED);
	hostile_script(f.server, 200,
		"{\"error\":\"conflict\",\"epoch\":3,\"rev\":6,\"share_bp\":2500,"
		"\"changed_by\":\"bob@db\\u001b[1\",\"changed_age_ms\":12000}");
	struct command c = step();
	driver_http.apply(f.driver, &c, f.now);
	const struct answer *a = &listen_once(&f)->answer;
	assert_int_equal(a->err.code, ERR_CHANGED);
	assert_int_equal(a->rev, 6);
	assert_non_null(strstr(a->err.text, "by \"bob@db^[[1\" 12s ago, the share is now 25%"));
	end(&f);
}

static void trouble_of_a_command_is_never_guessed(void **state)
{
	(void)state;
	static const struct {
		enum hostile_mode mode;
		enum answer_kind kind;
		enum err_code code;
	} rows[] = {
		{HOSTILE_REFUSE, ANSWER_NOT_SENT, ERR_UNREACHABLE},
		{HOSTILE_CUT, ANSWER_LOST, ERR_UNREACHABLE},
		{HOSTILE_RST, ANSWER_LOST, ERR_UNREACHABLE},
		{HOSTILE_TRUNCATED, ANSWER_LOST, ERR_UNREACHABLE},
		{HOSTILE_REDIRECT, ANSWER_LOST, ERR_REDIRECT},
		{HOSTILE_HTML, ANSWER_LOST, ERR_NOT_POOL},
		{HOSTILE_BROKEN, ANSWER_LOST, ERR_UNRESOLVED},
	};
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct fixture f;
		begin(&f, rows[i].mode);
		struct command c = step();
		driver_http.apply(f.driver, &c, f.now);
		const struct heard *h = listen_once(&f);
		assert_int_equal(h->kind, DRIVER_ANSWER);
		if (h->answer.kind != rows[i].kind || h->answer.err.code != rows[i].code)
			fail_msg("row %zu: kind %d, %s", i, h->answer.kind, h->answer.err.text);
		assert_int_equal(h->answer.epoch, UNKNOWN);
		assert_int_equal(h->answer.share_bp, -1);
		/* sent once: nothing repeats it */
		if (rows[i].mode == HOSTILE_CUT)
			assert_int_equal(hostile_requests(f.server), 1);
		end(&f);
	}
}

static void a_lease_is_asked_for_and_told(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *body;
		enum answer_kind kind;
		enum err_code code;
		const char *by;
	} rows[] = {
		{200, "{\"epoch\":3,\"rev\":5,\"share_bp\":2500}", ANSWER_APPLIED, ERR_NONE, ""},
		{423, "{\"error\":\"leased\",\"changed_by\":\"bob\\u001b[2J\"}", ANSWER_REFUSED,
			ERR_LEASE, "bob^[[2J"},
		{404, "<html>", ANSWER_REFUSED, ERR_PROTOCOL, ""}, /* a pool without leases */
		{500, "{}", ANSWER_LOST, ERR_UNRESOLVED, ""},
		{200, "{}", ANSWER_LOST, ERR_FIELD, ""},
	};
	const struct lease_request r = {.actor = "alice@web2", .ttl_ms = 30000};
	struct fixture f;
	char request[2048];
	begin(&f, HOSTILE_ANSWER);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		hostile_script(f.server, rows[i].status, rows[i].body);
		driver_http.lease(f.driver, &r, f.now);
		const struct heard *h = listen_once(&f);
		assert_int_equal(h->kind, DRIVER_LEASE);
		assert_int_equal(h->ttl_ms, 30000);
		assert_int_equal(h->answer.kind, rows[i].kind);
		assert_int_equal(h->answer.err.code, rows[i].code);
		assert_string_equal(h->answer.changed_by, rows[i].by);
		hostile_request(f.server, request, sizeof(request));
		assert_ptr_equal(strstr(request, "POST /v1/lease HTTP/1.1\r\n"), request);
		assert_null(strstr(request, "Idempotency-Key"));
		assert_non_null(
			strstr(request, "{\"actor\":\"alice@web2\",\"ttl_ms\":30000,\"take\":false}"));
	}
	end(&f);
	begin(&f, HOSTILE_REFUSE);
	driver_http.lease(f.driver, &r, f.now);
	assert_int_equal(listen_once(&f)->answer.kind, ANSWER_NOT_SENT);
	end(&f);
}

static void a_fate_is_asked_and_told(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		enum answer_kind kind;
	} rows[] = {
		{"{\"key\":\"k\",\"fate\":\"applied\",\"epoch\":3,\"rev\":5,\"share_bp\":2500}",
			ANSWER_APPLIED},
		{"{\"key\":\"k\",\"fate\":\"superseded\"}", ANSWER_SUPERSEDED},
		{"{\"key\":\"k\",\"fate\":\"void\"}", ANSWER_VOID},
		{"{\"key\":\"k\",\"fate\":\"unknown\"}", ANSWER_LOST},
		{"{\"key\":\"k\",\"fate\":\"perhaps\"}", ANSWER_LOST},
		{"{}", ANSWER_LOST},
	};
	struct fixture f;
	char request[2048];
	begin(&f, HOSTILE_ANSWER);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		hostile_script(f.server, 200, rows[i].body);
		driver_http.resolve(f.driver, "0199-a/../b", f.now);
		const struct heard *h = listen_once(&f);
		assert_int_equal(h->kind, DRIVER_RESOLVED);
		assert_string_equal(h->intent, "0199-a/../b");
		assert_int_equal(h->answer.kind, rows[i].kind);
		assert_int_equal(h->answer.err.code != ERR_NONE, rows[i].kind == ANSWER_LOST);
		hostile_request(f.server, request, sizeof(request));
		assert_non_null(strstr(request, "POST /v1/intents/0199-a%2F%2E%2E%2Fb/void HTTP"));
	}
	end(&f);
	/* "not sent" would be read as "not applied", which nobody knows */
	begin(&f, HOSTILE_REFUSE);
	driver_http.resolve(f.driver, "k", f.now);
	assert_int_equal(listen_once(&f)->answer.kind, ANSWER_LOST);
	end(&f);
}

/* ---- audit ---- */

static void the_audit_is_read(void **state)
{
	(void)state;
	struct fixture f;
	char request[2048];
	struct text body = {0};
	struct audit_entry entry = {.seq = 42, .what = "step", .to_bp = 1000, .actor = "a@web2"};
	begin(&f, HOSTILE_ANSWER);
	wire_write_audit(&body, &entry, 1);
	hostile_script(f.server, 200, text_str(&body));
	driver_http.audit(f.driver, 41, f.now);
	const struct heard *h = listen_once(&f);
	assert_int_equal(h->kind, DRIVER_AUDIT);
	assert_false(h->has_err);
	assert_int_equal(h->audit_count, 1);
	assert_string_equal(h->audit_actor, "a@web2");
	hostile_request(f.server, request, sizeof(request));
	assert_non_null(strstr(request, "GET /v1/audit?since=41 HTTP/1.1\r\n"));
	hostile_set_mode(f.server, HOSTILE_BROKEN);
	driver_http.audit(f.driver, 41, f.now);
	h = listen_once(&f);
	assert_int_equal(h->kind, DRIVER_AUDIT);
	assert_int_equal(h->err.code, ERR_UNREACHABLE);
	assert_int_equal(h->audit_count, 0);
	text_free(&body);
	end(&f);
}

/* ---- open and close ---- */

static void a_wrong_target_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"http:",
		"http:/x",
		"http://",
		"http://u:p@h:1",
		"http://h:1/path",
		"http://h:1?x",
		"http://h:1 ",
		"http://h\r\nX: y",
		"unix:",
		"unix:relative",
		"unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	static const char *const good[] = {
		"http://h",
		"http://h:1/",
		"https://a.example:443",
		"http://[::1]:7070",
		"unix:/run/w",
	};
	struct fixture f = {.transport = transport_new()};
	struct err err;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		err = (struct err){0};
		assert_int_equal(open_target(&f, bad[i], NULL, &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
	}
	assert_int_equal(open_target(&f, good[0], "a\r\nb", &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_null(strstr(err.text, "a\r"));
	for (size_t i = 0; i < LENGTH(good); i++) {
		assert_int_equal(open_target(&f, good[i], "", &err), 0);
		driver_http.close(f.driver);
	}
	transport_free(f.transport);
}

static void closing_forgets_what_is_under_way(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HOSTILE_SILENT);
	struct command c = step();
	driver_http.poll(f.driver, f.now);
	driver_http.audit(f.driver, 0, f.now);
	driver_http.apply(f.driver, &c, f.now);
	driver_http.resolve(f.driver, "k", f.now);
	c = brake(VERB_ROLLBACK, "0199-back"); /* its second way has not begun */
	driver_http.apply(f.driver, &c, f.now);
	driver_http.lease(f.driver, &(struct lease_request){.actor = "a", .ttl_ms = 1}, f.now);
	int64_t end_ms = hostile_clock_ms() + DEADLINE_MS;
	while (hostile_requests(f.server) < 6 && hostile_clock_ms() < end_ms) {
		transport_turn(f.transport, f.now);
		transport_wait(f.transport, NULL, 0, 20);
	}
	assert_int_equal(hostile_requests(f.server), 6);
	assert_int_equal(f.heard.events, 0);
	end(&f);
}

static void the_three_rows_are_one_driver(void **state)
{
	(void)state;
	assert_string_equal(driver_http.scheme, "http");
	assert_string_equal(driver_https.scheme, "https");
	assert_string_equal(driver_unix.scheme, "unix");
	assert_int_equal(driver_http.capabilities, driver_unix.capabilities);
	assert_true((driver_https.capabilities & CAPABILITY_COMMANDS) != 0);
}

int main(void)
{
	alarm(60);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_becomes_a_snapshot),
		cmocka_unit_test(an_old_document_is_trouble),
		cmocka_unit_test(every_fault_of_a_poll_has_its_code),
		cmocka_unit_test(a_compressed_bomb_is_not_unpacked),
		cmocka_unit_test(html_is_named),
		cmocka_unit_test(a_busy_pool_is_left_alone),
		cmocka_unit_test(a_poll_under_way_is_not_begun_twice),
		cmocka_unit_test(every_verb_has_its_request),
		cmocka_unit_test(every_answer_is_told_as_what_it_is),
		cmocka_unit_test(a_change_by_another_is_named),
		cmocka_unit_test(trouble_of_a_command_is_never_guessed),
		cmocka_unit_test(a_lease_is_asked_for_and_told),
		cmocka_unit_test(a_fate_is_asked_and_told),
		cmocka_unit_test(the_audit_is_read),
		cmocka_unit_test(a_wrong_target_is_refused),
		cmocka_unit_test(closing_forgets_what_is_under_way),
		cmocka_unit_test(the_three_rows_are_one_driver),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
