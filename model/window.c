/* Slices of a sliding window. A slice is reused when its time has gone. */
#include "model/window.h"

#include "model/mem.h"

#include <string.h>

#define NEVER (-1) /* an index that no slice of time has */

void window_init(struct window *w, int64_t length_ms)
{
	memset(w, 0, sizeof *w);
	w->length_ms = length_ms;
	window_clear(w);
}

void window_release(struct window *w)
{
	for (int i = 0; i < WINDOW_SLICES; i++)
		filled_clear(&w->slice[i].latency);
	memset(w, 0, sizeof *w);
}

void window_clear(struct window *w)
{
	for (int i = 0; i < WINDOW_SLICES; i++)
		w->slice[i].index = NEVER;
	w->merged.index = NEVER;
	w->memory_bytes = UNKNOWN;
}

static int64_t slice_index(const struct window *w, int64_t now_ms)
{
	int64_t slice_ms = w->length_ms / WINDOW_SLICES;
	return now_ms / (slice_ms > 0 ? slice_ms : 1);
}

static struct window_slice *slice_at(struct window *w, int64_t index)
{
	struct window_slice *s = &w->slice[index % WINDOW_SLICES];
	if (s->index == index)
		return s;
	s->index = index;
	s->done = s->failed = s->covered_ms = 0;
	s->timed = false;
	filled_clear(&s->latency);
	return s;
}

void window_add(struct window *w, int64_t now_ms, int64_t interval_ms,
	const struct arm_sample *a, const struct histogram *latency)
{
	struct window_slice *s = slice_at(w, slice_index(w, now_ms));
	s->done += a->ok + a->failed_total;
	s->failed += a->failed_total;
	s->covered_ms += interval_ms;
	w->memory_bytes = a->memory_bytes;
	w->merged.index = NEVER;
	/* An arm without work costs no walk over its buckets. */
	if (!latency || a->p50_us == UNKNOWN)
		return;
	s->timed = true;
	filled_add(&s->latency, latency);
}

static bool within(const struct window_slice *s, int64_t now)
{
	return s->index >= 0 && s->index <= now && s->index > now - WINDOW_SLICES;
}

/* Quantiles are asked for more often than there is anything new in them. */
static void merge(struct window *w, int64_t now)
{
	struct histogram sum = {0};
	bool any = false;
	if (w->merged.index == now)
		return;
	w->merged = (struct window_quantiles){
		.index = now, .p50_us = UNKNOWN, .p95_us = UNKNOWN, .p99_us = UNKNOWN};
	for (int i = 0; i < WINDOW_SLICES; i++) {
		const struct window_slice *s = &w->slice[i];
		if (!s->timed || !within(s, now))
			continue;
		filled_pour(&s->latency, &sum);
		any = true;
	}
	if (!any)
		return;
	w->merged.p50_us = histogram_quantile_us(&sum, 0.50);
	w->merged.p95_us = histogram_quantile_us(&sum, 0.95);
	w->merged.p99_us = histogram_quantile_us(&sum, 0.99);
}

void window_sum(struct window *w, int64_t now_ms, struct guard_window *out)
{
	const int64_t now = slice_index(w, now_ms);
	memset(out, 0, sizeof *out);
	for (int i = 0; i < WINDOW_SLICES; i++) {
		const struct window_slice *s = &w->slice[i];
		if (!within(s, now))
			continue;
		out->done += s->done;
		out->failed += s->failed;
		out->covered_ms += s->covered_ms;
	}
	merge(w, now);
	out->p50_us = w->merged.p50_us;
	out->p95_us = w->merged.p95_us;
	out->p99_us = w->merged.p99_us;
	out->memory_bytes = w->memory_bytes;
}
