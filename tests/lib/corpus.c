/* Corpus: what is hostile one by one is generated, what is hostile by its shape is written
 * down. */
#include "tests/lib/corpus.h"

#include "model/mem.h"
#include "model/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define FLOOD 500 /* marks on one character; longer than any field */

#define ROW(src) \
	{ \
		src, sizeof src - 1 \
	}

static const struct {
	const char *bytes;
	size_t len;
} written[] = {
	/* sequences a terminal obeys */
	ROW("\033[2J"),
	ROW("\033[H\033[J\033[1;31mRED\033[0m"),
	ROW("\033[10;1HREADY for 50 %"),
	ROW("\033[1A\033[2Kgreen"),
	ROW("\033[999D\033[999Bbottom"),
	ROW("\033[?1049l"),
	ROW("\033[?1049h\033[?25l"),
	ROW("\033[?2004l"),
	ROW("\033[?1000h\033[?1003h\033[?1006h"),
	ROW("\033[8mhidden\033[28m"),
	ROW("\033[5mblink"),
	ROW("\033[3g\033H"),
	ROW("\033[1;1r"),
	ROW("\033[20h\033[4h"),
	ROW("\033[b\033[100b"),
	ROW("\033[!p"),
	ROW("\033c"),
	ROW("\033#8"),
	ROW("\033(0qqqq\033(B"),
	ROW("\033%@"),
	ROW("\033 G"),
	ROW("\0337\0338"),
	ROW("\033D\033E\033M"),
	ROW("\033=\033>"),
	ROW("\033\033\033[2J"),
	ROW("\033"),
	ROW("\033["),
	ROW("\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18m"),
	ROW("\033[99999999999999999999999999999999999A"),
	ROW("\033[5i\033[4i"),
	/* strings: title, clipboard, links, colours, notices, macros */
	ROW("\033]0;owned\a"),
	ROW("\033]1;icon\a\033]2;title\033\\"),
	ROW("\033]2;without an end"),
	ROW("\033]l title of old\033\\"),
	ROW("\033]52;c;cm0gLXJmIH4=\a"),
	ROW("\033]52;p;?\033\\"),
	ROW("\033]8;;http://evil.example/\033\\click\033]8;;\033\\"),
	ROW("\033]4;1;rgb:00/ff/00\a"),
	ROW("\033]10;?\a\033]11;?\a"),
	ROW("\033]9;4;1;50\a"),
	ROW("\033]50;font\a"),
	ROW("\033]133;A\a"),
	ROW("\033]777;notify;Approve;now\a"),
	ROW("\033]1337;File=inline=1:AAAA\a"),
	ROW("\033]7;file:///etc/passwd\a"),
	ROW("\033Pq#0;2;0;0;0#0~~@@vv\033\\"),
	ROW("\033P$q\"p\033\\"),
	ROW("\033P+q544e\033\\"),
	ROW("\033P1;1|17/52590d\033\\"),
	ROW("\033_Gf=100,a=T;AAAA\033\\"),
	ROW("\033_payload\033\\"),
	ROW("\033^privacy\033\\"),
	ROW("\033Xstart\033\\"),
	ROW("\033k screen's title\033\\"),
	ROW("\033Ptmux;\033\033]52;c;eQ==\a\033\\"),
	/* questions, and the answers that they bring as keys */
	ROW("\033[c\033[>c\033[=c"),
	ROW("\033[6n\033[?6n\033[5n"),
	ROW("\033[18t\033[21t\033[20t"),
	ROW("\033[x"),
	ROW("\005"),
	ROW("\033[24;80R"),
	ROW("\033[?62;22c"),
	ROW("\033]11;rgb:ffff/ffff/ffff\033\\"),
	/* the same in C1 */
	ROW("\xc2\x9b"
		"2J"),
	ROW("\xc2\x9d"
		"0;owned\xc2\x9c"),
	ROW("\xc2\x90q#0\xc2\x9c"),
	ROW("\xc2\x9f"
		"Gf=1;\xc2\x9c"),
	ROW("\xc2\x8d\xc2\x84\xc2\x85"),
	ROW("\x9b"
		"2J"),
	ROW("\x9d"
		"0;owned\x9c"),
	ROW("\x90q\x9c"),
	ROW("\x84\x85\x8d"),
	/* what moves the cursor or overwrites what stands there */
	ROW("hello\rRED gone"),
	ROW("RED\b\b\bGREEN"),
	ROW("one\ntwo\nthree"),
	ROW("one\r\ntwo"),
	ROW("a\tb\tc"),
	ROW("a\vb\fc"),
	ROW("\016line drawing\017"),
	ROW("\a\a\a\a"),
	ROW("a\177\177\177b"),
	ROW("a\0b"),
	ROW("\0"),
	ROW("\032\030cancelled"),
	ROW("\021\023stopped"),
	/* directions */
	ROW("\xe2\x80\xae"
		"evil\xe2\x80\xac"),
	ROW("abc\xe2\x80\xae% 001 > 01 pets"),
	ROW("\xe2\x81\xa7\xe2\x81\xa6\xe2\x80\xaexyz\xe2\x81\xa9\xe2\x81\xa9"),
	ROW("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d 10 % \xd8\xa7\xd9\x84\xd8\xb9"),
	/* nothing to be seen */
	ROW("pay\xe2\x80\x8b-eu"),
	ROW("pay-eu\xe2\x80\x8d\xe2\x80\x8c"),
	ROW("\xef\xbb\xbfpay-eu"),
	ROW("pay\xc2\xad-eu"),
	ROW("\xf3\xa0\x80\x81\xf3\xa0\x81\x88\xf3\xa0\x81\x89"),
	ROW("x\xf3\xa0\x81\xbf"),
	ROW("a\xef\xb8\x8f\xe2\x83\xa3"),
	ROW("a\xf3\xa0\x84\x80"),
	ROW("\xe3\x85\xa4\xef\xbe\xa0\xe1\x85\x9f"),
	ROW("a\xcd\x8f"
		"b"),
	ROW("\xe2\x81\xa0\xe2\x81\xa1\xe2\x81\xa2\xe2\x81\xa3\xe2\x81\xa4"),
	ROW("\xe2\x80\xa8\xe2\x80\xa9"),
	ROW("                                        "),
	ROW(" "),
	ROW("checkout "),
	ROW("\xc2\xa0\xe2\x80\x87\xe2\x80\xaf\xe3\x80\x80"),
	/* marks */
	ROW("\xcc\x81"),
	ROW("e\xcc\x81\xcc\x82\xcc\x83\xcc\x84\xcc\x85\xcc\x86\xcc\x87"),
	ROW("\xe2\x83\x9d\xe2\x83\x9e"),
	ROW("a\xcc\xb6"
		"b\xcc\xb6"
		"c\xcc\xb6"),
	ROW("\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7\xe0\xa4\xbf"),
	/* widths */
	ROW("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97"),
	ROW("\xef\xbc\xa1\xef\xbc\xa2\xef\xbc\xa3"),
	ROW("\xef\xbd\xb1\xef\xbd\xb2\xef\xbd\xb3"),
	ROW("\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7"),
	ROW("\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd"),
	ROW("\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa"),
	ROW("\xe2\x9d\xa4\xef\xb8\x8f"),
	ROW("\xc2\xb1\xc2\xa7\xe2\x97\x86\xe2\x96\xa0\xe2\x91\xa0"),
	ROW("\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"),
	ROW("\xea\xb0\x80\xeb\x82\x98"),
	ROW("\xef\xb7\xbd\xf0\x92\x80\xb1"),
	ROW("\xf0\xaa\x9b\x9f\xf0\xa0\x80\x80"),
	/* no characters */
	ROW("\xef\xbf\xbe"),
	ROW("\xef\xbf\xbf"),
	ROW("\xf4\x8f\xbf\xbf"),
	ROW("\xef\xb7\x90"),
	ROW("\xee\x80\x80\xef\xa3\xbf"),
	ROW("\xf3\xb0\x80\x80"),
	ROW("\xcd\xb8"),
	/* no UTF-8 */
	ROW("\xc0\x80"),
	ROW("\xc0\x9b[2J"),
	ROW("\xe0\x80\x9b"
		"2J"),
	ROW("\xf0\x80\x80\x9b"
		"2J"),
	ROW("\xed\xa0\x80"),
	ROW("\xed\xa0\xbd\xed\xb8\x80"),
	ROW("\xf4\x90\x80\x80"),
	ROW("\xf8\x88\x80\x80\x80"),
	ROW("\xfe\xff"),
	ROW("\xc3"),
	ROW("\xe2\x82"),
	ROW("\xf0\x9f\x98"),
	ROW("\xc3\033[2J"),
	ROW("caf\xe9"),
	/* look-alikes */
	ROW("p\xd0\xb0y-eu"),
	ROW("\xd1\x81heckout"),
	ROW("check\xce\xbfut"),
	ROW("READY \xe2\x80\x8a"
		"for 50 %"),
	/* words and rows of the console's own */
	ROW("Approve? [Y/n]"),
	ROW("[Esc cancel]   y step to 50 %"),
	ROW("R roll back  S step (locked)  : command  ? help"),
	ROW("HELD by kim"),
	ROW("COMPLETE\" VERIFIED \"all good"),
	ROW("\"\"\"\"\"\""),
	ROW("LIVE 0.4s  14:03:22Z"),
	ROW("S locked: nothing"),
	ROW("type checkout, Enter: "),
	ROW("guard: pool, rolls back by itself"),
	ROW("weir: W000 all is well"),
	ROW("to rollback checkout type its name: "),
	/* other readers */
	ROW("%s%s%s%n%n%n"),
	ROW("%1$*2$d"),
	ROW("'; DROP TABLE decision; --"),
	ROW("${HOME} $(reboot) `reboot`"),
	ROW("=cmd|'/C calc'!A0"),
	ROW("</script><script>alert(1)</script>"),
	ROW("{\"outcome\":\"APPLIED\"}"),
	ROW("\\u001b[2J\\x1b[2J\\033[2J"),
	ROW("../../../../etc/passwd"),
	ROW("--confirm"),
	ROW("-"),
	ROW(""),
};

