/* Migrate: carries the rows of an older history into fresh tables. Not the names of the files:
 * replace.c; nor who calls it when: writer_open.c.
 *
 * The new tables are those of a fresh file, so that both are alike whatever the old one was. What
 * the old file has is asked column by column: files of one version differ where columns came
 * before their number did. A column that came later gets its default; any other that is missing
 * is damage.
 *
 * Invariants:
 * 1. A row is carried over as it is, or it is in quarantine and counted; none is left out.
 * 2. The version stands in the same transaction as all rows.
 * 3. Of the old file only the way it is journaled changes: it becomes one whole file, which
 *    nobody else can have open at that moment. */
#include "history/migrate.h"

#include "history/lock.h"
#include "history/replace.h"
#include "model/pool.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define ROWS_A_CALL 1000    /* between two calls of the watch */
#define STEPS_A_CALL 200000 /* of SQLite's machine, while it checks */
#define COLUMNS_MAX 64
#define NAME_BYTES 48

/* What a file of an earlier version may lack. */
static const struct later {
	int version;                /* the first that has it always */
	const char *table, *column; /* NULL: the table */
} later[] = {
	{2, "sample", "failed_refused"},
	{2, "rollup", NULL},
	{2, "quarantine", NULL},
};

struct names {
	char name[COLUMNS_MAX][NAME_BYTES];
	int count;
};

struct migration {
	const char *path;
	struct migrate_report *out;
	const struct migrate_watch *watch;
	struct err *err;
	struct replace place;
	sqlite3 *from, *to;
	sqlite3_stmt *aside; /* into quarantine */
	int64_t done, total;
	bool given_up;
};

static enum schema_result result(struct migration *m, sqlite3 *db, int code)
{
	return schema_result(m->err, db, code, "migrating the history", m->path);
}

static enum schema_result damaged(struct migration *m, const char *what, const char *subject)
{
	err_set(m->err, ERR_DAMAGED, "\"%s\" cannot be migrated: %s \"%s\"; it stays as it was",
		m->path, what, subject);
	return SCHEMA_BROKEN;
}

static bool goes_on(struct migration *m)
{
	m->given_up = m->given_up ||
		(m->watch != NULL && !m->watch->progress(m->watch->ctx, m->done, m->total));
	return !m->given_up;
}

static enum schema_result given_up(struct migration *m)
{
	err_set(m->err, ERR_HISTORY,
		"the migration of \"%s\" was given up after %lld of %lld rows; it is begun anew at the"
		" next start",
		m->path, (long long)m->done, (long long)m->total);
	return SCHEMA_REFUSED;
}

/* ---- what stands where ---- */

static bool may_lack(const struct migration *m, const char *table, const char *column)
{
	for (size_t i = 0; i < sizeof later / sizeof *later; i++)
		if (m->out->from < later[i].version && strcmp(later[i].table, table) == 0 &&
			(later[i].column == NULL ||
				(column != NULL && strcmp(later[i].column, column) == 0)))
			return true;
	return false;
}

/* The names that a statement over the fresh tables gives. */
static enum schema_result list(
	struct migration *m, const char *sql, const char *table, struct names *out)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(m->to, sql, -1, &s, NULL);

	out->count = 0;
	if (code == SQLITE_OK && table != NULL)
		code = sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(s);
		if (code == SQLITE_ROW && out->count < COLUMNS_MAX)
			text_copy(
				out->name[out->count++], NAME_BYTES, (const char *)sqlite3_column_text(s, 0));
	}
	sqlite3_finalize(s);
	return result(m, m->to, code);
}

static enum schema_result list_tables(struct migration *m, struct names *out)
{
	/* as they were made: what is referred to comes first */
	return list(m,
		"SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
		" ORDER BY rowid",
		NULL, out);
}

/* The stored columns of a table that the old file has, too. */
static enum schema_result list_columns(
	struct migration *m, const char *table, struct names *out)
{
	enum schema_result r = list(
		m, "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 ORDER BY cid", table, out);
	int there = 0;

