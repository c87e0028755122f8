/* Figures: what screens show of each arm: rates of the last seconds, errors and latencies of
 * the window, gauges summed over nodes. What one node does not say the sum does not know. */
#include "model/figures.h"

#include "model/text.h"

#include <math.h>

#define RATE_MS 5000

static void derive_rate(struct arm_figures *f, const struct pool *p, enum arm arm)
{
	int64_t requests = 0;
	double covered = 0;
	for (int64_t t = p->ticks.next; t-- > p->ticks.first && covered < RATE_MS;) {
		const struct tick *tick = ring_at(&p->ticks, t);
		if (!tick)
			break;
		requests += tick->arms[arm].requests;
		/* A slot that lacks a node's interval covers so much less of the time. */
		covered += (double)tick->interval_ms * tick->nodes / p->node_count;
	}
	f->rate = covered > 0 ? (double)requests * 1000 / covered : NAN;
}

static void derive_gauges(struct arm_figures *f, const struct pool *p, enum arm arm)
{
	f->busy = f->total = f->queue_depth = f->requests = f->memory_bytes = 0;
	int known = 0;
	for (int k = 0; k < p->node_count; k++) {
		if (!node_is_usable(&p->nodes[k]))
			continue;
		const struct arm_counts *c = &p->nodes[k].last->arms[arm];
		known++;
		f->busy = unit_plus(f->busy, c->workers.busy);
		f->total = unit_plus(f->total, c->workers.total);
		f->queue_depth = unit_plus(f->queue_depth, c->queue_depth);
		f->requests = unit_plus(f->requests, c->requests);
		f->memory_bytes = unit_plus(f->memory_bytes, c->memory_bytes);
	}
	if (known == 0)
		f->busy = f->total = f->queue_depth = f->requests = f->memory_bytes = UNKNOWN;
}

/* The moment at which windows end: a mean of a minute stands until the next one. */
static int64_t window_end(const struct pool *p, struct instant now)
{
	int64_t last_ms = INT64_MIN;
	for (int k = 0; k < p->node_count; k++)
		if (node_is_usable(&p->nodes[k]) && p->nodes[k].last_at.boot_ms > last_ms)
			last_ms = p->nodes[k].last_at.boot_ms;
	return pool_shows_minutes(p) && last_ms < now.boot_ms ? last_ms : now.boot_ms;
}

static void derive_figures(struct standing *s, struct pool *p, struct instant now,
	struct guard_window window[ARM_COUNT])
{
	int64_t end_ms = window_end(p, now);
	for (int arm = 0; arm < ARM_COUNT; arm++) {
		struct arm_figures *f = &s->arms[arm];
		window_sum(&p->window[arm], end_ms, &window[arm]);
		f->done = window[arm].done;
		f->failed = window[arm].failed;
		f->error_rate = f->done > 0 ? (double)f->failed / (double)f->done : NAN;
		f->p50_us = window[arm].p50_us;
		f->p95_us = window[arm].p95_us;
		f->p99_us = window[arm].p99_us;
		derive_rate(f, p, (enum arm)arm);
		derive_gauges(f, p, (enum arm)arm);
	}
}

static void derive_worst(struct standing *s, const struct pool *p)
{
	int64_t most = 0;
	s->worst_operation[0] = 0;
	for (int k = 0; k < p->node_count; k++) {
		if (!node_is_usable(&p->nodes[k]))
			continue;
		const struct arm_counts *c = &p->nodes[k].last->arms[ARM_V2];
		for (int i = 0; i < c->operation_count; i++)
			if (c->operations[i].failed > most) {
				most = c->operations[i].failed;
				text_copy(s->worst_operation, sizeof s->worst_operation, c->operations[i].name);
			}
	}
}

void figures_derive(struct standing *s, struct pool *p, struct instant now,
	struct guard_window window[ARM_COUNT])
{
	derive_figures(s, p, now, window);
	derive_worst(s, p);
}
