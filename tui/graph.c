/* Graph: numbers over time as cells. Not a view: it knows nothing of guards, sides or time,
 * only values, a scale and an area of a surface.
 *
 * 1. What is not known (NaN) is a blank, never a zero; zero stands on the floor; what is
 *    above zero stands above the floor.
 * 2. Everything is drawn in eighths of a cell; the surface turns the blocks into ASCII. */
#include "tui/graph.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define EIGHTHS 8
#define BLOCK_FULL 0x2588u
#define LABEL_MAX 12
#define LINE_VERTICAL 0x2502u
#define LINE_LIMIT 0x2504u
#define POINT_FIRST 0x2022u /* bullet: the first of two series */
#define POINT_SECOND '+'
#define SHADE 0x2591u
#define BRAILLE 0x2800u
#define DOTS_WIDE 2 /* of a cell of braille */
#define DOTS_HIGH 4

void graph_reduce(const double *values, size_t count, double *columns, size_t column_count)
{
	for (size_t i = 0; i < column_count; i++) {
		/* Aligned at the newest, and every value falls into exactly one column. */
		size_t from = i * count / column_count, to = (i + 1) * count / column_count;
		double most = NAN;
		for (size_t k = from; k < to; k++)
			most = fmax(most, values[k]); /* fmax passes over NaN */
		columns[i] = most;
	}
}

/* The step 1..steps at which a value stands: zero and below 1, anything above zero at least
 * 2. */
static int level_of(double value, double top, int steps)
{
	if (!(value > 0))
		return 1;
	if (!(top > 0) || value >= top)
		return steps;
	int level = 1 + (int)ceil(value / top * (steps - 1));
	return level < 2 ? 2 : level;
}

static uint32_t block_up(int eighths)
{
	return BLOCK_FULL - (uint32_t)(EIGHTHS - eighths);
}

void graph_sparkline(struct surface *s, struct rect area, enum role role, const double *values,
	size_t count, double top)
{
	if (area.h < 1)
		return;
	for (int back = 0; back < area.w && (size_t)back < count; back++) {
		double value = values[count - 1 - (size_t)back];
		if (!isnan(value))
			surface_put(s, area, area.x + area.w - 1 - back, area.y, role,
				block_up(level_of(value, top, EIGHTHS)));
	}
}

/* The steps of a bar: any fraction above 0 shows one, any below 1 leaves one when there is room
 * for both. */
static int bar_steps(double fraction, int steps)
{
	if (!(fraction > 0))
		return 0;
	if (fraction >= 1)
		return steps;
	int filled = (int)lround(fraction * steps);
	if (filled >= steps)
		filled = steps - 1;
	return filled < 1 ? 1 : filled;
}

void graph_bar(struct surface *s, struct rect area, enum role role, double fraction)
{
	if (area.h < 1 || area.w < 1)
		return;
	area.h = 1;
	if (isnan(fraction)) {
		surface_fill(s, area, ROLE_DIM, '?');
		return;
	}
	int per_cell = s->ascii ? 1 : EIGHTHS;
	int filled = bar_steps(fraction, area.w * per_cell);
	for (int i = 0; i < area.w; i++) {
		int steps = filled - i * per_cell;
		int x = area.x + i;
		if (steps <= 0)
			surface_put(s, area, x, area.y, ROLE_DIM, s->ascii ? '.' : 0x00b7u);
		else if (s->ascii || steps >= per_cell)
			surface_put(s, area, x, area.y, role, s->ascii ? '#' : BLOCK_FULL);
		else /* the blocks that grow to the right count down from the full one */
			surface_put(s, area, x, area.y, role, BLOCK_FULL + (uint32_t)(EIGHTHS - steps));
	}
}

double graph_nice_top(double value)
{
	if (!(value >= DBL_MIN) || isinf(value))
		return 1;
	double power = pow(10, floor(log10(value)));
	static const double heads[] = {1, 2, 5, 10};
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
		if (heads[i] * power >= value)
			return heads[i] * power;
	return 10 * power;
}

/* ---- plot ---- */

bool graph_dots(const struct surface *s)
{
	return s->braille && !s->ascii;
}

/* Where a plot's points are drawn, and their scale. */
struct frame {
	struct rect area; /* without labels, axis and marks */
	double top;
};

