/* Simulator: a terminal without a window. Not an emulator: it answers no questions, has no
 * scroll-back and knows only what the terminals that we draw for are told. Independent of
 * curses, so that a mistake of one is not a mistake of both.
 *
 * 1. 0 <= cursor.x < w and 0 <= cursor.y < h at all times.
 * 2. A wide character is followed by a cell whose point is 0; what cuts one in two blanks
 *    the rest.
 * 3. A byte that is part of no known sequence counts in `errors`. */
#include "tests/lib/simulator.h"

#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUND, ESCAPE, CSI, CHARSET_0, CHARSET_1, HASH, STRING, STRING_ESCAPE };

static const struct sim_pen plain = {.fg = -1, .bg = -1};

/* ---- the grid ---- */

static struct sim_cell *at(const struct simulator *sim, int x, int y)
{
	return &sim->cells[(size_t)y * (size_t)sim->w + (size_t)x];
}

/* Erased cells take the background but no attribute (bce); terminals without it are told by
 * blanks with attributes, which look the same here. */
static void erase_cell(const struct simulator *sim, struct sim_cell *cell)
{
	*cell = (struct sim_cell){.point = ' ', .pen = {.fg = -1, .bg = sim->cursor.pen.bg}};
}

/* Blanks the other halves of wide characters that [x, end) cuts. */
static void cut(struct simulator *sim, int x, int end, int y)
{
	if (x > 0 && x < sim->w && at(sim, x, y)->point == 0)
		at(sim, x - 1, y)->point = ' ';
	if (end > 0 && end < sim->w && at(sim, end, y)->point == 0)
		at(sim, end, y)->point = ' ';
}

static void erase(struct simulator *sim, int x, int end, int y)
{
	end = end > sim->w ? sim->w : end;
	cut(sim, x, end, y);
	for (; x < end; x++)
		erase_cell(sim, at(sim, x, y));
}

static void erase_rows(struct simulator *sim, int y, int end)
{
	for (; y < end; y++)
		erase(sim, 0, sim->w, y);
}

static void scroll_up(struct simulator *sim, int top, int count)
{
	int height = sim->bottom - top + 1;
	count = count > height ? height : count;
	memmove(at(sim, 0, top), at(sim, 0, top) + (size_t)count * (size_t)sim->w,
		(size_t)(height - count) * (size_t)sim->w * sizeof *sim->cells);
	erase_rows(sim, sim->bottom + 1 - count, sim->bottom + 1);
}

static void scroll_down(struct simulator *sim, int top, int count)
{
	int height = sim->bottom - top + 1;
	count = count > height ? height : count;
	memmove(at(sim, 0, top) + (size_t)count * (size_t)sim->w, at(sim, 0, top),
		(size_t)(height - count) * (size_t)sim->w * sizeof *sim->cells);
	erase_rows(sim, top, top + count);
}

static void insert_cells(struct simulator *sim, int count)
{
	int x = sim->cursor.x, y = sim->cursor.y;
	count = count > sim->w - x ? sim->w - x : count;
	cut(sim, x, x, y);
	cut(sim, sim->w - count, sim->w - count, y);
	memmove(at(sim, x, y) + count, at(sim, x, y),
		(size_t)(sim->w - x - count) * sizeof *sim->cells);
	for (int i = 0; i < count; i++)
		erase_cell(sim, at(sim, x + i, y));
}

static void delete_cells(struct simulator *sim, int count)
{
	int x = sim->cursor.x, y = sim->cursor.y;
	count = count > sim->w - x ? sim->w - x : count;
	cut(sim, x, x + count, y);
	memmove(at(sim, x, y), at(sim, x, y) + count,
		(size_t)(sim->w - x - count) * sizeof *sim->cells);
	for (int i = sim->w - count; i < sim->w; i++)
		erase_cell(sim, at(sim, i, y));
}

