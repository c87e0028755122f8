/* Surface: a grid of cells in memory. Views draw here, term blits it, goldens dump it. Not a
 * terminal: nothing here knows colours, bytes or the locale.
 *
 * 1. A cell holds a printable character of one or two columns, never a control or a lone mark.
 * 2. A wide character is followed by a cell whose point is 0; neither half ever stands alone.
 * 3. Nothing outside the clip changes, but for a blank that replaces the other half of a wide
 *    character that was cut in two.
 * 4. Text that is cut at the right ends in an ellipsis: what is missing is seen to be.
 * 5. With `ascii` every point is below 0x7f and there are no marks. */
#include "tui/surface.h"

#include "model/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARKS_MAX 4
#define CUT 0x2026 /* in the last column of what goes on beyond it */
#define DRAWN_MAX 4096 /* bytes of one cleaned text: more than the widest row */

/* What stands for a character where only ASCII may be drawn; sorted by range. */
static const struct fallback {
	uint32_t first, last;
	char as;
} fallbacks[] = {
	{0x00a0, 0x00a0, ' '},
	{0x00b0, 0x00b0, 'o'}, /* degree */
	{0x00b1, 0x00b1, '~'}, /* plus-minus */
	{0x00b5, 0x00b5, 'u'}, /* micro */
	{0x00b7, 0x00b7, '.'}, /* middle dot */
	{0x00d7, 0x00d7, 'x'}, /* times */
	{0x03bc, 0x03bc, 'u'}, /* mu */
	{0x2010, 0x2015, '-'}, /* dashes */
	{0x2018, 0x2019, '\''},
	{0x201c, 0x201d, '"'},
	{0x2022, 0x2022, 'o'}, /* bullet */
	{0x2026, 0x2026, '~'}, /* ellipsis: no number ends so */
	{0x2190, 0x2190, '<'},
	{0x2191, 0x2191, '^'},
	{0x2192, 0x2192, '>'},
	{0x2193, 0x2193, 'v'},
	{0x2212, 0x2212, '-'}, /* minus */
	{0x2248, 0x2248, '~'}, /* almost equal */
	{0x2264, 0x2264, '<'},
	{0x2265, 0x2265, '>'},
	{0x2500, 0x2501, '-'}, /* lines */
	{0x2502, 0x2503, '|'},
	{0x2504, 0x2505, '~'}, /* dashed: a limit */
	{0x2506, 0x2507, '|'},
	{0x2508, 0x2509, '~'},
	{0x250a, 0x250b, '|'},
	{0x250c, 0x254b, '+'}, /* corners and tees */
	{0x254c, 0x254d, '-'},
	{0x254e, 0x254f, '|'},
	{0x2550, 0x2550, '='},
	{0x2551, 0x2551, '|'},
	{0x2552, 0x2570, '+'},
	{0x2574, 0x2574, '-'},
	{0x2575, 0x2575, '|'},
	{0x2576, 0x2576, '-'},
	{0x2577, 0x2577, '|'},
	{0x2581, 0x2581, '_'}, /* eighths of a block, growing upwards */
	{0x2582, 0x2583, '.'},
	{0x2584, 0x2585, '-'},
	{0x2586, 0x2587, '='},
	{0x2588, 0x2588, '#'},
	{0x2589, 0x258b, '#'}, /* and growing to the right */
	{0x258c, 0x258f, '='},
	{0x2591, 0x2591, '.'}, /* shades */
	{0x2592, 0x2593, '#'},
	{0x25b2, 0x25b2, '^'},
	{0x25b6, 0x25b6, '>'},
	{0x25bc, 0x25bc, 'v'},
	{0x25c0, 0x25c0, '<'},
	{0x25cf, 0x25cf, '*'},
	{0x2713, 0x2714, '+'}, /* check */
	{0x2715, 0x2718, 'x'}, /* cross */
	{0x2800, 0x2800, ' '}, /* braille */
	{0x2801, 0x28ff, ':'},
};

static uint32_t ascii_of(uint32_t point)
{
	size_t low = 0, high = sizeof fallbacks / sizeof fallbacks[0];
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (point < fallbacks[middle].first)
			high = middle;
		else if (point > fallbacks[middle].last)
			low = middle + 1;
		else
			return (uint32_t)fallbacks[middle].as;
	}
	return '?';
}

static const struct cell blank = {.point = ' ', .role = ROLE_TEXT};

static struct cell *cell_at(const struct surface *s, int x, int y)
{
	return &s->cells[(size_t)y * (size_t)s->w + (size_t)x];
}

