/* Find: looks for one row by its hash, on a connection of its own. It reads no content and proves
 * nothing: chain.c does. Hashes have no index, so that a writer has none to keep; who asks for a
 * row asks for a new one, and what is not there is asked for rarely. */
#include "history/find.h"

#include "history/schema.h"
#include "model/unit.h"

#include <sqlite3.h>

/* The row of one table. 0, or -1 with err. */
static int look(sqlite3 *db, const char *sql, const char *path, const char *hash, int64_t *seq,
	struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (schema_prepare(&s, db, sql, path, err) < 0)
		return -1;
	sqlite3_bind_text(s, 1, hash, -1, SQLITE_STATIC);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*seq = sqlite3_column_int64(s, 0);
	code = schema_result(err, db, code, "reading the history", path) == SCHEMA_OK ? 0 : -1;
	sqlite3_finalize(s);
	return code;
}

int find_row(const char *path, const char *hash, int64_t *seq, struct err *err)
{
	static const char *const sql[] = {
		"SELECT seq FROM decision WHERE hash = ?1 ORDER BY seq DESC LIMIT 1",
		"SELECT seq FROM outcome WHERE hash = ?1 ORDER BY seq DESC LIMIT 1",
		"SELECT seq FROM recording WHERE hash = ?1 ORDER BY seq DESC LIMIT 1",
		"SELECT seq FROM event WHERE hash = ?1 ORDER BY seq DESC LIMIT 1",
	};
	sqlite3 *db;
	int code = 0;

	*seq = UNKNOWN;
	if (schema_open_readonly(&db, path, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof sql / sizeof *sql && code == 0 && *seq == UNKNOWN; i++)
		code = look(db, sql[i], path, hash, seq, err);
	sqlite3_close(db);
	return code;
}
