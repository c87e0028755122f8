/* Samples: rows of intervals, written through the table of columns, each under its hash. Not how
 * they are read: samples_reader.c. */
#include "history/samples_parts.h"

#include "history/checkpoint.h"
#include "history/sparse.h"
#include "model/mem.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

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
	for (int c = 0; c < SAMPLES_TABLE; c++)
		text_addf(&sql, ", %s", samples_columns[c].name);
	text_add(&sql, ", latency, session_latency) VALUES (?, ?, ?, ?, ?, ?");
	for (int c = 0; c < SAMPLES_TABLE; c++)
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
	char digits[SAMPLES_LEADING + SAMPLES_TABLE][DIGITS];
	struct chain_field fields[SAMPLES_LEADING + SAMPLES_TABLE + 2];
	struct chain_field later = {NULL, 0};
	const int64_t leading[SAMPLES_LEADING] = {
		key, row->sample.at.wall_ms, row->sample.interval_ms, (int64_t)row->flags};
	size_t count = 0;

	for (int i = 0; i < SAMPLES_LEADING; i++)
		fields[count++] = samples_decimal(digits[i] + DIGITS, leading[i]);
	for (int c = 0; c < SAMPLES_TABLE; c++) {
		const struct chain_field f = samples_decimal(digits[SAMPLES_LEADING + c] + DIGITS,
			samples_value_in(&row->sample.arms[a], &samples_columns[c]));

		if (samples_columns[c].at == SAMPLES_FAILED(FAILURE_REFUSED))
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
		const int64_t key =
			samples_key(w->started_ms, w->interval_ms, row->tick, series->id[a]);
		unsigned char hash[CHAIN_HASH];

		bind_number(w->insert, 1, key);
		bind_number(w->insert, 2, row->sample.at.wall_ms);
		bind_number(w->insert, 3, row->sample.interval_ms);
		bind_number(w->insert, 4, row->flags);
		for (int c = 0; c < SAMPLES_TABLE; c++)
			bind_number(w->insert, SAMPLES_LEADING + 1 + c,
				samples_value_in(&row->sample.arms[a], &samples_columns[c]));
		bind_histogram(w->insert, SAMPLES_LEADING + SAMPLES_TABLE + 1, &row->latency[a]);
		bind_histogram(
			w->insert, SAMPLES_LEADING + SAMPLES_TABLE + 2, &row->session_latency[a]);
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
