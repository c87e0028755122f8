/* Tests of client/wire_answer: what each answer of a pool is told as. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client/wire.h"
#include "client/wire_tables.h"
#include "tests/unit/client/fields.h"

#define LENGTH(a) (sizeof(a) / sizeof *(a))

static const struct command step = {
	.id = "k1", .verb = VERB_STEP, .from_bp = 1000, .to_bp = 2500, .epoch = 7, .rev = 43};

static void read_answer(
	struct answer *out, const struct command *asked, int status, const char *body)
{
	struct err err = {0};
	if (wire_read_answer(out, asked, status, body, strlen(body), &err))
		fail_msg("%d %s: %s", status, body, err.text);
}

static void test_there_and_back(void **state)
{
	struct control_answer a = {
		.status = 200, .epoch = 8, .rev = 44, .share_bp = 0, .replayed = true};
	struct answer back;
	struct text t = {0};
	(void)state;
	wire_write_answer(&t, &a);
	read_answer(&back, NULL, 200, text_str(&t));
	assert_int_equal(back.kind, ANSWER_APPLIED);
	assert_int_equal(back.err.code, ERR_NONE);
	assert_int_equal(back.epoch, 8);
	assert_int_equal(back.rev, 44);
	assert_int_equal(back.share_bp, 0);
	assert_true(back.replayed);
	assert_false(back.durable);

	a = (struct control_answer){.status = 412,
		.error = "conflict",
		.message = "look again",
		.epoch = 7,
		.rev = 45,
		.share_bp = 2500,
		.changed_by = "bob@web2",
		.changed_age_ms = 12000};
	text_clear(&t);
	wire_write_answer(&t, &a);
	read_answer(&back, &step, 412, text_str(&t));
	assert_int_equal(back.kind, ANSWER_REFUSED);
	assert_int_equal(back.err.code, ERR_CHANGED);
	assert_string_equal(
		back.err.text, "the pool was changed by \"bob@web2\" 12s ago, the share is now 25%");
	assert_string_equal(back.changed_by, "bob@web2");
	assert_int_equal(back.changed_age_ms, 12000);
	assert_int_equal(back.share_bp, 2500);
	text_free(&t);
}

/* What a network brings and what a function call brings is told alike. */
static void test_both_ways_alike(void **state)
{
	static const struct control_answer rows[] = {
		{.status = 200, .epoch = 7, .rev = 44, .share_bp = 2500, .durable = true},
		{.status = 200, .epoch = 7, .rev = 44, .share_bp = 2000, .durable = true},
		{.status = 409, .error = "held", .message = "held by al", .epoch = 7, .share_bp = 5},
		{.status = 412, .error = "conflict", .epoch = 9, .rev = 1, .changed_by = "b"},
		{.status = 423, .error = "leased", .message = "m", .epoch = 7, .changed_by = "b\x1b"},
		{.status = 503, .error = "in_progress", .message = "the store stalls"},
	};
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct answer far, near;
		struct text t = {0};
		wire_write_answer(&t, &rows[i]);
		read_answer(&far, &step, rows[i].status, text_str(&t));
		wire_take_answer(&near, &rows[i], &step);
		assert_int_equal(far.kind, near.kind);
		assert_int_equal(far.err.code, near.err.code);
		assert_string_equal(far.err.text, near.err.text);
		assert_int_equal(far.epoch, near.epoch);
		assert_int_equal(far.share_bp, near.share_bp);
		text_free(&t);
	}
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
		{409, "{\"error\":\"unkept\"}", ANSWER_REFUSED, ERR_UNKEPT},
		{409, "{\"error\":\"unfinished\"}", ANSWER_REFUSED, ERR_NEXT},
		{409, "{\"error\":\"undrained\"}", ANSWER_REFUSED, ERR_NEXT},
		{409, "{\"error\":\"open\"}", ANSWER_REFUSED, ERR_LIMIT},
		{409, "{\"error\":\"in_progress\"}", ANSWER_LOST, ERR_UNRESOLVED},
		{409, "{\"error\":\"In_Progress\"}", ANSWER_REFUSED, ERR_CHANGED},
		{409, "{}", ANSWER_REFUSED, ERR_CHANGED},
		{410, "", ANSWER_REFUSED, ERR_FINALIZED},
		{412, "", ANSWER_REFUSED, ERR_CHANGED},
		{422, "{\"error\":\"void\"}", ANSWER_REFUSED, ERR_VOID},
		{422, "{\"error\":\"key_reused\"}", ANSWER_REFUSED, ERR_KEY_REUSED},
		{422, "{\"error\":\"limit\"}", ANSWER_REFUSED, ERR_LIMIT},
		{423, "", ANSWER_REFUSED, ERR_LEASE},
		{423, "{\"error\":\"leased\"}", ANSWER_REFUSED, ERR_LEASE},
		{429, "", ANSWER_REFUSED, ERR_PROTOCOL},
		{500, "{\"error\":\"boom\"}", ANSWER_LOST, ERR_UNRESOLVED},
		{502, "<html>", ANSWER_LOST, ERR_UNRESOLVED},
		{503, "{\"error\":\"in_progress\"}", ANSWER_LOST, ERR_UNRESOLVED},
		{507, "", ANSWER_LOST, ERR_UNRESOLVED},
		{507, "{\"error\":\"not_stored\"}", ANSWER_REFUSED, ERR_DISK},
	};
	struct answer back;
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		read_answer(&back, &step, rows[i].status, rows[i].body);
		assert_int_equal(back.kind, rows[i].kind);
		assert_int_equal(back.err.code, rows[i].code);
		assert_true(back.err.text[0] != '\0');
		assert_int_equal(back.epoch, UNKNOWN);
		assert_int_equal(back.share_bp, -1);
	}
}

