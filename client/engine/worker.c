/* Workers: execution of one arm. Not routing, not sessions' units, not who lives and who dies.
 *
 * Invariants:
 * 1. Nothing is locked while work runs.
 * 2. A worker's meter is written by whoever has the worker; `outside` under the lock. Whoever
 *    counts an end has counted the beginning before, so that a reader of all ends and then of all
 *    beginnings finds requests = ok + failed + timeouts + queue_depth + in_flight.
 * 3. Work that is tried again is one request: it begins once and ends once, and is in flight
 *    between the attempts.
 * 4. A worker that was put out of service is given to its supervisor, and by nobody else taken:
 *    who takes one looks whether it is wanted out, and where it is, leaves it unused. */
#include "client/engine/worker_parts.h"

#include "client/engine/failure.h"
#include "client/engine/hash.h"
#include "client/engine/retry.h"
#include "model/mem.h"
#include "model/text.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAK_MOST \
	((int64_t)256 * 1024 * 1024) /* of one worker: a fault must not end the host */

/* One request on its way through the arm. */
struct turn {
	struct workers *w;
	struct task *task;
	enum run run;
	int attempt;
	bool begun; /* counted as such */
	struct breaker_ticket ticket;
	bool again; /* it is to be tried once more, after */
	int64_t delay_us;
	struct retry retry;
};

struct leak {
	struct leak *next;
};

/* ---- in and out of service ---- */

struct supervisor *worker_supervisor(struct workers *w, int worker)
{
	return &w->supervisors[w->supervisor_count > 1 ? worker / w->how.segment : 0];
}

struct segment *worker_segment(struct workers *w, int worker)
{
	return &w->segments[worker / w->how.segment];
}

const struct operations *worker_operations(const struct workers *w)
{
	return w->how.exec && w->exec.operations ? w->exec.operations : operations_builtin();
}

static bool try_shut(struct worker *me)
{
	struct workers *w = me->all;
	return w->slots ? slots_try_shut(w->slots, me->index)
					: executor_try_shut(w->executor, me->index);
}

bool worker_take_out(struct worker *me, enum out why)
{
	atomic_fetch_or(&me->out, why);
	bool shut = try_shut(me);
	if (shut)
		supervisor_notice(me);
	return shut;
}

void worker_leave(struct worker *me)
{
	struct slots *slots = me->all->slots;
	if (atomic_load(&me->out)) {
		slots_shut(slots, me->index);
		supervisor_notice(me);
		return;
	}
	slots_give(slots, me->index);
	/* Asked for between the look and the giving. */
	if (atomic_load(&me->out) && slots_try_shut(slots, me->index))
		supervisor_notice(me);
}

/* ---- the breaker ---- */

static void ask(struct workers *w, struct breaker_ticket *out)
{
	uint64_t quiet = atomic_load_explicit(&w->quiet, memory_order_acquire);
	if (quiet) {
		/* As breaker_pass; a copy of a struct just written costs a twentieth of a call. */
		out->answer = BREAKER_ALLOWED;
		out->place = 0;
		out->turn = quiet;
		out->number = 0;
		return;
	}
	pthread_mutex_lock(&w->lock);
	*out = breaker_ask(&w->breaker, threads_us());
	atomic_store(&w->quiet, breaker_quiet(&w->breaker));
	pthread_mutex_unlock(&w->lock);
}

static void tell(struct workers *w, const struct breaker_ticket *ticket, bool ok)
{
	if (ok && ticket->answer == BREAKER_ALLOWED &&
		atomic_load_explicit(&w->quiet, memory_order_relaxed))
		return;
	pthread_mutex_lock(&w->lock);
	breaker_tell(&w->breaker, ticket, ok, threads_us());
	atomic_store(&w->quiet, breaker_quiet(&w->breaker));
	pthread_mutex_unlock(&w->lock);
}

static void forget(struct workers *w, const struct breaker_ticket *ticket)
{
	if (ticket->answer != BREAKER_PROBE)
		return;
	pthread_mutex_lock(&w->lock);
	breaker_forget(&w->breaker, ticket);
	pthread_mutex_unlock(&w->lock);
}

/* ---- what was never executed ---- */

static void refuse(struct task *t, enum failure why, const char *message)
{
	struct engine_response *r = t->response;
	r->ok = false;
	r->failure = why;
	text_copy(r->message, sizeof r->message, message);
	r->result[0] = '\0';
	r->latency_us = threads_us() - t->start_us;
}

/* Counts what happens without a worker. */
static void count_outside(struct turn *turn, bool ends, bool late, enum failure why)
{
	struct workers *w = turn->w;
	if (turn->run != RUN_REQUEST)
		return;
	pthread_mutex_lock(&w->lock);
	if (!turn->begun)
		meter_begin(w->outside, turn->task->operation);
	if (ends && late)
		meter_late(w->outside);
	else if (ends)
		meter_refuse(w->outside, turn->task->operation, why);
	pthread_mutex_unlock(&w->lock);
	turn->begun = true;
}

