/* The counts of a report: the samples of all nodes and recordings of a span as bins of a time
 * axis, the bad units of each share, gaps, and where v2's worst stretch began.
 *
 * Invariants:
 * 1. No interval of a node is counted twice: where two recorded at once, the one that began
 *    first counts.
 * 2. What is not recorded is a gap, never a quiet time; samples that became a minute are none, and
 *    count at its end. */
#include "tui/report.h"

#include "history/query.h"
#include "model/mem.h"
#include "model/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX HISTORY_NODES_MAX
#define GAPS_MAX 1000
#define MINUTE_MS 60000
#define LOCAL_MS 30000 /* v1's rate is that of so long before and behind */
#define WORST_LN 6.9   /* a thousand to one */

struct raw {
	int64_t at_ms;
	struct units requests[ARM_COUNT], sessions[ARM_COUNT];
};

struct recordings {
	struct query_recording *list;
	size_t count, cap;
};

struct reading {
	struct report *r;
	const struct report_how *how;
	struct histogram *latency; /* [bin][arm] */
	struct raw *raw;
	size_t raw_count, raw_cap;
	bool no_sessions;
	size_t node;
	int64_t covered_ms[NODES_MAX]; /* of each node, the last sample so far; 0 none */
	int64_t least_ms[NODES_MAX];   /* its shortest interval */
	int64_t told_ms;
};

/* ---- reading ---- */

static void add_gap(struct reading *g, int64_t from_ms, int64_t until_ms)
{
	struct report *r = g->r;
	if (from_ms < r->first_ms)
		from_ms = r->first_ms;
	if (until_ms <= from_ms || r->gap_count == GAPS_MAX)
		return;
	mem_grow(&r->gaps, &r->gap_cap, r->gap_count + 1, sizeof *r->gaps);
	struct report_gap *gap = &r->gaps[r->gap_count++];
	*gap = (struct report_gap){.from_ms = from_ms, .until_ms = until_ms};
	text_copy(gap->node, sizeof gap->node, r->nodes[g->node]);
}

/* Minutes that follow on each other are one time. */
static void add_minute(struct reading *g, int64_t from_ms, int64_t until_ms)
{
	struct report *r = g->r;
	struct report_gap *last = r->thinned_count ? &r->thinned[r->thinned_count - 1] : NULL;
	from_ms = from_ms < r->first_ms ? r->first_ms : from_ms;
	if (until_ms <= from_ms)
		return;
	if (last && strcmp(last->node, r->nodes[g->node]) == 0 && from_ms >= last->until_ms &&
		from_ms - last->until_ms <= MINUTE_MS) {
		last->until_ms = until_ms;
		return;
	}
	if (r->thinned_count == GAPS_MAX)
		return;
	mem_grow(&r->thinned, &r->thinned_cap, r->thinned_count + 1, sizeof *r->thinned);
	last = &r->thinned[r->thinned_count++];
	*last = (struct report_gap){.from_ms = from_ms, .until_ms = until_ms};
	text_copy(last->node, sizeof last->node, r->nodes[g->node]);
}

static void watch_minute(struct reading *g, const struct sample *s)
{
	int64_t *covered = &g->covered_ms[g->node], at = s->at.wall_ms;
	int64_t from = at - (s->interval_ms < MINUTE_MS ? s->interval_ms : MINUTE_MS);
	int64_t before = *covered ? *covered : g->r->first_ms;
	if (from - before > g->r->interval_ms * 5 / 2 + 500)
		add_gap(g, before, from);
	add_minute(g, from, at);
	*covered = at;
}

static void watch_gap(struct reading *g, const struct sample *s)
{
	int64_t *least = &g->least_ms[g->node], *covered = &g->covered_ms[g->node];
	int64_t at = s->at.wall_ms;
	if (s->interval_ms >= 50 && (*least == 0 || s->interval_ms < *least))
		*least = s->interval_ms;
	int64_t most = *least * 5 / 2 + 500, before = *covered ? *covered : g->r->first_ms;
	if (at - before > most)
		add_gap(g, before, at - *least);
	*covered = at;
}

static int64_t known(int64_t n)
{
	return n == UNKNOWN || n < 0 ? 0 : n;
}

