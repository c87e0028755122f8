/* Errors: the table of codes, and the one place where an error's text is made.
 * Not a log: nothing is printed here.
 *
 * 1. The text is valid UTF-8, one line, without a byte that a terminal obeys.
 * 2. The arguments of err_set may point into the very error that is set. */
#include "model/err.h"
#include "model/text.h"

#include <stdio.h>
#include <string.h>

static const struct {
	enum err_code code;
	enum exit_status status;
	const char *title;
	char name[5];
} rows[] = {
#define X(name, number, status, text) \
	{ERR_##name, status, text, \
		{'W', '0' + (number) / 100, '0' + (number) / 10 % 10, '0' + (number) % 10, '\0'}},
	ERR_INFO(X)
#undef X
};

enum { ROWS = sizeof rows / sizeof rows[0], RAW = 2 * sizeof((struct err *)0)->text };

/* The row of a code, ROWS for ERR_NONE and unknown ones. */
static unsigned row_of(enum err_code code)
{
	unsigned i = 0;
	while (i < ROWS && rows[i].code != code)
		i++;
	return i;
}

/* Formats into `raw`; returns the length without a character that was cut at the end. */
static size_t format_raw(char raw[RAW], const char *format, va_list args)
{
	int want = vsnprintf(raw, RAW, format, args);
	if (want < 0)
		raw[0] = '\0';
	return text_whole(raw, strlen(raw));
}

int err_set(struct err *e, enum err_code code, const char *format, ...)
{
	if (!e)
		return -1;
	char raw[RAW];
	va_list args;
	va_start(args, format);
	size_t len = format_raw(raw, format, args);
	va_end(args);
	e->code = code;
	text_clean(e->text, sizeof e->text, raw, len);
	return -1;
}

int err_prefix(struct err *e, const char *format, ...)
{
	if (!e || e->code == ERR_NONE)
		return -1;
	char raw[RAW], context[sizeof e->text], both[sizeof context + 2 + sizeof e->text];
	va_list args;
	va_start(args, format);
	size_t len = format_raw(raw, format, args);
	va_end(args);
	text_clean(context, sizeof context, raw, len);
	snprintf(both, sizeof both, "%s: %s", context, e->text);
	text_clean(e->text, sizeof e->text, both, strlen(both));
	return -1;
}

enum exit_status err_status(enum err_code code)
{
	if (code == ERR_NONE)
		return EXIT_DONE;
	unsigned i = row_of(code);
	return i < ROWS ? rows[i].status : EXIT_FAILED;
}

const char *err_title(enum err_code code)
{
	unsigned i = row_of(code);
	return i < ROWS ? rows[i].title : "";
}

const char *err_name(enum err_code code)
{
	unsigned i = row_of(code);
	return i < ROWS ? rows[i].name : "";
}

enum err_code err_at(unsigned i)
{
	return i < ROWS ? rows[i].code : ERR_NONE;
}
