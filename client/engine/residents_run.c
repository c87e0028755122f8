/* Residents, running: the threads that serve workers, and what time does. Any number of workers
 * is served by few threads: one that has something to do stands in the line of ready ones, the
 * next free thread claims it, takes one step with it and lets it go, so that nobody is starved.
 *
 * Invariants:
 * 1. A worker is claimed, or stands in one line (ready, idle, down), or is being made: never
 *    two of these, so no two threads ever serve it at once.
 * 2. A letter is counted in exactly one of queued, running, done, failed, timed_out, and moves
 *    between them under the lock.
 * 3. Whether a deadline has come is asked under the lock that takes the letter. */
#include "client/engine/residents_parts.h"

#include "model/text.h"

#include <assert.h>
#include <stdlib.h>

#define LOOKS 4000 /* about 20 us */
#define IDLE_LOOK_US 1000

/* ---- letters ---- */

void residents_refuse(
	struct send_answer *a, enum send_status status, enum failure failure, const char *message)
{
	a->status = status;
	a->ok = false;
	a->failure = failure;
	(void)text_copy(a->message, sizeof a->message, message);
}

/* Tells who waits for this letter, if anybody does. */
static void tell(struct letter *l, const struct send_answer *answer)
{
	struct letter_wait *w = l->wait;
	if (!w)
		return;
	*w->answer = *answer;
	w->answer->number = l->number;
	l->wait = NULL;
	atomic_store(&w->ended, true);
	if (w->asleep)
		pthread_cond_signal(&w->moved);
}

void residents_give_up(
	struct residents *r, struct resident *x, struct letter *l, const struct send_answer *answer)
{
	r->counts.queued--;
	if (answer->status == SEND_LATE) {
		r->counts.timed_out++;
	} else {
		r->counts.failed++;
		x->segment->failed++;
	}
	tell(l, answer);
	free(l);
}

void residents_empty(struct residents *r, struct resident *x, const struct send_answer *answer)
{
	for (struct letter *l; (l = mailbox_next(&x->mailbox));)
		residents_give_up(r, x, l, answer);
}

/* ---- lines ---- */

static bool has_work(const struct resident *x)
{
	if (x->life.state == LIFECYCLE_INITIALIZING)
		return !x->lazy || x->mailbox.count > 0 || x->leaving;
	return x->mailbox.count > 0 || x->moving || x->leaving;
}

/* Time must act at that moment at the latest: all who sleep longer look again, since any of them
 * may be the only one that is free then. */
static void expect(struct residents *r, int64_t at_us)
{
	if (at_us >= r->due_us)
		return;
	r->due_us = at_us;
	if (r->asleep > 0)
		pthread_cond_broadcast(&r->work);
}

void residents_settle(struct residents *r, struct resident *x)
{
	assert(!x->claimed);
	if (x->line == &r->ready || x->life.state == LIFECYCLE_TERMINATED)
		return;
	if (has_work(x)) {
		line_leave(x);
		line_put(&r->ready, x);
		/* Who looks already will find one; more want more threads. */
		if (r->asleep > 0 && (!r->looking || r->ready.count > 1))
			pthread_cond_signal(&r->work);
	} else if (x->line != &r->idle) {
		x->idle_us = threads_us();
		line_put(&r->idle, x);
		if (r->how.idle_us > 0)
			expect(r, x->idle_us + r->how.idle_us);
	}
	atomic_store(&r->ready_count, r->ready.count);
}

static void let_go(struct residents *r, struct resident *x)
{
	x->claimed = false;
	residents_settle(r, x);
}

/* Unregisters a claimed worker without mail. */
static void remove_one(struct residents *r, struct resident *x)
{
	(void)registry_remove(&r->registry, &x->ref);
	residents_part(x);
	resident_free(x);
}

/* ---- restarts ---- */

/* Grants the restart of one that is down, or says in how long to ask again. */
static int64_t restart(struct residents *r, struct resident *x, int64_t now_us)
{
	int64_t delay_us = supervision_may_restart(&x->segment->supervision, now_us);
	if (delay_us > 0)
		return delay_us;
	line_leave(x);
	x->life = (struct lifecycle){0};
	x->again = true;
	x->restarts++;
	x->segment->restarted++;
	r->counts.restarted++;
	residents_note(r, x, TROUBLE_RESTART, now_us);
	residents_settle(r, x);
	return 0;
}

/* A claimed worker has ended and is to be started again. */
static void go_down(struct residents *r, struct resident *x, int64_t now_us)
{
	struct segment *s = x->segment;
	s->asleep -= x->asleep;
	resident_lose(x);
	x->claimed = x->moving = x->leaving = false;
	int64_t delay_us = restart(r, x, now_us);
	if (delay_us == 0)
		return;
	line_put(&s->down, x);
	if (s->down.count == 1)
		s->due_us = now_us + delay_us;
	expect(r, s->due_us);
}

