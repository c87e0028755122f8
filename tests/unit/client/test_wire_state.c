/* Tests of client/wire_state: every field of the state document in every wrong form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/wire.h"
#include "client/wire_tables.h"
#include "model/mem.h"
#include "tests/unit/client/fields.h"

static struct snapshot *example(void)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	*s = (struct snapshot){
		.pool_id = "checkout-1",
		.pool = "check\"out",
		.node = "node-a",
		.node_id = "n1",
		.boot_id = "b7",
		.build = "1.4.1",
		.seq = 42,
		.uptime_ms = 1000,
		.now_ms = 1795000000000,
		.epoch = 7,
		.rev = 43,
		.strategy = STRATEGY_CANARY,
		.share_bp = 1000,
		.baseline_bp = 0,
		.kept_bp = -1,
		.plan_hash = "abc",
		.unit_ms = 30000,
		.drain_ms = 0,
		.settle_ms = 30000,
		.audit_head = "ff00",
		.audit_seq = 9,
		.history_head = "ee11",
		.history_by = "alice@web1",
		.hold = {.on = true, .actor = "alice@web1", .reason = "lunch", .age_ms = 5},
		.lease = {.known = true, .holder = "alice@web1", .ttl_ms = 29000},
		.keep = {.on = true, .left_ms = 700000, .on_orphan = ORPHAN_REVERT},
		.guard = {.known = true,
			.armed = true,
			.state = GUARD_GREEN,
			.action = GUARD_ACTION_ROLLBACK,
			.since_ms = 90000,
			.held_ms = 60000,
			.word = "errors 0.2 % of 5 %",
			.verdict = VERDICT_NO_DATA,
			.verdict_text = "NO DATA: no v2 traffic yet"},
		.sticky = true,
		.unit_sample = 4,
		.operations = {.limited = true, .count = 2, .name = {"predict", "echo"}},
		.change = {.known = true, .actor = "bob@web2", .age_ms = 12000},
	};
	for (int i = 0; i < ARM_COUNT; i++) {
		struct arm_counts *a = &s->arms[i];
		a->requests = 100 + i;
		a->ok = 90;
		a->failed[FAILURE_TIMEOUT] = 3;
		a->failed[FAILURE_SYSTEM] = 1;
		a->sessions = a->sessions_bad = a->memory_bytes = a->fds = UNKNOWN;
		a->cpu_us = 77;
		a->has_latency = true;
		histogram_add(&a->latency, 5, 3);
		histogram_add(&a->latency, 1800, 90);
		histogram_add(&a->latency, HISTOGRAM_CAP_US, 1);
		a->workers = (struct worker_counts){8, 7, 1, 0, 8, 0, UNKNOWN, 0};
		a->breaker = (struct breaker_word){true, BREAKER_OPEN, 2, 42000};
		a->queue_max = 1024;
		a->operation_count = 1 + i;
		text_copy(a->operations[0].name, OPERATION_NAME_MAX, "echo");
		text_copy(a->operations[1].name, OPERATION_NAME_MAX, "pre\tdict");
		a->operations[0].requests = 9;
		s->change.arms[i] = (struct change_counts){50, 40, 2, UNKNOWN, UNKNOWN};
	}
	return s;
}

static cJSON *example_tree(void)
{
	struct snapshot *s = example();
	struct text t = {0};
	wire_write_state(&t, s);
	cJSON *tree = cJSON_Parse(text_str(&t));
	assert_non_null(tree);
	text_free(&t);
	free(s);
	return tree;
}

/* What was read last. */
static struct snapshot *got;

static int read_state(const char *body, size_t len, struct err *err)
{
	return wire_read_state(got, body, len, err);
}

/* A field's value in C, seen through the document written again. */
static void expect_absent(const char *path, const struct wire_field *f)
{
	struct text t = {0};
	wire_write_state(&t, got);
	cJSON *tree = cJSON_Parse(text_str(&t));
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(fields_descend(tree, path), f->name);
	assert_non_null(item);
	assert_true(f->kind == WIRE_BOOL ? cJSON_IsFalse(item) : cJSON_IsNull(item));
	cJSON_Delete(tree);
	text_free(&t);
}

static const struct fields document = {example_tree, read_state, expect_absent};

