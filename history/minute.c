/* Minute: samples become one row. Not which, nor when: thin.c.
 *
 * Invariants:
 * 1. A count is the sum of what is known; it is null where nothing was known.
 * 2. Nothing here depends on the order of the samples but what is said of their last. */
#include "history/minute.h"

#include "history/checkpoint.h"
#include "history/history.h"
#include "history/sparse.h"
#include "model/histogram.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>

/* What becomes of a column. */
enum merge { MERGE_SUM, MERGE_LAST, MERGE_MAX, MERGE_FLAGS, MERGE_QUANTILE, MERGE_HISTOGRAM };

/* In the order of the table; a test compares the names with it. */
const struct minute_column minute_columns[MINUTE_COLUMNS] = {
	{"at_ms", MERGE_LAST},
	{"interval_ms", MERGE_SUM},
	{"flags", MERGE_FLAGS},
	{"requests", MERGE_SUM},
	{"ok", MERGE_SUM},
	{"failed_connection", MERGE_SUM},
	{"failed_timeout", MERGE_SUM},
	{"failed_resource", MERGE_SUM},
	{"failed_operation", MERGE_SUM},
	{"failed_initialization", MERGE_SUM},
	{"failed_communication", MERGE_SUM},
	{"failed_health", MERGE_SUM},
	{"failed_session", MERGE_SUM},
	{"failed_system", MERGE_SUM},
	{"timeouts", MERGE_SUM},
	{"retries", MERGE_SUM},
	{"sessions", MERGE_SUM},
	{"sessions_bad", MERGE_SUM},
	{"p50_us", MERGE_QUANTILE},
	{"p95_us", MERGE_QUANTILE},
	{"p99_us", MERGE_QUANTILE},
	{"max_us", MERGE_MAX},
	{"queue_depth", MERGE_LAST},
	{"in_flight", MERGE_LAST},
	{"workers_total", MERGE_LAST},
	{"workers_ready", MERGE_LAST},
	{"workers_busy", MERGE_LAST},
	{"workers_degraded", MERGE_LAST},
	{"workers_created", MERGE_SUM},
	{"workers_destroyed", MERGE_SUM},
	{"workers_crashed", MERGE_SUM},
	{"workers_restarted", MERGE_SUM},
	{"memory_bytes", MERGE_LAST},
	{"cpu_us", MERGE_SUM},
	{"fds", MERGE_LAST},
	{"latency", MERGE_HISTOGRAM},
	{"session_latency", MERGE_HISTOGRAM},
	{"failed_refused", MERGE_SUM},
};

enum { P50_AT = 18, LATENCY_AT = 35, SESSION_AT };

int64_t minute_key(int64_t key)
{
	return (CHECKPOINT_T(key) / MINUTE_T * MINUTE_T << SAMPLES_SERIES_BITS) |
		(key & SAMPLES_SERIES_MASK);
}

void minute_begin(struct minute *m, int64_t key)
{
	*m = (struct minute){.key = key};
	for (int c = 0; c < MINUTE_COLUMNS; c++)
		m->values[c] = UNKNOWN;
}

void minute_free(struct minute *m)
{
	text_free(&m->latency);
	text_free(&m->session_latency);
}

static const struct text *histogram_at(const struct minute *m, int column)
{
	return column == LATENCY_AT ? &m->latency : &m->session_latency;
}

static bool add_histogram(struct text *into, const unsigned char *bytes, size_t len)
{
	struct text sum = {0};

	if (!sparse_merge(&sum, (const unsigned char *)text_str(into), into->len, bytes, len)) {
		text_free(&sum);
		return false;
	}
	text_free(into);
	*into = sum;
	return true;
}

/* How the judge took an interval is said of no minute. */
static int64_t first_of(int how, int64_t n)
{
	return how == MERGE_FLAGS ? n & (HISTORY_GAP | HISTORY_BOOT) : n;
}

