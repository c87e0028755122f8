/* Query, continued: events, recordings and their samples, pools and their nodes. Texts are cleaned
 * here, too. */
#include "history/column.h"
#include "history/query_parts.h"
#include "history/samples.h"
#include "history/samples_parts.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>

/* ---- events, recordings, pools ---- */

int query_events(struct query *q, const char *pool, const char *kind, int64_t since_ms,
	int64_t until_ms, bool (*each)(void *ctx, const struct query_event *e), void *ctx,
	struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (query_prepare(q,
			"SELECT seq, at_ms, pool, kind, text, detail FROM event"
			" WHERE (?1 IS NULL OR pool = ?1) AND (?2 IS NULL OR kind = ?2)"
			" AND (?3 IS NULL OR at_ms >= ?3) AND (?4 IS NULL OR at_ms < ?4) ORDER BY seq",
			&s, err) < 0)
		return -1;
	query_bind_text(s, 1, pool);
	query_bind_text(s, 2, kind);
	query_bind_bound(s, 3, since_ms);
	query_bind_bound(s, 4, until_ms);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct query_event e = {.seq = column_number(s, 0), .at_ms = column_number(s, 1)};

		TAKE(s, 2, e.pool);
		TAKE(s, 3, e.kind);
		TAKE(s, 4, e.text);
		e.detail = (const char *)sqlite3_column_text(s, 5);
		if (!each(ctx, &e))
			break;
	}
	return query_finish(q, s, code, err);
}

/* The last tick that any node has in a recording that has not ended, UNKNOWN when none has one. */
static int last_tick(struct query *q, int64_t recording, int64_t *tick, struct err *err)
{
	char(*ids)[POOL_ID_MAX] = mem_new(HISTORY_NODES_MAX, sizeof *ids);
	size_t count = 0;
	int code = query_nodes(q, recording, NULL, ids, HISTORY_NODES_MAX, &count, err);

	*tick = UNKNOWN;
	for (size_t i = 0; i < count && code == 0; i++) {
		struct samples_reader r;
		int64_t last = UNKNOWN;

		code = samples_reader_open(&r, q->db, q->path, recording, ids[i], err);
		if (code < 0)
			break;
		code = samples_last_tick(&r, &last, err);
		samples_reader_close(&r);
		if (last != UNKNOWN && (*tick == UNKNOWN || last > *tick))
			*tick = last;
	}
	free(ids);
	return code;
}

/* Where it ended the last checkpoint tells it, without a look at the samples. */
static int find_ticks(struct query *q, struct query_recording *r, int64_t to_t, struct err *err)
{
	const bool sane = r->started_ms >= 0 && r->started_ms <= SAMPLES_WALL_MAX_MS &&
		r->interval_ms >= 100 && r->interval_ms <= SAMPLES_WALL_MAX_MS && to_t >= 0 &&
		to_t <= SAMPLES_WALL_MAX_MS / 100;
	int code = 0;

	if (r->ended_ms != UNKNOWN && sane)
		r->last_tick = samples_tick(r->started_ms, r->interval_ms, to_t);
	else
		code = last_tick(q, r->id, &r->last_tick, err);
	r->first_tick = r->last_tick == UNKNOWN ? UNKNOWN : 0;
	return code;
}

int query_recordings(struct query *q, bool (*each)(void *ctx, const struct query_recording *r),
	void *ctx, struct err *err)
{
	sqlite3_stmt *s;
	int code, failed = 0;

	if (query_prepare(q,
			"WITH ended AS MATERIALIZED (SELECT recording, max(at_ms) AS at_ms FROM event"
			" WHERE kind = 'end' GROUP BY recording), covered AS MATERIALIZED (SELECT recording,"
			" max(seq) AS seq FROM event WHERE kind = 'checkpoint' GROUP BY recording)"
			" SELECT r.seq, r.started_ms, r.interval_ms, r.operator, r.host, r.version, ended.at_ms,"
			" CASE WHEN json_valid(e.detail) THEN json_extract(e.detail, '$.to') END"
			" FROM recording AS r LEFT JOIN ended ON ended.recording = r.seq"
			" LEFT JOIN covered ON covered.recording = r.seq"
			" LEFT JOIN event AS e ON e.seq = covered.seq ORDER BY r.seq",
			&s, err) < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW && failed == 0) {
		struct query_recording r = {.id = column_number(s, 0),
			.started_ms = column_number(s, 1),
			.interval_ms = column_number(s, 2),
			.ended_ms = column_number(s, 6)};

		TAKE(s, 3, r.operator_name);
		TAKE(s, 4, r.host);
		TAKE(s, 5, r.version);
		failed = find_ticks(q, &r,
			sqlite3_column_type(s, 7) == SQLITE_INTEGER ? column_number(s, 7) : UNKNOWN, err);
		if (failed == 0 && !each(ctx, &r))
			break;
	}
	return query_finish(q, s, code, err) < 0 ? -1 : failed;
}

