/* Schema: tables, triggers and settings of a history file. Not the rows: journal.c and
 * samples.c write them.
 *
 * Invariants:
 * 1. Every table is STRICT; rows of the chain, samples and series are never changed or deleted, but
 *    that a sample may go once the minute it is part of is there.
 * 2. The file is never opened but through SQLite: closing a descriptor of one's own would drop
 * the locks of every connection of the process. */
#include "history/schema.h"

#include "history/lock.h"
#include "model/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 2000
#define OPEN_TRIES 3 /* while others come and go */

#define TO_TEXT2(x) #x
#define TO_TEXT(x) TO_TEXT2(x)

const struct schema_chained schema_chained[SCHEMA_CHAINED] = {
	[SCHEMA_RECORDING] = {"recording",
		{"started_ms", "interval_ms", "version", "operator", "host", "config", "config_hash",
			"policy", "policy_hash", NULL}},
	[SCHEMA_DECISION] = {"decision",
		{"id", "pool", "pool_id", "at_ms", "actor", "role", "verb", "from_bp", "to_bp",
			"reason", "epoch", "rev", "observed", "late", "evidence", NULL}},
	[SCHEMA_OUTCOME] = {"outcome",
		{"decision", "row", "node", "kind", "at_ms", "latency_ms", "answer", NULL}},
	[SCHEMA_EVENT] = {"event",
		{"at_ms", "pool", "node_id", "recording", "tick", "kind", "text", "detail", NULL}},
};

#define SIGNED \
	" key INTEGER NOT NULL REFERENCES key(id), hash TEXT NOT NULL, signature TEXT NOT NULL"

#define APPEND_ONLY(table) \
	"CREATE TRIGGER " table "_stays BEFORE UPDATE ON " table \
	" BEGIN SELECT RAISE(ABORT, '" table " is append-only'); END;" \
	"CREATE TRIGGER " table "_kept BEFORE DELETE ON " table \
	" BEGIN SELECT RAISE(ABORT, '" table " is append-only'); END;"

/* What a sample has behind its key, and a rollup of samples likewise. The last column came after
 * the first files. Who wrote without knowing of it counted those failures elsewhere: by default
 * 0, where NULL is what a pool did not say. */
#define MEASURED \
	" t INTEGER GENERATED ALWAYS AS (key >> 28) VIRTUAL," \
	" series INTEGER GENERATED ALWAYS AS (key & 268435455) VIRTUAL," \
	" at_ms INTEGER NOT NULL, interval_ms INTEGER NOT NULL, flags INTEGER NOT NULL," \
	" requests INTEGER, ok INTEGER, failed_connection INTEGER, failed_timeout INTEGER," \
	" failed_resource INTEGER, failed_operation INTEGER, failed_initialization INTEGER," \
	" failed_communication INTEGER, failed_health INTEGER, failed_session INTEGER," \
	" failed_system INTEGER, timeouts INTEGER, retries INTEGER, sessions INTEGER," \
	" sessions_bad INTEGER, p50_us INTEGER, p95_us INTEGER, p99_us INTEGER, max_us INTEGER," \
	" queue_depth INTEGER, in_flight INTEGER, workers_total INTEGER, workers_ready INTEGER," \
	" workers_busy INTEGER, workers_degraded INTEGER, workers_created INTEGER," \
	" workers_destroyed INTEGER, workers_crashed INTEGER, workers_restarted INTEGER," \
	" memory_bytes INTEGER, cpu_us INTEGER, fds INTEGER, latency BLOB, session_latency BLOB," \
	" failed_refused INTEGER DEFAULT 0"