static void try(
	const char *path, const char *name, const char *what, cJSON *value, bool accepted)
{
	fields_try(&document, path, name, what, value, accepted);
}

static void test_state_there_and_back(void **state)
{
	(void)state;
	struct snapshot *s = example(), *back = mem_new(1, sizeof *back);
	struct text t = {0}, again = {0};
	struct err err = {0};
	wire_write_state(&t, s);
	assert_int_equal(wire_read_state(back, t.data, t.len, &err), 0);
	wire_write_state(&again, back);
	assert_string_equal(back->pool, "check\"out");
	assert_int_equal(back->epoch, 7);
	assert_int_equal(back->share_bp, 1000);
	assert_int_equal(back->kept_bp, -1);
	assert_true(back->hold.on);
	assert_string_equal(back->hold.reason, "lunch");
	assert_string_equal(back->history_head, "ee11");
	assert_string_equal(back->history_by, "alice@web1");
	assert_true(back->sticky);
	assert_int_equal(back->unit_sample, 4);
	assert_int_equal(back->guard.verdict, VERDICT_NO_DATA);
	assert_string_equal(back->guard.verdict_text, "NO DATA: no v2 traffic yet");
	assert_true(back->change.known);
	assert_int_equal(back->change.arms[ARM_V2].failed, 2);
	assert_int_equal(back->change.arms[ARM_V2].sessions, UNKNOWN);
	const struct arm_counts *a = &back->arms[ARM_V2];
	assert_int_equal(a->requests, 101);
	assert_int_equal(a->failed[FAILURE_TIMEOUT], 3);
	assert_int_equal(a->failed[FAILURE_CONNECTION], 0);
	assert_int_equal(a->sessions, UNKNOWN);
	assert_int_equal(a->workers.crashed, UNKNOWN);
	assert_int_equal(a->workers.ready, 7);
	assert_memory_equal(&a->breaker, &s->arms[ARM_V2].breaker, sizeof a->breaker);
	assert_int_equal(a->queue_max, 1024);
	assert_true(a->has_latency);
	assert_false(a->has_session_latency);
	assert_memory_equal(&a->latency, &s->arms[ARM_V2].latency, sizeof a->latency);
	assert_int_equal(a->operation_count, 2);
	assert_string_equal(a->operations[1].name, "pre^Idict");
	assert_true(back->lease.known);
	assert_string_equal(back->lease.holder, "alice@web1");
	assert_int_equal(back->lease.ttl_ms, 29000);
	assert_true(back->keep.on);
	assert_int_equal(back->keep.left_ms, 700000);
	assert_int_equal(back->keep.on_orphan, ORPHAN_REVERT);
	assert_memory_equal(&back->guard, &s->guard, sizeof back->guard);
	assert_memory_equal(&back->operations, &s->operations, sizeof back->operations);
	assert_non_null(strstr(text_str(&t), "\"operations\":[\"predict\",\"echo\"]"));
	assert_non_null(strstr(text_str(&t), "\"guard\":{\"owner\":\"pool\",\"armed\":true"));
	assert_non_null(strstr(text_str(&again), "\"rev\":43"));
	text_free(&t);
	text_free(&again);
	free(back);
	free(s);
}

static void test_every_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < WIRE_STATE_TABLES; i++)
		fields_every(&document, &wire_state_tables[i]);
}

