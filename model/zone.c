/* Zones from bytes. Not where those are (tui/zone_file.c).
 *
 * Invariants:
 * 1. Every byte is looked at only after its bound: a file is data, whoever wrote it.
 * 2. What a zone holds is whole: changes rise, every index is of a kind, offsets stay within a day
 *    and rules within a week of theirs. Nothing after zone_read checks again. */
#include "model/zone.h"

#include "model/text.h"
#include "model/unit.h"

#include <string.h>

#define DAY_S 86400
#define OFFSET_MOST_S (26 * 3600) /* more than any zone ever had */
#define RULE_MOST_S (167 * 3600)  /* of the time of day of a rule */
#define INSTANT_MOST_S (INT64_C(1) << 56)

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void zone_utc(struct zone *out)
{
	*out = (struct zone){.kind_count = 1, .kind = {{.word = "UTC"}}};
}

bool zone_is_name(const char *name)
{
	if (strlen(name) >= ZONE_NAME_MAX)
		return false;
	for (;;) {
		size_t word = strcspn(name, "/");
		if (word == 0 || *name == '.' ||
			strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_.") <
				word)
			return false;
		if (!name[word])
			return true;
		name += word + 1;
	}
}

/* ---- bytes ---- */

/* What is left of a file; `short_by` says that more was asked of it than it had. */
struct bytes {
	const unsigned char *at;
	size_t left;
	bool is_short;
};

/* The next `len` bytes, NULL when there are not so many. */
static const unsigned char *take(struct bytes *b, size_t len)
{
	const unsigned char *at = b->at;
	if (len > b->left) {
		b->is_short = true;
		return NULL;
	}
	b->at += len;
	b->left -= len;
	return at;
}

/* A big endian number of two's complement. */
static int64_t number(const unsigned char *at, size_t width)
{
	uint64_t n = at[0] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < width; i++)
		n = n << 8 | at[i];
	return (int64_t)n;
}

struct header {
	unsigned version; /* 1 to 4 */
	uint32_t ut_flags, wall_flags, leaps, changes, kinds, words;
};

static int fail(struct err *err, const char *name, const char *what)
{
	return err_set(err, ERR_CONFIG, "time zone \"%.64s\": %s; install the package tzdata anew",
		name, what);
}

static int read_header(struct header *h, struct bytes *b, const char *name, struct err *err)
{
	const unsigned char *at = take(b, 44);
	if (!at || memcmp(at, "TZif", 4) != 0)
		return fail(err, name, "its file is none of a time zone");
	uint32_t *const counts[] = {
		&h->ut_flags, &h->wall_flags, &h->leaps, &h->changes, &h->kinds, &h->words};
	for (size_t i = 0; i < 6; i++) {
		*counts[i] = (uint32_t)number(at + 20 + 4 * i, 4);
		if (*counts[i] > ZONE_BYTES_MAX)
			return fail(err, name, "its file says that it has more than a file has");
	}
	h->version = at[4] ? (unsigned)(at[4] - '0') : 1;
	if (h->version < 1 || h->version > 9)
		return fail(err, name, "its file is of no version that is known");
	return 0;
}

/* The length of what follows a header, with times of `width` bytes. */
static size_t body_length(const struct header *h, size_t width)
{
	return h->changes * (width + 1) + h->kinds * (size_t)6 + h->words + h->leaps * (width + 4) +
		h->wall_flags + h->ut_flags;
}

/* ---- the table ---- */

static bool is_word(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(letters, s[i]) && !strchr("0123456789+-", s[i]))
			return false;
	return len > 0 && len < ZONE_WORD_MAX;
}

static bool read_kind(
	struct zone_kind *k, const unsigned char *at, const char *words, size_t len)
{
	int64_t offset = number(at, 4);
	size_t from = at[5];
	if (offset < -OFFSET_MOST_S || offset > OFFSET_MOST_S || at[4] > 1 || from >= len)
		return false;
	size_t end = from;
	while (end < len && words[end])
		end++;
	if (end == len || !is_word(words + from, end - from))
		return false;
	k->offset_s = (int32_t)offset;
	memcpy(k->word, words + from, end - from);
	k->word[end - from] = 0;
	return true;
}

