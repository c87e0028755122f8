/* Import: rows of an exchange file into a new history. Not the reader of lines: exchange.c.
 *
 * Invariants:
 * 1. The history has another name until it is whole; linking it to its own is the last step, and
 * fails where something has that name by then.
 * 2. Whatever fails, nothing is left; and nothing goes that was not made here.
 * 3. It gets no name beside which a log of another file waits: that would be written into it. */
#include "history/import.h"

#include "history/chain.h"
#include "history/exchange.h"
#include "history/schema.h"
#include "history/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASK_EVERY 256 /* rows between two questions whether to go on */

struct importing {
	struct exchange lines;
	const char *path; /* of the file while it is made */
	sqlite3 *db;
	sqlite3_stmt *insert[TABLES_COUNT];
	sqlite3_stmt *is_json;
	int64_t rows;
	bool begun, ended;
	struct import_report *out;
	const struct import_watch *watch;
	int64_t bytes; /* of the lines */
	struct err *err;
};

static enum schema_result result(struct importing *im, int code)
{
	return schema_result(im->err, im->db, code, "writing the history", im->path);
}

/* ---- rows ---- */

/* The key of a sample, and of a minute, is made of the first two columns. */
static int prepare_insert(struct importing *im, int table)
{
	const struct tables_row *t = &tables_rows[table];
	const size_t first = table >= TABLES_SAMPLE ? TABLES_SAMPLE_KEY : 0;
	struct text sql = {0};
	int code;

	text_addf(&sql, "INSERT INTO \"%s\" (%s", t->name, first > 0 ? "key" : "");
	for (size_t i = first; i < t->count; i++)
		text_addf(&sql, "%s\"%s\"", i > 0 ? ", " : "", t->fields[i].name);
	text_addf(&sql, ") VALUES (%s", first > 0 ? "?1 * (1 << 28) + ?2" : "");
	for (size_t i = first; i < t->count; i++)
		text_addf(&sql, "%s?%zu", i > 0 ? ", " : "", i + 1);
	text_add(&sql, ")");
	code = schema_prepare(&im->insert[table], im->db, text_str(&sql), im->path, im->err);
	text_free(&sql);
	return code;
}

static int check_json(
	struct importing *im, const struct tables_field *f, const struct exchange_value *v)
{
	bool good;

	sqlite3_bind_text64(im->is_json, 1, v->text.data, v->text.len, SQLITE_STATIC, SQLITE_UTF8);
	good = sqlite3_step(im->is_json) == SQLITE_ROW && sqlite3_column_int(im->is_json, 0) != 0;
	sqlite3_reset(im->is_json);
	return good ? 0
				: exchange_fail(&im->lines, v->at, im->err, ERR_FIELD,
					  "\"%s\" is no JSON document", f->name);
}

static int bind(struct importing *im, sqlite3_stmt *s, int i)
{
	const struct tables_field *f = &im->lines.table->fields[i];
	const struct exchange_value *v = &im->lines.values[i];

	if (v->is_null)
		sqlite3_bind_null(s, i + 1);
	else if (f->kind < TABLES_TRUTH)
		sqlite3_bind_int64(s, i + 1, v->n);
	else if (f->kind == TABLES_HISTOGRAM)
		sqlite3_bind_blob64(s, i + 1, v->text.data, v->text.len, SQLITE_STATIC);
	else
		sqlite3_bind_text64(s, i + 1, v->text.data, v->text.len, SQLITE_STATIC, SQLITE_UTF8);
	return f->kind == TABLES_JSON && !v->is_null ? check_json(im, f, v) : 0;
}

static int add_row(struct importing *im)
{
	const int table = (int)(im->lines.table - tables_rows);
	int code = 0;

	if (im->insert[table] == NULL && prepare_insert(im, table) < 0)
		return -1;
	for (size_t i = 0; i < im->lines.table->count && code == 0; i++)
		code = bind(im, im->insert[table], (int)i);
	if (code < 0)
		return -1;
	code = sqlite3_step(im->insert[table]);
	const enum schema_result r = result(im, code);

	if (r == SCHEMA_REFUSED)
		exchange_fail(&im->lines, 1, im->err, ERR_FIELD,
			"the row does not fit to those before it: %s", sqlite3_errmsg(im->db));
	sqlite3_reset(im->insert[table]);
	im->rows++;
	return r == SCHEMA_OK ? 0 : -1;
}

