/* Tables: the tables of a history as an exchange file has them: which, in which order, with
 * which columns. For export and import; the schema itself is schema.c's. */
#ifndef WEIR_HISTORY_TABLES_H
#define WEIR_HISTORY_TABLES_H

#include <stdbool.h>
#include <stddef.h>

#define TABLES_FIELDS_MAX 48
#define TABLES_LINE_MAX (1024 * 1024) /* bytes of a line, without its end */
#define TABLES_SCHEMA "weir.history/1"

enum tables_kind {
	TABLES_INT,
	TABLES_ROW_ID,    /* an integer, 1 or more */
	TABLES_SERIES,    /* an integer below 2^28 */
	TABLES_TENTHS,    /* an integer, 2^28 of which an integer can hold */
	TABLES_SHARE,     /* basis points */
	TABLES_BIT,       /* 0 or 1 */
	TABLES_TRUTH,     /* true or false: no column has it */
	TABLES_TEXT,      /* bounded by its line */
	TABLES_JSON,      /* a text that is a JSON document */
	TABLES_KEY,       /* a text of 64 hex digits: a public key or a hash */
	TABLES_SIGNATURE, /* a text of 128 hex digits */
	TABLES_HISTOGRAM, /* bytes of sparse.h, as hex digits */
};

struct tables_field {
	const char *name;
	enum tables_kind kind;
	bool nullable;
	bool later; /* missing in older files: 0 there */
};

struct tables_row {
	const char *name;
	const struct tables_field *fields; /* the first two of `sample` and `rollup` make the key */
	size_t count;
	const char *order; /* the columns by which its rows are sorted */
	const char *part;  /* which rows a part has: ?1 pool, ?2 since, ?3 until in ms, or null */
	int version;       /* of the schema that brought it: older files have no such table */
};

/* In the order in which they are written: what is referred to comes first. */
enum {
	TABLES_KEYS,
	TABLES_POOL,
	TABLES_NODE,
	TABLES_RECORDING,
	TABLES_DECISION,
	TABLES_OUTCOME,
	TABLES_EVENT,
	TABLES_SERIES_OF,
	TABLES_QUARANTINE,
	TABLES_SAMPLE,
	TABLES_ROLLUP,
	TABLES_COUNT
};
extern const struct tables_row tables_rows[TABLES_COUNT];

/* The columns of a sample, and of a minute of samples, that are made of its key: t and series, its
 * first. */
enum { TABLES_SAMPLE_KEY = 2 };

/* The first line of an exchange file, and the last. */
extern const struct tables_row tables_begin, tables_end;
enum { TABLES_BEGIN_SCHEMA, TABLES_BEGIN_VERSION, TABLES_BEGIN_WHOLE };
enum { TABLES_END_ROWS, TABLES_END_SEQ, TABLES_END_HEAD };

/* The digits that a text of this kind has, 0: any length. */
size_t tables_digits(enum tables_kind kind);

#endif