static double chosen_top(const struct graph_plot *p, size_t values)
{
	if (!isnan(p->top))
		return p->top;
	double most = p->limit;
	for (int i = 0; i < p->series_count; i++) {
		const struct graph_series *series = &p->series[i];
		for (size_t back = 0; back < series->count && back < values; back++)
			most = fmax(most, series->values[series->count - 1 - back]);
	}
	return graph_nice_top(most);
}

static void default_label(char *out, size_t size, double value)
{
	snprintf(out, size, "%g", value);
}

/* The row of a frame in which a value lies, counted from the bottom. */
static int row_of(const struct frame *f, double value)
{
	return (level_of(value, f->top, f->area.h * EIGHTHS) - 1) / EIGHTHS;
}

static int y_of(const struct frame *f, int row)
{
	return f->area.y + f->area.h - 1 - row;
}

/* Draws the full cells of a column below its end, or only the cell of its end. */
static void draw_fill(
	struct surface *s, const struct frame *f, const struct graph_series *series, bool ends)
{
	for (int back = 0; back < f->area.w && (size_t)back < series->count; back++) {
		double value = series->values[series->count - 1 - (size_t)back];
		if (isnan(value))
			continue;
		int x = f->area.x + f->area.w - 1 - back;
		int eighths = level_of(value, f->top, f->area.h * EIGHTHS);
		int row = (eighths - 1) / EIGHTHS;
		if (ends)
			surface_put(
				s, f->area, x, y_of(f, row), series->role, block_up(eighths - row * EIGHTHS));
		for (int below = 0; !ends && below < row; below++)
			surface_put(s, f->area, x, y_of(f, below), series->role, BLOCK_FULL);
	}
}

/* What stands in a cell; 0 outside of the surface. */
static uint32_t point_at(const struct surface *s, int x, int y)
{
	bool inside = x >= 0 && y >= 0 && x < s->w && y < s->h;
	return inside ? s->cells[(size_t)y * (size_t)s->w + (size_t)x].point : 0;
}

/* A point on a full cell has that cell's colour behind it: the bar goes on. */
static void draw_points(
	struct surface *s, const struct frame *f, const struct graph_series *series, enum role over)
{
	for (int back = 0; back < f->area.w && (size_t)back < series->count; back++) {
		double value = series->values[series->count - 1 - (size_t)back];
		int x = f->area.x + f->area.w - 1 - back, y = y_of(f, row_of(f, value));
		if (!isnan(value))
			surface_put(s, f->area, x, y, point_at(s, x, y) == BLOCK_FULL ? over : series->role,
				POINT_FIRST);
	}
}

/* ---- dots ---- */

