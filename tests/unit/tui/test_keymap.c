/* The table of keys: upper case acts, lower case looks, and no key means two things. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "tui/keymap.h"
#include "tui/term.h"

#include <ctype.h>
#include <string.h>

static void acting_keys_are_the_verbs(void **state)
{
	(void)state;
	for (int v = 0; v < VERB_COUNT; v++) {
		char key = verb_row((enum verb)v)->key;
		if (!key)
			continue; /* typed after `:` */
		assert_true(isupper((unsigned char)key));
		assert_int_equal(keymap_verb((uint32_t)key), v);
		assert_int_equal(keymap_meant((uint32_t)tolower((unsigned char)key)), v);
		assert_int_equal(keymap_meant((uint32_t)key), VERB_COUNT);
		assert_int_equal(keymap_verb((uint32_t)tolower((unsigned char)key)), VERB_COUNT);
	}
	/* Those of a night without a keyboard's map have one. */
	static const enum verb keyed[] = {
		VERB_STEP, VERB_HOLD, VERB_RESUME, VERB_ROLLBACK, VERB_ANNOTATE, VERB_DRAIN};
	for (size_t i = 0; i < sizeof keyed / sizeof *keyed; i++)
		assert_int_not_equal(verb_row(keyed[i])->key, 0);
	for (uint32_t key = 1; key < 0x300; key++)
		if (!(key >= 'A' && key <= 'Z'))
			assert_int_equal(keymap_verb(key), VERB_COUNT);
	for (uint32_t key = KEY_SPECIAL; key < KEY_SPECIAL + 64; key++) {
		assert_int_equal(keymap_verb(key), VERB_COUNT);
		assert_int_equal(keymap_meant(key), VERB_COUNT);
	}
}

static void no_key_means_two_things(void **state)
{
	(void)state;
	for (size_t i = 0; i < keymap_row_count; i++) {
		const struct keymap_row *a = &keymap_rows[i];
		assert_int_equal(keymap_verb(a->key), VERB_COUNT);
		assert_true(strchr("lrb", a->when));
		assert_true(a->screens && !(a->screens & ~SCREEN_ON_ALL));
		assert_true(*a->label && *a->command && *a->help);
		for (size_t k = 0; k < i; k++) {
			const struct keymap_row *b = &keymap_rows[k];
			bool meet = a->when == b->when || a->when == 'b' || b->when == 'b';
			assert_false(a->key == b->key && meet && (a->screens & b->screens));
		}
	}
}

/* The command where it is this row's; another row of the key may work elsewhere. */
static const char *mine(const struct keymap_row *r, const char *command)
{
	return command == r->command ? command : NULL;
}

static void keys_are_commands_where_they_work(void **state)
{
	(void)state;
	for (size_t i = 0; i < keymap_row_count; i++) {
		const struct keymap_row *r = &keymap_rows[i];
		for (int on = 0; on < SCREEN_COUNT; on++) {
			bool there = r->screens >> on & 1;
			assert_ptr_equal(there && r->when != 'r' ? r->command : NULL,
				mine(r, keymap_command(r->key, false, (enum screen)on)));
			assert_ptr_equal(there && r->when != 'l' ? r->command : NULL,
				mine(r, keymap_command(r->key, true, (enum screen)on)));
		}
	}
	assert_null(keymap_command('y', false, SCREEN_FLOW));
	assert_null(keymap_command('S', false, SCREEN_FLOW));
	assert_null(keymap_command(KEY_NONE, false, SCREEN_FLOW));
	assert_null(keymap_command(KEYS_PASTE, false, SCREEN_FLOW));
	assert_string_equal(keymap_command(KEYS_CTRL('l'), false, SCREEN_FLOW), "redraw");
	assert_string_equal(keymap_command(' ', true, SCREEN_FLOW), "pause");
	assert_null(keymap_command(' ', false, SCREEN_FLOW));
}

/* No looking key is a command that acts. */
static void looking_keys_do_not_act(void **state)
{
	(void)state;
	for (size_t i = 0; i < keymap_row_count; i++) {
		char word[32] = "";
		size_t len = strcspn(keymap_rows[i].command, " ");
		assert_true(len < sizeof word);
		memcpy(word, keymap_rows[i].command, len);
		assert_int_equal(verb_of(word), VERB_COUNT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acting_keys_are_the_verbs),
		cmocka_unit_test(no_key_means_two_things),
		cmocka_unit_test(keys_are_commands_where_they_work),
		cmocka_unit_test(looking_keys_do_not_act),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
