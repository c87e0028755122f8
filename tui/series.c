/* A pool's ring of ticks as columns, and the units of what is in them. */
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

void series_span_text(char *out, size_t size, const struct pool *p, int64_t span)
{
	char length[24];
	int64_t seconds = span * p->interval_ms / 1000;
	unit_duration(length, sizeof length, seconds < 120 ? seconds * 1000 : seconds / 60 * 60000);
	snprintf(out, size, "last %s", length);
}

void series_read(
	const struct pool *p, enum arm arm, enum series s, int64_t span, double *out, int columns)
{
	double values[POOL_TICKS];
	assert(span <= POOL_TICKS);
	for (int64_t i = 0; i < span; i++) {
		const struct tick *tick = ring_at(&p->ticks, p->ticks.next - span + i);
		values[i] = tick ? tick_value(&tick->arms[arm], s) : NAN;
	}
	graph_reduce(values, (size_t)span, out, (size_t)columns);
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
