/* Scan: the strict JSON scanner. It only says yes or no; cJSON builds the tree behind it.
 *
 * 1. What it accepts, every JSON reader accepts and understands alike: cJSON keeps 63 bytes of
 * a number, takes 1e999 as infinite, ignores what follows the document, and lets the first of
 *    two equal keys win.
 * 2. Time is O(n log n) for any input: keys are sorted, not hashed, so nobody can choose
 *    collisions. Memory is O(n); the stack does not grow with the nesting.
 * 3. `arena` and `keys` are stacks: those of an open object lie above those of the objects
 * around it and are dropped when it closes. */
#include "client/scan.h"

#include "model/mem.h"
#include "model/text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 63 /* bytes of a number that cJSON reads */
#define INTEGER_MAX ((INT64_C(1) << 53) - 1)

/* What may come next, when it is not white space. */
enum want { WANT_VALUE, WANT_VALUE_OR_CLOSE, WANT_KEY, WANT_KEY_OR_CLOSE, WANT_NEXT };

struct key {
	const char *bytes; /* unescaped, ASCII letters in lower case */
	size_t len;
	size_t at; /* where it begins in the document */
};

struct level {
	char close; /* ']' or '}' */
	size_t first_key, arena_len;
};

struct scan {
	const unsigned char *data;
	size_t len, at;
	enum want want;
	struct level levels[SCAN_DEPTH_MAX];
	size_t depth;
	struct key *keys;
	size_t key_count, key_cap;
	char *arena; /* as large as the document: unescaping never makes a key longer */
	size_t arena_len;
	const char *member; /* the outermost one that is looked for, NULL none */
	size_t member_at, member_end;
	struct err *err;
};

static int fail(const struct scan *s, enum err_code code, const char *what)
{
	return err_set(s->err, code, "%s at byte %zu", what, s->at);
}

static int ends_early(const struct scan *s)
{
	return fail(s, ERR_DOCUMENT, "the document ends too early");
}

static int peek(const struct scan *s)
{
	return s->at < s->len ? s->data[s->at] : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static void skip_space(struct scan *s)
{
	for (int c = peek(s); c == ' ' || c == '\n' || c == '\r' || c == '\t'; c = peek(s))
		s->at++;
}

/* ---- strings ---- */

static void keep(struct scan *s, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];
		s->arena[s->arena_len++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
}

/* The four digits of \uXXXX; -1 with err. */
static int hex4(struct scan *s, uint32_t *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		int c = peek(s);
		int digit = is_digit(c)    ? c - '0'
			: c >= 'a' && c <= 'f' ? c - 'a' + 10
			: c >= 'A' && c <= 'F' ? c - 'A' + 10
								   : -1;
		if (digit < 0)
			return c < 0 ? ends_early(s) : fail(s, ERR_DOCUMENT, "four hex digits are missing");
		*unit = *unit << 4 | (uint32_t)digit;
		s->at++;
	}
	return 0;
}

/* The code point behind "\u"; -1 with err. */
static int unicode_escape(struct scan *s, uint32_t *point)
{
	uint32_t low;
	if (hex4(s, point))
		return -1;
	if (*point == 0)
		return fail(s, ERR_UTF8, "\\u0000 stands in a string");
	if (*point < 0xD800 || *point > 0xDFFF)
		return 0;
	if (*point > 0xDBFF || s->len - s->at < 2 || memcmp(s->data + s->at, "\\u", 2) != 0)
		return fail(s, ERR_UTF8, "half a surrogate pair stands in a string");
	s->at += 2;
	if (hex4(s, &low))
		return -1;
	if (low < 0xDC00 || low > 0xDFFF)
		return fail(s, ERR_UTF8, "half a surrogate pair stands in a string");
	*point = 0x10000 + ((*point - 0xD800) << 10 | (low - 0xDC00));
	return 0;
}

/* What stands behind a backslash; its bytes go to the arena when `is_key`. */
static int escape(struct scan *s, bool is_key)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	char out[4];
	int c = peek(s), len = 1;
	uint32_t point;
	if (c < 0)
		return ends_early(s);
	const char *name = c ? strchr(names, c) : NULL;
	if (name) {
		out[0] = bytes[name - names];
		s->at++;
	} else if (c == 'u') {
		s->at++;
		if (unicode_escape(s, &point))
			return -1;
		len = text_encode(point, out);
	} else {
		return fail(s, ERR_DOCUMENT, "an unknown escape stands in a string");
	}
	if (is_key)
		keep(s, out, (size_t)len);
	return 0;
}

