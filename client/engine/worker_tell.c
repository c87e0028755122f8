/* Worker tell: what an arm says of itself, and what it is told: faults and drains. */
#include "client/engine/worker_parts.h"

#include "model/text.h"

#include <math.h>
#include <string.h>

/* ---- told ---- */

static void count_outside(struct workers *w, _Atomic int64_t *field)
{
	pthread_mutex_lock(&w->lock);
	meter_count(field);
	pthread_mutex_unlock(&w->lock);
}

void workers_add_rescued(struct workers *w)
{
	count_outside(w, &w->outside->rescued);
}

void workers_add_shadowed(struct workers *w, bool mismatch)
{
	count_outside(w, &w->outside->shadowed);
	if (mismatch)
		count_outside(w, &w->outside->mismatched);
}

static void take_out(struct workers *w, int worker, enum out why, bool on)
{
	if (on)
		worker_take_out(&w->each[worker], why);
	else
		worker_put_back(&w->each[worker], why);
}

void workers_set_fault(struct workers *w, const struct fault *fault)
{
	/* Kept for all of it, so that of two faults set at once the last one holds for every worker. */
	pthread_mutex_lock(&w->lock);
	bool stalled = w->fault.stall;
	w->fault = *fault;
	atomic_store(&w->faulty,
		fault->error_rate > 0 || fault->slow_factor > 0 || fault->latency_add_us > 0 ||
			fault->hang || fault->crash_rate > 0 || fault->leak_bytes > 0 || fault->lies);
	for (int i = 0; i < w->how.count && stalled != fault->stall; i++)
		take_out(w, i, OUT_STALLED, fault->stall);
	pthread_mutex_unlock(&w->lock);
}

static void mark_segment(struct workers *w, int segment, bool locked)
{
	struct supervisor *s = worker_supervisor(w, segment * w->how.segment);
	pthread_mutex_lock(&s->lock);
	w->segments[segment].locked = locked;
	pthread_mutex_unlock(&s->lock);
}

/* The workers that are meant, from *first on; how many. */
static int meant(struct workers *w, int segment, int worker, int *first)
{
	int size = w->how.segment, count = w->how.count;
	*first = 0;
	if (worker >= count || segment >= w->segment_count)
		return 0;
	if (worker >= 0) {
		*first = worker;
		return segment < 0 || worker / size == segment;
	}
	if (segment < 0)
		return count;
	*first = segment * size;
	return count - *first < size ? count - *first : size;
}

bool workers_drain(struct workers *w, int segment, int worker, bool on)
{
	int first, count = meant(w, segment, worker, &first);
	if (count > 0 && worker < 0 && segment >= 0)
		mark_segment(w, segment, on);
	for (int i = first; i < first + count; i++)
		take_out(w, i, OUT_LOCKED, on);
	return count > 0;
}

int workers_unlocked(struct workers *w, int segment, int worker)
{
	int first, count = meant(w, segment, worker, &first), open = 0;
	for (int i = first; i < first + count; i++)
		open += !(atomic_load(&w->each[i].out) & OUT_LOCKED);
	return count > 0 ? open : -1;
}

/* ---- counters ---- */

/* All ends before all beginnings: see meter.h. */
static void read_meters(struct workers *w, struct arm_counts *out)
{
	for (int i = 0; i < w->how.count; i++)
		meter_read_ended(w->each[i].meter, out);
	meter_read_ended(w->outside, out);
	if (w->how.count > 0)
		out->queue_depth = w->slots ? slots_queued(w->slots) : executor_queued(w->executor);
	for (int i = 0; i < w->how.count; i++)
		meter_read_begun(w->each[i].meter, out);
	meter_read_begun(w->outside, out);
	out->in_flight = out->requests - counts_done(out) - out->timeouts - out->queue_depth;
}

/* It gets new work; a look at it in between is nothing to tell. */
static bool is_ready(struct worker *me)
{
	return (atomic_load(&me->out) & ~(unsigned)OUT_CHECKED) == 0;
}

static void read_workers(struct workers *w, struct arm_counts *out)
{
	struct worker_counts *c = &out->workers;
	c->total = w->how.count;
	c->created = atomic_load(&w->created);
	c->destroyed = atomic_load(&w->destroyed);
	c->crashed = atomic_load(&w->crashed);
	c->restarted = atomic_load(&w->restarted);
	if (!w->how.count)
		return;
	c->busy = w->slots ? slots_taken(w->slots) : executor_taken(w->executor);
	for (int i = 0; i < w->how.count; i++)
		c->ready += is_ready(&w->each[i]);
	/* Some that are to go out still work. */
	if (c->ready < c->busy)
		c->ready = c->busy;
	c->degraded = c->total - c->ready;
}

static void add_known(int64_t *sum, int64_t value)
{
	if (value != UNKNOWN)
		*sum = (*sum == UNKNOWN ? 0 : *sum) + value;
}

static void read_resources(struct workers *w, struct arm_counts *out)
{
	out->memory_bytes = out->cpu_us = out->fds = UNKNOWN;
	for (int i = 0; i < w->how.count; i++) {
		struct worker *me = &w->each[i];
		if (!w->how.exec) {
			int64_t leaked = atomic_load(&me->leaked);
			add_known(&out->memory_bytes, leaked > 0 ? leaked : UNKNOWN);
			continue;
		}
		struct supervisor *s = worker_supervisor(w, i);
		pthread_mutex_lock(&s->lock);
		add_known(&out->memory_bytes, me->uses.memory_bytes);
		add_known(&out->cpu_us, me->uses.cpu_us);
		add_known(&out->fds, me->uses.fds);
		pthread_mutex_unlock(&s->lock);
	}
}

