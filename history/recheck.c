/* Recheck: the decisions and their words. The rows are recheck_rows.c's, the judge is model/'s.
 *
 * Invariants:
 * 1. Only what the evidence names is judged: not one row more, none before it.
 * 2. Nothing that could not be recomputed is called the same. */
#include "history/recheck.h"

#include "history/column.h"
#include "history/recheck_rows.h"
#include "history/schema.h"
#include "model/guard.h"
#include "model/mem.h"
#include "model/model.h"
#include "model/text.h"
#include "model/version.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the evidence of a decision names. */
struct named {
	bool is, well; /* it names rows; in a way that can be */
	struct recheck_from from;
	int64_t last, rows, interval_ms;
	int64_t began_ms, age_ms; /* UNKNOWN */
	bool afresh, counters, expected;
};

struct item {
	struct recheck_result result;
	struct named named;
};

struct recheck {
	sqlite3 *db;
	const char *path;
	char pool[POOL_NAME_MAX];
	int64_t rows_most;
	struct item *items; /* in the order in which rows are judged */
	size_t count, cap, at;
	struct recheck_rows rows;
	const struct named *playing; /* whose rows they are; NULL: none are open */
	char version[24];            /* of the weir that judged then */
};

const char *recheck_word(enum recheck_kind kind)
{
	static const char *const words[] = {
#define X(name, word) word,
		RECHECK_INFO(X)
#undef X
	};
	return words[kind];
}

/* ---- what decisions name ---- */

enum column {
	ID,
	AT,
	POOL_ID,
	NAMES,
	RECORDING,
	FIRST,
	LAST,
	ROWS,
	NODES,
	INTERVAL,
	BEGAN,
	AGE,
	AFRESH,
	COUNTERS,
	EXPECTED,
	OWN,
	LOOKS,
	E_HARM,
	E_SAFE,
	CITED,
};

static const char decisions_sql[] =
	"SELECT id, at_ms, pool_id, json_type(e, '$.judged') IS NOT NULL,"
	" e ->> '$.judged.recording', e ->> '$.judged.first', e ->> '$.judged.last',"
	" e ->> '$.judged.rows', e ->> '$.judged.nodes', e ->> '$.judged.interval_ms',"
	" e ->> '$.judged.began_ms', e ->> '$.judged.age_ms', e ->> '$.judged.afresh',"
	" e ->> '$.judged.counters', e ->> '$.judged.expected', e ->> '$.verdict.own',"
	" e ->> '$.verdict.looks', e ->> '$.verdict.e_harm', e ->> '$.verdict.e_safe',"
	" e ->> '$.verdict.cited' FROM (SELECT seq, id, at_ms, pool_id,"
	" CASE WHEN json_valid(evidence) THEN evidence ELSE '{}' END AS e FROM " SCHEMA_DECISIONS " AS d"
	" WHERE pool = ?1 AND (?2 IS NULL OR id = ?2) AND at_ms BETWEEN ?3 AND ?4)"
	" WHERE json_type(e, '$.verdict') = 'object' ORDER BY 5, 6, 8, seq";

#define TICK_MAX 1000000000000

/* A whole number, UNKNOWN for anything else. */
static int64_t whole(sqlite3_stmt *s, enum column c)
{
	return sqlite3_column_type(s, c) == SQLITE_INTEGER ? sqlite3_column_int64(s, c) : UNKNOWN;
}

static double real(sqlite3_stmt *s, enum column c)
{
	const int type = sqlite3_column_type(s, c);

	return type == SQLITE_INTEGER || type == SQLITE_FLOAT ? sqlite3_column_double(s, c) : NAN;
}

static void take_named(struct named *n, sqlite3_stmt *s)
{
	const int64_t nodes = whole(s, NODES);

	n->is = sqlite3_column_int(s, NAMES) != 0;
	column_text(s, POOL_ID, n->from.pool_id, sizeof n->from.pool_id);
	n->from.recording = whole(s, RECORDING);
	n->from.first = whole(s, FIRST);
	n->last = whole(s, LAST);
	n->rows = whole(s, ROWS);
	n->interval_ms = whole(s, INTERVAL);
	n->began_ms = whole(s, BEGAN);
	n->age_ms = whole(s, AGE);
	n->afresh = whole(s, AFRESH) == 1;
	n->counters = whole(s, COUNTERS) == 1;
	n->expected = whole(s, EXPECTED) == 1;
	n->well = n->from.recording > 0 && n->from.first >= 0 && n->last >= n->from.first &&
		n->last <= TICK_MAX && n->rows > 0 && n->rows <= TICK_MAX && nodes > 0 &&
		nodes <= HISTORY_NODES_MAX && n->interval_ms > 0 && n->interval_ms <= 86400000;
	n->from.nodes = n->well ? (int)nodes : 0;
}

