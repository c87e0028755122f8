/* Units: durations, shares, sizes, rates and instants, read and written. No clock, no locale:
 * every digit is made from integers.
 *
 * 1. A reader takes the whole string or nothing, and leaves the result alone when it refuses.
 * 2. What unit_duration, unit_share, unit_share_word and unit_rfc3339 write reads back exactly.
 * 3. A value that is not zero is never written as zero. */
#include "model/unit.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t unit_plus(int64_t a, int64_t b)
{
	return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : a + b;
}

#define SECOND_MS 1000
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * (int64_t)HOUR_MS)
#define DURATION_MAX_MS (3650 * DAY_MS)

static const struct {
	const char *word;
	int64_t ms;
} spans[] = {
	{"d", DAY_MS},
	{"h", HOUR_MS},
	{"m", MINUTE_MS},
	{"s", SECOND_MS},
	{"ms", 1},
};
enum { SPANS = sizeof spans / sizeof spans[0] };

static void dash(char *out, size_t size)
{
	snprintf(out, size, "-");
}

/* Reads decimal digits, at least one; false when there is none or the value overflows. */
static bool take_digits(const char **s, int64_t *n)
{
	const char *p = *s;
	int64_t value = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, *p - '0', &value))
			return false;
	if (p == *s)
		return false;
	*s = p;
	*n = value;
	return true;
}

bool unit_parse_int(const char *s, int64_t min, int64_t max, int64_t *n)
{
	bool below = *s == '-';
	int64_t value = 0;
	s += below;
	if (*s == '\0')
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		int digit = below ? '0' - *s : *s - '0'; /* INT64_MIN has no positive */
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, digit, &value))
			return false;
	}
	if (value < min || value > max)
		return false;
	*n = value;
	return true;
}

/* ---- durations ---- */

bool unit_parse_duration(const char *s, int64_t *ms)
{
	int64_t sum = 0;
	if (strcmp(s, "0") == 0) {
		*ms = 0;
		return true;
	}
	if (*s == '\0')
		return false;
	for (size_t next = 0; *s;) {
		int64_t count, part;
		if (!take_digits(&s, &count))
			return false;
		size_t len = strspn(s, "dhms"), i = next;
		while (
			i < SPANS && (strlen(spans[i].word) != len || memcmp(spans[i].word, s, len) != 0))
			i++;
		if (i == SPANS || __builtin_mul_overflow(count, spans[i].ms, &part) ||
			__builtin_add_overflow(sum, part, &sum))
			return false;
		s += len;
		next = i + 1;
	}
	if (sum > DURATION_MAX_MS)
		return false;
	*ms = sum;
	return true;
}

void unit_duration(char *out, size_t size, int64_t ms)
{
	char form[64];
	size_t len = 0;
	if (ms < 0) {
		dash(out, size);
		return;
	}
	for (size_t i = 0; i < SPANS; i++) {
		int64_t count = ms / spans[i].ms;
		if (count)
			len += (size_t)snprintf(
				form + len, sizeof form - len, "%" PRId64 "%s", count, spans[i].word);
		ms %= spans[i].ms;
	}
	snprintf(out, size, "%s", len ? form : "0s");
}

void unit_countdown(char *out, size_t size, int64_t ms)
{
	if (ms == UNKNOWN) {
		dash(out, size);
		return;
	}
	int64_t s = ms <= 0 ? 0 : ms / 1000 + (ms % 1000 > 0);
	int second = (int)(s % 60), minute = (int)(s / 60 % 60), hour = (int)(s / 3600 % 24);
	if (s < 3600)
		snprintf(out, size, "%02d:%02d", minute, second);
	else if (s < 86400)
		snprintf(out, size, "%d:%02d:%02d", hour, minute, second);
	else
		snprintf(out, size, "%" PRId64 "d %02d:%02d", s / 86400, hour, minute);
}