static enum engine_status too_late(struct turn *turn)
{
	forget(turn->w, &turn->ticket);
	count_outside(turn, true, true, FAILURE_TIMEOUT);
	refuse(turn->task, FAILURE_TIMEOUT, "the deadline passed in the queue");
	return ENGINE_TIMEOUT;
}

static enum engine_status saturated(struct turn *turn)
{
	forget(turn->w, &turn->ticket);
	count_outside(turn, true, false, FAILURE_RESOURCE);
	refuse(turn->task, FAILURE_RESOURCE, "the queue is full");
	return ENGINE_SATURATED;
}

static enum engine_status turned_away(struct turn *turn, enum failure why, const char *message)
{
	forget(turn->w, &turn->ticket);
	count_outside(turn, true, false, why);
	refuse(turn->task, why, message);
	return ENGINE_OK;
}

/* ---- with a worker ---- */

static void take_fault(struct workers *w, struct task *t)
{
	t->pace = w->how.pace;
	t->may_be_faulty = atomic_load_explicit(&w->faulty, memory_order_acquire);
	if (!t->may_be_faulty)
		return;
	pthread_mutex_lock(&w->lock);
	t->fault = w->fault;
	pthread_mutex_unlock(&w->lock);
}

static void leak(struct worker *me, int64_t bytes)
{
	int64_t leaked = atomic_load_explicit(&me->leaked, memory_order_relaxed);
	if (bytes <= 0 || leaked + bytes > LEAK_MOST)
		return;
	size_t size = (size_t)bytes < sizeof *me->leaks ? sizeof *me->leaks : (size_t)bytes;
	struct leak *l = mem_new(1, size);
	memset(l, 1, size); /* in memory, not only promised */
	l->next = me->leaks;
	me->leaks = l;
	atomic_store_explicit(&me->leaked, leaked + bytes, memory_order_relaxed);
}

void worker_free_leaks(struct worker *me)
{
	for (struct leak *l; (l = me->leaks);) {
		me->leaks = l->next;
		free(l);
	}
	atomic_store(&me->leaked, 0);
}

void worker_forget_uses(struct worker *me)
{
	me->uses = (struct resource){UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN};
}

/* True when the child saw the request. */
static bool run_exec(struct worker *me, struct task *t)
{
	struct engine_response *r = t->response;
	struct exec_request q = {.operation = worker_operations(me->all)->each[t->operation].name,
		.session = t->request->session,
		.key = t->request->key,
		.payload = t->request->payload};
	struct exec_answer a;
	enum exec_result result = exec_run(me->exec, &q, t->deadline_us, &a);
	r->ok = result == EXEC_OK;
	r->failure = a.failure;
	text_copy(r->message, sizeof r->message, a.message);
	r->result[0] = '\0';
	t->crashed = result == EXEC_LOST;
	if (r->ok && a.result_len >= sizeof r->result) {
		r->ok = false;
		r->failure = FAILURE_COMMUNICATION;
		text_copy(r->message, sizeof r->message, "the worker's result is too long");
	} else if (r->ok) {
		memcpy(r->result, a.result, a.result_len);
		r->result[a.result_len] = '\0';
	}
	return a.begun;
}

static bool is_gone(const struct task *t)
{
	return t->request->gone && atomic_load(t->request->gone);
}

/* What is to be done about a failure: sets again and delay_us. A fail-over and a copy are one
 * attempt each, by what they are. */
static void plan_again(struct worker *me, struct turn *turn, bool seen)
{
	const struct retry_options *how = &me->all->how.retry;
	struct task *t = turn->task;
	if (turn->run == RUN_FAILOVER || turn->run == RUN_COPY || is_gone(t))
		return;
	struct failure_facts facts = {.category = t->response->failure,
		.attempt = turn->attempt,
		.user_facing = true,
		.users_own = t->response->failure == FAILURE_SESSION,
		.idempotent = !seen || worker_operations(me->all)->each[t->operation].idempotent};
	struct failure_plan plan = failure_plan(&facts);
	turn->delay_us = plan.delay_us;
	if (plan.recovery == RECOVERY_BACKOFF_RETRY && how->attempts_max > 0) {
		plan.retry = plan.retry && retry_may(&turn->retry, turn->attempt);
		turn->delay_us = retry_delay_us(&turn->retry, turn->attempt, &me->random);
	}
	turn->again = plan.retry && retry_fits(turn->delay_us, threads_us(), t->deadline_us);
}

