/* Proof, which row: the rows of a checkpoint that does not fit, read once more and held against its
 * marks. */
#include "history/proof_parts.h"

#include "history/checkpoint.h"
#include "history/samples.h"
#include "history/schema.h"
#include "model/mem.h"
#include "model/text.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARK_HEX = 2 * CHECKPOINT_MARK };

/* Reads the rows of a checkpoint again, in their order. The caller frees them. */
static int rows_of(
	struct proof *k, size_t at, struct checkpoint_row **rows, size_t *count, struct err *err)
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
		const struct proof_series *series = proof_series(k, key);

		if (series == NULL || series->recording != p->recording ||
			points_of(&k->points, p->recording, key) != (ptrdiff_t)at)
			continue;
		mem_grow(rows, &cap, *count + 1, sizeof **rows);
		(*rows)[*count].key = key;
		proof_hash_row(k, series, p->columns, (*rows)[*count].hash);
		++*count;
	}
	code = proof_code(k, code, err);
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
	struct proof *k, const struct points_point *p, const char *marks, struct err *err)
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

int proof_name(struct proof *k, const struct points_point *p, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = schema_prepare(&s, k->db,
		"SELECT json_extract(detail, '$.blocks') FROM event WHERE seq = ?1", k->path, err);

	if (code == 0) {
		const char *marks;

		sqlite3_bind_int64(s, 1, p->seq);
		code = proof_code(k, sqlite3_step(s), err);
		marks = (const char *)sqlite3_column_text(s, 0);
		proof_broken(k, "sample", p->seq, "");
		if (code == 0)
			code = name_rows(k, p, marks != NULL ? marks : "", err);
	}
	sqlite3_finalize(s);
	return code;
}
