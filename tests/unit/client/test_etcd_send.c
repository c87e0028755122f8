/* Requests to an etcd that wants to know who asks: one login for all, a new token in place of
 * one that was refused, and what becomes of whoever waits. The server is this test, between two
 * turns. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/etcd.h"
#include "model/mem.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITED_MAX 400 /* turns of 10 ms at most */
#define ASKED 5

struct bed {
	struct transport *transport;
	struct etcd etcd[2];
	int listener;
	char target[300], file[128];
	struct instant now;
	/* the server */
	const char *good;  /* the token that it takes; "" none is asked for */
	const char *knows; /* the login's body that it takes */
	int logins, served, refused;
	/* who asked */
	int done, applied;
	bool sent;
	struct err err;
};

static struct bed *bed;

/* ---- the server ---- */

static void answer(int fd, int status, const char *body)
{
	char out[512];
	int n = snprintf(out, sizeof out,
		"HTTP/1.1 %d x\r\nContent-Type: application/json\r\nConnection: close\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		status, strlen(body), body);
	assert_int_equal(write(fd, out, (size_t)n), n);
}

static bool is_whole(const char *request)
{
	const char *body = strstr(request, "\r\n\r\n"),
			   *length = strstr(request, "Content-Length: ");
	return body && length && strlen(body + 4) >= strtoul(length + 16, NULL, 10);
}

static void serve_one(int fd)
{
	char request[4096] = "", token[80], body[160];
	size_t len = 0;
	ssize_t n;
	while (!is_whole(request)) {
		n = recv(fd, request + len, sizeof request - 1 - len, MSG_DONTWAIT);
		if (n == 0) {
			close(fd); /* forgotten meanwhile */
			return;
		}
		if (n > 0)
			request[len += (size_t)n] = '\0';
		transport_turn(bed->transport, bed->now); /* who asks is this very thread */
	}
	snprintf(token, sizeof token, "Authorization: %s\r\n", bed->good);
	if (strstr(request, "/v3/auth/authenticate")) {
		bed->logins++;
		if (!*bed->good)
			answer(fd, 412,
				"{\"message\":\"etcdserver: authentication is not enabled\",\"code\":9}");
		else if (strstr(request, bed->knows)) {
			snprintf(body, sizeof body, "{\"token\":\"%s\"}", bed->good);
			answer(fd, 200, body);
		} else
			answer(fd, 400,
				"{\"message\":\"etcdserver: authentication failed, invalid user ID or "
				"password\",\"code\":3}");
	} else if (*bed->good ? strstr(request, token) != NULL
						  : strstr(request, "Authorization") == NULL) {
		bed->served++;
		answer(fd, 200, "{\"header\":{\"revision\":\"7\"},\"succeeded\":true}");
	} else {
		bed->refused++;
		if (strstr(request, "Authorization"))
			answer(fd, 401, "{\"message\":\"etcdserver: invalid auth token\",\"code\":16}");
		else
			answer(fd, 400, "{\"message\":\"etcdserver: user name is empty\",\"code\":3}");
	}
	close(fd);
}

static void turn(void)
{
	struct pollfd p = {.fd = bed->listener, .events = POLLIN};
	transport_turn(bed->transport, bed->now);
	while (poll(&p, 1, 0) == 1)
		serve_one(accept(bed->listener, NULL, NULL));
	transport_wait(bed->transport, NULL, 0, 10);
}

static void until_done(int count)
{
	for (int i = 0; i < WAITED_MAX && bed->done < count; i++)
		turn();
	assert_int_equal(bed->done, count);
}

/* ---- who asks ---- */

static void done(void *ctx, const struct transport_reply *reply, struct instant now)
{
	struct etcd *e = ctx;
	(void)now;
	bed->done++;
	bed->sent = reply->sent;
	bed->err = (struct err){0};
	bed->applied += etcd_check(e, reply, &bed->err) == 0;
}

static uint64_t ask(struct etcd *e)
{
	const struct etcd_op put = {.what = ETCD_PUT, .key = "k", .value = "v"};
	const struct etcd_txn t = {.then = &put, .then_count = 1};
	return etcd_send_txn(e, &t, false, done, e, bed->now);
}

static void says(const char *what)
{
	FILE *f = fopen(bed->file, "w");
	assert_non_null(f);
	assert_true(fputs(what, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(bed->file, 0600), 0);
}

static void open_both(const char *file)
{
	struct err err = {0};
	says(file);
	for (int i = 0; i < 2; i++)
		if (etcd_open(&bed->etcd[i], bed->target, bed->transport, &err) < 0)
			fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	const char *dir = getenv("TMPDIR");
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof at;
	(void)state;
	bed = mem_new(1, sizeof *bed);
	bed->now = (struct instant){.boot_ms = 100000, .wall_ms = 1700000000000};
	bed->transport = transport_new();
	bed->good = "made.1";
	bed->knows = "{\"name\":\"ann\",\"password\":\"a:b\\\"c\"}";
	snprintf(
		bed->file, sizeof bed->file, "%s/weir-auth-%ld", dir ? dir : "/tmp", (long)getpid());
	bed->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(bed->listener, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(bed->listener, 16), 0);
	assert_int_equal(getsockname(bed->listener, (struct sockaddr *)&at, &size), 0);
	snprintf(bed->target, sizeof bed->target, "etcd://127.0.0.1:%d/shop?auth=%s",
		ntohs(at.sin_port), bed->file);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		etcd_close(&bed->etcd[i]);
	transport_free(bed->transport);
	close(bed->listener);
	unlink(bed->file);
	free(bed);
	return 0;
}

/* ---- cases ---- */

static void all_who_wait_have_one_login(void **state)
{
	(void)state;
	open_both("ann:a:b\"c\n");
	for (int i = 0; i < ASKED; i++)
		ask(&bed->etcd[i % 2]);
	until_done(ASKED);
	assert_int_equal(bed->applied, ASKED);
	assert_int_equal(bed->logins, 1);
	assert_int_equal(bed->refused, 0);
}

static void a_forgotten_token_is_replaced_once_for_all(void **state)
{
	(void)state;
	open_both("ann:a:b\"c");
	ask(&bed->etcd[0]);
	until_done(1);
	bed->good = "made.2";
	for (int i = 0; i < ASKED; i++)
		ask(&bed->etcd[i % 2]);
	until_done(1 + ASKED);
	assert_int_equal(bed->applied, 1 + ASKED);
	assert_int_equal(bed->served, 1 + ASKED); /* each has been done once */
	assert_int_equal(bed->logins, 2);
}

/* Whoever is refused is not asked for ever; what waited was not sent. */
static void a_wrong_password_ends_what_waits(void **state)
{
	(void)state;
	open_both("ann:wrong");
	ask(&bed->etcd[0]);
	uint64_t gone = ask(&bed->etcd[1]);
	ask(&bed->etcd[1]);
	etcd_cancel(&bed->etcd[1], gone);
	until_done(2);
	assert_int_equal(bed->applied, 0);
	assert_false(bed->sent);
	assert_int_equal(bed->err.code, ERR_UNAUTHORISED);
	assert_non_null(strstr(bed->err.text, "NAME:PASSWORD"));
	assert_non_null(strstr(bed->err.text, bed->file));
	assert_int_equal(bed->logins, 1);
	/* the next one waits, since etcd makes a password dear, and reads the file anew */
	says("ann:a:b\"c");
	ask(&bed->etcd[0]);
	for (int i = 0; i < 5; i++)
		turn();
	assert_int_equal(bed->logins, 1);
	bed->now.boot_ms += 3001;
	until_done(3);
	assert_int_equal(bed->applied, 1);
	assert_int_equal(bed->logins, 2);
}

static void a_refused_token_is_read_anew(void **state)
{
	(void)state;
	open_both("made.0");
	ask(&bed->etcd[0]);
	until_done(1);
	assert_int_equal(bed->err.code, ERR_UNAUTHORISED);
	assert_non_null(strstr(bed->err.text, "refuses the token"));
	says("made.1");
	ask(&bed->etcd[0]);
	ask(&bed->etcd[1]);
	until_done(3);
	assert_int_equal(bed->applied, 2);
	assert_int_equal(bed->logins, 0);
	/* and may have become a name and a password */
	bed->good = "made.2";
	says("ann:a:b\"c");
	ask(&bed->etcd[1]);
	until_done(4);
	assert_int_equal(bed->applied, 3);
	assert_int_equal(bed->logins, 1);
	/* and a token again */
	bed->good = "made.3";
	bed->knows = "nobody";
	ask(&bed->etcd[1]);
	until_done(5);
	says("made.3");
	bed->now.boot_ms += 10000;
	ask(&bed->etcd[0]);
	until_done(6);
	assert_int_equal(bed->applied, 4);
}

/* An etcd that asks nobody is asked without a token, until it does. */
static void an_etcd_that_asks_nobody_is_asked_as_nobody(void **state)
{
	(void)state;
	open_both("ann:a:b\"c");
	bed->good = "";
	ask(&bed->etcd[0]);
	until_done(1);
	ask(&bed->etcd[1]);
	until_done(2);
	assert_int_equal(bed->applied, 2);
	assert_int_equal(bed->logins, 1);
	bed->good = "made.1";
	ask(&bed->etcd[1]);
	until_done(3);
	assert_int_equal(bed->applied, 3);
	assert_int_equal(bed->logins, 2);
}

static void what_is_closed_hears_no_more(void **state)
{
	(void)state;
	open_both("ann:a:b\"c");
	ask(&bed->etcd[0]);
	ask(&bed->etcd[1]);
	ask(&bed->etcd[0]);
	etcd_close(&bed->etcd[0]);
	until_done(1);
	for (int i = 0; i < 5; i++)
		turn();
	assert_int_equal(bed->done, 1);
	assert_int_equal(bed->served, 1);
}

/* A file that nobody may read, or that others may, is told at once. */
static void a_file_that_is_no_secret_is_refused(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(etcd_open(&bed->etcd[0], bed->target, bed->transport, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	says("ann:x");
	assert_int_equal(chmod(bed->file, 0644), 0);
	assert_int_equal(etcd_open(&bed->etcd[0], bed->target, bed->transport, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_FILE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(all_who_wait_have_one_login),
		T(a_forgotten_token_is_replaced_once_for_all),
		T(a_wrong_password_ends_what_waits),
		T(a_refused_token_is_read_anew),
		T(an_etcd_that_asks_nobody_is_asked_as_nobody),
		T(what_is_closed_hears_no_more),
		T(a_file_that_is_no_secret_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
