/* A pool's ring of ticks, and what the history has beside it, as columns; the units of what is in
 * them. */
#include "tui/series.h"

#include "tui/graph.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

static const struct series_row rows[SERIES_COUNT] = {
#define X(name, word, title, judged, metric) {word, title, judged, metric},
	SERIES_INFO(X)
#undef X
};

const struct series_row *series_row(enum series s)
{
	return &rows[s];
}

enum series series_of(enum metric m)
{
	int s = 0;
	while (rows[s].metric != m)
		s++;
	return (enum series)s;
}

bool series_is_guarded(const struct pool *p, enum series s)
{
	const struct series_row *r = &rows[s];
	return !isnan(series_limit(p, s)) ||
		(r->judged < JUDGED_COUNT && p->judging->judge.policy.metric[r->judged]);
}

/* ---- the ring ---- */

static double of_us(int64_t us)
{
	return us < 0 ? NAN : (double)us;
}

static double tick_value(const struct tick_arm *a, enum series s)
{
	switch (s) {
	case SERIES_ERRORS:
		return a->done > 0 ? (double)a->failed / a->done : NAN;
	case SERIES_P50:
		return of_us(a->p50_us);
	case SERIES_P95:
		return of_us(a->p95_us);
	case SERIES_P99:
		return of_us(a->p99_us);
	default:
		return a->memory_bytes == UNKNOWN ? NAN : (double)a->memory_bytes;
	}
}

int64_t series_span(const struct pool *p, int columns)
{
	int64_t kept = p->ticks.next - p->ticks.first;
	kept = kept > POOL_TICKS ? POOL_TICKS : kept;
	return kept > columns ? kept : columns;
}

/* ---- an axis ---- */

#define LOADING_MS 500

_Static_assert((int)SERIES_ERRORS == RANGE_ERRORS && (int)SERIES_P50 == RANGE_P50 &&
		(int)SERIES_P99 == RANGE_P99 && (int)SERIES_MEMORY == RANGE_MEMORY,
	"what has a series is in the history by the same number");

/* The oldest tick that is known, seen from tick 0. */
static int64_t oldest_tick(const struct axis *a)
{
	const struct ring *ticks = &a->pool->ticks;
	bool fills = a->past && a->past->oldest != UNKNOWN &&
		a->past->oldest - a->origin < ticks->first && ring_length(ticks) < POOL_TICKS;
	return fills ? a->past->oldest - a->origin : ticks->first;
}

static void make_ticks(
	struct axis *a, const struct scope *scope, struct instant now, int columns)
{
	const struct pool *p = a->pool;
	const struct tick *last = ring_last(&p->ticks);
	int64_t wanted = scope ? zooms[scope->zoom].ms / p->interval_ms : POOL_TICKS;
	int64_t origin_ms = scope_origin_ms(p, now);
	a->ticks = true;
	a->step_ms = p->interval_ms;
	a->end_ms = last ? last->wall_ms : now.wall_ms;
	if (scope && origin_ms != UNKNOWN) {
		a->past = &scope->before;
		a->origin = origin_ms / p->interval_ms;
	}
	wanted = wanted < 1 ? 1 : wanted > POOL_TICKS ? POOL_TICKS : wanted;
	int64_t known = p->ticks.next - oldest_tick(a);
	a->count = known > columns ? known : columns;
	a->count = a->count < wanted ? a->count : wanted;
}

void axis_make(struct axis *a, const struct pool *p, const struct scope *scope,
	struct instant now, int columns)
{
	*a = (struct axis){.pool = p};
	if (!scope || scope->zoom <= ZOOM_KEPT) {
		make_ticks(a, scope, now, columns);
		return;
	}
	a->past = &scope->far;
	a->step_ms = scope->far.step_ms;
	a->count = scope->far.end - scope->far.first;
	a->end_ms = scope->far.end * a->step_ms - 1;
	if (a->step_ms > 0 && a->count > 0)
		return;
	/* Nobody has asked the history yet: an axis without a value. */
	a->count = columns > 0 ? columns : 1;
	a->step_ms = zooms[scope->zoom].ms / a->count;
	a->end_ms = now.wall_ms;
}