static void move_to(struct simulator *sim, int x, int y)
{
	int top = sim->cursor.origin ? sim->top : 0;
	int bottom = sim->cursor.origin ? sim->bottom : sim->h - 1;
	y += top;
	sim->cursor.x = x < 0 ? 0 : x >= sim->w ? sim->w - 1 : x;
	sim->cursor.y = y < top ? top : y > bottom ? bottom : y;
	sim->cursor.wrap_pending = false;
}

static void move_by(struct simulator *sim, int dx, int dy)
{
	struct sim_cursor *c = &sim->cursor;
	/* Up and down stop at the edge of the region when they start inside it. */
	int top = c->y >= sim->top ? sim->top : 0;
	int bottom = c->y <= sim->bottom ? sim->bottom : sim->h - 1;
	int x = c->x + dx, y = c->y + dy;
	c->x = x < 0 ? 0 : x >= sim->w ? sim->w - 1 : x;
	c->y = y < top ? top : y > bottom ? bottom : y;
	c->wrap_pending = false;
}

static void line_feed(struct simulator *sim)
{
	sim->cursor.wrap_pending = false;
	if (sim->cursor.y == sim->bottom)
		scroll_up(sim, sim->top, 1);
	else if (sim->cursor.y < sim->h - 1)
		sim->cursor.y++;
}

static void reverse_feed(struct simulator *sim)
{
	sim->cursor.wrap_pending = false;
	if (sim->cursor.y == sim->top)
		scroll_down(sim, sim->top, 1);
	else if (sim->cursor.y > 0)
		sim->cursor.y--;
}

static void tab(struct simulator *sim, int count)
{
	int step = count < 0 ? -1 : 1, x = sim->cursor.x;
	for (; count != 0; count -= step)
		do
			x += step;
		while (x > 0 && x < sim->w - 1 && !sim->tabs[x]);
	move_by(sim, x - sim->cursor.x, 0);
}

/* ---- characters ---- */

/* The VT100's line drawing set, 0x60..0x7e. */
static uint32_t graphic(uint32_t point)
{
	static const uint16_t set[] = {0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0xb0, 0xb1,
		0x2424, 0x240b, 0x2518, 0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc,
		0x23bd, 0x251c, 0x2524, 0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x3c0, 0x2260, 0xa3,
		0xb7};
	return point >= 0x60 && point <= 0x7e ? set[point - 0x60] : point;
}

static void add_mark(struct simulator *sim, uint32_t mark)
{
	int x = sim->cursor.wrap_pending ? sim->cursor.x : sim->cursor.x - 1;
	if (x > 0 && at(sim, x, sim->cursor.y)->point == 0)
		x--;
	if (x < 0)
		return;
	struct sim_cell *cell = at(sim, x, sim->cursor.y);
	for (int i = 0; i < SIMULATOR_MARKS; i++)
		if (cell->marks[i] == 0) {
			cell->marks[i] = mark;
			return;
		}
}

static void print(struct simulator *sim, uint32_t point)
{
	struct sim_cursor *c = &sim->cursor;
	if (c->graphics[c->charset])
		point = graphic(point);
	int columns = text_columns(point);
	if (columns == 0) {
		add_mark(sim, point);
		return;
	}
	sim->last = point;
	if (!sim->no_autowrap && (c->wrap_pending || c->x + columns > sim->w)) {
		c->x = 0;
		line_feed(sim);
	}
	c->wrap_pending = false;
	if (c->x + columns > sim->w)
		c->x = sim->w - columns;
	if (sim->insert)
		insert_cells(sim, columns);
	cut(sim, c->x, c->x + columns, c->y);
	*at(sim, c->x, c->y) = (struct sim_cell){.point = point, .pen = c->pen};
	if (columns == 2)
		*at(sim, c->x + 1, c->y) = (struct sim_cell){.point = 0, .pen = c->pen};
	c->x += columns;
	if (c->x >= sim->w) {
		c->x = sim->w - 1;
		c->wrap_pending = true;
	}
}

/* ---- sequences ---- */

static void complain(struct simulator *sim)
{
	if (sim->errors++ == 0)
		text_clean(sim->first_error, sizeof sim->first_error, sim->raw, sim->raw_len);
	sim->state = GROUND;
}

