/* Residents, sending: from an envelope to its worker, and the wait for what comes back.
 *
 * Invariants:
 * 1. Nothing is accepted before it is understood and there is room for it.
 * 2. A sender that leaves at its deadline takes its letter along if nobody has begun with it,
 *    and else only its wish for the answer. */
#include "client/engine/residents_parts.h"

#include "model/mem.h"
#include "model/text.h"

#include <stdlib.h>

#define LOOKS 1000

struct delivery {
	const struct envelope *envelope;
	struct order order;
	int64_t deadline_us;
	enum ack ack;
	struct send_answer *answer;
};

/* ---- workers that are not there yet ---- */

static struct resident *make(struct residents *r, const struct envelope *e, struct segment *s)
{
	struct resident *x = resident_new(&e->recipient);
	x->lazy = e->spawn == SPAWN_LAZY;
	registry_add(&r->registry, &x->ref, x);
	residents_join(x, s);
	r->counts.spawned++;
	return x;
}

/* Makes the worker as the envelope wants it; NULL with the answer where that cannot be. */
static struct resident *spawn(struct residents *r, struct delivery *d)
{
	struct err err = {0};
	if (d->envelope->spawn == SPAWN_NO) {
		residents_refuse(d->answer, SEND_NOT_REGISTERED, FAILURE_SESSION,
			"there is no such worker; spawn one, or check the address");
		return NULL;
	}
	struct segment *s = residents_place(r, d->envelope, threads_us(), d->answer);
	if (!s)
		return NULL;
	struct resident *x = make(r, d->envelope, s);
	if (d->envelope->spawn != SPAWN_SYNC) {
		residents_settle(r, x);
		return x;
	}
	x->claimed = true;
	if (residents_begin(r, x, &err) == 0)
		return x;
	residents_refuse(d->answer, SEND_DONE, FAILURE_INITIALIZATION, err.text);
	return NULL;
}

/* ---- room ---- */

static bool is_full(const struct residents *r, const struct resident *x)
{
	return x->mailbox.count >= r->how.mailbox_max || r->counts.queued >= r->how.queued_max;
}

/* Ends what will not be executed any more: it must not keep others out. */
static void end_late(struct residents *r, struct resident *x)
{
	struct send_answer a = {.at = residents_address(x)};
	residents_refuse(&a, SEND_LATE, FAILURE_TIMEOUT, "its deadline came first");
	for (struct letter *l; (l = mailbox_late(&x->mailbox, threads_us()));)
		residents_give_up(r, x, l, &a);
}

static bool has_room(struct residents *r, struct resident *x)
{
	if (is_full(r, x))
		end_late(r, x);
	return !is_full(r, x);
}

/* ---- waiting ---- */

/* Most is done at once: looking for a moment costs less than a sleep. */
static void look_for_end(struct residents *r, struct letter_wait *w)
{
	pthread_mutex_unlock(&r->lock);
	for (int i = 0; i < LOOKS && !atomic_load(&w->ended); i++)
		threads_relax();
	pthread_mutex_lock(&r->lock);
}

/* The deadline has come; the letter is still there, since nobody has ended the wait. */
static void leave(struct residents *r, struct resident *x, struct letter *l)
{
	struct send_answer a = {.at = residents_address(x), .begun = l->taken};
	if (l->taken) {
		residents_refuse(&a, SEND_LATE, FAILURE_TIMEOUT,
			"the worker has begun with it and goes on; its effect is not known here");
		a.number = l->number;
		*l->wait->answer = a;
		l->wait = NULL;
		return;
	}
	mailbox_take(&x->mailbox, l);
	residents_refuse(&a, SEND_LATE, FAILURE_TIMEOUT, "its deadline came first");
	residents_give_up(r, x, l, &a);
}

