/* Rows 22 to 30 of the fault catalogue: documents that are broken, ambiguous or out of range,
 * straight into the reader and through a socket to a desk; and the scanner against a second one
 * that was written on its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/scan.h"
#include "client/wire.h"
#include "client/wire_tables.h"
#include "model/mem.h"
#include "tests/lib/hostile.h"
#include "tests/lib/process.h"
#include "tests/lib/real.h"
#include "tests/lib/scanner.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 15000
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

/* ---- a good document ---- */

static struct snapshot *example(void)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	text_copy(s->pool_id, sizeof s->pool_id, "shop-1");
	text_copy(s->pool, sizeof s->pool, "checkout");
	text_copy(s->node, sizeof s->node, "node-a");
	text_copy(s->node_id, sizeof s->node_id, "id-a");
	text_copy(s->boot_id, sizeof s->boot_id, "boot-a");
	text_copy(s->build, sizeof s->build, "1.0");
	text_copy(s->audit_head, sizeof s->audit_head, "0");
	s->seq = 7;
	s->epoch = 3;
	s->rev = 4;
	s->strategy = STRATEGY_CANARY;
	s->share_bp = 1000;
	s->hold.on = s->change.known = true;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_counts *a = &s->arms[arm];
		a->requests = a->ok = 10;
		a->has_latency = true;
		histogram_add(&a->latency, 20000, 10);
		text_copy(a->operations[0].name, sizeof a->operations[0].name, "pay");
		a->operation_count = 1;
	}
	return s;
}

static char *example_text(void)
{
	struct text t = {0};
	struct snapshot *s = example();
	wire_write_state(&t, s);
	free(s);
	return text_take(&t);
}

static enum err_code read_text(const char *body, struct snapshot *out, struct err *err)
{
	*err = (struct err){0};
	int result = wire_read_state(out, body, strlen(body), err);
	assert_int_equal(result == 0, err->code == ERR_NONE);
	return err->code;
}

/* The good document with one raw value, read. */
static enum err_code read_with(const char *member, const char *value, struct snapshot *out)
{
	struct err err;
	char *good = example_text(), *body = hostile_replaced(good, member, value);
	assert_string_not_equal(good, body);
	enum err_code code = read_text(body, out, &err);
	free(good);
	free(body);
	return code;
}

static void check_values(
	const char *member, const char *const *values, size_t count, const enum err_code *codes)
{
	struct snapshot *s = mem_new(1, sizeof *s);
	for (size_t i = 0; i < count; i++) {
		enum err_code code = read_with(member, values[i], s);
		if (code != codes[i])
			fail_msg("%s %s: %s", member, values[i], err_name(code));
	}
	free(s);
}

/* ---- through a socket ---- */

/* A desk, a hostile server and a real pool behind it. */
struct fixture {
	struct real r;
	struct hostile *server;
};

static int set_up(void **state)
{
	static struct fixture f;
	char socket[160];
	memset(&f, 0, sizeof f);
	real_init(&f.r);
	real_serve(&f.r, 0, 1000);
	real_socket(&f.r, 0, socket, sizeof socket);
	f.server = hostile_start(HOSTILE_ANSWER, NULL);
	hostile_pool(f.server, socket);
	real_desk(&f.r, "alice@web1");
	const char *target = hostile_target(f.server);
	real_add(&f.r, "checkout", &target, 1, NULL);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	real_close(&f->r);
	hostile_stop(f->server);
	real_release(&f->r);
	return 0;
}

static const struct node *node(const struct fixture *f)
{
	return real_node(&f->r, 0, 0);
}

static bool is_live(const struct fixture *f)
{
	return real_standing(&f->r, 0)->freshness == FRESHNESS_LIVE &&
		node(f)->trouble.code == ERR_NONE;
}

/* What the desk makes of such a document: the code, nothing of it believed, steps locked as soon
 * as the last good one is old, a rollback open; and LIVE by itself when it is good again. */