static struct rect intersect(struct rect a, struct rect b)
{
	/* In 64 bits: a caller's rectangle may end beyond INT_MAX. */
	int64_t left = a.x > b.x ? a.x : b.x, top = a.y > b.y ? a.y : b.y;
	int64_t right_a = (int64_t)a.x + a.w, right_b = (int64_t)b.x + b.w;
	int64_t bottom_a = (int64_t)a.y + a.h, bottom_b = (int64_t)b.y + b.h;
	int64_t right = right_a < right_b ? right_a : right_b;
	int64_t bottom = bottom_a < bottom_b ? bottom_a : bottom_b;
	if (right <= left || bottom <= top)
		return (struct rect){0};
	return (struct rect){(int)left, (int)top, (int)(right - left), (int)(bottom - top)};
}

void surface_init(struct surface *s, int w, int h, bool ascii)
{
	*s = (struct surface){.ascii = ascii};
	surface_resize(s, w, h);
}

void surface_resize(struct surface *s, int w, int h)
{
	assert(w >= 0 && h >= 0);
	free(s->cells);
	s->w = w;
	s->h = h;
	s->cells = mem_new((size_t)w * (size_t)h, sizeof *s->cells);
	surface_clear(s);
}

void surface_release(struct surface *s)
{
	free(s->cells);
	*s = (struct surface){0};
}

void surface_clear(struct surface *s)
{
	size_t count = (size_t)s->w * (size_t)s->h;
	for (size_t i = 0; i < count; i++)
		s->cells[i] = blank;
	s->cursor_x = s->cursor_y = -1;
}

struct rect surface_all(const struct surface *s)
{
	return (struct rect){0, 0, s->w, s->h};
}

static bool is_wide(const struct surface *s, int x, int y)
{
	return x + 1 < s->w && cell_at(s, x + 1, y)->point == 0;
}

static void blank_point(struct cell *cell)
{
	cell->point = ' ';
	cell->marks[0] = 0;
}

/* Makes the cells [x, x + columns) free to be written: a wide character that they cut in two
 * loses its other half as well. */
static void cut_wide(struct surface *s, int x, int y, int columns)
{
	if (cell_at(s, x, y)->point == 0)
		blank_point(cell_at(s, x - 1, y));
	if (is_wide(s, x + columns - 1, y))
		blank_point(cell_at(s, x + columns, y));
}

/* Writes a character of known width into cells that are all inside the clip. */
static void write_cell(
	struct surface *s, int x, int y, enum role role, uint32_t point, int columns)
{
	cut_wide(s, x, y, columns);
	*cell_at(s, x, y) = (struct cell){.point = point, .role = role};
	if (columns == 2)
		*cell_at(s, x + 1, y) = (struct cell){.point = 0, .role = role};
}

static void add_mark(struct cell *cell, uint32_t mark)
{
	for (int i = 0; i < MARKS_MAX; i++) {
		if (cell->marks[i] != 0)
			continue;
		cell->marks[i] = mark;
		if (i + 1 < MARKS_MAX)
			cell->marks[i + 1] = 0;
		return;
	}
}

/* Draws text that text_clean has passed. */
static int draw_clean(struct surface *s, struct rect visible, int x, int y, enum role role,
	const char *text, size_t len)
{
	int64_t end = (int64_t)visible.x + visible.w, column = x;
	int drawn_end = x;
	struct cell *last = NULL; /* takes the marks that follow */
	while (len > 0 && column < end) {
		uint32_t point;
		int used = text_decode(text, len, &point);
		if (used <= 0)
			break;
		text += used;
		len -= (size_t)used;
		int columns = text_columns(point);
		if (columns == 0) {
			if (last != NULL && !s->ascii)
				add_mark(last, point);
			continue;
		}
		last = NULL;
		if (column + columns > end)
			break;
		/* In ASCII a wide character becomes as many narrow ones, so that columns never move. */
		bool narrow = s->ascii && point > 0x7e;
		int pieces = narrow ? columns : 1;
		for (int i = 0; i < pieces; i++) {
			int64_t at = column + i;
			if (at < visible.x)
				continue;
			write_cell(
				s, (int)at, y, role, narrow ? ascii_of(point) : point, narrow ? 1 : columns);
			last = cell_at(s, (int)at, y);
		}
		column += columns;
		drawn_end = (int)column;
	}
	/* Marks behind the last character that fitted still belong to it. */
	while (last != NULL && len > 0 && !s->ascii) {
		uint32_t point;
		int used = text_decode(text, len, &point);
		if (used <= 0 || text_columns(point) != 0)
			break;
		add_mark(last, point);
		text += used;
		len -= (size_t)used;
	}
	if (strspn(text, " ") < len) {
		write_cell(s, (int)end - 1, y, role, s->ascii ? ascii_of(CUT) : CUT, 1);
		drawn_end = (int)end;
	}
	return drawn_end;
}

