/* Scanner: written from RFC 8259, not from the program's: it recurses, keeps the keys of an object
 * in a list and compares each with each. Slow, small, and only for texts without NUL.
 *
 * Whatever says no says it at once: nothing is read behind a byte that was refused. */
#include "tests/lib/scanner.h"

#include "model/mem.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64
#define NAME_MAX_BYTES 96
#define COUNT(array) (sizeof(array) / sizeof *(array))

struct second {
	const unsigned char *at;
	int depth;
};

struct names {
	char list[NAMES_MAX][NAME_MAX_BYTES];
	int count;
};

static bool value(struct second *s);

static void space(struct second *s)
{
	while (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')
		s->at++;
}

/* One character of UTF-8 into `out`; its length, 0 for none. */
static int character(const unsigned char *at, char *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	int len = *at < 0x80 ? 1 : *at >> 5 == 6 ? 2 : *at >> 4 == 14 ? 3 : *at >> 3 == 30 ? 4 : 0;
	uint32_t point = len == 1 ? *at : *at & (0x7fu >> len);
	for (int i = 1; i < len; i++) {
		if (at[i] >> 6 != 2)
			return 0;
		point = point << 6 | (at[i] & 0x3f);
	}
	if (len == 0 || point < least[len] || point > 0x10ffff || (point >> 11) == 0x1b)
		return 0;
	memcpy(out, at, (size_t)len);
	return len;
}

static int hex(const unsigned char *at)
{
	unsigned unit = 0;
	for (int i = 0; i < 4; i++)
		if (!isxdigit(at[i]))
			return -1;
	(void)sscanf((const char *)at, "%4x", &unit);
	return (int)unit;
}

static size_t encode(uint32_t point, char *out)
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	size_t len = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (size_t i = len; i-- > 1; point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)((0xf00u >> len & 0xff) | point);
	return len;
}

/* A string; its characters, ASCII in lower case, go to `out`. */
static bool string(struct second *s, char *out, size_t size)
{
	size_t n = 0;
	if (*s->at != '"')
		return false;
	s->at++;
	while (*s->at != '"') {
		char c[4];
		int len = 1;
		if (*s->at < 0x20)
			return false;
		if (*s->at != '\\') {
			len = character(s->at, c);
			s->at += len;
		} else if (s->at[1] == 'u') {
			int unit = hex(s->at + 2), low = 0;
			if (unit < 0)
				return false;
			s->at += 6;
			if (unit >= 0xd800 && unit < 0xdc00 && s->at[0] == '\\' && s->at[1] == 'u') {
				low = hex(s->at + 2);
				if (low < 0xdc00 || low > 0xdfff)
					return false;
				unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
				s->at += 6;
			}
			if (unit == 0 || unit >> 11 == 0x1b)
				return false;
			len = (int)encode((uint32_t)unit, c);
		} else {
			const char *known = strchr("\"\"\\\\//b\bf\fn\nr\rt\t", s->at[1]);
			if (!s->at[1] || s->at[1] < 0x20 || !known)
				return false;
			c[0] = known[1];
			s->at += 2;
		}
		if (len == 0)
			return false;
		for (int i = 0; i < len && n + 1 < size; i++)
			out[n++] = (char)(c[i] > 0 ? tolower(c[i]) : c[i]);
	}
	s->at++;
	out[n] = '\0';
	return true;
}

static bool number(struct second *s)
{
	char number[128];
	const unsigned char *from = s->at;
	size_t len = strspn((const char *)from, "+-0123456789.eE");
	if (len >= sizeof number)
		return false;
	snprintf(number, sizeof number, "%.*s", (int)len, (const char *)from);
	s->at += len;
	const char *c = number + (number[0] == '-');
	size_t whole = strspn(c, "0123456789");
	if (whole == 0 || (*c == '0' && whole > 1))
		return false;
	const char *rest = c + whole;
	bool integer = *rest == '\0';
	if (integer) {
		char most[] = "9007199254740991";
		return whole < strlen(most) || (whole == strlen(most) && strcmp(c, most) <= 0);
	}
	if (*rest == '.') {
		size_t digits = strspn(rest + 1, "0123456789");
		if (digits == 0)
			return false;
		rest += 1 + digits;
	}
	if (*rest == 'e' || *rest == 'E') {
		rest += 1 + (rest[1] == '-' || rest[1] == '+');
		size_t digits = strspn(rest, "0123456789");
		if (digits == 0)
			return false;
		rest += digits;
	}
	return *rest == '\0' && len <= 63 && isfinite(strtod(number, NULL));
}

/* A member whose name none of the others has. */
static bool member(struct second *s, struct names *names)
{
	assert(names->count < NAMES_MAX);
	char *name = names->list[names->count];
	space(s);
	if (!string(s, name, NAME_MAX_BYTES))
		return false;
	for (int i = 0; i < names->count; i++)
		if (strcmp(names->list[i], name) == 0)
			return false;
	names->count++;
	space(s);
	if (*s->at != ':')
		return false;
	s->at++;
	return value(s);
}

static bool members(struct second *s, struct names *names)
{
	for (;;) {
		if (!member(s, names))
			return false;
		space(s);
		if (*s->at != ',')
			break;
		s->at++;
	}
	if (*s->at != '}')
		return false;
	s->at++;
	return true;
}

