/* The target of a source of metrics: selectors and addresses, good and bad, and the text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/prometheus_target.h"

#include <string.h>

static void selectors(void **state)
{
	(void)state;
	static const char *const good[] = {"m", "job:m_total", "m{}", "m{a=\"b\"}",
		"m { a = 'b' , }", "m{a=\"b\",c!=\"d\",e=~\".*\",f!~\"x|y\"}", "m{a=\"}\\\"{\"}",
		"_m9{a=\"\xc3\xa4\"}"};
	static const char *const bad[] = {"", " ", "9m", "m[5m]", "rate(m[1m])", "m offset 5m",
		"m @ 1", "m{a}", "m{a=b}", "m{a=\"b\"", "m{a=\"b}", "m{a==\"b\"}", "m{a:b=\"c\"}",
		"{a=\"b\"}", "m{a=\"b\" c=\"d\"}", "m + n", "m}", "m{a=\"b\"}[1m]", "m{,,}", "m_bucket",
		"m #"};
	struct err err;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (prometheus_check_selector(good[i], PROMETHEUS_REQUESTS, &err))
			fail_msg("%s: %s", good[i], err.text);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (prometheus_check_selector(bad[i], PROMETHEUS_ERRORS, &err) == 0)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(
		prometheus_check_selector("m_bucket{a=\"b\"}", PROMETHEUS_LATENCY, &err), 0);
	assert_int_equal(prometheus_check_selector("m_sum", PROMETHEUS_LATENCY, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "must end in _bucket"));
	char huge[600];
	memset(huge, 'm', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	assert_int_equal(prometheus_check_selector(huge, PROMETHEUS_REQUESTS, &err), -1);
}

static void addresses(void **state)
{
	(void)state;
	static const char *const good[] = {"http://h", "http://h:9090", "https://h/",
		"http://[::1]:9", "https://h:9/prom/a-b", "http://1.2.3.4:9090/x"};
	static const char *const bad[] = {"", "h:9090", "ftp://h", "http://", "http:///x",
		"http://u:p@h", "http://h?x=1", "http://h/#a", "http://h/ b", "file:///etc/passwd",
		"http://h/%00"};
	struct err err;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (prometheus_check_url(good[i], &err))
			fail_msg("%s: %s", good[i], err.text);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (prometheus_check_url(bad[i], &err) == 0)
			fail_msg("taken: %s", bad[i]);
}

static void there_and_back(void **state)
{
	(void)state;
	struct prometheus_target t = {.url = "https://h:9/p", .sum = true, .interval_ms = 2500},
							 back;
	struct text text = {0};
	struct err err = {0};
	text_copy(t.selector[ARM_V1][PROMETHEUS_REQUESTS], PROMETHEUS_SELECTOR_MAX,
		"a:m{x=\"?&=%+ \xc3\xa4\"}");
	text_copy(t.selector[ARM_V2][PROMETHEUS_LATENCY], PROMETHEUS_SELECTOR_MAX, "h_bucket");
	prometheus_target_write(&text, &t);
	assert_non_null(
		strstr(text_str(&text), "prometheus:https://h:9/p?interval=2500&sum=true&v1."));
	assert_null(strpbrk(text_str(&text), " \"{"));
	if (prometheus_target_read(&back, text_str(&text), &err))
		fail_msg("%s", err.text);
	assert_memory_equal(&back, &t, sizeof t);
	text_free(&text);
}

static void texts_that_are_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "http://h", "prometheus:", "prometheus:h",
		"prometheus:http://h?", "prometheus:http://h?x", "prometheus:http://h?x=1",
		"prometheus:http://h?interval=99", "prometheus:http://h?interval=3600001",
		"prometheus:http://h?interval=1e3",
		"prometheus:http://h?v1.requests=", "prometheus:http://h?v1.requests=%",
		"prometheus:http://h?v1.requests=%4", "prometheus:http://h?v1.requests=m%00",
		"prometheus:http://h?v3.requests=m", "prometheus:http://h?v2.latency=m",
		"prometheus:http://h?&&"};
	struct prometheus_target t;
	struct err err;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		err = (struct err){0};
		bool empty = strcmp(bad[i], "prometheus:http://h?") == 0;
		if ((prometheus_target_read(&t, bad[i], &err) == 0) != empty)
			fail_msg("%s", bad[i]);
		assert_int_equal(err.code, empty ? ERR_NONE : ERR_CONFIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selectors),
		cmocka_unit_test(addresses),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(texts_that_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