/* The bit of a dot in its cell: x from the left, y from above. */
static uint32_t dot(int x, int y)
{
	static const uint32_t bits[DOTS_HIGH][DOTS_WIDE] = {
		{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
	return bits[y][x];
}

static void add_dot(
	struct surface *s, const struct frame *f, enum role role, int back, int level)
{
	int x = f->area.x + f->area.w - 1 - back / DOTS_WIDE, y = y_of(f, level / DOTS_HIGH);
	uint32_t point = point_at(s, x, y);
	if (point < BRAILLE || point >= BRAILLE + 256)
		point = BRAILLE;
	surface_put(s, f->area, x, y, role,
		point | dot(DOTS_WIDE - 1 - back % DOTS_WIDE, DOTS_HIGH - 1 - level % DOTS_HIGH));
}

/* A line: from one value to the next the column is filled between them. */
static void draw_dots(
	struct surface *s, const struct frame *f, const struct graph_series *series)
{
	int before = -1; /* level of the value to the right */
	for (int back = 0; back < f->area.w * DOTS_WIDE && (size_t)back < series->count; back++) {
		double value = series->values[series->count - 1 - (size_t)back];
		if (isnan(value)) {
			before = -1;
			continue;
		}
		int level = level_of(value, f->top, f->area.h * DOTS_HIGH) - 1;
		add_dot(s, f, series->role, back, level);
		for (int at = level; before >= 0 && abs(at - before) > 1;) {
			at += at < before ? 1 : -1;
			add_dot(s, f, series->role, back, at);
		}
		before = level;
	}
}

/* ---- the whole ---- */

static void draw_limit(struct surface *s, const struct frame *f, double limit)
{
	if (isnan(limit) || limit > f->top)
		return;
	int y = y_of(f, row_of(f, limit));
	for (int x = 0; x < f->area.w; x++)
		surface_put(s, f->area, f->area.x + x, y, ROLE_LIMIT, LINE_LIMIT);
}

static void draw_axis(
	struct surface *s, struct rect area, const struct frame *f, const struct graph_plot *p)
{
	void (*label)(char *, size_t, double) = p->label == NULL ? default_label : p->label;
	char text[LABEL_MAX + 1];
	int x = f->area.x - 1;
	for (int row = 0; row < f->area.h; row++)
		surface_put(s, area, x, y_of(f, row), ROLE_AXIS, LINE_VERTICAL);
	label(text, sizeof text, f->top);
	surface_text_right(s, area, x, f->area.y, ROLE_AXIS, text);
	if (f->area.h > 1) {
		label(text, sizeof text, 0);
		surface_text_right(s, area, x, y_of(f, 0), ROLE_AXIS, text);
	}
	if (isnan(p->limit) || p->limit > f->top)
		return;
	int row = row_of(f, p->limit);
	if (row == 0 || row == f->area.h - 1)
		return;
	label(text, sizeof text, p->limit);
	surface_text_right(s, area, x, y_of(f, row), ROLE_LIMIT, text);
}

static int label_columns(const struct graph_plot *p, double top)
{
	void (*label)(char *, size_t, double) = p->label == NULL ? default_label : p->label;
	const double labelled[] = {top, 0, p->limit};
	int most = 0;
	for (size_t i = 0; i < sizeof labelled / sizeof labelled[0]; i++) {
		char text[LABEL_MAX + 1];
		if (isnan(labelled[i]))
			continue;
		label(text, sizeof text, labelled[i]);
		int columns = text_width(text);
		most = columns > most ? columns : most;
	}
	return most;
}

/* The series in cells. The last is the one that is watched: it is filled, an earlier one is points.
 * A limit stays in sight where the fill passes it. */
static void draw_blocks(struct surface *s, const struct frame *f, const struct graph_plot *p)
{
	const struct graph_series *watched =
		p->series_count > 0 ? &p->series[p->series_count - 1] : NULL;
	if (watched != NULL)
		draw_fill(s, f, watched, false);
	draw_limit(s, f, p->limit);
	for (int i = 0; i + 1 < p->series_count; i++)
		draw_points(s, f, &p->series[i], p->over);
	if (watched != NULL)
		draw_fill(s, f, watched, true);
}

/* A line down a column; what stands in it stays. */
static void draw_cross(struct surface *s, const struct frame *f, int back)
{
	int x = f->area.x + f->area.w - 1 - back;
	if (back < 0 || back >= f->area.w)
		return;
	for (int y = f->area.y; y < f->area.y + f->area.h; y++)
		if (point_at(s, x, y) == ' ')
			surface_put(s, f->area, x, y, ROLE_KEY, LINE_VERTICAL);
	surface_paint(s, (struct rect){x, f->area.y, 1, f->area.h}, ROLE_SELECTED);
}

void graph_plot(struct surface *s, struct rect area, const struct graph_plot *p)
{
	size_t values = (size_t)area.w * (graph_dots(s) ? DOTS_WIDE : 1);
	struct frame f = {.area = area, .top = chosen_top(p, values)};
	int left = label_columns(p, f.top) + 1;
	if (left >= area.w)
		left = 0; /* no room for an axis: the points matter more */
	f.area.x += left;
	f.area.w -= left;
	if (p->mark_count > 0 && area.h > 1)
		f.area.h--;
	if (f.area.w < 1 || f.area.h < 1)
		return;
	if (graph_dots(s)) {
		draw_limit(s, &f, p->limit);
		for (int i = 0; i < p->series_count; i++)
			draw_dots(s, &f, &p->series[i]);
	} else {
		draw_blocks(s, &f, p);
	}
	draw_cross(s, &f, p->cross - 1);
	if (left > 0)
		draw_axis(s, area, &f, p);
	for (size_t i = 0; i < p->mark_count && f.area.h < area.h; i++)
		if (p->marks[i] < (size_t)f.area.w)
			surface_put(s, area, f.area.x + f.area.w - 1 - (int)p->marks[i],
				area.y + area.h - 1, ROLE_LIMIT, '^');
}

/* ---- a band ---- */

static int span_row(const struct graph_span *p, int rows, double value)
{
	double part = (value - p->bottom) / (p->top - p->bottom);
	if (!(part > 0))
		return 0;
	return part >= 1 ? rows - 1 : (int)(part * rows);
}

/* The column `back` steps from the right. */
static int span_x(const struct frame *f, int back)
{
	return f->area.x + f->area.w - 1 - back;
}

static void draw_band(struct surface *s, const struct frame *f, const struct graph_span *p)
{
	for (int back = 0; p->low && back < f->area.w && (size_t)back < p->count; back++) {
		double low = p->low[p->count - 1 - (size_t)back];
		double high = p->high[p->count - 1 - (size_t)back];
		if (isnan(low) || isnan(high))
			continue;
		int last = span_row(p, f->area.h, high);
		for (int row = span_row(p, f->area.h, low); row <= last; row++)
			surface_put(s, f->area, span_x(f, back), y_of(f, row), ROLE_DIM, SHADE);
	}
}

static void draw_crosses(struct surface *s, const struct frame *f, const struct graph_span *p)
{
	for (int i = 0; i < p->series_count; i++) {
		const struct graph_series *series = &p->series[i];
		for (int back = 0; back < f->area.w && (size_t)back < series->count; back++) {
			double value = series->values[series->count - 1 - (size_t)back];
			if (!isnan(value))
				surface_put(s, f->area, span_x(f, back), y_of(f, span_row(p, f->area.h, value)),
					series->role, i == 0 ? POINT_FIRST : POINT_SECOND);
		}
	}
}

static void label_row(struct surface *s, struct rect area, const struct frame *f,
	const struct graph_span *p, double value, enum role role)
{
	char text[LABEL_MAX + 1];
	p->label(text, sizeof text, value);
	int y = y_of(f, span_row(p, f->area.h, value)), right = f->area.x - 1;
	surface_fill(s, (struct rect){area.x, y, right - area.x, 1}, ROLE_AXIS, ' ');
	surface_text_right(s, area, right, y, role, text);
}

static void draw_lines(
	struct surface *s, struct rect area, const struct frame *f, const struct graph_span *p)
{
	for (int i = 0; i < p->line_count; i++) {
		double at = p->line[i].at;
		if (!(at >= p->bottom && at <= p->top))
			continue;
		int y = y_of(f, span_row(p, f->area.h, at));
		for (int x = 0; x < f->area.w; x++)
			surface_put(s, f->area, f->area.x + x, y, p->line[i].role, LINE_LIMIT);
		if (f->area.x > area.x)
			label_row(s, area, f, p, at, p->line[i].role);
	}
}

static int span_columns(const struct graph_span *p)
{
	double at[5] = {p->bottom, p->top};
	int most = 0, n = 2;
	for (int i = 0; i < p->line_count; i++)
		at[n++] = p->line[i].at;
	for (int i = 0; i < n; i++) {
		char text[LABEL_MAX + 1];
		p->label(text, sizeof text, at[i]);
		most = text_width(text) > most ? text_width(text) : most;
	}
	return most;
}

void graph_span(struct surface *s, struct rect area, const struct graph_span *p)
{
	struct frame f = {.area = area};
	int left = span_columns(p) + 1;
	left = left < area.w ? left : 0;
	f.area.x += left;
	f.area.w -= left;
	if (f.area.w < 1 || f.area.h < 1)
		return;
	for (int row = 0; left > 0 && row < f.area.h; row++)
		surface_put(s, area, f.area.x - 1, y_of(&f, row), ROLE_AXIS, LINE_VERTICAL);
	if (left > 0) {
		label_row(s, area, &f, p, p->bottom, ROLE_AXIS);
		label_row(s, area, &f, p, p->top, ROLE_AXIS);
	}
	draw_band(s, &f, p);
	draw_lines(s, area, &f, p);
	draw_crosses(s, &f, p);
}
