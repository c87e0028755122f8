/* Plots of a pool's metrics: both sides on one axis, the limit, the decisions, the crosshair. Not
 * which stretch of time they show: scope.c. */
#include "tui/view_plots.h"

#include "tui/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PLOT_LABEL 8 /* columns that the axis takes */
#define PLOT_WIDE 50 /* columns from which plots stand side by side */
#define PLOT_HIGH 8
#define MARKS_MAX 64
#define VALUES_MAX POOL_TICKS

/* ---- time ---- */

/* Other screens show what the model keeps. */
static const struct scope *scope_of(const struct view *v)
{
	return v->screen == SCREEN_FLOW ? v->scope : NULL;
}

void view_axis(struct axis *a, const struct view *v, int columns)
{
	axis_make(a, v->pool, scope_of(v), v->now, columns);
}

int view_cross_column(const struct axis *a, const struct view *v, int columns)
{
	const struct scope *scope = scope_of(v);
	if (!scope || scope->cross_ms == UNKNOWN)
		return -1;
	/* What has left the axis stays at its end. */
	return axis_column(a, columns, axis_move(a, columns, scope->cross_ms, 0));
}

void view_time(char *out, size_t size, const struct view *v, int64_t wall_ms)
{
	char age[24];
	if (!v->scope || !v->scope->ago) {
		unit_when(out, size, wall_ms, v->now.wall_ms);
		return;
	}
	unit_age(age, sizeof age, v->now.wall_ms - wall_ms);
	snprintf(out, size, "%s ago", age);
}

/* ---- a plot ---- */

static void label_percent(char *out, size_t size, double value)
{
	unit_percent(out, size, value);
}

static void label_ms(char *out, size_t size, double value)
{
	unit_ms(out, size, isnan(value) ? UNKNOWN : (int64_t)value);
}

static void label_bytes(char *out, size_t size, double value)
{
	unit_bytes(out, size, isnan(value) ? UNKNOWN : (int64_t)value);
}

/* Decisions as columns from the right. */
static size_t plot_marks(
	const struct pool *p, const struct axis *a, int columns, size_t marks[MARKS_MAX])
{
	size_t n = 0;
	for (size_t i = p->decision_count; i-- > 0 && n < MARKS_MAX;) {
		int column = axis_column(a, columns, p->decisions[i].at_ms);
		if (column >= 0)
			marks[n++] = (size_t)(columns - 1 - column);
	}
	return n;
}

static double largest(const double *a, int n, double most)
{
	for (int i = 0; i < n; i++)
		if (a[i] > most)
			most = a[i];
	return most;
}

static bool has_any(const double *a, int n)
{
	for (int i = 0; i < n; i++)
		if (!isnan(a[i]))
			return true;
	return false;
}

/* The end of an axis of bytes: 1 or 1.5 times a power of two, which is written whole. */
static double bytes_top(double highest, double limit)
{
	double most = fmax(fmax(highest, limit), 1), power = exp2(floor(log2(most)));
	return most <= power ? power : most <= 1.5 * power ? 1.5 * power : 2 * power;
}

static void draw_title(struct surface *s, struct rect r, const struct view *v, enum series m,
	const struct axis *axis, double shown)
{
	double limit = series_limit(v->pool, m);
	char length[64], value[16], said[48];
	int x = r.x + 1;
	if (scope_of(v) && v->scope->wide) {
		enum role role;
		const char *word = view_limit_word(v->pool, m, &role);
		x = surface_text(s, r, x, r.y, role, word) + 2;
	}
	axis_text(length, sizeof length, axis, v->now);
	x = surface_text(s, r, x, r.y, ROLE_TITLE, series_row(m)->title);
	x = surface_text(s, r, x + 2, r.y, ROLE_V1, "v1");
	x = surface_text(s, r, x + 1, r.y, ROLE_V2, "v2") + 2;
	text_copy(said, sizeof said, "no limit");
	if (!isnan(limit)) {
		series_limit_text(value, sizeof value, m, limit);
		snprintf(said, sizeof said, "limit %s%s%s", value, series_unit(m),
			isnan(shown) ? ", above" : "");
	}
	/* A limit without its unit is none: it is told whole, as much as there is room beside it. */
	int left = r.x + r.w - x - text_width(said);
	if (left < 0)
		said[strcspn(said, ",")] = 0;
	if (left >= text_width(length) + 2)
		x = surface_textf(s, r, x, r.y, ROLE_DIM, "%s; ", length);
	else if (strncmp(length, "last ", 5) == 0 && left >= text_width(length + 5) + 2)
		x = surface_textf(s, r, x, r.y, ROLE_DIM, "%s; ", length + 5);
	surface_text(s, r, x, r.y, isnan(shown) ? ROLE_DIM : ROLE_LIMIT, said);
}