static int read_table(struct zone *z, const struct header *h, size_t width, struct bytes *b,
	const char *name, struct err *err)
{
	if (h->leaps > 0)
		return fail(err, name, "it counts leap seconds, which no clock here does");
	if (h->changes > ZONE_CHANGES_MAX || h->kinds < 1 || h->kinds > ZONE_KINDS_MAX)
		return fail(err, name, "it has more changes or kinds than any zone");
	const unsigned char *times = take(b, h->changes * width), *to = take(b, h->changes);
	const unsigned char *kinds = take(b, h->kinds * (size_t)6), *words = take(b, h->words);
	take(b, (size_t)h->wall_flags + h->ut_flags);
	if (b->is_short)
		return fail(err, name, "its file is cut");
	z->change_count = (int)h->changes;
	z->kind_count = (int)h->kinds;
	for (int i = 0; i < z->kind_count; i++)
		if (!read_kind(&z->kind[i], kinds + 6 * i, (const char *)words, h->words))
			return fail(err, name, "its file has a kind of time that cannot be");
	for (int i = 0; i < z->change_count; i++) {
		z->at_s[i] = number(times + (size_t)i * width, width);
		z->to[i] = to[i];
		if (to[i] >= h->kinds || z->at_s[i] < -INSTANT_MOST_S || z->at_s[i] > INSTANT_MOST_S ||
			(i > 0 && z->at_s[i] <= z->at_s[i - 1]))
			return fail(err, name, "its file has a change that cannot be");
	}
	return 0;
}

/* ---- the rest: a POSIX TZ string ---- */

/* "CET", or "<+05>" */
static bool take_word(const char **s, char out[ZONE_WORD_MAX])
{
	bool quoted = **s == '<';
	const char *from = *s + quoted;
	size_t len = quoted ? strcspn(from, ">") : strspn(from, letters);
	if (!is_word(from, len) || (quoted && from[len] != '>'))
		return false;
	memcpy(out, from, len);
	out[len] = 0;
	*s = from + len + quoted;
	return true;
}

static bool take_number(const char **s, int most, int *out)
{
	const char *from = *s;
	for (*out = 0; **s >= '0' && **s <= '9'; (*s)++) {
		*out = *out * 10 + (**s - '0');
		if (*out > most)
			return false;
	}
	return *s > from;
}

/* "2", "-3:30", "+24:00:00", in seconds. */
static bool take_time(const char **s, int most_hours, int32_t *out)
{
	int part[3] = {0}, sign = **s == '-' ? -1 : 1;
	*s += **s == '-' || **s == '+';
	if (!take_number(s, most_hours, &part[0]))
		return false;
	for (int i = 1; i < 3 && **s == ':'; i++) {
		++*s;
		if (!take_number(s, 59, &part[i]))
			return false;
	}
	*out = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return true;
}

/* The offset of a TZ string is west of Greenwich. */
static bool take_offset(const char **s, int32_t *out)
{
	if (!take_time(s, 24, out))
		return false;
	*out = -*out;
	return true;
}

static bool take_rule(const char **s, struct zone_rule *r)
{
	*r = (struct zone_rule){.at_s = 2 * 3600};
	if (**s != ',')
		return false;
	++*s;
	r->by = **s == 'M' ? ZONE_MONTH : **s == 'J' ? ZONE_JULIAN : ZONE_DAY;
	*s += r->by != ZONE_DAY;
	if (r->by == ZONE_MONTH) {
		if (!take_number(s, 12, &r->month) || r->month < 1 || *(*s)++ != '.' ||
			!take_number(s, 5, &r->week) || r->week < 1 || *(*s)++ != '.' ||
			!take_number(s, 6, &r->day))
			return false;
	} else if (!take_number(s, 365, &r->day) || (r->by == ZONE_JULIAN && r->day < 1)) {
		return false;
	}
	if (**s != '/')
		return true;
	++*s;
	return take_time(s, RULE_MOST_S / 3600, &r->at_s);
}

static bool read_rest(struct zone *z, const char *s)
{
	if (!take_word(&s, z->standard.word) || !take_offset(&s, &z->standard.offset_s))
		return false;
	z->has_rest = true;
	if (!*s)
		return true;
	z->rest_changes = true;
	if (!take_word(&s, z->summer.word))
		return false;
	z->summer.offset_s = z->standard.offset_s + 3600;
	if (*s != ',' && !take_offset(&s, &z->summer.offset_s))
		return false;
	return take_rule(&s, &z->begins) && take_rule(&s, &z->ends) && !*s;
}

#define REST_MAX 128

/* Newline, string, newline: of a file of version 2 and above. */
static int read_footer(struct zone *z, struct bytes *b, const char *name, struct err *err)
{
	char text[REST_MAX];
	size_t len = 0;
	const unsigned char *c = take(b, 1);
	bool good = c && *c == '\n';
	while (good && (c = take(b, 1)) && *c != '\n') {
		good = len + 1 < sizeof text && *c > ' ' && *c < 0x7f;
		if (good)
			text[len++] = (char)*c;
	}
	text[len] = 0;
	if (!good || b->is_short || (len > 0 && !read_rest(z, text)))
		return fail(err, name, "its file does not say what comes after its table");
	return 0;
}

