/* Page: decisions with what became of them, and events, as one stream by its place in the chain.
 * A decision whole is read in parts: its row, its outcomes, the facts and checks of its evidence,
 * the notes that name it. SQLite's own JSON functions parse the evidence. Texts are cleaned here:
 * a file may come from anybody. Not a cache, not a thread.
 *
 * Invariants:
 * 1. Rows come newest first by seq; each is in the file when it is told.
 * 2. No statement is left open between two calls: there is no snapshot that holds the WAL. */
#include "history/page.h"

#include "history/column.h"
#include "history/schema.h"
#include "model/mem.h"
#include "model/text.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_MAX 20000
#define FACTS_MAX 200
#define OUTCOMES_MAX 256
#define NOTES_MAX 64

struct page_file {
	sqlite3 *db;
	char *path;
};

int page_open(struct page_file **out, const char *path, struct err *err)
{
	sqlite3 *db;

	*out = NULL;
	if (schema_open_readonly(&db, path, err) < 0)
		return -1;
	*out = mem_new(1, sizeof **out);
	**out = (struct page_file){.db = db, .path = mem_copy(path)};
	return 0;
}

void page_close(struct page_file *f)
{
	if (f == NULL)
		return;
	sqlite3_close(f->db);
	free(f->path);
	free(f);
}

void page_rows_release(struct page_rows *p)
{
	free(p->rows);
	*p = (struct page_rows){0};
}

void page_detail_release(struct page_detail *d)
{
	free(d->outcomes);
	free(d->facts);
	free(d->checks);
	free(d->notes);
	*d = (struct page_detail){0};
}

/* ---- columns ---- */

#define TAKE(s, column, field) column_text(s, column, field, sizeof(field))

static int prepare(struct page_file *f, const char *sql, sqlite3_stmt **out, struct err *err)
{
	*out = NULL;
	return schema_prepare(out, f->db, sql, f->path, err);
}

/* Ends a statement that was stepped to `code`. */
static int finish(struct page_file *f, sqlite3_stmt *s, int code, struct err *err)
{
	const int result =
		schema_result(err, f->db, code, "reading the history", f->path) == SCHEMA_OK ? 0 : -1;

	sqlite3_finalize(s);
	return result;
}

/* 0 means any. */
static void bind_bound(sqlite3_stmt *s, int at, int64_t n)
{
	if (n != 0)
		sqlite3_bind_int64(s, at, n);
}

static void bind_name(sqlite3_stmt *s, int at, const char *name)
{
	if (name[0] != '\0')
		sqlite3_bind_text(s, at, name, -1, SQLITE_STATIC);
}

/* ---- rows ---- */

/* What of the evidence a row shows. */
#define EVIDENCE(member) \
	" CASE WHEN json_valid(d.evidence) THEN json_extract(d.evidence, '$." member "') END"
#define ABOUT \
	" CASE d.verb WHEN 'drain' THEN" EVIDENCE("target") " WHEN 'close' THEN" EVIDENCE( \
		"of") " END"

#define FORCED " instr(d.evidence, '\"is\":\"forced\"') > 0"

#define DECISIONS \
	"SELECT d.seq AS seq, d.id, d.at_ms, d.pool, d.actor, d.role, d.verb, d.from_bp, d.to_bp," \
	" d.reason, d.observed, d.late, f.kind, f.at_ms, f.answer, v.kind, v.at_ms," ABOUT "," \
	FORCED \
	" FROM " SCHEMA_DECISIONS " AS d LEFT JOIN outcome AS f ON f.decision = d.id AND f.row = 'final'" \
	" AND (?3 IS NULL OR f.at_ms < ?3) LEFT JOIN outcome AS v ON v.decision = d.id" \
	" AND v.row = 'verified' AND (?3 IS NULL OR v.at_ms < ?3)"

/* The documents of nodes and what the file says of itself are no news. */
#define EVENTS \
	"SELECT e.seq AS seq, NULL, e.at_ms, e.pool, '', '', e.kind, NULL, NULL, e.text, 0, 0," \
	" NULL, NULL, NULL, NULL, NULL, NULL, 0 FROM event AS e"
#define NEWS "e.kind NOT IN ('state', 'checkpoint')"

#define OF_PAGE(t) \
	t ".seq < ?1 AND (?2 IS NULL OR " t ".at_ms >= ?2)" \
	  " AND (?3 IS NULL OR " t ".at_ms < ?3)"