/* The i-th parameter; `other` when it is missing or 0. */
static int parameter(const struct simulator *sim, int i, int other)
{
	return i < sim->parameter_count && sim->parameters[i] > 0 ? sim->parameters[i] : other;
}

static void erase_display(struct simulator *sim)
{
	struct sim_cursor *c = &sim->cursor;
	switch (parameter(sim, 0, 0)) {
	case 0:
		erase(sim, c->x, sim->w, c->y);
		erase_rows(sim, c->y + 1, sim->h);
		return;
	case 1:
		erase_rows(sim, 0, c->y);
		erase(sim, 0, c->x + 1, c->y);
		return;
	case 2:
		erase_rows(sim, 0, sim->h);
		return;
	case 3: /* the scroll-back, which is not here */
		return;
	default:
		complain(sim);
	}
}

static void erase_line(struct simulator *sim)
{
	struct sim_cursor *c = &sim->cursor;
	switch (parameter(sim, 0, 0)) {
	case 0:
		erase(sim, c->x, sim->w, c->y);
		return;
	case 1:
		erase(sim, 0, c->x + 1, c->y);
		return;
	case 2:
		erase(sim, 0, sim->w, c->y);
		return;
	default:
		complain(sim);
	}
}

/* 38;5;N or 48;5;N from parameter i on; the number of parameters it takes, 0 when it is
 * wrong. */
static int indexed_colour(struct simulator *sim, int i, int *colour)
{
	if (i + 2 >= sim->parameter_count || sim->parameters[i + 1] != 5 ||
		sim->parameters[i + 2] > 255)
		return 0;
	*colour = sim->parameters[i + 2];
	return 3;
}

/* One attribute; the number of parameters it takes, 0 when it is unknown. */
static int attribute(struct simulator *sim, int i)
{
	static const unsigned on[] = {
		0, SIM_BOLD, SIM_DIM, 0, SIM_UNDERLINE, SIM_BLINK, 0, SIM_REVERSE, SIM_INVISIBLE};
	struct sim_pen *pen = &sim->cursor.pen;
	int p = sim->parameters[i] < 0 ? 0 : sim->parameters[i];
	if (p == 0)
		*pen = plain;
	else if (p < 9 && on[p] != 0)
		pen->attrs |= on[p];
	else if (p == 22)
		pen->attrs &= ~(unsigned)(SIM_BOLD | SIM_DIM);
	else if (p >= 24 && p <= 28 && on[p - 20] != 0)
		pen->attrs &= ~on[p - 20];
	else if (p == 10 || p == 11) /* the Linux console's graphic set */
		sim->cursor.graphics[sim->cursor.charset] = p == 11;
	else if (p >= 30 && p <= 37)
		pen->fg = p - 30;
	else if (p >= 40 && p <= 47)
		pen->bg = p - 40;
	else if (p >= 90 && p <= 97)
		pen->fg = p - 90 + 8;
	else if (p >= 100 && p <= 107)
		pen->bg = p - 100 + 8;
	else if (p == 39)
		pen->fg = -1;
	else if (p == 49)
		pen->bg = -1;
	else if (p == 38)
		return indexed_colour(sim, i, &pen->fg);
	else if (p == 48)
		return indexed_colour(sim, i, &pen->bg);
	else
		return 0;
	return 1;
}

static void set_pen(struct simulator *sim)
{
	for (int i = 0; i < sim->parameter_count;) {
		int used = attribute(sim, i);
		if (used == 0) {
			complain(sim);
			return;
		}
		i += used;
	}
}

static void swap_screens(struct simulator *sim, bool alternate)
{
	if (sim->alternate == alternate)
		return;
	struct sim_cell *cells = sim->cells;
	sim->cells = sim->other;
	sim->other = cells;
	sim->alternate = alternate;
}

