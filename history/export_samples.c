/* Export of samples: a row an interval and side (CSV), or a line a value (OpenMetrics). Texts of
 * the file are cleaned here, as for a screen: a spreadsheet and a label are screens too.
 *
 * What OpenMetrics and the older text format of Prometheus both take is written: a count has no
 * TYPE, since they name its family differently, and times are whole seconds where intervals are. */
#include "history/export_parts.h"

#include "history/samples.h"
#include "history/schema.h"
#include "model/histogram.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of whom a row is. */
struct label {
	int64_t series, recording, interval_ms;
	char pool[POOL_NAME_MAX], pool_id[POOL_ID_MAX];
	char node[POOL_NAME_MAX], node_id[POOL_ID_MAX];
	char arm[8];
};

struct labels {
	struct label *of;
	size_t count, cap;
};

static void take(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	text_clean(out, size, text != NULL ? text : "",
		text != NULL ? (size_t)sqlite3_column_bytes(s, column) : 0);
}
#define TAKE(s, column, field) take(s, column, field, sizeof(field))

/* Reads whom the series are of, in the order of their ids. */
static int read_labels(struct exporting *e, struct labels *l)
{
	sqlite3_stmt *s;
	int code;

	if (export_prepare(e,
			"SELECT s.id, s.recording, r.interval_ms, s.pool_id, s.node_id, s.arm,"
			" (SELECT p.pool FROM pool AS p WHERE p.pool_id = s.pool_id LIMIT 1),"
			" (SELECT n.node FROM node AS n JOIN pool AS p ON p.pool = n.pool"
			" WHERE n.node_id = s.node_id AND p.pool_id = s.pool_id LIMIT 1)"
			" FROM series AS s JOIN recording AS r ON r.seq = s.recording ORDER BY s.id",
			&s) < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		mem_grow(&l->of, &l->cap, l->count + 1, sizeof *l->of);
		struct label *of = &l->of[l->count++];

		of->series = sqlite3_column_int64(s, 0);
		of->recording = sqlite3_column_int64(s, 1);
		of->interval_ms = sqlite3_column_int64(s, 2);
		TAKE(s, 3, of->pool_id);
		TAKE(s, 4, of->node_id);
		TAKE(s, 5, of->arm);
		TAKE(s, 6, of->pool);
		TAKE(s, 7, of->node);
	}
	return export_finish(e, s, code);
}

static int compare_series(const void *key, const void *row)
{
	const int64_t a = *(const int64_t *)key, b = ((const struct label *)row)->series;

	return (a > b) - (a < b);
}

static const struct label *find_label(const struct labels *l, int64_t series)
{
	return l->count == 0 ? NULL
						 : bsearch(&series, l->of, l->count, sizeof *l->of, compare_series);
}

#define WANTED \
	" FROM sample WHERE (?1 IS NULL OR series IN (SELECT s.id FROM series AS s JOIN pool AS p" \
	" ON p.pool_id = s.pool_id WHERE p.pool = ?1))" \
	" AND (?2 IS NULL OR at_ms >= ?2) AND (?3 IS NULL OR at_ms < ?3)"

/* A file from before failures were told apart has no such column, and none of them. */
static const char *column_in(struct exporting *e, const char *name)
{
	const int there = sqlite3_table_column_metadata(
		e->db, "main", "sample", name, NULL, NULL, NULL, NULL, NULL);

	return there == SQLITE_OK ? name : "0";
}

/* ---- CSV ---- */

static const char *const csv_columns[] = {"interval_ms", "flags", "requests", "ok",
#define X(name, word) "failed_" word,
	FAILURE_INFO(X)
#undef X
		"timeouts",
	"retries", "sessions", "sessions_bad", "p50_us", "p95_us", "p99_us", "max_us",
	"queue_depth", "in_flight", "workers_total", "workers_ready", "workers_busy",
	"workers_degraded", "workers_created", "workers_destroyed", "workers_crashed",
	"workers_restarted", "memory_bytes", "cpu_us", "fds"};
enum { CSV_COLUMNS = sizeof csv_columns / sizeof *csv_columns };

/* Appends a text as a cell: in quotes, its own doubled. A spreadsheet would compute what begins
 * like a formula; it takes what is behind an apostrophe as a text. */
