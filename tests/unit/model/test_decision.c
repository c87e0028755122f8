/* Decisions: ids, what a row changes, and the line of `weir log --json`. */
#include "model/decision.h"

#include "model/text.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static struct decision a_decision(enum verb verb)
{
	struct decision d = {
		.id = "d-1",
		.pool = "checkout",
		.at_ms = 1700000000123,
		.actor = "kim@ops1",
		.role = "operator",
		.verb = verb,
		.from_bp = 100,
		.to_bp = 1000,
		.reason = "bake passed",
		.epoch = UNKNOWN,
		.rev = UNKNOWN,
		.evidence = "{}",
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.closed_ms = UNKNOWN,
		.latency_ms = UNKNOWN,
	};

	return d;
}

static struct outcome_row a_row(enum outcome_row_kind row, enum outcome_kind kind)
{
	struct outcome_row r = {
		.decision = "d-1",
		.row = row,
		.kind = kind,
		.at_ms = 1700000001000,
		.latency_ms = 42,
		.answer = "done",
	};

	return r;
}

static void test_outcome_names(void **state)
{
	(void)state;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		assert_int_equal(outcome_of(outcome_name((enum outcome_kind)i)), i);
	assert_string_equal(outcome_name(OUTCOME_NOT_SENT), "NOT_SENT");
	assert_int_equal(outcome_of("applied"), OUTCOME_COUNT);
	assert_true(outcome_is_final(OUTCOME_CLOSED));
	assert_false(outcome_is_final(OUTCOME_PENDING));
	assert_false(outcome_is_final(OUTCOME_UNRESOLVED));
	assert_true(outcome_is_final(OUTCOME_APPLIED));
	assert_true(outcome_is_final(OUTCOME_VOID));
}

static void test_id_is_a_uuid_of_version_7(void **state)
{
	static const unsigned char ones[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
	static const unsigned char zeros[10];
	char id[DECISION_ID_MAX];

	(void)state;
	/* the time of the example in RFC 9562, A.6 */
	decision_make_id(id, 0x017F22E279B0, zeros);
	assert_string_equal(id, "017f22e2-79b0-7000-8000-000000000000");
	decision_make_id(id, 0x017F22E279B0, ones);
	assert_string_equal(id, "017f22e2-79b0-7fff-bfff-ffffffffffff");
	assert_true(text_is_name(id, DECISION_ID_MAX - 1));
}

static void test_ids_order_by_time(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int run = 0; run < 500; run++) {
		char a[DECISION_ID_MAX], b[DECISION_ID_MAX];
		unsigned char random[10];
		int64_t ms = seeded_below(&seed, 1LL << 47);

		for (int i = 0; i < 10; i++)
			random[i] = (unsigned char)seeded_next(&seed);
		decision_make_id(a, ms, random);
		for (int i = 0; i < 10; i++)
			random[i] = (unsigned char)seeded_next(&seed);
		decision_make_id(b, ms + 1 + seeded_below(&seed, 1000), random);
		assert_true(strcmp(a, b) < 0);
	}
}

