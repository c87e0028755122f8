/* text: the cleaner against hostile strings, UTF-8 at its edges, JSON, names, nearest words.
 *
 * The cleaner's properties, checked for every string at every buffer size: valid UTF-8, nothing
 * hidden, idempotent, NUL-terminated, cut only between whole characters and escapes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/mem.h"
#include "model/text.h"
#include "model/unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- the cleaner ---- */

#define ROW(src, want) \
	{ \
		src, sizeof src - 1, want \
	}
#define ACUTE "\xCC\x81"
#define ACUTE_4 ACUTE ACUTE ACUTE ACUTE

static const struct {
	const char *src;
	size_t len;
	const char *want;
} corpus[] = {
	ROW("", ""),
	ROW("checkout-eu", "checkout-eu"),
	ROW("caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80",
		"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"),
	/* what a terminal obeys */
	ROW("\x1b[2J", "^[[2J"),
	ROW("\x1b]0;title\x07", "^[]0;title^G"),
	ROW("\x1b]52;c;aGk=\x1b\\", "^[]52;c;aGk=^[\\"),
	ROW("\x1b]8;;http://x\x1b\\y", "^[]8;;http://x^[\\y"),
	ROW("\x1bPq#0\x1b\\", "^[Pq#0^[\\"),
	ROW("\x1b[6n", "^[[6n"),
	ROW("\x1b"
		"c",
		"^[c"),
	ROW("hello\rXX", "hello^MXX"),
	ROW("a\nb", "a^Jb"),
	ROW("a\r\nb", "a^M^Jb"),
	ROW("RED\b\b\bGREEN", "RED^H^H^HGREEN"),
	ROW("a\tb", "a^Ib"),
	ROW("a\vb\fc", "a^Kb^Lc"),
	ROW("\0a\0", "^@a^@"),
	ROW("\x0e\x0f", "^N^O"),
	ROW("\x05\x11\x13", "^E^Q^S"),
	ROW("\x1c\x1d\x1e\x1f", "^\\^]^^^_"),
	ROW("\x7f", "^?"),
	ROW("\x1b", "^["),
	ROW("^[[2J", "^[[2J"),
	/* C1, in UTF-8 and as bare bytes */
	ROW("\xC2\x9B"
		"2J",
		"^[[2J"),
	ROW("\xC2\x9D"
		"0;t\xC2\x9C",
		"^[]0;t^[\\"),
	ROW("\xC2\x85", "^[E"),
	ROW("\xC2\x80\xC2\x9F", "^[@^[_"),
	ROW("\x9B"
		"2J",
		"<9B>2J"),
	/* bidi */
	ROW("\xE2\x80\xAE"
		"live",
		"<U+202E>live"),
	ROW("a\xE2\x80\xAA\xE2\x80\xAB\xE2\x80\xAC\xE2\x80\xAD",
		"a<U+202A><U+202B><U+202C><U+202D>"),
	ROW("\xE2\x81\xA6\xE2\x81\xA7\xE2\x81\xA8\xE2\x81\xA9", "<U+2066><U+2067><U+2068><U+2069>"),
	ROW("\xE2\x80\x8E\xE2\x80\x8F", "<U+200E><U+200F>"),
	ROW("\xD8\x9C", "<U+061C>"),
	/* hidden */
	ROW("pay\xE2\x80\x8B-eu", "pay<U+200B>-eu"),
	ROW("\xE2\x80\x8C\xE2\x80\x8D", "<U+200C><U+200D>"),
	ROW("\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x92\xBB",
		"\xF0\x9F\x91\xA8<U+200D>\xF0\x9F\x92\xBB"),
	ROW("\xE2\x81\xA0\xE2\x81\xA1", "<U+2060><U+2061>"),
	ROW("pay\xC2\xAD-eu", "pay<U+00AD>-eu"),
	ROW("\xEF\xBB\xBFx", "<U+FEFF>x"),
	ROW("\xF3\xA0\x80\x81\xF3\xA0\x81\xA1\xF3\xA0\x81\xBF", "<U+E0001><U+E0061><U+E007F>"),
	ROW("\xE2\x9D\xA4\xEF\xB8\x8F", "\xE2\x9D\xA4<U+FE0F>"),
	ROW("a\xEF\xB8\x8E", "a<U+FE0E>"),
	ROW("a\xF3\xA0\x84\x80", "a<U+E0100>"),
	ROW("\xE1\xA0\x8E\xE1\xA0\x8B", "<U+180E><U+180B>"),
	ROW("a\xCD\x8F", "a<U+034F>"),
	ROW("\xE3\x85\xA4\xEF\xBE\xA0\xE1\x85\x9F", "<U+3164><U+FFA0><U+115F>"),
	ROW("a\xE2\x80\xA8"
		"b\xE2\x80\xA9",
		"a<U+2028>b<U+2029>"),
	ROW("\xEF\xBF\xB9\xEF\xBF\xBA\xEF\xBF\xBB", "<U+FFF9><U+FFFA><U+FFFB>"),
	ROW("\xEE\x80\x80", "<U+E000>"),
	ROW("\xEF\xBF\xBE\xEF\xBF\xBF", "<U+FFFE><U+FFFF>"),
	ROW("\xF4\x8F\xBF\xBF", "<U+10FFFF>"),
	ROW("\xF1\x80\x80\x80", "<U+40000>"),
	ROW("\xCD\xB8", "<U+0378>"),
	/* not UTF-8 */
	ROW("\xFF", "<FF>"),
	ROW("\xFE\xFF", "<FE><FF>"),
	ROW("\xC0\x80", "<C0><80>"),
	ROW("\xC1\xBF", "<C1><BF>"),
	ROW("\xC0\x9B[", "<C0><9B>["),
	ROW("\xE0\x80\x9B", "<E0><80><9B>"),
	ROW("\xE0\x9F\xBF", "<E0><9F><BF>"),
	ROW("\xF0\x80\x80\x9B", "<F0><80><80><9B>"),
	ROW("\xED\xA0\x80", "<ED><A0><80>"),
	ROW("\xED\xBF\xBF", "<ED><BF><BF>"),
	ROW("\xED\xA0\xBD\xED\xB8\x80", "<ED><A0><BD><ED><B8><80>"),
	ROW("\xF4\x90\x80\x80", "<F4><90><80><80>"),
	ROW("\xF8\x88\x80\x80\x80", "<F8><88><80><80><80>"),
	ROW("a\x80z", "a<80>z"),
	ROW("a\xC3", "a<C3>"),
	ROW("a\xE2\x82", "a<E2><82>"),
	ROW("a\xF0\x9F\x98", "a<F0><9F><98>"),
	ROW("\xE2\x82\x1b[m", "<E2><82>^[[m"),
	ROW("\xC3\xC3\xA9", "<C3>\xC3\xA9"),
	/* combining marks */
	ROW("e" ACUTE, "e" ACUTE),
	ROW("e" ACUTE_4, "e" ACUTE_4),
	ROW("e" ACUTE_4 ACUTE, "e" ACUTE_4),
	ROW("e" ACUTE_4 ACUTE_4 ACUTE_4 "x" ACUTE_4 ACUTE_4, "e" ACUTE_4 "x" ACUTE_4),
	ROW(ACUTE "e", "<U+0301>e"),
	ROW(ACUTE_4 ACUTE_4 "e", "<U+0301><U+0301><U+0301><U+0301>e"),
	ROW("\n" ACUTE, "^J<U+0301>"),
	ROW("\xFF\xCC\xB8", "<FF><U+0338>"),
	ROW("\xE2\x80\xAE\xCC\xB8", "<U+202E><U+0338>"),
	ROW("x\xE2\x83\x9D", "x\xE2\x83\x9D"),
	ROW("e" ACUTE_4 "\xE2\x80\x8B" ACUTE, "e" ACUTE_4 "<U+200B><U+0301>"),
	ROW("\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8", "\xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8"),
	/* wide, look-alike, imitating */
	ROW("\xE6\xBC\xA2\xE5\xAD\x97", "\xE6\xBC\xA2\xE5\xAD\x97"),
	ROW("\xEF\xBC\xA1\xE3\x80\x80", "\xEF\xBC\xA1\xE3\x80\x80"),
	ROW("p\xD0\xB0y-eu", "p\xD0\xB0y-eu"),
	ROW("Approve? [Y/n]\r\x1b[K", "Approve? [Y/n]^M^[[K"),
	ROW("<U+202E>", "<U+202E>"),
	ROW("%s%n%1000000d", "%s%n%1000000d"),
	ROW("\xEF\xBF\xBD", "\xEF\xBF\xBD"),
};