static void check_refused(struct fixture *f, enum hostile_mode mode, enum err_code code)
{
	char build[POOL_NAME_MAX];
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	text_copy(build, sizeof build, node(f)->last->build);
	hostile_set_mode(f->server, mode);
	REAL_UNTIL(&f->r, WAIT_MS, node(f)->trouble.code != ERR_NONE);
	if (node(f)->trouble.code != code)
		fail_msg("%s: %s %s", hostile_name(mode), err_name(node(f)->trouble.code),
			node(f)->trouble.text);
	assert_non_null(strstr(node(f)->trouble.text, hostile_target(f->server)));
	assert_int_equal(node(f)->last->share_bp, 1000);
	assert_string_equal(node(f)->last->build, build);
	real_skip(&f->r, 4 * REAL_INTERVAL_MS);
	REAL_UNTIL(&f->r, WAIT_MS, real_standing(&f->r, 0)->freshness != FRESHNESS_LIVE);
	assert_int_equal(real_act(&f->r, 0, VERB_STEP, 2500).status, ACT_REFUSED);
	struct act_request back = {.verb = VERB_ROLLBACK};
	struct act_result out;
	desk_judge(f->r.desk, &back, &out);
	assert_int_equal(out.status, ACT_BEGUN);
	hostile_set_mode(f->server, HOSTILE_ANSWER);
	real_skip(&f->r, 60000);
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	assert_int_equal(real_audit_seq(&f->r, 0), 0);
}

/* ---- 22: numbers that are none ---- */

static void row_22_bad_numbers(void **state)
{
	(void)state;
	/* A word where a number belongs is no JSON; whatever it is, the document is refused. */
	static const char *const values[] = {"NaN", "Infinity", "-Infinity", "nan", "1e999",
		"-1e999", "1.8e308", "1e308", "1e-400", "0.5", "-0", "-0.0"};
	static const enum err_code codes[] = {ERR_DOCUMENT, ERR_DOCUMENT, ERR_DOCUMENT,
		ERR_DOCUMENT, ERR_NUMBER, ERR_NUMBER, ERR_NUMBER, ERR_FIELD, ERR_NONE, ERR_FIELD,
		ERR_NONE, ERR_NONE};
	check_values("uptime_ms", values, LENGTH(values), codes);
	check_values("seq", values, LENGTH(values), codes);
}

static void row_22_through_a_socket(void **state)
{
	check_refused(*state, HOSTILE_NAN, ERR_DOCUMENT);
	check_refused(*state, HOSTILE_INFINITE, ERR_DOCUMENT);
	check_refused(*state, HOSTILE_OVERFLOW, ERR_NUMBER);
	check_refused(*state, HOSTILE_LARGE, ERR_FIELD);
}

/* ---- 23: integers beyond their place ---- */

static void row_23_integers(void **state)
{
	(void)state;
	static const char *const values[] = {"9007199254740991", "9007199254740992",
		"9007199254740993", "-9007199254740992", "18446744073709551616",
		"1111111111222222222233333333334444444444555555555566666666667777", "-1", "-5", "007",
		"0x10", "1.", "+1"};
	static const enum err_code codes[] = {ERR_NONE, ERR_INTEGER, ERR_INTEGER, ERR_INTEGER,
		ERR_INTEGER, ERR_INTEGER, ERR_FIELD, ERR_FIELD, ERR_DOCUMENT, ERR_DOCUMENT,
		ERR_DOCUMENT, ERR_DOCUMENT};
	check_values("seq", values, LENGTH(values), codes);
	struct snapshot *s = mem_new(1, sizeof *s);
	assert_int_equal(read_with("seq", values[0], s), ERR_NONE);
	assert_true(s->seq == (INT64_C(1) << 53) - 1); /* exact, not rounded, not saturated */
	free(s);
}

static void row_23_through_a_socket(void **state)
{
	check_refused(*state, HOSTILE_BEYOND_53, ERR_INTEGER);
	check_refused(*state, HOSTILE_DIGITS_64, ERR_INTEGER);
	check_refused(*state, HOSTILE_NEGATIVE, ERR_FIELD);
	check_refused(*state, HOSTILE_FRACTION, ERR_FIELD);
	check_refused(*state, HOSTILE_OCTAL, ERR_DOCUMENT);
}

/* ---- 24: depth ---- */

