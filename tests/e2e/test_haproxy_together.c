#define _GNU_SOURCE
/* Services that step at one moment, with the real program: their keys are committed as one version
 * of the map, and no request sees half of it. Without HAProxy every case is skipped, saying so. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/lib/stand.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct stand s;

static int set_up(void **state)
{
	char text[2 * BALANCER_CONFIG_MAX], base[BALANCER_CONFIG_MAX];
	(void)state;
	if (!stand_open(&s))
		return 0;
	balancer_config(&s.b, base);
	snprintf(text, sizeof text,
		"%s"
		"backend cart_1\n  server a unix@%s/v1a.sock\n"
		"backend cart_2\n  server a unix@%s/v2a.sock\n"
		"frontend cart\n"
		"  bind unix@%s/cart.sock\n"
		"  http-request set-var(txn.share) str(cart),map_str_int(%s,0)\n"
		"  http-request set-var(txn.bucket) req.hdr(X-Session),xxh32,mod(1000)\n"
		"  http-request set-var(txn.diff) var(txn.bucket),sub(txn.share)\n"
		"  use_backend cart_2 if { var(txn.diff) -m int lt 0 }\n"
		"  default_backend cart_1\n"
		"frontend both\n"
		"  bind unix@%s/both.sock\n"
		"  http-request return status 200 hdr X-Both "
		"\"%%[str(orders),map_str_int(%s,0)]/%%[str(cart),map_str_int(%s,0)]\"\n",
		base, s.w.dir, s.w.dir, s.w.dir, s.b.map, s.w.dir, s.b.map, s.b.map);
	world_write(s.b.map, "orders 0\nother 77\ncart 0\n");
	stand_configure(&s, text);
	snprintf(text, sizeof text,
		"pools:\n  orders:\n    interval: 100ms\n    target: \"haproxy:%s?map=%s&"
		"key=orders,cart&v1=v1,cart_1&v2=v2,cart_2\"\n",
		s.b.admin, s.b.map);
	world_write(s.w.config, text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stand_close(&s);
	return 0;
}

static void step(const char *share)
{
	stand_expect(&s, 0, ARGS("step", "orders", share, "--confirm", "orders", "--wait"));
	stand_says(&s, "VERIFIED");
}

static void have(int permille)
{
	assert_int_equal(balancer_value(&s.b, "orders"), permille);
	assert_int_equal(balancer_value(&s.b, "cart"), permille);
	assert_int_equal(balancer_value(&s.b, "other"), 77); /* nobody's business */
}

/* How many versions of the map were committed. */
static int versions(void)
{
	char *text = balancer_ask(&s.b, "show map");
	const char *at = strstr(text, s.b.map);
	at = at ? strstr(at, "curr_ver=") : NULL;
	int n = at ? (int)strtol(at + 9, NULL, 10) : -1;
	free(text);
	return n;
}

/* ---- who looks all the time ---- */

struct watcher {
	pthread_t thread;
	atomic_bool stops;
	int seen, halves, changes;
	char half[32];
};

static int connect_both(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof un.sun_path, "%.80s/both.sock", s.w.dir);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof un), 0);
	return fd;
}

static void look(struct watcher *w, int fd, int *last)
{
	static const char ask[] = "GET / HTTP/1.1\r\nHost: shop\r\n\r\n";
	char bytes[1024];
	int orders, cart;
	if (send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) < 0)
		return;
	ssize_t n = recv(fd, bytes, sizeof bytes - 1, 0);
	bytes[n > 0 ? n : 0] = 0;
	const char *at = strcasestr(bytes, "x-both: ");
	if (!at || sscanf(at + 8, "%d/%d", &orders, &cart) != 2)
		return;
	w->seen++;
	w->changes += orders != *last;
	*last = orders;
	if (orders == cart)
		return;
	w->halves++;
	snprintf(w->half, sizeof w->half, "%d/%d", orders, cart);
}

static void *watch(void *ctx)
{
	struct watcher *w = ctx;
	int fd = connect_both(), last = 0;
	while (!atomic_load(&w->stops))
		look(w, fd, &last);
	close(fd);
	return NULL;
}

