/* Exchange: a scanner for the one shape of JSON that an exchange file has: objects of integers,
 * texts, truths and nulls. Not a JSON library: what a row cannot have is an error at its place. A
 * column is that of a byte, from 1.
 *
 * Invariants:
 * 1. No more than one line is held, and no line of more than TABLES_LINE_MAX bytes.
 * 2. A value is used only when the whole line was good. */
#include "history/exchange.h"

#include "history/sparse.h"
#include "model/mem.h"
#include "model/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_END ((int64_t)1 << 28)
#define TENTHS_END ((int64_t)1 << 35)
#define SEQ_MAX ((int64_t)1 << 53)

struct scan {
	struct exchange *x;
	const char *begin, *at, *end; /* of the line; a NUL stands behind it */
	struct err *err;
};

void exchange_init(struct exchange *x, FILE *file, const char *name)
{
	memset(x, 0, sizeof *x);
	x->file = file;
	x->name = name;
}

void exchange_release(struct exchange *x)
{
	text_free(&x->bytes);
	for (int i = 0; i < TABLES_FIELDS_MAX; i++)
		text_free(&x->values[i].text);
}

/* ---- errors ---- */

static int fail_at(const struct exchange *x, int column, struct err *err, enum err_code code,
	const char *format, va_list args)
{
	struct text says = {0};

	text_addv(&says, format, args);
	err_set(err, code, "%s:%lld:%d: %s", x->name, (long long)x->line, column, text_str(&says));
	text_free(&says);
	return -1;
}

int exchange_fail(const struct exchange *x, int column, struct err *err, enum err_code code,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_at(x, column, err, code, format, args);
	va_end(args);
	return -1;
}

static int fail(const struct scan *s, const char *where, enum err_code code, const char *format,
	...) __attribute__((format(printf, 4, 5)));

static int fail(
	const struct scan *s, const char *where, enum err_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fail_at(s->x, (int)(where - s->begin) + 1, s->err, code, format, args);
	va_end(args);
	return -1;
}

/* ---- JSON ---- */

static void skip_blanks(struct scan *s)
{
	s->at += strspn(s->at, " \t\r");
}

static int expect(struct scan *s, char c)
{
	skip_blanks(s);
	if (*s->at != c)
		return fail(s, s->at, ERR_DOCUMENT, "'%c' is missing", c);
	s->at++;
	return 0;
}

/* Four hex digits behind a \u. */
static int read_unit(struct scan *s, uint32_t *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++, s->at++) {
		const char c = *s->at;
		const int digit = c >= '0' && c <= '9' ? c - '0'
			: c >= 'a' && c <= 'f'             ? c - 'a' + 10
			: c >= 'A' && c <= 'F'             ? c - 'A' + 10
											   : -1;

		if (digit < 0)
			return fail(s, s->at, ERR_DOCUMENT, "\\u needs four hex digits");
		*unit = *unit << 4 | (uint32_t)digit;
	}
	return 0;
}

/* What stands behind \u: one unit, or two that make a point. */
static int read_point(struct scan *s, struct text *out)
{
	const char *where = s->at - 2;
	uint32_t point, low;
	char bytes[4];

	if (read_unit(s, &point) < 0)
		return -1;
	if (point >= 0xd800 && point < 0xe000) {
		if (point >= 0xdc00 || s->at[0] != '\\' || s->at[1] != 'u')
			return fail(s, where, ERR_UTF8, "half of a pair of \\u");
		s->at += 2;
		if (read_unit(s, &low) < 0)
			return -1;
		if (low < 0xdc00 || low >= 0xe000)
			return fail(s, where, ERR_UTF8, "half of a pair of \\u");
		point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
	}
	text_add_n(out, bytes, (size_t)text_encode(point, bytes));
	return 0;
}

static int read_escape(struct scan *s, struct text *out)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const char *letter = s->at[1] != '\0' ? strchr(letters, s->at[1]) : NULL;

	if (letter == NULL && s->at[1] != 'u')
		return fail(s, s->at, ERR_DOCUMENT, "no escape of JSON");
	s->at += 2;
	if (letter == NULL)
		return read_point(s, out);
	text_add_n(out, meant + (letter - letters), 1);
	return 0;
}

/* Reads a string into `out`. The line is UTF-8 already. */
static int read_string(struct scan *s, struct text *out)
{
	const char *where = s->at++;

	text_clear(out);
	text_add_n(out, "", 0);
	for (;;) {
		const char *kept = s->at;

		while ((unsigned char)*s->at >= ' ' && *s->at != '"' && *s->at != '\\')
			s->at++;
		text_add_n(out, kept, (size_t)(s->at - kept));
		if (*s->at == '"')
			break;
		if (*s->at != '\\')
			return s->at == s->end
				? fail(s, where, ERR_DOCUMENT, "the string does not end")
				: fail(s, s->at, ERR_DOCUMENT, "a control byte in a string: escape it");
		if (read_escape(s, out) < 0)
			return -1;
	}
	s->at++;
	return 0;
}

