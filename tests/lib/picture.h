/* Picture: a drawn frame as SVG, as a terminal of a given ground would show it under a theme. */
#ifndef WEIR_TESTS_LIB_PICTURE_H
#define WEIR_TESTS_LIB_PICTURE_H

#include "model/text.h"
#include "tui/theme.h"

/* The terminal's own colours, 0xrrggbb. */
struct picture_ground {
	int fg, bg;
};

/* Appends a frame as surface_dump writes it: its rows, a row of at least eight dashes, and the same
 * in role letters, one for each cell. False, with nothing appended, for a text that is none. */
bool picture_svg(struct text *out, const char *dump, const struct theme *theme,
	struct picture_ground ground);

/* Columns and rows of such a dump; false for a text that is none. */
bool picture_size(const char *dump, int *columns, int *rows);

#define PICTURE_CELL_W 9 /* pixels */
#define PICTURE_CELL_H 18

#endif