/* The words of a refusal are the pool's where it has some; hostile ones are cleaned. */
static void test_words(void **state)
{
	static const char leased[] = "{\"error\":\"leased\",\"changed_by\":"
								 "\"bob\\u001b[2J\",\"changed_age_ms\":5000}";
	static const char newer[] = "{\"error\":\"conflict\",\"epoch\":8,\"rev\":9,\"share_bp\":0}";
	struct answer back;
	(void)state;
	read_answer(&back, &step, 423, leased);
	assert_string_equal(back.changed_by, "bob^[[2J");
	assert_string_equal(back.err.text, "\"bob^[[2J\" holds the lease");
	read_answer(&back, &step, 412, newer);
	assert_int_equal(back.err.code, ERR_EPOCH);
	assert_string_equal(
		back.err.text, "the pool was rolled back or taken over, the share is now 0%");
	/* of what was not decided on an epoch nothing is said about one */
	const struct command hold = {.verb = VERB_HOLD};
	read_answer(&back, &hold, 412, newer);
	assert_int_equal(back.err.code, ERR_CHANGED);
	read_answer(&back, NULL, 412, newer);
	assert_int_equal(back.err.code, ERR_CHANGED);
	read_answer(&back, &step, 409, "{\"error\":\"unkept\",\"message\":\"10\\n% first\"}");
	assert_string_equal(back.err.text, "10^J% first");
	read_answer(&back, &step, 500, "{\"error\":\"boom\",\"message\":\"x\"}");
	assert_string_equal(back.err.text, "the pool answered 500 boom: x");
}

/* A pool that did another thing than asked says so by what it answers. */
static void test_applied_as(void **state)
{
	static const char body[] = "{\"epoch\":7,\"rev\":44,\"share_bp\":2000}";
	struct answer back;
	struct command other = step;
	(void)state;
	read_answer(&back, &step, 200, body);
	assert_int_equal(back.kind, ANSWER_APPLIED);
	assert_int_equal(back.err.code, ERR_APPLIED_AS);
	assert_string_equal(back.err.text, "applied as 20 %, asked 25 %");
	assert_int_equal(back.share_bp, 2000);
	other.to_bp = 2000;
	read_answer(&back, &other, 200, body);
	assert_int_equal(back.err.code, ERR_NONE);
	/* a rollback does not ask for a share */
	other.to_bp = 1;
	other.verb = VERB_ROLLBACK;
	read_answer(&back, &other, 200, body);
	assert_int_equal(back.err.code, ERR_NONE);
}

