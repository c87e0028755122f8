/* Proof: every sample row is read again and held against the checkpoint that covers it, every
 * minute against the event that made it. Not how checkpoints are made: checkpoint.c; nor which
 * row is under which: points.c.
 *
 * Invariants:
 * 1. What the events say is signed, and still not trusted to make sense.
 * 2. Where the first rows of a checkpoint were thinned, the rest goes on from the sum that the
 *    event of it gives: the last one must end where the checkpoint does.
 * 3. No index is asked, as one can be emptied without its table; columns are asked by name, as
 *    they are wherever a sample is read. */
#include "history/proof.h"

#include "history/checkpoint.h"
#include "history/points.h"
#include "history/samples.h"
#include "history/schema.h"
#include "history/tables.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the events say ---- */

struct end {
	int64_t seq, recording, samples; /* samples: UNKNOWN in older files */
	int64_t found;                   /* rows of the recording, thinned ones as well */
};

struct series {
	int64_t id, recording;
	int64_t found; /* rows */
	bool placed;   /* its recording is in the file */
	unsigned char hash[CHAIN_HASH];
};

/* An event that put minutes in the place of samples, and what is found of them. */
struct thinning {
	int64_t seq, minutes, found;
	int columns;
	unsigned char hash[CHAIN_HASH], sum[CHAIN_HASH];
};

/* Rows of a recording that became minutes. */
struct gone {
	int64_t recording, rows;
};

struct check {
	sqlite3 *db;
	const char *path;
	struct chain_report *out;
	struct points points;
	struct end *ends; /* by recording */
	size_t end_count, end_cap;
	struct series *series; /* by id */
	size_t series_count, series_cap;
	struct thinning *thinnings; /* by seq */
	size_t thinning_count, thinning_cap;
	struct gone *gone;
	size_t gone_count, gone_cap;
	sqlite3_stmt *rows; /* all of a table, by key; ?1 to ?2 */
	int columns;        /* of a row that can be hashed; t and series stand behind them */
};

enum { COLUMNS_MAX = POINTS_COLUMNS_MAX, MARK_HEX = 2 * CHECKPOINT_MARK };

static int check_code(struct check *k, int code, struct err *err)
{
	return schema_result(err, k->db, code, "verifying the history", k->path) == SCHEMA_OK ? 0
																						  : -1;
}

static void broken(struct check *k, const char *table, int64_t seq, const char *why)
{
	k->out->broken_seq = seq;
	text_copy(k->out->table, sizeof k->out->table, table);
	text_copy(k->out->why, sizeof k->out->why, why);
}

/* Runs a statement over its rows; `take` is false when what it says breaks the file. */
static int each_row(struct check *k, const char *sql,
	bool (*take)(struct check *k, sqlite3_stmt *s), struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = schema_prepare(&s, k->db, sql, k->path, err);

	if (code == 0) {
		do
			code = sqlite3_step(s);
		while (code == SQLITE_ROW && take(k, s));
		code = check_code(k, code, err);
	}
	sqlite3_finalize(s);
	return code;
}

static int load_points(struct check *k, struct err *err)
{
	if (points_read(&k->points, INT64_MAX, false, err) < 0)
		return -1;
	if (k->points.broken_seq != 0)
		broken(k, "event", k->points.broken_seq, k->points.why);
	return 0;
}

static bool take_thinning(struct check *k, sqlite3_stmt *s)
{
	struct thinning one = {.seq = sqlite3_column_int64(s, 0),
		.minutes = sqlite3_column_int64(s, 1),
		.columns = sqlite3_column_int(s, 3)};

	if (sqlite3_column_type(s, 1) != SQLITE_INTEGER ||
		!chain_unhex(one.hash, sizeof one.hash, (const char *)sqlite3_column_text(s, 2)) ||
		one.columns < 1 || one.columns > COLUMNS_MAX) {
		broken(k, "event", one.seq, "it is no thinning that could be checked");
		return false;
	}
	mem_grow(&k->thinnings, &k->thinning_cap, k->thinning_count + 1, sizeof one);
	k->thinnings[k->thinning_count++] = one;
	return true;
}

