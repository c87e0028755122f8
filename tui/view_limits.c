/* Limits as rows with sparklines: what v2 does against what it may do, v1 beside it on the same
 * scale. */
#include "tui/graph.h"
#include "tui/judge_words.h"
#include "tui/line_words.h"
#include "tui/view_plots.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- limits ---- */

/* The guard that acts has something to say that the limits below do not show. */
static bool guard_speaks(const struct pool *p)
{
	const struct pool_guard *g = &p->standing.pool_guard;
	return !p->latch.red && (p->standing.blind || g->held_ms != UNKNOWN);
}

#define PAIR 60 /* columns from which two stand in a row, where there are no sparklines */

/* Limits in a row of this width. */
static int limits_across(int w)
{
	return w >= PAIR && w < 80 ? 2 : 1;
}

int view_limit_rows(const struct pool *p, int w)
{
	int limits = 0, across = limits_across(w);
	for (int m = 0; m < METRIC_COUNT; m++)
		limits += !isnan(p->standing.guard.metric[m].limit);
	int rows = limits > 0 ? (limits + across - 1) / across : 1;
	return rows + (w >= 80) + (p->latch.red || guard_speaks(p));
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

static enum guard_state limit_state(const struct pool *p, enum series m, bool *both)
{
	enum metric metric = series_row(m)->metric;
	struct guard_metric none = {.state = GUARD_NONE};
	const struct guard_metric *g =
		metric < METRIC_COUNT ? &p->standing.guard.metric[metric] : &none;
	enum guard_state judged = judged_state(p, m);
	*both = g->both && judged < GUARD_RED;
	return judged > g->state ? judged : g->state;
}

const char *view_limit_word(const struct pool *p, enum series m, enum role *role)
{
	static const char *const words[GUARD_COUNT] = {"-", "ok", "?", "look", "RED"};
	bool both;
	enum guard_state state = limit_state(p, m, &both);
	*role = view_role(p, both ? ROLE_WARN : view_guard_role(state));
	return both ? "BOTH" : words[state];
}

int view_limit_order(const struct pool *p, enum metric out[METRIC_COUNT])
{
	int n = 0;
	for (int wanted = GUARD_COUNT; wanted-- > 0;)
		for (int m = 0; m < METRIC_COUNT; m++) {
			bool both, limited = !isnan(p->standing.guard.metric[m].limit);
			if (limited && (int)limit_state(p, series_of((enum metric)m), &both) == wanted)
				out[n++] = (enum metric)m;
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

#define SPARK_AT 32 /* where sparklines begin */

int view_spark_columns(struct rect r)
{
	int columns = (r.w - SPARK_AT - 1) / 2 - 1;
	return columns < 7 ? 0 : columns > POOL_TICKS / 2 ? POOL_TICKS / 2 : columns;
}

static void draw_sparklines(
	struct surface *s, struct rect r, int y, const struct view *v, enum series m)
{
	double values[ARM_COUNT][POOL_TICKS];
	int columns = view_spark_columns(r);
	struct axis axis;
	if (columns == 0)
		return;
	view_axis(&axis, v, columns);
	/* Both sides share one scale, so that a common burst is seen as one. */
	double top = series_limit(v->pool, m) / 4;
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		axis_read(&axis, (enum arm)arm, m, values[arm], columns);
		top = largest(values[arm], columns, top);
	}
	int cross = view_cross_column(&axis, v, columns);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		int x = r.x + SPARK_AT + arm * (columns + 1);
		graph_sparkline(s, (struct rect){x, y, columns, 1},
			view_role(v->pool, arm == ARM_V1 ? ROLE_V1 : ROLE_V2), values[arm], (size_t)columns,
			top);
		if (cross >= 0)
			surface_paint(s, (struct rect){x + cross, y, 1, 1}, ROLE_SELECTED);
	}
}

static void draw_limit(
	struct surface *s, struct rect r, const struct view *v, enum metric m, enum width width)
{
	const struct guard_metric *x = &v->pool->standing.guard.metric[m];
	enum series series = series_of(m);
	char value[16], limit[16];
	enum role role;
	const char *word = view_limit_word(v->pool, series, &role);
	series_value_text(value, sizeof value, series, x->value[ARM_V2]);
	series_limit_text(limit, sizeof limit, series, x->limit);
	surface_text(s, r, r.x + 1, r.y, role, word);
	surface_text(s, r, r.x + 6, r.y, role, metric_name(m));
	int at = surface_textf(
		s, r, r.x + 13, r.y, role, "%s of %s%s", value, limit, series_unit(series));
	double hourly = series == SERIES_MEMORY ? series_hourly(v->pool, ARM_V2) : NAN;
	if (!isnan(hourly)) {
		char growth[16];
		line_growth(growth, sizeof growth, (int64_t)hourly);
		surface_textf(s, r, at + 1, r.y, view_role(v->pool, ROLE_TEXT), "%s/h", growth);
	}
	if (width >= WIDTH_NORMAL)
		draw_sparklines(s, r, r.y, v, series);
}

static void draw_title(struct surface *s, struct rect r, const struct view *v)
{
	int columns = view_spark_columns(r);
	surface_text(s, r, r.x + 1, r.y, ROLE_TITLE, "GUARDS");
	surface_text(s, r, r.x + 13, r.y, ROLE_DIM, "v2 of limit");
	if (columns < 16)
		return;
	char span[48];
	struct axis axis;
	view_axis(&axis, v, columns);
	axis_text(span, sizeof span, &axis, v->now);
	/* Since when there is something says more than how long it could be. */
	const char *since = strstr(span, "since ");
	bool fits = 4 + text_width(span) <= columns;
	surface_textf(s, (struct rect){r.x, r.y, SPARK_AT + columns, 1}, r.x + SPARK_AT, r.y,
		ROLE_DIM, "v1, %s", fits || !since ? span : since);
	surface_text(s, r, r.x + SPARK_AT + 1 + columns, r.y, ROLE_DIM, "v2, same scale");
}

void view_limits(struct surface *s, struct rect r, const struct view *v, enum width width)
{
	const struct pool *p = v->pool;
	enum metric metrics[METRIC_COUNT];
	int n = view_limit_order(p, metrics), across = limits_across(r.w), y = r.y;
	if (width >= WIDTH_NORMAL)
		draw_title(s, (struct rect){r.x, y++, r.w, 1}, v);
	if (p->latch.red)
		draw_latch(s, r, y++, p);
	else if (guard_speaks(p))
		draw_guard_words(s, r, y++, p);
	for (int i = 0; i < n && y + i / across < r.y + r.h; i++) {
		int w = r.w / across;
		draw_limit(
			s, (struct rect){r.x + i % across * w, y + i / across, w, 1}, v, metrics[i], width);
	}
	if (n == 0)
		surface_text(
			s, r, r.x + 1, y, ROLE_WARN, "no limit is set: only being worse than v1 turns red");
}
