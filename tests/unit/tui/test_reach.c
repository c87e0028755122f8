/* What cannot be done says why: every verb, by key and by word, in every state and on every screen;
 * and one who only looks is shown nothing that acts. */
#include "model/text.h"
#include "tests/lib/console_seat.h"
#include "tui/console_words.h"
#include "tui/reach.h"

#include <stdio.h>
#include <string.h>

static const struct site_desk kim = {.actor = "kim@ops1", .file = "h.db", .console = true};

static void open_console(bool read_only)
{
	struct console_options how = {
		.desk = d, .w = 120, .h = 60, .ascii = true, .read_only = read_only};
	c = console_new(&how, s.now);
}

static int sit_down(void **state)
{
	(void)state;
	site_init(&s, 1, 7);
	d = site_open(&s, &kim);
	site_step(&s, d, 100);
	c = NULL;
	return 0;
}

/* What the pool is in; until the desk looks again. */
static struct standing *standing(void)
{
	return (struct standing *)site_standing(d);
}

static void what_is_out_of_reach_says_why(void **state)
{
	(void)state;
	struct roster roster = {0};
	char why[REACH_WHY_MAX];
	int refused = 0, open = 0;
	for (int st = 0; st < STATE_COUNT; st++)
		for (int v = 0; v < VERB_COUNT; v++)
			for (int on = 0; on < SCREEN_COUNT * 3; on++) {
				struct view view = {.pool = site_pool(d),
					.roster = &roster,
					.screen = (enum screen)(on / 3),
					.looking = on % 3 > 0,
					.replay = on % 3 > 1};
				standing()->state = (enum state)st;
				bool word = reach_word(&view, (enum verb)v, why);
				assert_int_equal(word, !*why);
				bool key = reach_key(&view, (enum verb)v, why);
				assert_int_equal(key, !*why);
				assert_true(word || !key);
				assert_false(view.looking && word);
				/* nothing but the end closes the way back */
				if (v == VERB_ROLLBACK && !view.looking)
					assert_int_equal(key, st != STATE_FINALIZED);
				refused += !key;
				open += key;
			}
	assert_true(refused > 100 && open > 100);
}

/* Each acting key and word in each state: something on the screen is different afterwards. */
static void no_key_and_no_word_is_silent(void **state)
{
	(void)state;
	static char before[64000];
	char key[2] = "";
	for (int st = 0; st < STATE_COUNT; st++)
		for (int v = 0; v < 2 * VERB_COUNT; v++) {
			const struct verb_row *row = verb_row((enum verb)(v / 2));
			bool typed = v % 2;
			if (!typed && !row->key)
				continue;
			key[0] = row->key;
			open_console(false);
			standing()->state = (enum state)st;
			text_copy(before, sizeof before, screen());
			if (typed)
				console_command(c, row->word, s.now);
			else
				console_key(c, (uint32_t)row->key, s.now);
			if (strcmp(before, screen()) == 0)
				fail_msg("%s in %s changes nothing on the screen", typed ? row->word : key,
					state_name((enum state)st));
			console_free(c);
			c = NULL;
		}
}

static void one_who_only_looks_is_told_so(void **state)
{
	(void)state;
	open_console(true);
	for (int v = 0; v < VERB_COUNT; v++) {
		const struct verb_row *row = verb_row((enum verb)v);
		int commands = s.node[0]->commands;
		if (row->key) {
			console_key(c, (uint32_t)row->key, s.now);
			assert_non_null(strstr(screen(), "this console only looks"));
			console_key(c, KEYS_ESC, s.now);
		}
		console_command(c, row->word, s.now);
		assert_non_null(strstr(screen(), "this console only looks"));
		console_key(c, KEYS_ESC, s.now);
		assert_int_equal(s.node[0]->commands, commands);
	}
}

/* ---- help and hints ---- */

/* All pages of the help, one under the other. */
static void read_help(struct text *out)
{
	console_key(c, '?', s.now);
	for (int i = 0; i < 120; i++) {
		text_add(out, screen());
		console_key(c, 'j', s.now);
	}
	console_key(c, KEYS_ESC, s.now);
}

static bool has_row(const char *text, const char *label, const char *behind)
{
	char row[160];
	size_t len = (size_t)snprintf(row, sizeof row, "\n   %s ", label);
	for (const char *at = text; (at = strstr(at, row)); at += len) {
		at += len;
		if (strncmp(at + strspn(at, " "), behind, strlen(behind)) == 0)
			return true;
	}
	return false;
}

static void help_has_every_verb_with_what_it_takes(void **state)
{
	(void)state;
	struct text help = {0};
	open_console(false);
	read_help(&help);
	for (int v = 0; v < VERB_COUNT; v++) {
		const struct verb_row *row = verb_row((enum verb)v);
		char key[2] = {row->key, 0}, word[32];
		if (row->key && !has_row(text_str(&help), key, row->word))
			fail_msg("%s is not in the help", row->word);
		snprintf(word, sizeof word, ":%s", row->word);
		if (!strstr(text_str(&help), word))
			fail_msg("%s is not in the help", word);
	}
	assert_non_null(strstr(text_str(&help), ":guard hold TIME | act"));
	assert_true(has_row(text_str(&help), "D", "drain      not now: 3 shows the workers"));
	text_free(&help);
}

static void words_of_one_who_looks(void *ctx, const struct console_word *w)
{
	(void)ctx;
	assert_false(w->acts);
	assert_int_equal(verb_of(w->word), VERB_COUNT);
}

static void one_who_only_looks_is_shown_nothing_that_acts(void **state)
{
	(void)state;
	open_console(true);
	struct text help = {0};
	text_add(&help, screen()); /* the hints */
	read_help(&help);
	for (int v = 0; v < VERB_COUNT; v++) {
		const struct verb_row *row = verb_row((enum verb)v);
		char key[2] = {row->key, 0}, word[32], hint[32];
		assert_false(row->key && has_row(text_str(&help), key, row->word));
		snprintf(word, sizeof word, ":%s", row->word);
		assert_null(strstr(text_str(&help), word));
		snprintf(hint, sizeof hint, "%s %s  ", key, row->word);
		assert_true(!row->key || !strstr(text_str(&help), hint));
	}
	assert_non_null(strstr(text_str(&help), ":screen NAME"));
	text_free(&help);
	console_words_each(true, false, words_of_one_who_looks, NULL);
	console_words_each(true, true, words_of_one_who_looks, NULL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, sit_down, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_out_of_reach_says_why),
		CASE(no_key_and_no_word_is_silent),
		CASE(one_who_only_looks_is_told_so),
		CASE(help_has_every_verb_with_what_it_takes),
		CASE(one_who_only_looks_is_shown_nothing_that_acts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