int zone_read(
	struct zone *out, const unsigned char *bytes, size_t len, const char *name, struct err *err)
{
	struct bytes b = {bytes, len, false};
	struct header h;
	*out = (struct zone){0};
	if (read_header(&h, &b, name, err) < 0)
		return -1;
	if (h.version == 1)
		return read_table(out, &h, 4, &b, name, err);
	/* What older programs read comes first, in 32 bits. */
	if (!take(&b, body_length(&h, 4)))
		return fail(err, name, "its file is cut");
	if (read_header(&h, &b, name, err) < 0 || read_table(out, &h, 8, &b, name, err) < 0)
		return -1;
	return read_footer(out, &b, name, err);
}

/* ---- instants ---- */

static int64_t day_of_rule(const struct zone_rule *r, int64_t year)
{
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int64_t first = unit_days(year, 1, 1);
	if (r->by == ZONE_DAY)
		return first + r->day;
	if (r->by == ZONE_JULIAN)
		return first + r->day - 1 + (leap && r->day > 59);
	first = unit_days(year, r->month, 1);
	int64_t next = unit_days(year + (r->month == 12), r->month % 12 + 1, 1);
	int64_t day = first + (r->day - unit_weekday(first) + 7) % 7 + (r->week - 1) * 7;
	return day < next ? day : day - 7;
}

static int64_t rule_s(const struct zone_rule *r, int64_t year, int32_t offset_s)
{
	return day_of_rule(r, year) * DAY_S + r->at_s - offset_s;
}

static int64_t year_of(int64_t local_s)
{
	int64_t year;
	int month, day;
	unit_date(unit_floor(local_s, DAY_S), &year, &month, &day);
	return year;
}

static const struct zone_kind *rest_at(const struct zone *z, int64_t utc_s)
{
	if (!z->rest_changes)
		return &z->standard;
	int64_t year = year_of(utc_s + z->standard.offset_s);
	int64_t begins = rule_s(&z->begins, year, z->standard.offset_s);
	int64_t ends = rule_s(&z->ends, year, z->summer.offset_s);
	/* South of the line the year begins and ends in summer. */
	bool summer =
		begins < ends ? begins <= utc_s && utc_s < ends : utc_s < ends || begins <= utc_s;
	return summer ? &z->summer : &z->standard;
}

/* How many changes are not behind `utc_s`. */
static int changes_until(const struct zone *z, int64_t utc_s)
{
	int low = 0, high = z->change_count;
	while (low < high) {
		int middle = low + (high - low) / 2;
		if (z->at_s[middle] <= utc_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct zone_kind *zone_at(const struct zone *z, int64_t utc_s)
{
	int n = changes_until(z, utc_s);
	if (z->has_rest && n == z->change_count)
		return rest_at(z, utc_s);
	return &z->kind[n > 0 ? z->to[n - 1] : 0];
}

int64_t zone_local(const struct zone *z, int64_t utc_s)
{
	return utc_s + zone_at(z, utc_s)->offset_s;
}

static int64_t rest_next(const struct zone *z, int64_t utc_s)
{
	int64_t next = UNKNOWN, year = year_of(utc_s);
	for (int64_t y = year - 1; y <= year + 1 && z->rest_changes; y++) {
		const int64_t at[] = {rule_s(&z->begins, y, z->standard.offset_s),
			rule_s(&z->ends, y, z->summer.offset_s)};
		for (int i = 0; i < 2; i++)
			if (at[i] > utc_s && (next == UNKNOWN || at[i] < next))
				next = at[i];
	}
	return next;
}

int64_t zone_next(const struct zone *z, int64_t utc_s)
{
	int n = changes_until(z, utc_s);
	return n < z->change_count ? z->at_s[n] : z->has_rest ? rest_next(z, utc_s) : UNKNOWN;
}

/* Walks the spans of one kind around it, from the earliest that could show it. */
void zone_instant(const struct zone *z, int64_t local_s, int64_t *first, int64_t *last)
{
	int64_t from = local_s - 2 * OFFSET_MOST_S, until = local_s + 2 * OFFSET_MOST_S;
	*first = *last = UNKNOWN;
	while (from <= until) {
		int64_t end = zone_next(z, from);
		int64_t at = local_s - zone_at(z, from)->offset_s;
		bool shown = from <= at && (end == UNKNOWN || at < end);
		if (!shown && *first == UNKNOWN && end != UNKNOWN && at >= end &&
			zone_local(z, end) > local_s) {
			*first = *last = end;
			return;
		}
		if (shown && *first == UNKNOWN)
			*first = at;
		if (shown)
			*last = at;
		if (end == UNKNOWN)
			return;
		from = end;
	}
}