/* Until the letter has ended or its deadline has come. */
static void wait_for(struct residents *r, struct resident *x, struct letter *l, enum ack ack,
	struct send_answer *answer)
{
	struct letter_wait w = {.answer = answer, .ack = ack};
	int64_t deadline_us = l->deadline_us;
	threads_cond_init(&w.moved);
	l->wait = &w;
	look_for_end(r, &w);
	w.asleep = true;
	while (!atomic_load(&w.ended))
		if (!threads_wait(&w.moved, &r->lock, deadline_us) && !atomic_load(&w.ended)) {
			leave(r, x, l);
			break;
		}
	pthread_cond_destroy(&w.moved);
}

/* ---- delivering ---- */

static void post(struct residents *r, struct resident *x, struct delivery *d)
{
	bool up = x->life.state == LIFECYCLE_READY || x->life.state == LIFECYCLE_BUSY;
	struct letter *l = mem_new(1, sizeof *l);
	l->order = d->order;
	l->deadline_us = d->deadline_us;
	l->number = ++r->counts.accepted;
	(void)mailbox_put(&x->mailbox, l, r->how.mailbox_max);
	r->counts.queued++;
	r->counts.buffered += !up || x->moving;
	x->leaving = false;
	/* Who wants a worker that is up first waits for one that others are starting too. */
	if (d->envelope->spawn == SPAWN_SYNC && !up && d->ack < ACK_PROCESS)
		d->ack = ACK_PROCESS;
	d->answer->number = l->number;
	if (!x->claimed)
		residents_settle(r, x);
	if (d->ack >= ACK_PROCESS)
		wait_for(r, x, l, d->ack, d->answer);
}

static void accept(struct delivery *d, const struct resident *x)
{
	d->answer->status = SEND_ACCEPTED;
	d->answer->ok = true;
	d->answer->at = residents_address(x);
}

/* True when the sender looks for the worker where it is not, or no longer. */
static bool is_misaddressed(const struct envelope *e, const struct resident *x)
{
	const struct address at = residents_address(x);
	return !e->sticky && e->at.known && (e->at.node != at.node || e->at.segment != at.segment);
}

static void deliver(struct residents *r, struct delivery *d)
{
	struct resident *x = registry_find(&r->registry, &d->envelope->recipient);
	bool found = x != NULL;
	if (!x && !r->stopping)
		x = spawn(r, d);
	/* asked again: starting one lets go of the lock */
	if (r->stopping)
		residents_refuse(d->answer, SEND_UNAVAILABLE, FAILURE_REFUSED, "the pool stops");
	if (!x || r->stopping)
		return;
	r->counts.rerouted += found && is_misaddressed(d->envelope, x);
	accept(d, x);
	if (d->order.kind == ORDER_COUNT)
		return;
	if (has_room(r, x))
		post(r, x, d);
	else
		residents_refuse(d->answer, SEND_FULL, FAILURE_REFUSED,
			"too many messages wait already; ask again when some are done");
}

void residents_send(struct residents *r, const struct envelope *e, struct send_answer *answer)
{
	struct err err = {0};
	struct delivery d = {.envelope = e, .ack = envelope_ack(e), .answer = answer};
	*answer = (struct send_answer){0};
	if (envelope_read(e, &d.order, &err)) {
		residents_refuse(answer, SEND_BAD, FAILURE_OPERATION, err.text);
		return;
	}
	d.deadline_us =
		threads_us() + (e->timeout_ms > 0 ? e->timeout_ms : ENVELOPE_TIMEOUT_MS) * 1000;
	pthread_mutex_lock(&r->lock);
	r->inside++;
	deliver(r, &d);
	r->counts.refused += !answer->ok && answer->number == 0;
	if (--r->inside == 0 && r->stopping)
		pthread_cond_signal(&r->left);
	pthread_mutex_unlock(&r->lock);
}

struct address residents_find(struct residents *r, const struct ref *ref)
{
	pthread_mutex_lock(&r->lock);
	const struct resident *x = registry_find(&r->registry, ref);
	struct address at = x ? residents_address(x) : (struct address){0};
	pthread_mutex_unlock(&r->lock);
	return at;
}