static bool object(struct second *s)
{
	s->at++;
	space(s);
	if (*s->at == '}') {
		s->at++;
		return true;
	}
	struct names *names = mem_new(1, sizeof *names);
	bool good = members(s, names);
	free(names);
	return good;
}

static bool array(struct second *s)
{
	s->at++;
	space(s);
	if (*s->at == ']') {
		s->at++;
		return true;
	}
	for (;;) {
		if (!value(s))
			return false;
		space(s);
		if (*s->at == ']') {
			s->at++;
			return true;
		}
		if (*s->at != ',')
			return false;
		s->at++;
	}
}

static bool value(struct second *s)
{
	static const char *const words[] = {"true", "false", "null"};
	char ignored[NAME_MAX_BYTES];
	space(s);
	if (*s->at == '{' || *s->at == '[') {
		if (++s->depth > 32)
			return false;
		bool good = *s->at == '{' ? object(s) : array(s);
		s->depth--;
		return good;
	}
	if (*s->at == '"')
		return string(s, ignored, sizeof ignored);
	for (size_t i = 0; i < COUNT(words); i++)
		if (strncmp((const char *)s->at, words[i], strlen(words[i])) == 0) {
			s->at += strlen(words[i]);
			return true;
		}
	return number(s);
}

bool scanner_accepts(const char *text)
{
	struct second s = {.at = (const unsigned char *)text};
	if (!value(&s))
		return false;
	space(&s);
	return *s.at == '\0';
}

/* Random documents, and what a mistake or malice makes of them. Source of the numbers:
 * xorshift64 (Marsaglia, 2003). */
unsigned scanner_draw(struct scanner_maker *m, unsigned below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (unsigned)(m->random >> 33) % below;
}

static void make_string(struct scanner_maker *m, bool key)
{
	static const char *const keys[] = {
		"a", "b", "B", "share", "Share", "\\u0061", "k\\n", "\xc3\xa9", "\xc3\x89", "", "seq"};
	static const char *const texts[] = {"", "plain", "\\\"quoted\\\\", "\\ud83d\\ude00",
		"\xf0\x9f\x98\x80", "\\u00e9", "\\ud800", "\xff", "\\u0000", "\\x", "\xed\xa0\x80",
		"\\udfff\\ud800", "tab\\t", "\x01", "\xe2\x82"};
	unsigned which =
		scanner_draw(m, 8) > 0 ? scanner_draw(m, 6) : scanner_draw(m, COUNT(texts));
	text_addf(&m->out, "\"%s\"", key ? keys[scanner_draw(m, COUNT(keys))] : texts[which]);
}

static void make_number(struct scanner_maker *m)
{
	static const char *const numbers[] = {"0", "-0", "1", "42", "10000", "-7", "0.5", "1e3",
		"1E-2", "9007199254740991", "-9007199254740991", "9007199254740992", "1e308", "1e309",
		"01", "1.", ".5", "+1", "-", "1e", "NaN", "Infinity", "1e+", "0x1", "1.5e-999",
		"123456789.123456789e10", "00", "-01"};
	unsigned which =
		scanner_draw(m, 8) > 0 ? scanner_draw(m, 11) : scanner_draw(m, COUNT(numbers));
	text_add(&m->out, numbers[which]);
}

static void make_value(struct scanner_maker *m)
{
	static const char *const words[] = {"true", "false", "null"};
	static const char *const spaces[] = {"", "", "", " ", "\n\t", "\r"};
	unsigned kind = m->depth > 6 ? scanner_draw(m, 3) : scanner_draw(m, 5);
	text_add(&m->out, spaces[scanner_draw(m, COUNT(spaces))]);
	if (kind == 0) {
		make_string(m, false);
	} else if (kind == 1) {
		make_number(m);
	} else if (kind == 2) {
		text_add(&m->out, words[scanner_draw(m, COUNT(words))]);
	} else {
		bool object = kind == 3;
		unsigned count = scanner_draw(m, 5);
		m->depth++;
		text_add(&m->out, object ? "{" : "[");
		for (unsigned i = 0; i < count; i++) {
			text_add(&m->out, i ? "," : "");
			if (object) {
				make_string(m, true);
				text_add(&m->out, ":");
			}
			make_value(m);
		}
		text_add(&m->out, object ? "}" : "]");
		m->depth--;
	}
	text_add(&m->out, spaces[scanner_draw(m, COUNT(spaces))]);
}

/* A byte lost, changed, doubled, the end cut, or a bracket more. */
static void spoil(struct scanner_maker *m)
{
	static const char bytes[] = "{}[]\",:0e.-\\ \x80\x1f";
	size_t at = m->out.len > 0 ? scanner_draw(m, (unsigned)m->out.len) : 0;
	struct text out = {0};
	text_add_n(&out, text_str(&m->out), at);
	char byte = bytes[scanner_draw(m, sizeof bytes - 1)];
	switch (scanner_draw(m, 4)) {
	case 0:
		text_add(&out, text_str(&m->out) + at + (at < m->out.len));
		break;
	case 1:
		text_add_n(&out, &byte, 1);
		text_add(&out, text_str(&m->out) + at + (at < m->out.len));
		break;
	case 2:
		text_add_n(&out, &byte, 1);
		text_add(&out, text_str(&m->out) + at);
		break;
	default:
		break;
	}
	text_free(&m->out);
	m->out = out;
}

void scanner_make(struct scanner_maker *m)
{
	text_clear(&m->out);
	make_value(m);
	if (scanner_draw(m, 3) == 0)
		spoil(m);
}
