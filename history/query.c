/* Query: what a history file holds, as structs. Texts are cleaned here: a file may come from
 * anybody. Not a cache, not a thread. */
#include "history/query.h"

#include "history/column.h"
#include "history/samples.h"
#include "history/schema.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct query {
	sqlite3 *db;
	bool owns;
	char *path;
};

static struct query *new_query(sqlite3 *db, bool owns, const char *path)
{
	struct query *q = mem_new(1, sizeof *q);

	*q = (struct query){.db = db, .owns = owns, .path = mem_copy(path)};
	return q;
}

int query_open(struct query **out, const char *path, struct err *err)
{
	sqlite3 *db;

	*out = NULL;
	if (schema_open_readonly(&db, path, err) < 0)
		return -1;
	*out = new_query(db, true, path);
	return 0;
}

struct query *query_over(sqlite3 *db, const char *path)
{
	return new_query(db, false, path);
}

void query_close(struct query *q)
{
	if (q == NULL)
		return;
	if (q->owns)
		sqlite3_close(q->db);
	free(q->path);
	free(q);
}

/* ---- columns ---- */

#define TAKE(s, column, field) column_text(s, column, field, sizeof(field))

static int prepare(struct query *q, const char *sql, sqlite3_stmt **out, struct err *err)
{
	*out = NULL;
	return schema_prepare(out, q->db, sql, q->path, err);
}

/* Ends a statement that was stepped to `code`. */
static int finish(struct query *q, sqlite3_stmt *s, int code, struct err *err)
{
	const int result =
		schema_result(err, q->db, code, "reading the history", q->path) == SCHEMA_OK ? 0 : -1;

	sqlite3_finalize(s);
	return result;
}

static void bind_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC); /* NULL: null */
}

/* 0 means any. */
static void bind_bound(sqlite3_stmt *s, int at, int64_t n)
{
	if (n != 0)
		sqlite3_bind_int64(s, at, n);
}

/* ---- decisions ---- */

#define OUTCOME_COLUMNS "decision, row, node, kind, at_ms, latency_ms, answer"

/* Takes an outcome row; false for one whose words are not ours. */
static bool take_outcome(sqlite3_stmt *s, struct outcome_row *row)
{
	static const char *const words[] = {[OUTCOME_ROW_NODE] = "node",
		[OUTCOME_ROW_FINAL] = "final",
		[OUTCOME_ROW_VERIFIED] = "verified"};
	char word[24];

	*row =
		(struct outcome_row){.at_ms = column_number(s, 4), .latency_ms = column_number(s, 5)};
	TAKE(s, 0, row->decision);
	TAKE(s, 2, row->node);
	TAKE(s, 6, row->answer);
	TAKE(s, 3, word);
	row->kind = outcome_of(word);
	TAKE(s, 1, word);
	for (int i = OUTCOME_ROW_NODE; i <= OUTCOME_ROW_VERIFIED; i++)
		if (strcmp(words[i], word) == 0) {
			row->row = (enum outcome_row_kind)i;
			return row->kind != OUTCOME_COUNT;
		}
	return false;
}

static void take_decision(sqlite3_stmt *s, struct decision *d)
{
	char verb[24];

	*d = (struct decision){.seq = column_number(s, 0),
		.at_ms = column_number(s, 4),
		.from_bp = column_share(s, 8),
		.to_bp = column_share(s, 9),
		.epoch = column_number(s, 11),
		.rev = column_number(s, 12),
		.observed = sqlite3_column_int(s, 13) != 0,
		.late = sqlite3_column_int(s, 14) != 0,
		.outcome = OUTCOME_PENDING,
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.closed_ms = UNKNOWN,
		.latency_ms = UNKNOWN};
	TAKE(s, 1, d->id);
	TAKE(s, 2, d->pool);
	TAKE(s, 3, d->pool_id);
	TAKE(s, 5, d->actor);
	TAKE(s, 6, d->role);
	TAKE(s, 7, verb);
	TAKE(s, 10, d->reason);
	TAKE(s, 15, d->evidence);
	TAKE(s, 16, d->hash);
	d->verb = verb_of(verb);
}

