/* Calendar: what is read and what is refused, where; and that what it says of an instant is what a
 * wall shows, minute by minute, through every change of the clocks. */
#include "model/calendar.h"

#include "model/unit.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void load(struct calendar *c)
{
	static unsigned char bytes[ZONE_BYTES_MAX];
	char path[160];
	struct err e = {0};
	if (!c->zone_name[0])
		return;
	snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", c->zone_name);
	FILE *in = fopen(path, "rb");
	assert_non_null(in);
	size_t len = fread(bytes, 1, sizeof bytes, in);
	fclose(in);
	if (zone_read(&c->zone, bytes, len, c->zone_name, &e) < 0)
		fail_msg("%s", e.text);
}

static struct calendar hours(const char *text)
{
	struct calendar c;
	struct err e = {0};
	size_t at;
	calendar_init(&c);
	if (calendar_read_hours(&c, text, &at, &e) < 0)
		fail_msg("%s: %s", text, e.text);
	assert_int_equal(at, strlen(text));
	load(&c);
	return c;
}

static void freeze(struct calendar *c, const char *text)
{
	struct err e = {0};
	size_t at;
	if (calendar_read_freeze(c, text, &at, &e) < 0)
		fail_msg("%s: %s", text, e.text);
}

static int64_t utc(const char *text)
{
	int64_t ms;
	if (!unit_parse_rfc3339(text, &ms))
		fail_msg("%s", text);
	return ms;
}

static void assert_open(const struct calendar *c, const char *at)
{
	struct calendar_now now;
	calendar_at(c, utc(at), &now);
	if (!now.open || calendar_next_open(c, utc(at)) != utc(at))
		fail_msg("closed at %s", at);
}

/* Closed until then, which a wall there shows as `shown`. */
static void assert_closed(
	const struct calendar *c, const char *at, const char *until, const char *shown)
{
	struct calendar_now now;
	char is[32], words[40];
	calendar_at(c, utc(at), &now);
	unit_rfc3339(is, sizeof is, now.until_ms);
	calendar_when(words, sizeof words, c, now.until_ms, utc(at));
	if (now.open || now.until_ms != utc(until) || strcmp(words, shown) != 0)
		fail_msg("at %s: until %s, \"%s\"", at, is, words);
}

static void test_hours(void **state)
{
	struct calendar c = hours("Mon-Thu 09:00-16:00 Europe/Vienna");
	(void)state;
	assert_int_equal(c.range_count, 1);
	assert_int_equal(c.range[0].days, 0xf);
	assert_string_equal(c.zone_name, "Europe/Vienna");
	assert_true(calendar_asks(&c));
	/* 2026-11-19 is a Thursday. */
	assert_closed(&c, "2026-11-19T07:59:59Z", "2026-11-19T08:00:00Z", "09:00 CET");
	assert_open(&c, "2026-11-19T08:00:00Z");
	assert_open(&c, "2026-11-19T14:59:59.999Z");
	assert_closed(&c, "2026-11-19T15:00:00Z", "2026-11-23T08:00:00Z", "Mon 09:00 CET");
	/* over the last Sunday of October an hour longer */
	assert_closed(&c, "2026-10-22T14:00:00Z", "2026-10-26T08:00:00Z", "Mon 09:00 CET");
	assert_open(&c, "2026-10-22T13:59:59Z");

	c = hours("Mon,wed-thu,Sun 22:30-04:00,sat 00:00-24:00");
	assert_int_equal(c.range_count, 2);
	assert_string_equal(c.zone_name, "");
	assert_open(&c, "2026-11-16T22:30:00Z");
	assert_open(&c, "2026-11-17T03:59:00Z"); /* Tuesday, of Monday's night */
	assert_closed(&c, "2026-11-17T04:00:00Z", "2026-11-18T22:30:00Z", "Wed 22:30 UTC");
	assert_open(&c, "2026-11-21T23:59:59Z");
	assert_closed(&c, "2026-11-22T00:00:00Z", "2026-11-22T22:30:00Z", "22:30 UTC");

	c = hours("08:00-12:00, 13:00-17:00 Asia/Kolkata");
	assert_int_equal(c.range[1].days, 0x7f);
	assert_closed(&c, "2026-11-22T06:30:00Z", "2026-11-22T07:30:00Z", "13:00 IST");
	c = hours("Fri-Mon 10:00-11:00");
	assert_int_equal(c.range[0].days, 0x71);

	calendar_init(&c);
	assert_false(calendar_asks(&c));
	assert_open(&c, "2026-11-22T06:30:00Z");
}