static void test_unreadable(void **state)
{
	struct answer back;
	struct err err = {0};
	(void)state;
	/* a pool without a store does not say durable; one that says it wrongly is refused */
	static const char plain[] = "{\"epoch\":1,\"rev\":2,\"share_bp\":3}";
	read_answer(&back, NULL, 200, plain);
	assert_true(back.durable);
	static const char *const bad[] = {"", "ok", "{}", "{\"epoch\":1,\"rev\":2}",
		"{\"epoch\":1,\"rev\":2,\"share_bp\":10001}", "{\"epoch\":1,\"rev\":2,\"share_bp\":3",
		"{\"epoch\":1,\"rev\":2,\"share_bp\":3,\"durable\":1}"};
	for (size_t i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(wire_read_answer(&back, &step, 200, bad[i], strlen(bad[i]), &err), -1);
		assert_int_equal(back.kind, ANSWER_LOST);
	}
	assert_int_equal(wire_read_answer(&back, &step, 204, "", 0, &err), -1);
	assert_int_equal(back.kind, ANSWER_LOST);
}

/* ---- every field in every wrong form ---- */

static cJSON *applied_tree(void)
{
	return cJSON_Parse("{\"epoch\":7,\"rev\":44,\"share_bp\":2500,\"replayed\":false}");
}

static int read_applied(const char *body, size_t len, struct err *err)
{
	struct answer back;
	return wire_read_answer(&back, NULL, 200, body, len, err);
}

static void test_every_field(void **state)
{
	static const struct fields applied = {applied_tree, read_applied, NULL};
	(void)state;
	fields_every(&applied, &wire_answer_tables[0]);
	/* a refusal is one however it is worded: whatever is wrong, nothing of it is taken */
	for (size_t i = 0; i < wire_answer_tables[1].count; i++) {
		struct answer back;
		cJSON *tree = cJSON_Parse("{\"error\":\"held\",\"message\":\"m\",\"epoch\":7,\"rev\":1,"
								  "\"share_bp\":5,\"changed_by\":\"b\",\"changed_age_ms\":1}");
		cJSON_ReplaceItemInObjectCaseSensitive(
			tree, wire_answer_tables[1].fields[i].name, cJSON_CreateArray());
		char *printed = cJSON_PrintUnformatted(tree);
		read_answer(&back, &step, 423, printed);
		assert_int_equal(back.kind, ANSWER_REFUSED);
		assert_int_equal(back.err.code, ERR_LEASE);
		assert_int_equal(back.epoch, UNKNOWN);
		assert_string_equal(back.changed_by, "");
		free(printed);
		cJSON_Delete(tree);
	}
}

/* ---- the fate of an intent ---- */

static void test_intent(void **state)
{
	static const struct {
		enum intent_fate fate;
		enum answer_kind kind;
	} rows[] = {{INTENT_UNKNOWN, ANSWER_LOST}, {INTENT_APPLIED, ANSWER_APPLIED},
		{INTENT_SUPERSEDED, ANSWER_SUPERSEDED}, {INTENT_VOID, ANSWER_VOID}};
	const struct control_answer a = {.status = 200, .epoch = 7, .rev = 43, .share_bp = 1000};
	struct answer back, near;
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct text t = {0};
		bool has_share = rows[i].kind == ANSWER_APPLIED || rows[i].kind == ANSWER_SUPERSEDED;
		wire_write_intent(&t, "k1", rows[i].fate, &a);
		assert_int_equal(wire_read_intent(&back, t.data, t.len, NULL), 0);
		assert_int_equal(back.kind, rows[i].kind);
		assert_int_equal(back.rev, has_share ? 43 : UNKNOWN);
		assert_int_equal(back.share_bp, has_share ? 1000 : -1);
		assert_int_equal(back.err.code != ERR_NONE, rows[i].kind == ANSWER_LOST);
		wire_take_fate(&near, rows[i].fate, &a);
		assert_int_equal(near.kind, back.kind);
		assert_int_equal(near.rev, back.rev);
		assert_int_equal(near.share_bp, back.share_bp);
		assert_string_equal(near.err.text, back.err.text);
		text_free(&t);
	}
	struct err err = {0};
	assert_int_equal(wire_read_intent(&back, "{\"fate\":\"maybe\"}", 16, &err), -1);
	assert_int_equal(err.code, ERR_FIELD);
	assert_int_equal(back.kind, ANSWER_LOST);
	assert_int_equal(wire_read_intent(&back, "{}", 2, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_both_ways_alike),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_applied_as),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_intent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
