/* Volume: sizes and a forecast. Not what keeps them down: thin.c.
 *
 * The forecast goes on from the newest sample in two straight lines: until the oldest samples are
 * due to be thinned every row adds its bytes, from then on only minutes add theirs. */
#include "history/volume.h"

#include "history/samples.h"
#include "history/schema.h"
#include "model/unit.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define DAY_MS INT64_C(86400000)
#define WEEK_MS (7 * DAY_MS)
#define FAR_DAYS 3650
/* What a row costs beside itself: its place in a page, its part of a checkpoint's event. */
#define ROW_EXTRA 4
#define PROBED "64" /* rows at the end of a table whose length is measured */

/* ---- reading ---- */

/* The first number that a statement gives; `otherwise` where it gives none. */
static int number(sqlite3 *db, const char *path, const char *sql, int64_t otherwise,
	int64_t *out, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	*out = otherwise;
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
		*out = sqlite3_column_int64(s, 0);
	code = schema_result(err, db, code, "measuring the history", path) == SCHEMA_OK ? 0 : -1;
	sqlite3_finalize(s);
	return code;
}

/* The bytes of an integer in a row: SQLite's file format, "Record Format". */
static int64_t bytes_of(sqlite3_stmt *s, int column)
{
	static const int widths[] = {1, 2, 3, 4, 6};
	const int64_t n = sqlite3_column_int64(s, column);
	const int64_t size = n < 0 ? ~n : n;

	if (sqlite3_column_type(s, column) != SQLITE_INTEGER)
		return sqlite3_column_bytes(s, column);
	if (n == 0 || n == 1)
		return 0;
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
		if (size >> (8 * widths[i] - 1) == 0)
			return widths[i];
	return 8;
}

/* The mean length of the rows at a table's end, 0 without one. */
static int mean_row(
	sqlite3 *db, const char *path, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int64_t bytes = 0, rows = 0;
	int code = schema_prepare(&s, db, sql, path, err);

	*out = 0;
	if (code < 0)
		return -1;
	for (; (code = sqlite3_step(s)) == SQLITE_ROW; rows++) {
		/* the key, the length, and a byte of header for each column */
		bytes += 9 + 2 + ROW_EXTRA;
		for (int c = 0; c < sqlite3_column_count(s); c++)
			bytes += 1 + bytes_of(s, c);
	}
	if (rows > 0)
		*out = bytes / rows;
	code = schema_result(err, db, code, "measuring the history", path) == SCHEMA_OK ? 0 : -1;
	sqlite3_finalize(s);
	return code;
}