static void put_cell(struct text *out, const char *s)
{
	text_add(out, *s != '\0' && strchr("=+-@", *s) != NULL ? "\"'" : "\"");
	for (; *s != '\0'; s++)
		text_add_n(out, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
	text_add(out, "\"");
}

static void put_row(struct exporting *e, const struct label *of, sqlite3_stmt *s)
{
	const char *const cells[] = {of->pool, of->pool_id, of->node, of->node_id, of->arm};
	char when[32];

	unit_rfc3339(when, sizeof when, sqlite3_column_int64(s, 1));
	text_addf(&e->line, "%s,%lld,", when, (long long)of->recording);
	for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
		text_add(&e->line, i > 0 ? "," : "");
		put_cell(&e->line, cells[i]);
	}
	for (int c = 0; c < CSV_COLUMNS; c++) {
		text_add(&e->line, ",");
		if (sqlite3_column_type(s, 2 + c) != SQLITE_NULL)
			text_addf(&e->line, "%lld", (long long)sqlite3_column_int64(s, 2 + c));
	}
}

static int put_rows(struct exporting *e, const struct labels *l)
{
	struct text sql = {0};
	sqlite3_stmt *s;
	int code;

	text_add(&e->line, "time,recording,pool,pool_id,node,node_id,arm");
	text_add(&sql, "SELECT series, at_ms");
	for (int c = 0; c < CSV_COLUMNS; c++) {
		text_addf(&e->line, ",%s", csv_columns[c]);
		text_addf(&sql, ", %s", column_in(e, csv_columns[c]));
	}
	text_add(&sql, WANTED " ORDER BY key");
	code = export_expect(e, "SELECT count(*)" WANTED);
	if (code == 0)
		code = export_prepare(e, text_str(&sql), &s);
	text_free(&sql);
	if (code < 0)
		return -1;
	for (bool more = export_line(e); (code = sqlite3_step(s)) == SQLITE_ROW && more;) {
		const struct label *of = find_label(l, sqlite3_column_int64(s, 0));

		export_row(e);
		if (of == NULL)
			continue;
		put_row(e, of, s);
		more = export_line(e);
	}
	return export_finish(e, s, code);
}

static int with_labels(
	struct exporting *e, int (*put)(struct exporting *e, const struct labels *l))
{
	struct labels l = {0};
	const int code = read_labels(e, &l) < 0 ? -1 : put(e, &l);

	free(l.of);
	return code;
}

int export_csv(struct exporting *e)
{
	return with_labels(e, put_rows);
}

/* ---- OpenMetrics ---- */

/* Rows of one name stand together. A count is summed from the beginning of its recording. */
struct family {
	const char *column, *name;
	bool in_us;        /* written in seconds */
	bool summed;       /* a count */
	const char *class; /* of a failure; NULL: no such label */
	const char *help;
};

static const struct family families[] = {
	{"requests", "weir_requests_total", false, true, NULL, "Requests that ended."},
	{"ok", "weir_requests_good_total", false, true, NULL, "Requests that ended well."},
#define X(name, word) \
	{"failed_" word, "weir_requests_failed_total", false, true, word, \
		"Requests that failed, by the class of the failure."},
	FAILURE_INFO(X)
#undef X
		{"timeouts", "weir_timeouts_total", false, true, NULL,
			"Requests that took longer than allowed."},
	{"retries", "weir_retries_total", false, true, NULL, "Attempts behind the first one."},
	{"sessions", "weir_sessions_total", false, true, NULL, "Sessions that were counted."},
	{"sessions_bad", "weir_sessions_bad_total", false, true, NULL,
		"Sessions whose counted request failed."},
	{"workers_created", "weir_workers_created_total", false, true, NULL,
		"Workers that were made."},
	{"workers_destroyed", "weir_workers_destroyed_total", false, true, NULL,
		"Workers that were taken away."},
	{"workers_crashed", "weir_workers_crashed_total", false, true, NULL,
		"Workers that crashed."},
	{"workers_restarted", "weir_workers_restarted_total", false, true, NULL,
		"Workers that were started again."},
	{"cpu_us", "weir_cpu_seconds_total", true, true, NULL, "Processor time of the workers."},
	{"p50_us", "weir_latency_p50_seconds", true, false, NULL,
		"Latency that half of the interval's requests kept below."},
	{"p95_us", "weir_latency_p95_seconds", true, false, NULL,
		"Latency that 95 of 100 of the interval's requests kept below."},
	{"p99_us", "weir_latency_p99_seconds", true, false, NULL,
		"Latency that 99 of 100 of the interval's requests kept below."},
	{"max_us", "weir_latency_max_seconds", true, false, NULL,
		"Longest latency of the interval."},
	{"queue_depth", "weir_queue_depth", false, false, NULL, "Requests that waited."},
	{"in_flight", "weir_in_flight", false, false, NULL, "Requests that were being worked on."},
	{"workers_total", "weir_workers", false, false, NULL, "Workers."},
	{"workers_ready", "weir_workers_ready", false, false, NULL, "Workers without work."},
	{"workers_busy", "weir_workers_busy", false, false, NULL, "Workers at work."},
	{"workers_degraded", "weir_workers_degraded", false, false, NULL,
		"Workers that answer badly."},
	{"memory_bytes", "weir_memory_bytes", false, false, NULL, "Memory of the workers."},
	{"fds", "weir_open_files", false, false, NULL, "Open files of the workers."},
};
enum { FAMILIES = sizeof families / sizeof *families };

