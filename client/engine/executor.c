/* Executor: handing over and waiting. Not what is done, not its counting.
 *
 * A blocking wake costs more than a hundred times what handing over does, so both sides look
 * again for a moment before they sleep, and let others run meanwhile; an executor only after it
 * has just had work.
 *
 * Invariants (all under the lock, but for `state` and `waiting`, which are also looked at):
 * 1. A job is in the queue if and only if its state is QUEUED. It lives on its caller's stack:
 *    the caller leaves only when it is out of the queue and no thread has it.
 * 2. The last that a thread does to a job is to say DONE or LATE; where the caller sleeps, to
 *    signal it, under the lock that the caller takes once more before it leaves.
 * 3. While a job is in the queue and an open thread sleeps, one was called for it and has not
 *    looked yet, or one looks for work and will look into the queue before it sleeps. Who was
 *    called and may not take the job calls another.
 * 4. Whether a thread stays is asked under the lock, after its work: who wants it out of service
 *    says so before it calls executor_try_shut, and one of the two sees the other. */
#define _GNU_SOURCE
#include "client/engine/executor.h"

#include "model/mem.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOKS 100 /* busily, then */
#define YIELDS 50 /* letting others run in between */

enum job_state { JOB_QUEUED, JOB_TAKEN, JOB_DONE, JOB_LATE };

struct job {
	void *what;
	const struct executor_want *want;
	atomic_int state;
	bool asleep; /* its caller waits for `moved`, which it makes when it begins to */
	pthread_cond_t moved;
	struct job *before, *after;
};

struct thread {
	struct executor *of;
	int index;
	bool open, works;
	bool asleep, called; /* waits for `wake`; was woken, and has not run yet */
	bool listed;         /* among the idle */
	struct thread *below;
	pthread_cond_t wake;
	pthread_t id;
	bool started;
};

struct executor {
	struct executor_options how;
	struct thread *each;
	atomic_int waiting;
	atomic_bool over;
	int looking_max;

	pthread_mutex_t lock; /* of all that follows */
	struct thread *idle; /* those that went to sleep, the last on top; some may be shut since */
	int open, working, looking;
	struct job *front, *back;
	int queued;
};

/* ---- the queue; all under the lock ---- */

/* Wakes an open thread, the one that slept the shortest. */
static void call_one(struct executor *x)
{
	for (struct thread *t; (t = x->idle);) {
		x->idle = t->below;
		t->listed = false;
		if (!t->open || !t->asleep || t->called)
			continue;
		t->called = true;
		pthread_cond_signal(&t->wake);
		return;
	}
}

static void enqueue(struct executor *x, struct job *j)
{
	j->before = x->back;
	*(x->back ? &x->back->after : &x->front) = j;
	x->back = j;
	x->queued += j->want->counted;
	if (atomic_fetch_add(&x->waiting, 1) >= x->looking)
		call_one(x);
}

static void unqueue(struct executor *x, struct job *j)
{
	*(j->before ? &j->before->after : &x->front) = j->after;
	*(j->after ? &j->after->before : &x->back) = j->before;
	x->queued -= j->want->counted;
	atomic_fetch_sub(&x->waiting, 1);
}

static bool is_gone(const struct executor_want *want)
{
	return want->gone && atomic_load(want->gone);
}

static bool is_too_late(const struct executor_want *want)
{
	return is_gone(want) || threads_us() >= want->deadline_us;
}

static void tell(struct job *j, enum job_state state)
{
	/* Read first: one that does not sleep may be gone as soon as it is told. */
	bool asleep = j->asleep;
	atomic_store(&j->state, state);
	if (asleep)
		pthread_cond_signal(&j->moved);
}

/* ---- threads ---- */

static void sleep_until_called(struct executor *x, struct thread *me)
{
	if (me->open && !me->listed) {
		me->listed = true;
		me->below = x->idle;
		x->idle = me;
	}
	me->asleep = true;
	while (!me->called && !atomic_load(&x->over))
		pthread_cond_wait(&me->wake, &x->lock);
	me->asleep = me->called = false;
}

/* The next job of an open thread; NULL when it is over. */
static struct job *next_job(struct executor *x, struct thread *me)
{
	while (!(me->open && x->front) && !atomic_load(&x->over)) {
		if (x->front)
			call_one(x);
		sleep_until_called(x, me);
	}
	struct job *j = me->open ? x->front : NULL;
	if (j)
		unqueue(x, j);
	return j;
}

static void do_job(struct executor *x, struct thread *me, struct job *j)
{
	atomic_store(&j->state, JOB_TAKEN);
	me->works = true;
	x->working++;
	pthread_mutex_unlock(&x->lock);
	x->how.run(x->how.ctx, j->what, me->index);
	pthread_mutex_lock(&x->lock);
	me->works = false;
	x->working--;
	tell(j, JOB_DONE);
	if (x->how.stays(x->how.ctx, me->index))
		return;
	me->open = false;
	x->open--;
	pthread_mutex_unlock(&x->lock);
	x->how.shut(x->how.ctx, me->index);
	pthread_mutex_lock(&x->lock);
}

