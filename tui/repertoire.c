/* Repertoire: the built-in scenarios, and the files that were embedded when weir was built. Not the
 * reader of a file (config_scenario.c), nor what plays one. */
#include "tui/repertoire.h"

#include "model/text.h"
#include "tui/config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *text;
} embedded[] = {
#include "scenarios.h"
};
#define EMBEDDED_COUNT (sizeof embedded / sizeof *embedded)
#define NAMES_MAX 64

static void parse(struct scenario *out, size_t i)
{
	struct err err;
	int rc = config_parse_scenario(
		out, embedded[i].text, strlen(embedded[i].text), embedded[i].name, &err);
	assert(rc == 0);
	(void)rc;
}

bool repertoire_read(struct scenario *out, size_t i)
{
	size_t first = 0;
	for (; scenario_built_in(first); first++)
		if (first == i) {
			*out = *scenario_built_in(first);
			return true;
		}
	if (i - first >= EMBEDDED_COUNT)
		return false;
	parse(out, i - first);
	return true;
}

/* A word without a point or a slash was meant as a name. */
static void add_near(struct err *err, const char *word)
{
	const char *names[NAMES_MAX];
	size_t n = 0;
	for (size_t i = 0; scenario_built_in(i); i++)
		names[n++] = scenario_built_in(i)->name;
	for (size_t i = 0; i < EMBEDDED_COUNT && n < NAMES_MAX - 1; i++)
		names[n++] = embedded[i].name;
	names[n] = NULL;
	const char *near = strpbrk(word, "./") ? NULL : text_nearest(word, names);
	const struct err was = *err;
	if (near)
		err_set(err, was.code, "%s; did you mean \"%s\"?", was.text, near);
	else if (!strpbrk(word, "./"))
		err_set(err, was.code, "%s; weir rehearse lists those that come with weir", was.text);
}

int repertoire_find(struct scenario *out, const char *word, struct err *err)
{
	const struct scenario *known = scenario_find(word);
	if (known) {
		*out = *known;
		return 0;
	}
	for (size_t i = 0; i < EMBEDDED_COUNT; i++)
		if (strcmp(embedded[i].name, word) == 0) {
			parse(out, i);
			return 0;
		}
	if (config_load_scenario(out, word, err) == 0)
		return 0;
	FILE *there = fopen(word, "re");
	if (there)
		fclose(there);
	else
		add_near(err, word);
	return -1;
}
