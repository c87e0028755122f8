/* Graph: numbers over time as cells: sparklines, bars and plots. Pure drawing onto a surface; a
 * missing number (NaN) is a blank cell, never a zero. */
#ifndef WEIR_TUI_GRAPH_H
#define WEIR_TUI_GRAPH_H

#include "tui/surface.h"

#include <stddef.h>

/* The values reduced to `columns`: the maximum of those that fall into a column, NaN where none
 * does. */
void graph_reduce(const double *values, size_t count, double *columns, size_t column_count);

/* One row: eighth blocks (ASCII: "_.-=#"), one value a column, newest at the right, scaled
 * 0..top. Zero is the lowest step and a value above 0 always stands above it; above top it
 * draws full. */
void graph_sparkline(struct surface *s, struct rect area, enum role role, const double *values,
	size_t count, double top);

/* One row: a bar of fraction 0..1 with eighth steps (ASCII '#' with '.' rest). NaN: '?'
 * cells in role dim. Any fraction above 0 shows at least one step, any below 1 leaves at
 * least one. */
void graph_bar(struct surface *s, struct rect area, enum role role, double fraction);

struct graph_series {
	const double *values;
	size_t count;
	enum role role;
};

/* Whether plots are drawn in dots of braille: where the surface asks for it and shows UTF-8. They
 * have two values a column then. */
bool graph_dots(const struct surface *s);

/* A plot of several series on one axis, newest at the right, with the axis' labels at the
 * left, a limit line (NaN: none) and marks (columns from the right; role LIMIT) below. */
struct graph_plot {
	struct graph_series series[2];
	int series_count;
	enum role over;      /* of a point of the first on a bar of the second */
	double limit, top;   /* top NaN: chosen from values and limit */
	const size_t *marks; /* 0 is the newest column */
	size_t mark_count;
	int cross; /* a line down the n-th column from the right; 0 none */
	void (*label)(char *out, size_t size, double value);
};
void graph_plot(struct surface *s, struct rect area, const struct graph_plot *p);

/* A line across a plot, with its value at the axis. */
struct graph_line {
	double at;
	enum role role;
};

/* Where values may lie over time: a band from `low` to `high` (NULL: none; NaN a blank column;
 * infinite to the edge), up to two series of points (the second as crosses), and lines, on an
 * axis from `bottom` to `top`. Values beyond it stand at its edge. */
struct graph_span {
	const double *low, *high; /* `count` of each */
	size_t count;
	struct graph_series series[2];
	int series_count;
	struct graph_line line[3];
	int line_count;
	double bottom, top;
	void (*label)(char *out, size_t size, double value);
};
void graph_span(struct surface *s, struct rect area, const struct graph_span *p);

/* A round number at or above `value` for the end of an axis: 1, 2, 5 times a power of ten. */
double graph_nice_top(double value);

#endif
