/* Rows of a dialog. */
#include "tui/pen.h"

#include <stdarg.h>
#include <stdio.h>

#define LABEL 12 /* columns before the words */

void pen_row(struct pen *p, enum role role, const char *label, const char *format, ...)
{
	char text[400];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (p->y >= p->r.y + p->r.h)
		return;
	surface_text(p->s, p->r, p->r.x + 1, p->y, ROLE_DIM, label);
	surface_text(p->s, p->r, p->r.x + LABEL, p->y, role, text);
	p->y++;
}

void pen_row_fit(
	struct pen *p, enum role role, const char *label, const char *whole, const char *brief)
{
	pen_row(p, role, label, "%s", LABEL + text_width(whole) <= p->r.w ? whole : brief);
}
