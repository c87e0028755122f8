/* Targets of HAProxy: what they mean, and what is refused before it could reach a command. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/haproxy_target.h"

#include <stdio.h>
#include <string.h>

static void a_map_is_read(void **state)
{
	(void)state;
	struct haproxy_target t;
	struct err err = {0};
	assert_int_equal(haproxy_target_read(&t,
						 "haproxy:/run/h.sock?map=/etc/haproxy/w.map&key=shop.example&v1=a_1"
						 "&v2=a_2&ring=weir",
						 &err),
		0);
	assert_int_equal(t.way, HAPROXY_MAP);
	assert_string_equal(t.path, "/run/h.sock");
	assert_string_equal(t.map, "/etc/haproxy/w.map");
	assert_string_equal(t.key, "shop.example");
	assert_string_equal(t.backends[ARM_V1].name[0], "a_1");
	assert_string_equal(t.backends[ARM_V2].name[0], "a_2");
	assert_string_equal(t.ring, "weir");
}

static void services_that_step_together_are_read(void **state)
{
	(void)state;
	struct haproxy_target t;
	char name[65];
	static const char target[] = "haproxy:/s?map=m&key=a,b.c&v1=a1,b1,x1&v2=a2";
	assert_int_equal(haproxy_target_read(&t, target, NULL), 0);
	assert_int_equal(t.keys.count, 2);
	assert_string_equal(t.keys.name[1], "b.c");
	assert_int_equal(t.backends[ARM_V1].count, 3);
	assert_string_equal(t.backends[ARM_V1].name[2], "x1");
	assert_int_equal(t.backends[ARM_V2].count, 1);
	assert_true(haproxy_target_name(name, sizeof name, target));
	assert_string_equal(name, "a");
}

static void weights_are_read(void **state)
{
	(void)state;
	struct haproxy_target t;
	struct err err = {0};
	assert_int_equal(haproxy_target_read(&t,
						 "haproxy://127.0.0.1:9999?backend=B&v1=s1,s2&v2=s3&map=n.map", &err),
		0);
	assert_int_equal(t.way, HAPROXY_WEIGHTS);
	assert_string_equal(t.host, "127.0.0.1");
	assert_int_equal(t.port, 9999);
	assert_string_equal(t.backends[ARM_V2].name[0], "B");
	assert_int_equal(t.servers[ARM_V1].count, 2);
	assert_string_equal(t.servers[ARM_V1].name[1], "s2");
	assert_string_equal(t.servers[ARM_V2].name[0], "s3");
	assert_string_equal(t.map, "n.map");
}

static void a_socket_alone_is_to_look_around(void **state)
{
	(void)state;
	struct haproxy_target t;
	assert_int_equal(haproxy_target_read(&t, "haproxy:/run/h.sock", NULL), 0);
	assert_int_equal(t.way, HAPROXY_LOOK);
	assert_int_equal(haproxy_target_read(&t, "haproxy://[::1]:80", NULL), 0);
	assert_string_equal(t.host, "::1");
	assert_int_equal(haproxy_target_read(&t, "haproxy://localhost:80", NULL), 0);
	assert_string_equal(t.host, "127.0.0.1");
}

static void the_pool_is_called_by_its_key(void **state)
{
	(void)state;
	char name[65];
	assert_true(haproxy_target_name(
		name, sizeof name, "haproxy:/s?map=/etc/a.map&key=orders&v1=a&v2=b"));
	assert_string_equal(name, "orders");
	assert_true(haproxy_target_name(name, sizeof name, "haproxy:/s?backend=B&v1=a&v2=b"));
	assert_string_equal(name, "B");
	assert_false(haproxy_target_name(name, sizeof name, "haproxy:/s"));
	assert_false(haproxy_target_name(name, sizeof name, "http://x:1"));
}

/* What is no target, and what the error says. */
static const struct {
	const char *target, *says;
} bad[] = {
	{"haproxy:s?map=m&key=k&v1=a&v2=b", "absolute path"},
	{"haproxy:", "absolute path"},
	{"haproxy:/a b", "blanks"},
	{"haproxy:/a'b", "quotes"},
	{"haproxy:/s?", "unknown setting \"\""},
	{"haproxy:/s?map=m", "quote it"},
	{"haproxy:/s?map=m&key=k&v1=a", "quote it"},
	{"haproxy:/s?backend=b&v1=a", "quote it"},
	{"haproxy:/s?backend=b&key=k&v1=a&v2=c", "splits by weights"},
	{"haproxy:/s?map=m&key=k&v1=a&v2=a", "or for both"},
	{"haproxy:/s?map=m&key=k,l&v1=a,b&v2=c,a", "or for both"},
	{"haproxy:/s?map=m&key=k,l&v1=a,a&v2=c", "one backend twice"},
	{"haproxy:/s?map=m&key=k,k&v1=a&v2=c", "a key twice"},
	{"haproxy:/s?map=m&key=k,&v1=a&v2=c", "1 to 64 of"},
	{"haproxy:/s?map=m&key=1,2,3,4,5,6,7,8,9&v1=a&v2=c", "more than 8"},
	{"haproxy:/s?map=m&key=k&v1=a&v2=b&v2=c", "says twice v2="},
	{"haproxy:/s?map=m&key=&v1=a&v2=b", "says nothing behind key="},
	{"haproxy:/s?map=m&keys=k&v1=a&v2=b", "did you mean key="},
	{"haproxy:/s?map=m&key=k;shutdown&v1=a&v2=b", "1 to 64 of"},
	{"haproxy:/s?map=m&key=k k&v1=a&v2=b", "1 to 64 of"},
	{"haproxy:/s?map=m&key=k\nset&v1=a&v2=b", "1 to 64 of"},
	{"haproxy:/s?map=m;x&key=k&v1=a&v2=b", "without blanks"},
	{"haproxy:/s?map=#0&key=k&v1=a&v2=b", "without blanks"},
	{"haproxy:/s?backend=b&v1=a,,c&v2=d", "1 to 64 of"},
	{"haproxy:/s?backend=b&v1=a,c&v2=c", "a server twice"},
	{"haproxy:/s?backend=b&v1=a,a&v2=c", "a server twice"},
	{"haproxy:/s?backend=b&v1=a&v2=-c", "1 to 64 of"},
	{"haproxy:/s?map=m&key=k&v1=a&v2=b&ring=r;q", "1 to 64 of"},
	{"haproxy://h.example:80?map=m&key=k&v1=a&v2=b", "in digits"},
	{"haproxy://10.0.0.1?map=m&key=k&v1=a&v2=b", "needs a port"},
	{"haproxy://10.0.0.1:0", "needs a port"},
	{"haproxy://10.0.0.1:65536", "needs a port"},
	{"haproxy://:80", "in digits"},
	{"haproxy://[]:80", "in digits"},
	{"haproxy://[::1:80", "in digits"},
	{"http://x", "haproxy:"},
};