/* A whole string, `at` being on its opening quote. */
static int string(struct scan *s, bool is_key)
{
	for (s->at++;;) {
		int c = peek(s), used = 1;
		uint32_t point;
		const char *here = (const char *)s->data + s->at;
		if (c < 0)
			return ends_early(s);
		if (c == '"') {
			s->at++;
			return 0;
		}
		if (c == '\\') {
			s->at++;
			if (escape(s, is_key))
				return -1;
			continue;
		}
		if (c < 0x20)
			return fail(s, ERR_DOCUMENT, "a control byte stands in a string");
		if (c >= 0x80 && (used = text_decode(here, s->len - s->at, &point)) < 1)
			return fail(s, ERR_UTF8, "a string is not UTF-8");
		if (is_key)
			keep(s, here, (size_t)used);
		s->at += (size_t)used;
	}
}

static int string_value(struct scan *s)
{
	s->want = WANT_NEXT;
	return string(s, false);
}

/* ---- numbers and words ---- */

static size_t digits(struct scan *s)
{
	size_t from = s->at;
	while (is_digit(peek(s)))
		s->at++;
	return s->at - from;
}

/* Whether the digits of `number`, a dot between them or not, times ten to `exponent` are
 * finite. The dot is taken out, since strtod would look for that of the locale. */
static bool is_finite(const char *number, size_t len, long exponent)
{
	char plain[NUMBER_MAX + 32];
	size_t n = 0;
	bool fraction = false;
	for (size_t i = 0; i < len; i++) {
		if (number[i] == '.')
			fraction = true;
		else
			plain[n++] = number[i];
		exponent -= fraction && number[i] != '.';
	}
	(void)snprintf(plain + n, sizeof plain - n, "e%ld", exponent);
	return isfinite(strtod(plain, NULL));
}

static int number(struct scan *s)
{
	static const char wrong[] = "a number is not written as JSON wants it";
	size_t from = s->at, end;
	const char *first = (const char *)s->data + from;
	bool integer = true;
	long exponent = 0;
	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (digits(s) == 0)
		return peek(s) < 0 ? ends_early(s) : fail(s, ERR_DOCUMENT, wrong);
	if (is_digit(peek(s)))
		return fail(s, ERR_DOCUMENT, wrong);
	if (peek(s) == '.') {
		integer = false;
		s->at++;
		if (digits(s) == 0)
			return fail(s, ERR_DOCUMENT, wrong);
	}
	end = s->at;
	if (peek(s) == 'e' || peek(s) == 'E') {
		integer = false;
		s->at++;
		bool negative = peek(s) == '-';
		if (negative || peek(s) == '+')
			s->at++;
		if (!is_digit(peek(s)))
			return fail(s, ERR_DOCUMENT, wrong);
		for (; is_digit(peek(s)); s->at++)
			exponent = exponent > 100000 ? exponent : exponent * 10 + (peek(s) - '0');
		exponent = negative ? -exponent : exponent;
	}
	size_t len = s->at - from;
	s->want = WANT_NEXT;
	if (integer) {
		int64_t n = 0;
		for (size_t i = *first == '-'; i < len && n <= INTEGER_MAX; i++)
			n = n * 10 + (first[i] - '0');
		if (n > INTEGER_MAX)
			return fail(s, ERR_INTEGER, "an integer is beyond 2^53 - 1");
		return 0;
	}
	if (len > NUMBER_MAX)
		return fail(s, ERR_NUMBER, "a number is longer than 63 bytes");
	if (!is_finite(first, end - from, exponent))
		return fail(s, ERR_NUMBER, "a number is not finite");
	return 0;
}

static int word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t len = strlen(words[i]);
		if (s->len - s->at >= len && memcmp(s->data + s->at, words[i], len) == 0) {
			s->at += len;
			s->want = WANT_NEXT;
			return 0;
		}
	}
	return fail(s, ERR_DOCUMENT, "no JSON value begins");
}

/* ---- nesting ---- */

static int open_level(struct scan *s, char close, enum want want)
{
	if (s->depth == SCAN_DEPTH_MAX)
		return fail(s, ERR_DEPTH, "nested deeper than 32 levels");
	s->levels[s->depth++] = (struct level){close, s->key_count, s->arena_len};
	s->at++;
	s->want = want;
	return 0;
}

static int open_array(struct scan *s)
{
	return open_level(s, ']', WANT_VALUE_OR_CLOSE);
}

static int open_object(struct scan *s)
{
	return open_level(s, '}', WANT_KEY_OR_CLOSE);
}

static int compare_keys(const void *left, const void *right)
{
	const struct key *a = left, *b = right;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return a->len ? memcmp(a->bytes, b->bytes, a->len) : 0;
}

