/* Tests of client/wire: every field of the state document in every wrong form, and each of the
 * other documents there and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/wire.h"
#include "client/wire_state.h"
#include "model/mem.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		.hold = {.on = true, .actor = "alice@web1", .reason = "lunch", .age_ms = 5},
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

/* Reads a tree as a state document; the code of the error. */
static enum err_code read_tree(const cJSON *tree, struct snapshot *out, struct err *err)
{
	char *printed = cJSON_PrintUnformatted(tree);
	assert_non_null(printed);
	memset(err, 0, sizeof *err);
	int result = wire_read_state(out, printed, strlen(printed), err);
	assert_int_equal(result, err->code ? -1 : 0);
	free(printed);
	return err->code;
}

/* The object of the document that a path such as "arms.v1." names. */
static cJSON *descend(cJSON *tree, const char *path)
{
	char name[32];
	while (*path) {
		size_t len = strcspn(path, ".");
		memcpy(name, path, len);
		name[len] = '\0';
		tree = cJSON_GetObjectItemCaseSensitive(tree, name);
		assert_non_null(tree);
		path += len + 1;
	}
	return tree;
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
	assert_true(a->has_latency);
	assert_false(a->has_session_latency);
	assert_memory_equal(&a->latency, &s->arms[ARM_V2].latency, sizeof a->latency);
	assert_int_equal(a->operation_count, 2);
	assert_string_equal(a->operations[1].name, "pre^Idict");
	assert_non_null(strstr(text_str(&t), "\"operations\":[\"echo\",\"pre\\tdict\"]"));
	assert_non_null(strstr(text_str(&t), "\"guard\":null"));
	assert_non_null(strstr(text_str(&again), "\"rev\":43"));
	text_free(&t);
	text_free(&again);
	free(back);
	free(s);
}

/* ---- every field in every wrong form ---- */

/* Sets `name` of the object at `path` to `value` (NULL: removes it) and reads the document. The
 * result must be what `accepted` says, with the field named in a refusal. */
static void try(const char *path, const char *name, const char *what, cJSON *value,
	bool accepted, struct snapshot *out)
{
	cJSON *tree = example_tree(), *object = descend(tree, path);
	char full[128], quoted[140];
	struct err err;
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (value)
		cJSON_AddItemToObject(object, name, value);
	(void)snprintf(full, sizeof full, "%s%s", path, name);
	(void)snprintf(quoted, sizeof quoted, "\"%s\"", full);
	enum err_code code = read_tree(tree, out, &err);
	if (accepted && code != ERR_NONE)
		fail_msg("%s %s: refused: %s", full, what, err.text);
	if (!accepted && code != ERR_FIELD)
		fail_msg("%s %s: W%d, not W175", full, what, code);
	if (!accepted && !strstr(err.text, quoted))
		fail_msg("%s %s: not named: %s", full, what, err.text);
	cJSON_Delete(tree);
}

/* A field's value in C, seen through the document written again. */
static void expect_absent(
	const struct snapshot *s, const char *path, const struct wire_field *f)
{
	struct text t = {0};
	wire_write_state(&t, s);
	cJSON *tree = cJSON_Parse(text_str(&t));
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(descend(tree, path), f->name);
	assert_non_null(item);
	assert_true(f->kind == WIRE_BOOL ? cJSON_IsFalse(item) : cJSON_IsNull(item));
	cJSON_Delete(tree);
	text_free(&t);
}

static bool is_number(const struct wire_field *f)
{
	return f->kind == WIRE_INT || f->kind == WIRE_SHARE || f->kind == WIRE_REAL;
}

static bool is_text(const struct wire_field *f)
{
	return f->kind == WIRE_NAME || f->kind == WIRE_TEXT || f->kind == WIRE_LINE;
}