/* Executed in this order. */
static const char *const schema_sql[] = {
	"CREATE TABLE key (id INTEGER PRIMARY KEY, public_key TEXT NOT NULL, actor TEXT NOT NULL,"
	" UNIQUE (public_key, actor)) STRICT;"
	"CREATE TABLE recording (seq INTEGER PRIMARY KEY, started_ms INTEGER NOT NULL,"
	" interval_ms INTEGER NOT NULL, version TEXT NOT NULL, operator TEXT NOT NULL,"
	" host TEXT NOT NULL, config TEXT NOT NULL, config_hash TEXT NOT NULL,"
	" policy TEXT NOT NULL, policy_hash TEXT NOT NULL," SIGNED ") STRICT;"
	"CREATE TABLE decision (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
	" pool TEXT NOT NULL, pool_id TEXT NOT NULL, at_ms INTEGER NOT NULL, actor TEXT NOT NULL,"
	" role TEXT NOT NULL, verb TEXT NOT NULL, from_bp INTEGER, to_bp INTEGER,"
	" reason TEXT NOT NULL, epoch INTEGER, rev INTEGER, observed INTEGER NOT NULL,"
	" late INTEGER NOT NULL, evidence TEXT NOT NULL," SIGNED ") STRICT;"
	"CREATE TABLE outcome (seq INTEGER PRIMARY KEY, decision TEXT NOT NULL,"
	" row TEXT NOT NULL CHECK (row IN ('node', 'final', 'verified')), node TEXT NOT NULL,"
	" kind TEXT NOT NULL, at_ms INTEGER NOT NULL, latency_ms INTEGER, answer TEXT NOT "
	"NULL," SIGNED ") STRICT;"
	"CREATE UNIQUE INDEX outcome_once ON outcome (decision, row, node, kind);"
	"CREATE UNIQUE INDEX outcome_final ON outcome (decision) WHERE row = 'final';"
	"CREATE UNIQUE INDEX outcome_verified ON outcome (decision) WHERE row = 'verified';"
	"CREATE TABLE event (seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, pool TEXT NOT NULL,"
	" node_id TEXT NOT NULL, recording INTEGER REFERENCES recording(seq), tick INTEGER,"
	" kind TEXT NOT NULL, text TEXT NOT NULL, detail TEXT," SIGNED ") STRICT;"
	"CREATE INDEX event_kind ON event (kind, at_ms);"
	"CREATE TABLE pool (pool TEXT PRIMARY KEY, pool_id TEXT NOT NULL,"
	" first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE node (pool TEXT NOT NULL, target TEXT NOT NULL, node TEXT NOT NULL,"
	" node_id TEXT NOT NULL, driver TEXT NOT NULL, first_seen_ms INTEGER NOT NULL,"
	" last_seen_ms INTEGER NOT NULL, audit_seq INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (pool, target)) STRICT, WITHOUT ROWID;",
	"CREATE TABLE series (id INTEGER PRIMARY KEY CHECK (id < 1 << 28),"
	" recording INTEGER NOT NULL REFERENCES recording(seq), pool_id TEXT NOT NULL,"
	" node_id TEXT NOT NULL, arm TEXT NOT NULL CHECK (arm IN ('v1', 'v2')), operation TEXT,"
	" half INTEGER, layout TEXT NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX series_of ON series (recording, node_id, arm);"
	"CREATE TABLE sample (key INTEGER PRIMARY KEY," MEASURED ") STRICT;",
	/* version 2 */
	"CREATE TABLE rollup (key INTEGER PRIMARY KEY," MEASURED ", rows INTEGER NOT NULL,"
	" event INTEGER NOT NULL REFERENCES event(seq)) STRICT;"
	"CREATE TABLE quarantine (id INTEGER PRIMARY KEY, version INTEGER NOT NULL,"
	" source TEXT NOT NULL, reason TEXT NOT NULL, raw TEXT NOT NULL) STRICT;",
	APPEND_ONLY("key"),
	APPEND_ONLY("recording"),
	APPEND_ONLY("decision"),
	APPEND_ONLY("outcome"),
	APPEND_ONLY("event"),
	APPEND_ONLY("series"),
	/* a sample may go when its minute stands in its place */
	"CREATE TRIGGER sample_stays BEFORE UPDATE ON sample"
	" BEGIN SELECT RAISE(ABORT, 'sample is append-only'); END;"
	"CREATE TRIGGER sample_kept BEFORE DELETE ON sample WHEN NOT EXISTS (SELECT 1 FROM rollup"
	" WHERE key = (((old.key >> 28) / 600 * 600) << 28) + (old.key & 268435455))"
	" BEGIN SELECT RAISE(ABORT, 'sample is append-only'); END;",
	APPEND_ONLY("rollup"),
	APPEND_ONLY("quarantine"),
	"CREATE TRIGGER pool_pinned BEFORE UPDATE OF pool, pool_id, first_seen_ms ON pool"
	" BEGIN SELECT RAISE(ABORT, 'an identity is pinned'); END;",
	"CREATE TRIGGER node_pinned BEFORE UPDATE OF pool, target, node_id, first_seen_ms ON node"
	" BEGIN SELECT RAISE(ABORT, 'an identity is pinned'); END;",
	"PRAGMA application_id = " TO_TEXT(SCHEMA_APPLICATION),
	"PRAGMA user_version = " TO_TEXT(SCHEMA_VERSION),
};

