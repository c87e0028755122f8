/* What is typed after `:` and what keys stand for: the word is looked up, its row does the rest. */
#include "model/text.h"
#include "tui/console_words.h"

#include <stdio.h>
#include <string.h>

static const struct console_word *const groups[] = {
	console_words_act, console_words_look, console_words_flow, console_words_replay};

#define GROUPS (sizeof groups / sizeof *groups)
#define WORDS_MAX 64

void console_words_each(bool looking, bool replay,
	void (*each)(void *ctx, const struct console_word *word), void *ctx)
{
	for (size_t g = 0; g < GROUPS; g++)
		for (const struct console_word *w = groups[g]; w->word; w++)
			if (!(w->replay_only && !replay) && !(w->acts && (looking || replay)))
				each(ctx, w);
}

static const struct console_word *find(const char *word)
{
	for (size_t g = 0; g < GROUPS; g++)
		for (const struct console_word *w = groups[g]; w->word; w++)
			if (strcmp(w->word, word) == 0)
				return w;
	return NULL;
}

struct names {
	const char *name[WORDS_MAX + 1];
	size_t count;
};

static void add_name(void *ctx, const struct console_word *word)
{
	struct names *names = ctx;
	if (names->count < WORDS_MAX)
		names->name[names->count++] = word->word;
}

static void say_unknown(struct console *c, const char *word, struct instant now)
{
	struct names names = {0};
	console_words_each(c->how.read_only, c->how.replay != NULL, add_name, &names);
	const char *near = verb_alias(word);
	near = near ? near : text_nearest(word, names.name);
	if (near)
		console_say(
			c, now, ROLE_WARN, "unknown command '%.24s'; did you mean '%s'?", word, near);
	else
		console_say(c, now, ROLE_WARN, "unknown command '%.24s'; ? lists them", word);
}

void console_command(struct console *c, const char *text, struct instant now)
{
	char word[32];
	text += strspn(text, " ");
	size_t len = strcspn(text, " ");
	if (len == 0)
		return;
	snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1), text);
	const char *argument = text + len + strspn(text + len, " ");
	const struct console_word *w = find(word);
	if (!w)
		say_unknown(c, word, now);
	else if (w->replay_only && !c->how.replay)
		console_say(c, now, ROLE_WARN, "%s: only in a replay", word);
	else if (w->acts && c->how.replay)
		console_say(c, now, ROLE_WARN, "%s: a replay has no way to the pool", word);
	else if (w->acts && c->how.read_only)
		console_say(c, now, ROLE_WARN, "%s: this console only looks", word);
	else
		w->run(c, argument, now);
}
