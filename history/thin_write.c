/* Thin, writing: the transaction that puts minutes in the place of their samples, and the event that
 * tells of it. Not which: thin_take.c. */
#include "history/checkpoint.h"
#include "history/thin_parts.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HURRY_EVERY 32 /* rows between two questions */
/* As often as nobody presses keys while one is written: then it is done, or it never would be. */
#define GIVEN_UP_MAX 64

/* ---- the event ---- */

static int by_key(const void *a, const void *b)
{
	const struct minute *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* The seq before which no checkpoint has a sample any more, once this is written. */
static int64_t since(const struct thin *t)
{
	int64_t seq = t->points.read_seq + 1;

	for (size_t i = 0; i < t->points.count; i++) {
		const struct points_point *p = &t->points.of[i];
		int64_t found = p->found;

		for (size_t k = 0; k < t->part_count; k++)
			if (t->parts[k].point == (ptrdiff_t)i)
				found += t->parts[k].rows;
		if (found < p->rows && p->seq < seq)
			seq = p->seq;
	}
	return seq;
}

static void write_checkpoints(struct text *out, const struct thin *t)
{
	char hex[2 * CHAIN_HASH + 1];

	text_json_key(out, "checkpoints");
	text_add(out, "[");
	for (size_t i = 0; i < t->part_count; i++) {
		const struct points_point *p = &t->points.of[t->parts[i].point];

		chain_hex(hex, t->parts[i].sum, CHAIN_HASH);
		text_addf(out, "%s[%lld,%lld,%lld,\"%s\"]", i > 0 ? "," : "", (long long)p->recording,
			(long long)p->seq, (long long)t->parts[i].rows, hex);
	}
	text_add(out, "]");
}

static void write_recordings(struct text *out, const struct thin *t)
{
	bool any = false;

	text_json_key(out, "recordings");
	text_add(out, "[");
	for (size_t i = 0; i < t->recording_count; i++)
		if (t->recordings[i].rows > 0) {
			text_addf(out, "%s[%lld,%lld]", any ? "," : "", (long long)t->recordings[i].id,
				(long long)t->recordings[i].rows);
			any = true;
		}
	text_add(out, "]");
}

static void hash_minutes(const struct thin *t, int64_t event, unsigned char sum[CHAIN_HASH])
{
	unsigned char hash[CHAIN_HASH];

	memset(sum, 0, CHAIN_HASH);
	for (size_t i = 0; i < t->minute_count; i++) {
		minute_hash(hash, &t->minutes[i], event,
			t->series[thin_series_at(t, t->minutes[i].key & SAMPLES_SERIES_MASK)].hash);
		checkpoint_fold(sum, hash);
	}
}

static enum schema_result add_event(struct thin *t, int64_t at_ms, struct err *err)
{
	struct journal_event e = {.at_ms = at_ms, .recording = UNKNOWN, .tick = UNKNOWN};
	unsigned char sum[CHAIN_HASH];
	char hex[2 * CHAIN_HASH + 1];
	struct text detail = {0};
	enum schema_result r;

	hash_minutes(t, t->j->seq + 1, sum);
	chain_hex(hex, sum, CHAIN_HASH);
	text_copy(e.kind, sizeof e.kind, "thinning");
	snprintf(
		e.text, sizeof e.text, "%zu samples became %zu minutes", t->key_count, t->minute_count);
	text_add(&detail, "{");
	write_checkpoints(&detail, t);
	text_json_int(&detail, "columns", MINUTE_INSERT_COLUMNS);
	text_json_int(&detail, "from", CHECKPOINT_T(t->minutes[0].key));
	text_json_str(&detail, "hash", hex);
	text_json_int(&detail, "minutes", (int64_t)t->minute_count);
	write_recordings(&detail, t);
	text_json_int(&detail, "rows", (int64_t)t->key_count);
	text_json_int(&detail, "since", since(t));
	text_json_int(&detail, "to", CHECKPOINT_T(t->minutes[t->minute_count - 1].key) + MINUTE_T);
	text_add(&detail, "}");
	e.detail = text_take(&detail);
	r = journal_event(t->j, &e, err);
	free(e.detail);
	return r;
}

/* ---- the transaction ---- */

/* What stops a transaction that no error stops. */
enum stop { STOP_NO, STOP_HURRY, STOP_GONE };

/* Asked for every row; asks somebody else every now and then. */
static bool gives_up(struct thin *t, size_t row, const struct thin_pause *p)
{
	if (row % HURRY_EVERY != 0 || t->given_up >= GIVEN_UP_MAX || !p->hurry(p->ctx))
		return false;
	t->given_up++;
	return true;
}

static enum schema_result add_minutes(
	struct thin *t, int64_t event, const struct thin_pause *p, enum stop *stop, struct err *err)
{
	sqlite3_stmt *s = t->statement[THIN_ADD_MINUTE];
	enum schema_result r = SCHEMA_OK;

	for (size_t i = 0; i < t->minute_count && r == SCHEMA_OK && *stop == STOP_NO; i++) {
		minute_bind(s, &t->minutes[i], event);
		r = thin_result(t, sqlite3_step(s), err);
		sqlite3_reset(s);
		if (gives_up(t, i, p))
			*stop = STOP_HURRY;
	}
	sqlite3_clear_bindings(s);
	return r;
}

static enum schema_result drop_rows(
	struct thin *t, const struct thin_pause *p, enum stop *stop, struct err *err)
{
	sqlite3_stmt *s = t->statement[THIN_DROP_ROW];
	enum schema_result r = SCHEMA_OK;

	for (size_t i = 0; i < t->key_count && r == SCHEMA_OK && *stop == STOP_NO; i++) {
		sqlite3_bind_int64(s, 1, t->keys[i]);
		r = thin_result(t, sqlite3_step(s), err);
		sqlite3_reset(s);
		if (r == SCHEMA_OK && sqlite3_changes(t->j->db) != 1)
			*stop = STOP_GONE;
		else if (gives_up(t, i, p))
			*stop = STOP_HURRY;
	}
	return r;
}

/* Whether another process has thinned since the events were read, or covered rows that had no
 * checkpoint then. */
static enum schema_result is_stale(struct thin *t, enum stop *stop, struct err *err)
{
	char sql[160];
	int64_t there = 0;

	snprintf(sql, sizeof sql,
		"SELECT 1 FROM event NOT INDEXED WHERE seq > %lld"
		" AND kind IN ('thinning', 'checkpoint') LIMIT 1",
		(long long)t->points.read_seq);
	const enum schema_result r = thin_number(t, sql, 0, &there, err);

	if (r == SCHEMA_OK && there != 0)
		*stop = STOP_GONE;
	return r;
}

/* One transaction. */
static enum schema_result replace(struct thin *t, const struct thin_now *now,
	const struct thin_pause *p, enum stop *stop, struct err *err)
{
	enum schema_result r = journal_begin(t->j, err);
	int64_t event;

	if (r != SCHEMA_OK)
		return r;
	event = t->j->seq + 1;
	r = is_stale(t, stop, err);
	if (r == SCHEMA_OK && *stop == STOP_NO)
		r = add_event(t, now->newest_ms, err);
	if (r == SCHEMA_OK && *stop == STOP_NO)
		r = add_minutes(t, event, p, stop, err);
	if (r == SCHEMA_OK && *stop == STOP_NO)
		r = drop_rows(t, p, stop, err);
	if (r == SCHEMA_OK && *stop == STOP_NO)
		return journal_commit(t->j, err);
	journal_rollback(t->j);
	return r;
}

/* The next transaction's rows are behind those of this one. */
static enum schema_result go_on(struct thin *t, struct err *err)
{
	const enum schema_result r = t->by_cap ? thin_look_at_size(t, err) : SCHEMA_OK;
	const int64_t enough = t->how.cap_bytes - t->how.cap_bytes / 16;

	if (t->last || (t->by_cap && t->used <= enough)) {
		thin_end_pass(t);
		return r;
	}
	thin_forget(t);
	t->begin_key = t->last_key;
	t->phase = THIN_POINTS; /* its own event is read like any other */
	return r;
}

/* Makes the minutes ready to be written; false where somebody is in a hurry. */
static bool finish_minutes(struct thin *t, const struct thin_pause *p)
{
	while (t->minutes_done < t->minute_count) {
		minute_end(&t->minutes[t->minutes_done++]);
		if (gives_up(t, t->minutes_done, p))
			return false;
	}
	qsort(t->minutes, t->minute_count, sizeof *t->minutes, by_key);
	return true;
}

enum schema_result thin_write_slice(
	struct thin *t, const struct thin_now *now, const struct thin_pause *p, struct err *err)
{
	enum stop stop = STOP_NO;
	enum schema_result r;

	if (t->key_count == 0) {
		thin_end_pass(t);
		return SCHEMA_OK;
	}
	if (!finish_minutes(t, p))
		return SCHEMA_OK;
	r = replace(t, now, p, &stop, err);
	if (r == SCHEMA_OK && stop == STOP_GONE) {
		thin_read_anew(t);
		t->phase = THIN_POINTS;
	}
	if (r == SCHEMA_OK && stop == STOP_NO) {
		t->rows_ever += (int64_t)t->key_count;
		return go_on(t, err);
	}
	if (r != SCHEMA_REFUSED)
		return r;
	/* whatever it is about them that the file does not take: they stay */
	for (size_t i = 0; i < t->recording_count; i++)
		if (t->recordings[i].rows > 0)
			t->recordings[i].block = THIN_STAYS;
	thin_read_anew(t);
	t->phase = THIN_READ;
	return SCHEMA_OK;
}
