/* What the parts of a query share. For query*.c alone. */
#ifndef WEIR_HISTORY_QUERY_PARTS_H
#define WEIR_HISTORY_QUERY_PARTS_H

#include "history/query.h"

#include <stdbool.h>
#include <stdint.h>

struct sqlite3_stmt;

struct query {
	struct sqlite3 *db;
	bool owns;
	char *path;
};

/* A column's text into a field that is an array. */
#define TAKE(s, column, field) column_text(s, column, field, sizeof(field))

int query_prepare(struct query *q, const char *sql, struct sqlite3_stmt **out, struct err *err);

/* Ends a statement that was stepped to `code`. */
int query_finish(struct query *q, struct sqlite3_stmt *s, int code, struct err *err);

void query_bind_text(struct sqlite3_stmt *s, int at, const char *text); /* NULL: null */
void query_bind_bound(struct sqlite3_stmt *s, int at, int64_t n);       /* 0: any */

#endif
