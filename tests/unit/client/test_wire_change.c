/* Tests of client/wire_change: every verb there and back, and every field of a change in every
 * wrong form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/wire.h"
#include "client/wire_tables.h"
#include "tests/unit/client/fields.h"

#include <math.h>

/* A command with everything said. */
static struct command example(enum verb verb)
{
	struct command c = {.id = "k1",
		.verb = verb,
		.from_bp = 100,
		.to_bp = verb == VERB_OPERATIONS ? 100 : 1000,
		.strategy = STRATEGY_CANARY,
		.epoch = 7,
		.rev = 43,
		.keep_within_ms = 720000,
		.has_guard = true,
		.guard = {.error_rate = 0.05,
			.latency_ms = 250,
			.memory_bytes = 2147483648,
			.window_ms = 30000,
			.action = GUARD_ACTION_HOLD},
		.has_operations = true,
		.operations = {.limited = true, .count = 2, .name = {"predict", "echo"}},
		.baseline_bp = 500,
		.on_orphan = ORPHAN_HOLD,
		.act = GUARD_ACTION_ROLLBACK,
		.for_ms = 3600000,
		.ttl_ms = 30000,
		.actor = "al\"ice@web1",
		.reason = "go\non",
		.plan_hash = "abc",
		.history_head = "ff"};
	judge_policy_init(&c.guard.judge);
	c.guard.judge.alpha = 0.02;
	c.guard.judge.beta = 0.1;
	c.guard.judge.tolerance = 0.25;
	c.guard.judge.margin = 1.5;
	c.guard.judge.metric[JUDGED_P95] = true;
	return c;
}

static void read_back(struct control_request *r, const struct command *c)
{
	struct text t = {0};
	struct err err = {0};
	wire_write_command(&t, c);
	if (wire_read_change(r, c->verb, t.data, t.len, &err))
		fail_msg("%s: %s: %s", verb_row(c->verb)->word, err.text, text_str(&t));
	assert_string_equal(r->actor, "al\"ice@web1");
	assert_string_equal(r->reason, "go^Jon");
	assert_string_equal(r->history_head, "ff");
	text_free(&t);
}