/* Length of the cleaned source; the properties that hold for every output. */
static size_t assert_clean(char *out, size_t size, const char *src, size_t len)
{
	memset(out, 'Z', size + 1);
	size_t got = text_clean(out, size, src, len);
	assert_true(got < size);
	assert_int_equal(out[got], '\0');
	assert_int_equal(strlen(out), got);
	assert_int_equal(out[size], 'Z');
	for (size_t at = 0; at < got;) {
		uint32_t point;
		int used = text_decode(out + at, got - at, &point);
		assert_true(used > 0);
		assert_false(point < 0x20 || (point >= 0x7F && point < 0xA0));
		assert_false(text_is_hidden(point));
		at += (size_t)used;
	}
	char *again = mem_new(size, 1);
	assert_int_equal(text_clean(again, size, out, got), got);
	assert_memory_equal(again, out, got + 1);
	free(again);
	return got;
}

/* Cleans at every size, and checks that a cut falls where a prefix of the source ends. */
static void assert_cuts(const char *src, size_t len)
{
	size_t whole_size = len * 10 + 1; /* "<U+E0001>" for four bytes, "^[E" for two, … */
	char *whole = mem_new(whole_size + 1, 1), *cut = mem_new(whole_size + 1, 1);
	bool *is_end = mem_new(whole_size, sizeof *is_end);
	size_t whole_len = assert_clean(whole, whole_size, src, len);
	is_end[0] = true;
	for (size_t at = 0; at < len;) {
		uint32_t point;
		int used = text_decode(src + at, len - at, &point);
		at += used < 0 ? 1 : (size_t)used;
		/* A prefix ends between code points here, so it cleans to a prefix of the whole. */
		is_end[text_clean(cut, whole_size, src, at)] = true;
	}
	for (size_t size = 1; size <= whole_len + 1; size++) {
		size_t got = assert_clean(cut, size, src, len), best = size - 1;
		while (!is_end[best])
			best--;
		assert_int_equal(got, best);
		assert_memory_equal(cut, whole, got);
	}
	free(is_end);
	free(cut);
	free(whole);
}