#if defined(__SANITIZE_ADDRESS__)
#define SMALL_STACK (256 * 1024) /* its frames are larger */
#else
#define SMALL_STACK (64 * 1024)
#endif

/* `depth` levels of `open` and `close` as the value of an unknown member. */
static char *nested(int depth, const char *open, const char *close)
{
	struct text t = {0};
	char *good = example_text();
	text_add(&t, "{\"unknown\":");
	for (int i = 0; i < depth; i++)
		text_add(&t, open);
	text_add(&t, "0");
	for (int i = 0; i < depth; i++)
		text_add(&t, close);
	text_addf(&t, ",%s", good + 1);
	free(good);
	return text_take(&t);
}

static void *read_deep(void *ctx)
{
	static const struct {
		int depth;
		enum err_code code;
	} rows[] = {{31, ERR_NONE}, {32, ERR_DEPTH}, {1050, ERR_DEPTH}, {100000, ERR_DEPTH}};
	struct snapshot *s = mem_new(1, sizeof *s);
	bool *good = ctx;
	struct err err;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		char *arrays = nested(rows[i].depth, "[", "]");
		char *objects = nested(rows[i].depth, "{\"a\":", "}");
		*good &= read_text(arrays, s, &err) == rows[i].code;
		*good &= read_text(objects, s, &err) == rows[i].code;
		free(arrays);
		free(objects);
	}
	free(s);
	return NULL;
}

/* On a stack that recursion would end. */
static void row_24_depth(void **state)
{
	(void)state;
	pthread_attr_t small;
	pthread_t thread;
	bool good = true;
	pthread_attr_init(&small);
	assert_int_equal(pthread_attr_setstacksize(&small, SMALL_STACK), 0);
	assert_int_equal(pthread_create(&thread, &small, read_deep, &good), 0);
	pthread_attr_destroy(&small);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(good);
}

static void row_24_through_a_socket(void **state)
{
	check_refused(*state, HOSTILE_DEEP, ERR_DEPTH);
}

/* ---- 25: one key, two values ---- */

static void row_25_duplicates(void **state)
{
	(void)state;
	static const char *const values[] = {"5,\"share_bp\":9500", "5,\"SHARE_BP\":9500",
		"5,\"Share_Bp\":9500", "5,\"\\u0073hare_bp\":9500", "5,\"x\":{\"k\":1,\"k\":1}",
		"5,\"x\":[{\"k\":1},{\"k\":2}]", "5,\"share-bp\":9500"};
	static const enum err_code codes[] = {ERR_DUPLICATE, ERR_DUPLICATE, ERR_DUPLICATE,
		ERR_DUPLICATE, ERR_DUPLICATE, ERR_NONE, ERR_NONE};
	check_values("share_bp", values, LENGTH(values), codes);
}

static void row_25_through_a_socket(void **state)
{
	check_refused(*state, HOSTILE_DUPLICATE, ERR_DUPLICATE);
	check_refused(*state, HOSTILE_CASE_TWIN, ERR_DUPLICATE);
	check_refused(*state, HOSTILE_ESCAPED_TWIN, ERR_DUPLICATE);
}

/* ---- 26: not one document ---- */

static void row_26_not_one(void **state)
{
	(void)state;
	static const enum hostile_mode modes[] = {HOSTILE_TRAILING, HOSTILE_BOM, HOSTILE_EMPTY,
		HOSTILE_BLANK, HOSTILE_ARRAY, HOSTILE_NOTHING};
	struct snapshot *s = mem_new(1, sizeof *s);
	struct err err;
	char *good = example_text();
	for (size_t i = 0; i < LENGTH(modes); i++) {
		char *body = hostile_spoilt(modes[i], good);
		if (read_text(body, s, &err) != ERR_DOCUMENT)
			fail_msg("%s: %s %s", hostile_name(modes[i]), err_name(err.code), err.text);
		free(body);
	}
	/* Cut at any byte it is none. */
	size_t len = strlen(good);
	for (size_t n = 0; n < len; n++)
		assert_int_not_equal(wire_read_state(s, good, n, &err), 0);
	assert_int_equal(wire_read_state(s, good, len, &err), 0);
	free(good);
	free(s);
}

