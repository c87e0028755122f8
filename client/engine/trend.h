/* Trend: how fast something grows, by least squares over at most 64 samples of it. Pure.
 *
 * Samples are a second apart at first; when 64 are there every second one is dropped and the
 * distance doubles, up to 64 s. From then on the oldest goes: the window is the last 68
 * minutes, and what grew only while starting up is forgotten. */
#ifndef WEIR_CLIENT_ENGINE_TREND_H
#define WEIR_CLIENT_ENGINE_TREND_H

#include "model/unit.h"

#define TREND_SAMPLES 64
#define TREND_SPACING_US 1000000
#define TREND_SPACING_MAX_US (64 * TREND_SPACING_US)
#define TREND_SPAN_LEAST_US 10000000

struct trend_sample {
	int64_t at_us, bytes;
};

/* Zero-initialised is empty. */
struct trend {
	struct trend_sample sample[TREND_SAMPLES]; /* oldest first */
	int count;
	int64_t spacing_us; /* 0 before the first */
};

/* Forgets all: another process lives now. */
void trend_clear(struct trend *t);

/* Adds the bytes at a moment. One that comes too soon after the last, earlier than it, or is
 * below 0 (UNKNOWN) is ignored. */
void trend_add(struct trend *t, int64_t now_us, int64_t bytes);

/* Bytes per hour, below 0 when it shrinks; UNKNOWN from fewer than 3 samples or less than 10 s.
 * Reading changes nothing. */
int64_t trend_per_hour(const struct trend *t);

#endif