/* ---- the file ---- */

static int take_begin(struct importing *im)
{
	const struct exchange *x = &im->lines;
	const struct exchange_value *v = x->values;

	if (im->begun)
		return exchange_fail(x, 1, im->err, ERR_FIELD, "the first line comes again");
	im->begun = true;
	if (strcmp(v[TABLES_BEGIN_SCHEMA].text.data, TABLES_SCHEMA) != 0 ||
		v[TABLES_BEGIN_VERSION].n > SCHEMA_VERSION)
		return exchange_fail(x, v[TABLES_BEGIN_SCHEMA].at, im->err, ERR_NEWER,
			"written by a weir that this one does not know; use the newer weir");
	if (v[TABLES_BEGIN_VERSION].n < 1)
		return exchange_fail(
			x, v[TABLES_BEGIN_VERSION].at, im->err, ERR_FIELD, "no version of a history");
	if (v[TABLES_BEGIN_WHOLE].n == 0)
		return exchange_fail(x, v[TABLES_BEGIN_WHOLE].at, im->err, ERR_FIELD,
			"this is a part of a history, whose chain cannot be whole; export all of it");
	return 0;
}

static int take_end(struct importing *im)
{
	const struct exchange *x = &im->lines;
	const struct exchange_value *v = x->values;

	im->ended = true;
	if (v[TABLES_END_ROWS].n != im->rows)
		return exchange_fail(x, v[TABLES_END_ROWS].at, im->err, ERR_FIELD,
			"%lld rows stand before this line: some are missing, or too many",
			(long long)im->rows);
	im->out->head_seq = v[TABLES_END_SEQ].n;
	if (!v[TABLES_END_HEAD].is_null)
		text_copy(im->out->head, sizeof im->out->head, v[TABLES_END_HEAD].text.data);
	return 0;
}

static int take_line(struct importing *im)
{
	const struct exchange *x = &im->lines;

	if (im->ended)
		return exchange_fail(x, 1, im->err, ERR_DOCUMENT, "a line behind the last one");
	if (x->table == &tables_begin)
		return take_begin(im);
	if (!im->begun)
		return exchange_fail(x, 1, im->err, ERR_FIELD,
			"the first line must be of table \"%s\": is this an export of weir?",
			tables_begin.name);
	return x->table == &tables_end ? take_end(im) : add_row(im);
}

static bool goes_on(const struct importing *im)
{
	const struct import_watch *w = im->watch;

	return w == NULL || w->progress == NULL ||
		w->progress(w->ctx, false, ftell(im->lines.file), im->bytes);
}

static int read_lines(struct importing *im)
{
	int more;

	while ((more = exchange_next(&im->lines, im->err)) > 0) {
		if (take_line(im) < 0)
			return -1;
		if (im->lines.line % ASK_EVERY == 0 && !goes_on(im))
			return err_set(im->err, ERR_SYSTEM, "the import was interrupted");
	}
	if (more == 0 && !im->ended)
		return exchange_fail(&im->lines, 1, im->err, ERR_DOCUMENT,
			"the last line (table \"%s\") is missing: the file was cut", tables_end.name);
	return more;
}

static int write_rows(struct importing *im)
{
	if (result(im, sqlite3_exec(im->db, "BEGIN IMMEDIATE", NULL, NULL, NULL)) != SCHEMA_OK ||
		schema_prepare(&im->is_json, im->db, "SELECT json_valid(?1)", im->path, im->err) < 0 ||
		read_lines(im) < 0)
		return -1;
	return result(im, sqlite3_exec(im->db, "COMMIT", NULL, NULL, NULL)) == SCHEMA_OK ? 0 : -1;
}

static int fill(struct importing *im)
{
	int code;

	if (schema_open(&im->db, im->path, false, im->err) < 0)
		return -1;
	code = write_rows(im);
	for (int t = 0; t < TABLES_COUNT; t++)
		sqlite3_finalize(im->insert[t]);
	sqlite3_finalize(im->is_json);
	/* checkpoints: the rows are in the file and on the disk */
	if (sqlite3_close(im->db) != SQLITE_OK && code == 0)
		code = err_set(im->err, ERR_DISK, "\"%s\" cannot be closed", im->path);
	return code;
}