static void take_counts(struct reading *g, const struct sample *s)
{
	mem_grow(&g->raw, &g->raw_cap, g->raw_count + 1, sizeof *g->raw);
	struct raw *raw = &g->raw[g->raw_count++];
	*raw = (struct raw){.at_ms = s->at.wall_ms};
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_sample *a = &s->arms[arm];
		raw->requests[arm] =
			(struct units){known(a->ok) + known(a->failed_total), known(a->failed_total)};
		raw->sessions[arm] = (struct units){known(a->sessions), known(a->sessions_bad)};
		if (a->requests > 0 && (a->sessions == UNKNOWN || a->sessions_bad == UNKNOWN))
			g->no_sessions = true;
	}
}

static void take_bin(struct reading *g, const struct history_sample *s)
{
	struct report *r = g->r;
	int64_t at = s->sample.at.wall_ms, span = r->until_ms - r->start_ms;
	int64_t k = (at - r->start_ms) * (int64_t)r->bin_count / span;
	if (at < r->start_ms || k >= (int64_t)r->bin_count)
		return;
	struct report_bin *b = &r->bins[k];
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		const struct arm_sample *a = &s->sample.arms[arm];
		b->requests[arm] += known(a->requests);
		b->failed[arm] += known(a->failed_total);
		b->done[arm] += known(a->ok) + known(a->failed_total);
		if (s->latency[arm])
			histogram_merge(&g->latency[k * ARM_COUNT + arm], s->latency[arm]);
	}
}

#define TELL_MS (10 * 60 * 1000)

static bool take_sample(void *ctx, const struct history_sample *s)
{
	struct reading *g = ctx;
	const struct report *r = g->r;
	int64_t at = s->sample.at.wall_ms;
	if (g->covered_ms[g->node] && at <= g->covered_ms[g->node])
		return true;
	if (s->minute)
		watch_minute(g, &s->sample);
	else
		watch_gap(g, &s->sample);
	take_counts(g, &s->sample);
	take_bin(g, s);
	if (g->how->progress && (at < g->told_ms || at > g->told_ms + TELL_MS)) {
		g->told_ms = at;
		g->how->progress(
			g->how->ctx, "reading samples", at - r->start_ms, r->until_ms - r->start_ms);
	}
	return true;
}

static bool add_recording(void *ctx, const struct query_recording *rec)
{
	struct recordings *l = ctx;
	mem_grow(&l->list, &l->cap, l->count + 1, sizeof *l->list);
	l->list[l->count++] = *rec;
	return true;
}

/* The place of a node among those seen so far; -1: there is no room for another. */
static int node_at(struct report *r, const char *id)
{
	size_t k = 0;
	while (k < r->node_count && strcmp(r->nodes[k], id) != 0)
		k++;
	if (k == NODES_MAX)
		return -1;
	if (k == r->node_count)
		text_copy(r->nodes[r->node_count++], POOL_ID_MAX, id);
	return (int)k;
}

static int read_recording(
	struct reading *g, struct query *q, const struct query_recording *rec, struct err *err)
{
	struct report *r = g->r;
	char(*ids)[POOL_ID_MAX] = mem_new(NODES_MAX, sizeof *ids);
	size_t count = 0;
	int rc = query_nodes(q, rec->id, r->pool_id, ids, NODES_MAX, &count, err);
	for (size_t i = 0; i < count && rc == 0; i++) {
		int k = node_at(r, ids[i]);
		if (k < 0)
			continue;
		g->node = (size_t)k;
		rc = query_samples(q, rec->id, ids[i], r->start_ms, r->until_ms, take_sample, g, err);
	}
	free(ids);
	return rc;
}

static bool reaches_in(const struct report *r, const struct query_recording *rec)
{
	return rec->last_tick != UNKNOWN && rec->started_ms < r->until_ms &&
		rec->started_ms + (rec->last_tick + 1) * rec->interval_ms >= r->start_ms;
}

/* A bin is long enough for a few intervals. */
static void make_bins(struct reading *g, const struct recordings *l)
{
	struct report *r = g->r;
	for (size_t i = 0; i < l->count; i++)
		if (reaches_in(r, &l->list[i]) &&
			(r->interval_ms == 0 || l->list[i].interval_ms < r->interval_ms))
			r->interval_ms = l->list[i].interval_ms;
	int64_t fit = r->interval_ms ? (r->until_ms - r->start_ms) / (3 * r->interval_ms) : 1;
	r->bin_count = fit < 1 ? 1 : fit > REPORT_BINS_MAX ? REPORT_BINS_MAX : (size_t)fit;
	r->bins = mem_new(r->bin_count, sizeof *r->bins);
	g->latency = mem_new(r->bin_count * ARM_COUNT, sizeof *g->latency);
}

