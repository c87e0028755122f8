/* Wire fields: one table row is one field of a weir.pool/1 object. The same row reads it,
 * writes it and tells the tests what to try. */
#ifndef WEIR_CLIENT_WIRE_FIELD_H
#define WEIR_CLIENT_WIRE_FIELD_H

#include "model/err.h"
#include "model/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cJSON;
struct operation_set; /* model/pool.h */

#define WIRE_INTEGER_MAX ((INT64_C(1) << 53) - 1)

/* What a field holds, and in C when it is missing or null. */
enum wire_kind {
	WIRE_INT,   /* int64_t: an integer; UNKNOWN */
	WIRE_SHARE, /* int: basis points, or another small number; -1 */
	WIRE_REAL,  /* double: a number; NaN */
	WIRE_BOOL,  /* bool; false */
	WIRE_NAME,  /* char[size]: refused unless text_is_name; "" */
	WIRE_TEXT,  /* char[size]: cleaned, cut to fit; "" */
	WIRE_LINE,  /* char[size]: cleaned, refused when it does not fit; "" */
	WIRE_WORD,  /* an enum by its word; the enum's count */
};

/* The words of an enum, by its values. */
struct wire_words {
	const char *const *word;
	int count;
};

extern const struct wire_words wire_strategies, wire_orphans, wire_guard_states, wire_verdicts,
	wire_guard_actions, wire_arms, wire_worker_states, wire_breakers;

struct wire_field {
	const char *name;
	enum wire_kind kind;
	bool required; /* else it may be missing or null */
	size_t offset, size;
	int64_t min, max; /* of a number; of a text min is the least length in bytes, of a word
	                     the first value */
	const struct wire_words *words; /* of a word */
};

/* Rows; `type` is the struct that the fields lie in. */
#define WIRE_ROW_OF(type, member, json, holds, needed, least, most, of) \
	{ \
		.name = json, .kind = holds, .required = needed, .offset = offsetof(type, member), \
		.size = sizeof(((type *)0)->member), .min = least, .max = most, .words = of \
	}
#define WIRE_ROW(type, member, name, kind, required, min, max) \
	WIRE_ROW_OF(type, member, name, kind, required, min, max, NULL)
#define WIRE_ROW_COUNT(type, member, name, required) \
	WIRE_ROW(type, member, name, WIRE_INT, required, 0, WIRE_INTEGER_MAX)
#define WIRE_ROW_SHARE(type, member, name, required) \
	WIRE_ROW(type, member, name, WIRE_SHARE, required, 0, 10000)
#define WIRE_ROW_TEXT(type, member, name, kind, required) \
	WIRE_ROW(type, member, name, kind, required, required, 0)
#define WIRE_ROW_WORD(type, member, name, words, required) \
	WIRE_ROW_OF(type, member, name, WIRE_WORD, required, 0, 0, words)

/* The fields of one object; `path` is where it lies in the document ("" or ending in a dot). */
struct wire_table {
	const char *path;
	const struct wire_field *fields;
	size_t count;
};

/* Scans and parses one JSON object. The caller frees it with cJSON_Delete. NULL with err. */
struct cJSON *wire_parse(const char *body, size_t len, struct err *err);

/* Reads `fields` of `object` into the struct at `base`; a NULL object has no field. 0, or -1
 * with ERR_FIELD naming `path` and the field. */
int wire_read_fields(void *base, const struct cJSON *object, const char *path,
	const struct wire_field *fields, size_t count, struct err *err);

/* Scans, parses and reads one flat object. 0, or -1 with err. */
int wire_read_flat(void *base, const char *body, size_t len, const struct wire_field *fields,
	size_t count, struct err *err);

/* The nested object or array `name`; *out is NULL where it is missing or null and not required.
 * 0, or -1 with ERR_FIELD. */
int wire_object(const struct cJSON **out, const struct cJSON *parent, const char *path,
	const char *name, bool required, struct err *err);
int wire_array(const struct cJSON **out, const struct cJSON *parent, const char *path,
	const char *name, struct err *err);

/* A number that is a whole one within min..max. */
bool wire_integer(const struct cJSON *item, int64_t min, int64_t max, int64_t *out);

/* Appends the fields as members; what is unknown or "" is null. */
void wire_write_fields(
	struct text *out, const void *base, const struct wire_field *fields, size_t count);

/* The member "operations": a list of different names, at most OPERATIONS_MAX, ERR_TOO_MANY
 * beyond; null or missing is no limit (written of NULL). */
int wire_read_operations(
	struct operation_set *out, const struct cJSON *parent, struct err *err);
void wire_write_operations(struct text *out, const struct operation_set *set);

/* The same of whole tables. */
#define WIRE_LENGTH(array) (sizeof(array) / sizeof *(array))
#define WIRE_READ(base, object, path, fields, err) \
	wire_read_fields(base, object, path, fields, WIRE_LENGTH(fields), err)
#define WIRE_READ_FLAT(base, body, len, fields, err) \
	wire_read_flat(base, body, len, fields, WIRE_LENGTH(fields), err)
#define WIRE_WRITE(out, base, fields) wire_write_fields(out, base, fields, WIRE_LENGTH(fields))

#endif
