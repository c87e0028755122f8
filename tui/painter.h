/* Painter: what bytes make a terminal of some type show a surface. The only one that knows
 * terminfo; the bytes are the caller's to send, in order and all of them. One at a time: what is
 * known of a type is the library's global. Needs LC_CTYPE set: UTF-8 for anything but ASCII. */
#ifndef WEIR_TUI_PAINTER_H
#define WEIR_TUI_PAINTER_H

#include "model/err.h"
#include "model/text.h"
#include "tui/surface.h"
#include "tui/theme.h"

#include <stdbool.h>

struct painter;

/* How many colours a type has, 0 none; -1 unknown. */
int painter_colours(const char *type);

/* For the type as given, else the nearest that many terminals obey; NULL with W005 where it
 * cannot place its cursor. The caller frees. */
struct painter *painter_new(const char *type, bool colour, bool ascii, struct err *err);
void painter_free(struct painter *p);

bool painter_has_colour(const struct painter *p);
bool painter_saves_title(const struct painter *p); /* leaving puts the old one back */
bool painter_can_copy(const struct painter *p);    /* the terminal takes OSC 52 */

/* Of the screen; the next frame repaints everything. */
void painter_resize(struct painter *p, int w, int h);
void painter_forget(struct painter *p); /* the same, of the size that it has */

/* Appends what takes the screen over, and what gives it back. */
void painter_enter(struct painter *p, struct text *out);
void painter_leave(const struct painter *p, struct text *out);

/* Appends what makes the screen show the surface, from what it shows; nothing where it does. */
void painter_draw(
	struct painter *p, const struct surface *s, const struct theme *theme, struct text *out);

#endif
