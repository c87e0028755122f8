/* Command lines: every command with every option, taken or refused, and what a wrong word may
 * have meant. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/verb.h"
#include "tui/options.h"

#include <stdio.h>
#include <string.h>

static struct options o;
static struct err err;

#define PARSE(...) parse((const char *[]){"weir", __VA_ARGS__, NULL})

static int parse(const char **argv)
{
	int argc = 0;
	while (argv[argc])
		argc++;
	err = (struct err){0};
	return options_parse(&o, argc, (char **)argv, &err);
}

static void refused(int rc, const char *words)
{
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_USAGE);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

/* A command with as many arguments as it needs at least; returns how many words. */
static int words_of(const struct command_row *c, const char **argv)
{
	int n = 0;
	argv[n++] = "weir";
	if (*c->name)
		argv[n++] = c->name;
	for (int i = 0; i < c->min_args; i++)
		argv[n++] = "checkout";
	return n;
}

/* A choice takes the first of its words. */
static const char *good_value(const struct option_row *row)
{
	static char choice[24];
	static const char *const values[] = {
		[OPTION_FLAG] = NULL,
		[OPTION_TEXT] = "a text",
		[OPTION_LIST] = "a text",
		[OPTION_DURATION] = "1h30m",
		[OPTION_SHARE] = "12.5%",
		[OPTION_WAIT] = "45s",
	};
	if (row->type != OPTION_CHOICE)
		return values[row->type];
	snprintf(
		choice, sizeof choice, "%.*s", (int)strcspn(row->argument, "|"), row->argument);
	return choice;
}

static void is_set(const struct option_row *row)
{
	const char *at = (const char *)&o + row->offset;
	switch (row->type) {
	case OPTION_FLAG:
		assert_true(*(const bool *)at);
		return;
	case OPTION_TEXT:
		assert_string_equal(*(const char *const *)at, "a text");
		return;
	case OPTION_CHOICE:
		assert_string_equal(*(const char *const *)at, good_value(row));
		return;
	case OPTION_LIST:
		assert_string_equal(*(const char *const *)at, "a text");
		assert_int_equal(*(const int *)((const char *)&o + row->second), 1);
		return;
	case OPTION_DURATION:
		assert_int_equal(*(const int64_t *)at, 5400000);
		return;
	case OPTION_SHARE:
		assert_int_equal(*(const int *)at, 1250);
		return;
	case OPTION_WAIT:
		assert_true(*(const bool *)at);
		assert_int_equal(*(const int64_t *)((const char *)&o + row->second), 45000);
		return;
	}
}

static void each_command_takes_its_options_and_no_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_row_count; i++)
		for (size_t k = 0; k < option_row_count; k++) {
			const struct command_row *c = &command_rows[i];
			const struct option_row *row = &option_rows[k];
			const char *argv[16], *value = good_value(row);
			char joined[80];
			int n = words_of(c, argv);
			snprintf(joined, sizeof joined, "--%s%s%s", row->name, value ? "=" : "",
				value ? value : "");
			argv[n] = joined;
			argv[n + 1] = NULL;
			int rc = parse(argv);
			if (!options_takes(c, row)) {
				refused(rc, "unknown option");
				continue;
			}
			assert_int_equal(rc, 0);
			assert_ptr_equal(o.command, c);
			is_set(row);
			if (value && row->type != OPTION_WAIT) { /* its value as a word of its own */
				snprintf(joined, sizeof joined, "--%s", row->name);
				argv[n + 1] = value;
				argv[n + 2] = NULL;
				assert_int_equal(parse(argv), 0);
				is_set(row);
				argv[n + 1] = NULL;
				refused(parse(argv), "needs");
			}
		}
}

static void every_value_is_checked(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "x", "5", "-1s", "1.5.2%", "101%", "10", "1e3", "9999999d"};
	for (size_t i = 0; i < command_row_count; i++)
		for (size_t k = 0; k < option_row_count; k++) {
			const struct command_row *c = &command_rows[i];
			const struct option_row *row = &option_rows[k];
			if (!options_takes(c, row) || row->type == OPTION_TEXT || row->type == OPTION_LIST)
				continue;
			for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
				const char *argv[16];
				char joined[80];
				int n = words_of(c, argv);
				snprintf(joined, sizeof joined, "--%s=%s", row->name, bad[b]);
				argv[n] = joined;
				argv[n + 1] = NULL;
				refused(parse(argv), row->name);
			}
		}
}

