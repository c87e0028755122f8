/* Sentences that fit. The marks are control characters, which cleaned text never has. */
#include "model/fit.h"

#include "model/text.h"

#include <string.h>

enum { SHORT_FROM = 1, SHORT_TO, NONE_FROM, NONE_TO }; /* as the header writes them */

static void take_out(char *from, size_t len)
{
	memmove(from, from + len, strlen(from + len) + 1);
}

/* Columns of `len` bytes, the marks among them not counted. */
static int width(const char *s, size_t len)
{
	int columns = 0;
	uint32_t point;
	for (int n; (n = text_decode(s, len, &point)) > 0; s += n, len -= (size_t)n)
		columns += point > NONE_TO ? text_columns(point) : 0;
	return columns;
}

/* The bytes of `s`, of `len`, that stand in so many columns. */
static size_t within(const char *s, size_t len, int columns)
{
	size_t at = 0;
	uint32_t point;
	for (int n; (n = text_decode(s + at, len - at, &point)) > 0; at += (size_t)n) {
		columns -= point > NONE_TO ? text_columns(point) : 0;
		if (columns < 0)
			break;
	}
	return at;
}

/* Cuts the `len` bytes at `at` to fewer columns; the mark is one of them. */
static void cut(char *s, size_t size, char *at, size_t len, int columns)
{
	size_t keep = within(at, len, columns - 1), mark = strlen(FIT_MARK);
	while (keep > 0 && strchr(" ,;:", at[keep - 1]))
		keep--;
	size_t rest = strlen(at + len);
	char *from = at + keep + mark;
	if ((size_t)(from - s) + rest >= size) /* no room for a longer string: the end goes */
		rest = (size_t)(from - s) < size ? size - 1 - (size_t)(from - s) : 0;
	memmove(from, at + len, rest);
	memcpy(at + keep, FIT_MARK, mark);
	from[rest] = 0;
}

size_t fit_words(const char *text, int columns)
{
	size_t end = 0, blank = 0, len = strlen(text);
	for (int used = 0; end < len;) {
		uint32_t point = 0;
		int n = text_decode(text + end, len - end, &point);
		used += n > 0 ? text_columns(point) : 1;
		n = n > 0 ? n : 1;
		if (used > columns)
			return blank ? blank : end ? end : (size_t)n;
		end += (size_t)n;
		if (point == ' ')
			blank = end;
	}
	return end;
}

static bool leave_out_last(char *s)
{
	char *from = strrchr(s, NONE_FROM);
	if (!from)
		return false;
	char *to = strchr(from, NONE_TO);
	take_out(from, to ? (size_t)(to - from) + 1 : strlen(from));
	return true;
}

/* Shortens the widest part that may be, by at most `excess` columns. */
static bool shorten_widest(char *s, size_t size, int excess)
{
	char *widest = NULL;
	size_t widest_len = 0;
	int most = FIT_LEAST;
	for (char *from = strchr(s, SHORT_FROM); from; from = strchr(from + 1, SHORT_FROM)) {
		char *to = strchr(from, SHORT_TO);
		size_t len = to ? (size_t)(to - from) - 1 : strlen(from + 1);
		int columns = width(from + 1, len);
		if (columns > most) {
			most = columns;
			widest = from + 1;
			widest_len = len;
		}
	}
	if (!widest)
		return false;
	cut(s, size, widest, widest_len, most - excess > FIT_LEAST ? most - excess : FIT_LEAST);
	return true;
}

void fit(char *sentence, size_t size, int columns)
{
	text_mend(sentence);
	for (int excess; (excess = width(sentence, strlen(sentence)) - columns) > 0;)
		if (!leave_out_last(sentence) && !shorten_widest(sentence, size, excess))
			break;
	for (char *at = sentence; *at;)
		if (*at > 0 && *at <= NONE_TO)
			take_out(at, 1);
		else
			at++;
	if (text_width(sentence) > columns)
		cut(sentence, size, sentence, strlen(sentence), columns);
}
