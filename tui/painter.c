/* Painter: the difference between what a terminal shows and a surface, as bytes. Not a
 * terminal: descriptors, settings and keys are term.c's and tty.c's.
 *
 * 1. `shown` is what the screen shows once all bytes have gone out; a cell of it that has not
 *    changed is not drawn, but for few between two that have.
 * 2. Behind what other programs may count otherwise (a wide character, marks) and behind the
 *    last column the cursor is placed anew: columns never move.
 * 3. A blank that nothing is seen of but the terminal's own background is BARE, whatever its
 *    role: only there the rest of a row is erased, and no look is put on for it.
 * 4. Terminfo's strings go out without their padding. */
#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
#include "tui/painter.h"

#include "model/mem.h"
#include "tui/palette.h"

#include <curses.h>
#include <term.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define MARKS_MAX 4
#define GAP_MAX 6   /* so many cells are sooner drawn again than passed over */
#define ERASE_MIN 5 /* so many blanks are sooner erased than drawn */
#define UNPLACED (-1)
#define BARE ROLE_COUNT        /* the look of a blank that has none */
#define TITLE_SAVED "[22;0;0t" /* in a smcup that saves the window's title */

/* X(field, capability): the strings of a type that are sent as they are. */
#define STRING_INFO(X) \
	X(reset, "sgr0") \
	X(own_colours, "op") \
	X(bold, "bold") \
	X(dim, "dim") \
	X(reverse, "rev") \
	X(underline, "smul") \
	X(clear, "clear") \
	X(erase, "el") \
	X(overwrite, "rmir") \
	X(hide, "civis") \
	X(unhide, "cnorm") \
	X(enter, "smcup") \
	X(leave, "rmcup")

struct strings {
#define X(field, capability) char *field; /* "" where the type has none */
	STRING_INFO(X)
#undef X
};

/* What a role is on this terminal. */
struct look {
	unsigned attrs;
	int fg, bg;       /* -1: the terminal's own */
	char colours[64]; /* puts them on where the terminal's own are on */
	bool bare;        /* of a blank nothing is seen */
};

/* A cell as the screen has it. */
struct ink {
	uint32_t point; /* 0: right half of a wide one */
	uint32_t marks[MARKS_MAX];
	int look;
};

struct painter {
	struct strings can;
	const char *place, *place_in_row; /* parameterized: terminfo's own */
	const char *fg, *bg, *region;
	int colours;
	bool colour, ascii;
	bool moves_with_look; /* the cursor may be placed while a look is on */
	bool spoils_corner;   /* a character in the last corner would scroll all away */
	unsigned not_with_colour;

	int w, h;
	struct ink *shown;  /* w * h */
	struct cell *drawn; /* the same as they were given: what is equal is not looked at */
	struct ink *row;    /* w: the one that is drawn */
	bool whole;         /* nothing is known of what is shown */
	int x, y;           /* of the cursor; UNPLACED: not known */
	int pen;            /* the look that is on */
	int cursor;         /* 1 seen, 0 hidden, -1 not known */

	struct style style[ROLE_COUNT]; /* of the theme that was drawn with */
	bool style_known;
	struct look look[ROLE_COUNT + 1];
};

/* ---- terminfo ---- */

static const char *capability(const char *name)
{
	const char *s = tigetstr(name);
	return s == (const char *)-1 ? NULL : s;
}

/* Without its padding. */
static void add_plain(struct text *out, const char *s)
{
	while (s != NULL && *s != '\0') {
		const char *end = s[0] == '$' && s[1] == '<' ? strchr(s, '>') : NULL;
		if (end == NULL)
			text_add_n(out, s, 1);
		s = end == NULL ? s + 1 : end + 1;
	}
}

static char *plain_capability(const char *name)
{
	struct text t = {0};
	add_plain(&t, capability(name));
	return t.data != NULL ? text_take(&t) : mem_copy("");
}

int painter_colours(const char *type)
{
	int status = 0;
	if (type == NULL || type[0] == '\0' || setupterm(type, STDERR_FILENO, &status) != OK)
		return -1;
	int colours = tigetnum("colors");
	del_curterm(cur_term);
	return colours < 0 ? 0 : colours;
}

/* True when the type is now the one that terminfo speaks of: it is known, and can do what a
 * screen takes. `known` says the first alone. */
static bool use_type(const char *type, bool *known)
{
	int status = 0;
	*known = setupterm(type, STDERR_FILENO, &status) == OK;
	if (!*known)
		return false;
	if (capability("cup") != NULL && capability("clear") != NULL)
		return true;
	del_curterm(cur_term);
	return false;
}

