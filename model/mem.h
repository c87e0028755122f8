/* Memory that is there: allocation that never returns NULL.
 * Out of memory ends the program (exit 70) after a hook has restored the terminal. */
#ifndef WEIR_MODEL_MEM_H
#define WEIR_MODEL_MEM_H

#include <stddef.h>

/* `count` zeroed elements of `size` bytes; the caller frees. A product that overflows is out of
 * memory. Zero elements give a pointer that can be freed. */
void *mem_new(size_t count, size_t size);

/* The same, at a multiple of `align` bytes, a power of two. */
void *mem_new_aligned(size_t count, size_t size, size_t align);

/* Resizes `old` (may be NULL) to `count` elements; new bytes are not zeroed. */
void *mem_resize(void *old, size_t count, size_t size);

/* A copy of a string; NULL gives NULL. The caller frees. */
char *mem_copy(const char *s);

/* A copy of `len` bytes with a NUL behind them. The caller frees. */
char *mem_copy_n(const char *s, size_t len);

/* Grows `*array` (elements of `size` bytes, capacity `*cap`) so that `need` elements fit;
 * doubles, so that appending is linear. */
void mem_grow(void *array_ptr, size_t *cap, size_t need, size_t size);

/* Called once, before the process exits for lack of memory; NULL for none. */
void mem_on_failure(void (*hook)(void));

/* Ends the process as out of memory does. For libraries whose allocation failed. */
_Noreturn void mem_fail(void);

#endif