static void test_every_verb_has_a_request(void **state)
{
	static const struct {
		enum verb verb;
		const char *method, *path;
	} rows[] = {
		{VERB_STEP, "PUT", "/v1/split"},
		{VERB_OPERATIONS, "PUT", "/v1/split"},
		{VERB_KEEP, "POST", "/v1/keep"},
		{VERB_ARM, "POST", "/v1/arm"},
		{VERB_DISARM, "POST", "/v1/disarm"},
		{VERB_TAKE, "POST", "/v1/lease"},
		{VERB_GUARD, "POST", "/v1/guard"},
		{VERB_DRAIN, "POST", "/v1/drain"},
		{VERB_FINALIZE, "POST", "/v1/finalize"},
		{VERB_HOLD, "POST", "/v1/hold"},
		{VERB_ADOPT, "POST", "/v1/hold"},
		{VERB_RESUME, "POST", "/v1/resume"},
		{VERB_ROLLBACK, "POST", "/v1/rollback"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct wire_route *route = wire_route(rows[i].verb);
		assert_non_null(route);
		assert_string_equal(route->method, rows[i].method);
		assert_string_equal(route->path, rows[i].path);
	}
	for (int v = 0; v < VERB_COUNT; v++)
		assert_int_equal(wire_route((enum verb)v) != NULL, verb_is_sent((enum verb)v));
}

static void test_step(void **state)
{
	struct control_request r;
	struct command c = example(VERB_STEP);
	(void)state;
	read_back(&r, &c);
	assert_int_equal(r.verb, VERB_STEP);
	assert_int_equal(r.from_bp, 100);
	assert_int_equal(r.to_bp, 1000);
	assert_int_equal(r.strategy, STRATEGY_CANARY);
	assert_string_equal(r.plan_hash, "abc");
	assert_int_equal(r.keep_within_ms, 720000);
	assert_true(r.has_guard);
	assert_true(r.guard.error_rate == 0.05);
	assert_int_equal(r.guard.latency_ms, 250);
	assert_int_equal(r.guard.memory_bytes, 2147483648);
	assert_int_equal(r.guard.window_ms, 30000);
	assert_int_equal(r.guard.action, GUARD_ACTION_HOLD);
	assert_true(judge_policy_equals(&r.guard.judge, &c.guard.judge));
	assert_true(r.has_operations);
	assert_memory_equal(&r.operations, &c.operations, sizeof r.operations);
	assert_false(r.has_match); /* of a header, not of the body */

	/* what is not said */
	c.from_bp = -1;
	c.keep_within_ms = 0;
	c.has_guard = c.has_operations = false;
	c.strategy = STRATEGY_COUNT;
	c.plan_hash[0] = '\0';
	read_back(&r, &c);
	assert_int_equal(r.from_bp, -1);
	assert_int_equal(r.keep_within_ms, UNKNOWN);
	assert_false(r.has_guard);
	assert_false(r.has_operations);
	assert_int_equal(r.strategy, STRATEGY_COUNT);
	assert_string_equal(r.plan_hash, "");
}

/* No limit travels as no limit, not as one of 0. */
static void test_limits(void **state)
{
	struct control_request r;
	struct command c = example(VERB_STEP);
	(void)state;
	guard_limits_init(&c.guard);
	c.guard.latency_ms = 250;
	read_back(&r, &c);
	assert_true(r.has_guard);
	assert_true(isnan(r.guard.error_rate));
	assert_int_equal(r.guard.memory_bytes, UNKNOWN);
	assert_int_equal(r.guard.latency_ms, 250);

	static const char least[] = "{\"to_bp\":1,\"actor\":\"a\",\"guard\":{}}";
	assert_int_equal(wire_read_change(&r, VERB_STEP, least, sizeof least - 1, NULL), 0);
	assert_true(r.has_guard);
	assert_false(guard_limits_any(&r.guard));
	assert_int_equal(r.guard.window_ms, 60000);
	assert_int_equal(r.guard.action, GUARD_ACTION_ROLLBACK);
	struct judge_policy usual;
	judge_policy_init(&usual);
	assert_true(judge_policy_equals(&r.guard.judge, &usual));
}

/* How the judge judges: what is not said is usual, and only what one can judge by is taken. */
static void test_judge(void **state)
{
	static const struct {
		const char *guard, *names; /* the field that a refusal names; NULL: it is taken */
	} rows[] = {
		{"\"alpha\":0.5,\"beta\":0.5", NULL},
		{"\"tolerance\":0,\"margin\":0.01", NULL},
		{"\"tolerance\":10,\"margin\":30", NULL},
		{"\"margin\":0.2", NULL},
		{"\"metrics\":\"p99\"", NULL},
		{"\"metrics\":\"errors,p50,p95,p99\"", NULL},
		{"\"alpha\":null,\"beta\":null,\"tolerance\":null,\"margin\":null", NULL},
		{"\"metrics\":null", NULL},
		{"\"alpha\":0", "guard.alpha"},
		{"\"alpha\":0.51", "guard.alpha"},
		{"\"beta\":0", "guard.beta"},
		{"\"beta\":1", "guard.beta"},
		{"\"alpha\":-0.1", "guard.alpha"},
		{"\"tolerance\":10.5", "guard.tolerance"},
		{"\"margin\":31", "guard.margin"},
		{"\"margin\":0.1", "guard.margin"},
		{"\"tolerance\":0.5", "guard.margin"},
		{"\"alpha\":\"0.01\"", "guard.alpha"},
		{"\"metrics\":\"\"", "guard.metrics"},
		{"\"metrics\":\"errors,\"", "guard.metrics"},
		{"\"metrics\":\"p98\"", "guard.metrics"},
		{"\"metrics\":\"errors,errors\"", "guard.metrics"},
		{"\"metrics\":[\"errors\"]", "guard.metrics"},
		{"\"metrics\":7", "guard.metrics"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct control_request r;
		struct err err = {0};
		char body[256];
		int len = snprintf(
			body, sizeof body, "{\"to_bp\":1,\"actor\":\"a\",\"guard\":{%s}}", rows[i].guard);
		int result = wire_read_change(&r, VERB_STEP, body, (size_t)len, &err);
		if (result != (rows[i].names ? -1 : 0))
			fail_msg("%s: %s", rows[i].guard, result ? err.text : "taken");
		if (!rows[i].names)
			assert_true(judge_policy_is_sound(&r.guard.judge));
		else if (err.code != ERR_FIELD || !strstr(err.text, rows[i].names))
			fail_msg("%s: does not name %s: %s", rows[i].guard, rows[i].names, err.text);
	}
}

/* Operations leave the share: it is said as it stands, and tells the two apart. */
static void test_operations(void **state)
{
	static const struct {
		const char *body;
		enum verb verb;
	} rows[] = {
		{"{\"to_bp\":100,\"from_bp\":100,\"operations\":[],\"actor\":\"a\"}", VERB_OPERATIONS},
		{"{\"to_bp\":100,\"from_bp\":50,\"operations\":[],\"actor\":\"a\"}", VERB_STEP},
		{"{\"to_bp\":100,\"operations\":[\"echo\"],\"actor\":\"a\"}", VERB_STEP},
		{"{\"to_bp\":100,\"from_bp\":100,\"operations\":null,\"actor\":\"a\"}", VERB_STEP},
		{"{\"to_bp\":100,\"from_bp\":100,\"actor\":\"a\"}", VERB_STEP},
	};
	struct control_request r;
	struct command c = example(VERB_OPERATIONS);
	(void)state;
	c.to_bp = 2500; /* whatever it was left at */
	read_back(&r, &c);
	assert_int_equal(r.verb, VERB_OPERATIONS);
	assert_int_equal(r.to_bp, 100);
	assert_int_equal(r.from_bp, 100);
	assert_true(r.has_operations);
	assert_memory_equal(&r.operations, &c.operations, sizeof r.operations);
	c.from_bp = -1;
	read_back(&r, &c);
	assert_int_equal(r.to_bp, 2500);
	assert_int_equal(r.from_bp, 2500);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(
			wire_read_change(&r, VERB_STEP, rows[i].body, strlen(rows[i].body), NULL), 0);
		assert_int_equal(r.verb, rows[i].verb);
	}
}

static void test_keep_arm_disarm(void **state)
{
	struct control_request r;
	struct command c = example(VERB_KEEP);
	(void)state;
	read_back(&r, &c);
	assert_int_equal(r.verb, VERB_KEEP);
	assert_true(r.has_match);
	assert_int_equal(r.match_epoch, 7);
	assert_int_equal(r.match_rev, 43);
	assert_int_equal(r.to_bp, -1);

	c = example(VERB_FINALIZE);
	read_back(&r, &c);
	assert_int_equal(r.verb, VERB_FINALIZE);
	assert_true(r.has_match);
	assert_int_equal(r.match_epoch, 7);
	assert_int_equal(r.match_rev, 43);
	assert_true(r.reason[0]);
	static const char unbound[] = "{\"actor\":\"a\",\"reason\":\"r\",\"epoch\":7}";
	assert_int_equal(
		wire_read_change(&r, VERB_FINALIZE, unbound, strlen(unbound), NULL), -1);

	c = example(VERB_ARM);
	read_back(&r, &c);
	assert_string_equal(r.plan_hash, "abc");
	assert_int_equal(r.baseline_bp, 500);
	assert_int_equal(r.on_orphan, ORPHAN_HOLD);
	assert_true(r.has_guard);
	assert_false(r.has_operations);
	c.baseline_bp = -1;
	c.has_guard = false;
	read_back(&r, &c);
	assert_int_equal(r.baseline_bp, -1);
	assert_false(r.has_guard);

	c = example(VERB_DISARM);
	read_back(&r, &c);
	assert_int_equal(r.verb, VERB_DISARM);
	assert_false(r.has_guard);
	assert_int_equal(r.on_orphan, ORPHAN_COUNT);
}

static void test_take_and_guard(void **state)
{
	struct control_request r;
	struct command c = example(VERB_TAKE);
	struct text t = {0};
	struct lease_request lease;
	bool take;
	(void)state;
	read_back(&r, &c);
	assert_int_equal(r.verb, VERB_TAKE);
	assert_int_equal(r.ttl_ms, 30000);
	wire_write_command(&t, &c);
	assert_int_equal(wire_read_lease(&lease, &take, t.data, t.len, NULL), 0);
	assert_true(take);
	text_free(&t);

	c = example(VERB_GUARD);
	read_back(&r, &c);
	assert_int_equal(r.act, GUARD_ACTION_ROLLBACK);
	c.act = GUARD_ACTION_HOLD;
	read_back(&r, &c);
	assert_int_equal(r.act, GUARD_ACTION_HOLD);
	assert_int_equal(r.for_ms, 3600000);
	/* holding only has an end; acting again has none */
	struct err err = {0};
	static const char endless[] = "{\"action\":\"hold\",\"actor\":\"a\"}";
	static const char again[] = "{\"action\":\"rollback\",\"actor\":\"a\"}";
	assert_int_equal(wire_read_change(&r, VERB_GUARD, endless, sizeof endless - 1, &err), -1);
	assert_int_equal(err.code, ERR_FIELD);
	assert_non_null(strstr(err.text, "\"for_ms\""));
	assert_int_equal(wire_read_change(&r, VERB_GUARD, again, sizeof again - 1, NULL), 0);
	assert_int_equal(r.for_ms, UNKNOWN);
}

/* The brakes take what is at hand; adopting is a hold to the pool. */
static void test_brakes(void **state)
{
	static const enum verb verbs[] = {VERB_ROLLBACK, VERB_HOLD, VERB_RESUME, VERB_ADOPT};
	struct control_request r;
	(void)state;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		struct command c = example(verbs[i]);
		struct text t = {0};
		wire_write_command(&t, &c);
		assert_null(strstr(text_str(&t), "to_bp"));
		assert_null(strstr(text_str(&t), "operations"));
		assert_non_null(strstr(text_str(&t), "\"history_head\":\"ff\""));
		text_free(&t);
		read_back(&r, &c);
		assert_int_equal(r.verb, verbs[i] == VERB_ADOPT ? VERB_HOLD : verbs[i]);
		assert_int_equal(r.to_bp, -1);
		assert_int_equal(r.strategy, STRATEGY_COUNT);
		assert_int_equal(wire_read_change(&r, verbs[i], "{}", 2, NULL), 0);
		assert_string_equal(r.actor, "unknown");
		assert_int_equal(wire_read_change(&r, verbs[i], "", 0, NULL), -1);
		assert_int_equal(wire_read_change(&r, verbs[i], "[]", 2, NULL), -1);
	}
}

