/* Words: one pass over the text, which is unquoted in place. */
#include "tui/words.h"

#include "model/mem.h"

#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t\n";

/* Copies what stands between quotes, the opening one passed; NULL where the closing one lacks. */
static const char *unquote(const char *from, char quote, char **to)
{
	while (*from && *from != quote) {
		if (quote == '"' && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		*(*to)++ = *from++;
	}
	return *from ? from + 1 : NULL;
}

/* Copies one word; NULL where it has no end. */
static const char *take_word(const char *from, char **to)
{
	while (from && *from && !strchr(blanks, *from)) {
		char c = *from++;
		if (c == '\'' || c == '"') {
			from = unquote(from, c, to);
		} else if (c != '\\') {
			*(*to)++ = c;
		} else if (*from) {
			*(*to)++ = *from++;
		} else {
			from = NULL;
		}
	}
	*(*to)++ = '\0';
	return from;
}

int words_read(struct words *out, const char *line, struct err *err)
{
	*out = (struct words){.text = mem_new(strlen(line) + 2, 1)};
	char *to = out->text;
	const char *from = line + strspn(line, blanks);
	while (*from) {
		if (out->count == WORDS_MAX)
			return err_set(err, ERR_USAGE, "'%.60s…' has more than %d words", line, WORDS_MAX);
		out->word[out->count++] = to;
		from = take_word(from, &to);
		if (!from)
			return err_set(
				err, ERR_USAGE, "'%s' ends within a quote or behind a backslash", line);
		from += strspn(from, blanks);
	}
	if (out->count == 0 || !*out->word[0])
		return err_set(err, ERR_USAGE, "'%s' names no program", line);
	return 0;
}

void words_free(struct words *w)
{
	free(w->text);
	*w = (struct words){0};
}
