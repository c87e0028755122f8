/* Query: what a history file holds, as structs. Texts are cleaned here: a file may come from
 * anybody. Here decisions; the rest is in query_recording.c. Not a cache, not a thread. */
#include "history/query.h"

#include "history/column.h"
#include "history/query_parts.h"
#include "history/schema.h"
#include "model/mem.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

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

int query_prepare(struct query *q, const char *sql, sqlite3_stmt **out, struct err *err)
{
	*out = NULL;
	return schema_prepare(out, q->db, sql, q->path, err);
}

int query_finish(struct query *q, sqlite3_stmt *s, int code, struct err *err)
{
	const int result =
		schema_result(err, q->db, code, "reading the history", q->path) == SCHEMA_OK ? 0 : -1;

	sqlite3_finalize(s);
	return result;
}

void query_bind_text(sqlite3_stmt *s, int at, const char *text)
{
	sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
}

void query_bind_bound(sqlite3_stmt *s, int at, int64_t n)
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

	query_bind_text(c->outcomes, 1, d->id);
	query_bind_bound(c->outcomes, 2, c->until_ms);
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
	return query_prepare(q,
		"SELECT " OUTCOME_COLUMNS " FROM outcome"
		" WHERE decision = ?1 AND (?2 IS NULL OR at_ms < ?2) ORDER BY seq",
		&c->outcomes, err);
}

static void bind_filter(sqlite3_stmt *s, const struct query_filter *f)
{
	query_bind_text(s, 1, f->pool);
	query_bind_text(s, 2, f->actor);
	query_bind_text(s, 3, f->verb > 0 ? verb_row((enum verb)(f->verb - 1))->word : NULL);
	query_bind_bound(s, 4, f->since_ms);
	query_bind_bound(s, 5, f->until_ms);
	query_bind_bound(s, 6, f->after_seq);
	query_bind_bound(s, 7, f->before_ms);
	query_bind_bound(s, 8, f->news_seq);
}

#define DECISION_FILTER \
	" FROM " SCHEMA_DECISIONS " AS d WHERE (?1 IS NULL OR pool = ?1) AND (?2 IS NULL OR actor = ?2)" \
	" AND (?3 IS NULL OR verb = ?3) AND (?4 IS NULL OR at_ms >= ?4)" \
	" AND (?5 IS NULL OR at_ms < ?5) AND (?7 IS NULL OR at_ms < ?7)" \
	" AND (?6 IS NULL OR seq > ?6) AND (?8 IS NULL OR seq > ?8 OR id IN" \
	" (SELECT decision FROM outcome WHERE seq > ?8 AND (row <> 'node' OR kind = '" SCHEMA_OWN "'))) ORDER BY seq"

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

	if (query_prepare(c->q, "SELECT " DECISION_COLUMNS DECISION_FILTER " DESC", &s, err) < 0)
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
	return query_finish(c->q, s, code, err) < 0 ? -1 : failed;
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
	if (query_prepare(c->q, "SELECT " DECISION_COLUMNS DECISION_FILTER, &s, err) < 0)
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
	return query_finish(c->q, s, code, err) < 0 ? -1 : failed;
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
	if (query_prepare(q, "SELECT " DECISION_COLUMNS " FROM " SCHEMA_DECISIONS " AS d WHERE id = ?1", &s, err) <
		0) {
		sqlite3_finalize(c.outcomes);
		return -1;
	}
	query_bind_text(s, 1, id);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		take_decision(s, out);
		found = apply_outcomes(&c, out, err) < 0 ? -1 : out->verb != VERB_COUNT;
	}
	sqlite3_finalize(c.outcomes);
	return query_finish(q, s, code, err) < 0 ? -1 : found;
}

int query_outcomes(struct query *q, const char *pool, int64_t until_ms,
	bool (*each)(void *ctx, const struct outcome_row *row), void *ctx, struct err *err)
{
	struct outcome_row row;
	sqlite3_stmt *s;
	int code;

	if (query_prepare(q,
			"SELECT " OUTCOME_COLUMNS " FROM outcome WHERE decision IN"
			" (SELECT id FROM decision WHERE pool = ?1) AND (?2 IS NULL OR at_ms < ?2)"
			" ORDER BY seq",
			&s, err) < 0)
		return -1;
	query_bind_text(s, 1, pool);
	query_bind_bound(s, 2, until_ms);
	while ((code = sqlite3_step(s)) == SQLITE_ROW)
		if (take_outcome(s, &row) && !each(ctx, &row))
			break;
	return query_finish(q, s, code, err);
}

/* ---- what is new ---- */

static int transaction(struct query *q, const char *sql, struct err *err)
{
	const int code = sqlite3_exec(q->db, sql, NULL, NULL, NULL);

	return schema_result(err, q->db, code, "reading the history", q->path) == SCHEMA_OK ? 0
																						: -1;
}

int query_news(struct query *q, const struct query_filter *f, int64_t *seq,
	bool (*each)(void *ctx, const struct decision *d), void *ctx, struct err *err)
{
	int64_t head = 0;
	int code;

	if (transaction(q, "BEGIN", err) < 0)
		return -1;
	code = schema_head_seq(q->db, q->path, &head, err);
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
		[QUERY_ACTOR] = "SELECT DISTINCT actor FROM " SCHEMA_DECISIONS " AS d ORDER BY 1",
	};
	char word[POOL_ACTOR_MAX > POOL_NAME_MAX ? POOL_ACTOR_MAX : POOL_NAME_MAX];
	sqlite3_stmt *s;
	int code;

	if (query_prepare(q, sql[what], &s, err) < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		TAKE(s, 0, word);
		if (!each(ctx, word))
			break;
	}
	return query_finish(q, s, code, err);
}
