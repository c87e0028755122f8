/* What completes a command line: every command with every option and the words that it takes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/migration.h"
#include "model/text.h"
#include "tui/options.h"
#include "tui/suggest.h"
#include "tui/theme.h"

#include <stdio.h>
#include <string.h>

static struct config config;

static int load(void **state)
{
	(void)state;
	static const char text[] = "pools:\n  apples: {target: \"local:\"}\n"
							   "  pears: {target: \"local:\"}\n";
	struct err err;
	return config_parse(&config, text, sizeof text - 1, "weir.yaml", &err);
}

static int unload(void **state)
{
	(void)state;
	config_free(&config);
	return 0;
}

static struct text suggested;

static const char *suggest(const char *const *words)
{
	int count = 0;
	while (words[count])
		count++;
	text_free(&suggested);
	suggested = (struct text){0};
	suggest_words(&suggested, words, count, &config);
	return text_str(&suggested);
}

/* The words without what they are, each behind a blank. */
static const char *only(const char *lines)
{
	static char out[8000];
	size_t n = 0;
	for (const char *at = lines; *at; at += strcspn(at, "\n") + 1) {
		int len = (int)strcspn(at, "\t\n");
		n += (size_t)snprintf(out + n, sizeof out - n, "%s%.*s", n ? " " : "", len, at);
	}
	out[n] = 0;
	return out;
}

#define SUGGEST(...) only(suggest((const char *const[]){__VA_ARGS__, NULL}))

static bool has(const char *lines, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = lines; *at; at += strcspn(at, "\n") + 1)
		if (strncmp(at, word, len) == 0 && (at[len] == '\t' || at[len] == '\n'))
			return true;
	return false;
}

static void every_command_and_option_is_offered(void **state)
{
	(void)state;
	const char *all = suggest((const char *const[]){"", NULL});
	for (size_t i = 1; i < command_row_count; i++)
		assert_true(has(all, command_rows[i].name));
	assert_true(has(all, "apples") && has(all, "pears"));
	for (size_t i = 0; i < command_row_count; i++) {
		const char *const of_command[] = {command_rows[i].name, "--", NULL};
		const char *lines = suggest(of_command + (i == 0));
		for (size_t k = 0; k < option_row_count; k++) {
			char word[64];
			snprintf(word, sizeof word, "--%s", option_rows[k].name);
			assert_int_equal(
				has(lines, word), options_takes(&command_rows[i], &option_rows[k]));
		}
	}
}

static void words_complete_by_what_is_taken(void **state)
{
	(void)state;
	assert_string_equal(SUGGEST("sta"), "status");
	assert_string_equal(SUGGEST("a"), "adopt ask approve arm annotate apples");
}

static void values_and_arguments(void **state)
{
	(void)state;
	assert_string_equal(SUGGEST("--color", ""), "auto always never");
	assert_string_equal(SUGGEST("--color", "=", "al"), "always");
	assert_string_equal(SUGGEST("status", "--color", "="), "auto always never");
	assert_string_equal(SUGGEST("status", "--color=n"), "--color=never");
	assert_string_equal(SUGGEST("export", "--format", "c"), "csv");
	assert_string_equal(SUGGEST("wait", "--for", "RO"), "ROLLING_BACK ROLLED_BACK");
	assert_string_equal(SUGGEST("log", "--verb", "ro"), "rollback");
	assert_string_equal(SUGGEST("log", "--pool", ""), "apples pears");
	assert_string_equal(SUGGEST("--theme", "m"), "mono");
	assert_string_equal(SUGGEST("--config", ""), "@files");
	assert_string_equal(SUGGEST("serve", "--state", ""), "@directories");
	assert_string_equal(SUGGEST("serve", "--scenario", "d"), "demo daily @files");
	assert_string_equal(SUGGEST("step", "ap"), "apples");
	assert_string_equal(SUGGEST("step", "apples", ""), "next");
	assert_string_equal(SUGGEST("step", "--from", "1%", "apples", "n"), "next");
	assert_string_equal(SUGGEST("step", "apples", "next", ""), "");
	assert_string_equal(SUGGEST("guard", "apples", ""), "hold act");
	assert_string_equal(SUGGEST("strategy", "pears", "cana"), "canary");
	assert_string_equal(SUGGEST("rollback", "apples", "p"), "pears");
	assert_string_equal(SUGGEST("rollback", "-m", ""), "");
	assert_string_equal(SUGGEST("replay", ""), "@files");
	assert_string_equal(SUGGEST("completion", ""), "bash zsh fish");
	assert_string_equal(SUGGEST("help", "st"), "status step strategy");
	assert_string_equal(SUGGEST("bogus", "--bogus", "x"), "");
	assert_string_equal(SUGGEST("--bogus=", "x"), "");
}

static void nothing_is_taken_for_a_word(void **state)
{
	(void)state;
	const char *lines = suggest((const char *const[]){NULL});
	assert_true(has(lines, "status"));
	const char *many[200];
	for (int i = 0; i < 199; i++)
		many[i] = "=";
	many[199] = NULL;
	suggest(many);
}

static void the_configuration_is_the_one_that_was_typed(void **state)
{
	(void)state;
	static const char *const a[] = {"status", "--config", "x.yaml", ""};
	static const char *const b[] = {"--config=y.yaml", "st"};
	static const char *const c[] = {"--config", "=", "z.yaml", "st"};
	static const char *const e[] = {"--config", "half"};
	assert_string_equal(suggest_config(a, 4), "x.yaml");
	assert_string_equal(suggest_config(b, 2), "y.yaml");
	assert_string_equal(suggest_config(c, 4), "z.yaml");
	assert_null(suggest_config(e, 2));
	assert_null(suggest_config(NULL, 0));
}

static int done(void **state)
{
	text_free(&suggested);
	return unload(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_and_option_is_offered),
		cmocka_unit_test(words_complete_by_what_is_taken),
		cmocka_unit_test(values_and_arguments),
		cmocka_unit_test(nothing_is_taken_for_a_word),
		cmocka_unit_test(the_configuration_is_the_one_that_was_typed),
	};
	return cmocka_run_group_tests(tests, load, done);
}
