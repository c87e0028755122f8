/* Window: the last minute of one arm as sums and one merged histogram, in six slices that fall
 * out as time passes. What limits are judged on and what screens show as rate of errors and
 * latency. */
#ifndef WEIR_MODEL_WINDOW_H
#define WEIR_MODEL_WINDOW_H

#include "model/counts.h"
#include "model/filled.h"
#include "model/guard.h"

#define WINDOW_SLICES 6

struct window_slice {
	int64_t index; /* which slice of time since the epoch of the clock; -1 empty */
	int64_t done, failed, covered_ms;
	bool timed; /* the latencies are of something */
	struct filled latency;
};

struct window_quantiles {
	int64_t index; /* of now, when they were merged; -1: not since there was news */
	int64_t p50_us, p95_us, p99_us;
};

struct window {
	int64_t length_ms;
	struct window_slice slice[WINDOW_SLICES];
	int64_t memory_bytes;
	struct window_quantiles merged;
};

void window_init(struct window *w, int64_t length_ms);
void window_release(struct window *w);

/* Forgets everything, keeps the length. */
void window_clear(struct window *w);

/* Adds one interval of the arm; `latency` may be NULL (not available). */
void window_add(struct window *w, int64_t now_ms, int64_t interval_ms,
	const struct arm_sample *s, const struct histogram *latency);

/* The sums of the slices that lie within the window now. What is merged for it is kept until there
 * is news. */
void window_sum(struct window *w, int64_t now_ms, struct guard_window *out);

#endif
