/* unit: what is written reads back, what is unknown is a dash, what is wrong is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define DAY (86400 * (int64_t)1000)
#define TEN_YEARS (3650 * DAY)

/* xorshift64: the same numbers in every run. */
static uint64_t seed = 0x9E3779B97F4A7C15U;

static int64_t below(int64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)n);
}

static void duration_reads(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		int64_t ms;
	} good[] = {
		{"0", 0},
		{"0s", 0},
		{"90s", 90000},
		{"10m", 600000},
		{"1h30m", 5400000},
		{"3d", 3 * DAY},
		{"250ms", 250},
		{"1m1ms", 60001},
		{"1d2h3m4s5ms", 93784005},
		{"3650d", TEN_YEARS},
	};
	static const char *const bad[] = {"", " ", "1", "00", "90", "-1s", "+1s", "1s ", " 1s",
		"1 s", "s", "ms", "1.5h", "1s1m", "1s1s", "1h1h", "1mm", "1msm", "1hm", "1w", "1S",
		"3651d", "3650d1ms", "99999999999999999999s", "9223372036854775807d", "1e3s", "1s\n",
		"0x1s"};
	for (size_t i = 0; i < COUNT(good); i++) {
		int64_t ms = -1;
		assert_true(unit_parse_duration(good[i].s, &ms));
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t ms = 42;
		if (unit_parse_duration(bad[i], &ms))
			fail_msg("'%s' was read as a duration", bad[i]);
		assert_int_equal(ms, 42);
	}
}

static void duration_reads_back(void **state)
{
	(void)state;
	char out[40];
	int64_t ms;
	for (int i = 0; i < 20000; i++) {
		int64_t want = below(i % 2 ? TEN_YEARS + 1 : 100000);
		unit_duration(out, sizeof out, want);
		assert_true(unit_parse_duration(out, &ms));
		assert_int_equal(ms, want);
	}
	unit_duration(out, sizeof out, 5400000);
	assert_string_equal(out, "1h30m");
	unit_duration(out, sizeof out, 0);
	assert_string_equal(out, "0s");
	unit_duration(out, sizeof out, UNKNOWN);
	assert_string_equal(out, "-");
	unit_duration(out, sizeof out, -1);
	assert_string_equal(out, "-");
}

static void share_reads(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		int bp;
	} good[] = {
		{"0%", 0},
		{"25%", 2500},
		{"0.5%", 50},
		{"0.5 %", 50},
		{"2500bp", 2500},
		{"0bp", 0},
		{"10000bp", 10000},
		{"100%", 10000},
		{"100.00%", 10000},
		{"0.01%", 1},
		{"12.34%", 1234},
	};
	static const char *const bad[] = {"", "25", "0", "%", "bp", ".5%", "5.%", "0.001%",
		"0.500%", "100.01%", "101%", "10001bp", "2.5bp", "-1%", "+1%", "1%%", "1% ", " 1%",
		"1  %", "1e1%", "nan%", "99999999999999999999%", "99999999999999999999bp", "25 bp",
		"25BP", "1,5%"};
	for (size_t i = 0; i < COUNT(good); i++) {
		int bp = -1;
		assert_true(unit_parse_share(good[i].s, &bp));
		assert_int_equal(bp, good[i].bp);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		int bp = 42;
		if (unit_parse_share(bad[i], &bp))
			fail_msg("'%s' was read as a share", bad[i]);
		assert_int_equal(bp, 42);
	}
}

static void share_reads_back(void **state)
{
	(void)state;
	char out[16];
	for (int bp = 0; bp <= SHARE_FULL; bp++) {
		int got;
		unit_share(out, sizeof out, bp);
		assert_true(unit_parse_share(out, &got));
		assert_int_equal(got, bp);
		unit_share_word(out, sizeof out, bp);
		assert_null(strchr(out, ' '));
		assert_true(unit_parse_share(out, &got));
		assert_int_equal(got, bp);
	}
	unit_share(out, sizeof out, 1000);
	assert_string_equal(out, "10 %");
	unit_share(out, sizeof out, 50);
	assert_string_equal(out, "0.5 %");
	unit_share(out, sizeof out, 1);
	assert_string_equal(out, "0.01 %");
	unit_share(out, sizeof out, -1);
	assert_string_equal(out, "-");
	unit_share_word(out, sizeof out, 50);
	assert_string_equal(out, "0.5%");
}