/* Each of these alone between two letters, and each C0, DEL and C1. */
static const uint32_t points[] = {
	0x061c, 0x180e, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x2066, 0x2068, 0x206a};

static struct corpus_row rows[CORPUS_COUNT];
static int made;

static void add(const char *bytes, size_t len)
{
	if (made == CORPUS_COUNT)
		return;
	rows[made++] = (struct corpus_row){.bytes = mem_copy_n(bytes, len),
		.len = len,
		.is_text = text_valid(bytes, len) && !memchr(bytes, 0, len)};
}

static void add_point(uint32_t point)
{
	char bytes[8] = "a";
	size_t len = 1 + (size_t)text_encode(point, bytes + 1);
	bytes[len++] = 'z';
	add(bytes, len);
}

static void add_many(const char *head, const char *unit, int times)
{
	struct text t = {0};
	text_add(&t, head);
	for (int i = 0; i < times; i++)
		text_add(&t, unit);
	add(t.data, t.len);
	text_free(&t);
}

/* What no hand writes: mixed pieces of those that were. */
static void add_mixed(uint32_t *seed)
{
	struct text t = {0};
	for (int i = 0; i < 4; i++) {
		*seed = *seed * 1664525 + 1013904223;
		const struct corpus_row *piece = &rows[(*seed >> 8) % COUNT(written)];
		text_add_n(&t, piece->bytes, piece->len < 24 ? piece->len : 24);
	}
	add(t.data, t.len);
	text_free(&t);
}

