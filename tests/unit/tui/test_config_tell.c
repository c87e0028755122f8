/* Tests of the configuration told: each key once, with its value and where it comes from. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tui/config_tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[96];
static struct text out;

static int tell(const char *yaml, bool json, struct err *err)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(yaml, file);
	fclose(file);
	text_clear(&out);
	return config_tell(&out, path, json, err);
}

/* The line of a key says this value and this origin (":LINE:COLUMN" of the file). */
static void line_says(const char *key, const char *value, const char *origin)
{
	char begin[96], full[160];
	snprintf(begin, sizeof begin, "\n%s ", key);
	snprintf(full, sizeof full, "%s%s", *origin == ':' ? path : "", origin);
	const char *at = strncmp(text_str(&out), key, strlen(key)) == 0
		? text_str(&out)
		: strstr(text_str(&out), begin);
	if (!at)
		fail_msg("no %s in %s", key, text_str(&out));
	at += *at == '\n';
	at += strlen(key);
	at += strspn(at, " ");
	if (strncmp(at, value, strlen(value)) != 0)
		fail_msg("%s: %.60s", key, at);
	at += strlen(value);
	at += strspn(at, " ");
	size_t len = strcspn(at, "\n");
	if (len != strlen(full) || strncmp(at, full, len) != 0)
		fail_msg("%s: origin %.*s, not %s", key, (int)len, at, full);
}

static void each_key_has_an_origin(void **state)
{
	(void)state;
	struct err err = {0};
	if (tell("engine:\n  segment: 4\n  weights: [3, 1]\n"
			 "pools:\n"
			 "  a:\n"
			 "    target: 'local:'\n"
			 "    plan: {steps: [1%, 10%]}\n"
			 "    guards: {action: warn}\n"
			 "    processor: {strategy: v2}\n"
			 "  b: {target: 'local:'}\n",
			false, &err))
		fail_msg("%s", err.text);
	line_says("history", "-", "default");
	line_says("engine.segment", "4", ":2:12");
	line_says("engine.weights", "[3, 1]", ":3:12");
	line_says("engine.retry", "-", "default");
	line_says("pools.a.plan.steps", "[1%, 10%]", ":7:19");
	line_says("pools.a.plan.bake", "10m", "default");
	line_says("pools.a.guards.action", "warn", ":8:22");
	line_says("pools.a.guards.window", "1m", "default");
	line_says("pools.a.processor.migration.primary_percentage", "100", "default");
	line_says("pools.b.plan", "-", "default");
	line_says("pools.b.processor", "-", "default");
}

static void the_environment_goes_before(void **state)
{
	(void)state;
	struct err err = {0};
	setenv("PROCESSOR_CONFIG", "v2:4", 1);
	assert_int_equal(tell("engine: {v2: 'v2:2'}\n", false, &err), 0);
	line_says("engine.v2", "v2:4", "$PROCESSOR_CONFIG");
	unsetenv("PROCESSOR_CONFIG");
	assert_int_equal(tell("engine: {v2: 'v2:2'}\n", true, &err), 0);
	char expected[200];
	snprintf(expected, sizeof expected,
		"{\"key\":\"engine.v2\",\"value\":\"v2:2\",\"origin\":\"%s:1:14\"}\n", path);
	assert_non_null(strstr(text_str(&out), expected));
	assert_non_null(strstr(
		text_str(&out), "{\"key\":\"history\",\"value\":null,\"origin\":\"default\"}\n"));
}

static void a_bad_one_is_not_told(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(tell("engine: {segment: 0}\n", false, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_int_equal(out.len, 0);
	unlink(path);
	assert_int_equal(config_tell(&out, path, false, &err), -1);
	assert_int_equal(out.len, 0);
}

static int set_up(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	snprintf(path, sizeof path, "%.60s/tell-XXXXXX", tmp ? tmp : "/tmp");
	int fd = mkstemp(path);
	unsetenv("PROCESSOR_CONFIG");
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	text_free(&out);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_key_has_an_origin),
		T(the_environment_goes_before),
		T(a_bad_one_is_not_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
