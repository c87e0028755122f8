/* Scan: the strict JSON scanner in front of cJSON. Accepts exactly one document that every
 * reader understands alike. */
#ifndef WEIR_CLIENT_SCAN_H
#define WEIR_CLIENT_SCAN_H

#include "model/err.h"

#include <stddef.h>

#define SCAN_SIZE_MAX (1024 * 1024)
#define SCAN_DEPTH_MAX 32

/* Checks: size, depth, valid UTF-8 without NUL or raw controls in strings, no \u0000, no lone
 * surrogate, no duplicate key in one object (case-sensitive, after unescaping; keys equal but
 * for ASCII case are refused too), one document without anything behind it, RFC 8259 number
 * grammar, finite as a double, integers (no fraction, no exponent) within 2^53 - 1. 0, or -1
 * with the code (W105, W170..W177) and the byte offset. */
int scan_document(const char *data, size_t len, struct err *err);

/* The same, and the bytes of the outermost object's member `name` (written without escapes), as
 * they stand in `data`: *value is borrowed, NULL where there is none. */
int scan_member(const char *data, size_t len, const char *name, const char **value,
	size_t *value_len, struct err *err);

#endif
