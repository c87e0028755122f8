/* Fit: a sentence made to fit some columns. Its writer marks what may be shortened or left out, so
 * that what must be read stays whole and what is missing is seen to be. */
#ifndef WEIR_MODEL_FIT_H
#define WEIR_MODEL_FIT_H

#include <stddef.h>

/* For the format of a sentence: a string that may be shortened, to FIT_LEAST columns and a mark,
 * and one that is left out whole where there is no room for it. */
#define FIT "\1%s\2"
#define FIT_OR_NONE "\3%s\4"

#define FIT_LEAST 8
#define FIT_MARK "\xe2\x80\xa6" /* stands where something was cut off */

/* How many bytes of a text stand in a row of `columns`: to the last blank in it, else all that fits;
 * of a text that is not empty at least one character. */
size_t fit_words(const char *text, int columns);

/* Makes `sentence` fit `columns` in place: leaves out what may be, the last of it first; shortens
 * the widest of what may be shortened; then cuts its end. What was cut ends with FIT_MARK, which
 * may take 2 bytes more of `size`. Takes the marks out, and what is no whole UTF-8 character. */
void fit(char *sentence, size_t size, int columns);

#endif