static double value_at(const struct axis *a, enum arm arm, enum series s, int64_t step)
{
	const struct range_column *column;
	if (a->ticks) {
		int64_t slot = a->pool->ticks.next - a->count + step;
		const struct tick *tick = ring_at(&a->pool->ticks, slot);
		if (tick || slot >= a->pool->ticks.first || !a->past)
			return tick ? tick_value(&tick->arms[arm], s) : NAN;
		column = past_at(a->past, a->origin + slot);
	} else {
		column = past_at(a->past, a->past->first + step);
	}
	return column ? column->value[arm][s] : NAN;
}

/* The steps of a column: fewer than columns are drawn wider. */
static void steps_of(const struct axis *a, int columns, int column, int64_t *from, int64_t *to)
{
	*from = column * a->count / columns;
	*to = (column + 1) * a->count / columns;
	if (*to == *from)
		++*to;
}

void axis_read(const struct axis *a, enum arm arm, enum series s, double *out, int columns)
{
	for (int c = 0; c < columns; c++) {
		int64_t from, to;
		steps_of(a, columns, c, &from, &to);
		out[c] = NAN;
		for (int64_t step = from; step < to; step++)
			out[c] = fmax(out[c], value_at(a, arm, s, step)); /* fmax passes over NaN */
	}
}

/* The step in which a moment falls, whether it is on the axis or not. */
static int64_t step_at(const struct axis *a, int64_t wall_ms)
{
	int64_t behind = a->end_ms - wall_ms;
	/* What came since the last tick belongs to it. */
	if (behind < 0)
		return a->count - 1 + (-behind > 2 * a->step_ms);
	return a->count - 1 - behind / a->step_ms;
}

static int column_of(const struct axis *a, int columns, int64_t step)
{
	return (int)(((step + 1) * columns - 1) / a->count);
}

int axis_column(const struct axis *a, int columns, int64_t wall_ms)
{
	int64_t step = step_at(a, wall_ms);
	return step < 0 || step >= a->count ? -1 : column_of(a, columns, step);
}

static int64_t begin_of(const struct axis *a, int64_t step)
{
	return a->end_ms - (a->count - step) * a->step_ms + 1;
}

int64_t axis_time(const struct axis *a, int columns, int column)
{
	int64_t from, to;
	steps_of(a, columns, column, &from, &to);
	return begin_of(a, from);
}

int64_t axis_move(const struct axis *a, int columns, int64_t wall_ms, int by)
{
	int64_t step = step_at(a, wall_ms), from, to;
	step = step < 0 ? 0 : step >= a->count ? a->count - 1 : step;
	steps_of(a, columns, column_of(a, columns, step), &from, &to);
	if (by != 0)
		step = by < 0 ? from - 1 : to;
	step = step < 0 ? 0 : step >= a->count ? a->count - 1 : step;
	return begin_of(a, step);
}

/* The first moment of which something is known; UNKNOWN: nothing limits it. */
static int64_t known_from_ms(const struct axis *a)
{
	int64_t step = a->count;
	if (a->ticks)
		step = oldest_tick(a) - (a->pool->ticks.next - a->count);
	else if (a->past->oldest != UNKNOWN)
		step = a->past->oldest - a->past->first;
	return step > 0 && step < a->count ? begin_of(a, step) : UNKNOWN;
}