static void say(struct recheck_result *r, enum recheck_kind kind, const char *text)
{
	r->kind = kind;
	text_copy(r->text, sizeof r->text, text);
}

/* What can be said of it without its rows. */
static void take_item(struct item *i, sqlite3_stmt *s)
{
	struct recheck_result *r = &i->result;
	char word[24];

	*i = (struct item){.result = {.at_ms = column_number(s, AT)}};
	column_text(s, ID, r->id, sizeof r->id);
	column_text(s, OWN, word, sizeof word);
	r->cited = whole(s, CITED) == 1;
	r->recorded = (struct recheck_saying){.word = verdict_of(word),
		.looks = whole(s, LOOKS),
		.e_harm = real(s, E_HARM),
		.e_safe = real(s, E_SAFE)};
	take_named(&i->named, s);
	if (!i->named.is)
		say(r, RECHECK_UNNAMED,
			r->cited ? "cited from the pool or its recorder"
					 : "not recomputed: it names no stored rows");
	else if (!i->named.well || r->recorded.word == VERDICT_COUNT ||
		r->recorded.looks == UNKNOWN)
		say(r, RECHECK_UNREADABLE, "not recomputed: what it names cannot be");
}

static void adopt(struct recheck *r, const struct recheck *known)
{
	for (size_t i = 0; known != NULL && i < r->count; i++) {
		const struct recheck_result *was = recheck_of(known, r->items[i].result.id);

		if (was != NULL && was->kind != RECHECK_PENDING)
			r->items[i].result = *was;
	}
}

int recheck_open(struct recheck **out, sqlite3 *db, const char *path,
	const struct recheck_wish *what, struct err *err)
{
	struct recheck *r;
	sqlite3_stmt *s;
	int code;

	*out = NULL;
	if (schema_prepare(&s, db, decisions_sql, path, err) < 0)
		return -1;
	r = mem_new(1, sizeof *r);
	r->db = db;
	r->path = path;
	r->rows_most = what->rows_most;
	text_copy(r->pool, sizeof r->pool, what->pool);
	sqlite3_bind_text(s, 1, what->pool, -1, SQLITE_STATIC);
	if (what->id != NULL)
		sqlite3_bind_text(s, 2, what->id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, what->from_ms);
	sqlite3_bind_int64(s, 4, what->until_ms);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		mem_grow(&r->items, &r->cap, r->count + 1, sizeof *r->items);
		take_item(&r->items[r->count++], s);
	}
	code = schema_result(err, db, code, "reading the history", path) == SCHEMA_OK ? 0 : -1;
	sqlite3_finalize(s);
	if (code < 0) {
		recheck_close(r);
		return -1;
	}
	adopt(r, what->known);
	*out = r;
	return 0;
}

void recheck_close(struct recheck *r)
{
	if (r == NULL)
		return;
	recheck_rows_close(&r->rows);
	free(r->items);
	free(r);
}

/* ---- the judge of then ---- */

/* What a pool was judged by in a recording. 0, or -1 with err. */
static int read_policy(
	struct recheck *r, const struct named *n, struct judge_policy *out, struct err *err)
{
	static const char sql[] =
		"SELECT p.value ->> '$.judge.alpha', p.value ->> '$.judge.beta',"
		" p.value ->> '$.judge.tolerance', p.value ->> '$.judge.margin',"
		" p.value ->> '$.guards.error_rate_threshold',"
		" p.value ->> '$.guards.latency_threshold_ms',"
		" (SELECT group_concat(value, ',') FROM json_each(p.value, '$.judge.metrics')), r.version"
		" FROM recording AS r, json_each(CASE WHEN json_valid(r.policy) THEN r.policy"
		" ELSE '{}' END, '$.pools') AS p WHERE r.seq = ?1 AND p.type = 'object'"
		" AND p.value ->> '$.name' = ?2";
	struct guard_limits limits;
	char metrics[64];
	bool well = false;
	sqlite3_stmt *s;

