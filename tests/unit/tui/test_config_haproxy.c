/* What splits behind a HAProxy, by keys of a pool: the same as the URL's query, and wrong at its
 * place in the file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/config.h"

#include <stdio.h>
#include <string.h>

static void keys_are_what_a_query_is(void **state)
{
	(void)state;
	static const struct {
		const char *pool, *target[2];
	} rows[] = {
		{"{target: 'haproxy:/s', map: /etc/h/w.map, key: orders, v1: app_1, v2: app_2}",
			{"haproxy:/s?map=/etc/h/w.map&key=orders&v1=app_1&v2=app_2"}},
		{"{v2: [c], v1: [a, b], backend: B, target: 'haproxy://10.0.0.7:99', ring: r}",
			{"haproxy://10.0.0.7:99?backend=B&v1=a,b&v2=c&ring=r"}},
		{"{target: ['haproxy:/s', 'haproxy:/t'], map: m, key: [k, l], v1: [a, b], v2: [c, d]}",
			{"haproxy:/s?map=m&key=k,l&v1=a,b&v2=c,d",
				"haproxy:/t?map=m&key=k,l&v1=a,b&v2=c,d"}},
		{"{target: 'haproxy:/s', backend: B, v1: a, v2: c, map: m}",
			{"haproxy:/s?map=m&backend=B&v1=a&v2=c"}},
		{"{target: 'haproxy:/s?map=m&key=k&v1=a&v2=b'}", {"haproxy:/s?map=m&key=k&v1=a&v2=b"}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[512];
		struct config c;
		struct err err = {0};
		snprintf(text, sizeof text, "{pools: {p: %s}}", rows[i].pool);
		if (config_parse(&c, text, strlen(text), "f", &err) != 0)
			fail_msg("%s: %s", text, err.text);
		assert_int_equal(c.pools[0].target_count, rows[i].target[1] ? 2 : 1);
		for (int k = 0; k < c.pools[0].target_count; k++)
			assert_string_equal(c.pools[0].targets[k], rows[i].target[k]);
		config_free(&c);
	}
}

/* From the third line on; `says` begins at the place. */
static const struct {
	const char *pool, *says;
} bad[] = {
	{"    target: haproxy:/s\n    map: a b\n",
		"f:4:10: \"map\" is \"a b\": write the map's file"},
	{"    target: haproxy:/s\n    map: m\n", "f:4:5: \"key\" is missing: a split by a map has"},
	{"    target: haproxy:/s\n    map: m\n    key: k\n    v1: a\n", "f:4:5: \"v2\" is missing"},
	{"    v1: a\n    backend: b\n    target: haproxy:/s\n", "f:4:5: \"v2\" is missing"},
	{"    target: haproxy:/s\n    backend: b\n    key: k\n    v1: a\n    v2: c\n",
		"f:5:5: \"key\" is of a split by a map"},
	{"    target: haproxy:/s\n    key: k;x\n", "f:4:10: \"k;x\" is no name in HAProxy"},
	{"    target: haproxy:/s\n    v1: a,b\n",
		"f:4:9: \"a,b\" is no name in HAProxy: 1 to 64 of "
		"A-Z a-z 0-9 _ . : -; write several as [a, b]"},
	{"    target: haproxy:/s\n    v1: [a, 'b c']\n", "f:4:13: \"b c\" is no name"},
	{"    target: haproxy:/s\n    v1: []\n", "f:4:9: \"v1\" has 0 items"},
	{"    target: haproxy:/s\n    v1: {}\n", "f:4:9: "},
	{"    target: haproxy:/s\n    v1: [[a]]\n", "f:4:10: "},
	{"    target: haproxy:/s\n    backend: [a]\n", "f:4:14: "},
	{"    target: haproxy:/s\n    ring: ~\n", "f:4:11: "},
	{"    target: haproxy:/s\n    map: m\n    key: k\n    v1: a\n    v2: a\n",
		"f:4:5: target \"haproxy:/s?map=m&key=k&v1=a&v2=a\" names one backend twice"},
	{"    target: haproxy:/s\n    map: m\n    key: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n    v1: a\n"
	 "    v2: b\n",
		"f:4:5: target"},
	{"    target: haproxy:s\n    map: m\n    key: k\n    v1: a\n    v2: b\n", "f:4:5: target"},
	{"    target: haproxy:/s?ring=r\n    map: m\n    key: k\n    v1: a\n    v2: b\n",
		"f:3:13: the target says behind '?' what \"map\" says too, at 4:5"},
	{"    target: ['haproxy:/s', 'http://x']\n    map: m\n    key: k\n    v1: a\n    v2: b\n",
		"f:4:5: \"map\" is of a pool behind haproxy:, and means nothing for \"http://x\""},
	{"    target: 'local:'\n    ring: r\n", "f:4:5: \"ring\" is of a pool behind haproxy:"},
};

static void what_is_wrong_is_told_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[512];
		struct config c;
		struct err err = {0};
		snprintf(text, sizeof text, "pools:\n  p:\n%s", bad[i].pool);
		if (config_parse(&c, text, strlen(text), "f", &err) == 0)
			fail_msg("taken: %s", text);
		assert_int_equal(err.code, ERR_CONFIG);
		if (!strstr(err.text, bad[i].says))
			fail_msg("%s: %s", text, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_what_a_query_is),
		cmocka_unit_test(what_is_wrong_is_told_at_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