static bool choose_type(const char *given)
{
	static const char *const instead[] = {"xterm-256color", "vt100", NULL};
	bool known = false, ignored;
	if (given == NULL || given[0] == '\0')
		return false;
	if (use_type(given, &known))
		return true;
	for (int i = 0; !known && instead[i] != NULL; i++)
		if (use_type(instead[i], &ignored))
			return true;
	return false;
}

/* Attributes that the type cannot show together with colours. Source: terminfo(5), ncv. */
static unsigned attrs_without_colour(void)
{
	int ncv = tigetnum("ncv");
	if (ncv < 0)
		return 0;
	return ((ncv & 2) != 0 ? (unsigned)STYLE_UNDERLINE : 0u) |
		((ncv & 4) != 0 ? (unsigned)STYLE_REVERSE : 0u) |
		((ncv & 16) != 0 ? (unsigned)STYLE_DIM : 0u) |
		((ncv & 32) != 0 ? (unsigned)STYLE_BOLD : 0u);
}

struct painter *painter_new(const char *type, bool colour, bool ascii, struct err *err)
{
	if (!choose_type(type)) {
		err_set(err, ERR_TERMINAL,
			"the console cannot draw on terminal type \"%s\"; `weir status --watch` can",
			type == NULL ? "" : type);
		return NULL;
	}
	struct painter *p = mem_new(1, sizeof *p);
	*p = (struct painter){.place = capability("cup"),
		.place_in_row = capability("hpa"),
		.fg = capability("setaf"),
		.bg = capability("setab"),
		.region = capability("csr"),
		.colours = tigetnum("colors"),
		.ascii = ascii,
		.moves_with_look = tigetflag("msgr") > 0,
		.spoils_corner = tigetflag("am") > 0 && tigetflag("xenl") <= 0,
		.not_with_colour = attrs_without_colour(),
		.whole = true};
#define X(field, name) p->can.field = plain_capability(name);
	STRING_INFO(X)
#undef X
	p->colour = colour && p->colours > 0 && p->fg != NULL && p->bg != NULL;
	/* Where a change of attributes takes up a cell there are none. */
	if (tigetnum("xmc") >= 0)
		p->can.bold[0] = p->can.dim[0] = p->can.reverse[0] = p->can.underline[0] = '\0';
	return p;
}

void painter_free(struct painter *p)
{
	if (p == NULL)
		return;
#define X(field, name) free(p->can.field);
	STRING_INFO(X)
#undef X
	free(p->shown);
	free(p->drawn);
	free(p->row);
	free(p);
	del_curterm(cur_term);
}

bool painter_has_colour(const struct painter *p)
{
	return p->colour;
}

bool painter_saves_title(const struct painter *p)
{
	return strstr(p->can.enter, TITLE_SAVED) != NULL;
}

bool painter_can_copy(const struct painter *p)
{
	(void)p;
	return capability("Ms") != NULL;
}

/* ---- the screen ---- */

void painter_resize(struct painter *p, int w, int h)
{
	assert(w > 0 && h > 0);
	p->w = w;
	p->h = h;
	p->shown = mem_resize(p->shown, (size_t)w * (size_t)h, sizeof *p->shown);
	p->drawn = mem_resize(p->drawn, (size_t)w * (size_t)h, sizeof *p->drawn);
	p->row = mem_resize(p->row, (size_t)w, sizeof *p->row);
	painter_forget(p);
}

void painter_forget(struct painter *p)
{
	p->whole = true;
}

void painter_enter(struct painter *p, struct text *out)
{
	text_add(out, p->can.enter);
	painter_forget(p);
}

void painter_leave(const struct painter *p, struct text *out)
{
	text_add(out, p->can.reset);
	text_add(out, p->can.unhide);
	add_plain(out, tiparm(p->place, p->h > 0 ? p->h - 1 : 0, 0));
	text_add(out, p->can.leave);
}

/* Of a screen of which nothing is known: another program may have left a region that scrolls, or
 * characters that push others. */
static void begin(struct painter *p, struct text *out)
{
	p->whole = false;
	if (p->region != NULL)
		add_plain(out, tiparm(p->region, 0, p->h - 1));
	text_add(out, p->can.overwrite);
	text_add(out, p->can.reset);
	text_add(out, p->can.clear);
	for (int i = 0; i < p->w * p->h; i++)
		p->shown[i] = (struct ink){.point = ' ', .look = BARE};
	memset(p->drawn, 0, (size_t)p->w * (size_t)p->h * sizeof *p->drawn); /* as no row is */
	p->pen = BARE;
	p->x = p->y = UNPLACED;
	p->cursor = -1;
}

