/* Samples, read: the rows of one node tick by tick, and where they end; where they became minutes, the
 * minutes. Not their sums: samples_sum.c.
 *
 * Invariants:
 * 1. Of a tick there is either its sample or its minute, and the sample where there are both.
 * 2. What is read of one moment comes in order of its ticks, a minute at its last one. */
#include "history/samples_parts.h"

#include "history/minute.h"
#include "history/sparse.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define INTERVAL_MAX_MS 86400000

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
	code = samples_check(r, code, err);
	sqlite3_finalize(s);
	if (code == 0 &&
		(found != ARM_COUNT || r->interval_ms < 100 || r->interval_ms > INTERVAL_MAX_MS ||
			r->started_ms < 0 || r->started_ms > SAMPLES_WALL_MAX_MS))
		code =
			err_set(err, ERR_DAMAGED, "recording %lld of \"%s\" has no series of node \"%s\"",
				(long long)recording, r->path, node_id);
	return code;
}

/* A statement over the row of a key: the columns that are wanted, between other ones. */
static int prepare_at(struct samples_reader *r, const char *table, const char *leading,
	bool (*wanted)(const struct samples_column *c), const char *behind, sqlite3_stmt **out,
	struct err *err)
{
	struct text sql = {0};
	int code;

	text_addf(&sql, "SELECT %s", leading);
	for (int c = 0; c < SAMPLES_TABLE; c++)
		if (wanted(&samples_columns[c]))
			text_addf(&sql, ", %s", samples_column_in(r->db, &samples_columns[c]));
	text_addf(&sql, "%s FROM %s WHERE key = ?1", behind, table);
	code = schema_prepare(out, r->db, text_str(&sql), r->path, err);
	text_free(&sql);
	return code;
}

static bool is_any(const struct samples_column *c)
{
	(void)c;
	return true;
}

static bool is_plain(const struct samples_column *c)
{
	return c->is_plain;
}

static bool is_count(const struct samples_column *c)
{
	return c->is_count;
}

/* All failures of a row as one column. */
static void add_failed(struct text *sql, sqlite3 *db)
{
	for (int c = 0, n = 0; c < SAMPLES_TABLE; c++)
		if (samples_columns[c].at >= SAMPLES_FAILED(0) &&
			samples_columns[c].at < SAMPLES_FAILED(FAILURE_COUNT))
			text_addf(sql, "%s%s", n++ > 0 ? " + " : ", ",
				samples_column_in(db, &samples_columns[c]));
}

static int prepare_table(
	struct samples_reader *r, const char *table, struct samples_table *out, struct err *err)
{
	static const char leading[] = "key, at_ms, interval_ms, flags";
	struct text failed = {0}, after = {0};
	int code;

	add_failed(&failed, r->db);
	text_addf(&after, "SELECT min(key) FROM %s WHERE key > ?1", table);
	code =
		prepare_at(r, table, leading, is_any, ", latency, session_latency", &out->whole, err);
	if (code == 0)
		code = prepare_at(r, table, leading, is_plain, text_str(&failed), &out->plain, err);
	if (code == 0)
		code = schema_prepare(&out->after, r->db, text_str(&after), r->path, err);
	text_free(&failed);
	text_free(&after);
	return code;
}

