/* Limits as rows with sparklines, and as plots: what v2 does against what it may do, v1 beside
 * it on the same scale. */
#include "tui/graph.h"
#include "tui/judge_words.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>

/* ---- limits ---- */

/* The guard that acts has something to say that the limits below do not show. */
static bool guard_speaks(const struct pool *p)
{
	const struct pool_guard *g = &p->standing.pool_guard;
	return !p->latch.red && (p->standing.blind || g->held_ms != UNKNOWN);
}

int view_limit_rows(const struct pool *p)
{
	int rows = 0;
	for (int m = 0; m < METRIC_COUNT; m++)
		rows += !isnan(p->standing.guard.metric[m].limit);
	rows = rows > 0 ? rows : 1;
	return rows + 1 + (p->latch.red || guard_speaks(p));
}

/* What has latched, since when, how often, and by whose word. */
static void draw_latch(struct surface *s, struct rect r, int y, const struct pool *p)
{
	const struct guard_latch *l = &p->latch;
	char since[24];
	unit_clock(since, sizeof since, l->since_wall_ms);
	int x = surface_text(s, r, r.x + 1, y, ROLE_FAIL, "RED latched");
	if (l->flaps > 0)
		x = surface_textf(s, r, x, y, ROLE_FAIL, ", flapped %dx", l->flaps);
	x = surface_textf(s, r, x, y, ROLE_FAIL, " since %sZ", since);
	if (!l->by_pool) {
		surface_textf(
			s, r, x, y, ROLE_FAIL, ": %s", l->by_judge ? l->word : metric_name(l->metric));
		return;
	}
	x = surface_text(s, r, x, y, ROLE_FAIL, ", the pool says ");
	surface_textf(s, r, x, y, ROLE_REMOTE, "\"%s\"", p->standing.pool_guard.word);
}

static void draw_guard_words(struct surface *s, struct rect r, int y, const struct pool *p)
{
	const struct pool_guard *g = &p->standing.pool_guard;
	char time[24];
	int x = surface_textf(s, r, r.x + 1, y, ROLE_WARN, "the %s's guard ",
		p->standing.owner == OWNER_RECORD ? "recorder" : owner_name(p->standing.owner));
	if (g->held_ms != UNKNOWN) {
		unit_countdown(time, sizeof time, g->held_ms);
		x = surface_textf(s, r, x, y, ROLE_WARN, "only holds for %s", time);
	}
	if (!p->standing.blind)
		return;
	unit_age(time, sizeof time, p->standing.blind_ms);
	surface_textf(s, r, x, y, ROLE_WARN, "%shas had no data for %s",
		g->held_ms != UNKNOWN ? ", " : "", time);
}

/* What the judge adds where the limit alone is content. */
static enum guard_state judged_state(const struct pool *p, enum series m)
{
	enum judged j = series_row(m)->judged;
	if (j == JUDGED_COUNT || p->standing.guard.judge < GUARD_AMBER ||
		!judge_words_suspects(p, j))
		return GUARD_NONE;
	return p->standing.guard.judge;
}

const char *view_limit_word(const struct pool *p, enum series m, enum role *role)
{
	static const char *const words[GUARD_COUNT] = {"-", "ok", "?", "look", "RED"};
	enum metric metric = series_row(m)->metric;
	struct guard_metric none = {.state = GUARD_NONE};
	const struct guard_metric *g =
		metric < METRIC_COUNT ? &p->standing.guard.metric[metric] : &none;
	enum guard_state judged = judged_state(p, m), state = judged > g->state ? judged : g->state;
	bool both = g->both && judged < GUARD_RED;
	*role = view_role(p, both ? ROLE_WARN : view_guard_role(state));
	return both ? "BOTH" : words[state];
}

static double largest(const double *a, size_t n, double most)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] > most)
			most = a[i];
	return most;
}

/* Columns of one sparkline in a row of this width; 0 when there is no room for two. */
static int spark_columns(struct rect r)
{
	int columns = (r.w - 33) / 2 - 1;
	return columns < 7 ? 0 : columns > POOL_TICKS / 2 ? POOL_TICKS / 2 : columns;
}

static void draw_sparklines(
	struct surface *s, struct rect r, int y, const struct pool *p, enum series m)
{
	double v1[POOL_TICKS], v2[POOL_TICKS];
	int columns = spark_columns(r);
	if (columns == 0)
		return;
	int64_t span = series_span(p, columns);
	series_read(p, ARM_V1, m, span, v1, columns);
	series_read(p, ARM_V2, m, span, v2, columns);
	/* Both sides share one scale, so that a common burst is seen as one. */
	size_t n = (size_t)columns;
	double top = largest(v2, n, largest(v1, n, series_limit(p, m) / 4));
	graph_sparkline(s, (struct rect){r.x + 32, y, columns, 1}, ROLE_V1, v1, n, top);
	graph_sparkline(s, (struct rect){r.x + 33 + columns, y, columns, 1}, ROLE_V2, v2, n, top);
}

