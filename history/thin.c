/* Thin: when samples become minutes, in passes over the file. Not which rows a transaction takes:
 * thin_take.c; nor the transaction: thin_write.c; nor when there is time for one: upkeep.c.
 *
 * Invariants:
 * 1. A sample is in the file or in its minute, in one of both, after every transaction.
 * 2. An event of each transaction tells what went and what came. Of every checkpoint the first rows
 *    go first, so that its sum can be taken up where the thinned ones end.
 * 3. A row that no checkpoint has yet is left alone while its recorder may be alive.
 * 4. Where a row stays, so do all behind it of its checkpoint: they cannot begin its sum.
 * 5. Between two calls no statement is open: nobody's snapshot keeps the log from being emptied. */
#include "history/thin.h"

#include "history/checkpoint.h"
#include "history/thin_parts.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>

#define EVENTS_A_SLICE 64
#define HOUR_T 36000
#define SETTLED_MS INT64_C(3600000)

struct thin *thin_new(struct journal *j, const struct thin_how *how)
{
	struct thin *t = mem_new(1, sizeof *t);

	*t = (struct thin){.j = j, .how = *how, .opened_ms = UNKNOWN};
	if (t->how.keep_ms < THIN_KEEP_MIN_MS)
		t->how.keep_ms = THIN_KEEP_MIN_MS;
	return t;
}

void thin_forget(struct thin *t)
{
	for (size_t i = 0; i < t->minute_count; i++)
		minute_free(&t->minutes[i]);
	t->key_count = t->minute_count = t->minute_first = t->minutes_done = t->part_count = 0;
	t->minute_t = UNKNOWN;
	t->last = false;
	t->given_up = 0;
	for (size_t i = 0; i < t->recording_count; i++)
		t->recordings[i].rows = 0;
}

void thin_free(struct thin *t)
{
	if (t == NULL)
		return;
	thin_forget(t);
	for (int i = 0; i < THIN_STATEMENTS; i++)
		sqlite3_finalize(t->statement[i]);
	points_free(&t->points);
	free(t->keys);
	free(t->minutes);
	free(t->parts);
	free(t->recordings);
	free(t->series);
	free(t);
}

int64_t thin_rows(const struct thin *t)
{
	return t->rows_ever;
}

int64_t thin_used(const struct thin *t)
{
	return t->used;
}

enum schema_result thin_result(struct thin *t, int code, struct err *err)
{
	return schema_result(err, t->j->db, code, "thinning the history", t->j->path);
}

/* ---- the file ---- */

/* The first number that a statement gives; `otherwise` where it gives none. */
enum schema_result thin_number(
	struct thin *t, const char *sql, int64_t otherwise, int64_t *out, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(t->j->db, sql, -1, &s, NULL);

	*out = otherwise;
	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL)
		*out = sqlite3_column_int64(s, 0);
	const enum schema_result r = thin_result(t, code, err);

	sqlite3_finalize(s);
	return r;
}

#define NEWEST \
	"SELECT max(seq) FROM (SELECT max(seq) AS seq FROM event UNION ALL SELECT max(seq)" \
	" FROM recording)"

static int prepare(struct thin *t, struct err *err)
{
	static const char *const fixed[THIN_STATEMENTS] = {
		[THIN_FIND_FIRST] = "SELECT key FROM sample WHERE key >= ?1 ORDER BY key LIMIT 1",
		[THIN_FIND_SERIES] =
			"SELECT id, recording, pool_id, node_id, arm, operation, half, layout"
			" FROM series WHERE id = ?1",
		[THIN_FIND_MINUTE] = "SELECT 1 FROM rollup WHERE key = ?1",
		[THIN_FIND_END] = "SELECT 1 FROM event WHERE kind = 'end' AND recording = ?1",
		[THIN_DROP_ROW] = "DELETE FROM sample WHERE key = ?1",
	};
	struct text rows = {0}, add = {0};
	int code = 0;

	text_add(&rows, "SELECT key");
	for (int c = 0; c < MINUTE_COLUMNS; c++)
		text_addf(&rows, ", %s", minute_columns[c].name);
	text_add(&rows, " FROM sample WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT ?3");
	minute_insert_sql(&add);
	for (int i = 0; i < THIN_STATEMENTS && code == 0; i++) {
		const char *sql = i == THIN_READ_ROWS ? text_str(&rows)
			: i == THIN_ADD_MINUTE            ? text_str(&add)
											  : fixed[i];

		code = schema_prepare(&t->statement[i], t->j->db, sql, t->j->path, err);
	}
	text_free(&rows);
	text_free(&add);
	/* zeros in the place of what is deleted would be written for each page that is let go */
	if (code == 0 &&
		thin_result(t, sqlite3_exec(t->j->db, "PRAGMA secure_delete = OFF", NULL, NULL, NULL),
			err) != SCHEMA_OK)
		code = -1;
	return code;
}

static enum schema_result open_once(struct thin *t, int64_t monotonic_ms, struct err *err)
{
	int64_t since = 1;
	enum schema_result r;