enum schema_result schema_result(
	struct err *err, sqlite3 *db, int code, const char *doing, const char *path)
{
	const char *why = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code);

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return SCHEMA_OK;
	case SQLITE_CONSTRAINT:
	case SQLITE_TOOBIG:
		err_set(err, ERR_HISTORY, "%s \"%s\" refused a row: %s", doing, path, why);
		return SCHEMA_REFUSED;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		err_set(err, ERR_LOCKED, "%s \"%s\" failed: %s", doing, path, why);
		return SCHEMA_LATER;
	case SQLITE_FULL:
		err_set(err, ERR_DISK, "%s \"%s\" failed: %s; make room on the disk", doing, path, why);
		return SCHEMA_LATER;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		err_set(
			err, ERR_DISK, "%s \"%s\" failed: %s (%s)", doing, path, why, sqlite3_errstr(code));
		return SCHEMA_BROKEN;
	case SQLITE_ERROR: /* the statements are right: the file is not what they speak of */
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		err_set(err, ERR_DAMAGED, "%s \"%s\" failed: %s; keep a copy and begin another file",
			doing, path, why);
		return SCHEMA_BROKEN;
	default:
		err_set(err, ERR_HISTORY, "%s \"%s\" failed: %s", doing, path, why);
		return SCHEMA_BROKEN;
	}
}

enum schema_result schema_failed(const struct err *err)
{
	return err->code == ERR_LOCKED ? SCHEMA_LATER : SCHEMA_BROKEN;
}

int schema_prepare(
	sqlite3_stmt **out, sqlite3 *db, const char *sql, const char *path, struct err *err)
{
	const int code = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);

	/* the statement is right: the file has other tables than it should */
	if (code == SQLITE_ERROR)
		return err_set(err, ERR_DAMAGED, "\"%s\" is not declared as a history is: %s", path,
			sqlite3_errmsg(db));
	return schema_result(err, db, code, "reading the history", path) == SCHEMA_OK ? 0 : -1;
}

int schema_head_seq(sqlite3 *db, const char *path, int64_t *seq, struct err *err)
{
	sqlite3_stmt *s;
	int code;

	if (schema_prepare(&s, db,
			"SELECT max(seq) FROM (SELECT max(seq) AS seq FROM decision"
			" UNION ALL SELECT max(seq) FROM outcome UNION ALL SELECT max(seq) FROM event"
			" UNION ALL SELECT max(seq) FROM recording)",
			path, err) < 0)
		return -1;
	code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*seq = sqlite3_column_int64(s, 0);
	code = schema_result(err, db, code, "reading the history", path) == SCHEMA_OK ? 0 : -1;
	sqlite3_finalize(s);
	return code;
}

static int execute(sqlite3 *db, const char *sql, const char *path, struct err *err)
{
	const int code = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return schema_result(err, db, code, "opening the history", path) == SCHEMA_OK ? 0 : -1;
}

/* The integer that a statement without parameters gives. Returns the SQLite code. */
static int number(sqlite3 *db, const char *sql, int *out)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (code == SQLITE_OK) {
		code = sqlite3_step(s);
		if (code == SQLITE_ROW) {
			*out = sqlite3_column_int(s, 0);
			code = SQLITE_OK;
		}
	}
	sqlite3_finalize(s);
	return code;
}

/* What a hostile file could use against its reader is switched off before anything is read. */
int schema_harden(sqlite3 *db)
{
	int code = sqlite3_extended_result_codes(db, 1);

	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(db, BUSY_MS);
	if (code == SQLITE_OK)
		code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, "PRAGMA cell_size_check = ON", NULL, NULL, NULL);
	return code;
}