#define DECISION_COLUMNS \
	"seq, id, pool, pool_id, at_ms, actor, role, verb, from_bp, to_bp, reason, epoch, rev," \
	" observed, late, CASE WHEN json_valid(evidence) THEN evidence ELSE '{}' END, hash"

/* Steps over decisions and, for each, over its outcomes. */
struct cursor {
	struct query *q;
	sqlite3_stmt *outcomes;
	int64_t until_ms;
};

static int apply_outcomes(struct cursor *c, struct decision *d, struct err *err)
{
	struct outcome_row row;
	int code;

	bind_text(c->outcomes, 1, d->id);
	bind_bound(c->outcomes, 2, c->until_ms);
	while ((code = sqlite3_step(c->outcomes)) == SQLITE_ROW)
		if (take_outcome(c->outcomes, &row))
			decision_add_outcome(d, &row);
	sqlite3_reset(c->outcomes);
	sqlite3_clear_bindings(c->outcomes);
	return schema_result(err, c->q->db, code, "reading the history", c->q->path) == SCHEMA_OK
		? 0
		: -1;
}

static int cursor_open(struct cursor *c, struct query *q, int64_t until_ms, struct err *err)
{
	*c = (struct cursor){.q = q, .until_ms = until_ms};
	return prepare(q,
		"SELECT " OUTCOME_COLUMNS " FROM outcome"
		" WHERE decision = ?1 AND (?2 IS NULL OR at_ms < ?2) ORDER BY seq",
		&c->outcomes, err);
}

static void bind_filter(sqlite3_stmt *s, const struct query_filter *f)
{
	bind_text(s, 1, f->pool);
	bind_text(s, 2, f->actor);
	bind_text(s, 3, f->verb > 0 ? verb_row((enum verb)(f->verb - 1))->word : NULL);
	bind_bound(s, 4, f->since_ms);
	bind_bound(s, 5, f->until_ms);
	bind_bound(s, 6, f->after_seq);
	bind_bound(s, 7, f->before_ms);
	bind_bound(s, 8, f->news_seq);
}

#define DECISION_FILTER \
	" FROM decision WHERE (?1 IS NULL OR pool = ?1) AND (?2 IS NULL OR actor = ?2)" \
	" AND (?3 IS NULL OR verb = ?3) AND (?4 IS NULL OR at_ms >= ?4)" \
	" AND (?5 IS NULL OR at_ms < ?5) AND (?7 IS NULL OR at_ms < ?7)" \
	" AND (?6 IS NULL OR seq > ?6) AND (?8 IS NULL OR seq > ?8 OR id IN" \
	" (SELECT decision FROM outcome WHERE seq > ?8 AND row <> 'node')) ORDER BY seq"

static bool matches(const struct query_filter *f, const struct decision *d)
{
	return d->verb != VERB_COUNT &&
		(f->outcome == NULL || strcmp(outcome_name(d->outcome), f->outcome) == 0);
}

/* Finds the seq from which on the last `f->last` matches lie. */
static int find_first(
	struct cursor *c, const struct query_filter *f, int64_t *first, struct err *err)
{
	struct decision d;
	sqlite3_stmt *s;
	size_t left = f->last;
	int code, failed = 0;

	if (prepare(c->q, "SELECT " DECISION_COLUMNS DECISION_FILTER " DESC", &s, err) < 0)
		return -1;
	bind_filter(s, f);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && left > 0 && failed == 0) {
		take_decision(s, &d);
		failed = apply_outcomes(c, &d, err);
		if (!matches(f, &d))
			continue;
		*first = d.seq;
		left--;
	}
	return finish(c->q, s, code, err) < 0 ? -1 : failed;
}

static int each_decision(struct cursor *c, const struct query_filter *f,
	bool (*each)(void *ctx, const struct decision *d), void *ctx, struct err *err)
{
	struct decision d;
	sqlite3_stmt *s;
	int64_t first = 0;
	int code, failed = 0;

	if (f->last > 0 && find_first(c, f, &first, err) < 0)
		return -1;
	if (prepare(c->q, "SELECT " DECISION_COLUMNS DECISION_FILTER, &s, err) < 0)
		return -1;
	bind_filter(s, f);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && failed == 0) {
		take_decision(s, &d);
		if (d.seq < first)
			continue;
		failed = apply_outcomes(c, &d, err);
		if (failed == 0 && matches(f, &d) && !each(ctx, &d))
			break;
	}
	return finish(c->q, s, code, err) < 0 ? -1 : failed;
}

