/* Executor: handing over and waiting. Not what is done, not its counting.
 *
 * A blocking wake costs more than a hundred times what handing over does, so both sides look
 * again for a moment before they sleep, and let others run meanwhile; an executor only after it
 * has just had work. Handing over itself takes no lock: a job is pushed into the inbox, and
 * whoever next has the lock puts what is in there behind the queue, in the order of its coming.
 *
 * Invariants:
 * 1. A job lives on its caller's stack. Its caller leaves when its end was told, or when it has
 *    taken it out of the queue itself, under the lock, and no thread had it.
 * 2. The last that a thread does to a job is to tell its end. It wakes by the address alone,
 *    which may be somebody else's by then: who waits at a word always looks again.
 * 3. While a job is in the inbox or the queue and an open thread sleeps, one was called for it
 *    and has not looked yet, or one looks for work and will look into both before it sleeps: who
 *    pushes looks for sleepers afterwards, who goes to sleep looks into the inbox afterwards, in
 *    one order (sequentially consistent). Who takes a job and leaves others behind calls another,
 *    and so does who may not take it.
 * 4. Who wants a thread out of service says so before it calls executor_try_shut, and the thread
 *    asks whether it stays after it has become free: one of the two sees the other.
 * 5. `came` less `went` is the jobs that are queued or worked on less the open threads: a thread
 *    that opens went, one that is shut came. `went_seen` is never ahead of `went`. */
#define _GNU_SOURCE
#include "client/engine/executor.h"

#include "model/mem.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOKS 100 /* busily, then */
#define YIELDS 50 /* letting others run in between */

enum job_end { JOB_OPEN, JOB_ASLEEP, JOB_DONE, JOB_LATE };

/* What its caller looks at has a line for itself: the thread reads and writes the rest. */
struct job {
	_Alignas(64) void *what;
	int64_t deadline_us;
	const atomic_bool *gone;
	bool counted;
	bool queued;                /* in the queue, no longer in the inbox */
	struct job *before, *after; /* before: in the inbox, the one that came earlier */
	_Alignas(64) atomic_int end;
};

enum thread_state { SHUT, FREE, WORKS };

struct thread {
	_Alignas(64) atomic_int state;
	struct executor *of;
	int index;
	pthread_t id;
	bool started;

	/* Under the lock: */
	bool asleep, called; /* waits for `wake`; was woken, and has not run yet */
	bool listed;         /* among the idle */
	struct thread *below;
	pthread_cond_t wake;
};

struct executor {
	struct executor_options how;
	struct thread *each;
	int looking_max;

	/* A line of the callers, one where they and threads meet, one of the threads. */
	_Alignas(64) _Atomic int64_t came;
	_Atomic int64_t went_seen;
	_Alignas(64) struct job *_Atomic inbox; /* the last that came */
	atomic_int asleep;                      /* threads that sleep and were not called */
	atomic_bool over;
	_Alignas(64) _Atomic int64_t went;
	atomic_int looking; /* threads that look for work */
	atomic_int left;    /* in the queue; written under the lock */

	pthread_mutex_t lock; /* of all that follows */
	struct thread *idle; /* those that went to sleep, the last on top; some may be shut since */
	struct job *front, *back;
	int queued; /* that are counted */
};

/* ---- the queue; all under the lock ---- */

static void add_left(struct executor *x, int count)
{
	int left = atomic_load_explicit(&x->left, memory_order_relaxed);
	atomic_store_explicit(&x->left, left + count, memory_order_relaxed);
}

static void enqueue(struct executor *x, struct job *j)
{
	j->queued = true;
	j->before = x->back;
	j->after = NULL;
	*(x->back ? &x->back->after : &x->front) = j;
	x->back = j;
	x->queued += j->counted;
}

static void unqueue(struct executor *x, struct job *j)
{
	*(j->before ? &j->before->after : &x->front) = j->after;
	*(j->after ? &j->after->before : &x->back) = j->before;
	x->queued -= j->counted;
	j->queued = false;
	add_left(x, -1);
}

/* Empties the inbox into the queue. */
static void gather(struct executor *x)
{
	struct job *last = atomic_load(&x->inbox);
	if (!last)
		return;
	last = atomic_exchange(&x->inbox, NULL);
	struct job *first = NULL;
	int count = 0;
	for (struct job *before; last; last = before, count++) {
		before = last->before;
		last->after = first;
		first = last;
	}
	add_left(x, count);
	for (struct job *after; first; first = after) {
		after = first->after;
		enqueue(x, first);
	}
}

static void call(struct executor *x, struct thread *t)
{
	t->called = true;
	atomic_fetch_sub(&x->asleep, 1);
	pthread_cond_signal(&t->wake);
}

