/* Edit: a line being typed. Pure. */
#ifndef WEIR_TUI_EDIT_H
#define WEIR_TUI_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EDIT_MAX 256

struct edit {
	char text[EDIT_MAX]; /* valid UTF-8, NUL-terminated */
	size_t len, at;      /* bytes; `at` is the cursor */
};

void edit_clear(struct edit *e);
void edit_set(struct edit *e, const char *text);
/* Handles a key of tui/term.h: characters, left, right, home, end, ^A ^E ^U ^K ^W, backspace,
 * delete. False when the key means nothing to a line (Enter, Esc, Tab, …). */
bool edit_key(struct edit *e, uint32_t key);

#endif