int query_decisions(struct query *q, const struct query_filter *f,
	bool (*each)(void *ctx, const struct decision *d), void *ctx, struct err *err)
{
	struct cursor c;
	int code;

	if (cursor_open(&c, q, f->until_ms, err) < 0)
		return -1;
	code = each_decision(&c, f, each, ctx, err);
	sqlite3_finalize(c.outcomes);
	return code;
}

int query_decision(struct query *q, const char *id, struct decision *out, struct err *err)
{
	struct cursor c = {0};
	sqlite3_stmt *s = NULL;
	int code, found = 0;

	if (cursor_open(&c, q, 0, err) < 0)
		return -1;
	if (prepare(q, "SELECT " DECISION_COLUMNS " FROM decision WHERE id = ?1", &s, err) < 0) {
		sqlite3_finalize(c.outcomes);
		return -1;
	}
	bind_text(s, 1, id);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		take_decision(s, out);
		found = apply_outcomes(&c, out, err) < 0 ? -1 : out->verb != VERB_COUNT;
	}
	sqlite3_finalize(c.outcomes);
	return finish(q, s, code, err) < 0 ? -1 : found;
}

int query_outcomes(struct query *q, const char *pool, int64_t until_ms,
	bool (*each)(void *ctx, const struct outcome_row *row), void *ctx, struct err *err)
{
	struct outcome_row row;
	sqlite3_stmt *s;
	int code;

	if (prepare(q,
			"SELECT " OUTCOME_COLUMNS " FROM outcome WHERE decision IN"
			" (SELECT id FROM decision WHERE pool = ?1) AND (?2 IS NULL OR at_ms < ?2)"
			" ORDER BY seq",
			&s, err) < 0)
		return -1;
	bind_text(s, 1, pool);
	bind_bound(s, 2, until_ms);
	while ((code = sqlite3_step(s)) == SQLITE_ROW)
		if (take_outcome(s, &row) && !each(ctx, &row))
			break;
	return finish(q, s, code, err);
}

/* ---- what is new ---- */

static int transaction(struct query *q, const char *sql, struct err *err)
{
	const int code = sqlite3_exec(q->db, sql, NULL, NULL, NULL);

	return schema_result(err, q->db, code, "reading the history", q->path) == SCHEMA_OK ? 0
																						: -1;
}

static int head_seq(struct query *q, int64_t *seq, struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (prepare(q,
			"SELECT max(seq) FROM (SELECT max(seq) AS seq FROM decision"
			" UNION ALL SELECT max(seq) FROM outcome UNION ALL SELECT max(seq) FROM event"
			" UNION ALL SELECT max(seq) FROM recording)",
			&s, err) < 0)
		return -1;
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*seq = sqlite3_column_int64(s, 0);
	return finish(q, s, code, err);
}

int query_news(struct query *q, const struct query_filter *f, int64_t *seq,
	bool (*each)(void *ctx, const struct decision *d), void *ctx, struct err *err)
{
	int64_t head = 0;
	int code;

	if (transaction(q, "BEGIN", err) < 0)
		return -1;
	code = head_seq(q, &head, err);
	if (code == 0)
		code = query_decisions(q, f, each, ctx, err);
	if (transaction(q, "COMMIT", code == 0 ? err : NULL) < 0)
		code = -1;
	if (code == 0)
		*seq = head;
	return code;
}

int query_words(struct query *q, enum query_word what,
	bool (*each)(void *ctx, const char *word), void *ctx, struct err *err)
{
	static const char *const sql[] = {
		[QUERY_POOL] = "SELECT pool FROM decision UNION SELECT pool FROM pool ORDER BY 1",
		[QUERY_ACTOR] = "SELECT DISTINCT actor FROM decision ORDER BY 1",
	};
	char word[POOL_ACTOR_MAX > POOL_NAME_MAX ? POOL_ACTOR_MAX : POOL_NAME_MAX];
	sqlite3_stmt *s;
	int code;

	if (prepare(q, sql[what], &s, err) < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		TAKE(s, 0, word);
		if (!each(ctx, word))
			break;
	}
	return finish(q, s, code, err);
}

