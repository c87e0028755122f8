/* Column: the values of a row that is stepped to, as the model has them: unknown where they are NULL,
 * in range, cleaned. For the readers of history/. */
#ifndef WEIR_HISTORY_COLUMN_H
#define WEIR_HISTORY_COLUMN_H

#include <stddef.h>
#include <stdint.h>

struct sqlite3_stmt;

/* An integer; UNKNOWN for NULL. */
int64_t column_number(struct sqlite3_stmt *s, int column);

/* A share in basis points; -1 for NULL and out of range. */
int column_share(struct sqlite3_stmt *s, int column);

/* A text, cleaned and cut to fit; "" for NULL. */
void column_text(struct sqlite3_stmt *s, int column, char *out, size_t size);

#endif