static bool take_gone(struct check *k, sqlite3_stmt *s)
{
	const struct gone one = {sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2)};

	if (sqlite3_column_type(s, 1) != SQLITE_INTEGER ||
		sqlite3_column_type(s, 2) != SQLITE_INTEGER || one.rows < 1 ||
		one.rows > INT64_MAX - k->out->thinned) {
		broken(
			k, "event", sqlite3_column_int64(s, 0), "it is no thinning that could be checked");
		return false;
	}
	mem_grow(&k->gone, &k->gone_cap, k->gone_count + 1, sizeof one);
	k->gone[k->gone_count++] = one;
	k->out->thinned += one.rows;
	return true;
}

static bool take_end(struct check *k, sqlite3_stmt *s)
{
	struct end *e;

	mem_grow(&k->ends, &k->end_cap, k->end_count + 1, sizeof *k->ends);
	e = &k->ends[k->end_count++];
	*e = (struct end){.seq = sqlite3_column_int64(s, 0),
		.recording = sqlite3_column_int64(s, 1),
		.samples =
			sqlite3_column_type(s, 2) == SQLITE_INTEGER ? sqlite3_column_int64(s, 2) : UNKNOWN};
	return true;
}

static bool take_series(struct check *k, sqlite3_stmt *s)
{
	struct chain_field fields[CHECKPOINT_SERIES];
	struct series *one;

	mem_grow(&k->series, &k->series_cap, k->series_count + 1, sizeof *k->series);
	one = &k->series[k->series_count++];
	*one = (struct series){
		.id = sqlite3_column_int64(s, 0), .recording = sqlite3_column_int64(s, 1)};
	for (int c = 0; c < CHECKPOINT_SERIES; c++)
		fields[c] = chain_field_of(s, c);
	checkpoint_series(one->hash, fields);
	one->placed = sqlite3_column_type(s, CHECKPOINT_SERIES) != SQLITE_NULL;
	return true;
}

#define DETAIL(name) "CASE WHEN json_valid(detail) THEN json_extract(detail, '$." name "') END"