	guard_limits_init(&limits);
	if (schema_prepare(&s, r->db, sql, r->path, err) < 0)
		return -1;
	sqlite3_bind_int64(s, 1, n->from.recording);
	sqlite3_bind_text(s, 2, r->pool, -1, SQLITE_STATIC);
	if (sqlite3_step(s) == SQLITE_ROW) {
		struct judge_policy *judge = &limits.judge;

		judge->alpha = real(s, 0);
		judge->beta = real(s, 1);
		judge->tolerance = real(s, 2);
		judge->margin = real(s, 3);
		limits.error_rate = real(s, 4);
		limits.latency_ms = whole(s, 5);
		column_text(s, 6, metrics, sizeof metrics);
		column_text(s, 7, r->version, sizeof r->version);
		well = judge_metrics_read(judge, metrics) && judge_policy_is_sound(judge) &&
			(limits.latency_ms == UNKNOWN ||
				(limits.latency_ms >= 0 && limits.latency_ms <= TICK_MAX));
	}
	sqlite3_finalize(s);
	guard_policy(out, &limits, n->interval_ms);
	return well ? 0
				: err_set(err, ERR_DAMAGED,
					  "recording %lld of \"%s\" does not say how \"%s\" was judged",
					  (long long)n->from.recording, r->path, r->pool);
}

static bool is_of(const struct recheck *r, const struct named *n)
{
	const struct recheck_from *a = &n->from;
	const struct recheck_from *b = r->playing != NULL ? &r->playing->from : NULL;

	return b != NULL && a->recording == b->recording && a->first == b->first &&
		a->nodes == b->nodes && r->playing->interval_ms == n->interval_ms &&
		strcmp(a->pool_id, b->pool_id) == 0 && r->rows.taken <= n->rows;
}

static int begin(struct recheck *r, struct named *n, struct err *err)
{
	if (is_of(r, n))
		return 0;
	recheck_rows_close(&r->rows);
	r->playing = NULL;
	if (read_policy(r, n, &n->from.policy, err) < 0 ||
		recheck_rows_open(&r->rows, r->db, r->path, &n->from, err) < 0)
		return -1;
	r->playing = n;
	return 0;
}

/* ---- one decision ---- */

static double e_value(double ln)
{
	return fmin(exp(ln), 1e300);
}

static void recompute(
	struct recheck_saying *out, const struct recheck *r, const struct named *n)
{
	/* a reading of its own: the rows go on with the judge as it is */
	struct judge judge = r->rows.judging.judge;
	const struct verdict_view view = {.age_ms = n->age_ms,
		.stale = freshness_of(n->age_ms, n->interval_ms) > FRESHNESS_LATE,
		.counters = n->counters,
		.v2_expected = n->expected};
	struct verdict v;

	if (n->afresh)
		judge_restart(&judge);
	verdict_read(&v, &judge, &view);
	*out = (struct recheck_saying){.word = v.word,
		.looks = judge.looks,
		.e_harm = judge.looks > 0 ? e_value(v.ln_harm) : NAN,
		.e_safe = judge.looks > 0 ? e_value(v.ln_safe) : NAN};
}