static void crash(struct residents *r, struct resident *x)
{
	int64_t now_us = threads_us();
	r->counts.crashed++;
	x->segment->crashed++;
	x->segment->up--;
	residents_note(r, x, TROUBLE_ERROR, now_us);
	(void)lifecycle_move(&x->life.state, LIFECYCLE_TERMINATING);
	(void)lifecycle_move(&x->life.state, LIFECYCLE_TERMINATED);
	go_down(r, x, now_us);
}

/* ---- starts ---- */

/* Whoever waits for one that does not start hears why, now. */
static void no_start(struct residents *r, struct resident *x, const struct err *err)
{
	struct send_answer a = {0};
	int64_t now_us = threads_us();
	residents_refuse(&a, SEND_DONE, FAILURE_INITIALIZATION, err->text);
	residents_empty(r, x, &a);
	residents_note(r, x, TROUBLE_ERROR, now_us);
	(void)lifecycle_fail(&x->life, 0);
	if (!x->again) {
		remove_one(r, x);
		return;
	}
	supervision_started(&x->segment->supervision, false, now_us);
	go_down(r, x, now_us);
}

int residents_begin(struct residents *r, struct resident *x, struct err *err)
{
	assert(x->claimed && x->life.state == LIFECYCLE_INITIALIZING);
	pthread_mutex_unlock(&r->lock);
	int result = resident_start(x, r->dir, err);
	pthread_mutex_lock(&r->lock);
	if (result) {
		no_start(r, x, err);
		return -1;
	}
	(void)lifecycle_succeed(&x->life);
	x->segment->up++;
	r->counts.started++;
	if (x->again)
		supervision_started(&x->segment->supervision, true, threads_us());
	x->lazy = false;
	let_go(r, x);
	return 0;
}

/* ---- steps with a claimed worker ---- */

static void step_start(struct residents *r, struct resident *x)
{
	struct err err = {0};
	(void)residents_begin(r, x, &err);
}

static void step_carry(struct residents *r, struct resident *x)
{
	pthread_mutex_unlock(&r->lock);
	resident_carry(x);
	pthread_mutex_lock(&r->lock);
	x->moving = false;
	let_go(r, x);
}

static void count_end(struct residents *r, struct resident *x, bool ok)
{
	r->counts.running--;
	*(ok ? &r->counts.done : &r->counts.failed) += 1;
	*(ok ? &x->segment->done : &x->segment->failed) += 1;
	*(ok ? &x->done : &x->failed) += 1;
}

static void answer_of(
	const struct resident *x, const struct outcome *o, struct send_answer *answer)
{
	*answer = (struct send_answer){
		.status = SEND_DONE, .ok = o->ok, .failure = o->failure, .at = residents_address(x)};
	(void)text_copy(answer->message, sizeof answer->message, o->message);
	(void)text_copy(answer->result, sizeof answer->result, o->result);
}

/* What was behind the message that stopped the worker is not executed, and says so. */
static void stop_one(struct residents *r, struct resident *x)
{
	struct send_answer a = {.at = residents_address(x)};
	residents_refuse(&a, SEND_DONE, FAILURE_SESSION, "the worker was stopped before");
	residents_empty(r, x, &a);
	r->counts.killed++;
	remove_one(r, x);
}

/* The letter is executed, without the lock. */
static void execute(
	struct residents *r, struct resident *x, const struct letter *l, struct outcome *outcome)
{
	const struct surroundings around = {
		residents_address(x), x->mailbox.count, r->dir, &r->gate};
	bool was_asleep = x->asleep;
	bool is_up = lifecycle_check_out(&x->life);
	assert(is_up);
	(void)is_up;
	r->counts.queued--;
	r->counts.running++;
	pthread_mutex_unlock(&r->lock);
	resident_do(x, &l->order, &around, outcome);
	pthread_mutex_lock(&r->lock);
	(void)lifecycle_check_in(&x->life);
	x->segment->asleep += x->asleep - was_asleep;
	r->counts.hibernated += x->asleep && !was_asleep;
	r->counts.persisted += l->order.kind == ORDER_PERSIST && outcome->ok;
	count_end(r, x, outcome->ok);
	if (outcome->trouble && outcome->end == RESIDENT_GOES_ON)
		residents_note(r, x, TROUBLE_WARNING, threads_us());
}

