/* Supervisor: starts workers, ends them, and starts them again. One for each segment of child
 * processes, so that a start which hangs keeps nobody else waiting; one for all builtin workers,
 * whose starts take no time.
 *
 * Invariants:
 * 1. A worker is started, ended and spoken to (a ping) only while it is out of service, where no
 *    caller has it.
 * 2. Nothing is locked while a child starts, ends or is asked.
 * 3. A crash is never final: a segment whose restarts come too fast rests, and goes on. */
#include "client/engine/supervisor.h"

#include "client/engine/worker_parts.h"
#include "model/mem.h"
#include "model/text.h"

#include <stdlib.h>
#include <string.h>

/* Under the lock. It may be busy with another worker and not wait just now. */
static void tell(struct supervisor *s)
{
	s->has_news = true;
	pthread_cond_signal(&s->moved);
}

void supervisor_notice(struct worker *me)
{
	struct supervisor *s = worker_supervisor(me->all, me->index);
	pthread_mutex_lock(&s->lock);
	me->is_out = true;
	tell(s);
	pthread_mutex_unlock(&s->lock);
}

/* ---- out of service and back; under the lock ---- */

static bool try_shut(struct worker *me)
{
	struct workers *w = me->all;
	return w->slots ? slots_try_shut(w->slots, me->index)
					: executor_try_shut(w->executor, me->index);
}

static void put_back(struct worker *me, unsigned why)
{
	struct workers *w = me->all;
	unsigned before = atomic_fetch_and(&me->out, ~why);
	if ((before & ~why) || !me->is_out)
		return;
	me->is_out = false;
	if (w->slots)
		slots_open(w->slots, me->index);
	else
		executor_open(w->executor, me->index);
	/* Asked for between the look and the opening. */
	if (atomic_load(&me->out) && try_shut(me))
		me->is_out = true;
}

void worker_put_back(struct worker *me, enum out why)
{
	struct supervisor *s = worker_supervisor(me->all, me->index);
	pthread_mutex_lock(&s->lock);
	put_back(me, why);
	pthread_mutex_unlock(&s->lock);
}

/* ---- living; under the lock, which is given up while something takes time ---- */

static void note_trouble(struct worker *me, enum trouble what, const char *why)
{
	health_note(&worker_segment(me->all, me->index)->health, what, threads_us());
	text_copy(me->trouble, sizeof me->trouble, why);
}

static void end(struct supervisor *s, struct worker *me, bool at_once)
{
	struct exec *x = me->exec;
	me->exec = NULL;
	lifecycle_move(&me->life.state, LIFECYCLE_TERMINATING);
	pthread_mutex_unlock(&s->lock);
	if (x)
		exec_stop(x, at_once);
	worker_free_leaks(me);
	pthread_mutex_lock(&s->lock);
	lifecycle_move(&me->life.state, LIFECYCLE_TERMINATED);
	trend_clear(&me->trend);
	worker_forget_uses(me);
	atomic_fetch_add(&me->all->destroyed, 1);
}

/* Ends the worker for what it was put out of service for; it is to be started again. */
static void replace(struct supervisor *s, struct worker *me, unsigned why)
{
	struct workers *w = me->all;
	bool crashed = why & OUT_CRASHED;
	if (crashed) {
		me->crashes++;
		atomic_fetch_add(&w->crashed, 1);
		note_trouble(me, TROUBLE_ERROR, "crashed");
	}
	end(s, me, crashed);
	atomic_fetch_or(&me->out, OUT_STARTING);
	atomic_fetch_and(&me->out, ~(unsigned)(OUT_CRASHED | OUT_DUE | OUT_CHECKED));
}

static int start_child(struct supervisor *s, struct worker *me)
{
	struct workers *w = me->all;
	struct err err = {0};
	struct exec *x = NULL;
	pthread_mutex_unlock(&s->lock);
	int result = exec_start(&x, &w->exec, &err);
	if (result == 0 && w->how.pinned)
		threads_pin(exec_pid(x), me->index);
	pthread_mutex_lock(&s->lock);
	me->exec = x;
	if (result)
		note_trouble(me, TROUBLE_ERROR, err.text);
	return result;
}