static void test_parts(void **state)
{
	static const struct {
		const char *path, *name;
		bool required;
	} parts[] = {
		{"", "hold", false},
		{"", "lease", false},
		{"", "keep", false},
		{"", "guard", false},
		{"", "operations", false},
		{"", "change", false},
		{"change.", "v1", false},
		{"", "arms", true},
		{"arms.", "v1", true},
		{"arms.", "v2", true},
		{"arms.v1.", "workers", false},
		{"arms.v1.", "breaker", false},
		{"arms.v2.", "operations", false},
		{"arms.v1.", "failed", true},
		{"arms.v1.", "latency_us", false},
		{"arms.v1.", "session_latency_us", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		try(parts[i].path, parts[i].name, "missing", NULL, !parts[i].required);
		try(parts[i].path, parts[i].name, "null", cJSON_CreateNull(), !parts[i].required);
		try(parts[i].path, parts[i].name, "string", cJSON_CreateString("x"), false);
		try(parts[i].path, parts[i].name, "number", cJSON_CreateNumber(1), false);
	}
	try("", "hold", "null", cJSON_CreateNull(), true);
	assert_false(got->hold.on);
	try("", "lease", "null", cJSON_CreateNull(), true);
	assert_false(got->lease.known);
	assert_int_equal(got->lease.ttl_ms, UNKNOWN);
	try("", "keep", "null", cJSON_CreateNull(), true);
	assert_false(got->keep.on);
	assert_int_equal(got->keep.left_ms, UNKNOWN);
	try("", "guard", "null", cJSON_CreateNull(), true);
	assert_false(got->guard.known);
	assert_false(got->guard.armed);
	assert_int_equal(got->guard.held_ms, UNKNOWN);
	try("", "operations", "null", cJSON_CreateNull(), true);
	assert_false(got->operations.limited);
	try("", "change", "null", cJSON_CreateNull(), true);
	assert_false(got->change.known);
	assert_int_equal(got->change.arms[ARM_V1].requests, UNKNOWN);
	try("arms.v1.", "breaker", "null", cJSON_CreateNull(), true);
	assert_false(got->arms[ARM_V1].breaker.known);
	assert_int_equal(got->arms[ARM_V1].breaker.retry_ms, UNKNOWN);
	try("", "something_new", "object", cJSON_Parse("{\"a\":[1]}"), true);
}

/* A lease that nobody holds has no end, whatever is said of it; its holder may be anybody. */
static void test_lease(void **state)
{
	(void)state;
	try("lease.", "holder", "free", cJSON_CreateNull(), true);
	assert_true(got->lease.known);
	assert_string_equal(got->lease.holder, "");
	assert_int_equal(got->lease.ttl_ms, UNKNOWN);
	try("lease.", "holder", "hostile", cJSON_CreateString("al\033[2Jice\xe2\x80\xae"), true);
	assert_string_equal(got->lease.holder, "al^[[2Jice<U+202E>");
	try("guard.", "word", "hostile", cJSON_CreateString("errors\n\033]0;x\a"), true);
	assert_string_equal(got->guard.word, "errors^J^[]0;x^G");
	try("guard.", "owner", "somebody", cJSON_CreateString("nobody"), true);
	assert_true(got->guard.known);
}

/* Those that v2 may get. */
static void test_allowed_operations(void **state)
{
	static const char *const bad[] = {"{}", "\"echo\"", "[1]", "[null]", "[\"\"]", "[\"a b\"]",
		"[\"\\u001b[2J\"]", "[\"../x\"]", "[\"echo\",\"echo\"]",
		"[\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"]", "[[\"echo\"]]"};
	char name[16];
	struct err err;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		try("", "operations", bad[i], cJSON_Parse(bad[i]), false);
	try("", "operations", "none", cJSON_CreateArray(), true);
	assert_true(got->operations.limited);
	assert_int_equal(got->operations.count, 0);
	cJSON *tree = example_tree(), *many = cJSON_CreateArray();
	for (int i = 0; i < OPERATIONS_MAX; i++) {
		(void)snprintf(name, sizeof name, "op%d", i);
		cJSON_AddItemToArray(many, cJSON_CreateString(name));
	}
	cJSON_ReplaceItemInObjectCaseSensitive(tree, "operations", many);
	assert_int_equal(fields_read(&document, tree, &err), ERR_NONE);
	assert_int_equal(got->operations.count, OPERATIONS_MAX);
	assert_string_equal(got->operations.name[OPERATIONS_MAX - 1], "op31");
	/* a set that is not whole is none */
	cJSON_AddItemToArray(many, cJSON_CreateString("one.more"));
	assert_int_equal(fields_read(&document, tree, &err), ERR_TOO_MANY);
	assert_non_null(strstr(err.text, "\"operations\""));
	cJSON_Delete(tree);
}

static void test_failures(void **state)
{
	(void)state;
	try("arms.v1.", "failed", "unknown", cJSON_Parse("{\"gremlin\":4,\"system\":1}"), true);
	assert_int_equal(got->arms[ARM_V1].failed[FAILURE_SYSTEM], 5);
	assert_int_equal(counts_failed(&got->arms[ARM_V1]), 5);
	try("arms.v1.failed.", "timeout", "null", cJSON_CreateNull(), false);
	try("arms.v1.failed.", "timeout", "below", cJSON_CreateNumber(-1), false);
	try("arms.v1.failed.", "timeout", "string", cJSON_CreateString("1"), false);
	/* a sum beyond what a field may hold */
	try("arms.v1.failed.", "gremlin", "sum", cJSON_CreateRaw("9007199254740991"), false);
}

static void test_histograms(void **state)
{
	static const char *const bad[] = {"[5]", "[[5]]", "[[5,1,2]]", "[[-1,1]]", "[[1331,1]]",
		"[[5,-1]]", "[[5,1.5]]", "[[\"5\",1]]", "[[5,null]]", "[[5,1],[5,1]]", "[[6,1],[5,1]]",
		"[{\"5\":1}]", "{}"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		try("arms.v1.", "latency_us", bad[i], cJSON_Parse(bad[i]), false);
	try("arms.v1.", "latency_us", "edges", cJSON_Parse("[[0,1],[1330,2]]"), true);
	assert_int_equal(got->arms[ARM_V1].latency.count[0], 1);
	assert_int_equal(got->arms[ARM_V1].latency.count[1330], 2);
	try("arms.v1.", "latency_us", "empty", cJSON_CreateArray(), true);
	assert_true(got->arms[ARM_V1].has_latency);
	/* another layout is not guessed */
	try("", "latency_layout", "unknown", cJSON_CreateString("loglinear8/60s"), true);
	assert_false(got->arms[ARM_V1].has_latency);
	assert_int_equal(histogram_total(&got->arms[ARM_V1].latency), 0);
	try("", "latency_layout", "missing", NULL, true);
	assert_false(got->arms[ARM_V2].has_latency);
}

static void test_operations(void **state)
{
	char name[16];
	(void)state;
	cJSON *many = cJSON_CreateObject();
	for (int i = 0; i < OPERATIONS_MAX + 9; i++) {
		(void)snprintf(name, sizeof name, "op%d", i);
		cJSON_AddItemToObject(
			many, name, cJSON_Parse("{\"requests\":1,\"ok\":1,\"failed\":0}"));
	}
	try("arms.v1.", "operations", "many", many, true);
	assert_int_equal(got->arms[ARM_V1].operation_count, OPERATIONS_MAX);
	assert_int_equal(got->arms[ARM_V1].operations_dropped, 9);
	assert_int_equal(got->arms[ARM_V2].operations_dropped, 0);
	assert_string_equal(got->arms[ARM_V1].operations[OPERATIONS_MAX - 1].name, "op31");
	try("arms.v1.operations.", "echo", "null", cJSON_CreateNull(), false);
	try("arms.v1.operations.echo.", "failed", "missing", NULL, false);
	try("arms.v1.operations.echo.", "ok", "below", cJSON_CreateNumber(-1), false);
}

static void test_schema(void **state)
{
	static const struct {
		const char *schema;
		enum err_code code;
	} rows[] = {
		{"weir.pool/1", 0},
		{"weir.pool/1.7", 0},
		{"weir.pool/2", ERR_PROTOCOL},
		{"weir.pool/10", ERR_PROTOCOL},
		{"weir.pool/", ERR_PROTOCOL},
		{"other/1", ERR_PROTOCOL},
		{"", ERR_PROTOCOL},
	};
	struct err err;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cJSON *tree = example_tree();
		cJSON_ReplaceItemInObjectCaseSensitive(
			tree, "schema", cJSON_CreateString(rows[i].schema));
		assert_int_equal(fields_read(&document, tree, &err), rows[i].code);
		cJSON_Delete(tree);
	}
	try("", "schema", "missing", NULL, false);
	try("", "schema", "number", cJSON_CreateNumber(1), false);
	memset(&err, 0, sizeof err);
	assert_int_equal(wire_read_state(got, "[]", 2, &err), -1);
	assert_int_equal(err.code, ERR_DOCUMENT);
	memset(&err, 0, sizeof err);
	assert_int_equal(wire_read_state(got, "{\"seq\":1,\"Seq\":2}", 17, &err), -1);
	assert_int_equal(err.code, ERR_DUPLICATE);
}

static int setup(void **state)
{
	(void)state;
	got = mem_new(1, sizeof *got);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(got);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_there_and_back),
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_allowed_operations),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_histograms),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_schema),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