void unit_age(char *out, size_t size, int64_t ms)
{
	if (ms == UNKNOWN) {
		snprintf(out, size, "never");
		return;
	}
	int64_t s = ms < 0 ? 0 : ms / 1000;
	if (s < 10)
		snprintf(out, size, "%d.%ds", (int)s, ms < 0 ? 0 : (int)(ms % 1000 / 100));
	else if (s < 60)
		snprintf(out, size, "%ds", (int)s);
	else if (s < 3600)
		snprintf(out, size, "%d:%02d", (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(out, size, "%dh", (int)(s / 3600));
	else
		snprintf(out, size, "%" PRId64 "d", s / 86400);
}

/* ---- shares ---- */

bool unit_parse_share(const char *s, int *share_bp)
{
	int64_t whole, bp;
	if (!take_digits(&s, &whole))
		return false;
	if (strcmp(s, "bp") == 0) {
		bp = whole;
	} else {
		int cents = 0;
		if (*s == '.') {
			size_t digits = strspn(++s, "0123456789");
			if (digits < 1 || digits > 2)
				return false;
			cents = (s[0] - '0') * 10 + (digits == 2 ? s[1] - '0' : 0);
			s += digits;
		}
		s += *s == ' ';
		if (strcmp(s, "%") != 0 || whole > 100)
			return false;
		bp = whole * 100 + cents;
	}
	if (bp > SHARE_FULL)
		return false;
	*share_bp = (int)bp;
	return true;
}

/* Writes the percent of `share_bp`, no trailing zeros, and `sign` behind it. */
static void write_share(char *out, size_t size, int share_bp, const char *sign)
{
	int whole = share_bp / 100, cents = share_bp % 100;
	if (share_bp < 0)
		dash(out, size);
	else if (cents == 0)
		snprintf(out, size, "%d%s", whole, sign);
	else if (cents % 10 == 0)
		snprintf(out, size, "%d.%d%s", whole, cents / 10, sign);
	else
		snprintf(out, size, "%d.%02d%s", whole, cents, sign);
}

void unit_share(char *out, size_t size, int share_bp)
{
	write_share(out, size, share_bp, " %");
}

void unit_share_word(char *out, size_t size, int share_bp)
{
	write_share(out, size, share_bp, "%");
}

/* ---- sizes, counts, rates ---- */

bool unit_parse_bytes(const char *s, int64_t *bytes)
{
	static const struct {
		const char *word;
		int64_t bytes;
	} sizes[] = {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
	int64_t count, product;
	if (!take_digits(&s, &count))
		return false;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		if (strcmp(s, sizes[i].word) != 0)
			continue;
		if (__builtin_mul_overflow(count, sizes[i].bytes, &product))
			return false;
		*bytes = product;
		return true;
	}
	return false;
}

void unit_bytes(char *out, size_t size, int64_t bytes)
{
	static const char letters[] = "BKMGTPE";
	if (bytes < 0) {
		dash(out, size);
		return;
	}
	/* `whole` is rounded to the nearest, and 1024 of one letter are 1 of the next. */
	size_t i = 0;
	uint64_t value = (uint64_t)bytes, whole = value, unit = 1;
	while (whole >= 1024) {
		unit <<= 10;
		whole = value / unit + (value % unit >= unit / 2);
		i++;
	}
	/* Tenths are rounded from a unit scaled down, so that the product cannot overflow. */
	uint64_t tenths = value / unit * 10;
	if (i > 0)
		tenths += ((value % unit >> (10 * (i - 1))) * 10 + 512) / 1024;
	if (i == 0 || tenths >= 100 || tenths % 10 == 0)
		snprintf(out, size, "%" PRIu64 "%c", tenths >= 100 ? whole : tenths / 10, letters[i]);
	else
		snprintf(out, size, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10, letters[i]);
}

void unit_count(char *out, size_t size, int64_t n)
{
	char digits[24], grouped[32];
	if (n == UNKNOWN) {
		dash(out, size);
		return;
	}
	int len = snprintf(digits, sizeof digits, "%" PRId64, n < 0 ? -n : n);
	size_t at = 0;
	if (n < 0)
		grouped[at++] = '-';
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			grouped[at++] = ',';
		grouped[at++] = digits[i];
	}
	grouped[at] = '\0';
	snprintf(out, size, "%s", grouped);
}

/* Writes tenths as "0.4". */
static void write_tenths(char *out, size_t size, int64_t tenths, const char *suffix)
{
	snprintf(out, size, "%" PRId64 ".%d%s", tenths / 10, (int)(tenths % 10), suffix);
}

void unit_rate(char *out, size_t size, double per_second)
{
	static const char *const suffixes[] = {"k", "M", "G", "T"};
	if (isnan(per_second) || per_second < 0)
		dash(out, size);
	else if (per_second >= 999.9e12)
		snprintf(out, size, ">999T");
	else if (per_second <= 0)
		snprintf(out, size, "0");
	else if (per_second < 0.05)
		snprintf(out, size, "<0.1");
	else if (per_second < 9.95)
		write_tenths(out, size, llround(per_second * 10), "");
	else if (per_second < 9999.5)
		unit_count(out, size, llround(per_second));
	else {
		size_t i = 0;
		double scaled = per_second / 1000;
		for (; llround(scaled * 10) >= 10000; i++)
			scaled /= 1000;
		write_tenths(out, size, llround(scaled * 10), suffixes[i]);
	}
}

/* Writes thousandths with the two digits that matter: "0.25", "1.8", "61", "1,040". */
static void write_thousandths(char *out, size_t size, int64_t n)
{
	if (n == 0)
		snprintf(out, size, "0");
	else if (n < 5)
		snprintf(out, size, "<0.01");
	else if (n < 995)
		snprintf(out, size, "0.%02d", (int)(n + 5) / 10);
	else if (n < 9950)
		write_tenths(out, size, (n + 50) / 100, "");
	else
		unit_count(out, size, n / 1000 + (n % 1000 >= 500));
}

void unit_percent(char *out, size_t size, double fraction)
{
	if (!isfinite(fraction) || fraction < 0 || fraction > 1e9) {
		dash(out, size);
		return;
	}
	int64_t thousandths = llround(fraction * 1e5);
	write_thousandths(out, size, thousandths == 0 && fraction > 0 ? 1 : thousandths);
}

void unit_ms(char *out, size_t size, int64_t us)
{
	if (us < 0)
		dash(out, size);
	else
		write_thousandths(out, size, us);
}

/* ---- instants ---- */

struct civil {
	int64_t year;
	int month, day; /* from 1 */
	int ms;         /* of the day */
	int weekday;    /* 0 Sunday */
};

int64_t unit_floor(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Days from 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap
 * day is the last of a year. */
int64_t unit_days(int64_t year, int month, int day)
{
	int64_t y = year - (month <= 2), era = unit_floor(y, 400), of_era = y - era * 400;
	int64_t of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int unit_weekday(int64_t days)
{
	return (int)(days + 4 - unit_floor(days + 4, 7) * 7);
}

/* The calendar of an instant, UTC: the inverse of unit_days. */
static struct civil civil_of(int64_t wall_ms)
{
	int64_t day = unit_floor(wall_ms, DAY_MS), shifted = day + 719468;
	int64_t era = unit_floor(shifted, 146097), of_era = shifted - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
	int march = (int)((5 * of_year + 2) / 153), month = march < 10 ? march + 3 : march - 9;
	return (struct civil){
		.year = era * 400 + y + (month <= 2),
		.month = month,
		.day = (int)(of_year - (153 * march + 2) / 5) + 1,
		.ms = (int)((wall_ms % DAY_MS + DAY_MS) % DAY_MS),
		.weekday = unit_weekday(day),
	};
}

void unit_date(int64_t days, int64_t *year, int *month, int *day)
{
	struct civil c = civil_of(days * DAY_MS);
	*year = c.year;
	*month = c.month;
	*day = c.day;
}

/* The parts of a time of day. */
#define HMS(ms) (ms) / HOUR_MS, (ms) / MINUTE_MS % 60, (ms) / SECOND_MS % 60

/* False when the instant is unknown or its year has not four digits. */
static bool take_civil(int64_t wall_ms, struct civil *c)
{
	if (wall_ms == UNKNOWN)
		return false;
	*c = civil_of(wall_ms);
	return c->year >= 0 && c->year <= 9999;
}

void unit_rfc3339(char *out, size_t size, int64_t wall_ms)
{
	struct civil c;
	if (take_civil(wall_ms, &c))
		snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)c.year, c.month, c.day,
			HMS(c.ms), c.ms % SECOND_MS);
	else
		dash(out, size);
}

void unit_clock(char *out, size_t size, int64_t wall_ms)
{
	struct civil c;
	if (take_civil(wall_ms, &c))
		snprintf(out, size, "%02d:%02d:%02d", HMS(c.ms));
	else
		dash(out, size);
}

/* Reads exactly the digits and marks of `shape` ('0' any digit) into `fields`, one number for
 * each run of digits. */
static bool take_shape(const char *s, const char *shape, int *fields)
{
	int field = 0;
	for (size_t i = 0; shape[i]; i++) {
		if (shape[i] != '0') {
			if (s[i] != shape[i])
				return false;
			field++;
		} else {
			if (s[i] < '0' || s[i] > '9')
				return false;
			fields[field] = fields[field] * 10 + (s[i] - '0');
		}
	}
	return true;
}

/* The day of a date that there is. */
static bool take_day(int year, int month, int day, int64_t *days)
{
	int64_t same_year;
	int same_month, same_day;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	*days = unit_days(year, month, day);
	unit_date(*days, &same_year, &same_month, &same_day);
	return same_month == month;
}

bool unit_parse_date(const char *s, int64_t *days)
{
	int f[3] = {0};
	return strlen(s) == sizeof "0000-00-00" - 1 && take_shape(s, "0000-00-00", f) &&
		take_day(f[0], f[1], f[2], days);
}

bool unit_parse_rfc3339(const char *s, int64_t *wall_ms)
{
	static const char to_seconds[] = "0000-00-00T00:00:00", to_ms[] = "0000-00-00T00:00:00.000";
	int f[7] = {0};
	int64_t days;
	size_t len = strlen(s);
	if (len != sizeof to_seconds && len != sizeof to_ms)
		return false;
	if (s[len - 1] != 'Z' || !take_shape(s, len == sizeof to_ms ? to_ms : to_seconds, f))
		return false;
	if (f[3] > 23 || f[4] > 59 || f[5] > 59 || !take_day(f[0], f[1], f[2], &days))
		return false;
	*wall_ms = days * DAY_MS + f[3] * (int64_t)HOUR_MS + f[4] * MINUTE_MS + f[5] * SECOND_MS +
		f[6];
	return true;
}

void unit_when(char *out, size_t size, int64_t wall_ms, int64_t now_wall_ms)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	struct civil c;
	int64_t ago = unit_floor(now_wall_ms, DAY_MS) - unit_floor(wall_ms, DAY_MS);
	if (!take_civil(wall_ms, &c))
		dash(out, size);
	else if (ago == 0)
		unit_clock(out, size, wall_ms);
	else if (ago > 0 && ago <= 6)
		snprintf(
			out, size, "%s %02d:%02d", days[c.weekday], c.ms / HOUR_MS, c.ms / MINUTE_MS % 60);
	else
		snprintf(out, size, "%04d-%02d-%02d", (int)c.year, c.month, c.day);
}