static void cleans_the_corpus(void **state)
{
	(void)state;
	assert_true(COUNT(corpus) >= 60);
	for (size_t i = 0; i < COUNT(corpus); i++) {
		char out[256];
		size_t got = text_clean(out, sizeof out, corpus[i].src, corpus[i].len);
		assert_int_equal(got, strlen(corpus[i].want));
		assert_string_equal(out, corpus[i].want);
		assert_cuts(corpus[i].src, corpus[i].len);
	}
}

/* xorshift64: the same strings in every run. */
static uint64_t seed = 0x9E3779B97F4A7C15U;

static size_t below(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % n);
}

static void cleans_anything(void **state)
{
	(void)state;
	for (int round = 0; round < 600; round++) {
		char src[40];
		size_t len = 0, want = below(24);
		while (len < want) {
			size_t kind = below(4);
			if (kind == 0) {
				src[len++] = (char)below(256);
			} else if (kind == 1) {
				len += (size_t)text_encode((uint32_t)below(0x110000), src + len);
			} else if (kind == 2) {
				len += (size_t)text_encode(0x300 + (uint32_t)below(16), src + len);
			} else {
				size_t row = below(COUNT(corpus));
				if (corpus[row].len > 12)
					continue;
				memcpy(src + len, corpus[row].src, corpus[row].len);
				len += corpus[row].len;
			}
		}
		assert_cuts(src, len);
	}
}

static void cleans_a_flood(void **state)
{
	(void)state;
	struct text t = {0};
	text_add(&t, "e");
	for (int i = 0; i < 100000; i++)
		text_add(&t, ACUTE);
	text_add(&t, "!");
	char out[64];
	text_clean(out, sizeof out, t.data, t.len);
	assert_string_equal(out, "e" ACUTE_4 "!");
	text_free(&t);
}