static void try_number(const char *path, const struct wire_field *f, struct snapshot *s)
{
	try(path, f->name, "min", cJSON_CreateNumber((double)f->min), true, s);
	try(path, f->name, "max", cJSON_CreateNumber((double)f->max), true, s);
	try(path, f->name, "below", cJSON_CreateNumber((double)f->min - 1), false, s);
	if (f->max < WIRE_INTEGER_MAX) /* beyond, the scanner refuses */
		try(path, f->name, "above", cJSON_CreateNumber((double)f->max + 1), false, s);
	try(path, f->name, "fraction", cJSON_CreateNumber(1.5), f->kind == WIRE_REAL, s);
	try(path, f->name, "huge", cJSON_CreateNumber(1.5e300), false, s);
	try(path, f->name, "digits in a string", cJSON_CreateString("5"), false, s);
}

static void try_text(const char *path, const struct wire_field *f, struct snapshot *s)
{
	char fits[512], longer[512];
	assert_true(f->size + 1 < sizeof fits);
	memset(fits, 'x', f->size - 1);
	fits[f->size - 1] = '\0';
	memset(longer, 'x', f->size);
	longer[f->size] = '\0';
	try(path, f->name, "longest", cJSON_CreateString(fits), true, s);
	try(path, f->name, "longer", cJSON_CreateString(longer), f->kind == WIRE_TEXT, s);
	try(path, f->name, "empty", cJSON_CreateString(""), !f->required, s);
	try(path, f->name, "escape", cJSON_CreateString("\x1b[2J"), f->kind != WIRE_NAME, s);
	try(path, f->name, "number", cJSON_CreateNumber(5), false, s);
}

static void test_every_field(void **state)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	(void)state;
	for (size_t i = 0; i < WIRE_STATE_TABLES; i++) {
		const struct wire_table *table = &wire_state_tables[i];
		for (const struct wire_field *f = table->fields; f < table->fields + table->count;
			 f++) {
			const char *path = table->path;
			try(path, f->name, "missing", NULL, !f->required, s);
			if (!f->required)
				expect_absent(s, path, f);
			try(path, f->name, "null", cJSON_CreateNull(), !f->required, s);
			if (!f->required)
				expect_absent(s, path, f);
			try(path, f->name, "array", cJSON_CreateArray(), false, s);
			try(path, f->name, "object", cJSON_CreateObject(), false, s);
			try(path, f->name, "true", cJSON_CreateTrue(), f->kind == WIRE_BOOL, s);
			if (is_number(f))
				try_number(path, f, s);
			if (is_text(f))
				try_text(path, f, s);
			if (f->kind == WIRE_STRATEGY)
				try(path, f->name, "unknown word", cJSON_CreateString("canari"), false, s);
		}
	}
	free(s);
}

static void test_parts(void **state)
{
	static const struct {
		const char *path, *name;
		bool required;
	} parts[] = {
		{"", "hold", false},
		{"", "change", false},
		{"change.", "v1", false},
		{"", "arms", true},
		{"arms.", "v1", true},
		{"arms.", "v2", true},
		{"arms.v1.", "workers", false},
		{"arms.v2.", "operations", false},
		{"arms.v1.", "failed", true},
		{"arms.v1.", "latency_us", false},
		{"arms.v1.", "session_latency_us", false},
	};
	struct snapshot *s = mem_new(1, sizeof *s);
	(void)state;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		try(parts[i].path, parts[i].name, "missing", NULL, !parts[i].required, s);
		try(parts[i].path, parts[i].name, "null", cJSON_CreateNull(), !parts[i].required, s);
		try(parts[i].path, parts[i].name, "string", cJSON_CreateString("x"), false, s);
		try(parts[i].path, parts[i].name, "number", cJSON_CreateNumber(1), false, s);
	}
	try("", "hold", "null", cJSON_CreateNull(), true, s);
	assert_false(s->hold.on);
	try("", "change", "null", cJSON_CreateNull(), true, s);
	assert_false(s->change.known);
	assert_int_equal(s->change.arms[ARM_V1].requests, UNKNOWN);
	try("", "something_new", "object", cJSON_Parse("{\"a\":[1]}"), true, s);
	free(s);
}