/* ---- values ---- */

static bool are_digits(const struct text *t, size_t count)
{
	return t->len == count && strspn(t->data, "0123456789abcdef") == count;
}

static int read_integer(struct scan *s, const struct tables_field *f, struct exchange_value *v)
{
	static const struct {
		int64_t min, max;
	} bounds[] = {
		[TABLES_INT] = {-INT64_MAX, INT64_MAX},
		[TABLES_ROW_ID] = {1, SEQ_MAX},
		[TABLES_SERIES] = {0, SERIES_END - 1},
		[TABLES_TENTHS] = {-TENTHS_END, TENTHS_END - 1},
		[TABLES_SHARE] = {0, SHARE_FULL},
		[TABLES_BIT] = {0, 1},
	};
	const char *where = s->at;
	char *end;

	if (strspn(s->at, "-0123456789") == 0)
		return fail(s, where, ERR_FIELD, "\"%s\" is an integer%s", f->name,
			f->nullable ? " or null" : "");
	errno = 0;
	v->n = strtoll(s->at, &end, 10);
	s->at = end;
	if (end == where || strspn(end, "-.eE0123456789") > 0 ||
		(*where == '0' && end - where > 1) || (*where == '-' && where[1] == '0'))
		return fail(s, where, ERR_FIELD, "\"%s\" is no integer in its shortest form", f->name);
	if (errno == ERANGE || v->n < bounds[f->kind].min || v->n > bounds[f->kind].max)
		return fail(s, where, ERR_FIELD, "\"%s\" must be from %lld to %lld", f->name,
			(long long)bounds[f->kind].min, (long long)bounds[f->kind].max);
	return 0;
}

static int read_truth(struct scan *s, const struct tables_field *f, struct exchange_value *v)
{
	v->n = strncmp(s->at, "true", 4) == 0;
	if (v->n == 0 && strncmp(s->at, "false", 5) != 0)
		return fail(s, s->at, ERR_FIELD, "\"%s\" is true or false", f->name);
	s->at += v->n != 0 ? 4 : 5;
	return 0;
}

/* Turns hex digits into the bytes that they are, which must be a histogram's. */
static bool take_histogram(struct text *t)
{
	struct histogram *h = mem_new(1, sizeof *h);
	bool good = t->len % 2 == 0 && strspn(t->data, "0123456789abcdef") == t->len;

	for (size_t i = 0; good && i < t->len; i += 2) {
		const char pair[3] = {t->data[i], t->data[i + 1], '\0'};

		t->data[i / 2] = (char)strtol(pair, NULL, 16);
	}
	t->len /= 2;
	good = good && sparse_decode(h, (const unsigned char *)t->data, t->len);
	free(h);
	return good;
}

static int read_text(struct scan *s, const struct tables_field *f, struct exchange_value *v)
{
	const char *where = s->at;
	const size_t digits = tables_digits(f->kind);

	if (*where != '"')
		return fail(s, where, ERR_FIELD, "\"%s\" is a string%s", f->name,
			f->nullable ? " or null" : "");
	if (read_string(s, &v->text) < 0)
		return -1;
	if (digits != 0 && !are_digits(&v->text, digits))
		return fail(
			s, where, ERR_FIELD, "\"%s\" must be %zu lower-case hex digits", f->name, digits);
	if (f->kind == TABLES_HISTOGRAM && !take_histogram(&v->text))
		return fail(s, where, ERR_FIELD, "\"%s\" is no histogram", f->name);
	return 0;
}

static int read_value(struct scan *s, const struct tables_field *f, struct exchange_value *v)
{
	skip_blanks(s);
	v->at = (int)(s->at - s->begin) + 1;
	v->is_null = f->nullable && strncmp(s->at, "null", 4) == 0;
	if (v->is_null) {
		s->at += 4;
		return 0;
	}
	if (f->kind < TABLES_TRUTH)
		return read_integer(s, f, v);
	return f->kind == TABLES_TRUTH ? read_truth(s, f, v) : read_text(s, f, v);
}

/* ---- a row ---- */

static const struct tables_row *table_of(const char *name)
{
	if (strcmp(name, tables_begin.name) == 0)
		return &tables_begin;
	if (strcmp(name, tables_end.name) == 0)
		return &tables_end;
	for (int i = 0; i < TABLES_COUNT; i++)
		if (strcmp(name, tables_rows[i].name) == 0)
			return &tables_rows[i];
	return NULL;
}