static void look_for_work(struct executor *x)
{
	if (x->looking >= x->looking_max)
		return;
	x->looking++;
	pthread_mutex_unlock(&x->lock);
	for (int i = 0; i < LOOKS + YIELDS && atomic_load(&x->waiting) == 0; i++) {
		if (atomic_load(&x->over))
			break;
		if (i < LOOKS)
			threads_relax();
		else
			sched_yield();
	}
	pthread_mutex_lock(&x->lock);
	x->looking--;
}

static void *serve(void *arg)
{
	struct thread *me = arg;
	struct executor *x = me->of;
	if (x->how.cpu >= 0)
		threads_pin(0, x->how.cpu + me->index);
	pthread_mutex_lock(&x->lock);
	for (struct job *j; (j = next_job(x, me));) {
		if (is_too_late(j->want)) {
			tell(j, JOB_LATE);
			continue;
		}
		do_job(x, me, j);
		if (!x->front && me->open)
			look_for_work(x);
	}
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

/* ---- callers ---- */

/* Under the lock. */
static bool is_full(const struct executor *x, const struct executor_want *want)
{
	return atomic_load(&x->waiting) >= want->queue_max + x->open - x->working;
}

/* Most work is done at once: looking for a moment costs less than a sleep. */
static bool has_ended_soon(struct job *j)
{
	for (int i = 0; i < LOOKS + YIELDS; i++) {
		if (atomic_load(&j->state) >= JOB_DONE)
			return true;
		if (i < LOOKS)
			threads_relax();
		else
			sched_yield();
	}
	return false;
}

static void wait_for_end(struct executor *x, struct job *j)
{
	threads_cond_init(&j->moved);
	pthread_mutex_lock(&x->lock);
	j->asleep = true;
	bool in_time = true;
	while (atomic_load(&j->state) == JOB_QUEUED) {
		if (!in_time || is_gone(j->want)) {
			unqueue(x, j);
			atomic_store(&j->state, JOB_LATE);
			break;
		}
		in_time = threads_wait(&j->moved, &x->lock, j->want->deadline_us);
	}
	while (atomic_load(&j->state) == JOB_TAKEN)
		pthread_cond_wait(&j->moved, &x->lock);
	pthread_mutex_unlock(&x->lock);
	pthread_cond_destroy(&j->moved);
}

enum executor_end executor_run(struct executor *x, void *job, const struct executor_want *want)
{
	struct job j;
	j.what = job;
	j.want = want;
	atomic_init(&j.state, JOB_QUEUED);
	j.asleep = false;
	j.after = NULL;
	pthread_mutex_lock(&x->lock);
	if (is_full(x, want)) {
		pthread_mutex_unlock(&x->lock);
		return EXECUTOR_FULL;
	}
	enqueue(x, &j);
	pthread_mutex_unlock(&x->lock);
	if (!has_ended_soon(&j))
		wait_for_end(x, &j);
	return atomic_load(&j.state) == JOB_DONE ? EXECUTOR_DONE : EXECUTOR_LATE;
}

/* ---- service ---- */

void executor_open(struct executor *x, int thread)
{
	pthread_mutex_lock(&x->lock);
	struct thread *t = &x->each[thread];
	assert(!t->open);
	t->open = true;
	x->open++;
	/* It looks into the queue, and is among the idle afterwards. */
	t->called = t->asleep;
	if (t->asleep)
		pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&x->lock);
}

bool executor_try_shut(struct executor *x, int thread)
{
	pthread_mutex_lock(&x->lock);
	struct thread *t = &x->each[thread];
	bool free = t->open && !t->works;
	if (free) {
		t->open = false;
		x->open--;
	}
	pthread_mutex_unlock(&x->lock);
	return free;
}

void executor_nudge(struct executor *x)
{
	pthread_mutex_lock(&x->lock);
	for (struct job *j = x->front; j; j = j->after) {
		if (j->asleep)
			pthread_cond_signal(&j->moved);
	}
	pthread_mutex_unlock(&x->lock);
}

/* ---- looking ---- */

static int look(struct executor *x, const int *field)
{
	pthread_mutex_lock(&x->lock);
	int n = *field;
	pthread_mutex_unlock(&x->lock);
	return n;
}

int executor_queued(struct executor *x)
{
	return look(x, &x->queued);
}

int executor_taken(struct executor *x)
{
	return look(x, &x->working);
}

bool executor_is_taken(struct executor *x, int thread)
{
	pthread_mutex_lock(&x->lock);
	bool works = x->each[thread].works;
	pthread_mutex_unlock(&x->lock);
	return works;
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
	struct executor *x = mem_new(1, sizeof *x);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	x->how = *how;
	x->each = mem_new((size_t)how->threads, sizeof *x->each);
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
	assert(!x->front);
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
