/* Counts: differences of an arm's cumulative counters. Not a judge and not a store: it says
 * what happened between two documents of one boot, or that they cannot both be true. */
#include "model/counts.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const char *const arm_names[ARM_COUNT] = {[ARM_V1] = "v1", [ARM_V2] = "v2"};

static const char *const failure_names[FAILURE_COUNT] = {
#define X(name, word) [FAILURE_##name] = word,
	FAILURE_INFO(X)
#undef X
};

const char *arm_name(enum arm arm)
{
	return arm_names[arm];
}

const char *failure_name(enum failure f)
{
	return failure_names[f];
}

enum failure failure_of(const char *word)
{
	for (int i = 0; i < FAILURE_COUNT; i++)
		if (strcmp(failure_names[i], word) == 0)
			return (enum failure)i;
	return FAILURE_COUNT;
}

static const char *const breaker_names[BREAKER_COUNT] = {
#define X(name, word) [BREAKER_##name] = word,
	BREAKER_INFO(X)
#undef X
};

const char *breaker_name(enum breaker_state s)
{
	return breaker_names[s];
}

int64_t counts_failed(const struct arm_counts *c)
{
	int64_t sum = 0;

	for (int i = 0; i < FAILURE_COUNT; i++)
		sum += c->failed[i];
	return sum;
}

int64_t counts_done(const struct arm_counts *c)
{
	return c->ok + counts_failed(c);
}

/* later - earlier; UNKNOWN when either is. Clears *rising when it fell. */
static int64_t difference(int64_t later, int64_t earlier, bool *rising)
{
	if (later == UNKNOWN || earlier == UNKNOWN)
		return UNKNOWN;
	if (later < earlier) {
		*rising = false;
		return UNKNOWN;
	}
	return later - earlier;
}

static struct worker_counts difference_workers(
	const struct worker_counts *later, const struct worker_counts *earlier, bool *rising)
{
	struct worker_counts w = *later;

	w.created = difference(later->created, earlier->created, rising);
	w.destroyed = difference(later->destroyed, earlier->destroyed, rising);
	w.crashed = difference(later->crashed, earlier->crashed, rising);
	w.restarted = difference(later->restarted, earlier->restarted, rising);
	return w;
}

static const struct operation_counts *find_operation(
	const struct arm_counts *c, const char *name)
{
	for (int i = 0; i < c->operation_count; i++)
		if (strcmp(c->operations[i].name, name) == 0)
			return &c->operations[i];
	return NULL;
}

static bool operations_rise(const struct arm_counts *later, const struct arm_counts *earlier)
{
	for (int i = 0; i < earlier->operation_count; i++) {
		const struct operation_counts *was = &earlier->operations[i];
		const struct operation_counts *is = find_operation(later, was->name);

		/* one that is no longer listed has not fallen: lists are bounded */
		if (is &&
			(is->requests < was->requests || is->ok < was->ok || is->failed < was->failed))
			return false;
	}
	return true;
}

/* The quantiles of an interval; leaves them UNKNOWN where nothing was done. */
static void fill_quantiles(struct arm_sample *out, const struct histogram *interval)
{
	static const double q[] = {0.50, 0.95, 0.99};
	int64_t us[3];

	histogram_quantiles_us(interval, q, 3, us);
	out->p50_us = us[0];
	out->p95_us = us[1];
	out->p99_us = us[2];
	if (us[0] != UNKNOWN)
		out->max_us = histogram_max_us(interval);
}

enum counts_change counts_difference(struct arm_sample *out, struct histogram *latency,
	const struct arm_counts *later, const struct arm_counts *earlier)
{
	bool rising = operations_rise(later, earlier);
	bool cpu_rising = true;
	struct histogram own;
	struct histogram *interval = latency ? latency : &own;

	*out = (struct arm_sample){
		.requests = difference(later->requests, earlier->requests, &rising),
		.ok = difference(later->ok, earlier->ok, &rising),
		.timeouts = difference(later->timeouts, earlier->timeouts, &rising),
		.retries = difference(later->retries, earlier->retries, &rising),
		.sessions = difference(later->sessions, earlier->sessions, &rising),
		.sessions_bad = difference(later->sessions_bad, earlier->sessions_bad, &rising),
		.p50_us = UNKNOWN,
		.p95_us = UNKNOWN,
		.p99_us = UNKNOWN,
		.max_us = UNKNOWN,
		.queue_depth = later->queue_depth,
		.in_flight = later->in_flight,
		.workers = difference_workers(&later->workers, &earlier->workers, &rising),
		.memory_bytes = later->memory_bytes,
		/* a worker process that ends takes its time out of the pool's sum: no lie, no number */
		.cpu_us = difference(later->cpu_us, earlier->cpu_us, &cpu_rising),
		.fds = later->fds,
	};
	for (int i = 0; i < FAILURE_COUNT; i++) {
		out->failed[i] = difference(later->failed[i], earlier->failed[i], &rising);
		if (rising)
			out->failed_total += out->failed[i];
	}
	difference(later->rescued, earlier->rescued, &rising);
	difference(later->shadowed, earlier->shadowed, &rising);
	difference(later->mismatched, earlier->mismatched, &rising);
	difference(later->bypassed, earlier->bypassed, &rising);
	if (!rising)
		return COUNTS_BACK;

	if (later->has_session_latency && earlier->has_session_latency &&
		!histogram_difference(interval, &later->session_latency, &earlier->session_latency))
		return COUNTS_BACK;
	if (!later->has_latency || !earlier->has_latency) {
		memset(interval, 0, sizeof(*interval));
		return COUNTS_OK;
	}
	if (!histogram_difference(interval, &later->latency, &earlier->latency))
		return COUNTS_BACK;
	fill_quantiles(out, interval);
	return COUNTS_OK;
}

double sample_rate(const struct sample *s, enum arm arm)
{
	if (s->interval_ms <= 0 || s->arms[arm].requests == UNKNOWN)
		return NAN;
	return (double)s->arms[arm].requests * 1000.0 / (double)s->interval_ms;
}

double sample_error_rate(const struct sample *s, enum arm arm)
{
	const struct arm_sample *a = &s->arms[arm];

	if (a->ok == UNKNOWN || a->failed_total == UNKNOWN || a->ok + a->failed_total <= 0)
		return NAN;
	return (double)a->failed_total / (double)(a->ok + a->failed_total);
}