static void no_request_sees_half_of_a_step(void **state)
{
	struct watcher w = {0};
	struct balancer_seen seen;
	char front[WORLD_PATH];
	(void)state;
	if (!s.w.dir[0])
		skip();
	assert_int_equal(pthread_create(&w.thread, NULL, watch, &w), 0);
	static const char *const shares[] = {"1%", "5%", "25%", "50%", "40%", "75%"};
	static const int permille[] = {10, 50, 250, 500, 400, 750};
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
		step(shares[i]);
		have(permille[i]);
	}
	stand_expect(&s, 0, ARGS("rollback", "orders", "--wait"));
	stand_says(&s, "VERIFIED");
	have(0);
	atomic_store(&w.stops, true);
	pthread_join(w.thread, NULL);
	printf("%d requests saw %d changes\n", w.seen, w.changes);
	assert_int_equal(w.changes, 7);
	/* Of several lines of one connection HAProxy often lets nobody between; of a version never. */
	assert_int_equal(versions(), 7);
	if (w.halves > 0)
		fail_msg("%d of %d saw half of it, as %s", w.halves, w.seen, w.half);
	/* Both services are counted, and both move. */
	step("25%");
	step("50%");
	step("75%");
	step("100%");
	snprintf(front, sizeof front, "%.80s/cart.sock", s.w.dir);
	assert_true(balancer_traffic(front, 0, 30, &seen));
	assert_int_equal(seen.served[1], 30);
	assert_true(balancer_traffic(s.b.front, 0, 20, &seen));
	assert_int_equal(seen.served[1], 20);
	stand_expect(&s, 0, ARGS("status", "orders", "--json"));
	cJSON *json = cJSON_Parse(s.p.out.text);
	assert_int_equal(world_number(json, "share.measured_n"), 50);
	cJSON_Delete(json);
}

/* Notes of many steps, a hold and a baseline live on from version to version, and old ones go. */
static void what_stands_in_the_map_stays(void **state)
{
	(void)state;
	if (!s.w.dir[0])
		skip();
	for (int i = 0; i < 5; i++) {
		step("10%");
		step("5%");
	}
	char line[WORLD_PATH + 32];
	snprintf(line, sizeof line, "show map %s", s.b.map);
	char *text = balancer_ask(&s.b, line);
	int lines = 0;
	for (const char *at = text; (at = strstr(at, "0x")); at += 2)
		lines++;
	assert_int_equal(lines, 3 + 8);
	free(text);
	stand_expect(&s, 0, ARGS("hold", "orders", "-m", "lunch", "--wait"));
	stand_expect(&s, 6, ARGS("step", "orders", "10%", "--confirm", "orders"));
	stand_says(&s, "held by ana@db1");
	stand_expect(&s, 0, ARGS("step", "orders", "1%", "--confirm", "orders"));
	stand_expect(&s, 6, ARGS("step", "orders", "10%", "--confirm", "orders"));
	stand_says(&s, "held by ana@db1");
	have(10);
}

/* Somebody sets one of them by hand: nothing is told of such a pool, but the way back works. */
static void keys_that_differ_are_said_and_rolled_back(void **state)
{
	char line[WORLD_PATH + 64];
	(void)state;
	if (!s.w.dir[0])
		skip();
	step("10%");
	snprintf(line, sizeof line, "set map %s cart 300", s.b.map);
	stand_ask(&s, line);
	stand_expect(&s, 6, ARGS("step", "orders", "20%", "--confirm", "orders"));
	stand_expect(&s, 1, ARGS("status", "orders"));
	stand_says(&s, "not one number for all keys");
	stand_expect(&s, 0, ARGS("rollback", "orders", "--wait"));
	stand_says(&s, "VERIFIED");
	have(0);
}

/* What could not be written again is not thrown away. */
static void a_map_of_strange_lines_is_not_committed(void **state)
{
	char line[WORLD_PATH + 64];
	(void)state;
	if (!s.w.dir[0])
		skip();
	snprintf(line, sizeof line, "add map %s a{b} 5", s.b.map);
	stand_ask(&s, line);
	stand_expect(&s, 6, ARGS("step", "orders", "20%", "--confirm", "orders"));
	stand_says(&s, "a map of their own");
	have(0);
	stand_expect(&s, 0, ARGS("rollback", "orders", "--wait"));
	stand_says(&s, "VERIFIED");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(no_request_sees_half_of_a_step),
		CASE(what_stands_in_the_map_stays),
		CASE(keys_that_differ_are_said_and_rolled_back),
		CASE(a_map_of_strange_lines_is_not_committed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
