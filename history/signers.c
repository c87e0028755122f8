/* Signers: the table of keys, counted. Not the signatures: chain.c checks them. */
#include "history/signers.h"

#include "history/schema.h"
#include "model/text.h"

#include <sqlite3.h>

static int check(sqlite3 *db, int code, const char *path, struct err *err)
{
	return schema_result(err, db, code, "verifying the history", path) == SCHEMA_OK ? 0 : -1;
}

static void take(char *out, size_t size, sqlite3_stmt *s, int column)
{
	const struct chain_field f = chain_field_of(s, column);

	text_clean(out, size, f.data != NULL ? f.data : "", f.len);
}

int signers_read(struct chain_report *out, sqlite3 *db, const char *path, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code =
		schema_prepare(&s, db, "SELECT id, actor, public_key FROM key ORDER BY id", path, err);

	if (code < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct chain_signer *signer;

		if (out->signer_count == CHAIN_SIGNERS_MAX) {
			out->signers_more++;
			continue;
		}
		signer = &out->signers[out->signer_count];
		signer->id = sqlite3_column_int64(s, 0);
		take(signer->actor, sizeof signer->actor, s, 1);
		take(signer->key, sizeof signer->key, s, 2);
		out->signer_count++;
	}
	code = check(db, code, path, err);
	sqlite3_finalize(s);
	return code;
}

void signers_count(struct chain_report *out, int64_t id)
{
	for (size_t i = 0; i < out->signer_count; i++)
		if (out->signers[i].id == id) {
			out->signers[i].rows++;
			return;
		}
}

int signers_distinct(int *keys, sqlite3 *db, const char *path, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = schema_prepare(&s, db,
		"SELECT count(DISTINCT public_key) FROM key WHERE id IN (SELECT key FROM decision"
		" UNION SELECT key FROM outcome UNION SELECT key FROM event"
		" UNION SELECT key FROM recording)",
		path, err);

	if (code == 0) {
		code = check(db, sqlite3_step(s), path, err);
		*keys = sqlite3_column_int(s, 0);
	}
	sqlite3_finalize(s);
	return code;
}