/* ---- every field in every wrong form ---- */

static enum verb of;

static cJSON *command_tree(void)
{
	struct command c = example(of);
	struct text t = {0};
	wire_write_command(&t, &c);
	cJSON *tree = cJSON_Parse(text_str(&t));
	assert_non_null(tree);
	text_free(&t);
	return tree;
}

static int read_command(const char *body, size_t len, struct err *err)
{
	struct control_request r;
	return wire_read_change(&r, of, body, len, err);
}

static const struct fields change = {command_tree, read_command, NULL};

static void test_every_field(void **state)
{
	(void)state;
	for (int v = 0; v < VERB_COUNT; v++) {
		of = (enum verb)v;
		if (!verb_is_sent(of))
			continue;
		assert_true(wire_change_table(of)->count >= 2);
		fields_every(&change, wire_change_table(of));
	}
}

static void test_objects(void **state)
{
	static const char *const bad_sets[] = {
		"{}", "\"echo\"", "[1]", "[\"\"]", "[\"a b\"]", "[\"echo\",\"echo\"]"};
	(void)state;
	of = VERB_ARM;
	fields_every(&change, &wire_limit_table);
	of = VERB_STEP;
	fields_every(&change, &wire_limit_table);
	fields_try(&change, "", "guard", "array", cJSON_CreateArray(), false);
	fields_try(&change, "", "guard", "null", cJSON_CreateNull(), true);
	fields_try(&change, "", "something_new", "object", cJSON_CreateObject(), true);
	for (size_t i = 0; i < sizeof bad_sets / sizeof *bad_sets; i++)
		fields_try(&change, "", "operations", bad_sets[i], cJSON_Parse(bad_sets[i]), false);
}