int schema_recognise(sqlite3 *db, const char *path, int *version, struct err *err)
{
	int application = 0, tables = 0;
	int code = number(db, "PRAGMA application_id", &application);

	if (code == SQLITE_OK)
		code = number(db, "PRAGMA user_version", version);
	if (code == SQLITE_OK)
		code = number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (schema_result(err, db, code, "opening the history", path) != SCHEMA_OK)
		return -1;
	if (application == 0 && *version == 0 && tables == 0)
		return 0;
	if (application != SCHEMA_APPLICATION)
		return err_set(err, ERR_DAMAGED,
			"\"%s\" is a database of another program, not a weir history", path);
	if (*version > SCHEMA_VERSION)
		return err_set(err, ERR_NEWER,
			"\"%s\" has version %d, this weir knows %d; use the newer weir", path, *version,
			SCHEMA_VERSION);
	if (*version < 1)
		return err_set(err, ERR_DAMAGED, "\"%s\" has no version", path);
	return 0;
}

bool schema_has_table(sqlite3 *db, const char *table)
{
	sqlite3_stmt *s = NULL;
	bool has;

	/* a view could do anything, a virtual table too: neither has a page */
	has = sqlite3_prepare_v2(db,
			  "SELECT 1 FROM main.sqlite_schema"
			  " WHERE type = 'table' AND name = ?1 AND rootpage > 0",
			  -1, &s, NULL) == SQLITE_OK &&
		sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC) == SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW;
	sqlite3_finalize(s);
	return has;
}

/* Makes the empty file with the permissions that we want. An existing one is only looked at:
 * opening and closing it here would drop SQLite's locks on it. */
static int create_file(const char *path, bool must_be_new, struct err *err)
{
	struct stat st;
	const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno != EEXIST)
		return err_set(
			err, ERR_FILE, "the history \"%s\" cannot be made: %s", path, strerror(errno));
	if (must_be_new)
		return err_set(err, ERR_FILE, "\"%s\" exists already; name a new file", path);
	if (stat(path, &st) < 0)
		return err_set(
			err, ERR_FILE, "the history \"%s\" cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FILE, "the history \"%s\" is not a regular file", path);
	if ((st.st_mode & S_IWOTH) != 0)
		return err_set(
			err, ERR_UNSAFE_FILE, "everybody can write to \"%s\"; run: chmod o-w on it", path);
	return 0;
}

int schema_declare(sqlite3 *db, const char *path, struct err *err)
{
	int code = 0;

	for (size_t i = 0; i < sizeof schema_sql / sizeof *schema_sql && code == 0; i++)
		code = execute(db, schema_sql[i], path, err);
	return code;
}

/* Makes the tables of a fresh file; all or nothing. */
static int create_tables(sqlite3 *db, const char *path, struct err *err)
{
	if (execute(db, "BEGIN IMMEDIATE", path, err) < 0)
		return -1;
	if (schema_declare(db, path, err) == 0 && execute(db, "COMMIT", path, err) == 0)
		return 0;
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return -1;
}

static int open_writing(sqlite3 *db, const char *path, struct err *err)
{
	int version = 0;

	if (schema_result(err, db, schema_harden(db), "opening the history", path) != SCHEMA_OK ||
		schema_recognise(db, path, &version, err) < 0)
		return -1;
	if (version != 0 && version < SCHEMA_VERSION)
		return err_set(err, ERR_HISTORY,
			"\"%s\" has version %d and is written only when it has %d; start: weir", path,
			version, SCHEMA_VERSION);
	if (execute(db,
			"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			"PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = ON",
			path, err) < 0)
		return -1;
	return version == 0 ? create_tables(db, path, err) : 0;
}

int schema_open(sqlite3 **out, const char *path, bool must_be_new, struct err *err)
{
	sqlite3 *db = NULL;
	int code;

	*out = NULL;
	if (create_file(path, must_be_new, err) < 0)
		return -1;
	code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (schema_result(err, db, code, "opening the history", path) == SCHEMA_OK) {
		if (sqlite3_db_readonly(db, "main") == 1)
			err_set(err, ERR_FILE, "the history \"%s\" may not be written by you", path);
		else if (open_writing(db, path, err) == 0) {
			*out = db;
			return 0;
		}
	}
	sqlite3_close(db);
	return -1;
}

/* Opens `name` read-only. Returns the SQLite code of the first read; `*db` is set anyhow. */
static int open_reading(sqlite3 **db, const char *name, int flags, int *version)
{
	int code =
		sqlite3_open_v2(name, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | flags, NULL);

	if (code == SQLITE_OK)
		code = schema_harden(*db);
	if (code == SQLITE_OK)
		code = number(*db, "PRAGMA user_version", version);
	return code;
}

