/* Plan: defaults, every check with its words, the walk, and canonical JSON. */
#include "model/plan.h"

#include "model/text.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static struct plan plan_of(int count, const int *shares)
{
	struct plan p;

	plan_init(&p);
	for (int i = 0; i < count; i++)
		p.steps[i].share_bp = shares[i];
	p.step_count = count;
	return p;
}

#define PLAN(...) \
	plan_of((int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (const int[]){__VA_ARGS__})

static void assert_refused(const struct plan *p, int from_bp, const char *part)
{
	struct err e = {0};

	assert_int_equal(plan_check(p, from_bp, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	if (!strstr(e.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, e.text);
	assert_int_equal(plan_check(p, from_bp, NULL), -1);
}

static void test_defaults(void **state)
{
	struct plan p;

	(void)state;
	memset(&p, 0xff, sizeof(p));
	plan_init(&p);
	assert_int_equal(p.step_count, 0);
	assert_int_equal(p.bake_ms, 600000);
	assert_int_equal(p.min_samples, 300);
	assert_int_equal(p.max_delta_bp, 5000);
	assert_int_equal(p.on_orphan, ORPHAN_DEFAULT);
	assert_string_equal(p.policy.name, "standard");
	assert_string_equal(p.hours, "");
	assert_string_equal(p.on_reload, "hold");
}

static void test_good_plans(void **state)
{
	struct plan usual = PLAN(100, 1000, 5000, 10000), one = PLAN(1), from = PLAN(100, 7000);
	struct err e = {0};

	(void)state;
	assert_int_equal(plan_check(&usual, 0, &e), 0);
	assert_int_equal(plan_check(&usual, 1000, &e), 0);
	assert_int_equal(plan_check(&usual, 4999, &e), 0);
	assert_int_equal(plan_check(&one, 0, &e), 0);
	assert_int_equal(plan_check(&from, 2000, &e), 0); /* 20 % > 70 % is just max_delta */
	assert_int_equal(e.code, ERR_NONE);
}

static void test_refusals(void **state)
{
	struct plan none, zero = PLAN(0, 100), over = PLAN(6000, 10001);
	struct plan falls = PLAN(1000, 500), twice = PLAN(1000, 1000);
	struct plan jump = PLAN(100, 5101), first = PLAN(5001), done = PLAN(100, 1000);

	(void)state;
	plan_init(&none);
	assert_refused(&none, 0, "no steps");
	assert_refused(&zero, 0, "step 1");
	assert_refused(&over, 5000, "step 2");
	assert_refused(&falls, 0, "step 2 of the plan, \"5%\", is not above");
	assert_refused(&twice, 0, "\"10%\"");
	assert_refused(&jump, 0, "\"51.01%\", is more than 50% above \"1%\"");
	assert_refused(&first, 0, "step 1");
	assert_int_equal(plan_check(&first, 1, NULL), 0);
	assert_refused(&done, 1000, "ends at \"10%\"");
	assert_refused(&done, 2000, "baseline \"20%\"");
}

/* Random plans against the rules in their shortest form. */
static void test_random_plans(void **state)
{
	uint64_t seed = 9;
	int good = 0;

	(void)state;
	for (int run = 0; run < 5000; run++) {
		struct plan p;
		int from_bp = (int)seeded_below(&seed, 3) * 1500, before = 0, at = from_bp;
		bool expected = true;

		plan_init(&p);
		p.step_count = 1 + (int)seeded_below(&seed, 5);
		for (int i = 0; i < p.step_count; i++) {
			int share = before + (int)seeded_below(&seed, 5500) - 200;

			p.steps[i].share_bp = share;
			expected = expected && share > before && share <= SHARE_FULL;
			if (share > at) {
				expected = expected && share - at <= p.max_delta_bp;
				at = share;
			}
			before = share;
		}
		expected = expected && before > from_bp;
		assert_int_equal(plan_check(&p, from_bp, NULL), expected ? 0 : -1);
		good += expected;
	}
	assert_in_range(good, 200, 4800);
}

/* Walking a good plan from any share reaches its end along its steps, each once. */
static void test_walk(void **state)
{
	struct plan p = PLAN(100, 1000, 5000, 10000);

	(void)state;
	for (int share = 0; share <= SHARE_FULL; share++) {
		int next = plan_next_bp(&p, share);

		if (share == SHARE_FULL) {
			assert_int_equal(next, -1);
			continue;
		}
		assert_true(next > share);
		int i = plan_at(&p, next);

		assert_true(i >= 0 && (i == 0 || p.steps[i - 1].share_bp <= share));
	}
	assert_int_equal(plan_at(&p, 1000), 1);
	assert_int_equal(plan_at(&p, 999), -1);
	assert_int_equal(plan_at(&p, 0), -1);
	plan_init(&p);
	assert_int_equal(plan_next_bp(&p, 0), -1);
}

static void test_most_steps(void **state)
{
	struct plan p;

	(void)state;
	plan_init(&p);
	for (int i = 0; i < PLAN_STEPS_MAX; i++)
		p.steps[i].share_bp = (i + 1) * 300;
	p.step_count = PLAN_STEPS_MAX;
	assert_int_equal(plan_check(&p, 0, NULL), 0);
	assert_int_equal(plan_next_bp(&p, 9300), 9600);
	assert_int_equal(plan_next_bp(&p, 9600), -1);
}

static void test_json(void **state)
{
	struct plan p = PLAN(100, 1000);
	struct text t = {0};

	(void)state;
	p.steps[0].for_ms = 86400000;
	p.on_orphan = ORPHAN_REVERT;
	text_copy(p.hours, sizeof(p.hours), "Mon-Thu 09:00-16:00 Europe/Vienna");
	plan_json(&t, &p);
	assert_string_equal(text_str(&t),
		"{\"bake_ms\":600000,\"hours\":\"Mon-Thu 09:00-16:00 Europe/Vienna\","
		"\"max_delta_bp\":5000,\"min_samples\":300,\"on_orphan\":\"revert\","
		"\"on_reload\":\"hold\",\"policy\":\"standard\",\"steps\":["
		"{\"for_ms\":86400000,\"share_bp\":100},{\"for_ms\":0,\"share_bp\":1000}]}");
	/* A freeze and a zone of its own make another plan. */
	size_t at;
	assert_int_equal(
		calendar_read_freeze(&p.calendar, "2026-12-20..2027-01-06 Christmas", &at, NULL), 0);
	text_copy(p.zone, sizeof(p.zone), "Europe/Vienna");
	text_clear(&t);
	plan_json(&t, &p);
	assert_non_null(strstr(text_str(&t),
		"\"bake_ms\":600000,\"freeze\":[{\"from\":\"2026-12-20T00:00:00.000Z\","
		"\"until\":\"2027-01-07T00:00:00.000Z\",\"why\":\"Christmas\"}],\"hours\":"));
	assert_non_null(strstr(text_str(&t), "}],\"zone\":\"Europe/Vienna\"}"));
	text_clear(&t);
	plan_init(&p);
	plan_json(&t, &p);
	assert_non_null(strstr(text_str(&t), "\"steps\":[]}"));
	text_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_good_plans),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_random_plans),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_most_steps),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