/* Rows of a table: a value and how it is written. */
struct int_row {
	int64_t value;
	const char *want;
};

static void assert_writes(
	void (*write)(char *, size_t, int64_t), const struct int_row *rows, size_t count)
{
	char out[40];
	for (size_t i = 0; i < count; i++) {
		write(out, sizeof out, rows[i].value);
		assert_string_equal(out, rows[i].want);
		char one[1] = {'x'};
		write(one, sizeof one, rows[i].value);
		assert_int_equal(one[0], '\0');
	}
}

static void clocks(void **state)
{
	(void)state;
	static const struct int_row countdowns[] = {
		{0, "00:00"},
		{1, "00:01"},
		{1000, "00:01"},
		{1001, "00:02"},
		{409000, "06:49"},
		{3599001, "1:00:00"},
		{3723000, "1:02:03"},
		{DAY, "1d 00:00"},
		{3 * DAY + 4 * 3600000, "3d 04:00"},
		{-5, "00:00"},
		{UNKNOWN, "-"},
		{INT64_MAX, "106751991167d 07:12"},
	};
	static const struct int_row ages[] = {
		{0, "0.0s"},
		{400, "0.4s"},
		{9999, "9.9s"},
		{14000, "14s"},
		{59999, "59s"},
		{125000, "2:05"},
		{3599999, "59:59"},
		{3 * 3600000, "3h"},
		{DAY - 1, "23h"},
		{5 * DAY, "5d"},
		{-300, "0.0s"},
		{UNKNOWN, "never"},
	};
	assert_writes(unit_countdown, countdowns, COUNT(countdowns));
	assert_writes(unit_age, ages, COUNT(ages));
}