void axis_text(char *out, size_t size, const struct axis *a, struct instant now)
{
	char length[24], since[32];
	int64_t ms = a->count * a->step_ms, from_ms = known_from_ms(a);
	/* Ticks of one's own show meanwhile: a moment's wait is not worth a word. */
	bool waits = a->past && past_is_loading(a->past) &&
		(!a->ticks || (a->past->asked != 0 && now.boot_ms - a->past->asked_ms > LOADING_MS));
	if (waits) {
		snprintf(out, size, "loading");
		return;
	}
	unit_duration(length, sizeof length, ms < 120000 ? ms / 1000 * 1000 : ms / 60000 * 60000);
	unit_when(since, sizeof since, from_ms == UNKNOWN ? 0 : from_ms, now.wall_ms);
	enum freshness news = a->pool->standing.freshness;
	if (a->ticks && (news == FRESHNESS_STALE || news == FRESHNESS_LOST)) {
		unit_when(since, sizeof since, a->end_ms, now.wall_ms);
		snprintf(out, size, "until %s", since);
	} else if (from_ms == UNKNOWN)
		snprintf(out, size, "last %s", length);
	else if (a->ticks)
		snprintf(out, size, "since %s", since);
	else
		snprintf(out, size, "last %s, since %s", length, since);
}

/* ---- a trend ---- */

#define TREND_MIN 60        /* ticks that say something */
#define TREND_MIN_MS 240000 /* and the time they cover at least */
#define TREND_STANDS 4.0    /* standard errors from none */
#define TREND_LEAST 1e6     /* bytes an hour that are worth a word */

double series_hourly(const struct pool *p, enum arm arm)
{
	double n = 0, t = 0, y = 0, tt = 0, ty = 0, yy = 0, base = NAN;
	const struct ring *ring = &p->ticks;
	for (int64_t slot = ring->first; slot < ring->next; slot++) {
		const struct tick *tick = ring_at(ring, slot);
		double value = tick ? tick_value(&tick->arms[arm], SERIES_MEMORY) : NAN;
		if (isnan(value))
			continue;
		base = isnan(base) ? value : base;
		value -= base; /* else its swings would be lost in its size */
		double at = (double)(slot - ring->first);
		n++, t += at, y += value, tt += at * at, ty += at * value, yy += value * value;
	}
	double spread = tt - t * t / n, slope = (ty - t * y / n) / spread;
	double rest = (yy - y * y / n - slope * slope * spread) / (n - 2);
	double hourly = slope * 3600000 / (double)p->interval_ms;
	bool said = n >= TREND_MIN && (ring->next - ring->first) * p->interval_ms >= TREND_MIN_MS &&
		fabs(hourly) >= TREND_LEAST &&
		slope * slope * spread >= TREND_STANDS * TREND_STANDS * fmax(rest, 0);
	return said ? hourly : NAN;
}

/* ---- now ---- */

double series_now(const struct pool *p, enum arm arm, enum series s)
{
	const struct arm_figures *f = &p->standing.arms[arm];
	switch (s) {
	case SERIES_ERRORS:
		return f->error_rate;
	case SERIES_P50:
		return of_us(f->p50_us);
	case SERIES_P95:
		return of_us(f->p95_us);
	case SERIES_P99:
		return of_us(f->p99_us);
	default:
		return f->memory_bytes == UNKNOWN ? NAN : (double)f->memory_bytes;
	}
}

double series_limit(const struct pool *p, enum series s)
{
	return rows[s].metric < METRIC_COUNT ? p->standing.guard.metric[rows[s].metric].limit : NAN;
}

/* ---- units ---- */

void series_value_text(char *out, size_t size, enum series s, double value)
{
	int64_t whole = isnan(value) ? UNKNOWN : (int64_t)value;
	if (s == SERIES_ERRORS)
		unit_percent(out, size, value);
	else if (s == SERIES_MEMORY)
		unit_bytes(out, size, whole);
	else
		unit_ms(out, size, whole);
}

void series_limit_text(char *out, size_t size, enum series s, double limit)
{
	if (isnan(limit))
		snprintf(out, size, "-");
	else if (s == SERIES_MEMORY)
		unit_bytes(out, size, (int64_t)limit);
	else
		snprintf(out, size, "%g", s == SERIES_ERRORS ? limit * 100 : limit / 1000);
}

const char *series_unit(enum series s)
{
	return s == SERIES_ERRORS ? " %" : s == SERIES_MEMORY ? "" : " ms";
}
