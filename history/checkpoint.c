/* Checkpoint: the hash over sample rows as they are written. Not the chain that its events stand
 * in: chain.c; nor the check of a file: proof.c.
 *
 * Invariants:
 * 1. A committed row is under one checkpoint of its recording, or among the rows that wait.
 * 2. A checkpoint covers the rows of its recording behind the one before up to its `to`, and the
 *    late ones that it names; what comes late is named in the transaction that writes it.
 * 3. Nothing is read back to write a checkpoint, but whether the rows are there still where another
 *    process may have thinned them. */
#include "history/checkpoint.h"

#include "history/samples.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_T 6000   /* ten minutes, in tenths of a second */
#define SLACK_T 100    /* how long after others of its time a row may come unnamed */
#define ROWS_MAX 65536 /* 2.5 MiB wait at most, but for the slack */

/* ---- hashes ---- */

static const unsigned char nothing[CHAIN_HASH];

void checkpoint_series(
	unsigned char out[CHAIN_HASH], const struct chain_field fields[CHECKPOINT_SERIES])
{
	chain_hash(out, nothing, fields, CHECKPOINT_SERIES);
}

void checkpoint_fold(unsigned char sum[CHAIN_HASH], const unsigned char row[CHAIN_HASH])
{
	chain_hash(sum, sum, &(struct chain_field){row, CHAIN_HASH}, 1);
}