static int prepare_reader(struct samples_reader *r, struct err *err)
{
	if (prepare_table(r, "sample", &r->sample, err) < 0 ||
		prepare_at(r, "sample", "interval_ms", is_count, "", &r->counts, err) < 0)
		return -1;
	return samples_has_column(r->db, "rollup", "key")
		? prepare_table(r, "rollup", &r->minute, err)
		: 0;
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

static void close_table(struct samples_table *t)
{
	sqlite3_finalize(t->whole);
	sqlite3_finalize(t->plain);
	sqlite3_finalize(t->after);
}

void samples_reader_close(struct samples_reader *r)
{
	close_table(&r->sample);
	close_table(&r->minute);
	sqlite3_finalize(r->counts);
	sqlite3_finalize(r->sum);
	for (int a = 0; a < ARM_COUNT; a++) {
		free(r->latency[a]);
		free(r->session_latency[a]);
	}
	*r = (struct samples_reader){0};
}

/* Takes a histogram column; `*out` is NULL where there is none. */
static int take_histogram(const struct samples_reader *r, sqlite3_stmt *s, int column,
	struct histogram *into, const struct histogram **out, struct err *err)
{
	*out = NULL;
	if (sqlite3_column_type(s, column) == SQLITE_NULL)
		return 0;
	const unsigned char *bytes = sqlite3_column_blob(s, column);

	if (!sparse_decode(into, bytes, (size_t)sqlite3_column_bytes(s, column)))
		return err_set(err, ERR_DAMAGED, "sample %lld of \"%s\" has a broken histogram",
			(long long)sqlite3_column_int64(s, 0), r->path);
	*out = into;
	return 0;
}

static int take_whole(struct samples_reader *r, sqlite3_stmt *s, int a,
	struct history_sample *out, struct err *err)
{
	enum { LATENCY = SAMPLES_LEADING + SAMPLES_TABLE };
	struct arm_sample *arm = &out->sample.arms[a];

	for (int c = 0; c < SAMPLES_TABLE; c++)
		*samples_value_of(arm, &samples_columns[c]) = samples_number(s, SAMPLES_LEADING + c);
	arm->failed_total = 0;
	for (int f = 0; f < FAILURE_COUNT; f++)
		arm->failed_total = samples_add(arm->failed_total, arm->failed[f]);
	if (take_histogram(r, s, LATENCY, r->latency[a], &out->latency[a], err) < 0)
		return -1;
	return take_histogram(
		r, s, LATENCY + 1, r->session_latency[a], &out->session_latency[a], err);
}

static void take_plain(sqlite3_stmt *s, int a, struct history_sample *out)
{
	struct arm_sample *arm = &out->sample.arms[a];
	int at = SAMPLES_LEADING;

	for (int c = 0; c < SAMPLES_TABLE; c++)
		*samples_value_of(arm, &samples_columns[c]) =
			samples_columns[c].is_plain ? samples_number(s, at++) : UNKNOWN;
	arm->failed_total = samples_number(s, at);
	out->latency[a] = out->session_latency[a] = NULL;
}

/* Reads one arm's row of a key. 1 found, 0 none, -1 with err. */
static int read_arm(struct samples_reader *r, const struct samples_table *t, int64_t key, int a,
	struct history_sample *out, struct err *err)
{
	sqlite3_stmt *s = r->bare ? t->plain : t->whole;
	int code, found = 0;

	sqlite3_bind_int64(s, 1, key);
	code = sqlite3_step(s);
	if (samples_check(r, code, err) < 0) {
		found = -1;
	} else if (code == SQLITE_ROW) {
		found = 1;
		out->sample.at.wall_ms = out->sample.at.boot_ms = sqlite3_column_int64(s, 1);
		out->sample.interval_ms = sqlite3_column_int64(s, 2);
		out->flags = (unsigned)sqlite3_column_int64(s, 3);
		if (r->bare)
			take_plain(s, a, out);
		else if (take_whole(r, s, a, out, err) < 0)
			found = -1;
		if (out->sample.interval_ms < 0 || out->sample.interval_ms > SAMPLES_WALL_MAX_MS)
			found = err_set(err, ERR_DAMAGED, "sample %lld of \"%s\" has no length",
				(long long)key, r->path);
	}
	sqlite3_reset(s);
	return found;
}

/* Reads the rows of both sides. */
static int read_row(struct samples_reader *r, const struct samples_table *t, int64_t key,
	struct history_sample *out, struct err *err)
{
	int found = 1;

	for (int a = 0; a < ARM_COUNT && found > 0; a++)
		found = read_arm(r, t, key | r->series[a], a, out, err);
	return found;
}

static int64_t tick_at(const struct samples_reader *r, int64_t t)
{
	return samples_tick(r->started_ms, r->interval_ms, t);
}

/* Reads what became of the samples of a tick. */
static int read_minute(
	struct samples_reader *r, int64_t tick, struct history_sample *out, struct err *err)
{
	const int64_t key = minute_key(samples_key(r->started_ms, r->interval_ms, tick, 0));
	const int64_t t = key >> SAMPLES_SERIES_BITS;
	const int found = read_row(r, &r->minute, key, out, err);

	out->first_tick = tick_at(r, t);
	out->tick = tick_at(r, t + MINUTE_T) - 1;
	/* a slow recorder has one sample a minute, of which nothing is lost */
	out->minute = out->first_tick < out->tick;
	return found;
}

/* The tick of the first row of anybody behind a key. */
static int tick_after(struct samples_reader *r, const struct samples_table *t, int64_t key,
	int64_t *tick, struct err *err)
{
	int code;

	sqlite3_bind_int64(t->after, 1, key);
	code = sqlite3_step(t->after);
	*tick = INT64_MAX;
	if (code == SQLITE_ROW && sqlite3_column_type(t->after, 0) != SQLITE_NULL)
		*tick = tick_at(r, sqlite3_column_int64(t->after, 0) >> SAMPLES_SERIES_BITS);
	code = samples_check(r, code, err);
	sqlite3_reset(t->after);
	return code;
}

/* The tick of the next row of anybody behind `tick`: what lies between is empty. */
static int next_tick(struct samples_reader *r, int64_t tick, int64_t *next, struct err *err)
{
	const int64_t key = samples_key(r->started_ms, r->interval_ms, tick, 0);
	int64_t minute = INT64_MAX;

	if (tick_after(r, &r->sample, key | r->series[ARM_V1], next, err) < 0)
		return -1;
	if (r->minute.after != NULL &&
		tick_after(r, &r->minute, minute_key(key) | SAMPLES_SERIES_MASK, &minute, err) < 0)
		return -1;
	*next = minute < *next ? minute : *next;
	if (*next <= tick)
		*next = tick + 1;
	return 0;
}

int samples_read(struct samples_reader *r, int64_t first, int64_t last,
	struct history_sample *out, struct err *err)
{
	int64_t tick = first < 0 ? 0 : first;

	memset(out, 0, sizeof *out);
	text_copy(out->pool_id, sizeof out->pool_id, r->pool_id);
	text_copy(out->node_id, sizeof out->node_id, r->node_id);
	while (tick <= last) {
		int found = read_row(
			r, &r->sample, samples_key(r->started_ms, r->interval_ms, tick, 0), out, err);

		out->tick = out->first_tick = tick;
		out->minute = false;
		if (found == 0 && r->minute.whole != NULL)
			found = read_minute(r, tick, out, err);
		if (found != 0)
			return found;
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
			sqlite3_column_int64(s, 0) <= SAMPLES_WALL_MAX_MS / 100)
			*to_t = sqlite3_column_int64(s, 0);
		code = samples_check(r, code, err);
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
		sqlite3_bind_int64(s, 1, samples_key(r->started_ms, r->interval_ms, 0, 0));
		sqlite3_bind_int64(s, 2, high);
		sqlite3_bind_int64(s, 3, r->series[ARM_V1]);
		sqlite3_bind_int64(s, 4, limit);
		code = sqlite3_step(s);
		if (code == SQLITE_ROW)
			*tick = samples_tick(r->started_ms, r->interval_ms,
				sqlite3_column_int64(s, 0) >> SAMPLES_SERIES_BITS);
		code = samples_check(r, code, err);
	}
	sqlite3_finalize(s);
	return code;
}

