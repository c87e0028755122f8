/* Limits as rows with sparklines, and as plots: what v2 does against what it may do, v1 beside
 * it on the same scale. */
#include "tui/graph.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>

/* ---- series of the ring, for graphs ---- */

typedef double tick_value(const struct tick_arm *a);

static double tick_errors(const struct tick_arm *a)
{
	return a->done > 0 ? (double)a->failed / a->done : NAN;
}

static double tick_p99(const struct tick_arm *a)
{
	return a->p99_us < 0 ? NAN : (double)a->p99_us;
}

static double tick_memory(const struct tick_arm *a)
{
	return a->memory_bytes == UNKNOWN ? NAN : (double)a->memory_bytes;
}

static tick_value *const metric_ticks[METRIC_COUNT] = {tick_errors, tick_p99, tick_memory};

/* What graphs show of the ring: at least a tick a column, else all there is. */
static int64_t span_ticks(const struct pool *p, int columns)
{
	int64_t kept = p->ticks.next - p->ticks.first;
	kept = kept > POOL_TICKS ? POOL_TICKS : kept;
	return kept > columns ? kept : columns;
}

/* The last `span` ticks reduced to columns, the newest last; NaN where nothing is known. */
static void series(
	const struct pool *p, enum arm arm, enum metric m, int64_t span, double *out, int columns)
{
	double values[POOL_TICKS];
	for (int64_t i = 0; i < span; i++) {
		const struct tick *tick = ring_at(&p->ticks, p->ticks.next - span + i);
		values[i] = tick ? metric_ticks[m](&tick->arms[arm]) : NAN;
	}
	graph_reduce(values, (size_t)span, out, (size_t)columns);
}

static void span_word(char *out, size_t size, const struct pool *p, int64_t span)
{
	char length[24];
	int64_t seconds = span * p->interval_ms / 1000;
	unit_duration(length, sizeof length, seconds < 120 ? seconds * 1000 : seconds / 60 * 60000);
	snprintf(out, size, "last %s", length);
}

static void metric_value(char *out, size_t size, enum metric m, double value)
{
	if (m == METRIC_ERRORS)
		unit_percent(out, size, value);
	else if (m == METRIC_P99)
		unit_ms(out, size, isnan(value) ? UNKNOWN : (int64_t)value);
	else
		unit_bytes(out, size, isnan(value) ? UNKNOWN : (int64_t)value);
}

/* A limit is a round number that somebody wrote: shown as written. */
static void limit_value(char *out, size_t size, enum metric m, double limit)
{
	if (m == METRIC_MEMORY)
		unit_bytes(out, size, (int64_t)limit);
	else
		snprintf(out, size, "%g", m == METRIC_ERRORS ? limit * 100 : limit / 1000);
}

static const char *const metric_units[METRIC_COUNT] = {" %", " ms", ""};

/* ---- limits ---- */

/* The guard that acts has something to say that the limits below do not show. */
static bool guard_speaks(const struct pool *p)
{
	const struct pool_guard *g = &p->standing.pool_guard;
	return !p->latch.red && (p->standing.blind || g->held_ms != UNKNOWN);
}

int view_guard_rows(const struct pool *p)
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
		surface_textf(s, r, x, y, ROLE_FAIL, ": %s", metric_name(l->metric));
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

static const char *guard_word(const struct guard_metric *g)
{
	if (g->both)
		return "BOTH";
	static const char *const words[GUARD_COUNT] = {"-", "ok", "?", "RED"};
	return words[g->state];
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
	struct surface *s, struct rect r, int y, const struct pool *p, enum metric m)
{
	double v1[POOL_TICKS], v2[POOL_TICKS];
	int columns = spark_columns(r);
	if (columns == 0)
		return;
	int64_t span = span_ticks(p, columns);
	series(p, ARM_V1, m, span, v1, columns);
	series(p, ARM_V2, m, span, v2, columns);
	/* Both sides share one scale, so that a common burst is seen as one. */
	size_t n = (size_t)columns;
	double top = largest(v2, n, largest(v1, n, p->standing.guard.metric[m].limit / 4));
	graph_sparkline(s, (struct rect){r.x + 32, y, columns, 1}, ROLE_V1, v1, n, top);
	graph_sparkline(s, (struct rect){r.x + 33 + columns, y, columns, 1}, ROLE_V2, v2, n, top);
}

