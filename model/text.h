/* Text: growable buffers, UTF-8, and the one cleaner that all remote text passes.
 * Nothing here depends on the locale. */
#ifndef WEIR_MODEL_TEXT_H
#define WEIR_MODEL_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A growable string; zero-initialised is empty. `data` is NULL or NUL-terminated. */
struct text {
	char *data;
	size_t len;
	size_t cap;
};

void text_add(struct text *t, const char *s);
void text_add_n(struct text *t, const char *s, size_t len);
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addv(struct text *t, const char *format, va_list args);
/* Appends `s` as a JSON string with quotes; invalid UTF-8 becomes U+FFFD, what
 * text_is_hidden becomes \uXXXX. NULL gives null. */
void text_add_json(struct text *t, const char *s);
/* Appends a number in the fewest digits that read back as it; null for one that is not finite. */
void text_add_real(struct text *t, double value);
/* Appends one name:value member; a comma before it unless the last byte opens the object. */
void text_json_str(struct text *t, const char *name, const char *value); /* NULL: null */
void text_json_int(struct text *t, const char *name, int64_t value);     /* UNKNOWN: null */
void text_json_real(struct text *t, const char *name, double value);     /* not finite: null */
void text_json_bool(struct text *t, const char *name, bool value);
/* Appends `"name":` (with its comma) before a value the caller writes. */
void text_json_key(struct text *t, const char *name);
void text_clear(struct text *t); /* empties, keeps the memory */
void text_free(struct text *t);  /* frees, zeroes */
/* The string, never NULL; borrowed. */
const char *text_str(const struct text *t);
/* The string, moved to the caller, who frees it; the buffer is empty after. */
char *text_take(struct text *t);

/* Copies at most size-1 bytes, always ends with NUL, never cuts a UTF-8 sequence. Returns true
 * when all of `src` fitted. */
bool text_copy(char *dst, size_t size, const char *src);

/* Decodes one code point of valid UTF-8 (no overlong form, surrogate or value over U+10FFFF).
 * Returns the bytes used, 0 at the end (len 0), -1 when the bytes are not UTF-8. */
int text_decode(const char *s, size_t len, uint32_t *point);

/* Encodes a code point; returns 1 to 4 bytes written, no NUL. */
int text_encode(uint32_t point, char out[4]);

/* True when `len` bytes are valid UTF-8. */
bool text_valid(const char *s, size_t len);

/* The length of `s` without a UTF-8 sequence that was cut at its end. */
size_t text_whole(const char *s, size_t len);

/* Drops, in place, what is no whole UTF-8 character: what a precision left of one. */
void text_mend(char *s);

/* Columns a code point takes on a terminal: 0 combining, 1, 2 wide. Source: the ranges of
 * Unicode 15 East Asian Width W/F, general categories Mn, Me, and conjoining Hangul. */
int text_columns(uint32_t point);

/* Columns of a whole valid string. */
int text_width(const char *s);

/* True for what a terminal obeys or hides, or draws nobody knows how wide: C0, DEL, C1, line
 * separators, bidi, zero-width, tag, variation and other format or ignorable characters,
 * private use, what Unicode 15 does not assign. */
bool text_is_hidden(uint32_t point);

/* Makes remote text fit to show: C0, DEL and C1 as ^X (C1 as ^[X), bad UTF-8 bytes as <FF>,
 * what else text_is_hidden as <U+202E>, at most 4 combining marks behind one character, the
 * rest dropped; a mark with no character before it as <U+0301>. Always NUL-terminated, never
 * cut inside a character or an escape. Idempotent on its own output.
 * Returns the bytes written without the NUL. */
size_t text_clean(char *dst, size_t size, const char *src, size_t len);

/* The same in place of a NUL-terminated buffer of `size` bytes. */
void text_clean_in(char *buffer, size_t size);

/* True when `s` is 1 to `max` bytes of [A-Za-z0-9._:-], the first not '.' or '-': what may
 * stand in a path, a header, a command line of another program. */
bool text_is_name(const char *s, size_t max);

/* The word of `words` (NULL-terminated) nearest to `given`, at most 2 edits away (1 for words
 * of up to 3 letters); NULL when none is. Borrowed from `words`. */
const char *text_nearest(const char *given, const char *const *words);

#endif