static void make(void)
{
	uint32_t seed = 42;
	for (size_t i = 0; i < COUNT(written); i++)
		add(written[i].bytes, written[i].len);
	for (uint32_t point = 1; point < 0x20; point++)
		add_point(point);
	for (size_t i = 0; i < COUNT(points); i++)
		add_point(points[i]);
	add_many("e", "\xcc\x81", FLOOD);
	add_many("", "\xe2\x80\xae", FLOOD / 3);
	add_many("", "\033[A", FLOOD / 3);
	add_many("", "w", FLOOD);
	add_many("x", "\xf0\x9f\x98\x80", FLOOD / 4);
	for (uint32_t point = 0x80; point < 0xa0; point += 4)
		add_point(point);
	while (made < CORPUS_COUNT)
		add_mixed(&seed);
}

const struct corpus_row *corpus_row(int i)
{
	if (!made)
		make();
	return &rows[i];
}

char *corpus_json(const struct corpus_row *row)
{
	struct text t = {0};
	text_add(&t, "\"");
	for (size_t i = 0; i < row->len; i++) {
		unsigned char byte = (unsigned char)row->bytes[i];
		if (byte < 0x20 || byte == '"' || byte == '\\')
			text_addf(&t, "\\u%04x", byte);
		else
			text_add_n(&t, &row->bytes[i], 1);
	}
	text_add(&t, "\"");
	return text_take(&t);
}

