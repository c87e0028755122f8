/* Proof, what is said: the events and series of a file as structs. Not whether it is true: proof.c.
 *
 * Invariants:
 * 1. What the events say is signed, and still not trusted to make sense.
 * 2. No index is asked, as one can be emptied without its table. */
#include "history/proof_parts.h"

#include "history/checkpoint.h"
#include "history/schema.h"
#include "model/mem.h"
#include "model/text.h"

#include <sqlite3.h>

int proof_code(struct proof *k, int code, struct err *err)
{
	return schema_result(err, k->db, code, "verifying the history", k->path) == SCHEMA_OK ? 0
																						  : -1;
}

void proof_broken(struct proof *k, const char *table, int64_t seq, const char *why)
{
	k->out->broken_seq = seq;
	text_copy(k->out->table, sizeof k->out->table, table);
	text_copy(k->out->why, sizeof k->out->why, why);
}

/* Runs a statement over its rows; `take` is false when what it says breaks the file. */
static int each_row(struct proof *k, const char *sql,
	bool (*take)(struct proof *k, sqlite3_stmt *s), struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = schema_prepare(&s, k->db, sql, k->path, err);

	if (code == 0) {
		do
			code = sqlite3_step(s);
		while (code == SQLITE_ROW && take(k, s));
		code = proof_code(k, code, err);
	}
	sqlite3_finalize(s);
	return code;
}

static int load_points(struct proof *k, struct err *err)
{
	if (points_read(&k->points, INT64_MAX, false, err) < 0)
		return -1;
	if (k->points.broken_seq != 0)
		proof_broken(k, "event", k->points.broken_seq, k->points.why);
	return 0;
}

static bool take_thinning(struct proof *k, sqlite3_stmt *s)
{
	struct proof_thinning one = {.seq = sqlite3_column_int64(s, 0),
		.minutes = sqlite3_column_int64(s, 1),
		.columns = sqlite3_column_int(s, 3)};

	if (sqlite3_column_type(s, 1) != SQLITE_INTEGER ||
		!chain_unhex(one.hash, sizeof one.hash, (const char *)sqlite3_column_text(s, 2)) ||
		one.columns < 1 || one.columns > POINTS_COLUMNS_MAX) {
		proof_broken(k, "event", one.seq, "it is no thinning that could be checked");
		return false;
	}
	mem_grow(&k->thinnings, &k->thinning_cap, k->thinning_count + 1, sizeof one);
	k->thinnings[k->thinning_count++] = one;
	return true;
}

static bool take_gone(struct proof *k, sqlite3_stmt *s)
{
	const struct proof_gone one = {sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2)};

	if (sqlite3_column_type(s, 1) != SQLITE_INTEGER ||
		sqlite3_column_type(s, 2) != SQLITE_INTEGER || one.rows < 1 ||
		one.rows > INT64_MAX - k->out->thinned) {
		proof_broken(
			k, "event", sqlite3_column_int64(s, 0), "it is no thinning that could be checked");
		return false;
	}
	mem_grow(&k->gone, &k->gone_cap, k->gone_count + 1, sizeof one);
	k->gone[k->gone_count++] = one;
	k->out->thinned += one.rows;
	return true;
}

static bool take_end(struct proof *k, sqlite3_stmt *s)
{
	struct proof_end *e;

	mem_grow(&k->ends, &k->end_cap, k->end_count + 1, sizeof *k->ends);
	e = &k->ends[k->end_count++];
	*e = (struct proof_end){.seq = sqlite3_column_int64(s, 0),
		.recording = sqlite3_column_int64(s, 1),
		.samples =
			sqlite3_column_type(s, 2) == SQLITE_INTEGER ? sqlite3_column_int64(s, 2) : UNKNOWN};
	return true;
}

static bool take_series(struct proof *k, sqlite3_stmt *s)
{
	struct chain_field fields[CHECKPOINT_SERIES];
	struct proof_series *one;

	mem_grow(&k->series, &k->series_cap, k->series_count + 1, sizeof *k->series);
	one = &k->series[k->series_count++];
	*one = (struct proof_series){
		.id = sqlite3_column_int64(s, 0), .recording = sqlite3_column_int64(s, 1)};
	for (int c = 0; c < CHECKPOINT_SERIES; c++)
		fields[c] = chain_field_of(s, c);
	checkpoint_series(one->hash, fields);
	one->placed = sqlite3_column_type(s, CHECKPOINT_SERIES) != SQLITE_NULL;
	return true;
}

#define DETAIL(name) "CASE WHEN json_valid(detail) THEN json_extract(detail, '$." name "') END"

/* Reads what there is to hold the rows against; `out` may be broken by it. */
int proof_load(struct proof *k, struct err *err)
{
	static const struct {
		const char *sql;
		bool (*take)(struct proof *k, sqlite3_stmt *s);
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