static void test_failures(void **state)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	(void)state;
	try("arms.v1.", "failed", "unknown", cJSON_Parse("{\"gremlin\":4,\"system\":1}"), true, s);
	assert_int_equal(s->arms[ARM_V1].failed[FAILURE_SYSTEM], 5);
	assert_int_equal(counts_failed(&s->arms[ARM_V1]), 5);
	try("arms.v1.failed.", "timeout", "null", cJSON_CreateNull(), false, s);
	try("arms.v1.failed.", "timeout", "below", cJSON_CreateNumber(-1), false, s);
	try("arms.v1.failed.", "timeout", "string", cJSON_CreateString("1"), false, s);
	/* a sum beyond what a field may hold */
	try("arms.v1.failed.", "gremlin", "sum", cJSON_CreateRaw("9007199254740991"), false, s);
	free(s);
}

static void test_histograms(void **state)
{
	static const char *const bad[] = {"[5]", "[[5]]", "[[5,1,2]]", "[[-1,1]]", "[[1331,1]]",
		"[[5,-1]]", "[[5,1.5]]", "[[\"5\",1]]", "[[5,null]]", "[[5,1],[5,1]]", "[[6,1],[5,1]]",
		"[{\"5\":1}]", "{}"};
	struct snapshot *s = mem_new(1, sizeof *s);
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		try("arms.v1.", "latency_us", bad[i], cJSON_Parse(bad[i]), false, s);
	try("arms.v1.", "latency_us", "edges", cJSON_Parse("[[0,1],[1330,2]]"), true, s);
	assert_int_equal(s->arms[ARM_V1].latency.count[0], 1);
	assert_int_equal(s->arms[ARM_V1].latency.count[1330], 2);
	try("arms.v1.", "latency_us", "empty", cJSON_CreateArray(), true, s);
	assert_true(s->arms[ARM_V1].has_latency);
	/* another layout is not guessed */
	try("", "latency_layout", "unknown", cJSON_CreateString("loglinear8/60s"), true, s);
	assert_false(s->arms[ARM_V1].has_latency);
	assert_int_equal(histogram_total(&s->arms[ARM_V1].latency), 0);
	try("", "latency_layout", "missing", NULL, true, s);
	assert_false(s->arms[ARM_V2].has_latency);
	free(s);
}

static void test_operations(void **state)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	char name[16];
	(void)state;
	cJSON *many = cJSON_CreateObject();
	for (int i = 0; i < OPERATIONS_MAX + 9; i++) {
		(void)snprintf(name, sizeof name, "op%d", i);
		cJSON_AddItemToObject(
			many, name, cJSON_Parse("{\"requests\":1,\"ok\":1,\"failed\":0}"));
	}
	try("arms.v1.", "operations", "many", many, true, s);
	assert_int_equal(s->arms[ARM_V1].operation_count, OPERATIONS_MAX);
	assert_string_equal(s->arms[ARM_V1].operations[OPERATIONS_MAX - 1].name, "op31");
	try("arms.v1.operations.", "echo", "null", cJSON_CreateNull(), false, s);
	try("arms.v1.operations.echo.", "failed", "missing", NULL, false, s);
	try("arms.v1.operations.echo.", "ok", "below", cJSON_CreateNumber(-1), false, s);
	free(s);
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
	struct snapshot *s = mem_new(1, sizeof *s);
	struct err err;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cJSON *tree = example_tree();
		cJSON_ReplaceItemInObjectCaseSensitive(
			tree, "schema", cJSON_CreateString(rows[i].schema));
		assert_int_equal(read_tree(tree, s, &err), rows[i].code);
		cJSON_Delete(tree);
	}
	try("", "schema", "missing", NULL, false, s);
	try("", "schema", "number", cJSON_CreateNumber(1), false, s);
	memset(&err, 0, sizeof err);
	assert_int_equal(wire_read_state(s, "[]", 2, &err), -1);
	assert_int_equal(err.code, ERR_DOCUMENT);
	memset(&err, 0, sizeof err);
	assert_int_equal(wire_read_state(s, "{\"seq\":1,\"Seq\":2}", 17, &err), -1);
	assert_int_equal(err.code, ERR_DUPLICATE);
	free(s);
}

/* ---- commands and answers ---- */

