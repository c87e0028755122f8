/* Rows of a dialog. */
#include "tui/pen.h"

#include "model/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LABEL 12 /* columns before the words */
#define TEXT_MAX 400

/* Bytes of the words that fit into so many columns; 0: not even the first does. */
static size_t fitting(const char *text, int columns)
{
	char part[TEXT_MAX];
	size_t fits = 0;
	for (const char *at = strchr(text, ' '); at; at = strchr(at + 1, ' ')) {
		size_t len = (size_t)(at - text);
		memcpy(part, text, len);
		part[len] = 0;
		if (text_width(part) > columns)
			break;
		fits = len;
	}
	return fits;
}

void pen_row(struct pen *p, enum role role, const char *label, const char *format, ...)
{
	char text[TEXT_MAX];
	const char *rest = text;
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_mend(text);
	if (p->y >= p->r.y + p->r.h)
		return;
	surface_text(p->s, p->r, p->r.x + 1, p->y, ROLE_DIM, label);
	bool ours = role != ROLE_REMOTE && role != ROLE_INPUT;
	while (ours && p->spare > 0 && text_width(rest) > p->r.w - LABEL) {
		size_t len = fitting(rest, p->r.w - LABEL);
		if (len == 0)
			break;
		surface_textf(p->s, p->r, p->r.x + LABEL, p->y++, role, "%.*s", (int)len, rest);
		rest += len + 1;
		p->spare--;
	}
	surface_text(p->s, p->r, p->r.x + LABEL, p->y, role, rest);
	p->y++;
}

void pen_row_fit(
	struct pen *p, enum role role, const char *label, const char *whole, const char *brief)
{
	pen_row(p, role, label, "%s", LABEL + text_width(whole) <= p->r.w ? whole : brief);
}
