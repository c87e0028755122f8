/* Schema: the tables of a history file, how one is made, opened and recognised. */
#ifndef WEIR_HISTORY_SCHEMA_H
#define WEIR_HISTORY_SCHEMA_H

#include "model/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEMA_VERSION 2
#define SCHEMA_APPLICATION 0x77656972 /* "weir" */

struct sqlite3;
struct sqlite3_stmt;

/* What became of a call to the file. */
enum schema_result {
	SCHEMA_OK,
	SCHEMA_REFUSED, /* this row only: a constraint */
	SCHEMA_LATER,   /* locked, or no space: may work again */
	SCHEMA_BROKEN,  /* an I/O error, or damage: the file is not to be written any more */
};

/* The tables of the chain. Their columns are hashed in this order, between the fields that
 * every row has (table, seq, key and actor of the signer) and nothing. */
enum schema_table {
	SCHEMA_RECORDING,
	SCHEMA_DECISION,
	SCHEMA_OUTCOME,
	SCHEMA_EVENT,
	SCHEMA_CHAINED
};

#define SCHEMA_COLUMNS_MAX 16

struct schema_chained {
	const char *table;
	const char *columns[SCHEMA_COLUMNS_MAX]; /* NULL-terminated */
};

extern const struct schema_chained schema_chained[SCHEMA_CHAINED];

/* The kind of the outcome, at no node, that an own intent is where another process had taken its
 * decision from the pool's log already: its answer is what only its maker knew, as JSON. */
#define SCHEMA_OWN "OWN"

/* Decisions as every reader is to see them, completed by such an outcome; stands for the table
 * behind FROM, and needs a name there. */
#define SCHEMA_DECISIONS \
	"(SELECT b.seq, b.id, b.pool, b.pool_id, ifnull(o.at_ms, b.at_ms) AS at_ms," \
	SCHEMA_OWN_TEXT("actor") "," SCHEMA_OWN_TEXT("role") "," SCHEMA_OWN_TEXT("verb") "," \
	SCHEMA_OWN_NUMBER("from_bp") "," SCHEMA_OWN_NUMBER("to_bp") "," \
	SCHEMA_OWN_TEXT("reason") "," SCHEMA_OWN_NUMBER("epoch") "," SCHEMA_OWN_NUMBER("rev") "," \
	" iif(o.seq IS NULL, b.observed, 0) AS observed, iif(o.seq IS NULL, b.late, 1) AS late," \
	SCHEMA_OWN_TEXT("evidence") ", b.key, b.hash FROM decision AS b LEFT JOIN outcome AS o" \
	" ON b.observed = 1 AND o.decision = b.id AND o.row = 'node' AND o.node = ''" \
	" AND o.kind = '" SCHEMA_OWN "' AND iif(json_valid(o.answer), json_type(o.answer), '')" \
	" = 'object')"
#define SCHEMA_OWN_TEXT(column) \
	" ifnull(json_extract(o.answer, '$." column "'), b." column ") AS " column
#define SCHEMA_OWN_NUMBER(column) \
	" iif(o.seq IS NULL, b." column ", json_extract(o.answer, '$." column "')) AS " column

/* Opens a history for writing, making it when it does not exist. To be called under the lock.
 * Refuses what is no regular file (W004), what everybody can write (W204), what is no weir
 * history (W203), a newer one (W205), and an older one (W200), which stays as it is: migrate.h.
 * 0, or -1 with err. */
int schema_open(struct sqlite3 **out, const char *path, bool must_be_new, struct err *err);

/* Opens one read-only, also in a directory that cannot be written, also one of an older version,
 * which lacks tables then: schema_has_table. The same refusals, but for W204 and W200. A file
 * whose making was cut short (no byte, or no table yet) is a history without rows, and stays one
 * for this connection. Nobody migrates the file as long as the connection is open; one that is being
 * migrated at the moment stays for this connection what it was before. */
int schema_open_readonly(struct sqlite3 **out, const char *path, struct err *err);

/* True when there is such a table. */
bool schema_has_table(struct sqlite3 *db, const char *table);

/* Makes the tables, and the version, within the caller's transaction. 0, or -1 with err. */
int schema_declare(struct sqlite3 *db, const char *path, struct err *err);

/* Switches off what a hostile file could use against its reader. Returns the SQLite code. */
int schema_harden(struct sqlite3 *db);

/* Tells the version of a history, 0 where it has no table yet. The refusals W203 and W205. 0, or
 * -1 with err. */
int schema_recognise(struct sqlite3 *db, const char *path, int *version, struct err *err);

/* Prepares a statement; errors name `path`. */
int schema_prepare(struct sqlite3_stmt **out, struct sqlite3 *db, const char *sql,
	const char *path, struct err *err);

/* The newest row of the chain; left alone where there is none. 0, or -1 with err. */
int schema_head_seq(struct sqlite3 *db, const char *path, int64_t *seq, struct err *err);

/* Classifies an SQLite result code and sets err to what failed. */
enum schema_result schema_result(
	struct err *err, struct sqlite3 *db, int code, const char *doing, const char *path);

/* What an error is that schema_result set somewhere below a call that tells only of failure: LATER
 * where a lock was in the way, else BROKEN. */
enum schema_result schema_failed(const struct err *err);

#endif