/* A file: name that says that nothing writes to the file. */
static void immutable_name(struct text *out, const char *path)
{
	text_add(out, "file:");
	for (; *path != '\0'; path++) {
		if (strchr("?#%", *path) != NULL)
			text_addf(out, "%%%02x", (unsigned)(unsigned char)*path);
		else
			text_add_n(out, path, 1);
	}
	text_add(out, "?immutable=1");
}

/* Opens the file as one that nobody writes to. */
static int open_immutable(sqlite3 **db, const char *path, int *version)
{
	struct text name = {0};
	int code;

	immutable_name(&name, path);
	code = open_reading(db, text_str(&name), SQLITE_OPEN_URI, version);
	text_free(&name);
	return code;
}

/* True when no write-ahead log waits beside the file: it is whole without one. */
static bool is_closed(const char *path)
{
	struct text wal = {0};
	struct stat st;
	bool closed;

	text_addf(&wal, "%s-wal", path);
	closed = stat(text_str(&wal), &st) < 0 ? errno == ENOENT : st.st_size == 0;
	text_free(&wal);
	return closed;
}

/* Opens what stands for a file that has no tables yet: tables without rows, in memory. */
static int open_empty(sqlite3 **out, const char *path, struct err *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX;
	sqlite3 *db = NULL;
	int code = sqlite3_open_v2(":memory:", &db, flags, NULL);

	if (code == SQLITE_OK)
		code = schema_harden(db);
	if (schema_result(err, db, code, "opening the history", path) == SCHEMA_OK &&
		create_tables(db, path, err) == 0 &&
		execute(db, "PRAGMA query_only = ON", path, err) == 0) {
		*out = db;
		return 0;
	}
	sqlite3_close(db);
	return -1;
}

static void release(void *fd)
{
	close((int)(intptr_t)fd);
}

static void nothing(sqlite3_context *c, int count, sqlite3_value **values)
{
	(void)count, (void)values;
	sqlite3_result_null(c);
}

/* Nobody replaces the file while this connection lives: the lock is closed with it, as what a
 * function of the connection holds. False where the lock cannot be had. */
static bool hold_open(sqlite3 *db, const char *path)
{
	const int fd = lock_look(path);

	return fd >= 0 &&
		sqlite3_create_function_v2(db, "weir_open", 0, SQLITE_UTF8 | SQLITE_DIRECTONLY,
			(void *)(intptr_t)fd, nothing, NULL, NULL, release) == SQLITE_OK;
}

/* Opens the file under the open-lock. Where somebody makes a newer one of it, it is read as it lies
 * there, as nobody writes to it any more: the log that will be beside its name is that of the newer
 * one. That this was so is only known behind it. */
static int open_beside(sqlite3 **db, const char *path)
{
	bool is_newest = false;

	for (int left = OPEN_TRIES;; left--) {
		const bool alone = !is_newest && lock_is_alone(path) && is_closed(path);
		int version = SCHEMA_VERSION;
		const int code =
			alone ? open_immutable(db, path, &version) : open_reading(db, path, 0, &version);

		is_newest = version >= SCHEMA_VERSION;
		if (code != SQLITE_OK || left == 0 ||
			(alone ? !is_newest && lock_is_alone(path)
				   : hold_open(*db, path) || is_newest || !lock_is_alone(path)))
			return code;
		sqlite3_close(*db);
	}
}

int schema_open_readonly(sqlite3 **out, const char *path, struct err *err)
{
	struct stat st;
	sqlite3 *db = NULL;
	int code, version = 0;

	*out = NULL;
	if (stat(path, &st) < 0)
		return err_set(
			err, ERR_FILE, "the history \"%s\" cannot be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FILE, "the history \"%s\" is not a regular file", path);
	code = open_beside(&db, path);
	if (((code & 0xff) == SQLITE_READONLY || (code & 0xff) == SQLITE_CANTOPEN) &&
		is_closed(path)) {
		sqlite3_close(db);
		code = open_immutable(&db, path, &version);
		if (code == SQLITE_OK)
			hold_open(db, path);
	}
	if (schema_result(err, db, code, "opening the history", path) == SCHEMA_OK &&
		schema_recognise(db, path, &version, err) == 0) {
		if (version != 0) {
			*out = db;
			return 0;
		}
		/* who made it was killed before the tables, or is about to make them */
		sqlite3_close(db);
		return open_empty(out, path, err);
	}
	sqlite3_close(db);
	return -1;
}
