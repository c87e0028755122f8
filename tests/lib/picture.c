/* A frame as SVG: a rectangle and a text a run of cells of one role. Every run is stretched to its
 * columns, so that no font moves what stands behind it. */
#include "tests/lib/picture.h"

#include "tui/palette.h"

#include <stdio.h>
#include <string.h>

#define FONT_PX 15
#define BASELINE 14 /* of a row's 18 */

/* The row of dashes between the two grids; NULL none. */
static const char *find_rule(const char *dump)
{
	for (const char *at = dump; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		size_t n = strspn(at, "-");
		if (n >= 8 && at[n] == '\n')
			return at;
	}
	return NULL;
}

bool picture_size(const char *dump, int *columns, int *rows)
{
	const char *rule = find_rule(dump);
	if (!rule)
		return false;
	const char *roles = strchr(rule, '\n') + 1;
	*columns = (int)strcspn(roles, "\n");
	*rows = 0;
	for (const char *at = roles; *at; at += *at == '\n') {
		size_t n = strcspn(at, "\n");
		if (n == 0)
			break;
		if ((int)n != *columns)
			return false;
		++*rows;
		at += n;
	}
	return *columns > 0 && *rows > 0;
}

static enum role role_of(char letter)
{
	int r = 0;
	while (r < ROLE_COUNT && role_letter((enum role)r) != letter)
		r++;
	return r < ROLE_COUNT ? (enum role)r : ROLE_TEXT;
}

static int colour(int index, int own)
{
	int rgb[3];
	if (index < 0)
		return own;
	palette_rgb(index, rgb);
	return rgb[0] << 16 | rgb[1] << 8 | rgb[2];
}

static void add_escaped(struct text *out, const char *s, size_t len)
{
	for (; len > 0; s++, len--) {
		if (*s == '&')
			text_add(out, "&amp;");
		else if (*s == '<')
			text_add(out, "&lt;");
		else
			text_add_n(out, s, 1);
	}
}

struct run {
	const char *text;
	size_t len;
	int x, y, columns;
	enum role role;
};

static void add_run(
	struct text *out, const struct run *r, const struct theme *t, struct picture_ground g)
{
	const struct style *s = &t->style[r->role];
	int fg = colour(s->fg, g.fg), bg = colour(s->bg, g.bg);
	if (s->attrs & STYLE_REVERSE) {
		int swap = fg;
		fg = bg;
		bg = swap;
	}
	int x = r->x * PICTURE_CELL_W, y = r->y * PICTURE_CELL_H, w = r->columns * PICTURE_CELL_W;
	if (bg != g.bg)
		text_addf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n",
			x, y, w, PICTURE_CELL_H, (unsigned)bg);
	if (strspn(r->text, " ") >= r->len)
		return;
	text_addf(out,
		"<text x=\"%d\" y=\"%d\" textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\""
		" fill=\"#%06x\"%s%s%s>",
		x, y + BASELINE, w, (unsigned)fg, s->attrs & STYLE_BOLD ? " font-weight=\"bold\"" : "",
		s->attrs & STYLE_UNDERLINE ? " text-decoration=\"underline\"" : "",
		s->attrs & STYLE_DIM ? " opacity=\"0.6\"" : "");
	add_escaped(out, r->text, r->len);
	text_add(out, "</text>\n");
}

/* One word, or blanks, of one role; behind the row's last character all is blank. */
static void take_run(
	struct run *r, const char *chars, size_t len, const char *roles, int columns)
{
	bool blank = len == 0 || chars[0] == ' ';
	r->text = chars;
	while (r->x + r->columns < columns && role_of(roles[r->x + r->columns]) == r->role) {
		uint32_t point = ' ';
		int n = len > r->len ? text_decode(chars + r->len, len - r->len, &point) : 0;
		if ((point == ' ') != blank)
			return;
		r->len += n > 0 ? (size_t)n : 0;
		r->columns += text_columns(point);
	}
}

static void add_row(struct text *out, const char *chars, size_t len, const char *roles,
	int columns, int y, const struct theme *t, struct picture_ground g)
{
	for (int x = 0; x < columns;) {
		struct run r = {.x = x, .y = y, .role = role_of(roles[x])};
		take_run(&r, chars, len, roles, columns);
		add_run(out, &r, t, g);
		chars += r.len;
		len -= r.len;
		x += r.columns > 0 ? r.columns : 1;
	}
}

bool picture_svg(
	struct text *out, const char *dump, const struct theme *theme, struct picture_ground ground)
{
	int columns, rows;
	if (!picture_size(dump, &columns, &rows))
		return false;
	int w = columns * PICTURE_CELL_W, h = rows * PICTURE_CELL_H;
	const char *rule = find_rule(dump), *roles = strchr(rule, '\n') + 1, *at = dump;
	text_addf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
		" viewBox=\"0 0 %d %d\" font-family=\"DejaVu Sans Mono, monospace\" font-size=\"%d\">\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n",
		w, h, w, h, FONT_PX, w, h, (unsigned)ground.bg);
	for (int y = 0; y < rows; y++) {
		size_t len = at < rule ? strcspn(at, "\n") : 0;
		add_row(
			out, at, len, roles + (size_t)y * ((size_t)columns + 1), columns, y, theme, ground);
		at += at < rule ? len + 1 : 0;
	}
	text_add(out, "</svg>\n");
	return true;
}