static void row_26_through_a_socket(void **state)
{
	static const enum hostile_mode modes[] = {HOSTILE_TRAILING, HOSTILE_BOM, HOSTILE_EMPTY,
		HOSTILE_BLANK, HOSTILE_ARRAY, HOSTILE_NOTHING, HOSTILE_TWO_DOCUMENTS,
		HOSTILE_TRUNCATED_OPEN};
	for (size_t i = 0; i < LENGTH(modes); i++)
		check_refused(*state, modes[i], ERR_DOCUMENT);
	check_refused(*state, HOSTILE_TRUNCATED, ERR_UNREACHABLE); /* its length gave it away */
}

/* ---- 27: bytes that are no text ---- */

static void row_27_text(void **state)
{
	(void)state;
	static const char *const values[] = {"\"\xff\"", "\"\xc0\xaf\"", "\"\xe0\x80\xaf\"",
		"\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\\ud800\"", "\"\\udc00\"",
		"\"\\ud800\\u0041\"", "\"a\\u0000b\"", "\"\x1b[2J\"", "\"a\nb\"", "\"\\ud83d\\ude00\"",
		"\"\xf0\x9f\x98\x80\"", "\"\\u001b[2J\""};
	static const enum err_code codes[] = {ERR_UTF8, ERR_UTF8, ERR_UTF8, ERR_UTF8, ERR_UTF8,
		ERR_UTF8, ERR_UTF8, ERR_UTF8, ERR_UTF8, ERR_DOCUMENT, ERR_DOCUMENT, ERR_NONE, ERR_NONE,
		ERR_NONE};
	check_values("build", values, LENGTH(values), codes);
	/* What is well written and badly meant is made visible; a name must be one. */
	struct snapshot *s = mem_new(1, sizeof *s);
	assert_int_equal(read_with("build", "\"ok\\r\\u001b[2J\\u202eXX\"", s), ERR_NONE);
	for (const char *c = s->build; *c; c++)
		assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
	assert_null(strstr(s->build, "\xe2\x80\xae"));
	assert_int_equal(read_with("pool_id", "\"ok\\u001b[2J\"", s), ERR_FIELD);
	assert_int_equal(read_with("pool_id", "\"p\\u0430y\"", s), ERR_FIELD);
	free(s);
}

static void row_27_through_a_socket(void **state)
{
	struct fixture *f = *state;
	check_refused(f, HOSTILE_NOT_UTF8, ERR_UTF8);
	check_refused(f, HOSTILE_OVERLONG, ERR_UTF8);
	check_refused(f, HOSTILE_SURROGATE, ERR_UTF8);
	check_refused(f, HOSTILE_NUL_ESCAPE, ERR_UTF8);
	check_refused(f, HOSTILE_RAW_ESCAPE, ERR_DOCUMENT);
	hostile_set_mode(f->server, HOSTILE_SPOOF);
	REAL_UNTIL(&f->r, WAIT_MS, strstr(node(f)->last->build, "hello") != NULL);
	for (const char *c = node(f)->last->build; *c; c++)
		assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
}

/* ---- 28: every field in every wrong form ---- */

/* The object at "a.b." in the tree; made where there is none. */
static cJSON *descend(cJSON *tree, const char *path)
{
	char name[32];
	for (const char *at = path; *at; at += strlen(name) + 1) {
		snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "."), at);
		cJSON *inner = cJSON_GetObjectItemCaseSensitive(tree, name);
		if (!cJSON_IsObject(inner)) {
			cJSON_DeleteItemFromObjectCaseSensitive(tree, name);
			inner = cJSON_AddObjectToObject(tree, name);
		}
		tree = inner;
	}
	return tree;
}

static cJSON *good_value(const struct wire_field *f)
{
	switch (f->kind) {
	case WIRE_BOOL:
		return cJSON_CreateTrue();
	case WIRE_NAME:
	case WIRE_TEXT:
	case WIRE_LINE:
		return cJSON_CreateString("abc");
	case WIRE_WORD:
		return cJSON_CreateString(f->words->word[f->min]);
	default:
		return cJSON_CreateNumber((double)f->min);
	}
}