static void count_end(struct worker *me, struct turn *turn)
{
	struct task *t = turn->task;
	if (turn->run != RUN_REQUEST || turn->again)
		return;
	bool told_ok = t->response->ok || (t->may_be_faulty && t->fault.lies);
	meter_end(me->meter, t->operation, told_ok, t->response->failure, t->response->latency_us);
}

/* Does the work in the worker that this thread has. */
static void serve(struct worker *me, struct turn *turn)
{
	struct workers *w = me->all;
	struct task *t = turn->task;
	if (turn->run == RUN_REQUEST && !turn->begun)
		meter_begin(me->meter, t->operation);
	turn->begun = true;
	bool seen = true;
	take_fault(w, t);
	t->tallies = w->how.tallies;
	if (me->exec)
		seen = run_exec(me, t);
	else
		task_run(t, w->how.gate, &me->random);
	if (t->may_be_faulty)
		leak(me, t->fault.leak_bytes);
	t->response->latency_us = threads_us() - t->start_us;
	/* A user's own error is no word on the arm. */
	if (!t->response->ok && t->response->failure == FAILURE_SESSION)
		forget(w, &turn->ticket);
	else
		tell(w, &turn->ticket, t->response->ok);
	turn->again = false;
	if (!t->response->ok)
		plan_again(me, turn, seen);
	if (turn->again && turn->run == RUN_REQUEST)
		meter_count(&me->meter->retries);
	count_end(me, turn);
	atomic_store_explicit(&me->served,
		atomic_load_explicit(&me->served, memory_order_relaxed) + 1, memory_order_relaxed);
	if (t->crashed)
		atomic_fetch_or(&me->out, OUT_CRASHED);
}

static void serve_in_thread(void *ctx, void *job, int thread)
{
	struct workers *w = ctx;
	serve(&w->each[thread], job);
}

static bool is_in_service(void *ctx, int thread)
{
	struct workers *w = ctx;
	return atomic_load(&w->each[thread].out) == 0;
}

static void nobody_has(void *ctx, int thread)
{
	struct workers *w = ctx;
	supervisor_notice(&w->each[thread]);
}

static enum engine_status hand_over(struct turn *turn)
{
	struct workers *w = turn->w;
	const struct executor_want want = {.deadline_us = turn->task->deadline_us,
		.queue_max = w->how.queue_max,
		.counted = turn->run == RUN_REQUEST,
		.gone = turn->task->request->gone};
	count_outside(turn, false, false, FAILURE_SYSTEM);
	switch (executor_run(w->executor, turn, &want)) {
	case EXECUTOR_FULL:
		return saturated(turn);
	case EXECUTOR_LATE:
		return too_late(turn);
	case EXECUTOR_DONE:
		break;
	}
	return ENGINE_OK;
}

/* ---- concurrent ---- */

/* True where a session that must have this worker does not wait for it. */
static bool fails_fast(const struct workers *w, int wanted)
{
	return wanted >= 0 && w->how.affinity == AFFINITY_STRICT_FAIL_FAST;
}

static enum slots_end wait_for_slot(struct turn *turn, int wanted, int *slot)
{
	struct workers *w = turn->w;
	const struct slots_want want = {/* A hint is worth no wait. */
		.wanted = w->sessions && w->how.affinity == AFFINITY_HINT ? SLOTS_ANY : wanted,
		.deadline_us = turn->task->deadline_us,
		.queue_max = w->how.queue_max,
		.counted = turn->run == RUN_REQUEST,
		.gone = turn->task->request->gone};
	count_outside(turn, false, false, FAILURE_SYSTEM);
	enum slots_end end = slots_wait(w->slots, &want, slot);
	if (end != SLOTS_TAKEN && *slot >= 0)
		worker_leave(&w->each[*slot]);
	return end;
}

static enum engine_status check_out(struct turn *turn)
{
	struct workers *w = turn->w;
	const char *session = turn->task->request->session;
	for (;;) {
		int wanted;
		enum affinity_choice choice = session_choose(w, session, &wanted);
		if (choice == AFFINITY_FAIL_GONE) {
			session_unbind(w, session);
			return turned_away(turn, FAILURE_SESSION, "the session's worker is gone");
		}
		int slot = choice == AFFINITY_FAIL_BUSY ? -1 : slots_try(w->slots, wanted);
		if (slot < 0 && (choice == AFFINITY_FAIL_BUSY || fails_fast(w, wanted)))
			return turned_away(turn, FAILURE_RESOURCE, "the session's worker is busy");
		enum slots_end end = slot < 0 ? wait_for_slot(turn, wanted, &slot) : SLOTS_TAKEN;
		if (end != SLOTS_TAKEN)
			return end == SLOTS_FULL ? saturated(turn) : too_late(turn);

		struct worker *me = &w->each[slot];
		bool mine = !atomic_load(&me->out) && session_bind(w, session, slot);
		if (mine)
			serve(me, turn);
		worker_leave(me);
		if (mine)
			return ENGINE_OK;
	}
}

