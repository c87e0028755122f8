/* Slices of a sliding window. A slice is reused when its time has gone. */
#include "model/window.h"

#include "model/mem.h"

#include <stdlib.h>
#include <string.h>

void window_init(struct window *w, int64_t length_ms)
{
	memset(w, 0, sizeof *w);
	w->length_ms = length_ms;
	window_clear(w);
}

void window_release(struct window *w)
{
	for (int i = 0; i < WINDOW_SLICES; i++)
		free(w->slice[i].latency);
	memset(w, 0, sizeof *w);
}

void window_clear(struct window *w)
{
	for (int i = 0; i < WINDOW_SLICES; i++)
		w->slice[i].index = -1;
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
	if (s->latency)
		memset(s->latency, 0, sizeof *s->latency);
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
	/* An arm without work costs no walk over its buckets. */
	if (!latency || a->p50_us == UNKNOWN)
		return;
	s->timed = true;
	if (!s->latency)
		s->latency = mem_new(1, sizeof *s->latency);
	histogram_merge(s->latency, latency);
}

static bool within(const struct window *w, const struct window_slice *s, int64_t now_ms)
{
	int64_t now = slice_index(w, now_ms);
	return s->index >= 0 && s->index <= now && s->index > now - WINDOW_SLICES;
}

int64_t window_quantile_us(const struct window *w, int64_t now_ms, double q)
{
	struct histogram sum;
	bool any = false;
	for (int i = 0; i < WINDOW_SLICES; i++) {
		const struct window_slice *s = &w->slice[i];
		if (!s->timed || !within(w, s, now_ms))
			continue;
		if (any)
			histogram_merge(&sum, s->latency);
		else
			sum = *s->latency;
		any = true;
	}
	return any ? histogram_quantile_us(&sum, q) : UNKNOWN;
}

void window_sum(const struct window *w, int64_t now_ms, struct guard_window *out)
{
	memset(out, 0, sizeof *out);
	for (int i = 0; i < WINDOW_SLICES; i++) {
		const struct window_slice *s = &w->slice[i];
		if (!within(w, s, now_ms))
			continue;
		out->done += s->done;
		out->failed += s->failed;
		out->covered_ms += s->covered_ms;
	}
	out->p99_us = window_quantile_us(w, now_ms, 0.99);
	out->memory_bytes = w->memory_bytes;
}
