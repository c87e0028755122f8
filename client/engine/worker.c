/* Workers: execution and counting of one arm. Not routing, not sessions.
 *
 * Invariants:
 * 1. One lock guards queue, workers and counters of an arm, and is never held while work runs.
 * 2. A job is in the queue if and only if its state is QUEUED; it lives on its caller's stack,
 * so the caller leaves only when it is out of the queue and no executor has it.
 * 3. A free worker and a queued job do not last together: who frees a worker hands it on to the
 *    front of the queue. Hence first come, first served.
 * 4. requests = ok + failed + timeouts + queue_depth + in_flight whenever the lock is free. */
#include "client/engine/worker.h"

#include "client/engine/hash.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum job_state { JOB_QUEUED, JOB_TAKEN, JOB_DONE, JOB_LATE };

struct job {
	struct task *task;
	enum run run;
	enum job_state state;
	int worker; /* the slot handed over; concurrent workers only */
	pthread_cond_t moved;
	struct job *before, *after;
};

struct worker {
	struct workers *all;
	uint64_t random;
	pthread_t thread; /* serialized workers only */
};

struct workers {
	bool serialized;
	int count, queue_max, waiting, busy;
	double pace;
	struct gate *gate;
	struct worker *each;
	int started;

	pthread_mutex_t lock;
	pthread_cond_t work; /* serialized: a job was queued, or it is over */
	bool over;
	struct job *front, *back;
	int *idle; /* concurrent: stack of idle slots */
	int idle_count;
	bool faulty;
	struct fault fault;
	struct arm_counts counts;
};

/* ---- the queue; all under the lock ---- */

static void enqueue(struct workers *w, struct job *j)
{
	j->before = w->back;
	*(w->back ? &w->back->after : &w->front) = j;
	w->back = j;
	w->waiting++;
	w->counts.queue_depth += j->run == RUN_REQUEST;
}

static void unqueue(struct workers *w, struct job *j)
{
	*(j->before ? &j->before->after : &w->front) = j->after;
	*(j->after ? &j->after->before : &w->back) = j->before;
	w->waiting--;
	w->counts.queue_depth -= j->run == RUN_REQUEST;
}

/* ---- counting; all under the lock ---- */

static void count_routed(struct workers *w, const struct task *t, enum run run)
{
	if (run == RUN_REQUEST) {
		w->counts.requests++;
		w->counts.operations[t->operation].requests++;
	} else if (run == RUN_FAILOVER) {
		w->counts.retries++;
	} else if (run == RUN_BYPASS) {
		w->counts.bypassed++;
	}
}

static void count_begun(struct workers *w, struct task *t, enum run run)
{
	w->busy++;
	w->counts.in_flight += run == RUN_REQUEST;
	t->pace = w->pace;
	t->may_be_faulty = w->faulty;
	if (w->faulty)
		t->fault = w->fault;
}

static void count_failed(
	struct workers *w, const struct task *t, enum run run, enum failure why)
{
	if (run != RUN_REQUEST)
		return;
	w->counts.failed[why]++;
	w->counts.operations[t->operation].failed++;
}

static void count_done(struct workers *w, const struct task *t, enum run run)
{
	w->busy--;
	if (run != RUN_REQUEST)
		return;
	w->counts.in_flight--;
	histogram_add(&w->counts.latency, t->response->latency_us, 1);
	if (t->response->ok) {
		w->counts.ok++;
		w->counts.operations[t->operation].ok++;
	} else {
		count_failed(w, t, run, t->response->failure);
	}
}

/* ---- refusals ---- */

static void refuse(struct task *t, enum failure why, const char *message)
{
	struct engine_response *r = t->response;
	r->ok = false;
	r->failure = why;
	text_copy(r->message, sizeof r->message, message);
	r->result[0] = '\0';
	r->latency_us = threads_us() - t->start_us;
}

/* The deadline passed in the queue. Under the lock. */
static enum engine_status too_late(struct workers *w, struct task *t, enum run run)
{
	w->counts.timeouts += run == RUN_REQUEST;
	refuse(t, FAILURE_TIMEOUT, "the deadline passed in the queue");
	return ENGINE_TIMEOUT;
}

static bool is_full(const struct workers *w)
{
	return w->waiting >= w->queue_max + w->count - w->busy;
}

static enum engine_status saturated(struct workers *w, struct task *t, enum run run)
{
	count_failed(w, t, run, FAILURE_RESOURCE);
	refuse(t, FAILURE_RESOURCE, "the queue is full");
	return ENGINE_SATURATED;
}

/* ---- serialized ---- */

static void *execute(void *arg)
{
	struct worker *me = arg;
	struct workers *w = me->all;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->front && !w->over)
			pthread_cond_wait(&w->work, &w->lock);
		struct job *j = w->front;
		if (!j)
			break;
		unqueue(w, j);
		if (threads_us() >= j->task->deadline_us) {
			too_late(w, j->task, j->run);
			j->state = JOB_LATE;
			pthread_cond_signal(&j->moved);
			continue;
		}
		j->state = JOB_TAKEN;
		count_begun(w, j->task, j->run);
		pthread_mutex_unlock(&w->lock);
		task_run(j->task, w->gate, &me->random);
		j->task->response->latency_us = threads_us() - j->task->start_us;
		pthread_mutex_lock(&w->lock);
		count_done(w, j->task, j->run);
		j->state = JOB_DONE;
		pthread_cond_signal(&j->moved);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- concurrent; under the lock ---- */