static void bytes_read(void **state)
{
	(void)state;
	static const struct {
		const char *s;
		int64_t bytes;
	} good[] = {
		{"0B", 0},
		{"100B", 100},
		{"64KiB", 65536},
		{"512MiB", 536870912},
		{"2GiB", 2147483648},
	};
	static const char *const bad[] = {"", "2", "B", "2G", "2GB", "2 GiB", "-1B", "1.5GiB",
		"9223372036854775807KiB", "99999999999999999999B", "2GiB ", "2gib"};
	for (size_t i = 0; i < COUNT(good); i++) {
		int64_t bytes = -1;
		assert_true(unit_parse_bytes(good[i].s, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t bytes = 42;
		if (unit_parse_bytes(bad[i], &bytes))
			fail_msg("'%s' was read as bytes", bad[i]);
		assert_int_equal(bytes, 42);
	}
}

static void bytes_write(void **state)
{
	(void)state;
	static const struct int_row rows[] = {
		{0, "0B"},
		{5, "5B"},
		{1023, "1023B"},
		{1024, "1K"},
		{1536, "1.5K"},
		{812 * 1024, "812K"},
		{1023 * 1024 + 1000, "1M"},
		{410 * 1048576, "410M"},
		{10188, "9.9K"},
		{10230, "10K"},
		{2147483648, "2G"},
		{1610612736, "1.5G"},
		{INT64_MAX, "8E"},
		{-1, "-"},
		{UNKNOWN, "-"},
	};
	char out[16];
	assert_writes(unit_bytes, rows, COUNT(rows));
	for (int i = 0; i < 20000; i++) {
		int64_t bytes = below(INT64_MAX) >> below(63);
		unit_bytes(out, sizeof out, bytes);
		assert_true(strlen(out) <= 5);
		/* What is shown is within 6 % of what is there. */
		char *letter;
		double shown = strtod(out, &letter);
		const char *letters = "BKMGTPE", *at = strchr(letters, *letter);
		assert_non_null(at);
		shown = ldexp(shown, 10 * (int)(at - letters));
		assert_true(fabs(shown - (double)bytes) <= 0.06 * (double)bytes);
	}
}

static void counts_write(void **state)
{
	(void)state;
	static const struct int_row rows[] = {
		{0, "0"},
		{999, "999"},
		{1000, "1,000"},
		{1234567, "1,234,567"},
		{-1234, "-1,234"},
		{-999, "-999"},
		{INT64_MAX, "9,223,372,036,854,775,807"},
		{INT64_MIN + 1, "-9,223,372,036,854,775,807"},
		{UNKNOWN, "-"},
	};
	static const struct int_row ms[] = {
		{0, "0"},
		{1, "<0.01"},
		{4, "<0.01"},
		{5, "0.01"},
		{250, "0.25"},
		{994, "0.99"},
		{995, "1.0"},
		{1800, "1.8"},
		{9949, "9.9"},
		{9950, "10"},
		{61000, "61"},
		{1040000, "1,040"},
		{-1, "-"},
		{UNKNOWN, "-"},
		{INT64_MAX, "9,223,372,036,854,776"},
	};
	assert_writes(unit_count, rows, COUNT(rows));
	assert_writes(unit_ms, ms, COUNT(ms));
}

static void rates_and_percents(void **state)
{
	(void)state;
	static const struct {
		double value;
		const char *rate, *percent;
	} rows[] = {
		{0, "0", "0"},
		{0.4, "0.4", "40"},
		{90, "90", "9,000"},
		{1040, "1,040", "104,000"},
		{12345, "12.3k", "1,234,500"},
		{0.0021, "<0.1", "0.21"},
		{0.041, "<0.1", "4.1"},
		{0.3, "0.3", "30"},
		{0.00001, "<0.1", "<0.01"},
		{1e-300, "<0.1", "<0.01"},
		{1, "1.0", "100"},
		{9.96, "10", "996"},
		{9999.4, "9,999", "999,940"},
		{9999.6, "10.0k", "999,960"},
		{999960, "1.0M", "99,996,000"},
		{2.5e9, "2.5G", "-"},
		{1e300, ">999T", "-"},
		{-1, "-", "-"},
	};
	char out[40];
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_rate(out, sizeof out, rows[i].value);
		assert_string_equal(out, rows[i].rate);
		unit_percent(out, sizeof out, rows[i].value);
		assert_string_equal(out, rows[i].percent);
	}
	unit_rate(out, sizeof out, (double)NAN);
	assert_string_equal(out, "-");
	unit_rate(out, sizeof out, (double)INFINITY);
	assert_string_equal(out, ">999T");
	unit_percent(out, sizeof out, (double)NAN);
	assert_string_equal(out, "-");
	unit_percent(out, sizeof out, (double)INFINITY);
	assert_string_equal(out, "-");
	for (int i = 0; i < 20000; i++) {
		unit_rate(out, sizeof out, ldexp((double)below(1 << 30), (int)below(120) - 60));
		assert_true(strlen(out) <= 7);
	}
}

static void instants_read_back(void **state)
{
	(void)state;
	char out[40];
	int64_t got;
	/* 0000-01-01 to the end of 9999. */
	const int64_t first = -62167219200000, last = 253402300799999;
	for (int i = 0; i < 20000; i++) {
		int64_t want = first + below(last - first + 1);
		unit_rfc3339(out, sizeof out, want);
		assert_int_equal(strlen(out), 24);
		assert_true(unit_parse_rfc3339(out, &got));
		assert_int_equal(got, want);
	}
	static const struct int_row rows[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{1795269802412, "2026-11-21T14:03:22.412Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{-62167219200000, "0000-01-01T00:00:00.000Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
		{253402300800000, "-"},
		{-62167219200001, "-"},
		{UNKNOWN, "-"},
		{INT64_MAX, "-"},
		{INT64_MIN + 1, "-"},
	};
	assert_writes(unit_rfc3339, rows, COUNT(rows));
}

static void instants_read(void **state)
{
	(void)state;
	int64_t got;
	assert_true(unit_parse_rfc3339("2026-11-21T14:03:22Z", &got));
	assert_int_equal(got, 1795269802000);
	assert_true(unit_parse_rfc3339("2024-02-29T00:00:00Z", &got));
	static const char *const bad[] = {"", "Z", "2026-11-21", "2026-11-21T14:03:22",
		"2026-11-21T14:03:22.Z", "2026-11-21T14:03:22.4Z", "2026-11-21T14:03:22.4120Z",
		"2026-11-21T14:03:22+00:00", "2026-11-21t14:03:22Z", "2026-11-21 14:03:22Z",
		"2026-11-21T14:03:22.412z", "2026-00-21T14:03:22Z", "2026-13-21T14:03:22Z",
		"2026-11-00T14:03:22Z", "2026-11-31T14:03:22Z", "2026-02-29T14:03:22Z",
		"1900-02-29T14:03:22Z", "2026-11-21T24:00:00Z", "2026-11-21T14:60:22Z",
		"2026-11-21T14:03:60Z", "-026-11-21T14:03:22Z", "2026-1a-21T14:03:22Z",
		"2026-11-21T14:03:22Z\n", "2026/11/21T14:03:22Z"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		got = 42;
		if (unit_parse_rfc3339(bad[i], &got))
			fail_msg("'%s' was read as an instant", bad[i]);
		assert_int_equal(got, 42);
	}
}

static void when(void **state)
{
	(void)state;
	const int64_t now = 1795269802412; /* Saturday 2026-11-21 14:03:22 */
	const int64_t midnight = now - now % DAY;
	static const struct int_row clocks_rows[] = {
		{0, "00:00:00"},
		{-1, "23:59:59"},
		{1795269802412, "14:03:22"},
		{UNKNOWN, "-"},
	};
	const struct int_row rows[] = {
		{now, "14:03:22"},
		{midnight, "00:00:00"},
		{midnight + DAY - 1, "23:59:59"},
		{midnight - 1, "Fri 23:59"},
		{midnight - 5 * DAY + 33720000, "Mon 09:22"},
		{midnight - 6 * DAY, "Sun 00:00"},
		{midnight - 6 * DAY - 1, "2026-11-14"},
		{midnight + DAY, "2026-11-22"},
		{-1, "1969-12-31"},
		{UNKNOWN, "-"},
		{INT64_MAX, "-"},
	};
	char out[40];
	assert_writes(unit_clock, clocks_rows, COUNT(clocks_rows));
	for (size_t i = 0; i < COUNT(rows); i++) {
		unit_when(out, sizeof out, rows[i].value, now);
		assert_string_equal(out, rows[i].want);
	}
	unit_when(out, sizeof out, now, UNKNOWN);
	assert_string_equal(out, "2026-11-21");
}

static void integers(void **state)
{
	(void)state;
	int64_t n;
	assert_true(unit_parse_int("0", 0, 9, &n));
	assert_int_equal(n, 0);
	assert_true(unit_parse_int("-9223372036854775808", INT64_MIN, INT64_MAX, &n));
	assert_true(n == INT64_MIN);
	assert_true(unit_parse_int("9223372036854775807", INT64_MIN, INT64_MAX, &n));
	assert_true(n == INT64_MAX);
	assert_true(unit_parse_int("65535", 1, 65535, &n));
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "--1",
		"65536", "0", "-1", "9223372036854775808", "-9223372036854775809", "1\n"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		n = 42;
		if (unit_parse_int(bad[i], 1, 65535, &n))
			fail_msg("'%s' was read as an integer", bad[i]);
		assert_int_equal(n, 42);
	}
	assert_false(unit_parse_int("9223372036854775808", INT64_MIN, INT64_MAX, &n));
	assert_false(unit_parse_int("-9223372036854775809", INT64_MIN, INT64_MAX, &n));
}

static void sums(void **state)
{
	(void)state;
	assert_true(unit_plus(2, 3) == 5);
	assert_true(unit_plus(UNKNOWN, 3) == UNKNOWN && unit_plus(2, UNKNOWN) == UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duration_reads),
		cmocka_unit_test(duration_reads_back),
		cmocka_unit_test(share_reads),
		cmocka_unit_test(share_reads_back),
		cmocka_unit_test(clocks),
		cmocka_unit_test(bytes_read),
		cmocka_unit_test(bytes_write),
		cmocka_unit_test(counts_write),
		cmocka_unit_test(rates_and_percents),
		cmocka_unit_test(instants_read_back),
		cmocka_unit_test(instants_read),
		cmocka_unit_test(when),
		cmocka_unit_test(integers),
		cmocka_unit_test(sums),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