/* The last tick of the node's newest minute up to `high`. */
static int newest_minute(struct samples_reader *r, int64_t high, int64_t *tick, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code;

	if (r->minute.whole == NULL)
		return 0;
	code = schema_prepare(&s, r->db,
		"SELECT key FROM rollup WHERE key BETWEEN ?1 AND ?2 AND key & 268435455 = ?3"
		" ORDER BY key DESC LIMIT 1",
		r->path, err);
	if (code == 0) {
		sqlite3_bind_int64(s, 1, minute_key(samples_key(r->started_ms, r->interval_ms, 0, 0)));
		sqlite3_bind_int64(s, 2, high);
		sqlite3_bind_int64(s, 3, r->series[ARM_V1]);
		code = sqlite3_step(s);
		if (code == SQLITE_ROW)
			*tick = samples_tick(r->started_ms, r->interval_ms,
						(sqlite3_column_int64(s, 0) >> SAMPLES_SERIES_BITS) + MINUTE_T) -
				1;
		code = samples_check(r, code, err);
	}
	sqlite3_finalize(s);
	return code;
}

/* A recording that goes on has rows among the file's last; one that is over, near its last
 * checkpoint, or no more than minutes there. Only one of before there were checkpoints is looked
 * for everywhere. */
int samples_last_tick(struct samples_reader *r, int64_t *tick, struct err *err)
{
	enum { FEW = 16384, HOUR_T = 36000 };
	int64_t to_t, high;

	*tick = UNKNOWN;
	if (newest_below(r, INT64_MAX, FEW, tick, err) < 0)
		return -1;
	if (*tick != UNKNOWN)
		return 0;
	if (last_checkpoint(r, &to_t, err) < 0)
		return -1;
	high = (to_t + HOUR_T) << SAMPLES_SERIES_BITS;
	if (newest_below(r, high, -1, tick, err) < 0)
		return -1;
	if (*tick != UNKNOWN)
		return 0;
	if (newest_minute(r, high, tick, err) < 0)
		return -1;
	return *tick != UNKNOWN ? 0 : newest_below(r, INT64_MAX, -1, tick, err);
}