static const char page_sql[] = DECISIONS " WHERE " OF_PAGE(
	"d") " AND (?4 IS NULL OR d.pool = ?4)"
		 " UNION ALL " EVENTS " WHERE " NEWS " AND " OF_PAGE(
			 "e") " AND (?4 IS NULL OR e.pool = ?4 OR e.pool = '') ORDER BY seq DESC";

static void take_outcomes(sqlite3_stmt *s, struct page_row *r)
{
	char word[24];

	TAKE(s, 12, word);
	r->outcome = outcome_of(word);
	if (r->outcome == OUTCOME_COUNT || !outcome_is_final(r->outcome))
		r->outcome = OUTCOME_PENDING;
	if (r->outcome != OUTCOME_PENDING) {
		r->outcome_ms = column_number(s, 13);
		TAKE(s, 14, r->answer);
	}
	TAKE(s, 15, word);
	if (outcome_of(word) == OUTCOME_CLOSED)
		r->closed_ms = column_number(s, 16);
	else if (outcome_of(word) == OUTCOME_APPLIED)
		r->verified_ms = column_number(s, 16);
}

/* False for a decision whose verb is none of ours. */
static bool take_row(sqlite3_stmt *s, struct page_row *r)
{
	*r = (struct page_row){.seq = column_number(s, 0),
		.at_ms = column_number(s, 2),
		.is_event = sqlite3_column_type(s, 1) == SQLITE_NULL,
		.from_bp = column_share(s, 7),
		.to_bp = column_share(s, 8),
		.observed = sqlite3_column_int(s, 10) != 0,
		.late = sqlite3_column_int(s, 11) != 0,
		.outcome_ms = UNKNOWN,
		.verified_ms = UNKNOWN,
		.closed_ms = UNKNOWN};
	TAKE(s, 3, r->pool);
	TAKE(s, 4, r->actor);
	TAKE(s, 5, r->role);
	TAKE(s, 6, r->what);
	TAKE(s, 9, r->text);
	TAKE(s, 17, r->about);
	if (r->is_event) {
		snprintf(r->id, sizeof r->id, "#%lld", (long long)r->seq);
		return true;
	}
	const enum verb verb = verb_of(r->what);
	if (verb == VERB_COUNT)
		return false;
	TAKE(s, 1, r->id);
	r->is_sent = verb_is_sent(verb);
	take_outcomes(s, r);
	r->forced = sqlite3_column_int(s, 18) != 0 && r->is_sent && !r->observed &&
		(r->outcome == OUTCOME_PENDING || r->outcome == OUTCOME_APPLIED);
	return true;
}

static int read_rows(struct page_file *f, const struct page_request *what,
	struct page_rows *out, struct err *err)
{
	const struct page_filter *filter = &what->filter;
	struct page_row r;
	sqlite3_stmt *s;
	size_t cap = 0;
	int code, seen = 0;

	if (prepare(f, page_sql, &s, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, what->before_seq != 0 ? what->before_seq : INT64_MAX);
	bind_bound(s, 2, filter->since_ms);
	bind_bound(s, 3, filter->until_ms);
	bind_name(s, 4, filter->pool);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && out->count < what->limit &&
		seen++ < SCAN_MAX) {
		out->reached_seq = sqlite3_column_int64(s, 0);
		if (!take_row(s, &r) || !page_matches(filter, &r))
			continue;
		mem_grow(&out->rows, &cap, out->count + 1, sizeof r);
		out->rows[out->count++] = r;
	}
	if (code == SQLITE_DONE)
		out->reached_seq = 0;
	return finish(f, s, code, err);
}

int page_read(struct page_file *f, const struct page_request *what, struct page_rows *out,
	struct err *err)
{
	*out = (struct page_rows){.number = what->number, .before_seq = what->before_seq};
	if (schema_head_seq(f->db, f->path, &out->head_seq, err) < 0)
		return -1;
	out->same = what->known_seq == out->head_seq;
	return out->same ? 0 : read_rows(f, what, out, err);
}

/* ---- one of them whole ---- */

struct asked {
	struct page_file *file;
	const char *id; /* of a decision; of an event its seq stands in `seq` */
	int64_t seq, until_ms;
};

static int prepare_asked(
	const struct asked *a, const char *sql, sqlite3_stmt **out, struct err *err)
{
	if (prepare(a->file, sql, out, err) < 0)
		return -1;
	if (a->seq != 0)
		sqlite3_bind_int64(*out, 1, a->seq);
	else
		sqlite3_bind_text(*out, 1, a->id, -1, SQLITE_STATIC);
	bind_bound(*out, 3, a->until_ms);
	return 0;
}

