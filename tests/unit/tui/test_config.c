/* Config: the values of good files, the places of errors, finding the file, JSON. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "history/chain.h"
#include "model/err.h"
#include "model/text.h"
#include "model/unit.h"
#include "tui/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum file_kind { FILE_CONFIG, FILE_PLAN, FILE_SCENARIO };

static int parse_as(enum file_kind kind, const char *text, struct err *err)
{
	*err = (struct err){0};
	if (kind == FILE_PLAN) {
		struct plan plan;
		return config_parse_plan(&plan, text, strlen(text), "f", NULL, err);
	}
	if (kind == FILE_SCENARIO) {
		struct scenario scenario;
		return config_parse_scenario(&scenario, text, strlen(text), "f", err);
	}
	struct config config;
	int rc = config_parse(&config, text, strlen(text), "f", err);
	config_free(&config);
	return rc;
}

static void assert_accepted(enum file_kind kind, const char *text)
{
	struct err err;
	if (parse_as(kind, text, &err) != 0)
		fail_msg("%s: %s", text, err.text);
}

/* `column` 0: any. */
static void assert_wrong(enum file_kind kind, const char *text, size_t column, const char *says)
{
	struct err err;
	char place[32];
	if (parse_as(kind, text, &err) == 0)
		fail_msg("accepted: %s", text);
	assert_int_equal(err.code, ERR_CONFIG);
	snprintf(place, sizeof(place), "f:1:%zu: ", column);
	if ((column && strncmp(err.text, place, strlen(place)) != 0) || !strstr(err.text, says))
		fail_msg("%s: expected %s… %s, got %s", text, place, says, err.text);
}

/* ---- values ---- */

static struct config parse(const char *text)
{
	struct config config;
	struct err err = {0};
	if (config_parse(&config, text, strlen(text), "weir.yaml", &err) != 0)
		fail_msg("%s", err.text);
	return config;
}

static const char whole_example[] =
	"history: /var/lib/weir/history.db\n"
	"pools:\n"
	"  checkout:\n"
	"    target: http://127.0.0.1:7070\n"
	"    env: prod\n"
	"    token_file: ~/.config/weir/checkout.token\n"
	"    plan: {steps: [1% for 1d, 10% for 3d, 50%, 100%], bake: 10m, "
	"hours: \"Mon-Thu 09:00-16:00 Europe/Vienna\", min_samples: 300, max_delta: 50%, "
	"on_orphan: revert, on_reload: hold, policy: standard}\n"
	"    guards: {error_rate_threshold: 0.05, latency_threshold_ms: 1000, memory_limit: 2GiB, "
	"action: rollback}\n";

static void test_example(void **state)
{
	(void)state;
	setenv("HOME", "/home/kim", 1);
	struct config c = parse(whole_example);
	assert_null(c.path);
	assert_string_equal(c.history, "/var/lib/weir/history.db");
	assert_int_equal(c.retention_ms, INT64_C(14) * 86400000);
	assert_int_equal(c.history_cap, INT64_C(4) << 30);
	assert_string_equal(c.theme, "");
	assert_int_equal(c.pool_count, 1);
	assert_null(config_pool(&c, "check"));
	const struct config_pool *p = config_pool(&c, "checkout");
	assert_non_null(p);
	assert_int_equal(p->target_count, 1);
	assert_string_equal(p->targets[0], "http://127.0.0.1:7070");
	assert_string_equal(p->env, "prod");
	assert_string_equal(p->token_file, "/home/kim/.config/weir/checkout.token");
	assert_int_equal(p->interval_ms, 1000);
	assert_true(p->has_plan);
	assert_int_equal(p->plan.step_count, 4);
	static const int shares[] = {100, 1000, 5000, 10000};
	static const int64_t days[] = {1, 3, 0, 0};
	for (int i = 0; i < 4; i++) {
		assert_int_equal(p->plan.steps[i].share_bp, shares[i]);
		assert_int_equal(p->plan.steps[i].for_ms, days[i] * 86400000);
	}
	assert_int_equal(p->plan.bake_ms, 600000);
	assert_string_equal(p->plan.hours, "Mon-Thu 09:00-16:00 Europe/Vienna");
	assert_int_equal(p->plan.min_samples, 300);
	assert_int_equal(p->plan.max_delta_bp, 5000);
	assert_int_equal(p->plan.on_orphan, ORPHAN_REVERT);
	assert_string_equal(p->plan.on_reload, "hold");
	assert_string_equal(p->plan.policy.name, "standard");
	assert_true(p->guards.error_rate == 0.05);
	assert_int_equal(p->guards.latency_ms, 1000);
	assert_int_equal(p->guards.memory_bytes, INT64_C(2) << 30);
	assert_int_equal(p->guards.window_ms, 60000);
	assert_int_equal(p->guards.action, GUARD_ACTION_ROLLBACK);
	config_free(&c);
	assert_null(c.pools);
	assert_int_equal(c.pool_count, 0);
}

/* The tables' fallbacks are what the model itself starts from. */
static void test_two_lines_make_a_pool(void **state)
{
	(void)state;
	struct config c = parse("pools: {a: {target: 'local:', plan: {steps: [50%]}}, b: {target: "
							"[http://x:1, http://x:2]}}");
	struct plan plan;
	struct guard_limits guards;
	plan_init(&plan);
	guard_limits_init(&guards);
	assert_int_equal(c.pool_count, 2);
	const struct config_pool *a = config_pool(&c, "a"), *b = config_pool(&c, "b");
	assert_int_equal(b->target_count, 2);
	assert_string_equal(b->targets[1], "http://x:2");
	assert_false(b->has_plan);
	assert_null(b->token_file);
	assert_string_equal(b->env, "");
	plan.steps[0].share_bp = 5000;
	plan.step_count = 1;
	struct text expected = {0}, got = {0};
	plan_json(&expected, &plan);
	plan_json(&got, &a->plan);
	assert_string_equal(text_str(&got), text_str(&expected));
	text_free(&expected);
	text_free(&got);
	assert_true(isnan(b->guards.error_rate));
	assert_int_equal(b->guards.latency_ms, UNKNOWN);
	assert_int_equal(b->guards.memory_bytes, UNKNOWN);
	assert_int_equal(b->guards.window_ms, guards.window_ms);
	assert_int_equal(b->guards.action, guards.action);
	config_free(&c);
}