static void private_mode(struct simulator *sim, int mode, bool on)
{
	switch (mode) {
	case 1:    /* cursor keys */
	case 3:    /* 132 columns */
	case 4:    /* smooth scroll */
	case 5:    /* flash */
	case 12:   /* blinking cursor */
	case 1034: /* meta key */
		return;
	case 6:
		sim->cursor.origin = on;
		move_to(sim, 0, 0);
		return;
	case 7:
		sim->no_autowrap = !on;
		return;
	case 25:
		sim->cursor_hidden = !on;
		return;
	case 1049:
		if (on == sim->alternate)
			return;
		if (on)
			sim->saved_main = sim->cursor;
		swap_screens(sim, on);
		if (on)
			erase_rows(sim, 0, sim->h);
		else
			sim->cursor = sim->saved_main;
		return;
	case 2004:
		sim->paste = on;
		return;
	default:
		complain(sim);
	}
}

static void set_modes(struct simulator *sim, bool on)
{
	for (int i = 0; i < sim->parameter_count; i++) {
		if (sim->lead == '?')
			private_mode(sim, sim->parameters[i], on);
		else if (sim->parameters[i] == 4)
			sim->insert = on;
		else if (sim->parameters[i] != 34) /* screen: the shape of the cursor */
			complain(sim);
	}
}

static void set_region(struct simulator *sim)
{
	int top = parameter(sim, 0, 1) - 1, bottom = parameter(sim, 1, sim->h) - 1;
	if (bottom >= sim->h)
		bottom = sim->h - 1;
	if (top >= bottom && sim->h > 1)
		return;
	sim->top = top;
	sim->bottom = bottom;
	move_to(sim, 0, 0);
}

static bool in_region(const struct simulator *sim)
{
	return sim->cursor.y >= sim->top && sim->cursor.y <= sim->bottom;
}

static void repeat(struct simulator *sim, int count)
{
	for (int i = 0; i < count; i++)
		print(sim, sim->last);
}

static void plain_sequence(struct simulator *sim, char final)
{
	struct sim_cursor *c = &sim->cursor;
	int n = parameter(sim, 0, 1);
	switch (final) {
	case '@':
		c->wrap_pending = false;
		insert_cells(sim, n);
		return;
	case 'A':
		move_by(sim, 0, -n);
		return;
	case 'B':
	case 'e':
		move_by(sim, 0, n);
		return;
	case 'C':
	case 'a':
		move_by(sim, n, 0);
		return;
	case 'D':
		move_by(sim, -n, 0);
		return;
	case 'G':
	case '`':
		c->x = n > sim->w ? sim->w - 1 : n - 1;
		c->wrap_pending = false;
		return;
	case 'H':
	case 'f':
		move_to(sim, parameter(sim, 1, 1) - 1, n - 1);
		return;
	case 'I':
		tab(sim, n);
		return;
	case 'J':
		erase_display(sim);
		return;
	case 'K':
		erase_line(sim);
		return;
	case 'L':
		if (in_region(sim))
			scroll_down(sim, c->y, n);
		return;
	case 'M':
		if (in_region(sim))
			scroll_up(sim, c->y, n);
		return;
	case 'P':
		c->wrap_pending = false;
		delete_cells(sim, n);
		return;
	case 'S':
		scroll_up(sim, sim->top, n);
		return;
	case 'T':
		scroll_down(sim, sim->top, n);
		return;
	case 'X':
		erase(sim, c->x, c->x + n, c->y);
		return;
	case 'Z':
		tab(sim, -n);
		return;
	case 'b':
		repeat(sim, n);
		return;
	case 'd':
		move_to(sim, c->x, n - 1);
		return;
	case 'g':
		if (n == 3)
			memset(sim->tabs, 0, (size_t)sim->w);
		else
			sim->tabs[c->x] = false;
		return;
	case 'h':
	case 'l':
		set_modes(sim, final == 'h');
		return;
	case 'm':
		set_pen(sim);
		return;
	case 'r':
		set_region(sim);
		return;
	case 's':
		sim->saved = *c;
		return;
	case 't': /* saves and restores the title */
		if (n != 22 && n != 23)
			complain(sim);
		return;
	case 'u':
		*c = sim->saved;
		return;
	default:
		complain(sim);
	}
}