static int read_row(const struct asked *a, struct page_detail *out, struct err *err)
{
	static const char decision[] = DECISIONS " WHERE d.id = ?1";
	static const char event[] = EVENTS " WHERE e.seq = ?1 AND " NEWS;
	sqlite3_stmt *s;
	int code;

	if (prepare_asked(a, a->seq != 0 ? event : decision, &s, err) < 0)
		return -1;
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		out->found = take_row(s, &out->row);
	return finish(a->file, s, code, err);
}

/* What stands in the row and no list shows. */
static int read_rest(const struct asked *a, struct page_detail *out, struct err *err)
{
	static const char decision[] =
		"SELECT d.hash, k.actor, d.pool_id, d.epoch, d.rev, f.latency_ms FROM " SCHEMA_DECISIONS " AS d"
		" LEFT JOIN key AS k ON k.id = d.key LEFT JOIN outcome AS f ON f.decision = d.id"
		" AND f.row = 'final' AND (?3 IS NULL OR f.at_ms < ?3) WHERE d.id = ?1";
	static const char event[] = "SELECT e.hash, k.actor, '', NULL, NULL, NULL FROM event AS e"
								" LEFT JOIN key AS k ON k.id = e.key WHERE e.seq = ?1";
	sqlite3_stmt *s;
	int code;

	if (prepare_asked(a, a->seq != 0 ? event : decision, &s, err) < 0)
		return -1;
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		TAKE(s, 0, out->hash);
		TAKE(s, 1, out->signer);
		TAKE(s, 2, out->pool_id);
		out->epoch = column_number(s, 3);
		out->rev = column_number(s, 4);
		out->latency_ms = column_number(s, 5);
	}
	return finish(a->file, s, code, err);
}

static int read_outcomes(const struct asked *a, struct page_detail *out, struct err *err)
{
	static const char *const words[] = {[OUTCOME_ROW_NODE] = "node",
		[OUTCOME_ROW_FINAL] = "final",
		[OUTCOME_ROW_VERIFIED] = "verified"};
	sqlite3_stmt *s;
	size_t cap = 0;
	int code;

	if (prepare_asked(a,
			"SELECT row, node, kind, at_ms, latency_ms, answer FROM outcome"
			" WHERE decision = ?1 AND (?3 IS NULL OR at_ms < ?3) ORDER BY seq",
			&s, err) < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW && out->outcome_count < OUTCOMES_MAX) {
		struct outcome_row r = {
			.at_ms = column_number(s, 3), .latency_ms = column_number(s, 4)};
		char row[24], kind[24];
		int i = OUTCOME_ROW_NODE;

		TAKE(s, 0, row);
		TAKE(s, 1, r.node);
		TAKE(s, 2, kind);
		TAKE(s, 5, r.answer);
		r.kind = outcome_of(kind);
		while (i <= OUTCOME_ROW_VERIFIED && strcmp(words[i], row) != 0)
			i++;
		if (i > OUTCOME_ROW_VERIFIED || r.kind == OUTCOME_COUNT)
			continue;
		r.row = (enum outcome_row_kind)i;
		text_copy(r.decision, sizeof r.decision, out->id);
		mem_grow(&out->outcomes, &cap, out->outcome_count + 1, sizeof r);
		out->outcomes[out->outcome_count++] = r;
	}
	return finish(a->file, s, code, err);
}

/* Every value of the evidence by the way to it; the checks have lines of their own. */
static int read_facts(const struct asked *a, struct page_detail *out, struct err *err)
{
	static const char decision[] =
		"SELECT substr(t.fullkey, 3), CASE t.type WHEN 'true' THEN 'yes' WHEN 'false' THEN 'no'"
		" WHEN 'null' THEN '-' ELSE t.atom END FROM " SCHEMA_DECISIONS " AS d, json_tree(CASE WHEN"
		" json_valid(d.evidence) THEN d.evidence ELSE '{}' END) AS t WHERE d.id = ?1"
		" AND t.type NOT IN ('object', 'array') AND t.fullkey NOT LIKE '$.checks%'";
	static const char event[] =
		"SELECT substr(t.fullkey, 3), CASE t.type WHEN 'true' THEN 'yes' WHEN 'false' THEN 'no'"
		" WHEN 'null' THEN '-' ELSE t.atom END FROM event AS e, json_tree(CASE WHEN"
		" json_valid(e.detail) THEN e.detail ELSE '{}' END) AS t WHERE e.seq = ?1"
		" AND t.type NOT IN ('object', 'array')";
	sqlite3_stmt *s;
	size_t cap = 0;
	int code;

	if (prepare_asked(a, a->seq != 0 ? event : decision, &s, err) < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW && out->fact_count < FACTS_MAX) {
		mem_grow(&out->facts, &cap, out->fact_count + 1, sizeof *out->facts);
		TAKE(s, 0, out->facts[out->fact_count].name);
		TAKE(s, 1, out->facts[out->fact_count].value);
		out->fact_count++;
	}
	return finish(a->file, s, code, err);
}