static void test_empty(void **state)
{
	(void)state;
	struct config c = parse("");
	assert_null(c.pools);
	assert_null(c.history);
	assert_null(config_pool(&c, "a"));
	struct text json = {0};
	config_json(&json, &c);
	assert_string_equal(text_str(&json),
		"{\"history\":null,\"retention_ms\":1209600000,"
		"\"history_cap\":4294967296,\"theme\":\"\",\"policies\":[],\"pools\":[]}");
	text_free(&json);
	config_free(&c);
}

static void test_places(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"pool: {}\n",
			"f:1:1: unknown key \"pool\" in the configuration: did you mean \"pools\"?"},
		{"pools:\n  a:\n    target: 'local:'\n    guards:\n      error_rate_threshold: .nan\n",
			"f:5:29: \"error_rate_threshold\" is \".nan\": write a fraction such as 0.05, or "
			"5%"},
		{"pools:\n  a:\n    target: 'local:'\n    guards:\n      error_rate_threshold: 5\n",
			"f:5:29: \"error_rate_threshold\" is \"5\": it must be from 0 to 1"},
		{"pools:\n  a:\n    target: 'local:'\n    guards: {error_rate_treshold: 0.1}\n",
			"f:4:14: unknown key \"error_rate_treshold\" in the guards: did you mean "
			"\"error_rate_threshold\"?"},
		{"pools:\n  a:\n    env: x\n", "f:3:5: \"target\" is missing in a pool"},
		{"pools:\n  a:\n", "f:2:5: a pool is written as keys and values, not as nothing"},
		{"pools:\n  - a\n", "f:2:3: \"pools\" is a list: write pools by their names"},
		{"pools:\n", "f:1:7: \"pools\" is nothing: write pools by their names"},
		{"pools:\n  a b:\n    target: 'local:'\n", "f:2:3: \"a b\" is no name of a pool"},
		{"pools:\n  http://x: {}\n", "f:2:3: \"http://x\" is no name of a pool"},
		{"pools:\n  'a:b': {}\n", "f:2:3: \"a:b\" is no name of a pool"},
		{"pools:\n  -a: {}\n", "f:2:3: \"-a\" is no name of a pool"},
		{"pools:\n  a:\n    target: 'local:'\n  a:\n    target: 'local:'\n",
			"f:4:3: \"a\" is there twice: first at 2:3"},
		{"pools:\n  a:\n    target: checkout\n",
			"f:3:13: \"target\" is \"checkout\": write a URL such as"},
		{"pools:\n  a:\n    target: http://kim:word@host/\n",
			"f:3:13: a target is shown and recorded, so no secret may be in it"},
		{"pools:\n  a:\n    target: ['http://x', 'http://x']\n",
			"f:3:26: target \"http://x\" is there twice"},
		{"pools:\n  a:\n    target: []\n",
			"f:3:13: \"target\" has 0 items: it must have 1 to 16"},
		{"pools:\n  a:\n    target: 'local: x'\n",
			"f:3:13: \"target\" is \"local: x\": write a URL"},
		{"pools:\n  a:\n    target: 'local:'\n    interval: 10\n",
			"f:4:15: \"interval\" is \"10\": write a duration such as"},
		{"pools:\n  a:\n    target: 'local:'\n    plan:\n      bake: 5m\n      steps: [10%, "
		 "5%]\n",
			"f:6:7: "},
		{"pools:\n  a:\n    target: 'local:'\n    plan:\n      steps:\n        - 1%\n        - "
		 "10\n",
			"f:7:11: \"10\": write 10%: a bare number is not a share"},
		{"pools:\n  a:\n    target: 'local:'\n    plan: {steps: [10 for 1d]}\n",
			"f:4:20: \"10 for 1d\": write 10%: a bare number is not a share"},
		{"pools:\n  a:\n    target: 'local:'\n    plan: {steps: [10% for ever]}\n",
			"f:4:20: \"10% for ever\": write a share and how long it stays"},
		{"pools:\n  a:\n    target: 'local:'\n    plan: {steps: [10%  for 1d]}\n", "f:4:20: "},
		{"pools:\n  a:\n    target: 'local:'\n    plan: {bake: 5m}\n",
			"f:4:11: \"steps\" is missing in the plan"},
		{"pools:\n  a:\n    target: 'local:'\n    plan: {steps: [100%]}\n", "f:4:12: "},
		{"pools:\n  a:\n    target: 'local:'\n    plan: {steps: [1%], policy: stric}\n",
			"f:4:33: \"policy\" is \"stric\": write one of manual, demo, standard, strict; did "
			"you mean \"strict\"?"},
		{"pools:\n  a:\n    target: 'local:'\n    jury: {}\n",
			"f:4:5: unknown key \"jury\" in a pool: it has target, env, token_file, interval, "
			"plan, guards, error_rate_threshold"},
		{"bogus: {}\n",
			"f:1:1: unknown key \"bogus\" in the configuration: it has history, retention, history_cap, flags, theme, "
			"notify, veto, max_raising, policies, engine, pools"},
		{"history: history.db\n",
			"f:1:10: \"history\" is \"history.db\": write a path that begins"},
		{"history: ~kim/x\n", "f:1:10: \"history\" is \"~kim/x\": write a path"},
		{"history: \"/x\\ty\"\n", "f:1:10: \"history\" is \"/x"},
		{"theme: ../dark\n", "f:1:8: \"theme\" is \"../dark\": write a name of letters"},
		{"[]\n", "f:1:1: the configuration is written as keys and values, not as a list"},
		{"theme: dark\n---\ntheme: light\n", "f:2:1: a second document begins"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct config c;
		struct err err = {0};
		assert_int_equal(config_parse(&c, cases[i].text, strlen(cases[i].text), "f", &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		if (strncmp(err.text, cases[i].expected, strlen(cases[i].expected)) != 0)
			fail_msg("%s\nexpected %s\ngot %s", cases[i].text, cases[i].expected, err.text);
		assert_null(c.pools);
		assert_null(c.history);
	}
}

static const char *said(const struct config_engine *e, enum serve_setting s)
{
	return e->set[s].text ? e->set[s].text : "";
}

static void test_engine(void **state)
{
	(void)state;
	struct config c = parse("engine:\n"
							"  v1: \"exec:old 'a b'\"\n"
							"  v2: v2:4 exec:new\n"
							"  operations: ['a:idempotent', b]\n"
							"  recycle: {age: 1h, requests: 10}\n"
							"  segment: 4\n"
							"  weights: [3, 1]\n"
							"  windows: {segment_workers: '1:2:3', node_segments: '1:2:3'}\n");
	assert_string_equal(said(&c.engine, SERVE_V1), "exec:old 'a b'");
	assert_string_equal(said(&c.engine, SERVE_V2), "v2:4 exec:new");
	assert_string_equal(said(&c.engine, SERVE_OPERATIONS), "a:idempotent,b");
	assert_string_equal(said(&c.engine, SERVE_RECYCLE), "age=1h,requests=10");
	assert_string_equal(said(&c.engine, SERVE_SEGMENT), "4");
	assert_string_equal(said(&c.engine, SERVE_WEIGHTS), "3,1");
	assert_string_equal(
		said(&c.engine, SERVE_WINDOWS), "segment_workers=1:2:3,node_segments=1:2:3");
	assert_string_equal(said(&c.engine, SERVE_SHARE), "");
	assert_int_equal(c.engine.set[SERVE_SEGMENT].line, 6);
	assert_int_equal(c.engine.set[SERVE_SEGMENT].column, 12);
	struct text json = {0};
	config_json(&json, &c);
	assert_non_null(strstr(text_str(&json), "\"engine\":{\"v1\":\"exec:old 'a b'\",\"v2\""));
	text_free(&json);
	config_free(&c);
}

/* A pool's processor as the settings of its engine: v1's part becomes v2's share here. */
static void test_processor(void **state)
{
	(void)state;
	static const struct {
		const char *keys, *query;
	} rows[] = {
		{"processor: {strategy: v2:8:affinity}", "v2=v2:8:affinity"},
		{"processor: {strategy: v2, migration: {primary_percentage: 80}}",
			"v2=v2&strategy=canary&share=2000bp"},
		{"processor: {strategy: v2, migration: {strategy: canary_deployment}}",
			"v2=v2&strategy=canary&share=0bp"},
		{"processor: {strategy: v2, migration: {strategy: ab_test}}", "v2=v2&strategy=ab_test"},
		{"processor: {strategy: v2, migration: {enabled: false, primary_percentage: 0}}",
			"v2=v2&strategy=primary_only&share=0%25"},
		{"processor: {strategy: 'v1:transactional'}", "v1=v1:transactional&v2=none"},
		{"processor: {strategy: 'v1:simple', migration: {primary_percentage: 100}}",
			"v1=v1:simple&v2=none&strategy=canary&share=0bp"},
		{"processor: {strategy: 'v1:simple', migration: {enabled: false}}",
			"v1=v1:simple&v2=none&strategy=primary_only&share=0%25"},
		{"operations: [predict, echo]", "allow=predict,echo"},
		{"env: x", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char file[256];
		struct text query = {0};
		snprintf(file, sizeof file, "pools: {p: {target: 'local:demo', %s}}", rows[i].keys);
		struct config c = parse(file);
		config_engine_query(&query, &c.pools[0].engine);
		assert_string_equal(text_str(&query), rows[i].query);
		text_free(&query);
		config_free(&c);
	}
}

static void test_limits_of_a_pool(void **state)
{
	(void)state;
	struct config c = parse("pools: {p: {target: 'http://x', error_rate_threshold: 5%, "
							"latency_threshold_ms: 100, guards: {memory_limit: 1GiB}}}");
	assert_true(c.pools[0].guards.error_rate == 0.05);
	assert_int_equal(c.pools[0].guards.latency_ms, 100);
	assert_int_equal(c.pools[0].guards.memory_bytes, 1 << 30);
	config_free(&c);
}

static void test_bad_engines(void **state)
{
	(void)state;
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"engine: {segment: 0}", "f:1:19: \"segment\" '0' is no number of 1 to 1024"},
		{"engine: {segment: [1, 2]}", "f:1:19: \"segment\" '1,2' is no number"},
		{"engine: {sgment: 1}", "f:1:10: unknown key \"sgment\" in the engine: did you mean"},
		{"engine: {v2: v2x}", "f:1:14: \"v2\" 'v2x' is unknown"},
		{"engine: {v2: \"exec:a 'b\"}", "f:1:14: \"v2\" 'a 'b' ends within a quote"},
		{"engine: {v2: 'exec:'}", "f:1:14: \"v2\" "},
		{"engine: {recycle: {age: x}}", "f:1:19: \"recycle\" age=x: want a duration"},
		{"engine: {recycle: {ages: 1h}}", "f:1:19: \"recycle\" 'ages=1h' is none of"},
		{"engine: {limit: {cpu: '1s,files=1'}}",
			"f:1:17: \"limit\" is keys and values: write a"},
		{"engine: {operations: [a, a]}", "f:1:22: \"operations\" the operation \"a\" is there"},
		{"engine: {operations: []}", "f:1:22: \"operations\" is a list: write a value"},
		{"engine: {operations: ''}", "f:1:22: "},
		{"engine: {allow: \"a\\e[2J\"}", "f:1:17: "},
		{"engine: {share: 10}", "f:1:17: \"share\" '10' is no share"},
		{"engine: {share: 1%, share: 2%}", "f:1:21: \"share\" is there twice"},
		{"engine: []", "f:1:9: the engine is written as keys and values"},
		{"pools: {p: {target: 'http://x', processor: {strategy: v2}}}",
			"f:1:33: \"processor\" shapes the engine of a local: pool, and would have no effect "
			"on \"http://x\""},
		{"pools: {p: {operations: [a], target: ['local:', 'unix:/x']}}",
			"f:1:13: \"operations\" shapes the engine of a local: pool"},
		{"pools: {p: {target: 'local:', processor: {strategy: v2x}}}",
			"f:1:53: \"strategy\": processor \"v2x\" is not known"},
		{"pools: {p: {target: 'local:', processor: {}}}", "f:1:42: \"strategy\" is missing"},
		{"pools: {p: {target: 'local:', processor: v2}}", "f:1:42: a processor is written as"},
		{"pools: {p: {target: 'local:', processor: {strategy: v2, migration: "
		 "{primary_percentage: 101}}}}",
			"f:1:89: \"primary_percentage\" is \"101\": it must be from 0 to 100"},
		{"pools: {p: {target: 'local:', processor: {strategy: v2, migration: "
		 "{strategy: ab_test, primary_percentage: 50}}}}",
			"f:1:88: \"primary_percentage\" goes with canary only, not with \"ab_test\""},
		{"pools: {p: {target: 'local:', processor: {strategy: 'v1:simple', migration: "
		 "{strategy: full_migration}}}}",
			"f:1:66: the migration gives work to v2, and with \"v1:simple\" there is none"},
		{"pools: {p: {target: 'local:', processor: {strategy: 'v1:simple', migration: "
		 "{primary_percentage: 99}}}}",
			"f:1:66: the migration gives work to v2"},
		{"pools: {p: {target: 'local:', error_rate_threshold: 1%, guards: "
		 "{error_rate_threshold: 2%}}}",
			"f:1:31: \"error_rate_threshold\" is there twice: also in the guards, at 1:66"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct config c;
		struct err err = {0};
		assert_int_equal(config_parse(&c, cases[i].text, strlen(cases[i].text), "f", &err), -1);
		assert_int_equal(err.code, ERR_CONFIG);
		if (strncmp(err.text, cases[i].expected, strlen(cases[i].expected)) != 0)
			fail_msg("%s\nexpected %s\ngot %s", cases[i].text, cases[i].expected, err.text);
		assert_true(config_engine_is_empty(&c.engine));
	}
}

static void test_most_targets(void **state)
{
	(void)state;
	struct text text = {0};
	text_add(&text, "pools: {a: {target: [");
	for (int i = 0; i < CONFIG_NODES_MAX; i++)
		text_addf(&text, "'http://x:%d', ", i + 1);
	struct text more = {0};
	text_addf(&more, "%s'http://x:99']}}", text_str(&text));
	text_add(&text, "]}}");
	struct config c = parse(text_str(&text));
	assert_int_equal(c.pools[0].target_count, CONFIG_NODES_MAX);
	config_free(&c);
	assert_wrong(FILE_CONFIG, text_str(&more), 21, "has 17 items: it must have 1 to 16");
	text_free(&text);
	text_free(&more);
}

static void test_home(void **state)
{
	(void)state;
	unsetenv("HOME");
	assert_wrong(FILE_CONFIG, "history: ~/x", 10, "begins with ~, but HOME is not set");
	setenv("HOME", "/home/kim", 1);
	struct config c = parse("history: ~/x");
	assert_string_equal(c.history, "/home/kim/x");
	config_free(&c);
}

static void test_json(void **state)
{
	(void)state;
	setenv("HOME", "/home/kim", 1);
	struct config c = parse(whole_example);
	struct text plan = {0}, json = {0}, expected = {0};
	plan_json(&plan, &c.pools[0].plan);
	config_json(&json, &c);
	text_addf(&expected,
		"{\"history\":\"/var/lib/weir/"
		"history.db\",\"retention_ms\":1209600000,\"history_cap\":4294967296,\"theme\":\"\",\"policies\":[],\"pools\":[{\"name\":\"checkout\","
		"\"target\":[\"http://127.0.0.1:7070\"],\"env\":\"prod\","
		"\"token_file\":\"/home/kim/.config/weir/checkout.token\",\"interval_ms\":1000,"
		"\"plan\":%s,\"guards\":{\"error_rate_threshold\":0.05,\"latency_threshold_ms\":1000,"
		"\"memory_limit\":2147483648,\"window_ms\":60000,\"action\":\"rollback\"},"
		"\"judge\":{\"alpha\":0.01,\"beta\":0.05,\"tolerance\":0.1,\"margin\":0.5,"
		"\"metrics\":[\"errors\",\"p99\"]}}]}",
		text_str(&plan));
	assert_string_equal(text_str(&json), text_str(&expected));
	config_free(&c);
	c = parse("pools: {a: {target: ['local:', 'unix:/x']}, b: {target: 'local:'}}");
	text_clear(&json);
	config_json(&json, &c);
	assert_non_null(strstr(text_str(&json), "\"target\":[\"local:\",\"unix:/x\"]"));
	assert_non_null(strstr(text_str(&json), "\"token_file\":null"));
	assert_non_null(strstr(text_str(&json), "\"plan\":null"));
	assert_non_null(strstr(text_str(&json), "\"error_rate_threshold\":null"));
	assert_non_null(strstr(text_str(&json), "},{\"name\":\"b\""));
	config_free(&c);
	text_free(&plan);
	text_free(&json);
	text_free(&expected);
}

/* ---- own policies ---- */

static void test_own_policies(void **state)
{
	(void)state;
	/* One that stands behind the pool that names it, one that stands on the default. */
	struct config c =
		parse("pools: {a: {target: 'local:', plan: {steps: [5%], policy: night}}}\n"
			  "policies:\n"
			  "  night: {safe: true, approval_above: 25%, base: strict, drill: 1d}\n"
			  "  day: {samples: false}\n"
			  "  free: {base: manual, first: 100%, delta: 1%}\n");
	assert_int_equal(c.policy_count, 3);
	struct policy night = *policy_builtin(POLICY_STRICT);
	night.approval_bp = 2500;
	night.drill_ms = 86400000;
	const struct policy *used = &c.pools[0].plan.policy, *day = config_policy(&c, "day");
	assert_string_equal(used->name, "night");
	assert_ptr_equal(config_policy(&c, "night"), &c.policies[0]);
	assert_true(used->steps && used->bake && used->samples && used->green && used->safe);
	assert_true(used->armed && used->owner && used->reason);
	assert_int_equal(used->approval_bp, night.approval_bp);
	assert_int_equal(used->drill_ms, night.drill_ms);
	assert_non_null(day);
	assert_true(day->steps && day->bake && day->green && !day->samples && !day->safe);
	const struct policy *open = config_policy(&c, "free");
	assert_false(open->steps);
	assert_int_equal(open->first_bp, 10000);
	assert_int_equal(open->delta_bp, 100);
	assert_ptr_equal(config_policy(&c, "demo"), policy_builtin(POLICY_DEMO));
	assert_ptr_equal(config_policy(NULL, "demo"), policy_builtin(POLICY_DEMO));
	assert_null(config_policy(&c, "nigh"));
	struct text json = {0};
	config_json(&json, &c);
	assert_non_null(strstr(text_str(&json),
		"\"policies\":[{\"name\":\"night\",\"steps\":true,\"first_bp\":0,\"delta_bp\":0,"
		"\"bake\":true,\"samples\":true,\"green\":true,\"safe\":true,\"armed\":true,"
		"\"owner\":true,\"drill_ms\":86400000,\"approval_above_bp\":2500,\"reason\":true},"
		"{\"name\":\"day\","));
	text_free(&json);

	/* A plan file of its own may name them; without the configuration it may not. */
	struct plan plan;
	struct err err = {0};
	static const char text[] = "steps: [5%]\npolicy: night\n";
	assert_int_equal(config_parse_plan(&plan, text, strlen(text), "p", &c, &err), 0);
	assert_string_equal(plan.policy.name, "night");
	assert_int_equal(plan.policy.drill_ms, 86400000);
	assert_int_equal(config_parse_plan(&plan, text, strlen(text), "p", NULL, &err), -1);
	assert_int_equal(strncmp(err.text, "p:2:9: ", 7), 0);
	assert_int_equal(plan.step_count, 0);
	config_free(&c);
	assert_int_equal(c.policy_count, 0);
}

/* What a pool was armed with is what its own policy asked then: to edit one is another plan. */
static void test_an_edited_own_policy_is_another_plan(void **state)
{
	(void)state;
	static const struct {
		const char *policies;
		bool same;
	} rows[] = {
		{"{night: {base: strict, drill: 1d}}", true},
		{"{night: {drill: 1d, base: strict}}", true}, /* what it asks, not how it is written */
		{"{night: {base: strict, drill: 1d}, day: {samples: false}}", true}, /* not named */
		{"{night: {base: strict, drill: 2d}}", false},
		{"{night: {base: strict, drill: 1d, green: false}}", false},
		{"{night: {base: strict, drill: 1d, samples: false}}", false},
		{"{night: {base: strict, drill: 1d, approval_above: 25%}}", false},
		{"{night: {base: standard, drill: 1d}}", false},
	};
	struct text first = {0};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char file[300], hash[2][POOL_HASH_MAX];
		struct text now = {0};
		snprintf(file, sizeof file,
			"pools: {a: {target: 'local:', plan: {steps: [5%%], policy: night}}}\n"
			"policies: %s\n",
			rows[i].policies);
		struct config c = parse(file);
		plan_json(&now, &c.pools[0].plan);
		if (i == 0)
			text_add(&first, text_str(&now));
		chain_digest(hash[0], text_str(&first), first.len);
		chain_digest(hash[1], text_str(&now), now.len);
		if ((strcmp(hash[0], hash[1]) == 0) != rows[i].same)
			fail_msg("row %zu: %s", i, text_str(&now));
		text_free(&now);
		config_free(&c);
	}
	text_free(&first);
}