static int by_key(const void *a, const void *b)
{
	const struct checkpoint_row *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static void sort(struct checkpoint_row *rows, size_t count)
{
	if (count > 1)
		qsort(rows, count, sizeof *rows, by_key);
}

/* ---- rows that wait ---- */

void checkpoint_begin(struct checkpoint *c, int64_t recording)
{
	c->recording = recording;
	c->count = c->kept = c->taken = 0;
	c->to_t = c->taken_t = UNKNOWN;
	c->covered = c->pending = 0;
	c->seen_seq = recording;
}

void checkpoint_free(struct checkpoint *c)
{
	free(c->rows);
	*c = (struct checkpoint){.recording = UNKNOWN};
}

void checkpoint_add(struct checkpoint *c, int64_t key, const unsigned char hash[CHAIN_HASH])
{
	struct checkpoint_row *row;

	mem_grow(&c->rows, &c->cap, c->count + 1, sizeof *c->rows);
	row = &c->rows[c->count++];
	row->key = key;
	memcpy(row->hash, hash, CHAIN_HASH);
}

bool checkpoint_due(const struct checkpoint *c)
{
	int64_t first = INT64_MAX, last = INT64_MIN;

	for (size_t i = 0; i < c->kept; i++) {
		const int64_t t = CHECKPOINT_T(c->rows[i].key);

		first = t < first ? t : first;
		last = t > last ? t : last;
	}
	return c->kept > 0 &&
		last - first >= (c->kept >= ROWS_MAX ? SLACK_T + 1 : EVERY_T + SLACK_T);
}

int64_t checkpoint_total(const struct checkpoint *c)
{
	return c->covered + (int64_t)c->kept;
}

void checkpoint_committed(struct checkpoint *c)
{
	if (c->taken > 0) {
		c->count -= c->taken;
		memmove(c->rows, c->rows + c->taken, c->count * sizeof *c->rows);
		c->covered += (int64_t)c->taken;
		c->to_t = c->taken_t;
		c->taken = 0;
	}
	c->covered += c->pending;
	c->pending = 0;
	c->kept = c->count;
}

void checkpoint_undo(struct checkpoint *c)
{
	c->count = c->kept;
	c->taken = 0;
	c->pending = 0;
}

/* Rows, sorted, as the detail of an event that covers them up to `to_t`; those up to `late_t` are
 * named, UNKNOWN none. */
static void write_detail(
	struct text *out, const struct checkpoint_row *rows, size_t n, int64_t late_t, int64_t to_t)
{
	unsigned char sum[CHAIN_HASH] = {0};
	char hex[2 * CHAIN_HASH + 1];
	struct text blocks = {0};

	for (size_t i = 0; i < n; i++) {
		checkpoint_fold(sum, rows[i].hash);
		if ((i + 1) % CHECKPOINT_BLOCK == 0 || i + 1 == n) {
			chain_hex(hex, sum, CHECKPOINT_MARK);
			text_add(&blocks, hex);
		}
	}
	chain_hex(hex, sum, sizeof sum);
	text_add(out, "{");
	text_json_str(out, "blocks", text_str(&blocks));
	text_json_int(out, "columns", SAMPLES_COLUMNS);
	text_json_str(out, "hash", hex);
	text_json_key(out, "late");
	text_add(out, "[");
	for (size_t i = 0; i < n && late_t != UNKNOWN && CHECKPOINT_T(rows[i].key) <= late_t; i++)
		text_addf(out, "%s[%lld,%lld]", i > 0 ? "," : "", (long long)CHECKPOINT_T(rows[i].key),
			(long long)(rows[i].key & SAMPLES_SERIES_MASK));
	text_add(out, "]");
	text_json_int(out, "rows", (int64_t)n);
	text_json_int(out, "to", to_t);
	text_add(out, "}");
	text_free(&blocks);
}

static enum schema_result add_event(const struct checkpoint *c, struct journal *j,
	int64_t at_ms, size_t n, struct text *detail, struct err *err)
{
	struct journal_event e = {.at_ms = at_ms, .recording = c->recording, .tick = UNKNOWN};
	enum schema_result result;

	text_copy(e.kind, sizeof e.kind, "checkpoint");
	snprintf(e.text, sizeof e.text, "%zu samples", n);
	e.detail = text_take(detail);
	result = journal_event(j, &e, err);
	free(e.detail);
	return result;
}

/* ---- rows that are gone ---- */

static enum schema_result check(struct journal *j, int code, struct err *err)
{
	return schema_result(err, j->db, code, "writing the history", j->path);
}

/* Whether a statement gives a row for a number. */
static enum schema_result has_row(
	struct journal *j, sqlite3_stmt *s, int64_t number, bool *out, struct err *err)
{
	int code;

	sqlite3_bind_int64(s, 1, number);
	code = sqlite3_step(s);
	*out = code == SQLITE_ROW;
	const enum schema_result r = check(j, code, err);

	sqlite3_reset(s);
	return r;
}

/* Whether somebody has thinned since it was looked last. */
static enum schema_result has_thinned(
	const struct checkpoint *c, struct journal *j, bool *out, struct err *err)
{
	sqlite3_stmt *s = NULL;
	enum schema_result r = check(j,
		sqlite3_prepare_v2(j->db,
			"SELECT 1 FROM event NOT INDEXED WHERE seq > ?1 AND kind = 'thinning' LIMIT 1", -1,
			&s, NULL),
		err);

	if (r == SCHEMA_OK)
		r = has_row(j, s, c->seen_seq, out, err);
	sqlite3_finalize(s);
	return r;
}

/* Lets go of the rows that wait and are not in the file any more. */
static enum schema_result drop_gone(struct checkpoint *c, struct journal *j, struct err *err)
{
	sqlite3_stmt *s = NULL;
	bool there = false;
	size_t left = 0;
	enum schema_result r = has_thinned(c, j, &there, err);

	if (r == SCHEMA_OK && there)
		r = check(j,
			sqlite3_prepare_v2(j->db, "SELECT 1 FROM sample WHERE key = ?1", -1, &s, NULL),
			err);
	for (size_t i = 0; i < c->kept && s != NULL; i++) {
		if (r == SCHEMA_OK)
			r = has_row(j, s, c->rows[i].key, &there, err);
		if (r != SCHEMA_OK || there)
			c->rows[left++] = c->rows[i];
	}
	if (s != NULL) {
		c->covered += (int64_t)(c->kept - left);
		c->kept = c->count = left;
	}
	if (r == SCHEMA_OK)
		c->seen_seq = j->begun_seq;
	sqlite3_finalize(s);
	return r;
}

enum schema_result checkpoint_write(
	struct checkpoint *c, struct journal *j, int64_t at_ms, bool all, struct err *err)
{
	struct text detail = {0};
	enum schema_result result;
	size_t n;

	assert(c->count == c->kept);
	if (c->kept == 0 || c->taken > 0)
		return SCHEMA_OK;
	result = drop_gone(c, j, err);
	n = c->kept;
	if (result != SCHEMA_OK || n == 0)
		return result;
	sort(c->rows, n);
	/* late ones alone end where the last checkpoint ended */
	c->taken_t = CHECKPOINT_T(c->rows[n - 1].key) - (all ? 0 : SLACK_T);
	if (c->to_t != UNKNOWN && c->taken_t < c->to_t)
		c->taken_t = c->to_t;
	while (n > 0 && CHECKPOINT_T(c->rows[n - 1].key) > c->taken_t)
		n--;
	if (n == 0)
		return SCHEMA_OK;
	write_detail(&detail, c->rows, n, c->to_t, c->taken_t);
	result = add_event(c, j, at_ms, n, &detail, err);
	if (result == SCHEMA_OK)
		c->taken = n;
	return result;
}

/* Moves this transaction's rows up to `to_t` out of those that wait. The caller frees them. */
static struct checkpoint_row *take_late(struct checkpoint *c, int64_t to_t, size_t *n)
{
	struct checkpoint_row *late = NULL;
	size_t cap = 0, left = c->kept;

	*n = 0;
	for (size_t i = c->kept; i < c->count; i++) {
		if (CHECKPOINT_T(c->rows[i].key) > to_t) {
			c->rows[left++] = c->rows[i];
			continue;
		}
		mem_grow(&late, &cap, *n + 1, sizeof *late);
		late[(*n)++] = c->rows[i];
	}
	c->count = left;
	return late;
}

enum schema_result checkpoint_late(
	struct checkpoint *c, struct journal *j, int64_t at_ms, struct err *err)
{
	const int64_t to_t = c->taken > 0 ? c->taken_t : c->to_t;
	struct text detail = {0};
	struct checkpoint_row *late;
	enum schema_result result = SCHEMA_OK;
	size_t n;

	if (to_t == UNKNOWN)
		return SCHEMA_OK;
	late = take_late(c, to_t, &n);
	if (n > 0) {
		sort(late, n);
		write_detail(&detail, late, n, to_t, to_t);
		result = add_event(c, j, at_ms, n, &detail, err);
		c->pending += (int64_t)n;
	}
	free(late);
	return result;
}