static int read_checks(const struct asked *a, struct page_detail *out, struct err *err)
{
	sqlite3_stmt *s;
	size_t cap = 0;
	int code;

	if (prepare_asked(a,
			"SELECT json_extract(c.value, '$.n'), json_extract(c.value, '$.is'),"
			" json_extract(c.value, '$.text') FROM " SCHEMA_DECISIONS " AS d,"
			" json_each(CASE WHEN json_valid(d.evidence) THEN d.evidence ELSE '{}' END,"
			" '$.checks') AS c WHERE d.id = ?1 AND c.type = 'object'",
			&s, err) < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW && out->check_count < FACTS_MAX) {
		mem_grow(&out->checks, &cap, out->check_count + 1, sizeof *out->checks);
		struct page_check *c = &out->checks[out->check_count++];
		c->number = sqlite3_column_int(s, 0);
		TAKE(s, 1, c->is);
		TAKE(s, 2, c->text);
	}
	return finish(a->file, s, code, err);
}

static int read_notes(const struct asked *a, struct page_detail *out, struct err *err)
{
	char re[DECISION_ID_MAX + 8];
	struct page_row r;
	sqlite3_stmt *s;
	size_t cap = 0;
	int code;

	if (prepare(a->file,
			DECISIONS " WHERE d.verb = 'annotate' AND substr(d.reason, 1, length(?1)) = ?1"
					  " AND (?3 IS NULL OR d.at_ms < ?3) ORDER BY d.seq",
			&s, err) < 0)
		return -1;
	snprintf(re, sizeof re, PAGE_NOTE_RE "%s: ", out->id);
	sqlite3_bind_text(s, 1, re, -1, SQLITE_STATIC);
	bind_bound(s, 3, a->until_ms);
	while ((code = sqlite3_step(s)) == SQLITE_ROW && out->note_count < NOTES_MAX) {
		if (!take_row(s, &r))
			continue;
		mem_grow(&out->notes, &cap, out->note_count + 1, sizeof r);
		out->notes[out->note_count++] = r;
	}
	return finish(a->file, s, code, err);
}

int page_read_detail(struct page_file *f, const char *id, int64_t until_ms,
	struct page_detail *out, struct err *err)
{
	struct asked a = {.file = f, .id = id, .until_ms = until_ms};

	*out = (struct page_detail){.epoch = UNKNOWN, .rev = UNKNOWN, .latency_ms = UNKNOWN};
	text_copy(out->id, sizeof out->id, id);
	if (id[0] == '#' && !unit_parse_int(id + 1, 1, INT64_MAX, &a.seq))
		return 0;
	if (read_row(&a, out, err) < 0)
		return -1;
	if (!out->found)
		return 0;
	if (read_rest(&a, out, err) < 0 || read_facts(&a, out, err) < 0 ||
		read_notes(&a, out, err) < 0)
		return -1;
	if (a.seq != 0)
		return 0;
	return read_outcomes(&a, out, err) < 0 || read_checks(&a, out, err) < 0 ? -1 : 0;
}

/* ---- its verdict anew ---- */

int page_recheck_open(struct recheck **out, struct page_file *f,
	const struct recheck_wish *what, struct err *err)
{
	return recheck_open(out, f->db, f->path, what, err);
}

int page_recheck(struct page_file *f, struct page_detail *d, int64_t rows_most, struct err *err)
{
	const struct recheck_wish what = {.pool = d->row.pool,
		.id = d->id,
		.from_ms = d->row.at_ms,
		.until_ms = d->row.at_ms,
		.rows_most = rows_most};
	struct recheck *r;

	if (!d->found || d->row.is_event)
		return 0;
	if (page_recheck_open(&r, f, &what, err) < 0)
		return -1;
	while (!recheck_step(r, INT_MAX))
		continue;
	if (recheck_count(r) > 0)
		d->recheck = *recheck_at(r, 0);
	recheck_close(r);
	return 0;
}