static void test_command(void **state)
{
	struct command c = {.id = "k1",
		.verb = VERB_STEP,
		.from_bp = 100,
		.to_bp = 1000,
		.strategy = STRATEGY_CANARY,
		.epoch = 7,
		.rev = 43,
		.actor = "al\"ice@web1",
		.reason = "go\non",
		.plan_hash = "abc",
		.history_head = "ff"};
	struct control_request r;
	struct text t = {0};
	struct err err = {0};
	(void)state;
	wire_write_command(&t, &c);
	assert_int_equal(wire_read_change(&r, VERB_STEP, t.data, t.len, &err), 0);
	assert_int_equal(r.verb, VERB_STEP);
	assert_int_equal(r.from_bp, 100);
	assert_int_equal(r.to_bp, 1000);
	assert_int_equal(r.strategy, STRATEGY_CANARY);
	assert_string_equal(r.actor, "al\"ice@web1");
	assert_string_equal(r.reason, "go^Jon");
	assert_string_equal(r.plan_hash, "abc");
	assert_false(r.has_match);
	text_clear(&t);
	c.verb = VERB_ROLLBACK;
	wire_write_command(&t, &c);
	assert_null(strstr(text_str(&t), "to_bp"));
	assert_int_equal(wire_read_change(&r, VERB_ROLLBACK, t.data, t.len, &err), 0);
	assert_int_equal(r.to_bp, -1);
	assert_int_equal(r.strategy, STRATEGY_COUNT);
	text_free(&t);
}

static void test_bad_change(void **state)
{
	static const struct {
		const char *body, *field;
	} rows[] = {
		{"{\"actor\":\"a\"}", "to_bp"},
		{"{\"to_bp\":null,\"actor\":\"a\"}", "to_bp"},
		{"{\"to_bp\":\"50\",\"actor\":\"a\"}", "to_bp"},
		{"{\"to_bp\":-1,\"actor\":\"a\"}", "to_bp"},
		{"{\"to_bp\":10001,\"actor\":\"a\"}", "to_bp"},
		{"{\"to_bp\":0.5,\"actor\":\"a\"}", "to_bp"},
		{"{\"to_bp\":100}", "actor"},
		{"{\"to_bp\":100,\"actor\":\"\"}", "actor"},
		{"{\"to_bp\":100,\"actor\":7}", "actor"},
		{"{\"to_bp\":100,\"actor\":\"a\",\"strategy\":\"cannary\"}", "strategy"},
		{"{\"to_bp\":100,\"actor\":\"a\",\"plan_hash\":\"../x\"}", "plan_hash"},
		{"{\"to_bp\":100,\"actor\":\"a\",\"from_bp\":99999}", "from_bp"},
	};
	struct control_request r;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = {0};
		assert_int_equal(
			wire_read_change(&r, VERB_STEP, rows[i].body, strlen(rows[i].body), &err), -1);
		assert_int_equal(err.code, ERR_FIELD);
		assert_non_null(strstr(err.text, rows[i].field));
	}
	/* a rollback takes what is at hand */
	assert_int_equal(wire_read_change(&r, VERB_ROLLBACK, "{}", 2, NULL), 0);
	assert_string_equal(r.actor, "unknown");
	assert_int_equal(wire_read_change(&r, VERB_ROLLBACK, "", 0, NULL), -1);
}