static void add_column(struct text *out, sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	if (text != NULL)
		text_add_n(out, text, (size_t)sqlite3_column_bytes(s, column));
}

int query_terms(struct query *q, int64_t recording, struct text *terms, struct text *config,
	struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (query_prepare(q, "SELECT policy, config FROM recording WHERE seq = ?1", &s, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, recording);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		add_column(terms, s, 0);
		add_column(config, s, 1);
	}
	return query_finish(q, s, code, err);
}

int query_pools(struct query *q, bool (*each)(void *ctx, const struct query_pool *p), void *ctx,
	struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (query_prepare(q,
			"SELECT pool, pool_id, first_seen_ms, last_seen_ms FROM pool ORDER BY pool", &s,
			err) < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct query_pool p = {
			.first_seen_ms = column_number(s, 2), .last_seen_ms = column_number(s, 3)};

		TAKE(s, 0, p.pool);
		TAKE(s, 1, p.pool_id);
		if (!each(ctx, &p))
			break;
	}
	return query_finish(q, s, code, err);
}

int query_pins(struct query *q, const char *pool, struct history_answer *out, struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (query_prepare(q, "SELECT pool_id FROM pool WHERE pool = ?1", &s, err) < 0)
		return -1;
	query_bind_text(s, 1, pool);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		TAKE(s, 0, out->pool_id);
	if (query_finish(q, s, code, err) < 0 ||
		query_prepare(q,
			"SELECT node_id, target, audit_seq FROM node WHERE pool = ?1"
			" ORDER BY first_seen_ms, target",
			&s, err) < 0)
		return -1;
	query_bind_text(s, 1, pool);
	out->node_count = 0;
	while ((code = sqlite3_step(s)) == SQLITE_ROW && out->node_count < HISTORY_NODES_MAX) {
		TAKE(s, 0, out->nodes[out->node_count].node_id);
		TAKE(s, 1, out->nodes[out->node_count].target);
		out->nodes[out->node_count++].audit_seq = sqlite3_column_int64(s, 2);
	}
	return query_finish(q, s, code, err);
}

/* ---- samples ---- */

int query_nodes(struct query *q, int64_t recording, const char *pool_id,
	char (*ids)[POOL_ID_MAX], size_t max, size_t *count, struct err *err)
{
	sqlite3_stmt *s;
	int code;

	*count = 0;
	if (query_prepare(q,
			"SELECT node_id FROM series WHERE recording = ?1 AND arm = 'v1'"
			" AND (?2 IS NULL OR pool_id = ?2) ORDER BY id",
			&s, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, recording);
	sqlite3_bind_text(s, 2, pool_id, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && *count < max)
		column_text(s, 0, ids[(*count)++], POOL_ID_MAX);
	return query_finish(q, s, code, err);
}

#define HOLD_TICKS \
	1024 /* read under one lock: a writer's file does not grow behind a slow reader */

/* Takes and gives back the lock of the file that each row would take by itself; who holds a
 * snapshot of his own keeps it. What fails here fails where rows are read. */
static void hold(struct query *q, bool *held)
{
	if (!*held && sqlite3_get_autocommit(q->db) != 0)
		*held = sqlite3_exec(q->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK;
}

static void let_go(struct query *q, bool *held)
{
	if (*held)
		sqlite3_exec(q->db, "COMMIT", NULL, NULL, NULL);
	*held = false;
}

int query_samples(struct query *q, int64_t recording, const char *node_id, int64_t since_ms,
	int64_t until_ms, bool (*each)(void *ctx, const struct history_sample *s), void *ctx,
	struct err *err)
{
	struct samples_reader r;
	struct history_sample s;
	int64_t tick, last, read = 0;
	bool held = false;
	int code;

	if (samples_reader_open(&r, q->db, q->path, recording, node_id, err) < 0)
		return -1;
	code = samples_last_tick(&r, &last, err);
	tick = since_ms <= r.started_ms
		? 0
		: (since_ms - r.started_ms + r.interval_ms - 1) / r.interval_ms;
	if (until_ms <= r.started_ms)
		last = -1;
	else if ((until_ms - r.started_ms - 1) / r.interval_ms < last)
		last = (until_ms - r.started_ms - 1) / r.interval_ms;
	while (code == 0 && tick <= last) {
		if (read++ % HOLD_TICKS == 0)
			let_go(q, &held);
		hold(q, &held);
		const int found = samples_read(&r, tick, last, &s, err);

		if (found < 0)
			code = -1;
		if (found <= 0 || !each(ctx, &s))
			break;
		tick = s.tick + 1;
	}
	let_go(q, &held);
	samples_reader_close(&r);
	return code;
}