/* ---- looks ---- */

static int colour_here(const struct painter *p, short colour)
{
	bool has = colour < 0 || p->colours >= 256 || (colour < 16 && colour < p->colours);
	return has ? colour : palette_nearest_of_8(colour);
}

static void make_look(const struct painter *p, struct look *out, const struct style *style)
{
	struct text t = {0};
	*out = (struct look){.attrs = style->attrs, .fg = -1, .bg = -1};
	if (p->colour) {
		out->fg = colour_here(p, style->fg);
		out->bg = colour_here(p, style->bg);
	}
	/* Few colours have made the two one: rather plain than unseen. */
	if (out->fg == out->bg)
		out->fg = out->bg = -1;
	if (out->fg >= 0)
		add_plain(&t, tiparm(p->fg, out->fg));
	if (out->bg >= 0)
		add_plain(&t, tiparm(p->bg, out->bg));
	if (!text_copy(out->colours, sizeof out->colours, text_str(&t)))
		out->colours[0] = '\0';
	text_free(&t);
	if (out->colours[0] == '\0')
		out->fg = out->bg = -1;
	else
		out->attrs &= ~p->not_with_colour;
	out->bare = out->bg < 0 && (out->attrs & (STYLE_REVERSE | STYLE_UNDERLINE)) == 0;
}

static void use_theme(struct painter *p, const struct theme *theme)
{
	static const struct style own = {.fg = -1, .bg = -1};
	if (p->style_known && memcmp(p->style, theme->style, sizeof p->style) == 0)
		return;
	memcpy(p->style, theme->style, sizeof p->style);
	p->style_known = true;
	for (int role = 0; role < ROLE_COUNT; role++)
		make_look(p, &p->look[role], &theme->style[role]);
	make_look(p, &p->look[BARE], &own);
	painter_forget(p);
}

static void put_on(struct painter *p, int look, struct text *out)
{
	const struct look *from = &p->look[p->pen], *to = &p->look[look];
	p->pen = look;
	if (from->attrs == to->attrs && from->fg == to->fg && from->bg == to->bg)
		return;
	bool back = (from->fg >= 0 && to->fg < 0) || (from->bg >= 0 && to->bg < 0);
	if (from->attrs != to->attrs || (back && *p->can.own_colours == '\0')) {
		text_add(out, p->can.reset);
		text_add(out, (to->attrs & STYLE_BOLD) != 0 ? p->can.bold : "");
		text_add(out, (to->attrs & STYLE_DIM) != 0 ? p->can.dim : "");
		text_add(out, (to->attrs & STYLE_REVERSE) != 0 ? p->can.reverse : "");
		text_add(out, (to->attrs & STYLE_UNDERLINE) != 0 ? p->can.underline : "");
	} else if (back) {
		text_add(out, p->can.own_colours);
	}
	text_add(out, to->colours);
}

/* ---- cells ---- */

static void place(struct painter *p, int x, int y, struct text *out)
{
	if (p->x == x && p->y == y)
		return;
	if (!p->moves_with_look)
		put_on(p, BARE, out);
	if (p->y == y && p->place_in_row != NULL)
		add_plain(out, tiparm(p->place_in_row, x));
	else
		add_plain(out, tiparm(p->place, y, x));
	p->x = x;
	p->y = y;
}

/* What is shown of a character, and the C library thinks as wide as we do: else '?', so that
 * columns never move. */
static uint32_t shown_point(const struct painter *p, uint32_t point, bool wide)
{
	if (point >= 0x20 && point <= 0x7e && !wide)
		return point;
	if (point == 0)
		return ' ';
	if (point <= 0x7e || p->ascii)
		return '?';
	return wcwidth((wchar_t)point) == (wide ? 2 : 1) ? point : '?';
}

static bool is_blank(const struct ink *i)
{
	return i->point == ' ' && i->marks[0] == 0;
}

static struct ink ink_of(const struct painter *p, const struct cell *cell, bool wide)
{
	struct ink ink = {.point = shown_point(p, cell->point, wide), .look = (int)cell->role};
	int count = 0;
	assert((unsigned)cell->role < ROLE_COUNT);
	for (int i = 0; i < MARKS_MAX && cell->marks[i] != 0 && ink.point != '?'; i++)
		if (wcwidth((wchar_t)cell->marks[i]) == 0)
			ink.marks[count++] = cell->marks[i];
	if (is_blank(&ink) && p->look[ink.look].bare)
		ink.look = BARE;
	return ink;
}