static int read_all(struct reading *g, struct query *q, struct err *err)
{
	struct recordings l = {0};
	int rc = query_recordings(q, add_recording, &l, err);
	make_bins(g, &l);
	for (size_t i = 0; i < l.count && rc == 0; i++)
		if (reaches_in(g->r, &l.list[i]))
			rc = read_recording(g, q, &l.list[i], err);
	free(l.list);
	return rc;
}

/* ---- what follows from the counts ---- */

static int by_time(const void *a, const void *b)
{
	const struct raw *x = a, *y = b;
	return (x->at_ms > y->at_ms) - (x->at_ms < y->at_ms);
}

static void make_ticks(struct reading *g)
{
	struct report *r = g->r;
	int64_t counted = 0;
	if (g->raw_count)
		qsort(g->raw, g->raw_count, sizeof *g->raw, by_time);
	for (size_t i = 0; i < g->raw_count; i++)
		counted += g->raw[i].sessions[ARM_V1].n + g->raw[i].sessions[ARM_V2].n;
	r->sessions = !g->no_sessions && counted > 0;
	r->ticks = mem_new(g->raw_count + 1, sizeof *r->ticks);
	r->tick_count = g->raw_count;
	for (size_t i = 0; i < g->raw_count; i++) {
		const struct units *u = r->sessions ? g->raw[i].sessions : g->raw[i].requests;
		r->ticks[i] = (struct report_tick){g->raw[i].at_ms, {u[ARM_V1], u[ARM_V2]}};
	}
}

static void finish_bins(struct reading *g)
{
	for (size_t k = 0; k < g->r->bin_count; k++) {
		struct report_bin *b = &g->r->bins[k];
		b->log10_harm = b->log10_safe = NAN;
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			const struct histogram *h = &g->latency[k * ARM_COUNT + (size_t)arm];
			b->p50_us[arm] = histogram_quantile_us(h, 0.5);
			b->p99_us[arm] = histogram_quantile_us(h, 0.99);
		}
	}
}

/* 95 % limits of a part. Source: Wilson 1927. */
static void wilson(const struct units *u, double *low, double *high)
{
	const double z = 1.959964, n = (double)u->n, p = (double)u->bad / n;
	double middle = p + z * z / (2 * n), wide = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
	*low = fmax(0, (middle - wide) / (1 + z * z / n));
	*high = fmin(1, (middle + wide) / (1 + z * z / n));
}

/* n2 (p2 - p1) with its 95 % limits, of independent units. Source: Newcombe 1998, method 10. */
static void measure(struct report_bake *b, struct harm *wide)
{
	const struct units *v1 = &b->units[ARM_V1], *v2 = &b->units[ARM_V2];
	*wide = b->harm = (struct harm){NAN, NAN, NAN};
	if (v1->n == 0 || v2->n == 0)
		return;
	double l1, u1, l2, u2, n = (double)v2->n;
	double p1 = (double)v1->bad / (double)v1->n, p2 = (double)v2->bad / n;
	wilson(v1, &l1, &u1);
	wilson(v2, &l2, &u2);
	double bad = n * (p2 - p1);
	*wide = (struct harm){n * hypot(p2 - l2, u1 - p1), bad, n * hypot(u2 - p2, p1 - l1)};
	b->harm = (struct harm){fmax(0, bad - wide->low), fmax(0, bad),
		fmax(0, fmin(bad + wide->high, (double)v2->bad))};
}

static struct report_bake *add_bake(struct report *r, int64_t from_ms, int share_bp)
{
	mem_grow(&r->bakes, &r->bake_cap, r->bake_count + 1, sizeof *r->bakes);
	struct report_bake *b = &r->bakes[r->bake_count++];
	*b =
		(struct report_bake){.from_ms = from_ms, .until_ms = r->until_ms, .share_bp = share_bp};
	if (r->bake_count > 1)
		b[-1].until_ms = from_ms;
	return b;
}

/* The share stands from one applied change to the next. */
static void make_bakes(struct report *r)
{
	for (size_t i = 0; i < r->entry_count; i++) {
		const struct page_row *w = &r->entries[i].row;
		if (report_moves(&r->entries[i]) && w->to_bp >= 0 && w->outcome == OUTCOME_APPLIED)
			add_bake(r, w->outcome_ms != UNKNOWN ? w->outcome_ms : w->at_ms, w->to_bp);
	}
}