static int columns_of(int w)
{
	return w - PLOT_LABEL < VALUES_MAX / 2 ? w - PLOT_LABEL : VALUES_MAX / 2;
}

void view_plot(struct surface *s, struct rect r, const struct view *v, enum series m)
{
	static void (*const labels[SERIES_COUNT])(char *, size_t, double) = {
		[SERIES_ERRORS] = label_percent, [SERIES_MEMORY] = label_bytes};
	const struct pool *p = v->pool;
	int columns = columns_of(r.w);
	if (r.h < 4 || columns < 10)
		return;
	double v1[VALUES_MAX], v2[VALUES_MAX];
	size_t marks[MARKS_MAX];
	struct axis axis;
	int n = graph_dots(s) ? 2 * columns : columns;
	view_axis(&axis, v, columns);
	axis_read(&axis, ARM_V1, m, v1, n);
	axis_read(&axis, ARM_V2, m, v2, n);
	/* A limit far above everything would press the lines to the floor: it is said instead. Lines on
	 * the floor take it as the end of their axis. */
	double limit = series_limit(p, m), highest = largest(v2, n, largest(v1, n, 0));
	bool at_floor = labels[m] && !(highest > 0);
	if (!(limit <= 4 * highest) && !at_floor)
		limit = NAN;
	draw_title(s, (struct rect){r.x, r.y, r.w, 1}, v, m, &axis, limit);
	if (!has_any(v1, n) && !has_any(v2, n)) {
		surface_text(s, r, r.x + 1, r.y + 1 + (r.h - 1) / 2, ROLE_DIM, "no data yet");
		return;
	}
	int cross = view_cross_column(&axis, v, columns);
	struct graph_plot plot = {.series = {{v1, (size_t)n, view_role(p, ROLE_V1)},
								  {v2, (size_t)n, view_role(p, ROLE_V2)}},
		.series_count = 2,
		.over = view_role(p, ROLE_OVER),
		.limit = limit,
		.top = m == SERIES_MEMORY      ? bytes_top(highest, limit)
			: labels[m] || highest > 0 ? NAN
									   : 1000, /* a millisecond */
		.marks = marks,
		.mark_count = plot_marks(p, &axis, columns, marks),
		.cross = cross < 0 ? 0 : columns - cross,
		.label = labels[m] ? labels[m] : label_ms};
	graph_plot(s, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, &plot);
}

/* ---- plots ---- */

static int plotted(const struct pool *p, enum series out[SERIES_COUNT])
{
	static const enum metric always[] = {METRIC_ERRORS, METRIC_P99};
	enum metric metrics[METRIC_COUNT];
	int n = view_limit_order(p, metrics);
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		if (isnan(p->standing.guard.metric[always[i]].limit))
			metrics[n++] = always[i];
	for (int i = 0; i < n; i++)
		out[i] = series_of(metrics[i]);
	return n;
}

/* How many stand below and beside each other. */
static void grid_of(struct rect r, int n, int *down, int *across)
{
	/* Where they may stand beside each other, they need not be flat. */
	int rows = r.w >= 2 * PLOT_WIDE ? PLOT_HIGH : PLOT_ROWS;
	*down = r.h / rows < n ? r.h / rows : n;
	*down = *down < 1 ? 1 : *down;
	*across = (n + *down - 1) / *down;
	int most = r.w / PLOT_WIDE < 1 ? 1 : r.w / PLOT_WIDE;
	*across = *across < most ? *across : most;
}

