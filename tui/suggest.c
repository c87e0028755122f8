/* Completing command lines. Nothing is listed here that a table has: commands, options and what
 * they take are theirs. What is written small in an `argument` ("auto|never") is meant as it stands;
 * what is written large has a row in `kinds`, or is for the person to know. */
#include "tui/suggest.h"

#include "model/migration.h"
#include "model/split.h"
#include "model/text.h"
#include "model/verb.h"
#include "tui/options.h"
#include "tui/repertoire.h"
#include "tui/theme.h"

#include <stdio.h>
#include <string.h>

struct asked {
	struct text *out;
	const struct config *config;
	const struct command_row *command;
	char before[64]; /* "--color=" where the value stands in the same word */
	const char *stem;
};

static void add(struct asked *a, const char *word, const char *help)
{
	if (strncmp(word, a->stem, strlen(a->stem)) == 0)
		text_addf(a->out, "%s%s\t%s\n", a->before, word, help);
}

/* ---- what is written large ---- */

static void add_files(struct asked *a)
{
	text_add(a->out, "@files\n");
}

static void add_directories(struct asked *a)
{
	text_add(a->out, "@directories\n");
}

static void add_pools(struct asked *a)
{
	for (size_t i = 0; a->config && i < a->config->pool_count; i++)
		add(a, a->config->pools[i].name, "pool");
}

static void add_states(struct asked *a)
{
	for (int s = 0; s < STATE_COUNT; s++)
		add(a, state_name((enum state)s), "state");
}

static void add_verbs(struct asked *a)
{
	for (int v = 0; v < VERB_COUNT; v++)
		add(a, verb_row((enum verb)v)->word, verb_row((enum verb)v)->help);
}

static void add_commands(struct asked *a)
{
	for (size_t i = 0; i < command_row_count; i++)
		if (*command_rows[i].name)
			add(a, command_rows[i].name, command_rows[i].help);
}

static void add_strategies(struct asked *a)
{
	for (int s = 0; s < STRATEGY_COUNT; s++)
		add(a, strategy_name((enum strategy)s), "strategy");
}

static void add_themes(struct asked *a)
{
	for (size_t i = 0; theme_built_in(i); i++)
		add(a, theme_built_in(i), "theme");
}

static void add_next(struct asked *a)
{
	add(a, "next", "the plan's next share");
}

static void add_scenarios(struct asked *a)
{
	struct scenario s;
	for (size_t i = 0; repertoire_read(&s, i); i++)
		add(a, s.name, s.help);
	add_files(a);
}

static const struct {
	const char *where; /* a command's or option's name; NULL: of any */
	const char *kind;
	void (*fill)(struct asked *a);
} kinds[] = {
	{"scenario", "FILE", add_scenarios},
	{NULL, "SCENARIO", add_scenarios},
	{NULL, "FILE", add_files},
	{NULL, "DIR", add_directories},
	{NULL, "TARGET", add_pools},
	{NULL, "POOL", add_pools},
	{"pool", "NAME", add_pools},
	{"theme", "NAME", add_themes},
	{"themes", "NAME", add_themes},
	{"strategy", "NAME", add_strategies},
	{"step", "SHARE", add_next},
	{NULL, "STATE", add_states},
	{NULL, "VERB", add_verbs},
	{NULL, "COMMAND", add_commands},
};

static void add_named(struct asked *a, const char *where, const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].kind, name) == 0 &&
			(!kinds[i].where || strcmp(kinds[i].where, where) == 0)) {
			kinds[i].fill(a);
			return;
		}
	if (*name >= 'a' && *name <= 'z')
		add(a, name, "");
}

/* "auto|always|never", "[TARGET...]", "STATE|DURATION". */
static void add_value(struct asked *a, const char *where, const char *takes, size_t len)
{
	char name[48];
	for (size_t at = 0; at < len;) {
		at += strspn(takes + at, "[]|.");
		size_t part = strcspn(takes + at, "[]|. ");
		if (at >= len || part == 0)
			return;
		snprintf(name, sizeof name, "%.*s", (int)part, takes + at);
		add_named(a, where, name);
		at += part;
	}
}

/* ---- options ---- */