/* The row as the screen is to have it; `w` cells of the surface are on it. */
static void make_row(struct painter *p, const struct cell *cells, int w)
{
	for (int x = 0; x < w; x++) {
		bool wide = x + 1 < w && cells[x].point != 0 && cells[x + 1].point == 0;
		p->row[x] = ink_of(p, &cells[x], wide);
		if (wide && p->row[x].point != '?') {
			p->row[x + 1] = (struct ink){.look = p->row[x].look};
			x++;
		}
	}
}

static void draw_ink(struct painter *p, const struct ink *i, bool wide, struct text *out)
{
	char bytes[4];
	if (i->look != BARE || !p->look[p->pen].bare)
		put_on(p, i->look, out);
	text_add_n(out, bytes, (size_t)text_encode(i->point, bytes));
	for (int k = 0; k < MARKS_MAX && i->marks[k] != 0; k++)
		text_add_n(out, bytes, (size_t)text_encode(i->marks[k], bytes));
	p->x = wide || i->marks[0] != 0 ? UNPLACED : p->x + 1;
	if (p->x >= p->w)
		p->x = p->y = UNPLACED;
}

static void erase_rest(struct painter *p, int x, int y, struct text *out)
{
	place(p, x, y, out);
	put_on(p, BARE, out);
	text_add(out, p->can.erase);
}

static void draw_cells(struct painter *p, int x, int end, int y, struct text *out)
{
	while (x < end) {
		const struct ink *i = &p->row[x];
		bool wide = x + 1 < end && p->row[x + 1].point == 0;
		int next = x + (wide ? 2 : 1);
		if (p->spoils_corner && y == p->h - 1 && next >= p->w)
			return;
		place(p, x, y, out);
		draw_ink(p, i, wide, out);
		x = next;
	}
}

/* The first cell of the row behind which all are bare. */
static int bare_from(const struct painter *p, int w)
{
	while (w > 0 && is_blank(&p->row[w - 1]) && p->row[w - 1].look == BARE)
		w--;
	return w;
}

static bool same_ink(const struct ink *a, const struct ink *b)
{
	return a->point == b->point && a->look == b->look &&
		memcmp(a->marks, b->marks, sizeof a->marks) == 0;
}

static void draw_row(struct painter *p, struct ink *shown, int w, int y, struct text *out)
{
	int bare = p->can.erase[0] != '\0' && w == p->w ? bare_from(p, w) : w;
	for (int x = 0; x < w;) {
		if (same_ink(&p->row[x], &shown[x])) {
			x++;
			continue;
		}
		int from = x, end = x + 1;
		for (; x < w && x < end + GAP_MAX; x++)
			if (!same_ink(&p->row[x], &shown[x]))
				end = x + 1;
		while (from > 0 && p->row[from].point == 0)
			from--;
		while (end < w && p->row[end].point == 0)
			end++;
		x = end;
		if (end - bare < ERASE_MIN) {
			draw_cells(p, from, end, y, out);
			continue;
		}
		draw_cells(p, from, bare, y, out);
		erase_rest(p, from > bare ? from : bare, y, out);
		break;
	}
	memcpy(shown, p->row, (size_t)w * sizeof *shown);
}

static void draw_cursor(struct painter *p, const struct surface *s, struct text *out)
{
	bool seen =
		s->cursor_x >= 0 && s->cursor_x < p->w && s->cursor_y >= 0 && s->cursor_y < p->h;
	if (seen)
		place(p, s->cursor_x, s->cursor_y, out);
	if (p->cursor != (seen ? 1 : 0))
		text_add(out, seen ? p->can.unhide : p->can.hide);
	p->cursor = seen ? 1 : 0;
}

void painter_draw(
	struct painter *p, const struct surface *s, const struct theme *theme, struct text *out)
{
	int w = s->w < p->w ? s->w : p->w, h = s->h < p->h ? s->h : p->h;
	use_theme(p, theme);
	if (p->whole)
		begin(p, out);
	for (int y = 0; y < h; y++) {
		const struct cell *cells = &s->cells[(size_t)y * (size_t)s->w];
		struct cell *drawn = &p->drawn[(size_t)y * (size_t)p->w];
		if (memcmp(cells, drawn, (size_t)w * sizeof *cells) == 0)
			continue;
		memcpy(drawn, cells, (size_t)w * sizeof *cells);
		make_row(p, cells, w);
		draw_row(p, &p->shown[(size_t)y * (size_t)p->w], w, y, out);
	}
	draw_cursor(p, s, out);
}