/* Wakes an open thread, the one that slept the shortest. */
static void call_one(struct executor *x)
{
	for (struct thread *t; (t = x->idle);) {
		x->idle = t->below;
		t->listed = false;
		if (atomic_load(&t->state) == SHUT || !t->asleep || t->called)
			continue;
		call(x, t);
		return;
	}
}

/* ---- threads ---- */

static void tell(struct job *j, enum job_end end)
{
	if (atomic_exchange(&j->end, end) == JOB_ASLEEP)
		threads_word_wake(&j->end);
}

static bool is_gone(const struct job *j)
{
	return j->gone && atomic_load(j->gone);
}

static bool change(struct thread *t, int from, int to)
{
	return atomic_compare_exchange_strong(&t->state, &from, to);
}

/* Under the lock. */
static void sleep_until_called(struct executor *x, struct thread *me)
{
	if (!me->listed && atomic_load(&me->state) != SHUT) {
		me->listed = true;
		me->below = x->idle;
		x->idle = me;
	}
	me->asleep = true;
	atomic_fetch_add(&x->asleep, 1);
	while (!me->called && !atomic_load(&x->inbox) && !atomic_load(&x->over))
		pthread_cond_wait(&me->wake, &x->lock);
	if (!me->called)
		atomic_fetch_sub(&x->asleep, 1);
	me->asleep = me->called = false;
}

/* The next job of an open thread, which works then; NULL when it is over. */
static struct job *next_job(struct executor *x, struct thread *me)
{
	struct job *j = NULL;
	pthread_mutex_lock(&x->lock);
	while (!j && !atomic_load(&x->over)) {
		gather(x);
		if (x->front && change(me, FREE, WORKS)) {
			j = x->front;
			unqueue(x, j);
		}
		if (x->front && atomic_load(&x->looking) == 0)
			call_one(x);
		if (!j)
			sleep_until_called(x, me);
	}
	pthread_mutex_unlock(&x->lock);
	return j;
}

static void do_job(struct executor *x, struct thread *me, struct job *j)
{
	bool late = is_gone(j) || threads_us() >= j->deadline_us;
	if (!late)
		x->how.run(x->how.ctx, j->what, me->index);
	atomic_store(&me->state, FREE);
	/* Before its end is told: who is told may hand over the next at once. */
	atomic_fetch_add(&x->went, 1);
	tell(j, late ? JOB_LATE : JOB_DONE);
	if (x->how.stays(x->how.ctx, me->index) || !change(me, FREE, SHUT))
		return;
	atomic_fetch_add(&x->came, 1);
	x->how.shut(x->how.ctx, me->index);
}

static bool has_work(struct executor *x)
{
	return atomic_load_explicit(&x->inbox, memory_order_relaxed) ||
		atomic_load_explicit(&x->left, memory_order_relaxed) > 0;
}

static void look_for_work(struct executor *x)
{
	if (atomic_fetch_add(&x->looking, 1) < x->looking_max) {
		for (int i = 0; i < LOOKS + YIELDS && !has_work(x); i++) {
			if (atomic_load(&x->over))
				break;
			if (i < LOOKS)
				threads_relax();
			else
				sched_yield();
		}
	}
	atomic_fetch_sub(&x->looking, 1);
}

static void *serve(void *arg)
{
	struct thread *me = arg;
	struct executor *x = me->of;
	if (x->how.cpu >= 0)
		threads_pin(0, x->how.cpu + me->index);
	for (struct job *j; (j = next_job(x, me));) {
		do_job(x, me, j);
		if (!has_work(x))
			look_for_work(x);
	}
	return NULL;
}

/* ---- callers ---- */

/* False where it is full. */
static bool is_let_in(struct executor *x, const struct executor_want *want)
{
	int64_t came = atomic_load(&x->came), went = atomic_load(&x->went_seen);
	for (;;) {
		if (came - went >= want->queue_max) {
			went = atomic_load(&x->went);
			if (came - went >= want->queue_max)
				return false;
			atomic_store(&x->went_seen, went);
		}
		if (atomic_compare_exchange_weak(&x->came, &came, came + 1))
			return true;
	}
}

static void push(struct executor *x, struct job *j)
{
	j->before = atomic_load_explicit(&x->inbox, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&x->inbox, &j->before, j))
		;
	if (atomic_load(&x->asleep) == 0 || atomic_load(&x->looking) > 0)
		return;
	pthread_mutex_lock(&x->lock);
	call_one(x);
	pthread_mutex_unlock(&x->lock);
}

/* Most work is done at once: looking for a moment costs less than a sleep. */
static bool has_ended_soon(struct job *j)
{
	for (int i = 0; i < LOOKS + YIELDS; i++) {
		if (atomic_load_explicit(&j->end, memory_order_acquire) >= JOB_DONE)
			return true;
		if (i < LOOKS)
			threads_relax();
		else
			sched_yield();
	}
	return false;
}

