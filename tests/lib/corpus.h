/* Corpus: strings that somebody hostile may choose as a name, a reason or a word of an answer,
 * and the judge of what may never reach a terminal. The judge has tables of its own, so that it
 * cannot share a mistake with the cleaner. */
#ifndef WEIR_TESTS_LIB_CORPUS_H
#define WEIR_TESTS_LIB_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORPUS_COUNT 240

struct corpus_row {
	const char *bytes; /* with a NUL behind them; some have one inside */
	size_t len;
	bool is_text; /* valid UTF-8 without a NUL: may stand in a JSON document */
};

/* The i-th of CORPUS_COUNT; the same in every run. */
const struct corpus_row *corpus_row(int i);

/* The row as a JSON string with its quotes: what JSON must escape is escaped, all else is there
 * as it is, broken bytes too. The caller frees. */
char *corpus_json(const struct corpus_row *row);

/* Nothing leaks where this returns NULL: valid UTF-8 in which a terminal obeys nothing but a
 * newline and hides nothing. Else words that say what leaks and where; until the next call. */
const char *corpus_leak(const char *bytes, size_t len);

/* True for a code point that a terminal obeys, hides, or moves others by; not for a newline. */
bool corpus_is_bad_point(uint32_t point);

#endif
