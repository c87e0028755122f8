/* Documents and the samples between them: what adds up, forth and back. Not their moments, and not
 * which comes next: tape.c. */
#include "history/document.h"

#include "history/state.h"

#include <string.h>

enum { COUNTED = 11, COUNTS = COUNTED + FAILURE_COUNT };

/* What adds up of a side in a document, and of the same in a sample. */
static void counters_of(int64_t *out[COUNTS], struct arm_counts *c)
{
	int64_t *const counted[COUNTED] = {&c->requests, &c->ok, &c->timeouts, &c->retries,
		&c->sessions, &c->sessions_bad, &c->workers.created, &c->workers.destroyed,
		&c->workers.crashed, &c->workers.restarted, &c->cpu_us};

	memcpy(out, counted, sizeof counted);
	for (int f = 0; f < FAILURE_COUNT; f++)
		out[COUNTED + f] = &c->failed[f];
}

static void counts_of(int64_t *out[COUNTS], struct arm_sample *s)
{
	int64_t *const counted[COUNTED] = {&s->requests, &s->ok, &s->timeouts, &s->retries,
		&s->sessions, &s->sessions_bad, &s->workers.created, &s->workers.destroyed,
		&s->workers.crashed, &s->workers.restarted, &s->cpu_us};

	memcpy(out, counted, sizeof counted);
	for (int f = 0; f < FAILURE_COUNT; f++)
		out[COUNTED + f] = &s->failed[f];
}

static int64_t moved(int64_t n, int64_t by, int sign)
{
	return by == UNKNOWN ? UNKNOWN : samples_add(n, sign * by);
}

/* Counters one sample later (sign 1) or earlier (-1). */
static void move_arm(struct arm_counts *c, struct arm_sample *s, int sign)
{
	int64_t *counters[COUNTS], *rises[COUNTS];

	counters_of(counters, c);
	counts_of(rises, s);
	for (int i = 0; i < COUNTS; i++)
		*counters[i] = moved(*counters[i], *rises[i], sign);
}

static void pass_time(struct snapshot *s, int64_t ms)
{
	s->uptime_ms = samples_add(s->uptime_ms, ms);
	s->now_ms = samples_add(s->now_ms, ms);
	state_pass(s, ms);
}

void document_move(struct snapshot *d, struct sample *s, int sign)
{
	for (int a = 0; a < ARM_COUNT; a++)
		move_arm(&d->arms[a], &s->arms[a], sign);
	pass_time(d, sign * s->interval_ms);
}

static void set_gauges(struct arm_counts *c, const struct arm_sample *s)
{
	c->queue_depth = s->queue_depth;
	c->in_flight = s->in_flight;
	c->workers.total = s->workers.total;
	c->workers.ready = s->workers.ready;
	c->workers.busy = s->workers.busy;
	c->workers.degraded = s->workers.degraded;
	c->memory_bytes = s->memory_bytes;
	c->fds = s->fds;
}

void document_set_gauges(struct snapshot *d, const struct arm_sample gauges[ARM_COUNT])
{
	for (int a = 0; a < ARM_COUNT; a++)
		set_gauges(&d->arms[a], &gauges[a]);
}

void document_add_latencies(struct snapshot *into, const struct history_sample *s)
{
	for (int a = 0; a < ARM_COUNT; a++) {
		struct arm_counts *c = &into->arms[a];

		if (s->latency[a] != NULL) {
			c->has_latency = true;
			histogram_merge(&c->latency, s->latency[a]);
		}
		if (s->session_latency[a] != NULL) {
			c->has_session_latency = true;
			histogram_merge(&c->session_latency, s->session_latency[a]);
		}
	}
}

bool document_hold_up(struct snapshot *fresh, struct snapshot *told)
{
	bool held = false;

	for (int a = 0; a < ARM_COUNT; a++) {
		int64_t *now[COUNTS], *then[COUNTS];

		counters_of(now, &fresh->arms[a]);
		counters_of(then, &told->arms[a]);
		for (int i = 0; i < COUNTS; i++)
			if (*now[i] != UNKNOWN && *then[i] != UNKNOWN && *now[i] < *then[i]) {
				*now[i] = *then[i];
				held = true;
			}
	}
	return held;
}

/* ---- a part of a sample ---- */

static void scale(int64_t *n, int64_t part, int64_t of)
{
	if (*n != UNKNOWN)
		*n = *n / of * part + *n % of * part / of;
}

void document_scale(struct sample *s, int64_t part, int64_t of)
{
	for (int a = 0; a < ARM_COUNT; a++) {
		int64_t *counts[COUNTS];

		counts_of(counts, &s->arms[a]);
		for (int i = 0; i < COUNTS; i++)
			scale(counts[i], part, of);
	}
	scale(&s->interval_ms, part, of);
}

void document_take_off(
	struct sample *s, struct snapshot *later, struct snapshot *earlier, int64_t left_ms)
{
	for (int a = 0; a < ARM_COUNT; a++) {
		int64_t *now[COUNTS], *then[COUNTS], *counts[COUNTS];

		counters_of(now, &later->arms[a]);
		counters_of(then, &earlier->arms[a]);
		counts_of(counts, &s->arms[a]);
		for (int i = 0; i < COUNTS; i++) {
			/* neither is negative */
			if (*now[i] > *then[i] && *then[i] >= 0 && *counts[i] != UNKNOWN) {
				const int64_t rise = *now[i] - *then[i];

				*counts[i] = rise < *counts[i] ? *counts[i] - rise : 0;
			}
		}
	}
	if (left_ms < s->interval_ms)
		s->interval_ms = left_ms > 0 ? left_ms : 0;
}
