/* Range: rows of samples and of minutes become columns. Rows stand in order of time, then of
 * series; those of other pools are leapt over by a seek, so that the cost follows the pool's own
 * rows. Not a cache, not a thread.
 *
 * Invariants:
 * 1. A column without a row is not known. What one row does not say is not known of that row.
 * 2. No statement is left open between two calls: there is no snapshot that holds the WAL.
 * 3. What is longer than a column (a minute, the interval of a slow recorder) stands in every column
 *    that it covers. */
#include "history/range.h"

#include "history/minute.h"
#include "history/samples.h"
#include "history/schema.h"
#include "history/sparse.h"
#include "model/mem.h"

#include <assert.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = HISTORY_NODES_MAX, MINUTE_MS = MINUTE_T * 100, LENGTH_MAX_MS = 600000 };

struct range_file {
	sqlite3 *db;
	char *path;
};

/* One series of the pool, and whose it is. */
struct series {
	int64_t id;
	enum arm arm;
	int node;
};

/* What a column of one side adds up from. */
struct sum {
	int64_t done, failed;      /* UNKNOWN: nothing is known */
	int64_t worst[3];          /* of rows without a histogram; UNKNOWN none */
	struct histogram *latency; /* NULL: no row had one */
	int64_t memory[NODES_MAX]; /* UNKNOWN: not said */
};

struct reading {
	struct range_file *file;
	const struct range_request *of;
	struct series *series; /* in order of their ids */
	size_t series_count, series_cap;
	int64_t interval_ms; /* the longest of their recordings */
	struct sum *sums;    /* of.columns * ARM_COUNT */
	struct histogram *one;
};

int range_open(struct range_file **out, const char *path, struct err *err)
{
	sqlite3 *db;

	*out = NULL;
	if (schema_open_readonly(&db, path, err) < 0)
		return -1;
	*out = mem_new(1, sizeof **out);
	**out = (struct range_file){.db = db, .path = mem_copy(path)};
	return 0;
}

void range_close(struct range_file *f)
{
	if (f == NULL)
		return;
	sqlite3_close(f->db);
	free(f->path);
	free(f);
}

void range_release(struct range *r)
{
	free(r->column);
	*r = (struct range){0};
}

static int check(const struct reading *r, int code, struct err *err)
{
	return schema_result(err, r->file->db, code, "reading the history", r->file->path) ==
			SCHEMA_OK
		? 0
		: -1;
}

/* ---- series ---- */

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b; /* UNKNOWN is below all */
}

static int find_series(struct reading *r, int64_t *since_ms, struct err *err)
{
	char nodes[NODES_MAX][POOL_ID_MAX];
	int node_count = 0, code;
	sqlite3_stmt *s;

	if (schema_prepare(&s, r->file->db,
			"SELECT s.id, s.arm = 'v2', s.node_id, r.started_ms, r.interval_ms FROM series AS s"
			" JOIN recording AS r ON r.seq = s.recording"
			" WHERE s.pool_id = ?1 AND s.operation IS NULL ORDER BY s.id",
			r->file->path, err) < 0)
		return -1;
	sqlite3_bind_text(s, 1, r->of->pool_id, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		char id[POOL_ID_MAX];
		int node = 0;

		text_copy(id, sizeof id, (const char *)sqlite3_column_text(s, 2));
		while (node < node_count && strcmp(nodes[node], id) != 0)
			node++;
		if (node == NODES_MAX)
			continue;
		if (node == node_count)
			text_copy(nodes[node_count++], sizeof nodes[0], id);
		if (*since_ms == UNKNOWN || sqlite3_column_int64(s, 3) < *since_ms)
			*since_ms = sqlite3_column_int64(s, 3);
		r->interval_ms = most(r->interval_ms, sqlite3_column_int64(s, 4));
		mem_grow(&r->series, &r->series_cap, r->series_count + 1, sizeof *r->series);
		r->series[r->series_count++] = (struct series){.id = sqlite3_column_int64(s, 0),
			.arm = sqlite3_column_int(s, 1) != 0 ? ARM_V2 : ARM_V1,
			.node = node};
	}
	code = check(r, code, err);
	sqlite3_finalize(s);
	return code;
}