static void what_is_wrong_is_refused_with_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct haproxy_target t;
		struct err err = {0};
		if (haproxy_target_read(&t, bad[i].target, &err) == 0)
			fail_msg("%s was taken", bad[i].target);
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.text, bad[i].says))
			fail_msg("%s: %s", bad[i].target, err.text);
	}
}

static void what_is_too_long_is_refused(void **state)
{
	(void)state;
	struct haproxy_target t;
	char target[4096], name[80] = {0};
	memset(name, 'n', 65);
	snprintf(target, sizeof target, "haproxy:/s?map=m&key=%s&v1=a&v2=b", name);
	assert_int_equal(haproxy_target_read(&t, target, NULL), -1);
	snprintf(target, sizeof target, "haproxy:/%0108d", 0);
	assert_int_equal(haproxy_target_read(&t, target, NULL), -1);
	snprintf(target, sizeof target, "haproxy:/s?map=/%0192d&key=k&v1=a&v2=b", 0);
	assert_int_equal(haproxy_target_read(&t, target, NULL), -1);
	size_t n = (size_t)snprintf(target, sizeof target, "haproxy:/s?backend=b&v2=x&v1=s0");
	for (int i = 1; i < 33; i++)
		n += (size_t)snprintf(target + n, sizeof target - n, ",s%d", i);
	assert_int_equal(haproxy_target_read(&t, target, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_is_read),
		cmocka_unit_test(services_that_step_together_are_read),
		cmocka_unit_test(weights_are_read),
		cmocka_unit_test(a_socket_alone_is_to_look_around),
		cmocka_unit_test(the_pool_is_called_by_its_key),
		cmocka_unit_test(what_is_wrong_is_refused_with_words),
		cmocka_unit_test(what_is_too_long_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