/* Starts the worker if that is allowed now. Returns when to ask again, INT64_MAX for done. */
static int64_t start(struct supervisor *s, struct worker *me)
{
	struct workers *w = me->all;
	struct supervision *supervision = &worker_segment(w, me->index)->supervision;
	bool again = me->life.state == LIFECYCLE_TERMINATED;
	int64_t now_us = threads_us();
	int64_t wait_us = again                    ? supervision_may_restart(supervision, now_us)
		: supervision->start_until_us > now_us ? supervision->start_until_us - now_us
											   : 0;
	if (wait_us > 0)
		return now_us + wait_us;
	me->life = (struct lifecycle){0};
	bool ok = !w->how.exec || start_child(s, me) == 0;
	supervision_started(supervision, ok, threads_us());
	if (!ok) {
		me->life.state = again ? LIFECYCLE_TERMINATED : LIFECYCLE_INITIALIZING;
		return supervision->start_until_us;
	}
	lifecycle_succeed(&me->life);
	atomic_fetch_add(&w->created, 1);
	if (again) {
		me->restarts++;
		atomic_fetch_add(&w->restarted, 1);
		note_trouble(me, TROUBLE_RESTART, "");
	}
	put_back(me, OUT_STARTING);
	return INT64_MAX;
}

/* What the child uses, whether it is to be replaced, or was silent and does not answer. */
static void check(struct supervisor *s, struct worker *me)
{
	struct exec *x = me->exec;
	struct exec_answer answer;
	struct resource uses;
	int64_t now_us = threads_us();
	pthread_mutex_unlock(&s->lock);
	exec_resource(x, &uses);
	enum exec_due due = exec_due(x, now_us);
	if (due == EXEC_DUE_NONE && exec_ping_due(x, now_us) && exec_ping(x, &answer) == EXEC_LOST)
		due = EXEC_DUE_LOST;
	pthread_mutex_lock(&s->lock);
	me->uses = uses;
	if (due != EXEC_DUE_NONE) {
		text_copy(me->trouble, sizeof me->trouble, exec_due_name(due));
		atomic_fetch_or(&me->out, due == EXEC_DUE_LOST ? OUT_CRASHED : OUT_DUE);
	}
	put_back(me, OUT_CHECKED);
}

/* What a worker needs that is out of service. Returns when to ask again. */
static int64_t attend(struct supervisor *s, struct worker *me)
{
	unsigned why = atomic_load(&me->out);
	if (why & (OUT_CRASHED | OUT_DUE))
		replace(s, me, why);
	else if (why & OUT_CHECKED)
		check(s, me);
	why = atomic_load(&me->out);
	if (why & OUT_STARTING)
		return start(s, me);
	if (why & (OUT_CRASHED | OUT_DUE | OUT_CHECKED))
		return 0;
	put_back(me, 0);
	return INT64_MAX;
}

/* Once a second. One that is taken belongs to its caller, who puts it out when he is done: else
 * a worker that never rests would never be looked at. */
static void look(struct worker *me)
{
	if (!me->exec || me->is_out)
		return;
	atomic_fetch_or(&me->out, OUT_CHECKED);
	me->is_out = try_shut(me);
}

/* A child lives no longer than the thread that started it. */
static void end_all(struct supervisor *s)
{
	struct worker *each = s->all->each;
	for (int i = s->first; i < s->first + s->count; i++)
		if (each[i].exec)
			exec_stop_begin(each[i].exec);
	for (int i = s->first; i < s->first + s->count; i++) {
		if (each[i].exec)
			exec_stop(each[i].exec, false);
		each[i].exec = NULL;
	}
}

