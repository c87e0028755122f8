/* Exec JSON: reads the one JSON object of a line that a child process wrote. Strict: what it
 * accepts, every reader accepts and understands alike. (client/scan.h reads what comes over a
 * network; the engine stands below it.) */
#ifndef WEIR_CLIENT_ENGINE_EXEC_JSON_H
#define WEIR_CLIENT_ENGINE_EXEC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXEC_JSON_DEPTH_MAX 32

struct exec_json_member {
	const char *name;  /* the one looked for */
	const char *value; /* its bytes in the document; NULL where there is none */
	size_t len;
};

/* True for exactly one object with nothing behind it: RFC 8259 grammar, valid UTF-8, no raw
 * control byte, no \u0000, no half surrogate pair, at most EXEC_JSON_DEPTH_MAX deep, keys of
 * the outermost level written without escapes and none of the wanted ones twice. Fills the
 * values of the members wanted. */
bool exec_json_read(
	const char *data, size_t len, struct exec_json_member *wanted, size_t count);

/* The next item of an array that exec_json_read found; `*at` is 0 before the first. False behind
 * the last, and where the value is no array. */
bool exec_json_item(
	const struct exec_json_member *array, size_t *at, struct exec_json_member *item);

/* Decodes a string that exec_json_read found into `size` bytes, cut to fit at a character,
 * always NUL-terminated. False when the value is no string. Not cleaned. */
bool exec_json_text(const struct exec_json_member *m, char *out, size_t size);

/* A whole number 0..2^53-1 without fraction or exponent. */
bool exec_json_int(const struct exec_json_member *m, int64_t *out);

/* True when the value is this word: true, false, null. */
bool exec_json_is(const struct exec_json_member *m, const char *word);

#endif