/* The good document with every row of every table said. */
static cJSON *full_tree(void)
{
	char *text = example_text();
	cJSON *tree = cJSON_Parse(text);
	for (size_t i = 0; i < WIRE_STATE_TABLES; i++) {
		const struct wire_table *t = &wire_state_tables[i];
		cJSON *object = descend(tree, t->path);
		for (size_t k = 0; k < t->count; k++) {
			const cJSON *said = cJSON_GetObjectItemCaseSensitive(object, t->fields[k].name);
			if (said && !cJSON_IsNull(said))
				continue;
			cJSON_DeleteItemFromObjectCaseSensitive(object, t->fields[k].name);
			cJSON_AddItemToObject(object, t->fields[k].name, good_value(&t->fields[k]));
		}
	}
	free(text);
	return tree;
}

static void try(const struct wire_table *table, const struct wire_field *f, const char *what,
	cJSON *value, bool good)
{
	static struct snapshot s;
	struct err err;
	char name[160];
	cJSON *tree = full_tree(), *object = descend(tree, table->path);
	cJSON_DeleteItemFromObjectCaseSensitive(object, f->name);
	if (value)
		cJSON_AddItemToObject(object, f->name, value);
	char *body = cJSON_PrintUnformatted(tree);
	snprintf(name, sizeof name, "\"%s%s\"", table->path, f->name);
	enum err_code code = read_text(body, &s, &err);
	if (code != (good ? ERR_NONE : ERR_FIELD) || (!good && !strstr(err.text, name)))
		fail_msg("%s %s: %s %s", name, what, err_name(code), err.text);
	cJSON_free(body);
	cJSON_Delete(tree);
}

static void row_28_every_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < WIRE_STATE_TABLES; i++) {
		const struct wire_table *t = &wire_state_tables[i];
		for (const struct wire_field *f = t->fields; f < t->fields + t->count; f++) {
			bool text = f->kind == WIRE_NAME || f->kind == WIRE_TEXT || f->kind == WIRE_LINE;
			bool number = f->kind == WIRE_INT || f->kind == WIRE_SHARE;
			try(t, f, "good", good_value(f), true);
			try(t, f, "missing", NULL, !f->required);
			try(t, f, "null", cJSON_CreateNull(), !f->required);
			try(t, f, "array", cJSON_CreateArray(), false);
			try(t, f, "object", cJSON_CreateObject(), false);
			try(t, f, "number", cJSON_CreateNumber(1), number);
			try(t, f, "bool", cJSON_CreateFalse(), f->kind == WIRE_BOOL);
			try(t, f, "digits in a string", cJSON_CreateString("50"), text);
			if (!number)
				continue;
			try(t, f, "min", cJSON_CreateNumber((double)f->min), true);
			try(t, f, "max", cJSON_CreateNumber((double)f->max), true);
			try(t, f, "below", cJSON_CreateNumber((double)f->min - 1), false);
			try(t, f, "half", cJSON_CreateNumber((double)f->min + 0.5), false);
			if (f->max < WIRE_INTEGER_MAX) /* beyond it the scanner refuses */
				try(t, f, "above", cJSON_CreateNumber((double)f->max + 1), false);
		}
	}
}

static void row_28_through_a_socket(void **state)
{
	check_refused(*state, HOSTILE_SHARE_TEXT, ERR_FIELD);
	check_refused(*state, HOSTILE_SHARE_ABOVE, ERR_FIELD);
	check_refused(*state, HOSTILE_SHARE_BELOW, ERR_FIELD);
	check_refused(*state, HOSTILE_SHARE_NULL, ERR_FIELD);
	check_refused(*state, HOSTILE_SHARE_OBJECT, ERR_FIELD);
}

/* ---- 29: too many ---- */