/* ---- leases ---- */

static struct lease_request lease_read;

static cJSON *lease_tree(void)
{
	const struct lease_request r = {.actor = "al\"ice@web1", .ttl_ms = 30000};
	struct text t = {0};
	wire_write_lease(&t, &r);
	cJSON *tree = cJSON_Parse(text_str(&t));
	text_free(&t);
	return tree;
}

static int read_lease(const char *body, size_t len, struct err *err)
{
	bool take;
	return wire_read_lease(&lease_read, &take, body, len, err);
}

static void test_lease(void **state)
{
	static const struct fields lease = {lease_tree, read_lease, NULL};
	bool take = true;
	(void)state;
	fields_try(&lease, "", "take", "missing", NULL, true);
	assert_string_equal(lease_read.actor, "al\"ice@web1");
	assert_int_equal(lease_read.ttl_ms, 30000);
	fields_try(&lease, "", "take", "true", cJSON_CreateTrue(), true);
	fields_try(&lease, "", "take", "number", cJSON_CreateNumber(1), false);
	fields_try(&lease, "", "actor", "missing", NULL, false);
	fields_try(&lease, "", "actor", "empty", cJSON_CreateString(""), false);
	fields_try(&lease, "", "actor", "number", cJSON_CreateNumber(1), false);
	fields_try(&lease, "", "actor", "hostile", cJSON_CreateString("a\033[2Jb"), true);
	assert_string_equal(lease_read.actor, "a^[[2Jb");
	fields_try(&lease, "", "ttl_ms", "missing", NULL, false);
	fields_try(&lease, "", "ttl_ms", "given back", cJSON_CreateNumber(0), true);
	assert_int_equal(lease_read.ttl_ms, 0);
	fields_try(&lease, "", "ttl_ms", "below", cJSON_CreateNumber(-1), false);
	fields_try(&lease, "", "ttl_ms", "fraction", cJSON_CreateNumber(1.5), false);
	static const char plain[] = "{\"actor\":\"a\",\"ttl_ms\":5}";
	assert_int_equal(wire_read_lease(&lease_read, &take, plain, sizeof plain - 1, NULL), 0);
	assert_false(take);
}

/* ---- both sides in one process ---- */

static void test_request(void **state)
{
	struct control_request r, again;
	struct err err = {0};
	(void)state;
	struct command c = example(VERB_STEP);
	assert_int_equal(wire_request(&r, &c, &err), 0);
	assert_string_equal(r.key, "k1");
	assert_true(r.has_match);
	assert_int_equal(r.match_epoch, 7);
	assert_int_equal(r.match_rev, 43);
	c.to_bp = 2000; /* another body */
	assert_int_equal(wire_request(&again, &c, &err), 0);
	assert_true(again.body_hash != r.body_hash);
	c = example(VERB_ROLLBACK);
	assert_int_equal(wire_request(&r, &c, &err), 0);
	assert_false(r.has_match);
	c = example(VERB_STEP);
	c.to_bp = 10001;
	assert_int_equal(wire_request(&r, &c, &err), -1);
	assert_int_equal(err.code, ERR_FIELD);
	assert_non_null(strstr(err.text, "\"to_bp\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_verb_has_a_request),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_keep_arm_disarm),
		cmocka_unit_test(test_take_and_guard),
		cmocka_unit_test(test_brakes),
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
