/* The metrics of a pool: good ones, and the places of errors. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tui/config.h"

#include <stdlib.h>
#include <string.h>

#define POOL "pools:\n  p:\n    target: http://h\n    interval: 2s\n    metrics:\n"

static int parse(struct config *c, const char *metrics, struct err *err)
{
	struct text text = {0};
	*err = (struct err){0};
	text_addf(&text, POOL "%s", metrics);
	int rc = config_parse(c, text_str(&text), text.len, "weir.yaml", err);
	text_free(&text);
	return rc;
}

static void all_of_it(void **state)
{
	(void)state;
	struct config c;
	struct err err;
	struct text json = {0};
	if (parse(&c,
			"      prometheus: https://prom:9090/x\n"
			"      token_file: /etc/weir/prom.token\n"
			"      sum: true\n"
			"      v1: {requests: 'm{a=\"1\"}', errors: e, latency: l_bucket}\n"
			"      v2:\n        requests: m{a=\"2\",b=~\"x|y\"}\n",
			&err))
		fail_msg("%s", err.text);
	const struct config_metrics *m = &c.pools[0].metrics;
	assert_string_equal(m->source.url, "https://prom:9090/x");
	assert_string_equal(m->token_file, "/etc/weir/prom.token");
	assert_true(m->source.sum);
	assert_int_equal(m->source.interval_ms, 2000);
	assert_string_equal(m->source.selector[ARM_V1][PROMETHEUS_REQUESTS], "m{a=\"1\"}");
	assert_string_equal(m->source.selector[ARM_V1][PROMETHEUS_ERRORS], "e");
	assert_string_equal(m->source.selector[ARM_V1][PROMETHEUS_LATENCY], "l_bucket");
	assert_string_equal(
		m->source.selector[ARM_V2][PROMETHEUS_REQUESTS], "m{a=\"2\",b=~\"x|y\"}");
	assert_string_equal(m->source.selector[ARM_V2][PROMETHEUS_ERRORS], "");
	config_json(&json, &c);
	assert_non_null(strstr(text_str(&json), "\"metrics\":\"prometheus:https://prom:9090/x?"));
	assert_null(strstr(text_str(&json), "prom.token"));
	text_free(&json);
	config_free(&c);
}

static void its_own_interval(void **state)
{
	(void)state;
	struct config c;
	struct err err;
	assert_int_equal(parse(&c,
						 "      prometheus: http://h\n      interval: 15s\n"
						 "      v2: {latency: l_bucket}\n",
						 &err),
		0);
	assert_int_equal(c.pools[0].metrics.source.interval_ms, 15000);
	config_free(&c);
	assert_int_equal(config_parse(&c, "pools: {p: {target: 'local:'}}", 30, "f", &err), 0);
	assert_string_equal(c.pools[0].metrics.source.url, "");
	config_free(&c);
}

static void errors_have_a_place(void **state)
{
	(void)state;
	static const struct {
		const char *metrics, *place, *says;
	} rows[] = {
		{"      v1: {requests: m}\n", "6:7", "\"prometheus\" is missing in the metrics"},
		{"      prometheus: http://h\n", "5:5", "\"metrics\" selects nothing"},
		{"      prometheus: http://h\n      v2: {errors: e}\n", "7:12",
			"\"errors\" of v2 are a part of its requests"},
		{"      prometheus: http://u:secret@h\n", "6:19", "so no secret may be in it"},
		{"      prometheus: h:9090\n", "6:19", "write http://HOST:PORT"},
		{"      prometheus: http://h\n      v1: {requests: \"rate(m[1m])\"}\n", "7:22",
			"weir takes raw counters"},
		{"      prometheus: http://h\n      v1: {requests: m, latency: l}\n", "7:34",
			"must end in _bucket"},
		{"      prometheus: http://h\n      v1: {requests: m_bucket}\n", "7:22",
			"a counter is wanted"},
		{"      prometheus: http://h\n      v1: {request: m}\n", "7:12",
			"did you mean \"requests\"?"},
		{"      prometheus: http://h\n      v3: {requests: m}\n", "7:7", "unknown key \"v3\""},
		{"      prometheus: http://h\n      sum: maybe\n", "7:12", "true or false"},
		{"      prometheus: http://h\n      interval: 10ms\n", "7:17", "from 100ms to 1h"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct config c;
		struct err err;
		char begin[48];
		if (parse(&c, rows[i].metrics, &err) == 0)
			fail_msg("taken: %s", rows[i].metrics);
		assert_int_equal(err.code, ERR_CONFIG);
		struct text place = {0};
		text_addf(&place, "weir.yaml:%s: ", rows[i].place);
		text_copy(begin, sizeof begin, text_str(&place));
		text_free(&place);
		if (strncmp(err.text, begin, strlen(begin)) != 0 || !strstr(err.text, rows[i].says))
			fail_msg("not %s… %s but %s", begin, rows[i].says, err.text);
		assert_null(strstr(err.text, "secret@"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it),
		cmocka_unit_test(its_own_interval),
		cmocka_unit_test(errors_have_a_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
