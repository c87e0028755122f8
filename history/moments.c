/* Moments: sorted times, kind by kind. Not what happened at them (marks.c, query.c). */
#include "history/moments.h"

#include "history/schema.h"
#include "model/mem.h"
#include "model/unit.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

const char *moment_word(enum moment_kind kind)
{
	static const char *const words[] = {
#define X(name, word) word,
		MOMENT_INFO(X)
#undef X
	};
	return words[kind];
}

/* Kinds of events a person would go to; the states that documents are rebuilt from and the
 * chain's own rows are none. A kind at a time, since the index of events begins with it. */
static const struct {
	const char *kind;
	bool flips;
} sought[] = {{"verdict", true}, {"guard", true}, {"restart", false}, {"clock_jump", false},
	{"cut", false}, {"lease", false}, {"owner", false}, {"silence", false}, {"standing", false},
	{"end", false}};

static void append(struct moments *m, enum moment_kind kind, int64_t at_ms)
{
	struct moment_list *l = &m->of[kind];

	mem_grow(&l->at_ms, &l->cap, l->count + 1, sizeof *l->at_ms);
	l->at_ms[l->count++] = at_ms;
}

/* Adds the rows of a query by pool, kind and time to a list. */
static int take(struct moments *m, sqlite3 *db, const char *path, const char *sql,
	const char *pool, const char *kind, const int64_t span_ms[2], enum moment_kind into,
	struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code;

	if (schema_prepare(&s, db, sql, path, err) < 0)
		return -1;
	sqlite3_bind_text(s, 1, pool, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, span_ms[0]);
	sqlite3_bind_int64(s, 3, span_ms[1]);
	if (kind != NULL)
		sqlite3_bind_text(s, 4, kind, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(s)) == SQLITE_ROW)
		append(m, into, sqlite3_column_int64(s, 0));
	sqlite3_finalize(s);
	return schema_result(err, db, code, "reading the history", path) == SCHEMA_OK ? 0 : -1;
}

static int by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int moments_load(struct moments *m, sqlite3 *db, const char *path, const char *pool,
	int64_t from_ms, int64_t until_ms, struct err *err)
{
	static const char decisions[] =
		"SELECT at_ms FROM " SCHEMA_DECISIONS " AS d WHERE pool = ?1 AND at_ms BETWEEN ?2 AND ?3";
	static const char events[] = "SELECT at_ms FROM event WHERE pool IN (?1, '')"
								 " AND at_ms BETWEEN ?2 AND ?3 AND kind = ?4";
	const int64_t span_ms[] = {from_ms, until_ms};
	int code = take(m, db, path, decisions, pool, NULL, span_ms, MOMENT_DECISION, err);

	for (size_t i = 0; i < sizeof sought / sizeof *sought && code == 0; i++) {
		const size_t had = m->of[MOMENT_EVENT].count;

		code = take(m, db, path, events, pool, sought[i].kind, span_ms, MOMENT_EVENT, err);
		for (size_t k = had; k < m->of[MOMENT_EVENT].count && sought[i].flips; k++)
			append(m, MOMENT_FLIP, m->of[MOMENT_EVENT].at_ms[k]);
	}
	for (int kind = 0; kind < MOMENT_KINDS; kind++)
		if (m->of[kind].count > 0)
			qsort(m->of[kind].at_ms, m->of[kind].count, sizeof *m->of[kind].at_ms, by_time);
	return code;
}

void moments_release(struct moments *m)
{
	for (int kind = 0; kind < MOMENT_KINDS; kind++)
		free(m->of[kind].at_ms);
	*m = (struct moments){0};
}

void moments_add(struct moments *m, enum moment_kind kind, int64_t at_ms)
{
	const struct moment_list *l = &m->of[kind];
	size_t at = l->count;

	append(m, kind, at_ms);
	for (; at > 0 && l->at_ms[at - 1] > at_ms; at--)
		l->at_ms[at] = l->at_ms[at - 1];
	l->at_ms[at] = at_ms;
}

void moments_clear(struct moments *m, enum moment_kind kind)
{
	m->of[kind].count = 0;
}

/* How many lie before a moment. */
static size_t before(const struct moment_list *l, int64_t at_ms)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (l->at_ms[middle] < at_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int64_t moments_next(
	const struct moments *m, enum moment_kind kind, int64_t at_ms, int direction)
{
	const struct moment_list *l = &m->of[kind];
	const size_t earlier = before(l, direction > 0 ? at_ms + 1 : at_ms);

	if (direction < 0)
		return earlier > 0 ? l->at_ms[earlier - 1] : UNKNOWN;
	return earlier < l->count ? l->at_ms[earlier] : UNKNOWN;
}

bool moments_within(
	const struct moments *m, enum moment_kind kind, int64_t from_ms, int64_t until_ms)
{
	const struct moment_list *l = &m->of[kind];
	const size_t earlier = before(l, from_ms);

	return earlier < l->count && l->at_ms[earlier] < until_ms;
}
