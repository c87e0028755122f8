/* Proof, near some moments: of a file that is too large for all of it, the checkpoints that matter
 * most, and no minutes. A checkpoint is read whole or not at all; what was not read is counted. */
#include "history/proof_parts.h"

#include "history/checkpoint.h"
#include "history/samples.h"
#include "history/schema.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>

/* The rows of a checkpoint that are still samples. */
static int64_t left_of(const struct points_point *p)
{
	return p->rows < p->thinned ? 0 : p->rows - p->thinned;
}

/* The first key at a time, the last one for times that no key has. */
static int64_t key_at(int64_t t)
{
	return t < 0 ? 0 : t < CHECKPOINT_T(INT64_MAX) ? t << SAMPLES_SERIES_BITS : INT64_MAX;
}

bool proof_is_small(const struct proof *k, const struct chain_scope *scope)
{
	int64_t rows = 0;

	for (size_t i = 0; i < k->points.count && rows != UNKNOWN; i++)
		rows = samples_add(rows, left_of(&k->points.of[i]));
	for (size_t i = 0; i < k->thinning_count && rows != UNKNOWN; i++)
		rows = samples_add(rows, k->thinnings[i].minutes);
	return rows != UNKNOWN && rows <= scope->rows_max;
}

/* The first key that a checkpoint may have, but for rows that it names. */
static int first_key(struct proof *k, size_t at, int64_t *key, struct err *err)
{
	const struct points_point *p = &k->points.of[at];
	sqlite3_stmt *s = NULL;
	int code;

	if (at > 0 && p[-1].recording == p->recording) {
		*key = key_at(p[-1].to < INT64_MAX ? p[-1].to + 1 : p[-1].to);
		return 0;
	}
	code = schema_prepare(
		&s, k->db, "SELECT started_ms / 100 FROM recording WHERE seq = ?1", k->path, err);
	if (code == 0) {
		sqlite3_bind_int64(s, 1, p->recording);
		code = proof_code(k, sqlite3_step(s), err);
		*key = key_at(sqlite3_column_int64(s, 0));
	}
	sqlite3_finalize(s);
	return code;
}

/* Reads the rows of one checkpoint in their order, which is that of their keys: the late ones that
 * it names stand before the others. */
static int read_point(struct proof *k, size_t at, struct err *err)
{
	struct points_point *p = &k->points.of[at];
	int64_t first = 0;
	int code = first_key(k, at, &first, err);

	k->only = (ptrdiff_t)at;
	for (size_t i = 0; i < k->points.late_count && code == 0; i++) {
		const struct points_late *l = &k->points.late[i];

		if (l->recording == p->recording && l->seq == p->seq && l->key < first)
			code = proof_count(k, proof_count_sample, l->key, l->key, 0, NULL, NULL, err);
	}
	if (code == 0)
		code = proof_count(k, proof_count_sample, first, key_at(p->to) | SAMPLES_SERIES_MASK, 0,
			NULL, NULL, err);
	k->only = POINTS_NONE;
	k->out->checkpoints_read++;
	if (code == 0 && k->out->broken_seq == 0 && !proof_fits(p))
		code = proof_name(k, p, err);
	return code;
}

/* The checkpoints over one moment: one a recording. */
static int read_moment(struct proof *k, const struct chain_scope *scope, int64_t moment_ms,
	bool *read, struct err *err)
{
	const int64_t key = key_at(moment_ms / 100);
	int code = 0;

	for (size_t i = 0; i < k->points.count && code == 0 && k->out->broken_seq == 0; i++) {
		const struct points_point *p = &k->points.of[i];
		int64_t first = 0;

		if (read[i] || points_of(&k->points, p->recording, key) != (ptrdiff_t)i)
			continue;
		code = first_key(k, i, &first, err);
		if (code < 0 || first > key ||
			(k->out->samples > 0 && left_of(p) > scope->rows_max - k->out->samples))
			continue;
		read[i] = true;
		code = read_point(k, i, err);
	}
	return code;
}

int proof_near(struct proof *k, const struct chain_scope *scope, struct err *err)
{
	bool *read = mem_new(k->points.count, sizeof *read);
	int64_t left = 0;
	int code = 0;

	for (size_t m = 0; m < scope->moment_count && code == 0 && k->out->broken_seq == 0; m++)
		code = read_moment(k, scope, scope->moments_ms[m], read, err);
	for (size_t i = 0; i < k->points.count; i++)
		if (!read[i])
			left = samples_add(left, left_of(&k->points.of[i]));
	for (size_t i = 0; i < k->thinning_count; i++)
		left = samples_add(left, k->thinnings[i].minutes);
	/* Events that count without sense hide nothing. */
	k->out->samples_left = left != UNKNOWN ? left : INT64_MAX;
	free(read);
	return code;
}