static void assert_bad_hours(const char *text, size_t where, const char *part)
{
	struct calendar c;
	struct err e = {0};
	size_t at;
	calendar_init(&c);
	assert_int_equal(calendar_read_hours(&c, text, &at, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	if (at != where || !strstr(e.text, part))
		fail_msg("\"%s\" at %zu: \"%s\"", text, at, e.text);
}

static void test_bad_hours(void **state)
{
	(void)state;
	assert_bad_hours("", 0, "at \"the end\" expected a day");
	assert_bad_hours("Mo 09:00-16:00", 0, "at \"Mo\" expected a day");
	assert_bad_hours("Mon- 09:00-16:00", 4, "expected a day, Mon to Sun");
	assert_bad_hours("Mon-Fro 09:00-16:00", 4, "at \"Fro\"");
	assert_bad_hours("Mon 9:00-16:00", 4, "expected a time such as");
	assert_bad_hours("Mon 24:00-04:00", 4, "expected a time such as");
	assert_bad_hours("Mon 09:60-16:00", 4, "expected a time such as");
	assert_bad_hours("Mon 09:00", 9, "expected - and when the hours end");
	assert_bad_hours("Mon 09:00-24:01", 10, "from 00:00 to 24:00");
	assert_bad_hours("Mon 09:00-25:00", 10, "from 00:00 to 24:00");
	assert_bad_hours("Mon 09:00-09:00", 15, "a whole day is 00:00-24:00");
	assert_bad_hours("Mon 09:00-16:00,", 16, "expected a day");
	assert_bad_hours("Mon,Tue", 7, "expected a time such as");
	assert_bad_hours("Mon,Tue,", 8, "expected a day");
	assert_bad_hours("Mon 09:00-16:00 Tue 09:00-16:00", 20, "nothing behind the time zone");
	assert_bad_hours("Mon 09:00-16:00 ../../etc/passwd", 16, "a comma, or a time zone");
	assert_bad_hours("Mon 09:00-16:00 Europe/Vienna x", 30, "nothing behind");
	assert_bad_hours("Monday 09:00-16:00", 0, "at \"Monday\"");
	assert_bad_hours("Mon 09:00-16:00 \x1b[31m", 16, "^[");
	char many[512];
	for (int i = 0; i <= CALENDAR_RANGES_MAX; i++)
		snprintf(many + 16 * i, sizeof many - 16 * (size_t)i, "Mon 01:00-02:00,");
	assert_bad_hours(many, 16 * CALENDAR_RANGES_MAX + 15, "more than 16 ranges");
}

static void test_freezes(void **state)
{
	struct calendar c = hours("Mon-Fri 08:00-16:00 Europe/Vienna");
	struct calendar_now now;
	(void)state;
	freeze(&c, "2026-12-20..2027-01-06 Christmas");
	freeze(&c, "2026-11-27T06:00:00Z..2026-11-30T08:00:00Z  Black \x1b]Friday");
	assert_int_equal(c.freeze_count, 2);
	/* Dates are days of the zone, both in it. */
	assert_int_equal(c.freeze[0].from_ms, utc("2026-12-19T23:00:00Z"));
	assert_int_equal(c.freeze[0].until_ms, utc("2027-01-06T23:00:00Z"));
	assert_string_equal(c.freeze[1].why, "Black ^[]Friday");
	assert_closed(&c, "2026-12-21T10:00:00Z", "2027-01-07T07:00:00Z", "2027-01-07 08:00 CET");
	calendar_at(&c, utc("2026-12-21T10:00:00Z"), &now);
	assert_true(now.frozen);
	assert_string_equal(now.why, "Christmas");
	/* What ends in the hours ends there; before it begins, they hold. */
	assert_closed(&c, "2026-11-28T10:00:00Z", "2026-11-30T08:00:00Z", "Mon 09:00 CET");
	assert_open(&c, "2026-11-30T08:00:00Z");
	calendar_at(&c, utc("2026-11-26T20:00:00Z"), &now);
	assert_false(now.open || now.frozen);
	assert_string_equal(now.why, "");
	assert_int_equal(now.until_ms, utc("2026-11-30T08:00:00Z"));
	/* Of two that hold, the one that ends last is named. */
	freeze(&c, "2026-12-21..2027-02-01 the move");
	calendar_at(&c, utc("2026-12-21T10:00:00Z"), &now);
	assert_string_equal(now.why, "the move");
	/* Without hours, and for longer than anybody foresees. */
	calendar_init(&c);
	freeze(&c, "2026-12-20..2027-01-06");
	assert_closed(&c, "2026-12-20T00:00:00Z", "2027-01-07T00:00:00Z", "2027-01-07 00:00 UTC");
	assert_open(&c, "2026-12-19T23:59:59Z");
	freeze(&c, "2026-12-20..2099-01-06 for good");
	calendar_at(&c, utc("2026-12-21T10:00:00Z"), &now);
	assert_int_equal(now.until_ms, UNKNOWN);
	assert_int_equal(calendar_next_open(&c, UNKNOWN), UNKNOWN);
}

static void assert_bad_freeze(const char *text, size_t where, const char *part)
{
	struct calendar c;
	struct err e = {0};
	size_t at;
	calendar_init(&c);
	assert_int_equal(calendar_read_freeze(&c, text, &at, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_int_equal(c.freeze_count, 0);
	if (at != where || !strstr(e.text, part))
		fail_msg("\"%s\" at %zu: \"%s\"", text, at, e.text);
}

static void test_bad_freezes(void **state)
{
	(void)state;
	assert_bad_freeze("", 0, "expected a date");
	assert_bad_freeze("Christmas", 0, "at \"Christmas\" expected a date");
	assert_bad_freeze("2026-12-20", 0, "expected a date");
	assert_bad_freeze("2026-12-20..", 12, "at \"the end\"");
	assert_bad_freeze("2026-02-30..2026-03-01", 0, "expected a date");
	assert_bad_freeze("2026-13-01..2026-13-02", 0, "expected a date");
	assert_bad_freeze("2026-12-20 .. 2026-12-21", 0, "expected a date");
	assert_bad_freeze("2026-12-20..2026-12-19 x", 22, "ends before it begins");
	assert_bad_freeze("2026-12-20T25:00:00Z..2026-12-21", 0, "expected a date");
	assert_bad_freeze(
		"2026-12-20..2026-12-21 a reason that is so long that nobody will ever read it "
		"to its end",
		23, "at most 63 bytes");
	struct calendar c;
	struct err e = {0};
	size_t at;
	calendar_init(&c);
	for (int i = 0; i < CALENDAR_FREEZES_MAX; i++)
		freeze(&c, "2026-12-20..2027-01-06");
	assert_int_equal(calendar_read_freeze(&c, "2026-12-20..2027-01-06", &at, &e), -1);
	assert_non_null(strstr(e.text, "more than 32 freezes"));
}

/* What is said of every minute against what a wall shows: open exactly when some hours hold, and
 * the next opening is the first minute that is. */
static void test_minute_by_minute(void **state)
{
	static const struct {
		const char *hours, *from;
		int days;
	} spans[] = {
		{"Mon-Thu 09:00-16:00 Europe/Vienna", "2026-10-20T00:00:00Z", 10},
		{"Sat-Sun 22:00-02:30 Europe/Vienna", "2026-10-20T00:00:00Z", 10},
		{"Sun 02:00-02:30, Sun 02:30-02:40 Europe/Vienna", "2027-03-20T00:00:00Z", 20},
		{"01:45-02:10 Australia/Lord_Howe", "2027-04-01T00:00:00Z", 6},
		{"Fri 12:00-11:00 Pacific/Apia", "2011-12-20T00:00:00Z", 20},
		{"23:30-24:00,Mon 00:00-00:10 America/Sao_Paulo", "2018-11-01T00:00:00Z", 6},
	};
	(void)state;
	for (size_t n = 0; n < sizeof spans / sizeof *spans; n++) {
		struct calendar c = hours(spans[n].hours);
		int64_t from = utc(spans[n].from), next = UNKNOWN;
		for (int64_t at = from + spans[n].days * INT64_C(86400000); at >= from; at -= 60000) {
			struct calendar_now now;
			int64_t local = zone_local(&c.zone, at / 1000), day = unit_floor(local, 86400);
			int minute = (int)((local - day * 86400) / 60);
			bool open = false;
			for (int i = 0; i < c.range_count; i++)
				for (int back = 0; back <= 1; back++) {
					const struct calendar_range *r = &c.range[i];
					int end =
						r->to_minute <= r->from_minute ? r->to_minute + 1440 : r->to_minute;
					int of_range = minute + back * 1440;
					open |= r->days >> (unit_weekday(day - back) + 6) % 7 & 1 &&
						of_range >= r->from_minute && of_range < end;
				}
			next = open ? at : next;
			calendar_at(&c, at, &now);
			if (now.open != open || (next != UNKNOWN && calendar_next_open(&c, at) != next))
				fail_msg("%s at %lld: open %d, next %lld, not %lld", spans[n].hours,
					(long long)at, now.open, (long long)calendar_next_open(&c, at),
					(long long)next);
		}
		assert_true(next != UNKNOWN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_bad_hours),
		cmocka_unit_test(test_freezes),
		cmocka_unit_test(test_bad_freezes),
		cmocka_unit_test(test_minute_by_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