static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

int surface_text(
	struct surface *s, struct rect clip, int x, int y, enum role role, const char *text)
{
	struct rect visible = intersect(clip, surface_all(s));
	if (y < visible.y || y >= visible.y + visible.h || x >= visible.x + visible.w)
		return x;
	size_t len = strnlen(text, DRAWN_MAX);
	if (is_plain(text, len))
		return draw_clean(s, visible, x, y, role, text, len);
	char clean[DRAWN_MAX];
	len = text_clean(clean, sizeof clean, text, len);
	return draw_clean(s, visible, x, y, role, clean, len);
}

int surface_textf(
	struct surface *s, struct rect clip, int x, int y, enum role role, const char *format, ...)
{
	char text[DRAWN_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	text_mend(text);
	return surface_text(s, clip, x, y, role, text);
}

void surface_text_right(
	struct surface *s, struct rect clip, int right, int y, enum role role, const char *text)
{
	char clean[DRAWN_MAX];
	text_clean(clean, sizeof clean, text, strnlen(text, DRAWN_MAX));
	surface_text(s, clip, right - text_width(clean), y, role, clean);
}

/* What may stand in a cell alone: else '?'. */
static uint32_t printable(uint32_t point)
{
	char bytes[5] = {0}, clean[16];
	if (point >= 0x20 && point <= 0x7e)
		return point;
	if (point == 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return '?';
	size_t len = (size_t)text_encode(point, bytes);
	text_clean(clean, sizeof clean, bytes, len);
	return strcmp(clean, bytes) == 0 && text_columns(point) > 0 ? point : '?';
}

void surface_put(
	struct surface *s, struct rect clip, int x, int y, enum role role, uint32_t point)
{
	struct rect visible = intersect(clip, surface_all(s));
	point = printable(point);
	int columns = text_columns(point);
	if (y < visible.y || y >= visible.y + visible.h)
		return;
	if (x < visible.x || x > visible.x + visible.w - columns)
		return;
	if (s->ascii && point > 0x7e)
		for (int i = 0; i < columns; i++)
			write_cell(s, x + i, y, role, ascii_of(point), 1);
	else
		write_cell(s, x, y, role, point, columns);
}

void surface_fill(struct surface *s, struct rect area, enum role role, uint32_t point)
{
	struct rect visible = intersect(area, surface_all(s));
	int columns = text_columns(printable(point));
	for (int y = visible.y; y < visible.y + visible.h; y++)
		for (int x = visible.x; x < visible.x + visible.w; x += columns)
			surface_put(s, visible, x, y, role, point);
}

void surface_paint(struct surface *s, struct rect area, enum role role)
{
	struct rect visible = intersect(area, surface_all(s));
	for (int y = visible.y; y < visible.y + visible.h; y++)
		for (int x = visible.x; x < visible.x + visible.w; x++)
			cell_at(s, x, y)->role = role;
}

static void add_point(struct text *t, uint32_t point)
{
	char bytes[4];
	text_add_n(t, bytes, (size_t)text_encode(point, bytes));
}

static void dump_row_chars(const struct surface *s, int y, struct text *out)
{
	int end = s->w;
	while (end > 0 && cell_at(s, end - 1, y)->point == ' ' &&
		cell_at(s, end - 1, y)->marks[0] == 0)
		end--;
	for (int x = 0; x < end; x++) {
		const struct cell *cell = cell_at(s, x, y);
		if (cell->point == 0)
			continue;
		add_point(out, cell->point);
		for (int i = 0; i < MARKS_MAX && cell->marks[i] != 0; i++)
			add_point(out, cell->marks[i]);
	}
	text_add(out, "\n");
}

void surface_dump(const struct surface *s, struct text *chars, struct text *roles)
{
	for (int y = 0; y < s->h; y++) {
		dump_row_chars(s, y, chars);
		if (roles == NULL)
			continue;
		for (int x = 0; x < s->w; x++)
			text_add_n(roles, (char[]){role_letter(cell_at(s, x, y)->role)}, 1);
		text_add(roles, "\n");
	}
}
