/* Surface: a grid of cells in memory, one character and one role each. Views draw here; term
 * blits. Pure: no terminal, no locale. */
#ifndef WEIR_TUI_SURFACE_H
#define WEIR_TUI_SURFACE_H

#include "model/text.h"
#include "tui/theme.h"

#include <stdbool.h>
#include <stdint.h>

struct cell {
	uint32_t point;    /* base character; 0: right half of a wide one */
	uint32_t marks[4]; /* combining marks, 0-terminated unless full */
	enum role role;
};

struct rect {
	int x, y, w, h;
};

struct surface {
	int w, h;
	struct cell *cells;
	bool ascii;             /* only ASCII may be drawn: everything else becomes its fallback */
	bool braille;           /* the theme asks for graphs of dots */
	int cursor_x, cursor_y; /* -1: hidden */
};

void surface_init(struct surface *s, int w, int h, bool ascii);
void surface_resize(struct surface *s, int w, int h); /* cleared */
void surface_release(struct surface *s);
void surface_clear(struct surface *s);
struct rect surface_all(const struct surface *s);

/* Draws valid UTF-8 from column x of row y within `clip`; control bytes never reach a cell
 * (they go through text_clean). Returns the column after the last one drawn. Of what does not
 * fit the last column has an ellipsis. */
int surface_text(
	struct surface *s, struct rect clip, int x, int y, enum role role, const char *text);
int surface_textf(struct surface *s, struct rect clip, int x, int y, enum role role,
	const char *format, ...) __attribute__((format(printf, 6, 7)));
/* The same, ending at column `right` (exclusive). */
void surface_text_right(
	struct surface *s, struct rect clip, int right, int y, enum role role, const char *text);
void surface_put(
	struct surface *s, struct rect clip, int x, int y, enum role role, uint32_t point);
void surface_fill(struct surface *s, struct rect area, enum role role, uint32_t point);
/* Gives a row of cells another role, keeping the characters. */
void surface_paint(struct surface *s, struct rect area, enum role role);

/* Appends the grid as text: h lines without trailing blanks; `roles` (may be NULL): the same
 * in role letters, one for each of the w cells of a line. For goldens, tests and screen
 * readers. */
void surface_dump(const struct surface *s, struct text *chars, struct text *roles);

#endif