/* Reads what there is to hold the rows against; `out` may be broken by it. */
static int load(struct check *k, struct err *err)
{
	static const struct {
		const char *sql;
		bool (*take)(struct check *k, sqlite3_stmt *s);
	} loads[] = {
		{"SELECT seq, " DETAIL("minutes") ", " DETAIL("hash") ", " DETAIL(
			 "columns") " FROM event NOT INDEXED WHERE kind = 'thinning' ORDER BY seq",
			take_thinning},
		{"SELECT e.seq, json_extract(l.value, '$[0]'), json_extract(l.value, '$[1]')"
		 " FROM event AS e NOT INDEXED, json_each(e.detail, '$.recordings') AS l"
		 " WHERE e.kind = 'thinning' AND l.type = 'array'",
			take_gone},
		{"SELECT seq, recording, " DETAIL(
			 "samples") " FROM event NOT INDEXED WHERE kind = 'end' AND recording IS NOT NULL"
						" ORDER BY recording, seq",
			take_end},
		{"SELECT s.id, s.recording, s.pool_id, s.node_id, s.arm, s.operation, s.half,"
		 " s.layout, r.seq FROM series AS s NOT INDEXED"
		 " LEFT JOIN recording AS r ON r.seq = s.recording"
		 " ORDER BY s.id",
			take_series},
	};

	if (load_points(k, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof loads / sizeof *loads && k->out->broken_seq == 0; i++)
		if (each_row(k, loads[i].sql, loads[i].take, err) < 0)
			return -1;
	return 0;
}

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(
			   db, "main", table, column, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

/* The columns that are hashed, in the order in which they are; those made of the key behind them.
 * The file is broken when it has not all of them. */
static int prepare_rows(struct check *k, int table, struct err *err)
{
	const struct tables_row *t = &tables_rows[table];
	struct text sql = {0};
	int code;

	text_add(&sql, "SELECT key");
	k->columns = 1;
	for (size_t i = 0; i < t->count && k->out->broken_seq == 0; i++) {
		const struct tables_field *f = &t->fields[i];
		const bool there = has_column(k->db, t->name, f->name);

		if (!there && !f->later)
			broken(k, t->name, k->out->head_seq + 1, "a column of it is missing");
		if (there && i >= TABLES_SAMPLE_KEY) {
			text_addf(&sql, ", \"%s\"", f->name);
			k->columns++;
		}
	}
	for (size_t i = 0; i < TABLES_SAMPLE_KEY; i++)
		text_addf(&sql, ", \"%s\"", t->fields[i].name);
	text_addf(&sql, " FROM %s NOT INDEXED WHERE key BETWEEN ?1 AND ?2 ORDER BY key", t->name);
	sqlite3_finalize(k->rows);
	k->rows = NULL;
	code = k->out->broken_seq != 0
		? 0
		: schema_prepare(&k->rows, k->db, text_str(&sql), k->path, err);
	text_free(&sql);
	return code;
}

/* ---- the rows ---- */

static struct series *series_of(const struct check *k, int64_t key)
{
	const int64_t id = key & SAMPLES_SERIES_MASK;
	size_t low = 0, high = k->series_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (k->series[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < k->series_count && k->series[low].id == id ? &k->series[low] : NULL;
}

/* Hashes the row under the cursor by its first `columns`. */
static void hash_row(
	struct check *k, const struct series *series, int columns, unsigned char hash[CHAIN_HASH])
{
	struct chain_field fields[COLUMNS_MAX];
	char digits[COLUMNS_MAX][SAMPLES_DIGITS];

	for (int c = 0; c < columns; c++)
		fields[c] = c < k->columns ? samples_field(digits[c] + SAMPLES_DIGITS, k->rows, c)
								   : (struct chain_field){NULL, 0};
	chain_hash(hash, series->hash, fields, (size_t)columns);
}

/* Whether the columns that are made of the key under the cursor are those of this key. */
static bool has_its_key(const struct check *k, int64_t key)
{
	const int64_t parts[TABLES_SAMPLE_KEY] = {CHECKPOINT_T(key), key & SAMPLES_SERIES_MASK};

	for (int i = 0; i < TABLES_SAMPLE_KEY; i++)
		if (sqlite3_column_type(k->rows, k->columns + i) != SQLITE_INTEGER ||
			sqlite3_column_int64(k->rows, k->columns + i) != parts[i])
			return false;
	return true;
}

static bool wrong_row(struct check *k, const char *table, int64_t key, const char *why)
{
	broken(k, table, k->out->head_seq + 1, why);
	k->out->first_key = k->out->last_key = key;
	return false;
}

/* The series of the row under the cursor; NULL, and the file is broken, when it has none. */
static struct series *placed_series(struct check *k, const char *table, int64_t key)
{
	struct series *series = series_of(k, key);

	if (series == NULL || !series->placed)
		wrong_row(k, table, key, "it is of no series and recording");
	else if (!has_its_key(k, key))
		wrong_row(k, table, key, "its time or its series is not of its key");
	else
		return series;
	return NULL;
}

/* Counts the row under the cursor where it belongs; false when it belongs nowhere. */
static bool count_sample(struct check *k)
{
	const int64_t key = sqlite3_column_int64(k->rows, 0);
	struct series *series = placed_series(k, "sample", key);
	unsigned char hash[CHAIN_HASH];
	ptrdiff_t at;

	if (series == NULL)
		return false;
	series->found++;
	at = points_of(&k->points, series->recording, key);
	if (at == POINTS_NONE) {
		k->out->samples_open++;
		return true;
	}
	hash_row(k, series, k->points.of[at].columns, hash);
	checkpoint_fold(k->points.of[at].sum, hash);
	k->points.of[at].found++;
	k->out->samples++;
	return true;
}

static struct thinning *thinning_of(const struct check *k, int64_t seq)
{
	size_t low = 0, high = k->thinning_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (k->thinnings[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low < k->thinning_count && k->thinnings[low].seq == seq ? &k->thinnings[low] : NULL;
}

/* The event of a minute is its last column, before those that are made of its key. */
static bool count_minute(struct check *k)
{
	const int64_t key = sqlite3_column_int64(k->rows, 0);
	const struct series *series = placed_series(k, "rollup", key);
	struct thinning *t = thinning_of(k, sqlite3_column_int64(k->rows, k->columns - 1));
	unsigned char hash[CHAIN_HASH];

	if (series == NULL)
		return false;
	if (t == NULL)
		return wrong_row(k, "rollup", key, "no event tells of it");
	hash_row(k, series, t->columns, hash);
	checkpoint_fold(t->sum, hash);
	t->found++;
	k->out->minutes++;
	return true;
}

static int count_rows(struct check *k, bool (*count)(struct check *k), int64_t total,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err)
{
	int64_t done = k->out->rows + k->out->samples + k->out->samples_open;
	int code;

	sqlite3_bind_int64(k->rows, 1, INT64_MIN);
	sqlite3_bind_int64(k->rows, 2, INT64_MAX);
	while ((code = sqlite3_step(k->rows)) == SQLITE_ROW && count(k))
		if (++done % 1024 == 0 && progress != NULL)
			progress(ctx, done, total);
	code = check_code(k, code, err);
	sqlite3_reset(k->rows);
	return code;
}

/* ---- which row it is ---- */

/* Reads the rows of a checkpoint again, in their order. The caller frees them. */
static int rows_of(
	struct check *k, size_t at, struct checkpoint_row **rows, size_t *count, struct err *err)
{
	const struct points_point *p = &k->points.of[at];
	size_t cap = 0;
	int code;

	*rows = NULL;
	*count = 0;
	sqlite3_bind_int64(k->rows, 1, INT64_MIN);
	sqlite3_bind_int64(k->rows, 2,
		p->to < CHECKPOINT_T(INT64_MAX) ? (p->to + 1) << SAMPLES_SERIES_BITS : INT64_MAX);
	while ((code = sqlite3_step(k->rows)) == SQLITE_ROW) {
		const int64_t key = sqlite3_column_int64(k->rows, 0);
		const struct series *series = series_of(k, key);

		if (series == NULL || series->recording != p->recording ||
			points_of(&k->points, p->recording, key) != (ptrdiff_t)at)
			continue;
		mem_grow(rows, &cap, *count + 1, sizeof **rows);
		(*rows)[*count].key = key;
		hash_row(k, series, p->columns, (*rows)[*count].hash);
		++*count;
	}
	code = check_code(k, code, err);
	sqlite3_reset(k->rows);
	return code;
}

/* The first block of rows that does not have its mark. */
static size_t wrong_block(
	const struct checkpoint_row *rows, size_t count, const char *marks, size_t blocks)
{
	unsigned char sum[CHAIN_HASH] = {0}, mark[CHECKPOINT_MARK];
	char hex[MARK_HEX + 1];

	for (size_t i = 0; i < count; i++) {
		checkpoint_fold(sum, rows[i].hash);
		if ((i + 1) % CHECKPOINT_BLOCK != 0 && i + 1 != count)
			continue;
		text_copy(hex, sizeof hex,
			i / CHECKPOINT_BLOCK < blocks ? marks + i / CHECKPOINT_BLOCK * MARK_HEX : "");
		if (!chain_unhex(mark, sizeof mark, hex) || memcmp(mark, sum, CHECKPOINT_MARK) != 0)
			return i / CHECKPOINT_BLOCK;
	}
	return count / CHECKPOINT_BLOCK;
}

static int name_rows(
	struct check *k, const struct points_point *p, const char *marks, struct err *err)
{
	const size_t blocks = strlen(marks) / MARK_HEX;
	struct chain_report *out = k->out;
	struct checkpoint_row *rows;
	size_t count, first, last;

	if (rows_of(k, (size_t)(p - k->points.of), &rows, &count, err) < 0) {
		free(rows);
		return -1;
	}
	/* the marks cannot be taken up in the middle: what is left is named as a whole */
	first = p->thinned > 0 ? 0 : wrong_block(rows, count, marks, blocks) * CHECKPOINT_BLOCK;
	last = p->thinned > 0 ? count : first + CHECKPOINT_BLOCK;
	/* a row that is missing at a block's end leaves its neighbours to be named */
	if (first >= count)
		first = count > 0 ? count - 1 : 0;
	if (last > count)
		last = count;
	out->first_key = count > 0 ? rows[first].key : UNKNOWN;
	out->last_key = count > 0 ? rows[last - 1].key : UNKNOWN;
	free(rows);
	if (p->found < p->rows)
		snprintf(out->why, sizeof out->why, "%lld of its %lld samples are missing",
			(long long)(p->rows - p->found), (long long)p->rows);
	else if (p->found > p->rows)
		snprintf(out->why, sizeof out->why, "there are %lld samples more than its %lld",
			(long long)(p->found - p->rows), (long long)p->rows);
	else
		snprintf(out->why, sizeof out->why, "one of its %lld samples was changed or replaced",
			(long long)p->rows);
	return 0;
}

static int name_point(struct check *k, const struct points_point *p, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = schema_prepare(&s, k->db,
		"SELECT json_extract(detail, '$.blocks') FROM event WHERE seq = ?1", k->path, err);

	if (code == 0) {
		const char *marks;

		sqlite3_bind_int64(s, 1, p->seq);
		code = check_code(k, sqlite3_step(s), err);
		marks = (const char *)sqlite3_column_text(s, 0);
		broken(k, "sample", p->seq, "");
		if (code == 0)
			code = name_rows(k, p, marks != NULL ? marks : "", err);
	}
	sqlite3_finalize(s);
	return code;
}

static int by_recording(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	return (x->recording > y->recording) - (x->recording < y->recording);
}

/* The end that says of more or fewer rows than its recording has, NULL when none does. */
static const struct end *wrong_end(struct check *k)
{
	for (size_t i = 0; i < k->series_count && k->end_count > 0; i++) {
		const struct end sought = {.recording = k->series[i].recording};
		struct end *e = bsearch(&sought, k->ends, k->end_count, sizeof *k->ends, by_recording);

		if (e != NULL)
			e->found += k->series[i].found;
	}
	for (size_t i = 0; i < k->gone_count && k->end_count > 0; i++) {
		const struct end sought = {.recording = k->gone[i].recording};
		struct end *e = bsearch(&sought, k->ends, k->end_count, sizeof *k->ends, by_recording);

		if (e != NULL)
			e->found += k->gone[i].rows;
	}
	for (size_t i = 0; i < k->end_count; i++)
		if (k->ends[i].samples != UNKNOWN && k->ends[i].samples != k->ends[i].found)
			return &k->ends[i];
	return NULL;
}

/* Holds what was found against what the events say; the earliest that differs is named. */
static int judge(struct check *k, struct err *err)
{
	const struct points_point *bad = NULL;
	const struct end *lie;

	for (size_t i = 0; i < k->points.count; i++) {
		const struct points_point *p = &k->points.of[i];

		if ((p->found != p->rows || memcmp(p->sum, p->hash, sizeof p->sum) != 0) &&
			(bad == NULL || p->seq < bad->seq))
			bad = p;
	}
	if (bad != NULL)
		return name_point(k, bad, err);
	lie = wrong_end(k);
	if (lie != NULL) {
		broken(k, "sample", lie->seq, "");
		snprintf(k->out->why, sizeof k->out->why,
			"its recording ended with %lld samples and has %lld", (long long)lie->samples,
			(long long)lie->found);
	}
	return 0;
}

/* Holds the minutes against the events that made them; the earliest that differs is named. */
static void judge_minutes(struct check *k)
{
	for (size_t i = 0; i < k->thinning_count && k->out->broken_seq == 0; i++) {
		const struct thinning *t = &k->thinnings[i];

		if (t->found == t->minutes && memcmp(t->sum, t->hash, sizeof t->sum) == 0)
			continue;
		broken(k, "rollup", t->seq, "one of its minutes was changed or replaced");
		if (t->found != t->minutes)
			snprintf(k->out->why, sizeof k->out->why,
				"it made %lld minutes of samples, there are %lld", (long long)t->minutes,
				(long long)t->found);
	}
}

/* An older file has no minutes, and none of its samples became one. */
static int check_minutes(struct check *k, int64_t total,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err)
{
	if (has_column(k->db, "rollup", "key")) {
		if (prepare_rows(k, TABLES_ROLLUP, err) < 0)
			return -1;
		if (k->out->broken_seq == 0 &&
			count_rows(k, count_minute, total, progress, ctx, err) < 0)
			return -1;
	}
	if (k->out->broken_seq == 0)
		judge_minutes(k);
	return 0;
}

int proof_samples(struct chain_report *out, sqlite3 *db, const char *path, int64_t total,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err)
{
	struct check k = {.db = db, .path = path, .out = out};
	int code;

	points_init(&k.points, db, path, 0);
	code = load(&k, err);
	if (code == 0 && out->broken_seq == 0)
		code = prepare_rows(&k, TABLES_SAMPLE, err);
	if (code == 0 && out->broken_seq == 0)
		code = count_rows(&k, count_sample, total, progress, ctx, err);
	if (code == 0 && out->broken_seq == 0)
		code = judge(&k, err);
	if (code == 0 && out->broken_seq == 0)
		code = check_minutes(&k, total, progress, ctx, err);
	out->checkpoints = (int64_t)k.points.count;
	sqlite3_finalize(k.rows);
	points_free(&k.points);
	free(k.ends);
	free(k.series);
	free(k.thinnings);
	free(k.gone);
	return code;
}