static void *supervise(void *arg)
{
	struct supervisor *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->over) {
		int64_t next_us = INT64_MAX;
		bool looks = s->looked_for;
		s->has_news = s->looked_for = false;
		for (int i = s->first; i < s->first + s->count && !s->over; i++) {
			struct worker *me = &s->all->each[i];
			if (looks)
				look(me);
			if (!me->is_out)
				continue;
			int64_t at_us = attend(s, me);
			next_us = at_us < next_us ? at_us : next_us;
		}
		if (s->over || s->has_news || next_us <= threads_us())
			continue;
		if (next_us == INT64_MAX)
			pthread_cond_wait(&s->moved, &s->lock);
		else
			threads_wait(&s->moved, &s->lock, next_us);
	}
	pthread_mutex_unlock(&s->lock);
	end_all(s);
	return NULL;
}

/* ---- start and stop ---- */

static void make_segments(struct workers *w)
{
	struct supervision_options how = w->how.supervision;
	/* A fault that all share may end a whole segment at once. */
	if (!how.restarts)
		how.restarts = w->how.segment > 3 ? w->how.segment : 3;
	if (how.restarts > SUPERVISION_RESTARTS_MAX)
		how.restarts = SUPERVISION_RESTARTS_MAX;
	w->segment_count = (w->how.count + w->how.segment - 1) / w->how.segment;
	w->segments = mem_new((size_t)w->segment_count, sizeof *w->segments);
	for (int i = 0; i < w->segment_count; i++)
		supervision_init(&w->segments[i].supervision, &how);
}

int supervisors_start(struct workers *w, struct err *err)
{
	make_segments(w);
	int count = w->how.exec ? w->segment_count : 1;
	int each = w->how.exec ? w->how.segment : w->how.count;
	w->supervisors = mem_new((size_t)count, sizeof *w->supervisors);
	for (int i = 0; i < count; i++) {
		struct supervisor *s = &w->supervisors[i];
		s->all = w;
		s->first = i * each;
		s->count = w->how.count - s->first < each ? w->how.count - s->first : each;
		pthread_mutex_init(&s->lock, NULL);
		threads_cond_init(&s->moved);
		w->supervisor_count++;
	}
	for (int i = 0; i < w->how.count && !w->how.exec; i++)
		start(&w->supervisors[0], &w->each[i]);
	for (int i = 0; i < count; i++) {
		struct supervisor *s = &w->supervisors[i];
		if (threads_start(&s->thread, supervise, s, err))
			return -1;
		s->has_thread = true;
	}
	return 0;
}

void supervisors_stop(struct workers *w)
{
	for (int i = 0; i < w->supervisor_count; i++) {
		struct supervisor *s = &w->supervisors[i];
		pthread_mutex_lock(&s->lock);
		s->over = true;
		pthread_cond_signal(&s->moved);
		pthread_mutex_unlock(&s->lock);
	}
	for (int i = 0; i < w->supervisor_count; i++) {
		struct supervisor *s = &w->supervisors[i];
		if (s->has_thread)
			pthread_join(s->thread, NULL);
		pthread_cond_destroy(&s->moved);
		pthread_mutex_destroy(&s->lock);
	}
	free(w->supervisors);
	free(w->segments);
	w->supervisors = NULL;
	w->supervisor_count = 0;
}

void workers_look(struct workers *w)
{
	int64_t now_us = threads_us();
	for (int i = 0; i < w->supervisor_count; i++) {
		struct supervisor *s = &w->supervisors[i];
		pthread_mutex_lock(&s->lock);
		for (int k = s->first; k < s->first + s->count; k++) {
			struct worker *me = &w->each[k];
			trend_add(&me->trend, now_us,
				w->how.exec ? me->uses.memory_bytes : atomic_load(&me->leaked));
		}
		s->looked_for = w->how.exec != NULL;
		if (s->looked_for)
			tell(s);
		pthread_mutex_unlock(&s->lock);
	}
}

void workers_nudge(struct workers *w)
{
	if (w->slots)
		slots_nudge(w->slots);
	if (w->executor)
		executor_nudge(w->executor);
}
