/* Zone: what the system's own library says of the same files, at random instants, around every
 * change and on the way back; and files that nobody meant well. */
#include "model/zone.h"

#include "model/unit.h"
#include "tests/unit/model/seeded.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const names[] = {"Europe/Vienna", "America/New_York", "Australia/Lord_Howe",
	"Asia/Kolkata", "America/Sao_Paulo", "Europe/Dublin", "America/Nuuk", "Asia/Hebron",
	"Pacific/Apia", "Africa/Casablanca", "America/Santiago", "UTC"};
#define NAMES (sizeof names / sizeof *names)

struct file {
	unsigned char bytes[ZONE_BYTES_MAX];
	size_t len;
};

static void load(struct file *f, const char *name)
{
	char path[160];
	snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
	FILE *in = fopen(path, "rb");
	if (!in)
		fail_msg("%s is missing: the package tzdata has it", path);
	f->len = fread(f->bytes, 1, sizeof f->bytes, in);
	fclose(in);
}

static struct zone zone_of(const char *name)
{
	static struct file f;
	struct zone z;
	struct err e = {0};
	load(&f, name);
	if (zone_read(&z, f.bytes, f.len, name, &e) < 0)
		fail_msg("%s", e.text);
	return z;
}

static void use(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static void assert_as_system(const struct zone *z, const char *name, int64_t utc_s)
{
	struct tm tm;
	time_t at = (time_t)utc_s;
	assert_non_null(localtime_r(&at, &tm));
	const struct zone_kind *k = zone_at(z, utc_s);
	if (tm.tm_gmtoff != k->offset_s || strcmp(tm.tm_zone, k->word) != 0)
		fail_msg("%s at %lld: %d %s, the system says %ld %s", name, (long long)utc_s,
			k->offset_s, k->word, tm.tm_gmtoff, tm.tm_zone);
}

#define FROM_S 0
#define UNTIL_S INT64_C(4133980800) /* 2101 */

/* Every instant that shows it, and no other, is between the two; or none does. */
static void assert_back(const struct zone *z, int64_t local_s)
{
	int64_t first, last;
	zone_instant(z, local_s, &first, &last);
	assert_true(first != UNKNOWN && first <= last);
	if (zone_local(z, first) == local_s) {
		assert_int_equal(zone_local(z, last), local_s);
		return;
	}
	assert_int_equal(first, last);
	assert_true(zone_local(z, first) > local_s);
	assert_true(zone_local(z, first - 1) < local_s);
}

static void test_as_the_system(void **state)
{
	(void)state;
	for (size_t n = 0; n < NAMES; n++) {
		struct zone z = zone_of(names[n]);
		uint64_t seed = 74 + n;
		use(names[n]);
		for (int i = 0; i < 3000; i++) {
			int64_t at = FROM_S + seeded_below(&seed, UNTIL_S - FROM_S);
			assert_as_system(&z, names[n], at);
			int64_t first, last;
			zone_instant(&z, zone_local(&z, at), &first, &last);
			assert_true(first == at || last == at);
		}
		int changes = 0;
		for (int64_t at = zone_next(&z, FROM_S); at != UNKNOWN && at < UNTIL_S;
			 at = zone_next(&z, at), changes++) {
			for (int s = -1; s <= 1; s++)
				assert_as_system(&z, names[n], at + s);
			for (int64_t s = -7200; s <= 7200; s += 600)
				assert_back(&z, zone_local(&z, at - 1) + s);
		}
		if (strcmp(names[n], "Europe/Vienna") == 0)
			assert_int_equal(changes, 2 * (2101 - 1980));
	}
	unsetenv("TZ");
}

static int64_t local(int64_t year, int month, int day, int hour, int minute)
{
	return unit_days(year, month, day) * 86400 + hour * 3600 + minute * 60;
}

static void test_turned_back_and_forward(void **state)
{
	(void)state;
	struct zone z = zone_of("Europe/Vienna");
	int64_t first, last;
	/* 02:30 comes twice on the last Sunday of October, */
	zone_instant(&z, local(2060, 10, 31, 2, 30), &first, &last);
	assert_int_equal(last - first, 3600);
	assert_string_equal(zone_at(&z, first)->word, "CEST");
	assert_string_equal(zone_at(&z, last)->word, "CET");
	/* never on the last of March, */
	zone_instant(&z, local(2060, 3, 28, 2, 30), &first, &last);
	assert_int_equal(first, last);
	assert_int_equal(first, local(2060, 3, 28, 1, 0));
	/* and once on any other day. */
	zone_instant(&z, local(2060, 3, 27, 2, 30), &first, &last);
	assert_int_equal(first, last);
	assert_int_equal(first, local(2060, 3, 27, 1, 30));
	/* A day that a whole country left out. */
	z = zone_of("Pacific/Apia");
	zone_instant(&z, local(2011, 12, 30, 12, 0), &first, &last);
	assert_int_equal(zone_local(&z, first), local(2011, 12, 31, 0, 0));
	zone_utc(&z);
	zone_instant(&z, 12345, &first, &last);
	assert_int_equal(first, 12345);
	assert_int_equal(zone_next(&z, 0), UNKNOWN);
}

/* ---- files ---- */

static void put(struct file *f, const char *bytes, size_t len)
{
	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

static void put_number(struct file *f, int64_t n, int width)
{
	for (int i = width; i-- > 0;)
		f->bytes[f->len++] = (unsigned char)((uint64_t)n >> 8 * i);
}

static void put_header(
	struct file *f, char version, int changes, int kinds, int words, int leaps)
{
	const int counts[] = {0, 0, leaps, changes, kinds, words};
	put(f, "TZif", 4);
	put(f, &version, 1);
	put(f, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 15);
	for (int i = 0; i < 6; i++)
		put_number(f, counts[i], 4);
}

/* One kind and this behind the table. */
static void make(struct file *f, const char *rest)
{
	f->len = 0;
	for (int width = 4; width <= 8; width += 4) {
		put_header(f, '3', 0, 1, 4, 0);
		put(f, "\0\0\0\0\0\0UTC", 10);
	}
	put(f, "\n", 1);
	put(f, rest, strlen(rest));
	put(f, "\n", 1);
}

static void assert_refused(const unsigned char *bytes, size_t len, const char *part)
{
	struct zone z;
	struct err e = {0};
	unsigned char *own = malloc(len ? len : 1); /* so that a byte too far is seen */
	assert_non_null(own);
	memcpy(own, bytes, len);
	assert_int_equal(zone_read(&z, own, len, "Test/Zone", &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_non_null(strstr(e.text, "\"Test/Zone\""));
	if (!strstr(e.text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, e.text);
	free(own);
}

static void test_rests(void **state)
{
	static struct file f;
	static const struct {
		const char *rest;
		int64_t at_s, offset_s;
	} good[] = {
		/* J60 is the first of March, leap year or not: 2024-03-01 02:00 EST */
		{"EST5EDT,J60/2,J300/2", 1709276399, -18000},
		{"EST5EDT,J60/2,J300/2", 1709276400, -14400},
		{"EST5EDT,60/2,300/2", 1709276399, -18000},
		{"EST5EDT,60/2,300/2", 1709276400, -14400},
		{"EST5EDT,0/0,J365/23", 1704067200 + 5 * 3600, -14400}, /* summer without end */
		{"EST5EDT,0/0,J365/23", 1719792000, -14400},
		{"XXX-1:30:15", 0, 5415},
		{"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", 1711839599, -10800},
		{"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", 1711846800 + 3600, -7200},
		{"", 0, 0},
	};
	static const char *const bad[] = {"5", "EST", "EST5EDT", "EST5EDT,", "EST5EDT,M3.2.0",
		"EST5EDT,M13.1.0,M1.1.0", "EST5EDT,M0.1.0,M1.1.0", "EST5EDT,M3.6.0,M4.1.0",
		"EST5EDT,M3.1.7,M4.1.0", "EST5EDT,J0,J1", "EST5EDT,J366,J1", "EST5EDT,366,1",
		"EST5EDT,M3.2.0/168,M4.1.0", "EST25", "EST5:60", "EST5x", "<EST5", "<>5",
		"EST5EDT,M3.2.0,M11.1.0x", "TOOLONGWORD5", "EST5EDT,M3.2.0,M11.1.0/",
		"EST99999999999999999999", "E T5"};
	struct zone z;
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		make(&f, good[i].rest);
		assert_int_equal(zone_read(&z, f.bytes, f.len, "Test/Zone", NULL), 0);
		if (zone_at(&z, good[i].at_s)->offset_s != good[i].offset_s)
			fail_msg("%s: %d", good[i].rest, zone_at(&z, good[i].at_s)->offset_s);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		make(&f, bad[i]);
		assert_refused(f.bytes, f.len, "what comes after its table");
	}
}

static void test_bad_tables(void **state)
{
	static struct file f, g;
	(void)state;
	make(&f, "UTC0");
	assert_refused(f.bytes, 0, "none of a time zone");
	assert_refused((const unsigned char *)"GIF89a", 6, "none of a time zone");
	/* a number of changes that no file has */
	g = f;
	memset(g.bytes + 32, 0xff, 4);
	assert_refused(g.bytes, g.len, "more than a file has");
	g = f;
	g.bytes[4] = 'x';
	assert_refused(g.bytes, g.len, "no version");
	f.len = 0;
	put_header(&f, 0, 2, 1, 4, 0);
	put_number(&f, 100, 4);
	put_number(&f, 100, 4); /* not behind the one before it */
	put(&f, "\0\0\0\0\0\0\0\0UTC", 12);
	assert_refused(f.bytes, f.len, "a change that cannot be");
	f.bytes[47 + 4] = 101;
	struct zone z;
	assert_int_equal(zone_read(&z, f.bytes, f.len, "Test/Zone", NULL), 0);
	assert_int_equal(zone_next(&z, 100), 101);
	f.bytes[44 + 8] = 1; /* to a kind that is none */
	assert_refused(f.bytes, f.len, "a change that cannot be");
	f.bytes[44 + 8] = 0;
	f.bytes[44 + 10] = 0x7f; /* an offset of weeks */
	assert_refused(f.bytes, f.len, "a kind of time that cannot be");
	f.bytes[44 + 10] = 0;
	f.bytes[44 + 15] = 9; /* a word beyond the words */
	assert_refused(f.bytes, f.len, "a kind of time that cannot be");
	f.bytes[44 + 15] = 0;
	f.bytes[44 + 17] = 27; /* an escape in a word */
	assert_refused(f.bytes, f.len, "a kind of time that cannot be");
	f.len = 0;
	put_header(&f, 0, 0, 1, 4, 1);
	put(&f, "\0\0\0\0\0\0UTC\0\0\0\0\0\0\0\0", 18);
	assert_refused(f.bytes, f.len, "leap seconds");
	f.len = 0;
	put_header(&f, 0, ZONE_CHANGES_MAX + 1, 1, 4, 0);
	assert_refused(f.bytes, f.len, "more changes");
	f.len = 0;
	put_header(&f, 0, 0, 0, 4, 0);
	assert_refused(f.bytes, f.len, "more changes or kinds");
}

/* Cut anywhere, or with bytes that somebody else chose: refused, or whole. */
static void test_hostile_bytes(void **state)
{
	static struct file f;
	struct zone z;
	uint64_t seed = 7;
	(void)state;
	load(&f, "Asia/Hebron");
	for (size_t len = 0; len < f.len; len++)
		assert_refused(f.bytes, len, "");
	for (int round = 0; round < 20000; round++) {
		static struct file g;
		memcpy(g.bytes, f.bytes, f.len);
		g.len = f.len - (size_t)seeded_below(&seed, 3);
		for (int64_t n = 1 + seeded_below(&seed, 6); n-- > 0;)
			g.bytes[seeded_below(&seed, seeded_below(&seed, 4) ? 200 : (int64_t)g.len)] =
				(unsigned char)seeded_next(&seed);
		if (zone_read(&z, g.bytes, g.len, "Test/Zone", NULL) < 0)
			continue;
		int64_t at = seeded_below(&seed, UNTIL_S), next = zone_next(&z, at), first, last;
		assert_true(next == UNKNOWN || next > at);
		zone_instant(&z, at, &first, &last);
		assert_true(first != UNKNOWN && first <= last);
	}
}

static void test_names(void **state)
{
	static const char *const good[] = {"UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires",
		"Etc/GMT+5", "America/Port-au-Prince"};
	static const char *const bad[] = {"", "/etc/passwd", "../../etc/passwd", "Europe/../x",
		"Europe//Vienna", "Europe/", ".", "Europe/.hidden", "a b", "Wien\x1b", "Z\xc3\xbcrich"};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(zone_is_name(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (zone_is_name(bad[i]))
			fail_msg("\"%s\" is no name", bad[i]);
	char at_most[ZONE_NAME_MAX + 1];
	memset(at_most, 'a', sizeof at_most);
	at_most[ZONE_NAME_MAX] = 0;
	assert_false(zone_is_name(at_most));
	at_most[ZONE_NAME_MAX - 1] = 0;
	assert_true(zone_is_name(at_most));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_the_system),
		cmocka_unit_test(test_turned_back_and_forward),
		cmocka_unit_test(test_rests),
		cmocka_unit_test(test_bad_tables),
		cmocka_unit_test(test_hostile_bytes),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