static void end_sequence(struct simulator *sim, char final)
{
	sim->state = GROUND;
	if (sim->lead == '?' && (final == 'h' || final == 'l'))
		set_modes(sim, final == 'h');
	else if (sim->lead == '?' && final == 'c')
		return; /* the shape of the Linux console's cursor */
	else if (sim->lead == 0 && sim->middle == 0)
		plain_sequence(sim, final);
	else if (sim->middle != '!' || final != 'p') /* soft reset */
		complain(sim);
}

static void sequence_byte(struct simulator *sim, char byte)
{
	int *last = &sim->parameters[sim->parameter_count - 1];
	if (byte >= '0' && byte <= '9') {
		*last = *last < 100000 ? (*last < 0 ? 0 : *last) * 10 + (byte - '0') : *last;
	} else if (byte == ';') {
		if (sim->parameter_count == SIMULATOR_PARAMETERS)
			complain(sim);
		else
			sim->parameters[sim->parameter_count++] = -1;
	} else if (byte >= 0x3c && byte <= 0x3f) {
		sim->lead = byte;
	} else if (byte >= 0x20 && byte <= 0x2f) {
		sim->middle = byte;
	} else if (byte >= 0x40 && byte <= 0x7e) {
		end_sequence(sim, byte);
	} else {
		complain(sim);
	}
}

static void reset(struct simulator *sim)
{
	sim->cursor = sim->saved = (struct sim_cursor){.pen = plain};
	sim->top = 0;
	sim->bottom = sim->h - 1;
	sim->insert = sim->no_autowrap = sim->cursor_hidden = false;
	erase_rows(sim, 0, sim->h);
}

static void escape_byte(struct simulator *sim, char byte)
{
	sim->state = GROUND;
	switch (byte) {
	case '[':
		sim->state = CSI;
		sim->parameter_count = 1;
		sim->parameters[0] = -1;
		sim->lead = sim->middle = 0;
		return;
	case ']':
	case 'P':
	case '^':
	case '_':
	case 'k': /* screen's title */
		sim->state = STRING;
		sim->string_len = 0;
		sim->lead = byte;
		return;
	case '(':
		sim->state = CHARSET_0;
		return;
	case ')':
		sim->state = CHARSET_1;
		return;
	case '#':
		sim->state = HASH;
		return;
	case '7':
		sim->saved = sim->cursor;
		return;
	case '8':
		sim->cursor = sim->saved;
		return;
	case 'D':
		line_feed(sim);
		return;
	case 'E':
		sim->cursor.x = 0;
		line_feed(sim);
		return;
	case 'H':
		sim->tabs[sim->cursor.x] = true;
		return;
	case 'M':
		reverse_feed(sim);
		return;
	case 'c':
		reset(sim);
		return;
	case '=': /* keypad */
	case '>':
	case '\\': /* end of a string that ended before */
		return;
	default:
		complain(sim);
	}
}

/* Strings that change nothing that is seen here: notes to the desktop, the clipboard, the palette
 * as it was. */
static bool is_harmless(const char *string)
{
	return strncmp(string, "9;", 2) == 0 || strncmp(string, "777;", 4) == 0 ||
		strncmp(string, "52;c;", 5) == 0 || strcmp(string, "104") == 0 ||
		strcmp(string, "11;?") == 0;
}

static void end_string(struct simulator *sim)
{
	sim->state = GROUND;
	sim->string[sim->string_len] = '\0';
	if (sim->lead == ']' && (sim->string[0] == '0' || sim->string[0] == '2') &&
		sim->string[1] == ';')
		text_copy(sim->title, sizeof sim->title, sim->string + 2);
	else if (sim->lead != 'k' && (sim->lead != ']' || !is_harmless(sim->string)))
		complain(sim);
}

