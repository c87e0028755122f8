/* Prompt: the line being typed at the bottom of a console: a command, a note, a filter. Internal to
 * the console; console_prompt of tui/console_parts.h begins one. */
#ifndef WEIR_TUI_PROMPT_H
#define WEIR_TUI_PROMPT_H

#include "tui/console_parts.h"

/* Handles a key while a line is typed. */
void prompt_key(struct console *c, uint32_t key, struct instant now);

/* Draws it in the last row, and what Tab offers above it. */
void prompt_draw(struct console *c, struct surface *s);

/* What stands before the line: ":", "note: ", "/". */
const char *prompt_mark(const struct console *c);

/* What Tab offers now, as one line, the chosen in brackets; "" nothing. */
void prompt_offer(const struct console *c, char *out, size_t size);

#endif
