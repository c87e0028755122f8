/* Verbs: a whole table, words that read back, aliases that are never verbs themselves. */
#include "model/verb.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void test_rows_are_whole(void **state)
{
	(void)state;
	for (int i = 0; i < VERB_COUNT; i++) {
		const struct verb_row *row = verb_row((enum verb)i);

		assert_non_null(row);
		assert_true(strlen(row->word) > 0 && strlen(row->help) > 0);
		assert_non_null(row->argument);
		assert_int_equal(verb_of(row->word), i);
		for (int j = 0; j < i; j++)
			if (row->key)
				assert_int_not_equal(row->key, verb_row((enum verb)j)->key);
	}
}

static void test_the_way_back_asks_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(verb_row(VERB_ROLLBACK)->class, VERB_OPEN);
	assert_false(verb_row(VERB_ROLLBACK)->needs_confirm);
	assert_int_equal(verb_row(VERB_HOLD)->class, VERB_SAFE);
	assert_false(verb_row(VERB_HOLD)->needs_confirm);
	assert_true(verb_row(VERB_STEP)->needs_confirm);
}

static void test_unknown_words(void **state)
{
	(void)state;
	assert_int_equal(verb_of(""), VERB_COUNT);
	assert_int_equal(verb_of("Step"), VERB_COUNT);
	assert_int_equal(verb_of("rollback "), VERB_COUNT);
	assert_null(verb_alias(""));
	assert_null(verb_alias("rollback"));
}

static void test_sent(void **state)
{
	(void)state;
	static const enum verb written[] = {VERB_ANNOTATE, VERB_CLOSE, VERB_ASK, VERB_APPROVE};
	for (int i = 0; i < VERB_COUNT; i++) {
		bool is_written = false;
		for (size_t k = 0; k < sizeof written / sizeof *written; k++)
			is_written |= (int)written[k] == i;
		assert_int_equal(verb_is_sent((enum verb)i), !is_written);
	}
	assert_false(verb_is_sent(VERB_COUNT));
}

/* Nothing gates a brake, and nothing that raises goes without epoch, revision and lease. */
static void test_traits(void **state)
{
	(void)state;
	for (int i = 0; i < VERB_COUNT; i++) {
		enum verb v = (enum verb)i;

		assert_int_equal(verb_is_brake(v), v == VERB_ROLLBACK || v == VERB_HOLD);
		assert_int_equal(verb_is(v, VERB_SPLITS),
			v == VERB_STEP || v == VERB_ROLLBACK || v == VERB_OPERATIONS);
		assert_int_equal(verb_is(v, VERB_MATCHES), v == VERB_STEP || v == VERB_OPERATIONS);
		if (verb_is_brake(v))
			assert_false(verb_is(v, VERB_LEASED));
		if (verb_is(v, VERB_MATCHES))
			assert_true(verb_is(v, VERB_LEASED));
	}
	assert_false(verb_is(VERB_COUNT, VERB_SENT));
	assert_int_equal(verb_row(VERB_ADOPT)->class, VERB_GRAVE);
	assert_int_equal(verb_row(VERB_FINALIZE)->class, VERB_GRAVE);
	assert_true(verb_is(VERB_FINALIZE, VERB_LEASED));
}

static void test_aliases_lead_to_verbs(void **state)
{
	static const char *const pairs[][2] = {
		{"undo", "rollback"},
		{"abort", "rollback"},
		{"pause", "hold"},
		{"promote", "step"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		assert_string_equal(verb_alias(pairs[i][0]), pairs[i][1]);
		assert_int_equal(verb_of(pairs[i][0]), VERB_COUNT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_are_whole),
		cmocka_unit_test(test_the_way_back_asks_for_nothing),
		cmocka_unit_test(test_unknown_words),
		cmocka_unit_test(test_sent),
		cmocka_unit_test(test_traits),
		cmocka_unit_test(test_aliases_lead_to_verbs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
