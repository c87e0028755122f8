/* Scanner: a second, slower reader of JSON to hold the program's against, and random documents,
 * good and bad, to try both with. */
#ifndef WEIR_TESTS_LIB_SCANNER_H
#define WEIR_TESTS_LIB_SCANNER_H

#include "model/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Whether a text is one document that every reader understands alike, by RFC 8259 and the limits
 * of weir.pool/1. */
bool scanner_accepts(const char *text);

/* Set `random` to a seed, not 0; free `out` with text_free. */
struct scanner_maker {
	uint64_t random;
	struct text out; /* the document */
	int depth;
};

/* Makes the next document: random, and one in three spoilt. */
void scanner_make(struct scanner_maker *m);

/* A number below `below` (>= 1). */
unsigned scanner_draw(struct scanner_maker *m, unsigned below);

#endif