static void test_answer(void **state)
{
	struct control_answer a = {.status = 200,
		.epoch = 8,
		.rev = 44,
		.share_bp = 0,
		.durable = false,
		.replayed = true};
	struct answer back;
	struct text t = {0};
	struct err err = {0};
	(void)state;
	wire_write_answer(&t, &a);
	assert_int_equal(wire_read_answer(&back, 200, t.data, t.len, &err), 0);
	assert_int_equal(back.kind, ANSWER_APPLIED);
	assert_int_equal(back.epoch, 8);
	assert_int_equal(back.rev, 44);
	assert_int_equal(back.share_bp, 0);
	assert_true(back.replayed);
	assert_false(back.durable);

	a = (struct control_answer){.status = 412,
		.error = "conflict",
		.message = "look again",
		.epoch = 8,
		.rev = 45,
		.share_bp = 2500,
		.changed_by = "bob@web2",
		.changed_age_ms = 900};
	text_clear(&t);
	wire_write_answer(&t, &a);
	assert_int_equal(wire_read_answer(&back, 412, t.data, t.len, &err), 0);
	assert_int_equal(back.kind, ANSWER_REFUSED);
	assert_int_equal(back.err.code, ERR_CHANGED);
	assert_non_null(strstr(back.err.text, "look again"));
	assert_string_equal(back.changed_by, "bob@web2");
	assert_int_equal(back.changed_age_ms, 900);
	assert_int_equal(back.share_bp, 2500);
	text_free(&t);

	/* a pool without a store does not say durable; one that says it wrongly is refused */
	static const char plain[] = "{\"epoch\":1,\"rev\":2,\"share_bp\":3}";
	assert_int_equal(wire_read_answer(&back, 200, plain, sizeof plain - 1, &err), 0);
	assert_true(back.durable);
	static const char wrong[] = "{\"epoch\":1,\"rev\":2,\"share_bp\":3,\"durable\":1}";
	assert_int_equal(wire_read_answer(&back, 200, wrong, sizeof wrong - 1, &err), -1);
	static const char *const bad[] = {"", "ok", "{}", "{\"epoch\":1,\"rev\":2}",
		"{\"epoch\":1,\"rev\":2,\"share_bp\":10001}", "{\"epoch\":1,\"rev\":2,\"share_bp\":3"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(wire_read_answer(&back, 200, bad[i], strlen(bad[i]), &err), -1);
		assert_int_equal(back.kind, ANSWER_LOST);
	}
	assert_int_equal(wire_read_answer(&back, 204, "", 0, &err), -1);
}

static void test_refusals(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum answer_kind kind;
		enum err_code code;
	} rows[] = {
		{401, "<html>", ANSWER_REFUSED, ERR_UNAUTHORISED},
		{403, "", ANSWER_REFUSED, ERR_READ_ONLY},
		{404, "not here", ANSWER_REFUSED, ERR_PROTOCOL},
		{428, "{\"error\":\"no_match\"}", ANSWER_REFUSED, ERR_PROTOCOL},
		{409, "{\"error\":\"held\",\"message\":\"held by al\"}", ANSWER_REFUSED, ERR_HELD},
		{409, "{\"error\":\"in_progress\"}", ANSWER_LOST, ERR_UNRESOLVED},
		{409, "{}", ANSWER_REFUSED, ERR_CHANGED},
		{410, "", ANSWER_REFUSED, ERR_FINALIZED},
		{422, "{\"error\":\"void\"}", ANSWER_REFUSED, ERR_VOID},
		{422, "{\"error\":\"limit\"}", ANSWER_REFUSED, ERR_LIMIT},
		{423, "", ANSWER_REFUSED, ERR_LEASE},
		{429, "", ANSWER_REFUSED, ERR_PROTOCOL},
		{500, "{\"error\":\"boom\"}", ANSWER_LOST, ERR_UNRESOLVED},
		{502, "<html>", ANSWER_LOST, ERR_UNRESOLVED},
		{507, "", ANSWER_LOST, ERR_UNRESOLVED},
		{507, "{\"error\":\"not_stored\"}", ANSWER_REFUSED, ERR_DISK},
	};
	struct answer back;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(
			wire_read_answer(&back, rows[i].status, rows[i].body, strlen(rows[i].body), NULL),
			0);
		assert_int_equal(back.kind, rows[i].kind);
		assert_int_equal(back.err.code, rows[i].code);
		assert_int_equal(back.epoch, UNKNOWN);
		assert_int_equal(back.share_bp, -1);
	}
}