/* The first of the pool's series that is not below `id`; NULL none. */
static const struct series *series_from(const struct reading *r, int64_t id)
{
	size_t low = 0, high = r->series_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (r->series[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->series_count ? &r->series[low] : NULL;
}

/* ---- adding up ---- */

enum { AT_KEY, AT_OK, AT_FAILED, AT_P50, AT_P95, AT_P99, AT_MEMORY, AT_LATENCY, AT_LENGTH };

static int64_t number(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_INTEGER ? sqlite3_column_int64(s, column)
															: UNKNOWN;
}

/* A sum that no number can hold is not known: the file may come from anybody. */
static void add(struct sum *into, int64_t ok, int64_t failed)
{
	const int64_t done = samples_add(ok, failed);

	if (done == UNKNOWN || ok < 0 || failed < 0)
		return;
	into->done = into->done == UNKNOWN ? done : samples_add(into->done, done);
	into->failed = into->failed == UNKNOWN ? failed : samples_add(into->failed, failed);
}

/* False where it is damaged. */
static bool decode(struct reading *r, sqlite3_stmt *s)
{
	return sparse_decode(r->one, sqlite3_column_blob(s, AT_LATENCY),
		(size_t)sqlite3_column_bytes(s, AT_LATENCY));
}

static void add_row(struct sum *into, struct reading *r, sqlite3_stmt *s, int node)
{
	const bool has_latency = sqlite3_column_type(s, AT_LATENCY) != SQLITE_NULL && decode(r, s);

	add(into, number(s, AT_OK), number(s, AT_FAILED));
	into->memory[node] = most(into->memory[node], number(s, AT_MEMORY));
	for (int i = 0; i < 3 && !has_latency; i++)
		into->worst[i] = most(into->worst[i], number(s, AT_P50 + i));
	if (!has_latency)
		return;
	if (into->latency == NULL)
		into->latency = mem_new(1, sizeof *into->latency);
	histogram_merge(into->latency, r->one);
}

/* Adds the row under the cursor to the columns that it covers: a minute from its key on, a sample up
 * to its key. */
static void take(struct reading *r, sqlite3_stmt *s, const struct series *series, bool minute)
{
	const struct range_request *of = r->of;
	const int64_t at_ms =
		(sqlite3_column_int64(s, AT_KEY) >> SAMPLES_SERIES_BITS) * 100 - of->from_ms;
	const int64_t said_ms = number(s, AT_LENGTH);
	const int64_t length_ms = said_ms > 0 && said_ms <= r->interval_ms ? said_ms : 0;
	int64_t begin_ms = at_ms, end_ms = at_ms;

	if (minute)
		end_ms = at_ms + MINUTE_MS - 1;
	else if (length_ms > of->step_ms)
		begin_ms = at_ms - length_ms + of->step_ms;
	for (int64_t c = begin_ms < 0 ? 0 : begin_ms / of->step_ms;
		 end_ms >= 0 && c <= end_ms / of->step_ms && c < of->columns; c++)
		add_row(&r->sums[c * ARM_COUNT + series->arm], r, s, series->node);
}

/* ---- rows ---- */

/* Not every file has every column. */
static bool has_column(struct reading *r, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(
			   r->file->db, "main", table, column, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

static void write_sql(struct reading *r, const char *table, struct text *out)
{
	static const char *const failed[] = {
#define X(name, word) "failed_" word,
		FAILURE_INFO(X)
#undef X
	};

	text_add(out, "SELECT key, ok, 0");
	for (size_t i = 0; i < sizeof failed / sizeof *failed; i++)
		if (has_column(r, table, failed[i]))
			text_addf(out, " + %s", failed[i]);
	text_addf(out,
		", p50_us, p95_us, p99_us, memory_bytes, latency, interval_ms FROM %s"
		" WHERE key >= ?1 AND key < ?2 ORDER BY key",
		table);
}

static int64_t key_at(int64_t wall_ms)
{
	return wall_ms / 100 << SAMPLES_SERIES_BITS;
}

static void seek(sqlite3_stmt *s, int64_t key)
{
	sqlite3_reset(s);
	sqlite3_bind_int64(s, 1, key);
}

/* The next key behind this one that may be the pool's. */
static int64_t next_key(const struct reading *r, int64_t key)
{
	const int64_t t = key >> SAMPLES_SERIES_BITS;
	const struct series *next = series_from(r, (key & SAMPLES_SERIES_MASK) + 1);

	return next != NULL ? t << SAMPLES_SERIES_BITS | next->id
						: (t + 1) << SAMPLES_SERIES_BITS | r->series[0].id;
}

/* From the rows on that reach into the first column, up to those that reach into the last. */
static int read_table(struct reading *r, const char *table, bool minutes, struct err *err)
{
	const struct range_request *of = r->of;
	const int64_t from_ms = of->from_ms - (minutes ? MINUTE_MS : 0);
	struct text sql = {0};
	sqlite3_stmt *s;
	int64_t end_ms = of->from_ms + of->columns * of->step_ms + (minutes ? 0 : r->interval_ms);
	int code;

	if (of->until_ms > 0 && of->until_ms < end_ms)
		end_ms = of->until_ms;
	if (!schema_has_table(r->file->db, table))
		return 0;
	write_sql(r, table, &sql);
	code = schema_prepare(&s, r->file->db, text_str(&sql), r->file->path, err);
	text_free(&sql);
	if (code < 0)
		return -1;
	sqlite3_bind_int64(s, 1, key_at(from_ms < 0 ? 0 : from_ms));
	sqlite3_bind_int64(s, 2, key_at(end_ms));
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		const int64_t key = sqlite3_column_int64(s, AT_KEY);
		const struct series *series = series_from(r, key & SAMPLES_SERIES_MASK);

		if (series != NULL && series->id == (key & SAMPLES_SERIES_MASK))
			take(r, s, series, minutes);
		else
			seek(s, next_key(r, key));
	}
	code = check(r, code, err);
	sqlite3_finalize(s);
	return code;
}

/* ---- columns ---- */

static double known(int64_t n)
{
	return n == UNKNOWN ? NAN : (double)n;
}

static double memory_of(const struct sum *sum)
{
	double bytes = NAN;

	for (int node = 0; node < NODES_MAX; node++)
		if (sum->memory[node] != UNKNOWN)
			bytes = (isnan(bytes) ? 0 : bytes) + (double)sum->memory[node];
	return bytes;
}

static void conclude(double out[RANGE_COUNT], const struct sum *sum)
{
	static const double quantiles[] = {0.5, 0.95, 0.99};

	out[RANGE_ERRORS] =
		sum->done > 0 && sum->failed >= 0 ? (double)sum->failed / (double)sum->done : NAN;
	for (int i = 0; i < 3; i++) {
		const int64_t us =
			sum->latency != NULL ? histogram_quantile_us(sum->latency, quantiles[i]) : UNKNOWN;

		out[RANGE_P50 + i] = known(us != UNKNOWN ? us : sum->worst[i]);
	}
	out[RANGE_MEMORY] = memory_of(sum);
}

static void begin(struct reading *r)
{
	const size_t count = (size_t)r->of->columns * ARM_COUNT;

	r->sums = mem_new(count, sizeof *r->sums);
	for (size_t i = 0; i < count; i++) {
		struct sum *sum = &r->sums[i];

		sum->done = sum->failed = UNKNOWN;
		for (int k = 0; k < 3; k++)
			sum->worst[k] = UNKNOWN;
		for (int node = 0; node < NODES_MAX; node++)
			sum->memory[node] = UNKNOWN;
	}
	r->one = mem_new(1, sizeof *r->one);
}

static void end(struct reading *r, struct range_column *out)
{
	for (int i = 0; i < r->of->columns * ARM_COUNT; i++) {
		if (out != NULL)
			conclude(out[i / ARM_COUNT].value[i % ARM_COUNT], &r->sums[i]);
		free(r->sums[i].latency);
	}
	free(r->sums);
	free(r->one);
	free(r->series);
}

int range_read(
	struct range_file *f, const struct range_request *what, struct range *out, struct err *err)
{
	struct reading r = {.file = f, .of = &out->of};
	int code;

	assert(what->columns > 0 && what->columns <= RANGE_COLUMNS_MAX && what->step_ms >= 100 &&
		what->from_ms >= 0);
	*out = (struct range){.of = *what, .since_ms = UNKNOWN};
	begin(&r);
	code = find_series(&r, &out->since_ms, err);
	/* more than that is no interval */
	r.interval_ms = r.interval_ms < LENGTH_MAX_MS ? most(r.interval_ms, 0) : LENGTH_MAX_MS;
	if (code == 0 && r.series_count > 0)
		code = read_table(&r, "rollup", true, err);
	if (code == 0 && r.series_count > 0)
		code = read_table(&r, "sample", false, err);
	if (code == 0)
		out->column = mem_new((size_t)what->columns, sizeof *out->column);
	end(&r, out->column);
	return code;
}
