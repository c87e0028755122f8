/* Config: the values of good files, the places of errors, own policies, JSON. */
#include "tests/unit/tui/config_bed.h"

/* ---- values ---- */

static struct config parse(const char *text)
{
	struct config config;
	struct err err = {0};
	if (config_parse(&config, text, strlen(text), "weir.yaml", &err) != 0)
		fail_msg("%s", err.text);
	return config;
}

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
