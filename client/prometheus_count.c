/* Counting: differences of raw counters, never a rate that another has made.
 *
 * 1. An answer counts as a whole or not at all; one that does not count is no data, never 0.
 * 2. What was counted never falls, nor goes beyond COUNT_MAX.
 * 3. Rows and points are in the order of series and bound; the points of one series are a group. */
#include "client/prometheus_count.h"

#include "model/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 16384 /* beyond them those that are not seen any more are forgotten */
#define PARTS_MAX 64   /* of a bucket */
#define COUNT_MAX 9e15

struct prometheus_row {
	uint64_t series;
	double le;
	double value;
	int64_t at_ms;
};

void prometheus_count_release(struct prometheus_count *c)
{
	free(c->latency);
	free(c->rows);
	c->latency = NULL;
	c->rows = NULL;
	c->row_count = 0;
}

static int order(uint64_t a_series, double a_le, uint64_t b_series, double b_le)
{
	if (a_series != b_series)
		return a_series < b_series ? -1 : 1;
	return a_le < b_le ? -1 : a_le > b_le;
}

static int by_series(const void *a, const void *b)
{
	const struct prometheus_point *x = a, *y = b;
	return order(x->series, x->le, y->series, y->le);
}

/* The end of the group that begins at `i`. */
static size_t group_end(const struct prometheus_point *p, size_t count, size_t i)
{
	size_t end = i + 1;
	while (end < count && p[end].series == p[i].series)
		end++;
	return end;
}

/* ---- what makes it no data ---- */

static int check_points(const struct prometheus_count *c, const struct prometheus_point *p,
	size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		bool bucket = p[i].le > -INFINITY;
		if (!isfinite(p[i].value))
			return err_set(err, ERR_STALE, "a value is NaN or infinite: no data");
		if (p[i].value < 0 || p[i].value > COUNT_MAX)
			return err_set(err, ERR_FIELD, "a value is no count: select a counter");
		if (bucket != c->buckets)
			return err_set(err, ERR_CONFIG,
				bucket
					? "these are buckets of a histogram: select a counter"
					: "these are no buckets (they have no label \"le\"): select NAME_bucket");
		if (i > 0 && by_series(&p[i - 1], &p[i]) == 0)
			return err_set(err, ERR_FIELD, "a series is there twice");
	}
	return 0;
}

static int check_groups(const struct prometheus_count *c, const struct prometheus_point *p,
	size_t count, struct err *err)
{
	size_t groups = 0;
	for (size_t i = 0, end; i < count; i = end, groups++) {
		end = group_end(p, count, i);
		if (c->buckets && isfinite(p[end - 1].le))
			return err_set(err, ERR_FIELD, "the bucket le=\"+Inf\" is missing");
		for (size_t k = i + 1; k < end; k++)
			if (p[k].value < p[k - 1].value)
				return err_set(err, ERR_FIELD, "a bucket has less than the one before it");
	}
	if (groups > 1 && !c->sum)
		return err_set(err, ERR_CONFIG,
			"%zu series, and one is meant: narrow the selector, or say sum: true", groups);
	return 0;
}

static int check_age(struct prometheus_count *c, const struct prometheus_point *p, size_t count,
	struct instant now, struct err *err)
{
	int64_t newest_ms = p[0].at_ms;
	for (size_t i = 1; i < count; i++)
		if (p[i].at_ms > newest_ms)
			newest_ms = p[i].at_ms;
	if (c->row_count == 0 || newest_ms > c->newest_ms) {
		c->newest_ms = newest_ms;
		c->moved_ms = now.boot_ms;
	}
	int64_t still_ms = now.boot_ms - c->moved_ms;
	if (still_ms <= 2 * c->interval_ms)
		return 0;
	return err_set(err, ERR_STALE, "no new sample for %llds: is the pool scraped?",
		(long long)(still_ms / 1000));
}

/* ---- counting ---- */