/* To a billionth; what is no number is like nothing but itself. */
static bool is_like(double a, double b)
{
	if (!isfinite(a) || !isfinite(b))
		return !isfinite(a) && !isfinite(b);
	return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static bool is_same(const struct recheck_saying *a, const struct recheck_saying *b)
{
	return a->word == b->word && a->looks == b->looks && is_like(a->e_harm, b->e_harm) &&
		is_like(a->e_safe, b->e_safe);
}

static void saying_text(char out[80], const struct recheck_saying *s)
{
	int n =
		snprintf(out, 80, "%s after %lld looks", verdict_name(s->word), (long long)s->looks);

	if (isfinite(s->e_harm) || isfinite(s->e_safe))
		snprintf(out + n, 80 - (size_t)n, " (E %.4g for harm, %.4g for safety)", s->e_harm,
			s->e_safe);
}

static void compare(struct recheck *r, struct item *i)
{
	struct recheck_result *result = &i->result;
	const int64_t began_ms = i->named.afresh ? UNKNOWN : r->rows.judging.judge.began_wall_ms;
	char was[80], is[80];

	recompute(&result->recomputed, r, &i->named);
	saying_text(was, &result->recorded);
	saying_text(is, &result->recomputed);
	if (is_same(&result->recorded, &result->recomputed) && began_ms == i->named.began_ms) {
		result->kind = RECHECK_SAME;
		snprintf(result->text, sizeof result->text, "%srecomputed: same, %s",
			result->cited ? "cited from the pool or its recorder; the own one " : "", is);
		return;
	}
	result->kind = RECHECK_DIFFERS;
	snprintf(result->text, sizeof result->text, "differs: recorded %s, recomputed %s%s%s%s",
		was, is, began_ms == i->named.began_ms ? "" : "; evidence began at another moment",
		strcmp(r->version, WEIR_VERSION) == 0 ? "" : "; judged then by weir ",
		strcmp(r->version, WEIR_VERSION) == 0 ? "" : r->version);
}

/* The rows end before all were judged. A recorder stores its rows a second later than a decision:
 * they may come. */
static void lack(struct recheck *r, struct item *i)
{
	const struct named *n = &i->named;
	struct recheck_result *result = &i->result;
	struct err err;
	const int thinned = recheck_rows_thinned(&r->rows, n->from.first, n->last, &err);
	const int on = thinned < 0 ? -1 : recheck_rows_go_on(&r->rows, r->rows.last, &err);

	if (on < 0) {
		say(result, RECHECK_UNREADABLE, err.text);
	} else if (thinned == 0 && on == 0) {
		say(result, RECHECK_PENDING, "not recomputed: its last rows are not stored (yet)");
	} else {
		result->kind = RECHECK_UNKEPT;
		snprintf(result->text, sizeof result->text,
			"rows not kept%s: row %lld of %lld is missing", thinned > 0 ? " (thinned)" : "",
			(long long)r->rows.taken + 1, (long long)n->rows);
	}
}

/* Judges rows up to those of an item, `*most` at most. True when it is done. */
static bool play(struct recheck *r, struct item *i, int *most)
{
	struct err err;
	int more = begin(r, &i->named, &err);

	while (more >= 0 && r->rows.taken < i->named.rows) {
		if (*most == 0)
			return false;
		more = recheck_rows_next(&r->rows, i->named.last, &err);
		if (more <= 0)
			break;
		--*most;
	}
	if (more < 0) {
		recheck_rows_close(&r->rows);
		r->playing = NULL;
		say(&i->result, RECHECK_UNREADABLE, err.text);
	} else if (r->rows.taken < i->named.rows) {
		lack(r, i);
	} else {
		compare(r, i);
	}
	return true;
}

bool recheck_step(struct recheck *r, int most)
{
	for (; r->at < r->count; r->at++) {
		struct item *i = &r->items[r->at];

		if (i->result.kind != RECHECK_WAITING)
			continue;
		if (r->rows_most > 0 && i->named.rows > r->rows_most)
			snprintf(i->result.text, sizeof i->result.text,
				"not recomputed here: %lld rows are judged anew by weir report",
				(long long)i->named.rows);
		if (i->result.text[0])
			i->result.kind = RECHECK_UNREADABLE;
		else if (!play(r, i, &most))
			return false;
	}
	recheck_rows_close(&r->rows);
	r->playing = NULL;
	return true;
}

/* ---- results ---- */

size_t recheck_count(const struct recheck *r)
{
	return r->count;
}

size_t recheck_done(const struct recheck *r)
{
	return r->at;
}

const struct recheck_result *recheck_at(const struct recheck *r, size_t i)
{
	return &r->items[i].result;
}

const struct recheck_result *recheck_of(const struct recheck *r, const char *id)
{
	for (size_t i = 0; r != NULL && i < r->count; i++)
		if (strcmp(r->items[i].result.id, id) == 0)
			return &r->items[i].result;
	return NULL;
}

void recheck_add(struct recheck_sum *sum, const struct recheck_result *r)
{
	const bool done = r->kind == RECHECK_SAME || r->kind == RECHECK_DIFFERS;

	sum->named += r->kind != RECHECK_UNNAMED;
	sum->recomputed += done;
	sum->differ += r->kind == RECHECK_DIFFERS;
}

void recheck_sum_text(char *out, size_t size, const struct recheck_sum *sum)
{
	if (sum->named == 0)
		snprintf(out, size, "no decision names the stored rows of its verdict");
	else
		snprintf(out, size, "%zu of %zu verdict%s recomputed from the stored rows%s",
			sum->recomputed, sum->named, sum->named == 1 ? "" : "s",
			sum->recomputed == 0   ? ""
				: sum->differ == 0 ? ", all equal"
								   : "");
	if (sum->differ > 0)
		snprintf(out + strlen(out), size - strlen(out), ", %zu differ%s", sum->differ,
			sum->differ == 1 ? "s" : "");
}
