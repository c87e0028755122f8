/* YAML binding: a map read into a struct by a table of its keys. The table is the truth about
 * the keys: reading, errors, suggestions, tests and the manual come from it. */
#ifndef WEIR_TUI_YAML_BIND_H
#define WEIR_TUI_YAML_BIND_H

#include "tui/yaml.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, C type of the field, what is expected, for errors) */
#define YAML_TYPE_INFO(X) \
	X(BOOL, bool, "true or false") \
	X(INT, int64_t, "a whole number such as 300") \
	X(REAL, double, "a number such as 0.5") \
	X(FRACTION, double, "a fraction such as 0.05, or 5%") \
	X(DURATION, int64_t, "a duration such as 250ms, 90s, 10m, 1h30m or 3d") \
	X(MICROS, int64_t, "a short time such as 250us, 2ms or 1s") \
	X(SHARE, int, "a share of v2 such as 25%, 0.5% or 2500bp") \
	X(BYTES, int64_t, "a size such as 512MiB or 2GiB") \
	X(NAME, char[], "a name of letters, digits and . _ : -") \
	X(STRING, char[], "text") \
	X(WORD, char[], "one of the words of the row") \
	X(ENUM, enum, "one of the words of the row, by its index") \
	X(MAP, struct, "keys and values") \
	X(LIST, array and int, "a list") \
	X(CUSTOM, any, "what its reader says")

enum yaml_type {
#define X(name, field, expected) YAML_TYPE_##name,
	YAML_TYPE_INFO(X)
#undef X
		YAML_TYPE_COUNT
};

/* Reads one node into a field in its own way. Returns 0, or -1 with err (yaml_fail). */
typedef int yaml_read_fn(
	const struct yaml_doc *doc, const struct yaml_node *node, void *field, struct err *err);

struct yaml_row {
	const char *key;
	enum yaml_type type;
	size_t offset;   /* of the field in its struct */
	double min, max; /* inclusive, in the field's unit; LIST: of items */
	bool required;
	const char *fallback; /* as one would write it, where the key is missing; NULL: untouched */
	const char *help;
	size_t size;              /* NAME, STRING, WORD: of the field, with NUL; LIST: of an item */
	const char *const *words; /* WORD, ENUM: NULL-terminated, an ENUM's in its order */
	const struct yaml_table *table; /* MAP; LIST of maps */
	yaml_read_fn *read;             /* CUSTOM; LIST of anything else */
	size_t count_offset;            /* LIST: of the int that counts */
};

struct yaml_table {
	const char *what; /* "a pool" */
	const struct yaml_row *rows;
	size_t count;
};

#define YAML_TABLE(name, what, rows) \
	const struct yaml_table name = {what, rows, sizeof(rows) / sizeof((rows)[0])}

/* Reads a map into `out`, which the caller has initialised: unknown, missing and wrong keys are
 * errors at their place. On failure `out` is partly filled. */
int yaml_bind(const struct yaml_doc *doc, const struct yaml_node *map,
	const struct yaml_table *table, void *out, struct err *err);

/* The text of a scalar that has a value; else NULL with err, which says what is expected. */
const char *yaml_scalar(const struct yaml_doc *doc, const struct yaml_node *node,
	const char *expected, struct err *err);

/* Reads `text`, which is (a part of) what `node` says, as a share. 0, or -1 with err. */
int yaml_read_share(const struct yaml_doc *doc, const struct yaml_node *node, const char *text,
	int *share_bp, struct err *err);

/* Fails with what was written and what is expected instead. */
int yaml_fail_expected(const struct yaml_doc *doc, const struct yaml_node *node,
	const char *expected, struct err *err);

/* True when text shows as it is: text_clean would leave it alone. */
bool yaml_is_clean(const char *s);

#endif
