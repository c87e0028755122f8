/* Memory: allocation that ends the program when there is none. Not a pool, not an arena.
 *
 * 1. No function here returns NULL, but mem_copy and mem_copy_n of NULL.
 * 2. The hook runs at most once, even when the hook itself runs out of memory. */
#include "model/mem.h"
#include "model/err.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The one thing a failing allocation deep in a library can still reach. */
static void (*_Atomic failure_hook)(void);

/* The product as a size malloc accepts; at least 1, so that there is something to free. */
static size_t bytes_of(size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX)
		mem_fail();
	return bytes ? bytes : 1;
}

void *mem_new(size_t count, size_t size)
{
	void *new = calloc(1, bytes_of(count, size));
	if (!new)
		mem_fail();
	return new;
}

void *mem_new_aligned(size_t count, size_t size, size_t align)
{
	size_t bytes = bytes_of(count, size);
	size_t whole = bytes + (align - bytes % align) % align;
	void *p = aligned_alloc(align, whole);
	if (!p)
		mem_fail();
	memset(p, 0, whole);
	return p;
}

void *mem_resize(void *old, size_t count, size_t size)
{
	void *new = realloc(old, bytes_of(count, size));
	if (!new)
		mem_fail();
	return new;
}

char *mem_copy(const char *s)
{
	return s ? mem_copy_n(s, strlen(s)) : NULL;
}

char *mem_copy_n(const char *s, size_t len)
{
	if (!s)
		return NULL;
	if (len == SIZE_MAX)
		mem_fail();
	char *copy = mem_resize(NULL, len + 1, 1);
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void mem_grow(void *array_ptr, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return;
	size_t new_cap = *cap < 8 ? 8 : *cap;
	while (new_cap < need)
		new_cap = new_cap > SIZE_MAX / 2 ? need : new_cap * 2;
	/* Copied in and out: a `struct x *` must not be read through a `void **`. */
	void *array;
	memcpy(&array, array_ptr, sizeof array);
	array = mem_resize(array, new_cap, size);
	memcpy(array_ptr, &array, sizeof array);
	*cap = new_cap;
}

void mem_on_failure(void (*hook)(void))
{
	atomic_store(&failure_hook, hook);
}

_Noreturn void mem_fail(void)
{
	void (*hook)(void) = atomic_exchange(&failure_hook, NULL);
	if (hook)
		hook();
	_Exit(EXIT_MEMORY);
}
