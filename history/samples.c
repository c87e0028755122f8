/* Samples: rows of intervals, written and read through one table of columns. */
#include "history/samples.h"

#include "history/checkpoint.h"
#include "history/sparse.h"
#include "model/mem.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MAX_MS 86400000
#define WALL_MAX_MS 100000000000000 /* the year 5138 */

struct column {
	const char *name;
	size_t at;     /* in struct arm_sample */
	bool is_count; /* a difference: adds up */
	bool is_plain; /* a plot has it */
};

#define FAILED(i) offsetof(struct arm_sample, failed) + (i) * sizeof(int64_t)
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

/* Behind key, at_ms, interval_ms, flags. By name: the table has them in another order. */
static const struct column columns[] = {
	PLAIN(requests, true),
	PLAIN(ok, true),
#define X(name, word) {"failed_" word, FAILED(FAILURE_##name), true, false},
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

enum { COLUMNS = sizeof columns / sizeof *columns, LEADING = 4 };

_Static_assert(LEADING + COLUMNS + 2 == SAMPLES_COLUMNS, "two histograms");

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(
			   db, "main", table, column, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

/* How a column is read. A file of before `refused` was told apart has no column of it, and none
 * of its failures is missing: they are in the others. */
static const char *column_in(sqlite3 *db, const struct column *c)
{
	return c->at != FAILED(FAILURE_REFUSED) || has_column(db, "sample", c->name) ? c->name
																				 : "0";
}

static int64_t *value_of(struct arm_sample *a, const struct column *c)
{
	return (int64_t *)(void *)((char *)a + c->at);
}

static int64_t value_in(const struct arm_sample *a, const struct column *c)
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

static int64_t key_of(int64_t started_ms, int64_t interval_ms, int64_t tick, int64_t series)
{
	return samples_t(started_ms, interval_ms, tick) << SAMPLES_SERIES_BITS | series;
}

/* ---- writing ---- */

static enum schema_result result(struct samples_writer *w, int code, struct err *err)
{
	return schema_result(err, w->db, code, "writing the history", w->path);
}

int samples_writer_open(struct samples_writer *w, sqlite3 *db, const char *path,
	struct checkpoint *checkpoint, struct err *err)
{
	struct text sql = {0};
	int code;

	*w = (struct samples_writer){.db = db, .path = path, .checkpoint = checkpoint};
	text_add(&sql, "INSERT INTO sample (key, at_ms, interval_ms, flags");
	for (int c = 0; c < COLUMNS; c++)
		text_addf(&sql, ", %s", columns[c].name);
	text_add(&sql, ", latency, session_latency) VALUES (?, ?, ?, ?, ?, ?");
	for (int c = 0; c < COLUMNS; c++)
		text_add(&sql, ", ?");
	text_add(&sql, ")");
	code = schema_prepare(&w->insert, db, text_str(&sql), path, err);
	text_free(&sql);
	if (code == 0)
		code = schema_prepare(&w->add_series, db,
			"INSERT INTO series VALUES (?1, ?2, ?3, ?4, ?5, NULL, NULL, '" HISTOGRAM_LAYOUT
			"')",
			path, err);
	if (code == 0)
		code = schema_prepare(
			&w->next_series, db, "SELECT coalesce(max(id), 0) + 1 FROM series", path, err);
	return code;
}

void samples_writer_close(struct samples_writer *w)
{
	sqlite3_finalize(w->insert);
	sqlite3_finalize(w->add_series);
	sqlite3_finalize(w->next_series);
	free(w->series);
	*w = (struct samples_writer){0};
}

void samples_writer_begin(
	struct samples_writer *w, int64_t recording, int64_t started_ms, int64_t interval_ms)
{
	w->recording = recording;
	w->started_ms = started_ms;
	w->interval_ms = interval_ms;
	w->series_count = 0;
	w->newest_t = 0;
}

void samples_writer_undo(struct samples_writer *w)
{
	sqlite3_stmt *s;

	/* rare, so all are looked at: those that the rollback took are unknown again */
	for (size_t i = 0; i < w->series_count;) {
		bool there = false;

		/* another process may have the id by now */
		if (sqlite3_prepare_v2(w->db,
				"SELECT 1 FROM series WHERE id = ?1 AND recording = ?2 AND node_id = ?3", -1,
				&s, NULL) == SQLITE_OK) {
			sqlite3_bind_int64(s, 1, w->series[i].id[ARM_V1]);
			sqlite3_bind_int64(s, 2, w->recording);
			sqlite3_bind_text(s, 3, w->series[i].node_id, -1, SQLITE_STATIC);
			there = sqlite3_step(s) == SQLITE_ROW;
		}
		sqlite3_finalize(s);
		if (there)
			i++;
		else
			w->series[i] = w->series[--w->series_count];
	}
}

struct chain_field samples_decimal(char *end, int64_t n)
{
	uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
	char *at = end;

	if (n == UNKNOWN)
		return (struct chain_field){NULL, 0};
	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (n < 0)
		*--at = '-';
	return (struct chain_field){at, (size_t)(end - at)};
}

struct chain_field samples_field(char *end, sqlite3_stmt *row, int column)
{
	/* faster than a text of SQLite's, which a million rows feel */
	if (sqlite3_column_type(row, column) == SQLITE_INTEGER &&
		sqlite3_column_int64(row, column) != UNKNOWN)
		return samples_decimal(end, sqlite3_column_int64(row, column));
	return chain_field_of(row, column);
}

enum { DIGITS = SAMPLES_DIGITS };

static void hash_series(const struct samples_writer *w, const struct samples_row *row,
	struct samples_series *series, int a)
{
	char digits[2][DIGITS];
	const char *arm = arm_name((enum arm)a);
	const struct chain_field fields[CHECKPOINT_SERIES] = {
		samples_decimal(digits[0] + DIGITS, series->id[a]),
		samples_decimal(digits[1] + DIGITS, w->recording), {row->pool_id, strlen(row->pool_id)},
		{row->node_id, strlen(row->node_id)}, {arm, strlen(arm)}, {NULL, 0}, {NULL, 0},
		{HISTOGRAM_LAYOUT, strlen(HISTOGRAM_LAYOUT)}};

	checkpoint_series(series->hash[a], fields);
}

static enum schema_result add_series(struct samples_writer *w, const struct samples_row *row,
	struct samples_series *series, struct err *err)
{
	enum schema_result r = SCHEMA_OK;

	*series = (struct samples_series){0};
	text_copy(series->node_id, sizeof series->node_id, row->node_id);
	for (int a = 0; a < ARM_COUNT && r == SCHEMA_OK; a++) {
		r = result(w, sqlite3_step(w->next_series), err);
		series->id[a] = sqlite3_column_int64(w->next_series, 0);
		sqlite3_reset(w->next_series);
		if (r != SCHEMA_OK)
			break;
		sqlite3_bind_int64(w->add_series, 1, series->id[a]);
		sqlite3_bind_int64(w->add_series, 2, w->recording);
		sqlite3_bind_text(w->add_series, 3, row->pool_id, -1, SQLITE_STATIC);
		sqlite3_bind_text(w->add_series, 4, row->node_id, -1, SQLITE_STATIC);
		sqlite3_bind_text(w->add_series, 5, arm_name((enum arm)a), -1, SQLITE_STATIC);
		r = result(w, sqlite3_step(w->add_series), err);
		sqlite3_reset(w->add_series);
		sqlite3_clear_bindings(w->add_series);
		hash_series(w, row, series, a);
	}
	return r;
}

static enum schema_result find_series(struct samples_writer *w, const struct samples_row *row,
	const struct samples_series **out, struct err *err)
{
	enum schema_result r;

	for (size_t i = 0; i < w->series_count; i++)
		if (strcmp(w->series[i].node_id, row->node_id) == 0) {
			*out = &w->series[i];
			return SCHEMA_OK;
		}
	mem_grow(&w->series, &w->series_cap, w->series_count + 1, sizeof *w->series);
	r = add_series(w, row, &w->series[w->series_count], err);
	if (r == SCHEMA_OK)
		*out = &w->series[w->series_count++];
	return r;
}

static void bind_number(sqlite3_stmt *s, int at, int64_t n)
{
	const int code = n == UNKNOWN ? sqlite3_bind_null(s, at) : sqlite3_bind_int64(s, at, n);

	assert(code == SQLITE_OK);
}

static void bind_histogram(sqlite3_stmt *s, int at, const struct text *h)
{
	if (h->data != NULL)
		sqlite3_bind_blob64(s, at, h->data, h->len, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, at);
}

/* The hash of an arm's row: its columns in the order of the table, in which the one that came
 * later stands last. */
static void hash_row(unsigned char out[CHAIN_HASH], const struct samples_row *row, int a,
	int64_t key, const unsigned char series[CHAIN_HASH])
{
	const struct text *histograms[] = {&row->latency[a], &row->session_latency[a]};
	char digits[LEADING + COLUMNS][DIGITS];
	struct chain_field fields[LEADING + COLUMNS + 2];
	struct chain_field later = {NULL, 0};
	const int64_t leading[LEADING] = {
		key, row->sample.at.wall_ms, row->sample.interval_ms, (int64_t)row->flags};
	size_t count = 0;

	for (int i = 0; i < LEADING; i++)
		fields[count++] = samples_decimal(digits[i] + DIGITS, leading[i]);
	for (int c = 0; c < COLUMNS; c++) {
		const struct chain_field f = samples_decimal(
			digits[LEADING + c] + DIGITS, value_in(&row->sample.arms[a], &columns[c]));

		if (columns[c].at == FAILED(FAILURE_REFUSED))
			later = f;
		else
			fields[count++] = f;
	}
	for (int i = 0; i < 2; i++)
		fields[count++] = (struct chain_field){histograms[i]->data, histograms[i]->len};
	fields[count++] = later;
	chain_hash(out, series, fields, count);
}

enum schema_result samples_write(
	struct samples_writer *w, const struct samples_row *row, struct err *err)
{
	const struct samples_series *series = NULL;
	enum schema_result r = find_series(w, row, &series, err);

	for (int a = 0; a < ARM_COUNT && r == SCHEMA_OK; a++) {
		const int64_t key = key_of(w->started_ms, w->interval_ms, row->tick, series->id[a]);
		unsigned char hash[CHAIN_HASH];

		bind_number(w->insert, 1, key);
		bind_number(w->insert, 2, row->sample.at.wall_ms);
		bind_number(w->insert, 3, row->sample.interval_ms);
		bind_number(w->insert, 4, row->flags);
		for (int c = 0; c < COLUMNS; c++)
			bind_number(
				w->insert, LEADING + 1 + c, value_in(&row->sample.arms[a], &columns[c]));
		bind_histogram(w->insert, LEADING + COLUMNS + 1, &row->latency[a]);
		bind_histogram(w->insert, LEADING + COLUMNS + 2, &row->session_latency[a]);
		r = result(w, sqlite3_step(w->insert), err);
		sqlite3_reset(w->insert);
		sqlite3_clear_bindings(w->insert);
		if (r == SCHEMA_OK) {
			hash_row(hash, row, a, key, series->hash[a]);
			checkpoint_add(w->checkpoint, key, hash);
			if (CHECKPOINT_T(key) > w->newest_t)
				w->newest_t = CHECKPOINT_T(key);
		}
	}
	return r;
}

/* ---- reading ---- */

static int check(struct samples_reader *r, int code, struct err *err)
{
	return schema_result(err, r->db, code, "reading the history", r->path) == SCHEMA_OK ? 0
																						: -1;
}

static int find_node(
	struct samples_reader *r, int64_t recording, const char *node_id, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code, found = 0;

	if (schema_prepare(&s, r->db,
			"SELECT s.id, s.arm, s.pool_id, r.started_ms, r.interval_ms FROM series AS s"
			" JOIN recording AS r ON r.seq = s.recording"
			" WHERE s.recording = ?1 AND s.node_id = ?2 AND s.operation IS NULL",
			r->path, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, recording);
	sqlite3_bind_text(s, 2, node_id, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		const char *arm = (const char *)sqlite3_column_text(s, 1);
		const char *pool_id = (const char *)sqlite3_column_text(s, 2);

		found++;
		r->series[arm != NULL && strcmp(arm, "v2") == 0 ? ARM_V2 : ARM_V1] =
			sqlite3_column_int64(s, 0);
		text_clean(r->pool_id, sizeof r->pool_id, pool_id != NULL ? pool_id : "",
			pool_id != NULL ? strlen(pool_id) : 0);
		r->started_ms = sqlite3_column_int64(s, 3);
		r->interval_ms = sqlite3_column_int64(s, 4);
	}
	code = check(r, code, err);
	sqlite3_finalize(s);
	if (code == 0 &&
		(found != ARM_COUNT || r->interval_ms < 100 || r->interval_ms > INTERVAL_MAX_MS ||
			r->started_ms < 0 || r->started_ms > WALL_MAX_MS))
		code =
			err_set(err, ERR_DAMAGED, "recording %lld of \"%s\" has no series of node \"%s\"",
				(long long)recording, r->path, node_id);
	return code;
}

/* A statement over the row of a key: the columns that are wanted, behind `leading` ones. */
static int prepare_at(struct samples_reader *r, const char *leading,
	bool (*wanted)(const struct column *c), const char *behind, sqlite3_stmt **out,
	struct err *err)
{
	struct text sql = {0};
	int code;

	text_addf(&sql, "SELECT %s", leading);
	for (int c = 0; c < COLUMNS; c++)
		if (wanted(&columns[c]))
			text_addf(&sql, ", %s", column_in(r->db, &columns[c]));
	text_addf(&sql, "%s FROM sample WHERE key = ?1", behind);
	code = schema_prepare(out, r->db, text_str(&sql), r->path, err);
	text_free(&sql);
	return code;
}

static bool is_any(const struct column *c)
{
	(void)c;
	return true;
}

static bool is_plain(const struct column *c)
{
	return c->is_plain;
}

static bool is_count(const struct column *c)
{
	return c->is_count;
}

/* All failures of a row as one column. */
static void add_failed(struct text *sql, sqlite3 *db)
{
	for (int c = 0, n = 0; c < COLUMNS; c++)
		if (columns[c].at >= FAILED(0) && columns[c].at < FAILED(FAILURE_COUNT))
			text_addf(sql, "%s%s", n++ > 0 ? " + " : ", ", column_in(db, &columns[c]));
}

static int prepare_reader(struct samples_reader *r, struct err *err)
{
	static const char leading[] = "key, at_ms, interval_ms, flags";
	struct text failed = {0};
	int code;

	add_failed(&failed, r->db);
	code = prepare_at(r, leading, is_any, ", latency, session_latency", &r->at, err);
	if (code == 0)
		code = prepare_at(r, leading, is_plain, text_str(&failed), &r->plain, err);
	if (code == 0)
		code = prepare_at(r, "interval_ms", is_count, "", &r->counts, err);
	if (code == 0)
		code = schema_prepare(
			&r->after, r->db, "SELECT min(key) FROM sample WHERE key > ?1", r->path, err);
	text_free(&failed);
	return code;
}

int samples_reader_open(struct samples_reader *r, sqlite3 *db, const char *path,
	int64_t recording, const char *node_id, struct err *err)
{
	*r = (struct samples_reader){.db = db, .path = path};
	text_copy(r->node_id, sizeof r->node_id, node_id);
	if (find_node(r, recording, node_id, err) < 0)
		return -1;
	for (int a = 0; a < ARM_COUNT; a++) {
		r->latency[a] = mem_new(1, sizeof *r->latency[a]);
		r->session_latency[a] = mem_new(1, sizeof *r->session_latency[a]);
	}
	if (prepare_reader(r, err) == 0)
		return 0;
	samples_reader_close(r);
	return -1;
}

void samples_reader_close(struct samples_reader *r)
{
	sqlite3_finalize(r->at);
	sqlite3_finalize(r->plain);
	sqlite3_finalize(r->counts);
	sqlite3_finalize(r->sum);
	sqlite3_finalize(r->after);
	for (int a = 0; a < ARM_COUNT; a++) {
		free(r->latency[a]);
		free(r->session_latency[a]);
	}
	*r = (struct samples_reader){0};
}

/* Takes a histogram column; `*out` is NULL where there is none. */
static int take_histogram(struct samples_reader *r, int column, struct histogram *into,
	const struct histogram **out, struct err *err)
{
	*out = NULL;
	if (sqlite3_column_type(r->at, column) == SQLITE_NULL)
		return 0;
	const unsigned char *bytes = sqlite3_column_blob(r->at, column);

	if (!sparse_decode(into, bytes, (size_t)sqlite3_column_bytes(r->at, column)))
		return err_set(err, ERR_DAMAGED, "sample %lld of \"%s\" has a broken histogram",
			(long long)sqlite3_column_int64(r->at, 0), r->path);
	*out = into;
	return 0;
}

static int64_t number_at(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_INTEGER ? sqlite3_column_int64(s, column)
															: UNKNOWN;
}

static int take_whole(
	struct samples_reader *r, int a, struct history_sample *out, struct err *err)
{
	struct arm_sample *arm = &out->sample.arms[a];

	for (int c = 0; c < COLUMNS; c++)
		*value_of(arm, &columns[c]) = number_at(r->at, LEADING + c);
	arm->failed_total = 0;
	for (int f = 0; f < FAILURE_COUNT; f++)
		arm->failed_total = samples_add(arm->failed_total, arm->failed[f]);
	if (take_histogram(r, LEADING + COLUMNS, r->latency[a], &out->latency[a], err) < 0)
		return -1;
	return take_histogram(
		r, LEADING + COLUMNS + 1, r->session_latency[a], &out->session_latency[a], err);
}

static void take_plain(struct samples_reader *r, int a, struct history_sample *out)
{
	struct arm_sample *arm = &out->sample.arms[a];
	int at = LEADING;

	for (int c = 0; c < COLUMNS; c++)
		*value_of(arm, &columns[c]) = columns[c].is_plain ? number_at(r->plain, at++) : UNKNOWN;
	arm->failed_total = number_at(r->plain, at);
	out->latency[a] = out->session_latency[a] = NULL;
}

/* Reads one arm's row at a tick. 1 found, 0 none, -1 with err. */
static int read_arm(
	struct samples_reader *r, int64_t tick, int a, struct history_sample *out, struct err *err)
{
	const int64_t key = key_of(r->started_ms, r->interval_ms, tick, r->series[a]);
	sqlite3_stmt *s = r->bare ? r->plain : r->at;
	int code, found = 0;

	sqlite3_bind_int64(s, 1, key);
	code = sqlite3_step(s);
	if (check(r, code, err) < 0) {
		found = -1;
	} else if (code == SQLITE_ROW) {
		found = 1;
		out->sample.at.wall_ms = out->sample.at.boot_ms = sqlite3_column_int64(s, 1);
		out->sample.interval_ms = sqlite3_column_int64(s, 2);
		out->flags = (unsigned)sqlite3_column_int64(s, 3);
		if (r->bare)
			take_plain(r, a, out);
		else if (take_whole(r, a, out, err) < 0)
			found = -1;
		if (out->sample.interval_ms < 0 || out->sample.interval_ms > WALL_MAX_MS)
			found = err_set(err, ERR_DAMAGED, "sample %lld of \"%s\" has no length",
				(long long)key, r->path);
	}
	sqlite3_reset(s);
	return found;
}

/* The tick of the next row of anybody behind `tick`: what lies between is empty. */
static int next_tick(struct samples_reader *r, int64_t tick, int64_t *next, struct err *err)
{
	int code;

	sqlite3_bind_int64(
		r->after, 1, key_of(r->started_ms, r->interval_ms, tick, r->series[ARM_V1]));
	code = sqlite3_step(r->after);
	*next = INT64_MAX;
	if (code == SQLITE_ROW && sqlite3_column_type(r->after, 0) != SQLITE_NULL)
		*next = samples_tick(r->started_ms, r->interval_ms,
			sqlite3_column_int64(r->after, 0) >> SAMPLES_SERIES_BITS);
	if (*next <= tick)
		*next = tick + 1;
	code = check(r, code, err);
	sqlite3_reset(r->after);
	return code;
}

int samples_read(struct samples_reader *r, int64_t first, int64_t last,
	struct history_sample *out, struct err *err)
{
	int64_t tick = first < 0 ? 0 : first;

	memset(out, 0, sizeof *out);
	text_copy(out->pool_id, sizeof out->pool_id, r->pool_id);
	text_copy(out->node_id, sizeof out->node_id, r->node_id);
	while (tick <= last) {
		int found = read_arm(r, tick, ARM_V1, out, err);

		if (found > 0)
			found = read_arm(r, tick, ARM_V2, out, err);
		if (found != 0) {
			out->tick = tick;
			return found;
		}
		if (next_tick(r, tick, &tick, err) < 0)
			return -1;
	}
	return 0;
}

/* The `t` up to which the last checkpoint of the recording goes, `started` without one. */
static int last_checkpoint(struct samples_reader *r, int64_t *to_t, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = schema_prepare(&s, r->db,
		"SELECT CASE WHEN json_valid(detail) THEN json_extract(detail, '$.to') END FROM event"
		" WHERE seq = (SELECT max(seq) FROM event WHERE kind = 'checkpoint' AND recording ="
		" (SELECT recording FROM series WHERE id = ?1))",
		r->path, err);

	*to_t = samples_t(r->started_ms, r->interval_ms, 0);
	if (code == 0) {
		sqlite3_bind_int64(s, 1, r->series[ARM_V1]);
		code = sqlite3_step(s);
		if (code == SQLITE_ROW && sqlite3_column_type(s, 0) == SQLITE_INTEGER &&
			sqlite3_column_int64(s, 0) > *to_t &&
			sqlite3_column_int64(s, 0) <= WALL_MAX_MS / 100)
			*to_t = sqlite3_column_int64(s, 0);
		code = check(r, code, err);
	}
	sqlite3_finalize(s);
	return code;
}

/* The newest row of the node from `high` down, over `limit` rows of anybody at most. */
static int newest_below(
	struct samples_reader *r, int64_t high, int64_t limit, int64_t *tick, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = schema_prepare(&s, r->db,
		"SELECT key FROM (SELECT key FROM sample WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC"
		" LIMIT ?4) WHERE key & 268435455 = ?3 ORDER BY key DESC LIMIT 1",
		r->path, err);

	if (code == 0) {
		sqlite3_bind_int64(s, 1, key_of(r->started_ms, r->interval_ms, 0, 0));
		sqlite3_bind_int64(s, 2, high);
		sqlite3_bind_int64(s, 3, r->series[ARM_V1]);
		sqlite3_bind_int64(s, 4, limit);
		code = sqlite3_step(s);
		if (code == SQLITE_ROW)
			*tick = samples_tick(r->started_ms, r->interval_ms,
				sqlite3_column_int64(s, 0) >> SAMPLES_SERIES_BITS);
		code = check(r, code, err);
	}
	sqlite3_finalize(s);
	return code;
}

/* A recording that goes on has rows among the file's last; one that is over, near its last
 * checkpoint. Only one of before there were checkpoints is looked for everywhere. */
int samples_last_tick(struct samples_reader *r, int64_t *tick, struct err *err)
{
	enum { FEW = 16384, HOUR_T = 36000 };
	int64_t to_t;

	*tick = UNKNOWN;
	if (newest_below(r, INT64_MAX, FEW, tick, err) < 0)
		return -1;
	if (*tick != UNKNOWN)
		return 0;
	if (last_checkpoint(r, &to_t, err) < 0 ||
		newest_below(r, (to_t + HOUR_T) << SAMPLES_SERIES_BITS, -1, tick, err) < 0)
		return -1;
	return *tick != UNKNOWN ? 0 : newest_below(r, INT64_MAX, -1, tick, err);
}

/* The counts of a table's rows between two keys. */
static void add_counts(struct text *sql, sqlite3 *db, const char *table)
{
	text_add(sql, "SELECT interval_ms");
	for (int c = 0; c < COLUMNS; c++)
		if (columns[c].is_count)
			text_addf(sql, ", %s AS \"%s\"", column_in(db, &columns[c]), columns[c].name);
	text_addf(sql, " FROM %s WHERE key BETWEEN ?1 AND ?2 AND key & 268435455 = ?3", table);
}

static int prepare_sum(struct samples_reader *r, struct err *err)
{
	struct text sql = {0};
	int code;

	text_add(&sql, "SELECT total(interval_ms)");
	for (int c = 0; c < COLUMNS; c++)
		if (columns[c].is_count)
			text_addf(&sql, ", sum(\"%s\")", columns[c].name);
	text_add(&sql, " FROM (");
	add_counts(&sql, r->db, "sample");
	if (has_column(r->db, "rollup", "key")) {
		text_add(&sql, " UNION ALL ");
		add_counts(&sql, r->db, "rollup");
	}
	text_add(&sql, ")");
	code = schema_prepare(&r->sum, r->db, text_str(&sql), r->path, err);
	text_free(&sql);
	return code;
}

/* Adds the counts under the cursor to those of an arm; false when no number can hold a sum. */
static bool add_row(sqlite3_stmt *s, struct arm_sample *into)
{
	bool holds = true;
	int at = 1;

	for (int c = 0; c < COLUMNS; c++)
		if (columns[c].is_count) {
			int64_t *sum = value_of(into, &columns[c]);
			const int64_t n = number_at(s, at++);

			if (n == UNKNOWN)
				continue;
			*sum = *sum == UNKNOWN ? n : samples_add(*sum, n);
			holds &= *sum != UNKNOWN;
		}
	return holds;
}

/* Nothing is known of any count. */
static void begin_sum(struct sample *out)
{
	out->interval_ms = 0;
	for (int a = 0; a < ARM_COUNT; a++)
		for (int c = 0; c < COLUMNS; c++)
			*value_of(&out->arms[a], &columns[c]) = UNKNOWN;
}

/* Row by row. 1, 0 when not every tick has its rows or a sum is too much, -1 with err. */
static int sum_rows(
	struct samples_reader *r, int64_t first, int64_t last, struct sample *out, struct err *err)
{
	int code = SQLITE_ROW;
	bool holds = true;

	begin_sum(out);
	for (int64_t tick = first; tick <= last && code == SQLITE_ROW && holds; tick++)
		for (int a = 0; a < ARM_COUNT && code == SQLITE_ROW; a++) {
			sqlite3_bind_int64(
				r->counts, 1, key_of(r->started_ms, r->interval_ms, tick, r->series[a]));
			code = sqlite3_step(r->counts);
			if (code == SQLITE_ROW) {
				holds &= add_row(r->counts, &out->arms[a]);
				if (a == ARM_V2)
					out->interval_ms = samples_add(out->interval_ms, number_at(r->counts, 0));
			}
			sqlite3_reset(r->counts);
		}
	if (check(r, code, err) < 0)
		return -1;
	return holds && code == SQLITE_ROW && out->interval_ms > 0 &&
		out->interval_ms < WALL_MAX_MS;
}

/* All that lies between, also minutes and what is not whole. */
static int sum_span(
	struct samples_reader *r, int64_t first, int64_t last, struct sample *out, struct err *err)
{
	int code = r->sum == NULL ? prepare_sum(r, err) : 0;

	for (int a = 0; a < ARM_COUNT && code == 0; a++) {
		sqlite3_bind_int64(r->sum, 1, key_of(r->started_ms, r->interval_ms, first, 0));
		sqlite3_bind_int64(r->sum, 2,
			last == INT64_MAX
				? INT64_MAX
				: key_of(r->started_ms, r->interval_ms, last, SAMPLES_SERIES_MASK));
		sqlite3_bind_int64(r->sum, 3, r->series[a]);
		code = check(r, sqlite3_step(r->sum), err);
		const double covered_ms = sqlite3_column_double(r->sum, 0);

		out->arms[a] = (struct arm_sample){0};
		out->interval_ms = covered_ms > 0 && covered_ms < WALL_MAX_MS ? (int64_t)covered_ms : 0;
		/* no row at all is a rise of 0, not an unknown one */
		for (int c = 0; c < COLUMNS && out->interval_ms > 0; c++)
			*value_of(&out->arms[a], &columns[c]) = UNKNOWN;
		if (out->interval_ms > 0)
			add_row(r->sum, &out->arms[a]);
		sqlite3_reset(r->sum);
	}
	return code;
}

int samples_sum(
	struct samples_reader *r, int64_t first, int64_t last, struct sample *out, struct err *err)
{
	/* a row that is gone to is ten that are passed, and others' lie between those of the node */
	enum { NEAR = 256 };
	int found = 0;

	*out = (struct sample){0};
	if (first > last)
		return 0;
	if (last - first < NEAR)
		found = sum_rows(r, first, last, out, err);
	return found == 0 ? sum_span(r, first, last, out, err) : found > 0 ? 0 : -1;
}