/* The first row of a series that does not lie before `le`; NULL none. */
static const struct prometheus_row *row_from(
	const struct prometheus_count *c, uint64_t series, double le)
{
	size_t low = 0, high = c->row_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct prometheus_row *row = &c->rows[middle];
		if (order(row->series, row->le, series, le) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->row_count && c->rows[low].series == series ? &c->rows[low] : NULL;
}

static const struct prometheus_row *find(
	const struct prometheus_count *c, const struct prometheus_point *p)
{
	const struct prometheus_row *row = row_from(c, p->series, p->le);
	return row && row->le == p->le ? row : NULL;
}

/* What a series has counted since its rows: `grown` gets it for each point. One that was not there
 * before has counted all of it. False: nothing is known, since nobody has asked before, or it has
 * other bounds. */
static bool differences(const struct prometheus_count *c, const struct prometheus_point *p,
	size_t count, double *grown)
{
	bool anew = false;
	if (!row_from(c, p->series, -INFINITY)) {
		for (size_t i = 0; i < count; i++)
			grown[i] = p[i].value;
		return c->answered && !c->forgot;
	}
	for (size_t i = 0; i < count; i++) {
		const struct prometheus_row *row = find(c, &p[i]);
		if (!row || p[i].at_ms < row->at_ms)
			return false;
		anew |= p[i].value < row->value;
	}
	for (size_t i = 0; i < count; i++)
		grown[i] = anew ? p[i].value : p[i].value - find(c, &p[i])->value;
	return true;
}

/* Where in a bucket they lie nobody knows: evenly, as Prometheus's own quantiles have it. */
static void spread(struct histogram *h, double low_s, double high_s, int64_t n)
{
	int64_t parts = n < PARTS_MAX ? n : PARTS_MAX;
	double cap_s = HISTOGRAM_CAP_US / 1e6;
	low_s = low_s < 0 ? 0 : low_s > cap_s ? cap_s : low_s;
	high_s = high_s < low_s ? low_s : high_s > cap_s ? cap_s : high_s;
	for (int64_t k = 0; k < parts; k++) {
		double at_s = low_s + (high_s - low_s) * ((double)k + 0.5) / (double)parts;
		histogram_add(h, (int64_t)(at_s * 1e6), n * (k + 1) / parts - n * k / parts);
	}
}

static void add_buckets(
	struct histogram *h, const struct prometheus_point *p, size_t count, const double *grown)
{
	double before = 0, low_s = 0;
	for (size_t i = 0; i < count; i++) {
		/* what grew less than the bucket before it was read between two moments */
		int64_t n = grown[i] > before ? (int64_t)llround(grown[i] - before) : 0;
		bool last = isinf(p[i].le);
		spread(h, low_s, last ? low_s : p[i].le, n);
		before = grown[i] > before ? grown[i] : before;
		low_s = last ? low_s : p[i].le;
	}
}

/* Merges the points into the rows. */
static void remember(struct prometheus_count *c, const struct prometheus_point *p, size_t count)
{
	bool forgets = c->row_count + count > ROWS_MAX;
	c->forgot |= forgets;
	struct prometheus_row *rows = mem_new(c->row_count + count, sizeof *rows);
	size_t n = 0, old = 0;
	for (size_t i = 0; i < count; i++) {
		/* of two that answer in turns one may be behind the other */
		struct prometheus_row latest = {p[i].series, p[i].le, p[i].value, p[i].at_ms};
		for (; old < c->row_count; old++) {
			const struct prometheus_row *row = &c->rows[old];
			int o = order(row->series, row->le, p[i].series, p[i].le);
			if (o > 0)
				break;
			if (o < 0 && !forgets)
				rows[n++] = *row;
			if (o == 0 && row->at_ms > p[i].at_ms)
				latest = *row;
		}
		rows[n++] = latest;
	}
	for (; old < c->row_count && !forgets; old++)
		rows[n++] = c->rows[old];
	free(c->rows);
	c->rows = rows;
	c->row_count = n;
}

int prometheus_count_add(struct prometheus_count *c, struct prometheus_point *points,
	size_t count, struct instant now, struct err *err)
{
	if (count == 0)
		return err_set(err, ERR_STALE, "no series has a fresh sample");
	qsort(points, count, sizeof *points, by_series);
	if (check_points(c, points, count, err) || check_groups(c, points, count, err) ||
		check_age(c, points, count, now, err))
		return -1;
	double *grown = mem_new(count, sizeof *grown);
	if (c->buckets && !c->latency)
		c->latency = mem_new(1, sizeof *c->latency);
	for (size_t i = 0, end; i < count; i = end) {
		end = group_end(points, count, i);
		if (!differences(c, points + i, end - i, grown))
			continue;
		double total = c->total + grown[end - i - 1];
		if (c->buckets && total <= COUNT_MAX)
			add_buckets(c->latency, points + i, end - i, grown);
		c->total = fmin(total, COUNT_MAX);
	}
	free(grown);
	remember(c, points, count);
	c->answered = true;
	return 0;
}

void prometheus_count_none(struct prometheus_count *c)
{
	c->answered = true;
}
