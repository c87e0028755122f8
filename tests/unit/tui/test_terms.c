/* Terms: what a recorder writes is what is read back, whatever the configuration says by now; what
 * cannot be read holds nobody to a part of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/text.h"
#include "tests/lib/site.h"
#include "tui/terms.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct site s;

static int set_up(void **state)
{
	(void)state;
	site_init(&s, 1, 3);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	site_release(&s);
	return 0;
}

static const char config_text_of[] =
	"policies:\n"
	"  careful: {base: strict, first: 2%, delta: 3%, drill: 5d, approval_above: 40%}\n"
	"pools:\n"
	"  other: {target: \"http://127.0.0.1:1\"}\n"
	"  checkout:\n"
	"    target: http://127.0.0.1:7070\n"
	"    guards: {error_rate_threshold: 0.0123, memory_limit: 512MiB, window: 90s, action: hold}\n"
	"    judge: {alpha: 0.3%, tolerance: 0.07, margin: 0.7, metrics: [errors, p50]}\n"
	"    plan:\n"
	"      steps: [1%, 10% for 3h, 100%]\n"
	"      max_delta: 100%\n"
	"      bake: 7m\n"
	"      hours: Mon-Fri 09:00-16:00 Europe/Vienna\n"
	"      freeze: [\"2026-12-20..2027-01-06 Christmas \\\"quiet\\\"\"]\n"
	"      on_orphan: hold\n"
	"      policy: careful\n";

static void read_config(struct config *c)
{
	struct err err = {0};
	if (config_parse(c, config_text_of, sizeof config_text_of - 1, "weir.yaml", &err) < 0)
		fail_msg("%s", err.text);
}

static void assert_same(const struct terms *t, const struct config_pool *p)
{
	struct text was = {0}, is = {0};
	plan_json(&was, &p->plan);
	plan_json(&is, &t->plan);
	assert_string_equal(text_str(&is), text_str(&was));
	assert_memory_equal(&t->plan.policy, &p->plan.policy, sizeof t->plan.policy);
	assert_int_equal(t->plan.calendar.freeze_count, 1);
	assert_int_equal(t->plan.calendar.range_count, p->plan.calendar.range_count);
	assert_string_equal(t->plan.calendar.zone_name, "Europe/Vienna");
	assert_true(t->limits.error_rate == p->guards.error_rate);
	assert_int_equal(t->limits.latency_ms, UNKNOWN);
	assert_int_equal(t->limits.memory_bytes, p->guards.memory_bytes);
	assert_int_equal(t->limits.window_ms, 90000);
	assert_int_equal(t->limits.action, GUARD_ACTION_HOLD);
	assert_true(judge_policy_equals(&t->limits.judge, &p->guards.judge));
	text_free(&was);
	text_free(&is);
}

/* Both forms: that of a desk, and the whole configuration of older recordings. */
static void what_is_written_is_read_back(void **state)
{
	struct config c;
	struct terms t;
	struct err err = {0};
	struct model m;
	static const char *const targets[] = {"http://127.0.0.1:7070"};
	(void)state;
	read_config(&c);
	const struct config_pool *p = config_pool(&c, "checkout");
	model_init(&m, "kim@ops1", true);
	model_add(&m,
		&(struct pool_setup){.name = "checkout",
			.targets = targets,
			.target_count = 1,
			.interval_ms = 1000,
			.plan = &p->plan,
			.plan_hash = "",
			.limits = &p->guards});
	for (int form = 0; form < 2; form++) {
		struct text json = {0};
		if (form == 0)
			terms_json(&json, m.pools, m.pool_count);
		else
			config_json(&json, &c);
		if (terms_parse(&t, text_str(&json), json.len, "checkout", &err) != 1)
			fail_msg("%s: %s", text_str(&json), err.text);
		assert_int_equal(t.source, TERMS_RECORDED);
		assert_true(t.has_plan && strlen(t.plan_hash) == POOL_HASH_MAX - 1);
		assert_same(&t, p);
		assert_int_equal(terms_parse(&t, text_str(&json), json.len, "nobody", &err), 0);
		text_free(&json);
	}
	model_release(&m);
	config_free(&c);
}

static void what_cannot_be_read_is_no_part_of_it(void **state)
{
	static const char *const bad[] = {"{\"pools\":[{\"name\":\"a\"}]}",
		"{\"pools\":[{\"name\":\"a\",\"guards\":{\"action\":\"shout\"},\"judge\":{}}]}",
		"{\"pools\":[{\"name\":\"a\",\"guards\":{\"action\":\"warn\",\"error_rate_threshold\":7},"
		"\"judge\":{\"metrics\":[\"errors\"]}}]}",
		"{\"pools\":[{\"name\":\"a\",\"guards\":{\"action\":\"warn\"},"
		"\"judge\":{\"metrics\":[\"luck\"]}}]}",
		"{\"pools\":[{\"name\":\"a\",\"guards\":{\"action\":\"warn\"},"
		"\"judge\":{\"metrics\":[\"errors\"]},\"plan\":{\"steps\":[]}}]}",
		"{\"pools\":"};
	struct terms t;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		if (terms_parse(&t, bad[i], strlen(bad[i]), "a", &err) != -1)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(err.code, ERR_CONFIG);
	}
	assert_int_equal(terms_parse(&t, "{}", 2, "a", &(struct err){0}), 0);
}

/* The recorder's, then the configuration's, then the usual; and what is tried over them. */
static void a_recording_has_its_own(void **state)
{
	const struct site_desk recorder = {.actor = "kim@ops1", .file = "h.db", .record = true};
	char path[256];
	struct config c;
	struct terms t;
	struct err err = {0};
	struct options o = {.set = {"guards.error_rate_threshold=0.4"}, .set_count = 1};
	(void)state;
	struct desk *live = site_open(&s, &recorder);
	site_run(&s, 3000);
	site_close(&s, live);
	site_path(&s, "h.db", path, sizeof path);
	read_config(&c);
	assert_int_equal(terms_find(&t, path, 1, "checkout", &c, &err), 0);
	assert_int_equal(t.source, TERMS_RECORDED);
	assert_true(t.limits.error_rate == s.limits.error_rate);
	assert_int_equal(t.plan.step_count, s.plan.step_count);
	assert_int_equal(terms_try(&t, &o, &err), 0);
	assert_true(t.limits.error_rate == 0.4);
	assert_string_equal(t.tried, "guards.error_rate_threshold=0.4");
	assert_int_equal(terms_find(&t, path, 999, "checkout", &c, &err), 0);
	assert_int_equal(t.source, TERMS_CONFIGURED);
	assert_true(t.limits.error_rate == 0.0123);
	assert_int_equal(terms_find(&t, path, 999, "checkout", NULL, &err), 0);
	assert_int_equal(t.source, TERMS_DEFAULT);
	assert_true(t.limits.error_rate == 0.05 && !t.has_plan);
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(what_cannot_be_read_is_no_part_of_it),
		cmocka_unit_test_setup_teardown(a_recording_has_its_own, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
