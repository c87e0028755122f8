/* Recheck rows: one reader a node, merged. It compares nothing: recheck.c does.
 *
 * Invariants:
 * 1. Rows are judged in the order of their numbers. Where one is missing nothing behind it is. */
#include "history/recheck_rows.h"

#include "history/column.h"
#include "history/recheck.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct recheck_node {
	struct samples_reader reader;
	struct history_sample row; /* the next one */
	bool has_row;
	int64_t from; /* where the row behind it is looked for */
};

unsigned recheck_flags(const struct judging_mark *m)
{
	const unsigned share = m->share_bp < 0 ? 0 : (unsigned)m->share_bp + 1;

	return (m->settled ? HISTORY_SETTLED : 0) | (m->changed ? HISTORY_CHANGED : 0) |
		(m->sticky ? HISTORY_STICKY : 0) | (m->broken ? HISTORY_BROKEN : 0) |
		(m->afresh ? HISTORY_AFRESH : 0) | share * HISTORY_SHARE |
		(unsigned)(m->number & HISTORY_NUMBER_MOST) * HISTORY_NUMBER;
}

static unsigned number_of(unsigned flags)
{
	return flags / HISTORY_NUMBER & HISTORY_NUMBER_MOST;
}

static struct judging_mark mark_of(unsigned flags)
{
	const unsigned share = flags / HISTORY_SHARE & HISTORY_SHARE_MOST;

	return (struct judging_mark){.settled = flags & HISTORY_SETTLED,
		.changed = flags & HISTORY_CHANGED,
		.sticky = flags & HISTORY_STICKY,
		.broken = flags & HISTORY_BROKEN,
		.afresh = flags & HISTORY_AFRESH,
		.share_bp = share > SHARE_FULL + 1 ? -1 : (int)share - 1};
}

/* ---- opening ---- */

static int add_node(struct recheck_rows *r, sqlite3 *db, const char *path,
	const struct recheck_from *from, const char *node_id, struct err *err)
{
	struct recheck_node *n = &r->nodes[r->count];

	if (samples_reader_open(&n->reader, db, path, from->recording, node_id, err) < 0)
		return -1;
	n->from = from->first;
	r->count++;
	return 0;
}

static int add_nodes(struct recheck_rows *r, sqlite3 *db, const char *path,
	const struct recheck_from *from, struct err *err)
{
	sqlite3_stmt *s;
	int code, added = 0;

	if (schema_prepare(&s, db,
			"SELECT node_id FROM series WHERE recording = ?1 AND pool_id = ?2 AND arm = 'v1'"
			" ORDER BY id",
			path, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, from->recording);
	sqlite3_bind_text(s, 2, from->pool_id, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && added == 0) {
		char node_id[POOL_ID_MAX];

		column_text(s, 0, node_id, sizeof node_id);
		added = r->count < (size_t)from->nodes ? add_node(r, db, path, from, node_id, err)
											   : err_set(err, ERR_DAMAGED,
													 "\"%s\" has rows of more nodes than pool"
													 " \"%s\" had",
													 path, from->pool_id);
	}
	if (added == 0 && schema_result(err, db, code, "reading the history", path) != SCHEMA_OK)
		added = -1;
	sqlite3_finalize(s);
	return added;
}

int recheck_rows_open(struct recheck_rows *r, sqlite3 *db, const char *path,
	const struct recheck_from *from, struct err *err)
{
	*r = (struct recheck_rows){.last = UNKNOWN};
	r->nodes = mem_new((size_t)from->nodes, sizeof *r->nodes);
	judging_init(&r->judging, &from->policy, from->nodes);
	return add_nodes(r, db, path, from, err);
}

void recheck_rows_close(struct recheck_rows *r)
{
	if (r->nodes == NULL)
		return;
	for (size_t k = 0; k < r->count; k++)
		samples_reader_close(&r->nodes[k].reader);
	free(r->nodes);
	judging_release(&r->judging);
	*r = (struct recheck_rows){0};
}

/* ---- in order ---- */

static int load(struct recheck_node *n, int64_t last, struct err *err)
{
	int found;

	if (n->has_row || n->from > last)
		return 0;
	/* a minute is none of the rows that were judged */
	for (int64_t from = n->from;; from = n->row.tick + 1) {
		found = samples_read(&n->reader, from, last, &n->row, err);
		if (found <= 0 || !n->row.minute)
			break;
	}
	n->has_row = found > 0;
	n->from = found > 0 ? n->row.tick + 1 : last + 1;
	return found < 0 ? -1 : 0;
}

/* The node whose row it is, -1 none's. */
static int choose(const struct recheck_rows *r, int64_t last)
{
	const unsigned number = (unsigned)(r->taken & HISTORY_NUMBER_MOST);

	for (int k = 0; k < (int)r->count; k++) {
		const struct recheck_node *n = &r->nodes[k];

		if (n->has_row && n->row.tick <= last && number_of(n->row.flags) == number)
			return k;
	}
	return -1;
}

int recheck_rows_next(struct recheck_rows *r, int64_t last, struct err *err)
{
	for (size_t k = 0; k < r->count; k++)
		if (load(&r->nodes[k], last, err) < 0)
			return -1;
	const int next = choose(r, last);
	if (next < 0)
		return 0;
	struct recheck_node *n = &r->nodes[next];
	const struct judging_mark mark = mark_of(n->row.flags);
	struct judging_part part = {.sample = &n->row.sample};

	for (int arm = 0; arm < ARM_COUNT; arm++) {
		part.latency[arm] = n->row.latency[arm];
		part.session_latency[arm] = n->row.session_latency[arm];
	}
	judging_retake(&r->judging, next, &part, &mark);
	n->has_row = false;
	r->taken++;
	r->last = n->row.tick > r->last ? n->row.tick : r->last;
	return 1;
}

int recheck_rows_go_on(struct recheck_rows *r, int64_t last, struct err *err)
{
	for (size_t k = 0; k < r->count; k++) {
		int64_t tick;

		if (samples_last_tick(&r->nodes[k].reader, &tick, err) < 0)
			return -1;
		if (tick > last)
			return 1;
	}
	return 0;
}

int recheck_rows_thinned(
	const struct recheck_rows *r, int64_t first, int64_t last, struct err *err)
{
	sqlite3_stmt *s;
	int found = 0;

	for (size_t k = 0; k < r->count && found == 0; k++) {
		const struct samples_reader *n = &r->nodes[k].reader;

		if (!schema_has_table(n->db, "rollup"))
			return 0;
		if (schema_prepare(&s, n->db,
				"SELECT 1 FROM rollup WHERE key BETWEEN (?1 - 600) << 28 AND (?2 + 1) << 28"
				" AND key & 268435455 = ?3 LIMIT 1",
				n->path, err) < 0)
			return -1;
		sqlite3_bind_int64(s, 1, samples_t(n->started_ms, n->interval_ms, first));
		sqlite3_bind_int64(s, 2, samples_t(n->started_ms, n->interval_ms, last));
		sqlite3_bind_int64(s, 3, n->series[ARM_V1]);
		found = sqlite3_step(s) == SQLITE_ROW;
		sqlite3_finalize(s);
	}
	return found;
}
