/* Text: growable strings, JSON strings, UTF-8, names. Not the cleaner (text_clean.c), not the
 * tables (text_point.c). Nothing here depends on the locale.
 *
 * 1. `data` is NULL or has a NUL at `len`.
 * 2. What text_add_json writes is ASCII where a terminal would obey or hide it. */
#include "model/text.h"
#include "model/mem.h"
#include "model/unit.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- growable strings ---- */

/* Makes room for `len` more bytes and a NUL; returns where they go. */
static char *reserve(struct text *t, size_t len)
{
	if (len > SIZE_MAX - t->len - 1)
		mem_fail();
	mem_grow(&t->data, &t->cap, t->len + len + 1, 1);
	return t->data + t->len;
}

void text_add_n(struct text *t, const char *s, size_t len)
{
	char *end = reserve(t, len);
	if (len)
		memcpy(end, s, len);
	end[len] = '\0';
	t->len += len;
}

void text_add(struct text *t, const char *s)
{
	text_add_n(t, s, strlen(s));
}

void text_addv(struct text *t, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	assert(len >= 0);
	char *end = reserve(t, (size_t)len);
	vsnprintf(end, (size_t)len + 1, format, args);
	t->len += (size_t)len;
}

void text_addf(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	text_addv(t, format, args);
	va_end(args);
}

void text_clear(struct text *t)
{
	t->len = 0;
	if (t->data)
		t->data[0] = '\0';
}

void text_free(struct text *t)
{
	free(t->data);
	*t = (struct text){0};
}

const char *text_str(const struct text *t)
{
	return t->data ? t->data : "";
}

char *text_take(struct text *t)
{
	char *taken = t->data ? t->data : mem_copy("");
	*t = (struct text){0};
	return taken;
}

/* ---- JSON ---- */

/* Writes a code point as \uXXXX, as a pair of surrogates above U+FFFF. */
static void add_json_escape(struct text *t, uint32_t point)
{
	static const char plain[] = "\bb\ff\nn\rr\tt\"\"\\\\";
	for (const char *p = plain; *p; p += 2)
		if ((unsigned char)*p == point) {
			text_add_n(t, (const char[]){'\\', p[1]}, 2);
			return;
		}
	if (point > 0xFFFF) {
		text_addf(t, "\\u%04" PRIx32, 0xD7C0 + (point >> 10));
		point = 0xDC00 + (point & 0x3FF);
	}
	text_addf(t, "\\u%04" PRIx32, point);
}

void text_add_json(struct text *t, const char *s)
{
	if (!s) {
		text_add(t, "null");
		return;
	}
	text_add(t, "\"");
	size_t len = strlen(s), kept = 0, at = 0;
	while (at < len) {
		uint32_t point;
		int used = text_decode(s + at, len - at, &point);
		if (used > 0 && point != '"' && point != '\\' && !text_is_hidden(point)) {
			at += (size_t)used;
			continue;
		}
		text_add_n(t, s + kept, at - kept);
		if (used < 0)
			text_add(t, "\xEF\xBF\xBD");
		else
			add_json_escape(t, point);
		at += used < 0 ? 1 : (size_t)used;
		kept = at;
	}
	text_add_n(t, s + kept, at - kept);
	text_add(t, "\"");
}

void text_json_key(struct text *t, const char *name)
{
	if (t->len && t->data[t->len - 1] != '{')
		text_add(t, ",");
	text_add_json(t, name);
	text_add(t, ":");
}

void text_json_str(struct text *t, const char *name, const char *value)
{
	text_json_key(t, name);
	text_add_json(t, value);
}

void text_json_int(struct text *t, const char *name, int64_t value)
{
	text_json_key(t, name);
	if (value == UNKNOWN)
		text_add(t, "null");
	else
		text_addf(t, "%" PRId64, value);
}

/* The shortest of 15 to 17 digits that reads back as the same number. */
void text_add_real(struct text *t, double value)
{
	char digits[64];
	if (!isfinite(value)) {
		text_add(t, "null");
		return;
	}
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(digits, sizeof digits, "%.*g", precision, value);
		if (!(strtod(digits, NULL) < value) && !(strtod(digits, NULL) > value))
			break;
	}
	/* The decimal point is the locale's here, and may be several bytes. */
	for (const char *p = digits; *p;) {
		size_t number = strspn(p, "0123456789+-e");
		text_add_n(t, p, number);
		p += number;
		if (*p)
			text_add(t, ".");
		p += strcspn(p, "0123456789");
	}
}

void text_json_real(struct text *t, const char *name, double value)
{
	text_json_key(t, name);
	text_add_real(t, value);
}