static int close_level(struct scan *s)
{
	const struct level *level = &s->levels[s->depth - 1];
	struct key *keys = s->keys + level->first_key;
	size_t count = s->key_count - level->first_key;
	if (count > 1)
		qsort(keys, count, sizeof *keys, compare_keys);
	for (size_t i = 1; i < count; i++) {
		if (compare_keys(&keys[i - 1], &keys[i]) == 0) {
			const struct key *k = &keys[i];
			return err_set(s->err, ERR_DUPLICATE,
				"key \"%.*s\" appears twice in one object (letter case does not tell keys "
				"apart), at bytes %zu and %zu",
				(int)(k->len < 64 ? k->len : 64), k->bytes, keys[i - 1].at, k->at);
		}
	}
	s->key_count = level->first_key;
	s->arena_len = level->arena_len;
	s->depth--;
	s->at++;
	s->want = WANT_NEXT;
	return 0;
}

/* True when the key that began at `from` and has just ended is the member looked for. */
static bool is_member(const struct scan *s, size_t from)
{
	return s->member && s->depth == 1 && s->at - from == strlen(s->member) + 2 &&
		memcmp(s->data + from + 1, s->member, s->at - from - 2) == 0;
}

static int key(struct scan *s)
{
	struct key k = {s->arena + s->arena_len, 0, s->at};
	size_t arena_len = s->arena_len;
	if (peek(s) != '"')
		return peek(s) < 0 ? ends_early(s) : fail(s, ERR_DOCUMENT, "no key begins");
	if (string(s, true))
		return -1;
	k.len = s->arena_len - arena_len;
	mem_grow(&s->keys, &s->key_cap, s->key_count + 1, sizeof *s->keys);
	s->keys[s->key_count++] = k;
	bool wanted = is_member(s, k.at);
	skip_space(s);
	if (peek(s) != ':')
		return peek(s) < 0 ? ends_early(s) : fail(s, ERR_DOCUMENT, "no colon follows the key");
	s->at++;
	s->want = WANT_VALUE;
	skip_space(s);
	if (wanted)
		s->member_at = s->at;
	return 0;
}

static int value(struct scan *s)
{
	static int (*const begins[256])(struct scan *) = {
		['{'] = open_object,
		['['] = open_array,
		['"'] = string_value,
		['t'] = word,
		['f'] = word,
		['n'] = word,
		['-'] = number,
		['0'] = number,
		['1'] = number,
		['2'] = number,
		['3'] = number,
		['4'] = number,
		['5'] = number,
		['6'] = number,
		['7'] = number,
		['8'] = number,
		['9'] = number,
	};
	int c = peek(s);
	if (c < 0)
		return ends_early(s);
	if (!begins[c])
		return fail(s, ERR_DOCUMENT, "no JSON value begins");
	return begins[c](s);
}

/* One step: a value, a key with its colon, a comma or a bracket that closes. */
static int step(struct scan *s)
{
	char close = s->depth ? s->levels[s->depth - 1].close : 0;
	bool closes = peek(s) == close && close != 0;
	if (closes && s->want != WANT_VALUE && s->want != WANT_KEY)
		return close_level(s);
	if (s->want == WANT_VALUE || s->want == WANT_VALUE_OR_CLOSE)
		return value(s);
	if (s->want == WANT_KEY || s->want == WANT_KEY_OR_CLOSE)
		return key(s);
	if (peek(s) < 0)
		return ends_early(s);
	if (peek(s) != ',')
		return fail(
			s, ERR_DOCUMENT, "neither a comma nor the end of its level follows a value");
	s->at++;
	s->want = close == '}' ? WANT_KEY : WANT_VALUE;
	return 0;
}

static int document(struct scan *s)
{
	do {
		skip_space(s);
		if (step(s))
			return -1;
		if (s->member_at > 0 && s->member_end == 0 && s->depth == 1 && s->want == WANT_NEXT)
			s->member_end = s->at;
	} while (s->depth > 0);
	skip_space(s);
	if (s->at < s->len)
		return fail(s, ERR_DOCUMENT, "something follows the document");
	return 0;
}

int scan_member(const char *data, size_t len, const char *name, const char **value,
	size_t *value_len, struct err *err)
{
	if (len > SCAN_SIZE_MAX)
		return err_set(err, ERR_TOO_LARGE, "the document has %zu bytes, at most %d are read",
			len, SCAN_SIZE_MAX);
	struct scan s = {
		.data = (const unsigned char *)data, .len = len, .member = name, .err = err};
	s.arena = mem_resize(NULL, len + 1, 1);
	int result = document(&s);
	*value = s.member_end > 0 ? data + s.member_at : NULL;
	*value_len = s.member_end - s.member_at;
	free(s.arena);
	free(s.keys);
	return result;
}

int scan_document(const char *data, size_t len, struct err *err)
{
	const char *none;
	size_t none_len;
	return scan_member(data, len, NULL, &none, &none_len, err);
}