static void string_byte(struct simulator *sim, char byte)
{
	if (byte == '\a' || (sim->state == STRING_ESCAPE && byte == '\\')) {
		end_string(sim);
	} else if (sim->state == STRING_ESCAPE) {
		complain(sim);
	} else if (byte == '\033') {
		sim->state = STRING_ESCAPE;
	} else if ((unsigned char)byte < 0x20 || sim->string_len + 1 == sizeof sim->string) {
		complain(sim);
	} else {
		sim->string[sim->string_len++] = byte;
	}
}

static void charset_byte(struct simulator *sim, char byte)
{
	int set = sim->state == CHARSET_1;
	sim->state = GROUND;
	if (byte == '0' || byte == 'B' || byte == 'A' || byte == 'U' || byte == 'K')
		sim->cursor.graphics[set] = byte == '0';
	else
		complain(sim);
}

static void control(struct simulator *sim, char byte)
{
	switch (byte) {
	case '\0': /* padding */
		return;
	case '\a':
		sim->bells++;
		return;
	case '\b':
		move_by(sim, -1, 0);
		return;
	case '\t':
		tab(sim, 1);
		return;
	case '\n':
	case '\v':
	case '\f':
		line_feed(sim);
		return;
	case '\r':
		sim->cursor.x = 0;
		sim->cursor.wrap_pending = false;
		return;
	case 0x0e:
		sim->cursor.charset = 1;
		return;
	case 0x0f:
		sim->cursor.charset = 0;
		return;
	case 0x18: /* cancels a sequence */
	case 0x1a:
		sim->state = GROUND;
		return;
	default:
		complain(sim);
	}
}

/* Bytes of one character; a byte that breaks it is an error and begins anew. */
static void character_byte(struct simulator *sim, unsigned char byte)
{
	if (sim->utf8_need == 0 && byte < 0x80) {
		print(sim, byte);
		return;
	}
	if (sim->utf8_need == 0 && (byte < 0xc2 || byte > 0xf4)) {
		complain(sim);
		return;
	}
	if (sim->utf8_need == 0) {
		sim->utf8_len = 0;
		sim->utf8_need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
	}
	sim->utf8[sim->utf8_len++] = byte;
	if (sim->utf8_len < sim->utf8_need && (sim->utf8_len == 1 || (byte & 0xc0) == 0x80))
		return;
	uint32_t point;
	int used = text_decode((const char *)sim->utf8, (size_t)sim->utf8_len, &point);
	sim->utf8_need = 0;
	if (used == sim->utf8_len)
		print(sim, point);
	else
		complain(sim);
}

static void feed_byte(struct simulator *sim, char byte)
{
	if (sim->state == GROUND)
		sim->raw_len = 0;
	if (sim->raw_len < sizeof sim->raw)
		sim->raw[sim->raw_len++] = byte;
	bool in_string = sim->state == STRING || sim->state == STRING_ESCAPE;
	if (byte == '\033' && !in_string) {
		if (sim->state != GROUND || sim->utf8_need != 0)
			complain(sim); /* an unfinished sequence */
		sim->utf8_need = 0;
		sim->state = ESCAPE;
		return;
	}
	if ((unsigned char)byte < 0x20 && !in_string) {
		if (sim->utf8_need != 0)
			complain(sim);
		sim->utf8_need = 0;
		control(sim, byte);
		return;
	}
	switch (sim->state) {
	case GROUND:
		character_byte(sim, (unsigned char)byte);
		return;
	case ESCAPE:
		escape_byte(sim, byte);
		return;
	case CSI:
		sequence_byte(sim, byte);
		return;
	case CHARSET_0:
	case CHARSET_1:
		charset_byte(sim, byte);
		return;
	case HASH:
		complain(sim);
		return;
	default:
		string_byte(sim, byte);
	}
}

/* ---- public ---- */

static struct sim_cell *new_screen(int w, int h)
{
	struct sim_cell *cells = mem_new((size_t)w * (size_t)h, sizeof *cells);
	for (int i = 0; i < w * h; i++)
		cells[i] = (struct sim_cell){.point = ' ', .pen = plain};
	return cells;
}

