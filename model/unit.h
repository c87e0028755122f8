/* Units: instants, durations, shares, rates, sizes, read and written. No clock. */
#ifndef WEIR_MODEL_UNIT_H
#define WEIR_MODEL_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number that is not known. Drawn as "-", written as null, never as 0. */
#define UNKNOWN INT64_MIN

#define SHARE_FULL 10000 /* basis points of v2's part of new work */

/* One moment on both clocks. boot_ms (CLOCK_BOOTTIME) is for ages, bakes and deadlines;
 * wall_ms (CLOCK_REALTIME, Unix epoch) is to print and to record. */
struct instant {
	int64_t boot_ms;
	int64_t wall_ms;
};

/* The sum; UNKNOWN when either is. */
int64_t unit_plus(int64_t a, int64_t b);

/* Reads "90s", "10m", "1h30m", "3d", "250ms" (units d h m s ms, each once, falling, no spaces;
 * a bare 0 is allowed). Result in milliseconds, 0..10 years. Returns false on anything else. */
bool unit_parse_duration(const char *s, int64_t *ms);

/* Writes the same form, shortest that reads back exactly: 5400000 -> "1h30m", 0 -> "0s". */
void unit_duration(char *out, size_t size, int64_t ms);

/* Writes a clock for countdowns: "06:49", "1:02:03", "3d 04:00"; UNKNOWN "-"; below 0 as 0.
 * Rounded up to seconds, so that it reaches 00:00 when the time has come. */
void unit_countdown(char *out, size_t size, int64_t ms);

/* Writes an age as people say it: "0.4s", "14s", "2:05", "3h", "5d"; UNKNOWN "never". */
void unit_age(char *out, size_t size, int64_t ms);

/* Reads a share of v2: "25%", "0.5 %", "2500bp"; result 0..10000 basis points. A bare number, a
 * fraction of a basis point and anything out of range is refused. */
bool unit_parse_share(const char *s, int *share_bp);

/* Writes a share for people: 1000 -> "10 %", 50 -> "0.5 %", 1 -> "0.01 %"; below 0 "-". */
void unit_share(char *out, size_t size, int share_bp);

/* The same form that the command line reads: "10%", "0.5%". */
void unit_share_word(char *out, size_t size, int share_bp);

/* Reads "2GiB", "512MiB", "64KiB", "100B". Result in bytes. */
bool unit_parse_bytes(const char *s, int64_t *bytes);

/* Writes bytes in at most 5 columns: "410M", "2G", "1.5G", "812K", "-" for UNKNOWN. */
void unit_bytes(char *out, size_t size, int64_t bytes);

/* Writes a count with thousands separated by commas; UNKNOWN "-". */
void unit_count(char *out, size_t size, int64_t n);

/* Writes a rate per second in at most 7 columns: "0.4", "90", "1,040", "12.3k", less than can
 * be shown "<0.1"; NaN "-". */
void unit_rate(char *out, size_t size, double per_second);

/* Writes a fraction 0..1 as percent digits without the sign: 0.0021 -> "0.21", 0.041 -> "4.1",
 * 0.3 -> "30", 0 -> "0", less than can be shown "<0.01"; NaN "-". */
void unit_percent(char *out, size_t size, double fraction);

/* Writes microseconds as milliseconds: 1800 -> "1.8", 61000 -> "61", 250 -> "0.25", less than
 * can be shown "<0.01"; UNKNOWN "-". */
void unit_ms(char *out, size_t size, int64_t us);

/* Writes RFC 3339 UTC with milliseconds: "2026-11-21T14:03:22.412Z"; UNKNOWN "-". */
void unit_rfc3339(char *out, size_t size, int64_t wall_ms);

/* Writes "14:03:22" UTC. */
void unit_clock(char *out, size_t size, int64_t wall_ms);

/* Reads the form that unit_rfc3339 writes (milliseconds optional, Z only). */
bool unit_parse_rfc3339(const char *s, int64_t *wall_ms);

/* Writes when something happened, seen from now: today "14:03:22", within six days "Mon 09:22",
 * else "2026-11-02". UTC. */
void unit_when(char *out, size_t size, int64_t wall_ms, int64_t now_wall_ms);

/* The quotient rounded down, b above 0. */
int64_t unit_floor(int64_t a, int64_t b);

/* Days from 1970-01-01 to a date of the Gregorian calendar; month and day from 1. */
int64_t unit_days(int64_t year, int month, int day);

/* The date of a day counted so. */
void unit_date(int64_t days, int64_t *year, int *month, int *day);

/* Its weekday, 0 Sunday. */
int unit_weekday(int64_t days);

/* Reads "2026-12-20", a date that there is, as its day. */
bool unit_parse_date(const char *s, int64_t *days);

/* Reads a whole decimal integer within min..max, nothing before or behind it. */
bool unit_parse_int(const char *s, int64_t min, int64_t max, int64_t *n);

#endif