/* Takes a job out of the queue; false when a thread has it. */
static bool take_back(struct executor *x, struct job *j)
{
	pthread_mutex_lock(&x->lock);
	gather(x);
	bool queued = j->queued;
	if (queued) {
		unqueue(x, j);
		atomic_fetch_add(&x->went, 1);
	}
	pthread_mutex_unlock(&x->lock);
	return queued;
}

/* Sleeps until its end is told, or nobody wants it and no thread has it: that is its end, too. */
static void wait_for_end(struct executor *x, struct job *j)
{
	int64_t until_us = j->deadline_us;
	for (bool in_time = true;;) {
		int end = JOB_OPEN;
		if (!atomic_compare_exchange_strong(&j->end, &end, JOB_ASLEEP) && end != JOB_ASLEEP)
			return;
		if (!in_time || is_gone(j)) {
			if (take_back(x, j)) {
				atomic_store(&j->end, JOB_LATE);
				return;
			}
			until_us = INT64_MAX;
		}
		in_time = threads_word_wait(&j->end, JOB_ASLEEP, until_us);
	}
}

enum executor_end executor_run(struct executor *x, void *job, const struct executor_want *want)
{
	if (!is_let_in(x, want))
		return EXECUTOR_FULL;
	struct job j;
	j.what = job;
	j.deadline_us = want->deadline_us;
	j.gone = want->gone;
	j.counted = want->counted;
	j.queued = false;
	atomic_init(&j.end, JOB_OPEN);
	push(x, &j);
	if (!has_ended_soon(&j))
		wait_for_end(x, &j);
	return atomic_load(&j.end) == JOB_DONE ? EXECUTOR_DONE : EXECUTOR_LATE;
}

/* ---- service ---- */

void executor_open(struct executor *x, int thread)
{
	struct thread *t = &x->each[thread];
	atomic_fetch_add(&x->went, 1);
	bool was_shut = change(t, SHUT, FREE);
	assert(was_shut);
	(void)was_shut;
	pthread_mutex_lock(&x->lock);
	/* It looks into the queue, and is among the idle afterwards. */
	if (t->asleep && !t->called)
		call(x, t);
	pthread_mutex_unlock(&x->lock);
}

bool executor_try_shut(struct executor *x, int thread)
{
	bool shut = change(&x->each[thread], FREE, SHUT);
	if (shut)
		atomic_fetch_add(&x->came, 1);
	return shut;
}

void executor_nudge(struct executor *x)
{
	pthread_mutex_lock(&x->lock);
	gather(x);
	for (struct job *j = x->front; j; j = j->after) {
		int end = JOB_ASLEEP;
		if (atomic_compare_exchange_strong(&j->end, &end, JOB_OPEN))
			threads_word_wake(&j->end);
	}
	pthread_mutex_unlock(&x->lock);
}

/* ---- looking ---- */

int executor_queued(struct executor *x)
{
	pthread_mutex_lock(&x->lock);
	gather(x);
	int n = x->queued;
	pthread_mutex_unlock(&x->lock);
	return n;
}

int executor_taken(struct executor *x)
{
	int n = 0;
	for (int k = 0; k < x->how.threads; k++)
		n += executor_is_taken(x, k);
	return n;
}

bool executor_is_taken(struct executor *x, int thread)
{
	return atomic_load_explicit(&x->each[thread].state, memory_order_relaxed) == WORKS;
}

/* ---- start and stop ---- */

/* Spins a moment before it sleeps: it is held for less than a wake takes. */
static void init_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

int executor_start(struct executor **out, const struct executor_options *how, struct err *err)
{
	struct executor *x = mem_new_aligned(1, sizeof *x, 64);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	x->how = *how;
	x->each = mem_new_aligned((size_t)how->threads, sizeof *x->each, 64);
	x->looking_max = cpus > 2 ? (int)cpus / 2 : 1;
	init_lock(&x->lock);
	for (int k = 0; k < how->threads; k++) {
		x->each[k].of = x;
		x->each[k].index = k;
		pthread_cond_init(&x->each[k].wake, NULL);
	}
	for (int k = 0; k < how->threads; k++) {
		struct thread *t = &x->each[k];
		if (threads_start(&t->id, serve, t, err)) {
			executor_stop(x);
			return -1;
		}
		t->started = true;
	}
	*out = x;
	return 0;
}

void executor_stop(struct executor *x)
{
	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	assert(!x->front && !atomic_load(&x->inbox));
	atomic_store(&x->over, true);
	for (int k = 0; k < x->how.threads; k++)
		pthread_cond_signal(&x->each[k].wake);
	pthread_mutex_unlock(&x->lock);
	for (int k = 0; k < x->how.threads; k++) {
		if (x->each[k].started)
			pthread_join(x->each[k].id, NULL);
		pthread_cond_destroy(&x->each[k].wake);
	}
	pthread_mutex_destroy(&x->lock);
	free(x->each);
	free(x);
}
