/* The columns of a sample, and its key. Not a row: samples.c writes them, samples_reader.c reads
 * them, samples_sum.c adds them up. */
#include "history/samples_parts.h"

#include "history/schema.h"

#include <sqlite3.h>

#define COLUMN(name, count) \
	{ \
#name, offsetof(struct arm_sample, name), count, false \
	}
#define PLAIN(name, count) \
	{ \
#name, offsetof(struct arm_sample, name), count, true \
	}
#define WORKERS(name, count) \
	{ \
		"workers_" #name, offsetof(struct arm_sample, workers.name), count, false \
	}

const struct samples_column samples_columns[] = {
	PLAIN(requests, true),
	PLAIN(ok, true),
#define X(name, word) {"failed_" word, SAMPLES_FAILED(FAILURE_##name), true, false},
	FAILURE_INFO(X)
#undef X
		COLUMN(timeouts, true),
	COLUMN(retries, true),
	COLUMN(sessions, true),
	COLUMN(sessions_bad, true),
	PLAIN(p50_us, false),
	PLAIN(p95_us, false),
	PLAIN(p99_us, false),
	COLUMN(max_us, false),
	COLUMN(queue_depth, false),
	COLUMN(in_flight, false),
	WORKERS(total, false),
	WORKERS(ready, false),
	WORKERS(busy, false),
	WORKERS(degraded, false),
	WORKERS(created, true),
	WORKERS(destroyed, true),
	WORKERS(crashed, true),
	WORKERS(restarted, true),
	PLAIN(memory_bytes, false),
	COLUMN(cpu_us, true),
	COLUMN(fds, false),
};

_Static_assert(
	sizeof samples_columns == SAMPLES_TABLE * sizeof *samples_columns, "each has a place");

bool samples_has_column(sqlite3 *db, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(
			   db, "main", table, column, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

const char *samples_column_in(sqlite3 *db, const struct samples_column *c)
{
	return c->at != SAMPLES_FAILED(FAILURE_REFUSED) || samples_has_column(db, "sample", c->name)
		? c->name
		: "0";
}

int64_t *samples_value_of(struct arm_sample *a, const struct samples_column *c)
{
	return (int64_t *)(void *)((char *)a + c->at);
}

int64_t samples_value_in(const struct arm_sample *a, const struct samples_column *c)
{
	return *(const int64_t *)(const void *)((const char *)a + c->at);
}

int64_t samples_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (a == UNKNOWN || b == UNKNOWN || __builtin_add_overflow(a, b, &sum))
		return UNKNOWN;
	return sum;
}

/* ---- time ---- */

int64_t samples_t(int64_t started_ms, int64_t interval_ms, int64_t tick)
{
	return (started_ms + tick * interval_ms) / 100;
}

int64_t samples_tick(int64_t started_ms, int64_t interval_ms, int64_t t)
{
	/* t was rounded down by less than 100 ms, which is at most one interval */
	const int64_t since_ms = t * 100 - started_ms;

	return since_ms <= 0 ? 0 : (since_ms + interval_ms - 1) / interval_ms;
}

int64_t samples_key(int64_t started_ms, int64_t interval_ms, int64_t tick, int64_t series)
{
	return samples_t(started_ms, interval_ms, tick) << SAMPLES_SERIES_BITS | series;
}

/* ---- reading ---- */

int samples_check(struct samples_reader *r, int code, struct err *err)
{
	return schema_result(err, r->db, code, "reading the history", r->path) == SCHEMA_OK ? 0
																						: -1;
}

int64_t samples_number(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_INTEGER ? sqlite3_column_int64(s, column)
															: UNKNOWN;
}