/* ---- both ---- */

static void count_run(struct workers *w, enum run run)
{
	if (run != RUN_FAILOVER && run != RUN_BYPASS)
		return;
	pthread_mutex_lock(&w->lock);
	meter_count(run == RUN_FAILOVER ? &w->outside->retries : &w->outside->bypassed);
	pthread_mutex_unlock(&w->lock);
}

static enum engine_status refused(struct turn *turn)
{
	struct workers *w = turn->w;
	char message[POOL_REASON_MAX];
	pthread_mutex_lock(&w->lock);
	struct breaker_info info = breaker_info(&w->breaker, threads_us());
	pthread_mutex_unlock(&w->lock);
	snprintf(message, sizeof message, "the breaker is %s after %d failures in a row",
		breaker_name(info.state), w->breaker.how.failures);
	return turned_away(turn, FAILURE_REFUSED, message);
}

enum engine_status workers_run(struct workers *w, struct task *t, enum run run)
{
	assert(w->how.count > 0);
	/* Field by field: to clear all of it costs a twentieth of a call. */
	struct turn turn;
	turn.w = w;
	turn.task = t;
	turn.run = run;
	turn.attempt = 0;
	turn.begun = false;
	if (w->how.retry.attempts_max > 0)
		retry_begin(&turn.retry, &w->how.retry);
	enum engine_status status;
	count_run(w, run);
	do {
		turn.attempt++;
		turn.again = false;
		if (is_gone(t))
			return too_late(&turn);
		ask(w, &turn.ticket);
		if (turn.ticket.answer == BREAKER_REFUSED)
			status = refused(&turn);
		else
			status = w->slots ? check_out(&turn) : hand_over(&turn);
		if (turn.again && gate_wait(w->how.gate, threads_us() + turn.delay_us)) {
			/* The pool is stopping: the failure is the answer. */
			count_outside(&turn, true, false, t->response->failure);
			break;
		}
	} while (turn.again);
	return status;
}

/* ---- start and stop ---- */

static int start_hands(struct workers *w, struct err *err)
{
	if (!w->how.serialized) {
		w->slots = slots_new(w->how.count);
		return 0;
	}
	const struct executor_options how = {.threads = w->how.count,
		.run = serve_in_thread,
		.stays = is_in_service,
		.shut = nobody_has,
		.ctx = w,
		.cpu = w->how.pinned && !w->how.exec ? 0 : -1};
	return executor_start(&w->executor, &how, err);
}

static void make_workers(struct workers *w)
{
	uint64_t seed = w->how.seed;
	w->each = mem_new((size_t)w->how.count, sizeof *w->each);
	for (int i = 0; i < w->how.count; i++) {
		w->each[i].all = w;
		w->each[i].index = i;
		w->each[i].random = hash_next(&seed);
		w->each[i].meter = mem_new(1, sizeof *w->each[i].meter);
		w->each[i].out = OUT_STARTING;
		w->each[i].is_out = true;
		worker_forget_uses(&w->each[i]);
	}
}

int workers_new(struct workers **out, const struct workers_options *how, struct err *err)
{
	assert(how->count >= 0 && how->count <= WORKERS_MAX && how->queue_max >= 0);
	struct workers *w = mem_new_aligned(1, sizeof *w, 64);
	w->how = *how;
	w->how.pace = how->pace > 0 ? how->pace : 1;
	w->how.segment = how->segment > 0 ? how->segment : WORKERS_SEGMENT;
	if (how->exec)
		w->exec = *how->exec;
	/* What ends other work ends a child's too, and its start. */
	if (!w->exec.gate)
		w->exec.gate = how->gate;
	w->outside = mem_new(1, sizeof *w->outside);
	pthread_mutex_init(&w->lock, NULL);
	breaker_init(&w->breaker, &how->breaker, threads_us());
	w->quiet = breaker_quiet(&w->breaker);
	if (how->sticky && !how->serialized)
		w->sessions = affinity_new(0, 0);
	make_workers(w);
	if (how->count > 0 && (start_hands(w, err) || supervisors_start(w, err))) {
		workers_free(w);
		return -1;
	}
	*out = w;
	return 0;
}

void workers_free(struct workers *w)
{
	if (!w)
		return;
	supervisors_stop(w);
	executor_stop(w->executor);
	slots_free(w->slots);
	for (int i = 0; i < w->how.count; i++) {
		worker_free_leaks(&w->each[i]);
		free(w->each[i].meter);
	}
	affinity_free(w->sessions);
	pthread_mutex_destroy(&w->lock);
	free(w->outside);
	free(w->each);
	free(w);
}