static void test_first_final_outcome_stays(void **state)
{
	struct decision d = a_decision(VERB_STEP);
	struct outcome_row applied = a_row(OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	struct outcome_row refused = a_row(OUTCOME_ROW_FINAL, OUTCOME_REFUSED);

	(void)state;
	assert_true(decision_is_open(&d));
	refused.at_ms++;
	text_copy(refused.answer, sizeof(refused.answer), "no");
	assert_true(decision_add_outcome(&d, &applied));
	assert_false(decision_is_open(&d));
	assert_false(decision_add_outcome(&d, &applied));
	assert_false(decision_add_outcome(&d, &refused));
	assert_int_equal(d.outcome, OUTCOME_APPLIED);
	assert_int_equal(d.outcome_ms, applied.at_ms);
	assert_int_equal(d.latency_ms, 42);
	assert_string_equal(d.answer, "done");
}

static void test_what_is_not_final_changes_nothing(void **state)
{
	struct decision d = a_decision(VERB_STEP), before = d;
	struct outcome_row unresolved = a_row(OUTCOME_ROW_FINAL, OUTCOME_UNRESOLVED);
	struct outcome_row node = a_row(OUTCOME_ROW_NODE, OUTCOME_APPLIED);
	struct outcome_row other = a_row(OUTCOME_ROW_FINAL, OUTCOME_APPLIED);

	(void)state;
	text_copy(other.decision, sizeof(other.decision), "d-2");
	assert_false(decision_add_outcome(&d, &unresolved));
	assert_false(decision_add_outcome(&d, &node));
	assert_false(decision_add_outcome(&d, &other));
	assert_memory_equal(&d, &before, sizeof(d));
	d.outcome = OUTCOME_UNRESOLVED; /* derived; a final one still replaces it */
	assert_true(decision_is_open(&d));
	text_copy(other.decision, sizeof(other.decision), "d-1");
	assert_true(decision_add_outcome(&d, &other));
}

static void test_rollback_awaits_verification(void **state)
{
	struct decision d = a_decision(VERB_ROLLBACK);
	struct outcome_row applied = a_row(OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	struct outcome_row seen = a_row(OUTCOME_ROW_VERIFIED, OUTCOME_APPLIED);

	(void)state;
	assert_false(decision_awaits_verification(&d));
	assert_true(decision_add_outcome(&d, &applied));
	assert_true(decision_awaits_verification(&d));
	assert_true(decision_add_outcome(&d, &seen));
	assert_false(decision_awaits_verification(&d));
	seen.at_ms += 5;
	assert_false(decision_add_outcome(&d, &seen));
	assert_int_equal(d.verified_ms, seen.at_ms - 5);
	d = a_decision(VERB_STEP);
	assert_true(decision_add_outcome(&d, &applied));
	assert_false(decision_awaits_verification(&d));
}

/* A person gives up a rollback that nobody sees, or that no node takes. */
static void test_a_rollback_is_closed(void **state)
{
	struct decision d = a_decision(VERB_ROLLBACK);
	struct outcome_row applied = a_row(OUTCOME_ROW_FINAL, OUTCOME_APPLIED);
	struct outcome_row closed = a_row(OUTCOME_ROW_VERIFIED, OUTCOME_CLOSED);
	struct outcome_row seen = a_row(OUTCOME_ROW_VERIFIED, OUTCOME_APPLIED);

	(void)state;
	assert_true(decision_add_outcome(&d, &applied));
	closed.at_ms = 1700000009000;
	assert_true(decision_add_outcome(&d, &closed));
	assert_false(decision_awaits_verification(&d));
	assert_int_equal(d.outcome, OUTCOME_APPLIED);
	assert_true(d.verified_ms == UNKNOWN && d.closed_ms == 1700000009000);
	closed.at_ms++;
	assert_false(decision_add_outcome(&d, &closed));
	/* it may come after all */
	assert_true(decision_add_outcome(&d, &seen));
	assert_true(d.verified_ms == seen.at_ms && d.closed_ms == 1700000009000);
	/* what was seen is not given up any more */
	d = a_decision(VERB_ROLLBACK);
	assert_true(decision_add_outcome(&d, &applied));
	assert_true(decision_add_outcome(&d, &seen));
	assert_false(decision_add_outcome(&d, &closed));
	assert_true(d.closed_ms == UNKNOWN);
	/* one that never went */
	d = a_decision(VERB_ROLLBACK);
	closed.row = OUTCOME_ROW_FINAL;
	assert_true(decision_add_outcome(&d, &closed));
	assert_int_equal(d.outcome, OUTCOME_CLOSED);
	assert_false(decision_is_open(&d));
	assert_true(d.closed_ms == closed.at_ms);
	assert_false(decision_add_outcome(&d, &applied));
	/* a decision that nobody gave a time to be closed at is not closed */
	d = a_decision(VERB_ROLLBACK);
	d.closed_ms = 0;
	assert_true(decision_add_outcome(&d, &applied));
	assert_true(decision_awaits_verification(&d));
}

static struct audit_entry an_entry(const char *what, int from_bp, int to_bp, const char *actor)
{
	struct audit_entry e = {
		.seq = 7, .from_bp = from_bp, .to_bp = to_bp, .epoch = 3, .rev = 42, .age_ms = 500};

	text_copy(e.what, sizeof(e.what), what);
	text_copy(e.actor, sizeof(e.actor), actor);
	text_copy(e.reason, sizeof(e.reason), "not kept in time");
	return e;
}

/* What pools write of themselves and of others, as decisions. */
static void test_observed(void **state)
{
	static const struct {
		const char *what, *key, *actor;
		int from_bp, to_bp;
		enum verb verb; /* VERB_COUNT: decides nothing */
		const char *role, *reason;
	} rows[] = {
		{"step", "k", "ana@ops2", 100, 1000, VERB_STEP, "operator", "not kept in time"},
		{"revert", "", "pool", 1000, 100, VERB_STEP, "pool", "revert: not kept in time"},
		{"rollback", "", "pool", 1000, 0, VERB_ROLLBACK, "pool", "not kept in time"},
		{"rollback", "k", "pool", 1000, 0, VERB_ROLLBACK, "pool", "not kept in time"},
		{"hold", "", "pool", 1000, 1000, VERB_HOLD, "pool", "not kept in time"},
		{"keep", "k", "ana@ops2", 1000, 1000, VERB_KEEP, "operator", "not kept in time"},
		{"arm", "k", "ana@ops2", 0, 0, VERB_ARM, "operator", "not kept in time"},
		{"disarm", "k", "ana@ops2", 0, 0, VERB_DISARM, "operator", "not kept in time"},
		{"take", "k", "ana@ops2", 0, 0, VERB_TAKE, "operator", "not kept in time"},
		{"guard", "k", "ana@ops2", 0, 0, VERB_GUARD, "operator", "not kept in time"},
		{"operations", "k", "ana@ops2", 100, 100, VERB_OPERATIONS, "operator",
			"not kept in time"},
		{"void", "k", "ana@ops2", 100, 100, VERB_COUNT, "", ""},
		{"lease", "", "pool", -1, -1, VERB_COUNT, "", ""},
	};
	struct decision d;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct audit_entry e =
			an_entry(rows[i].what, rows[i].from_bp, rows[i].to_bp, rows[i].actor);
		text_copy(e.key, sizeof(e.key), rows[i].key);
		bool decides = decision_observe(&d, "checkout", "shop", &e, "id", 10000);
		assert_int_equal(decides, rows[i].verb != VERB_COUNT);
		if (!decides)
			continue;
		assert_int_equal(d.verb, rows[i].verb);
		assert_string_equal(d.role, rows[i].role);
		assert_string_equal(d.reason, rows[i].reason);
		assert_true(d.observed && d.at_ms == 9500 && d.closed_ms == UNKNOWN);
		assert_int_equal(d.to_bp, rows[i].to_bp);
	}
	/* a time that cannot be is that of the answer; nobody is called unknown */
	struct audit_entry e = an_entry("step", 0, 100, "");
	e.age_ms = 20000;
	assert_true(decision_observe(&d, "checkout", "shop", &e, "id", 10000));
	assert_true(d.at_ms == 10000);
	assert_string_equal(d.actor, "unknown");
	e.age_ms = UNKNOWN;
	e.reason[0] = '\0';
	text_copy(e.what, sizeof(e.what), "reload");
	assert_true(decision_observe(&d, "checkout", "shop", &e, "id", 10000));
	assert_true(d.at_ms == 10000);
	assert_string_equal(d.reason, "reload");
}

static void assert_json(const struct decision *d, const char *expected)
{
	struct text t = {0};

	decision_json(&t, d);
	assert_string_equal(text_str(&t), expected);
	text_free(&t);
}

static void test_json_of_a_whole_decision(void **state)
{
	struct decision d = a_decision(VERB_STEP);

	(void)state;
	d.seq = 7;
	text_copy(d.reason, sizeof(d.reason), "say \"yes\"");
	text_copy(d.evidence, sizeof(d.evidence), "{\"a\":[1,{\"b\":\"}\\\"\"}]}");
	text_copy(d.hash, sizeof(d.hash), "ab12");
	d.outcome = OUTCOME_APPLIED;
	d.outcome_ms = 1700000001000;
	d.verified_ms = 1700000002500;
	d.late = true;
	assert_json(&d,
		"{\"seq\":7,\"id\":\"d-1\",\"at\":\"2023-11-14T22:13:20.123Z\",\"actor\":\"kim@ops1\","
		"\"role\":\"operator\",\"verb\":\"step\",\"from_bp\":100,\"to_bp\":1000,"
		"\"reason\":\"say \\\"yes\\\"\",\"outcome\":\"APPLIED\","
		"\"outcome_at\":\"2023-11-14T22:13:21.000Z\","
		"\"verified_at\":\"2023-11-14T22:13:22.500Z\",\"closed_at\":null,"
		"\"evidence\":{\"a\":[1,{\"b\":\"}\\\"\"}]},\"hash\":\"ab12\",\"pool\":\"checkout\","
		"\"observed\":false,\"late\":true}");
}

static void test_json_unknown_is_null(void **state)
{
	struct decision d = a_decision(VERB_HOLD);

	(void)state;
	d.from_bp = d.to_bp = -1;
	d.reason[0] = '\0';
	d.observed = true;
	assert_json(&d,
		"{\"seq\":null,\"id\":\"d-1\",\"at\":\"2023-11-14T22:13:20.123Z\","
		"\"actor\":\"kim@ops1\",\"role\":\"operator\",\"verb\":\"hold\",\"from_bp\":null,"
		"\"to_bp\":null,\"reason\":\"\",\"outcome\":\"PENDING\",\"outcome_at\":null,"
		"\"verified_at\":null,\"closed_at\":null,\"evidence\":{},\"hash\":null,\"pool\":\"checkout\","
		"\"observed\":true,\"late\":false}");
}

static void test_an_annotation_is_applied(void **state)
{
	struct decision d = a_decision(VERB_ANNOTATE);
	struct text t = {0};

	(void)state;
	assert_false(decision_is_open(&d));
	decision_json(&t, &d);
	assert_non_null(strstr(text_str(&t), "\"outcome\":\"APPLIED\""));
	text_free(&t);
}

/* Evidence of an imported history may be cut or worse: the line stays one JSON object. */
static void test_broken_evidence_is_left_out(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"{\"a\":1",
		"{}}",
		"{},\"hash\":\"x\"",
		"{\"a\":\"}",
		"{]",
		"{\n}",
		"{[}]",
		"{\"a\\",
		" {}",
		"null",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct decision d = a_decision(VERB_STEP);
		struct text t = {0};

		text_copy(d.evidence, sizeof(d.evidence), bad[i]);
		decision_json(&t, &d);
		assert_non_null(strstr(text_str(&t), "\"evidence\":{},\"hash\":null"));
		text_free(&t);
	}
	struct decision deep = a_decision(VERB_STEP);
	struct text t = {0};

	memset(deep.evidence, '{', 2000);
	memset(deep.evidence + 2000, '}', 1999);
	deep.evidence[3999] = '\0';
	decision_json(&t, &deep);
	assert_non_null(strstr(text_str(&t), "\"evidence\":{},"));
	text_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcome_names),
		cmocka_unit_test(test_id_is_a_uuid_of_version_7),
		cmocka_unit_test(test_ids_order_by_time),
		cmocka_unit_test(test_first_final_outcome_stays),
		cmocka_unit_test(test_what_is_not_final_changes_nothing),
		cmocka_unit_test(test_rollback_awaits_verification),
		cmocka_unit_test(test_a_rollback_is_closed),
		cmocka_unit_test(test_observed),
		cmocka_unit_test(test_json_of_a_whole_decision),
		cmocka_unit_test(test_json_unknown_is_null),
		cmocka_unit_test(test_an_annotation_is_applied),
		cmocka_unit_test(test_broken_evidence_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