/* Reads a member's name and the colon. 0, or -1 with err. */
static int read_name(struct scan *s, struct text *out, const char **where)
{
	skip_blanks(s);
	*where = s->at;
	if (*s->at != '"')
		return fail(s, s->at, ERR_DOCUMENT, "a name in quotes is missing");
	return read_string(s, out) < 0 ? -1 : expect(s, ':');
}

static int read_table(struct scan *s, struct text *word)
{
	const char *where;

	if (expect(s, '{') < 0 || read_name(s, word, &where) < 0)
		return -1;
	if (strcmp(word->data, "table") != 0)
		return fail(s, where, ERR_FIELD, "\"table\" comes first");
	skip_blanks(s);
	where = s->at;
	if (*where != '"')
		return fail(s, where, ERR_FIELD, "\"table\" is a string");
	if (read_string(s, word) < 0)
		return -1;
	s->x->table = table_of(word->data);
	return s->x->table != NULL
		? 0
		: fail(s, where, ERR_FIELD, "no table \"%.60s\" is known", word->data);
}

static int read_member(struct scan *s, struct text *word, bool seen[TABLES_FIELDS_MAX])
{
	const struct tables_row *t = s->x->table;
	const char *where;
	size_t i = 0;

	if (read_name(s, word, &where) < 0)
		return -1;
	while (i < t->count && strcmp(t->fields[i].name, word->data) != 0)
		i++;
	if (i == t->count)
		return fail(
			s, where, ERR_FIELD, "table \"%s\" has no column \"%.60s\"", t->name, word->data);
	if (seen[i])
		return fail(s, where, ERR_DUPLICATE, "\"%s\" is there twice", t->fields[i].name);
	seen[i] = true;
	return read_value(s, &t->fields[i], &s->x->values[i]);
}

static int read_row(struct scan *s, struct text *word)
{
	bool seen[TABLES_FIELDS_MAX] = {false};

	if (read_table(s, word) < 0)
		return -1;
	for (skip_blanks(s); *s->at == ','; skip_blanks(s)) {
		s->at++;
		if (read_member(s, word, seen) < 0)
			return -1;
	}
	if (*s->at != '}')
		return fail(s, s->at, ERR_DOCUMENT, "',' or '}' is missing");
	for (size_t i = 0; i < s->x->table->count; i++)
		if (!seen[i])
			return fail(s, s->at, ERR_FIELD, "\"%s\" is missing", s->x->table->fields[i].name);
	s->at++;
	skip_blanks(s);
	if (s->at != s->end)
		return fail(s, s->at, ERR_DOCUMENT, "more than one object in a line");
	return 0;
}

/* ---- lines ---- */

/* Reads a line without its end. 1, 0 behind the last one, -1 with err. */
static int read_line(struct exchange *x, struct err *err)
{
	char part[4096];
	size_t len = 0;
	int c;

	text_clear(&x->bytes);
	x->line++;
	while ((c = getc_unlocked(x->file)) != EOF && c != '\n') {
		if (x->bytes.len + len == TABLES_LINE_MAX)
			return exchange_fail(x, TABLES_LINE_MAX + 1, err, ERR_TOO_LARGE,
				"the line is longer than %d bytes", TABLES_LINE_MAX);
		part[len++] = (char)c;
		if (len == sizeof part) {
			text_add_n(&x->bytes, part, len);
			len = 0;
		}
	}
	text_add_n(&x->bytes, part, len);
	if (ferror(x->file))
		return err_set(err, ERR_FILE, "\"%s\" cannot be read: %s", x->name, strerror(errno));
	if (c == EOF && x->bytes.len > 0)
		return exchange_fail(
			x, (int)x->bytes.len + 1, err, ERR_DOCUMENT, "the line does not end");
	return c != EOF;
}

static int check_text(const struct scan *s)
{
	uint32_t point;

	for (const char *at = s->begin; at < s->end;) {
		const int used = text_decode(at, (size_t)(s->end - at), &point);

		if (used <= 0)
			return fail(s, at, ERR_UTF8, "not UTF-8");
		if (point == 0)
			return fail(s, at, ERR_DOCUMENT, "a NUL byte: this is not text");
		at += used;
	}
	return 0;
}

int exchange_next(struct exchange *x, struct err *err)
{
	struct text word = {0};
	const int more = read_line(x, err);
	int code;

	if (more <= 0)
		return more;
	const char *line = text_str(&x->bytes);
	struct scan s = {.x = x, .begin = line, .at = line, .end = line + x->bytes.len, .err = err};

	code = check_text(&s) < 0 ? -1 : read_row(&s, &word);
	text_free(&word);
	return code < 0 ? -1 : 1;
}
