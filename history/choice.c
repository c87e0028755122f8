/* Choice: reads a replay's target and finds in the file what it names. Not the documents: those are
 * tapes. */
#include "history/choice.h"

#include "history/schema.h"
#include "model/mem.h"
#include "model/text.h"

#include <sqlite3.h>
#include <string.h>

/* ---- the target ---- */

/* `number` NULL: any recording. */
static bool read_options(struct wish *out, const char *pool, const char *number)
{
	if (number == NULL)
		out->pool = mem_copy(pool);
	else
		out->pool = mem_copy_n(pool, (size_t)(number - pool));
	return number == NULL ||
		unit_parse_int(strchr(number, '=') + 1, 0, INT64_MAX - 1, &out->recording);
}

int wish_read(struct wish *out, const char *target, struct err *err)
{
	static const char scheme[] = "replay:", option[] = "?pool=", further[] = "&recording=";
	const char *file = target, *question;

	*out = (struct wish){.recording = UNKNOWN};
	if (strncmp(file, scheme, sizeof scheme - 1) == 0)
		file += sizeof scheme - 1;
	question = strrchr(file, '?');
	if (question != NULL &&
		(strncmp(question, option, sizeof option - 1) != 0 ||
			!read_options(out, question + sizeof option - 1, strstr(question, further))))
		return err_set(err, ERR_USAGE,
			"\"%s\" has an unknown option; only ?pool=NAME&recording=NUMBER is known", target);
	if (question == file || *file == '\0')
		return err_set(err, ERR_USAGE, "\"%s\" names no file; write replay:FILE", target);
	out->path = question != NULL ? mem_copy_n(file, (size_t)(question - file)) : mem_copy(file);
	return 0;
}

/* ---- the file ---- */

int choice_row(const struct player_source *s, const char *sql, const char *text, int64_t number,
	sqlite3_stmt **out, struct err *err)
{
	int code;

	*out = NULL;
	if (schema_prepare(out, s->db, sql, s->path, err) < 0)
		return -1;
	if (text != NULL)
		sqlite3_bind_text(*out, 1, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_int64(*out, 1, number);
	code = sqlite3_step(*out);
	if (schema_result(err, s->db, code, "reading the history", s->path) != SCHEMA_OK)
		return -1;
	return code == SQLITE_ROW ? 1 : 0;
}

static void take_name(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	text_clean(out, size, text != NULL ? text : "",
		text != NULL ? (size_t)sqlite3_column_bytes(s, column) : 0);
}

/* The pool of a table's last row. */
#define LAST_OF(table) \
	"SELECT p.pool, p.pool_id FROM " table " AS x" \
	" JOIN series AS s ON s.id = x.key & 268435455 JOIN pool AS p ON p.pool_id = s.pool_id" \
	" WHERE ?1 = 0 ORDER BY x.key DESC LIMIT 1"

static int choose_pool(struct player_source *p, const char *pool, struct err *err)
{
	static const char by_name[] = "SELECT pool, pool_id FROM pool WHERE pool = ?1";
	sqlite3_stmt *s;
	int found = choice_row(p, pool != NULL ? by_name : LAST_OF("sample"), pool, 0, &s, err);

	if (found == 0 && pool == NULL && schema_has_table(p->db, "rollup")) {
		sqlite3_finalize(s);
		found = choice_row(p, LAST_OF("rollup"), NULL, 0, &s, err);
	}

	if (found == 1) {
		take_name(s, 0, p->pool, sizeof p->pool);
		take_name(s, 1, p->pool_id, sizeof p->pool_id);
	}
	sqlite3_finalize(s);
	if (found == 0)
		return pool != NULL
			? err_set(err, ERR_FILE, "\"%s\" has no pool \"%s\"", p->path, pool)
			: err_set(err, ERR_FILE, "\"%s\" has no samples to replay", p->path);
	return found < 0 ? -1 : 0;
}

/* The recording of the most samples, also of those that became minutes. */
#define LONGEST_OF(rows) \
	"SELECT s.recording, r.interval_ms, sum(x.rows) AS n FROM (" rows ") AS x" \
	" JOIN series AS s ON s.id = x.key & 268435455 JOIN recording AS r ON r.seq = s.recording" \
	" WHERE s.pool_id = ?1 GROUP BY s.recording ORDER BY n DESC, s.recording DESC LIMIT 1"

static int choose_recording(struct player_source *p, int64_t wanted, struct err *err)
{
	static const char by_number[] = "SELECT seq, interval_ms FROM recording WHERE seq = ?1";
	static const char *const by_rows[] = {LONGEST_OF("SELECT key, 1 AS rows FROM sample"),
		LONGEST_OF("SELECT key, 1 AS rows FROM sample UNION ALL SELECT key, rows FROM rollup")};
	const char *const by_samples = by_rows[schema_has_table(p->db, "rollup")];
	/* who has one recording only need not count what is in it, which takes its time */
	static const char by_only[] =
		"SELECT s.recording, r.interval_ms FROM series AS s JOIN recording AS r ON r.seq = "
		"s.recording WHERE s.pool_id = ?1"
		" AND (SELECT count(DISTINCT recording) FROM series WHERE pool_id = ?1) = 1"
		" AND EXISTS (SELECT 1 FROM sample WHERE key & 268435455 = s.id) LIMIT 1";
	sqlite3_stmt *s;
	int found = wanted != UNKNOWN ? choice_row(p, by_number, NULL, wanted, &s, err)
								  : choice_row(p, by_only, p->pool_id, 0, &s, err);

	if (found == 0 && wanted == UNKNOWN) {
		sqlite3_finalize(s);
		found = choice_row(p, by_samples, p->pool_id, 0, &s, err);
	}
	if (found == 1) {
		p->recording = sqlite3_column_int64(s, 0);
		p->interval_ms = sqlite3_column_int64(s, 1);
	}
	sqlite3_finalize(s);
	if (found == 0 && wanted != UNKNOWN)
		return err_set(
			err, ERR_FILE, "\"%s\" has no recording %lld", p->path, (long long)wanted);
	if (found == 0)
		return err_set(
			err, ERR_FILE, "\"%s\" has no samples of pool \"%s\" to replay", p->path, p->pool);
	return found < 0 ? -1 : 0;
}

int choice_make(struct player_source *s, const struct wish *wish, struct err *err)
{
	if (choose_pool(s, wish->pool, err) < 0)
		return -1;
	return choose_recording(s, wish->recording, err);
}

int choice_pools(
	const struct player_source *p, char (*out)[POOL_NAME_MAX], size_t most, struct err *err)
{
	sqlite3_stmt *s;
	size_t count = 0;
	int code = choice_row(p,
		"SELECT DISTINCT p.pool FROM series AS s JOIN pool AS p ON p.pool_id = s.pool_id"
		" WHERE s.recording = ?1 ORDER BY p.pool",
		NULL, p->recording, &s, err);

	for (; code == 1; count++) {
		if (count < most)
			take_name(s, 0, out[count], POOL_NAME_MAX);
		code = sqlite3_step(s);
		code = schema_result(err, p->db, code, "reading the history", p->path) != SCHEMA_OK
			? -1
			: code == SQLITE_ROW;
	}
	sqlite3_finalize(s);
	if (code == 0 && count == 0)
		return err_set(
			err, ERR_FILE, "\"%s\" does not say which pools its recording has", p->path);
	return code < 0 ? -1 : (int)count;
}