void view_limits(struct surface *s, struct rect r, const struct view *v, enum width width)
{
	const struct pool *p = v->pool;
	const struct guard *g = &p->standing.guard;
	surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "GUARDS");
	surface_text(s, r, r.x + 13, r.y, ROLE_DIM, "v2 of limit");
	int columns = spark_columns(r);
	if (width >= WIDTH_NORMAL && columns >= 16) {
		char span[32];
		series_span_text(span, sizeof span, v->pool, series_span(v->pool, columns));
		surface_textf(s, r, r.x + 32, r.y, ROLE_DIM, "v1, %s", span);
		surface_text(s, r, r.x + 33 + columns, r.y, ROLE_DIM, "v2, same scale");
	}
	int y = r.y + 1;
	if (p->latch.red)
		draw_latch(s, r, y++, p);
	else if (guard_speaks(p))
		draw_guard_words(s, r, y++, p);
	int first = y;
	for (int m = 0; m < METRIC_COUNT && y < r.y + r.h; m++) {
		const struct guard_metric *x = &g->metric[m];
		enum series series = series_of((enum metric)m);
		if (isnan(x->limit))
			continue;
		char value[16], limit[16];
		enum role role;
		const char *word = view_limit_word(p, series, &role);
		series_value_text(value, sizeof value, series, x->value[ARM_V2]);
		series_limit_text(limit, sizeof limit, series, x->limit);
		surface_text(s, r, r.x + 1, y, role, word);
		surface_text(s, r, r.x + 6, y, role, metric_name((enum metric)m));
		surface_textf(s, r, r.x + 13, y, role, "%s of %s%s", value, limit, series_unit(series));
		if (width >= WIDTH_NORMAL)
			draw_sparklines(s, r, y, p, series);
		y++;
	}
	if (y == first)
		surface_text(
			s, r, r.x + 1, y, ROLE_WARN, "no limit is set: only being worse than v1 turns red");
}

/* ---- plots, on wide screens ---- */

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
	const struct view *v, int64_t span, int columns, size_t *marks, size_t most)
{
	const struct pool *p = v->pool;
	size_t n = 0;
	for (size_t i = p->decision_count; i-- > 0 && n < most;) {
		int64_t ticks = (v->now.wall_ms - p->decisions[i].at_ms) / p->interval_ms;
		if (ticks >= 0 && ticks < span)
			marks[n++] = (size_t)(ticks * columns / span);
	}
	return n;
}

#define PLOT_LABEL 8 /* columns that the axis takes */

void view_plot(struct surface *s, struct rect r, const struct view *v, enum series m)
{
	int columns = r.w - PLOT_LABEL < POOL_TICKS ? r.w - PLOT_LABEL : POOL_TICKS;
	if (r.h < 4 || columns < 10)
		return;
	const struct pool *p = v->pool;
	double v1[POOL_TICKS], v2[POOL_TICKS];
	size_t marks[16];
	int64_t span = series_span(p, columns);
	series_read(p, ARM_V1, m, span, v1, columns);
	series_read(p, ARM_V2, m, span, v2, columns);
	/* A limit far above everything would press the lines to the floor: it is said instead. */
	double most = largest(v2, (size_t)columns, largest(v1, (size_t)columns, 0));
	double limit = series_limit(p, m);
	bool far = !(limit <= most * 4);
	char length[32], word[48] = "no limit";
	series_span_text(length, sizeof length, p, span);
	if (!isnan(limit)) {
		char value[16];
		series_limit_text(value, sizeof value, m, limit);
		snprintf(
			word, sizeof word, "limit %s%s%s", value, series_unit(m), far ? ", above" : "");
	}
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, series_row(m)->title);
	x = surface_text(s, r, x + 2, r.y, ROLE_V1, "v1");
	x = surface_text(s, r, x + 1, r.y, ROLE_V2, "v2");
	x = surface_textf(s, r, x + 2, r.y, ROLE_DIM, "%s; ", length);
	surface_text(s, r, x, r.y, far ? ROLE_DIM : ROLE_LIMIT, word);
	static void (*const labels[SERIES_COUNT])(char *, size_t, double) = {
		[SERIES_ERRORS] = label_percent, [SERIES_MEMORY] = label_bytes};
	struct graph_plot plot = {.series = {{v1, (size_t)columns, view_role(p, ROLE_V1)},
								  {v2, (size_t)columns, view_role(p, ROLE_V2)}},
		.series_count = 2,
		.limit = far ? NAN : limit,
		.top = NAN,
		.marks = marks,
		.mark_count = plot_marks(v, span, columns, marks, sizeof marks / sizeof *marks),
		.label = labels[m] ? labels[m] : label_ms};
	graph_plot(s, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, &plot);
}