static void check_in(struct workers *w, int slot)
{
	struct job *next = w->front;
	if (!next) {
		w->idle[w->idle_count++] = slot;
		return;
	}
	unqueue(w, next);
	next->worker = slot;
	next->state = JOB_TAKEN;
	count_begun(w, next->task, next->run);
	pthread_cond_signal(&next->moved);
}

/* Runs in the slot that count_begun was called for. Takes and gives back the lock. */
static void run_in(struct workers *w, struct task *t, enum run run, int slot)
{
	pthread_mutex_unlock(&w->lock);
	task_run(t, w->gate, &w->each[slot].random);
	t->response->latency_us = threads_us() - t->start_us;
	pthread_mutex_lock(&w->lock);
	count_done(w, t, run);
	check_in(w, slot);
}

/* ---- both ---- */

/* Queues the job and waits until it is out of the queue and, where executors do the work, done.
 */
static void wait_turn(struct workers *w, struct job *j)
{
	threads_cond_init(&j->moved);
	enqueue(w, j);
	if (w->serialized)
		pthread_cond_signal(&w->work);
	while (j->state == JOB_QUEUED) {
		if (!threads_wait(&j->moved, &w->lock, j->task->deadline_us) &&
			j->state == JOB_QUEUED) {
			unqueue(w, j);
			too_late(w, j->task, j->run);
			j->state = JOB_LATE;
		}
	}
	while (w->serialized && j->state == JOB_TAKEN)
		pthread_cond_wait(&j->moved, &w->lock);
	pthread_cond_destroy(&j->moved);
}

enum engine_status workers_run(struct workers *w, struct task *t, enum run run)
{
	assert(w->count > 0);
	enum engine_status status = ENGINE_OK;
	pthread_mutex_lock(&w->lock);
	count_routed(w, t, run);
	if (w->idle_count > 0) {
		int slot = w->idle[--w->idle_count];
		count_begun(w, t, run);
		run_in(w, t, run, slot);
	} else if (is_full(w)) {
		status = saturated(w, t, run);
	} else {
		struct job j = {.task = t, .run = run, .state = JOB_QUEUED};
		wait_turn(w, &j);
		if (j.state == JOB_LATE) {
			status = ENGINE_TIMEOUT;
		} else if (j.state == JOB_TAKEN && threads_us() >= t->deadline_us) {
			/* Handed a slot, woken too late to use it. */
			w->busy--;
			w->counts.in_flight -= run == RUN_REQUEST;
			status = too_late(w, t, run);
			check_in(w, j.worker);
		} else if (j.state == JOB_TAKEN) {
			run_in(w, t, run, j.worker);
		}
	}
	pthread_mutex_unlock(&w->lock);
	return status;
}

void workers_add_rescued(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->counts.rescued++;
	pthread_mutex_unlock(&w->lock);
}

void workers_add_shadowed(struct workers *w, bool mismatch)
{
	pthread_mutex_lock(&w->lock);
	w->counts.shadowed++;
	w->counts.mismatched += mismatch;
	pthread_mutex_unlock(&w->lock);
}

void workers_set_fault(struct workers *w, const struct fault *fault)
{
	pthread_mutex_lock(&w->lock);
	w->fault = *fault;
	w->faulty = fault->error_rate > 0 || fault->slow_factor > 0 || fault->latency_add_us > 0 ||
		fault->hang;
	pthread_mutex_unlock(&w->lock);
}

void workers_fill(struct workers *w, struct arm_counts *out)
{
	pthread_mutex_lock(&w->lock);
	*out = w->counts;
	out->workers.busy = w->busy;
	pthread_mutex_unlock(&w->lock);
}

void workers_totals(struct workers *w, struct change_counts *out)
{
	pthread_mutex_lock(&w->lock);
	out->requests = w->counts.requests;
	out->ok = w->counts.ok;
	out->failed = counts_failed(&w->counts);
	pthread_mutex_unlock(&w->lock);
}

int workers_new(struct workers **out, const struct workers_options *how, struct err *err)
{
	assert(how->count >= 0 && how->count <= WORKERS_MAX && how->queue_max >= 0);
	struct workers *w = mem_new(1, sizeof *w);
	w->serialized = how->serialized;
	w->count = how->count;
	w->queue_max = how->queue_max;
	w->pace = how->pace > 0 ? how->pace : 1;
	w->gate = how->gate;
	w->each = mem_new((size_t)how->count, sizeof *w->each);
	w->idle = mem_new((size_t)how->count, sizeof *w->idle);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);

	struct arm_counts *c = &w->counts;
	c->has_latency = true;
	c->memory_bytes = c->cpu_us = c->fds = UNKNOWN;
	c->workers.total = c->workers.ready = c->workers.created = how->count;
	c->operation_count = OPERATION_COUNT;
	for (int i = 0; i < OPERATION_COUNT; i++)
		text_copy(c->operations[i].name, sizeof c->operations[i].name,
			operation_name((enum operation)i));

	uint64_t seed = how->seed;
	for (int i = 0; i < w->count; i++) {
		w->each[i].all = w;
		w->each[i].random = hash_next(&seed);
		if (!w->serialized) {
			/* The first slot on top: a quiet arm keeps using the same, warm one. */
			w->idle[w->idle_count++] = w->count - 1 - i;
		} else if (threads_start(&w->each[i].thread, execute, &w->each[i], err)) {
			workers_free(w);
			return -1;
		} else {
			w->started++;
		}
	}
	*out = w;
	return 0;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	assert(!w->front);
	w->over = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->started; i++)
		pthread_join(w->each[i].thread, NULL);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w->idle);
	free(w->each);
	free(w);
}
