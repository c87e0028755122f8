/* Work: counters of two documents become rises. Not the documents: state.c.
 *
 * Invariants:
 * 1. The first document of a boot is no rise: what was before it nobody recorded.
 * 2. A counter that went back, or makes no sense, is a beginning. */
#include "history/work.h"

#include "history/schema.h"
#include "history/state.h"
#include "model/text.h"

#include <sqlite3.h>
#include <string.h>

#define COUNT_MAX ((int64_t)1 << 53)

struct known {
	enum arm arm;
	struct operation_counts counts;
};

struct reading {
	bool (*each)(void *ctx, const struct work_rise *rise);
	void *ctx;
	char node[POOL_ID_MAX], boot[POOL_ID_MAX]; /* whose counters are known */
	int64_t first_ms;                          /* its first document */
	struct known known[ARM_COUNT * OPERATIONS_MAX];
	int count;
};

enum { NODE, BOOT, AT_MS, ARM, NAME, REQUESTS, OK, FAILED };

static void take(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	text_clean(out, size, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
}

/* False where it is no counter. */
static bool take_count(sqlite3_stmt *s, int column, int64_t *out)
{
	*out = sqlite3_column_int64(s, column);
	return sqlite3_column_type(s, column) == SQLITE_INTEGER && *out >= 0 && *out <= COUNT_MAX;
}

/* Another process counts anew. */
static void watch_boot(struct reading *r, sqlite3_stmt *s)
{
	char node[POOL_ID_MAX], boot[POOL_ID_MAX];

	take(s, NODE, node, sizeof node);
	take(s, BOOT, boot, sizeof boot);
	if (strcmp(node, r->node) == 0 && strcmp(boot, r->boot) == 0)
		return;
	text_copy(r->node, sizeof r->node, node);
	text_copy(r->boot, sizeof r->boot, boot);
	r->first_ms = sqlite3_column_int64(s, AT_MS);
	r->count = 0;
}

static struct known *find(struct reading *r, enum arm arm, const char *name)
{
	for (int i = 0; i < r->count; i++)
		if (r->known[i].arm == arm && strcmp(r->known[i].counts.name, name) == 0)
			return &r->known[i];
	return NULL;
}

/* False when nobody wants more. */
static bool take_row(struct reading *r, sqlite3_stmt *s)
{
	struct operation_counts now = {0};
	const char *word = (const char *)sqlite3_column_text(s, ARM);
	const enum arm arm = word != NULL && strcmp(word, "v2") == 0 ? ARM_V2 : ARM_V1;
	struct work_rise rise = {.at_ms = sqlite3_column_int64(s, AT_MS), .arm = arm};
	struct known *was;
	bool more = true;

	take(s, NAME, now.name, sizeof now.name);
	if (!take_count(s, REQUESTS, &now.requests) || !take_count(s, OK, &now.ok) ||
		!take_count(s, FAILED, &now.failed))
		return true;
	watch_boot(r, s);
	was = find(r, arm, now.name);
	if (was == NULL) {
		if (r->count == ARM_COUNT * OPERATIONS_MAX)
			return true;
		was = &r->known[r->count++];
		*was = (struct known){.arm = arm, .counts = now};
		if (rise.at_ms == r->first_ms)
			return true;
		/* its first work came behind the first document */
		was->counts.requests = was->counts.ok = was->counts.failed = 0;
	}
	rise.requests = now.requests - was->counts.requests;
	rise.ok = now.ok - was->counts.ok;
	rise.failed = now.failed - was->counts.failed;
	was->counts = now;
	text_copy(rise.operation, sizeof rise.operation, now.name);
	if (rise.requests >= 0 && rise.ok >= 0 && rise.failed >= 0 &&
		rise.requests + rise.ok + rise.failed > 0)
		more = r->each(r->ctx, &rise);
	return more;
}

int work_read(const char *path, int64_t recording, const char *pool,
	bool (*each)(void *ctx, const struct work_rise *rise), void *ctx, struct err *err)
{
	static const char sql[] =
		"SELECT e.node_id, json_extract(e.detail, '$.boot_id'), e.at_ms,"
		" json_extract(w.value, '$[0]'), json_extract(w.value, '$[1]'),"
		" json_extract(w.value, '$[2]'), json_extract(w.value, '$[3]'),"
		" json_extract(w.value, '$[4]') FROM (SELECT * FROM event WHERE kind = 'state'"
		" AND recording = ?1 AND pool = ?2 AND json_valid(detail)) AS e,"
		" json_each(e.detail, '$." STATE_WORK "') AS w WHERE w.type = 'array'"
		" ORDER BY e.node_id, e.seq, w.id";
	struct reading r = {.each = each, .ctx = ctx};
	sqlite3_stmt *s = NULL;
	sqlite3 *db;
	int code;

	if (schema_open_readonly(&db, path, err) < 0)
		return -1;
	code = schema_prepare(&s, db, sql, path, err);
	if (code == 0) {
		sqlite3_bind_int64(s, 1, recording);
		sqlite3_bind_text(s, 2, pool, -1, SQLITE_STATIC);
		while ((code = sqlite3_step(s)) == SQLITE_ROW && take_row(&r, s))
			;
		code = schema_result(err, db, code, "reading the history", path) == SCHEMA_OK ? 0 : -1;
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	return code;
}