static void nothing_given_is_nothing_set(void **state)
{
	(void)state;
	assert_int_equal(PARSE("status"), 0);
	assert_null(o.config);
	assert_null(o.history);
	assert_null(o.pool);
	assert_false(o.json || o.ascii || o.help || o.version || o.read_only || o.watch || o.wait ||
		o.dry_run);
	assert_null(o.from);
	assert_int_equal(o.share_bp, -1);
	assert_int_equal(o.timeout_ms, 30 * 60 * 1000);
	assert_int_equal(o.interval_ms, UNKNOWN);
	assert_int_equal(o.arg_count, 0);
	assert_int_equal(o.listen_count, 0);
}

static void no_command_is_the_console(void **state)
{
	(void)state;
	assert_int_equal(parse((const char *[]){"weir", NULL}), 0);
	assert_string_equal(o.command->name, "");
	assert_int_equal(PARSE("checkout", "--read-only", "http://h:1"), 0);
	assert_string_equal(o.command->name, "");
	assert_int_equal(o.arg_count, 2);
	assert_string_equal(o.args[0], "checkout");
	assert_string_equal(o.args[1], "http://h:1");
	assert_int_equal(PARSE("--version"), 0);
	assert_true(o.version);
	assert_int_equal(PARSE("-h"), 0);
	assert_true(o.help);
	/* A command's name behind an option of the console is a target, not a command. */
	assert_int_equal(PARSE("--ascii", "status"), 0);
	assert_string_equal(o.command->name, "");
	assert_string_equal(o.args[0], "status");
}

static void arguments_are_counted(void **state)
{
	(void)state;
	refused(PARSE("step"), "weir step needs TARGET SHARE");
	refused(PARSE("step", "checkout"), "weir step needs TARGET SHARE");
	refused(PARSE("step", "checkout", "10%", "more"), "'more' is too much");
	refused(PARSE("log", "checkout"), "it takes no argument");
	refused(PARSE("replay"), "FILE");
	/* Whoever asks for help need not know the arguments. */
	assert_int_equal(PARSE("step", "--help"), 0);
	const char *many[OPTIONS_ARGS_MAX + 4] = {"weir", "status"};
	for (int i = 2; i < OPTIONS_ARGS_MAX + 3; i++)
		many[i] = "t";
	many[OPTIONS_ARGS_MAX + 3] = NULL;
	refused(parse(many), "more than 64 arguments");
	many[OPTIONS_ARGS_MAX + 2] = NULL;
	refused(parse(many), "too much");
}

static void two_dashes_end_the_options(void **state)
{
	(void)state;
	assert_int_equal(PARSE("annotate", "--", "--json"), 0);
	assert_false(o.json);
	assert_int_equal(o.arg_count, 1);
	assert_string_equal(o.args[0], "--json");
	assert_int_equal(PARSE("annotate", "--json", "--", "-h"), 0);
	assert_true(o.json);
	assert_string_equal(o.args[0], "-h");
	refused(PARSE("annotate", "--", "a", "b"), "too much");
	refused(PARSE("annotate", "--"), "needs");
	/* One dash alone is a word. */
	assert_int_equal(PARSE("annotate", "-"), 0);
	assert_string_equal(o.args[0], "-");
	/* More words than a command takes are refused behind the dashes as before them. */
	const char *many[OPTIONS_ARGS_MAX + 8] = {"weir", "status", "--"};
	for (int i = 3; i < OPTIONS_ARGS_MAX + 7; i++)
		many[i] = "t";
	many[OPTIONS_ARGS_MAX + 7] = NULL;
	refused(parse(many), "too much");
}

static void a_flag_has_no_value(void **state)
{
	(void)state;
	refused(PARSE("status", "--json=yes"), "takes no value");
	refused(PARSE("step", "checkout", "10%", "--dry-run=no"), "takes no value");
	/* A wait has one only with an equals sign: a word behind it is an argument. */
	assert_int_equal(PARSE("step", "--wait", "checkout", "10%"), 0);
	assert_true(o.wait);
	assert_int_equal(o.arg_count, 2);
}

static void letters_stand_for_names(void **state)
{
	(void)state;
	assert_int_equal(PARSE("step", "checkout", "10%", "-m", "because"), 0);
	assert_string_equal(o.reason, "because");
	refused(PARSE("step", "checkout", "10%", "-m"), "needs TEXT");
	refused(PARSE("status", "-m", "x"), "unknown option '-m'");
	refused(PARSE("status", "-x"), "unknown option '-x'");
	refused(PARSE("step", "checkout", "10%", "-mbecause"), "unknown option");
	/* A text may begin with a dash. */
	assert_int_equal(PARSE("step", "checkout", "10%", "-m", "-5 degrees"), 0);
	assert_string_equal(o.reason, "-5 degrees");
}