void text_json_bool(struct text *t, const char *name, bool value)
{
	text_json_key(t, name);
	text_add(t, value ? "true" : "false");
}

/* ---- UTF-8 ---- */

int text_decode(const char *s, size_t len, uint32_t *point)
{
	/* Lead byte: bits it carries, length, least code point of that length. */
	static const struct {
		unsigned char mask, lead, len;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 1, 0},
		{0xE0, 0xC0, 2, 0x80},
		{0xF0, 0xE0, 3, 0x800},
		{0xF8, 0xF0, 4, 0x10000},
	};
	if (len == 0)
		return 0;
	const unsigned char *u = (const unsigned char *)s;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		if ((u[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (forms[i].len > len)
			return -1;
		uint32_t value = u[0] & (unsigned char)~forms[i].mask;
		for (size_t k = 1; k < forms[i].len; k++) {
			if ((u[k] & 0xC0) != 0x80)
				return -1;
			value = value << 6 | (u[k] & 0x3F);
		}
		if (value < forms[i].least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
			return -1;
		*point = value;
		return forms[i].len;
	}
	return -1;
}

int text_encode(uint32_t point, char out[4])
{
	static const unsigned char leads[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
	int len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	for (int i = len - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (point & 0x3F));
		point >>= 6;
	}
	out[0] = (char)(leads[len] | point);
	return len;
}

bool text_valid(const char *s, size_t len)
{
	uint32_t point;
	for (size_t at = 0; at < len;) {
		int used = text_decode(s + at, len - at, &point);
		if (used < 0)
			return false;
		at += (size_t)used;
	}
	return true;
}

size_t text_whole(const char *s, size_t len)
{
	size_t tail = 0;
	while (tail < 3 && tail < len && ((unsigned char)s[len - 1 - tail] & 0xC0) == 0x80)
		tail++;
	if (tail == len)
		return len;
	unsigned char lead = (unsigned char)s[len - 1 - tail];
	size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
	return tail + 1 < want ? len - 1 - tail : len;
}

void text_mend(char *s)
{
	size_t len = strlen(s), kept = 0;
	uint32_t point;
	for (size_t at = 0; at < len;) {
		int used = text_decode(s + at, len - at, &point);
		if (used > 0) {
			memmove(s + kept, s + at, (size_t)used);
			kept += (size_t)used;
		}
		at += used > 0 ? (size_t)used : 1;
	}
	s[kept] = '\0';
}

bool text_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);
	if (size == 0)
		return false;
	size_t take = len < size ? len : text_whole(src, size - 1);
	memcpy(dst, src, take);
	dst[take] = '\0';
	return take == len;
}

int text_width(const char *s)
{
	size_t len = strlen(s);
	int width = 0;
	for (size_t at = 0; at < len;) {
		uint32_t point = 0;
		int used = text_decode(s + at, len - at, &point);
		width += used < 0 ? 1 : text_columns(point);
		at += used < 0 ? 1 : (size_t)used;
	}
	return width;
}

/* ---- names and words ---- */

bool text_is_name(const char *s, size_t max)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_:.-";
	size_t len = strspn(s, allowed);
	return len >= 1 && len <= max && s[len] == '\0' && s[0] != '.' && s[0] != '-';
}

enum { WORD_MAX = 32 };

/* Edits between two words: a letter added, dropped, changed, or swapped with its neighbour
 * (optimal string alignment). */
static size_t edits(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];
	for (size_t i = 0; i <= a_len; i++)
		d[i][0] = i;
	for (size_t k = 0; k <= b_len; k++)
		d[0][k] = k;
	for (size_t i = 1; i <= a_len; i++)
		for (size_t k = 1; k <= b_len; k++) {
			size_t best = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
			if (d[i - 1][k] + 1 < best)
				best = d[i - 1][k] + 1;
			if (d[i][k - 1] + 1 < best)
				best = d[i][k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
				d[i - 2][k - 2] + 1 < best)
				best = d[i - 2][k - 2] + 1;
			d[i][k] = best;
		}
	return d[a_len][b_len];
}

const char *text_nearest(const char *given, const char *const *words)
{
	size_t given_len = strlen(given), least = SIZE_MAX;
	const char *nearest = NULL;
	if (given_len > WORD_MAX)
		return NULL;
	for (; *words; words++) {
		size_t len = strlen(*words);
		if (len > WORD_MAX)
			continue;
		size_t far = edits(given, given_len, *words, len);
		if (far <= (len <= 3 ? 1U : 2U) && far < least) {
			least = far;
			nearest = *words;
		}
	}
	return nearest;
}