/* In all: the sum of the bakes; their errors are independent. */
static void measure_all(struct report *r)
{
	struct harm sum = {0, 0, 0};
	size_t next = 0;
	r->all =
		(struct report_bake){.from_ms = r->first_ms, .until_ms = r->until_ms, .share_bp = -1};
	for (size_t k = 0; k < r->bake_count; k++) {
		struct report_bake *b = &r->bakes[k];
		struct harm wide;
		while (next < r->tick_count && r->ticks[next].at_ms <= b->from_ms)
			next++;
		for (; next < r->tick_count && r->ticks[next].at_ms <= b->until_ms; next++)
			for (int arm = 0; arm < ARM_COUNT; arm++) {
				b->units[arm].n += r->ticks[next].units[arm].n;
				b->units[arm].bad += r->ticks[next].units[arm].bad;
			}
		measure(b, &wide);
		for (int arm = 0; arm < ARM_COUNT; arm++) {
			r->all.units[arm].n += b->units[arm].n;
			r->all.units[arm].bad += b->units[arm].bad;
		}
		if (isnan(wide.bad))
			continue;
		sum.bad += wide.bad;
		sum.low = hypot(sum.low, wide.low);
		sum.high = hypot(sum.high, wide.high);
	}
	r->all.harm = (struct harm){NAN, NAN, NAN};
	if (r->all.units[ARM_V1].n && r->all.units[ARM_V2].n)
		r->all.harm = (struct harm){fmax(0, sum.bad - sum.low), fmax(0, sum.bad),
			fmax(0, fmin(sum.bad + sum.high, (double)r->all.units[ARM_V2].bad))};
}

/* v1's units around each moment, moving along. */
struct around {
	const struct report *r;
	size_t from, until;
	struct units v1;
};

static double local_rate(struct around *a, int64_t at_ms)
{
	const struct report *r = a->r;
	for (; a->until < r->tick_count && r->ticks[a->until].at_ms <= at_ms + LOCAL_MS;
		 a->until++) {
		a->v1.n += r->ticks[a->until].units[ARM_V1].n;
		a->v1.bad += r->ticks[a->until].units[ARM_V1].bad;
	}
	for (; r->ticks[a->from].at_ms < at_ms - LOCAL_MS; a->from++) {
		a->v1.n -= r->ticks[a->from].units[ARM_V1].n;
		a->v1.bad -= r->ticks[a->from].units[ARM_V1].bad;
	}
	return ((double)a->v1.bad + 0.5) / ((double)a->v1.n + 1);
}

/* The stretch that speaks loudest for v2 failing twice as often as v1 did around then. It begins
 * with the first bad unit behind the last moment at which nothing spoke for it. Source: Page 1954
 * (CUSUM of the log likelihood ratio of two Poisson laws). */
static void find_worst(struct report *r)
{
	struct around a = {.r = r};
	double sum = 0, worst = WORST_LN;
	int64_t begun = UNKNOWN;
	for (size_t i = 0; i < r->tick_count; i++) {
		const struct report_tick *t = &r->ticks[i];
		const struct units *v2 = &t->units[ARM_V2];
		double usual = (double)v2->n * local_rate(&a, t->at_ms);
		if (t->at_ms <= r->first_ms)
			continue;
		sum += (double)v2->bad * log(2) - usual;
		if (sum <= 0) {
			sum = 0;
			begun = UNKNOWN;
			continue;
		}
		if (begun == UNKNOWN)
			begun = t->at_ms;
		if (sum >= worst) {
			worst = sum;
			r->bad_ms = begun;
		}
	}
}

int report_samples(
	struct report *r, struct query *q, const struct report_how *how, struct err *err)
{
	struct reading g = {.r = r, .how = how};
	struct history_answer pins = {0};
	if (r->pool_id[0] == '\0' && query_pins(q, r->pool, &pins, err) == 0)
		text_copy(r->pool_id, sizeof r->pool_id, pins.pool_id);
	r->nodes = mem_new(NODES_MAX, sizeof *r->nodes);
	int rc = read_all(&g, q, err);
	if (rc == 0) {
		for (g.node = 0; g.node < r->node_count; g.node++)
			if (g.covered_ms[g.node] && r->end != REPORT_BACK &&
				r->until_ms - g.covered_ms[g.node] > g.least_ms[g.node] * 5 / 2 + 500)
				add_gap(&g, g.covered_ms[g.node], r->until_ms);
		make_ticks(&g);
		finish_bins(&g);
		make_bakes(r);
		measure_all(r);
		find_worst(r);
	}
	free(g.raw);
	free(g.latency);
	return rc;
}
