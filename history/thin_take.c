/* Thin, taking: which rows the next transaction takes, and the minutes they make. Not what is
 * written then: thin_write.c. */
#include "history/checkpoint.h"
#include "history/thin_parts.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <string.h>

#define ROWS_A_SLICE 512
/* A transaction takes whole minutes until it has so many rows, or an hour of them. */
#define ROWS_A_TRANSACTION 8192
#define HOUR_T 36000

/* ---- whose a row is ---- */

static enum schema_result has_ended(
	struct thin *t, int64_t recording, bool *out, struct err *err)
{
	sqlite3_stmt *s = t->statement[THIN_FIND_END];
	int code;

	sqlite3_bind_int64(s, 1, recording);
	code = sqlite3_step(s);
	*out = code == SQLITE_ROW;
	const enum schema_result r = thin_result(t, code, err);

	sqlite3_reset(s);
	return r;
}

/* The place of a recording. */
static enum schema_result find_recording(
	struct thin *t, int64_t id, size_t *at, struct err *err)
{
	struct thin_recording one = {.id = id};
	enum schema_result r;

	for (*at = 0; *at < t->recording_count; ++*at)
		if (t->recordings[*at].id == id)
			return SCHEMA_OK;
	r = has_ended(t, id, &one.ended, err);
	mem_grow(&t->recordings, &t->recording_cap, t->recording_count + 1, sizeof one);
	t->recordings[t->recording_count++] = one;
	return r;
}

static enum schema_result read_series(
	struct thin *t, int64_t id, struct thin_series *out, bool *found, struct err *err)
{
	sqlite3_stmt *s = t->statement[THIN_FIND_SERIES];
	struct chain_field fields[CHECKPOINT_SERIES];
	int64_t recording = 0;
	enum schema_result r;
	int code;

	sqlite3_bind_int64(s, 1, id);
	code = sqlite3_step(s);
	*found = code == SQLITE_ROW;
	*out = (struct thin_series){.id = id};
	if (*found) {
		recording = sqlite3_column_int64(s, 1);
		for (int c = 0; c < CHECKPOINT_SERIES; c++)
			fields[c] = chain_field_of(s, c);
		checkpoint_series(out->hash, fields);
	}
	r = thin_result(t, code, err);
	sqlite3_reset(s);
	return r == SCHEMA_OK && *found ? find_recording(t, recording, &out->recording, err) : r;
}

