/* Journal screen: how the console reads the journal and how its keys move in it. Internal to the
 * console. */
#ifndef WEIR_TUI_JOURNAL_SCREEN_H
#define WEIR_TUI_JOURNAL_SCREEN_H

#include "tui/console_parts.h"

/* The functions of its row in the table of screens. */
void journal_screen_look(struct console *c, struct instant now);
bool journal_screen_move(struct console *c, int by);
void journal_screen_enter(struct console *c, struct instant now);
void journal_screen_filter(struct console *c, const char *text);
bool journal_screen_back(struct console *c);
int journal_screen_about(const struct console *c, char *out, size_t size);
void journal_screen_widen(struct console *c);

/* The file behind a console without a history of its own; freed by the caller, NULL none. */
char *journal_screen_file(const struct console *c);

/* Takes what the reader of a desk's history answers; its context is a struct console. */
void journal_screen_answer(void *console, struct history_answer *a);

#endif
