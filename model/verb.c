/* Verbs: the table and its lookups. Not the commands themselves: a row has no behaviour. */
#include "model/verb.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const struct verb_row rows[VERB_COUNT] = {
#define X(name, word, key, class, argument, confirm, traits, help) \
	[VERB_##name] = {word, key, class, argument, confirm, traits, help},
	VERB_INFO(X)
#undef X
};

static const struct {
	const char *alias;
	enum verb verb;
} aliases[] = {
	{"undo", VERB_ROLLBACK},
	{"abort", VERB_ROLLBACK},
	{"pause", VERB_HOLD},
	{"promote", VERB_STEP},
};

const struct verb_row *verb_row(enum verb v)
{
	assert(v < VERB_COUNT);
	return &rows[v];
}

enum verb verb_of(const char *word)
{
	for (int i = 0; i < VERB_COUNT; i++)
		if (strcmp(rows[i].word, word) == 0)
			return (enum verb)i;
	return VERB_COUNT;
}

bool verb_is(enum verb v, enum verb_trait t)
{
	return v < VERB_COUNT && (rows[v].traits & t) != 0;
}

bool verb_is_sent(enum verb v)
{
	return verb_is(v, VERB_SENT);
}

bool verb_is_brake(enum verb v)
{
	return verb_is(v, VERB_BRAKES);
}

const char *verb_alias(const char *word)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcmp(aliases[i].alias, word) == 0)
			return rows[aliases[i].verb].word;
	return NULL;
}
