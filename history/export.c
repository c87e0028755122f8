/* Export: one reading of the file, whatever the format; and the format that keeps everything.
 * Not the formats of samples: export_samples.c.
 *
 * Invariants:
 * 1. Two exports of the same rows are the same bytes, from whatever file they come.
 * 2. What is written is what is stored: a value that a line cannot hold ends the export. */
#include "history/export.h"

#include "history/export_parts.h"
#include "history/schema.h"
#include "history/tables.h"
#include "model/unit.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

enum export_format export_format_of(const char *word)
{
	static const char *const words[] = {
#define X(name, word) [EXPORT_##name] = word,
		EXPORT_INFO(X)
#undef X
	};

	for (int i = 0; i < EXPORT_COUNT; i++)
		if (strcmp(words[i], word) == 0)
			return (enum export_format)i;
	return EXPORT_COUNT;
}

/* ---- what the formats share ---- */

static int check(struct exporting *e, int code)
{
	return schema_result(e->err, e->db, code, "reading the history", e->path) == SCHEMA_OK ? 0
																						   : -1;
}

int export_prepare(struct exporting *e, const char *sql, sqlite3_stmt **out)
{
	*out = NULL;
	if (schema_prepare(out, e->db, sql, e->path, e->err) < 0)
		return -1;
	/* a statement has as many of them as it asks for; the rest is out of its range */
	sqlite3_bind_text(*out, 1, e->how->pool, -1, SQLITE_STATIC);
	if (e->how->since_ms != 0)
		sqlite3_bind_int64(*out, 2, e->how->since_ms);
	if (e->how->until_ms != 0)
		sqlite3_bind_int64(*out, 3, e->how->until_ms);
	return 0;
}

int export_finish(struct exporting *e, sqlite3_stmt *s, int code)
{
	const int result = check(e, code);

	sqlite3_finalize(s);
	return result;
}

bool export_line(struct exporting *e)
{
	text_add(&e->line, "\n");
	if (!e->put(e->ctx, e->line.data, e->line.len))
		e->stopped = true;
	text_clear(&e->line);
	return !e->stopped;
}

#define TELL_EVERY 256

void export_row(struct exporting *e)
{
	if (++e->done % TELL_EVERY == 0 && e->how->progress != NULL)
		e->how->progress(e->how->progress_ctx, e->done, e->total);
}

int export_expect(struct exporting *e, const char *sql)
{
	sqlite3_stmt *s;
	int code;

	if (e->how->progress == NULL)
		return 0;
	if (export_prepare(e, sql, &s) < 0)
		return -1;
	code = sqlite3_step(s);
	e->total += sqlite3_column_int64(s, 0);
	return export_finish(e, s, code);
}

/* ---- JSON lines ---- */

static void put_escape(struct text *out, uint32_t point)
{
	if (point >= 0x10000)
		text_addf(out, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
			0xdc00 + ((point - 0x10000) & 0x3ff));
	else if (point == '"' || point == '\\')
		text_addf(out, "\\%c", (char)point);
	else
		text_addf(out, "\\u%04x", point);
}

/* Appends a text as a JSON string: what a terminal would obey or hide is escaped, a NUL too.
 * False where it is not UTF-8. */
static bool put_string(struct text *out, const char *s, size_t len)
{
	size_t kept = 0, at = 0;

	text_add(out, "\"");
	while (at < len) {
		uint32_t point;
		const int used = text_decode(s + at, len - at, &point);

		if (used <= 0)
			return false;
		if (point == '"' || point == '\\' || text_is_hidden(point)) {
			text_add_n(out, s + kept, at - kept);
			put_escape(out, point);
			kept = at + (size_t)used;
		}
		at += (size_t)used;
	}
	text_add_n(out, s + kept, at - kept);
	text_add(out, "\"");
	return true;
}

static void put_hex(struct text *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	text_add(out, "\"");
	for (size_t i = 0; i < len; i++) {
		const char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};

		text_add_n(out, pair, 2);
	}
	text_add(out, "\"");
}

static int wrong_value(
	struct exporting *e, const struct tables_row *t, const char *column, const char *why)
{
	return err_set(e->err, ERR_DAMAGED, "a %s in table \"%s\" of \"%s\" %s", column, t->name,
		e->path, why);
}

static int put_value(struct exporting *e, const struct tables_row *t, int i, sqlite3_stmt *s)
{
	const struct tables_field *f = &t->fields[i];
	const int type = sqlite3_column_type(s, i);
	const int wanted = f->kind == TABLES_HISTOGRAM ? SQLITE_BLOB
		: f->kind < TABLES_TRUTH                   ? SQLITE_INTEGER
												   : SQLITE_TEXT;

	text_json_key(&e->line, f->name);
	if (type == SQLITE_NULL && f->nullable)
		text_add(&e->line, "null");
	else if (type != wanted)
		return wrong_value(e, t, f->name, "has a value of another type");
	else if (type == SQLITE_INTEGER)
		text_addf(&e->line, "%lld", (long long)sqlite3_column_int64(s, i));
	else if (type == SQLITE_BLOB)
		put_hex(&e->line, sqlite3_column_blob(s, i), (size_t)sqlite3_column_bytes(s, i));
	else if (!put_string(&e->line, (const char *)sqlite3_column_text(s, i),
				 (size_t)sqlite3_column_bytes(s, i)))
		return err_set(e->err, ERR_UTF8, "a %s in table \"%s\" of \"%s\" is not UTF-8", f->name,
			t->name, e->path);
	return 0;
}