#define NAMES "manual, demo, standard, strict"

static void test_bad_policies(void **state)
{
	(void)state;
	static const struct {
		size_t column;
		const char *text, *says;
	} rows[] = {
		{11, "policies: []", "\"policies\" is a list: write policies by their names"},
		{11, "policies: strict", "write policies by their names"},
		{17, "policies: {own: strict}", "a policy is written as keys and values"},
		{24, "policies: {own: {base: stric}}",
			"\"base\" is \"stric\": write one of " NAMES "; did you mean \"strict\"?"},
		{24, "policies: {own: {base: own}}", "write one of " NAMES},
		{18, "policies: {own: {reasn: true}}",
			"unknown key \"reasn\" in a policy: did you mean \"reason\"?"},
		{18, "policies: {own: {name: x}}", "unknown key \"name\" in a policy"},
		{12, "policies: {strict: {}}", "policy \"strict\" comes with weir"},
		{12, "policies: {'my own': {}}", "\"my own\" is no name of a policy"},
		{12, "policies: {abcdefghijklmnopqrstuvwx: {}}", "is no name of a policy"},
		{21, "policies: {own: {}, own: {}}", "\"own\" is there twice"},
		{83,
			"{policies: {night: {}}, pools: {a: {target: 'local:', plan: {steps: [5%], policy: "
			"nigt}}}}",
			"\"policy\" is \"nigt\": write one of " NAMES ", night; did you mean \"night\"?"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct config c;
		struct err err = {0};
		assert_int_equal(config_parse(&c, rows[i].text, strlen(rows[i].text), "f", &err), -1);
		assert_int_equal(c.policy_count, 0);
		assert_wrong(FILE_CONFIG, rows[i].text, rows[i].column, rows[i].says);
	}
	struct text many = {0};
	text_add(&many, "policies: {");
	for (int i = 0; i < CONFIG_POLICIES_MAX; i++)
		text_addf(&many, "own%d: {}, ", i);
	struct text more = {0};
	text_addf(&more, "%sone: {}}", text_str(&many));
	text_add(&many, "}");
	assert_accepted(FILE_CONFIG, text_str(&many));
	assert_wrong(
		FILE_CONFIG, text_str(&more), 11, "\"policies\" has 17: it may have 16 at most");
	text_free(&many);
	text_free(&more);
}

/* ---- plan and scenario files ---- */

static void test_plan_file(void **state)
{
	(void)state;
	static const char text[] = "steps:\n- 0.5% for 1h30m\n- 2500bp\nbake: 30s\npolicy: demo\n"
							   "on_reload: put_back\non_orphan: hold\nmax_delta: 25%\n";
	struct plan plan;
	struct err err = {0};
	assert_int_equal(config_parse_plan(&plan, text, strlen(text), "p", NULL, &err), 0);
	assert_int_equal(plan.step_count, 2);
	assert_int_equal(plan.steps[0].share_bp, 50);
	assert_int_equal(plan.steps[0].for_ms, 5400000);
	assert_int_equal(plan.steps[1].share_bp, 2500);
	assert_int_equal(plan.bake_ms, 30000);
	assert_string_equal(plan.policy.name, "demo");
	assert_int_equal(plan.on_orphan, ORPHAN_HOLD);
	assert_string_equal(plan.on_reload, "put_back");
	assert_int_equal(plan.max_delta_bp, 2500);
	assert_wrong(FILE_PLAN, "", 1, "\"steps\" is missing in the plan");
	assert_wrong(FILE_PLAN, "steps: []", 8, "has 0 items: it must have 1 to 32");
	assert_wrong(FILE_PLAN, "steps: [0%]", 1, "");
	assert_wrong(FILE_PLAN, "steps: [1%, 60%]", 1, "");
	assert_wrong(FILE_PLAN, "max_delta: 5%, steps: [1%]", 0, "");
	assert_wrong(FILE_PLAN, "steps: [1%]\nhours: Mon 9:00-16:00", 0,
		"2:12: \"hours\": at \"9:00-16:00\" expected a time");
	assert_wrong(FILE_PLAN, "steps: [1%]\nhours: 'Mon-Fro 09:00-16:00'", 0,
		"2:13: \"hours\": at \"Fro\"");
	assert_wrong(FILE_PLAN, "steps: [1%]\nhours: 09:00-16:00 Europe/Wien", 0,
		"2:8: there is no time zone \"Europe/Wien\"");
	assert_wrong(FILE_PLAN, "steps: [1%]\nzone: ../../../etc/passwd", 0,
		"2:7: \"../../../etc/passwd\" is no name");
	assert_wrong(
		FILE_PLAN, "steps: [1%]\nzone: Europe", 0, "2:7: cannot read the time zone \"Europe\"");
	assert_wrong(FILE_PLAN, "steps: [1%]\nzone: zone.tab", 0,
		"2:7: time zone \"zone.tab\": its file is none");
	assert_wrong(FILE_PLAN, "steps: [1%]\nzone: UTC\nhours: 09:00-16:00 Asia/Kolkata", 0,
		"2:7: \"zone\" is \"UTC\", and the hours are of");
	assert_wrong(
		FILE_PLAN, "steps: [1%]\nfreeze: 2026-12-20..2026-12-21", 0, "2:9: \"freeze\" is");
	assert_wrong(FILE_PLAN, "steps: [1%]\nfreeze: [2026-12-20..2026-12-32 x]", 0,
		"2:22: a freeze: at \"2026-12-32\" expected a date");
	assert_wrong(FILE_PLAN, "steps: [1%]\nfreeze: [[]]", 0, "2:10: ");
	assert_accepted(FILE_PLAN,
		"steps: [1%]\nzone: Asia/Kolkata\nhours: 09:00-16:00 Asia/Kolkata\nfreeze: [2026-12-20..2026-12-21 x]");
	assert_int_equal(config_parse_plan(&plan, "steps: [60%]", 12, "p", NULL, &err), -1);
	assert_int_equal(plan.step_count, 0);
}

static void test_most_steps(void **state)
{
	(void)state;
	struct text text = {0};
	text_add(&text, "steps: [");
	for (int i = 1; i <= PLAN_STEPS_MAX; i++)
		text_addf(&text, "%s%d%%", i > 1 ? ", " : "", i);
	struct text more = {0};
	text_addf(&more, "%s, 33%%]", text_str(&text));
	text_add(&text, "]");
	assert_accepted(FILE_PLAN, text_str(&text));
	assert_wrong(FILE_PLAN, text_str(&more), 8, "has 33 items: it must have 1 to 32");
	text_free(&text);
	text_free(&more);
}

static void test_scenario_file(void **state)
{
	(void)state;
	static const char text[] =
		"name: broken\nrate: 200.5\nsessions: 500\nseed: 42\nunit: 20s\nv1_slow_factor: 1.2\n"
		"operations:\n"
		"  - {name: echo, weight: 3, work: 250us}\n"
		"  - {name: predict, work: 2ms}\n"
		"phases:\n"
		"  - {at: 2m, arm: v2, error_rate: 60%, operation: predict}\n"
		"  - {at: 1m, arm: v1, error_rate: 0.25, slow_factor: 2, latency_add: 5ms, hang: "
		"true}\n"
		"  - {at: 5m, arm: v2}\n";
	struct scenario s;
	struct err err = {0};
	if (config_parse_scenario(&s, text, strlen(text), "s", &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(s.name, "broken");
	assert_true(s.rate == 200.5);
	assert_int_equal(s.sessions, 500);
	assert_int_equal(s.seed, 42);
	assert_int_equal(s.unit_ms, 20000);
	assert_true(s.v1_slow_factor == 1.2);
	assert_int_equal(s.operation_count, 2);
	assert_string_equal(s.operations[0].name, "echo");
	assert_true(s.operations[0].weight == 3);
	assert_int_equal(s.operations[0].work_us, 250);
	assert_true(s.operations[1].weight == 1);
	assert_int_equal(s.operations[1].work_us, 2000);
	assert_int_equal(s.phase_count, 3);
	assert_int_equal(s.phases[0].at_ms, 120000);
	assert_int_equal(s.phases[0].arm, ARM_V2);
	assert_true(s.phases[0].fault.error_rate == 0.6);
	assert_string_equal(s.phases[0].fault.operation, "predict");
	assert_false(s.phases[0].fault.hang);
	assert_int_equal(s.phases[1].arm, ARM_V1);
	assert_true(s.phases[1].fault.error_rate == 0.25);
	assert_true(s.phases[1].fault.slow_factor == 2);
	assert_int_equal(s.phases[1].fault.latency_add_us, 5000);
	assert_true(s.phases[1].fault.hang);
	assert_true(s.phases[2].fault.error_rate == 0);
	assert_wrong(FILE_SCENARIO, "rate: 5", 1, "\"operations\" is missing in the scenario");
	assert_wrong(FILE_SCENARIO, "{rate: 5, operations: [{name: a}, {name: a}]}", 42,
		"operation \"a\" is there twice");
	assert_wrong(FILE_SCENARIO,
		"{rate: 5, operations: [{name: echo}], phases: [{at: 1s, arm: v2, operation: ecko}]}",
		77, "operation \"ecko\" is none of the scenario's: did you mean \"echo\"?");
	assert_wrong(FILE_SCENARIO, "{rate: 0, phases: [{at: 1s, arm: v2}, {at: 1s, arm: v2}]}", 44,
		"the phase of v2 before this one is not earlier");
	assert_accepted(FILE_SCENARIO, "{rate: 0, phases: [{at: 1s, arm: v2}, {at: 1s, arm: v1}]}");
	assert_wrong(
		FILE_SCENARIO, "{rate: 0, phases: [{at: 1s, arm: v3}]}", 34, "write one of v1, v2");
	assert_wrong(FILE_SCENARIO,
		"{rate: 0, phases: [{at: 1s, arm: v2, error_rate: 2, lies: true}]}", 50,
		"it must be from 0 to 1");
	assert_int_equal(config_parse_scenario(&s, "rate: x", 7, "s", &err), -1);
	assert_int_equal(s.operation_count, 0);
}

static void test_scenario_of_every_kind(void **state)
{
	(void)state;
	static const char text[] =
		"rate: 5\nsessions: 9\nsession_requests: 12.5\nkeys: 1000\nkey_skew: 1.5\n"
		"v2_slow_factor: 0.5\nv1_workers: 2\nv2_workers: 4\nqueue: 16\ntimeout: 250ms\n"
		"strategy: primary_with_fallback\noperations: [{name: echo}]\n"
		"arrivals:\n"
		"  - {at: 0s, rate: 0}\n"
		"  - {at: 10s, rate: 200, over: 5s}\n"
		"  - {at: 15s, rate: 100, swing: 80%, period: 1h}\n"
		"phases:\n"
		"  - {at: 1s, arm: v2, crash_rate: 5%, leak: 16KiB, stall: true, lies: true}\n"
		"node:\n"
		"  - {at: 1m, clock_behind: 2h}\n"
		"  - {at: 2m, restart: true, clock_ahead: 5s}\n";
	struct scenario s;
	struct err err = {0};
	if (config_parse_scenario(&s, text, strlen(text), "s", &err) != 0)
		fail_msg("%s", err.text);
	assert_true(s.session_requests == 12.5 && s.key_skew == 1.5 && s.v2_slow_factor == 0.5);
	assert_int_equal(s.keys, 1000);
	assert_int_equal(s.v1_workers, 2);
	assert_int_equal(s.v2_workers, 4);
	assert_int_equal(s.queue_max, 16);
	assert_int_equal(s.timeout_ms, 250);
	assert_string_equal(s.strategy, "primary_with_fallback");
	assert_int_equal(s.level_count, 3);
	assert_int_equal(s.levels[1].at_ms, 10000);
	assert_int_equal(s.levels[1].over_ms, 5000);
	assert_true(s.levels[1].rate == 200 && s.levels[2].swing == 0.8);
	assert_int_equal(s.levels[2].period_ms, 3600000);
	const struct fault *f = &s.phases[0].fault;
	assert_true(f->crash_rate == 0.05 && f->stall && f->lies && !f->hang);
	assert_int_equal(f->leak_bytes, 16384);
	assert_int_equal(s.event_count, 2);
	assert_int_equal(s.events[0].clock_behind_ms, 7200000);
	assert_true(!s.events[0].restart && s.events[1].restart);
	assert_int_equal(s.events[1].clock_ahead_ms, 5000);

	/* What nobody asks for is as it was before there was any of it. */
	assert_int_equal(config_parse_scenario(&s, "rate: 0", 7, "s", &err), 0);
	assert_true(s.session_requests == 0 && s.keys == 0 && s.v2_slow_factor == 1);
	assert_int_equal(
		s.v1_workers + s.v2_workers + s.queue_max + s.timeout_ms + s.level_count, 0);
	assert_string_equal(s.strategy, "canary");
}

static void test_scenario_that_is_wrong_as_a_whole(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t column;
		const char *says;
	} wrong[] = {
		{"{rate: 0, arrivals: [{at: 0s, rate: 1}]}", 1, "\"operations\" is missing"},
		{"{rate: 0, arrivals: [{at: 2s, rate: 0}, {at: 2s, rate: 0}]}", 46,
			"the level before this one is not earlier"},
		{"{rate: 0, arrivals: [{at: 2s, rate: 0, over: 2s}, {at: 3s, rate: 0}]}", 46,
			"not there yet when the next level begins"},
		{"{rate: 0, node: [{at: 2s}, {at: 1s}]}", 33,
			"the event before this one is not earlier"},
		{"{rate: 0, node: [{at: 2s, clock_ahead: 1s, clock_behind: 1s}]}", 58,
			"ahead and behind"},
		{"{rate: 1, operations: [{name: echo}], "
		 "phases: [{at: 1s, arm: v2, operation: echo, leak: 1B}]}",
			89, "\"leak\" is of the whole side: take \"operation\" out"},
		{"{rate: 1, operations: [{name: echo}], "
		 "phases: [{at: 1s, arm: v2, operation: echo, stall: true}]}",
			90, "\"stall\" is of the whole side"},
		{"{rate: 1, operations: [{name: echo}], "
		 "phases: [{at: 1s, arm: v2, operation: echo, lies: true}]}",
			89, "\"lies\" is of the whole side"},
		{"{rate: 0, strategy: shadow}", 21, "write one of canary, primary_with_fallback"},
		{"{rate: 0, node: [{at: 1s, restarts: true}]}", 27, "did you mean \"restart\"?"},
		{"{rate: 0, fallback: true}", 11, "unknown key \"fallback\" in the scenario"},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_wrong(FILE_SCENARIO, wrong[i].text, wrong[i].column, wrong[i].says);
	assert_accepted(
		FILE_SCENARIO, "{rate: 0, arrivals: [{at: 2s, rate: 0, over: 1s}, {at: 3s, rate: 0}]}");
	assert_accepted(
		FILE_SCENARIO, "{rate: 0, node: [{at: 1s, clock_ahead: 1s, clock_behind: 0}]}");
}

/* ---- finding the file ---- */

struct place {
	char dir[256];
	char config[320]; /* DIR/weir/weir.yaml */
};

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int make_place(void **state)
{
	static struct place place;
	const char *base = getenv("TMPDIR");
	snprintf(place.dir, sizeof(place.dir), "%.200s/weir-config-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(place.dir))
		return -1;
	char sub[300];
	snprintf(sub, sizeof(sub), "%s/weir", place.dir);
	snprintf(place.config, sizeof(place.config), "%s/weir.yaml", sub);
	*state = &place;
	return mkdir(sub, 0700);
}

static int remove_place(void **state)
{
	struct place *place = *state;
	char sub[300];
	snprintf(sub, sizeof(sub), "%s/weir", place->dir);
	unlink(place->config);
	rmdir(sub);
	return rmdir(place->dir);
}

static void test_default_places(void **state)
{
	struct place *place = *state;
	struct config c;
	struct err err = {0};
	write_file(place->config, "theme: mine\n");
	setenv("XDG_CONFIG_HOME", place->dir, 1);
	assert_int_equal(config_load(&c, NULL, &err), 0);
	assert_string_equal(c.theme, "mine");
	assert_string_equal(c.path, place->config);
	config_free(&c);

	char home[300], below[400];
	snprintf(home, sizeof(home), "%s/.config", place->dir);
	snprintf(below, sizeof(below), "%s/weir", home);
	assert_int_equal(symlink(place->dir, home), 0);
	setenv("HOME", place->dir, 1);
	const char *ignored[] = {NULL, "", "relative/path"};
	for (size_t i = 0; i < 3; i++) {
		if (ignored[i])
			setenv("XDG_CONFIG_HOME", ignored[i], 1);
		else
			unsetenv("XDG_CONFIG_HOME");
		assert_int_equal(config_load(&c, NULL, &err), 0);
		assert_string_equal(c.theme, "mine");
		config_free(&c);
	}
	assert_int_equal(unlink(home), 0);

	write_file(place->config, "theme: a b\n");
	setenv("XDG_CONFIG_HOME", place->dir, 1);
	assert_int_equal(config_load(&c, NULL, &err), -1);
	char expected[400];
	snprintf(expected, sizeof(expected), "%s:1:8: ", place->config);
	assert_int_equal(strncmp(err.text, expected, strlen(expected)), 0);
	assert_null(c.path);
}

/* What is there and cannot be read is never taken for nothing. */
static void test_unreadable_default(void **state)
{
	struct place *place = *state;
	struct config c;
	struct err err = {0};
	setenv("XDG_CONFIG_HOME", place->dir, 1);
	assert_int_equal(mkdir(place->config, 0700), 0);
	assert_int_equal(config_load(&c, NULL, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, place->config));
	assert_int_equal(rmdir(place->config), 0);
}

static void test_no_file(void **state)
{
	struct place *place = *state;
	struct config c;
	struct err err = {0};
	setenv("XDG_CONFIG_HOME", place->dir, 1);
	if (access("/etc/weir/weir.yaml", F_OK) == 0)
		skip();
	assert_int_equal(config_load(&c, NULL, &err), 0);
	assert_null(c.path);
	assert_int_equal(c.pool_count, 0);
	config_free(&c);
}

static void test_named_file(void **state)
{
	struct place *place = *state;
	struct config c;
	struct err err = {0};
	assert_int_equal(config_load(&c, place->config, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_string_equal(err_name(err.code), "W002");
	assert_non_null(strstr(err.text, place->config));
	assert_int_equal(config_load(&c, place->dir, &err), -1);
	assert_non_null(strstr(err.text, place->dir));
	write_file(place->config, whole_example);
	assert_int_equal(config_load(&c, place->config, &err), 0);
	assert_string_equal(c.path, place->config);
	assert_int_equal(c.pool_count, 1);
	config_free(&c);

	FILE *file = fopen(place->config, "w");
	assert_non_null(file);
	for (int i = 0; i <= 1 << 20; i++)
		fputc('\n', file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(config_load(&c, place->config, &err), -1);
	assert_non_null(strstr(err.text, ":1:1: longer than 1 MiB"));
}

static void test_other_files(void **state)
{
	struct place *place = *state;
	struct plan plan;
	struct scenario scenario;
	struct err err = {0};
	assert_int_equal(config_load_plan(&plan, place->config, NULL, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_non_null(strstr(err.text, "cannot read the plan"));
	assert_non_null(strstr(err.text, place->config));
	assert_int_equal(plan.step_count, 0);
	assert_int_equal(config_load_scenario(&scenario, place->dir, &err), -1);
	assert_non_null(strstr(err.text, "cannot read the scenario"));
	write_file(place->config, "steps: [5%]\n");
	assert_int_equal(config_load_plan(&plan, place->config, NULL, &err), 0);
	assert_int_equal(plan.steps[0].share_bp, 500);
	assert_int_equal(config_load_scenario(&scenario, place->config, &err), -1);
	assert_non_null(strstr(err.text, "unknown key \"steps\" in the scenario"));
	write_file(place->config, "rate: 0\n");
	assert_int_equal(config_load_scenario(&scenario, place->config, &err), 0);
	assert_string_equal(scenario.name, "scenario");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_two_lines_make_a_pool),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_engine),
		cmocka_unit_test(test_processor),
		cmocka_unit_test(test_limits_of_a_pool),
		cmocka_unit_test(test_bad_engines),
		cmocka_unit_test(test_most_targets),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_own_policies),
		cmocka_unit_test(test_an_edited_own_policy_is_another_plan),
		cmocka_unit_test(test_bad_policies),
		cmocka_unit_test(test_plan_file),
		cmocka_unit_test(test_most_steps),
		cmocka_unit_test(test_scenario_file),
		cmocka_unit_test(test_scenario_of_every_kind),
		cmocka_unit_test(test_scenario_that_is_wrong_as_a_whole),
		cmocka_unit_test_setup_teardown(test_default_places, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_unreadable_default, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_no_file, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_named_file, make_place, remove_place),
		cmocka_unit_test_setup_teardown(test_other_files, make_place, remove_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