static void test_intent(void **state)
{
	static const struct {
		enum intent_fate fate;
		enum answer_kind kind;
	} rows[] = {{INTENT_UNKNOWN, ANSWER_LOST}, {INTENT_APPLIED, ANSWER_APPLIED},
		{INTENT_SUPERSEDED, ANSWER_SUPERSEDED}, {INTENT_VOID, ANSWER_VOID}};
	const struct control_answer a = {.status = 200, .epoch = 7, .rev = 43, .share_bp = 1000};
	struct answer back;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct text t = {0};
		bool has_share = rows[i].kind == ANSWER_APPLIED || rows[i].kind == ANSWER_SUPERSEDED;
		wire_write_intent(&t, "k1", rows[i].fate, &a);
		assert_int_equal(wire_read_intent(&back, t.data, t.len, NULL), 0);
		assert_int_equal(back.kind, rows[i].kind);
		assert_int_equal(back.rev, has_share ? 43 : UNKNOWN);
		assert_int_equal(back.share_bp, has_share ? 1000 : -1);
		text_free(&t);
	}
	struct err err = {0};
	assert_int_equal(wire_read_intent(&back, "{\"fate\":\"maybe\"}", 16, &err), -1);
	assert_int_equal(err.code, ERR_FIELD);
	assert_int_equal(back.kind, ANSWER_LOST);
	assert_int_equal(wire_read_intent(&back, "{}", 2, &err), -1);
}

static void test_audit(void **state)
{
	const struct audit_entry entries[2] = {
		{.seq = 1,
			.what = "step",
			.from_bp = 0,
			.to_bp = 100,
			.epoch = 7,
			.rev = 1,
			.key = "k1",
			.actor = "alice",
			.reason = "\xC3\xA9",
			.age_ms = 10},
		{.seq = 2,
			.what = "rollback",
			.from_bp = 100,
			.to_bp = 0,
			.epoch = 8,
			.rev = 2,
			.actor = "pool",
			.age_ms = 5},
	};
	struct audit_entry back[2];
	size_t count;
	struct text t = {0};
	(void)state;
	wire_write_audit(&t, entries, 2);
	assert_int_equal(wire_read_audit(back, 2, &count, t.data, t.len, NULL), 0);
	assert_int_equal(count, 2);
	assert_string_equal(back[0].reason, "\xC3\xA9");
	assert_int_equal(back[1].epoch, 8);
	assert_string_equal(back[1].key, "");
	assert_int_equal(wire_read_audit(back, 1, &count, t.data, t.len, NULL), 0);
	assert_int_equal(count, 1);
	text_clear(&t);
	wire_write_audit(&t, NULL, 0);
	assert_string_equal(text_str(&t), "{\"entries\":[]}");
	assert_int_equal(wire_read_audit(back, 2, &count, t.data, t.len, NULL), 0);
	assert_int_equal(count, 0);
	text_free(&t);
	static const char *const bad[] = {"{}", "{\"entries\":{}}", "{\"entries\":[1]}",
		"{\"entries\":[{\"seq\":1}]}", "{\"entries\":null}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err err = {0};
		assert_int_equal(wire_read_audit(back, 2, &count, bad[i], strlen(bad[i]), &err), -1);
		assert_int_equal(err.code, ERR_FIELD);
	}
}

