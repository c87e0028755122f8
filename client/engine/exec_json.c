/* Exec JSON: a strict recursive reader over a line in memory. It builds no tree: a worker's
 * line has five members that matter, and its result is passed on as it stands.
 *
 * 1. The reader never moves past `end`; every step looks before it takes.
 * 2. The stack is bounded by EXEC_JSON_DEPTH_MAX, whatever the line holds. */
#include "client/engine/exec_json.h"

#include "model/text.h"
#include "model/unit.h"

#include <string.h>

#define INTEGER_MAX ((INT64_C(1) << 53) - 1)

struct reader {
	const char *at, *end;
	struct exec_json_member *wanted;
	size_t count;
};

static bool value(struct reader *r, int depth);

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static void skip_space(struct reader *r)
{
	while (r->at < r->end && memchr(" \t\n\r", *r->at, 4))
		r->at++;
}

/* ---- strings ---- */

/* Four hex digits; -1 where they are not. */
static int32_t hex4(struct reader *r)
{
	int32_t unit = 0;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit = r->at < r->end ? memchr(digits, *r->at, sizeof digits - 1) : NULL;
		if (!digit)
			return -1;
		int d = (int)(digit - digits);
		unit = unit * 16 + (d > 15 ? d - 6 : d);
		r->at++;
	}
	return unit;
}

/* The character behind "\u": its bytes go to `out`; 0 where it is none. */
static int unicode_escape(struct reader *r, char out[4])
{
	int32_t point = hex4(r);
	if (point >= 0xD800 && point <= 0xDBFF) {
		if (!take(r, '\\') || !take(r, 'u'))
			return 0;
		int32_t low = hex4(r);
		if (low < 0xDC00 || low > 0xDFFF)
			return 0;
		point = 0x10000 + ((point - 0xD800) * 0x400 | (low - 0xDC00));
	} else if (point <= 0 || (point >= 0xDC00 && point <= 0xDFFF)) {
		return 0;
	}
	return text_encode((uint32_t)point, out);
}

/* One character of a string, escaped or not: its bytes go to `out`; their number, 0 for none. */
static int character(struct reader *r, char out[4])
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	uint32_t point;
	if (take(r, '\\')) {
		if (take(r, 'u'))
			return unicode_escape(r, out);
		const char *name = r->at < r->end ? memchr(names, *r->at, sizeof names - 1) : NULL;
		if (!name)
			return 0;
		out[0] = bytes[name - names];
		r->at++;
		return 1;
	}
	int used = text_decode(r->at, (size_t)(r->end - r->at), &point);
	if (used < 1 || point < 0x20)
		return 0;
	memcpy(out, r->at, (size_t)used);
	r->at += used;
	return used;
}

static bool string(struct reader *r)
{
	char out[4];
	if (!take(r, '"'))
		return false;
	while (!take(r, '"'))
		if (character(r, out) == 0)
			return false;
	return true;
}

/* ---- numbers and words ---- */

static bool digits(struct reader *r)
{
	const char *from = r->at;
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return r->at > from;
}

static bool number(struct reader *r)
{
	take(r, '-');
	if (!take(r, '0') && !digits(r))
		return false;
	if (take(r, '.') && !digits(r))
		return false;
	if (take(r, 'e') || take(r, 'E')) {
		if (!take(r, '+'))
			take(r, '-');
		return digits(r);
	}
	return true;
}

static bool word(struct reader *r)
{
	static const char *const words[] = {"true", "false", "null"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t len = strlen(words[i]);
		if ((size_t)(r->end - r->at) >= len && memcmp(r->at, words[i], len) == 0) {
			r->at += len;
			return true;
		}
	}
	return false;
}

/* ---- arrays and objects ---- */

/* Notes the value of a wanted member of the outermost object. */
static bool note(
	struct reader *r, const char *name, size_t name_len, const char *from, size_t len)
{
	if (memchr(name, '\\', name_len))
		return false;
	for (size_t i = 0; i < r->count; i++) {
		struct exec_json_member *m = &r->wanted[i];
		if (strlen(m->name) != name_len || memcmp(m->name, name, name_len) != 0)
			continue;
		if (m->value)
			return false;
		m->value = from;
		m->len = len;
	}
	return true;
}

static bool member(struct reader *r, int depth)
{
	const char *name = r->at + 1;
	if (!string(r))
		return false;
	size_t name_len = (size_t)(r->at - 1 - name);
	skip_space(r);
	if (!take(r, ':'))
		return false;
	skip_space(r);
	const char *from = r->at;
	if (!value(r, depth))
		return false;
	return depth > 1 || note(r, name, name_len, from, (size_t)(r->at - from));
}

/* What stands between brackets, the opening one taken: items, commas, the closing one. */
static bool items(
	struct reader *r, int depth, bool (*item)(struct reader *r, int depth), char close)
{
	if (depth > EXEC_JSON_DEPTH_MAX)
		return false;
	skip_space(r);
	if (take(r, close))
		return true;
	do {
		skip_space(r);
		if (!item(r, depth))
			return false;
		skip_space(r);
	} while (take(r, ','));
	return take(r, close);
}

static bool value(struct reader *r, int depth)
{
	if (take(r, '{'))
		return items(r, depth + 1, member, '}');
	if (take(r, '['))
		return items(r, depth + 1, value, ']');
	if (r->at < r->end && *r->at == '"')
		return string(r);
	return word(r) || number(r);
}

bool exec_json_read(const char *data, size_t len, struct exec_json_member *wanted, size_t count)
{
	struct reader r = {data, data + len, wanted, count};
	for (size_t i = 0; i < count; i++)
		wanted[i].value = NULL;
	skip_space(&r);
	if (r.at == r.end || *r.at != '{' || !value(&r, 0))
		return false;
	skip_space(&r);
	return r.at == r.end;
}

bool exec_json_item(
	const struct exec_json_member *array, size_t *at, struct exec_json_member *item)
{
	if (!array->value)
		return false;
	struct reader r = {array->value + *at, array->value + array->len, NULL, 0};
	if (!take(&r, *at ? ',' : '['))
		return false;
	skip_space(&r);
	const char *from = r.at;
	if (!value(&r, 1))
		return false;
	*item = (struct exec_json_member){.value = from, .len = (size_t)(r.at - from)};
	skip_space(&r);
	*at = (size_t)(r.at - array->value);
	return true;
}

bool exec_json_text(const struct exec_json_member *m, char *out, size_t size)
{
	struct reader r = {m->value, m->value + m->len, NULL, 0};
	size_t len = 0;
	char bytes[4];
	if (!m->value || !take(&r, '"'))
		return false;
	while (!take(&r, '"')) {
		int used = character(&r, bytes);
		if (used == 0 || len + (size_t)used >= size)
			break;
		memcpy(out + len, bytes, (size_t)used);
		len += (size_t)used;
	}
	out[len] = '\0';
	return true;
}

bool exec_json_int(const struct exec_json_member *m, int64_t *out)
{
	char digits[20];
	if (!m->value || m->len >= sizeof digits)
		return false;
	memcpy(digits, m->value, m->len);
	digits[m->len] = '\0';
	return unit_parse_int(digits, 0, INTEGER_MAX, out);
}

bool exec_json_is(const struct exec_json_member *m, const char *word)
{
	return m->value && m->len == strlen(word) && memcmp(m->value, word, m->len) == 0;
}