static int64_t merged(int how, int64_t a, int64_t b)
{
	switch (how) {
	case MERGE_SUM:
		return samples_add(a, b);
	case MERGE_MAX:
		return a > b ? a : b;
	case MERGE_FLAGS:
		return a | first_of(how, b);
	default:
		return b;
	}
}

bool minute_add(struct minute *m, sqlite3_stmt *sample, int column)
{
	m->rows++;
	for (int c = 0; c < MINUTE_COLUMNS; c++) {
		const int how = minute_columns[c].merge;
		int64_t *value = &m->values[c];

		if (how == MERGE_QUANTILE || sqlite3_column_type(sample, column + c) == SQLITE_NULL)
			continue;
		if (how == MERGE_HISTOGRAM) {
			if (!add_histogram(c == LATENCY_AT ? &m->latency : &m->session_latency,
					sqlite3_column_blob(sample, column + c),
					(size_t)sqlite3_column_bytes(sample, column + c)))
				return false;
			continue;
		}
		const int64_t n = sqlite3_column_int64(sample, column + c);

		*value = *value == UNKNOWN ? first_of(how, n) : merged(how, *value, n);
		if (*value == UNKNOWN)
			return false;
	}
	return true;
}

void minute_end(struct minute *m)
{
	static const double quantiles[] = {0.5, 0.95, 0.99};
	struct histogram *h;

	if (m->latency.data == NULL)
		return;
	h = mem_new(1, sizeof *h);
	if (sparse_decode(h, (const unsigned char *)m->latency.data, m->latency.len))
		for (int i = 0; i < 3; i++)
			m->values[P50_AT + i] = histogram_quantile_us(h, quantiles[i]);
	free(h);
}

/* ---- its row ---- */

enum { DIGITS = 24 };

void minute_hash(unsigned char out[CHAIN_HASH], const struct minute *m, int64_t event,
	const unsigned char series[CHAIN_HASH])
{
	char digits[MINUTE_INSERT_COLUMNS][DIGITS];
	struct chain_field fields[MINUTE_INSERT_COLUMNS];
	const int64_t behind[] = {m->rows, event};
	size_t count = 0;

	fields[count++] = samples_decimal(digits[0] + DIGITS, m->key);
	for (int c = 0; c < MINUTE_COLUMNS; c++, count++) {
		const struct text *h = histogram_at(m, c);

		fields[count] = minute_columns[c].merge == MERGE_HISTOGRAM
			? (struct chain_field){h->data, h->len}
			: samples_decimal(digits[count] + DIGITS, m->values[c]);
	}
	for (int i = 0; i < 2; i++, count++)
		fields[count] = samples_decimal(digits[count] + DIGITS, behind[i]);
	chain_hash(out, series, fields, count);
}

void minute_insert_sql(struct text *out)
{
	text_add(out, "INSERT INTO rollup (key");
	for (int c = 0; c < MINUTE_COLUMNS; c++)
		text_addf(out, ", %s", minute_columns[c].name);
	text_add(out, ", rows, event) VALUES (?");
	for (int c = 1; c < MINUTE_INSERT_COLUMNS; c++)
		text_add(out, ", ?");
	text_add(out, ")");
}

static void bind_histogram(sqlite3_stmt *s, int at, const struct text *h)
{
	if (h->data != NULL)
		sqlite3_bind_blob64(s, at, h->data, h->len, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, at);
}

void minute_bind(sqlite3_stmt *s, const struct minute *m, int64_t event)
{
	sqlite3_bind_int64(s, 1, m->key);
	for (int c = 0; c < MINUTE_COLUMNS; c++) {
		if (minute_columns[c].merge == MERGE_HISTOGRAM)
			bind_histogram(s, 2 + c, histogram_at(m, c));
		else if (m->values[c] == UNKNOWN)
			sqlite3_bind_null(s, 2 + c);
		else
			sqlite3_bind_int64(s, 2 + c, m->values[c]);
	}
	sqlite3_bind_int64(s, 2 + MINUTE_COLUMNS, m->rows);
	sqlite3_bind_int64(s, 3 + MINUTE_COLUMNS, event);
}
