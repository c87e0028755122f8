/* Hours and freezes: read strictly, asked for an instant. Whether they are asked at all is the
 * interlock's; where a zone comes from is its loader's.
 *
 * Invariants:
 * 1. Hours are of the wall clock: what is open from 09:00 to 16:00 is so on the days on which the
 *    clocks are changed too, by what they show.
 * 2. calendar_next_open is open, and nothing from the instant asked up to it is. */
#include "model/calendar.h"

#include "model/text.h"
#include "model/unit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define DAY_S 86400
#define DAY_MINUTES 1440
#define ALL_DAYS 0x7fu
#define LOOK_DAYS 16 /* a range that is there comes within, whatever the clocks do */
#define LOOK_S (INT64_C(731) * DAY_S)

/* 0 Monday. */
static const char day_words[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

void calendar_init(struct calendar *c)
{
	*c = (struct calendar){0};
	zone_utc(&c->zone);
}

bool calendar_asks(const struct calendar *c)
{
	return c->range_count > 0 || c->freeze_count > 0;
}

/* ---- reading ---- */

/* A text and how far it is read. */
struct reading {
	const char *text, *at;
};

static void skip_blanks(struct reading *r)
{
	while (*r->at == ' ')
		r->at++;
}

static int fail(struct err *err, const struct reading *r, const char *expected)
{
	char found[24];
	text_clean(found, sizeof found, r->at, strcspn(r->at, " ,"));
	return err_set(
		err, ERR_CONFIG, "at \"%s\" expected %s", found[0] ? found : "the end", expected);
}

/* -1 when no day is next. */
static int take_day(struct reading *r)
{
	for (int i = 0; i < 7; i++) {
		const char *word = day_words[i];
		bool same = (r->at[0] | 0x20) == (word[0] | 0x20) && (r->at[1] | 0x20) == word[1] &&
			(r->at[2] | 0x20) == word[2];
		if (same && (!r->at[3] || strchr(" ,-", r->at[3]))) {
			r->at += 3;
			return i;
		}
	}
	return -1;
}

/* "Mon" or "Mon-Thu", also "Sat-Mon"; false when no day is next. */
static bool take_days(struct reading *r, unsigned *days, bool *wrong)
{
	int first = take_day(r), last = first;
	if (first < 0)
		return false;
	if (*r->at == '-') {
		r->at++;
		last = take_day(r);
		*wrong = last < 0;
	}
	for (int d = first; !*wrong; d = (d + 1) % 7) {
		*days |= 1u << d;
		if (d == last)
			break;
	}
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "09:00"; "24:00" only as an end. */
static bool take_minute(struct reading *r, bool is_end, int *minute)
{
	const char *s = r->at;
	if (!is_digit(s[0]) || !is_digit(s[1]) || s[2] != ':' || !is_digit(s[3]) || !is_digit(s[4]))
		return false;
	int hour = (s[0] - '0') * 10 + s[1] - '0', of_hour = (s[3] - '0') * 10 + s[4] - '0';
	*minute = hour * 60 + of_hour;
	if (of_hour > 59 || *minute > DAY_MINUTES || (*minute == DAY_MINUTES && !is_end))
		return false;
	r->at += 5;
	return true;
}

static const char day_expected[] = "a day, Mon to Sun";
static const char time_expected[] = "a time such as 09:00-16:00";

/* What stands between two commas: days, a time, or days and their time. */
static int take_item(struct calendar *c, struct reading *r, unsigned *days, struct err *err)
{
	bool wrong = false, has_days = take_days(r, days, &wrong);
	if (wrong)
		return fail(err, r, day_expected);
	skip_blanks(r);
	if (has_days && *r->at == ',')
		return 0;
	if (!has_days && !is_digit(*r->at))
		return fail(err, r, "a day, Mon to Sun, or a time such as 09:00-16:00");
	struct calendar_range range = {.days = *days ? *days : ALL_DAYS};
	if (!take_minute(r, false, &range.from_minute))
		return fail(err, r, time_expected);
	if (*r->at != '-')
		return fail(err, r, "- and when the hours end");
	r->at++;
	if (!take_minute(r, true, &range.to_minute))
		return fail(err, r, "a time from 00:00 to 24:00");
	if (range.from_minute == range.to_minute)
		return err_set(err, ERR_CONFIG,
			"hours that end when they begin are none; a whole day is 00:00-24:00");
	if (c->range_count == CALENDAR_RANGES_MAX)
		return err_set(err, ERR_CONFIG, "more than %d ranges of hours", CALENDAR_RANGES_MAX);
	c->range[c->range_count++] = range;
	*days = 0;
	return 0;
}

static int take_zone(struct calendar *c, struct reading *r, struct err *err)
{
	size_t len = strcspn(r->at, " ");
	char name[ZONE_NAME_MAX + 1];
	snprintf(
		name, sizeof name, "%.*s", (int)(len < sizeof name ? len : sizeof name - 1), r->at);
	if (len >= ZONE_NAME_MAX || !zone_is_name(name))
		return fail(err, r, "a comma, or a time zone such as Europe/Vienna");
	r->at += len;
	skip_blanks(r);
	if (*r->at)
		return fail(err, r, "nothing behind the time zone");
	text_copy(c->zone_name, sizeof c->zone_name, name);
	return 0;
}

static int read_hours(struct calendar *c, struct reading *r, struct err *err)
{
	unsigned days = 0;
	for (;;) {
		skip_blanks(r);
		if (take_item(c, r, &days, err) < 0)
			return -1;
		skip_blanks(r);
		if (*r->at != ',')
			break;
		r->at++;
	}
	if (days)
		return fail(err, r, time_expected);
	return *r->at ? take_zone(c, r, err) : 0;
}

int calendar_read_hours(struct calendar *c, const char *text, size_t *at, struct err *err)
{
	struct reading r = {text, text};
	c->range_count = 0;
	c->zone_name[0] = 0;
	int rc = read_hours(c, &r, err);
	*at = (size_t)(r.at - text);
	return rc;
}

/* One end of a freeze: a date, or an instant in UTC. A date that ends one is in it to its end. */
static bool take_end(
	struct reading *r, size_t len, const struct zone *z, bool is_end, int64_t *wall_ms)
{
	char word[40];
	int64_t days, first, last;
	if (len >= sizeof word)
		return false;
	memcpy(word, r->at, len);
	word[len] = 0;
	if (unit_parse_date(word, &days)) {
		zone_instant(z, (days + is_end) * DAY_S, &first, &last);
		*wall_ms = (is_end ? last : first) * 1000;
	} else if (!unit_parse_rfc3339(word, wall_ms)) {
		return false;
	}
	r->at += len;
	return true;
}

static int read_freeze(
	const struct calendar *c, struct calendar_freeze *f, struct reading *r, struct err *err)
{
	static const char expected[] =
		"a date such as 2026-12-20 or a time such as 2026-12-20T06:00:00Z";
	skip_blanks(r);
	const char *dots = strstr(r->at, "..");
	if (!dots || !take_end(r, (size_t)(dots - r->at), &c->zone, false, &f->from_ms))
		return fail(err, r, expected);
	r->at += 2;
	if (!take_end(r, strcspn(r->at, " "), &c->zone, true, &f->until_ms))
		return fail(err, r, expected);
	if (f->until_ms <= f->from_ms)
		return err_set(err, ERR_CONFIG, "a freeze that ends before it begins is none");
	skip_blanks(r);
	size_t len = strlen(r->at);
	if (text_clean(f->why, sizeof f->why, r->at, len) < len)
		return err_set(err, ERR_CONFIG, "the reason of a freeze has at most %d bytes",
			CALENDAR_WHY_MAX - 1);
	return 0;
}

int calendar_read_freeze(struct calendar *c, const char *text, size_t *at, struct err *err)
{
	struct reading r = {text, text};
	*at = 0;
	if (c->freeze_count == CALENDAR_FREEZES_MAX)
		return err_set(err, ERR_CONFIG, "more than %d freezes", CALENDAR_FREEZES_MAX);
	int rc = read_freeze(c, &c->freeze[c->freeze_count], &r, err);
	c->freeze_count += rc == 0;
	*at = (size_t)(r.at - text);
	return rc;
}

/* ---- asking ---- */

static int weekday(int64_t day)
{
	return (unit_weekday(day) + 6) % 7;
}

static bool has_day(const struct calendar_range *r, int64_t day)
{
	return r->days >> weekday(day) & 1;
}

static bool is_open_hour(const struct calendar *c, int64_t utc_s)
{
	int64_t local = zone_local(&c->zone, utc_s), day = unit_floor(local, DAY_S);
	int minute = (int)((local - day * DAY_S) / 60);
	for (int i = 0; i < c->range_count; i++) {
		const struct calendar_range *r = &c->range[i];
		bool through = r->to_minute <= r->from_minute;
		if (has_day(r, day) && minute >= r->from_minute && (through || minute < r->to_minute))
			return true;
		if (through && has_day(r, day - 1) && minute < r->to_minute)
			return true;
	}
	return c->range_count == 0;
}

/* The next change of the clocks that brings open hours back, within the days that are looked at. */
static int64_t next_change(const struct calendar *c, int64_t utc_s)
{
	int64_t at = zone_next(&c->zone, utc_s);
	while (at != UNKNOWN && at < utc_s + LOOK_DAYS * DAY_S) {
		if (is_open_hour(c, at))
			return at;
		at = zone_next(&c->zone, at);
	}
	return UNKNOWN;
}

/* The first instant behind it at which hours that begin on that day do; UNKNOWN none. */
static int64_t next_on(const struct calendar *c, int64_t day, int64_t utc_s)
{
	int64_t next = UNKNOWN;
	for (int i = 0; i < c->range_count; i++) {
		int64_t at[2];
		if (!has_day(&c->range[i], day))
			continue;
		zone_instant(&c->zone, day * DAY_S + c->range[i].from_minute * 60, &at[0], &at[1]);
		for (int k = 0; k < 2; k++)
			if (at[k] > utc_s && is_open_hour(c, at[k]) && (next == UNKNOWN || at[k] < next))
				next = at[k];
	}
	return next;
}

/* The first instant behind it from which on some hours hold; UNKNOWN none. */
static int64_t next_hour(const struct calendar *c, int64_t utc_s)
{
	int64_t change = next_change(c, utc_s), next = UNKNOWN;
	int64_t today = unit_floor(zone_local(&c->zone, utc_s), DAY_S);
	/* Where days differ in length, one that begins later may do so earlier: one more is asked. */
	for (int64_t day = today - 1; day <= today + (next == UNKNOWN ? LOOK_DAYS : 1); day++) {
		int64_t at = next_on(c, day, utc_s);
		if (at != UNKNOWN && (next == UNKNOWN || at < next))
			next = at;
	}
	return next == UNKNOWN || (change != UNKNOWN && change < next) ? change : next;
}

/* The one that ends last of those that hold; NULL none. */
static const struct calendar_freeze *freeze_at(const struct calendar *c, int64_t wall_ms)
{
	const struct calendar_freeze *found = NULL;
	for (int i = 0; i < c->freeze_count; i++) {
		const struct calendar_freeze *f = &c->freeze[i];
		if (f->from_ms <= wall_ms && wall_ms < f->until_ms &&
			(!found || f->until_ms > found->until_ms))
			found = f;
	}
	return found;
}

int64_t calendar_next_open(const struct calendar *c, int64_t wall_ms)
{
	int64_t at = wall_ms;
	while (at != UNKNOWN && at - wall_ms < LOOK_S * 1000) {
		const struct calendar_freeze *f = freeze_at(c, at);
		int64_t utc_s = unit_floor(at, 1000);
		if (f) {
			at = f->until_ms;
		} else if (!is_open_hour(c, utc_s)) {
			int64_t next = next_hour(c, utc_s);
			at = next == UNKNOWN ? UNKNOWN : next * 1000;
		} else {
			return at;
		}
	}
	return UNKNOWN;
}

void calendar_at(const struct calendar *c, int64_t wall_ms, struct calendar_now *out)
{
	const struct calendar_freeze *f = freeze_at(c, wall_ms);
	*out = (struct calendar_now){.frozen = f != NULL, .until_ms = UNKNOWN};
	out->open = !f && is_open_hour(c, unit_floor(wall_ms, 1000));
	if (!out->open)
		out->until_ms = calendar_next_open(c, wall_ms);
	if (f)
		text_copy(out->why, sizeof out->why, f->why);
}

void calendar_when(
	char *out, size_t size, const struct calendar *c, int64_t wall_ms, int64_t now_wall_ms)
{
	if (wall_ms == UNKNOWN) {
		text_copy(out, size, "-");
		return;
	}
	int64_t utc_s = unit_floor(wall_ms, 1000), local = zone_local(&c->zone, utc_s);
	int64_t day = unit_floor(local, DAY_S), year;
	int minute = (int)((local - day * DAY_S) / 60), month, of_month;
	int64_t ahead =
		day - unit_floor(zone_local(&c->zone, unit_floor(now_wall_ms, 1000)), DAY_S);
	char date[32] = "";
	unit_date(day, &year, &month, &of_month);
	if (ahead >= -6 && ahead <= 6 && ahead != 0)
		snprintf(date, sizeof date, "%s ", day_words[weekday(day)]);
	else if (ahead != 0)
		snprintf(date, sizeof date, "%04d-%02d-%02d ", (int)year, month, of_month);
	snprintf(out, size, "%s%02d:%02d %s", date, minute / 60, minute % 60,
		zone_at(&c->zone, utc_s)->word);
}