int view_plots_columns(struct rect r, const struct pool *p)
{
	enum series series[SERIES_COUNT];
	int down, across;
	if (r.h < 4)
		return 0;
	grid_of(r, plotted(p, series), &down, &across);
	int columns = columns_of(r.w / across);
	return columns < 10 ? 0 : columns;
}

void view_plots(struct surface *s, struct rect r, const struct view *v)
{
	enum series series[SERIES_COUNT];
	int n = plotted(v->pool, series), down, across;
	grid_of(r, n, &down, &across);
	for (int i = 0; i < n && i < down * across; i++) {
		int row = i / across, y = r.h * row / down, end = r.h * (row + 1) / down;
		int w = r.w / across;
		view_plot(s, (struct rect){r.x + i % across * w, r.y + y, w, end - y}, v, series[i]);
	}
}

/* ---- the crosshair ---- */

void view_decision_text(char *out, size_t size, const struct decision *d)
{
	char from[16], to[16], drained[DRAIN_TOLD_MAX];
	unit_share(from, sizeof from, d->from_bp);
	unit_share(to, sizeof to, d->to_bp);
	drain_tell(drained, d);
	const char *word = verb_row(d->verb)->word;
	if (drained[0])
		snprintf(out, size, "%s %s", word, drained);
	else if (d->verb == VERB_STEP || d->verb == VERB_ROLLBACK || d->verb == VERB_ASK ||
		d->verb == VERB_APPROVE)
		snprintf(out, size, "%s %.*s > %s", word, (int)strcspn(from, " "), from, to);
	else
		snprintf(out, size, "%s", word);
}

static int draw_values(struct surface *s, struct rect r, int x, const struct view *v,
	const struct axis *axis, int columns, int column)
{
	enum series series[SERIES_COUNT];
	int n = plotted(v->pool, series);
	for (int i = 0; i < n; i++) {
		x = surface_text(s, r, x + 2, r.y, ROLE_DIM, series_row(series[i])->word);
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			double values[VALUES_MAX];
			char text[24];
			axis_read(axis, (enum arm)arm, series[i], values, columns);
			series_value_text(text, sizeof text, series[i], values[column]);
			x = surface_text(s, r, x + 1, r.y, arm == ARM_V1 ? ROLE_V1 : ROLE_V2, text);
		}
		x = surface_text(s, r, x, r.y, ROLE_DIM, series_unit(series[i]));
	}
	return x;
}

/* The newest decision of a column, and how many there are. */
static void draw_decision(struct surface *s, struct rect r, int x, const struct view *v,
	const struct axis *axis, int columns, int column)
{
	const struct pool *p = v->pool;
	const struct decision *newest = NULL;
	char what[64];
	int count = 0;
	for (size_t i = p->decision_count; i-- > 0;)
		if (axis_column(axis, columns, p->decisions[i].at_ms) == column && count++ == 0)
			newest = &p->decisions[i];
	if (!newest)
		return;
	view_decision_text(what, sizeof what, newest);
	x = surface_text(s, r, x + 2, r.y, ROLE_LIMIT, "^");
	x = surface_text(s, r, x + 1, r.y, ROLE_REMOTE, newest->actor);
	x = surface_text(s, r, x + 1, r.y, ROLE_TEXT, what);
	if (count > 1)
		surface_textf(s, r, x + 2, r.y, ROLE_DIM, "and %d more", count - 1);
}

void view_cross(struct surface *s, struct rect r, const struct view *v, int columns)
{
	struct axis axis;
	char when[40];
	view_axis(&axis, v, columns);
	int column = view_cross_column(&axis, v, columns);
	/* The moment that was chosen, while it is on the axis: its column moves on with time. */
	int64_t at_ms = axis_move(&axis, columns, v->scope->cross_ms, 0),
			off_ms = at_ms - v->scope->cross_ms;
	if (off_ms < axis.step_ms && off_ms > -axis.step_ms)
		at_ms = v->scope->cross_ms;
	view_time(when, sizeof when, v, at_ms);
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_SELECTED, when);
	x = draw_values(s, r, x, v, &axis, columns, column);
	draw_decision(s, r, x, v, &axis, columns, column);
}