	for (int i = 0; i < out->count && r == SCHEMA_OK; i++) {
		const char *name = out->name[i];

		if (sqlite3_table_column_metadata(
				m->from, "main", table, name, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK)
			memmove(out->name[there++], name, NAME_BYTES);
		else if (!may_lack(m, table, name))
			r = damaged(m, "it lacks the column", name);
	}
	out->count = there;
	return r;
}

/* The tables that are to be carried over, and how many rows they have. */
static enum schema_result survey(struct migration *m, struct names *tables)
{
	enum schema_result r = list_tables(m, tables);
	int there = 0;

	for (int i = 0; i < tables->count && r == SCHEMA_OK; i++) {
		const char *name = tables->name[i];
		sqlite3_stmt *s = NULL;
		char sql[NAME_BYTES + 64];
		int code;

		if (!schema_has_table(m->from, name)) {
			if (!may_lack(m, name, NULL))
				r = damaged(m, "it lacks the table", name);
			continue;
		}
		snprintf(sql, sizeof sql, "SELECT count(*) FROM main.\"%s\" NOT INDEXED", name);
		code = sqlite3_prepare_v2(m->from, sql, -1, &s, NULL);
		if (code == SQLITE_OK)
			code = sqlite3_step(s);
		if (code == SQLITE_ROW)
			m->total += sqlite3_column_int64(s, 0);
		r = result(m, m->from, code);
		sqlite3_finalize(s);
		memmove(tables->name[there++], name, NAME_BYTES);
	}
	tables->count = there;
	return r;
}

/* ---- rows ---- */

static void add_hex(struct text *out, const unsigned char *bytes, int n)
{
	text_add(out, "X'");
	for (int i = 0; i < n; i++)
		text_addf(out, "%02x", bytes[i]);
	text_add(out, "'");
}

/* A value as SQL writes it. */
static void add_literal(struct text *out, sqlite3_stmt *row, int column)
{
	const int type = sqlite3_column_type(row, column);
	const char *bytes;
	int n;

	switch (type) {
	case SQLITE_NULL:
		text_add(out, "NULL");
		return;
	case SQLITE_INTEGER:
		text_addf(out, "%lld", (long long)sqlite3_column_int64(row, column));
		return;
	case SQLITE_FLOAT:
		text_addf(out, "%.17g", sqlite3_column_double(row, column));
		return;
	default:
		break;
	}
	bytes = sqlite3_column_blob(row, column);
	n = sqlite3_column_bytes(row, column);
	if (type == SQLITE_BLOB ||
		(n > 0 && (memchr(bytes, 0, (size_t)n) != NULL || !text_valid(bytes, (size_t)n)))) {
		add_hex(out, (const unsigned char *)bytes, n);
		return;
	}
	text_add(out, "'");
	for (int i = 0; i < n; i++)
		text_add_n(out, bytes[i] == '\'' ? "''" : bytes + i, bytes[i] == '\'' ? 2 : 1);
	text_add(out, "'");
}

/* Puts a row into quarantine, whole. */
static enum schema_result set_aside(struct migration *m, const char *table,
	const struct names *columns, sqlite3_stmt *row, const char *why)
{
	struct text raw = {0};
	enum schema_result r;
	int code;

	for (int i = 0; i < columns->count; i++) {
		text_addf(&raw, "%s%s=", i > 0 ? ", " : "", columns->name[i]);
		add_literal(&raw, row, i);
	}
	code = sqlite3_bind_int(m->aside, 1, m->out->from);
	if (code == SQLITE_OK)
		code = sqlite3_bind_text(m->aside, 2, table, -1, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_bind_text(m->aside, 3, why, -1, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_bind_text(m->aside, 4, text_str(&raw), (int)raw.len, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(m->aside);
	r = result(m, m->to, code);
	sqlite3_reset(m->aside);
	sqlite3_clear_bindings(m->aside);
	text_free(&raw);
	m->out->quarantined++;
	return r;
}

static enum schema_result carry_row(struct migration *m, const char *table,
	const struct names *columns, sqlite3_stmt *row, sqlite3_stmt *write)
{
	char why[160] = "its key is NULL";
	bool refused = sqlite3_column_type(row, 0) == SQLITE_NULL; /* SQLite would make one up */
	int code = SQLITE_OK;

	for (int i = 0; i < columns->count && code == SQLITE_OK; i++)
		code = sqlite3_bind_value(write, i + 1, sqlite3_column_value(row, i));
	if (code == SQLITE_OK && !refused) {
		code = sqlite3_step(write);
		refused = (code & 0xff) == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH;
		if (refused)
			text_clean(why, sizeof why, sqlite3_errmsg(m->to), strlen(sqlite3_errmsg(m->to)));
		sqlite3_reset(write);
	}
	if (refused)
		return set_aside(m, table, columns, row, why);
	m->out->rows++;
	return result(m, m->to, code);
}

/* SELECT and INSERT of a table. The first columns are its key. */
static enum schema_result prepare(struct migration *m, const char *table,
	const struct names *columns, sqlite3_stmt **row, sqlite3_stmt **write)
{
	struct text read = {0}, insert = {0};
	enum schema_result r;

	text_add(&read, "SELECT ");
	text_addf(&insert, "INSERT INTO main.\"%s\" (", table);
	for (int i = 0; i < columns->count; i++) {
		text_addf(&read, "%s\"%s\"", i > 0 ? ", " : "", columns->name[i]);
		text_addf(&insert, "%s\"%s\"", i > 0 ? ", " : "", columns->name[i]);
	}
	text_addf(&read, " FROM main.\"%s\" NOT INDEXED ORDER BY 1, 2", table);
	text_add(&insert, ") VALUES (?");
	for (int i = 1; i < columns->count; i++)
		text_add(&insert, ", ?");
	text_add(&insert, ")");
	r = result(m, m->from, sqlite3_prepare_v2(m->from, text_str(&read), -1, row, NULL));
	if (r == SCHEMA_OK)
		r = result(m, m->to, sqlite3_prepare_v2(m->to, text_str(&insert), -1, write, NULL));
	text_free(&read);
	text_free(&insert);
	return r;
}

static enum schema_result carry_table(struct migration *m, const char *table)
{
	struct names columns;
	sqlite3_stmt *row = NULL, *write = NULL;
	enum schema_result r = list_columns(m, table, &columns);

	if (r == SCHEMA_OK)
		r = prepare(m, table, &columns, &row, &write);
	while (r == SCHEMA_OK) {
		const int code = sqlite3_step(row);

		r = result(m, m->from, code);
		if (code != SQLITE_ROW)
			break;
		r = carry_row(m, table, &columns, row, write);
		if (++m->done % ROWS_A_CALL == 0 && r == SCHEMA_OK && !goes_on(m))
			r = given_up(m);
	}
	sqlite3_finalize(row);
	sqlite3_finalize(write);
	return r;
}

/* ---- the two files ---- */

/* Opens the old file and makes it one file: no log beside it, no other reader of one. LATER while
 * another program has it open. */
static enum schema_result open_old(struct migration *m)
{
	char who[64] = "another program";
	enum schema_result r;
	int version = 0;
	int code =
		sqlite3_open_v2(m->path, &m->from, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (code == SQLITE_OK)
		code = schema_harden(m->from);
	if (code == SQLITE_OK)
		code = sqlite3_busy_timeout(m->from, LOCK_ALONE_MS);
	r = result(m, m->from, code);
	if (r == SCHEMA_OK && schema_recognise(m->from, m->path, &version, m->err) < 0)
		return SCHEMA_BROKEN;
	if (r != SCHEMA_OK || version == 0 || version == SCHEMA_VERSION)
		return r;
	m->out->from = version;
	code = sqlite3_exec(m->from, "PRAGMA journal_mode = DELETE; BEGIN", NULL, NULL, NULL);
	if ((code & 0xff) == SQLITE_BUSY) {
		lock_other(m->path, who, sizeof who);
		err_set(
			m->err, ERR_LOCKED, "\"%s\" is open in %s; end that, or wait for it", m->path, who);
		return SCHEMA_LATER;
	}
	return result(m, m->from, code);
}

/* Opens the copy. Nothing of it counts before it is whole and on the disk: it needs no journal
 * there, and no sync before the last one. */
static enum schema_result open_new(struct migration *m)
{
	static const char set_aside_sql[] =
		"INSERT INTO quarantine (version, source, reason, raw) VALUES (?, ?, ?, ?)";
	enum schema_result r;
	int code;

	if (replace_begin(&m->place, m->path, m->err) < 0)
		return SCHEMA_BROKEN;
	code = sqlite3_open_v2(
		text_str(&m->place.copy), &m->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code == SQLITE_OK)
		code = schema_harden(m->to);
	if (code == SQLITE_OK)
		code = sqlite3_exec(m->to,
			"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;"
			"BEGIN EXCLUSIVE",
			NULL, NULL, NULL);
	r = result(m, m->to, code);
	if (r == SCHEMA_OK && schema_declare(m->to, m->path, m->err) < 0)
		r = SCHEMA_BROKEN;
	if (r == SCHEMA_OK)
		r = result(m, m->to, sqlite3_prepare_v2(m->to, set_aside_sql, -1, &m->aside, NULL));
	return r;
}

static int while_checking(void *ctx)
{
	return goes_on(ctx) ? 0 : 1;
}

/* A check of the copy that says `good` first, or nothing at all where that is NULL. */
static enum schema_result check(struct migration *m, const char *sql, const char *good)
{
	sqlite3_stmt *s = NULL;
	enum schema_result r = SCHEMA_OK;
	int code = sqlite3_prepare_v2(m->to, sql, -1, &s, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(s);
	if (code == SQLITE_INTERRUPT)
		r = given_up(m);
	else if (code != SQLITE_ROW)
		r = result(m, m->to, code);
	else if (good == NULL || strcmp((const char *)sqlite3_column_text(s, 0), good) != 0)
		r = damaged(m, "its copy does not pass", sql);
	sqlite3_finalize(s);
	return r;
}

static enum schema_result carry(struct migration *m)
{
	struct names tables;
	enum schema_result r = survey(m, &tables);

	if (r == SCHEMA_OK && !goes_on(m))
		r = given_up(m);
	for (int t = 0; t < tables.count && r == SCHEMA_OK; t++)
		r = carry_table(m, tables.name[t]);
	if (r == SCHEMA_OK)
		r = result(m, m->to, sqlite3_exec(m->to, "COMMIT", NULL, NULL, NULL));
	sqlite3_progress_handler(m->to, STEPS_A_CALL, while_checking, m);
	if (r == SCHEMA_OK)
		r = check(m, "PRAGMA integrity_check(1)", "ok");
	if (r == SCHEMA_OK)
		r = check(m, "PRAGMA foreign_key_check", NULL);
	return r;
}

static void close_both(struct migration *m)
{
	sqlite3_finalize(m->aside);
	sqlite3_close(m->to);
	sqlite3_close(m->from);
	m->aside = NULL;
	m->to = m->from = NULL;
}

static void tell_kept(struct migration *m)
{
	const char *slash = strrchr(text_str(&m->place.kept), '/');

	text_copy(m->out->kept, sizeof m->out->kept, slash != NULL ? slash + 1 : "");
}

enum schema_result migrate(struct migrate_report *out, const char *path,
	const struct migrate_watch *watch, struct err *err)
{
	struct migration m = {.path = path, .out = out, .watch = watch, .err = err};
	struct lock lock;
	enum schema_result r;

	*out = (struct migrate_report){0};
	*err = (struct err){0};
	if (lock_open_alone(&lock, path, err) < 0)
		return err->code == ERR_LOCKED ? SCHEMA_LATER : SCHEMA_BROKEN;
	r = open_old(&m);
	if (r == SCHEMA_OK && out->from != 0) {
		r = open_new(&m);
		if (r == SCHEMA_OK)
			r = carry(&m);
		close_both(&m);
		if (r == SCHEMA_OK && replace_publish(&m.place, out->from, err) < 0)
			r = SCHEMA_BROKEN;
		if (r == SCHEMA_OK)
			tell_kept(&m);
		if (r == SCHEMA_LATER) /* no room: to try again is to copy again */
			r = SCHEMA_BROKEN;
		replace_end(&m.place);
	}
	close_both(&m);
	lock_close(&lock);
	return r;
}

int64_t migrate_quarantined(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	int64_t count = UNKNOWN;

	if (schema_open_readonly(&db, path, NULL) < 0)
		return UNKNOWN;
	if (!schema_has_table(db, "quarantine"))
		count = 0;
	else if (sqlite3_prepare_v2(db, "SELECT count(*) FROM quarantine", -1, &s, NULL) ==
			SQLITE_OK &&
		sqlite3_step(s) == SQLITE_ROW)
		count = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return count;
}