static void check_goes_on(void *ctx, int64_t done, int64_t total)
{
	const struct import_watch *w = ctx;

	w->progress(w->ctx, true, done, total);
}

static int verify(struct importing *im)
{
	struct import_watch watch = {0};
	struct chain_report r;

	if (im->watch != NULL)
		watch = *im->watch;
	if (chain_verify(&r, im->path, NULL, watch.progress != NULL ? check_goes_on : NULL, &watch,
			im->err) < 0)
		return -1;
	if (r.broken_seq != 0)
		return err_set(im->err, ERR_CHAIN, "row %lld (%s) of \"%s\": %s",
			(long long)r.broken_seq, r.table, im->lines.name, r.why);
	if (r.head_seq != im->out->head_seq || strcmp(r.head, im->out->head) != 0)
		return err_set(im->err, ERR_CHAIN,
			"the chain in \"%s\" does not end where its last line says", im->lines.name);
	return 0;
}

static void remove_with(const char *path, const char *tail)
{
	struct text name = {0};

	text_addf(&name, "%s%s", path, tail);
	unlink(text_str(&name));
	text_free(&name);
}

/* So that the name is on the disk too. */
static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct text dir = {0};
	int fd, code = -1;

	text_add_n(
		&dir, slash != NULL ? path : ".", slash != NULL ? (size_t)(slash - path) + 1 : 1);
	fd = open(text_str(&dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		code = fsync(fd);
		close(fd);
	}
	text_free(&dir);
	return code;
}

/* Whatever has this name already, or stands beside it, is not ours. */
static int check_name(const char *to, struct err *err)
{
	static const char *const tails[] = {"-wal", "-journal"};
	struct text name = {0};
	struct stat st;
	int code = 0;

	if (lstat(to, &st) == 0)
		return err_set(err, ERR_FILE, "\"%s\" exists already; name a new file", to);
	for (size_t i = 0; i < sizeof tails / sizeof *tails && code == 0; i++) {
		text_clear(&name);
		text_addf(&name, "%s%s", to, tails[i]);
		if (lstat(text_str(&name), &st) == 0)
			code = err_set(err, ERR_FILE, "\"%s\" is left of another file; move it away first",
				text_str(&name));
	}
	text_free(&name);
	return code;
}

static int make_file(struct importing *im, const char *to)
{
	const int fd = open(im->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);

	if (fd < 0)
		return err_set(im->err, ERR_FILE, "\"%s\" cannot be made: %s", to, strerror(errno));
	close(fd);
	return 0;
}

static int publish(struct importing *im, const char *to)
{
	if (check_name(to, im->err) < 0)
		return -1;
	if (link(im->path, to) < 0)
		return errno == EEXIST
			? err_set(im->err, ERR_FILE, "\"%s\" exists already; name a new file", to)
			: err_set(im->err, ERR_FILE, "\"%s\" cannot be made: %s", to, strerror(errno));
	if (sync_directory(to) == 0)
		return 0;
	err_set(im->err, ERR_DISK, "\"%s\" cannot be put on the disk: %s", to, strerror(errno));
	unlink(to);
	return -1;
}

int import_run(struct import_report *out, FILE *from, const char *name, const char *to,
	const struct import_watch *watch, struct err *err)
{
	struct importing im = {.out = out, .watch = watch, .err = err};
	struct text path = {0};
	struct stat st;
	bool made;
	int code;

	memset(out, 0, sizeof *out);
	if (check_name(to, err) < 0)
		return -1;
	text_addf(&path, "%s.import-%ld.%08x", to, (long)getpid(), (unsigned)chain_random());
	im.path = text_str(&path);
	exchange_init(&im.lines, from, name);
	code = make_file(&im, to);
	made = code == 0;
	if (made && watch != NULL && watch->making != NULL)
		watch->making(watch->ctx, im.path);
	if (fstat(fileno(from), &st) == 0)
		im.bytes = st.st_size;
	if (code == 0)
		code = fill(&im);
	if (code == 0)
		code = verify(&im);
	if (code == 0)
		code = publish(&im, to);
	out->rows = im.rows;
	exchange_release(&im.lines);
	if (made) {
		remove_with(im.path, "");
		remove_with(im.path, "-wal");
		remove_with(im.path, "-shm");
	}
	text_free(&path);
	return code;
}