static void put_label(struct text *out, const char *name, const char *value)
{
	text_addf(out, "%s%s=\"", out->data[out->len - 1] == '{' ? "" : ",", name);
	for (; *value != '\0'; value++) {
		if (*value == '\\' || *value == '"')
			text_add(out, "\\");
		text_add_n(out, *value == '\n' ? "\\n" : value, *value == '\n' ? 2 : 1);
	}
	text_add(out, "\"");
}

static void put_labels(struct text *out, const struct label *of, const char *class)
{
	char recording[24];

	snprintf(recording, sizeof recording, "%lld", (long long)of->recording);
	text_add(out, "{");
	put_label(out, "pool", of->pool);
	put_label(out, "node", of->node);
	put_label(out, "node_id", of->node_id);
	put_label(out, "arm", of->arm);
	put_label(out, "recording", recording);
	if (class != NULL)
		put_label(out, "class", class);
	text_add(out, "}");
}

/* A time in the file's tenths of a second: whole seconds where the intervals are that long. */
static void put_moment(struct text *out, int64_t tenths, int64_t interval_ms)
{
	if (interval_ms >= 1000)
		text_addf(out, "%lld", (long long)(tenths / 10));
	else
		text_addf(out, "%lld.%lld", (long long)(tenths / 10), (long long)(tenths % 10));
}

static void put_number(struct text *out, bool in_us, int64_t n)
{
	if (in_us)
		text_add_real(out, (double)n / 1e6);
	else
		text_addf(out, "%lld", (long long)n);
}

static int put_family(struct exporting *e, const struct labels *l, const struct family *f)
{
	struct text sql = {0};
	sqlite3_stmt *s;
	const struct label *of = NULL;
	int64_t sum = 0, series = -1;
	int code;

	text_addf(&sql, "SELECT series, t, %s AS value" WANTED " AND value IS NOT NULL",
		column_in(e, f->column));
	text_add(&sql, " ORDER BY series, key");
	code = export_prepare(e, text_str(&sql), &s);
	text_free(&sql);
	if (code < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW && !e->stopped) {
		const int64_t n = sqlite3_column_int64(s, 2);

		export_row(e);
		if (sqlite3_column_int64(s, 0) != series) {
			series = sqlite3_column_int64(s, 0);
			of = find_label(l, series);
			sum = 0;
		}
		if (of == NULL)
			continue;
		sum = f->summed ? samples_add(sum, n) : n;
		if (sum == UNKNOWN)
			continue; /* beyond what a number can hold: from here on nothing is known */
		text_add(&e->line, f->name);
		put_labels(&e->line, of, f->class);
		text_add(&e->line, " ");
		put_number(&e->line, f->in_us, sum);
		text_add(&e->line, " ");
		put_moment(&e->line, sqlite3_column_int64(s, 1), of->interval_ms);
		export_line(e);
	}
	return export_finish(e, s, code);
}

static void put_head(struct exporting *e, const struct family *f)
{
	text_addf(&e->line, "# HELP %s %s", f->name, f->help);
	export_line(e);
	if (f->summed)
		return;
	text_addf(&e->line, "# TYPE %s gauge", f->name);
	export_line(e);
}

static int put_families(struct exporting *e, const struct labels *l)
{
	int64_t rows;

	if (export_expect(e, "SELECT count(*)" WANTED) < 0)
		return -1;
	rows = e->total;
	e->total *= FAMILIES;
	for (int i = 0; i < FAMILIES && !e->stopped; i++) {
		e->done = i * rows; /* what is not known of a row is not read */
		if (i == 0 || strcmp(families[i].name, families[i - 1].name) != 0)
			put_head(e, &families[i]);
		if (put_family(e, l, &families[i]) < 0)
			return -1;
	}
	text_add(&e->line, "# EOF");
	if (!e->stopped)
		export_line(e);
	return 0;
}

int export_openmetrics(struct exporting *e)
{
	return with_labels(e, put_families);
}
