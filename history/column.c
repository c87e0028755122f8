/* Column: values of rows as the model has them. Not the statements: those are their readers'. */
#include "history/column.h"

#include "model/text.h"
#include "model/unit.h"

#include <sqlite3.h>

int64_t column_number(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? UNKNOWN
														 : sqlite3_column_int64(s, column);
}

int column_share(sqlite3_stmt *s, int column)
{
	const int64_t bp = column_number(s, column);

	return bp >= 0 && bp <= SHARE_FULL ? (int)bp : -1;
}

void column_text(sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	text_clean(out, size, text != NULL ? text : "",
		text != NULL ? (size_t)sqlite3_column_bytes(s, column) : 0);
}
