/* Trend: the slope of a line through the samples. Not a forecast. */
#include "client/engine/trend.h"

#include <string.h>

#define HOUR_US 3600e6

void trend_clear(struct trend *t)
{
	*t = (struct trend){0};
}

/* Makes room for one more. */
static void thin(struct trend *t)
{
	if (t->spacing_us >= TREND_SPACING_MAX_US) {
		t->count--;
		memmove(t->sample, t->sample + 1, (size_t)t->count * sizeof *t->sample);
		return;
	}
	t->spacing_us *= 2;
	t->count /= 2;
	for (int i = 0; i < t->count; i++)
		t->sample[i] = t->sample[2 * i + 1];
}

void trend_add(struct trend *t, int64_t now_us, int64_t bytes)
{
	if (bytes < 0)
		return;
	if (!t->spacing_us)
		t->spacing_us = TREND_SPACING_US;
	if (t->count && now_us < t->sample[t->count - 1].at_us + t->spacing_us)
		return;
	if (t->count == TREND_SAMPLES)
		thin(t);
	t->sample[t->count++] = (struct trend_sample){now_us, bytes};
}

int64_t trend_per_hour(const struct trend *t)
{
	if (t->count < 3 ||
		t->sample[t->count - 1].at_us - t->sample[0].at_us < TREND_SPAN_LEAST_US)
		return UNKNOWN;
	double mean_us = 0, mean_bytes = 0;
	for (int i = 0; i < t->count; i++) {
		mean_us += (double)(t->sample[i].at_us - t->sample[0].at_us) / t->count;
		mean_bytes += (double)t->sample[i].bytes / t->count;
	}
	double with = 0, square = 0;
	for (int i = 0; i < t->count; i++) {
		double us = (double)(t->sample[i].at_us - t->sample[0].at_us) - mean_us;
		with += us * ((double)t->sample[i].bytes - mean_bytes);
		square += us * us;
	}
	double slope = with / square * HOUR_US;
	/* Beyond what an integer holds it is as good as endless. */
	if (slope > 9e18)
		return INT64_MAX;
	return slope < -9e18 ? -INT64_MAX : (int64_t)slope;
}
