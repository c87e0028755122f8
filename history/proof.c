/* Proof: every sample row is read again and held against the checkpoint that covers it, every
 * minute against the event that made it. Not how checkpoints are made: checkpoint.c; nor which
 * row is under which: points.c; nor what the events say (proof_said.c), which row is wrong
 * (proof_name.c), and what is read of a file that is too large (proof_near.c).
 *
 * Invariants:
 * 1. What the events say is signed, and still not trusted to make sense.
 * 2. Where the first rows of a checkpoint were thinned, the rest goes on from the sum that the
 *    event of it gives: the last one must end where the checkpoint does.
 * 3. No index is asked, as one can be emptied without its table; columns are asked by name, as
 *    they are wherever a sample is read. */
#include "history/proof.h"

#include "history/checkpoint.h"
#include "history/proof_parts.h"
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

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(
			   db, "main", table, column, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

/* The columns that are hashed, in the order in which they are; those made of the key behind them.
 * The file is broken when it has not all of them. */
static int prepare_rows(struct proof *k, int table, struct err *err)
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
			proof_broken(k, t->name, k->out->head_seq + 1, "a column of it is missing");
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

struct proof_series *proof_series(const struct proof *k, int64_t key)
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
void proof_hash_row(struct proof *k, const struct proof_series *series, int columns,
	unsigned char hash[CHAIN_HASH])
{
	struct chain_field fields[POINTS_COLUMNS_MAX];
	char digits[POINTS_COLUMNS_MAX][SAMPLES_DIGITS];

	for (int c = 0; c < columns; c++)
		fields[c] = c < k->columns ? samples_field(digits[c] + SAMPLES_DIGITS, k->rows, c)
								   : (struct chain_field){NULL, 0};
	chain_hash(hash, series->hash, fields, (size_t)columns);
}

/* Whether the columns that are made of the key under the cursor are those of this key. */
static bool has_its_key(const struct proof *k, int64_t key)
{
	const int64_t parts[TABLES_SAMPLE_KEY] = {CHECKPOINT_T(key), key & SAMPLES_SERIES_MASK};

	for (int i = 0; i < TABLES_SAMPLE_KEY; i++)
		if (sqlite3_column_type(k->rows, k->columns + i) != SQLITE_INTEGER ||
			sqlite3_column_int64(k->rows, k->columns + i) != parts[i])
			return false;
	return true;
}

static bool wrong_row(struct proof *k, const char *table, int64_t key, const char *why)
{
	proof_broken(k, table, k->out->head_seq + 1, why);
	k->out->first_key = k->out->last_key = key;
	return false;
}

/* The series of the row under the cursor; NULL, and the file is broken, when it has none. */
static struct proof_series *placed_series(struct proof *k, const char *table, int64_t key)
{
	struct proof_series *series = proof_series(k, key);

	if (series == NULL || !series->placed)
		wrong_row(k, table, key, "it is of no series and recording");
	else if (!has_its_key(k, key))
		wrong_row(k, table, key, "its time or its series is not of its key");
	else
		return series;
	return NULL;
}

/* Counts the row under the cursor where it belongs; false when it belongs nowhere. */
bool proof_count_sample(struct proof *k)
{
	const int64_t key = sqlite3_column_int64(k->rows, 0);
	struct proof_series *series = placed_series(k, "sample", key);
	unsigned char hash[CHAIN_HASH];
	ptrdiff_t at;

	if (series == NULL)
		return false;
	series->found++;
	at = points_of(&k->points, series->recording, key);
	if (k->only != POINTS_NONE && at != k->only)
		return true;
	if (at == POINTS_NONE) {
		k->out->samples_open++;
		return true;
	}
	proof_hash_row(k, series, k->points.of[at].columns, hash);
	checkpoint_fold(k->points.of[at].sum, hash);
	k->points.of[at].found++;
	k->out->samples++;
	return true;
}

static struct proof_thinning *thinning_of(const struct proof *k, int64_t seq)
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
static bool count_minute(struct proof *k)
{
	const int64_t key = sqlite3_column_int64(k->rows, 0);
	const struct proof_series *series = placed_series(k, "rollup", key);
	struct proof_thinning *t = thinning_of(k, sqlite3_column_int64(k->rows, k->columns - 1));
	unsigned char hash[CHAIN_HASH];

	if (series == NULL)
		return false;
	if (t == NULL)
		return wrong_row(k, "rollup", key, "no event tells of it");
	proof_hash_row(k, series, t->columns, hash);
	checkpoint_fold(t->sum, hash);
	t->found++;
	k->out->minutes++;
	return true;
}

int proof_count(struct proof *k, bool (*count)(struct proof *k), int64_t first, int64_t last,
	int64_t total, void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx,
	struct err *err)
{
	int64_t done = k->out->rows + k->out->samples + k->out->samples_open;
	int code;

	sqlite3_bind_int64(k->rows, 1, first);
	sqlite3_bind_int64(k->rows, 2, last);
	while ((code = sqlite3_step(k->rows)) == SQLITE_ROW && count(k))
		if (++done % 256 == 0 && progress != NULL)
			progress(ctx, done, total);
	code = proof_code(k, code, err);
	sqlite3_reset(k->rows);
	return code;
}

static int by_recording(const void *a, const void *b)
{
	const struct proof_end *x = a, *y = b;

	return (x->recording > y->recording) - (x->recording < y->recording);
}

/* The end that says of more or fewer rows than its recording has, NULL when none does. */
static const struct proof_end *wrong_end(struct proof *k)
{
	for (size_t i = 0; i < k->series_count && k->end_count > 0; i++) {
		const struct proof_end sought = {.recording = k->series[i].recording};
		struct proof_end *e =
			bsearch(&sought, k->ends, k->end_count, sizeof *k->ends, by_recording);

		if (e != NULL)
			e->found += k->series[i].found;
	}
	for (size_t i = 0; i < k->gone_count && k->end_count > 0; i++) {
		const struct proof_end sought = {.recording = k->gone[i].recording};
		struct proof_end *e =
			bsearch(&sought, k->ends, k->end_count, sizeof *k->ends, by_recording);

		if (e != NULL)
			e->found += k->gone[i].rows;
	}
	for (size_t i = 0; i < k->end_count; i++)
		if (k->ends[i].samples != UNKNOWN && k->ends[i].samples != k->ends[i].found)
			return &k->ends[i];
	return NULL;
}

bool proof_fits(const struct points_point *p)
{
	return p->found == p->rows && memcmp(p->sum, p->hash, sizeof p->sum) == 0;
}

/* Holds what was found against what the events say; the earliest that differs is named. */
static int judge(struct proof *k, struct err *err)
{
	const struct points_point *bad = NULL;
	const struct proof_end *lie;

	for (size_t i = 0; i < k->points.count; i++) {
		const struct points_point *p = &k->points.of[i];

		if (!proof_fits(p) && (bad == NULL || p->seq < bad->seq))
			bad = p;
	}
	if (bad != NULL)
		return proof_name(k, bad, err);
	lie = wrong_end(k);
	if (lie != NULL) {
		proof_broken(k, "sample", lie->seq, "");
		snprintf(k->out->why, sizeof k->out->why,
			"its recording ended with %lld samples and has %lld", (long long)lie->samples,
			(long long)lie->found);
	}
	return 0;
}

/* Holds the minutes against the events that made them; the earliest that differs is named. */
static void judge_minutes(struct proof *k)
{
	for (size_t i = 0; i < k->thinning_count && k->out->broken_seq == 0; i++) {
		const struct proof_thinning *t = &k->thinnings[i];

		if (t->found == t->minutes && memcmp(t->sum, t->hash, sizeof t->sum) == 0)
			continue;
		proof_broken(k, "rollup", t->seq, "one of its minutes was changed or replaced");
		if (t->found != t->minutes)
			snprintf(k->out->why, sizeof k->out->why,
				"it made %lld minutes of samples, there are %lld", (long long)t->minutes,
				(long long)t->found);
	}
}

/* An older file has no minutes, and none of its samples became one. */
static int check_minutes(struct proof *k, int64_t total,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err)
{
	if (has_column(k->db, "rollup", "key")) {
		if (prepare_rows(k, TABLES_ROLLUP, err) < 0)
			return -1;
		if (k->out->broken_seq == 0 &&
			proof_count(k, count_minute, INT64_MIN, INT64_MAX, total, progress, ctx, err) < 0)
			return -1;
	}
	if (k->out->broken_seq == 0)
		judge_minutes(k);
	return 0;
}

/* All samples and minutes. */
static int check_all(struct proof *k, int64_t total,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err)
{
	int code =
		proof_count(k, proof_count_sample, INT64_MIN, INT64_MAX, total, progress, ctx, err);

	k->out->checkpoints_read = (int64_t)k->points.count;
	if (code == 0 && k->out->broken_seq == 0)
		code = judge(k, err);
	if (code == 0 && k->out->broken_seq == 0)
		code = check_minutes(k, total, progress, ctx, err);
	return code;
}

int proof_samples(struct chain_report *out, sqlite3 *db, const char *path,
	const struct chain_scope *scope, int64_t total,
	void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx, struct err *err)
{
	struct proof k = {.db = db, .path = path, .out = out, .only = POINTS_NONE};
	int code;

	points_init(&k.points, db, path, 0);
	code = proof_load(&k, err);
	if (code == 0 && out->broken_seq == 0)
		code = prepare_rows(&k, TABLES_SAMPLE, err);
	if (code == 0 && out->broken_seq == 0)
		code = scope == NULL || proof_is_small(&k, scope)
			? check_all(&k, total, progress, ctx, err)
			: proof_near(&k, scope, err);
	out->checkpoints = (int64_t)k.points.count;
	sqlite3_finalize(k.rows);
	points_free(&k.points);
	free(k.ends);
	free(k.series);
	free(k.thinnings);
	free(k.gone);
	return code;
}