static void cleans_in_place(void **state)
{
	(void)state;
	char name[12] = "a\nb\xE2\x80\xAE"
					"c";
	text_clean_in(name, sizeof name);
	assert_string_equal(name, "a^Jb");
	char small[3] = "\x1b";
	text_clean_in(small, sizeof small);
	assert_string_equal(small, "^[");
	text_clean_in(small, sizeof small);
	assert_string_equal(small, "^[");
	char none[1] = "";
	text_clean_in(none, sizeof none);
	assert_string_equal(none, "");
	char kept = 'k';
	assert_int_equal(text_clean(&kept, 0, "abc", 3), 0);
	assert_int_equal(kept, 'k');
}

/* ---- UTF-8 ---- */

static void utf8_round_trip(void **state)
{
	(void)state;
	for (uint32_t point = 0; point <= 0x110010; point++) {
		char bytes[4];
		uint32_t got = 0;
		int len = text_encode(point, bytes);
		bool is_good = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
		int used = text_decode(bytes, (size_t)len, &got);
		if (used != (is_good ? len : -1) || (is_good && got != point))
			fail_msg("U+%04X: %d bytes written, %d read", point, len, used);
		if (len > 1 && text_decode(bytes, (size_t)len - 1, &got) != -1)
			fail_msg("U+%04X is read without its last byte", point);
	}
	uint32_t point;
	assert_int_equal(text_decode("", 0, &point), 0);
	assert_true(text_valid("", 0));
	assert_true(text_valid("a\xC3\xA9", 3));
	assert_false(text_valid("a\xC3\xA9", 2));
}

static void utf8_whole(void **state)
{
	(void)state;
	assert_int_equal(text_whole("", 0), 0);
	assert_int_equal(text_whole("ab", 2), 2);
	const char *s = "a\xF0\x9F\x98\x80";
	assert_int_equal(text_whole(s, 1), 1);
	for (size_t len = 2; len < 5; len++)
		assert_int_equal(text_whole(s, len), 1);
	assert_int_equal(text_whole(s, 5), 5);
	assert_int_equal(text_whole("\xE2\x82\xAC\xE2\x82", 5), 3);
	assert_int_equal(text_whole("\x80\x80\x80\x80\x80", 5), 5);
	assert_int_equal(text_whole("\x80\x80", 2), 2);
}

