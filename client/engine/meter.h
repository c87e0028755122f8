/* Meter: what the runs of one worker add up to. One thread writes at a time, anyone reads
 * without a lock; what an arm tells is the sum of its workers' meters. */
#ifndef WEIR_CLIENT_ENGINE_METER_H
#define WEIR_CLIENT_ENGINE_METER_H

#include "client/engine/task.h"

struct meter {
	_Atomic int64_t begun; /* requests */
	_Atomic int64_t ok, late;
	_Atomic int64_t failed[FAILURE_COUNT];
	_Atomic int64_t retries, bypassed, rescued, shadowed, mismatched;
	struct {
		_Atomic int64_t begun, ok;
		_Atomic int64_t failed[FAILURE_COUNT];
	} operation[OPERATION_MAX];
	_Atomic int64_t latency[HISTOGRAM_BUCKETS];
};

/* Adds 1 to a field of a meter that the caller is the only writer of. */
static inline void meter_count(_Atomic int64_t *field)
{
	int64_t n = atomic_load_explicit(field, memory_order_relaxed);
	/* Released, so that who sees an end has seen the beginning before it. */
	atomic_store_explicit(field, n + 1, memory_order_release);
}

/* A request was routed here. */
void meter_begin(struct meter *m, enum operation o);

/* It was done: ok, or failed by `why`. */
void meter_end(
	struct meter *m, enum operation o, bool ok, enum failure why, int64_t latency_us);

/* It was never executed: refused, or (late) its deadline passed in the queue. */
void meter_refuse(struct meter *m, enum operation o, enum failure why);
void meter_late(struct meter *m);

/* Adds what has ended, and what has begun, to an arm's counters. Who reads all ends first and all
 * beginnings after them never finds more ended than begun, while the writers go on. */
void meter_read_ended(const struct meter *m, struct arm_counts *into);
void meter_read_begun(const struct meter *m, struct arm_counts *into);

#endif