void view_guards(struct surface *s, struct rect r, const struct view *v, enum width width)
{
	const struct pool *p = v->pool;
	const struct guard *g = &p->standing.guard;
	surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "GUARDS");
	surface_text(s, r, r.x + 13, r.y, ROLE_DIM, "v2 of limit");
	int columns = spark_columns(r);
	if (width >= WIDTH_NORMAL && columns >= 16) {
		char span[32];
		span_word(span, sizeof span, v->pool, span_ticks(v->pool, columns));
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
		if (isnan(x->limit))
			continue;
		char value[16], limit[16];
		metric_value(value, sizeof value, (enum metric)m, x->value[ARM_V2]);
		limit_value(limit, sizeof limit, (enum metric)m, x->limit);
		enum role role = view_role(p, x->both ? ROLE_WARN : view_guard_role(x->state));
		surface_text(s, r, r.x + 1, y, role, guard_word(x));
		surface_text(s, r, r.x + 6, y, role, metric_name((enum metric)m));
		surface_textf(s, r, r.x + 13, y, role, "%s of %s%s", value, limit, metric_units[m]);
		if (width >= WIDTH_NORMAL)
			draw_sparklines(s, r, y, p, (enum metric)m);
		y++;
	}
	if (y == first)
		surface_text(s, r, r.x + 1, y, ROLE_WARN, "no limit is set: nothing would turn red");
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

void view_plot(struct surface *s, struct rect r, const struct view *v, enum metric m)
{
	int columns = r.w - PLOT_LABEL < POOL_TICKS ? r.w - PLOT_LABEL : POOL_TICKS;
	if (r.h < 4 || columns < 10)
		return;
	const struct pool *p = v->pool;
	static const char *const titles[METRIC_COUNT] = {"ERRORS %", "P99 ms", "MEMORY"};
	double v1[POOL_TICKS], v2[POOL_TICKS];
	size_t marks[16];
	int64_t span = span_ticks(p, columns);
	series(p, ARM_V1, m, span, v1, columns);
	series(p, ARM_V2, m, span, v2, columns);
	/* A limit far above everything would press the lines to the floor: it is said instead. */
	double most = largest(v2, (size_t)columns, largest(v1, (size_t)columns, 0));
	double limit = p->standing.guard.metric[m].limit;
	bool far = !(limit <= most * 4);
	char length[32], word[32] = "no limit";
	span_word(length, sizeof length, p, span);
	if (!isnan(limit)) {
		char value[16];
		limit_value(value, sizeof value, m, limit);
		snprintf(
			word, sizeof word, "limit %s%s%s", value, metric_units[m], far ? ", above" : "");
	}
	int x = surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, titles[m]);
	x = surface_text(s, r, x + 2, r.y, ROLE_V1, "v1");
	x = surface_text(s, r, x + 1, r.y, ROLE_V2, "v2");
	x = surface_textf(s, r, x + 2, r.y, ROLE_DIM, "%s; ", length);
	surface_text(s, r, x, r.y, far ? ROLE_DIM : ROLE_LIMIT, word);
	struct graph_plot plot = {.series = {{v1, (size_t)columns, view_role(p, ROLE_V1)},
								  {v2, (size_t)columns, view_role(p, ROLE_V2)}},
		.series_count = 2,
		.limit = far ? NAN : limit,
		.top = NAN,
		.marks = marks,
		.mark_count = plot_marks(v, span, columns, marks, sizeof marks / sizeof *marks),
		.label = m == METRIC_ERRORS ? label_percent : label_ms};
	graph_plot(s, (struct rect){r.x, r.y + 1, r.w, r.h - 1}, &plot);
}