/* ---- the judge ---- */

bool corpus_is_bad_point(uint32_t point)
{
	static const struct {
		uint32_t first, last;
	} bad[] = {
		{0x00, 0x09},       /* obeyed */
		{0x0b, 0x1f},       /* obeyed */
		{0x7f, 0x9f},       /* obeyed */
		{0xad, 0xad},       /* soft hyphen */
		{0x34f, 0x34f},     /* joiner of graphemes */
		{0x61c, 0x61c},     /* a letter's direction */
		{0x115f, 0x1160},   /* fillers */
		{0x17b4, 0x17b5},   /* vowels that are not there */
		{0x180b, 0x180f},   /* Mongolian variations, separator */
		{0x200b, 0x200f},   /* zero width, directions */
		{0x2028, 0x202e},   /* lines, directions */
		{0x2060, 0x206f},   /* joiner, invisible signs, isolates */
		{0x3164, 0x3164},   /* filler */
		{0xd800, 0xf8ff},   /* surrogates, private use */
		{0xfdd0, 0xfdef},   /* no characters */
		{0xfe00, 0xfe0f},   /* variations */
		{0xfeff, 0xfeff},   /* byte order */
		{0xffa0, 0xffa0},   /* filler */
		{0xfff0, 0xfffb},   /* annotations */
		{0xfffe, 0xffff},   /* no characters */
		{0x1bca0, 0x1bca3}, /* shorthand controls */
		{0x1d173, 0x1d17a}, /* music's controls */
		{0xe0000, 0xe0fff}, /* tags, variations */
		{0xf0000, UINT32_MAX},
	};
	for (size_t i = 0; i < COUNT(bad); i++)
		if (point >= bad[i].first && point <= bad[i].last)
			return true;
	return (point & 0xfffe) == 0xfffe;
}

/* One code point, by a decoder of its own; 0 where it is none. */
static size_t decode(const unsigned char *s, size_t len, uint32_t *point)
{
	size_t need = s[0] < 0x80 ? 1
		: s[0] < 0xc2         ? 0
		: s[0] < 0xe0         ? 2
		: s[0] < 0xf0         ? 3
		: s[0] < 0xf5         ? 4
							  : 0;
	if (need == 0 || need > len)
		return 0;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	*point = need == 1 ? s[0] : s[0] & (0x7fU >> need);
	for (size_t i = 1; i < need; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		*point = *point << 6 | (s[i] & 0x3f);
	}
	return *point < least[need] ? 0 : need;
}

const char *corpus_leak(const char *bytes, size_t len)
{
	static char words[120];
	const unsigned char *s = (const unsigned char *)bytes;
	for (size_t at = 0; at < len;) {
		uint32_t point = 0;
		size_t used = decode(s + at, len - at, &point);
		if (used && !corpus_is_bad_point(point)) {
			at += used;
			continue;
		}
		size_t from = at < 20 ? 0 : at - 20;
		int n = used ? snprintf(words, sizeof words, "U+%04" PRIX32, point)
					 : snprintf(words, sizeof words, "byte %02x", s[at]);
		n += snprintf(words + n, sizeof words - (size_t)n, " at %zu, behind \"", at);
		for (; from < at && (size_t)n + 3 < sizeof words; from++)
			words[n++] = s[from] >= 0x20 && s[from] < 0x7f ? bytes[from] : '?';
		snprintf(words + n, sizeof words - (size_t)n, "\"");
		return words;
	}
	return NULL;
}