static void row_29_a_crowd(void **state)
{
	struct fixture *f = *state;
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f));
	hostile_set_mode(f->server, HOSTILE_CROWD);
	int64_t began_ms = process_clock_ms();
	REAL_UNTIL(&f->r, WAIT_MS, node(f)->last->arms[ARM_V1].operation_count == OPERATIONS_MAX);
	assert_true(process_clock_ms() - began_ms < 5000);
	/* The first are kept, the rest is counted: it is no fault of the whole document. */
	assert_int_equal(node(f)->last->arms[ARM_V1].operations_dropped, 5000 - OPERATIONS_MAX);
	assert_true(is_live(f));
	assert_in_range(f->r.worst_turn_ms, 0, 1000);
	check_refused(f, HOSTILE_LONG_NAME, ERR_TOO_LARGE);
}

/* Thousands of workers are a number, not a list. */
static void row_29_a_million_workers(void **state)
{
	(void)state;
	struct snapshot *s = mem_new(1, sizeof *s);
	assert_int_equal(read_with("total", "1000000", s), ERR_NONE);
	assert_int_equal(s->arms[ARM_V1].workers.total, 1000000);
	free(s);
}

/* ---- 30: a second scanner ---- */

#define DOCUMENTS 2000

static void row_30_two_scanners_agree(void **state)
{
	(void)state;
	struct scanner_maker m = {.random = 20251121};
	int accepted = 0;
	for (int i = 0; i < DOCUMENTS; i++) {
		scanner_make(&m);
		struct err err = {0};
		bool first = scan_document(text_str(&m.out), m.out.len, &err) == 0;
		bool second = scanner_accepts(text_str(&m.out));
		if (first != second)
			fail_msg("document %d: scan %s (%s), second %s: %s", i, first ? "takes" : "refuses",
				err.text, second ? "takes" : "refuses", text_str(&m.out));
		accepted += first;
		/* What is taken, the parser behind takes too, to its last byte. */
		cJSON *tree = first ? cJSON_ParseWithLength(text_str(&m.out), m.out.len) : NULL;
		assert_true(!first || tree);
		cJSON_Delete(tree);
	}
	text_free(&m.out);
	assert_in_range(accepted, DOCUMENTS / 5, DOCUMENTS * 4 / 5);
}

/* Whatever bytes come, the reader takes the good document alone, and touches nothing else. */
static void row_30_any_byte_changed(void **state)
{
	(void)state;
	struct snapshot *s = mem_new(1, sizeof *s);
	char *good = example_text();
	size_t len = strlen(good);
	struct scanner_maker m = {.random = 7};
	for (int i = 0; i < DOCUMENTS; i++) {
		/* a copy of its own length: a read beyond it is seen by the sanitizer */
		char *body = mem_copy_n(good, len);
		for (unsigned k = 0; k <= scanner_draw(&m, 4); k++)
			body[scanner_draw(&m, (unsigned)len)] = (char)scanner_draw(&m, 256);
		struct err err = {0};
		bool taken = wire_read_state(s, body, len, &err) == 0;
		assert_int_equal(taken, err.code == ERR_NONE);
		if (taken)
			assert_in_range(s->share_bp, 0, 10000);
		free(body);
	}
	free(good);
	free(s);
}

/* ---- 38: an old answer again ---- */

static void row_38_replayed(void **state)
{
	struct fixture *f = *state;
	REAL_UNTIL(&f->r, WAIT_MS, is_live(f) && node(f)->last->seq > 1);
	check_refused(f, HOSTILE_REPLAYED, ERR_REPLAYED);
}

int main(void)
{
#define SOCKET(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_22_bad_numbers),
		SOCKET(row_22_through_a_socket),
		cmocka_unit_test(row_23_integers),
		SOCKET(row_23_through_a_socket),
		cmocka_unit_test(row_24_depth),
		SOCKET(row_24_through_a_socket),
		cmocka_unit_test(row_25_duplicates),
		SOCKET(row_25_through_a_socket),
		cmocka_unit_test(row_26_not_one),
		SOCKET(row_26_through_a_socket),
		cmocka_unit_test(row_27_text),
		SOCKET(row_27_through_a_socket),
		cmocka_unit_test(row_28_every_field),
		SOCKET(row_28_through_a_socket),
		SOCKET(row_29_a_crowd),
		cmocka_unit_test(row_29_a_million_workers),
		cmocka_unit_test(row_30_two_scanners_agree),
		cmocka_unit_test(row_30_any_byte_changed),
		SOCKET(row_38_replayed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