static void begin_object(struct exporting *e, const struct tables_row *t)
{
	text_add(&e->line, "{");
	text_json_str(&e->line, "table", t->name);
}

/* Ends the object. 1 to go on, 0 when nobody wants more, -1 with err. */
static int end_object(struct exporting *e, const struct tables_row *t)
{
	text_add(&e->line, "}");
	if (e->line.len > TABLES_LINE_MAX)
		return err_set(e->err, ERR_TOO_LARGE,
			"a row in table \"%s\" of \"%s\" takes more than %d bytes as a line", t->name,
			e->path, TABLES_LINE_MAX);
	return export_line(e) ? 1 : 0;
}

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(
			   db, "main", table, column, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

static int put_table(struct exporting *e, const struct tables_row *t, int64_t *rows)
{
	struct text sql = {0};
	sqlite3_stmt *s;
	int code, good;

	for (size_t i = 0; i < t->count; i++) {
		const char *name = t->fields[i].name;

		text_add(&sql, i == 0 ? "SELECT " : ", ");
		if (t->fields[i].later && !has_column(e->db, t->name, name))
			text_add(&sql, "0");
		else
			text_addf(&sql, "\"%s\"", name);
	}
	text_addf(&sql, " FROM \"%s\" WHERE %s ORDER BY %s", t->name, t->part, t->order);
	good = export_prepare(e, text_str(&sql), &s);
	text_free(&sql);
	if (good < 0)
		return -1;
	while ((code = sqlite3_step(s)) == SQLITE_ROW && good == 0) {
		begin_object(e, t);
		for (size_t i = 0; i < t->count && good == 0; i++)
			good = put_value(e, t, (int)i, s);
		if (good == 0 && (good = end_object(e, t)) > 0) {
			++*rows;
			good = 0;
			export_row(e);
		}
		if (e->stopped)
			break;
	}
	return export_finish(e, s, code) < 0 || good < 0 ? -1 : 0;
}

static void put_begin(struct exporting *e)
{
	const struct tables_field *f = tables_begin.fields;

	begin_object(e, &tables_begin);
	text_json_str(&e->line, f[TABLES_BEGIN_SCHEMA].name, TABLES_SCHEMA);
	text_json_int(&e->line, f[TABLES_BEGIN_VERSION].name, SCHEMA_VERSION);
	text_json_bool(&e->line, f[TABLES_BEGIN_WHOLE].name,
		e->how->pool == NULL && e->how->since_ms == 0 && e->how->until_ms == 0);
	end_object(e, &tables_begin);
}

static int put_end(struct exporting *e, int64_t rows)
{
	const struct tables_field *f = tables_end.fields;
	sqlite3_stmt *s;
	int code;

	if (export_prepare(e,
			"SELECT seq, hash FROM (SELECT seq, hash FROM decision UNION ALL"
			" SELECT seq, hash FROM outcome UNION ALL SELECT seq, hash FROM event UNION ALL"
			" SELECT seq, hash FROM recording) ORDER BY seq DESC LIMIT 1",
			&s) < 0)
		return -1;
	code = sqlite3_step(s);
	begin_object(e, &tables_end);
	text_json_int(&e->line, f[TABLES_END_ROWS].name, rows);
	text_json_int(
		&e->line, f[TABLES_END_SEQ].name, code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0);
	text_json_str(&e->line, f[TABLES_END_HEAD].name,
		code == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 1) : NULL);
	end_object(e, &tables_end);
	return export_finish(e, s, code);
}

static int expect_tables(struct exporting *e, int version)
{
	int code = 0;

	for (int i = 0; i < TABLES_COUNT && code == 0; i++) {
		const struct tables_row *t = &tables_rows[i];
		struct text sql = {0};

		if (t->version > version)
			continue;
		text_addf(&sql, "SELECT count(*) FROM \"%s\" WHERE %s", t->name, t->part);
		code = export_expect(e, text_str(&sql));
		text_free(&sql);
	}
	return code;
}

int export_jsonl(struct exporting *e)
{
	int64_t rows = 0;
	int version;

	if (schema_recognise(e->db, e->path, &version, e->err) < 0 || expect_tables(e, version) < 0)
		return -1;
	put_begin(e);
	for (int i = 0; i < TABLES_COUNT && !e->stopped; i++) {
		if (tables_rows[i].version > version)
			continue;
		if (put_table(e, &tables_rows[i], &rows) < 0)
			return -1;
	}
	return e->stopped ? 0 : put_end(e, rows);
}

/* ---- all formats ---- */

int export_run(const char *path, const struct export_how *how,
	bool (*put)(void *ctx, const char *line, size_t len), void *ctx, struct err *err)
{
	static int (*const formats[])(struct exporting *) = {
		[EXPORT_JSONL] = export_jsonl,
		[EXPORT_CSV] = export_csv,
		[EXPORT_OPENMETRICS] = export_openmetrics,
	};
	struct exporting e = {.path = path, .how = how, .put = put, .ctx = ctx, .err = err};
	int code;

	assert(how->format < EXPORT_COUNT);
	if (schema_open_readonly(&e.db, path, err) < 0)
		return -1;
	code = check(&e, sqlite3_exec(e.db, "BEGIN", NULL, NULL, NULL));
	if (code == 0)
		code = formats[how->format](&e);
	text_free(&e.line);
	sqlite3_close(e.db);
	return code;
}