static void step_letter(struct residents *r, struct resident *x)
{
	struct send_answer answer = {.at = residents_address(x)};
	struct outcome outcome;
	struct letter *l = mailbox_next(&x->mailbox);
	if (threads_us() >= l->deadline_us) {
		residents_refuse(&answer, SEND_LATE, FAILURE_TIMEOUT, "its deadline came first");
		residents_give_up(r, x, l, &answer);
		let_go(r, x);
		return;
	}
	if (l->wait && l->wait->ack == ACK_PROCESS) {
		answer.status = SEND_ACCEPTED;
		answer.ok = true;
		tell(l, &answer);
	}
	execute(r, x, l, &outcome);
	answer_of(x, &outcome, &answer);
	tell(l, &answer);
	free(l);
	if (outcome.end == RESIDENT_CRASHED)
		crash(r, x);
	else if (outcome.end == RESIDENT_KILLED)
		stop_one(r, x);
	else
		let_go(r, x);
}

/* Idle for too long: it goes, but not before its state is on the disk where there is one. */
static void step_leave(struct residents *r, struct resident *x)
{
	struct err err = {0};
	int failed = 0;
	bool saves = x->unsaved && r->dir >= 0;
	if (saves) {
		pthread_mutex_unlock(&r->lock);
		failed = resident_save(x, r->dir, &err);
		pthread_mutex_lock(&r->lock);
	}
	x->leaving = false;
	r->counts.persisted += saves && !failed;
	if (failed)
		residents_note(r, x, TROUBLE_WARNING, threads_us());
	if (failed || x->mailbox.count > 0) {
		let_go(r, x);
		return;
	}
	r->counts.deprovisioned++;
	remove_one(r, x);
}

static void step(struct residents *r, struct resident *x)
{
	if (x->life.state == LIFECYCLE_INITIALIZING && !x->leaving)
		step_start(r, x);
	else if (x->moving)
		step_carry(r, x);
	else if (x->mailbox.count > 0)
		step_letter(r, x);
	else if (x->leaving)
		step_leave(r, x);
	else
		let_go(r, x); /* whoever wanted something has left */
}

/* ---- time ---- */

static void restart_some(struct residents *r, struct segment *s, int64_t now_us)
{
	while (s->down.first && now_us >= s->due_us) {
		int64_t delay_us = restart(r, s->down.first, now_us);
		if (delay_us > 0)
			s->due_us = now_us + delay_us;
	}
	if (!s->down.first)
		s->due_us = INT64_MAX;
	expect(r, s->due_us);
}

static void end_idle(struct residents *r, int64_t now_us)
{
	struct resident *x;
	if (r->how.idle_us == 0)
		return;
	while ((x = r->idle.first) && now_us - x->idle_us >= r->how.idle_us) {
		x->leaving = true;
		residents_settle(r, x);
	}
	/* Many that end one shortly after the other are looked at together. */
	if (x && x->idle_us + r->how.idle_us > now_us + IDLE_LOOK_US)
		expect(r, x->idle_us + r->how.idle_us);
	else if (x)
		expect(r, now_us + IDLE_LOOK_US);
}

void residents_pass(struct residents *r, int64_t now_us)
{
	r->due_us = INT64_MAX;
	if (now_us >= r->balance_at_us) {
		(void)residents_move_some(r);
		r->balance_at_us = now_us + r->how.balance_us;
	}
	expect(r, r->balance_at_us);
	for (int i = 0; i < r->how.nodes; i++)
		for (int k = 0; k < r->node[i].segment_count; k++)
			restart_some(r, r->node[i].segments[k], now_us);
	end_idle(r, now_us);
}

void residents_tick(struct residents *r, int64_t now_us)
{
	pthread_mutex_lock(&r->lock);
	residents_pass(r, now_us);
	pthread_mutex_unlock(&r->lock);
}

/* ---- threads ---- */

/* Work often follows work: looking for a moment costs less than a sleep. One thread looks. */
static void look_for_work(struct residents *r)
{
	r->looking = true;
	pthread_mutex_unlock(&r->lock);
	for (int i = 0; i < LOOKS && atomic_load(&r->ready_count) == 0; i++)
		threads_relax();
	pthread_mutex_lock(&r->lock);
	r->looking = false;
}

static void rest(struct residents *r, bool worked)
{
	if (worked && !r->looking)
		look_for_work(r);
	if (r->ready.first || r->stopping)
		return;
	r->asleep++;
	(void)threads_wait(&r->work, &r->lock, r->due_us);
	r->asleep--;
}

static void claim_next(struct residents *r)
{
	struct resident *x = r->ready.first;
	line_leave(x);
	atomic_store(&r->ready_count, r->ready.count);
	x->claimed = true;
	step(r, x);
}

void *residents_serve(void *arg)
{
	struct residents *r = arg;
	bool worked = false;
	pthread_mutex_lock(&r->lock);
	while (!r->stopping) {
		int64_t now_us = threads_us();
		if (now_us >= r->due_us)
			residents_pass(r, now_us);
		if (!r->ready.first) {
			rest(r, worked);
			worked = false;
			continue;
		}
		worked = true;
		claim_next(r);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}