static void lists_grow_to_a_bound(void **state)
{
	(void)state;
	const char *argv[2 + OPTIONS_LIST_MAX + 2] = {"weir", "serve"};
	for (int i = 0; i <= OPTIONS_LIST_MAX; i++)
		argv[2 + i] = "--listen=127.0.0.1:0";
	argv[2 + OPTIONS_LIST_MAX + 1] = NULL;
	refused(parse(argv), "more than 8 times");
	argv[2 + OPTIONS_LIST_MAX] = NULL;
	assert_int_equal(parse(argv), 0);
	assert_int_equal(o.listen_count, OPTIONS_LIST_MAX);
}

static void wrong_words_get_suggestions(void **state)
{
	(void)state;
	refused(PARSE("status", "--jsno"), "did you mean '--json'?");
	refused(PARSE("step", "checkout", "10%", "--reson", "x"), "did you mean '--reason'?");
	refused(PARSE("serve", "--scenaroi=demo"), "did you mean '--scenario'?");
	refused(PARSE("status", "--zzzzzzzz"), "see weir status --help");
	refused(PARSE("status",
				"--"
				"dry-run"),
		"unknown option '--dry-run'");
	static const char *const meant[] = {"statsu", "status", "rolback", "rollback", "undo",
		"rollback", "abort", "rollback", "pause", "hold", "promote", "step", "recrod",
		"record"};
	for (size_t i = 0; i < sizeof meant / sizeof *meant; i += 2) {
		char words[64];
		snprintf(words, sizeof words, "did you mean '%s'?", meant[i + 1]);
		refused(options_unknown_command(meant[i], &err), words);
	}
	refused(options_unknown_command("zzzzzzzz", &err), "see weir --help");
}

static void the_tables_hold_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < command_row_count; i++) {
		const struct command_row *c = &command_rows[i];
		assert_non_null(c->run);
		assert_true(c->min_args <= c->max_args && c->max_args <= OPTIONS_ARGS_MAX);
		assert_ptr_equal(options_command(c->name), c);
		/* Every word of its options is an option. */
		for (const char *at = c->options; *at;) {
			size_t len = strcspn(at, " ");
			bool found = false;
			for (size_t k = 0; k < option_row_count; k++)
				found |= strlen(option_rows[k].name) == len &&
					!strncmp(option_rows[k].name, at, len);
			if (!found)
				fail_msg("%s names no option: %.*s", c->name, (int)len, at);
			at += len + strspn(at + len, " ");
		}
	}
	/* Every option is taken by some command, every verb is a command. */
	for (size_t k = 0; k < option_row_count; k++) {
		bool taken = false;
		for (size_t i = 0; i < command_row_count; i++)
			taken |= options_takes(&command_rows[i], &option_rows[k]);
		assert_true(taken);
		bool has_argument = option_rows[k].argument != NULL;
		assert_true(has_argument == (option_rows[k].type != OPTION_FLAG));
		for (size_t i = 0; i < k; i++) {
			assert_string_not_equal(option_rows[i].name, option_rows[k].name);
			assert_true(
				!option_rows[k].letter || option_rows[i].letter != option_rows[k].letter);
		}
	}
	for (int v = 0; v < VERB_COUNT; v++)
		assert_non_null(options_command(verb_row((enum verb)v)->word));
	assert_null(options_command("nothing"));
}

static void help_names_everything(void **state)
{
	(void)state;
	struct text t = {0};
	options_help(&t, NULL);
	for (size_t i = 0; i < command_row_count; i++) {
		if (*command_rows[i].name)
			assert_non_null(strstr(text_str(&t), command_rows[i].help));
		struct text one = {0};
		options_help(&one, &command_rows[i]);
		for (size_t k = 0; k < option_row_count; k++) {
			char word[40];
			snprintf(word, sizeof word, "--%s", option_rows[k].name);
			if (options_takes(&command_rows[i], &option_rows[k]))
				assert_non_null(strstr(text_str(&one), word));
		}
		text_free(&one);
	}
	text_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_command_takes_its_options_and_no_others),
		cmocka_unit_test(every_value_is_checked),
		cmocka_unit_test(nothing_given_is_nothing_set),
		cmocka_unit_test(no_command_is_the_console),
		cmocka_unit_test(arguments_are_counted),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(a_flag_has_no_value),
		cmocka_unit_test(letters_stand_for_names),
		cmocka_unit_test(lists_grow_to_a_bound),
		cmocka_unit_test(wrong_words_get_suggestions),
		cmocka_unit_test(the_tables_hold_together),
		cmocka_unit_test(help_names_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