size_t thin_series_at(const struct thin *t, int64_t id)
{
	size_t low = 0, high = t->series_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (t->series[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The series of a row; NULL where the file has none of that id. */
static enum schema_result find_series(
	struct thin *t, int64_t key, struct thin_series **out, struct err *err)
{
	const int64_t id = key & SAMPLES_SERIES_MASK;
	const size_t low = thin_series_at(t, id);
	struct thin_series one;
	bool found;
	enum schema_result r;

	*out = low < t->series_count && t->series[low].id == id ? &t->series[low] : NULL;
	if (*out != NULL)
		return SCHEMA_OK;
	r = read_series(t, id, &one, &found, err);
	if (r != SCHEMA_OK || !found)
		return r;
	mem_grow(&t->series, &t->series_cap, t->series_count + 1, sizeof one);
	memmove(&t->series[low + 1], &t->series[low], (t->series_count++ - low) * sizeof one);
	t->series[low] = one;
	t->series[low].minute = SIZE_MAX;
	*out = &t->series[low];
	return SCHEMA_OK;
}

/* ---- taking rows ---- */

/* Whether a row that no checkpoint has will never be under one. */
static bool is_left_over(const struct thin *t, const struct thin_recording *r, int64_t own)
{
	if (r->ended || r->id == own)
		return r->ended;
	return t->settled && r->id <= t->opened_seq &&
		!points_behind(&t->points, r->id, t->opened_seq);
}

/* Takes the row under the cursor into the sum of its checkpoint. */
static void take_part(
	struct thin *t, sqlite3_stmt *row, const struct thin_series *series, ptrdiff_t at)
{
	const struct points_point *p = &t->points.of[at];
	struct chain_field fields[POINTS_COLUMNS_MAX] = {{NULL, 0}};
	char digits[SAMPLES_COLUMNS][SAMPLES_DIGITS];
	unsigned char hash[CHAIN_HASH];
	struct thin_part *part = NULL;

	for (size_t i = t->part_count; i-- > 0 && part == NULL;)
		if (t->parts[i].point == at)
			part = &t->parts[i];
	if (part == NULL) {
		mem_grow(&t->parts, &t->part_cap, t->part_count + 1, sizeof *part);
		part = &t->parts[t->part_count++];
		*part = (struct thin_part){.point = at};
		memcpy(part->sum, p->sum, sizeof part->sum);
	}
	for (int c = 0; c < p->columns && c < SAMPLES_COLUMNS; c++)
		fields[c] = samples_field(digits[c] + SAMPLES_DIGITS, row, c);
	chain_hash(hash, series->hash, fields, (size_t)p->columns);
	checkpoint_fold(part->sum, hash);
	part->rows++;
}

/* Whether the minute that a row is in has been begun. */
static bool is_begun(const struct thin *t, const struct thin_series *series, int64_t key)
{
	return series->minute >= t->minute_first && series->minute < t->minute_count &&
		t->minutes[series->minute].key == minute_key(key);
}

/* Whether a row came when its minute had been made without it. */
static enum schema_result is_too_late(
	struct thin *t, const struct thin_series *series, int64_t key, bool *out, struct err *err)
{
	sqlite3_stmt *s = t->statement[THIN_FIND_MINUTE];
	int code;

	*out = false;
	if (is_begun(t, series, key))
		return SCHEMA_OK;
	sqlite3_bind_int64(s, 1, minute_key(key));
	code = sqlite3_step(s);
	*out = code == SQLITE_ROW;
	const enum schema_result r = thin_result(t, code, err);

	sqlite3_reset(s);
	return r;
}

static bool add_to_minute(
	struct thin *t, sqlite3_stmt *row, struct thin_series *series, int64_t key)
{
	if (!is_begun(t, series, key)) {
		mem_grow(&t->minutes, &t->minute_cap, t->minute_count + 1, sizeof *t->minutes);
		minute_begin(&t->minutes[t->minute_count], minute_key(key));
		series->minute = t->minute_count++;
	}
	return minute_add(&t->minutes[series->minute], row, 1);
}

/* What becomes of a row. */
enum taken { TAKEN, TAKEN_NEXT_TIME, TAKEN_ANEW };

/* No more of a recording: what the transaction has of it stays as well. */
static void block(
	struct thin *t, struct thin_recording *r, enum thin_block why, enum taken *taken)
{
	r->block = why;
	if (why == THIN_WAITS && CHECKPOINT_T(t->begin_key) < t->waits_t)
		t->waits_t = CHECKPOINT_T(t->begin_key);
	*taken = TAKEN_ANEW;
}

static enum schema_result take_row(struct thin *t, sqlite3_stmt *row,
	const struct thin_now *now, enum taken *taken, struct err *err)
{
	const int64_t key = sqlite3_column_int64(row, 0);
	const int64_t minute_t = CHECKPOINT_T(key) / MINUTE_T * MINUTE_T;
	struct thin_series *series;
	struct thin_recording *recording;
	enum schema_result r;
	ptrdiff_t at;
	bool too_late;

	*taken = TAKEN;
	if (minute_t != t->minute_t) {
		if (t->key_count > 0 &&
			(t->key_count >= ROWS_A_TRANSACTION ||
				minute_t - CHECKPOINT_T(t->keys[0]) >= HOUR_T)) {
			*taken = TAKEN_NEXT_TIME;
			return SCHEMA_OK;
		}
		t->minute_t = minute_t;
		t->minute_first = t->minute_count;
	}
	t->last_key = key;
	r = find_series(t, key, &series, err);
	/* a row of no series is for verify to name */
	if (r != SCHEMA_OK || series == NULL || t->recordings[series->recording].block != THIN_FREE)
		return r;
	recording = &t->recordings[series->recording];
	at = points_of(&t->points, recording->id, key);
	if (at == POINTS_NONE && !is_left_over(t, recording, now->recording)) {
		block(t, recording, THIN_WAITS, taken);
		return SCHEMA_OK;
	}
	r = is_too_late(t, series, key, &too_late, err);
	if (r != SCHEMA_OK)
		return r;
	if (too_late) { /* as are others of its checkpoint, or the recording ends here */
		if (at != POINTS_NONE)
			t->points.of[at].stays = true;
		return SCHEMA_OK;
	}
	if ((at != POINTS_NONE && t->points.of[at].stays) || !add_to_minute(t, row, series, key)) {
		block(t, recording, THIN_STAYS, taken);
		return SCHEMA_OK;
	}
	if (at != POINTS_NONE)
		take_part(t, row, series, at);
	mem_grow(&t->keys, &t->key_cap, t->key_count + 1, sizeof *t->keys);
	t->keys[t->key_count++] = key;
	recording->rows++;
	return SCHEMA_OK;
}

/* Begins the transaction's rows anew, without those of a recording that is blocked now: no minute
 * is made of a part of its samples. */
void thin_read_anew(struct thin *t)
{
	thin_forget(t);
	t->last_key = t->begin_key;
}

enum schema_result thin_read_rows(struct thin *t, const struct thin_now *now, struct err *err)
{
	sqlite3_stmt *s = t->statement[THIN_READ_ROWS];
	enum schema_result r = SCHEMA_OK;
	enum taken taken = TAKEN;
	int code = SQLITE_ROW, read = 0;

	sqlite3_bind_int64(s, 1, t->last_key);
	sqlite3_bind_int64(s, 2, t->cutoff_t << SAMPLES_SERIES_BITS);
	sqlite3_bind_int64(s, 3, ROWS_A_SLICE);
	while (r == SCHEMA_OK && taken == TAKEN && (code = sqlite3_step(s)) == SQLITE_ROW) {
		r = take_row(t, s, now, &taken, err);
		read++;
	}
	if (r == SCHEMA_OK)
		r = thin_result(t, code, err);
	sqlite3_reset(s);
	if (r != SCHEMA_OK)
		return r;
	if (taken == TAKEN_ANEW)
		thin_read_anew(t);
	else if (taken == TAKEN_NEXT_TIME)
		t->phase = THIN_WRITE;
	else if (read < ROWS_A_SLICE) {
		t->last = true;
		t->phase = THIN_WRITE;
	}
	return r;
}