void workers_fill(struct workers *w, struct arm_counts *out)
{
	memset(out, 0, sizeof *out);
	out->has_latency = true;
	const struct operations *known = worker_operations(w);
	out->operation_count = known->count;
	for (int i = 0; i < known->count; i++)
		text_copy(out->operations[i].name, sizeof out->operations[i].name, known->each[i].name);
	read_meters(w, out);
	read_workers(w, out);
	read_resources(w, out);
	pthread_mutex_lock(&w->lock);
	struct breaker_info info = breaker_info(&w->breaker, threads_us());
	pthread_mutex_unlock(&w->lock);
	out->queue_max = w->how.count > 0 ? w->how.queue_max : UNKNOWN;
	out->breaker.known = true;
	out->breaker.state = info.state;
	out->breaker.opened = info.opened;
	out->breaker.retry_ms = info.retry_us / 1000;
}

void workers_totals(struct workers *w, struct change_counts *out)
{
	struct arm_counts c = {0};
	for (int i = 0; i < w->how.count; i++)
		meter_read_ended(w->each[i].meter, &c);
	meter_read_ended(w->outside, &c);
	for (int i = 0; i < w->how.count; i++)
		meter_read_begun(w->each[i].meter, &c);
	meter_read_begun(w->outside, &c);
	out->requests = c.requests;
	out->ok = c.ok;
	out->failed = counts_failed(&c);
}

bool workers_serve(struct workers *w)
{
	struct arm_counts c = {0};
	read_workers(w, &c);
	pthread_mutex_lock(&w->lock);
	struct breaker_info info = breaker_info(&w->breaker, threads_us());
	pthread_mutex_unlock(&w->lock);
	return c.workers.ready > 0 && info.state != BREAKER_OPEN;
}

/* ---- rows ---- */

static enum worker_state state_of(struct workers *w, const struct worker *me)
{
	bool taken = w->slots ? slots_is_taken(w->slots, me->index)
						  : executor_is_taken(w->executor, me->index);
	unsigned out = atomic_load(&me->out);
	if (me->life.state == LIFECYCLE_TERMINATED)
		return WORKER_TERMINATED;
	if (out & OUT_STARTING)
		return WORKER_INITIALIZING;
	if (taken)
		return WORKER_BUSY;
	return out & (OUT_CRASHED | OUT_DUE) ? WORKER_TERMINATING
		: out & OUT_STALLED              ? WORKER_DEGRADED
										 : WORKER_READY;
}

static void fill_row(struct workers *w, struct worker *me, struct worker_row *out)
{
	struct arm_counts c = {0};
	struct supervisor *s = worker_supervisor(w, me->index);
	meter_read_ended(me->meter, &c);
	*out = (struct worker_row){.index = me->index,
		.segment = me->index / w->how.segment,
		.locked = atomic_load(&me->out) & OUT_LOCKED,
		.served = atomic_load(&me->served),
		.failed = counts_failed(&c),
		.memory_bytes = UNKNOWN,
		.cpu_us = UNKNOWN,
		.fds = UNKNOWN};
	pthread_mutex_lock(&s->lock);
	out->state = state_of(w, me);
	out->restarts = me->restarts;
	out->crashes = me->crashes;
	out->memory_hour = trend_per_hour(&me->trend);
	if (me->exec) {
		out->pid = exec_pid(me->exec);
		out->memory_bytes = me->uses.memory_bytes;
		out->cpu_us = me->uses.cpu_us;
		out->fds = me->uses.fds;
	} else if (!w->how.exec) {
		int64_t leaked = atomic_load(&me->leaked);
		out->memory_bytes = leaked > 0 ? leaked : UNKNOWN;
		out->memory_hour = leaked > 0 ? out->memory_hour : UNKNOWN;
	}
	text_copy(out->trouble, sizeof out->trouble, me->trouble);
	pthread_mutex_unlock(&s->lock);
}

int workers_rows(struct workers *w, struct worker_row *out, int max)
{
	for (int i = 0; i < w->how.count && i < max; i++)
		fill_row(w, &w->each[i], &out[i]);
	return w->how.count;
}

static void fill_segment(struct workers *w, int index, struct segment_row *out)
{
	int first = index * w->how.segment;
	int left = w->how.count - first, count = left < w->how.segment ? left : w->how.segment;
	struct supervisor *s = worker_supervisor(w, first);
	struct segment *g = &w->segments[index];
	int64_t now_us = threads_us();
	pthread_mutex_lock(&s->lock);
	/* Nobody has seen it work, nor fail to. */
	bool measured = health_count(&g->health, TROUBLE_ERROR, now_us) > 0;
	for (int i = first; i < first + count; i++)
		measured = measured || w->each[i].life.state != LIFECYCLE_INITIALIZING;
	const struct health_facts facts = {.measured = measured,
		.target = {.low = 0, .target = w->how.segment, .high = w->how.segment + 1},
		.workers = count,
		.memory_bytes = UNKNOWN,
		.memory_limit = UNKNOWN,
		.memory_growth_hour = UNKNOWN};
	*out = (struct segment_row){.index = index,
		.workers = count,
		.locked = g->locked,
		.restarts = g->supervision.restarts,
		.rests = supervision_is_exhausted(&g->supervision, now_us),
		.health = health_score(&g->health, &facts, now_us)};
	for (int i = first; i < first + count; i++)
		out->ready += is_ready(&w->each[i]);
	pthread_mutex_unlock(&s->lock);
}

int workers_segments(struct workers *w, struct segment_row *out, int max)
{
	for (int i = 0; i < w->segment_count && i < max; i++)
		fill_segment(w, i, &out[i]);
	return w->segment_count;
}