static void test_execute(void **state)
{
	static const char whole[] = "{\"operation\":\"spin\",\"session\":\"s 1\",\"key\":\"k\","
								"\"payload\": {\"a\" : [1, 9007199254740991,\n\"x \\\" "
								"y\\\\\"]} ,\"work_us\":50,\"timeout_ms\":100}";
	static const char least[] = "{\"operation\":\"echo\"}";
	struct engine_request r;
	struct err err = {0};
	struct text t = {0};
	(void)state;
	assert_int_equal(wire_read_execute(&r, whole, sizeof whole - 1, &err), 0);
	assert_string_equal(r.operation, "spin");
	assert_string_equal(r.session, "s 1");
	assert_string_equal(r.id, "k");
	assert_string_equal(r.payload, "{\"a\":[1,9007199254740991,\"x \\\" y\\\\\"]}");
	assert_int_equal(r.work_us, 50);
	assert_int_equal(r.timeout_ms, 100);
	assert_int_equal(wire_read_execute(&r, least, sizeof least - 1, &err), 0);
	assert_string_equal(r.payload, "");
	assert_int_equal(r.work_us, UNKNOWN);
	assert_int_equal(r.timeout_ms, 0);
	static const char *const bad[] = {"{}", "{\"operation\":\"\"}", "{\"operation\":\"a b\"}",
		"{\"operation\":\"echo\",\"timeout_ms\":0}",
		"{\"operation\":\"echo\",\"timeout_ms\":1e9}", "{\"operation\":\"echo\",\"session\":5}",
		"{\"operation\":\"echo\",\"p\\u0061yload\":5}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(wire_read_execute(&r, bad[i], strlen(bad[i]), &err), -1);
	text_add(&t, "{\"operation\":\"echo\",\"payload\":\"");
	for (int i = 0; i < ENGINE_PAYLOAD_MAX - 2; i++)
		text_add(&t, "x");
	text_add(&t, "\"}");
	assert_int_equal(wire_read_execute(&r, t.data, t.len, &err), -1);
	assert_non_null(strstr(err.text, "payload"));

	static struct engine_response response = {.status = ENGINE_OK,
		.ok = true,
		.arm = ARM_V2,
		.result = "{\"x\":1}",
		.latency_us = 12};
	text_clear(&t);
	wire_write_execute(&t, &response);
	assert_string_equal(
		text_str(&t), "{\"ok\":true,\"arm\":\"v2\",\"result\":{\"x\":1},\"latency_us\":12}");
	text_copy(response.result, sizeof response.result, "{\"x\":1},\"arm\":\"v1\"");
	text_clear(&t);
	wire_write_execute(&t, &response);
	assert_non_null(strstr(text_str(&t), "\"result\":\"{\\\"x\\\":1},"));
	response = (struct engine_response){.status = ENGINE_TIMEOUT,
		.failure = FAILURE_TIMEOUT,
		.message = "late",
		.latency_us = UNKNOWN};
	text_clear(&t);
	wire_write_execute(&t, &response);
	assert_string_equal(text_str(&t),
		"{\"ok\":false,\"arm\":\"v1\",\"error\":{\"category\":"
		"\"timeout\",\"message\":\"late\"},\"latency_us\":null}");
	text_free(&t);
}

static void test_fault(void **state)
{
	static const char whole[] =
		"{\"arm\":\"v2\",\"error_rate\":0.25,\"slow_factor\":3,"
		"\"latency_add_us\":50,\"hang\":true,\"operation\":\"predict\",\"lie\":true}";
	struct fault f;
	enum arm arm;
	struct err err = {0};
	(void)state;
	assert_int_equal(wire_read_fault(&arm, &f, whole, sizeof whole - 1, &err), 0);
	assert_int_equal(arm, ARM_V2);
	assert_true(f.error_rate == 0.25 && f.slow_factor == 3.0 && f.hang);
	assert_int_equal(f.latency_add_us, 50);
	assert_string_equal(f.operation, "predict");
	assert_int_equal(wire_read_fault(&arm, &f, "{\"arm\":\"v1\"}", 12, &err), 0);
	assert_int_equal(arm, ARM_V1);
	assert_true(
		f.error_rate == 0.0 && f.slow_factor == 0.0 && !f.hang && f.latency_add_us == 0);
	static const char *const bad[] = {"{}", "{\"arm\":\"v3\"}", "{\"arm\":1}",
		"{\"arm\":\"v1\",\"error_rate\":1.01}", "{\"arm\":\"v1\",\"error_rate\":-0.1}",
		"{\"arm\":\"v1\",\"slow_factor\":0.5}", "{\"arm\":\"v1\",\"hang\":1}",
		"{\"arm\":\"v1\",\"latency_add_us\":-1}"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		memset(&err, 0, sizeof err);
		assert_int_equal(wire_read_fault(&arm, &f, bad[i], strlen(bad[i]), &err), -1);
		assert_int_equal(err.code, ERR_FIELD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_state_there_and_back),
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_histograms),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_schema),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_bad_change),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_intent),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_execute),
		cmocka_unit_test(test_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
