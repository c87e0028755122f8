/* what-if: v2 breaks at a known second of a recording, and each policy fires at the second that
 * one finds by hand.
 *
 * The window of a minute is six slices of ten seconds: at second t it holds those from the tenth
 * second 10 * (t / 10 - 5) on. v2 serves 10 requests a second, and from BROKEN on fails 5 of them:
 * k seconds in, 5k of 10 * (t - 10 * (t / 10 - 5) + 1) have failed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/mem.h"
#include "model/text.h"
#include "tests/lib/recording.h"
#include "tui/whatif.h"
#include "tui/whatif_overlay.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECONDS 200
#define RAISED 60
#define BROKEN 120
#define BACK 150 /* the recorded rollback */

static char dir[128], broken_path[160], clean_path[160], slow_path[160], torn_path[160];

static void remove_files(const char *path)
{
	DIR *d = opendir(path);
	char name[600];
	for (struct dirent *e; d && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof name, "%.300s/%.250s", path, e->d_name);
		if (unlink(name) < 0)
			remove_files(name);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static void make(char *path, size_t size, const char *name, const struct recording_second *s)
{
	char keys[160];
	snprintf(path, size, "%s/%s.db", dir, name);
	snprintf(keys, sizeof keys, "%s/keys", dir);
	recording_make(path, keys, 1, s, SECONDS);
}

static int set_up(void **state)
{
	struct recording_second s[SECONDS];
	const char *tmp = getenv("TMPDIR");
	(void)state;
	snprintf(dir, sizeof dir, "%.64s/weir-whatif-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));

	recording_quiet(s, SECONDS, RAISED);
	make(clean_path, sizeof clean_path, "clean", s);

	for (size_t i = BROKEN; i < BACK; i++)
		s[i].failed[ARM_V2] = 5;
	for (size_t i = BACK; i < SECONDS; i++) {
		s[i].done[ARM_V1] = 100;
		s[i].done[ARM_V2] = 0;
		s[i].share_bp = 0;
	}
	make(broken_path, sizeof broken_path, "broken", s);
	s[100].missing = s[101].missing = s[102].missing = s[103].missing = true;
	make(torn_path, sizeof torn_path, "torn", s);

	recording_quiet(s, SECONDS, RAISED);
	for (size_t i = BROKEN; i < SECONDS; i++)
		s[i].each_us[ARM_V2] = 3000000;
	make(slow_path, sizeof slow_path, "slow", s);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	remove_files(dir);
	return 0;
}

/* Only the limits act: the judge compares what is the same on both sides. */
static struct whatif_policy policy(const char *name, const char *const *sets)
{
	struct whatif_policy p = {0};
	struct err err = {0};
	text_copy(p.name, sizeof p.name, name);
	guard_limits_init(&p.limits);
	assert_int_equal(whatif_set(&p.limits, "judge.metrics=[p50]", &err), 0);
	for (; *sets; sets++)
		if (whatif_set(&p.limits, *sets, &err) != 0)
			fail_msg("%s", err.text);
	return p;
}

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct whatif *run(const char *path, const struct whatif_policy *p, size_t count)
{
	struct whatif *w = NULL;
	struct err err = {0};
	const struct whatif_source source = {.path = path};
	if (whatif_run(&w, &source, p, count, NULL, NULL, &err) != 0)
		fail_msg("W%d %s", err.code, err.text);
	assert_non_null(w);
	return w;
}

static void a_limit_fires_at_the_second_that_one_finds_by_hand(void **state)
{
	static const struct {
		const char *set;
		size_t second;
		int64_t before; /* of v2's, with that second's */
	} cases[] = {
		{"guards.error_rate_threshold=0.005", 120, 5}, /* 5 of 510 is 0.98 % */
		{"guards.error_rate_threshold=0.02", 122, 15}, /* 15 of 530; 10 of 520 before */
		{"guards.error_rate_threshold=5%", 125, 30},   /* 30 of 560; 25 of 550 */
		{"guards.error_rate_threshold=0.1", 130, 55},  /* 55 of 510; 50 of 600 */
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct whatif_policy p = policy("p", SETS(cases[i].set));
		struct whatif *w = run(broken_path, &p, 1);
		const struct whatif_result *r = whatif_results(w, NULL);
		size_t second = cases[i].second;
		assert_int_equal(r->fires, 1);
		assert_int_equal(r->fire[0].at_ms, recording_moment(second));
		assert_false(r->fire[0].by_judge);
		assert_int_equal(r->fire[0].metric, METRIC_ERRORS);
		assert_int_equal(r->fire[0].share_bp, 1000);
		assert_int_equal(r->fire[0].stretch, 0);
		assert_int_equal(r->detected, 1);
		assert_int_equal(r->missed, 0);
		assert_int_equal(r->false_alarms, 0);
		/* from the beginning of the first bad interval */
		assert_int_equal(r->delay_ms, (int64_t)(second - BROKEN + 1) * 1000);
		assert_int_equal(r->step_delay_ms, (int64_t)(second - RAISED + 1) * 1000);
		assert_int_equal(r->failed_before, cases[i].before);
		assert_int_equal(r->failed_after, 150 - r->failed_before);
		whatif_free(w);
	}
}

static void what_happened_is_found_whatever_the_policy(void **state)
{
	struct whatif_policy p = policy("p", SETS("guards.error_rate_threshold=0.9"));
	struct whatif *w = run(broken_path, &p, 1);
	const struct whatif_facts *f = whatif_facts(w);
	const struct whatif_result *r = whatif_results(w, NULL);
	(void)state;
	assert_string_equal(f->pool, "checkout");
	assert_int_equal(f->stretches, 1);
	assert_int_equal(f->stretch[0].from_ms, recording_moment(BROKEN - 1));
	assert_int_equal(f->stretch[0].to_ms, recording_moment(BACK - 1));
	assert_int_equal(f->stretch[0].metric, JUDGED_ERRORS);
	assert_int_equal(f->stretch[0].share_bp, 1000);
	assert_int_equal(f->stretch[0].failed, 150);
	assert_true(f->stretch[0].stopped);
	/* 150, and v1 failed 3 of 2,700 in those 30 s: v2 would have failed a third of one */
	assert_true(fabs(f->stretch[0].excess.bad - (150 - 300 * 3.0 / 2700)) < 1e-9);
	assert_true(f->stretch[0].excess.low < f->stretch[0].excess.bad);
	assert_int_equal(f->failed[ARM_V2], 150);
	assert_int_equal(f->requests[ARM_V2], 10 * (BACK - RAISED));
	assert_int_equal(f->gaps, 0);
	/* and this one misses it */
	assert_int_equal(r->fires, 0);
	assert_int_equal(r->missed, 1);
	assert_int_equal(r->failed_before, 150);
	assert_int_equal(r->failed_after, 0);
	assert_int_equal(r->delay_ms, UNKNOWN);
	whatif_free(w);
}

static void the_judge_fires_without_a_limit(void **state)
{
	struct whatif_policy p = {.name = "judge alone"};
	(void)state;
	guard_limits_init(&p.limits);
	struct whatif *w = run(broken_path, &p, 1);
	const struct whatif_result *r = whatif_results(w, NULL);
	assert_int_equal(r->fires, 1);
	assert_true(r->fire[0].by_judge);
	assert_int_equal(r->fire[0].stretch, 0);
	assert_true(r->delay_ms > 0 && r->delay_ms <= 10000);
	assert_non_null(strstr(r->fire[0].word, "errors"));
	whatif_free(w);
}

static void nothing_fires_where_nothing_was(void **state)
{
	struct whatif_policy p = policy("p", SETS("guards.error_rate_threshold=0.05"));
	struct whatif *w = run(clean_path, &p, 1);
	const struct whatif_result *r = whatif_results(w, NULL);
	(void)state;
	assert_int_equal(whatif_facts(w)->stretches, 0);
	assert_int_equal(r->fires + (size_t)r->missed + (size_t)r->false_alarms, 0);
	whatif_free(w);
}

static void a_slow_v2_is_a_bad_one(void **state)
{
	struct whatif_policy p = policy("p", SETS("guards.latency_threshold_ms=2000"));
	struct whatif *w = run(slow_path, &p, 1);
	const struct whatif_result *r = whatif_results(w, NULL);
	(void)state;
	assert_int_equal(whatif_facts(w)->stretches, 1);
	assert_int_equal(whatif_facts(w)->stretch[0].metric, JUDGED_P99);
	assert_int_equal(whatif_facts(w)->stretch[0].from_ms, recording_moment(BROKEN - 1));
	assert_int_equal(r->detected, 1);
	assert_int_equal(r->fire[0].metric, METRIC_P99);
	assert_int_equal(r->false_alarms, 0);
	whatif_free(w);
}

/* Errors that both sides have equally: v2's limit breaks, and v2 was no worse. */
static void what_is_not_v2s_doing_is_a_false_alarm(void **state)
{
	struct recording_second s[SECONDS];
	char path[160], keys[160];
	struct whatif_policy p = policy("p", SETS("guards.error_rate_threshold=0.095"));
	(void)state;
	recording_quiet(s, SECONDS, RAISED);
	/* 9 % and, once a second in three, a tenth: 10 % on v2 while v1 stays at 9 of 90 a second */
	for (size_t i = RAISED; i < SECONDS; i++) {
		s[i].failed[ARM_V1] = i % 2 ? 9 : 8;
		s[i].failed[ARM_V2] = 1;
	}
	snprintf(path, sizeof path, "%s/both.db", dir);
	snprintf(keys, sizeof keys, "%s/keys", dir);
	recording_make(path, keys, 1, s, SECONDS);
	struct whatif *w = run(path, &p, 1);
	const struct whatif_result *r = whatif_results(w, NULL);
	assert_int_equal(whatif_facts(w)->stretches, 0);
	assert_int_equal(r->fires, 1);
	assert_int_equal(r->false_alarms, 1);
	assert_int_equal(r->detected, 0);
	assert_int_equal(r->fire[0].stretch, -1);
	assert_int_equal(r->delay_ms, UNKNOWN);
	whatif_free(w);
}

static void what_an_action_spares_depends_on_it(void **state)
{
	const struct whatif_policy p[] = {policy("back", SETS("guards.error_rate_threshold=0.05")),
		policy("hold", SETS("guards.error_rate_threshold=0.05", "guards.action=hold")),
		policy("warn", SETS("guards.error_rate_threshold=0.05", "guards.action=warn"))};
	struct whatif *w = run(broken_path, p, 3);
	size_t count;
	const struct whatif_result *r = whatif_results(w, &count);
	(void)state;
	assert_int_equal(count, 3);
	/* 24 s more of 5 failures; v1 failed at 130 and 140 (not in the last 24 s at 126..149: two) */
	assert_true(fabs(r[0].avoided.bad - (120 - 2 * 10.0 / 90)) < 1e-9);
	assert_true(fabs(r[0].after.bad - r[0].avoided.bad) < 1e-12);
	/* the share did not rise after it, so a hold would have spared nothing */
	assert_true(fabs(r[1].avoided.bad) < 1e-12);
	assert_true(fabs(r[2].avoided.bad) < 1e-12);
	whatif_free(w);
}

/* At 10 % until second 140, then at 20 %: half of what failed from there on a hold would have
 * spared. */
static void a_hold_spares_what_higher_shares_added(void **state)
{
	struct recording_second s[SECONDS];
	char path[160];
	struct whatif_policy p =
		policy("hold", SETS("guards.error_rate_threshold=0.05", "guards.action=hold"));
	(void)state;
	recording_quiet(s, SECONDS, RAISED);
	for (size_t i = 0; i < SECONDS; i++)
		s[i].failed[ARM_V1] = 0;
	for (size_t i = BROKEN; i < SECONDS; i++)
		s[i].failed[ARM_V2] = 5;
	for (size_t i = 140; i < SECONDS; i++) {
		s[i].done[ARM_V1] = 80;
		s[i].done[ARM_V2] = 20;
		s[i].failed[ARM_V2] = 10;
		s[i].share_bp = 2000;
	}
	make(path, sizeof path, "raised", s);
	struct whatif *w = run(path, &p, 1);
	const struct whatif_result *r = whatif_results(w, NULL);
	assert_int_equal(r->fire[0].at_ms, recording_moment(125));
	assert_int_equal(r->failed_after, 14 * 5 + 60 * 10);
	assert_true(fabs(r->avoided.bad - 60 * 5) < 1e-9);
	assert_false(whatif_facts(w)->stretch[0].stopped);
	whatif_free(w);
}

static void a_sweep_is_monotone_in_its_limit(void **state)
{
	struct whatif_policy grid[32], base = policy("base", SETS("guards.window=1m"));
	struct err err = {0};
	size_t count;
	int64_t last_ms = 0;
	(void)state;
	assert_int_equal(whatif_grid(grid, 32, &count, &base.limits,
						 "guards.error_rate_threshold=0.005:0.1:0.005", &err),
		0);
	assert_int_equal(count, 20);
	assert_string_equal(grid[0].name, "guards.error_rate_threshold=0.005");
	assert_string_equal(grid[19].name, "guards.error_rate_threshold=0.1");
	struct whatif *w = run(broken_path, grid, count);
	const struct whatif_result *r = whatif_results(w, NULL);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(r[i].detected, 1);
		assert_true(r[i].delay_ms >= last_ms);
		last_ms = r[i].delay_ms;
	}
	whatif_free(w);
}

static void a_span_counts_only_what_is_in_it(void **state)
{
	struct whatif_policy p = policy("p", SETS("guards.error_rate_threshold=0.05"));
	struct whatif *w = NULL;
	struct err err = {0};
	struct whatif_source source = {
		.path = broken_path, .until_ms = recording_moment(BROKEN - 1)};
	(void)state;
	assert_int_equal(whatif_run(&w, &source, &p, 1, NULL, NULL, &err), 0);
	assert_int_equal(whatif_facts(w)->stretches, 0);
	assert_int_equal(whatif_results(w, NULL)->fires, 0);
	whatif_free(w);
	/* it fired before */
	source = (struct whatif_source){.path = broken_path, .since_ms = recording_moment(BACK)};
	assert_int_equal(whatif_run(&w, &source, &p, 1, NULL, NULL, &err), 0);
	assert_int_equal(whatif_results(w, NULL)->fires, 0);
	assert_int_equal(whatif_facts(w)->failed[ARM_V2], 0);
	whatif_free(w);
	source.since_ms = recording_moment(SECONDS + 1000);
	assert_int_equal(whatif_run(&w, &source, &p, 1, NULL, NULL, &err), -1);
	assert_null(w);
}

/* Two nodes that are alike: the share of what failed is the same once both have spoken. */
static void all_nodes_are_one_pool(void **state)
{
	struct recording_second s[SECONDS];
	char path[160], keys[160];
	struct whatif_policy p = policy("p", SETS("guards.error_rate_threshold=0.05"));
	(void)state;
	recording_quiet(s, SECONDS, RAISED);
	for (size_t i = BROKEN; i < SECONDS; i++)
		s[i].failed[ARM_V2] = 5;
	snprintf(path, sizeof path, "%s/nodes.db", dir);
	snprintf(keys, sizeof keys, "%s/keys", dir);
	recording_make(path, keys, 2, s, SECONDS);
	struct whatif *w = run(path, &p, 1);
	const struct whatif_result *r = whatif_results(w, NULL);
	assert_int_equal(r->fires, 1);
	assert_int_equal(r->fire[0].at_ms, recording_moment(125));
	assert_int_equal(whatif_facts(w)->failed[ARM_V2], 2 * 5 * (SECONDS - BROKEN));
	assert_int_equal(r->failed_before, 2 * 30);
	assert_false(whatif_facts(w)->sessions);
	whatif_free(w);
}

static void gaps_are_counted_and_break_nothing(void **state)
{
	struct whatif_policy p = policy("p", SETS("guards.error_rate_threshold=0.05"));
	struct whatif *w = run(torn_path, &p, 1);
	(void)state;
	assert_int_equal(whatif_facts(w)->gaps, 1);
	assert_int_equal(whatif_results(w, NULL)->detected, 1);
	whatif_free(w);
}

static bool stop(void *ctx, int64_t done_ms, int64_t total_ms)
{
	assert_true(done_ms <= total_ms);
	++*(int *)ctx;
	return false;
}

static void it_can_be_stopped(void **state)
{
	struct whatif_policy p = policy("p", SETS("guards.window=1m"));
	struct whatif *w = NULL;
	struct err err = {0};
	int told = 0;
	(void)state;
	const struct whatif_source source = {.path = broken_path};
	assert_int_equal(whatif_run(&w, &source, &p, 1, stop, &told, &err), 0);
	assert_null(w);
	assert_int_equal(told, 1);
}

static void a_wrong_key_is_named_with_a_suggestion(void **state)
{
	static const struct {
		const char *set, *says;
	} cases[] = {
		{"guards.eror_rate_threshold=0.02", "did you mean 'guards.error_rate_threshold'"},
		{"error_rate_threshold=0.02", "did you mean 'guards.error_rate_threshold'"},
		{"judge.alfa=1%", "did you mean 'judge.alpha'"},
		{"plan.bake=1m", "is no key of a policy"},
		{"guards.error_rate_threshold=2", "guards.error_rate_threshold=2"},
		{"guards.error_rate_threshold=much", "a fraction such as 0.05"},
		{"guards.action=explode", "rollback"},
		{"guards.window=10", "a duration"},
		{"judge.metrics=[errors, p98]", "did you mean \"p9"},
		{"guards.error_rate_threshold", "KEY=VALUE"},
		{"=0.02", "KEY=VALUE"},
		{"guards.error_rate_threshold=", "KEY=VALUE"},
		{"guards.action=warn\nwindow: 1h", "do not show"},
		{"guards.error_rate_threshold={a: 1}", "a fraction"},
		{"guards.error_rate_threshold=[", "guards.error_rate_threshold=["},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct guard_limits l, was;
		struct err err = {0};
		guard_limits_init(&l);
		l.error_rate = 0.25;
		was = l;
		assert_int_equal(whatif_set(&l, cases[i].set, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' says: %s", cases[i].set, err.text);
		assert_int_equal(memcmp(&l, &was, sizeof l), 0);
	}
}

static void a_key_that_is_not_set_stays(void **state)
{
	struct guard_limits l;
	struct err err = {0};
	static const char text[] = "guards:\n  latency_threshold_ms: 300\njudge: {alpha: 5%}\n";
	(void)state;
	guard_limits_init(&l);
	l.error_rate = 0.25;
	l.window_ms = 30000;
	l.action = GUARD_ACTION_HOLD;
	assert_int_equal(whatif_set(&l, "guards.memory_limit=2GiB", &err), 0);
	assert_int_equal(whatif_read(&l, text, strlen(text), "p.yaml", &err), 0);
	assert_int_equal(l.memory_bytes, INT64_C(2) << 30);
	assert_int_equal(l.latency_ms, 300);
	assert_true(l.error_rate == 0.25 && l.judge.alpha == 0.05 && l.judge.beta == 0.05);
	assert_int_equal(l.window_ms, 30000);
	assert_int_equal(l.action, GUARD_ACTION_HOLD);
}

static void a_wrong_file_is_refused_at_its_place(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"", "p.yaml:1:1: a policy has"},
		{"plan: {bake: 1m}\n", "p.yaml:1:1: unknown key \"plan\""},
		{"guards:\n  windw: 1m\n", "p.yaml:2:3: "},
		{"guards: 3\n", "p.yaml:1:9: "},
		{"judge: {tolerance: 60%}\n", "must be above the tolerance"},
		{"guards: [", "p.yaml:"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct guard_limits l;
		struct err err = {0};
		guard_limits_init(&l);
		assert_int_equal(
			whatif_read(&l, cases[i].text, strlen(cases[i].text), "p.yaml", &err), -1);
		if (!strstr(err.text, cases[i].says))
			fail_msg("%zu says: %s", i, err.text);
	}
}

static void a_range_is_read_or_refused(void **state)
{
	static const char *const wrong[] = {"guards.error_rate_threshold",
		"guards.error_rate_threshold=0.1", "guards.error_rate_threshold=0.1:0.2",
		"guards.error_rate_threshold=0.2:0.1:0.1", "guards.error_rate_threshold=0.1:0.2:0",
		"guards.error_rate_threshold=0.1:0.2:-1", "guards.window=1m:600s:1m",
		"guards.error_rate_threshold=0:1:0.0001", "guards.error_rate_threshold=0.5:2:0.5",
		"guards.action=a:b:c", "guards.nothing=1:2:1", "guards.window=nan:nan:nan",
		"guards.error_rate_threshold=1e999:1e999:1", "guards.window=1m:1m:1m:1m"};
	struct whatif_policy grid[32];
	struct guard_limits base;
	struct err err = {0};
	size_t count;
	(void)state;
	guard_limits_init(&base);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (whatif_grid(grid, 32, &count, &base, wrong[i], &err) != -1 || !err.text[0])
			fail_msg("'%s' is taken", wrong[i]);
	assert_int_equal(whatif_grid(grid, 32, &count, &base, "guards.window=1m:10m:1m", &err), 0);
	assert_int_equal(count, 10);
	assert_int_equal(grid[9].limits.window_ms, 600000);
	assert_string_equal(grid[9].name, "guards.window=10m");
	assert_int_equal(whatif_grid(grid, 32, &count, &base, "judge.tolerance=1%:1%:1%", &err), 0);
	assert_int_equal(count, 1);
}

static void what_cannot_be_run_over_is_said(void **state)
{
	struct whatif_policy p = policy("p", SETS("judge.tolerance=60%"));
	struct whatif *w;
	struct err err = {0};
	struct whatif_source source = {.path = broken_path};
	(void)state;
	assert_int_equal(whatif_run(&w, &source, &p, 1, NULL, NULL, &err), -1);
	assert_non_null(strstr(err.text, "must be above the tolerance"));
	guard_limits_init(&p.limits);
	source.path = "/nowhere/at/all.db";
	assert_int_equal(whatif_run(&w, &source, &p, 1, NULL, NULL, &err), -1);
	assert_non_null(strstr(err.text, "all.db"));
	source = (struct whatif_source){.path = broken_path, .pool = "chekout"};
	assert_int_equal(whatif_run(&w, &source, &p, 1, NULL, NULL, &err), -1);
	assert_non_null(strstr(err.text, "chekout"));
}

static void a_result_is_told(void **state)
{
	const struct whatif_policy p[] = {policy("a", SETS("guards.error_rate_threshold=0.02")),
		policy("b", SETS("guards.error_rate_threshold=0.9"))};
	struct whatif *w = run(broken_path, p, 2);
	const struct whatif_result *r = whatif_results(w, NULL);
	struct text t = {0};
	(void)state;
	whatif_line(&t, whatif_facts(w), &r[0]);
	/* RECORDING_MS is 08:00:00 */
	if (!strstr(text_str(&t),
			"would have fired 08:02:02, errors 2.8 % of 2.0 %, 3s after v2 went "
			"bad; 15 of v2's requests failed before, 135 after; extrapolated, a "
			"rollback spares "))
		fail_msg("%s", text_str(&t));
	text_clear(&t);
	whatif_line(&t, whatif_facts(w), &r[1]);
	assert_string_equal(text_str(&t),
		"would not have fired: v2 was bad for 30s, then its share was taken down");
	text_clear(&t);
	whatif_json(&t, whatif_facts(w), &r[1]);
	assert_non_null(strstr(text_str(&t), "\"delay_ms\":null"));
	assert_non_null(strstr(text_str(&t), "\"extrapolated\":null"));
	text_clear(&t);
	whatif_json(&t, whatif_facts(w), &r[0]);
	assert_non_null(strstr(text_str(&t), "\"delay_ms\":3000,"));
	assert_non_null(strstr(text_str(&t), "\"at\":\"2027-01-15T08:02:02.120Z\""));
	text_free(&t);
	whatif_free(w);
}

static void overlay(
	struct whatif_overlay *o, const char *path, double error_rate, const char *assignment)
{
	struct whatif_policy p = policy("p", SETS("guards.window=1m"));
	const struct whatif_source source = {.path = path};
	struct err err = {0};
	p.limits.error_rate = error_rate;
	if (whatif_overlay_begin(o, &source, &p.limits, assignment, &err) != 0)
		fail_msg("%s", err.text);
	assert_non_null(strstr(o->line, ": 0 %"));
	/* 200 s in slices */
	assert_true(whatif_overlay_turn(o));
	assert_non_null(strstr(o->line, ": 10 %"));
	while (whatif_overlay_turn(o))
		;
	assert_null(o->run);
}

static void an_overlay_says_how_much_earlier(void **state)
{
	struct whatif_overlay o = {0};
	struct err err = {0};
	(void)state;
	overlay(&o, broken_path, 0.05, "guards.error_rate_threshold=0.02");
	assert_string_equal(o.line,
		"whatif guards.error_rate_threshold=0.02: would have fired 08:02:02, 3s earlier");
	overlay(&o, broken_path, 0.05, "guards.error_rate_threshold=10%");
	assert_string_equal(
		o.line, "whatif guards.error_rate_threshold=10%: would have fired 08:02:10, 5s later");
	overlay(&o, broken_path, 0.05, "guards.error_rate_threshold=5%");
	assert_non_null(strstr(o.line, "08:02:05, as configured"));
	overlay(&o, broken_path, 0.9, "guards.error_rate_threshold=5%");
	assert_non_null(strstr(o.line, "08:02:05, configured never"));
	overlay(&o, broken_path, 0.05, "guards.error_rate_threshold=0.9");
	assert_non_null(strstr(o.line, "would not have fired, configured 08:02:05"));
	overlay(&o, broken_path, 0.8, "guards.error_rate_threshold=0.9");
	assert_non_null(strstr(o.line, "would not have fired, a miss"));
	overlay(&o, clean_path, 0.8, "guards.error_rate_threshold=0.9");
	assert_non_null(strstr(o.line, "0.9: would not have fired"));
	/* what is wrong leaves the one before */
	const struct whatif_source source = {.path = broken_path};
	struct guard_limits limits;
	guard_limits_init(&limits);
	assert_int_equal(whatif_overlay_begin(&o, &source, &limits, "guards.x=1", &err), -1);
	assert_non_null(strstr(o.line, "0.9: would not have fired"));
	/* one that is taken away half way */
	assert_int_equal(whatif_overlay_begin(&o, &source, &limits, "guards.action=hold", &err), 0);
	whatif_overlay_turn(&o);
	whatif_overlay_end(&o);
	assert_string_equal(o.line, "");
	assert_false(whatif_overlay_turn(&o));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_limit_fires_at_the_second_that_one_finds_by_hand),
		cmocka_unit_test(what_happened_is_found_whatever_the_policy),
		cmocka_unit_test(the_judge_fires_without_a_limit),
		cmocka_unit_test(nothing_fires_where_nothing_was),
		cmocka_unit_test(a_slow_v2_is_a_bad_one),
		cmocka_unit_test(what_is_not_v2s_doing_is_a_false_alarm),
		cmocka_unit_test(what_an_action_spares_depends_on_it),
		cmocka_unit_test(a_hold_spares_what_higher_shares_added),
		cmocka_unit_test(a_sweep_is_monotone_in_its_limit),
		cmocka_unit_test(a_span_counts_only_what_is_in_it),
		cmocka_unit_test(all_nodes_are_one_pool),
		cmocka_unit_test(gaps_are_counted_and_break_nothing),
		cmocka_unit_test(it_can_be_stopped),
		cmocka_unit_test(a_wrong_key_is_named_with_a_suggestion),
		cmocka_unit_test(a_key_that_is_not_set_stays),
		cmocka_unit_test(a_wrong_file_is_refused_at_its_place),
		cmocka_unit_test(a_range_is_read_or_refused),
		cmocka_unit_test(what_cannot_be_run_over_is_said),
		cmocka_unit_test(a_result_is_told),
		cmocka_unit_test(an_overlay_says_how_much_earlier),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