static bool has_table(sqlite3 *db, const char *table)
{
	return sqlite3_table_column_metadata(
			   db, "main", table, "key", NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

#define OF_THE_DAY " e.kind = 'checkpoint' AND e.at_ms > %lld"

/* Samples under the checkpoints of the last day before the newest one, made a whole day's where
 * the first recording of that day began later. A checkpoint's text begins with the number of its
 * rows. */
static int read_growth(struct volume *out, sqlite3 *db, const char *path, struct err *err)
{
	int64_t newest, rows, begun, span_ms;
	char sql[256];

	if (number(db, path, "SELECT max(at_ms) FROM event WHERE kind = 'checkpoint'", UNKNOWN,
			&newest, err) < 0)
		return -1;
	if (newest == UNKNOWN || out->oldest_ms == UNKNOWN || newest < 0 || newest > INT64_MAX / 2)
		return 0;
	snprintf(sql, sizeof sql,
		"SELECT sum(CAST(text AS INTEGER)) FROM event AS e WHERE" OF_THE_DAY,
		(long long)(newest - DAY_MS));
	if (number(db, path, sql, 0, &rows, err) < 0)
		return -1;
	snprintf(sql, sizeof sql,
		"SELECT min(r.started_ms) FROM event AS e JOIN recording AS r ON r.seq = e.recording"
		" WHERE" OF_THE_DAY,
		(long long)(newest - DAY_MS));
	if (number(db, path, sql, newest, &begun, err) < 0)
		return -1;
	span_ms = begun > newest - DAY_MS ? newest - begun : DAY_MS;
	if (rows > 0 && span_ms > 60000)
		out->rows_a_day = (int64_t)((double)rows * (double)DAY_MS / (double)span_ms);
	return 0;
}

static int read_sizes(struct volume *out, sqlite3 *db, const char *path, struct err *err)
{
	int64_t pages, unused, size;

	if (number(db, path, "PRAGMA page_count", 0, &pages, err) < 0 ||
		number(db, path, "PRAGMA freelist_count", 0, &unused, err) < 0 ||
		number(db, path, "PRAGMA page_size", 0, &size, err) < 0)
		return -1;
	out->file = pages * size;
	out->used = (pages - unused) * size;
	return 0;
}

int volume_read(struct volume *out, sqlite3 *db, const char *path, struct err *err)
{
	struct statvfs disk;
	int64_t first, last;

	*out = (struct volume){
		.disk = UNKNOWN, .rows_a_day = UNKNOWN, .oldest_ms = UNKNOWN, .newest_ms = UNKNOWN};
	if (read_sizes(out, db, path, err) < 0 ||
		number(db, path, "SELECT min(key) FROM sample", UNKNOWN, &first, err) < 0 ||
		number(db, path, "SELECT max(key) FROM sample", UNKNOWN, &last, err) < 0 ||
		number(db, path, "SELECT interval_ms FROM recording ORDER BY seq DESC LIMIT 1", 1000,
			&out->interval_ms, err) < 0 ||
		mean_row(db, path, "SELECT * FROM sample ORDER BY key DESC LIMIT " PROBED, &out->row,
			err) < 0)
		return -1;
	if (first != UNKNOWN) {
		out->oldest_ms = (first >> SAMPLES_SERIES_BITS) * 100;
		out->newest_ms = (last >> SAMPLES_SERIES_BITS) * 100;
	}
	if (has_table(db, "rollup") &&
		mean_row(db, path, "SELECT * FROM rollup ORDER BY key DESC LIMIT " PROBED, &out->minute,
			err) < 0)
		return -1;
	if (statvfs(path, &disk) == 0)
		out->disk = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
	return read_growth(out, db, path, err);
}

int volume_of(struct volume *out, const char *path, struct err *err)
{
	sqlite3 *db;
	int code;

	if (schema_open_readonly(&db, path, err) < 0)
		return -1;
	code = volume_read(out, db, path, err);
	sqlite3_close(db);
	return code;
}

/* ---- the forecast ---- */

struct growth {
	double a_day, thinned_a_day; /* bytes */
	double keep_days;            /* from now until the oldest samples are thinned */
};

/* The moment at which `room` more bytes are used. */
static int64_t moment(const struct volume *v, const struct growth *g, int64_t room)
{
	double left = (double)room, days;

	if (room <= 0)
		return v->newest_ms;
	if (g->a_day <= 0)
		return UNKNOWN;
	days = left / g->a_day;
	if (days > g->keep_days) {
		left -= g->a_day * g->keep_days;
		days = g->thinned_a_day > 0 ? g->keep_days + left / g->thinned_a_day : FAR_DAYS + 1;
	}
	return days > FAR_DAYS ? UNKNOWN : v->newest_ms + (int64_t)(days * (double)DAY_MS);
}

void volume_forecast(
	struct volume_forecast *out, const struct volume *v, int64_t keep_ms, int64_t cap_bytes)
{
	const int64_t interval_ms = v->interval_ms > 0 ? v->interval_ms : 1000;
	const double a_minute = interval_ms < 60000 ? 60000 / (double)interval_ms : 1;
	struct growth g;

	*out = (struct volume_forecast){UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
	if (v->rows_a_day == UNKNOWN || v->newest_ms == UNKNOWN || v->row <= 0)
		return;
	g.a_day = (double)v->rows_a_day * (double)v->row;
	g.thinned_a_day =
		(double)v->rows_a_day / a_minute * (double)(v->minute > 0 ? v->minute : 2 * v->row);
	g.keep_days = (double)(keep_ms - (v->newest_ms - v->oldest_ms)) / (double)DAY_MS;
	if (g.keep_days < 0)
		g.keep_days = 0;
	out->bytes_a_day = (int64_t)g.a_day;
	out->cap_ms = moment(v, &g, cap_bytes - v->used);
	if (v->disk != UNKNOWN)
		out->disk_ms = moment(v, &g, v->disk + (v->file - v->used));
	if (g.a_day > 0)
		out->cap_keeps_ms = (int64_t)((double)cap_bytes / g.a_day * (double)DAY_MS);
}

/* ---- words ---- */

void volume_bytes(char *out, size_t size, int64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	double n = (double)bytes;
	size_t unit = 0;

	while (n >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
		n /= 1000;
		unit++;
	}
	snprintf(out, size, unit > 0 && n < 9.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static void add_day(struct text *out, int64_t ms)
{
	char when[40];

	unit_rfc3339(when, sizeof when, ms);
	text_addf(out, "%.10s", when);
}

void volume_words(struct text *out, const struct volume *v, const struct volume_forecast *f,
	int64_t cap_bytes)
{
	char used[24], a_day[24], cap[24];

	volume_bytes(used, sizeof used, v->used);
	volume_bytes(cap, sizeof cap, cap_bytes);
	text_addf(out, "%s of at most %s", used, cap);
	if (f->bytes_a_day == UNKNOWN)
		return;
	volume_bytes(a_day, sizeof a_day, f->bytes_a_day);
	text_addf(out, ", %s a day", a_day);
	if (f->cap_ms == UNKNOWN && f->disk_ms == UNKNOWN) {
		text_add(out, ": does not fill up");
		return;
	}
	if (f->cap_ms != UNKNOWN && (f->disk_ms == UNKNOWN || f->cap_ms <= f->disk_ms)) {
		text_add(out, ": full on ");
		add_day(out, f->cap_ms);
		text_add(out, ", older samples become minutes then");
		return;
	}
	text_add(out, ": the disk is full on ");
	add_day(out, f->disk_ms);
}

/* Less than a week away, and not behind us. */
static bool is_near(const struct volume *v, int64_t ms)
{
	return ms != UNKNOWN && ms - v->newest_ms < WEEK_MS;
}

bool volume_warning(struct text *out, const struct volume *v, const struct volume_forecast *f,
	int64_t keep_ms, int64_t cap_bytes)
{
	char a_day[24], cap[24], disk[24];

	if (f->bytes_a_day == UNKNOWN)
		return false;
	volume_bytes(a_day, sizeof a_day, f->bytes_a_day);
	if (is_near(v, f->disk_ms) && (f->cap_ms == UNKNOWN || f->disk_ms < f->cap_ms)) {
		volume_bytes(disk, sizeof disk, v->disk);
		text_addf(out, "the history fills the disk by ");
		add_day(out, f->disk_ms);
		text_addf(out, ": %s are free, it grows by %s a day; make room, or lower history_cap",
			disk, a_day);
		return true;
	}
	if (!is_near(v, f->cap_ms) || f->cap_keeps_ms >= keep_ms)
		return false;
	volume_bytes(cap, sizeof cap, cap_bytes);
	text_add(out, v->used >= cap_bytes ? "the history has" : "the history will have");
	text_addf(out, " reached its cap of %s", cap);
	if (v->used < cap_bytes) {
		text_add(out, " by ");
		add_day(out, f->cap_ms);
	}
	text_addf(out, ": at %s a day it keeps samples for %.1f days, not %.1f; raise history_cap",
		a_day, (double)f->cap_keeps_ms / (double)DAY_MS, (double)keep_ms / (double)DAY_MS);
	return true;
}
