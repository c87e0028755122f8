/* The cleaner: remote text becomes text that a terminal only shows. Not a validator: everything
 * comes out, in a form that can be seen, but marks beyond the fourth on one character.
 *
 * 1. The output is valid UTF-8 without anything that text_is_hidden.
 * 2. A combining mark stands behind a character of the source, never behind an escape or at the
 *    start, where it would change what someone else drew.
 * 3. The output is cut between whole atoms (a character or an escape); cleaning it again
 *    changes nothing. */
#include "model/mem.h"
#include "model/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKS_MAX = 4, ATOM_SIZE = 16 };

/* Writes how a hidden code point is shown; returns the bytes written. */
static size_t escape(char atom[ATOM_SIZE], uint32_t point)
{
	int len;
	if (point < 0x20 || point == 0x7F)
		len = snprintf(atom, ATOM_SIZE, "^%c", (char)(point ^ 0x40));
	else if (point <= 0x9F)
		len = snprintf(atom, ATOM_SIZE, "^[%c", (char)(point - 0x40));
	else
		len = snprintf(atom, ATOM_SIZE, "<U+%04" PRIX32 ">", point);
	return (size_t)len;
}

size_t text_clean(char *dst, size_t size, const char *src, size_t len)
{
	size_t out = 0;
	bool has_base = false; /* the last atom is a character, as it came */
	unsigned marks = 0;    /* behind the last atom that is not a mark */
	if (size == 0)
		return 0;
	for (size_t at = 0; at < len;) {
		char atom[ATOM_SIZE];
		size_t atom_len;
		uint32_t point;
		int used = text_decode(src + at, len - at, &point);
		bool is_char = used > 0 && !text_is_hidden(point);
		bool is_mark = is_char && text_columns(point) == 0;
		if (used < 0) {
			atom_len = (size_t)snprintf(atom, sizeof atom, "<%02X>", (unsigned char)src[at]);
			used = 1;
		} else if (!is_char || (is_mark && !has_base)) {
			atom_len = escape(atom, point);
		} else {
			atom_len = (size_t)used;
			memcpy(atom, src + at, atom_len);
		}
		at += (size_t)used;
		if (is_mark && marks++ >= MARKS_MAX)
			continue;
		if (atom_len > size - 1 - out)
			break;
		memcpy(dst + out, atom, atom_len);
		out += atom_len;
		if (!is_mark) {
			has_base = is_char;
			marks = 0;
		}
	}
	dst[out] = '\0';
	return out;
}

void text_clean_in(char *buffer, size_t size)
{
	size_t len = strlen(buffer);
	char *copy = mem_copy_n(buffer, len);
	text_clean(buffer, size, copy, len);
	free(copy);
}