/* ---- events, recordings, pools ---- */

int query_events(struct query *q, const char *pool, const char *kind, int64_t since_ms,
	int64_t until_ms, bool (*each)(void *ctx, const struct query_event *e), void *ctx,
	struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (prepare(q,
			"SELECT seq, at_ms, pool, kind, text, detail FROM event"
			" WHERE (?1 IS NULL OR pool = ?1) AND (?2 IS NULL OR kind = ?2)"
			" AND (?3 IS NULL OR at_ms >= ?3) AND (?4 IS NULL OR at_ms < ?4) ORDER BY seq",
			&s, err) < 0)
		return -1;
	bind_text(s, 1, pool);
	bind_text(s, 2, kind);
	bind_bound(s, 3, since_ms);
	bind_bound(s, 4, until_ms);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct query_event e = {.seq = column_number(s, 0), .at_ms = column_number(s, 1)};

		TAKE(s, 2, e.pool);
		TAKE(s, 3, e.kind);
		TAKE(s, 4, e.text);
		e.detail = (const char *)sqlite3_column_text(s, 5);
		if (!each(ctx, &e))
			break;
	}
	return finish(q, s, code, err);
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
	int code = 0;

	if (r->ended_ms != UNKNOWN && to_t != UNKNOWN && r->interval_ms >= 100)
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

	if (prepare(q,
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
	return finish(q, s, code, err) < 0 ? -1 : failed;
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

	if (prepare(q, "SELECT policy, config FROM recording WHERE seq = ?1", &s, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, recording);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		add_column(terms, s, 0);
		add_column(config, s, 1);
	}
	return finish(q, s, code, err);
}

int query_pools(struct query *q, bool (*each)(void *ctx, const struct query_pool *p), void *ctx,
	struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (prepare(q, "SELECT pool, pool_id, first_seen_ms, last_seen_ms FROM pool ORDER BY pool",
			&s, err) < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct query_pool p = {
			.first_seen_ms = column_number(s, 2), .last_seen_ms = column_number(s, 3)};

		TAKE(s, 0, p.pool);
		TAKE(s, 1, p.pool_id);
		if (!each(ctx, &p))
			break;
	}
	return finish(q, s, code, err);
}

int query_pins(struct query *q, const char *pool, struct history_answer *out, struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (prepare(q, "SELECT pool_id FROM pool WHERE pool = ?1", &s, err) < 0)
		return -1;
	bind_text(s, 1, pool);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		TAKE(s, 0, out->pool_id);
	if (finish(q, s, code, err) < 0 ||
		prepare(q,
			"SELECT node_id, target, audit_seq FROM node WHERE pool = ?1"
			" ORDER BY first_seen_ms, target",
			&s, err) < 0)
		return -1;
	bind_text(s, 1, pool);
	out->node_count = 0;
	while ((code = sqlite3_step(s)) == SQLITE_ROW && out->node_count < HISTORY_NODES_MAX) {
		TAKE(s, 0, out->nodes[out->node_count].node_id);
		TAKE(s, 1, out->nodes[out->node_count].target);
		out->nodes[out->node_count++].audit_seq = sqlite3_column_int64(s, 2);
	}
	return finish(q, s, code, err);
}

/* ---- samples ---- */

int query_nodes(struct query *q, int64_t recording, const char *pool_id,
	char (*ids)[POOL_ID_MAX], size_t max, size_t *count, struct err *err)
{
	sqlite3_stmt *s;
	int code;

	*count = 0;
	if (prepare(q,
			"SELECT node_id FROM series WHERE recording = ?1 AND arm = 'v1'"
			" AND (?2 IS NULL OR pool_id = ?2) ORDER BY id",
			&s, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, recording);
	sqlite3_bind_text(s, 2, pool_id, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && *count < max)
		column_text(s, 0, ids[(*count)++], POOL_ID_MAX);
	return finish(q, s, code, err);
}

#define HOLD_TICKS 1024 /* read under one lock: a writer's file does not grow behind a slow reader */

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
