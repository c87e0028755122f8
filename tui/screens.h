/* Screens: what each of them can do, as rows. A screen draws from the model and from what it keeps
 * in the console (a selection, a filter, a zoom); what it cannot do is NULL in its row. Internal to
 * the console. */
#ifndef WEIR_TUI_SCREENS_H
#define WEIR_TUI_SCREENS_H

#include "tui/console_parts.h"

struct screen_row {
	void (*draw)(struct surface *s, const struct view *v);
	/* Takes in how things stand now: before a frame and before a key. */
	void (*look)(struct console *c, struct instant now);
	/* Moves the selection by so many lines; false where it is at that end already. */
	bool (*move)(struct console *c, int by);
	/* Opens what is selected. */
	void (*enter)(struct console *c, struct instant now);
	/* Marks what is selected, or takes its mark off. */
	void (*mark)(struct console *c);
	/* Narrows the list to what has `text`; "" shows all. */
	void (*filter)(struct console *c, const char *text);
	/* The next column (1), the one before (-1), the other way round (0). */
	void (*sort)(struct console *c, int by);
	/* Takes off one layer (a filter, a detail); false when there was none. */
	bool (*back)(struct console *c);
	/* Shows the lines of all pools, or those of one again. */
	void (*widen)(struct console *c);
	/* The id of what is selected, which a note written here is about; returns its pool, -1 where
	 * nothing is. */
	int (*about)(const struct console *c, char *out, size_t size);
};

const struct screen_row *screen_row(enum screen s);

/* Takes in how things stand now, for every screen: what one compares over time it sees though
 * another shows. */
void screens_look(struct console *c, struct instant now);

/* Where a console begins and where q leads before it leaves: the list where there are several
 * pools. */
enum screen screen_home(const struct console *c);

/* Takes what the reader of the desk's history answers; its context is a struct console. */
void screens_answer(void *console, struct history_answer *a);

/* Goes there. */
void screen_go(struct console *c, enum screen s);

#endif