static struct sim_cell *fit(const struct sim_cell *old, int old_w, int old_h, int w, int h)
{
	struct sim_cell *cells = new_screen(w, h);
	int columns = old_w < w ? old_w : w, rows = old_h < h ? old_h : h;
	for (int y = 0; y < rows; y++)
		for (int x = 0; x < columns; x++) {
			cells[y * w + x] = old[y * old_w + x];
			/* a wide character that is cut at the new edge */
			if (x == columns - 1 && columns < old_w && old[y * old_w + x + 1].point == 0)
				cells[y * w + x].point = ' ';
		}
	return cells;
}

static void set_tabs(struct simulator *sim)
{
	free(sim->tabs);
	sim->tabs = mem_new((size_t)sim->w, sizeof *sim->tabs);
	for (int x = 0; x < sim->w; x += 8)
		sim->tabs[x] = true;
}

void simulator_init(struct simulator *sim, int w, int h)
{
	assert(w > 0 && h > 0);
	*sim = (struct simulator){.w = w, .h = h, .bottom = h - 1};
	sim->cells = new_screen(w, h);
	sim->other = new_screen(w, h);
	sim->cursor = sim->saved = sim->saved_main = (struct sim_cursor){.pen = plain};
	set_tabs(sim);
}

void simulator_release(struct simulator *sim)
{
	free(sim->cells);
	free(sim->other);
	free(sim->tabs);
	*sim = (struct simulator){0};
}

static void keep_inside(const struct simulator *sim, struct sim_cursor *cursor)
{
	cursor->x = cursor->x < sim->w ? cursor->x : sim->w - 1;
	cursor->y = cursor->y < sim->h ? cursor->y : sim->h - 1;
	cursor->wrap_pending = false;
}

void simulator_resize(struct simulator *sim, int w, int h)
{
	struct sim_cell *cells = fit(sim->cells, sim->w, sim->h, w, h);
	struct sim_cell *other = fit(sim->other, sim->w, sim->h, w, h);
	free(sim->cells);
	free(sim->other);
	sim->cells = cells;
	sim->other = other;
	sim->w = w;
	sim->h = h;
	sim->top = 0;
	sim->bottom = h - 1;
	keep_inside(sim, &sim->cursor);
	keep_inside(sim, &sim->saved);
	keep_inside(sim, &sim->saved_main);
	set_tabs(sim);
}

void simulator_feed(struct simulator *sim, const void *bytes, size_t len)
{
	const char *b = bytes;
	sim->bytes += len;
	for (size_t i = 0; i < len; i++)
		feed_byte(sim, b[i]);
}

const struct sim_cell *simulator_cell(const struct simulator *sim, int x, int y)
{
	assert(x >= 0 && x < sim->w && y >= 0 && y < sim->h);
	return at(sim, x, y);
}

static void add_point(struct text *t, uint32_t point)
{
	char bytes[4];
	text_add_n(t, bytes, (size_t)text_encode(point, bytes));
}

static void add_row(const struct simulator *sim, int y, struct text *out)
{
	int end = sim->w;
	while (end > 0 && at(sim, end - 1, y)->point == ' ' && at(sim, end - 1, y)->marks[0] == 0)
		end--;
	for (int x = 0; x < end; x++) {
		const struct sim_cell *cell = at(sim, x, y);
		if (cell->point == 0)
			continue;
		add_point(out, cell->point);
		for (int i = 0; i < SIMULATOR_MARKS && cell->marks[i] != 0; i++)
			add_point(out, cell->marks[i]);
	}
}

char *simulator_row(const struct simulator *sim, int y)
{
	struct text row = {0};
	add_row(sim, y, &row);
	return text_take(&row);
}

char *simulator_text(const struct simulator *sim)
{
	struct text all = {0};
	for (int y = 0; y < sim->h; y++) {
		add_row(sim, y, &all);
		text_add(&all, "\n");
	}
	return text_take(&all);
}

bool simulator_shows(const struct simulator *sim, const char *text)
{
	bool found = false;
	for (int y = 0; y < sim->h && !found; y++) {
		char *row = simulator_row(sim, y);
		found = strstr(row, text) != NULL;
		free(row);
	}
	return found;
}