	if (t->opened_ms != UNKNOWN)
		return SCHEMA_OK;
	if (prepare(t, err) < 0)
		return schema_failed(err);
	r = thin_number(t, NEWEST, 0, &t->opened_seq, err);
	if (r == SCHEMA_OK) /* the checkpoints before it have no samples any more */
		r = thin_number(t,
			"SELECT CASE WHEN json_valid(detail) THEN json_extract(detail, '$.since') END"
			" FROM event WHERE seq = (SELECT max(seq) FROM event WHERE kind = 'thinning')",
			1, &since, err);
	points_init(&t->points, t->j->db, t->j->path, since > 0 ? since - 1 : 0);
	if (r == SCHEMA_OK)
		t->opened_ms = monotonic_ms;
	return r;
}

enum schema_result thin_look_at_size(struct thin *t, struct err *err)
{
	int64_t pages = 0, unused = 0, size = 0;
	enum schema_result r = thin_number(t, "PRAGMA page_count", 0, &pages, err);

	if (r == SCHEMA_OK)
		r = thin_number(t, "PRAGMA freelist_count", 0, &unused, err);
	if (r == SCHEMA_OK)
		r = thin_number(t, "PRAGMA page_size", 0, &size, err);
	t->used = (pages - unused) * size;
	return r;
}

/* ---- whether there is something to do ---- */

static int64_t minute_before(int64_t ms)
{
	return ms <= 0 ? 0 : ms / 100 / MINUTE_T * MINUTE_T;
}

/* `t` of the first sample that was not looked at, INT64_MAX without one. */
static enum schema_result oldest(struct thin *t, int64_t *out, struct err *err)
{
	sqlite3_stmt *s = t->statement[THIN_FIND_FIRST];
	int code;

	sqlite3_bind_int64(s, 1, t->from_t << SAMPLES_SERIES_BITS);
	code = sqlite3_step(s);
	*out = code == SQLITE_ROW ? CHECKPOINT_T(sqlite3_column_int64(s, 0)) : INT64_MAX;
	const enum schema_result r = thin_result(t, code, err);

	sqlite3_reset(s);
	return r;
}

/* Begins a pass where there is one to make. An hour comes together before, so that there is an
 * event an hour, not one a minute; where room is lacking nothing is waited for. */
static enum schema_result rest(struct thin *t, const struct thin_now *now, struct err *err)
{
	const int64_t keep_t = minute_before(now->newest_ms - t->how.keep_ms),
				  cap_t = minute_before(now->newest_ms - THIN_KEEP_MIN_MS);
	int64_t oldest_t;
	enum schema_result r = thin_look_at_size(t, err);

	if (!t->settled && now->monotonic_ms - t->opened_ms >= SETTLED_MS) {
		t->settled = true;
		t->from_t = 0;
	}
	if (r == SCHEMA_OK)
		r = oldest(t, &oldest_t, err);
	if (r != SCHEMA_OK)
		return r;
	t->by_cap = t->used > t->how.cap_bytes;
	t->cutoff_t = t->by_cap ? cap_t : keep_t;
	if (oldest_t >= (t->by_cap ? cap_t : keep_t - HOUR_T))
		return SCHEMA_OK;
	thin_forget(t);
	t->waits_t = INT64_MAX;
	/* what stays is not looked at again, but what is behind it belongs to it */
	for (size_t i = 0; i < t->recording_count; i++)
		if (t->from_t == 0 || t->recordings[i].block == THIN_WAITS)
			t->recordings[i].block = THIN_FREE;
	t->begin_key = t->last_key = (oldest_t << SAMPLES_SERIES_BITS) - 1;
	t->phase = THIN_POINTS;
	return r;
}

void thin_end_pass(struct thin *t)
{
	t->from_t = t->by_cap && t->minute_t != UNKNOWN ? t->minute_t : t->cutoff_t;
	if (t->waits_t < t->from_t)
		t->from_t = t->waits_t;
	thin_forget(t);
	points_forget(&t->points);
	t->phase = THIN_REST;
}

/* ---- what the events say ---- */

static enum schema_result read_points(struct thin *t, struct err *err)
{
	int64_t newest = 0;
	enum schema_result r = thin_number(t, NEWEST, 0, &newest, err);

	if (r != SCHEMA_OK)
		return r;
	if (newest > t->points.read_seq + EVENTS_A_SLICE)
		newest = t->points.read_seq + EVENTS_A_SLICE;
	else
		t->phase = THIN_READ;
	if (newest > t->points.read_seq && points_read(&t->points, newest, true, err) < 0)
		return schema_failed(err);
	/* verify names it; here nothing can be built on it */
	if (t->points.broken_seq != 0)
		t->phase = THIN_REST;
	return SCHEMA_OK;
}

enum schema_result thin_work(struct thin *t, const struct thin_now *now,
	bool (*hurry)(void *ctx), void *ctx, bool *more, struct err *err)
{
	const struct thin_pause pause = {hurry, ctx};
	enum schema_result r = open_once(t, now->monotonic_ms, err);

	*more = false;
	if (r != SCHEMA_OK)
		return r;
	switch (t->phase) {
	case THIN_REST:
		r = rest(t, now, err);
		break;
	case THIN_POINTS:
		r = read_points(t, err);
		break;
	case THIN_READ:
		r = thin_read_rows(t, now, err);
		break;
	case THIN_WRITE:
		r = thin_write_slice(t, now, &pause, err);
		break;
	}
	*more = t->phase != THIN_REST;
	return r;
}
