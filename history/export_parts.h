/* Export, inside: what the formats share. For export*.c only. */
#ifndef WEIR_HISTORY_EXPORT_PARTS_H
#define WEIR_HISTORY_EXPORT_PARTS_H

#include "history/export.h"
#include "model/text.h"

struct sqlite3;
struct sqlite3_stmt;

struct exporting {
	struct sqlite3 *db;
	const char *path;
	const struct export_how *how;
	bool (*put)(void *ctx, const char *line, size_t len);
	void *ctx;
	struct text line; /* the one that is being made */
	bool stopped;     /* nobody wants more */
	int64_t done, total; /* rows; total 0: nobody asks */
	struct err *err;
};

/* Prepares a statement with pool, since and until as ?1 to ?3. 0, or -1 with err. */
int export_prepare(struct exporting *e, const char *sql, struct sqlite3_stmt **out);
/* Ends a statement that was stepped to `code`. 0, or -1 with err. */
int export_finish(struct exporting *e, struct sqlite3_stmt *s, int code);
/* Ends the line, gives it away and begins the next. False when nobody wants more. */
bool export_line(struct exporting *e);

/* A row was read. */
void export_row(struct exporting *e);
/* Adds the rows of a statement with one number to those that are to be read, where somebody asks how
 * far it is. 0, or -1 with err. */
int export_expect(struct exporting *e, const char *sql);

/* The formats, each from the first line to the last. 0, or -1 with err. */
int export_jsonl(struct exporting *e);
int export_csv(struct exporting *e);
int export_openmetrics(struct exporting *e);

#endif