static const struct option_row *find_option(
	const struct command_row *c, const char *name, size_t len)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *o = &option_rows[i];
		bool is = strlen(o->name) == len && strncmp(o->name, name, len) == 0;
		if ((is || (len == 1 && o->letter == *name)) && options_takes(c, o))
			return o;
	}
	return NULL;
}

/* The option of a word that another word follows as its value; NULL none. */
static const struct option_row *asks_value(const struct command_row *c, const char *word)
{
	if (word[0] != '-' || !word[1] || strchr(word, '='))
		return NULL;
	const char *name = word + 1 + (word[1] == '-');
	const struct option_row *o = find_option(c, name, strlen(name));
	return o && o->type != OPTION_FLAG && o->type != OPTION_WAIT ? o : NULL;
}

static void add_options(struct asked *a)
{
	char word[64];
	for (size_t i = 0; i < option_row_count; i++) {
		snprintf(word, sizeof word, "--%s", option_rows[i].name);
		if (options_takes(a->command, &option_rows[i]))
			add(a, word, option_rows[i].help);
	}
}

/* "--color=al" in one word. */
static bool add_joined(struct asked *a)
{
	const char *equals = strchr(a->stem, '=');
	if (strncmp(a->stem, "--", 2) != 0 || !equals)
		return false;
	size_t len = (size_t)(equals - a->stem) - 2;
	const struct option_row *o = find_option(a->command, a->stem + 2, len);
	if (!o || !o->argument)
		return true;
	snprintf(a->before, sizeof a->before, "--%s=", o->name);
	a->stem = equals + 1;
	add_value(a, o->name, o->argument, strlen(o->argument));
	return true;
}

/* ---- arguments ---- */

/* The n-th of what a command takes; the last may repeat. */
static void add_argument(struct asked *a, int n)
{
	const char *at = a->command->arguments;
	for (; n > 0; n--) {
		size_t len = strcspn(at, " ");
		if (!at[len]) {
			if (!strstr(at, "..."))
				return;
			break;
		}
		at += len + 1;
	}
	add_value(a, a->command->name, at, strcspn(at, " "));
}

/* How many arguments stand in the words; `from` is behind the command. */
static int arguments(const struct command_row *c, const char *const *words, int from, int to)
{
	int n = 0;
	for (int i = from; i < to; i++) {
		if (asks_value(c, words[i]))
			i++;
		else
			n += words[i][0] != '-';
	}
	return n;
}

#define WORDS_MAX 64

/* Shells that cut at `=` give "--color", "=", "al": the sign is left out. */
static int joined(const char *out[WORDS_MAX], const char *const *words, int count)
{
	int n = 0;
	for (int i = 0; i < count && n < WORDS_MAX; i++) {
		bool sign = strcmp(words[i], "=") == 0;
		if (!sign || i + 1 == count)
			out[n++] = sign ? "" : words[i];
	}
	return n;
}

void suggest_words(
	struct text *out, const char *const *words, int count, const struct config *config)
{
	const char *word[WORDS_MAX];
	int n = joined(word, words, count), from = 0;
	struct asked a = {out, config, options_command(""), "", n > 0 ? word[n - 1] : ""};
	if (n > 1 && word[0][0] != '-' && options_command(word[0])) {
		a.command = options_command(word[0]);
		from = 1;
	}
	const struct option_row *o = n > 1 ? asks_value(a.command, word[n - 2]) : NULL;
	if (o) {
		add_value(&a, o->name, o->argument, strlen(o->argument));
	} else if (add_joined(&a)) {
		return;
	} else if (*a.stem == '-') {
		add_options(&a);
	} else {
		if (n <= 1)
			add_commands(&a);
		add_argument(&a, arguments(a.command, word, from, n - 1));
	}
}

const char *suggest_config(const char *const *words, int count)
{
	for (int i = 0; i < count; i++) {
		if (strncmp(words[i], "--config=", 9) == 0)
			return words[i] + 9;
		if (strcmp(words[i], "--config") != 0)
			continue;
		i += i + 1 < count && strcmp(words[i + 1], "=") == 0;
		return i + 2 < count ? words[i + 1] : NULL; /* the last is being typed */
	}
	return NULL;
}
