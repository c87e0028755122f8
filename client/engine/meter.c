/* Meter: counting without locks. Not what is counted when: worker.c knows. */
#include "client/engine/meter.h"

static int64_t read(const _Atomic int64_t *field)
{
	return atomic_load_explicit(field, memory_order_acquire);
}

void meter_begin(struct meter *m, enum operation o)
{
	meter_count(&m->begun);
	meter_count(&m->operation[o].begun);
}

void meter_end(struct meter *m, enum operation o, bool ok, enum failure why, int64_t latency_us)
{
	meter_count(&m->latency[histogram_bucket(latency_us)]);
	if (!ok) {
		meter_refuse(m, o, why);
		return;
	}
	meter_count(&m->operation[o].ok);
	meter_count(&m->ok);
}

void meter_refuse(struct meter *m, enum operation o, enum failure why)
{
	meter_count(&m->operation[o].failed[why]);
	meter_count(&m->failed[why]);
}

void meter_late(struct meter *m)
{
	meter_count(&m->late);
}

void meter_read_ended(const struct meter *m, struct arm_counts *into)
{
	into->ok += read(&m->ok);
	into->timeouts += read(&m->late);
	into->retries += read(&m->retries);
	into->bypassed += read(&m->bypassed);
	into->rescued += read(&m->rescued);
	into->shadowed += read(&m->shadowed);
	into->mismatched += read(&m->mismatched);
	for (int f = 0; f < FAILURE_COUNT; f++)
		into->failed[f] += read(&m->failed[f]);
	for (int o = 0; o < OPERATION_MAX; o++) {
		into->operations[o].ok += read(&m->operation[o].ok);
		for (int f = 0; f < FAILURE_COUNT; f++)
			into->operations[o].failed += read(&m->operation[o].failed[f]);
	}
	for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
		into->latency.count[b] += read(&m->latency[b]);
}

void meter_read_begun(const struct meter *m, struct arm_counts *into)
{
	into->requests += read(&m->begun);
	for (int o = 0; o < OPERATION_MAX; o++)
		into->operations[o].requests += read(&m->operation[o].begun);
}