static void utf8_mended(void **state)
{
	(void)state;
	static const struct {
		const char *cut, *want;
	} rows[] = {
		{"", ""},
		{"plain", "plain"},
		{"\xE2\x82\xAC\xF0\x9F\x98\x80", "\xE2\x82\xAC\xF0\x9F\x98\x80"},
		{"a\xC3: b", "a: b"},
		{"a\xE2\x82: b", "a: b"},
		{"a\xF0\x9F\x98: b", "a: b"},
		{"by \xE2\x82\xAC\xE2\x82", "by \xE2\x82\xAC"},
		{"\xE2\x82\xE2\x82\xAC", "\xE2\x82\xAC"},
		{"\x80\xBF\xFF\xC0\xAF", ""},
		{"\xED\xA0\x80!", "!"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char s[32];
		assert_true(text_copy(s, sizeof s, rows[i].cut));
		text_mend(s);
		assert_string_equal(s, rows[i].want);
		text_mend(s);
		assert_string_equal(s, rows[i].want);
	}
}

/* Every cut that a precision can make of a text leaves valid UTF-8, of it and what follows. */
static void utf8_mended_wherever_it_is_cut(void **state)
{
	(void)state;
	static const char name[] = "k\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
	for (int cut = 0; cut <= (int)sizeof name - 1; cut++) {
		char s[64];
		snprintf(s, sizeof s, "by %.*s: \xC3\xA9", cut, name);
		text_mend(s);
		assert_true(text_valid(s, strlen(s)));
		assert_string_equal(s + strlen(s) - 4, ": \xC3\xA9");
	}
}

static void copies(void **state)
{
	(void)state;
	char out[6];
	assert_true(text_copy(out, sizeof out, "abcde"));
	assert_string_equal(out, "abcde");
	assert_false(text_copy(out, sizeof out, "abcdef"));
	assert_string_equal(out, "abcde");
	assert_false(text_copy(out, sizeof out, "abcd\xC3\xA9"));
	assert_string_equal(out, "abcd");
	assert_false(text_copy(out, sizeof out, "ab\xF0\x9F\x98\x80"));
	assert_string_equal(out, "ab");
	assert_false(text_copy(out, 1, "a"));
	assert_string_equal(out, "");
	assert_true(text_copy(out, 1, ""));
	assert_false(text_copy(out, 0, "a"));
}

static void widths(void **state)
{
	(void)state;
	static const struct {
		uint32_t point;
		int columns;
	} rows[] = {
		{'a', 1},
		{0xE9, 1},
		{0x2FF, 1},
		{0x300, 0},
		{0x36F, 0},
		{0x370, 1},
		{0x488, 0},
		{0x20DD, 0},
		{0x1100, 2},
		{0x1161, 0},
		{0x11A8, 0},
		{0x231A, 2},
		{0x2500, 1},
		{0x3000, 2},
		{0x302A, 0},
		{0x4E00, 2},
		{0xAC00, 2},
		{0xFF21, 2},
		{0xFF71, 1},
		{0xFFFD, 1},
		{0x1F600, 2},
		{0x20000, 2},
		{0x3FFFD, 2},
		{0x10FFFF, 1},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(text_columns(rows[i].point), rows[i].columns);
	assert_int_equal(text_width(""), 0);
	assert_int_equal(text_width("e" ACUTE "\xE6\xBC\xA2x"), 4);
	assert_int_equal(text_width("a\xFFz"), 3);
}

static void hidden(void **state)
{
	(void)state;
	static const uint32_t shown[] = {
		' ', '~', 0xA0, 0xAE, 0x200A, 0x2010, 0x2800, 0xFFFC, 0x1F600, 0x2A6E0};
	static const uint32_t unseen[] = {0, 0x1F, 0x7F, 0x9F, 0xAD, 0x200B, 0x2028, 0x206F, 0xD800,
		0xE000, 0xFDD0, 0xFE00, 0xFFFF, 0x1FFFE, 0xE0001, 0xE01EF, 0xF0000, 0x10FFFF};
	for (size_t i = 0; i < COUNT(shown); i++)
		assert_false(text_is_hidden(shown[i]));
	for (size_t i = 0; i < COUNT(unseen); i++)
		assert_true(text_is_hidden(unseen[i]));
}

/* ---- growable strings and JSON ---- */

static void grows(void **state)
{
	(void)state;
	struct text t = {0};
	assert_string_equal(text_str(&t), "");
	text_add_n(&t, "abc", 2);
	text_addf(&t, "%d-%s", 42, "x");
	assert_string_equal(text_str(&t), "ab42-x");
	assert_int_equal(t.len, 6);
	text_clear(&t);
	assert_string_equal(text_str(&t), "");
	for (int i = 0; i < 3000; i++)
		text_addf(&t, "%d", i % 10);
	assert_int_equal(t.len, 3000);
	assert_int_equal(strlen(t.data), 3000);
	char *taken = text_take(&t);
	assert_int_equal(strlen(taken), 3000);
	assert_null(t.data);
	free(taken);
	taken = text_take(&t);
	assert_string_equal(taken, "");
	free(taken);
	text_add(&t, "again");
	text_free(&t);
	assert_null(t.data);
	assert_int_equal(t.cap, 0);
	text_clear(&t);
	assert_string_equal(text_str(&t), "");
}

static void json_strings(void **state)
{
	(void)state;
	static const struct {
		const char *s, *want;
	} rows[] = {
		{NULL, "null"},
		{"", "\"\""},
		{"a\"b\\c/", "\"a\\\"b\\\\c/\""},
		{"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
		{"\x01\x1b\x7f", "\"\\u0001\\u001b\\u007f\""},
		{"caf\xC3\xA9", "\"caf\xC3\xA9\""},
		{"\xC2\x9B\xE2\x80\xAE", "\"\\u009b\\u202e\""},
		{"\xF3\xA0\x80\x81", "\"\\udb40\\udc01\""},
		{"a\xFF\xED\xA0\x80z", "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\""},
		{"\xC3", "\"\xEF\xBF\xBD\""},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct text t = {0};
		text_add_json(&t, rows[i].s);
		assert_string_equal(text_str(&t), rows[i].want);
		text_free(&t);
	}
}

static void json_members(void **state)
{
	(void)state;
	struct text t = {0};
	text_add(&t, "{");
	text_json_str(&t, "name", "a\"b");
	text_json_str(&t, "none", NULL);
	text_json_int(&t, "n", -3);
	text_json_int(&t, "least", INT64_MIN + 1);
	text_json_int(&t, "unknown", UNKNOWN);
	text_json_bool(&t, "yes", true);
	text_json_bool(&t, "no", false);
	text_json_key(&t, "in");
	text_add(&t, "{");
	text_json_real(&t, "nan", (double)NAN);
	text_json_real(&t, "infinite", -(double)INFINITY);
	text_json_real(&t, "tenth", 0.1);
	text_json_real(&t, "whole", 5);
	text_add(&t, "}");
	text_json_int(&t, "last", 0);
	text_add(&t, "}");
	assert_string_equal(text_str(&t),
		"{\"name\":\"a\\\"b\",\"none\":null,\"n\":-3,\"least\":-9223372036854775807,"
		"\"unknown\":null,\"yes\":true,\"no\":false,\"in\":{\"nan\":null,\"infinite\":null,"
		"\"tenth\":0.1,\"whole\":5},\"last\":0}");
	text_free(&t);
}

static void json_reals_read_back(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		double want = ldexp((double)below((size_t)1 << 53), (int)below(200) - 150);
		struct text t = {0};
		text_json_real(&t, "x", i % 2 ? want : -want);
		assert_int_equal(strspn(t.data + 4, "0123456789.e+-"), t.len - 4);
		double got = strtod(t.data + 4, NULL);
		assert_false(fabs(got) < want || fabs(got) > want);
		text_free(&t);
	}
}

/* ---- names and words ---- */

static void names(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "checkout-eu", "A.b_c:9", "9", "_x", ":0", "a..b"};
	static const char *const bad[] = {"", ".", "..", ".ssh", "-rf", "a/b", "a b", "a\n",
		"p\xD0\xB0y", "a\\b", "a%", "$x", "a;b", "abcdefghijklmnopq", "a\x7f", "a@b", "a*"};
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(text_is_name(good[i], 16));
	for (size_t i = 0; i < COUNT(bad); i++)
		if (text_is_name(bad[i], 16))
			fail_msg("'%s' passed as a name", bad[i]);
	assert_true(text_is_name("abcdefghijklmnop", 16));
	assert_false(text_is_name("a", 0));
}

static void nearest(void **state)
{
	(void)state;
	static const char *const words[] = {"step", "hold", "resume", "rollback", "log", "status",
		"a-word-that-is-much-longer-than-any-other", NULL};
	static const char *const none[] = {NULL};
	static const struct {
		const char *given, *want;
	} rows[] = {
		{"step", "step"},
		{"setp", "step"},
		{"stp", "step"},
		{"steps", "step"},
		{"rolback", "rollback"},
		{"rollbakc", "rollback"},
		{"statsu", "status"},
		{"lgo", "log"},
		{"lo", "log"},
		{"logs", "log"},
		{"l", NULL},
		{"dig", NULL},
		{"lxx", NULL},
		{"", NULL},
		{"xyzzy", NULL},
		{"rollforward", NULL},
		{"hodl", "hold"},
		{"resmue", "resume"},
		{"a-word-that-is-much-longer-than-any-other", NULL},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = text_nearest(rows[i].given, words);
		if (rows[i].want)
			assert_string_equal(got, rows[i].want);
		else
			assert_null(got);
	}
	static const char *const alike[] = {"hold", "gold", NULL};
	assert_string_equal(text_nearest("bold", alike), "hold");
	assert_null(text_nearest("step", none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cleans_the_corpus),
		cmocka_unit_test(cleans_anything),
		cmocka_unit_test(cleans_a_flood),
		cmocka_unit_test(cleans_in_place),
		cmocka_unit_test(utf8_round_trip),
		cmocka_unit_test(utf8_whole),
		cmocka_unit_test(utf8_mended),
		cmocka_unit_test(utf8_mended_wherever_it_is_cut),
		cmocka_unit_test(copies),
		cmocka_unit_test(widths),
		cmocka_unit_test(hidden),
		cmocka_unit_test(grows),
		cmocka_unit_test(json_strings),
		cmocka_unit_test(json_members),
		cmocka_unit_test(json_reals_read_back),
		cmocka_unit_test(names),
		cmocka_unit_test(nearest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
