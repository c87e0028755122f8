/* Exchange: the lines of an exchange file, read strictly. */
#ifndef WEIR_HISTORY_EXCHANGE_H
#define WEIR_HISTORY_EXCHANGE_H

#include "history/tables.h"
#include "model/err.h"
#include "model/text.h"

#include <stdint.h>
#include <stdio.h>

/* A value of a line. Its kind fits that of its field, and it is in its bounds. */
struct exchange_value {
	bool is_null;
	int64_t n;        /* of integers and truths */
	struct text text; /* of texts; of a histogram its bytes. `data` is never NULL */
	int at;           /* its column, from 1 */
};

struct exchange {
	FILE *file;
	const char *name; /* in errors */
	int64_t line;     /* of the row last read, from 1 */
	struct text bytes;
	const struct tables_row *table; /* of that row */
	struct exchange_value values[TABLES_FIELDS_MAX];
};

/* Begins before the first line; `file` and `name` are borrowed. */
void exchange_init(struct exchange *x, FILE *file, const char *name);
void exchange_release(struct exchange *x);

/* Reads the next line: one JSON object, its table first, every column of it once and no other. 1
 * when there is a row, 0 behind the last line, -1 with an err that begins file:line:column. */
int exchange_next(struct exchange *x, struct err *err);

/* Sets an err about a place of the row last read. Returns -1. */
int exchange_fail(const struct exchange *x, int column, struct err *err, enum err_code code,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
